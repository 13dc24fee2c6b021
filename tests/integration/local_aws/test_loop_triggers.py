"""Swapping a function for a queue in a bucket's, a topic's and a rule's targets: what is refused, what gets through."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from warden.local.emulator import Emulator

from .resources import MEMBER, create_function, create_queue, document

PLACE = f"us-east-1:{MEMBER}"
QUEUE = f"arn:aws:sqs:{PLACE}:quarantine"
RULE = f"arn:aws:events:{PLACE}:rule/orders"


def admit(aws: Emulator, service: str, source: str, account: str = MEMBER) -> None:
    """Let a service send to the quarantine queue for one source of one account."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sqs:SendMessage",
        "Resource": QUEUE,
        "Condition": {"ArnLike": {"aws:SourceArn": source}, "StringEquals": {"aws:SourceAccount": account}},
    }
    sqs = aws.client("sqs", MEMBER)
    url = sqs.create_queue(QueueName="quarantine")["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": document(statement)})


def held(aws: Emulator) -> list[Any]:
    assert aws.idle()
    return [json.loads(one["body"]) for one in aws.dead_letters(MEMBER, "quarantine")]


def entry(prefix: str = "", suffix: str = "", events: str = "s3:ObjectCreated:*", **target: str) -> dict[str, Any]:
    rules = [{"Name": name, "Value": value} for name, value in (("prefix", prefix), ("suffix", suffix)) if value]
    return {"Events": [events], **({"Filter": {"Key": {"FilterRules": rules}}} if rules else {}), **target}


class TestBuckets:
    @pytest.fixture
    def bucket(self, emulator: Emulator) -> Callable[..., None]:
        """Configure the notifications of a bucket."""
        s3 = emulator.client("s3", MEMBER)
        s3.create_bucket(Bucket="uploads")

        def notify(**configuration: Any) -> None:
            s3.put_bucket_notification_configuration(Bucket="uploads", NotificationConfiguration=configuration)

        return notify

    @pytest.mark.parametrize(
        ("source", "account"), [("arn:aws:s3:::other", MEMBER), ("arn:aws:s3:::uploads", "111111111111")]
    )
    def test_notify_no_queue_whose_policy_admits_another(
        self, emulator: Emulator, bucket: Callable[..., None], source: str, account: str
    ) -> None:
        admit(emulator, "s3.amazonaws.com", source, account)
        with pytest.raises(ClientError, match="Unable to validate the following destination configurations") as refused:
            bucket(QueueConfigurations=[entry(QueueArn=QUEUE)])
        assert refused.value.response["Error"]["Code"] == "InvalidArgument"
        admit(emulator, "s3.amazonaws.com", "arn:aws:s3:::uploads")
        bucket(QueueConfigurations=[entry(QueueArn=QUEUE)])
        emulator.client("s3", MEMBER).put_object(Bucket="uploads", Key="k", Body=b"x")
        assert [body.get("Event") or body["Records"][0]["eventName"] for body in held(emulator)] == [
            "s3:TestEvent",
            "ObjectCreated:Put",
        ]

    def test_keep_what_they_were_given(self, emulator: Emulator, bucket: Callable[..., None]) -> None:
        admit(emulator, "s3.amazonaws.com", "arn:aws:s3:::uploads")
        function = create_function(emulator, MEMBER, "orders")
        given = {
            "QueueConfigurations": [{"Id": "held", **entry("in/", ".jpg", QueueArn=QUEUE)}],
            "LambdaFunctionConfigurations": [{"Id": "kept", **entry("out/", LambdaFunctionArn=function)}],
            "EventBridgeConfiguration": {},
        }
        bucket(**given)
        found = emulator.client("s3", MEMBER).get_bucket_notification_configuration(Bucket="uploads")
        assert {name: found[name] for name in given} == given

    @pytest.mark.parametrize(
        "other",
        [entry(), entry("in/raw/"), entry("i", ".jpg"), entry("in/", events="s3:ObjectCreated:Put")],
        ids=["everything", "deeper", "a-suffix-too", "one-of-the-events"],
    )
    def test_refuse_two_entries_for_one_event(
        self, emulator: Emulator, bucket: Callable[..., None], other: dict[str, Any]
    ) -> None:
        admit(emulator, "s3.amazonaws.com", "arn:aws:s3:::uploads")
        function = create_function(emulator, MEMBER, "orders")
        own = entry("in/", LambdaFunctionArn=function)
        with pytest.raises(ClientError, match="Configuration is ambiguously defined"):
            bucket(LambdaFunctionConfigurations=[own], QueueConfigurations=[{**other, "QueueArn": QUEUE}])

    @pytest.mark.parametrize(
        "other",
        [entry("out/"), entry("in/", ".png"), entry("in/", ".jpg", "s3:ObjectRemoved:*")],
        ids=["prefix", "suffix", "event"],
    )
    def test_take_entries_that_nothing_is_common_to(
        self, emulator: Emulator, bucket: Callable[..., None], other: dict[str, Any]
    ) -> None:
        admit(emulator, "s3.amazonaws.com", "arn:aws:s3:::uploads")
        function = create_function(emulator, MEMBER, "orders")
        own = entry("in/", ".jpg", LambdaFunctionArn=function)
        bucket(LambdaFunctionConfigurations=[own], QueueConfigurations=[{**other, "QueueArn": QUEUE}])


class TestTopics:
    @pytest.mark.parametrize(
        ("scope", "attributes", "bodies"),
        [
            ("MessageBody", [1, 9], [{"n": 5}]),
            ("MessageAttributes", [9, 1], [{"n": 5}]),
        ],
    )
    def test_hand_the_raw_messages_that_the_filter_takes_to_a_queue(
        self, emulator: Emulator, scope: str, attributes: list[int], bodies: list[Any]
    ) -> None:
        sns = emulator.client("sns", MEMBER)
        topic = sns.create_topic(Name="orders")["TopicArn"]
        admit(emulator, "sns.amazonaws.com", topic)
        given = {
            "FilterPolicy": json.dumps({"n": [{"numeric": [">", 3]}]}),
            "FilterPolicyScope": scope,
            "RawMessageDelivery": "true",
        }
        subscription = sns.subscribe(
            TopicArn=topic, Protocol="sqs", Endpoint=QUEUE, Attributes=given, ReturnSubscriptionArn=True
        )["SubscriptionArn"]
        found = sns.get_subscription_attributes(SubscriptionArn=subscription)["Attributes"]
        assert {name: found[name] for name in given} == given
        for body, attribute in zip(({"n": 5}, {"n": 2}), attributes, strict=True):
            named = {"n": {"DataType": "Number", "StringValue": str(attribute)}}
            sns.publish(TopicArn=topic, Message=json.dumps(body), MessageAttributes=named)
        assert held(emulator) == bodies

    def test_do_not_reach_a_queue_whose_policy_admits_another(self, emulator: Emulator) -> None:
        sns = emulator.client("sns", MEMBER)
        topic = sns.create_topic(Name="orders")["TopicArn"]
        admit(emulator, "sns.amazonaws.com", f"arn:aws:sns:{PLACE}:other")
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=QUEUE)
        sns.publish(TopicArn=topic, Message="{}")
        assert held(emulator) == []


class TestRules:
    @pytest.fixture
    def events(self, emulator: Emulator) -> Any:
        """A client, and the rule ``orders`` that the quarantine queue admits."""
        admit(emulator, "events.amazonaws.com", RULE)
        client = emulator.client("events", MEMBER)
        client.put_rule(Name="orders", EventPattern=json.dumps({"source": ["orders"]}))
        return client

    def test_keep_every_field_of_a_target(self, emulator: Emulator, events: Any) -> None:
        transformer = {"InputPathsMap": {"n": "$.detail.n"}, "InputTemplate": '{"number": <n>}'}
        targets = [
            {
                "Id": "transformed",
                "Arn": QUEUE,
                "InputTransformer": transformer,
                "RoleArn": f"arn:aws:iam::{MEMBER}:role/events",
                "DeadLetterConfig": {"Arn": create_queue(emulator, MEMBER, "dead")},
                "RetryPolicy": {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 100},
                "SqsParameters": {"MessageGroupId": "g"},
            },
            {"Id": "part", "Arn": QUEUE, "InputPath": "$.detail"},
            {"Id": "constant", "Arn": QUEUE, "Input": '{"fixed": true}'},
        ]
        events.put_targets(Rule="orders", Targets=targets)
        assert events.list_targets_by_rule(Rule="orders")["Targets"] == targets
        events.put_events(Entries=[{"Source": "orders", "DetailType": "d", "Detail": '{"n": 4}'}])
        assert held(emulator) == [{"number": 4}, {"n": 4}, {"fixed": True}]
        events.remove_targets(Rule="orders", Ids=["part"])
        assert events.list_targets_by_rule(Rule="orders")["Targets"] == [targets[0], targets[2]]

    def test_have_five_targets_at_most(self, events: Any) -> None:
        events.put_targets(Rule="orders", Targets=[{"Id": str(number), "Arn": QUEUE} for number in range(5)])
        events.put_targets(Rule="orders", Targets=[{"Id": "4", "Arn": QUEUE, "InputPath": "$.detail"}])
        with pytest.raises(events.exceptions.LimitExceededException):
            events.put_targets(Rule="orders", Targets=[{"Id": "5", "Arn": QUEUE}])

    def test_take_one_input_for_a_target(self, events: Any) -> None:
        both = {"Id": "1", "Arn": QUEUE, "Input": "{}", "InputPath": "$.detail"}
        with pytest.raises(ClientError, match="Only one of Input, InputPath, or InputTransformer"):
            events.put_targets(Rule="orders", Targets=[both])

    def test_that_are_gone_have_no_targets_to_remove(self, events: Any) -> None:
        with pytest.raises(events.exceptions.ResourceNotFoundException):
            events.remove_targets(Rule="missing", Ids=["1"])
