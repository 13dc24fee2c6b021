"""Reading synthesised templates as the account they are deployed to would."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from moto.events.models import EventPattern

from functions.core.playbook import Playbook
from stacks.config import Config, read
from stacks.member import MemberAccountStack, MemberRegionStack
from stacks.synthesis import new_app

HUB, MEMBER, REGION, ORGANIZATION = "111111111111", "222222222222", "eu-west-1", "o-exampleorgid"
LAYER = f"WardenLayer-{REGION}"
MEMBER_STACKS = ("WardenMemberAccount", "WardenMemberRegion", "WardenMemberGlobal")
STACKS = ("WardenHub", LAYER, *MEMBER_STACKS)

CONFIG: dict[str, Any] = {
    "hub_account": HUB,
    "region": REGION,
    "organization_id": ORGANIZATION,
    "slack": {"channel": "C0123456789"},
}


def enforcing(playbooks: Collection[Playbook]) -> Config:
    """A configuration under which every playbook may fix what it finds, everywhere."""
    modes = {playbook.id: "enforce" for playbook in playbooks}
    return read({**CONFIG, "modes": modes, "ceilings": {"default": "enforce"}}, playbooks)


def member_stacks(playbook: Playbook, outdir: Path, **config: Any) -> Path:
    """What a member gets for one playbook, without the hub and without the checks of a whole synthesis."""
    settings = read({**CONFIG, **config}, [playbook])
    ceiling = settings.ceilings.highest
    app = new_app(outdir)
    MemberAccountStack(app, "WardenMemberAccount", config=settings, playbooks=[playbook], ceiling=ceiling)
    MemberRegionStack(app, "WardenMemberRegion", config=settings, playbooks=[playbook])
    app.synth()
    return outdir


class Template:
    """One synthesised template."""

    def __init__(self, assembly: Path, stack: str) -> None:
        self.path = assembly / f"{stack}.template.json"
        self.account = MEMBER if stack in MEMBER_STACKS else HUB
        self.body: dict[str, Any] = json.loads(self.path.read_text())

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        """The properties of every resource of a type, with references filled in."""
        found = self.body["Resources"].values()
        return [self._filled(resource["Properties"]) for resource in found if resource["Type"] == kind]

    def named(self, kind: str, key: str, name: str) -> dict[str, Any]:
        """The one resource of a type that bears a name."""
        (found,) = [properties for properties in self.of_type(kind) if properties.get(key) == name]
        return found

    def _filled(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._filled(item) for item in value]
        if not isinstance(value, dict):
            return value
        match value:
            case {"Ref": name, **rest} if not rest:
                pseudo = {"AWS::AccountId": self.account, "AWS::Region": REGION, "AWS::Partition": "aws"}
                return pseudo.get(name) or self._physical(name)
            case {"Fn::GetAtt": [name, attribute], **rest} if not rest:
                physical = self._physical(name)
                return physical if attribute.endswith("Name") else f"arn:of:{physical}"
            case {"Fn::Sub": text, **rest} if not rest:
                return re.sub(r"\$\{([^}]+)\}", lambda name: str(self._filled({"Ref": name[1]})), text)
            case {"Fn::Join": [glue, parts], **rest} if not rest:
                return glue.join(self._filled(parts))
        return {key: self._filled(item) for key, item in value.items()}

    def _physical(self, logical: str) -> str:
        """The name of a resource, its logical id where it has none."""
        properties = self.body["Resources"][logical]["Properties"]
        names = ("QueueName", "RoleName", "FunctionName", "TableName", "Name", "LogGroupName", "LayerName")
        return next((str(properties[name]) for name in names if name in properties), logical)


def statements(role: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Each statement of a role's inline policies, with lists where IAM allows a single value."""
    for policy in role["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            yield {**statement, "Action": listed(statement["Action"]), "Resource": listed(statement["Resource"])}


def pairs(role: dict[str, Any]) -> set[tuple[str, str]]:
    """What a role may do: (action, resource)."""
    return {
        (action, resource)
        for statement in statements(role)
        for action in statement["Action"]
        for resource in statement["Resource"]
    }


def listed(value: Any) -> list[Any]:
    """A list, also of what stands alone."""
    return value if isinstance(value, list) else [value]


def size(document: object) -> int:
    """Characters of a policy as AWS counts them, without white space."""
    return len(json.dumps(document, separators=(",", ":")))


def matches(pattern: dict[str, Any], event: dict[str, Any]) -> bool:
    """Whether EventBridge would give this event to a rule with this pattern."""
    rule: Any = EventPattern.load(json.dumps(pattern))
    return bool(rule.matches_event(event))
