"""Secrets Manager: versions and tokens, deletion, resource policies, and customer keys."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from warden.local.emulator import Emulator

from .resources import MEMBER, allow, assumed, create_role, document

NAME = "warden/orders/env"
PLACE = f"arn:aws:secretsmanager:us-east-1:{MEMBER}:secret:"
READ = "secretsmanager:GetSecretValue"
FIRST, SECOND, THIRD = (str(number) * 32 for number in (1, 2, 3))
OPEN_ROLE = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
GONE = "scheduled for deletion"
MARKED = "InvalidRequestException.*because it was marked for deletion"


@pytest.fixture
def secrets(emulator: Emulator) -> Any:
    return emulator.client("secretsmanager", MEMBER)


def create(secrets: Any, value: str = "one", token: str = FIRST, **given: Any) -> str:
    answer = secrets.create_secret(Name=NAME, SecretString=value, ClientRequestToken=token, **given)
    return str(answer["ARN"])


def role(aws: Emulator, *statements: dict[str, Any], name: str = "orders") -> tuple[str, Any]:
    """(ARN, Secrets Manager client) of a role."""
    arn = create_role(aws, MEMBER, name, *statements, trusts=[OPEN_ROLE])
    return arn, assumed(aws, MEMBER, arn).client("secretsmanager", endpoint_url=aws.endpoint)


def reads(principal: Any, effect: str = "Allow", **more: Any) -> str:
    """A resource policy about reading."""
    return document({"Effect": effect, "Principal": principal, "Action": READ, "Resource": "*", **more})


# Versions.


def test_the_first_version_is_called_as_the_token(secrets: Any) -> None:
    arn = create(secrets)
    assert secrets.describe_secret(SecretId=arn)["VersionIdsToStages"] == {FIRST: ["AWSCURRENT"]}
    assert secrets.get_secret_value(SecretId=NAME)["VersionId"] == FIRST


def test_a_repeated_create_is_answered_as_the_first(secrets: Any) -> None:
    arn = create(secrets)
    again = secrets.create_secret(Name=NAME, SecretString="one", ClientRequestToken=FIRST)
    assert (again["ARN"], again["Name"], again["VersionId"]) == (arn, NAME, FIRST)
    assert secrets.describe_secret(SecretId=arn)["VersionIdsToStages"] == {FIRST: ["AWSCURRENT"]}


def test_a_token_cannot_stand_for_two_values(secrets: Any) -> None:
    create(secrets)
    taken = f"ResourceExistsException.*ClientRequestToken {FIRST} because that value is already in use"
    for call in (secrets.put_secret_value, secrets.update_secret):
        with pytest.raises(ClientError, match=taken):
            call(SecretId=NAME, SecretString="two", ClientRequestToken=FIRST)
    with pytest.raises(ClientError, match=taken):
        create(secrets, "two")
    assert secrets.get_secret_value(SecretId=NAME)["SecretString"] == "one"


def test_another_secret_of_the_same_name_exists(secrets: Any) -> None:
    create(secrets)
    with pytest.raises(ClientError, match=f"ResourceExistsException.*the secret {NAME} already exists"):
        create(secrets, token=SECOND)


@pytest.mark.parametrize("operation", ["put_secret_value", "update_secret"])
def test_a_repeated_write_makes_no_version_and_moves_no_label(secrets: Any, operation: str) -> None:
    arn = create(secrets)
    write = getattr(secrets, operation)
    assert write(SecretId=arn, SecretString="two", ClientRequestToken=SECOND)["VersionId"] == SECOND
    write(SecretId=arn, SecretString="three", ClientRequestToken=THIRD)
    assert write(SecretId=arn, SecretString="two", ClientRequestToken=SECOND)["VersionId"] == SECOND
    stages = secrets.describe_secret(SecretId=arn)["VersionIdsToStages"]
    assert stages == {SECOND: ["AWSPREVIOUS"], THIRD: ["AWSCURRENT"]}
    assert secrets.get_secret_value(SecretId=arn)["SecretString"] == "three"
    assert secrets.get_secret_value(SecretId=arn, VersionStage="AWSPREVIOUS")["SecretString"] == "two"


def test_a_version_without_a_label_can_still_be_read_by_its_id(secrets: Any) -> None:
    create(secrets)
    for value, token in (("two", SECOND), ("three", THIRD)):
        secrets.put_secret_value(SecretId=NAME, SecretString=value, ClientRequestToken=token)
    assert secrets.get_secret_value(SecretId=NAME, VersionId=FIRST)["SecretString"] == "one"
    listed = secrets.list_secret_version_ids(SecretId=NAME)["Versions"]
    assert {one["VersionId"] for one in listed} == {SECOND, THIRD}
    listed = secrets.list_secret_version_ids(SecretId=NAME, IncludeDeprecated=True)["Versions"]
    assert {one["VersionId"] for one in listed} == {FIRST, SECOND, THIRD}


def test_an_update_changes_what_is_given(secrets: Any) -> None:
    create(secrets, Description="before", Tags=[{"Key": "a", "Value": "b"}])
    assert "VersionId" not in secrets.update_secret(SecretId=NAME, Description="after")
    secrets.update_secret(SecretId=NAME, SecretString="two", KmsKeyId="alias/other")
    found = secrets.describe_secret(SecretId=NAME)
    assert (found["Description"], found["KmsKeyId"]) == ("after", "alias/other")
    assert sorted(found["VersionIdsToStages"].values()) == [["AWSCURRENT"], ["AWSPREVIOUS"]]
    secrets.tag_resource(SecretId=NAME, Tags=[{"Key": "c", "Value": "d"}])
    secrets.untag_resource(SecretId=NAME, TagKeys=["a"])
    assert secrets.describe_secret(SecretId=NAME)["Tags"] == [{"Key": "c", "Value": "d"}]


def test_a_secret_without_a_value_has_no_version(secrets: Any) -> None:
    assert "VersionId" not in secrets.create_secret(Name=NAME)
    assert secrets.describe_secret(SecretId=NAME)["VersionIdsToStages"] == {}
    with pytest.raises(ClientError, match=r"ResourceNotFoundException.*staging label: AWSCURRENT"):
        secrets.get_secret_value(SecretId=NAME)


@pytest.mark.parametrize("name", ["with space", "ümlaut", "a:b", "x" * 513])
def test_refuses_bad_names(secrets: Any, name: str) -> None:
    with pytest.raises(ClientError, match=r"ValidationException.*Invalid name"):
        secrets.create_secret(Name=name, SecretString="one")


def test_a_value_has_at_most_65536_bytes(secrets: Any) -> None:
    create(secrets, "é" * 32_768)
    refused = r"ValidationException.*less than or equal to 65536"
    with pytest.raises(ClientError, match=refused):
        secrets.put_secret_value(SecretId=NAME, SecretString="é" * 32_769)
    with pytest.raises(ClientError, match=refused):
        secrets.create_secret(Name="another", SecretString="x" * 65_537)


# Names and deletion.


def test_finds_a_secret_by_name_and_by_arn_with_or_without_its_end(secrets: Any) -> None:
    arn = create(secrets)
    for named in (NAME, arn, arn[:-7]):
        assert secrets.describe_secret(SecretId=named)["ARN"] == arn
    for stranger in (arn[:-8], "warden/orders", f"{PLACE}warden/"):
        with pytest.raises(ClientError, match="ResourceNotFoundException"):
            secrets.describe_secret(SecretId=stranger)


ON_A_DELETED_SECRET: list[tuple[str, Callable[[Any], Any]]] = [
    ("get", lambda c: c.get_secret_value(SecretId=NAME)),
    ("put", lambda c: c.put_secret_value(SecretId=NAME, SecretString="two")),
    ("update", lambda c: c.update_secret(SecretId=NAME, SecretString="two")),
    ("put policy", lambda c: c.put_resource_policy(SecretId=NAME, ResourcePolicy=reads("*"))),
    ("get policy", lambda c: c.get_resource_policy(SecretId=NAME)),
    ("delete policy", lambda c: c.delete_resource_policy(SecretId=NAME)),
    ("tag", lambda c: c.tag_resource(SecretId=NAME, Tags=[])),
]


@pytest.mark.parametrize(
    "call", [call for _, call in ON_A_DELETED_SECRET], ids=[name for name, _ in ON_A_DELETED_SECRET]
)
def test_a_secret_that_is_scheduled_for_deletion_answers_nothing(secrets: Any, call: Callable[[Any], Any]) -> None:
    create(secrets)
    secrets.delete_secret(SecretId=NAME, RecoveryWindowInDays=7)
    with pytest.raises(ClientError, match=MARKED):
        call(secrets)


def test_a_deleted_secret_keeps_its_name_until_it_is_restored_or_gone(secrets: Any) -> None:
    arn = create(secrets)
    secrets.delete_secret(SecretId=NAME)
    assert secrets.describe_secret(SecretId=NAME)["DeletedDate"]
    for token in (FIRST, SECOND):
        with pytest.raises(ClientError, match=f"InvalidRequestException.*already {GONE}"):
            create(secrets, token=token)
    assert secrets.restore_secret(SecretId=NAME)["ARN"] == arn
    assert secrets.get_secret_value(SecretId=NAME)["SecretString"] == "one"
    assert "DeletedDate" not in secrets.describe_secret(SecretId=NAME)
    secrets.delete_secret(SecretId=NAME, ForceDeleteWithoutRecovery=True)
    assert create(secrets) != arn


def test_to_restore_what_is_not_deleted_changes_nothing(secrets: Any) -> None:
    arn = create(secrets)
    assert secrets.restore_secret(SecretId=NAME)["ARN"] == arn
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        secrets.restore_secret(SecretId="other")


def test_to_delete_by_force_what_is_not_there_is_no_error(secrets: Any) -> None:
    assert secrets.delete_secret(SecretId=NAME, ForceDeleteWithoutRecovery=True)["Name"] == NAME
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        secrets.delete_secret(SecretId=NAME)


# Resource policies.


@pytest.mark.parametrize(
    "policy",
    [
        "{",
        "[]",
        "{}",
        json.dumps({"Version": "2019-10-19", "Statement": json.loads(reads("*"))["Statement"]}),
        document(allow(READ)),
        document({"Effect": "Allow", "Principal": "*", "Resource": "*"}),
    ],
    ids=["no JSON", "no object", "no statement", "no such version", "no principal", "no action"],
)
def test_refuses_what_is_no_resource_policy(secrets: Any, policy: str) -> None:
    create(secrets)
    with pytest.raises(ClientError, match="MalformedPolicyDocumentException"):
        secrets.put_resource_policy(SecretId=NAME, ResourcePolicy=policy)


def test_refuses_a_principal_that_does_not_exist(secrets: Any) -> None:
    create(secrets)
    with pytest.raises(ClientError, match=r"MalformedPolicyDocumentException.*unsupported principal"):
        secrets.put_resource_policy(SecretId=NAME, ResourcePolicy=reads({"AWS": f"arn:aws:iam::{MEMBER}:role/gone"}))


def test_blocks_public_policies_only_when_asked_to(secrets: Any) -> None:
    create(secrets)
    for principal in ("*", {"AWS": "*"}, {"AWS": ["*"]}):
        with pytest.raises(ClientError, match="PublicPolicyException"):
            secrets.put_resource_policy(SecretId=NAME, ResourcePolicy=reads(principal), BlockPublicPolicy=True)
    narrow = reads("*", Condition={"StringEquals": {"aws:PrincipalOrgID": "o-exampleorg1"}})
    for policy in (reads("*", "Deny"), narrow):
        secrets.put_resource_policy(SecretId=NAME, ResourcePolicy=policy, BlockPublicPolicy=True)
    secrets.put_resource_policy(SecretId=NAME, ResourcePolicy=reads("*"))


def test_says_of_a_policy_whether_it_is_public(emulator: Emulator, secrets: Any) -> None:
    create(secrets)
    named, _ = role(emulator)
    validate = secrets.validate_resource_policy
    fine = validate(SecretId=NAME, ResourcePolicy=reads({"AWS": named}))
    assert (fine["PolicyValidationPassed"], fine["ValidationErrors"]) == (True, [])
    public = validate(ResourcePolicy=reads("*"))
    assert (public["PolicyValidationPassed"], len(public["ValidationErrors"])) == (False, 1)
    for wrong in ("{", reads({"AWS": f"arn:aws:iam::{MEMBER}:role/gone"})):
        with pytest.raises(ClientError, match="MalformedPolicyDocumentException"):
            validate(SecretId=NAME, ResourcePolicy=wrong)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        validate(SecretId="other", ResourcePolicy=reads("*"))
    assert "ResourcePolicy" not in secrets.get_resource_policy(SecretId=NAME)


def test_a_policy_that_names_a_role_is_enough(emulator: Emulator, secrets: Any) -> None:
    arn = create(secrets)
    named, client = role(emulator)
    _, other = role(emulator, name="other")
    denied = f"AccessDeniedException.*{READ} on resource: {arn} because"
    for secret_id in (NAME, arn):
        with pytest.raises(ClientError, match=denied):
            client.get_secret_value(SecretId=secret_id)
    secrets.put_resource_policy(SecretId=NAME, ResourcePolicy=reads({"AWS": named}), BlockPublicPolicy=True)
    for secret_id in (NAME, arn):
        assert client.get_secret_value(SecretId=secret_id)["SecretString"] == "one"
    with pytest.raises(ClientError, match=denied):
        other.get_secret_value(SecretId=NAME)
    with pytest.raises(ClientError, match="AccessDeniedException"):
        client.describe_secret(SecretId=NAME)
    secrets.delete_resource_policy(SecretId=NAME)
    assert "ResourcePolicy" not in secrets.get_resource_policy(SecretId=NAME)
    with pytest.raises(ClientError, match=denied):
        client.get_secret_value(SecretId=NAME)


def test_a_policy_that_names_the_account_leaves_it_to_identity_policies(emulator: Emulator, secrets: Any) -> None:
    create(secrets)
    _, client = role(emulator)
    secrets.put_resource_policy(SecretId=NAME, ResourcePolicy=reads({"AWS": f"arn:aws:iam::{MEMBER}:root"}))
    with pytest.raises(ClientError, match="AccessDeniedException"):
        client.get_secret_value(SecretId=NAME)


@pytest.mark.parametrize("where", ["identity", "resource", "boundary"])
def test_a_denial_anywhere_wins(emulator: Emulator, secrets: Any, where: str) -> None:
    create(secrets)
    deny = {"Effect": "Deny", "Action": READ, "Resource": "*"}
    named, client = role(emulator, *([deny] if where == "identity" else []))
    allowing = json.loads(reads({"AWS": named}))["Statement"]
    denying = [{**deny, "Principal": {"AWS": named}}] if where == "resource" else []
    secrets.put_resource_policy(SecretId=NAME, ResourcePolicy=document(*allowing, *denying))
    if where == "boundary":
        iam = emulator.client("iam", MEMBER)
        arn = iam.create_policy(PolicyName="boundary", PolicyDocument=document(allow("*"), deny))["Policy"]["Arn"]
        iam.put_role_permissions_boundary(RoleName="orders", PermissionsBoundary=arn)
    with pytest.raises(ClientError, match=r"AccessDeniedException.*with an explicit deny"):
        client.get_secret_value(SecretId=NAME)


def test_a_boundary_that_does_not_allow_it_is_in_the_way(emulator: Emulator, secrets: Any) -> None:
    create(secrets)
    named, client = role(emulator)
    secrets.put_resource_policy(SecretId=NAME, ResourcePolicy=reads({"AWS": named}))
    iam = emulator.client("iam", MEMBER)
    for name, action, refused in (("logs", "logs:*", True), ("reads", READ, False)):
        arn = iam.create_policy(PolicyName=name, PolicyDocument=document(allow(action)))["Policy"]["Arn"]
        iam.put_role_permissions_boundary(RoleName="orders", PermissionsBoundary=arn)
        if refused:
            with pytest.raises(ClientError, match="AccessDeniedException"):
                client.get_secret_value(SecretId=NAME)
        else:
            assert client.get_secret_value(SecretId=NAME)["SecretString"] == "one"


def test_a_role_that_was_made_anew_is_a_stranger(emulator: Emulator, secrets: Any) -> None:
    create(secrets)
    named, _ = role(emulator)
    secrets.put_resource_policy(SecretId=NAME, ResourcePolicy=reads({"AWS": [named]}))

    def shown() -> Any:
        policy = json.loads(secrets.get_resource_policy(SecretId=NAME)["ResourcePolicy"])
        return policy["Statement"][0]["Principal"]["AWS"]

    assert shown() == [named]
    iam = emulator.client("iam", MEMBER)
    unique = iam.get_role(RoleName="orders")["Role"]["RoleId"]
    iam.delete_role(RoleName="orders")
    assert shown() == [unique]
    _, again = role(emulator)
    assert shown() == [unique]
    with pytest.raises(ClientError, match="AccessDeniedException"):
        again.get_secret_value(SecretId=NAME)
    with pytest.raises(ClientError, match=r"MalformedPolicyDocumentException.*unsupported principal"):
        secrets.put_resource_policy(SecretId=NAME, ResourcePolicy=reads({"AWS": [unique]}))
    secrets.put_resource_policy(SecretId=NAME, ResourcePolicy=reads({"AWS": [named]}))
    assert again.get_secret_value(SecretId=NAME)["SecretString"] == "one"


# Permissions.


def test_what_does_not_exist_is_denied_by_its_name(emulator: Emulator) -> None:
    _, client = role(emulator, allow("secretsmanager:*", resource=f"{PLACE}warden/*"))
    with pytest.raises(ClientError, match=f"AccessDeniedException.*GetSecretValue on resource: {PLACE}other because"):
        client.get_secret_value(SecretId="other")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        client.get_secret_value(SecretId=NAME)
    with pytest.raises(ClientError, match=f"AccessDeniedException.*CreateSecret on resource: {PLACE}other because"):
        client.create_secret(Name="other", SecretString="one")
    arn = create(client)
    assert [call.resource for call in emulator.calls(operation="CreateSecret")][-1] == f"{PLACE}{NAME}"
    client.put_secret_value(SecretId=NAME, SecretString="two")
    assert [call.resource for call in emulator.calls(operation="PutSecretValue")] == [arn]


def test_to_tag_a_new_secret_takes_the_permission_to_tag(emulator: Emulator) -> None:
    _, client = role(emulator, allow("secretsmanager:CreateSecret"))
    with pytest.raises(ClientError, match=f"AccessDeniedException.*TagResource on resource: {PLACE}{NAME} because"):
        create(client, Tags=[{"Key": "a", "Value": "b"}])
    create(client)


# Customer keys.


def customer_key(aws: Emulator) -> str:
    return str(aws.client("kms", MEMBER).create_key()["KeyMetadata"]["Arn"])


def test_a_customer_key_must_let_the_reader_decrypt(emulator: Emulator, secrets: Any) -> None:
    key = customer_key(emulator)
    arn = create(secrets, KmsKeyId=key)
    assert secrets.get_secret_value(SecretId=NAME)["SecretString"] == "one"
    named, client = role(emulator, allow(READ))
    with pytest.raises(ClientError, match=r"AccessDeniedException.*Access to KMS is not allowed"):
        client.get_secret_value(SecretId=NAME)
    via = {
        "StringEquals": {
            "kms:ViaService": "secretsmanager.us-east-1.amazonaws.com",
            "kms:EncryptionContext:SecretARN": arn,
        }
    }
    statement = {**allow("kms:Decrypt", resource=key), "Condition": via}
    iam = emulator.client("iam", MEMBER)
    iam.put_role_policy(RoleName="orders", PolicyName="key", PolicyDocument=document(statement))
    assert client.get_secret_value(SecretId=NAME)["SecretString"] == "one"
    iam.delete_role_policy(RoleName="orders", PolicyName="key")
    root = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{MEMBER}:root"}, "Action": "kms:*", "Resource": "*"}
    reader = {**root, "Principal": {"AWS": named}, "Action": "kms:Decrypt"}
    emulator.client("kms", MEMBER).put_key_policy(KeyId=key, PolicyName="default", Policy=document(root, reader))
    assert client.get_secret_value(SecretId=NAME)["SecretString"] == "one"


def test_a_customer_key_must_let_the_writer_encrypt(emulator: Emulator) -> None:
    key = customer_key(emulator)
    _, client = role(emulator, allow("secretsmanager:*"), allow("kms:Decrypt", resource=key))
    with pytest.raises(ClientError, match="Access to KMS is not allowed"):
        create(client, KmsKeyId=key)
    create(client)
    with pytest.raises(ClientError, match="Access to KMS is not allowed"):
        client.update_secret(SecretId=NAME, SecretString="two", KmsKeyId=key)
    client.update_secret(SecretId=NAME, SecretString="two")
    client.update_secret(SecretId=NAME, KmsKeyId=key)
    for write in (client.put_secret_value, client.update_secret):
        with pytest.raises(ClientError, match="Access to KMS is not allowed"):
            write(SecretId=NAME, SecretString="three")
