"""The exec-wrapper layer: the same zip everywhere, for the organization, and no version is ever taken away."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from functions.playbooks import playbooks
from functions.playbooks.plaintext_secrets.environment import LAYER as LOOKED_FOR
from functions.playbooks.plaintext_secrets.environment import WRAPPER_PATH
from stacks.config import read
from stacks.imports import NoSuchFile
from stacks.layer import EXEC_WRAPPER, LayerStack, archive, layer_stack
from stacks.synthesis import new_app, synth
from tests.stacks.templates import CONFIG, HUB, LAYER, MEMBER, ORGANIZATION, REGION, Template
from warden.local.deploy import Deployment, Target, _publish_assets, deploy
from warden.local.emulator import Emulator

STRANGER = "999999999999"
BY_ACCOUNTS = {**CONFIG, "organization_id": None, "accounts": [MEMBER, "333333333333"]}
KEPT = {"DeletionPolicy": "RetainExceptOnCreate", "UpdateReplacePolicy": "Retain"}


@pytest.fixture(scope="session")
def layer(assembly: Path) -> Template:
    return Template(assembly, LAYER)


def published(assembly: Path, template: Template) -> zipfile.ZipFile:
    """The zip that Lambda gets: the CDK's command line uploads the file as it stands in the assembly."""
    (version,) = template.of_type("AWS::Lambda::LayerVersion")
    files = json.loads((assembly / f"{LAYER}.assets.json").read_text())["files"]
    (file,) = [file for key, file in files.items() if version["Content"]["S3Key"] == f"{key}.zip"]
    assert file["source"]["packaging"] == "file"
    return zipfile.ZipFile(assembly / file["source"]["path"])


def modes(zipped: zipfile.ZipFile) -> dict[str, str]:
    return {entry.filename: oct(entry.external_attr >> 16) for entry in zipped.infolist()}


def wrapper(folder: Path, text: str = "#!/bin/bash\n") -> Path:
    """A small layer: a program, and a file that it reads."""
    (folder / "warden").mkdir(parents=True, exist_ok=True)
    (folder / "warden" / "run").write_text(text)
    (folder / "warden" / "run").chmod(0o755)
    (folder / "warden" / "read.py").write_text("pass\n")
    return folder


def test_the_remediator_looks_for_the_layer_by_its_name(layer: Template) -> None:
    (version,) = layer.of_type("AWS::Lambda::LayerVersion")
    assert version["LayerName"] == LOOKED_FOR


def test_the_wrapper_is_where_functions_are_told_and_may_be_run(assembly: Path, layer: Template) -> None:
    found = modes(published(assembly, layer))
    assert found.pop(WRAPPER_PATH.removeprefix("/opt/")) == "0o100755"
    assert found
    assert set(found.values()) == {"0o100644"}
    source = {p.relative_to(EXEC_WRAPPER).as_posix() for p in EXEC_WRAPPER.rglob("*") if p.is_file()}
    assert set(found) < {path for path in source if "__pycache__" not in path}


def test_no_runtime_and_no_architecture_is_left_out_by_name(layer: Template) -> None:
    (version,) = layer.of_type("AWS::Lambda::LayerVersion")
    assert set(version) == {"LayerName", "Description", "Content"}


def test_the_organization_may_use_it(layer: Template) -> None:
    (permission,) = layer.of_type("AWS::Lambda::LayerVersionPermission")
    del permission["LayerVersionArn"]
    assert permission == {"Action": "lambda:GetLayerVersion", "Principal": "*", "OrganizationId": ORGANIZATION}


def test_without_an_organization_each_member_may_use_it(synthesised: Callable[..., Template]) -> None:
    found = synthesised(read(BY_ACCOUNTS, playbooks()), LAYER).of_type("AWS::Lambda::LayerVersionPermission")
    assert [permission["Principal"] for permission in found] == [MEMBER, "333333333333"]
    assert not any("OrganizationId" in permission for permission in found)


def test_neither_a_version_nor_who_may_use_it_is_taken_away(layer: Template) -> None:
    for resource in layer.body["Resources"].values():
        assert {key: resource[key] for key in KEPT} == KEPT, resource["Type"]


def test_there_is_one_stack_for_each_governed_region_in_the_hub(tmp_path: Path) -> None:
    regions = ["eu-west-1", "us-east-1", "eu-central-2"]
    app = new_app(tmp_path)
    for region in regions:
        LayerStack(app, config=read({**CONFIG, "regions": regions}, playbooks()), region=region)
    synth(app)
    stacks = json.loads((tmp_path / "manifest.json").read_text())["artifacts"]
    for region in regions:
        assert stacks[layer_stack(region)]["environment"] == f"aws://{HUB}/{region}"
        bucket = Template(tmp_path, layer_stack(region)).of_type("AWS::Lambda::LayerVersion")[0]["Content"]["S3Bucket"]
        assert bucket == f"cdk-hnb659fds-assets-{HUB}-{region}"


def test_the_app_has_the_stacks_of_the_governed_regions(synthesised: Callable[..., Template], tmp_path: Path) -> None:
    synthesised(read({**CONFIG, "regions": ["us-east-1", "eu-central-2"]}, playbooks()), "WardenHub")
    names = {path.name.removesuffix(".template.json") for path in tmp_path.glob("WardenLayer-*.template.json")}
    assert names == {"WardenLayer-us-east-1", "WardenLayer-eu-central-2"}


# What a machine may do to files without changing what they are.
_ELSEWHERE = """
import os, sys
from pathlib import Path
os.umask(0o077)
source, target = map(Path, sys.argv[1:3])
for path in sorted(source.rglob("*"), reverse=True):
    if path.is_file():
        copy = target / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
        copy.chmod(0o700 if os.access(path, os.X_OK) else 0o600)
        os.utime(copy, (1, 1_700_000_000))
(target / "warden" / "__pycache__").mkdir()
(target / "warden" / "__pycache__" / "read.cpython-313.pyc").write_bytes(b"compiled")
(target / ".DS_Store").write_bytes(b"seen")
"""


def test_another_machine_makes_the_same_zip(tmp_path: Path) -> None:
    here, there = wrapper(tmp_path / "here"), tmp_path / "there"
    subprocess.run([sys.executable, "-I", "-c", _ELSEWHERE, str(here), str(there)], check=True)
    assert archive(there) == archive(here)
    # This is what the hash of the asset is made of; in particular, no compression by this machine's zlib.
    assert {entry.compress_type for entry in zipfile.ZipFile(io.BytesIO(archive(here))).infolist()} == {
        zipfile.ZIP_STORED
    }


@pytest.mark.parametrize("change", ["contents", "name", "mode"])
def test_a_change_makes_another_zip(tmp_path: Path, change: str) -> None:
    folder = wrapper(tmp_path)
    before = hashlib.sha256(archive(folder)).hexdigest()
    match change:
        case "contents":
            (folder / "warden" / "read.py").write_text("...\n")
        case "name":
            (folder / "warden" / "read.py").rename(folder / "warden" / "reads.py")
        case "mode":
            (folder / "warden" / "read.py").chmod(0o755)
    assert hashlib.sha256(archive(folder)).hexdigest() != before


def test_a_layer_without_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "left.pyc").touch()
    with pytest.raises(NoSuchFile, match=r"holds no file, and a layer needs it$"):
        archive(tmp_path)


# --- on the embedded AWS -------------------------------------------------------------------------------------------


class Deployed:
    """The stack of one Region on the embedded AWS, deployed again and again."""

    def __init__(self, aws: Emulator, folder: Path, region: str) -> None:
        self.aws, self.folder, self.region = aws, folder, region
        self.target = Target(aws, HUB, region)
        self.name = layer_stack(region)
        self._times = 0

    def again(self, text: str, configuration: dict[str, Any] = CONFIG) -> None:
        """Synthesise the stack with a wrapper of this text, and deploy it: the first time, or over what is there."""
        self._times += 1
        assembly = self.folder / f"cdk.out.{self._times}"
        app = new_app(assembly)
        folder = wrapper(self.folder / "layer", text)
        LayerStack(app, config=read(configuration, playbooks()), region=self.region, folder=folder)
        synth(app)
        if self._times == 1:
            into = Deployment()
            deploy(assembly, self.name, self.target, into)
            assert not into.left_out
            return
        _publish_assets(assembly, self.name, self.target)
        body = (assembly / f"{self.name}.template.json").read_text()
        self.target.client("cloudformation").update_stack(StackName=self.name, TemplateBody=body)
        self.settled("UPDATE_COMPLETE")

    def settled(self, status: str) -> None:
        client = self.target.client("cloudformation")
        for _ in range(200):
            stacks = client.list_stacks()["StackSummaries"]
            (found,) = [stack["StackStatus"] for stack in stacks if stack["StackName"] == self.name]
            if not found.endswith("_IN_PROGRESS"):
                break
            time.sleep(0.05)
        assert found == status

    def versions(self) -> list[int]:
        """The versions of the layer, newest first, as the remediator asks for them."""
        found = self.target.client("lambda").list_layer_versions(LayerName=LOOKED_FOR)["LayerVersions"]
        return [version["Version"] for version in found]

    def usable(self, account: str) -> set[int]:
        """The versions that an account may use."""
        client = self.aws.client("lambda", account, self.region)
        arn = f"arn:aws:lambda:{self.region}:{HUB}:layer:{LOOKED_FOR}"
        return {version for version in self.versions() if _may_read(client, arn, version)}


def _may_read(client: Any, arn: str, version: int) -> bool:
    try:
        client.get_layer_version(LayerName=arn, VersionNumber=version)
    except ClientError as error:
        if error.response["Error"]["Code"] != "AccessDeniedException":
            raise
        return False
    return True


@pytest.fixture
def aws(emulator: Emulator) -> Emulator:
    members = [{"id": MEMBER, "name": "orders"}]
    emulator.configure(organization={"management": "000000000001", "id": ORGANIZATION, "accounts": members})
    return emulator


@pytest.mark.parametrize("region", [REGION, "us-east-1"])
def test_a_new_version_leaves_the_old_one_to_its_functions(aws: Emulator, tmp_path: Path, region: str) -> None:
    stack = Deployed(aws, tmp_path, region)
    stack.again("#!/bin/bash\n# one\n")
    assert (stack.versions(), stack.usable(MEMBER), stack.usable(STRANGER)) == ([1], {1}, set())
    stack.again("#!/bin/bash\n# two\n")
    assert (stack.versions(), stack.usable(MEMBER), stack.usable(STRANGER)) == ([2, 1], {2, 1}, set())
    # A change of who may use it is no new version, and takes it from nobody who has it.
    stack.again("#!/bin/bash\n# two\n", {**BY_ACCOUNTS, "accounts": [STRANGER]})
    assert (stack.versions(), stack.usable(MEMBER), stack.usable(STRANGER)) == ([2, 1], {2, 1}, {2})
    aws.client("cloudformation", HUB, region).delete_stack(StackName=stack.name)
    stack.settled("DELETE_COMPLETE")
    assert stack.usable(MEMBER) == {2, 1}


def test_the_zip_on_the_embedded_aws_is_the_one_of_the_assembly(aws: Emulator, assembly: Path, layer: Template) -> None:
    deploy(assembly, LAYER, Target(aws, HUB, REGION), Deployment())
    found = aws.client("lambda", HUB, REGION).get_layer_version(LayerName=LOOKED_FOR, VersionNumber=1)
    assert found["Content"]["CodeSize"] == Path(str(published(assembly, layer).filename)).stat().st_size
    assert found["Content"]["CodeSize"] < 100_000
