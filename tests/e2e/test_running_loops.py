"""Loops of every kind: found before their first event, stopped while they run, and every event accounted for."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from functools import partial
from pathlib import Path
from queue import SimpleQueue

import pytest

from functions.core.message import Kind
from functions.core.ticket import State, Ticket
from tests.e2e.conftest import FOURTH
from tests.e2e.running_loops import (
    PLAYBOOK,
    QUICK,
    SHAPES,
    Loop,
    alarm,
    build,
    events_in,
    loop_ticket,
    notify,
    reserved,
)
from warden.local.cloud import ANALYTICS, PAYMENTS, REGION, Cloud, until

ACCOUNTS = (PAYMENTS, ANALYTICS, FOURTH)
PATIENCE = 90.0
HELD = {"destination", "invoke"}
"""Broken by holding a function, which has to be let go before anything is sent back to it."""
AT_ONCE = 4
"""So many events may be on their way at one moment: two chains, each to two receivers."""
IN_PLACE = {"queue", "two-queues", "stream", "queue-and-bucket"}
"""Broken at an event source mapping: their events wait where they are."""


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    modes = {PLAYBOOK: "enforce"}
    with Cloud(
        slack_rate=None,
        more_accounts=(FOURTH,),
        overrides={"modes": modes, "settings": {PLAYBOOK: {**QUICK, "fixes_per_hour": 1000}}},
    ) as running:
        yield running


def in_state(loop: Loop, *states: State) -> Ticket:
    def there() -> Ticket | None:
        ticket = loop_ticket(loop)
        return ticket if ticket is not None and ticket.state in states else None

    until(there, PATIENCE, pause=0.1)
    ticket = loop_ticket(loop)
    assert ticket is not None, "no ticket"
    assert ticket.state in states, (ticket.state, [(e.kind.value, e.code, e.text) for e in ticket.entries])
    return ticket


def settled(count: Callable[[], Counter[str]]) -> Counter[str]:
    """Wait until nothing changes any more."""
    before = count()
    while True:
        time.sleep(1.5)
        now = count()
        if now == before:
            return now
        before = now


def quarantined(loop: Loop, ticket: Ticket) -> Counter[str]:
    """The events in the quarantine queue, without those that the function got as well while they were swapped."""
    sqs = loop.client("sqs")
    found: Counter[str] = Counter()
    for url in sqs.list_queues(QueueNamePrefix=f"warden-q-{ticket.finding.aspect}").get("QueueUrls", []):
        tags = sqs.list_queue_tags(QueueUrl=url).get("Tags", {})
        alone = [datetime.fromisoformat(tags[key]).timestamp() for key in tags if key.startswith("warden:alone")]
        found.update(event for body in loop.bodies(url, max(alone, default=0.0)) for event in events_in(body))
    return found


def unread(loop: Loop) -> Counter[str]:
    """What is in the table and was not handled: it is still in the stream."""
    if not loop.table:
        return Counter()
    items = loop.client("dynamodb").get_paginator("scan").paginate(TableName=loop.table, ConsistentRead=True)
    written = Counter(item["pk"]["S"] for page in items for item in page["Items"])
    return written - loop.noted("handled")


@pytest.fixture(scope="module")
def tried(cloud: Cloud) -> Iterator[Mapping[str, Future[None]]]:
    """Try all shapes out, three at a time and each in an account of its own, since most of it is waiting."""
    with ThreadPoolExecutor(len(ACCOUNTS)) as pool:
        free: SimpleQueue[str] = SimpleQueue()
        for account in ACCOUNTS:
            free.put(account)
        yield {shape: pool.submit(try_out, cloud, free, shape) for shape in SHAPES}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_loop_is_found_before_it_runs_and_stopped_with_every_event_kept(
    tried: Mapping[str, Future[None]], shape: str
) -> None:
    tried[shape].result()


def try_out(cloud: Cloud, free: SimpleQueue[str], shape: str) -> None:
    account = free.get()
    try:
        found_stopped_and_sent_on(build(cloud, account, shape), shape)
    finally:
        free.put(account)


def found_stopped_and_sent_on(loop: Loop, shape: str) -> None:
    found = in_state(loop, State.AWAITING_APPROVAL)
    assert found.finding.severity.value == "high"
    assert not loop.noted("handled"), "found only after its first event"
    for name in loop.functions:
        assert until(partial(is_capped, loop, name), PATIENCE), f"{name} has no cap"

    loop.send("r1", "r2")
    assert until(lambda: len(loop.noted("handled")) >= 12, PATIENCE)
    alarm(loop)
    fixed = in_state(loop, State.FIXED)
    loop.send("r3", "r4")
    handled = settled(lambda: loop.noted("handled"))
    sent = loop.noted("sent")
    kept = loop.waiting() + quarantined(loop, fixed) + unread(loop)
    assert set(sent) == set(handled) | set(kept), "an event was lost"
    # An event may be on its way to both in the moment in which one is swapped for the other.
    in_both = Counter({event: 1 for event in handled if event in kept})
    assert len(in_both) <= (AT_ONCE if shape in ("topic", "bus") else 0)
    assert handled + kept - in_both == sent, "an event was made twice"
    assert kept["r3.0"] == kept["r4.0"] == 1

    loop.mend()
    if shape in IN_PLACE | HELD:
        loop.cloud.ask(Kind.UNDO_REQUESTED, fixed)
        in_state(loop, State.UNDONE)
    if shape in HELD:
        # What is sent back after an undo is sent once the account was read anew.
        loop.cloud.sweep()
    assert until(partial(sent_on, loop, shape, fixed), PATIENCE, pause=3.0)
    handled = settled(lambda: loop.noted("handled"))
    assert handled["r3.0"] == handled["r4.0"] == 1


def sent_on(loop: Loop, shape: str, ticket: Ticket) -> bool:
    """Ask for the events to be sent on, where they do not go on by themselves; whether both roots were handled."""
    if shape not in IN_PLACE:
        # Only S3 says of a root event that nobody in the loop made it.
        unknown = [] if shape == "bucket" else ["--unknown"]
        subprocess.run(
            [sys.executable, "-m", "warden.cli", "loops", "redrive", ticket.id, *unknown],
            env={**os.environ, **loop.cloud.environment(), "PYTHONPATH": str(Path(__file__).parents[2])},
            capture_output=True,
            timeout=60,
            check=True,
        )
    handled = loop.noted("handled")
    return bool(handled["r3.0"] and handled["r4.0"])


def is_capped(loop: Loop, function: str) -> bool:
    return reserved(loop, function) == 10


def test_two_prefixes_of_one_bucket_are_no_loop(cloud: Cloud) -> None:
    """The negative beside `bucket`: same bucket, another prefix; a real loop made after it is found."""
    name, s3 = "prefixes", cloud.client("s3", PAYMENTS)
    loop = Loop(cloud, PAYMENTS, name)
    cloud.client("dynamodb", PAYMENTS).create_table(
        TableName=loop.ledger,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    s3.create_bucket(Bucket="prefixes-data", CreateBucketConfiguration={"LocationConstraint": REGION})
    function = loop.function("a", "s3 prefixes-data/out/", ("s3:PutObject", "arn:aws:s3:::prefixes-data/out/*"))
    loop.let_invoke(function, "s3.amazonaws.com", "arn:aws:s3:::prefixes-data")
    notify(loop, "prefixes-data", "in/", function)
    other = build(cloud, PAYMENTS, "bucket")
    in_state(other, State.AWAITING_APPROVAL)
    assert not [t for t in cloud.store().tickets() if t.finding.subject.function == "prefixes-a"]
