"""A critical function without reserved concurrency can be starved by its neighbours.

Lambda developer guide, "Configuring reserved concurrency": unreserved functions share one pool per account and
Region, and whoever comes first takes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from functions.core.finding import Finding, found
from functions.core.snapshot import FunctionSnapshot
from functions.playbooks.reserved_concurrency.playbook import PLAYBOOK

TIER_TAG = "warden:tier"


def check(snapshot: FunctionSnapshot, settings: Mapping[str, Any]) -> list[Finding]:
    """Find a function that is marked critical and has no reservation; a reservation of 0 is somebody's decision."""
    marked = _marked_critical(snapshot, settings)
    if not marked or snapshot.reserved is not None:
        return []
    return [
        found(
            PLAYBOOK,
            snapshot.subject,
            what=f"The function is critical ({marked}) and has no reserved concurrency.",
            why="Any other function of this account and Region can take the whole pool and starve it.",
            evidence={"Reserved concurrency": "not set", "Marked by": marked, "Runtime": snapshot.runtime or "none"},
        )
    ]


def _marked_critical(snapshot: FunctionSnapshot, settings: Mapping[str, Any]) -> str:
    """Say what marks the function critical: its tag, or a name pattern of the deployment; '' if nothing does."""
    tier = snapshot.tags.get(TIER_TAG)
    if tier is not None:
        return f"tag {TIER_TAG}=critical" if tier.strip().lower() == "critical" else ""
    for pattern in settings.get("critical", ()):
        if fnmatchcase(snapshot.subject.function, str(pattern)):
            return f"rule {pattern}"
    return ""
