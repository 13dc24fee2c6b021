"""How much to reserve for one function, and whether the account can spare it. Pure.

Here the plan for the whole account will take over: it gets the same facts, for all functions at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from functions.core.fix import CannotFix

HEADROOM = 1.2


@dataclass(frozen=True)
class Demand:
    """What the function needs: its highest observed concurrency (None: no metrics) and its provisioned concurrency."""

    peak: int | None
    provisioned: int = 0


@dataclass(frozen=True)
class Pool:
    """The account and Region: its limit, what is unreserved of it, and the floor AWS keeps unreserved."""

    limit: int
    unreserved: int
    floor: int


def reservation(demand: Demand, default: int) -> int:
    """Return what to reserve: the observed peak with headroom, else the default; never below peak or provisioned."""
    wish = default if not demand.peak else math.ceil(HEADROOM * demand.peak)
    return max(wish, demand.peak or 0, demand.provisioned, 1)


def size(demand: Demand, pool: Pool, default: int) -> int | CannotFix:
    """Return what to reserve, or what is missing for it."""
    wanted = reservation(demand, default)
    left = pool.unreserved - wanted
    if left >= pool.floor:
        return wanted
    need = pool.limit + pool.floor - left
    return CannotFix(
        "no-room",
        f"Reserving {wanted} would leave {left} unreserved, under the floor of {pool.floor} (limit {pool.limit}, "
        f"unreserved {pool.unreserved}). Free {pool.floor - left} reserved elsewhere, or ask for a concurrency quota "
        f"of at least {need}",
    )
