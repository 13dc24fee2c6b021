"""Sending back what a fix kept: what is asked, what became of each event, and how that is told. All of it pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

from functions.core.fix import Plan, Work


class CannotRedrive(Exception):
    """Nothing may be sent back as it is; the text says why, and what a person has to do first."""


class Begun(StrEnum):
    """What is to be done with an event that is about to be sent, by what is on record of it."""

    SEND = "send"
    """It was not sent; or it was begun and nobody wrote down whether it was, and is on record as such."""
    SENT = "sent"
    """This very message was sent and not deleted."""
    DUPLICATE = "duplicate"
    """Another message with the same event was sent."""


class Gone(StrEnum):
    """Why a message was deleted without being sent."""

    LOOP = "loop-made"
    TEST = "test"
    DUPLICATE = "duplicate"


class Ledger(Protocol):
    """What is written down of each event before anything is done with it, so that a crash loses and hides nothing."""

    def begin(self, event: str, message: str) -> Begun:
        """Write that an event is about to be sent, unless it was. `message` is SQS's id of the message it is in."""

    def sent(self, event: str) -> None:
        """Write that it was sent."""

    def refused(self, event: str) -> None:
        """Write that it was certainly not sent this time."""

    def look(self, queue: str) -> int:
        """Write that a queue, by ARN, is about to be looked through; return how often it was, this time included."""

    def drop(self, message: str, why: Gone) -> None:
        """Write that a message is about to be deleted without being sent."""


@dataclass(frozen=True)
class Order:
    """How kept events are to be sent back.

    `asked` and `until` are epoch seconds: what came after the one is left, so that what a redriven event leads to is
    not taken for an event to redrive, and at the other this slice ends. `standing` is whether the fix is in place;
    where it was taken back, `since` is when, ISO 8601 in UTC.
    """

    asked: float
    until: float
    unknown: bool = False
    standing: bool = True
    since: str = ""


@dataclass(frozen=True)
class Redriven:
    """What became of events: numbers of the whole request, save for what is still in the queue at the end of a slice.

    `twice` are those of the sent that may have been sent twice, `unknown` those kept since nobody can tell who made
    them, `left` those kept for another reason. `more` is whether another slice has something to do.
    """

    sent: int = 0
    twice: int = 0
    dropped: int = 0
    tests: int = 0
    duplicates: int = 0
    unknown: int = 0
    left: int = 0
    more: bool = False

    @property
    def counts(self) -> dict[str, int]:
        """The numbers of events by what became of them; those that are told even where they are 0 first."""
        usual = {
            "sent": self.sent,
            "dropped as loop-made": self.dropped,
            "dropped as duplicates": self.duplicates,
            "kept as unknown": self.unknown,
            "left": self.left,
        }
        seldom = {"possibly sent twice": self.twice, "test messages dropped": self.tests}
        return usual | {name: count for name, count in seldom.items() if count}

    def text(self, ticket: str) -> str:
        """Say it in sentences, and what can be done about the rest."""
        parts = [f"Events: {', '.join(f'{count} {name}' for name, count in self.counts.items())}."]
        if self.twice:
            parts.append("What was possibly sent twice was being sent when the work was interrupted.")
        if self.unknown:
            parts.append(f"To send those of unknown origin as well: `warden loops redrive {ticket} --unknown`.")
        if self.left:
            parts.append("What is left came later, waits for its own trigger, or cannot be sent as it is.")
        return " ".join(parts)


@runtime_checkable
class Redrives(Protocol):
    """What the `fix.py` of a playbook offers whose fixes keep events."""

    def redrive(self, work: Work, plan: Plan, ledger: Ledger, order: Order) -> Redriven:
        """Send back what the plan's queues hold, as the order says, for one slice of time.

        Raises `CannotRedrive`, `NotYet` where AWS is busy, and boto3's errors; it can be run again after any of them.
        """
