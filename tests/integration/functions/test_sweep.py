"""The sweep: every account and Region, every function, at half the quota; the first one of an account is one digest."""

from __future__ import annotations

import time
from typing import Any

from tests.integration.functions.conftest import MEMBER, REGION, World
from warden.local.slack import LocalSlack

OK: dict[str, list[Any]] = {"batchItemFailures": []}
SCHEDULE = {"version": "0", "source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}
ORGANIZATION = {
    "management": "999999999999",
    "id": "o-exampleorg1",
    "delegated": ["111111111111"],
    "accounts": [{"id": "111111111111", "name": "hub"}, {"id": MEMBER, "name": "payments"}],
}


def start(world: World) -> dict[str, dict[str, Any]]:
    """Run the schedule; return the parts it asked for, by account."""
    world.emulator.configure(organization=ORGANIZATION)
    assert world.run("sweep", SCHEDULE) == OK
    return {part["sweep"]["account"]: part["sweep"] for part in world.sent("own")}


def test_a_sweep_asks_for_every_account_but_the_hub(world: World) -> None:
    parts = start(world)
    assert set(parts) == {MEMBER, "999999999999"}
    assert parts[MEMBER] == {"account": MEMBER, "region": REGION, "origin": "first-sweep"}


def test_without_an_organization_the_configured_accounts_are_swept(world: World) -> None:
    assert world.run("sweep", SCHEDULE) == OK
    assert [part["sweep"]["account"] for part in world.sent("own")] == [MEMBER]


def test_a_part_has_every_function_looked_at(world: World) -> None:
    for number in range(3):
        world.create_function(f"f{number}")
    part = start(world)[MEMBER]
    assert world.run("sweep", {"sweep": part}) == OK
    looks = world.sent("inspect")
    assert {look["detail"]["function"] for look in looks} == {"f0", "f1", "f2"}
    assert {look["detail"]["origin"] for look in looks} == {"first-sweep"}
    assert world.run("inspector", *looks) == OK
    assert {e["detail"]["finding"]["cause"]["origin"] for e in world.sent()} == {"first-sweep"}


def test_only_the_first_sweep_of_an_account_is_a_first_sweep(world: World) -> None:
    world.run("sweep", {"sweep": start(world)[MEMBER]})
    assert start(world)[MEMBER]["origin"] == "sweep"


def test_a_long_sweep_goes_on_where_it_stopped(world: World, monkeypatch: Any) -> None:
    for number in range(60):
        world.create_function(f"f{number:02}")
    part = start(world)[MEMBER]
    monkeypatch.setattr(world.modules["sweep"], "_PAGES_A_MESSAGE", 1)
    seen = []
    while part:
        assert world.run("sweep", {"sweep": part}) == OK
        seen += [look["detail"]["function"] for look in world.sent("inspect")]
        more = world.sent("own")
        part = more[0]["sweep"] if more else {}
    # The second page's looks are put off by a second, to stay below the quota.
    assert len(seen) == 50
    time.sleep(1.2)
    seen += [look["detail"]["function"] for look in world.sent("inspect")]
    assert sorted(seen) == [f"f{n:02}" for n in range(60)]


def test_an_account_without_our_role_is_a_ticket_for_the_operators(world: World) -> None:
    world.run("sweep", {"sweep": {"account": "123456789012", "region": REGION}})
    (event,) = world.sent()
    assert event["detail"]["finding"]["title"] == "lambda-warden lacks a permission"
    assert "sts:AssumeRole" in event["detail"]["finding"]["what"]


def test_an_accounts_first_sweep_is_one_digest(make: Any) -> None:
    token = "-".join(("xoxb", "test"))
    with LocalSlack(token, ["C0WARDEN001:lambda-warden"], rate=None, tier_3_per_minute=None) as slack:
        world = make(WARDEN_SLACK_API_URL=slack.api_url, mode="observe")
        world.client("secretsmanager").create_secret(Name="warden/slack", SecretString=f'{{"bot_token": "{token}"}}')
        for number in range(3):
            world.create_function(f"f{number}")
        world.run("sweep", {"sweep": start(world)[MEMBER]})
        world.run("inspector", *world.sent("inspect"))
        world.run("ticket", *world.sent())
        assert slack.messages("C0WARDEN001") == []
        flush = {"source": "warden.digest", "digest": f"C0WARDEN001/first-sweep/{MEMBER}"}
        assert world.run("ticket", flush) == OK
        (digest,) = slack.messages("C0WARDEN001")
        assert digest.text == "📋 3 findings: the first sweep of an account"
        listed = str([reply.blocks for reply in digest.replies])
        assert all(f"f{number} " in listed for number in range(3))
