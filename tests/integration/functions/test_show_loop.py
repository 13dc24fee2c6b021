"""`warden loops show`: the loop of a ticket, drawn from what the hub remembers of the account."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from functions.adapters.generations import Generations
from functions.adapters.memory import LOOPS
from functions.adapters.store import TICKETS_INDEX, Store
from functions.core.finding import Finding
from functions.core.message import Kind, Message
from functions.core.snapshot import from_get_function
from functions.core.subject import Subject
from functions.core.ticket import Ticket, fold
from functions.playbooks.recursive_loop import check as loops_check
from functions.playbooks.recursive_loop.drawing import mermaid, text
from functions.playbooks.recursive_loop.known import Facts, from_json, loop_to_json
from functions.playbooks.recursive_loop.playbook import PLAYBOOK
from tests.integration.functions.conftest import HUB, REGION
from warden.cli import warden
from warden.connection import TABLE
from warden.local.emulator import Emulator

CASE = Path(loops_check.__file__).parent / "cases" / "certain-and-running.json"


@pytest.fixture
def table(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in emulator.session_env(HUB, REGION).items():
        monkeypatch.setenv(name, value)
    client = emulator.client("dynamodb", HUB, REGION)
    client.create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in ("pk", "sk", "finding_id")],
        GlobalSecondaryIndexes=[
            {
                "IndexName": TICKETS_INDEX,
                "KeySchema": [{"AttributeName": "finding_id", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    return client


def found() -> tuple[Finding, Facts]:
    """What the check says of a loop, and the facts that it was given."""
    case = json.loads(CASE.read_text())
    facts = from_json(case["facts"])
    snapshot = from_get_function(Subject("aws", "222222222222", REGION, "orders"), case["snapshot"])
    (finding,) = loops_check.check(snapshot, PLAYBOOK.defaults, facts)
    return finding, facts


def ticket_of(table: Any, finding: Finding) -> Ticket:
    ticket = fold(None, Message(Kind.FINDING_OPENED, finding, "2026-11-20T10:00:00.000000Z", mode="approve"))
    Store(table, TABLE).save_ticket(ticket, 0)
    return ticket


def remember(table: Any, finding: Finding, *loops: dict[str, Any]) -> None:
    Generations(table, TABLE).write(finding.subject, 1, {LOOPS: {"loops": loops}}, ())


def show(*arguments: str) -> Result:
    return CliRunner().invoke(warden, ["loops", "show", *arguments], prog_name="warden")


def test_the_command_that_a_finding_names_draws_its_loop(table: Any) -> None:
    finding, facts = found()
    ticket = ticket_of(table, finding)
    other = replace(facts.loops[0], id="another", cycle=())
    remember(table, finding, loop_to_json(other), loop_to_json(facts.loops[0]))
    (named,) = (line for line in finding.advice.splitlines() if "warden loops show" in line)
    command = named.partition("warden loops show ")[2].split()
    assert command == [ticket.id, "--mermaid"]
    drawn, told = show(*command), show(ticket.id)
    assert (drawn.exit_code, drawn.stdout) == (0, mermaid(facts.loops[0]) + "\n")
    assert (told.exit_code, told.stdout) == (0, text(facts.loops[0]) + "\n")


@pytest.mark.parametrize("remembered", [True, False])
def test_a_loop_that_is_no_longer_there_is_said_to_be_gone(table: Any, remembered: bool) -> None:
    finding, facts = found()
    ticket = ticket_of(table, finding)
    if remembered:
        remember(table, finding, loop_to_json(replace(facts.loops[0], id="another")))
    gone = show(ticket.id, "--mermaid")
    assert (gone.exit_code, gone.stdout) == (1, "")
    assert f"loop {finding.aspect} of ticket {ticket.id} is no longer there" in gone.stderr


def test_what_is_no_ticket_of_a_loop_is_bad_usage(table: Any) -> None:
    finding, _ = found()
    cap = ticket_of(table, replace(finding, aspect="cap", title="New function in a loop"))
    elsewhere = ticket_of(table, replace(finding, playbook="reserved-concurrency"))
    for ticket_id, why in (
        ("nosuchticket", "there is no ticket 'nosuchticket'"),
        (cap.id, "is not about a loop: New function in a loop"),
        (elsewhere.id, "is not about a loop"),
    ):
        answer = show(ticket_id)
        assert answer.exit_code == 2
        assert why in answer.stderr
