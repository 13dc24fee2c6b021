"""Entry point: an event says where to look; look there, once, and say what was found."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from functions.adapters.clock import iso, now
from functions.adapters.environment import hub
from functions.adapters.errors import AWS_ERRORS, Meaning, TryLater, trouble
from functions.adapters.policy import Policies
from functions.adapters.queue import Delivery
from functions.core.event import Forged, Ignored, Look, Trust, read_event
from functions.core.finding import Finding
from functions.core.inspection import request
from functions.core.judgement import forged_event, function_gone, judge, missing_permission, never_settles
from functions.core.message import Message
from functions.core.snapshot import DELETED, FunctionSnapshot
from functions.core.triggers import INSPECTOR_ROLE, member_roles
from functions.playbooks import Examination, examinations, playbooks, settings_of

# Looks of 1, 2, 4 … seconds apart: the tenth comes after thirteen minutes, when Lambda itself has given up.
_SETTLING_LOOKS = 10
_MOMENT = 0.1

HUB = hub()
POLICIES = Policies(HUB.store, HUB.policy, HUB.log)
TRUST = Trust(HUB.account, member_roles(playbooks()), HUB.policy.health_accounts)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Take an SQS batch of EventBridge events, or one bare event."""
    return HUB.queue.process(event, inspect, context)


def inspect(delivery: Delivery) -> str:
    """Go where one event points to and put what was found on the bus."""
    reading = read_event(delivery.event, TRUST)
    match reading:
        case Ignored(because):
            HUB.log.debug("ignored", because=because)
            return f"ignored: {because}"
        case Forged():
            HUB.bus.put(forged_event(reading, iso(now())))
            return f"refused: {reading.because}"
    messages = [message for look in reading for message in _look(look, delivery.attempts)]
    HUB.bus.put(*messages)
    return ", ".join(message.kind.value for message in messages) or "nothing found"


def _look(look: Look, attempts: int) -> list[Message]:
    if not look.subject.function:
        _sweep(look)
        return []
    seen_at = iso(now())
    try:
        snapshot = HUB.member(look.subject, INSPECTOR_ROLE).snapshot()
    except AWS_ERRORS as error:
        found = trouble(error)
        if found.meaning is Meaning.MISSING:
            return _check(look, FunctionSnapshot(look.subject, state=DELETED), seen_at)
        if found.meaning is Meaning.DENIED:
            return [missing_permission(look.subject, INSPECTOR_ROLE, found.action, found.resource, seen_at)]
        raise
    if snapshot.settling and attempts == 0:
        # Most functions settle within a moment; a look through the queue costs a second at least.
        time.sleep(_MOMENT)
        snapshot = HUB.member(look.subject, INSPECTOR_ROLE).snapshot()
    if snapshot.settling:
        state = "Pending" if snapshot.state == "Pending" else snapshot.last_update_status
        if attempts < _SETTLING_LOOKS:
            raise TryLater(f"{look.subject.function} is still {state}", first=1, cap=300)
        return [never_settles(look.subject, state, look.cause, seen_at)]
    return _check(look, snapshot, seen_at)


def _check(look: Look, snapshot: FunctionSnapshot, seen_at: str) -> list[Message]:
    found: list[Finding] = []
    not_allowed: list[Message] = []
    checked = []
    for examination in examinations():
        try:
            found += [finding.seen(seen_at, look.cause) for finding in _findings(examination, look, snapshot)]
            checked.append(examination.playbook.id)
        except AWS_ERRORS as error:
            lacks = trouble(error)
            if lacks.meaning is not Meaning.DENIED:
                raise
            # The other checks need not wait for a permission that only this one needs.
            not_allowed.append(missing_permission(look.subject, INSPECTOR_ROLE, lacks.action, lacks.resource, seen_at))
    found = _here(look, found)
    tickets = HUB.store.known(look.subject).tickets
    if not found and not tickets:
        # All is well and always was: what may be done about findings need not be read.
        return not_allowed
    left = {finding.id for finding in found}
    others = {finding_id: ticket for finding_id, ticket in tickets.items() if finding_id not in left}
    gone = function_gone(others, seen_at) if snapshot.deleted else []
    judged = judge(
        found,
        checked=[] if snapshot.deleted else checked,
        tags=snapshot.tags,
        tickets=tickets,
        rules=POLICIES.rules(look.subject.account),
        now=seen_at,
    )
    return judged + gone + not_allowed


def _here(look: Look, found: list[Finding]) -> list[Finding]:
    """Return what was found of the function itself; one that it says something of is looked at in its turn."""
    for subject in {finding.subject for finding in found} - {look.subject}:
        HUB.queue.send(request(HUB.account, subject, look.cause))
    return [finding for finding in found if finding.subject == look.subject]


def _findings(examination: Examination, look: Look, snapshot: FunctionSnapshot) -> list[Finding]:
    member = HUB.member(look.subject, INSPECTOR_ROLE)
    return examination.findings(member, snapshot, settings_of(examination.playbook, HUB.policy))


def _sweep(look: Look) -> None:
    """Have the sweep look at every function of the account and Region, or at those of a role in every Region."""
    where = {"role": look.role} if look.role else {"region": look.subject.region}
    about = {"account": look.subject.account, **where, "origin": look.cause.event, "event": look.cause.event_id}
    body: Mapping[str, Any] = {"sweep": about}
    HUB.queue.send_to(HUB.variables["WARDEN_SWEEP_QUEUE_URL"], [body])
