"""Reads from EC2 what `functions.core.network` judges: one VPC, in at most eight calls where each answer is one page.

Shapes: EC2 API reference, `DescribeSubnets`, `DescribeRouteTables`, `DescribeNatGateways`, `DescribeVpcEndpoints`,
`DescribeSecurityGroups`, `DescribeNetworkAcls` and `DescribeVpcAttribute`. IPv6 is left out; values that are missing or
new are carried.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from functions.core.network import (
    AclEntry,
    Endpoint,
    NatGateway,
    Network,
    NetworkAcl,
    Ports,
    Route,
    RouteTable,
    Rule,
    SecurityGroup,
    Subnet,
)

PERMISSIONS = (
    "ec2:DescribeNatGateways",
    "ec2:DescribeNetworkAcls",
    "ec2:DescribeRouteTables",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcAttribute",
    "ec2:DescribeVpcEndpoints",
)
"""What `read` needs, each on every resource (`*`): EC2 knows no narrower one for these."""

_MOST_VALUES = 200  # of one filter (EC2 API reference, "Filter")
_TARGETS = (
    "GatewayId",
    "NatGatewayId",
    "TransitGatewayId",
    "VpcPeeringConnectionId",
    "NetworkInterfaceId",
    "InstanceId",
    "EgressOnlyInternetGatewayId",
    "LocalGatewayId",
    "CarrierGatewayId",
    "CoreNetworkArn",
)

Json = Mapping[str, Any]


def read(ec2: Any, vpc: str, subnets: Sequence[str], groups: Sequence[str]) -> Network:
    """Read the VPC of a function that is in these subnets with these security groups, with a client of its Region.

    Needs `PERMISSIONS`. NAT gateways are read only where a route leads to one, and whether the VPC has DNS host names
    only where an endpoint has private DNS. Raises boto3's errors.
    """
    tables = tuple(_route_table(one) for one in _all(ec2, "describe_route_tables", "RouteTables", "vpc-id", vpc))
    through_nat = any(route.target.startswith("nat-") for table in tables for route in table.routes)
    nats = _all(ec2, "describe_nat_gateways", "NatGateways", "vpc-id", vpc) if through_nat else ()
    endpoints = tuple(_endpoint(one) for one in _all(ec2, "describe_vpc_endpoints", "VpcEndpoints", "vpc-id", vpc))
    private_dns = any(endpoint.private_dns for endpoint in endpoints)
    needed = dict.fromkeys([*groups, *(group for endpoint in endpoints for group in endpoint.groups)])
    return Network(
        vpc=vpc,
        region=ec2.meta.region_name,
        function_subnets=tuple(subnets),
        function_groups=tuple(groups),
        subnets=tuple(_subnet(one) for one in _all(ec2, "describe_subnets", "Subnets", "vpc-id", vpc)),
        route_tables=tables,
        nat_gateways=tuple(_nat_gateway(one) for one in nats),
        endpoints=endpoints,
        groups=tuple(
            _group(one) for one in _all(ec2, "describe_security_groups", "SecurityGroups", "group-id", *needed)
        ),
        acls=tuple(_acl(one) for one in _all(ec2, "describe_network_acls", "NetworkAcls", "vpc-id", vpc)),
        dns_support=_attribute(ec2, vpc, "enableDnsSupport"),
        dns_hostnames=_attribute(ec2, vpc, "enableDnsHostnames") if private_dns else None,
    )


def _all(ec2: Any, operation: str, member: str, name: str, *values: str) -> Iterator[Json]:
    for start in range(0, len(values), _MOST_VALUES):
        chosen = [{"Name": name, "Values": list(values[start : start + _MOST_VALUES])}]
        for page in ec2.get_paginator(operation).paginate(Filters=chosen):
            yield from page.get(member) or ()


def _attribute(ec2: Any, vpc: str, name: str) -> bool | None:
    answer = ec2.describe_vpc_attribute(VpcId=vpc, Attribute=name)
    value = (answer.get(name[0].upper() + name[1:]) or {}).get("Value")
    return value if isinstance(value, bool) else None


def _subnet(body: Json) -> Subnet:
    blocked: Json = body.get("BlockPublicAccessStates") or {}
    return Subnet(_text(body, "SubnetId"), _text(body, "CidrBlock"), _text(blocked, "InternetGatewayBlockMode"))


def _route_table(body: Json) -> RouteTable:
    associations: list[Json] = body.get("Associations") or []
    return RouteTable(
        id=_text(body, "RouteTableId"),
        routes=tuple(_route(one) for one in body.get("Routes") or () if not one.get("DestinationIpv6CidrBlock")),
        subnets=tuple(one["SubnetId"] for one in associations if one.get("SubnetId")),
        main=any(one.get("Main") for one in associations),
    )


def _route(body: Json) -> Route:
    destination = _text(body, "DestinationCidrBlock") or _text(body, "DestinationPrefixListId")
    target = next((body[member] for member in _TARGETS if body.get(member)), "")
    return Route(destination, target, _text(body, "State"))


def _nat_gateway(body: Json) -> NatGateway:
    return NatGateway(
        id=_text(body, "NatGatewayId"),
        state=_text(body, "State"),
        connectivity=_text(body, "ConnectivityType"),
        subnet=_text(body, "SubnetId"),
        route_table=_text(body, "RouteTableId"),
    )


def _endpoint(body: Json) -> Endpoint:
    private_dns = body.get("PrivateDnsEnabled")
    return Endpoint(
        id=_text(body, "VpcEndpointId"),
        service=_text(body, "ServiceName"),
        kind=_text(body, "VpcEndpointType"),
        state=_text(body, "State"),
        private_dns=private_dns if isinstance(private_dns, bool) else None,
        subnets=tuple(body.get("SubnetIds") or ()),
        groups=tuple(one["GroupId"] for one in body.get("Groups") or () if one.get("GroupId")),
        policy=body.get("PolicyDocument"),
        address_type=_text(body, "IpAddressType"),
    )


def _group(body: Json) -> SecurityGroup:
    return SecurityGroup(
        id=_text(body, "GroupId"),
        ingress=tuple(_rule(one) for one in body.get("IpPermissions") or ()),
        egress=tuple(_rule(one) for one in body.get("IpPermissionsEgress") or ()),
    )


def _rule(body: Json) -> Rule:
    return Rule(
        protocol=_text(body, "IpProtocol"),
        ports=_ports(body.get("FromPort"), body.get("ToPort")),
        cidrs=_each(body, "IpRanges", "CidrIp"),
        groups=_each(body, "UserIdGroupPairs", "GroupId"),
        prefix_lists=_each(body, "PrefixListIds", "PrefixListId"),
    )


def _acl(body: Json) -> NetworkAcl:
    return NetworkAcl(
        id=_text(body, "NetworkAclId"),
        entries=tuple(_entry(one) for one in body.get("Entries") or () if not one.get("Ipv6CidrBlock")),
        subnets=_each(body, "Associations", "SubnetId"),
        default=bool(body.get("IsDefault")),
    )


def _entry(body: Json) -> AclEntry:
    ports: Json = body.get("PortRange") or {}
    return AclEntry(
        number=int(body.get("RuleNumber") or 0),
        egress=bool(body.get("Egress")),
        action=_text(body, "RuleAction"),
        protocol=_text(body, "Protocol"),
        cidr=_text(body, "CidrBlock"),
        ports=_ports(ports.get("From"), ports.get("To")),
    )


def _ports(first: Any, last: Any) -> Ports | None:
    return (first, last) if isinstance(first, int) and isinstance(last, int) else None


def _each(body: Json, list_name: str, member: str) -> tuple[str, ...]:
    return tuple(one[member] for one in body.get(list_name) or () if one.get(member))


def _text(body: Json, member: str) -> str:
    value = body.get(member)
    return value if isinstance(value, str) else ""
