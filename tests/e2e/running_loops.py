"""Loops that really run: functions whose every event leads to the next one, and a ledger of each event.

An event is a root and a hop, `r1.0`; handling it sends `r1.1`. What is sent is noted before it is sent, what is handled
as it is handled, so that after a break each event can be accounted for.
"""

from __future__ import annotations

import json
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from functions.core.ticket import Ticket
from warden.local.cloud import REGION, Cloud, until
from warden.local.functions import code

PLAYBOOK = "recursive-loop"
# The embedded AWS knows metrics by the second, and so does a deployment with these settings: a minute is a second long.
QUICK = {"period": 1, "running_per_minute": 1, "quiet_seconds": 10, "lift_seconds": 2, "redrive_per_second": 50}

SOURCE = """
import json, os, urllib.parse
import boto3

LEDGER = boto3.client("dynamodb")

def note(what, event):
    LEDGER.update_item(TableName=os.environ["LEDGER"], Key={"pk": {"S": what + " " + event}},
                       UpdateExpression="ADD times :one", ExpressionAttributeValues={":one": {"N": "1"}})

def events(event):
    if "Records" in event:
        for record in event["Records"]:
            yield from of_record(record)
    elif "detail" in event:
        yield event["detail"]["id"]
    elif "responsePayload" in event:
        yield event["responsePayload"]["id"]
    elif "id" in event:
        yield event["id"]

def of_record(record):
    source = record.get("eventSource") or record.get("EventSource")
    if source == "aws:s3":
        yield urllib.parse.unquote_plus(record["s3"]["object"]["key"]).rpartition("/")[2]
    elif source == "aws:sns":
        yield from of_text(record["Sns"]["Message"])
    elif source == "aws:sqs":
        yield from of_text(record["body"])
    elif source == "aws:dynamodb" and record["eventName"] == "INSERT":
        yield record["dynamodb"]["NewImage"]["pk"]["S"]

def of_text(text):
    if text.startswith("{"):
        yield from events(json.loads(text))
    else:
        yield text

def send(event):
    kind, _, target = os.environ["NEXT"].partition(" ")
    if kind == "s3":
        boto3.client("s3").put_object(Bucket=target.partition("/")[0], Key=target.partition("/")[2] + event, Body=b"")
    elif kind == "sqs":
        boto3.client("sqs").send_message(QueueUrl=target, MessageBody=event)
    elif kind == "sns":
        boto3.client("sns").publish(TopicArn=target, Message=event)
    elif kind == "dynamodb":
        boto3.client("dynamodb").put_item(TableName=target, Item={"pk": {"S": event}})
    elif kind == "events":
        entry = {"Source": "app", "DetailType": "Made", "Detail": json.dumps({"id": event}), "EventBusName": target}
        boto3.client("events").put_events(Entries=[entry])
    elif kind == "lambda":
        boto3.client("lambda").invoke(FunctionName=target, InvocationType="Event", Payload=json.dumps({"id": event}))

def handler(event, context):
    answer = None
    for one in events(event):
        note("handled", one)
        if os.environ["NEXT"] == "nothing":
            continue
        root, hop = one.split(".")
        following = root + "." + str(int(hop) + 1)
        for number in range(int(os.environ["TIMES"])):
            again = following if number == 0 else root + "x" + following.replace(".", "x") + ".0"
            note("sent", again)
            if os.environ["NEXT"] == "answer":
                answer = {"id": again}
            else:
                send(again)
    return answer
"""


_READS = {"ReceiveMessage", "DeleteMessage", "GetQueueAttributes"}
_READS |= {"GetRecords", "GetShardIterator", "DescribeStream", "ListStreams"}


@dataclass
class Loop:
    """One loop on the embedded AWS: how to start it, and where its events are."""

    cloud: Cloud
    account: str
    name: str
    first: str = ""
    """The name of the function whose ticket the loop is on."""
    functions: list[str] = field(default_factory=list)
    start: Callable[[str], object] = lambda _: None
    """Sends an event that nobody in the loop made."""
    queues: list[str] = field(default_factory=list)
    """URLs of the queues that its events wait in."""
    table: str = ""
    reads: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    """What each function needs to be fed."""
    times: int = 1
    """How many events each one leads to."""
    began: float = 0.0
    """When the first event was sent, monotonic seconds."""

    def client(self, service: str) -> Any:
        return self.cloud.client(service, self.account)

    @property
    def ledger(self) -> str:
        return f"{self.name}-ledger"

    def function(self, suffix: str, following: str, *statements: tuple[str, str]) -> str:
        """Make a function under a role of its own, that may send where it sends to by exact ARN; return its ARN."""
        name = f"{self.name}-{suffix}"
        role = _role(
            self.client("iam"),
            name,
            [("dynamodb:UpdateItem", self.arn("dynamodb", f"table/{self.ledger}")), *statements],
        )
        client = self.client("lambda")
        arn: str = client.create_function(
            FunctionName=name,
            Runtime="python3.13",
            Role=role,
            Handler="app.handler",
            Code={"ZipFile": code(SOURCE)},
            Timeout=20,
            Environment={"Variables": {"LEDGER": self.ledger, "NEXT": following, "TIMES": str(self.times)}},
        )["FunctionArn"]
        assert until(lambda: client.get_function(FunctionName=name)["Configuration"]["State"] == "Active", pause=0.005)
        self.functions.append(name)
        self.reads[name] = [(action, on) for action, on in statements if action.partition(":")[2] in _READS]
        return arn

    def mend(self) -> None:
        """Do what the owner does: deploy functions that send nothing any more, and may not."""
        client = self.client("lambda")
        for name in self.functions:
            for config in client.list_function_event_invoke_configs(FunctionName=name)["FunctionEventInvokeConfigs"]:
                kept = {when: where for when, where in config["DestinationConfig"].items() if when == "OnFailure"}
                client.update_function_event_invoke_config(FunctionName=name, DestinationConfig=kept)
            ledger = ("dynamodb:UpdateItem", self.arn("dynamodb", f"table/{self.ledger}"))
            _allow(self.client("iam"), name, [ledger, *self.reads.get(name, ())])
            client.update_function_configuration(
                FunctionName=name, Environment={"Variables": {"LEDGER": self.ledger, "NEXT": "nothing", "TIMES": "0"}}
            )

    def arn(self, service: str, resource: str) -> str:
        return f"arn:aws:{service}:{REGION}:{self.account}:{resource}"

    def send(self, *roots: str) -> None:
        self.began = self.began or time.monotonic()
        for root in roots:
            self.note(f"sent {root}.0")
            self.start(f"{root}.0")

    def note(self, what: str) -> None:
        self.client("dynamodb").update_item(
            TableName=self.ledger,
            Key={"pk": {"S": what}},
            UpdateExpression="ADD times :one",
            ExpressionAttributeValues={":one": {"N": "1"}},
        )

    def noted(self, what: str) -> Counter[str]:
        """How often each event was sent or handled."""
        pages = self.client("dynamodb").get_paginator("scan").paginate(TableName=self.ledger, ConsistentRead=True)
        found = {item["pk"]["S"]: int(item["times"]["N"]) for page in pages for item in page["Items"]}
        return Counter({name.partition(" ")[2]: n for name, n in found.items() if name.startswith(f"{what} ")})

    def waiting(self) -> Counter[str]:
        """The events that wait in the queues of the loop."""
        return Counter(event for url in self.queues for body in self.bodies(url) for event in events_in(body))

    def bodies(self, url: str, since: float = 0.0) -> list[str]:
        """What is in a queue, left there; of that, what was sent since a moment, epoch seconds."""
        sqs = self.client("sqs")
        found: list[str] = []
        handles: list[str] = []
        while messages := sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=30, AttributeNames=["SentTimestamp"]
        ).get("Messages"):
            found += [one["Body"] for one in messages if int(one["Attributes"]["SentTimestamp"]) >= since * 1000]
            handles += [message["ReceiptHandle"] for message in messages]
        for handle in handles:
            sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)
        return found

    def queue(self, suffix: str) -> tuple[str, str]:
        """Make a queue; return its URL and ARN."""
        url: str = self.client("sqs").create_queue(
            QueueName=f"{self.name}-{suffix}", Attributes={"VisibilityTimeout": "30"}
        )["QueueUrl"]
        self.queues.append(url)
        return url, self.arn("sqs", f"{self.name}-{suffix}")

    def mapping(self, source: str, function: str, **more: Any) -> None:
        self.client("lambda").create_event_source_mapping(EventSourceArn=source, FunctionName=function, **more)

    def let_invoke(self, function: str, service: str, source: str) -> None:
        self.client("lambda").add_permission(
            FunctionName=function,
            StatementId=uuid.uuid4().hex[:8],
            Action="lambda:InvokeFunction",
            Principal=service,
            SourceArn=source,
        )


def _role(iam: Any, name: str, statements: Iterable[tuple[str, str]]) -> str:
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    _allow(iam, name, statements)
    return arn


def _allow(iam: Any, role: str, statements: Iterable[tuple[str, str]]) -> None:
    allowed = [{"Effect": "Allow", "Action": action, "Resource": resource} for action, resource in statements]
    policy = json.dumps({"Version": "2012-10-17", "Statement": allowed})
    iam.put_role_policy(RoleName=role, PolicyName="own", PolicyDocument=policy)


def events_in(body: str) -> list[str]:
    """The events that a message stands for: itself, or what S3, SNS, EventBridge or Lambda wrapped around it."""
    scope: dict[str, Any] = {}
    helpers = SOURCE.replace("import boto3", "").replace('LEDGER = boto3.client("dynamodb")', "")
    exec(helpers, scope)  # noqa: S102 - the functions' own way of reading
    found = json.loads(body) if body.startswith("{") else body
    if isinstance(found, dict) and "requestPayload" in found:
        return list(scope["events"](found["requestPayload"]))
    if isinstance(found, dict) and "Message" in found and "TopicArn" in found:
        return list(scope["of_text"](found["Message"]))
    return list(scope["of_text"](body))


def loop_ticket(loop: Loop) -> Ticket | None:
    """The ticket of the loop itself, not those of its caps."""
    found = (t for t in loop.cloud.store().tickets() if t.finding.subject.function == loop.first)
    mine = (t for t in found if t.finding.playbook == PLAYBOOK and t.finding.aspect not in ("cap", "cap-left"))
    return next(mine, None)


def alarm(loop: Loop) -> None:
    """Put the event that the alarm on invocations sends of a function."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    event = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "CloudWatch Alarm Contributor State Change",
        "source": "aws.cloudwatch",
        "account": loop.account,
        "time": now,
        "region": REGION,
        "resources": [loop.arn("cloudwatch", "alarm:warden-invocations")],
        "detail": {
            "alarmName": "warden-invocations",
            "alarmContributor": {"id": "1", "attributes": {"FunctionName": loop.functions[-1]}},
            "state": {"value": "ALARM", "reason": "Threshold crossed", "timestamp": now},
        },
    }
    loop.cloud.emulator.send_event(event, loop.account, REGION)


def reserved(loop: Loop, function: str) -> int | None:
    """The reserved concurrency of one of its functions, None if there is none."""
    answer = loop.client("lambda").get_function_concurrency(FunctionName=function)
    found: int | None = answer.get("ReservedConcurrentExecutions")
    return found


# --- the shapes -------------------------------------------------------------------------------------------------------


def bucket_to_itself(loop: Loop) -> None:
    bucket = f"{loop.name}-data"
    loop.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    function = loop.function("a", f"s3 {bucket}/in/", ("s3:PutObject", f"arn:aws:s3:::{bucket}/in/*"))
    loop.let_invoke(function, "s3.amazonaws.com", f"arn:aws:s3:::{bucket}")
    notify(loop, bucket, "in/", function)
    loop.start = lambda event: loop.client("s3").put_object(Bucket=bucket, Key=f"in/{event}", Body=b"")


def notify(loop: Loop, bucket: str, prefix: str, function: str) -> None:
    rule = {"Key": {"FilterRules": [{"Name": "prefix", "Value": prefix}]}}
    loop.client("s3").put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={
            "LambdaFunctionConfigurations": [
                {"Id": "made", "LambdaFunctionArn": function, "Events": ["s3:ObjectCreated:*"], "Filter": rule}
            ]
        },
    )


def queue_to_itself(loop: Loop) -> None:
    url, arn = loop.queue("q")
    function = loop.function("a", f"sqs {url}", *_of_queue(arn), ("sqs:SendMessage", arn))
    loop.mapping(arn, function, BatchSize=1)
    loop.start = lambda event: loop.client("sqs").send_message(QueueUrl=url, MessageBody=event)


def _of_queue(arn: str) -> list[tuple[str, str]]:
    return [(f"sqs:{action}", arn) for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")]


def two_queues(loop: Loop) -> None:
    (one, one_arn), (two, two_arn) = loop.queue("q1"), loop.queue("q2")
    first = loop.function("a", f"sqs {two}", *_of_queue(one_arn), ("sqs:SendMessage", two_arn))
    second = loop.function("b", f"sqs {one}", *_of_queue(two_arn), ("sqs:SendMessage", one_arn))
    loop.mapping(two_arn, second, BatchSize=1)
    loop.mapping(one_arn, first, BatchSize=1)
    loop.start = lambda event: loop.client("sqs").send_message(QueueUrl=one, MessageBody=event)


def fan_out(loop: Loop) -> None:
    """Of two that hear a topic one answers on it; the other must go on hearing it."""
    sns = loop.client("sns")
    topic = sns.create_topic(Name=f"{loop.name}-t")["TopicArn"]
    url, arn = loop.queue("other")
    loop.queues.remove(url)
    admit = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [admit]})
    loop.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    function = loop.function("a", f"sns {topic}", ("sns:Publish", topic))
    loop.let_invoke(function, "sns.amazonaws.com", topic)
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=function)
    loop.start = lambda event: sns.publish(TopicArn=topic, Message=event)


def table_stream(loop: Loop) -> None:
    loop.table = f"{loop.name}-data"
    dynamodb = loop.client("dynamodb")
    stream = dynamodb.create_table(
        **_table(loop.table), StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    )["TableDescription"]["LatestStreamArn"]
    reads = [(f"dynamodb:{one}", stream) for one in ("GetRecords", "GetShardIterator", "DescribeStream", "ListStreams")]
    table = loop.arn("dynamodb", f"table/{loop.table}")
    function = loop.function("a", f"dynamodb {loop.table}", *reads, ("dynamodb:PutItem", table))
    loop.mapping(stream, function, BatchSize=1, StartingPosition="TRIM_HORIZON")
    loop.start = lambda event: dynamodb.put_item(TableName=loop.table, Item={"pk": {"S": event}})


def custom_bus(loop: Loop) -> None:
    events, bus = loop.client("events"), f"{loop.name}-bus"
    events.create_event_bus(Name=bus)
    function = loop.function("a", f"events {bus}", ("events:PutEvents", loop.arn("events", f"event-bus/{bus}")))
    rule = events.put_rule(Name="made", EventBusName=bus, EventPattern=json.dumps({"source": ["app"]}))["RuleArn"]
    loop.let_invoke(function, "events.amazonaws.com", rule)
    events.put_targets(Rule="made", EventBusName=bus, Targets=[{"Id": "function", "Arn": function}])
    entry = {"Source": "app", "DetailType": "Made", "EventBusName": bus}
    loop.start = lambda event: events.put_events(Entries=[{**entry, "Detail": json.dumps({"id": event})}])


def queue_and_bucket(loop: Loop) -> None:
    url, arn = loop.queue("q")
    bucket = f"{loop.name}-data"
    loop.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    first = loop.function("a", f"s3 {bucket}/in/", *_of_queue(arn), ("s3:PutObject", f"arn:aws:s3:::{bucket}/in/*"))
    second = loop.function("b", f"sqs {url}", ("sqs:SendMessage", arn))
    loop.let_invoke(second, "s3.amazonaws.com", f"arn:aws:s3:::{bucket}")
    notify(loop, bucket, "in/", second)
    loop.mapping(arn, first, BatchSize=1)
    loop.start = lambda event: loop.client("sqs").send_message(QueueUrl=url, MessageBody=event)


def destination(loop: Loop) -> None:
    """What one function answers goes to the other one, and the other way round."""
    client = loop.client("lambda")
    arns = [loop.arn("lambda", f"function:{loop.name}-{suffix}") for suffix in "ab"]
    for suffix, other in (("a", arns[1]), ("b", arns[0])):
        loop.function(suffix, "answer", ("lambda:InvokeFunction", other))
    for name, other in zip(loop.functions, reversed(arns), strict=True):
        client.put_function_event_invoke_config(
            FunctionName=name, DestinationConfig={"OnSuccess": {"Destination": other}}
        )
    _let_loop(loop)
    loop.start = lambda event: client.invoke(
        FunctionName=arns[0], InvocationType="Event", Payload=json.dumps({"id": event})
    )


def function_to_function(loop: Loop) -> None:
    client = loop.client("lambda")
    names = [f"{loop.name}-{suffix}" for suffix in "ab"]
    arns = [loop.arn("lambda", f"function:{name}") for name in names]
    loop.function("a", f"lambda {names[1]}", ("lambda:InvokeFunction", arns[1]))
    loop.function("b", f"lambda {names[0]}", ("lambda:InvokeFunction", arns[0]))
    _let_loop(loop)
    loop.start = lambda event: client.invoke(
        FunctionName=names[0], InvocationType="Event", Payload=json.dumps({"id": event})
    )


def _let_loop(loop: Loop) -> None:
    """Lambda would end this one itself after some rounds, and lose the events that it ends with."""
    for name in loop.functions:
        loop.client("lambda").put_function_recursion_config(FunctionName=name, RecursiveLoop="Allow")


SHAPES: dict[str, Callable[[Loop], None]] = {
    "bucket": bucket_to_itself,
    "queue": queue_to_itself,
    "two-queues": two_queues,
    "topic": fan_out,
    "stream": table_stream,
    "bus": custom_bus,
    "queue-and-bucket": queue_and_bucket,
    "destination": destination,
    "invoke": function_to_function,
}


def build(cloud: Cloud, account: str, shape: str, times: int = 1) -> Loop:
    """Make a loop of one shape, that does not run yet."""
    loop = Loop(cloud, account, f"{shape}-{uuid.uuid4().hex[:6]}", times=times)
    loop.client("dynamodb").create_table(**_table(loop.ledger))
    SHAPES[shape](loop)
    loop.first = min(loop.functions)
    return loop


def _table(name: str) -> dict[str, Any]:
    return {
        "TableName": name,
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
