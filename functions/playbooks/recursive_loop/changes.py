"""An event of an API call → what of an account has to be read again. Pure; the event is believed only about where.

Shapes: EventBridge user guide, "AWS service events delivered via AWS CloudTrail"; Lambda developer guide, "Logging AWS
Lambda API calls using AWS CloudTrail" (names with dates); S3 user guide, "Amazon S3 CloudTrail events"; elsewhere the
names of calls and of their parameters are those of the API references, with a small first letter.

Calls that change neither a trigger nor what a role may do are no part of this, whatever they change otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from functions.core.event import Malformed
from functions.core.subject import NotAFunction, parse_function

Json = Mapping[str, Any]
_DEFAULT = "default"


class What(StrEnum):
    """A kind of thing that is read again; how its name is written."""

    FUNCTION = "function"
    MAPPING = "mapping"
    """By its UUID."""
    BUCKET = "bucket"
    TOPIC = "topic"
    RULE = "rule"
    """`<bus>/<rule>`"""
    QUEUE = "queue"
    DESTINATIONS = "destinations"
    """By the function's name."""
    ROLE = "role"
    POLICY = "policy"
    """By its ARN."""
    PIPE = "pipe"
    SCHEDULE = "schedule"
    """`<group>/<schedule>`"""
    STATE_MACHINE = "state machine"
    LOG_GROUP = "log group"


EVERYWHERE = frozenset({What.ROLE, What.POLICY})
"""What belongs to an account as a whole: its events come from one Region and concern all of them."""


@dataclass(frozen=True, order=True)
class Changed:
    """Something that has to be read again, in the account and Region of the event; by its name, unless said above."""

    what: What
    name: str


@dataclass(frozen=True)
class _Call:
    """One call that succeeded."""

    account: str
    region: str
    request: Json
    response: Json
    owners: frozenset[str]
    """The accounts that the resources in the event belong to, as far as it says so."""

    def text(self, name: str) -> str:
        """Return a parameter of the request that must be there."""
        return _text(self.request, name, f"detail.requestParameters.{name}")

    def optional(self, name: str) -> str:
        """Return a parameter of the request, '' if it was not given."""
        return self.text(name) if self.request.get(name) is not None else ""

    def here(self, arn: str) -> str:
        """Return what an ARN names, '' if that is in another account or Region."""
        parts = arn.split(":", 5)
        return parts[5] if len(parts) == 6 and parts[3:5] == [self.region, self.account] else ""


def changed(event: object) -> tuple[Changed, ...]:
    """Say what has to be read again after an API call; () for a call that changes nothing of a graph.

    Raises `Malformed` with the field and the reason.
    """
    envelope = _mapping(event, "the event")
    detail = _mapping(envelope.get("detail"), "detail")
    if envelope.get("detail-type") != "AWS API Call via CloudTrail":
        return ()
    service = _text(envelope, "source").removeprefix("aws.")
    reader = _READERS.get(service, {}).get(_text(detail, "eventName", "detail.eventName"))
    account = _text(envelope, "account")
    if reader is None or detail.get("errorCode") or detail.get("recipientAccountId") not in (None, account):
        return ()
    call = _Call(
        account=account,
        region=_text(envelope, "region"),
        request=_mapping(detail.get("requestParameters") or {}, "detail.requestParameters"),
        response=_mapping(detail.get("responseElements") or {}, "detail.responseElements"),
        owners=_owners(detail.get("resources")),
    )
    return tuple(dict.fromkeys(reader(call)))


def _owners(resources: object) -> frozenset[str]:
    listed = resources if isinstance(resources, list) else []
    return frozenset(str(one["accountId"]) for one in listed if isinstance(one, Mapping) and one.get("accountId"))


# --- Lambda -----------------------------------------------------------------------------------------------------------


def _named(call: _Call) -> str:
    """The function's name, '' for one of another account or Region."""
    text = call.text("functionName")
    try:
        function = parse_function(text)
    except NotAFunction as error:
        raise Malformed(f"detail.requestParameters.functionName: {error}") from None
    elsewhere = (function.account or call.account, function.region or call.region) != (call.account, call.region)
    return "" if elsewhere else function.name


def _function(call: _Call) -> Iterator[Changed]:
    if call.request.get("dryRun") is not True and (name := _named(call)):
        yield Changed(What.FUNCTION, name)


def _destinations(call: _Call) -> Iterator[Changed]:
    if name := _named(call):
        yield Changed(What.DESTINATIONS, name)


def _mapping_made(call: _Call) -> Iterator[Changed]:
    """The UUID is in the answer, in Lambda's own spelling."""
    name = "uUID" if "uUID" in call.response else "uuid"
    yield Changed(What.MAPPING, _text(call.response, name, "detail.responseElements.uUID"))


def _mapping_changed(call: _Call) -> Iterator[Changed]:
    yield Changed(What.MAPPING, call.text("uUID" if "uUID" in call.request else "uuid"))


def _permission(call: _Call) -> Iterator[Changed]:
    """Whoever is let invoke a function is about to, or does already."""
    arn = call.optional("sourceArn")
    service, resource = (arn.split(":", 5) + [""] * 3)[2], call.here(arn).removesuffix(":*")
    if "*" in (arn if service == "s3" else resource):
        return
    if service == "s3" and arn.count(":") == 5:
        yield Changed(What.BUCKET, arn.rpartition(":")[2])
    elif service == "sns" and resource:
        yield Changed(What.TOPIC, resource)
    elif service == "events" and resource.startswith("rule/"):
        name = resource.removeprefix("rule/")
        yield Changed(What.RULE, name if "/" in name else f"{_DEFAULT}/{name}")
    elif service == "logs" and resource.startswith("log-group:"):
        yield Changed(What.LOG_GROUP, resource.removeprefix("log-group:"))


# --- what triggers ----------------------------------------------------------------------------------------------------


def _bucket(call: _Call) -> Iterator[Changed]:
    """One that is another account's is in that account's own event too."""
    document = call.request.get("CreateBucketConfiguration")
    place = document.get("LocationConstraint") if isinstance(document, Mapping) else None
    if place in (None, "", call.region) and call.owners <= {call.account}:
        yield Changed(What.BUCKET, call.text("bucketName"))


def _topic(call: _Call) -> Iterator[Changed]:
    if name := call.here(call.text("topicArn")):
        yield Changed(What.TOPIC, name)


def _subscription(call: _Call) -> Iterator[Changed]:
    """A subscription's ARN is its topic's, and an id."""
    if name := call.here(call.text("subscriptionArn").rpartition(":")[0]):
        yield Changed(What.TOPIC, name)


def _rule(call: _Call) -> Iterator[Changed]:
    yield from _of_bus(call, call.text("name"))


def _targets(call: _Call) -> Iterator[Changed]:
    yield from _of_bus(call, call.text("rule"))


def _of_bus(call: _Call, rule: str) -> Iterator[Changed]:
    bus = call.optional("eventBusName") or _DEFAULT
    if bus.startswith("arn:"):
        bus = call.here(bus).removeprefix("event-bus/")
    if bus:
        yield Changed(What.RULE, f"{bus}/{rule}")


def _queue(call: _Call) -> Iterator[Changed]:
    """A queue's URL ends with its account and name."""
    url = call.text("queueUrl").rstrip("/").split("/")
    if len(url) < 2:
        raise Malformed("detail.requestParameters.queueUrl is no URL of a queue")
    if url[-2] == call.account:
        yield Changed(What.QUEUE, url[-1])


def _new_queue(call: _Call) -> Iterator[Changed]:
    yield Changed(What.QUEUE, call.text("queueName"))


def _pipe(call: _Call) -> Iterator[Changed]:
    yield Changed(What.PIPE, call.text("name"))


def _schedule(call: _Call) -> Iterator[Changed]:
    yield Changed(What.SCHEDULE, f"{call.optional('groupName') or _DEFAULT}/{call.text('name')}")


def _machine(call: _Call) -> Iterator[Changed]:
    name = call.here(call.text("stateMachineArn")).removeprefix("stateMachine:").partition(":")[0]
    if name:
        yield Changed(What.STATE_MACHINE, name)


def _new_machine(call: _Call) -> Iterator[Changed]:
    yield Changed(What.STATE_MACHINE, call.text("name"))


def _log_group(call: _Call) -> Iterator[Changed]:
    yield Changed(What.LOG_GROUP, call.text("logGroupName"))


# --- roles ------------------------------------------------------------------------------------------------------------


def _role(call: _Call) -> Iterator[Changed]:
    yield Changed(What.ROLE, call.text("roleName"))


def _policy(call: _Call) -> Iterator[Changed]:
    yield Changed(What.POLICY, call.text("policyArn"))


_Reader = Callable[[_Call], Iterator[Changed]]
_READERS: Mapping[str, Mapping[str, _Reader]] = {
    "lambda": {
        "CreateFunction20150331": _function,
        "UpdateFunctionConfiguration20150331v2": _function,
        "UpdateFunctionCode20150331v2": _function,
        "DeleteFunction20150331": _function,
        "CreateEventSourceMapping20150331": _mapping_made,
        "UpdateEventSourceMapping20150331": _mapping_changed,
        "DeleteEventSourceMapping20150331": _mapping_changed,
        "AddPermission20150331v2": _permission,
        "RemovePermission20150331v2": _permission,
        "PutFunctionEventInvokeConfig": _destinations,
        "UpdateFunctionEventInvokeConfig": _destinations,
        "DeleteFunctionEventInvokeConfig": _destinations,
    },
    "s3": {"CreateBucket": _bucket, "DeleteBucket": _bucket, "PutBucketNotification": _bucket},
    "sns": {
        "Subscribe": _topic,
        "ConfirmSubscription": _topic,
        "DeleteTopic": _topic,
        "Unsubscribe": _subscription,
        "SetSubscriptionAttributes": _subscription,
    },
    "events": {
        "PutRule": _rule,
        "DeleteRule": _rule,
        "EnableRule": _rule,
        "DisableRule": _rule,
        "PutTargets": _targets,
        "RemoveTargets": _targets,
    },
    "sqs": {
        "CreateQueue": _new_queue,
        "SetQueueAttributes": _queue,
        "AddPermission": _queue,
        "RemovePermission": _queue,
        "DeleteQueue": _queue,
    },
    "pipes": dict.fromkeys(("CreatePipe", "UpdatePipe", "DeletePipe", "StartPipe", "StopPipe"), _pipe),
    "scheduler": dict.fromkeys(("CreateSchedule", "UpdateSchedule", "DeleteSchedule"), _schedule),
    "states": {
        "CreateStateMachine": _new_machine,
        "UpdateStateMachine": _machine,
        "DeleteStateMachine": _machine,
    },
    "logs": dict.fromkeys(("PutSubscriptionFilter", "DeleteSubscriptionFilter", "DeleteLogGroup"), _log_group),
    "iam": {
        **dict.fromkeys(
            (
                "PutRolePolicy",
                "DeleteRolePolicy",
                "AttachRolePolicy",
                "DetachRolePolicy",
                "PutRolePermissionsBoundary",
                "DeleteRolePermissionsBoundary",
                "DeleteRole",
            ),
            _role,
        ),
        **dict.fromkeys(("CreatePolicyVersion", "SetDefaultPolicyVersion", "DeletePolicyVersion"), _policy),
    },
}

CALLS: Mapping[str, tuple[str, ...]] = {service: tuple(readers) for service, readers in _READERS.items()}
"""Every call that is followed, by service: the names that CloudTrail gives them."""


def _mapping(value: object, field: str) -> Json:
    if not isinstance(value, Mapping):
        raise Malformed(f"{field} is not an object")
    return value


def _text(holder: Json, name: str, field: str = "") -> str:
    value = holder.get(name)
    if not isinstance(value, str) or not value:
        raise Malformed(f"{field or name} is not text" if value is not None else f"{field or name} is missing")
    return value
