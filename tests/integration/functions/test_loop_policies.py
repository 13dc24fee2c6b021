"""What we say of a role is what IAM's simulation says of it, for single actions and resources."""

from __future__ import annotations

import json
from typing import Any

import pytest

from functions.playbooks.recursive_loop.policies import may, role
from warden.local.emulator import Emulator

ACCOUNT = "222222222222"
QUEUE, BUCKET = f"arn:aws:sqs:eu-west-1:{ACCOUNT}:orders", "arn:aws:s3:::files/"
ASKED = [
    ("sqs:SendMessage", QUEUE),
    ("sqs:SendMessage", f"{QUEUE}-2"),
    ("sqs:SendMessage", QUEUE.replace(ACCOUNT, "333333333333")),
    ("sqs:ReceiveMessage", QUEUE),
    ("s3:PutObject", f"{BUCKET}in/a.png"),
    ("s3:PutObject", f"{BUCKET}out/a.png"),
    ("s3:DeleteObject", f"{BUCKET}out/a"),
]
SAID = {"allowed": "yes", "implicitDeny": "no", "explicitDeny": "no"}


def statement(effect: str, **elements: Any) -> dict[str, Any]:
    return {"Effect": effect, **elements}


@pytest.mark.parametrize(
    ("statements", "boundary"),
    [
        ([statement("Allow", Action="*", Resource="*")], None),
        ([statement("Allow", Action=["SQS:send*", "s3:?ut*"], Resource=[QUEUE, f"{BUCKET}*/a.*"])], None),
        ([statement("Allow", NotAction="s3:*", Resource=f"{QUEUE}*")], None),
        ([statement("Allow", Action="*", NotResource=[QUEUE, f"{BUCKET}in/*"])], None),
        (
            [
                statement("Allow", Action="*", Resource="*"),
                statement("Deny", Action="s3:*", Resource=f"{BUCKET}in/*"),
                statement("Deny", NotAction=["s3:*", "sqs:Send*"], Resource="*"),
            ],
            None,
        ),
        (
            [
                statement("Allow", Action="*", Resource="*"),
                statement("Deny", Action="*", NotResource=[f"{BUCKET}out/*", f"arn:aws:sqs:*:{ACCOUNT}:*"]),
            ],
            None,
        ),
        (
            [statement("Allow", Action="*", Resource="*")],
            [statement("Allow", Action="s3:Put*", Resource="*"), statement("Allow", Action="sqs:*", Resource=QUEUE)],
        ),
        (
            [statement("Allow", Action="sqs:*", Resource="*")],
            [
                statement("Allow", Action="*", NotResource=f"{QUEUE}-2"),
                statement("Deny", Action="sqs:Rec*", Resource="*"),
            ],
        ),
    ],
)
def test_agrees_with_the_simulation(
    emulator: Emulator, statements: list[dict[str, Any]], boundary: list[dict[str, Any]] | None
) -> None:
    iam = emulator.client("iam", ACCOUNT)
    document = {"Version": "2012-10-17", "Statement": statements}
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    arn = iam.create_role(
        RoleName="orders", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )["Role"]["Arn"]
    iam.put_role_policy(RoleName="orders", PolicyName="inline", PolicyDocument=json.dumps(document))
    limits = None
    if boundary:
        limits = {"Version": "2012-10-17", "Statement": boundary}
        policy = iam.create_policy(PolicyName="limits", PolicyDocument=json.dumps(limits))["Policy"]["Arn"]
        iam.put_role_permissions_boundary(RoleName="orders", PermissionsBoundary=policy)
    ours = role(arn, {"inline": document}, ("limits", limits) if limits else None)
    for action, resource in ASKED:
        (result,) = iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=[action], ResourceArns=[resource])[
            "EvaluationResults"
        ]
        allowance = may(ours, action, resource)
        # IAM's simulation does not ask the other account, which we cannot do either but say so.
        said = "yes" if "the other account's policy is not known" in allowance.evidence else allowance.certainty
        assert said == SAID[result["EvalDecision"]], (action, resource)
