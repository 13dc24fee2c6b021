"""Posting, updating and reading messages with slack_sdk over HTTP."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from warden.local.slack import LocalSlack

from .conftest import client_of, error_of
from .raw_http import FORM, JSON, fetch
from .sample_messages import CHANNEL, CHANNEL_NAME, TOKEN, ticket_blocks

# slack_sdk warns of what these tests try on purpose.
pytestmark = pytest.mark.filterwarnings("ignore:The top-level `text` argument is missing")

METADATA = {"event_type": "warden_ticket", "event_payload": {"finding": "f-1", "attempt": 2}}


def test_auth_test_names_the_bot_and_the_granted_scopes(client: WebClient) -> None:
    answer = client.auth_test()

    assert answer["user"] == "lambda-warden"
    assert "chat:write" in answer.headers["X-OAuth-Scopes"].split(",")


def test_a_call_without_a_token_is_not_authed(slack: LocalSlack) -> None:
    assert fetch(slack, "/api/auth.test").json == {"ok": False, "error": "not_authed"}


def test_a_wrong_token_is_invalid(slack: LocalSlack) -> None:
    assert error_of(client_of(slack, "another").chat_postMessage, channel=CHANNEL, text="hello") == "invalid_auth"
    assert slack.messages(CHANNEL) == []


def test_a_token_without_the_scope_is_told_which_one_it_needs() -> None:
    with LocalSlack(TOKEN, scopes=["channels:history"], rate=None) as slack:
        with pytest.raises(SlackApiError) as caught:
            client_of(slack).chat_postMessage(channel=CHANNEL, text="hello")

        assert caught.value.response["error"] == "missing_scope"
        assert caught.value.response["needed"] == "chat:write"


def test_an_unknown_method_is_refused(client: WebClient) -> None:
    assert error_of(client.api_call, api_method="chat.command") == "unknown_method"


@pytest.mark.parametrize("name", [CHANNEL, CHANNEL_NAME, f"#{CHANNEL_NAME}"])
def test_posts_to_a_channel_by_id_or_name_and_answers_with_its_id(
    slack: LocalSlack, client: WebClient, name: str
) -> None:
    answer = client.chat_postMessage(channel=name, text="hello")

    assert answer["channel"] == CHANNEL
    assert [(m.ts, m.text) for m in slack.messages(CHANNEL_NAME)] == [(answer["ts"], "hello")]


def test_a_form_encoded_call_does_the_same_as_a_json_one(slack: LocalSlack) -> None:
    form = {"token": TOKEN, "channel": CHANNEL, "text": "a & b", "blocks": json.dumps(ticket_blocks())}

    assert fetch(slack, "/api/chat.postMessage", urlencode(form), FORM).json["ok"] is True

    [message] = slack.messages(CHANNEL)
    assert message.text == "a & b"
    assert message.blocks[0]["text"]["text"] == "Critical function had no reserved concurrency"


def test_a_json_body_cannot_carry_the_token(slack: LocalSlack) -> None:
    body = json.dumps({"token": TOKEN, "channel": CHANNEL, "text": "hello"})

    assert fetch(slack, "/api/chat.postMessage", body, JSON).json["error"] == "not_authed"


@pytest.mark.parametrize(
    ("media_type", "body", "error"),
    [
        ("application/json", b"{", "invalid_json"),
        ("application/json", b"[1]", "json_not_object"),
        ("application/x-www-form-urlencoded", b"text=%ff\xff", "invalid_form_data"),
        ("application/xml", b"<a/>", "invalid_post_type"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused_and_logged(
    slack: LocalSlack, media_type: str, body: bytes, error: str
) -> None:
    answer = fetch(slack, "/api/chat.postMessage", body, {"Content-Type": media_type})

    assert answer.json["error"] == error
    assert [(r.method, r.error) for r in slack.requests] == [("chat.postMessage", error)]


@pytest.mark.parametrize(
    ("channel", "error"),
    [
        ("C0NOSUCHONE", "channel_not_found"),
        ("", "channel_not_found"),
        ("not-joined", "not_in_channel"),
        ("old-alerts", "is_archived"),
    ],
)
def test_refuses_to_post_where_the_bot_cannot(slack: LocalSlack, client: WebClient, channel: str, error: str) -> None:
    assert error_of(client.chat_postMessage, channel=channel, text="hello") == error
    assert [(r.method, r.ok, r.error) for r in slack.requests] == [("chat.postMessage", False, error)]


def test_posts_after_the_bot_was_invited_and_no_more_once_it_was_removed(slack: LocalSlack, client: WebClient) -> None:
    slack.set_channel("not-joined", member=True)
    client.chat_postMessage(channel="not-joined", text="hello")
    slack.set_channel("not-joined", member=False)

    assert error_of(client.chat_postMessage, channel="not-joined", text="again") == "not_in_channel"
    assert error_of(client.conversations_history, channel="C0NOTJOINED") == "not_in_channel"


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ({"text": ""}, "no_text"),
        ({"text": "  \n"}, "no_text"),
        ({"text": "", "blocks": []}, "no_text"),
        ({"text": "x" * 40_001}, "msg_too_long"),
        ({"text": "x", "blocks": '[{"type": '}, "invalid_blocks_format"),
        ({"text": "x", "blocks": '{"type": "divider"}'}, "invalid_blocks_format"),
        ({"text": "x", "metadata": {"event_type": "t"}}, "invalid_metadata_format"),
        ({"text": "x", "metadata": {"event_payload": {}}}, "invalid_metadata_format"),
        ({"text": "x", "attachments": [{"text": "old style"}]}, "invalid_arguments"),
        ({"text": "x", "thread_ts": "0"}, "invalid_thread_ts"),
        ({"text": "x", "thread_ts": "1732180000.000100"}, "thread_not_found"),
    ],
)
def test_refuses_a_message_that_slack_refuses(
    slack: LocalSlack, client: WebClient, content: dict[str, Any], error: str
) -> None:
    assert error_of(client.chat_postMessage, channel=CHANNEL, **content) == error
    assert slack.messages(CHANNEL) == []


def test_takes_a_text_of_exactly_40000_characters(slack: LocalSlack, client: WebClient) -> None:
    client.chat_postMessage(channel=CHANNEL, text="x" * 40_000)

    assert len(slack.messages(CHANNEL)[0].text) == 40_000


def test_timestamps_are_unique_increasing_and_have_slacks_form(client: WebClient) -> None:
    stamps = [client.chat_postMessage(channel=CHANNEL, text=str(n))["ts"] for n in range(50)]

    assert len(set(stamps)) == 50
    assert stamps == sorted(stamps)
    assert {(len(s.split(".")[0]), len(s.split(".")[1])) for s in stamps} == {(10, 6)}


def test_metadata_comes_back_only_to_who_asks_for_it(client: WebClient) -> None:
    client.chat_postMessage(channel=CHANNEL, text="hello", metadata=METADATA)

    [plain] = client.conversations_history(channel=CHANNEL)["messages"]
    [full] = client.conversations_history(channel=CHANNEL, include_all_metadata=True)["messages"]
    assert "metadata" not in plain
    assert full["metadata"] == METADATA


def test_markup_comes_back_as_it_was_sent(client: WebClient) -> None:
    text = 'a < b & c > d <script>alert("x")</script> ünïcode 🔴\n&amp;'
    client.chat_postMessage(channel=CHANNEL, text=text)

    assert client.conversations_history(channel=CHANNEL)["messages"][0]["text"] == text


# --- updates


def test_an_update_keeps_the_ts_and_the_place_and_remembers_what_stood_there(
    slack: LocalSlack, client: WebClient
) -> None:
    first = client.chat_postMessage(channel=CHANNEL, text="open", blocks=ticket_blocks("Open"), metadata=METADATA)
    client.chat_postMessage(channel=CHANNEL, text="later")

    answer = client.chat_update(channel=CHANNEL, ts=first["ts"], text="fixed", blocks=ticket_blocks("Fixed"))

    assert answer["ts"] == first["ts"]
    updated, later = slack.messages(CHANNEL)
    assert (updated.ts, updated.text, later.text) == (first["ts"], "fixed", "later")
    assert [edit.text for edit in updated.edits] == ["open"]
    assert "Open" in json.dumps(updated.edits[0].blocks)
    assert updated.metadata == METADATA


def test_an_update_of_text_alone_removes_the_blocks_and_shows_as_edited(slack: LocalSlack, client: WebClient) -> None:
    first = client.chat_postMessage(channel=CHANNEL, text="open", blocks=ticket_blocks())

    client.chat_update(channel=CHANNEL, ts=first["ts"], text="gone")

    [message] = slack.messages(CHANNEL)
    assert (list(message.blocks), message.edited is not None) == ([], True)


def test_an_update_with_blocks_does_not_show_as_edited(slack: LocalSlack, client: WebClient) -> None:
    first = client.chat_postMessage(channel=CHANNEL, text="open")

    client.chat_update(channel=CHANNEL, ts=first["ts"], text="fixed", blocks=ticket_blocks())

    assert slack.messages(CHANNEL)[0].edited is None


def test_an_update_of_blocks_alone_keeps_the_text(slack: LocalSlack, client: WebClient) -> None:
    first = client.chat_postMessage(channel=CHANNEL, text="open")

    client.chat_update(channel=CHANNEL, ts=first["ts"], blocks=ticket_blocks())

    assert slack.messages(CHANNEL)[0].text == "open"
    assert len(slack.messages(CHANNEL)[0].blocks) == len(ticket_blocks())


def test_an_update_with_empty_metadata_removes_it(slack: LocalSlack, client: WebClient) -> None:
    first = client.chat_postMessage(channel=CHANNEL, text="open", metadata=METADATA)

    client.chat_update(channel=CHANNEL, ts=first["ts"], text="open", metadata={})

    assert slack.messages(CHANNEL)[0].metadata is None


@pytest.mark.parametrize("text", ["x" * 4001, "é" * 2001, "<" * 1001])
def test_an_updated_text_is_measured_in_escaped_bytes(slack: LocalSlack, client: WebClient, text: str) -> None:
    first = client.chat_postMessage(channel=CHANNEL, text=text)

    assert error_of(client.chat_update, channel=CHANNEL, ts=first["ts"], text=text) == "msg_too_long"
    client.chat_update(channel=CHANNEL, ts=first["ts"], text=text[:-1])
    assert slack.messages(CHANNEL)[0].text == text[:-1]


def test_refuses_to_update_what_is_not_there_or_not_its_own(slack: LocalSlack, client: WebClient) -> None:
    person = slack.say(CHANNEL, "who did this?", user="Dana")

    update = client.chat_update
    assert error_of(update, channel=CHANNEL, ts="1732180000.000100", text="x") == "message_not_found"
    assert error_of(update, channel=CHANNEL, ts=person.ts, text="x") == "cant_update_message"
    assert error_of(update, channel="C0NOSUCHONE", ts=person.ts, text="x") == "channel_not_found"
    assert slack.messages(CHANNEL)[0].text == "who did this?"


def test_only_posting_takes_a_channel_name(client: WebClient) -> None:
    first = client.chat_postMessage(channel=CHANNEL_NAME, text="hello")

    assert error_of(client.chat_update, channel=CHANNEL_NAME, ts=first["ts"], text="x") == "channel_not_found"
    assert error_of(client.conversations_history, channel=CHANNEL_NAME) == "channel_not_found"


def test_refuses_an_update_without_content_or_in_an_archived_channel(slack: LocalSlack, client: WebClient) -> None:
    first = client.chat_postMessage(channel=CHANNEL, text="hello")

    assert error_of(client.chat_update, channel=CHANNEL, ts=first["ts"], text=" ") == "no_text"
    slack.set_channel(CHANNEL, archived=True)
    assert error_of(client.chat_update, channel=CHANNEL, ts=first["ts"], text="x") == "is_inactive"


def test_what_messages_returns_is_a_copy(slack: LocalSlack, client: WebClient) -> None:
    client.chat_postMessage(channel=CHANNEL, text="x", blocks=ticket_blocks())

    slack.messages(CHANNEL)[0].blocks[0]["text"]["text"] = "scribbled over"

    assert slack.messages(CHANNEL)[0].blocks[0]["text"]["text"] == "Critical function had no reserved concurrency"


def test_the_log_of_requests_never_holds_the_token(slack: LocalSlack, client: WebClient) -> None:
    form = urlencode({"token": TOKEN, "channel": CHANNEL, "text": "form"})
    fetch(slack, "/api/chat.postMessage", form, FORM)
    client.chat_postMessage(channel=CHANNEL, text="json")

    assert [r.arguments["text"] for r in slack.requests] == ["form", "json"]
    assert TOKEN not in repr(slack.requests)
