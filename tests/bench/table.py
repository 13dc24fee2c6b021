"""What a figure is, and how figures are shown. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

_COLUMNS = ("", "ours", "aim", "Custodian", "peer ÷ ours", "")


@dataclass(frozen=True)
class Row:
    """One figure. `unit` is B, ms, s, calls, /s or '' (a plain count); `aim` is the most it should be."""

    figure: str
    what: str
    value: float
    unit: str
    aim: float | None = None
    peer: float | None = None
    note: str = ""
    detail: str = ""
    """What takes a line of its own, under the figure's rows."""

    @property
    def met(self) -> bool | None:
        """Whether the aim is reached, None where there is none."""
        return None if self.aim is None else self.value <= self.aim

    @property
    def ratio(self) -> float | None:
        """How many times the peer's figure is ours; None without a peer, or where ours is nothing."""
        return None if self.peer is None else ratio(self.peer, self.value)

    def to_json(self) -> dict[str, Any]:
        """Return the figure as scripts read it."""
        return {**asdict(self), "met": self.met, "ratio": self.ratio}


def ratio(peer: float, ours: float) -> float | None:
    """Return peer ÷ ours to three significant digits, None where ours is 0."""
    return float(f"{peer / ours:.3g}") if ours else None


def percentile(values: Sequence[float], percent: float) -> float:
    """Return a percentile, interpolated between the two nearest values; `ValueError` without values."""
    if not values:
        raise ValueError("no values, no percentile")
    ordered = sorted(values)
    position = (len(ordered) - 1) * percent / 100
    below, above = math.floor(position), math.ceil(position)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)


def median(values: Sequence[float]) -> float:
    """Return the middle value."""
    return percentile(values, 50)


def shown(value: float | None, unit: str) -> str:
    """Return a value with its unit, '' for None."""
    if value is None:
        return ""
    match unit:
        case "B":
            return f"{value:,.0f} B"
        case "ms":
            return f"{value:.0f} ms" if value >= 100 else f"{value:.1f} ms"
        case "s":
            return f"{value:.1f} s" if value >= 10 else f"{value:.3f} s"
        case "/s":
            return f"{value:.1f} /s"
        case "calls" if value == 1:
            return "1 call"
        case _:
            return f"{value:g} {unit}".rstrip()


def render(rows: Iterable[Row]) -> str:
    """Return a table for people: one block per figure, numbers to the right, a mark where an aim is reached or not."""
    blocks: dict[str, list[Row]] = {}
    for row in rows:
        blocks.setdefault(row.figure, []).append(row)
    every = [_COLUMNS, *(_cells(row) for block in blocks.values() for row in block)]
    widths = [max(len(cells[n]) for cells in every) for n in range(len(_COLUMNS) - 1)]
    lines = [_line(_COLUMNS, widths)]
    for figure, block in blocks.items():
        lines += ["", figure, *(_line(_cells(row), widths) for row in block)]
        lines += [f"    {row.what}: {row.detail}" for row in block if row.detail]
    return "\n".join(line.rstrip() for line in lines)


def _cells(row: Row) -> tuple[str, ...]:
    aim = "" if row.met is None else f"{'✔' if row.met else '✘'} ≤ {shown(row.aim, row.unit)}"
    times = "" if row.ratio is None else f"{row.ratio:g} ×"
    return (row.what, shown(row.value, row.unit), aim, shown(row.peer, row.unit), times, row.note)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *numbers = (cell for cell in cells[:-1])
    aligned = [number.rjust(width) for number, width in zip(numbers, widths[1:], strict=True)]
    return "   ".join([f"  {first.ljust(widths[0])}", *aligned, cells[-1]])
