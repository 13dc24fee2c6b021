"""IAM beyond one action: trust policies, conditions, roles that are passed, layers that are attached."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from warden.local.emulator import Emulator

from .resources import (
    HUB,
    MEMBER,
    ORGANIZATION,
    STRANGER,
    allow,
    assumed,
    code,
    create_function,
    create_queue,
    create_role,
    document,
    trust,
)

ANYONE = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}


def acting(aws: Emulator, account: str, service: str, *statements: dict[str, Any]) -> Any:
    role = create_role(aws, account, "tester", *statements, trusts=[ANYONE])
    return assumed(aws, account, role).client(service, endpoint_url=aws.endpoint)  # type: ignore[call-overload] # the service is a variable


class TestTrust:
    def target(self, aws: Emulator, **condition: Any) -> str:
        trusts = [
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{HUB}:role/tester"},
                "Action": "sts:AssumeRole",
                "Condition": condition,
            }
        ]
        return create_role(aws, MEMBER, "warden-inspector", allow("lambda:List*"), trusts=trusts)

    def test_lets_the_named_role_of_the_organization_in(self, emulator: Emulator) -> None:
        emulator.configure(organization=ORGANIZATION)
        role = self.target(emulator, StringEquals={"aws:PrincipalOrgID": "o-exampleorg1"})
        sts = acting(emulator, HUB, "sts", allow("sts:AssumeRole"))
        answer = sts.assume_role(RoleArn=role, RoleSessionName="run-1")
        assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{MEMBER}:assumed-role/warden-inspector/run-1"

    def test_keeps_a_caller_outside_the_organization_out(self, emulator: Emulator) -> None:
        emulator.configure(organization={**ORGANIZATION, "delegated": []})
        role = self.target(emulator, StringEquals={"aws:PrincipalOrgID": "o-exampleorg1"})
        with pytest.raises(ClientError, match="not authorized to perform: sts:AssumeRole on resource: " + role):
            acting(emulator, HUB, "sts", allow("sts:AssumeRole")).assume_role(RoleArn=role, RoleSessionName="run-1")

    def test_keeps_another_role_out(self, emulator: Emulator) -> None:
        role = self.target(emulator)
        other = create_role(emulator, HUB, "other", allow("sts:AssumeRole"), trusts=[ANYONE])
        sts = assumed(emulator, HUB, other).client("sts", endpoint_url=emulator.endpoint)
        with pytest.raises(ClientError, match="AccessDenied"):
            sts.assume_role(RoleArn=role, RoleSessionName="run-1")

    def test_sees_organization_paths(self, emulator: Emulator) -> None:
        emulator.configure(organization=ORGANIZATION)
        orders = "o-exampleorg1/r-root/ou-root-workload/ou-root-orders/"
        for path, admitted in ((orders, True), ("o-exampleorg1/r-root/ou-root-else/", False)):
            trusted = {**ANYONE, "Condition": {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": [f"{path}*"]}}}
            role = create_role(emulator, STRANGER, f"by-path-{admitted}", trusts=[trusted])
            assume = emulator.client("sts", MEMBER).assume_role
            if admitted:
                assume(RoleArn=role, RoleSessionName="run-1")
            else:
                with pytest.raises(ClientError, match="AccessDenied"):
                    assume(RoleArn=role, RoleSessionName="run-1")

    def test_an_assumed_role_acts_in_its_own_account(self, emulator: Emulator) -> None:
        create_function(emulator, MEMBER, "orders")
        role = self.target(emulator)
        sts = acting(emulator, HUB, "sts", allow("sts:AssumeRole"))
        given = sts.assume_role(RoleArn=role, RoleSessionName="run-1")["Credentials"]
        session = boto3.Session(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], "us-east-1")
        functions = session.client("lambda", endpoint_url=emulator.endpoint).list_functions()["Functions"]
        assert [one["FunctionName"] for one in functions] == ["orders"]
        (call,) = emulator.calls(operation="ListFunctions")
        assert (call.account, call.principal_arn.split("/")[1]) == (MEMBER, "warden-inspector")


class TestConditions:
    @pytest.mark.parametrize(("named", "works"), [("role/tester", True), ("role/else", False)])
    def test_the_principals_arn_is_the_roles(self, emulator: Emulator, named: str, works: bool) -> None:
        only = {**allow("sqs:*"), "Condition": {"ArnEquals": {"aws:PrincipalArn": f"arn:aws:iam::{MEMBER}:{named}"}}}
        client = acting(emulator, MEMBER, "sqs", only)
        if works:
            client.create_queue(QueueName="q")
        else:
            with pytest.raises(ClientError, match="AccessDenied"):
                client.create_queue(QueueName="q")

    @pytest.mark.parametrize(("function", "works"), [("orders", True), ("payments", False)])
    def test_a_mapping_knows_its_function(self, emulator: Emulator, function: str, works: bool) -> None:
        create_function(emulator, MEMBER, "orders", allowed=["sqs:*"])
        source = create_queue(emulator, MEMBER, "source")
        mapping = emulator.client("lambda", MEMBER).create_event_source_mapping(
            FunctionName="orders", EventSourceArn=source, Enabled=False
        )["UUID"]
        arn = f"arn:aws:lambda:us-east-1:{MEMBER}:function:{function}"
        only = {**allow("lambda:UpdateEventSourceMapping"), "Condition": {"ArnLike": {"lambda:FunctionArn": arn}}}
        client = acting(emulator, MEMBER, "lambda", only)
        if works:
            client.update_event_source_mapping(UUID=mapping, BatchSize=5)
        else:
            with pytest.raises(ClientError, match="lambda:UpdateEventSourceMapping"):
                client.update_event_source_mapping(UUID=mapping, BatchSize=5)

    def test_an_explicit_deny_is_worded_so(self, emulator: Emulator) -> None:
        deny = {"Effect": "Deny", "Action": "lambda:List*", "Resource": "*"}
        with pytest.raises(ClientError, match="with an explicit deny in an identity-based policy"):
            acting(emulator, MEMBER, "lambda", allow("*"), deny).list_functions()

    def test_a_service_control_boundary_of_the_role_holds(self, emulator: Emulator) -> None:
        iam = emulator.client("iam", MEMBER)
        role = create_role(emulator, MEMBER, "bounded", allow("*"), trusts=[ANYONE])
        boundary = iam.create_policy(PolicyName="edge", PolicyDocument=document(allow("sqs:*")))["Policy"]["Arn"]
        iam.put_role_permissions_boundary(RoleName="bounded", PermissionsBoundary=boundary)
        session = assumed(emulator, MEMBER, role)
        session.client("sqs", endpoint_url=emulator.endpoint).list_queues()
        with pytest.raises(ClientError, match="AccessDenied"):
            session.client("lambda", endpoint_url=emulator.endpoint).list_functions()


class TestPassingRoles:
    def create(self, client: Any, role: str) -> Any:
        return client.create_function(
            FunctionName="orders", Runtime="python3.12", Role=role, Handler="a.h", Code={"ZipFile": code("x = 1")}
        )

    def test_a_function_needs_its_creator_to_pass_its_role(self, emulator: Emulator) -> None:
        role = create_role(emulator, MEMBER, "orders-role")
        client = acting(emulator, MEMBER, "lambda", allow("lambda:*"))
        with pytest.raises(ClientError, match=f"not authorized to perform: iam:PassRole on resource: {role} because"):
            self.create(client, role)

    @pytest.mark.parametrize(("service", "works"), [("lambda.amazonaws.com", True), ("ec2.amazonaws.com", False)])
    def test_to_the_service_its_policy_names(self, emulator: Emulator, service: str, works: bool) -> None:
        role = create_role(emulator, MEMBER, "orders-role")
        passing = {**allow("iam:PassRole"), "Condition": {"StringEquals": {"iam:PassedToService": service}}}
        client = acting(emulator, MEMBER, "lambda", allow("lambda:*"), passing)
        if works:
            self.create(client, role)
        else:
            with pytest.raises(ClientError, match="iam:PassRole"):
                self.create(client, role)

    def test_a_rules_target_needs_its_role_passed(self, emulator: Emulator) -> None:
        role = create_role(emulator, MEMBER, "forwarder", trusts=[trust("events.amazonaws.com")])
        client = acting(emulator, MEMBER, "events", allow("events:*"))
        client.put_rule(Name="r", EventPattern='{"source": ["x"]}')
        target = {"Id": "1", "Arn": f"arn:aws:events:us-east-1:{HUB}:event-bus/hub", "RoleArn": role}
        with pytest.raises(ClientError, match="iam:PassRole"):
            client.put_targets(Rule="r", Targets=[target])


def test_attaching_a_layer_needs_permission_to_read_it(emulator: Emulator) -> None:
    create_function(emulator, MEMBER, "orders")
    layer = emulator.client("lambda", MEMBER).publish_layer_version(
        LayerName="common", Content={"ZipFile": code("x = 1")}
    )["LayerVersionArn"]
    client = acting(emulator, MEMBER, "lambda", allow("lambda:UpdateFunctionConfiguration"))
    with pytest.raises(ClientError, match=f"lambda:GetLayerVersion on resource: {layer}"):
        client.update_function_configuration(FunctionName="orders", Layers=[layer])


def test_a_function_runs_under_its_own_role_only(emulator: Emulator) -> None:
    source = """
import boto3
def handler(event, context):
    client = boto3.client("lambda")
    client.get_function(FunctionName="orders")
    try:
        client.delete_function(FunctionName="orders")
    except client.exceptions.ClientError as denied:
        return str(denied)
"""
    role = create_role(emulator, MEMBER, "reader", allow("lambda:GetFunction"))
    create_function(emulator, MEMBER, "orders", source, Role=role)
    answer = emulator.client("lambda", MEMBER).invoke(FunctionName="orders")
    text = answer["Payload"].read().decode()
    assert "assumed-role/reader/orders is not authorized to perform: lambda:DeleteFunction" in text
