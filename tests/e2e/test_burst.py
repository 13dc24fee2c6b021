"""A thousand functions at once, Slack being slow: none lost, none fixed twice, the account never under its floor."""

from __future__ import annotations

import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.conftest import FIFTH, FOURTH, dead
from warden.local.cloud import CHANNEL, Cloud, until
from warden.local.functions import code, create_function

COUNT = 1000
CAP = 20
FLOOR = 100


@pytest.mark.timeout(900)
def test_a_burst_of_a_thousand_functions_over_two_accounts(cloud: Cloud) -> None:
    accounts = (FOURTH, FIFTH)
    for account in accounts:
        create_function(cloud, account, "makes-the-role", {})
    clients = {account: cloud.client("lambda", account) for account in accounts}
    cloud.emulator.clear_calls()

    def create(number: int) -> None:
        account = accounts[number % 2]
        clients[account].create_function(
            FunctionName=f"burst-{number}",
            Runtime="python3.13",
            Role=f"arn:aws:iam::{account}:role/app",
            Handler="app.handler",
            Code={"ZipFile": code()},
            Tags={"warden:tier": "critical"},
        )

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(create, range(COUNT)))

    def settled() -> bool:
        states = [t.state.value for t in cloud.store().tickets() if t.finding.subject.account in accounts]
        return len(states) == COUNT and "fixing" not in states

    # Reading a thousand tickets keeps the system from its work: only when it has none.
    assert until(lambda: cloud.emulator.idle(60) and settled(), 240, pause=1)
    tickets = [t for t in cloud.store().tickets() if t.finding.subject.account in accounts]
    states = Counter((t.finding.subject.account, t.state.value) for t in tickets)
    assert {t.finding.subject.function for t in tickets} == {f"burst-{n}" for n in range(COUNT)}, "none lost"
    for account in accounts:
        assert states[account, "fixed"] == CAP, states
        assert states[account, "awaiting approval"] == COUNT // 2 - CAP, states
        unreserved = clients[account].get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"]
        assert unreserved == 1000 - CAP * 10
        assert unreserved >= FLOOR
    puts = [c.resource for c in cloud.emulator.calls(operation="PutFunctionConcurrency") if c.status < 300]
    assert len(puts) == len(set(puts)) == 2 * CAP, "none fixed twice"
    assert dead(cloud) == {}
    _all_are_shown(cloud, {t.id for t in tickets})


def _all_are_shown(cloud: Cloud, ids: set[str]) -> None:
    """Every ticket is a message of its own, or listed in the thread of one digest, and never both."""

    def shown() -> Counter[str]:
        messages = cloud.slack.messages(CHANNEL)
        found: Counter[str] = Counter()
        for message in messages:
            for text in (str(message.blocks), *(str(reply.blocks) for reply in message.replies)):
                found.update(ids & set(re.findall(r"(?=`([^`]+)`)", text)))
        return found

    counts = until(lambda: (found := shown()) and set(found) == ids and found, 60, pause=1) or shown()
    assert set(counts) == ids
    assert set(counts.values()) == {1}
    digests = [m for m in cloud.slack.messages(CHANNEL) if "findings: many at once" in m.text]
    assert len(digests) == 1, [m.text for m in digests]
