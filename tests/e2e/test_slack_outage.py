"""Slack is down for the whole run: fixes happen all the same, and every ticket arrives once when it is back."""

from __future__ import annotations

from tests.e2e.conftest import SEVENTH, critical, reserved
from warden.local.cloud import CHANNEL, Cloud, until

NAMES = [f"outage-{n}" for n in range(5)]


def test_fixes_happen_without_slack_and_tickets_arrive_once_when_it_is_back(cloud: Cloud) -> None:
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
        # A message of its own, or a line in a digest where other tests have told much within the minute.
        told = cloud.slack.messages(CHANNEL)
        return sum(name in str((m.text, m.blocks, [r.blocks for r in m.replies])) for m in told)

    assert until(lambda: all(shown(name) for name in NAMES), 90, pause=0.5), [shown(n) for n in NAMES]
    assert cloud.emulator.idle(60)
    assert [shown(name) for name in NAMES] == [1] * len(NAMES)
