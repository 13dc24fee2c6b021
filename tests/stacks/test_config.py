"""What cdk.json may say, and how a mistake is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from functions.core.mode import policy_from_json
from functions.core.playbook import Mode
from functions.playbooks import playbook, playbooks
from stacks.config import MOST_ACCOUNTS, POLICY_LIMIT, Config, ConfigError, read
from tests.stacks.templates import CONFIG, HUB, MEMBER, ORGANIZATION, REGION

# Only this one is declared here, so that the tests say the same whatever else is in the repository.
PLAYBOOK = replace(playbook("reserved-concurrency"), settings={"default": 10, "critical": [], "floor": 100})
DECLARED = (PLAYBOOK,)
NO_SUCH_SETTING = f"there is no such setting; there are: {', '.join(sorted(PLAYBOOK.defaults))}"


def mistakes(**changes: Any) -> list[str]:
    """The lines that a configuration is refused with."""
    context = {**CONFIG, **changes}
    with pytest.raises(ConfigError) as refused:
        read({key: value for key, value in context.items() if value is not ...}, DECLARED)
    return str(refused.value).splitlines()


def config(**changes: Any) -> Config:
    return read({**CONFIG, **changes}, DECLARED)


def test_whatever_is_not_said_is_observed_only() -> None:
    silent = policy_from_json(json.loads(config().policy(DECLARED)))
    assert silent.mode(PLAYBOOK.id).mode is Mode.OBSERVE
    assert silent.default_ceiling is Mode.OBSERVE
    assert not config().may_fix(PLAYBOOK, Mode.ENFORCE)


def test_the_hubs_region_alone_is_governed_unless_others_are_named() -> None:
    assert config().governed_regions == (REGION,)
    assert config(regions=["us-east-1", REGION]).governed_regions == ("us-east-1", REGION)


def test_the_policy_reaches_the_functions_as_it_was_written() -> None:
    said = config(
        modes={PLAYBOOK.id: "enforce"},
        ceilings={"default": "observe", "ous": {"ou-ab12-abcdefgh": "approve"}, "accounts": {MEMBER: "enforce"}},
        settings={PLAYBOOK.id: {"default": 25}},
        health_accounts=["333333333333"],
    )
    policy = policy_from_json(json.loads(said.policy(DECLARED)))
    assert policy.mode(PLAYBOOK.id).mode is Mode.ENFORCE
    assert policy.ou_ceilings == {"ou-ab12-abcdefgh": Mode.APPROVE}
    assert policy.account_ceilings == {MEMBER: Mode.ENFORCE}
    assert policy.settings == {PLAYBOOK.id: {"default": 25}}
    assert policy.health_accounts == ("333333333333",)


def test_a_remediator_is_told_about_its_own_playbook_only() -> None:
    other = replace(PLAYBOOK, id="public-url")
    said = read({**CONFIG, "modes": {PLAYBOOK.id: "enforce", other.id: "approve"}}, [PLAYBOOK, other])
    assert json.loads(said.policy([other]))["modes"] == {"public-url": "approve"}


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"hub_account": ...}, "cdk.json: warden.hub_account: field required"),
        ({"hub_account": 111111111111}, "cdk.json: warden.hub_account: input should be a valid string"),
        ({"hub_account": "1234"}, "cdk.json: warden.hub_account: '1234' is no account id: twelve digits, in quotes"),
        ({"region": "Frankfurt"}, "cdk.json: warden.region: 'Frankfurt' is no Region"),
        ({"organization_id": "example"}, "cdk.json: warden.organization_id: 'example' is no organization id"),
        ({"accounts": [MEMBER, "x"]}, "cdk.json: warden.accounts[1]: 'x' is no account id: twelve digits, in quotes"),
        ({"accounts": [MEMBER, MEMBER]}, f"cdk.json: warden.accounts: {MEMBER} is listed twice"),
        ({"accounts": [HUB]}, f"cdk.json: warden: accounts: {HUB} is the hub itself, which cannot be its own member"),
        (
            {"organization_id": None},
            "cdk.json: warden: organization_id or accounts is needed: without either, no event may reach the hub",
        ),
        ({"regions": ["eu-west-1", "eu"]}, "cdk.json: warden.regions[1]: 'eu' is no Region"),
        ({"slack": {}}, "cdk.json: warden.slack.channel: field required"),
        (
            {"slack": {"channel": "no channel"}},
            "cdk.json: warden.slack.channel: 'no channel' is no channel id such as C0123456789 (a name will not do)",
        ),
        (
            {"slack": {"channel": "C0123456789", "api_url": "http://slack.com/api/"}},
            "cdk.json: warden.slack.api_url: 'http://slack.com/api/' is no https://… ending in /",
        ),
        (
            {"slack": {"channel": "C0123456789", "token": "x"}},
            "cdk.json: warden.slack.token: extra inputs are not permitted",
        ),
        ({"mode": {}}, "cdk.json: warden.mode: extra inputs are not permitted"),
        (
            {"modes": {"reserved-concurrency": "fix"}},
            "cdk.json: warden.modes.reserved-concurrency: input should be 'observe', 'approve' or 'enforce'",
        ),
        (
            {"modes": {"reserved": "observe"}},
            "cdk.json: warden.modes.reserved: there is no such playbook; there are: reserved-concurrency",
        ),
        (
            {"ceilings": {"ous": {"ou-1": "observe"}}},
            "cdk.json: warden.ceilings.ous.ou-1: 'ou-1' is no id of an OU",
        ),
        (
            {"ceilings": {"accounts": {MEMBER: "all"}}},
            f"cdk.json: warden.ceilings.accounts.{MEMBER}: input should be 'observe', 'approve' or 'enforce'",
        ),
        (
            {"settings": {"reserved": {}}},
            "cdk.json: warden.settings.reserved: there is no such playbook; there are: reserved-concurrency",
        ),
        (
            {"settings": {"reserved-concurrency": {"deflaut": 3}}},
            f"cdk.json: warden.settings.reserved-concurrency.deflaut: {NO_SUCH_SETTING}",
        ),
        (
            {"settings": {"reserved-concurrency": {"default": "3"}}},
            "cdk.json: warden.settings.reserved-concurrency.default: must be like its default, 10",
        ),
        (
            {"settings": {"reserved-concurrency": {"default": True}}},
            "cdk.json: warden.settings.reserved-concurrency.default: must be like its default, 10",
        ),
        (
            {"health_accounts": ["aws"]},
            "cdk.json: warden.health_accounts[0]: 'aws' is no account id: twelve digits, in quotes",
        ),
        ({"digest_after": 0}, "cdk.json: warden.digest_after: input should be greater than or equal to 1"),
        ({"digest_after": "10"}, "cdk.json: warden.digest_after: input should be a valid integer"),
    ],
)
def test_a_mistake_is_refused_with_its_path_and_the_reason(changes: dict[str, Any], line: str) -> None:
    assert mistakes(**changes) == [line]


def test_every_mistake_gets_its_own_line() -> None:
    assert len(mistakes(hub_account="1", region="2", digest_after=0)) == 3


@pytest.mark.parametrize("context", [None, [], "warden", 1])
def test_a_context_that_is_no_object_is_refused(context: object) -> None:
    with pytest.raises(ConfigError, match=r"^cdk.json: warden: must be an object"):
        read(context, DECLARED)


def test_more_ceilings_than_a_functions_environment_holds_are_refused() -> None:
    accounts = {f"{n:012d}": "observe" for n in range(200)}
    (line,) = mistakes(ceilings={"accounts": accounts})
    assert line.startswith("cdk.json: warden.ceilings: with modes and settings they take ")
    assert str(POLICY_LIMIT) in line


def test_more_accounts_than_a_bus_policy_holds_are_refused() -> None:
    (line,) = mistakes(organization_id=None, accounts=[f"{n:012d}" for n in range(MOST_ACCOUNTS + 1)])
    assert line.startswith("cdk.json: warden.accounts: ")


@pytest.mark.parametrize(
    ("mode", "ceiling", "may"),
    [
        ("enforce", "enforce", True),
        ("enforce", "approve", True),
        ("approve", "enforce", True),
        ("enforce", "observe", False),
        ("observe", "enforce", False),
    ],
)
def test_a_fix_is_possible_only_where_mode_and_ceiling_are_both_above_observe(
    mode: str, ceiling: str, *, may: bool
) -> None:
    assert config(modes={PLAYBOOK.id: mode}).may_fix(PLAYBOOK, Mode(ceiling)) is may


def test_the_highest_ceiling_counts_ous_and_accounts() -> None:
    assert config(ceilings={"ous": {"ou-ab12-abcdefgh": "approve"}}).ceilings.highest is Mode.APPROVE
    assert config(ceilings={"accounts": {MEMBER: "enforce"}}).ceilings.highest is Mode.ENFORCE


def test_the_example_in_the_repository_is_valid() -> None:
    example = json.loads((Path(__file__).parents[2] / "cdk.json").read_text())["context"]["warden"]
    assert read(example, playbooks()).organization_id == ORGANIZATION
