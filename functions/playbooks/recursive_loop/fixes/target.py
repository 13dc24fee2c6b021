"""Rung 2: a rule's target is swapped for the quarantine queue, which gets every event as the bus had it.

The queue is added before the function is removed, and the other way round when it is taken back: for a moment both get
an event, but never neither. EventBridge API reference: PutTargets, RemoveTargets, ListTargetsByRule (no revision id, so
the whole target is compared), DescribeRule; EventBridge user guide, "Event bus targets" (a changed target takes a short
time to take effect) and "Quotas" (five targets a rule).
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from functions.core.fix import Change, ChangedMeanwhile, NotVerified, NotYet, Undone, Work
from functions.playbooks.recursive_loop.fixes import event_input, quarantine
from functions.playbooks.recursive_loop.fixes.step import CannotBreak, Open
from functions.playbooks.recursive_loop.graph import Edge, is_function
from functions.playbooks.recursive_loop.triggers import node

SETTING = "target"
OVERLAP_SECONDS = 3.0
"""How long both are targets before one is removed; AWS gives no number."""
_MOST_TARGETS = 5
_OF_RULE = " of rule "

_Target = Mapping[str, Any]


def plan(work: Work, edge: Edge, queue: str) -> tuple[Change, ...]:
    """Decide to have the queue, by ARN, get what the edge's rule hands to its function.

    Raises `Open` where the rule no longer does so, `CannotBreak` where a target cannot be swapped and put back.
    """
    bus, name = _rule_of(edge)
    client, rule = work.member.client("events"), f"{bus}/{name}"
    try:
        described = client.describe_rule(Name=name, EventBusName=bus)
        targets = _targets(client, bus, name)
    except client.exceptions.ResourceNotFoundException:
        raise Open(f"The rule {rule} is gone.") from None
    before = targets.get(edge.handle)
    if described["State"] == "DISABLED":
        raise Open(f"The rule {rule} is disabled.")
    if before is None or node(before["Arn"]) != edge.target:
        raise Open(f"The target {edge.handle} of the rule {rule} no longer leads to {edge.target}.")
    _require_swappable(rule, described.get("ManagedBy", ""), before)
    after = {"Id": _quarantine_id(edge.handle), "Arn": queue}
    if after["Id"] not in targets and len(targets) >= _MOST_TARGETS:
        text = f"The rule {rule} has {len(targets)} targets, and AWS allows no more: move one of them to another rule"
        raise CannotBreak("no-room", text)
    return (Change(f"{SETTING} {edge.handle}{_OF_RULE}{rule}", dict(before), after),)


def _rule_of(edge: Edge) -> tuple[str, str]:
    bus, _, name = edge.source.partition("#")
    return bus.partition(":event-bus/")[2], name


def _require_swappable(rule: str, managed_by: str, target: _Target) -> None:
    if managed_by:
        text = f"The rule {rule} is managed by {managed_by}, which alone may change it: switch it off there"
        raise CannotBreak("managed-rule", text)
    if not is_function(target["Arn"]):
        raise CannotBreak(
            "no-function", f"{target['Arn']} is no function, so its events could not be given to it later"
        )
    if target.get("RoleArn"):
        text = f"Putting the target of {rule} back would mean handing its role {target['RoleArn']} to EventBridge"
        raise CannotBreak("target-role", f"{text}, which we may not: swap it by hand")


def _quarantine_id(target: str) -> str:
    """Return an id of our own for each target: a rule may have several functions of a loop."""
    return f"warden-quarantine-{hashlib.sha256(target.encode()).hexdigest()[:12]}"


def apply(work: Work, change: Change) -> None:
    """Add the queue, and only then remove the function.

    Raises `ChangedMeanwhile` where the target is not as it was planned, `NotYet` where somebody else is changing it.
    """
    client = work.member.client("events")
    try:
        _swap(work, change)
    except client.exceptions.ResourceNotFoundException:
        raise ChangedMeanwhile(f"The rule of {change.setting} was deleted meanwhile.") from None


def _swap(work: Work, change: Change) -> None:
    client = work.member.client("events")
    own, ours = _now(client, change)
    if own is None and ours == change.after:
        return
    if own != change.before:
        raise ChangedMeanwhile(f"Somebody {_did(own)} {change.setting} meanwhile; it was left so.")
    if ours != change.after:
        _put(client, change, change.after)
    time.sleep(OVERLAP_SECONDS)
    own, ours = _now(client, change)
    if ours != change.after:
        raise NotYet(f"the quarantine queue is not yet a target beside {change.setting}")
    if own not in (None, change.before):
        raise ChangedMeanwhile(f"Somebody {_did(own)} {change.setting} meanwhile; it was left so.")
    quarantine.mark_alone(work, change.after["Arn"], change)
    _remove(client, change, change.before["Id"])


def verify(work: Work, change: Change) -> None:
    """Read the rule's targets back. Raises `NotVerified`."""
    client = work.member.client("events")
    try:
        own, ours = _now(client, change)
    except client.exceptions.ResourceNotFoundException:
        raise NotVerified(f"the rule of {change.setting} is gone") from None
    if own is not None:
        raise NotVerified(f"{change.setting} is still there")
    if ours != change.after:
        raise NotVerified(f"the quarantine queue is no target in place of {change.setting}")


def undo(work: Work, change: Change) -> Undone:
    """Add the target as it was, and only then remove the queue; what somebody put since stays. Raises `NotYet`."""
    client = work.member.client("events")
    try:
        return _swap_back(client, change)
    except client.exceptions.ResourceNotFoundException:
        return Undone(kept=(f"{change.setting}: the rule was deleted since",))


def _swap_back(client: Any, change: Change) -> Undone:
    own, ours = _now(client, change)
    if own is None:
        _put(client, change, change.before)
    if ours == change.after:
        time.sleep(OVERLAP_SECONDS)
        if _now(client, change)[0] is None:
            raise NotYet(f"{change.setting} is not back yet")
        _remove(client, change, change.after["Id"])
    kept = [f"{change.setting} as somebody set it since"] if own not in (None, change.before) else []
    if ours not in (None, change.after):
        kept.append(f"{SETTING} {change.after['Id']}{_OF_RULE}{'/'.join(_rule(change))} as somebody set it since")
    return Undone(restored=(change,) if own in (None, change.before) else (), kept=tuple(kept))


def payload(change: Change, event: object) -> object | None:
    """Return what the function would have been handed of an event that is in quarantine; None if that is not known."""
    bus, name = _rule(change)
    _, partition, _, region, account, _ = change.after["Arn"].split(":", 5)
    path = name if bus == "default" else f"{bus}/{name}"
    rule = event_input.Rule(name, f"arn:{partition}:events:{region}:{account}:rule/{path}")
    return event_input.handed(change.before, event, rule)


def _now(client: Any, change: Change) -> tuple[_Target | None, _Target | None]:
    """Return the function's target and the quarantine queue's, None where there is none."""
    targets = _targets(client, *_rule(change))
    return targets.get(change.before["Id"]), targets.get(change.after["Id"])


def _targets(client: Any, bus: str, rule: str) -> dict[str, _Target]:
    pages = client.get_paginator("list_targets_by_rule").paginate(Rule=rule, EventBusName=bus)
    return {target["Id"]: target for page in pages for target in page["Targets"]}


def _put(client: Any, change: Change, target: _Target) -> None:
    bus, rule = _rule(change)
    try:
        answer = client.put_targets(Rule=rule, EventBusName=bus, Targets=[target])
    except client.exceptions.ConcurrentModificationException:
        raise _busy(change) from None
    _require_done(change, answer, "PutTargets")


def _remove(client: Any, change: Change, target: str) -> None:
    bus, rule = _rule(change)
    try:
        answer = client.remove_targets(Rule=rule, EventBusName=bus, Ids=[target])
    except client.exceptions.ConcurrentModificationException:
        raise _busy(change) from None
    _require_done(change, answer, "RemoveTargets")


def _require_done(change: Change, answer: Mapping[str, Any], operation: str) -> None:
    """Raise what failed inside an answer that says 200 as the error that it is."""
    if not answer["FailedEntryCount"]:
        return
    failed = answer["FailedEntries"][0]
    if failed["ErrorCode"] == "ConcurrentModificationException":
        raise _busy(change)
    raise ClientError({"Error": {"Code": failed["ErrorCode"], "Message": failed["ErrorMessage"]}}, operation)


def _busy(change: Change) -> NotYet:
    return NotYet(f"somebody else is changing the rule of {change.setting}")


def _did(own: _Target | None) -> str:
    return "removed" if own is None else "changed"


def _rule(change: Change) -> tuple[str, str]:
    """Return the names of the bus, which may have slashes, and of the rule."""
    bus, _, name = change.setting.partition(_OF_RULE)[2].rpartition("/")
    return bus, name
