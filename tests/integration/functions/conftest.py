"""The functions in this process, on the embedded AWS, under exactly their declared roles."""

from __future__ import annotations

import importlib
import io
import json
import sys
import time
import uuid
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import pytest

from functions.core.playbook import Permission, Playbook
from functions.core.triggers import INSPECTOR_ROLE
from functions.playbooks import playbooks
from warden.local.emulator import Emulator

HUB, MEMBER, REGION = "111111111111", "222222222222", "eu-west-1"
ENTRY_POINTS = ("inspector", "remediator", "ticket", "sweep", "topology")


@dataclass
class World:
    """A hub and a member account, with the entry points loaded in this process."""

    emulator: Emulator
    modules: dict[str, ModuleType] = field(default_factory=dict)

    def client(self, service: str, account: str = HUB) -> Any:
        return self.emulator.client(service, account, REGION)

    def create_function(self, name: str, **arguments: Any) -> str:
        lam = self.client("lambda", MEMBER)
        usual = {
            "Runtime": "python3.13",
            "Role": f"arn:aws:iam::{MEMBER}:role/app",
            "Handler": "app.handler",
            "Code": {"ZipFile": zipped(arguments.pop("code", CODE))},
            "Tags": {"warden:tier": "critical"},
        }
        arn: str = lam.create_function(FunctionName=name, **{**usual, **arguments})["FunctionArn"]
        for _ in range(500):
            if lam.get_function_configuration(FunctionName=name)["State"] == "Active":
                break
            time.sleep(0.01)
        return arn

    def reserved(self, name: str) -> int | None:
        answer = self.client("lambda", MEMBER).get_function_concurrency(FunctionName=name)
        value: int | None = answer.get("ReservedConcurrentExecutions")
        return value

    def created_event(self, name: str) -> dict[str, Any]:
        return {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": "AWS API Call via CloudTrail",
            "source": "aws.lambda",
            "account": MEMBER,
            "time": "2026-11-20T10:00:05Z",
            "region": REGION,
            "resources": [],
            "detail": {
                "eventSource": "lambda.amazonaws.com",
                "eventName": "CreateFunction20150331",
                "eventID": str(uuid.uuid4()),
                "eventTime": "2026-11-20T10:00:01Z",
                "recipientAccountId": MEMBER,
                "userIdentity": {
                    "type": "AssumedRole",
                    "arn": f"arn:aws:sts::{MEMBER}:assumed-role/Dev/alice",
                    "accountId": MEMBER,
                    "sessionContext": {"sessionIssuer": {"arn": f"arn:aws:iam::{MEMBER}:role/Dev"}},
                },
                "requestParameters": {"functionName": name},
            },
        }

    def run(self, entry_point: str, *bodies: object, attempts: int = 0, received: int = 1) -> dict[str, Any]:
        """Give an entry point one SQS batch."""
        records = [
            {
                "messageId": str(uuid.uuid4()),
                "body": body if isinstance(body, str) else json.dumps(body),
                "attributes": {"ApproximateReceiveCount": str(received)},
                "messageAttributes": {"attempts": {"stringValue": str(attempts), "dataType": "Number"}},
            }
            for body in bodies
        ]
        answer: dict[str, Any] = self.modules[entry_point].handler({"Records": records}, None)
        return answer

    def sent(self, queue: str = "outbox") -> list[dict[str, Any]]:
        """Take what is waiting in a queue; the outbox has every event of the hub bus."""
        sqs = self.client("sqs")
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        found = []
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]).get(
            "Messages"
        ):
            for message in messages:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                found.append({**_parsed(message["Body"]), "_attributes": message.get("MessageAttributes", {})})
        return found

    def kinds(self) -> list[str]:
        return [event["detail-type"] for event in self.sent()]


def _parsed(body: str) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {"body": body}
    return found if isinstance(found, dict) else {"body": found}


def zipped(code: str, name: str = "app.py") -> bytes:
    """Zip a function's code."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, code)
    return buffer.getvalue()


CODE = "def handler(event, context):\n    return 1\n"


@pytest.fixture
def world(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> World:
    return make_world(emulator, monkeypatch)


@pytest.fixture
def make(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Callable[..., World]:
    """Make a world whose deployment differs."""
    return lambda **changes: make_world(emulator, monkeypatch, **changes)


def make_world(emulator: Emulator, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> World:
    world = World(emulator)
    queues = _hub(world)
    _member_roles(world, changes.pop("without", ()))
    fixing = changes.pop("playbook", "reserved-concurrency")
    policy = {
        "modes": {fixing: changes.pop("mode", "enforce")},
        "ceilings": {"default": changes.pop("ceiling", "enforce"), "accounts": {MEMBER: "enforce"}},
        "settings": changes.pop("settings", {}),
    }
    credentials = world.client("sts").assume_role(RoleArn=f"arn:aws:iam::{HUB}:role/hub", RoleSessionName="test")
    variables = {
        "AWS_ENDPOINT_URL": emulator.endpoint,
        "AWS_ACCESS_KEY_ID": credentials["Credentials"]["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": credentials["Credentials"]["SecretAccessKey"],
        "AWS_SESSION_TOKEN": credentials["Credentials"]["SessionToken"],
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "WARDEN_TABLE": "warden-state",
        "WARDEN_BUS": "warden",
        "WARDEN_HUB_ACCOUNT": HUB,
        "WARDEN_MAX_RECEIVES": "5",
        "WARDEN_PLAYBOOK": fixing,
        "WARDEN_POLICY": json.dumps(policy),
        "WARDEN_QUEUE_URL": queues["own"],
        "WARDEN_DLQ_URL": queues["dead"],
        "WARDEN_SWEEP_QUEUE_URL": queues["sweep"],
        "WARDEN_INSPECT_QUEUE_URL": queues["inspect"],
        "WARDEN_TOPOLOGY_QUEUE_URL": queues["topology"],
        "WARDEN_REGIONS": REGION,
        "WARDEN_ACCOUNTS": MEMBER,
        "WARDEN_SLACK_SECRET": "warden/slack",
        "WARDEN_SLACK_CHANNEL": "C0WARDEN001",
        "WARDEN_SLACK_API_URL": "http://127.0.0.1:9/api/",
        "WARDEN_DIGEST_AFTER": "10",
        "POWERTOOLS_SERVICE_NAME": "test",
        **changes,
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, str(value))
    for name in ENTRY_POINTS:
        monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", f"warden-{name}")
        sys.modules.pop(f"functions.{name}", None)
        world.modules[name] = importlib.import_module(f"functions.{name}")
    return world


def _hub(world: World) -> dict[str, str]:
    sqs, events = world.client("sqs"), world.client("events")
    world.client("dynamodb").create_table(
        TableName="warden-state",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in ("pk", "sk", "finding_id")],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "tickets",
                "KeySchema": [{"AttributeName": "finding_id", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    queues = {
        name: sqs.create_queue(QueueName=name)["QueueUrl"]
        for name in ("own", "dead", "sweep", "inspect", "topology", "outbox")
    }
    events.create_event_bus(Name="warden")
    events.put_rule(Name="all", EventBusName="warden", EventPattern=json.dumps({"source": [{"prefix": "warden"}]}))
    outbox = f"arn:aws:sqs:{REGION}:{HUB}:outbox"
    allow = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": outbox,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    sqs.set_queue_attributes(QueueUrl=queues["outbox"], Attributes={"Policy": policy})
    events.put_targets(Rule="all", EventBusName="warden", Targets=[{"Id": "1", "Arn": outbox}])
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{HUB}:root"}}
    _role(world, HUB, "hub", trust, [{"Effect": "Allow", "Action": "*", "Resource": "*"}])
    return queues


def _member_roles(world: World, without: tuple[str, ...]) -> None:
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{HUB}:role/hub"}}
    reads = {p for playbook in playbooks() for p in playbook.reads}
    _role(world, MEMBER, INSPECTOR_ROLE, trust, _statements(reads | {LIST_FUNCTIONS}, without))
    for playbook in playbooks():
        if playbook.fixable:
            _role(world, MEMBER, playbook.member_role, trust, _statements(permissions(playbook), without))
    _role(world, MEMBER, "app", {**trust, "Principal": {"Service": "lambda.amazonaws.com"}}, [])


LIST_FUNCTIONS = Permission("lambda:ListFunctions", "*")


def permissions(playbook: Playbook) -> set[Permission]:
    return {*playbook.reads, *playbook.writes}


def _statements(found: set[Permission], without: tuple[str, ...]) -> list[dict[str, Any]]:
    return [
        {
            "Effect": "Allow",
            "Action": p.action,
            "Resource": p.resource.format(partition="aws", region="*", account=MEMBER),
            **({"Condition": _conditions(p)} if p.conditions else {}),
        }
        for p in found
        if p.action not in without
    ]


def _conditions(permission: Permission) -> dict[str, dict[str, list[str]]]:
    found: dict[str, dict[str, list[str]]] = {}
    for operator, key, value in permission.conditions:
        filled = value.format(partition="aws", region="*", account=MEMBER)
        found.setdefault(operator, {}).setdefault(key, []).append(filled)
    return found


def _role(world: World, account: str, name: str, trust: dict[str, Any], statements: list[dict[str, Any]]) -> None:
    iam = world.client("iam", account)
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}))
    if statements:
        policy = {"Version": "2012-10-17", "Statement": statements}
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=json.dumps(policy))


@pytest.fixture
def leases_end_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("functions.adapters.store.LEASE_SECONDS", 0)
    monkeypatch.setattr("functions.adapters.desk._CLAIM_SECONDS", 0)
    monkeypatch.setattr("functions.adapters.desk._SOON_FIXED_SECONDS", 0)
