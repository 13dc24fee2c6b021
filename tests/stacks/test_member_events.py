"""The member stacks on the embedded AWS: what happens in a member reaches the hub's bus from whichever Region."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from functions.core.event import Trust, read_event
from functions.core.playbook import AlarmState, ManagedPolicy, Permission, Wiring
from functions.core.triggers import GLOBAL_REGION, member_roles
from functions.playbooks import playbook
from tests.integration.local_aws.resources import allow, assumed, create_role
from tests.stacks.templates import HUB, MEMBER, ORGANIZATION, REGION, Template, member_stacks
from warden.local.deploy import Deployment, Target, _bus_policy, deploy
from warden.local.emulator import Emulator

TRUST = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


POLICY = "arn:{partition}:iam::{account}:policy/warden-quarantine-send"
ROLE = "arn:{partition}:iam::{account}:role/*"
ONLY_THIS = (("ArnEquals", "iam:PolicyARN", POLICY),)

FOLLOWING = replace(
    playbook("reserved-concurrency"),
    triggers=(
        Wiring(("PutBucketNotification",), "s3"),
        AlarmState("warden-recursion-dropped"),
    ),
    writes=(
        Permission("iam:AttachRolePolicy", ROLE, conditions=ONLY_THIS),
        Permission("iam:DetachRolePolicy", ROLE, conditions=ONLY_THIS),
        Permission("s3:PutBucketNotification", "arn:{partition}:s3:::*"),
    ),
    managed_policies=(
        ManagedPolicy(
            name="warden-quarantine-send",
            permissions=(Permission("sqs:SendMessage", "arn:{partition}:sqs:{region}:{account}:warden-q-*"),),
        ),
    ),
)


class Hub:
    """The hub's bus under its real policy, and a queue that gets everything from it."""

    def __init__(self, aws: Emulator, template: Template) -> None:
        target = Target(aws, HUB, REGION)
        events, self._sqs = target.client("events"), target.client("sqs")
        arn = f"arn:aws:sqs:{REGION}:{HUB}:everything"
        allowed = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage"}
        policy = document({**allowed, "Resource": arn})
        self._url = self._sqs.create_queue(QueueName="everything", Attributes={"Policy": policy})["QueueUrl"]
        events.create_event_bus(Name="warden")
        (statement,) = template.of_type("AWS::Events::EventBusPolicy")
        bus = f"arn:aws:events:{REGION}:{HUB}:event-bus/warden"
        _bus_policy(
            target, {**statement, "EventBusName": "warden", "Statement": {**statement["Statement"], "Resource": bus}}
        )
        events.put_rule(Name="all", EventBusName="warden", EventPattern=json.dumps({"source": [{"prefix": ""}]}))
        events.put_targets(Rule="all", EventBusName="warden", Targets=[{"Id": "queue", "Arn": arn}])

    def received(self, name: str, seconds: float = 10) -> list[dict[str, Any]]:
        """The events about a call or of a kind that reach the bus, in this time or until there is one."""
        end = time.monotonic() + seconds
        found: list[dict[str, Any]] = []
        while not found and time.monotonic() < end:
            messages = self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10).get("Messages", [])
            events = [json.loads(message["Body"]) for message in messages]
            found = [e for e in events if name in (e["detail"].get("eventName"), e["detail-type"])]
            time.sleep(0.02)
        return found


@pytest.fixture
def bus(emulator: Emulator, hub: Template) -> Hub:
    members = [{"id": HUB, "name": "hub"}, {"id": MEMBER, "name": "orders"}]
    emulator.configure(organization={"management": "000000000001", "id": ORGANIZATION, "accounts": members})
    return Hub(emulator, hub)


def join(aws: Emulator, assembly: Path) -> None:
    for stack in ("WardenMemberAccount", "WardenMemberRegion"):
        deploy(assembly, stack, Target(aws, MEMBER, REGION), Deployment())


@pytest.fixture
def hub_bus(emulator: Emulator, assembly: Path, bus: Hub) -> Hub:
    join(emulator, assembly)
    return bus


@pytest.fixture
def following_bus(emulator: Emulator, tmp_path: Path, bus: Hub) -> Hub:
    """The hub's bus, with a member where one made-up playbook may fix what it finds."""
    may_fix = {"modes": {FOLLOWING.id: "enforce"}, "ceilings": {"default": "enforce"}}
    join(emulator, member_stacks(FOLLOWING, tmp_path, **may_fix))
    return bus


def acting_as_the_playbook(aws: Emulator, service: str) -> Any:
    """A client of the made-up playbook's role in the member, entered as its remediator does."""
    enter = allow("sts:AssumeRole")
    remediator = create_role(aws, HUB, FOLLOWING.remediator, enter)
    sts = assumed(aws, HUB, remediator).client("sts", endpoint_url=aws.endpoint)
    role = f"arn:aws:iam::{MEMBER}:role/{FOLLOWING.member_role}"
    credentials = sts.assume_role(RoleArn=role, RoleSessionName="fix")["Credentials"]
    return boto3.client(  # type: ignore[call-overload] # the service is a variable
        service,
        endpoint_url=aws.endpoint,
        region_name=REGION,
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    )


def change_a_role(aws: Emulator) -> None:
    iam = aws.client("iam", MEMBER, REGION)
    iam.create_role(RoleName="orders", AssumeRolePolicyDocument=document(TRUST))
    statement = {"Effect": "Deny", "Action": "secretsmanager:*", "Resource": "*"}
    iam.put_role_policy(RoleName="orders", PolicyName="deny", PolicyDocument=document(statement))


def test_a_changed_role_reaches_the_hub_though_its_region_is_not_governed(
    emulator: Emulator, assembly: Path, hub_bus: Hub
) -> None:
    deploy(assembly, "WardenMemberGlobal", Target(emulator, MEMBER, GLOBAL_REGION), Deployment())
    change_a_role(emulator)
    (event,) = hub_bus.received("PutRolePolicy")
    assert (event["account"], event["region"], event["source"]) == (MEMBER, "us-east-1", "aws.iam")
    assert event["detail"]["requestParameters"]["roleName"] == "orders"


def test_where_both_stacks_are_it_reaches_the_hub_once(emulator: Emulator, assembly: Path, hub_bus: Hub) -> None:
    for stack in ("WardenMemberRegion", "WardenMemberGlobal"):
        deploy(assembly, stack, Target(emulator, MEMBER, GLOBAL_REGION), Deployment())
    change_a_role(emulator)
    assert len(hub_bus.received("PutRolePolicy")) == 1
    assert not hub_bus.received("PutRolePolicy", seconds=1)


def test_without_the_stack_it_does_not(emulator: Emulator, hub_bus: Hub) -> None:
    """Otherwise the tests above could not fail."""
    change_a_role(emulator)
    assert not hub_bus.received("PutRolePolicy", seconds=2)


def test_what_our_own_fix_connects_reaches_the_hub_once(emulator: Emulator, following_bus: Hub) -> None:
    place = {"CreateBucketConfiguration": {"LocationConstraint": REGION}}
    emulator.client("s3", MEMBER, REGION).create_bucket(Bucket="orders-example", **place)
    s3 = acting_as_the_playbook(emulator, "s3")
    s3.put_bucket_notification_configuration(Bucket="orders-example", NotificationConfiguration={})
    (event,) = following_bus.received("PutBucketNotification")
    assert event["detail"]["userIdentity"]["sessionContext"]["sessionIssuer"]["userName"] == FOLLOWING.member_role
    assert not following_bus.received("PutBucketNotification", seconds=1)


def test_an_alarm_over_all_functions_tells_the_hub_of_one(emulator: Emulator, following_bus: Hub) -> None:
    emulator.configure(alarm_seconds=0.05)
    cloudwatch = emulator.client("cloudwatch", MEMBER, REGION)
    for function, dropped in (("billing", 0), ("orders", 3)):
        datum = {
            "MetricName": "RecursiveInvocationsDropped",
            "Dimensions": [{"Name": "FunctionName", "Value": function}],
            "Value": dropped,
        }
        cloudwatch.put_metric_data(Namespace="AWS/Lambda", MetricData=[datum])
    (event,) = following_bus.received("CloudWatch Alarm Contributor State Change")
    looks = read_event(event, Trust(HUB, member_roles([FOLLOWING])))
    assert isinstance(looks, tuple)
    assert [(look.subject.account, look.subject.region, look.subject.function) for look in looks] == [
        (MEMBER, REGION, "orders")
    ]


@pytest.mark.usefixtures("following_bus")
def test_a_fix_may_attach_its_own_policy_to_a_role_and_no_other(emulator: Emulator) -> None:
    mine = emulator.client("iam", MEMBER, REGION)
    mine.create_role(RoleName="orders", AssumeRolePolicyDocument=document(TRUST))
    everything = document({"Effect": "Allow", "Action": "*", "Resource": "*"})
    other = mine.create_policy(PolicyName="everything", PolicyDocument=everything)["Policy"]["Arn"]
    iam = acting_as_the_playbook(emulator, "iam")
    sending = f"arn:aws:iam::{MEMBER}:policy/warden-quarantine-send"
    iam.attach_role_policy(RoleName="orders", PolicyArn=sending)
    with pytest.raises(ClientError, match="AccessDenied"):
        iam.attach_role_policy(RoleName="orders", PolicyArn=other)
    attached = mine.list_attached_role_policies(RoleName="orders")["AttachedPolicies"]
    assert [policy["PolicyArn"] for policy in attached] == [sending]
    iam.detach_role_policy(RoleName="orders", PolicyArn=sending)
    assert not mine.list_attached_role_policies(RoleName="orders")["AttachedPolicies"]
