"""Event → finding → fix → undo, each entry point given one batch at a time."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from functions.adapters.generations import Generations
from functions.core.fix import NotVerified
from tests.integration.functions.conftest import CODE, zipped
from tests.integration.functions.killing import Killed, killed_at

HUB, MEMBER, REGION = "111111111111", "222222222222", "eu-west-1"
LATER = "2999-01-01T00:00:00.000000Z"
OK: dict[str, list[Any]] = {"batchItemFailures": []}


def opened(world: Any, name: str) -> dict[str, Any]:
    """Run the inspector on a creation and return the event it put on the bus."""
    assert world.run("inspector", world.created_event(name)) == OK
    (event,) = world.sent()
    assert event["detail-type"] == "Finding Opened"
    return dict(event)


def asking(event: dict[str, Any], kind: str, at: str = LATER) -> dict[str, Any]:
    """Turn a finding into a person's request."""
    return {**event, "detail-type": kind, "detail": {**event["detail"], "at": at, "by": "bob"}}


def writes(world: Any) -> list[str]:
    """Return the writes that our roles made in the member account."""
    return [
        c.operation
        for c in world.emulator.calls(account=MEMBER)
        if "assumed-role/warden-" in c.principal_arn and c.operation.startswith(("Put", "Delete"))
    ]


def test_a_critical_function_gets_a_reservation_and_undo_takes_it_back(world: Any) -> None:
    world.create_function("checkout")
    event = opened(world, "checkout")
    assert event["detail"]["mode"] == "enforce", event["detail"]["because"]
    assert event["detail"]["finding"]["cause"]["actor"] == "Dev/alice"
    assert world.run("remediator", event) == OK
    assert world.reserved("checkout") == 10
    (applied,) = world.sent()
    assert applied["detail-type"] == "Fix Applied"
    assert applied["detail"]["changes"] == [{"setting": "reserved concurrency", "before": None, "after": 10}]
    assert world.run("remediator", asking(event, "Undo Requested")) == OK
    assert world.reserved("checkout") is None
    (undone,) = world.sent()
    assert (undone["detail-type"], undone["detail"]["by"]) == ("Fix Undone", "bob")


def test_an_undone_finding_stays_undone_until_a_person_approves(world: Any) -> None:
    world.create_function("checkout")
    event = opened(world, "checkout")
    world.run("remediator", event)
    world.run("remediator", asking(event, "Undo Requested"))
    world.sent()
    seen_again = {**event["detail"], "finding": {**event["detail"]["finding"], "found_at": LATER}}
    world.run("remediator", {**event, "detail": seen_again})
    assert world.reserved("checkout") is None
    (asks,) = world.sent()
    assert (asks["detail-type"], asks["detail"]["mode"]) == ("Finding Opened", "approve")
    approval = asking(event, "Fix Requested")
    world.run("remediator", {**approval, "detail": {**approval["detail"], "fix": 1}})
    assert world.reserved("checkout") == 10


def test_an_undo_of_a_fix_that_was_only_begun_writes_nothing(world: Any) -> None:
    world.create_function("checkout")
    event = opened(world, "checkout")
    with killed_at("PutFunctionConcurrency"), pytest.raises(Killed):
        world.run("remediator", event)
    release(world)
    world.run("remediator", asking(event, "Undo Requested"))
    assert writes(world) == []
    assert [e["detail-type"] for e in world.sent()] == ["Fix Undone"]


@pytest.mark.parametrize("change", ["exempt", "observe", "untag", "kill switch", "no room"])
def test_a_fix_that_was_only_begun_is_not_completed_when_it_may_no_longer_be(world: Any, change: str) -> None:
    arn = world.create_function("checkout")
    event = opened(world, "checkout")
    with killed_at("PutFunctionConcurrency"), pytest.raises(Killed):
        world.run("remediator", event)
    release(world)
    lam = world.client("lambda", MEMBER)
    match change:
        case "exempt":
            lam.tag_resource(Resource=arn, Tags={"warden:exempt": "reserved-concurrency@2999-01-01"})
        case "observe":
            lam.tag_resource(Resource=arn, Tags={"warden:mode": "observe"})
        case "untag":
            lam.untag_resource(Resource=arn, TagKeys=["warden:tier"])
        case "kill switch":
            body = {"S": json.dumps({"mode": "observe"})}
            item = {"pk": {"S": "POLICY"}, "sk": {"S": "ALL"}, "version": {"N": "1"}, "body": body}
            world.client("dynamodb").put_item(TableName="warden-state", Item=item)
            world.modules["remediator"].REMEDY.policies._kept.clear()
        case "no room":
            world.emulator.configure(account_concurrency={MEMBER: 105})
    world.run("remediator", event)
    assert world.reserved("checkout") is None
    assert [e["detail-type"] for e in world.sent()] == ["Fix Failed"]


def release(world: Any) -> None:
    """Let the dead worker's lease and lock come to their end."""
    table = world.client("dynamodb")
    for item in table.scan(TableName="warden-state")["Items"]:
        key = {"pk": item["pk"], "sk": item["sk"]}
        if item["pk"]["S"].startswith("LOCK#"):
            table.delete_item(TableName="warden-state", Key=key)
        if item["sk"]["S"].startswith("FIX#"):
            body = json.loads(item["body"]["S"]) | {"lease": 0.0}
            free = {**item, "lease": {"N": "0.000"}, "body": {"S": json.dumps(body)}}
            table.put_item(TableName="warden-state", Item=free)


@pytest.mark.parametrize("answer", ["denied", "stale"])
def test_a_change_that_cannot_be_read_back_can_still_be_undone(world: Any, answer: str) -> None:
    world.create_function("checkout")
    event = opened(world, "checkout")
    member = world.modules["remediator"].REMEDY.fixing
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(member, "verify", unseen(answer))
        world.run("remediator", event)
    (applied,) = world.sent()
    assert applied["detail-type"] == "Fix Applied"
    assert world.reserved("checkout") == 10
    world.run("remediator", asking(event, "Undo Requested"))
    assert world.reserved("checkout") is None


def unseen(answer: str) -> Any:
    def verify(*_: object) -> None:
        if answer == "stale":
            raise NotVerified("it reads None")
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "GetFunction")

    return verify


def test_what_aws_refuses_for_good_is_told_and_nothing_stays_half_done(world: Any) -> None:
    world.create_function("checkout")
    event = opened(world, "checkout")
    world.emulator.fault(
        "lambda:PutFunctionConcurrency",
        status=400,
        code="InvalidParameterValueException",
        message="lower than provisioned",
    )
    assert world.run("remediator", event) == OK
    (failed,) = world.sent()
    assert failed["detail"]["code"] == "refused"
    assert "lower than provisioned" in failed["detail"]["text"]


def test_a_session_that_ended_is_made_anew(world: Any) -> None:
    world.create_function("checkout")
    world.emulator.fault("lambda:GetFunction", status=403, code="ExpiredTokenException", message="expired")
    assert world.run("inspector", world.created_event("checkout")) == OK
    assert world.sent() == []
    world.emulator.clear_calls()
    assert world.run("inspector", world.created_event("checkout"), attempts=1) == OK
    assert [e["detail-type"] for e in world.sent()] == ["Finding Opened"]
    assert world.emulator.calls(operation="AssumeRole")


def test_a_budget_of_nothing_fixes_nothing(make: Any) -> None:
    world = make(settings={"reserved-concurrency": {"fixes_per_hour": 0}})
    world.create_function("checkout")
    world.run("remediator", opened(world, "checkout"))
    assert world.reserved("checkout") is None


def test_messages_that_there_is_no_time_for_are_put_off(world: Any) -> None:
    world.create_function("checkout")
    event = world.created_event("checkout")

    class NearlyOver:
        def get_remaining_time_in_millis(self) -> int:
            return 5_000

    record = {"messageId": "m", "body": json.dumps(event), "attributes": {}, "messageAttributes": {}}
    assert world.modules["inspector"].handler({"Records": [record]}, NearlyOver()) == OK
    assert world.sent() == []
    queue = world.client("sqs").get_queue_url(QueueName="own")["QueueUrl"]
    waiting = world.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert int(waiting["ApproximateNumberOfMessagesDelayed"]) + int(waiting["ApproximateNumberOfMessages"]) == 1


def test_undo_leaves_what_somebody_set_since(world: Any) -> None:
    world.create_function("checkout")
    event = opened(world, "checkout")
    world.run("remediator", event)
    world.client("lambda", MEMBER).put_function_concurrency(FunctionName="checkout", ReservedConcurrentExecutions=42)
    world.sent()
    world.run("remediator", asking(event, "Undo Requested"))
    assert world.reserved("checkout") == 42
    (undone,) = world.sent()
    assert "42" in undone["detail"]["text"]


def test_a_reservation_of_zero_is_somebodys_decision(world: Any) -> None:
    world.create_function("stopped")
    world.client("lambda", MEMBER).put_function_concurrency(FunctionName="stopped", ReservedConcurrentExecutions=0)
    world.run("inspector", world.created_event("stopped"))
    assert world.sent() == []
    assert world.reserved("stopped") == 0


def test_the_same_event_twice_fixes_once(world: Any) -> None:
    world.create_function("checkout")
    event = opened(world, "checkout")
    world.run("remediator", event, event)
    world.run("remediator", event)
    assert writes(world) == ["PutFunctionConcurrency"]
    assert {e["detail"]["fix"] for e in world.sent()} == {1}


def test_sizes_from_the_observed_peak(world: Any) -> None:
    world.create_function("busy")
    put_peak(world, "busy", 50)
    world.run("remediator", opened(world, "busy"))
    assert world.reserved("busy") == 60


def put_peak(world: Any, name: str, value: float) -> None:
    world.client("cloudwatch", MEMBER).put_metric_data(
        Namespace="AWS/Lambda",
        MetricData=[
            {
                "MetricName": "ConcurrentExecutions",
                "Dimensions": [{"Name": "FunctionName", "Value": name}],
                "Value": value,
            }
        ],
    )


def test_never_takes_the_account_under_its_floor_and_says_what_is_missing(world: Any) -> None:
    world.emulator.configure(account_concurrency={MEMBER: 105})
    world.create_function("checkout")
    world.run("remediator", opened(world, "checkout"))
    assert world.reserved("checkout") is None
    (failed,) = world.sent()
    assert failed["detail-type"] == "Fix Failed"
    assert failed["detail"]["code"] == "no-room"
    assert "at least 110" in failed["detail"]["text"]
    assert writes(world) == []


def test_learns_the_floor_from_the_error_and_does_not_try_again(world: Any) -> None:
    world.emulator.configure(floor={MEMBER: 995})
    world.create_function("checkout")
    world.run("remediator", opened(world, "checkout"))
    (failed,) = world.sent()
    assert "995" in failed["detail"]["text"]
    world.emulator.clear_calls()
    world.run("remediator", opened(world, "checkout"))
    assert writes(world) == []
    assert world.reserved("checkout") is None


def test_a_function_still_pending_is_looked_at_again_and_not_hammered(world: Any) -> None:
    world.emulator.configure(pending_seconds=1.5)
    lam = world.client("lambda", MEMBER)
    lam.create_function(
        FunctionName="slow",
        Runtime="python3.13",
        Role=f"arn:aws:iam::{MEMBER}:role/app",
        Handler="app.handler",
        Code={"ZipFile": zipped(CODE)},
        Tags={"warden:tier": "critical"},
    )
    event = world.created_event("slow")
    world.emulator.clear_calls()
    for attempt in range(3):
        assert world.run("inspector", event, attempts=attempt) == OK
    assert world.sent() == []
    # The first look waits a moment and reads once more; each later one is put off.
    assert len(world.emulator.calls(operation="GetFunction")) == 4
    again = world.client("sqs").get_queue_attributes(
        QueueUrl=world.client("sqs").get_queue_url(QueueName="own")["QueueUrl"], AttributeNames=["All"]
    )["Attributes"]
    assert int(again["ApproximateNumberOfMessagesDelayed"]) + int(again["ApproximateNumberOfMessages"]) == 3


def test_a_function_that_never_settles_becomes_a_ticket_for_the_operators(world: Any) -> None:
    world.emulator.configure(pending_seconds=60)
    world.client("lambda", MEMBER).create_function(
        FunctionName="stuck",
        Runtime="python3.13",
        Role=f"arn:aws:iam::{MEMBER}:role/app",
        Handler="app.handler",
        Code={"ZipFile": zipped(CODE)},
        Tags={"warden:tier": "critical"},
    )
    world.run("inspector", world.created_event("stuck"), attempts=10)
    (event,) = world.sent()
    assert event["detail"]["finding"]["title"] == "Function stays unsettled"


def test_beyond_the_cap_findings_wait_for_a_person(make: Any) -> None:
    world = make(settings={"reserved-concurrency": {"fixes_per_hour": 2}})
    outcomes = []
    for name in ("fa", "fb", "fc"):
        world.create_function(name)
        world.run("remediator", opened(world, name))
        outcomes += [(e["detail-type"], e["detail"]["code"]) for e in world.sent()]
    assert outcomes == [("Fix Applied", ""), ("Fix Applied", ""), ("Fix Failed", "cap")]
    assert world.reserved("fc") is None


def test_after_three_fixes_in_an_hour_it_stops_and_says_who(world: Any) -> None:
    world.create_function("tugofwar")
    outcomes = []
    for _ in range(4):
        event = opened(world, "tugofwar")
        world.run("remediator", event)
        outcomes += [(e["detail-type"], e["detail"]["code"], e["detail"]["text"]) for e in world.sent()]
        world.client("lambda", MEMBER).delete_function_concurrency(FunctionName="tugofwar")
    assert [o[:2] for o in outcomes] == [("Fix Applied", "")] * 3 + [("Fix Failed", "fighting")]
    assert "Dev/alice" in outcomes[-1][2]


def test_a_deleted_function_closes_its_ticket(world: Any) -> None:
    world.create_function("gone", Tags={"warden:tier": "critical", "warden:mode": "observe"})
    event = opened(world, "gone")
    assert event["detail"]["mode"] == "observe"
    with_ticket(world, event)
    world.client("lambda", MEMBER).delete_function(FunctionName="gone")
    world.run("inspector", world.created_event("gone"))
    (cleared,) = world.sent()
    assert cleared["detail-type"] == "Finding Cleared"


def with_ticket(world: Any, event: dict[str, Any]) -> None:
    """Have the ticket function write the ticket; Slack is down here."""
    assert world.run("ticket", event) == OK


def test_a_kill_switch_turns_everything_into_tickets(world: Any) -> None:
    world.client("dynamodb").put_item(
        TableName="warden-state",
        Item={
            "pk": {"S": "POLICY"},
            "sk": {"S": "ALL"},
            "version": {"N": "1"},
            "body": {"S": json.dumps({"mode": "observe"})},
        },
    )
    world.create_function("checkout")
    assert opened(world, "checkout")["detail"]["mode"] == "observe"


def test_a_policy_that_cannot_be_read_only_observes(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    world.create_function("checkout")
    # What is remembered of loops is in the same table, and read before.
    monkeypatch.setattr(Generations, "remembered", lambda *_: None)
    world.emulator.fault("dynamodb:GetItem", times=8, status=400, code="ValidationException", message="broken")
    event = opened(world, "checkout")
    assert event["detail"]["mode"] == "observe"
    assert "could not be read" in event["detail"]["because"]


def test_a_tag_that_came_after_the_finding_still_stops_the_fix(world: Any) -> None:
    arn = world.create_function("checkout")
    event = opened(world, "checkout")
    world.client("lambda", MEMBER).tag_resource(Resource=arn, Tags={"warden:mode": "observe"})
    world.run("remediator", event)
    assert world.reserved("checkout") is None
    (lowered,) = world.sent()
    assert lowered["detail"]["mode"] == "observe"


@pytest.mark.parametrize(
    "action",
    [
        "lambda:GetFunction",
        "lambda:PutFunctionConcurrency",
        "lambda:ListProvisionedConcurrencyConfigs",
        "lambda:GetAccountSettings",
        "cloudwatch:GetMetricData",
    ],
)
def test_a_missing_permission_becomes_a_ticket_that_names_it(make: Any, action: str) -> None:
    world = make(without=(action,))
    world.create_function("checkout")
    world.run("inspector", world.created_event("checkout"))
    (event,) = world.sent()
    if action != "lambda:GetFunction":
        world.run("remediator", event)
        (event,) = world.sent()
        assert event["detail"]["code"] == "denied"
    assert action in json.dumps(event["detail"])
    assert world.reserved("checkout") is None


def test_undo_without_the_permission_says_so_and_can_be_asked_again(make: Any) -> None:
    world = make(without=("lambda:DeleteFunctionConcurrency",))
    world.create_function("checkout")
    event = opened(world, "checkout")
    world.run("remediator", event)
    world.sent()
    world.run("remediator", asking(event, "Undo Requested"))
    (failed,) = world.sent()
    assert "lambda:DeleteFunctionConcurrency" in failed["detail"]["text"]
    assert world.reserved("checkout") == 10


@pytest.mark.parametrize(
    ("operation", "status", "code"),
    [
        ("lambda:PutFunctionConcurrency", 429, "TooManyRequestsException"),
        ("lambda:GetFunction", 500, "ServiceException"),
        ("cloudwatch:GetMetricData", 503, "ServiceUnavailable"),
        ("dynamodb:TransactWriteItems", 400, "ThrottlingException"),
        ("events:PutEvents", 500, "InternalFailure"),
    ],
)
def test_throttles_and_server_errors_are_tried_again_within_the_budget(
    world: Any, operation: str, status: int, code: str
) -> None:
    world.create_function("checkout")
    event = opened(world, "checkout")
    world.emulator.fault(operation, times=2, status=status, code=code)
    world.emulator.clear_calls()
    assert world.run("remediator", event) == OK
    assert world.reserved("checkout") == 10
    assert [e["detail-type"] for e in world.sent()] == ["Fix Applied"]
    assert len(world.emulator.calls(operation=operation.partition(":")[2])) <= 8


def test_a_long_outage_puts_the_message_off_and_the_fix_comes_later_once(world: Any) -> None:
    world.create_function("checkout")
    event = opened(world, "checkout")
    world.emulator.fault("lambda:PutFunctionConcurrency", times=4, status=503, code="ServiceUnavailable")
    assert world.run("remediator", event) == OK
    assert world.reserved("checkout") is None
    world.emulator.clear_faults()
    assert world.run("remediator", event, attempts=1) == OK
    assert world.reserved("checkout") == 10
    assert [e["detail-type"] for e in world.sent()] == ["Fix Applied"]


def test_an_answer_that_got_lost_does_not_make_a_second_change(world: Any) -> None:
    world.create_function("checkout")
    event = opened(world, "checkout")
    world.emulator.fault("lambda:PutFunctionConcurrency", times=1, status=500, code="ServiceException", after=True)
    world.run("remediator", event)
    assert world.reserved("checkout") == 10
    assert [e["detail-type"] for e in world.sent()] == ["Fix Applied"]


def test_entry_points_take_one_bare_event_as_the_consoles_test_form_sends_it(world: Any) -> None:
    world.create_function("checkout")
    answer = world.modules["inspector"].handler(world.created_event("checkout"), None)
    assert answer == {"handled": "Finding Opened"}
    (event,) = world.sent()
    assert world.modules["remediator"].handler(event, None) == {"handled": "Fix Applied"}
    assert world.reserved("checkout") == 10
