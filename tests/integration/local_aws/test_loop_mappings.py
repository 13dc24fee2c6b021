"""Stopping and resuming what feeds a function: no batch after Disabled, nothing lost, no change while one is made."""

import json
from typing import Any

import pytest

from warden.local.emulator import Emulator

from .resources import MEMBER, create_function, create_queue, until

RECORDS = """
import time

def handler(event, context):
    for record in event["Records"]:
        print("saw", record.get("body") or record["dynamodb"]["NewImage"]["id"]["S"])
"""
SLOW = RECORDS + "    time.sleep(0.5)\n"


def state(aws: Emulator, mapping: str) -> str:
    return str(aws.client("lambda", MEMBER).get_event_source_mapping(UUID=mapping)["State"])


def enable(aws: Emulator, mapping: str, enabled: bool) -> dict[str, Any]:
    client = aws.client("lambda", MEMBER)
    answer: dict[str, Any] = client.update_event_source_mapping(UUID=mapping, Enabled=enabled)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202
    return answer


def seen(aws: Emulator) -> list[str]:
    return sorted(line[4:] for line in aws.function_log(MEMBER, "orders").splitlines() if line.startswith("saw "))


class Source:
    """A queue or a table's stream that feeds the function ``orders``."""

    def __init__(self, aws: Emulator, kind: str, code: str = RECORDS) -> None:
        self._aws, self._kind = aws, kind
        create_function(aws, MEMBER, "orders", code, allowed=["sqs:*", "dynamodb:*"])
        given = {"EventSourceArn": self._queue() if kind == "queue" else self._stream(), "BatchSize": 1}
        if kind == "stream":
            given["StartingPosition"] = "TRIM_HORIZON"
        client = aws.client("lambda", MEMBER)
        self.mapping = str(client.create_event_source_mapping(FunctionName="orders", **given)["UUID"])

    def _queue(self) -> str:
        return create_queue(self._aws, MEMBER, "source")

    def _stream(self) -> str:
        created = self._aws.client("dynamodb", MEMBER).create_table(
            TableName="source",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        )
        return str(created["TableDescription"]["LatestStreamArn"])

    def send(self, *names: str) -> None:
        for name in names:
            if self._kind == "queue":
                sqs = self._aws.client("sqs", MEMBER)
                sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName="source")["QueueUrl"], MessageBody=name)
            else:
                self._aws.client("dynamodb", MEMBER).put_item(TableName="source", Item={"id": {"S": name}})


@pytest.mark.parametrize("kind", ["queue", "stream"])
def test_a_mapping_stops_and_resumes_where_it_stopped(emulator: Emulator, kind: str) -> None:
    source = Source(emulator, kind)
    source.send("1")
    until(lambda: seen(emulator) == ["1"])
    assert enable(emulator, source.mapping, enabled=False)["State"] == "Disabling"
    until(lambda: state(emulator, source.mapping) == "Disabled")
    source.send("2", "3")
    assert emulator.idle()
    assert seen(emulator) == ["1"]
    assert enable(emulator, source.mapping, enabled=True)["State"] == "Enabling"
    until(lambda: state(emulator, source.mapping) == "Enabled")
    until(lambda: seen(emulator) == ["1", "2", "3"])


@pytest.mark.parametrize("kind", ["queue", "stream"])
def test_a_mapping_is_not_disabled_before_its_last_batch_has_ended(emulator: Emulator, kind: str) -> None:
    source = Source(emulator, kind, SLOW)
    source.send("1", "2", "3")
    until(lambda: started(emulator))
    enable(emulator, source.mapping, enabled=False)
    until(lambda: state(emulator, source.mapping) == "Disabled")
    ended = seen(emulator)
    assert emulator.idle()
    assert seen(emulator) == ended
    enable(emulator, source.mapping, enabled=True)
    until(lambda: seen(emulator) == ["1", "2", "3"])


def started(aws: Emulator) -> bool:
    """Whether the function has been invoked; its log comes when an invocation ends."""
    found = aws.client("cloudwatch", MEMBER).list_metrics(
        Namespace="AWS/Lambda",
        MetricName="ConcurrentExecutions",
        Dimensions=[{"Name": "FunctionName", "Value": "orders"}],
    )
    return bool(found["Metrics"])


def test_a_mapping_that_changes_is_not_to_be_changed(emulator: Emulator) -> None:
    emulator.configure(mapping_seconds=0.5)
    source = Source(emulator, "queue")
    client = emulator.client("lambda", MEMBER)
    enable(emulator, source.mapping, enabled=False)
    with pytest.raises(client.exceptions.ResourceInUseException):
        client.update_event_source_mapping(UUID=source.mapping, Enabled=True)
    with pytest.raises(client.exceptions.ResourceInUseException):
        client.delete_event_source_mapping(UUID=source.mapping)
    until(lambda: state(emulator, source.mapping) == "Disabled")
    answer = client.update_event_source_mapping(UUID=source.mapping, BatchSize=2)
    assert (answer["State"], answer["BatchSize"]) == ("Updating", 2)
    until(lambda: state(emulator, source.mapping) == "Disabled")
    assert client.delete_event_source_mapping(UUID=source.mapping)["State"] == "Deleting"


def test_an_update_of_an_enabled_mapping_leaves_it_reading(emulator: Emulator) -> None:
    emulator.configure(mapping_seconds=5)
    source = Source(emulator, "queue")
    emulator.client("lambda", MEMBER).update_event_source_mapping(UUID=source.mapping, BatchSize=2)
    source.send(json.dumps({"n": 1}))
    until(lambda: seen(emulator))
    assert state(emulator, source.mapping) == "Updating"
