"""Where a start goes: what `python -X importtime` printed, summed up by package. Pure."""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from collections.abc import Mapping

# Python documentation, "-X importtime": own time and cumulative time in microseconds, then the module, indented.
_LINE = re.compile(r"^import time:\s*(\d+) \|\s*\d+ \| *([\w.]+)\s*$", re.MULTILINE)
STANDARD_LIBRARY = "standard library"


def by_package(log: str) -> dict[str, float]:
    """Return the milliseconds that each package's modules took to import themselves, the slowest package first."""
    spent: dict[str, float] = defaultdict(float)
    for microseconds, module in _LINE.findall(log):
        package = module.partition(".")[0]
        known = package in sys.stdlib_module_names or package.startswith("_")
        spent[STANDARD_LIBRARY if known else package] += int(microseconds) / 1000
    return dict(sorted(spent.items(), key=lambda item: -item[1]))


def told(spent: Mapping[str, float], whole: float, least: float = 5) -> str:
    """Say which packages took at least `least` milliseconds of a start, and what was left beside all imports."""
    large = [f"{package} {ms:.0f}" for package, ms in spent.items() if ms >= least]
    rest = whole - sum(spent.values())
    return ", ".join([*large, f"beside imports (interpreter, clients) {rest:.0f}"])
