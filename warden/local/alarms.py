"""CloudWatch alarms: their state changes on the default bus, and their own evaluation.

What the engine gets wrong: no event, and an alarm looks at every metric of its name whatever the dimensions, and only
when somebody puts a metric by API. AWS documentation: "Alarm events and EventBridge" (the event's shape), "Using
Amazon CloudWatch alarms" and "Configuring how CloudWatch alarms treat missing data".
"""

import datetime as dt
import json
import logging
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import cloudwatch

from warden.local import metrics
from warden.local.patching import replace
from warden.local.settings import Settings

logger = logging.getLogger("warden.local")

_FIRST_STATE = {"value": "INSUFFICIENT_DATA", "reason": "Unchecked: Initial alarm creation"}


class Alarms:
    """Evaluates alarms every ``alarm_seconds`` and announces each change of state."""

    def __init__(self, settings: Settings, publish: Callable[[str, str, dict[str, Any]], object]) -> None:
        self._settings = settings
        self._publish = publish
        # Looks at an alarm on a query, which has many time series.
        self.evaluate_query: Callable[[dict[str, Any]], None] = lambda _alarm: None
        # What CloudWatch said of an alarm last, because the engine overwrites it: by (account, Region, name).
        self._said: dict[tuple[str, str, str], dict[str, Any]] = {}

    def install(self) -> None:
        """Announce what the engine writes to an alarm's history, and evaluate by dimensions."""
        replace(cloudwatch, "_record_history", self._announcing)
        replace(cloudwatch, "_evaluate_alarm", lambda _original: self.evaluate)
        threading.Thread(target=self._evaluate, daemon=True, name="warden-alarms").start()

    def clear(self) -> None:
        """Forget what was said of alarms that are gone."""
        self._said.clear()

    def _evaluate(self) -> None:
        while True:
            time.sleep(self._settings.alarm_seconds)
            for (account, region, name), alarm in list(cloudwatch._alarms._data.items()):
                with request_scope(account, region):
                    try:
                        self.evaluate(alarm)
                    except Exception:
                        logger.exception("the alarm %s could not be evaluated", name)

    def evaluate(self, alarm: dict[str, Any]) -> None:
        """Look at one alarm and change its state if that says so."""
        if alarm.get("Metrics"):
            self.evaluate_query(alarm)
        else:
            evaluate(alarm)

    def _announcing(self, original: Callable[..., None]) -> Callable[..., None]:
        def record(  # noqa: PLR0917 # the engine calls it so
            name: str, old: str, new: str, reason: str, alarm_type: str = "MetricAlarm", reason_data: Any = None
        ) -> None:
            original(name, old, new, reason, alarm_type, reason_data)
            alarm = cloudwatch._alarms.get(name) or cloudwatch._composite_alarms.get(name)
            if alarm and old != new:
                self._announce(alarm, old, new, reason)

        return record

    def _announce(self, alarm: dict[str, Any], old: str, new: str, reason: str) -> None:
        account, region, name = get_account_id(), get_region(), alarm["AlarmName"]
        now = dt.datetime.now(dt.UTC)
        state = {"value": new, "reason": reason, "timestamp": stamp(now)}
        if data := alarm.get("StateReasonData"):
            state["reasonData"] = data if isinstance(data, str) else json.dumps(data)
        created = alarm.get("AlarmConfigurationUpdatedTimestamp") or now.timestamp()
        first = {**_FIRST_STATE, "timestamp": stamp(dt.datetime.fromtimestamp(float(created), dt.UTC))}
        previous = {**self._said.get((account, region, name), first), "value": old}
        self._said[account, region, name] = state
        event = {
            "source": "aws.cloudwatch",
            "detail-type": "CloudWatch Alarm State Change",
            "account": account,
            "time": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": region,
            "resources": [alarm["AlarmArn"]],
            "detail": {
                "alarmName": name,
                "configuration": configuration(alarm),
                "previousState": previous,
                "state": state,
            },
        }
        self._publish(account, region, event)


def stamp(moment: dt.datetime) -> str:
    """A time as alarm events write it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}+0000"


def configuration(alarm: dict[str, Any]) -> dict[str, Any]:
    """An alarm's ``configuration`` as its events show it."""
    found: dict[str, Any] = {}
    if alarm.get("AlarmDescription"):
        found["description"] = alarm["AlarmDescription"]
    if alarm.get("AlarmRule"):
        return {"alarmRule": alarm["AlarmRule"], **found}
    if alarm.get("Metrics"):
        return {**found, "metrics": [_lowered(metric) for metric in alarm["Metrics"]]}
    dimensions = {one["Name"]: one["Value"] for one in alarm.get("Dimensions") or []}
    metric = {"namespace": alarm.get("Namespace"), "name": alarm.get("MetricName"), "dimensions": dimensions}
    stat = alarm.get("ExtendedStatistic") or alarm.get("Statistic")
    found["metrics"] = [
        {
            "id": str(uuid.uuid5(uuid.NAMESPACE_URL, alarm["AlarmArn"])),
            "metricStat": {"metric": metric, "period": alarm.get("Period", 60), "stat": stat},
            "returnData": True,
        }
    ]
    return found


def _lowered(value: Any) -> Any:
    """A metric query with small first letters; dimensions become a map, as in the event."""
    if isinstance(value, list):
        return [_lowered(one) for one in value]
    if not isinstance(value, dict):
        return value
    lowered = {key[:1].lower() + key[1:]: _lowered(one) for key, one in value.items()}
    if "metricName" in lowered:
        lowered["name"] = lowered.pop("metricName")
        lowered["dimensions"] = {one["name"]: one["value"] for one in lowered.get("dimensions") or []}
    return lowered


def evaluate(alarm: dict[str, Any]) -> None:
    """Look at one alarm's own metric, period by period back from now, and change its state if that says so."""
    if not alarm.get("MetricName"):
        return
    if alarm.get("Namespace") == "AWS/SQS":
        dimensions = cloudwatch._dims_from_list(alarm.get("Dimensions") or [])
        metrics.sample_queue(dimensions.get("QueueName", ""))
    values = _values(alarm)
    state = state_of(alarm, values)
    if state is not None:
        become(alarm, state, _reason(alarm, values, state))


def become(alarm: dict[str, Any], state: str, reason: str) -> None:
    """Put an alarm into a state; nothing happens if it is in it."""
    old = alarm["StateValue"]
    if state == old:
        return
    now = int(time.time())
    alarm |= {"StateValue": state, "StateReason": reason, "StateUpdatedTimestamp": now}
    cloudwatch._record_history(alarm["AlarmName"], old, state, reason)
    cloudwatch._dispatch_alarm_actions(alarm, old, state, reason)
    cloudwatch._evaluate_parent_alarms(alarm)


def _values(alarm: dict[str, Any]) -> list[float | None]:
    """The statistic of each evaluation period, the latest first; None where there are no points."""
    wanted = cloudwatch._dims_key(cloudwatch._dims_from_list(alarm.get("Dimensions") or []))
    points = list(cloudwatch._metrics.get((alarm.get("Namespace"), alarm["MetricName"], wanted)) or [])
    stat = alarm.get("ExtendedStatistic") or alarm.get("Statistic") or "Average"
    period, number = float(alarm.get("Period") or 60), int(alarm.get("EvaluationPeriods") or 1)
    return metrics.of_periods(points, period, number, stat)


_BREACHES: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
    "LessThanOrEqualToThreshold": lambda value, threshold: value <= threshold,
}


def breaches(alarm: dict[str, Any], value: float) -> bool:
    """Whether a value is on the wrong side of an alarm's threshold."""
    compare = _BREACHES.get(alarm.get("ComparisonOperator", ""))
    return compare is not None and compare(value, float(alarm.get("Threshold") or 0))


def state_of(alarm: dict[str, Any], values: list[float | None]) -> str | None:
    """The state these values call for, or None to leave it as it is."""
    if alarm.get("ComparisonOperator", "") not in _BREACHES:
        return None
    treat = alarm.get("TreatMissingData") or "missing"
    present = [value for value in values if value is not None]
    breaching = sum(breaches(alarm, value) for value in present)
    if treat == "breaching":
        breaching += len(values) - len(present)
    if breaching >= int(alarm.get("DatapointsToAlarm") or len(values)):
        return "ALARM"
    if present or treat in ("notBreaching", "breaching"):
        return "OK"
    return "INSUFFICIENT_DATA" if treat == "missing" else None


def _reason(alarm: dict[str, Any], values: list[float | None], state: str) -> str:
    present = [value for value in values if value is not None]
    if state == "INSUFFICIENT_DATA":
        return f"Insufficient Data: {len(values)} datapoints were unknown."
    verdict = "was" if state == "ALARM" else "was not"
    compared = alarm.get("ComparisonOperator", "")
    return f"Threshold Crossed: {len(present)} datapoints {present} {verdict} {compared} ({alarm.get('Threshold')})."
