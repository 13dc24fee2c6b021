"""Rung 1: an event source mapping is disabled, and what arrives waits at its source until it is enabled again.

Lambda API reference: GetEventSourceMapping, UpdateEventSourceMapping; a mapping resumes where it stopped, and cannot be
changed while another change of it takes effect. How long a source keeps what nobody reads: SQS API reference,
SetQueueAttributes; DynamoDB developer guide, "Change data capture for DynamoDB Streams"; Kinesis API reference,
DescribeStreamSummary.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.adapters.errors import AWS_ERRORS
from functions.core.fix import Change, ChangedMeanwhile, NotVerified, NotYet, Undone, Work
from functions.playbooks.recursive_loop.fixes.step import Open
from functions.playbooks.recursive_loop.graph import Edge
from functions.playbooks.recursive_loop.triggers import node

SETTING = "event source mapping"
_ON, _TO_ON = "Enabled", {"Enabled", "Enabling"}
_OFF, _TO_OFF = "Disabled", {"Disabled", "Disabling"}
_UNITS = (("days", 86_400), ("hours", 3_600), ("minutes", 60))

_Mapping = Mapping[str, Any]


def plan(work: Work, edge: Edge) -> tuple[Change, ...]:
    """Decide to disable the mapping that the edge stands for. Raises `Open` where it no longer triggers anything."""
    found = _read(work, edge.handle)
    if found is None:
        raise Open(f"The event source mapping {edge.handle} is gone.")
    if found["State"] in _TO_OFF:
        raise Open(f"The event source mapping {edge.handle} is disabled.")
    if (node(found.get("EventSourceArn", "")), node(found["FunctionArn"])) != (edge.source, edge.target):
        raise Open(f"The event source mapping {edge.handle} no longer leads from {edge.source} to {edge.target}.")
    return (Change(f"{SETTING} {edge.handle} of {_function(found)}", _ON, _OFF),)


def keeps(work: Work, edge: Edge) -> str:
    """Say in one sentence how long what the function is not given waits. Raises nothing for what cannot be read."""
    return waits(work, edge.source)


def waits(work: Work, source: str) -> str:
    """Say how long a queue or stream, by its ARN, keeps what nobody reads; a plan does not fail for want of that."""
    service = source.split(":")[2] if source.startswith("arn:") else ""
    if service not in ("sqs", "kinesis", "dynamodb"):
        return "What arrives waits at its source, for as long as that keeps it."
    place = "queue" if service == "sqs" else "stream"
    try:
        return f"What arrives waits in the {place} for up to {_long(_retention(work, source))}."
    except AWS_ERRORS:
        return f"What arrives waits in the {place}, for as long as that keeps it."


def _retention(work: Work, source: str) -> int:
    """Return seconds. Raises boto3's errors."""
    service = source.split(":")[2]
    if service == "sqs":
        return int(_queue_attribute(work, source, "MessageRetentionPeriod"))
    if service == "kinesis":
        answer = work.member.client("kinesis").describe_stream_summary(StreamARN=source)
        return int(answer["StreamDescriptionSummary"]["RetentionPeriodHours"]) * 3_600
    return 24 * 3_600


def has_dead_letters(work: Work, queue: str) -> bool:
    """Whether a queue, by its ARN, passes on what its consumer keeps failing on; False where that cannot be read."""
    try:
        return bool(_queue_attribute(work, queue, "RedrivePolicy"))
    except AWS_ERRORS:
        return False


def _queue_attribute(work: Work, queue: str, name: str) -> str:
    """Return an attribute of a queue, '' where it is not set. Raises boto3's errors."""
    client = work.member.client("sqs")
    url = "/".join((client.meta.endpoint_url, *queue.split(":")[4:]))
    answer = client.get_queue_attributes(QueueUrl=url, AttributeNames=[name])
    return str((answer.get("Attributes") or {}).get(name, ""))


def _long(seconds: int) -> str:
    """Put a time in the largest unit of which it is a multiple, and more than one."""
    for unit, length in _UNITS:
        if seconds >= 2 * length and seconds % length == 0:
            return f"{seconds // length} {unit}"
    return f"{seconds} seconds"


def apply(work: Work, change: Change) -> None:
    """Disable it, unless that is done or under way. Raises `ChangedMeanwhile`, and `NotYet` while it is changing."""
    found = _read(work, _uuid(change))
    if found is None:
        raise ChangedMeanwhile(f"The {change.setting} was deleted meanwhile.")
    if not _is_of(found, change):
        raise ChangedMeanwhile(f"The {change.setting} triggers {_function(found)} meanwhile; it was left so.")
    if found["State"] not in _TO_OFF:
        _enable(work, change, enabled=False)


def verify(work: Work, change: Change) -> None:
    """Read its state back. Raises `NotYet` while it is being disabled, `NotVerified` where it is not."""
    found = _read(work, _uuid(change))
    state = "deleted" if found is None else found["State"]
    if state in ("Disabling", "Updating"):
        raise NotYet(f"the {change.setting} is {state}")
    if state != change.after:
        raise NotVerified(f"the {change.setting} is {state}")


def undo(work: Work, change: Change) -> Undone:
    """Enable it again, unless it was deleted or given to another function since. Raises `NotYet` while it changes."""
    found = _read(work, _uuid(change))
    if found is None:
        return _deleted(change)
    if not _is_of(found, change):
        return Undone(kept=(f"{change.setting}: it triggers {_function(found)}, as somebody set it since",))
    if found["State"] in _TO_ON:
        return Undone(restored=(change,))
    if found["State"] != change.after:
        raise NotYet(f"the {change.setting} is {found['State']}")
    client = work.member.client("lambda")
    try:
        _enable(work, change, enabled=True)
    except client.exceptions.ResourceNotFoundException:
        return _deleted(change)
    return Undone(restored=(change,))


def _deleted(change: Change) -> Undone:
    return Undone(kept=(f"{change.setting}: it was deleted since",))


def _enable(work: Work, change: Change, *, enabled: bool) -> None:
    client = work.member.client("lambda")
    try:
        client.update_event_source_mapping(UUID=_uuid(change), Enabled=enabled)
    except (client.exceptions.ResourceInUseException, client.exceptions.ResourceConflictException):
        raise NotYet(f"the {change.setting} is being changed") from None


def _read(work: Work, uuid: str) -> _Mapping | None:
    """Return the mapping, None if it is gone or going."""
    client = work.member.client("lambda")
    try:
        found: _Mapping = client.get_event_source_mapping(UUID=uuid)
    except client.exceptions.ResourceNotFoundException:
        return None
    return None if found["State"] == "Deleting" else found


def _uuid(change: Change) -> str:
    return change.setting.removeprefix(SETTING).split()[0]


def _is_of(found: _Mapping, change: Change) -> bool:
    return change.setting.endswith(f" of {_function(found)}")


def _function(found: _Mapping) -> str:
    return node(found["FunctionArn"]).rpartition(":")[2]
