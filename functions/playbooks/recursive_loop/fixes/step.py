"""One step of breaking a loop: one change of one setting, which can be made, read back and taken back.

A plan's changes are its steps in the order they are made; they are taken back in the opposite order. The words a
change's `setting` begins with say which module knows the step; `before` and `after` are JSON and all that it needs to
be made again after a crash, and to be undone.
"""

from __future__ import annotations

from typing import Protocol

from functions.core.fix import Change, Undone, Work


class Open(Exception):
    """The loop is open where it was to be broken: what the edge stands for is gone or switched off. Says what."""


class CannotBreak(Exception):
    """The rung cannot be taken here; the text says what is missing and what a person can do."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class Step(Protocol):
    """What each module of a step offers."""

    SETTING: str
    """The words its changes' settings begin with."""

    def apply(self, work: Work, change: Change) -> None:
        """Bring the setting from `before` to `after`; nothing to do where it is `after` already.

        Raises `ChangedMeanwhile` where it is neither, `NotYet` where AWS is busy with it.
        """

    def verify(self, work: Work, change: Change) -> None:
        """Read the setting back; raises `NotVerified` where it is not `after`, `NotYet` while that takes effect."""

    def undo(self, work: Work, change: Change) -> Undone:
        """Bring the setting from `after` back to `before`: `restored=(change,)`.

        Where it is `before` already, that is restored too. Where somebody set something else since, or what it belongs
        to is gone, it stays: `kept=("… as somebody set it since",)`. Raises `NotYet` where AWS is busy with it.
        """
