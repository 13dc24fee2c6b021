"""Threads, and reading channels and threads in pages, with slack_sdk over HTTP."""

from typing import Any

import pytest
from slack_sdk import WebClient

from warden.local.slack import LocalSlack

from .conftest import error_of
from .sample_messages import CHANNEL

METADATA = {"event_type": "warden_ticket", "event_payload": {"finding": "f-1", "attempt": 2}}


def test_replies_stand_under_their_parent_and_not_in_the_history(slack: LocalSlack, client: WebClient) -> None:
    parent = client.chat_postMessage(channel=CHANNEL, text="ticket")
    replies = [client.chat_postMessage(channel=CHANNEL, text=f"r{n}", thread_ts=parent["ts"]) for n in range(3)]

    [seen] = client.conversations_history(channel=CHANNEL)["messages"]
    assert (seen["reply_count"], seen["latest_reply"]) == (3, replies[-1]["ts"])
    thread = client.conversations_replies(channel=CHANNEL, ts=parent["ts"])["messages"]
    assert [m["text"] for m in thread] == ["ticket", "r0", "r1", "r2"]
    assert {m["thread_ts"] for m in thread} == {parent["ts"]}
    assert [r.text for r in slack.messages(CHANNEL)[0].replies] == ["r0", "r1", "r2"]


def test_a_reply_can_be_updated_and_found_by_its_own_ts(slack: LocalSlack, client: WebClient) -> None:
    parent = client.chat_postMessage(channel=CHANNEL, text="ticket")
    reply = client.chat_postMessage(channel=CHANNEL, text="r", thread_ts=parent["ts"], metadata=METADATA)

    client.chat_update(channel=CHANNEL, ts=reply["ts"], text="changed")

    thread = client.conversations_replies(channel=CHANNEL, ts=reply["ts"], include_all_metadata=True)["messages"]
    assert [m["text"] for m in thread] == ["ticket", "changed"]
    assert thread[1]["metadata"] == METADATA
    assert slack.messages(CHANNEL)[0].replies[0].edits[0].text == "r"


def test_a_reply_to_a_reply_lands_in_the_same_thread(slack: LocalSlack, client: WebClient) -> None:
    parent = client.chat_postMessage(channel=CHANNEL, text="ticket")
    reply = client.chat_postMessage(channel=CHANNEL, text="one", thread_ts=parent["ts"])

    client.chat_postMessage(channel=CHANNEL, text="two", thread_ts=reply["ts"])

    assert [r.text for r in slack.messages(CHANNEL)[0].replies] == ["one", "two"]


def test_a_broadcast_reply_is_in_the_history_too(client: WebClient) -> None:
    parent = client.chat_postMessage(channel=CHANNEL, text="ticket")
    client.chat_postMessage(channel=CHANNEL, text="all clear", thread_ts=parent["ts"], reply_broadcast=True)

    newest, oldest = client.conversations_history(channel=CHANNEL)["messages"]
    assert (newest["text"], newest["subtype"]) == ("all clear", "thread_broadcast")
    assert oldest["text"] == "ticket"


def test_a_thread_that_is_not_there_is_not_found(client: WebClient) -> None:
    assert error_of(client.conversations_replies, channel=CHANNEL, ts="1732180000.000100") == "thread_not_found"


# --- pages of the history


def test_the_history_comes_newest_first_in_pages(client: WebClient) -> None:
    for number in range(7):
        client.chat_postMessage(channel=CHANNEL, text=str(number))

    pages = client.conversations_history(channel=CHANNEL, limit=3)

    assert [([m["text"] for m in page["messages"]], page["has_more"]) for page in pages] == [
        (["6", "5", "4"], True),
        (["3", "2", "1"], True),
        (["0"], False),
    ]


def test_the_history_is_cut_by_oldest_and_latest(client: WebClient) -> None:
    stamps = [client.chat_postMessage(channel=CHANNEL, text=str(n))["ts"] for n in range(5)]

    def texts(**bounds: Any) -> list[str]:
        return [m["text"] for m in client.conversations_history(channel=CHANNEL, **bounds)["messages"]]

    assert texts(oldest=stamps[1]) == ["4", "3", "2"]
    assert texts(oldest=stamps[1], inclusive=True) == ["4", "3", "2", "1"]
    assert texts(latest=stamps[1]) == ["0"]
    assert texts(oldest=stamps[1], latest=stamps[3]) == ["2"]
    assert texts(oldest="0") == ["4", "3", "2", "1", "0"]


def test_a_thread_comes_oldest_first_in_pages(client: WebClient) -> None:
    parent = client.chat_postMessage(channel=CHANNEL, text="p")
    for number in range(3):
        client.chat_postMessage(channel=CHANNEL, text=str(number), thread_ts=parent["ts"])

    pages = client.conversations_replies(channel=CHANNEL, ts=parent["ts"], limit=2)

    assert [[m["text"] for m in page["messages"]] for page in pages] == [["p", "0"], ["1", "2"]]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"cursor": "bm90IGEgY3Vyc29y"}, "invalid_cursor"),
        ({"cursor": "%%"}, "invalid_cursor"),
        ({"oldest": "yesterday"}, "invalid_ts_oldest"),
        ({"latest": "tomorrow"}, "invalid_ts_latest"),
        ({"limit": 0}, "invalid_limit"),
        ({"limit": 1000}, "invalid_limit"),
    ],
)
def test_refuses_bounds_it_cannot_read(client: WebClient, arguments: dict[str, Any], error: str) -> None:
    assert error_of(client.conversations_history, channel=CHANNEL, **arguments) == error
