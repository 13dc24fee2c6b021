"""Plaintext secrets are moved, watched, repaired and put back, by the real entry points on the embedded AWS."""

from __future__ import annotations

import io
import json
import secrets
import time
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import botocore.client
import pytest

from functions.adapters.store import Store
from functions.core.slack_text import ticket_message
from functions.core.ticket import State
from functions.playbooks.plaintext_secrets.environment import MARKER, SECRET, WRAPPER, WRAPPER_PATH
from tests.integration.functions.conftest import HUB, MEMBER, REGION, World, zipped
from tests.integration.functions.killing import Killed, count_calls, crash_everywhere, killed_at

PLAYBOOK = "plaintext-secrets"
LAYER = Path(__file__).parents[3] / "layers" / "exec_wrapper"
LATER = "2999-01-01T00:00:00.000000Z"
# What a function under test says of itself: a digest of each variable's value, so that no answer holds one.
TELLS_DIGESTS = """
import hashlib, os

def handler(event, context):
    return {name: hashlib.sha256(os.environ.get(name, "-").encode()).hexdigest() for name in event["names"]}
"""


def value(prefix: str = "pw") -> str:
    """Return a password that no one ever had."""
    return f"{prefix}-{secrets.token_urlsafe(18)}"


def database_url() -> str:
    return f"postgres://app:{secrets.token_hex(10)}@db.internal:5432/orders"


@pytest.fixture
def world(make: Callable[..., World]) -> World:
    return with_layer(make(playbook=PLAYBOOK))


def with_layer(world: World) -> World:
    """Publish the wrapper's layer in the hub account, shared with the member."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in sorted(p for p in LAYER.rglob("*") if p.is_file() and "__pycache__" not in p.parts):
            entry = zipfile.ZipInfo(str(path.relative_to(LAYER)))
            entry.external_attr = path.stat().st_mode << 16
            archive.writestr(entry, path.read_bytes())
    lam = world.client("lambda", HUB)
    version = lam.publish_layer_version(LayerName="warden-exec-wrapper", Content={"ZipFile": buffer.getvalue()})
    lam.add_layer_version_permission(
        LayerName="warden-exec-wrapper",
        VersionNumber=version["Version"],
        StatementId="member",
        Action="lambda:GetLayerVersion",
        Principal=MEMBER,
    )
    return world


def opened(world: World, name: str, **arguments: Any) -> dict[str, Any]:
    """Create a function and let the inspector look; return its one finding."""
    world.create_function(name, Tags={}, **arguments)
    return look(world, name)


def look(world: World, name: str) -> dict[str, Any]:
    world.run("inspector", world.created_event(name))
    (found,) = [e for e in world.sent() if e["detail-type"] == "Finding Opened"]
    return found


def outcome(world: World, event: Mapping[str, Any], attempts: int = 0) -> dict[str, Any]:
    """Hand an event to the remediator, as often as it asks to be asked again; return how it went."""
    for attempt in range(attempts, 8):
        world.run("remediator", dict(event), attempts=attempt)
        told = world.sent()
        if told:
            return told[0]
        world.emulator.idle(5)
        world.sent("own")
    raise AssertionError("it never came to an end")


def undo_of(event: Mapping[str, Any]) -> dict[str, Any]:
    return {**event, "detail-type": "Undo Requested", "detail": {**event["detail"], "at": LATER, "by": "bob"}}


def approval_of(event: Mapping[str, Any]) -> dict[str, Any]:
    return {**event, "detail-type": "Fix Requested", "detail": {**event["detail"], "at": LATER, "by": "bob"}}


def variables(world: World, name: str) -> dict[str, str]:
    answer = world.client("lambda", MEMBER).get_function_configuration(FunctionName=name)
    found: dict[str, str] = answer["Environment"]["Variables"]
    return found


def content(world: World, name: str) -> dict[str, str]:
    answer = world.client("secretsmanager", MEMBER).get_secret_value(SecretId=f"warden/{name}/env")
    found: dict[str, str] = json.loads(answer["SecretString"])
    return found


def test_the_values_move_and_nothing_else_changes(world: World) -> None:
    password, url = value(), database_url()
    before = {"DB_PASSWORD": password, "DATABASE_URL": url, "STAGE": "production", "GREETING": 'häl lo\n$(x) `y` "z"'}
    finding = opened(world, "orders", Environment={"Variables": before}, Timeout=7, MemorySize=256, Description="d")
    was = world.client("lambda", MEMBER).get_function_configuration(FunctionName="orders")
    told = outcome(world, finding)
    assert told["detail-type"] == "Fix Applied", told["detail"]["text"]
    after = variables(world, "orders")
    assert {n: v for n, v in after.items() if v == MARKER} == {"DB_PASSWORD": MARKER, "DATABASE_URL": MARKER}
    assert (after["STAGE"], after["GREETING"]) == (before["STAGE"], before["GREETING"])
    assert after[WRAPPER] == WRAPPER_PATH
    assert content(world, "orders") == {"DB_PASSWORD": password, "DATABASE_URL": url}
    secret = world.client("secretsmanager", MEMBER).describe_secret(SecretId=after[SECRET])
    assert secret["ARN"] == after[SECRET]
    assert {t["Key"]: t["Value"] for t in secret["Tags"]}["warden:function"] == was["FunctionArn"]
    now = world.client("lambda", MEMBER).get_function_configuration(FunctionName="orders")
    changed = {key for key in {*was, *now} if was.get(key) != now.get(key)}
    assert changed <= {"Environment", "Layers", "RevisionId", "LastModified", "ResponseMetadata", "LastUpdateStatus"}


def test_undo_puts_the_values_back_and_keeps_the_secret_and_others_changes(world: World) -> None:
    before = {"DB_PASSWORD": value(), "API_PASSWORD": value(), "STAGE": "production"}
    finding = opened(world, "orders", Environment={"Variables": before})
    assert outcome(world, finding)["detail-type"] == "Fix Applied"
    lam = world.client("lambda", MEMBER)
    changed = {**variables(world, "orders"), "STAGE": "test", "API_PASSWORD": "{{resolve:ssm:/x}}"}
    lam.update_function_configuration(FunctionName="orders", Environment={"Variables": changed})
    told = outcome(world, undo_of(finding))
    assert told["detail-type"] == "Fix Undone", told["detail"]["text"]
    assert "API_PASSWORD: somebody changed it since" in told["detail"]["text"]
    assert variables(world, "orders") == {**before, "STAGE": "test", "API_PASSWORD": "{{resolve:ssm:/x}}"}
    assert not lam.get_function_configuration(FunctionName="orders").get("Layers")
    assert content(world, "orders")["DB_PASSWORD"] == before["DB_PASSWORD"]


def test_what_a_person_undid_stays_in_plain_text_until_somebody_approves(world: World) -> None:
    finding = opened(world, "orders", Environment={"Variables": {"DB_PASSWORD": value()}})
    applied = outcome(world, finding)
    undone = outcome(world, undo_of(finding))
    settled(world, "orders")
    world.run("ticket", finding, applied, undone)
    world.run("inspector", world.created_event("orders"))
    assert "Finding Opened" not in {e["detail-type"] for e in world.sent()}
    assert variables(world, "orders")["DB_PASSWORD"] != MARKER


def test_possible_secrets_wait_for_a_person_whatever_the_deployment_allows(world: World) -> None:
    finding = opened(world, "orders", Environment={"Variables": {"SOME_KEY": secrets.token_hex(16)}})
    assert finding["detail"]["finding"]["aspect"] == "possible"
    assert finding["detail"]["mode"] == "approve"
    planned = outcome(world, finding)
    assert planned["detail-type"] == "Fix Planned"
    assert {"setting": "variable SOME_KEY", "before": "in plain text", "after": "in the secret"} in planned["detail"][
        "changes"
    ]
    assert MARKER not in variables(world, "orders").values()
    assert outcome(world, approval_of(finding))["detail-type"] == "Fix Applied"
    assert variables(world, "orders")["SOME_KEY"] == MARKER


def test_in_approve_mode_the_ticket_has_a_plan_or_says_what_an_approval_could_not_do(
    make: Callable[..., World],
) -> None:
    world = with_layer(make(playbook=PLAYBOOK, mode="approve"))
    finding = opened(world, "orders", Environment={"Variables": {"DB_PASSWORD": value()}})
    planned = outcome(world, finding)
    assert (planned["detail-type"], planned["detail"]["code"]) == ("Fix Planned", "")
    untouched(world, "orders")
    world.run("ticket", finding, planned)
    ticket = next(Store(world.client("dynamodb"), "warden-state").tickets())
    assert ticket.state is State.AWAITING_APPROVAL
    shown = json.dumps(ticket_message(ticket).blocks, ensure_ascii=False)
    assert "*An approval changes*" in shown
    assert "variable DB_PASSWORD" in shown
    refused = opened(world, "other", Environment={"Variables": {"DB_PASSWORD": value()}}, Runtime="java21")
    planned = outcome(world, refused)
    assert (planned["detail-type"], planned["detail"]["code"]) == ("Fix Planned", "not-provable")
    world.run("ticket", refused, planned)
    ticket = next(
        t for t in Store(world.client("dynamodb"), "warden-state").tickets() if t.finding.subject.function == "other"
    )
    assert "*An approval cannot help as it is*: Not moved" in json.dumps(ticket_message(ticket).blocks)


def test_a_second_secret_joins_the_first_and_each_is_undone_alone(world: World) -> None:
    password, key = value(), secrets.token_hex(16)
    before = {"DB_PASSWORD": password, "SOME_KEY": key}
    world.create_function("orders", Tags={}, Environment={"Variables": before})
    world.run("inspector", world.created_event("orders"))
    sure, possible = sorted(world.sent(), key=lambda e: e["detail"]["finding"]["aspect"])
    outcome(world, sure)
    settled(world, "orders")
    outcome(world, approval_of(possible))
    settled(world, "orders")
    assert content(world, "orders") == before
    outcome(world, undo_of(sure))
    settled(world, "orders")
    assert variables(world, "orders") == {**variables(world, "orders"), "DB_PASSWORD": password, "SOME_KEY": MARKER}
    assert variables(world, "orders")[WRAPPER] == WRAPPER_PATH
    outcome(world, undo_of(possible))
    assert variables(world, "orders") == before


def settled(world: World, name: str) -> None:
    lam = world.client("lambda", MEMBER)
    for _ in range(500):
        if lam.get_function_configuration(FunctionName=name)["LastUpdateStatus"] == "Successful":
            return
        time.sleep(0.01)
    raise AssertionError("it never settled")


IMAGE = {"PackageType": "Image", "Code": {"ImageUri": f"{MEMBER}.dkr.ecr.{REGION}.amazonaws.com/orders:1"}}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"Runtime": "java21"}, "Java (java21)"),
        ({"Runtime": "provided.al2023", "Handler": "bootstrap"}, "an OS-only runtime (provided.al2023)"),
        ({"Runtime": "dotnet8"}, ".NET (dotnet8)"),
        ({"SnapStart": {"ApplyOn": "PublishedVersions"}}, "SnapStart keeps the values"),
    ],
)
def test_a_function_the_wrapper_cannot_start_is_a_ticket_that_says_why(
    world: World, arguments: dict[str, Any], says: str
) -> None:
    finding = opened(world, "orders", Environment={"Variables": {"DB_PASSWORD": value()}}, **arguments)
    told = outcome(world, finding)
    assert (told["detail-type"], told["detail"]["code"]) == ("Fix Failed", "not-provable")
    assert says in told["detail"]["text"]
    untouched(world, "orders")


def untouched(world: World, name: str) -> None:
    """See that nothing was written, in the function or in Secrets Manager."""
    assert not world.client("secretsmanager", MEMBER).list_secrets()["SecretList"]
    assert MARKER not in variables(world, name).values()
    assert [
        c.operation for c in world.emulator.calls(account=MEMBER) if c.operation == "UpdateFunctionConfiguration"
    ] == []


def test_a_container_image_is_a_ticket(world: World) -> None:
    snapshot = {"PackageType": "Image", "Environment": {"Variables": {"DB_PASSWORD": value()}}}
    lam = world.client("lambda", MEMBER)
    lam.create_function(
        FunctionName="orders", Role=f"arn:aws:iam::{MEMBER}:role/app", **{**snapshot, "Code": IMAGE["Code"]}
    )
    world.emulator.idle(5)
    told = outcome(world, look(world, "orders"))
    assert (told["detail-type"], told["detail"]["code"]) == ("Fix Failed", "not-provable")
    assert "it is a container image" in told["detail"]["text"]
    untouched(world, "orders")


def test_a_full_environment_is_a_ticket(world: World) -> None:
    filling = {f"V{number:02}": "x" * 60 for number in range(57)}
    finding = opened(world, "orders", Environment={"Variables": {**filling, "PIN_PASSWORD": value()}})
    told = outcome(world, finding)
    assert told["detail"]["code"] == "not-provable"
    assert "of 4096 bytes: remove some first" in told["detail"]["text"]
    untouched(world, "orders")


def test_sixty_secrets_and_four_kilobytes_are_moved(world: World) -> None:
    before = {f"S{number:02}_PASSWORD": secrets.token_urlsafe(30) for number in range(60)}
    finding = opened(world, "orders", Environment={"Variables": before})
    told = outcome(world, finding)
    assert told["detail-type"] == "Fix Applied", told["detail"]["text"]
    assert content(world, "orders") == before
    outcome(world, undo_of(finding))
    assert variables(world, "orders") == before


def test_names_in_odd_case_are_moved(world: World) -> None:
    before = {
        "dbPass": value(),
        "PGPASSWORD": value(),
        "db_password": value(),
        "DB_PASSWORD": value(),
        "x9_Token": value(),
    }
    finding = opened(world, "orders", Environment={"Variables": before})
    told = outcome(world, finding)
    assert told["detail-type"] == "Fix Applied", told["detail"]["text"]
    moved = {name for name, now in variables(world, "orders").items() if now == MARKER}
    assert {n: before[n] for n in moved} == content(world, "orders")
    assert {"dbPass", "PGPASSWORD", "db_password", "DB_PASSWORD"} <= moved


def test_a_role_behind_a_boundary_is_a_ticket(world: World) -> None:
    iam = world.client("iam", MEMBER)
    allow_logs = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "logs:*", "Resource": "*"}]}
    policy = iam.create_policy(PolicyName="developers", PolicyDocument=json.dumps(allow_logs))["Policy"]["Arn"]
    iam.put_role_permissions_boundary(RoleName="app", PermissionsBoundary=policy)
    told = outcome(world, opened(world, "orders", Environment={"Variables": {"DB_PASSWORD": value()}}))
    assert told["detail"]["code"] == "not-provable"
    assert "the permissions boundary of role app does not allow secretsmanager:GetSecretValue" in told["detail"]["text"]
    untouched(world, "orders")


def test_a_role_that_is_denied_is_a_ticket(world: World) -> None:
    deny = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "secretsmanager:*", "Resource": "*"}]}
    world.client("iam", MEMBER).put_role_policy(RoleName="app", PolicyName="no", PolicyDocument=json.dumps(deny))
    told = outcome(world, opened(world, "orders", Environment={"Variables": {"DB_PASSWORD": value()}}))
    assert told["detail"]["code"] == "not-provable"
    assert "denies secretsmanager:GetSecretValue" in told["detail"]["text"]
    untouched(world, "orders")


def test_without_the_layer_in_the_region_it_is_a_ticket(make: Callable[..., World]) -> None:
    world = make(playbook=PLAYBOOK)
    told = outcome(world, opened(world, "orders", Environment={"Variables": {"DB_PASSWORD": value()}}))
    assert told["detail"]["code"] == "no-layer"
    assert f"deploy the stack WardenLayer-{REGION}" in told["detail"]["text"]
    untouched(world, "orders")


def test_a_secret_of_that_name_that_is_not_ours_is_left_alone(world: World) -> None:
    theirs = value("theirs")
    world.client("secretsmanager", MEMBER).create_secret(Name="warden/orders/env", SecretString=theirs)
    told = outcome(world, opened(world, "orders", Environment={"Variables": {"DB_PASSWORD": value()}}))
    assert told["detail"]["code"] == "not-provable"
    assert "is not lambda-warden's" in told["detail"]["text"]
    answer = world.client("secretsmanager", MEMBER).get_secret_value(SecretId="warden/orders/env")
    assert answer["SecretString"] == theirs


def test_a_deployment_in_the_middle_is_not_overwritten(world: World) -> None:
    finding = opened(world, "orders", Environment={"Variables": {"DB_PASSWORD": value()}})
    lam = world.client("lambda", MEMBER)
    clients: Any = botocore.client.BaseClient
    call = clients._make_api_call

    def somebody_is_faster(self: Any, operation: str, arguments: dict[str, Any]) -> Any:
        if operation == "UpdateFunctionConfiguration" and "RevisionId" in arguments:
            call(lam, operation, {"FunctionName": "orders", "Timeout": 9})
            settled(world, "orders")
        return call(self, operation, arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clients, "_make_api_call", somebody_is_faster)
        told = outcome(world, finding)
    assert (told["detail-type"], told["detail"]["code"]) == ("Fix Failed", "changed")
    now = lam.get_function_configuration(FunctionName="orders")
    assert now["Timeout"] == 9
    assert MARKER not in now["Environment"]["Variables"].values()
    told = outcome(world, look(world, "orders"))
    assert told["detail-type"] == "Fix Applied", "the next look moves it"
    assert lam.get_function_configuration(FunctionName="orders")["Timeout"] == 9


@pytest.mark.usefixtures("leases_end_at_once")
def test_a_move_killed_anywhere_is_completed_once(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    world = with_layer(make(playbook=PLAYBOOK, settings={PLAYBOOK: {"fixes_per_hour": 1000}}))
    monkeypatch.setattr(world.modules["remediator"], "_LOCK_SECONDS", 0)

    def start(name: str) -> tuple[dict[str, Any], dict[str, str]]:
        before = {"DB_PASSWORD": value(), "STAGE": "production"}
        return opened(world, name, Environment={"Variables": before}), before

    outcome(world, start("first")[0])
    whole, _ = start("whole")
    total = len(count_calls(lambda: world.run("remediator", whole)))
    world.sent()

    def run(number: int, after: bool) -> None:
        name = f"move-{number}-{after}".lower()
        event, before = start(name)
        with killed_at(number, after=after), suppress(Killed):
            world.run("remediator", event)
        told = outcome(world, event)
        assert told["detail-type"] == "Fix Applied", (number, after, told["detail"]["text"])
        assert variables(world, name)["DB_PASSWORD"] == MARKER, (number, after)
        assert content(world, name) == {"DB_PASSWORD": before["DB_PASSWORD"]}, (number, after)
        settled(world, name)
        undo = undo_of(event)
        with killed_at(number, after=after), suppress(Killed):
            world.run("remediator", undo)
        world.sent()
        told = outcome(world, undo)
        assert told["detail-type"] == "Fix Undone", (number, after)
        assert variables(world, name) == before, (number, after)

    crash_everywhere(run, total)


FAILS_WITH_ITS_PASSWORD = """
import os

def handler(event, context):
    raise RuntimeError(os.environ["DB_PASSWORD"])
"""
TRIED = {PLAYBOOK: {"test_events": {"ord*": {"names": ["DB_PASSWORD"]}}}}


def test_a_function_that_fails_its_test_event_is_put_back_by_itself(make: Callable[..., World]) -> None:
    world, password = with_layer(make(playbook=PLAYBOOK, settings=TRIED)), value()
    before = {"DB_PASSWORD": password, "STAGE": "production"}
    told = outcome(world, opened(world, "orders", Environment={"Variables": before}, code=FAILS_WITH_ITS_PASSWORD))
    assert (told["detail-type"], told["detail"]["code"]) == ("Fix Failed", "put-back")
    assert "the test event failed: RuntimeError" in told["detail"]["text"]
    assert password not in json.dumps(told)
    assert variables(world, "orders") == before
    assert not world.client("lambda", MEMBER).get_function_configuration(FunctionName="orders").get("Layers")


def test_a_function_that_answers_its_test_event_stays_moved(make: Callable[..., World]) -> None:
    world = with_layer(make(playbook=PLAYBOOK, settings=TRIED))
    told = outcome(
        world, opened(world, "orders", Environment={"Variables": {"DB_PASSWORD": value()}}, code=TELLS_DIGESTS)
    )
    assert told["detail-type"] == "Fix Applied", told["detail"]["text"]
    assert [c for c in world.emulator.calls(account=MEMBER) if c.operation == "Invoke"]
    untested = outcome(world, opened(world, "other", Environment={"Variables": {"DB_PASSWORD": value()}}))
    assert untested["detail-type"] == "Fix Applied"


def test_a_layer_with_an_extension_is_a_ticket(world: World) -> None:
    package = zipped("#!/bin/sh\n", "extensions/agent")
    arn = world.client("lambda", MEMBER).publish_layer_version(LayerName="agent", Content={"ZipFile": package})
    finding = opened(
        world, "orders", Environment={"Variables": {"DB_PASSWORD": value()}}, Layers=[arn["LayerVersionArn"]]
    )
    told = outcome(world, finding)
    assert told["detail"]["code"] == "not-provable"
    assert "layer agent:1 has the extension extensions/agent" in told["detail"]["text"]
    untouched(world, "orders")


def test_a_layer_without_an_extension_and_another_wrapper_are_kept(world: World) -> None:
    package = zipped('#!/bin/bash\nexec "$@"\n', "tools/start")
    lam = world.client("lambda", MEMBER)
    arn = lam.publish_layer_version(LayerName="tools", Content={"ZipFile": package})["LayerVersionArn"]
    before = {"DB_PASSWORD": value(), WRAPPER: "/opt/tools/start"}
    finding = opened(world, "orders", Environment={"Variables": before}, Layers=[arn])
    assert outcome(world, finding)["detail-type"] == "Fix Applied"
    after = variables(world, "orders")
    assert (after[WRAPPER], after["WARDEN_NEXT_WRAPPER"]) == (WRAPPER_PATH, "/opt/tools/start")
    now = [layer["Arn"] for layer in lam.get_function_configuration(FunctionName="orders")["Layers"]]
    assert now[0] == arn
    assert len(now) == 2
    settled(world, "orders")
    outcome(world, undo_of(finding))
    assert variables(world, "orders") == before
    assert [layer["Arn"] for layer in lam.get_function_configuration(FunctionName="orders")["Layers"]] == [arn]


def test_five_layers_leave_no_room_and_are_a_ticket(world: World) -> None:
    lam = world.client("lambda", MEMBER)
    arns = [
        lam.publish_layer_version(LayerName=f"l{number}", Content={"ZipFile": zipped("x", f"f{number}")})[
            "LayerVersionArn"
        ]
        for number in range(5)
    ]
    told = outcome(world, opened(world, "orders", Environment={"Variables": {"DB_PASSWORD": value()}}, Layers=arns))
    assert "it has 5 layers, the most that Lambda allows" in told["detail"]["text"]
    untouched(world, "orders")


def test_a_function_in_a_vpc_without_a_way_out_is_a_ticket(world: World) -> None:
    ec2 = world.client("ec2", MEMBER)
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="app", Description="app", VpcId=vpc)["GroupId"]
    finding = opened(
        world,
        "orders",
        Environment={"Variables": {"DB_PASSWORD": value()}},
        VpcConfig={"SubnetIds": [subnet], "SecurityGroupIds": [group]},
    )
    told = outcome(world, finding)
    assert told["detail"]["code"] == "not-provable"
    assert subnet in told["detail"]["text"]
    untouched(world, "orders")


def test_after_three_rounds_a_person_decides_however_far_apart_they_were(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    lam, password = world.client("lambda", MEMBER), value()
    finding = opened(world, "orders", Environment={"Variables": {"DB_PASSWORD": password}})
    # Each round a day later, as deployments are.
    clock = datetime.now(UTC)
    for day in range(3):
        monkeypatch.setattr("functions.adapters.clock.datetime", at(clock + timedelta(days=day)))
        assert outcome(world, finding)["detail-type"] == "Fix Applied", day
        settled(world, "orders")
        lam.update_function_configuration(FunctionName="orders", Environment={"Variables": {"DB_PASSWORD": password}})
        settled(world, "orders")
        monkeypatch.setattr("functions.adapters.clock.datetime", at(clock + timedelta(days=day, hours=20)))
        finding = look(world, "orders")
        assert "Moved before" in {e["label"] for e in finding["detail"]["finding"]["evidence"]}
    told = outcome(world, finding)
    assert (told["detail-type"], told["detail"]["code"]) == ("Fix Failed", "fighting")
    assert "fixed 3 times" in told["detail"]["text"]
    assert variables(world, "orders")["DB_PASSWORD"] == password


def at(moment: datetime) -> type[datetime]:
    """Return a clock that stands still."""

    class Still(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override] # what the code under test asks for
            return moment.astimezone(tz)

    return Still
