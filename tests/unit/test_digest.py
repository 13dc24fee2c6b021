"""More than N new tickets in a minute become one digest."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.core.digest import WINDOW_SECONDS, Window, place, window_from_json

ARRIVALS = st.lists(st.floats(0, 90, allow_nan=False), max_size=60).map(
    lambda gaps: [1_000_000.0 + sum(gaps[: n + 1]) for n in range(len(gaps))]
)


def places(moments: list[float], most: int) -> list[str]:
    """Where tickets arriving at these moments go; the n-th would open the digest `dn`."""
    window, found = Window(), []
    for number, now in enumerate(moments):
        window = place(window_from_json(json.loads(json.dumps(window.to_json()))), now, most, f"d{number}")
        found.append(window.digest)
    return found


def test_few_tickets_have_messages_of_their_own() -> None:
    assert places([0, 1, 2, 3, 4], most=5) == [""] * 5
    assert places([n * 61.0 for n in range(50)], most=1) == [""] * 50


def test_what_comes_beyond_n_in_a_minute_goes_into_one_digest() -> None:
    assert places([0, 1, 2, 3, 4, 5, 59], most=5) == [""] * 5 + ["d5", "d5"]


def test_a_digest_stays_open_until_a_minute_without_arrivals() -> None:
    steady = [n * 50.0 for n in range(1, 20)]
    assert places([0, 0, *steady], most=1) == ["", *["d1"] * 20]
    assert places([0, 0, 59, 119, 179.5], most=1) == ["", "d1", "d1", "", ""]


def test_after_a_quiet_minute_the_next_flood_is_another_digest() -> None:
    assert places([0, 0, 0, 100, 100, 100], most=2) == ["", "", "d2", "", "", "d5"]


def test_a_flood_across_the_turn_of_a_minute_is_one_flood() -> None:
    """A fixed minute would let twice as many through."""
    assert places([0, 59, 59, 59, 61, 61, 61], most=4) == ["", "", "", "", "", "d5", "d5"]


def test_none_allowed_is_a_digest_for_all() -> None:
    assert places([0, 1, 200], most=0) == ["d0", "d0", "d2"]


@given(ARRIVALS, st.integers(1, 6))
def test_no_minute_has_more_than_n_messages_of_their_own(moments: list[float], most: int) -> None:
    own = [now for now, digest in zip(moments, places(moments, most), strict=True) if not digest]
    for first in own:
        assert sum(first <= now < first + WINDOW_SECONDS for now in own) <= most


@given(ARRIVALS, st.integers(1, 6))
def test_a_digest_is_opened_only_in_a_flood_and_closed_only_by_a_quiet_minute(moments: list[float], most: int) -> None:
    found = places(moments, most)
    for number, (now, digest) in enumerate(zip(moments, found, strict=True)):
        before = found[number - 1] if number else ""
        if digest == f"d{number}":
            own = [m for m, d in zip(moments[:number], found[:number], strict=True) if not d]
            assert sum(now - moment < WINDOW_SECONDS for moment in own) == most
        elif digest:
            assert digest == before
        elif before:
            assert now - moments[number - 1] >= WINDOW_SECONDS


@pytest.mark.parametrize("body", [None, {}, {"later": 1}, {"started": 5.0, "count": 3}])
def test_a_window_that_was_never_written_is_empty(body: dict[str, float] | None) -> None:
    assert window_from_json(body) == Window()


@given(st.lists(st.floats(0, 2e9)).map(tuple), st.text(), st.floats(0, 2e9))
def test_a_window_comes_back_from_json(recent: tuple[float, ...], digest: str, joined: float) -> None:
    window = Window(recent, digest, joined)
    assert window_from_json(json.loads(json.dumps(window.to_json()))) == window
