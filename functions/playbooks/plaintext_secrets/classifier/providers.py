"""Tokens that name their issuer: prefix, alphabet, length, and a checksum where there is one."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from functions.playbooks.plaintext_secrets.classifier.checksums import CHECKSUMS
from functions.playbooks.plaintext_secrets.classifier.formats import FORMATS, SHAPES
from functions.playbooks.plaintext_secrets.classifier.randomness import is_monotonous, origin
from functions.playbooks.plaintext_secrets.classifier.verdict import Verdict, harmless, secret

_ALNUM = string.ascii_letters + string.digits
_ALPHABETS = {
    "hex": string.digits + "abcdef",
    "HEX": string.hexdigits,
    "digit": string.digits,
    "lower": string.ascii_lowercase + string.digits,
    "upper": string.ascii_uppercase + string.digits,
    "letter": string.ascii_letters,
    "alnum": _ALNUM,
    "word": _ALNUM + "_-",
    "wordeq": _ALNUM + "_-=",
    "worddot": _ALNUM + "_-.=",
    "base64": _ALNUM + "+/=",
    "any64": _ALNUM + "+/=_-",
    "uuid": string.hexdigits + "-",
}
_INDEX = 3  # characters of a prefix that a token is found by


@dataclass(frozen=True)
class Format:
    """A token that starts with `prefix` and goes on with `shortest` to `longest` characters of `alphabet`."""

    kind: str
    issuer: str
    prefix: str
    alphabet: str
    shortest: int
    longest: int
    checksum: str = ""

    def fits(self, text: str) -> bool:
        """Tell whether the text has this shape."""
        body = text[len(self.prefix) :]
        return (
            self.shortest <= len(body) <= self.longest
            and text.startswith(self.prefix)
            and not body.strip(_ALPHABETS[self.alphabet])
        )


def _formats() -> dict[str, tuple[Format, ...]]:
    index: dict[str, list[Format]] = {}
    for line in FORMATS.strip().splitlines():
        kind, issuer, prefix, alphabet, lengths, *checksum = line.split("|")
        shortest, _, longest = lengths.partition("-")
        found = Format(
            kind, issuer, prefix, alphabet, int(shortest), int(longest or shortest), checksum[0] if checksum else ""
        )
        index.setdefault(prefix[:_INDEX], []).append(found)
    return {start: tuple(sorted(found, key=lambda f: -len(f.prefix))) for start, found in index.items()}


_FORMATS = _formats()
_STARTS = tuple(_FORMATS)
_SHAPES = tuple(tuple(line.split("|", 3)) for line in SHAPES.strip().splitlines())
_RUN = re.compile(r"[A-Za-z0-9_\-.~+/=|:!]{16,}")
_LONGEST = 6000


@lru_cache(maxsize=256)
def _shape(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def token(text: str) -> Verdict | None:
    """Return what is known of a text that is, as a whole, one provider's token; None if it is nobody's."""
    if not 12 <= len(text) <= _LONGEST or " " in text:
        return None
    for form in _FORMATS.get(text[:_INDEX]) or _FORMATS.get(text[: _INDEX - 1], ()):
        if form.fits(text):
            return _of_format(form, text)
    for kind, issuer, needle, pattern in _SHAPES:
        if needle in text and _shape(pattern).fullmatch(text):
            return _found(kind, issuer, text)
    return None


def tokens_in(text: str) -> Iterator[Verdict]:
    """Return the tokens that stand anywhere in a longer text: a command line, a header, a document."""
    for match in _RUN.finditer(text[: 4 * _LONGEST]):
        run = match.group()
        if text[match.end() : match.end() + 1] in ("#", "*", "<", "$", "{", "["):
            continue  # the rest is filled in, or hidden
        for piece in {run, *re.split(r"[=:/|]", run)}:
            found = token(piece.strip(".-+/=:|!")) if piece else None
            if found is not None and found.secret:
                yield found


def _of_format(form: Format, text: str) -> Verdict | None:
    body = text[len(form.prefix) :]
    if form.kind.startswith("public:"):
        return harmless(form.kind[7:], f"it has the shape of {form.issuer}, which is meant to be public")
    found = _found(form.kind, form.issuer, body, distinctive=len(form.prefix) > 3)
    if found is None or not found.secret or not form.checksum:
        return found
    if CHECKSUMS[form.checksum](text):
        return secret(form.kind, "high", f"it is {form.issuer}: prefix, length and checksum are right")
    return secret(form.kind, "medium", f"it has the shape of {form.issuer}, though its checksum is wrong")


def _found(kind: str, issuer: str, body: str, *, distinctive: bool = True) -> Verdict | None:
    if kind.startswith("public:"):
        return harmless(kind[7:], f"it has the shape of {issuer}, which is meant to be public")
    if is_placeholder_body(body):
        return harmless("placeholder", f"it has the shape of {issuer}, but the part that would be secret is filler")
    if not distinctive and origin(body) == "written" and len(body) > 15:
        return None
    if kind.startswith("?"):
        return secret(kind[1:], "medium", f"it looks like {issuer}")
    return secret(kind, "high", f"it has the shape of {issuer}")


def is_placeholder_body(body: str) -> bool:
    """Tell whether the random part of a token is filler: xxxx, 1234567890, YOUR_KEY_HERE, EXAMPLE, dots."""
    low = body.lower()
    if (
        is_monotonous(body)
        or "xxxxxx" in low
        or "******" in body
        or "......" in body
        or "EXAMPLE" in body
        or _mostly_one(body)
    ):
        return True
    return len(body) <= 120 and any(word in low for word in _FILLER) and origin(body) != "generated"


def _mostly_one(body: str) -> bool:
    return any(character * max(8, len(body) // 3) in body for character in ("0", "X", "x", "1", "a", "A"))


_FILLER = (
    "your",
    "example",
    "placeholder",
    "replace",
    "changeme",
    "dummy",
    "redacted",
    "insert",
    "fake",
    "sample",
    "here",
)
