"""What one operation answered, as another one takes it: with fields that this code has never heard of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def taken(client: Any, operation: str, answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of an answer an operation, by its API name, takes as it is; empty values are left out."""
    members = client.meta.service_model.operation_model(operation).input_shape.members
    return {name: value for name, value in answer.items() if name in members and value not in (None, "")}
