"""How well plaintext secrets are told from settings, how fast, and how peers do on the same pairs in the same run."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import click

from functions.playbooks.plaintext_secrets.classifier.classify import classify
from tests.bench import secret_peers
from tests.bench.run import Run
from tests.bench.table import Row, median
from tests.secrets.corpus import corpus as first_corpus
from tests.secrets.quality import Quality, Tier, counted, judged, quality
from tests.secrets.world_corpus import Pair
from tests.secrets.world_corpus import corpus as world_corpus

_AIMS: dict[Tier, tuple[float, float]] = {"high": (2, 200), "any": (10, 50)}
"""For each tier at most so many false findings per 1,000 harmless pairs, and so many misses per 1,000 secrets."""
_SEEDS = {"development seed": "A", "unseen seed": "bench-1"}


@dataclass(frozen=True)
class Figure:
    """What one tool reached on one set of pairs."""

    tool: str
    pairs: str
    quality: Quality
    per_second: float


def sets(count: int) -> dict[str, list[Pair]]:
    """Return the pairs, by what they are called: both corpora, seeds and kinds that were developed on and were not."""
    found = {f"first corpus, {called}": first_corpus(seed, count) for called, seed in _SEEDS.items()}
    for part in ("dev", "unseen"):
        kinds = "kinds developed on" if part == "dev" else "kinds held back"
        found |= {
            f"second corpus, {kinds}, {called}": world_corpus(seed, count, part) for called, seed in _SEEDS.items()
        }
    return found


def ours(called: str, pairs: Sequence[Pair]) -> Iterator[Figure]:
    """Measure our classifier on pairs: both tiers."""
    began = time.perf_counter()
    rows = judged(pairs)
    per_second = len(pairs) / (time.perf_counter() - began)
    for tier in _AIMS:
        yield Figure("lambda-warden", called, quality(rows, tier), per_second)


def peers(called: str, pairs: Sequence[Pair]) -> Iterator[Figure]:
    """Measure every peer on the same pairs. Raises `NoPeer`."""
    for peer in secret_peers.PEERS:
        told = secret_peers.answers(peer, pairs)
        hits = ((pair.label, number in told.found) for number, pair in enumerate(pairs))
        yield Figure(peer, called, counted(hits, "any"), len(pairs) / told.seconds)


def import_ms(times: int = 5) -> float:
    """Return the median milliseconds that importing the classifier takes, beside the packages it lies in."""
    code = (
        "import time, functions.playbooks; began = time.perf_counter();"
        "import functions.playbooks.plaintext_secrets.classifier.classify; print((time.perf_counter() - began) * 1000)"
    )
    runs = (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(times)
    )
    return median([float(run.stdout) for run in runs])


def measure(run: Run) -> list[Row]:
    """Return the figures as the table of `make bench` shows them: misses and false findings, less is better."""
    rows: list[Row] = []
    for called, pairs in sets(run.times(4000, 800)).items():
        figures = list(ours(called, pairs))
        beside = ""
        if run.with_peer:
            try:
                beside = "; ".join(_told(figure) for figure in peers(called, pairs))
            except secret_peers.NoPeer as missing:
                beside = f"without peers: {missing}"
        for figure in figures:
            rows += _rows(figure, beside)
    rows.append(Row("plaintext secrets", "import", import_ms(run.times(9, 3)), "ms", aim=50))
    rows.append(Row("plaintext secrets", "one judgement", _milliseconds(), "ms", aim=0.2))
    return rows


def _rows(figure: Figure, beside: str) -> Iterator[Row]:
    found, (false, missed) = figure.quality, _AIMS[figure.quality.tier]
    tier = "moved by itself" if found.tier == "high" else "all findings"
    block = f"plaintext secrets, {figure.pairs}"
    yield Row(block, f"{tier}: false per 1,000", round(found.false_per_1000, 2), "", aim=false, note=_told(figure))
    note = beside if found.tier == "any" else ""
    yield Row(block, f"{tier}: missed per 1,000", round(1000 * (1 - found.recall), 1), "", aim=missed, note=note)


def _told(figure: Figure) -> str:
    q = figure.quality
    return f"{figure.tool} P {q.precision:.3f} R {q.recall:.3f} F1 {q.f1:.3f} false {q.false_per_1000:.1f}"


def _milliseconds() -> float:
    pairs = [pair for found in sets(800).values() for pair in found]
    began = time.perf_counter()
    for pair in pairs:
        classify(pair.name, pair.value)
    return 1000 * (time.perf_counter() - began) / len(pairs)


@click.command()
@click.option("-n", "count", default=4000, show_default=True, help="Pairs of each set.")
@click.option("--no-peer", is_flag=True, help="Without the peers, which need the network the first time.")
@click.option("--json", "json_", is_flag=True, help="One JSON line for each figure.")
def main(count: int, no_peer: bool, json_: bool) -> None:
    """Measure the secret classifier and its peers on the same pairs."""
    for called, pairs in sets(count).items():
        if not json_:
            click.echo(f"\n{called} ({len(pairs)} pairs)")
        for figure in [*ours(called, pairs), *([] if no_peer else peers(called, pairs))]:
            click.echo(json.dumps(asdict(figure)) if json_ else _line(figure))
    if not json_:
        click.echo(f"\nimport {import_ms():.0f} ms, one judgement {1000 * _milliseconds():.0f} µs")


def _line(figure: Figure) -> str:
    q = figure.quality
    return (
        f"  {figure.tool:15} {q.tier:5} precision {q.precision:.4f}  recall {q.recall:.4f}  F1 {q.f1:.4f}  "
        f"false per 1,000 {q.false_per_1000:6.2f}  {figure.per_second:8,.0f} pairs/s"
    )


if __name__ == "__main__":
    main()
