"""Delete old versions that hold plaintext and that nothing refers to. A person asked for it, for it is for good."""

from __future__ import annotations

from botocore.exceptions import ClientError

from functions.core.fix import CannotFix, CannotUndo, Change, NothingToDo, NotVerified, Plan, Undone, Work
from functions.core.snapshot import FunctionSnapshot
from functions.playbooks.plaintext_secrets.facts import read

_VERSION = "version "
IN_USE = "in-use"


def plan(work: Work, snapshot: FunctionSnapshot) -> Plan | CannotFix | NothingToDo:
    """Name the versions to delete; one that an event source or provisioned concurrency still uses is left."""
    found = [o.version for o in read(work.member, snapshot, work.settings).old if not o.aliases]
    # For good, so none that the person who approved has not been told of.
    old = [version for version in found if f"Version {version}" in work.told]
    if not old:
        return NothingToDo("None of these versions holds plaintext any more.")
    used = {version: why for version in old if (why := _used(work, version))}
    free = [version for version in old if version not in used]
    said = "; ".join(f"version {version} is used by {why}" for version, why in used.items())
    if not free:
        return CannotFix(IN_USE, f"{said}: point it at an alias first")
    changes = tuple(Change(f"{_VERSION}{version}", "with plaintext", "deleted") for version in free)
    return Plan(
        changes, f"Deleted {len(free)} old version{'' if len(free) == 1 else 's'}{f'; {said}' if said else ''}."
    )


def _used(work: Work, version: str) -> str:
    """Say what refers to a version itself, '' if nothing does."""
    client = work.member.client("lambda")
    try:
        client.get_policy(FunctionName=work.subject.arn, Qualifier=version)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
    else:
        return "others, whom its own policy lets invoke it"
    mappings = client.get_paginator("list_event_source_mappings").paginate(FunctionName=f"{work.subject.arn}:{version}")
    if any(page["EventSourceMappings"] for page in mappings):
        return "an event source mapping"
    configs = client.get_paginator("list_provisioned_concurrency_configs").paginate(FunctionName=work.subject.function)
    arns = [c["FunctionArn"] for page in configs for c in page["ProvisionedConcurrencyConfigs"]]
    return "provisioned concurrency" if any(arn.endswith(f":{version}") for arn in arns) else ""


def apply(work: Work, plan: Plan) -> None:
    """Delete each version that is still there; one that an alias serves by now is not: Lambda refuses it."""
    for change in plan.changes:
        try:
            work.member.client("lambda").delete_function(FunctionName=work.subject.arn, Qualifier=_version(change))
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise


def verify(work: Work, plan: Plan) -> None:
    """See that they are gone."""
    pages = (
        work.member.client("lambda").get_paginator("list_versions_by_function").paginate(FunctionName=work.subject.arn)
    )
    there = {configuration["Version"] for page in pages for configuration in page["Versions"]}
    left = [_version(change) for change in plan.changes if _version(change) in there]
    if left:
        raise NotVerified(f"Version {', '.join(left)} is still there.")


def undo(work: Work, plan: Plan) -> Undone:
    """Say that there is no way back for versions that are gone. Raises `CannotUndo`."""
    try:
        verify(work, plan)
    except NotVerified:
        return Undone(restored=plan.changes)
    raise CannotUndo("A deleted version cannot be brought back.")


def advise(work: Work, plan: Plan) -> str:  # noqa: ARG001 - nothing is left to do
    """Say nothing: what was deleted needs no care."""
    return ""


def _version(change: Change) -> str:
    return change.setting.removeprefix(_VERSION)
