"""What is done about each problem of this playbook; every one is a module of its own, with the same five steps.

| problem | module | is done | is undone |
|---|---|---|---|
| plaintext, sure or approved | `move` | values into the secret, references here | values back |
| references that cannot be read | `repair` | secret, policy, wrapper or layer put back | not: the function would stop |
| aliases on versions with plaintext | `release` | a new version published, aliases moved | aliases moved back |
| old versions with plaintext | `retire` | deleted | cannot be: the ticket says so before |
| the secret of a deleted function | `orphan` | tagged | the tag removed |
"""

from __future__ import annotations

from functions.core.fix import CannotFix, Fix, NothingToDo, Plan, Undone, Work
from functions.core.snapshot import FunctionSnapshot
from functions.playbooks.plaintext_secrets import check
from functions.playbooks.plaintext_secrets.fixes import move, orphan, release, repair, retire

_STEPS: dict[str, Fix] = {
    "": move,
    check.POSSIBLE: move,
    check.UNREADABLE: repair,
    check.ALIASES: release,
    check.OLD_VERSIONS: retire,
    check.ORPHANED: orphan,
}


def plan(work: Work, snapshot: FunctionSnapshot) -> Plan | CannotFix | NothingToDo:
    """Decide what is done about the problem; changes nothing."""
    steps = _STEPS.get(work.aspect)
    if steps is None:
        return CannotFix("refused", f"There is nothing that could be done about {work.aspect!r}")
    return steps.plan(work, snapshot)


def apply(work: Work, plan: Plan) -> None:
    """Bring it about."""
    _STEPS[work.aspect].apply(work, plan)


def verify(work: Work, plan: Plan) -> None:
    """See that it is so."""
    _STEPS[work.aspect].verify(work, plan)


def undo(work: Work, plan: Plan) -> Undone:
    """Take it back."""
    return _STEPS[work.aspect].undo(work, plan)


def advise(work: Work, plan: Plan) -> str:
    """Say what the owner should do to keep it so."""
    return _STEPS[work.aspect].advise(work, plan)
