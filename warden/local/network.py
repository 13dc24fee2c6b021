"""EC2: VPC endpoints, network ACLs and filters, as far as they decide whether a function reaches a service.

What the engine gets wrong: an endpoint has no security groups, private DNS, policy or network interfaces, and no filter
finds it; entries of network ACLs have no port range, subnets belong to no ACL, and one that is given another loses its
subnet; security groups are not found by ``group-id``. AWS documentation: the EC2 API references of CreateVpcEndpoint,
ModifyVpcEndpoint, DescribeVpcEndpoints, CreateNetworkAclEntry, ReplaceNetworkAclAssociation, DescribeNetworkAcls and
DescribeSecurityGroups; VPC user guide, "Network ACLs" ("Default network ACL", "Custom network ACL").
"""

import json
import re
import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from xml.sax.saxutils import escape

from ministack.services import ec2

from warden.local.patching import replace, replace_entry

_PROTOCOLS = {"tcp": "6", "udp": "17", "icmp": "1", "all": "-1"}
_WITH_PORTS = ("6", "17")
_LAST_RULE = 32767
_FULL_ACCESS = json.dumps({"Statement": [{"Action": "*", "Effect": "Allow", "Principal": "*", "Resource": "*"}]})

Parameters = dict[str, Any]
Handler = Callable[[Parameters], Any]


def install() -> None:
    """Put the corrections around the engine's operations."""
    replace(ec2, "_vpce_fields_xml", _endpoint_shown)
    replace(ec2, "_network_acl_entry_xml", _entry_shown)
    for action, make in (
        ("CreateVpcEndpoint", _creating_endpoint),
        ("ModifyVpcEndpoint", _modifying_endpoint),
        ("DeleteVpcEndpoints", _deleting_endpoints),
        ("DescribeVpcEndpoints", _describing_endpoints),
        ("DescribeSecurityGroups", _describing_groups),
        ("CreateNetworkAcl", _creating_acl),
        ("DeleteNetworkAcl", _deleting_acl),
        ("CreateNetworkAclEntry", _creating_entry),
        ("ReplaceNetworkAclEntry", _replacing_entry),
        ("ReplaceNetworkAclAssociation", _replacing_association),
        ("DescribeNetworkAcls", _describing_acls),
    ):
        replace_entry(ec2._ACTION_MAP, action, make)


def _new_id(kind: str) -> str:
    return f"{kind}-{uuid.uuid4().hex[:17]}"


def _flag(given: Parameters, name: str) -> bool | None:
    value = str(ec2._p(given, name)).lower()
    return value == "true" if value else None


# Endpoints.


def _creating_endpoint(original: Handler) -> Handler:
    def create(given: Parameters) -> Any:
        before = set(ec2._vpc_endpoints.keys())
        answer = original(given)
        if answer[0] >= 300:
            return answer
        (made,) = set(ec2._vpc_endpoints.keys()) - before
        endpoint = ec2._vpc_endpoints[made]
        endpoint |= {
            "SecurityGroupIds": ec2._parse_member_list(given, "SecurityGroupId"),
            "PrivateDnsEnabled": endpoint["VpcEndpointType"] == "Interface"
            and _flag(given, "PrivateDnsEnabled") is not False,
            "PolicyDocument": ec2._p(given, "PolicyDocument"),
            "IpAddressType": ec2._p(given, "IpAddressType"),
        }
        return ec2._xml(200, "CreateVpcEndpointResponse", ec2._vpce_fields_xml(endpoint, tag="vpcEndpoint"))

    return create


def _complete(endpoint: dict[str, Any]) -> dict[str, Any]:
    """An endpoint with all that AWS gives it by itself, also one that CloudFormation made inside the engine."""
    interface, policy = endpoint["VpcEndpointType"] == "Interface", endpoint.get("PolicyDocument") or _FULL_ACCESS
    if interface and not endpoint.get("SecurityGroupIds"):
        endpoint["SecurityGroupIds"] = _default_groups(endpoint["VpcId"])
    endpoint["PolicyDocument"] = policy if isinstance(policy, str) else json.dumps(policy)
    endpoint["IpAddressType"] = endpoint.get("IpAddressType") or ("ipv4" if interface else "")
    if interface:
        _place_interfaces(endpoint)
    return endpoint


def _default_groups(vpc: str) -> list[str]:
    found = ec2._security_groups.values()
    return [one["GroupId"] for one in found if one["VpcId"] == vpc and one["GroupName"] == "default"]


def _place_interfaces(endpoint: dict[str, Any]) -> None:
    """One network interface in each subnet of an interface endpoint, with the endpoint's groups."""
    interfaces: dict[str, str] = endpoint.setdefault("Interfaces", {})
    for subnet in [one for one in interfaces if one not in endpoint["SubnetIds"]]:
        ec2._network_interfaces.pop(interfaces.pop(subnet), None)
    for subnet in endpoint["SubnetIds"]:
        if subnet not in interfaces:
            described = {"SubnetId": subnet, "Description": f"VPC Endpoint Interface {endpoint['VpcEndpointId']}"}
            made = ec2._create_network_interface(described)[2].decode()
            interfaces[subnet] = re.findall(r"<networkInterfaceId>(.+?)<", made)[0]
        if interface := ec2._network_interfaces.get(interfaces[subnet]):
            interface["Groups"] = _named_groups(endpoint["SecurityGroupIds"])
    endpoint["NetworkInterfaceIds"] = list(interfaces.values())


def _named_groups(groups: Iterable[str]) -> list[dict[str, str]]:
    known = ec2._security_groups
    return [{"GroupId": one, "GroupName": (known.get(one) or {}).get("GroupName", "")} for one in groups]


def _modifying_endpoint(original: Handler) -> Handler:
    def modify(given: Parameters) -> Any:
        answer = original(given)
        if answer[0] >= 300:
            return answer
        endpoint = _complete(ec2._vpc_endpoints[ec2._p(given, "VpcEndpointId")])
        removed = ec2._parse_member_list(given, "RemoveSecurityGroupId")
        kept = [one for one in endpoint["SecurityGroupIds"] if one not in removed]
        endpoint["SecurityGroupIds"] = list(
            dict.fromkeys([*kept, *ec2._parse_member_list(given, "AddSecurityGroupId")])
        )
        if (private_dns := _flag(given, "PrivateDnsEnabled")) is not None:
            endpoint["PrivateDnsEnabled"] = private_dns
        if _flag(given, "ResetPolicy"):
            endpoint["PolicyDocument"] = _FULL_ACCESS
        _complete(endpoint)
        return answer

    return modify


def _deleting_endpoints(original: Handler) -> Handler:
    def delete(given: Parameters) -> Any:
        for named in ec2._parse_member_list(given, "VpcEndpointId"):
            for interface in (ec2._vpc_endpoints.get(named) or {}).get("Interfaces", {}).values():
                ec2._network_interfaces.pop(interface, None)
        return original(given)

    return delete


def _describing_endpoints(original: Handler) -> Handler:
    members = {
        "vpc-id": "VpcId",
        "service-name": "ServiceName",
        "vpc-endpoint-id": "VpcEndpointId",
        "vpc-endpoint-state": "State",
        "vpc-endpoint-type": "VpcEndpointType",
        "ip-address-type": "IpAddressType",
    }

    def describe(given: Parameters) -> Any:
        named, filters = ec2._parse_member_list(given, "VpcEndpointId"), ec2._parse_filters(given)
        if unknown := [one for one in named if one not in ec2._vpc_endpoints]:
            message = f"The Vpc Endpoint Id '{unknown[0]}' does not exist"
            return ec2._error("InvalidVpcEndpointId.NotFound", message, 400)
        chosen = [
            endpoint["VpcEndpointId"]
            for endpoint in ec2._vpc_endpoints.values()
            if (not named or endpoint["VpcEndpointId"] in named)
            and ec2._resource_matches_tag_filters(endpoint["VpcEndpointId"], filters)
            and all(
                _matches(_complete(endpoint)[member], filters[name])
                for name, member in members.items()
                if name in filters
            )
        ]
        return _of_these(original, given, "VpcEndpointId", chosen, "DescribeVpcEndpoints", "vpcEndpointSet")

    return describe


def _matches(value: str, patterns: Sequence[str]) -> bool:
    return any(ec2._glob_match(pattern, value) for pattern in patterns)


def _of_these(  # noqa: PLR0917 # an answer, in the order in which it is written
    original: Handler, given: Parameters, member: str, chosen: Sequence[str], operation: str, answered: str
) -> Any:
    """The engine's answer about the chosen ids; about none it would answer with all."""
    if not chosen:
        return ec2._xml(200, f"{operation}Response", f"<{answered}/>")
    others = {name: value for name, value in given.items() if not name.startswith(f"{member}.")}
    return original({**others, **{f"{member}.{number}": [one] for number, one in enumerate(chosen, 1)}})


def _endpoint_shown(original: Callable[..., str]) -> Callable[..., str]:
    def show(endpoint: dict[str, Any], tag: str = "item") -> str:
        _complete(endpoint)
        groups = "".join(
            f"<item><groupId>{one['GroupId']}</groupId><groupName>{escape(one['GroupName'])}</groupName></item>"
            for one in _named_groups(endpoint.get("SecurityGroupIds") or [])
        )
        interfaces = "".join(f"<item>{one}</item>" for one in endpoint.get("NetworkInterfaceIds") or [])
        kind = f"<ipAddressType>{endpoint['IpAddressType']}</ipAddressType>" if endpoint["IpAddressType"] else ""
        more = (
            f"<groupSet>{groups}</groupSet>"
            f"<privateDnsEnabled>{str(endpoint.get('PrivateDnsEnabled', False)).lower()}</privateDnsEnabled>"
            f"<policyDocument>{escape(endpoint['PolicyDocument'])}</policyDocument>"
            f"<networkInterfaceIdSet>{interfaces}</networkInterfaceIdSet>{kind}"
        )
        head, end, _ = original(endpoint, tag=tag).rpartition(f"</{tag}>")
        return head + more + end

    return show


# Security groups.


def _describing_groups(original: Handler) -> Handler:
    def describe(given: Parameters) -> Any:
        wanted = ec2._parse_filters(given).get("group-id")
        if wanted is None:
            return original(given)
        named = ec2._parse_member_list(given, "GroupId")
        chosen = [one for one in ec2._security_groups if _matches(one, wanted) and (not named or one in named)]
        return _of_these(original, given, "GroupId", chosen, "DescribeSecurityGroups", "securityGroupInfo")

    return describe


# Network ACLs.


def _creating_acl(original: Handler) -> Handler:
    """A custom ACL denies everything that no rule of it allows, and says so."""

    def create(given: Parameters) -> Any:
        before = set(ec2._network_acls.keys())
        answer = original(given)
        for made in set(ec2._network_acls.keys()) - before:
            everything = {"Protocol": "-1", "RuleAction": "deny", "CidrBlock": "0.0.0.0/0"}
            ec2._network_acls[made]["Entries"] = [
                {"RuleNumber": _LAST_RULE, "Egress": egress, **everything} for egress in (False, True)
            ]
        return answer

    return create


def _creating_entry(original: Handler) -> Handler:
    def create(given: Parameters) -> Any:
        acl = ec2._network_acls.get(ec2._p(given, "NetworkAclId")) or {"Entries": []}
        number, egress = ec2._p(given, "RuleNumber"), bool(_flag(given, "Egress"))
        if any(str(one["RuleNumber"]) == number and one["Egress"] == egress for one in acl["Entries"]):
            message = f"The network acl entry identified by {number} already exists."
            return ec2._error("NetworkAclEntryAlreadyExists", message, 400)
        return _with_ports(original, given)

    return create


def _replacing_entry(original: Handler) -> Handler:
    return lambda given: _with_ports(original, given)


def _with_ports(original: Handler, given: Parameters) -> Any:
    answer = original(given)
    if answer[0] >= 300:
        return answer
    entry = ec2._network_acls[ec2._p(given, "NetworkAclId")]["Entries"][-1]
    entry["Protocol"] = _PROTOCOLS.get(entry["Protocol"], entry["Protocol"])
    ports = [ec2._p(given, f"PortRange.{end}") for end in ("From", "To")]
    if entry["Protocol"] in _WITH_PORTS and all(ports):
        entry["PortRange"] = [int(one) for one in ports]
    return answer


def _entry_shown(original: Callable[..., str]) -> Callable[..., str]:
    def show(entry: dict[str, Any]) -> str:
        shown = original(entry)
        if "PortRange" not in entry:
            return shown
        first, last = entry["PortRange"]
        head, end, _ = shown.rpartition("</item>")
        return f"{head}<portRange><from>{first}</from><to>{last}</to></portRange>{end}"

    return show


def _associate_subnets() -> None:
    """A subnet that was given no other ACL has its VPC's default one."""
    acls = list(ec2._network_acls.values())
    for acl in acls:
        acl["Associations"] = [one for one in acl["Associations"] if one["SubnetId"] in ec2._subnets]
    taken = {one["SubnetId"] for acl in acls for one in acl["Associations"]}
    default = {acl["VpcId"]: acl for acl in acls if acl["IsDefault"]}
    for subnet in ec2._subnets.values():
        if subnet["SubnetId"] not in taken and subnet["VpcId"] in default:
            made = {"NetworkAclAssociationId": _new_id("aclassoc"), "SubnetId": subnet["SubnetId"]}
            default[subnet["VpcId"]]["Associations"].append(made)


def _replacing_association(original: Handler) -> Handler:
    def change(given: Parameters) -> Any:
        _associate_subnets()
        named = ec2._p(given, "AssociationId")
        found = [one for acl in ec2._network_acls.values() for one in acl["Associations"]]
        subnet = next((one["SubnetId"] for one in found if one["NetworkAclAssociationId"] == named), None)
        if subnet is None:
            message = f"The association ID '{named}' does not exist"
            return ec2._error("InvalidAssociationID.NotFound", message, 400)
        answer = original(given)
        if answer[0] < 300:
            ec2._network_acls[ec2._p(given, "NetworkAclId")]["Associations"][-1]["SubnetId"] = subnet
        return answer

    return change


def _deleting_acl(original: Handler) -> Handler:
    def delete(given: Parameters) -> Any:
        _associate_subnets()
        named = ec2._p(given, "NetworkAclId")
        acl = ec2._network_acls.get(named)
        if acl and (acl["Associations"] or acl["IsDefault"]):
            kind = "default network ACL" if acl["IsDefault"] else f"networkAcl '{named}' has dependencies and"
            code = "InvalidParameterValue" if acl["IsDefault"] else "DependencyViolation"
            return ec2._error(code, f"The {kind} cannot be deleted", 400)
        return original(given)

    return delete


def _describing_acls(original: Handler) -> Handler:
    def describe(given: Parameters) -> Any:
        _associate_subnets()
        named, filters = ec2._parse_member_list(given, "NetworkAclId"), ec2._parse_filters(given)
        chosen = [
            acl["NetworkAclId"]
            for acl in ec2._network_acls.values()
            if (not named or acl["NetworkAclId"] in named)
            and _matches(acl["NetworkAclId"], filters.get("network-acl-id", ["*"]))
            and (
                "association.subnet-id" not in filters
                or any(one["SubnetId"] in filters["association.subnet-id"] for one in acl["Associations"])
            )
        ]
        return _of_these(original, given, "NetworkAclId", chosen, "DescribeNetworkAcls", "networkAclSet")

    return describe
