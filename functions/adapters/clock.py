"""The time, in the two forms used here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def now() -> datetime:
    """Return the present moment in UTC."""
    return datetime.now(UTC)


def iso(moment: datetime) -> str:
    """Return a moment as text that sorts by time: ISO 8601, UTC, microseconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def hour_before(moment: datetime) -> str:
    """Return the moment one hour earlier, as text."""
    return iso(moment - timedelta(hours=1))


def seconds_since(moment: str) -> float:
    """Return how long ago a moment written by `iso` was."""
    return (now() - datetime.fromisoformat(moment)).total_seconds()
