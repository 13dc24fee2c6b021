"""The loops of a graph, in layers of how sure they are. Pure."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping

from functions.playbooks.recursive_loop.components import components
from functions.playbooks.recursive_loop.cycles import Breaks, cheapest_breaks, shortest_cycle
from functions.playbooks.recursive_loop.graph import Confidence, Edge, Graph, Loop, functions_of, is_function

_UNKNOWN = Breaks((), exact=False)


def loops(graph: Graph) -> list[Loop]:
    """Return the loops with at least one function in them: those of the surest edges first, A, then A and B, then all.

    A strongly connected component of one layer is a loop of that confidence, unless all its nodes are those of one
    component of a surer layer: less sure edges between the members of a known loop add nothing to it, and once that
    one is broken they come up by themselves, if they still close a cycle. So a larger component around a known loop
    is reported beside it, and only if a way out of the known loop and back needs a less sure edge.

    The witness of an A loop passes a function; that of a B or C loop leaves the surer loops, so it shows what is new.
    Across C edges there is one loop for each component, with a witness, and breaks are not looked for: a few roles
    with wildcards make more cycles than can be listed, and what a wildcard allows is no proof that it happens.
    """
    found: list[Loop] = []
    surer: dict[str, int] = {}
    for confidence in Confidence:
        parts = components(graph.only(*(each for each in Confidence if each.rank <= confidence.rank)))
        found += (_loop(part, confidence, surer) for part in parts if _is_new(part, surer))
        surer = {node: n for n, part in enumerate(parts) for node in part.leaving}
    return sorted(found, key=lambda loop: (loop.confidence.rank, loop.functions))


def loop_id(edges: Iterable[Edge]) -> str:
    """Return the stable id of the loop that edges form; 60 bits, in lower-case base32.

    What triggers or writes to what counts. How sure that is, its evidence, and the handles of its settings do not: a
    loop that has been seen at run time, or deployed again, is the same loop.
    """
    arrows = sorted({(edge.source, edge.target, edge.kind.value) for edge in edges})
    text = "\x1e".join("\x1f".join(arrow) for arrow in arrows)
    return base64.b32encode(hashlib.sha256(text.encode(errors="surrogatepass")).digest())[:12].decode().lower()


def _is_new(part: Graph, surer: Mapping[str, int]) -> bool:
    """Whether a component has a function, and is more than one component of the surer layer."""
    owners = {surer.get(node) for node in part.leaving}
    return bool(functions_of(part.leaving)) and (len(owners) > 1 or None in owners)


def _loop(part: Graph, confidence: Confidence, surer: Mapping[str, int]) -> Loop:
    def shows(edge: Edge) -> bool:
        if confidence is Confidence.A:
            return is_function(edge.source)
        return edge.source not in surer or surer[edge.source] != surer.get(edge.target)

    breaks = _UNKNOWN if confidence is Confidence.C else cheapest_breaks(part)
    return Loop(
        id=loop_id(part.edges),
        functions=functions_of(part.leaving),
        cycle=shortest_cycle(part, through=shows),
        confidence=confidence,
        breaks=breaks.edges,
        exact=breaks.exact,
        size=len(part.leaving),
        unbreakable=breaks.unbreakable,
    )
