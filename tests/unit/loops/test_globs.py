"""Patterns against every string over a small alphabet."""

from __future__ import annotations

import re
import time
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.playbooks.recursive_loop.globs import (
    ANYTHING,
    glob,
    intersects,
    literal,
    matches,
    meet,
    not_beginning_with,
)

PATTERNS = st.text("ab*?", max_size=5)
STRINGS = ["".join(letters) for length in range(8) for letters in product("abc", repeat=length)]
LONG = STRINGS + ["".join(letters) for length in (8, 9, 10) for letters in product("ab", repeat=length)]
"""Long enough: of a string that two patterns of five places have in common, what no place but a `*` of both takes can
be left out, so there is one of ten letters at most."""


def by_regex(pattern: str, text: str) -> bool:
    parts = {"*": ".*", "?": "."}
    return bool(re.fullmatch("".join(parts.get(each, re.escape(each)) for each in pattern), text, re.DOTALL))


@given(st.text("ab*?\n", max_size=8), st.text("ab*?\n", max_size=8))
def test_a_pattern_matches_what_the_regular_expression_does(pattern: str, text: str) -> None:
    assert matches(pattern, text) is by_regex(pattern, text)
    assert meet(glob(pattern), literal(text)) is by_regex(pattern, text)


@given(PATTERNS, PATTERNS)
def test_two_patterns_meet_where_a_string_matches_both(first: str, second: str) -> None:
    common = any(by_regex(first, text) and by_regex(second, text) for text in LONG)
    assert intersects(first, second) is common
    assert intersects(second, first) is common


@given(st.text("ab*?", max_size=4), st.text("ab", max_size=3), st.text("ab", max_size=3))
def test_three_patterns_meet_where_a_string_matches_all(first: str, start: str, end: str) -> None:
    wanted = any(by_regex(first, text) and text.startswith(start) and text.endswith(end) for text in LONG)
    assert meet(glob(first), literal(start) + ANYTHING, ANYTHING + literal(end)) is wanted


@given(st.text("ab", max_size=3), PATTERNS)
def test_not_beginning_with_is_all_the_rest(start: str, pattern: str) -> None:
    wanted = any(by_regex(pattern, text) and not text.startswith(start) for text in STRINGS)
    assert any(meet(each, glob(pattern)) for each in not_beginning_with(start)) is wanted


@pytest.mark.parametrize(
    ("first", "second", "common"),
    [
        ("out/*", "in/*", False),
        ("out/*", "*.jpg", True),
        ("*", "", True),
        ("?", "", False),
        ("a*b*c", "*b?", True),
        ("Out/*", "out/*", False),
        ("arn:aws:s3:::uploads*", "arn:aws:s3:::uploads/in/*", True),
    ],
)
def test_meets_as_a_person_would_say(first: str, second: str, common: bool) -> None:
    assert intersects(first, second) is common


def test_escaped_wildcards_are_themselves() -> None:
    assert matches("a${*}b${?}${$}", "a*b?$")
    assert not matches("a${*}", "ab")
    assert not intersects("${*}", "a")
    assert matches("${aws:username}", "${aws:username}"), "variables are for who knows their values"


def test_many_stars_take_no_exponential_time() -> None:
    began = time.process_time()
    assert not matches("a*" * 30 + "b", "a" * 2_000)
    assert not intersects("a*" * 30 + "b", "a" * 300)
    assert intersects("*a" * 40, "a*" * 40)
    assert time.process_time() - began < 5
