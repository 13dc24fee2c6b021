"""The operator's command line against the running system."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.e2e.conftest import SIXTH, critical, reserved
from warden.local.cloud import HUB, REGION, Cloud, until

EVENTS = Path(__file__).parents[2] / "events"


def ticket_of(cloud: Cloud, name: str, state: str) -> str:
    def found() -> str:
        ticket = cloud.ticket(SIXTH, name)
        return ticket.id if ticket is not None and ticket.state.value == state and (ticket.ts or ticket.digest) else ""

    ticket_id = until(found, 30)
    assert ticket_id, cloud.ticket(SIXTH, name)
    return str(ticket_id)


def test_undo_and_approve_from_a_terminal(cloud: Cloud, warden: Any) -> None:
    critical(cloud, SIXTH, "checkout")
    ticket = ticket_of(cloud, "checkout", "fixed")
    assert reserved(cloud, SIXTH, "checkout") == 10
    undone = warden("undo", ticket)
    assert (undone.status, reserved(cloud, SIXTH, "checkout")) == (0, None), undone
    assert undone.out == "checkout: undone; reserved concurrency: 10 → not set\n"
    again = warden("undo", ticket)
    assert again.status == 2
    assert again.err.splitlines()[-1] == f"warden: ticket {ticket}: it is undone already"
    approved = warden("approve", ticket, "--json")
    assert (approved.status, approved.json["state"]) == (0, "fixed"), approved
    assert reserved(cloud, SIXTH, "checkout") == 10


def test_snooze_and_exempt_keep_the_bot_away(cloud: Cloud, warden: Any) -> None:
    critical(cloud, SIXTH, "refunds", **{"warden:mode": "approve"})
    ticket = ticket_of(cloud, "refunds", "awaiting approval")
    assert warden("snooze", ticket, "--for", "7d", "--json").json["state"] == "snoozed"
    exempted = warden("exempt", ticket, "--until", "2999-01-31", "--reason", "load test", "--json")
    assert (exempted.status, exempted.json["state"]) == (0, "exempt"), exempted
    assert "load test" in exempted.json["text"]
    lam = cloud.client("lambda", SIXTH)
    lam.untag_resource(Resource=f"arn:aws:lambda:{REGION}:{SIXTH}:function:refunds", TagKeys=["warden:mode"])
    assert cloud.emulator.idle(20)
    assert reserved(cloud, SIXTH, "refunds") is None


def test_lists_tickets_for_people_and_for_scripts(cloud: Cloud, warden: Any) -> None:
    critical(cloud, SIXTH, "listed")
    ticket = ticket_of(cloud, "listed", "fixed")
    row = next(t for t in warden("tickets", "--all", "--json").json if t["id"] == ticket)
    assert (row["function"], row["account"], row["state"]) == ("listed", SIXTH, "fixed")
    assert row["changes"] == [{"setting": "reserved concurrency", "before": None, "after": 10}]
    table = warden("tickets", "--all", "--account", SIXTH).out
    assert ticket in table
    assert "reserved-concurrency" in table


def test_scan_finds_what_is_wrong_and_changes_nothing(cloud: Cloud, warden: Any) -> None:
    critical(cloud, SIXTH, "unreserved", **{"warden:mode": "observe"})
    ticket_of(cloud, "unreserved", "open")
    scan = warden("scan", "--json", AWS_ACCESS_KEY_ID=SIXTH)
    assert scan.status == 1
    assert "unreserved" in {f["function"] for f in scan.json["findings"]}
    assert scan.json["not_checked"] == []
    assert reserved(cloud, SIXTH, "unreserved") is None


def test_scan_lists_what_it_may_not_read(cloud: Cloud, warden: Any) -> None:
    critical(cloud, SIXTH, "hidden", **{"warden:mode": "observe"})
    ticket_of(cloud, "hidden", "open")
    cloud.emulator.fault(
        "lambda:GetFunction",
        account=SIXTH,
        principal=f"arn:aws:iam::{SIXTH}:root",
        times=1000,
        status=403,
        code="AccessDeniedException",
        message="User: x is not authorized to perform: lambda:GetFunction on resource: y",
    )
    try:
        scan = warden("scan", "--json", AWS_ACCESS_KEY_ID=SIXTH)
    finally:
        cloud.emulator.clear_faults()
    assert scan.json["findings"] == []
    assert {n["reason"] for n in scan.json["not_checked"]} == {"lambda:GetFunction is not allowed"}


def test_send_puts_a_test_event_where_the_system_listens(cloud: Cloud, warden: Any, tmp_path: Path) -> None:
    critical(cloud, SIXTH, "quiet", **{"warden:mode": "observe"})
    ticket_of(cloud, "quiet", "open")
    cloud.emulator.clear_calls()
    event = json.loads((EVENTS / "cloudtrail-create-function.json").read_text())
    (tmp_path / "event.json").write_text(json.dumps({**event, "region": REGION}))
    sent = warden("send", "event.json", "--account", SIXTH, "--function", "quiet", "--json")
    assert sent.status == 0, sent
    looked = until(lambda: [c for c in cloud.emulator.calls(operation="GetFunction") if "quiet" in c.resource], 20)
    assert looked


def test_bad_usage_is_one_line_and_exit_code_two(warden: Any) -> None:
    for arguments, says in (
        (("undo", "nosuchticket"), "there is no ticket 'nosuchticket'"),
        (("snooze", "nosuchticket", "--for", "soon"), "'soon' is not a duration"),
        (("exempt", "nosuchticket", "--until", "2020-01-01"), "in the past"),
        (("send", "nosuchfile.json"), "cannot read nosuchfile.json"),
        (("nonsense",), "nonsense"),
    ):
        answer = warden(*arguments)
        assert answer.status == 2, answer
        assert len(answer.err.strip().splitlines()) == 1, answer.err
        assert says in answer.err
        assert "Traceback" not in answer.err


def test_no_access_is_one_line_and_exit_code_two(warden: Any) -> None:
    answer = warden("tickets", AWS_ENDPOINT_URL="http://127.0.0.1:9")
    assert answer.status == 2
    assert answer.err.startswith("warden: ")
    assert "Traceback" not in answer.err


def test_a_member_account_is_not_the_hub(warden: Any) -> None:
    answer = warden("tickets", AWS_ACCESS_KEY_ID=SIXTH)
    assert answer.status == 2, answer
    assert HUB != SIXTH
