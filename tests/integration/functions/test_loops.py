"""`warden loops` on accounts of the embedded AWS: what loops is found, what only looks like it is not."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner

from functions.adapters import topology
from tests.integration.functions.conftest import CODE, zipped
from warden import loops
from warden.cli import warden
from warden.connection import Connection
from warden.local.emulator import Emulator

ACCOUNT, REGION = "222222222222", "eu-west-1"
READS = tuple(
    (action, "*")
    for action in (
        *("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
        *("dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:DescribeStream", "dynamodb:ListStreams"),
        *("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"),
    )
)
"""What most functions may do, and what loops are not made of."""


@dataclass
class Seen:
    """What the command said."""

    status: int
    loops: list[dict[str, Any]]
    err: str
    error: str = ""

    @property
    def sure(self) -> list[dict[str, Any]]:
        """The loops of confidence A and B."""
        return [loop for loop in self.loops if loop["confidence"] != "C"]

    @property
    def only(self) -> dict[str, Any]:
        assert len(self.sure) == 1, self.loops
        return self.sure[0]


@dataclass
class Place:
    """An account and Region to build in; every resource is named by its ARN."""

    emulator: Emulator

    def client(self, service: str) -> Any:
        return self.emulator.client(service, ACCOUNT, REGION)

    def arn(self, service: str, resource: str) -> str:
        return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"

    def function(self, name: str, *allowed: tuple[str, str], **arguments: Any) -> str:
        """Create a function whose role may do just this: pairs of action and resource."""
        iam = self.client("iam")
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
        statements = [{"Effect": "Allow", "Action": action, "Resource": arn} for action, arn in (*READS, *allowed)]
        policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=policy)
        usual = {"Runtime": "python3.13", "Handler": "app.handler", "Role": role, "Code": {"ZipFile": zipped(CODE)}}
        arn: str = self.client("lambda").create_function(FunctionName=name, **{**usual, **arguments})["FunctionArn"]
        return arn

    def active(self, name: str) -> None:
        """Wait until a function can be changed."""
        waiter = self.client("lambda").get_waiter("function_active_v2")
        waiter.wait(FunctionName=name, WaiterConfig={"Delay": 0, "MaxAttempts": 2000})

    def queue(self, name: str, **attributes: str) -> str:
        self.client("sqs").create_queue(QueueName=name, Attributes=attributes)
        return self.arn("sqs", name)

    def mapping(self, source: str, function: str, **arguments: Any) -> str:
        start = {} if ":sqs:" in source else {"StartingPosition": "LATEST"}
        answer = self.client("lambda").create_event_source_mapping(
            EventSourceArn=source, FunctionName=function, **{**start, **arguments}
        )
        return str(answer["UUID"])

    def bucket(self, name: str, **notifications: Any) -> str:
        s3 = self.client("s3")
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        if notifications:
            s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration=notifications)
        return f"arn:aws:s3:::{name}"

    def look(self, *options: str) -> Seen:
        result = CliRunner().invoke(warden, ["loops", "--json", *options], standalone_mode=False)
        error = getattr(result.exception, "message", "")
        return Seen(result.exit_code, json.loads(result.stdout or "[]"), result.stderr, error)


def admits(service: str, queue: str) -> str:
    """A queue's policy that lets a service send to it."""
    allow = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sqs:SendMessage", "Resource": queue}
    return json.dumps({"Version": "2012-10-17", "Statement": [allow]})


def on(target: str, arn: str, prefix: str = "", events: Any = ("s3:ObjectCreated:*",)) -> dict[str, Any]:
    """One notification, for keys with a prefix."""
    rules = {"Key": {"FilterRules": [{"Name": "prefix", "Value": prefix}]}}
    return {"Id": f"to-{arn.rpartition(':')[2]}", target: arn, "Events": list(events), "Filter": rules}


@pytest.fixture(scope="module")
def connection() -> Connection:
    """One for all tests: making the clients takes longer than the reading."""
    return Connection({})


@pytest.fixture
def place(emulator: Emulator, connection: Connection, monkeypatch: pytest.MonkeyPatch) -> Place:
    for name, value in emulator.session_env(ACCOUNT, REGION).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(loops, "connect", lambda: connection)
    return Place(emulator)


def names(loop: dict[str, Any]) -> list[str]:
    return [arn.rpartition(":")[2] for arn in loop["functions"]]


def nodes(loop: dict[str, Any]) -> set[str]:
    return {edge["from"] for edge in loop["edges"]}


# --- loops ------------------------------------------------------------------------------------------------------------


def test_an_object_written_where_the_notification_listens(place: Place) -> None:
    convert = place.function("convert", ("s3:PutObject", "arn:aws:s3:::images/in/*"))
    bucket = place.bucket("images", LambdaFunctionConfigurations=[on("LambdaFunctionArn", convert, "in/")])
    seen = place.look()
    assert seen.status == 1
    assert (names(seen.only), seen.only["confidence"]) == (["convert"], "A")
    assert nodes(seen.only) == {convert, f"{bucket}#to-convert"}
    assert [one["kind"] for one in seen.only["break"]] == ["bucket-notification"]
    assert set(seen.only) == {"id", "functions", "edges", "confidence", "break"}
    assert all(set(edge) == {"from", "to", "kind", "evidence"} for edge in seen.only["edges"])


def test_an_object_written_elsewhere_is_no_loop(place: Place) -> None:
    convert = place.function("convert", ("s3:PutObject", "arn:aws:s3:::images/out/*"))
    place.bucket("images", LambdaFunctionConfigurations=[on("LambdaFunctionArn", convert, "in/")])
    seen = place.look()
    assert (seen.status, seen.loops) == (0, [])


def test_a_write_that_causes_no_event_of_the_notification_is_no_loop(place: Place) -> None:
    clean = place.function("clean", ("s3:DeleteObject", "arn:aws:s3:::images/*"))
    place.bucket("images", LambdaFunctionConfigurations=[on("LambdaFunctionArn", clean)])
    assert place.look().loops == []


def test_a_function_that_fills_its_own_queue(place: Place) -> None:
    queue = place.queue("jobs")
    uuid = place.mapping(queue, place.function("work", ("sqs:SendMessage", queue)))
    loop = place.look().only
    assert (names(loop), loop["confidence"]) == (["work"], "A")
    assert loop["break"][0]["handle"] == uuid
    assert loop["break"][0]["action"] == f"disable event source mapping {uuid}"


def test_a_disabled_mapping_is_no_loop(place: Place) -> None:
    queue = place.queue("jobs")
    place.mapping(queue, place.function("work", ("sqs:SendMessage", queue)), Enabled=False)
    assert place.look().loops == []


def test_two_functions_that_fill_each_others_queue(place: Place) -> None:
    first, second = place.queue("first"), place.queue("second")
    place.mapping(first, place.function("one", ("sqs:SendMessage", second)))
    place.mapping(second, place.function("two", ("sqs:SendMessage", first)))
    loop = place.look().only
    assert (names(loop), len(loop["edges"]), len(loop["break"])) == (["one", "two"], 4, 1)


def test_a_topic_that_fans_out_and_comes_back(place: Place) -> None:
    sns = place.client("sns")
    topic = sns.create_topic(Name="orders")["TopicArn"]
    back = place.function("back", ("sns:Publish", topic))
    other = place.function("other")
    queue = place.queue("audit")
    for protocol, endpoint in (("lambda", back), ("lambda", other), ("sqs", queue)):
        sns.subscribe(TopicArn=topic, Protocol=protocol, Endpoint=endpoint)
    loop = place.look().only
    assert (names(loop), loop["confidence"]) == (["back"], "A")
    assert loop["break"][0]["handle"].startswith(f"{topic}:")


def test_a_filter_policy_makes_a_topics_loop_less_sure(place: Place) -> None:
    sns = place.client("sns")
    topic = sns.create_topic(Name="orders")["TopicArn"]
    back = place.function("back", ("sns:Publish", topic))
    policy = json.dumps({"kind": ["retry"]})
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=back, Attributes={"FilterPolicy": policy})
    assert place.look().only["confidence"] == "B"


def test_a_function_that_writes_to_the_table_whose_stream_triggers_it(place: Place) -> None:
    answer = place.client("dynamodb").create_table(
        TableName="orders",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )["TableDescription"]
    place.mapping(answer["LatestStreamArn"], place.function("total", ("dynamodb:UpdateItem", answer["TableArn"])))
    loop = place.look().only
    assert (names(loop), loop["confidence"]) == (["total"], "A")
    assert loop["break"][0]["kind"] == "stream-trigger"


def rule(place: Place, bus: str, pattern: dict[str, Any], target: str, name: str = "orders") -> None:
    events = place.client("events")
    events.put_rule(Name=name, EventBusName=bus, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, EventBusName=bus, Targets=[{"Id": "it", "Arn": target}])


def test_a_rule_of_a_custom_bus(place: Place) -> None:
    bus = place.client("events").create_event_bus(Name="shop")["EventBusArn"]
    rule(place, "shop", {"source": ["shop"]}, place.function("ship", ("events:PutEvents", bus)))
    loop = place.look().only
    assert (names(loop), loop["confidence"]) == (["ship"], "A")
    assert nodes(loop) == {f"{bus}#orders", place.arn("lambda", "function:ship")}
    assert loop["break"][0]["action"] == "replace target it of rule orders by a queue"


def test_a_rule_for_what_no_function_can_send_is_no_loop(place: Place) -> None:
    bus = place.arn("events", "event-bus/default")
    rule(place, "default", {"source": ["aws.ec2"]}, place.function("tag", ("events:PutEvents", bus)))
    assert place.look().loops == []


def test_a_disabled_rule_is_no_loop(place: Place) -> None:
    bus = place.client("events").create_event_bus(Name="shop")["EventBusArn"]
    rule(place, "shop", {"source": ["shop"]}, place.function("ship", ("events:PutEvents", bus)))
    place.client("events").disable_rule(Name="orders", EventBusName="shop")
    assert place.look().loops == []


def test_a_bucket_that_sends_its_events_to_the_bus(place: Place) -> None:
    bucket = place.bucket("images", EventBridgeConfiguration={})
    pattern = {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {"bucket": {"name": ["images"]}, "object": {"key": [{"prefix": "in/"}]}},
    }
    rule(place, "default", pattern, place.function("writes-in", ("s3:PutObject", f"{bucket}/in/*")), "in")
    rule(place, "default", pattern, place.function("writes-out", ("s3:PutObject", f"{bucket}/out/*")), "also-in")
    loop = place.look().only
    assert (names(loop), loop["confidence"]) == (["writes-in"], "A")


def test_a_chain_through_a_queue_and_a_bucket(place: Place) -> None:
    queue = place.queue("uploads", Policy=admits("s3.amazonaws.com", place.arn("sqs", "uploads")))
    bucket = place.bucket("raw", QueueConfigurations=[on("QueueArn", queue, "new/")])
    place.mapping(queue, place.function("read", ("lambda:InvokeFunction", place.arn("lambda", "function:write"))))
    place.function("write", ("s3:PutObject", f"{bucket}/new/*"))
    loop = place.look().only
    assert (names(loop), len(loop["edges"])) == (["read", "write"], 4)
    assert [one["kind"] for one in loop["break"]] == ["queue-trigger"]


def test_a_destination_that_is_also_a_trigger(place: Place) -> None:
    queue = place.queue("failed")
    work = place.function("work", ("sqs:*", "*"))
    place.mapping(queue, work)
    place.active("work")
    place.client("lambda").put_function_event_invoke_config(
        FunctionName="work", DestinationConfig={"OnFailure": {"Destination": queue}}
    )
    loop = place.look().only
    assert (names(loop), loop["confidence"]) == (["work"], "A")
    assert {edge["kind"] for edge in loop["edges"]} == {"destination", "queue-trigger"}


def test_a_dead_letter_queue_that_is_also_a_trigger(place: Place) -> None:
    queue = place.queue("failed")
    place.mapping(queue, place.function("work", ("sqs:*", "*"), DeadLetterConfig={"TargetArn": queue}))
    loop = place.look().only
    assert {edge["kind"] for edge in loop["edges"]} == {"dead-letter", "queue-trigger"}


def test_a_dead_letter_queue_whose_consumer_puts_everything_back(place: Place) -> None:
    dead = place.queue("dead")
    redrive = json.dumps({"deadLetterTargetArn": dead, "maxReceiveCount": "3"})
    jobs = place.queue("jobs", RedrivePolicy=redrive)
    place.mapping(jobs, place.function("work"))
    place.mapping(dead, place.function("retry", ("sqs:SendMessage", jobs)))
    assert names(place.look().only) == ["retry"]


def test_two_functions_that_invoke_each_other(place: Place) -> None:
    ping, pong = (place.arn("lambda", f"function:{name}") for name in ("ping", "pong"))
    place.function("ping", ("lambda:InvokeFunction", pong))
    place.function("pong", ("lambda:InvokeFunction", f"{ping}:*"))
    loop = place.look().only
    assert (names(loop), {edge["kind"] for edge in loop["edges"]}) == (["ping", "pong"], {"invoke"})


def test_an_alias_is_its_function(place: Place) -> None:
    queue = place.queue("jobs")
    work = place.function("work", ("sqs:SendMessage", queue))
    lam = place.client("lambda")
    lam.get_waiter("function_active_v2").wait(FunctionName="work")
    lam.create_alias(
        FunctionName="work", Name="live", FunctionVersion=lam.publish_version(FunctionName="work")["Version"]
    )
    place.mapping(queue, f"{work}:live")
    assert place.look().only["functions"] == [work]


def test_logs_that_are_sent_to_the_function_that_writes_them(place: Place) -> None:
    shipper = place.function("shipper")
    logs = place.client("logs")
    logs.create_log_group(logGroupName="/aws/lambda/shipper")
    logs.put_subscription_filter(
        logGroupName="/aws/lambda/shipper", filterName="all", filterPattern="", destinationArn=shipper
    )
    loop = place.look().only
    assert {edge["kind"] for edge in loop["edges"]} == {"logs", "log-subscription"}


# --- what only looks like one -----------------------------------------------------------------------------------------


def test_legitimate_pipelines_are_no_loops_of_which_we_are_sure(place: Place) -> None:
    jobs, audit = place.queue("jobs"), place.queue("audit")
    sns = place.client("sns")
    topic = sns.create_topic(Name="done")["TopicArn"]
    read = [("sqs:ReceiveMessage", jobs), ("sqs:DeleteMessage", jobs)]
    place.function("api", ("sqs:SendMessage", jobs), ("logs:*", "*"))
    place.mapping(jobs, place.function("work", *read, ("sns:Publish", topic), ("logs:*", "*")))
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=audit)
    place.mapping(audit, place.function("archive", ("s3:PutObject", "arn:aws:s3:::archive/*")))
    index = place.function("index", ("s3:GetObject", "arn:aws:s3:::archive/*"))
    place.bucket("archive", LambdaFunctionConfigurations=[on("LambdaFunctionArn", index)])
    seen = place.look()
    assert (seen.status, seen.loops) == (0, [])


def test_a_wildcard_alone_is_confidence_c(place: Place) -> None:
    queue = place.queue("jobs")
    place.mapping(queue, place.function("work", ("sqs:*", "*")))
    seen = place.look()
    assert [(names(loop), loop["confidence"]) for loop in seen.loops] == [(["work"], "C")]


# --- reading ----------------------------------------------------------------------------------------------------------


def test_what_may_not_be_read_is_listed_and_the_rest_is_found(place: Place) -> None:
    queue = place.queue("jobs")
    place.mapping(queue, place.function("work", ("sqs:SendMessage", queue)))
    refused = ("events:ListEventBuses", "sqs:GetQueueAttributes", "pipes:ListPipes", "s3:ListBuckets")
    for action in refused:
        place.emulator.fault(action, times=1000, status=403, code="AccessDenied", message="no")
    seen = place.look()
    assert names(seen.only) == ["work"]
    for action in ("events:ListEventBuses", "sqs:GetQueueAttributes", "pipes:ListPipes", "s3:ListAllMyBuckets"):
        assert action in seen.err


def test_roles_are_read_one_by_one_where_the_whole_account_is_denied(place: Place) -> None:
    queue = place.queue("jobs")
    place.mapping(queue, place.function("work"))
    iam = place.client("iam")
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": queue}],
    }
    arn = iam.create_policy(PolicyName="send", PolicyDocument=json.dumps(policy))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="work", PolicyArn=arn)
    whole = place.look()
    place.emulator.fault(
        "iam:GetAccountAuthorizationDetails", times=1000, status=403, code="AccessDenied", message="no"
    )
    single = place.look()
    assert whole.only == single.only
    assert single.err == ""


def test_a_boundary_limits_what_a_role_may_write(place: Place) -> None:
    queue = place.queue("jobs")
    place.mapping(queue, place.function("work", ("sqs:SendMessage", queue)))
    iam = place.client("iam")
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    arn = iam.create_policy(PolicyName="limit", PolicyDocument=json.dumps(policy))["Policy"]["Arn"]
    iam.put_role_permissions_boundary(RoleName="work", PermissionsBoundary=arn)
    # The emulator leaves boundaries out of the details of a whole account.
    place.emulator.fault("iam:GetAccountAuthorizationDetails", times=9, status=403, code="AccessDenied", message="no")
    assert place.look().loops == []


def test_without_any_access_it_ends_with_one_line(place: Place) -> None:
    place.emulator.fault("lambda:ListFunctions", times=1000, status=403, code="AccessDeniedException", message="no")
    seen = place.look()
    assert (seen.loops, seen.error) == ([], "lambda:ListFunctions is not allowed")


def test_every_region_that_is_named_is_read(place: Place) -> None:
    queue = place.queue("jobs")
    place.mapping(queue, place.function("work", ("sqs:SendMessage", queue)))
    assert names(place.look("--regions", f"us-east-1, {REGION}").only) == ["work"]
    assert place.look("--regions", "us-east-1").loops == []


def test_says_it_for_people_too(place: Place) -> None:
    queue = place.queue("jobs")
    place.mapping(queue, place.function("work", ("sqs:SendMessage", queue)))
    table = CliRunner().invoke(warden, ["loops"])
    assert table.exit_code == 1
    assert "confidence A" in table.stdout
    assert "to break it: disable event source mapping" in table.stdout
    drawn = CliRunner().invoke(warden, ["loops", "--mermaid"])
    assert drawn.stdout.startswith("flowchart LR")


def test_calls_grow_by_one_for_each_function_bucket_and_rule(place: Place) -> None:
    place.function("first")
    for number in range(29):
        place.client("lambda").create_function(
            FunctionName=f"f{number}",
            Runtime="python3.13",
            Handler="app.handler",
            Role=f"arn:aws:iam::{ACCOUNT}:role/first",
            Code={"ZipFile": zipped(CODE)},
        )
    for number in range(10):
        place.bucket(f"bucket-{number}")
        place.client("events").put_rule(Name=f"r{number}", ScheduleExpression="rate(1 day)")
    place.emulator.clear_calls()
    before = time.monotonic()
    place.look()
    assert time.monotonic() - before >= 1, "CloudWatch Logs is asked no more than eight times a second after a burst"
    made = place.emulator.calls(account=ACCOUNT)
    assert 30 + 10 + 10 < len(made) <= 30 + 10 + 10 + 20


WHOLE_ACCOUNT = frozenset({"iam:GetAccountAuthorizationDetails"})


@pytest.mark.parametrize(
    "permissions",
    [topology.PERMISSIONS, ({*topology.PERMISSIONS} - WHOLE_ACCOUNT) | {*topology.SINGLE_ROLE_PERMISSIONS}],
    ids=["whole account", "role by role"],
)
def test_its_permissions_are_real_and_enough(place: Place, permissions: Iterable[str]) -> None:
    queue = place.queue("jobs")
    place.mapping(queue, place.function("work", ("sqs:SendMessage", queue)))
    iam = place.client("iam")
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    arn = iam.create_role(RoleName="reader", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    allow = {"Effect": "Allow", "Action": sorted(permissions), "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    iam.put_role_policy(RoleName="reader", PolicyName="own", PolicyDocument=policy)
    session = place.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
    clients: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in clients:
            make: Any = place.emulator.session(ACCOUNT, REGION).client
            clients[service] = make(
                service,
                endpoint_url=place.emulator.endpoint,
                aws_access_key_id=session["AccessKeyId"],
                aws_secret_access_key=session["SecretAccessKey"],
                aws_session_token=session["SessionToken"],
            )
        return clients[service]

    with pytest.raises(ClientError):
        client("sqs").send_message(QueueUrl=f"{place.emulator.endpoint}/{ACCOUNT}/jobs", MessageBody="x")
    read, _ = topology.look(client, ACCOUNT, REGION)
    assert read.not_read == ()
    assert read.roles[f"arn:aws:iam::{ACCOUNT}:role/work"][0]
