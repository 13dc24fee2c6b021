"""The runtime sees the environment it saw before its values were moved, byte for byte."""

import json
import os
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .starting import MARKER, NODEJS, OURS, WRAPPER, Runtime, Secret, entries, expected, start

AWKWARD = [
    "",
    " ",
    'it\'s "quoted" `id` $(id) ${HOME} \\ \\\\',
    "two\nlines\n\n",
    "\ttab\r\n",
    "a|b=c&d;e<f>g*?[h]{i,j}~",
    "(a b)",
    "pässwörd – 密码 🔑",
    "\x01\x02\x1b\x7f",
    "%s%n",
    "-n",
    "--",
    "a[$(touch pwned)]",
    MARKER + " ",
    "0x10",
    "x" * 4000,
]
# What bash gives a meaning of its own.
SPECIAL = [
    *("BASH", "BASHPID", "BASH_ARGV0", "BASH_COMMAND", "BASH_COMPAT", "BASH_ENV", "BASH_SUBSHELL", "CDPATH", "COLUMNS"),
    *("COMP_WORDBREAKS", "DIRSTACK", "ENV", "EPOCHREALTIME", "EPOCHSECONDS", "EXECIGNORE", "FIGNORE", "FUNCNAME"),
    *("FUNCNEST", "GLOBIGNORE", "GROUPS", "HISTCMD", "HISTFILE", "HOME", "HOSTNAME", "IFS", "IGNOREEOF", "LANG"),
    *("LC_ALL", "LC_CTYPE", "LINENO", "MAIL", "OLDPWD", "OPTERR", "OPTIND", "PATH", "POSIXLY_CORRECT"),
    *("PS4", "PWD", "RANDOM", "REPLY", "SECONDS", "SHELL", "SRANDOM", "TERM", "TIMEFORMAT", "TMOUT", "TMPDIR", "TZ"),
    *("BASH_ALIASES", "BASH_CMDS", "BASH_EXECUTION_STRING", "BASH_LOADABLES_PATH", "BASH_MONOSECONDS", "BASH_REMATCH"),
    *("BASH_VERSION", "CHILD_MAX", "COMPREPLY", "COPROC", "HOSTTYPE", "INPUTRC", "MACHTYPE", "MAPFILE", "OSTYPE"),
]
KEPT_BY_BASH = [
    *("BASHOPTS", "BASH_VERSINFO", "BASH_XTRACEFD", "HISTFILESIZE", "PIPESTATUS", "PPID", "SHELLOPTS", "SHLVL"),
]

# Node itself crashes where a locale's name is a run of odd bytes, with or without a wrapper.
LOCALES = ("LANG", "LC_ALL", "LC_CTYPE")
names = st.from_regex(r"[a-zA-Z][a-zA-Z0-9_]{1,11}", fullmatch=True) | st.sampled_from(
    [name for name in SPECIAL if name not in LOCALES]
)
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60)
values = texts | st.sampled_from(AWKWARD[:-1])


def test_a_moved_value_is_back_under_its_name(runtime: Runtime, secret: Secret) -> None:
    started = start(runtime.program(runtime.environ), secret.moved("DB_PASSWORD", STAGE="prod"))
    assert started.environment == expected(secret.environment, {"DB_PASSWORD": "pass word", "STAGE": "prod"})
    assert started.log == ""


@pytest.mark.parametrize("value", AWKWARD, ids=lambda value: repr(value)[:20])
def test_an_awkward_value_survives(value: str, runtime: Runtime, secret: Secret) -> None:
    secret.put(json.dumps({"DB_PASSWORD": value}))
    environment = secret.moved("DB_PASSWORD")
    started = start(runtime.program(runtime.environ), environment)
    assert started.environment == expected(environment, {"DB_PASSWORD": value})
    assert not Path("pwned").exists()


def test_every_special_name_of_bash_can_be_moved(runtime: Runtime, secret: Secret) -> None:
    moved = {name: f"0 $(id) {name}" for name in SPECIAL}
    secret.put(json.dumps(moved))
    environment = secret.moved(*SPECIAL)
    started = start(runtime.program(runtime.environ), environment)
    assert started.environment == expected(environment, moved)
    # Bash speaks of the marker while it starts, when the locale was moved. It never speaks of a value.
    assert "$(id)" not in started.log


def test_every_special_name_of_bash_may_stay(runtime: Runtime, secret: Secret, tmp_path: Path) -> None:
    history = tmp_path / "history"
    history.write_text("one\ntwo\n")
    plain = {name: f"0 $(id) {name}" for name in [*SPECIAL, *KEPT_BY_BASH, "UID", "EUID"]}
    plain |= {
        "HISTFILE": str(history),
        "HISTFILESIZE": "0",
        "BASH_XTRACEFD": "2",
        "SHELLOPTS": "xtrace",
        "TMOUT": "0.01",
    }
    environment = {**secret.moved("DB_PASSWORD"), **plain}
    started = start(runtime.program(runtime.environ), environment)
    assert started.environment == expected(environment, {"DB_PASSWORD": "pass word"})
    assert history.read_text() == "one\ntwo\n"


def test_a_name_that_bash_keeps_cannot_be_moved_with_node_only(runtime: Runtime, secret: Secret) -> None:
    for name in KEPT_BY_BASH:
        secret.put(json.dumps({name: "value"}))
        started = start(runtime.program(runtime.environ), secret.moved(name))
        if runtime.name != NODEJS.name:
            assert started.environment == expected(secret.environment, {name: "value"})
        else:
            said = f"{name} cannot be set from {secret.arn}: bash keeps this name for itself"
            assert started.code == 1
            # Bash itself speaks of the marker where it looks for the number of a descriptor.
            assert started.log.splitlines()[-1] == f"lambda-warden: {said}"


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    moved=st.dictionaries(names, values, max_size=5),
    plain=st.dictionaries(names, st.binary(max_size=60).filter(lambda value: b"\0" not in value), max_size=5),
)
def test_whatever_it_is_every_byte_survives(
    moved: dict[str, str], plain: dict[str, bytes], runtime: Runtime, secret: Secret
) -> None:
    secret.put(json.dumps(moved))
    before = {os.fsencode(name): value.encode() for name, value in secret.environment.items()}
    before |= {name.encode(): value for name, value in plain.items()}
    started = start(runtime.program(runtime.environ), {**before, **{name.encode(): MARKER.encode() for name in moved}})
    after = {**before, **{name.encode(): value.encode() for name, value in moved.items()}}
    wanted = sorted(name + b"=" + value for name, value in after.items() if name.decode() not in OURS)
    assert started.environment == wanted


def test_what_bash_would_add_is_not_there(runtime: Runtime, secret: Secret) -> None:
    started = start(runtime.program(runtime.environ), secret.moved("API_KEY"))
    there = {entry.split(b"=")[0] for entry in started.environment}
    assert there & {b"SHLVL", b"_", b"PWD", b"OLDPWD"} == set()


def test_values_that_nobody_asks_for_stay_where_they_are(runtime: Runtime, secret: Secret) -> None:
    started = start(runtime.program(runtime.environ), secret.moved("API_KEY", DB_PASSWORD="another"))
    assert started.environment == expected(secret.environment, {"API_KEY": "key", "DB_PASSWORD": "another"})


def test_only_a_whole_marker_stands_for_a_value(runtime: Runtime, secret: Secret) -> None:
    plain = {"URL": f"https://{MARKER}", "AFTER": f"{MARKER}\n"}
    environment = secret.moved("API_KEY", **plain)
    started = start(runtime.program(runtime.environ), environment)
    assert started.environment == expected(environment, {"API_KEY": "key"})


def test_without_anything_moved_nothing_is_read(runtime: Runtime, secret: Secret) -> None:
    unreachable = {**secret.environment, "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
    assert start(runtime.program(runtime.environ), unreachable).environment == expected(unreachable, {})
    bare = {"STAGE": "prod"}
    assert start(runtime.program(runtime.environ), bare).environment == [b"STAGE=prod"]


def test_the_process_is_the_one_that_was_started(runtime: Runtime, secret: Secret) -> None:
    """Lambda waits for, and signals, the process it started; whatever that inherited is as it was."""
    environment = secret.moved("API_KEY")
    read, write = os.pipe()
    try:
        program = [runtime.interpreter, runtime.run, WAITING[runtime.name]]
        assert _facts([str(WRAPPER), *program], environment, read) == _facts(program, environment, read)
    finally:
        os.close(read)
        os.close(write)


WAITING = {
    "python": "import sys; print(flush=True); sys.stdin.read()",
    # What Node opens to read is open once its event loop has gone round.
    "node": "process.stdin.resume(); setImmediate(() => fs.writeSync(1, '\\n'))",
    "ruby": "$stdout.puts; $stdout.flush; $stdin.read",
}


def _facts(command: list[str], environment: dict[str, str], descriptor: int) -> dict[str, object]:
    """What a process is that was started with one more descriptor, as soon as it has printed a line."""
    process = subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=[descriptor], cwd="/usr"
    )
    assert process.stdin
    assert process.stdout
    with process:
        process.stdout.readline()
        proc = Path(f"/proc/{process.pid}")
        status = dict(line.split(":\t", 1) for line in (proc / "status").read_text().splitlines())
        facts: dict[str, object] = {name: status[name] for name in ("SigIgn", "SigBlk", "SigCgt", "Umask", "PPid")}
        facts |= {name: (proc / name).readlink() for name in ("cwd", "exe")}
        facts["arguments"] = (proc / "cmdline").read_bytes()
        facts["descriptors"] = sorted(path.name for path in (proc / "fd").iterdir())
        facts["children"] = _children(process.pid)
        process.stdin.close()
    return facts


def _children(parent: int) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended meanwhile
            name, _, rest = path.read_text().rpartition(")")
            if int(rest.split()[1]) == parent:
                found.append(name)
    return found


def test_entries_are_compared_as_bytes() -> None:
    """Otherwise none of the tests above could fail."""
    assert entries(b"B=2\0A=\xff\n\0") == [b"A=\xff\n", b"B=2"]
