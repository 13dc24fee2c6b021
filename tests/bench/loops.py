"""How many calls it takes to read a large account, how long to make its graph, and how long to find its loops."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Sized

from functions.adapters import topology
from functions.playbooks.recursive_loop import joined
from functions.playbooks.recursive_loop.components import components
from functions.playbooks.recursive_loop.cycles import cheapest_breaks, shortest_cycle
from functions.playbooks.recursive_loop.globs import intersects
from functions.playbooks.recursive_loop.graph import Confidence, Graph
from functions.playbooks.recursive_loop.loops import loops
from tests.bench.run import Run
from tests.bench.table import Row, median
from tests.unit.loops.graphs import edge, function, large, queue, wildcards
from tests.unit.loops.planted import Answers, Made, make

_NODES, _EDGES, _LOOPS = 5_000, 16_500, 100
_MEETINGS = 100
_WILDCARDS = 20
_MOST_CALLS = 2_000


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
        *(row for size in (1_000, *(() if run.quick else (10_000,))) for row in _whole(run, size)),
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


def _whole(run: Run, functions: int) -> list[Row]:
    """Return the calls and the time of a whole account, from what AWS tells to the graph with what was asked closer."""
    run.say(f"loops of {functions:,} functions")
    made = make(
        1,
        functions=functions,
        buckets=functions // 5,
        rules=functions * 3 // 10,
        subscriptions=functions * 3 // 10,
        wildcards=_WILDCARDS / functions,
    )
    # What was found out about an account of that name before would make this one quick.
    joined._known.cache_clear()
    answers = Answers(made.account)
    graph, first = _graph(made, answers)
    calls = _listed(made) + answers.calls
    _, again = _graph(made, answers)
    unsure = Counter(each.confidence for each in graph.edges)[Confidence.C]
    block = f"loops, account of {functions:,} functions, {_WILDCARDS} of which may do nearly anything"
    told = f"{len(graph.edges):,} edges, {unsure:,} of them by wildcards"
    return [
        Row(block, "reading", calls, "calls", aim=_MOST_CALLS if functions == 1_000 else None, note="by its pages"),
        Row(block, "graph, first time", first, "s", note=told),
        Row(block, "graph, nothing changed since", again, "s"),
        Row(block, "loops", _milliseconds(lambda: loops(graph), 1), "ms"),
    ]


def _graph(made: Made, answers: Answers) -> tuple[Graph, float]:
    began = time.perf_counter()
    _, graph = topology.closer(answers, made.account, joined.written(made.account))
    return graph, time.perf_counter() - began


def _listed(made: Made) -> int:
    """Count what `functions.adapters.topology` asks before it looks closer: pages as AWS cuts them, then one by one."""
    account = made.account
    per_bus = Counter(rule.bus for rule in account.rules)
    sources = {one.source for one in account.mappings} | {one.source for one in account.pipes}
    queues = {source for source in sources if ":sqs:" in source}
    hundreds: tuple[Sized, ...] = (account.mappings, account.subscriptions, account.pipes, account.schedules)
    pages = [
        _pages(len(account.functions), 50),
        _pages(made.buckets, 10_000),
        _pages(len(account.roles), 1_000),
        _pages(len(per_bus), 100),
        *(_pages(rules, 100) for rules in per_bus.values()),
        *(_pages(len(listed), 100) for listed in (*hundreds, account.state_machines)),
    ]
    groups = {one.log_group_arn for one in account.functions}
    return sum(pages) + made.buckets + sum(map(len, (account.rules, account.state_machines, groups, queues)))


def _pages(items: int, page: int) -> int:
    return max(1, -(-items // page))


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
