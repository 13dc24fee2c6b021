"""Which IAM action an operation needs, and on which resource.

The engine derives Lambda's actions from paths and gets many wrong (deleting a concurrency needs
PutFunctionConcurrency there, updating an event source mapping needs nothing), and builds several ARNs that no policy
of AWS's documentation would match. Source: the Service Authorization Reference, page "Actions, resources, and
condition keys for …" of each service.
"""

import re
from collections.abc import Callable
from typing import Any

from ministack.core import iam_actions
from ministack.services import iam, kms, organizations

from warden.local import secrets
from warden.local.current import CURRENT
from warden.local.operations import Operation
from warden.local.patching import replace

# Operations whose IAM action has another name; everywhere else the action is named as the operation.
_ACTIONS = {
    "lambda:Invoke": "InvokeFunction",
    "lambda:InvokeWithResponseStream": "InvokeFunction",
    "lambda:GetLayerVersionByArn": "GetLayerVersion",
    "sqs:SendMessageBatch": "SendMessage",
    "sqs:DeleteMessageBatch": "DeleteMessage",
    "sqs:ChangeMessageVisibilityBatch": "ChangeMessageVisibility",
    "sns:PublishBatch": "Publish",
}
_NAMESPACES = {"resourcegroupstaggingapi": "tag", "stepfunctions": "states", "dynamodbstreams": "dynamodb"}
# REST services whose actions are not named after operations, or that the engine maps well.
_LEFT_TO_THE_ENGINE = ("s3", "apigateway", "apigatewayv2", "sesv2", "iot", "execute-api", "bedrock-agentcore")

_ACCOUNT_WIDE = {
    "lambda": {
        "CreateCodeSigningConfig", "CreateEventSourceMapping", "GetAccountSettings", "ListCapacityProviders",
        "ListCodeSigningConfigs", "ListEventSourceMappings", "ListFunctions", "ListLayers", "ListLayerVersions",
    },
    "events": {
        "ListApiDestinations", "ListArchives", "ListConnections", "ListEndpoints", "ListEventBuses", "ListEventSources",
        "ListReplays", "ListRuleNamesByTarget", "ListRules", "PutPermission", "RemovePermission", "TestEventPattern",
    },
    "secretsmanager": {"ListSecrets", "GetRandomPassword", "BatchGetSecretValue"},
}  # fmt: skip
_QUALIFIED = {
    "Invoke", "InvokeWithResponseStream", "GetFunction", "GetFunctionConfiguration", "DeleteFunction", "AddPermission",
    "RemovePermission", "GetPolicy", "PutProvisionedConcurrencyConfig", "GetProvisionedConcurrencyConfig",
    "DeleteProvisionedConcurrencyConfig",
}  # fmt: skip


def install() -> None:
    """Answer the engine's questions for an action and a resource from botocore's operation."""
    replace(iam_actions, "extract_iam_action", _action_for_engine)
    replace(iam_actions, "extract_resource_arn", _resource_for_engine)


def _action_for_engine(original: Callable[..., Any]) -> Callable[..., Any]:
    def action(service: str, *request: Any) -> Any:
        current = CURRENT.get()
        return (action_of(current.operation) if current else "") or original(service, *request)

    return action


def _resource_for_engine(original: Callable[..., Any]) -> Callable[..., Any]:
    def resource(service: str, method: str, path: str, *rest: Any) -> Any:
        current, region, account = CURRENT.get(), rest[-2], rest[-1]
        found = resource_of(current.operation, account, region) if current else ""
        return found or original(service, method, path, *rest)

    return resource


def action_of(operation: Operation) -> str:
    """The IAM action of an operation, e.g. "lambda:InvokeFunction", or "" where the engine's own answer is right."""
    if operation.model is None or operation.service in _LEFT_TO_THE_ENGINE:
        return ""
    namespace = _NAMESPACES.get(operation.service, operation.service)
    return f"{namespace}:{_ACTIONS.get(str(operation), operation.name)}"


def resource_of(operation: Operation, account: str, region: str) -> str:
    """The ARN an operation is authorized on, "*" if it has none, "" where the engine's own answer is right."""
    if operation.name in _ACCOUNT_WIDE.get(operation.service, ()):
        return "*"
    build = _RESOURCES.get(operation.service)
    return build(operation, account, region) if build else ""


def function_arn(name: str, account: str, region: str, qualifier: str = "") -> str:
    """A function's ARN from what its APIs accept: name, name:qualifier, account:function:name, partial or full ARN."""
    parts = name.split(":")
    if name.startswith("arn:"):
        region, account, parts = parts[3], parts[4], parts[6:]
    elif "function" in parts[:-1]:
        at = parts.index("function")
        account, parts = parts[at - 1] if at else account, parts[at + 1 :]
    qualifier = qualifier or (parts[1] if len(parts) > 1 else "")
    arn = f"arn:aws:lambda:{region}:{account}:function:{parts[0]}"
    return f"{arn}:{qualifier}" if qualifier else arn


def _lambda(operation: Operation, account: str, region: str) -> str:
    given = operation.parameters
    place = f"arn:aws:lambda:{region}:{account}"
    if "Resource" in given:
        return str(given["Resource"])
    if "LayerName" in given:
        name = str(given["LayerName"])
        arn = name if name.startswith("arn:") else f"{place}:layer:{name}"
        return f"{arn}:{given['VersionNumber']}" if "VersionNumber" in given else arn
    if operation.name == "GetLayerVersionByArn":
        return str(given.get("Arn", "*"))
    if "UUID" in given:
        return f"{place}:event-source-mapping:{given['UUID']}"
    if "ResourceArn" in given:
        return str(given["ResourceArn"])
    if "FunctionName" in given:
        name, qualified = str(given["FunctionName"]), operation.name in _QUALIFIED
        full = function_arn(name, account, region, str(given.get("Qualifier", "")) if qualified else "")
        return full if qualified else ":".join(full.split(":")[:7])
    return str(given.get("CodeSigningConfigArn", "*"))


def _events(operation: Operation, account: str, region: str) -> str:
    given = operation.parameters
    place = f"arn:aws:events:{region}:{account}"
    if operation.name == "PutEvents":
        return ""
    if "ResourceARN" in given:
        return str(given["ResourceARN"])
    if operation.name.endswith("EventBus"):
        name = str(given.get("Name") or "default")
        return name if name.startswith("arn:") else f"{place}:event-bus/{name}"
    for member, kind in (("ArchiveName", "archive"), ("ReplayName", "replay")):
        if member in given:
            return f"{place}:{kind}/{given[member]}"
    if "Rule" in operation.name or "Targets" in operation.name:
        bus = str(given.get("EventBusName") or "default").rsplit("/", 1)[-1]
        name = given.get("Rule") or given.get("Name", "")
        return f"{place}:rule/{name}" if bus == "default" else f"{place}:rule/{bus}/{name}"
    return ""


def _logs(operation: Operation, account: str, region: str) -> str:
    given = operation.parameters
    place = f"arn:aws:logs:{region}:{account}"
    if operation.name == "DescribeLogGroups":
        return f"{place}:log-group::log-stream:"
    if arn := given.get("resourceArn") or given.get("logGroupIdentifier"):
        return str(arn)
    names = given.get("logGroupNames") or []
    name = given.get("logGroupName") or (names[0] if names else "")
    return f"{place}:log-group:{name}:log-stream:{given.get('logStreamName', '')}" if name else "*"


def _organizations(operation: Operation, _account: str, _region: str) -> str:
    """Units, roots and accounts have ARNs in the management account; everything else is organization-wide."""
    given = operation.parameters
    member = next(
        (
            given[name]
            for name in ("AccountId", "OrganizationalUnitId", "ParentId", "ChildId", "ResourceId")
            if name in given
        ),
        None,
    )
    for store in (organizations._accounts, organizations._ous, organizations._roots):
        for (_owner, identifier), record in list(store.to_dict().items()):
            if identifier == member:
                return str(record["Arn"])
    return "*"


def _iam(operation: Operation, account: str, _region: str) -> str:
    """Roles and users by their stored ARN, because it carries the path."""
    given = operation.parameters
    if "PolicySourceArn" in given:
        return str(given["PolicySourceArn"])
    for member, kind, store in (("RoleName", "role", iam._roles), ("UserName", "user", iam._users)):
        if member in given:
            record = store.get_scoped(account, None, given[member])
            path = str(given.get("Path") or "/")
            return str(record["Arn"]) if record else f"arn:aws:iam::{account}:{kind}{path}{given[member]}"
    if "PolicyName" in given and operation.name == "CreatePolicy":
        return f"arn:aws:iam::{account}:policy{given.get('Path') or '/'}{given['PolicyName']}"
    return ""


def _secretsmanager(operation: Operation, account: str, region: str) -> str:
    """A secret by its full ARN, however the call names it; one that does not exist by the name it would have."""
    given = operation.parameters
    named = str(given.get("SecretId") or given.get("Name") or "*")
    secret = secrets.find(named, account, region)
    if secret and operation.name != "CreateSecret":
        return str(secret["ARN"])
    return (
        named
        if named == "*" or named.startswith("arn:")
        else f"arn:aws:secretsmanager:{region}:{account}:secret:{named}"
    )


def _cloudwatch(operation: Operation, account: str, region: str) -> str:
    given = operation.parameters
    place = f"arn:aws:cloudwatch:{region}:{account}"
    if arn := given.get("ResourceARN"):
        return str(arn)
    if re.search(r"Alarm", operation.name) and operation.name != "DescribeAlarmsForMetric":
        names = given.get("AlarmNames") or [given.get("AlarmName") or "*"]
        return f"{place}:alarm:{names[0]}"
    if operation.name in ("GetDashboard", "PutDashboard"):
        return f"arn:aws:cloudwatch::{account}:dashboard/{given.get('DashboardName', '')}"
    return "*"


def _kms(operation: Operation, account: str, region: str) -> str:
    """A key named by an alias is authorized as the key itself."""
    named = str(operation.parameters.get("KeyId", ""))
    alias = named if named.startswith("arn:") else f"arn:aws:kms:{region}:{account}:{named}"
    key = kms._aliases.get_scoped(account, region, alias) if ":alias/" in alias else None
    return f"arn:aws:kms:{region}:{account}:key/{key}" if key else ""


_RESOURCES: dict[str, Callable[[Operation, str, str], str]] = {
    "lambda": _lambda,
    "events": _events,
    "logs": _logs,
    "organizations": _organizations,
    "iam": _iam,
    "cloudwatch": _cloudwatch,
    "kms": _kms,
    "secretsmanager": _secretsmanager,
    "resourcegroupstaggingapi": lambda *_: "*",
    "compute-optimizer": lambda *_: "*",
}
