"""Every interpreter, and a secret to read."""

import shutil
from collections.abc import Iterator
from dataclasses import replace

import pytest

from warden.local.emulator import Emulator

from .answers import Answers
from .starting import NODEJS, PYTHON, RUBY, Runtime, Secret


@pytest.fixture(params=[PYTHON, NODEJS, pytest.param(RUBY, marks=pytest.mark.system)], ids=lambda runtime: runtime.name)
def runtime(request: pytest.FixtureRequest) -> Runtime:
    found: Runtime = request.param
    path = shutil.which(found.interpreter)
    assert path, f"there is no {found.interpreter} here"
    return replace(found, interpreter=path)


@pytest.fixture
def secret(emulator: Emulator) -> Secret:
    """A secret with two values."""
    return Secret(emulator, {"DB_PASSWORD": "pass word", "API_KEY": "key"})


@pytest.fixture
def answers() -> Iterator[Answers]:
    """A server in the place of Secrets Manager, told what to answer."""
    with Answers() as server:
        yield server
