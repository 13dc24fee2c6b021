"""What triggers what is followed by events, and is then as a whole reading would find it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import pytest

from functions.core.event import Malformed
from functions.playbooks.recursive_loop import joined
from functions.playbooks.recursive_loop.account import Account
from functions.playbooks.recursive_loop.asks import asks
from functions.playbooks.recursive_loop.known import loop_to_json
from functions.playbooks.recursive_loop.loops import loops
from tests.integration.functions.conftest import World
from tests.integration.functions.following_account import (
    FULL,
    HERE,
    HUB,
    MEMBER,
    OK,
    REGION,
    ROLE,
    Member,
    arn,
    looked_at,
    names,
    policy,
)
from tests.integration.functions.random_changes import FUNCTIONS, ROLES, Changes


@pytest.fixture
def member(world: World) -> Member:
    return Member(world)


def same(member: Member) -> None:
    """What is remembered is what a whole reading finds."""
    account, graph = member.fresh()
    known = member.known
    for name in {one.name for one in fields(Account)} - {"not_read"}:
        assert shown(known.account, name) == shown(account, name), name
    remembered = joined.graph(known.account, joined.written(known.account))
    assert set(remembered.edges) == set(graph.edges)
    assert list(known.loops) == [loop_to_json(one) for one in loops(graph)]


def shown(account: Account, name: str) -> Any:
    """Facts of one kind; without environments, which only matter where edges differ."""
    facts = getattr(account, name)
    return [replace(one, environment={}) for one in facts] if name == "functions" else facts


def test_a_loop_is_found_with_the_call_that_closes_it(member: Member) -> None:
    queue = member.queue("jobs")
    work = member.function("work", member.role("work", ("sqs:SendMessage", queue)))
    assert member.read() == []
    member.mapping(queue, work)
    looks = member.follow()
    assert [names(loop) for loop in member.known.loops] == [["work"]]
    assert [(one["function"], one["origin"], one["event"]) for one in looks] == [
        ("work", "topology", "CreateEventSourceMapping20150331")
    ]
    assert "root" in looks[0]["actor"]
    same(member)


@pytest.mark.parametrize("seed", range(2))
def test_whatever_happens_it_is_as_if_all_were_read_again(member: Member, seed: int) -> None:
    # The emulator leaves boundaries out of the details of a whole account, so every role is read by itself.
    denied: dict[str, Any] = {"times": 10_000, "status": 403, "code": "AccessDenied", "message": "no"}
    member.world.emulator.fault("iam:GetAccountAuthorizationDetails", **denied)
    for role in ROLES:
        member.role(role)
    member.client("iam").create_policy(PolicyName="send", PolicyDocument=policy(("s3:GetObject", "*")))
    member.client("events").create_event_bus(Name="shop")
    for name in FUNCTIONS:
        member.function(name, ROLE + ROLES[0])
        member.queue(f"q{name[1:]}")
    changes = Changes(member, seed)
    changes.make(30)
    member.read()
    for _ in range(5):
        changes.make(12)
        member.follow()
        same(member)
    assert len(changes.made) > 12
    assert '"environment":' in member.stored()
    assert "planted" not in member.stored()


# --- what is read again ----------------------------------------------------------------------------------------------


def test_each_event_costs_a_call_or_two(member: Member) -> None:
    lam, sns, events, logs = (member.client(service) for service in ("lambda", "sns", "events", "logs"))
    jobs, topic = member.queue("jobs"), sns.create_topic(Name="orders")["TopicArn"]
    role = member.role("work")
    member.function("work", role)
    member.read()

    def cost(**calls: int) -> None:
        assert member.calls(member.follow) == calls

    member.queue("not-listened-to")
    logs.create_log_group(logGroupName="nobody-logs-here")
    logs.put_subscription_filter(
        logGroupName="nobody-logs-here", filterName="f", filterPattern="", destinationArn=arn("lambda", "function:work")
    )
    member.role("of-no-function", ("sqs:*", "*"))
    cost()
    member.function("new", role)
    cost(GetFunctionConfiguration=1, DescribeSubscriptionFilters=1)
    other = member.role("other", ("sqs:SendMessage", jobs))
    member.function("newer", other)
    single = {"ListRolePolicies": 1, "GetRolePolicy": 1, "ListAttachedRolePolicies": 1, "GetRole": 1}
    cost(GetFunctionConfiguration=1, DescribeSubscriptionFilters=1, **single)
    uuid = member.mapping(jobs, "newer")
    cost(GetEventSourceMapping=1, GetQueueAttributes=1)
    lam.update_event_source_mapping(UUID=uuid, Enabled=False)
    cost(GetEventSourceMapping=1)
    member.client("sqs").set_queue_attributes(QueueUrl=world_url(member, "jobs"), Attributes={"VisibilityTimeout": "9"})
    cost(GetQueueAttributes=1)
    lam.update_function_configuration(FunctionName="work", Timeout=9)
    cost(GetFunctionConfiguration=1)
    lam.put_function_event_invoke_config(FunctionName="work", MaximumRetryAttempts=0)
    cost()
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=jobs)
    cost(ListSubscriptionsByTopic=1)
    events.put_rule(Name="r", EventPattern=json.dumps({"source": ["shop"]}))
    cost(DescribeRule=1, ListTargetsByRule=1)
    member.client("s3").create_bucket(Bucket="images", CreateBucketConfiguration={"LocationConstraint": REGION})
    cost(GetBucketNotificationConfiguration=1)
    made = member.client("iam").create_policy(PolicyName="send", PolicyDocument=policy(("sqs:SendMessage", jobs)))
    cost()
    member.client("iam").attach_role_policy(RoleName="other", PolicyArn=made["Policy"]["Arn"])
    cost(**single, GetPolicy=1, GetPolicyVersion=1)
    member.client("iam").attach_role_policy(RoleName="work", PolicyArn=made["Policy"]["Arn"])
    cost(**single)
    member.client("iam").create_policy_version(
        PolicyArn=made["Policy"]["Arn"], PolicyDocument=policy(("sqs:*", "*")), SetAsDefault=True
    )
    lam.update_event_source_mapping(UUID=uuid, Enabled=True)
    # By a wildcard "work" and "new" reach the queue now. Does an environment name it? Three functions are one page.
    cost(GetEventSourceMapping=1, GetPolicy=1, GetPolicyVersion=1, ListFunctions=1)
    lam.delete_function(FunctionName="new")
    cost(GetFunctionConfiguration=1)
    same(member)


def world_url(member: Member, name: str) -> str:
    return str(member.client("sqs").get_queue_url(QueueName=name)["QueueUrl"])


def test_a_function_is_asked_whether_its_environment_names_what_came_to_trigger(member: Member) -> None:
    role = member.role("work", ("sqs:*", "*"))
    jobs = member.queue("jobs")
    work = member.function("work", role, Environment={"Variables": {"QUEUE": "jobs", "TOKEN": "planted-value"}})
    member.read()
    assert member.known.account.functions[0].environment == {}, "nothing listens to the queue yet"
    member.mapping(jobs, work)
    assert looked_at(member.follow()) == ["work"]
    assert member.known.account.functions[0].environment == {"QUEUE": "jobs"}
    assert [loop["confidence"] for loop in member.known.loops] == ["B"]
    same(member)


def test_what_no_longer_matters_is_forgotten(member: Member) -> None:
    for name in ("a", "b"):
        queue = member.queue(name)
        member.mapping(queue, member.function(name, member.role(name, ("sqs:*", "*"))))
        destination = {"OnFailure": {"Destination": queue}}
        member.client("lambda").put_function_event_invoke_config(FunctionName=name, DestinationConfig=destination)
    member.read()
    assert len(member.known.account.destinations) == 2
    member.may("a", ("sqs:SendMessage", arn("sqs", "a")))
    member.follow()
    assert [one.function.split(":")[6] for one in member.known.account.destinations] == ["b"]
    same(member)
    member.may("b", ("sqs:SendMessage", arn("sqs", "b")))
    member.follow()
    assert not member.known.account.destinations
    same(member)


def test_a_role_that_is_deleted_under_its_function_is_gone(member: Member) -> None:
    jobs = member.queue("jobs")
    member.mapping(jobs, member.function("work", member.role("work", ("sqs:SendMessage", jobs))))
    member.read()
    member.client("iam").delete_role_policy(RoleName="work", PolicyName="own")
    member.client("iam").delete_role(RoleName="work")
    assert looked_at(member.follow()) == ["work"]
    assert (member.known.loops, member.known.account.roles) == ((), {})
    same(member)


def test_events_about_one_account_are_followed_together(member: Member) -> None:
    member.read()
    role, jobs = member.role("work", ("sqs:SendMessage", arn("sqs", "jobs"))), member.queue("jobs")
    member.mapping(jobs, member.function("work", role))
    before = member.known.version
    caught = member.events()
    assert len(caught) > 4
    member.world.run("topology", *caught, {"source": "nonsense"})
    assert member.known.version == before + 1
    (look,) = member.looks()
    assert look["function"] == "work"
    assert "CreateFunction20150331, " in look["event"]
    (dead,) = member.world.sent("dead")
    assert dead["source"] == "nonsense"


def test_what_fails_together_is_followed_one_by_one(member: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    member.read()
    role = member.role("work")
    member.function("work", role)
    topology = member.world.modules["topology"]
    real, seen = topology.refresh, []

    def refresh(client: Any, account: Account, changes: Any) -> Any:
        seen.append(len(changes))
        if len(changes) > 1:
            raise RuntimeError("one of them cannot be followed")
        return real(client, account, changes)

    monkeypatch.setattr(topology, "refresh", refresh)
    caught = member.events()
    failed = member.world.run("topology", *caught)["batchItemFailures"]
    assert (len(failed), seen) == (1, [2, 1])
    for event in caught:
        assert member.world.run("topology", event) == OK
    same(member)


def test_an_event_that_changes_nothing_writes_nothing(member: Member) -> None:
    member.function("work", member.role("work"))
    member.read()
    before = member.known
    member.client("lambda").update_function_configuration(FunctionName="work", Timeout=9)
    assert member.follow() == []
    assert member.known == before


def test_what_is_being_changed_is_looked_at_again(member: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("functions.adapters.following._UNSETTLED", {"Enabled"})
    jobs, work = member.queue("jobs"), member.function("work", member.role("work"))
    member.read()
    uuid = member.mapping(jobs, work)
    sent: list[tuple[Any, int]] = []
    queue = member.world.modules["topology"].HUB.queue
    monkeypatch.setattr(type(queue), "send", lambda _, body, delay=0, **__: sent.append((body, delay)))
    member.follow()
    for _ in range(9):
        body, _ = sent[-1]
        member.world.run("topology", body)
    assert [delay for _, delay in sent] == [15, 30, 60, 120, 240, 480]
    assert sent[0][0]["topology"]["changes"] == [["mapping", uuid]]
    assert sent[0][0]["topology"]["event"] == "CreateEventSourceMapping20150331"
    sent.clear()
    member.read()
    assert [body["topology"]["changes"] for body, _ in sent] == [[["mapping", uuid]]]


# --- where nothing is known, or too little ---------------------------------------------------------------------------


def test_without_anything_known_the_first_event_has_everything_read(member: Member) -> None:
    jobs = member.queue("jobs")
    work = member.function("work", member.role("work", ("sqs:SendMessage", jobs)))
    member.mapping(jobs, work)
    last = member.events()[-1]
    assert member.world.run("topology", last) == OK
    assert looked_at(member.looks()) == ["work"]
    assert member.known.appeared == {}, "what was there at the first reading is not new"


def test_a_lost_event_is_made_up_for_by_the_sweep(member: Member) -> None:
    jobs = member.queue("jobs")
    role = member.role("work", ("sqs:SendMessage", jobs))
    member.read()
    uuid = member.mapping(jobs, member.function("work", role))
    member.events()
    looks = member.read()
    assert [(look["function"], look["origin"]) for look in looks] == [("work", "sweep")]
    assert list(member.known.appeared) == [arn("lambda", "function:work")]
    assert looked_at(member.read()) == ["work"], "after a whole reading each loop is looked at"
    member.client("lambda").delete_event_source_mapping(UUID=uuid)
    member.events()
    assert looked_at(member.read()) == ["work"], "the loop is gone"
    assert member.known.loops == ()
    assert member.read() == []


def test_a_function_that_appeared_in_a_loop_is_looked_at_whichever_is_first(member: Member) -> None:
    jobs = member.queue("jobs")
    role = member.role("work", ("sqs:SendMessage", jobs))
    member.mapping(jobs, member.function("a", role))
    assert looked_at(member.read()) == ["a"]
    member.mapping(jobs, member.function("b", role))
    assert looked_at(member.follow()) == ["a", "b"]
    appeared = member.known.appeared[arn("lambda", "function:b")]
    assert appeared.startswith("20")
    member.mapping(jobs, member.function("c", role), Enabled=False)
    assert looked_at(member.follow()) == [], "it is in no loop"


def test_looks_that_were_not_asked_for_are_asked_for_next_time(member: Member) -> None:
    jobs = member.queue("jobs")
    work = member.function("work", member.role("work", ("sqs:SendMessage", jobs)))
    member.read()
    member.mapping(jobs, work)
    caught = member.events()
    refused: dict[str, Any] = {"account": HUB, "status": 400, "code": "InvalidAddress", "message": "no"}
    member.world.emulator.fault("sqs:SendMessage", resource=f"arn:aws:sqs:{REGION}:{HUB}:inspect", **refused)
    assert member.world.run("topology", *caught)["batchItemFailures"] != []
    assert member.known.to_look_at == (work,)
    assert member.looks() == []
    assert member.world.run("topology", *caught) == OK
    assert looked_at(member.looks()) == ["work"]
    assert not member.known.to_look_at


# --- others at work --------------------------------------------------------------------------------------------------


def test_one_account_and_region_is_read_at_a_time(member: Member) -> None:
    store = member.world.modules["topology"].HUB.store
    store.lock(f"topology#{MEMBER}#{REGION}", "another", 60)
    assert member.world.run("topology", FULL) == OK
    store.unlock(f"topology#{MEMBER}#{REGION}", "another")
    (later,) = delayed(member)
    assert member.world.run("topology", later) == OK
    assert member.known.version == 1


def delayed(member: Member) -> list[Any]:
    """What was put onto the function's own queue, to be seen in a while."""
    return [json.loads(one["body"]) for one in member.world.emulator.dead_letters(HUB, "own", REGION)]


def test_of_two_that_read_at_once_one_wins_and_the_other_reads_again(
    member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = member.queue("jobs")
    work = member.function("work", member.role("work", ("sqs:SendMessage", jobs)))
    member.read()
    member.mapping(jobs, work)
    topology = member.world.modules["topology"]
    real = topology.refresh

    def slow(*arguments: Any) -> Any:
        monkeypatch.setattr(topology, "refresh", real)
        found = real(*arguments)
        topology.MEMORY.save(HERE, member.known)
        return found

    monkeypatch.setattr(topology, "refresh", slow)
    assert member.follow() == []
    (later,) = delayed(member)
    assert member.world.run("topology", later) == OK
    assert looked_at(member.looks()) == ["work"]
    same(member)


# --- what may not be read --------------------------------------------------------------------------------------------


def lacking(member: Member) -> list[str]:
    """The permissions that operators are told of."""
    found = [event["detail"]["finding"] for event in member.world.sent()]
    return sorted(next(e["value"] for e in one["evidence"] if e["label"] == "Action") for one in found)


def test_a_permission_that_lacks_is_told_once_for_each_action(make: Callable[..., World]) -> None:
    member = Member(make(without=("sns:ListSubscriptions", "s3:GetBucketNotification", "events:DescribeRule")))
    for name in ("images", "reports"):
        member.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    member.read()
    assert lacking(member) == ["s3:GetBucketNotification", "sns:ListSubscriptions"]
    member.client("events").disable_rule(Name="trail")
    before = member.known
    event = {"name": "trail", "eventBusName": "default"}
    assert member.world.run("topology", call(member, "events", "DisableRule", event)) == OK
    assert lacking(member) == ["events:DescribeRule"]
    assert member.known == before, "what may not be read is as it was known"


def call(member: Member, service: str, name: str, request: dict[str, Any], account: str = MEMBER) -> dict[str, Any]:
    event = member.world.created_event("x")
    detail = {**event["detail"], "eventSource": f"{service}.amazonaws.com", "eventName": name}
    detail |= {"requestParameters": request, "recipientAccountId": account}
    return {**event, "source": f"aws.{service}", "account": account, "detail": detail}


def test_a_reading_that_is_refused_what_it_was_not_before_is_not_believed(member: Member) -> None:
    jobs = member.queue("jobs")
    member.mapping(jobs, member.function("work", member.role("work", ("sqs:SendMessage", jobs))))
    member.read()
    before = member.known
    denied: dict[str, Any] = {"status": 403, "code": "AccessDeniedException", "message": "no", "times": 1}
    member.world.emulator.fault("lambda:ListEventSourceMappings", **denied)
    assert member.read() == []
    assert member.known == before
    assert lacking(member) == ["lambda:ListEventSourceMappings"]


def test_an_account_without_our_role_is_told_of(member: Member) -> None:
    assert member.world.run("topology", {"topology": {"account": "3" * 12, "region": REGION}}) == OK
    assert lacking(member) == ["sts:AssumeRole"]


def test_a_reading_that_is_cut_short_is_not_remembered(member: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(member.world.modules["topology"], "MEMBERS", member.world.modules["sweep"].HUB.aws)
    member.world.emulator.fault("sns:ListSubscriptions", times=3, code="Throttling", status=400)
    assert member.world.run("topology", FULL) == OK
    (later,) = delayed(member)
    assert member.world.client("dynamodb").scan(TableName="warden-state", Select="COUNT")["Count"] == 1, "the lock"
    assert member.world.run("topology", later) == OK
    assert member.known.account.not_read == ()


# --- which messages --------------------------------------------------------------------------------------------------


def test_iam_is_followed_in_every_governed_region(make: Callable[..., World]) -> None:
    member = Member(make(WARDEN_REGIONS=f"{REGION},eu-central-1"))
    jobs = member.queue("jobs")
    member.mapping(jobs, member.function("work", member.role("work")))
    member.read()
    member.may("work", ("sqs:SendMessage", jobs))
    assert member.follow() == []
    parts = member.world.sent("own")
    assert [(part["topology"]["region"], part["topology"]["changes"]) for part in parts] == [
        (REGION, [["role", "work"]]),
        ("eu-central-1", [["role", "work"]]),
    ]
    assert member.world.run("topology", *parts) == OK
    (look,) = member.looks()
    assert (look["function"], look["event"], look["origin"]) == ("work", "PutRolePolicy", "topology")
    assert "root" in look["actor"]


def test_a_wrapped_event_of_the_hub_is_a_test(member: Member) -> None:
    jobs = member.queue("jobs")
    work = member.function("work", member.role("work", ("sqs:SendMessage", jobs)))
    member.read()
    member.mapping(jobs, work)
    (event,) = (one for one in member.events() if "Mapping" in one["detail"]["eventName"])
    wrapped = {"source": "warden.test", "detail-type": "Test Event", "region": REGION, "detail": {"event": event}}
    assert member.world.run("topology", {**wrapped, "account": MEMBER}) == OK
    assert member.looks() == [], "a member may not send it"
    assert member.world.run("topology", {**wrapped, "account": HUB}) == OK
    assert looked_at(member.looks()) == ["work"]


def test_what_is_not_governed_or_changes_nothing_is_left_alone(member: Member) -> None:
    event = call(member, "s3", "DeleteBucket", {"bucketName": "images"})
    elsewhere = {**event, "region": "us-west-2"}
    hub = call(member, "s3", "DeleteBucket", {"bucketName": "images"}, account=HUB)
    other = call(member, "lambda", "TagResource20170331v2", {"resource": arn("lambda", "function:work")})
    assert member.calls(lambda: member.world.run("topology", elsewhere, hub, other)) == {}
    assert member.world.sent("own") == member.world.sent("dead") == member.world.sent() == []


@pytest.mark.parametrize(
    ("message", "why"),
    [
        ([], "the message is not an object"),
        ({"topology": {"account": "1", "region": REGION}}, "topology.account '1' or topology.region 'eu-west-1'"),
        ({"topology": {"account": MEMBER, "region": REGION, "looks": "x"}}, "topology.looks is not a number"),
        ({"topology": {"account": MEMBER, "region": REGION, "changes": [["moon", "x"]]}}, "topology.changes is not"),
    ],
)
def test_what_cannot_be_read_is_buried_with_the_reason(message: object, why: str) -> None:
    with pytest.raises(Malformed, match=re.escape(why)):
        asks(message, HUB, (REGION,))


def test_the_sweep_has_everything_read_before_it_has_functions_looked_at(member: Member) -> None:
    schedule = {"version": "0", "source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}
    assert member.world.run("sweep", schedule) == OK
    asked = {"account": MEMBER, "region": REGION, "origin": "first-sweep"}
    assert [part["topology"] for part in member.world.sent("topology")] == [asked]
    member.function("work", member.role("work"))
    (event,) = (one for one in member.events() if one["detail"]["eventName"].startswith("CreateFunction"))
    assert member.world.run("topology", {"topology": asked}, event) == OK
