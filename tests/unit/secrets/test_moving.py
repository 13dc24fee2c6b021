"""What a function's environment, its secret's policy and its versions look like before and after a move. Pure."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from functions.adapters.role_access import READ_SECRET, judge
from functions.core.secret_name import function_of_secret, secret_name
from functions.playbooks.plaintext_secrets import secret_policy
from functions.playbooks.plaintext_secrets.classifier.classify import classify
from functions.playbooks.plaintext_secrets.environment import (
    MARKER,
    NEXT_WRAPPER,
    OURS,
    WRAPPER,
    WRAPPER_PATH,
    moved,
    shown,
    size,
    with_references,
    with_values,
)
from functions.playbooks.plaintext_secrets.versions import old_versions

ARN = "arn:aws:secretsmanager:eu-west-1:222222222222:secret:warden/orders/env-AbCdEf"
ROLE = "arn:aws:iam::222222222222:role/service/orders"
PASSWORD = "-".join(("tiger", "lemon", "42"))

names = st.from_regex(r"[a-zA-Z][a-zA-Z0-9_]{1,12}", fullmatch=True).filter(lambda n: n not in OURS)
values = st.text(min_size=0, max_size=40).filter(lambda v: v != MARKER)
environments = st.dictionaries(names, values, min_size=1, max_size=12)


@given(environments, st.data(), st.sampled_from(["", "/opt/datadog_wrapper"]))
def test_undoing_a_move_gives_back_every_value(before: dict[str, str], data: Any, wrapper: str) -> None:
    before = {**before, WRAPPER: wrapper} if wrapper else before
    chosen = data.draw(st.lists(st.sampled_from(sorted(set(before) - OURS)), unique=True, min_size=1))
    after = with_references(before, chosen, ARN)
    assert moved(after) == tuple(sorted(chosen))
    assert {n: v for n, v in after.items() if n not in OURS and n not in chosen} == {
        n: v for n, v in before.items() if n not in OURS and n not in chosen
    }
    back = with_values(after, chosen, {name: before[name] for name in chosen})
    assert (back.environment, back.restored, back.kept) == (before, tuple(sorted(chosen)), ())


@given(environments, st.data())
def test_two_moves_undone_in_either_order_give_back_every_value(before: dict[str, str], data: Any) -> None:
    first = data.draw(st.lists(st.sampled_from(sorted(before)), unique=True, min_size=1))
    second = [name for name in before if name not in first]
    after = with_references(with_references(before, first, ARN), second, ARN)
    for one, other in ((first, second), (second, first)):
        half = with_values(after, one, before).environment
        assert with_values(half, other, before).environment == before


def test_what_somebody_changed_since_is_kept_and_named() -> None:
    after = {**with_references({"DB_PASSWORD": PASSWORD, "B_PASSWORD": PASSWORD}, ["DB_PASSWORD", "B_PASSWORD"], ARN)}
    back = with_values({**after, "B_PASSWORD": "new"}, ["DB_PASSWORD", "B_PASSWORD"], {"DB_PASSWORD": PASSWORD})
    assert back.environment == {"DB_PASSWORD": PASSWORD, "B_PASSWORD": "new"}
    assert (back.restored, back.kept) == (("DB_PASSWORD",), ("B_PASSWORD",))
    assert PASSWORD not in repr(back)


def test_another_wrapper_is_started_by_ours_and_put_back() -> None:
    before = {"DB_PASSWORD": PASSWORD, WRAPPER: "/opt/datadog_wrapper"}
    after = with_references(before, ["DB_PASSWORD"], ARN)
    assert (after[WRAPPER], after[NEXT_WRAPPER]) == (WRAPPER_PATH, "/opt/datadog_wrapper")
    # A second move must not take our own wrapper for another.
    assert with_references(after, [], ARN) == after
    assert with_values(after, ["DB_PASSWORD"], {"DB_PASSWORD": PASSWORD}).environment == before


@given(environments)
def test_the_size_is_never_less_than_names_and_values(environment: dict[str, str]) -> None:
    clean = {name: value.encode("utf-8", "replace").decode() for name, value in environment.items()}
    assert size(clean) >= sum(len(name) + len(value.encode()) for name, value in clean.items())


@given(st.from_regex(r"[a-zA-Z0-9_-]{1,64}", fullmatch=True))
@example("orders-v2")
@example("x--b")
@example("-")
def test_a_secrets_name_leads_back_to_its_function(function: str) -> None:
    name = secret_name(function)
    assert function_of_secret(name) == function
    assert function_of_secret(f"arn:aws:secretsmanager:eu-west-1:222222222222:secret:{name}-AbCdEf") == function
    assert function_of_secret(f"arn:aws:secretsmanager:eu-west-1:222222222222:secret:{name}") == function
    assert name[-7] != "-", "a name that ends like an ARN is taken for one"


@pytest.mark.parametrize("other", ["orders/db", "warden/slack", "warden//env", "warden/a b/env", "warden/x/env/y", ""])
def test_another_secret_is_none_of_ours(other: str) -> None:
    assert function_of_secret(other) == ""


def test_the_policy_names_the_role_and_keeps_what_others_added() -> None:
    policy = secret_policy.with_grant("", ROLE)
    assert secret_policy.grants(policy, ROLE)
    assert not secret_policy.grants(policy, f"{ROLE}2")
    assert not secret_policy.grants("", ROLE)
    theirs = {
        "Sid": "Backup",
        "Effect": "Allow",
        "Principal": {"AWS": f"{ROLE}-backup"},
        "Action": "*",
        "Resource": "*",
    }
    both = json.loads(policy)
    both["Statement"].append(theirs)
    again = secret_policy.with_grant(json.dumps(both), f"{ROLE}2")
    assert secret_policy.grants(again, f"{ROLE}2")
    assert not secret_policy.grants(again, ROLE), "the role before has lost its access"
    assert theirs in json.loads(again)["Statement"]
    (ours,) = json.loads(policy)["Statement"]
    assert (ours["Principal"], ours["Action"]) == ({"AWS": ROLE}, READ_SECRET)


@pytest.mark.parametrize(
    ("result", "allowed", "says"),
    [
        ({"EvalDecision": "allowed"}, True, ""),
        ({"EvalDecision": "implicitDeny"}, False, ""),
        ({"EvalDecision": "explicitDeny"}, False, "a policy of role orders denies"),
        ({"EvalDecision": "explicitDeny", "MatchedStatements": [{"SourcePolicyId": "guard"}]}, False, "(guard)"),
        (
            {
                "EvalDecision": "implicitDeny",
                "PermissionsBoundaryDecisionDetail": {"AllowedByPermissionsBoundary": False},
            },
            False,
            "boundary of role orders does not allow",
        ),
        (
            {
                "EvalDecision": "implicitDeny",
                "PermissionsBoundaryDecisionDetail": {"AllowedByPermissionsBoundary": True},
            },
            False,
            "",
        ),
        (
            {"EvalDecision": "allowed", "OrganizationsDecisionDetail": {"AllowedByOrganizations": False}},
            True,
            "organization does not allow",
        ),
        ({"EvalDecision": "implicitDeny", "MissingContextValues": ["aws:SourceVpc"]}, False, "aws:SourceVpc"),
        ({"EvalDecision": "yetToCome"}, False, "'yetToCome'"),
        ({}, False, "'None'"),
    ],
)
def test_what_a_simulation_means(result: dict[str, Any], allowed: bool, says: str) -> None:
    found = judge(ROLE, READ_SECRET, result)
    assert found.allowed is allowed
    assert bool(found.problem) is bool(says)
    assert says in found.problem


def configuration(version: str, variables: dict[str, str], **differs: Any) -> dict[str, Any]:
    usual = {"CodeSha256": "abc", "Runtime": "python3.13", "Handler": "app.handler", "MemorySize": 128, "Timeout": 3}
    return {"Version": version, "Environment": {"Variables": variables}, **usual, **differs}


MOVED = with_references({"DB_PASSWORD": PASSWORD, "STAGE": "prod"}, ["DB_PASSWORD"], ARN)
WITH_LAYER = {"Layers": [{"Arn": "arn:aws:lambda:eu-west-1:111111111111:layer:warden-exec-wrapper:3"}]}
PLAIN = {"DB_PASSWORD": PASSWORD, "STAGE": "prod"}


@pytest.mark.parametrize(
    ("version", "same"),
    [
        (configuration("1", PLAIN), True),
        (configuration("1", {**PLAIN, "STAGE": "test"}), False),
        (configuration("1", {**PLAIN, "MORE": "x"}), False),
        (configuration("1", PLAIN, CodeSha256="other"), False),
        (configuration("1", PLAIN, Timeout=30), False),
        (configuration("1", PLAIN, EphemeralStorage={"Size": 1024}), False),
        (configuration("1", PLAIN, FileSystemConfigs=[{"Arn": "a", "LocalMountPath": "/mnt/a"}]), False),
        (configuration("1", PLAIN, SettingYetToCome="x"), False),
        (configuration("1", {**PLAIN, WRAPPER: "/opt/other"}), False),
        (configuration("1", PLAIN, State="Active", CodeSize=1, Description="d", LastModified="t"), True),
        (configuration("1", PLAIN, Layers=[{"Arn": "arn:aws:lambda:eu-west-1:222222222222:layer:deps:1"}]), False),
        (configuration("1", PLAIN, VpcConfig={"SubnetIds": ["subnet-1"]}), False),
        (configuration("1", PLAIN, VpcConfig={"SubnetIds": []}), True),
    ],
)
def test_a_version_is_like_latest_if_only_the_moved_secrets_tell_them_apart(
    version: dict[str, Any], same: bool
) -> None:
    (old,) = old_versions([configuration("$LATEST", MOVED, **WITH_LAYER), version], [])
    assert (old.version, old.variables, old.like_latest) == ("1", ("DB_PASSWORD",), same)


def test_more_roles_can_be_let_in_and_one_is_enough_to_see_itself() -> None:
    policy = secret_policy.with_grant("", ROLE, f"{ROLE}2")
    assert secret_policy.grants(policy, ROLE)
    assert secret_policy.grants(policy, f"{ROLE}2")
    assert not secret_policy.grants(policy, f"{ROLE}3")


@pytest.mark.parametrize("value", ["/opt/w --token=abc", "$(cat /x)", "a" * 300, "/opt/w\n"])
def test_only_a_path_or_an_arn_is_shown(value: str) -> None:
    assert shown(value) == "a value that is not shown"
    assert [shown(v) for v in ("/opt/datadog_wrapper", ARN, None)] == ["/opt/datadog_wrapper", ARN, None]


def test_a_scheme_that_nobody_knows_is_part_of_the_value() -> None:
    scheme = "hunter" + "2zebra"
    verdict = classify("LINK", f"{scheme}://app:{PASSWORD}@db.internal/x")
    assert verdict.secret
    assert scheme not in f"{verdict.kind} {verdict.reason} {verdict.part}"


def test_an_alias_serves_the_versions_it_shares_its_traffic_between() -> None:
    shared = {"Name": "live", "FunctionVersion": "2", "RoutingConfig": {"AdditionalVersionWeights": {"1": 0.1}}}
    versions = [
        configuration("$LATEST", MOVED),
        configuration("1", PLAIN),
        configuration("2", PLAIN),
        configuration("3", MOVED),
    ]
    found = old_versions(versions, [shared, {"Name": "test", "FunctionVersion": "2"}])
    assert [(old.version, old.aliases) for old in found] == [("1", ("live",)), ("2", ("live", "test"))]
