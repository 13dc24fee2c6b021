"""The member stacks: one template for every account, without code, with no more rights than the ceiling allows."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from functions.core.playbook import Playbook
from functions.core.triggers import INSPECTOR_ROLE, member_patterns
from functions.playbooks import playbooks
from stacks.config import read
from tests.stacks.templates import CONFIG, HUB, MEMBER, ORGANIZATION, REGION, Template, matches, pairs

FIXABLE = [playbook for playbook in playbooks() if playbook.fixable]
HUB_BUS = f"arn:aws:events:{REGION}:{HUB}:event-bus/warden"


def declared(playbook: Playbook, *, writes: bool) -> set[tuple[str, str]]:
    permissions = [*playbook.reads, *(playbook.writes if writes else ())]
    return {(p.action, p.resource.format(partition="aws", region="*", account=MEMBER)) for p in permissions}


@pytest.mark.parametrize("stack", ["WardenMemberAccount", "WardenMemberRegion"])
def test_a_member_template_has_no_code_and_no_assets(assembly: Any, stack: str) -> None:
    template = Template(assembly, stack)
    assert not (assembly / f"{stack}.assets.json").exists()
    kinds = {resource["Type"] for resource in template.body["Resources"].values()}
    allowed = {
        "AWS::IAM::Role",
        "AWS::Events::Rule",
        "AWS::SQS::Queue",
        "AWS::SQS::QueuePolicy",
        "AWS::CloudWatch::Alarm",
    }
    assert kinds <= allowed
    assert not {"Parameters", "Rules", "Transform", "Conditions", "Mappings"} & set(template.body)


@pytest.mark.parametrize("stack", ["WardenMemberAccount", "WardenMemberRegion"])
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


def test_only_the_hubs_inspector_and_sweep_may_read(member_account: Template) -> None:
    role = member_account.named("AWS::IAM::Role", "RoleName", INSPECTOR_ROLE)
    assert trust(role) == trusts_hub("warden-inspector", "warden-sweep")


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


def test_every_trigger_is_forwarded_by_the_forwarding_role(member_region: Template) -> None:
    rules = {rule["Name"]: rule for rule in member_region.of_type("AWS::Events::Rule")}
    patterns = {f"warden-{suffix}": pattern for suffix, pattern in member_patterns(playbooks()).items()}
    assert {name: rule["EventPattern"] for name, rule in rules.items()} == patterns
    for rule in rules.values():
        assert "EventBusName" not in rule
        assert rule["Targets"] == [
            {
                "Id": "hub",
                "Arn": HUB_BUS,
                "RoleArn": f"arn:aws:iam::{MEMBER}:role/warden-forwarder",
                "DeadLetterConfig": {"Arn": "arn:of:warden-forwarding-dlq"},
            }
        ]


def test_what_cannot_be_forwarded_is_kept_and_raises_an_alarm(member_region: Template) -> None:
    rules = [f"arn:of:{rule['Name']}" for rule in member_region.of_type("AWS::Events::Rule")]
    (policy,) = member_region.of_type("AWS::SQS::QueuePolicy")
    (allowed,) = [s for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Allow"]
    assert allowed["Condition"] == {"ArnEquals": {"aws:SourceArn": rules}}
    alarm = member_region.named("AWS::CloudWatch::Alarm", "AlarmName", "warden-forwarding-dlq")
    assert alarm["Dimensions"] == [{"Name": "QueueName", "Value": "warden-forwarding-dlq"}]


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
