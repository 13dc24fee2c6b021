"""IAM decisions as AWS makes and words them.

What the engine gets wrong: a denial does not name its resource; ``aws:PrincipalArn`` of a role session is the session
instead of the role; nobody needs ``iam:PassRole``, the layers they attach, or to tag what they create;
``lambda:FunctionArn`` and ``iam:PolicyARN`` are unknown. AWS documentation: "Troubleshoot access denied error
messages", "AWS global condition context keys", "Grant a user permissions to pass a role to an AWS service", "Condition
keys for AWS Lambda" and "Layers" in the Lambda guide, "Actions, resources, and condition keys" for IAM and SNS, and the
API references of CreateSecret, ValidateResourcePolicy, CreateQueue and PutMetricAlarm.
"""

import json
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.services import lambda_svc

from warden.local import identity, permissions
from warden.local.current import CURRENT
from warden.local.operations import Operation
from warden.local.patching import replace

# (action, resource, kind of policy that is missing) of the last denial in this context.
_DENIED: ContextVar[tuple[str, str, str]] = ContextVar("warden_denied", default=("", "", ""))

_PASSES_ROLE = {
    "lambda:CreateFunction": ("Role", "lambda.amazonaws.com"),
    "lambda:UpdateFunctionConfiguration": ("Role", "lambda.amazonaws.com"),
    "events:PutRule": ("RoleArn", "events.amazonaws.com"),
    "events:PutTargets": ("RoleArn", "events.amazonaws.com"),
    "pipes:CreatePipe": ("RoleArn", "pipes.amazonaws.com"),
    "pipes:UpdatePipe": ("RoleArn", "pipes.amazonaws.com"),
    "scheduler:CreateSchedule": ("RoleArn", "scheduler.amazonaws.com"),
    "scheduler:UpdateSchedule": ("RoleArn", "scheduler.amazonaws.com"),
    "stepfunctions:CreateStateMachine": ("roleArn", "states.amazonaws.com"),
    "stepfunctions:UpdateStateMachine": ("roleArn", "states.amazonaws.com"),
    "logs:PutSubscriptionFilter": ("roleArn", "logs.amazonaws.com"),
}
# What a parameter asks for besides the operation's own action, on the same resource.
_ALSO = {
    "sqs:CreateQueue": {"tags": "sqs:TagQueue"},
    "cloudwatch:PutMetricAlarm": {"Tags": "cloudwatch:TagResource"},
    "secretsmanager:CreateSecret": {
        "Tags": "secretsmanager:TagResource",
        "AddReplicaRegions": "secretsmanager:ReplicateSecretToRegions",
    },
    "secretsmanager:ValidateResourcePolicy": {"ResourcePolicy": "secretsmanager:PutResourcePolicy"},
}
# Condition keys that are a parameter of the request.
_KEYS = {
    "iam": {"iam:PolicyARN": "PolicyArn"},
    "sns": {"sns:Protocol": "Protocol", "sns:Endpoint": "Endpoint"},
}
_TAKES_LAYERS = ("lambda:CreateFunction", "lambda:UpdateFunctionConfiguration")


def install() -> None:
    """Wrap the engine's decision, its condition keys and its denial."""
    permissions.install()
    replace(iam_evaluator, "_resolve_condition_key", _condition_keys)
    replace(iam_evaluator, "combine_resource_policy", _noting_the_missing_policy)
    replace(iam_evaluator, "enforce", _enforcing)
    replace(iam_actions, "access_denied_response", _wording)


def _condition_keys(original: Callable[..., Any]) -> Callable[..., Any]:
    def resolve(key: str, context: Any) -> Any:
        if key.lower() == "aws:securetransport":
            return (
                "true"  # AWS is reached by TLS; that this machine talks to itself in the clear is not its users' doing
            )
        if key.lower() == "aws:principalarn" and (role := identity.role_of(context.principal_arn)):
            return role["Arn"]
        return original(key, context)

    return resolve


def _noting_the_missing_policy(original: Callable[..., Any]) -> Callable[..., Any]:
    def combine(by_identity: Any, *args: Any, **kwargs: Any) -> Any:
        result = original(by_identity, *args, **kwargs)
        if by_identity.decision == "Allow" and result.decision == "ImplicitDeny":
            result.reason = "resource"
        return result

    return combine


def _enforcing(original: Callable[..., Any]) -> Callable[..., Any]:
    def enforce(  # noqa: PLR0917 # the engine calls it so
        access_key: str,
        action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: dict[str, Any] | None = None,
    ) -> Any:
        current = CURRENT.get()
        operation = current.operation if current else None
        context = {**(service_context or {}), **(_request_keys(operation, region) if operation else {})}
        checks = [(action, service, resource_arn, context)]
        if operation and action == permissions.action_of(operation):
            checks += _also_needed(operation, resource_arn, context)
        for needed, of_service, resource, keys in checks:
            denied = original(access_key, needed, of_service, region, resource_arn=resource, service_context=keys)
            if denied:
                _DENIED.set(
                    (needed, resource, "resource" if getattr(denied, "reason", "") == "resource" else "identity")
                )
                return denied
        return None

    return enforce


def _also_needed(
    operation: Operation, resource: str, context: dict[str, Any]
) -> list[tuple[str, str, str, dict[str, Any]]]:
    """What else the caller must be allowed: to pass roles, to read layers and to set tags that the request names."""
    found: list[tuple[str, str, str, dict[str, Any]]] = []
    if passed := _PASSES_ROLE.get(str(operation)):
        member, to = passed
        given = operation.parameters
        holders = [given, given.get("Target"), *given.get("Targets", [])]
        roles = {str(one[member]) for one in holders if isinstance(one, dict) and one.get(member)}
        found += [("iam:PassRole", "iam", role, {"iam:PassedToService": to}) for role in sorted(roles)]
    if str(operation) in _TAKES_LAYERS:
        layers = operation.parameters.get("Layers") or []
        found += [("lambda:GetLayerVersion", "lambda", str(layer), {}) for layer in layers]
    for member, also in _ALSO.get(str(operation), {}).items():
        if operation.parameters.get(member):
            found.append((also, also.partition(":")[0], resource, context))
    return found


def _request_keys(operation: Operation, region: str) -> dict[str, Any]:
    """Condition keys that depend on the request, of the services whose keys are known here."""
    members = _KEYS.get(operation.service, {})
    given = operation.parameters
    found = {key: given[member] for key, member in members.items() if member in given}
    return {**found, **_lambda_keys(operation, region)}


def _lambda_keys(operation: Operation, region: str) -> dict[str, Any]:
    """Condition keys that depend on the request: lambda:FunctionArn, lambda:Principal, lambda:FunctionUrlAuthType."""
    if operation.service != "lambda":
        return {}
    given = operation.parameters
    keys = {
        "lambda:Principal": given.get("Principal"),
        "lambda:FunctionUrlAuthType": given.get("FunctionUrlAuthType") or given.get("AuthType"),
    }
    if operation.name.endswith("EventSourceMapping"):
        mapping = lambda_svc._esms.get(given.get("UUID", "")) or {}
        current = CURRENT.get()
        account = current.caller.account if current else ""
        named = given.get("FunctionName") or mapping.get("FunctionArn")
        keys["lambda:FunctionArn"] = permissions.function_arn(str(named), account, region) if named else None
    return {name: value for name, value in keys.items() if value is not None}


def _wording(original: Callable[..., Any]) -> Callable[..., Any]:
    def respond(service: str, action: str, principal_arn: str, request_id: str, **how: Any) -> Any:
        if how.get("error_code") or how.get("message") or how.get("resource_policy_arn"):
            return original(service, action, principal_arn, request_id, **how)
        text = denial(service, principal_arn, explicit=bool(how.get("explicit_deny")))
        status, headers, body = original(service, action, principal_arn, request_id, **{**how, "message": text})
        asked = how.get("headers") or {}
        if asked.get("x-amz-target") and service != "sqs":
            status = 400
        if service in ("ssm", "logs"):
            body = json.dumps({"__type": "AccessDeniedException", "Message": text}).encode()
        return status, headers, body

    return respond


def denial(service: str, principal_arn: str, *, explicit: bool) -> str:
    """The sentence AWS answers; SQS writes its actions in small letters, SNS its prefix in capitals."""
    action, resource, kind = _DENIED.get()
    prefix, _, name = action.partition(":")
    action = {"sqs": action.lower(), "sns": f"SNS:{name}"}.get(prefix, action)
    reason = (
        "with an explicit deny in an identity-based policy"
        if explicit
        else f"because no {kind}-based policy allows the {action} action"
    )
    on = f" on resource: {resource}" if service != "ec2" or resource != "*" else ""
    sentence = f"User: {principal_arn} is not authorized to perform: {action}{on} {reason}"
    return f"You are not authorized to perform this operation. {sentence}" if service == "ec2" else sentence
