"""The processes that run Lambda code.

What the engine gets wrong: it waits 50 ms for log lines that a silent handler never writes and may miss late ones,
ends the execution environment after every exception, reports each as "Runtime.HandlerError", and kills an invocation
that runs while its function is changed. AWS documentation: "Lambda execution environment lifecycle", "Lambda function
errors in Python" and "Lambda function states" (an update leaves what runs alone).
"""

import queue
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from warden.local.patching import MissingPrivateNameError, replace

_LOG_SECONDS = 0.25
# Written to the log stream when an invocation has ended; a line no handler writes.
_END_OF_LOG = "\x1fend of invocation\x1f"
# Key of a result that is in fact an exception.
_RAISED = "\x1fraised\x1f"

_ENDING = """        except Exception as e:
            _real_stdout.write(json.dumps({"status": "error", "error": str(e), "trace": traceback.format_exc()}) + "\\n")
        _real_stdout.flush()
"""  # noqa: E501 # verbatim
_OUR_ENDING = f"""        except Exception as e:
            _frames = traceback.format_list(traceback.extract_tb(e.__traceback__)[1:])
            _real_stdout.write(json.dumps({{"status": "ok", "result": {{{_RAISED!r}: {{
                "errorMessage": str(e), "errorType": type(e).__name__, "requestId": context.aws_request_id,
                "stackTrace": _frames, "trace": traceback.format_exc()}}}}}}) + "\\n")
        sys.stderr.write({_END_OF_LOG!r} + "\\n")
        sys.stderr.flush()
        _real_stdout.flush()
"""

_last = threading.local()


def install() -> None:
    """Change the Python worker's ending and how its answer is read."""
    script = lambda_runtime._PYTHON_WORKER_SCRIPT
    if script.count(_ENDING) != 1:
        raise MissingPrivateNameError("the engine's Python worker ends an invocation differently; check its version")
    lambda_runtime._PYTHON_WORKER_SCRIPT = script.replace(_ENDING, _OUR_ENDING)
    replace(lambda_runtime.Worker, "_drain_stderr_bounded", _draining)
    replace(lambda_runtime.Worker, "invoke", _unwrapping)
    replace(lambda_svc, "_execute_function_warm", _naming_the_error)
    replace(lambda_runtime, "kill_workers", _letting_the_busy_finish)
    replace(lambda_svc, "invalidate_worker", _invalidating)


def _invalidating(original: Callable[..., None]) -> Callable[..., None]:
    """Mark the ends that come with a change of the function; a reset ends everything at once."""

    def invalidate(*args: Any, **kwargs: Any) -> None:
        _last.changing = True
        try:
            original(*args, **kwargs)
        finally:
            _last.changing = False

    return invalidate


def _letting_the_busy_finish(original: Callable[..., None]) -> Callable[..., None]:
    """End idle environments now, and busy ones when their invocation has ended."""

    def kill(workers: Iterable[Any]) -> None:
        found = [worker for worker in workers if worker is not None]
        busy = [w for w in found if getattr(_last, "changing", False) and w._lock.locked()]
        original([worker for worker in found if worker not in busy])
        for worker in busy:
            threading.Thread(target=_kill_when_free, args=(original, worker), daemon=True).start()

    return kill


def _kill_when_free(kill: Callable[..., None], worker: Any) -> None:
    with worker._lock:
        kill([worker])


def _draining(original: Callable[..., str]) -> Callable[..., str]:
    """Read the log up to the marker; other languages' workers write none."""

    def drain(worker: Any) -> str:
        if not str(worker.config.get("Runtime", "python")).startswith("python"):
            return original(worker)
        lines: list[str] = []
        deadline = time.monotonic() + _LOG_SECONDS
        while (left := deadline - time.monotonic()) > 0:
            try:
                line = worker._stderr_queue.get(timeout=left)
            except queue.Empty:
                break
            if line == _END_OF_LOG:
                break
            lines.append(line)
        return "\n".join(lines)

    return drain


def _unwrapping(original: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Turn a raised exception back into an error, now that it has not cost the process."""

    def invoke(worker: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        answer = original(worker, *args, **kwargs)
        result = answer.get("result")
        _last.raised = result[_RAISED] if isinstance(result, dict) and _RAISED in result else None
        if _last.raised:
            trace = _last.raised.pop("trace")
            return {**answer, "status": "error", "error": _last.raised["errorMessage"], "trace": trace}
        return answer

    return invoke


def _naming_the_error(original: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def execute(*args: Any) -> dict[str, Any]:
        _last.raised = None
        result = original(*args)
        if result.get("error") and _last.raised:
            result["body"] = _last.raised
        return result

    return execute
