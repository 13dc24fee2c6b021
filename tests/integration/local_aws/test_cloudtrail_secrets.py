"""CloudTrail events about secrets and about the roles that may read them."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from warden.local.emulator import Emulator

from .resources import MEMBER, allow, collect, collected, create_role, document, trust

CLOUDTRAIL = {"detail-type": ["AWS API Call via CloudTrail"]}
NAME = "warden/orders/env"
PLANTED = "-".join(("planted", "value"))
TRUST = document(trust("lambda.amazonaws.com"))
POLICY = document({"Effect": "Allow", "Principal": "*", "Action": "secretsmanager:GetSecretValue", "Resource": "*"})
HERE = "eu-west-1"

Call = Callable[[Any], Any]


def details(aws: Emulator, region: str) -> list[dict[str, Any]]:
    return [event["detail"] for event in collected(aws, MEMBER, region)]


# (eventName, the call, what of it is shown besides the secret's name)
SECRET_WRITES: list[tuple[str, Call, dict[str, Any]]] = [
    ("PutSecretValue", lambda c: c.put_secret_value(SecretId=NAME, SecretString=PLANTED), {}),
    ("PutSecretValue", lambda c: c.put_secret_value(SecretId=NAME, SecretBinary=PLANTED.encode()), {}),
    (
        "UpdateSecret",
        lambda c: c.update_secret(SecretId=NAME, SecretString=PLANTED, Description="new"),
        {"description": "new"},
    ),
    ("DeleteSecret", lambda c: c.delete_secret(SecretId=NAME, RecoveryWindowInDays=7), {"recoveryWindowInDays": 7}),
    (
        "DeleteSecret",
        lambda c: c.delete_secret(SecretId=NAME, ForceDeleteWithoutRecovery=True),
        {"forceDeleteWithoutRecovery": True},
    ),
    (
        "PutResourcePolicy",
        lambda c: c.put_resource_policy(SecretId=NAME, ResourcePolicy=POLICY),
        {"resourcePolicy": POLICY},
    ),
    ("DeleteResourcePolicy", lambda c: c.delete_resource_policy(SecretId=NAME), {}),
    (
        "TagResource",
        lambda c: c.tag_resource(SecretId=NAME, Tags=[{"Key": "a", "Value": "b"}]),
        {"tags": [{"key": "a", "value": "b"}]},
    ),
    ("UntagResource", lambda c: c.untag_resource(SecretId=NAME, TagKeys=["a"]), {"tagKeys": ["a"]}),
]


@pytest.mark.parametrize(("name", "call", "shown"), SECRET_WRITES, ids=[name for name, *_ in SECRET_WRITES])
def test_a_write_to_a_secret_is_an_event(emulator: Emulator, name: str, call: Call, shown: dict[str, Any]) -> None:
    client = emulator.client("secretsmanager", MEMBER, HERE)
    client.create_secret(Name=NAME, SecretString="one")
    collect(emulator, MEMBER, {**CLOUDTRAIL, "source": ["aws.secretsmanager"]}, HERE)
    call(client)
    (detail,) = details(emulator, HERE)
    assert (detail["eventName"], detail["eventSource"]) == (name, "secretsmanager.amazonaws.com")
    assert (detail["awsRegion"], detail["readOnly"]) == (HERE, False)
    assert PLANTED not in json.dumps(detail)
    given = {key: value for key, value in detail["requestParameters"].items() if key != "clientRequestToken"}
    assert given == {"secretId": NAME, **shown}


def test_a_secret_is_named_as_the_call_named_it(emulator: Emulator) -> None:
    client = emulator.client("secretsmanager", MEMBER)
    collect(emulator, MEMBER, {**CLOUDTRAIL, "source": ["aws.secretsmanager"]})
    arn = client.create_secret(Name=NAME, SecretString=PLANTED, Tags=[{"Key": "a", "Value": "b"}])["ARN"]
    client.delete_secret(SecretId=arn)
    client.restore_secret(SecretId=arn[:-7])
    client.get_secret_value(SecretId=NAME)
    found = details(emulator, "us-east-1")
    assert [one["eventName"] for one in found] == ["CreateSecret", "DeleteSecret", "RestoreSecret"]
    assert PLANTED not in json.dumps(found)
    created, deleted, restored = (one["requestParameters"] for one in found)
    assert (created["name"], created["tags"]) == (NAME, [{"key": "a", "value": "b"}])
    assert (deleted, restored) == ({"secretId": arn}, {"secretId": arn[:-7]})


def test_a_refused_write_is_an_event_too(emulator: Emulator) -> None:
    client = emulator.client("secretsmanager", MEMBER)
    collect(emulator, MEMBER, {**CLOUDTRAIL, "source": ["aws.secretsmanager"]})
    with pytest.raises(ClientError):
        client.put_secret_value(SecretId=NAME, SecretString=PLANTED)
    (detail,) = details(emulator, "us-east-1")
    assert detail["errorCode"] == "ResourceNotFoundException"
    assert detail["requestParameters"]["secretId"] == NAME


ARN = f"arn:aws:iam::{MEMBER}:policy/boundary"
INLINE = {"RoleName": "orders", "PolicyName": "inline"}
ROLE_WRITES: list[tuple[str, Call]] = [
    ("CreateRole", lambda c: c.create_role(RoleName="new", AssumeRolePolicyDocument=TRUST)),
    ("PutRolePolicy", lambda c: c.put_role_policy(**INLINE, PolicyDocument=document(allow("s3:*")))),
    ("DeleteRolePolicy", lambda c: c.delete_role_policy(**INLINE)),
    ("AttachRolePolicy", lambda c: c.attach_role_policy(RoleName="orders", PolicyArn=ARN)),
    ("DetachRolePolicy", lambda c: c.detach_role_policy(RoleName="bound", PolicyArn=ARN)),
    (
        "PutRolePermissionsBoundary",
        lambda c: c.put_role_permissions_boundary(RoleName="orders", PermissionsBoundary=ARN),
    ),
    ("DeleteRolePermissionsBoundary", lambda c: c.delete_role_permissions_boundary(RoleName="bound")),
    ("UpdateAssumeRolePolicy", lambda c: c.update_assume_role_policy(RoleName="orders", PolicyDocument=TRUST)),
    ("DeleteRole", lambda c: c.delete_role(RoleName="unused")),
]


@pytest.mark.parametrize(("name", "call"), ROLE_WRITES, ids=[name for name, _ in ROLE_WRITES])
def test_a_write_to_a_role_is_an_event_in_the_first_region(emulator: Emulator, name: str, call: Call) -> None:
    iam = emulator.client("iam", MEMBER, HERE)
    create_role(emulator, MEMBER, "orders", allow("logs:*"))
    create_role(emulator, MEMBER, "unused")
    create_role(emulator, MEMBER, "bound")
    iam.create_policy(PolicyName="boundary", PolicyDocument=document(allow("*")))
    iam.put_role_permissions_boundary(RoleName="bound", PermissionsBoundary=ARN)
    iam.attach_role_policy(RoleName="bound", PolicyArn=ARN)
    for region in ("us-east-1", HERE):
        collect(emulator, MEMBER, {**CLOUDTRAIL, "source": ["aws.iam"]}, region)
    call(iam)
    (event,) = collected(emulator, MEMBER, "us-east-1")
    assert collected(emulator, MEMBER, HERE) == []
    detail = event["detail"]
    assert (event["region"], detail["awsRegion"]) == ("us-east-1", "us-east-1")
    assert (detail["eventName"], detail["eventSource"]) == (name, "iam.amazonaws.com")
    assert detail["requestParameters"]["roleName"] in ("orders", "unused", "bound", "new")
    assert "errorCode" not in detail
