"""One folder per problem. A folder with a `playbook.py` is a playbook; nothing else has to be told about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from functions.core.finding import Finding
from functions.core.fix import Fix, Member
from functions.core.mode import DeploymentPolicy
from functions.core.playbook import Playbook
from functions.core.snapshot import FunctionSnapshot


@cache
def playbooks() -> tuple[Playbook, ...]:
    """Return every declaration present in this installation or bundle, in order of id."""
    folders = sorted(path.parent.name for path in Path(__file__).parent.glob("*/playbook.py"))
    return tuple(import_module(f"functions.playbooks.{name}.playbook").PLAYBOOK for name in folders)


def playbook(playbook_id: str) -> Playbook:
    """Return one declaration by its id; `KeyError` names the ids that exist."""
    for candidate in playbooks():
        if candidate.id == playbook_id:
            return candidate
    known = ", ".join(p.id for p in playbooks())
    raise KeyError(f"there is no playbook {playbook_id!r}; there are: {known}")


class Check(Protocol):
    """What a playbook's `check.py` offers: facts of one function → what is wrong with it. Pure.

    Where the playbook has a `facts.py`, a third argument is what that read.
    """

    def __call__(self, snapshot: FunctionSnapshot, settings: Mapping[str, Any], *facts: Any) -> list[Finding]:
        """Return the findings, none if the function is as it should be."""


class ReadFacts(Protocol):
    """What a playbook's `facts.py` offers: what its check needs and `GetFunction` does not tell."""

    def __call__(self, member: Member, snapshot: FunctionSnapshot, settings: Mapping[str, Any]) -> Any:
        """Read as little as this function calls for; most functions call for nothing."""


@dataclass(frozen=True)
class Examination:
    """Everything that has to be done to know whether a function has one playbook's problem."""

    playbook: Playbook
    check: Check
    read_facts: ReadFacts | None = None

    def findings(self, member: Member, snapshot: FunctionSnapshot, settings: Mapping[str, Any]) -> list[Finding]:
        """Read what is missing and check. Raises boto3's errors."""
        if snapshot.deleted and not self.playbook.after_deletion:
            return []
        facts = () if self.read_facts is None else (self.read_facts(member, snapshot, settings),)
        return self.check(snapshot, settings, *facts)


@cache
def examinations() -> tuple[Examination, ...]:
    """Return every check present, with its playbook and the reader of its facts."""
    return tuple(_examination(playbook) for playbook in playbooks())


def _examination(playbook: Playbook) -> Examination:
    package = f"functions.playbooks.{playbook.module}"
    has_facts = (Path(__file__).parent / playbook.module / "facts.py").is_file()
    read_facts = import_module(f"{package}.facts").read if has_facts else None
    return Examination(playbook, import_module(f"{package}.check").check, read_facts)


def fix_of(playbook: Playbook) -> Fix:
    """Return a playbook's `fix.py`."""
    module: Any = import_module(f"functions.playbooks.{playbook.module}.fix")
    fix: Fix = module
    return fix


def settings_of(playbook: Playbook, policy: DeploymentPolicy) -> Mapping[str, Any]:
    """Return a playbook's settings: the deployment's where it sets any, else the declaration's."""
    return {**playbook.defaults, **(policy.settings or {}).get(playbook.id, {})}
