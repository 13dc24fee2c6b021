"""docs/events.md says what the code sends: each event, each field, each code, with examples that can be read."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

from functions.core.finding import Cause, Evidence
from functions.core.fix import Change
from functions.core.message import SOURCE, Kind, read_message
from functions.core.subject import Subject
from functions.core.ticket import fold

from .documents import ROOT, code, document
from .event_rules import matches
from .examples import opened

PAGE = document("docs/events.md")
DETAIL = opened(1).to_detail()


def documented(heading: str) -> list[str]:
    """The names in the first column of the table under a heading."""
    return [code(row[0])[0] for row in PAGE.table(heading)]


def example(kind: Kind) -> dict[str, Any]:
    """The detail of an event's example."""
    examples = PAGE.section("Examples") + PAGE.text.partition("## Examples")[2]
    (body,) = re.findall(rf"^### {kind.value}\n\n```json\n(.*?)^```", examples, re.MULTILINE | re.DOTALL)
    found: dict[str, Any] = json.loads(body)
    return dict(found["detail"]) if "detail-type" in found else found


def test_every_event_is_documented_and_no_other() -> None:
    kinds = [code(row[0])[0] for row in PAGE.table("Events")]
    assert kinds == [kind.value for kind in Kind]


@pytest.mark.parametrize(
    ("heading", "fields"),
    [
        ("`detail`, version 1", list(DETAIL)),
        ("`finding`", list(DETAIL["finding"])),
        ("`finding.subject`", list(Subject.__dataclass_fields__)),
        ("`finding.evidence[]`", list(Evidence.__dataclass_fields__)),
        ("`finding.cause`", list(Cause.__dataclass_fields__)),
        ("`changes[]`", list(Change.__dataclass_fields__)),
    ],
)
def test_every_field_is_documented_and_no_other(heading: str, fields: list[str]) -> None:
    assert documented(heading) == fields


@pytest.mark.parametrize("kind", Kind)
def test_the_example_of_an_event_is_read_and_written_back_as_it_is(kind: Kind) -> None:
    detail = example(kind)
    message = read_message(kind.value, detail)
    sent = json.loads(json.dumps(message.to_detail()))
    assert sent == detail
    assert list(sent) == list(detail), "in the order of the table"
    assert fold(None, message).id == detail["finding"]["id"]


@pytest.mark.parametrize("kind", Kind)
def test_an_example_has_the_documented_types(kind: Kind) -> None:
    types = {"text": str, "object": dict, "list": list, "number": int}
    tables: list[tuple[str, list[dict[str, Any]]]] = [
        ("`detail`, version 1", [example(kind)]),
        ("`finding`", [example(kind)["finding"]]),
        ("`finding.subject`", [example(kind)["finding"]["subject"]]),
        ("`finding.evidence[]`", example(kind)["finding"]["evidence"]),
        ("`finding.cause`", [example(kind)["finding"]["cause"]]),
        ("`changes[]`", example(kind)["changes"]),
    ]
    for heading, values in tables:
        for name, kind_of_value, _ in ([code(row[0])[0], *row[1:]] for row in PAGE.table(heading)):
            expected = types.get(kind_of_value, object)
            assert all(isinstance(value[name], expected) for value in values), (heading, name)


def test_the_whole_event_is_as_eventbridge_delivers_it() -> None:
    event = json.loads(PAGE.blocks("json")[0])
    assert list(event) == [
        *("version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail"),
    ]
    assert event["source"] == SOURCE
    assert event["resources"] == [read_message(event["detail-type"], event["detail"]).finding.subject.arn]


def test_the_rule_of_your_own_matches_outcomes_of_the_hub_alone() -> None:
    pattern = json.loads(PAGE.blocks("json")[-1])
    whole = json.loads(PAGE.blocks("json")[0])
    outcomes = {Kind.FIX_APPLIED, Kind.FIX_FAILED, Kind.FIX_UNDONE}
    for kind in Kind:
        event = {**whole, "detail-type": kind.value, "detail": example(kind)}
        assert matches(pattern, event) is (kind in outcomes)
        assert not matches(pattern, {**event, "account": "222222222222"})


def test_every_code_is_documented_and_no_other() -> None:
    rows = [(code(row[0])[0], code(row[1])[0]) for row in PAGE.table("`code`")]
    assert rows == sorted(rows, key=lambda row: (row[0] != "Fix Failed", 0 if row[0] != "Fix Failed" else row[1]))
    of_failures = {name for kind, name in rows if kind == "Fix Failed"}
    assert of_failures == codes(ROOT / "functions/adapters/remedy.py") | codes(ROOT / "functions/core/fix.py") - {
        "undone",  # nothing is told of a finding that a person undid
    }
    assert {name for kind, name in rows if kind == "Ticket Action"} == codes(ROOT / "warden/tickets.py")


def codes(path: Path) -> set[str]:
    """The codes that a module gives to what it tells, or to what leads to that."""
    found: set[str] = set()
    for call in (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        position = {"Leave": 0, "_given_up": 2, "_decide": 1}.get(name)
        given = [keyword.value for keyword in call.keywords if keyword.arg == "code"]
        given += call.args[position : position + 1] if position is not None else []
        found |= {_code(value) for value in given}
    return found - {""}


def _code(value: ast.expr) -> str:
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        return value.value
    if isinstance(value, ast.Name) and value.id.isupper():
        from functions.core import ticket  # noqa: PLC0415 - the module that names the codes others refer to

        return str(getattr(ticket, value.id))
    return ""
