"""What the topology function knows of an account and Region, between one event and the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from functions.adapters.generations import Generations
from functions.core.subject import Subject
from functions.playbooks.recursive_loop import remembered
from functions.playbooks.recursive_loop.account import Account

LOOPS = "loops"
"""`{"loops": […], "appeared": {function ARN: moment}, "read": moment}`, loops as `known.loop_to_json` writes them."""
_ACCOUNT = "account"


@dataclass(frozen=True)
class Remembered:
    """What is known of an account and Region. `version` is that of the next write's condition."""

    account: Account
    loops: tuple[Mapping[str, Any], ...] = ()
    appeared: Mapping[str, str] = field(default_factory=dict)
    """When each function appeared that was not there at the first reading, by ARN."""
    read: str = ""
    """When everything was read last."""
    to_look_at: tuple[str, ...] = ()
    """Functions that are to be looked at because of this, as long as that has not been asked for."""
    version: int = 0


class Memory:
    """The state table, by name, as far as it holds this."""

    def __init__(self, client: Any, table: str) -> None:
        self._generations = Generations(client, table)

    def load(self, subject: Subject) -> Remembered | None:
        """Return what is known of the account and Region of a subject, None if nothing that can be read."""
        found = self._generations.read(subject, _ACCOUNT, LOOPS)
        if found is None:
            return None
        head, (account, summary) = found
        return Remembered(
            account=remembered.from_json(account),
            loops=tuple(summary["loops"]),
            appeared=summary["appeared"],
            read=summary["read"],
            to_look_at=head.to_look_at,
            version=head.version,
        )

    def save(self, subject: Subject, known: Remembered) -> Remembered:
        """Write what was read at `known.version` (0: nothing was) and is different now; return it as it is then.

        Raises `TakenMeanwhile` if somebody else wrote it since.
        """
        summary = {"loops": known.loops, "appeared": known.appeared, "read": known.read}
        documents = {_ACCOUNT: remembered.to_json(known.account), LOOPS: summary}
        self._generations.write(subject, known.version + 1, documents, known.to_look_at)
        return replace(known, version=known.version + 1)

    def asked(self, subject: Subject, known: Remembered) -> None:
        """Note that the looks were asked for, unless somebody wrote something newer."""
        self._generations.asked(subject, known.version)
