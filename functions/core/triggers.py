"""Playbook declarations → the EventBridge patterns that bring their events to the hub.

The same patterns serve the member stack, `warden send --explain` and the tests that hold every sample event against
them. Operators as in the EventBridge user guide, "Comparison operators"; a pattern is at most 2,048 characters.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from functions.core.playbook import AlarmState, ApiCall, ConfigCompliance, ConfigItem, HealthEvent, Playbook

PATTERN_LIMIT = 2048
INSPECTOR_ROLE = "warden-inspector"

# CloudTrail tells of services without a Region in one Region alone (CloudTrail user guide, "CloudTrail concepts":
# global service events), and EventBridge of them there.
GLOBAL_REGION = "us-east-1"
GLOBAL_SERVICES = ("cloudfront", "iam", "organizations")

# A deleted function closes its tickets, whichever playbook opened them.
_ALWAYS = ApiCall(names=("DeleteFunction20150331",))

Pattern = dict[str, object]


def member_roles(playbooks: Iterable[Playbook]) -> tuple[str, ...]:
    """Name every role of ours in a member account: the inspector's, and one for each playbook that writes."""
    return (INSPECTOR_ROLE, *(p.member_role for p in playbooks if p.fixable))


def member_patterns(playbooks: Iterable[Playbook]) -> dict[str, Pattern]:
    """Derive the rules of a member account: rule name suffix → event pattern.

    Calls made by our own roles are left out here and again in code. A failed call changed nothing and is left out.
    """
    playbooks = tuple(playbooks)
    triggers = [_ALWAYS, *(trigger for playbook in playbooks for trigger in playbook.triggers)]
    patterns: dict[str, Pattern] = {}
    services = sorted({t.service for t in triggers if isinstance(t, ApiCall)})
    for service in services:
        names = _union(t.names for t in triggers if isinstance(t, ApiCall) and t.service == service)
        patterns |= _api_call_patterns(service, names, member_roles(playbooks))
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
            "detail-type": ["CloudWatch Alarm State Change"],
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
    """Derive the hub bus's rules to the inspector: AWS's own events from anyone; tests and fixes from the hub only."""
    patterns: dict[str, Pattern] = {
        "inspect": {"source": [{"prefix": "aws."}]},
        "inspect-test": {"source": ["warden.test"], "account": [hub_account]},
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


def remediator_pattern(playbook: Playbook, hub_account: str) -> Pattern:
    """Derive the hub bus's rule to one remediator: findings to fix or to plan for, and people's requests."""
    return {
        "source": ["warden"],
        "account": [hub_account],
        "$or": [
            {"detail-type": ["Finding Opened"], "detail": {"playbook": [playbook.id], "mode": ["enforce", "approve"]}},
            {"detail-type": ["Fix Requested", "Undo Requested"], "detail": {"playbook": [playbook.id]}},
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


def _api_call_patterns(service: str, names: tuple[str, ...], own_roles: tuple[str, ...]) -> dict[str, Pattern]:
    """Split the names over as many rules as the length limit asks for; nearly always one."""
    pattern = _api_call_pattern(service, names, own_roles)
    if len(json.dumps(pattern, separators=(",", ":"))) <= PATTERN_LIMIT or len(names) == 1:
        return {f"{service}-calls": pattern} if len(names) > 1 else {f"{service}-{names[0]}": pattern}
    half = len(names) // 2
    first, second = names[:half], names[half:]
    return {
        f"{service}-calls-{i}": p
        for i, p in enumerate(
            [
                *_api_call_patterns(service, first, own_roles).values(),
                *_api_call_patterns(service, second, own_roles).values(),
            ],
            start=1,
        )
    }


def _api_call_pattern(service: str, names: tuple[str, ...], own_roles: tuple[str, ...]) -> Pattern:
    # An IAM user's call has no sessionContext, so its absence must match as well.
    not_ours: list[object] = [
        {"exists": False},
        {"anything-but": {"suffix": [f":role/{role}" for role in own_roles]}},
    ]
    return {
        "source": [f"aws.{service}"],
        "detail-type": ["AWS API Call via CloudTrail"],
        "detail": {
            "eventSource": [f"{service}.amazonaws.com"],
            "eventName": list(names),
            "errorCode": [{"exists": False}],
            "userIdentity": {"sessionContext": {"sessionIssuer": {"arn": not_ours}}},
        },
    }


def _union(groups: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(sorted({name for group in groups for name in group}))
