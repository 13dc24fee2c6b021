"""Whether a function in a VPC reaches an AWS service."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.core.network import (
    AclEntry,
    Blocked,
    Endpoint,
    NatGateway,
    Network,
    NetworkAcl,
    Reached,
    Route,
    RouteTable,
    Rule,
    SecurityGroup,
    Subnet,
    reach,
)

SERVICE = "com.amazonaws.eu-west-1.secretsmanager"
LOCAL = Route("10.0.0.0/16", "local")
HTTPS_OUT = Rule("tcp", (443, 443), cidrs=("0.0.0.0/0",))


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Statement": list(statements)})


def allow(action: object = "*", **others: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": "*", "Action": action, "Resource": "*", **others}


def entry(number: int, action: str, *, egress: bool, **others: Any) -> AclEntry:
    given = {"protocol": "-1", "cidr": "0.0.0.0/0", "ports": None, **others}
    return AclEntry(number=number, egress=egress, action=action, **given)


def acl(*entries: AclEntry, name: str = "acl-1", subnets: tuple[str, ...] = ()) -> NetworkAcl:
    """An ACL with AWS's own last rules; without subnets it is the default one."""
    last = (entry(32767, "deny", egress=True), entry(32767, "deny", egress=False))
    return NetworkAcl(name, (*entries, *last), subnets, default=not subnets)


OPEN = acl(entry(100, "allow", egress=True), entry(100, "allow", egress=False))
INTERFACE = Endpoint(
    "vpce-1",
    SERVICE,
    private_dns=True,
    subnets=("subnet-e",),
    groups=("sg-e",),
    policy=policy(allow()),
    address_type="ipv4",
)
BASE = Network(
    vpc="vpc-1",
    region="eu-west-1",
    function_subnets=("subnet-a", "subnet-b"),
    function_groups=("sg-f",),
    subnets=(
        Subnet("subnet-a", "10.0.1.0/24"),
        Subnet("subnet-b", "10.0.2.0/24"),
        Subnet("subnet-e", "10.0.3.0/24"),
        Subnet("subnet-p", "10.0.9.0/24", "off"),
    ),
    route_tables=(RouteTable("rtb-main", (LOCAL,), main=True),),
    groups=(
        SecurityGroup("sg-f", egress=(HTTPS_OUT,)),
        SecurityGroup("sg-e", ingress=(Rule("tcp", (443, 443), groups=("sg-f",)),)),
    ),
    acls=(OPEN,),
    dns_support=True,
    dns_hostnames=True,
)
NAT = replace(
    BASE,
    route_tables=(
        RouteTable("rtb-main", (LOCAL, Route("0.0.0.0/0", "nat-1")), main=True),
        RouteTable("rtb-p", (LOCAL, Route("0.0.0.0/0", "igw-1")), ("subnet-p",)),
    ),
    nat_gateways=(NatGateway("nat-1", "available", "public", "subnet-p"),),
)
ENDPOINT = replace(BASE, endpoints=(INTERFACE,))


def main_table(*routes: Route) -> tuple[RouteTable, ...]:
    return (RouteTable("rtb-main", (LOCAL, *routes), main=True), *NAT.route_tables[1:])


def nat(**changes: Any) -> Network:
    return replace(NAT, **changes)


def endpoint(**changes: Any) -> Network:
    return replace(ENDPOINT, endpoints=(replace(INTERFACE, **changes),))


def groups(*, out: Rule | None = HTTPS_OUT, into: Rule | None = None) -> tuple[SecurityGroup, ...]:
    return (
        SecurityGroup("sg-f", egress=(out,) if out else ()),
        SecurityGroup("sg-e", ingress=(into,) if into else ()),
    )


def https(**peers: tuple[str, ...]) -> Rule:
    return Rule("tcp", (443, 443), **peers)


TO_NAT = Route("0.0.0.0/0", "nat-1")
FROM_FUNCTION = https(groups=("sg-f",))
S3 = Endpoint("vpce-s3", "com.amazonaws.eu-west-1.s3", "Gateway")


@pytest.mark.parametrize(
    ("facts", "by"),
    [
        (NAT, "NAT gateway nat-1"),
        (ENDPOINT, "interface endpoint vpce-1"),
        # An endpoint takes the traffic of the whole VPC, also where there is a NAT gateway.
        (nat(endpoints=(INTERFACE,)), "interface endpoint vpce-1"),
        # Routes
        (nat(route_tables=main_table(TO_NAT, Route("10.8.0.0/16", "tgw-1"))), "NAT gateway nat-1"),
        (nat(route_tables=main_table(TO_NAT, Route("52.0.0.0/8", "nat-1"))), "NAT gateway nat-1"),
        (nat(route_tables=main_table(TO_NAT, Route("pl-s3", "vpce-s3")), endpoints=(S3,)), "NAT gateway nat-1"),
        (
            nat(
                route_tables=(
                    *NAT.route_tables,
                    RouteTable("rtb-b", (LOCAL, Route("0.0.0.0/0", "nat-2")), ("subnet-b",)),
                ),
                nat_gateways=(*NAT.nat_gateways, NatGateway("nat-2", "available", "public", "subnet-p")),
            ),
            "NAT gateway nat-1, NAT gateway nat-2",
        ),
        # A regional NAT gateway is in no subnet.
        (nat(nat_gateways=(NatGateway("nat-1", "available", "public", "", "rtb-p"),)), "NAT gateway nat-1"),
        (
            nat(subnets=(*NAT.subnets[:3], Subnet("subnet-p", "10.0.9.0/24", "block-ingress"))),
            "NAT gateway nat-1",
        ),
        # An endpoint without private DNS, of another service or already deleted, takes no traffic.
        (nat(endpoints=(replace(INTERFACE, private_dns=False),)), "NAT gateway nat-1"),
        (nat(endpoints=(replace(INTERFACE, service="com.amazonaws.eu-west-1.sts"),)), "NAT gateway nat-1"),
        (nat(endpoints=(replace(INTERFACE, service=f"{SERVICE}-fips"),)), "NAT gateway nat-1"),
        (nat(endpoints=(replace(INTERFACE, state="Deleted"),)), "NAT gateway nat-1"),
        # Security groups
        (nat(groups=groups(out=Rule("-1", cidrs=("0.0.0.0/0",)))), "NAT gateway nat-1"),
        (nat(groups=groups(out=Rule("6", (0, 65535), cidrs=("0.0.0.0/1", "128.0.0.0/1")))), "NAT gateway nat-1"),
        (nat(function_groups=("sg-none", "sg-f")), "NAT gateway nat-1"),
        (
            replace(ENDPOINT, groups=groups(out=https(groups=("sg-e",)), into=FROM_FUNCTION)),
            "interface endpoint vpce-1",
        ),
        (
            replace(ENDPOINT, groups=groups(out=https(cidrs=("10.0.0.0/16",)), into=https(cidrs=("10.0.0.0/16",)))),
            "interface endpoint vpce-1",
        ),
        # The endpoint's own words
        (endpoint(state="Available"), "interface endpoint vpce-1"),
        (endpoint(service=f"cn.{SERVICE}"), "interface endpoint vpce-1"),
        (endpoint(subnets=("subnet-a", "subnet-b")), "interface endpoint vpce-1"),
        (endpoint(policy=policy(allow("secretsmanager:GetSecretValue"))), "interface endpoint vpce-1"),
        (endpoint(policy=policy(allow(["kms:*", "SecretsManager:Get*"]))), "interface endpoint vpce-1"),
        (endpoint(policy=policy(allow(Principal={"AWS": ["*"]}, Sid="all"))), "interface endpoint vpce-1"),
        (
            endpoint(
                policy=policy(allow(), {**allow("secretsmanager:DeleteSecret"), "Effect": "Deny"}),
            ),
            "interface endpoint vpce-1",
        ),
        (endpoint(policy=json.dumps({"Statement": allow()})), "interface endpoint vpce-1"),
        # Network ACLs: the first rule that is about the traffic decides.
        (
            nat(
                acls=(
                    acl(
                        entry(10, "deny", egress=False, protocol="6", ports=(22, 22)),
                        entry(11, "deny", egress=False, cidr="192.168.0.0/16"),
                        entry(12, "deny", egress=True, protocol="17"),
                        entry(20, "allow", egress=True, protocol="6", ports=(443, 443)),
                        entry(30, "allow", egress=False, protocol="6", ports=(1024, 40000)),
                        entry(40, "allow", egress=False, protocol="6", ports=(30000, 65535)),
                        entry(50, "deny", egress=False),
                        subnets=("subnet-a", "subnet-b"),
                    ),
                    OPEN,
                )
            ),
            "NAT gateway nat-1",
        ),
        # There are no network ACLs inside one subnet.
        (
            replace(
                endpoint(subnets=("subnet-a",)),
                function_subnets=("subnet-a",),
                acls=(acl(entry(1, "deny", egress=True)),),
            ),
            "interface endpoint vpce-1",
        ),
        # Routes that only seem to lead away from the endpoint
        (replace(ENDPOINT, route_tables=main_table(Route("10.0.0.0/8", "tgw-1"))), "interface endpoint vpce-1"),
        (replace(ENDPOINT, route_tables=main_table(Route("10.0.77.0/24", "eni-1"))), "interface endpoint vpce-1"),
    ],
)
def test_finds_the_way(facts: Network, by: str) -> None:
    assert reach(facts, "secretsmanager") == Reached(by)


@pytest.mark.parametrize(
    ("facts", "because"),
    [
        # Nothing there
        (BASE, ("rtb-main", "subnet-a", "no active route 0.0.0.0/0", f"no interface endpoint {SERVICE}")),
        (replace(BASE, function_subnets=()), ("cannot be proved", "not known")),
        (replace(BASE, function_subnets=("subnet-x",)), ("cannot be proved", "subnet-x")),
        (nat(subnets=(Subnet("subnet-a", "?"), *NAT.subnets[1:])), ("cannot be proved", "subnet-a")),
        (nat(route_tables=NAT.route_tables[1:]), ("cannot be proved", "route table of subnet subnet-a")),
        # The classic mistake: a Lambda function in a public subnet
        (
            nat(route_tables=main_table(Route("0.0.0.0/0", "igw-1"))),
            ("internet gateway igw-1", "rtb-main", "subnet-a", "no public IP address"),
        ),
        # One subnet of two is enough to fail at random.
        (
            nat(route_tables=(*NAT.route_tables, RouteTable("rtb-b", (LOCAL,), ("subnet-b",)))),
            ("rtb-b", "subnet-b", "no active route"),
        ),
        # Routes
        (nat(route_tables=main_table(replace(TO_NAT, state="blackhole"))), ("no active route 0.0.0.0/0",)),
        (nat(route_tables=main_table(replace(TO_NAT, state="filtered"))), ("no active route 0.0.0.0/0",)),
        (nat(route_tables=main_table(Route("0.0.0.0/0", "tgw-1"))), ("cannot be proved", "tgw-1")),
        (nat(route_tables=main_table(Route("0.0.0.0/0", "pcx-1"))), ("cannot be proved", "pcx-1")),
        (nat(route_tables=main_table(Route("0.0.0.0/0", "vgw-1"))), ("cannot be proved", "vgw-1")),
        (nat(route_tables=main_table(Route("0.0.0.0/0", "eni-1"))), ("cannot be proved", "eni-1")),
        (nat(route_tables=main_table(Route("0.0.0.0/0", "vpce-fw"))), ("cannot be proved", "vpce-fw")),
        (nat(route_tables=main_table(Route("0.0.0.0/0", ""))), ("cannot be proved", "unknown kind")),
        (nat(route_tables=main_table(TO_NAT, Route("52.0.0.0/8", "tgw-1"))), ("cannot be proved", "52.0.0.0/8")),
        (
            nat(route_tables=main_table(TO_NAT, Route("52.0.0.0/8", "nat-1", "blackhole"))),
            ("cannot be proved", "52.0.0.0/8"),
        ),
        (nat(route_tables=main_table(TO_NAT, Route("pl-own", "tgw-1"))), ("cannot be proved", "pl-own")),
        (nat(route_tables=main_table(TO_NAT, Route("pl-s3", "vpce-s3"))), ("cannot be proved", "pl-s3")),
        # NAT gateways
        (nat(nat_gateways=()), ("cannot be proved", "nat-1", "rtb-main")),
        (nat(nat_gateways=(NatGateway("nat-1", "failed", "public", "subnet-p"),)), ("nat-1", "failed")),
        (nat(nat_gateways=(NatGateway("nat-1", "melting", "public", "subnet-p"),)), ("nat-1", "melting")),
        (nat(nat_gateways=(NatGateway("nat-1", "available", "private", "subnet-p"),)), ("nat-1", "private")),
        (nat(nat_gateways=(NatGateway("nat-1", "available", "", "subnet-p"),)), ("nat-1", "unknown connectivity")),
        (nat(nat_gateways=(NatGateway("nat-1", "available", "public"),)), ("cannot be proved", "nat-1")),
        (
            nat(nat_gateways=(NatGateway("nat-1", "available", "public", "subnet-a"),)),
            ("nat-1", "rtb-main of subnet subnet-a", "internet gateway"),
        ),
        (
            nat(route_tables=(NAT.route_tables[0], RouteTable("rtb-p", (LOCAL,), ("subnet-p",)))),
            ("nat-1", "rtb-p", "has no such route"),
        ),
        (
            nat(
                route_tables=(
                    NAT.route_tables[0],
                    RouteTable(
                        "rtb-p", (LOCAL, Route("0.0.0.0/0", "igw-1"), Route("10.0.1.0/24", "vpce-fw")), ("subnet-p",)
                    ),
                )
            ),
            ("cannot be proved", "rtb-p", "10.0.1.0/24", "vpce-fw"),
        ),
        (
            nat(
                route_tables=(
                    NAT.route_tables[0],
                    RouteTable(
                        "rtb-p", (LOCAL, Route("0.0.0.0/0", "igw-1"), Route("52.0.0.0/8", "tgw-1")), ("subnet-p",)
                    ),
                )
            ),
            ("cannot be proved", "rtb-p", "52.0.0.0/8", "tgw-1"),
        ),
        (nat(subnets=NAT.subnets[:3]), ("cannot be proved", "subnet-p")),
        (
            nat(subnets=(*NAT.subnets[:3], Subnet("subnet-p", "10.0.9.0/24", "block-bidirectional"))),
            ("cannot be proved", "subnet-p", "Block Public Access"),
        ),
        (
            nat(subnets=(Subnet("subnet-a", "10.0.1.0/24", "block-something"), *NAT.subnets[1:])),
            ("cannot be proved", "subnet-a", "block-something"),
        ),
        (nat(dns_support=False), ("cannot be proved", "vpc-1", "enableDnsSupport", "off")),
        (nat(dns_support=None), ("cannot be proved", "vpc-1", "enableDnsSupport", "unknown")),
        # Security groups towards the internet
        (nat(groups=groups(out=None)), ("sg-f", "TCP 443 out")),
        (nat(groups=groups(out=https(cidrs=("10.0.0.0/8",)))), ("sg-f", "0.0.0.0/0")),
        (nat(groups=groups(out=https(cidrs=("::/0", "nonsense")))), ("sg-f", "0.0.0.0/0")),
        (nat(groups=groups(out=Rule("tcp", (80, 80), cidrs=("0.0.0.0/0",)))), ("sg-f", "443")),
        (nat(groups=groups(out=Rule("udp", (443, 443), cidrs=("0.0.0.0/0",)))), ("sg-f", "443")),
        (nat(groups=groups(out=Rule("tcp", None, cidrs=("0.0.0.0/0",)))), ("sg-f", "443")),
        (nat(groups=groups(out=https(groups=("sg-e",)))), ("sg-f", "443")),
        (nat(groups=groups(out=https(prefix_lists=("pl-1",)))), ("cannot be proved", "sg-f", "pl-1")),
        (nat(function_groups=("sg-none",)), ("cannot be proved", "sg-none")),
        # A blocked endpoint blocks although there is a NAT gateway.
        (nat(endpoints=(INTERFACE,), groups=groups()), ("sg-e", "vpce-1", "in from", "subnet-a")),
        (nat(endpoints=(replace(INTERFACE, state="pending"),)), ("vpce-1", "pending")),
        (nat(endpoints=(replace(INTERFACE, state="failed"),)), ("vpce-1", "failed")),
        (nat(endpoints=(replace(INTERFACE, state="dreaming"),)), ("vpce-1", "dreaming")),
        (nat(endpoints=(replace(INTERFACE, private_dns=None),)), ("cannot be proved", "vpce-1", "private DNS")),
        (nat(endpoints=(replace(INTERFACE, kind="Wormhole"),)), ("cannot be proved", "vpce-1", "Wormhole")),
        # Endpoints
        (endpoint(private_dns=False), ("rtb-main", "private DNS is off", "vpce-1")),
        (endpoint(service="com.amazonaws.us-east-1.secretsmanager"), (f"no interface endpoint {SERVICE}",)),
        (endpoint(kind="Gateway"), (f"no interface endpoint {SERVICE}",)),
        (endpoint(address_type="ipv6"), ("vpce-1", "IPv6")),
        (endpoint(subnets=()), ("cannot be proved", "vpce-1")),
        (endpoint(subnets=("subnet-e", "subnet-x")), ("cannot be proved", "subnet-x", "vpce-1")),
        (replace(ENDPOINT, dns_hostnames=False), ("cannot be proved", "enableDnsHostnames", "off")),
        (replace(ENDPOINT, dns_hostnames=None), ("cannot be proved", "enableDnsHostnames", "unknown")),
        (endpoint(policy=None), ("cannot be proved", "policy", "vpce-1", "secretsmanager:GetSecretValue")),
        (endpoint(policy="{"), ("cannot be proved", "policy")),
        (endpoint(policy="[]"), ("cannot be proved", "policy")),
        (endpoint(policy=policy()), ("cannot be proved", "policy")),
        (endpoint(policy=json.dumps({"Statement": ["x"]})), ("cannot be proved", "policy")),
        (endpoint(policy=policy(allow("secretsmanager:PutSecretValue"))), ("cannot be proved", "policy")),
        (endpoint(policy=policy(allow("sts:*"))), ("cannot be proved", "policy")),
        (endpoint(policy=policy(allow(Condition={"Bool": {}}))), ("cannot be proved", "policy")),
        (
            endpoint(policy=policy(allow(Resource="arn:aws:secretsmanager:*:*:secret:a"))),
            ("cannot be proved", "policy"),
        ),
        (endpoint(policy=policy(allow(Principal={"AWS": "arn:aws:iam::1:root"}))), ("cannot be proved", "policy")),
        (endpoint(policy=policy({**allow(), "NotAction": "x"})), ("cannot be proved", "policy")),
        (
            endpoint(policy=policy(allow(), {**allow(), "Effect": "Deny", "Condition": {}})),
            ("cannot be proved", "policy"),
        ),
        (endpoint(policy=policy(allow(), {"Effect": "Deny", "NotAction": "a:b"})), ("cannot be proved", "policy")),
        (endpoint(policy=policy({**allow(), "Effect": "allow"})), ("cannot be proved", "policy")),
        (endpoint(policy=policy(allow(), {**allow(), "Effect": "Audit"})), ("cannot be proved", "policy")),
        # Security groups towards an endpoint
        (replace(ENDPOINT, groups=groups(out=None, into=FROM_FUNCTION)), ("sg-f", "out to interface endpoint vpce-1")),
        (
            replace(ENDPOINT, groups=groups(out=https(cidrs=("10.0.1.0/24",)), into=FROM_FUNCTION)),
            ("sg-f", "out to interface endpoint vpce-1 (security groups sg-e)"),
        ),
        (
            replace(
                endpoint(subnets=("subnet-e", "subnet-p")),
                groups=groups(out=https(cidrs=("10.0.3.0/24",)), into=FROM_FUNCTION),
            ),
            ("sg-f", "out to interface endpoint vpce-1"),
        ),
        (replace(ENDPOINT, groups=groups()), ("sg-e", "subnet-a, 10.0.1.0/24", "sg-f")),
        (replace(ENDPOINT, groups=groups(into=https(cidrs=("10.0.1.0/24",)))), ("sg-e", "subnet-b, 10.0.2.0/24")),
        (replace(ENDPOINT, groups=groups(into=https(groups=("sg-other",)))), ("sg-e", "sg-f")),
        (replace(ENDPOINT, groups=groups(into=https(prefix_lists=("pl-2",)))), ("cannot be proved", "sg-e", "pl-2")),
        (replace(ENDPOINT, groups=ENDPOINT.groups[:1]), ("cannot be proved", "sg-e")),
        (endpoint(groups=()), ("vpce-1", "(none)")),
        # Routes and network ACLs towards an endpoint
        (replace(ENDPOINT, route_tables=()), ("cannot be proved", "route table of subnet subnet-a")),
        (
            replace(ENDPOINT, route_tables=main_table(Route("10.0.3.0/24", "vpce-fw"))),
            ("cannot be proved", "10.0.3.0/24", "vpce-fw"),
        ),
        (
            replace(ENDPOINT, acls=(acl(entry(1, "allow", egress=True), subnets=("subnet-e",)), OPEN)),
            ("acl-1", "subnet-e", "TCP 443 in from 10.0.1.0/24"),
        ),
        (
            replace(
                ENDPOINT,
                acls=(
                    acl(
                        entry(1, "allow", egress=False),
                        entry(1, "allow", egress=True, protocol="6", ports=(32768, 65535)),
                        subnets=("subnet-e",),
                    ),
                    OPEN,
                ),
            ),
            ("acl-1", "subnet-e", "TCP 1024-65535 out to 10.0.1.0/24"),
        ),
        (
            replace(
                ENDPOINT,
                route_tables=(
                    *ENDPOINT.route_tables,
                    RouteTable("rtb-e", (LOCAL, Route("10.0.2.0/24", "eni-fw")), ("subnet-e",)),
                ),
            ),
            ("cannot be proved", "rtb-e of subnet subnet-e", "10.0.2.0/24", "eni-fw"),
        ),
        (
            replace(ENDPOINT, acls=(acl(entry(1, "allow", egress=False), subnets=("subnet-b",)), OPEN)),
            ("acl-1", "subnet-b", "TCP 443 out to 10.0.3.0/24"),
        ),
        # Network ACLs towards the internet
        (nat(acls=()), ("cannot be proved", "network ACL of subnet subnet-a")),
        (nat(acls=(acl(entry(1, "allow", egress=False)),)), ("acl-1", "subnet-a", "TCP 443 out to 0.0.0.0/0")),
        (
            nat(
                acls=(
                    acl(
                        entry(1, "allow", egress=True), entry(1, "allow", egress=False, ports=(443, 443), protocol="6")
                    ),
                )
            ),
            ("acl-1", "subnet-a", "TCP 1024-65535 in from 0.0.0.0/0"),
        ),
        (
            nat(acls=(acl(entry(90, "deny", egress=True, protocol="6", ports=(400, 500)), *OPEN.entries),)),
            ("acl-1", "rule 90 deny"),
        ),
        (
            nat(acls=(acl(entry(90, "deny", egress=True, cidr="52.0.0.0/8"), *OPEN.entries),)),
            ("acl-1", "rule 90 deny"),
        ),
        (nat(acls=(acl(entry(90, "deny", egress=True, cidr="?"), *OPEN.entries),)), ("acl-1", "rule 90 deny")),
        (nat(acls=(acl(entry(90, "deny", egress=True, protocol="?"), *OPEN.entries),)), ("acl-1", "rule 90 deny")),
        (nat(acls=(acl(entry(90, "ponder", egress=True), *OPEN.entries),)), ("acl-1", "rule 90 ponder")),
        (
            nat(acls=(acl(entry(1, "allow", egress=True, cidr="52.0.0.0/8"), entry(1, "allow", egress=False)),)),
            ("acl-1", "rule 32767 deny"),
        ),
        (
            nat(acls=(acl(entry(1, "allow", egress=True), name="acl-p", subnets=("subnet-p",)), OPEN)),
            ("acl-p", "subnet-p", "TCP 443 in from 10.0.1.0/24"),
        ),
        (
            nat(
                acls=(
                    acl(
                        entry(1, "allow", egress=True),
                        entry(1, "allow", egress=False, cidr="10.0.0.0/16"),
                        name="acl-p",
                        subnets=("subnet-p",),
                    ),
                    OPEN,
                )
            ),
            ("acl-p", "subnet-p", "TCP 1024-65535 in from 0.0.0.0/0"),
        ),
    ],
)
def test_says_what_is_missing_and_where(facts: Network, because: tuple[str, ...]) -> None:
    answer = reach(facts, "secretsmanager")
    assert isinstance(answer, Blocked)
    assert [part for part in because if part not in answer.because] == [], answer.because
    assert "\n" not in answer.because
    assert ("cannot be proved" in because) == answer.because.startswith("cannot be proved: ")


def test_of_another_service_every_action_must_be_allowed() -> None:
    def towards_sts(action: str, *denied: str) -> Reached | Blocked:
        statements = [allow(action), *({**allow(one), "Effect": "Deny"} for one in denied)]
        service = "com.amazonaws.eu-west-1.sts"
        return reach(endpoint(service=service, policy=policy(*statements)), "sts")

    assert towards_sts("sts:*") == Reached("interface endpoint vpce-1")
    assert isinstance(towards_sts("sts:AssumeRole"), Blocked)
    assert isinstance(towards_sts("*", "sts:AssumeRole"), Blocked)


IDS = st.sampled_from(["nat-1", "igw-1", "tgw-1", "vpce-1", "local", "", "eni-1"])
CIDRS = st.sampled_from(["0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/16", "10.0.3.0/24", "52.0.0.0/8", "pl-1", "", "::/0"])
ROUTES = st.builds(Route, CIDRS, IDS, st.sampled_from(["active", "blackhole", "", "new"]))
PORTS = st.none() | st.tuples(st.integers(-1, 65535), st.integers(-1, 65535))
PROTOCOLS = st.sampled_from(["-1", "6", "tcp", "17", "", "new"])
ENTRIES = st.builds(
    AclEntry, st.integers(0, 200), st.booleans(), st.sampled_from(["allow", "deny", ""]), PROTOCOLS, CIDRS, PORTS
)
RULES = st.builds(Rule, PROTOCOLS, PORTS, st.tuples(CIDRS), st.tuples(st.sampled_from(["sg-f", "sg-e", ""])))
NETWORKS = st.builds(
    Network,
    vpc=st.just("vpc-1"),
    region=st.just("eu-west-1"),
    function_subnets=st.sampled_from([(), ("subnet-a",), ("subnet-a", "subnet-b"), ("subnet-x",)]),
    function_groups=st.sampled_from([(), ("sg-f",), ("sg-x",)]),
    subnets=st.sampled_from([(), BASE.subnets]),
    route_tables=st.just(NAT.route_tables)
    | st.lists(
        st.builds(
            RouteTable, st.just("rtb-1"), st.lists(ROUTES, max_size=4).map(tuple), st.just(("subnet-a",)), st.booleans()
        ),
        max_size=2,
    ).map(tuple),
    nat_gateways=st.sampled_from([(), NAT.nat_gateways]),
    endpoints=st.lists(
        st.builds(
            Endpoint,
            id=st.just("vpce-1"),
            service=st.just(SERVICE),
            kind=st.sampled_from(["Interface", "Gateway", ""]),
            state=st.sampled_from(["available", "Available", "failed", ""]),
            private_dns=st.none() | st.booleans(),
            subnets=st.sampled_from([(), ("subnet-e",)]),
            groups=st.just(("sg-e",)),
            policy=st.none() | st.text(max_size=5) | st.just(policy(allow())),
        ),
        max_size=2,
    ).map(tuple),
    groups=st.just(BASE.groups)
    | st.lists(
        st.builds(SecurityGroup, st.sampled_from(["sg-f", "sg-e"]), st.tuples(RULES), st.tuples(RULES)), max_size=2
    ).map(tuple),
    acls=st.just(BASE.acls)
    | st.lists(
        st.builds(NetworkAcl, st.just("acl-1"), st.lists(ENTRIES, max_size=5).map(tuple), st.just(()), st.booleans()),
        max_size=1,
    ).map(tuple),
    dns_support=st.sampled_from([True, True, False, None]),
    dns_hostnames=st.none() | st.booleans(),
)


@given(NETWORKS)
def test_whatever_the_facts_are_there_is_an_answer(facts: Network) -> None:
    answer = reach(facts, "secretsmanager")
    assert answer.by if isinstance(answer, Reached) else answer.because


@given(st.sampled_from([NAT, ENDPOINT]) | NETWORKS, CIDRS, IDS)
def test_a_blackhole_never_makes_it_reachable(facts: Network, destination: str, target: str) -> None:
    hole = Route(destination, target, "blackhole")
    for place in range(3):
        tables = tuple(
            replace(one, routes=(*one.routes[:place], hole, *one.routes[place:])) for one in facts.route_tables
        )
        if isinstance(reach(replace(facts, route_tables=tables), "secretsmanager"), Reached):
            assert isinstance(reach(facts, "secretsmanager"), Reached)


@given(st.sampled_from([NAT, ENDPOINT]) | NETWORKS, ENTRIES.map(lambda one: replace(one, action="deny")))
def test_a_denying_rule_never_makes_it_reachable(facts: Network, denial: AclEntry) -> None:
    acls = tuple(replace(one, entries=(*one.entries, denial)) for one in facts.acls)
    if isinstance(reach(replace(facts, acls=acls), "secretsmanager"), Reached):
        assert isinstance(reach(facts, "secretsmanager"), Reached)


@given(st.sampled_from([NAT, ENDPOINT]) | NETWORKS, RULES)
def test_a_rule_more_in_a_security_group_never_blocks(facts: Network, rule: Rule) -> None:
    more = tuple(replace(one, egress=(*one.egress, rule), ingress=(*one.ingress, rule)) for one in facts.groups)
    if isinstance(reach(facts, "secretsmanager"), Reached):
        assert isinstance(reach(replace(facts, groups=more), "secretsmanager"), Reached)


@given(st.sampled_from([NAT, ENDPOINT]) | NETWORKS, st.sampled_from(["subnet-a", "subnet-b", "subnet-x", "subnet-p"]))
def test_one_subnet_more_never_makes_it_reachable(facts: Network, name: str) -> None:
    more = replace(facts, function_subnets=(*facts.function_subnets, name))
    if facts.function_subnets and isinstance(reach(more, "secretsmanager"), Reached):
        assert isinstance(reach(facts, "secretsmanager"), Reached)


@given(NETWORKS)
def test_an_endpoint_in_the_way_is_the_only_way(facts: Network) -> None:
    answer = reach(replace(facts, endpoints=(replace(INTERFACE, private_dns=None),)), "secretsmanager")
    assert isinstance(answer, Blocked)
