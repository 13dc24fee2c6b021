"""From a matched rule to its target: input, permission, retries, dead-letter queue.

What the engine gets wrong: it tries once, in line, ignores permissions, ``RetryPolicy`` and ``DeadLetterConfig``, and
runs a target function directly in an unbounded thread, so that a throttled one loses its event. AWS documentation:
"Configuring how EventBridge retries delivering events" and "Using dead-letter queues to process undelivered events".
"""

import json
import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.arn import ArnParseError, parse_arn
from ministack.core.responses import get_account_id, get_region
from ministack.services import eventbridge, lambda_svc, sqs

from warden.local import lineage, queues
from warden.local.buses import Buses, Event, TargetError
from warden.local.delivery import AsyncInvocations
from warden.local.settings import Settings
from warden.local.timers import Timers

logger = logging.getLogger("warden.local")

_SERVICE = "events.amazonaws.com"
_DEFAULT_ATTEMPTS = 185
_DEFAULT_AGE = 86_400

# Answers an injected error for (operation, principal, resource), or None.
FaultOf = Callable[[str, str, str], TargetError | None]


@dataclass(frozen=True)
class Delivery:
    """One event on its way to one target."""

    target: dict[str, Any]
    rule: dict[str, Any]
    event: Event
    original: str
    transformed: str | None
    started: float
    attempt: int = 0

    @property
    def payload(self) -> str:
        """What the target receives: its own input, or the event as it is."""
        return self.original if self.transformed is None else self.transformed


class Targets:
    """Delivers to every kind of target that rules here may have."""

    def __init__(
        self,
        settings: Settings,
        timers: Timers,
        buses: Buses,
        *,
        invocations: AsyncInvocations,
        fault_of: FaultOf,
        enforce_iam: bool,
    ) -> None:
        self._settings = settings
        self._timers = timers
        self._buses = buses
        self._invocations = invocations
        self._fault_of = fault_of
        self._enforce_iam = enforce_iam
        buses.deliver = self.deliver

    def deliver(self, target: dict[str, Any], event: Event, rule: dict[str, Any], view: Any) -> None:
        """Start delivering; failures are retried or dead-lettered later, never raised."""
        original = json.dumps(view.event_with_detail())
        transformed = _transformed(target, rule, view, original)
        self._try(Delivery(target, rule, event, original, transformed, time.time()))

    def _try(self, delivery: Delivery) -> None:
        try:
            self._send(delivery)
        except TargetError as error:
            exhausted = self._exhausted(delivery, error)
            if exhausted is None:
                wait = min(self._settings.retry_seconds * 2**delivery.attempt, self._settings.retry_max_seconds)
                again = replace(delivery, attempt=delivery.attempt + 1)
                self._timers.after(wait * random.uniform(0.8, 1.0), lambda: self._try(again))  # noqa: S311 # jitter
            else:
                self._dead_letter(delivery, error, exhausted)

    @staticmethod
    def _exhausted(delivery: Delivery, error: TargetError) -> str | None:
        """None while it may be tried again, else the exhausted condition ("" for an error that is never retried)."""
        policy = delivery.target.get("RetryPolicy") or {}
        if not error.retriable:
            return ""
        if delivery.attempt >= policy.get("MaximumRetryAttempts", _DEFAULT_ATTEMPTS):
            return "MaximumRetryAttempts"
        age = time.time() - delivery.started
        return "MaximumEventAgeInSeconds" if age >= policy.get("MaximumEventAgeInSeconds", _DEFAULT_AGE) else None

    def _send(self, delivery: Delivery) -> None:
        arn = str(delivery.target.get("Arn", ""))
        try:
            spec = parse_arn(arn)
        except ArnParseError as error:
            raise TargetError("NO_RESOURCE", f"{arn} is not an ARN.") from error
        if spec.service == "events" and spec.resource.startswith("event-bus/"):
            self._raise_fault("events:PutEvents", delivery.target.get("RoleArn") or _SERVICE, arn)
            self._buses.forward(delivery.target, delivery.event, delivery.transformed)
        elif spec.service == "sqs":
            self._to_queue(delivery, arn)
        elif spec.service == "lambda":
            self._to_function(delivery, arn)
        else:
            self._to_other(delivery, arn, spec)

    def _raise_fault(self, operation: str, principal: str, resource: str) -> None:
        if fault := self._fault_of(operation, principal, resource):
            raise fault

    def _to_queue(self, delivery: Delivery, arn: str) -> None:
        self._raise_fault("sqs:SendMessage", _SERVICE, arn)
        group = (delivery.target.get("SqsParameters") or {}).get("MessageGroupId")
        self._check_queue(arn, delivery.rule)
        queues.send(arn, delivery.payload, group=group)

    def _check_queue(self, arn: str, rule: dict[str, Any]) -> None:
        if arn.split(":")[3] != get_region() or sqs._queue_by_arn(arn) is None:
            raise TargetError("NO_RESOURCE", f"The queue {arn} does not exist in this Region.")
        if self._enforce_iam and not sqs.queue_policy_allows(arn, _SERVICE, rule.get("Arn", ""), get_account_id()):
            raise TargetError("NO_PERMISSIONS", f"The queue policy of {arn} does not allow {_SERVICE} to send.")

    def _to_function(self, delivery: Delivery, arn: str) -> None:
        self._raise_fault("lambda:InvokeFunction", _SERVICE, arn)
        func, config, name = lambda_svc._get_func_record_for_ref(arn)
        if not func or not config:
            raise TargetError("NO_RESOURCE", f"The function {name} does not exist.")
        if self._enforce_iam and not _function_admits(arn, delivery.rule):
            raise TargetError("NO_PERMISSIONS", f"The policy of {arn} does not allow {_SERVICE} to invoke it.")
        with lineage.cut():
            self._invocations.submit(arn, json.loads(delivery.payload))

    @staticmethod
    def _to_other(delivery: Delivery, arn: str, spec: Any) -> None:
        if spec.service == "sns":
            eventbridge._dispatch_to_sns(arn, delivery.payload)
        elif spec.service == "states":
            eventbridge._dispatch_to_stepfunctions(arn, delivery.payload)
        elif spec.service == "events":
            body = json.loads(delivery.original)
            values = eventbridge._resolve_http_parameters(delivery.target.get("HttpParameters") or {}, body)
            target = {**delivery.target, "HttpParameters": values}
            eventbridge._dispatch_to_api_destination(spec, delivery.payload, target)
        else:
            raise TargetError("NO_RESOURCE", f"Targets of {spec.service} cannot be delivered to on this machine.")

    def _dead_letter(self, delivery: Delivery, error: TargetError, exhausted: str) -> None:
        rule, arn = delivery.rule, str(delivery.target.get("Arn", ""))
        queue = (delivery.target.get("DeadLetterConfig") or {}).get("Arn")
        if not queue:
            logger.warning("event dropped: rule %s, target %s: %s %s", rule.get("Arn"), arn, error.code, error.message)
            return
        attributes = {
            "RULE_ARN": rule.get("Arn", ""),
            "TARGET_ARN": arn,
            "ERROR_CODE": error.code,
            "ERROR_MESSAGE": error.message,
            "RETRY_ATTEMPTS": str(delivery.attempt),
        }
        if exhausted:
            attributes["EXHAUSTED_RETRY_CONDITION"] = exhausted
        try:
            self._check_queue(queue, rule)
        except TargetError as refused:
            logger.warning("event dropped: dead-letter queue of rule %s: %s", rule.get("Arn"), refused.message)
            return
        queues.send(queue, delivery.original, attributes=attributes)


def _transformed(target: dict[str, Any], rule: dict[str, Any], view: Any, original: str) -> str | None:
    """The target's own input, or None when it gets the event as it is."""
    if transformer := target.get("InputTransformer"):
        return str(eventbridge._apply_input_transformer(transformer, rule, view))
    if target.get("Input"):
        return str(target["Input"])
    if path := target.get("InputPath"):
        value = json.loads(original)
        for part in filter(None, str(path).lstrip("$").strip(".").split(".")):
            value = value.get(part) if isinstance(value, dict) else None
        return json.dumps(value)
    return None


def _function_admits(arn: str, rule: dict[str, Any]) -> bool:
    found = lambda_svc.function_policy_for_arn(arn)
    context = iam_evaluator.EvalContext(
        principal_arn="*",
        principal_type="Service",
        principal_account="",
        action="lambda:InvokeFunction",
        resource_arn=arn,
        region=get_region(),
        service_context={"aws:sourcearn": rule.get("Arn", ""), "aws:sourceaccount": get_account_id()},
    )
    policy = found[0] if found else None
    return bool(iam_evaluator.evaluate_resource_policy(policy, context, service=_SERVICE).decision == "Allow")
