"""What the check needs beyond `GetFunction`: the loops that the graph of the account has, and what their functions do.

A function that is in no loop calls for nothing but what the hub remembers itself. CloudWatch API reference,
GetMetricData: at most 500 metrics a call; "Lambda function metrics".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from functions.adapters.errors import AWS_ERRORS, Meaning, trouble
from functions.core.fix import Member
from functions.core.snapshot import FunctionSnapshot
from functions.playbooks.recursive_loop.activity import on_cycle
from functions.playbooks.recursive_loop.graph import Confidence, Loop
from functions.playbooks.recursive_loop.known import Activity, Facts, loop_from_json

LOOPS = "loops"
"""The name under which the hub remembers an account's loops."""
_NEW = timedelta(hours=24)
_RECENT = timedelta(hours=1)
_HISTORY = timedelta(days=14)
_HOUR = 3600
_MOST_FUNCTIONS = 20
"""So many functions of loops are asked about; what more there are, are in loops that wildcards made."""


def read(member: Member, snapshot: FunctionSnapshot, settings: Mapping[str, Any]) -> Facts:
    """Read what the loops of this function call for. Raises boto3's errors."""
    now = datetime.now(UTC)
    known = member.remembered(LOOPS) or {}
    loops = loops_of(known, snapshot.subject.arn)
    if not loops:
        return Facts(now=now.isoformat())
    sure = [loop for loop in loops if loop.confidence is not Confidence.C]
    functions = list(dict.fromkeys(arn for loop in sure for arn in on_cycle(loop)))[:_MOST_FUNCTIONS]
    # Each function of a loop may say that it is meant to be, also one that its shortest cycle leaves out.
    tagged = list(dict.fromkeys((*functions, *(arn for loop in sure for arn in loop.functions))))[:_MOST_FUNCTIONS]
    appeared = known.get("appeared", {}).get(snapshot.subject.arn)
    return Facts(
        loops=tuple(loops),
        tags={**_tags(member, tagged), snapshot.subject.arn: snapshot.tags},
        activity=activity(member, functions, int(settings["period"]), now) if functions else {},
        new=bool(appeared) and datetime.fromisoformat(appeared) >= now - _NEW,
        now=now.isoformat(),
    )


def loops_of(known: Mapping[str, Any], function: str) -> list[Loop]:
    """Return the remembered loops that a function is part of, by its ARN, surest first."""
    return [loop_from_json(body) for body in known.get("loops", ()) if function in body["functions"]]


def activity(member: Member, functions: Sequence[str], period: int, now: datetime) -> dict[str, Activity]:
    """Return what CloudWatch knows of functions, by ARN: two calls. `period` is in seconds, as long as a minute."""
    client = member.client("cloudwatch")
    names = {arn: arn.rpartition(":")[2] for arn in functions}
    lately, long = _Span(period, now - _RECENT, now), _Span(_HOUR, now - _HISTORY, now - _RECENT)
    recent = _metrics(client, names, (("Invocations", "Sum"), ("RecursiveInvocationsDropped", "Sum")), lately)
    before = _metrics(client, names, (("Invocations", "Sum"), ("ConcurrentExecutions", "Maximum")), long)
    last = now - timedelta(seconds=5 * period)
    return {
        arn: Activity(
            now=round(max((value for at, value in recent[arn, "Invocations"] if at >= last), default=0)),
            usual=max((value for _, value in before[arn, "Invocations"]), default=0.0) / (_HOUR / period),
            hour=round(sum(value for _, value in recent[arn, "Invocations"])),
            dropped=round(sum(value for _, value in recent[arn, "RecursiveInvocationsDropped"])),
            peak=round(max((value for _, value in before[arn, "ConcurrentExecutions"]), default=0)),
        )
        for arn in functions
    }


@dataclass(frozen=True)
class Rate:
    """Invocations a minute: the most just before a moment, the most since, and in the busiest hour of two weeks."""

    before: int
    after: int
    usual: float


def since(member: Member, functions: Sequence[str], period: int, moment: datetime, now: datetime) -> dict[str, Rate]:
    """Return how often functions ran before a moment and how often they run now, by ARN: two calls.

    Now is the last three minutes, and only whole minutes after the moment; `period` is in seconds, as long as a minute.
    """
    client, names, minute = member.client("cloudwatch"), {arn: arn.rpartition(":")[2] for arn in functions}, period
    invocations, around = (("Invocations", "Sum"),), moment - timedelta(seconds=5 * minute)
    recent = _metrics(client, names, invocations, _Span(period, around, now))
    before = _metrics(client, names, invocations, _Span(_HOUR, now - _HISTORY, moment - _RECENT))

    def most(arn: str, start: datetime, end: datetime) -> int:
        return round(max((value for at, value in recent[arn, "Invocations"] if start <= at < end), default=0))

    return {
        arn: Rate(
            before=most(arn, around, moment),
            after=most(arn, max(moment + timedelta(seconds=minute), now - timedelta(seconds=3 * minute)), now),
            usual=max((value for _, value in before[arn, "Invocations"]), default=0.0) / (_HOUR / period),
        )
        for arn in functions
    }


Points = list[tuple[datetime, float]]


@dataclass(frozen=True)
class _Span:
    """From when to when, and how many seconds each data point stands for."""

    period: int
    start: datetime
    end: datetime


def _metrics(
    client: Any, names: Mapping[str, str], wanted: Iterable[tuple[str, str]], span: _Span
) -> dict[tuple[str, str], Points]:
    """Return the data points of metrics: ARN and metric → moments and values."""
    asked = [(arn, metric, stat) for arn in names for metric, stat in wanted]
    queries = [
        {
            "Id": f"m{number}",
            "MetricStat": {
                "Metric": {
                    "Namespace": "AWS/Lambda",
                    "MetricName": metric,
                    "Dimensions": [{"Name": "FunctionName", "Value": names[arn]}],
                },
                "Period": span.period,
                "Stat": stat,
            },
        }
        for number, (arn, metric, stat) in enumerate(asked)
    ]
    found: dict[tuple[str, str], Points] = {(arn, metric): [] for arn, metric, _ in asked}
    for result in _results(client, queries, span):
        arn, metric, _ = asked[int(result["Id"][1:])]
        found[arn, metric] += zip(result["Timestamps"], result["Values"], strict=True)
    return found


def _results(client: Any, queries: list[dict[str, Any]], span: _Span) -> Iterator[Mapping[str, Any]]:
    pages = client.get_paginator("get_metric_data").paginate(
        MetricDataQueries=queries, StartTime=span.start, EndTime=span.end
    )
    for page in pages:
        yield from page["MetricDataResults"]


def _tags(member: Member, functions: Iterable[str]) -> dict[str, Mapping[str, str]]:
    """Return the tags of functions; one that was deleted meanwhile has none."""
    client = member.client("lambda")
    found: dict[str, Mapping[str, str]] = {}
    for arn in functions:
        try:
            found[arn] = client.list_tags(Resource=arn)["Tags"]
        except AWS_ERRORS as error:
            if trouble(error).meaning is not Meaning.MISSING:
                raise
    return found
