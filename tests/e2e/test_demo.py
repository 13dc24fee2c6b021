"""`warden demo` as a person and as a script runs it: every scenario comes out, and nothing is left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


def start(*arguments: str, folder: Path) -> subprocess.Popen[str]:
    """Start a demo in a folder of its own, marked so that everything it starts can be found again."""
    return subprocess.Popen(
        [sys.executable, "-m", "warden.cli", "demo", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def descendants(pid: int) -> set[int]:
    """Return every process below one, as /proc tells it."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(stat.parent.name)] = int(fields[1])
    found: set[int] = set()
    while more := {child for child, parent in parents.items() if parent in found | {pid}} - found:
        found |= more
    return found


def alive(pids: set[int]) -> set[int]:
    """Return those that still run; a zombie does not."""
    return {pid for pid in pids if _runs(pid)}


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_once_reports_every_scenario_and_leaves_nothing_behind(tmp_path: Path) -> None:
    demo = start("--once", "--json", folder=tmp_path)
    out, err = demo.communicate(timeout=240)
    assert demo.returncode == 0, err
    report: dict[str, Any] = json.loads(out)
    assert set(report) == {"scenarios", "left_out"}
    assert {"critical function", "undo", "approval", "full account", "forged event"} <= {
        s["name"] for s in report["scenarios"]
    }
    for scenario in report["scenarios"]:
        assert set(scenario) == {"name", "account", "function", "finding", "outcome", "seconds", "ticket"}
    assert not (tmp_path / ".warden" / "demo.json").exists()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["terminated", "killed"])
def test_ending_it_leaves_no_process_behind(tmp_path: Path, how: signal.Signals) -> None:
    demo = start(folder=tmp_path)
    try:
        wait_for(demo, "reserved 10")
        leaves_no_process_behind(demo, how)
    finally:
        demo.kill()
        demo.wait()


def test_a_second_terminal_finds_the_demo_until_ctrl_c_ends_it_and_all_it_started(tmp_path: Path) -> None:
    demo = start(folder=tmp_path)
    try:
        wait_for(demo, "Ctrl-C ends everything")
        bare = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        listed = subprocess.run(
            [sys.executable, "-m", "warden.cli", "tickets", "--all", "--json"],
            cwd=tmp_path,
            env={**bare, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert listed.returncode == 0, listed.stderr
        assert "using the demo on http://127.0.0.1:" in listed.stderr
        assert "checkout" in {t["function"] for t in json.loads(listed.stdout)}
        leaves_no_process_behind(demo, signal.SIGINT)
    finally:
        demo.kill()
        demo.wait()


def wait_for(demo: subprocess.Popen[str], text: str) -> None:
    """Read what a demo says until it says this."""
    assert demo.stdout is not None
    assert any(text in line for line in demo.stdout), f"it ended without {text!r}"


def leaves_no_process_behind(demo: subprocess.Popen[str], how: signal.Signals) -> None:
    """End a demo: whatever it started ends with it."""
    children = descendants(demo.pid)
    assert children, "the embedded AWS is a process of its own"
    demo.send_signal(how)
    demo.wait(timeout=30)
    for _ in range(100):
        if not alive(children):
            break
        time.sleep(0.1)
    assert alive(children) == set()
