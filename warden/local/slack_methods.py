"""The Web API methods of the local Slack.

Behaviour from the Slack documentation's method pages (`auth.test`, `chat.postMessage`, `chat.update`,
`conversations.history`, `conversations.replies`) and its "Rate limits" and "Message metadata" pages.
"""

import base64
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from warden.local.slack_arguments import Arguments, RefusedError
from warden.local.slack_limits import Fault, RateLimit
from warden.local.slack_messages import BOT_ID, BOT_NAME, BOT_USER, TEAM_ID, Channel, Message
from warden.local.slack_workspace import TIMESTAMP, Request, Workspace

Method = Callable[[Arguments], dict[str, Any]]


@dataclass(frozen=True)
class Answer:
    """What goes over HTTP: status, headers beside the content type, and the JSON body."""

    body: Mapping[str, Any]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def refusal(cls, refused: RefusedError) -> "Answer":
        """HTTP 200 with the error's code, or 429 where there is a time to wait."""
        body = {"ok": False, "error": refused.error, **refused.more}
        if refused.retry_after is None:
            return cls(body)
        return cls(body, 429, {"Retry-After": str(refused.retry_after)})

    @classmethod
    def spoilt(cls, fault: Fault) -> "Answer":
        """The answer a planned fault asks for."""
        by_status = {429: "ratelimited", 503: "service_unavailable"}
        error = fault.error or by_status.get(fault.status, "internal_error")
        seconds = 1 if fault.retry_after is None and fault.status == 429 else fault.retry_after
        headers = {} if seconds is None else {"Retry-After": str(seconds)}
        return cls({"ok": False, "error": error}, fault.status, headers)


class WebApi:
    """Carries out calls on a workspace and logs them. `url` is the page's, as `auth.test` names it."""

    def __init__(self, workspace: Workspace, token: str, url: str) -> None:
        self._workspace = workspace
        self._token = token
        self._url = url
        self._methods: dict[str, tuple[str | None, Method]] = {
            "auth.test": (None, self._auth_test),
            "chat.postMessage": ("chat:write", self._post_message),
            "chat.update": ("chat:write", self._update),
            "conversations.history": ("channels:history", self._history),
            "conversations.replies": ("channels:history", self._replies),
        }

    def call(self, method: str, arguments: Arguments, token: str | None) -> Answer:
        """One call: planned faults first, then the method. `token`: as it came, or None."""
        with self._workspace.lock:
            fault = next((fault for fault in self._workspace.faults if fault.spoils(method)), None)
            if fault is None:
                answer = self._carry_out(method, arguments, token)
            else:
                if fault.applied:
                    self._carry_out(method, arguments, token)
                answer = Answer.spoilt(fault)
            self.log(method, arguments, answer)
            return answer

    def log(self, method: str, arguments: Arguments, answer: Answer) -> None:
        """Adds a call to the workspace's log; calls that never reach a method are logged by the HTTP layer."""
        seconds = answer.headers.get("Retry-After")
        self._workspace.requests.append(
            Request(
                at=self._workspace.time(),
                method=method,
                arguments=arguments.values,
                status=answer.status,
                error=answer.body.get("error"),
                retry_after=None if seconds is None else int(seconds),
            )
        )

    def _carry_out(self, method: str, arguments: Arguments, token: str | None) -> Answer:
        try:
            act = self._permitted(method, token)
            scopes = ",".join(self._workspace.scopes)
            return Answer({"ok": True, **act(arguments)}, headers={"X-OAuth-Scopes": scopes})
        except RefusedError as refused:
            return Answer.refusal(refused)

    def _permitted(self, method: str, token: str | None) -> Method:
        if method not in self._methods:
            raise RefusedError("unknown_method", {"req_method": method})
        if not token:
            raise RefusedError("not_authed")
        if not hmac.compare_digest(token.encode(), self._token.encode()):
            raise RefusedError("invalid_auth")
        scope, act = self._methods[method]
        if scope is not None and scope not in self._workspace.scopes:
            raise RefusedError("missing_scope", {"needed": scope, "provided": ",".join(self._workspace.scopes)})
        return act

    # --- methods

    def _auth_test(self, _arguments: Arguments) -> dict[str, Any]:
        return {
            "url": self._url,
            "team": "local",
            "user": BOT_NAME,
            "team_id": TEAM_ID,
            "user_id": BOT_USER,
            "bot_id": BOT_ID,
            "is_enterprise_install": False,
        }

    def _post_message(self, arguments: Arguments) -> dict[str, Any]:
        channel = self._workspace.channel(arguments.string("channel"))
        if channel is None:
            raise RefusedError("channel_not_found")
        if channel.archived:
            raise RefusedError("is_archived")
        if not channel.member:
            raise RefusedError("not_in_channel")
        _within(self._workspace.rate, channel.id)
        text, blocks = arguments.content()
        message = self._workspace.post(
            channel,
            text,
            blocks=blocks,
            metadata=arguments.metadata(),
            thread_ts=self._thread(channel, arguments.string("thread_ts")),
            broadcast=arguments.flag("reply_broadcast"),
        )
        return {"channel": channel.id, "ts": message.ts, "message": message.to_web_api(with_metadata=True)}

    def _thread(self, channel: Channel, thread_ts: str) -> str | None:
        """The ts of the thread's parent; a reply's ts stands for the thread it is in."""
        if not thread_ts:
            return None
        if not TIMESTAMP.fullmatch(thread_ts):
            raise RefusedError.because("invalid_thread_ts", f"{thread_ts} is not a valid thread_ts")
        parent = self._workspace.find(channel, thread_ts)
        if parent is None:
            raise RefusedError("thread_not_found")
        return parent.thread_ts or parent.ts

    def _update(self, arguments: Arguments) -> dict[str, Any]:
        channel = self._channel_by_id(arguments)
        if channel.archived:
            raise RefusedError("is_inactive")
        _within(self._workspace.tier_3, "chat.update")
        message = self._workspace.find(channel, arguments.string("ts"))
        if message is None:
            raise RefusedError("message_not_found")
        if not message.by_bot:
            raise RefusedError("cant_update_message")
        changes = arguments.changes()
        after = self._workspace.edit(message, changes, shows=not changes.get("blocks"))
        record = after.to_web_api(with_metadata=True)
        return {"channel": channel.id, "ts": after.ts, "text": after.text, "message": record}

    def _history(self, arguments: Arguments) -> dict[str, Any]:
        channel = self._readable_channel(arguments)
        _within(self._workspace.tier_3, "conversations.history")
        parents = self._workspace.messages(channel.id)
        broadcast = [reply for parent in parents for reply in parent.replies if reply.broadcast]
        newest_first = sorted(parents + broadcast, key=lambda message: _micros(message.ts), reverse=True)
        return _page(newest_first, arguments, limit=arguments.integer("limit", 100, most=999))

    def _replies(self, arguments: Arguments) -> dict[str, Any]:
        channel = self._readable_channel(arguments)
        _within(self._workspace.tier_3, "conversations.replies")
        found = self._workspace.find(channel, arguments.string("ts"))
        parent = found and self._workspace.find(channel, found.thread_ts or found.ts)
        if parent is None:
            raise RefusedError("thread_not_found")
        limit = arguments.integer("limit", 1000, most=1000)
        return _page([parent, *parent.replies], arguments, limit=limit)

    def _channel_by_id(self, arguments: Arguments) -> Channel:
        """Only `chat.postMessage` takes a channel's name; the other methods want the id."""
        id_ = arguments.string("channel")
        channel = self._workspace.channel(id_)
        if channel is None or channel.id != id_:
            raise RefusedError("channel_not_found")
        return channel

    def _readable_channel(self, arguments: Arguments) -> Channel:
        channel = self._channel_by_id(arguments)
        if not channel.member:
            raise RefusedError("not_in_channel")
        return channel


def _within(limit: RateLimit, key: str) -> None:
    if wait := limit.take(key):
        raise RefusedError("ratelimited", retry_after=wait)


def _page(messages: list[Message], arguments: Arguments, *, limit: int) -> dict[str, Any]:
    """One page of `messages` in their order, between oldest and latest, from the cursor on."""
    oldest, latest = _bound(arguments, "oldest"), _bound(arguments, "latest")
    inclusive = arguments.flag("inclusive")

    def between(at: int) -> bool:
        if at in {oldest, latest}:
            return inclusive
        return (oldest is None or oldest < at) and (latest is None or at < latest)

    chosen = [message for message in messages if between(_micros(message.ts))]
    start = _position(chosen, arguments.string("cursor"))
    with_metadata = arguments.flag("include_all_metadata")
    page: dict[str, Any] = {
        "messages": [message.to_web_api(with_metadata=with_metadata) for message in chosen[start : start + limit]],
        "has_more": start + limit < len(chosen),
    }
    if page["has_more"]:
        cursor = f"next_ts:{chosen[start + limit].ts}"
        page["response_metadata"] = {"next_cursor": base64.b64encode(cursor.encode()).decode()}
    return page


def _bound(arguments: Arguments, name: str) -> int | None:
    """`oldest` or `latest` in microseconds; None for no bound."""
    text = arguments.string(name)
    if text in {"", "now"}:
        return None
    try:
        return _micros(text)
    except ValueError:
        raise RefusedError(f"invalid_ts_{name}") from None


def _micros(ts: str) -> int:
    """A ts in whole microseconds; a float would lose its last digits."""
    seconds, _, fraction = ts.partition(".")
    return int(seconds) * 1_000_000 + int(f"{fraction[:6]:0<6}")


def _position(messages: list[Message], cursor: str) -> int:
    """Where the page that `cursor` points to begins."""
    if not cursor:
        return 0
    try:
        ts = base64.b64decode(cursor, validate=True).decode().removeprefix("next_ts:")
        return [message.ts for message in messages].index(ts)
    except ValueError:
        raise RefusedError("invalid_cursor") from None
