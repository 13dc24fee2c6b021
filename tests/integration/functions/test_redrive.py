"""What breaking a loop has kept goes back to its function, each event once by the record; what the loop made does not.

The quarantine queue, the rule and the function are real; the messages are in the shapes in which AWS delivers them.
"""

from __future__ import annotations

import json
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from click.testing import CliRunner

from functions.adapters.aws import AssumedMember
from functions.adapters.clock import iso, now
from functions.core.finding import Finding
from functions.core.fix import Change, FixRecord, Plan, Status
from functions.core.message import UNKNOWN_TOO, Kind, Message, read_message
from functions.core.playbook import Severity
from functions.core.slack_text import ticket_message
from functions.core.subject import Subject
from functions.core.ticket import State, fold
from functions.playbooks.recursive_loop.fixes import kept
from functions.playbooks.recursive_loop.fixes import redrive as redriving
from tests.integration.functions.conftest import HUB, MEMBER, REGION, World
from tests.integration.functions.killing import Killed, count_calls, killed_at
from warden.cli import warden

PLAYBOOK = "reserved-concurrency"
"""Any playbook has a remediator to run in; the fix behind it is put in its place."""
ROLE = f"warden-{PLAYBOOK}"
PERMISSIONS = {
    f"arn:aws:sqs:{REGION}:{MEMBER}:*": (
        "sqs:ChangeMessageVisibility",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:ListQueueTags",
        "sqs:ReceiveMessage",
    ),
    f"arn:aws:lambda:{REGION}:{MEMBER}:function:*": ("lambda:GetFunction", "lambda:InvokeFunction"),
    f"arn:aws:lambda:{REGION}:{MEMBER}:event-source-mapping:*": ("lambda:GetEventSourceMapping",),
    f"arn:aws:events:{REGION}:{MEMBER}:rule/*": ("events:DescribeRule", "events:ListTargetsByRule"),
    f"arn:aws:sns:{REGION}:{MEMBER}:*": ("sns:ListSubscriptionsByTopic",),
    "arn:aws:s3:::*": ("s3:GetBucketNotification",),
    "*": ("events:TestEventPattern", "sns:GetSubscriptionAttributes"),
}
"""All that sending events back needs in a member account."""
FUNCTION = f"arn:aws:lambda:{REGION}:{MEMBER}:function:orders"
RECORD = """
import json
def handler(event, context):
    print("PROCESSED", json.dumps(event))
"""


# --- messages ---------------------------------------------------------------------------------------------------------


def event(name: str, source: str = "aws.ec2", **detail: Any) -> dict[str, Any]:
    """An EventBridge event; nobody but AWS sends one of a source that begins with `aws.`."""
    return {
        "version": "0",
        "id": name,
        "detail-type": "AWS API Call via CloudTrail" if detail else "State Change",
        "source": source,
        "account": MEMBER,
        "time": "2026-11-20T10:00:05Z",
        "region": REGION,
        "resources": [],
        "detail": detail,
    }


def loop_made(name: str) -> dict[str, Any]:
    return event(name, "aws.sqs", userIdentity={"principalId": "AROAEXAMPLE:orders"})


def of_unknown_origin(name: str) -> dict[str, Any]:
    return event(name, "shop")


def s3_event(name: str, principal: str, bucket: str = "uploads") -> dict[str, Any]:
    written = {"bucket": {"name": bucket}, "object": {"key": name, "sequencer": name}, "configurationId": "warden-in"}
    return {"Records": [{"eventSource": "aws:s3", "userIdentity": {"principalId": principal}, "s3": written}]}


def failure(name: str, principal: str, function: str = f"{FUNCTION}:$LATEST") -> dict[str, Any]:
    """What Lambda sends to an on-failure destination, of an object that somebody wrote."""
    context = {"requestId": str(uuid.uuid4()), "functionArn": function, "condition": "EventAgeExceeded"}
    return {"version": "1.0", "requestContext": context, "requestPayload": s3_event(name, principal)}


def name_of(payload: Any) -> str:
    """The name of an event by what the function was handed."""
    return str(payload["id"] if "id" in payload else payload["Records"][0]["s3"]["object"]["key"])


# --- the place --------------------------------------------------------------------------------------------------------


@dataclass
class Broken:
    """A loop that was broken by swapping a rule's target for its quarantine queue."""

    place: Place
    loop: str
    record: FixRecord

    @property
    def finding(self) -> Finding:
        subject = Subject("aws", MEMBER, REGION, "orders")
        return Finding(PLAYBOOK, subject, "Recursive loop", Severity.HIGH, "It loops.", aspect=self.loop)

    @property
    def queue(self) -> str:
        return f"warden-q-{self.loop}"

    def holds(self, *bodies: Any, queue: str = "") -> None:
        """Put messages into the quarantine queue, as if services had sent them."""
        sqs = self.place.client("sqs")
        url = sqs.get_queue_url(QueueName=queue or self.queue)["QueueUrl"]
        texts = [body if isinstance(body, str) else json.dumps(body) for body in bodies]
        for start in range(0, len(texts), 10):
            entries = [{"Id": str(n), "MessageBody": text} for n, text in enumerate(texts[start : start + 10])]
            sqs.send_message_batch(QueueUrl=url, Entries=entries)

    def left(self, queue: str = "") -> Counter[str]:
        """Return what is in the queue now, by name."""
        messages = self.place.world.emulator.dead_letters(MEMBER, queue or self.queue, REGION)
        bodies = (message["body"] for message in messages)
        return Counter(json.loads(body).get("id", "?") if body.startswith("{") else body for body in bodies)

    def request(self, *, unknown: bool = False, at: str = "") -> dict[str, Any]:
        moment = at or iso(now())
        code = UNKNOWN_TOO if unknown else ""
        message = Message(Kind.REDRIVE_REQUESTED, self.finding, moment, by="Ops/bob", fix=1, code=code)
        detail = {**message.to_detail(), "extra": "of a later version"}
        head = {"source": "warden", "account": HUB, "region": REGION, "time": moment[:19] + "Z"}
        return {**head, "detail-type": message.kind.value, "detail": detail}

    def redriven(self, request: dict[str, Any] | None = None, **asked: Any) -> dict[str, Any]:
        """Ask for it, let the remediator work until it says how it went, and return that."""
        request = request or self.request(**asked)
        for _ in range(50):
            self.place.world.run("remediator", request)
            told = self.place.told(self.finding)
            if told:
                return told[-1]
        raise AssertionError("it never said how it went")

    def undone(self) -> None:
        store, subject = self.place.remediator.HUB.store, self.finding.subject
        finished = self.record.finish(Status.UNDONE, iso(now()))
        store.finish(subject, self.record, finished)
        self.record = finished


@dataclass
class Place:
    """A hub whose remediator redrives, and a member account with a function that says what it got."""

    world: World
    known: dict[str, Any] = field(default_factory=dict)
    """What the hub remembers, by name."""

    @property
    def remediator(self) -> Any:
        return self.world.modules["remediator"]

    def client(self, service: str) -> Any:
        return self.world.client(service, MEMBER)

    def broken(
        self,
        *more: Change,
        rules: tuple[str, ...] = ("orders",),
        targets: int = 1,
        swapped: tuple[str, dict[str, Any], dict[str, Any], str] | None = None,
    ) -> Broken:
        """Make a quarantine queue, and rules whose targets it took the place of; or another trigger's, as `swapped`."""
        loop = uuid.uuid4().hex[:12]
        name = f"warden-q-{loop}"
        arn = f"arn:aws:sqs:{REGION}:{MEMBER}:{name}"
        self.client("sqs").create_queue(QueueName=name)
        changes = [Change(f"quarantine queue {name}", None, {"arn": arn, "retention_days": 14, "senders": []})]
        for rule in rules:
            pattern = json.dumps({"source": [{"prefix": "aws."}] if rule == "orders" else [rule]})
            self.client("events").put_rule(Name=f"{rule}-{loop}", EventPattern=pattern)
            for number in range(targets):
                before = {"Id": f"it-{number}", "Arn": FUNCTION if number == 0 else FUNCTION + str(number)}
                after = {"Id": f"warden-{number}", "Arn": arn}
                self.client("events").put_targets(Rule=f"{rule}-{loop}", Targets=[after])
                changes.append(Change(f"target it-{number} of rule default/{rule}-{loop}", before, after))
        if swapped is not None:
            setting, before, after, place = swapped
            changes.append(Change(setting, before, {**after, place: arn}))
        watched = Change(f"loop {loop}", [FUNCTION], "at rest")
        return self.saved(loop, Plan((*changes, *more, watched), "The loop is broken."))

    def saved(self, loop: str, plan: Plan) -> Broken:
        """Put a fix on record as applied."""
        found = Broken(self, loop, FixRecord("", 1, Status.PENDING, plan, started=iso(now())))
        store, subject = self.remediator.HUB.store, found.finding.subject
        held = store.begin(subject, replace(found.record, finding=found.finding.id), None)
        found.record = held.finish(Status.APPLIED, iso(now()))
        store.finish(subject, held, found.record)
        return found

    def handed(self, *, least: int = 0, function: str = "orders") -> list[Any]:
        """Return what a function was handed: so many events at least, and no more for a moment."""
        deadline, seen, same = time.monotonic() + 20, -1, 0
        while (same < 5 or seen < least) and time.monotonic() < deadline:
            time.sleep(0.02)
            lines = self.world.emulator.function_log(MEMBER, function, REGION).splitlines()
            bodies = [line.partition("PROCESSED ")[2] for line in lines if "PROCESSED " in line]
            same = same + 1 if len(bodies) == seen else 0
            seen = len(bodies)
        return [json.loads(body) for body in bodies]

    def processed(self, *, least: int = 0, function: str = "orders") -> Counter[str]:
        """Return how often a function was handed each event, by name."""
        return Counter(map(name_of, self.handed(least=least, function=function)))

    def told(self, finding: Finding) -> list[dict[str, Any]]:
        """Return what was told of a finding since it was asked last."""
        return [one for one in self.world.sent() if one["detail"]["finding"]["id"] == finding.id]


@pytest.fixture
def place(make: Callable[..., World], monkeypatch: pytest.MonkeyPatch) -> Place:
    world = make(playbook=PLAYBOOK)
    place = Place(world)
    statements = [{"Effect": "Allow", "Action": list(actions), "Resource": on} for on, actions in PERMISSIONS.items()]
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    # Only this and nothing that the playbook itself declares.
    world.client("iam", MEMBER).put_role_policy(RoleName=ROLE, PolicyName="own", PolicyDocument=document)
    reading = {"Effect": "Allow", "Action": ["dynamodb:*", "sqs:*"], "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [reading]})
    world.client("iam", MEMBER).put_role_policy(RoleName="app", PolicyName="own", PolicyDocument=document)
    remediator = world.modules["remediator"]
    monkeypatch.setattr(remediator, "REMEDY", replace(remediator.REMEDY, fixing=redriving))
    monkeypatch.setattr(remediator, "SETTINGS", {"redrive_per_second": 1000})
    monkeypatch.setattr(kept, "POLL_SECONDS", 0)

    def member(hub: Any, subject: Subject, role: str) -> AssumedMember:
        return AssumedMember(hub.aws, subject, role, lambda _subject, name: place.known.get(name))

    monkeypatch.setattr(type(remediator.HUB), "member", member, raising=False)
    world.create_function("orders", code=RECORD)
    return place


def admit(sqs: Any, queue: str, service: str) -> None:
    """Let a service send to a queue."""
    allow = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sqs:SendMessage", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    sqs.set_queue_attributes(QueueUrl=sqs.get_queue_url(QueueName=queue)["QueueUrl"], Attributes={"Policy": policy})


def counts(told: dict[str, Any]) -> dict[str, int]:
    assert told["detail-type"] == "Events Redriven", told["detail"]["text"]
    return {change["setting"].removeprefix("events "): change["after"] for change in told["detail"]["changes"]}


def refused(told: dict[str, Any]) -> str:
    assert (told["detail-type"], told["detail"]["code"]) == ("Fix Failed", "redrive-refused")
    return str(told["detail"]["text"])


# --- what becomes of what ---------------------------------------------------------------------------------------------


def test_root_events_go_back_once_and_what_the_loop_made_does_not(place: Place) -> None:
    broken = place.broken()
    broken.holds(
        event("a"),
        event("a"),
        failure("b", "AWS:AIDAEXAMPLE"),
        failure("b", "AWS:AIDAEXAMPLE"),
        loop_made("made"),
        failure("made-too", "AWS:AROAEXAMPLE:orders"),
        of_unknown_origin("unknown"),
        {"warden": "test"},
        {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "uploads"},
        "plain",
    )
    told = broken.redriven()
    assert counts(told) == {
        "sent": 2,
        "dropped as loop-made": 2,
        "dropped as duplicates": 2,
        "kept as unknown": 2,
        "left": 0,
        "test messages dropped": 2,
    }
    assert f"warden loops redrive {broken.finding.id} --unknown" in told["detail"]["text"]
    assert told["detail"]["by"] == "Ops/bob"
    assert place.processed(least=2) == {"a": 1, "b": 1}
    left = place.client("sqs").receive_message(
        QueueUrl=place.client("sqs").get_queue_url(QueueName=broken.queue)["QueueUrl"], MaxNumberOfMessages=10
    )["Messages"]
    assert len(left) == 2, "what is kept can be seen by anyone at once"


def test_what_is_of_unknown_origin_goes_only_if_asked_for(place: Place) -> None:
    broken = place.broken()
    broken.holds(of_unknown_origin("unknown"), "plain", event("a"))
    assert counts(broken.redriven())["kept as unknown"] == 2
    told = counts(broken.redriven(unknown=True))
    assert (told["sent"], told["kept as unknown"], told["left"]) == (1, 0, 1)
    assert place.processed(least=2) == {"a": 1, "unknown": 1}
    assert broken.left() == {"plain": 1}, "for whom that is, nobody can tell"


def test_an_event_is_sent_once_however_often_it_is_asked_for(place: Place) -> None:
    broken = place.broken()
    broken.holds(event("a"))
    assert counts(broken.redriven())["sent"] == 1
    broken.holds(event("a"))
    again = counts(broken.redriven())
    assert (again["sent"], again["dropped as duplicates"]) == (0, 1)
    assert place.processed(least=1) == {"a": 1}


def test_a_request_that_comes_twice_is_told_twice_and_made_once(place: Place) -> None:
    broken = place.broken()
    broken.holds(event("a"))
    request = broken.request()
    first = broken.redriven(request)
    broken.holds(event("b"))
    again = broken.redriven(request)
    assert {**first["detail"]} == {**again["detail"]}
    assert place.processed(least=1) == {"a": 1}


def test_what_came_after_the_request_is_left_for_the_next_one(place: Place) -> None:
    broken = place.broken()
    broken.holds(event("early"))
    request = broken.request()
    time.sleep(0.01)
    broken.holds(event("late"), loop_made("made"))
    told = counts(broken.redriven(request))
    assert (told["sent"], told["left"], told["dropped as loop-made"]) == (1, 1, 1)
    assert place.processed(least=1) == {"early": 1}
    assert broken.left() == {"late": 1}


def test_a_record_of_a_function_that_is_not_of_the_loop_is_left(place: Place) -> None:
    broken = place.broken()
    place.world.create_function("other", code=RECORD)
    broken.holds(failure("a", "AWS:AIDAEXAMPLE", FUNCTION.replace("orders", "other")))
    assert counts(broken.redriven())["left"] == 1
    assert place.processed(function="other") == {}


def test_a_record_is_handed_to_the_alias_it_was_for(place: Place) -> None:
    lam = place.client("lambda")
    version = lam.publish_version(FunctionName="orders")["Version"]
    lam.create_alias(FunctionName="orders", Name="live", FunctionVersion=version)
    broken = place.broken()
    broken.holds(failure("a", "AWS:AIDAEXAMPLE", f"{FUNCTION}:live"))
    assert counts(broken.redriven())["sent"] == 1
    sent = place.world.emulator.calls(operation="Invoke")
    assert [str(call.resource).rpartition(":")[2] for call in sent][-1] in ("live", "orders")
    assert place.processed(least=1) == {"a": 1}


def test_each_target_of_a_rule_gets_the_event_once(place: Place) -> None:
    place.world.create_function("orders1", code=RECORD)
    broken = place.broken(targets=2)
    broken.holds(event("a"), event("a"))
    told = counts(broken.redriven())
    assert (told["sent"], told["dropped as duplicates"]) == (2, 1)
    assert place.processed(least=1) == place.processed(least=1, function="orders1") == {"a": 1}


def test_an_event_goes_back_by_the_rule_it_passed(place: Place) -> None:
    broken = place.broken(rules=("orders", "shop", "bills"))
    broken.holds(event("a"), of_unknown_origin("b"), event("c", "nobody"))
    told = counts(broken.redriven(unknown=True))
    assert (told["sent"], told["left"]) == (2, 1)
    assert place.processed(least=2) == {"a": 1, "b": 1}


def test_an_event_of_a_person_s_clock_that_is_ahead_counts_from_ours(place: Place) -> None:
    broken = place.broken()
    broken.holds(event("a"))
    request = broken.request(at="2999-01-01T00:00:00.000000Z")
    told = counts(broken.redriven({**request, "time": "2026-01-01T00:00:00Z"}))
    assert (told["sent"], told["left"]) == (0, 1)


def test_a_message_of_a_topic_is_handed_over_as_sns_does(place: Place) -> None:
    sns, sqs = place.client("sns"), place.client("sqs")
    topic = sns.create_topic(Name="news")["TopicArn"]
    before = {"SubscriptionArn": f"{topic}:own", "Protocol": "lambda", "Endpoint": FUNCTION}
    broken = place.broken(rules=(), swapped=("subscription of orders to news", before, {"Protocol": "sqs"}, "Endpoint"))
    queue = broken.record.plan.changes[1].after["Endpoint"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    admit(sqs, broken.queue, "sns.amazonaws.com")
    sns.publish(TopicArn=topic, Message="hello", Subject="for orders")
    assert counts(broken.redriven())["kept as unknown"] == 1, "SNS does not say who published it"
    assert counts(broken.redriven(unknown=True))["sent"] == 1
    (handed,) = place.handed(least=1)
    assert handed["Records"][0]["EventSource"] == "aws:sns"
    assert handed["Records"][0]["EventSubscriptionArn"] == f"{topic}:own"
    assert (handed["Records"][0]["Sns"]["Message"], handed["Records"][0]["Sns"]["Subject"]) == ("hello", "for orders")


def test_an_object_that_somebody_wrote_is_handed_over_as_s3_does(place: Place) -> None:
    s3, sqs = place.client("s3"), place.client("sqs")
    s3.create_bucket(Bucket="uploads", CreateBucketConfiguration={"LocationConstraint": REGION})
    before = {"Id": "in", "LambdaFunctionArn": FUNCTION, "Events": ["s3:ObjectCreated:*"]}
    after = {"Id": "warden-in", "Events": ["s3:ObjectCreated:*"]}
    broken = place.broken(rules=(), swapped=("notification in of bucket uploads", before, after, "QueueArn"))
    admit(sqs, broken.queue, "s3.amazonaws.com")
    swap = broken.record.plan.changes[1].after
    s3.put_bucket_notification_configuration(
        Bucket="uploads", NotificationConfiguration={"QueueConfigurations": [swap]}
    )
    s3.put_object(Bucket="uploads", Key="in/one", Body=b"1")
    broken.holds(s3_event("made", "AWS:AROAEXAMPLE:orders"), s3_event("elsewhere", "AWS:AIDAEXAMPLE", bucket="another"))
    told = counts(broken.redriven())
    assert (told["sent"], told["dropped as loop-made"], told["left"]) == (1, 1, 1)
    assert place.processed(least=1) == {"in/one": 1}


def test_a_function_that_is_gone_loses_nothing(place: Place) -> None:
    broken = place.broken()
    broken.holds(event("a"))
    place.client("lambda").delete_function(FunctionName="orders")
    assert counts(broken.redriven()) == {
        "sent": 0,
        "dropped as loop-made": 0,
        "dropped as duplicates": 0,
        "kept as unknown": 0,
        "left": 1,
    }
    assert broken.left() == {"a": 1}


def test_nothing_that_events_hold_is_written_anywhere(place: Place, capfd: pytest.CaptureFixture[str]) -> None:
    broken = place.broken()
    broken.holds(
        {**event("a"), "card": "4711-hidden"}, {**of_unknown_origin("b"), "card": "4711-hidden"}, "4711-hidden"
    )
    told = broken.redriven()
    table = place.world.client("dynamodb").scan(TableName="warden-state")["Items"]
    assert "4711-hidden" not in json.dumps([told, table])
    assert "4711-hidden" not in "".join(capfd.readouterr())


def test_events_are_sent_no_faster_than_is_set(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    monkeypatch.setattr(place.remediator, "SETTINGS", {"redrive_per_second": 1})
    broken = place.broken()
    broken.holds(*(event(f"e{number}") for number in range(4)))
    assert counts(broken.redriven())["sent"] == 4
    assert sum(pause > 0 for pause in slept) == 3
    assert 2 < max(slept) <= 3, "the fourth is due after three seconds"


def test_many_events_are_sent_slice_by_slice(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place.remediator, "_SLICE_SECONDS", 0.01)
    monkeypatch.setattr(place.remediator, "SETTINGS", {"redrive_per_second": 50})
    broken = place.broken()
    broken.holds(*(event(f"e{number}") for number in range(8)), *(loop_made(f"m{number}") for number in range(5)))
    told = counts(broken.redriven())
    assert (told["sent"], told["dropped as loop-made"]) == (8, 5)
    assert place.processed(least=8) == {f"e{number}": 1 for number in range(8)}
    assert len(place.world.sent("own")) > 1, "the rest was put off more than once"


def test_a_slice_that_can_do_nothing_is_the_last(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place.remediator, "_SLICE_SECONDS", 0.05)
    broken = place.broken()
    broken.holds(*(of_unknown_origin(f"u{number}") for number in range(200)))
    assert 0 < counts(broken.redriven())["kept as unknown"] < 200
    assert len(place.world.sent("own")) == 0


# --- when it is refused -----------------------------------------------------------------------------------------------


def test_a_function_that_is_held_gets_nothing(place: Place) -> None:
    broken = place.broken()
    broken.holds(event("a"), loop_made("made"))
    place.client("lambda").put_function_concurrency(FunctionName="orders", ReservedConcurrentExecutions=0)
    assert "orders has a reserved concurrency of 0" in refused(broken.redriven())
    assert sum(broken.left().values()) == 2


def test_a_break_that_somebody_took_away_closes_the_loop(place: Place) -> None:
    broken = place.broken()
    broken.holds(event("a"))
    target = broken.record.plan.changes[1]
    place.client("events").put_targets(Rule=f"orders-{broken.loop}", Targets=[target.before])
    assert "changed by somebody since" in refused(broken.redriven())
    place.known["loops"] = {"read": iso(now()), "loops": []}
    assert "changed by somebody since" in refused(broken.redriven()), "that was not known when the account was read"
    assert place.processed() == {}


@pytest.mark.parametrize(
    ("loops", "goes"),
    [
        ([], True),
        ([{"id": "another", "functions": [FUNCTION], "confidence": "A"}], False),
        ([{"id": "the same", "functions": [], "confidence": "C"}], False),
        ([{"id": "another", "functions": [FUNCTION], "confidence": "C"}], True),
        ([{"id": "another", "functions": ["arn:aws:lambda:x:1:function:x"], "confidence": "A"}], True),
    ],
)
def test_after_an_undo_events_go_back_once_the_loop_is_seen_to_be_gone(
    place: Place, loops: list[dict[str, Any]], goes: bool
) -> None:
    broken = place.broken()
    broken.holds(event("a"))
    loops = [{**one, "id": broken.loop if one["id"] == "the same" else one["id"]} for one in loops]
    place.known["loops"] = {"read": iso(now()), "loops": loops}
    broken.undone()
    assert "is not known until" in refused(broken.redriven()), "what was seen before the undo says nothing"
    place.known["loops"] = {"read": iso(now()), "loops": loops}
    told = broken.redriven()
    assert told["detail-type"] == ("Events Redriven" if goes else "Fix Failed")
    assert place.processed(least=goes) == ({"a": 1} if goes else {})


def test_a_loop_that_is_only_slowed_down_is_closed(place: Place) -> None:
    broken = place.broken(Change("reserved concurrency of orders", None, 1))
    broken.holds(event("a"))
    place.client("lambda").put_function_concurrency(FunctionName="orders", ReservedConcurrentExecutions=1)
    assert "only slowed down" in refused(broken.redriven())


def test_a_queue_that_is_gone_has_nothing_left(place: Place) -> None:
    broken = place.broken()
    sqs = place.client("sqs")
    sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=broken.queue)["QueueUrl"])
    assert set(counts(broken.redriven()).values()) == {0}


def test_what_was_done_before_it_was_refused_is_told(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place.remediator, "_SLICE_SECONDS", 0)
    broken = place.broken()
    broken.holds(*(event(f"e{number}") for number in range(2)))
    request = broken.request()
    place.world.run("remediator", request)
    place.client("lambda").put_function_concurrency(FunctionName="orders", ReservedConcurrentExecutions=0)
    text = refused(broken.redriven(request))
    assert "has a reserved concurrency of 0" in text
    assert "Before that: Events: 1 sent" in text


def test_a_missing_permission_is_named_and_nothing_is_lost(place: Place) -> None:
    broken = place.broken()
    broken.holds(event("a"))
    place.world.emulator.fault("lambda:Invoke", times=9, status=403, code="AccessDeniedException", message="no")
    assert f"The role {ROLE} may not perform" in refused(broken.redriven())
    assert broken.left() == {"a": 1}
    place.world.emulator.clear_faults()
    told = counts(broken.redriven())
    assert told["sent"] == 1
    assert "possibly sent twice" not in told, "it is certain that the first try was not made"


def test_a_throttled_function_gets_it_later(place: Place) -> None:
    broken = place.broken()
    broken.holds(event("a"))
    place.world.emulator.fault("lambda:Invoke", times=1, status=429, code="TooManyRequestsException", message="no")
    told = counts(broken.redriven())
    assert told["sent"] == 1
    assert "possibly sent twice" not in told
    assert place.processed(least=1) == {"a": 1}


def test_an_answer_that_is_lost_is_counted_as_possibly_sent_twice(place: Place) -> None:
    broken = place.broken()
    broken.holds(event("a"))
    place.world.emulator.fault("lambda:Invoke", times=1, status=500, code="ServiceException", message="no")
    assert counts(broken.redriven()) == {
        "sent": 1,
        "dropped as loop-made": 0,
        "dropped as duplicates": 0,
        "kept as unknown": 0,
        "left": 0,
        "possibly sent twice": 1,
    }


def test_a_ticket_without_a_fix_has_nothing_to_redrive(place: Place) -> None:
    finding = replace(Broken(place, "none", None).finding, aspect="none")  # type: ignore[arg-type]  # never applied
    asked = Broken(place, "none", None)  # type: ignore[arg-type]
    told = asked.redriven()
    assert told["detail"]["finding"]["id"] == finding.id
    assert told["detail"]["code"] == "nothing-to-redrive"


def test_a_playbook_that_keeps_nothing_says_so(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    from functions.playbooks.reserved_concurrency import fix  # noqa: PLC0415 - one that keeps no events

    monkeypatch.setattr(place.remediator, "REMEDY", replace(place.remediator.REMEDY, fixing=fix))
    assert place.broken().redriven()["detail"]["code"] == "nothing-to-redrive"


# --- from the command line to the ticket ------------------------------------------------------------------------------


def test_it_is_asked_for_on_the_command_line_and_told_on_the_ticket(place: Place) -> None:
    broken = place.broken()
    broken.holds(event("a"), of_unknown_origin("unknown"), loop_made("made"))
    applied = Message(Kind.FIX_APPLIED, broken.finding, iso(now()), by="lambda-warden", fix=1, text="It was broken.")
    ticket = fold(None, applied)
    place.remediator.HUB.store.save_ticket(ticket, 0)
    asked = CliRunner().invoke(warden, ["loops", "redrive", ticket.id, "--unknown", "--json"])
    assert asked.exit_code == 0, asked.output
    said = json.loads(asked.stdout)
    assert {name: said[name] for name in ("asked", "ticket", "unknown")} == {
        "asked": "Redrive Requested",
        "ticket": ticket.id,
        "unknown": True,
    }
    (request,) = place.told(broken.finding)
    told = broken.redriven({name: value for name, value in request.items() if name != "_attributes"})
    assert counts(told)["sent"] == 2
    for one in (request, told):
        ticket = fold(ticket, read_message(one["detail-type"], one["detail"]))
    assert ticket.state is State.FIXED, "the fix stands, whatever becomes of the events"
    assert [entry.kind for entry in ticket.story] == [Kind.FIX_APPLIED, Kind.REDRIVE_REQUESTED, Kind.EVENTS_REDRIVEN]
    assert "2 sent, 1 dropped as loop-made" in json.dumps(ticket_message(ticket).blocks)


def test_the_command_line_says_what_cannot_be_asked_for(place: Place) -> None:
    finding = replace(place.broken().finding, aspect="never-fixed")
    ticket = fold(None, Message(Kind.FINDING_OPENED, finding, iso(now()), mode="approve"))
    place.remediator.HUB.store.save_ticket(ticket, 0)
    for arguments, why in (
        ((ticket.id,), "nothing was changed, so nothing was kept"),
        (("nosuchticket",), "there is no ticket 'nosuchticket'"),
    ):
        answer = CliRunner().invoke(warden, ["loops", "redrive", *arguments])
        assert answer.exit_code == 2
        assert why in answer.output
    before = CliRunner().invoke(warden, ["loops", "--json", "redrive", ticket.id])
    assert (before.exit_code, "options go after redrive" in before.output) == (2, True)
    assert place.told(finding) == []


# --- queues that are their own quarantine -----------------------------------------------------------------------------


def waiting(place: Place, name: str = "jobs", **attributes: str) -> Broken:
    """A queue whose mapping was disabled, on record as a fix."""
    sqs, lam = place.client("sqs"), place.client("lambda")
    sqs.create_queue(QueueName=name, Attributes=attributes)
    made = lam.create_event_source_mapping(
        FunctionName="orders", EventSourceArn=f"arn:aws:sqs:{REGION}:{MEMBER}:{name}", Enabled=False
    )
    change = Change(f"event source mapping {made['UUID']} of orders", "Enabled", "Disabled")
    loop = uuid.uuid4().hex[:12]
    return place.saved(loop, Plan((change, Change(f"loop {loop}", [FUNCTION], "at rest")), "It is broken."))


def from_function(place: Place, queue: str, name: str) -> None:
    """Send a message as the function's session does."""
    sts, iam = place.client("sts"), place.client("iam")
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{MEMBER}:root"}}
    allow = {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}
    iam.create_role(
        RoleName="own", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    iam.put_role_policy(RoleName="own", PolicyName="own", PolicyDocument=document)
    session = sts.assume_role(RoleArn=f"arn:aws:iam::{MEMBER}:role/own", RoleSessionName="orders")["Credentials"]
    make: Any = place.world.emulator.session(MEMBER, REGION).client
    sqs = make(
        "sqs",
        endpoint_url=place.world.emulator.endpoint,
        aws_access_key_id=session["AccessKeyId"],
        aws_secret_access_key=session["SecretAccessKey"],
        aws_session_token=session["SessionToken"],
    )
    url = place.client("sqs").get_queue_url(QueueName=queue)["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"id": name}))


def test_what_the_loop_sent_to_its_own_queue_is_dropped_and_the_rest_waits(place: Place) -> None:
    broken = waiting(place)
    broken.holds({"id": "a"}, {"id": "b"}, queue="jobs")
    from_function(place, "jobs", "made")
    told = counts(broken.redriven())
    assert (told["sent"], told["dropped as loop-made"], told["left"]) == (0, 1, 2)
    assert broken.left("jobs") == {"a": 1, "b": 1}
    uuid_ = broken.record.plan.changes[0].setting.split()[3]
    place.client("lambda").update_event_source_mapping(UUID=uuid_, Enabled=True)
    deadline = time.monotonic() + 10
    while sum(broken.left("jobs").values()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert broken.left("jobs") == {}, "the mapping goes on with what was left"


def test_a_queue_whose_mapping_is_on_again_is_left_alone(place: Place) -> None:
    broken = waiting(place)
    uuid_ = broken.record.plan.changes[0].setting.split()[3]
    place.client("lambda").update_event_source_mapping(UUID=uuid_, Enabled=True)
    assert "handled when the fix is undone" in refused(broken.redriven())


@pytest.mark.parametrize("most", [1, 2])
def test_a_queue_that_gives_messages_up_early_is_left_alone(place: Place, most: int) -> None:
    dead = place.client("sqs").create_queue(QueueName="dead")["QueueUrl"]
    assert dead
    policy = json.dumps({"deadLetterTargetArn": f"arn:aws:sqs:{REGION}:{MEMBER}:dead", "maxReceiveCount": most})
    broken = waiting(place, RedrivePolicy=policy)
    broken.holds({"id": "a"}, queue="jobs")
    assert "Nothing is kept in a queue that may be looked through again" in refused(broken.redriven())


def test_looking_never_sends_a_message_to_the_dead_letter_queue(place: Place) -> None:
    place.client("sqs").create_queue(QueueName="dead")
    policy = json.dumps({"deadLetterTargetArn": f"arn:aws:sqs:{REGION}:{MEMBER}:dead", "maxReceiveCount": 3})
    broken = waiting(place, RedrivePolicy=policy)
    broken.holds(*({"id": f"m{number}"} for number in range(12)), queue="jobs")
    assert counts(broken.redriven())["left"] == 12
    for _ in range(5):
        assert "may be looked through again" in refused(broken.redriven())
    assert sum(broken.left("jobs").values()) == 12
    assert broken.left("dead") == {}


def test_a_stream_has_nothing_to_redrive(place: Place) -> None:
    answer = place.client("dynamodb").create_table(
        TableName="orders",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )["TableDescription"]
    made = place.client("lambda").create_event_source_mapping(
        FunctionName="orders", EventSourceArn=answer["LatestStreamArn"], Enabled=False, StartingPosition="LATEST"
    )
    change = Change(f"event source mapping {made['UUID']} of orders", "Enabled", "Disabled")
    broken = place.saved("stream", Plan((change,), "It is broken."))
    assert "what waits is handled when the fix is undone" in refused(broken.redriven())


# --- killed -----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("leases_end_at_once")
def test_killed_anywhere_no_event_is_lost_or_hidden(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place.remediator, "_LOCK_SECONDS", 0)
    monkeypatch.setattr(kept, "HIDDEN_SECONDS", 1)

    def holding(name: str) -> Broken:
        broken = place.broken()
        twice = event(f"{name}-a")
        unknown = of_unknown_origin(f"{name}-unknown")
        broken.holds(twice, failure(f"{name}-b", "AWS:AIDAEXAMPLE"), twice, loop_made(f"{name}-made"), unknown)
        return broken

    holding("first").redriven()
    whole = holding("whole")
    request = whole.request()
    calls = count_calls(lambda: place.world.run("remediator", request))
    # To be killed before a call that only reads is to be killed before the next one that does more.
    changing = [number for number, name in enumerate(calls, 1) if not name.startswith(("Get", "List", "Query"))]
    assert len(changing) > 18
    killed: list[tuple[str, Broken, dict[str, Any]]] = []
    # The moment after a call is that before the next one.
    for number, after in [*((number, False) for number in changing), (len(calls), True)]:
        broken = holding(f"k{number}-{after}")
        request = broken.request()
        with killed_at(number, after=after), pytest.raises(Killed):
            place.world.run("remediator", request)
        killed.append((f"k{number}-{after}", broken, request))
    time.sleep(1.0)
    possible = 0
    told = {name: counts(broken.redriven(request)) for name, broken, request in killed}
    processed = place.processed(least=2 * len(killed))
    for name, broken, _ in killed:
        found = told[name]
        twice = found.pop("possibly sent twice", 0)
        possible += twice
        assert found == {
            "sent": 2,
            "dropped as loop-made": 1,
            "dropped as duplicates": 1,
            "kept as unknown": 1,
            "left": 0,
        }, name
        times = [processed[f"{name}-{one}"] for one in ("a", "b", "made", "unknown")]
        assert min(times[:2]) >= 1, (name, "an event was lost")
        assert sum(times[:2]) <= 2 + twice, (name, "an event was sent twice and nobody says so")
        assert times[2:] == [0, 0], name
        assert broken.left() == {f"{name}-unknown": 1}, name
    assert 0 < possible <= 8, "only between the beginning of sending an event and its end"


@pytest.mark.usefixtures("leases_end_at_once")
def test_what_one_who_died_was_looking_at_is_waited_for(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place.remediator, "_LOCK_SECONDS", 0)
    monkeypatch.setattr(kept, "HIDDEN_SECONDS", 1)
    broken = place.broken()
    broken.holds(event("a"))
    request = broken.request()
    with killed_at("Invoke"), pytest.raises(Killed):
        place.world.run("remediator", request)
    place.world.run("remediator", request)
    assert place.told(broken.finding) == [], "it is not at its end while a message is hidden"
    time.sleep(1.0)
    told = counts(broken.redriven(request))
    assert (told["sent"], told["possibly sent twice"]) == (1, 1), "nobody knows that it was not sent"
    assert place.processed(least=1) == {"a": 1}
