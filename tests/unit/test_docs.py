"""The documentation is true: its links lead somewhere, its commands are run by tests, its tables are the code's."""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator

import pytest

from functions.adapters import aws, policy, queue, store
from functions.core import fix
from functions.core.playbook import Mode, Playbook, Severity
from functions.playbooks import playbooks
from stacks.config import MOST_ACCOUNTS, Ceilings, Config, Slack, read
from warden.cli import warden
from warden.scenarios import SCENARIOS

from .documents import ROOT, Command, Document, code, commands, document, documents, is_aws, is_cdk, is_warden

# What runs a command, where no test takes it from the documentation as it stands: a test, or what CI runs.
RUN_BY = {
    ".venv/bin/warden demo": "tests/e2e/test_demo.py::test_ending_it_leaves_no_process_behind",
    ".venv/bin/warden demo --once --json": (
        "tests/e2e/test_demo.py::test_once_reports_every_scenario_and_leaves_nothing_behind"
    ),
    "CDK_OUTDIR=cdk.out .venv/bin/python app.py": (
        "tests/stacks/test_synthesis.py::test_without_a_command_line_the_file_is_read"
    ),
    ".venv/bin/python -m tests.bench": (
        "tests/stacks/test_bench_sizes.py::test_the_bench_measures_the_zip_of_every_entry_point_and_layer"
    ),
    ".venv/bin/pytest -m system -k picture": (
        "tests/e2e/test_ticket_picture.py::test_the_picture_shows_what_its_description_says"
    ),
    ".venv/bin/pytest tests/unit --hypothesis-profile=explore": (
        "tests/unit/test_docs.py::test_the_tests_can_be_run_with_more_examples"
    ),
    '.venv/bin/pytest -m "not system" -n 3 --dist loadfile tests/unit': ".ci/run",
    '.venv/bin/pytest -m "not system" -n 3 --dist loadfile': ".ci/run",
    ".venv/bin/pytest -m system": ".ci/run",
    ".venv/bin/ruff check": ".ci/run",
    ".venv/bin/ruff format --check": ".ci/run",
    ".venv/bin/mypy": ".ci/run",
    "rm": "tests/unit/test_docs.py::test_cleaning_up_removes_nothing_of_the_repository",
}
FROM_THE_DOCUMENTATION = {
    is_warden: "tests/e2e/test_documented_commands.py::test_a_documented_command_does_what_it_says",
    is_aws: "tests/e2e/test_documented_commands.py::test_no_aws_command_is_left_out_here",
    is_cdk: "tests/e2e/test_documented_cdk.py::test_the_documented_commands_deploy_everything",
}
PAGES = documents()
LINKS = [(page.name, text, target) for page in PAGES for text, target in page.links]


def made(command: str) -> Iterator[str]:
    """What `make` would run for a command, without setting anything up."""
    words = shlex.split(command)
    environment = {**os.environ, **dict(word.split("=", 1) for word in _assignments(words))}
    make = [words[len(_assignments(words))], "-n", *words[len(_assignments(words)) + 1 :]]
    done = subprocess.run(make, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    setup = (".tools/", "touch ", "python", "make[")
    yield from (line.strip() for line in done.stdout.splitlines() if not line.startswith(setup))


def _assignments(words: list[str]) -> list[str]:
    return [word for word in words if re.match(r"[A-Z_]+=", word)][: _first_program(words)]


def _first_program(words: list[str]) -> int:
    return next(n for n, word in enumerate(words) if not re.match(r"[A-Z_]+=", word))


def is_run_by(command: Command) -> list[str]:
    """The tests that run a command, [] if none does."""
    for recognises, test in FROM_THE_DOCUMENTATION.items():
        if recognises(command):
            return [test]
    text = command.text.removeprefix("uv run ")
    if re.match(r"([A-Z_]+=\S+ )*make ", text):
        return [RUN_BY.get("rm" if line.startswith("rm ") else line, "") for line in made(text)]
    text = f".venv/bin/{text}" if text.startswith(("warden ", "pytest ")) else text
    return [RUN_BY.get(text, "")]


@pytest.mark.parametrize("command", commands(), ids=lambda command: command.text[:60])
def test_a_documented_command_is_run_by_a_test(command: Command) -> None:
    runs = is_run_by(command)
    assert runs, command
    assert "" not in runs, f"{command.document} shows a command that no test runs: {command.text}"


def test_a_command_that_nobody_runs_is_noticed() -> None:
    """Otherwise the test above could not fail."""
    for text in ("cdk destroy --all", "make demo ARGS=--twice", "python -m warden.local.server"):
        assert "" in is_run_by(Command(text, "README.md"))


@pytest.mark.parametrize("run_by", sorted({*RUN_BY.values(), *FROM_THE_DOCUMENTATION.values()}))
def test_what_runs_a_command_is_there(run_by: str) -> None:
    path, _, name = run_by.partition("::")
    assert (ROOT / path).exists()
    if name:
        assert name in _functions_of(path)


def test_ci_runs_what_is_said_to_be_run_by_it() -> None:
    script = (ROOT / ".ci/run").read_text()
    ran = {line for target in re.findall(r"^make ([\w-]+)$", script, re.MULTILINE) for line in made(f"make {target}")}
    whole = {text for text, run_by in RUN_BY.items() if run_by == ".ci/run" and not text.endswith("tests/unit")}
    assert whole <= ran


def test_cleaning_up_removes_nothing_of_the_repository() -> None:
    (line,) = made("make clean")
    program, option, *folders = line.split()
    assert (program, option) == ("rm", "-rf")
    ignored = (ROOT / ".gitignore").read_text().split()
    assert {f"{folder}/" for folder in folders} <= set(ignored)


def test_the_tests_can_be_run_with_more_examples() -> None:
    arguments = ["-q", "tests/unit/test_pool.py", "--hypothesis-profile=explore"]
    done = subprocess.run([".venv/bin/pytest", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(("page", "target"), sorted({(page, target) for page, _, target in LINKS}))
def test_a_link_leads_somewhere(page: str, target: str) -> None:
    if target.startswith("https://"):
        return
    path, _, anchor = target.partition("#")
    found = (ROOT / page).parent / path if path else ROOT / page
    assert found.resolve().exists(), f"{page} links to {target}"
    if anchor:
        assert anchor in Document(found.resolve()).anchors, f"{page} links to {target}"


@pytest.mark.parametrize(
    ("page", "name", "target"), [(page, text, target) for page, text, target in LINKS if text.startswith("test_")]
)
def test_a_test_that_is_named_is_where_the_link_leads(page: str, name: str, target: str) -> None:
    path = ((ROOT / page).parent / target).resolve().relative_to(ROOT)
    assert name in _functions_of(path.as_posix())


def test_every_promise_names_its_test() -> None:
    section = document("README.md").section("What it promises")
    promises = re.findall(r"^- (.+?)(?=^- |\n\n|\Z)", section, re.MULTILINE | re.DOTALL)
    assert len(promises) >= 10
    assert [promise for promise in promises if "](tests/" not in promise] == []


def test_the_readme_lists_the_demos_scenarios() -> None:
    rows = document("README.md").table("What the demo shows")
    assert [row[:2] for row in rows] == [
        [s.name, s.tells.replace("warden:mode=approve", "`warden:mode=approve`")] for s in SCENARIOS
    ]


def test_the_readme_lists_every_command() -> None:
    rows = document("README.md").table("The command line")
    assert {code(row[0])[0].split()[1] for row in rows} == set(warden.commands)


def test_the_readme_lists_every_playbook() -> None:
    rows = document("README.md").table("What it covers today")
    assert {re.findall(r"\[([^]]+)\]", row[0])[0] for row in rows} == {playbook.id for playbook in playbooks()}


@pytest.mark.parametrize("page", ["README.md"])
def test_a_shown_configuration_is_a_valid_one(page: str) -> None:
    shown = [json.loads(block) for block in document(page).blocks("json")]
    configurations = [block for block in shown if "hub_account" in block]
    assert configurations
    for block in configurations:
        assert read(block, playbooks()).hub_account == "111111111111"


def test_operating_lists_every_key_of_the_configuration() -> None:
    keys = {key for row in document("docs/operating.md").table("What else `cdk.json` says") for key in code(row[0])}
    slack = {f"slack.{name}" for name in Slack.model_fields}
    assert keys == (set(Config.model_fields) - {"slack"}) | slack
    (row,) = [row for row in document("docs/operating.md").table("What else `cdk.json` says") if "`ceilings`" in row[0]]
    assert set(Ceilings.model_fields) <= set(code(row[1]))


def test_operating_names_the_codes_of_dead_letters() -> None:
    source = (ROOT / "functions/adapters/queue.py").read_text()
    ours = set(re.findall(r'_bury\(record, "([A-Z_]+)"', source))
    assert ours == {
        c for row in document("docs/operating.md").table("Dead letters", 1) for c in code(row[0]) if c in ours
    }
    assert ours >= {"MALFORMED"}


# Where one of these changes, the words have to as well.
NUMBERS = [
    (
        "docs/operating.md",
        f"`fixes_per_hour` functions ({Playbook('p', 't', Severity.LOW, Mode.OBSERVE, (), ()).fixes_per_hour})",
    ),
    ("docs/operating.md", f"at most {MOST_ACCOUNTS}"),
    ("docs/operating.md", f"become one message | {Config.model_fields['digest_after'].default} |"),
    ("docs/operating.md", f"kept for {store._KEEP_SECONDS // 86_400} days"),
    ("docs/design.md", f"| {store._KEEP_SECONDS // 86_400} days |"),
    ("docs/operating.md", {1000: "a thousand times"}[queue._MOST_ATTEMPTS]),
    ("docs/operating.md", {30: "Within half a minute"}[policy._KEEP_SECONDS]),
    ("docs/operating.md", {3: "the stop after three fixes in an hour"}[fix.FIGHTING_AFTER]),
    ("docs/operating.md", {3: "three attempts"}[vars(aws._CONFIG)["retries"]["total_max_attempts"]]),
    ("docs/design.md", {3: "after three within an hour stop"}[fix.FIGHTING_AFTER]),
]


@pytest.mark.parametrize(("page", "words"), NUMBERS)
def test_a_number_is_the_codes(page: str, words: str) -> None:
    assert words in " ".join(document(page).text.split())


def test_every_decision_is_in_the_list_and_says_what_was_rejected() -> None:
    index = document("docs/decisions/README.md")
    linked = [target for _, target in index.links]
    records = sorted(path.name for path in (ROOT / "docs/decisions").glob("0*.md"))
    assert linked == records
    for number, record in enumerate(records, start=1):
        page = document(f"docs/decisions/{record}")
        assert record.startswith(f"{number:04}-")
        assert page.text.startswith(f"# {number}. ")
        for heading in ("Context", "Choice", "Rejected", "Measured"):
            assert page.section(heading).strip(), (record, heading)


def test_the_changelog_speaks_of_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    text = document("CHANGELOG.md").text
    assert f"## [{version}] - Unreleased" in text
    assert set(re.findall(r"^### (.+)$", text, re.MULTILINE)) <= {
        *("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"),
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_lines_are_short_enough_to_be_read_beside_code(page: Document) -> None:
    long = [line for line in page.text.splitlines() if len(line) > 120]
    # These cannot be broken: a row of a table, an image's description, a command's JSON, a link to a test.
    assert [line for line in long if not line.lstrip().startswith(("|", "<img", "--item", "$ aws", "[test_"))] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_machine_and_no_person_is_in_it(page: Document) -> None:
    assert re.findall(r"/(?:home|root|work|Users|tmp)/\S*", page.text) == []


def _functions_of(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
