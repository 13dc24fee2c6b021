"""Loops in layers of confidence, and ids that stay."""

from __future__ import annotations

import re
import time
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from functions.playbooks.recursive_loop.components import components
from functions.playbooks.recursive_loop.graph import Confidence, Edge, Graph, functions_of
from functions.playbooks.recursive_loop.loops import loop_id, loops

from .graphs import A, B, C, edge, function, graphs, queue, wildcards

F, G, H = function("f"), function("g"), function("h")
Q, R = queue("q"), queue("r")
KNOWN = (edge(F, Q, cost=None), edge(Q, F))


def test_a_loop_is_as_sure_as_its_edges() -> None:
    (loop,) = loops(Graph(KNOWN))
    assert (loop.confidence, loop.functions, loop.cycle, loop.breaks) == (A, (F,), KNOWN, (KNOWN[1],))
    assert (loop.exact, loop.size, loop.unbreakable) == (True, 2, ())
    for unsure in (B, C):
        (loop,) = loops(Graph((replace(KNOWN[0], confidence=unsure), KNOWN[1])))
        assert loop.confidence is unsure


def test_less_sure_edges_between_members_of_a_known_loop_add_nothing() -> None:
    for unsure in (B, C):
        assert loops(Graph((*KNOWN, edge(F, F, unsure), edge(F, Q, unsure)))) == loops(Graph(KNOWN))


def test_a_larger_loop_around_a_known_one_shows_what_is_new() -> None:
    around = (edge(F, R, B, cost=None), edge(R, G), edge(G, Q, B, cost=None))
    known, larger = loops(Graph((*KNOWN, *around)))
    assert (known,) == tuple(loops(Graph(KNOWN)))
    assert (larger.confidence, larger.functions, larger.size) == (B, (F, G), 4)
    assert set(larger.cycle) == {*around, KNOWN[1]}
    assert larger.breaks == (KNOWN[1],)


def test_two_known_loops_that_unsure_edges_join_are_three() -> None:
    other = (edge(G, R), edge(R, G))
    joins = (edge(F, R, C), edge(G, Q, C))
    found = loops(Graph((*KNOWN, *other, *joins)))
    assert [(loop.confidence, loop.functions) for loop in found] == [(A, (F,)), (A, (G,)), (C, (F, G))]
    assert set(found[2].cycle) >= set(joins)


def test_a_cycle_without_a_function_is_no_loop_of_lambda() -> None:
    assert loops(Graph((edge(Q, R), edge(R, Q)))) == []
    (loop,) = loops(Graph((edge(Q, R), edge(R, Q), edge(Q, F), edge(F, H), edge(H, Q))))
    assert loop.functions == (F, H)
    assert F in {each.source for each in loop.cycle}, "the shorter cycle has no function"


def test_91_functions_with_wildcards_are_one_loop_at_once() -> None:
    began = time.process_time()
    (loop,) = loops(wildcards(91))
    assert time.process_time() - began < 2
    assert (loop.confidence, len(loop.functions), loop.size) == (C, 91, 182)
    assert (len(loop.cycle), loop.breaks, loop.exact) == (2, (), False)


def test_an_unbreakable_loop_says_so() -> None:
    calls = (edge(F, G, cost=None), edge(G, F, cost=None))
    (loop,) = loops(Graph(calls))
    assert (loop.breaks, loop.exact, loop.unbreakable) == ((), True, calls)


@given(graphs(7, 20, Confidence))
def test_each_layer_tells_its_components_unless_a_surer_one_has_all_their_members(graph: Graph) -> None:
    wanted: list[tuple[Confidence, tuple[str, ...], int]] = []
    surer: list[frozenset[str]] = []
    for layer in ((A,), (A, B), (A, B, C)):
        parts = [frozenset(part.leaving) for part in components(graph.only(*layer))]
        wanted += [
            (layer[-1], functions_of(part), len(part))
            for part in parts
            if functions_of(part) and not any(part <= other for other in surer)
        ]
        surer = parts
    found = loops(graph)
    assert sorted(wanted) == sorted((loop.confidence, loop.functions, loop.size) for loop in found)
    for loop in found:
        assert max(each.confidence.rank for each in loop.cycle) == loop.confidence.rank
        assert loop.confidence is not C or not loop.breaks
    assert len({loop.id for loop in found}) == len(found)


@given(graphs(6, 20, Confidence).flatmap(lambda graph: st.tuples(st.just(graph), st.permutations(graph.edges))))
def test_loops_do_not_depend_on_the_order_of_the_edges(case: tuple[Graph, list[Edge]]) -> None:
    assert loops(case[0]) == loops(Graph(tuple(case[1])))


@given(graphs(6, 14))
def test_an_id_outlives_evidence_handles_and_costs(graph: Graph) -> None:
    told = Graph(tuple(replace(each, evidence="another", handle="new", cost=9) for each in graph.edges))
    assert [loop.id for loop in loops(graph)] == [loop.id for loop in loops(told)]


def test_an_id_is_twelve_letters_and_digits_and_another_for_other_edges() -> None:
    assert re.fullmatch("[a-z2-7]{12}", loop_id(KNOWN))
    assert loop_id(KNOWN) == loop_id(KNOWN[::-1]) == loop_id([*KNOWN, replace(KNOWN[0], confidence=B)])
    assert loop_id(KNOWN) != loop_id(KNOWN[:1])
    assert loop_id([edge(F, Q)]) == "a44rnbt4g7ow", "an id must stay the same from version to version"
