"""The hub stack: queues before functions, patterns that believe no one, roles that may do what they must."""

from __future__ import annotations

import json
from typing import Any

import pytest

from functions.core.triggers import INSPECTOR_ROLE
from functions.playbooks import playbooks
from stacks.config import read
from tests.stacks.templates import CONFIG, HUB, MEMBER, ORGANIZATION, REGION, Template, matches, pairs, statements

WORKERS = {
    "warden-inspector": "warden-inspect",
    "warden-ticket": "warden-ticket",
    "warden-sweep": "warden-sweep",
    "warden-topology": "warden-topology",
    **{p.remediator: f"warden-fix-{p.id}" for p in playbooks() if p.fixable},
}
MAX_RECEIVES = {"warden-ticket": 1000, "warden-sweep": 3}


def function(hub: Template, name: str) -> dict[str, Any]:
    return hub.named("AWS::Lambda::Function", "FunctionName", name)


def rules(hub: Template) -> dict[str, dict[str, Any]]:
    return {rule["Name"]: rule for rule in hub.of_type("AWS::Events::Rule")}


def test_there_is_one_function_for_each_stage_and_one_for_each_fixable_playbook(hub: Template) -> None:
    assert {f["FunctionName"] for f in hub.of_type("AWS::Lambda::Function")} == set(WORKERS)


@pytest.mark.parametrize("name", WORKERS)
def test_a_function_is_fed_by_its_queue_with_partial_batches(hub: Template, name: str) -> None:
    source = hub.named("AWS::Lambda::EventSourceMapping", "FunctionName", name)
    assert source["EventSourceArn"] == f"arn:of:{WORKERS[name]}"
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["BatchSize"] == 10
    assert "MaximumBatchingWindowInSeconds" not in source
    assert 2 <= source["ScalingConfig"]["MaximumConcurrency"] <= 10


@pytest.mark.parametrize("name", WORKERS)
def test_a_queue_outlasts_its_function_and_has_dead_letters(hub: Template, name: str) -> None:
    queue = hub.named("AWS::SQS::Queue", "QueueName", WORKERS[name])
    assert queue["VisibilityTimeout"] >= 6 * function(hub, name)["Timeout"]
    assert queue["RedrivePolicy"] == {
        "deadLetterTargetArn": f"arn:of:{WORKERS[name]}-dlq",
        "maxReceiveCount": MAX_RECEIVES.get(WORKERS[name], 5),
    }
    dead = hub.named("AWS::SQS::Queue", "QueueName", f"{WORKERS[name]}-dlq")
    assert dead["MessageRetentionPeriod"] == 14 * 86_400
    assert queue["SqsManagedSseEnabled"]
    assert dead["SqsManagedSseEnabled"]


@pytest.mark.parametrize("name", WORKERS)
def test_dead_letters_raise_an_alarm(hub: Template, name: str) -> None:
    alarm = hub.named("AWS::CloudWatch::Alarm", "AlarmName", f"{WORKERS[name]}-dlq")
    assert alarm["Dimensions"] == [{"Name": "QueueName", "Value": f"{WORKERS[name]}-dlq"}]
    assert alarm["Threshold"] == 1


@pytest.mark.parametrize("name", WORKERS)
def test_a_function_runs_on_arm_under_a_role_of_its_own_name_and_reserves_nothing(hub: Template, name: str) -> None:
    found = function(hub, name)
    assert found["Role"] == f"arn:of:{name}"
    assert found["Architectures"] == ["arm64"]
    assert found["Runtime"] == "python3.13"
    assert "ReservedConcurrentExecutions" not in found
    logs = hub.named("AWS::Logs::LogGroup", "LogGroupName", f"/aws/lambda/{name}")
    assert logs["RetentionInDays"] == 90
    assert found["LoggingConfig"] == {"LogGroup": f"/aws/lambda/{name}"}


@pytest.mark.parametrize("name", WORKERS)
def test_a_function_is_told_where_everything_is(hub: Template, name: str) -> None:
    variables = function(hub, name)["Environment"]["Variables"]
    assert {key: variables[key] for key in ("WARDEN_TABLE", "WARDEN_BUS", "WARDEN_HUB_ACCOUNT")} == {
        "WARDEN_TABLE": "warden-state",
        "WARDEN_BUS": "warden",
        "WARDEN_HUB_ACCOUNT": HUB,
    }
    assert variables["WARDEN_QUEUE_URL"] == WORKERS[name]
    assert variables["WARDEN_DLQ_URL"] == f"{WORKERS[name]}-dlq"
    assert variables["WARDEN_MAX_RECEIVES"] == str(MAX_RECEIVES.get(WORKERS[name], 5))
    assert variables["POWERTOOLS_SERVICE_NAME"] == name


def test_each_function_is_told_its_own_part(hub: Template) -> None:
    inspector = function(hub, "warden-inspector")["Environment"]["Variables"]
    assert json.loads(inspector["WARDEN_POLICY"])["modes"] == {p.id: "enforce" for p in playbooks()}
    assert inspector["WARDEN_SWEEP_QUEUE_URL"] == "warden-sweep"
    for playbook in playbooks():
        if playbook.fixable:
            remediator = function(hub, playbook.remediator)["Environment"]["Variables"]
            assert remediator["WARDEN_PLAYBOOK"] == playbook.id
            assert json.loads(remediator["WARDEN_POLICY"])["modes"] == {playbook.id: "enforce"}
    ticket = function(hub, "warden-ticket")["Environment"]["Variables"]
    assert ticket["WARDEN_SLACK_SECRET"] == "arn:of:warden/slack"
    assert ticket["WARDEN_SLACK_CHANNEL"] == CONFIG["slack"]["channel"]
    assert ticket["WARDEN_SLACK_API_URL"] == "https://slack.com/api/"
    assert ticket["WARDEN_DIGEST_AFTER"] == "10"
    sweep = function(hub, "warden-sweep")["Environment"]["Variables"]
    assert sweep["WARDEN_INSPECT_QUEUE_URL"] == "warden-inspect"
    assert sweep["WARDEN_TOPOLOGY_QUEUE_URL"] == "warden-topology"
    assert sweep["WARDEN_REGIONS"] == REGION
    topology = function(hub, "warden-topology")["Environment"]["Variables"]
    assert topology["WARDEN_INSPECT_QUEUE_URL"] == "warden-inspect"
    assert topology["WARDEN_REGIONS"] == REGION


def test_reading_what_is_connected_may_take_as_long_as_a_function_may_run(hub: Template) -> None:
    """Lambda quotas: 900 seconds; SQS quotas: a message can be hidden for 12 hours."""
    assert function(hub, "warden-topology")["Timeout"] == 900
    assert function(hub, "warden-topology")["MemorySize"] == 1024
    assert hub.named("AWS::SQS::Queue", "QueueName", "warden-topology")["VisibilityTimeout"] == 5400
    source = hub.named("AWS::Lambda::EventSourceMapping", "FunctionName", "warden-topology")
    assert source["ScalingConfig"] == {"MaximumConcurrency": 2}


def test_each_function_that_is_no_remediator_raises_an_alarm_on_errors(hub: Template) -> None:
    for name in ("warden-inspector", "warden-ticket", "warden-sweep", "warden-topology"):
        alarm = hub.named("AWS::CloudWatch::Alarm", "AlarmName", f"{name}-errors")
        assert alarm["Dimensions"] == [{"Name": "FunctionName", "Value": name}]
        assert (alarm["MetricName"], alarm["Threshold"]) == ("Errors", 1)


def event(source: str, account: str, kind: str = "Finding Opened", **detail: str) -> dict[str, Any]:
    return {"source": source, "account": account, "region": REGION, "detail-type": kind, "detail": detail}


def targets_of(hub: Template, sent: dict[str, Any]) -> set[str]:
    """The queues that an event on the hub bus reaches."""
    return {
        target["Arn"].removeprefix("arn:of:")
        for rule in rules(hub).values()
        if "EventPattern" in rule and rule["EventBusName"] == "warden" and matches(rule["EventPattern"], sent)
        for target in rule["Targets"]
    }


@pytest.mark.parametrize("playbook", [p for p in playbooks() if p.fixable], ids=lambda p: str(p.id))
def test_the_hubs_own_findings_reach_the_ticket_and_when_enforced_the_remediator(hub: Template, playbook: Any) -> None:
    fixes = f"warden-fix-{playbook.id}"
    enforced = event("warden", HUB, playbook=playbook.id, mode="enforce")
    observed = event("warden", HUB, playbook=playbook.id, mode="observe")
    asked = event("warden", HUB, "Fix Requested", playbook=playbook.id)
    other = event("warden", HUB, playbook="another", mode="enforce")
    assert targets_of(hub, enforced) == {"warden-ticket", fixes}
    assert targets_of(hub, observed) == {"warden-ticket"}
    assert targets_of(hub, asked) == {"warden-ticket", fixes}
    assert targets_of(hub, other) == {"warden-ticket"}


@pytest.mark.parametrize("source", ["warden", "warden.test", "warden.sweep", "custom"])
@pytest.mark.parametrize("kind", ["Finding Opened", "Fix Requested", "Undo Requested", "Inspection Requested"])
def test_what_a_member_sends_in_our_name_reaches_the_ticket_function_alone(
    hub: Template, source: str, kind: str
) -> None:
    for playbook in playbooks():
        forged = event(source, MEMBER, kind, playbook=playbook.id, mode="enforce")
        assert targets_of(hub, forged) == {"warden-ticket"}


def test_every_rule_about_our_own_sources_matches_the_hubs_account_only(hub: Template) -> None:
    for name, rule in rules(hub).items():
        pattern = rule.get("EventPattern", {})
        if any(isinstance(source, str) and source.startswith("warden") for source in pattern.get("source", [])):
            assert pattern["account"] == [HUB], name


def test_events_of_aws_reach_the_inspector_from_every_account(hub: Template) -> None:
    for account in (HUB, MEMBER):
        assert targets_of(hub, event("aws.config", account, "Config Configuration Item Change")) == {"warden-inspect"}
        call = event("aws.lambda", account, "AWS API Call via CloudTrail", eventName="TagResource20170331v2")
        assert targets_of(hub, call) == {"warden-inspect"}
    assert targets_of(hub, event("warden.test", HUB, "AWS API Call via CloudTrail")) == {"warden-inspect"}


def test_the_sweep_starts_once_a_day_on_the_default_bus(hub: Template) -> None:
    daily = rules(hub)["warden-sweep"]
    assert daily["ScheduleExpression"] == "rate(1 day)"
    assert "EventBusName" not in daily
    assert [target["Arn"] for target in daily["Targets"]] == ["arn:of:warden-sweep"]


def test_a_rule_may_send_to_its_own_queue_only_and_keeps_what_it_cannot_deliver(hub: Template) -> None:
    for name, rule in rules(hub).items():
        (target,) = rule["Targets"]
        queue = target["Arn"].removeprefix("arn:of:")
        assert target["DeadLetterConfig"] == {"Arn": f"arn:of:{queue}-dlq"}
        for sent_to in (queue, f"{queue}-dlq"):
            (policy,) = [p for p in hub.of_type("AWS::SQS::QueuePolicy") if p["Queues"] == [sent_to]]
            allowed = [s for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Allow"]
            assert all(s["Principal"] == {"Service": "events.amazonaws.com"} for s in allowed)
            assert [f"arn:of:{name}"] in [s["Condition"]["ArnEquals"]["aws:SourceArn"] for s in allowed]


def test_the_bus_admits_the_forwarding_role_of_the_organization_only(hub: Template) -> None:
    (policy,) = hub.of_type("AWS::Events::EventBusPolicy")
    assert policy == {
        "EventBusName": "warden",
        "StatementId": "MembersForwardEvents",
        "Statement": {
            "Effect": "Allow",
            "Principal": "*",
            "Action": "events:PutEvents",
            "Resource": "arn:of:warden",
            "Condition": {
                "ArnLike": {"aws:PrincipalArn": "arn:*:iam::*:role/warden-forwarder"},
                "StringEquals": {"aws:PrincipalOrgID": ORGANIZATION},
            },
        },
    }


def test_without_an_organization_the_bus_admits_the_listed_accounts(synthesised: Any) -> None:
    config = read({**CONFIG, "organization_id": None, "accounts": [MEMBER, "333333333333"]}, playbooks())
    (policy,) = synthesised(config, "WardenHub").of_type("AWS::Events::EventBusPolicy")
    statement = policy["Statement"]
    assert statement["Principal"] == {"AWS": [f"arn:aws:iam::{MEMBER}:root", "arn:aws:iam::333333333333:root"]}
    assert statement["Condition"] == {"ArnLike": {"aws:PrincipalArn": "arn:*:iam::*:role/warden-forwarder"}}


def test_the_table_keeps_what_undo_needs(hub: Template) -> None:
    table = hub.named("AWS::DynamoDB::Table", "TableName", "warden-state")
    assert table["DeletionProtectionEnabled"]
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires", "Enabled": True}
    (index,) = table["GlobalSecondaryIndexes"]
    assert index["IndexName"] == "tickets"
    assert index["Projection"] == {"ProjectionType": "ALL"}
    (resource,) = [r for r in hub.body["Resources"].values() if r["Type"] == "AWS::DynamoDB::Table"]
    assert resource["DeletionPolicy"] == "Retain"


def test_the_slack_secret_is_made_without_a_value(hub: Template) -> None:
    secret = hub.named("AWS::SecretsManager::Secret", "Name", "warden/slack")
    assert set(secret) == {"Name", "Description"}


def sqs(name: str) -> str:
    return f"arn:aws:sqs:{REGION}:{HUB}:{name}"


TABLE = f"arn:aws:dynamodb:{REGION}:{HUB}:table/warden-state"
BUS = f"arn:aws:events:{REGION}:{HUB}:event-bus/warden"
READ_ACCOUNTS = ("sts:AssumeRole", f"arn:aws:iam::*:role/{INSPECTOR_ROLE}")


def own(name: str) -> set[tuple[str, str]]:
    """What every function may do with its queue and its log."""
    queue = WORKERS[name]
    logs = f"arn:aws:logs:{REGION}:{HUB}:log-group:/aws/lambda/{name}:*"
    verbs = ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes", "SendMessage")
    return {
        *((f"sqs:{verb}", sqs(queue)) for verb in verbs),
        ("sqs:SendMessage", sqs(f"{queue}-dlq")),
        ("logs:CreateLogStream", logs),
        ("logs:PutLogEvents", logs),
    }


def table(*operations: str) -> set[tuple[str, str]]:
    return {(f"dynamodb:{operation}", TABLE) for operation in operations}


MAY: dict[str, set[tuple[str, str]]] = {
    "warden-inspector": {
        READ_ACCOUNTS,
        *table("GetItem", "Query"),
        ("events:PutEvents", BUS),
        ("sqs:SendMessage", sqs("warden-sweep")),
    },
    "warden-ticket": {
        *table("GetItem", "PutItem", "Query", "UpdateItem"),
        ("secretsmanager:GetSecretValue", "arn:of:warden/slack"),
    },
    "warden-sweep": {
        READ_ACCOUNTS,
        *table("GetItem", "PutItem"),
        ("events:PutEvents", BUS),
        ("sqs:SendMessage", sqs("warden-inspect")),
        ("sqs:SendMessage", sqs("warden-topology")),
        ("organizations:ListRoots", "*"),
        ("organizations:ListOrganizationalUnitsForParent", "*"),
        ("organizations:ListAccountsForParent", "*"),
    },
    "warden-topology": {
        READ_ACCOUNTS,
        *table("DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem"),
        ("events:PutEvents", BUS),
        ("sqs:SendMessage", sqs("warden-inspect")),
    },
    **{
        playbook.remediator: {
            ("sts:AssumeRole", f"arn:aws:iam::*:role/{playbook.member_role}"),
            *table("GetItem", "PutItem", "Query", "UpdateItem"),
            ("events:PutEvents", BUS),
            *(
                (read.action, read.resource.format(partition="aws", region="*", account=HUB))
                for read in playbook.hub_reads
                if not read.when or playbook.defaults[read.when]
            ),
        }
        for playbook in playbooks()
        if playbook.fixable
    },
}


@pytest.mark.parametrize("name", WORKERS)
def test_a_role_may_do_exactly_this(hub: Template, name: str) -> None:
    assert pairs(hub.named("AWS::IAM::Role", "RoleName", name)) == own(name) | MAY[name]


def test_the_hub_has_no_other_role_and_no_policy_beside_them(hub: Template) -> None:
    roles = hub.of_type("AWS::IAM::Role")
    assert {role["RoleName"] for role in roles} == set(WORKERS)
    assert not [r for r in hub.body["Resources"].values() if r["Type"] in ("AWS::IAM::Policy", "AWS::IAM::RolePolicy")]
    for role in roles:
        assert "ManagedPolicyArns" not in role
        assert all(statement["Effect"] == "Allow" for statement in statements(role))
        (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Principal"] == {"Service": "lambda.amazonaws.com"}
