"""Playbook declarations → the EventBridge patterns that bring their events to the hub.

The same patterns serve the member stack, `warden send --explain` and the tests that hold every sample event against
them. Operators as in the EventBridge user guide, "Comparison operators"; a pattern is at most 2,048 characters.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TypeVar

from functions.core.event import TEST_SOURCE
from functions.core.playbook import (
    AlarmState,
    ApiCall,
    ConfigCompliance,
    ConfigItem,
    HealthEvent,
    Playbook,
    Trigger,
    Wiring,
)

PATTERN_LIMIT = 2048
INSPECTOR_ROLE = "warden-inspector"

# CloudTrail tells of services without a Region in one Region alone (CloudTrail user guide, "CloudTrail concepts":
# global service events), and EventBridge of them there.
GLOBAL_REGION = "us-east-1"
GLOBAL_SERVICES = ("cloudfront", "iam", "organizations")

# A deleted function closes its tickets, whichever playbook opened them.
_ALWAYS = ApiCall(names=("DeleteFunction20150331",))

# Of these, the hub's inspector gets whatever members forward.
_SOURCES: dict[type, str] = {
    AlarmState: "cloudwatch",
    ConfigCompliance: "config",
    ConfigItem: "config",
    HealthEvent: "health",
}

Pattern = dict[str, object]
_T = TypeVar("_T")


def member_roles(playbooks: Iterable[Playbook]) -> tuple[str, ...]:
    """Name every role of ours in a member account: the inspector's, and one for each playbook that writes."""
    return (INSPECTOR_ROLE, *(p.member_role for p in playbooks if p.fixable))


def member_patterns(playbooks: Iterable[Playbook]) -> dict[str, Pattern]:
    """Derive the rules of a member account: rule name suffix → event pattern.

    Each call passes one rule. Calls made by our own roles are left out here and again in code, save for those that
    may connect functions. A failed call changed nothing and is left out.
    """
    playbooks = tuple(playbooks)
    triggers = _triggers(playbooks)
    patterns: dict[str, Pattern] = {}
    followed = _calls(triggers, Wiring)
    for service, names in _calls(triggers, ApiCall).items():
        looked_at = tuple(name for name in names if name not in followed.get(service, ()))
        label = f"{service}-calls" if len(looked_at) > 1 else f"{service}-{''.join(looked_at)}"
        patterns |= _split(label, looked_at, partial(_call_pattern, service, _not_ours(member_roles(playbooks))))
    for service, names in followed.items():
        patterns |= _split(f"{service}-wiring", names, partial(_call_pattern, service, {}))
    rules = _union(t.rules for t in triggers if isinstance(t, ConfigCompliance))
    if rules:
        patterns["config-compliance"] = {
            "source": ["aws.config"],
            "detail-type": ["Config Rules Compliance Change"],
            "detail": {
                "resourceType": ["AWS::Lambda::Function"],
                "configRuleName": list(rules),
                "newEvaluationResult": {"complianceType": ["NON_COMPLIANT"]},
            },
        }
    types = sorted({t.resource_type for t in triggers if isinstance(t, ConfigItem)})
    if types:
        patterns["config-item"] = {
            "source": ["aws.config"],
            "detail-type": ["Config Configuration Item Change"],
            "detail": {"configurationItem": {"resourceType": types}},
        }
    codes = _union(t.codes for t in triggers if isinstance(t, HealthEvent))
    if codes:
        patterns["health"] = {
            "source": ["aws.health"],
            "detail-type": ["AWS Health Event"],
            "detail": {"service": ["LAMBDA"], "eventTypeCode": list(codes)},
        }
    prefixes = sorted({t.prefix for t in triggers if isinstance(t, AlarmState)})
    if prefixes:
        patterns["alarm"] = {
            "source": ["aws.cloudwatch"],
            "detail-type": ["CloudWatch Alarm State Change", "CloudWatch Alarm Contributor State Change"],
            "detail": {"alarmName": [{"prefix": p} for p in prefixes], "state": {"value": ["ALARM"]}},
        }
    return patterns


def regional_patterns(playbooks: Iterable[Playbook]) -> dict[str, Pattern]:
    """Derive the rules of each governed Region of a member."""
    return {suffix: pattern for suffix, pattern in member_patterns(playbooks).items() if not _is_global(pattern)}


def global_patterns(playbooks: Iterable[Playbook]) -> dict[str, Pattern]:
    """Derive the rules of `GLOBAL_REGION`, which need to be in a member once, whichever Regions are governed."""
    return {suffix: pattern for suffix, pattern in member_patterns(playbooks).items() if _is_global(pattern)}


def inspect_patterns(hub_account: str, playbooks: Iterable[Playbook]) -> dict[str, Pattern]:
    """Derive the hub bus's rules to the inspector: AWS's own events from anyone; tests and fixes from the hub only.

    Of calls, those that a playbook wants looked at: what only may connect functions goes to the topology function.
    """
    playbooks = tuple(playbooks)
    triggers = _triggers(playbooks)
    sources = sorted({_SOURCES[type(trigger)] for trigger in triggers if type(trigger) in _SOURCES})
    found = (*((source, _EVERYTHING) for source in sources), *_pairs(_calls(triggers, ApiCall)))
    patterns: dict[str, Pattern] = {
        **_split("inspect", found, _events_of),
        "inspect-test": {"source": [TEST_SOURCE], "account": [hub_account]},
    }
    followed = [playbook.id for playbook in playbooks if playbook.follow_up]
    if followed:
        # Our own calls are left out of what members forward, so nothing else would make us look.
        patterns["inspect-fixed"] = {
            "source": ["warden"],
            "account": [hub_account],
            "detail-type": ["Fix Applied"],
            "detail": {"playbook": followed},
        }
    return patterns


def topology_patterns(hub_account: str, playbooks: Iterable[Playbook]) -> dict[str, Pattern]:
    """Derive the hub bus's rules to the topology function: calls that may connect functions; tests from the hub only.

    None where no playbook follows such calls.
    """
    found = _pairs(_calls(_triggers(playbooks), Wiring))

    def wrapped(found: tuple[tuple[str, str], ...]) -> Pattern:
        return {"source": [TEST_SOURCE], "account": [hub_account], "detail": {"event": _events_of(found)}}

    return {**_split("topology", found, _events_of), **_split("topology-test", found, wrapped)}


def remediator_pattern(playbook: Playbook, hub_account: str) -> Pattern:
    """Derive the hub bus's rule to one remediator: findings to fix or to plan for, and people's requests."""
    return {
        "source": ["warden"],
        "account": [hub_account],
        "$or": [
            {"detail-type": ["Finding Opened"], "detail": {"playbook": [playbook.id], "mode": ["enforce", "approve"]}},
            {
                "detail-type": ["Fix Requested", "Undo Requested", "Redrive Requested"],
                "detail": {"playbook": [playbook.id]},
            },
        ],
    }


def ticket_pattern(hub_account: str) -> Pattern:
    """Derive the hub bus's rule to the ticket function: every outcome of our own."""
    return {"source": ["warden"], "account": [hub_account]}


def forged_pattern(hub_account: str) -> Pattern:
    """Derive the hub bus's rule for what no member may send: any source of ours, or any source but AWS's own."""
    return {"source": [{"anything-but": {"prefix": "aws."}}], "account": [{"anything-but": [hub_account]}]}


def _is_global(pattern: Pattern) -> bool:
    return pattern["source"] in [[f"aws.{service}"] for service in GLOBAL_SERVICES]


def _triggers(playbooks: Iterable[Playbook]) -> tuple[Trigger, ...]:
    return (_ALWAYS, *(trigger for playbook in playbooks for trigger in playbook.triggers))


def _calls(triggers: Iterable[Trigger], kind: type[ApiCall] | type[Wiring]) -> dict[str, tuple[str, ...]]:
    """Gather the calls of one kind: service → names, each once and in order."""
    wanted = [trigger for trigger in triggers if isinstance(trigger, kind)]
    services = sorted({trigger.service for trigger in wanted})
    return {service: _union(t.names for t in wanted if t.service == service) for service in services}


_EVERYTHING = ""
"""In the place of a call's name: whatever comes from this source."""


def _pairs(calls: dict[str, tuple[str, ...]]) -> tuple[tuple[str, str], ...]:
    return tuple((service, name) for service, names in calls.items() for name in names)


def _events_of(found: tuple[tuple[str, str], ...]) -> Pattern:
    """Match events of services of AWS: pairs of service and name of a call, or `_EVERYTHING`."""
    whole = [f"aws.{service}" for service, name in found if name == _EVERYTHING]
    branches: list[Pattern] = [{"source": whole}] if whole else []
    for service in dict.fromkeys(service for service, name in found if name != _EVERYTHING):
        names = [name for other, name in found if other == service]
        branches.append({"source": [f"aws.{service}"], "detail": {"eventName": names}})
    return branches[0] if len(branches) == 1 else {"$or": branches}


def _split(label: str, found: tuple[_T, ...], pattern: Callable[[tuple[_T, ...]], Pattern]) -> dict[str, Pattern]:
    """Spread over as many rules as the length limit asks for; nearly always one."""
    patterns = list(_fitting(found, pattern)) if found else []
    if len(patterns) == 1:
        return {label: patterns[0]}
    return {f"{label}-{number}": each for number, each in enumerate(patterns, start=1)}


def _fitting(found: tuple[_T, ...], pattern: Callable[[tuple[_T, ...]], Pattern]) -> Iterator[Pattern]:
    whole = pattern(found)
    if len(json.dumps(whole, separators=(",", ":"))) <= PATTERN_LIMIT or len(found) == 1:
        yield whole
        return
    half = len(found) // 2
    yield from _fitting(found[:half], pattern)
    yield from _fitting(found[half:], pattern)


def _call_pattern(service: str, by: Pattern, names: tuple[str, ...]) -> Pattern:
    return {
        "source": [f"aws.{service}"],
        "detail-type": ["AWS API Call via CloudTrail"],
        "detail": {
            "eventSource": [f"{service}.amazonaws.com"],
            "eventName": list(names),
            "errorCode": [{"exists": False}],
            **by,
        },
    }


def _not_ours(own_roles: tuple[str, ...]) -> Pattern:
    # An IAM user's call has no sessionContext, so its absence must match as well.
    not_ours: list[object] = [
        {"exists": False},
        {"anything-but": {"suffix": [f":role/{role}" for role in own_roles]}},
    ]
    return {"userIdentity": {"sessionContext": {"sessionIssuer": {"arn": not_ours}}}}


def _union(groups: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(sorted({name for group in groups for name in group}))
