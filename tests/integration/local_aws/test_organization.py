"""One organization: who sees it, and in pages."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from warden.local.emulator import Emulator

from .resources import HUB, MEMBER, ORGANIZATION, STRANGER


@pytest.fixture
def organizations(emulator: Emulator) -> Any:
    emulator.configure(organization=ORGANIZATION)
    return emulator.client("organizations", HUB)


def test_a_delegated_administrator_sees_accounts_units_and_root(organizations: Any) -> None:
    accounts = {one["Id"]: one for one in organizations.list_accounts()["Accounts"]}
    assert set(accounts) == {"000000000001", HUB, MEMBER}
    assert (accounts[MEMBER]["Name"], accounts[MEMBER]["Status"]) == ("orders", "ACTIVE")
    assert accounts[MEMBER]["Paths"] == [f"o-exampleorg1/r-root/ou-root-workload/ou-root-orders/{MEMBER}/"]
    (root,) = organizations.list_roots()["Roots"]
    units = organizations.list_organizational_units_for_parent(ParentId=root["Id"])["OrganizationalUnits"]
    assert [unit["Name"] for unit in units] == ["Workloads"]
    nested = organizations.list_organizational_units_for_parent(ParentId=units[0]["Id"])["OrganizationalUnits"]
    assert [unit["Id"] for unit in nested] == ["ou-root-orders"]
    below = organizations.list_accounts_for_parent(ParentId="ou-root-orders")["Accounts"]
    assert [account["Id"] for account in below] == [MEMBER]
    assert organizations.list_parents(ChildId=MEMBER)["Parents"] == [
        {"Id": "ou-root-orders", "Type": "ORGANIZATIONAL_UNIT"}
    ]


def test_the_management_account_sees_the_same(emulator: Emulator, organizations: Any) -> None:
    found = emulator.client("organizations", "000000000001").list_accounts()["Accounts"]
    assert found == organizations.list_accounts()["Accounts"]


@pytest.mark.usefixtures("organizations")
def test_a_member_sees_only_which_organization_it_is_in(emulator: Emulator) -> None:
    member = emulator.client("organizations", MEMBER)
    assert member.describe_organization()["Organization"]["Id"] == "o-exampleorg1"
    with pytest.raises(ClientError, match="You don't have permissions to access this resource") as denied:
        member.list_accounts()
    assert denied.value.response["Error"]["Code"] == "AccessDeniedException"


@pytest.mark.usefixtures("organizations")
def test_a_stranger_is_in_no_organization(emulator: Emulator) -> None:
    with pytest.raises(ClientError) as absent:
        emulator.client("organizations", STRANGER).describe_organization()
    assert absent.value.response["Error"]["Code"] == "AWSOrganizationsNotInUseException"


def test_lists_come_in_pages_of_twenty(emulator: Emulator) -> None:
    accounts = [{"id": f"3000000000{number:02}"} for number in range(45)]
    emulator.configure(organization={**ORGANIZATION, "accounts": accounts})
    organizations = emulator.client("organizations", HUB)
    assert len(organizations.list_accounts()["Accounts"]) == 20
    pages = list(organizations.get_paginator("list_accounts").paginate())
    assert [len(page["Accounts"]) for page in pages] == [20, 20, 7]
    assert len({one["Id"] for page in pages for one in page["Accounts"]}) == 47
