"""Rung 0: Lambda's own loop detection is switched on again.

Lambda API reference: GetFunctionRecursionConfig, PutFunctionRecursionConfig. It has two values and no revision id.
"""

from __future__ import annotations

from functions.core.fix import Change, ChangedMeanwhile, NotVerified, NotYet, Undone, Work
from functions.playbooks.recursive_loop.fixes.step import CannotBreak, Open

SETTING = "recursion guard"
_OFF, _ON = "Allow", "Terminate"


def plan(work: Work, function: str) -> tuple[Change, ...]:
    """Decide to switch it on for a function, by ARN; nothing where it is on. Raises `Open` where that is gone."""
    region, account, _, name = function.split(":")[3:7]
    if (account, region) != (work.subject.account, work.subject.region):
        raise CannotBreak("elsewhere", f"{function} is in another account or Region: look at it there")
    now = _read(work, name)
    if now is None:
        raise Open(f"The function {name} is gone.")
    return () if now == _ON else (Change(f"{SETTING} of {name}", now, _ON),)


def apply(work: Work, change: Change) -> None:
    """Switch it on, unless it is. Raises `ChangedMeanwhile` where the function is gone, `NotYet` where it is busy."""
    now = _read(work, _name(change))
    if now is None:
        raise ChangedMeanwhile(f"The function {_name(change)} was deleted meanwhile.")
    if now != change.after:
        _put(work, change, change.after)


def verify(work: Work, change: Change) -> None:
    """Read it back. Raises `NotVerified`."""
    now = _read(work, _name(change))
    if now != change.after:
        raise NotVerified(f"{change.setting} is {now or 'gone with the function'}")


def undo(work: Work, change: Change) -> Undone:
    """Switch it off again. Raises `NotYet` where Lambda is busy with the function."""
    now = _read(work, _name(change))
    if now is None:
        return Undone(kept=(f"{change.setting}: the function was deleted since",))
    if now != change.before:
        _put(work, change, change.before)
    return Undone(restored=(change,))


def _read(work: Work, name: str) -> str | None:
    client = work.member.client("lambda")
    try:
        return str(client.get_function_recursion_config(FunctionName=name)["RecursiveLoop"])
    except client.exceptions.ResourceNotFoundException:
        return None


def _put(work: Work, change: Change, value: str) -> None:
    client = work.member.client("lambda")
    try:
        client.put_function_recursion_config(FunctionName=_name(change), RecursiveLoop=value)
    except client.exceptions.ResourceConflictException:
        raise NotYet(f"{_name(change)} is being changed") from None


def _name(change: Change) -> str:
    return change.setting.rpartition(" ")[2]
