"""A function that may loop as long as it likes, and nobody says why.

Lambda developer guide, "Use Lambda recursive loop detection to prevent infinite loops": after about 16 invocations of
one chain of requests Lambda refuses the next; with `RecursiveLoop` set to `Allow` it does not, and tells nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.core.finding import NOT_CHECKED, Finding, found
from functions.core.intended import LOOP_TAG, Intended, read_intended
from functions.core.playbook import Mode, Severity
from functions.core.snapshot import FunctionSnapshot
from functions.playbooks.recursion_guard_off.known import ALLOW, Facts
from functions.playbooks.recursion_guard_off.playbook import PLAYBOOK


def check(snapshot: FunctionSnapshot, settings: Mapping[str, Any], facts: Facts) -> list[Finding]:  # noqa: ARG001 - protocol
    """Find a function whose guard is off without a reason that holds today."""
    if facts.not_told:
        return [_not_checked(snapshot, facts)]
    intended = read_intended(snapshot.tags, facts.today)
    if facts.recursive_loop != ALLOW or intended.holds:
        return []
    return [_off(snapshot, facts, intended)]


def _off(snapshot: FunctionSnapshot, facts: Facts, intended: Intended) -> Finding:
    why = intended.refused or f"no tag {LOOP_TAG} says why"
    return found(
        PLAYBOOK,
        snapshot.subject,
        # What would lose events is for a person to decide.
        at_most=Mode.ENFORCE if facts.keeps_refused else Mode.APPROVE,
        what=f"Lambda lets this function invoke itself without end (RecursiveLoop is {ALLOW}), and {why}.",
        why="If what it sends ever leads back to it, AWS neither stops that nor tells of it, until the account's "
        "concurrency is used up or the bill comes.",
        evidence={
            "RecursiveLoop": ALLOW,
            f"Tag {LOOP_TAG}": snapshot.tags.get(LOOP_TAG, "not set"),
            "Refused events would go to": facts.keeps_refused or "nowhere: they would be dropped",
        },
        advice=f"If the loop is meant to be, say so until a date, and tag the function {LOOP_TAG}="
        "REASON@INVOCATIONS-AN-HOUR@YYYY-MM-DD.",
    )


def _not_checked(snapshot: FunctionSnapshot, facts: Facts) -> Finding:
    return found(
        PLAYBOOK,
        snapshot.subject,
        aspect=NOT_CHECKED,
        title="Loop detection not checked",
        severity=Severity.LOW,
        at_most=Mode.OBSERVE,
        what="Lambda did not tell whether this function may invoke itself without end.",
        why="It is asked again whenever the function is looked at; until then a loop may go unseen.",
        evidence={"Lambda says": facts.not_told},
    )
