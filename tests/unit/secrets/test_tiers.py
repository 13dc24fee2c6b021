"""The aims, held on both corpora: what may be moved without asking, and what is worth a ticket."""

from __future__ import annotations

from collections import defaultdict

import pytest

from functions.playbooks.plaintext_secrets.classifier.classify import classify
from functions.playbooks.plaintext_secrets.classifier.verdict import harmless, secret
from tests.secrets.corpus import corpus as first_corpus
from tests.secrets.quality import Quality, judged, quality
from tests.secrets.world_corpus import Pair, Part, corpus

_PAIRS = 3000


def pairs(seed: str, which: str) -> list[Pair]:
    """Return pairs of seeds that nothing was developed on."""
    parts: dict[str, Part] = {"second, developed on": "dev", "second, held back": "unseen"}
    return corpus(seed, _PAIRS, parts[which]) if which in parts else first_corpus(seed, _PAIRS)


on_every_corpus = pytest.mark.parametrize("which", ["first", "second, developed on", "second, held back"])
on_unseen_seeds = pytest.mark.parametrize("seed", ["held-1", "held-2"])


@on_unseen_seeds
@on_every_corpus
def test_what_is_moved_without_asking_is_a_secret(seed: str, which: str) -> None:
    found = quality(judged(pairs(seed, which)), "high")
    assert found.precision >= 0.992, found
    assert found.false_per_1000 <= 2, found
    assert found.recall >= 0.85, found


@on_unseen_seeds
@on_every_corpus
def test_findings_are_nearly_all_of_the_secrets_and_little_else(seed: str, which: str) -> None:
    found = quality(judged(pairs(seed, which)), "any")
    assert found.recall >= 0.97, found
    assert found.f1 >= 0.975, found
    assert found.false_per_1000 <= 6, found


def test_no_kind_of_secret_is_missed_as_a_whole() -> None:
    found: dict[str, list[bool]] = defaultdict(list)
    for pair in corpus("held-3", _PAIRS, "all"):
        if pair.label:
            found[pair.kind].append(classify(pair.name, pair.value).secret)
    assert [kind for kind, answers in found.items() if sum(answers) * 2 < len(answers)] == []


def test_no_kind_of_setting_is_mostly_taken_for_a_secret() -> None:
    found: dict[str, list[bool]] = defaultdict(list)
    for pair in corpus("held-3", _PAIRS, "all"):
        if pair.label == 0:
            found[pair.kind].append(classify(pair.name, pair.value).secret)
    assert [kind for kind, answers in found.items() if sum(answers) * 5 > len(answers)] == []


def test_counts_what_is_found_and_what_is_not() -> None:
    sure, unsure, no = secret("x", "high", ""), secret("x", "low", ""), harmless("x", "")
    rows = [(1, sure), (1, unsure), (1, no), (0, unsure), (0, no), (0, no), (None, sure)]
    assert quality(rows, "any") == Quality("any", 2 / 3, 2 / 3, 2 / 3, 1000 / 3)
    assert quality(rows, "high") == Quality("high", 1.0, 1 / 3, 0.5, 0.0)
