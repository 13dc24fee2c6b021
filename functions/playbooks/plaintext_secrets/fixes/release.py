"""Move aliases from versions with plaintext to a new version without, where that changes nothing but the secrets.

The new version is published of the revision that was looked at, and only if each of its references stands for the very
value that the old version has: what is released is what was there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from functions.core.fix import (
    Broken,
    CannotFix,
    Change,
    ChangedMeanwhile,
    NothingToDo,
    NotVerified,
    NotYet,
    Plan,
    Undone,
    Work,
)
from functions.core.snapshot import FunctionSnapshot
from functions.playbooks.plaintext_secrets import environment
from functions.playbooks.plaintext_secrets.check import why_unreadable
from functions.playbooks.plaintext_secrets.facts import read
from functions.playbooks.plaintext_secrets.fixes import trial, vault
from functions.playbooks.plaintext_secrets.versions import OldVersion

_ALIAS, _REVISION = "alias ", "revision"
_NEW = "a new version"
DESCRIPTION = "lambda-warden: the same without plaintext secrets"
OTHER_PROGRAM = "other-program"

Alias = Mapping[str, Any]


def plan(work: Work, snapshot: FunctionSnapshot) -> Plan | CannotFix | NothingToDo:
    """Name the aliases to move. An alias of another program than $LATEST is its team's to release."""
    facts = read(work.member, snapshot, work.settings)
    served = [old for old in facts.old if old.aliases]
    if not served:
        return NothingToDo("No alias serves a version with plaintext any more.")
    unreadable = why_unreadable(snapshot, facts)
    if unreadable:
        return CannotFix(OTHER_PROGRAM, f"First the function must be able to start: {unreadable[0]}")
    other = [old for old in served if not old.like_latest or not _same_values(work, snapshot, old)]
    if other:
        return CannotFix(OTHER_PROGRAM, _say(other))
    there = _aliases(work)
    names = sorted({alias for old in served for alias in old.aliases})
    split = [name for name in names if _shared(there[name])]
    if split:
        return CannotFix(OTHER_PROGRAM, f"{', '.join(split)} is shared between versions: finish that release first")
    changes = [Change(f"{_ALIAS}{name}", there[name]["FunctionVersion"], _NEW) for name in names]
    revision = Change(_REVISION, None, snapshot.revision_id)
    return Plan((*changes, revision), f"Published a version without plaintext and moved {', '.join(names)} to it.")


def _same_values(work: Work, snapshot: FunctionSnapshot, old: OldVersion) -> bool:
    """Whether every reference stands for what the old version has in plain text."""
    client = work.member.client("lambda")
    answer = client.get_function(FunctionName=work.subject.arn, Qualifier=old.version)["Configuration"]
    before: Mapping[str, str] = (answer.get("Environment") or {}).get("Variables") or {}
    content = vault.read(work, snapshot.environment[environment.SECRET]).values
    references = environment.moved(snapshot.environment)
    return all(name in before and content.get(name) == before[name] for name in references)


def _say(other: Iterable[OldVersion]) -> str:
    named = "; ".join(f"{', '.join(old.aliases)} on version {old.version}" for old in other)
    return f"{named}: its code, settings or values differ from $LATEST, so release it yourself: that would change more"


def apply(work: Work, plan: Plan) -> None:
    """Publish, try the new version with the test event if there is one, and only then move the aliases."""
    client, name = work.member.client("lambda"), work.subject.arn
    there = _aliases(work)
    left = [change for change in _moves(plan) if _at(there, change) == change.before]
    if not left:
        return
    revision = next(change.after for change in plan.changes if change.setting == _REVISION)
    try:
        published = client.publish_version(FunctionName=name, RevisionId=revision, Description=DESCRIPTION)
    except ClientError as error:
        raise _meanwhile(error) from None
    version, state = published["Version"], published.get("State", "Active")
    if state == "Pending":
        raise NotYet(f"version {version} is still being made")
    if state != "Active":
        raise Broken(f"Lambda could not make version {version} ({state})")
    refused = trial.run(work, int(published.get("Timeout") or 3), version)
    if refused:
        raise Broken(f"the new version {version} failed the test event: {refused}")
    for change in left:
        alias = there[_name(change)]
        if _shared(alias):
            raise ChangedMeanwhile(f"A release of {_name(change)} has begun meanwhile; it was left so.")
        try:
            client.update_alias(
                FunctionName=name, Name=_name(change), FunctionVersion=version, RevisionId=alias["RevisionId"]
            )
        except ClientError as error:
            raise _meanwhile(error) from None


def _meanwhile(error: ClientError) -> Exception:
    if error.response["Error"]["Code"] != "PreconditionFailedException":
        return error
    return ChangedMeanwhile("Somebody released something meanwhile; it was left so.")


def verify(work: Work, plan: Plan) -> None:
    """See that no alias is left on its old version."""
    there = _aliases(work)
    left = [_name(change) for change in _moves(plan) if _at(there, change) == change.before]
    if left:
        raise NotVerified(f"{', '.join(left)} is still on its old version.")


def undo(work: Work, plan: Plan) -> Undone:
    """Move the aliases back, except those that somebody has moved or deleted since; the new version stays."""
    there = _aliases(work)
    restored, kept = [], []
    for change in _moves(plan):
        why = _move_back(work, there, change)
        if why:
            kept.append(f"{change.setting}: {why}")
        else:
            restored.append(change)
    return Undone(tuple(restored), tuple(kept))


def _move_back(work: Work, there: Mapping[str, Alias], change: Change) -> str:
    """Point one alias to where it was; return why not, '' if it is there."""
    now = _at(there, change)
    if now is None:
        return "somebody deleted it since"
    if now == change.before:
        return ""
    if not _ours(work, now):
        return f"somebody moved it to version {now} since"
    try:
        work.member.client("lambda").update_alias(
            FunctionName=work.subject.arn,
            Name=_name(change),
            FunctionVersion=change.before,
            RevisionId=there[_name(change)]["RevisionId"],
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return f"version {change.before} was deleted since"
    return ""


def advise(work: Work, plan: Plan) -> str:  # noqa: ARG001 - the same for every release
    """Say what is left to do."""
    return "The old versions still hold the plaintext; they can be deleted once nobody needs to go back to them."


def _ours(work: Work, version: str) -> bool:
    client = work.member.client("lambda")
    answer = client.get_function(FunctionName=work.subject.arn, Qualifier=version)
    return bool(answer["Configuration"].get("Description") == DESCRIPTION)


def _aliases(work: Work) -> dict[str, Alias]:
    pages = work.member.client("lambda").get_paginator("list_aliases").paginate(FunctionName=work.subject.arn)
    return {alias["Name"]: alias for page in pages for alias in page["Aliases"]}


def _shared(alias: Alias) -> bool:
    return bool((alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights"))


def _moves(plan: Plan) -> list[Change]:
    return [change for change in plan.changes if change.setting.startswith(_ALIAS)]


def _at(there: Mapping[str, Alias], change: Change) -> str | None:
    alias = there.get(_name(change))
    return None if alias is None else str(alias["FunctionVersion"])


def _name(change: Change) -> str:
    return change.setting.removeprefix(_ALIAS)
