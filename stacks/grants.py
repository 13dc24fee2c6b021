"""What each function of the hub may do, beside taking from its own queue."""

from __future__ import annotations

from functions.core.playbook import Playbook
from functions.core.triggers import INSPECTOR_ROLE
from stacks import names
from stacks.config import Config
from stacks.roles import Grant, grants_of

_TABLE = f"arn:{{partition}}:dynamodb:{{region}}:{{account}}:table/{names.TABLE}"
_BUS = f"arn:{{partition}}:events:{{region}}:{{account}}:event-bus/{names.BUS}"
_QUEUE = "arn:{partition}:sqs:{region}:{account}:"

_TELL = Grant(actions=("events:PutEvents",), resources=(_BUS,))


def _enter(role: str) -> Grant:
    return Grant(
        actions=("sts:AssumeRole",),
        resources=(f"arn:{{partition}}:iam::*:role/{role}",),
        wildcard="accounts join and leave the organization; the role in each of them trusts this one alone",
    )


def _table(*operations: str) -> Grant:
    return Grant(actions=tuple(f"dynamodb:{operation}" for operation in operations), resources=(_TABLE,))


INSPECTOR = (
    _enter(INSPECTOR_ROLE),
    _table("GetItem", "Query"),
    _TELL,
    Grant(actions=("sqs:SendMessage",), resources=(f"{_QUEUE}warden-sweep",)),
)

SWEEP = (
    _enter(INSPECTOR_ROLE),
    _table("GetItem", "PutItem"),
    _TELL,
    Grant(actions=("sqs:SendMessage",), resources=(f"{_QUEUE}warden-inspect", f"{_QUEUE}warden-topology")),
    Grant(
        actions=(
            "organizations:ListAccountsForParent",
            "organizations:ListOrganizationalUnitsForParent",
            "organizations:ListRoots",
        ),
        resources=("*",),
        wildcard="ListRoots has no resource type, and which OUs there are is what it asks",
    ),
)

TOPOLOGY = (
    _enter(INSPECTOR_ROLE),
    _table("DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem"),
    _TELL,
    Grant(actions=("sqs:SendMessage",), resources=(f"{_QUEUE}warden-inspect",)),
)


def ticket(slack_secret: str) -> tuple[Grant, ...]:
    """Return the ticket function's; `slack_secret` is the ARN of the token's secret."""
    return (
        _table("GetItem", "PutItem", "Query", "UpdateItem"),
        Grant(actions=("secretsmanager:GetSecretValue",), resources=(slack_secret,)),
    )


def remediator(playbook: Playbook, config: Config) -> tuple[Grant, ...]:
    """Return a remediator's: it enters accounts by its own playbook's role only, and reads what that declares here."""
    return (
        _enter(playbook.member_role),
        _table("GetItem", "PutItem", "Query", "UpdateItem"),
        _TELL,
        *grants_of(config.granted(playbook, playbook.hub_reads)),
    )
