"""Whether an execution role will be able to do something, as IAM's simulation has it.

IAM user guide, "Policy evaluation logic" and "Permissions boundaries for IAM entities": in one account the secret's
policy is enough, unless something denies explicitly, or a boundary or an organization's policy does not allow it. The
API reference of SimulatePrincipalPolicy: it cannot take a resource policy for a role, so that one is left out here and
an implicit denial is what is expected.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from functions.core.fix import Member
from functions.core.subject import Subject

READ_SECRET = "secretsmanager:GetSecretValue"  # noqa: S105 - an action's name


@dataclass(frozen=True)
class Simulation:
    """What IAM says of one action by one role, before any resource policy."""

    allowed: bool
    problem: str = ""
    """Why the role will be refused, or why that cannot be ruled out; '' if nothing stands in the way."""


def simulate(member: Member, subject: Subject, role: str, action: str, resource: str, *statements: str) -> Simulation:
    """Ask IAM what a role, by its ARN, may do, and with these policies, as JSON, besides. Raises boto3's errors."""
    context = {
        "aws:RequestedRegion": ("string", subject.region),
        "aws:PrincipalAccount": ("string", subject.account),
        "aws:PrincipalArn": ("string", role),
        "aws:ResourceAccount": ("string", subject.account),
        "aws:SecureTransport": ("boolean", "true"),
        "aws:ViaAWSService": ("boolean", "false"),
    }
    try:
        answer = member.client("iam").simulate_principal_policy(
            PolicySourceArn=role,
            PolicyInputList=list(statements),
            ActionNames=[action],
            ResourceArns=[resource],
            ContextEntries=[
                {"ContextKeyName": key, "ContextKeyType": kind, "ContextKeyValues": [value]}
                for key, (kind, value) in context.items()
            ],
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchEntity":
            raise
        return Simulation(allowed=False, problem=f"the role {role.rpartition('/')[2]} does not exist")
    return judge(role, action, answer["EvaluationResults"][0])


def judge(role: str, action: str, result: Mapping[str, Any]) -> Simulation:
    """Read one result of a simulation. Pure; a decision that is not known counts as a refusal."""
    name, decision = role.rpartition("/")[2], str(result.get("EvalDecision"))
    boundary = result.get("PermissionsBoundaryDecisionDetail") or {}
    organization = result.get("OrganizationsDecisionDetail") or {}
    missing = tuple(result.get("MissingContextValues") or ())
    problem = ""
    if boundary.get("AllowedByPermissionsBoundary") is False:
        problem = f"the permissions boundary of role {name} does not allow {action}"
    elif organization.get("AllowedByOrganizations") is False:
        problem = f"a policy of the organization does not allow {action} to role {name}"
    elif decision == "explicitDeny":
        problem = f"a policy of role {name} denies {action}{_named(result)}"
    elif decision not in ("allowed", "implicitDeny"):
        problem = f"IAM's simulation for role {name} says {decision!r}"
    elif missing:
        problem = f"policies of role {name} depend on {', '.join(missing)}, which is known only when the function runs"
    return Simulation(decision == "allowed", problem)


def _named(result: Mapping[str, Any]) -> str:
    sources = [s.get("SourcePolicyId") for s in result.get("MatchedStatements") or () if s.get("SourcePolicyId")]
    return f" ({', '.join(sources)})" if sources else ""
