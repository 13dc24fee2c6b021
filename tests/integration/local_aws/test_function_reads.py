"""What is read to prove that a function will reach its secret: its own configuration, its network, its key."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from warden.local.emulator import Emulator

from .resources import MEMBER, allow, assumed, create_function, create_role, document, until

ANYONE = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
ACCESS_POINT = f"arn:aws:elasticfilesystem:us-east-1:{MEMBER}:access-point/fsap-0123456789abcdef0"
FILES = [{"Arn": ACCESS_POINT, "LocalMountPath": "/mnt/files"}]


class Network:
    """A VPC with a subnet and a security group."""

    def __init__(self, aws: Emulator) -> None:
        ec2 = aws.client("ec2", MEMBER)
        self.vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.subnet = ec2.create_subnet(VpcId=self.vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
        group = ec2.create_security_group(GroupName="function", Description="x", VpcId=self.vpc)
        self.config = {"SubnetIds": [self.subnet], "SecurityGroupIds": [group["GroupId"]]}


def configurations(client: Any) -> list[dict[str, Any]]:
    """A function's configuration in each operation that shows it."""
    return [
        client.get_function(FunctionName="orders")["Configuration"],
        client.get_function_configuration(FunctionName="orders"),
        client.list_functions()["Functions"][0],
    ]


def test_a_function_shows_its_network_disk_and_key(emulator: Emulator) -> None:
    network, key = Network(emulator), emulator.client("kms", MEMBER).create_key()["KeyMetadata"]["Arn"]
    given = {"EphemeralStorage": {"Size": 1024}, "KMSKeyArn": key, "FileSystemConfigs": FILES}
    create_function(emulator, MEMBER, "orders", VpcConfig=network.config, **given)
    for shown in configurations(emulator.client("lambda", MEMBER)):
        vpc = {name: shown["VpcConfig"][name] for name in ("SubnetIds", "SecurityGroupIds", "VpcId")}
        assert vpc == {**network.config, "VpcId": network.vpc}
        assert {name: shown[name] for name in given} == given


def test_a_function_leaves_its_network(emulator: Emulator) -> None:
    create_function(emulator, MEMBER, "orders", VpcConfig=Network(emulator).config)
    client = emulator.client("lambda", MEMBER)
    client.update_function_configuration(FunctionName="orders", VpcConfig={"SubnetIds": [], "SecurityGroupIds": []})
    for shown in configurations(client):
        assert (shown["VpcConfig"]["SubnetIds"], shown["VpcConfig"]["SecurityGroupIds"]) == ([], [])


def test_a_version_shows_its_snapshot(emulator: Emulator) -> None:
    create_function(emulator, MEMBER, "orders", SnapStart={"ApplyOn": "PublishedVersions"})
    client = emulator.client("lambda", MEMBER)
    assert client.get_function(FunctionName="orders")["Configuration"]["SnapStart"]["ApplyOn"] == "PublishedVersions"
    version = client.publish_version(FunctionName="orders")["Version"]

    def snapshot() -> Any:
        return client.get_function(FunctionName="orders", Qualifier=version)["Configuration"]["SnapStart"]

    until(lambda: snapshot() == {"ApplyOn": "PublishedVersions", "OptimizationStatus": "On"})


def acting(aws: Emulator, service: str, *statements: dict[str, Any]) -> Any:
    """A client of a role that may do this."""
    role = create_role(aws, MEMBER, "tester", *statements, trusts=[ANYONE])
    return assumed(aws, MEMBER, role).client(service, endpoint_url=aws.endpoint)  # type: ignore[call-overload] # the service is a variable


def may(aws: Emulator, *statements: dict[str, Any]) -> None:
    """Give the role other permissions."""
    aws.client("iam", MEMBER).put_role_policy(
        RoleName="tester", PolicyName="inline", PolicyDocument=document(*statements)
    )


DESCRIBES: dict[str, Callable[[Any], Any]] = {
    "DescribeSubnets": lambda c: c.describe_subnets(),
    "DescribeRouteTables": lambda c: c.describe_route_tables(),
    "DescribeNatGateways": lambda c: c.describe_nat_gateways(),
    "DescribeVpcEndpoints": lambda c: c.describe_vpc_endpoints(),
    "DescribeSecurityGroups": lambda c: c.describe_security_groups(),
    "DescribeNetworkAcls": lambda c: c.describe_network_acls(),
    "DescribeVpcs": lambda c: c.describe_vpcs(),
}


@pytest.mark.parametrize("operation", DESCRIBES)
def test_a_network_is_read_with_each_action_on_everything(emulator: Emulator, operation: str) -> None:
    client = acting(emulator, "ec2", {"Effect": "Allow", "NotAction": f"ec2:{operation}", "Resource": "*"})
    with pytest.raises(ClientError, match=f"UnauthorizedOperation.*not authorized to perform: ec2:{operation} because"):
        DESCRIBES[operation](client)
    may(emulator, allow(f"ec2:{operation}"))
    DESCRIBES[operation](client)
    assert {one.resource for one in emulator.calls(operation=operation)} == {"*"}


@pytest.mark.parametrize(
    ("operation", "named"),
    [
        *(("DescribeKey", "by id"), ("DescribeKey", "by ARN"), ("DescribeKey", "by alias")),
        *(("GetKeyPolicy", "by id"), ("GetKeyPolicy", "by ARN")),
    ],
)
def test_a_key_is_read_by_its_arn(emulator: Emulator, operation: str, named: str) -> None:
    kms = emulator.client("kms", MEMBER)
    key = kms.create_key()["KeyMetadata"]
    kms.create_alias(AliasName="alias/secrets", TargetKeyId=key["KeyId"])
    name = {"by id": key["KeyId"], "by ARN": key["Arn"], "by alias": "alias/secrets"}[named]
    client = acting(emulator, "kms", {"Effect": "Allow", "NotAction": f"kms:{operation}", "Resource": "*"})

    def read() -> Any:
        return client.describe_key(KeyId=name) if operation == "DescribeKey" else client.get_key_policy(KeyId=name)

    with pytest.raises(ClientError, match=f"AccessDenied.*perform: kms:{operation} on resource: {key['Arn']} because"):
        read()
    may(emulator, allow(f"kms:{operation}", resource=key["Arn"]))
    answer = read()
    if operation == "DescribeKey":
        assert (answer["KeyMetadata"]["Arn"], answer["KeyMetadata"]["KeyState"]) == (key["Arn"], "Enabled")
    else:
        assert f"arn:aws:iam::{MEMBER}:root" in answer["Policy"]
