"""What CloudWatch knows of a loop: counts by function whichever way it is invoked, and alarms over all functions."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from warden.local.emulator import Emulator

from .resources import (
    MEMBER,
    collect,
    collected,
    create_function,
    create_queue,
    create_rule,
    until,
    without_retries,
)

SELECT = 'SELECT SUM(Invocations) FROM SCHEMA("AWS/Lambda", FunctionName) GROUP BY FunctionName'
ALARM = f"arn:aws:cloudwatch:us-east-1:{MEMBER}:alarm:invocations"


def data(aws: Emulator, *queries: dict[str, Any], **given: Any) -> list[dict[str, Any]]:
    now = datetime.now(UTC)
    answer = aws.client("cloudwatch", MEMBER).get_metric_data(
        MetricDataQueries=list(queries),
        StartTime=now - timedelta(minutes=5),
        EndTime=now + timedelta(minutes=1),
        **given,
    )
    return list(answer["MetricDataResults"])


def metric(name: str, function: str = "", stat: str = "Sum", period: int = 60) -> dict[str, Any]:
    dimensions = [{"Name": "FunctionName", "Value": function}] if function else []
    found = {"Namespace": "AWS/Lambda", "MetricName": name, "Dimensions": dimensions}
    return {"Id": "m", "MetricStat": {"Metric": found, "Period": period, "Stat": stat}}


def total(aws: Emulator, name: str, function: str = "orders", **given: Any) -> float:
    return float(sum(data(aws, metric(name, function, **given))[0]["Values"]))


def by_call(aws: Emulator) -> None:
    aws.client("lambda", MEMBER).invoke(FunctionName="orders")


def by_event(aws: Emulator) -> None:
    aws.client("lambda", MEMBER).invoke(FunctionName="orders", InvocationType="Event")


def by_queue(aws: Emulator) -> None:
    source = create_queue(aws, MEMBER, "source")
    aws.client("lambda", MEMBER).create_event_source_mapping(FunctionName="orders", EventSourceArn=source)
    sqs = aws.client("sqs", MEMBER)
    sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName="source")["QueueUrl"], MessageBody="m")


def by_bucket(aws: Emulator) -> None:
    s3 = aws.client("s3", MEMBER)
    s3.create_bucket(Bucket="uploads")
    arn = f"arn:aws:lambda:us-east-1:{MEMBER}:function:orders"
    notify = {"LambdaFunctionConfigurations": [{"LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*"]}]}
    s3.put_bucket_notification_configuration(Bucket="uploads", NotificationConfiguration=notify)
    s3.put_object(Bucket="uploads", Key="k", Body=b"x")


def by_rule(aws: Emulator) -> None:
    arn = f"arn:aws:lambda:us-east-1:{MEMBER}:function:orders"
    aws.client("lambda", MEMBER).add_permission(
        FunctionName="orders", StatementId="e", Action="lambda:InvokeFunction", Principal="events.amazonaws.com"
    )
    create_rule(aws, MEMBER, "orders", {"source": ["orders"]}, {"Arn": arn})
    aws.client("events", MEMBER).put_events(Entries=[{"Source": "orders", "DetailType": "d", "Detail": "{}"}])


@pytest.mark.parametrize("invoke", [by_call, by_event, by_queue, by_bucket, by_rule])
def test_an_invocation_is_counted_once_whichever_way_it_comes(
    emulator: Emulator, invoke: Callable[[Emulator], None]
) -> None:
    create_function(emulator, MEMBER, "orders", allowed=["sqs:*"])
    create_function(emulator, MEMBER, "other")
    invoke(emulator)
    until(lambda: total(emulator, "Invocations"))
    assert emulator.idle()
    assert total(emulator, "Invocations") == total(emulator, "Invocations", period=1) == 1
    assert total(emulator, "Invocations", "other") == 0
    assert total(emulator, "Invocations", "") == 1
    assert total(emulator, "ConcurrentExecutions", stat="Maximum") == 1
    assert total(emulator, "Throttles") == total(emulator, "Errors") == 0


def test_a_throttle_is_no_invocation(emulator: Emulator) -> None:
    create_function(emulator, MEMBER, "orders")
    client = without_retries(emulator, MEMBER, "lambda")
    client.put_function_concurrency(FunctionName="orders", ReservedConcurrentExecutions=0)
    with pytest.raises(client.exceptions.TooManyRequestsException):
        client.invoke(FunctionName="orders")
    assert (total(emulator, "Throttles"), total(emulator, "Invocations")) == (1, 0)


def test_a_dropped_invocation_of_a_loop_is_counted(emulator: Emulator) -> None:
    create_function(emulator, MEMBER, "orders")
    client = without_retries(emulator, MEMBER, "lambda")

    def after_sixteen(params: dict[str, Any], **_: Any) -> None:
        params["headers"]["X-Ministack-Invoke-Depth"] = "16"

    client.meta.events.register("before-call.lambda.Invoke", after_sixteen)
    with pytest.raises(client.exceptions.RecursiveInvocationException):
        client.invoke(FunctionName="orders")
    assert (total(emulator, "RecursiveInvocationsDropped"), total(emulator, "Invocations")) == (1, 0)


def put(aws: Emulator, value: float, seconds_ago: float, function: str = "orders", **dimensions: str) -> None:
    datum = {
        "MetricName": "Invocations",
        "Value": value,
        "Timestamp": datetime.now(UTC) - timedelta(seconds=seconds_ago),
        "Dimensions": [{"Name": key, "Value": name} for key, name in {"FunctionName": function, **dimensions}.items()],
    }
    aws.client("cloudwatch", MEMBER).put_metric_data(Namespace="AWS/Lambda", MetricData=[datum])


def test_the_newest_values_come_first_unless_asked_otherwise(emulator: Emulator) -> None:
    put(emulator, 1, 120)
    put(emulator, 2, 0)
    (found,) = data(emulator, metric("Invocations", "orders"))
    assert found["Values"] == [2, 1]
    assert found["Timestamps"] == sorted(found["Timestamps"], reverse=True)
    (found,) = data(emulator, metric("Invocations", "orders"), ScanBy="TimestampAscending")
    assert found["Values"] == [1, 2]


def test_a_query_answers_for_every_function(emulator: Emulator) -> None:
    put(emulator, 1, 0)
    put(emulator, 5, 0, "payments")
    put(emulator, 7, 0, "payments", Resource="payments:live")  # another schema: the same invocations once more
    found = data(emulator, {"Id": "q", "Expression": SELECT, "Period": 60})
    assert {one["Label"]: one["Values"] for one in found} == {"orders": [1], "payments": [5]}
    where = SELECT.replace(" GROUP", " WHERE FunctionName != 'orders' GROUP")
    assert [one["Label"] for one in data(emulator, {"Id": "q", "Expression": where, "Period": 60})] == ["payments"]


def alarm(aws: Emulator, **given: Any) -> None:
    settings = {
        "AlarmName": "invocations",
        "AlarmDescription": "functions that run too often",
        "Metrics": [{"Id": "q1", "Expression": SELECT, "Period": 60, "ReturnData": True}],
        "EvaluationPeriods": 1,
        "Threshold": 10,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
    }
    aws.client("cloudwatch", MEMBER).put_metric_alarm(**{**settings, **given})


class TestAnAlarmOnAQuery:
    @pytest.fixture
    def watched(self, emulator: Emulator) -> Emulator:
        """An account whose alarm events are kept."""
        emulator.configure(alarm_seconds=0.05)
        collect(emulator, MEMBER, {"source": ["aws.cloudwatch"]})
        return emulator

    def events(self, aws: Emulator, kind: str) -> list[dict[str, Any]]:
        return [event for event in collected(aws, MEMBER) if event["detail-type"] == f"CloudWatch Alarm {kind}"]

    def test_announces_each_function_that_crosses_the_threshold(self, watched: Emulator) -> None:
        alarm(watched)
        put(watched, 3, 0, "payments")
        put(watched, 11, 0)
        (event,) = until(lambda: self.events(watched, "Contributor State Change"))
        assert (event["source"], event["account"], event["resources"]) == ("aws.cloudwatch", MEMBER, [ALARM])
        detail = event["detail"]
        assert set(detail) == {"alarmName", "alarmContributor", "state", "configuration"}
        assert detail["alarmContributor"]["attributes"] == {"FunctionName": "orders"}
        assert len(detail["alarmContributor"]["id"]) == 16
        assert detail["state"]["value"] == "ALARM"
        assert detail["state"]["reason"].startswith(
            "Threshold Crossed: 1 datapoint was greater than the threshold (10.0)."
        )
        assert detail["configuration"]["description"] == "functions that run too often"
        (query,) = detail["configuration"]["metrics"]
        assert query == {"id": "q1", "expression": SELECT, "returnData": True, "period": 60}

    def test_changes_its_own_state_once(self, watched: Emulator) -> None:
        alarm(watched)
        put(watched, 11, 0)
        put(watched, 12, 0, "payments")
        until(lambda: len(self.events(watched, "Contributor State Change")) == 2)
        changes = [event["detail"]["state"] for event in self.events(watched, "State Change")]
        assert [one["value"] for one in changes if one["value"] == "ALARM"] == ["ALARM"]
        (described,) = watched.client("cloudwatch", MEMBER).describe_alarms(AlarmNames=["invocations"])["MetricAlarms"]
        assert (described["StateValue"], described["Metrics"][0]["Expression"]) == ("ALARM", SELECT)
        assert "MetricName" not in described
        found = watched.client("cloudwatch", MEMBER).describe_alarm_contributors(AlarmName="invocations")
        assert {one["ContributorAttributes"]["FunctionName"] for one in found["AlarmContributors"]} == {
            "orders",
            "payments",
        }

    def test_announces_that_a_function_is_well_again(self, watched: Emulator) -> None:
        metrics = [{"Id": "q1", "Expression": SELECT, "Period": 1, "ReturnData": True}]
        alarm(watched, Metrics=metrics)
        put(watched, 11, 0)
        until(lambda: len(self.events(watched, "Contributor State Change")) == 2)
        first, second = (event["detail"] for event in self.events(watched, "Contributor State Change"))
        assert [first["state"]["value"], second["state"]["value"]] == ["ALARM", "OK"]
        assert first["alarmContributor"] == second["alarmContributor"]
        until(lambda: self.events(watched, "State Change")[-1]["detail"]["state"]["value"] == "OK")
        found = watched.client("cloudwatch", MEMBER).describe_alarm_contributors(AlarmName="invocations")
        assert found["AlarmContributors"] == []

    def test_that_cannot_be_read_is_refused(self, emulator: Emulator) -> None:
        with pytest.raises(ClientError, match="cannot be read"):
            alarm(emulator, Metrics=[{"Id": "q1", "Expression": "SELECT Invocations", "Period": 60}])

    def test_may_be_in_a_template(self, watched: Emulator) -> None:
        properties = {
            "AlarmName": "invocations",
            "Metrics": [{"Id": "q1", "Expression": SELECT, "Period": 60, "ReturnData": "true"}],
            "EvaluationPeriods": 1,
            "Threshold": 10,
            "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": "notBreaching",
        }
        template = {"Resources": {"Alarm": {"Type": "AWS::CloudWatch::Alarm", "Properties": properties}}}
        client = watched.client("cloudformation", MEMBER)
        client.create_stack(StackName="alarms", TemplateBody=json.dumps(template))
        until(lambda: client.describe_stacks(StackName="alarms")["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE")
        put(watched, 11, 0)
        (event,) = until(lambda: self.events(watched, "Contributor State Change"))
        assert event["detail"]["configuration"]["metrics"][0]["returnData"] is True
        client.delete_stack(StackName="alarms")
        until(lambda: not watched.client("cloudwatch", MEMBER).describe_alarms()["MetricAlarms"])


def test_an_alarm_sees_how_old_a_queues_messages_are(emulator: Emulator) -> None:
    emulator.configure(alarm_seconds=0.05)
    create_queue(emulator, MEMBER, "quarantine")
    cloudwatch, sqs = emulator.client("cloudwatch", MEMBER), emulator.client("sqs", MEMBER)
    cloudwatch.put_metric_alarm(
        AlarmName="held",
        Namespace="AWS/SQS",
        MetricName="ApproximateAgeOfOldestMessage",
        Dimensions=[{"Name": "QueueName", "Value": "quarantine"}],
        Statistic="Maximum",
        Period=1,
        EvaluationPeriods=1,
        Threshold=0.2,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )

    def state() -> str:
        (found,) = cloudwatch.describe_alarms(AlarmNames=["held"])["MetricAlarms"]
        return str(found["StateValue"])

    until(lambda: state() == "OK")
    url = sqs.get_queue_url(QueueName="quarantine")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="m")
    until(lambda: state() == "ALARM")
    sqs.purge_queue(QueueUrl=url)
    until(lambda: state() == "OK")
    cloudwatch.delete_alarms(AlarmNames=["held"])
    assert cloudwatch.describe_alarms()["MetricAlarms"] == []


def test_nothing_is_lost_while_metrics_are_read(emulator: Emulator) -> None:
    create_function(emulator, MEMBER, "orders")
    for _ in range(40):
        by_event(emulator)
        data(emulator, metric("Invocations", "orders"))
    assert emulator.idle()
    assert total(emulator, "Invocations") == 40
