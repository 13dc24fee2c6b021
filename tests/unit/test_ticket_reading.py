"""A ticket reads true in every state: tenses, who made what, and when a fact was one."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from functions.core.finding import Cause
from functions.core.message import Message
from functions.core.slack_text import ticket_message

from .examples import applied, cleared, failed, finding, opened, ticket, undone


def shown(*messages: Message) -> str:
    return json.dumps(ticket_message(ticket(*messages)).blocks, ensure_ascii=False)


@pytest.mark.parametrize(
    ("story", "tense"),
    [
        ((opened(1),), "is"),
        ((opened(1), failed(2)), "is"),
        ((opened(1), applied(2)), "was"),
        ((opened(1), applied(2), undone(3)), "is"),
        ((opened(1, "observe"), cleared(2)), "was"),
    ],
    ids=["fixing", "not fixed", "fixed", "undone", "cleared"],
)
def test_what_is_put_right_is_told_as_past(story: tuple[Message, ...], tense: str) -> None:
    assert f"*What {tense} wrong*: {finding().what}" in shown(*story)


def test_a_fact_is_told_with_the_moment_it_was_one() -> None:
    """After the fix, "Reserved concurrency: not set" would contradict the ticket's own change."""
    assert "Found at 2026-11-20 00:00 UTC: Reserved concurrency: *not set*" in shown(opened(1), applied(2))
    assert "Severity: *high*" in shown(opened(1))


def test_nobody_is_looked_for_where_nobody_made_it() -> None:
    def caused(cause: Cause) -> str:
        return shown(replace(opened(1), finding=replace(finding(1), cause=cause)))

    assert "*Made by*" not in caused(Cause())
    assert "*Made by*\\nnot known" in caused(Cause(event="AWS Config: lambda-concurrency-check"))
    assert "*Made by*\\nnot known (sweep)" in caused(Cause(origin="sweep"))


@pytest.mark.parametrize(
    ("text", "ends"), [("It is full", "It is full."), ("It is full.", "It is full."), ("Why?", "Why?")]
)
def test_a_reason_is_a_sentence(text: str, ends: str) -> None:
    assert f"*Fix Failed*: {ends}" in shown(opened(1), replace(failed(2), text=text))
    assert '.."' not in shown(opened(1), replace(failed(2), text=text))
