"""Our own events: what is put on the bus is what is read from it, and nothing else is read as one."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from functions.core.message import SOURCE, VERSION, Message, NotAMessage, read_message
from functions.core.slack_text import ticket_message
from functions.core.ticket import fold, ticket_from_json

from .examples import applied, decided, finding, opened
from .strategies import JSON, MESSAGES, deep_list, places, put


@given(MESSAGES)
def test_what_is_sent_is_what_is_read(message: Message) -> None:
    text = json.dumps(message.to_detail(), sort_keys=True)
    again = read_message(message.kind.value, json.loads(text))
    assert json.dumps(again.to_detail(), sort_keys=True) == text
    assert (again.kind, again.finding, again.at, again.fix) == (message.kind, message.finding, message.at, message.fix)


def test_a_rule_can_match_playbook_and_mode() -> None:
    detail = opened(1, mode="approve").to_detail()
    assert (SOURCE, detail["version"]) == ("warden", VERSION)
    assert (detail["playbook"], detail["mode"]) == ("reserved-concurrency", "approve")
    assert detail["finding"]["id"] == finding().id


def test_fields_of_a_later_minor_version_are_left_aside() -> None:
    detail = {**applied(5).to_detail(), "version": "1.7", "priority": "soon"}
    detail["changes"][0]["unit"] = "executions"
    assert read_message("Fix Applied", detail) == applied(5)


def test_unknown_modes_and_codes_are_carried() -> None:
    message = opened(1, mode="suggest", code="yet-to-come")
    again = read_message("Finding Opened", message.to_detail())
    assert (again.mode, again.code) == ("suggest", "yet-to-come")


@pytest.mark.parametrize("version", [None, "", "0", "2", "11", "2.1", 1, 1.0, ["1"], {"1": 1}])
def test_another_major_version_is_refused(version: object) -> None:
    with pytest.raises(NotAMessage, match="version"):
        read_message("Finding Opened", {**opened(1).to_detail(), "version": version})


@pytest.mark.parametrize("kind", [None, "", "Finding opened", "Finding", 5, [], {}])
def test_another_detail_type_is_refused(kind: object) -> None:
    with pytest.raises(NotAMessage):
        read_message(kind, opened(1).to_detail())


@pytest.mark.parametrize("name", ["version", "finding", "at"])
def test_says_what_is_missing(name: str) -> None:
    detail = opened(1).to_detail()
    detail.pop(name)
    with pytest.raises(NotAMessage, match=name):
        read_message("Finding Opened", detail)


@pytest.mark.parametrize(
    "change",
    [
        {"at": None},
        {"at": "yesterday"},
        {"at": 5},
        {"fix": float("inf")},
        {"fix": float("nan")},
        {"fix": "1"},
        {"fix": 1.5},
        {"fix": True},
        {"changes": [{"before": 1, "after": 2}]},
        {"changes": [{"setting": "x", "after": 2}]},
        {"changes": [{"setting": 5, "before": 1, "after": 2}]},
        {"changes": ["ab"]},
        {"changes": 5},
        {"changes": {"setting": "x"}},
        {"by": ["alice"]},
        {"text": {"en": "hello"}},
        {"finding": None},
        {"finding": []},
        {"finding": "f"},
    ],
    ids=repr,
)
def test_a_field_that_cannot_be_read_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(NotAMessage):
        read_message("Fix Applied", {**applied(5).to_detail(), **change})


def read_or_refuse(kind: object, detail: object, *, show: bool = True) -> None:
    """Whatever is read as a message can be folded, stored and shown; a refusal is one sentence."""
    try:
        message = read_message(kind, detail)
    except NotAMessage as refusal:
        said = str(refusal)
    else:
        said = message.kind.value
        if show:
            assert_can_be_shown(message)
    assert 0 < len(said) < 1000


def assert_can_be_shown(message: Message) -> None:
    ticket = fold(None, message)
    assert ticket_from_json(json.loads(json.dumps(ticket.to_json()))).id == ticket.id
    json.dumps(ticket_message(ticket).blocks, ensure_ascii=False).encode()


@given(JSON, JSON)
def test_any_json_is_a_message_or_is_not(kind: object, detail: object) -> None:
    read_or_refuse(kind, detail)


SENT = [opened(1), applied(5), decided(9)]
PLACES = [(n, path) for n, message in enumerate(SENT) for path in places(message.to_detail()) if path]


@given(st.sampled_from(PLACES), JSON)
@example((0, ("finding", "title")), "\ud800")
@example((0, ("finding", "severity")), "x" * 300_000)
@example((1, ("changes", 0, "before")), {"a": float("nan")})
def test_any_mutation_of_a_message_is_one_or_is_not(place: tuple[int, tuple[str | int, ...]], value: object) -> None:
    number, path = place
    detail = SENT[number].to_detail()
    put(detail, path, value)
    read_or_refuse(SENT[number].kind.value, detail)


def test_no_depth_of_nesting_breaks_the_reading() -> None:
    deep = deep_list()
    for number, path in PLACES:
        detail = SENT[number].to_detail()
        put(detail, path, deep)
        read_or_refuse(SENT[number].kind.value, detail, show=False)
