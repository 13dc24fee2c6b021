"""What is started, and with what the secret is read."""

import os
import shutil
import stat
from pathlib import Path

import pytest

from .answers import Answers, value
from .starting import LAYER, NODE, WRAPPER, Runtime, Secret, expected, start

# Says what it was started with, then starts that.
NEXT = '#!/bin/bash\nprintf "next: %s\\n" "$AWS_LAMBDA_EXEC_WRAPPER" "$@" >&2\nexec "$@"\n'


@pytest.fixture
def unpacked(tmp_path: Path) -> Path:
    """The layer in a folder of its own, with another layer's wrapper beside ours."""
    root = shutil.copytree(LAYER, tmp_path / "opt")
    (root / "next_wrapper").write_text(NEXT)
    (root / "next_wrapper").chmod(0o755)
    return root


def test_the_files_of_the_layer_are_what_lambda_needs() -> None:
    files = {path.relative_to(LAYER).as_posix(): path for path in LAYER.rglob("*") if path.suffix != ".pyc"}
    assert {name for name, path in files.items() if path.is_file()} == {
        *("warden/exec_wrapper", "warden/become.py", "warden/become.rb", "warden/fetch.cjs"),
    }
    for path in files.values():
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode & 0o005 == 0o005 if path.is_dir() or path == WRAPPER else mode & 0o004, path
    assert WRAPPER.read_bytes().startswith(b"#!/bin/bash -p\n")
    assert all(b"\r" not in path.read_bytes() for path in files.values() if path.is_file())


def test_another_wrapper_is_started_with_the_values(runtime: Runtime, secret: Secret, unpacked: Path) -> None:
    environment = secret.moved("API_KEY", WARDEN_NEXT_WRAPPER="/opt/next_wrapper")
    command = runtime.program(runtime.environ)
    started = start(command, environment, wrapper=unpacked / "warden" / "exec_wrapper")
    assert started.log.splitlines() == [f"next: {word}" for word in ("/opt/next_wrapper", *command)]
    there = [entry for entry in started.environment if not entry.startswith((b"SHLVL=", b"PWD=", b"_=", b"OLDPWD="))]
    ours = b"AWS_LAMBDA_EXEC_WRAPPER=/opt/next_wrapper"
    assert there == sorted([*expected(environment, {"API_KEY": "key"}), ours])


def test_another_wrapper_is_started_when_nothing_was_moved(runtime: Runtime, unpacked: Path) -> None:
    environment = {"WARDEN_NEXT_WRAPPER": str(unpacked / "next_wrapper")}
    started = start(runtime.program(runtime.environ), environment)
    assert f"AWS_LAMBDA_EXEC_WRAPPER={unpacked}/next_wrapper".encode() in started.environment


def test_another_wrapper_gets_signals_as_they_were(runtime: Runtime, secret: Secret, unpacked: Path) -> None:
    # Without another process: bash blocks signals for a moment while it starts one.
    own_signals = 'while read -r line; do [[ $line == Sig[IB]* ]] && echo "$line"; done </proc/self/status'
    (unpacked / "next_wrapper").write_text(f"#!/bin/bash\n{own_signals}\n")
    wrapper = unpacked / "warden" / "exec_wrapper"
    environment = secret.moved("API_KEY", WARDEN_NEXT_WRAPPER="/opt/next_wrapper")
    started = start(runtime.program(runtime.environ), environment, wrapper=wrapper)
    assert started.output.count(b"Sig") == 2
    assert started.output == start([], {}, wrapper=unpacked / "next_wrapper").output


def test_another_wrapper_that_is_not_there_is_named(runtime: Runtime, secret: Secret, unpacked: Path) -> None:
    environment = secret.moved("API_KEY", WARDEN_NEXT_WRAPPER="/opt/none")
    started = start(runtime.program(runtime.environ), environment, wrapper=unpacked / "warden" / "exec_wrapper")
    assert started.code in (1, 127)
    assert f"{unpacked}/none" in started.log
    assert "No such file or directory" in started.log
    assert "key" not in started.log


def test_arguments_arrive_as_they_are(runtime: Runtime, secret: Secret) -> None:
    odd = ["", " ", "a b", "$(id)", "*", "'\"", "two\nlines", "--", "-x", "ü", "{{warden}}"]
    shown = {
        "python": "import sys; print(*map(ascii, sys.argv[1:]))",
        "node": "console.log(process.argv.slice(1))",
        "ruby": "p ARGV",
    }[runtime.name]
    command = [*runtime.program(shown), "--", *odd] if runtime.name != "python" else [*runtime.program(shown), *odd]
    started = start(command, secret.moved("API_KEY"))
    assert (started.code, started.output) == (0, start(command[1:], {}, wrapper=Path(command[0])).output)


@pytest.mark.parametrize("runtime_name", ["AWS_Lambda_java21", "AWS_Lambda_dotnet8", "AWS_Lambda_provided", ""])
def test_a_runtime_that_is_not_known_is_named(runtime_name: str) -> None:
    started = start(["/usr/bin/true"], {"AWS_EXECUTION_ENV": runtime_name} if runtime_name else {})
    said = "this exec wrapper knows the runtimes of Python, Node.js and Ruby, not "
    assert started.complaint == said + (runtime_name or "/usr/bin/true")


def test_a_program_of_another_name_is_started_too(runtime: Runtime, secret: Secret, tmp_path: Path) -> None:
    """Lambda's variable tells the language, and the interpreter is the one in PATH."""
    program = tmp_path / "bootstrap"
    program.write_text(f"#!/bin/bash -p\nexec -c {runtime.interpreter} {runtime.run} 'DONE'\n".replace("DONE", "0"))
    program.chmod(0o755)
    folder = tmp_path / "bin"
    folder.mkdir()
    name = {"python": "python3", "node": "node", "ruby": "ruby"}[runtime.name]
    (folder / name).symlink_to(Path(runtime.interpreter).resolve())
    told = {"python": "AWS_Lambda_python3.12", "node": "AWS_Lambda_nodejs22.x", "ruby": "AWS_Lambda_ruby3.4"}
    environment = secret.moved("API_KEY", AWS_EXECUTION_ENV=told[runtime.name], PATH=str(folder))
    assert start([str(program)], environment).code == 0
    lost = start([str(program)], {**environment, "PATH": "/nowhere"})
    assert lost.complaint == f"there is no {name} in PATH to read the secret with"


# What a function sets for itself must not reach the program that reads its secret.
@pytest.fixture
def hostile(tmp_path: Path) -> dict[str, str]:
    """Variables each of which would leave a file behind, or break any program, if it counted."""
    folder = tmp_path / "hostile"
    folder.mkdir()
    python = f"open({str(tmp_path / 'seen-')!r} + __name__ + str(__import__('os').getpid()), 'w')\n"
    for module in ("sitecustomize", "usercustomize", "json", "ssl", "socket", "http", "hmac"):
        (folder / f"{module}.py").write_text(python)
    node = f"require('fs').writeFileSync({str(tmp_path / 'seen-node')!r} + process.pid, '')\n"
    (folder / "hook.cjs").write_text(node)
    ruby = f"File.write({str(tmp_path / 'seen-ruby')!r} + Process.pid.to_s, '')\n"
    for name in ("hook", "json", "openssl"):
        (folder / f"{name}.rb").write_text(ruby)
    (folder / "hook.sh").write_text(f"echo > {tmp_path}/seen-bash\n")
    proxy = "http://127.0.0.1:1"
    return {
        "PYTHONPATH": str(folder),
        "PYTHONINSPECT": "1",
        "PYTHONSTARTUP": str(folder / "json.py"),
        "NODE_OPTIONS": f"--require {folder / 'hook.cjs'}",
        "NODE_PATH": str(folder),
        "RUBYOPT": f"-r{folder / 'hook.rb'}",
        "RUBYLIB": str(folder),
        "BASH_ENV": str(folder / "hook.sh"),
        "ENV": str(folder / "hook.sh"),
        **dict.fromkeys(("http_proxy", "HTTPS_PROXY", "ALL_PROXY"), proxy),
        "OPENSSL_CONF": "/nowhere",
    }


def test_only_the_runtime_gets_what_the_function_sets(
    runtime: Runtime, secret: Secret, hostile: dict[str, str], tmp_path: Path
) -> None:
    environment = secret.moved("API_KEY", **hostile)
    command = ["/usr/bin/env", "-0"] if shutil.which("env") == "/usr/bin/env" else []
    renamed = tmp_path / Path(runtime.interpreter).name
    renamed.write_text(
        f'#!/bin/bash -p\n[[ $1 == {runtime.run} ]] && exec {" ".join(command)}\nexec {runtime.interpreter} "$@"\n'
    )
    renamed.chmod(0o755)
    started = start([str(renamed), runtime.run], environment)
    kept = [entry for entry in started.environment if not entry.startswith((b"PWD=", b"SHLVL=", b"OLDPWD=", b"_="))]
    assert kept == expected(environment, {"API_KEY": "key"})
    assert list(tmp_path.glob("seen-*")) == []


def test_the_runtime_itself_obeys_them(
    runtime: Runtime, secret: Secret, hostile: dict[str, str], tmp_path: Path
) -> None:
    """Otherwise the test above could not fail."""
    own = {"python": "PYTHONPATH", "node": "NODE_OPTIONS", "ruby": "RUBYOPT"}[runtime.name]
    start(runtime.program("0"), secret.moved("API_KEY", **{own: hostile[own]}))
    assert list(tmp_path.glob("seen-*")) != []


def test_a_home_of_python_that_is_none_stops_the_runtime_only(answers: Answers) -> None:
    answers.script = [value(API_KEY="key")]
    environment = answers.environment("API_KEY", PYTHONHOME="/nowhere")
    started = start([os.path.realpath("/proc/self/exe"), "-c", "0"], environment)
    assert len(answers.requests) == 1
    assert started.code != 0
    assert "lambda-warden" not in started.log


def test_nothing_is_said_by_node_about_itself(secret: Secret) -> None:
    started = start([str(NODE), "-e", "0"], secret.moved("API_KEY"))
    assert (started.code, started.log) == (0, "")
