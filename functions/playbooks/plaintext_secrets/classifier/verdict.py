"""What the classifier says of one variable. A verdict never holds the value, or any part of it."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, replace
from typing import Literal

Confidence = Literal["high", "medium", "low"]
_WEAKER: dict[Confidence, Confidence] = {"high": "medium", "medium": "low", "low": "low"}


@dataclass(frozen=True)
class Verdict:
    """One answer.

    `confidence` is how sure the answer is, whichever it is: a secret of `high` may be moved without asking. `kind` is a
    slug ("password", "github-token", "reference"), `reason` one sentence for a person, `part` which part of the value
    is the secret ("the password in the URL"; empty when it is all of it, or there is none).
    """

    secret: bool
    kind: str
    confidence: Confidence
    reason: str
    part: str = ""

    def weaker(self) -> Verdict:
        """Return the same answer, one step less sure."""
        return replace(self, confidence=_WEAKER[self.confidence])

    def inside(self, container: str, kind: str = "") -> Verdict:
        """Return the answer about a text that has this one inside, such as "the JSON"."""
        part = f"{self.part or 'the ' + self.kind.replace('-', ' ')} in {container}"
        return Verdict(
            self.secret, kind or self.kind, self.confidence, f"{self.reason}; it is inside {container}", part
        )


def secret(kind: str, confidence: Confidence, reason: str, part: str = "") -> Verdict:
    """Return "yes, move it"."""
    return Verdict(secret=True, kind=kind, confidence=confidence, reason=reason, part=part)


def harmless(kind: str, reason: str, confidence: Confidence = "high") -> Verdict:
    """Return "no, leave it"."""
    return Verdict(secret=False, kind=kind, confidence=confidence, reason=reason)


def fingerprint(value: str, key: bytes) -> str:
    """Return 16 hex digits that are equal for equal values, and tell nothing of the value without the key.

    A plain hash would let anybody try passwords against it, so an empty key is refused with `ValueError`.
    """
    if not key:
        raise ValueError("a fingerprint needs a key: without one, a weak password can be guessed from it")
    return hmac.new(key, value.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:16]
