"""Lambda's own queue of asynchronous invocations: EventBridge, S3, SNS and ``InvocationType=Event`` all end here.

What the engine gets wrong: it runs an EventBridge target once in an unbounded thread and forgets it (with a
reservation of 4, 969 of 1,000 events were lost), never uses an on-success destination, sends a dead-letter queue the
wrong body, and knows neither event age nor a reservation of 0. AWS documentation: "How Lambda handles errors and
retries with asynchronous invocation", "Capturing records of Lambda asynchronous invocations" and "Configuring
reserved concurrency for a function".
"""

import contextvars
import datetime as dt
import heapq
import itertools
import json
import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ministack.core.arn import parse_arn
from ministack.core.responses import new_uuid, request_scope
from ministack.services import lambda_svc, sns, sqs

from warden.local import identity, metrics, queues
from warden.local.execution_roles import ExecutionRoles
from warden.local.patching import replace as replace_private
from warden.local.settings import Settings

logger = logging.getLogger("warden.local")

_DEFAULT_AGE = 21_600
_PENDING_SECONDS = 0.01
_THROTTLED_SECONDS = 0.03


@dataclass(frozen=True)
class Invocation:
    """One accepted event of one function (``arn`` may carry a qualifier)."""

    arn: str
    event: Any
    request_id: str
    accepted: float
    attempt: int = 0

    @property
    def function(self) -> str:
        """The function's ARN without a qualifier: what concurrency is counted by."""
        return ":".join(self.arn.split(":")[:7])

    @property
    def account(self) -> str:
        """The function's account."""
        return self.arn.split(":")[4]

    @property
    def region(self) -> str:
        """The function's Region."""
        return self.arn.split(":")[3]


class AsyncInvocations:
    """A bounded number of workers; a throttled event goes back to the queue and is never lost."""

    def __init__(self, settings: Settings, roles: ExecutionRoles, workers: int) -> None:
        self._settings = settings
        self._roles = roles
        self._heap: list[tuple[float, int, Invocation, contextvars.Context]] = []
        self._order = itertools.count()
        self._ready = threading.Condition()
        self._running = 0
        # Throttled events by function, woken one by one as executions of that function end.
        self._waiting: dict[str, deque[tuple[Invocation, contextvars.Context]]] = {}
        self._executing: Counter[str] = Counter()
        # Puts one complete event on an account's bus: (account, region, event, bus).
        self.publish: Callable[[str, str, dict[str, Any], str], object] = lambda *_: None
        for number in range(workers):
            threading.Thread(target=self._work, daemon=True, name=f"warden-async-{number}").start()

    def install(self) -> None:
        """Take over every asynchronous invocation of the engine."""
        replace_private(lambda_svc, "invoke_async_with_retry", lambda _original: self._submit_record)
        replace_private(sns, "_deliver_to_lambda", lambda _original: self._submit_notification)

    def _submit_record(self, func: dict[str, Any], event: Any) -> None:
        self.submit((func.get("config") or func)["FunctionArn"], event)

    def _submit_notification(self, arn: str, envelope: str, _topic: str, subscription: str, *_rest: Any) -> None:
        record = {"EventVersion": "1.0", "EventSubscriptionArn": subscription, "EventSource": "aws:sns"}
        self.submit(arn, {"Records": [{**record, "Sns": json.loads(envelope)}]})

    def submit(self, arn: str, event: Any) -> None:
        """Accept an event for a function."""
        metrics.count("AsyncEventsReceived", arn)
        self._put(0.0, Invocation(arn, event, new_uuid(), time.time()))

    def pending(self) -> int:
        """Events waiting, to be retried, or running."""
        with self._ready:
            return len(self._heap) + self._running + sum(map(len, self._waiting.values()))

    def clear(self) -> None:
        """Forget what waits."""
        with self._ready:
            self._heap.clear()
            self._waiting.clear()

    def _put(self, seconds: float, invocation: Invocation, context: contextvars.Context | None = None) -> None:
        with self._ready:
            due = time.monotonic() + seconds
            # The context carries how often this chain of requests has invoked functions.
            context = context or contextvars.copy_context()
            heapq.heappush(self._heap, (due, next(self._order), invocation, context))
            self._ready.notify()

    def _work(self) -> None:
        while True:
            with self._ready:
                while not self._heap or self._heap[0][0] > time.monotonic():
                    self._ready.wait(self._heap[0][0] - time.monotonic() if self._heap else None)
                _due, _order, invocation, context = heapq.heappop(self._heap)
                self._running += 1
            try:
                context.copy().run(self._run, invocation, context)
            except Exception:
                logger.exception("an asynchronous invocation of %s failed", invocation.arn)
            finally:
                with self._ready:
                    self._running -= 1

    def _run(self, invocation: Invocation, context: contextvars.Context) -> None:
        with request_scope(invocation.account, invocation.region):
            waits = self._attempt(invocation, context)
        if not waits:
            self._wake(invocation.function)

    def _attempt(self, invocation: Invocation, context: contextvars.Context) -> bool:
        """Try once; whether the event now waits for its function to have concurrency again."""
        func, config, name = lambda_svc._get_func_record_for_ref(invocation.arn)
        if not func or not config:
            logger.warning("event dropped: the function %s is gone", name)
            return False
        if config.get("State") == "Pending":
            self._put(_PENDING_SECONDS, invocation, context)
            return False
        base = lambda_svc._functions.get(name) or func
        rules = _event_invoke_config(base, invocation.arn)
        if lambda_svc._reserved_concurrency(base, config) == 0:
            self._give_up(invocation, base, rules, {}, "ZeroReservedConcurrency")
            return False
        record = lambda_svc._execution_record_for_config({**func, "concurrency": base.get("concurrency")}, config)
        result = self._execute(invocation, record)
        return self._finish(invocation, context, base, rules, result)

    def _execute(self, invocation: Invocation, record: dict[str, Any]) -> dict[str, Any]:
        with self._ready:
            self._executing[invocation.function] += 1
        try:
            return dict(lambda_svc._execute_function_with_config_scope(record, invocation.event))
        finally:
            with self._ready:
                self._executing[invocation.function] -= 1

    def _wait(self, invocation: Invocation, context: contextvars.Context) -> None:
        """Keep a throttled event until an execution of its function ends, or for a moment if none is known here."""
        with self._ready:
            if self._executing[invocation.function] > 0:
                self._waiting.setdefault(invocation.function, deque()).append((invocation, context))
                return
        self._put(_THROTTLED_SECONDS, invocation, context)

    def _wake(self, function: str) -> None:
        with self._ready:
            waiting = self._waiting.get(function)
            following = waiting.popleft() if waiting else None
        if following:
            self._put(0.0, *following)

    def _finish(
        self,
        invocation: Invocation,
        context: contextvars.Context,
        func: dict[str, Any],
        rules: dict[str, Any],
        result: dict[str, Any],
    ) -> bool:
        age = time.time() - invocation.accepted
        if not result.get("error"):
            destination = ((rules.get("DestinationConfig") or {}).get("OnSuccess") or {}).get("Destination")
            if destination:
                self._send_record(destination, invocation, "Success", result, func)
        elif age > (rules.get("MaximumEventAgeInSeconds") or _DEFAULT_AGE):
            self._give_up(invocation, func, rules, result, "EventAgeExceeded")
        elif result.get("throttle"):
            self._wait(invocation, context)
            return True
        elif invocation.attempt < _retries(rules):
            wait = min(self._settings.retry_seconds * 2**invocation.attempt, self._settings.retry_max_seconds)
            self._put(wait, replace(invocation, attempt=invocation.attempt + 1), context)
        else:
            self._give_up(invocation, func, rules, result, "RetriesExhausted")
        return False

    def _give_up(
        self, invocation: Invocation, func: dict[str, Any], rules: dict[str, Any], result: dict[str, Any], why: str
    ) -> None:
        destination = ((rules.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination")
        dead_letter = (func["config"].get("DeadLetterConfig") or {}).get("TargetArn")
        metrics.count("AsyncEventsDropped", invocation.function)
        if destination:
            self._send_record(destination, invocation, why, result, func)
        if dead_letter and not (
            self._may_send(func["config"], dead_letter) and _dead_letter(dead_letter, invocation, result, func)
        ):
            metrics.count("DeadLetterErrors", invocation.function)
        if not destination and not dead_letter:
            logger.warning("event dropped: %s of %s", why, invocation.arn)

    def _may_send(self, config: dict[str, Any], target: str) -> bool:
        if lacks := self._roles.missing_to_send(config, target):
            logger.warning(
                "event dropped: the role of %s does not allow %s on %s", config["FunctionName"], lacks, target
            )
        return not lacks

    def _send_record(
        self, destination: str, invocation: Invocation, why: str, result: dict[str, Any], func: dict[str, Any]
    ) -> None:
        sent = self._may_send(func["config"], destination) and self._delivered(
            destination, invocation, why, _record(invocation, why, result, func), func
        )
        if not sent:
            metrics.count("DestinationDeliveryFailures", invocation.function)

    def _delivered(
        self, destination: str, invocation: Invocation, why: str, record: dict[str, Any], func: dict[str, Any]
    ) -> bool:
        """Deliver a record in the name of the function's role; whether there was anything to deliver it to."""
        spec = parse_arn(destination)
        text = json.dumps(record, default=str)
        if spec.service == "sqs" and sqs._queue_by_arn(destination) is not None:
            queues.send(destination, text, sender=_session(func))
        elif spec.service == "sns":
            sns.publish_internal(destination, text, "")
        elif spec.service == "lambda":
            self.submit(destination, record)
        elif spec.service == "events":
            outcome = "Success" if why == "Success" else "Failure"
            event = {
                "source": "lambda",
                "detail-type": f"Lambda Function Invocation Result - {outcome}",
                "resources": [record["requestContext"]["functionArn"], destination],
                "detail": record,
            }
            self.publish(spec.account_id, spec.region, event, spec.resource.removeprefix("event-bus/"))
        else:
            logger.warning("event dropped: the destination %s of %s is gone", destination, invocation.arn)
            return False
        return True


def _event_invoke_config(func: dict[str, Any], arn: str) -> dict[str, Any]:
    qualifier = arn.split(":", 7)[7] if arn.count(":") >= 7 else None
    found = lambda_svc._event_invoke_config(func, qualifier)
    if found is None and qualifier == "$LATEST":
        found = lambda_svc._event_invoke_config(func, None)
    return found or {}


def _retries(rules: dict[str, Any]) -> int:
    retries = rules.get("MaximumRetryAttempts")
    return 2 if retries is None else int(retries)


def _record(invocation: Invocation, why: str, result: dict[str, Any], func: dict[str, Any]) -> dict[str, Any]:
    version = "$LATEST" if invocation.arn.count(":") < 7 else invocation.arn.split(":", 7)[7]
    error = result.get("function_error") or ("Unhandled" if result.get("error") else None)
    context = {"statusCode": 200, "executedVersion": version}
    invoked = why != "ZeroReservedConcurrency"
    return {
        "version": "1.0",
        "timestamp": dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "requestContext": {
            "requestId": invocation.request_id,
            "functionArn": f"{func['config']['FunctionArn']}:{version}",
            "condition": why,
            "approximateInvokeCount": invocation.attempt + invoked,
        },
        "requestPayload": invocation.event,
        "responseContext": ({**context, "functionError": error} if error else context) if invoked else None,
        "responsePayload": result.get("body"),
    }


def _session(func: dict[str, Any]) -> str:
    """The id of the session under which Lambda acts for a function: its role's, and the function's name."""
    config = func["config"]
    return identity.role_session(config["Role"], config["FunctionName"]).principal_id


def _dead_letter(target: str, invocation: Invocation, result: dict[str, Any], func: dict[str, Any]) -> bool:
    """Leave the event as it was accepted in the function's dead-letter queue; whether there was one."""
    body = result.get("body")
    message = body.get("errorMessage", "") if isinstance(body, dict) else str(body or "")
    attributes = {"RequestID": invocation.request_id, "ErrorCode": "200", "ErrorMessage": str(message)[:1024]}
    text = json.dumps(invocation.event)
    if ":sns:" in target:
        sns.publish_internal(target, text, "")
    elif sqs._queue_by_arn(target) is not None:
        queues.send(target, text, attributes=attributes, sender=_session(func))
    else:
        logger.warning("event dropped: the dead-letter queue %s is gone", target)
        return False
    return True
