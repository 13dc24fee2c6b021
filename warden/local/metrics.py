"""What Lambda and SQS measure of themselves, and how CloudWatch tells it.

What the engine gets wrong: only invocations by the API are counted, a throttled one twice and as an invocation as well;
points that are written while others are read get lost; answers are sorted the wrong way round and know no query, and a
metric without dimensions is every metric of its name. AWS documentation: "Types of metrics for Lambda functions",
"Available CloudWatch metrics for Amazon SQS" and the API reference of GetMetricData.

Points of one second are kept as one statistic set, so that a loop does not fill the memory; a percentile of them is not
to be had. Unlike AWS, any period may be asked for, down to a second.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import cloudwatch, lambda_svc, sqs

from warden.local import insights
from warden.local.patching import replace

Point = dict[str, Any]
# Reentrant, because the engine may make a bucket inside of ours.
_lock = threading.RLock()


def install() -> None:
    """Measure every execution in one place, and answer GetMetricData."""
    replace(cloudwatch, "record_metric", lambda _original: record)
    replace(cloudwatch, "_metric_bucket", _locked)
    replace(cloudwatch, "_evict_old_metrics", lambda _original: _forget_old)
    replace(cloudwatch, "_get_metric_data", _answering)
    replace(lambda_svc, "_emit_lambda_metrics", lambda _original: lambda *_args, **_kwargs: None)
    replace(lambda_svc, "_execute_function_dispatch", _measuring)
    replace(lambda_svc, "_acquire_execution_slot", _counting_throttles)


# Writing.


def record(
    namespace: str, name: str, value: float, unit: str = "None", dimensions: dict[str, str] | None = None
) -> None:
    """Add a value to the current second of a metric of this account and Region."""
    now, dimensions = time.time(), dict(dimensions or {})
    with _lock:
        points = cloudwatch._metric_bucket((namespace, name, cloudwatch._dims_key(dimensions)))
        last = points[-1] if points else {}
        if "_stat" in last and int(last["Timestamp"]) == int(now):
            old = last["_stat"]
            last["_stat"] = {
                "SampleCount": old["SampleCount"] + 1,
                "Sum": old["Sum"] + value,
                "Minimum": min(old["Minimum"], value),
                "Maximum": max(old["Maximum"], value),
            }
        else:
            stat = {"SampleCount": 1.0, "Sum": value, "Minimum": value, "Maximum": value}
            points.append(
                {"Timestamp": now, "Value": float(value), "Unit": unit, "Dimensions": dimensions, "_stat": stat}
            )


def count(name: str, function: str, value: float = 1.0, unit: str = "Count") -> None:
    """Add to a metric of a function, by its ARN, and to that of all functions of its account and Region."""
    region, account, rest = function.split(":", 5)[3:]
    with request_scope(account, region):
        for dimensions in ({"FunctionName": rest.split(":")[1]}, {}):
            record("AWS/Lambda", name, value, unit, dimensions)


def sample_queue(name: str) -> None:
    """Measure one queue of this account and Region now; a queue that is gone has nothing to measure."""
    queue = sqs._queue_by_arn(f"arn:aws:sqs:{get_region()}:{get_account_id()}:{name}")
    if queue is None:
        return
    now, messages = time.time(), list(queue["messages"])
    sent = [float(message.get("enqueued_at") or message["sent_at"]) for message in messages]
    visible = sum(message.get("visible_at", 0) <= now for message in messages)
    hidden = sum(message.get("visible_at", 0) > now and message.get("receive_count", 0) > 0 for message in messages)
    for metric, value in (
        ("ApproximateAgeOfOldestMessage", now - min(sent, default=now)),
        ("ApproximateNumberOfMessagesVisible", visible),
        ("ApproximateNumberOfMessagesNotVisible", hidden),
    ):
        record("AWS/SQS", metric, float(value), "None", {"QueueName": name})


def _locked(original: Callable[[Any], list[Point]]) -> Callable[[Any], list[Point]]:
    def bucket(key: Any) -> list[Point]:
        with _lock:
            return original(key)

    return bucket


def _forget_old() -> None:
    """Drop what is older than two weeks, in place: others append to the same lists."""
    oldest = time.time() - cloudwatch.TWO_WEEKS_SECONDS
    for _key, points in list(cloudwatch._metrics.items()):
        with _lock:
            if any(point["Timestamp"] < oldest for point in points):
                points[:] = [point for point in points if point["Timestamp"] >= oldest]


def _measuring(original: Callable[..., Any]) -> Callable[..., Any]:
    def execute(func: Any, config: dict[str, Any], event: Any, request_id: str, started: float) -> Any:
        result = original(func, config, event, request_id, started)
        arn = config["FunctionArn"]
        count("Invocations", arn)
        count("Errors", arn, float(bool(result.get("error"))))
        count("Duration", arn, (time.time() - started) * 1000, "Milliseconds")
        return result

    return execute


def _counting_throttles(original: Callable[..., Any]) -> Callable[..., Any]:
    def acquire(record_: dict[str, Any], config: dict[str, Any]) -> Any:
        slot, limit = original(record_, config)
        if slot is None:
            count("Throttles", config["FunctionArn"])
        return slot, limit

    return acquire


# Reading.


def _answering(original: Callable[..., Any]) -> Callable[..., Any]:
    def get(params: dict[str, Any], given: dict[str, Any], is_cbor: bool, is_json: bool = False) -> Any:
        if not (is_cbor or is_json):
            return original(params, given, is_cbor, is_json)
        start, end = (cloudwatch._parse_ts(given.get(name)) for name in ("StartTime", "EndTime"))
        results = [
            result
            for query in given.get("MetricDataQueries") or []
            if query.get("ReturnData", True)
            for result in _results(query, float(start or 0), float(end or time.time()))
        ]
        for result in results if given.get("ScanBy") != "TimestampAscending" else []:
            result["Timestamps"].reverse()
            result["Values"].reverse()
        if is_cbor:
            shown = [cloudwatch._cbor_metric_data_result(result) for result in results]
            return cloudwatch._cbor_ok({"MetricDataResults": shown})
        return cloudwatch._json_ok({"MetricDataResults": results})

    return get


def _results(query: dict[str, Any], start: float, end: float) -> list[dict[str, Any]]:
    identifier = str(query.get("Id", ""))
    if expression := query.get("Expression"):
        return _selected(query, str(expression), start, end)
    stat = query.get("MetricStat") or {}
    metric = stat.get("Metric") or {}
    dimensions = cloudwatch._dims_from_list(metric.get("Dimensions") or [])
    key = (metric.get("Namespace", ""), metric.get("MetricName", ""), cloudwatch._dims_key(dimensions))
    points = list(cloudwatch._metrics.get(key) or [])
    label = str(query.get("Label") or metric.get("MetricName", ""))
    return [_result(identifier, label, points, (start, end), int(stat.get("Period", 60)), stat.get("Stat", "Average"))]


def _selected(query: dict[str, Any], expression: str, start: float, end: float) -> list[dict[str, Any]]:
    identifier = str(query.get("Id", ""))
    try:
        asked = insights.parse(expression)
    except insights.QueryError as error:
        message = {"Code": "Unsupported", "Value": str(error)}
        empty = {"Id": identifier, "Label": identifier, "Timestamps": [], "Values": []}
        return [{**empty, "StatusCode": "InternalError", "Messages": [message]}]
    period = int(query.get("Period", 60))
    return [
        _result(identifier, " ".join(group) or asked.metric, points, (start, end), period, asked.statistic)
        for group, points in sorted(insights.select(asked).items())
    ]


def _result(  # noqa: PLR0917 # what an answer consists of
    identifier: str, label: str, points: Iterable[Point], span: tuple[float, float], period: int, statistic: str
) -> dict[str, Any]:
    inside: dict[int, list[Point]] = defaultdict(list)
    for point in points:
        if span[0] <= point["Timestamp"] < span[1]:
            inside[int(point["Timestamp"] // period) * period].append(point)
    values = {moment: value_of(found, statistic) for moment, found in sorted(inside.items())}
    known = {moment: value for moment, value in values.items() if value is not None}
    return {
        "Id": identifier,
        "Label": label,
        "Timestamps": [cloudwatch._ts_iso(moment) for moment in known],
        "Values": list(known.values()),
        "StatusCode": "Complete",
    }


def value_of(points: list[Point], statistic: str) -> float | None:
    """A statistic of some points, or None where there is none."""
    if not points:
        return None
    found = cloudwatch._stat_value(cloudwatch._calc_stats(points), statistic, points)
    return None if found is None else float(found)


def of_periods(points: list[Point], period: float, number: int, statistic: str) -> list[float | None]:
    """The statistic of each of the last periods back from now, the latest first; None where there are no points."""
    now = time.time()
    ends = [now - step * period for step in range(number)]
    return [value_of([one for one in points if end - period < one["Timestamp"] <= end], statistic) for end in ends]
