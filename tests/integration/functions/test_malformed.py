"""Whatever comes out of a queue is handled, or ends in the dead-letter queue with a reason; nothing crash-loops."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.functions.conftest import ENTRY_POINTS, World

OK: dict[str, list[Any]] = {"batchItemFailures": []}
EVENTS = Path(__file__).parents[3] / "events"
DEEP = "[" * 100_000 + "]" * 100_000

BAD_BODIES = {
    "not JSON": "nonsense",
    "empty": "",
    "a list": "[]",
    "a number": "7",
    "null": "null",
    "an empty object": "{}",
    "too deep": DEEP,
    "huge": json.dumps({"source": "aws.lambda", "detail": {"x": "y" * 500_000}}),
    "no detail": json.dumps({"source": "aws.lambda", "account": "222222222222", "region": "eu-west-1"}),
    "detail of the wrong type": json.dumps(
        {
            "source": "warden",
            "account": "111111111111",
            "region": "eu-west-1",
            "detail-type": "Fix Requested",
            "detail": 3,
        }
    ),
    "a later version": json.dumps(
        {
            "source": "warden",
            "account": "111111111111",
            "region": "eu-west-1",
            "detail-type": "Fix Requested",
            "detail": {"version": "2"},
        }
    ),
}


# The inspector and the topology function have no use for our own outcomes, whatever their version.
OF_NO_USE = {
    ("inspector", "a later version"),
    ("topology", "a later version"),
}


@pytest.mark.parametrize("entry_point", ENTRY_POINTS)
def test_nonsense_ends_in_the_dead_letter_queue_with_a_reason(world: World, entry_point: str) -> None:
    for name, body in BAD_BODIES.items():
        # The schedule's message to the sweep carries no body worth the name, and that is all it needs to.
        if entry_point == "sweep" and not _is_nonsense_for_the_sweep(body):
            continue
        assert world.run(entry_point, body) == OK, name
        if (entry_point, name) in OF_NO_USE:
            assert world.sent("dead") == []
            continue
        (letter,) = world.sent("dead")
        attributes = letter["_attributes"]
        assert attributes["ERROR_CODE"]["StringValue"] == "MALFORMED", name
        assert attributes["ERROR_MESSAGE"]["StringValue"].strip(), name


def _is_nonsense_for_the_sweep(body: str) -> bool:
    try:
        return not isinstance(json.loads(body), dict)
    except (ValueError, RecursionError):
        return True


def test_an_unexpected_failure_is_delivered_again_and_buried_with_its_reason_in_the_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("a bug of ours")

    monkeypatch.setattr(world.modules["inspector"], "read_event", fails)
    first = world.run("inspector", {"source": "aws.lambda"}, received=1)
    assert len(first["batchItemFailures"]) == 1
    assert world.sent("dead") == []
    assert world.run("inspector", {"source": "aws.lambda"}, received=5) == OK
    (letter,) = world.sent("dead")
    assert letter["_attributes"]["ERROR_CODE"]["StringValue"] == "RuntimeError"
    assert letter["_attributes"]["ERROR_MESSAGE"]["StringValue"] == "a bug of ours"


def test_a_bad_message_does_not_take_its_neighbours_along(world: World) -> None:
    world.create_function("good")
    assert world.run("inspector", "nonsense", world.created_event("good"), "{}") == OK
    assert [e["detail-type"] for e in world.sent()] == ["Finding Opened"]
    assert len(world.sent("dead")) == 2


@pytest.mark.parametrize("entry_point", ENTRY_POINTS)
def test_any_json_is_handled_or_buried(world: World, entry_point: str) -> None:
    scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=20)
    anything = st.recursive(
        scalars, lambda c: st.lists(c, max_size=3) | st.dictionaries(st.text(max_size=8), c, max_size=3)
    )
    samples = [json.loads(path.read_text()) for path in sorted(EVENTS.glob("*.json"))]

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(samples), st.lists(st.tuples(st.integers(0, 200), anything), max_size=3))
    def run(sample: dict[str, Any], changes: list[tuple[int, Any]]) -> None:
        event = json.loads(json.dumps(sample))
        for where, value in changes:
            _put(event, where, value)
        assert world.run(entry_point, event) == OK, event

    run()


def _put(event: dict[str, Any], where: int, value: object) -> None:
    """Replace the `where`th field of the event, counting through every level, with something else."""
    places: list[tuple[Any, Any]] = []

    def walk(node: Any) -> None:
        items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        for key, child in list(items):
            places.append((node, key))
            walk(child)

    walk(event)
    holder, key = places[where % len(places)]
    holder[key] = value
