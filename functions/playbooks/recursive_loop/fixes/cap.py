"""A small cap for a new function in a loop, marked as ours, and its end once the loop is gone.

It goes by the rules of the account's plan: never under what the function was seen to need, never under the floor.
"""

from __future__ import annotations

from functions.adapters.concurrency import demand_of, pool_of
from functions.core.fix import CannotFix, Change, NothingToDo, Plan, Work
from functions.core.pool import size
from functions.core.snapshot import FunctionSnapshot
from functions.playbooks.recursive_loop.check import CAP_TAG, cap_tag, capped_to
from functions.playbooks.recursive_loop.fixes import concurrency, tag


def plan(work: Work, snapshot: FunctionSnapshot) -> Plan | CannotFix | NothingToDo:
    """Decide how small the cap is; nothing where the function has a reservation by now."""
    if snapshot.reserved is not None:
        return NothingToDo(f"Reserved concurrency is {snapshot.reserved} by now.")
    function = work.subject.function
    wanted = size(demand_of(work, function), pool_of(work), int(work.settings["cap"]))
    if isinstance(wanted, CannotFix):
        return wanted
    changes = (
        Change(f"{concurrency.SETTING} {function}", None, wanted),
        tag.plan(CAP_TAG, snapshot.tags.get(CAP_TAG), cap_tag(wanted)),
    )
    return Plan(changes, f"At most {wanted} of it run at once until the loop is gone.")


def lift(work: Work, snapshot: FunctionSnapshot) -> Plan | CannotFix | NothingToDo:
    """Decide to take the cap away with its mark; a reservation that somebody set in its place stays."""
    size_ = capped_to(snapshot)
    if size_ is None:
        return NothingToDo("There is no cap of ours.")
    unmarked = tag.plan(CAP_TAG, snapshot.tags[CAP_TAG], None)
    if snapshot.reserved != size_:
        return Plan((unmarked,), "Somebody changed the reserved concurrency since, which stays as it is.")
    lifted = Change(f"{concurrency.SETTING} {work.subject.function}", size_, None)
    return Plan((lifted, unmarked), "The loop is gone, and its cap with it.")
