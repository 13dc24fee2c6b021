"""What a function needs of its account's concurrency, and what the account has left.

Lambda API reference: GetAccountSettings, ListProvisionedConcurrencyConfigs; CloudWatch API reference: GetMetricData.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from functions.core.fix import Work
from functions.core.pool import Demand, Pool

DAYS = 14
"""How far back a peak is looked for."""


def demand_of(work: Work, function: str) -> Demand:
    """Return the highest concurrency of two weeks and the provisioned concurrency of a function of the account."""
    return Demand(_observed_peak(work, function), _provisioned(work, function))


def pool_of(work: Work) -> Pool:
    """Return the account's limit, what is unreserved of it, and the floor: as set or as AWS taught us."""
    limits = work.member.client("lambda").get_account_settings()["AccountLimit"]
    floor = max(work.learned.get("floor", 0), int(work.settings["floor"]))
    return Pool(limits["ConcurrentExecutions"], limits["UnreservedConcurrentExecutions"], floor)


def _observed_peak(work: Work, function: str) -> int | None:
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
                        "Dimensions": [{"Name": "FunctionName", "Value": function}],
                    },
                    "Period": 3600,
                    "Stat": "Maximum",
                },
            }
        ],
        StartTime=until - timedelta(days=DAYS),
        EndTime=until,
    )
    values = [value for result in answer["MetricDataResults"] for value in result["Values"]]
    return round(max(values)) if values else None


def _provisioned(work: Work, function: str) -> int:
    """Return the provisioned concurrency of all versions and aliases; a reservation cannot be lower."""
    pages = work.member.client("lambda").get_paginator("list_provisioned_concurrency_configs")
    return sum(
        int(config.get("RequestedProvisionedConcurrentExecutions") or 0)
        for page in pages.paginate(FunctionName=function)
        for config in page["ProvisionedConcurrencyConfigs"]
    )
