"""Lambda's Runtime API, just enough for AWS's own client to start our code and hand it events.

Lambda developer guide, "Using the Lambda runtime API for custom runtimes": next invocation, invocation response and
error, initialization error.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.bench.bundles import Code
from warden.local.cloud import REGION

_START_SECONDS = 30.0
_ANSWER_SECONDS = 60.0


class ExecutionError(RuntimeError):
    """The code did not start, or an invocation failed; the text ends with its log."""


class Execution:
    """One execution environment: a process that runs code under `awslambdaric`. It ends with the `with` block.

    `init_ms` is the time from its start to its first request for an event; once it has ended, `cpu_ms` is all the
    processor time it took, and `memory_mb` its peak (0 where the operating system does not tell it).
    """

    def __init__(self, code: Code, runtime: Path, options: tuple[str, ...] = ()) -> None:
        self._code, self._runtime, self._options = code, runtime, options
        self.init_ms = self.cpu_ms = self.memory_mb = 0.0

    def __enter__(self) -> Self:
        self._log = tempfile.TemporaryFile()
        self._api = _RuntimeApi()
        started = time.perf_counter()
        self._process = subprocess.Popen(
            [sys.executable, "-S", *self._options, "-m", "awslambdaric", self._code.handler],
            cwd=self._code.task,
            env=environment(self._code, self._runtime, self._api.server_port),
            stdout=self._log,
            stderr=self._log,
        )
        try:
            self.init_ms = (self._api.first_request() - started) * 1000
        except BaseException as error:
            self._stop()
            raise ExecutionError(f"{self._code.handler} did not start: {error}\n{self.log()[-3000:]}") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()
        self._log.close()

    def invoke(self, event: object) -> tuple[float, Any]:
        """Hand over one event; return how long it took in milliseconds, and the handler's answer."""
        begun = time.perf_counter()
        outcome, body = self._api.invoke(json.dumps(event).encode())
        took = (time.perf_counter() - begun) * 1000
        if outcome != "response":
            raise ExecutionError(f"{self._code.handler} failed: {body.decode()[:1000]}\n{self.log()[-3000:]}")
        return took, json.loads(body)

    def log(self) -> str:
        """Return what the code has printed and logged so far."""
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    def _stop(self) -> None:
        self.memory_mb = _peak_memory(self._process.pid)
        self._process.kill()
        _, status, usage = os.wait4(self._process.pid, 0)
        self._process.returncode = os.waitstatus_to_exitcode(status)
        self.cpu_ms = (usage.ru_utime + usage.ru_stime) * 1000
        self._api.close()


def environment(code: Code, runtime: Path, port: int) -> dict[str, str]:
    """Return the variables of an execution environment: Lambda's own, then the function's."""
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "PYTHONPATH": os.pathsep.join(str(path) for path in (code.task, *code.layers, runtime)),
        # Lambda's file system is read-only: what comes without bytecode is compiled at every start.
        "PYTHONDONTWRITEBYTECODE": "1",
        "LAMBDA_TASK_ROOT": str(code.task),
        "LAMBDA_RUNTIME_DIR": str(runtime),
        "_HANDLER": code.handler,
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}",
        "AWS_LAMBDA_FUNCTION_NAME": "bench",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/bench",
        "AWS_LAMBDA_LOG_STREAM_NAME": "bench",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_SESSION_TOKEN": "bench",
        **(code.variables or {}),
    }


def _peak_memory(pid: int) -> float:
    """Return a process's peak memory in MB from Linux's /proc; `wait4` would tell its parent's where that is more."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    peak = next((line for line in status.splitlines() if line.startswith("VmHWM:")), "VmHWM: 0 kB")
    return int(peak.split()[1]) / 1024


class _RuntimeApi(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.waiting = queue.SimpleQueue[float | bytes]()
        self.events = queue.SimpleQueue[tuple[str, bytes] | None]()
        self.answers = queue.SimpleQueue[tuple[str, bytes]]()
        self.requested = False
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def first_request(self) -> float:
        """Wait for the first request for an event, and return when it came."""
        try:
            first = self.waiting.get(timeout=_START_SECONDS)
        except queue.Empty:
            raise TimeoutError(f"no request for an event within {_START_SECONDS:g} s") from None
        if not isinstance(first, float):
            raise ExecutionError(first.decode(errors="replace"))
        return first

    def invoke(self, body: bytes) -> tuple[str, bytes]:
        """Hand over an event; return what came back, `response` or `error`, and its body."""
        self.events.put((str(uuid.uuid4()), body))
        try:
            return self.answers.get(timeout=_ANSWER_SECONDS)
        except queue.Empty:
            return "error", f"no answer within {_ANSWER_SECONDS:g} s".encode()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing when a process that was stopped leaves its connection behind."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]  # typeshed wants a socket

    def close(self) -> None:
        self.events.put(None)
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body of an answer leave in one packet at once; else each waits for the other's acknowledgement.
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _RuntimeApi

    def log_message(self, *_arguments: object) -> None:
        return

    def do_GET(self) -> None:
        came = time.perf_counter()
        if not self.server.requested:
            self.server.requested = True
            self.server.waiting.put(came)
        event = self.server.events.get()
        if event is None:
            self.close_connection = True
            return
        request_id, body = event
        deadline = int((time.time() + _ANSWER_SECONDS) * 1000)
        self._answer(
            200,
            body,
            {
                "Lambda-Runtime-Aws-Request-Id": request_id,
                "Lambda-Runtime-Deadline-Ms": str(deadline),
                "Lambda-Runtime-Invoked-Function-Arn": f"arn:aws:lambda:{REGION}:000000000000:function:bench",
                "Content-Type": "application/json",
            },
        )

    def do_POST(self) -> None:
        body = self._body()
        *_, before, outcome = self.path.split("/")
        self._answer(202, b"", {})
        if before == "init":
            self.server.waiting.put(body)
        else:
            self.server.answers.put((outcome, body))

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        found = b""
        while size := int(self.rfile.readline(), 16):
            found += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return found
