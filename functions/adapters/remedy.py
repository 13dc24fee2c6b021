"""Bring about, once, what a playbook's fix says; or take it back. What is done is decided in `functions.core.fix`.

Every step writes the table before the next one acts, so that whoever comes after a crash finds where it stopped:
begun (`pending`) → applied → undoing → undone, or failed with the reason.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from botocore.exceptions import BotoCoreError, ClientError

from functions.adapters.clock import hour_before, iso, now
from functions.adapters.errors import AWS_ERRORS, Meaning, TryLater, trouble
from functions.adapters.ledger import Ledger
from functions.adapters.policy import Policies
from functions.adapters.store import Cap, CapReached, Store, TakenMeanwhile
from functions.core.finding import Finding
from functions.core.fix import (
    Begin,
    Broken,
    CannotFix,
    CannotUndo,
    ChangedMeanwhile,
    Complete,
    Fix,
    FixRecord,
    Learned,
    Leave,
    NotEnough,
    NothingToDo,
    NotVerified,
    NotYet,
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
from functions.core.message import UNKNOWN_TOO, Kind, Message
from functions.core.mode import Limit, exemption
from functions.core.playbook import Mode, Playbook
from functions.core.redrive import CannotRedrive, Order, Redriven, Redrives
from functions.core.snapshot import DELETED, FunctionSnapshot
from functions.core.ticket import NOTHING_TO_REDRIVE, REDRIVE_REFUSED, UNDO_DENIED, Ticket
from functions.playbooks import Examination

_LONGEST_WATCH = 30
"""Seconds between two looks at a change that takes its time, at most."""


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

    @property
    def to_be_approved(self) -> bool:
        """Whether a person is going to be asked, so that only the plan is wanted."""
        return self.request.kind is Kind.FINDING_OPENED and self.request.mode == Mode.APPROVE.value

    def tell(self, kind: Kind, text: str, *, code: str = "", record: FixRecord | None = None, at: str = "") -> Message:
        """Make the event that says how it went."""
        changes = record.plan.changes if record is not None else ()
        if kind is Kind.FIX_UNDONE:
            changes = tuple(replace(c, before=c.after, after=c.before) for c in changes)
        advice = record.advice if record is not None and kind is Kind.FIX_APPLIED else ""
        return Message(
            kind,
            replace(self.finding, advice=advice or self.finding.advice),
            at or iso(now()),
            by=(record.author if record is not None else self.request.by) or "lambda-warden",
            fix=record.number if record is not None else 0,
            changes=tuple(asdict(change) for change in changes),
            code=code,
            text=text,
        )


@dataclass(frozen=True)
class Remedy:
    """One playbook's way of fixing, and what it works with."""

    playbook: Playbook
    examination: Examination
    fixing: Fix
    store: Store
    policies: Policies

    def fix(self, case: Case) -> Message | None:
        """Do what a finding or an approval asks for, once; return the event that says how it went."""
        if case.to_be_approved:
            return self._propose(case)
        moment = now()
        step = next_step(
            case.history,
            found_at=case.finding.found_at,
            approves=case.request.fix if case.approved else None,
            now=moment.timestamp(),
            hour_ago=hour_before(moment),
            most_rounds=0 if self._unbounded(case) else self.playbook.most_rounds,
        )
        match step:
            case Begin(number):
                return self._begin(case, number)
            case Complete(record):
                return self._take_up(case, self.store.take(case.work.subject, record, record.status))
            case Leave("fighting", text):
                who = case.finding.cause.actor or "somebody unknown"
                return case.tell(Kind.FIX_FAILED, f"{text}; the last change was by {who}", code="fighting")
            case _:
                return self._without_change(case, step)

    def _propose(self, case: Case) -> Message | None:
        """Say what an approval would do, or why it could not; changes nothing and saves nothing."""
        if case.history and case.history[-1].status in (Status.PENDING, Status.UNDOING):
            return None
        snapshot = self._settled(case)
        if snapshot is None or not self._still_there(case, snapshot):
            return None
        plan = self.fixing.plan(case.work, snapshot)
        if isinstance(plan, NothingToDo):
            return None
        if isinstance(plan, CannotFix):
            return case.tell(Kind.FIX_PLANNED, plan.text, code=plan.code)
        return replace(case.tell(Kind.FIX_PLANNED, plan.says), changes=tuple(asdict(c) for c in plan.changes))

    def _without_change(self, case: Case, step: Step) -> Message | None:
        match step:
            case Wait(seconds):
                raise TryLater("another worker holds it", first=seconds)
            case Tell(record):
                return self._told(case, record)
            case Leave("undone", text):
                # The ticket must not wait for a fix that does not come.
                return Message(Kind.FINDING_OPENED, case.finding, iso(now()), mode=Mode.APPROVE.value, because=text)
            case Leave(code, text):
                return case.tell(Kind.FIX_FAILED, text, code=code)
        return None

    def _take_up(self, case: Case, held: FixRecord) -> Message:
        """Go on with what another worker began; everything may have changed since, so everything is asked again."""
        if held.status is Status.UNDOING:
            return self._complete(case, held)
        with self._free_meanwhile(case, held):
            snapshot = self._settled(case)
        try:
            with self._free_meanwhile(case, held):
                self._verify(case, held)
        except NotVerified:
            return self._begin_again(case, held, snapshot) if snapshot else self._gone(case, held)
        except NotEnough as more:
            if snapshot is None:
                return self._put_back(case, held, "the function was deleted meanwhile")
            return self._go_on(case, held, more.plan)
        except Broken as broken:
            return self._put_back(case, held, str(broken))
        except AWS_ERRORS as error:
            if snapshot is not None or trouble(error).meaning is not Meaning.MISSING:
                raise
            return self._gone(case, held)
        return self._applied(case, held)

    def _gone(self, case: Case, held: FixRecord) -> Message:
        return self._given_up(case, held, "gone", "The function was deleted meanwhile.")

    def _go_on(self, case: Case, held: FixRecord, plan: Plan) -> Message:
        """Do what is left of the plan, or what was added to it; from then on it is watched anew."""
        if plan != held.plan:
            longer = replace(held, plan=plan, started=iso(now()))
            self.store.finish(case.work.subject, held, longer)
            held = longer
        return self._complete(case, held)

    @contextmanager
    def _free_meanwhile(self, case: Case, held: FixRecord) -> Iterator[None]:
        """Hold a record no longer than we work on it: what AWS is busy with is looked at again by whoever is first."""
        try:
            yield
        except TryLater:
            self.store.finish(case.work.subject, held, replace(held, lease=0.0))
            raise

    def _verify(self, case: Case, held: FixRecord) -> None:
        try:
            self.fixing.verify(_since(case, held), held.plan)
        except NotYet as busy:
            raise TryLater(str(busy), first=1, cap=_LONGEST_WATCH) from None

    def _put_back(self, case: Case, held: FixRecord, why: str) -> Message:
        """The function does not work with the change: take it away again, and leave the decision to a person."""
        # Whoever comes next must take it back too, and not go on with it.
        undoing = replace(held, status=Status.UNDOING, note=why)
        self.store.finish(case.work.subject, held, undoing)
        return self._complete(case, undoing)

    def _begin_again(self, case: Case, held: FixRecord, snapshot: FunctionSnapshot) -> Message:
        """The change was not made before the worker ended: see whether it still may and should be."""
        if not self._still_there(case, snapshot):
            return self._given_up(case, held, "cleared", "By the time of the fix the problem was gone.")
        limit = self._limit(case, snapshot)
        if limit.mode.rank < (Mode.APPROVE if case.approved or held.requested_by else Mode.ENFORCE).rank:
            return self._given_up(case, held, "not-allowed", f"Begun and not finished: {limit.because}.")
        plan = self.fixing.plan(case.work, snapshot)
        if isinstance(plan, CannotFix):
            return self._given_up(case, held, plan.code, plan.text)
        if isinstance(plan, NothingToDo):
            return self._given_up(case, held, "cleared", plan.text)
        if plan != held.plan:
            planned = replace(held, plan=plan)
            self.store.finish(case.work.subject, held, planned)
            held = planned
        return self._complete(case, held)

    def _still_there(self, case: Case, snapshot: FunctionSnapshot) -> bool:
        found = self.examination.findings(case.work.member, snapshot, case.work.settings)
        return any(finding.id == case.finding.id for finding in found)

    def _told(self, case: Case, record: FixRecord) -> Message:
        kind = Kind.FIX_UNDONE if record.status is Status.UNDONE else Kind.FIX_APPLIED
        return case.tell(kind, record.note or record.plan.says, record=record, at=record.finished)

    def _begin(self, case: Case, number: int) -> Message | None:
        snapshot = self._settled(case)
        if snapshot is None:
            return cleared(case.finding, iso(now()), "The function was deleted.")
        if not self._still_there(case, snapshot):
            if snapshot.environment_error:
                return case.tell(Kind.FIX_FAILED, self._lacks("kms:Decrypt", snapshot.environment_key), code="denied")
            return cleared(case.finding, iso(now()), "By the time of the fix the problem was gone.")
        limit = self._limit(case, snapshot)
        if limit.mode.rank < (Mode.APPROVE if case.approved else Mode.ENFORCE).rank:
            return Message(Kind.FINDING_OPENED, case.finding, iso(now()), mode=limit.mode.value, because=limit.because)
        cap = self._cap(case)
        if cap is not None and self.store.cap_reached(cap):
            return self._beyond(case, cap)
        plan = self.fixing.plan(case.work, snapshot)
        if isinstance(plan, CannotFix):
            return case.tell(Kind.FIX_FAILED, plan.text, code=plan.code)
        if isinstance(plan, NothingToDo):
            return cleared(case.finding, iso(now()), plan.text)
        return self._save_and_apply(case, number, plan, cap)

    def _settled(self, case: Case) -> FunctionSnapshot | None:
        """Read the function; None if it is gone. While Lambda is still changing it, look again later."""
        try:
            snapshot = case.work.member.snapshot()
        except AWS_ERRORS as error:
            if trouble(error).meaning is not Meaning.MISSING:
                raise
            # What a deleted function left behind can still be put in order.
            return FunctionSnapshot(case.work.subject, state=DELETED) if self.playbook.after_deletion else None
        if snapshot.settling:
            raise TryLater(f"{case.work.subject.function} is still settling", first=1)
        return snapshot

    def _limit(self, case: Case, snapshot: FunctionSnapshot) -> Limit:
        """Return how much may be done now: tags and policies may have changed since the finding."""
        moment = now()
        exempt = exemption(snapshot.tags, self.playbook.id, moment.date())
        if exempt.holds:
            return Limit(Mode.OBSERVE, f"exempt until {exempt.until} by the function's tag")
        rules = self.policies.rules(case.work.subject.account)
        return allowed(rules, case.finding, snapshot.tags, None if case.approved else case.ticket, iso(moment))

    def _cap(self, case: Case) -> Cap | None:
        """Return the budget this fix is taken from; a person's approval needs none."""
        if case.approved or self._unbounded(case):
            return None
        return Cap(
            self.playbook.id, case.work.subject.account, iso(now())[:13], int(case.work.settings["fixes_per_hour"])
        )

    def _unbounded(self, case: Case) -> bool:
        return case.finding.aspect in self.playbook.unbounded

    def _beyond(self, case: Case, cap: Cap) -> Message:
        done = f"{cap.playbook} already changed {cap.limit} functions of this account this hour"
        text = f"{done}; beyond that a person decides"
        return case.tell(Kind.FIX_FAILED, text, code="cap")

    def _save_and_apply(self, case: Case, number: int, plan: Plan, cap: Cap | None) -> Message:
        asked_by = case.request.by if case.approved else ""
        record = FixRecord(case.finding.id, number, Status.PENDING, plan, started=iso(now()), requested_by=asked_by)
        try:
            held = self.store.begin(case.work.subject, record, cap)
        except CapReached as reached:
            return self._beyond(case, reached.cap)
        return self._complete(case, held)

    def _complete(self, case: Case, held: FixRecord) -> Message:
        """Bring a fix or an undo that we hold to its end; after an error somebody may take it up at once."""
        try:
            return self._take_back(case, held) if held.status is Status.UNDOING else self._apply(case, held)
        except Exception:
            # Where it was written meanwhile, it was freed with that.
            with suppress(TakenMeanwhile):
                self.store.finish(case.work.subject, held, replace(held, lease=0.0))
            raise

    def _apply(self, case: Case, held: FixRecord) -> Message:
        try:
            self.fixing.apply(_since(case, held), held.plan)
            unseen = self._unseen(case, held)
        except Learned as learned:
            self.store.learn(case.work.subject, learned.name, learned.value)
            return self._given_up(case, held, learned.cannot.code, learned.cannot.text)
        except ChangedMeanwhile as changed:
            return self._given_up(case, held, "changed", str(changed))
        except NotYet as busy:
            raise TryLater(str(busy), first=1, cap=_LONGEST_WATCH) from None
        except NotEnough as more:
            return self._go_on(case, held, more.plan)
        except Broken as broken:
            return self._put_back(case, held, str(broken))
        except AWS_ERRORS as error:
            return self._not_made(case, held, error)
        return self._applied(case, held, unseen)

    def _not_made(self, case: Case, held: FixRecord, error: ClientError | BotoCoreError) -> Message:
        """Say what AWS refused; what time can heal is raised again."""
        found = trouble(error)
        if found.meaning is Meaning.DENIED:
            return self._given_up(case, held, "denied", self._lacks(found.action, found.resource))
        if found.meaning is Meaning.MISSING:
            return self._gone(case, held)
        if found.meaning is Meaning.REFUSED:
            return self._given_up(case, held, "refused", f"AWS refused it: {found.code}: {found.text}")
        raise error

    def _unseen(self, case: Case, held: FixRecord) -> str:
        """Say why a change that was made could not be seen, '' if it could; either way it can be undone."""
        why = ""
        for pause in (0.0, 0.2, 1.0):
            time.sleep(pause)
            try:
                self._verify(case, held)
            except NotVerified as unseen:
                why = str(unseen)
            except AWS_ERRORS as error:
                found = trouble(error)
                if found.meaning is Meaning.LATER:
                    raise
                return f"It could not be read back: {found.code}."
            else:
                return ""
        return why

    def _applied(self, case: Case, held: FixRecord, note: str = "") -> Message:
        says = f"{held.plan.says} {note}" if note else ""
        done = replace(held.finish(Status.APPLIED, iso(now()), says), advice=self._advice(case, held))
        self.store.finish(case.work.subject, held, done)
        return self._told(case, done)

    def _advice(self, case: Case, held: FixRecord) -> str:
        """Add how to keep the change to what the finding says already; a fix does not fail for want of advice."""
        try:
            keep = self.fixing.advise(case.work, held.plan)
        except AWS_ERRORS:
            keep = ""
        return "\n\n".join(filter(None, (case.finding.advice, keep)))

    def _given_up(self, case: Case, held: FixRecord, code: str, text: str) -> Message:
        failed = held.finish(Status.FAILED, iso(now()), text)
        self.store.finish(case.work.subject, held, failed)
        return case.tell(Kind.FIX_FAILED, text, code=code, at=failed.finished)

    def undo(self, case: Case) -> Message | None:
        """Take the last fix back; return the event that says how it went."""
        step = next_undo(case.history, undoes=case.request.fix, now=time.time())
        match step:
            case Begin():
                asked = replace(case.history[-1], undone_by=case.request.by)
                return self._complete(case, self.store.take(case.work.subject, asked, Status.UNDOING))
            case Complete(record):
                # A fix that was only begun is not finished first: an undo never writes forward.
                asked = replace(record, undone_by=record.undone_by or case.request.by)
                return self._complete(case, self.store.take(case.work.subject, asked, Status.UNDOING))
            case Leave(code, text):
                return case.tell(Kind.FIX_FAILED, text, code=code)
            case _:
                return self._without_change(case, step)

    def _take_back(self, case: Case, held: FixRecord) -> Message:
        try:
            undone = self.fixing.undo(case.work, held.plan)
        except (ChangedMeanwhile, NotYet) as changed:
            raise TryLater(str(changed), first=1, cap=_LONGEST_WATCH) from None
        except CannotUndo as cannot:
            return self._still_applied(case, held, str(cannot))
        except AWS_ERRORS as error:
            found = trouble(error)
            if found.meaning is Meaning.MISSING:
                undone = Undone(kept=("the function was deleted",))
            elif found.meaning in (Meaning.DENIED, Meaning.REFUSED):
                denied = found.meaning is Meaning.DENIED
                text = self._lacks(found.action, found.resource) if denied else f"AWS refused it: {found.text}"
                return self._still_applied(case, held, text)
            else:
                raise
        if _put_back_by_itself(held):
            kept = "; ".join(undone.kept)
            if kept and self._stands(case, held):
                return self._applied(case, held, f"It does not work ({held.note}) and was not put back: {kept}")
            left = f". Left as it is: {kept}" if kept else ""
            return self._given_up(case, held, "put-back", f"It was put back, since {held.note}{left}")
        says = [f"Put back: {', '.join(c.setting for c in undone.restored)}." if undone.restored else ""]
        says += [f"Left as it is: {'; '.join(undone.kept)}." if undone.kept else ""]
        done = held.finish(Status.UNDONE, iso(now()), " ".join(filter(None, says)))
        self.store.finish(case.work.subject, held, done)
        return self._told(case, done)

    def _stands(self, case: Case, held: FixRecord) -> bool:
        """Whether anything of a change is still there; where that cannot be seen, it is."""
        try:
            self.fixing.verify(_since(case, held), held.plan)
        except NotVerified:
            return False
        except (NotYet, NotEnough, Broken, *AWS_ERRORS):
            return True
        return True

    def _still_applied(self, case: Case, held: FixRecord, why: str) -> Message:
        """Say why it cannot be taken back; a person can ask again when the cause is gone."""
        if _put_back_by_itself(held):
            return self._applied(case, held, f"It does not work ({held.note}) and cannot be put back: {why}")
        self.store.finish(case.work.subject, held, replace(held, status=Status.APPLIED, lease=0.0))
        return case.tell(Kind.FIX_FAILED, why, code=UNDO_DENIED)

    def redrive(self, case: Case, ledger: Ledger, until: float) -> Message:
        """Send back what the last fix kept, for a slice of time that ends at `until`, epoch seconds; say how it went.

        Raises `TryLater` while more is to be done.
        """
        ended = ledger.ended()
        if ended is not None:
            return self._redriven(case, *ended)
        last = case.history[-1] if case.history else None
        if last is not None and last.status in (Status.PENDING, Status.UNDOING):
            raise TryLater("its fix is being made or taken back", first=2, cap=30)
        if not isinstance(self.fixing, Redrives) or last is None or last.status is Status.FAILED:
            return case.tell(Kind.FIX_FAILED, "no fix of this ticket keeps events", code=NOTHING_TO_REDRIVE)
        order = Order(
            asked=datetime.fromisoformat(case.request.at).timestamp(),
            until=until,
            unknown=case.request.code == UNKNOWN_TOO,
            standing=last.status is Status.APPLIED,
            since=last.finished,
        )
        try:
            done = self.fixing.redrive(case.work, last.plan, ledger, order)
        except CannotRedrive as cannot:
            return self._stopped(case, ledger, f"{cannot}.")
        except NotYet as busy:
            raise TryLater(str(busy), first=1, cap=_LONGEST_WATCH) from None
        except AWS_ERRORS as error:
            return self._not_redriven(case, ledger, error)
        if done.more:
            raise TryLater("more events are to be sent back", first=1, cap=1)
        total, at = ledger.total(done), iso(now())
        ledger.end(total, at)
        return self._redriven(case, total, at)

    def _redriven(self, case: Case, redriven: Redriven, at: str) -> Message:
        changes = tuple(
            {"setting": f"events {name}", "before": 0, "after": count} for name, count in redriven.counts.items()
        )
        text = redriven.text(case.finding.id)
        number = case.history[-1].number if case.history else 0
        return replace(case.tell(Kind.EVENTS_REDRIVEN, text, at=at), changes=changes, fix=number)

    def _not_redriven(self, case: Case, ledger: Ledger, error: ClientError | BotoCoreError) -> Message:
        """Say what AWS refused; the fix stands as it did, whatever this is."""
        found = trouble(error)
        if found.meaning not in (Meaning.DENIED, Meaning.MISSING, Meaning.REFUSED):
            raise error
        denied = found.meaning is Meaning.DENIED
        text = self._lacks(found.action, found.resource) if denied else f"AWS refused it: {found.code}: {found.text}"
        return self._stopped(case, ledger, f"{text}.")

    def _stopped(self, case: Case, ledger: Ledger, text: str) -> Message:
        """Say why no more events are sent back, and what became of those before."""
        total = ledger.total(Redriven())
        done = f" Before that: {total.text(case.finding.id)}" if any(total.counts.values()) else ""
        return case.tell(Kind.FIX_FAILED, text + done, code=REDRIVE_REFUSED)

    def refused(self, case: Case, error: Exception) -> Message:
        """Say what AWS refused before anything was changed; what time can heal is tried again."""
        found = trouble(error)  # type: ignore[arg-type]  # the caller catches AWS_ERRORS only
        if found.meaning is Meaning.DENIED:
            return case.tell(Kind.FIX_FAILED, self._lacks(found.action, found.resource), code="denied")
        if found.meaning is Meaning.BUSY:
            raise TryLater(f"{found.code}: {found.text}", first=1)
        if found.meaning is Meaning.REFUSED:
            return case.tell(Kind.FIX_FAILED, f"AWS refused it: {found.code}: {found.text}", code="refused")
        raise error

    def _lacks(self, action: str, resource: str) -> str:
        where = f" on {resource}" if resource else ""
        return f"The role {self.playbook.member_role} may not perform {action}{where}. Deploy the member stack again"


def _put_back_by_itself(held: FixRecord) -> bool:
    """Whether a fix is taken back because it did not work, which its note says, and not because a person asked."""
    return bool(held.note) and not held.undone_by


def _since(case: Case, held: FixRecord) -> Work:
    return replace(case.work, since=held.started)
