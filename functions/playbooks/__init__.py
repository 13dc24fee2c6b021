"""One folder per problem. A folder with a `playbook.py` is a playbook; nothing else has to be told about it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from functions.core.finding import Finding
from functions.core.fix import Fix
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
    """What a playbook's `check.py` offers: facts of one function → what is wrong with it. Pure."""

    def __call__(self, snapshot: FunctionSnapshot, settings: Mapping[str, Any]) -> list[Finding]:
        """Return the findings, none if the function is as it should be."""


@cache
def checks() -> tuple[tuple[Playbook, Check], ...]:
    """Return every check present, with its playbook."""
    return tuple((p, import_module(f"functions.playbooks.{p.module}.check").check) for p in playbooks())


def fix_of(playbook: Playbook) -> Fix:
    """Return a playbook's `fix.py`."""
    module: Any = import_module(f"functions.playbooks.{playbook.module}.fix")
    fix: Fix = module
    return fix


def settings_of(playbook: Playbook, policy: DeploymentPolicy) -> Mapping[str, Any]:
    """Return a playbook's settings: the deployment's where it sets any, else the declaration's."""
    return {**playbook.defaults, **(policy.settings or {}).get(playbook.id, {})}
