"""What docs/exec-wrapper.md shows works, and what it says of errors is what is said."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench import wrapper_start
from tests.bench.run import Run

from .answers import ARN
from .starting import LAYER, Secret

ROOT = LAYER.parents[1]
PAGE = (ROOT / "docs" / "exec-wrapper.md").read_text()
ERRORS = re.findall(r"^\| `(.+?)` \|", PAGE.partition("## When it cannot")[2], re.MULTILINE)
OF_AWS = {"AccessDeniedException", "ResourceNotFoundException`, `InvalidRequestException"}


def test_trying_it_by_hand_works(secret: Secret) -> None:
    (shown,) = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
    assert ARN in shown
    script = shown.replace(ARN, secret.arn).replace(".venv/bin/python", sys.executable)
    environment = {name: text for name, text in secret.environment.items() if name.startswith("AWS_")}
    done = subprocess.run(
        ["/bin/bash", "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == (f"{len('pass word')}\n", "")


@pytest.mark.parametrize("error", sorted(set(ERRORS) - OF_AWS))
def test_a_documented_error_is_one_of_ours(error: str) -> None:
    assert any(error in path.read_text() for path in (LAYER / "warden").iterdir() if path.is_file())


def test_there_are_documented_errors() -> None:
    assert len(set(ERRORS) - OF_AWS) >= 10


def test_the_bench_measures_what_the_wrapper_adds(tmp_path: Path) -> None:
    rows = wrapper_start.measure(Run(tmp_path, quick=True))
    assert [row.what for row in rows] == ["python", "node", "python, loading certificates for TLS"]
    assert all(row.value > 0 for row in rows)
