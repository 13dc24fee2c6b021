"""Drawn by a machine, or written by a person."""

from __future__ import annotations

import string

import pytest

from functions.playbooks.plaintext_secrets.classifier.randomness import is_monotonous, is_uuid, origin
from tests.unit.secrets.drawn import ALNUM, HEX, UUID, drawn


@pytest.mark.parametrize("alphabet", [ALNUM, HEX, string.ascii_lowercase + string.digits, string.ascii_letters + "+/"])
@pytest.mark.parametrize("length", [20, 32, 40, 64])
def test_knows_drawn_texts_of_twenty_and_more_characters(alphabet: str, length: int) -> None:
    answers = [origin(drawn(length, alphabet, seed)) for seed in range(100)]
    assert answers.count("generated") >= 97


@pytest.mark.parametrize(
    "text",
    ["orders-prod-db-credentials", "PasswordResetQueueConsumer", "eu-west-1", "application/json", "the quick brown fox",
     "SecretsManagerCredentialResolver", "users_notifications_table", "fabrikam-loyalty-tls", "short"],
)  # fmt: skip
def test_knows_written_texts(text: str) -> None:
    assert origin(text) != "generated"


@pytest.mark.parametrize(
    "text", ["0000000000", "abcdefgh12345678", "deadbeef" * 4, "xyxyxyxyxyxy", "1234567890abcdef" * 2]
)
def test_knows_texts_that_repeat_or_count(text: str) -> None:
    assert is_monotonous(text)


def test_a_drawn_text_neither_repeats_nor_counts() -> None:
    assert not any(is_monotonous(drawn(24, HEX, seed)) for seed in range(200))


def test_knows_a_uuid() -> None:
    assert is_uuid(UUID)
    assert not is_uuid(UUID.replace("-", "x"))
