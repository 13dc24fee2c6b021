"""Strongly connected components, against networkx."""

from __future__ import annotations

import networkx as nx  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from functions.playbooks.recursive_loop.components import components, strongly_connected
from functions.playbooks.recursive_loop.graph import Graph

from .graphs import edge, graphs, large, whole


def expected(graph: Graph) -> list[list[str]]:
    found = whole(graph)
    parts = nx.strongly_connected_components(found)
    return sorted(sorted(part) for part in parts if len(part) > 1 or found.has_edge(*list(part) * 2))


def nodes(parts: list[Graph]) -> list[list[str]]:
    return [sorted(part.leaving) for part in parts]


@given(graphs(7, 20))
def test_are_those_of_networkx_that_contain_a_cycle(graph: Graph) -> None:
    found = components(graph)
    assert nodes(found) == expected(graph)
    for part in found:
        inside = {each for each in graph.edges if each.source in part.leaving and each.target in part.leaving}
        assert set(part.edges) == inside
        assert len(part.edges) == len(inside)


@given(graphs(6, 14).flatmap(lambda graph: st.tuples(st.just(graph), st.permutations(graph.edges))))
def test_do_not_depend_on_the_order_of_the_edges(case: tuple[Graph, list[object]]) -> None:
    graph, shuffled = case
    assert components(Graph(tuple(shuffled))) == components(graph)  # type: ignore[arg-type]


def test_are_those_of_networkx_in_a_large_account() -> None:
    graph = large(5_000, 16_500)
    assert nodes(components(graph)) == expected(graph)


def test_follow_a_chain_longer_than_python_may_recurse() -> None:
    chain = [edge(f"n{n:05}", f"n{n + 1:05}") for n in range(20_000)]
    assert components(Graph(tuple(chain))) == []
    (ring,) = components(Graph((*chain, edge("n20000", "n00000"))))
    assert len(ring.leaving) == 20_001


def test_number_components_against_the_arrows() -> None:
    owner = strongly_connected([[1], [2, 0], [3], []])
    assert owner[3] < owner[2] < owner[1] == owner[0]
