"""What a declaration leads to, and how playbooks are found."""

from dataclasses import replace

import pytest

from functions.core.mode import DeploymentPolicy
from functions.core.playbook import Playbook
from functions.playbooks import examinations, playbook, playbooks, settings_of

from .examples import PLAYBOOK


def declared(**fields: object) -> Playbook:
    return replace(playbook(PLAYBOOK), **fields)  # type: ignore[arg-type]  # by name


def test_names_derive_from_the_id() -> None:
    made = declared(id="a-problem")
    assert made.module == "a_problem"
    assert made.member_role == "warden-a-problem"
    assert made.remediator == "warden-remediator-a-problem"


def test_only_a_playbook_that_may_write_can_fix() -> None:
    assert declared().fixable
    assert not declared(writes=()).fixable


def test_every_playbook_is_found_with_its_check() -> None:
    assert [p.id for p in playbooks()] == sorted(p.id for p in playbooks())
    assert PLAYBOOK in [p.id for p in playbooks()]
    assert [examination.playbook for examination in examinations()] == list(playbooks())
    assert all(callable(examination.check) for examination in examinations())


def test_an_unknown_id_names_those_that_exist() -> None:
    with pytest.raises(KeyError, match=PLAYBOOK):
        playbook("no-such-problem")


def test_a_deployment_may_set_what_is_declared_and_the_cap_of_what_can_fix() -> None:
    made = declared(settings={"floor": 100}, fixes_per_hour=7)
    assert made.defaults == {"floor": 100, "fixes_per_hour": 7}
    assert declared(settings={"floor": 100}, writes=()).defaults == {"floor": 100}


def test_the_deployments_settings_go_before_the_declared_ones() -> None:
    made = declared(settings={"default": 10, "floor": 100}, fixes_per_hour=7)
    assert settings_of(made, DeploymentPolicy({})) == {"default": 10, "floor": 100, "fixes_per_hour": 7}
    changed = DeploymentPolicy({}, settings={PLAYBOOK: {"default": 25}, "another": {"floor": 1}})
    assert settings_of(made, changed) == {"default": 25, "floor": 100, "fixes_per_hour": 7}
