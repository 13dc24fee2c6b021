"""Bring about, once, what a playbook's fix says; or take it back. What is done is decided in `functions.core.fix`.

Every step writes the table before the next one acts, so that whoever comes after a crash finds where it stopped:
begun (`pending`) → applied → undoing → undone, or failed with the reason.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace

from functions.adapters.clock import hour_before, iso, now
from functions.adapters.errors import AWS_ERRORS, Meaning, TryLater, trouble
from functions.adapters.policy import Policies
from functions.adapters.store import Cap, CapReached, Store
from functions.core.finding import Finding
from functions.core.fix import (
    Begin,
    CannotFix,
    ChangedMeanwhile,
    Complete,
    Fix,
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
from functions.core.message import Kind, Message
from functions.core.mode import Limit, exemption
from functions.core.playbook import Mode, Playbook
from functions.core.snapshot import FunctionSnapshot
from functions.core.ticket import UNDO_DENIED, Ticket
from functions.playbooks import Check


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
    check: Check
    fixing: Fix
    store: Store
    policies: Policies

    def fix(self, case: Case) -> Message | None:
        """Do what a finding or an approval asks for, once; return the event that says how it went."""
        moment = now()
        step = next_step(
            case.history,
            found_at=case.finding.found_at,
            approves=case.request.fix if case.approved else None,
            now=moment.timestamp(),
            hour_ago=hour_before(moment),
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
        snapshot = self._settled(case)
        if snapshot is None:
            return self._given_up(case, held, "gone", "The function was deleted meanwhile.")
        try:
            self.fixing.verify(case.work, held.plan)
        except NotVerified:
            return self._begin_again(case, held, snapshot)
        return self._applied(case, held)

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
        return any(finding.id == case.finding.id for finding in self.check(snapshot, case.work.settings))

    def _told(self, case: Case, record: FixRecord) -> Message:
        kind = Kind.FIX_UNDONE if record.status is Status.UNDONE else Kind.FIX_APPLIED
        return case.tell(kind, record.note or record.plan.says, record=record, at=record.finished)

    def _begin(self, case: Case, number: int) -> Message | None:
        snapshot = self._settled(case)
        if snapshot is None:
            return cleared(case.finding, iso(now()), "The function was deleted.")
        if not self._still_there(case, snapshot):
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
            if trouble(error).meaning is Meaning.MISSING:
                return None
            raise
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
        if case.approved:
            return None
        return Cap(
            self.playbook.id, case.work.subject.account, iso(now())[:13], int(case.work.settings["fixes_per_hour"])
        )

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
            self.store.finish(case.work.subject, held, replace(held, lease=0.0))
            raise

    def _apply(self, case: Case, held: FixRecord) -> Message:
        try:
            self.fixing.apply(case.work, held.plan)
        except Learned as learned:
            self.store.learn(case.work.subject, learned.name, learned.value)
            return self._given_up(case, held, learned.cannot.code, learned.cannot.text)
        except ChangedMeanwhile as changed:
            return self._given_up(case, held, "changed", str(changed))
        except AWS_ERRORS as error:
            found = trouble(error)
            if found.meaning is Meaning.DENIED:
                return self._given_up(case, held, "denied", self._lacks(found.action, found.resource))
            if found.meaning is Meaning.MISSING:
                return self._given_up(case, held, "gone", "The function was deleted meanwhile.")
            if found.meaning is Meaning.REFUSED:
                return self._given_up(case, held, "refused", f"AWS refused it: {found.code}: {found.text}")
            raise
        return self._applied(case, held, self._unseen(case, held))

    def _unseen(self, case: Case, held: FixRecord) -> str:
        """Say why a change that was made could not be seen, '' if it could; either way it can be undone."""
        why = ""
        for pause in (0.0, 0.2, 1.0):
            time.sleep(pause)
            try:
                self.fixing.verify(case.work, held.plan)
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
        done = held.finish(Status.APPLIED, iso(now()), says)
        self.store.finish(case.work.subject, held, done)
        return self._told(case, done)

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
        except AWS_ERRORS as error:
            found = trouble(error)
            if found.meaning is Meaning.MISSING:
                undone = Undone(kept=("the function was deleted",))
            elif found.meaning in (Meaning.DENIED, Meaning.REFUSED):
                # It is still applied: the person can ask again when the cause is gone.
                self.store.finish(case.work.subject, held, replace(held, status=Status.APPLIED, lease=0.0))
                denied = found.meaning is Meaning.DENIED
                text = self._lacks(found.action, found.resource) if denied else f"AWS refused it: {found.text}"
                return case.tell(Kind.FIX_FAILED, text, code=UNDO_DENIED)
            else:
                raise
        says = [f"Put back: {', '.join(c.setting for c in undone.restored)}." if undone.restored else ""]
        says += [f"Left as it is: {'; '.join(undone.kept)}." if undone.kept else ""]
        done = held.finish(Status.UNDONE, iso(now()), " ".join(filter(None, says)))
        self.store.finish(case.work.subject, held, done)
        return self._told(case, done)

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
