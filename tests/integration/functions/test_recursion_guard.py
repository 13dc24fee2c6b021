"""Loop detection switched off: found, approved, set and undone, unless the owner says why it is off."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from functions.playbooks import playbook
from tests.integration.functions.conftest import MEMBER, REGION, World
from tests.integration.functions.killing import Killed, killed_at

PLAYBOOK = "recursion-guard-off"
DECLARED = playbook(PLAYBOOK)
READS = ["GetFunction", "GetFunctionRecursionConfig"]
LATER = "2999-01-01T00:00:00.000000Z"
NO_SUCH_OPERATION = "Unable to determine service/operation name to be authorized"
YESTERDAY = (date.today() - timedelta(days=1)).isoformat()  # noqa: DTZ011 - as far from now as any time zone


@pytest.fixture
def asking(make: Callable[..., World]) -> World:
    """A deployment that asks first, as this playbook does by default."""
    return make(playbook=PLAYBOOK, mode=DECLARED.mode.value)


@pytest.fixture
def enforcing(make: Callable[..., World]) -> World:
    return make(playbook=PLAYBOOK)


def off(world: World, name: str = "pages", **tags: str) -> str:
    """Create a function and switch its loop detection off."""
    arn = world.create_function(name, Tags={"team": "shop", **{k.replace("_", ":"): v for k, v in tags.items()}})
    world.client("lambda", MEMBER).put_function_recursion_config(FunctionName=name, RecursiveLoop="Allow")
    return arn


def setting(world: World, name: str = "pages") -> str:
    answer = world.client("lambda", MEMBER).get_function_recursion_config(FunctionName=name)
    return str(answer["RecursiveLoop"])


def keep_refused(world: World, name: str = "pages", *, how: str = "dead-letter") -> str:
    """Give a function a queue for what Lambda refuses it; return the queue's ARN."""
    queue = f"arn:aws:sqs:{REGION}:{MEMBER}:{name}-refused"
    world.client("sqs", MEMBER).create_queue(QueueName=f"{name}-refused")
    send = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": queue}
    document = json.dumps({"Version": "2012-10-17", "Statement": [send]})
    world.client("iam", MEMBER).put_role_policy(RoleName="app", PolicyName="sends", PolicyDocument=document)
    lam = world.client("lambda", MEMBER)
    if how == "dead-letter":
        lam.update_function_configuration(FunctionName=name, DeadLetterConfig={"TargetArn": queue})
        lam.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0, "MaxAttempts": 2000})
    else:
        destinations = {"OnFailure": {"Destination": queue}}
        lam.put_function_event_invoke_config(FunctionName=name, DestinationConfig=destinations)
    return queue


def looked(world: World, name: str = "pages") -> list[dict[str, Any]]:
    """Let the inspector look after somebody set `RecursiveLoop`; return what it put on the bus."""
    event = world.created_event(name)
    event["detail"]["eventName"] = "PutFunctionRecursionConfig"
    assert world.run("inspector", event) == {"batchItemFailures": []}
    return world.sent()


def done(world: World, event: dict[str, Any], kind: str = "") -> dict[str, Any]:
    """Give the remediator a finding, or a person's request about one; return the one event it put on the bus."""
    asked = {**event, "detail-type": kind, "detail": {**event["detail"], "at": LATER, "by": "bob"}} if kind else event
    world.run("remediator", asked)
    (outcome,) = world.sent()
    return outcome


def calls_of(world: World, role: str) -> list[str]:
    return [c.operation for c in world.emulator.calls(account=MEMBER) if f":assumed-role/{role}/" in c.principal_arn]


def test_it_is_found_planned_approved_set_and_undone(asking: World) -> None:
    off(asking)
    (event,) = looked(asking)
    detail = event["detail"]
    assert (event["detail-type"], detail["mode"], detail["finding"]["severity"]) == (
        "Finding Opened",
        "approve",
        "medium",
    )
    assert "no tag warden:loop says why" in detail["finding"]["what"]
    planned = done(asking, event)
    assert (planned["detail-type"], setting(asking)) == ("Fix Planned", "Allow")
    assert "is dropped: it has neither" in planned["detail"]["text"]
    applied = done(asking, event, "Fix Requested")
    assert (applied["detail-type"], setting(asking)) == ("Fix Applied", "Terminate")
    assert applied["detail"]["changes"] == [{"setting": "RecursiveLoop", "before": "Allow", "after": "Terminate"}]
    for words in ("RecursiveLoop: Terminate", "TERMINATE", 'recursive_loop = "Terminate"', "tag the function"):
        assert words in applied["detail"]["finding"]["advice"]
    assert looked(asking) == []
    undone = done(asking, event, "Undo Requested")
    assert (undone["detail-type"], undone["detail"]["by"], setting(asking)) == ("Fix Undone", "bob", "Allow")


@pytest.mark.parametrize(
    ("how", "called"), [("dead-letter", "the dead-letter target"), ("on-failure", "the on-failure destination")]
)
def test_what_keeps_refused_events_is_named_and_then_it_is_set_without_a_person(
    enforcing: World, how: str, called: str
) -> None:
    off(enforcing)
    queue = keep_refused(enforcing, how=how)
    (event,) = looked(enforcing)
    assert event["detail"]["mode"] == "enforce"
    assert f"{called} {queue}" in [evidence["value"] for evidence in event["detail"]["finding"]["evidence"]]
    applied = done(enforcing, event)
    assert setting(enforcing) == "Terminate"
    assert f"goes to {called} {queue}" in applied["detail"]["text"]


def test_where_refused_events_would_be_lost_a_person_decides(enforcing: World) -> None:
    off(enforcing)
    (event,) = looked(enforcing)
    assert event["detail"]["mode"] == "approve"
    assert done(enforcing, event)["detail-type"] == "Fix Planned"
    assert setting(enforcing) == "Allow"


def test_a_documented_reason_is_respected_until_its_date(asking: World) -> None:
    arn = off(asking, warden_loop="pages through itself@600@2999-12-31")
    asking.emulator.clear_calls()
    assert looked(asking) == []
    assert calls_of(asking, "warden-inspector") == READS
    asking.client("lambda", MEMBER).tag_resource(Resource=arn, Tags={"warden:loop": f"pages@600@{YESTERDAY}"})
    (event,) = looked(asking)
    assert f"the tag warden:loop ended on {YESTERDAY}" in event["detail"]["finding"]["what"]


def test_a_reason_that_came_after_the_finding_ends_it(asking: World) -> None:
    arn = off(asking)
    (event,) = looked(asking)
    tags = {"warden:loop": "pages through itself@600@2999-12-31"}
    asking.client("lambda", MEMBER).tag_resource(Resource=arn, Tags=tags)
    assert done(asking, event, "Fix Requested")["detail-type"] == "Finding Cleared"
    assert setting(asking) == "Allow"


def test_who_switched_it_on_meanwhile_or_off_again_before_an_undo_is_not_overwritten(asking: World) -> None:
    off(asking)
    lam = asking.client("lambda", MEMBER)
    (event,) = looked(asking)
    lam.put_function_recursion_config(FunctionName="pages", RecursiveLoop="Terminate")
    assert done(asking, event, "Fix Requested")["detail-type"] == "Finding Cleared"
    lam.put_function_recursion_config(FunctionName="pages", RecursiveLoop="Allow")
    assert done(asking, event, "Fix Requested")["detail-type"] == "Fix Applied"
    lam.put_function_recursion_config(FunctionName="pages", RecursiveLoop="Allow")
    asking.emulator.clear_calls()
    assert done(asking, event, "Undo Requested")["detail-type"] == "Fix Undone"
    assert calls_of(asking, DECLARED.member_role) == ["GetFunctionRecursionConfig"]


def test_a_function_as_it_should_be_costs_one_call_and_a_deleted_one_none(asking: World) -> None:
    asking.create_function("plain", Tags={})
    asking.emulator.clear_calls()
    assert looked(asking, "plain") == []
    assert calls_of(asking, "warden-inspector") == READS
    asking.emulator.clear_calls()
    looked(asking, "never-there")
    assert "GetFunctionRecursionConfig" not in calls_of(asking, "warden-inspector")


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (403, "AccessDeniedException", NO_SUCH_OPERATION),
        (404, "UnknownOperationException", ""),
    ],
)
def test_a_region_without_loop_detection_has_nothing_to_say(
    make: Callable[..., World], status: int, code: str, message: str
) -> None:
    world = make(mode="observe")
    world.create_function("checkout")
    world.emulator.fault("lambda:GetFunctionRecursionConfig", status=status, code=code, message=message)
    (event,) = looked(world, "checkout")
    assert event["detail"]["playbook"] == "reserved-concurrency", "the other checks go on"


def test_a_setting_that_is_not_told_is_not_called_on(asking: World) -> None:
    off(asking)
    (event,) = looked(asking)
    asking.run("ticket", event)
    asking.emulator.fault(
        "lambda:GetFunctionRecursionConfig", status=400, code="InvalidParameterValueException", message="not here"
    )
    (unknown,) = looked(asking)
    finding = unknown["detail"]["finding"]
    assert (finding["aspect"], unknown["detail"]["mode"]) == ("not-checked", "observe")
    assert "not here" in json.dumps(finding["evidence"])


@pytest.mark.parametrize("action", sorted({one.action for one in (*DECLARED.reads, *DECLARED.writes)}))
def test_a_missing_permission_becomes_a_ticket_that_names_it(make: Callable[..., World], action: str) -> None:
    world = make(playbook=PLAYBOOK, mode="approve", without=(action,))
    off(world)
    (event,) = looked(world)
    if action == "lambda:PutFunctionRecursionConfig":
        event = done(world, event, "Fix Requested")
        assert (event["detail-type"], event["detail"]["code"]) == ("Fix Failed", "denied")
    assert action in json.dumps(event["detail"])
    assert setting(world) == "Allow"


@pytest.mark.usefixtures("leases_end_at_once")
@pytest.mark.parametrize("after", [False, True])
def test_killed_around_the_change_it_is_completed_once(asking: World, after: bool) -> None:
    off(asking)
    (event,) = looked(asking)
    asking.emulator.clear_calls()
    with killed_at("PutFunctionRecursionConfig", after=after), pytest.raises(Killed):
        done(asking, event, "Fix Requested")
    assert done(asking, event, "Fix Requested")["detail-type"] == "Fix Applied"
    assert setting(asking) == "Terminate"
    assert calls_of(asking, DECLARED.member_role).count("PutFunctionRecursionConfig") == 1
