"""The events on the hub bus: `source: warden`, detail schema version 1 (documented in docs/events.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from functions.core.finding import Finding, finding_from_json

SOURCE = "warden"
VERSION = "1"


class Kind(StrEnum):
    """The detail-types."""

    FINDING_OPENED = "Finding Opened"
    FIX_PLANNED = "Fix Planned"
    FINDING_CLEARED = "Finding Cleared"
    FIX_REQUESTED = "Fix Requested"
    UNDO_REQUESTED = "Undo Requested"
    REDRIVE_REQUESTED = "Redrive Requested"
    FIX_APPLIED = "Fix Applied"
    FIX_FAILED = "Fix Failed"
    FIX_UNDONE = "Fix Undone"
    EVENTS_REDRIVEN = "Events Redriven"
    TICKET_ACTION = "Ticket Action"


REQUESTS = (Kind.FIX_REQUESTED, Kind.UNDO_REQUESTED, Kind.REDRIVE_REQUESTED, Kind.TICKET_ACTION)
"""What people ask for, or decide."""
UNKNOWN_TOO = "unknown"
"""The code of a request to send back events of unknown origin as well."""


class NotAMessage(ValueError):
    """The detail does not follow the schema; the text says where."""


@dataclass(frozen=True)
class Message:
    """One event of ours: what happened to which finding, when, by whom.

    `mode` and `because` say what may be done about an opened finding and why no more. `fix` is the number of the fix
    an outcome belongs to, `changes` what it changed. `code` is a word for scripts, `text` a sentence for people.
    `until` is the end of a snooze or an exemption.
    """

    kind: Kind
    finding: Finding
    at: str
    by: str = ""
    mode: str = ""
    because: str = ""
    fix: int = 0
    changes: tuple[Mapping[str, Any], ...] = ()
    code: str = ""
    text: str = ""
    until: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)
    asked: str = ""
    """When a person's request says it was made, where `at` is when it was taken; orders requests of one second."""

    def to_detail(self) -> dict[str, Any]:
        """Return the event's detail; `playbook` and `mode` stand on top so that a rule's pattern can match them."""
        return {
            "version": VERSION,
            "playbook": self.finding.playbook,
            "finding": self.finding.to_json(),
            "at": self.at,
            "by": self.by,
            "mode": self.mode,
            "because": self.because,
            "fix": self.fix,
            "changes": [dict(change) for change in self.changes],
            "code": self.code,
            "text": self.text,
            "until": self.until,
            **self.extra,
        }


def read_message(detail_type: object, detail: object) -> Message:
    """Read an event of ours. Raises `NotAMessage`; a later minor version's new fields are left aside."""
    if not isinstance(detail, Mapping):
        raise NotAMessage("detail is not an object")
    version = detail.get("version")
    if not isinstance(version, str) or version.partition(".")[0] != VERSION:
        raise NotAMessage(f"detail.version is not {VERSION}")
    try:
        return Message(
            kind=Kind(_text({"detail-type": detail_type}, "detail-type")),
            finding=finding_from_json(detail["finding"]),
            at=_moment(detail["at"]),
            by=_text(detail, "by"),
            mode=_text(detail, "mode"),
            because=_text(detail, "because"),
            fix=_number(detail.get("fix") or 0),
            changes=tuple(_change(change) for change in detail.get("changes") or ()),
            code=_text(detail, "code"),
            text=_text(detail, "text"),
            until=_text(detail, "until"),
        )
    except KeyError as error:
        raise NotAMessage(f"detail lacks {error}") from None
    except (TypeError, ValueError, AttributeError) as error:
        raise NotAMessage(f"detail cannot be read: {str(error)[:300]}") from None


def _text(detail: Mapping[str, Any], name: str) -> str:
    value = detail.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError(f"{name} is not text")
    return value


def _moment(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("at is not text")
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError("at has no time zone")
    # One form only, since times are compared as texts.
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError("fix is not a whole number")
    return value


def _change(value: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(value["setting"], str):
        raise TypeError("changes[].setting is not text")
    return {"setting": value["setting"], "before": value["before"], "after": value["after"]}
