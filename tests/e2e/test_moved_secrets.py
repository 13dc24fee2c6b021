"""Functions whose secrets are moved by the whole system keep answering the same, in Python and in Node."""

from __future__ import annotations

import hashlib
import io
import json
import secrets
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from functions.core.message import Kind
from functions.core.slack_text import ticket_message
from functions.core.ticket import State, Ticket
from functions.playbooks.plaintext_secrets.environment import MARKER, SECRET
from tests.e2e.conftest import EIGHTH
from warden.local.cloud import Cloud, until
from warden.local.functions import TELLS_DIGESTS

PLAYBOOK = "plaintext-secrets"
NODE = """
const { createHash } = require("node:crypto");
exports.handler = async (event) => Object.fromEntries(
  event.variables.map((name) => [name, createHash("sha256").update(process.env[name] ?? "").digest("hex")]));
"""
RUNTIMES = {"python3.13": ("app.py", TELLS_DIGESTS), "nodejs22.x": ("app.js", NODE)}
PATIENCE = 60.0


def five_secrets() -> dict[str, str]:
    """Return secrets of five kinds, awkward ones, and two variables that are none."""
    key = "".join(("-----BEGIN ", "PRIVATE KEY-----\n", secrets.token_urlsafe(48), "\n-----END ", "PRIVATE KEY-----\n"))
    return {
        "DB_PASSWORD": f"{secrets.token_urlsafe(12)}$HOME`id`\\|\"'ü€",
        "DATABASE_URL": f"postgres://app:{secrets.token_hex(12)}@db.internal:5432/orders?sslmode=require",
        "SIGNING_PRIVATE_KEY": key,
        "SLACK_BOT_TOKEN": "-".join(("xoxb", "1" * 12, "2" * 12, secrets.token_hex(12))),
        "apiPassword": secrets.token_hex(20),
        "STAGE": "production",
        "GREETING": "hello, $USER\n",
    }


@pytest.fixture
def client(cloud: Cloud) -> Any:
    return cloud.client("lambda", EIGHTH)


@pytest.fixture
def name() -> str:
    return f"f{uuid.uuid4().hex[:10]}"


@pytest.fixture
def role(cloud: Cloud) -> Iterator[str]:
    """Return an execution role that may do nothing at all."""
    iam, role_name = cloud.client("iam", EIGHTH), f"app-{uuid.uuid4().hex[:8]}"
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    yield iam.create_role(RoleName=role_name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    iam.delete_role(RoleName=role_name)


def create(client: Any, name: str, role: str, runtime: str, variables: Mapping[str, str]) -> None:
    file, source = RUNTIMES[runtime]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(file, source)
    client.create_function(
        FunctionName=name,
        Runtime=runtime,
        Role=role,
        Handler="app.handler",
        Code={"ZipFile": buffer.getvalue()},
        Environment={"Variables": dict(variables)},
        Timeout=20,
        Tags={"warden:tier": "batch"},
    )
    assert until(lambda: client.get_function(FunctionName=name)["Configuration"]["State"] == "Active", pause=0.005)


def variables_of(client: Any, name: str) -> dict[str, str]:
    found: dict[str, str] = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    return found


def digests(values: Mapping[str, str]) -> dict[str, str]:
    return {name: hashlib.sha256(value.encode()).hexdigest() for name, value in values.items()}


def answer(client: Any, name: str, variables: Mapping[str, str], qualifier: str = "$LATEST") -> dict[str, str]:
    """Invoke the function, waiting for Lambda while it is being changed."""
    event = json.dumps({"variables": list(variables)})
    reply = client.invoke(FunctionName=name, Qualifier=qualifier, Payload=event)
    body = reply["Payload"].read()
    assert not reply.get("FunctionError"), body
    found: dict[str, str] = json.loads(body)
    return found


def ticket_in(cloud: Cloud, name: str, state: State, aspect: str = "") -> Ticket:
    """Wait for a ticket to reach a state."""

    def there() -> Ticket | None:
        ticket = cloud.ticket(EIGHTH, name, PLAYBOOK, aspect)
        return ticket if ticket is not None and ticket.state is state else None

    found = until(there, PATIENCE)
    ticket = cloud.ticket(EIGHTH, name, PLAYBOOK, aspect)
    assert isinstance(found, Ticket), ticket and [(e.kind.value, e.code, e.text) for e in ticket.entries]
    return found


def wait_until_settled(client: Any, name: str) -> None:
    assert until(lambda: client.get_function(FunctionName=name)["Configuration"]["LastUpdateStatus"] == "Successful")


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_function_answers_the_same_before_during_and_after(
    cloud: Cloud, client: Any, name: str, role: str, runtime: str
) -> None:
    values = five_secrets()
    create(client, name, role, runtime, values)
    wanted = digests(values)
    answered = 0
    end = time.monotonic() + PATIENCE
    while MARKER not in variables_of(client, name).values() and time.monotonic() < end:
        assert answer(client, name, values) == wanted
        answered += 1
    assert answered
    ticket = ticket_in(cloud, name, State.FIXED)
    after = variables_of(client, name)
    assert {n for n, v in after.items() if v == MARKER} == set(values) - {"STAGE", "GREETING"}
    for _ in range(3):
        assert answer(client, name, values) == wanted
    extra = {SECRET: "", "AWS_LAMBDA_EXEC_WRAPPER": "", "WARDEN_NEXT_WRAPPER": ""}
    assert answer(client, name, extra) == digests(extra), "the function sees nothing of the wrapper"
    cloud.ask(Kind.UNDO_REQUESTED, ticket)
    ticket_in(cloud, name, State.UNDONE)
    assert variables_of(client, name) == values
    wait_until_settled(client, name)
    assert answer(client, name, values) == wanted


HARM: dict[str, Callable[[Any, Any, str, str], object]] = {
    "secret deleted": lambda _client, store, _name, secret: store.delete_secret(SecretId=secret),
    "policy deleted": lambda _client, store, _name, secret: store.delete_resource_policy(SecretId=secret),
    "layer removed": lambda client, _store, name, _secret: client.update_function_configuration(
        FunctionName=name, Layers=[]
    ),
    "wrapper removed": lambda client, _store, name, _secret: client.update_function_configuration(
        FunctionName=name, Environment={"Variables": without_wrapper(variables_of(client, name))}
    ),
}


def without_wrapper(variables: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in variables.items() if name != "AWS_LAMBDA_EXEC_WRAPPER"}


@pytest.mark.parametrize("harms", [("secret deleted", "layer removed"), ("policy deleted", "wrapper removed")])
def test_what_breaks_the_secret_is_repaired_before_the_next_start(
    cloud: Cloud, client: Any, name: str, role: str, harms: tuple[str, str]
) -> None:
    values = five_secrets()
    create(client, name, role, "python3.13", values)
    ticket_in(cloud, name, State.FIXED)
    store, secret_id = cloud.client("secretsmanager", EIGHTH), variables_of(client, name)[SECRET]
    wait_until_settled(client, name)
    for number, harm in enumerate(harms, start=1):
        HARM[harm](client, store, name, secret_id)
        until(lambda n=number: _fixes(cloud, name, "unreadable") >= n, PATIENCE)  # type: ignore[misc]
        assert _fixes(cloud, name, "unreadable") == number, harm
        wait_until_settled(client, name)
        assert answer(client, name, values) == digests(values), harm


def _fixes(cloud: Cloud, name: str, aspect: str) -> int:
    ticket = cloud.ticket(EIGHTH, name, PLAYBOOK, aspect)
    return 0 if ticket is None else sum(e.kind is Kind.FIX_APPLIED for e in ticket.entries)


def test_aliases_are_moved_and_old_versions_deleted_after_approvals(
    cloud: Cloud, client: Any, name: str, role: str
) -> None:
    values = five_secrets()
    create(client, name, role, "python3.13", values)
    version = client.publish_version(FunctionName=name)["Version"]
    client.create_alias(FunctionName=name, Name="live", FunctionVersion=version)
    ticket_in(cloud, name, State.FIXED)
    aliases = ticket_in(cloud, name, State.AWAITING_APPROVAL, "aliases")
    assert answer(client, name, values, "live") == digests(values)
    cloud.ask(Kind.FIX_REQUESTED, aliases)
    ticket_in(cloud, name, State.FIXED, "aliases")
    now = client.get_alias(FunctionName=name, Name="live")["FunctionVersion"]
    assert now != version
    assert answer(client, name, values, "live") == digests(values)
    old = ticket_in(cloud, name, State.AWAITING_APPROVAL, "old-versions")
    assert "cannot be brought back" in old.finding.what
    cloud.ask(Kind.FIX_REQUESTED, old)
    ticket_in(cloud, name, State.FIXED, "old-versions")
    left = {v["Version"] for v in client.list_versions_by_function(FunctionName=name)["Versions"]}
    assert left == {"$LATEST", now}


def test_the_secret_of_a_deleted_function_is_tagged_and_never_deleted(
    cloud: Cloud, client: Any, name: str, role: str
) -> None:
    create(client, name, role, "python3.13", five_secrets())
    ticket_in(cloud, name, State.FIXED)
    secret_id = variables_of(client, name)[SECRET]
    client.delete_function(FunctionName=name)
    ticket = ticket_in(cloud, name, State.FIXED, "orphaned")
    described = cloud.client("secretsmanager", EIGHTH).describe_secret(SecretId=secret_id)
    tags = {tag["Key"]: tag["Value"] for tag in described["Tags"]}
    assert "DeletedDate" not in described
    assert len(tags["warden:orphaned"]) == len("2026-11-20")
    assert any("never deleted by itself" in entry.text for entry in ticket.entries)


def test_a_boundary_put_on_the_role_later_is_critical(cloud: Cloud, client: Any, name: str, role: str) -> None:
    create(client, name, role, "python3.13", five_secrets())
    ticket_in(cloud, name, State.FIXED)
    iam, role_name = cloud.client("iam", EIGHTH), role.rpartition("/")[2]
    allow_logs = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "logs:*", "Resource": "*"}]}
    policy = iam.create_policy(PolicyName=f"bound-{name}", PolicyDocument=json.dumps(allow_logs))["Policy"]["Arn"]
    iam.put_role_permissions_boundary(RoleName=role_name, PermissionsBoundary=policy)
    ticket = ticket_in(cloud, name, State.FAILED, "unreadable")
    assert "the permissions boundary" in ticket.last.text
    assert ticket.finding.severity.value == "critical"
    iam.delete_role_permissions_boundary(RoleName=role_name)
    ticket_in(cloud, name, State.CLEARED, "unreadable")


def test_the_ticket_says_what_to_rotate_and_what_keeps_the_change(
    cloud: Cloud, client: Any, name: str, role: str
) -> None:
    values = five_secrets()
    create(client, name, role, "python3.13", values)
    ticket = ticket_in(cloud, name, State.FIXED)
    shown = json.dumps(ticket_message(ticket).blocks, ensure_ascii=False)
    assert "Rotate: what stood in plain text counts as leaked." in shown
    assert "{{warden}}" in shown
    assert variables_of(client, name)[SECRET] in shown
    assert "SLACK_BOT_TOKEN" in shown
    assert not [value for value in values.values() if len(value) > 12 and value in shown]
