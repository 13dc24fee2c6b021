"""The channel and token of these tests, and messages of the shapes the bot posts: a ticket, a digest."""

from typing import Any

TOKEN = "-".join(("xoxb", "local", "test"))
CHANNEL, CHANNEL_NAME = "C0WARDEN001", "lambda-warden"
TICKET_ID = "W-7K3MQ2"


def ticket_blocks(state: str = "Fixed", *, undone: bool = False) -> list[dict[str, Any]]:
    """A ticket of reserved-concurrency, as it stands in `state`."""
    return [
        {"type": "header", "text": _plain("Critical function had no reserved concurrency")},
        {
            "type": "section",
            "text": _mrkdwn(
                "*What was wrong*\n`orders-checkout` is tagged `warden:tier=critical` but shared the account's "
                "unreserved pool of 1000: a spike in any other function could have throttled it.\n\n"
                "*What was done*\n:white_check_mark: Reserved *45* concurrent executions: its peak of 32 over the "
                "last 14 days and 40 % on top. 955 stay unreserved, above the account's floor of 100."
            ),
        },
        {
            "type": "section",
            "fields": [
                _mrkdwn("*Function*\n<https://console.aws.amazon.com/lambda/home|orders-checkout>"),
                _mrkdwn("*Account*\nshop-production (111122223333)"),
                _mrkdwn("*Region*\neu-central-1"),
                _mrkdwn("*Made by*\ndana@example.com, role `deployer`"),
                _mrkdwn("*Severity*\n:large_orange_circle: High"),
                _mrkdwn(f"*State*\n{state}"),
            ],
        },
        {
            "type": "section",
            "text": _mrkdwn(
                "*Change*\n```before  ReservedConcurrentExecutions  (not set)\n"
                "after   ReservedConcurrentExecutions  45```"
            ),
        },
        {
            "type": "context",
            "elements": [
                _mrkdwn(f"Ticket `{TICKET_ID}`"),
                _mrkdwn(f"Take it back: `warden undo {TICKET_ID}`"),
                _mrkdwn("reserved-concurrency · enforce"),
            ],
        },
        *([] if undone else [{"type": "actions", "block_id": "acts", "elements": _buttons()}]),
    ]


def _buttons() -> list[dict[str, Any]]:
    return [
        _button("Undo", "undo", style="danger"),
        _button("Snooze 7 d", "snooze_7d"),
        _button("Exempt", "exempt"),
    ]


def _button(label: str, action_id: str, **more: str) -> dict[str, Any]:
    return {"type": "button", "text": _plain(label), "action_id": action_id, "value": TICKET_ID, **more}


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": True}


def _mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text}


def digest_blocks() -> list[dict[str, Any]]:
    """The parent of a digest of 60 findings."""
    return [
        {"type": "header", "text": _plain("60 findings in one minute: here together")},
        {
            "type": "section",
            "text": _mrkdwn(
                ":mega: The first look at account *data-platform* (444455556666) found more than one message per "
                "second could carry. Each finding is a reply in this thread, with its own ticket id."
            ),
        },
        {
            "type": "section",
            "fields": [
                _mrkdwn("*Fixed*\n:white_check_mark: 41"),
                _mrkdwn("*Waiting for approval*\n:hourglass_flowing_sand: 12"),
                _mrkdwn("*Only reported*\n:eyes: 7"),
                _mrkdwn("*Failed*\n0"),
            ],
        },
        {
            "type": "context",
            "elements": [_mrkdwn("All of them in a terminal: `warden tickets --account 444455556666`")],
        },
    ]


def digest_reply(number: int) -> str:
    """The reply about one finding of the digest."""
    return (
        f":large_yellow_circle: *etl-step-{number:02}* · eu-west-1 · no reserved concurrency · "
        f"fixed, reserved 10 · `W-D1G{number:03}`"
    )
