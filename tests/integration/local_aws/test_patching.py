"""A correction of a function that is gone stops the emulator instead of being skipped."""

from types import SimpleNamespace

import pytest

from warden.local.patching import MissingPrivateNameError, replace


def test_replaces_what_is_there() -> None:
    owner = SimpleNamespace(answer=lambda: 1)
    replace(owner, "answer", lambda original: lambda: original() + 1)
    assert owner.answer() == 2


def test_fails_loudly_when_the_name_is_gone() -> None:
    with pytest.raises(MissingPrivateNameError, match="answer is gone; check the pinned version of ministack"):
        replace(SimpleNamespace(), "answer", lambda original: original)
