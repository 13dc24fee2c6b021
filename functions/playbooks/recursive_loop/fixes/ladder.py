"""Which rung breaks which edge, and which one is next where that does not do.

| edge | first | then |
|---|---|---|
| queue with dead letters → function whose loop guard is off | switch that on | disable the mapping |
| queue or stream → function | disable the mapping: everything waits where it is | |
| pipe | stop the pipe | |
| rule → function | swap the target for the quarantine queue | hold the function |
| topic → function | swap the subscription for the quarantine queue | hold the function |
| bucket → function | hold the function, swap the notification, let the function go | |
| function → function, also as a destination | hold the one that is invoked | |
| log group, schedule, another destination | take it away, which loses events: only if a person asks | |

To hold a function is to have what it is invoked for sent to the quarantine queue, and to reserve no concurrency for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from functions.core.fix import CannotFix, Change, NotEnough, NothingToDo, Plan, Work
from functions.playbooks.recursive_loop import drawing
from functions.playbooks.recursive_loop.activity import on_cycle
from functions.playbooks.recursive_loop.facts import LOOPS
from functions.playbooks.recursive_loop.fixes import (
    concurrency,
    deletion,
    guard,
    hold,
    invocations,
    lift,
    mapping,
    notification,
    pipe,
    quarantine,
    steps,
    subscription,
    target,
    watch,
)
from functions.playbooks.recursive_loop.fixes.step import CannotBreak, Open
from functions.playbooks.recursive_loop.graph import Edge, Kind, Loop, is_function
from functions.playbooks.recursive_loop.known import loop_from_json

_NOTHING_MORE = "Nothing more can be done from outside without losing events."

_Steps = Callable[[Work, Edge, str], tuple[Change, ...]]


@dataclass(frozen=True)
class Rung:
    """How one kind of edge is broken.

    `look` reads what the edge stands for as it is now, raising `Open` where it is gone, and returns what would swap or
    stop it; `steps` are all steps of the rung, where there are more; `sender` then sends to the quarantine queue.
    """

    look: _Steps
    steps: _Steps | None = None
    sender: str = ""

    def plan(self, work: Work, edge: Edge, queue: str) -> tuple[Change, ...]:
        """Return the steps for an edge. Raises `Open` and `CannotBreak`."""
        return (self.steps or self.look)(work, edge, queue)


def _guarded(work: Work, edge: Edge, _: str) -> tuple[Change, ...]:
    """Let Lambda itself end the loop where its guard was switched off and what it refuses is kept."""
    disabled = mapping.plan(work, edge)
    if edge.source.split(":")[2] == "sqs" and mapping.has_dead_letters(work, edge.source):
        return guard.plan(work, edge.target) or disabled
    return disabled


def _held(work: Work, edge: Edge, queue: str) -> tuple[Change, ...]:
    return hold.plan(work, edge.target, queue)


def _ended(work: Work, edge: Edge, queue: str) -> tuple[Change, ...]:
    """Where a function's results go to another one, that one is held; else they have to be let go."""
    return hold.plan(work, edge.target, queue) if is_function(edge.target) else deletion.plan(work, edge)


def _swapped_notification(work: Work, edge: Edge, queue: str) -> tuple[Change, ...]:
    """Events already on their way to the function are kept as well: it is held until S3 has stopped sending them."""
    swap = notification.plan(work, edge, queue)
    held = hold.plan(work, edge.target, queue)
    return (*held, swap, lift.plan(_name(edge.target), held))


_MAPPING = Rung(lambda work, edge, _: mapping.plan(work, edge))
_DELETION = Rung(lambda work, edge, _: deletion.plan(work, edge))
RUNGS: Mapping[Kind, Rung] = {
    Kind.QUEUE_TRIGGER: Rung(_MAPPING.look, _guarded),
    Kind.STREAM_TRIGGER: _MAPPING,
    Kind.PIPE: Rung(lambda work, edge, _: pipe.plan(work, edge)),
    Kind.RULE_TARGET: Rung(target.plan, sender="events.amazonaws.com"),
    Kind.TOPIC_SUBSCRIPTION: Rung(subscription.plan, sender="sns.amazonaws.com"),
    Kind.BUCKET_NOTIFICATION: Rung(
        lambda work, edge, queue: (notification.plan(work, edge, queue),), _swapped_notification, "s3.amazonaws.com"
    ),
    Kind.INVOKE: Rung(_held),
    Kind.DESTINATION: Rung(_DELETION.look, _ended),
    Kind.LOG_SUBSCRIPTION: _DELETION,
    Kind.SCHEDULE: _DELETION,
}


def plan(work: Work) -> Plan | CannotFix | NothingToDo:
    """Decide how a loop is broken, from its settings as they are now; changes nothing."""
    loop = _remembered(work)
    if loop is None:
        return NothingToDo("The loop is no longer there.")
    queue = quarantine.arn(work)
    try:
        for edge in loop.cycle:
            _look(work, edge, queue)
        broken = subscription.together(_broken(work, loop, queue))
    except Open as opened:
        return NothingToDo(str(opened))
    except CannotBreak as cannot:
        return CannotFix(cannot.code, str(cannot))
    if not broken:
        return NothingToDo("What would be broken of the loop is open by now.")
    senders = sorted({(sender, _resource(edge)) for edge in loop.breaks if (sender := _rung(edge).sender)})
    keeps = senders or any(change.setting.startswith(invocations.SETTING) for change in broken)
    kept = (quarantine.plan_queue(work, senders),) if keeps else ()
    return Plan((*kept, *broken, watch.plan(loop.id, on_cycle(loop))), " ".join(_says(work, loop, bool(keeps))))


def verify(work: Work, plan: Plan) -> None:
    """See that every step was made and that the functions have come to rest; else go on with the next rung."""
    steps.verify(work, plan)
    if plan.says.endswith(_NOTHING_MORE):
        return
    try:
        watch.verify(work, plan.changes[-1])
    except watch.StillRunning as running:
        raise NotEnough(_climbed(work, plan, str(running)), str(running)) from None


def advise(work: Work, plan: Plan) -> str:
    """Say where the events are and how they are sent on."""
    mend = "Mend what closes the loop, then undo the fix: nothing of it stays."
    if not any(change.setting.startswith(quarantine.SETTING) for change in plan.changes):
        return mend
    return (
        f"The events wait in {quarantine.name(work.aspect)}, for 14 days at most.\n"
        f"{mend}\nThen send them on: warden loops redrive TICKET"
    )


def _broken(work: Work, loop: Loop, queue: str) -> Iterator[Change]:
    """Yield the steps that break what is still closed of a loop, each once: a function may be held for two edges."""
    seen: list[Change] = []
    for edge in loop.breaks:
        try:
            planned = _rung(edge).plan(work, edge, queue)
        except Open:
            continue
        yield from (change for change in planned if change not in seen)
        seen += planned


def _climbed(work: Work, plan: Plan, why: str) -> Plan:
    """Return the plan with the next rung's steps, or with a sentence that there is none."""
    *made, watched = plan.changes
    try:
        more = tuple(_next(work, made))
    except (Open, CannotBreak) as cannot:
        why, more = f"{why}; {cannot}", ()
    if not more:
        return Plan(plan.changes, f"{plan.says} {_sentence(why)} {_NOTHING_MORE}")
    return Plan((*made, *more, watched), f"{plan.says} {_sentence(why)} So {more[-1].setting} was changed as well.")


def _next(work: Work, made: list[Change]) -> Iterator[Change]:
    settings = {change.setting for change in made}
    if any(setting.startswith(guard.SETTING) for setting in settings) and (loop := _remembered(work)):
        for edge in loop.breaks:
            if edge.kind is Kind.QUEUE_TRIGGER:
                yield from (change for change in mapping.plan(work, edge) if change.setting not in settings)
    for function in dict.fromkeys(filter(None, map(_fed, made))):
        if f"{concurrency.SETTING} {_name(function)}" not in settings:
            yield from hold.plan(work, function, quarantine.arn(work))


def _fed(change: Change) -> str:
    """Return the ARN of the function that a swapped target or subscription fed, '' for other steps."""
    if change.setting.startswith(target.SETTING):
        return str(change.before["Arn"])
    return str(change.before["Endpoint"]) if change.setting.startswith(subscription.SETTING) else ""


def _look(work: Work, edge: Edge, queue: str) -> None:
    """See that a trigger of the loop is still there; what a policy allows is followed as it changes."""
    if edge.kind not in RUNGS or edge.kind is Kind.INVOKE:
        return
    try:
        RUNGS[edge.kind].look(work, edge, queue)
    except CannotBreak:
        return


def _rung(edge: Edge) -> Rung:
    if edge.kind not in RUNGS:
        raise CannotBreak("by-hand", f"{edge.evidence or edge.kind.value}: only its owner can change that")
    return RUNGS[edge.kind]


def _remembered(work: Work) -> Loop | None:
    known: Mapping[str, Any] = work.member.remembered(LOOPS) or {}
    return next((loop_from_json(body) for body in known.get("loops", ()) if body["id"] == work.aspect), None)


def _resource(edge: Edge) -> str:
    """Return the ARN that a service acts for when it sends; a rule's node is named by its bus, not by its ARN."""
    resource, _, part = edge.source.partition("#")
    if edge.kind is not Kind.RULE_TARGET:
        return resource
    at, _, bus = resource.partition(":event-bus/")
    return f"{at}:rule/{part}" if bus == "default" else f"{at}:rule/{bus}/{part}"


def _says(work: Work, loop: Loop, keeps: bool) -> Iterator[str]:
    where = (f"{drawing.short_name(edge.source)} → {drawing.short_name(edge.target)}" for edge in loop.breaks)
    yield f"The loop is broken at {', '.join(where)}."
    for edge in loop.breaks:
        if edge.kind in (Kind.QUEUE_TRIGGER, Kind.STREAM_TRIGGER):
            yield mapping.keeps(work, edge)
        elif edge.kind is Kind.PIPE:
            yield pipe.keeps(work, edge)
        elif edge.kind in (Kind.BUCKET_NOTIFICATION, Kind.INVOKE) and (why := hold.why_not(work, edge.target)):
            yield f"{_name(edge.target)} goes on with one invocation at a time, since {_sentence(why)}"
    if keeps:
        yield f"Its events wait in {quarantine.name(work.aspect)} for up to 14 days."


def _name(function: str) -> str:
    return function.split(":")[6]


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."
