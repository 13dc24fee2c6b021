"""What could break a function, lose a value or show one when secrets move: each ends in a refusal or a repair."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from typing import Any

import botocore.client
import pytest

from functions.playbooks.plaintext_secrets.environment import MARKER, SECRET, WRAPPER
from tests.integration.functions.conftest import MEMBER, World
from tests.integration.functions.test_move_secrets import (
    FAILS_WITH_ITS_PASSWORD,
    PLAYBOOK,
    TRIED,
    approval_of,
    content,
    look,
    opened,
    outcome,
    settled,
    undo_of,
    untouched,
    value,
    variables,
    with_layer,
)


@pytest.fixture
def world(make: Callable[..., World]) -> World:
    return with_layer(make(playbook=PLAYBOOK))


def moved(world: World, name: str = "orders", **more: str) -> dict[str, Any]:
    """Create a function and have its password moved; return the finding."""
    finding = opened(world, name, Environment={"Variables": {"DB_PASSWORD": value(), **more}})
    told = outcome(world, finding)
    assert told["detail-type"] == "Fix Applied", told["detail"]["text"]
    settled(world, name)
    return finding


def found(world: World, aspect: str, name: str = "orders") -> dict[str, Any] | None:
    world.run("inspector", world.created_event(name))
    opened_now = [e for e in world.sent() if e["detail-type"] == "Finding Opened"]
    return next((e for e in opened_now if e["detail"]["finding"]["aspect"] == aspect), None)


def change(world: World, name: str = "orders", **arguments: Any) -> None:
    world.client("lambda", MEMBER).update_function_configuration(FunctionName=name, **arguments)
    settled(world, name)


def refused(told: dict[str, Any], *says: str) -> None:
    assert told["detail-type"] in ("Fix Failed", "Fix Planned"), told["detail"]["text"]
    assert told["detail"]["code"] in ("not-provable", "other-program"), told["detail"]
    for text in says:
        assert text in told["detail"]["text"]


def test_a_copy_of_a_moved_function_keeps_reading_the_secret_it_was_copied_with(world: World) -> None:
    moved(world)
    copied = {**variables(world, "orders"), "API_PASSWORD": value()}
    layers = world.client("lambda", MEMBER).get_function_configuration(FunctionName="orders")["Layers"]
    finding = opened(world, "copy", Environment={"Variables": copied}, Layers=[layer["Arn"] for layer in layers])
    refused(outcome(world, finding), "DB_PASSWORD refer to a secret that is not this function's own")
    assert variables(world, "copy") == copied


def test_a_value_that_a_person_rotated_in_the_secret_is_not_overwritten(world: World) -> None:
    finding = moved(world)
    rotated = value("rotated")
    store = world.client("secretsmanager", MEMBER)
    store.put_secret_value(SecretId="warden/orders/env", SecretString=json.dumps({"DB_PASSWORD": rotated}))
    change(world, Environment={"Variables": {"DB_PASSWORD": value("old")}})
    refused(outcome(world, look(world, "orders")), "the secret has another value for DB_PASSWORD")
    assert content(world, "orders")["DB_PASSWORD"] == rotated
    assert finding


def test_what_somebody_else_stored_in_the_secret_is_not_overwritten(world: World) -> None:
    moved(world)
    store = world.client("secretsmanager", MEMBER)
    store.put_secret_value(SecretId="warden/orders/env", SecretString="not json")
    change(world, Environment={"Variables": {"API_PASSWORD": value()}})
    refused(outcome(world, look(world, "orders")), "no JSON object")
    assert store.get_secret_value(SecretId="warden/orders/env")["SecretString"] == "not json"


def test_an_alias_does_not_move_to_another_value(world: World) -> None:
    lam = world.client("lambda", MEMBER)
    world.create_function("orders", Tags={}, Environment={"Variables": {"DB_PASSWORD": value("a")}})
    lam.create_alias(
        FunctionName="orders", Name="prod", FunctionVersion=lam.publish_version(FunctionName="orders")["Version"]
    )
    change(world, Environment={"Variables": {"DB_PASSWORD": value("b")}})
    outcome(world, look(world, "orders"))
    settled(world, "orders")
    aliases = found(world, "aliases")
    assert aliases is not None
    refused(outcome(world, approval_of(aliases)), "values differ")
    assert lam.get_alias(FunctionName="orders", Name="prod")["FunctionVersion"] == "1"


def test_a_published_version_keeps_its_role_among_the_readers(world: World) -> None:
    moved(world)
    lam, iam = world.client("lambda", MEMBER), world.client("iam", MEMBER)
    lam.publish_version(FunctionName="orders")
    other = iam.create_role(
        RoleName="other",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": []}),
    )["Role"]["Arn"]
    change(world, Role=other)
    broken = found(world, "unreadable")
    assert broken is not None
    assert outcome(world, broken)["detail-type"] == "Fix Applied"
    policy = world.client("secretsmanager", MEMBER).get_resource_policy(SecretId="warden/orders/env")["ResourcePolicy"]
    assert set(json.loads(policy)["Statement"][0]["Principal"]["AWS"]) == {other, f"arn:aws:iam::{MEMBER}:role/app"}


@pytest.mark.parametrize("runtime", ["python3.7", "nodejs14.x", "nodejs16.x", "ruby2.7"])
def test_a_runtime_that_the_wrapper_was_not_made_for_is_a_ticket(world: World, runtime: str) -> None:
    finding = opened(world, "orders", Environment={"Variables": {"DB_PASSWORD": value()}}, Runtime=runtime)
    refused(outcome(world, finding), f"not for {runtime}")
    untouched(world, "orders")


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS_CA_BUNDLE"])
def test_a_variable_that_would_lead_the_wrapper_elsewhere_is_a_ticket(world: World, name: str) -> None:
    before = {"DB_PASSWORD": value(), name: "https://storage.internal"}
    refused(outcome(world, opened(world, "orders", Environment={"Variables": before})), name)
    untouched(world, "orders")


def test_what_a_wrappers_variable_held_is_not_shown(world: World) -> None:
    token = secrets.token_hex(8)
    finding = opened(
        world, "orders", Environment={"Variables": {"DB_PASSWORD": value(), WRAPPER: f"/opt/start --token={token}"}}
    )
    assert token not in json.dumps([finding, outcome(world, finding)])


def test_a_function_without_references_is_left_alone_whatever_else_is_left(world: World) -> None:
    moved(world)
    change(world, Environment={"Variables": {SECRET: variables(world, "orders")[SECRET], "STAGE": "x"}}, Layers=[])
    assert found(world, "unreadable") is None


def test_a_repair_does_not_start_the_wrapper_in_a_runtime_it_was_not_made_for(world: World) -> None:
    moved(world)
    change(world, Runtime="java21")
    broken = found(world, "unreadable")
    assert broken is not None
    refused(outcome(world, broken), "Java (java21)")


def test_a_denial_in_the_secrets_policy_is_critical_and_not_moved_over(world: World) -> None:
    moved(world)
    store = world.client("secretsmanager", MEMBER)
    policy = json.loads(store.get_resource_policy(SecretId="warden/orders/env")["ResourcePolicy"])
    deny = {
        "Sid": "Fence",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "secretsmanager:PutSecretValue",
        "Resource": "*",
    }
    policy["Statement"].append(deny)
    store.put_resource_policy(SecretId="warden/orders/env", ResourcePolicy=json.dumps(policy))
    broken = found(world, "unreadable")
    assert broken is not None
    assert "Fence" in broken["detail"]["finding"]["what"]
    refused(outcome(world, broken), "Fence")


def test_after_a_put_back_a_person_decides(make: Callable[..., World]) -> None:
    world = with_layer(make(playbook=PLAYBOOK, settings=TRIED))
    finding = opened(world, "orders", Environment={"Variables": {"DB_PASSWORD": value()}}, code=FAILS_WITH_ITS_PASSWORD)
    told = outcome(world, finding)
    assert told["detail"]["code"] == "put-back"
    world.run("ticket", finding, told)
    settled(world, "orders")
    again = found(world, "")
    assert again is None or again["detail"]["mode"] == "approve"


def test_a_number_in_the_secret_is_no_variables_value_and_is_never_shown(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    finding, number = moved(world), secrets.randbelow(10**15) + 10**15
    store = world.client("secretsmanager", MEMBER)
    store.put_secret_value(SecretId="warden/orders/env", SecretString=json.dumps({"DB_PASSWORD": number}))
    told = outcome(world, undo_of(finding))
    assert "DB_PASSWORD" in told["detail"]["text"]
    assert variables(world, "orders")["DB_PASSWORD"] == MARKER
    assert str(number) not in "".join(capsys.readouterr()) + json.dumps(told)


def test_a_lost_answer_is_not_taken_for_somebody_elses_change(world: World) -> None:
    finding = opened(world, "orders", Environment={"Variables": {"DB_PASSWORD": value()}})
    clients: Any = botocore.client.BaseClient
    call = clients._make_api_call

    def loses_the_answer(self: Any, operation: str, arguments: dict[str, Any]) -> Any:
        answer = call(self, operation, arguments)
        if operation == "UpdateFunctionConfiguration":
            return call(self, operation, arguments)
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clients, "_make_api_call", loses_the_answer)
        told = outcome(world, finding)
    assert told["detail-type"] == "Fix Applied", told["detail"]["text"]


def test_a_repair_cannot_be_undone_and_stays_watched(world: World) -> None:
    moved(world)
    change(world, Layers=[])
    broken = found(world, "unreadable")
    assert broken is not None
    assert outcome(world, broken)["detail-type"] == "Fix Applied"
    settled(world, "orders")
    told = outcome(world, undo_of(broken))
    assert (told["detail-type"], told["detail"]["code"]) == ("Fix Failed", "undo-denied")
    change(world, Layers=[])
    again = found(world, "unreadable")
    assert again is not None
    assert again["detail"]["mode"] == "enforce"


def test_a_role_that_was_deleted_is_said_and_stops_no_other_check(world: World) -> None:
    iam = world.client("iam", MEMBER)
    gone = iam.create_role(
        RoleName="gone", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": []})
    )["Role"]["Arn"]
    finding = opened(world, "orders", Environment={"Variables": {"DB_PASSWORD": value()}}, Role=gone)
    iam.delete_role(RoleName="gone")
    refused(outcome(world, finding), "the role gone does not exist")
    untouched(world, "orders")


def test_an_approval_moves_only_what_the_ticket_named(world: World) -> None:
    first = opened(world, "orders", Environment={"Variables": {"SOME_KEY": secrets.token_hex(16)}})
    change(world, Environment={"Variables": {**variables(world, "orders"), "OTHER_KEY": secrets.token_hex(16)}})
    assert outcome(world, approval_of(first))["detail-type"] == "Fix Applied"
    now = variables(world, "orders")
    assert (now["SOME_KEY"] == MARKER, now["OTHER_KEY"] == MARKER) == (True, False)


def test_many_changes_of_a_role_lead_to_one_sweep(world: World) -> None:
    def part(event: str) -> dict[str, Any]:
        return {"sweep": {"account": MEMBER, "role": "app", "origin": "PutRolePolicy", "event": event}}

    def sent() -> int:
        return len([call for call in world.emulator.calls() if call.operation == "SendMessageBatch"])

    world.emulator.clear_calls()
    world.run("sweep", *[part(f"event-{number}") for number in range(8)])
    assert sent() == 1
    world.run("sweep", part("event-0"))
    assert sent() == 2, "an event that is delivered again may not have been sent on"
