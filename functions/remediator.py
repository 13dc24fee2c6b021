"""Entry point: fix what one playbook finds, or take a fix back. One function per playbook."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from functions.adapters.clock import iso
from functions.adapters.environment import hub
from functions.adapters.errors import AWS_ERRORS, TryLater
from functions.adapters.ledger import Ledger
from functions.adapters.policy import Policies
from functions.adapters.queue import Delivery
from functions.adapters.remedy import Case, Remedy
from functions.adapters.store import TakenMeanwhile
from functions.core.fix import Work
from functions.core.message import Kind, Message, NotAMessage, read_message
from functions.playbooks import examinations, fix_of, playbook, settings_of

# Longer than the function may run, so that no lock ends while its holder is at work.
_LOCK_SECONDS = 90
_LOCK_TRIES = 10
_LOCK_PAUSE = 0.05
_SLICE_SECONDS = 10
"""How long events are sent back in one go; between two of them the queue has its turn."""

HUB = hub()
PLAYBOOK = playbook(HUB.variables["WARDEN_PLAYBOOK"])
SETTINGS = settings_of(PLAYBOOK, HUB.policy)
REMEDY = Remedy(
    playbook=PLAYBOOK,
    examination=next(one for one in examinations() if one.playbook is PLAYBOOK),
    fixing=fix_of(PLAYBOOK),
    store=HUB.store,
    policies=Policies(HUB.store, HUB.policy, HUB.log),
)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Take an SQS batch of our own events, or one bare event."""
    return HUB.queue.process(event, remediate, context)


def remediate(delivery: Delivery) -> str:
    """Do what one event asks for and tell the bus how it went."""
    request = _request(delivery.event)
    redrive = request.kind is Kind.REDRIVE_REQUESTED
    outcome = _redriven(_asked_before(request, delivery.event.get("time"))) if redrive else _remedied(request)
    if outcome is None:
        return "nothing to do"
    HUB.bus.put(outcome)
    return outcome.kind.value


def _remedied(request: Message) -> Message | None:
    subject = request.finding.subject
    with _one_at_a_time(subject.account, subject.region):
        case = _case(request)
        try:
            return REMEDY.undo(case) if request.kind is Kind.UNDO_REQUESTED else REMEDY.fix(case)
        except TakenMeanwhile:
            raise TryLater("another worker has it", first=1) from None
        except AWS_ERRORS as error:
            return REMEDY.refused(case, error)


def _redriven(request: Message) -> Message:
    """Send events back for a while; that may take hours in all, so fixes of the account do not wait for it."""
    finding = request.finding.id
    with _held(f"REDRIVE#{finding}", f"events of {finding} are being sent back"):
        ledger = Ledger(HUB.aws.hub("dynamodb"), HUB.variables["WARDEN_TABLE"], finding, request.at)
        return REMEDY.redrive(_case(request), ledger, time.time() + _SLICE_SECONDS)


def _case(request: Message) -> Case:
    subject, finding = request.finding.subject, request.finding
    known = HUB.store.known(subject)
    work = Work(
        subject,
        HUB.member(subject, PLAYBOOK.member_role),
        SETTINGS,
        aspect=finding.aspect,
        told=frozenset(evidence.label for evidence in finding.evidence),
        learned=HUB.store.learned(subject),
        hub=lambda service: HUB.aws.hub(service, subject.region),
    )
    return Case(request, known.fixes.get(finding.id, ()), known.tickets.get(finding.id), work)


def _asked_before(request: Message, sent: object) -> Message:
    """Put a request no later than EventBridge took it, whose clock is to the second: a person's may be ahead."""
    try:
        taken = iso(datetime.fromisoformat(str(sent)) + timedelta(seconds=1))
    except (ValueError, OverflowError):
        return request
    return replace(request, at=min(request.at, taken))


def _request(event: object) -> Message:
    if not isinstance(event, dict) or event.get("account") != HUB.account or event.get("source") != "warden":
        raise NotAMessage("the event is not the hub's own")
    request = read_message(event.get("detail-type"), event.get("detail"))
    if request.finding.playbook != PLAYBOOK.id:
        raise NotAMessage(f"the event is for {request.finding.playbook[:80]!r}")
    return request


@contextmanager
def _one_at_a_time(account: str, region: str) -> Iterator[None]:
    """Hold the account and Region while a playbook that shares a budget between functions works there."""
    if not PLAYBOOK.one_at_a_time:
        yield
        return
    with _held(f"{PLAYBOOK.id}#{account}#{region}", f"another fix is at work in {account} {region}"):
        yield


@contextmanager
def _held(name: str, busy: str) -> Iterator[None]:
    """Hold a named lock. Raises `TryLater` with what is `busy` where another worker has it."""
    holder = uuid.uuid4().hex
    for _ in range(_LOCK_TRIES):
        if HUB.store.lock(name, holder, _LOCK_SECONDS):
            break
        time.sleep(_LOCK_PAUSE)
    else:
        raise TryLater(busy, first=1, cap=60)
    try:
        yield
    finally:
        HUB.store.unlock(name, holder)
