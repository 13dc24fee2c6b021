"""A planted value is in no log, event, ticket, dead letter or table, whatever goes wrong and at whatever log level."""

from __future__ import annotations

import io
import json
import logging
import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.functions.conftest import World
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
        (opened,) = world.sent()
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
            json.dumps([opened, outcomes, world.sent("dead"), world.sent("own")]),
            json.dumps(world.client("dynamodb").scan(TableName="warden-state")["Items"]),
            str([(m.text, m.blocks, m.metadata) for m in slack.messages("C0WARDEN001")]),
        ]
    assert all(written), "there is something to look through"
    for text in written:
        assert value not in text
        assert token not in text
        assert "SecretAccessKey" not in text
