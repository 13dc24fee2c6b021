"""No value of a secret is written to a file, given as an argument, or logged. Linux's strace watches."""

import json
import re
import shutil
from pathlib import Path

import pytest

from .starting import WRAPPER, Runtime, Secret, start

pytestmark = pytest.mark.system

VALUE = "canary".upper() * 3


def _traced(runtime: Runtime, environment: dict[str, str], log: Path) -> list[str]:
    """Every call that opens, writes or starts something."""
    strace = shutil.which("strace")
    assert strace
    calls = "trace=execve,open,openat,creat,write,writev,pwrite64,sendto,sendmsg,rename,renameat,memfd_create"
    options = ["-f", "-qq", "-v", "-s", "100000", "-e", calls, "-o", str(log)]
    started = start([*options, str(WRAPPER), *runtime.program("0")], environment, wrapper=Path(strace))
    assert started.code == 0, started.log
    assert VALUE not in started.log
    return log.read_text().splitlines()


def test_a_value_goes_nowhere_but_into_the_environment(runtime: Runtime, secret: Secret, tmp_path: Path) -> None:
    secret.put(json.dumps({"API_KEY": VALUE}))
    calls = _traced(runtime, {**secret.moved("API_KEY"), "PATH": "/usr/bin:/bin"}, tmp_path / "calls")
    # Opened for writing: no file. (/dev/fd is bash's way to say pipe.)
    writing = [call for call in calls if re.search(r"O_WRONLY|O_RDWR|O_CREAT", call)]
    assert {path for call in writing for path in re.findall('"(.*?)"', call)[:1]} <= {
        "/dev/tty",
        "/dev/null",
        "/dev/fd/63",
    }
    with_value = [call for call in calls if VALUE in call]
    started = [call for call in with_value if "execve(" in call]
    arguments = [re.sub(r"\], \[.*", "", call) for call in started]
    assert started
    assert not any(VALUE in call for call in arguments)
    # Node.js hands it to bash through a pipe.
    others = [call for call in with_value if call not in started]
    assert len(others) == (1 if runtime.name == "node" else 0), others
    assert all(re.search(r" write\(1, ", call) for call in others)


def test_a_start_that_fails_tells_no_value(runtime: Runtime, secret: Secret) -> None:
    secret.put(json.dumps({"API_KEY": VALUE, "DB_PASSWORD": {"in": VALUE}}))
    for names in (("API_KEY", "OTHER"), ("API_KEY", "DB_PASSWORD")):
        assert VALUE not in start(runtime.program("0"), secret.moved(*names)).complaint
    secret.put(f'{{"API_KEY": "{VALUE}", {VALUE}')
    assert VALUE not in start(runtime.program("0"), secret.moved("API_KEY")).complaint
