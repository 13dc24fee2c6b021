"""What is done about a loop, and about the caps around it; every plan is a sequence of steps (`fixes.steps`).

| problem | module | is done | is undone |
|---|---|---|---|
| a loop | `ladder` | its cheapest edges are broken, and its events kept | every step, last one first |
| a new function in a loop | `cap` | reserved concurrency of 10 | unset again |
| a cap whose loop is gone | `cap` | unset | set again |
"""

from __future__ import annotations

from functions.core.fix import CannotFix, NothingToDo, Plan, Undone, Work
from functions.core.snapshot import FunctionSnapshot
from functions.playbooks.recursive_loop.check import CAP, CAP_LEFT
from functions.playbooks.recursive_loop.fixes import cap, ladder, steps
from functions.playbooks.recursive_loop.fixes.redrive import redrive

__all__ = ["advise", "apply", "plan", "redrive", "undo", "verify"]

_CAPS = (CAP, CAP_LEFT)


def plan(work: Work, snapshot: FunctionSnapshot) -> Plan | CannotFix | NothingToDo:
    """Decide what is done; changes nothing."""
    if work.aspect == CAP:
        return cap.plan(work, snapshot)
    return cap.lift(work, snapshot) if work.aspect == CAP_LEFT else ladder.plan(work)


def apply(work: Work, plan: Plan) -> None:
    """Bring it about."""
    steps.apply(work, plan)


def verify(work: Work, plan: Plan) -> None:
    """See that it is so, and that a loop has come to rest."""
    if work.aspect in _CAPS:
        steps.verify(work, plan)
    else:
        ladder.verify(work, plan)


def undo(work: Work, plan: Plan) -> Undone:
    """Take it back."""
    return steps.undo(work, plan)


def advise(work: Work, plan: Plan) -> str:
    """Say what the owner should do."""
    return "" if work.aspect in _CAPS else ladder.advise(work, plan)
