"""Slack is down for the whole run: fixes happen all the same, and every ticket arrives once when it is back."""

from __future__ import annotations

from tests.e2e.conftest import SEVENTH, critical, reserved
from warden.local.cloud import CHANNEL, Cloud, until

NAMES = [f"outage-{n}" for n in range(5)]


def test_fixes_happen_without_slack_and_tickets_arrive_once_when_it_is_back(cloud: Cloud) -> None:
    before = {m.ts for m in cloud.slack.messages(CHANNEL)}
    cloud.slack.down("refused")
    try:
        for name in NAMES:
            critical(cloud, SEVENTH, name)
        assert until(lambda: all(reserved(cloud, SEVENTH, name) == 10 for name in NAMES), 60)
        tickets = until(lambda: [t for n in NAMES if (t := cloud.ticket(SEVENTH, n)) and t.fix] or None, 30)
        assert tickets
    finally:
        cloud.slack.up()

    def shown(name: str) -> int:
        new = [m for m in cloud.slack.messages(CHANNEL) if m.ts not in before]
        return sum(str((m.text, m.blocks, [r.blocks for r in m.replies])).count(f"`{name}`") > 0 for m in new)

    assert until(lambda: all(shown(name) for name in NAMES), 90, pause=0.5), [shown(n) for n in NAMES]
    assert cloud.emulator.idle(60)
    assert [shown(name) for name in NAMES] == [1] * len(NAMES)
