"""What a request to fix or to undo leads to, and the undo record as it is kept."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.core.fix import (
    Begin,
    CannotFix,
    Change,
    Complete,
    FixRecord,
    Learned,
    Leave,
    Plan,
    Status,
    Step,
    Tell,
    Wait,
    next_step,
    next_undo,
    record_from_json,
)

from .examples import at

PLAN = Plan((Change("reserved concurrency", None, 10),), "Reserved 10.")
VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.lists(st.integers())
    | st.dictionaries(st.text(), st.text())
)
RECORDS = st.builds(
    FixRecord,
    finding=st.text(),
    number=st.integers(1, 99),
    status=st.sampled_from(Status),
    plan=st.builds(Plan, st.lists(st.builds(Change, st.text(), VALUES, VALUES), max_size=3).map(tuple), st.text()),
    started=st.text(),
    finished=st.text(),
    lease=st.floats(0, 2e9),
    requested_by=st.text(),
    undone_by=st.text(),
    note=st.text(),
    extra=st.dictionaries(st.text(), VALUES, max_size=2),
)


def record(number: int, status: Status, started: int, finished: int | None = None, lease: float = 0.0) -> FixRecord:
    return FixRecord("f", number, status, PLAN, at(started), "" if finished is None else at(finished), lease)


def step(*history: FixRecord, found: int = 0, approved: int | None = None, now: int = 10_000) -> Step:
    return next_step(
        history,
        found_at=at(found),
        approves=approved,
        now=float(now),
        hour_ago=at(max(0, now - 3600)),
    )


def undo(*history: FixRecord, of: int = 0, now: int = 10_000) -> Step:
    return next_undo(history, undoes=of, now=float(now))


@given(RECORDS)
def test_a_record_comes_back_from_json(kept: FixRecord) -> None:
    assert record_from_json(json.loads(json.dumps(kept.to_json()))) == kept


def test_unset_is_kept_apart_from_zero_and_empty() -> None:
    kept = FixRecord("f", 1, Status.PENDING, Plan((Change("a", None, 0), Change("b", "", None)), ""), at(1))
    changes = record_from_json(json.loads(json.dumps(kept.to_json()))).plan.changes
    assert [(c.before, c.after) for c in changes] == [(None, 0), ("", None)]


def test_fields_of_a_later_version_are_left_aside() -> None:
    body = {**record(1, Status.APPLIED, 1, 2).to_json(), "weather": "fine"}
    assert record_from_json(body) == record(1, Status.APPLIED, 1, 2)


def test_an_outcome_ends_the_lease() -> None:
    done = record(1, Status.PENDING, 1, lease=99.0).finish(Status.FAILED, at(5), "no room")
    assert (done.status, done.finished, done.note, done.lease) == (Status.FAILED, at(5), "no room", 0.0)


def test_what_was_learned_says_so() -> None:
    learned = Learned("floor", 50, CannotFix("no-room", "none left"))
    assert (learned.name, learned.value, str(learned)) == ("floor", 50, "floor is 50: none left")


def test_the_first_request_begins_the_first_fix() -> None:
    assert step() == Begin(1)


@pytest.mark.parametrize("status", [Status.PENDING, Status.UNDOING])
def test_what_another_worker_holds_is_waited_for_and_then_completed(status: Status) -> None:
    held = record(1, status, 100, lease=160.0)
    for found in (0, 130, 150):
        assert step(held, found=found, now=130) == Wait(31)
        assert step(held, found=found, now=160) == Complete(held)
    assert undo(held, now=130) == Wait(31)
    assert undo(held, now=161) == Complete(held)


def test_no_wait_is_shorter_than_a_second() -> None:
    held = record(1, Status.PENDING, 100, lease=100.001)
    assert step(held, now=100) == Wait(1)


def test_a_finding_seen_before_the_fix_is_told_and_one_seen_after_it_is_fixed() -> None:
    done = record(1, Status.APPLIED, 100, 101)
    assert step(done, found=99) == Tell(done)
    assert step(done, found=101) == Tell(done)
    assert step(done, found=102) == Begin(2)


def test_a_person_who_knew_of_the_fix_has_another_begun_and_one_who_did_not_is_told_of_it() -> None:
    done = record(1, Status.APPLIED, 100, 101)
    assert step(done, found=99, approved=0) == Tell(done)
    assert step(done, found=99, approved=1) == Begin(2)


def test_an_undone_fix_waits_for_an_approval_by_somebody_who_knew_of_it() -> None:
    undone = record(1, Status.UNDONE, 100, 200)
    for found in (99, 200, 5000):
        left = step(undone, found=found)
        assert isinstance(left, Leave)
        assert left.code == "undone"
        assert step(undone, found=found, approved=0) == Tell(undone)
        assert step(undone, found=found, approved=1) == Begin(2)


def test_a_failed_fix_may_be_tried_again() -> None:
    assert step(record(1, Status.FAILED, 100, 101), found=500) == Begin(2)


def test_after_three_fixes_within_an_hour_something_keeps_undoing_it() -> None:
    history = [record(n, Status.APPLIED, 1000 * n, 1000 * n + 1) for n in (1, 2, 3)]
    left = step(*history, found=3500, now=3600)
    assert isinstance(left, Leave)
    assert left.code == "fighting"
    assert "3 times" in left.text
    assert step(*history[:2], found=2500, now=3600) == Begin(3)
    assert step(*history, found=9000, now=9000) == Begin(4)
    assert step(*history, found=3500, approved=3, now=3600) == Begin(4)


def test_only_applied_fixes_count_as_fighting() -> None:
    history = [record(n, Status.FAILED, 1000 * n, 1000 * n + 1) for n in (1, 2, 3)]
    assert step(*history, found=3500, now=3600) == Begin(4)


def test_there_must_be_something_to_undo() -> None:
    assert isinstance(undo(), Leave)
    assert isinstance(undo(record(1, Status.FAILED, 1, 2), of=1), Leave)


def test_an_applied_fix_is_undone_once() -> None:
    assert undo(record(1, Status.APPLIED, 100, 101), of=1) == Begin(1)
    assert undo(record(1, Status.APPLIED, 100, 101)) == Begin(1)
    gone = record(1, Status.UNDONE, 100, 103)
    assert undo(gone, of=1) == Tell(gone)


def test_an_old_request_to_undo_does_not_undo_a_later_fix() -> None:
    history = [record(1, Status.UNDONE, 100, 103), record(2, Status.APPLIED, 200, 201)]
    assert undo(*history, of=1) == Tell(history[1])
    assert undo(*history, of=2) == Begin(2)


def test_an_approval_that_comes_late_does_not_try_a_failed_fix_again() -> None:
    history = [record(1, Status.UNDONE, 100, 103), record(2, Status.FAILED, 200, 201)]
    assert isinstance(step(*history, approved=1), Leave)
    assert step(*history, approved=2) == Begin(3)
