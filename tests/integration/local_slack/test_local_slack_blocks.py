"""Block Kit limits as Slack answers them, through slack_sdk over HTTP."""

from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from warden.local.slack import LocalSlack
from warden.local.slack_blocks import MAX_SERIALISED_BLOCKS, block_errors, serialised_length

from .sample_messages import CHANNEL, digest_blocks, ticket_blocks

# slack_sdk warns of what these tests try on purpose.
pytestmark = pytest.mark.filterwarnings("ignore:The top-level `text` argument is missing")

Block = dict[str, Any]


def plain(text: str = "t") -> Block:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str = "t") -> Block:
    return {"type": "mrkdwn", "text": text}


def section(**content: Any) -> Block:
    return {"type": "section", **content}


def button(**content: Any) -> Block:
    return {"type": "button", "text": plain(), "action_id": "a", **content}


def actions(*elements: Block) -> Block:
    return {"type": "actions", "elements": list(elements)}


def rich(*elements: Block) -> Block:
    return {"type": "rich_text", "elements": list(elements)}


def rich_section(*leaves: Block) -> Block:
    return {"type": "rich_text_section", "elements": list(leaves)}


CONFIRM = {"title": plain("t" * 100), "text": mrkdwn("t" * 300), "confirm": plain("t" * 30), "deny": plain("t" * 30)}
OPTION = {"text": plain("t" * 75), "value": "v" * 150}

# (blocks Slack takes, the same one step too far, what Slack says then)
AT_THE_LIMIT: dict[str, tuple[list[Block], list[Block], str]] = {
    "50 blocks": ([{"type": "divider"}] * 50, [{"type": "divider"}] * 51, "no more than 50 items allowed /blocks"),
    "header 150": (
        [{"type": "header", "text": plain("h" * 150)}],
        [{"type": "header", "text": plain("h" * 151)}],
        "must be less than 151 characters /blocks/0/text/text",
    ),
    "section text 3000": (
        [section(text=mrkdwn("s" * 3000))],
        [section(text=mrkdwn("s" * 3001))],
        "must be less than 3001 characters /blocks/0/text/text",
    ),
    "10 fields": (
        [section(fields=[mrkdwn()] * 10)],
        [section(fields=[mrkdwn()] * 11)],
        "no more than 10 items allowed /blocks/0/fields",
    ),
    "field 2000": (
        [section(fields=[mrkdwn("f" * 2000)])],
        [section(fields=[mrkdwn("f" * 2001)])],
        "must be less than 2001 characters /blocks/0/fields/0/text",
    ),
    "10 context elements": (
        [{"type": "context", "elements": [mrkdwn()] * 10}],
        [{"type": "context", "elements": [mrkdwn()] * 11}],
        "no more than 10 items allowed /blocks/0/elements",
    ),
    "25 actions": (
        [actions(*(button(action_id=f"a{n}") for n in range(25)))],
        [actions(*(button(action_id=f"a{n}") for n in range(26)))],
        "no more than 25 items allowed /blocks/0/elements",
    ),
    "button text 75": (
        [actions(button(text=plain("b" * 75)))],
        [actions(button(text=plain("b" * 76)))],
        "must be less than 76 characters /blocks/0/elements/0/text/text",
    ),
    "button value 2000": (
        [actions(button(value="v" * 2000))],
        [actions(button(value="v" * 2001))],
        "must be less than 2001 characters /blocks/0/elements/0/value",
    ),
    "action_id 255": (
        [actions(button(action_id="a" * 255))],
        [actions(button(action_id="a" * 256))],
        "must be less than 256 characters /blocks/0/elements/0/action_id",
    ),
    "button url 3000": (
        [actions(button(url="https://" + "u" * 2992))],
        [actions(button(url="https://" + "u" * 2993))],
        "must be less than 3001 characters /blocks/0/elements/0/url",
    ),
    "block_id 255": (
        [{"type": "divider", "block_id": "b" * 255}],
        [{"type": "divider", "block_id": "b" * 256}],
        "must be less than 256 characters /blocks/0/block_id",
    ),
    "confirm text 300": (
        [actions(button(confirm=CONFIRM))],
        [actions(button(confirm=CONFIRM | {"text": mrkdwn("t" * 301)}))],
        "must be less than 301 characters /blocks/0/elements/0/confirm/text/text",
    ),
    "5 overflow options": (
        [section(text=mrkdwn(), accessory={"type": "overflow", "action_id": "a", "options": [OPTION] * 5})],
        [section(text=mrkdwn(), accessory={"type": "overflow", "action_id": "a", "options": [OPTION] * 6})],
        "no more than 5 items allowed /blocks/0/accessory/options",
    ),
    "markdown 12000": (
        [{"type": "markdown", "text": "m" * 12_000}],
        [{"type": "markdown", "text": "m" * 12_001}],
        "must be less than 12001 characters /blocks/0/text",
    ),
    "button style": (
        [actions(button(style="danger"))],
        [actions(button(style="blue"))],
        "must be a valid enum value /blocks/0/elements/0/style",
    ),
    "texts are not empty": (
        [section(text=mrkdwn("x"))],
        [section(text=mrkdwn(""))],
        "must be more than 0 characters /blocks/0/text/text",
    ),
    "a section has text or fields": (
        [section(fields=[plain()])],
        [section(block_id="empty")],
        "must define either `text` or `fields` /blocks/0",
    ),
    "a header is plain text": (
        [{"type": "header", "text": plain()}],
        [{"type": "header", "text": mrkdwn()}],
        "unsupported type: mrkdwn /blocks/0/text/type",
    ),
    "block types": ([{"type": "divider"}], [{"type": "banner"}], "unsupported type: banner /blocks/0/type"),
    "element types": (
        [actions(button())],
        [actions({"type": "input"})],
        "unsupported type: input /blocks/0/elements/0/type",
    ),
    "a block has a type": ([{"type": "divider"}], [{"text": plain()}], "missing required field: type /blocks/0"),
    "required fields": (
        [actions(button())],
        [actions({"type": "button", "action_id": "a"})],
        "missing required field: text /blocks/0/elements/0",
    ),
    "no unknown property": (
        [actions(button())],
        [actions(button(disabled=True))],
        "invalid additional property: disabled /blocks/0/elements/0",
    ),
    "a text object, not a string": (
        [section(text=plain())],
        [section(text="hello")],
        "must provide an object /blocks/0/text",
    ),
    "fields are a list": (
        [section(fields=[plain()])],
        [section(fields=None)],
        "must provide an array /blocks/0/fields",
    ),
    "a string, not a number": (
        [actions(button(value="1"))],
        [actions(button(value=1))],
        "must provide a string /blocks/0/elements/0/value",
    ),
    "action ids differ in one block": (
        [actions(button(action_id="undo")), actions(button(action_id="undo"))],
        [actions(button(action_id="undo"), button(action_id="undo"))],
        '`action_id` "undo" already exists /blocks/0/elements/1/action_id',
    ),
    "block ids differ in one message": (
        [{"type": "divider", "block_id": "a"}, {"type": "divider", "block_id": "b"}],
        [{"type": "divider", "block_id": "a"}, {"type": "divider", "block_id": "a"}],
        '`block_id` "a" already exists /blocks/1/block_id',
    ),
    "an image says what it shows": (
        [{"type": "image", "image_url": "https://example.com/a.png", "alt_text": "a"}],
        [{"type": "image", "image_url": "https://example.com/a.png"}],
        "missing required field: alt_text /blocks/0",
    ),
    "rich text leaves": (
        [rich(rich_section({"type": "text", "text": "x", "style": {"bold": True}}))],
        [rich(rich_section({"type": "text", "text": ""}))],
        "must be more than 0 characters /blocks/0/elements/0/elements/0/text",
    ),
    "rich text lists": (
        [rich({"type": "rich_text_list", "style": "bullet", "elements": [rich_section()], "indent": 1})],
        [rich({"type": "rich_text_list", "style": "star", "elements": [rich_section()]})],
        "must be a valid enum value /blocks/0/elements/0/style",
    ),
}


@pytest.mark.parametrize("limit", AT_THE_LIMIT)
def test_takes_blocks_at_the_limit_and_refuses_the_next_step(slack: LocalSlack, client: WebClient, limit: str) -> None:
    taken, refused, sentence = AT_THE_LIMIT[limit]
    sentence, _, pointer = sentence.rpartition(" ")

    client.chat_postMessage(channel=CHANNEL, text="fallback", blocks=taken)
    with pytest.raises(SlackApiError) as caught:
        client.chat_postMessage(channel=CHANNEL, text="fallback", blocks=refused)

    answer = caught.value.response
    assert answer["error"] == "invalid_blocks"
    assert f"{sentence} [json-pointer:{pointer}]" in answer["errors"]
    assert answer["response_metadata"]["messages"] == [f"[ERROR] {error}" for error in answer["errors"]]
    assert len(slack.messages(CHANNEL)) == 1


def test_a_text_too_long_is_told_as_slack_tells_it(client: WebClient) -> None:
    """The wording is a published answer of Slack's."""
    with pytest.raises(SlackApiError) as caught:
        client.chat_postMessage(channel=CHANNEL, text="x", blocks=[section(text=mrkdwn("s" * 3001))])

    assert caught.value.response["response_metadata"]["messages"] == [
        "[ERROR] failed to match all allowed schemas [json-pointer:/blocks/0/text]",
        "[ERROR] must be less than 3001 characters [json-pointer:/blocks/0/text/text]",
    ]


def test_markdown_blocks_are_limited_together() -> None:
    assert block_errors([{"type": "markdown", "text": "m" * 6000}] * 2) == []
    assert len(block_errors([{"type": "markdown", "text": "m" * 6001}] * 2)) == 1


def test_every_fault_of_a_message_is_told_at_once() -> None:
    errors = block_errors([{"type": "banner"}, section(), actions(button(value=""))])

    assert [error.rpartition(":")[2] for error in errors] == [
        "/blocks/0/type]",
        "/blocks/1]",
        "/blocks/2/elements/0/value]",
    ]


@pytest.mark.parametrize("nonsense", [None, "x", 1, [None], [[]], [{"type": ["x"]}], [{"type": "section", "text": 1}]])
def test_nonsense_is_refused_and_not_tripped_over(nonsense: Any) -> None:
    assert block_errors(nonsense)


def blocks_of_length(length: int) -> list[Block]:
    blocks = [section(text=mrkdwn("é" * 2500)) for _ in range(5)]
    blocks.append(section(text=mrkdwn("é" * (length - serialised_length([*blocks, section(text=mrkdwn(""))])))))
    assert serialised_length(blocks) == length
    return blocks


def test_blocks_that_are_too_much_together_are_too_long(slack: LocalSlack, client: WebClient) -> None:
    client.chat_postMessage(channel=CHANNEL, text="fallback", blocks=blocks_of_length(MAX_SERIALISED_BLOCKS))
    with pytest.raises(SlackApiError) as caught:
        client.chat_postMessage(channel=CHANNEL, text="fallback", blocks=blocks_of_length(MAX_SERIALISED_BLOCKS + 1))

    assert caught.value.response["error"] == "msg_blocks_too_long"
    assert len(slack.messages(CHANNEL)) == 1


def test_an_update_is_held_to_the_same_limits(slack: LocalSlack, client: WebClient) -> None:
    first = client.chat_postMessage(channel=CHANNEL, text="fallback", blocks=ticket_blocks())
    with pytest.raises(SlackApiError) as caught:
        client.chat_update(channel=CHANNEL, ts=first["ts"], blocks=[{"type": "divider"}] * 51)

    assert caught.value.response["error"] == "invalid_blocks"
    assert slack.messages(CHANNEL)[0].edits == ()


def test_takes_a_ticket_and_a_digest_and_gives_every_block_an_id(slack: LocalSlack, client: WebClient) -> None:
    client.chat_postMessage(channel=CHANNEL, text="ticket", blocks=ticket_blocks())
    client.chat_postMessage(channel=CHANNEL, text="digest", blocks=digest_blocks())

    for message in slack.messages(CHANNEL):
        ids = [block["block_id"] for block in message.blocks]
        assert len(set(ids)) == len(ids)
    assert "acts" in [block["block_id"] for block in slack.messages(CHANNEL)[0].blocks]
