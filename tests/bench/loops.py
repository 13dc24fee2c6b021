"""How long it takes to find the loops of a large account, once its graph has been read."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from functions.playbooks.recursive_loop.components import components
from functions.playbooks.recursive_loop.cycles import cheapest_breaks, shortest_cycle
from functions.playbooks.recursive_loop.globs import intersects
from functions.playbooks.recursive_loop.graph import Graph
from functions.playbooks.recursive_loop.loops import loops
from tests.bench.run import Run
from tests.bench.table import Row, median
from tests.unit.loops.graphs import edge, function, large, queue, wildcards

_NODES, _EDGES, _LOOPS = 5_000, 16_500, 100
_MEETINGS = 100


def measure(run: Run) -> list[Row]:
    """Return the time of each step, in an account with thousands of functions and in the worst we can think of."""
    times = run.times(15, 3)
    account, tangle, wild = _account(), large(_NODES, _EDGES), wildcards(91)
    giant = max(components(tangle), key=lambda part: len(part.leaving))
    breaks = cheapest_breaks(giant)
    told = f"{len(breaks.edges):,} breaks, {'proved' if breaks.exact else 'not proved'} to be the cheapest"
    block, worst = f"loops, {_NODES:,} nodes, {_EDGES:,} edges", "loops, nearly all of it one component"
    size = f"{len(giant.leaving):,} nodes, {len(giant.edges):,} edges"
    found = f"{_LOOPS} loops"
    return [
        Row(block, "components", _milliseconds(lambda: components(account), times), "ms", aim=20, note=found),
        Row(block, "with witnesses and breaks", _milliseconds(lambda: loops(account), times), "ms", aim=200),
        Row(worst, "components", _milliseconds(lambda: components(tangle), times), "ms", aim=100, note=size),
        Row(worst, "witness", _milliseconds(lambda: shortest_cycle(giant), times), "ms", aim=200),
        Row(worst, "breaks", _milliseconds(lambda: cheapest_breaks(giant), 1), "ms", aim=30_000, note=told),
        Row("loops, 91 functions with wildcards", "all", _milliseconds(lambda: loops(wild), times), "ms", aim=200),
        Row(
            "loops, two resource patterns", "whether they meet", _milliseconds(_meet, times) / _MEETINGS, "ms", aim=0.5
        ),
    ]


def _account() -> Graph:
    """Chains of functions and queues that lead on and never back, but for some loops of four nodes."""
    drawn = random.Random(1)  # noqa: S311 - a graph, no secret
    names = [function(f"f{n:04}") if n % 2 else queue(f"q{n:04}") for n in range(_NODES)]
    starts = range(0, _NODES - 4, _NODES // _LOOPS)
    around = [(start + n, start + (n + 1) % 4) for start in starts for n in range(4)]
    while len(around) < _EDGES:
        source = drawn.randrange(_NODES - 1)
        around.append((source, drawn.randrange(source + 1, min(_NODES, source + 60))))
    return Graph(tuple(edge(names[source], names[target], cost=1 + source % 3) for source, target in around))


def _meet() -> None:
    for n in range(_MEETINGS):
        intersects(f"arn:aws:s3:::uploads-{n}/*/out/*.jpg", f"arn:aws:s3:::uploads*/in/*/{n}*")


def _milliseconds(run: Callable[[], object], times: int) -> float:
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        run()
        taken.append(1_000 * (time.perf_counter() - began))
    return median(taken)
