"""What a function's own role must allow for Lambda to poll and deliver for it."""

import json

import pytest
from botocore.exceptions import ClientError

from warden.local.emulator import Emulator

from .resources import MEMBER, allow, create_function, create_queue, document, until

NAMED = {"FunctionName": "orders"}


def grant(aws: Emulator, *actions: str) -> None:
    """Let the function's role do exactly this."""
    iam = aws.client("iam", MEMBER)
    iam.put_role_policy(RoleName="orders-role", PolicyName="inline", PolicyDocument=document(allow(*actions)))


@pytest.mark.parametrize("missing", ["ReceiveMessage", "DeleteMessage", "GetQueueAttributes"])
def test_a_mapping_needs_a_role_that_may_consume_its_queue(emulator: Emulator, missing: str) -> None:
    create_function(emulator, MEMBER, "orders")
    source = create_queue(emulator, MEMBER, "source")
    grant(emulator, *{"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"} - {f"sqs:{missing}"})
    client = emulator.client("lambda", MEMBER)
    with pytest.raises(ClientError, match=f"does not have permissions to call {missing} on SQS"):
        client.create_event_source_mapping(FunctionName="orders", EventSourceArn=source)
    grant(emulator, "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
    until(lambda: client.create_event_source_mapping(FunctionName="orders", EventSourceArn=source), 2)


def test_a_mapping_stops_when_its_role_loses_the_permission(emulator: Emulator) -> None:
    create_function(emulator, MEMBER, "orders", "def handler(event, context): print('saw')", allowed=["sqs:*"])
    source = create_queue(emulator, MEMBER, "source")
    client = emulator.client("lambda", MEMBER)
    mapping = client.create_event_source_mapping(FunctionName="orders", EventSourceArn=source)["UUID"]
    grant(emulator, "sqs:DeleteMessage")
    until(lambda: client.get_event_source_mapping(UUID=mapping)["LastProcessingResult"].startswith("PROBLEM"))
    sqs = emulator.client("sqs", MEMBER)
    sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName="source")["QueueUrl"], MessageBody="m")
    assert not emulator.idle(0.3)
    assert emulator.dead_letters(MEMBER, "source")[0]["received"] == 0
    grant(emulator, "sqs:*")
    until(lambda: "saw" in emulator.function_log(MEMBER, "orders"))


def test_a_dead_letter_queue_needs_a_role_that_may_send_to_it(emulator: Emulator) -> None:
    create_function(emulator, MEMBER, "orders")
    dead = create_queue(emulator, MEMBER, "dead")
    client = emulator.client("lambda", MEMBER)
    config = {"DeadLetterConfig": {"TargetArn": dead}}
    with pytest.raises(ClientError, match="does not have permissions to call SendMessage on SQS"):
        client.update_function_configuration(FunctionName="orders", **config)
    grant(emulator, "sqs:SendMessage")
    client.update_function_configuration(FunctionName="orders", **config)


def test_a_destination_needs_a_role_that_may_deliver_to_it_also_later(emulator: Emulator) -> None:
    create_function(emulator, MEMBER, "orders", "def handler(event, context): raise ValueError")
    failures = create_queue(emulator, MEMBER, "failures")
    client = emulator.client("lambda", MEMBER)

    def configure() -> None:
        client.put_function_event_invoke_config(
            FunctionName="orders", MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": failures}}
        )

    with pytest.raises(ClientError, match=f"does not have permissions to call SendMessage on {failures}"):
        configure()
    grant(emulator, "sqs:SendMessage")
    configure()
    for granted, delivered in (("sqs:SendMessage", 1), ("sqs:ReceiveMessage", 1)):
        grant(emulator, granted)
        client.invoke(FunctionName="orders", InvocationType="Event", Payload=json.dumps({}).encode())
        assert emulator.idle()
        assert len(emulator.dead_letters(MEMBER, "failures")) == delivered
