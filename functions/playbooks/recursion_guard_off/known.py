"""What is known of a function's loop detection; read in `facts`, or written in a case file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

ALLOW, TERMINATE = "Allow", "Terminate"
"""What `RecursiveLoop` is set to: loops go on, or Lambda stops them."""


@dataclass(frozen=True)
class Facts:
    """What was read for one function."""

    today: date
    recursive_loop: str = ""
    """`RecursiveLoop` as it came; '' in a Region whose Lambda has no loop detection, or where it was not told."""
    not_told: str = ""
    """Why Lambda did not tell the setting."""
    keeps_refused: str = ""
    """What takes the events that Lambda would refuse, '' if they would be lost; read where the guard is off."""


def from_json(body: Mapping[str, Any]) -> Facts:
    """Read facts as a case file has them."""
    return Facts(**{**body, "today": date.fromisoformat(body["today"])})
