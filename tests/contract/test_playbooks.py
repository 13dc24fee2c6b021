"""What every playbook promises, whichever there are: these tests find them by their folders."""

import gc
import hashlib
import inspect
import json
import os
import random
import re
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from importlib import import_module
from pathlib import Path
from types import BuiltinFunctionType, FrameType
from typing import Any

import pytest

import functions.playbooks
from functions.core.finding import Finding
from functions.core.judgement import OPERATOR
from functions.core.playbook import Mode, Permission, Playbook
from functions.core.snapshot import FunctionSnapshot, from_get_function
from functions.core.subject import Subject, parse_function, partition_of
from functions.playbooks import examinations, fix_of, playbooks

PLAYBOOKS = playbooks()
FOLDER = Path(functions.playbooks.__file__).parent
SECTIONS = ["What", "Evidence", "When it refuses", "How to undo"]
EXAMINATIONS = {examination.playbook.id: examination for examination in examinations()}

# A case says what kind of value it means; the repository holds nothing that looks like one.
MADE = {
    "<a password>": "-".join(("tiger", "lemon", "42")),
    "<a generated key>": hashlib.sha256(b"warden").hexdigest()[:32],
}


@dataclass(frozen=True)
class Case:
    """One file of a playbook's `cases/`."""

    playbook: Playbook
    path: Path

    @property
    def body(self) -> dict[str, Any]:
        text = self.path.read_text()
        for placeholder, value in MADE.items():
            text = text.replace(placeholder, value)
        body: dict[str, Any] = json.loads(text)
        return body

    @property
    def snapshot(self) -> FunctionSnapshot:
        arn = self.body["snapshot"]["Configuration"]["FunctionArn"]
        named = parse_function(arn)
        assert named.account
        assert named.region
        subject = Subject(partition_of(named.region), named.account, named.region, named.name)
        assert subject.arn == arn
        return from_get_function(subject, self.body["snapshot"])

    @property
    def settings(self) -> dict[str, Any]:
        return {**self.playbook.settings, **self.body["settings"]}

    @property
    def facts(self) -> tuple[Any, ...]:
        """What the playbook's `facts.py` would have read, if it has one."""
        if EXAMINATIONS[self.playbook.id].read_facts is None:
            return ()
        module = import_module(f"functions.playbooks.{self.playbook.module}.known")
        return (module.from_json(self.body.get("facts", {})),)

    @property
    def check(self) -> Callable[[FunctionSnapshot, dict[str, Any]], list[Finding]]:
        facts = self.facts
        check = EXAMINATIONS[self.playbook.id].check
        return lambda snapshot, settings: check(snapshot, settings, *facts)

    def run(self) -> list[Finding]:
        return self.check(self.snapshot, self.settings)


def folder(playbook: Playbook) -> Path:
    return FOLDER / playbook.module


CASES = [Case(p, path) for p in PLAYBOOKS for path in sorted((folder(p) / "cases").glob("*.json"))]
every_playbook = pytest.mark.parametrize("playbook", PLAYBOOKS, ids=lambda p: p.id)
every_case = pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c.playbook.id}-{c.path.stem}")


def test_every_check_and_every_fix_belongs_to_a_playbook_and_no_two_have_one_id() -> None:
    found = {path.parent.name for name in ("check.py", "fix.py", "cases") for path in FOLDER.glob(f"*/{name}")}
    assert found == {playbook.module for playbook in PLAYBOOKS}
    assert len({playbook.id for playbook in PLAYBOOKS}) == len(PLAYBOOKS) > 0


@every_playbook
def test_the_folder_holds_what_a_playbook_needs(playbook: Playbook) -> None:
    here = folder(playbook)
    for name in ("__init__.py", "playbook.py", "check.py", "README.md"):
        assert (here / name).is_file(), f"{playbook.id} has no {name}"
    assert (here / "fix.py").is_file() == playbook.fixable, "a fix.py exactly where there are writes"


@every_playbook
def test_the_id_is_a_problems_name_that_fits_every_name_made_from_it(playbook: Playbook) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", playbook.id)
    assert playbook.id != OPERATOR
    # A role's and a function's name have at most 64 characters (IAM and Lambda quotas).
    assert len(playbook.remediator) <= 64
    assert len(playbook.member_role) <= 64
    assert 0 < len(playbook.title) <= 100


@every_playbook
def test_the_readme_says_what_a_person_must_know(playbook: Playbook) -> None:
    text = (folder(playbook) / "README.md").read_text()
    assert text.startswith(f"# {playbook.id}\n")
    sections = dict(re.findall(r"^## (.+)\n\n((?:(?!^## ).*\n)+)", text, re.MULTILINE))
    assert [name for name in sections if name in SECTIONS] == SECTIONS
    assert all(len(sections[name].split()) >= 5 for name in SECTIONS)
    for permission in (*playbook.reads, *playbook.writes):
        assert f"`{permission.action}`" in text, "a permission nobody is told of"
    for setting in playbook.defaults:
        assert f'"{setting}"' in text, "a setting nobody is told of"


@every_playbook
def test_the_check_has_at_least_one_positive_and_two_negative_cases(playbook: Playbook) -> None:
    counts = [len(case.body["findings"]) for case in CASES if case.playbook is playbook]
    assert sum(count > 0 for count in counts) >= 1
    assert sum(count == 0 for count in counts) >= 2


@every_playbook
def test_every_permission_is_one_action_on_named_resources(playbook: Playbook) -> None:
    assert playbook.reads
    for permission in (*playbook.reads, *playbook.writes):
        assert re.fullmatch(r"[a-z0-9-]+:[A-Z][A-Za-z0-9]+", permission.action), permission.action
        assert_resource(permission)
    actions = [permission.action for permission in (*playbook.reads, *playbook.writes)]
    assert len(set(actions)) == len(actions), "an action declared twice"


def assert_resource(permission: Permission) -> None:
    if permission.resource == "*":
        assert permission.why_any, f"{permission.action} on everything, without a reason"
        return
    filled = permission.resource.format(partition="aws", region="*", account="222222222222")
    assert re.fullmatch(r"arn:aws:[a-z0-9-]+:[*a-z0-9-]*:(222222222222|\*)?:\S+", filled), filled
    assert not permission.why_any


@every_playbook
def test_what_only_reads_never_enforces(playbook: Playbook) -> None:
    assert playbook.fixable or playbook.mode is Mode.OBSERVE
    assert playbook.fixes_per_hour > 0


@every_playbook
def test_something_makes_it_look(playbook: Playbook) -> None:
    assert playbook.triggers
    assert len(set(playbook.triggers)) == len(playbook.triggers)


@every_playbook
def test_its_settings_are_json(playbook: Playbook) -> None:
    assert json.loads(json.dumps(playbook.defaults)) == playbook.defaults


@pytest.mark.parametrize("playbook", [p for p in PLAYBOOKS if p.fixable], ids=lambda p: p.id)
@pytest.mark.parametrize(
    ("step", "given"),
    [("plan", "snapshot"), ("apply", "plan"), ("verify", "plan"), ("undo", "plan"), ("advise", "plan")],
)
def test_its_fix_can_be_planned_applied_verified_and_undone(playbook: Playbook, step: str, given: str) -> None:
    assert list(inspect.signature(getattr(fix_of(playbook), step)).parameters) == ["work", given]


@every_case
def test_a_case_is_complete(case: Case) -> None:
    optional = set() if EXAMINATIONS[case.playbook.id].read_facts is None else {"facts"}
    assert (
        {"name", "snapshot", "settings", "findings"}
        <= set(case.body)
        <= {
            "name",
            "snapshot",
            "settings",
            "findings",
            *optional,
        }
    )
    assert case.body["name"]
    assert set(case.body["settings"]) <= set(case.playbook.settings), "a setting the playbook does not declare"
    for expected in case.body["findings"]:
        assert {"what contains"} <= set(expected) <= {"what contains", "aspect", "at most"}


@every_case
def test_a_case_leads_to_the_findings_it_says(case: Case) -> None:
    found = case.run()
    assert len(found) == len(case.body["findings"]), found
    for finding, expected in zip(found, case.body["findings"], strict=True):
        assert expected["what contains"] in finding.what
        assert finding.aspect == expected.get("aspect", finding.aspect)
        assert finding.at_most == expected.get("at most", finding.at_most)


@every_case
def test_a_finding_is_the_playbooks_about_this_function_with_evidence_and_an_id_of_its_own(case: Case) -> None:
    found = case.run()
    assert len({finding.id for finding in found}) == len(found)
    for finding in found:
        assert finding.playbook == case.playbook.id
        assert finding.subject == case.snapshot.subject
        if not finding.aspect:
            assert (finding.title, finding.severity) == (case.playbook.title, case.playbook.severity)
        assert finding.why
        assert finding.evidence
        assert (finding.found_at, finding.cause.event) == ("", ""), "when and why it was seen is the inspector's to say"


@every_case
def test_no_value_of_the_environment_is_in_a_finding(case: Case) -> None:
    text = json.dumps([finding.to_json() for finding in case.run()])
    assert not [name for name, value in case.snapshot.environment.items() if len(value) > 7 and value in text]


@every_case
def test_the_same_facts_lead_to_the_same_findings_and_stay_as_they_were(case: Case) -> None:
    snapshot, settings = case.snapshot, case.settings
    before = json.dumps([vars(snapshot), settings], default=vars, sort_keys=True)
    first, second = case.check(snapshot, settings), case.check(snapshot, settings)
    assert first == second == case.run()
    assert json.dumps([vars(snapshot), settings], default=vars, sort_keys=True) == before


@every_case
def test_a_check_reads_nothing_but_what_it_is_given(case: Case) -> None:
    snapshot, settings, check = case.snapshot, case.settings, case.check
    with watching() as seen:
        check(snapshot, settings)
    assert seen == []


# What tells a pure function something it was not given, or lets it tell others.
_OUTSIDE = {"time", "posix", "os", "_socket", "socket", "ssl", "io", "_io", "random", "_random", "uuid", "subprocess"}
_CLOCKS = {"now", "utcnow", "today"}


@contextmanager
def watching() -> Iterator[list[str]]:
    """Collect the calls, of Python and of C, that reach the clock, the environment, files, the network or chance."""
    seen: list[str] = []

    def watch(frame: FrameType, event: str, called: object) -> None:
        if event == "c_call" and isinstance(called, BuiltinFunctionType):
            module = called.__module__ or type(called.__self__).__module__
            if module.partition(".")[0] in _OUTSIDE or called.__name__ in _CLOCKS:
                seen.append(f"{module}.{called.__name__}")
        elif event == "call" and str(frame.f_globals.get("__name__")).partition(".")[0] in _OUTSIDE:
            seen.append(f"{frame.f_globals['__name__']}.{frame.f_code.co_name}")

    before = sys.getprofile()
    # A collection in between would run what others have asked to be told of it, clocks included.
    gc.disable()
    sys.setprofile(watch)
    try:
        yield seen
    finally:
        sys.setprofile(before)
        gc.enable()


@pytest.mark.parametrize(
    "impure",
    [
        time.time,
        time.monotonic,
        datetime.now,
        date.today,
        lambda: os.environ.get("HOME"),
        lambda: os.environ["PATH"],
        os.getcwd,
        lambda: Path(__file__).read_text(),
        lambda: open(__file__).close(),  # noqa: PTH123 - the plain function is what has to be seen
        lambda: socket.socket().close(),
        random.random,
        lambda: random.choice([1, 2]),  # noqa: S311 - chance, not security
    ],
)
def test_the_watch_sees_what_a_check_may_not_do(impure: Callable[[], object]) -> None:
    with watching() as seen:
        impure()
    assert seen


def test_the_watch_leaves_plain_work_alone() -> None:
    with watching() as seen:
        sorted(json.loads(json.dumps({"a": [1, 2], "b": re.sub("a", "b", "banana")})))
        date.fromisoformat("2026-11-20")
    assert seen == []
