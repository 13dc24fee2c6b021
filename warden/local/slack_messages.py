"""What the local Slack keeps: channels, people and messages, and their JSON for the page and other processes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

BOT_NAME = "lambda-warden"
BOT_USER = "U0WARDENBOT"
BOT_ID = "B0WARDENBOT"
APP_ID = "A0WARDENAPP"
TEAM_ID = "T0LOCAL0001"


@dataclass(frozen=True)
class Channel:
    """A channel of the local workspace. `member`: whether the bot was invited to it."""

    id: str
    name: str
    member: bool = True
    archived: bool = False

    @classmethod
    def parse(cls, text: str) -> "Channel":
        """A channel from `name`, `C0123456789` or `C0123456789:name`; a missing half is made from the other."""
        head, _, tail = text.partition(":")
        if tail:
            return cls(head, tail.removeprefix("#"))
        if is_channel_id(head):
            return cls(head, head.lower())
        name = head.removeprefix("#")
        letters = "".join(letter for letter in name.upper() if letter.isalnum())
        return cls(f"C{letters[:10]:0<10}", name)

    def to_json(self) -> dict[str, Any]:
        """For the page and for other processes (`GET /_warden/status`)."""
        return {"id": self.id, "name": self.name, "member": self.member, "archived": self.archived}


def is_channel_id(text: str) -> bool:
    """Whether `text` has the form of a channel id rather than of a name (names are lower case in Slack)."""
    return len(text) >= 9 and text[0] in "CG" and text.isalnum() and text == text.upper()


@dataclass(frozen=True)
class Edit:
    """A version of a message that a later `chat.update` replaced. `until`: seconds since the epoch."""

    until: float
    text: str
    blocks: Sequence[Any]
    metadata: Mapping[str, Any] | None


@dataclass(frozen=True)
class Message:
    """A message as it stands, its earlier versions, and (on a thread's parent) the replies, oldest first.

    `user` is who wrote it: the bot's user id, or a person's name. `edited` is the time of the last edit that
    shows as "(edited)"; Slack shows none for an update that brings blocks ("chat.update" page).
    """

    channel: str
    ts: str
    text: str
    user: str = BOT_USER
    blocks: Sequence[Any] = ()
    metadata: Mapping[str, Any] | None = None
    thread_ts: str | None = None
    broadcast: bool = False
    edited: float | None = None
    edits: tuple[Edit, ...] = ()
    replies: tuple["Message", ...] = field(default=())

    @property
    def by_bot(self) -> bool:
        """Whether the bot wrote it, and so may update it."""
        return self.user == BOT_USER

    def to_json(self) -> dict[str, Any]:
        """For the page and for other processes (`GET /_warden/messages`)."""
        return {
            "channel": self.channel,
            "ts": self.ts,
            "user": BOT_NAME if self.by_bot else self.user,
            "app": self.by_bot,
            "text": self.text,
            "blocks": list(self.blocks),
            "metadata": self.metadata,
            "thread_ts": self.thread_ts,
            "broadcast": self.broadcast,
            "edited": self.edited,
            "edits": [
                {"until": edit.until, "text": edit.text, "blocks": list(edit.blocks), "metadata": edit.metadata}
                for edit in self.edits
            ],
            "replies": [reply.to_json() for reply in self.replies],
        }

    def to_web_api(self, *, with_metadata: bool) -> dict[str, Any]:
        """As `chat.postMessage`, `conversations.history` and `conversations.replies` return it."""
        record: dict[str, Any] = {"type": "message", "user": self.user, "ts": self.ts, "text": self.text}
        if self.by_bot:
            record |= {"bot_id": BOT_ID, "app_id": APP_ID, "team": TEAM_ID}
        if self.blocks:
            record["blocks"] = list(self.blocks)
        if self.edited is not None:
            record["edited"] = {"user": self.user, "ts": f"{self.edited:.6f}"}
        if self.thread_ts and self.broadcast:
            record["subtype"] = "thread_broadcast"
        if self.thread_ts:
            record |= {"thread_ts": self.thread_ts}
        if self.replies:
            writers = list(dict.fromkeys(reply.user for reply in self.replies))
            record |= {
                "thread_ts": self.ts,
                "reply_count": len(self.replies),
                "reply_users_count": len(writers),
                "reply_users": writers,
                "latest_reply": self.replies[-1].ts,
            }
        if with_metadata and self.metadata:
            record["metadata"] = dict(self.metadata)
        return record
