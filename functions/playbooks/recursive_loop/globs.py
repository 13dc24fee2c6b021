"""Patterns with `*` and `?`, as in IAM resources, and whether several of them have a string in common. Pure.

Sources: "IAM JSON policy elements: Resource" (IAM User Guide) for `*`, any characters or none, and `?`, exactly one;
"IAM policy elements: Variables and tags" for `${*}`, `${?}` and `${$}`, which stand for the characters themselves. A
`*` also goes past `:` and `/`. Upper and lower case differ, as in S3 keys and resource names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import product


@dataclass(frozen=True)
class OneOf:
    """A set of characters: those in `characters`, or with `inverted` all but those."""

    characters: frozenset[str]
    inverted: bool = False

    def both(self, other: OneOf) -> OneOf:
        """Return the characters that are in both sets."""
        if self.inverted and other.inverted:
            return OneOf(self.characters | other.characters, inverted=True)
        if self.inverted:
            return OneOf(other.characters - self.characters)
        return OneOf(self.characters - other.characters if other.inverted else self.characters & other.characters)

    def __contains__(self, character: str) -> bool:
        return (character in self.characters) is not self.inverted

    def __bool__(self) -> bool:
        return self.inverted or bool(self.characters)


ANY_ONE = OneOf(frozenset(), inverted=True)


Places = tuple[OneOf | None, ...]


@dataclass(frozen=True)
class Glob:
    """A pattern: a set of characters for each place, None for any number of any characters."""

    places: Places

    def __add__(self, other: Glob) -> Glob:
        return Glob(self.places + other.places)

    @cached_property
    def ends(self) -> frozenset[int]:
        """The places from which nothing more need follow."""
        end = len(self.places)
        while end and self.places[end - 1] is None:
            end -= 1
        return frozenset(range(end, len(self.places) + 1))

    def steps(self, place: int) -> Iterator[tuple[OneOf, int]]:
        """The characters that may come next at a place, and the place after each."""
        while place < len(self.places):
            characters = self.places[place]
            if characters is not None:
                yield characters, place + 1
                return
            yield ANY_ONE, place
            place += 1


ANYTHING = Glob((None,))
_ESCAPED = re.compile(r"\$\{([*?$])\}|(.)", re.DOTALL)


@lru_cache(maxsize=8192)
def glob(pattern: str) -> Glob:
    """Read a pattern as IAM does."""
    if "${" not in pattern:
        return Glob(tuple(map(_place, pattern)))
    return Glob(tuple(_only(escaped) if escaped else _place(plain) for escaped, plain in _ESCAPED.findall(pattern)))


def literal(text: str) -> Glob:
    """Return the pattern that only a text itself matches; in it, `*` is an asterisk."""
    return Glob(tuple(map(_only, text)))


def not_beginning_with(text: str) -> tuple[Glob, ...]:
    """Return patterns of which exactly one matches each string that does not begin with a text."""
    shorter = [literal(text[:n]) for n in range(len(text))]
    other = [Glob((OneOf(frozenset(character), inverted=True), None)) for character in text]
    return (*shorter, *(start + rest for start, rest in zip(shorter, other, strict=True)))


def matches(pattern: str, text: str) -> bool:
    """Whether a text matches a pattern.

    Each `*` first takes nothing, and one character more each time what follows does not match; only the last `*` met
    need be tried again, so this takes at most as many steps as the lengths multiplied.
    """
    places = glob(pattern).places
    place = at = 0
    star, taken = -1, 0
    while at < len(text):
        characters = places[place] if place < len(places) else OneOf(frozenset())
        if characters is None:
            star, taken = place, at
            place += 1
        elif text[at] in characters:
            place, at = place + 1, at + 1
        elif star >= 0:
            taken += 1
            place, at = star + 1, taken
        else:
            return False
    return all(characters is None for characters in places[place:])


def intersects(first: str, second: str) -> bool:
    """Whether some string matches both patterns."""
    return first == second or meet(glob(first), glob(second))


def meet(*globs: Glob) -> bool:
    """Whether some string matches all patterns: a search through the product of their automata, so exact."""
    rows = [pattern.places for pattern in globs if pattern != ANYTHING]
    for _ in range(2):
        # Up to the first `*`, and then from the last one on, the places of all patterns lie side by side.
        aligned = _aligned(rows)
        if aligned is None:
            return False
        rows = [row[aligned:][::-1] for row in rows]
    return _search([Glob(row) for row in rows])


def _aligned(rows: Sequence[Places]) -> int | None:
    """Return how many places all rows have before the first `*` of any, None if they have no character in common."""
    count = 0
    for places in zip(*rows, strict=False):
        if None in places:
            break
        if not _common([characters for characters in places if characters is not None]):
            return None
        count += 1
    return count


def _search(globs: Sequence[Glob]) -> bool:
    start = (0,) * len(globs)
    seen, waiting = {start}, [start]
    while waiting:
        places = waiting.pop()
        if all(place in pattern.ends for pattern, place in zip(globs, places, strict=True)):
            return True
        for steps in product(*(pattern.steps(place) for pattern, place in zip(globs, places, strict=True))):
            following = tuple(place for _, place in steps)
            if following not in seen and _common([characters for characters, _ in steps]):
                seen.add(following)
                waiting.append(following)
    return False


@lru_cache(maxsize=1024)
def _only(character: str) -> OneOf:
    return OneOf(frozenset(character))


def _place(character: str) -> OneOf | None:
    return None if character == "*" else ANY_ONE if character == "?" else _only(character)


def _common(sets: Sequence[OneOf]) -> bool:
    """Whether a character is in all sets."""
    common = sets[0]
    for characters in sets[1:]:
        if characters is not common:
            common = common.both(characters)
    return bool(common)
