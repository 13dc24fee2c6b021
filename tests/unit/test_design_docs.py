"""docs/design.md says what the code decides: the table of a fix's next step, and the keys of the state table."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from functions.core.fix import (
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

from .documents import ROOT, document
from .examples import at

PAGE = document("docs/design.md")
NOW, SEEN, EARLIER, LATER = 1000.0, at(100), at(50), at(150)
PLAN = Plan((Change("reserved concurrency", None, 10),), "Reserved 10.")


def record(status: Status, finished: str = "", *, number: int = 1, lease: float = 0.0) -> FixRecord:
    return FixRecord("f", number, status, PLAN, started=EARLIER, finished=finished, lease=lease)


# What each row of the table speaks of; of a record that is under way, one that is held and one that nobody holds.
HISTORIES: dict[str, list[tuple[FixRecord, ...]]] = {
    "none": [()],
    "`pending`, `undoing`": [
        (record(status, lease=lease),) for status in (Status.PENDING, Status.UNDOING) for lease in (NOW + 5, NOW - 5)
    ],
    "`applied`, after the finding was seen": [(record(Status.APPLIED, LATER),)],
    "`applied`, before that": [(record(Status.APPLIED, EARLIER),)],
    "`undone`": [(record(Status.UNDONE, EARLIER),)],
    "`failed`": [(record(Status.FAILED, EARLIER),)],
}
FOUGHT = tuple(record(Status.APPLIED, EARLIER, number=number) for number in (1, 2, 3))


def decide(history: tuple[FixRecord, ...], request: str) -> Step:
    if request == "undo":
        return next_undo(history, undoes=len(history), now=NOW)
    approves = len(history) if request == "approval" else None
    return next_step(history, found_at=SEEN, approves=approves, now=NOW, hour_ago=at(0))


def said(steps: list[Step], request: str) -> str:
    """What the table calls a decision."""
    kinds = {type(step) for step in steps}
    if kinds == {Wait, Complete}:
        return "wait"
    (step,) = steps
    match step:
        case Begin():
            return "take it back" if request == "undo" else "fix again" if step.number > 1 else "fix"
        case Tell():
            return "tell it again"
        case Leave("undone", _):
            return "leave it"
        case Leave("nothing-to-undo", _):
            return "nothing to undo"
    raise AssertionError(steps)


@pytest.mark.parametrize(("column", "request_"), [(1, "finding"), (2, "approval"), (3, "undo")])
def test_what_a_request_leads_to_is_as_the_table_says(column: int, request_: str) -> None:
    rows = {row[0]: row for row in PAGE.table("The life of a fix", 1)}
    assert set(rows) == set(HISTORIES)
    for name, histories in HISTORIES.items():
        steps = [decide(history, request_) for history in histories]
        cell = rows[name][column]
        shown = rows[name][1] if cell == "the same" else cell
        # What held and unheld records of one row lead to is told in one sentence.
        halves = [steps[:2], steps[2:]] if len(steps) == 4 else [steps]
        for half in halves:
            assert shown.startswith(said(half, request_)), (name, request_, half)


@pytest.mark.parametrize("last", [Status.APPLIED, Status.FAILED])
def test_after_three_fixes_within_an_hour_it_stops_where_the_table_says_so(last: Status) -> None:
    history = FOUGHT if last is Status.APPLIED else (*FOUGHT, record(Status.FAILED, EARLIER, number=4))
    assert decide(history, "finding") == Leave(
        "fighting", "fixed 3 times within an hour, and something keeps undoing it"
    )
    rows = {row[0]: row for row in PAGE.table("The life of a fix", 1)}
    stopping = {name for name, row in rows.items() if "after three within an hour stop" in row[1]}
    assert stopping == {"`applied`, before that", "`failed`"}
    assert isinstance(decide(history, "approval"), Begin)


def test_a_request_that_came_late_is_told_how_things_stand() -> None:
    history = (record(Status.UNDONE, EARLIER), record(Status.APPLIED, LATER, number=2))
    late: list[Callable[[], Step]] = [
        lambda: next_step(history, found_at=SEEN, approves=1, now=NOW, hour_ago=at(0)),
        lambda: next_undo(history, undoes=1, now=NOW),
    ]
    assert [type(decided()) for decided in late] == [Tell, Tell]


def test_the_table_of_the_state_lists_every_key_and_no_other() -> None:
    words = re.compile(r"\b[A-Z]{3,}(?=#|`)")
    listed = {word for row in PAGE.table("The state table") for cell in row[:2] for word in words.findall(cell)}
    sources = "".join(
        (ROOT / f"functions/adapters/{name}.py").read_text() for name in ("store", "desk", "generations", "ledger")
    )
    # Keys stand in the code as "WORD" or f"WORD#…".
    assert listed == set(re.findall(r'f?"([A-Z]{3,})(?:#|")', sources))
