"""A plan as a sequence of steps: each is made and read back before the next one, and all are taken back in reverse.

So what keeps the events is known to work before anything stops them. A step that cannot be made after others were is
`Broken`: the frame then takes all of them back and says so, and nothing is left half done.
"""

from __future__ import annotations

from functions.adapters.errors import AWS_ERRORS, Meaning, trouble
from functions.core.fix import Broken, Change, ChangedMeanwhile, Learned, NotEnough, NotVerified, Plan, Undone, Work
from functions.playbooks.recursive_loop.fixes import (
    concurrency,
    deletion,
    guard,
    invocations,
    lift,
    mapping,
    notification,
    permission,
    pipe,
    quarantine,
    subscription,
    tag,
    target,
    watch,
)
from functions.playbooks.recursive_loop.fixes.step import Step

STEPS: tuple[Step, ...] = (
    concurrency,
    deletion,
    guard,
    invocations,
    lift,
    mapping,
    notification,
    permission,
    pipe,
    quarantine,
    subscription,
    tag,
    target,
    watch,
)
_FEEDING: tuple[Step, ...] = (invocations, notification, subscription, target)
"""What sends to the quarantine queue."""
_FINAL = {Meaning.DENIED, Meaning.REFUSED, Meaning.MISSING}


def apply(work: Work, plan: Plan) -> None:
    """Make each step and read it back, whether or not it was made before; what was lifted stays so.

    Raises `Broken` where something was made that has to be taken back.
    """
    for made, change in enumerate(_to_make(work, plan)):
        step = step_of(change)
        try:
            step.apply(work, change)
            step.verify(work, change)
        except NotVerified as error:
            raise Broken(f"{change.setting} could not be done: {error}") from error
        except (ChangedMeanwhile, Learned) as error:
            if made:
                raise Broken(f"{change.setting} could not be done: {error}") from error
            raise
        except AWS_ERRORS as error:
            found = trouble(error)
            # The queue is made by more than one call, of which the first may have been let through.
            if (made or step is quarantine) and found.meaning in _FINAL:
                raise Broken(f"{change.setting} could not be done: {found.code}: {found.text}") from error
            raise


def verify(work: Work, plan: Plan) -> None:
    """Read all steps back; a plan of which only some were made is to be gone on with (`NotEnough`)."""
    for made, change in enumerate(_to_make(work, plan)):
        if why := _why_not(work, change):
            if made:
                raise NotEnough(plan, f"{change.setting} is still to be done")
            raise NotVerified(why)


def undo(work: Work, plan: Plan) -> Undone:
    """Take the steps back, the last one first; what others set since stays, and the queue while something feeds it."""
    restored: list[Change] = []
    kept: list[str] = []
    for change in reversed(plan.changes):
        step = step_of(change)
        if step is quarantine and kept and (feeding := _feeding(work, plan)):
            kept.append(f"{change.setting}, as {feeding} still sends to it")
            continue
        undone = step.undo(work, change)
        restored += undone.restored
        kept += undone.kept
    return Undone(tuple(reversed(restored)), tuple(reversed(kept)))


def _feeding(work: Work, plan: Plan) -> str:
    """Name a setting that could not be put back, so that it still sends to the quarantine queue; '' if none does."""
    feeding = (change for change in plan.changes if step_of(change) in _FEEDING)
    return next((change.setting for change in feeding if not _why_not(work, change)), "")


def step_of(change: Change) -> Step:
    """Return the module that knows a change, by the words its setting begins with. Raises `KeyError`."""
    for step in STEPS:
        if change.setting.startswith(step.SETTING):
            return step
    raise KeyError(change.setting)


def _why_not(work: Work, change: Change) -> str:
    """Say why a step counts as not made, '' if it is made; what it belongs to may have been deleted."""
    try:
        step_of(change).verify(work, change)
    except NotVerified as error:
        return str(error)
    except AWS_ERRORS as error:
        found = trouble(error)
        if found.meaning is not Meaning.MISSING:
            raise
        return found.text
    return ""


def _to_make(work: Work, plan: Plan) -> list[Change]:
    """Return the steps that change something, without those that were made for a while only and are over."""
    changes = [change for change in plan.changes if not change.setting.startswith(watch.SETTING)]
    lifts = [place for place, change in enumerate(changes) if change.setting.startswith(lift.SETTING)]
    # Before a hold is made nothing is held either: a lift is over once what it waits for, the step before it, is made.
    over = [changes[n] for n in lifts if not _why_not(work, changes[n - 1]) and not _why_not(work, changes[n])]
    lifted = {setting for one in over for setting in lift.settings(one)}
    return [change for change in changes if change.setting not in lifted]
