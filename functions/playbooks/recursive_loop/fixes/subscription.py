"""Rung 3: a function's subscription to a topic is swapped for one of the quarantine queue, with the same filter.

The queue is subscribed before the function is unsubscribed, and the other way round when it is taken back: for a moment
both get a message, but never neither. SNS API reference: Subscribe (there is one subscription for an endpoint and a
topic; only the attributes it is given are compared with those there are), Unsubscribe, ListSubscriptionsByTopic,
GetSubscriptionAttributes. What the function is handed: Lambda developer guide, "Invoking Lambda functions with Amazon
SNS notifications"; what the queue gets: SNS developer guide, "Fanout to Amazon SQS queues".
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from functions.core.fix import Change, ChangedMeanwhile, NotVerified, NotYet, Undone, Work
from functions.playbooks.recursive_loop.fixes import quarantine
from functions.playbooks.recursive_loop.fixes.step import CannotBreak, Open
from functions.playbooks.recursive_loop.graph import Edge, is_function
from functions.playbooks.recursive_loop.triggers import node

SETTING = "subscription"
OVERLAP_SECONDS = 3.0
"""How long both are subscribed before one is unsubscribed; AWS gives no number."""
_FILTER = ("FilterPolicy", "FilterPolicyScope")
_ATTRIBUTES = (*_FILTER, "RedrivePolicy", "DeliveryPolicy", "RawMessageDelivery")
"""What can be set again. The owner and the confirmation are what Subscribe makes of them."""
_UNSET = {"FilterPolicyScope": "MessageAttributes", "RawMessageDelivery": "false"}
"""What AWS returns for some of them where they are not set."""
_SHARED = "Shared"
_NAMES = {"SigningCertURL": "SigningCertUrl", "UnsubscribeURL": "UnsubscribeUrl"}
"""The two names that an event for a function spells otherwise than a message in a queue."""

_Attributes = Mapping[str, str]


@dataclass(frozen=True)
class _Subscription:
    """One subscription as it is now, with what can be set again."""

    arn: str
    attributes: _Attributes = field(default_factory=dict)


@dataclass(frozen=True)
class _Endpoint:
    """Where a topic sends to."""

    protocol: str
    arn: str


def plan(work: Work, edge: Edge, queue: str) -> tuple[Change, ...]:
    """Decide to have the queue, by ARN, get what the edge's topic sends to its function.

    Raises `Open` where it sends there no more, `CannotBreak` where the queue could not take the function's place.
    """
    topic = edge.source
    if not is_function(edge.target):
        raise CannotBreak(
            "no-function", f"{edge.target} is no function, so its messages could not be given to it later"
        )
    if topic.endswith(".fifo"):
        text = f"{topic} is a FIFO topic, whose order a standard queue does not keep: remove the subscription by hand"
        raise CannotBreak("fifo-topic", text)
    client = work.member.client("sns")
    try:
        listed = _listed(client, topic)
    except client.exceptions.NotFoundException:
        raise Open(f"The topic {topic} is gone.") from None
    endpoint = next((one for one, arn in listed.items() if arn == edge.handle), None)
    attributes = _attributes(client, edge.handle) if endpoint is not None else None
    if endpoint is None or attributes is None:
        raise Open(f"The subscription {edge.handle} is gone.")
    if node(endpoint.arn) != edge.target:
        raise Open(f"The subscription {edge.handle} no longer leads to {edge.target}.")
    place = {"Endpoint": endpoint.arn, "Protocol": endpoint.protocol}
    setting = f"{SETTING} of {endpoint.arn.partition(':function:')[2]} to {topic.rpartition(':')[2]}"
    change = Change(
        setting, {"SubscriptionArn": edge.handle, **place, **attributes}, {"Endpoint": queue, "Protocol": "sqs"}
    )
    ours = _there(client, listed, change.after)
    if ours is not None and not _takes_the_same(ours, change):
        raise _two_filters(topic)
    return (change,)


def together(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Return a plan's changes so that functions subscribed to one topic share the queue's one subscription.

    The first one made, which is the last one taken back, unsubscribes the queue; the others leave it. Raises
    `CannotBreak` where two of them have different filters.
    """
    first: dict[tuple[str, str], Change] = {}
    found = []
    for change in changes:
        if change.setting.startswith(f"{SETTING} of "):
            earlier = first.setdefault((_topic(change), change.after["Endpoint"]), change)
            if not _same(earlier.before, change.before, _FILTER):
                raise _two_filters(_topic(change))
            found.append(change if earlier is change else replace(change, after={**change.after, _SHARED: True}))
        else:
            found.append(change)
    return tuple(found)


def _two_filters(topic: str) -> CannotBreak:
    text = f"The quarantine queue can have one subscription to {topic}, and would need two with different filters"
    return CannotBreak("two-filters", f"{text}: remove one of the functions' subscriptions by hand")


def apply(work: Work, change: Change) -> None:
    """Subscribe the queue, and only then unsubscribe the function.

    Raises `ChangedMeanwhile` where the subscription is not as it was planned, `NotYet` where the queue's is not there.
    """
    client = work.member.client("sns")
    try:
        _swap(work, change)
    except client.exceptions.NotFoundException:
        raise ChangedMeanwhile(f"The topic of {change.setting} was deleted meanwhile.") from None


def _swap(work: Work, change: Change) -> None:
    client = work.member.client("sns")
    own, ours = _now(client, change)
    if own is None and ours is not None and _takes_the_same(ours, change):
        return
    _require_own(own, change)
    if ours is None:
        # Given as well where it is the default: SNS compares with what is there only what it is given.
        wanted = {name: change.before[name] for name in _FILTER if name in change.before}
        _subscribe(client, change, change.after, {**wanted, "RawMessageDelivery": "false"})
    time.sleep(OVERLAP_SECONDS)
    own, ours = _now(client, change)
    if ours is None:
        raise NotYet(f"SNS has not yet subscribed the quarantine queue beside {change.setting}")
    if not _takes_the_same(ours, change):
        raise ChangedMeanwhile(f"The quarantine queue is subscribed with another filter than {change.setting}.")
    if own is not None:
        _require_own(own, change)
        quarantine.mark_alone(work, change.after["Endpoint"], change)
        _unsubscribe(client, own)


def _require_own(own: _Subscription | None, change: Change) -> None:
    if own is None or not _same(own.attributes, change.before, _ATTRIBUTES):
        did = "removed" if own is None else "changed"
        raise ChangedMeanwhile(f"Somebody {did} the {change.setting} meanwhile; it was left so.")


def verify(work: Work, change: Change) -> None:
    """Read the topic's subscriptions back. Raises `NotVerified`."""
    client = work.member.client("sns")
    try:
        own, ours = _now(client, change)
    except client.exceptions.NotFoundException:
        raise NotVerified(f"the topic of {change.setting} is gone") from None
    if own is not None:
        raise NotVerified(f"the {change.setting} is still there")
    if ours is None or not _takes_the_same(ours, change):
        raise NotVerified(f"the quarantine queue is not subscribed in place of {change.setting}")


def undo(work: Work, change: Change) -> Undone:
    """Subscribe the function as it was, and only then unsubscribe the queue; what somebody set since stays.

    Raises `NotYet` where the function's subscription is not there yet.
    """
    client = work.member.client("sns")
    try:
        return _swap_back(client, change)
    except client.exceptions.NotFoundException:
        return Undone(kept=(f"{change.setting}: the topic was deleted since",))


def _swap_back(client: Any, change: Change) -> Undone:
    own, ours = _now(client, change)
    if own is None:
        unset = _UNSET.items()
        wanted = {name: change.before[name] for name in _ATTRIBUTES if name in change.before}
        _subscribe(client, change, change.before, dict(wanted.items() - unset))
    if ours is not None and _takes_the_same(ours, change) and not change.after.get(_SHARED):
        time.sleep(OVERLAP_SECONDS)
        if _now(client, change)[0] is None:
            raise NotYet(f"SNS has not yet put back the {change.setting}")
        _unsubscribe(client, ours)
    restored = own is None or _same(own.attributes, change.before, _ATTRIBUTES)
    kept = [] if restored else [f"{change.setting} as somebody set it since"]
    if ours is not None and not _takes_the_same(ours, change):
        kept.append(f"{SETTING} of the quarantine queue to {_topic(change)} as somebody set it since")
    return Undone(restored=(change,) if restored else (), kept=tuple(kept))


def payload(change: Change, body: str) -> object | None:
    """Return what the function would have been handed of a message in quarantine; None if it is none of this topic."""
    try:
        message = json.loads(body)
    except ValueError:
        return None
    if not isinstance(message, dict) or message.get("TopicArn") != _topic(change) or "MessageId" not in message:
        return None
    own = change.before["SubscriptionArn"]
    notification = {_NAMES.get(name, name): value for name, value in message.items()}
    if url := notification.get("UnsubscribeUrl"):
        # It names the queue's subscription, which is not the function's to end.
        notification["UnsubscribeUrl"] = f"{url.partition('SubscriptionArn=')[0]}SubscriptionArn={own}"
    always: dict[str, object] = {"Subject": None, "MessageAttributes": {}}
    record = {"EventVersion": "1.0", "EventSubscriptionArn": own, "EventSource": "aws:sns"}
    return {"Records": [{**record, "Sns": {**always, **notification}}]}


def _now(client: Any, change: Change) -> tuple[_Subscription | None, _Subscription | None]:
    """Return the function's subscription and the quarantine queue's, None where there is none."""
    listed = _listed(client, _topic(change))
    return _there(client, listed, change.before), _there(client, listed, change.after)


def _there(client: Any, listed: Mapping[_Endpoint, str], place: Mapping[str, Any]) -> _Subscription | None:
    arn = listed.get(_Endpoint(place["Protocol"], place["Endpoint"]))
    attributes = _attributes(client, arn) if arn is not None else None
    return None if arn is None or attributes is None else _Subscription(arn, attributes)


def _listed(client: Any, topic: str) -> dict[_Endpoint, str]:
    """Return the subscriptions' ARNs; one that is not confirmed has none, and is sent nothing."""
    pages = client.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
    return {
        _Endpoint(one["Protocol"], one["Endpoint"]): one["SubscriptionArn"]
        for page in pages
        for one in page["Subscriptions"]
        if one["SubscriptionArn"].startswith("arn:")
    }


def _attributes(client: Any, subscription: str) -> _Attributes | None:
    """Return what can be set again of a subscription, None if it is gone."""
    try:
        found = client.get_subscription_attributes(SubscriptionArn=subscription)["Attributes"]
    except client.exceptions.NotFoundException:
        return None
    return {name: found[name] for name in _ATTRIBUTES if found.get(name)}


def _subscribe(client: Any, change: Change, place: Mapping[str, Any], attributes: _Attributes) -> None:
    try:
        client.subscribe(
            TopicArn=_topic(change),
            Protocol=place["Protocol"],
            Endpoint=place["Endpoint"],
            Attributes=attributes,
            ReturnSubscriptionArn=True,
        )
    except client.exceptions.InvalidParameterException as error:
        if "already exists with different attributes" not in str(error):
            raise
        raise NotYet(f"somebody else is changing the {change.setting}") from None


def _unsubscribe(client: Any, subscription: _Subscription) -> None:
    with suppress(client.exceptions.NotFoundException):
        client.unsubscribe(SubscriptionArn=subscription.arn)


def _takes_the_same(ours: _Subscription, change: Change) -> bool:
    """Whether the queue gets the very messages that the function got, each with its id and attributes."""
    raw = ours.attributes.get("RawMessageDelivery") == "true"
    return not raw and _same(ours.attributes, change.before, _FILTER)


def _same(one: Mapping[str, Any], other: Mapping[str, Any], names: Iterable[str]) -> bool:
    return all(_meaning(name, one.get(name)) == _meaning(name, other.get(name)) for name in names)


def _meaning(name: str, value: str | None) -> object:
    """Return an attribute's value so that two that mean the same are equal; AWS may write JSON otherwise than we."""
    if name in _UNSET:
        return value or _UNSET[name]
    return json.loads(value) if value and value != "{}" else None


def _topic(change: Change) -> str:
    return str(change.before["SubscriptionArn"].rpartition(":")[0])
