"""When tickets become one digest instead of a flood: more than N new ones in a minute for one channel. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

WINDOW_SECONDS = 60


@dataclass(frozen=True)
class Window:
    """The last minute of one channel. Times are epoch seconds; `digest` is the open digest's id."""

    recent: tuple[float, ...] = ()
    """When the newest tickets with a message of their own came; a fixed minute would let twice as many through."""
    digest: str = ""
    joined: float = 0.0
    """When the open digest last took a ticket: it stays open until a minute passes without one."""

    def to_json(self) -> dict[str, Any]:
        """Return the window's body for the table."""
        return asdict(self)


def window_from_json(body: Mapping[str, Any] | None) -> Window:
    """Read what `to_json` wrote; nothing there is a window that never began."""
    known = {k: v for k, v in (body or {}).items() if k in Window.__dataclass_fields__}
    return Window(**{**known, "recent": tuple(known.get("recent", ()))})


def place(window: Window, now: float, most: int, new_id: str) -> Window:
    """Count one new ticket; the result's `digest` is where it goes, '' for a message of its own."""
    if window.digest and now - window.joined < WINDOW_SECONDS:
        return replace(window, joined=now)
    recent = tuple(moment for moment in window.recent if now - moment < WINDOW_SECONDS)
    if len(recent) < most:
        return Window((*recent, now))
    return Window(recent, new_id, now)
