"""Entry point: know what triggers what in each account and Region, and have a look taken where that makes a loop.

Everything is read once a day, when the sweep asks for it, and where nothing is known yet. In between, events of API
calls say what to read again: our own calls too, for a fix changes what is connected.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

from functions.adapters import topology
from functions.adapters.clock import iso, now
from functions.adapters.environment import hub
from functions.adapters.errors import AWS_ERRORS, Meaning, TryLater, trouble
from functions.adapters.following import Followed, refresh, unsettled
from functions.adapters.memory import Memory, Remembered
from functions.adapters.queue import Delivery
from functions.adapters.store import TakenMeanwhile
from functions.core.finding import Cause
from functions.core.inspection import request
from functions.core.judgement import missing_permission
from functions.core.subject import Subject
from functions.core.triggers import INSPECTOR_ROLE
from functions.playbooks.recursive_loop.account import NOT_ALLOWED, NotRead
from functions.playbooks.recursive_loop.asks import Ask, asks, together
from functions.playbooks.recursive_loop.graph import Graph
from functions.playbooks.recursive_loop.known import loop_to_json
from functions.playbooks.recursive_loop.loops import loops
from functions.playbooks.recursive_loop.remembered import (
    appeared,
    in_order,
    refused_anew,
    to_look_at,
    without_values,
)

# Longer than the function may run, so that no lock ends while its holder is at work.
_LOCK_SECONDS = 960
# Reading everything takes two minutes for a thousand functions, as Lambda and CloudWatch Logs are asked slowly.
_WHOLE_READING_MS = 600_000
_KEEP_APPEARED = timedelta(hours=48)
_NEW = timedelta(hours=24)
# What is being changed is looked at after 15 s, 30 s, … 8 minutes; mappings and pipes settle within a minute or two.
_FIRST_LOOK_SECONDS = 15
_MOST_LOOKS = 6

HUB = hub()
REGIONS = tuple(HUB.variables["WARDEN_REGIONS"].split(","))
MEMORY = Memory(HUB.aws.hub("dynamodb"), HUB.variables["WARDEN_TABLE"])
MEMBERS = topology.patient(HUB.variables["AWS_LAMBDA_FUNCTION_NAME"])


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Take an SQS batch of CloudTrail events and of our own messages, or one bare event."""
    return HUB.queue.process(event, Batch(event, context).follow, context)


class Batch:
    """One run: what several messages ask of one account and Region is followed with the first of them.

    If that fails, each of the others is followed by itself.
    """

    def __init__(self, event: Mapping[str, Any], context: object) -> None:
        self._left = getattr(context, "get_remaining_time_in_millis", None)
        self._waiting: dict[Subject, list[Ask]] = {}
        self._done: list[Ask] = []
        for record in event.get("Records") or ():
            for ask in _to_follow(record):
                self._waiting.setdefault(ask.subject, []).append(ask)

    def follow(self, delivery: Delivery) -> str:
        """Do what one message asks for."""
        found = asks(delivery.event, HUB.account, REGIONS)
        if len(found) > 1:
            HUB.queue.send_to(HUB.queue.url, [ask.to_json() for ask in found])
            return f"to be followed in {len(found)} Regions"
        return ", ".join(self._follow(ask) for ask in found) or "nothing to follow"

    def _follow(self, ask: Ask) -> str:
        if ask in self._done:
            return "followed with another"
        group = [ask] if ask.changes is None else self._waiting.pop(ask.subject, [ask])
        with _one_at_a_time(ask.subject):
            outcome = _follow(together(group) if ask.changes is not None else ask, self._check_time)
        self._done += group
        return outcome

    def _check_time(self) -> None:
        """Raise `TryLater` where a whole reading might be cut off, unless it has the run for itself."""
        if self._done and self._left is not None and self._left() < _WHOLE_READING_MS:
            raise TryLater("no time left in this run to read everything", first=1, cap=1)


def _follow(ask: Ask, check_time: Callable[[], None]) -> str:
    """Bring what is known up to date, remember it, and have looked at what that makes a difference to."""
    subject, known = ask.subject, MEMORY.load(ask.subject)
    try:
        found = _read(ask, known, check_time)
    except AWS_ERRORS as error:
        lacks = trouble(error)
        if lacks.meaning is not Meaning.DENIED:
            raise
        HUB.bus.put(missing_permission(subject, INSPECTOR_ROLE, lacks.action, lacks.resource, iso(now())))
        return "not allowed"
    _tell_refused(subject, found.refused)
    if ask.changes is None and known and (less := refused_anew(known.account, found.account)):
        return f"not believed, since {less} is refused now"
    remembered = _remembered(known, found, whole=ask.changes is None or not known)
    if remembered is not known:
        remembered = _saved(subject, remembered)
    _ask(subject, remembered, ask.cause)
    if found.unsettled and ask.looks < _MOST_LOOKS:
        again = replace(ask, changes=found.unsettled, looks=ask.looks + 1)
        HUB.queue.send(again.to_json(), delay=_FIRST_LOOK_SECONDS * 2**ask.looks)
    return f"{len(remembered.loops)} loops, {len(remembered.to_look_at)} functions to look at"


def _read(ask: Ask, known: Remembered | None, check_time: Callable[[], None]) -> Followed:
    """Read everything, or what of it is to be followed. Raises boto3's errors, also those of entering the account."""
    subject = ask.subject
    client = MEMBERS.member(subject, INSPECTOR_ROLE).client
    if known is not None and ask.changes is not None:
        client("lambda")
        return refresh(client, known.account, ask.changes)
    check_time()
    client("lambda")
    account, graph = topology.look(client, subject.account, subject.region, whole=True)
    return Followed(in_order(without_values(account)), graph, unsettled(account), account.not_read)


def _remembered(before: Remembered | None, found: Followed, *, whole: bool) -> Remembered:
    """What is to be remembered from now on; the same, where nothing is different."""
    if before and found.graph is None:
        return before
    known = before or Remembered(found.account)
    moment, was = now(), before.account if before else None
    seen = appeared(known.appeared, was, found.account, iso(moment), iso(moment - _KEEP_APPEARED))
    recent = {arn for arn, at in seen.items() if at >= iso(moment - _NEW)}
    now_there = tuple(loop_to_json(loop) for loop in loops(found.graph or Graph(())))
    looks = to_look_at(known.loops, now_there, recent, whole=whole)
    return Remembered(
        account=found.account,
        loops=now_there,
        appeared=seen,
        read=iso(moment) if whole else known.read,
        to_look_at=tuple(sorted({*known.to_look_at, *looks})),
        version=known.version,
    )


def _saved(subject: Subject, remembered: Remembered) -> Remembered:
    try:
        return MEMORY.save(subject, remembered)
    except TakenMeanwhile:
        raise TryLater("another worker wrote what it found first", first=1, cap=60) from None


def _ask(subject: Subject, remembered: Remembered, cause: Cause) -> None:
    """Have the inspector look, after everything is saved that it will want to know; noted until it is asked for."""
    if not remembered.to_look_at:
        return
    start = f"arn:{subject.partition}:lambda:{subject.region}:{subject.account}:function:"
    names = [arn.removeprefix(start) for arn in remembered.to_look_at if arn.startswith(start)]
    looks = [request(HUB.account, replace(subject, function=name), cause) for name in names]
    HUB.queue.send_to(HUB.variables["WARDEN_INSPECT_QUEUE_URL"], looks)
    MEMORY.asked(subject, remembered)


def _tell_refused(subject: Subject, refused: Iterable[NotRead]) -> None:
    """Tell the operators once of each permission that lacks."""
    lacking = {one.action: one for one in refused if one.why == NOT_ALLOWED}
    for one in lacking.values():
        HUB.bus.put(missing_permission(subject, INSPECTOR_ROLE, one.action, one.what, iso(now())))


def _to_follow(record: Mapping[str, Any]) -> tuple[Ask, ...]:
    """What a message asks to be followed in one Region; what cannot be read is told when its turn comes."""
    try:
        found = asks(json.loads(record["body"]), HUB.account, REGIONS)
    except (ValueError, RecursionError):
        return ()
    return found if len(found) == 1 and found[0].changes is not None else ()


@contextmanager
def _one_at_a_time(subject: Subject) -> Iterator[None]:
    """Hold the account and Region; what is known of it is read, changed and written as a whole."""
    name, holder = f"topology#{subject.account}#{subject.region}", uuid.uuid4().hex
    if not HUB.store.lock(name, holder, _LOCK_SECONDS):
        raise TryLater(f"{subject.account} {subject.region} is being read", first=1, cap=60)
    try:
        yield
    finally:
        HUB.store.unlock(name, holder)
