"""A loop as people see it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from functions.playbooks.recursive_loop.drawing import mermaid, short_name, text
from functions.playbooks.recursive_loop.graph import Edge, Graph, Kind, Loop
from functions.playbooks.recursive_loop.loops import loops

from .graphs import A, edge, function, queue, wildcards

RESIZE, KEYS = function("resize"), "arn:aws:s3:::uploads#in/*"
WRITE = Edge(RESIZE, KEYS, Kind.WRITE, A, "role resize-role allows s3:PutObject\non uploads/*")
NOTIFY = Edge(KEYS, RESIZE, Kind.BUCKET_NOTIFICATION, A, 'notification "made"', "made", 3)


def drawn(*edges: Edge) -> Loop:
    (loop,) = loops(Graph(edges))
    return loop


def test_text_has_a_line_for_each_hop_and_marks_the_break() -> None:
    assert text(drawn(WRITE, NOTIFY)) == (
        "resize → bucket uploads (in/*) · write · role resize-role allows s3:PutObject on uploads/*\n"
        'bucket uploads (in/*) → resize · bucket-notification · notification "made" ✂ break here'
    )


def test_mermaid_quotes_labels_and_marks_the_break() -> None:
    assert mermaid(drawn(WRITE, NOTIFY)) == (
        "flowchart LR\n"
        '    n0["resize"]\n'
        '    n1["bucket uploads (in/*)"]\n'
        '    n0 -->|"write"| n1\n'
        '    n1 -.->|"✂ bucket-notification"| n0'
    )


def test_mermaid_lets_no_name_out_of_its_quotes() -> None:
    evil = 'arn:aws:s3:::b#"] --> x["<script>`&#quot;\nend'
    shown = mermaid(drawn(replace(WRITE, target=evil), replace(NOTIFY, source=evil)))
    assert '    n1["bucket b (#quot;] --#gt; x[#quot;#lt;script#gt;#96;#amp;#35;quot; end)"]' in shown.splitlines()
    assert len(shown.splitlines()) == 5


def test_breaks_beside_the_witness_and_an_unbreakable_cycle_are_told() -> None:
    jobs, other = queue("jobs"), function("other")
    loop = drawn(
        WRITE,
        NOTIFY,
        edge(RESIZE, other, cost=None),
        edge(other, RESIZE, cost=None, evidence="invokes it"),
        edge(RESIZE, jobs, cost=None),
        edge(jobs, RESIZE, cost=1, evidence="mapping"),
    )
    shown = text(loop)
    assert "Other cycles of this loop need this broken too:\n" in shown
    assert "queue jobs → resize · write · mapping ✂\n" in shown
    assert "other → resize · write · invokes it" in shown.split("This cycle stays")[1]
    assert '|"✂ write"|' in mermaid(loop)


def test_a_loop_of_wildcards_says_what_it_is() -> None:
    assert text(drawn(*wildcards(20).edges)).splitlines()[-1] == (
        "One of many possible cycles: wildcards join 40 resources, 20 of them functions."
    )


def test_breaks_that_are_not_proved_say_so() -> None:
    loop = replace(drawn(WRITE, NOTIFY), exact=False)
    assert text(loop).splitlines()[-1].startswith("There may be less to break")


@pytest.mark.parametrize(
    ("node", "name"),
    [
        (RESIZE, "resize"),
        (queue("jobs"), "queue jobs"),
        ("arn:aws:sns:eu-west-1:111111111111:news", "topic news"),
        ("arn:aws:s3:::uploads", "bucket uploads"),
        (KEYS, "bucket uploads (in/*)"),
        ("arn:aws:dynamodb:eu-west-1:111111111111:table/orders/stream/2026-01-01T00:00:00.000", "table orders"),
        ("arn:aws:kinesis:eu-west-1:111111111111:stream/clicks", "stream clicks"),
        ("arn:aws:events:eu-west-1:111111111111:event-bus/main#on-order", "bus main (on-order)"),
        ("arn:aws:states:eu-west-1:111111111111:stateMachine:ship", "state machine ship"),
        ("arn:aws:logs:eu-west-1:111111111111:log-group:/aws/lambda/f:*", "log group /aws/lambda/f"),
        ("arn:aws:pipes:eu-west-1:111111111111:pipe/p", "pipe p"),
        ("arn:aws:scheduler:eu-west-1:111111111111:schedule/default/nightly", "schedule default/nightly"),
        ("arn:aws:iot:eu-west-1:111111111111:thing/t", "iot t"),
        ("somewhere", "somewhere"),
    ],
)
def test_names_are_what_people_call_things(node: str, name: str) -> None:
    assert short_name(node) == name


def test_two_of_one_name_are_told_apart() -> None:
    there = RESIZE.replace("111111111111", "222222222222")
    shown = text(drawn(edge(RESIZE, there, evidence="calls"), edge(there, RESIZE, evidence="calls back")))
    assert shown.splitlines()[0].startswith(f"{RESIZE} → {there} · write · calls")
