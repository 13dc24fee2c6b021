"""The playbook's own role and the inspector have exactly what they use: without any one action something is denied."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest

from functions.core.triggers import INSPECTOR_ROLE
from functions.playbooks import playbook
from tests.integration.functions.conftest import MEMBER, REGION, World
from tests.integration.functions.test_move_secrets import (
    PLAYBOOK,
    TELLS_DIGESTS,
    approval_of,
    outcome,
    settled,
    undo_of,
    variables,
    with_layer,
)

DECLARED = playbook(PLAYBOOK)
READS = {permission.action for permission in DECLARED.reads}
ALL = READS | {permission.action for permission in DECLARED.writes}
# Secrets Manager uses the key in the caller's name, which shows as a refusal of its own call and not as one of KMS's.
BY_SECRETS_MANAGER = {"kms:Decrypt", "kms:GenerateDataKey"}


@pytest.fixture
def everything(make: Callable[..., World]) -> Callable[..., World]:
    """Make a world with a key of its own and a test event, so that every permission is granted."""

    def build(*without: str) -> World:
        settings = {PLAYBOOK: {"kms_key": "alias/warden", "test_events": {"*": {"names": []}}, "fixes_per_hour": 1000}}
        world = with_layer(make(playbook=PLAYBOOK, settings=settings, without=without))
        kms = world.client("kms", MEMBER)
        key = kms.create_key()["KeyMetadata"]
        kms.create_alias(AliasName="alias/warden", TargetKeyId=key["KeyId"])
        world.client("iam", MEMBER).put_role_policy(
            RoleName="app",
            PolicyName="decrypts",
            PolicyDocument='{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:Decrypt","Resource":"*"}]}',
        )
        return world

    return build


def test_all_that_is_declared_is_used_and_nothing_else(everything: Callable[..., World]) -> None:
    world = everything()
    world.emulator.clear_calls()
    for step in life_of_a_secret(world):
        step()
    used = used_by(world)
    assert used[DECLARED.member_role] == ALL - BY_SECRETS_MANAGER
    assert used[INSPECTOR_ROLE] >= READS


@pytest.mark.parametrize("action", sorted(ALL))
def test_without_the_action_something_is_denied(everything: Callable[..., World], action: str) -> None:
    world = everything(action)
    for step in life_of_a_secret(world):
        with suppress(Exception):
            step()
        if denied(world, action):
            return
    pytest.fail(f"nobody missed {action}")


def used_by(world: World) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for call in world.emulator.calls(account=MEMBER):
        if ":assumed-role/" in call.principal_arn:
            found.setdefault(call.principal_arn.split("/")[1], set()).add(call.iam_action)
    return found


def denied(world: World, action: str) -> bool:
    return any(
        call.iam_action == action
        or (action == "secretsmanager:TagResource" and call.operation == "CreateSecret")
        or (action in BY_SECRETS_MANAGER and call.operation in ("CreateSecret", "GetSecretValue"))
        for call in world.emulator.calls(account=MEMBER)
        if call.error_code.startswith(("AccessDenied", "UnauthorizedOperation"))
        and ":assumed-role/warden-" in call.principal_arn
    )


def life_of_a_secret(world: World) -> Iterator[Callable[[], object]]:
    """Return, one after the other, everything that can happen to a function with secrets."""
    life = Life(world)
    yield from (life.in_a_vpc, life.moved, life.secret_deleted, life.released)
    yield from (life.retired, life.one_more, life.function_deleted, life.tag_taken_away)


@dataclass
class Life:
    """The steps; each raises where it did not come out."""

    world: World

    def __post_init__(self) -> None:
        self.lam = self.world.client("lambda", MEMBER)

    def fix(self, name: str, aspect: str = "") -> Mapping[str, Any]:
        """Let the inspector look, and a person approve what is not done without one."""
        self.world.run("inspector", self.world.created_event(name))
        event = next(e for e in self.world.sent() if e["detail"]["finding"]["aspect"] == aspect)
        self.orphan = event if aspect == "orphaned" else {}
        told = outcome(self.world, event if event["detail"]["mode"] == "enforce" else approval_of(event))
        if told["detail-type"] == "Fix Applied" and aspect != "orphaned":
            settled(self.world, name)
        return told

    def fixed(self, aspect: str = "") -> None:
        told = self.fix("orders", aspect)
        assert told["detail-type"] == "Fix Applied", told["detail"]["text"]

    def in_a_vpc(self) -> None:
        self.fix(_in_a_vpc(self.world))

    def moved(self) -> None:
        self.world.create_function("orders", Tags={}, Environment=secret_variables(), code=TELLS_DIGESTS)
        version = self.lam.publish_version(FunctionName="orders")["Version"]
        self.lam.create_alias(FunctionName="orders", Name="live", FunctionVersion=version)
        self.fixed()

    def one_more(self) -> None:
        more = {**variables(self.world, "orders"), **secret_variables("MORE_PASSWORD")["Variables"]}
        self.lam.update_function_configuration(FunctionName="orders", Environment={"Variables": more})
        settled(self.world, "orders")
        self.fixed()

    def secret_deleted(self) -> None:
        self.world.client("secretsmanager", MEMBER).delete_secret(SecretId="warden/orders/env")
        self.fixed("unreadable")

    def released(self) -> None:
        self.fixed("aliases")

    def retired(self) -> None:
        self.fixed("old-versions")

    def function_deleted(self) -> None:
        self.lam.delete_function(FunctionName="orders")
        self.fixed("orphaned")

    def tag_taken_away(self) -> None:
        assert outcome(self.world, undo_of(self.orphan))["detail-type"] == "Fix Undone"


def secret_variables(name: str = "DB_PASSWORD") -> dict[str, dict[str, str]]:
    return {"Variables": {name: f"pw-{secrets.token_urlsafe(18)}"}}


def _in_a_vpc(world: World) -> str:
    """Create a function in a subnet whose way out is a NAT gateway."""
    ec2 = world.client("ec2", MEMBER)
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet, public = (
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"{REGION}a")["Subnet"][
            "SubnetId"
        ]
        for number in (1, 2)
    )
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    nat = ec2.create_nat_gateway(SubnetId=public, AllocationId=address)["NatGateway"]["NatGatewayId"]
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat)
    ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
    group = ec2.create_security_group(GroupName="app", Description="app", VpcId=vpc)["GroupId"]
    world.create_function(
        "private",
        Tags={},
        Environment=secret_variables(),
        VpcConfig={"SubnetIds": [subnet], "SecurityGroupIds": [group]},
    )
    return "private"
