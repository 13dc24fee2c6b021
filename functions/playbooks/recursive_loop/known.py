"""What a check of loops is given: the loops a function is part of, and what its functions do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from functions.playbooks.recursive_loop.graph import Confidence, Edge, Kind, Loop


@dataclass(frozen=True)
class Activity:
    """What CloudWatch says of a function: invocations a minute, and of the most that ran at once.

    `now` is the highest of the last minutes, `usual` the highest hourly mean of the two weeks before; `hour` counts the
    last hour; `dropped` are invocations that Lambda's own loop detection refused in that hour. `peak` is the highest
    concurrency of the two weeks, 0 where the function has not run.
    """

    now: int = 0
    usual: float = 0.0
    hour: int = 0
    dropped: int = 0
    peak: int = 0


@dataclass(frozen=True)
class Facts:
    """The loops that go through the function at hand, surest first, and what is known of the functions in them."""

    loops: tuple[Loop, ...] = ()
    tags: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """The tags of each function of the loops, by ARN."""
    activity: Mapping[str, Activity] = field(default_factory=dict)
    """By ARN; absent where it was not read."""
    new: bool = False
    """Whether the function at hand was created while the account was watched, a day ago at most."""
    now: str = ""
    """When this was read, ISO 8601 in UTC."""


def loop_to_json(loop: Loop) -> dict[str, Any]:
    """Return a loop as it is remembered."""
    return {
        "id": loop.id,
        "functions": list(loop.functions),
        "cycle": [_edge_to_json(edge) for edge in loop.cycle],
        "confidence": loop.confidence.value,
        "breaks": [_edge_to_json(edge) for edge in loop.breaks],
        "exact": loop.exact,
        "size": loop.size,
        "unbreakable": [_edge_to_json(edge) for edge in loop.unbreakable],
    }


def loop_from_json(body: Mapping[str, Any]) -> Loop:
    """Read what `loop_to_json` wrote."""
    return Loop(
        id=body["id"],
        functions=tuple(body["functions"]),
        cycle=_edges(body["cycle"]),
        confidence=Confidence(body["confidence"]),
        breaks=_edges(body["breaks"]),
        exact=body["exact"],
        size=body["size"],
        unbreakable=_edges(body["unbreakable"]),
    )


def from_json(body: Mapping[str, Any]) -> Facts:
    """Read facts as the playbook's cases have them."""
    return Facts(
        loops=tuple(loop_from_json(loop) for loop in body.get("loops", ())),
        tags=body.get("tags", {}),
        activity={arn: Activity(**activity) for arn, activity in body.get("activity", {}).items()},
        new=body.get("new", False),
        now=body.get("now", ""),
    )


def _edge_to_json(edge: Edge) -> dict[str, Any]:
    return {
        "from": edge.source,
        "to": edge.target,
        "kind": edge.kind.value,
        "confidence": edge.confidence.value,
        "evidence": edge.evidence,
        "handle": edge.handle,
        "cost": None if edge.cost is None else int(edge.cost),
    }


def _edges(bodies: Any) -> tuple[Edge, ...]:
    return tuple(
        Edge(
            source=body["from"],
            target=body["to"],
            kind=Kind(body["kind"]),
            confidence=Confidence(body["confidence"]),
            evidence=body["evidence"],
            handle=body["handle"],
            cost=body["cost"],
        )
        for body in bodies
    )
