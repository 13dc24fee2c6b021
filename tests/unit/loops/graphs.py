"""Graphs to try things on: small ones that Hypothesis draws, and large ones that are made the same each time."""

from __future__ import annotations

import random
from collections.abc import Iterable

import networkx as nx  # type: ignore[import-untyped]
from hypothesis import strategies as st

from functions.playbooks.recursive_loop.graph import Confidence, Edge, Graph, Kind

A, B, C = Confidence


def function(name: str) -> str:
    return f"arn:aws:lambda:eu-west-1:111111111111:function:{name}"


def queue(name: str) -> str:
    return f"arn:aws:sqs:eu-west-1:111111111111:{name}"


def edge(
    source: str, target: str, confidence: Confidence = A, *, cost: int | None = 1, evidence: str = "", handle: str = ""
) -> Edge:
    return Edge(source, target, Kind.WRITE, confidence, evidence or f"{source} to {target}", handle, cost)


def graphs(nodes: int, most: int, confidences: Iterable[Confidence] = (A,)) -> st.SearchStrategy[Graph]:
    """Graphs of functions and queues, with parallel edges, edges from a node to itself and edges nothing can break."""
    names = [function(str(n)) if n % 2 else queue(str(n)) for n in range(nodes)]
    edges = st.builds(
        edge,
        st.sampled_from(names),
        st.sampled_from(names),
        st.sampled_from(list(confidences)),
        cost=st.none() | st.integers(0, 4),
        evidence=st.sampled_from(["policy", "mapping"]),
    )
    return st.lists(edges, max_size=most).map(lambda drawn: Graph(tuple(drawn)))


def whole(graph: Graph) -> nx.MultiDiGraph:
    """The same graph as networkx has it."""
    found = nx.MultiDiGraph()
    found.add_edges_from((each.source, each.target) for each in graph.edges)
    return found


def large(nodes: int, edges: int, seed: int = 1) -> Graph:
    """An account: every third node a function, edges between near nodes and some far ones."""
    drawn = random.Random(seed)  # noqa: S311 - a graph, no secret
    names = [function(f"f{n}") if n % 3 == 0 else queue(f"q{n}") for n in range(nodes)]
    found = []
    for _ in range(edges):
        source = drawn.randrange(nodes)
        target = drawn.randrange(nodes) if drawn.random() < 0.05 else min(nodes - 1, source + drawn.randrange(-1, 40))
        cost = None if drawn.random() < 0.4 else drawn.randrange(1, 9)
        found.append(edge(names[source], names[max(target, 0)], cost=cost))
    return Graph(tuple(found))


def wildcards(functions: int = 91) -> Graph:
    """So many functions whose roles may write to every queue, each of which triggers one of them."""
    roles = [edge(function(f"f{n}"), queue(f"q{m}"), C, cost=None) for n in range(functions) for m in range(functions)]
    triggers = [edge(queue(f"q{n}"), function(f"f{n}"), cost=1) for n in range(functions)]
    return Graph((*roles, *triggers))
