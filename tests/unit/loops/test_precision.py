"""Whole accounts: every planted loop is found with confidence A or B, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable, Collection
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.adapters import topology
from functions.playbooks.recursive_loop import joined
from functions.playbooks.recursive_loop.account import Account
from functions.playbooks.recursive_loop.graph import Confidence, Graph
from functions.playbooks.recursive_loop.loops import loops

from .planted import PIPELINES, PLANTS, Answers, Place, Plant, make

Loops = frozenset[frozenset[str]]


def of(graph: Graph, *confidences: Confidence) -> Loops:
    """The functions of each loop of these confidences."""
    return frozenset(frozenset(loop.functions) for loop in loops(graph) if loop.confidence in confidences)


def found_in(account: Account, *confidences: Confidence) -> Loops:
    return of(joined.graph(account, joined.written(account)), *confidences)


def sure(account: Account) -> Loops:
    return found_in(account, Confidence.A, Confidence.B)


def difference(found: Loops, planted: Loops) -> dict[str, list[list[str]]]:
    """What is no loop and yet was found, and what was not."""
    kinds = {"no loop": found - planted, "missed": planted - found}
    return {kind: sorted(map(sorted, of)) for kind, of in kinds.items() if of}


@pytest.mark.parametrize("seed", [1, 2])
def test_a_large_account_has_the_planted_loops_and_no_others(seed: int) -> None:
    made = make(seed)
    account = made.account
    sizes = [len(some) for some in (account.functions, account.rules, account.subscriptions)]
    assert all(size >= least for size, least in zip(sizes, (1000, 300, 300), strict=True))
    assert len(made.planted) == len(PLANTS)
    assert difference(sure(account), made.planted) == {}
    assert found_in(account, Confidence.C), "what wildcards allow is told as such"


@given(
    seed=st.integers(0, 10**6),
    functions=st.integers(1, 60),
    pipelines=st.integers(0, 2 * len(PIPELINES)),
    wildcards=st.sampled_from((0.0, 0.02, 0.3)),
    plants=st.lists(st.sampled_from(PLANTS), max_size=2 * len(PLANTS)),
)
def test_an_account_has_just_what_was_planted(
    seed: int, functions: int, pipelines: int, wildcards: float, plants: Collection[Plant]
) -> None:
    made = make(
        seed,
        functions=functions,
        buckets=0,
        rules=0,
        subscriptions=0,
        pipelines=pipelines,
        wildcards=wildcards,
        plants=plants,
    )
    assert difference(sure(made.account), made.planted) == {}
    _, graph = topology.closer(Answers(made.account), made.account, joined.written(made.account))
    assert difference(of(graph, Confidence.A, Confidence.B), made.planted) == {}, (
        "what is asked last makes a difference"
    )


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: str(plant.__name__))
def test_a_loop_alone_is_found(plant: Plant, seed: int) -> None:
    place = Place(Random(seed))  # noqa: S311 - an account, no secret
    planted = frozenset({frozenset(plant(place))})
    assert difference(sure(place.account()), planted) == {}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("pipeline", PIPELINES, ids=lambda pipeline: str(pipeline.__name__))
def test_a_pipeline_alone_is_no_loop(pipeline: Callable[[Place], None], seed: int) -> None:
    place = Place(Random(seed))  # noqa: S311 - an account, no secret
    pipeline(place)
    assert place.functions
    assert found_in(place.account(), *Confidence) == frozenset()
