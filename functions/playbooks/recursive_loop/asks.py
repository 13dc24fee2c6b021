"""What a message asks the topology function for: to read an account and Region, or to follow what changed. Pure.

A message is a CloudTrail event that a member forwarded, such an event wrapped as a test, or one of the hub's own:

    {"topology": {"account", "region", "origin", "changes": [[what, name], …], "event", "actor", "looks"}}

Without `changes` everything is read; the rest may be left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from functions.core.event import TEST_SOURCE, Malformed, actor
from functions.core.finding import Cause
from functions.core.subject import ACCOUNT, REGION, Subject, partition_of
from functions.playbooks.recursive_loop.changes import EVERYWHERE, Changed, What, changed

ORIGIN = "topology"
Json = Mapping[str, Any]


@dataclass(frozen=True)
class Ask:
    """Read these things of an account and Region again; everything, where `changes` is None."""

    subject: Subject
    changes: tuple[Changed, ...] | None
    cause: Cause
    looks: int = 0
    """How often this was looked at already, since it was being changed."""

    def to_json(self) -> dict[str, Any]:
        """Return the message that asks for this."""
        changes = self.changes and [[one.what.value, one.name] for one in self.changes]
        where = {"account": self.subject.account, "region": self.subject.region, "changes": changes}
        why = {"origin": self.cause.origin, "event": self.cause.event, "actor": self.cause.actor}
        return {"topology": {**where, **why, "looks": self.looks}}


def asks(message: object, hub_account: str, regions: Sequence[str]) -> tuple[Ask, ...]:
    """Return what a message asks for, at most one for each Region; () for an event that changes nothing of a graph.

    `regions` are those that are governed. Raises `Malformed` with the field and the reason.
    """
    event = _mapping(message, "the message")
    if "topology" in event:
        return (_own(_mapping(event["topology"], "topology")),)
    if event.get("source") == TEST_SOURCE and event.get("account") == hub_account:
        event = _mapping(_mapping(event.get("detail"), "detail").get("event"), "detail.event")
    changes = changed(event)
    account, region = _where(event, "")
    if account == hub_account:
        # The hub has no role of ours: it looks after others, not after itself.
        return ()
    everywhere = any(one.what in EVERYWHERE for one in changes)
    found = [Subject(partition_of(each), account, each) for each in regions if everywhere or each == region]
    return tuple(Ask(subject, changes, _cause(event["detail"])) for subject in found) if changes else ()


def together(found: Sequence[Ask]) -> Ask:
    """Return one that asks for what several ask of the same account and Region; none of them for everything."""
    changes = dict.fromkeys(one for ask in found for one in ask.changes or ())
    events = dict.fromkeys(ask.cause.event for ask in found)
    actors = {ask.cause.actor for ask in found}
    cause = replace(
        found[0].cause,
        event=", ".join(events)[:120],
        event_id=found[0].cause.event_id if len(found) == 1 else "",
        actor=actors.pop() if len(actors) == 1 else "",
    )
    return Ask(found[0].subject, tuple(changes), cause, max(ask.looks for ask in found))


def _own(part: Json) -> Ask:
    account, region = _where(part, "topology.")
    said = {name: str(part.get(name) or "") for name in ("event", "actor", "origin")}
    looks = part.get("looks", 0)
    if not isinstance(looks, int):
        raise Malformed("topology.looks is not a number")
    cause = Cause(**{**said, "origin": said["origin"] or ORIGIN})
    changes = None if part.get("changes") is None else _changes(part["changes"])
    return Ask(Subject(partition_of(region), account, region), changes, cause, looks)


def _changes(listed: object) -> tuple[Changed, ...]:
    try:
        return tuple(Changed(What(what), str(name)) for what, name in listed)  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        raise Malformed("topology.changes is not a list of what and name") from None


def _cause(detail: Json) -> Cause:
    return Cause(
        event=str(detail["eventName"])[:120],
        event_id=str(detail.get("eventID") or "")[:80],
        at=str(detail.get("eventTime") or "")[:40],
        actor=actor(_mapping(detail.get("userIdentity") or {}, "detail.userIdentity")),
        origin=ORIGIN,
    )


def _where(holder: Json, field: str) -> tuple[str, str]:
    account, region = str(holder.get("account")), str(holder.get("region"))
    if not ACCOUNT.fullmatch(account) or not REGION.fullmatch(region):
        raise Malformed(f"{field}account {account[:40]!r} or {field}region {region[:40]!r} cannot be read")
    return account, region


def _mapping(value: object, field: str) -> Json:
    if not isinstance(value, Mapping):
        raise Malformed(f"{field} is not an object")
    return value
