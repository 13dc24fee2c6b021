"""The whole system on the embedded AWS, deployed once for all tests here; each test works in accounts of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from functions.playbooks import playbooks
from warden.local.cloud import HUB, REGION, Cloud
from warden.local.functions import create_function

FOURTH, FIFTH, SIXTH, SEVENTH, EIGHTH = (digit * 12 for digit in "45678")
QUEUES = (
    *("warden-inspect", "warden-ticket", "warden-sweep", "warden-topology"),
    *(f"warden-fix-{one.id}" for one in playbooks()),
)


@pytest.fixture(scope="session")
def cloud() -> Iterator[Cloud]:
    with Cloud(slack_rate=None, more_accounts=(FOURTH, FIFTH, SIXTH, SEVENTH, EIGHTH)) as running:
        yield running


@dataclass(frozen=True)
class Answer:
    """What a command printed."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def warden(cloud: Cloud, tmp_path: Path) -> Any:
    """Run the command line as an operator in the hub account would."""

    def run(*arguments: str, **changes: str) -> Answer:
        environment = {**os.environ, **cloud.environment(), **changes}
        done = subprocess.run(
            [sys.executable, "-m", "warden.cli", *arguments],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**environment, "PYTHONPATH": str(Path(__file__).parents[2])},
            timeout=120,
            check=False,
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    return run


def critical(cloud: Cloud, account: str, name: str, **tags: str) -> None:
    """Create a function that is tagged critical."""
    create_function(cloud, account, name, {"warden:tier": "critical", **tags})


def reserved(cloud: Cloud, account: str, name: str) -> int | None:
    value: int | None = (
        cloud.client("lambda", account).get_function_concurrency(FunctionName=name).get("ReservedConcurrentExecutions")
    )
    return value


def dead(cloud: Cloud) -> dict[str, list[dict[str, Any]]]:
    """Return the dead letters of every queue that has any."""
    found = {queue: cloud.emulator.dead_letters(HUB, f"{queue}-dlq", REGION) for queue in QUEUES}
    return {queue: letters for queue, letters in found.items() if letters}
