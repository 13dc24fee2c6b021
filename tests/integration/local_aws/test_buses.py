"""Events on buses: what PutEvents accepts, where rules carry events, and who may."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from warden.local.emulator import Emulator

from .resources import (
    HUB,
    MEMBER,
    ORGANIZATION,
    STRANGER,
    allow,
    assumed,
    collect,
    collected,
    create_queue,
    create_role,
    create_rule,
    document,
    trust,
)

HUB_BUS = f"arn:aws:events:us-east-1:{HUB}:event-bus/hub"
EVENTS = trust("events.amazonaws.com")


def entry(source: str = "orders", bus: str = "default", **given: Any) -> dict[str, Any]:
    return {"Source": source, "DetailType": "Placed", "Detail": json.dumps({"n": 1}), "EventBusName": bus, **given}


def hub(aws: Emulator, *statements: dict[str, Any]) -> None:
    """A hub bus with this policy, whose every event ends in the hub's queue ``collected``."""
    events = aws.client("events", HUB)
    events.create_event_bus(Name="hub")
    if statements:
        events.put_permission(EventBusName="hub", Policy=document(*statements))
    create_rule(
        aws, HUB, "all", {"account": [{"exists": True}]}, {"Arn": create_queue(aws, HUB, "collected")}, bus="hub"
    )


def admit(principal: Any = "*", **condition: Any) -> dict[str, Any]:
    """A bus policy statement."""
    found = {"Sid": "a", "Effect": "Allow", "Principal": principal, "Action": "events:PutEvents", "Resource": HUB_BUS}
    return {**found, "Condition": condition} if condition else found


def forwarding(aws: Emulator, account: str = MEMBER, role: str = "forwarder", **target: Any) -> None:
    """A member's rule that forwards what ``orders`` sends to the hub, with a dead-letter queue ``undelivered``."""
    arn = create_role(aws, account, role, allow("events:PutEvents", resource=HUB_BUS), trusts=[EVENTS])
    dead = create_queue(aws, account, "undelivered")
    create_rule(
        aws,
        account,
        "forward",
        {"source": ["orders"]},
        {"Arn": HUB_BUS, "RoleArn": arn, "DeadLetterConfig": {"Arn": dead}, **target},
    )


def undelivered(aws: Emulator, account: str = MEMBER) -> list[dict[str, str]]:
    assert aws.idle()
    return [one["attributes"] for one in aws.dead_letters(account, "undelivered")]


class TestPutEvents:
    def test_keeps_the_time_of_an_entry(self, emulator: Emulator) -> None:
        collect(emulator, MEMBER, {"source": ["orders"]})
        emulator.client("events", MEMBER).put_events(Entries=[entry(Time=1_700_000_000)])
        assert collected(emulator, MEMBER)[0]["time"] == "2023-11-14T22:13:20Z"

    def test_refuses_a_source_of_aws(self, emulator: Emulator) -> None:
        answer = emulator.client("events", MEMBER).put_events(Entries=[entry("aws.lambda"), entry()])
        assert answer["FailedEntryCount"] == 1
        assert answer["Entries"][0]["ErrorCode"] == "NotAuthorizedForSourceException"
        assert answer["Entries"][1]["EventId"]

    @pytest.mark.parametrize(
        ("given", "code"),
        [
            ({"Detail": "not json"}, "MalformedDetail"),
            ({"Detail": "[1]"}, "MalformedDetail"),
            ({"DetailType": ""}, "InvalidArgument"),
        ],
    )
    def test_fails_an_entry_that_is_not_an_event(self, emulator: Emulator, given: dict[str, str], code: str) -> None:
        answer = emulator.client("events", MEMBER).put_events(Entries=[{**entry(), **given}])
        assert answer["Entries"][0]["ErrorCode"] == code

    def test_refuses_more_than_a_megabyte(self, emulator: Emulator) -> None:
        big = entry(Detail=json.dumps({"text": "x" * 1_100_000}))
        with pytest.raises(ClientError, match="Total size of the entries"):
            emulator.client("events", MEMBER).put_events(Entries=[big])

    def test_reaches_a_bus_of_another_account_whose_policy_admits_the_caller(self, emulator: Emulator) -> None:
        hub(emulator, admit({"AWS": f"arn:aws:iam::{MEMBER}:root"}))
        emulator.client("events", MEMBER).put_events(Entries=[entry(bus=HUB_BUS)])
        (event,) = collected(emulator, HUB)
        assert (event["account"], event["source"]) == (MEMBER, "orders")

    def test_is_denied_by_a_bus_whose_policy_does_not_admit_the_caller(self, emulator: Emulator) -> None:
        hub(emulator, admit({"AWS": f"arn:aws:iam::{MEMBER}:root"}))
        with pytest.raises(ClientError, match="no resource-based policy allows the events:PutEvents action") as denied:
            emulator.client("events", STRANGER).put_events(Entries=[entry(bus=HUB_BUS)])
        assert denied.value.response["Error"]["Code"] == "AccessDeniedException"
        assert collected(emulator, HUB) == []

    def test_needs_the_callers_own_permission_too(self, emulator: Emulator) -> None:
        hub(emulator, admit())
        role = create_role(
            emulator,
            MEMBER,
            "writer",
            allow("events:PutEvents", resource=f"arn:aws:events:us-east-1:{MEMBER}:event-bus/default"),
            trusts=[{"Effect": "Allow", "Principal": {"AWS": MEMBER}, "Action": "sts:AssumeRole"}],
        )
        events: Any = assumed(emulator, MEMBER, role).client("events", endpoint_url=emulator.endpoint)
        events.put_events(Entries=[entry()])
        with pytest.raises(ClientError, match="no identity-based policy allows the events:PutEvents action"):
            events.put_events(Entries=[entry(bus=HUB_BUS)])

    def test_reaches_a_bus_of_another_region(self, emulator: Emulator) -> None:
        emulator.client("events", MEMBER, "eu-west-1").create_event_bus(Name="away")
        create_rule(
            emulator,
            MEMBER,
            "all",
            {"source": ["orders"]},
            {"Arn": create_queue(emulator, MEMBER, "collected", "eu-west-1")},
            bus="away",
            region="eu-west-1",
        )
        bus = f"arn:aws:events:eu-west-1:{MEMBER}:event-bus/away"
        emulator.client("events", MEMBER).put_events(Entries=[entry(bus=bus)])
        (event,) = collected(emulator, MEMBER, "eu-west-1")
        assert event["region"] == "us-east-1"


class TestForwarding:
    def test_keeps_account_region_source_id_and_time(self, emulator: Emulator) -> None:
        hub(emulator, admit(ArnLike={"aws:PrincipalArn": "arn:aws:iam::*:role/forwarder"}))
        forwarding(emulator)
        answer = emulator.client("events", MEMBER).put_events(Entries=[entry(Time=1_700_000_000)])
        (event,) = collected(emulator, HUB)
        assert event == {
            "version": "0",
            "id": answer["Entries"][0]["EventId"],
            "source": "orders",
            "detail-type": "Placed",
            "account": MEMBER,
            "region": "us-east-1",
            "time": "2023-11-14T22:13:20Z",
            "resources": [],
            "detail": {"n": 1},
        }
        assert undelivered(emulator) == []

    def test_is_admitted_by_organization(self, emulator: Emulator) -> None:
        emulator.configure(organization=ORGANIZATION)
        hub(emulator)
        emulator.client("events", HUB).put_permission(
            EventBusName="hub",
            StatementId="org",
            Action="events:PutEvents",
            Principal="*",
            Condition={"Type": "StringEquals", "Key": "aws:PrincipalOrgID", "Value": "o-exampleorg1"},
        )
        for account in (MEMBER, STRANGER):
            forwarding(emulator, account)
            emulator.client("events", account).put_events(Entries=[entry()])
        assert [event["account"] for event in collected(emulator, HUB)] == [MEMBER]
        assert undelivered(emulator, STRANGER)[0]["ERROR_CODE"] == "NO_PERMISSIONS"

    @pytest.mark.parametrize("role", ["other", "forwarder-two"])
    def test_is_denied_to_a_role_the_bus_policy_does_not_name(self, emulator: Emulator, role: str) -> None:
        hub(emulator, admit(ArnLike={"aws:PrincipalArn": "arn:aws:iam::*:role/forwarder"}))
        forwarding(emulator, role=role)
        emulator.client("events", MEMBER).put_events(Entries=[entry()])
        (dead,) = undelivered(emulator)
        assert dead["ERROR_CODE"] == "NO_PERMISSIONS"
        assert f"assumed-role/{role}/" in dead["ERROR_MESSAGE"]
        assert dead["RETRY_ATTEMPTS"] == "0"
        assert dead["TARGET_ARN"] == HUB_BUS
        assert dead["RULE_ARN"] == f"arn:aws:events:us-east-1:{MEMBER}:rule/forward"
        assert "EXHAUSTED_RETRY_CONDITION" not in dead

    def test_is_denied_to_a_role_without_the_permission(self, emulator: Emulator) -> None:
        hub(emulator, admit())
        forwarding(emulator)
        emulator.client("iam", MEMBER).delete_role_policy(RoleName="forwarder", PolicyName="inline")
        emulator.client("events", MEMBER).put_events(Entries=[entry()])
        assert undelivered(emulator)[0]["ERROR_CODE"] == "NO_PERMISSIONS"

    def test_needs_a_role_that_eventbridge_may_assume(self, emulator: Emulator) -> None:
        hub(emulator, admit())
        forwarding(emulator)
        emulator.client("iam", MEMBER).update_assume_role_policy(
            RoleName="forwarder", PolicyDocument=document(trust("lambda.amazonaws.com"))
        )
        emulator.client("events", MEMBER).put_events(Entries=[entry()])
        assert undelivered(emulator)[0]["ERROR_CODE"] == "FAILED_TO_ASSUME_ROLE"

    def test_to_a_bus_that_is_gone_ends_in_the_dead_letter_queue_with_the_event(self, emulator: Emulator) -> None:
        hub(emulator, admit())
        forwarding(emulator)
        emulator.client("events", HUB).delete_event_bus(Name="hub")
        emulator.client("events", MEMBER).put_events(Entries=[entry()])
        assert undelivered(emulator)[0]["ERROR_CODE"] == "NO_RESOURCE"
        assert json.loads(emulator.dead_letters(MEMBER, "undelivered")[0]["body"])["source"] == "orders"

    def test_stops_at_the_third_account(self, emulator: Emulator) -> None:
        hub(emulator, admit())
        forwarding(emulator)
        onward = create_role(emulator, HUB, "onward", allow("events:PutEvents"), trusts=[EVENTS])
        third = f"arn:aws:events:us-east-1:{STRANGER}:event-bus/default"
        create_rule(
            emulator,
            HUB,
            "onward",
            {"source": ["orders"]},
            {"Arn": third, "RoleArn": onward, "DeadLetterConfig": {"Arn": create_queue(emulator, HUB, "undelivered")}},
            bus="hub",
        )
        emulator.client("events", STRANGER).put_permission(
            EventBusName="default", StatementId="hub", Action="events:PutEvents", Principal=HUB
        )
        collect(emulator, STRANGER, {"source": ["orders"]})
        emulator.client("events", MEMBER).put_events(Entries=[entry()])
        assert len(collected(emulator, HUB)) == 1
        assert collected(emulator, STRANGER) == []
        assert undelivered(emulator, HUB)[0]["ERROR_CODE"] == "THIRD_ACCOUNT_HOP_DETECTED"
        # The hub's own events do go there.
        emulator.client("events", HUB).put_events(Entries=[entry(bus="hub")])
        assert [event["account"] for event in collected(emulator, STRANGER)] == [HUB]

    def test_needs_a_role_for_another_account(self, emulator: Emulator) -> None:
        with pytest.raises(ClientError, match="RoleArn is required"):
            create_rule(emulator, MEMBER, "forward", {"source": ["orders"]}, {"Arn": HUB_BUS})


class TestCompleteEvents:
    def test_are_put_as_they_are(self, emulator: Emulator) -> None:
        collect(emulator, MEMBER, {"source": ["aws.health"]})
        event = {
            "version": "0",
            "id": "7bf73129-1428-4cd3-a780-95db273d1602",
            "detail-type": "AWS Health Event",
            "source": "aws.health",
            "account": HUB,
            "time": "2026-01-27T09:01:22Z",
            "region": "eu-west-1",
            "resources": ["orders"],
            "detail": {"service": "LAMBDA"},
        }
        assert emulator.send_event(event, account=MEMBER, region="us-east-1") == event["id"]
        assert collected(emulator, MEMBER) == [event]

    def test_go_to_the_account_and_region_they_name(self, emulator: Emulator) -> None:
        collect(emulator, MEMBER, {"source": ["aws.config"]}, region="eu-west-1")
        emulator.send_event({"source": "aws.config", "account": MEMBER, "region": "eu-west-1", "detail": {}})
        assert len(collected(emulator, MEMBER, "eu-west-1")) == 1


def test_a_rule_for_all_management_events_is_enabled_and_a_disabled_one_is_not(emulator: Emulator) -> None:
    collect(emulator, MEMBER, {"source": ["orders"]})
    events = emulator.client("events", MEMBER)
    for state, seen in (("ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS", 1), ("DISABLED", 1), ("ENABLED", 2)):
        events.put_rule(Name="collect", EventPattern=json.dumps({"source": ["orders"]}), State=state)
        events.put_events(Entries=[entry()])
        assert len(collected(emulator, MEMBER)) == seen, state


def test_an_archive_of_the_hub_replays_forwarded_events(emulator: Emulator) -> None:
    hub(emulator, admit())
    events = emulator.client("events", HUB)
    events.create_archive(ArchiveName="kept", EventSourceArn=HUB_BUS)
    forwarding(emulator)
    emulator.client("events", MEMBER).put_events(Entries=[entry(Time=1_700_000_000)])
    assert len(collected(emulator, HUB)) == 1
    events.start_replay(
        ReplayName="again",
        EventSourceArn=f"arn:aws:events:us-east-1:{HUB}:archive/kept",
        EventStartTime=1_699_999_999,
        EventEndTime=1_700_000_001,
        Destination={"Arn": HUB_BUS},
    )
    assert [event.get("replay-name") for event in collected(emulator, HUB)] == [None, "again"]
