"""Whether a text was drawn by a machine or written by a person: how many bits words would save over random letters."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

Origin = Literal["generated", "mixed", "written"]

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
# Row: the letter before (^ is the start of a word); column: the letter after. A digit is 1.5 × the bits that the pair
# costs in identifiers and English prose, counted over the words of AWS service models and Python's standard library.
_PAIRS = """
^675667886ba77886b656898cdc ab757da7f7fa575f7e5648aab9c b59895abb59c49a5af6695cee8d c5c894bd56f67ab4ae7957dde9f
d5997299c4cb89a6ad76a7abdae e7a65989cbfd775b8a446c9a7bf f6a9955ad3dc6ba5be6876ddc9f g6bab3c765fe7967ae4696bbebc
h4bba3edb4fc99a4bd7968dcc8d i7967787fffd67358e865e8fbf8 j5ba848bb798a8a48aa5a4a7bab k7a98288c4bc79889d9588a9cad
l4ba83acf4fb5bb5afc777bef6f m48ba3cce5fc97c55cc7a7cddae n6c65584c6eaab97beb5499efbf o9977c98e9d966387f477688bcf
p4d9a4bb86fb5bb56e4767ddf9f q9aaaa9acacc59aabb87918abaa r4b883b9e5f998959f86689cf8f s7d6a4ac65fa89a76bb536bbd9f
t5c9b3bd63fd9bc6af5688dbe7e u7678799e7fe564a6f555edfcee v4a9b2bbe4fecaa69fb9accefcf w4bb94ab64ea8b65bd65adcbcde
x6a5949b95dc88a94aa84a9c88c y79796a8c6db66573d846ca8c98 z4bdb29ba5dc9aa5bda999cbc99
"""
_COST = {
    row[0] + letter: int(digit, 16) / 1.5
    for row in _PAIRS.split()
    for letter, digit in zip(_LETTERS, row[1:], strict=True)
}
_UNKNOWN = 8.0  # bits for a character that belongs to no word
_DIGIT, _TO_DIGIT, _FROM_DIGIT = 3.0, 4.5, 4.0
_CAMEL = 3.0  # bits for a capital in the middle
_SEPARATOR = 3.0
_LONGEST = 256  # characters looked at: more say nothing new

_HEX = re.compile(r"[0-9a-fA-F]+")
_SLUG = re.compile(r"[a-z]{2,16}(?:[-_.][a-z]{2,16}){2,}")
_PIECE = re.compile(r"[-_.:/+]")
_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_SEQUENCES = (
    "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz",
    "01234567890123456789",
    "98765432109876543210",
    "qwertyuiopasdfghjklzxcvbnm",
    "0123456789abcdef0123456789abcdef",
    "abcdef0123456789",
)


_FOURS = frozenset(run[i : i + 4] for run in _SEQUENCES for i in range(len(run) - 3))


def is_hex(text: str) -> bool:
    """Tell whether the text is hexadecimal."""
    return _HEX.fullmatch(text) is not None


def is_uuid(text: str) -> bool:
    """Tell whether the text is a UUID with hyphens."""
    return len(text) == 36 and _UUID.fullmatch(text) is not None


def is_repeated(text: str) -> bool:
    """Tell whether the text is one or two characters over and over: 00000000, xxxx, 010101."""
    plain = text[:_LONGEST].lower()
    return len(plain) > 3 and len(set(plain)) <= (2 if len(plain) < 32 else 4)


def is_monotonous(text: str) -> bool:
    """Tell whether the text only repeats or counts: 00000000, abcdefgh12345678, deadbeefdeadbeefdeadbeef."""
    if is_repeated(text):
        return True
    plain = text[:_LONGEST].lower()
    if len(plain) < 6:
        return False
    for size in range(1, min(17, len(plain) // 3 + 1)):
        if plain == (plain[:size] * (len(plain) // size + 1))[: len(plain)]:
            return True
    if plain[:4] not in _FOURS and plain[-4:] not in _FOURS:
        return False
    counted = sum(plain[i : i + 4] in _FOURS for i in range(len(plain) - 3))
    return counted > 0.5 * (len(plain) - 3) and len(plain) > 5


def origin(text: str) -> Origin:
    """Tell how the text came about. `mixed` is what neither side can claim: short, or words with many digits."""
    text = text[:_LONGEST]
    if len(text) < 8 or is_monotonous(text):
        return "written"
    if _HEX.fullmatch(text):
        return _hex_origin(text)
    if any(len(piece) >= 20 and _HEX.fullmatch(piece) and not piece.isdigit() for piece in _PIECE.split(text)):
        return "generated"
    if _SLUG.fullmatch(text) and sum(map(text.count, "aeiouy")) * 6 > len(text):
        return "written"
    saved = _saved(text) / len(text)
    if saved < _random_below(len(text)):
        return "generated"
    return "written" if saved > 0.75 else "mixed"


def _random_below(length: int) -> float:
    """Return the saving per character under which a text of this length was surely drawn at random."""
    return -0.35 if length < 12 else -0.05 if length < 16 else 0.15


def _hex_origin(text: str) -> Origin:
    digits = sum(character.isdigit() for character in text)
    if len(text) < 16 or digits == len(text):
        return "mixed" if len(text) >= 12 and digits < len(text) else "written"
    return "generated" if digits >= len(text) // 8 and len(set(text)) >= 7 else "mixed"


@lru_cache(maxsize=2048)
def _saved(text: str) -> float:
    """Return the bits that writing the text as words, numbers and separators saves over drawing its characters."""
    random = 5.17 if text.islower() or text.isupper() else 5.95
    total = 0.0
    before, kind_before = "^", "start"
    for character in text:
        kind, cost = _step(character, before, kind_before)
        total += random - cost
        before, kind_before = (character.lower() if kind in ("lower", "upper") else "^"), kind
    return total


def _step(character: str, before: str, kind_before: str) -> tuple[str, float]:
    if character.isdigit():
        return "digit", _DIGIT if kind_before == "digit" else 2.5 if kind_before == "separator" else _TO_DIGIT
    if character.isalpha():
        kind = "lower" if character.islower() else "upper"
        case = _CASE.get((kind_before, kind), 0.5)
        if kind_before == "lower" and kind == "upper":
            before = "^"
        return kind, case + _COST.get(before + character.lower(), _UNKNOWN)
    if character in "_-./: ,":
        return "separator", _SEPARATOR if kind_before != "separator" else _SEPARATOR + 2
    return "symbol", _UNKNOWN


_CASE = {
    ("lower", "upper"): _CAMEL,
    ("upper", "lower"): 1.5,
    ("digit", "lower"): _FROM_DIGIT,
    ("digit", "upper"): _FROM_DIGIT,
    ("start", "upper"): 0.5,
}
