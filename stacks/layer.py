"""The exec-wrapper layer: one stack for each governed Region, in the hub account.

Functions of members are given a version of it, and keep that version. So no version is ever taken away, nor who may
read it; see docs/decisions.
"""

from __future__ import annotations

import io
import stat
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from stacks import names
from stacks.bundle import REPOSITORY
from stacks.config import Config
from stacks.imports import NoSuchFile

EXEC_WRAPPER = REPOSITORY / "layers" / "exec_wrapper"
_GRANTED = "lambda:GetLayerVersion"


class LayerStack(cdk.Stack):
    """The newest version of the layer in one Region, and who may use it: the organization, or the listed accounts.

    `folder` holds what is under /opt in a function. Raises `NoSuchFile` if it holds no file.
    """

    def __init__(self, scope: Construct, *, config: Config, region: str, folder: Path = EXEC_WRAPPER) -> None:
        super().__init__(
            scope,
            layer_stack(region),
            description="lambda-warden: the layer that reads a function's secrets when it starts",
            env=cdk.Environment(account=config.hub_account, region=region),
            # As in the hub's stack: the command line looks at the bootstrap version itself.
            synthesizer=cdk.DefaultStackSynthesizer(generate_bootstrap_version_rule=False),
        )
        with tempfile.TemporaryDirectory() as scratch:
            zipped = Path(scratch) / "layer.zip"
            zipped.write_bytes(archive(folder))
            version = lambda_.LayerVersion(
                self,
                "ExecWrapper",
                layer_version_name=names.LAYER,
                # Neither runtimes nor architectures: they are hints for a list, and each one added would be a new
                # version of the same files.
                description="lambda-warden: sets variables from a secret, then starts the runtime",
                code=lambda_.Code.from_asset(str(zipped)),
                # Any change makes a new version, and functions use the old one; a version that came about in a
                # deployment that failed has no user yet, and is taken back.
                removal_policy=cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
            )
        for suffix, principal in _readers(config):
            permission = lambda_.CfnLayerVersionPermission(
                self,
                f"Share-{suffix}",
                action=_GRANTED,
                layer_version_arn=version.layer_version_arn,
                **principal,
            )
            # A new version brings a new permission, and the old version has to keep the old one.
            permission.apply_removal_policy(cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE)


def layer_stack(region: str) -> str:
    """Name the stack of a Region: all of them are in one account."""
    return f"WardenLayer-{region}"


def archive(folder: Path) -> bytes:
    """Zip the files of a folder; the same files give the same bytes on every machine.

    So the hash of the asset, and with it whether a new version is published, depends on names, contents and the
    executable bit alone: no dates, no compression (which differs between versions of zlib), no other mode (under a
    narrow umask Lambda's user could not read the files), nothing that running them leaves behind.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not _left_behind(path.relative_to(folder)))
    if not files:
        raise NoSuchFile(f"{folder} holds no file, and a layer needs it")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as zipped:
        for path in files:
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix())
            mode = 0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644
            entry.create_system = 3  # Unix, whose modes these are
            entry.external_attr = (stat.S_IFREG | mode) << 16
            zipped.writestr(entry, path.read_bytes())
    return buffer.getvalue()


def _left_behind(path: Path) -> bool:
    return "__pycache__" in path.parts or any(part.startswith(".") for part in path.parts)


def _readers(config: Config) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Who may use the layer, by logical id: everyone in the organization, where there is one, else each member."""
    if config.organization_id:
        yield "Organization", {"principal": "*", "organization_id": config.organization_id}
        return
    for account in config.accounts:
        yield account, {"principal": account}
