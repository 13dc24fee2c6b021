"""The member stacks on the embedded AWS: what happens in a member reaches the hub's bus from whichever Region."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from functions.core.triggers import GLOBAL_REGION
from tests.stacks.templates import HUB, MEMBER, ORGANIZATION, REGION, Template
from warden.local.deploy import Deployment, Target, _bus_policy, deploy
from warden.local.emulator import Emulator

TRUST = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


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
        """The events about a call that reach the bus, in this time or until there is one."""
        end = time.monotonic() + seconds
        found: list[dict[str, Any]] = []
        while not found and time.monotonic() < end:
            messages = self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10).get("Messages", [])
            found = [e for m in messages if (e := json.loads(m["Body"]))["detail"].get("eventName") == name]
            time.sleep(0.02)
        return found


@pytest.fixture
def hub_bus(emulator: Emulator, assembly: Path, hub: Template) -> Hub:
    members = [{"id": MEMBER, "name": "orders"}]
    emulator.configure(organization={"management": "000000000001", "id": ORGANIZATION, "accounts": members})
    bus = Hub(emulator, hub)
    deploy(assembly, "WardenMemberAccount", Target(emulator, MEMBER, REGION), Deployment())
    deploy(assembly, "WardenMemberRegion", Target(emulator, MEMBER, REGION), Deployment())
    return bus


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
