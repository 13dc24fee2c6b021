"""What facts and decisions lead to: tell, fix, say nothing, or say it is gone."""

import dataclasses
import json
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.core.event import Forged
from functions.core.finding import Cause, Finding
from functions.core.judgement import (
    OPERATOR,
    Rules,
    allowed,
    forged_event,
    function_gone,
    judge,
    missing_permission,
    never_settles,
)
from functions.core.message import Kind, Message, read_message
from functions.core.mode import EXEMPT_TAG, MODE_TAG, Account, DeploymentPolicy, RuntimePolicy
from functions.core.playbook import Mode
from functions.core.ticket import State, Ticket

from .examples import (
    PLAYBOOK,
    SUBJECT,
    applied,
    at,
    cleared,
    decided,
    failed,
    finding,
    fix_requested,
    opened,
    ticket,
    undo_requested,
    undone,
)

NOW = 1000
ENFORCE = Rules(
    DeploymentPolicy({PLAYBOOK: Mode.ENFORCE}, default_ceiling=Mode.ENFORCE), RuntimePolicy(), Account("222222222222")
)
UNREADABLE = dataclasses.replace(ENFORCE, runtime=RuntimePolicy(readable=False))
UNKNOWN = dataclasses.replace(ENFORCE, account=None)
APPROVE = dataclasses.replace(ENFORCE, runtime=RuntimePolicy(everything=Mode.APPROVE))
OBSERVE = dataclasses.replace(ENFORCE, deployment=DeploymentPolicy({PLAYBOOK: Mode.OBSERVE}, Mode.ENFORCE))


def look(
    known: Ticket | None = None,
    *,
    found: tuple[Finding, ...] | None = None,
    rules: Rules = ENFORCE,
    tags: dict[str, str] | None = None,
    now: int = NOW,
    checked: tuple[str, ...] = (PLAYBOOK,),
) -> list[Message]:
    return judge(
        [finding(now)] if found is None else found,
        checked=checked,
        tags=tags or {},
        tickets={known.id: known} if known else {},
        rules=rules,
        now=at(now),
    )


def said(messages: list[Message]) -> list[str]:
    return [f"{m.kind} {m.mode}".strip() for m in messages]


def test_a_new_finding_is_to_be_fixed() -> None:
    (message,) = look()
    assert (message.kind, message.mode, message.because) == (Kind.FINDING_OPENED, "enforce", "")
    assert (message.finding, message.at) == (finding(NOW), at(NOW))


@pytest.mark.parametrize(
    ("rules", "tags", "mode", "because"),
    [
        (OBSERVE, {}, "observe", "the deployment sets"),
        (APPROVE, {}, "approve", "operators"),
        (UNREADABLE, {}, "observe", "could not be read"),
        (UNKNOWN, {}, "observe", "not known"),
        (ENFORCE, {MODE_TAG: "approve"}, "approve", MODE_TAG),
        (ENFORCE, {MODE_TAG: "mostly"}, "observe", "no mode"),
        (OBSERVE, {MODE_TAG: "enforce"}, "observe", "the deployment sets"),
        (UNREADABLE, {MODE_TAG: "enforce"}, "observe", "could not be read"),
    ],
)
def test_the_lowest_limit_decides_and_is_named(rules: Rules, tags: dict[str, str], mode: str, because: str) -> None:
    (message,) = look(rules=rules, tags=tags)
    assert message.mode == mode
    assert because in message.because


def test_an_exempt_function_is_left_alone_until_the_date_has_passed() -> None:
    def tag(day: date) -> dict[str, str]:
        return {EXEMPT_TAG: f"{PLAYBOOK}@{day.isoformat()}"}

    today = date(2026, 11, 20)
    assert look(tags=tag(today)) == []
    assert look(tags=tag(today + timedelta(days=90))) == []
    (message,) = look(tags=tag(today - timedelta(days=1)))
    assert message.mode == "enforce"
    assert "ended on 2026-11-19" in message.because
    (message,) = look(tags={EXEMPT_TAG: PLAYBOOK}, rules=APPROVE)
    assert "operators" in message.because
    assert "has no date" in message.because
    (message,) = look(tags={EXEMPT_TAG: "another@2027-01-01"})
    assert message.because == ""


def test_an_exemption_closes_a_ticket_that_is_open() -> None:
    tags = {EXEMPT_TAG: f"{PLAYBOOK}@2027-01-31"}
    (message,) = look(ticket(opened(1, "approve")), tags=tags)
    assert message.kind is Kind.FINDING_CLEARED
    assert "2027-01-31" in message.text
    assert look(ticket(opened(1), applied(2)), tags=tags) == []
    assert look(ticket(opened(1), cleared(2)), tags=tags) == []


# What the ticket has seen so far, and what a look at a problem that is (still, again) there says under each mode.
TOLD: dict[str, tuple[tuple[Message, ...], dict[str, bool]]] = {
    "new": ((), {"enforce": True, "approve": True, "observe": True}),
    "open": ((opened(1, "observe"),), {"enforce": True, "approve": True, "observe": False}),
    "awaiting": ((opened(1, "approve"),), {"enforce": True, "approve": False, "observe": True}),
    "fixing": ((opened(1),), {"enforce": True, "approve": True, "observe": True}),
    "fixed": ((opened(1), applied(2)), {"enforce": True, "approve": True, "observe": True}),
    "cleared": ((opened(1), cleared(2)), {"enforce": True, "approve": True, "observe": True}),
    "not fixed": ((opened(1), failed(2)), {"enforce": True, "approve": True, "observe": True}),
    "undoing": ((opened(1), applied(2), undo_requested(3)), {"enforce": True, "approve": False, "observe": False}),
    "undone": ((opened(1), applied(2), undone(3)), {"enforce": False, "approve": False, "observe": False}),
    "snoozed": ((opened(1), decided(2, until=NOW + 1)), {"enforce": False, "approve": False, "observe": False}),
    "snooze over": ((opened(1), decided(2, until=NOW)), {"enforce": True, "approve": True, "observe": True}),
    "exempt": ((opened(1), decided(2, "exempt", NOW + 1)), {"enforce": False, "approve": False, "observe": False}),
    "exempt over": ((opened(1), decided(2, "exempt", NOW - 1)), {"enforce": True, "approve": True, "observe": True}),
}


@pytest.mark.parametrize("name", TOLD)
@pytest.mark.parametrize(("mode", "rules"), [("enforce", ENFORCE), ("approve", APPROVE), ("observe", OBSERVE)])
def test_a_finding_is_told_when_it_is_news(name: str, mode: str, rules: Rules) -> None:
    history, told = TOLD[name]
    messages = look(ticket(*history) if history else None, rules=rules)
    assert said(messages) == ([f"Finding Opened {mode}"] if told[mode] else [])


@given(st.integers(4, NOW), st.sampled_from([ENFORCE, APPROVE, OBSERVE]), st.dictionaries(st.just(MODE_TAG), st.text()))
def test_an_undone_finding_stays_undone(now: int, rules: Rules, tags: dict[str, str]) -> None:
    known = ticket(opened(1), applied(2), undone(3))
    assert look(known, now=now, rules=rules, tags=tags) == []
    assert allowed(rules, finding(now), tags, known, at(now)).mode.rank <= Mode.APPROVE.rank


def test_what_was_undone_and_approved_again_is_fixed_again() -> None:
    known = ticket(opened(1), applied(2), undone(3), fix_requested(4), applied(5, fix=2))
    assert said(look(known)) == ["Finding Opened enforce"]


def test_what_the_cap_stopped_waits_for_a_person_however_often_it_is_seen() -> None:
    known = ticket(opened(1), failed(2, "cap"))
    for now in (10, 20, 30, 40):
        for message in look(known, now=now):
            assert message.mode == "approve"
            known = ticket(*(opened(1), failed(2, "cap"), message))
        assert known.state is State.AWAITING_APPROVAL
        assert allowed(ENFORCE, finding(now), {}, known, at(now)).because == "It is cap."


def test_the_caps_hold_ends_when_the_problem_goes_or_a_person_asks() -> None:
    gone = ticket(opened(1), failed(2, "cap"), cleared(3))
    assert said(look(gone)) == ["Finding Opened enforce"]
    asked = ticket(opened(1), failed(2, "cap"), fix_requested(3), applied(4))
    assert said(look(asked)) == ["Finding Opened enforce"]


@pytest.mark.parametrize("code", ["no-room", "denied", "fighting", "changed"])
def test_other_failures_are_tried_again_at_the_next_look(code: str) -> None:
    assert said(look(ticket(opened(1), failed(2, code)))) == ["Finding Opened enforce"]


@pytest.mark.parametrize(
    ("history", "told"),
    [
        ((opened(1),), True),
        ((opened(1, "approve"),), True),
        ((opened(1), failed(2)), True),
        ((opened(1), decided(2, until=NOW + 1)), True),
        ((opened(1), applied(2)), False),
        ((opened(1), applied(2), undone(3)), False),
        ((opened(1), cleared(2)), False),
        ((opened(1), decided(2, "exempt", NOW + 1)), False),
    ],
)
def test_a_problem_that_went_away_closes_its_ticket(history: tuple[Message, ...], told: bool) -> None:
    known = ticket(*history)
    assert said(look(known, found=())) == (["Finding Cleared"] if told else [])
    assert said(function_gone({known.id: known}, at(NOW))) == (["Finding Cleared"] if told else [])


def test_only_what_was_checked_can_be_gone() -> None:
    known = ticket(opened(1))
    assert look(known, found=(), checked=("another-playbook",)) == []
    assert look(known, found=(), checked=()) == []


def test_a_look_says_one_thing_about_each_finding() -> None:
    other = finding(NOW, aspect="alias live")
    old = ticket(Message(Kind.FINDING_OPENED, finding(1, aspect="alias old"), at(1), mode="enforce"))
    messages = look(old, found=(finding(NOW), other))
    assert [m.finding.id for m in messages] == [finding().id, other.id, old.id]
    assert said(messages) == ["Finding Opened enforce", "Finding Opened enforce", "Finding Cleared"]


def operator_messages() -> dict[str, Message]:
    forged = Forged("222222222222", "eu-west-1", "it speaks of another", "e-1", "warden")
    return {
        "permission": missing_permission(SUBJECT, "warden-inspector", "lambda:GetFunction", SUBJECT.arn, at(1)),
        "unsettled": never_settles(SUBJECT, "Pending", Cause("e"), at(1)),
        "forged": forged_event(forged, at(1)),
    }


@pytest.mark.parametrize("name", operator_messages())
def test_what_is_for_the_operators_is_never_to_be_fixed(name: str) -> None:
    message = operator_messages()[name]
    assert (message.kind, message.mode) == (Kind.FINDING_OPENED, "observe")
    assert message.finding.playbook == OPERATOR
    assert ENFORCE.deployment.mode(OPERATOR).mode is Mode.OBSERVE
    assert read_message(message.kind.value, json.loads(json.dumps(message.to_detail()))) == message


def test_one_missing_permission_is_one_ticket_for_the_whole_account() -> None:
    def denied(function: str, action: str, **subject: Any) -> str:
        about = dataclasses.replace(SUBJECT, function=function, **subject)
        return missing_permission(about, "warden-inspector", action, "", at(1)).finding.id

    assert denied("a", "lambda:GetFunction") == denied("b", "lambda:GetFunction")
    assert denied("a", "lambda:GetFunction") != denied("a", "lambda:ListFunctions")
    assert denied("a", "lambda:GetFunction") != denied("a", "lambda:GetFunction", account="333333333333")


def test_a_missing_permission_names_what_and_whose() -> None:
    message = operator_messages()["permission"]
    text = json.dumps(message.to_detail())
    assert "lambda:GetFunction" in text
    assert "warden-inspector" in text
    assert "not named" in json.dumps(missing_permission(SUBJECT, "r", "a:B", "", at(1)).to_detail())


def test_forged_events_of_one_account_are_one_ticket_whatever_they_say() -> None:
    def ticket_of(**fields: str) -> str:
        known = {"account": "222222222222", "region": "eu-west-1", "because": "b", "event_id": "e", "source": "warden"}
        return forged_event(Forged(**{**known, **fields}), at(1)).finding.id

    assert ticket_of() == ticket_of(event_id="f", because="c")
    assert ticket_of() == ticket_of(source="warden.test")
    assert ticket_of() != ticket_of(account="333333333333")
