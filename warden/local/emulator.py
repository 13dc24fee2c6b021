"""Starting, steering and stopping the embedded AWS from another process.

with Emulator() as aws:
    aws.client("lambda", "111111111111").list_functions()
"""

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import boto3

import warden
from warden.local.calls import Call

_START_SECONDS = 30.0
_STOP_SECONDS = 5.0
_REGION = "us-east-1"
# What the server and its Lambda workers may see of this process's environment.
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")
# The AWS configuration of whoever runs this is none of the Lambda code's business.
_NO_CONFIGURATION = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}


class EmulatorError(RuntimeError):
    """The emulator did not start, or refused an instruction; the message says why."""


class Emulator:
    """An embedded AWS in its own process on 127.0.0.1. It ends with this process, however this one ends.

    ``concurrency`` is each account's limit, ``workers`` the number of asynchronous invocations at a time. Accounts
    exist by being named: a client of account 111111111111 acts as that account's root.
    """

    def __init__(
        self,
        concurrency: int = 1000,
        *,
        enforce_iam: bool = True,
        workers: int = 8,
        log_path: Path | None = None,
        port: int = 0,
    ) -> None:
        self._arguments = ["--concurrency", str(concurrency), "--workers", str(workers), "--port", str(port)]
        if not enforce_iam:
            self._arguments.append("--no-iam")
        self.log_path = log_path
        self._own_log = log_path is None
        self._process: subprocess.Popen[bytes] | None = None
        self._life: int | None = None
        self._scratch = ""
        self.port = 0
        self._clients: dict[tuple[str, str, str], Any] = {}

    # Life.

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start it and wait until it answers, some tenths of a second. Raises EmulatorError with the end of its log."""
        if self._process is not None:
            return
        self._scratch = tempfile.mkdtemp(prefix="warden-local-")
        if self._own_log:
            self.log_path = Path(self._scratch, "server.log")
        ready, ready_in_server = os.pipe()
        life_in_server, self._life = os.pipe()
        command = [sys.executable, "-m", "warden.local.server", *self._arguments]
        command += ["--ready-fd", str(ready_in_server), "--parent-fd", str(life_in_server)]
        command += ["--scratch", self._scratch]
        with Path(str(self.log_path)).open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 # our own module, arguments from above
                command,
                cwd=Path(warden.__file__).parent.parent,
                env={**{name: os.environ[name] for name in _INHERITED if name in os.environ}, **_NO_CONFIGURATION},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(ready_in_server, life_in_server),
                start_new_session=True,
            )
        os.close(ready_in_server)
        os.close(life_in_server)
        try:
            self.port = self._await_port(ready)
        except BaseException:
            self.stop()
            raise
        finally:
            os.close(ready)

    def _await_port(self, ready: int) -> int:
        readable, _, _ = select.select([ready], [], [], _START_SECONDS)
        answer = os.read(ready, 100) if readable else b""
        if not answer:
            reason = "ended" if readable else f"did not answer within {_START_SECONDS:.0f} s"
            raise EmulatorError(f"the embedded AWS {reason} while starting:\n{self.log_tail()}")
        return int(json.loads(answer)["port"])

    def stop(self) -> None:
        """Stop it and everything it started; safe to call twice."""
        process, self._process = self._process, None
        self._clients.clear()
        if process is not None:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(_STOP_SECONDS)
            with suppress(ProcessLookupError, PermissionError):  # the whole group may be gone already
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if self._life is not None:
            os.close(self._life)
            self._life = None
        shutil.rmtree(self._scratch, ignore_errors=True)

    def log_tail(self, lines: int = 30) -> str:
        """The end of the server's own log."""
        written = self.log_path is not None and self.log_path.exists()
        text = Path(str(self.log_path)).read_text(errors="replace") if written else ""
        return "\n".join(text.splitlines()[-lines:])

    # Clients.

    @property
    def endpoint(self) -> str:
        """Where it listens, as boto3's ``endpoint_url``."""
        return f"http://127.0.0.1:{self.port}"

    def session_env(self, account: str, region: str = _REGION) -> dict[str, str]:
        """Environment variables that make any SDK or command line act as this account's root."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": account,
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
        }

    def session(self, account: str, region: str = _REGION) -> boto3.Session:
        """A boto3 session of this account's root; give its clients ``endpoint_url=self.endpoint``."""
        return boto3.Session(aws_access_key_id=account, aws_secret_access_key="test", region_name=region)  # noqa: S106 # any secret is right here

    def client(self, service: str, account: str, region: str = _REGION) -> Any:
        """A boto3 client acting as this account's root; asked again, it is the same one."""
        key = (service, account, region)
        if key not in self._clients:
            session = self.session(account, region)
            self._clients[key] = session.client(service, endpoint_url=self.endpoint)  # type: ignore[call-overload] # the service is a variable
        return self._clients[key]

    # Steering.

    def reset(self) -> None:
        """Empty it: resources, recorded calls, faults; settings as at the start."""
        self._admin("POST", "reset", {})

    def configure(self, **settings: Any) -> None:
        """Change settings (see warden.local.settings.Settings), e.g. ``floor={account: 50}``, ``pending_seconds=2``."""
        self._admin("POST", "settings", settings)

    def send_event(
        self, event: dict[str, Any], account: str | None = None, region: str | None = None, bus: str = "default"
    ) -> str:
        """Put one complete EventBridge event, of any source, on an account's bus as it is. Returns its id."""
        where = {"account": account, "region": region, "bus": bus}
        return str(self._admin("POST", "events", event, **where)["id"])

    def calls(self, **filters: str) -> list[Call]:
        """Recorded API calls, oldest first, whose fields equal the filters, e.g. ``operation="GetFunction"``."""
        return [Call(**found) for found in self._admin("GET", "calls", None, **filters)]

    def clear_calls(self) -> None:
        """Forget the recorded calls."""
        self._admin("DELETE", "calls", {})

    def fault(
        self,
        operation: str,
        *,
        account: str | None = None,
        resource: str | None = None,
        principal: str | None = None,
        times: int = 1,
        status: int = 429,
        code: str = "TooManyRequestsException",
        message: str = "Rate exceeded",
        delay: float = 0.0,
        retry_after: float | None = None,
        after: bool = False,
    ) -> None:
        """Make the next matching calls fail; fields as in warden.local.faults.Fault.

        The operation is botocore's ("lambda:Invoke") or the IAM action ("lambda:InvokeFunction"). Deliveries of
        EventBridge are matched too, as calls of events.amazonaws.com ("sqs:SendMessage", "lambda:InvokeFunction") or of
        the target's role ("events:PutEvents").
        """
        given = {name: value for name, value in locals().items() if name != "self"}
        self._admin("POST", "faults", given)

    def clear_faults(self) -> None:
        """Disarm every fault."""
        self._admin("DELETE", "faults", {})

    def set_alarm(self, account: str, alarm_name: str, state: str, region: str = _REGION) -> None:
        """SetAlarmState, which puts the state change on the account's default bus."""
        cloudwatch = self.client("cloudwatch", account, region)
        cloudwatch.set_alarm_state(AlarmName=alarm_name, StateValue=state, StateReason="set for a test")

    def function_log(self, account: str, function: str, region: str = _REGION) -> str:
        """Everything a function has logged, oldest first."""
        return str(self._admin("GET", "logs", None, account=account, function=function, region=region))

    def dead_letters(self, account: str, queue: str, region: str = _REGION) -> list[dict[str, Any]]:
        """What a queue holds, without receiving it: ``body``, ``attributes``, ``received``."""
        return list(self._admin("GET", "messages", None, account=account, queue=queue, region=region))

    def idle(self, timeout: float = 10.0) -> bool:
        """Wait until nothing is queued, running or about to be delivered; False if that took too long."""
        return bool(self._admin("GET", "idle", None, timeout=str(timeout))["idle"])

    def _admin(self, method: str, name: str, document: Any, **query: str | None) -> Any:
        given = {key: value for key, value in query.items() if value is not None}
        url = f"{self.endpoint}/_warden/{name}?{urlencode(given)}"
        body = None if document is None else json.dumps(document).encode()
        try:
            with urlopen(Request(url, body, method=method), timeout=120) as answer:  # noqa: S310 # always http on 127.0.0.1
                return json.load(answer)
        except HTTPError as error:
            raise EmulatorError(json.load(error).get("error", str(error))) from error
