"""How long an event takes that finds a function as it should be."""

from __future__ import annotations

from tests.bench.bundles import Code
from tests.bench.run import Run
from tests.bench.runtime_api import Execution
from tests.bench.server import NotAsExpected, Server, batch, created_event
from tests.bench.table import Row, median, percentile

FIGURE = "one event about a compliant function"


def measure(run: Run) -> list[Row]:
    """Return the inspector's first event and its warm ones, beside Custodian's on the same server, taken in turn."""
    with Server(run) as server:
        event = created_event(server.function("compliant", reserved=5))
        ours = server.ours(run.bundles.named("inspector"))
        peer = server.peers(run.peer) if run.peer else None
        run.say("timing the first events of fresh environments")
        rounds = run.times(7, 2)
        first = [_first(run, ours, batch(event)) for _ in range(rounds)]
        peers_first = [_first(run, peer, event) for _ in range(rounds)] if peer else []
        run.say("timing warm events")
        warm, peers_warm = _warm(run, (ours, batch(event)), (peer, event))
        if server.findings():
            raise NotAsExpected("the inspector found something wrong with a function that has its reservation")
    return [
        Row(
            FIGURE,
            "first event of a fresh environment",
            median([took for _, took in first]),
            "ms",
            None,
            _median([took for _, took in peers_first]),
        ),
        Row(
            FIGURE,
            "start from its zip and first event together",
            median([sum(both) for both in first]),
            "ms",
            None,
            _median([sum(both) for both in peers_first]),
        ),
        Row(FIGURE, "warm", median(warm), "ms", None, _median(peers_warm), f"95th {percentile(warm, 95):.1f} ms"),
    ]


def _first(run: Run, code: Code, event: dict[str, object]) -> tuple[float, float]:
    """Return how long a fresh environment takes to start, and then for its first event."""
    with Execution(code, run.runtime) as execution:
        took, _ = execution.invoke(event)
    return execution.init_ms, took


def _warm(
    run: Run, ours: tuple[Code, dict[str, object]], peer: tuple[Code | None, dict[str, object]]
) -> tuple[list[float], list[float]]:
    """Hand over the same event to both in turn, so that they share what else the machine does."""
    times = run.times(60, 10)
    mine: list[float] = []
    theirs: list[float] = []
    code, event = peer
    with Execution(ours[0], run.runtime) as inspector:
        inspector.invoke(ours[1])
        if code is None:
            return [inspector.invoke(ours[1])[0] for _ in range(times)], []
        with Execution(code, run.runtime) as custodian:
            custodian.invoke(event)
            for _ in range(times):
                mine.append(inspector.invoke(ours[1])[0])
                theirs.append(custodian.invoke(event)[0])
    return mine, theirs


def _median(values: list[float]) -> float | None:
    return median(values) if values else None
