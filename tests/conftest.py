"""What every test may share."""

from collections.abc import Iterator

import pytest

from warden.local.emulator import Emulator


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
