"""A local Slack without rate limits, and slack_sdk's client for it."""

from collections.abc import Iterator
from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from warden.local.slack import Channel, LocalSlack

from .sample_messages import CHANNEL, CHANNEL_NAME, TOKEN


def client_of(slack: LocalSlack, token: str = TOKEN) -> WebClient:
    """A client with nothing but its base URL changed, and no retries of its own."""
    return WebClient(token=token, base_url=slack.api_url, retry_handlers=[])


def error_of(call: Any, **arguments: Any) -> str:
    """The code of Slack's refusal of a call, which comes with HTTP 200."""
    with pytest.raises(SlackApiError) as caught:
        call(**arguments)
    assert caught.value.response.status_code == 200
    assert caught.value.response["ok"] is False
    return str(caught.value.response["error"])


@pytest.fixture
def slack() -> Iterator[LocalSlack]:
    channels = [
        Channel(CHANNEL, CHANNEL_NAME),
        Channel("C0NOTJOINED", "not-joined", member=False),
        Channel("C0ARCHIVED1", "old-alerts", archived=True),
    ]
    with LocalSlack(TOKEN, channels, rate=None, tier_3_per_minute=None) as running:
        yield running


@pytest.fixture
def client(slack: LocalSlack) -> WebClient:
    return client_of(slack)
