"""The state of the local Slack: what is in its channels, who waits for news, and the log of calls."""

import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from warden.local.slack_limits import (
    MESSAGE_BURST,
    MESSAGES_PER_SECOND,
    TIER_3_PER_MINUTE,
    Fault,
    RateLimit,
)
from warden.local.slack_messages import BOT_USER, Channel, Edit, Message

# The scopes an app manifest of this project asks for.
SCOPES = ("chat:write", "channels:history", "groups:history", "usergroups:read")
TIMESTAMP = re.compile(r"\d{1,10}\.\d{6}")

Availability = Literal["up", "unavailable", "reset", "refused"]


@dataclass(frozen=True)
class Request:
    """One call of the Web API, refused ones included. `arguments` never hold the token."""

    at: float
    method: str
    arguments: Mapping[str, Any]
    status: int
    error: str | None
    retry_after: int | None = None

    @property
    def ok(self) -> bool:
        """Whether the caller was told that it worked."""
        return self.status == 200 and self.error is None

    def to_json(self) -> dict[str, Any]:
        """For other processes (`GET /_warden/requests`)."""
        return {
            "at": self.at,
            "method": self.method,
            "arguments": dict(self.arguments),
            "status": self.status,
            "ok": self.ok,
            "error": self.error,
            "retry_after": self.retry_after,
        }


@dataclass
class _Thread:
    """A channel's message and the replies under it, as the workspace stores them."""

    parent: Message
    replies: list[Message] = field(default_factory=list)

    def message(self) -> Message:
        return replace(self.parent, replies=tuple(self.replies))


class Workspace:
    """Channels and messages behind one lock; every change wakes those who wait in `changes_after`."""

    def __init__(
        self,
        channels: Iterable[Channel],
        *,
        rate: float | None = MESSAGES_PER_SECOND,
        burst: float = MESSAGE_BURST,
        tier_3_per_minute: float | None = TIER_3_PER_MINUTE,
        scopes: Iterable[str] = SCOPES,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.lock = threading.RLock()
        self.scopes = tuple(scopes)
        self.rate = RateLimit(rate, burst)
        tier_3 = None if tier_3_per_minute is None else tier_3_per_minute / 60
        self.tier_3 = RateLimit(tier_3, tier_3_per_minute or 1)
        self.faults: list[Fault] = []
        self.availability: Availability = "up"
        self.closed = False
        self.requests: deque[Request] = deque(maxlen=20_000)
        self._now = now
        self._last_micros = 0
        self._changed = threading.Condition(self.lock)
        self._channels: dict[str, Channel] = {}
        self._threads: dict[str, dict[str, _Thread]] = {}
        # The parents of changed threads in order, None for a change of the channels or of the availability.
        self._changes: list[tuple[str, str] | None] = []
        for channel in channels:
            self._add(channel)

    def _add(self, channel: Channel) -> None:
        if self.channel(channel.id) or self.channel(channel.name):
            raise ValueError(f"two channels are called {channel.name} or have the id {channel.id}")
        self._channels[channel.id] = channel
        self._threads[channel.id] = {}

    def time(self) -> float:
        """Seconds since the epoch, by the workspace's clock."""
        return self._now()

    # --- channels

    @property
    def channels(self) -> list[Channel]:
        """As they are now, in the order they were given."""
        with self.lock:
            return list(self._channels.values())

    def channel(self, id_or_name: str) -> Channel | None:
        """The channel with this id or name (with or without `#`), or None."""
        name = id_or_name.removeprefix("#")
        with self.lock:
            named = (channel for channel in self._channels.values() if channel.name == name)
            return self._channels.get(id_or_name) or next(named, None)

    def known_channel(self, id_or_name: str) -> Channel:
        """The channel with this id or name; raises `KeyError` with a sentence if there is none."""
        channel = self.channel(id_or_name)
        if channel is None:
            raise KeyError(f"the local Slack has no channel {id_or_name}")
        return channel

    def set_channel(self, id_or_name: str, *, member: bool | None = None, archived: bool | None = None) -> None:
        """Invites or removes the bot, archives the channel or takes it back."""
        with self._changed:
            channel = self.known_channel(id_or_name)
            self._channels[channel.id] = replace(
                channel,
                member=channel.member if member is None else member,
                archived=channel.archived if archived is None else archived,
            )
            self._tell(None)

    def set_availability(self, availability: Availability) -> None:
        """Switches the whole Web API off or on."""
        with self._changed:
            self.availability = availability
            self._tell(None)

    def close(self) -> None:
        """Lets everyone who waits for changes go."""
        with self._changed:
            self.closed = True
            self._changed.notify_all()

    # --- messages

    def messages(self, id_or_name: str) -> list[Message]:
        """The channel's messages, oldest first, each with its replies; copies, safe to change."""
        with self.lock:
            threads = self._threads[self.known_channel(id_or_name).id]
            return [deepcopy(thread.message()) for thread in threads.values()]

    def find(self, channel: Channel, ts: str) -> Message | None:
        """The message or reply with this ts (a parent with its replies), or None."""
        with self.lock:
            threads = self._threads[channel.id]
            if ts in threads:
                return threads[ts].message()
            replies = (reply for thread in threads.values() for reply in thread.replies)
            return next((reply for reply in replies if reply.ts == ts), None)

    def post(
        self,
        channel: Channel,
        text: str,
        *,
        user: str = BOT_USER,
        blocks: Iterable[Any] = (),
        metadata: Mapping[str, Any] | None = None,
        thread_ts: str | None = None,
        broadcast: bool = False,
    ) -> Message:
        """Stores a message. `thread_ts`: the ts of an existing parent, or None."""
        with self._changed:
            message = Message(
                channel=channel.id,
                ts=self._next_ts(),
                text=text,
                user=user,
                blocks=tuple(blocks),
                metadata=metadata,
                thread_ts=thread_ts,
                broadcast=broadcast,
            )
            threads = self._threads[channel.id]
            if thread_ts is None:
                threads[message.ts] = _Thread(message)
            else:
                threads[thread_ts].replies.append(message)
            self._tell((channel.id, thread_ts or message.ts))
            return message

    def edit(self, message: Message, changes: Mapping[str, Any], *, shows: bool) -> Message:
        """Stores a new version of `message` under its ts, the old one among its edits.

        `changes`: new values of text, blocks, metadata. `shows`: whether the message is marked "(edited)".
        """
        with self._changed:
            now = self._now()
            before = Edit(now, message.text, message.blocks, message.metadata)
            after = replace(message, **changes, edits=(*message.edits, before), replies=())
            if shows:
                after = replace(after, edited=now)
            threads = self._threads[message.channel]
            if message.thread_ts is None:
                threads[message.ts].parent = after
            else:
                replies = threads[message.thread_ts].replies
                replies[[reply.ts for reply in replies].index(message.ts)] = after
            self._tell((message.channel, message.thread_ts or message.ts))
            return after

    def _next_ts(self) -> str:
        """Seconds and microseconds, unique and increasing whatever the clock does."""
        self._last_micros = max(int(self._now() * 1_000_000), self._last_micros + 1)
        return f"{self._last_micros // 1_000_000}.{self._last_micros % 1_000_000:06d}"

    # --- news

    def _tell(self, change: tuple[str, str] | None) -> None:
        self._changes.append(change)
        self._changed.notify_all()

    def snapshot(self) -> tuple[int, list[Message]]:
        """The number of changes so far and every message of every channel."""
        with self.lock:
            everything = [self.messages(channel) for channel in self._channels]
            return len(self._changes), [message for messages in everything for message in messages]

    def changes_after(self, seen: int, timeout: float) -> tuple[int, list[Message], bool]:
        """Waits up to `timeout` seconds for changes after number `seen`.

        Returns the new number, the threads that changed (each once, as they stand now) and whether the channels
        or the availability changed.
        """
        with self._changed:
            self._changed.wait_for(lambda: self.closed or len(self._changes) > seen, timeout)
            fresh = self._changes[seen:]
            threads = dict.fromkeys(change for change in fresh if change is not None)
            messages = [deepcopy(self._threads[channel][ts].message()) for channel, ts in threads]
            return seen + len(fresh), messages, None in fresh
