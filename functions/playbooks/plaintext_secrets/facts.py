"""What the check needs beyond `GetFunction`: the secret, who may read it, and published versions.

Only functions whose secrets were moved, or are about to be, call for any of this; for all others nothing is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from botocore.exceptions import ClientError

from functions.adapters.role_access import READ_SECRET, simulate
from functions.core.fix import Member
from functions.core.secret_name import function_of_secret, secret_name
from functions.core.snapshot import FunctionSnapshot
from functions.playbooks.plaintext_secrets import environment, secret_policy
from functions.playbooks.plaintext_secrets.known import FUNCTION_TAG, ORPHANED_TAG, Facts, Secret
from functions.playbooks.plaintext_secrets.tiers import secrets_in
from functions.playbooks.plaintext_secrets.versions import OldVersion, old_versions


def read(member: Member, snapshot: FunctionSnapshot, settings: Mapping[str, Any]) -> Facts:  # noqa: ARG001 - protocol
    """Read what this function calls for. Raises boto3's errors."""
    if snapshot.deleted:
        return Facts(secret=describe(member, secret_name(snapshot.subject.function)))
    if refers(snapshot):
        return replace(access(member, snapshot), old=_old(member, snapshot))
    sure, _ = secrets_in(snapshot.environment)
    return Facts(describe(member, secret_name(snapshot.subject.function)) if sure else None)


def refers(snapshot: FunctionSnapshot) -> bool:
    """Whether variables of the function were moved."""
    return bool(environment.moved(snapshot.environment))


def access(member: Member, snapshot: FunctionSnapshot) -> Facts:
    """Read whether a function whose variables were moved can get at its secret. Raises boto3's errors."""
    named = snapshot.environment.get(environment.SECRET, "")
    # What names none of ours is not ours to ask about: a ticket says that the function cannot read it.
    ours = not named or (function_of_secret(named) and f":{snapshot.subject.account}:" in named)
    secret = describe(member, named or secret_name(snapshot.subject.function)) if ours else None
    if secret is None or secret.deleted:
        return Facts(secret)
    policy = policy_of(member, secret.arn)
    denials = secret_policy.foreign_denials(policy)
    denied = f"the secret's policy denies something ({', '.join(denials)})" if denials else ""
    granted = secret_policy.grants(policy, snapshot.role)
    return Facts(
        secret, granted, denied or simulate(member, snapshot.subject, snapshot.role, READ_SECRET, secret.arn).problem
    )


def describe(member: Member, secret_id: str) -> Secret | None:
    """Describe a secret by its name or ARN; None if there is none."""
    try:
        answer = member.client("secretsmanager").describe_secret(SecretId=secret_id)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return None
        raise
    tags = {tag["Key"]: tag["Value"] for tag in answer.get("Tags") or ()}
    return Secret(
        arn=answer["ARN"],
        function=tags.get(FUNCTION_TAG, ""),
        deleted="DeletedDate" in answer,
        key=str(answer.get("KmsKeyId") or ""),
        rotates=bool(answer.get("RotationEnabled")),
        orphaned=tags.get(ORPHANED_TAG, ""),
    )


def policy_of(member: Member, secret_arn: str) -> str:
    """Return a secret's resource policy, '' if it has none."""
    answer = member.client("secretsmanager").get_resource_policy(SecretId=secret_arn)
    return str(answer.get("ResourcePolicy") or "")


def _old(member: Member, snapshot: FunctionSnapshot) -> tuple[OldVersion, ...]:
    client, name = member.client("lambda"), snapshot.subject.function
    pages = client.get_paginator("list_versions_by_function").paginate(FunctionName=name)
    configurations = [configuration for page in pages for configuration in page["Versions"]]
    if len(configurations) < 2:
        return ()
    aliases = client.get_paginator("list_aliases").paginate(FunctionName=name)
    return old_versions(configurations, [alias for page in aliases for alias in page["Aliases"]])
