"""The bench as a person starts it, where it costs least."""

from __future__ import annotations

import json
import subprocess
import sys

from stacks.bundle import REPOSITORY
from tests.bench.bundles import FUNCTIONS


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.bench", *arguments]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)


def test_the_bench_measures_the_zip_of_every_entry_point_and_layer() -> None:
    done = bench("--quick", "--no-peer", "--only", "sizes", "--json")
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["rows"]
    sizes = {row["what"]: row["value"] for row in rows}
    assert list(sizes) == [
        *(f"{name}, without layers" for name in FUNCTIONS),
        "layer warden-powertools",
        "layer warden-slack",
    ]
    assert all(1_000 < row["value"] <= row["aim"] for row in rows if row["aim"])
    assert {row["peer"] for row in rows} == {None}


def test_a_figure_that_there_is_not_is_bad_usage() -> None:
    done = bench("--only", "beauty")
    assert done.returncode == 2
    assert "'beauty' is not one of 'sizes'" in done.stderr
