"""What a version of a secret holds, and which label finds it."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from warden.local.emulator import Emulator

from .resources import MEMBER, allow, assumed, create_role

NAME = "warden/orders/env"
FIRST, SECOND, THIRD = (str(number) * 32 for number in (1, 2, 3))
ANYONE = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
BOTH = {"SecretString": "one", "SecretBinary": b"one"}


@pytest.fixture
def secrets(emulator: Emulator) -> Any:
    return emulator.client("secretsmanager", MEMBER)


def put(secrets: Any, value: str, token: str, *labels: str) -> list[str]:
    """The labels that the new version has."""
    given = {"VersionStages": list(labels)} if labels else {}
    answer = secrets.put_secret_value(SecretId=NAME, SecretString=value, ClientRequestToken=token, **given)
    return sorted(answer["VersionStages"])


def labels(secrets: Any) -> dict[str, list[str]]:
    stages = secrets.describe_secret(SecretId=NAME)["VersionIdsToStages"]
    return {version: sorted(given) for version, given in stages.items()}


def test_a_label_moves_to_the_version_that_is_given_it(secrets: Any) -> None:
    secrets.create_secret(Name=NAME, SecretString="one", ClientRequestToken=FIRST)
    assert put(secrets, "two", SECOND, "AWSPENDING", "mine") == ["AWSPENDING", "mine"]
    assert put(secrets, "three", THIRD, "AWSPENDING") == ["AWSPENDING"]
    assert labels(secrets) == {FIRST: ["AWSCURRENT"], SECOND: ["mine"], THIRD: ["AWSPENDING"]}
    assert secrets.get_secret_value(SecretId=NAME, VersionStage="AWSPENDING")["SecretString"] == "three"
    assert put(secrets, "two", SECOND, "AWSPENDING") == ["mine"], "the same request once more moves nothing"
    assert labels(secrets)[THIRD] == ["AWSPENDING"]


def test_other_labels_are_given_with_the_current_one(secrets: Any) -> None:
    secrets.create_secret(Name=NAME, SecretString="one", ClientRequestToken=FIRST)
    assert put(secrets, "two", SECOND, "AWSCURRENT", "mine") == ["AWSCURRENT", "mine"]
    assert labels(secrets) == {FIRST: ["AWSPREVIOUS"], SECOND: ["AWSCURRENT", "mine"]}


def test_the_first_version_is_the_current_one(secrets: Any) -> None:
    secrets.create_secret(Name=NAME)
    assert put(secrets, "one", FIRST, "AWSPENDING") == ["AWSCURRENT", "AWSPENDING"]
    assert secrets.get_secret_value(SecretId=NAME)["SecretString"] == "one"


def test_a_version_holds_one_value(secrets: Any) -> None:
    both = r"InvalidParameterException.*both a binary secret value and a string secret value"
    with pytest.raises(ClientError, match=both):
        secrets.create_secret(Name=NAME, **BOTH)
    secrets.create_secret(Name=NAME, SecretString="one", ClientRequestToken=FIRST)
    for write in (secrets.put_secret_value, secrets.update_secret):
        with pytest.raises(ClientError, match=both):
            write(SecretId=NAME, **BOTH)
    with pytest.raises(ClientError, match=r"InvalidRequestException.*must provide either SecretString or SecretBinary"):
        secrets.put_secret_value(SecretId=NAME)
    assert labels(secrets) == {FIRST: ["AWSCURRENT"]}
    secrets.put_secret_value(SecretId=NAME, SecretBinary=b"\x00\xff", ClientRequestToken=SECOND)
    secrets.put_secret_value(SecretId=NAME, SecretBinary=b"\x00\xff", ClientRequestToken=SECOND)
    found = secrets.get_secret_value(SecretId=NAME)
    assert (found["SecretBinary"], "SecretString" in found) == (b"\x00\xff", False)


def test_an_id_and_a_label_have_to_be_of_one_version(secrets: Any) -> None:
    secrets.create_secret(Name=NAME, SecretString="one", ClientRequestToken=FIRST)
    put(secrets, "two", SECOND)
    asked = {"SecretId": NAME, "VersionId": FIRST}
    assert secrets.get_secret_value(**asked, VersionStage="AWSPREVIOUS")["SecretString"] == "one"
    with pytest.raises(ClientError, match=r"InvalidRequestException.*VersionStage that is not associated"):
        secrets.get_secret_value(**asked, VersionStage="AWSCURRENT")


def test_a_key_that_cannot_be_used_stops_reader_and_writer(emulator: Emulator, secrets: Any) -> None:
    kms = emulator.client("kms", MEMBER)
    key = kms.create_key()["KeyMetadata"]["Arn"]
    kms.create_alias(AliasName="alias/secrets", TargetKeyId=key)
    secrets.create_secret(Name=NAME, SecretString="one", KmsKeyId="alias/secrets")
    role = create_role(emulator, MEMBER, "reader", allow("secretsmanager:*", "kms:*"), trusts=[ANYONE])
    reader = assumed(emulator, MEMBER, role).client("secretsmanager", endpoint_url=emulator.endpoint)
    assert reader.get_secret_value(SecretId=NAME)["SecretString"] == "one"
    kms.disable_key(KeyId=key)
    for client in (secrets, reader):
        with pytest.raises(ClientError, match="DecryptionFailure"):
            client.get_secret_value(SecretId=NAME)
        with pytest.raises(ClientError, match="EncryptionFailure"):
            client.put_secret_value(SecretId=NAME, SecretString="two")
    kms.enable_key(KeyId=key)
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    with pytest.raises(ClientError, match="DecryptionFailure"):
        reader.get_secret_value(SecretId=NAME)
    kms.cancel_key_deletion(KeyId=key)
    kms.enable_key(KeyId=key)
    assert reader.get_secret_value(SecretId=NAME)["SecretString"] == "one"
