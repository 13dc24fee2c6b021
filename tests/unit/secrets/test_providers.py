"""Tokens that name their issuer."""

from __future__ import annotations

import string
from collections.abc import Callable

import pytest

from functions.playbooks.plaintext_secrets.classifier.formats import FORMATS, SHAPES
from functions.playbooks.plaintext_secrets.classifier.providers import _ALPHABETS, token, tokens_in
from tests.unit.secrets.drawn import ALNUM, HEX, atlassian_token, drawn, github_fine_token, github_token, grafana_token

_LINES = [line.split("|") for line in FORMATS.strip().splitlines()]


@pytest.mark.parametrize("line", [line for line in _LINES if len(line) == 5], ids=lambda line: line[2])
def test_knows_a_drawn_token_of_every_format(line: list[str]) -> None:
    kind, _, prefix, alphabet, lengths = line
    letters = _ALPHABETS[alphabet].replace("=", "").replace("-", "") if alphabet != "uuid" else HEX
    found = token(prefix + drawn(int(lengths.partition("-")[0]), letters))
    assert found is not None
    assert (found.kind, found.secret) == (
        kind.removeprefix("public:").removeprefix("?"),
        not kind.startswith("public:"),
    )


@pytest.mark.parametrize("make", [github_token, github_fine_token, grafana_token, atlassian_token])
def test_is_sure_of_a_token_whose_checksum_is_right_and_doubts_one_whose_is_wrong(make: Callable[[], str]) -> None:
    right = make()
    wrong = right[:-1] + ("0" if right[-1] != "0" else "1")
    if make is github_fine_token:  # the last eight characters are not part of the sum
        wrong = right[:-9] + ("A" if right[-9] != "A" else "B") + right[-8:]
    answers = [token(right), token(wrong)]
    assert [answer.confidence for answer in answers if answer] == ["high", "medium"]


def test_npm_shares_githubs_checksum() -> None:
    found = token(github_token("np" + "m_"))
    assert found is not None
    assert (found.kind, found.confidence) == ("npm-token", "high")


@pytest.mark.parametrize(
    "filler",
    [
        "x" * 36,
        "X" * 36,
        "1234567890" * 4,
        "YOUR_TOKEN_GOES_HERE_PLEASE_________",
        "0" * 36,
        "abcdefghijklmnopqrstuvwxyz0123456789",
    ],
)
def test_a_token_of_filler_is_a_placeholder(filler: str) -> None:
    found = token("sk" + "_test_" + filler.replace("_", "")) or token("gl" + "pat-" + filler[:20])
    assert found is not None
    assert not found.secret


def test_publishable_keys_may_be_published() -> None:
    found = token("pk" + "_live_" + drawn(24))
    assert found is not None
    assert not found.secret


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("telegram-token", "1234509876:A" + "A" + drawn(33, ALNUM + "_-")),
        ("discord-token", "MTE" + drawn(23) + "." + drawn(6) + "." + drawn(38)),
        ("terraform-token", drawn(14) + ".atlas" + "v1." + drawn(67)),
        ("azure-client-secret", drawn(3) + "8Q" + "~" + drawn(34)),
        ("mailchimp-key", drawn(32, HEX) + "-us" + "12"),
        ("mailgun-key", f"{drawn(32, HEX)}-{drawn(8, HEX)}-{drawn(8, HEX, 8)}"),
        ("gitlab-token", "gl" + "pat-" + drawn(40) + ".01." + drawn(9, string.digits + "abc")),
        ("google-oauth-token", "1/" + "/0" + drawn(80)),
    ],
)
def test_knows_tokens_of_several_parts(kind: str, value: str) -> None:
    found = token(value)
    assert found is not None
    assert (found.kind, found.secret, found.confidence) == (kind, True, "high")


def test_finds_a_token_inside_a_command_line() -> None:
    found = list(tokens_in(f"curl -H 'X: {github_token()}' https://api.example.net"))
    assert [verdict.kind for verdict in found] == ["github-token"]


def test_a_token_that_is_hidden_halfway_is_not_found() -> None:
    assert list(tokens_in("xox" + f"p-{drawn(12, '123456789')}-{drawn(12, '123456789')}-####################")) == []


def test_every_line_of_the_tables_is_whole() -> None:
    assert all(len(line) in (5, 6) and line[3] in _ALPHABETS for line in _LINES)
    assert all(line.count("|") >= 3 for line in SHAPES.strip().splitlines())
