"""A function's secret: written, opened to who reads it, and read back before anything depends on it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from functions.core.fix import ChangedMeanwhile, Work
from functions.core.secret_name import secret_name
from functions.core.snapshot import FunctionSnapshot
from functions.playbooks.plaintext_secrets import environment, secret_policy
from functions.playbooks.plaintext_secrets.facts import describe, policy_of
from functions.playbooks.plaintext_secrets.known import FUNCTION_TAG


@dataclass(frozen=True)
class Content:
    """What a secret holds. `readable` is whether it is a JSON object: what somebody else stored is not overwritten."""

    values: Mapping[str, object] = field(default_factory=dict, repr=False)
    version: str = ""
    readable: bool = True


def read(work: Work, secret_arn: str) -> Content:
    """Read the current version; a secret without one is empty. Raises boto3's errors."""
    try:
        answer = work.member.client("secretsmanager").get_secret_value(SecretId=secret_arn)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return Content()
        raise
    try:
        found = json.loads(answer["SecretString"])
    except (KeyError, ValueError):
        found = None
    if not isinstance(found, dict):
        return Content(version=str(answer["VersionId"]), readable=False)
    return Content(found, str(answer["VersionId"]))


def write(work: Work, snapshot: FunctionSnapshot, values: Mapping[str, str]) -> str:
    """Create the secret or add to it, once however often this is tried; return its ARN. Raises `ChangedMeanwhile`."""
    client, name = work.member.client("secretsmanager"), secret_name(work.subject.function)
    existing = describe(work.member, name)
    if existing is None:
        key = {"KmsKeyId": work.settings["kms_key"]} if work.settings["kms_key"] else {}
        answer = client.create_secret(
            Name=name,
            Description=f"Variables of {work.subject.arn}, moved by lambda-warden",
            ClientRequestToken=_token(snapshot, values, ""),
            SecretString=json.dumps(values, ensure_ascii=False),
            Tags=[{"Key": FUNCTION_TAG, "Value": work.subject.arn}],
            **key,
        )
        return str(answer["ARN"])
    if existing.function != work.subject.arn or existing.orphaned:
        raise ChangedMeanwhile(f"Somebody made a secret named {name} meanwhile; nothing was changed.")
    if existing.deleted:
        client.restore_secret(SecretId=existing.arn)
    content = read(work, existing.arn)
    others = others_differ(content, values)
    if others:
        raise ChangedMeanwhile(others)
    if any(content.values.get(name) != value for name, value in values.items()):
        client.put_secret_value(
            SecretId=existing.arn,
            ClientRequestToken=_token(snapshot, values, content.version),
            SecretString=json.dumps({**content.values, **values}, ensure_ascii=False),
        )
    return existing.arn


def others_differ(content: Content, values: Mapping[str, str]) -> str:
    """Say why these values may not be added to a secret, '' if they may.

    Another value there may be a newer one that a person put in, or one that a published version still reads.
    """
    if not content.readable:
        return "the secret holds something that is no JSON object; it was left as it is"
    names = [name for name, value in values.items() if name in content.values and content.values[name] != value]
    if not names:
        return ""
    return (
        f"the secret has another value for {', '.join(names)}: set the variable to {environment.MARKER} to use that, "
        "or take it out of the secret to move this one"
    )


def _token(snapshot: FunctionSnapshot, values: Mapping[str, str], version: str) -> str:
    """Return the same 64 digits for the same write: of this revision of the function on this version of the secret.

    It becomes the version's id, which anybody may see, so it is made of names and never of values.
    """
    text = "\x1f".join((snapshot.subject.arn, snapshot.revision_id, version, *sorted(values)))
    return hashlib.sha256(text.encode()).hexdigest()


def open_to_readers(work: Work, secret_arn: str, snapshot: FunctionSnapshot) -> None:
    """Let the execution role read the secret by the secret's own policy; the customer's IAM stays as it is.

    A published version keeps the role that it was published with, and must go on reading as well.
    """
    policy, roles = policy_of(work.member, secret_arn), readers(work, snapshot)
    denials = secret_policy.foreign_denials(policy)
    if denials:
        raise ChangedMeanwhile(f"The secret's policy denies something ({', '.join(denials)}); nothing was changed.")
    if not all(secret_policy.grants(policy, role) for role in roles):
        work.member.client("secretsmanager").put_resource_policy(
            SecretId=secret_arn, ResourcePolicy=secret_policy.with_grant(policy, *roles), BlockPublicPolicy=True
        )


def readers(work: Work, snapshot: FunctionSnapshot) -> tuple[str, ...]:
    """Return the function's role, and those of published versions that refer to the secret."""
    client = work.member.client("lambda")
    pages = client.get_paginator("list_versions_by_function").paginate(FunctionName=work.subject.function)
    versions = [version for page in pages for version in page["Versions"] if version["Version"] != "$LATEST"]
    referring = (v for v in versions if environment.moved((v.get("Environment") or {}).get("Variables") or {}))
    return tuple(sorted({snapshot.role, *(str(version["Role"]) for version in referring)}))


def require(work: Work, secret_arn: str, variables: Mapping[str, Any], values: Mapping[str, str]) -> None:
    """See that the secret has a text for every reference, and these values as they were. Raises `ChangedMeanwhile`."""
    content = read(work, secret_arn)
    if any(content.values.get(name) != value for name, value in values.items()):
        raise ChangedMeanwhile("The secret does not read as it was written; the function was not changed.")
    empty = environment.unfilled(variables, content.values)
    if empty:
        raise ChangedMeanwhile(f"The secret has no value for {', '.join(empty)}; the function was not changed.")
