"""Layers of packages from PyPI, built once per requirement, without Docker."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from stacks.bundle import REPOSITORY, RUNTIME

# What Lambda's runtime for Python 3.13 on arm64 can load.
_PYTHON = "3.13"
_FOR_UV = ("--python-platform", "aarch64-manylinux2014", "--no-compile-bytecode")
_FOR_PIP = ("--platform", "manylinux2014_aarch64", "--implementation", "cp", "--no-compile")
# With hashes and without dependencies, exactly the files that the requirements name are installed.
_ALWAYS = ("--quiet", "--python-version", _PYTHON, "--only-binary", ":all:", "--no-deps", "--require-hashes")

# What an installer leaves behind that differs from machine to machine or that nothing in Lambda reads.
_LEFT_OUT = ("bin", ".lock", "*.dist-info/RECORD", "*.dist-info/INSTALLER", "*.dist-info/REQUESTED")
_LEFT_OUT_ANYWHERE = ("__pycache__", "tests", "*.pyc")


class LayerError(Exception):
    """A layer could not be built; the text says what the installer said."""


def layer(scope: Construct, construct_id: str, name: str) -> lambda_.LayerVersion:
    """Make a layer of what `functions/requirements/<name>.txt` names."""
    return lambda_.LayerVersion(
        scope,
        construct_id,
        layer_version_name=f"warden-{name}",
        description=f"lambda-warden: functions/requirements/{name}.txt",
        code=lambda_.Code.from_asset(str(built(name))),
        compatible_runtimes=[RUNTIME],
        compatible_architectures=[lambda_.Architecture.ARM_64],
    )


def built(name: str, cache: Path = REPOSITORY / ".warden" / "layers") -> Path:
    """Return the folder of a layer, from the cache if these requirements were installed before.

    Raises `LayerError`; the network is needed only the first time.
    """
    requirements = REPOSITORY / "functions" / "requirements" / f"{name}.txt"
    recipe = requirements.read_bytes() + repr((_FOR_UV, _ALWAYS, _LEFT_OUT, _LEFT_OUT_ANYWHERE)).encode()
    folder = cache / f"{name}-{hashlib.sha256(recipe).hexdigest()[:16]}"
    if folder.is_dir():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        made = Path(scratch) / name
        _install(requirements, made / "python")
        _strip(made / "python")
        try:
            made.rename(folder)
        except OSError:
            # Another synthesis was faster; what it built from the same recipe is the same.
            if not folder.is_dir():
                raise
    return folder


def _install(requirements: Path, target: Path) -> None:
    command = [*_installer(), *_ALWAYS, "--target", str(target), "--requirement", str(requirements)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own arguments
    if done.returncode:
        raise LayerError(f"the layer of {requirements.name} could not be built: {done.stderr.strip()}")


def _installer() -> list[str]:
    """Return `uv pip install` where there is a uv, else this Python's own pip."""
    candidates = [os.environ.get("UV", ""), str(REPOSITORY / ".tools" / "bin" / "uv"), "uv"]
    uv = next(filter(None, map(shutil.which, filter(None, candidates))), None)
    if uv:
        return [uv, "pip", "install", *_FOR_UV, "--python", sys.executable]
    return [sys.executable, "-m", "pip", "install", *_FOR_PIP, "--disable-pip-version-check"]


def _strip(folder: Path) -> None:
    found = [path for pattern in _LEFT_OUT for path in folder.glob(pattern)]
    found += [path for pattern in _LEFT_OUT_ANYWHERE for path in folder.rglob(pattern)]
    for path in found:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
