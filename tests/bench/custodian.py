"""The peer: Cloud Custodian, in a virtual environment of its own, as the package it would upload for one policy."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from stacks.bundle import REPOSITORY
from tests.bench.bundles import Code, extract

REQUIREMENT = "c7n==0.9.53"
FOLDER = REPOSITORY / ".warden" / "bench-venv"

# A policy in `cloudtrail` mode that does what our first playbook does, as far as Custodian can: no account-wide pool,
# no undo. Custodian's own code builds the package (Cloud Custodian documentation, "Lambda Support").
_BUILD = """
import json, shutil, sys
from c7n import mu
from c7n.config import Config
from c7n.policy import PolicyCollection
from c7n.resources import load_resources
load_resources(("aws.lambda",))
events = [{"source": "lambda.amazonaws.com", "event": name, "ids": "requestParameters.functionName"}
          for name in ("CreateFunction20150331", "UpdateFunctionConfiguration20150331v2")]
data = {"policies": [{
    "name": "lambda-reserved-event", "resource": "aws.lambda",
    "mode": {"type": "cloudtrail", "role": "arn:aws:iam::123456789012:role/fn", "runtime": "python3.11",
             "events": events},
    "filters": [{"type": "reserved-concurrency", "value": "absent"}],
    "actions": [{"type": "set-concurrency", "value": 5}]}]}
config = Config.empty(account_id="123456789012", region="us-east-1", output_dir=".")
policy = PolicyCollection.from_data(data, config).policies[0]
archive = mu.PolicyLambda(policy).get_archive()
shutil.copyfile(archive.path, sys.argv[1])
"""


class NoPeer(RuntimeError):
    """Custodian could not be set up; the text says why."""


@dataclass(frozen=True)
class Custodian:
    """The size of its package in bytes, and its extracted code."""

    zipped: int
    code: Code


def packaged(folder: Path) -> Custodian:
    """Build the package below `folder`. Raises `NoPeer`; the network is needed only the first time."""
    python = _environment()
    folder.mkdir(parents=True)
    archive = folder / "custodian.zip"
    _done([str(python), "-c", _BUILD, str(archive)], cwd=folder)
    zipped = archive.read_bytes()
    return Custodian(len(zipped), Code("custodian_policy.run", extract(zipped, folder / "custodian")))


def _environment() -> Path:
    """Return the Python of Custodian's virtual environment, which is made on first use."""
    python, ready = FOLDER / "bin" / "python", FOLDER / ".ready"
    made_for = json.dumps([REQUIREMENT, sys.version])
    if ready.is_file() and ready.read_text() == made_for:
        return python
    uv = shutil.which(str(REPOSITORY / ".tools" / "bin" / "uv")) or shutil.which("uv")
    if uv is None:
        raise NoPeer("there is no uv; `make bench` brings one")
    _done([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(FOLDER)])
    _done([uv, "pip", "install", "--quiet", "--python", str(python), REQUIREMENT])
    ready.write_text(made_for)
    return python


def _done(command: list[str], cwd: Path = REPOSITORY) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHON"))}
    run = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    if run.returncode:
        raise NoPeer(run.stderr.strip()[-1000:] or f"{command[0]} ended with {run.returncode}")
