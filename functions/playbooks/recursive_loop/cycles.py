"""A shortest cycle of a part of the graph, and the cheapest edges without which no cycle is left. Pure.

Cycles are never listed: there may be exponentially many. The cheapest breaks are found by a lazy hitting set: find
some cycles that the breaks so far leave, find the cheapest set that hits every cycle found so far, and again, until
no cycle is left. What hits only some of the cycles costs no more than what hits all, so the last set is the cheapest.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from functions.playbooks.recursive_loop.components import order, strongly_connected
from functions.playbooks.recursive_loop.graph import Edge, Graph

MOST_CYCLES = 200
"""So many cycles are looked at in one component before the best breaks known are given as not proved."""
MOST_BRANCHES = 5_000
"""So many steps are taken in one component to find the cheapest set for the cycles found."""


@dataclass(frozen=True)
class Breaks:
    """What to break in a component so that nothing is left of its cycles that can be broken.

    `exact`: no cheaper set does it. `unbreakable` is a shortest cycle of edges that cannot be broken from outside,
    which goes on whatever is broken; () if the breaks leave no cycle.
    """

    edges: tuple[Edge, ...]
    exact: bool
    unbreakable: tuple[Edge, ...] = ()


def shortest_cycle(graph: Graph, through: Callable[[Edge], bool] = lambda _: True) -> tuple[Edge, ...]:
    """Return a shortest cycle that has an edge for which `through` says yes, () if there is none.

    Of several, the one whose nodes come first in the alphabet, written from where such an edge leaves; of parallel
    edges the surest.
    """
    edges = sorted(graph.edges, key=order)
    names = sorted({edge.source for edge in edges} | {edge.target for edge in edges})
    number = {name: n for n, name in enumerate(names)}
    best: dict[tuple[int, int], Edge] = {}
    marked: dict[tuple[int, int], Edge] = {}
    for edge in edges:
        arc = (number[edge.source], number[edge.target])
        best.setdefault(arc, edge)
        if through(edge):
            marked.setdefault(arc, edge)
    nodes = _shortest(len(names), best, marked)
    arcs = list(zip(nodes, nodes[1:] + nodes[:1], strict=True))
    return tuple(marked.get(arc) or best[arc] for arc in arcs)


def cheapest_breaks(graph: Graph, most_cycles: int = MOST_CYCLES, most_branches: int = MOST_BRANCHES) -> Breaks:
    """Return the cheapest edges of a component to break so that no cycle is left that has a breakable edge.

    Edges whose cost is None are never among them. With `most_cycles` cycles or `most_branches` steps the search ends,
    and the best set known, which always leaves no such cycle, is returned with exact=False.
    """
    edges = sorted(set(graph.edges), key=order)
    fixed = Graph(tuple(edge for edge in edges if edge.cost is None))
    # What an unbreakable cycle joins stays joined: its nodes are one to every cycle that can be broken.
    names, owner = _merged(edges, fixed)
    arcs: dict[tuple[int, int], list[Edge]] = {}
    for edge in edges:
        ends = (owner[names[edge.source]], owner[names[edge.target]])
        if edge.cost is not None or ends[0] != ends[1]:
            arcs.setdefault(ends, []).append(edge)
    costs = {arc: _cost(parallel) for arc, parallel in arcs.items()}
    # An arc from a node to itself is a cycle by itself.
    loops = [arc for arc in arcs if arc[0] == arc[1]]
    search = _Search({arc: costs[arc] for arc in arcs if arc[0] != arc[1]}, most_cycles, most_branches)
    chosen, exact = search.cheapest()
    found = [edge for arc in (*loops, *chosen) for edge in arcs[arc]]
    return Breaks(tuple(sorted(found, key=order)), exact, shortest_cycle(fixed))


def _merged(edges: Sequence[Edge], fixed: Graph) -> tuple[dict[str, int], list[int]]:
    """Number the nodes, and say which are one because edges that cannot be broken lead to and fro between them."""
    nodes = sorted({edge.source for edge in edges} | {edge.target for edge in edges})
    number = {node: n for n, node in enumerate(nodes)}
    successors: list[list[int]] = [[] for _ in nodes]
    for edge in fixed.edges:
        successors[number[edge.source]].append(number[edge.target])
    return number, strongly_connected(successors)


def _cost(parallel: Iterable[Edge]) -> int | None:
    """What it costs to break all edges between two nodes, None if one of them cannot be broken."""
    total = 0
    for edge in parallel:
        if edge.cost is None:
            return None
        total += edge.cost
    return total


Arc = tuple[int, int]


class _Search:
    """The cheapest arcs that leave no cycle, in a graph in which every cycle has an arc that can be broken."""

    def __init__(self, costs: Mapping[Arc, int | None], most_cycles: int, most_branches: int) -> None:
        self._costs = costs
        self._most_cycles = most_cycles
        self._branches_left = most_branches
        self._nodes = 1 + max((max(arc) for arc in costs), default=-1)

    def cheapest(self) -> tuple[tuple[Arc, ...], bool]:
        """Return the arcs, and whether nothing cheaper does it."""
        best = self._completed(frozenset())
        cycles: list[frozenset[Arc]] = []
        hit: frozenset[Arc] = frozenset()
        while left := self._some_cycles(hit, self._most_cycles - len(cycles)):
            cycles += left
            found, proved = self._cheapest_hit(cycles, self._price(best))
            if found is None:
                return tuple(sorted(best)), proved
            best = min(best, self._completed(found), key=self._price)
            enough = self._price(best) == self._price(found)
            if enough or not proved or len(cycles) >= self._most_cycles:
                return tuple(sorted(best)), enough and proved
            hit = found
        return tuple(sorted(hit)), True

    def _price(self, arcs: Iterable[Arc]) -> int:
        return sum(self._costs[arc] or 0 for arc in arcs)

    def _some_cycles(self, broken: frozenset[Arc], most: int) -> list[frozenset[Arc]]:
        """Return what can be broken of shortest cycles that `broken` leaves, no two of which share such an arc."""
        rest = {arc: cost for arc, cost in self._costs.items() if arc not in broken}
        found: list[frozenset[Arc]] = []
        while len(found) < most:
            nodes = _shortest(self._nodes, rest, rest)
            if not nodes:
                break
            cycle = frozenset(
                arc for arc in zip(nodes, nodes[1:] + nodes[:1], strict=True) if self._costs[arc] is not None
            )
            found.append(cycle)
            for arc in cycle:
                del rest[arc]
        return found

    def _cheapest_hit(self, cycles: Sequence[frozenset[Arc]], below: int) -> tuple[frozenset[Arc] | None, bool]:
        """Return the cheapest arcs that cost less than `below` and hit every cycle, None if there are none.

        And whether that is proved, rather than only the best found when the steps ran out. Branch and bound: each
        cycle must lose one of its arcs; after an arc has been tried, its rivals are tried without it.
        """
        best: frozenset[Arc] | None = None
        waiting: list[tuple[frozenset[Arc], list[frozenset[Arc]], int]] = [(frozenset(), list(cycles), 0)]
        while waiting:
            chosen, unhit, price = waiting.pop()
            unhit.sort(key=len)
            if price + self._at_least(unhit) >= below:
                continue
            if not unhit:
                best, below = chosen, price
                continue
            if not self._branches_left:
                return best, False
            self._branches_left -= 1
            tried: set[Arc] = set()
            branches = []
            for arc in sorted(unhit[0], key=lambda arc: (self._costs[arc] or 0, -_uses(arc, unhit), arc)):
                left = [cycle - tried for cycle in unhit if arc not in cycle]
                branches.append((chosen | {arc}, left, price + (self._costs[arc] or 0)))
                tried.add(arc)
            waiting += (branch for branch in reversed(branches) if all(branch[1]))
        return best, True

    def _at_least(self, cycles: Iterable[frozenset[Arc]]) -> int:
        """Return what hitting cycles costs at least: those that share no arc must each be paid."""
        paid: set[Arc] = set()
        total = 0
        for cycle in cycles:
            if paid.isdisjoint(cycle):
                paid |= cycle
                total += min(self._costs[arc] or 0 for arc in cycle)
        return total

    def _completed(self, broken: frozenset[Arc]) -> frozenset[Arc]:
        """Return some arcs without which no cycle is left, `broken` among them where they are of use.

        The nodes are put in a row along the arcs that cannot be broken, which form no cycle, each time the one whose
        arcs from nodes not yet in the row cost least; every cycle has an arc that leads back in the row. Then those
        are left out, the dearest first, without which no cycle comes back.
        """
        rest = {arc: cost for arc, cost in self._costs.items() if arc not in broken}
        place = _row(self._nodes, rest)
        back = {arc for arc in rest if place[arc[0]] > place[arc[1]]}
        kept = [set[int]() for _ in range(self._nodes)]
        for source, target in rest.keys() - back:
            kept[source].add(target)
        needed = set()
        for arc in sorted(back | broken, key=lambda arc: (-(self._costs[arc] or 0), arc)):
            if _leads(kept, arc[1], arc[0]):
                needed.add(arc)
            else:
                kept[arc[0]].add(arc[1])
        return frozenset(needed)


def _uses(arc: Arc, cycles: Iterable[frozenset[Arc]]) -> int:
    return sum(arc in cycle for cycle in cycles)


def _row(count: int, costs: Mapping[Arc, int | None]) -> list[int]:
    """Return each node's place in a row in which no arc that cannot be broken leads back, and others rarely do."""
    leaving: list[list[tuple[int, int | None]]] = [[] for _ in range(count)]
    blocked, price = [0] * count, [0] * count
    for (source, target), cost in costs.items():
        leaving[source].append((target, cost))
        if cost is None:
            blocked[target] += 1
        else:
            price[target] += cost
    free = [(price[node], node) for node in range(count) if not blocked[node]]
    heapq.heapify(free)
    place = [-1] * count
    placed = 0
    while free:
        at, node = heapq.heappop(free)
        if place[node] >= 0 or at != price[node]:
            continue
        place[node] = placed
        placed += 1
        for target, cost in leaving[node]:
            blocked[target] -= cost is None
            price[target] -= cost or 0
            if place[target] < 0 and not blocked[target]:
                heapq.heappush(free, (price[target], target))
    return place


def _leads(successors: Sequence[Iterable[int]], start: int, goal: int) -> bool:
    """Whether a way leads from a node to another."""
    seen, waiting = {start}, [start]
    while waiting:
        node = waiting.pop()
        if node == goal:
            return True
        for following in successors[node]:
            if following not in seen:
                seen.add(following)
                waiting.append(following)
    return False


def _shortest(count: int, arcs: Iterable[Arc], marked: Iterable[Arc]) -> list[int]:
    """Return the nodes of a shortest cycle with a marked arc, from where that leaves; of several the first in order.

    From each node, by number, that a marked arc leaves; what it can add is settled then, so its marked arcs go, and
    with them the nodes that no cycle can pass any more. So a ring costs one search rather than one for each node.
    """
    rest = _Rest(count, arcs)
    starts: dict[int, list[int]] = {}
    for source, target in sorted(marked):
        starts.setdefault(source, []).append(target)
    best: list[int] = []
    for node, targets in starts.items():
        first = [target for target in targets if target in rest.after[node]]
        if first:
            best = rest.way_back(node, first, len(best)) or best
        if len(best) == 1:
            break
        for target in first:
            rest.drop(node, target)
    return best


class _Rest:
    """The arcs that a cycle could still use."""

    def __init__(self, count: int, arcs: Iterable[Arc]) -> None:
        self.after: list[dict[int, None]] = [{} for _ in range(count)]
        self._before: list[set[int]] = [set() for _ in range(count)]
        for source, target in sorted(arcs):
            self.after[source][target] = None
            self._before[target].add(source)
        for node in range(count):
            self._peel(node)

    def way_back(self, goal: int, first: Sequence[int], below: int) -> list[int]:
        """Return `goal` and the nodes of a shortest way from one of `first` back to it, [] unless less than `below`.

        `below` 0 is no limit. Breadth first and each node's successors by number: the first found is first in order.
        """
        came: dict[int, int] = dict.fromkeys(first, goal)
        waiting = deque((node, 1) for node in first)
        while waiting:
            node, length = waiting.popleft()
            if below and length >= below:
                return []
            if node == goal:
                return _path(came, goal, length)
            for following in self.after[node]:
                if following not in came:
                    came[following] = node
                    waiting.append((following, length + 1))
        return []

    def drop(self, source: int, target: int) -> None:
        """Leave an arc aside, and every node that cannot be on a cycle without it."""
        if target in self.after[source]:
            del self.after[source][target]
            self._before[target].discard(source)
            self._peel(source)
            self._peel(target)

    def _peel(self, node: int) -> None:
        waiting = [node]
        while waiting:
            node = waiting.pop()
            if self.after[node] and self._before[node]:
                continue
            waiting += self.after[node]
            waiting += self._before[node]
            for following in self.after[node]:
                self._before[following].discard(node)
            for earlier in self._before[node]:
                del self.after[earlier][node]
            self.after[node] = {}
            self._before[node] = set()


def _path(came: Mapping[int, int], goal: int, length: int) -> list[int]:
    path = [goal]
    while len(path) <= length:
        path.append(came[path[-1]])
    # It was followed backwards, from the goal to the goal.
    return path[:0:-1]
