"""Whoever connects a function to something, or takes it off, is seen on the default bus: by call and by stack."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from warden.local.emulator import Emulator

from .resources import (
    MEMBER,
    allow,
    collect,
    collected,
    create_function,
    create_queue,
    create_role,
    trust,
    until,
)

PLACE = f"us-east-1:{MEMBER}"
FUNCTION = f"arn:aws:lambda:{PLACE}:function:orders"
QUEUE = f"arn:aws:sqs:{PLACE}:source"
TOPIC = f"arn:aws:sns:{PLACE}:orders"
ROLE = f"arn:aws:iam::{MEMBER}:role/service"
MACHINE = f"arn:aws:states:{PLACE}:stateMachine:orders"
DEFINITION = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
PATTERN = json.dumps({"source": ["orders"]})
NAMED = {"FunctionName": "orders"}
SCHEDULE = {
    "Name": "nightly",
    "ScheduleExpression": "rate(1 day)",
    "FlexibleTimeWindow": {"Mode": "OFF"},
    "Target": {"Arn": FUNCTION, "RoleArn": ROLE},
}
NOTIFICATION = {"LambdaFunctionArn": FUNCTION, "Events": ["s3:ObjectCreated:*"], "Id": "1"}
# (service, source of its events, [(call, eventName, what is in requestParameters)])
Calls = list[tuple[Callable[[Any], Any], str, dict[str, Any]]]


def mapping_of(client: Any) -> str:
    (found,) = client.list_event_source_mappings()["EventSourceMappings"]
    return str(found["UUID"])


def subscription_of(client: Any) -> str:
    return str(client.list_subscriptions()["Subscriptions"][0]["SubscriptionArn"])


def url_of(client: Any) -> str:
    return str(client.get_queue_url(QueueName="source")["QueueUrl"])


S3: Calls = [
    (lambda c: c.create_bucket(Bucket="uploads"), "CreateBucket", {"bucketName": "uploads"}),
    (
        lambda c: c.put_bucket_notification_configuration(
            Bucket="uploads", NotificationConfiguration={"LambdaFunctionConfigurations": [NOTIFICATION]}
        ),
        "PutBucketNotification",
        {
            "bucketName": "uploads",
            "NotificationConfiguration": {
                "CloudFunctionConfiguration": {"Id": "1", "CloudFunction": FUNCTION, "Event": "s3:ObjectCreated:*"}
            },
        },
    ),
    (lambda c: c.delete_bucket(Bucket="uploads"), "DeleteBucket", {"bucketName": "uploads"}),
]
SNS: Calls = [
    (
        lambda c: c.subscribe(TopicArn=TOPIC, Protocol="lambda", Endpoint=FUNCTION),
        "Subscribe",
        {"topicArn": TOPIC, "protocol": "lambda", "endpoint": FUNCTION},
    ),
    (
        lambda c: c.set_subscription_attributes(
            SubscriptionArn=subscription_of(c), AttributeName="FilterPolicyScope", AttributeValue="MessageBody"
        ),
        "SetSubscriptionAttributes",
        {"attributeName": "FilterPolicyScope", "attributeValue": "MessageBody"},
    ),
    (lambda c: c.unsubscribe(SubscriptionArn=subscription_of(c)), "Unsubscribe", {}),
    (lambda c: c.delete_topic(TopicArn=TOPIC), "DeleteTopic", {"topicArn": TOPIC}),
]
EVENTS: Calls = [
    (lambda c: c.put_rule(Name="orders", EventPattern=PATTERN), "PutRule", {"name": "orders"}),
    (
        lambda c: c.put_targets(Rule="orders", Targets=[{"Id": "1", "Arn": FUNCTION, "InputPath": "$.detail"}]),
        "PutTargets",
        {"rule": "orders", "targets": [{"id": "1", "arn": FUNCTION, "inputPath": "$.detail"}]},
    ),
    (lambda c: c.disable_rule(Name="orders"), "DisableRule", {"name": "orders"}),
    (lambda c: c.enable_rule(Name="orders"), "EnableRule", {"name": "orders"}),
    (lambda c: c.remove_targets(Rule="orders", Ids=["1"]), "RemoveTargets", {"rule": "orders", "ids": ["1"]}),
    (lambda c: c.delete_rule(Name="orders"), "DeleteRule", {"name": "orders"}),
]
SQS: Calls = [
    (
        lambda c: c.set_queue_attributes(QueueUrl=url_of(c), Attributes={"VisibilityTimeout": "31"}),
        "SetQueueAttributes",
        {"attributes": {"VisibilityTimeout": "31"}},
    ),
    (lambda c: c.delete_queue(QueueUrl=url_of(c)), "DeleteQueue", {}),
]
PIPES: Calls = [
    (
        lambda c: c.create_pipe(Name="orders", Source=QUEUE, Target=FUNCTION, RoleArn=ROLE),
        "CreatePipe",
        {"name": "orders", "source": QUEUE, "target": FUNCTION, "roleArn": ROLE},
    ),
    (lambda c: c.stop_pipe(Name="orders"), "StopPipe", {"name": "orders"}),
    (lambda c: c.start_pipe(Name="orders"), "StartPipe", {"name": "orders"}),
    (lambda c: c.update_pipe(Name="orders", RoleArn=ROLE), "UpdatePipe", {"name": "orders", "roleArn": ROLE}),
    (lambda c: c.delete_pipe(Name="orders"), "DeletePipe", {"name": "orders"}),
]
SCHEDULER: Calls = [
    (
        lambda c: c.create_schedule(**SCHEDULE),
        "CreateSchedule",
        {"name": "nightly", "target": {"arn": FUNCTION, "roleArn": ROLE}},
    ),
    (
        lambda c: c.update_schedule(**SCHEDULE, State="DISABLED"),
        "UpdateSchedule",
        {"name": "nightly", "state": "DISABLED"},
    ),
    (lambda c: c.delete_schedule(Name="nightly"), "DeleteSchedule", {"name": "nightly"}),
]
STATES: Calls = [
    (
        lambda c: c.create_state_machine(name="orders", definition=DEFINITION, roleArn=ROLE),
        "CreateStateMachine",
        {"name": "orders", "roleArn": ROLE, "definition": "HIDDEN_DUE_TO_SECURITY_REASONS"},
    ),
    (
        lambda c: c.update_state_machine(stateMachineArn=MACHINE, definition=DEFINITION),
        "UpdateStateMachine",
        {"stateMachineArn": MACHINE},
    ),
    (lambda c: c.delete_state_machine(stateMachineArn=MACHINE), "DeleteStateMachine", {"stateMachineArn": MACHINE}),
]
LOGS: Calls = [
    (
        lambda c: c.put_subscription_filter(
            logGroupName="/orders", filterName="f", filterPattern="", destinationArn=FUNCTION
        ),
        "PutSubscriptionFilter",
        {"logGroupName": "/orders", "filterName": "f", "destinationArn": FUNCTION},
    ),
    (
        lambda c: c.delete_subscription_filter(logGroupName="/orders", filterName="f"),
        "DeleteSubscriptionFilter",
        {"logGroupName": "/orders", "filterName": "f"},
    ),
]
DESTINATION = {"OnFailure": {"Destination": QUEUE}}
LAMBDA: Calls = [
    (
        lambda c: c.create_event_source_mapping(**NAMED, EventSourceArn=QUEUE, Enabled=False),
        "CreateEventSourceMapping20150331",
        {"functionName": "orders", "eventSourceArn": QUEUE, "enabled": False},
    ),
    (
        lambda c: c.update_event_source_mapping(UUID=mapping_of(c), Enabled=True),
        "UpdateEventSourceMapping20150331",
        {"enabled": True},
    ),
    (
        lambda c: until(lambda: settled(c)) and c.delete_event_source_mapping(UUID=mapping_of(c)),
        "DeleteEventSourceMapping20150331",
        {},
    ),
    (
        lambda c: c.add_permission(
            **NAMED, StatementId="s", Action="lambda:InvokeFunction", Principal="sns.amazonaws.com", SourceArn=TOPIC
        ),
        "AddPermission20150331v2",
        {"functionName": "orders", "principal": "sns.amazonaws.com", "sourceArn": TOPIC},
    ),
    (
        lambda c: c.remove_permission(**NAMED, StatementId="s"),
        "RemovePermission20150331v2",
        {"functionName": "orders", "statementId": "s"},
    ),
    (
        lambda c: c.put_function_event_invoke_config(**NAMED, DestinationConfig=DESTINATION),
        "PutFunctionEventInvokeConfig",
        {"functionName": "orders", "destinationConfig": {"onFailure": {"destination": QUEUE}}},
    ),
    (
        lambda c: c.update_function_event_invoke_config(**NAMED, MaximumRetryAttempts=1),
        "UpdateFunctionEventInvokeConfig",
        {"functionName": "orders", "maximumRetryAttempts": 1},
    ),
    (
        lambda c: c.delete_function_event_invoke_config(**NAMED),
        "DeleteFunctionEventInvokeConfig",
        {"functionName": "orders"},
    ),
    (
        lambda c: c.put_function_recursion_config(**NAMED, RecursiveLoop="Allow"),
        "PutFunctionRecursionConfig",
        {"functionName": "orders", "recursiveLoop": "Allow"},
    ),
]


def settled(client: Any) -> bool:
    return bool(client.get_event_source_mapping(UUID=mapping_of(client))["State"] == "Enabled")


@pytest.fixture
def account(emulator: Emulator) -> Emulator:
    """An account with a function, and things to connect it to."""
    create_function(emulator, MEMBER, "orders", allowed=["sqs:*"])
    create_queue(emulator, MEMBER, "source")
    emulator.client("sns", MEMBER).create_topic(Name="orders")
    emulator.client("logs", MEMBER).create_log_group(logGroupName="/orders")
    emulator.client("lambda", MEMBER).add_permission(
        FunctionName="orders", StatementId="l", Action="lambda:InvokeFunction", Principal="logs.amazonaws.com"
    )
    trusts = [trust(f"{service}.amazonaws.com") for service in ("pipes", "scheduler", "states")]
    create_role(emulator, MEMBER, "service", allow("sqs:*", "lambda:*"), trusts=trusts)
    return emulator


def watch(aws: Emulator, service: str) -> None:
    collect(aws, MEMBER, {"source": [f"aws.{service}"], "detail-type": ["AWS API Call via CloudTrail"]})


@pytest.mark.parametrize(
    ("service", "shown_as", "calls"),
    [
        ("s3", "s3", S3),
        ("sns", "sns", SNS),
        ("events", "events", EVENTS),
        ("sqs", "sqs", SQS),
        ("pipes", "pipes", PIPES),
        ("scheduler", "scheduler", SCHEDULER),
        ("stepfunctions", "states", STATES),
        ("logs", "logs", LOGS),
        ("lambda", "lambda", LAMBDA),
    ],
    ids=["s3", "sns", "events", "sqs", "pipes", "scheduler", "states", "logs", "lambda"],
)
def test_a_call_that_connects_or_disconnects_is_seen(
    account: Emulator, service: str, shown_as: str, calls: Calls
) -> None:
    watch(account, shown_as)
    for call, _, _ in calls:
        call(account.client(service, MEMBER))
    # The rule that collects is one of EventBridge's own.
    details = [one["detail"] for one in collected(account, MEMBER) if "collect" not in json.dumps(one["detail"])]
    assert [detail["eventName"] for detail in details] == [name for _, name, _ in calls]
    for detail, (_, _, parameters) in zip(details, calls, strict=True):
        assert detail["eventSource"] == f"{shown_as}.amazonaws.com"
        assert detail["requestParameters"].items() >= parameters.items()
        assert "errorCode" not in detail


def deploy(aws: Emulator, resources: dict[str, Any]) -> None:
    client = aws.client("cloudformation", MEMBER)
    client.create_stack(StackName="loop", TemplateBody=json.dumps({"Resources": resources}))
    until(lambda: client.describe_stacks(StackName="loop")["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE")


CREATED: list[tuple[str, dict[str, Any], list[tuple[str, dict[str, Any]]]]] = [
    (
        "s3",
        {
            "Type": "AWS::S3::Bucket",
            "Properties": {
                "BucketName": "uploads",
                "NotificationConfiguration": {
                    "LambdaConfigurations": [{"Event": "s3:ObjectCreated:*", "Function": FUNCTION}]
                },
            },
        },
        [("CreateBucket", {"bucketName": "uploads"}), ("PutBucketNotification", {"bucketName": "uploads"})],
    ),
    (
        "sns",
        {
            "Type": "AWS::SNS::Subscription",
            "Properties": {"TopicArn": TOPIC, "Protocol": "lambda", "Endpoint": FUNCTION},
        },
        [("Subscribe", {"topicArn": TOPIC, "protocol": "lambda", "endpoint": FUNCTION})],
    ),
    (
        "events",
        {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "Name": "orders",
                "EventPattern": {"source": ["orders"]},
                "Targets": [{"Id": "1", "Arn": FUNCTION}],
            },
        },
        [
            ("PutRule", {"name": "orders"}),
            ("PutTargets", {"rule": "orders", "targets": [{"id": "1", "arn": FUNCTION}]}),
        ],
    ),
    (
        "pipes",
        {
            "Type": "AWS::Pipes::Pipe",
            "Properties": {"Name": "orders", "Source": QUEUE, "Target": FUNCTION, "RoleArn": ROLE},
        },
        [("CreatePipe", {"name": "orders", "source": QUEUE, "target": FUNCTION})],
    ),
    (
        "scheduler",
        {"Type": "AWS::Scheduler::Schedule", "Properties": SCHEDULE},
        [("CreateSchedule", {"name": "nightly", "target": {"arn": FUNCTION, "roleArn": ROLE}})],
    ),
    (
        "states",
        {
            "Type": "AWS::StepFunctions::StateMachine",
            "Properties": {"StateMachineName": "orders", "DefinitionString": DEFINITION, "RoleArn": ROLE},
        },
        [("CreateStateMachine", {"name": "orders", "roleArn": ROLE})],
    ),
    (
        "logs",
        {
            "Type": "AWS::Logs::SubscriptionFilter",
            "Properties": {"LogGroupName": "/orders", "FilterPattern": "", "DestinationArn": FUNCTION},
        },
        [("PutSubscriptionFilter", {"logGroupName": "/orders", "destinationArn": FUNCTION})],
    ),
]


@pytest.mark.parametrize(("service", "resource", "expected"), CREATED, ids=[one[0] for one in CREATED])
def test_a_stack_that_connects_is_seen(
    account: Emulator, service: str, resource: dict[str, Any], expected: list[tuple[str, dict[str, Any]]]
) -> None:
    watch(account, service)
    deploy(account, {"Made": resource})
    details = [one["detail"] for one in collected(account, MEMBER) if "collect" not in json.dumps(one["detail"])]
    assert [detail["eventName"] for detail in details] == [name for name, _ in expected]
    for detail, (_, parameters) in zip(details, expected, strict=True):
        assert detail["requestParameters"].items() >= parameters.items()
        assert detail["userIdentity"]["invokedBy"] == "cloudformation.amazonaws.com"
    if service == "s3":
        shown = details[1]["requestParameters"]["NotificationConfiguration"]["CloudFunctionConfiguration"]
        assert (shown["CloudFunction"], shown["Event"]) == (FUNCTION, "s3:ObjectCreated:*")
    if service == "sns":
        assert details[0]["responseElements"]["subscriptionArn"].startswith(TOPIC)
