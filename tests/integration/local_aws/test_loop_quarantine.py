"""Where events go once a function may not run: the destination that its role may send to, whichever way they came."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from warden.local.emulator import Emulator

from .resources import MEMBER, create_function, create_queue, create_rule, until

FUNCTION = f"arn:aws:lambda:us-east-1:{MEMBER}:function:orders"


@pytest.fixture
def stopped(emulator: Emulator) -> Emulator:
    """A function that may not run and whose events go to a queue."""
    create_function(emulator, MEMBER, "orders", allowed=["sqs:SendMessage"])
    quarantine = create_queue(emulator, MEMBER, "quarantine")
    client = emulator.client("lambda", MEMBER)
    for service in ("s3", "sns", "events"):
        client.add_permission(
            FunctionName="orders",
            StatementId=service,
            Action="lambda:InvokeFunction",
            Principal=f"{service}.amazonaws.com",
        )
    client.put_function_event_invoke_config(
        FunctionName="orders", DestinationConfig={"OnFailure": {"Destination": quarantine}}
    )
    client.put_function_concurrency(FunctionName="orders", ReservedConcurrentExecutions=0)
    return emulator


def by_bucket(aws: Emulator) -> None:
    s3 = aws.client("s3", MEMBER)
    s3.create_bucket(Bucket="uploads")
    notify = {"LambdaFunctionConfigurations": [{"LambdaFunctionArn": FUNCTION, "Events": ["s3:ObjectCreated:*"]}]}
    s3.put_bucket_notification_configuration(Bucket="uploads", NotificationConfiguration=notify)
    s3.put_object(Bucket="uploads", Key="k", Body=b"x")


def by_topic(aws: Emulator) -> None:
    sns = aws.client("sns", MEMBER)
    topic = sns.create_topic(Name="orders")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=FUNCTION)
    sns.publish(TopicArn=topic, Message="m")


def by_rule(aws: Emulator) -> None:
    create_rule(aws, MEMBER, "orders", {"source": ["orders"]}, {"Arn": FUNCTION})
    aws.client("events", MEMBER).put_events(Entries=[{"Source": "orders", "DetailType": "d", "Detail": "{}"}])


def by_call(aws: Emulator) -> None:
    answer = aws.client("lambda", MEMBER).invoke(FunctionName="orders", InvocationType="Event", Payload=b'{"n": 1}')
    assert answer["StatusCode"] == 202


def held(aws: Emulator) -> list[dict[str, Any]]:
    assert aws.idle()
    return [json.loads(one["body"]) for one in aws.dead_letters(MEMBER, "quarantine")]


def total(aws: Emulator, metric: str) -> float:
    now = datetime.now(UTC)
    stat = {
        "Metric": {
            "Namespace": "AWS/Lambda",
            "MetricName": metric,
            "Dimensions": [{"Name": "FunctionName", "Value": "orders"}],
        },
        "Period": 60,
        "Stat": "Sum",
    }
    answer = aws.client("cloudwatch", MEMBER).get_metric_data(
        MetricDataQueries=[{"Id": "m", "MetricStat": stat}],
        StartTime=now - timedelta(minutes=5),
        EndTime=now + timedelta(minutes=1),
    )
    return float(sum(answer["MetricDataResults"][0]["Values"]))


WAYS: list[tuple[Callable[[Emulator], None], Callable[[dict[str, Any]], Any]]] = [
    (by_bucket, lambda payload: payload["Records"][0]["s3"]["object"]["key"] == "k"),
    (by_topic, lambda payload: payload["Records"][0]["Sns"]["Message"] == "m"),
    (by_rule, lambda payload: payload["source"] == "orders"),
    (by_call, lambda payload: payload == {"n": 1}),
]


@pytest.mark.parametrize(("send", "is_it"), WAYS, ids=[send.__name__ for send, _ in WAYS])
def test_an_event_of_a_stopped_function_goes_to_its_destination_at_once(
    stopped: Emulator, send: Callable[[Emulator], None], is_it: Callable[[dict[str, Any]], Any]
) -> None:
    send(stopped)
    (record,) = until(lambda: held(stopped))
    assert set(record) == {
        "version", "timestamp", "requestContext", "requestPayload", "responseContext", "responsePayload",
    }  # fmt: skip
    context = record["requestContext"]
    assert set(context) == {"requestId", "functionArn", "condition", "approximateInvokeCount"}
    assert context["functionArn"] == f"{FUNCTION}:$LATEST"
    assert context["approximateInvokeCount"] == 0
    assert is_it(record["requestPayload"])
    assert total(stopped, "Invocations") == 0
    assert total(stopped, "AsyncEventsReceived") == 1


def test_an_event_is_lost_and_counted_when_the_role_may_not_send_it(stopped: Emulator) -> None:
    stopped.client("iam", MEMBER).delete_role_policy(RoleName="orders-role", PolicyName="inline")
    by_call(stopped)
    assert held(stopped) == []
    assert total(stopped, "DestinationDeliveryFailures") == 1


def test_an_event_is_lost_and_counted_when_the_destination_is_gone(stopped: Emulator) -> None:
    sqs = stopped.client("sqs", MEMBER)
    sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName="quarantine")["QueueUrl"])
    by_call(stopped)
    assert stopped.idle()
    assert total(stopped, "DestinationDeliveryFailures") == 1


def test_a_dead_letter_queue_takes_the_event_too(stopped: Emulator) -> None:
    dead = create_queue(stopped, MEMBER, "dead")
    client = stopped.client("lambda", MEMBER)
    client.update_function_configuration(FunctionName="orders", DeadLetterConfig={"TargetArn": dead})
    by_call(stopped)
    assert len(held(stopped)) == 1
    assert [json.loads(one["body"]) for one in stopped.dead_letters(MEMBER, "dead")] == [{"n": 1}]
    stopped.client("sqs", MEMBER).delete_queue(
        QueueUrl=stopped.client("sqs", MEMBER).get_queue_url(QueueName="dead")["QueueUrl"]
    )
    by_call(stopped)
    assert len(held(stopped)) == 2
    assert total(stopped, "DeadLetterErrors") == 1


def test_events_wait_no_longer_once_the_function_is_stopped(emulator: Emulator) -> None:
    emulator.configure(retry_seconds=0.3)
    failing = "def handler(event, context): raise ValueError('cannot')"
    create_function(emulator, MEMBER, "orders", failing, allowed=["sqs:SendMessage"])
    client = emulator.client("lambda", MEMBER)
    destination = {"OnFailure": {"Destination": create_queue(emulator, MEMBER, "quarantine")}}
    client.put_function_event_invoke_config(FunctionName="orders", DestinationConfig=destination)
    by_call(emulator)
    until(lambda: total(emulator, "Errors") == 1)
    client.put_function_concurrency(FunctionName="orders", ReservedConcurrentExecutions=0)
    (record,) = held(emulator)
    assert record["requestContext"]["approximateInvokeCount"] == 1
    assert total(emulator, "Invocations") == 1
