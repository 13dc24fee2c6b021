"""Which loops somebody wants: with a reason, a budget and a date, and only until then."""

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.core.intended import LOOP_TAG, Intended, read_intended

TODAY = date(2026, 11, 20)
DAYS = st.dates(date(2000, 1, 1), date(2999, 12, 31))


def read(value: str) -> Intended:
    return read_intended({LOOP_TAG: value}, TODAY)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("retries itself@600@2026-11-20", Intended(True, "retries itself", 600, "2026-11-20")),
        ("ask ops@example.com@1@2027-01-31", Intended(True, "ask ops@example.com", 1, "2027-01-31")),
        ("a@2@3@4@2027-01-31", Intended(True, "a@2@3", 4, "2027-01-31")),
        (" pages @ 0600 @ 2027-01-31 ", Intended(True, "pages", 600, "2027-01-31")),
        (
            "retries@600@2026-11-19",
            Intended(False, "retries", 600, "2026-11-19", "the tag warden:loop ended on 2026-11-19"),
        ),
    ],
)
def test_reads_reason_budget_and_date(value: str, expected: Intended) -> None:
    assert read(value) == expected


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("", "does not end in a date"),
        ("yes", "does not end in a date"),
        ("retries@600", "does not end in a date"),
        ("retries@600@", "does not end in a date"),
        ("retries@600@soon", "does not end in a date"),
        ("retries@600@2027-02-30", "does not end in a date"),
        ("retries@600@20270131", "does not end in a date"),
        ("retries@600@2027-W04-7", "does not end in a date"),
        ("retries@600@٢٠٢٧-01-31", "does not end in a date"),
        ("2027-01-31", "has no positive whole number"),
        ("retries@2027-01-31", "has no positive whole number"),
        ("retries@@2027-01-31", "has no positive whole number"),
        ("retries@0@2027-01-31", "has no positive whole number"),
        ("retries@-5@2027-01-31", "has no positive whole number"),
        ("retries@1.5@2027-01-31", "has no positive whole number"),
        ("retries@many@2027-01-31", "has no positive whole number"),
        ("retries@٦@2027-01-31", "has no positive whole number"),
        ("600@2027-01-31", "gives no reason"),
        ("@600@2027-01-31", "gives no reason"),
        (" @600@2027-01-31", "gives no reason"),
    ],
)
def test_what_cannot_be_read_does_not_hold_and_says_why(value: str, why: str) -> None:
    found = read(value)
    assert found == Intended(refused=found.refused)
    assert why in found.refused
    assert "warden:loop=REASON@INVOCATIONS-AN-HOUR@YYYY-MM-DD" in found.refused


def test_no_tag_wants_nothing_and_refuses_nothing() -> None:
    assert read_intended({"warden:loops": "retries@600@2027-01-31"}, TODAY) == Intended()


@given(st.text(), DAYS)
def test_any_tag_either_holds_or_says_why_not(value: str, today: date) -> None:
    found = read_intended({LOOP_TAG: value}, today)
    assert found.holds is not bool(found.refused)
    assert not found.holds or (found.reason and found.budget > 0 and date.fromisoformat(found.until) >= today)


@given(st.text(min_size=1).filter(str.strip), st.integers(1, 10**9), DAYS, DAYS)
def test_what_is_written_is_read(reason: str, budget: int, until: date, today: date) -> None:
    found = read_intended({LOOP_TAG: f"{reason}@{budget}@{until}"}, today)
    assert (found.reason, found.budget, found.until) == (reason.strip(), budget, until.isoformat())
    assert found.holds is (until >= today)
    assert found.holds or re.search(rf"ended on {until}$", found.refused)
