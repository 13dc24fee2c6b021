"""What becomes of kept events is told in numbers, and changes nothing about the fix that kept them."""

from __future__ import annotations

from itertools import permutations

import pytest

from functions.core.message import REQUESTS, Kind, Message
from functions.core.redrive import Redriven
from functions.core.slack_text import ticket_message
from functions.core.ticket import NOTHING_TO_REDRIVE, REDRIVE_REFUSED, State, Ticket, fold, hold

from .examples import at, finding

TICKET = "hvbp3lpq3hbg"


def told(kind: Kind, minute: int, **more: object) -> Message:
    return Message(kind, finding(), at(minute), **{"by": "Ops/bob", "fix": 1, **more})  # type: ignore[arg-type]


APPLIED = told(Kind.FIX_APPLIED, 1)
REQUESTED = told(Kind.REDRIVE_REQUESTED, 2)
REDRIVEN = told(Kind.EVENTS_REDRIVEN, 3, text="Events: 31 sent.")


def folded(*messages: Message) -> Ticket:
    ticket: Ticket | None = None
    for message in messages:
        ticket = fold(ticket, message)
    assert ticket is not None
    return ticket


@pytest.mark.parametrize(
    ("before", "state"), [(Kind.FIX_APPLIED, State.FIXED), (Kind.FIX_UNDONE, State.UNDONE), (None, State.OPEN)]
)
@pytest.mark.parametrize(
    "after",
    [
        REQUESTED,
        REDRIVEN,
        told(Kind.FIX_FAILED, 3, code=REDRIVE_REFUSED, text="The loop is closed."),
        told(Kind.FIX_FAILED, 3, code=NOTHING_TO_REDRIVE),
    ],
)
def test_sending_events_back_leaves_the_fix_as_it_stands(before: Kind | None, state: State, after: Message) -> None:
    first = [told(before, 1)] if before else [told(Kind.FINDING_OPENED, 1)]
    for order in permutations((*first, after)):
        assert folded(*order).state is state


def test_sending_events_back_lifts_no_cap() -> None:
    capped = folded(told(Kind.FIX_FAILED, 1, code="cap", text="enough"), REQUESTED, REDRIVEN)
    assert [limit.because for limit in hold(capped, at(4))] == ["enough"]


def test_the_ticket_still_tells_it_after_an_undo() -> None:
    blocks = str(
        ticket_message(folded(APPLIED, REQUESTED, REDRIVEN, told(Kind.FIX_UNDONE, 4, text="Put back."))).blocks
    )
    assert "*Events Redriven*: Events: 31 sent." in blocks
    assert "Put back." in blocks


def test_a_person_asks_for_it() -> None:
    assert Kind.REDRIVE_REQUESTED in REQUESTS
    assert Kind.EVENTS_REDRIVEN not in REQUESTS


def test_numbers_that_are_usually_there_are_told_even_where_they_are_none() -> None:
    assert Redriven().text(TICKET) == (
        "Events: 0 sent, 0 dropped as loop-made, 0 dropped as duplicates, 0 kept as unknown, 0 left."
    )


def test_what_can_be_done_about_the_rest_is_told_with_its_number() -> None:
    text = Redriven(sent=3, twice=1, tests=2, unknown=4, left=5).text(TICKET)
    assert "1 possibly sent twice, 2 test messages dropped" in text
    assert f"`warden loops redrive {TICKET} --unknown`" in text
    assert "when the work was interrupted" in text
    assert "What is left came later" in text
