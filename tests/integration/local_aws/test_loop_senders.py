"""What a message and an event tell of who caused them: the sender, and how far down a chain of invocations it is."""

import json
import re
from typing import Any

import pytest

from warden.local.emulator import Emulator

from .resources import MEMBER, allow, create_function, create_role, create_rule, document, until

HEADER = "Root=1-5759e988-bd862e3fe1be46a994272793;Lineage=1:0123abcd:3"
TRACED = {"AWSTraceHeader": {"DataType": "String", "StringValue": HEADER}}
ACTIONS = ["sqs:*", "s3:*", "sns:*", "events:PutEvents"]
# Sends what its event asks for, once: an event that came from a queue or a topic asks for nothing.
SENDS = """
import boto3, json, os

def handler(event, context):
    print("trace", os.environ["_X_AMZN_TRACE_ID"])
    print("event", json.dumps(event))
    for service, operation, arguments in event.get("calls", []):
        getattr(boto3.client(service), operation)(**arguments)
"""


@pytest.fixture
def queue(emulator: Emulator) -> str:
    """The URL of a queue that everybody may send to."""
    arn = f"arn:aws:sqs:us-east-1:{MEMBER}:orders"
    anyone = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
    client = emulator.client("sqs", MEMBER)
    return str(client.create_queue(QueueName="orders", Attributes={"Policy": document(anyone)})["QueueUrl"])


def received(aws: Emulator, url: str) -> dict[str, dict[str, str]]:
    """The system attributes of everything in a queue, by body."""
    assert aws.idle()
    answer = aws.client("sqs", MEMBER).receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"]
    )
    return {message["Body"]: message["Attributes"] for message in answer.get("Messages", [])}


def invoke(aws: Emulator, *calls: tuple[str, str, dict[str, Any]]) -> None:
    payload = json.dumps({"calls": calls}).encode()
    answer = aws.client("lambda", MEMBER).invoke(FunctionName="sender", Payload=payload)
    assert "FunctionError" not in answer, answer["Payload"].read()


def role_id(aws: Emulator, name: str = "sender-role") -> str:
    return str(aws.client("iam", MEMBER).get_role(RoleName=name)["Role"]["RoleId"])


def lineage(text: str) -> str:
    found = re.search(r"Lineage=([^;\s]+)", text)
    return found[1] if found else ""


def traces(aws: Emulator, function: str) -> list[str]:
    return [line for line in aws.function_log(MEMBER, function).splitlines() if line.startswith("trace")]


def test_a_functions_message_names_its_role_and_the_function(emulator: Emulator, queue: str) -> None:
    create_function(emulator, MEMBER, "sender", SENDS, allowed=ACTIONS)
    entry = {"Id": "1", "MessageBody": "in a batch", "MessageSystemAttributes": TRACED}
    invoke(
        emulator,
        ("sqs", "send_message", {"QueueUrl": queue, "MessageBody": "alone"}),
        ("sqs", "send_message_batch", {"QueueUrl": queue, "Entries": [entry]}),
    )
    emulator.client("sqs", MEMBER).send_message(QueueUrl=queue, MessageBody="by root")
    found = received(emulator, queue)
    assert role_id(emulator).startswith("AROA")
    assert found["alone"]["SenderId"] == found["in a batch"]["SenderId"] == f"{role_id(emulator)}:sender"
    assert found["by root"]["SenderId"] == MEMBER
    assert found["in a batch"]["AWSTraceHeader"] == HEADER
    assert "AWSTraceHeader" not in found["by root"]


def test_a_batch_tells_its_function_who_sent_each_message(emulator: Emulator, queue: str) -> None:
    create_function(emulator, MEMBER, "sender", SENDS, allowed=ACTIONS)
    create_function(emulator, MEMBER, "consumer", SENDS, allowed=ACTIONS)
    invoke(emulator, ("sqs", "send_message", {"QueueUrl": queue, "MessageBody": "by the function"}))
    emulator.client("sqs", MEMBER).send_message(QueueUrl=queue, MessageBody="by root")
    emulator.client("lambda", MEMBER).create_event_source_mapping(
        FunctionName="consumer", EventSourceArn=f"arn:aws:sqs:us-east-1:{MEMBER}:orders"
    )
    until(lambda: len(traces(emulator, "consumer")) == 1)
    log = emulator.function_log(MEMBER, "consumer")
    records = json.loads(next(line for line in log.splitlines() if line.startswith("event "))[6:])["Records"]
    assert {record["body"]: record["attributes"]["SenderId"] for record in records} == {
        "by the function": f"{role_id(emulator)}:sender",
        "by root": MEMBER,
    }


def test_a_failed_event_is_sent_by_the_role_of_its_function(emulator: Emulator, queue: str) -> None:
    failing = "def handler(event, context): raise ValueError('cannot')"
    create_function(emulator, MEMBER, "sender", failing, allowed=ACTIONS)
    client = emulator.client("lambda", MEMBER)
    client.put_function_event_invoke_config(
        FunctionName="sender",
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": f"arn:aws:sqs:us-east-1:{MEMBER}:orders"}},
    )
    client.invoke(FunctionName="sender", InvocationType="Event", Payload=b"{}")
    (attributes,) = received(emulator, queue).values()
    assert attributes["SenderId"] == f"{role_id(emulator)}:sender"


class TestTheLineage:
    def test_begins_with_the_first_invocation_and_counts_further_ones(self, emulator: Emulator, queue: str) -> None:
        create_function(emulator, MEMBER, "sender", SENDS, allowed=ACTIONS)
        create_function(emulator, MEMBER, "consumer", SENDS, allowed=ACTIONS)
        emulator.client("lambda", MEMBER).create_event_source_mapping(
            FunctionName="consumer", EventSourceArn=f"arn:aws:sqs:us-east-1:{MEMBER}:orders"
        )
        invoke(emulator, ("sqs", "send_message", {"QueueUrl": queue, "MessageBody": "m"}))
        until(lambda: traces(emulator, "consumer"))
        first, second = (lineage(traces(emulator, name)[0]) for name in ("sender", "consumer"))
        assert re.fullmatch(r"1:[0-9a-f]{8}:0", first)
        assert second == first.removesuffix("0") + "1"

    def test_goes_on_from_what_a_message_carries(self, emulator: Emulator, queue: str) -> None:
        create_function(emulator, MEMBER, "consumer", SENDS, allowed=ACTIONS)
        emulator.client("lambda", MEMBER).create_event_source_mapping(
            FunctionName="consumer", EventSourceArn=f"arn:aws:sqs:us-east-1:{MEMBER}:orders"
        )
        emulator.client("sqs", MEMBER).send_message(QueueUrl=queue, MessageBody="m", MessageSystemAttributes=TRACED)
        until(lambda: traces(emulator, "consumer"))
        assert lineage(traces(emulator, "consumer")[0]) == "1:0123abcd:4"

    def test_passes_topics_and_invocations_but_no_bus(self, emulator: Emulator, queue: str) -> None:
        arn = create_function(emulator, MEMBER, "sender", SENDS, allowed=[*ACTIONS, "lambda:*"])
        create_function(emulator, MEMBER, "consumer", SENDS, Role=arn_of_role(emulator))
        client, topic = emulator.client("lambda", MEMBER), create_topic(emulator)
        client.add_permission(
            FunctionName="consumer", StatementId="e", Action="lambda:InvokeFunction", Principal="events.amazonaws.com"
        )
        create_rule(emulator, MEMBER, "orders", {"source": ["orders"]}, {"Arn": arn.replace("sender", "consumer")})
        sns = emulator.client("sns", MEMBER)
        for protocol, endpoint in (
            ("lambda", arn.replace("sender", "consumer")),
            ("sqs", f"arn:aws:sqs:us-east-1:{MEMBER}:orders"),
        ):
            sns.subscribe(TopicArn=topic, Protocol=protocol, Endpoint=endpoint)
        invoke(emulator, ("sns", "publish", {"TopicArn": topic, "Message": "m"}))
        until(lambda: len(traces(emulator, "consumer")) == 1)
        (attributes,) = received(emulator, queue).values()
        assert lineage(attributes["AWSTraceHeader"]).endswith(":0")
        invoke(emulator, ("lambda", "invoke", {"FunctionName": "consumer", "InvocationType": "Event"}))
        until(lambda: len(traces(emulator, "consumer")) == 2)
        assert [lineage(one)[-2:] for one in traces(emulator, "consumer")] == [":1", ":1"]
        entries = [{"Source": "orders", "DetailType": "d", "Detail": "{}"}]
        invoke(emulator, ("events", "put_events", {"Entries": entries}))
        until(lambda: len(traces(emulator, "consumer")) == 3)
        counts = sorted(lineage(one)[-2:] for one in traces(emulator, "consumer"))
        assert counts == [":0", ":1", ":1"]


def arn_of_role(aws: Emulator) -> str:
    return create_role(aws, MEMBER, "consumer-role", allow("sqs:*"))


def create_topic(aws: Emulator) -> str:
    return str(aws.client("sns", MEMBER).create_topic(Name="orders")["TopicArn"])


def test_an_object_tells_who_wrote_it(emulator: Emulator, queue: str) -> None:
    create_function(emulator, MEMBER, "sender", SENDS, allowed=ACTIONS)
    s3 = emulator.client("s3", MEMBER)
    s3.create_bucket(Bucket="uploads")
    arn = f"arn:aws:sqs:us-east-1:{MEMBER}:orders"
    notify = {"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]}
    s3.put_bucket_notification_configuration(Bucket="uploads", NotificationConfiguration=notify)
    invoke(emulator, ("s3", "put_object", {"Bucket": "uploads", "Key": "by the function"}))
    s3.put_object(Bucket="uploads", Key="by root")
    bodies = [json.loads(body) for body in received(emulator, queue)]
    written = [record for body in bodies for record in body.get("Records", [])]
    assert {record["s3"]["object"]["key"]: record["userIdentity"]["principalId"] for record in written} == {
        "by+the+function": f"AWS:{role_id(emulator)}:sender",
        "by+root": f"AWS:{MEMBER}",
    }
    sequence = [record["s3"]["object"]["sequencer"] for record in written]
    assert sequence == sorted(sequence)
