"""The graph of an account and Region: what triggers what, and what may write where. Pure, frozen data.

A node is named by an ARN, aliases and versions of a function merged into the function. Where one resource is several
things to a loop, its name has a part after `#`: a bucket's notification for some keys, a bus's rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from functools import cached_property


class Confidence(StrEnum):
    """How sure an edge is.

    A: an exact ARN, or a configured trigger, or seen at run time. B: a prefix, or an environment variable that names
    the resource. C: a wildcard that would allow nearly anything.
    """

    A = "A"
    B = "B"
    C = "C"

    @property
    def rank(self) -> int:
        """0 for A, the surest."""
        return "ABC".index(self.value)


class Kind(StrEnum):
    """What kind of arrow an edge is; the part before the hyphen is where it starts."""

    QUEUE_TRIGGER = "queue-trigger"
    STREAM_TRIGGER = "stream-trigger"
    BUCKET_NOTIFICATION = "bucket-notification"
    TOPIC_SUBSCRIPTION = "topic-subscription"
    RULE_TARGET = "rule-target"
    LOG_SUBSCRIPTION = "log-subscription"
    PIPE = "pipe"
    SCHEDULE = "schedule"
    DESTINATION = "destination"
    DEAD_LETTER = "dead-letter"
    INVOKE = "invoke"
    WRITE = "write"
    LOGS = "logs"


class Cost(IntEnum):
    """What breaking a trigger costs; the numbers only order them."""

    MAPPING = 1
    RULE_TARGET = 2
    SUBSCRIPTION = 3
    INVOCATIONS = 4
    """Everything that the function is invoked for waits in a queue."""
    NOTIFICATION = 5
    DELETION = 6


@dataclass(frozen=True)
class Edge:
    """One arrow: what happens at `source` leads to something at `target`.

    `evidence` says in one line why: the mapping, the notification, the policy statement. `handle` is what identifies
    it to the API that would break it (a mapping's UUID, a notification's id, a rule's target id), '' if nothing does;
    `cost` is what breaking it costs, higher is worse, None where it cannot be broken from outside.
    """

    source: str
    target: str
    kind: Kind
    confidence: Confidence
    evidence: str
    handle: str = ""
    cost: int | None = None


@dataclass(frozen=True)
class Graph:
    """Every edge known of an account and Region."""

    edges: tuple[Edge, ...]

    @cached_property
    def leaving(self) -> Mapping[str, tuple[Edge, ...]]:
        """The edges that leave each node, in a stable order."""
        found: dict[str, list[Edge]] = {}
        for edge in self.edges:
            found.setdefault(edge.source, []).append(edge)
        return {node: tuple(edges) for node, edges in found.items()}

    def only(self, *confidences: Confidence) -> Graph:
        """Return the graph without the edges that are less sure."""
        return Graph(tuple(edge for edge in self.edges if edge.confidence in confidences))


@dataclass(frozen=True)
class Loop:
    """One strongly connected part of the graph that contains a cycle, and what would break it.

    `cycle` is a shortest cycle through it, as a witness; `functions` are all functions of the part. `breaks` is the
    cheapest set of edges without which no cycle of the part is left; `exact` says whether that was proved.
    """

    id: str
    functions: tuple[str, ...]
    cycle: tuple[Edge, ...]
    confidence: Confidence
    breaks: tuple[Edge, ...] = ()
    exact: bool = True
    size: int = field(default=0)
    """How many nodes the part has."""
    unbreakable: tuple[Edge, ...] = ()
    """A shortest cycle that goes on whatever is broken from outside, as nothing on it can be; () if there is none."""


def is_function(node: str) -> bool:
    """Whether a node is a function."""
    return ":lambda:" in node and ":function:" in node


def functions_of(nodes: Iterable[str]) -> tuple[str, ...]:
    """Return the functions among nodes, sorted."""
    return tuple(sorted({node for node in nodes if is_function(node)}))
