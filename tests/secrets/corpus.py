"""The first corpus: Lambda environment variables, labelled secret or not. Kinds are equally frequent.

A label answers: does the value, by itself or with a companion that is no secret, let its reader authenticate, sign,
decrypt or post? Disputed kinds have none. Nothing it emits was ever issued by a provider.
"""

from __future__ import annotations

from random import Random

from tests.secrets import corpus_references, corpus_settings
from tests.secrets.corpus_secrets import POS
from tests.secrets.registry import Table
from tests.secrets.world_corpus import Pair

_SHARES: tuple[tuple[Table, int | None, float], ...] = (
    (POS, 1, 0.25),
    (corpus_references.NEG + corpus_settings.NEG, 0, 0.72),
    (corpus_settings.NUL, None, 0.03),
)


def corpus(seed: str, count: int) -> list[Pair]:
    """Return about `count` pairs; the same for the same seed."""
    r = Random(f"env-corpus/{seed}")  # noqa: S311 - made-up values must come out the same every time
    units: list[list[tuple[str, str, int | None, str]]] = []
    for table, label, share in _SHARES:
        for number in range(round(count * share)):
            kind, build = table[number % len(table)]
            built = build(r)
            units.append([_whole(pair, label, kind) for pair in (built if isinstance(built, list) else [built])])
    r.shuffle(units)
    return _functions(seed, units, r)


def _whole(pair: tuple[str, ...], label: int | None, kind: str) -> tuple[str, str, int | None, str]:
    """Return a pair with its label and kind, which a companion brings itself: its label is always disputed."""
    return (pair[0], pair[1], label, kind) if len(pair) == 2 else (pair[0], pair[1], None, pair[3])


def _functions(seed: str, units: list[list[tuple[str, str, int | None, str]]], r: Random) -> list[Pair]:
    pairs: list[Pair] = []
    function, names, left = 0, set[str](), r.randint(4, 12)
    for unit in units:
        if left <= 0 or any(pair[0].lower() in names for pair in unit):
            function, names, left = function + 1, set[str](), r.randint(4, 12)
        for name, value, label, kind in unit:
            names.add(name.lower())
            pairs.append(Pair(f"{seed}{len(pairs):05d}", f"fn{function}", name, value, label, kind))
        left -= len(unit)
    return pairs
