"""Peers of the secret classifier, in a virtual environment of their own, on the pairs that ours is measured on."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stacks.bundle import REPOSITORY
from tests.secrets.world_corpus import Pair

REQUIREMENTS = ("detect-secrets==1.5.0", "credsweeper==1.19.5")
FOLDER = REPOSITORY / ".warden" / "secret-peers"

# Each reads a file of one NAME=value a line, as people keep them in .env files, and prints the lines it found.
_DETECT_SECRETS = """
import json, sys
from detect_secrets import SecretsCollection
from detect_secrets.settings import default_settings
found = SecretsCollection()
with default_settings():
    found.scan_file(sys.argv[1])
print(json.dumps(sorted({secret.line_number for _, secret in found})))
"""
_CREDSWEEPER = """
import json, pathlib, sys
from credsweeper.app import CredSweeper
from credsweeper.file_handler.files_provider import FilesProvider
output = pathlib.Path(sys.argv[1]).with_suffix(".json")
CredSweeper(json_filename=str(output)).run(FilesProvider([sys.argv[1]]))
found = json.loads(output.read_text()) if output.is_file() else []
print(json.dumps(sorted({line["line_num"] for secret in found for line in secret["line_data_list"]})))
"""
PEERS = {"detect-secrets": _DETECT_SECRETS, "credsweeper": _CREDSWEEPER}


class NoPeer(RuntimeError):
    """A peer could not be set up or run; the text says why."""


@dataclass(frozen=True)
class Answers:
    """Which pairs a peer found, by position, and the seconds it took, its start included."""

    found: frozenset[int]
    seconds: float


def answers(peer: str, pairs: Sequence[Pair]) -> Answers:
    """Run one of `PEERS` on pairs. Raises `NoPeer`; the network is needed only the first time."""
    python = _environment()
    with tempfile.TemporaryDirectory(prefix="warden-peer-") as folder:
        file = Path(folder) / "pairs.env"
        file.write_text("\n".join(_line(pair) for pair in pairs) + "\n", encoding="utf-8")
        began = time.perf_counter()
        told = _done([str(python), "-c", PEERS[peer], str(file)])
        seconds = time.perf_counter() - began
    return Answers(frozenset(number - 1 for number in json.loads(told.splitlines()[-1])), seconds)


def _line(pair: Pair) -> str:
    """Write a pair as .env files do: quoted, line ends escaped."""
    value = pair.value.replace("\\", "\\\\").replace("\r", "\\r").replace("\n", "\\n").replace('"', '\\"')
    return f'{pair.name}="{value}"'


def _environment() -> Path:
    """Return the Python of the peers' virtual environment, which is made on first use."""
    python, ready = FOLDER / "bin" / "python", FOLDER / ".ready"
    made_for = json.dumps([REQUIREMENTS, sys.version])
    if ready.is_file() and ready.read_text() == made_for:
        return python
    uv = shutil.which(str(REPOSITORY / ".tools" / "bin" / "uv")) or shutil.which("uv")
    if uv is None:
        raise NoPeer("there is no uv; `make bench` brings one")
    _done([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(FOLDER)])
    _done([uv, "pip", "install", "--quiet", "--python", str(python), *REQUIREMENTS])
    ready.write_text(made_for)
    return python


def _done(command: list[str]) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHON"))}
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if run.returncode:
        raise NoPeer(run.stderr.strip()[-1000:] or f"{command[0]} ended with {run.returncode}")
    return run.stdout
