"""Alarms on Metrics Insights queries: one alarm over many time series, which contribute to it one by one.

What the engine gets wrong: it takes such an alarm and forgets its query, does not take it in a template, and knows no
contributors. AWS documentation: "Alarm events and EventBridge" (Multi Time Series Alarm), "Create alarms on Metrics
Insights queries", "Acting on alarm changes" (a contributor is in ALARM or OK, never in INSUFFICIENT_DATA) and the API
references of PutMetricAlarm and DescribeAlarmContributors. Metric math is stored and not evaluated. Actions are those
of the alarm; contributors have none here.
"""

import datetime as dt
import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudwatch
from ministack.services.cloudformation import provisioners

from warden.local import alarms, insights, metrics
from warden.local.current import CURRENT
from warden.local.patching import replace

Alarm = dict[str, Any]

# What an alarm on one metric has, and one on a query has not.
_OF_ONE_METRIC = ("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Period", "Dimensions", "Unit")


@dataclass(frozen=True)
class Contributor:
    """One time series of an alarm that is, or was when it was last looked at, in ALARM."""

    id: str
    attributes: dict[str, str]
    reason: str
    since: float


class Contributors:
    """Evaluates the time series of alarms on queries and announces each change of one."""

    def __init__(self, publish: Callable[[str, str, dict[str, Any]], object]) -> None:
        self._publish = publish
        # Those in ALARM: by (account, Region, alarm), then by id.
        self._alarming: dict[tuple[str, str, str], dict[str, Contributor]] = {}

    def install(self) -> None:
        """Keep queries in alarms and answer who contributes."""
        replace(cloudwatch, "_put_metric_alarm", self._putting)
        replace(cloudwatch, "handle_request", self._handling)
        replace(provisioners, "_cw_metric_alarm_record", _making_from_template)

    def clear(self) -> None:
        """Forget the contributors of alarms that are gone."""
        self._alarming.clear()

    # Configuration.

    def _putting(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def put(*request: Any) -> Any:
            current = CURRENT.get()
            given = current.operation.parameters if current else {}
            queries = given.get("Metrics") or []
            is_cbor, is_json = (bool(one) for one in (*request[2:], False)[:2])
            if problem := _problem(queries):
                return cloudwatch._error("ValidationError", problem, 400, use_json=is_json, use_cbor=is_cbor)
            answer = original(*request)
            if queries and answer[0] < 300:
                alarm = cloudwatch._alarms[given["AlarmName"]]
                _hold_queries(alarm, queries)
                self.evaluate(alarm)
            return answer

        return put

    # Evaluation.

    def evaluate(self, alarm: Alarm) -> None:
        """Look at every time series of an alarm's query, and then at the alarm."""
        found = next((one for one in alarm["Metrics"] if insights.is_query(one.get("Expression") or "")), None)
        if found is None:
            return
        query, place = insights.parse(found["Expression"]), (get_account_id(), get_region(), alarm["AlarmName"])
        period, number = float(found.get("Period") or 60), int(alarm.get("EvaluationPeriods") or 1)
        series = {
            group: metrics.of_periods(points, period, number, query.statistic)
            for group, points in insights.select(query).items()
        }
        before = self._alarming.get(place, {})
        now = {}
        for group, values in series.items():
            contributor = _contributor(alarm, dict(zip(query.group, group, strict=True)), values)
            state = alarms.state_of(alarm, values)
            if state == "ALARM" or (state is None and contributor.id in before):
                now[contributor.id] = before.get(contributor.id, contributor)
        self._alarming[place] = now
        if query.group:
            self._announce_changes(alarm, before, now)
        _conclude(alarm, [values for values in series.values() if any(one is not None for one in values)], len(now))

    def _announce_changes(self, alarm: Alarm, before: dict[str, Contributor], now: dict[str, Contributor]) -> None:
        for one in now.values():
            if one.id not in before:
                self._announce(alarm, one, "ALARM", one.reason)
        for one in before.values():
            if one.id not in now:
                reason = f"Threshold Crossed: 1 datapoint was not {_compared(alarm)}."
                self._announce(alarm, one, "OK", reason)

    def _announce(self, alarm: Alarm, contributor: Contributor, state: str, reason: str) -> None:
        moment = dt.datetime.now(dt.UTC)
        account, region = get_account_id(), get_region()
        event = {
            "source": "aws.cloudwatch",
            "detail-type": "CloudWatch Alarm Contributor State Change",
            "account": account,
            "time": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": region,
            "resources": [alarm["AlarmArn"]],
            "detail": {
                "alarmName": alarm["AlarmName"],
                "alarmContributor": {"id": contributor.id, "attributes": contributor.attributes},
                "state": {"value": state, "reason": reason, "timestamp": alarms.stamp(moment)},
                "configuration": alarms.configuration(alarm),
            },
        }
        self._publish(account, region, event)

    # DescribeAlarmContributors.

    def _handling(self, original: Callable[..., Any]) -> Callable[..., Any]:
        async def handle(method: str, path: str, headers: dict[str, str], *rest: Any) -> Any:
            current = CURRENT.get()
            if current and str(current.operation) == "cloudwatch:DescribeAlarmContributors":
                is_cbor = "cbor" in headers.get("content-type", "")
                return self._describe(str(current.operation.parameters.get("AlarmName", "")), is_cbor=is_cbor)
            return await original(method, path, headers, *rest)

        return handle

    def _describe(self, name: str, *, is_cbor: bool) -> Any:
        if name not in cloudwatch._alarms:
            message = f"The alarm {name} does not exist."
            return cloudwatch._error("ResourceNotFoundException", message, 404, use_json=not is_cbor, use_cbor=is_cbor)
        found = self._alarming.get((get_account_id(), get_region(), name), {})
        shown = [
            {
                "ContributorId": one.id,
                "ContributorAttributes": one.attributes,
                "StateReason": one.reason,
                "StateTransitionedTimestamp": cloudwatch._cbor_timestamp(one.since) if is_cbor else one.since,
            }
            for one in found.values()
        ]
        answer = cloudwatch._cbor_ok if is_cbor else cloudwatch._json_ok
        return answer({"AlarmContributors": shown})


def _problem(queries: list[dict[str, Any]]) -> str:
    """Why these queries are refused, or ""."""
    expressions = [str(one.get("Expression") or "") for one in queries]
    for expression in filter(insights.is_query, expressions):
        try:
            insights.parse(expression)
        except insights.QueryError as error:
            return f"Invalid metrics list: {error}"
    return ""


def _hold_queries(alarm: Alarm, queries: list[dict[str, Any]]) -> None:
    for member in _OF_ONE_METRIC:
        alarm.pop(member, None)
    alarm["Metrics"] = queries


def _making_from_template(original: Callable[..., Alarm]) -> Callable[..., Alarm]:
    """A template's numbers and truth values may be text."""

    def make(name: str, properties: dict[str, Any]) -> Alarm:
        queries = properties.get("Metrics")
        if not queries:
            return original(name, properties)
        alarm = original(name, {**properties, "Metrics": None, "MetricName": "none", "Namespace": "none"})
        typed = [
            {
                **one,
                **({"Period": int(one["Period"])} if "Period" in one else {}),
                "ReturnData": str(one.get("ReturnData", True)).lower() == "true",
            }
            for one in queries
        ]
        if problem := _problem(typed):
            raise ValueError(problem)
        _hold_queries(alarm, typed)
        return alarm

    return make


def _contributor(alarm: Alarm, attributes: dict[str, str], values: list[float | None]) -> Contributor:
    named = json.dumps([alarm["AlarmArn"], attributes], sort_keys=True)
    crossed = next((one for one in values if one is not None and alarms.breaches(alarm, one)), None)
    moment = dt.datetime.now(dt.UTC)
    reason = f"Threshold Crossed: 1 datapoint was {_compared(alarm)}."
    if crossed is not None:
        reason += f" The most recent datapoint which crossed the threshold: [{crossed} ({moment:%d/%m/%y %H:%M:00})]."
    return Contributor(hashlib.sha256(named.encode()).hexdigest()[:16], attributes, reason, time.time())


def _compared(alarm: Alarm) -> str:
    words = {
        "GreaterThanOrEqualToThreshold": "greater than or equal to",
        "GreaterThanThreshold": "greater than",
        "LessThanThreshold": "less than",
        "LessThanOrEqualToThreshold": "less than or equal to",
    }
    return f"{words.get(alarm.get('ComparisonOperator', ''), 'beyond')} the threshold ({alarm.get('Threshold')})"


def _conclude(alarm: Alarm, present: list[list[float | None]], alarming: int) -> None:
    """The alarm's own state follows from its time series."""
    total = max(len(present), alarming)
    if alarming:
        state: str | None = "ALARM"
    elif present:
        state = "OK"
    else:
        number = int(alarm.get("EvaluationPeriods") or 1)
        state = alarms.state_of(alarm, [None] * number)
    if state is None:
        return
    reason = f"{alarming if state == 'ALARM' else total} out of {total} time series evaluated to {state}"
    if state == alarm["StateValue"]:
        alarm["StateReason"] = reason
    alarms.become(alarm, state, reason)
