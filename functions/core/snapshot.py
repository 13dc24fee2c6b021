"""A function as it was at one moment, read once and shared by every check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from functions.core.subject import Subject

# Lambda developer guide, "Lambda function states": while one of these holds, changes are refused with a 409.
_SETTLING_STATES = frozenset({"Pending", "Deleting", "Deactivating"})
_UNSET: Mapping[str, str] = {}

DELETED = "Deleted"
"""The state of a function that is no longer there; Lambda has no word for it."""


@dataclass(frozen=True)
class FunctionSnapshot:
    """The facts of `GetFunction`: configuration, tags and concurrency. Enum values are carried as they came.

    `environment` holds plaintext values, so it is left out of every `repr`.
    """

    subject: Subject
    state: str = "Active"
    state_reason_code: str = ""
    last_update_status: str = "Successful"
    last_update_status_reason_code: str = ""
    revision_id: str = ""
    runtime: str = ""
    role: str = ""
    package_type: str = "Zip"
    memory_mb: int = 128
    timeout_seconds: int = 3
    tags: Mapping[str, str] = field(default_factory=dict)
    reserved: int | None = None
    """Reserved concurrency; None is unset, which is not the same as 0 (nothing may run)."""
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    environment_error: str = ""
    """Why Lambda could not show the environment, such as a key that we may not use; '' if it could."""
    environment_key: str = ""
    """The customer's KMS key that the environment is encrypted with, '' for Lambda's own."""
    layers: tuple[str, ...] = ()
    """ARNs of layer versions, in the order in which they are laid over one another."""
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    vpc: str = ""
    snap_start: str = "None"
    code_sha256: str = ""

    @property
    def deleted(self) -> bool:
        """Whether the function is no longer there."""
        return self.state == DELETED

    @property
    def settling(self) -> bool:
        """Whether Lambda is still creating or updating the function, so that it cannot be changed yet."""
        return self.state in _SETTLING_STATES or self.last_update_status == "InProgress"


def from_get_function(subject: Subject, answer: Mapping[str, Any]) -> FunctionSnapshot:
    """Read a `GetFunction` answer (Lambda API reference); absent and new fields are no error.

    The answer's presigned `Code.Location` is not carried.
    """
    configuration: Mapping[str, Any] = answer.get("Configuration") or {}
    concurrency: Mapping[str, Any] = answer.get("Concurrency") or {}
    environment: Mapping[str, Any] = configuration.get("Environment") or {}
    vpc: Mapping[str, Any] = configuration.get("VpcConfig") or {}
    return FunctionSnapshot(
        subject=subject,
        state=configuration.get("State") or "Active",
        state_reason_code=configuration.get("StateReasonCode") or "",
        last_update_status=configuration.get("LastUpdateStatus") or "Successful",
        last_update_status_reason_code=configuration.get("LastUpdateStatusReasonCode") or "",
        revision_id=configuration.get("RevisionId") or "",
        runtime=configuration.get("Runtime") or "",
        role=configuration.get("Role") or "",
        package_type=configuration.get("PackageType") or "Zip",
        memory_mb=configuration.get("MemorySize") or 128,
        timeout_seconds=configuration.get("Timeout") or 3,
        tags=answer.get("Tags") or _UNSET,
        reserved=concurrency.get("ReservedConcurrentExecutions"),
        environment=environment.get("Variables") or _UNSET,
        environment_error=str((environment.get("Error") or {}).get("ErrorCode") or ""),
        environment_key=configuration.get("KMSKeyArn") or "",
        layers=tuple(str(layer.get("Arn")) for layer in configuration.get("Layers") or ()),
        subnets=tuple(vpc.get("SubnetIds") or ()),
        security_groups=tuple(vpc.get("SecurityGroupIds") or ()),
        vpc=vpc.get("VpcId") or "",
        snap_start=(configuration.get("SnapStart") or {}).get("ApplyOn") or "None",
        code_sha256=configuration.get("CodeSha256") or "",
    )
