"""The quarantine queue and the permission to send to it, on the embedded AWS, under just the permissions they need."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from functions.adapters import clock
from functions.core.fix import Change, NotVerified, NotYet, Undone
from functions.playbooks.recursive_loop.fixes import permission, quarantine
from functions.playbooks.recursive_loop.fixes.step import CannotBreak
from tests.integration.functions.holding import (
    ACCOUNT,
    LOOP,
    POLICY,
    QUEUE,
    REGION,
    Place,
    document,
    entered,
    killed_everywhere,
    make,
    restored,
)
from warden.local.emulator import Emulator

NAME = f"warden-q-{LOOP}"
ALARM = f"warden-quarantine-{LOOP}"
BUS = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/orders/all"
BUCKET = "arn:aws:s3:::images"
DAY = 86_400


@pytest.fixture
def place(emulator: Emulator) -> Place:
    return entered(emulator)


def url(place: Place) -> str:
    return str(place.root("sqs").get_queue_url(QueueName=NAME)["QueueUrl"])


def attributes(place: Place) -> dict[str, str]:
    answer = place.root("sqs").get_queue_attributes(QueueUrl=url(place), AttributeNames=["All"])
    return dict(answer["Attributes"])


def send(place: Place, body: str) -> None:
    place.root("sqs").send_message(QueueUrl=url(place), MessageBody=body)


def queue(place: Place, *senders: tuple[str, str]) -> Change:
    return quarantine.plan_queue(place.work(), senders)


def recent(place: Place) -> Any:
    return place.work(since=clock.iso(clock.now()))


# --- the queue --------------------------------------------------------------------------------------------------------


def test_the_queue_keeps_for_two_weeks_and_tells_before(place: Place) -> None:
    change = queue(place, ("events.amazonaws.com", BUS), ("s3.amazonaws.com", BUCKET))
    assert change == Change(
        f"quarantine queue {NAME}",
        None,
        {
            "arn": QUEUE,
            "retention_days": 14,
            "senders": [
                {"Service": "events.amazonaws.com", "SourceArn": BUS},
                {"Service": "s3.amazonaws.com", "SourceArn": BUCKET},
            ],
        },
    )
    assert json.loads(json.dumps(change.after)) == change.after
    make(quarantine, place.work(), change)
    found = attributes(place)
    assert (found["MessageRetentionPeriod"], found["SqsManagedSseEnabled"]) == (str(14 * DAY), "true")
    assert place.root("sqs").list_queue_tags(QueueUrl=url(place))["Tags"] == {"warden:loop": LOOP}
    rule, bucket = json.loads(found["Policy"])["Statement"]
    assert rule["Condition"] == {"ArnEquals": {"aws:SourceArn": BUS}}
    assert bucket["Condition"] == {
        "ArnEquals": {"aws:SourceArn": BUCKET},
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
    }
    assert {(one["Effect"], one["Action"], one["Resource"]) for one in (rule, bucket)} == {
        ("Allow", "sqs:SendMessage", QUEUE)
    }
    (alarm,) = place.root("cloudwatch").describe_alarms(AlarmNames=[ALARM])["MetricAlarms"]
    assert (alarm["MetricName"], alarm["Threshold"]) == ("ApproximateAgeOfOldestMessage", 10 * DAY)
    assert place.quarantined() == [], "the test message was left there"


def test_made_and_undone_leaves_nothing(place: Place) -> None:
    change = queue(place, ("events.amazonaws.com", BUS))
    make(quarantine, place.work(), change)
    restored(quarantine, place.work(), change)
    assert (place.queues(), place.alarms()) == ([], [])
    restored(quarantine, place.work(), change)


def test_made_twice_it_is_the_same(place: Place) -> None:
    change = queue(place, ("events.amazonaws.com", BUS))
    make(quarantine, place.work(), change)
    before = attributes(place)
    make(quarantine, place.work(), change)
    after = attributes(place)
    assert after == before


def test_what_others_put_into_its_policy_stays(place: Place) -> None:
    make(quarantine, place.work(), queue(place, ("events.amazonaws.com", BUS)))
    theirs = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sqs:*", "Resource": QUEUE, "Sid": "theirs"}
    policy = json.loads(attributes(place)["Policy"])
    policy["Statement"].append(theirs)
    client = place.root("sqs")
    client.set_queue_attributes(QueueUrl=url(place), Attributes={"Policy": json.dumps(policy)})
    make(quarantine, place.work(), queue(place, ("s3.amazonaws.com", BUCKET)))
    statements = json.loads(attributes(place)["Policy"])["Statement"]
    assert theirs in statements
    assert len(statements) == 3
    client.set_queue_attributes(QueueUrl=url(place), Attributes={"Policy": document(theirs)})
    with pytest.raises(NotVerified, match="Policy"):
        quarantine.verify(place.work(), queue(place, ("s3.amazonaws.com", BUCKET)))
    with pytest.raises(NotYet):
        quarantine.verify(recent(place), queue(place, ("s3.amazonaws.com", BUCKET)))


def test_events_that_come_while_it_is_tried_out_stay_and_are_seen_at_once(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = queue(place)
    quarantine.apply(place.work(), change)
    client = place.client("sqs")
    own = client.send_message

    def send_after_another(**arguments: Any) -> Any:
        send(place, '{"number": 1}')
        return own(**arguments)

    monkeypatch.setattr(client, "send_message", send_after_another)
    quarantine.verify(place.work(), change)
    seen = place.root("sqs").receive_message(QueueUrl=url(place), MaxNumberOfMessages=10)["Messages"]
    assert [one["Body"] for one in seen] == ['{"number": 1}']


def test_a_queue_that_gives_nothing_back_is_not_verified(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    change = queue(place)
    quarantine.apply(place.work(), change)
    monkeypatch.setattr(quarantine, "_LOOKS", 0)
    with pytest.raises(NotVerified, match="has not come back"):
        quarantine.verify(place.work(), change)
    monkeypatch.undo()
    restored(quarantine, place.work(), change)


def test_one_that_holds_events_is_kept_with_them(place: Place) -> None:
    change = queue(place)
    make(quarantine, place.work(), change)
    send(place, '{"number": 1}')
    send(place, quarantine.TEST)
    quarantine.verify(place.work(), change)
    kept = f"quarantine queue {NAME} holds 1 event: redrive it first (warden loops redrive)"
    assert quarantine.undo(place.work(), change) == Undone(kept=(kept,))
    assert {"number": 1} in place.quarantined()
    assert place.alarms() == [ALARM]


def test_one_whose_events_are_being_redriven_is_kept(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quarantine, "_LOOKS", 1)
    change = queue(place)
    make(quarantine, place.work(), change)
    send(place, '{"number": 1}')
    send(place, '{"number": 2}')
    place.root("sqs").receive_message(QueueUrl=url(place), MaxNumberOfMessages=10, VisibilityTimeout=60)
    (kept,) = quarantine.undo(place.work(), change).kept
    assert "holds 2 events: redrive them" in kept
    assert place.queues() == [NAME]


def test_an_event_that_comes_between_two_looks_is_kept(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    change = queue(place)
    make(quarantine, place.work(), change)
    clear = quarantine._clear_tests

    def and_one_comes(*arguments: Any) -> int:
        send(place, '{"number": 1}')
        return clear(*arguments)

    monkeypatch.setattr(quarantine, "_clear_tests", and_one_comes)
    assert quarantine.undo(place.work(), change).kept
    assert place.quarantined() == [{"number": 1}]


def test_tests_are_no_events(place: Place) -> None:
    change = queue(place)
    make(quarantine, place.work(), change)
    send(place, quarantine.TEST)
    send(place, json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "images"}))
    restored(quarantine, place.work(), change)
    assert place.queues() == []


def test_one_that_s3_sent_to_stays_until_s3_has_stopped(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    change = queue(place, ("s3.amazonaws.com", BUCKET))
    make(quarantine, place.work(), change)
    with pytest.raises(NotYet, match="S3 may still send"):
        quarantine.undo(place.work(), change)
    later = clock.now() + timedelta(seconds=301)
    monkeypatch.setattr(clock, "now", lambda: later)
    send(place, '{"Records": []}')
    assert quarantine.undo(place.work(), change).kept
    place.root("sqs").purge_queue(QueueUrl=url(place))
    restored(quarantine, place.work(), change)
    assert place.queues() == []


def test_the_time_that_it_was_empty_counts_anew_after_it_was_used_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = queue(place, ("s3.amazonaws.com", BUCKET))
    make(quarantine, place.work(), change)
    with pytest.raises(NotYet):
        quarantine.undo(place.work(), change)
    make(quarantine, place.work(), change)
    later = clock.now() + timedelta(seconds=301)
    monkeypatch.setattr(clock, "now", lambda: later)
    monkeypatch.setattr(quarantine, "now", lambda: later)
    with pytest.raises(NotYet):
        quarantine.undo(place.work(), change)
    assert place.queues() == [NAME]


def test_its_name_is_not_free_at_once(place: Place) -> None:
    place.emulator.fault(
        "sqs:CreateQueue", status=400, code="AWS.SimpleQueueService.QueueDeletedRecently", message="wait 60 seconds"
    )
    change = queue(place)
    with pytest.raises(NotYet, match="deleted less than a minute ago"):
        quarantine.apply(place.work(), change)
    make(quarantine, place.work(), change)


def test_a_queue_that_was_deleted_meanwhile_is_not_verified(place: Place) -> None:
    change = queue(place)
    make(quarantine, place.work(), change)
    place.root("sqs").delete_queue(QueueUrl=url(place))
    with pytest.raises(NotVerified, match="is not there"):
        quarantine.verify(place.work(), change)


def test_killed_anywhere_it_is_made_and_undone_all_the_same(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quarantine, "_HIDDEN_SECONDS", 1)
    change = queue(place, ("events.amazonaws.com", BUS))

    def check() -> None:
        assert (place.queues(), place.alarms()) == ([NAME], [ALARM])
        assert all(map(quarantine.is_test, map(json.dumps, place.quarantined())))
        assert len(json.loads(attributes(place)["Policy"])["Statement"]) == 1

    killed_everywhere(
        lambda: make(quarantine, place.work(), change), check, lambda: restored(quarantine, place.work(), change)
    )

    def gone() -> None:
        assert (place.queues(), place.alarms()) == ([], [])

    make(quarantine, place.work(), change)
    killed_everywhere(
        lambda: restored(quarantine, place.work(), change), gone, lambda: make(quarantine, place.work(), change)
    )


# --- the permission ---------------------------------------------------------------------------------------------------


def attached(place: Place, role: str) -> list[str]:
    found = place.root("iam").list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    return [one["PolicyArn"] for one in found]


def planned(place: Place, role: str) -> Change:
    change = permission.plan(place.work(), role)
    assert change is not None
    return change


def test_a_role_is_let_send_and_not_any_more(place: Place) -> None:
    place.policy()
    role = place.role("resize")
    change = planned(place, role)
    assert change == Change("permission of resize to send to quarantine", None, {"role": role, "policy": POLICY})
    make(permission, place.work(), change)
    make(permission, place.work(), change)
    assert attached(place, "resize") == [POLICY]
    assert permission.plan(place.work(), role) is None
    restored(permission, place.work(), change)
    assert attached(place, "resize") == []
    restored(permission, place.work(), change)


def test_a_role_that_may_already_needs_nothing(place: Place) -> None:
    assert permission.plan(place.work(), place.role("resize", ("*", ("sqs:SendMessage",)))) is None


def test_a_role_that_is_denied_cannot_be_let(place: Place) -> None:
    place.policy()
    role = place.role("resize", ("*", ("sqs:*",)), effect="Deny")
    with pytest.raises(CannotBreak, match="denies sqs:SendMessage") as cannot:
        permission.plan(place.work(), role)
    assert cannot.value.code == "permission"


def test_a_role_within_a_boundary_cannot_be_let(place: Place) -> None:
    place.policy()
    allow = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    boundary = place.root("iam").create_policy(PolicyName="only-s3", PolicyDocument=document(allow))["Policy"]["Arn"]
    role = place.role("resize")
    place.root("iam").put_role_permissions_boundary(RoleName="resize", PermissionsBoundary=boundary)
    with pytest.raises(CannotBreak, match="boundary of role resize does not allow"):
        permission.plan(place.work(), role)


def test_an_account_without_the_policy_is_told_to_deploy(place: Place) -> None:
    with pytest.raises(CannotBreak, match="deploy the member stack again") as cannot:
        permission.plan(place.work(), place.role("resize"))
    assert cannot.value.code == "no-policy"


def test_a_role_with_as_many_policies_as_it_may_have(place: Place) -> None:
    place.policy()
    role, iam = place.role("resize"), place.root("iam")
    allow = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    for number in range(10):
        arn = iam.create_policy(PolicyName=f"p{number}", PolicyDocument=document(allow))["Policy"]["Arn"]
        iam.attach_role_policy(RoleName="resize", PolicyArn=arn)
    with pytest.raises(CannotBreak, match="10 policies") as cannot:
        permission.plan(place.work(), role)
    assert cannot.value.code == "policies-full"


def test_a_role_that_is_gone(place: Place) -> None:
    place.policy()
    with pytest.raises(CannotBreak, match="does not exist"):
        permission.plan(place.work(), f"arn:aws:iam::{ACCOUNT}:role/gone")
    change = planned(place, place.role("resize"))
    make(permission, place.work(), change)
    iam = place.root("iam")
    iam.detach_role_policy(RoleName="resize", PolicyArn=POLICY)
    iam.delete_role(RoleName="resize")
    assert permission.undo(place.work(), change).kept == (f"{change.setting}: the role was deleted",)


def test_what_is_attached_and_not_known_everywhere_is_waited_for(place: Place) -> None:
    place.policy()
    role = place.role("resize")
    change = planned(place, role)
    with pytest.raises(NotVerified, match="is not attached"):
        permission.verify(recent(place), change)
    permission.apply(place.work(), change)
    deny = {"Effect": "Deny", "Action": "sqs:*", "Resource": "*"}
    place.root("iam").put_role_policy(RoleName="resize", PolicyName="deny", PolicyDocument=document(deny))
    with pytest.raises(NotYet, match="does not allow"):
        permission.verify(recent(place), change)
    with pytest.raises(NotVerified, match="does not allow"):
        permission.verify(place.work(), change)


def test_a_permission_that_another_function_still_needs_is_kept(place: Place) -> None:
    place.policy()
    place.root("sqs").create_queue(QueueName="warden-q-other")
    role = place.role("shared")
    place.function("resize", role)
    place.function("other", role)
    change = planned(place, role)
    make(permission, place.work(), change)
    lam = place.root("lambda")
    other = QUEUE.replace(NAME, "warden-q-other")
    lam.put_function_event_invoke_config(FunctionName="other", DestinationConfig={"OnFailure": {"Destination": other}})
    (kept,) = permission.undo(place.work(), change).kept
    assert "other still sends to a quarantine queue" in kept
    assert attached(place, "shared") == [POLICY]
    lam.delete_function_event_invoke_config(FunctionName="other")
    restored(permission, place.work(), change)


def test_killed_anywhere_a_permission_is_given_and_taken_all_the_same(place: Place) -> None:
    place.policy()
    change = planned(place, place.role("resize"))
    killed_everywhere(
        lambda: make(permission, place.work(), change),
        lambda: assert_equal(attached(place, "resize"), [POLICY]),
        lambda: restored(permission, place.work(), change),
    )
    make(permission, place.work(), change)
    killed_everywhere(
        lambda: restored(permission, place.work(), change),
        lambda: assert_equal(attached(place, "resize"), []),
        lambda: make(permission, place.work(), change),
    )


def assert_equal(one: object, other: object) -> None:
    assert one == other


def test_a_queue_of_another_loop_is_another_one(place: Place) -> None:
    work = replace(place.work(), aspect="other")
    assert quarantine.arn(work).endswith(":warden-q-other")
    assert quarantine.is_quarantine(quarantine.arn(work))
    assert not quarantine.is_quarantine(f"arn:aws:sqs:{REGION}:{ACCOUNT}:jobs")
    assert not quarantine.is_test("no JSON")
