"""Every operation of Secrets Manager needs its own action, on the secret's full ARN, however the call names it."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from warden.local.emulator import Emulator

from .resources import MEMBER, allow, assumed, create_role, document

NAME = "warden/orders/env"
NEW = f"arn:aws:secretsmanager:us-east-1:{MEMBER}:secret:new"
ANYONE = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
POLICY = document(
    {
        "Effect": "Deny",
        "Principal": {"AWS": f"arn:aws:iam::{MEMBER}:root"},
        "Action": "secretsmanager:CancelRotateSecret",
        "Resource": "*",
    }
)
TAGS = [{"Key": "a", "Value": "b"}]

Call = Callable[[Any, str], Any]
OPERATIONS: dict[str, Call] = {
    "GetSecretValue": lambda c, name: c.get_secret_value(SecretId=name),
    "DescribeSecret": lambda c, name: c.describe_secret(SecretId=name),
    "ListSecretVersionIds": lambda c, name: c.list_secret_version_ids(SecretId=name),
    "PutSecretValue": lambda c, name: c.put_secret_value(SecretId=name, SecretString="two"),
    "UpdateSecret": lambda c, name: c.update_secret(SecretId=name, SecretString="two"),
    "PutResourcePolicy": lambda c, name: c.put_resource_policy(SecretId=name, ResourcePolicy=POLICY),
    "GetResourcePolicy": lambda c, name: c.get_resource_policy(SecretId=name),
    "DeleteResourcePolicy": lambda c, name: c.delete_resource_policy(SecretId=name),
    "TagResource": lambda c, name: c.tag_resource(SecretId=name, Tags=TAGS),
    "UntagResource": lambda c, name: c.untag_resource(SecretId=name, TagKeys=["a"]),
    "DeleteSecret": lambda c, name: c.delete_secret(SecretId=name),
    "RestoreSecret": lambda c, name: c.restore_secret(SecretId=name),
}


@pytest.fixture
def secret(emulator: Emulator) -> str:
    """The ARN of a secret."""
    return str(emulator.client("secretsmanager", MEMBER).create_secret(Name=NAME, SecretString="one")["ARN"])


def acting(aws: Emulator, *statements: dict[str, Any]) -> Any:
    """A client of a role that may do this."""
    role = create_role(aws, MEMBER, "tester", *statements, trusts=[ANYONE])
    return assumed(aws, MEMBER, role).client("secretsmanager", endpoint_url=aws.endpoint)


def may(aws: Emulator, *statements: dict[str, Any]) -> None:
    """Give the role other permissions."""
    aws.client("iam", MEMBER).put_role_policy(
        RoleName="tester", PolicyName="inline", PolicyDocument=document(*statements)
    )


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("named", ["by name", "by ARN", "by partial ARN"])
def test_needs_its_own_action_on_the_full_arn(emulator: Emulator, secret: str, operation: str, named: str) -> None:
    call, action = OPERATIONS[operation], f"secretsmanager:{operation}"
    name = {"by name": NAME, "by ARN": secret, "by partial ARN": secret[:-7]}[named]
    everything_else = {"Effect": "Allow", "NotAction": action, "Resource": "*"}
    client = acting(emulator, everything_else, allow(action, resource=secret[:-7]))
    with pytest.raises(ClientError, match=f"AccessDeniedException.*perform: {action} on resource: {secret} because"):
        call(client, name)
    may(emulator, allow(action, resource=secret))
    call(client, name)
    assert {one.resource for one in emulator.calls(operation=operation)} == {secret}


@pytest.mark.parametrize(
    ("asked", "action"),
    [
        ({}, "secretsmanager:CreateSecret"),
        ({"Tags": TAGS}, "secretsmanager:TagResource"),
        ({"AddReplicaRegions": [{"Region": "eu-west-1"}]}, "secretsmanager:ReplicateSecretToRegions"),
    ],
    ids=["secret", "tags", "replica"],
)
def test_a_new_secret_needs_an_action_for_all_that_it_has(
    emulator: Emulator, asked: dict[str, Any], action: str
) -> None:
    client = acting(emulator, {"Effect": "Allow", "NotAction": action, "Resource": "*"})
    with pytest.raises(ClientError, match=f"AccessDeniedException.*perform: {action} on resource: {NEW} because"):
        client.create_secret(Name="new", SecretString="one", **asked)
    may(emulator, allow("secretsmanager:CreateSecret", action, resource=f"{NEW}*"))
    client.create_secret(Name="new", SecretString="one", **asked)


def test_tags_may_be_limited_to_a_key(emulator: Emulator) -> None:
    keyed = {"ForAllValues:StringEquals": {"aws:TagKeys": ["warden:function"]}}
    client = acting(
        emulator, allow("secretsmanager:CreateSecret"), {**allow("secretsmanager:TagResource"), "Condition": keyed}
    )
    with pytest.raises(ClientError, match="secretsmanager:TagResource"):
        client.create_secret(Name="new", SecretString="one", Tags=TAGS)
    client.create_secret(Name="new", SecretString="one", Tags=[{"Key": "warden:function", "Value": "orders"}])


def test_to_validate_a_policy_is_to_be_allowed_to_put_it(emulator: Emulator, secret: str) -> None:
    client = acting(emulator, allow("secretsmanager:ValidateResourcePolicy"))
    denied = f"AccessDeniedException.*perform: secretsmanager:PutResourcePolicy on resource: {secret} because"
    with pytest.raises(ClientError, match=denied):
        client.validate_resource_policy(SecretId=NAME, ResourcePolicy=POLICY)
    may(emulator, allow("secretsmanager:ValidateResourcePolicy", "secretsmanager:PutResourcePolicy", resource=secret))
    assert client.validate_resource_policy(SecretId=NAME, ResourcePolicy=POLICY)["PolicyValidationPassed"]
