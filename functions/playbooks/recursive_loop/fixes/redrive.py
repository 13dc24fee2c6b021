"""Send back what breaking a loop has kept: each event from outside of it; what the loop made itself is dropped.

**When.** A function whose loop is still closed would start it again with the first event. So events are sent only

- while the break stands, as read back from AWS: what the function then writes goes to the quarantine queue, and comes
  back as made by the loop; or
- after the fix was taken back, when the hub has read the whole account since then (what it follows from single events
  in between may lack the very trigger that came back), and no loop that is not just a wildcard goes through these
  functions any more,

and in both cases only if none of them is held at a reserved concurrency of 0, for then nothing would run. What is left
for a person where it is refused is to take the cause away, or to have the fix made again.

**How often.** Every event at least once, since losing one is worse than processing one twice: it is written down as
being sent, sent, written down as sent, and only then deleted. Whoever comes after a crash sends again what was begun
and not written down as sent; how many these are is on record and told. Lambda's Invoke has nothing that would tell it
that an event is the same one, so this cannot be narrowed further.

**What.** Only messages that came before the request: what a redriven event leads to is not redriven by the same one.

A queue whose event source mapping is disabled, or whose pipe is stopped, is its own quarantine: what the loop's
functions sent there is deleted, everything else waits for the mapping. Looking at a message counts as receiving it, so
a queue that gives messages up after some tries is looked through two times fewer than that, and is on record for it.
Streams have nothing to redrive: undo resumes them.

Lambda developer guide, "Capturing records of Lambda asynchronous invocations"; EventBridge API reference,
TestEventPattern; S3 user guide, "Event message structure" (the id of the notification).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from botocore.exceptions import ClientError

from functions.adapters.errors import AWS_ERRORS, Meaning, trouble
from functions.core.fix import Change, NotEnough, NotVerified, Plan, Work
from functions.core.redrive import CannotRedrive, Gone, Ledger, Order, Redriven
from functions.playbooks.recursive_loop.facts import LOOPS
from functions.playbooks.recursive_loop.fixes import (
    concurrency,
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
from functions.playbooks.recursive_loop.fixes.kept import Decision, Kept, Message, Pass, Queue, Sending
from functions.playbooks.recursive_loop.graph import Confidence
from functions.playbooks.recursive_loop.origins import Judged, Makers, Origin, Shape, quarantined, waiting
from functions.playbooks.recursive_loop.triggers import node

_LATEST = ":$LATEST"
_CLOCKS_APART_MS = 100
_ODD = (AttributeError, KeyError, TypeError, ValueError)
"""What a message leads to that no service sends: it stays where it is, and holds up no other."""


def redrive(work: Work, plan: Plan, ledger: Ledger, order: Order) -> Redriven:
    """Work through what the plan's queues hold until the slice ends; of the numbers only what stays in them is set.

    Raises `CannotRedrive`, `NotYet` where AWS is busy, and boto3's errors.
    """
    loop = _Loop(work, plan)
    sources = list(_sources(work, plan, ledger))
    passes = [Pass(queue, ledger, order, loop.judge_waiting, alone=False) for queue in sources]
    if any(change.setting.startswith(quarantine.SETTING) for change in plan.changes):
        kept = Queue(work, quarantine.arn(work))
        if kept.attributes is not None:
            _require_open(loop, order)
            passes.insert(0, Pass(kept, ledger, order, _Quarantined(loop, order).decide, alone=True))
    elif not sources:
        raise CannotRedrive(
            "Nothing is kept in a queue that may be looked through again: what waits is handled when the fix is undone"
        )
    done = [one.run() for one in passes]
    return Redriven(
        unknown=sum(one.unknown for one in done), left=sum(one.left for one in done), more=any(one.more for one in done)
    )


# --- may it be done ---------------------------------------------------------------------------------------------------


def _require_open(loop: _Loop, order: Order) -> None:
    """Raise `CannotRedrive` where sending events would start the loop again, or could run nothing."""
    held = [name for name in loop.names if _is_held(loop.work, name)]
    if held:
        text = f"{', '.join(held)} has a reserved concurrency of 0, so that nothing would run"
        raise CannotRedrive(f"{text}: take the cause of the loop away and undo the fix, then redrive")
    if order.standing:
        if not _is_open(loop):
            text = "The loop is only slowed down, or what broke it was changed by somebody since"
            raise CannotRedrive(f"{text}: take the cause of the loop away and undo the fix, then redrive")
        return
    known = loop.work.member.remembered(LOOPS)
    if known is None or not _is_later(known["read"], order.since):
        text = "Whether the loop is gone is not known until the whole account has been read again, once a day"
        raise CannotRedrive(f"{text}: redrive after that, or approve the fix again and redrive while it stands")
    if any(_closes(one, loop) for one in known["loops"]):
        text = "The loop is closed, and events would start it again: take its cause away first"
        raise CannotRedrive(f"{text}, or approve the fix again and redrive while it stands")


def _is_later(moment: str, than: str) -> bool:
    return bool(moment) and datetime.fromisoformat(moment) > datetime.fromisoformat(than)


def _is_held(work: Work, name: str) -> bool:
    try:
        return concurrency.read(work, name).reserved == 0
    except AWS_ERRORS as error:
        if trouble(error).meaning is not Meaning.MISSING:
            raise
        return False


def _is_open(loop: _Loop) -> bool:
    """Whether all that breaks the loop is as it was set, and none of it only slows the loop down.

    The quarantine queue is left out: it has just been looked at, and its step sends a message to try it out.
    """
    breaking = tuple(change for change in loop.plan.changes if not change.setting.startswith(quarantine.SETTING))
    lifted = {name for one in breaking if one.setting.startswith(lift.SETTING) for name in lift.settings(one)}
    slowed = [one for one in breaking if one.setting.startswith(concurrency.SETTING) and one.setting not in lifted]
    if any(change.after for change in slowed):
        return False
    try:
        steps.verify(loop.work, replace(loop.plan, changes=breaking))
    except (NotEnough, NotVerified):
        return False
    return True


def _closes(known: Mapping[str, Any], loop: _Loop) -> bool:
    """Whether a remembered loop goes through one of the functions; a wildcard alone is no proof of a loop."""
    sure = known["confidence"] != Confidence.C.value
    return known["id"] == loop.work.aspect or (sure and not loop.functions.isdisjoint(known["functions"]))


# --- whose events these are -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Loop:
    """The functions of a broken loop, as its plan names them."""

    work: Work
    plan: Plan

    @cached_property
    def functions(self) -> frozenset[str]:
        """Their ARNs, without qualifiers."""
        named: set[str] = {self.work.subject.arn}
        for change in self.plan.changes:
            if change.setting.startswith(f"{watch.SETTING} "):
                named |= set(change.before)
            if change.setting.startswith(concurrency.SETTING):
                name = change.setting.removeprefix(concurrency.SETTING).strip()
                named.add(replace(self.work.subject, function=name).arn)
        return frozenset(named | {node(arn) for arn in map(_function, self.swaps) if arn})

    @property
    def names(self) -> list[str]:
        """Their names, in order."""
        return sorted(arn.rpartition(":")[2] for arn in self.functions)

    @cached_property
    def makers(self) -> Makers:
        """Who makes what is to be dropped."""
        return Makers(frozenset(self.names), self.work.subject.account)

    @property
    def swaps(self) -> list[Change]:
        """The changes that led what a function was handed into the queue."""
        return [change for change in self.plan.changes if _function(change)]

    def judge_waiting(self, message: Message) -> Decision:
        """Decide on a message that waits for its own function: what the loop made goes, all else stays."""
        return Gone.LOOP if waiting(message, self.makers).origin is Origin.LOOP else Kept.LEFT


_FUNCTION_OF = {target.SETTING: "Arn", subscription.SETTING: "Endpoint", notification.SETTING: "LambdaFunctionArn"}


def _function(change: Change) -> str:
    """Return the function that a change leads events away from, by ARN; '' where it is another kind of change."""
    names = [name for setting, name in _FUNCTION_OF.items() if change.setting.startswith(f"{setting} ")]
    return str(change.before[names[0]]) if names else ""


@dataclass(frozen=True)
class _Quarantined:
    """What is done with each message of the quarantine queue."""

    loop: _Loop
    order: Order

    def decide(self, message: Message) -> Decision:
        """Drop what the loop made, keep what nobody can tell or what came later, and send the rest."""
        judged = quarantined(message, self.loop.makers)
        if judged.origin is Origin.TEST or quarantine.is_test(message["Body"]):
            return Gone.TEST
        if judged.origin is Origin.LOOP:
            return Gone.LOOP
        if judged.origin is Origin.UNKNOWN and not self.order.unknown:
            return Kept.UNKNOWN
        sent = int(message["Attributes"]["SentTimestamp"])
        if sent > self.order.asked * 1000:
            return Kept.LEFT
        if judged.shape in (Shape.EVENT, Shape.SNS) and self._went_both_ways(sent):
            return Gone.DUPLICATE
        return tuple(self._sendings(judged)) or Kept.LEFT

    def _went_both_ways(self, sent: int) -> bool:
        """Whether a message, sent at these epoch milliseconds, came while the functions got the same events.

        Two clocks are compared: what is that close to the end of it is rather sent twice than not at all.
        """
        return bool(self._alone) and sent < min(self._alone) * 1000 - _CLOCKS_APART_MS

    @cached_property
    def _alone(self) -> list[float]:
        """Since when, epoch seconds, the queue alone gets what each swapped target and subscription sends."""
        swaps = [*self._swaps(target.SETTING), *self._swaps(subscription.SETTING)]
        queue = quarantine.arn(self.loop.work)
        noted = [quarantine.alone_since(self.loop.work, queue, change) for change in swaps]
        return [datetime.fromisoformat(moment).timestamp() for moment in noted if moment]

    def _sendings(self, judged: Judged) -> Iterator[Sending]:
        """Return whom an event is for; nobody where that, or what it would be handed, is not known for all of them."""
        try:
            found = list(self._handed(judged))
        except _ODD:
            found = []
        if all(payload is not None for _, payload in found):
            for arn, payload in found:
                function = arn.removesuffix(_LATEST)
                yield Sending(f"{judged.key}#{function}", function, payload or "")

    def _handed(self, judged: Judged) -> Iterable[tuple[str, str | None]]:
        match judged.shape:
            case Shape.FAILURE:
                # A record can name any function; ours are the only ones it is believed of.
                return [(judged.function, judged.payload)] if node(judged.function) in self.loop.functions else []
            case Shape.EVENT:
                return self._by_rule(judged.payload or "")
            case Shape.SNS:
                return self._by_topic(judged.payload or "")
            case Shape.S3:
                return self._by_bucket(judged.payload or "")
            case _:
                return []

    def _by_topic(self, body: str) -> Iterator[tuple[str, str | None]]:
        for change in self._swaps(subscription.SETTING):
            handed = subscription.payload(change, body)
            if handed is not None:
                yield change.before["Endpoint"], json.dumps(handed)

    def _by_bucket(self, body: str) -> Iterator[tuple[str, str | None]]:
        """One notification's events say which; those of another bucket are not ours."""
        which = set(map(_notified_by, json.loads(body)["Records"]))
        for change in self._swaps(notification.SETTING):
            if which == {(change.setting.rpartition(" ")[2], change.after["Id"])}:
                yield change.before["LambdaFunctionArn"], body

    def _by_rule(self, body: str) -> Iterator[tuple[str, str | None]]:
        """An event does not say which rule it passed: where there are several, EventBridge is asked."""
        changes = [(change.setting.partition(" of rule ")[2], change) for change in self._swaps(target.SETTING)]
        passed = {rule for rule, _ in changes}
        if len(passed) > 1:
            passed = {rule for rule in passed if self._passes(rule, body)}
        event = json.loads(body)
        for rule, change in changes:
            if rule in passed:
                handed = target.payload(change, event)
                as_it_is = body if handed is event else json.dumps(handed)
                yield change.before["Arn"], None if handed is None else as_it_is

    def _passes(self, rule: str, event: str) -> bool:
        bus, _, name = rule.rpartition("/")
        client = self.loop.work.member.client("events")
        try:
            pattern = client.describe_rule(Name=name, EventBusName=bus).get("EventPattern")
            return bool(pattern) and bool(client.test_event_pattern(EventPattern=pattern, Event=event)["Result"])
        except ClientError as error:
            if trouble(error).meaning not in (Meaning.MISSING, Meaning.REFUSED):
                raise
            return False

    def _swaps(self, setting: str) -> list[Change]:
        return [change for change in self.loop.swaps if change.setting.startswith(f"{setting} ")]


def _notified_by(record: Mapping[str, Any]) -> tuple[str, str]:
    """Return the bucket and the notification, by its id, that a record of S3 is from."""
    try:
        return str(record["s3"]["bucket"]["name"]), str(record["s3"]["configurationId"])
    except (KeyError, TypeError):
        return "", ""


# --- queues that are their own quarantine -----------------------------------------------------------------------------


def _sources(work: Work, plan: Plan, ledger: Ledger) -> Iterator[Queue]:
    """Return the queues that wait for a mapping or pipe which the plan switched off, and that may be looked at."""
    for change in plan.changes:
        if not change.setting.startswith((f"{mapping.SETTING} ", f"{pipe.SETTING} ")):
            continue
        try:
            steps.step_of(change).verify(work, change)
        except NotVerified:
            # It is on again, or gone: whoever reads the queue now has everything.
            continue
        source = _source_of(work, change)
        if ":sqs:" not in source or source.endswith(".fifo"):
            # What is hidden of a FIFO queue's group hides all that comes after it.
            continue
        queue = Queue(work, source)
        if queue.attributes is not None and queue.looks > 0 and ledger.look(source) <= queue.looks:
            yield queue


def _source_of(work: Work, change: Change) -> str:
    if change.setting.startswith(f"{pipe.SETTING} "):
        return str(work.member.client("pipes").describe_pipe(Name=change.setting.rpartition(" ")[2])["Source"])
    uuid = change.setting.removeprefix(mapping.SETTING).split()[0]
    return str(work.member.client("lambda").get_event_source_mapping(UUID=uuid).get("EventSourceArn", ""))
