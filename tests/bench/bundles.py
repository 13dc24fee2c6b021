"""The synthesised bundles and layers, zipped as they are uploaded and extracted as Lambda does."""

from __future__ import annotations

import compileall
import io
import json
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from functions.playbooks import playbook
from tests.stacks.templates import Template
from warden.local.cloud import CHANNEL, HUB, REGION
from warden.local.deploy import synthesise

PLAYBOOK = playbook("reserved-concurrency")
FUNCTIONS = {
    "inspector": "warden-inspector",
    "remediator": PLAYBOOK.remediator,
    "ticket": "warden-ticket",
    "sweep": "warden-sweep",
    "topology": "warden-topology",
}

CONFIGURATION = {
    "hub_account": HUB,
    "region": REGION,
    "organization_id": "o-exampleorgid",
    "regions": [REGION],
    "slack": {"channel": CHANNEL},
    "modes": {PLAYBOOK.id: "enforce"},
    "ceilings": {"default": "enforce"},
}

# What Lambda's Python runtime brings along ("Building Lambda functions with Python": boto3 and what it needs), and
# its interface client with what that needs.
_OF_THE_RUNTIME = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3")
_OF_THE_CLIENT = ("awslambdaric", "runtime_client", "simplejson", "snapshot_restore_py")


@dataclass(frozen=True)
class Code:
    """What an execution environment runs. `variables` are the function's own environment variables."""

    handler: str
    task: Path
    layers: tuple[Path, ...] = ()
    variables: Mapping[str, str] | None = None

    def compiled(self, folder: Path) -> Code:
        """Return a copy below `folder` that has Python's bytecode beside each file."""
        copies = {path: _compiled(path, folder / str(n)) for n, path in enumerate((self.task, *self.layers))}
        return replace(self, task=copies[self.task], layers=tuple(copies[layer] for layer in self.layers))


@dataclass(frozen=True)
class Bundle:
    """One entry point: the size of its zip in bytes, and its extracted code with its layers."""

    name: str
    function: str
    zipped: int
    code: Code


@dataclass(frozen=True)
class Bundles:
    """Every entry point, and the size of every layer's zip in bytes."""

    entry_points: tuple[Bundle, ...]
    layers: Mapping[str, int]

    def named(self, name: str) -> Bundle:
        """Return one entry point."""
        return next(bundle for bundle in self.entry_points if bundle.name == name)


def synthesised(folder: Path) -> Bundles:
    """Synthesise the stacks and extract what they would upload, below `folder`. Raises `DeployError`."""
    assembly = folder / "cdk.out"
    synthesise(CONFIGURATION, assembly)
    hub = Template(assembly, "WardenHub")
    assets = _Assets(assembly, folder / "extracted")
    layers = {
        properties["LayerName"]: assets.extracted(properties["Content"]["S3Key"])
        for properties in hub.of_type("AWS::Lambda::LayerVersion")
    }
    bundles = []
    for name, function in FUNCTIONS.items():
        properties = hub.named("AWS::Lambda::Function", "FunctionName", function)
        task, zipped = assets.extracted(properties["Code"]["S3Key"])
        code = Code(
            properties["Handler"],
            task,
            tuple(layers[layer][0] / "python" for layer in properties["Layers"]),
            {"AWS_LAMBDA_FUNCTION_NAME": function, **properties["Environment"]["Variables"]},
        )
        bundles.append(Bundle(name, function, zipped, code))
    return Bundles(tuple(bundles), {name: zipped for name, (_, zipped) in sorted(layers.items())})


@dataclass(frozen=True)
class _Assets:
    assembly: Path
    folder: Path

    def extracted(self, key: str) -> tuple[Path, int]:
        """Return the folder to which an asset was extracted, and the size of its zip."""
        files = json.loads((self.assembly / "WardenHub.assets.json").read_text())["files"]
        (found,) = [file for asset, file in files.items() if asset in key]
        zipped = zip_of(self.assembly / found["source"]["path"])
        return extract(zipped, self.folder / key.removesuffix(".zip")), len(zipped)


def zip_of(folder: Path) -> bytes:
    """Return a folder's zip, as the CDK uploads it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder))
    return buffer.getvalue()


def extract(zipped: bytes, folder: Path) -> Path:
    """Extract a zip into a folder, and return that."""
    with zipfile.ZipFile(io.BytesIO(zipped)) as archive:
        archive.extractall(folder)
    return folder


def runtime(folder: Path) -> Path:
    """Copy what Lambda's runtime has and nothing else of this environment; with bytecode, as it comes there."""
    for name in (*_OF_THE_RUNTIME, *_OF_THE_CLIENT):
        spec = find_spec(name)
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError(f"{name} is not installed here; `uv sync` brings it")
        source = Path(spec.origin)
        if source.name == "__init__.py":
            shutil.copytree(source.parent, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, folder)
    compileall.compile_dir(folder, quiet=2)
    return folder


def _compiled(source: Path, target: Path) -> Path:
    shutil.copytree(source, target)
    compileall.compile_dir(target, quiet=2)
    return target
