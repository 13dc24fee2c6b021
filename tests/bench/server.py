"""The deployed system on the embedded AWS with its rules switched off: only what is handed over is handled.

The entry points run from their bundles, under their deployed variables and roles; Custodian runs beside them, on the
same server.
"""

from __future__ import annotations

import copy
import json
import time
import uuid
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Self

from stacks.bundle import REPOSITORY
from tests.bench.bundles import Bundle, Code
from tests.bench.custodian import Custodian
from tests.bench.run import Run
from warden.connection import BUS
from warden.local.calls import Call
from warden.local.cloud import HUB, PAYMENTS, REGION, Cloud, until
from warden.local.functions import create_function

_OUTBOX = "bench-outbox"
_EVENT: dict[str, Any] = json.loads((REPOSITORY / "events" / "cloudtrail-create-function.json").read_text())
_READS = ("BatchGet", "Describe", "Get", "List", "Query", "Scan")


class NotAsExpected(RuntimeError):
    """What was measured did not do its work, so its figure would mean nothing."""


@dataclass
class Server:
    """One embedded AWS. Everything stops with the `with` block."""

    run: Run
    cloud: Cloud = field(init=False)
    _stack: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.cloud = stack.enter_context(Cloud(say=self.run.say))
            self._switch_off_rules()
            self._catch_events()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def ours(self, bundle: Bundle) -> Code:
        """Return an entry point with the variables that it was deployed with, under its own role."""
        deployed = self.cloud.client("lambda", HUB).get_function_configuration(FunctionName=bundle.function)
        return replace(
            bundle.code,
            variables={
                "AWS_LAMBDA_FUNCTION_NAME": bundle.function,
                "AWS_ENDPOINT_URL": self.cloud.emulator.endpoint,
                **deployed["Environment"]["Variables"],
                **self._credentials(deployed["Role"]),
            },
        )

    def peers(self, custodian: Custodian) -> Code:
        """Return Custodian's package, at work in the member account itself."""
        return replace(custodian.code, variables=self.cloud.emulator.session_env(PAYMENTS, REGION))

    def function(self, name: str, reserved: int | None = None) -> str:
        """Create a function that is marked critical, wait until it is active, and return its name."""
        create_function(self.cloud, PAYMENTS, name, {"warden:tier": "critical"})
        client = self.cloud.client("lambda", PAYMENTS)
        until(lambda: client.get_function_configuration(FunctionName=name)["State"] == "Active")
        if reserved is not None:
            client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=reserved)
        self.cloud.emulator.idle()
        return name

    def reserved(self, name: str) -> int | None:
        """Return a function's reserved concurrency."""
        answer = self.cloud.client("lambda", PAYMENTS).get_function_concurrency(FunctionName=name)
        value: int | None = answer.get("ReservedConcurrentExecutions")
        return value

    def findings(self) -> list[dict[str, Any]]:
        """Take the events that were put on the hub bus since the last time."""
        sqs = self.cloud.client("sqs", HUB)
        url = sqs.get_queue_url(QueueName=_OUTBOX)["QueueUrl"]
        self.cloud.emulator.idle()
        found = []
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                found.append(json.loads(message["Body"]))
        return found

    def forget_calls(self) -> None:
        """Count API calls anew from now on."""
        self.cloud.emulator.clear_calls()

    def calls(self) -> list[Call]:
        """Return the API calls since then, whoever made them."""
        return self.cloud.emulator.calls()

    def _credentials(self, role: str) -> dict[str, str]:
        """Assume a function's role, which is opened to its own account for the moment."""
        iam, name = self.cloud.client("iam", HUB), role.rpartition("/")[2]
        trust = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
        opened = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{HUB}:root"}}
        document = json.dumps({**trust, "Statement": [*trust["Statement"], opened]})
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=document)
        keys = self.cloud.client("sts", HUB).assume_role(RoleArn=role, RoleSessionName="bench")["Credentials"]
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trust))
        return {
            "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
            "AWS_SESSION_TOKEN": keys["SessionToken"],
        }

    def _switch_off_rules(self) -> None:
        events = self.cloud.client("events", HUB)
        for rule in events.list_rules(EventBusName=BUS)["Rules"]:
            events.disable_rule(Name=rule["Name"], EventBusName=BUS)

    def _catch_events(self) -> None:
        sqs, events = self.cloud.client("sqs", HUB), self.cloud.client("events", HUB)
        url = sqs.create_queue(QueueName=_OUTBOX)["QueueUrl"]
        queue = f"arn:aws:sqs:{REGION}:{HUB}:{_OUTBOX}"
        allow = {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": queue,
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        events.put_rule(Name=_OUTBOX, EventBusName=BUS, EventPattern=json.dumps({"source": ["warden"]}))
        events.put_targets(Rule=_OUTBOX, EventBusName=BUS, Targets=[{"Id": "queue", "Arn": queue}])


def created_event(function: str) -> dict[str, Any]:
    """Return CloudTrail's event about a function that was created just now."""
    event = copy.deepcopy(_EVENT)
    event |= {"id": str(uuid.uuid4()), "account": PAYMENTS, "region": REGION}
    detail = event["detail"]
    detail |= {"eventID": str(uuid.uuid4()), "awsRegion": REGION, "recipientAccountId": PAYMENTS}
    arn = f"arn:aws:lambda:{REGION}:{PAYMENTS}:function:{function}"
    detail["requestParameters"]["functionName"] = function
    detail["responseElements"] = {
        **(detail.get("responseElements") or {}),
        "functionName": function,
        "functionArn": arn,
    }
    return event


def batch(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event as a function gets it from its queue."""
    record = {
        "messageId": str(uuid.uuid4()),
        "receiptHandle": "bench",
        "body": json.dumps(event),
        "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": str(int(time.time() * 1000))},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "awsRegion": REGION,
    }
    return {"Records": [record]}


def reads(calls: list[Call]) -> list[Call]:
    """Return the calls that read something; entering an account through a role is none."""
    return [call for call in calls if call.operation.startswith(_READS)]


def listed(calls: list[Call]) -> str:
    """Say which calls there were, and how many of each."""
    names = Counter(f"{call.service}:{call.operation}" for call in calls)
    return ", ".join(f"{number} × {name}" if number > 1 else name for name, number in names.items())
