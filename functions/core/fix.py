"""A fix: what it will change, what it changed, and what may be done next with it. All of it pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any, Protocol

from functions.core.snapshot import FunctionSnapshot
from functions.core.subject import Subject

# After this many fixes of one finding within an hour, something else keeps undoing them: people must talk.
FIGHTING_AFTER = 3


@dataclass(frozen=True)
class Change:
    """One setting before and after; `None` is unset, which is not 0 or ''."""

    setting: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Plan:
    """What a playbook is about to do; saved before anything is done, and enough to undo it."""

    changes: tuple[Change, ...]
    says: str
    """One sentence: what is done and why so."""


@dataclass(frozen=True)
class CannotFix:
    """Nothing safe can be done now; `text` says what is missing and what a person can do."""

    code: str
    text: str


@dataclass(frozen=True)
class NothingToDo:
    """The problem is gone; `text` says how that was seen."""

    text: str


@dataclass(frozen=True)
class Undone:
    """What an undo did; `kept` names settings that others changed since and that were left as they are."""

    restored: tuple[Change, ...] = ()
    kept: tuple[str, ...] = ()


class Member(Protocol):
    """A member account in one Region, as a fix sees it."""

    def client(self, service: str, patience: int = 0) -> Any:
        """Return a boto3 client that acts there under the playbook's role.

        With `patience` it waits so many seconds for an answer and asks once: for calls that must not be repeated.
        """

    def snapshot(self) -> FunctionSnapshot:
        """Read the function as it is now."""

    def remembered(self, name: str) -> Any:
        """Return what the hub found out about this account and Region as a whole, None if nothing, as parsed JSON."""


@dataclass(frozen=True)
class Work:
    """What a fix is given: where it works, how it is set up, and what was learned about this account and Region."""

    subject: Subject
    member: Member
    settings: Mapping[str, Any]
    learned: Mapping[str, int] = field(default_factory=dict)
    aspect: str = ""
    """Which of the playbook's problems is to be fixed."""
    told: frozenset[str] = frozenset()
    """The labels of the finding's evidence: what a person who approved has seen."""
    hub: Callable[[str], Any] | None = field(default=None, repr=False)
    """A boto3 client of the hub account in the function's Region, by service, under the remediator's own role."""
    since: str = ""
    """When the fix at hand was begun, ISO 8601 in UTC; '' while it is only planned."""


class Learned(Exception):
    """AWS taught us a fact of this account and Region in normal work; it is remembered, and nothing was changed."""

    def __init__(self, name: str, value: int, cannot: CannotFix) -> None:
        super().__init__(f"{name} is {value}: {cannot.text}")
        self.name, self.value, self.cannot = name, value, cannot


class ChangedMeanwhile(Exception):
    """Somebody else changed the setting between plan and apply; it was left as they set it."""


class NotYet(Exception):
    """AWS is still at work on the change; look again in a moment. The text says on what."""


class CannotUndo(Exception):
    """The fix cannot be taken back, or not now; the text says why. It still stands."""


class NotEnough(Exception):
    """The change was made and holds, and the problem goes on: `plan` has it and what is to be done beside it."""

    def __init__(self, plan: Plan, why: str) -> None:
        super().__init__(why)
        self.plan = plan


class Broken(Exception):
    """The change was made and the function does not work with it: it is to be put back. The text says what was seen."""


class NotVerified(Exception):
    """The change was made and yet is not there; the text says what is there instead."""


class Fix(Protocol):
    """What a playbook's `fix.py` offers; each function can be run again after a crash at any point."""

    def plan(self, work: Work, snapshot: FunctionSnapshot) -> Plan | CannotFix | NothingToDo:
        """Read what is needed and decide; changes nothing."""

    def apply(self, work: Work, plan: Plan) -> None:
        """Bring about what the plan says, whether or not part of it is there already."""

    def verify(self, work: Work, plan: Plan) -> None:
        """Read back; raises `NotVerified`, `NotYet`, `NotEnough`, or `Broken` where the change must not stay."""

    def undo(self, work: Work, plan: Plan) -> Undone:
        """Put back what `apply` changed, and leave what others changed since; raises `CannotUndo`."""

    def advise(self, work: Work, plan: Plan) -> str:
        """Say what the owner should do to keep the change, in lines as they are to be read; '' if nothing."""


class Status(StrEnum):
    """Where a fix stands. `PENDING` and `UNDOING` mean: begun, and to be completed by whoever comes next."""

    PENDING = "pending"
    APPLIED = "applied"
    FAILED = "failed"
    UNDOING = "undoing"
    UNDONE = "undone"


@dataclass(frozen=True)
class FixRecord:
    """A fix as it stands in the table: the undo record, written before the first change is made.

    Times are ISO 8601 in UTC. Until `lease` (epoch seconds) one worker holds it; after that anyone may complete it.
    """

    finding: str
    number: int
    status: Status
    plan: Plan
    started: str
    finished: str = ""
    lease: float = 0.0
    requested_by: str = ""
    """The person who approved it, '' where the bot acted by itself."""
    undone_by: str = ""
    note: str = ""
    advice: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)

    def finish(self, status: Status, at: str, note: str = "") -> FixRecord:
        """Return the record with its outcome."""
        return replace(self, status=status, finished=at, note=note, lease=0.0)

    @property
    def author(self) -> str:
        """Who is behind where the fix stands now; '' is the bot itself."""
        return self.undone_by if self.status in (Status.UNDOING, Status.UNDONE) else self.requested_by

    def to_json(self) -> dict[str, Any]:
        """Return the record's body for the table."""
        return asdict(self)


def record_from_json(body: Mapping[str, Any]) -> FixRecord:
    """Read what `to_json` wrote."""
    plan = body["plan"]
    changes = tuple(Change(c["setting"], c["before"], c["after"]) for c in plan["changes"])
    known = {k: v for k, v in body.items() if k in FixRecord.__dataclass_fields__}
    return FixRecord(**{**known, "status": Status(body["status"]), "plan": Plan(changes, plan["says"])})


@dataclass(frozen=True)
class Begin:
    """Start fix `number`."""

    number: int


@dataclass(frozen=True)
class Complete:
    """A fix or an undo was begun and nobody holds it: finish it."""

    record: FixRecord


@dataclass(frozen=True)
class Wait:
    """Another worker holds it: look again in so many seconds."""

    seconds: int


@dataclass(frozen=True)
class Tell:
    """It is done already; say so (again), for the first telling may have been lost."""

    record: FixRecord


@dataclass(frozen=True)
class Leave:
    """Leave it alone; `code` and `text` say why."""

    code: str
    text: str


Step = Begin | Complete | Wait | Tell | Leave


def next_step(
    history: Sequence[FixRecord],
    *,
    found_at: str,
    approves: int | None,
    now: float,
    hour_ago: str,
    most_rounds: int = 0,
) -> Step:
    """Decide what a request to fix leads to, given all earlier fixes of the same finding in order.

    `found_at` is when the finding was seen, ISO 8601. `approves` is the number of the last fix that a person knew of
    when approving (0: none yet), None if nobody asked: numbers, since people's clocks are not ours. `now` is epoch
    seconds and `hour_ago` ISO 8601. `most_rounds` is the playbook's.
    """
    if not history:
        return Begin(1)
    last = history[-1]
    if last.status in (Status.PENDING, Status.UNDOING):
        return _held(last, now)
    if approves is not None:
        return Begin(last.number + 1) if approves >= last.number else _already(last)
    if last.status is Status.APPLIED and found_at <= last.finished:
        return Tell(last)
    if last.status is Status.UNDONE:
        return Leave("undone", "somebody undid this fix; it stays undone until a person approves it")
    recent = [r for r in history if r.status is Status.APPLIED and r.finished >= hour_ago]
    if len(recent) >= FIGHTING_AFTER:
        return Leave("fighting", f"fixed {len(recent)} times within an hour, and something keeps undoing it")
    rounds = sum(r.status is Status.APPLIED for r in history)
    if 0 < most_rounds <= rounds:
        return Leave("fighting", f"fixed {rounds} times, and something keeps undoing it")
    return Begin(last.number + 1)


def next_undo(history: Sequence[FixRecord], *, undoes: int, now: float) -> Step:
    """Decide what a request to undo leads to; only the last fix can be undone.

    `undoes` is the number of the fix the person saw (0: the last one, whichever it is).
    """
    if not history:
        return Leave("nothing-to-undo", "nothing was changed for this ticket")
    last = history[-1]
    if last.status in (Status.PENDING, Status.UNDOING):
        return _held(last, now)
    if undoes and undoes < last.number:
        return _already(last)
    if last.status is Status.APPLIED:
        return Begin(last.number)
    return _already(last)


def _held(last: FixRecord, now: float) -> Step:
    return Wait(max(1, round(last.lease - now) + 1)) if last.lease > now else Complete(last)


def _already(last: FixRecord) -> Step:
    """Return what to say to a request that came late or twice."""
    if last.status is Status.FAILED:
        return Leave("nothing-to-undo", "the last fix did not change anything")
    return Tell(last)
