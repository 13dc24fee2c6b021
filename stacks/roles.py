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
    conditions: tuple[tuple[str, str, str], ...] = ()
    """Operator, key and value with the same placeholders; all of them have to hold."""


def role(scope: Construct, construct_id: str, *, name: str, trust: iam.IPrincipal, grants: Sequence[Grant]) -> iam.Role:
    """Make a role with exactly these permissions."""
    made = iam.Role(
        scope,
        construct_id,
        role_name=name,
        assumed_by=trust,
        inline_policies={"permissions": _document(grants)},
    )
    _acknowledge_wildcards(made, grants)
    return made


def managed_policy(scope: Construct, construct_id: str, *, name: str, grants: Sequence[Grant]) -> iam.ManagedPolicy:
    """Make a policy with exactly these permissions that is attached to nothing."""
    made = iam.ManagedPolicy(scope, construct_id, managed_policy_name=name, document=_document(grants))
    _acknowledge_wildcards(made, grants)
    return made


def grants_of(permissions: Iterable[Permission]) -> list[Grant]:
    """Turn what playbooks declare into grants, one for each resource under the same conditions.

    The role serves every Region of an account.
    """
    alike: dict[tuple[str, tuple[tuple[str, str, str], ...]], list[Permission]] = {}
    for permission in permissions:
        conditions = tuple(sorted((how, key, _anywhere(value)) for how, key, value in permission.conditions))
        alike.setdefault((_anywhere(permission.resource), conditions), []).append(permission)
    return [
        Grant(
            actions=tuple(sorted({permission.action for permission in found})),
            resources=(resource,),
            wildcard="; ".join(sorted({permission.why_any for permission in found if permission.why_any}))
            or "any function of the account, in any Region, may have the problem",
            conditions=conditions,
        )
        for (resource, conditions), found in sorted(alike.items())
    ]


def _anywhere(template: str) -> str:
    return template.replace("{region}", "*")


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


def _document(grants: Iterable[Grant]) -> iam.PolicyDocument:
    return iam.PolicyDocument(statements=[_statement(grant) for grant in grants])


def _statement(grant: Grant) -> iam.PolicyStatement:
    conditions: dict[str, dict[str, list[str]]] = {}
    for operator, key, value in grant.conditions:
        conditions.setdefault(operator, {}).setdefault(key, []).append(arn(value))
    return iam.PolicyStatement(
        actions=list(grant.actions),
        resources=[arn(resource) for resource in grant.resources],
        conditions=conditions or None,
    )


def _acknowledge_wildcards(made: Construct, grants: Iterable[Grant]) -> None:
    reasons: dict[str, set[str]] = {}
    for grant in grants:
        for resource in grant.resources:
            if grant.wildcard and "*" in resource:
                reasons.setdefault(resource, set()).add(grant.wildcard)
    for resource, why in reasons.items():
        rule = f"AwsSolutions-IAM5[Resource::{_filled(resource, '<{}>')}]"
        cdk.Validations.of(made).acknowledge(cdk.Acknowledgment(id=rule, reason="; ".join(sorted(why))))
