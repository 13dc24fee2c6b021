"""The steps that break a loop and are taken back: on real mappings, pipes, targets, subscriptions and functions."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from functions.core.fix import Change, ChangedMeanwhile, NotVerified, NotYet, Undone, Work
from functions.core.snapshot import FunctionSnapshot
from functions.core.subject import Subject
from functions.playbooks.recursive_loop.fixes import guard, mapping, pipe, subscription, target
from functions.playbooks.recursive_loop.fixes.step import CannotBreak, Open
from functions.playbooks.recursive_loop.graph import Confidence, Edge, Kind
from tests.integration.functions.conftest import zipped
from tests.integration.functions.killing import Killed, count_calls, killed_at
from warden.local.emulator import Emulator

ACCOUNT, REGION = "222222222222", "eu-west-1"
SAYS_WHAT_IT_GETS = "import json\ndef handler(event, context):\n    print('got', json.dumps(event))\n"
READING = ("Get", "List", "Describe")


@dataclass
class Answering:
    """A client of which some operations answer with other fields than AWS gave."""

    client: Any
    other: dict[str, dict[str, Any]]

    def __getattr__(self, name: str) -> Any:
        ask = getattr(self.client, name)
        if name not in self.other:
            return ask
        return lambda **arguments: {**ask(**arguments), **self.other[name]}


@dataclass
class Account:
    """An account to build in, and a member as a fix sees it."""

    emulator: Emulator
    other: dict[str, dict[str, Any]] = field(default_factory=dict)
    session: tuple[str, str, str] | None = None
    """Under which a fix works; that of the account's root if None."""
    clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str, patience: int = 0) -> Any:  # noqa: ARG002 - as in production
        if self.session is None:
            return Answering(self.emulator.client(service, ACCOUNT, REGION), self.other)
        if service not in self.clients:
            make: Any = self.emulator.session(ACCOUNT, REGION).client
            names = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
            credentials = dict(zip(names, self.session, strict=True))
            self.clients[service] = make(service, endpoint_url=self.emulator.endpoint, **credentials)
        return self.clients[service]

    def snapshot(self) -> FunctionSnapshot:
        raise NotImplementedError

    def remembered(self, name: str) -> Any:
        raise NotImplementedError

    @property
    def work(self) -> Work:
        return Work(Subject("aws", ACCOUNT, REGION, "somebody-else"), self, {})

    @contextmanager
    def answering(self, operation: str, **fields: Any) -> Iterator[None]:
        self.other[operation] = fields
        yield
        del self.other[operation]

    def arn(self, service: str, resource: str) -> str:
        return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"

    def function(self, name: str = "work") -> str:
        iam, lam = self.client("iam"), self.client("lambda")
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(trust))["Role"]["Arn"]
        allow = {"Effect": "Allow", "Action": ["logs:*", "sqs:*", "dynamodb:*", "kinesis:*"], "Resource": "*"}
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=policy(allow))
        usual = {"Runtime": "python3.13", "Handler": "app.handler", "Code": {"ZipFile": zipped(SAYS_WHAT_IT_GETS)}}
        arn: str = lam.create_function(FunctionName=name, Role=role, **usual)["FunctionArn"]
        waiter = self.emulator.client("lambda", ACCOUNT, REGION).get_waiter("function_active_v2")
        waiter.wait(FunctionName=name, WaiterConfig={"Delay": 0, "MaxAttempts": 2000})
        for service in ("events", "sns"):
            lam.add_permission(
                FunctionName=name,
                StatementId=service,
                Action="lambda:InvokeFunction",
                Principal=f"{service}.amazonaws.com",
            )
        return arn

    def got(self, function: str = "work") -> list[Any]:
        """What a function was handed so far."""
        lines = self.emulator.function_log(ACCOUNT, function, REGION).splitlines()
        return [json.loads(line.partition("got ")[2]) for line in lines if line.startswith("got ")]

    def queue(self, name: str = "quarantine", **attributes: str) -> str:
        arn = self.arn("sqs", name)
        senders = {"Service": ["events.amazonaws.com", "sns.amazonaws.com"]}
        allow = {"Effect": "Allow", "Principal": senders, "Action": "sqs:SendMessage", "Resource": arn}
        self.client("sqs").create_queue(QueueName=name, Attributes={"Policy": policy(allow), **attributes})
        return arn

    def kept(self, queue: str = "quarantine") -> list[Any]:
        """What waits in a queue."""
        return [json.loads(message["body"]) for message in self.emulator.dead_letters(ACCOUNT, queue, REGION)]


def at_last(do: Callable[[], Any]) -> Any:
    """Do it again until AWS is no longer busy with it, as the frame does."""
    for _ in range(500):
        try:
            return do()
        except NotYet:
            time.sleep(0.01)
    return do()


def policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture
def account(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Account:
    # What both are there for is that AWS is many machines; the embedded one is not.
    for step in (target, subscription):
        monkeypatch.setattr(step, "OVERLAP_SECONDS", 0)
    return Account(emulator)


@dataclass(frozen=True)
class Case:
    """One step on something real: how it is planned, how the setting reads, and how somebody else changes it."""

    step: ModuleType
    plan: Callable[[], tuple[Change, ...]]
    setting: Callable[[], Any]
    delete: Callable[[], object]
    meddle: Callable[[], object] | None = None
    """None where there is nothing to set but what the step itself sets."""

    def planned(self) -> Change:
        """The one change, as it comes back from the table."""
        (change,) = self.plan()
        return Change(**json.loads(json.dumps(asdict(change))))

    def make(self, work: Work, change: Change) -> None:
        """Make it and see that it is made."""
        at_last(lambda: self.step.apply(work, change))
        at_last(lambda: self.step.verify(work, change))

    def take_back(self, work: Work, change: Change) -> Undone:
        undone: Undone = at_last(lambda: self.step.undo(work, change))
        return undone


def on_mapping(account: Account) -> Case:
    lam, source, function = account.client("lambda"), account.queue("jobs"), account.function()
    uuid = lam.create_event_source_mapping(EventSourceArn=source, FunctionName=function, BatchSize=3)["UUID"]
    edge = Edge(source, function, Kind.QUEUE_TRIGGER, Confidence.A, "", uuid)
    account.function("other")

    def setting() -> object:
        found = {"State": ""}
        while found["State"] not in ("Enabled", "Disabled"):
            found = lam.get_event_source_mapping(UUID=uuid)
        return {k: v for k, v in found.items() if k not in ("LastModified", "ResponseMetadata", "LastProcessingResult")}

    def plan() -> tuple[Change, ...]:
        return mapping.plan(account.work, edge)

    def when_settled(do: Callable[..., object], **arguments: str) -> None:
        setting()
        do(UUID=uuid, **arguments)

    setting()
    delete, give = lam.delete_event_source_mapping, lam.update_event_source_mapping
    return Case(mapping, plan, setting, lambda: when_settled(delete), lambda: when_settled(give, FunctionName="other"))


def a_stream(account: Account) -> str:
    answer = account.client("dynamodb").create_table(
        TableName="orders",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )
    return str(answer["TableDescription"]["LatestStreamArn"])


def on_pipe(account: Account) -> Case:
    pipes, source = account.client("pipes"), a_stream(account)
    topic = account.client("sns").create_topic(Name="orders")["TopicArn"]
    role = f"arn:aws:iam::{ACCOUNT}:role/pipe"
    arn = pipes.create_pipe(Name="on-orders", Source=source, Target=topic, RoleArn=role)["Arn"]
    edge = Edge(arn, topic, Kind.PIPE, Confidence.A, "", "on-orders")

    def setting() -> object:
        found = pipes.describe_pipe(Name="on-orders")
        return {k: v for k, v in found.items() if k not in ("LastModifiedTime", "ResponseMetadata")}

    return Case(pipe, lambda: pipe.plan(account.work, edge), setting, lambda: pipes.delete_pipe(Name="on-orders"))


RULE = {"Rule": "to-work", "EventBusName": "shop/eu"}
TRANSFORMED = {
    "RetryPolicy": {"MaximumRetryAttempts": 7, "MaximumEventAgeInSeconds": 600},
    "InputTransformer": {"InputPathsMap": {"n": "$.detail.n"}, "InputTemplate": '{"number": <n>}'},
}


def a_rule(account: Account, *targets: dict[str, Any]) -> str:
    events = account.client("events")
    bus: str = events.create_event_bus(Name="shop/eu")["EventBusArn"]
    events.put_rule(Name="to-work", EventBusName="shop/eu", EventPattern=json.dumps({"source": ["shop"]}))
    events.put_targets(**RULE, Targets=list(targets))
    return f"{bus}#to-work"


def targets_of(account: Account) -> list[dict[str, Any]]:
    found = account.client("events").list_targets_by_rule(**RULE)["Targets"]
    return sorted(found, key=lambda one: str(one["Id"]))


def on_target(account: Account) -> Case:
    events, function, queue = account.client("events"), account.function(), account.queue()
    other = account.queue("audit")
    source = a_rule(account, {"Id": "it", "Arn": f"{function}", **TRANSFORMED}, {"Id": "audit", "Arn": other})
    edge = Edge(source, function, Kind.RULE_TARGET, Confidence.A, "", "it")

    def delete() -> None:
        events.remove_targets(**RULE, Ids=[one["Id"] for one in targets_of(account)])
        events.delete_rule(Name="to-work", EventBusName="shop/eu")

    return Case(
        target,
        lambda: target.plan(account.work, edge, queue),
        lambda: targets_of(account),
        delete,
        lambda: events.put_targets(**RULE, Targets=[{"Id": "it", "Arn": function, "InputPath": "$.detail"}]),
    )


FILTER = {"FilterPolicy": '{"n": [{"exists": true}]}', "FilterPolicyScope": "MessageBody"}


def subscriptions_of(account: Account, topic: str) -> list[dict[str, str]]:
    """Everything of each subscription of a topic but its ARN."""
    sns = account.client("sns")
    arns = [one["SubscriptionArn"] for one in sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]]
    found = [sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"] for arn in arns]
    whole = [{name: value for name, value in one.items() if name != "SubscriptionArn"} for one in found]
    return sorted(whole, key=lambda one: one["Endpoint"])


def subscribed(account: Account, topic: str, function: str) -> Edge:
    """The edge of a function's subscription as it is now."""
    listed = account.emulator.client("sns", ACCOUNT, REGION).list_subscriptions()["Subscriptions"]
    arn = next((one["SubscriptionArn"] for one in listed if one["Endpoint"] == function), f"{topic}:gone")
    return Edge(topic, function, Kind.TOPIC_SUBSCRIPTION, Confidence.A, "", arn)


def on_subscription(account: Account) -> Case:
    sns, function, queue = account.client("sns"), account.function(), account.queue()
    topic = sns.create_topic(Name="orders")["TopicArn"]
    dead = json.dumps({"deadLetterTargetArn": account.queue("dead")})
    attributes = {**FILTER, "RedrivePolicy": dead}
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=function, Attributes=attributes)
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=account.queue("audit"))

    def meddle() -> None:
        arn = subscribed(account, topic, function).handle
        if arn.endswith(":gone"):
            arn = sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=function)["SubscriptionArn"]
        sns.set_subscription_attributes(
            SubscriptionArn=arn, AttributeName="FilterPolicy", AttributeValue='{"n": [{"numeric": [">", 5]}]}'
        )

    return Case(
        subscription,
        lambda: subscription.plan(account.work, subscribed(account, topic, function), queue),
        lambda: subscriptions_of(account, topic),
        lambda: sns.delete_topic(TopicArn=topic),
        meddle,
    )


def on_guard(account: Account) -> Case:
    lam, function = account.client("lambda"), account.function()
    lam.put_function_recursion_config(FunctionName="work", RecursiveLoop="Allow")
    return Case(
        guard,
        lambda: guard.plan(account.work, function),
        lambda: lam.get_function_recursion_config(FunctionName="work")["RecursiveLoop"],
        lambda: lam.delete_function(FunctionName="work"),
    )


ON = {"mapping": on_mapping, "pipe": on_pipe, "target": on_target, "subscription": on_subscription, "guard": on_guard}


@pytest.fixture(params=ON)
def case(request: pytest.FixtureRequest, account: Account) -> Case:
    return ON[request.param](account)


# --- every step -------------------------------------------------------------------------------------------------------


def test_it_is_made_read_back_and_taken_back(case: Case, account: Account) -> None:
    before, change = case.setting(), case.planned()
    assert change.setting.startswith(case.step.SETTING)
    assert case.setting() == before, "planning changed something"
    with pytest.raises(NotVerified):
        case.step.verify(account.work, change)
    case.make(account.work, change)
    assert case.setting() != before
    assert case.take_back(account.work, change).restored == (change,)
    assert case.setting() == before
    with pytest.raises(NotVerified):
        case.step.verify(account.work, change)


def test_made_or_taken_back_twice_is_once(case: Case, account: Account) -> None:
    before, change = case.setting(), case.planned()
    case.make(account.work, change)
    made = case.setting()
    calls = count_calls(lambda: case.step.apply(account.work, change))
    assert all(call.startswith(READING) for call in calls), calls
    assert case.setting() == made
    case.take_back(account.work, change)

    def again() -> None:
        assert case.step.undo(account.work, change).restored == (change,)

    calls = count_calls(again)
    assert all(call.startswith(READING) for call in calls), calls
    assert case.setting() == before


def test_killed_at_any_call_it_is_completed_and_taken_back(case: Case, account: Account) -> None:
    before = case.setting()
    counted = case.planned()
    applying = len(count_calls(lambda: case.step.apply(account.work, counted)))
    case.setting()
    undoing = len(count_calls(lambda: case.step.undo(account.work, counted)))
    assert case.setting() == before
    assert min(applying, undoing) >= 2

    def making(number: int, after: bool) -> None:
        change = case.planned()
        with killed_at(number, after=after), pytest.raises(Killed):
            case.step.apply(account.work, change)
        case.make(account.work, change)
        assert case.take_back(account.work, change).restored == (change,), (number, after)
        assert case.setting() == before, (number, after)

    def half_made(number: int, after: bool) -> None:
        change = case.planned()
        with killed_at(number, after=after), pytest.raises(Killed):
            case.step.apply(account.work, change)
        case.take_back(account.work, change)
        assert case.setting() == before, (number, after)

    def taking_back(number: int, after: bool) -> None:
        change = case.planned()
        case.make(account.work, change)
        with killed_at(number, after=after), pytest.raises(Killed):
            case.step.undo(account.work, change)
        assert case.take_back(account.work, change).restored == (change,), (number, after)
        assert case.setting() == before, (number, after)

    for run, calls in ((making, applying), (half_made, applying), (taking_back, undoing)):
        # After one call is before the next one.
        for number in range(1, calls + 1):
            run(number, False)
        run(calls, True)


def test_what_is_gone_is_an_open_loop(case: Case) -> None:
    case.delete()
    with pytest.raises(Open):
        case.plan()


def test_what_was_deleted_meanwhile_is_left_so(case: Case, account: Account) -> None:
    change = case.planned()
    case.delete()
    with pytest.raises(ChangedMeanwhile):
        case.step.apply(account.work, change)
    with pytest.raises(NotVerified):
        case.step.verify(account.work, change)


def test_what_was_deleted_since_is_said(case: Case, account: Account) -> None:
    change = case.planned()
    case.make(account.work, change)
    case.delete()
    with pytest.raises(NotVerified):
        case.step.verify(account.work, change)
    undone = case.step.undo(account.work, change)
    assert (undone.restored, len(undone.kept)) == ((), 1)
    assert "deleted since" in undone.kept[0]


CHANGEABLE = ["mapping", "target", "subscription"]


@pytest.mark.parametrize("case", CHANGEABLE, indirect=True)
def test_what_somebody_changed_meanwhile_is_left_so(case: Case, account: Account) -> None:
    change = case.planned()
    assert case.meddle is not None
    case.meddle()
    theirs = case.setting()
    with pytest.raises(ChangedMeanwhile):
        case.step.apply(account.work, change)
    assert case.setting() == theirs


@pytest.mark.parametrize("case", ["target", "subscription"], indirect=True)
def test_what_somebody_changes_while_it_is_swapped_is_left_so(
    case: Case, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = case.planned()
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(case.step, "time", SimpleNamespace(sleep=lambda _: case.meddle and case.meddle()))
        with pytest.raises(ChangedMeanwhile):
            case.step.apply(account.work, change)
    assert case.step.undo(account.work, change).kept
    assert case.meddle is not None
    theirs = case.setting()
    case.meddle()
    assert case.setting() == theirs, "theirs and nothing of ours is left"


@pytest.mark.parametrize("case", CHANGEABLE, indirect=True)
def test_what_somebody_set_since_is_kept(case: Case, account: Account) -> None:
    change = case.planned()
    case.make(account.work, change)
    assert case.meddle is not None
    case.meddle()
    undone = case.take_back(account.work, change)
    assert (undone.restored, len(undone.kept)) == ((), 1)
    assert "as somebody set it since" in undone.kept[0]
    theirs = case.setting()
    case.meddle()
    assert case.setting() == theirs, "theirs and nothing of ours is left"


@pytest.mark.parametrize("case", ["target", "subscription"], indirect=True)
def test_one_is_removed_only_when_the_other_had_time_to_take_effect(
    case: Case, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = case.planned()
    both: list[tuple[float, int]] = []
    monkeypatch.setattr(case.step, "OVERLAP_SECONDS", 2.5)
    pause = SimpleNamespace(sleep=lambda seconds: both.append((seconds, len(case.setting()))))
    monkeypatch.setattr(case.step, "time", pause)
    before = len(case.setting())
    case.step.apply(account.work, change)
    case.step.undo(account.work, change)
    assert both == [(2.5, before + 1)] * 2


FUNCTIONS, RULES, TOPICS = "lambda:*:*:function:*", "events:*:*:rule/*", "sns:*:*:*"
ALLOWED = {
    "lambda:GetEventSourceMapping": "lambda:*:*:event-source-mapping:*",
    "lambda:UpdateEventSourceMapping": "lambda:*:*:event-source-mapping:*",
    "sqs:GetQueueAttributes": "sqs:*:*:*",
    "sqs:TagQueue": "sqs:*:*:*",
    "kinesis:DescribeStreamSummary": "kinesis:*:*:stream/*",
    "pipes:DescribePipe": "pipes:*:*:pipe/*",
    "pipes:StopPipe": "pipes:*:*:pipe/*",
    "pipes:StartPipe": "pipes:*:*:pipe/*",
    "events:DescribeRule": RULES,
    "events:ListTargetsByRule": RULES,
    "events:PutTargets": RULES,
    "events:RemoveTargets": RULES,
    "sns:ListSubscriptionsByTopic": TOPICS,
    "sns:Subscribe": TOPICS,
    "sns:GetSubscriptionAttributes": "",
    "sns:Unsubscribe": "",
    "lambda:GetFunctionRecursionConfig": FUNCTIONS,
    "lambda:PutFunctionRecursionConfig": FUNCTIONS,
}
"""What the steps need; the last two of SNS have no resource type."""


def test_it_needs_no_more_than_it_says(case: Case, account: Account) -> None:
    iam, sts = account.client("iam"), account.client("sts")
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}
    role = iam.create_role(RoleName="fixes", AssumeRolePolicyDocument=policy(trust))["Role"]["Arn"]
    for n, (action, resource) in enumerate(ALLOWED.items()):
        allow = {"Effect": "Allow", "Action": action, "Resource": f"arn:aws:{resource}" if resource else "*"}
        iam.put_role_policy(RoleName="fixes", PolicyName=f"p{n}", PolicyDocument=policy(allow))
    session = sts.assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    account.session = (session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"])
    with pytest.raises(ClientError, match="AccessDenied"):
        account.client("lambda").list_functions()
    change = case.planned()
    case.make(account.work, change)
    assert case.take_back(account.work, change).restored == (change,)


# --- nothing is lost --------------------------------------------------------------------------------------------------


@contextmanager
def sending(send: Callable[[int], object]) -> Iterator[list[int]]:
    """Send numbers, one after the other, as long as this lasts."""
    sent: list[int] = []
    stop, begun = threading.Event(), threading.Event()

    def run() -> None:
        while not stop.is_set():
            send(len(sent))
            sent.append(len(sent))
            if len(sent) == 3:
                begun.set()
            stop.wait(0.01)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert begun.wait(30)
        yield sent
    finally:
        stop.set()
        thread.join()


def numbers(found: list[Any], of: Callable[[Any], int]) -> set[int]:
    return {of(one) for one in found}


def test_no_event_is_lost_while_a_target_is_swapped(account: Account) -> None:
    case = on_target(account)
    change, events = case.planned(), account.client("events")

    def send(number: int) -> None:
        entry = {"EventBusName": "shop/eu", "Source": "shop", "DetailType": "sold", "Detail": json.dumps({"n": number})}
        events.put_events(Entries=[entry])

    with sending(send) as sent:
        for _ in range(2):
            target.apply(account.work, change)
            target.undo(account.work, change)
    assert account.emulator.idle()
    to_function = numbers(account.got(), lambda event: int(event["number"]))
    to_queue = numbers(account.kept(), lambda event: int(event["detail"]["n"]))
    assert to_function | to_queue == set(sent)
    assert to_function
    assert to_queue


def test_no_message_is_lost_while_a_subscription_is_swapped(account: Account) -> None:
    case = on_subscription(account)
    sns, topic = account.client("sns"), account.arn("sns", "orders")
    with sending(lambda number: sns.publish(TopicArn=topic, Message=json.dumps({"n": number}))) as sent:
        for _ in range(2):
            change = case.planned()
            subscription.apply(account.work, change)
            subscription.undo(account.work, change)
    assert account.emulator.idle()
    to_function = numbers(account.got(), lambda event: int(json.loads(event["Records"][0]["Sns"]["Message"])["n"]))
    to_queue = numbers(account.kept(), lambda message: int(json.loads(message["Message"])["n"]))
    assert to_function | to_queue == set(sent)
    assert to_function
    assert to_queue


def test_what_waits_while_a_mapping_is_disabled_is_handed_over_after(account: Account) -> None:
    case = on_mapping(account)
    change, sqs = case.planned(), account.client("sqs")
    case.make(account.work, change)
    url = sqs.get_queue_url(QueueName="jobs")["QueueUrl"]
    for number in range(4):
        sqs.send_message(QueueUrl=url, MessageBody=str(number))
    assert account.emulator.idle()
    assert account.got() == []
    case.take_back(account.work, change)
    case.setting()
    assert account.emulator.idle()
    assert sorted(record["body"] for event in account.got() for record in event["Records"]) == ["0", "1", "2", "3"]


# --- mappings and pipes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["Disabled", "Disabling", "Deleting"])
def test_a_mapping_that_is_off_is_an_open_loop(account: Account, state: str) -> None:
    case = on_mapping(account)
    with account.answering("get_event_source_mapping", State=state), pytest.raises(Open):
        case.plan()


def test_a_mapping_of_another_function_is_an_open_loop(account: Account) -> None:
    case = on_mapping(account)
    account.client("lambda").update_event_source_mapping(
        UUID=account.client("lambda").list_event_source_mappings()["EventSourceMappings"][0]["UUID"],
        FunctionName="other",
    )
    with pytest.raises(Open):
        case.plan()


def test_a_mapping_in_transition_is_looked_at_again(account: Account) -> None:
    case = on_mapping(account)
    change = case.planned()
    busy: dict[str, Any] = {"status": 400, "code": "ResourceInUseException", "message": "it is being updated"}
    account.emulator.fault("lambda:UpdateEventSourceMapping", **busy)
    with pytest.raises(NotYet):
        mapping.apply(account.work, change)
    case.make(account.work, change)
    for state in ("Disabling", "Updating"):
        with account.answering("get_event_source_mapping", State=state):
            with pytest.raises(NotYet):
                mapping.verify(account.work, change)
            with pytest.raises(NotYet):
                mapping.undo(account.work, change)
    account.emulator.fault("lambda:UpdateEventSourceMapping", **busy)
    with pytest.raises(NotYet):
        mapping.undo(account.work, change)
    case.take_back(account.work, change)
    with account.answering("get_event_source_mapping", State="Enabling"):
        assert mapping.undo(account.work, change).restored == (change,)


def test_a_mapping_that_is_being_disabled_is_not_disabled_again(account: Account) -> None:
    change = on_mapping(account).planned()
    with account.answering("get_event_source_mapping", State="Disabling"):
        assert count_calls(lambda: mapping.apply(account.work, change)) == ["GetEventSourceMapping"]


def test_it_says_how_long_what_arrives_waits(account: Account) -> None:
    def says(source: str) -> str:
        return mapping.keeps(account.work, Edge(source, "", Kind.QUEUE_TRIGGER, Confidence.A, ""))

    account.client("kinesis").create_stream(StreamName="clicks", ShardCount=1)
    assert says(account.queue("usual")) == "What arrives waits in the queue for up to 4 days."
    assert says(account.queue("short", MessageRetentionPeriod="90")).endswith("for up to 90 seconds.")
    assert says(account.queue("hour", MessageRetentionPeriod="3600")).endswith("for up to 60 minutes.")
    assert says(account.arn("kinesis", "stream/clicks")) == "What arrives waits in the stream for up to 24 hours."
    assert says(a_stream(account)) == "What arrives waits in the stream for up to 24 hours."
    assert says(account.arn("sqs", "gone")) == "What arrives waits in the queue, for as long as that keeps it."
    assert says(account.arn("kafka", "cluster/orders/1")).startswith("What arrives waits at its source")


def test_it_says_whether_a_queue_passes_on_what_keeps_failing(account: Account) -> None:
    dead = account.queue("dead")
    queue = account.queue(RedrivePolicy=json.dumps({"deadLetterTargetArn": dead, "maxReceiveCount": "3"}))
    queues = (queue, dead, account.arn("sqs", "gone"))
    assert [mapping.has_dead_letters(account.work, one) for one in queues] == [True, False, False]


def test_a_stream_and_an_alias_are_disabled_too(account: Account) -> None:
    source, function, lam = a_stream(account), account.function(), account.client("lambda")
    version = lam.publish_version(FunctionName="work")["Version"]
    lam.create_alias(FunctionName="work", Name="live", FunctionVersion=version)
    made = lam.create_event_source_mapping(
        EventSourceArn=source, FunctionName=f"{function}:live", StartingPosition="TRIM_HORIZON"
    )
    edge = Edge(source, function, Kind.STREAM_TRIGGER, Confidence.A, "", made["UUID"])
    (change,) = mapping.plan(account.work, edge)
    assert change == Change(f"event source mapping {made['UUID']} of work", "Enabled", "Disabled")
    at_last(lambda: mapping.apply(account.work, change))
    at_last(lambda: mapping.verify(account.work, change))


def test_a_pipe_is_one_edge_to_it_and_one_from_it(account: Account) -> None:
    case = on_pipe(account)
    (change,) = case.plan()
    assert change == Change("pipe on-orders", "RUNNING", "STOPPED")
    source = account.client("pipes").describe_pipe(Name="on-orders")["Source"]
    into = Edge(source, account.arn("pipes", "pipe/on-orders"), Kind.PIPE, Confidence.B, "", "on-orders")
    assert pipe.plan(account.work, into) == (change,)
    assert pipe.keeps(account.work, into) == "What arrives waits in the stream for up to 24 hours."
    elsewhere = Edge(into.target, account.arn("sns", "elsewhere"), Kind.PIPE, Confidence.A, "", "on-orders")
    with pytest.raises(Open):
        pipe.plan(account.work, elsewhere)
    pipe.apply(account.work, change)
    with pytest.raises(Open):
        pipe.plan(account.work, into)


def test_a_pipe_in_transition_is_looked_at_again(account: Account) -> None:
    change = on_pipe(account).planned()
    busy: dict[str, Any] = {"status": 409, "code": "ConflictException", "message": "it is being updated"}
    account.emulator.fault("pipes:StopPipe", **busy)
    with pytest.raises(NotYet):
        pipe.apply(account.work, change)
    pipe.apply(account.work, change)
    with account.answering("describe_pipe", CurrentState="STOPPING"):
        with pytest.raises(NotYet):
            pipe.verify(account.work, change)
        with pytest.raises(NotYet):
            pipe.undo(account.work, change)
    account.emulator.fault("pipes:StartPipe", **busy)
    with pytest.raises(NotYet):
        pipe.undo(account.work, change)


# --- targets ----------------------------------------------------------------------------------------------------------


def test_a_target_names_its_bus_and_rule_and_is_saved_whole(account: Account) -> None:
    change = on_target(account).planned()
    function = account.arn("lambda", "function:work")
    assert change.setting == "target it of rule shop/eu/to-work"
    assert change.before == {"Id": "it", "Arn": function, **TRANSFORMED}
    assert change.after == {"Id": change.after["Id"], "Arn": account.arn("sqs", "quarantine")}


def test_two_functions_of_one_rule_are_swapped_one_by_one(account: Account) -> None:
    queue, both = account.queue(), [account.function(name) for name in ("one", "two")]
    source = a_rule(account, *({"Id": str(n), "Arn": arn} for n, arn in enumerate(both)))
    before = targets_of(account)
    edges = [Edge(source, arn, Kind.RULE_TARGET, Confidence.A, "", str(n)) for n, arn in enumerate(both)]
    changes = [change for edge in edges for change in target.plan(account.work, edge, queue)]
    for change in changes:
        target.apply(account.work, change)
    assert [one["Arn"] for one in targets_of(account)] == [queue, queue]
    for change in reversed(changes):
        target.undo(account.work, change)
    assert targets_of(account) == before


def test_a_rule_without_room_or_of_a_service_is_not_broken(account: Account) -> None:
    queue, function = account.queue(), account.function()
    mine = {"Id": "it", "Arn": function}
    source = a_rule(account, mine, *({"Id": f"q{n}", "Arn": queue} for n in range(4)))
    edge = Edge(source, function, Kind.RULE_TARGET, Confidence.A, "", "it")
    with pytest.raises(CannotBreak) as full:
        target.plan(account.work, edge, queue)
    account.client("events").remove_targets(**RULE, Ids=["q0"])
    with account.answering("describe_rule", ManagedBy="dlm.amazonaws.com"), pytest.raises(CannotBreak) as managed:
        target.plan(account.work, edge, queue)
    assert (full.value.code, managed.value.code) == ("no-room", "managed-rule")
    with account.answering("describe_rule", State="DISABLED"), pytest.raises(Open):
        target.plan(account.work, edge, queue)
    (change,) = target.plan(account.work, edge, queue)
    # Half made, it has five targets, and one of them is ours.
    account.client("events").put_targets(**RULE, Targets=[change.after])
    assert target.plan(account.work, edge, queue) == (change,)


def test_a_target_that_could_not_be_put_back_is_not_swapped(account: Account) -> None:
    queue, function = account.queue(), account.function()
    role = f"arn:aws:iam::{ACCOUNT}:role/invoke"
    source = a_rule(account, {"Id": "role", "Arn": function, "RoleArn": role}, {"Id": "queue", "Arn": queue})
    codes = []
    for name, arn in (("role", function), ("queue", queue)):
        with pytest.raises(CannotBreak) as cannot:
            target.plan(account.work, Edge(source, arn, Kind.RULE_TARGET, Confidence.A, "", name), queue)
        codes.append(cannot.value.code)
    assert codes == ["target-role", "no-function"]


def test_a_target_that_leads_elsewhere_is_an_open_loop(account: Account) -> None:
    case = on_target(account)
    events = account.client("events")
    events.put_targets(**RULE, Targets=[{"Id": "it", "Arn": account.function("other")}])
    with pytest.raises(Open):
        case.plan()
    events.remove_targets(**RULE, Ids=["it"])
    with pytest.raises(Open):
        case.plan()


@pytest.mark.parametrize("operation", ["put_targets", "remove_targets"])
def test_what_fails_inside_an_answer_is_an_error(account: Account, operation: str) -> None:
    change = on_target(account).planned()

    def failing(code: str) -> Any:
        entry = {"TargetId": "it", "ErrorCode": code, "ErrorMessage": "no"}
        return account.answering(operation, FailedEntryCount=1, FailedEntries=[entry])

    with failing("LimitExceededException"), pytest.raises(ClientError, match="LimitExceededException"):
        target.apply(account.work, change)
    target.undo(account.work, change)
    with failing("ConcurrentModificationException"), pytest.raises(NotYet):
        target.apply(account.work, change)
    target.undo(account.work, change)
    account.emulator.fault(
        f"events:{operation.title().replace('_', '')}", status=400, code="ConcurrentModificationException"
    )
    with pytest.raises(NotYet):
        target.apply(account.work, change)


def test_the_function_stays_where_the_queue_did_not_become_a_target(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    change, events = on_target(account).planned(), account.client("events")
    before = targets_of(account)
    monkeypatch.setattr(
        target, "time", SimpleNamespace(sleep=lambda _: events.remove_targets(**RULE, Ids=[change.after["Id"]]))
    )
    with pytest.raises(NotYet):
        target.apply(account.work, change)
    assert targets_of(account) == before


def test_the_queue_stays_where_the_function_did_not_become_a_target(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    change, events = on_target(account).planned(), account.client("events")
    target.apply(account.work, change)
    swapped = targets_of(account)
    monkeypatch.setattr(target, "time", SimpleNamespace(sleep=lambda _: events.remove_targets(**RULE, Ids=["it"])))
    with pytest.raises(NotYet):
        target.undo(account.work, change)
    assert targets_of(account) == swapped


def test_a_queue_that_somebody_swapped_in_our_place_stays(account: Account) -> None:
    change, events = on_target(account).planned(), account.client("events")
    target.apply(account.work, change)
    theirs = {**change.after, "Arn": account.arn("sqs", "audit")}
    events.put_targets(**RULE, Targets=[theirs])
    undone = target.undo(account.work, change)
    assert (undone.restored, len(undone.kept)) == ((change,), 1)
    assert theirs in targets_of(account)
    assert change.before in targets_of(account)


INPUTS: list[dict[str, Any]] = [
    {},
    {"Input": '{"always": "this"}'},
    {"InputPath": "$.detail"},
    {"InputTransformer": {"InputTemplate": '{"rule": "<aws.events.rule-arn>", "all": <aws.events.event.json>}'}},
]


def test_what_is_in_quarantine_can_be_handed_over_as_the_rule_would_have(account: Account) -> None:
    queue, function, events = account.queue(), account.function(), account.client("events")
    source = a_rule(account, *({"Id": str(n), "Arn": function, **given} for n, given in enumerate(INPUTS)))
    edges = [Edge(source, function, Kind.RULE_TARGET, Confidence.A, "", str(n)) for n in range(len(INPUTS))]
    changes = [change for edge in edges for change in target.plan(account.work, edge, queue)]
    # The queue gets the event as it is, the function as its targets say.
    events.put_targets(**RULE, Targets=[changes[0].after])
    entry = {"EventBusName": "shop/eu", "Source": "shop", "DetailType": "sold", "Detail": '{"n": 7, "by": "bob"}'}
    events.put_events(Entries=[entry])
    assert account.emulator.idle()
    (event,) = account.kept()
    assert (event["detail-type"], event["detail"]) == ("sold", {"n": 7, "by": "bob"})
    handed = [target.payload(change, event) for change in changes]
    assert sorted(map(json.dumps, handed)) == sorted(map(json.dumps, account.got()))


# --- subscriptions ----------------------------------------------------------------------------------------------------


def a_topic(account: Account, *functions: str, **attributes: str) -> str:
    sns = account.client("sns")
    topic: str = sns.create_topic(Name="orders")["TopicArn"]
    for function in functions:
        sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=function, Attributes=attributes)
    return topic


def test_a_subscription_is_saved_with_all_that_can_be_set_again(account: Account) -> None:
    change = on_subscription(account).planned()
    topic, function = account.arn("sns", "orders"), account.arn("lambda", "function:work")
    assert change.setting == "subscription of work to orders"
    assert change.before == {
        "SubscriptionArn": subscribed(account, topic, function).handle,
        "Endpoint": function,
        "Protocol": "lambda",
        **FILTER,
        "RedrivePolicy": json.dumps({"deadLetterTargetArn": account.arn("sqs", "dead")}),
        "RawMessageDelivery": "false",
    }
    assert change.after == {"Endpoint": account.arn("sqs", "quarantine"), "Protocol": "sqs"}


def test_the_queue_gets_what_the_functions_filter_lets_through(account: Account) -> None:
    change, sns = on_subscription(account).planned(), account.client("sns")
    subscription.apply(account.work, change)
    for message in ('{"n": 1}', '{"m": 2}'):
        sns.publish(TopicArn=account.arn("sns", "orders"), Message=message)
    assert account.emulator.idle()
    assert [one["Message"] for one in account.kept()] == ['{"n": 1}']


def test_functions_of_one_topic_share_the_queues_subscription(account: Account) -> None:
    queue, both, sns = account.queue(), [account.function(name) for name in ("one", "two")], account.client("sns")
    topic = a_topic(account, *both)
    before = subscriptions_of(account, topic)
    changes = [
        change
        for function in both
        for change in subscription.plan(account.work, subscribed(account, topic, function), queue)
    ]
    other = Change("subscription filter of something else", None, "deleted")
    *shared, last = subscription.together([*changes, other])
    assert last == other
    assert shared[0] == changes[0]
    for change in shared:
        subscription.apply(account.work, change)
        subscription.verify(account.work, change)
    assert [one["Endpoint"] for one in subscriptions_of(account, topic)] == [queue]
    assert subscription.undo(account.work, shared[1]).restored == (shared[1],)
    sns.publish(TopicArn=topic, Message="to one, which is still in quarantine, and two")
    assert subscription.undo(account.work, shared[0]).restored == (shared[0],)
    assert subscriptions_of(account, topic) == before
    assert account.emulator.idle()
    assert (len(account.got("one")), len(account.got("two")), len(account.kept())) == (0, 1, 1)


def test_one_queue_cannot_stand_for_two_filters(account: Account) -> None:
    queue, one, two = account.queue(), account.function("one"), account.function("two")
    topic = a_topic(account, one)
    a_topic(account, two, **FILTER)
    changes = [
        change
        for function in (one, two)
        for change in subscription.plan(account.work, subscribed(account, topic, function), queue)
    ]
    with pytest.raises(CannotBreak) as together:
        subscription.together(changes)
    subscription.apply(account.work, changes[0])
    with pytest.raises(CannotBreak) as planned:
        subscription.plan(account.work, subscribed(account, topic, two), queue)
    assert (together.value.code, planned.value.code) == ("two-filters", "two-filters")
    with pytest.raises(ChangedMeanwhile):
        subscription.apply(account.work, changes[1])
    assert two in [found["Endpoint"] for found in subscriptions_of(account, topic)]


def test_a_queue_that_was_subscribed_otherwise_in_a_race_is_looked_at_again(account: Account) -> None:
    change = on_subscription(account).planned()
    text = "Invalid parameter: Attributes Reason: Subscription already exists with different attributes"
    account.emulator.fault("sns:Subscribe", status=400, code="InvalidParameter", message=text)
    with pytest.raises(NotYet):
        subscription.apply(account.work, change)
    account.emulator.fault("sns:Subscribe", status=400, code="InvalidParameter", message="Invalid parameter: Endpoint")
    with pytest.raises(ClientError, match="Endpoint"):
        subscription.apply(account.work, change)
    subscription.apply(account.work, change)
    subscription.verify(account.work, change)


def test_the_function_stays_where_the_queue_was_not_subscribed(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, sns = on_subscription(account), account.client("sns")
    change, before = case.planned(), case.setting()
    topic, queue = account.arn("sns", "orders"), account.arn("sqs", "quarantine")

    def nobody(_: float) -> None:
        sns.unsubscribe(SubscriptionArn=subscribed(account, topic, queue).handle)

    monkeypatch.setattr(subscription, "time", SimpleNamespace(sleep=nobody))
    with pytest.raises(NotYet):
        subscription.apply(account.work, change)
    assert case.setting() == before


def test_topics_and_endpoints_that_cannot_be_swapped(account: Account) -> None:
    queue, function, sns = account.queue(), account.function(), account.client("sns")
    topic = a_topic(account)
    arn = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)["SubscriptionArn"]
    fifo = account.arn("sns", "orders.fifo")
    codes = []
    for edge in (
        Edge(topic, queue, Kind.TOPIC_SUBSCRIPTION, Confidence.A, "", arn),
        Edge(fifo, function, Kind.TOPIC_SUBSCRIPTION, Confidence.A, "", f"{fifo}:1"),
    ):
        with pytest.raises(CannotBreak) as cannot:
            subscription.plan(account.work, edge, queue)
        codes.append(cannot.value.code)
    assert codes == ["no-function", "fifo-topic"]
    other = Edge(topic, function, Kind.TOPIC_SUBSCRIPTION, Confidence.A, "", arn)
    with pytest.raises(Open, match="no longer leads"):
        subscription.plan(account.work, other, queue)


def test_a_message_in_quarantine_is_handed_over_as_lambda_gets_it(account: Account) -> None:
    change = on_subscription(account).planned()
    topic, own = account.arn("sns", "orders"), change.before["SubscriptionArn"]
    signed = {"SignatureVersion": "1", "Signature": "c2lnbmVk", "Timestamp": "2026-11-20T10:00:00.000Z"}
    said = {"Type": "Notification", "MessageId": "m-1", "TopicArn": topic, "Message": '{"n": 1}', **signed}
    certificate = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0.pem"
    leave = "https://sns.eu-west-1.amazonaws.com/?Action=Unsubscribe&SubscriptionArn="
    body = {**said, "SigningCertURL": certificate, "UnsubscribeURL": f"{leave}{topic}:of-the-queue"}
    links = {"SigningCertUrl": certificate, "UnsubscribeUrl": f"{leave}{own}"}
    record = {"EventSource": "aws:sns", "EventVersion": "1.0", "EventSubscriptionArn": own}
    sns: dict[str, Any] = {**said, **links, "Subject": None, "MessageAttributes": {}}
    assert subscription.payload(change, json.dumps(body)) == {"Records": [{**record, "Sns": sns}]}
    more = {"Subject": "sold", "MessageAttributes": {"by": {"Type": "String", "Value": "bob"}}}
    assert subscription.payload(change, json.dumps({**body, **more})) == {
        "Records": [{**record, "Sns": {**sns, **more}}]
    }
    for none in ("no JSON", "[]", '{"detail": 1}', json.dumps({**body, "TopicArn": f"{topic}-2"})):
        assert subscription.payload(change, none) is None


def test_a_real_message_in_quarantine_has_all_that_the_function_got(account: Account) -> None:
    change, sns = on_subscription(account).planned(), account.client("sns")
    sns.subscribe(
        TopicArn=account.arn("sns", "orders"),
        Protocol="sqs",
        Endpoint=change.after["Endpoint"],
        Attributes=FILTER,
    )
    attributes = {"by": {"DataType": "String", "StringValue": "bob"}}
    sns.publish(TopicArn=account.arn("sns", "orders"), Message='{"n": 1}', Subject="sold", MessageAttributes=attributes)
    assert account.emulator.idle()
    (kept,), (got,) = account.kept(), account.got()
    handed: Any = subscription.payload(change, json.dumps(kept))
    record, theirs = handed["Records"][0], got["Records"][0]
    assert {k: v for k, v in record.items() if k != "Sns"} == {k: v for k, v in theirs.items() if k != "Sns"}
    same = ("Type", "MessageId", "TopicArn", "Subject", "Message", "MessageAttributes")
    assert [record["Sns"][name] for name in same] == [theirs["Sns"][name] for name in same]
    # The embedded AWS looks at its clock for each receiver.
    moments = [datetime.fromisoformat(one["Sns"]["Timestamp"]) for one in (record, theirs)]
    assert abs(moments[0] - moments[1]) <= timedelta(seconds=1)


# --- the guard --------------------------------------------------------------------------------------------------------


def test_a_guard_that_is_on_needs_nothing(account: Account) -> None:
    assert guard.plan(account.work, account.function()) == ()


def test_a_function_elsewhere_is_not_confused_with_one_here(account: Account) -> None:
    here = account.function()
    for there in (here.replace(ACCOUNT, "333333333333"), here.replace(REGION, "eu-west-2")):
        with pytest.raises(CannotBreak):
            guard.plan(account.work, there)


def test_a_function_that_is_busy_is_looked_at_again(account: Account) -> None:
    change = on_guard(account).planned()
    account.emulator.fault("lambda:PutFunctionRecursionConfig", status=409, code="ResourceConflictException")
    with pytest.raises(NotYet):
        guard.apply(account.work, change)
