"""An EventBridge event → where to look. The event is believed only about that, never about what is there.

Shapes: EventBridge user guide "AWS service events delivered via AWS CloudTrail", CloudTrail user guide "userIdentity
element", AWS Config "Monitoring with EventBridge", AWS Health user guide "EventBridge schema", CloudWatch user guide
"Alarm events and EventBridge".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from functions.core.finding import Cause
from functions.core.message import SOURCE, Kind, NotAMessage, read_message
from functions.core.secret_name import function_of_secret
from functions.core.subject import (
    ACCOUNT,
    REGION,
    FunctionReference,
    NotAFunction,
    Subject,
    parse_function,
    partition_of,
)

Json = Mapping[str, Any]

OWN_PREFIX = "warden-"
TEST_SOURCE = "warden.test"
SWEEP_SOURCE = "warden.sweep"

# Metrics Insights' keywords may be in either case (CloudWatch user guide, "Metrics Insights query components and
# syntax"); metric math has no such words.
_GROUPS = re.compile(r"\bGROUP\s+BY\b", re.IGNORECASE)


class Malformed(ValueError):
    """The event cannot be read; the text says which field and why. It belongs in a dead-letter queue."""


@dataclass(frozen=True)
class Look:
    """Read this subject and check it; a subject without a function is a whole account and Region.

    With a `role`, by its name, it is every function of the account that runs under it, whatever the Region.
    """

    subject: Subject
    cause: Cause
    role: str = ""


@dataclass(frozen=True)
class Ignored:
    """Nothing to do, and why."""

    because: str


@dataclass(frozen=True)
class Forged:
    """Someone sent what only the hub, or only another account, may say: a security ticket and nothing else."""

    account: str
    region: str
    because: str
    event_id: str = ""
    source: str = ""


@dataclass(frozen=True)
class Trust:
    """Whom to believe: the hub itself, and accounts whose Health events may speak of others."""

    hub_account: str
    own_roles: tuple[str, ...]
    health_accounts: tuple[str, ...] = ()


Reading = tuple[Look, ...] | Ignored | Forged


def read_event(event: object, trust: Trust) -> Reading:
    """Say where an event sends us. Raises `Malformed` with the field and the reason."""
    envelope = _mapping(event, "the event")
    source = _text(envelope, "source")
    account, region = _account(envelope, "account"), _region(envelope, "region")
    detail = _mapping(envelope.get("detail"), "detail")
    read = _Envelope(envelope, source, account, region, detail)
    if source == "warden" or source.startswith("warden."):
        return _read_own(read, trust)
    if envelope.get("replay-name"):
        return Ignored("a replayed event is history, not news")
    reader = _READERS.get(source)
    if reader is None:
        return Ignored(f"no playbook listens to {source[:80]!r}")
    return reader(read, trust)


@dataclass(frozen=True)
class _Envelope:
    event: Json
    source: str
    account: str
    region: str
    detail: Json

    def forged(self, because: str) -> Forged:
        # Whoever forges an event chooses its id too: one that cannot be read must not spoil the ticket.
        event_id = self.event.get("id")
        return Forged(self.account, self.region, because, _said(event_id)[:80], self.source[:256])

    def subject(self, function: str = "", region: str = "") -> Subject:
        region = region or self.region
        return Subject(partition_of(region), self.account, region, function)


def _read_own(envelope: _Envelope, trust: Trust) -> Reading:
    source, detail = envelope.source, envelope.detail
    if envelope.account != trust.hub_account:
        return envelope.forged(f"only the hub may send {source[:80]!r} events")
    if source == TEST_SOURCE and "event" in detail:
        if _is_wrapped(detail["event"]):
            raise Malformed("detail.event is itself a wrapped event")
        reading = read_event(detail["event"], trust)
        if isinstance(reading, tuple):
            return tuple(Look(look.subject, replace(look.cause, origin="test")) for look in reading)
        return reading
    if source == SOURCE and envelope.event.get("detail-type") == Kind.FIX_APPLIED:
        return _read_fix(envelope, trust)
    if source not in (TEST_SOURCE, SWEEP_SOURCE):
        return Ignored(f"{source[:80]!r} is for others to read")
    account, region = _account(detail, "account", "detail.account"), _region(detail, "region", "detail.region")
    function = _optional(detail, "function", "detail.function")
    name = _function(function, "detail.function").name if function else ""
    origin = _optional(detail, "origin", "detail.origin")[:40] or source.removeprefix("warden.")
    cause = Cause(
        event=_optional(detail, "event", "detail.event")[:120],
        actor=_optional(detail, "actor", "detail.actor")[:200],
        origin=origin,
    )
    return _look(Subject(partition_of(region), account, region, name), cause, trust)


def _read_fix(envelope: _Envelope, trust: Trust) -> Reading:
    """Look at what was just fixed: a fix can uncover more to do."""
    try:
        message = read_message(Kind.FIX_APPLIED.value, envelope.detail)
    except NotAMessage as error:
        raise Malformed(str(error)) from None
    cause = Cause(event=f"fix {message.fix} of {message.finding.playbook}"[:120], at=message.at, origin="fix")
    return _look(message.finding.subject, cause, trust)


def _is_wrapped(event: object) -> bool:
    if not isinstance(event, Mapping) or event.get("source") != TEST_SOURCE:
        return False
    detail = event.get("detail")
    return isinstance(detail, Mapping) and "event" in detail


def _read_api_call(envelope: _Envelope, trust: Trust) -> Reading:
    detail = envelope.detail
    if envelope.event.get("detail-type") != "AWS API Call via CloudTrail":
        return Ignored("not an API call")
    name = _text(detail, "eventName", "detail.eventName")
    if detail.get("errorCode"):
        return Ignored(f"{name[:80]} failed, so it changed nothing")
    identity = _mapping(detail.get("userIdentity") or {}, "detail.userIdentity")
    if _own_call(identity, envelope.account, trust):
        return Ignored(f"{name[:80]} was our own call")
    recipient = _optional(detail, "recipientAccountId", "detail.recipientAccountId")
    if recipient and recipient != envelope.account:
        return envelope.forged(f"the event came from {envelope.account} but speaks of account {recipient[:40]!r}")
    request = _mapping(detail.get("requestParameters") or {}, "detail.requestParameters")
    if request.get("dryRun") is True:
        return Ignored(f"{name[:80]} was a dry run")
    cause = Cause(
        event=name[:120],
        event_id=_optional(detail, "eventID", "detail.eventID")[:80],
        at=_optional(detail, "eventTime", "detail.eventTime")[:40],
        actor=actor(identity),
    )
    match envelope.source:
        case "aws.secretsmanager":
            return _about_secret(envelope, request, cause, trust)
        case "aws.iam":
            return _about_role(envelope, request, cause, trust)
    return _about_function(envelope, request, identity, cause, trust)


def _about_secret(envelope: _Envelope, request: Json, cause: Cause, trust: Trust) -> Reading:
    """Look at the function whose variables a secret of ours holds."""
    function = function_of_secret(_text(request, "secretId", "detail.requestParameters.secretId"))
    if not function:
        return Ignored(f"{cause.event} was not about a secret of ours")
    return _look(envelope.subject(function), cause, trust)


def _about_role(envelope: _Envelope, request: Json, cause: Cause, trust: Trust) -> Reading:
    """Look at every function that runs under a role; IAM tells of it in one Region, and roles serve all of them."""
    role = _text(request, "roleName", "detail.requestParameters.roleName")
    if role in trust.own_roles:
        return Ignored("our own roles are out of scope")
    return (Look(envelope.subject(), cause, role=role),)


def _about_function(envelope: _Envelope, request: Json, identity: Json, cause: Cause, trust: Trust) -> Reading:
    name = cause.event
    field, text = _named_function(envelope.detail, request)
    if ":lambda:" in text and ":function:" not in text:
        return Ignored(f"{name[:80]} was not about a function")
    reference = _function(text, field)
    elsewhere = (reference.account or envelope.account, reference.region or envelope.region)
    if elsewhere != (envelope.account, envelope.region):
        if identity.get("accountId") == envelope.account:
            return Ignored("the caller's copy of a call to another account, which has its own event")
        return envelope.forged(f"the event came from {envelope.account} but names {text[:200]!r}")
    return _look(envelope.subject(reference.name), cause, trust)


def _named_function(detail: Json, request: Json) -> tuple[str, str]:
    for field, text in (
        ("requestParameters.functionName", request.get("functionName")),
        ("requestParameters.resource", request.get("resource")),
        ("responseElements.functionName", (detail.get("responseElements") or {}).get("functionName"))
        if isinstance(detail.get("responseElements"), Mapping)
        else ("", None),
    ):
        if text is not None:
            return f"detail.{field}", _text({field: text}, field, f"detail.{field}")
    raise Malformed("detail.requestParameters names no function")


def _own_call(identity: Json, account: str, trust: Trust) -> bool:
    session = identity.get("sessionContext")
    issuer = session.get("sessionIssuer") if isinstance(session, Mapping) else None
    arn = issuer.get("arn") if isinstance(issuer, Mapping) else None
    if not isinstance(arn, str):
        return False
    return any(arn.endswith(f":iam::{account}:role/{role}") for role in trust.own_roles)


def _read_config(envelope: _Envelope, trust: Trust) -> Reading:
    detail = envelope.detail
    item = detail.get("configurationItem")
    about = _mapping(item, "detail.configurationItem") if item is not None else detail
    where = "detail.configurationItem" if item is not None else "detail"
    if about.get("resourceType") != "AWS::Lambda::Function":
        return Ignored("not about a function")
    said = _optional(about, "awsAccountId", f"{where}.awsAccountId")
    if said and said != envelope.account:
        return envelope.forged(f"the event came from {envelope.account} but speaks of account {said[:40]!r}")
    if about.get("configurationItemStatus") in ("ResourceDeleted", "ResourceDeletedNotRecorded"):
        event = "configuration item: deleted"
    else:
        event = _optional(detail, "configRuleName", "detail.configRuleName") or "configuration item"
    function = _function(_text(about, "resourceId", f"{where}.resourceId"), f"{where}.resourceId").name
    cause = Cause(event=f"AWS Config: {event[:100]}", event_id=_optional(envelope.event, "id")[:80], at=_time(envelope))
    return _look(envelope.subject(function), cause, trust)


def _read_health(envelope: _Envelope, trust: Trust) -> Reading:
    detail = envelope.detail
    affected = _optional(detail, "affectedAccount", "detail.affectedAccount") or envelope.account
    if not ACCOUNT.fullmatch(affected):
        raise Malformed(f"detail.affectedAccount {affected[:40]!r} is not an account id")
    if affected != envelope.account and envelope.account not in trust.health_accounts:
        return envelope.forged(f"the event came from {envelope.account} but speaks of account {affected}")
    region = _region(detail, "eventRegion", "detail.eventRegion") if detail.get("eventRegion") else envelope.region
    entities = detail.get("affectedEntities") or []
    if not isinstance(entities, list):
        raise Malformed("detail.affectedEntities is not a list")
    code = _optional(detail, "eventTypeCode", "detail.eventTypeCode")
    cause = Cause(event=f"AWS Health: {code[:100]}", event_id=_optional(envelope.event, "id")[:80], at=_time(envelope))
    looks: list[Look] = []
    # Health also lists what is no function ("UNKNOWN"); the functions beside it are looked at all the same.
    unreadable: Malformed | None = None
    for number, entity in enumerate(entities):
        field = f"detail.affectedEntities[{number}].entityValue"
        try:
            value = _text(_mapping(entity, f"detail.affectedEntities[{number}]"), "entityValue", field)
            name = _function(value, field).name
        except Malformed as error:
            unreadable = unreadable or error
            continue
        looks.extend(_looks(_look(Subject(partition_of(region), affected, region, name), cause, trust)))
    if unreadable and not looks:
        raise unreadable
    return tuple(looks) or Ignored("the Health event names no function")


def _read_alarm(envelope: _Envelope, trust: Trust) -> Reading:
    detail = envelope.detail
    state = _mapping(detail.get("state") or {}, "detail.state")
    if state.get("value") != "ALARM":
        return Ignored("the alarm is not in ALARM")
    name = _optional(detail, "alarmName", "detail.alarmName")
    cause = Cause(event=f"alarm {name[:100]}", event_id=_optional(envelope.event, "id")[:80], at=_time(envelope))
    if envelope.event.get("detail-type") == "CloudWatch Alarm Contributor State Change":
        return _about_contributor(envelope, cause, trust)
    configuration = _mapping(detail.get("configuration") or {}, "detail.configuration")
    metrics = configuration.get("metrics") or []
    if not isinstance(metrics, list):
        raise Malformed("detail.configuration.metrics is not a list")
    names = sorted({text for metric in metrics if (text := _function_dimension(metric))})
    if not names and any(map(_has_contributors, metrics)):
        return Ignored(f"the contributors to the alarm {name[:100]} have events of their own")
    subjects = [envelope.subject(_function(text, "dimension FunctionName").name) for text in names]
    looks: list[Look] = []
    for subject in subjects or [envelope.subject()]:
        looks.extend(_looks(_look(subject, cause, trust)))
    return tuple(looks) or Ignored("the alarm is about our own functions")


def _about_contributor(envelope: _Envelope, cause: Cause, trust: Trust) -> Reading:
    """Look at the function that an alarm over many functions tells of."""
    contributor = _mapping(envelope.detail.get("alarmContributor"), "detail.alarmContributor")
    attributes = _mapping(contributor.get("attributes"), "detail.alarmContributor.attributes")
    field = "detail.alarmContributor.attributes.FunctionName"
    text = _optional(attributes, "FunctionName", field)
    if not text:
        return Ignored("the contributor to the alarm is no function")
    return _look(envelope.subject(_function(text, field).name), cause, trust)


def _has_contributors(metric: object) -> bool:
    """Whether this is a Metrics Insights query that groups: its alarm is evaluated for each group by itself."""
    expression = _said(metric.get("expression")) if isinstance(metric, Mapping) else ""
    return bool(_GROUPS.search(expression))


def _function_dimension(metric: object) -> str:
    here: object = metric
    for step in ("metricStat", "metric", "dimensions", "FunctionName"):
        if not isinstance(here, Mapping):
            return ""
        here = here.get(step)
    return here if isinstance(here, str) else ""


_READERS: dict[str, Callable[[_Envelope, Trust], Reading]] = {
    "aws.lambda": _read_api_call,
    "aws.secretsmanager": _read_api_call,
    "aws.iam": _read_api_call,
    "aws.config": _read_config,
    "aws.health": _read_health,
    "aws.cloudwatch": _read_alarm,
}


def _look(subject: Subject, cause: Cause, trust: Trust) -> Reading:
    if subject.account == trust.hub_account and subject.function.startswith(OWN_PREFIX):
        return Ignored("our own functions are out of scope")
    return (Look(subject, cause),)


def _looks(reading: Reading) -> tuple[Look, ...]:
    return reading if isinstance(reading, tuple) else ()


def actor(identity: Json) -> str:
    """Name who made a call as a person would (CloudTrail user guide, "userIdentity element"); '' when unknown."""
    kind, through = _said(identity.get("type")), _said(identity.get("invokedBy"))
    suffix = f" through {through}" if through and kind != "AWSService" else ""
    if kind == "Root":
        return f"the root user{suffix}"[:200]
    if kind == "AWSService":
        return (through or "an AWS service")[:200]
    name, arn = _said(identity.get("userName")), _said(identity.get("arn"))
    if kind == "IAMUser" and name:
        return f"{name} (IAM user){suffix}"[:200]
    if ":assumed-role/" in arn:
        return f"{arn.partition(':assumed-role/')[2]}{suffix}"[:200]
    return f"{name or arn or kind}{suffix}"[:200]


def _function(text: str, field: str) -> FunctionReference:
    try:
        return parse_function(text)
    except NotAFunction as error:
        raise Malformed(f"{field}: {error}") from None


def _mapping(value: object, field: str) -> Json:
    if not isinstance(value, Mapping):
        raise Malformed(f"{field} is not an object")
    return value


def _text(holder: Json, key: str, field: str = "") -> str:
    value = holder.get(key)
    if not isinstance(value, str) or not value:
        raise Malformed(f"{field or key} is not text" if value is not None else f"{field or key} is missing")
    return value


def _said(value: object) -> str:
    return value if isinstance(value, str) else ""


def _optional(holder: Json, key: str, field: str = "") -> str:
    value = holder.get(key)
    if value is None:
        return ""
    return _text(holder, key, field) if value != "" else ""


def _account(holder: Json, key: str, field: str = "") -> str:
    value = _text(holder, key, field)
    if not ACCOUNT.fullmatch(value):
        raise Malformed(f"{field or key} {value[:40]!r} is not an account id")
    return value


def _region(holder: Json, key: str, field: str = "") -> str:
    value = _text(holder, key, field)
    if not REGION.fullmatch(value):
        raise Malformed(f"{field or key} {value[:40]!r} is not a Region")
    return value


def _time(envelope: _Envelope) -> str:
    return _optional(envelope.event, "time")[:40]
