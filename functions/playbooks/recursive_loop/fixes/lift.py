"""What was held only until the trigger is gone is let go: reserved concurrency and on-failure destination as before.

S3 user guide, "Enabling and configuring event notifications using the Amazon S3 console": a changed notification takes
effect within five minutes; until then events still reach the function.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

from functions.core.fix import Change, NotVerified, NotYet, Undone, Work
from functions.playbooks.recursive_loop.fixes import concurrency, invocations
from functions.playbooks.recursive_loop.fixes.step import Step

SETTING = "hold of"
_HELD: dict[str, Step] = {concurrency.SETTING: concurrency, invocations.SETTING: invocations}


def plan(function: str, held: Sequence[Change]) -> Change:
    """Return the step that lifts what these steps changed for a function, by name."""
    changes = [asdict(change) for change in held if change.setting.startswith(tuple(_HELD))]
    return Change(f"{SETTING} {function}", changes, "lifted")


def settings(change: Change) -> tuple[str, ...]:
    """Name the settings that a lift brings back."""
    return tuple(held.setting for held in _held(change))


def apply(work: Work, change: Change) -> None:
    """Wait until the trigger's change has taken effect, then put both back; the last one first."""
    over = datetime.fromisoformat(work.since) + timedelta(seconds=int(work.settings["lift_seconds"]))
    left = over - datetime.now(UTC)
    if left > timedelta():
        raise NotYet(f"S3 takes up to five minutes to stop; {change.setting} is lifted in {left.seconds + 1} seconds")
    for held in reversed(_held(change)):
        _module(held).undo(work, held)


def verify(work: Work, change: Change) -> None:
    """Read both settings back. Raises `NotVerified` while one is still held."""
    for held in _held(change):
        try:
            _module(held).verify(work, held)
        except NotVerified:
            continue
        raise NotVerified(f"{held.setting} is still held")


def undo(work: Work, change: Change) -> Undone:  # noqa: ARG001 - nothing is left of it to take back
    """Nothing is left of it: what was held is as it was before the fix."""
    return Undone()


def _held(change: Change) -> tuple[Change, ...]:
    return tuple(Change(**held) for held in change.before)


def _module(held: Change) -> Step:
    return next(module for setting, module in _HELD.items() if held.setting.startswith(setting))
