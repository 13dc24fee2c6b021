"""A function that can trigger itself may run for days, and takes the account's concurrency with it within seconds.

Lambda developer guide, "Use Lambda recursive loop detection to prevent infinite loops": Lambda itself sees loops only
through SQS, SNS, S3 and direct calls. How a loop is known is said in `graph` and `loops`, when it runs in `activity`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from functions.core.finding import Finding, finding_id, found
from functions.core.intended import Intended, read_intended
from functions.core.playbook import Mode, Severity
from functions.core.snapshot import FunctionSnapshot
from functions.core.subject import Subject
from functions.playbooks.recursive_loop import drawing
from functions.playbooks.recursive_loop.activity import on_cycle, running
from functions.playbooks.recursive_loop.graph import Confidence, Cost, Loop
from functions.playbooks.recursive_loop.known import Facts
from functions.playbooks.recursive_loop.playbook import PLAYBOOK

CAP = "cap"
CAP_LEFT = "cap-left"
CAP_TAG = "warden:cap"
"""On a function whose reserved concurrency is only a cap: whose it is, and how much, as `recursive-loop@10`."""

_NOTHING = Facts()
_NOT_INTENDED = Intended()
_SEVERITY = {Confidence.A: Severity.HIGH, Confidence.B: Severity.MEDIUM, Confidence.C: Severity.LOW}
_SURE = {
    Confidence.A: "every step is a configured trigger or an exact resource in a policy",
    Confidence.B: "a step depends on a name with a wildcard, a variable, or a filter",
    Confidence.C: "a step is there only because a policy allows nearly everything",
}


def check(snapshot: FunctionSnapshot, settings: Mapping[str, Any], facts: Facts = _NOTHING) -> list[Finding]:
    """Find the loops that this function is part of, each told of its first function; and caps to set or to lift.

    A finding about another function is for a look at that one: so a loop has one ticket, whoever was looked at.
    """
    intents = {loop.id: _intended(loop, facts) for loop in facts.loops}
    loops = [
        _loop(snapshot.subject, loop, facts, intents[loop.id], settings)
        for loop in facts.loops
        if not (intents[loop.id].holds and not _over_budget(loop, facts, intents[loop.id]))
    ]
    sure = [loop for loop in facts.loops if loop.confidence is not Confidence.C and not intents[loop.id].holds]
    return [*loops, *_cap(snapshot, sure, settings, facts)]


def first_function(loop: Loop, of: Subject) -> Subject:
    """Return the function whose ticket a loop is on: the first by name."""
    return replace(of, function=loop.functions[0].rpartition(":")[2])


def cap_tag(size: int) -> str:
    """Return the value of the tag on a function that is capped."""
    return f"{PLAYBOOK.id}@{size}"


def capped_to(snapshot: FunctionSnapshot) -> int | None:
    """Return the cap that we set for a function, None if there is none."""
    owner, _, size = snapshot.tags.get(CAP_TAG, "").partition("@")
    return int(size) if owner == PLAYBOOK.id and size.isdecimal() else None


def _loop(subject: Subject, loop: Loop, facts: Facts, intended: Intended, settings: Mapping[str, Any]) -> Finding:
    names = [arn.rpartition(":")[2] for arn in loop.functions]
    runs = running(loop, facts.activity, int(settings["running_per_minute"]))
    evidence = {
        "Confidence": f"{loop.confidence.value}: {_SURE[loop.confidence]}",
        "Functions": _listed(names),
        "Running": runs or "nothing shows that it runs",
    }
    if intended.holds:
        evidence["Budget"] = f"{_an_hour(loop, facts)} of {intended.budget} invocations in the last hour"
    if intended.refused:
        evidence["Tag warden:loop"] = intended.refused
    return found(
        PLAYBOOK,
        first_function(loop, subject),
        aspect=loop.id,
        severity=Severity.CRITICAL if runs and loop.confidence is Confidence.A else _SEVERITY[loop.confidence],
        at_most=_at_most(loop, runs, intended),
        what=_what(names, runs, intended),
        why="Each event it handles can lead to the next one, until the account has no concurrency left or somebody "
        "sees the bill.",
        evidence=evidence,
        advice=_advice(loop, finding_id(first_function(loop, subject), PLAYBOOK.id, loop.id)),
    )


def _what(names: list[str], runs: str, intended: Intended) -> str:
    who = f"The function {names[0]} can trigger itself" if len(names) == 1 else f"{len(names)} functions form a loop"
    if intended.holds:
        return f"{who}, as intended ({intended.reason}), but more often than its tag allows."
    if intended.refused:
        return f"{who}. It was marked as intended, which does not hold: {intended.refused}."
    return f"{who}, and it is running." if runs else f"{who}."


def _at_most(loop: Loop, runs: str, intended: Intended) -> Mode:
    """By itself only what is certain and runs is broken; a person may break whatever is not just a wildcard."""
    if loop.confidence is Confidence.C or not loop.breaks:
        return Mode.OBSERVE
    loses = any(edge.cost is None or edge.cost >= Cost.DELETION for edge in loop.breaks)
    certain = loop.confidence is Confidence.A and bool(runs)
    return Mode.ENFORCE if certain and not (loses or intended.holds or intended.refused) else Mode.APPROVE


def _advice(loop: Loop, ticket: str) -> str:
    """Draw the loop and say what to do; a long drawing is cut in Slack, so where to see all of it comes first."""
    return (
        f"As a flowchart: warden loops show {ticket} --mermaid\n"
        f"{drawing.text(loop)}\n\n"
        "Write where nothing triggers the same functions again: another prefix, queue or table, or a filter.\n"
        "If it is meant to be so, tag one of its functions:\n"
        "warden:loop=<reason>@<invocations per hour>@<until, yyyy-mm-dd>"
    )


def _intended(loop: Loop, facts: Facts) -> Intended:
    """Return what the tags of its functions say: one that holds is enough, else the first that was refused."""
    today = date.fromisoformat(facts.now[:10])
    said = [read_intended(facts.tags.get(arn, {}), today) for arn in loop.functions]
    holding = [one for one in said if one.holds]
    refused = [one for one in said if one.refused]
    return [*holding, *refused, _NOT_INTENDED][0]


def _over_budget(loop: Loop, facts: Facts, intended: Intended) -> bool:
    return _an_hour(loop, facts) > intended.budget


def _an_hour(loop: Loop, facts: Facts) -> int:
    """How often the busiest function of the cycle was invoked in the last hour."""
    return max((facts.activity[arn].hour for arn in on_cycle(loop) if arn in facts.activity), default=0)


def _cap(snapshot: FunctionSnapshot, loops: list[Loop], settings: Mapping[str, Any], facts: Facts) -> list[Finding]:
    """A new function in a loop gets a small cap before its first event; a cap that is no longer needed is lifted."""
    # With a reservation of 0 the function is held, by a fix that puts the cap back in the end, or by somebody.
    if capped_to(snapshot) is not None and not loops and snapshot.reserved != 0:
        return [
            found(
                PLAYBOOK,
                snapshot.subject,
                aspect=CAP_LEFT,
                title="Cap of a loop that is gone",
                severity=Severity.LOW,
                what="The function still has the small cap it got while it was part of a loop.",
                why="It would be throttled as soon as it has more to do.",
                evidence={"Reserved concurrency": "not set" if snapshot.reserved is None else snapshot.reserved},
            )
        ]
    if not (loops and facts.new) or snapshot.reserved is not None:
        return []
    return [
        found(
            PLAYBOOK,
            snapshot.subject,
            aspect=CAP,
            title="New function in a loop",
            severity=Severity.MEDIUM,
            what=f"The function is new and part of loop {loops[0].id}.",
            why=f"Without a cap a loop takes the whole account's concurrency within seconds; {settings['cap']} at once "
            "keep the account alive until somebody has decided.",
            evidence={"Loop": loops[0].id, "Confidence": loops[0].confidence.value, "Reserved concurrency": "not set"},
        )
    ]


def _listed(names: list[str]) -> str:
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
