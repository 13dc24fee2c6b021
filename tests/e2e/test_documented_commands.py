"""Every `warden` and `aws` command of the documentation, run as it stands there against a system of its own."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from functions.core.fix import Status
from functions.core.ticket import Ticket
from tests.e2e.aws_command import run_aws
from tests.e2e.conftest import Answer, critical, reserved
from tests.unit.documents import ROOT, Command, code, commands, document, is_aws, is_warden
from warden.local.cloud import HUB, PAYMENTS, REGION, Cloud, until
from warden.scenarios import SCENARIOS

# Accounts that nothing has looked at yet, so that what operators lowered is read anew there.
LOWERED, LIFTED, ASKED, FREED = (str(number) * 6 for number in (30, 31, 32, 34))
STRANGER = "424242424242"
PLACEHOLDER_ACCOUNT = "222222222222"


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    """A system in which a command may stop everything."""
    overrides = {"digest_after": 1000, "settings": {"reserved-concurrency": {"fixes_per_hour": 1000}}}
    with Cloud(slack_rate=None, overrides=overrides, more_accounts=(LOWERED, LIFTED, ASKED, FREED)) as running:
        yield running


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where an operator works: with the file for Slack, and with the templates in cdk.out."""
    made = tmp_path_factory.mktemp("operator")
    environment = {**os.environ, "CDK_OUTDIR": str(made / "cdk.out")}
    subprocess.run([sys.executable, "app.py"], cwd=ROOT, env=environment, check=True, capture_output=True)
    return made


def documented(pattern: str) -> str:
    """The one `aws` command that matches."""
    (found,) = [c.text for c in commands() if is_aws(c) and re.search(pattern, c.text)]
    return found


def send(cloud: Cloud, folder: Path, command: str, account: str = HUB) -> dict[str, Any]:
    return run_aws(command, lambda service: cloud.client(service, account), folder)


def name() -> str:
    return f"f{uuid.uuid4().hex[:10]}"


def ticket_in(cloud: Cloud, account: str, function: str, *states: str) -> Ticket:
    def found() -> Ticket | None:
        ticket = cloud.ticket(account, function)
        return ticket if ticket is not None and ticket.state.value in states else None

    ticket: Ticket | None = until(found, 30)
    assert ticket is not None, cloud.ticket(account, function)
    return ticket


def test_the_kill_switch_stops_everything_and_lets_it_go_on(cloud: Cloud, folder: Path) -> None:
    send(cloud, folder, documented(r"put-item .*\"ALL\""))
    critical(cloud, LOWERED, "stopped")
    ticket = ticket_in(cloud, LOWERED, "stopped", "open")
    assert "operators lowered everything to observe" in ticket.last.text
    assert reserved(cloud, LOWERED, "stopped") is None
    present = send(cloud, folder, documented(r"dynamodb query"))["Items"]
    assert [item["sk"]["S"] for item in present] == ["ALL"]
    send(cloud, folder, documented(r"delete-item .*\"ALL\""))
    critical(cloud, LIFTED, "goes-on")
    ticket_in(cloud, LIFTED, "goes-on", "fixed")


def test_one_account_can_be_lowered(cloud: Cloud, folder: Path) -> None:
    lower, lift = documented(r"put-item .*ACCOUNT#"), documented(r"delete-item .*ACCOUNT#")
    assert PLACEHOLDER_ACCOUNT in lower
    assert PLACEHOLDER_ACCOUNT in lift
    send(cloud, folder, lower.replace(PLACEHOLDER_ACCOUNT, ASKED))
    critical(cloud, ASKED, "asked")
    ticket = ticket_in(cloud, ASKED, "asked", "awaiting approval")
    assert "operators lowered this account to approve" in ticket.last.text
    critical(cloud, FREED, "not-asked")
    ticket_in(cloud, FREED, "not-asked", "fixed")
    send(cloud, folder, lift.replace(PLACEHOLDER_ACCOUNT, ASKED))
    assert send(cloud, folder, documented(r"dynamodb query"))["Items"] == []


def test_each_scenario_of_the_demo_ends_as_the_readme_says(cloud: Cloud) -> None:
    ends = {row[0]: row[2].rstrip("… ") for row in document("README.md").table("What the demo shows")}
    for scenario in SCENARIOS:
        outcome = scenario.run(cloud)
        assert outcome.ok, outcome
        assert outcome.outcome.startswith(ends[scenario.name]), outcome


def test_a_dead_letter_can_be_read_and_thrown_away(cloud: Cloud, folder: Path) -> None:
    sqs = cloud.client("sqs", HUB)
    sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName="warden-inspect")["QueueUrl"], MessageBody="nonsense")
    read = documented(r"sqs receive-message")
    letters = until(lambda: send(cloud, folder, read).get("Messages"), 30)
    documented_codes = {c for row in document("docs/operating.md").table("Dead letters", 1) for c in code(row[0])}
    assert [letter["Body"] for letter in letters] == ["nonsense"]
    assert letters[0]["MessageAttributes"]["ERROR_CODE"]["StringValue"] in documented_codes
    send(cloud, folder, documented(r"sqs purge-queue"))
    assert cloud.emulator.dead_letters(HUB, "warden-inspect-dlq", REGION) == []


def test_a_redrive_names_a_queue_and_its_dead_letters(cloud: Cloud, folder: Path) -> None:
    """The emulator has no such operation: AWS's own model says that this is a valid request for one."""
    command = documented(r"start-message-move-task")
    with pytest.raises(ClientError, match="InvalidAction"):
        send(cloud, folder, command)
    source, destination = re.findall(r"arn:\S+", command)
    sqs = cloud.client("sqs", HUB)
    for arn in (source, destination):
        url = sqs.get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"]
        assert sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"] == arn
    assert source == f"{destination}-dlq"


def test_the_first_day_gives_slack_its_token_and_starts_a_sweep(cloud: Cloud, folder: Path) -> None:
    secrets = cloud.client("secretsmanager", HUB)
    token = json.loads(secrets.get_secret_value(SecretId="warden/slack")["SecretString"])["bot_token"]
    shape = json.loads(document("docs/operating.md").blocks("json")[0])
    (folder / "slack.json").write_text(json.dumps({**shape, "bot_token": token}))
    send(cloud, folder, documented(r"put-secret-value"))
    assert json.loads(secrets.get_secret_value(SecretId="warden/slack")["SecretString"]) == {
        **shape,
        "bot_token": token,
    }
    cloud.emulator.clear_calls()
    answer = send(cloud, folder, documented(r"lambda invoke"))
    assert json.loads(answer["Payload"].read())["handled"].startswith(f"{len(cloud.members)} accounts")
    assert until(lambda: cloud.emulator.calls(operation="ListFunctions", account=PAYMENTS), 20)


def test_the_member_stacks_can_be_made_from_the_templates(cloud: Cloud, folder: Path) -> None:
    client = cloud.client("cloudformation", STRANGER)
    for stack in ("WardenMemberAccount", "WardenMemberRegion"):
        send(cloud, folder, documented(rf"create-stack --stack-name {stack}"), STRANGER)
        client.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    roles = {role["RoleName"] for role in cloud.client("iam", STRANGER).list_roles()["Roles"]}
    assert roles >= {"warden-inspector", "warden-forwarder"}


def test_a_fix_can_be_undone_without_the_bot(cloud: Cloud, folder: Path) -> None:
    function = name()
    critical(cloud, PAYMENTS, function)
    ticket_in(cloud, PAYMENTS, function, "fixed")
    send(cloud, folder, documented(r"delete-function-concurrency").replace("NAME", function), PAYMENTS)
    assert "DeleteFunctionConcurrency" in {c.operation for c in cloud.emulator.calls(account=PAYMENTS)}


def test_no_aws_command_is_left_out_here() -> None:
    tested = (
        *(r"put-item .*\"ALL\"", r"delete-item .*\"ALL\"", r"put-item .*ACCOUNT#", r"delete-item .*ACCOUNT#"),
        *(r"dynamodb query", r"sqs receive-message", r"sqs purge-queue", r"start-message-move-task"),
        *(r"put-secret-value", r"lambda invoke", r"delete-function-concurrency"),
        *(r"create-stack --stack-name WardenMemberAccount", r"create-stack --stack-name WardenMemberRegion"),
    )
    assert {c.text for c in commands() if is_aws(c)} == {documented(pattern) for pattern in tested}


def warden_commands() -> list[str]:
    """Each `warden` command once, however its program is named."""
    return sorted({c.text.removeprefix(".venv/bin/") for c in commands() if is_warden(c)})


@pytest.mark.parametrize("command", warden_commands())
def test_a_documented_command_does_what_it_says(cloud: Cloud, command: str) -> None:
    _, action, *_ = shlex.split(command)
    function, ticket_id = name(), ""
    if "TICKET" in command:
        critical(cloud, PAYMENTS, function, **({} if action == "undo" else {"warden:mode": "approve"}))
        ticket_id = ticket_in(cloud, PAYMENTS, function, "fixed" if action == "undo" else "awaiting approval").id
    answer = _run(cloud, command.replace("TICKET", ticket_id))
    # The hub's own functions put what has to wait back into their queues: loops, and meant to be.
    # This ticket's fix keeps no events, so that there are none to send on.
    expected = 2 if "redrive" in command else 1 if action == "loops" else 0
    assert answer.status == expected, answer
    states = {"undo": "undone", "approve": "fixed", "snooze": "snoozed", "exempt": "exempt"}
    if action in states:
        ticket_in(cloud, PAYMENTS, function, states[action])
    if action == "undo":
        history = cloud.store().known(ticket_in(cloud, PAYMENTS, function, "undone").finding.subject).fixes
        assert history[ticket_id][-1].status is Status.UNDONE


def test_the_state_table_holds_only_what_the_design_says(cloud: Cloud) -> None:
    rows = [(code(row[0])[0], code(row[1])[0]) for row in document("docs/design.md").table("The state table")]
    patterns = [tuple(_any_of_it(key) for key in row) for row in rows]
    seen = set()
    pages = cloud.client("dynamodb", HUB).get_paginator("scan").paginate(TableName="warden-state")
    for item in (item for page in pages for item in page["Items"]):
        keys = (item["pk"]["S"], item["sk"]["S"])
        matching = [
            n for n, row in enumerate(patterns) if all(re.fullmatch(p, k) for p, k in zip(row, keys, strict=True))
        ]
        assert len(matching) == 1, keys
        seen.update(matching)
    assert len(seen) >= 5


def _any_of_it(key: str) -> str:
    return re.sub(r"<\w+>", ".*", re.escape(key).replace(r"\<", "<").replace(r"\>", ">"))


def _run(cloud: Cloud, command: str) -> Answer:
    _, *arguments = shlex.split(command)
    done = subprocess.run(
        [sys.executable, "-m", "warden.cli", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **cloud.environment()},
        timeout=120,
        check=False,
    )
    return Answer(done.returncode, done.stdout, done.stderr)


def test_each_command_is_there_to_be_run() -> None:
    """Otherwise the tests above could not fail."""
    assert len(warden_commands()) >= 8
    assert all(isinstance(command, Command) for command in commands())
