"""A secret in an environment variable is read by everybody who may look at the function, and stays in old versions.

Lambda developer guide, "Securing environment variables": whoever has lambda:GetFunctionConfiguration sees the values;
Secrets Manager is recommended instead. What is a secret is said in `classify`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from functions.core.finding import NOT_CHECKED, Finding, found
from functions.core.playbook import Mode, Severity
from functions.core.snapshot import FunctionSnapshot
from functions.playbooks.plaintext_secrets import environment
from functions.playbooks.plaintext_secrets.classifier.verdict import Verdict
from functions.playbooks.plaintext_secrets.known import Facts
from functions.playbooks.plaintext_secrets.playbook import PLAYBOOK
from functions.playbooks.plaintext_secrets.rotation import advice
from functions.playbooks.plaintext_secrets.source import source_of
from functions.playbooks.plaintext_secrets.tiers import Secrets, secrets_in
from functions.playbooks.plaintext_secrets.versions import OldVersion

POSSIBLE = "possible"
UNREADABLE = "unreadable"
ALIASES = "aliases"
OLD_VERSIONS = "old-versions"
ORPHANED = "orphaned"

_NOTHING = Facts()
_VERSIONS_NAMED = 20


def check(snapshot: FunctionSnapshot, settings: Mapping[str, Any], facts: Facts = _NOTHING) -> list[Finding]:  # noqa: ARG001 - protocol
    """Find plaintext, references that can no longer be read, and what an earlier plaintext left behind."""
    if snapshot.deleted:
        return _orphaned(snapshot, facts)
    if snapshot.environment_error:
        return [_not_checked(snapshot)]
    sure, possible = secrets_in(snapshot.environment)
    unreadable = [_unreadable(snapshot, problem) for problem in why_unreadable(snapshot, facts)[:1]]
    return [
        *unreadable,
        *([_plaintext(snapshot, sure, facts)] if sure else []),
        *([_possible(snapshot, possible)] if possible else []),
        *([] if sure else _old_plaintext(snapshot, facts)),
    ]


def _plaintext(snapshot: FunctionSnapshot, secrets: Secrets, facts: Facts) -> Finding:
    evidence = {name: _seen(verdict) for name, verdict in secrets.items()}
    repeated = _same_values(snapshot.environment, tuple(secrets))
    if repeated:
        evidence["Same value"] = repeated
    source = source_of(snapshot.tags)
    if source.tool:
        evidence["Deployed by"] = source.evidence
    if facts.secret is not None and facts.secret.function == snapshot.subject.arn:
        evidence["Moved before"] = "a secret for this function exists; a deployment or an undo put the values back"
    return found(
        PLAYBOOK,
        snapshot.subject,
        what=f"{_count(secrets)} in plain text: {', '.join(secrets)}.",
        why="Everybody who may look at the function can read them, and so can every copy of its configuration.",
        evidence=evidence,
        advice=rotate(secrets),
    )


def _possible(snapshot: FunctionSnapshot, secrets: Secrets) -> Finding:
    return found(
        PLAYBOOK,
        snapshot.subject,
        aspect=POSSIBLE,
        title="Possible secrets in plain text in environment variables",
        severity=Severity.MEDIUM,
        at_most=Mode.APPROVE,
        what=f"{_count(secrets, 'may be a secret', 'may be secrets')}: {', '.join(secrets)}. Approving moves "
        f"{'it' if len(secrets) == 1 else 'them'} into Secrets Manager.",
        why="If they are secrets, everybody who may look at the function can read them.",
        evidence={name: _seen(verdict) for name, verdict in secrets.items()},
        advice=rotate(secrets),
    )


def _not_checked(snapshot: FunctionSnapshot) -> Finding:
    key = snapshot.environment_key or "a key that is not named"
    return found(
        PLAYBOOK,
        snapshot.subject,
        aspect=NOT_CHECKED,
        title="Environment variables not checked",
        severity=Severity.LOW,
        at_most=Mode.OBSERVE,
        what=f"The variables are encrypted with {key}, and lambda-warden may not use it: whether there are secrets "
        "among them is not known.",
        why="Allow kms:Decrypt to the roles warden-inspector and warden-plaintext-secrets in the key's policy to have "
        "them checked and moved.",
        evidence={"Lambda says": snapshot.environment_error, "Key": key},
    )


def why_unreadable(snapshot: FunctionSnapshot, facts: Facts) -> list[str]:
    """Say why the function's next start will not get the values that its references stand for; most urgent first."""
    if not environment.moved(snapshot.environment):
        return []
    about_secret = next(_about_secret(snapshot, facts), "")
    return [problem for problem in (about_secret, facts.denied, *_about_start(snapshot)) if problem]


def _about_secret(snapshot: FunctionSnapshot, facts: Facts) -> Iterator[str]:
    named = snapshot.environment.get(environment.SECRET)
    if named is None:
        yield f"the variable {environment.SECRET}, which names the secret, was removed"
    elif not named.startswith("arn:"):
        yield f"{environment.SECRET} is not the ARN of a secret"
    elif facts.secret is None:
        yield "the secret no longer exists"
    elif facts.secret.deleted:
        yield "the secret is scheduled for deletion"
    elif not facts.granted:
        yield "the secret's policy does not name the function's role"


def _about_start(snapshot: FunctionSnapshot) -> Iterator[str]:
    if snapshot.environment.get(environment.WRAPPER) != environment.WRAPPER_PATH:
        yield f"{environment.WRAPPER} no longer starts the wrapper, so the code gets placeholders for its values"
    if not any(environment.is_our_layer(arn) for arn in snapshot.layers):
        yield "the wrapper's layer was removed"
    if not environment.has_wrapper(snapshot.runtime):
        yield f"the runtime {snapshot.runtime} does not start the wrapper"


def _unreadable(snapshot: FunctionSnapshot, problem: str) -> Finding:
    references = environment.moved(snapshot.environment)
    return found(
        PLAYBOOK,
        snapshot.subject,
        aspect=UNREADABLE,
        title="Moved secrets can no longer be read",
        severity=Severity.CRITICAL,
        what=f"From its next start on the function cannot use its secrets: {problem}.",
        why="Running environments keep their values, so nobody notices until Lambda starts a new one.",
        evidence={"Problem": problem, "Variables": ", ".join(references) or "none", "Role": snapshot.role},
    )


def _old_plaintext(snapshot: FunctionSnapshot, facts: Facts) -> list[Finding]:
    """Find the versions that keep what $LATEST no longer has; first what is served, then what is left."""
    served = [old for old in facts.old if old.aliases]
    if served:
        return [_aliases(snapshot, served)]
    return [_old_versions(snapshot, facts.old)] if facts.old else []


def _aliases(snapshot: FunctionSnapshot, served: Sequence[OldVersion]) -> Finding:
    names = sorted({alias for old in served for alias in old.aliases})
    return found(
        PLAYBOOK,
        snapshot.subject,
        aspect=ALIASES,
        title="Aliases serve versions with plaintext secrets",
        severity=Severity.MEDIUM,
        at_most=Mode.APPROVE,
        what=f"{', '.join(names)} still {'serves' if len(names) == 1 else 'serve'} published versions with secrets in "
        "plain text. Approving publishes a version without them and moves the aliases there.",
        why="A published version never changes; only a new one can be without the secrets.",
        evidence=_versions(served),
    )


def _old_versions(snapshot: FunctionSnapshot, old: Sequence[OldVersion]) -> Finding:
    return found(
        PLAYBOOK,
        snapshot.subject,
        aspect=OLD_VERSIONS,
        title="Old versions hold plaintext secrets",
        severity=Severity.LOW,
        at_most=Mode.APPROVE,
        what=f"No alias serves {_listed(old)} any more, and secrets stand there in plain text. Approving deletes "
        f"{'it' if len(old) == 1 else 'those named below'} for good: a deleted version cannot be brought back.",
        why="Whoever may look at the function can read its old versions too.",
        evidence=_versions(old),
    )


def _orphaned(snapshot: FunctionSnapshot, facts: Facts) -> list[Finding]:
    secret = facts.secret
    if secret is None or secret.deleted or secret.orphaned or secret.function != snapshot.subject.arn:
        return []
    return [
        found(
            PLAYBOOK,
            snapshot.subject,
            aspect=ORPHANED,
            title="Secret of a deleted function",
            severity=Severity.LOW,
            what="The function was deleted, and the secret with its variables is still there.",
            why="lambda-warden tags it and never deletes it: delete it when nobody needs the values any more.",
            evidence={"Secret": secret.arn},
        )
    ]


def rotate(secrets: Secrets) -> str:
    """Say once for each kind how such a secret is replaced: one that could be read counts as leaked."""
    by_kind: dict[str, list[str]] = {}
    for name, verdict in secrets.items():
        by_kind.setdefault(verdict.kind, []).append(name)
    lines = [f"{', '.join(names)}: {advice(kind)}" for kind, names in sorted(by_kind.items())]
    return "\n".join(["Rotate: what stood in plain text counts as leaked.", *lines])


def _seen(verdict: Verdict) -> str:
    part = f", {verdict.part}" if verdict.part else ""
    return f"{verdict.kind}{part}, {verdict.confidence}: {verdict.reason}"


def _same_values(variables: Mapping[str, str], names: Sequence[str]) -> str:
    """Name the variables that hold one and the same secret: it has to be rotated in all of these places."""
    holders: dict[str, list[str]] = {}
    for name in names:
        holders.setdefault(variables[name], []).append(name)
    return "; ".join(" = ".join(group) for group in holders.values() if len(group) > 1)


def _version(old: OldVersion) -> str:
    served = f", served by {', '.join(old.aliases)}" if old.aliases else ""
    code = "" if old.like_latest else "; its code or settings differ from $LATEST"
    names = ", ".join(old.variables[:10]) + (f" and {len(old.variables) - 10} more" if len(old.variables) > 10 else "")
    return f"{names}{served}{code}"


def _versions(old: Sequence[OldVersion]) -> dict[str, str]:
    """Name twenty versions: an event and a ticket hold only so much, and the others come up when these are gone."""
    named = {f"Version {one.version}": _version(one) for one in old[:_VERSIONS_NAMED]}
    more = len(old) - _VERSIONS_NAMED
    return {**named, "And": f"{more} more"} if more > 0 else named


def _listed(old: Sequence[OldVersion]) -> str:
    named = ", ".join(one.version for one in old[:_VERSIONS_NAMED])
    more = f" and {len(old) - _VERSIONS_NAMED} more" if len(old) > _VERSIONS_NAMED else ""
    return f"version{'' if len(old) == 1 else 's'} {named}{more}"


def _count(secrets: Secrets, one: str = "secret", many: str = "secrets") -> str:
    number = len(secrets)
    if one == "secret":
        return f"{number} {one if number == 1 else many}"
    return f"{number} variable{'' if number == 1 else 's'} {one if number == 1 else many}"
