"""Take a trigger away that cannot be led into a queue: what would have come through it is lost. Only if a person asks.

CloudWatch Logs API reference, PutSubscriptionFilter; EventBridge Scheduler API reference, UpdateSchedule (it sets what
it is not given to its default); Lambda API reference, PutFunctionEventInvokeConfig. None of them has a revision, so
each is read before it is changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from botocore.exceptions import ClientError

from functions.core.fix import Change, ChangedMeanwhile, NotVerified, Undone, Work
from functions.playbooks.recursive_loop.fixes import invocations
from functions.playbooks.recursive_loop.fixes.fields import taken
from functions.playbooks.recursive_loop.fixes.step import CannotBreak, Open
from functions.playbooks.recursive_loop.graph import Edge, Kind

SETTING = "trigger:"
_LOG, _SCHEDULE, _DESTINATION = "subscription filter", "schedule", "destination"
_OF = " of "
_OFF, _ON = "DISABLED", "ENABLED"


def plan(work: Work, edge: Edge) -> tuple[Change, ...]:
    """Return the step that takes away the trigger of an edge; raises `Open` where it is gone or switched off."""
    words = _words(edge)
    setting = f"{SETTING} {words}"
    trigger = _trigger(setting)
    now = trigger.read(work)
    if now in (None, trigger.off):
        raise Open(f"There is no {words} any more, or it is switched off.")
    return (Change(setting, now, trigger.off),)


def _words(edge: Edge) -> str:
    if edge.kind is Kind.LOG_SUBSCRIPTION:
        return f"{_LOG} {edge.handle}{_OF}{edge.source.split(':', 6)[6]}"
    if edge.kind is Kind.SCHEDULE:
        return f"{_SCHEDULE} {edge.handle}"
    qualifier, _, when = edge.handle.rpartition(" ")
    if edge.kind is Kind.DESTINATION and qualifier:
        return f"{_DESTINATION} {when}{_OF}{invocations.label_of(f'{edge.source}:{qualifier}')}"
    raise CannotBreak("by-hand", f"{edge.evidence or edge.kind.value}: nothing but its owner can take that away")


def apply(work: Work, change: Change) -> None:
    """Take it away; raises `ChangedMeanwhile` where it is another one by now."""
    trigger = _trigger(change.setting)
    now = trigger.read(work)
    if now == change.after:
        return
    if now != change.before:
        raise ChangedMeanwhile(f"Somebody changed the {change.setting.removeprefix(SETTING).strip()} meanwhile")
    trigger.write(work, change.after)


def verify(work: Work, change: Change) -> None:
    """See that it is gone."""
    if _trigger(change.setting).read(work) != change.after:
        raise NotVerified(f"the {change.setting.removeprefix(SETTING).strip()} is still there")


def undo(work: Work, change: Change) -> Undone:
    """Put it back as it was saved, unless somebody made another one since, or it has nothing to belong to."""
    trigger = _trigger(change.setting)
    now = trigger.read(work)
    if now == change.before:
        return Undone(restored=(change,))
    if now != change.after:
        state = "deleted" if now is None else "changed"
        return Undone(kept=(f"{change.setting} was {state} since",))
    try:
        trigger.write(work, change.before)
    except ClientError as error:
        if not _missing(error):
            raise
        return Undone(kept=(f"{change.setting}: what it belongs to was deleted",))
    return Undone(restored=(change,))


class _Trigger(Protocol):
    """One trigger as it is read and written."""

    @property
    def off(self) -> str | None:
        """What it reads as where it triggers nothing."""

    def read(self, work: Work) -> Any:
        """Return it as JSON, None if it is not there."""

    def write(self, work: Work, value: Any) -> None:
        """Make it so."""


@dataclass(frozen=True)
class _Filter:
    """A subscription filter of a log group; what is saved is what PutSubscriptionFilter takes."""

    name: str
    group: str
    off = None

    def read(self, work: Work) -> dict[str, Any] | None:
        client = work.member.client("logs")
        pages = client.get_paginator("describe_subscription_filters")
        try:
            for page in pages.paginate(logGroupName=self.group, filterNamePrefix=self.name):
                for one in page["subscriptionFilters"]:
                    if one["filterName"] == self.name:
                        # An empty pattern is a pattern, and has to be given.
                        return taken(client, "PutSubscriptionFilter", one) | {"filterPattern": one["filterPattern"]}
        except ClientError as error:
            if not _missing(error):
                raise
        return None

    def write(self, work: Work, value: Mapping[str, Any] | None) -> None:
        client = work.member.client("logs")
        if value is None:
            client.delete_subscription_filter(logGroupName=self.group, filterName=self.name)
        else:
            client.put_subscription_filter(**value)


@dataclass(frozen=True)
class _Schedule:
    """A schedule; only its state is ours, everything else is written back as it is read right before."""

    group: str
    name: str
    off = _OFF

    def read(self, work: Work) -> str | None:
        found = self._whole(work)
        return None if found is None else str(found.get("State", _ON))

    def write(self, work: Work, value: str) -> None:
        client = work.member.client("scheduler")
        asked = taken(client, "UpdateSchedule", self._whole(work) or {})
        try:
            client.update_schedule(**asked | {"State": value})
        except ClientError as error:
            # One that has begun is refused with the moment when it did, which it needs no more.
            if error.response["Error"]["Code"] != "ValidationException" or "StartDate" not in str(error):
                raise
            del asked["StartDate"]
            client.update_schedule(**asked | {"State": value})

    def _whole(self, work: Work) -> Mapping[str, Any] | None:
        try:
            answer: Mapping[str, Any] = work.member.client("scheduler").get_schedule(
                GroupName=self.group, Name=self.name
            )
        except ClientError as error:
            if not _missing(error):
                raise
            return None
        return answer


@dataclass(frozen=True)
class _Destination:
    """A destination of asynchronous invocations; `label` is the function's name with its version or alias."""

    when: str
    label: str
    off = None

    def read(self, work: Work) -> str | None:
        return invocations.destination(invocations.read(work, self.label), self.when)

    def write(self, work: Work, value: str | None) -> None:
        invocations.set_destination(work, self.label, invocations.read(work, self.label), self.when, value)


def _trigger(setting: str) -> _Trigger:
    """Return the trigger that a change's setting names."""
    words = setting.removeprefix(f"{SETTING} ")
    if words.startswith(_LOG):
        # The name of a log group has no blank in it.
        name, _, group = words.removeprefix(f"{_LOG} ").rpartition(_OF)
        return _Filter(name, group)
    if words.startswith(_SCHEDULE):
        group, _, name = words.removeprefix(f"{_SCHEDULE} ").partition("/")
        return _Schedule(group, name)
    when, _, label = words.removeprefix(f"{_DESTINATION} ").partition(_OF)
    return _Destination(when, label)


def _missing(error: ClientError) -> bool:
    return str(error.response["Error"]["Code"]) == "ResourceNotFoundException"
