"""The last step of breaking a loop: nothing is changed, its functions are watched until they have come to rest."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from functions.core.fix import Change, NotVerified, NotYet, Undone, Work
from functions.playbooks.recursive_loop.facts import since

SETTING = "loop"
_REST = 10
"""A loop rests when its functions are invoked at most a tenth as often as before, or as usual."""


class StillRunning(NotVerified):
    """Everything was changed as planned, and the loop runs on; the text says how fast."""


def plan(loop: str, functions: Iterable[str]) -> Change:
    """Return the step that watches the functions of a loop, by ARN."""
    return Change(f"{SETTING} {loop}", sorted(functions), "at rest")


def apply(work: Work, change: Change) -> None:
    """Nothing is changed."""


def verify(work: Work, change: Change) -> None:
    """Look at what the functions did since. Raises `NotYet` until long enough, `StillRunning` if they do not rest."""
    begun, now = datetime.fromisoformat(work.since), datetime.now(UTC)
    left = begun + timedelta(seconds=int(work.settings["quiet_seconds"])) - now
    if left > timedelta():
        raise NotYet(f"watching {change.setting} for {left.seconds + 1} more seconds")
    for arn, rate in since(work.member, change.before, int(work.settings["period"]), begun, now).items():
        # What did not run before, as a loop that a person had broken in time, is invoked for other reasons.
        if rate.before > int(work.settings["running_per_minute"]) and rate.after > max(rate.usual, rate.before / _REST):
            name = arn.rpartition(":")[2]
            raise StillRunning(f"{name} is still invoked {rate.after} times a minute, before it was {rate.before}")


def undo(work: Work, change: Change) -> Undone:  # noqa: ARG001 - nothing was changed
    """Nothing was changed."""
    return Undone()
