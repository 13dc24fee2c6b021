"""How many layers a function may have, how large, whose; and what of them can be read."""

import io
import zipfile
from typing import Any
from urllib.request import Request, urlopen

import pytest
from botocore.exceptions import ClientError

from warden.local.emulator import Emulator

from .resources import HUB, MEMBER, ORGANIZATION, STRANGER, allow, assumed, code, create_function, create_role, until

READ = "lambda:GetLayerVersion"
ANYONE = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
TELLS = "import greeting\ndef handler(event, context): return greeting.TEXT\n"


def package(text: str) -> bytes:
    """A layer with one Python module."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("python/greeting.py", f"TEXT = {text!r}\n")
    return buffer.getvalue()


def zeros(megabytes: int) -> bytes:
    """A package that is small until it is unzipped."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(megabytes * 1024 * 1024))
    return buffer.getvalue()


def publish(aws: Emulator, account: str, name: str, content: bytes = b"") -> str:
    """The ARN of a new version."""
    answer = aws.client("lambda", account).publish_layer_version(
        LayerName=name, Content={"ZipFile": content or package(name)}
    )
    return str(answer["LayerVersionArn"])


def attach(aws: Emulator, account: str, *layers: str) -> Any:
    return aws.client("lambda", account).update_function_configuration(FunctionName="orders", Layers=list(layers))


def share(aws: Emulator, name: str, version: int = 1) -> None:
    aws.client("lambda", HUB).add_layer_version_permission(
        LayerName=name,
        VersionNumber=version,
        StatementId="organization",
        Action=READ,
        Principal="*",
        OrganizationId="o-exampleorg1",
    )


def test_a_function_has_at_most_five_layers(emulator: Emulator) -> None:
    layers = [publish(emulator, MEMBER, f"layer-{number}") for number in range(6)]
    create_function(emulator, MEMBER, "orders")
    with pytest.raises(
        ClientError, match=r"InvalidParameterValueException.*UpdateFunc.*Cannot reference more than 5 layers"
    ):
        attach(emulator, MEMBER, *layers)
    assert [one["Arn"] for one in attach(emulator, MEMBER, *layers[:5])["Layers"]] == layers[:5]
    with pytest.raises(
        ClientError, match=r"InvalidParameterValueException.*CreateFunc.*Cannot reference more than 5 layers"
    ):
        create_function(emulator, MEMBER, "payments", Layers=layers)


def test_a_function_has_one_version_of_a_layer(emulator: Emulator) -> None:
    first, second = (publish(emulator, MEMBER, "greeting") for _ in range(2))
    create_function(emulator, MEMBER, "orders")
    with pytest.raises(ClientError, match=f"Two different versions of the same layer.*{first} and {second} are"):
        attach(emulator, MEMBER, first, second)


def test_code_and_layers_together_have_250_megabytes(emulator: Emulator) -> None:
    layers = [publish(emulator, MEMBER, f"half-{number}", zeros(130)) for number in range(2)]
    create_function(emulator, MEMBER, "orders")
    size = 2 * 130 * 1024 * 1024 + len("def handler(event, context): return event")
    combined = "Function code combined with layers exceeds the maximum allowed size of 262144000 bytes"
    with pytest.raises(ClientError, match=rf"InvalidParameterValue.*{combined}\. The actual size is {size} bytes"):
        attach(emulator, MEMBER, *layers)
    with pytest.raises(ClientError, match="Unzipped size must be smaller than 262144000 bytes"):
        publish(emulator, MEMBER, "whole", zeros(251))


@pytest.mark.parametrize("named", ["greeting", f"arn:aws:lambda:us-east-1:{MEMBER}:layer:greeting"])
def test_lists_the_newest_version_first(emulator: Emulator, named: str) -> None:
    for _ in range(11):
        publish(emulator, MEMBER, "greeting")
    client = emulator.client("lambda", MEMBER)
    client.delete_layer_version(LayerName="greeting", VersionNumber=10)
    pages = client.get_paginator("list_layer_versions").paginate(LayerName=named, PaginationConfig={"PageSize": 4})
    assert [one["Version"] for page in pages for one in page["LayerVersions"]] == [11, 9, 8, 7, 6, 5, 4, 3, 2, 1]


class TestOfAnotherAccount:
    def reader(self, aws: Emulator, account: str, *actions: str) -> Any:
        role = create_role(aws, account, "reader", allow(*actions), trusts=[ANYONE])
        return assumed(aws, account, role).client("lambda", endpoint_url=aws.endpoint)

    def test_shared_with_the_organization_it_is_read_attached_and_run(self, emulator: Emulator) -> None:
        emulator.configure(organization=ORGANIZATION)
        arn = publish(emulator, HUB, "greeting")
        share(emulator, "greeting")
        reader = self.reader(emulator, MEMBER, READ)
        for found in (
            reader.get_layer_version(LayerName=arn.rpartition(":")[0], VersionNumber=1),
            reader.get_layer_version_by_arn(Arn=arn),
        ):
            assert (found["LayerVersionArn"], found["Version"]) == (arn, 1)
            with urlopen(Request(found["Content"]["Location"]), timeout=10) as answer:  # noqa: S310 # ours, on 127.0.0.1
                assert answer.read() == package("greeting")
        create_function(emulator, MEMBER, "orders", TELLS)
        attach(emulator, MEMBER, arn)
        client = emulator.client("lambda", MEMBER)
        until(lambda: client.get_function(FunctionName="orders")["Configuration"]["LastUpdateStatus"] == "Successful")
        assert client.invoke(FunctionName="orders")["Payload"].read() == b'"greeting"'

    def test_a_function_keeps_it_when_it_is_no_longer_shared(self, emulator: Emulator) -> None:
        emulator.configure(organization=ORGANIZATION)
        arn = publish(emulator, HUB, "greeting")
        share(emulator, "greeting")
        create_function(emulator, MEMBER, "orders", TELLS, Layers=[arn])
        hub = emulator.client("lambda", HUB)
        hub.remove_layer_version_permission(LayerName="greeting", VersionNumber=1, StatementId="organization")
        hub.delete_layer_version(LayerName="greeting", VersionNumber=1)
        assert emulator.client("lambda", MEMBER).invoke(FunctionName="orders")["Payload"].read() == b'"greeting"'

    @pytest.mark.parametrize(
        ("account", "action", "version", "policy"),
        [
            (MEMBER, "lambda:List*", 1, "identity"),
            (MEMBER, READ, 2, "resource"),
            (MEMBER, READ, 9, "resource"),
            (STRANGER, READ, 1, "resource"),
        ],
        ids=["role may not", "version not shared", "no such version", "other organization"],
    )
    def test_otherwise_it_is_denied(
        self, emulator: Emulator, account: str, action: str, version: int, policy: str
    ) -> None:
        emulator.configure(organization=ORGANIZATION)
        name, _, _newest = [publish(emulator, HUB, "greeting") for _ in range(2)][-1].rpartition(":")
        share(emulator, "greeting")
        reader = self.reader(emulator, account, action)
        denied = f"AccessDeniedException.*{READ} on resource: {name}:{version} because no {policy}-based policy allows"
        with pytest.raises(ClientError, match=denied):
            reader.get_layer_version(LayerName=name, VersionNumber=version)
        with pytest.raises(ClientError, match=denied):
            reader.get_layer_version_by_arn(Arn=f"{name}:{version}")

    @pytest.mark.parametrize("version", ["greeting:2", "gone:1"], ids=["not shared", "no such layer"])
    def test_what_is_not_shared_is_not_attached(self, emulator: Emulator, version: str) -> None:
        emulator.configure(organization=ORGANIZATION)
        for _ in range(2):
            publish(emulator, HUB, "greeting")
        share(emulator, "greeting")
        create_function(emulator, MEMBER, "orders")
        arn = f"arn:aws:lambda:us-east-1:{HUB}:layer:{version}"
        with pytest.raises(ClientError, match=f"AccessDeniedException.*{READ} on resource: {arn} because no resource"):
            attach(emulator, MEMBER, arn)
        with pytest.raises(ClientError, match=f"AccessDeniedException.*{READ} on resource: {arn} because no resource"):
            emulator.client("lambda", MEMBER).create_function(
                FunctionName="payments",
                Runtime="python3.12",
                Role=f"arn:aws:iam::{MEMBER}:role/orders-role",
                Handler="app.handler",
                Code={"ZipFile": code(TELLS)},
                Layers=[arn],
            )
