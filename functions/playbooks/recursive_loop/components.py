"""The parts of a graph that contain a cycle: its strongly connected components. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from functions.playbooks.recursive_loop.graph import Edge, Graph


def components(graph: Graph) -> list[Graph]:
    """Return each strongly connected component that contains a cycle, as the graph of the edges inside it.

    A cycle needs more than one node, or an edge from a node to itself. The components come in the order of their
    smallest node, their edges in an order that does not depend on the graph's; equal edges count once.
    """
    names = sorted({edge.source for edge in graph.edges} | {edge.target for edge in graph.edges})
    number = {name: n for n, name in enumerate(names)}
    successors: list[list[int]] = [[] for _ in names]
    for edge in graph.edges:
        successors[number[edge.source]].append(number[edge.target])
    owner = strongly_connected(successors)
    inside: dict[int, list[Edge]] = {}
    for edge in graph.edges:
        component = owner[number[edge.source]]
        if component == owner[number[edge.target]]:
            inside.setdefault(component, []).append(edge)
    found = [Graph(tuple(sorted(set(edges), key=order))) for edges in inside.values()]
    return sorted(found, key=lambda component: component.edges[0].source)


def order(edge: Edge) -> tuple[str, str, int, str, str, str, int]:
    """The order edges are looked at in: by their ends, of parallel ones the surest first."""
    cost = -1 if edge.cost is None else edge.cost
    return (edge.source, edge.target, edge.confidence.rank, edge.kind, edge.handle, edge.evidence, cost)


def strongly_connected(successors: Sequence[Sequence[int]]) -> list[int]:
    """Return for each node, a position in `successors`, the number of its strongly connected component.

    Tarjan's algorithm, with a stack of its own: a chain of queues may be longer than Python may recurse. An edge
    never leads from a component to one with a higher number.
    """
    owner = [-1] * len(successors)
    lowest = [0] * len(successors)  # 0: not seen yet
    seen = count = 0
    open_nodes: list[int] = []
    for root in range(len(successors)):
        if lowest[root]:
            continue
        seen += 1
        lowest[root] = seen
        open_nodes.append(root)
        path = [(root, seen, iter(successors[root]))]
        while path:
            node, index, rest = path[-1]
            for following in rest:
                if not lowest[following]:
                    seen += 1
                    lowest[following] = seen
                    open_nodes.append(following)
                    path.append((following, seen, iter(successors[following])))
                    break
                if owner[following] < 0 and lowest[following] < lowest[node]:
                    lowest[node] = lowest[following]
            else:
                path.pop()
                if path and lowest[node] < lowest[path[-1][0]]:
                    lowest[path[-1][0]] = lowest[node]
                if lowest[node] == index:
                    _close(node, open_nodes, owner, count)
                    count += 1
    return owner


def _close(root: int, open_nodes: list[int], owner: list[int], component: int) -> None:
    """Give the nodes above and with `root` to a component."""
    node = -1
    while node != root:
        node = open_nodes.pop()
        owner[node] = component
