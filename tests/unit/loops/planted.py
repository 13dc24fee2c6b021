"""Made-up accounts as they come in life, and which loops are in them; a different one for each seed.

Everything leads on from somewhere and never back, but for the loops that are planted: that is what a test holds the
analysis to. What policies and filters leave open is not made up as if it were decided: a function that may write to
its own queue is a loop here.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from functions.adapters.reader import Reader
from functions.playbooks.recursive_loop.account import (
    Account,
    Destination,
    LogSubscription,
    Notification,
    Pipe,
    Rule,
    Schedule,
    SourceMapping,
    StateMachine,
    Subscription,
    Target,
)
from functions.playbooks.recursive_loop.policies import resource_policy
from functions.playbooks.recursive_loop.writes import Function

ACCOUNT, REGION = "111111111111", "eu-west-1"
TEAMS = ("orders", "order", "shop", "shop-eu", "pay", "payments", "search", "mail")
CREATED = ("s3:ObjectCreated:*",)

Json = dict[str, Any]
_T = TypeVar("_T")
_R = TypeVar("_R")


def arn(service: str, name: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{name}"


def allow(action: str | list[str], *resources: str, **more: Any) -> Json:
    return {"Effect": "Allow", "Action": action, "Resource": list(resources), **more}


DEFAULT_BUS = arn("events", "event-bus/default")
LOGS = allow(["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], "*")
READS = {
    "sqs": ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
    "dynamodb": ["dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:DescribeStream", "dynamodb:ListStreams"],
    "kinesis": ["kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:DescribeStream", "kinesis:ListShards"],
}


@dataclass
class Place:
    """An account in the making. What makes a resource returns its ARN; every name is new."""

    chance: random.Random
    functions: list[str] = field(default_factory=list)
    statements: dict[str, list[Json]] = field(default_factory=dict)
    variables: dict[str, dict[str, str]] = field(default_factory=dict)
    boundaries: dict[str, Json] = field(default_factory=dict)
    buckets: list[str] = field(default_factory=list)
    facts: dict[str, list[Any]] = field(default_factory=dict)
    by_arn: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Of the facts those that are kept by ARN: dead letters, redrives, policies."""
    number: int = 0

    def name(self, what: str) -> str:
        self.number += 1
        return f"{self.chance.choice(TEAMS)}-{what}-{self.number:05}"

    def add(self, kind: str, fact: Any) -> None:
        self.facts.setdefault(kind, []).append(fact)

    def keep(self, kind: str, key: str, fact: Any) -> None:
        self.by_arn.setdefault(kind, {})[key] = fact

    # --- resources ----------------------------------------------------------------------------------------------------

    def function(self, *statements: Json, **variables: str) -> str:
        made = arn("lambda", f"function:{self.name('fn')}")
        self.functions.append(made)
        self.statements[made] = [LOGS, *statements]
        self.variables[made] = variables
        return made

    def may(self, function: str, action: str | list[str], *resources: str, **more: Any) -> None:
        self.statements[function].append(allow(action, *resources, **more))

    def queue(self) -> str:
        return arn("sqs", self.name("jobs"))

    def topic(self) -> str:
        return arn("sns", self.name("news"))

    def bucket(self) -> str:
        self.buckets.append(f"arn:aws:s3:::{self.name('files')}")
        return self.buckets[-1]

    def table(self) -> str:
        return arn("dynamodb", f"table/{self.name('rows')}")

    def stream(self) -> str:
        return arn("kinesis", f"stream/{self.name('clicks')}")

    def bus(self) -> str:
        return arn("events", f"event-bus/{self.name('bus')}")

    def machine(self, *names: str) -> str:
        """A state machine whose definition names these."""
        made = arn("states", f"stateMachine:{self.name('flow')}")
        self.add("state_machines", StateMachine(made, "".join(f'{{"Resource": "{name}"}}' for name in names)))
        return made

    # --- triggers -----------------------------------------------------------------------------------------------------

    def consumes(self, function: str, source: str, **more: Any) -> None:
        """Have a queue, a table's stream or a stream trigger a function."""
        if ":table/" in source:
            source = f"{source}/stream/2026-01-01T00:00:00.000"
        self.may(function, READS[source.split(":")[2]], source)
        alias = self.chance.choice(("", "", ":live"))
        self.add("mappings", SourceMapping(self.name("mapping"), source, function + alias, "Enabled", **more))

    def notifies(self, bucket: str, target: str, prefix: str = "", suffix: str = "", events: Any = CREATED) -> None:
        self.add("notifications", Notification(bucket, self.name("on"), target, events, prefix, suffix))
        if ":sqs:" in target:
            self.admits(target, {"Service": "s3.amazonaws.com"}, bucket)

    def subscribes(self, topic: str, target: str, wanted: Json | None = None) -> None:
        protocol = target.split(":")[2]
        subscription = f"{topic}:{self.name('to')}"
        self.add("subscriptions", Subscription(subscription, topic, protocol, target, wanted, filter_read=True))
        if protocol == "sqs":
            # With everyone as the principal, as guides had it before services could be one.
            self.admits(target, self.chance.choice(({"AWS": "*"}, {"Service": "sns.amazonaws.com"})), topic)

    def admits(self, queue: str, principal: Json, source: str) -> None:
        """Let a queue take messages from a topic or a bucket only."""
        condition = {"ArnEquals": {"aws:SourceArn": source}}
        statement = allow("sqs:SendMessage", queue, Principal=principal, Condition=condition)
        self.keep("policies", queue, resource_policy(f"of {queue}", ACCOUNT, {"Statement": [statement]}))

    def rule(self, bus: str, pattern: Json | None, target: str) -> None:
        """A rule; without a pattern it has a schedule."""
        self.add("rules", Rule(bus, self.name("rule"), "ENABLED", pattern, (Target("it", target),)))

    def fails_to(self, function: str, target: str) -> None:
        """Give a function a dead-letter queue, or a destination for failures."""
        self.may(function, "sqs:SendMessage", target)
        if self.chance.random() < 0.5:
            self.keep("dead_letters", function, target)
        else:
            self.add("destinations", Destination(function, "$LATEST", "OnFailure", target))

    # --- the whole ----------------------------------------------------------------------------------------------------

    def account(self) -> Account:
        made = [Function(one, role_of(one), self.variables[one]) for one in self.functions]
        facts: dict[str, Any] = {kind: tuple(self.chance.sample(some, len(some))) for kind, some in self.facts.items()}
        roles = {
            role_of(one): ({"own": _document(self.statements[one])}, self._boundary(one)) for one in self.functions
        }
        shuffled = tuple(self.chance.sample(made, len(made)))
        return Account(ACCOUNT, REGION, shuffled, roles=roles, **{**facts, **self.by_arn})

    def _boundary(self, function: str) -> tuple[str, Json] | None:
        limit = self.boundaries.get(function)
        return ("limit", _document([LOGS, limit])) if limit else None


def role_of(function: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/service/{function.rpartition(':')[2]}"


def _document(statements: Collection[Json]) -> Json:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def url_of(queue: str) -> str:
    return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{queue.rpartition(':')[2]}"


def log_group_of(function: str) -> str:
    return arn("logs", f"log-group:/aws/lambda/{function.rpartition(':')[2]}")


# --- what is no loop --------------------------------------------------------------------------------------------------


def fan_in(place: Place) -> None:
    """Several queues, a function each, and all of these fill one queue."""
    total = place.queue()
    place.consumes(place.function(allow("dynamodb:PutItem", place.table())), total)
    for _ in range(4):
        place.consumes(place.function(allow("sqs:SendMessage", total)), place.queue())


def fan_out(place: Place) -> None:
    """A bucket, a topic, several queues, one with a filter, and functions that write elsewhere."""
    bucket, topic, archive = place.bucket(), place.topic(), place.bucket()
    place.notifies(bucket, topic)
    for n in range(4):
        queue = place.queue()
        place.subscribes(topic, queue, {"kind": ["big", {"prefix": "huge"}]} if n == 3 else None)
        place.consumes(place.function(allow("s3:PutObject", f"{archive}/{n}/*")), queue)


def prefixes(place: Place) -> None:
    """One bucket, from prefix to prefix, each role with just the next."""
    bucket = place.bucket()
    for here, there in (("raw/", "checked/"), ("checked/", "small/"), ("small/", "done/")):
        place.notifies(bucket, place.function(allow(["s3:PutObject", "s3:PutObjectAcl"], f"{bucket}/{there}*")), here)


def suffixes(place: Place) -> None:
    """Thumbnails beside the pictures, by their suffix; and a function that writes when something was deleted."""
    bucket = place.bucket()
    place.notifies(bucket, place.function(allow("s3:PutObject", f"{bucket}/images/*.png")), "images/", ".jpg")
    removed = ("s3:ObjectRemoved:*",)
    place.notifies(bucket, place.function(allow("s3:PutObject", f"{bucket}/*")), "images/", events=removed)


def denied_prefix(place: Place) -> None:
    """The whole bucket but where the notification listens: by a denial, by its reverse, by a boundary."""
    for how in ("denied", "all else denied", "boundary"):
        bucket = place.bucket()
        function = place.function(allow("s3:*", bucket, f"{bucket}/*"))
        place.notifies(bucket, function, "in/")
        if how == "boundary":
            place.boundaries[function] = allow("s3:*", f"{bucket}/out/*")
        else:
            where = {"Resource": f"{bucket}/in/*"} if how == "denied" else {"NotResource": f"{bucket}/out/*"}
            place.statements[function].append({"Effect": "Deny", "Action": "s3:Put*", **where})


def retries(place: Place) -> None:
    """Dead-letter queues that nobody consumes or whose consumer tells people, and one who puts letters back by hand."""
    jobs, dead, alerts = place.queue(), place.queue(), place.topic()
    work = place.function(allow("s3:PutObject", f"{place.bucket()}/*"))
    place.consumes(work, jobs)
    place.keep("redrives", jobs, dead)
    place.fails_to(work, place.queue())
    watched, letters = place.queue(), place.queue()
    place.consumes(place.function(allow("sns:Publish", alerts)), watched)
    place.keep("redrives", watched, letters)
    place.consumes(place.function(allow("sns:Publish", alerts)), letters)
    place.function(allow("sqs:SendMessage", jobs, watched), allow(READS["sqs"], dead))


def one_bus(place: Place) -> None:
    """One bus for all; each function may send what the next one's rule asks for, by source or by detail-type."""
    bus, by_source = place.bus(), place.chance.random() < 0.5
    operator = place.chance.choice(("StringEquals", "StringLike", "ForAllValues:StringEquals"))
    for n in range(4):
        if by_source:
            pattern, limit = {"source": [f"shop.{n}"]}, {"events:source": [f"shop.{n + 1}", "shop.audit"]}
        else:
            pattern = {"source": ["shop"], "detail-type": [f"step-{n}"]}
            limit = {"events:source": ["shop"], "events:detail-type": [f"step-{n + 1}"]}
        place.rule(bus, pattern, place.function(allow("events:PutEvents", bus, Condition={operator: limit})))


def aws_events(place: Place) -> None:
    """Rules for AWS's own events on the default bus, whose functions put events of theirs there."""
    of_calls = {"source": [{"prefix": "aws."}], "detail-type": ["AWS API Call via CloudTrail"]}
    for pattern in ({"source": ["aws.ec2"]}, of_calls):
        place.rule(DEFAULT_BUS, pattern, place.function(allow("events:PutEvents", DEFAULT_BUS)))


def bus_to_bus(place: Place) -> None:
    """A rule that sends some events on to another bus, where rules for these and for others are."""
    bus = place.bus()
    place.rule(DEFAULT_BUS, {"source": [{"prefix": "shop."}], "detail-type": ["paid"]}, bus)
    place.rule(bus, {"source": ["shop.till"]}, place.function(allow("sqs:SendMessage", place.queue())))
    for other in ({"source": ["mail"]}, {"source": ["shop.till"], "detail-type": ["sent"]}):
        place.rule(bus, other, place.function(allow("events:PutEvents", DEFAULT_BUS)))


def buckets_on_bus(place: Place) -> None:
    """Buckets that send their events to the default bus: rules by bucket and key, writes to other keys and buckets."""
    bucket, other = place.bucket(), place.bucket()
    place.facts.setdefault("buckets_on_bus", []).extend((bucket, other))
    here = ((bucket, "in/", f"{bucket}/mid/*"), (bucket, "mid/", f"{other}/in/*"), (other, "out/", f"{other}/done/*"))
    for source, prefix, written in here:
        detail = {"bucket": {"name": [source.rpartition(":")[2]]}, "object": {"key": [{"prefix": prefix}]}}
        pattern = {"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": detail}
        place.rule(DEFAULT_BUS, pattern, place.function(allow("s3:PutObject", written)))


def filtered_topic(place: Place) -> None:
    """Subscriptions that share a topic by filters, whose functions publish to another; one filter lets nothing pass."""
    first, second = place.topic(), place.topic()
    for kind in ("new", "paid", "sent"):
        place.subscribes(first, place.function(allow("sns:Publish", second)), {"kind": [kind]})
    nothing = {"price": [{"numeric": [">", 9, "<", 3]}]}
    place.subscribes(first, place.function(allow("sns:Publish", first)), nothing)
    place.subscribes(second, place.function(allow("dynamodb:UpdateItem", place.table())), {"kind": ["new"]})


def tables(place: Place) -> None:
    """Table A, function, table B, function, a table without a stream."""
    first, second = place.table(), place.table()
    place.consumes(place.function(allow(["dynamodb:PutItem", "dynamodb:UpdateItem"], second)), first)
    place.consumes(place.function(allow("dynamodb:*", place.table())), second)
    place.function(allow("dynamodb:PutItem", first))


def state_machine(place: Place) -> None:
    """A state machine that calls functions and fills a queue; what starts it is none of them."""
    queue = place.queue()
    steps = [place.function(allow("dynamodb:GetItem", place.table())) for _ in range(3)]
    machine = place.machine(*(f"{step}:live" for step in steps), url_of(queue))
    place.consumes(place.function(allow("s3:PutObject", f"{place.bucket()}/*")), queue)
    place.consumes(place.function(allow("states:StartExecution", machine)), place.queue())


def destinations(place: Place) -> None:
    """Results go to a queue that another function consumes, and to a bus where a rule asks for the other result."""
    queue, bus = place.queue(), place.bus()
    first = place.function(allow("sqs:SendMessage", queue))
    place.add("destinations", Destination(first, "live", "OnSuccess", queue))
    place.consumes(place.function(), queue)
    limit = {"StringEquals": {"events:detail-type": "Lambda Function Invocation Result - Failure"}}
    second = place.function(allow("events:PutEvents", bus, Condition=limit))
    place.add("destinations", Destination(second, "$LATEST", "OnFailure", bus))
    place.rule(bus, {"detail-type": ["Lambda Function Invocation Result - Success"]}, second)


def calls(place: Place) -> None:
    """Functions that call others by name, by alias and by a pattern that does not mean themselves."""
    last = place.function(allow("lambda:GetFunction", "*"))
    second = place.function(allow("lambda:InvokeFunction", f"{last}:live"))
    place.function(allow("lambda:InvokeFunction", second, f"{second}:*"), allow("lambda:InvokeFunction", f"{last}*"))


def streams(place: Place) -> None:
    """A schedule, a stream, a queue, a pipe, a state machine, and a function at the end."""
    stream, queue = place.stream(), place.queue()
    place.consumes(place.function(allow("sqs:SendMessage", queue)), stream)
    pipe = arn("pipes", f"pipe/{place.name('pipe')}")
    place.add("pipes", Pipe(pipe, "RUNNING", queue, place.machine(place.function())))
    hourly = arn("scheduler", f"schedule/default/{place.name('hourly')}")
    place.add("schedules", Schedule(hourly, "ENABLED", place.function(allow("kinesis:PutRecords", stream))))


def shipped_logs(place: Place) -> None:
    """Logs of several functions, shipped by one whose role is written for all log groups of its team."""
    writers = [place.function() for _ in range(3)]
    shipper = place.function(allow("firehose:PutRecordBatch", "*"))
    team = log_group_of(shipper).partition("-fn-")[0]
    place.may(shipper, "logs:PutLogEvents", f"{team}-*:*")
    for one in writers:
        place.add("log_subscriptions", LogSubscription(log_group_of(one), "all", shipper))


PIPELINES: tuple[Callable[[Place], None], ...] = (
    fan_in,
    fan_out,
    prefixes,
    suffixes,
    denied_prefix,
    retries,
    one_bus,
    bus_to_bus,
    aws_events,
    buckets_on_bus,
    filtered_topic,
    tables,
    state_machine,
    destinations,
    calls,
    streams,
    shipped_logs,
)

# --- loops: each returns the functions in it --------------------------------------------------------------------------


def same_prefix(place: Place) -> set[str]:
    """Some keys may be denied, as long as others are left."""
    bucket = place.bucket()
    function = place.function(allow("s3:PutObject", f"{bucket}/images/*"))
    if place.chance.random() < 0.5:
        denied = [f"{bucket}/images/private/*", f"{bucket}/in/*"]
        place.statements[function].append({"Effect": "Deny", "Action": "s3:*", "Resource": denied})
    place.notifies(bucket, function, "images/", place.chance.choice(("", ".png")))
    return {function}


def patterns_of_buckets(place: Place) -> set[str]:
    """Through a pattern of the bucket's name, and one of keys that meets the notification's."""
    bucket = place.bucket()
    function = place.function(allow("s3:*", f"{bucket}*/in*"))
    place.notifies(bucket, function, "in/new/")
    return {function}


def bucket_on_bus(place: Place) -> set[str]:
    bucket = place.bucket()
    place.add("buckets_on_bus", bucket)
    function = place.function(allow("s3:PutObject", f"{bucket}/in/*"))
    detail = {"bucket": {"name": [bucket.rpartition(":")[2]]}, "object": {"key": [{"prefix": "in/"}]}}
    place.rule(DEFAULT_BUS, {"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": detail}, function)
    return {function}


def bucket_topic_and_queue(place: Place) -> set[str]:
    bucket, topic, queue = place.bucket(), place.topic(), place.queue()
    place.notifies(bucket, topic, "in/")
    place.subscribes(topic, queue)
    function = place.function(allow("s3:PutObject", f"{bucket}/*"))
    place.consumes(function, queue)
    return {function}


def own_queue(place: Place) -> set[str]:
    """Allowed in one of the many ways there are to write it."""
    queue = place.queue()
    statement = place.chance.choice(
        (
            allow("sqs:SendMessage", queue),
            allow(["sqs:ReceiveMessage", "SQS:send*"], f"{queue[:-1]}?"),
            allow("sqs:SendMessage", queue, Condition={"StringEquals": {"aws:SourceVpc": "vpc-1"}}),
            {"Effect": "Allow", "NotAction": "sqs:DeleteQueue", "Resource": queue},
        )
    )
    function = place.function(statement)
    place.consumes(function, queue)
    return {function}


def let_in_by_the_queue(place: Place) -> set[str]:
    """By the queue's policy alone: the role says nothing of sending."""
    queue, function = place.queue(), place.function()
    statement = allow("sqs:SendMessage", queue, Principal={"AWS": role_of(function)})
    place.keep("policies", queue, resource_policy(f"of {queue}", ACCOUNT, {"Statement": [statement]}))
    place.consumes(function, queue)
    return {function}


def two_queues(place: Place) -> set[str]:
    first, second = place.queue(), place.queue()
    there, back = place.function(allow("sqs:*", second)), place.function(allow("sqs:SendMessage", first))
    place.consumes(there, first)
    place.consumes(back, second)
    return {there, back}


def own_topic(place: Place) -> set[str]:
    topic = place.topic()
    function = place.function(allow("sns:Publish", topic))
    place.subscribes(topic, function, place.chance.choice((None, {"kind": ["new"]})))
    return {function}


def topic_and_queues(place: Place) -> set[str]:
    """A topic fans out, and one of the branches publishes again."""
    topic, queues = place.topic(), [place.queue() for _ in range(3)]
    for queue in queues:
        place.subscribes(topic, queue)
        place.consumes(place.function(), queue)
    again = place.functions[-1]
    place.may(again, "sns:Publish", topic)
    return {again}


def own_table(place: Place) -> set[str]:
    table = place.table()
    function = place.function(allow(["dynamodb:UpdateItem", "dynamodb:GetItem"], table, f"{table}/index/*"))
    place.consumes(function, table)
    return {function}


def two_tables(place: Place) -> set[str]:
    first, second = place.table(), place.table()
    there, back = place.function(allow("dynamodb:*", second)), place.function(allow("dynamodb:BatchWriteItem", first))
    place.consumes(there, first)
    place.consumes(back, second)
    return {there, back}


def own_stream(place: Place) -> set[str]:
    stream = place.stream()
    function = place.function(allow("kinesis:PutRecord", stream))
    place.consumes(function, stream, filtered=place.chance.random() < 0.5)
    return {function}


def custom_bus(place: Place) -> set[str]:
    """Two functions on one bus; in half of the accounts each may send just what the other one waits for."""
    bus, limited = place.bus(), place.chance.random() < 0.5
    both = set()
    for awaited, sent in (("shop.paid", "shop.sent"), ("shop.sent", "shop.paid")):
        limit = {"Condition": {"StringEquals": {"events:source": [sent, "shop.audit"]}}} if limited else {}
        function = place.function(allow("events:PutEvents", bus, **limit))
        place.rule(bus, {"source": [awaited], "detail": {"state": ["done"]}}, function)
        both.add(function)
    return both


def queue_and_bucket(place: Place) -> set[str]:
    queue, bucket = place.queue(), place.bucket()
    place.notifies(bucket, queue, "new/")
    writer = place.function(allow("s3:PutObject", f"{bucket}/new/*"))
    reader = place.function(allow("lambda:InvokeFunction", writer))
    place.consumes(reader, queue)
    return {writer, reader}


def failures_come_back(place: Place) -> set[str]:
    queue, function = place.queue(), place.function()
    place.consumes(function, queue)
    place.fails_to(function, queue)
    return {function}


def successes_come_back(place: Place) -> set[str]:
    topic = place.topic()
    function = place.function(allow("sns:Publish", topic))
    place.add("destinations", Destination(function, "$LATEST", "OnSuccess", topic))
    place.subscribes(topic, function)
    return {function}


def dead_letters_come_back(place: Place) -> set[str]:
    """What is put back from a dead-letter queue comes there again by its queue's redrive policy."""
    jobs, dead = place.queue(), place.queue()
    place.keep("redrives", jobs, dead)
    place.consumes(place.function(), jobs)
    retry = place.function(allow("sqs:SendMessage", jobs))
    place.consumes(retry, dead)
    return {retry}


def calls_itself(place: Place) -> set[str]:
    function = place.function()
    place.may(function, "lambda:InvokeFunction", function, f"{function}:*")
    return {function}


def call_each_other(place: Place) -> set[str]:
    first, second, third = place.function(), place.function(), place.function()
    for one, other in ((first, second), (second, third), (third, first)):
        place.may(one, "lambda:InvokeFunction", place.chance.choice((other, f"{other}:live", f"{other}*")))
    return {first, second, third}


def named_by_a_variable(place: Place) -> set[str]:
    """A wildcard, and a variable that names the function's own queue."""
    queue = place.queue()
    function = place.function(allow("sqs:*", "*"), NEXT=url_of(queue))
    place.consumes(function, queue)
    return {function}


def machine_starts_again(place: Place) -> set[str]:
    function = place.function()
    place.may(function, "states:StartExecution", place.machine(function))
    return {function}


def pipe_comes_back(place: Place) -> set[str]:
    queue = place.queue()
    function = place.function(allow("sqs:SendMessage", queue))
    place.add("pipes", Pipe(arn("pipes", f"pipe/{place.name('pipe')}"), "RUNNING", queue, function))
    return {function}


def bus_and_queue(place: Place) -> set[str]:
    """From bus to bus, to a queue and back."""
    bus, queue, source = place.bus(), place.queue(), place.name("source")
    place.rule(DEFAULT_BUS, {"source": [source], "detail-type": [{"prefix": "order"}]}, bus)
    place.rule(bus, {"detail-type": ["order-paid", "order-sent"]}, queue)
    limit = {"StringLike": {"events:source": f"{source}*"}}
    function = place.function(allow("events:PutEvents", DEFAULT_BUS, Condition=limit))
    place.consumes(function, queue)
    return {function}


def schedule_comes_back(place: Place) -> set[str]:
    schedule, function = arn("scheduler", f"schedule/default/{place.name('again')}"), place.function()
    place.may(function, ["scheduler:CreateSchedule", "scheduler:DeleteSchedule"], schedule)
    place.add("schedules", Schedule(schedule, "ENABLED", function))
    return {function}


def logs_of_itself(place: Place) -> set[str]:
    """At once, or through a stream."""
    function = place.function()
    target = function
    if place.chance.random() < 0.5:
        target = place.stream()
        place.consumes(function, target)
    place.add("log_subscriptions", LogSubscription(log_group_of(function), "all", target))
    return {function}


Plant = Callable[[Place], set[str]]
PLANTS: tuple[Plant, ...] = (
    same_prefix,
    patterns_of_buckets,
    bucket_on_bus,
    bucket_topic_and_queue,
    own_queue,
    let_in_by_the_queue,
    two_queues,
    own_topic,
    topic_and_queues,
    own_table,
    two_tables,
    own_stream,
    custom_bus,
    bus_and_queue,
    queue_and_bucket,
    failures_come_back,
    successes_come_back,
    dead_letters_come_back,
    calls_itself,
    call_each_other,
    named_by_a_variable,
    machine_starts_again,
    pipe_comes_back,
    schedule_comes_back,
    logs_of_itself,
)

# --- all together -----------------------------------------------------------------------------------------------------

WILDCARDS: tuple[Json, ...] = (
    allow("*", "*"),
    allow(["sqs:*", "s3:*"], "*"),
    allow(["sqs:SendMessage", "sns:Publish"], "arn:aws:sqs:*:*:*", "arn:aws:sns:*:*:*"),
    allow("s3:PutObject", "arn:aws:s3:::*/in/*"),
    allow(["events:PutEvents", "dynamodb:*", "lambda:InvokeFunction"], "*"),
    {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"},
    {"Effect": "Allow", "Action": "sqs:*", "NotResource": arn("sqs", "audit")},
)
"""Roles that may do nearly anything."""


@dataclass(frozen=True)
class Made:
    """An account, and the functions of each loop that was planted."""

    account: Account
    planted: frozenset[frozenset[str]]
    buckets: int


class Answers(Reader):
    """What AWS answers to the closer look at an account, without any pause; and how often it was asked."""

    def __init__(self, account: Account) -> None:
        super().__init__(lambda service: service)
        self.calls = 0
        self._destinations: dict[str, list[Json]] = {}
        for one in account.destinations:
            config = {one.when: {"Destination": one.target}}
            answer = {"FunctionArn": f"{one.function}:{one.qualifier}", "DestinationConfig": config}
            self._destinations.setdefault(one.function, []).append(answer)
        self._filters = {one.arn: one.filter for one in account.subscriptions}

    def all(self, service: str, operation: str, member: str, action: str, **arguments: Any) -> list[Any]:  # noqa: ARG002
        assert operation == "list_function_event_invoke_configs"
        self.calls += 1
        return self._destinations.get(arguments["FunctionName"], [])

    def one(self, service: str, operation: str, action: str, **arguments: Any) -> Json:  # noqa: ARG002
        assert operation == "get_subscription_attributes"
        self.calls += 1
        wanted = self._filters[arguments["SubscriptionArn"]]
        return {"Attributes": {} if wanted is None else {"FilterPolicy": json.dumps(wanted)}}

    def each(self, ask: Callable[[_T], _R], items: Iterable[_T], service: str) -> list[_R]:  # noqa: ARG002
        return [ask(one) for one in items]


def make(
    seed: int,
    *,
    functions: int = 1000,
    buckets: int = 200,
    rules: int = 300,
    subscriptions: int = 300,
    pipelines: int = 30,
    wildcards: float = 0.02,
    plants: Collection[Plant] = PLANTS,
) -> Made:
    """Make an account of at least this size, in which a share of the functions may do nearly anything."""
    place = Place(random.Random(seed))  # noqa: S311 - an account, no secret
    planted = [plant(place) for plant in plants]
    for number in range(pipelines):
        PIPELINES[number % len(PIPELINES)](place)
    for number in range(round(functions * wildcards)):
        _wild(place, WILDCARDS[number % len(WILDCARDS)])
    _onward(place, max(1, functions - len(place.functions)), planted)
    _fill(place, buckets, rules, subscriptions)
    return Made(place.account(), frozenset(map(frozenset, planted)), len(place.buckets))


def _wild(place: Place, statement: Json) -> None:
    """A function that may do nearly anything: variables name what it writes to, and a service like its own queue."""
    out, source = place.queue(), place.queue()
    place.consumes(place.function(allow("dynamodb:PutItem", place.table())), out)
    service = source.rpartition(":")[2]
    place.consumes(place.function(statement, OUT=out, MODE="*", POWERTOOLS_SERVICE_NAME=service), source)


@dataclass(frozen=True)
class _Way:
    """What a function must be allowed to set another one off."""

    action: str
    resource: str
    limit: Json = field(default_factory=dict)

    def taken_by(self, place: Place, function: str) -> None:
        place.may(function, self.action, self.resource, **self.limit)


def _onward(place: Place, count: int, planted: list[set[str]]) -> None:
    """Functions in a row, each of which may set off later ones only, so that no way leads back.

    They share buckets and buses, told apart by keys and sources. Some of the first half lead into the loops, and the
    loops lead out to some of the second half.
    """
    row, chance = [place.function() for _ in range(count)], place.chance
    buses = [place.bus() for _ in range(1 + count // 1000)]
    files = [place.bucket() for _ in range(1 + count // 20)]
    ways = [_way(place, row[n], n, chance.choice(buses), chance.choice(files)) for n in range(count)]
    for number, function in enumerate(row):
        for _ in range(chance.choice((0, 1, 1, 2, 3))):
            later = number + 1 + int(chance.expovariate(1 / 20))
            if later < count:
                ways[later].taken_by(place, function)
    for function in sorted(one for loop in planted for one in loop):
        if chance.random() < 0.5:
            place.may(row[chance.randrange((count + 1) // 2)], "lambda:InvokeFunction", function)
        if count > 1 and chance.random() < 0.5:
            ways[chance.randrange((count + 1) // 2, count)].taken_by(place, function)


def _way(place: Place, function: str, number: int, bus: str, bucket: str) -> _Way:
    """Give a function a trigger of any sort, and return what sets it off."""
    chance = place.chance
    sort = chance.choice(("queue", "topic", "topic and queue", "bucket", "bus", "table", "stream", "call"))
    if sort in ("queue", "topic and queue"):
        queue = place.queue()
        place.consumes(function, queue, filtered=chance.random() < 0.1)
        if sort == "queue":
            return _Way("sqs:SendMessage", chance.choice((queue, f"{queue}*")))
    if sort in ("topic", "topic and queue"):
        topic = place.topic()
        wanted = chance.choice((None, {"kind": ["new"]}))
        place.subscribes(topic, function if sort == "topic" else queue, wanted)
        return _Way("sns:Publish", topic)
    if sort == "bucket":
        place.notifies(bucket, function, f"k{number:05}/", chance.choice(("", ".json")))
        return _Way("s3:PutObject", f"{bucket}/k{number:05}/{chance.choice(('*', '*.json'))}")
    if sort == "bus":
        place.rule(bus, {"source": [f"row.{number:05}"]}, function)
        limit = {"StringEquals": {"events:source": f"row.{number:05}"}}
        return _Way("events:PutEvents", bus, {"Condition": limit})
    if sort == "call":
        return _Way("lambda:InvokeFunction", function)
    source, action = (place.table(), "dynamodb:PutItem") if sort == "table" else (place.stream(), "kinesis:PutRecord")
    place.consumes(function, source)
    return _Way(action, source)


def _fill(place: Place, buckets: int, rules: int, subscriptions: int) -> None:
    """Add what leads nowhere, up to these numbers."""
    while len(place.buckets) < buckets:
        place.bucket()
    topics = [place.topic() for _ in range(10)]
    while len(place.facts.setdefault("subscriptions", [])) < subscriptions:
        topic = place.chance.choice(topics)
        if place.chance.random() < 0.5:
            place.subscribes(topic, place.chance.choice(place.functions))
        else:
            place.add("subscriptions", Subscription(f"{topic}:{place.name('to')}", topic, "email", "ops@example.com"))
    while len(place.facts.setdefault("rules", [])) < rules:
        pattern = place.chance.choice((None, {"source": ["aws.health"]}))
        place.rule(DEFAULT_BUS, pattern, place.chance.choice(place.functions))
