"""Entry point: every outcome becomes a ticket that people can read."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import datetime
from typing import Any

from functions.adapters.clock import iso, now
from functions.adapters.desk import FLUSH, Desk
from functions.adapters.environment import hub
from functions.adapters.errors import AWS_ERRORS, TryLater, trouble
from functions.adapters.queue import Delivery
from functions.adapters.slack import Slack
from functions.core.event import Forged, Trust, read_event
from functions.core.judgement import forged_event
from functions.core.message import REQUESTS, Message, NotAMessage, read_message

_TOKEN_SECONDS = 300

HUB = hub()
_kept: dict[str, tuple[float, Slack]] = {}


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Take an SQS batch of our own events, or one bare event."""
    return HUB.queue.process(event, tell, context)


def tell(delivery: Delivery) -> str:
    """Write one event into its ticket and show it."""
    event = delivery.event
    # What comes by the bus has an account; a member that sends this source is forging.
    if isinstance(event, dict) and set(event) == {"source", "digest"} and event["source"] == FLUSH:
        DESK.flush(str(event["digest"]))
        return "digest"
    message = _message(event)
    DESK.take(message)
    return message.kind.value


def _message(event: object) -> Message:
    if not isinstance(event, dict):
        raise NotAMessage("the event is not an object")
    if event.get("account") == HUB.account and event.get("source") == "warden":
        return _asked_when_sent(read_message(event.get("detail-type"), event.get("detail")), event.get("time"))
    reading = read_event(event, Trust(HUB.account, ()))
    if isinstance(reading, Forged):
        return forged_event(reading, iso(now()))
    because = f"only AWS's own events come from members, not {str(event.get('source'))[:80]!r}"
    return forged_event(
        Forged(event["account"], event["region"], because, str(event.get("id") or ""), event["source"]), iso(now())
    )


def _asked_when_sent(message: Message, sent: object) -> Message:
    """Put a person's request no later than EventBridge took it: the clock of their machine is not ours."""
    if message.kind not in REQUESTS or not isinstance(sent, str):
        return message
    try:
        taken = iso(datetime.fromisoformat(sent))
    except (ValueError, OverflowError):
        return message
    return replace(message, at=min(message.at, taken), asked=message.at)


def _slack() -> Slack:
    """Return the channel, with a token that is read anew every few minutes so that it can be rotated."""
    until, slack = _kept.get("slack", (0.0, None))
    if slack is None or until < time.monotonic():
        slack = Slack(_token(), HUB.variables["WARDEN_SLACK_API_URL"], HUB.variables["WARDEN_SLACK_CHANNEL"])
        _kept["slack"] = (time.monotonic() + _TOKEN_SECONDS, slack)
    return slack


def _token() -> str:
    """Read the bot token; without one tickets wait, they are not lost. The secret never gets into an error's text."""
    secret_id = HUB.variables["WARDEN_SLACK_SECRET"]
    try:
        secret = HUB.aws.hub("secretsmanager").get_secret_value(SecretId=secret_id)
        return str(json.loads(secret["SecretString"])["bot_token"])
    except AWS_ERRORS as error:
        raise TryLater(f"the Slack token cannot be read: {trouble(error).code}", first=5) from None
    except (ValueError, KeyError, TypeError):
        raise TryLater(f"{secret_id} is not JSON with a bot_token", first=30) from None


DESK = Desk(
    store=HUB.store,
    slack=_slack,
    queue=HUB.queue,
    channel=HUB.variables["WARDEN_SLACK_CHANNEL"],
    digest_after=int(HUB.variables["WARDEN_DIGEST_AFTER"]),
)
