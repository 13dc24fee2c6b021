"""Proof, before anything is changed, that the function will start and read its secret afterwards.

Sources: Lambda developer guide, "Modifying the runtime environment" (wrapper scripts: all managed runtimes, not OS-only
ones), "Lambda quotas", "Using the Lambda Extensions API" (extensions are processes of their own, which the wrapper
does not start), "Improving startup performance with Lambda SnapStart"; Secrets Manager user guide, "Secret encryption
and decryption".
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from functions.adapters import network
from functions.adapters.layer_files import PackageUnreadable, external_extensions, file_names
from functions.adapters.role_access import READ_SECRET, simulate
from functions.core.fix import CannotFix, Member, Work
from functions.core.network import Blocked, reach
from functions.core.secret_name import secret_name
from functions.core.snapshot import FunctionSnapshot
from functions.playbooks.plaintext_secrets import environment, secret_policy
from functions.playbooks.plaintext_secrets.facts import describe, policy_of
from functions.playbooks.plaintext_secrets.fixes import vault
from functions.playbooks.plaintext_secrets.known import Secret

NOT_PROVABLE = "not-provable"
NO_LAYER = "no-layer"

_OWN_LANGUAGE = {"java": "Java", "dotnet": ".NET", "provided": "an OS-only runtime", "go": "Go"}

# What the wrapper cannot set for Node.js (docs/exec-wrapper.md); Python and Ruby set everything themselves.
_KEPT_BY_BASH = frozenset(
    (
        "BASHOPTS",
        "BASH_VERSINFO",
        "BASH_XTRACEFD",
        "HISTFILESIZE",
        "PIPESTATUS",
        "PPID",
        "SHELLOPTS",
        "SHLVL",
    )
)

# What the wrapper itself goes by when it looks for Secrets Manager (docs/exec-wrapper.md).
_STEERING = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS_CA_BUNDLE")


@dataclass(frozen=True)
class Ready:
    """What was found on the way.

    `layer` is the version to add, '' if one is there; `secret` is the one to write into, None if it is to be made.
    """

    layer: str
    secret: Secret | None


def prove(work: Work, snapshot: FunctionSnapshot, names: Collection[str]) -> Ready | CannotFix:
    """Prove it, cheapest questions first; what cannot be proved is a refusal that says all that stands in the way.

    Raises boto3's errors.
    """
    problems = list(by_configuration(snapshot, names))
    if problems:
        return _cannot(problems)
    layer = _layer(work, snapshot)
    if isinstance(layer, CannotFix):
        return layer
    secret = describe(work.member, secret_name(snapshot.subject.function))
    problems = [
        *_by_secret(work, snapshot, names, secret),
        *_by_access(work, snapshot, secret),
        *_by_network(work, snapshot),
    ]
    return _cannot(problems) if problems else Ready(layer, secret)


def _cannot(problems: list[str]) -> CannotFix:
    return CannotFix(
        NOT_PROVABLE, f"Not moved, since it is not certain that the function would start: {'; '.join(problems)}."
    )


def by_configuration(snapshot: FunctionSnapshot, names: Collection[str]) -> Iterator[str]:
    """Ask what the configuration alone decides; `names` are the variables that are to be moved."""
    if snapshot.environment_error:
        yield f"its variables cannot be read ({snapshot.environment_error})"
    if snapshot.package_type == "Image":
        yield "it is a container image, which takes no layers; read the secret in its code instead"
        return
    if not environment.has_wrapper(snapshot.runtime):
        language = next((says for start, says in _OWN_LANGUAGE.items() if snapshot.runtime.startswith(start)), "")
        what = f"{language} ({snapshot.runtime})" if language else snapshot.runtime or "a runtime that is not named"
        yield f"the wrapper is for Python 3.8+, Node.js 18+ and Ruby 3.1+, not for {what}: read the secret in its code"
        return
    if snapshot.snap_start != "None":
        yield "SnapStart keeps the values a version was published with, rotated or not; read the secret in its code"
    kept = sorted(_KEPT_BY_BASH.intersection(names)) if snapshot.runtime.startswith("nodejs") else []
    if kept:
        yield f"the shell that starts Node.js keeps the name {kept[0]} for itself"
    others = [arn for arn in snapshot.layers if not environment.is_our_layer(arn)]
    if len(others) >= environment.MOST_LAYERS:
        yield f"it has {len(others)} layers, the most that Lambda allows, and the wrapper needs one: merge two of them"
    yield from _by_variables(snapshot.environment, names, snapshot.subject.partition)


def _by_variables(variables: Mapping[str, str], names: Collection[str], partition: str) -> Iterator[str]:
    steering = [name for name in _STEERING if name in variables]
    if steering:
        yield f"the variable {steering[0]} would lead the wrapper elsewhere"
    wrapper = variables.get(environment.WRAPPER, "")
    if wrapper and (not wrapper.startswith("/") or environment.shown(wrapper) != wrapper):
        yield f"{environment.WRAPPER} is no path, so the wrapper could not start it afterwards"
    chained = wrapper == environment.WRAPPER_PATH or environment.moved(variables)
    if environment.NEXT_WRAPPER in variables and not chained:
        yield f"it has a variable {environment.NEXT_WRAPPER} of its own"
    # The longest ARN there can be stands for the one that is not known yet.
    arn = f"arn:{partition}:secretsmanager:xx-xxxxxxxxx-0:{'0' * 12}:secret:{secret_name('f' * 64)}-XXXXXX"
    size = environment.size(environment.with_references(variables, names, variables.get(environment.SECRET, arn)))
    if size > environment.MOST_BYTES:
        yield f"its variables would take {size} of {environment.MOST_BYTES} bytes: remove some first"


def _layer(work: Work, snapshot: FunctionSnapshot) -> str | CannotFix:
    """Find the wrapper's layer in the function's Region, and see that nothing beside it reads the environment."""
    layer = ""
    if not any(map(environment.is_our_layer, snapshot.layers)):
        published = newest_layer(work)
        if isinstance(published, CannotFix):
            return published
        layer = published
    for arn in snapshot.layers:
        problem = "" if environment.is_our_layer(arn) else _extension(work.member, arn)
        if problem:
            return _cannot([problem])
    return layer


def newest_layer(work: Work) -> str | CannotFix:
    """Return the ARN of the newest version that the hub publishes in this Region, if the member may use it."""
    region = work.subject.region
    if work.hub is None:
        return CannotFix(NO_LAYER, "The hub account is not at hand.")
    versions = work.hub("lambda").list_layer_versions(LayerName=environment.LAYER, MaxItems=1)["LayerVersions"]
    if not versions:
        text = f"The layer {environment.LAYER} is not published in {region}: deploy the stack WardenLayer-{region}."
        return CannotFix(NO_LAYER, text)
    arn = str(versions[0]["LayerVersionArn"])
    work.member.client("lambda").get_layer_version_by_arn(Arn=arn)
    return arn


def _extension(member: Member, arn: str) -> str:
    """Say why a layer could need the values in the environment itself, '' if it cannot."""
    name = arn.partition(":layer:")[2]
    try:
        location = member.client("lambda").get_layer_version_by_arn(Arn=arn)["Content"]["Location"]
        extensions = external_extensions(file_names(location))
    except ClientError as error:
        return _unknown_layer(name, error.response["Error"]["Code"])
    except PackageUnreadable as unreadable:
        return _unknown_layer(name, str(unreadable))
    if not extensions:
        return ""
    return f"layer {name} has the extension {extensions[0]}, which reads the variables beside the wrapper"


def _unknown_layer(name: str, why: str) -> str:
    return f"whether layer {name} has an extension that reads the variables is not known ({why})"


def _by_secret(work: Work, snapshot: FunctionSnapshot, names: Collection[str], secret: Secret | None) -> Iterator[str]:
    """Ask what is in the secret already: every reference must have its value there, and no value may be lost."""
    references = environment.moved(snapshot.environment)
    if secret is None:
        if references:
            yield f"{', '.join(references)} refer to a secret that is not this function's own"
        return
    if secret.function != snapshot.subject.arn:
        yield f"a secret named {secret_name(snapshot.subject.function)} exists and is not lambda-warden's"
    elif secret.orphaned:
        yield "the secret of an earlier function of that name is still there: delete it, or take away its tag"
    elif secret.rotates:
        yield "the secret is rotated by something else"
    elif references and snapshot.environment.get(environment.SECRET) != secret.arn:
        yield f"{', '.join(references)} refer to a secret that is not this function's own"
    elif not secret.deleted:
        yield from _by_content(work, snapshot, names, secret)


def _by_content(work: Work, snapshot: FunctionSnapshot, names: Collection[str], secret: Secret) -> Iterator[str]:
    denials = secret_policy.foreign_denials(policy_of(work.member, secret.arn))
    if denials:
        yield f"the secret's policy denies something ({', '.join(denials)})"
    content = vault.read(work, secret.arn)
    differs = vault.others_differ(content, {name: snapshot.environment[name] for name in names})
    if differs:
        yield differs
    empty = environment.unfilled(snapshot.environment, content.values)
    if empty:
        yield f"the secret has no value for {', '.join(empty)}"


def _by_access(work: Work, snapshot: FunctionSnapshot, secret: Secret | None) -> Iterator[str]:
    """Ask whether the role will be allowed to read and to decrypt."""
    subject = snapshot.subject
    name = secret_name(subject.function)
    arn = f"arn:{subject.partition}:secretsmanager:{subject.region}:{subject.account}:secret:{name}-AbCdEf"
    problem = simulate(
        work.member, snapshot.subject, snapshot.role, READ_SECRET, secret.arn if secret is not None else arn
    ).problem
    if problem:
        yield problem
    key = secret.key if secret is not None else str(work.settings["kms_key"])
    if key:
        yield from _by_key(work, snapshot, key)


def _by_key(work: Work, snapshot: FunctionSnapshot, key_id: str) -> Iterator[str]:
    kms = work.member.client("kms")
    try:
        key = kms.describe_key(KeyId=key_id)["KeyMetadata"]
        policy = json.loads(kms.get_key_policy(KeyId=key["Arn"], PolicyName="default")["Policy"])
    except ClientError as error:
        yield f"the key {key_id} cannot be read ({error.response['Error']['Code']})"
        return
    if key.get("KeyState", "Enabled") != "Enabled":
        yield f"the key {key_id} is {key['KeyState']}"
    may = simulate(work.member, snapshot.subject, snapshot.role, "kms:Decrypt", key["Arn"])
    if may.problem:
        yield may.problem
    elif not may.allowed or not _leaves_it_to_iam(policy, snapshot.subject.account):
        role = snapshot.role.rpartition("/")[2]
        yield f"the role {role} is not certain to have kms:Decrypt on {key_id}: allow it in the role's policy"


def _leaves_it_to_iam(policy: Mapping[str, Any], account: str) -> bool:
    """Whether a key's policy lets the account's own policies decide, as the default one does, and denies nothing."""
    statements = policy.get("Statement") or []
    found: list[Mapping[str, Any]] = statements if isinstance(statements, list) else [statements]
    if any(statement.get("Effect") == "Deny" for statement in found):
        return False
    return any(
        str((s.get("Principal") or {}).get("AWS", "")).endswith(f":iam::{account}:root")
        and s.get("Action") in ("kms:*", ["kms:*"])
        and not s.get("Condition")
        for s in found
        if isinstance(s.get("Principal"), Mapping)
    )


def _by_network(work: Work, snapshot: FunctionSnapshot) -> Iterator[str]:
    if not snapshot.subnets:
        return
    ec2 = work.member.client("ec2")
    facts = network.read(ec2, snapshot.vpc, snapshot.subnets, snapshot.security_groups)
    path = reach(facts, "secretsmanager")
    if isinstance(path, Blocked):
        yield path.because.rstrip(".")
