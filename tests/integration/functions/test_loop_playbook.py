"""Loops through the frame: read, found, capped, broken, killed, climbed and put back, on the embedded AWS."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import botocore.client
import pytest

from functions.adapters.store import Store
from functions.core.finding import Cause
from functions.core.fix import FixRecord
from functions.core.inspection import request
from functions.core.subject import Subject
from functions.playbooks import playbook
from functions.playbooks.recursive_loop.fixes import subscription, target
from tests.integration.functions.conftest import HUB, MEMBER, REGION, World
from tests.integration.functions.following_account import HERE, OK, Member, arn, policy
from tests.integration.functions.killing import Killed, count_calls

PLAYBOOK = "recursive-loop"
LATER = "2999-01-01T00:00:00.000000Z"
# The embedded AWS knows metrics by the second; a minute is a second long, and nothing is waited for.
QUICK = {"period": 1, "running_per_minute": 5, "quiet_seconds": 0, "lift_seconds": 0, "fixes_per_hour": 1000}
READING = ("Get", "List", "Describe", "Simulate", "Assume", "Receive", "Query")
HUBS = ("PutItem", "UpdateItem", "TransactWriteItems", "PutEvents", "DeleteMessage", "SendMessage")
"""What the frame writes in the hub; where it is killed there, other tests tell."""


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What both are there for is that AWS is many machines; the embedded one is not."""
    for step in (target, subscription):
        monkeypatch.setattr(step, "OVERLAP_SECONDS", 0)
    monkeypatch.setattr("functions.adapters.store.LEASE_SECONDS", 0)


@dataclass
class Account(Member):
    """A member with loops in it, and the hub's entry points one after the other."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.world.modules["remediator"].__dict__["_LOCK_SECONDS"] = 0
        allow = policy(("sqs:SendMessage", f"arn:aws:sqs:*:{MEMBER}:warden-q-*"))
        self.client("iam").create_policy(PolicyName="warden-quarantine-send", PolicyDocument=allow)

    # --- loops -------------------------------------------------------------------------------------------------------

    def bus(self, name: str = "pay", bus: str = "shop") -> str:
        """A function that answers on the bus it hears."""
        events, own = self.client("events"), arn("events", f"event-bus/{bus}")
        function = self.function(name, self.role(name, ("events:PutEvents", own)))
        events.create_event_bus(Name=bus)
        events.put_rule(Name="made", EventBusName=bus, EventPattern=json.dumps({"source": ["app"]}))
        events.put_targets(
            Rule="made", EventBusName=bus, Targets=[{"Id": "it", "Arn": function, "InputPath": "$.detail"}]
        )
        self.let(name, "events.amazonaws.com")
        return function

    def queue_loop(self, *names: str, queue: str = "jobs") -> list[str]:
        """Functions that all hear one queue and send to it; return the mappings."""
        jobs = self.queue(queue)
        roles = {name: self.role(name, ("sqs:SendMessage", jobs)) for name in names}
        return [self.mapping(jobs, self.function(name, role)) for name, role in roles.items()]

    def bucket(self, name: str = "pay", bucket: str = "images", prefix: str = "in/") -> str:
        s3 = self.client("s3")
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        function = self.function(name, self.role(name, ("s3:PutObject", f"arn:aws:s3:::{bucket}/in/*")))
        self.let(name, "s3.amazonaws.com")
        rule = {"Key": {"FilterRules": [{"Name": "Prefix", "Value": prefix}]}}
        entry = {"Id": "it", "LambdaFunctionArn": function, "Events": ["s3:ObjectCreated:*"], "Filter": rule}
        s3.put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration={"LambdaFunctionConfigurations": [entry]}
        )
        return function

    def topic(self, name: str = "pay") -> str:
        sns = self.client("sns")
        topic = sns.create_topic(Name="news")["TopicArn"]
        function = self.function(name, self.role(name, ("sns:Publish", topic)))
        self.let(name, "sns.amazonaws.com")
        sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=function)
        return function

    def calls_itself(self, name: str = "pay") -> str:
        role = self.role(name, ("lambda:InvokeFunction", arn("lambda", f"function:{name}")))
        return self.function(name, role)

    def let(self, name: str, service: str) -> None:
        self.client("lambda").add_permission(
            FunctionName=name, StatementId=service[:3], Action="lambda:InvokeFunction", Principal=service
        )

    def runs(self, *names: str, rate: int = 100, ahead: Iterable[int] = (0,)) -> None:
        """Say that functions are invoked so often a minute, now or in so many half seconds."""
        now = datetime.now(UTC)
        for name in names:
            data = [
                {
                    "MetricName": "Invocations",
                    "Value": rate,
                    "Timestamp": now + timedelta(seconds=half / 2),
                    "Dimensions": [{"Name": "FunctionName", "Value": name}],
                }
                for half in ahead
            ]
            self.client("cloudwatch").put_metric_data(Namespace="AWS/Lambda", MetricData=data)

    # --- the hub -----------------------------------------------------------------------------------------------------

    def look(self, *names: str) -> list[dict[str, Any]]:
        """Have functions looked at, and whatever that leads to; return what was put on the bus."""
        waiting = [request(HUB, replace(HERE, function=name), Cause(origin="alarm")) for name in names]
        while waiting:
            assert self.world.run("inspector", *waiting) == OK
            waiting = [{k: v for k, v in one.items() if k != "_attributes"} for one in self.world.sent("own")]
        return self.world.sent()

    def found(self, *names: str) -> list[dict[str, Any]]:
        """Read the account and look at functions."""
        self.read()
        return self.look(*names)

    def opened(self, name: str = "pay") -> dict[str, Any]:
        """Read the account, look at a function and return its one finding."""
        (event,) = self.found(name)
        assert event["detail-type"] == "Finding Opened"
        return event

    def fix(self, event: dict[str, Any], kind: str = "") -> dict[str, Any]:
        """Hand an event to the remediator, as often as it asks to be asked again; return how it went."""
        asked = {k: v for k, v in event.items() if k != "_attributes"}
        if kind:
            asked = {**asked, "detail-type": kind, "detail": {**asked["detail"], "at": LATER, "by": "bob"}}
        for _ in range(300):
            answer = self.world.run("remediator", asked)
            assert self.world.sent("dead") == []
            assert answer == OK
            if told := self.world.sent():
                (outcome,) = told
                return outcome
            time.sleep(0.02)
        raise AssertionError("it never came to an end")

    def undo(self, event: dict[str, Any]) -> dict[str, Any]:
        return self.fix(event, "Undo Requested")

    def tell(self, *events: dict[str, Any]) -> None:
        """Write the ticket's story."""
        self.world.run("ticket", *events)
        self.world.sent()

    def history(self, event: dict[str, Any]) -> tuple[FixRecord, ...]:
        finding = event["detail"]["finding"]
        known = Store(self.world.client("dynamodb"), "warden-state").known(
            Subject("aws", MEMBER, REGION, finding["subject"]["function"])
        )
        return known.fixes.get(finding["id"], ())

    # --- how the account is ------------------------------------------------------------------------------------------

    def everything(self) -> dict[str, Any]:
        """Every setting that a fix may touch, as it is now."""
        found: dict[str, Any] = {"queues": self.queues(), "alarms": self.alarms()}
        lam = self.client("lambda")
        for one in lam.list_functions()["Functions"]:
            name = one["FunctionName"]
            configs = lam.list_function_event_invoke_configs(FunctionName=name)["FunctionEventInvokeConfigs"]
            found[name] = {
                "reserved": self.world.reserved(name),
                "tags": lam.list_tags(Resource=one["FunctionArn"])["Tags"],
                "invocations": [{k: v for k, v in config.items() if k != "LastModified"} for config in configs],
                "guard": lam.get_function_recursion_config(FunctionName=name)["RecursiveLoop"],
                "policies": self.attached(one["Role"].rpartition("/")[2]),
            }
        return found | {"mappings": self.mappings(), "triggers": self.triggers()}

    def mappings(self) -> dict[str, Any]:
        def settled() -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = self.client("lambda").list_event_source_mappings()["EventSourceMappings"]
            return found

        while any(one["State"].endswith("ing") for one in settled()):
            time.sleep(0.01)
        no = ("LastModified", "LastProcessingResult", "StateTransitionReason")
        return {one["UUID"]: {k: v for k, v in one.items() if k not in no} for one in settled()}

    def triggers(self) -> dict[str, Any]:
        events, s3, sns = self.client("events"), self.client("s3"), self.client("sns")
        found: dict[str, Any] = {}
        for bus in events.list_event_buses()["EventBuses"]:
            for rule in events.list_rules(EventBusName=bus["Name"])["Rules"]:
                targets = events.list_targets_by_rule(Rule=rule["Name"], EventBusName=bus["Name"])["Targets"]
                found[rule["Arn"]] = sorted(targets, key=lambda one: str(one["Id"]))
        for bucket in s3.list_buckets()["Buckets"]:
            answer = s3.get_bucket_notification_configuration(Bucket=bucket["Name"])
            found[bucket["Name"]] = {k: v for k, v in answer.items() if k != "ResponseMetadata"}
        listed = sns.list_subscriptions()["Subscriptions"]
        found["subscriptions"] = sorted((one["Protocol"], one["Endpoint"]) for one in listed)
        return found

    def queues(self) -> list[str]:
        urls = self.client("sqs").list_queues().get("QueueUrls", [])
        return sorted(url.rpartition("/")[2] for url in urls)

    def quarantine(self) -> list[str]:
        return [name for name in self.queues() if name.startswith("warden-q-")]

    def alarms(self) -> list[str]:
        return [one["AlarmName"] for one in self.client("cloudwatch").describe_alarms()["MetricAlarms"]]

    def attached(self, role: str) -> list[str]:
        found = self.client("iam").list_attached_role_policies(RoleName=role)["AttachedPolicies"]
        return [one["PolicyName"] for one in found]

    def targets(self) -> list[str]:
        found = self.client("events").list_targets_by_rule(Rule="made", EventBusName="shop")["Targets"]
        return [one["Arn"].rpartition(":")[2] for one in found]

    def tags(self, name: str = "pay") -> dict[str, str]:
        found: dict[str, str] = self.client("lambda").list_tags(Resource=arn("lambda", f"function:{name}"))["Tags"]
        return found

    def tag(self, name: str = "pay", **tags: str) -> None:
        named = {key.replace("_", ":"): value for key, value in tags.items()}
        self.client("lambda").tag_resource(Resource=arn("lambda", f"function:{name}"), Tags=named)

    def reserve(self, name: str, size: int) -> None:
        self.client("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=size)


Make = Callable[..., Account]


@pytest.fixture
def made(make: Callable[..., World]) -> Make:
    def account(*, quick: dict[str, Any] | None = None, **changes: Any) -> Account:
        settings = {PLAYBOOK: {**QUICK, **(quick or {})}}
        return Account(make(playbook=PLAYBOOK, settings=settings, **changes))

    return account


@pytest.fixture
def account(made: Make) -> Account:
    return made()


def kinds(events: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """What was said of which function and problem; a loop's id is said as `loop`."""
    return [
        (one["detail-type"], finding["subject"]["function"], named if named.startswith("cap") else "loop")
        for one in events
        for finding in [one["detail"]["finding"]]
        for named in [finding["aspect"]]
    ]


# --- tickets ---------------------------------------------------------------------------------------------------------


def test_a_loop_has_one_ticket_whichever_function_is_looked_at(account: Account) -> None:
    mappings = account.queue_loop("a", "b", "c")
    account.read()
    ids = set()
    for name in "abc":
        (event,) = account.look(name)
        assert kinds([event]) == [("Finding Opened", "a", "loop")]
        assert "c" in event["detail"]["finding"]["what"] or "3 functions" in event["detail"]["finding"]["what"]
        ids.add(event["detail"]["finding"]["id"])
    (first,) = ids
    account.tell(event)
    assert account.look("a", "b", "c") == [], "it was told already"
    account.client("lambda").delete_event_source_mapping(UUID=mappings[2])
    found = account.found("a")
    assert sorted(kinds(found)) == [("Finding Cleared", "a", "loop"), ("Finding Opened", "a", "loop")]
    other = {one["detail"]["finding"]["id"]: one["detail-type"] for one in found}
    assert other.pop(first) == "Finding Cleared"
    account.tell(*found)
    for uuid in mappings[:2]:
        account.client("lambda").delete_event_source_mapping(UUID=uuid)
    (gone,) = account.found("a")
    assert (gone["detail-type"], gone["detail"]["finding"]["id"]) == ("Finding Cleared", next(iter(other)))


# --- caps ------------------------------------------------------------------------------------------------------------


def new_in_a_loop(account: Account, name: str = "pay") -> str:
    """Create a function in a loop while the account is watched; return its mapping."""
    account.read()
    (uuid,) = account.queue_loop(name)
    account.follow()
    return uuid


def capped(account: Account, name: str = "pay") -> dict[str, Any]:
    """Look at a new function; return the finding of which it is capped."""
    found = account.look(name)
    assert sorted(kinds(found)) == [("Finding Opened", name, "cap"), ("Finding Opened", name, "loop")]
    (event,) = (one for one in found if kinds([one])[0][2] == "cap")
    return event


def test_a_new_function_in_a_loop_is_capped_until_the_loop_is_gone(account: Account) -> None:
    uuid = new_in_a_loop(account)
    before = account.everything()
    event = capped(account)
    assert account.fix(event)["detail-type"] == "Fix Applied"
    assert (account.world.reserved("pay"), account.tags()) == (10, {"warden:cap": "recursive-loop@10"})
    assert kinds(account.look("pay")) == [("Finding Opened", "pay", "loop")]
    account.client("lambda").delete_event_source_mapping(UUID=uuid)
    (left,) = account.found("pay")
    assert (kinds([left]), left["detail"]["mode"]) == ([("Finding Opened", "pay", "cap-left")], "enforce")
    assert account.fix(left)["detail-type"] == "Fix Applied"
    assert account.everything()["pay"] == before["pay"]
    assert account.undo(left)["detail-type"] == "Fix Undone"
    assert (account.world.reserved("pay"), account.tags()) == (10, {"warden:cap": "recursive-loop@10"})
    assert account.undo(event)["detail-type"] == "Fix Undone"
    assert account.everything()["pay"] == before["pay"]


def test_a_reservation_that_somebody_set_in_place_of_a_cap_stays(account: Account) -> None:
    uuid = new_in_a_loop(account)
    event = capped(account)
    account.fix(event)
    account.reserve("pay", 20)
    account.client("lambda").delete_event_source_mapping(UUID=uuid)
    (left,) = account.found("pay")
    assert account.fix(left)["detail-type"] == "Fix Applied"
    assert (account.world.reserved("pay"), account.tags()) == (20, {})


def test_where_the_account_has_no_room_for_a_cap_the_ticket_says_so(account: Account) -> None:
    account.function("big", account.role("big"))
    account.reserve("big", 895)
    new_in_a_loop(account)
    told = account.fix(capped(account))
    assert (told["detail-type"], told["detail"]["code"]) == ("Fix Failed", "no-room")
    assert (account.world.reserved("pay"), account.tags()) == (None, {})


def test_who_was_there_is_reserved_or_only_near_a_loop_by_a_wildcard_gets_no_cap(account: Account) -> None:
    account.queue_loop("there", queue="one")
    account.read()
    account.queue_loop("reserved", queue="two")
    account.reserve("reserved", 5)
    account.queue_loop("wanted", queue="three")
    account.tag("wanted", warden_loop="polls@1000@2999-12-31")
    role = account.role("wild", ("sqs:*", "*"))
    account.mapping(account.queue("four"), account.function("wild", role))
    account.follow()
    found = account.look("there", "reserved", "wanted", "wild")
    assert sorted(kinds(found)) == [("Finding Opened", name, "loop") for name in ("reserved", "there", "wild")]


# --- modes -----------------------------------------------------------------------------------------------------------


def test_a_certain_loop_that_runs_is_broken_one_at_rest_waits_for_a_person(account: Account) -> None:
    account.bus()
    resting = account.opened()
    assert (resting["detail"]["mode"], resting["detail"]["finding"]["severity"]) == ("approve", "high")
    planned = account.fix(resting)
    assert planned["detail-type"] == "Fix Planned"
    assert [one["setting"].partition(" ")[0] for one in planned["detail"]["changes"]] == [
        "quarantine",
        "target",
        "loop",
    ]
    assert account.targets() == ["pay"]
    account.tell(resting, planned)
    account.runs("pay")
    (running,) = account.look("pay")
    assert (running["detail"]["mode"], running["detail"]["finding"]["severity"]) == ("enforce", "critical")
    assert account.fix(running)["detail-type"] == "Fix Applied"
    assert account.targets() == account.quarantine() != []


def test_what_a_person_approves_is_done_and_a_wildcard_is_only_told(account: Account) -> None:
    jobs = account.queue("named")
    role = account.role("named", ("sqs:SendMessage", arn("sqs", "nam*")))
    uuid = account.mapping(jobs, account.function("named", role))
    wild = account.role("wild", ("sqs:*", "*"))
    account.mapping(account.queue("other"), account.function("wild", wild))
    account.runs("named", "wild")
    found = {one["detail"]["finding"]["subject"]["function"]: one for one in account.found("named", "wild")}
    assert {name: one["detail"]["mode"] for name, one in found.items()} == {"named": "approve", "wild": "observe"}
    assert account.fix(found["named"])["detail-type"] == "Fix Planned"
    assert account.mappings()[uuid]["State"] == "Enabled"
    assert account.fix(found["named"], "Fix Requested")["detail-type"] == "Fix Applied"
    assert account.mappings()[uuid]["State"] == "Disabled"
    refused = account.fix(found["wild"], "Fix Requested")
    assert (refused["detail-type"], refused["detail"]["mode"]) == ("Finding Opened", "observe")


def test_an_intended_loop_is_left_alone_within_its_budget_and_until_its_day(account: Account) -> None:
    account.queue_loop("a", "b")
    account.runs("a", "b")
    account.tag("b", warden_loop="polls@1000@2999-12-31")
    assert account.found("a", "b") == []
    for tag, says in (("polls@50@2999-12-31", "more often than its tag allows"), ("polls@1000@2020-01-01", "ended on")):
        account.tag("b", warden_loop=tag)
        (event,) = account.look("a")
        assert event["detail"]["mode"] == "approve"
        assert says in event["detail"]["finding"]["what"]


# --- killed ----------------------------------------------------------------------------------------------------------


def approval(account: Account, event: dict[str, Any]) -> dict[str, Any]:
    detail = {**event["detail"], "at": LATER, "by": "bob", "fix": len(account.history(event))}
    return {"detail-type": "Fix Requested", **{k: event[k] for k in ("source", "account", "region")}, "detail": detail}


def changes(run: Callable[[], object]) -> list[str]:
    """Name the calls of a run that change something in the account."""
    return [name for name in count_calls(run) if not name.startswith((*READING, *HUBS))]


@contextmanager
def before_change(place: int | str, act: Callable[[], object]) -> Iterator[None]:
    """Do something before the call that changes something for the nth time, from 0, or the first of that name."""
    seen: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        clients: Any = botocore.client.BaseClient
        original = clients._make_api_call

        def call(self: Any, operation: str, *arguments: Any, **named: Any) -> Any:
            if not operation.startswith((*READING, *HUBS)):
                seen.append(operation)
                if (isinstance(place, int) and len(seen) == place + 1) or (seen.count(operation), operation) == (
                    1,
                    place,
                ):
                    patch.undo()
                    act()
            return original(self, operation, *arguments, **named)

        patch.setattr(clients, "_make_api_call", call)
        yield


def killed() -> None:
    raise Killed


SHAPES: dict[str, Callable[[Account], object]] = {
    "bus": Account.bus,
    "queue": lambda account: account.queue_loop("pay"),
    "bucket": Account.bucket,
    "topic": Account.topic,
    "itself": Account.calls_itself,
}


@pytest.mark.parametrize("shape", ["bus", "queue", "bucket"])
def test_killed_before_any_call_that_changes_something_it_is_completed_once(account: Account, shape: str) -> None:
    SHAPES[shape](account)
    event = account.opened()
    before = account.everything()
    calls = changes(lambda: account.fix(approval(account, event)))
    broken = account.everything()
    assert broken != before
    undone = changes(lambda: account.undo(event))
    assert account.everything() == before
    for place, name in enumerate(calls):
        asked = approval(account, event)
        with before_change(place, killed), pytest.raises(Killed):
            account.world.run("remediator", asked)
        applied = account.fix(asked)
        assert (applied["detail-type"], applied["detail"]["fix"]) == ("Fix Applied", len(account.history(event))), name
        assert len(account.history(event)) == asked["detail"]["fix"] + 1
        assert account.everything() == broken, name
        assert account.undo(event)["detail-type"] == "Fix Undone"
        assert account.everything() == before, name
    for place, name in enumerate(undone):
        account.fix(approval(account, event))
        with before_change(place, killed), pytest.raises(Killed):
            account.undo(event)
        assert account.undo(event)["detail-type"] == "Fix Undone"
        assert account.everything() == before, name


# --- refused ---------------------------------------------------------------------------------------------------------


@contextmanager
def without(account: Account, action: str) -> Iterator[None]:
    """Take one action away from the role of the remediator."""
    iam, role = account.client("iam"), playbook(PLAYBOOK).member_role
    whole = iam.get_role_policy(RoleName=role, PolicyName="own")["PolicyDocument"]
    less = {**whole, "Statement": [one for one in whole["Statement"] if one["Action"] != action]}
    assert less != whole
    iam.put_role_policy(RoleName=role, PolicyName="own", PolicyDocument=json.dumps(less))
    yield
    iam.put_role_policy(RoleName=role, PolicyName="own", PolicyDocument=json.dumps(whole))


REFUSED: dict[str, tuple[str, ...]] = {
    "bus": ("sqs:CreateQueue", "cloudwatch:PutMetricAlarm", "events:PutTargets"),
    "queue": ("lambda:UpdateEventSourceMapping",),
    "topic": ("sns:Subscribe",),
    "bucket": (
        "iam:AttachRolePolicy",
        "lambda:PutFunctionEventInvokeConfig",
        "lambda:PutFunctionConcurrency",
        "s3:PutBucketNotification",
    ),
}


@pytest.mark.parametrize("shape", REFUSED)
def test_a_permission_that_lacks_is_named_and_nothing_stays_half_done(account: Account, shape: str) -> None:
    SHAPES[shape](account)
    event = account.opened()
    before = account.everything()
    for action in REFUSED[shape]:
        with without(account, action):
            told = account.fix(approval(account, event))
        assert told["detail-type"] == "Fix Failed", (action, told["detail"]["text"])
        assert action.lower() in told["detail"]["text"].lower(), told["detail"]["text"]
        assert account.everything() == before, action
    assert {one.status.value for one in account.history(event)} <= {"failed"}


@pytest.mark.parametrize(("shape", "action"), [("bus", "events:RemoveTargets"), ("topic", "sns:Unsubscribe")])
def test_what_may_not_be_put_back_is_told_and_waits_for_an_undo(account: Account, shape: str, action: str) -> None:
    SHAPES[shape](account)
    event = account.opened()
    before = account.everything()
    with without(account, action):
        told = account.fix(approval(account, event))
    assert told["detail-type"] == "Fix Applied"
    assert "cannot be put back" in told["detail"]["text"]
    assert action.lower() in told["detail"]["text"].lower()
    assert [one.status.value for one in account.history(event)] == ["applied"]
    assert account.undo(event)["detail-type"] == "Fix Undone"
    assert account.everything() == before


def test_where_not_even_one_can_be_reserved_everything_is_put_back(account: Account) -> None:
    account.bucket()
    deny = {"Effect": "Deny", "Action": "sqs:SendMessage", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    account.client("iam").put_role_policy(RoleName="pay", PolicyName="never", PolicyDocument=document)
    account.function("big", account.role("big"))
    account.reserve("big", 900)
    event = account.opened()
    before = account.everything()
    told = account.fix(approval(account, event))
    assert told["detail-type"] == "Fix Failed"
    assert "AWS keeps 100 unreserved" in told["detail"]["text"]
    assert account.everything() == before


# --- others at work --------------------------------------------------------------------------------------------------


def test_a_trigger_that_somebody_changes_meanwhile_is_left_so(account: Account) -> None:
    function = account.bus()
    event = account.opened()
    before = account.everything()
    theirs = {"Id": "it", "Arn": function, "InputPath": "$.detail.order"}
    change = lambda: account.client("events").put_targets(Rule="made", EventBusName="shop", Targets=[theirs])  # noqa: E731
    with before_change("PutTargets", change):
        told = account.fix(approval(account, event))
    assert told["detail-type"] == "Fix Failed"
    assert "Somebody changed" in told["detail"]["text"]
    (rule,) = (key for key in before["triggers"] if key.endswith("shop/made"))
    assert account.everything() == {**before, "triggers": {**before["triggers"], rule: [theirs]}}


def test_a_mapping_that_is_deleted_meanwhile_ends_it(account: Account) -> None:
    (uuid,) = account.queue_loop("pay")
    event = account.opened()
    lam = account.client("lambda")
    delete = lambda: lam.delete_event_source_mapping(UUID=uuid)  # noqa: E731
    with before_change("UpdateEventSourceMapping", delete):
        told = account.fix(approval(account, event))
    assert told["detail-type"] in ("Fix Failed", "Finding Cleared"), told
    assert account.mappings() == {}


@pytest.mark.parametrize("place", ["PutMetricAlarm", "PutFunctionConcurrency"])
def test_a_function_that_is_deleted_in_the_middle_leaves_nothing_behind(account: Account, place: str) -> None:
    told, before, now = deleted_before(account, place)
    assert told["detail-type"] == "Fix Failed", told["detail"]["text"]
    assert now == {key: value for key, value in before.items() if key != "pay"}
    assert account.attached("pay") == []


def test_events_that_have_no_function_any_more_go_on_into_the_queue(account: Account) -> None:
    told, _, now = deleted_before(account, "PutBucketNotificationConfiguration")
    assert "still goes to the quarantine queue, as its function was deleted" in told["detail"]["text"]
    (entry,) = now["triggers"]["images"]["QueueConfigurations"]
    assert [entry["QueueArn"].rpartition(":")[2]] == account.quarantine()
    assert len(now["alarms"]) == 1


def deleted_before(account: Account, place: str) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Delete a function before a call of its fix; return how that went, and how everything was and is."""
    account.bucket()
    event = account.opened()
    before = account.everything()
    with before_change(place, lambda: account.client("lambda").delete_function(FunctionName="pay")):
        told = account.fix(approval(account, event))
    return told, before, account.everything()


def test_a_function_that_is_gone_when_the_work_is_taken_up_has_it_put_back(account: Account) -> None:
    account.bus()
    event = account.opened()
    before = account.everything()
    asked = approval(account, event)
    with before_change("PutTargets", killed), pytest.raises(Killed):
        account.world.run("remediator", asked)
    assert account.quarantine() != []
    account.client("lambda").delete_function(FunctionName="pay")
    told = account.fix(asked)
    assert (told["detail-type"], told["detail"]["code"]) == ("Fix Failed", "put-back")
    assert account.everything() == {key: value for key, value in before.items() if key != "pay"}


def test_a_loop_that_is_only_remembered_is_left_alone(account: Account) -> None:
    account.bus()
    event = account.opened()
    account.client("events").remove_targets(Rule="made", EventBusName="shop", Ids=["it"])
    before = account.everything()
    told = account.fix(approval(account, event))
    assert told["detail-type"] == "Finding Cleared"
    assert account.everything() == before


# --- climbing --------------------------------------------------------------------------------------------------------


def test_what_runs_on_is_held_as_well_and_one_undo_takes_all_back(made: Make) -> None:
    account = made(quick={"quiet_seconds": 2})
    account.read()
    account.bus()
    account.follow()
    cap, loop = sorted(account.look("pay"), key=lambda one: not kinds([one])[0][2].startswith("cap"))
    account.fix(cap)
    before = account.everything()
    account.runs("pay", ahead=range(-10, 240))
    told = account.fix(approval(account, loop))
    assert told["detail-type"] == "Fix Applied"
    assert "Nothing more can be done from outside" in told["detail"]["text"]
    (record,) = account.history(loop)
    assert [one.setting.partition(" ")[0] for one in record.plan.changes] == [
        "quarantine",
        "target",
        "permission",
        "on-failure",
        "reserved",
        "loop",
    ]
    assert account.world.reserved("pay") == 0
    assert kinds(account.found("pay")) == [], "its cap is needed when the hold is taken back"
    assert account.undo(loop)["detail-type"] == "Fix Undone"
    assert account.everything() == before
    assert before["pay"]["reserved"] == 10


def test_a_loop_at_rest_that_was_broken_may_be_invoked_for_other_reasons(made: Make) -> None:
    account = made(quick={"quiet_seconds": 2})
    account.bus()
    event = account.opened()
    account.runs("pay", rate=1, ahead=range(1, 40))
    assert account.fix(approval(account, event))["detail-type"] == "Fix Applied"
    assert account.world.reserved("pay") is None


# --- again and again -------------------------------------------------------------------------------------------------


def test_what_somebody_puts_back_three_times_is_left_to_people(account: Account) -> None:
    (uuid,) = account.queue_loop("pay")
    account.read()
    for _ in range(3):
        account.runs("pay")
        (event,) = account.look("pay")
        assert account.fix(event)["detail-type"] == "Fix Applied"
        account.mappings()
        account.client("lambda").update_event_source_mapping(UUID=uuid, Enabled=True)
        account.mappings()
    account.runs("pay")
    (event,) = account.look("pay")
    told = account.fix(event)
    assert (told["detail-type"], told["detail"]["code"]) == ("Fix Failed", "fighting")
    assert account.mappings()[uuid]["State"] == "Enabled"


def test_what_a_person_undid_is_broken_again_only_if_a_person_asks(account: Account) -> None:
    (uuid,) = account.queue_loop("pay")
    account.runs("pay")
    event = account.opened()
    assert account.fix(event)["detail-type"] == "Fix Applied"
    assert account.undo(event)["detail-type"] == "Fix Undone"
    account.runs("pay")
    (again,) = account.look("pay")
    told = account.fix(again)
    assert (told["detail-type"], told["detail"]["mode"]) == ("Finding Opened", "approve")
    assert account.mappings()[uuid]["State"] == "Enabled"
    assert account.fix(approval(account, again))["detail-type"] == "Fix Applied"
    assert account.mappings()[uuid]["State"] == "Disabled"


def test_only_so_many_loops_an_hour_are_broken_without_a_person(made: Make) -> None:
    account = made(quick={"fixes_per_hour": 1})
    for name in ("a", "b"):
        account.queue_loop(name, queue=name)
    account.runs("a", "b")
    told = [account.fix(event) for event in account.found("a", "b")]
    assert [(one["detail-type"], one["detail"]["code"]) for one in told] == [("Fix Applied", ""), ("Fix Failed", "cap")]
    assert sorted(one["State"] for one in account.mappings().values()) == ["Disabled", "Enabled"]
