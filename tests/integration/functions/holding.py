"""A member account whose functions can be held, entered through a role that may do just what the steps need."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

import pytest
from botocore.session import Session

from functions.core.fix import Change, Undone, Work
from functions.core.snapshot import FunctionSnapshot, from_get_function
from functions.core.subject import Subject
from functions.playbooks.recursive_loop.fixes.step import Step
from tests.integration.functions.conftest import zipped
from tests.integration.functions.killing import Killed, count_calls, killed_at
from warden.local.emulator import Emulator

ACCOUNT, REGION, LOOP = "222222222222", "eu-west-1", "loop-1a2b3c4d"
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:warden-q-{LOOP}"
_LAMBDA = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:*"
_QUEUES = f"arn:aws:sqs:{REGION}:{ACCOUNT}:warden-q-*"
_ROLES = f"arn:aws:iam::{ACCOUNT}:role/*"
POLICY = f"arn:aws:iam::{ACCOUNT}:policy/warden-quarantine-send"
PERMISSIONS = {
    _LAMBDA: (
        "lambda:DeleteFunctionConcurrency",
        "lambda:DeleteFunctionEventInvokeConfig",
        "lambda:GetFunction",
        "lambda:GetFunctionEventInvokeConfig",
        "lambda:ListAliases",
        "lambda:ListFunctionEventInvokeConfigs",
        "lambda:ListProvisionedConcurrencyConfigs",
        "lambda:ListVersionsByFunction",
        "lambda:PutFunctionConcurrency",
        "lambda:PutFunctionEventInvokeConfig",
        "lambda:UpdateFunctionEventInvokeConfig",
    ),
    _QUEUES: (
        "sqs:ChangeMessageVisibility",
        "sqs:CreateQueue",
        "sqs:DeleteMessage",
        "sqs:DeleteQueue",
        "sqs:GetQueueAttributes",
        "sqs:ListQueueTags",
        "sqs:ReceiveMessage",
        "sqs:SendMessage",
        "sqs:SetQueueAttributes",
        "sqs:TagQueue",
        "sqs:UntagQueue",
    ),
    _ROLES: (
        "iam:AttachRolePolicy",
        "iam:DetachRolePolicy",
        "iam:ListAttachedRolePolicies",
        "iam:PassRole",
        "iam:SimulatePrincipalPolicy",
    ),
    POLICY: ("iam:GetPolicy",),
    "*": ("iam:GetAccountSummary", "lambda:ListEventSourceMappings", "lambda:ListFunctions"),
    f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:warden-quarantine-*": (
        "cloudwatch:DeleteAlarms",
        "cloudwatch:PutMetricAlarm",
    ),
    "arn:aws:s3:::*": ("s3:GetBucketNotification", "s3:PutBucketNotification"),
    f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:*": (
        "logs:DeleteSubscriptionFilter",
        "logs:DescribeSubscriptionFilters",
        "logs:PutSubscriptionFilter",
    ),
    f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/*": ("scheduler:GetSchedule", "scheduler:UpdateSchedule"),
}
"""Everything that the steps need in a member account: actions by resource."""

# One for all tests, as it remembers the models of the services; to read them takes longer than most tests.
_SESSION: Any = Session()

RECORD = """
import json
def handler(event, context):
    if event.get("fail"):
        raise ValueError("asked to")
    print("PROCESSED", json.dumps(event.get("number", event)))
"""


@dataclass
class Place:
    """An account with functions in it, and the role that the steps run under."""

    emulator: Emulator
    credentials: Any = None
    made: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str, patience: int = 0) -> Any:  # noqa: ARG002 - as Member has it
        """Return a client under the role of the steps."""
        if service not in self.made:
            self.made[service] = _SESSION.create_client(
                service, REGION, endpoint_url=self.emulator.endpoint, **self.credentials
            )
        return self.made[service]

    def snapshot(self) -> FunctionSnapshot:
        answer = self.client("lambda").get_function(FunctionName=WORK_ON.arn)
        return from_get_function(WORK_ON, answer)

    def remembered(self, name: str) -> Any:  # noqa: ARG002 - nothing is
        return None

    def root(self, service: str) -> Any:
        """Return a client that may do everything: that of the people in the account."""
        return self.emulator.client(service, ACCOUNT, REGION)

    def work(self, **changes: Any) -> Work:
        return replace(Work(WORK_ON, self, {"lift_seconds": 300}, aspect=LOOP), **changes)

    def role(self, name: str, *allowed: tuple[str, Iterable[str]], trusts: Any = None, effect: str = "Allow") -> str:
        iam, trusted = self.root("iam"), trusts or {"Service": "lambda.amazonaws.com"}
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": trusted}
        arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(trust))["Role"]["Arn"]
        statements = [{"Effect": effect, "Action": list(actions), "Resource": on} for on, actions in allowed]
        if statements:
            iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=document(*statements))
        return arn

    def policy(self) -> None:
        """Make the managed policy that the member stack provides."""
        allow = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": f"arn:aws:sqs:*:{ACCOUNT}:warden-q-*"}
        self.root("iam").create_policy(PolicyName="warden-quarantine-send", PolicyDocument=document(allow))

    def function(self, name: str, role: str = "", code: str = RECORD) -> str:
        """Create a function with a role of its own, or with one by its ARN."""
        lam = self.root("lambda")
        arn: str = lam.create_function(
            FunctionName=name,
            Runtime="python3.13",
            Handler="app.handler",
            Role=role or self.role(name),
            Code={"ZipFile": zipped(code)},
        )["FunctionArn"]
        waiter = lam.get_waiter("function_active_v2")
        waiter.wait(FunctionName=name, WaiterConfig={"Delay": 0, "MaxAttempts": 2000})
        return arn

    def processed(self, name: str) -> list[Any]:
        """Return what a function was given, in the order in which it ran."""
        log = self.emulator.function_log(ACCOUNT, name, REGION)
        lines = [line.partition("PROCESSED ")[2] for line in log.splitlines()]
        return [json.loads(line) for line in lines if line]

    def quarantined(self) -> list[Any]:
        """Return the bodies in the quarantine queue."""
        found = self.emulator.dead_letters(ACCOUNT, f"warden-q-{LOOP}", REGION)
        return [json.loads(one["body"]) for one in found]

    def queues(self) -> list[str]:
        return [url.rpartition("/")[2] for url in self.root("sqs").list_queues().get("QueueUrls", [])]

    def alarms(self) -> list[str]:
        return [one["AlarmName"] for one in self.root("cloudwatch").describe_alarms()["MetricAlarms"]]


WORK_ON = Subject("aws", ACCOUNT, REGION, "resize")


def entered(emulator: Emulator) -> Place:
    """Return the account with the role of the steps in it, which is there before any call is counted."""
    place = Place(emulator)
    arn = place.role("warden-loops", *PERMISSIONS.items(), trusts={"AWS": f"arn:aws:iam::{ACCOUNT}:root"})
    found = place.root("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
    place.credentials = {
        "aws_access_key_id": found["AccessKeyId"],
        "aws_secret_access_key": found["SecretAccessKey"],
        "aws_session_token": found["SessionToken"],
    }
    return place


def document(*statements: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def make(step: Step, work: Work, change: Change) -> None:
    """Make a step and read it back, as the ladder does."""
    step.apply(work, change)
    step.verify(work, change)


def restored(step: Step, work: Work, change: Change) -> None:
    assert step.undo(work, change) == Undone(restored=(change,))


def killed_everywhere(run: Callable[[], object], check: Callable[[], None], back: Callable[[], object]) -> None:
    """Kill at every call of a run that changes something, before and after it; run again, check, put everything back.

    To be killed at a call that only reads is to be killed after the change before it.
    """
    calls = count_calls(run)
    check()
    back()
    changing = [number for number, name in enumerate(calls, 1) if not name.startswith(_READING)]
    assert changing
    for number, after in product(changing, (False, True)):
        with killed_at(number, after=after), pytest.raises(Killed):
            run()
        run()
        check()
        back()


_READING = ("Get", "List", "Describe", "Simulate")
