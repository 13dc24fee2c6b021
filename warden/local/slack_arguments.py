"""Reading the arguments of a Web API call, and refusing what Slack refuses in them."""

import json
from collections.abc import Mapping
from typing import Any

from warden.local.slack_blocks import MAX_SERIALISED_BLOCKS, block_errors, serialised_length

MAX_TEXT = 40_000
# In bytes, after Slack has escaped &, < and >: not on the method's page, measured by several projects.
MAX_UPDATED_TEXT = 4_000
# Content this server would have to check and draw, and does not: refused rather than swallowed.
_NOT_MODELLED = ("attachments", "markdown_text", "file_ids", "username", "icon_emoji", "icon_url")


class RefusedError(Exception):
    """Slack answers `ok: false` with the code `error`; `more` stands beside it in the body.

    With `retry_after` (whole seconds) the answer is HTTP 429.
    """

    def __init__(self, error: str, more: Mapping[str, Any] | None = None, retry_after: int | None = None) -> None:
        super().__init__(error)
        self.error = error
        self.more = more or {}
        self.retry_after = retry_after

    @classmethod
    def because(cls, error: str, *sentences: str) -> "RefusedError":
        """With the reasons where Slack puts them."""
        return cls(error, {"response_metadata": {"messages": [f"[ERROR] {sentence}" for sentence in sentences]}})


class Arguments:
    """The arguments of one call: from a form all text, from a JSON body the values or JSON as text."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = {name: value for name, value in values.items() if name != "token"}

    def string(self, name: str) -> str:
        """The argument as text, empty if the call does not bring it."""
        value = self.values.get(name)
        return "" if value is None else str(value)

    def flag(self, name: str) -> bool:
        """Whether the argument is true: `true` or `1` in a form."""
        return self.string(name).lower() in {"1", "true"}

    def integer(self, name: str, default: int, most: int) -> int:
        """A number from 1 to `most`."""
        text = self.string(name) or str(default)
        if not text.isdecimal() or not 1 <= int(text) <= most:
            raise RefusedError(f"invalid_{name}")
        return int(text)

    def content(self) -> tuple[str, list[Any]]:
        """Text and blocks of a new message."""
        text, blocks = self.string("text"), self._blocks() or []
        if not text.strip() and not blocks:
            raise RefusedError("no_text")
        if len(text) > MAX_TEXT:
            raise RefusedError("msg_too_long")
        return text, blocks

    def changes(self) -> dict[str, Any]:
        """What a `chat.update` replaces, by the "chat.update" page.

        Text alone removes the blocks; absent metadata stays, an empty object removes it.
        """
        text, blocks = self.string("text"), self._blocks()
        if not text.strip() and not blocks:
            raise RefusedError("no_text")
        changes: dict[str, Any] = {}
        if self.values.get("text") is not None:
            if _escaped_length(text) > MAX_UPDATED_TEXT:
                raise RefusedError("msg_too_long")
            changes |= {"text": text, "blocks": ()}
        if blocks is not None:
            changes["blocks"] = tuple(blocks)
        if self.values.get("metadata") is not None:
            changes["metadata"] = self.metadata()
        return changes

    def metadata(self) -> dict[str, Any] | None:
        """The message metadata; None if the call brings none or an empty object."""
        metadata = self._decoded("metadata", "invalid_metadata_format")
        if not metadata:
            return None
        if not isinstance(metadata, dict) or not isinstance(metadata.get("event_type"), str):
            raise RefusedError("invalid_metadata_format")
        if not isinstance(metadata.get("event_payload"), dict):
            raise RefusedError("invalid_metadata_format")
        return metadata

    def _blocks(self) -> list[Any] | None:
        """The blocks, checked and each with a block_id as Slack gives them; None if the call brings none."""
        if unknown := [name for name in _NOT_MODELLED if self.values.get(name)]:
            raise RefusedError.because("invalid_arguments", f"the local Slack cannot show {', '.join(unknown)}")
        blocks = self._decoded("blocks", "invalid_blocks_format")
        if blocks is None:
            return None
        if not isinstance(blocks, list):
            raise RefusedError("invalid_blocks_format")
        if errors := block_errors(blocks):
            refusal = RefusedError.because("invalid_blocks", *errors)
            raise RefusedError("invalid_blocks", {"errors": errors, **refusal.more})
        if serialised_length(blocks) > MAX_SERIALISED_BLOCKS:
            raise RefusedError("msg_blocks_too_long")
        return [{"block_id": f"local{number}", **block} for number, block in enumerate(blocks)]

    def _decoded(self, name: str, error: str) -> Any:
        value = self.values.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value) if value.strip() else None
        except ValueError:
            raise RefusedError(error) from None


def _escaped_length(text: str) -> int:
    """Bytes of `text` once Slack has escaped it; entities already there are not escaped again."""
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        text = text.replace(entity, character)
    return len(text.encode()) + 4 * text.count("&") + 3 * (text.count("<") + text.count(">"))
