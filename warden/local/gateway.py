"""The HTTP front: every signed request passes here on its way to the engine and back.

It knows who calls what (for permissions and bus policies), injects faults, records the call and hands it to the trail.
"""

import asyncio
import json
import logging
import re
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from warden.local import cloudtrail, identity, lineage, permissions
from warden.local.calls import Call, CallLog
from warden.local.cloudtrail import Answer, Trail
from warden.local.current import CURRENT, CurrentCall
from warden.local.faults import Fault, Faults
from warden.local.operations import Operation, Request, identify
from warden.local.responses import error_answer

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

logger = logging.getLogger("warden.local")

_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/\d{8}/([^/]+)/([^/]+)/aws4_request")


@dataclass
class _Captured:
    """A response, held until it is recorded, so that whoever has the answer also finds the record of the call."""

    send: Send
    messages: list[Message] = field(default_factory=list)
    streaming: bool = False

    async def take(self, message: Message) -> None:
        """Hold a message, or pass it on when the answer is an event stream, which may have no end."""
        self.messages.append(message)
        if message["type"] == "http.response.start":
            self.streaming = "eventstream" in self.headers().get("content-type", "")
        if self.streaming:
            await self.send(message)

    async def release(self) -> None:
        """Send what was held."""
        for message in [] if self.streaming else self.messages:
            await self.send(message)

    def headers(self) -> dict[str, str]:
        """Response headers by small name."""
        pairs = [pair for message in self.messages[:1] for pair in message.get("headers", [])]
        return {key.decode().lower(): value.decode("latin-1") for key, value in pairs}

    def answer(self) -> Answer:
        """The whole answer; status 0 if there was none."""
        headers = self.headers()
        status = self.messages[0]["status"] if self.messages else 0
        body = b"".join(message.get("body", b"") for message in self.messages[1:])
        return Answer(status, headers, body, headers.get("x-amzn-requestid", ""))


class Gateway:
    """An ASGI application around the engine's."""

    def __init__(self, engine: Application, admin: Application, calls: CallLog, faults: Faults, trail: Trail) -> None:
        self._engine = engine
        self._admin = admin
        self._calls = calls
        self._faults = faults
        self._trail = trail
        # When everything was last emptied (seconds since the epoch): calls that began before are nobody's any more.
        self.emptied = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; what is not a signed AWS call goes to the engine untouched."""
        if scope["type"] != "http":
            await self._engine(scope, receive, send)
        elif scope["path"].startswith("/_warden/"):
            await self._admin(scope, receive, send)
        elif (signed := _CREDENTIAL.search(_headers(scope).get("authorization", ""))) is None:
            await self._engine(scope, receive, send)
        else:
            await self._call(scope, receive, send, *signed.groups())

    async def _call(self, scope: Scope, receive: Receive, send: Send, *signed: str) -> None:
        access_key, region, signing_name = signed
        started = time.time()
        body = await _body(receive)
        headers = _headers(scope)
        raw_path = scope.get("raw_path") or scope["path"].encode()
        query = scope.get("query_string", b"").decode()
        request = Request(scope["method"], raw_path.decode("ascii"), query, headers, body)
        current = CurrentCall(identify(signing_name, request), identity.of_access_key(access_key), region)
        CURRENT.set(current)
        lineage.arrived(headers.get("x-amzn-trace-id", ""))
        action, resource = _authorized_as(current)
        fault = self._fault(current, action, resource)
        if fault and fault.delay:
            await asyncio.sleep(fault.delay)
        captured = _Captured(send)
        if fault is None or fault.after:
            await self._engine(scope, _replay(body, receive), captured.take)
        elif fault.status:
            for message in _failure(fault, current.operation, headers):
                await captured.take(message)
        answer = captured.answer()
        lost = fault is not None and (fault.after or not fault.status)
        if started >= self.emptied:
            self._record(current, answer, started, action, resource, lost=lost)
            self._announce(current, answer, headers, scope)
        await (_lose(send) if lost else captured.release())

    def _announce(self, current: CurrentCall, answer: Answer, headers: dict[str, str], scope: Scope) -> None:
        if not answer.status or current.caller.type == "Unknown":
            return
        address = (scope.get("client") or ("127.0.0.1", 0))[0]
        try:
            self._trail.record(current, answer, headers.get("user-agent", ""), address)
        except Exception:
            logger.exception("no event for %s", current.operation)

    def _fault(self, current: CurrentCall, action: str, resource: str) -> Fault | None:
        names = (str(current.operation), action)
        return self._faults.take(names, current.caller.account, current.caller.arn, resource)

    def _record(
        self, current: CurrentCall, answer: Answer, started: float, action: str, resource: str, *, lost: bool
    ) -> None:
        parsed = cloudtrail.parsed_answer(current.operation, answer) if answer.status >= 300 else {}
        self._calls.add(
            Call(
                time=started,
                account=current.caller.account,
                region=current.region,
                principal_arn=current.caller.arn,
                service=current.operation.service,
                operation=current.operation.name,
                iam_action=action,
                resource=resource,
                status=0 if lost else answer.status,
                error_code=cloudtrail.error_of(parsed)[0],
                request_id=answer.request_id,
            )
        )


def _authorized_as(current: CurrentCall) -> tuple[str, str]:
    account = current.caller.account
    action = permissions.action_of(current.operation)
    return action, permissions.resource_of(current.operation, account, current.region) or _named_resource(current)


def _named_resource(current: CurrentCall) -> str:
    """A readable resource for services whose ARNs the engine builds itself."""
    given, account, region = current.operation.parameters, current.caller.account, current.region
    if url := given.get("QueueUrl"):
        owner, name = str(url).rstrip("/").split("/")[-2:]
        return f"arn:aws:sqs:{region}:{owner}:{name}"
    if table := given.get("TableName"):
        return str(table) if str(table).startswith("arn:") else f"arn:aws:dynamodb:{region}:{account}:table/{table}"
    for member in ("RoleArn", "SecretId", "TopicArn", "KeyId", "Bucket", "QueueName", "Name"):
        if member in given:
            return str(given[member])
    if entries := given.get("Entries"):
        return ",".join(
            sorted({str(entry.get("EventBusName", "default")) for entry in entries if isinstance(entry, dict)})
        )
    return "*"


def _headers(scope: Scope) -> dict[str, str]:
    return {key.decode("latin-1").lower(): value.decode("latin-1") for key, value in scope["headers"]}


async def _body(receive: Receive) -> bytes:
    chunks = []
    while True:
        message = await receive()
        chunks.append(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body"):
            return b"".join(chunks)


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def again() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _failure(fault: Fault, operation: Operation, headers: dict[str, str]) -> list[Message]:
    extra = {} if fault.retry_after is None else {"retry-after": str(fault.retry_after)}
    status, answered, body = error_answer(operation, headers, fault.status, fault.code, fault.message)
    wire = [(key.encode(), value.encode()) for key, value in {**answered, **extra}.items()]
    return [
        {"type": "http.response.start", "status": status, "headers": wire},
        {"type": "http.response.body", "body": body},
    ]


async def _lose(send: Send) -> None:
    """Promise a body and close the connection: the caller cannot know whether the call took effect."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"65536")]})
    await send({"type": "http.response.body", "body": b" ", "more_body": True})


async def answer_json(send: Send, status: int, value: Any) -> None:
    """Send a JSON document."""
    body = json.dumps(value, default=str).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
