"""What a function's own role must allow for what Lambda does on the function's behalf.

What the engine gets wrong: it polls queues and delivers to dead-letter queues and destinations whatever the role
says. AWS documentation: "Configuring an SQS queue to trigger an AWS Lambda function" (execution role permissions),
"Adding a dead-letter queue" and "Permissions for destinations" under "Capturing records of Lambda asynchronous
invocations".
"""

import time
from collections.abc import Callable
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import error_response_json, get_account_id, get_region
from ministack.services import iam, lambda_svc

from warden.local.current import CURRENT
from warden.local.patching import replace

_POLLING = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
_SENDING = {
    "sqs": "sqs:SendMessage",
    "sns": "sns:Publish",
    "lambda": "lambda:InvokeFunction",
    "events": "events:PutEvents",
    "s3": "s3:PutObject",
}
# A poller asks on every pass; an answer holds for this long.
_ANSWER_SECONDS = 0.2


def role_allows(role_arn: str, action: str, resource: str, keys: dict[str, Any] | None = None) -> bool:
    """Whether a role's own policies and boundary allow an action (no resource policy is looked at)."""
    account, name = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
    context = iam_evaluator.EvalContext(
        principal_arn=f"arn:aws:sts::{account}:assumed-role/{name}/service",
        principal_type="AssumedRole",
        principal_account=account,
        action=action,
        resource_arn=resource,
        region=get_region(),
        service_context=keys or {},
    )
    policies = iam_evaluator._gather_role_policies(name, account)
    limits = iam_evaluator._permissions_boundary(iam._roles, name, account)
    return bool(iam_evaluator.evaluate(context, policies, *limits).decision == "Allow")


class ExecutionRoles:
    """Answers what a function may do through Lambda; allows all where IAM is not enforced."""

    def __init__(self, enforce_iam: bool) -> None:
        self._enforce_iam = enforce_iam
        self._polls: dict[tuple[str, str], tuple[float, str]] = {}

    def install(self) -> None:
        """Refuse configurations that name a source or target the function's role has no permission for."""
        replace(lambda_svc, "_create_esm", self._creating_mapping)
        replace(lambda_svc, "_create_function", self._creating)
        replace(lambda_svc, "_update_config", self._updating)
        replace(lambda_svc, "_put_event_invoke_config", self._putting_destinations)

    def clear(self) -> None:
        """Forget the answers to pollers."""
        self._polls.clear()

    def missing_to_poll(self, config: dict[str, Any], queue_arn: str) -> str:
        """The first action a function's role lacks to consume a queue, or ""."""
        role = str(config.get("Role", ""))
        lacks = (one for one in _POLLING if not role_allows(role, one, queue_arn))
        return next(lacks, "") if self._enforce_iam else ""

    def recently_missing_to_poll(self, config: dict[str, Any], queue_arn: str) -> str:
        """The same for a poller, which asks on every pass: an answer holds for a moment."""
        key = (str(config.get("Role", "")), queue_arn)
        asked, answer = self._polls.get(key, (0.0, ""))
        now = time.monotonic()
        if now - asked > _ANSWER_SECONDS:
            answer = self.missing_to_poll(config, queue_arn)
            self._polls[key] = (now, answer)
        return answer

    def missing_to_send(self, config: dict[str, Any], target_arn: str) -> str:
        """The action a function's role lacks to deliver to a dead-letter queue or destination, or ""."""
        action = _SENDING.get(target_arn.split(":")[2], "")
        if not self._enforce_iam or role_allows(str(config.get("Role", "")), action, target_arn):
            return ""
        return action

    def _creating_mapping(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def create(data: dict[str, Any]) -> Any:
            source = str(data.get("EventSourceArn", ""))
            _func, config, _name = lambda_svc._get_func_record_for_ref(str(data.get("FunctionName", "")))
            if config and ":sqs:" in source and _is_a_call() and (lacks := self.missing_to_poll(config, source)):
                return _refused(f"The provided execution role does not have permissions to call {_verb(lacks)} on SQS")
            return original(data)

        return create

    def _dead_letter_error(self, config: dict[str, Any]) -> Any:
        target = str((config.get("DeadLetterConfig") or {}).get("TargetArn") or "")
        if not target or not _is_a_call() or not (lacks := self.missing_to_send(config, target)):
            return None
        service = target.split(":")[2].upper()
        return _refused(f"The provided execution role does not have permissions to call {_verb(lacks)} on {service}")

    def _creating(self, original: Callable[..., Any]) -> Callable[..., Any]:
        return lambda data: self._dead_letter_error(data) or original(data)

    def _updating(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def update(name: str, data: dict[str, Any]) -> Any:
            config = (lambda_svc._functions.get(name) or {}).get("config", {})
            asked = {"Role": data.get("Role", config.get("Role")), "DeadLetterConfig": data.get("DeadLetterConfig")}
            return (self._dead_letter_error(asked) if config else None) or original(name, data)

        return update

    def _putting_destinations(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def put(name: str, qualifier: str | None, data: dict[str, Any]) -> Any:
            config = (lambda_svc._functions.get(name) or {}).get("config", {})
            for destination in (data.get("DestinationConfig") or {}).values():
                target = str((destination or {}).get("Destination") or "")
                lacks = self.missing_to_send(config, target) if config and target and _is_a_call() else ""
                if lacks:
                    return _refused(
                        f"The function's execution role does not have permissions to call {_verb(lacks)} on {target}"
                    )
            return original(name, qualifier, data)

        return put


def _is_a_call() -> bool:
    """Whether a Lambda API call is being answered; CloudFormation configures from inside, in its own order."""
    current = CURRENT.get()
    return current is not None and current.operation.service == "lambda" and get_account_id() == current.caller.account


def _verb(action: str) -> str:
    return action.split(":")[1]


def _refused(message: str) -> Any:
    return error_response_json("InvalidParameterValueException", message, 400)
