"""A ticket's state: the same from the same events, however often and in whatever order they arrive."""

import itertools
import json
import random
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.core.finding import Cause
from functions.core.message import Kind, Message
from functions.core.playbook import Mode
from functions.core.ticket import EVENTS_KEPT, SIGHTINGS_KEPT, State, Ticket, fold, hold, ticket_from_json

from .examples import (
    applied,
    at,
    cleared,
    decided,
    failed,
    finding,
    fix_requested,
    opened,
    ticket,
    undo_requested,
    undone,
)

FAR = 80_000


@st.composite
def histories(draw: st.DrawFn, most: int = 14) -> list[Message]:
    """What happened to one finding, in order of time: fixes are numbered, and only an applied one is undone."""
    history = [opened(0, draw(st.sampled_from(Mode)).value)]
    fix, stands = 0, False
    for second in range(1, draw(st.integers(1, most))):
        happened = draw(st.sampled_from(["seen", "seen", "applied", "undone", "failed", "asked", "gone", "decided"]))
        if happened == "applied" and not stands:
            fix, stands = fix + 1, True
            history.append(applied(second, fix))
        elif happened == "undone" and stands:
            stands = False
            history.append(undone(second, fix))
        elif happened == "failed":
            history.append(failed(second, draw(st.sampled_from(["cap", "no-room"]))))
        elif happened == "asked":
            history.append(draw(st.sampled_from([fix_requested, undo_requested]))(second))
        elif happened == "gone":
            history.append(replace(cleared(second), finding=finding(second)))
        elif happened == "decided":
            code = draw(st.sampled_from(["snoozed", "exempt"]))
            history.append(decided(second, code, until=draw(st.sampled_from([second + 2, FAR]))))
        else:
            history.append(opened(second, draw(st.sampled_from(Mode)).value))
    return history


@given(histories(), st.randoms(use_true_random=False))
def test_order_and_repetition_make_no_difference(history: list[Message], chance: random.Random) -> None:
    delivered = [*history, *chance.choices(history, k=len(history))]
    chance.shuffle(delivered)
    again = ticket(*delivered)
    assert again == ticket(*history)
    assert (again.state, again.story) == (ticket(*history).state, ticket(*history).story)


def test_every_order_of_a_life_leads_to_the_same_ticket() -> None:
    """Seen, fixed, seen again, fixed again, undone, and late news of each of these."""
    history = [opened(1), applied(2), opened(3), applied(4, fix=2), undone(5, fix=2), opened(6, "approve")]
    wanted = ticket(*history)
    assert wanted.state is State.UNDONE
    assert all(ticket(*order) == wanted for order in itertools.permutations(history))


@given(histories())
def test_an_event_that_is_known_changes_nothing(history: list[Message]) -> None:
    known = ticket(*history)
    assert all(fold(known, message) == known for message in history)


@settings(max_examples=3)
@given(st.randoms(use_true_random=False))
def test_a_very_long_life_is_kept_bounded_and_still_in_no_need_of_order(chance: random.Random) -> None:
    kinds: list[Callable[[int], Message]] = [opened, opened, failed, cleared, fix_requested]
    history = [opened(0), *(chance.choice(kinds)(second) for second in range(1, 300))]
    wanted = ticket(*history)
    chance.shuffle(history)
    assert ticket(*history) == wanted
    assert wanted.entries[0].at == at(0)
    assert len(wanted.entries) <= SIGHTINGS_KEPT + EVENTS_KEPT + 1
    assert max(entry.at for entry in wanted.entries) == max(message.at for message in history)


def test_a_flood_of_sightings_does_not_push_out_what_a_person_decided() -> None:
    flood = [opened(second) for second in range(10, 400)]
    known = ticket(opened(0), decided(5, until=FAR), *flood)
    assert known.state is State.SNOOZED
    assert len(known.story) == 3


def test_repeated_sightings_are_told_once() -> None:
    known = ticket(opened(1), opened(2), opened(3), opened(4, "approve"), applied(5), opened(6, "approve"))
    assert [(entry.at, entry.mode) for entry in known.story] == [
        (at(1), "enforce"),
        (at(4), "approve"),
        (at(5), ""),
        (at(6), "approve"),
    ]


def test_shows_the_newest_sighting_whichever_came_first() -> None:
    first, second = opened(1), opened(9)
    assert ticket(second, first).finding == ticket(first, second).finding == finding(9)
    late = Message(Kind.FIX_APPLIED, finding(20), at(21), fix=1)
    assert ticket(late, first).finding == ticket(first, late).finding == finding(1)


def test_shows_the_changes_of_the_newest_outcome_whichever_came_first() -> None:
    for order in itertools.permutations([opened(1), applied(2), undone(3)]):
        known = ticket(*order)
        assert known.changes == undone(3).changes
        assert known.fix == 1
    for order in itertools.permutations([applied(2), undone(3), applied(5, fix=2)]):
        assert ticket(*order).changes == applied(5, fix=2).changes


# What has happened, what happens then, and where the ticket stands after it.
STANDS: list[tuple[tuple[Message, ...], Message, State]] = [
    ((), opened(5), State.FIXING),
    ((), opened(5, "approve"), State.AWAITING_APPROVAL),
    ((), opened(5, "observe"), State.OPEN),
    ((), opened(5, "yet-to-come"), State.OPEN),
    ((), opened(5, ""), State.OPEN),
    ((opened(1, "observe"),), opened(5), State.FIXING),
    ((opened(1),), applied(5), State.FIXED),
    ((opened(1),), failed(5), State.FAILED),
    ((opened(1),), failed(5, "denied"), State.FAILED),
    ((opened(1),), failed(5, "cap"), State.AWAITING_APPROVAL),
    ((opened(1),), cleared(5), State.CLEARED),
    ((opened(1),), decided(5, "snoozed", FAR), State.SNOOZED),
    ((opened(1),), decided(5, "exempt", FAR), State.EXEMPT),
    ((opened(1, "approve"),), fix_requested(5), State.FIXING),
    ((opened(1), failed(2)), opened(5), State.FIXING),
    ((opened(1), failed(2)), fix_requested(5), State.FIXING),
    ((opened(1), failed(2)), cleared(5), State.CLEARED),
    ((opened(1), cleared(2)), opened(5, "approve"), State.AWAITING_APPROVAL),
    ((opened(1), applied(2)), opened(5), State.FIXING),
    ((opened(1), applied(2)), cleared(5), State.FIXED),
    ((opened(1), applied(2)), undo_requested(5), State.UNDOING),
    ((opened(1), applied(2)), decided(5, "snoozed", FAR), State.SNOOZED),
    ((opened(1), applied(2), undo_requested(3)), undone(5), State.UNDONE),
    ((opened(1), applied(2), undo_requested(3)), failed(5, "denied"), State.FAILED),
    ((opened(1), applied(2), undone(3)), opened(5), State.UNDONE),
    ((opened(1), applied(2), undone(3)), opened(5, "observe"), State.UNDONE),
    ((opened(1), applied(2), undone(3)), cleared(5), State.UNDONE),
    ((opened(1), applied(2), undone(3)), undo_requested(5), State.UNDONE),
    ((opened(1), applied(2), undone(3)), fix_requested(5), State.FIXING),
    ((opened(1), applied(2), undone(3), fix_requested(4)), applied(5, fix=2), State.FIXED),
    ((opened(1), decided(2, "snoozed", FAR)), opened(5), State.SNOOZED),
    ((opened(1), decided(2, "snoozed", 5)), opened(5), State.FIXING),
    ((opened(1), decided(2, "snoozed", FAR)), cleared(5), State.CLEARED),
    ((opened(1), decided(2, "snoozed", FAR)), fix_requested(5), State.FIXING),
    ((opened(1), decided(2, "exempt", FAR)), opened(5), State.EXEMPT),
    ((opened(1), decided(2, "exempt", FAR)), cleared(5), State.EXEMPT),
    ((opened(1), decided(2, "exempt", 4)), opened(5, "approve"), State.AWAITING_APPROVAL),
]


@pytest.mark.parametrize(("before", "then", "state"), STANDS, ids=lambda value: str(getattr(value, "kind", "")))
def test_stands_where_the_table_says(before: tuple[Message, ...], then: Message, state: State) -> None:
    assert ticket(*before, then).state is state


def test_the_table_reaches_every_state() -> None:
    assert {state for _, _, state in STANDS} == set(State)


@pytest.mark.parametrize(
    ("history", "held"),
    [
        ((opened(1),), None),
        ((opened(1), applied(2)), None),
        ((opened(1), applied(2), undone(3)), Mode.APPROVE),
        ((opened(1), applied(2), undone(3), fix_requested(4)), None),
        ((opened(1), failed(2)), None),
        ((opened(1), failed(2, "cap")), Mode.APPROVE),
        ((opened(1), failed(2, "cap"), opened(3, "approve")), Mode.APPROVE),
        ((opened(1), failed(2, "cap"), opened(3, "approve"), opened(4, "observe")), Mode.APPROVE),
        ((opened(1), failed(2, "cap"), fix_requested(3)), None),
        ((opened(1), failed(2, "cap"), cleared(3)), None),
        ((opened(1), decided(2, "snoozed", 101)), Mode.OBSERVE),
        ((opened(1), decided(2, "snoozed", 100)), None),
        ((opened(1), decided(2, "exempt", FAR)), Mode.OBSERVE),
        ((opened(1), decided(2, "exempt", FAR), decided(3, "snoozed", 50)), None),
    ],
)
def test_peoples_decisions_hold_the_mode(history: tuple[Message, ...], held: Mode | None) -> None:
    limits = hold(ticket(*history), at(100))
    assert [limit.mode for limit in limits] == ([held] if held else [])
    assert all(limit.because for limit in limits)


def test_nothing_is_held_without_a_ticket() -> None:
    assert hold(None, at(1)) == []


def test_the_newest_decision_says_until_when_it_is_quiet() -> None:
    assert ticket(opened(1)).quiet_until == ""
    assert ticket(opened(1), decided(2, until=50), decided(3, "exempt", until=20)).quiet_until == at(20)


@given(histories(), st.text(max_size=5), st.floats(0, 2e9))
def test_a_ticket_comes_back_from_json(history: list[Message], text: str, claimed: float) -> None:
    known = replace(ticket(*history), channel=text, ts=text, shown=text, claimed=claimed, digest=text)
    body = json.loads(json.dumps(known.to_json()))
    assert ticket_from_json(body) == known
    assert body["state"] == known.state.value
    assert ticket_from_json({**body, "later": 1, "entries": [{**e, "later": 1} for e in body["entries"]]}) == known


def test_a_ticket_is_its_findings() -> None:
    known: Ticket = ticket(opened(1, text="said"))
    assert known.id == finding().id
    assert (known.last.text, known.finding.cause) == (
        "said",
        Cause("CreateFunction20150331", "event-1", at(1), "Dev/alice"),
    )


def test_of_two_decisions_in_one_second_the_later_one_counts() -> None:
    # EventBridge's time has whole seconds; what the person's own clock says puts them in order.
    snoozed = replace(decided(5, "snoozed", FAR), asked="2026-11-20T00:00:05.100000Z")
    exempt = replace(decided(5, "exempt", FAR), asked="2026-11-20T00:00:05.900000Z")
    for first, second in ((snoozed, exempt), (exempt, snoozed)):
        told = fold(fold(fold(None, opened(1)), first), second)
        assert told.state is State.EXEMPT
