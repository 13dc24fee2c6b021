"""Published versions that still hold plaintext: they never change, and aliases keep serving them. Pure.

Lambda developer guide, "Manage Lambda function versions": a version's code and configuration are immutable.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from functions.playbooks.plaintext_secrets.environment import (
    MARKER,
    NEXT_WRAPPER,
    OURS,
    WRAPPER,
    WRAPPER_PATH,
    is_our_layer,
    moved,
)
from functions.playbooks.plaintext_secrets.tiers import secrets_in

# What may differ between a version and $LATEST of the same program in the same surroundings.
_MAY_DIFFER = frozenset(
    (
        *("CodeSize", "ConfigSha256", "Description", "FunctionArn", "LastModified", "LastUpdateStatus", "RevisionId"),
        *("LastUpdateStatusReason", "LastUpdateStatusReasonCode", "MasterArn", "State", "StateReason", "Version"),
        *("StateReasonCode", "SnapStart"),
        # Looked at one by one below.
        *("Environment", "Layers", "VpcConfig"),
    )
)

Configuration = Mapping[str, Any]


@dataclass(frozen=True)
class OldVersion:
    """A published version with plaintext secrets. `like_latest`: only moved secrets tell it from $LATEST."""

    version: str
    variables: tuple[str, ...]
    aliases: tuple[str, ...] = ()
    like_latest: bool = False


def old_versions(
    configurations: Sequence[Configuration], aliases: Sequence[Mapping[str, Any]]
) -> tuple[OldVersion, ...]:
    """Find the versions with plaintext in the answers of ListVersionsByFunction and ListAliases."""
    latest = next((c for c in configurations if c.get("Version") == "$LATEST"), {})
    served: dict[str, list[str]] = {}
    for alias in aliases:
        weights = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
        for version in (alias.get("FunctionVersion"), *weights):
            served.setdefault(str(version), []).append(str(alias.get("Name")))
    return tuple(
        OldVersion(str(c["Version"]), names, tuple(sorted(served.get(str(c["Version"]), ()))), _like(c, latest))
        for c in configurations
        if c.get("Version") != "$LATEST" and (names := _plaintext(_environment(c), moved(_environment(latest))))
    )


def _plaintext(variables: Mapping[str, str], moved_since: Collection[str]) -> tuple[str, ...]:
    """Name what is a secret beyond doubt, and what $LATEST has as a reference by now: somebody took it for one."""
    sure, _ = secrets_in(variables)
    references = (name for name in moved_since if variables.get(name, MARKER) != MARKER)
    return tuple(sorted({*sure, *references}))


def _environment(configuration: Configuration) -> Mapping[str, str]:
    variables: Mapping[str, str] = (configuration.get("Environment") or {}).get("Variables") or {}
    return variables


def _like(version: Configuration, latest: Configuration) -> bool:
    if _settings(version) != _settings(latest):
        return False
    if _network(version) != _network(latest) or _layers(version) != _layers(latest):
        return False
    before, after = _environment(version), _environment(latest)
    kept = {name: value for name, value in after.items() if value != MARKER and name not in OURS}
    was = {name: value for name, value in before.items() if after.get(name) != MARKER and name not in OURS}
    return kept == was and before.get(WRAPPER) == _wrapper(after)


def _settings(configuration: Configuration) -> dict[str, object]:
    """Return every setting that has to be equal, new ones of Lambda's included; unset and empty are the same."""
    return {name: value for name, value in configuration.items() if name not in _MAY_DIFFER and value}


def _wrapper(variables: Mapping[str, str]) -> str | None:
    """Return the wrapper that the function's team wants, beside or without ours."""
    wrapper = variables.get(WRAPPER)
    return variables.get(NEXT_WRAPPER) if wrapper == WRAPPER_PATH else wrapper


def _network(configuration: Configuration) -> tuple[object, object]:
    vpc = configuration.get("VpcConfig") or {}
    return sorted(vpc.get("SubnetIds") or ()), sorted(vpc.get("SecurityGroupIds") or ())


def _layers(configuration: Configuration) -> list[str]:
    arns = [str(layer.get("Arn")) for layer in configuration.get("Layers") or ()]
    return [arn for arn in arns if not is_our_layer(arn)]
