"""What IAM's simulation says of a role, and that real calls agree."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from warden.local.emulator import Emulator

from .resources import MEMBER, allow, assumed, create_role, document, trust

READ = "secretsmanager:GetSecretValue"
SECRETS = f"arn:aws:secretsmanager:us-east-1:{MEMBER}:secret:"
SECRET, OTHER = f"{SECRETS}warden/orders/env-AbCdEf", f"{SECRETS}other-AbCdEf"
DENY = {"Effect": "Deny", "Action": "secretsmanager:*", "Resource": SECRET}
OPEN_ROLE = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}


def simulated(aws: Emulator, role: str, *actions: str, **asked: Any) -> list[dict[str, Any]]:
    """The results, one for each action."""
    answer = aws.client("iam", MEMBER).simulate_principal_policy(
        PolicySourceArn=role, ActionNames=list(actions or [READ]), **{"ResourceArns": [SECRET], **asked}
    )
    found: list[dict[str, Any]] = answer["EvaluationResults"]
    return found


def bound(aws: Emulator, role: str, *statements: dict[str, Any]) -> None:
    """Give a role a permissions boundary of these statements."""
    iam = aws.client("iam", MEMBER)
    boundary = iam.create_policy(PolicyName="boundary", PolicyDocument=document(*statements))["Policy"]["Arn"]
    iam.put_role_permissions_boundary(RoleName=role.rsplit("/", 1)[-1], PermissionsBoundary=boundary)


def role_with_a_path(aws: Emulator, *statements: dict[str, Any]) -> str:
    iam = aws.client("iam", MEMBER)
    role = iam.create_role(
        RoleName="orders", Path="/service/", AssumeRolePolicyDocument=document(trust("lambda.amazonaws.com"))
    )["Role"]
    iam.put_role_policy(RoleName="orders", PolicyName="inline", PolicyDocument=document(*statements))
    return str(role["Arn"])


@pytest.mark.parametrize(
    ("statements", "decision", "matched"),
    [
        ([allow("logs:*")], "implicitDeny", []),
        ([allow(READ, resource=OTHER)], "implicitDeny", []),
        ([allow("secretsmanager:*")], "allowed", ["role_orders_inline"]),
        ([allow("secretsmanager:*"), DENY], "explicitDeny", ["role_orders_inline"]),
    ],
    ids=["nothing", "another secret", "allowed", "denied"],
)
def test_says_what_a_role_with_a_path_may_do(
    emulator: Emulator, statements: list[dict[str, Any]], decision: str, matched: list[str]
) -> None:
    (result,) = simulated(emulator, role_with_a_path(emulator, *statements))
    assert (result["EvalActionName"], result["EvalDecision"]) == (READ, decision)
    assert [one["SourcePolicyId"] for one in result["MatchedStatements"]] == matched
    assert result["MissingContextValues"] == []
    assert "PermissionsBoundaryDecisionDetail" not in result


def test_answers_for_every_action_and_every_resource(emulator: Emulator) -> None:
    role = create_role(emulator, MEMBER, "orders", allow(READ, resource=OTHER))
    results = simulated(emulator, role, READ, "kms:Decrypt", ResourceArns=[SECRET, OTHER])
    assert [one["EvalActionName"] for one in results] == [READ, "kms:Decrypt"]
    assert [one["EvalDecision"] for one in results] == ["implicitDeny", "implicitDeny"]
    specific = {one["EvalResourceName"]: one["EvalResourceDecision"] for one in results[0]["ResourceSpecificResults"]}
    assert specific == {SECRET: "implicitDeny", OTHER: "allowed"}


def test_reads_managed_policies(emulator: Emulator) -> None:
    role = create_role(emulator, MEMBER, "orders")
    iam = emulator.client("iam", MEMBER)
    policy = iam.create_policy(PolicyName="reads", PolicyDocument=document(allow(READ)))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="orders", PolicyArn=policy)
    (result,) = simulated(emulator, role)
    assert result["EvalDecision"] == "allowed"
    assert [one["SourcePolicyId"] for one in result["MatchedStatements"]] == ["reads"]


@pytest.mark.parametrize(
    ("boundary", "allowed", "decision"),
    [
        ([allow("logs:*")], False, "implicitDeny"),
        ([allow("*")], True, "allowed"),
        ([allow("*"), DENY], False, "explicitDeny"),
    ],
    ids=["not in it", "in it", "denied by it"],
)
def test_says_what_the_boundary_does(
    emulator: Emulator, boundary: list[dict[str, Any]], allowed: bool, decision: str
) -> None:
    role = create_role(emulator, MEMBER, "orders", allow(READ))
    bound(emulator, role, *boundary)
    (result,) = simulated(emulator, role)
    assert result["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": allowed}
    assert result["EvalDecision"] == decision


def test_a_boundary_to_simulate_takes_the_place_of_the_roles(emulator: Emulator) -> None:
    role = create_role(emulator, MEMBER, "orders", allow(READ))
    bound(emulator, role, allow("*"))
    (result,) = simulated(emulator, role, PermissionsBoundaryPolicyInputList=[document(allow("logs:*"))])
    assert result["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}


def test_names_the_condition_keys_it_was_not_told(emulator: Emulator) -> None:
    here = {**allow(READ), "Condition": {"StringEquals": {"aws:RequestedRegion": "us-east-1"}}}
    elsewhere = {**DENY, "Condition": {"StringNotEquals": {"aws:SourceVpc": "vpc-1"}}}
    unrelated = {**allow("s3:ListBucket"), "Condition": {"StringEquals": {"s3:prefix": "x"}}}
    role = create_role(emulator, MEMBER, "orders", here, elsewhere, unrelated)
    (result,) = simulated(emulator, role)
    assert result["MissingContextValues"] == ["aws:RequestedRegion", "aws:SourceVpc"]
    assert result["ResourceSpecificResults"][0]["MissingContextValues"] == ["aws:RequestedRegion", "aws:SourceVpc"]

    def told(vpc: str) -> dict[str, Any]:
        values = {"AWS:requestedregion": "us-east-1", "aws:SourceVpc": vpc}
        entries = [
            {"ContextKeyName": key, "ContextKeyType": "string", "ContextKeyValues": [value]}
            for key, value in values.items()
        ]
        return simulated(emulator, role, ContextEntries=entries)[0]

    assert (told("vpc-1")["EvalDecision"], told("vpc-1")["MissingContextValues"]) == ("allowed", [])
    assert told("vpc-2")["EvalDecision"] == "explicitDeny"


def test_names_the_keys_of_the_boundary_too(emulator: Emulator) -> None:
    role = create_role(emulator, MEMBER, "orders", allow(READ))
    bound(emulator, role, {**allow("*"), "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}})
    (result,) = simulated(emulator, role)
    assert result["MissingContextValues"] == ["aws:SourceIp"]
    assert result["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}


def test_a_role_that_is_gone_is_not_found(emulator: Emulator) -> None:
    with pytest.raises(ClientError, match=r"NoSuchEntity.*The role with name gone cannot be found"):
        simulated(emulator, f"arn:aws:iam::{MEMBER}:role/gone")


def test_real_calls_keep_to_the_boundary(emulator: Emulator) -> None:
    role = create_role(emulator, MEMBER, "orders", allow("sqs:*", "sns:*"), trusts=[OPEN_ROLE])
    bound(emulator, role, allow("sns:*"))
    session = assumed(emulator, MEMBER, role)
    assert session.client("sns", endpoint_url=emulator.endpoint).list_topics()["Topics"] == []
    with pytest.raises(ClientError, match="AccessDenied"):
        session.client("sqs", endpoint_url=emulator.endpoint).list_queues()
    emulator.client("iam", MEMBER).delete_role_permissions_boundary(RoleName="orders")
    assert session.client("sqs", endpoint_url=emulator.endpoint).list_queues()["ResponseMetadata"]
