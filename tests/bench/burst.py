"""What becomes of many functions created at once in two accounts."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from functions.core.ticket import State, Ticket
from tests.bench.bundles import FUNCTIONS, PLAYBOOK
from tests.bench.event_to_fix import CRITICAL, ROOM, UNBOUND
from tests.bench.run import Run
from tests.bench.table import Row
from warden.local.calls import Call
from warden.local.cloud import ANALYTICS, HUB, PAYMENTS, REGION, Cloud
from warden.local.functions import code, create_function

FIGURE = "burst over two accounts"
_PATIENCE = 180.0
_CREATORS = 4
_QUEUES = ("warden-inspect", f"warden-fix-{PLAYBOOK.id}", "warden-ticket", "warden-sweep")

Names = Sequence[tuple[str, str]]
"""Account and name of each function."""


def measure(run: Run) -> list[Row]:
    """Return how fast functions are looked at, and how long until each is fixed or waits for a person, none lost.

    Once as it is deployed, where the hourly cap lets 20 fixes of an account through; once with the cap out of the way.
    """
    return [
        *_burst(run, "cap of 20 an hour", {}),
        *_burst(run, "no cap", UNBOUND),
    ]


def _burst(run: Run, kind: str, overrides: dict[str, Any]) -> list[Row]:
    count = run.times(300, 40)
    with Cloud(say=run.say, overrides=overrides, settings=ROOM) as cloud:
        _warm_up(cloud)
        names = [((PAYMENTS, ANALYTICS)[n % 2], f"burst-{n:04d}") for n in range(count)]
        run.say(f"{count} functions at once, {kind}")
        cloud.emulator.clear_calls()
        _create(cloud, names)
        tickets = _settled(run, cloud, names)
        calls = cloud.emulator.calls()
        dead = sum(len(cloud.emulator.dead_letters(HUB, f"{queue}-dlq", REGION)) for queue in _QUEUES)
    return figures(kind, names, tickets, calls, dead)


def figures(kind: str, names: Names, tickets: Sequence[Ticket], calls: Sequence[Call], dead: int) -> list[Row]:
    """Return what became of these functions: `tickets` are the settled ones, `dead` counts dead letters."""
    created = [call.time for call in calls if call.operation == "CreateFunction"]
    inspector = f":{HUB}:assumed-role/{FUNCTIONS['inspector']}/"
    inspected = [c.time for c in calls if c.operation == "PutEvents" and inspector in c.principal_arn]
    begun = min(created)
    settled = max(datetime.fromisoformat(ticket.last.at).timestamp() for ticket in tickets) if tickets else begun
    ended = Counter("fixed" if ticket.state is State.FIXED else "waiting for a person" for ticket in tickets)
    fixes = Counter(
        (c.account, c.resource) for c in calls if c.operation == "PutFunctionConcurrency" and c.status < 300
    )
    what = f"{len(names)} functions, {kind}"
    outcome = ", ".join(f"{number} {state}" for state, number in sorted(ended.items()))
    made = f"created within {max(created) - begun:.1f} s"
    return [
        Row(FIGURE, f"{what}: inspected", len(names) / (max(inspected) - begun), "/s", note=made),
        Row(FIGURE, f"{what}: until all are settled", settled - begun, "s", note=outcome),
        Row(FIGURE, f"{what}: lost", len(names) - len(tickets) + dead, "", 0, note="no ticket, or a dead letter"),
        Row(FIGURE, f"{what}: fixed twice", sum(n - 1 for n in fixes.values()), "", 0),
    ]


def _warm_up(cloud: Cloud) -> None:
    """Have each account's execution role made, and one function of each fixed."""
    for account in (PAYMENTS, ANALYTICS):
        create_function(cloud, account, "warm-up", CRITICAL)
    cloud.emulator.idle(20)


def _create(cloud: Cloud, names: Names) -> None:
    clients = {account: cloud.client("lambda", account) for account in (PAYMENTS, ANALYTICS)}

    def create(name: tuple[str, str]) -> None:
        account, function = name
        clients[account].create_function(
            FunctionName=function,
            Runtime="python3.13",
            Role=f"arn:aws:iam::{account}:role/app",
            Handler="app.handler",
            Code={"ZipFile": code()},
            Tags=CRITICAL,
        )

    with ThreadPoolExecutor(_CREATORS) as creators:
        list(creators.map(create, names))


def _settled(run: Run, cloud: Cloud, names: Names) -> list[Ticket]:
    """Wait until every function is fixed or waits for a person; return the tickets of those that are."""
    wanted, deadline, told = set(names), time.monotonic() + _PATIENCE, 0
    store = cloud.store()
    while True:
        settled = [
            ticket
            for ticket in store.tickets()
            if (ticket.finding.subject.account, ticket.finding.subject.function) in wanted and _is_settled(ticket)
        ]
        if len(settled) == len(names) or time.monotonic() > deadline:
            return settled
        if len(settled) >= told + len(names) // 4:
            told = len(settled)
            run.say(f"{len(settled)} of {len(names)} settled")
        time.sleep(0.5)


def _is_settled(ticket: Ticket) -> bool:
    """Whether it is fixed, or the cap has left it to a person."""
    return ticket.state in (State.FIXED, State.AWAITING_APPROVAL)
