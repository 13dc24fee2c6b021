"""The resource policy of a function's secret: its execution role, and whatever else somebody allowed there. Pure.

Secrets Manager user guide, "Resource-based policies": in the same account, a policy that names a role as principal is
enough, and the role's own policies need not say anything. AWS stores a named role by its unique id; one that was made
anew under the same name is a stranger, and the policy then shows the old id.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

SID = "WardenFunctionReads"
_READ = "secretsmanager:GetSecretValue"

Statement = Mapping[str, Any]


def grants(policy: str, role_arn: str) -> bool:
    """Whether a policy has our statement, for this role among others; '' is no policy."""
    ours = (statement for statement in _statements(policy) if statement.get("Sid") == SID)
    return any(role_arn in _roles(statement) and _ours(*_roles(statement)) == statement for statement in ours)


def foreign_denials(policy: str) -> tuple[str, ...]:
    """Name the statements that deny something: whom they mean cannot be told for certain."""
    found = [statement for statement in _statements(policy) if statement.get("Effect") == "Deny"]
    return tuple(str(statement.get("Sid") or "without a Sid") for statement in found)


def with_grant(policy: str, *role_arns: str) -> str:
    """Return the policy with our statement for these roles, in the place of one for others; all else stays."""
    others = [statement for statement in _statements(policy) if statement.get("Sid") != SID]
    return json.dumps({"Version": "2012-10-17", "Statement": [*others, _ours(*role_arns)]})


def _ours(*role_arns: str) -> Statement:
    named: object = role_arns[0] if len(role_arns) == 1 else list(role_arns)
    return {"Sid": SID, "Effect": "Allow", "Principal": {"AWS": named}, "Action": _READ, "Resource": "*"}


def _roles(statement: Statement) -> tuple[str, ...]:
    principal = statement.get("Principal")
    named = principal.get("AWS") if isinstance(principal, Mapping) else None
    return tuple(map(str, named)) if isinstance(named, list) else (str(named),)


def _statements(policy: str) -> list[Statement]:
    found = json.loads(policy).get("Statement") if policy else []
    return list(found) if isinstance(found, list) else [found]
