"""Every permission is one that exists: AWS's own list of actions knows it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from policy_sentry.querying.actions import get_action_data

from functions.core.playbook import Permission, Playbook
from functions.playbooks import playbook as playbook_of
from functions.playbooks import playbooks
from stacks.config import read
from stacks.roles import grants_of
from stacks.synthesis import synthesise
from tests.stacks.templates import CONFIG, HUB, MEMBER, STACKS, Template, member_stacks, pairs, statements

MODEL = playbook_of("reserved-concurrency")
FUNCTION = "arn:{partition}:lambda:{region}:{account}:function:*"
KEY = "arn:{partition}:kms:{region}:{account}:key/*"
LAYER_VERSION = "arn:{partition}:lambda:{region}:{account}:layer:made-up:*"


def exists(action: str) -> bool:
    """Whether the Service Authorization Reference, as policy_sentry carries it, has an action by exactly this name."""
    service, _, name = action.partition(":")
    found = get_action_data(service, name) or {}
    return action in [data["action"] for data in found.get(service, [])]


def test_an_invented_or_misspelt_action_is_noticed() -> None:
    assert exists("lambda:GetFunction")
    assert not exists("lambda:GetFunktion")
    assert not exists("lambda:getfunction")
    assert not exists("lamda:GetFunction")


@pytest.mark.parametrize("stack", STACKS)
def test_every_action_of_a_role_exists(assembly: Path, stack: str) -> None:
    roles = Template(assembly, stack).of_type("AWS::IAM::Role")
    actions = {action for role in roles for statement in statements(role) for action in statement["Action"]}
    assert not {action for action in actions if not exists(action)}
    assert actions or not roles


@pytest.mark.parametrize("playbook", playbooks(), ids=lambda p: str(p.id))
def test_every_declared_action_exists_and_a_wildcard_says_why(playbook: Playbook) -> None:
    for permission in every(playbook):
        assert exists(permission.action), permission.action
        assert permission.resource != "*" or permission.why_any, permission.action


@pytest.mark.parametrize("playbook", playbooks(), ids=lambda p: str(p.id))
def test_a_resource_is_named_where_the_action_has_one_and_only_there(playbook: Playbook) -> None:
    """IAM allows an action without resource types on `*` alone; named on anything else, it is never allowed."""
    for permission in every(playbook):
        assert (permission.resource == "*") is (not resource_types(permission.action)), permission.action


def test_an_action_with_resource_types_is_told_from_one_without() -> None:
    """Otherwise the test above could not fail."""
    assert not resource_types("lambda:ListLayerVersions")
    assert resource_types("lambda:GetLayerVersion")


@pytest.mark.parametrize("playbook", playbooks(), ids=lambda p: str(p.id))
def test_a_permission_depends_on_settings_that_there_are(playbook: Playbook) -> None:
    assert {permission.when for permission in every(playbook)} - {""} <= set(playbook.defaults)


def test_a_permission_for_a_setting_is_granted_where_it_is_not_empty() -> None:
    reads = (Permission("lambda:GetFunction", FUNCTION), Permission("kms:DescribeKey", KEY, when="key"))
    writes = (Permission("lambda:InvokeFunction", FUNCTION, when="try"), Permission("kms:Decrypt", KEY, when="key"))
    made_up = replace(MODEL, reads=reads, writes=writes, settings={"key": "", "try": {"orders": {}}})

    def granted(settings: dict[str, object], permissions: tuple[Permission, ...]) -> set[str]:
        config = read({**CONFIG, "settings": {made_up.id: settings} if settings else {}}, [made_up])
        return {permission.action for permission in config.granted(made_up, permissions)}

    assert granted({}, (*reads, *writes)) == {"lambda:GetFunction", "lambda:InvokeFunction"}
    assert granted({"key": "alias/app", "try": {}}, (*reads, *writes)) == {
        "lambda:GetFunction",
        "kms:DescribeKey",
        "kms:Decrypt",
    }


@pytest.mark.parametrize("key", ["", "alias/app"])
def test_roles_have_what_the_settings_ask_for(tmp_path: Path, key: str) -> None:
    made_up = replace(
        MODEL,
        reads=(*MODEL.reads, Permission("kms:DescribeKey", KEY, when="key")),
        writes=(*MODEL.writes, Permission("kms:Decrypt", KEY, when="key")),
        hub_reads=(
            Permission("lambda:ListLayerVersions", "*", why_any="it has no resource type"),
            Permission("lambda:GetLayerVersion", LAYER_VERSION),
            Permission("kms:ListAliases", "*", why_any="it has no resource type", when="key"),
        ),
        settings={**MODEL.settings, "key": ""},
    )
    config = {**CONFIG, "modes": {MODEL.id: "enforce"}, "ceilings": {"default": "enforce"}}
    synthesise(read({**config, "settings": {MODEL.id: {"key": key}}}, [made_up]), tmp_path, [made_up])
    roles = {
        (stack, role["RoleName"]): pairs(role)
        for stack in ("WardenHub", "WardenMemberAccount")
        for role in Template(tmp_path, stack).of_type("AWS::IAM::Role")
    }
    of_key = f"arn:aws:kms:*:{MEMBER}:key/*"
    wanted = {("kms:DescribeKey", of_key)} if key else set()
    assert on_keys(roles["WardenMemberAccount", "warden-inspector"]) == wanted
    wanted |= {("kms:Decrypt", of_key)} if key else set()
    assert on_keys(roles["WardenMemberAccount", MODEL.member_role]) == wanted
    remediator = roles["WardenHub", MODEL.remediator]
    assert on_keys(remediator) == ({("kms:ListAliases", "*")} if key else set())
    # In the hub's account, in the Region of whichever function is at hand.
    assert ("lambda:GetLayerVersion", f"arn:aws:lambda:*:{HUB}:layer:made-up:*") in remediator
    assert ("lambda:ListLayerVersions", "*") in remediator
    others = [role for key, role in roles.items() if key != ("WardenHub", MODEL.remediator)]
    assert not any(action.startswith("lambda:ListLayer") for role in others for action, _ in role)


POLICY = "arn:{partition}:iam::{account}:policy/warden-quarantine-send"
ROLE = "arn:{partition}:iam::{account}:role/*"
THIS_POLICY = (("ArnEquals", "iam:PolicyARN", POLICY),)


def test_a_permission_is_granted_under_its_conditions_alone() -> None:
    conditions = (*THIS_POLICY, ("StringEquals", "aws:RequestedRegion", "eu-west-1"))
    grants = grants_of(
        [
            Permission("iam:GetRole", ROLE),
            Permission("iam:DetachRolePolicy", ROLE, conditions=THIS_POLICY),
            Permission("iam:AttachRolePolicy", ROLE, conditions=THIS_POLICY),
            # In whichever order they are said.
            Permission("iam:PutRolePolicy", ROLE, conditions=conditions),
            Permission("iam:DeleteRolePolicy", ROLE, conditions=conditions[::-1]),
        ]
    )
    assert [(grant.actions, grant.conditions) for grant in grants] == [
        (("iam:GetRole",), ()),
        (("iam:AttachRolePolicy", "iam:DetachRolePolicy"), THIS_POLICY),
        (("iam:DeleteRolePolicy", "iam:PutRolePolicy"), conditions),
    ]


def test_a_condition_is_in_the_role_with_its_account_filled_in(tmp_path: Path) -> None:
    queue = "arn:{partition}:sqs:{region}:{account}:warden-q-*"
    made_up = replace(
        MODEL,
        writes=(
            *MODEL.writes,
            Permission("iam:GetRole", ROLE),
            Permission("iam:AttachRolePolicy", ROLE, conditions=(*THIS_POLICY, ("ArnLike", "aws:SourceArn", queue))),
        ),
    )
    assembly = member_stacks(made_up, tmp_path, modes={MODEL.id: "enforce"}, ceilings={"default": "enforce"})
    role = Template(assembly, "WardenMemberAccount").named("AWS::IAM::Role", "RoleName", MODEL.member_role)
    found = {action: each.get("Condition") for each in statements(role) for action in each["Action"]}
    assert found.pop("iam:AttachRolePolicy") == {
        "ArnEquals": {"iam:PolicyARN": [f"arn:aws:iam::{MEMBER}:policy/warden-quarantine-send"]},
        "ArnLike": {"aws:SourceArn": [f"arn:aws:sqs:*:{MEMBER}:warden-q-*"]},
    }
    assert set(found.values()) == {None}
    assert "iam:GetRole" in found


def on_keys(role: set[tuple[str, str]]) -> set[tuple[str, str]]:
    return {(action, resource) for action, resource in role if action.startswith("kms:")}


def every(playbook: Playbook) -> tuple[Permission, ...]:
    attached = (permission for policy in playbook.managed_policies for permission in policy.permissions)
    return (*playbook.reads, *playbook.writes, *playbook.hub_reads, *attached)


def resource_types(action: str) -> set[str]:
    """The kinds of ARN that an action may be allowed on; none if only `*` will do."""
    service, _, name = action.partition(":")
    found = (get_action_data(service, name) or {}).get(service, [])
    return {data["resource_arn_format"] for data in found if data["action"] == action} - {"*"}
