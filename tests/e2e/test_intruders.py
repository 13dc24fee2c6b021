"""What members may not do: speak for the hub, for the bot, or about another account."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.conftest import EIGHTH, critical, reserved
from warden.local.cloud import ANALYTICS, HUB, REGION, Cloud, until
from warden.scenarios import as_forwarder

BUS = f"arn:aws:events:{REGION}:{HUB}:event-bus/warden"


def finding(account: str, function: str) -> dict[str, Any]:
    subject = {"partition": "aws", "account": account, "region": REGION, "function": function}
    return {
        "version": "1",
        "playbook": "reserved-concurrency",
        "mode": "enforce",
        "at": "2999-01-01T00:00:00.000000Z",
        "finding": {
            "playbook": "reserved-concurrency",
            "subject": subject,
            "severity": "high",
            "title": "x",
            "what": "x",
            "found_at": "2999-01-01T00:00:00.000000Z",
        },
    }


def created(account: str, function: str) -> dict[str, Any]:
    return {
        "eventSource": "lambda.amazonaws.com",
        "eventName": "CreateFunction20150331",
        "eventID": str(uuid.uuid4()),
        "recipientAccountId": account,
        "userIdentity": {"type": "IAMUser", "userName": "eve", "accountId": account},
        "requestParameters": {"functionName": function},
    }


FORGERIES = [
    ("warden", "Finding Opened", finding(ANALYTICS, "victim")),
    ("warden", "Fix Requested", finding(ANALYTICS, "victim")),
    ("warden", "Undo Requested", finding(ANALYTICS, "victim")),
    ("warden.test", "Test Event", {"account": ANALYTICS, "region": REGION, "function": "victim"}),
    ("warden.sweep", "Inspection Requested", {"account": ANALYTICS, "region": REGION, "function": "victim"}),
    ("my.application", "AWS API Call via CloudTrail", created(ANALYTICS, "victim")),
]


@pytest.mark.parametrize(("source", "kind", "detail"), FORGERIES, ids=[f"{f[0]} {f[1]}" for f in FORGERIES])
def test_a_member_that_speaks_for_the_hub_gets_a_security_ticket_and_nothing_else(
    cloud: Cloud, source: str, kind: str, detail: dict[str, Any]
) -> None:
    _victim(cloud)
    cloud.emulator.clear_calls()
    entry = {"EventBusName": BUS, "Source": source, "DetailType": kind, "Detail": json.dumps(detail)}
    assert as_forwarder(cloud, EIGHTH, entry)["FailedEntryCount"] == 0
    assert until(lambda: _told(cloud, source), 30), [t.finding.what for t in cloud.store().tickets()]
    assert cloud.emulator.idle(30)
    assert cloud.emulator.calls(operation="PutFunctionConcurrency") == []
    assert reserved(cloud, ANALYTICS, "victim") is None


def test_an_event_about_another_account_gets_a_security_ticket_and_nothing_else(cloud: Cloud) -> None:
    _victim(cloud)
    cloud.emulator.clear_calls()
    event = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "source": "aws.lambda",
        "detail-type": "AWS API Call via CloudTrail",
        "account": EIGHTH,
        "region": REGION,
        "time": "2026-11-20T10:00:05Z",
        "resources": [],
        "detail": created(ANALYTICS, "victim"),
    }
    cloud.emulator.send_event(event, account=EIGHTH, region=REGION)
    assert until(lambda: _told(cloud, "aws.lambda"), 30)
    assert cloud.emulator.idle(30)
    assert cloud.emulator.calls(operation="GetFunction", account=ANALYTICS) == []


def test_a_member_without_the_forwarding_role_is_refused_by_the_bus(cloud: Cloud) -> None:
    entry = {"EventBusName": BUS, "Source": "warden", "DetailType": "Fix Requested", "Detail": "{}"}
    with pytest.raises(ClientError, match="not authorized"):
        cloud.client("events", EIGHTH).put_events(Entries=[entry])


def test_a_stranger_outside_the_organization_is_refused_by_the_bus(cloud: Cloud) -> None:
    entry = {"EventBusName": BUS, "Source": "my.application", "DetailType": "x", "Detail": "{}"}
    with pytest.raises(ClientError, match="not authorized"):
        cloud.client("events", "123456789012").put_events(Entries=[entry])


def _victim(cloud: Cloud) -> None:
    """Make a function in another account that the bot would fix if it believed the forgery."""
    names = [f["FunctionName"] for f in cloud.client("lambda", ANALYTICS).list_functions()["Functions"]]
    if "victim" not in names:
        critical(cloud, ANALYTICS, "victim", **{"warden:mode": "approve"})
        assert until(lambda: cloud.ticket(ANALYTICS, "victim"), 30)


def _told(cloud: Cloud, source: str) -> bool:
    return any(
        t.finding.title == "Forged event refused"
        and t.finding.subject.account == EIGHTH
        and any(e.value == source for e in t.finding.evidence)
        for t in cloud.store().tickets()
    )
