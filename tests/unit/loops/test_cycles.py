"""The shortest witness and the cheapest breaks, against every cycle and every subset of small graphs."""

from __future__ import annotations

import time
from itertools import combinations, pairwise

import networkx as nx  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.playbooks.recursive_loop.components import components
from functions.playbooks.recursive_loop.cycles import cheapest_breaks, shortest_cycle
from functions.playbooks.recursive_loop.graph import Edge, Graph

from .graphs import edge, function, graphs, large, whole


def every_cycle(graph: Graph) -> list[list[str]]:
    return [list(cycle) for cycle in nx.simple_cycles(nx.DiGraph(whole(graph)))]


def turned(cycle: list[str]) -> list[str]:
    """A cycle from its first node in the alphabet."""
    first = cycle.index(min(cycle))
    return cycle[first:] + cycle[:first]


def is_cycle(edges: tuple[Edge, ...]) -> bool:
    joined = all(one.target == other.source for one, other in pairwise((*edges, edges[0])))
    return joined and len({each.source for each in edges}) == len(edges)


def without(graph: Graph, broken: set[Edge]) -> Graph:
    return Graph(tuple(each for each in graph.edges if each not in broken))


def price(edges: tuple[Edge, ...]) -> int:
    return sum(each.cost or 0 for each in edges)


def is_done(graph: Graph, broken: set[Edge]) -> bool:
    """Whether every cycle that is left has only edges that cannot be broken."""
    parts = components(without(graph, broken))
    return all(each.cost is None for part in parts for each in part.edges)


def cheapest_price(graph: Graph) -> int:
    breakable = sorted(
        {each for each in graph.edges if each.cost is not None}, key=lambda each: (each.source, each.target)
    )
    subsets = (subset for size in range(len(breakable) + 1) for subset in combinations(breakable, size))
    return min(price(subset) for subset in subsets if is_done(graph, set(subset)))


@given(graphs(6, 16))
def test_the_witness_is_the_first_of_the_shortest_cycles(graph: Graph) -> None:
    cycles = sorted(map(turned, every_cycle(graph)), key=lambda cycle: (len(cycle), cycle))
    found = shortest_cycle(graph)
    assert [each.source for each in found] == (cycles[0] if cycles else [])
    assert not found or is_cycle(found)


def test_of_two_witnesses_of_one_length_the_first_in_the_alphabet_stays() -> None:
    pairs = (edge("a", "b"), edge("b", "a"), edge("c", "d"), edge("d", "c"))
    assert shortest_cycle(Graph(pairs)) == pairs[:2]


@given(graphs(6, 16), st.sets(st.integers(0, 15)))
def test_the_witness_through_some_edges_is_a_shortest_of_those(graph: Graph, numbers: set[int]) -> None:
    wanted = {each for n, each in enumerate(graph.edges) if n in numbers}
    arcs = {(each.source, each.target) for each in wanted}
    lengths = [len(cycle) for cycle in every_cycle(graph) if arcs & set(pairwise([*cycle, cycle[0]]))]
    found = shortest_cycle(graph, through=lambda each: each in wanted)
    assert len(found) == min(lengths, default=0)
    assert not found or (is_cycle(found) and wanted & set(found))


@given(graphs(5, 10))
def test_breaks_cost_the_least_of_all_that_do_it(graph: Graph) -> None:
    found = cheapest_breaks(graph)
    assert found.exact
    assert is_done(graph, set(found.edges))
    assert price(found.edges) == cheapest_price(graph)
    assert len(set(found.edges)) == len(found.edges)
    assert all(each.cost is not None for each in found.edges)


@given(graphs(5, 12))
def test_an_unbreakable_cycle_is_told_exactly_where_one_is_left(graph: Graph) -> None:
    found = cheapest_breaks(graph)
    assert bool(found.unbreakable) is bool(components(without(graph, set(found.edges))))
    assert not found.unbreakable or is_cycle(found.unbreakable)
    assert all(each.cost is None for each in found.unbreakable)


@given(graphs(7, 24).flatmap(lambda graph: st.tuples(st.just(graph), st.permutations(graph.edges))))
def test_nothing_depends_on_the_order_of_the_edges(case: tuple[Graph, list[Edge]]) -> None:
    graph, shuffled = case[0], Graph(tuple(case[1]))
    assert cheapest_breaks(graph) == cheapest_breaks(shuffled)
    assert shortest_cycle(graph) == shortest_cycle(shuffled)


@given(graphs(8, 40), st.integers(1, 3), st.integers(0, 2))
def test_breaks_do_it_even_when_the_search_is_ended_early(graph: Graph, cycles: int, branches: int) -> None:
    found = cheapest_breaks(graph, most_cycles=cycles, most_branches=branches)
    assert is_done(graph, set(found.edges))
    best = cheapest_breaks(graph)
    assert price(found.edges) >= price(best.edges)
    assert not found.exact or price(found.edges) == price(best.edges)


def test_says_that_an_early_end_proves_nothing() -> None:
    nodes = [function(f"{n:02}") for n in range(12)]
    dense = Graph(
        tuple(
            edge(a, b, cost=1 + (i * 7 + j * 3) % 5) for i, a in enumerate(nodes) for j, b in enumerate(nodes) if a != b
        )
    )
    assert not cheapest_breaks(dense, most_cycles=3, most_branches=3).exact


def test_breaks_the_cheaper_of_two_hops_and_both_of_two_parallel_ones() -> None:
    there, back = edge("a", "b", cost=3), edge("b", "a", cost=2)
    assert cheapest_breaks(Graph((there, back))).edges == (back,)
    again = edge("b", "a", cost=2, evidence="another")
    assert cheapest_breaks(Graph((there, back, again))).edges == (there,)


def test_one_shared_edge_is_cheaper_than_two_cheap_ones() -> None:
    shared = edge("a", "b", cost=3)
    rest = [edge("b", "c", cost=2), edge("c", "a", cost=2), edge("b", "d", cost=2), edge("d", "a", cost=2)]
    assert cheapest_breaks(Graph((shared, *rest))).edges == (shared,)


def test_what_cannot_be_broken_is_left_and_told() -> None:
    fixed = (edge("a", "b", cost=None), edge("b", "a", cost=None))
    out, back = edge("b", "c", cost=5), edge("c", "a", cost=1)
    found = cheapest_breaks(Graph((*fixed, out, back)))
    assert (found.edges, found.exact, found.unbreakable) == ((back,), True, fixed)


def test_a_long_ring_takes_no_search_for_each_node() -> None:
    ring = Graph(tuple(edge(f"n{n:04}", f"n{(n + 1) % 5000:04}", cost=1 + (n != 4242)) for n in range(5000)))
    began = time.process_time()
    assert len(shortest_cycle(ring)) == 5000
    assert [each.source for each in cheapest_breaks(ring).edges] == ["n4242"]
    assert time.process_time() - began < 5


@pytest.mark.parametrize("size", [1_000])
def test_a_giant_component_ends_with_breaks_that_do_it(size: int) -> None:
    giant = max(components(large(size, size * 33 // 10)), key=lambda part: len(part.leaving))
    began = time.process_time()
    found = cheapest_breaks(giant)
    assert time.process_time() - began < 60
    assert is_done(giant, set(found.edges))
