"""A VPC as EC2 describes it, read and judged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs

import boto3
import pytest
from botocore.exceptions import ClientError

from functions.adapters.network import PERMISSIONS, read
from functions.core.network import (
    AclEntry,
    Blocked,
    Endpoint,
    NatGateway,
    NetworkAcl,
    Reached,
    Route,
    RouteTable,
    Rule,
    SecurityGroup,
    Subnet,
    reach,
)
from tests.integration.local_aws.resources import allow, assumed, create_role
from warden.local.emulator import Emulator

MEMBER, REGION = "222222222222", "eu-west-1"
SERVICE = f"com.amazonaws.{REGION}.secretsmanager"


class Vpc:
    """A VPC of the embedded AWS with a private and a public subnet, and the calls that were made to read it."""

    def __init__(self, ec2: Any) -> None:
        self.ec2 = ec2
        self.id = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.private = self._subnet("10.0.1.0/24")
        self.public = self._subnet("10.0.9.0/24")
        self.main = self.tables()[0]["RouteTableId"]
        self.group = ec2.create_security_group(GroupName="function", Description="function", VpcId=self.id)["GroupId"]
        self.igw = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=self.igw, VpcId=self.id)

    def _subnet(self, cidr: str) -> str:
        return str(self.ec2.create_subnet(VpcId=self.id, CidrBlock=cidr)["Subnet"]["SubnetId"])

    def tables(self) -> Any:
        return self.ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [self.id]}])["RouteTables"]

    def default_route(self, table: str, **target: str) -> None:
        self.ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", **target)

    def nat(self) -> str:
        """Give the public subnet a NAT gateway, with a route table that leads to the internet."""
        table = self.ec2.create_route_table(VpcId=self.id)["RouteTable"]["RouteTableId"]
        self.ec2.associate_route_table(RouteTableId=table, SubnetId=self.public)
        self.default_route(table, GatewayId=self.igw)
        made = self.ec2.create_nat_gateway(SubnetId=self.public, AllocationId="eipalloc-1")
        return str(made["NatGateway"]["NatGatewayId"])

    def endpoint(self, service: str = SERVICE) -> str:
        made = self.ec2.create_vpc_endpoint(
            VpcId=self.id, VpcEndpointType="Interface", ServiceName=service, SubnetIds=[self.private]
        )
        return str(made["VpcEndpoint"]["VpcEndpointId"])

    def reach(self, ec2: Any = None) -> Reached | Blocked:
        return reach(read(ec2 or self.ec2, self.id, [self.private], [self.group]), "secretsmanager")


@pytest.fixture
def vpc(emulator: Emulator) -> Vpc:
    return Vpc(emulator.client("ec2", MEMBER, REGION))


def test_a_private_subnet_with_a_nat_gateway_reaches_the_service(vpc: Vpc) -> None:
    name = vpc.nat()
    vpc.default_route(vpc.main, NatGatewayId=name)
    assert vpc.reach() == Reached(f"NAT gateway {name}")


def test_a_new_vpc_has_no_way_out(vpc: Vpc) -> None:
    answer = vpc.reach()
    assert isinstance(answer, Blocked)
    assert f"route table {vpc.main} of subnet {vpc.private} has no active route 0.0.0.0/0" in answer.because
    assert f"VPC {vpc.id} has no interface endpoint {SERVICE}" in answer.because


def test_a_function_in_a_public_subnet_has_no_way_out(vpc: Vpc) -> None:
    vpc.default_route(vpc.main, GatewayId=vpc.igw)
    answer = vpc.reach()
    assert isinstance(answer, Blocked)
    assert f"internet gateway {vpc.igw}" in answer.because
    assert "no public IP address" in answer.because


def test_a_deleted_nat_gateway_is_no_way_out(vpc: Vpc) -> None:
    name = vpc.nat()
    vpc.default_route(vpc.main, NatGatewayId=name)
    vpc.ec2.delete_nat_gateway(NatGatewayId=name)
    assert vpc.reach() == Blocked(
        f"NAT gateway {name} of route table {vpc.main} of subnet {vpc.private} is in state deleted, not available"
    )


def test_a_security_group_without_a_way_out_is_named(vpc: Vpc) -> None:
    vpc.default_route(vpc.main, NatGatewayId=vpc.nat())
    everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    vpc.ec2.revoke_security_group_egress(GroupId=vpc.group, IpPermissions=everything)
    assert vpc.reach() == Blocked(f"no security group among {vpc.group} allows TCP 443 out to 0.0.0.0/0")
    https = [{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    vpc.ec2.authorize_security_group_egress(GroupId=vpc.group, IpPermissions=https)
    assert isinstance(vpc.reach(), Reached)


def test_a_denying_network_acl_is_named(vpc: Vpc) -> None:
    vpc.default_route(vpc.main, NatGatewayId=vpc.nat())
    acls = vpc.ec2.describe_network_acls(Filters=[{"Name": "vpc-id", "Values": [vpc.id]}])["NetworkAcls"]
    acl = acls[0]["NetworkAclId"]
    vpc.ec2.create_network_acl_entry(
        NetworkAclId=acl, RuleNumber=50, Protocol="-1", RuleAction="deny", Egress=True, CidrBlock="0.0.0.0/0"
    )
    answer = vpc.reach()
    assert isinstance(answer, Blocked)
    assert f"network ACL {acl} of subnet {vpc.private} does not allow TCP 443 out" in answer.because


def test_an_endpoint_whose_name_is_not_resolved_is_in_the_way_even_beside_a_nat_gateway(vpc: Vpc) -> None:
    vpc.endpoint()
    vpc.default_route(vpc.main, NatGatewayId=vpc.nat())
    answer = vpc.reach()
    assert isinstance(answer, Blocked)
    assert "enableDnsHostnames" in answer.because


def test_an_endpoint_of_another_service_is_not_in_the_way(vpc: Vpc) -> None:
    vpc.endpoint(f"com.amazonaws.{REGION}.sts")
    name = vpc.nat()
    vpc.default_route(vpc.main, NatGatewayId=name)
    assert vpc.reach() == Reached(f"NAT gateway {name}")


def test_reads_dns_support_of_the_vpc(vpc: Vpc) -> None:
    vpc.default_route(vpc.main, NatGatewayId=vpc.nat())
    vpc.ec2.modify_vpc_attribute(VpcId=vpc.id, EnableDnsSupport={"Value": False})
    answer = vpc.reach()
    assert isinstance(answer, Blocked)
    assert "enableDnsSupport" in answer.because


def test_reads_with_few_calls(vpc: Vpc) -> None:
    calls: list[str] = []
    vpc.ec2.meta.events.register("before-call.ec2", lambda model, **_: calls.append(model.name))
    vpc.reach()
    assert sorted(calls) == [
        "DescribeNetworkAcls",
        "DescribeRouteTables",
        "DescribeSecurityGroups",
        "DescribeSubnets",
        "DescribeVpcAttribute",
        "DescribeVpcEndpoints",
    ]
    vpc.default_route(vpc.main, NatGatewayId=vpc.nat())
    calls.clear()
    vpc.reach()
    assert len(calls) == 7
    assert "DescribeNatGateways" in calls


def test_a_group_that_is_gone_is_no_error(vpc: Vpc) -> None:
    vpc.default_route(vpc.main, NatGatewayId=vpc.nat())
    facts = read(vpc.ec2, vpc.id, [vpc.private], [vpc.group, "sg-00000000000000000"])
    assert isinstance(reach(facts, "secretsmanager"), Reached)


def test_a_vpc_that_is_gone_is_boto3s_error(vpc: Vpc) -> None:
    with pytest.raises(ClientError, match=r"InvalidVpcID\.NotFound"):
        read(vpc.ec2, "vpc-00000000000000000", [vpc.private], [vpc.group])


def test_the_permissions_are_enough_and_each_is_needed(emulator: Emulator, vpc: Vpc) -> None:
    vpc.default_route(vpc.main, NatGatewayId=vpc.nat())

    def reading(name: str, actions: list[str]) -> Any:
        session = assumed(emulator, MEMBER, create_role(emulator, MEMBER, name, allow(*actions), trusts=[TRUST]))
        return session.client("ec2", region_name=REGION, endpoint_url=emulator.endpoint)

    assert isinstance(vpc.reach(reading("all", list(PERMISSIONS))), Reached)
    for number, left_out in enumerate(PERMISSIONS):
        client = reading(f"lacks-{number}", [action for action in PERMISSIONS if action != left_out])
        with pytest.raises(ClientError, match="UnauthorizedOperation"):
            vpc.reach(client)


TRUST = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{MEMBER}:root"}}

# What the embedded AWS does not say of endpoints, ports, associations and pages, in the form of EC2's API reference.
POLICY = json.dumps({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]})
ANSWERS = {
    "DescribeVpcEndpoints": """<vpcEndpointSet>
        <item><vpcEndpointId>vpce-1</vpcEndpointId><vpcEndpointType>Interface</vpcEndpointType><vpcId>vpc-1</vpcId>
            <serviceName>com.amazonaws.eu-west-1.secretsmanager</serviceName><state>available</state>
            <policyDocument>POLICY</policyDocument><subnetIdSet><item>subnet-1</item></subnetIdSet>
            <groupSet><item><groupId>sg-e</groupId><groupName>e</groupName></item></groupSet>
            <ipAddressType>ipv4</ipAddressType><privateDnsEnabled>true</privateDnsEnabled></item>
        <item><vpcEndpointId>vpce-2</vpcEndpointId><vpcEndpointType>Wormhole</vpcEndpointType></item>
        </vpcEndpointSet>""".replace("POLICY", POLICY),
    "DescribeSubnets": """<subnetSet><item><subnetId>subnet-1</subnetId><cidrBlock>10.0.1.0/24</cidrBlock>
        <blockPublicAccessStates><internetGatewayBlockMode>block-ingress</internetGatewayBlockMode>
        </blockPublicAccessStates></item></subnetSet>""",
    "DescribeRouteTables": """<routeTableSet><item><routeTableId>rtb-1</routeTableId><routeSet>
        <item><destinationCidrBlock>10.0.0.0/16</destinationCidrBlock><gatewayId>local</gatewayId><state>active</state></item>
        <item><destinationIpv6CidrBlock>::/0</destinationIpv6CidrBlock><gatewayId>igw-1</gatewayId></item>
        <item><destinationPrefixListId>pl-1</destinationPrefixListId><gatewayId>vpce-3</gatewayId><state>active</state></item>
        <item><destinationCidrBlock>0.0.0.0/0</destinationCidrBlock><natGatewayId>nat-1</natGatewayId>
            <state>blackhole</state></item>
        <item><destinationCidrBlock>10.9.0.0/16</destinationCidrBlock><somethingNewId>new-1</somethingNewId></item>
        </routeSet><associationSet><item><main>true</main></item><item><main>false</main><subnetId>subnet-1</subnetId>
        </item></associationSet></item></routeTableSet>""",
    "DescribeNatGateways": """<natGatewaySet><item><natGatewayId>nat-1</natGatewayId><state>available</state>
        <connectivityType>public</connectivityType><availabilityMode>regional</availabilityMode>
        <routeTableId>rtb-2</routeTableId></item></natGatewaySet>""",
    "DescribeSecurityGroups": """<securityGroupInfo><item><groupId>sg-e</groupId><ipPermissions><item>
        <ipProtocol>tcp</ipProtocol><fromPort>443</fromPort><toPort>443</toPort>
        <groups><item><groupId>sg-f</groupId></item></groups><prefixListIds><item><prefixListId>pl-2</prefixListId></item>
        </prefixListIds></item></ipPermissions><ipPermissionsEgress/></item></securityGroupInfo>""",
    "DescribeNetworkAcls": """<networkAclSet><item><networkAclId>acl-1</networkAclId><default>false</default><entrySet>
        <item><ruleNumber>100</ruleNumber><protocol>6</protocol><ruleAction>allow</ruleAction><egress>true</egress>
            <cidrBlock>0.0.0.0/0</cidrBlock><portRange><from>443</from><to>443</to></portRange></item>
        <item><ruleNumber>101</ruleNumber><protocol>-1</protocol><ruleAction>allow</ruleAction><egress>true</egress>
            <ipv6CidrBlock>::/0</ipv6CidrBlock></item></entrySet>
        <associationSet><item><subnetId>subnet-1</subnetId></item></associationSet></item></networkAclSet>""",
    "DescribeVpcAttribute": "<enableDnsSupport><value>true</value></enableDnsSupport>",
}


@pytest.fixture
def described() -> Iterator[tuple[Any, list[dict[str, list[str]]]]]:
    """A client of a server that gives these answers, and what it was asked; two pages of route tables."""
    asked: list[dict[str, list[str]]] = []

    class Ec2(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            asked.append(request)
            action = request["Action"][0]
            body = ANSWERS[action]
            if action == "DescribeRouteTables" and "NextToken" in request:
                body = body.replace("rtb-1", "rtb-2")
            elif action == "DescribeRouteTables":
                body += "<nextToken>more</nextToken>"
            answer = f'<{action}Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">{body}</{action}Response>'
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer.encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Ec2) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        client = boto3.client(
            "ec2",
            region_name=REGION,
            endpoint_url=f"http://127.0.0.1:{server.server_port}",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        yield client, asked
        client.close()
        server.shutdown()
        thread.join()


def test_reads_what_the_api_reference_shows(described: tuple[Any, list[dict[str, list[str]]]]) -> None:
    client, asked = described
    facts = read(client, "vpc-1", ("subnet-1",), ("sg-f",))
    assert facts.subnets == (Subnet("subnet-1", "10.0.1.0/24", "block-ingress"),)
    routes = (
        Route("10.0.0.0/16", "local"),
        Route("pl-1", "vpce-3"),
        Route("0.0.0.0/0", "nat-1", "blackhole"),
        Route("10.9.0.0/16", "", ""),
    )
    assert facts.route_tables == tuple(RouteTable(n, routes, ("subnet-1",), main=True) for n in ("rtb-1", "rtb-2"))
    assert facts.nat_gateways == (NatGateway("nat-1", "available", "public", "", "rtb-2"),)
    assert facts.endpoints == (
        Endpoint("vpce-1", SERVICE, "Interface", "available", True, ("subnet-1",), ("sg-e",), POLICY, "ipv4"),
        Endpoint("vpce-2", "", "Wormhole", "", None, (), (), None, ""),
    )
    assert facts.groups == (SecurityGroup("sg-e", (Rule("tcp", (443, 443), (), ("sg-f",), ("pl-2",)),), ()),)
    assert facts.acls == (
        NetworkAcl("acl-1", (AclEntry(100, True, "allow", "6", "0.0.0.0/0", (443, 443)),), ("subnet-1",), False),
    )
    assert (facts.dns_support, facts.dns_hostnames) == (True, None)
    named = {request["Action"][0]: request for request in asked}
    assert named["DescribeNatGateways"]["Filter.1.Name"] == ["vpc-id"]
    assert named["DescribeSecurityGroups"]["Filter.1.Name"] == ["group-id"]
    assert named["DescribeSecurityGroups"]["Filter.1.Value.2"] == ["sg-e"]
    assert len(asked) == 9  # of which one for the second page
