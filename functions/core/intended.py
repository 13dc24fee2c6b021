"""The tag `warden:loop=<reason>@<invocations an hour>@<yyyy-mm-dd>`: a loop that somebody wants, and until when. Pure.

A loop that is meant to be has somebody who says why, how much of it is meant, and when to ask again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

LOOP_TAG = "warden:loop"
_FORM = f"{LOOP_TAG}=REASON@INVOCATIONS-AN-HOUR@YYYY-MM-DD"


@dataclass(frozen=True)
class Intended:
    """What the tag says: a loop is wanted where it `holds`; where it does not, `refused` says why, '' without a tag."""

    holds: bool = False
    reason: str = ""
    budget: int = 0
    """The most invocations an hour that are meant."""
    until: str = ""
    """The last day on which it holds, as yyyy-mm-dd."""
    refused: str = ""


def read_intended(tags: Mapping[str, str], today: date) -> Intended:
    """Read `warden:loop`: without a date, or past it, it does not hold. The date itself is the last day.

    The reason may have `@` in it: budget and date are what follows the last two.
    """
    value = tags.get(LOOP_TAG)
    if value is None:
        return Intended()
    reason, budget, day = (part.strip() for part in ["", "", *value.rsplit("@", 2)][-3:])
    until = _day(day)
    if until is None:
        return _refused(value, "does not end in a date")
    if not re.fullmatch("[0-9]{1,12}", budget) or not int(budget):
        return _refused(value, "has no positive whole number before its date")
    if not reason:
        return _refused(value, "gives no reason")
    if until < today:
        refused = f"the tag {LOOP_TAG} ended on {day}"
        return Intended(False, reason, int(budget), day, refused)
    return Intended(True, reason, int(budget), day)


def _refused(value: str, why: str) -> Intended:
    return Intended(refused=f"the tag {LOOP_TAG} says {value[:80]!r}, which {why}; it is written {_FORM}")


def _day(text: str) -> date | None:
    """Read a day in this one form: Python would take more, such as 2027-W04-7."""
    try:
        return date.fromisoformat(text) if re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text) else None
    except ValueError:
        return None
