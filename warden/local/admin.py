"""``/_warden/…``: what tests and the command line ask of a running emulator, as JSON over HTTP."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from ministack.core.responses import request_scope
from ministack.services import cloudwatch_logs, lambda_svc, sqs

from warden.local.buses import Buses
from warden.local.calls import CallLog, as_json
from warden.local.delivery import AsyncInvocations
from warden.local.faults import Faults
from warden.local.gateway import Message, Receive, Scope, Send, answer_json
from warden.local.queues import SqsSources
from warden.local.settings import Settings
from warden.local.timers import Timers

_POLL_SECONDS = 0.005
# While busy, looking costs the work it waits for.
_BUSY_SECONDS = 0.015
# Everything must be still for this long, because work moves between queues in between two looks.
_STILL_SECONDS = 0.025


class Admin:
    """The routes and what they act on. Handlers take (query, document) and return a JSON value."""

    def __init__(
        self,
        *,
        settings: Settings,
        calls: CallLog,
        faults: Faults,
        buses: Buses,
        timers: Timers,
        invocations: AsyncInvocations,
        sources: SqsSources,
        reset: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._calls = calls
        self._faults = faults
        self._buses = buses
        self._timers = timers
        self._invocations = invocations
        self._sources = sources
        self._reset = reset
        # Told the names of the settings that were just changed.
        self.on_settings: list[Callable[[set[str]], None]] = []
        self._routes: dict[tuple[str, str], Callable[[dict[str, str], Any], Any]] = {
            ("GET", "info"): lambda *_: {"name": "warden-local"},
            ("POST", "events"): self._event,
            ("GET", "calls"): lambda query, _: [as_json(call) for call in calls.find(query)],
            ("DELETE", "calls"): lambda *_: calls.clear(),
            ("POST", "faults"): lambda _, document: faults.add(document),
            ("DELETE", "faults"): lambda *_: faults.clear(),
            ("POST", "settings"): lambda _, document: self._set(document),
            ("GET", "logs"): lambda query, _: function_log(**query),
            ("GET", "messages"): lambda query, _: queue_messages(**query),
            ("POST", "reset"): lambda *_: self._reset(),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one admin request; a mistake in it is a 400 with the reason."""
        body = b""
        message: Message = {"more_body": True}
        while message.get("more_body"):
            message = await receive()
            body += message.get("body", b"")
        query = dict(parse_qsl(scope.get("query_string", b"").decode()))
        name = scope["path"].removeprefix("/_warden/").strip("/")
        if (scope["method"], name) == ("GET", "idle"):
            await answer_json(send, 200, {"idle": await self._idle(float(query.get("timeout", "10")))})
            return
        route = self._routes.get((scope["method"], name))
        if route is None:
            await answer_json(send, 404, {"error": f"no {scope['method']} /_warden/{name}"})
            return
        try:
            result = await asyncio.to_thread(route, query, json.loads(body or b"{}"))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            await answer_json(send, 400, {"error": str(error) or type(error).__name__})
        else:
            await answer_json(send, 200, result)

    def _event(self, query: dict[str, str], event: Any) -> dict[str, str]:
        account = query.get("account") or str(event.get("account", ""))
        region = query.get("region") or str(event.get("region") or "us-east-1")
        if not account:
            raise ValueError("the event names no account, and none was given")
        return {"id": self._buses.publish(account, region, event, query.get("bus", "default"))}

    def _set(self, values: dict[str, Any]) -> None:
        self._settings.change(values)
        for changed in self.on_settings:
            changed(set(values))

    async def _idle(self, timeout: float) -> bool:
        deadline, still_since = time.monotonic() + timeout, None
        while time.monotonic() < deadline:
            now = time.monotonic()
            if self._busy():
                still_since = None
            elif still_since is None:
                still_since = now
            elif now - still_since >= _STILL_SECONDS:
                return True
            await asyncio.sleep(_POLL_SECONDS if still_since else _BUSY_SECONDS)
        return False

    def _busy(self) -> bool:
        return bool(
            self._timers.pending()
            or self._invocations.pending()
            or lambda_svc.executions_in_flight()[0]
            or lambda_svc._esm_inflight
            or self._sources.polling
            or _waiting_messages()
        )


def _waiting_messages() -> bool:
    """Whether a queue that feeds an enabled mapping holds a message a poller could take now."""
    now = time.time()
    sources = {
        esm["EventSourceArn"] for _account, _region, esm in lambda_svc._iter_all_esms() if esm.get("Enabled", True)
    }
    return any(
        message.get("visible_at", 0) <= now
        for queue in list(sqs._queues._data.values())
        if queue["attributes"].get("QueueArn") in sources
        for message in list(queue["messages"])
    )


def function_log(account: str, function: str, region: str = "us-east-1") -> str:
    """Everything a function has logged, oldest first, one line each."""
    with request_scope(account, region):
        record = lambda_svc._functions.get(function) or {}
        configured = (record.get("config", {}).get("LoggingConfig") or {}).get("LogGroup")
        group = cloudwatch_logs._log_groups.get(configured or f"/aws/lambda/{function}") or {"streams": {}}
        lines = [event for stream in list(group["streams"].values()) for event in list(stream["events"])]
    lines.sort(key=lambda event: event["timestamp"])
    return "\n".join(event["message"] for event in lines)


def queue_messages(account: str, queue: str, region: str = "us-east-1") -> list[dict[str, Any]]:
    """What a queue holds, without receiving it: body, string attributes, how often it was received."""
    with request_scope(account, region):
        found = sqs._queue_by_arn(f"arn:aws:sqs:{region}:{account}:{queue}")
    if found is None:
        raise ValueError(f"account {account} has no queue {queue} in {region}")
    return [
        {
            "body": message["body"],
            "attributes": {
                name: value.get("StringValue", "") for name, value in (message.get("message_attributes") or {}).items()
            },
            "received": message.get("receive_count", 0),
        }
        for message in list(found["messages"])
    ]
