"""What triggers what, from the facts of an account; and writes led on to what they can set off."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from functions.playbooks.recursive_loop import joined, triggers
from functions.playbooks.recursive_loop.account import (
    Account,
    Destination,
    LogSubscription,
    Notification,
    Pipe,
    Rule,
    Schedule,
    SourceMapping,
    StateMachine,
    Subscription,
    Target,
)
from functions.playbooks.recursive_loop.globs import matches
from functions.playbooks.recursive_loop.graph import Confidence, Cost, Edge, Graph, Kind
from functions.playbooks.recursive_loop.triggers import destinations_to_read, edges, filters_to_read, node
from functions.playbooks.recursive_loop.writes import Function, Keys, Write

REGION, OWNER = "eu-west-1", "222222222222"
EMPTY = Account(OWNER, REGION)


def arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{REGION}:{OWNER}:{resource}"


WORK, OTHER = arn("lambda", "function:work"), arn("lambda", "function:other")
QUEUE, TOPIC, BUCKET = arn("sqs", "jobs"), arn("sns", "orders"), "arn:aws:s3:::images"
BUS, DEFAULT = arn("events", "event-bus/shop"), arn("events", "event-bus/default")
STREAM = arn("dynamodb", "table/orders/stream/2026-11-20T10:00:00.000")
MAPPING = SourceMapping("u-1", QUEUE, f"{WORK}:live", "Enabled")
SUBSCRIPTION = Subscription(f"{TOPIC}:s-1", TOPIC, "lambda", WORK)
ROLE = f"arn:aws:iam::{OWNER}:role/work"


def the_edge(**facts: Any) -> Edge:
    (edge,) = edges(replace(EMPTY, **facts))
    return edge


@pytest.mark.parametrize(
    ("given_arn", "expected"),
    [
        (f"{WORK}:live", WORK),
        (f"{WORK}:$LATEST", WORK),
        (WORK, WORK),
        (arn("states", "stateMachine:sort:3"), arn("states", "stateMachine:sort")),
        (arn("kinesis", "stream/clicks/consumer/fast:1"), arn("kinesis", "stream/clicks")),
        (arn("logs", "log-group:/aws/lambda/work:*"), arn("logs", "log-group:/aws/lambda/work")),
        (STREAM, STREAM),
        (QUEUE, QUEUE),
        ("", ""),
    ],
)
def test_versions_aliases_and_consumers_are_part_of_what_they_belong_to(given_arn: str, expected: str) -> None:
    assert node(given_arn) == expected


def test_a_mapping_leads_from_its_source_to_its_function() -> None:
    edge = the_edge(mappings=(MAPPING,))
    assert (edge.source, edge.target, edge.kind) == (QUEUE, WORK, Kind.QUEUE_TRIGGER)
    assert (edge.confidence, edge.handle, edge.cost) == (Confidence.A, "u-1", Cost.MAPPING)
    assert the_edge(mappings=(replace(MAPPING, source=STREAM),)).kind is Kind.STREAM_TRIGGER


@pytest.mark.parametrize("state", ["Disabled", "Disabling", "Deleting"])
def test_a_mapping_that_is_off_is_no_edge(state: str) -> None:
    assert edges(replace(EMPTY, mappings=(replace(MAPPING, state=state),))) == ()


def test_a_mapping_with_a_filter_is_less_sure() -> None:
    assert the_edge(mappings=(replace(MAPPING, filtered=True),)).confidence is Confidence.B


def test_a_mappings_on_failure_destination_comes_from_the_function() -> None:
    _, edge = edges(replace(EMPTY, mappings=(replace(MAPPING, on_failure=TOPIC),)))
    assert (edge.source, edge.target, edge.kind) == (WORK, TOPIC, Kind.DESTINATION)


def test_each_notification_is_a_node_of_its_own() -> None:
    found = Notification(BUCKET, "n-1", WORK, ("s3:ObjectCreated:*",), "in/", ".jpg")
    edge = the_edge(notifications=(found,))
    assert (edge.source, edge.target, edge.handle) == (f"{BUCKET}#n-1", WORK, "n-1")
    assert edge.evidence == "notification n-1 for s3:ObjectCreated:* on keys in/*.jpg"


@pytest.mark.parametrize(
    ("change", "confidence"),
    [
        ({}, Confidence.A),
        ({"filter": {"kind": ["retry"]}, "filter_read": True}, Confidence.B),
        ({"protocol": "sqs", "endpoint": QUEUE}, Confidence.A),
        ({"protocol": "https", "endpoint": "https://example.com"}, None),
        ({"arn": "PendingConfirmation"}, None),
        ({"filter": {"kind": []}, "filter_read": True}, None),
    ],
)
def test_a_subscription_leads_to_functions_and_queues(change: dict[str, Any], confidence: Confidence | None) -> None:
    found = edges(replace(EMPTY, subscriptions=(replace(SUBSCRIPTION, **change),)))
    assert [edge.confidence for edge in found] == ([confidence] if confidence else [])


def test_each_rule_is_a_node_of_its_own_and_off_it_is_none() -> None:
    rule = Rule(BUS, "orders", "ENABLED", {"source": ["shop"]}, (Target("a", WORK), Target("b", QUEUE)))
    found = edges(replace(EMPTY, rules=(rule,)))
    assert [(e.source, e.target, e.handle) for e in found] == [
        (f"{BUS}#orders", WORK, "a"),
        (f"{BUS}#orders", QUEUE, "b"),
    ]
    assert edges(replace(EMPTY, rules=(replace(rule, state="DISABLED"),))) == ()


def test_pipes_schedules_machines_and_logs_are_edges() -> None:
    pipe = Pipe(arn("pipes", "pipe/p"), "RUNNING", QUEUE, OTHER, WORK)
    schedule = Schedule(arn("scheduler", "schedule/default/s"), "ENABLED", WORK)
    machine = StateMachine(
        arn("states", "stateMachine:m"),
        '{"States": {"A": {"Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": "'
        f'{WORK}:$LATEST", "QueueUrl": "https://sqs.{REGION}.amazonaws.com/{OWNER}/jobs"}}}}}}',
    )
    logs = LogSubscription(arn("logs", "log-group:/aws/lambda/work"), "f", OTHER, filtered=True)
    account = replace(EMPTY, pipes=(pipe,), schedules=(schedule,), state_machines=(machine,), log_subscriptions=(logs,))
    assert {(e.source, e.target, e.confidence.value) for e in edges(account)} == {
        (QUEUE, pipe.arn, "B"),
        (pipe.arn, WORK, "A"),
        (pipe.arn, OTHER, "A"),
        (schedule.arn, WORK, "A"),
        (machine.arn, WORK, "A"),
        (machine.arn, QUEUE, "A"),
        (logs.log_group, OTHER, "B"),
    }
    off = replace(EMPTY, pipes=(replace(pipe, state="STOPPED"),), schedules=(replace(schedule, state="DISABLED"),))
    assert edges(off) == ()


def test_what_failed_goes_on_to_destinations_and_dead_letters() -> None:
    account = replace(
        EMPTY,
        destinations=(Destination(f"{WORK}:live", "live", "OnFailure", QUEUE),),
        dead_letters={OTHER: TOPIC},
        redrives={QUEUE: arn("sqs", "dead")},
    )
    assert {(e.source, e.target, e.kind) for e in edges(account)} == {
        (WORK, QUEUE, Kind.DESTINATION),
        (OTHER, TOPIC, Kind.DEAD_LETTER),
        (QUEUE, arn("sqs", "dead"), Kind.DEAD_LETTER),
    }


def test_only_what_triggers_something_is_a_resource_to_write_to() -> None:
    stream = replace(MAPPING, uuid="u-2", source=STREAM)
    account = replace(EMPTY, mappings=(MAPPING, stream), functions=(Function(WORK, ROLE),))
    found = triggers.resources(account)
    assert (found.queues, found.functions) == ((QUEUE,), (WORK,))
    assert found.tables == {arn("dynamodb", "table/orders"): STREAM}
    assert (found.topics, found.buckets, found.buses) == ((), (), ())


def test_destinations_are_asked_for_where_they_can_make_a_loop_surer_or_a_role_is_unknown() -> None:
    functions = (Function(WORK, ROLE), Function(OTHER, ROLE))
    account = replace(EMPTY, functions=functions, roles={ROLE: ({}, None)})
    sure = Edge(OTHER, QUEUE, Kind.WRITE, Confidence.A, "policy")
    graph = Graph((replace(sure, source=WORK, confidence=Confidence.C), sure))
    inside = frozenset({WORK, OTHER, QUEUE})
    assert destinations_to_read(account, graph, inside) == (WORK,)
    assert destinations_to_read(account, graph, frozenset({WORK, OTHER})) == ()
    for unknown in (replace(account, roles_in_part=frozenset({ROLE})), replace(account, roles={})):
        assert destinations_to_read(unknown, graph, frozenset()) == (WORK, OTHER)


def test_filter_policies_are_asked_for_once_and_only_inside_loops() -> None:
    account = replace(EMPTY, subscriptions=(SUBSCRIPTION, replace(SUBSCRIPTION, filter_read=True)))
    assert filters_to_read(account, frozenset({WORK, TOPIC})) == (SUBSCRIPTION,)
    assert filters_to_read(account, frozenset({WORK})) == ()


# --- writes led on ----------------------------------------------------------------------------------------------------

CREATED = ("s3:ObjectCreated:Put",)


def led_on(account: Account, target: str, keys: Keys | None = None, kind: Kind = Kind.WRITE) -> dict[str, str]:
    """Where a write of A arrives, and how sure that is."""
    write = Write(Edge(WORK, target, kind, Confidence.A, "policy"), keys)
    found = joined.graph(account, (write,)).leaving.get(WORK, ())
    return {edge.target: edge.confidence.value for edge in found}


@pytest.mark.parametrize(
    ("glob", "prefix", "suffix", "arrives"),
    [
        ("in/*", "in/", "", "A"),
        ("out/*", "in/", "", None),
        ("*", "in/", ".jpg", "A"),
        ("in/*.png", "in/", ".jpg", None),
        ("in/a.jpg", "in/a", "a.jpg", "A"),  # the prefix and the suffix overlap
        ("a+b/*", "a+b/", "", "B"),  # the filter may be meant URL-encoded
        ("what/*", "wh*t/", "", None),  # a filter has no wildcards
    ],
)
def test_a_write_arrives_at_a_notification_only_with_its_keys(
    glob: str, prefix: str, suffix: str, arrives: str | None
) -> None:
    account = replace(EMPTY, notifications=(Notification(BUCKET, "n", WORK, ("s3:ObjectCreated:*",), prefix, suffix),))
    found = led_on(account, BUCKET, Keys(glob, CREATED))
    assert found == ({f"{BUCKET}#n": arrives} if arrives else {})


def test_a_write_arrives_at_a_notification_only_with_its_events() -> None:
    account = replace(EMPTY, notifications=(Notification(BUCKET, "n", WORK, ("s3:ObjectRemoved:*",)),))
    assert led_on(account, BUCKET, Keys("*", CREATED)) == {}


def texts(longest: int) -> list[str]:
    return ["".join(letters) for length in range(longest + 1) for letters in product("ab", repeat=length)]


@pytest.mark.parametrize("prefix", texts(2))
def test_the_globs_of_a_filter_match_what_the_filter_matches(prefix: str) -> None:
    for suffix, key in product(texts(3), texts(5)):
        found = any(matches(glob, key) for glob in joined.key_globs(prefix, suffix))
        assert found == (key.startswith(prefix) and key.endswith(suffix)), (suffix, key)


@pytest.mark.parametrize(
    ("pattern", "arrives"),
    [
        ({"source": ["shop"]}, "A"),
        ({"source": ["aws.ec2"]}, None),
        ({"account": ["999999999999"]}, None),
        ({"time": ["noon"]}, "B"),
    ],
)
def test_an_event_arrives_at_a_rule_only_if_it_may_match(pattern: dict[str, Any], arrives: str | None) -> None:
    account = replace(EMPTY, rules=(Rule(BUS, "r", "ENABLED", pattern, (Target("t", WORK),)),))
    assert led_on(account, BUS) == ({f"{BUS}#r": arrives} if arrives else {})


def test_a_destinations_event_says_that_it_is_lambdas() -> None:
    patterns = {
        "success": {"source": ["lambda"], "detail-type": ["Lambda Function Invocation Result - Success"]},
        "failure": {"source": ["lambda"], "detail-type": ["Lambda Function Invocation Result - Failure"]},
        "shop": {"source": ["shop"]},
    }
    rules = tuple(Rule(BUS, name, "ENABLED", pattern, ()) for name, pattern in patterns.items())
    account = replace(EMPTY, rules=rules, destinations=(Destination(WORK, "$LATEST", "OnFailure", BUS),))
    assert [edge.target for edge in joined.graph(account, ()).leaving[WORK]] == [f"{BUS}#failure"]


def test_an_event_is_passed_on_to_another_bus() -> None:
    first = Rule(DEFAULT, "on", "ENABLED", {"source": ["shop"]}, (Target("t", BUS),))
    same = Rule(BUS, "same", "ENABLED", {"source": ["shop"]}, (Target("t", WORK),))
    other = Rule(BUS, "other", "ENABLED", {"detail": {"x": [1]}}, (Target("t", WORK),))
    found = joined.graph(replace(EMPTY, rules=(first, same, other)), ()).leaving[f"{DEFAULT}#on"]
    assert {(e.target, e.confidence.value) for e in found} == {(f"{BUS}#same", "A"), (f"{BUS}#other", "B")}


@pytest.mark.parametrize(
    ("pattern", "arrives"),
    [
        ({"source": ["aws.s3"]}, "A"),
        ({"source": ["aws.s3"], "detail-type": ["Object Deleted"]}, None),
        ({"source": ["shop"]}, None),
        ({"source": ["aws.s3"], "detail": {"bucket": {"name": ["images"]}}}, "A"),
        ({"source": ["aws.s3"], "detail": {"bucket": {"name": ["other"]}}}, None),
        ({"source": ["aws.s3"], "detail": {"object": {"key": [{"prefix": "in/"}]}}}, "A"),
        ({"source": ["aws.s3"], "detail": {"object": {"key": [{"prefix": "out/"}]}}}, None),
        ({"source": ["aws.s3"], "detail": {"reason": ["PutObject"]}}, "B"),
    ],
)
def test_a_bucket_on_the_bus_sets_off_the_rules_for_its_objects(pattern: dict[str, Any], arrives: str | None) -> None:
    account = replace(EMPTY, buckets_on_bus=(BUCKET,), rules=(Rule(DEFAULT, "r", "ENABLED", pattern, ()),))
    through = f"{BUCKET}#EventBridge r"
    assert led_on(account, BUCKET, Keys("in/*", CREATED)) == ({through: arrives} if arrives else {})
    if arrives:
        write = Write(Edge(WORK, BUCKET, Kind.WRITE, Confidence.A, "policy"), Keys("in/*", CREATED))
        assert [edge.target for edge in joined.graph(account, (write,)).leaving[through]] == [f"{DEFAULT}#r"]


def test_an_invocation_can_be_stopped_at_the_function_it_is_for() -> None:
    (edge,) = joined.graph(EMPTY, (Write(Edge(WORK, OTHER, Kind.INVOKE, Confidence.A, "policy")),)).edges
    assert (edge.handle, edge.cost) == ("other", Cost.INVOCATIONS)


def test_no_value_of_an_environment_is_shown() -> None:
    secret = "-".join(["not", "to", "be", "shown"])
    assert secret not in repr(replace(EMPTY, functions=(Function(WORK, ROLE, {"TOKEN": secret}),)))
