"""A ticket in Slack: what a person must see, within Slack's limits whatever is in it."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.core.finding import Cause, Evidence, Finding
from functions.core.message import Message
from functions.core.playbook import Severity
from functions.core.slack_text import (
    DIGEST_LINES,
    SlackMessage,
    cut,
    digest_message,
    digest_page,
    escape,
    ticket_message,
)
from functions.core.subject import Subject
from functions.core.ticket import State, Ticket
from warden.local.slack_blocks import block_errors, serialised_length

from .examples import applied, at, decided, failed, finding, fix_requested, opened, ticket, undo_requested, undone

HOSTILE = [
    "<!channel>",
    "<@U0123> <https://evil.example|click>",
    "`" * 3 + "rm -rf" + "`" * 3,
    "`",
    "*bold* _it_ ~no~ > quote",
    "a\nb\r\nc\td\x00\x1b[31m\u2028e",
    "🔥👩\u200d🚒↩️",
    '"\\"',
    "&amp;&lt;",
    "\ud800\udc00\udfff",
    "\u202egnp.exe",
    ":tada: @here #general",
    "x",
    "漢字",
]
PARTS = st.sampled_from(HOSTILE) | st.text(max_size=30)
# The longest texts AWS allows are far shorter; these show that no length matters.
TEXTS = st.builds(lambda part, times: part * times, PARTS, st.integers(0, 900))
LONGEST_NAME = "n" * 140
STORIES: dict[State, tuple[Message, ...]] = {
    State.OPEN: (opened(1, "observe", because="the deployment sets it to observe"),),
    State.AWAITING_APPROVAL: (opened(1), failed(2, "cap")),
    State.FIXING: (opened(1),),
    State.FIXED: (opened(1), applied(2)),
    State.FAILED: (opened(1), failed(2)),
    State.UNDOING: (opened(1), applied(2), undo_requested(3)),
    State.UNDONE: (opened(1), applied(2), undone(3)),
    State.SNOOZED: (opened(1), decided(2, until=9000)),
    State.EXEMPT: (opened(1), decided(2, "exempt", until=9000)),
    State.CLEARED: (opened(1), replace(failed(2), kind=opened(1).kind.FINDING_CLEARED, text="Gone.")),
}


@st.composite
def tickets(draw: st.DrawFn) -> Ticket:
    """A ticket in any state, with any text in every place that can hold one."""
    filled = replace(
        finding(1),
        subject=Subject("aws-iso-b", "222222222222", "us-isob-east-1", draw(st.sampled_from(["", "a", LONGEST_NAME]))),
        title=draw(TEXTS),
        what=draw(TEXTS),
        why=draw(TEXTS),
        evidence=tuple(draw(st.lists(st.builds(Evidence, TEXTS, TEXTS), max_size=20))),
        severity=draw(st.sampled_from(Severity)),
        cause=Cause(*(draw(TEXTS) for _ in range(5))),
    )
    changes = tuple(
        {"setting": draw(TEXTS), "before": before, "after": draw(TEXTS)}
        for before in draw(st.lists(st.none() | st.integers() | TEXTS | st.lists(TEXTS, max_size=3), max_size=30))
    )
    story = STORIES[draw(st.sampled_from(State))]
    said = {"because": "", "text": draw(TEXTS), "by": draw(TEXTS)}
    return ticket(*(replace(m, finding=filled, changes=changes if m.changes else (), **said) for m in story))


def assert_within_limits(message: SlackMessage) -> None:
    """Slack's Block Kit limits as the local Slack has them, with room to spare, in text that every encoding takes."""
    assert block_errors(message.blocks) == []
    assert serialised_length(message.blocks) < 12_000
    assert 0 < len(message.text) <= 300
    json.dumps([message.text, message.blocks, message.metadata], ensure_ascii=False).encode()
    for text in texts(message):
        assert len(text.encode("utf-16-le")) // 2 <= 3000
    assert len(message.blocks[0].get("text", {}).get("text", "")) <= 150 or message.blocks[0]["type"] != "header"


def texts(message: SlackMessage) -> list[str]:
    """Everything Slack reads as mrkdwn."""
    found = [message.text]

    def collect(value: Any) -> None:
        if isinstance(value, dict):
            if value.get("type") == "mrkdwn":
                found.append(value["text"])
            for inner in value.values():
                collect(inner)
        elif isinstance(value, list):
            for inner in value:
                collect(inner)

    collect(message.blocks)
    return found


def assert_harmless(message: SlackMessage) -> None:
    """No mention, no link, no half of an entity, no control character."""
    for text in texts(message):
        assert not re.search(r"[<>]", text)
        assert not re.search(r"&(?!amp;|lt;|gt;)", text)
        assert not re.search(r"[\x00-\x09\x0b-\x1f\ud800-\udfff]", text)
        assert re.fullmatch(r"((?!```).)*(```[^`]*```((?!```).)*)?", text, re.DOTALL), "a code block that does not end"


@settings(max_examples=max(60, settings().max_examples))
@given(tickets(), TEXTS)
def test_any_ticket_is_within_slacks_limits_and_harmless(known: Ticket, account_name: str) -> None:
    message = ticket_message(known, account_name)
    assert_within_limits(message)
    assert_harmless(message)


@settings(max_examples=25)
@given(st.lists(tickets(), min_size=1, max_size=3), TEXTS)
def test_any_digest_is_within_slacks_limits_and_harmless(known: list[Ticket], title: str) -> None:
    for message in (digest_message(title, known * 15, "C1/5"), digest_page((known * 30)[:DIGEST_LINES], "C1/5", 1)):
        assert_within_limits(message)
        assert_harmless(message)


@pytest.mark.parametrize("text", HOSTILE)
def test_the_longest_of_everything_fits(text: str) -> None:
    long = text * 2000
    changes = tuple({"setting": long, "before": long, "after": [long]} for _ in range(50))
    filled = replace(
        finding(1),
        subject=replace(finding().subject, function=LONGEST_NAME),
        title=long,
        what=long,
        why=long,
        evidence=(Evidence(long, long),) * 50,
        cause=Cause(long, long, at(1), long, long),
    )
    story = [opened(1), replace(applied(2), changes=changes), undo_requested(3), failed(4)]
    known = ticket(*(replace(m, finding=filled, text=long, by=long) for m in story))
    message = ticket_message(known, long)
    assert_within_limits(message)
    assert_harmless(message)
    assert known.id in json.dumps(message.blocks[-1])


@pytest.mark.parametrize("state", State)
def test_says_in_every_state_what_and_where_and_what_next(state: State) -> None:
    known = ticket(*STORIES[state])
    assert known.state is state
    message = ticket_message(known, "shop-production")
    shown = json.dumps(message.blocks, ensure_ascii=False)
    assert finding().title in message.blocks[0]["text"]["text"]
    for part in (finding().what, "orders", "222222222222", "shop-production", "eu-west-1", "Dev/alice"):
        assert part in shown
    assert f"*{state.value}*" in shown
    assert f"{state.value}: " in message.text
    assert f"`{known.id}`" in shown
    assert message.metadata["event_payload"] == {"finding": known.id}


@pytest.mark.parametrize(
    ("state", "command"),
    [
        (State.FIXED, "warden undo {}"),
        (State.AWAITING_APPROVAL, "warden approve {}"),
        (State.UNDONE, "warden approve {}"),
        (State.FAILED, "warden approve {}"),
        (State.OPEN, "warden snooze {} --for 7d"),
    ],
)
def test_gives_the_command_that_comes_next(state: State, command: str) -> None:
    known = ticket(*STORIES[state])
    assert f"`{command.format(known.id)}`" in ticket_message(known).blocks[-1]["elements"][0]["text"]


def shown(*messages: Message) -> str:
    return json.dumps(ticket_message(ticket(*messages)).blocks, ensure_ascii=False)


def test_shows_what_was_changed_and_what_was_put_back() -> None:
    assert "reserved concurrency: not set → 11" in shown(opened(1), applied(2))
    assert "*What was done* (by lambda-warden): Set." in shown(opened(1), applied(2))
    assert "reserved concurrency: 11 → not set" in shown(opened(1), applied(2), undone(3))
    assert "*What was undone* (by Dev/bob): Put back." in shown(opened(1), applied(2), undone(3))


ORDERS = "arn:aws:lambda:eu-west-1:222222222222:function:orders"
ELSEWHERE = "arn:aws:sqs:eu-west-1:999999999999:jobs"


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (None, "not set"),
        ("Enabled", '"Enabled"'),
        ({"Id": "made", "Arn": ORDERS}, "Id=made, Arn=function:orders"),
        ({"QueueArn": ELSEWHERE}, f"QueueArn={ELSEWHERE}"),
        ({"Bucket": "arn:aws:s3:::data", "Events": ["s3:A", "s3:B", "s3:C"]}, "Bucket=data, Events=s3:A and 2 more"),
        (
            {"Filter": {"Key": {}}, "Empty": {}, "None": [], "Unset": None},
            "Filter=…, Empty=none, None=none, Unset=not set",
        ),
        ({"days": 14, "on": True, "senders": [{"Service": "sns"}]}, "days=14, on=true, senders=…"),
        ({"text": "two\nlines"}, "text=two lines"),
        ([ORDERS, "billing"], "function:orders, billing"),
        ([{"setting": "a"}], "…"),
        ([], "none"),
        ({}, "none"),
        (["n" * 300], "n" * 79 + "…"),
        ({str(n): "n" * 70 for n in range(9)}, cut(", ".join(f"{n}={'n' * 70}" for n in range(9)), 200)),
    ],
)
def test_a_setting_with_several_parts_is_one_short_line(value: object, line: str) -> None:
    changes = ({"setting": "target", "before": value, "after": "gone"},)
    (done,) = (
        b["text"]["text"]
        for b in ticket_message(ticket(opened(1), replace(applied(2), changes=changes))).blocks
        if "What was done" in str(b)
    )
    assert done.split("```")[1] == f'target: {line} → "gone"'


def test_says_why_nothing_was_changed() -> None:
    assert "*Nothing was changed*: operators lowered everything" in shown(
        opened(1, "observe", because="operators lowered everything")
    )
    assert "*Fix Failed*: It is no-room." in shown(opened(1), failed(2))
    assert "*Fix Requested*" not in shown(opened(1), fix_requested(2))


def test_says_who_made_it_or_that_this_is_not_known() -> None:
    sweep = opened(1)
    sweep = replace(sweep, finding=replace(sweep.finding, cause=Cause(origin="sweep")))
    assert "not known (sweep)" in shown(sweep)
    assert "Seen through" not in shown(sweep)
    assert "CreateFunction20150331" in shown(opened(1))


def test_a_ticket_about_an_account_names_the_account() -> None:
    about = replace(finding(1), subject=replace(finding().subject, function=""))
    message = ticket_message(ticket(replace(opened(1), finding=about)))
    assert "account 222222222222" in message.text
    assert "*Function*" not in json.dumps(message.blocks[2])


def test_a_ticket_without_words_is_still_a_message() -> None:
    bare = Finding("p", finding().subject, "", Severity.LOW, "", found_at=at(1))
    assert_within_limits(ticket_message(ticket(Message(opened(1).kind, bare, at(1)))))


def test_a_digest_counts_by_problem_and_state_and_its_pages_list_every_ticket() -> None:
    def of(number: int, *messages: Message) -> Ticket:
        name = replace(finding().subject, function=f"f-{number}")
        return ticket(*(replace(m, finding=replace(m.finding, subject=name)) for m in messages))

    known = [of(n, opened(1)) for n in range(30)] + [of(n, opened(1), applied(2)) for n in range(30, 75)]
    parent = digest_message("many at once", known, "C1/5")
    body = parent.blocks[1]["text"]["text"]
    assert f"30 × {finding().title}: *fixing*" in body
    assert f"45 × {finding().title}: *fixed*" in body
    assert "75 findings" in parent.text
    pages = [digest_page(known[i : i + DIGEST_LINES], "C1/5", n) for n, i in enumerate(range(0, 75, DIGEST_LINES), 1)]
    listed = json.dumps([page.blocks for page in pages])
    assert all(one.id in listed for one in known)
    assert len({json.dumps(page.metadata) for page in (parent, *pages)}) == len(pages) + 1


def test_a_digest_says_how_many_kinds_it_leaves_out() -> None:
    known = [ticket(replace(opened(1), finding=replace(finding(1), title=f"{n} " + "t" * 200))) for n in range(60)]
    body = digest_message("many", known, "d").blocks[1]["text"]["text"]
    lines = body.split("\n")
    assert re.fullmatch(r"… and \d+ more kinds", lines[-1])
    assert int(lines[-1].split()[2]) == 60 - (len(lines) - 1)


@pytest.mark.parametrize(
    ("text", "limit", "escaped"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("a & b", 20, "a &amp; b"),
        ("&&", 10, "&amp;&amp;"),
        ("&&&", 10, "&amp;…"),
        ("<!here>", 30, "&lt;!here&gt;"),
        (" a\n\t b ", 10, "a b"),
        ('"', 2, '"'),
        ("", 5, ""),
    ],
)
def test_escapes_and_cuts_without_halving_an_entity(text: str, limit: int, escaped: str) -> None:
    assert escape(text, limit) == escaped


@given(st.text(), st.integers(1, 60))
def test_what_is_escaped_takes_no_more_room_in_json_than_its_limit(text: str, limit: int) -> None:
    assert len(json.dumps(escape(text, limit), ensure_ascii=False)) - 2 <= limit


@given(st.text(), st.integers(1, 60))
def test_what_is_cut_is_no_longer_than_its_limit(text: str, limit: int) -> None:
    assert len(cut(text, limit)) <= limit
    assert cut(text, len(text) or 1) == text
