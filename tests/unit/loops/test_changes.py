"""What an event of an API call says has to be read again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from functions.core.event import Malformed
from functions.playbooks.recursive_loop.changes import CALLS, Changed, What, changed

OWNER, REGION = "222222222222", "eu-west-1"
QUEUE_URL = f"https://sqs.{REGION}.amazonaws.com/{OWNER}/jobs"


def arn(service: str, resource: str, owner: str = OWNER, region: str = REGION) -> str:
    return f"arn:aws:{service}:{region}:{owner}:{resource}"


TOPIC, MACHINE = arn("sns", "orders"), arn("states", "stateMachine:sort")
POLICY = f"arn:aws:iam::{OWNER}:policy/team/send"


def event(service: str, name: str, request: Any, response: Any = None, **detail: Any) -> dict[str, Any]:
    return {
        "detail-type": "AWS API Call via CloudTrail",
        "source": f"aws.{service}",
        "account": OWNER,
        "region": REGION,
        "detail": {
            "eventSource": f"{service}.amazonaws.com",
            "eventName": name,
            "recipientAccountId": OWNER,
            "requestParameters": request,
            "responseElements": response,
            **detail,
        },
    }


FUNCTION = {"functionName": "work"}
BUS = {"name": "orders", "eventBusName": "shop"}
Case = tuple[str, str, dict[str, Any], dict[str, Any] | None, What, str]
CASES: list[Case] = [
    ("lambda", "CreateFunction20150331", FUNCTION, None, What.FUNCTION, "work"),
    ("lambda", "CreateFunction20150331", {"functionName": arn("lambda", "function:work")}, None, What.FUNCTION, "work"),
    ("lambda", "UpdateFunctionConfiguration20150331v2", FUNCTION, None, What.FUNCTION, "work"),
    ("lambda", "UpdateFunctionCode20150331v2", {**FUNCTION, "dryRun": False}, None, What.FUNCTION, "work"),
    ("lambda", "DeleteFunction20150331", {"functionName": "work:3"}, None, What.FUNCTION, "work"),
    ("lambda", "CreateEventSourceMapping20150331", FUNCTION, {"uUID": "u-1"}, What.MAPPING, "u-1"),
    ("lambda", "UpdateEventSourceMapping20150331", {"uUID": "u-1"}, None, What.MAPPING, "u-1"),
    ("lambda", "DeleteEventSourceMapping20150331", {"uuid": "u-1"}, None, What.MAPPING, "u-1"),
    ("lambda", "AddPermission20150331v2", {"sourceArn": "arn:aws:s3:::images"}, None, What.BUCKET, "images"),
    ("lambda", "AddPermission20150331v2", {"sourceArn": TOPIC}, None, What.TOPIC, "orders"),
    ("lambda", "AddPermission20150331v2", {"sourceArn": arn("events", "rule/in")}, None, What.RULE, "default/in"),
    ("lambda", "AddPermission20150331v2", {"sourceArn": arn("events", "rule/shop/in")}, None, What.RULE, "shop/in"),
    (
        *("lambda", "AddPermission20150331v2", {"sourceArn": arn("logs", "log-group:/aws/lambda/work:*")}, None),
        *(What.LOG_GROUP, "/aws/lambda/work"),
    ),
    ("lambda", "PutFunctionEventInvokeConfig", FUNCTION, None, What.DESTINATIONS, "work"),
    ("lambda", "UpdateFunctionEventInvokeConfig", FUNCTION, None, What.DESTINATIONS, "work"),
    ("lambda", "DeleteFunctionEventInvokeConfig", {"functionName": "work:live"}, None, What.DESTINATIONS, "work"),
    ("s3", "CreateBucket", {"bucketName": "images"}, None, What.BUCKET, "images"),
    (
        *("s3", "CreateBucket"),
        *({"bucketName": "a", "CreateBucketConfiguration": {"LocationConstraint": REGION}}, None, What.BUCKET, "a"),
    ),
    ("s3", "DeleteBucket", {"bucketName": "images"}, None, What.BUCKET, "images"),
    ("s3", "PutBucketNotification", {"bucketName": "images", "notification": ""}, None, What.BUCKET, "images"),
    ("sns", "Subscribe", {"topicArn": TOPIC, "protocol": "lambda"}, None, What.TOPIC, "orders"),
    ("sns", "ConfirmSubscription", {"topicArn": TOPIC}, None, What.TOPIC, "orders"),
    ("sns", "DeleteTopic", {"topicArn": TOPIC}, None, What.TOPIC, "orders"),
    ("sns", "Unsubscribe", {"subscriptionArn": f"{TOPIC}:s-1"}, None, What.TOPIC, "orders"),
    ("sns", "SetSubscriptionAttributes", {"subscriptionArn": f"{TOPIC}:s-1"}, None, What.TOPIC, "orders"),
    ("events", "PutRule", BUS, {"ruleArn": arn("events", "rule/shop/orders")}, What.RULE, "shop/orders"),
    ("events", "DeleteRule", {"name": "orders"}, None, What.RULE, "default/orders"),
    ("events", "EnableRule", BUS, None, What.RULE, "shop/orders"),
    ("events", "DisableRule", {**BUS, "eventBusName": arn("events", "event-bus/shop")}, None, What.RULE, "shop/orders"),
    ("events", "PutTargets", {"rule": "orders", "eventBusName": "aws.partner/x/y"}, None, What.RULE,
     "aws.partner/x/y/orders"),
    ("events", "RemoveTargets", {"rule": "orders"}, None, What.RULE, "default/orders"),
    ("sqs", "CreateQueue", {"queueName": "jobs"}, {"queueUrl": QUEUE_URL}, What.QUEUE, "jobs"),
    ("sqs", "SetQueueAttributes", {"queueUrl": QUEUE_URL}, None, What.QUEUE, "jobs"),
    ("sqs", "AddPermission", {"queueUrl": QUEUE_URL}, None, What.QUEUE, "jobs"),
    ("sqs", "RemovePermission", {"queueUrl": QUEUE_URL}, None, What.QUEUE, "jobs"),
    ("sqs", "DeleteQueue", {"queueUrl": QUEUE_URL + "/"}, None, What.QUEUE, "jobs"),
    *[
        ("pipes", f"{verb}Pipe", {"name": "move"}, None, What.PIPE, "move")
        for verb in ("Create", "Update", "Delete", "Start", "Stop")
    ],
    ("scheduler", "CreateSchedule", {"name": "nightly"}, None, What.SCHEDULE, "default/nightly"),
    ("scheduler", "UpdateSchedule", {"name": "nightly", "groupName": "ops"}, None, What.SCHEDULE, "ops/nightly"),
    ("scheduler", "DeleteSchedule", {"name": "nightly"}, None, What.SCHEDULE, "default/nightly"),
    ("states", "CreateStateMachine", {"name": "sort"}, {"stateMachineArn": MACHINE}, What.STATE_MACHINE, "sort"),
    ("states", "UpdateStateMachine", {"stateMachineArn": MACHINE}, None, What.STATE_MACHINE, "sort"),
    ("states", "DeleteStateMachine", {"stateMachineArn": f"{MACHINE}:2"}, None, What.STATE_MACHINE, "sort"),
    *[
        ("logs", name, {"logGroupName": "/aws/lambda/work"}, None, What.LOG_GROUP, "/aws/lambda/work")
        for name in ("PutSubscriptionFilter", "DeleteSubscriptionFilter", "DeleteLogGroup")
    ],
    *[
        ("iam", name, {"roleName": "work", "policyArn": POLICY}, None, What.ROLE, "work")
        for name in (
            "PutRolePolicy",
            "DeleteRolePolicy",
            "AttachRolePolicy",
            "DetachRolePolicy",
            "PutRolePermissionsBoundary",
            "DeleteRolePermissionsBoundary",
            "DeleteRole",
        )
    ],
    *[
        ("iam", name, {"policyArn": POLICY}, None, What.POLICY, POLICY)
        for name in ("CreatePolicyVersion", "SetDefaultPolicyVersion", "DeletePolicyVersion")
    ],
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[1]} {case[5]}")
def test_a_call_says_what_has_to_be_read_again(case: Case) -> None:
    service, name, request, response, what, expected = case
    given = {**FUNCTION, **request} if service == "lambda" and "Mapping" not in name else request
    assert changed(event(service, name, given, response)) == (Changed(what, expected),)


def test_every_call_has_its_case() -> None:
    told = {(service, name) for service, names in CALLS.items() for name in names}
    silent = {("lambda", "RemovePermission20150331v2")}
    assert told - silent == {(case[0], case[1]) for case in CASES}


@pytest.mark.parametrize(
    ("service", "name", "request_"),
    [
        ("lambda", "UpdateFunctionCode20150331v2", {**FUNCTION, "dryRun": True}),
        ("lambda", "RemovePermission20150331v2", {**FUNCTION, "statementId": "s"}),
        ("lambda", "AddPermission20150331v2", {**FUNCTION, "principal": "apigateway.amazonaws.com"}),
        ("lambda", "AddPermission20150331v2", {**FUNCTION, "sourceArn": "arn:aws:s3:::*"}),
        ("lambda", "AddPermission20150331v2", {**FUNCTION, "sourceArn": arn("sns", "orders", owner="3" * 12)}),
        ("lambda", "AddPermission20150331v2", {**FUNCTION, "sourceArn": arn("execute-api", "a1/*/GET/")}),
        ("lambda", "CreateFunction20150331", {"functionName": arn("lambda", "function:a", owner="3" * 12)}),
        ("lambda", "PutFunctionEventInvokeConfig", {"functionName": arn("lambda", "function:a", region="us-east-1")}),
        ("lambda", "TagResource20170331v2", {"resource": arn("lambda", "function:a")}),
        ("lambda", "SomethingNew20301231", None),
        ("s3", "CreateBucket", {"bucketName": "a", "CreateBucketConfiguration": {"LocationConstraint": "us-west-2"}}),
        ("sns", "Subscribe", {"topicArn": arn("sns", "orders", owner="3" * 12)}),
        ("sqs", "SetQueueAttributes", {"queueUrl": QUEUE_URL.replace(OWNER, "3" * 12)}),
        ("events", "PutRule", {"name": "a", "eventBusName": arn("events", "event-bus/hub", owner="3" * 12)}),
        ("ec2", "RunInstances", {}),
    ],
)
def test_a_call_that_changes_nothing_here_is_nothing(service: str, name: str, request_: Any) -> None:
    assert changed(event(service, name, request_)) == ()


@pytest.mark.parametrize(
    "detail",
    [
        {"errorCode": "AccessDenied"},
        {"recipientAccountId": "3" * 12},
        {"resources": [{"accountId": "3" * 12, "type": "AWS::S3::Bucket", "ARN": "arn:aws:s3:::images"}]},
    ],
)
def test_a_call_that_failed_or_was_about_another_account_is_nothing(detail: dict[str, Any]) -> None:
    assert changed(event("s3", "PutBucketNotification", {"bucketName": "images"}, **detail)) == ()


def test_other_events_are_nothing() -> None:
    given = event("s3", "PutBucketNotification", {"bucketName": "images"})
    assert changed({**given, "detail-type": "AWS Service Event via CloudTrail"}) == ()


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ([], "the event is not an object"),
        ({}, "detail is not an object"),
        ({**event("s3", "x", {}), "source": None}, "source is missing"),
        ({**event("s3", "x", {}), "account": 7}, "account is not text"),
        ({**event("s3", "DeleteBucket", {"bucketName": "a"}), "region": ""}, "region is not text"),
        (event("s3", "DeleteBucket", ["a"]), "detail.requestParameters is not an object"),
        (event("s3", "DeleteBucket", {}), "detail.requestParameters.bucketName is missing"),
        (event("iam", "DeleteRole", {"roleName": ["a"]}), "detail.requestParameters.roleName is not text"),
        (event("lambda", "CreateEventSourceMapping20150331", FUNCTION), "detail.responseElements.uUID is missing"),
        (
            event("lambda", "DeleteFunction20150331", {"functionName": "a b"}),
            "detail.requestParameters.functionName: 'a b' is not a function name",
        ),
        (
            event("sqs", "DeleteQueue", {"queueUrl": "jobs"}),
            "detail.requestParameters.queueUrl is no URL of a queue",
        ),
    ],
)
def test_what_cannot_be_read_says_why(given: object, why: str) -> None:
    with pytest.raises(Malformed, match=f"^{why.replace('.', '[.]')}$"):
        changed(given)


@pytest.mark.parametrize("path", sorted(Path("events").glob("cloudtrail-*.json")), ids=lambda path: path.stem)
def test_sample_events_are_understood(path: Path) -> None:
    found = changed(json.loads(path.read_text()))
    assert all(one.name for one in found)
