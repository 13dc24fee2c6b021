"""What the tests here create again and again, each by real API calls."""

import io
import json
import time
import zipfile
from collections.abc import Callable, Sequence
from typing import Any

import boto3
from botocore.config import Config

from warden.local.emulator import Emulator

HUB = "111111111111"
MEMBER = "222222222222"
STRANGER = "999999999999"
ORGANIZATION = {
    "management": "000000000001",
    "id": "o-exampleorg1",
    "delegated": [HUB],
    "units": [
        {"id": "ou-root-workload", "name": "Workloads"},
        {"id": "ou-root-orders", "name": "Orders", "parent": "ou-root-workload"},
    ],
    "accounts": [{"id": MEMBER, "name": "orders", "parent": "ou-root-orders"}],
}


def code(source: str) -> bytes:
    """A deployment package whose module ``app`` is this source."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("app.py", source)
    return buffer.getvalue()


def document(*statements: dict[str, Any]) -> str:
    """A policy document of these statements."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(*actions: str, resource: Any = "*") -> dict[str, Any]:
    """A statement that allows actions on a resource."""
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource}


def trust(service: str) -> dict[str, Any]:
    """A trust statement for a service."""
    return {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}


def create_role(
    aws: Emulator, account: str, name: str, *statements: dict[str, Any], trusts: Sequence[dict[str, Any]] = ()
) -> str:
    """A role with one inline policy, trusted by Lambda unless told otherwise. Returns its ARN."""
    iam = aws.client("iam", account)
    role = iam.create_role(
        RoleName=name, AssumeRolePolicyDocument=document(*(trusts or [trust("lambda.amazonaws.com")]))
    )["Role"]
    if statements:
        iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=document(*statements))
    return str(role["Arn"])


def assumed(aws: Emulator, account: str, role_arn: str, session_name: str = "test") -> boto3.Session:
    """A session of a role, assumed by the account's root."""
    credentials = aws.client("sts", account).assume_role(RoleArn=role_arn, RoleSessionName=session_name)["Credentials"]
    return boto3.Session(
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
        region_name="us-east-1",
    )


def without_retries(aws: Emulator, account: str, service: str, **config: Any) -> Any:
    """A client of an account's root that tries once."""
    given = Config(retries={"total_max_attempts": 1}, **config)
    return aws.session(account).client(service, endpoint_url=aws.endpoint, config=given)  # type: ignore[call-overload] # the service is a variable


def create_function(
    aws: Emulator, account: str, name: str, source: str = "def handler(event, context): return event", **given: Any
) -> str:
    """An active function with a role of its own, which may do ``allowed`` (nothing) unless ``Role`` is given."""
    client = aws.client("lambda", account)
    allowed = given.pop("allowed", ())
    role = given.pop("Role", None) or create_role(aws, account, f"{name}-role", *(allow(one) for one in allowed))
    created = client.create_function(
        FunctionName=name,
        Runtime="python3.12",
        Role=role,
        Handler="app.handler",
        Code={"ZipFile": code(source)},
        **given,
    )
    until(lambda: client.get_function(FunctionName=name)["Configuration"]["State"] == "Active")
    return str(created["FunctionArn"])


def create_queue(aws: Emulator, account: str, name: str, region: str = "us-east-1", **attributes: str) -> str:
    """A queue that EventBridge may send to. Returns its ARN."""
    arn = f"arn:aws:sqs:{region}:{account}:{name}"
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    aws.client("sqs", account, region).create_queue(
        QueueName=name, Attributes={"Policy": document(statement), **attributes}
    )
    return arn


def create_rule(
    aws: Emulator,
    account: str,
    name: str,
    pattern: dict[str, Any],
    *targets: dict[str, Any],
    bus: str = "default",
    region: str = "us-east-1",
) -> str:
    """A rule with targets, whose ids are their positions. Returns its ARN."""
    events = aws.client("events", account, region)
    arn = events.put_rule(Name=name, EventBusName=bus, EventPattern=json.dumps(pattern))["RuleArn"]
    numbered = [{"Id": str(number), **target} for number, target in enumerate(targets)]
    events.put_targets(Rule=name, EventBusName=bus, Targets=numbered)
    return str(arn)


def collect(aws: Emulator, account: str, pattern: dict[str, Any], region: str = "us-east-1") -> None:
    """A rule that keeps every matching event from now on in the queue ``collected`` of this account."""
    queue = create_queue(aws, account, "collected", region)
    # The calls made so far are events too, a moment later.
    assert aws.idle()
    create_rule(aws, account, "collect", pattern, {"Arn": queue}, region=region)


def collected(aws: Emulator, account: str, region: str = "us-east-1") -> list[dict[str, Any]]:
    """The events kept so far, after everything has come to rest."""
    assert aws.idle()
    return [json.loads(one["body"]) for one in aws.dead_letters(account, "collected", region)]


def until(holds: Callable[[], Any], seconds: float = 10.0) -> Any:
    """Look until something holds; its value. Fails after some seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := holds():
            return found
        time.sleep(0.01)
    raise AssertionError(f"this did not happen within {seconds} s")
