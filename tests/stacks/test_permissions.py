"""Every permission is one that exists: AWS's own list of actions knows it."""

from __future__ import annotations

from pathlib import Path

import pytest
from policy_sentry.querying.actions import get_action_data

from functions.core.playbook import Playbook
from functions.playbooks import playbooks
from tests.stacks.templates import STACKS, Template, statements


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
    for permission in (*playbook.reads, *playbook.writes):
        assert exists(permission.action), permission.action
        assert permission.resource != "*" or permission.why_any, permission.action
