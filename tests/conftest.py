"""What every test may share."""

import functools
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.loaders import JSONFileLoader

from warden.local.emulator import Emulator

# Every session of botocore parses the descriptions of its services anew: a tenth of a second and megabytes for each.
_read = functools.cache(JSONFileLoader().load_file)


def _read_once(_loader: JSONFileLoader, path: str) -> Any:
    return _read(path)


JSONFileLoader.load_file = _read_once  # type: ignore[assignment, method-assign] # the same answer, sooner


@pytest.fixture(scope="session")
def shared_emulator() -> Iterator[Emulator]:
    """The one embedded AWS of this run; use ``emulator``, which empties it first."""
    with Emulator() as aws:
        yield aws


@pytest.fixture
def emulator(shared_emulator: Emulator) -> Emulator:
    """An embedded AWS without resources, recorded calls or faults, and with its initial settings."""
    shared_emulator.reset()
    return shared_emulator
