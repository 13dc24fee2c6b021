"""What an answer holds, and what ties answers together."""

from __future__ import annotations

import pytest

from functions.playbooks.plaintext_secrets.classifier.verdict import fingerprint, harmless, secret


def test_the_same_value_has_the_same_fingerprint_under_one_key_only() -> None:
    assert fingerprint("hunter2", b"k1") == fingerprint("hunter2", b"k1")
    assert fingerprint("hunter2", b"k1") != fingerprint("hunter3", b"k1")
    assert fingerprint("hunter2", b"k1") != fingerprint("hunter2", b"k2")


def test_a_fingerprint_without_a_key_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a key"):
        fingerprint("hunter2", b"")


def test_half_a_surrogate_pair_has_a_fingerprint() -> None:
    assert len(fingerprint("\ud800", b"k")) == 16


def test_doubt_grows_one_step_at_a_time() -> None:
    sure = secret("password", "high", "because")
    assert [sure.confidence, sure.weaker().confidence, sure.weaker().weaker().weaker().confidence] == [
        "high",
        "medium",
        "low",
    ]


def test_an_answer_about_a_document_says_where_in_it() -> None:
    assert secret("api-key", "high", "because").inside("the JSON").part == "the api key in the JSON"
    assert harmless("plain", "because").inside("the JSON").secret is False
