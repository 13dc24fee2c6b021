"""Roles whose permissions are data: what each may do, where, and why a wildcard cannot be avoided."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from functions.core.playbook import Permission


@dataclass(frozen=True)
class Grant:
    """Actions on resources, allowed to one role.

    In a resource, `{partition}`, `{region}` and `{account}` are filled in with CloudFormation's pseudo parameters, so
    that one template fits every account.
    """

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    wildcard: str = ""
    """Why a resource holds a `*`; cdk-nag refuses one without a reason."""


def role(scope: Construct, construct_id: str, *, name: str, trust: iam.IPrincipal, grants: Sequence[Grant]) -> iam.Role:
    """Make a role with exactly these permissions."""
    made = iam.Role(
        scope,
        construct_id,
        role_name=name,
        assumed_by=trust,
        inline_policies={"permissions": iam.PolicyDocument(statements=[_statement(grant) for grant in grants])},
    )
    for resource, reason in _wildcards(grants).items():
        rule = f"AwsSolutions-IAM5[Resource::{_filled(resource, '<{}>')}]"
        cdk.Validations.of(made).acknowledge(cdk.Acknowledgment(id=rule, reason=reason))
    return made


def grants_of(permissions: Iterable[Permission]) -> list[Grant]:
    """Turn what playbooks declare into grants, one for each resource. The role serves every Region of an account."""
    by_resource: dict[str, list[Permission]] = {}
    for permission in permissions:
        by_resource.setdefault(permission.resource.replace("{region}", "*"), []).append(permission)
    return [
        Grant(
            actions=tuple(sorted({permission.action for permission in found})),
            resources=(resource,),
            wildcard="; ".join(sorted({permission.why_any for permission in found if permission.why_any}))
            or "any function of the account, in any Region, may have the problem",
        )
        for resource, found in sorted(by_resource.items())
    ]


_PSEUDO = {"{partition}": "AWS::Partition", "{region}": "AWS::Region", "{account}": "AWS::AccountId"}


def arn(template: str) -> str:
    """Fill in the partition, Region and account of the stack."""
    filled = _filled(template, "${{{}}}")
    return template if filled == template else cdk.Fn.sub(filled)


def _filled(template: str, form: str) -> str:
    # Not str.format: a resource may hold one of the CDK's own tokens, which have braces as well.
    for placeholder, name in _PSEUDO.items():
        template = template.replace(placeholder, form.format(name))
    return template


def _statement(grant: Grant) -> iam.PolicyStatement:
    return iam.PolicyStatement(actions=list(grant.actions), resources=[arn(resource) for resource in grant.resources])


def _wildcards(grants: Iterable[Grant]) -> dict[str, str]:
    return {r: grant.wildcard for grant in grants for r in grant.resources if grant.wildcard and "*" in r}
