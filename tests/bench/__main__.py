"""`make bench`: measure, and print one table."""

from __future__ import annotations

import json
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click

from tests.bench import (
    api_calls,
    burst,
    cold_start,
    event_to_fix,
    loop_break,
    loops,
    secrets,
    sizes,
    warm_event,
    wrapper_start,
)
from tests.bench.run import Run
from tests.bench.table import Row, render

FIGURES: dict[str, Callable[[Run], list[Row]]] = {
    "sizes": sizes.measure,
    "cold-start": cold_start.measure,
    "api-calls": api_calls.measure,
    "warm-event": warm_event.measure,
    "event-to-fix": event_to_fix.measure,
    "burst": burst.measure,
    "secrets": secrets.measure,
    "wrapper-start": wrapper_start.measure,
    "loops": loops.measure,
    "loop-break": loop_break.measure,
}


@click.command()
@click.option("--only", multiple=True, type=click.Choice(list(FIGURES)), help="Only this figure; may be repeated.")
@click.option("--quick", is_flag=True, help="Fewer repetitions: whether it works, not how fast it is.")
@click.option("--no-peer", is_flag=True, help="Without the peers, which need the network the first time.")
@click.option("--json", "json_", is_flag=True, help="One JSON object instead of the table.")
def bench(only: tuple[str, ...], quick: bool, no_peer: bool, json_: bool) -> None:
    """Measure this system, beside an aim or Custodian in the same run. Times are medians unless they say otherwise."""
    began = time.monotonic()

    def say(text: str) -> None:
        click.echo(f"{time.monotonic() - began:6.1f} s  {text}", err=True)

    # A terminated run must clean up after itself just as an interrupted one.
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
    with tempfile.TemporaryDirectory(prefix="warden-bench-") as scratch:
        run = Run(Path(scratch), quick=quick, with_peer=not no_peer, say=say)
        rows: list[Row] = []
        for name in only or FIGURES:
            say(name)
            rows += FIGURES[name](run)
    if json_:
        click.echo(json.dumps({"rows": [row.to_json() for row in rows], "peer_missing": run.peer_missing}))
        return
    click.echo(render(rows))
    if run.peer_missing:
        click.echo(f"\nWithout Custodian: {run.peer_missing}")


if __name__ == "__main__":
    bench()
