"""Who made an event that waits in a queue: somebody outside (root), the loop itself, or nobody can tell. Pure.

| in the message | says |
|---|---|
| `SenderId` of SQS, `AROA…:<function>` | which function sent it, to a queue that functions send to themselves |
| `userIdentity.principalId` of S3 and of CloudTrail, the same | which function wrote the object or made the call |
| `detail.requester` of S3's events on EventBridge | an account or an AWS service, no function |
| `Lineage=…:<count>` in `AWSTraceHeader`, from 1 | the chain that led to it has run one function twice |

Sources: SQS API reference, ReceiveMessage; S3 user guide, "Event message structure" and "EventBridge event message
structure"; Lambda developer guide, "Use Lambda recursive loop detection"; X-Ray developer guide, "Tracing header".

A function's session has the function's name. Into a quarantine queue services send, so there `SenderId` says nothing.
A count of 0 is a function's first run, whether that is one of the loop or one before it. Without a lineage nothing is
said: old SDKs send none, and EventBridge hands on only what came with `PutEvents` (its user guide, "AWS X-Ray").

Dropping is for ever, so without proof an event stays unknown; what is taken for root though the loop made it is only
processed once more. One thing is not told apart: a loop outside of this one, meant to be, whose functions send to this
one by SNS or EventBridge; their events have a lineage from 1 as well.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Origin(StrEnum):
    """Who made an event. `TEST` is S3's own message about a new notification, which is no event at all."""

    ROOT = "root"
    LOOP = "loop"
    UNKNOWN = "unknown"
    TEST = "test"


class Shape(StrEnum):
    """What a message is, as far as it can be seen; `PLAIN` is anything else."""

    FAILURE = "on-failure record"
    S3 = "S3 event"
    SNS = "SNS notification"
    EVENT = "EventBridge event"
    PLAIN = "plain message"


@dataclass(frozen=True)
class Makers:
    """The functions of a loop, by name, the account they are in, and the unique ids of their roles where known."""

    functions: frozenset[str]
    account: str = ""
    roles: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Judged:
    """What a message is, who made it and why we think so, in words that show nothing of what it holds.

    Two messages of one `key` are one event. `payload` is the text that an on-failure record keeps of what the function
    was invoked with, otherwise the whole message; None if the record lacks it. `function` is the ARN that a record
    names, with its qualifier.
    """

    origin: Origin
    reason: str
    key: str
    shape: Shape
    payload: str | None = field(repr=False)
    function: str = ""


Verdict = tuple[Origin, str]

# Numbers stay texts: Python refuses to read very long ones.
_JSON = json.JSONDecoder(parse_int=str, parse_float=str)
_BLANK = re.compile(r"[ \t\n\r]*")
_LINEAGE = re.compile(r"(?:^|;)\s*Lineage=([^;]*)")
_COUNT = re.compile(r"(?:^|:)([0-9]{1,9})$")
_SERVICE = ".amazonaws.com"
_DEEPEST = 200

_MIXED: Verdict = (Origin.UNKNOWN, "it holds several events, not all of one origin")
_TEST: Verdict = (Origin.TEST, "S3 announces a notification")


def quarantined(message: Mapping[str, Any], makers: Makers) -> Judged:
    """Judge a message of a quarantine queue, as SQS returns it, with its attributes."""
    body, header = _text(message.get("Body")), _attribute(message, "AWSTraceHeader")
    value = _parsed(body)
    if _is_failure(value):
        payload = _member(body, "requestPayload")
        kept = _parsed(payload) if payload is not None else None
        context = value["requestContext"]
        (origin, reason), key = _maker(kept, header, makers), _identity(kept) or ("request", context["requestId"])
        return Judged(origin, reason, _key(key), Shape.FAILURE, payload, context["functionArn"])
    origin, reason = _maker(value, header, makers)
    return Judged(origin, reason, _key(_identity(value) or _message(message)), _shape(value), body)


def waiting(message: Mapping[str, Any], makers: Makers) -> Judged:
    """Judge a message that waits in a queue that functions or services send to themselves."""
    body = _text(message.get("Body"))
    sender, header = _attribute(message, "SenderId"), _attribute(message, "AWSTraceHeader")
    value = _parsed(body)
    origin, reason = _sent(sender, value, header, makers)
    return Judged(origin, reason, _key(_message(message)), _shape(value), body)


# --- who made it ------------------------------------------------------------------------------------------------------


def _maker(value: Any, header: str, makers: Makers) -> Verdict:
    """Say who made what a function is or would be invoked with."""
    if _is_test(value):
        return _TEST
    if _is_event(value):
        return _put(value, header, makers)
    if _is_envelope(value):
        return _published(value["Message"], header, makers)
    records = _records(value)
    return _together(_recorded(record, header, makers) for record in records) if records else _traced(header)


def _recorded(record: Mapping[str, Any], header: str, makers: Makers) -> Verdict:
    """Say who made one record of what S3, SQS or SNS invokes functions with."""
    match _source(record):
        case "aws:s3":
            return _principal(_at(record, "userIdentity", "principalId"), makers)
        case "aws:sqs":
            attributes = record.get("attributes")
            sender, trace = (_text(_at(attributes, name)) for name in ("SenderId", "AWSTraceHeader"))
            return _sent(sender, _parsed(_text(record.get("body"))), trace, makers)
        case _:
            return _published(_text(_at(record, "Sns", "Message")), header, makers)


def _sent(sender: str, value: Any, header: str, makers: Makers) -> Verdict:
    """Say who sent a message to SQS: a function of the loop by itself, or a service for somebody."""
    origin, reason = _principal(sender, makers)
    if origin is Origin.ROOT and _shape(value) is not Shape.PLAIN:
        return _maker(value, header, makers)
    return origin, reason


def _published(text: str, header: str, makers: Makers) -> Verdict:
    """Say who made a notification: SNS does not tell who published it, but it may be S3's or EventBridge's."""
    inner = _parsed(text)
    return _maker(inner, header, makers) if _shape(inner) in (Shape.S3, Shape.EVENT) else _traced(header)


def _put(event: Mapping[str, Any], header: str, makers: Makers) -> Verdict:
    """Say who made an EventBridge event; nobody can put one whose source begins with `aws.`."""
    source, detail = event["source"], event["detail"]
    if not source.startswith("aws."):
        return _traced(header)
    caller = _at(detail, "userIdentity", "principalId")
    if event["detail-type"].endswith("via CloudTrail") and caller:
        return _principal(caller, makers)
    if source != "aws.s3":
        return Origin.ROOT, "an AWS service sent it"
    requester = _text(_at(detail, "requester"))
    if requester.endswith(_SERVICE) or (makers.account and requester.isdecimal() and requester != makers.account):
        return Origin.ROOT, "an AWS service or another account wrote the object"
    return _traced(header)


def _principal(principal: Any, makers: Makers) -> Verdict:
    """Judge by a principal's unique id: `AROA…:<session>`, with `AWS:` in front from S3."""
    if not isinstance(principal, str) or not principal:
        return Origin.UNKNOWN, "it does not say who made it"
    role, _, session = principal.removeprefix("AWS:").partition(":")
    if not role.startswith("AROA") or session not in makers.functions:
        return Origin.ROOT, "somebody who is no function of the loop made it"
    if makers.roles and role not in makers.roles:
        return Origin.UNKNOWN, f"a session named like {session} made it, with another role"
    return Origin.LOOP, f"{session} made it"


def _traced(header: str) -> Verdict:
    """Judge by the lineage in a trace header: one or several of `<n>:<hash>:<count>`, with `|` between them."""
    lineage = _LINEAGE.search(header)
    counts = [_COUNT.search(entry) for entry in lineage[1].split("|")] if lineage else []
    if any(count and int(count[1]) for count in counts):
        return Origin.LOOP, "its trace has been through one function before"
    if any(counts):
        return Origin.UNKNOWN, "a function made it, and its trace does not say which"
    return Origin.UNKNOWN, "nothing says who made it"


def _together(verdicts: Iterable[Verdict]) -> Verdict:
    found = list(dict.fromkeys(verdicts))
    return found[0] if len({origin for origin, _ in found}) == 1 else _MIXED


# --- what it is -------------------------------------------------------------------------------------------------------


def _shape(value: Any) -> Shape:
    records = _records(value)
    if _is_test(value) or (records and _source(records[0]) == "aws:s3"):
        return Shape.S3
    if _is_envelope(value):
        return Shape.SNS
    return Shape.EVENT if _is_event(value) else Shape.PLAIN


def _is_failure(value: Any) -> bool:
    """Whether it is what Lambda sends to an on-failure destination (developer guide, "Capturing records")."""
    context = _at(value, "requestContext")
    return all(isinstance(_at(context, name), str) for name in ("requestId", "functionArn", "condition"))


def _is_test(value: Any) -> bool:
    return (_at(value, "Service"), _at(value, "Event")) == ("Amazon S3", "s3:TestEvent")


def _is_envelope(value: Any) -> bool:
    named = all(isinstance(_at(value, name), str) for name in ("TopicArn", "MessageId", "Message"))
    return named and bool(_at(value, "Type") == "Notification")


def _is_event(value: Any) -> bool:
    named = all(isinstance(_at(value, name), str) for name in ("id", "source", "detail-type"))
    return named and _at(value, "detail") is not None


def _records(value: Any) -> Sequence[Mapping[str, Any]]:
    """Return the records of what S3, SQS or SNS invokes a function with; none of anything else."""
    records = _at(value, "Records")
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        return []
    sources = {_source(record) for record in records}
    return records if len(sources) == 1 and sources < {"aws:s3", "aws:sqs", "aws:sns"} else []


def _source(record: Mapping[str, Any]) -> str:
    return _text(record.get("eventSource") or record.get("EventSource"))


# --- which one it is --------------------------------------------------------------------------------------------------


def _identity(value: Any) -> Sequence[Any] | None:
    """Return what the service itself tells an event by, and its content, so that no two events are taken for one."""
    if _is_event(value):
        return ["event", value["id"], value]
    if _is_envelope(value):
        return ["notification", value["MessageId"], value["Message"]]
    records = _records(value)
    found = [_record_identity(record) for record in records]
    return ["records", *found] if found and all(found) else None


def _record_identity(record: Mapping[str, Any]) -> Sequence[Any] | None:
    match _source(record):
        case "aws:s3":
            which = [_at(record, "s3", "object", "sequencer"), _at(record, "responseElements", "x-amz-request-id")]
            where = [
                _at(record, "s3", "bucket", "name"),
                *(_at(record, "s3", "object", n) for n in ("key", "versionId")),
            ]
            return [record.get("eventName"), *where, *which] if any(which) else None
        case "aws:sns":
            sns = record.get("Sns")
            return [_at(sns, "MessageId"), _at(sns, "Message")] if _at(sns, "MessageId") else None
        case _:
            return [record["messageId"], record.get("body")] if record.get("messageId") else None


def _message(message: Mapping[str, Any]) -> Sequence[Any]:
    return ["message", _text(message.get("MessageId"))]


def _key(identity: Sequence[Any]) -> str:
    """Return a key of 32 characters that shows nothing of what it was made from."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:32]


# --- reading ----------------------------------------------------------------------------------------------------------


def _parsed(text: str) -> Any:
    """Return a text's JSON value, None if it is none or nested deeper than anything that a service sends."""
    try:
        value = json.loads(text, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return None
    return value if _is_shallow(value) else None


def _is_shallow(value: Any) -> bool:
    level = [value]
    for _ in range(_DEEPEST):
        level = [inner for one in level if isinstance(one, dict | list) for inner in _inside(one)]
        if not level:
            return True
    return False


def _inside(value: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value


def _member(text: str, name: str) -> str | None:
    """Return the text of a member's value, exactly as it stands in the text of a JSON object; the last one counts."""
    found, at = None, _next(text, 0) + 1
    while text.startswith('"', at := _next(text, at)):
        key, at = _JSON.raw_decode(text, at)
        start = _next(text, _next(text, at) + 1)
        _, end = _JSON.raw_decode(text, start)
        if key == name:
            found = text[start:end]
        at = _next(text, end) + 1
    return found


def _next(text: str, at: int) -> int:
    """Return where the next character that is not blank stands."""
    match = _BLANK.match(text, at)
    return match.end() if match else at


def _attribute(message: Mapping[str, Any], name: str) -> str:
    return _text(_at(message.get("Attributes"), name))


def _at(value: Any, *names: str) -> Any:
    """Return what stands under names in nested objects, None if there is nothing."""
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
