"""Can a function in these subnets call an AWS service, by HTTPS over IPv4? Facts in, a way or what is missing out.

What cannot be proved is blocked. Not looked at: IPv6, gateway endpoints (S3, DynamoDB), DNS servers of one's own, and
private hosted zones that send the service's name elsewhere.

Sources: Lambda developer guide, "Giving Lambda functions access to resources in an Amazon VPC"; VPC user guide, "NAT
gateways", "Regional NAT gateways", "Route priority", "Network ACLs" (with "Ephemeral ports", which names Lambda),
"Block public access to VPCs"; AWS PrivateLink guide, "Access an AWS service using an interface VPC endpoint".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, collapse_addresses
from typing import Any, Protocol, TypeVar

HTTPS = (443, 443)
EPHEMERAL = (1024, 65535)
"""The ports that answers come back to: those of Lambda and of NAT gateways."""
ANYWHERE = IPv4Network("0.0.0.0/0")
# AWS serves its APIs from none of these, so what happens to them says nothing about a service.
_NOT_PUBLIC = tuple(
    map(
        IPv4Network,
        ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "127.0.0.0/8"),
    )
)
# What a function calls at a service first, where an endpoint's policy may allow less than everything.
_FIRST_CALL = {"secretsmanager": "secretsmanager:GetSecretValue"}
# AWS still lists these for a while; no name leads to them.
_GONE = frozenset({"deleted", "rejected", "expired"})

Ports = tuple[int, int]


@dataclass(frozen=True)
class Subnet:
    """A subnet. `public_access` is how VPC Block Public Access holds there: off, block-ingress, block-bidirectional."""

    id: str
    cidr: str
    public_access: str = ""


@dataclass(frozen=True)
class Route:
    """A route to a CIDR or prefix list (pl-…); `target` is an id or `local`, '' where it is of an unknown kind."""

    destination: str
    target: str
    state: str = "active"


@dataclass(frozen=True)
class RouteTable:
    """A route table, and the subnets that it is associated with explicitly."""

    id: str
    routes: tuple[Route, ...] = ()
    subnets: tuple[str, ...] = ()
    main: bool = False


@dataclass(frozen=True)
class NatGateway:
    """A NAT gateway: a zonal one is in a subnet, a regional one has a route table of its own instead."""

    id: str
    state: str
    connectivity: str
    subnet: str = ""
    route_table: str = ""


@dataclass(frozen=True)
class Rule:
    """A rule of a security group; without ports it is about all of a protocol (-1 is all protocols)."""

    protocol: str
    ports: Ports | None = None
    cidrs: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    prefix_lists: tuple[str, ...] = ()


@dataclass(frozen=True)
class SecurityGroup:
    """A security group: all of its rules allow."""

    id: str
    ingress: tuple[Rule, ...] = ()
    egress: tuple[Rule, ...] = ()


@dataclass(frozen=True)
class AclEntry:
    """A rule of a network ACL, by IANA protocol number (-1 is all); `action` is allow or deny."""

    number: int
    egress: bool
    action: str
    protocol: str
    cidr: str
    ports: Ports | None = None


@dataclass(frozen=True)
class NetworkAcl:
    """A network ACL. The default one also holds for subnets that no ACL names."""

    id: str
    entries: tuple[AclEntry, ...] = ()
    subnets: tuple[str, ...] = ()
    default: bool = False


@dataclass(frozen=True)
class Endpoint:
    """A VPC endpoint. What was not said about it is None or ''."""

    id: str
    service: str
    kind: str = "Interface"
    state: str = "available"
    private_dns: bool | None = None
    subnets: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    policy: str | None = None
    address_type: str = ""


@dataclass(frozen=True)
class Network:
    """A VPC as far as it matters to a function in `function_subnets` with `function_groups`.

    `subnets`, `route_tables`, `nat_gateways`, `endpoints` and `acls` are all of the VPC's, `groups` those of the
    function and of the endpoints.
    """

    vpc: str
    region: str
    function_subnets: tuple[str, ...]
    function_groups: tuple[str, ...]
    subnets: tuple[Subnet, ...] = ()
    route_tables: tuple[RouteTable, ...] = ()
    nat_gateways: tuple[NatGateway, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    groups: tuple[SecurityGroup, ...] = ()
    acls: tuple[NetworkAcl, ...] = ()
    dns_support: bool | None = None
    dns_hostnames: bool | None = None


@dataclass(frozen=True)
class Reached:
    """There is a way from every subnet: `by` names each, such as "NAT gateway nat-0a1b"."""

    by: str


@dataclass(frozen=True)
class Blocked:
    """There is no way that can be proved: one sentence, which starts with "cannot be proved" where there may be one."""

    because: str


def reach(facts: Network, service: str) -> Reached | Blocked:
    """Say whether a function in a VPC reaches a service, named as in its endpoint's name (secretsmanager, sts).

    An interface endpoint with private DNS takes the traffic of the whole VPC, so one that does not let the function in
    blocks it even where there is a NAT gateway.
    """
    if not facts.function_subnets:
        return _unproved("the subnets of the function are not known")
    if facts.dns_support is not True:
        return _unproved(
            f"VPC {facts.vpc} has DNS support (enableDnsSupport) {_off(facts.dns_support)}, so it is not known what "
            f"the name of {service} resolves to"
        )
    ways: list[str] = []
    endpoint, passed_over = _endpoint(facts, service)
    for name in dict.fromkeys(facts.function_subnets):
        subnet = _by_id(facts.subnets, name)
        if subnet is None or _network(subnet.cidr) is None:
            return _unproved(f"subnet {name} could not be read in VPC {facts.vpc}")
        found = (
            _through_endpoint(facts, subnet, endpoint, service)
            if endpoint
            else _through_nat(facts, subnet, service, passed_over)
        )
        if isinstance(found, Blocked):
            return found
        ways.append(found.by)
    return Reached(", ".join(dict.fromkeys(ways)))


def _endpoint(facts: Network, service: str) -> tuple[Endpoint | None, str]:
    """Return the endpoint that the service's name resolves to, if any, and else why there is none, for the sentence."""
    names = {f"{partition}com.amazonaws.{facts.region}.{service}" for partition in ("", "cn.")}
    own = [
        endpoint
        for endpoint in facts.endpoints
        if endpoint.service in names and endpoint.kind.lower() != "gateway" and endpoint.state.lower() not in _GONE
    ]
    for endpoint in own:
        if endpoint.private_dns is not False:
            return endpoint, ""
    if own:
        return None, f"private DNS is off for interface endpoint {own[0].id}, so the service's name does not lead to it"
    return None, f"VPC {facts.vpc} has no interface endpoint com.amazonaws.{facts.region}.{service}"


def _through_endpoint(facts: Network, subnet: Subnet, endpoint: Endpoint, service: str) -> Reached | Blocked:
    blocked = _unusable(facts, endpoint, service) or _not_admitted(facts, subnet, endpoint)
    if blocked:
        return blocked
    # The name resolves to the endpoint's address in any of its subnets.
    for name in endpoint.subnets:
        other = _by_id(facts.subnets, name)
        network = _network(other.cidr) if other else None
        if other is None or network is None:
            return _unproved(f"subnet {name} of interface endpoint {endpoint.id} could not be read")
        blocked = _no_way_between(facts, subnet, other)
        if blocked:
            return blocked
    return Reached(f"interface endpoint {endpoint.id}")


def _unusable(facts: Network, endpoint: Endpoint, service: str) -> Blocked | None:
    called = f"interface endpoint {endpoint.id}"
    if endpoint.kind.lower() != "interface":
        return _unproved(f"VPC endpoint {endpoint.id} for {service} is of the unknown type {endpoint.kind or '(none)'}")
    if endpoint.state.lower() != "available":
        return Blocked(f"{called} for {service} is in state {endpoint.state or '(unknown)'}, not available")
    if endpoint.private_dns is None or facts.dns_hostnames is not True:
        what = f"private DNS of {called}" if endpoint.private_dns is None else f"enableDnsHostnames of VPC {facts.vpc}"
        how = _off(endpoint.private_dns if endpoint.private_dns is None else facts.dns_hostnames)
        return _unproved(f"{what} is {how}, so it is not known whether the name of {service} leads to {endpoint.id}")
    if endpoint.address_type.lower() == "ipv6":
        return Blocked(f"{called} for {service} has IPv6 addresses only")
    if not endpoint.subnets:
        return _unproved(f"no subnet of {called} is known, so it may have no address")
    action = _FIRST_CALL.get(service, f"{service}:*")
    if not _policy_allows(endpoint.policy, action):
        return _unproved(f"the policy of {called} does not plainly allow {action} on every resource for everybody")
    return None


def _not_admitted(facts: Network, subnet: Subnet, endpoint: Endpoint) -> Blocked | None:
    """Say which security group stands between the function and the endpoint."""
    found = [_by_id(facts.subnets, name) for name in endpoint.subnets]
    theirs = [network for one in found if one and (network := _network(one.cidr))]
    out = _egress(facts)
    if not _allowed(out, theirs, endpoint.groups):
        where = f"interface endpoint {endpoint.id} (security groups {_list(endpoint.groups)})"
        return _missing_rule(facts, facts.function_groups, out, f"allows TCP 443 out to {where}")
    into = [rule for group in _groups(facts, endpoint.groups) for rule in group.ingress]
    ours = [network for network in [_network(subnet.cidr)] if network]
    if not _allowed(into, ours, facts.function_groups):
        where = f"the function (security groups {_list(facts.function_groups)}, subnet {subnet.id}, {subnet.cidr})"
        what = f"of interface endpoint {endpoint.id} allows TCP 443 in from {where}"
        return _missing_rule(facts, endpoint.groups, into, what)
    return None


def _no_way_between(facts: Network, subnet: Subnet, other: Subnet) -> Blocked | None:
    """Look at what is between two subnets of a VPC; inside one subnet there is neither a route nor a network ACL."""
    here, there = _network(subnet.cidr), _network(other.cidr)
    if subnet.id == other.id or here is None or there is None:
        return None
    for start, end in ((subnet, there), (other, here)):
        table = _table_of(facts, start.id)
        if table is None:
            return _unproved(f"the route table of subnet {start.id} is not known")
        detour = _detour(table, end)
        if detour:
            return _unproved(
                f"route table {table.id} of subnet {start.id} sends {detour.destination}, which has addresses of "
                f"{end}, to {detour.target or 'a target of unknown kind'}"
            )
    return _both_ways(facts, subnet, there) or _both_ways(facts, other, here, answers=True)


def _detour(table: RouteTable, end: IPv4Network) -> Route | None:
    """Return a route that takes traffic within the VPC elsewhere, as to a firewall: more specific than `local`."""
    local = [n for route in table.routes if route.target == "local" and (n := _network(route.destination))]
    for route in table.routes:
        network = _network(route.destination)
        if route.target == "local" or network is None or not network.overlaps(end):
            continue
        if not any(n.prefixlen >= network.prefixlen and n.supernet_of(end) for n in local):
            return route
    return None


def _through_nat(facts: Network, subnet: Subnet, service: str, no_endpoint: str) -> Reached | Blocked:
    table = _table_of(facts, subnet.id)
    if table is None:
        return _unproved(f"the route table of subnet {subnet.id} is not known")
    where = f"route table {table.id} of subnet {subnet.id}"
    default = _default_route(table)
    if default is None:
        return Blocked(f"{where} has no active route 0.0.0.0/0, and {no_endpoint}")
    if default.target.startswith("igw-"):
        return Blocked(
            f"{where} sends 0.0.0.0/0 to internet gateway {default.target}, which a Lambda function cannot use, since "
            f"it has no public IP address (it needs a NAT gateway), and {no_endpoint}"
        )
    if not default.target.startswith("nat-"):
        target = default.target or "a target of unknown kind"
        return _unproved(f"{where} sends 0.0.0.0/0 to {target}, what lies behind is not known, and {no_endpoint}")
    exception = _exception(facts, table, default)
    if exception:
        return _unproved(
            f"{where} has a route for {exception.destination} to {exception.target or 'a target of unknown kind'}, "
            f"which may hold addresses of {service}"
        )
    out = _egress(facts)
    if not _allowed(out, [ANYWHERE], ()):
        return _missing_rule(facts, facts.function_groups, out, "allows TCP 443 out to 0.0.0.0/0")
    blocked = (
        _shut(subnet) or _both_ways(facts, subnet, ANYWHERE) or _nat_unusable(facts, subnet, default.target, where)
    )
    return blocked or Reached(f"NAT gateway {default.target}")


def _nat_unusable(facts: Network, subnet: Subnet, name: str, route_of: str) -> Blocked | None:
    nat = _by_id(facts.nat_gateways, name)
    if nat is None:
        return _unproved(f"NAT gateway {name}, to which {route_of} sends 0.0.0.0/0, could not be read")
    if nat.state.lower() != "available":
        return Blocked(f"NAT gateway {name} of {route_of} is in state {nat.state or '(unknown)'}, not available")
    if nat.connectivity.lower() != "public":
        kind = nat.connectivity or "of unknown connectivity"
        return Blocked(f"NAT gateway {name} of {route_of} is {kind}, and only a public one leads to the internet")
    table = _table_of(facts, nat.subnet) if nat.subnet else _by_id(facts.route_tables, nat.route_table)
    if table is None:
        return _unproved(f"the route table that NAT gateway {name} uses is not known")
    default = _default_route(table)
    if default is None or not default.target.startswith("igw-"):
        target = (
            f"sends 0.0.0.0/0 to {default.target or 'a target of unknown kind'}" if default else "has no such route"
        )
        behind = f"subnet {nat.subnet}" if nat.subnet else "the gateway itself"
        return Blocked(
            f"NAT gateway {name} needs an active route 0.0.0.0/0 to an internet gateway, but route table {table.id} of "
            f"{behind} {target}"
        )
    home = _network(subnet.cidr)
    exception = _exception(facts, table, default) or (_detour(table, home) if home else None)
    if exception:
        target = exception.target or "a target of unknown kind"
        return _unproved(f"route table {table.id} of NAT gateway {name} sends {exception.destination} to {target}")
    return _nat_subnet_shut(facts, subnet, nat)


def _nat_subnet_shut(facts: Network, subnet: Subnet, nat: NatGateway) -> Blocked | None:
    if not nat.subnet:
        return None
    home, ours = _by_id(facts.subnets, nat.subnet), _network(subnet.cidr)
    if home is None or ours is None:
        return _unproved(f"subnet {nat.subnet} of NAT gateway {nat.id} could not be read")
    return _shut(home) or _both_ways(facts, home, ours, answers=True) or _both_ways(facts, home, ANYWHERE)


def _shut(subnet: Subnet) -> Blocked | None:
    if subnet.public_access.lower() in ("", "off", "block-ingress"):
        return None
    return _unproved(f"VPC Block Public Access is on for subnet {subnet.id} ({subnet.public_access})")


def _table_of(facts: Network, subnet: str) -> RouteTable | None:
    explicit = next((table for table in facts.route_tables if subnet in table.subnets), None)
    return explicit or next((table for table in facts.route_tables if table.main), None)


def _default_route(table: RouteTable) -> Route | None:
    """Return the route 0.0.0.0/0, unless what it led to is gone (a blackhole)."""
    return next((r for r in table.routes if r.destination == str(ANYWHERE) and r.state == "active"), None)


def _exception(facts: Network, table: RouteTable, default: Route) -> Route | None:
    """Return a route that may take the service's traffic away from the default route, since it is more specific."""
    gateways = {endpoint.id for endpoint in facts.endpoints if endpoint.kind.lower() == "gateway"}
    for route in table.routes:
        network = _network(route.destination)
        if route == default or route.target == "local" or (route.target == default.target and route.state == "active"):
            continue
        if network and any(private.supernet_of(network) for private in _NOT_PUBLIC):
            continue
        # A gateway endpoint's prefix list holds the addresses of S3 or DynamoDB only.
        if network is None and route.target in gateways:
            continue
        return route
    return None


def _both_ways(facts: Network, subnet: Subnet, peer: IPv4Network, *, answers: bool = False) -> Blocked | None:
    """Check the network ACL of a subnet from which, or (`answers`) in which, HTTPS is asked for."""
    acl = next((acl for acl in facts.acls if subnet.id in acl.subnets), None)
    acl = acl or next((acl for acl in facts.acls if acl.default), None)
    if acl is None:
        return _unproved(f"the network ACL of subnet {subnet.id} is not known")
    for egress in (True, False):
        ports = EPHEMERAL if egress is answers else HTTPS
        stopped = _stopped(acl, egress=egress, peer=peer, ports=ports)
        if stopped:
            span = "443" if ports == HTTPS else f"{ports[0]}-{ports[1]}"
            way = f"out to {peer}" if egress else f"in from {peer}"
            return Blocked(f"network ACL {acl.id} of subnet {subnet.id} does not allow TCP {span} {way} ({stopped})")
    return None


def _stopped(acl: NetworkAcl, *, egress: bool, peer: IPv4Network, ports: Ports) -> str:
    """Say which rule stops some of this traffic; '' if none does.

    An allow counts if it is for all of the peer's addresses. A deny counts if it is for some of them, except for
    private ones where the peer is the internet.
    """
    left = [ports]
    for entry in sorted((e for e in acl.entries if e.egress is egress), key=lambda e: e.number):
        network = _network(entry.cidr)
        span = _span(entry.protocol, entry.ports, allows=entry.action == "allow")
        if span is None or not any(low <= span[1] and span[0] <= high for low, high in left):
            continue
        if entry.action == "allow":
            if network and network.supernet_of(peer):
                left = [piece for one in left for piece in _without(one, span)]
        elif network is None or (network.overlaps(peer) and not _beside_the_internet(network, peer)):
            return f"rule {entry.number} {entry.action}"
        if not left:
            return ""
    return "no rule allows all of it"


def _beside_the_internet(network: IPv4Network, peer: IPv4Network) -> bool:
    return peer == ANYWHERE and any(private.supernet_of(network) for private in _NOT_PUBLIC)


def _span(protocol: str, ports: Ports | None, *, allows: bool) -> Ports | None:
    """Return the TCP ports that a rule is about; None where it is about something else.

    Of a rule that cannot be read for sure, an allow is about none and a deny about all.
    """
    if protocol == "-1":
        return (0, 65535)
    if protocol.lower() in ("6", "tcp"):
        return ports or (None if allows else (0, 65535))
    return None if allows or protocol.isdigit() else (0, 65535)


def _without(ports: Ports, taken: Ports) -> Iterator[Ports]:
    if taken[0] > ports[0]:
        yield ports[0], min(ports[1], taken[0] - 1)
    if taken[1] < ports[1]:
        yield max(ports[0], taken[1] + 1), ports[1]


def _allowed(rules: Iterable[Rule], peers: list[IPv4Network], groups: tuple[str, ...]) -> bool:
    """Tell whether security group rules together allow HTTPS with every peer, or with one of its groups."""
    for_https = [
        rule for rule in rules if (span := _span(rule.protocol, rule.ports, allows=True)) and span[0] <= 443 <= span[1]
    ]
    if any(group in groups for rule in for_https for group in rule.groups):
        return True
    cidrs = list(collapse_addresses(n for rule in for_https for cidr in rule.cidrs if (n := _network(cidr))))
    return bool(peers) and all(any(cidr.supernet_of(peer) for cidr in cidrs) for peer in peers)


def _missing_rule(facts: Network, names: tuple[str, ...], rules: list[Rule], what: str) -> Blocked:
    """Say that no group has such a rule; a group that was not read, or a prefix list, makes it a doubt."""
    unread = [name for name in names if _by_id(facts.groups, name) is None]
    if unread:
        return _unproved(f"security group {unread[0]} could not be read, and no other one {what}")
    sentence = f"no security group among {_list(names)} {what}"
    lists = [prefix_list for rule in rules for prefix_list in rule.prefix_lists]
    return _unproved(f"{sentence}, except perhaps by prefix list {lists[0]}") if lists else Blocked(sentence)


def _egress(facts: Network) -> list[Rule]:
    return [rule for group in _groups(facts, facts.function_groups) for rule in group.egress]


def _groups(facts: Network, names: tuple[str, ...]) -> list[SecurityGroup]:
    return [group for group in facts.groups if group.id in names]


def _policy_allows(policy: str | None, action: str) -> bool:
    """Tell whether an endpoint's policy plainly allows an action on everything for everybody, and denies none of it."""
    try:
        document = json.loads(policy or "")
    except (ValueError, RecursionError):
        return False
    statements = document.get("Statement") if isinstance(document, Mapping) else None
    found = [statements] if isinstance(statements, Mapping) else statements
    if not isinstance(found, list) or not all(isinstance(one, Mapping) for one in found):
        return False
    denied = any(one.get("Effect") != "Allow" and _may_concern(one, action) for one in found)
    return not denied and any(_plainly_allows(one, action) for one in found)


def _plainly_allows(statement: Mapping[str, Any], action: str) -> bool:
    if statement.keys() - {"Sid", "Effect", "Principal", "Action", "Resource"}:
        return False
    principal = statement.get("Principal")
    everybody = principal == "*" or (isinstance(principal, Mapping) and "*" in _texts(principal.get("AWS")))
    return (
        statement.get("Effect") == "Allow"
        and everybody
        and "*" in _texts(statement.get("Resource"))
        and any(_matches(pattern, action) for pattern in _texts(statement.get("Action")))
    )


def _may_concern(statement: Mapping[str, Any], action: str) -> bool:
    patterns = _texts(statement.get("Action"))
    if not patterns:
        return True
    # Of several calls (service:*), a statement about one of them is enough.
    return any(_matches(pattern, action) or _matches(action, pattern) for pattern in patterns)


def _matches(pattern: str, action: str) -> bool:
    expression = re.escape(pattern.lower()).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, action.lower()) is not None


def _texts(value: object) -> list[str]:
    return [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)]


def _network(text: str) -> IPv4Network | None:
    try:
        return IPv4Network(text)
    except ValueError:
        return None


class _Named(Protocol):
    @property
    def id(self) -> str: ...


_One = TypeVar("_One", bound=_Named)


def _by_id(all_of_them: tuple[_One, ...], name: str) -> _One | None:
    return next((one for one in all_of_them if one.id == name), None)


def _list(names: Iterable[str]) -> str:
    return ", ".join(names) or "(none)"


def _off(value: bool | None) -> str:
    return "unknown" if value is None else "off"


def _unproved(because: str) -> Blocked:
    return Blocked(f"cannot be proved: {because}")
