"""Reserve concurrency for the function: from its observed peak, within what the account can spare.

Lambda API reference: PutFunctionConcurrency. A reservation has no revision id, so it is compared before and after.
"""

from __future__ import annotations

import re

from botocore.exceptions import ClientError

from functions.adapters.concurrency import DAYS, demand_of, pool_of
from functions.core.fix import (
    CannotFix,
    Change,
    ChangedMeanwhile,
    Learned,
    NothingToDo,
    NotVerified,
    Plan,
    Undone,
    Work,
)
from functions.core.pool import size
from functions.core.snapshot import FunctionSnapshot

SETTING = "reserved concurrency"
_FLOOR = re.compile(r"below its minimum value of \[(\d+)\]")


def plan(work: Work, snapshot: FunctionSnapshot) -> Plan | CannotFix | NothingToDo:
    """Decide how much to reserve; nothing where that would take the account under its floor."""
    if snapshot.reserved is not None:
        return NothingToDo(f"Reserved concurrency is {snapshot.reserved} by now.")
    demand = demand_of(work, work.subject.function)
    wanted = size(demand, pool_of(work), int(work.settings["default"]))
    if isinstance(wanted, CannotFix):
        return wanted
    because = f"1.2 × the highest of {DAYS} days, {demand.peak}" if demand.peak else "the default, with no traffic seen"
    return Plan((Change(SETTING, None, wanted),), f"Reserved {wanted} concurrent executions ({because}).")


def apply(work: Work, plan: Plan) -> None:
    """Set the reservation, unless it is there already or somebody set another one meanwhile."""
    change = plan.changes[0]
    now = work.member.snapshot().reserved
    if now == change.after:
        return
    if now != change.before:
        raise ChangedMeanwhile(f"Somebody set reserved concurrency to {now} meanwhile; it was left so.")
    try:
        work.member.client("lambda").put_function_concurrency(
            FunctionName=work.subject.arn, ReservedConcurrentExecutions=change.after
        )
    except ClientError as error:
        floor = _FLOOR.search(str(error))
        if floor is None:
            raise
        text = f"AWS keeps {floor[1]} unreserved in this account and Region, which {change.after} would not leave"
        raise Learned("floor", int(floor[1]), CannotFix("no-room", text)) from error


def verify(work: Work, plan: Plan) -> None:
    """Read the reservation back."""
    now, wanted = work.member.snapshot().reserved, plan.changes[0].after
    if now != wanted:
        raise NotVerified(f"Reserved concurrency was set to {wanted} and reads {now}.")


def undo(work: Work, plan: Plan) -> Undone:
    """Put back what was there before (unset is not 0), unless somebody changed it since."""
    change = plan.changes[0]
    now = work.member.snapshot().reserved
    if now == change.before:
        return Undone(restored=(change,))
    if now != change.after:
        return Undone(kept=(f"{SETTING} is {'not set' if now is None else now}, as somebody set it since",))
    client = work.member.client("lambda")
    if change.before is None:
        client.delete_function_concurrency(FunctionName=work.subject.arn)
    else:
        client.put_function_concurrency(FunctionName=work.subject.arn, ReservedConcurrentExecutions=change.before)
    return Undone(restored=(change,))


def advise(work: Work, plan: Plan) -> str:  # noqa: ARG001 - the same wherever the function lives
    """Say what keeps the reservation at the next deployment from a template."""
    return f"Keep it in the function's template as well: ReservedConcurrentExecutions: {plan.changes[0].after}."
