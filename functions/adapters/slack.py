"""Slack's Web API: post, update, and find again what a crash kept us from writing down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.error import URLError

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from functions.adapters.errors import TryLater
from functions.core.slack_text import SlackMessage, cut

# chat.postMessage: what a message can be refused for by itself, so that plain text still has a chance.
_TOO_MUCH = {"msg_too_long", "msg_blocks_too_long", "invalid_blocks", "invalid_blocks_format", "too_many_blocks"}
_NO_MORE = {"message_not_found", "thread_not_found"}
_LOOK_BACK = 200


@dataclass
class Slack:
    """One channel of a workspace. Every failure is `TryLater`: a ticket is late, never lost."""

    token: str
    api_url: str
    channel: str
    _client: WebClient = field(init=False)

    def __post_init__(self) -> None:
        self._client = WebClient(token=self.token, base_url=self.api_url, timeout=10, retry_handlers=[])

    def post(self, message: SlackMessage, thread: str = "") -> str:
        """Post a message, or a reply in a thread; return its `ts`."""
        answer = self._call(
            "chat.postMessage",
            {
                "channel": self.channel,
                "thread_ts": thread or None,
                "unfurl_links": False,
                "unfurl_media": False,
                **_content(message),
            },
        )
        return str(answer["ts"])

    def update(self, ts: str, message: SlackMessage) -> None:
        """Change a message in place."""
        self._call("chat.update", {"channel": self.channel, "ts": ts, **_content(message)})

    def find(self, message: SlackMessage, thread: str = "") -> str:
        """Find a message of ours that may have been posted already, by its metadata; return its `ts` or ''."""
        method = "conversations.replies" if thread else "conversations.history"
        arguments = {"channel": self.channel, "limit": _LOOK_BACK, "include_all_metadata": True}
        answer = self._call(method, {**arguments, "ts": thread} if thread else arguments)
        found = [m for m in answer.get("messages") or [] if _same(m.get("metadata"), message.metadata)]
        return str(found[0]["ts"]) if found else ""

    def _call(self, method: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            return self._try(method, arguments)
        except _Refused as refused:
            if refused.error in _NO_MORE:
                raise Gone(refused.error) from None
            if refused.error not in _TOO_MUCH or "blocks" not in arguments:
                raise TryLater(f"Slack refused {method}: {refused.error}", first=30) from None
        plain = {**arguments, "blocks": None, "text": cut(str(arguments["text"]), 3000)}
        try:
            return self._try(method, plain)
        except _Refused as refused:
            raise TryLater(f"Slack refused {method} even as plain text: {refused.error}", first=60) from None

    def _try(self, method: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        body = {name: value for name, value in arguments.items() if value is not None}
        try:
            answer = self._client.api_call(method, json=body)
        except SlackApiError as error:
            status = error.response.status_code
            code = str(error.response.get("error") or status)
            if status == 429 or code == "ratelimited":
                wait = int(error.response.headers.get("Retry-After") or error.response.headers.get("retry-after") or 1)
                raise TryLater("Slack asks to slow down", first=wait, cap=max(60, wait)) from None
            if status >= 500:
                raise TryLater(f"Slack answered {status}", first=2, uncertain=True) from None
            raise _Refused(code) from None
        except (SlackClientError, URLError, OSError) as error:
            refused = isinstance(getattr(error, "reason", error), ConnectionRefusedError)
            because = f"Slack cannot be reached: {type(error).__name__}"
            raise TryLater(because, first=2, uncertain=not refused) from None
        found: Mapping[str, Any] = answer.data if isinstance(answer.data, Mapping) else {}
        return found


class Gone(Exception):
    """The message, or the thread, is no longer there: somebody deleted it, or the workspace keeps nothing so long."""


class _Refused(Exception):
    """Slack understood the call and refused it."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


def _content(message: SlackMessage) -> dict[str, Any]:
    return {"text": message.text, "blocks": message.blocks, "metadata": message.metadata}


def _same(found: object, ours: Mapping[str, Any]) -> bool:
    return (
        isinstance(found, Mapping)
        and found.get("event_type") == ours["event_type"]
        and found.get("event_payload") == ours["event_payload"]
    )
