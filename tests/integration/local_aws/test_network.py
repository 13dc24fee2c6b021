"""EC2's endpoints, ACLs and groups, and the way to Secrets Manager that they make."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from functions.adapters.network import read
from functions.core.network import Blocked, Reached, reach
from warden.local.emulator import Emulator

from .resources import MEMBER, allow, document

SERVICE = "com.amazonaws.us-east-1.secretsmanager"
HTTPS = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}
FULL = {"Statement": [{"Action": "*", "Effect": "Allow", "Principal": "*", "Resource": "*"}]}


class Vpc:
    """A VPC with DNS host names, two private subnets, and a group for the function and one for endpoints."""

    def __init__(self, ec2: Any) -> None:
        self.ec2 = ec2
        self.id = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        ec2.modify_vpc_attribute(VpcId=self.id, EnableDnsHostnames={"Value": True})
        self.subnet, self.other = (self._subnet(f"10.0.{number}.0/24") for number in (1, 2))
        self.function, self.endpoints = (self._group(name) for name in ("function", "endpoints"))
        admitted = {**HTTPS, "UserIdGroupPairs": [{"GroupId": self.function}]}
        ec2.authorize_security_group_ingress(GroupId=self.endpoints, IpPermissions=[admitted])

    def _subnet(self, cidr: str) -> str:
        return str(self.ec2.create_subnet(VpcId=self.id, CidrBlock=cidr)["Subnet"]["SubnetId"])

    def _group(self, name: str) -> str:
        return str(self.ec2.create_security_group(GroupName=name, Description=name, VpcId=self.id)["GroupId"])

    def endpoint(self, service: str = SERVICE, **given: Any) -> Any:
        """An interface endpoint in the other subnet."""
        asked = {"SubnetIds": [self.other], "SecurityGroupIds": [self.endpoints], "PrivateDnsEnabled": True, **given}
        return self.ec2.create_vpc_endpoint(VpcId=self.id, VpcEndpointType="Interface", ServiceName=service, **asked)[
            "VpcEndpoint"
        ]

    def reach(self) -> Reached | Blocked:
        return reach(read(self.ec2, self.id, [self.subnet], [self.function]), "secretsmanager")

    def acls(self, **asked: Any) -> Any:
        chosen = [{"Name": "vpc-id", "Values": [self.id]}]
        return self.ec2.describe_network_acls(Filters=chosen, **asked)["NetworkAcls"]


@pytest.fixture
def vpc(emulator: Emulator) -> Vpc:
    return Vpc(emulator.client("ec2", MEMBER))


def chosen(**filters: str) -> list[dict[str, Any]]:
    return [{"Name": name.replace("_", "-"), "Values": [value]} for name, value in filters.items()]


def test_an_endpoint_that_works_is_reached(vpc: Vpc) -> None:
    assert isinstance(vpc.reach(), Blocked)
    made = vpc.endpoint()
    assert vpc.reach() == Reached(f"interface endpoint {made['VpcEndpointId']}")


def test_each_thing_that_stands_in_the_way_is_seen(vpc: Vpc) -> None:
    def because() -> str:
        found = vpc.reach()
        assert isinstance(found, Blocked)
        return found.because

    name = vpc.endpoint()["VpcEndpointId"]
    vpc.ec2.modify_vpc_endpoint(VpcEndpointId=name, PrivateDnsEnabled=False)
    assert f"private DNS is off for interface endpoint {name}" in because()
    vpc.ec2.modify_vpc_endpoint(VpcEndpointId=name, PrivateDnsEnabled=True)
    vpc.ec2.modify_vpc_endpoint(VpcEndpointId=name, PolicyDocument=document(allow("secretsmanager:ListSecrets")))
    assert f"the policy of interface endpoint {name}" in because()
    vpc.ec2.modify_vpc_endpoint(VpcEndpointId=name, ResetPolicy=True)
    vpc.ec2.modify_vpc_endpoint(
        VpcEndpointId=name, AddSecurityGroupIds=[vpc.function], RemoveSecurityGroupIds=[vpc.endpoints]
    )
    assert f"{vpc.function}" in because()
    vpc.ec2.modify_vpc_endpoint(VpcEndpointId=name, AddSecurityGroupIds=[vpc.endpoints])
    assert isinstance(vpc.reach(), Reached)
    (acl,) = (one["NetworkAclId"] for one in vpc.acls())
    https = {"Protocol": "6", "PortRange": {"From": 443, "To": 443}, "CidrBlock": "10.0.2.0/24"}
    vpc.ec2.create_network_acl_entry(NetworkAclId=acl, RuleNumber=50, RuleAction="deny", Egress=True, **https)
    assert f"network ACL {acl} of subnet {vpc.subnet} does not allow TCP 443 out" in because()
    vpc.ec2.delete_vpc_endpoints(VpcEndpointIds=[name])
    assert f"has no interface endpoint {SERVICE}" in because()


def test_an_endpoint_is_described_as_it_was_made(vpc: Vpc) -> None:
    policy = document(allow("secretsmanager:GetSecretValue"))
    made = vpc.endpoint(PolicyDocument=policy, PrivateDnsEnabled=False)
    (found,) = vpc.ec2.describe_vpc_endpoints(VpcEndpointIds=[made["VpcEndpointId"]])["VpcEndpoints"]
    assert found == made
    assert (found["State"], found["VpcEndpointType"], found["ServiceName"]) == ("available", "Interface", SERVICE)
    assert (found["SubnetIds"], found["PrivateDnsEnabled"]) == ([vpc.other], False)
    assert found["Groups"] == [{"GroupId": vpc.endpoints, "GroupName": "endpoints"}]
    assert found["PolicyDocument"] == policy
    interfaces = vpc.ec2.describe_network_interfaces(NetworkInterfaceIds=found["NetworkInterfaceIds"])
    (interface,) = interfaces["NetworkInterfaces"]
    assert (interface["SubnetId"], interface["VpcId"]) == (vpc.other, vpc.id)
    assert [one["GroupId"] for one in interface["Groups"]] == [vpc.endpoints]


def test_what_is_not_said_of_an_endpoint_has_its_default(vpc: Vpc) -> None:
    made = vpc.ec2.create_vpc_endpoint(
        VpcId=vpc.id, VpcEndpointType="Interface", ServiceName=SERVICE, SubnetIds=[vpc.subnet]
    )["VpcEndpoint"]
    assert [one["GroupName"] for one in made["Groups"]] == ["default"]
    assert made["PrivateDnsEnabled"] is True
    assert made["IpAddressType"] == "ipv4"
    gateway = vpc.ec2.create_vpc_endpoint(VpcId=vpc.id, ServiceName="com.amazonaws.us-east-1.s3")["VpcEndpoint"]
    assert (gateway["VpcEndpointType"], gateway["PrivateDnsEnabled"]) == ("Gateway", False)
    assert (gateway["Groups"], gateway["NetworkInterfaceIds"]) == ([], [])


def test_an_endpoint_of_a_stack_works_too(vpc: Vpc, emulator: Emulator) -> None:
    properties = {
        "VpcId": vpc.id,
        "VpcEndpointType": "Interface",
        "ServiceName": SERVICE,
        "SubnetIds": [vpc.other],
        "SecurityGroupIds": [vpc.endpoints],
        "PrivateDnsEnabled": True,
    }
    cloudformation = emulator.client("cloudformation", MEMBER)
    template = {"Resources": {"Endpoint": {"Type": "AWS::EC2::VPCEndpoint", "Properties": properties}}}
    cloudformation.create_stack(StackName="network", TemplateBody=json.dumps(template))
    cloudformation.get_waiter("stack_create_complete").wait(StackName="network", WaiterConfig={"Delay": 1})
    (found,) = vpc.ec2.describe_vpc_endpoints(Filters=chosen(vpc_id=vpc.id))["VpcEndpoints"]
    assert vpc.reach() == Reached(f"interface endpoint {found['VpcEndpointId']}")
    assert json.loads(found["PolicyDocument"]) == FULL


def test_endpoints_are_found_by_filters(vpc: Vpc) -> None:
    first = vpc.endpoint()["VpcEndpointId"]
    second = vpc.endpoint("com.amazonaws.us-east-1.sts")["VpcEndpointId"]

    def found(**filters: str) -> list[str]:
        answer = vpc.ec2.describe_vpc_endpoints(Filters=chosen(**filters))["VpcEndpoints"]
        return [one["VpcEndpointId"] for one in answer]

    assert found(vpc_id=vpc.id) == [first, second]
    assert found(vpc_id="vpc-other") == []
    assert found(vpc_id=vpc.id, service_name=SERVICE) == [first]
    assert found(vpc_endpoint_state="deleted") == []
    with pytest.raises(ClientError, match=r"InvalidVpcEndpointId\.NotFound"):
        vpc.ec2.describe_vpc_endpoints(VpcEndpointIds=["vpce-0"])


def test_interfaces_follow_the_subnets_of_an_endpoint(vpc: Vpc) -> None:
    made = vpc.endpoint()
    name, before = made["VpcEndpointId"], made["NetworkInterfaceIds"]
    vpc.ec2.modify_vpc_endpoint(VpcEndpointId=name, AddSubnetIds=[vpc.subnet], RemoveSubnetIds=[vpc.other])
    (found,) = vpc.ec2.describe_vpc_endpoints(VpcEndpointIds=[name])["VpcEndpoints"]
    assert found["SubnetIds"] == [vpc.subnet]
    assert len(found["NetworkInterfaceIds"]) == 1
    assert found["NetworkInterfaceIds"] != before
    vpc.ec2.delete_vpc_endpoints(VpcEndpointIds=[name])
    left = vpc.ec2.describe_network_interfaces()["NetworkInterfaces"]
    assert not [one for one in left if one["NetworkInterfaceId"] in before + found["NetworkInterfaceIds"]]


def test_groups_are_found_by_a_filter_on_their_ids(vpc: Vpc) -> None:
    def found(*values: str, **asked: Any) -> set[str]:
        filters = [{"Name": "group-id", "Values": list(values)}]
        answer = vpc.ec2.describe_security_groups(Filters=filters, **asked)["SecurityGroups"]
        return {one["GroupId"] for one in answer}

    assert found(vpc.function, vpc.endpoints) == {vpc.function, vpc.endpoints}
    assert found(vpc.function, "sg-0") == {vpc.function}
    assert found("sg-0") == set()
    assert found(vpc.function, GroupIds=[vpc.endpoints]) == set()


def test_a_subnet_has_the_default_acl_until_it_is_given_another(vpc: Vpc) -> None:
    (default,) = vpc.acls()
    associations = {one["SubnetId"]: one["NetworkAclAssociationId"] for one in default["Associations"]}
    assert set(associations) == {vpc.subnet, vpc.other}
    made = vpc.ec2.create_network_acl(VpcId=vpc.id)["NetworkAcl"]["NetworkAclId"]
    assert isinstance(vpc.reach(), Blocked)
    vpc.ec2.replace_network_acl_association(AssociationId=associations[vpc.subnet], NetworkAclId=made)
    found = {one["NetworkAclId"]: [each["SubnetId"] for each in one["Associations"]] for one in vpc.acls()}
    assert found == {default["NetworkAclId"]: [vpc.other], made: [vpc.subnet]}
    filters = [{"Name": "association.subnet-id", "Values": [vpc.subnet]}]
    assert [one["NetworkAclId"] for one in vpc.ec2.describe_network_acls(Filters=filters)["NetworkAcls"]] == [made]
    with pytest.raises(ClientError, match="DependencyViolation"):
        vpc.ec2.delete_network_acl(NetworkAclId=made)
    with pytest.raises(ClientError, match=r"InvalidAssociationID\.NotFound"):
        vpc.ec2.replace_network_acl_association(AssociationId=associations[vpc.subnet], NetworkAclId=made)


def test_a_custom_acl_lets_through_what_its_entries_allow(vpc: Vpc) -> None:
    vpc.endpoint()
    made = vpc.ec2.create_network_acl(VpcId=vpc.id)["NetworkAcl"]["NetworkAclId"]
    (default,) = (one for one in vpc.acls() if one["IsDefault"])
    association = {one["SubnetId"]: one["NetworkAclAssociationId"] for one in default["Associations"]}[vpc.subnet]
    vpc.ec2.replace_network_acl_association(AssociationId=association, NetworkAclId=made)
    assert isinstance(vpc.reach(), Blocked)
    rules = {"NetworkAclId": made, "RuleNumber": 100, "CidrBlock": "10.0.0.0/16", "RuleAction": "allow"}
    out = {**rules, "Egress": True, "Protocol": "tcp", "PortRange": {"From": 443, "To": 443}}
    vpc.ec2.create_network_acl_entry(**out)
    vpc.ec2.create_network_acl_entry(**rules, Egress=False, Protocol="6", PortRange={"From": 1024, "To": 65535})
    assert isinstance(vpc.reach(), Reached)
    (found,) = (one for one in vpc.acls() if one["NetworkAclId"] == made)
    shown = {(one["RuleNumber"], one["Egress"]): (one["Protocol"], one.get("PortRange")) for one in found["Entries"]}
    assert shown == {
        (100, True): ("6", {"From": 443, "To": 443}),
        (100, False): ("6", {"From": 1024, "To": 65535}),
        (32767, True): ("-1", None),
        (32767, False): ("-1", None),
    }
    with pytest.raises(ClientError, match="NetworkAclEntryAlreadyExists"):
        vpc.ec2.create_network_acl_entry(**out)
    vpc.ec2.replace_network_acl_entry(**{**out, "PortRange": {"From": 80, "To": 80}})
    assert isinstance(vpc.reach(), Blocked)
    vpc.ec2.replace_network_acl_entry(**{**out, "PortRange": {"From": 400, "To": 500}})
    assert isinstance(vpc.reach(), Reached)


def test_nat_gateways_are_found_by_vpc(vpc: Vpc) -> None:
    made = vpc.ec2.create_nat_gateway(SubnetId=vpc.other, AllocationId="eipalloc-1")["NatGateway"]["NatGatewayId"]

    def found(vpc_id: str) -> list[tuple[str, str, str]]:
        answer = vpc.ec2.describe_nat_gateways(Filters=chosen(vpc_id=vpc_id))["NatGateways"]
        return [(one["NatGatewayId"], one["State"], one["ConnectivityType"]) for one in answer]

    assert found(vpc.id) == [(made, "available", "public")]
    assert found("vpc-other") == []


def test_dns_attributes_of_a_vpc_are_kept(vpc: Vpc) -> None:
    vpc.ec2.modify_vpc_attribute(VpcId=vpc.id, EnableDnsSupport={"Value": False})
    answers = [
        vpc.ec2.describe_vpc_attribute(VpcId=vpc.id, Attribute=name)[name[0].upper() + name[1:]]["Value"]
        for name in ("enableDnsSupport", "enableDnsHostnames")
    ]
    assert answers == [False, True]
