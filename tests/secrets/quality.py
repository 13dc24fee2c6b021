"""How good answers are: precision, recall, F1 and false findings per thousand harmless variables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from functions.playbooks.plaintext_secrets.classifier.classify import classify
from functions.playbooks.plaintext_secrets.classifier.verdict import Verdict
from tests.secrets.world_corpus import Pair

Tier = Literal["high", "any"]


@dataclass(frozen=True)
class Quality:
    """The figures of one tier: `high` counts only findings of high confidence, `any` all of them."""

    tier: Tier
    precision: float
    recall: float
    f1: float
    false_per_1000: float


def judged(pairs: Sequence[Pair]) -> list[tuple[int | None, Verdict]]:
    """Return each pair's label and our answer, siblings known."""
    beside: dict[str, list[str]] = defaultdict(list)
    for pair in pairs:
        beside[pair.function].append(pair.name)
    return [(pair.label, classify(pair.name, pair.value, beside[pair.function])) for pair in pairs]


def quality(rows: Iterable[tuple[int | None, Verdict]], tier: Tier) -> Quality:
    """Count one tier of our answers."""
    hits = ((label, v.secret and (tier == "any" or v.confidence == "high")) for label, v in rows)
    return counted(hits, tier)


def counted(rows: Iterable[tuple[int | None, bool]], tier: Tier) -> Quality:
    """Count labels beside hits; disputed pairs (label None) are not counted."""
    true = false = missed = harmless = 0
    for label, hit in rows:
        if label is None:
            continue
        true += bool(label) and hit
        missed += bool(label) and not hit
        false += not label and hit
        harmless += not label
    precision = true / (true + false) if true + false else 0.0
    recall = true / (true + missed) if true + missed else 0.0
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return Quality(tier, precision, recall, f1, 1000 * false / harmless if harmless else 0.0)
