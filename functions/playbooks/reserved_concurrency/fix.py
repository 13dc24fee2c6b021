"""Reserve concurrency for the function: from its observed peak, within what the account can spare.

Lambda API reference: PutFunctionConcurrency, GetAccountSettings, ListProvisionedConcurrencyConfigs; CloudWatch API
reference: GetMetricData. A reservation has no revision id, so it is compared before and after.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from botocore.exceptions import ClientError

from functions.core.fix import (
    CannotFix,
    Change,
    ChangedMeanwhile,
    Learned,
    NothingToDo,
    NotVerified,
    Plan,
    Undone,
    Work,
)
from functions.core.snapshot import FunctionSnapshot
from functions.playbooks.reserved_concurrency.size import Demand, Pool, size

SETTING = "reserved concurrency"
_FLOOR = re.compile(r"below its minimum value of \[(\d+)\]")
_DAYS = 14


def plan(work: Work, snapshot: FunctionSnapshot) -> Plan | CannotFix | NothingToDo:
    """Decide how much to reserve; nothing where that would take the account under its floor."""
    if snapshot.reserved is not None:
        return NothingToDo(f"Reserved concurrency is {snapshot.reserved} by now.")
    demand = Demand(_observed_peak(work), _provisioned(work))
    wanted = size(demand, _pool(work), int(work.settings["default"]))
    if isinstance(wanted, CannotFix):
        return wanted
    because = (
        f"1.2 × the highest of {_DAYS} days, {demand.peak}" if demand.peak else "the default, with no traffic seen"
    )
    return Plan((Change(SETTING, None, wanted),), f"Reserved {wanted} concurrent executions ({because}).")


def apply(work: Work, plan: Plan) -> None:
    """Set the reservation, unless it is there already or somebody set another one meanwhile."""
    change = plan.changes[0]
    now = work.member.snapshot().reserved
    if now == change.after:
        return
    if now != change.before:
        raise ChangedMeanwhile(f"Somebody set reserved concurrency to {now} meanwhile; it was left so.")
    try:
        work.member.client("lambda").put_function_concurrency(
            FunctionName=work.subject.arn, ReservedConcurrentExecutions=change.after
        )
    except ClientError as error:
        floor = _FLOOR.search(str(error))
        if floor is None:
            raise
        text = f"AWS keeps {floor[1]} unreserved in this account and Region, which {change.after} would not leave"
        raise Learned("floor", int(floor[1]), CannotFix("no-room", text)) from error


def verify(work: Work, plan: Plan) -> None:
    """Read the reservation back."""
    now, wanted = work.member.snapshot().reserved, plan.changes[0].after
    if now != wanted:
        raise NotVerified(f"Reserved concurrency was set to {wanted} and reads {now}.")


def undo(work: Work, plan: Plan) -> Undone:
    """Put back what was there before (unset is not 0), unless somebody changed it since."""
    change = plan.changes[0]
    now = work.member.snapshot().reserved
    if now == change.before:
        return Undone(restored=(change,))
    if now != change.after:
        return Undone(kept=(f"{SETTING} is {'not set' if now is None else now}, as somebody set it since",))
    client = work.member.client("lambda")
    if change.before is None:
        client.delete_function_concurrency(FunctionName=work.subject.arn)
    else:
        client.put_function_concurrency(FunctionName=work.subject.arn, ReservedConcurrentExecutions=change.before)
    return Undone(restored=(change,))


def advise(work: Work, plan: Plan) -> str:  # noqa: ARG001 - the same wherever the function lives
    """Say what keeps the reservation at the next deployment from a template."""
    return f"Keep it in the function's template as well: ReservedConcurrentExecutions: {plan.changes[0].after}."


def _observed_peak(work: Work) -> int | None:
    """Return the highest concurrency of the last two weeks from hourly maxima: 336 points in one call."""
    until = datetime.now(UTC)
    answer = work.member.client("cloudwatch").get_metric_data(
        MetricDataQueries=[
            {
                "Id": "peak",
                "MetricStat": {
                    "Metric": {
                        "Namespace": "AWS/Lambda",
                        "MetricName": "ConcurrentExecutions",
                        "Dimensions": [{"Name": "FunctionName", "Value": work.subject.function}],
                    },
                    "Period": 3600,
                    "Stat": "Maximum",
                },
            }
        ],
        StartTime=until - timedelta(days=_DAYS),
        EndTime=until,
    )
    values = [value for result in answer["MetricDataResults"] for value in result["Values"]]
    return round(max(values)) if values else None


def _provisioned(work: Work) -> int:
    """Return the provisioned concurrency of all versions and aliases; a reservation cannot be lower."""
    pages = work.member.client("lambda").get_paginator("list_provisioned_concurrency_configs")
    return sum(
        int(config.get("RequestedProvisionedConcurrentExecutions") or 0)
        for page in pages.paginate(FunctionName=work.subject.function)
        for config in page["ProvisionedConcurrencyConfigs"]
    )


def _pool(work: Work) -> Pool:
    limits = work.member.client("lambda").get_account_settings()["AccountLimit"]
    floor = max(work.learned.get("floor", 0), int(work.settings["floor"]))
    return Pool(limits["ConcurrentExecutions"], limits["UnreservedConcurrentExecutions"], floor)
