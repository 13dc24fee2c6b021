"""The same problem has the same id, for ever; another problem has another."""

import json
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.core.finding import Cause, Evidence, Finding, finding_from_json, finding_id, found
from functions.core.subject import Subject
from functions.playbooks import playbook

from .examples import PLAYBOOK, SUBJECT, at, finding
from .strategies import FINDINGS, SUBJECTS, TEXT


@pytest.mark.parametrize(
    ("subject", "playbook_id", "aspect", "pinned"),
    [
        (SUBJECT, PLAYBOOK, "", "tt3tu5qdwsmx"),
        (SUBJECT, PLAYBOOK, "alias live", "jam3aplqc5hn"),
        (
            Subject("aws", "222222222222", "eu-west-1"),
            "operator",
            "permission lambda:GetFunction warden-inspector",
            "u6uoz6circgl",
        ),
        (Subject("aws-cn", "222222222222", "cn-north-1", "orders"), PLAYBOOK, "", "rzp4icikejmp"),
    ],
)
def test_ids_never_change(subject: Subject, playbook_id: str, aspect: str, pinned: str) -> None:
    """Tickets and undo records of running deployments are found by them."""
    assert finding_id(subject, playbook_id, aspect) == pinned


@given(st.lists(st.tuples(SUBJECTS, st.sampled_from(["a", "ab", ""]), st.sampled_from(["", "b", "ab"])), unique=True))
def test_different_problems_have_different_ids(problems: list[tuple[Subject, str, str]]) -> None:
    assert len({finding_id(*problem) for problem in problems}) == len(problems)


@given(FINDINGS, TEXT)
def test_when_and_why_it_was_seen_is_no_part_of_the_id(found_: Finding, text: str) -> None:
    assert found_.seen(text, Cause(text)).id == found_.id
    assert len(found_.id) == 12
    assert set(found_.id) <= set("abcdefghijklmnopqrstuvwxyz234567")


def test_a_text_that_is_no_unicode_still_has_an_id() -> None:
    """JSON can carry half a surrogate pair, and a forger can choose the aspect."""
    assert finding(aspect="forged warden.\ud800").id != finding(aspect="forged warden.\ud801").id


@given(FINDINGS)
def test_a_finding_comes_back_from_json(found_: Finding) -> None:
    body = json.loads(json.dumps(found_.to_json()))
    assert finding_from_json(body) == found_
    assert body["id"] == found_.id


def test_fields_of_a_later_version_are_left_aside() -> None:
    body = finding().to_json()
    body["priority"] = 1
    body["subject"]["organization"] = "o-1"
    body["cause"]["weather"] = "fine"
    body["evidence"][0]["unit"] = "ms"
    assert finding_from_json(body) == finding()


def test_what_may_be_left_out_is_empty() -> None:
    body = finding().to_json()
    for name in ("id", "title", "what", "why", "evidence", "aspect", "found_at", "cause"):
        body.pop(name)
    bare = finding_from_json(body)
    assert (bare.title, bare.what, bare.evidence, bare.cause) == ("", "", (), Cause())
    assert bare.id == finding().id


@pytest.mark.parametrize("name", [field.name for field in fields(Finding)])
@pytest.mark.parametrize("value", [5, {}, [], True], ids=str)
def test_a_field_of_another_type_is_refused(name: str, value: object) -> None:
    body = finding().to_json() | {name: value}
    if (name, value) in (("evidence", []), ("evidence", {}), ("cause", {}), ("cause", [])):
        assert finding_from_json(body)
        return
    with pytest.raises((KeyError, TypeError, ValueError)):
        finding_from_json(body)


@pytest.mark.parametrize(
    "change",
    [
        {"account": "222"},
        {"account": "٢" * 12},
        {"account": 222222222222},
        {"region": "everywhere"},
        {"function": "arn:aws:lambda:eu-west-1:222222222222:function:orders"},
        {"function": "orders:live"},
        {"function": "../orders"},
        {"function": None},
        {"partition": None},
    ],
)
def test_a_subject_that_is_no_function_and_no_account_is_refused(change: dict[str, object]) -> None:
    """The account's role is assumed because of it."""
    body = finding().to_json()
    body["subject"] |= change
    with pytest.raises((TypeError, ValueError)):
        finding_from_json(body)


def test_a_playbooks_finding_carries_its_title_and_evidence() -> None:
    declared = playbook(PLAYBOOK)
    made = found(declared, SUBJECT, what="w", why="y", evidence={"Reserved": None, "Peak": 7})
    assert (made.playbook, made.title, made.severity) == (declared.id, declared.title, declared.severity)
    assert made.evidence == (Evidence("Reserved", "None"), Evidence("Peak", "7"))
    assert made.seen(at(3), Cause("e")).found_at == at(3)
