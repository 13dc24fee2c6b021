"""Rules derived from declarations: within EventBridge's limits, with our own calls left out."""

import json
from typing import Any

import pytest

from functions.core.playbook import (
    AlarmState,
    ApiCall,
    ConfigCompliance,
    ConfigItem,
    HealthEvent,
    Mode,
    Permission,
    Playbook,
    Severity,
    Trigger,
)
from functions.core.triggers import (
    INSPECTOR_ROLE,
    PATTERN_LIMIT,
    Pattern,
    forged_pattern,
    inspect_patterns,
    member_patterns,
    member_roles,
    remediator_pattern,
    ticket_pattern,
)
from functions.playbooks import playbooks

from .event_rules import matches
from .sample_events import HUB, MEMBER, call_of, sample

READ = Permission("lambda:GetFunction", "*", why_any="made up")


def made_up(number: int, *triggers: Trigger, writes: bool = True) -> Playbook:
    return Playbook(
        id=f"a-problem-with-a-long-name-{number:02}",
        title=f"Problem {number}",
        severity=Severity.LOW,
        mode=Mode.OBSERVE,
        triggers=triggers,
        reads=(READ,),
        writes=(READ,) if writes else (),
    )


def calls(number: int) -> ApiCall:
    """Eight calls, two of them of this playbook alone."""
    shared = ("CreateFunction20150331", "UpdateFunctionConfiguration20150331v2", "UpdateFunctionCode20150331v2")
    more = ("PutFunctionEventInvokeConfig", "CreateEventSourceMapping20150331", "AddPermission20150331v2")
    return ApiCall((*shared, *more, f"CreateSomethingNew{number:02}20150331v2", f"UpdateSomethingNew{number:02}"))


MANY = tuple(
    made_up(
        number,
        calls(number),
        ApiCall((f"PutBucketNotification{number:02}",), service="s3"),
        ConfigCompliance((f"lambda-function-settings-check-{number:02}",)),
        ConfigItem(),
        HealthEvent((f"AWS_LAMBDA_MADE_UP_NOTIFICATION_{number:02}",)),
        AlarmState(f"warden-made-up-{number:02}"),
    )
    for number in range(25)
)


def hub_patterns(found: tuple[Playbook, ...]) -> dict[str, Pattern]:
    return {
        **inspect_patterns(HUB, found),
        **{p.id: remediator_pattern(p, HUB) for p in found},
        "ticket": ticket_pattern(HUB),
        "forged": forged_pattern(HUB),
    }


@pytest.mark.parametrize("found", [playbooks(), MANY, (*playbooks(), *MANY)], ids=["those here", "25", "all"])
def test_every_pattern_is_within_the_limit(found: tuple[Playbook, ...]) -> None:
    for name, pattern in {**member_patterns(found), **hub_patterns(found)}.items():
        assert len(json.dumps(pattern, separators=(",", ":"))) <= PATTERN_LIMIT == 2048, name


def test_calls_split_over_several_rules_are_all_there_once() -> None:
    patterns: dict[str, Any] = member_patterns(MANY)
    lambda_rules = [p["detail"]["eventName"] for name, p in patterns.items() if name.startswith("lambda-")]
    assert len(lambda_rules) > 1
    names = [name for rule in lambda_rules for name in rule]
    wanted = {
        name for p in MANY for t in p.triggers if isinstance(t, ApiCall) and t.service == "lambda" for name in t.names
    }
    assert sorted(names) == sorted(wanted | {"DeleteFunction20150331"})


def test_each_call_of_many_playbooks_passes_exactly_one_rule() -> None:
    patterns = member_patterns(MANY)
    for name in ("CreateFunction20150331", "UpdateSomethingNew24", "DeleteFunction20150331"):
        event = call_of(eventName=name)
        assert sum(matches(pattern, event) for pattern in patterns.values()) == 1


def test_a_service_has_rules_of_its_own() -> None:
    patterns = member_patterns([made_up(1, ApiCall(("PutBucketNotification",), service="s3"))])
    event = sample("cloudtrail-create-function", source="aws.s3")
    event["detail"] |= {"eventSource": "s3.amazonaws.com", "eventName": "PutBucketNotification"}
    assert [name for name, pattern in patterns.items() if matches(pattern, event)] == ["s3-PutBucketNotification"]


def test_a_deleted_function_is_told_whatever_the_playbooks_ask_for() -> None:
    patterns = member_patterns([])
    assert any(matches(pattern, sample("cloudtrail-delete-function")) for pattern in patterns.values())
    assert len(patterns) == 1


def test_no_rule_where_nothing_asks_for_one() -> None:
    assert set(member_patterns([made_up(1, ConfigItem())])) == {"lambda-DeleteFunction20150331", "config-item"}


def test_our_roles_are_the_inspectors_and_one_for_each_playbook_that_writes() -> None:
    found = [made_up(1, ConfigItem()), made_up(2, ConfigItem(), writes=False)]
    assert member_roles(found) == (INSPECTOR_ROLE, "warden-a-problem-with-a-long-name-01")


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
@pytest.mark.parametrize("role", member_roles(MANY))
def test_calls_of_our_own_roles_pass_no_rule(role: str, partition: str) -> None:
    event = call_of()
    event["detail"]["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"] = (
        f"arn:{partition}:iam::{MEMBER}:role/{role}"
    )
    assert not any(matches(pattern, event) for pattern in member_patterns(MANY).values())


@pytest.mark.parametrize(
    "identity",
    [
        {"type": "IAMUser", "userName": "deployer"},
        {"type": "Root"},
        {"type": "AWSService", "invokedBy": "autoscaling.amazonaws.com"},
        {"type": "AssumedRole", "sessionContext": {"sessionIssuer": {"arn": f"arn:aws:iam::{MEMBER}:role/Dev"}}},
        {"type": "AssumedRole", "sessionContext": {"attributes": {"mfaAuthenticated": "false"}}},
        {"type": "AssumedRole", "sessionContext": {"sessionIssuer": {"arn": f"arn:aws:iam::{MEMBER}:role/a/warden-x"}}},
    ],
)
def test_calls_of_everybody_else_pass(identity: dict[str, Any]) -> None:
    event = call_of(userIdentity=identity)
    assert any(matches(pattern, event) for pattern in member_patterns(MANY).values())


def test_failed_calls_pass_no_rule() -> None:
    event = call_of(errorCode="AccessDenied", errorMessage="no", responseElements=None)
    assert not any(matches(pattern, event) for pattern in member_patterns(MANY).values())


@pytest.mark.parametrize("source", ["warden", "warden.test", "warden.sweep", "my.app", "awsome.app", ""])
def test_only_the_hub_may_send_what_is_not_from_aws(source: str) -> None:
    event = sample("forged-finding", source=source)
    assert matches(forged_pattern(HUB), event)
    assert not matches(forged_pattern(HUB), {**event, "account": HUB})


def test_events_of_aws_are_never_taken_for_forged_by_their_source() -> None:
    assert not matches(forged_pattern(HUB), sample("cloudtrail-create-function"))
