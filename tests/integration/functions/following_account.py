"""A member account that is changed by real calls, whose events are caught as a forwarding rule would."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from functions.adapters import topology
from functions.adapters.memory import Memory, Remembered
from functions.core.subject import Subject
from functions.playbooks.recursive_loop.account import Account
from functions.playbooks.recursive_loop.graph import Graph
from functions.playbooks.recursive_loop.remembered import in_order, without_values
from tests.integration.functions.conftest import CODE, HUB, MEMBER, REGION, World, zipped

HERE = Subject("aws", MEMBER, REGION)
OK: dict[str, list[Any]] = {"batchItemFailures": []}
FULL = {"topology": {"account": MEMBER, "region": REGION, "origin": "sweep"}}
ROLE = f"arn:aws:iam::{MEMBER}:role/"


def arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{REGION}:{MEMBER}:{resource}"


def policy(*allowed: tuple[str, str]) -> str:
    statements = [{"Effect": "Allow", "Action": action, "Resource": resource} for action, resource in allowed]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


@dataclass
class Member:
    """The account; its events come from the Region and, for IAM, from us-east-1."""

    world: World

    def __post_init__(self) -> None:
        for region in (REGION, "us-east-1"):
            queue = f"arn:aws:sqs:{region}:{MEMBER}:trail"
            allow = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage"}
            document = json.dumps({"Version": "2012-10-17", "Statement": [{**allow, "Resource": queue}]})
            self.client("sqs", region).create_queue(QueueName="trail", Attributes={"Policy": document})
            pattern = json.dumps({"detail-type": ["AWS API Call via CloudTrail"]})
            self.client("events", region).put_rule(Name="trail", EventPattern=pattern)
            self.client("events", region).put_targets(Rule="trail", Targets=[{"Id": "1", "Arn": queue}])

    def client(self, service: str, region: str = REGION) -> Any:
        return self.world.emulator.client(service, MEMBER, region)

    def role(self, name: str, *allowed: tuple[str, str]) -> str:
        trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        self.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=document)
        self.may(name, *allowed)
        return ROLE + name

    def may(self, role: str, *allowed: tuple[str, str]) -> None:
        everyone = (("sqs:ReceiveMessage", "*"), ("sqs:DeleteMessage", "*"), ("sqs:GetQueueAttributes", "*"))
        document = policy(*everyone, *allowed)
        self.client("iam").put_role_policy(RoleName=role, PolicyName="own", PolicyDocument=document)

    def function(self, name: str, role: str, **arguments: Any) -> str:
        usual = {"Runtime": "python3.13", "Handler": "app.handler", "Role": role, "Code": {"ZipFile": zipped(CODE)}}
        lam = self.client("lambda")
        found: str = lam.create_function(FunctionName=name, **{**usual, **arguments})["FunctionArn"]
        lam.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0, "MaxAttempts": 2000})
        return found

    def queue(self, name: str) -> str:
        self.client("sqs").create_queue(QueueName=name)
        return arn("sqs", name)

    def mapping(self, queue: str, function: str, **arguments: Any) -> str:
        made = self.client("lambda").create_event_source_mapping(
            EventSourceArn=queue, FunctionName=function, **arguments
        )
        return str(made["UUID"])

    def events(self) -> list[dict[str, Any]]:
        """Take the events of the calls since the last time."""
        assert self.world.emulator.idle()
        found = []
        for region in (REGION, "us-east-1"):
            sqs = self.client("sqs", region)
            url = sqs.get_queue_url(QueueName="trail")["QueueUrl"]
            while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
                found += [json.loads(message["Body"]) for message in messages]
                entries = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(messages)]
                sqs.delete_message_batch(QueueUrl=url, Entries=entries)
        return found

    # --- what the hub makes of it ------------------------------------------------------------------------------------

    def read(self) -> list[dict[str, Any]]:
        """Have everything read; return the looks that are asked for."""
        self.events()
        assert self.world.run("topology", FULL) == OK
        return self.looks()

    def follow(self) -> list[dict[str, Any]]:
        """Have what happened followed; return the looks that are asked for."""
        assert self.world.run("topology", *self.events()) == OK
        return self.looks()

    def looks(self) -> list[dict[str, Any]]:
        return [look["detail"] for look in self.world.sent("inspect")]

    @property
    def known(self) -> Remembered:
        found = Memory(self.world.client("dynamodb"), "warden-state").load(HERE)
        assert found is not None
        return found

    def stored(self) -> str:
        """Everything that the table holds, as text."""
        items = self.world.client("dynamodb").scan(TableName="warden-state")["Items"]
        parts = [zlib.decompress(item["part"]["B"]).decode() for item in items if "part" in item]
        return "\n".join([*parts, *(str(item) for item in items)])

    def fresh(self) -> tuple[Account, Graph]:
        account, graph = topology.look(self.client, MEMBER, REGION)
        return in_order(without_values(account)), graph

    def calls(self, act: Callable[[], object]) -> dict[str, int]:
        """Count the calls in the member while something is done, by operation; entering the account is none."""
        self.world.emulator.clear_calls()
        act()
        found: dict[str, int] = {}
        for call in self.world.emulator.calls(account=MEMBER):
            if "warden-inspector" in call.principal_arn:
                found[call.operation] = found.get(call.operation, 0) + 1
        return found


def names(loop: Mapping[str, Any]) -> list[str]:
    return [function.rpartition(":")[2] for function in loop["functions"]]


def looked_at(looks: list[dict[str, Any]]) -> list[str]:
    assert all((look["account"], look["region"]) == (MEMBER, REGION) for look in looks)
    return sorted(look["function"] for look in looks)


__all__ = ["FULL", "HERE", "HUB", "MEMBER", "OK", "REGION", "ROLE", "Member", "arn", "looked_at", "names", "policy"]
