"""Entry point: fix what one playbook finds, or take a fix back. One function per playbook."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from functions.adapters.environment import hub
from functions.adapters.errors import AWS_ERRORS, TryLater
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
    subject = request.finding.subject
    with _one_at_a_time(subject.account, subject.region):
        known = HUB.store.known(subject)
        member = HUB.aws.member(subject, PLAYBOOK.member_role)
        finding_id = request.finding.id
        work = Work(
            subject,
            member,
            SETTINGS,
            aspect=request.finding.aspect,
            told=frozenset(evidence.label for evidence in request.finding.evidence),
            learned=HUB.store.learned(subject),
            hub=lambda service: HUB.aws.hub(service, subject.region),
        )
        case = Case(request, known.fixes.get(finding_id, ()), known.tickets.get(finding_id), work)
        try:
            outcome = REMEDY.undo(case) if request.kind is Kind.UNDO_REQUESTED else REMEDY.fix(case)
        except TakenMeanwhile:
            raise TryLater("another worker has it", first=1) from None
        except AWS_ERRORS as error:
            outcome = REMEDY.refused(case, error)
    if outcome is None:
        return "nothing to do"
    HUB.bus.put(outcome)
    return outcome.kind.value


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
    name, holder = f"{PLAYBOOK.id}#{account}#{region}", uuid.uuid4().hex
    for _ in range(_LOCK_TRIES):
        if HUB.store.lock(name, holder, _LOCK_SECONDS):
            break
        time.sleep(_LOCK_PAUSE)
    else:
        raise TryLater(f"another fix is at work in {account} {region}", first=1, cap=60)
    try:
        yield
    finally:
        HUB.store.unlock(name, holder)
