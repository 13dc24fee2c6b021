"""What ListSecrets finds, and what is said of a secret."""

from typing import Any

import pytest

from warden.local.emulator import Emulator

from .resources import MEMBER

SECRETS: dict[str, dict[str, Any]] = {
    "warden/orders/env": {
        "Description": "Variables of orders",
        "Tags": [{"Key": "warden:function", "Value": "orders"}],
    },
    "warden/payments/env": {"Tags": [{"Key": "warden:function", "Value": "payments"}]},
    "Warden": {"Tags": [{"Key": "team", "Value": "orders-team"}]},
    "my/warden/orders": {"Description": "not of the warden"},
}


@pytest.fixture
def secrets(emulator: Emulator) -> Any:
    client = emulator.client("secretsmanager", MEMBER)
    for name, given in SECRETS.items():
        client.create_secret(Name=name, SecretString="x", **given)
    return client


def names(secrets: Any, **asked: Any) -> list[str]:
    return [one["Name"] for one in secrets.list_secrets(**asked)["SecretList"]]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"name": ["warden/"]}, {"warden/orders/env", "warden/payments/env"}),
        ({"name": ["warden"]}, {"warden/orders/env", "warden/payments/env"}),
        ({"name": ["Warden", "my/"]}, {"Warden", "my/warden/orders"}),
        ({"name": ["!warden/"]}, {"Warden", "my/warden/orders"}),
        ({"tag-key": ["warden:"]}, {"warden/orders/env", "warden/payments/env"}),
        ({"tag-key": ["Warden:"]}, set()),
        ({"tag-value": ["orders"]}, {"warden/orders/env", "Warden"}),
        ({"tag-key": ["warden:function"], "tag-value": ["orders"]}, {"warden/orders/env"}),
        ({"description": ["VARIABLES of"]}, {"warden/orders/env"}),
        ({"all": ["Orders"]}, {"warden/orders/env", "Warden", "my/warden/orders"}),
        ({"owning-service": ["rds"]}, set()),
    ],
)
def test_filters_match_beginnings(secrets: Any, filters: dict[str, list[str]], found: set[str]) -> None:
    asked = [{"Key": key, "Values": values} for key, values in filters.items()]
    assert set(names(secrets, Filters=asked)) == found
    batch = secrets.batch_get_secret_value(Filters=asked)
    assert {one["Name"] for one in batch["SecretValues"]} == found


def test_pages_follow_one_another(secrets: Any) -> None:
    for number in range(5):
        secrets.create_secret(Name=f"page/{number}", SecretString="x")
    asked = {"Filters": [{"Key": "name", "Values": ["page/"]}], "PaginationConfig": {"PageSize": 2}}
    pages = [
        [one["Name"] for one in page["SecretList"]] for page in secrets.get_paginator("list_secrets").paginate(**asked)
    ]
    assert [len(page) for page in pages] == [2, 2, 1]
    assert sorted(name for page in pages for name in page) == [f"page/{number}" for number in range(5)]


def test_a_secret_scheduled_for_deletion_is_listed_only_when_asked_for(secrets: Any) -> None:
    secrets.delete_secret(SecretId="Warden")
    assert "Warden" not in names(secrets)
    listed = secrets.list_secrets(IncludePlannedDeletion=True)["SecretList"]
    assert {one["Name"] for one in listed if "DeletedDate" in one} == {"Warden"}


def test_says_what_a_secret_has(emulator: Emulator, secrets: Any) -> None:
    key = emulator.client("kms", MEMBER).create_key()["KeyMetadata"]["Arn"]
    secrets.create_secret(Name="keyed", KmsKeyId=key)
    entries = {one["Name"]: one for one in secrets.list_secrets()["SecretList"]}
    assert entries["keyed"]["KmsKeyId"] == key
    assert secrets.describe_secret(SecretId="keyed")["KmsKeyId"] == key
    bare = secrets.create_secret(Name="bare", SecretString="x")["ARN"]
    listed = next(one for one in secrets.list_secrets()["SecretList"] if one["ARN"] == bare)
    for shown in (listed, secrets.describe_secret(SecretId=bare)):
        assert {"KmsKeyId", "Description", "DeletedDate", "LastAccessedDate", "Tags"}.isdisjoint(shown)
    assert entries["warden/orders/env"]["Tags"] == SECRETS["warden/orders/env"]["Tags"]
