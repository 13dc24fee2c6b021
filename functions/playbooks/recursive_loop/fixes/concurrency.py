"""Reserve concurrency for a function: none, so that it holds still, or little, so that a loop cannot take all there is.

Lambda API reference: PutFunctionConcurrency, DeleteFunctionConcurrency. Unset is not 0. A reservation has no revision,
so it is compared before and after. It counts for all versions and aliases at once, so 0 is reserved only after it was
seen that whatever any of them is invoked for is kept: here, in the call before, and not by whoever made the plan.
"""

from __future__ import annotations

import re
from dataclasses import replace

from botocore.exceptions import ClientError

from functions.core.fix import CannotFix, Change, ChangedMeanwhile, Learned, NotVerified, Undone, Work
from functions.core.snapshot import FunctionSnapshot, from_get_function
from functions.playbooks.recursive_loop.fixes import keeping

SETTING = "reserved concurrency of"
_FLOOR = re.compile(r"below its minimum value of \[(\d+)\]")


def plan(work: Work, function: str, reserved: int) -> Change:
    """Return the step that reserves so much for a function, by its name."""
    return Change(f"{SETTING} {function}", read(work, function).reserved, reserved)


def read(work: Work, function: str) -> FunctionSnapshot:
    """Read a function of the account and Region, by its name: one call with a quota of its own, 100 a second."""
    subject = replace(work.subject, function=function)
    return from_get_function(subject, work.member.client("lambda").get_function(FunctionName=subject.arn))


def apply(work: Work, change: Change) -> None:
    """Set the reservation, unless it is there or somebody set another one; raises `ChangedMeanwhile`, `Learned`.

    Nothing is reserved where something would be lost by that.
    """
    function = _function(change)
    now = read(work, function).reserved
    if now == change.after:
        return
    if now != change.before:
        is_now = "not set" if now is None else now
        raise ChangedMeanwhile(f"{change.setting} is {is_now}, as somebody set it meanwhile; it was left so")
    if change.after == 0 and (missing := keeping.missing(work, function)):
        raise ChangedMeanwhile(f"{function} was not stopped, as events would be lost: {missing}")
    try:
        _put(work, function, change.after)
    except ClientError as error:
        floor = _FLOOR.search(str(error))
        if floor is None:
            raise
        text = f"AWS keeps {floor[1]} unreserved in this account and Region, which {change.after} would not leave"
        raise Learned("floor", int(floor[1]), CannotFix("no-room", text)) from error


def verify(work: Work, change: Change) -> None:
    """Read the reservation back."""
    now = read(work, _function(change)).reserved
    if now != change.after:
        raise NotVerified(f"{change.setting} was set to {change.after} and is {'not set' if now is None else now}")


def undo(work: Work, change: Change) -> Undone:
    """Put back what was there before, unless somebody changed it since."""
    function = _function(change)
    try:
        now = read(work, function).reserved
        if now == change.before:
            return Undone(restored=(change,))
        if now != change.after:
            is_now = "not set" if now is None else now
            return Undone(kept=(f"{change.setting} is {is_now}, as somebody set it since",))
        _put(work, function, change.before)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return Undone(kept=(f"{change.setting}: the function was deleted",))
    return Undone(restored=(change,))


def _put(work: Work, function: str, reserved: int | None) -> None:
    client = work.member.client("lambda")
    if reserved is None:
        client.delete_function_concurrency(FunctionName=function)
        return
    client.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=reserved)


def _function(change: Change) -> str:
    return change.setting.removeprefix(f"{SETTING} ")
