"""What tells apart what shares a bus, a log group or a name: conditions on events, a function's own log, labels."""

from __future__ import annotations

from typing import Any

import pytest

from functions.playbooks.recursive_loop.filters import Answer, one_event_matches
from functions.playbooks.recursive_loop.graph import Confidence
from functions.playbooks.recursive_loop.writes import Sent, Write

from .test_writes import BUS, GROUP, QUEUE, allow, arn, edges, found

A, B, C = Confidence.A, Confidence.B, Confidence.C
NO, UNKNOWN, YES = Answer
FULL = Sent()


def put(condition: Any, **more: Any) -> list[tuple[Confidence, Sent | None]]:
    """How sure it is that a function may put events on the bus, and which."""
    found_: list[Write] = found(allow("events:PutEvents", BUS, Condition=condition), **more)
    return [(write.edge.confidence, write.sent) for write in found_]


@pytest.mark.parametrize(
    ("condition", "sent"),
    [
        ({"StringEquals": {"events:source": "shop"}}, Sent(("shop",))),
        ({"StringLike": {"events:source": ["shop.*", "pay"]}}, Sent(("shop.*", "pay"))),
        ({"ForAllValues:StringEquals": {"Events:Source": ["shop"]}}, Sent(("shop",))),
        ({"StringEquals": {"events:detail-type": ["paid", "sent"]}}, Sent(("*",), ("paid", "sent"))),
        (
            {"StringEquals": {"events:source": "shop"}, "StringLike": {"events:detail-type": "p*"}},
            Sent(("shop",), ("p*",)),
        ),
        # To StringEquals an asterisk is one.
        ({"StringEquals": {"events:source": "sh*p?"}}, Sent(("sh${*}p${?}",))),
    ],
)
def test_a_condition_on_events_says_which_are_sent_and_leaves_no_doubt(condition: Any, sent: Sent) -> None:
    assert put(condition) == [(A, sent)]


@pytest.mark.parametrize(
    "condition",
    [
        {"StringNotEquals": {"events:source": "shop"}},
        {"StringEqualsIgnoreCase": {"events:source": "shop"}},
        {"StringEqualsIfExists": {"events:source": "shop"}},
        {"ForAnyValue:StringEquals": {"events:source": "shop"}},
        {"StringEquals": {"events:source": "${aws:PrincipalTag/team}"}},
        {"StringEquals": {"events:source": "shop"}, "StringLike": {"events:source": "s*"}},
        {"StringEquals": {"aws:SourceVpc": "vpc-1"}},
    ],
)
def test_what_a_condition_leaves_open_stays_a_doubt(condition: Any) -> None:
    assert put(condition) == [(B, FULL)]


def test_another_condition_beside_it_is_still_a_doubt() -> None:
    condition = {"StringEquals": {"events:source": "shop", "aws:SourceVpc": "vpc-1"}}
    assert put(condition) == [(B, Sent(("shop",)))]


def test_a_condition_of_a_denial_or_a_boundary_is_no_permission() -> None:
    shop = {"StringEquals": {"events:source": "shop"}}
    denied = {"Effect": "Deny", "Action": "events:PutEvents", "Resource": BUS, "Condition": shop}
    (write,) = found(allow("events:PutEvents", BUS), denied)
    assert (write.edge.confidence, write.sent) == (B, FULL)
    (write,) = found(allow("events:*", BUS), boundary=[allow("events:*", "*", Condition=shop)])
    assert (write.edge.confidence, write.sent) == (B, FULL)


def test_each_statement_says_for_itself_what_may_be_sent() -> None:
    conditions = [{"StringEquals": {"events:source": source}} for source in ("shop", "pay")]
    both = found(*(allow("events:PutEvents", BUS, Condition=one) for one in conditions))
    assert {write.sent for write in both} == {Sent(("shop",)), Sent(("pay",))}


@pytest.mark.parametrize(
    ("glob", "expected"),
    [
        ("/aws/lambda/orders*", {}),
        ("/aws/lambda/ord*:*", {}),
        ("/aws/lambda/*orders:log-stream:*", {}),
        ("/app/*", {GROUP: B}),
        ("/aws/lambda/ref*", {arn("logs", "log-group:/aws/lambda/refunds"): B}),
    ],
)
def test_a_pattern_of_log_groups_that_means_the_functions_own_is_there_for_that(
    glob: str, expected: dict[str, Confidence]
) -> None:
    assert edges(allow("logs:PutLogEvents", arn("logs", f"log-group:{glob}"))) == expected


@pytest.mark.parametrize("variable", ["POWERTOOLS_SERVICE_NAME", "OTEL_SERVICE_NAME", "DD_SERVICE"])
def test_a_label_of_the_service_names_no_queue(variable: str) -> None:
    everything = allow("sqs:*", "*")
    assert edges(everything, **{variable: "orders"})[QUEUE] is C
    assert edges(everything, QUEUE_NAME="orders")[QUEUE] is B


@pytest.mark.parametrize(
    ("first", "second", "answer"),
    [
        ({"source": ["shop"]}, {"source": ["shop"]}, YES),
        ({"source": ["shop"]}, {"source": ["shop"], "detail-type": ["paid"]}, UNKNOWN),
        ({"source": ["shop"]}, {"source": [{"prefix": "s"}]}, UNKNOWN),
        ({"source": ["shop"]}, {"detail-type": ["paid"]}, UNKNOWN),
        ({"source": ["shop"]}, {"source": [{"anything-but": ["shop"]}]}, UNKNOWN),
        ({"source": [{"prefix": "aws."}]}, {"source": ["aws.s3"]}, UNKNOWN),
        ({"source": ["shop"], "detail": {"n": [1]}}, {"source": ["shop"], "detail": {"n": [2]}}, UNKNOWN),
        ({"source": ["shop"]}, {"source": "shop"}, UNKNOWN),
        ({"source": ["shop"]}, {"source": ["pay", "mail"]}, NO),
        ({"source": [{"prefix": "shop."}]}, {"source": ["shop"]}, NO),
        ({"source": ["shop"], "detail-type": ["paid"]}, {"source": ["shop"], "detail-type": ["sent"]}, NO),
        ({"account": ["111111111111"]}, {"account": ["222222222222"]}, NO),
    ],
)
def test_an_event_that_one_pattern_takes_may_be_none_for_another(first: Any, second: Any, answer: Answer) -> None:
    assert one_event_matches(first, second) is answer
    assert one_event_matches(second, first) is answer
