"""Alarm state changes reach the default bus in CloudWatch's documented shape."""

from typing import Any

import pytest

from warden.local.emulator import Emulator

from .resources import MEMBER, collect, collected, create_function, create_queue, until, without_retries

ALARM_ARN = f"arn:aws:cloudwatch:us-east-1:{MEMBER}:alarm:throttles"


def alarm(aws: Emulator, **given: Any) -> None:
    settings = {
        "AlarmName": "throttles",
        "AlarmDescription": "orders is throttled",
        "Namespace": "AWS/Lambda",
        "MetricName": "Throttles",
        "Dimensions": [{"Name": "FunctionName", "Value": "orders"}],
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "notBreaching",
    }
    aws.client("cloudwatch", MEMBER).put_metric_alarm(**{**settings, **given})


def measure(aws: Emulator, value: float, function: str = "orders") -> None:
    datum = {"MetricName": "Throttles", "Value": value, "Dimensions": [{"Name": "FunctionName", "Value": function}]}
    aws.client("cloudwatch", MEMBER).put_metric_data(Namespace="AWS/Lambda", MetricData=[datum])


def states(aws: Emulator) -> list[str]:
    return [event["detail"]["state"]["value"] for event in collected(aws, MEMBER)]


def test_a_set_state_is_an_event_in_the_documented_shape(emulator: Emulator) -> None:
    collect(emulator, MEMBER, {"source": ["aws.cloudwatch"], "detail-type": ["CloudWatch Alarm State Change"]})
    alarm(emulator, TreatMissingData="ignore")
    emulator.set_alarm(MEMBER, "throttles", "ALARM")
    emulator.set_alarm(MEMBER, "throttles", "ALARM")
    emulator.set_alarm(MEMBER, "throttles", "OK")
    first, second = collected(emulator, MEMBER)
    assert (first["account"], first["region"], first["resources"]) == (MEMBER, "us-east-1", [ALARM_ARN])
    detail = first["detail"]
    assert detail["alarmName"] == "throttles"
    assert detail["state"]["value"] == "ALARM"
    assert detail["state"]["reason"] == "set for a test"
    assert detail["state"]["timestamp"].endswith("+0000")
    assert detail["previousState"]["value"] == "INSUFFICIENT_DATA"
    assert detail["previousState"]["reason"] == "Unchecked: Initial alarm creation"
    (metric,) = detail["configuration"]["metrics"]
    assert detail["configuration"]["description"] == "orders is throttled"
    assert metric["returnData"] is True
    assert metric["metricStat"] == {
        "metric": {"namespace": "AWS/Lambda", "name": "Throttles", "dimensions": {"FunctionName": "orders"}},
        "period": 60,
        "stat": "Sum",
    }
    assert second["detail"]["previousState"] == detail["state"]
    assert second["detail"]["state"]["value"] == "OK"


def test_an_alarm_sees_only_its_own_dimensions(emulator: Emulator) -> None:
    collect(emulator, MEMBER, {"source": ["aws.cloudwatch"]})
    alarm(emulator)
    measure(emulator, 5, "payments")
    assert "ALARM" not in states(emulator)
    measure(emulator, 5)
    assert states(emulator)[-1] == "ALARM"


def test_an_alarm_looks_by_itself(emulator: Emulator) -> None:
    emulator.configure(alarm_seconds=0.05)
    collect(emulator, MEMBER, {"source": ["aws.cloudwatch"]})
    alarm(emulator, Period=1)
    measure(emulator, 5)
    until(lambda: states(emulator)[-1:] == ["ALARM"])
    # The datum grows older than its period, and missing data does not breach.
    until(lambda: states(emulator)[-1] == "OK")


def test_a_function_that_is_throttled_raises_its_alarm(emulator: Emulator) -> None:
    emulator.configure(alarm_seconds=0.05)
    collect(emulator, MEMBER, {"source": ["aws.cloudwatch"], "detail": {"state": {"value": ["ALARM"]}}})
    create_function(emulator, MEMBER, "orders")
    emulator.client("lambda", MEMBER).put_function_concurrency(FunctionName="orders", ReservedConcurrentExecutions=0)
    alarm(emulator)
    client = without_retries(emulator, MEMBER, "lambda")
    with pytest.raises(client.exceptions.TooManyRequestsException):
        client.invoke(FunctionName="orders")
    until(lambda: states(emulator) == ["ALARM"])


def test_a_composite_alarm_is_announced_with_its_rule(emulator: Emulator) -> None:
    collect(emulator, MEMBER, {"source": ["aws.cloudwatch"], "detail": {"alarmName": ["any"]}})
    alarm(emulator, TreatMissingData="ignore")
    create_queue(emulator, MEMBER, "unused")
    emulator.client("cloudwatch", MEMBER).put_composite_alarm(AlarmName="any", AlarmRule='ALARM("throttles")')
    emulator.set_alarm(MEMBER, "throttles", "ALARM")
    event = collected(emulator, MEMBER)[-1]
    assert event["detail"]["state"]["value"] == "ALARM"
    assert event["detail"]["configuration"]["alarmRule"] == 'ALARM("throttles")'
