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
    Wiring,
)
from functions.core.triggers import (
    INSPECTOR_ROLE,
    PATTERN_LIMIT,
    Pattern,
    forged_pattern,
    global_patterns,
    inspect_patterns,
    member_patterns,
    member_roles,
    regional_patterns,
    remediator_pattern,
    ticket_pattern,
    topology_patterns,
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


SERVICES = ("events", "iam", "lambda", "logs", "pipes", "s3", "scheduler", "sns", "sqs", "states")
WIRED = made_up(
    25,
    # Two of them, one of each service, are looked at as well.
    ApiCall(("CreateFunction20150331",)),
    ApiCall(("AttachRolePolicy",), service="iam"),
    Wiring(("CreateFunction20150331", "CreateEventSourceMapping20150331"), "lambda"),
    Wiring(("AttachRolePolicy", "CreatePolicyVersion"), "iam"),
    Wiring(("PutBucketNotification",), "s3"),
)
# As many calls as there may ever be.
WIRED_WIDELY = made_up(
    26, *(Wiring(tuple(f"PutSomethingThatConnects{n:02}" for n in range(20)), service) for service in SERVICES)
)


def hub_patterns(found: tuple[Playbook, ...]) -> dict[str, Pattern]:
    return {
        **inspect_patterns(HUB, found),
        **topology_patterns(HUB, found),
        **{p.id: remediator_pattern(p, HUB) for p in found},
        "ticket": ticket_pattern(HUB),
        "forged": forged_pattern(HUB),
    }


@pytest.mark.parametrize(
    "found",
    [playbooks(), MANY, (*playbooks(), *MANY, WIRED, WIRED_WIDELY)],
    ids=["those here", "25", "all"],
)
def test_every_pattern_is_within_the_limit(found: tuple[Playbook, ...]) -> None:
    for name, pattern in {**member_patterns(found), **hub_patterns(found)}.items():
        assert len(json.dumps(pattern, separators=(",", ":"))) <= PATTERN_LIMIT == 2048, name


def names_in(patterns: dict[str, Any], service: str) -> list[str]:
    return [name for p in patterns.values() if p["source"] == [f"aws.{service}"] for name in p["detail"]["eventName"]]


def test_calls_that_connect_split_over_several_rules_are_all_there_once() -> None:
    named = made_up(1, Wiring(tuple(f"{'PutSomethingThatConnects' * 3}{n:02}" for n in range(60)), "sns"))
    patterns: dict[str, Any] = member_patterns([named])
    assert sum(name.startswith("sns-wiring-") for name in patterns) > 1
    (trigger,) = named.triggers
    assert isinstance(trigger, Wiring)
    assert sorted(names_in(patterns, "sns")) == sorted(trigger.names)
    hub = topology_patterns(HUB, [named])
    assert sum(name.startswith("topology-test-") for name in hub) > 1
    for name in trigger.names:
        assert passed(hub, wiring("sns", name)) in [{f"topology-{n}"} for n in range(1, len(hub))]


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


def wiring(service: str, name: str, **detail: object) -> dict[str, Any]:
    """A call of a service by somebody else, unless told otherwise."""
    event = call_of(eventSource=f"{service}.amazonaws.com", eventName=name, **detail)
    return {**event, "source": f"aws.{service}", "region": "us-east-1" if service == "iam" else event["region"]}


def passed(patterns: dict[str, Pattern], event: dict[str, Any]) -> set[str]:
    return {name for name, pattern in patterns.items() if matches(pattern, event)}


CALLS = {
    ("lambda", "CreateFunction20150331"): ("lambda-wiring", {"inspect", "topology"}),
    ("lambda", "CreateEventSourceMapping20150331"): ("lambda-wiring", {"topology"}),
    ("lambda", "DeleteFunction20150331"): ("lambda-DeleteFunction20150331", {"inspect"}),
    ("iam", "AttachRolePolicy"): ("iam-wiring", {"inspect", "topology"}),
    ("iam", "CreatePolicyVersion"): ("iam-wiring", {"topology"}),
    ("s3", "PutBucketNotification"): ("s3-wiring", {"topology"}),
}


@pytest.mark.parametrize("call", CALLS, ids="-".join)
def test_a_call_leaves_the_member_once_and_reaches_those_it_concerns(call: tuple[str, str]) -> None:
    rule, reached = CALLS[call]
    assert passed(member_patterns([WIRED]), wiring(*call)) == {rule}
    assert passed(hub_patterns((WIRED,)), wiring(*call)) == reached


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
@pytest.mark.parametrize("role", member_roles([WIRED]))
@pytest.mark.parametrize("call", CALLS, ids="-".join)
def test_what_our_own_fixes_connect_is_followed_as_well(call: tuple[str, str], role: str, partition: str) -> None:
    rule, _ = CALLS[call]
    arn = f"arn:{partition}:iam::{MEMBER}:role/{role}"
    event = wiring(*call, userIdentity={"type": "AssumedRole", "sessionContext": {"sessionIssuer": {"arn": arn}}})
    assert passed(member_patterns([WIRED]), event) == ({rule} if rule.endswith("-wiring") else set())


@pytest.mark.parametrize("call", CALLS, ids="-".join)
def test_a_failed_call_connects_nothing(call: tuple[str, str]) -> None:
    assert not passed(member_patterns([WIRED]), wiring(*call, errorCode="AccessDenied"))


def test_what_connects_through_a_service_without_a_region_is_told_where_its_events_are() -> None:
    assert set(global_patterns([WIRED])) == {"iam-wiring"}
    assert set(regional_patterns([WIRED])) == {"lambda-DeleteFunction20150331", "lambda-wiring", "s3-wiring"}


@pytest.mark.parametrize("call", CALLS, ids="-".join)
def test_a_test_of_what_connects_reaches_the_topology_function_from_the_hub_only(call: tuple[str, str]) -> None:
    _, reached = CALLS[call]
    event = {**sample("custom-wrapped", account=HUB), "detail": {"event": wiring(*call)}}
    wanted = {"inspect-test"} | ({"topology-test"} if "topology" in reached else set())
    assert passed(hub_patterns((WIRED,)), event) == wanted
    assert passed(hub_patterns((WIRED,)), {**event, "account": MEMBER}) == {"forged"}


def test_a_call_is_told_from_one_of_the_same_name_of_another_service() -> None:
    secrets = ApiCall(("PutResourcePolicy",), service="secretsmanager")
    hub = hub_patterns((made_up(1, secrets, Wiring(("PutResourcePolicy",), "lambda")),))
    assert passed(hub, wiring("secretsmanager", "PutResourcePolicy")) == {"inspect"}
    assert passed(hub, wiring("lambda", "PutResourcePolicy")) == {"topology"}


def test_the_inspector_gets_every_kind_of_event_that_a_playbook_asks_for_and_no_other() -> None:
    kinds: dict[str, tuple[Trigger, ...]] = {
        "cloudtrail-delete-function": (),
        "cloudtrail-create-function": (ApiCall(("CreateFunction20150331",)),),
        "config-compliance-change": (ConfigCompliance(("lambda-concurrency-check",)),),
        "config-item-change": (ConfigItem(),),
        "health-runaway": (HealthEvent(("AWS_LAMBDA_RUNAWAY_TERMINATION_NOTIFICATION",)),),
        "alarm-throttles": (AlarmState("warden-throttles"),),
        "cloudwatch-contributor-invocations": (AlarmState("warden-invocations"),),
    }
    for name, triggers in kinds.items():
        assert passed(hub_patterns((made_up(1, *triggers),)), sample(name)) == {"inspect"}, name
        assert not triggers or not passed(hub_patterns((made_up(1),)), sample(name)), name


def test_where_nothing_is_followed_there_is_no_rule_for_it() -> None:
    assert not topology_patterns(HUB, MANY)
    assert not [name for name in member_patterns(MANY) if "wiring" in name]


@pytest.mark.parametrize("name", ["alarm-with-contributors", "cloudwatch-contributor-invocations"])
def test_an_alarm_over_many_functions_is_forwarded_with_its_contributors(name: str) -> None:
    patterns = member_patterns([made_up(1, AlarmState("warden-invocations"))])
    assert passed(patterns, sample(name)) == {"alarm"}
    ended = sample(name)
    ended["detail"]["state"]["value"] = "OK"
    assert not passed(patterns, ended)
    assert not passed(member_patterns([made_up(1, AlarmState("warden-throttles"))]), sample(name))


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
