"""Requests that come late, twice, in any order, with crashes between: one fix at a time, and none against a person."""

from dataclasses import dataclass, replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, precondition, rule

from functions.core.fix import (
    FIGHTING_AFTER,
    Begin,
    Change,
    Complete,
    FixRecord,
    Leave,
    Plan,
    Status,
    Step,
    Tell,
    Wait,
    next_step,
    next_undo,
)

from .examples import at

LEASE = 60
OUTCOMES = st.sampled_from(["done", "done", "failed", "crash"])
BEGUN = (Status.PENDING, Status.UNDOING)


@dataclass(frozen=True)
class Request:
    """A message on the fix queue: a finding, or what a person asked for; it may be delivered any number of times."""

    found: int
    approved: int | None = None


class Fixes(RuleBasedStateMachine):
    """One finding's fixes, as a remediator keeps them that can die at any moment."""

    requests: Bundle[Request] = Bundle("requests")
    undos: Bundle[int] = Bundle("undos")

    @initialize()
    def start(self) -> None:
        self.now = 4000
        self.history: list[FixRecord] = []

    @rule(seconds=st.sampled_from([1, 2, 30, 61, 900, 3700]))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds

    @rule(target=requests)
    def the_problem_is_seen(self) -> Request:
        self.now += 1
        return Request(self.now)

    @rule(target=requests, earlier=requests)
    def a_person_approves(self, earlier: Request) -> Request:
        self.now += 1
        return Request(earlier.found, len(self.history))

    @precondition(lambda self: self.history)
    @rule(target=undos)
    def a_person_asks_to_undo(self) -> int:
        self.now += 1
        return len(self.history)

    @rule(target=requests, outcome=OUTCOMES)
    def the_problem_is_seen_and_told_at_once(self, outcome: str) -> Request:
        self.now += 1
        request = Request(self.now)
        self._deliver(request, outcome)
        return request

    @precondition(lambda self: self.history)
    @rule(target=undos, outcome=OUTCOMES)
    def an_undo_is_asked_for_and_delivered_at_once(self, outcome: str) -> int:
        self.now += 1
        asked = len(self.history)
        self._deliver_undo(asked, outcome)
        return asked

    @rule(request=requests, outcome=OUTCOMES)
    def a_request_is_delivered(self, request: Request, outcome: str) -> None:
        self._deliver(request, outcome)

    def _deliver(self, request: Request, outcome: str) -> None:
        step = next_step(
            self.history,
            found_at=at(request.found),
            approves=request.approved,
            now=float(self.now),
            hour_ago=at(self.now - 3600),
        )
        last = self.history[-1] if self.history else None
        if isinstance(step, Begin):
            self._may_begin(step, request, last)
            self.history.append(FixRecord("f", step.number, Status.PENDING, PLAN, at(self.now), lease=self.now + LEASE))
            self._work(outcome)
        else:
            self._must_not_begin(step, request, last)
            self._other(step, outcome)

    def _may_begin(self, step: Begin, request: Request, last: FixRecord | None) -> None:
        assert step.number == len(self.history) + 1
        if last is None:
            return
        assert last.status not in BEGUN, "two fixes at once"
        knew = request.approved is not None and request.approved >= last.number
        if last.status is Status.APPLIED:
            assert knew or at(request.found) > last.finished, "a repeated finding began a second fix"
        if last.status is Status.UNDONE:
            assert knew, "what a person undid was fixed again unasked"
        if request.approved is None:
            assert self._applied_within_the_hour() < FIGHTING_AFTER, "it keeps fighting"

    def _must_not_begin(self, step: Step, request: Request, last: FixRecord | None) -> None:
        assert last is not None, "the first request must begin"
        match step:
            case Wait(seconds):
                assert last.status in BEGUN
                assert last.lease > self.now
                assert self.now + seconds >= last.lease
            case Complete(record):
                assert record is last
                assert record.status in BEGUN
                assert record.lease <= self.now
            case Tell(record) if request.approved is None:
                assert record is last
                assert record.status is Status.APPLIED
                assert at(request.found) <= record.finished
            case Tell(record):
                assert record is last
                assert request.approved is not None
                assert request.approved < record.number
            case Leave("nothing-to-undo", _):
                assert last.status is Status.FAILED
                assert request.approved is not None
            case Leave("undone", _):
                assert last.status is Status.UNDONE
            case Leave(code, _):
                assert code == "fighting"
                assert self._applied_within_the_hour() >= FIGHTING_AFTER

    @rule(asked=undos, outcome=OUTCOMES)
    def an_undo_is_delivered(self, asked: int, outcome: str) -> None:
        self._deliver_undo(asked, outcome)

    def _deliver_undo(self, asked: int, outcome: str) -> None:
        step = next_undo(self.history, undoes=asked, now=float(self.now))
        last = self.history[-1] if self.history else None
        if isinstance(step, Begin):
            assert last is not None
            assert last.status is Status.APPLIED
            assert asked == last.number, "an old request undid a later fix"
            self.history[-1] = replace(last, status=Status.UNDOING, lease=self.now + LEASE)
            self._work(outcome)
        elif isinstance(step, Tell):
            assert step.record is last
            assert last.status is Status.UNDONE or asked < last.number
        else:
            self._other(step, outcome)

    def _other(self, step: Step, outcome: str) -> None:
        if isinstance(step, Complete):
            self.history[-1] = replace(step.record, lease=self.now + LEASE)
            self._work(outcome)

    def _work(self, outcome: str) -> None:
        """What the worker that holds the last record does with it; a crash leaves it as it is, lease and all."""
        held = self.history[-1]
        self.now += 1
        if outcome == "done":
            status = Status.UNDONE if held.status is Status.UNDOING else Status.APPLIED
            self.history[-1] = held.finish(status, at(self.now))
        elif outcome == "failed":
            # An undo that fails leaves the fix applied, when it was.
            undoing = held.status is Status.UNDOING
            self.history[-1] = (
                replace(held, status=Status.APPLIED, lease=0.0) if undoing else held.finish(Status.FAILED, at(self.now))
            )

    def _applied_within_the_hour(self) -> int:
        return sum(r.status is Status.APPLIED and r.finished >= at(self.now - 3600) for r in self.history)

    @precondition(lambda self: self.history and self.history[-1].status in BEGUN)
    @rule(request=requests)
    def whoever_comes_after_the_lease_completes_it(self, request: Request) -> None:
        held = self.history[-1]
        late = max(self.now, int(held.lease)) + 1
        step = next_step(
            self.history, found_at=at(request.found), approves=None, now=float(late), hour_ago=at(self.now - 3600)
        )
        assert step == Complete(held)

    @invariant()
    def only_the_last_fix_can_be_begun_and_not_ended(self) -> None:
        assert not any(r.status in BEGUN for r in self.history[:-1])
        assert [r.number for r in self.history] == list(range(1, len(self.history) + 1))


PLAN = Plan((Change("reserved concurrency", None, 10),), "Reserved 10.")
TestFixes = Fixes.TestCase
TestFixes.settings = settings(max_examples=max(100, settings().max_examples), stateful_step_count=40)
