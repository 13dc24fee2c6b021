"""A ticket's state, folded from the events about its finding in whatever order and however often they arrive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from functools import reduce
from typing import Any

from functions.core.finding import Finding, finding_from_json
from functions.core.message import Kind, Message
from functions.core.mode import Limit
from functions.core.playbook import Mode

SIGHTINGS_KEPT = 20
"""How many of the newest sightings a ticket keeps, beside the first event of all."""
EVENTS_KEPT = 40
"""How many of the newest other events it keeps."""


class State(StrEnum):
    """What a person reads on the ticket."""

    OPEN = "open"
    AWAITING_APPROVAL = "awaiting approval"
    FIXING = "fixing"
    FIXED = "fixed"
    FAILED = "not fixed"
    UNDOING = "undoing"
    UNDONE = "undone"
    SNOOZED = "snoozed"
    EXEMPT = "exempt"
    CLEARED = "cleared"


_OPENED = {Mode.ENFORCE: State.FIXING, Mode.APPROVE: State.AWAITING_APPROVAL, Mode.OBSERVE: State.OPEN}


TEXT_KEPT = 2000
"""Characters of a text that a ticket keeps: forty of the longest still fit an item of the table."""

UNDO_DENIED = "undo-denied"
"""The code of an undo that a missing permission stopped: the fix still stands, and can be undone later."""
NOTHING_TO_REDRIVE = "nothing-to-redrive"
REDRIVE_REFUSED = "redrive-refused"
"""The codes of a redrive that was not made: whatever was kept is still kept, and the fix stands as it did."""


@dataclass(frozen=True)
class Entry:
    """One thing that happened, as the ticket tells it."""

    at: str
    kind: Kind
    mode: str = ""
    by: str = ""
    fix: int = 0
    code: str = ""
    text: str = ""
    until: str = ""
    asked: str = ""

    @property
    def key(self) -> tuple[str, ...]:
        """Two deliveries of one event have the same key; an outcome of one fix happens once."""
        if self.kind in (Kind.FIX_APPLIED, Kind.FIX_UNDONE):
            return (self.kind, str(self.fix))
        return (self.kind, self.at, self.code, self.asked)


@dataclass(frozen=True)
class Ticket:
    """The ticket of one finding: its story, and where in Slack it stands ('' until it does)."""

    finding: Finding
    entries: tuple[Entry, ...] = ()
    """What happened, in order of time; sightings of a problem that is still there included."""
    changes: tuple[Mapping[str, Any], ...] = ()
    proposed: tuple[Mapping[str, Any], ...] = ()
    """What an approval would change, as it was planned last."""
    advice: str = ""
    """What to do to keep the newest fix; before there is one, the finding's own advice holds."""
    fix: int = 0
    channel: str = ""
    ts: str = ""
    shown: str = ""
    """A digest of what Slack shows, so that nothing is sent that is there already."""
    claimed: float = 0.0
    """Until when (epoch seconds) a worker is posting it; one that did not finish leaves it to be looked for."""
    digest: str = ""
    """The digest message that lists this ticket, where it has no message of its own."""

    @property
    def id(self) -> str:
        """The finding's id: same problem, same ticket."""
        return self.finding.id

    @property
    def story(self) -> tuple[Entry, ...]:
        """What a person reads: the entries without repeated sightings of a problem that is still there."""
        told: list[Entry] = []
        for entry in self.entries:
            again = told and entry.kind is Kind.FINDING_OPENED and told[-1].kind is Kind.FINDING_OPENED
            if not (again and told[-1].mode == entry.mode):
                told.append(entry)
        return tuple(told)

    @property
    def state(self) -> State:
        """The state that the entries lead to."""
        return reduce(_after, self.entries, _Standing(State.OPEN)).state

    @property
    def quiet_until(self) -> str:
        """When the newest snooze or exemption ends, '' if there is none."""
        return next((e.until for e in reversed(self.entries) if e.kind is Kind.TICKET_ACTION), "")

    @property
    def last(self) -> Entry:
        """The newest entry of the story."""
        return self.story[-1]

    def to_json(self) -> dict[str, Any]:
        """Return the ticket's body for the table."""
        return {**asdict(self), "finding": self.finding.to_json(), "state": self.state.value}


def fold(ticket: Ticket | None, message: Message) -> Ticket:
    """Return the ticket with one more event; the order of arrival and repetitions make no difference."""
    ticket = ticket or Ticket(message.finding)
    entry = Entry(
        at=message.at,
        kind=message.kind,
        mode=message.mode,
        by=message.by,
        fix=message.fix,
        code=message.code,
        text=(message.text or message.because)[:TEXT_KEPT],
        until=message.until,
        asked=message.asked,
    )
    if any(known.key == entry.key for known in ticket.entries):
        return ticket
    outcome = _is_newest_outcome(ticket, message)
    return replace(
        ticket,
        finding=message.finding if _is_newest_sighting(ticket, message) else ticket.finding,
        entries=_kept((*ticket.entries, entry)),
        fix=message.fix if outcome else ticket.fix,
        changes=message.changes if outcome else ticket.changes,
        proposed=message.changes if _is_newest_plan(ticket, message) else ticket.proposed,
        advice=message.finding.advice if outcome else ticket.advice,
    )


def hold(ticket: Ticket | None, now: str) -> list[Limit]:
    """Return what people's decisions about this ticket allow at most; `now` is ISO 8601 in UTC."""
    if ticket is None:
        return []
    if _undone_since(ticket.entries):
        return [
            Limit(Mode.APPROVE, "somebody undid the fix; it stays undone until a person approves it"),
            *_quiet(ticket, now),
        ]
    # Seeing the problem again does not lift the cap: a person does, or the problem goes.
    unasked = (Kind.FINDING_OPENED, Kind.FIX_PLANNED)
    last = next((e for e in reversed(ticket.entries) if e.kind not in unasked and not _of_redrive(e)), None)
    if last is not None and _needs_a_person(last):
        return [Limit(Mode.APPROVE, last.text)]
    return _quiet(ticket, now)


def _quiet(ticket: Ticket, now: str) -> list[Limit]:
    """Return the limit of the newest snooze or exemption, if it still holds."""
    decision = next((e for e in reversed(ticket.entries) if e.kind is Kind.TICKET_ACTION), None)
    if decision is None or decision.until <= now:
        return []
    return [Limit(Mode.OBSERVE, f"{decision.code} until {decision.until[:10]} by {decision.by}")]


def _undone_since(entries: tuple[Entry, ...]) -> bool:
    """Whether the newest word on the fix is that it was undone; snoozing and seeing it again do not change that."""
    spoken = (Kind.FIX_UNDONE, Kind.FIX_REQUESTED, Kind.FIX_APPLIED)
    last = next((e for e in reversed(entries) if e.kind in spoken), None)
    return last is not None and last.kind is Kind.FIX_UNDONE


def ticket_from_json(body: Mapping[str, Any]) -> Ticket:
    """Read what `to_json` wrote."""
    entries = tuple(
        Entry(**{**{k: v for k, v in e.items() if k in Entry.__dataclass_fields__}, "kind": Kind(e["kind"])})
        for e in body["entries"]
    )
    return Ticket(
        finding=finding_from_json(body["finding"]),
        entries=entries,
        changes=tuple(body.get("changes") or ()),
        proposed=tuple(body.get("proposed") or ()),
        advice=body.get("advice") or "",
        fix=int(body.get("fix") or 0),
        channel=body.get("channel") or "",
        ts=body.get("ts") or "",
        shown=body.get("shown") or "",
        claimed=float(body.get("claimed") or 0.0),
        digest=body.get("digest") or "",
    )


@dataclass(frozen=True)
class _Standing:
    state: State
    until: str = ""
    fixed: bool = False
    """Whether a fix is in place, whatever people said about the ticket since."""


def _after(standing: _Standing, entry: Entry) -> _Standing:
    """Return where a ticket stands after one entry of its story."""
    match entry.kind:
        case _ if _changes_nothing(standing, entry):
            return standing
        case Kind.FINDING_OPENED:
            return _opened(standing, entry)
        case Kind.FINDING_CLEARED:
            if standing.fixed:
                return _Standing(State.FIXED, fixed=True)
            kept = standing.state in (State.UNDONE, State.EXEMPT)
            return standing if kept else _Standing(State.CLEARED)
        case Kind.FIX_FAILED if entry.code == UNDO_DENIED:
            return _Standing(State.FIXED, fixed=True)
        case Kind.FIX_FAILED:
            return _Standing(State.AWAITING_APPROVAL if _needs_a_person(entry) else State.FAILED)
        case Kind.TICKET_ACTION:
            state = State.EXEMPT if entry.code == "exempt" else State.SNOOZED
            return _Standing(state, entry.until, fixed=standing.fixed)
        case _:
            return _Standing(_REACHED[entry.kind], fixed=entry.kind is Kind.FIX_APPLIED)


def _changes_nothing(standing: _Standing, entry: Entry) -> bool:
    """Whether it is a plan, about kept events, or the second request for one undo, of which all has been told."""
    again = entry.kind is Kind.UNDO_REQUESTED and standing.state is State.UNDONE
    return again or entry.kind is Kind.FIX_PLANNED or _of_redrive(entry)


def _of_redrive(entry: Entry) -> bool:
    """Whether it is about sending kept events back, which changes nothing about the fix."""
    failed = entry.kind is Kind.FIX_FAILED and entry.code in (NOTHING_TO_REDRIVE, REDRIVE_REFUSED)
    return failed or entry.kind in (Kind.REDRIVE_REQUESTED, Kind.EVENTS_REDRIVEN)


_REACHED = {
    Kind.FIX_REQUESTED: State.FIXING,
    Kind.UNDO_REQUESTED: State.UNDOING,
    Kind.FIX_APPLIED: State.FIXED,
    Kind.FIX_UNDONE: State.UNDONE,
}


def _opened(standing: _Standing, entry: Entry) -> _Standing:
    if standing.state is State.UNDONE or standing.until > entry.at:
        return standing
    return _Standing(_OPENED[Mode(entry.mode) if entry.mode in list(Mode) else Mode.OBSERVE])


def _needs_a_person(entry: Entry) -> bool:
    """Whether it failed in a way that trying again by itself would only repeat."""
    return entry.kind is Kind.FIX_FAILED and entry.code in ("cap", "put-back")


def _is_newest_sighting(ticket: Ticket, message: Message) -> bool:
    """Whether the ticket is to show this event's finding: the newest sighting's, and any other until one has come."""
    sighting = message.kind is Kind.FINDING_OPENED
    if sighting != any(e.kind is Kind.FINDING_OPENED for e in ticket.entries):
        return sighting
    return message.finding.found_at >= ticket.finding.found_at


def _is_newest_outcome(ticket: Ticket, message: Message) -> bool:
    """Whether the ticket is to show this event's changes: those of the newest fix, and its undoing after it."""
    if message.kind not in (Kind.FIX_APPLIED, Kind.FIX_UNDONE):
        return False
    undone = any(e.kind is Kind.FIX_UNDONE and e.fix == message.fix for e in ticket.entries)
    return message.fix > ticket.fix or (message.fix == ticket.fix and not undone)


def _is_newest_plan(ticket: Ticket, message: Message) -> bool:
    """Whether the ticket is to show this event's plan: the newest of all that it was told."""
    if message.kind is not Kind.FIX_PLANNED:
        return False
    return all(e.at <= message.at for e in ticket.entries if e.kind is Kind.FIX_PLANNED)


def _kept(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """Put entries in order and keep a bounded number of them, which ones does not depend on who came first."""
    ordered = sorted(entries, key=lambda e: (e.at, list(Kind).index(e.kind), e.asked, e.code, e.fix, e.mode))
    sightings = [e for e in ordered if e.kind is Kind.FINDING_OPENED][-SIGHTINGS_KEPT:]
    others = [e for e in ordered if e.kind is not Kind.FINDING_OPENED][-EVENTS_KEPT:]
    # A decision holds however much has happened since, so the newest entry of each kind stays.
    newest = {e.kind: e for e in ordered}.values()
    keys = {e.key for e in (ordered[0], *sightings, *others, *newest)}
    return tuple(e for e in ordered if e.key in keys)
