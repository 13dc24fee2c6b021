"""Functions held, notifications swapped and triggers taken away on the embedded AWS, while events come."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError

from functions.adapters import clock
from functions.core.fix import Change, ChangedMeanwhile, Learned, NotVerified, NotYet, Undone
from functions.playbooks.recursive_loop.fixes import (
    concurrency,
    deletion,
    hold,
    invocations,
    keeping,
    notification,
    permission,
    quarantine,
)
from functions.playbooks.recursive_loop.fixes.step import CannotBreak, Open, Step
from functions.playbooks.recursive_loop.graph import Confidence, Edge, Kind
from functions.playbooks.recursive_loop.triggers import notification_node
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

STEPS: tuple[Step, ...] = (quarantine, permission, invocations, concurrency, notification, deletion)
RESIZE = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:resize"
BUCKET = "images"
THEIRS = f"arn:aws:sqs:{REGION}:{ACCOUNT}:theirs"


@pytest.fixture
def place(emulator: Emulator) -> Place:
    return entered(emulator)


def step_of(change: Change) -> Step:
    return next(step for step in STEPS if change.setting.startswith(step.SETTING))


def queue_for(place: Place, *senders: tuple[str, str]) -> Change:
    return quarantine.plan_queue(place.work(), senders)


def make_all(place: Place, changes: tuple[Change, ...]) -> None:
    for change in changes:
        make(step_of(change), place.work(), change)


def undo_all(place: Place, changes: tuple[Change, ...]) -> list[str]:
    return [said for one in reversed(changes) for said in step_of(one).undo(place.work(), one).kept]


def asynchronous(place: Place, label: str = "resize") -> dict[str, Any] | None:
    """What is configured for asynchronous invocations, without when it was."""
    name, _, qualifier = label.partition(":")
    given = {"FunctionName": name, **({"Qualifier": qualifier} if qualifier else {})}
    try:
        answer = place.root("lambda").get_function_event_invoke_config(**given)
    except place.root("lambda").exceptions.ResourceNotFoundException:
        return None
    return {key: value for key, value in answer.items() if key not in {"LastModified", "ResponseMetadata"}}


def configure(place: Place, **config: Any) -> None:
    place.root("lambda").put_function_event_invoke_config(FunctionName="resize", **config)


def goes_to(config: dict[str, Any] | None, when: str = "OnFailure") -> str | None:
    return invocations.destination(config, when)


def reserved(place: Place, name: str = "resize") -> int | None:
    answer = place.root("lambda").get_function_concurrency(FunctionName=name)
    found: int | None = answer.get("ReservedConcurrentExecutions")
    return found


def their_queue(place: Place) -> str:
    place.root("sqs").create_queue(QueueName="theirs")
    return THEIRS


def sending_role(place: Place) -> str:
    """A role that may send anywhere, so that destinations are taken."""
    return place.role("resize", ("*", ("sqs:SendMessage",)))


# --- the on-failure destination ---------------------------------------------------------------------------------------


def test_a_function_without_a_configuration_has_none_again(place: Place) -> None:
    arn = place.function("resize", sending_role(place))
    make(quarantine, place.work(), queue_for(place))
    change = invocations.plan(place.work(), arn, QUEUE)
    assert change == Change(
        "on-failure destination of resize", {"configured": False, "OnFailure": None}, {"OnFailure": QUEUE}
    )
    make(invocations, place.work(), change)
    make(invocations, place.work(), change)
    assert goes_to(asynchronous(place)) == QUEUE
    restored(invocations, place.work(), change)
    assert asynchronous(place) is None
    restored(invocations, place.work(), change)


@pytest.mark.parametrize("before", [None, THEIRS])
def test_everything_else_of_a_configuration_stays(place: Place, before: str | None) -> None:
    arn = place.function("resize", sending_role(place))
    make(quarantine, place.work(), queue_for(place))
    destinations = {"OnSuccess": {"Destination": their_queue(place)}}
    if before:
        destinations["OnFailure"] = {"Destination": before}
    configure(place, MaximumRetryAttempts=1, MaximumEventAgeInSeconds=77, DestinationConfig=destinations)
    whole = asynchronous(place)
    change = invocations.plan(place.work(), arn, QUEUE)
    assert change.before == {"configured": True, "OnFailure": before}
    make(invocations, place.work(), change)
    now = asynchronous(place)
    assert now is not None
    assert (now["MaximumRetryAttempts"], now["MaximumEventAgeInSeconds"]) == (1, 77)
    assert (goes_to(now), goes_to(now, "OnSuccess")) == (QUEUE, THEIRS)
    restored(invocations, place.work(), change)
    assert asynchronous(place) == whole


def test_what_was_added_to_a_configuration_of_ours_stays(place: Place) -> None:
    arn = place.function("resize", sending_role(place))
    make(quarantine, place.work(), queue_for(place))
    change = invocations.plan(place.work(), arn, QUEUE)
    make(invocations, place.work(), change)
    place.root("lambda").update_function_event_invoke_config(FunctionName="resize", MaximumRetryAttempts=0)
    restored(invocations, place.work(), change)
    now = asynchronous(place)
    assert now is not None
    assert (now["MaximumRetryAttempts"], goes_to(now)) == (0, None)


def test_an_alias_has_a_destination_of_its_own(place: Place) -> None:
    place.function("resize", sending_role(place))
    make(quarantine, place.work(), queue_for(place))
    place.root("lambda").create_alias(FunctionName="resize", Name="live", FunctionVersion="$LATEST")
    change = invocations.plan(place.work(), f"{RESIZE}:live", QUEUE)
    assert change.setting == "on-failure destination of resize:live"
    make(invocations, place.work(), change)
    assert (goes_to(asynchronous(place, "resize:live")), asynchronous(place)) == (QUEUE, None)
    restored(invocations, place.work(), change)
    assert asynchronous(place, "resize:live") is None
    assert invocations.plan(place.work(), f"{RESIZE}:$LATEST", QUEUE).setting == "on-failure destination of resize"


def test_a_destination_set_meanwhile_or_since_is_left(place: Place) -> None:
    arn = place.function("resize", sending_role(place))
    make(quarantine, place.work(), queue_for(place))
    change = invocations.plan(place.work(), arn, QUEUE)
    theirs = {"OnFailure": {"Destination": their_queue(place)}}
    configure(place, DestinationConfig=theirs)
    with pytest.raises(ChangedMeanwhile, match=THEIRS):
        invocations.apply(place.work(), change)
    with pytest.raises(NotVerified, match=THEIRS):
        invocations.verify(place.work(), change)
    place.root("lambda").delete_function_event_invoke_config(FunctionName="resize")
    make(invocations, place.work(), change)
    configure(place, DestinationConfig=theirs)
    kept = f"on-failure destination of resize is {THEIRS}, as somebody set it since"
    assert invocations.undo(place.work(), change) == Undone(kept=(kept,))
    assert goes_to(asynchronous(place)) == THEIRS


def test_a_configuration_deleted_since_is_not_made_again(place: Place) -> None:
    arn = place.function("resize", sending_role(place))
    make(quarantine, place.work(), queue_for(place))
    configure(place, MaximumRetryAttempts=1)
    change = invocations.plan(place.work(), arn, QUEUE)
    make(invocations, place.work(), change)
    place.root("lambda").delete_function_event_invoke_config(FunctionName="resize")
    assert invocations.undo(place.work(), change).kept
    assert asynchronous(place) is None


def test_lambda_that_has_not_heard_of_a_permission_is_waited_for(place: Place) -> None:
    arn = place.function("resize")
    make(quarantine, place.work(), queue_for(place))
    change = invocations.plan(place.work(), arn, QUEUE)
    with pytest.raises(NotYet, match="does not have permissions"):
        invocations.apply(place.work(since=clock.iso(clock.now())), change)
    with pytest.raises(ClientError, match="does not have permissions"):
        invocations.apply(place.work(), change)


@pytest.mark.parametrize("configured", [True, False])
def test_killed_anywhere_a_destination_is_set_and_put_back_all_the_same(place: Place, configured: bool) -> None:
    arn = place.function("resize", sending_role(place))
    make(quarantine, place.work(), queue_for(place))
    if configured:
        configure(place, MaximumRetryAttempts=1, DestinationConfig={"OnFailure": {"Destination": their_queue(place)}})
    whole, change = asynchronous(place), invocations.plan(place.work(), arn, QUEUE)
    killed_everywhere(
        lambda: make(invocations, place.work(), change),
        lambda: same(goes_to(asynchronous(place)), QUEUE),
        lambda: restored(invocations, place.work(), change),
    )
    make(invocations, place.work(), change)
    killed_everywhere(
        lambda: restored(invocations, place.work(), change),
        lambda: same(asynchronous(place), whole),
        lambda: make(invocations, place.work(), change),
    )


def same(one: object, other: object) -> None:
    assert one == other


# --- reserved concurrency ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", [None, 7])
def test_a_small_cap_and_back(place: Place, before: int | None) -> None:
    place.function("resize")
    if before is not None:
        place.root("lambda").put_function_concurrency(FunctionName="resize", ReservedConcurrentExecutions=before)
    change = concurrency.plan(place.work(), "resize", 3)
    assert change == Change("reserved concurrency of resize", before, 3)
    make(concurrency, place.work(), change)
    make(concurrency, place.work(), change)
    assert reserved(place) == 3
    restored(concurrency, place.work(), change)
    assert reserved(place) == before
    restored(concurrency, place.work(), change)


def test_a_reservation_changed_meanwhile_or_since_is_left(place: Place) -> None:
    place.function("resize")
    change = concurrency.plan(place.work(), "resize", 3)
    lam = place.root("lambda")
    lam.put_function_concurrency(FunctionName="resize", ReservedConcurrentExecutions=8)
    with pytest.raises(ChangedMeanwhile, match="is 8"):
        concurrency.apply(place.work(), change)
    with pytest.raises(NotVerified, match="is 8"):
        concurrency.verify(place.work(), change)
    lam.delete_function_concurrency(FunctionName="resize")
    make(concurrency, place.work(), change)
    lam.put_function_concurrency(FunctionName="resize", ReservedConcurrentExecutions=0)
    kept = "reserved concurrency of resize is 0, as somebody set it since"
    assert concurrency.undo(place.work(), change) == Undone(kept=(kept,))
    assert reserved(place) == 0


def test_a_function_deleted_meanwhile(place: Place) -> None:
    place.function("resize")
    change = concurrency.plan(place.work(), "resize", 3)
    make(concurrency, place.work(), change)
    place.root("lambda").delete_function(FunctionName="resize")
    with pytest.raises(ClientError, match="ResourceNotFound"):
        concurrency.apply(place.work(), change)
    assert concurrency.undo(place.work(), change).kept == ("reserved concurrency of resize: the function was deleted",)


def test_the_floor_of_the_account_is_learned(place: Place) -> None:
    place.function("resize")
    change = concurrency.plan(place.work(), "resize", 950)
    with pytest.raises(Learned) as learned:
        concurrency.apply(place.work(), change)
    assert (learned.value.name, learned.value.value, learned.value.cannot.code) == ("floor", 100, "no-room")


def test_killed_anywhere_a_reservation_is_set_and_put_back_all_the_same(place: Place) -> None:
    place.function("resize")
    change = concurrency.plan(place.work(), "resize", 3)
    killed_everywhere(
        lambda: make(concurrency, place.work(), change),
        lambda: same(reserved(place), 3),
        lambda: restored(concurrency, place.work(), change),
    )
    make(concurrency, place.work(), change)
    killed_everywhere(
        lambda: restored(concurrency, place.work(), change),
        lambda: same(reserved(place), None),
        lambda: make(concurrency, place.work(), change),
    )


# --- a function held --------------------------------------------------------------------------------------------------


def held(place: Place, function: str = RESIZE) -> tuple[Change, ...]:
    return (queue_for(place), *hold.plan(place.work(), function, QUEUE))


def state(place: Place) -> dict[str, Any]:
    """All that holding a function changes."""
    policies = place.root("iam").list_attached_role_policies(RoleName="resize")["AttachedPolicies"]
    return {
        "asynchronous": asynchronous(place),
        "reserved": reserved(place),
        "policies": [one["PolicyArn"] for one in policies],
        "queues": place.queues(),
        "alarms": place.alarms(),
    }


def test_what_holds_a_function_keeps_its_events_before_it_stops_it(place: Place) -> None:
    place.policy()
    place.function("resize")
    whole = state(place)
    changes = held(place)
    assert [change.setting for change in changes] == [
        f"quarantine queue warden-q-{LOOP}",
        "permission of resize to send to quarantine",
        "on-failure destination of resize",
        "reserved concurrency of resize",
    ]
    assert changes[-1].after == 0
    assert json.loads(json.dumps([change.after for change in changes]))
    make_all(place, changes)
    make_all(place, changes)
    assert state(place) == {
        **whole,
        "asynchronous": asynchronous(place),
        "reserved": 0,
        "policies": [POLICY],
        "queues": [f"warden-q-{LOOP}"],
        "alarms": [f"warden-quarantine-{LOOP}"],
    }
    assert undo_all(place, changes) == []
    assert state(place) == whole


def test_all_that_is_sent_is_processed_or_kept(place: Place) -> None:
    place.policy()
    arn = place.function("resize")
    lam, changes = place.root("lambda"), held(place)

    def send(number: int) -> None:
        lam.invoke(FunctionName=arn, InvocationType="Event", Payload=json.dumps({"number": number}))

    with numbered(send) as sending:
        until(lambda: bool(place.processed("resize")))
        make_all(place, changes)
        until(lambda: len(place.quarantined()) > 2)
    sent = len(sending)
    assert place.emulator.idle()
    records = place.quarantined()
    kept = [record["requestPayload"]["number"] for record in records]
    assert {record["requestContext"]["condition"] for record in records} == {"ZeroReservedConcurrency"}
    assert 0 < len(kept) < sent
    assert sorted([*place.processed("resize"), *kept]) == list(range(sent))
    said = undo_all(place, changes)
    assert [one for one in said if f"holds {len(kept)} events: redrive them" in one] == said
    lam.invoke(FunctionName=arn, InvocationType="Event", Payload=json.dumps({"number": sent}))
    assert place.emulator.idle()
    assert sent in place.processed("resize")
    assert len(place.quarantined()) == len(kept)


def test_every_alias_is_held_and_every_role_let_send(place: Place) -> None:
    place.policy()
    place.function("resize")
    lam = place.root("lambda")
    version = lam.publish_version(FunctionName="resize")["Version"]
    lam.create_alias(FunctionName="resize", Name="live", FunctionVersion=version)
    lam.update_function_configuration(FunctionName="resize", Role=place.role("newer"))
    lam.get_waiter("function_updated_v2").wait(FunctionName="resize", WaiterConfig={"Delay": 0, "MaxAttempts": 2000})
    changes = held(place)
    assert [change.setting for change in changes[1:]] == [
        "permission of newer to send to quarantine",
        "permission of resize to send to quarantine",
        "on-failure destination of resize",
        "on-failure destination of resize:live",
        "reserved concurrency of resize",
    ]
    make_all(place, changes)
    lam.invoke(FunctionName="resize:live", InvocationType="Event", Payload=json.dumps({"number": 1}))
    lam.invoke(FunctionName="resize", InvocationType="Event", Payload=json.dumps({"number": 2}))
    assert place.emulator.idle()
    assert sorted(record["requestPayload"]["number"] for record in place.quarantined()) == [1, 2]


@pytest.mark.parametrize("missing", ["permission of", "on-failure destination of resize:live", "quarantine queue"])
def test_nothing_is_stopped_that_would_lose_events(place: Place, missing: str) -> None:
    place.policy()
    place.function("resize")
    place.root("lambda").create_alias(FunctionName="resize", Name="live", FunctionVersion="$LATEST")
    *before, last = held(place)
    make_all(place, tuple(before))
    taken_away = next(one for one in before if one.setting.startswith(missing))
    if missing == "permission of":
        place.root("iam").detach_role_policy(RoleName="resize", PolicyArn=POLICY)
    else:
        step_of(taken_away).undo(place.work(), taken_away)
    with pytest.raises(ChangedMeanwhile, match="events would be lost"):
        concurrency.apply(place.work(), last)
    assert reserved(place) is None


def test_a_function_that_a_queue_feeds_is_not_held(place: Place) -> None:
    place.policy()
    reads = ("*", ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"))
    place.function("resize", place.role("resize", reads))
    lam = place.root("lambda")
    lam.create_alias(FunctionName="resize", Name="live", FunctionVersion="$LATEST")
    uuid = lam.create_event_source_mapping(EventSourceArn=their_queue(place), FunctionName="resize:live")["UUID"]
    with pytest.raises(CannotBreak, match=uuid) as cannot:
        held(place)
    assert cannot.value.code == "event-source"
    lam.update_event_source_mapping(UUID=uuid, Enabled=False)
    until(lambda: lam.get_event_source_mapping(UUID=uuid)["State"] == "Disabled")
    changes = held(place)
    make_all(place, changes[:-1])
    lam.update_event_source_mapping(UUID=uuid, Enabled=True)
    with pytest.raises(ChangedMeanwhile, match="would use up the tries"):
        concurrency.apply(place.work(), changes[-1])


def test_a_stream_that_gives_records_up_is_not_held(place: Place) -> None:
    place.function("resize", place.role("resize", ("*", ("dynamodb:*",))))
    stream = place.root("dynamodb").create_table(
        TableName="orders",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )["TableDescription"]["LatestStreamArn"]
    mapping = place.root("lambda").create_event_source_mapping(
        EventSourceArn=stream, FunctionName="resize", StartingPosition="LATEST"
    )["UUID"]
    assert keeping.lost(place.work(), "resize") == ""
    place.root("lambda").update_event_source_mapping(UUID=mapping, MaximumRecordAgeInSeconds=60)
    assert "gives up records after 60 seconds" in keeping.lost(place.work(), "resize")


def test_a_function_whose_role_cannot_be_let_send_is_only_slowed_down(place: Place) -> None:
    place.policy()
    place.function("resize", place.role("resize", ("*", ("sqs:SendMessage",)), effect="Deny"))
    (change,) = hold.plan(place.work(), RESIZE, QUEUE)
    assert (change.setting, change.after) == ("reserved concurrency of resize", 1)
    why = hold.why_not(place.work(), RESIZE)
    assert why.startswith("its role cannot be allowed to send to the quarantine queue: a policy of role resize denies")
    make(concurrency, place.work(), change)
    restored(concurrency, place.work(), change)


def test_a_function_that_can_be_held_is(place: Place) -> None:
    place.policy()
    place.function("resize")
    assert hold.why_not(place.work(), RESIZE) == ""


def test_a_function_that_is_stopped_already_is_no_loop(place: Place) -> None:
    place.function("resize")
    place.root("lambda").put_function_concurrency(FunctionName="resize", ReservedConcurrentExecutions=0)
    with pytest.raises(Open, match="reserved concurrency of 0"):
        hold.plan(place.work(), RESIZE, QUEUE)


def test_a_function_with_provisioned_concurrency_is_not_held(place: Place) -> None:
    place.function("resize")
    lam = place.root("lambda")
    version = lam.publish_version(FunctionName="resize")["Version"]
    lam.put_provisioned_concurrency_config(FunctionName="resize", Qualifier=version, ProvisionedConcurrentExecutions=1)
    with pytest.raises(CannotBreak, match="provisioned concurrency"):
        hold.plan(place.work(), RESIZE, QUEUE)


def test_killed_anywhere_a_function_is_held_all_the_same(place: Place) -> None:
    place.policy()
    place.function("resize")
    whole, changes = state(place), held(place)
    _, *after_queue = changes
    make(quarantine, place.work(), changes[0])

    def check() -> None:
        now = state(place)
        assert (goes_to(now["asynchronous"]), now["reserved"], now["policies"]) == (QUEUE, 0, [POLICY])

    killed_everywhere(
        lambda: make_all(place, tuple(after_queue)), check, lambda: same(undo_all(place, tuple(after_queue)), [])
    )
    assert undo_all(place, changes) == []
    assert state(place) == whole


# --- a notification swapped -------------------------------------------------------------------------------------------


def entry(name: str, target: str, arn: str, prefix: str, events: tuple[str, ...] = ("s3:ObjectCreated:*",)) -> Any:
    rules = {"Key": {"FilterRules": [{"Name": "prefix", "Value": prefix}, {"Name": "suffix", "Value": ".png"}]}}
    return {"Id": name, target: arn, "Events": list(events), "Filter": rules}


def bucket(place: Place, function: str = RESIZE) -> Edge:
    """A bucket with a notification to the function, others to others, and one bus."""
    s3 = place.root("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    allow = {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sqs:SendMessage"}
    url = place.root("sqs").create_queue(QueueName="theirs")["QueueUrl"]
    place.root("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": document({**allow, "Resource": THEIRS})})
    put(
        place,
        LambdaFunctionConfigurations=[
            entry("to-resize", "LambdaFunctionArn", function, "in/"),
            entry("to-other", "LambdaFunctionArn", RESIZE.replace("resize", "other"), "other/"),
        ],
        QueueConfigurations=[entry("to-theirs", "QueueArn", THEIRS, "theirs/")],
        EventBridgeConfiguration={},
    )
    source = notification_node(f"arn:aws:s3:::{BUCKET}", "to-resize")
    return Edge(source, RESIZE, Kind.BUCKET_NOTIFICATION, Confidence.A, "", "to-resize")


def put(place: Place, **configuration: Any) -> None:
    place.root("s3").put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration=configuration)


def configured(place: Place) -> dict[str, Any]:
    answer = place.root("s3").get_bucket_notification_configuration(Bucket=BUCKET)
    found = {key: value for key, value in answer.items() if key != "ResponseMetadata"}
    lists = {key: sorted(value, key=lambda one: one["Id"]) for key, value in found.items() if isinstance(value, list)}
    return {**found, **lists}


def from_s3(place: Place) -> Change:
    return queue_for(place, ("s3.amazonaws.com", f"arn:aws:s3:::{BUCKET}"))


def test_one_notification_is_swapped_and_all_others_stay(place: Place) -> None:
    edge = bucket(place, f"{RESIZE}:live")
    make(quarantine, place.work(), from_s3(place))
    place.function("resize")
    place.root("lambda").create_alias(FunctionName="resize", Name="live", FunctionVersion="$LATEST")
    whole = configured(place)
    change = notification.plan(place.work(), edge, QUEUE)
    assert change.setting == f"notification to-resize of bucket {BUCKET}"
    assert change.before == entry("to-resize", "LambdaFunctionArn", f"{RESIZE}:live", "in/")
    assert {**change.after, "Id": ""} == entry("", "QueueArn", QUEUE, "in/")
    make(notification, place.work(), change)
    make(notification, place.work(), change)
    now = configured(place)
    assert now["LambdaFunctionConfigurations"] == whole["LambdaFunctionConfigurations"][:1]
    assert change.after in now["QueueConfigurations"]
    assert [one for one in now["QueueConfigurations"] if one != change.after] == whole["QueueConfigurations"]
    assert now["EventBridgeConfiguration"] == {}
    restored(notification, place.work(), change)
    assert configured(place) == whole
    restored(notification, place.work(), change)


def test_while_objects_are_put_every_key_goes_to_the_function_or_the_queue(place: Place) -> None:
    place.function("resize")
    edge, s3 = bucket(place), place.root("s3")
    make(quarantine, place.work(), from_s3(place))
    change = notification.plan(place.work(), edge, QUEUE)

    def send(number: int) -> None:
        s3.put_object(Bucket=BUCKET, Key=f"in/{number}.png", Body=b"")

    with numbered(send) as sent:
        until(lambda: bool(place.processed("resize")))
        make(notification, place.work(), change)
        restored(notification, place.work(), change)
        make(notification, place.work(), change)
        until(lambda: len(place.quarantined()) > 2)
    assert place.emulator.idle()
    url = place.root("sqs").get_queue_url(QueueName=f"warden-q-{LOOP}")["QueueUrl"]
    kept = [body for body in map(notification.payload, received(place, url)) if body is not None]
    keys = [
        record["s3"]["object"]["key"] for event in (*place.processed("resize"), *kept) for record in event["Records"]
    ]
    assert sorted(keys) == sorted(f"in/{number}.png" for number in sent)
    assert kept


def received(place: Place, url: str) -> Iterator[dict[str, Any]]:
    while messages := place.root("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        yield from messages


def test_a_test_of_s3_is_no_event() -> None:
    body = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": BUCKET}
    assert notification.payload({"Body": json.dumps(body)}) is None
    assert notification.payload({"Body": quarantine.TEST}) is None
    assert notification.payload({"Body": '{"Records": []}'}) == {"Records": []}


def test_a_notification_changed_meanwhile_or_since_is_left(place: Place) -> None:
    place.function("resize")
    edge = bucket(place)
    make(quarantine, place.work(), from_s3(place))
    change = notification.plan(place.work(), edge, QUEUE)
    put(place, LambdaFunctionConfigurations=[entry("to-resize", "LambdaFunctionArn", RESIZE, "elsewhere/")])
    whole = configured(place)
    with pytest.raises(ChangedMeanwhile):
        notification.apply(place.work(), change)
    with pytest.raises(NotVerified):
        notification.verify(place.work(), change)
    assert "as somebody set it since" in notification.undo(place.work(), change).kept[0]
    assert configured(place) == whole


def test_what_others_put_since_stays_when_it_is_swapped_back(place: Place) -> None:
    place.function("resize")
    edge = bucket(place)
    make(quarantine, place.work(), from_s3(place))
    change = notification.plan(place.work(), edge, QUEUE)
    make(notification, place.work(), change)
    theirs = entry("newer", "LambdaFunctionArn", RESIZE, "newer/")
    put(place, LambdaFunctionConfigurations=[theirs], QueueConfigurations=[change.after])
    restored(notification, place.work(), change)
    assert configured(place) == {
        "LambdaFunctionConfigurations": sorted([theirs, change.before], key=lambda one: str(one["Id"]))
    }


@pytest.mark.parametrize("ours", [True, False])
def test_what_others_put_right_after_our_write_is_theirs(
    place: Place, monkeypatch: pytest.MonkeyPatch, ours: bool
) -> None:
    place.function("resize")
    edge = bucket(place)
    make(quarantine, place.work(), from_s3(place))
    change = notification.plan(place.work(), edge, QUEUE)
    client = place.client("s3")
    write = client.put_bucket_notification_configuration

    def written_over(**arguments: Any) -> None:
        write(**arguments)
        if ours:
            put(place, QueueConfigurations=[change.after])
        else:
            put(place, LambdaFunctionConfigurations=[change.before])

    monkeypatch.setattr(client, "put_bucket_notification_configuration", written_over)
    if ours:
        make(notification, place.work(), change)
        assert configured(place) == {"QueueConfigurations": [change.after]}
        return
    with pytest.raises(NotYet, match="somebody wrote an older configuration"):
        notification.apply(place.work(), change)
    monkeypatch.undo()
    make(notification, place.work(), change)
    assert configured(place) == {"QueueConfigurations": [change.after]}


def test_s3_that_does_not_know_of_the_queue_yet_is_waited_for(place: Place) -> None:
    place.function("resize")
    edge = bucket(place)
    make(quarantine, place.work(), queue_for(place))
    change = notification.plan(place.work(), edge, QUEUE)
    whole = configured(place)
    with pytest.raises(NotYet, match="Unable to validate"):
        notification.apply(place.work(since=clock.iso(clock.now())), change)
    with pytest.raises(ClientError, match="Unable to validate"):
        notification.apply(place.work(), change)
    assert configured(place) == whole


def test_a_notification_whose_bucket_or_function_is_gone(place: Place) -> None:
    edge = bucket(place)
    make(quarantine, place.work(), from_s3(place))
    change = notification.plan(place.work(), edge, QUEUE)
    make(notification, place.work(), change)
    assert "its function was deleted" in notification.undo(place.work(), change).kept[0]
    place.root("s3").delete_bucket(Bucket=BUCKET)
    assert "the bucket was deleted" in notification.undo(place.work(), change).kept[0]
    with pytest.raises(Open, match="has no notification to-resize"):
        notification.plan(place.work(), edge, QUEUE)
    with pytest.raises(ChangedMeanwhile):
        notification.apply(place.work(), change)


def test_a_notification_to_something_else_is_not_swapped(place: Place) -> None:
    edge = Edge(f"arn:aws:s3:::{BUCKET}#to-theirs", THEIRS, Kind.BUCKET_NOTIFICATION, Confidence.A, "", "to-theirs")
    with pytest.raises(CannotBreak, match="does not invoke a function"):
        notification.plan(place.work(), edge, QUEUE)


def test_a_change_has_settled_after_five_minutes() -> None:
    since = "2026-11-21T10:00:00.000000Z"
    assert not notification.settled(since, "2026-11-21T10:04:59.000000Z")
    assert notification.settled(since, "2026-11-21T10:05:00.000000Z")


def test_killed_anywhere_a_notification_is_swapped_and_swapped_back_all_the_same(place: Place) -> None:
    place.function("resize")
    edge = bucket(place)
    make(quarantine, place.work(), from_s3(place))
    whole, change = configured(place), notification.plan(place.work(), edge, QUEUE)
    make(notification, place.work(), change)
    swapped = configured(place)
    restored(notification, place.work(), change)
    killed_everywhere(
        lambda: make(notification, place.work(), change),
        lambda: same(configured(place), swapped),
        lambda: restored(notification, place.work(), change),
    )
    make(notification, place.work(), change)
    killed_everywhere(
        lambda: restored(notification, place.work(), change),
        lambda: same(configured(place), whole),
        lambda: make(notification, place.work(), change),
    )


# --- triggers taken away ----------------------------------------------------------------------------------------------

GROUP = "/aws/lambda/resize"


def logs(place: Place) -> Edge:
    place.root("logs").create_log_group(logGroupName=GROUP)
    place.root("logs").put_subscription_filter(
        logGroupName=GROUP, filterName="all of it", filterPattern="", destinationArn=RESIZE
    )
    source = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{GROUP}"
    return Edge(source, RESIZE, Kind.LOG_SUBSCRIPTION, Confidence.A, "", "all of it")


def filters(place: Place) -> list[dict[str, Any]]:
    found = place.root("logs").describe_subscription_filters(logGroupName=GROUP)["subscriptionFilters"]
    return [{key: value for key, value in one.items() if key != "creationTime"} for one in found]


def schedule(place: Place) -> Edge:
    scheduler = place.root("scheduler")
    scheduler.create_schedule_group(Name="ours")
    scheduler.create_schedule(
        Name="nightly",
        GroupName="ours",
        ScheduleExpression="cron(0 3 * * ? *)",
        ScheduleExpressionTimezone="Europe/Berlin",
        FlexibleTimeWindow={"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 5},
        Description="what runs at night",
        StartDate="2030-01-01T00:00:00Z",
        Target={"Arn": RESIZE, "RoleArn": place.role("scheduler"), "Input": '{"number": 1}'},
    )
    source = f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/ours/nightly"
    return Edge(source, RESIZE, Kind.SCHEDULE, Confidence.A, "", "ours/nightly")


def scheduled(place: Place) -> dict[str, Any]:
    answer = place.root("scheduler").get_schedule(GroupName="ours", Name="nightly")
    return {key: value for key, value in answer.items() if key not in {"ResponseMetadata", "LastModificationDate"}}


def success(place: Place) -> Edge:
    place.function("resize", sending_role(place))
    configure(
        place,
        MaximumRetryAttempts=1,
        DestinationConfig={
            "OnSuccess": {"Destination": their_queue(place)},
            "OnFailure": {"Destination": THEIRS},
        },
    )
    return Edge(RESIZE, THEIRS, Kind.DESTINATION, Confidence.A, "", "$LATEST OnSuccess")


TRIGGERS = [
    pytest.param(logs, filters, f"trigger: subscription filter all of it of {GROUP}", id="logs"),
    pytest.param(schedule, scheduled, "trigger: schedule ours/nightly", id="schedule"),
    pytest.param(success, asynchronous, "trigger: destination OnSuccess of resize", id="destination"),
]


@pytest.mark.parametrize(("trigger", "read", "setting"), TRIGGERS)
def test_a_trigger_is_taken_away_and_put_back(
    place: Place, trigger: Callable[[Place], Edge], read: Callable[[Place], Any], setting: str
) -> None:
    edge = trigger(place)
    whole = read(place)
    (change,) = deletion.plan(place.work(), edge)
    assert change.setting == setting
    assert json.loads(json.dumps([change.before, change.after])) == [change.before, change.after]
    make(deletion, place.work(), change)
    make(deletion, place.work(), change)
    assert read(place) != whole
    with pytest.raises(Open):
        deletion.plan(place.work(), edge)
    restored(deletion, place.work(), change)
    assert read(place) == whole
    restored(deletion, place.work(), change)
    killed_everywhere(
        lambda: make(deletion, place.work(), change),
        lambda: deletion.verify(place.work(), change),
        lambda: restored(deletion, place.work(), change),
    )
    make(deletion, place.work(), change)
    killed_everywhere(
        lambda: restored(deletion, place.work(), change),
        lambda: same(read(place), whole),
        lambda: make(deletion, place.work(), change),
    )


def test_only_the_state_of_a_schedule_is_changed(place: Place) -> None:
    edge = schedule(place)
    whole = scheduled(place)
    (change,) = deletion.plan(place.work(), edge)
    make(deletion, place.work(), change)
    assert scheduled(place) == {**whole, "State": "DISABLED"}


def test_a_schedule_that_has_begun_is_written_without_when_it_did(place: Place) -> None:
    (change,) = deletion.plan(place.work(), schedule(place))
    place.emulator.fault(
        "scheduler:UpdateSchedule",
        status=400,
        code="ValidationException",
        message="Invalid parameter: StartDate: The StartDate you specify cannot be earlier than 5 minutes ago.",
    )
    make(deletion, place.work(), change)
    assert "StartDate" not in scheduled(place)


def test_a_filter_changed_meanwhile_or_since_is_left(place: Place) -> None:
    (change,) = deletion.plan(place.work(), logs(place))
    client = place.root("logs")
    theirs = {"logGroupName": GROUP, "filterName": "all of it", "filterPattern": "ERROR", "destinationArn": RESIZE}
    client.put_subscription_filter(**theirs)
    with pytest.raises(ChangedMeanwhile):
        deletion.apply(place.work(), change)
    with pytest.raises(NotVerified):
        deletion.verify(place.work(), change)
    assert deletion.undo(place.work(), change).kept == (f"{change.setting} was changed since",)
    client.delete_log_group(logGroupName=GROUP)
    assert deletion.undo(place.work(), change).kept == (f"{change.setting}: what it belongs to was deleted",)


def test_a_schedule_deleted_since_is_not_made_again(place: Place) -> None:
    (change,) = deletion.plan(place.work(), schedule(place))
    make(deletion, place.work(), change)
    place.root("scheduler").delete_schedule(GroupName="ours", Name="nightly")
    assert deletion.undo(place.work(), change).kept == (f"{change.setting} was deleted since",)


def test_what_only_its_owner_can_take_away(place: Place) -> None:
    edge = Edge(RESIZE, THEIRS, Kind.DESTINATION, Confidence.A, "on-failure destination of a mapping", "some-uuid")
    with pytest.raises(CannotBreak, match="on-failure destination of a mapping"):
        deletion.plan(place.work(), edge)


# --- meanwhile --------------------------------------------------------------------------------------------------------


@contextmanager
def numbered(send: Callable[[int], None]) -> Iterator[list[int]]:
    """Send 0, 1, 2 … meanwhile, each once; the list has those that were sent."""
    sent: list[int] = []
    enough = threading.Event()

    def run() -> None:
        while not enough.wait(0.005):
            send(len(sent))
            sent.append(len(sent))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield sent
    finally:
        enough.set()
        thread.join()


def until(holds: Callable[[], bool]) -> None:
    for _ in range(2000):
        if holds():
            return
        time.sleep(0.005)
    raise AssertionError("it never came about")
