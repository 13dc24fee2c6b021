"""The command that judges variables line by line and never prints a value."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.secrets.drawn import drawn
from warden.check_env import check_env

VALUE = "Zq" + drawn(20)


def run(*lines: object, json_: bool = True) -> Result:
    """Run the command on lines: bytes as they are, anything else as JSON."""
    data = b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
    return CliRunner().invoke(check_env, ["--json"] if json_ else [], input=data)


def answers(result: Result) -> list[dict[str, object]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_answers_each_line_in_order() -> None:
    result = run(
        {"id": "a", "name": "DB_PASSWORD", "value": VALUE},
        {"id": 7, "name": "DB_PASSWORD", "value": "${DB_PASSWORD}"},
    )
    assert result.exit_code == 1
    assert [(line["id"], line["name"], line["secret"]) for line in answers(result)] == [
        ("a", "DB_PASSWORD", True),
        (7, "DB_PASSWORD", False),
    ]
    assert set(answers(result)[0]) == {"id", "name", "secret", "kind", "confidence", "reason"}


def test_fingerprints_tie_equal_values_together_within_a_run_or_under_one_key(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [{"id": n, "name": "DB_PASSWORD", "value": v} for n, v in enumerate((VALUE, "Ab" + drawn(20), VALUE))]
    data = "\n".join(map(json.dumps, lines))

    def fingerprints(*options: str) -> list[object]:
        result = CliRunner().invoke(check_env, ["--json", *options], input=data)
        assert VALUE not in result.output
        return [line.get("fingerprint") for line in answers(result)]

    assert fingerprints() == [None, None, None]
    first, other, again = fingerprints("--fingerprints")
    assert first == again != other
    assert fingerprints("--fingerprints") != [first, other, again], "the key of a run is its own"
    monkeypatch.setenv("WARDEN_FINGERPRINT_KEY", "shared")
    assert fingerprints("--fingerprints") == fingerprints("--fingerprints")
    assert "FINGERPRINT" in CliRunner().invoke(check_env, ["--fingerprints"], input=data).output


def test_exits_with_0_when_there_is_no_secret() -> None:
    assert run({"id": 1, "name": "REGION", "value": "eu-west-1"}).exit_code == 0
    assert run().exit_code == 0


def test_knows_the_neighbours_by_their_function() -> None:
    key, user = {"id": 1, "name": "PARTNER_ACCESS", "value": drawn(40)}, {"id": 2, "name": "PARTNER_USER", "value": "x"}
    alone = answers(run(key, user))
    together = answers(run({**key, "function": "f"}, {**user, "function": "f"}))
    apart = answers(run({**key, "function": "f"}, {**user, "function": "g"}))
    assert [row[0]["confidence"] for row in (alone, together, apart)] == ["medium", "high", "medium"]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b'{"id": 1, "name": "A", "value": "' + VALUE.encode(), "line 2: is not JSON from column"),
        (json.dumps([VALUE]).encode(), "line 2: is not an object"),
        (json.dumps({"id": 1, "value": VALUE}).encode(), "line 2: has no 'name'"),
        (json.dumps({"id": 1, "name": VALUE}).encode(), "line 2: has no 'value'"),
        (
            json.dumps({"id": 1, "name": "A", "value": {"x": VALUE}}).encode(),
            "line 2: has a 'value' that is not a text",
        ),
        (json.dumps({"id": [VALUE], "name": "A", "value": ""}).encode(), "line 2: has an 'id'"),
        (VALUE.encode() + b"\xff", "line 2: is not UTF-8"),
        (b"[" * 100_000, "line 2: is not JSON"),
        (b"9" * 10_000, "line 2: is not JSON"),
    ],
)
def test_says_what_is_wrong_with_a_line_without_quoting_it_and_answers_the_others(line: bytes, told: str) -> None:
    good = {"id": 1, "name": "REGION", "value": "eu-west-1"}
    result = run(good, line, {**good, "id": 3})
    assert result.exit_code == 2
    assert told in result.stderr
    assert VALUE not in result.output
    assert [answer["id"] for answer in answers(result)] == [1, 3]


def test_a_line_without_id_is_called_by_its_number() -> None:
    assert answers(run({"name": "A", "value": ""}))[0]["id"] == 1


def test_shows_people_only_the_secrets() -> None:
    secret, other = {"id": 1, "name": "DB_PASSWORD", "value": VALUE}, {"id": 2, "name": "REGION", "value": "eu"}
    result = run(secret, other, json_=False)
    assert "DB_PASSWORD" in result.stdout
    assert "REGION" not in result.stdout
    assert VALUE not in result.output
    assert run(other, json_=False).stdout == "no plaintext secrets among 1 variables\n"


def test_a_name_that_looks_like_markup_is_shown_as_it_is() -> None:
    assert "[/red]_PASSWORD" in run({"id": "[b]", "name": "[/red]_PASSWORD", "value": VALUE}, json_=False).stdout


def test_reads_a_file_and_says_when_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "env.jsonl").write_text(json.dumps({"id": 1, "name": "DB_PASSWORD", "value": VALUE}))
    assert CliRunner().invoke(check_env, [str(tmp_path / "env.jsonl"), "--json"]).exit_code == 1
    missing = CliRunner().invoke(check_env, [str(tmp_path / "no.jsonl")])
    assert missing.exit_code == 2
    assert "no.jsonl" in missing.stderr


@given(st.text(max_size=20), st.text(min_size=8, max_size=60), st.booleans())
def test_never_prints_a_value(name: str, value: str, json_: bool) -> None:
    canary = "Kx" + value.encode("utf-8", "surrogatepass").hex() + "Kx"
    result = run({"id": 1, "name": name, "value": canary}, json_=json_)
    assert result.exit_code in (0, 1)
    assert canary not in result.output
