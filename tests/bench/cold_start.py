"""How long a function takes to start: from its process to its first request for an event."""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from tests.bench.bundles import Code
from tests.bench.importtime import by_package, told
from tests.bench.run import Run
from tests.bench.runtime_api import Execution, environment
from tests.bench.table import Row, median

FIGURE = "cold start: process → first request for an event"
IMPORT = "import alone, bytecode cached"
AIM = 200.0
ZIPPED, CACHED = "from its zip", "bytecode cached"
PEER, EMPTY = "Custodian", "an empty handler"

_IMPORT = "import time; begun = time.perf_counter(); import {module}; print((time.perf_counter() - begun) * 1000)"


@dataclass(frozen=True)
class _Start:
    wall: float
    cpu: float
    memory: float


def measure(run: Run) -> list[Row]:
    """Return the median start of each entry point, both as Lambda does it and with bytecode, beside Custodian's.

    Lambda's file system is read-only, so what comes in a zip is compiled at every start. Bytecode is cached where
    code has run before: that is how imports are usually measured.
    """
    codes = _codes(run)
    found = _starts(run, codes)
    rows = [
        _row(f"{name}, {form}", found[name, form], found.get((PEER, form)), ours=name != EMPTY)
        for form in (ZIPPED, CACHED)
        for name in codes
        if name != PEER
    ]
    rows = [_explained(run, row, codes) for row in rows]
    return [*rows, *_imports(run, codes)]


def _codes(run: Run) -> dict[str, Mapping[str, Code]]:
    """Return what is started, in both forms."""
    empty = run.folder()
    (empty / "empty.py").write_text("def handler(event, context):\n    return None\n")
    codes = {EMPTY: Code("empty.handler", empty)}
    codes |= {bundle.name: bundle.code for bundle in run.bundles.entry_points}
    if run.peer:
        codes[PEER] = run.peer.code
    run.say("compiling a copy of everything")
    return {name: {ZIPPED: code, CACHED: code.compiled(run.folder() / "code")} for name, code in codes.items()}


def _starts(run: Run, codes: Mapping[str, Mapping[str, Code]]) -> dict[tuple[str, str], list[_Start]]:
    """Start each several times, in turn, as the machine has other work at times; the first is not counted."""
    found: dict[tuple[str, str], list[_Start]] = defaultdict(list)
    rounds = run.times(11, 3)
    for number in range(rounds + 1):
        run.say(f"cold starts, round {number} of {rounds}")
        for name, forms in codes.items():
            for form, code in forms.items():
                with Execution(code, run.runtime) as execution:
                    pass
                if number:
                    found[name, form].append(_Start(execution.init_ms, execution.cpu_ms, execution.memory_mb))
    return found


def _row(what: str, starts: list[_Start], peer: list[_Start] | None, *, ours: bool) -> Row:
    wall = median([start.wall for start in starts])
    note = f"processor {_usage(starts)}"
    if not ours:
        return Row(FIGURE, what, wall, "ms", note=note)
    if peer:
        note += f" (Custodian {_usage(peer)})"
    return Row(FIGURE, what, wall, "ms", AIM, median([start.wall for start in peer]) if peer else None, note)


def _usage(starts: list[_Start]) -> str:
    cpu, memory = median([start.cpu for start in starts]), median([start.memory for start in starts])
    return f"{cpu:.0f} ms, {memory:.0f} MB" if memory else f"{cpu:.0f} ms"


def _explained(run: Run, row: Row, codes: Mapping[str, Mapping[str, Code]]) -> Row:
    """Add to a start that takes too long where its time goes."""
    if row.met is not False:
        return row
    name, _, form = row.what.partition(", ")
    whole, log = min(_traced(run, codes[name][form]) for _ in range(run.times(3, 1)))
    return replace(row, detail=f"of {whole:.0f} ms, {told(by_package(log), whole)}")


def _traced(run: Run, code: Code) -> tuple[float, str]:
    with Execution(code, run.runtime, ("-X", "importtime")) as execution:
        return execution.init_ms, execution.log()


def _imports(run: Run, codes: Mapping[str, Mapping[str, Code]]) -> list[Row]:
    """Return how long each takes to import without the runtime's client, all in turn; the first is not counted."""
    found: dict[str, list[float]] = defaultdict(list)
    for _ in range(run.times(9, 3) + 1):
        for name, forms in codes.items():
            found[name].append(_import_time(forms[CACHED], run.runtime))
    middle = {name: median(times[1:]) for name, times in found.items()}
    return [
        Row(IMPORT, name, ms, "ms", None, middle.get(PEER)) for name, ms in middle.items() if name not in (PEER, EMPTY)
    ]


def _import_time(code: Code, runtime: Path) -> float:
    module = code.handler.rpartition(".")[0]
    done = subprocess.run(
        [sys.executable, "-S", "-c", _IMPORT.format(module=module)],
        cwd=code.task,
        env=environment(code, runtime, 0),
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)
