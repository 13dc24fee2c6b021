"""The member stacks: one template for every account, without code, with no more rights than the ceiling allows."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from functions.core.playbook import ApiCall, ManagedPolicy, Permission, Playbook
from functions.core.triggers import INSPECTOR_ROLE, member_patterns, regional_patterns
from functions.playbooks import playbooks
from stacks.config import read
from stacks.synthesis import synthesise
from tests.stacks.templates import (
    CONFIG,
    HUB,
    MEMBER,
    MEMBER_STACKS,
    ORGANIZATION,
    REGION,
    Template,
    matches,
    member_stacks,
    pairs,
)
from tests.unit.sample_events import sample

FIXABLE = [playbook for playbook in playbooks() if playbook.fixable]
HUB_BUS = f"arn:aws:events:{REGION}:{HUB}:event-bus/warden"


def declared(playbook: Playbook, *, writes: bool) -> set[tuple[str, str]]:
    """What is granted where a deployment sets nothing."""
    permissions = [
        permission
        for permission in (*playbook.reads, *(playbook.writes if writes else ()))
        if not permission.when or playbook.defaults[permission.when]
    ]
    return {(p.action, p.resource.format(partition="aws", region="*", account=MEMBER)) for p in permissions}


@pytest.mark.parametrize("stack", MEMBER_STACKS)
def test_a_member_template_has_no_code_and_no_assets(assembly: Any, stack: str) -> None:
    template = Template(assembly, stack)
    assert not (assembly / f"{stack}.assets.json").exists()
    kinds = {resource["Type"] for resource in template.body["Resources"].values()}
    allowed = {
        "AWS::IAM::ManagedPolicy",
        "AWS::IAM::Role",
        "AWS::Events::Rule",
        "AWS::SQS::Queue",
        "AWS::SQS::QueuePolicy",
        "AWS::CloudWatch::Alarm",
    }
    assert kinds <= allowed
    assert not {"Parameters", "Rules", "Transform", "Conditions", "Mappings"} & set(template.body)


@pytest.mark.parametrize("stack", MEMBER_STACKS)
def test_a_member_template_names_no_account_but_the_hub(assembly: Any, stack: str) -> None:
    numbers = set(re.findall(r"\b\d{12}\b", Template(assembly, stack).path.read_text()))
    assert numbers <= {HUB}


def test_the_inspector_may_read_what_playbooks_declare_and_list_functions(member_account: Template) -> None:
    role = member_account.named("AWS::IAM::Role", "RoleName", INSPECTOR_ROLE)
    reads = {pair for playbook in playbooks() for pair in declared(playbook, writes=False)}
    assert pairs(role) == reads | {("lambda:ListFunctions", "*")}


@pytest.mark.parametrize("playbook", FIXABLE, ids=lambda p: str(p.id))
def test_a_playbooks_role_may_do_what_it_declares(member_account: Template, playbook: Playbook) -> None:
    role = member_account.named("AWS::IAM::Role", "RoleName", playbook.member_role)
    assert pairs(role) == declared(playbook, writes=True)


def trust(role: dict[str, Any]) -> dict[str, Any]:
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Action"] == "sts:AssumeRole"
    return {"Principal": statement["Principal"], "Condition": statement.get("Condition")}


def trusts_hub(*roles: str) -> dict[str, Any]:
    return {
        "Principal": {"AWS": f"arn:aws:iam::{HUB}:root"},
        "Condition": {
            "ArnEquals": {"aws:PrincipalArn": [f"arn:aws:iam::{HUB}:role/{name}" for name in roles]},
            "StringEquals": {"aws:PrincipalOrgID": ORGANIZATION},
        },
    }


def test_only_the_hubs_functions_that_read_may_read(member_account: Template) -> None:
    role = member_account.named("AWS::IAM::Role", "RoleName", INSPECTOR_ROLE)
    assert trust(role) == trusts_hub("warden-inspector", "warden-sweep", "warden-topology")


@pytest.mark.parametrize("playbook", FIXABLE, ids=lambda p: str(p.id))
def test_only_its_own_remediator_enters_by_a_playbooks_role(member_account: Template, playbook: Playbook) -> None:
    role = member_account.named("AWS::IAM::Role", "RoleName", playbook.member_role)
    assert trust(role) == trusts_hub(playbook.remediator)


def test_the_forwarder_may_only_put_events_on_the_hubs_bus(member_account: Template) -> None:
    role = member_account.named("AWS::IAM::Role", "RoleName", "warden-forwarder")
    assert pairs(role) == {("events:PutEvents", HUB_BUS)}
    assert trust(role) == {
        "Principal": {"Service": "events.amazonaws.com"},
        "Condition": {"StringEquals": {"aws:SourceAccount": MEMBER}},
    }


@pytest.mark.parametrize(
    ("modes", "ceilings", "there"),
    [
        ("observe", {"default": "enforce"}, False),
        ("enforce", {"default": "observe"}, False),
        ("enforce", {"default": "observe", "ous": {"ou-ab12-abcdefgh": "approve"}}, True),
        ("approve", {"default": "observe", "accounts": {MEMBER: "enforce"}}, True),
    ],
)
def test_what_may_nowhere_be_fixed_has_no_role_that_could(
    synthesised: Any, modes: str, ceilings: dict[str, Any], *, there: bool
) -> None:
    config = read({**CONFIG, "modes": {p.id: modes for p in playbooks()}, "ceilings": ceilings}, playbooks())
    roles = {role["RoleName"] for role in synthesised(config, "WardenMemberAccount").of_type("AWS::IAM::Role")}
    fixing = {playbook.member_role for playbook in FIXABLE} if there else set()
    assert roles == {INSPECTOR_ROLE, "warden-forwarder"} | fixing


SEND = ManagedPolicy(
    name="warden-quarantine-send",
    permissions=(Permission("sqs:SendMessage", "arn:{partition}:sqs:{region}:{account}:warden-q-*"),),
)
SENDING = replace(FIXABLE[0], managed_policies=(SEND,))


def test_a_policy_that_fixes_attach_is_in_each_member_and_attached_to_nothing(tmp_path: Path) -> None:
    ceilings = {"default": "observe", "accounts": {MEMBER: "approve"}}
    assembly = member_stacks(SENDING, tmp_path, modes={SENDING.id: "enforce"}, ceilings=ceilings)
    (policy,) = Template(assembly, "WardenMemberAccount").of_type("AWS::IAM::ManagedPolicy")
    assert not {"Roles", "Users", "Groups"} & set(policy)
    # Without a path of its own it is where a condition on its ARN looks for it.
    assert (policy["ManagedPolicyName"], policy["Path"]) == ("warden-quarantine-send", "/")
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement == {
        "Effect": "Allow",
        "Action": "sqs:SendMessage",
        "Resource": f"arn:aws:sqs:*:{MEMBER}:warden-q-*",
    }


@pytest.mark.parametrize(("mode", "ceiling"), [("observe", "enforce"), ("enforce", "observe")])
def test_where_nothing_may_be_fixed_there_is_nothing_to_attach(tmp_path: Path, mode: str, ceiling: str) -> None:
    assembly = member_stacks(SENDING, tmp_path, modes={SENDING.id: mode}, ceilings={"default": ceiling})
    assert not Template(assembly, "WardenMemberAccount").of_type("AWS::IAM::ManagedPolicy")


FORWARDING = [("WardenMemberRegion", "warden-forwarding-dlq"), ("WardenMemberGlobal", "warden-global-forwarding-dlq")]


@pytest.mark.parametrize(("stack", "dead_letters"), FORWARDING)
def test_what_is_forwarded_goes_by_the_forwarding_role(assembly: Path, stack: str, dead_letters: str) -> None:
    rules = Template(assembly, stack).of_type("AWS::Events::Rule")
    assert rules
    for rule in rules:
        assert "EventBusName" not in rule
        assert rule["Targets"] == [
            {
                "Id": "hub",
                "Arn": HUB_BUS,
                "RoleArn": f"arn:aws:iam::{MEMBER}:role/warden-forwarder",
                "DeadLetterConfig": {"Arn": f"arn:of:{dead_letters}"},
            }
        ]


@pytest.mark.parametrize(("stack", "dead_letters"), FORWARDING)
def test_what_cannot_be_forwarded_is_kept_and_raises_an_alarm(assembly: Path, stack: str, dead_letters: str) -> None:
    template = Template(assembly, stack)
    rules = [f"arn:of:{rule['Name']}" for rule in template.of_type("AWS::Events::Rule")]
    (policy,) = template.of_type("AWS::SQS::QueuePolicy")
    (allowed,) = [s for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Allow"]
    assert allowed["Condition"] == {"ArnEquals": {"aws:SourceArn": rules}}
    alarm = template.named("AWS::CloudWatch::Alarm", "AlarmName", dead_letters)
    assert alarm["Dimensions"] == [{"Name": "QueueName", "Value": dead_letters}]


def test_every_trigger_is_in_one_of_the_two_stacks(member_region: Template, member_global: Template) -> None:
    """Each once: in us-east-1, where both may be, an event would otherwise be forwarded twice."""
    rules = [*member_region.of_type("AWS::Events::Rule"), *member_global.of_type("AWS::Events::Rule")]
    patterns = {f"warden-{suffix}": pattern for suffix, pattern in member_patterns(playbooks()).items()}
    assert {rule["Name"]: rule["EventPattern"] for rule in rules} == patterns
    assert len(rules) == len(patterns)


def test_only_services_without_a_region_are_in_the_stack_for_them(
    member_region: Template, member_global: Template
) -> None:
    assert {rule["EventPattern"]["source"][0] for rule in member_global.of_type("AWS::Events::Rule")} == {"aws.iam"}
    assert "aws.iam" not in {rule["EventPattern"]["source"][0] for rule in member_region.of_type("AWS::Events::Rule")}


def test_both_stacks_fit_into_one_account_and_region(member_region: Template, member_global: Template) -> None:
    """Where us-east-1 is governed, both are there."""
    kinds = {"AWS::Events::Rule": "Name", "AWS::SQS::Queue": "QueueName", "AWS::CloudWatch::Alarm": "AlarmName"}
    for kind, key in kinds.items():
        one, two = ({found[key] for found in stack.of_type(kind)} for stack in (member_region, member_global))
        assert one, kind
        assert two, kind
        assert not one & two


def test_where_nothing_asks_for_them_there_is_no_stack_for_services_without_a_region(tmp_path: Path) -> None:
    regional = replace(FIXABLE[0], triggers=(ApiCall(("CreateFunction20150331",)),))
    synthesise(read(CONFIG, [regional]), tmp_path, [regional])
    assert (tmp_path / "WardenMemberRegion.template.json").exists()
    assert not (tmp_path / "WardenMemberGlobal.template.json").exists()
    assert regional_patterns([regional]) == member_patterns([regional])


# Alarm → metric, and how often in a minute is too often.
BY_FUNCTION = {
    "warden-recursion-dropped": ("RecursiveInvocationsDropped", 0),
    "warden-invocations": ("Invocations", 600),
}


@pytest.mark.parametrize("name", BY_FUNCTION)
def test_one_alarm_tells_of_every_function_by_its_name(member_region: Template, name: str) -> None:
    metric, most = BY_FUNCTION[name]
    alarm = member_region.named("AWS::CloudWatch::Alarm", "AlarmName", name)
    (query,) = alarm["Metrics"]
    # CloudWatch user guide, "Alarm data queries": both GROUP BY and ORDER BY are needed for contributors.
    assert query == {
        "Id": "functions",
        "Expression": f'SELECT SUM({metric}) FROM SCHEMA("AWS/Lambda", FunctionName)'  # noqa: S608 - of metrics
        " GROUP BY FunctionName ORDER BY SUM() DESC",
        "Period": 60,
        "ReturnData": True,
    }
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanThreshold", most)
    assert alarm["EvaluationPeriods"] == 1
    # With these beside the queries, CloudFormation would refuse the alarm.
    assert not {"Namespace", "MetricName", "Dimensions", "Period", "Statistic"} & set(alarm)
    assert "lambda-warden looks at" in alarm["AlarmDescription"]


@pytest.mark.parametrize("name", ["alarm-with-contributors", *(f"cloudwatch-contributor-{n[7:]}" for n in BY_FUNCTION)])
def test_what_the_test_events_say_of_these_alarms_is_what_they_are(member_region: Template, name: str) -> None:
    detail = sample(name)["detail"]
    alarm = member_region.named("AWS::CloudWatch::Alarm", "AlarmName", detail["alarmName"])
    (query,) = detail["configuration"]["metrics"]
    assert [{key[:1].upper() + key[1:]: value for key, value in query.items()}] == alarm["Metrics"]
    assert detail["configuration"]["description"] == alarm["AlarmDescription"]


def test_the_alarm_on_throttles_is_of_the_whole_account_and_is_forwarded(member_region: Template) -> None:
    alarm = member_region.named("AWS::CloudWatch::Alarm", "AlarmName", "warden-throttles")
    assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/Lambda", "Throttles")
    assert "Dimensions" not in alarm
    change = {
        "source": "aws.cloudwatch",
        "account": MEMBER,
        "detail-type": "CloudWatch Alarm State Change",
        "detail": {"alarmName": alarm["AlarmName"], "state": {"value": "ALARM"}},
    }
    rules = member_region.of_type("AWS::Events::Rule")
    assert any(matches(rule["EventPattern"], change) for rule in rules)
    assert not any(
        matches(rule["EventPattern"], json.loads(json.dumps(change).replace("ALARM", "OK"))) for rule in rules
    )
