"""How much may be done: never more than any limit, and as little as possible when in doubt."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.core.mode import (
    EXEMPT_TAG,
    MODE_TAG,
    Account,
    DeploymentPolicy,
    Limit,
    RuntimePolicy,
    effective_mode,
    exemption,
    policy_from_json,
    read_mode,
    tag_limit,
)
from functions.core.playbook import Mode

TODAY = date(2026, 11, 20)
ACCOUNT = Account("222222222222", ou_path=("r-root", "ou-work", "ou-prod"))
MODES = st.sampled_from(Mode)


@given(st.lists(st.builds(Limit, MODES, st.text()), min_size=1))
def test_the_mode_is_never_above_any_limit(limits: list[Limit]) -> None:
    effective = effective_mode(limits)
    assert effective in limits
    assert all(effective.mode.rank <= limit.mode.rank for limit in limits)


def test_the_first_of_equal_limits_gives_the_reason() -> None:
    limits = [Limit(Mode.APPROVE, "a"), Limit(Mode.OBSERVE, "b"), Limit(Mode.OBSERVE, "c")]
    assert effective_mode(limits).because == "b"


def test_modes_rank_from_least_to_most() -> None:
    assert Mode.OBSERVE.rank < Mode.APPROVE.rank < Mode.ENFORCE.rank


def test_a_playbook_the_deployment_does_not_name_only_observes() -> None:
    policy = DeploymentPolicy({"this": Mode.ENFORCE})
    assert policy.mode("this").mode is Mode.ENFORCE
    assert policy.mode("that").mode is Mode.OBSERVE
    assert "that" in policy.mode("that").because


def test_an_unknown_account_only_observes() -> None:
    policy = DeploymentPolicy({}, default_ceiling=Mode.ENFORCE, ou_ceilings={"r-root": Mode.ENFORCE})
    assert policy.ceiling("222222222222", None).mode is Mode.OBSERVE
    assert policy.ceiling("222222222222", ACCOUNT).mode is Mode.ENFORCE


def test_an_accounts_own_ceiling_goes_before_its_nearest_units() -> None:
    def ceiling(**fields: object) -> Mode:
        policy = DeploymentPolicy({}, default_ceiling=Mode.OBSERVE, **fields)  # type: ignore[arg-type]  # by name
        return policy.ceiling(ACCOUNT.id, ACCOUNT).mode

    ous = {"r-root": Mode.ENFORCE, "ou-work": Mode.APPROVE, "ou-other": Mode.ENFORCE}
    assert ceiling() is Mode.OBSERVE
    assert ceiling(ou_ceilings=ous) is Mode.APPROVE
    assert ceiling(ou_ceilings={"r-root": Mode.ENFORCE}) is Mode.ENFORCE
    assert ceiling(ou_ceilings=ous, account_ceilings={ACCOUNT.id: Mode.ENFORCE}) is Mode.ENFORCE
    assert ceiling(ou_ceilings=ous, account_ceilings={"333333333333": Mode.ENFORCE}) is Mode.APPROVE


@given(st.none() | MODES, st.none() | MODES)
def test_an_unreadable_policy_only_observes(everything: Mode | None, account: Mode | None) -> None:
    limits = RuntimePolicy(readable=False, everything=everything, account=account).limits()
    assert [limit.mode for limit in limits] == [Mode.OBSERVE]


def test_operators_can_lower_everything_or_one_account() -> None:
    assert RuntimePolicy().limits() == []
    lowered = RuntimePolicy(everything=Mode.APPROVE, account=Mode.OBSERVE).limits()
    assert [limit.mode for limit in lowered] == [Mode.APPROVE, Mode.OBSERVE]
    assert all("operators" in limit.because for limit in lowered)


@pytest.mark.parametrize(
    ("value", "mode"),
    [
        ("enforce", Mode.ENFORCE),
        (" Approve ", Mode.APPROVE),
        ("OBSERVE", Mode.OBSERVE),
        ("", Mode.OBSERVE),
        ("off", Mode.OBSERVE),
        ("enforce please", Mode.OBSERVE),
    ],
)
def test_a_tag_that_is_no_mode_only_observes(value: str, mode: Mode) -> None:
    assert [limit.mode for limit in tag_limit({MODE_TAG: value})] == [mode]


def test_no_tag_is_no_limit() -> None:
    assert tag_limit({"warden:modes": "observe"}) == []


@pytest.mark.parametrize("value", [None, 0, "", "none", [], "enforced"])
def test_what_is_no_mode_is_none(value: object) -> None:
    assert read_mode(value) is None


@pytest.mark.parametrize(
    ("tag", "holds"),
    [
        ("", False),
        ("reserved-concurrency@2026-11-20", True),
        ("reserved-concurrency@2027-01-31", True),
        ("reserved-concurrency@2026-11-19", False),
        ("reserved-concurrency", False),
        ("reserved-concurrency@", False),
        ("reserved-concurrency@soon", False),
        ("reserved-concurrency@2027-02-30", False),
        ("reserved-concurrency@2027-01-31@2028-01-31", False),
        ("reserved@2027-01-31", False),
        ("*@2027-01-31", False),
        ("other@2020-01-01 reserved-concurrency@2027-01-31", True),
        ("reserved-concurrency@2020-01-01 reserved-concurrency@2027-01-31", True),
        ("reserved-concurrency@2027-01-31 reserved-concurrency", True),
    ],
)
def test_an_exemption_holds_until_the_end_of_its_date_and_only_with_one(tag: str, holds: bool) -> None:
    found = exemption({EXEMPT_TAG: tag}, "reserved-concurrency", TODAY)
    assert found.holds is holds
    assert not (found.until and found.refused)


def test_says_why_an_exemption_does_not_hold() -> None:
    assert "2026-11-19" in exemption({EXEMPT_TAG: "p@2026-11-19"}, "p", TODAY).refused
    assert "no date" in exemption({EXEMPT_TAG: "p"}, "p", TODAY).refused
    assert exemption({EXEMPT_TAG: "other"}, "p", TODAY).refused == ""


@given(st.text(), st.text(min_size=1))
def test_any_tag_can_be_read(value: str, playbook: str) -> None:
    assert exemption({EXEMPT_TAG: value}, playbook, TODAY).until == "" or "@" in value
    assert len(tag_limit({MODE_TAG: value})) == 1


def test_a_mistake_in_the_deployments_policy_never_enforces() -> None:
    policy = policy_from_json(
        {
            "modes": {"a": "enforce", "b": "enforced", "c": None},
            "ceilings": {"default": "all", "ous": {"ou-1": "approve", "ou-2": 5}, "accounts": {"222222222222": "yes"}},
            "settings": {"a": {"default": 5}},
            "health_accounts": ["333333333333"],
        }
    )
    assert policy.modes == {"a": Mode.ENFORCE, "b": Mode.OBSERVE, "c": Mode.OBSERVE}
    assert policy.default_ceiling is Mode.OBSERVE
    assert policy.ou_ceilings == {"ou-1": Mode.APPROVE, "ou-2": Mode.OBSERVE}
    assert policy.account_ceilings == {"222222222222": Mode.OBSERVE}
    assert (policy.settings, policy.health_accounts) == ({"a": {"default": 5}}, ("333333333333",))


def test_an_empty_policy_only_observes() -> None:
    policy = policy_from_json({})
    assert policy.mode("a").mode is Mode.OBSERVE
    assert policy.ceiling(ACCOUNT.id, ACCOUNT).mode is Mode.OBSERVE
