"""Whether a loop is running: what its functions do now, beside what they usually do. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from functions.playbooks.recursive_loop.graph import Loop, functions_of
from functions.playbooks.recursive_loop.known import Activity

_MORE_THAN_USUAL = 3
_NOTHING = Activity()


def on_cycle(loop: Loop) -> tuple[str, ...]:
    """Return the functions of the loop's witness cycle, sorted."""
    return functions_of(node for edge in loop.cycle for node in (edge.source, edge.target))


def running(loop: Loop, activity: Mapping[str, Activity], per_minute: int) -> str:
    """Say in words what shows that a loop runs, '' if nothing does.

    Lambda refusing an invocation as recursive is proof. Otherwise one function of the cycle is invoked more often than
    `per_minute`, and every one of them more than three times as often as in the busiest hour of two weeks: a function
    that is always busy is not running away.
    """
    known = {arn: activity.get(arn, _NOTHING) for arn in on_cycle(loop)}
    for arn, one in known.items():
        if one.dropped:
            return f"Lambda refused {one.dropped} recursive invocations of {_name(arn)} within an hour"
    busiest = max(known, key=lambda arn: known[arn].now, default="")
    if not busiest or known[busiest].now <= per_minute:
        return ""
    if any(one.now <= _MORE_THAN_USUAL * one.usual for one in known.values()):
        return ""
    usual = round(known[busiest].usual)
    return f"{_name(busiest)} is invoked {known[busiest].now} times a minute, usually at most {usual}"


def _name(arn: str) -> str:
    return arn.rpartition(":")[2]
