"""Replacing a private function of the emulator's engine, in the open and never silently.

The engine (ministack, pinned exactly) has no extension points, so each module here swaps the few functions it corrects.
A name that is gone means that the pin moved and the correction no longer applies: that must stop the server at start,
not surface later as a wrong test result.
"""

from collections.abc import Callable
from typing import Any


class MissingPrivateNameError(RuntimeError):
    """The engine no longer has a function this layer corrects; the pin and the layer must move together."""


def replace(owner: Any, name: str, make: Callable[[Any], Any]) -> None:
    """Put ``make(original)`` in the place of ``owner.name``; fail if the engine has no such name."""
    if not hasattr(owner, name):
        where = getattr(owner, "__name__", repr(owner))
        raise MissingPrivateNameError(f"{where}.{name} is gone; check the pinned version of ministack")
    setattr(owner, name, make(getattr(owner, name)))


def replace_entry(table: dict[str, Any], name: str, make: Callable[[Any], Any]) -> None:
    """The same for a function that the engine finds by its name in a table."""
    if name not in table:
        raise MissingPrivateNameError(f"the engine's table has no {name}; check the pinned version of ministack")
    table[name] = make(table[name])
