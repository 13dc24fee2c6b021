"""One synthesis for all tests that only look at its result."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from functions.playbooks import playbooks
from stacks.config import Config
from stacks.synthesis import synthesise
from tests.stacks.templates import Template, enforcing


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stacks of this repository, with every playbook enforced."""
    outdir = tmp_path_factory.mktemp("cdk.out")
    synthesise(enforcing(playbooks()), outdir)
    return outdir


@pytest.fixture(scope="session")
def hub(assembly: Path) -> Template:
    return Template(assembly, "WardenHub")


@pytest.fixture(scope="session")
def member_account(assembly: Path) -> Template:
    return Template(assembly, "WardenMemberAccount")


@pytest.fixture(scope="session")
def member_region(assembly: Path) -> Template:
    return Template(assembly, "WardenMemberRegion")


@pytest.fixture(scope="session")
def member_global(assembly: Path) -> Template:
    return Template(assembly, "WardenMemberGlobal")


@pytest.fixture
def synthesised(tmp_path: Path) -> Callable[[Config, str], Template]:
    """Synthesise another configuration and return one of its stacks."""

    def synthesise_and_read(config: Config, stack: str) -> Template:
        synthesise(config, tmp_path)
        return Template(tmp_path, stack)

    return synthesise_and_read
