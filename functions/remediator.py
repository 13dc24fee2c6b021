"""Entry point: bring about, once, what one playbook's fix says; or take it back. One function per playbook."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

from functions.adapters.clock import hour_before, iso, now
from functions.adapters.environment import hub
from functions.adapters.errors import AWS_ERRORS, Meaning, TryLater, trouble
from functions.adapters.policy import Policies
from functions.adapters.queue import Delivery
from functions.adapters.store import Cap, CapReached, Known, TakenMeanwhile
from functions.core.finding import Finding
from functions.core.fix import (
    Begin,
    CannotFix,
    ChangedMeanwhile,
    Complete,
    FixRecord,
    Learned,
    Leave,
    NothingToDo,
    NotVerified,
    Plan,
    Status,
    Step,
    Tell,
    Undone,
    Wait,
    Work,
    next_step,
    next_undo,
)
from functions.core.judgement import allowed, cleared
from functions.core.message import Kind, Message, NotAMessage, read_message
from functions.core.mode import Limit, exemption
from functions.core.playbook import Mode
from functions.core.snapshot import FunctionSnapshot
from functions.core.ticket import Ticket
from functions.playbooks import checks, fix_of, playbook, settings_of

_LOCK_SECONDS = 30
_LOCK_TRIES = 10
_LOCK_PAUSE = 0.05

HUB = hub()
POLICIES = Policies(HUB.store, HUB.policy, HUB.log)
PLAYBOOK = playbook(HUB.variables["WARDEN_PLAYBOOK"])
FIX = fix_of(PLAYBOOK)
CHECK = next(check for owner, check in checks() if owner is PLAYBOOK)
SETTINGS = settings_of(PLAYBOOK, HUB.policy)


@dataclass(frozen=True)
class Case:
    """One request, and what is known about its finding."""

    request: Message
    history: tuple[FixRecord, ...]
    ticket: Ticket | None
    work: Work

    @property
    def finding(self) -> Finding:
        """What it is about."""
        return self.request.finding

    @property
    def approved(self) -> bool:
        """Whether a person asked for this."""
        return self.request.kind is Kind.FIX_REQUESTED

    def tell(self, kind: Kind, text: str, *, code: str = "", record: FixRecord | None = None, at: str = "") -> Message:
        """Make the event that says how it went."""
        changes = record.plan.changes if record is not None else ()
        if kind is Kind.FIX_UNDONE:
            changes = tuple(replace(c, before=c.after, after=c.before) for c in changes)
        return Message(
            kind,
            self.finding,
            at or iso(now()),
            by=self.request.by or "lambda-warden",
            fix=record.number if record is not None else 0,
            changes=tuple(asdict(change) for change in changes),
            code=code,
            text=text,
        )


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Take an SQS batch of our own events, or one bare event."""
    return HUB.queue.process(event, remediate)


def remediate(delivery: Delivery) -> str:
    """Do what one event asks for and tell the bus how it went."""
    event = delivery.event
    if not isinstance(event, dict) or event.get("account") != HUB.account or event.get("source") != "warden":
        raise NotAMessage("the event is not the hub's own")
    request = read_message(event.get("detail-type"), event.get("detail"))
    if request.finding.playbook != PLAYBOOK.id:
        raise NotAMessage(f"the event is for {request.finding.playbook[:80]!r}")
    subject = request.finding.subject
    member = HUB.aws.member(subject, PLAYBOOK.member_role)
    with _one_at_a_time(subject.account, subject.region):
        known: Known = HUB.store.known(subject)
        work = Work(subject, member, SETTINGS, HUB.store.learned(subject))
        finding_id = request.finding.id
        case = Case(request, known.fixes.get(finding_id, ()), known.tickets.get(finding_id), work)
        try:
            outcome = _undo(case) if request.kind is Kind.UNDO_REQUESTED else _fix(case)
        except TakenMeanwhile:
            raise TryLater("another worker has it", first=1) from None
        except AWS_ERRORS as error:
            outcome = _refused(case, error)
    if outcome is not None:
        HUB.bus.put(outcome)
    return outcome.kind.value if outcome is not None else "nothing to do"


@contextmanager
def _one_at_a_time(account: str, region: str) -> Iterator[None]:
    """Hold the account and Region while a playbook that shares a budget between functions works there."""
    if not PLAYBOOK.one_at_a_time:
        yield
        return
    name, holder = f"{PLAYBOOK.id}#{account}#{region}", uuid.uuid4().hex
    for _ in range(_LOCK_TRIES):
        if HUB.store.lock(name, holder, _LOCK_SECONDS):
            break
        time.sleep(_LOCK_PAUSE)
    else:
        raise TryLater(f"another fix is at work in {account} {region}", first=1, cap=60)
    try:
        yield
    finally:
        HUB.store.unlock(name, holder)


def _fix(case: Case) -> Message | None:
    moment = now()
    asked_at = case.request.at if case.approved else ""
    step = next_step(
        case.history,
        found_at=case.finding.found_at,
        approved_at=asked_at,
        now=moment.timestamp(),
        hour_ago=hour_before(moment),
    )
    match step:
        case Begin(number):
            return _begin(case, number)
        case Complete(record):
            return _complete(case, HUB.store.take(case.work.subject, record, record.status))
        case Leave("fighting", text):
            who = case.finding.cause.actor or "somebody unknown"
            return case.tell(Kind.FIX_FAILED, f"{text}; the last change was by {who}", code="fighting")
        case _:
            return _without_change(case, step)


def _without_change(case: Case, step: Step) -> Message | None:
    match step:
        case Wait(seconds):
            raise TryLater("another worker holds it", first=seconds)
        case Tell(record):
            return _told(case, record)
        case Leave(code, text):
            HUB.log.info("left alone", code=code, because=text, finding=case.finding.id)
    return None


def _told(case: Case, record: FixRecord) -> Message:
    kind = Kind.FIX_UNDONE if record.status is Status.UNDONE else Kind.FIX_APPLIED
    return case.tell(kind, record.note or record.plan.says, record=record, at=record.finished)


def _begin(case: Case, number: int) -> Message | None:
    snapshot = _settled(case)
    if snapshot is None:
        return cleared(case.finding, iso(now()), "The function was deleted.")
    if not any(finding.id == case.finding.id for finding in CHECK(snapshot, SETTINGS)):
        return cleared(case.finding, iso(now()), "By the time of the fix the problem was gone.")
    limit = _limit(case, snapshot)
    if limit.mode.rank < (Mode.APPROVE if case.approved else Mode.ENFORCE).rank:
        return Message(Kind.FINDING_OPENED, case.finding, iso(now()), mode=limit.mode.value, because=limit.because)
    cap = _cap(case)
    if cap is not None and HUB.store.cap_reached(cap):
        return _beyond(case, cap)
    plan = FIX.plan(case.work, snapshot)
    if isinstance(plan, CannotFix):
        return case.tell(Kind.FIX_FAILED, plan.text, code=plan.code)
    if isinstance(plan, NothingToDo):
        return cleared(case.finding, iso(now()), plan.text)
    return _save_and_apply(case, number, plan, cap)


def _settled(case: Case) -> FunctionSnapshot | None:
    """Read the function; None if it is gone. While Lambda is still changing it, look again later."""
    try:
        snapshot = case.work.member.snapshot()
    except AWS_ERRORS as error:
        if trouble(error).meaning is Meaning.MISSING:
            return None
        raise
    if snapshot.settling:
        raise TryLater(f"{case.work.subject.function} is still settling", first=1)
    return snapshot


def _limit(case: Case, snapshot: FunctionSnapshot) -> Limit:
    """Return how much may be done now: tags and policies may have changed since the finding."""
    moment = now()
    exempt = exemption(snapshot.tags, PLAYBOOK.id, moment.date())
    if exempt.holds:
        return Limit(Mode.OBSERVE, f"exempt until {exempt.until} by the function's tag")
    rules = POLICIES.rules(case.work.subject.account)
    return allowed(rules, case.finding, snapshot.tags, None if case.approved else case.ticket, iso(moment))


def _cap(case: Case) -> Cap | None:
    """Return the budget this fix is taken from; a person's approval needs none."""
    if case.approved:
        return None
    return Cap(PLAYBOOK.id, case.work.subject.account, iso(now())[:13], int(SETTINGS["fixes_per_hour"]))


def _beyond(case: Case, cap: Cap) -> Message:
    text = (
        f"{cap.playbook} already changed {cap.limit} functions of this account this hour; beyond that a person decides"
    )
    return case.tell(Kind.FIX_FAILED, text, code="cap")


def _save_and_apply(case: Case, number: int, plan: Plan, cap: Cap | None) -> Message:
    asked_by = case.request.by if case.approved else ""
    record = FixRecord(case.finding.id, number, Status.PENDING, plan, started=iso(now()), requested_by=asked_by)
    try:
        held = HUB.store.begin(case.work.subject, record, cap)
    except CapReached as reached:
        return _beyond(case, reached.cap)
    return _complete(case, held)


def _complete(case: Case, held: FixRecord) -> Message:
    """Bring a fix or an undo that we hold to its end; after an error somebody may take it up at once."""
    try:
        return _take_back(case, held) if held.status is Status.UNDOING else _apply(case, held)
    except Exception:
        HUB.store.finish(case.work.subject, held, replace(held, lease=0.0))
        raise


def _apply(case: Case, held: FixRecord) -> Message:
    subject = case.work.subject
    try:
        FIX.apply(case.work, held.plan)
        FIX.verify(case.work, held.plan)
    except Learned as learned:
        HUB.store.learn(subject, learned.name, learned.value)
        return _given_up(case, held, learned.cannot.code, learned.cannot.text)
    except ChangedMeanwhile as changed:
        return _given_up(case, held, "changed", str(changed))
    except NotVerified as unseen:
        return _given_up(case, held, "not-verified", str(unseen))
    except AWS_ERRORS as error:
        found = trouble(error)
        if found.meaning is Meaning.DENIED:
            return _given_up(case, held, "denied", _lacks(found.action, found.resource))
        if found.meaning is Meaning.MISSING:
            return _given_up(case, held, "gone", "The function was deleted meanwhile.")
        raise
    done = held.finish(Status.APPLIED, iso(now()))
    HUB.store.finish(subject, held, done)
    return _told(case, done)


def _given_up(case: Case, held: FixRecord, code: str, text: str) -> Message:
    failed = held.finish(Status.FAILED, iso(now()), text)
    HUB.store.finish(case.work.subject, held, failed)
    return case.tell(Kind.FIX_FAILED, text, code=code, at=failed.finished)


def _undo(case: Case) -> Message | None:
    step = next_undo(case.history, asked_at=case.request.at, now=time.time())
    match step:
        case Begin():
            return _complete(case, HUB.store.take(case.work.subject, case.history[-1], Status.UNDOING))
        case Complete(record) if record.status is Status.UNDOING:
            return _complete(case, HUB.store.take(case.work.subject, record, Status.UNDOING))
        case Complete(record):
            HUB.bus.put(_complete(case, HUB.store.take(case.work.subject, record, record.status)))
            raise TryLater("the fix was only half done; now it can be undone", first=1)
        case Leave(code, text):
            return case.tell(Kind.FIX_FAILED, text, code=code)
        case _:
            return _without_change(case, step)


def _take_back(case: Case, held: FixRecord) -> Message:
    try:
        undone = FIX.undo(case.work, held.plan)
    except AWS_ERRORS as error:
        found = trouble(error)
        if found.meaning is Meaning.MISSING:
            undone = Undone(kept=("the function was deleted",))
        elif found.meaning is Meaning.DENIED:
            # It is still applied: the person can ask again when the permission is there.
            applied = replace(held, status=Status.APPLIED, lease=0.0)
            HUB.store.finish(case.work.subject, held, applied)
            return case.tell(Kind.FIX_FAILED, _lacks(found.action, found.resource), code="denied")
        else:
            raise
    says = [f"Put back: {', '.join(c.setting for c in undone.restored)}." if undone.restored else ""]
    says += [f"Left as it is: {'; '.join(undone.kept)}." if undone.kept else ""]
    done = held.finish(Status.UNDONE, iso(now()), " ".join(filter(None, says)))
    HUB.store.finish(case.work.subject, held, done)
    return _told(case, done)


def _refused(case: Case, error: Exception) -> Message:
    """Say what AWS refused before anything was changed; what time can heal is tried again."""
    found = trouble(error)  # type: ignore[arg-type]  # the caller catches AWS_ERRORS only
    if found.meaning is Meaning.DENIED:
        return case.tell(Kind.FIX_FAILED, _lacks(found.action, found.resource), code="denied")
    if found.meaning is Meaning.BUSY:
        raise TryLater(f"{found.code}: {found.text}", first=1)
    raise error


def _lacks(action: str, resource: str) -> str:
    where = f" on {resource}" if resource else ""
    return f"The role {PLAYBOOK.member_role} may not perform {action}{where}. Deploy the member stack again"
