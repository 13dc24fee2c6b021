"""What was read of an account and Region, as it is remembered: every fact of it, but no value of a variable. Pure.

Of a function's environment only the variables are kept whose whole value names a resource that is known in the account,
with the name or the ARN of that resource in the place of the value; of a state machine's definition, only the ARNs and
queue URLs in it. Nothing else of either matters to the graph (`writes`, `triggers`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from operator import attrgetter
from typing import Any

from functions.playbooks.recursive_loop import triggers
from functions.playbooks.recursive_loop.account import (
    NOT_ALLOWED,
    Account,
    Destination,
    LogSubscription,
    Notification,
    NotRead,
    Pipe,
    Rule,
    Schedule,
    SourceMapping,
    StateMachine,
    Subscription,
    Target,
)
from functions.playbooks.recursive_loop.graph import Confidence
from functions.playbooks.recursive_loop.policies import Pattern, Policy, Principals, ResourcePolicy, Statement
from functions.playbooks.recursive_loop.writes import Function, Names, references

_LISTS: Mapping[str, tuple[type[Any], tuple[str, ...]]] = {
    "functions": (Function, ("arn",)),
    "destinations": (Destination, ("function", "qualifier", "when")),
    "mappings": (SourceMapping, ("uuid",)),
    "notifications": (Notification, ("bucket", "id", "target")),
    "subscriptions": (Subscription, ("arn", "topic", "endpoint")),
    "rules": (Rule, ("bus", "name")),
    "pipes": (Pipe, ("arn",)),
    "schedules": (Schedule, ("arn",)),
    "state_machines": (StateMachine, ("arn",)),
    "log_subscriptions": (LogSubscription, ("log_group", "name")),
    "not_read": (NotRead, ("action", "what")),
}
"""The lists of facts: what each is made of, and what they are put in order by."""
_TEXTS = ("dead_letters", "redrives")


def without_values(account: Account) -> Account:
    """Return the account as it may be remembered: of environments and definitions, only what names something."""
    names = Names(triggers.known(account))
    return replace(
        account,
        functions=tuple(replace(one, environment=references(one.environment, names)) for one in account.functions),
        state_machines=tuple(
            replace(one, definition=triggers.references(one.definition)) for one in account.state_machines
        ),
    )


def in_order(account: Account) -> Account:
    """Return the account with its facts in an order of their own, not that in which they came to be known."""
    lists: dict[str, Any] = {
        name: tuple(sorted(getattr(account, name), key=attrgetter(*by))) for name, (_, by) in _LISTS.items()
    }
    for name in (*_TEXTS, "policies", "roles"):
        lists[name] = dict(sorted(getattr(account, name).items()))
    return replace(account, buckets_on_bus=tuple(sorted(account.buckets_on_bus)), **lists)


def appeared(before: Mapping[str, str], was: Account | None, account: Account, at: str, since: str) -> dict[str, str]:
    """Return when each function appeared that was not there at the first reading, by ARN; those before `since` not.

    `before` is what was known of that, `was` the account that it was known of, None at the first reading. Moments are
    ISO 8601 in UTC, as text that sorts by time.
    """
    if was is None:
        return {}
    known = {function.arn for function in was.functions}
    now = {function.arn for function in account.functions}
    kept = {arn: moment for arn, moment in before.items() if arn in now and moment >= since}
    return kept | dict.fromkeys(sorted(now - known), at)


def refused_anew(before: Account, account: Account) -> str:
    """Return an action that was refused as a whole and was not before, '' if there is none.

    That is a list of an account, or anything of IAM: what is missing then is not gone. A single bucket or queue may
    well refuse everyone by its own policy.
    """
    known = {(one.action, one.what) for one in before.not_read}
    new = [one for one in account.not_read if one.why == NOT_ALLOWED and (one.action, one.what) not in known]
    return next((one.action for one in new if not one.what or one.action.startswith("iam:")), "")


def to_look_at(
    before: Iterable[Mapping[str, Any]], now: Iterable[Mapping[str, Any]], recent: Collection[str], *, whole: bool
) -> tuple[str, ...]:
    """Return the functions for which it makes a difference which loops there are now, by ARN and in order.

    That is the first function of each loop that is new, different or gone, and those of `recent` that are in a loop of
    confidence A or B that is new or different; of every loop, after a `whole` reading. And all that were in such a loop
    that is gone, as they may be capped for it. Loops are as they are remembered (`known.loop_to_json`).
    """
    was, found = {one["id"]: one for one in before}, {one["id"]: one for one in now}
    told = [one for one in found.values() if whole or was.get(one["id"]) != one]
    gone = [one for loop_id, one in was.items() if loop_id not in found]
    first = {one["functions"][0] for one in (*told, *gone)}
    return tuple(sorted(first | (_in_sure(told) & set(recent)) | _in_sure(gone)))


def _in_sure(loops: Iterable[Mapping[str, Any]]) -> set[str]:
    return {function for one in loops if one["confidence"] != Confidence.C for function in one["functions"]}


def to_json(account: Account) -> dict[str, Any]:
    """Return the facts as JSON, without values (`without_values`)."""
    kept = without_values(account)
    return {
        "account": kept.account,
        "region": kept.region,
        **{name: [_fields(one) for one in getattr(kept, name)] for name in _LISTS},
        **{name: dict(getattr(kept, name)) for name in _TEXTS},
        "rules": [{**_fields(one), "targets": [_fields(target) for target in one.targets]} for one in kept.rules],
        "destinations_read": sorted(kept.destinations_read),
        "buckets_on_bus": list(kept.buckets_on_bus),
        "policies": {arn: _policy_to_json(policy) for arn, policy in kept.policies.items()},
        "roles": {arn: [own, boundary] for arn, (own, boundary) in kept.roles.items()},
        "roles_in_part": sorted(kept.roles_in_part),
    }


def from_json(body: Mapping[str, Any]) -> Account:
    """Read what `to_json` wrote. Raises `KeyError` or `TypeError` for anything else."""
    lists: dict[str, Any] = {
        name: tuple(kind(**_tuples(one)) for one in body[name]) for name, (kind, _) in _LISTS.items()
    }
    lists["rules"] = tuple(replace(one, targets=_targets(one.targets)) for one in lists["rules"])
    return Account(
        account=body["account"],
        region=body["region"],
        **lists,
        **{name: body[name] for name in _TEXTS},
        destinations_read=frozenset(body["destinations_read"]),
        buckets_on_bus=tuple(body["buckets_on_bus"]),
        policies={arn: _policy_from_json(policy) for arn, policy in body["policies"].items()},
        roles={arn: (own, tuple(boundary) if boundary else None) for arn, (own, boundary) in body["roles"].items()},
        roles_in_part=frozenset(body["roles_in_part"]),
    )


def _fields(one: Any) -> dict[str, Any]:
    return {name: getattr(one, name) for name in one.__dataclass_fields__}


def _tuples(body: Mapping[str, Any]) -> dict[str, Any]:
    """Fields as they were: a list among them was a tuple. JSON that was read from AWS is left as it is."""
    return {name: _tuple(value) if isinstance(value, list) else value for name, value in body.items()}


def _tuple(values: list[Any]) -> tuple[Any, ...]:
    return tuple(_tuple(value) if isinstance(value, list) else value for value in values)


def _targets(bodies: Iterable[Any]) -> tuple[Target, ...]:
    return tuple(Target(**body) for body in bodies)


def _policy_to_json(given: ResourcePolicy) -> dict[str, Any]:
    policy = given.policy
    statements = [
        {
            **_fields(one),
            "resources": [[pattern.text, pattern.glob] for pattern in one.resources],
            "principals": [sorted(one.principals.arns), one.principals.negated] if one.principals else None,
        }
        for one in policy.statements
    ]
    return {"account": given.account, **_fields(policy), "statements": statements}


def _policy_from_json(body: Mapping[str, Any]) -> ResourcePolicy:
    policy = Policy(
        name=body["name"],
        statements=tuple(_statement(one) for one in body["statements"]),
        unreadable=tuple(body["unreadable"]),
    )
    return ResourcePolicy(body["account"], policy)


def _statement(body: Mapping[str, Any]) -> Statement:
    principals = body["principals"]
    return Statement(
        **{
            **_tuples(body),
            "resources": tuple(Pattern(text, glob) for text, glob in body["resources"]),
            "principals": Principals(frozenset(principals[0]), negated=principals[1]) if principals else None,
        }
    )
