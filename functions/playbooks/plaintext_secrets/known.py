"""What is known of a function beyond its snapshot; read in `facts`, or written in a case file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from functions.playbooks.plaintext_secrets.versions import OldVersion

FUNCTION_TAG = "warden:function"
ORPHANED_TAG = "warden:orphaned"


@dataclass(frozen=True)
class Secret:
    """A function's secret as it is described, without its value."""

    arn: str
    function: str = ""
    """The function it was made for, by its tag; '' if it is not ours."""
    deleted: bool = False
    """Scheduled for deletion; until then it can be restored."""
    key: str = ""
    """The customer's KMS key that it is encrypted with, '' for Secrets Manager's own."""
    rotates: bool = False
    """Whether something else changes its value by itself."""
    orphaned: str = ""
    """The day on which its function was found deleted."""


@dataclass(frozen=True)
class Facts:
    """What was read for one function; all of it is empty where nothing called for it."""

    secret: Secret | None = None
    granted: bool = True
    """Whether the secret's policy names the function's role."""
    denied: str = ""
    """What keeps the role from reading the secret all the same."""
    old: tuple[OldVersion, ...] = ()


def from_json(body: Mapping[str, Any]) -> Facts:
    """Read facts as a case file has them."""
    secret = Secret(**body["secret"]) if body.get("secret") else None
    old = tuple(
        OldVersion(o["version"], tuple(o["variables"]), tuple(o.get("aliases", ())), o.get("like_latest", False))
        for o in body.get("old", ())
    )
    return Facts(secret, body.get("granted", True), body.get("denied", ""), old)
