"""Killed at any call to AWS or Slack, before it or after it: the next delivery completes the work, once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.functions.killing import Killed, count_calls, crash_everywhere, killed_at
from warden.local.slack import LocalSlack

MEMBER = "222222222222"
LATER = "2999-01-01T00:00:00.000000Z"


@pytest.mark.usefixtures("leases_end_at_once")
def test_a_fix_killed_anywhere_is_completed_once(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    world = make(settings={"reserved-concurrency": {"fixes_per_hour": 1000}})
    monkeypatch.setattr(world.modules["remediator"], "_LOCK_SECONDS", 0)
    # Sessions and policies are kept between runs, so the first run is not the one to count.
    world.run("remediator", _opened(world, "first"))
    event = _opened(world, "whole")
    total = len(count_calls(lambda: world.run("remediator", event)))
    assert total > 8
    world.sent()

    def run(number: int, after: bool) -> None:
        name = f"fix-{number}-{after}"
        event = _opened(world, name)
        with killed_at(number, after=after), pytest.raises(Killed):
            world.run("remediator", event)
        assert world.run("remediator", event) == {"batchItemFailures": []}
        assert world.reserved(name) == 10, (number, after)
        applied = [e for e in world.sent() if e["detail"]["finding"]["subject"]["function"] == name]
        assert applied, (number, after)
        assert {(e["detail-type"], e["detail"]["fix"]) for e in applied} == {("Fix Applied", 1)}

    crash_everywhere(run, total)
    puts = [str(c.resource).rpartition(":")[2] for c in world.emulator.calls(operation="PutFunctionConcurrency")]
    assert sorted(puts) == sorted(set(puts)), "a reservation was set twice"


@pytest.mark.usefixtures("leases_end_at_once")
def test_an_undo_killed_anywhere_is_completed_once(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    world = make(settings={"reserved-concurrency": {"fixes_per_hour": 1000}})
    monkeypatch.setattr(world.modules["remediator"], "_LOCK_SECONDS", 0)

    def undo_of(name: str) -> dict[str, Any]:
        event = _opened(world, name)
        world.run("remediator", event)
        world.sent()
        return {**event, "detail-type": "Undo Requested", "detail": {**event["detail"], "at": LATER, "by": "bob"}}

    request = undo_of("whole")
    total = len(count_calls(lambda: world.run("remediator", request)))

    def run(number: int, after: bool) -> None:
        name = f"undo-{number}-{after}"
        event = undo_of(name)
        with killed_at(number, after=after), pytest.raises(Killed):
            world.run("remediator", event)
        world.run("remediator", event)
        assert world.reserved(name) is None, (number, after)
        assert {e["detail-type"] for e in world.sent()} == {"Fix Undone"}, (number, after)

    crash_everywhere(run, total)
    deletes = [str(c.resource).rpartition(":")[2] for c in world.emulator.calls(operation="DeleteFunctionConcurrency")]
    assert sorted(deletes) == sorted(set(deletes))


def test_an_inspection_killed_anywhere_tells_the_finding(world: Any) -> None:
    world.create_function("checkout")
    event = world.created_event("checkout")
    total = len(count_calls(lambda: world.run("inspector", event)))
    world.sent()

    def run(number: int, after: bool) -> None:
        with killed_at(number, after=after), pytest.raises(Killed):
            world.run("inspector", event)
        world.run("inspector", event)
        assert {e["detail-type"] for e in world.sent()} == {"Finding Opened"}

    # Sessions and policies are kept between runs, so the later runs make fewer calls.
    warm = len(count_calls(lambda: world.run("inspector", event)))
    assert warm <= total
    world.sent()
    crash_everywhere(run, warm)


@pytest.mark.usefixtures("leases_end_at_once")
def test_a_ticket_killed_anywhere_is_posted_once(make: Any) -> None:
    token = "-".join(("xoxb", "test"))
    with LocalSlack(token, ["C0WARDEN001:lambda-warden"], rate=None, tier_3_per_minute=None) as slack:
        world = make(WARDEN_SLACK_API_URL=slack.api_url, WARDEN_DIGEST_AFTER="1000")
        world.client("secretsmanager").create_secret(Name="warden/slack", SecretString=f'{{"bot_token": "{token}"}}')
        world.run("ticket", _opened(world, "first"))
        event = _opened(world, "whole")
        total = len(count_calls(lambda: world.run("ticket", event)))
        assert total > 4

        def run(number: int, after: bool) -> None:
            name = f"told-{number}-{after}"
            event = _opened(world, name)
            with killed_at(number, after=after), pytest.raises(Killed):
                world.run("ticket", event)
            for attempt in range(3):
                world.run("ticket", event, attempts=attempt)
            posted = [m for m in slack.messages("C0WARDEN001") if name in m.text]
            assert len(posted) == 1, (number, after, len(posted))

        crash_everywhere(run, total)


def _opened(world: Any, name: str) -> dict[str, Any]:
    """Create a function and return the finding's event, without running the inspector for it."""
    world.create_function(name)
    world.run("inspector", world.created_event(name))
    (event,) = [e for e in world.sent() if e["detail-type"] == "Finding Opened"]
    return dict(event)
