"""SQS as an event source: partial batches, visibility, redrive, bounds; nothing is lost while many write."""

import json
import threading
import time
from typing import Any

import pytest

from warden.local.emulator import Emulator

from .resources import MEMBER, allow, create_function, create_queue, create_role, until

SOURCE_URL = "source"


def queue(aws: Emulator, name: str = "source", **attributes: str) -> str:
    create_queue(aws, MEMBER, name, **attributes)
    return str(aws.client("sqs", MEMBER).get_queue_url(QueueName=name)["QueueUrl"])


def consume(aws: Emulator, source: str, **mapping: Any) -> str:
    """A function that consumes the queue ``source``. Returns the mapping's id."""
    role = create_role(aws, MEMBER, "consumer", allow("sqs:*"))
    create_function(aws, MEMBER, "consumer", source, Role=role, Timeout=20)
    given = {"FunctionResponseTypes": ["ReportBatchItemFailures"], **mapping}
    arn = f"arn:aws:sqs:us-east-1:{MEMBER}:source"
    client = aws.client("lambda", MEMBER)
    return str(client.create_event_source_mapping(FunctionName="consumer", EventSourceArn=arn, **given)["UUID"])


def send(aws: Emulator, url: str, *bodies: Any, **given: Any) -> None:
    for start in range(0, len(bodies), 10):
        entries = [
            {"Id": str(number), "MessageBody": json.dumps(body), **given}
            for number, body in enumerate(bodies[start : start + 10])
        ]
        aws.client("sqs", MEMBER).send_message_batch(QueueUrl=url, Entries=entries)


def printed(aws: Emulator, prefix: str) -> list[str]:
    return [line for line in aws.function_log(MEMBER, "consumer").splitlines() if line.startswith(prefix)]


PARTIAL = """
import json
def handler(event, context):
    failed = []
    for record in event["Records"]:
        body = json.loads(record["body"])
        print("saw", body["n"], record["attributes"]["ApproximateReceiveCount"])
        if body.get("poison"):
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}
"""


def test_a_partial_batch_keeps_only_what_failed_until_it_is_redriven(emulator: Emulator) -> None:
    queue(emulator, "dead")
    dead = f"arn:aws:sqs:us-east-1:{MEMBER}:dead"
    policy = json.dumps({"deadLetterTargetArn": dead, "maxReceiveCount": "2"})
    url = queue(emulator, VisibilityTimeout="1", RedrivePolicy=policy)
    consume(emulator, PARTIAL)
    send(emulator, url, {"n": 1}, {"n": 2, "poison": True}, {"n": 3})
    until(lambda: emulator.dead_letters(MEMBER, "dead"))
    assert sorted(printed(emulator, "saw")) == ["saw 1 1", "saw 2 1", "saw 2 2", "saw 3 1"]
    assert emulator.dead_letters(MEMBER, "source") == []
    assert [json.loads(one["body"])["n"] for one in emulator.dead_letters(MEMBER, "dead")] == [2]


@pytest.mark.parametrize(
    "answer",
    ['{"batchItemFailures": [{"itemIdentifier": "stranger"}]}', '{"batchItemFailures": [{"id": "x"}]}', '"text"'],
    ids=["stranger", "bad-key", "not-json"],
)
def test_an_invalid_partial_batch_response_fails_the_whole_batch(emulator: Emulator, answer: str) -> None:
    url = queue(emulator, VisibilityTimeout="60")
    consume(emulator, f"def handler(event, context): return {answer}")
    send(emulator, url, 1, 2)
    assert emulator.idle()
    assert [one["received"] for one in emulator.dead_letters(MEMBER, "source")] == [1, 1]


def test_without_partial_responses_an_answer_is_a_success(emulator: Emulator) -> None:
    url = queue(emulator)
    consume(emulator, "def handler(event, context): return 'text'", FunctionResponseTypes=[])
    send(emulator, url, 1)
    assert emulator.idle()
    assert emulator.dead_letters(MEMBER, "source") == []


def test_a_failed_message_comes_back_when_its_own_changed_visibility_ends(emulator: Emulator) -> None:
    url = queue(emulator, VisibilityTimeout="60")
    source = """
import boto3
sqs = boto3.client("sqs")
def handler(event, context):
    record = event["Records"][0]
    count = int(record["attributes"]["ApproximateReceiveCount"])
    print("saw", count)
    if count > 1:
        return {"batchItemFailures": []}
    sqs.change_message_visibility(QueueUrl=%r, ReceiptHandle=record["receiptHandle"], VisibilityTimeout=1)
    return {"batchItemFailures": [{"itemIdentifier": record["messageId"]}]}
"""
    consume(emulator, source % url)
    started = time.monotonic()
    send(emulator, url, 1)
    until(lambda: printed(emulator, "saw 2"))
    # Not with the queue's 60 s, not before the second it asked for.
    assert 0.9 < time.monotonic() - started < 8
    assert emulator.idle()
    assert emulator.dead_letters(MEMBER, "source") == []


def test_a_delayed_message_is_seen_after_its_delay(emulator: Emulator) -> None:
    url = queue(emulator)
    consume(emulator, PARTIAL)
    started = time.monotonic()
    send(emulator, url, {"n": 1}, DelaySeconds=1)
    until(lambda: printed(emulator, "saw 1"))
    assert time.monotonic() - started > 0.9


def test_a_mapping_runs_no_more_batches_at_a_time_than_it_may(emulator: Emulator) -> None:
    url = queue(emulator)
    source = """
import time
def handler(event, context):
    print("began", time.time())
    time.sleep(0.2)
    print("ended", time.time())
"""
    consume(emulator, source, BatchSize=1, ScalingConfig={"MaximumConcurrency": 2})
    send(emulator, url, *range(8))
    assert emulator.idle(30)
    changes = sorted(
        (float(line.split()[1]), 1 if line.startswith("began") else -1)
        for line in printed(emulator, "began") + printed(emulator, "ended")
    )
    running = most = 0
    for _moment, change in changes:
        running += change
        most = max(most, running)
    assert len(changes) == 16
    assert most == 2


def test_a_reservation_of_zero_burns_receives_and_ends_in_the_dead_letter_queue(emulator: Emulator) -> None:
    queue(emulator, "dead")
    dead = f"arn:aws:sqs:us-east-1:{MEMBER}:dead"
    policy = json.dumps({"deadLetterTargetArn": dead, "maxReceiveCount": "1"})
    url = queue(emulator, VisibilityTimeout="1", RedrivePolicy=policy)
    consume(emulator, PARTIAL)
    emulator.client("lambda", MEMBER).put_function_concurrency(FunctionName="consumer", ReservedConcurrentExecutions=0)
    send(emulator, url, {"n": 1})
    until(lambda: emulator.dead_letters(MEMBER, "dead"))
    assert printed(emulator, "saw") == []


def test_a_disabled_mapping_burns_none(emulator: Emulator) -> None:
    url = queue(emulator)
    mapping = consume(emulator, PARTIAL)
    emulator.client("lambda", MEMBER).update_event_source_mapping(UUID=mapping, Enabled=False)
    send(emulator, url, {"n": 1})
    assert emulator.idle()
    assert [one["received"] for one in emulator.dead_letters(MEMBER, "source")] == [0]


def test_a_batch_may_be_larger_than_ten(emulator: Emulator) -> None:
    url = queue(emulator)
    send(emulator, url, *range(25))
    consume(
        emulator,
        "def handler(event, context): print('batch', len(event['Records']))",
        BatchSize=100,
        MaximumBatchingWindowInSeconds=1,
    )
    assert emulator.idle()
    assert printed(emulator, "batch") == ["batch 25"]


def test_a_thousand_messages_are_all_seen_once_by_few_workers(emulator: Emulator) -> None:
    url = queue(emulator)
    source = """
import json, os
def handler(event, context):
    print("worker", os.getpid())
    for record in event["Records"]:
        print("saw", json.loads(record["body"]))
"""
    consume(emulator, source, ScalingConfig={"MaximumConcurrency": 3})
    threads = [
        threading.Thread(target=send, args=(emulator, url, *range(part * 250, part * 250 + 250))) for part in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert emulator.idle(60)
    assert sorted(int(line.split()[1]) for line in printed(emulator, "saw")) == list(range(1000))
    assert len(set(printed(emulator, "worker"))) <= 3
    assert emulator.dead_letters(MEMBER, "source") == []
