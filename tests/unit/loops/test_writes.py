"""Where a function may write: which edges, how sure, and which keys of a bucket."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy_sentry.querying.actions import get_actions_for_service

from functions.playbooks.recursive_loop.graph import Confidence, Kind
from functions.playbooks.recursive_loop.policies import resource_policy, role
from functions.playbooks.recursive_loop.writes import ACTIONS, Function, Keys, Resources, Write, remainders, writes

ACCOUNT, OTHER, REGION = "111111111111", "222222222222", "eu-west-1"
A, B, C = Confidence.A, Confidence.B, Confidence.C


def arn(service: str, name: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{name}"


ROLE = f"arn:aws:iam::{ACCOUNT}:role/orders"
ORDERS, REFUNDS = arn("lambda", "function:orders"), arn("lambda", "function:refunds")
QUEUE, TOPIC, BUCKET, BUS = (
    arn("sqs", "orders"),
    arn("sns", "orders"),
    "arn:aws:s3:::orders-files",
    arn("events", "event-bus/default"),
)
TABLE, STREAM, MACHINE = (
    arn("dynamodb", "table/orders"),
    arn("kinesis", "stream/clicks"),
    arn("states", "stateMachine:pay"),
)
TABLE_STREAM, SCHEDULE = f"{TABLE}/stream/2026-01-01", arn("scheduler", "schedule/default/hourly")
GROUP, OWN_GROUP = arn("logs", "log-group:/app/audit"), arn("logs", "log-group:/aws/lambda/orders")
EVERYTHING = Resources(
    queues=(QUEUE, arn("sqs", "refunds")),
    topics=(TOPIC,),
    buckets=(BUCKET, "arn:aws:s3:::other"),
    tables={TABLE: TABLE_STREAM},
    streams=(STREAM,),
    buses=(BUS,),
    functions=(ORDERS, REFUNDS),
    state_machines=(MACHINE,),
    schedules=(SCHEDULE,),
    log_groups=(GROUP, OWN_GROUP, arn("logs", "log-group:/aws/lambda/refunds")),
)


def allow(action: Any, resource: Any, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def found(
    *statements: dict[str, Any], resources: Resources = EVERYTHING, boundary: Any = None, **environment: str
) -> list[Write]:
    """What the function writes to, but for its own log group."""
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    limits = ("limits", {"Statement": boundary}) if boundary else None
    roles = {ROLE: role(ROLE, {"inline": document}, limits)}
    first, *others = writes([Function(ORDERS, ROLE, environment)], roles, resources)
    assert (first.edge.target, first.edge.kind, first.edge.confidence) == (OWN_GROUP, Kind.LOGS, A)
    assert all(one.edge.source == ORDERS for one in others)
    return others


def edges(*statements: dict[str, Any], **more: Any) -> dict[str, Confidence]:
    """The targets and how sure they are, but for the function's own log group."""
    return {one.edge.target: one.edge.confidence for one in found(*statements, **more)}


@pytest.mark.parametrize(
    ("action", "resource", "target", "kind"),
    [
        ("sqs:SendMessage", QUEUE, QUEUE, Kind.WRITE),
        ("sns:Publish", TOPIC, TOPIC, Kind.WRITE),
        ("s3:PutObject", f"{BUCKET}/*", BUCKET, Kind.WRITE),
        ("dynamodb:PutItem", TABLE, TABLE_STREAM, Kind.WRITE),
        ("dynamodb:PartiQLUpdate", TABLE, TABLE_STREAM, Kind.WRITE),
        ("kinesis:PutRecords", STREAM, STREAM, Kind.WRITE),
        ("events:PutEvents", BUS, BUS, Kind.WRITE),
        ("lambda:InvokeFunction", REFUNDS, REFUNDS, Kind.INVOKE),
        ("lambda:InvokeFunction", f"{REFUNDS}:*", REFUNDS, Kind.INVOKE),
        ("lambda:InvokeFunction", f"{REFUNDS}:live", REFUNDS, Kind.INVOKE),
        ("lambda:InvokeFunction", ORDERS, ORDERS, Kind.INVOKE),
        ("states:StartExecution", MACHINE, MACHINE, Kind.INVOKE),
        ("scheduler:UpdateSchedule", SCHEDULE, SCHEDULE, Kind.WRITE),
        ("logs:PutLogEvents", f"{GROUP}:*", GROUP, Kind.LOGS),
        ("logs:PutLogEvents", f"{GROUP}:log-stream:a", GROUP, Kind.LOGS),
    ],
)
def test_an_exact_arn_is_a_sure_edge(action: str, resource: str, target: str, kind: Kind) -> None:
    (write,) = found(allow(action, resource))
    assert (write.edge.target, write.edge.kind, write.edge.confidence) == (target, kind, A)
    assert write.edge.evidence == f"{action}: policy inline, statement 1 allows {resource}"


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("sqs:ReceiveMessage", QUEUE),
        ("sqs:SendMessage", TOPIC),
        ("sqs:SendMessage", QUEUE.replace(ACCOUNT, OTHER)),
        ("sqs:SendMessage", QUEUE.replace(REGION, "us-east-1")),
        ("sqs:SendMessage", QUEUE.replace("arn:aws:", "arn:aws-cn:")),
        ("sqs:SendMessage", f"{QUEUE}-x"),
        ("sqs:SendMessage", QUEUE[:-1]),
        ("sqs:SendMessage", QUEUE.replace(":orders", ":Orders")),
        ("s3:GetObject", f"{BUCKET}/*"),
        ("s3:PutObject", BUCKET),
        ("s3:PutObject", f"{BUCKET}-x/*"),
        ("dynamodb:PutItem", f"{TABLE}/index/*"),
        ("dynamodb:GetItem", TABLE),
        ("lambda:InvokeFunction", f"{REFUNDS}-x"),
        ("lambda:InvokeFunction", "arn:aws:lambda:*:*:function:x*"),
        ("lambda:InvokeFunction", "arn:aws:lambda:*rders:*:z"),
        ("lambda:GetFunction", "*"),
        ("logs:PutLogEvents", "*"),
        ("logs:PutLogEvents", arn("logs", "log-group:/aws/lambda/*")),
        ("logs:PutLogEvents", "arn:aws:logs:*:*:*"),
        ("logs:PutLogEvents", "arn:aws:logs:*:*:log-group:/x*"),
        ("logs:CreateLogStream", f"{GROUP}:*"),
    ],
)
def test_leaves_alone_what_is_not_meant(action: str, resource: str) -> None:
    assert edges(allow(action, resource)) == {}


@pytest.mark.parametrize(
    ("action", "resource", "expected"),
    [
        ("sqs:SendMessage", f"{QUEUE[:-2]}*", {QUEUE: B}),
        ("sqs:*", "arn:aws:sqs:*:*:ord?rs", {QUEUE: B}),
        ("sqs:SendMessage", "arn:aws:sqs:*:orders", {QUEUE: B}),
        ("sqs:SendMessage", arn("sqs", "*s"), {QUEUE: B, arn("sqs", "refunds"): B}),
        ("sqs:SendMessage", arn("sqs", "*"), {QUEUE: C, arn("sqs", "refunds"): C}),
        ("sqs:SendMessage", "arn:aws:sqs:eu-*", {QUEUE: C, arn("sqs", "refunds"): C}),
        ("sns:Publish", "*", {TOPIC: C}),
        ("s3:PutObject", "arn:aws:s3:::orders*", {BUCKET: B}),
        ("s3:PutObject", "arn:aws:s3:::*/out/*", {BUCKET: C, "arn:aws:s3:::other": C}),
        ("dynamodb:*", f"{TABLE}*", {TABLE_STREAM: B}),
        ("dynamodb:*", arn("dynamodb", "table/*"), {TABLE_STREAM: C}),
        ("lambda:InvokeFunction", arn("lambda", "function:ref*"), {REFUNDS: B}),
        ("lambda:InvokeFunction", f"{REFUNDS}*", {REFUNDS: B}),
        ("lambda:InvokeFunction", arn("lambda", "function:*:live"), {ORDERS: C, REFUNDS: C}),
        ("logs:PutLogEvents", arn("logs", "log-group:/app/*"), {GROUP: B}),
    ],
)
def test_a_glob_is_less_sure_and_a_wildcard_least(action: str, resource: str, expected: dict[str, Confidence]) -> None:
    assert edges(allow(action, resource)) == expected


VPC = {"StringEquals": {"aws:SourceVpc": "vpc-1"}}


def test_a_doubt_takes_a_step() -> None:
    assert edges(allow("sqs:SendMessage", QUEUE, Condition=VPC)) == {QUEUE: B}
    assert edges(allow("sqs:SendMessage", f"{QUEUE[:-1]}*", Condition=VPC)) == {QUEUE: C}
    (write,) = found(allow("sqs:SendMessage", QUEUE, Condition=VPC))
    assert write.edge.evidence.endswith("condition aws:SourceVpc")


def test_the_surest_statement_counts() -> None:
    assert edges(allow("*", "*"), allow("sqs:SendMessage", QUEUE))[QUEUE] is A


def test_a_denial_and_a_boundary_take_edges_away() -> None:
    everything, queue = allow("sqs:*", "*"), {"Effect": "Deny", "Action": "sqs:Send*", "Resource": QUEUE}
    assert edges(everything, queue) == {arn("sqs", "refunds"): C}
    assert edges(everything, boundary=[allow("*", QUEUE)]) == {QUEUE: C}
    assert edges(everything, boundary=[allow("sns:*", "*")]) == {}


def test_not_resource_is_a_wildcard() -> None:
    assert edges({"Effect": "Allow", "Action": "sqs:*", "NotResource": QUEUE}) == {arn("sqs", "refunds"): C}


def queue_policy(statement: dict[str, Any]) -> Resources:
    policy = resource_policy("queue orders", ACCOUNT, {"Statement": [statement]})
    return Resources(queues=(QUEUE,), policies={QUEUE: policy})


@pytest.mark.parametrize(
    ("principal", "expected"),
    [
        ({"AWS": ROLE}, {QUEUE: A}),
        ({"AWS": f"arn:aws:sts::{ACCOUNT}:assumed-role/orders/orders"}, {QUEUE: B}),
        ("*", {QUEUE: C}),
        ({"AWS": ACCOUNT}, {}),
        ({"AWS": f"{ROLE}-x"}, {}),
        ({"Service": "sns.amazonaws.com"}, {}),
    ],
)
def test_a_queue_may_let_the_role_in(principal: Any, expected: dict[str, Confidence]) -> None:
    assert edges(resources=queue_policy(allow("SQS:SendMessage", QUEUE, Principal=principal))) == expected


def test_a_bucket_may_let_the_role_in_for_one_action() -> None:
    statement = allow("s3:DeleteObject", f"{BUCKET}/in/*", Principal={"AWS": ROLE})
    policies = {BUCKET: resource_policy("bucket", ACCOUNT, {"Statement": statement})}
    (write,) = found(resources=Resources(buckets=(BUCKET,), policies=policies))
    assert write.edge.confidence is A
    assert write.keys == Keys("in/*", ("s3:ObjectRemoved:Delete", "s3:ObjectRemoved:DeleteMarkerCreated"))


@pytest.mark.parametrize(
    "value",
    [
        QUEUE,
        "orders",
        f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/orders",
        f"https://{REGION}.queue.amazonaws.com/{ACCOUNT}/orders",
        f"http://localhost:4566/{ACCOUNT}/orders",
    ],
)
def test_a_variable_that_names_the_resource_narrows_a_wildcard(value: str) -> None:
    writes_found = found(allow("sqs:*", "*"), TARGET=value)
    assert {one.edge.target: one.edge.confidence for one in writes_found} == {QUEUE: B, arn("sqs", "refunds"): C}
    (evidence,) = (one.edge.evidence for one in writes_found if one.edge.target == QUEUE)
    assert evidence.endswith("; environment variable TARGET names it")


@pytest.mark.parametrize(
    "value",
    [
        "",
        "order",
        "Orders",
        QUEUE.replace(ACCOUNT, OTHER),
        f"https://sqs.{REGION}.amazonaws.com/{OTHER}/orders",
        f"https://sqs.us-east-1.amazonaws.com/{ACCOUNT}/orders",
        f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/orders-x",
    ],
)
def test_a_variable_that_names_something_else_does_not(value: str) -> None:
    assert edges(allow("sqs:*", "*"), TARGET=value)[QUEUE] is C


def test_a_variable_alone_is_no_edge() -> None:
    assert edges(allow("sqs:ReceiveMessage", "*"), TARGET=QUEUE) == {}


@pytest.mark.parametrize(
    ("statement", "value", "target"),
    [
        (allow("s3:*", "*"), "orders-files", BUCKET),
        (allow("s3:*", "*"), "s3://orders-files/out/", BUCKET),
        (allow("dynamodb:*", "*"), "orders", TABLE_STREAM),
        (allow("lambda:*", "*"), "refunds", REFUNDS),
        (allow("lambda:*", "*"), f"{REFUNDS}:live", REFUNDS),
        (allow("sns:*", "*"), TOPIC, TOPIC),
    ],
)
def test_reads_names_of_every_sort(statement: dict[str, Any], value: str, target: str) -> None:
    assert edges(statement, X=value)[target] is B
    assert edges(statement, X="unrelated")[target] is C


def test_values_of_variables_are_nowhere_in_the_edges() -> None:
    value = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/orders"
    assert value not in repr(found(allow("sqs:*", "*"), TARGET=value))
    assert value not in repr(Function(ORDERS, ROLE, {"TARGET": value}))


def test_a_function_with_its_own_log_group_or_without_a_role() -> None:
    (write,) = writes([Function(ORDERS, ROLE, log_group="/app/audit")], {}, EVERYTHING)
    assert write.edge.target == GROUP


def test_a_role_is_evaluated_once_for_all_its_functions() -> None:
    roles = {ROLE: role(ROLE, {"inline": {"Statement": allow("sqs:SendMessage", QUEUE)}})}
    both = writes([Function(ORDERS, ROLE), Function(REFUNDS, ROLE)], roles, EVERYTHING)
    assert [(one.edge.source, one.edge.target) for one in both if one.edge.kind is Kind.WRITE] == [
        (ORDERS, QUEUE),
        (REFUNDS, QUEUE),
    ]


# --- keys of buckets --------------------------------------------------------------------------------------------------

CREATED = ("s3:ObjectCreated:*",)


def may_set_off(writes_found: list[Write], keys: str, *events: str) -> bool:
    return any(
        one.keys and one.keys.set_off(events or CREATED, keys) for one in writes_found if one.edge.target == BUCKET
    )


@pytest.mark.parametrize(
    ("statements", "boundary", "yes", "no"),
    [
        ([allow("s3:PutObject", f"{BUCKET}/out/*")], None, ["*", "out/*", "*.png", "o*"], ["in/*", "Out/*"]),
        ([allow("s3:PutObject", f"{BUCKET}*/out/*")], None, ["out/*", "in/*"], []),
        ([allow("s3:PutObject", f"{BUCKET}/*.png")], None, ["in/*", "*.png"], ["*.jpg", "in/*.jpg"]),
        ([allow("s3:PutObject", "arn:aws:s3:::*-files/out/*")], None, ["out/*"], []),
        (
            [allow("s3:*", "*"), {"Effect": "Deny", "Action": "s3:Put*", "Resource": f"{BUCKET}/in/*"}],
            None,
            ["*", "out/*", "i*"],
            ["in/*", "in/*.png"],
        ),
        (
            [allow("s3:*", "*"), {"Effect": "Deny", "Action": "s3:*", "NotResource": f"{BUCKET}/out/*"}],
            None,
            ["*", "out/*"],
            ["in/*"],
        ),
        ([{"Effect": "Allow", "Action": "s3:*", "NotResource": f"{BUCKET}/in/*"}], None, ["*", "out/*"], ["in/*"]),
        ([allow("s3:*", "*")], [allow("s3:*", f"{BUCKET}/out/*")], ["*", "out/a*"], ["in/*"]),
        ([allow("s3:*", "*")], [allow("s3:*", [f"{BUCKET}/out/*", f"{BUCKET}/x"])], ["*", "x"], ["in/*"]),
    ],
)
def test_keys_are_kept(statements: list[Any], boundary: Any, yes: list[str], no: list[str]) -> None:
    kept = found(*statements, boundary=boundary)
    assert [keys for keys in [*yes, *no] if may_set_off(kept, keys)] == yes


@pytest.mark.parametrize(
    ("action", "yes", "no"),
    [
        ("s3:PutObject", "s3:ObjectCreated:Copy", "s3:ObjectRemoved:*"),
        ("s3:PutObject", "s3:ObjectCreated:CompleteMultipartUpload", "s3:ObjectTagging:*"),
        ("s3:DeleteObject", "s3:ObjectRemoved:DeleteMarkerCreated", "s3:ObjectCreated:*"),
        ("s3:RestoreObject", "s3:ObjectRestore:*", "s3:ObjectCreated:*"),
        ("s3:PutObjectTagging", "s3:ObjectTagging:Put", "s3:ObjectTagging:Delete"),
    ],
)
def test_only_what_an_action_causes_is_set_off(action: str, yes: str, no: str) -> None:
    kept = found(allow(action, f"{BUCKET}/*"))
    assert may_set_off(kept, "in/*", yes)
    assert not may_set_off(kept, "in/*", no)


def test_one_statement_about_many_actions_is_one_write() -> None:
    (write,) = found(allow("s3:*", f"{BUCKET}/out/*"))
    assert isinstance(write.keys, Keys)
    assert write.keys.glob == "out/*"
    assert {"s3:ObjectCreated:Put", "s3:ObjectRemoved:Delete"} <= set(write.keys.events)


@given(st.text("ab*?", max_size=6), st.text("ab", max_size=4), st.text("abc", max_size=4))
def test_what_remains_of_a_glob_matches_what_may_follow(glob: str, start: str, rest: str) -> None:
    def is_like(pattern: str, text: str) -> bool:
        return re.fullmatch(pattern.replace("*", ".*").replace("?", "."), text) is not None

    assert any(is_like(one, rest) for one in remainders(glob, start)) is is_like(glob, start + rest)


def test_every_action_is_one_that_iam_knows() -> None:
    services = {action.partition(":")[0] for action in ACTIONS}
    known = {action for service in services for action in get_actions_for_service(service)}
    assert known >= ACTIONS


def test_a_role_that_several_functions_have_is_less_sure_of_each() -> None:
    document = {"Version": "2012-10-17", "Statement": [allow("sqs:SendMessage", QUEUE)]}
    roles = {ROLE: role(ROLE, {"inline": document}, None)}
    two = [Function(ORDERS, ROLE, {"QUEUE": QUEUE}), Function(REFUNDS, ROLE)]
    sent = {one.edge.source: one.edge for one in writes(two, roles, EVERYTHING) if one.edge.target == QUEUE}
    assert (sent[ORDERS].confidence, sent[REFUNDS].confidence) == (A, B), "the environment names it for one of them"
    assert "several functions have the role" in sent[REFUNDS].evidence
    (alone,) = [one.edge for one in writes(two[1:], roles, EVERYTHING) if one.edge.target == QUEUE]
    assert alone.confidence is A
