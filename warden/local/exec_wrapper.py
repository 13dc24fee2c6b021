"""Starting a function's process through the wrapper script that its environment names, out of its layers.

What the engine gets wrong: it ignores `AWS_LAMBDA_EXEC_WRAPPER`, forgets which files of a layer may be executed, and
hands the configured variables to the process a second time, past whatever a wrapper made of them. AWS documentation:
"Modifying the runtime environment" (Lambda starts the wrapper with the interpreter and its arguments) and "Packaging
your layer content" (layers are laid over one another in `/opt`).

`/opt` itself is not ours to write on a developer's machine: a folder stands for it, and only the path by which the
wrapper is started is translated. Variables are not.
"""

import os
import shutil
import subprocess
import threading
import types
import uuid
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from warden.local.patching import MissingPrivateNameError, replace

WRAPPER = "AWS_LAMBDA_EXEC_WRAPPER"
# Each language's worker, and where it sets the variables that it was started with once more.
_SETS_VARIABLES_AGAIN = {
    "_PYTHON_WORKER_SCRIPT": "    os.environ.update(env)\n",
    "_NODEJS_WORKER_SCRIPT": "      Object.assign(process.env, env || {});\n",
}
_EXITED = "Worker process exited immediately. stderr: "
_last = threading.local()
# A new process has, until it becomes the program, every file open that any thread is writing; nobody may execute a file
# that is open for writing ("text file busy"). So no process is started while a wrapper is being written.
_starts = threading.Lock()


class StartError(RuntimeError):
    """The process ended before it was ready; `log` is what it wrote."""

    def __init__(self, status: int | None, log: str) -> None:
        super().__init__(f"RequestId: {uuid.uuid4()} Error: Runtime exited with error: exit status {status}")
        self.log = log


def install() -> None:
    """Start every Python and Node worker as Lambda would."""
    for name, again in _SETS_VARIABLES_AGAIN.items():
        script = getattr(lambda_runtime, name)
        if script.count(again) != 1:
            raise MissingPrivateNameError(f"{name} reads its variables differently; check the engine's version")
        setattr(lambda_runtime, name, script.replace(again, ""))
    # The engine has one call to start a process, and no other place where its arguments can be changed.
    replace(lambda_runtime, "subprocess", _starting)
    replace(lambda_runtime.Worker, "_spawn", _spawning)
    replace(lambda_svc, "_execute_function_warm", _naming)


def _starting(original: types.ModuleType) -> types.ModuleType:
    shim = types.ModuleType("subprocess")
    shim.__dict__.update(original.__dict__)
    shim.__dict__["Popen"] = _popen
    return shim


def _popen(command: list[str], **options: Any) -> subprocess.Popen[Any]:
    environment = options.get("env") or {}
    wrapper = environment.get(WRAPPER, "")
    with _starts:
        if wrapper and len(command) == 2 and Path(command[1]).name.startswith("_worker"):
            command = [_translated(wrapper, Path(command[1]).parent), *command]
        try:
            return subprocess.Popen(command, **options)  # noqa: S603 - the function is the developer's own
        except OSError as error:
            raise StartError(127, f"{command[0]}: {error.strerror}") from None


def _translated(wrapper: str, folder: Path) -> str:
    """Return where a wrapper is, once the layers below a worker's folder are laid over one another."""
    opt = folder / "opt"
    opt.mkdir(exist_ok=True)
    for number in range(len(list(folder.glob("layer_*.zip")))):
        with zipfile.ZipFile(folder / f"layer_{number}.zip") as archive:
            for entry in archive.infolist():
                _lay(archive, entry, opt)
    return str(opt / wrapper.removeprefix("/opt/")) if wrapper.startswith("/opt/") else wrapper


def _lay(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, opt: Path) -> None:
    target = opt / entry.filename
    if not target.resolve().is_relative_to(opt.resolve()):
        return
    if entry.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)  # an earlier layer's file may be one that its owner must not write
    with archive.open(entry) as source, target.open("wb") as sink:
        shutil.copyfileobj(source, sink)
    mode = entry.external_attr >> 16 & 0o777
    os.chmod(target, mode or 0o644)  # noqa: PTH101 - the mode is a number as zip files have it


def _spawning(original: Callable[[Any], None]) -> Callable[[Any], None]:
    """Tell of a process that ended at once as Lambda does, with its last words in the log."""

    def spawn(worker: Any) -> None:
        try:
            original(worker)
        except StartError as error:
            _last.error = error
            raise
        except (RuntimeError, BrokenPipeError) as error:
            if not _ended(worker, error):
                raise
            _last.error = StartError(worker._proc.wait(5), _last_words(worker, error))
            raise _last.error from None

    return spawn


def _naming(original: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Give the error its name in Lambda, where the engine shows Python's."""

    def execute(*arguments: Any) -> dict[str, Any]:
        _last.error = None
        result = original(*arguments)
        if _last.error is None or not result.get("error"):
            return result
        body = {"errorType": "Runtime.ExitError", "errorMessage": str(_last.error)}
        return {**result, "body": body, "log": _last.error.log}

    return execute


def _ended(worker: Any, error: Exception) -> bool:
    return worker._proc is not None and (isinstance(error, BrokenPipeError) or str(error).startswith(_EXITED))


def _last_words(worker: Any, error: Exception) -> str:
    """Return what the process wrote; the engine's own reader races another thread for it."""
    if worker._stderr_thread is not None:
        worker._stderr_thread.join(1)
    rest = str(error).removeprefix(_EXITED).strip() if str(error).startswith(_EXITED) else ""
    return "\n".join(filter(None, (worker._drain_stderr(), rest)))
