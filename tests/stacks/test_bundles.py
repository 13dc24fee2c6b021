"""What each function's zip holds, and that this is enough to start it."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest

from functions.core.playbook import Playbook
from functions.playbooks import playbook, playbooks
from stacks.bundle import REPOSITORY, Bundles, EntryPoint
from stacks.imports import NoSuchFile, closure
from stacks.layers import LayerError, built
from stacks.synthesis import new_app
from tests.stacks.templates import Template

# `WARDEN_UPDATE_BUNDLES=1 pytest tests/stacks/test_bundles.py` writes the lists anew; read the difference.
LISTS = Path(__file__).parent / "bundles"
UPDATE = "WARDEN_UPDATE_BUNDLES" in os.environ
# One playbook stands for all, so that the lists stay as they are when another is added.
PLAYBOOK = playbook("reserved-concurrency")
ZIP_LIMIT = 100_000

# What Lambda's Python runtime brings along: boto3 and what it needs.
OF_THE_RUNTIME = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3")


def entry_points(root: Path = REPOSITORY) -> dict[str, EntryPoint]:
    bundles = Bundles(root)
    return {
        "inspector": bundles.inspector([PLAYBOOK]),
        "remediator": bundles.remediator(PLAYBOOK),
        "ticket": bundles.ticket(),
        "sweep": bundles.sweep(),
        "topology": bundles.topology(),
    }


NAMES = tuple(entry_points())


def path_of_facts(playbook: Playbook) -> Path:
    return REPOSITORY / "functions" / "playbooks" / playbook.module / "facts.py"


FACTS = [path for path in map(path_of_facts, playbooks()) if path.is_file()]


def staged(entry_points: Iterable[EntryPoint], outdir: Path) -> dict[str, Path]:
    """The folders that the CDK would zip, by name of the entry point."""
    app = new_app(outdir)
    stack = cdk.Stack(app, "Bundles")
    folders = {}
    for entry_point in entry_points:
        asset = cdk.aws_s3_assets.Asset(stack, entry_point.name, path=entry_point.code.path)
        folders[entry_point.name] = outdir / asset.asset_path
    return folders


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return staged(entry_points().values(), tmp_path_factory.mktemp("bundles"))


def contents(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("name", NAMES)
def test_a_bundle_holds_exactly_what_its_list_says(name: str, folders: dict[str, Path]) -> None:
    found, written = contents(folders[name]), LISTS / f"{name}.txt"
    if UPDATE:
        written.write_text("\n".join(found) + "\n")
    assert found == written.read_text().splitlines()


def test_the_inspector_has_every_check_and_no_fix(hub: Template, assembly: Path) -> None:
    found = contents(asset_of(hub, assembly, "warden-inspector"))
    parts = [*(REPOSITORY / "functions" / "playbooks").glob("*/check.py"), *FACTS]
    assert {path.relative_to(REPOSITORY).as_posix() for path in parts} <= set(found)
    assert not [path for path in found if path.startswith("functions/playbooks/") and path.endswith("/fix.py")]


def test_no_bundle_has_another_playbooks_code_or_any_case(hub: Template, assembly: Path) -> None:
    found = contents(asset_of(hub, assembly, PLAYBOOK.remediator))
    playbooks = {
        path.split("/")[2] for path in found if path.startswith("functions/playbooks/") and path.count("/") > 2
    }
    assert playbooks == {PLAYBOOK.module}
    assert not [path for path in found if not path.endswith(".py")]


@pytest.mark.parametrize("name", NAMES)
def test_a_bundle_is_small(name: str, folders: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    zipped = len(zip_of(folders[name]))
    with capsys.disabled():
        sys.stdout.write(f"\n  {name}: {zipped:,} B zipped")
    assert zipped <= ZIP_LIMIT


def test_a_new_file_in_the_repository_enters_no_bundle(tmp_path: Path) -> None:
    root = copy_of_functions(tmp_path)
    before = {name: entry_point.files for name, entry_point in entry_points(root).items()}
    (root / "functions" / "adapters" / "jira.py").write_text("PLANTED = 1\n")
    (root / "functions" / "playbooks" / PLAYBOOK.module / "notes.txt").write_text("planted\n")
    (root / "notes.py").write_text("PLANTED = 1\n")
    assert {name: entry_point.files for name, entry_point in entry_points(root).items()} == before
    for folder in staged(entry_points(root).values(), tmp_path / "out").values():
        assert not [path for path in contents(folder) if "notes" in path or "jira" in path]


def test_a_changed_fix_changes_one_bundle_and_a_changed_check_the_inspectors_as_well(tmp_path: Path) -> None:
    root = copy_of_functions(tmp_path)
    folder = root / "functions" / "playbooks" / PLAYBOOK.module

    def hashes(number: int) -> dict[str, str]:
        found = staged(entry_points(root).values(), tmp_path / f"out{number}")
        return {name: path.name for name, path in found.items()}

    def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
        return {name for name in NAMES if before[name] != after[name]}

    first = hashes(1)
    (folder / "fix.py").write_text((folder / "fix.py").read_text() + "\nCHANGED = 1\n")
    second = hashes(2)
    (folder / "check.py").write_text((folder / "check.py").read_text() + "\nCHANGED = 1\n")
    third = hashes(3)
    assert changed(first, second) == {"remediator"}
    assert changed(second, third) == {"remediator", "inspector"}
    (folder / "check.py").write_text((folder / "check.py").read_text().replace("CHANGED = 1\n", "CHANGED = 1  # why\n"))
    assert changed(third, hashes(4)) == set()


def test_what_reads_facts_for_a_check_goes_where_the_check_goes(tmp_path: Path) -> None:
    root = copy_of_functions(tmp_path)
    folder = root / "functions" / "playbooks" / PLAYBOOK.module
    facts, needed = (f"functions/playbooks/{PLAYBOOK.module}/{name}.py" for name in ("facts", "reading"))
    assert not [name for name, entry_point in entry_points(root).items() if facts in entry_point.files]
    (folder / "facts.py").write_text("from . import reading\n")
    (folder / "reading.py").write_text("")
    having = {name for name, entry_point in entry_points(root).items() if {facts, needed} <= set(entry_point.files)}
    assert having == {"inspector", "remediator"}


def test_a_file_that_a_bundle_needs_and_that_is_not_there_is_named(tmp_path: Path) -> None:
    root = copy_of_functions(tmp_path)
    (root / "functions" / "playbooks" / PLAYBOOK.module / "fix.py").unlink()
    with pytest.raises(NoSuchFile, match=r"^functions/playbooks/reserved_concurrency/fix.py does not exist"):
        Bundles(root).remediator(PLAYBOOK)


def test_imports_are_followed_however_they_are_written(tmp_path: Path) -> None:
    package = tmp_path / "functions" / "deep"
    package.mkdir(parents=True)
    (tmp_path / "functions" / "__init__.py").write_text("")
    (package / "__init__.py").write_text("")
    (package / "start.py").write_text(
        "import json\nimport functions.a\nfrom functions import b\nfrom functions.c import name\n"
        "def later():\n    from .d import other\n    from . import e\n"
    )
    for name in ("a", "b", "c", "unused"):
        (tmp_path / "functions" / f"{name}.py").write_text("")
    for name in ("d", "e"):
        (package / f"{name}.py").write_text("")
    assert closure(tmp_path, ["functions/deep/start.py"]) == [
        *(f"functions/{name}.py" for name in ("__init__", "a", "b", "c")),
        *(f"functions/deep/{name}.py" for name in ("__init__", "d", "e", "start")),
    ]


# Started alone: the bundle, its layers, and what the runtime has. The environment's own packages are out of reach.
_START = """
import sys
sys.path[:0] = {paths!r}
import {module} as entry_point
for name, module in sorted(sys.modules.items()):
    if getattr(module, "__file__", None):
        print(name, module.__file__)
assert callable(entry_point.handler)
"""


# Everything that is imported by a computed name, as handling a message would.
_LOAD = """
from functions.playbooks import examinations, fix_of, playbooks
assert [each.playbook.id for each in examinations()] == {ids!r}
assert not {fixes!r} or [fix_of(playbook).apply for playbook in playbooks()]
for name, module in sorted(sys.modules.items()):
    if getattr(module, "__file__", None):
        print(name, module.__file__)
"""


@pytest.mark.parametrize("function", ["warden-inspector", *(p.remediator for p in playbooks() if p.fixable)])
def test_checks_facts_and_fixes_load_from_the_bundle_and_layers_alone(
    function: str, hub: Template, assembly: Path, tmp_path: Path
) -> None:
    properties = hub.named("AWS::Lambda::Function", "FunctionName", function)
    task = asset_of(hub, assembly, function)
    layers = [asset_of_layer(hub, assembly, layer) / "python" for layer in properties["Layers"]]
    held = [p for p in playbooks() if function in ("warden-inspector", p.remediator)]
    module, _, _ = properties["Handler"].rpartition(".")
    start = _START.format(paths=[str(path) for path in (task, *layers, runtime(tmp_path))], module=module)
    load = _LOAD.format(ids=[p.id for p in held], fixes=function != "warden-inspector")
    done = started(start + load, properties["Environment"]["Variables"])
    assert done.returncode == 0, done.stderr
    loaded = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    facts = {f"functions.playbooks.{p.module}.facts" for p in held if path_of_facts(p) in FACTS}
    assert facts <= set(loaded)
    assert not [file for file in loaded.values() if "site-packages" in file]


@pytest.mark.parametrize("name", NAMES)
def test_an_entry_point_starts_from_its_bundle_and_layers_alone(
    name: str, folders: dict[str, Path], hub: Template, assembly: Path, tmp_path: Path
) -> None:
    function = f"warden-{name}" if name != "remediator" else PLAYBOOK.remediator
    properties = hub.named("AWS::Lambda::Function", "FunctionName", function)
    extracted = tmp_path / "task"
    with zipfile.ZipFile(io.BytesIO(zip_of(folders[name]))) as archive:
        archive.extractall(extracted)
    layers = [asset_of_layer(hub, assembly, layer) / "python" for layer in properties["Layers"]]
    module, _, attribute = properties["Handler"].rpartition(".")
    assert attribute == "handler"
    paths = [str(path) for path in (extracted, *layers, runtime(tmp_path))]
    done = started(_START.format(paths=paths, module=module), properties["Environment"]["Variables"])
    assert done.returncode == 0, done.stderr
    ours = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    assert ours[module].startswith(str(extracted))
    assert ours["aws_lambda_powertools"].startswith(str(layers[0]))
    assert not [file for file in ours.values() if "site-packages" in file]


def test_the_start_fails_without_a_layer(folders: dict[str, Path], hub: Template, tmp_path: Path) -> None:
    """Otherwise the test above could not fail."""
    variables = hub.named("AWS::Lambda::Function", "FunctionName", "warden-inspector")["Environment"]["Variables"]
    paths = [str(folders["inspector"]), str(runtime(tmp_path))]
    done = started(_START.format(paths=paths, module="functions.inspector"), variables)
    assert "No module named 'aws_lambda_powertools'" in done.stderr


def test_only_the_ticket_function_has_slacks_layer(hub: Template) -> None:
    layers = {f["FunctionName"]: f["Layers"] for f in hub.of_type("AWS::Lambda::Function")}
    assert layers.pop("warden-ticket") == ["warden-powertools", "warden-slack"]
    assert {tuple(found) for found in layers.values()} == {("warden-powertools",)}


@pytest.mark.parametrize("name", ["powertools", "slack"])
def test_a_layer_has_nothing_that_differs_from_machine_to_machine(name: str) -> None:
    folder = built(name)
    assert [path.name for path in folder.iterdir()] == ["python"]
    assert not {"bin", ".lock"} & {path.name for path in (folder / "python").iterdir()}
    odd = [p for p in folder.rglob("*") if p.name in {"RECORD", "INSTALLER", "REQUESTED", "__pycache__", "tests"}]
    assert not odd
    assert not [path for path in folder.rglob("*") if path.suffix in {".pyc", ".so"}]


def test_a_layer_is_built_once_for_a_requirement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = REPOSITORY / ".warden" / "layers" / built("slack").name
    copied = tmp_path / folder.name
    shutil.copytree(folder, copied)
    monkeypatch.setattr(subprocess, "run", lambda *_args, **_kwargs: pytest.fail("an installer was started"))
    assert built("slack", tmp_path) == copied


def test_a_layer_keeps_the_packages_and_nothing_that_installing_leaves_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = ["slack_sdk/__init__.py", "slack_sdk/tests.py", "slack_sdk-3.dist-info/METADATA", "binary.py"]
    left = ["bin/tool", ".lock", "slack_sdk/tests/test_it.py", "slack_sdk/__pycache__/a.pyc", "b.pyc"]
    left += [f"slack_sdk-3.dist-info/{name}" for name in ("RECORD", "INSTALLER", "REQUESTED")]
    asked = []

    def installs(command: list[str], **_options: object) -> subprocess.CompletedProcess[str]:
        asked.extend(command)
        for name in (*kept, *left):
            path = Path(command[command.index("--target") + 1]) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", installs)
    assert contents(built("slack", tmp_path) / "python") == sorted(kept)
    assert {"--require-hashes", "--no-deps", "--only-binary"} <= set(asked)
    assert [path.name for path in tmp_path.iterdir()] == [built("slack", tmp_path).name]


def test_a_layer_that_cannot_be_built_says_why_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_args: object, **_kwargs: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess([], 1, "", "no route to host")

    monkeypatch.setattr(subprocess, "run", fails)
    with pytest.raises(LayerError, match=r"^the layer of slack.txt could not be built: no route to host$"):
        built("slack", tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_layers_hold_the_versions_that_the_tests_run_with() -> None:
    for name in ("powertools", "slack"):
        lines = (REPOSITORY / "functions" / "requirements" / f"{name}.txt").read_text().splitlines()
        pins = dict(line.split(" ")[0].split("==") for line in lines if "==" in line)
        assert pins
        assert {package: version(package) for package in pins} == pins


def copy_of_functions(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    shutil.copytree(REPOSITORY / "functions", root / "functions", ignore=shutil.ignore_patterns("__pycache__"))
    return root


def asset_of(hub: Template, assembly: Path, function: str) -> Path:
    return _asset(assembly, hub.named("AWS::Lambda::Function", "FunctionName", function)["Code"])


def asset_of_layer(hub: Template, assembly: Path, name: str) -> Path:
    return _asset(assembly, hub.named("AWS::Lambda::LayerVersion", "LayerName", name)["Content"])


def _asset(assembly: Path, where: dict[str, Any]) -> Path:
    files = json.loads((assembly / "WardenHub.assets.json").read_text())["files"]
    (found,) = [f for key, f in files.items() if key in where["S3Key"]]
    return assembly / str(found["source"]["path"])


def zip_of(folder: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in contents(folder):
            archive.write(folder / path, path)
    return buffer.getvalue()


def runtime(tmp_path: Path) -> Path:
    """A folder with the packages of Lambda's runtime and nothing else of this environment."""
    folder = tmp_path / "runtime"
    folder.mkdir()
    for name in OF_THE_RUNTIME:
        spec = find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        source = Path(spec.origin)
        source = source.parent if source.name == "__init__.py" else source
        (folder / source.name).symlink_to(source)
    return folder


def started(code: str, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run code as Lambda would: its variables, no site-packages."""
    environment = {
        **variables,
        "AWS_LAMBDA_FUNCTION_NAME": "warden-test",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }
    return subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", code], env=environment, capture_output=True, text=True, check=False
    )
