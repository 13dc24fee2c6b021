"""A planted value is in no log, event, ticket, dead letter or table, whatever goes wrong and at whatever log level."""

from __future__ import annotations

import io
import json
import logging
import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.functions.conftest import HUB, MEMBER, World
from tests.integration.functions.test_move_secrets import outcome, undo_of, with_layer
from warden.local.slack import LocalSlack


@pytest.fixture
def everything_logged() -> Iterator[io.StringIO]:
    """Log everything there is, as Lambda does when somebody sets the log level to DEBUG."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.setLevel(before)
    root.removeHandler(handler)


def test_no_environment_value_token_or_session_key_is_ever_written(
    make: Any, everything_logged: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    value, token = f"planted-{secrets.token_hex(12)}", "-".join(("xoxb", secrets.token_hex(12)))
    with LocalSlack(token, ["C0WARDEN001:lambda-warden"], rate=None) as slack:
        world: World = make(WARDEN_SLACK_API_URL=slack.api_url)
        # What the test's own set-up logged is not the system's.
        everything_logged.truncate(0)
        world.client("secretsmanager").create_secret(Name="warden/slack", SecretString=json.dumps({"bot_token": token}))
        world.create_function("checkout", Environment={"Variables": {"DB_PASSWORD": value}})
        event = world.created_event("checkout")
        world.run("inspector", event)
        found = world.sent()
        opened = next(e for e in found if e["detail"]["playbook"] == "reserved-concurrency")
        world.emulator.fault("lambda:PutFunctionConcurrency", times=3, status=500, code="ServiceException")
        world.run("remediator", opened)
        world.emulator.clear_faults()
        world.run("remediator", opened, attempts=1)
        outcomes = world.sent()
        world.run("ticket", opened, *outcomes)
        world.emulator.fault("lambda:GetFunction", times=3, status=500, code="ServiceException")
        world.run("inspector", event, "nonsense")
        world.emulator.fault("dynamodb:Query", times=3, status=400, code="ValidationException", message="no")
        world.run("inspector", event, received=5)
        written = [
            everything_logged.getvalue() + "".join(capsys.readouterr()),
            json.dumps([found, outcomes, world.sent("dead"), world.sent("own")]),
            json.dumps(world.client("dynamodb").scan(TableName="warden-state")["Items"]),
            str([(m.text, m.blocks, m.metadata) for m in slack.messages("C0WARDEN001")]),
        ]
    assert all(written), "there is something to look through"
    for text in written:
        assert value not in text
        assert token not in text
        assert "SecretAccessKey" not in text


# What a move calls, and how each call can go wrong; Lambda's own error quotes every variable.
_FAILS = [
    ("lambda:UpdateFunctionConfiguration", 500, "ServiceException", "internal"),
    ("lambda:UpdateFunctionConfiguration", 400, "InvalidParameterValueException", "QUOTES"),
    ("lambda:UpdateFunctionConfiguration", 412, "PreconditionFailedException", "stale"),
    ("secretsmanager:CreateSecret", 400, "InvalidRequestException", "no"),
    (
        "secretsmanager:CreateSecret",
        403,
        "AccessDeniedException",
        "not authorized to perform: secretsmanager:CreateSecret",
    ),
    ("secretsmanager:PutResourcePolicy", 500, "InternalServiceError", "internal"),
    ("secretsmanager:GetSecretValue", 400, "DecryptionFailure", "no"),
    ("iam:SimulatePrincipalPolicy", 429, "Throttling", "slow down"),
    ("lambda:ListLayerVersions", 500, "ServiceException", "internal"),
]


def test_a_move_shows_no_value_whatever_goes_wrong(
    make: Any, everything_logged: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    token = "-".join(("xoxb", secrets.token_hex(12)))
    planted = {
        "DB_PASSWORD": f"planted {secrets.token_hex(12)}",
        "DATABASE_URL": f"postgres://app:{secrets.token_hex(12)}@db.internal/orders",
        "API_CONFIG": json.dumps({"password": secrets.token_hex(12), "user": "app"}),
        "SOME_KEY": secrets.token_hex(16),
    }
    needles = [*planted.values(), planted["DATABASE_URL"].split(":")[2].split("@")[0]]
    needles.append(json.loads(planted["API_CONFIG"])["password"])
    with LocalSlack(token, ["C0WARDEN001:lambda-warden"], rate=None) as slack:
        world: World = with_layer(make(playbook="plaintext-secrets", WARDEN_SLACK_API_URL=slack.api_url))
        world.client("secretsmanager").create_secret(Name="warden/slack", SecretString=json.dumps({"bot_token": token}))
        everything_logged.truncate(0)
        written: list[object] = []
        for number, (operation, status, code, message) in enumerate(_FAILS):
            name = f"checkout{number}"
            world.create_function(name, Tags={}, Environment={"Variables": planted})
            world.run("inspector", world.created_event(name))
            found = world.sent()
            sure = next(e for e in found if not e["detail"]["finding"]["aspect"])
            text = f"String measured: {json.dumps(planted)}" if message == "QUOTES" else message
            world.emulator.fault(operation, times=3, status=status, code=code, message=text)
            world.run("remediator", sure)
            world.emulator.clear_faults()
            outcomes = [*world.sent(), outcome(world, sure)]
            world.run("ticket", *found, *outcomes)
            undone = outcome(world, undo_of(sure))
            world.run("ticket", undone)
            written += [found, outcomes, undone]
        written.append([world.sent("dead"), world.sent("own"), world.sent("outbox")])
        written.append(world.client("dynamodb").scan(TableName="warden-state")["Items"])
        written.append(everything_logged.getvalue() + "".join(capsys.readouterr()))
        written.append(str([(m.text, m.blocks, m.metadata) for m in slack.messages("C0WARDEN001")]))
        for account in (HUB, MEMBER):
            described = world.client("secretsmanager", account).list_secrets()["SecretList"]
            written.append([{k: str(v) for k, v in secret.items()} for secret in described])
    for text in (json.dumps(part, ensure_ascii=False) for part in written):
        for needle in (*needles, token):
            assert needle not in text
            assert json.dumps(needle)[1:-1] not in text
