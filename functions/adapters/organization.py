"""The accounts of the organization with their OUs, as a delegated administrator sees them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from functions.adapters.aws import Aws
from functions.adapters.errors import AWS_ERRORS
from functions.core.mode import Account


def accounts(aws: Aws, configured: Sequence[str]) -> Iterator[Account]:
    """Return every active account with its chain of OUs, and the configured ones that are not among them.

    Organizations API reference: ListRoots, ListOrganizationalUnitsForParent, ListAccountsForParent. An account's
    `Status` is being replaced by `State`; either says ACTIVE. Without an organization only the configured ones are
    known; without those either, boto3's error says why.
    """
    try:
        found = list(_members(aws.hub("organizations")))
    except AWS_ERRORS:
        if not configured:
            raise
        found = []
    yield from found
    known = {account.id for account in found}
    yield from (Account(account) for account in configured if account not in known)


def _members(client: Any) -> Iterator[Account]:
    parents: list[tuple[str, ...]] = [(root["Id"],) for root in _pages(client, "list_roots", "Roots")]
    while parents:
        path = parents.pop()
        for found in _pages(client, "list_accounts_for_parent", "Accounts", ParentId=path[-1]):
            if (found.get("State") or found.get("Status")) == "ACTIVE":
                yield Account(found["Id"], name=found.get("Name") or "", ou_path=path)
        units = _pages(client, "list_organizational_units_for_parent", "OrganizationalUnits", ParentId=path[-1])
        parents += [(*path, unit["Id"]) for unit in units]


def _pages(client: Any, operation: str, key: str, **arguments: str) -> Iterator[dict[str, Any]]:
    for page in client.get_paginator(operation).paginate(**arguments):
        yield from page[key]
