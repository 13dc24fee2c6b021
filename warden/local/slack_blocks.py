"""What Slack refuses in a message's Block Kit blocks, in Slack's own words.

Limits: Slack documentation, "Block Kit" reference (blocks, block elements, composition objects) and the limits
`slack_sdk.models.blocks` carries. The sentences are those Slack returns in `errors` and
`response_metadata.messages` of an `invalid_blocks` answer, as quoted in public bug reports.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

Check = Callable[[object, str, list[str]], None]  # value, its JSON pointer, where to add sentences

MAX_BLOCKS = 50
# Slack documents no total. bolt-js issue 2509 measured refusals from about 13,200 characters.
MAX_SERIALISED_BLOCKS = 13_200
# Counted over all markdown blocks of one message ("Markdown block" page).
MAX_MARKDOWN = 12_000

# Blocks and elements Slack accepts in a message that nothing here sends: passed on unread.
_UNREAD_BLOCKS = frozenset(
    {
        *("alert", "call", "card", "carousel", "container", "context_actions"),
        *("file", "input", "plan", "table", "task_card", "video"),
    }
)
_UNREAD_ELEMENTS = frozenset(
    {
        *("channels_select", "conversations_select", "external_select", "users_select"),
        *("multi_channels_select", "multi_conversations_select", "multi_external_select"),
        *("multi_static_select", "multi_users_select", "checkboxes", "radio_buttons"),
        *("datepicker", "datetimepicker", "timepicker", "workflow_button"),
    }
)


def block_errors(blocks: object) -> list[str]:
    """What Slack finds wrong with `blocks`, one sentence with its JSON pointer each; empty if it accepts them."""
    errors: list[str] = []
    _items(_BLOCK, MAX_BLOCKS, minimum=0)(blocks, "/blocks", errors)
    if isinstance(blocks, list):
        _unique(blocks, "block_id", "/blocks", errors)
        _markdown_total(blocks, errors)
    return errors


def serialised_length(blocks: object) -> int:
    """Characters of `blocks` as compact JSON: what `msg_blocks_too_long` is about."""
    return len(json.dumps(blocks, ensure_ascii=False, separators=(",", ":")))


def _say(errors: list[str], sentence: str, pointer: str) -> None:
    errors.append(f"{sentence} [json-pointer:{pointer}]")


def _string(limit: int | None = None, *, minimum: int = 1) -> Check:
    def check(value: object, pointer: str, errors: list[str]) -> None:
        if not isinstance(value, str):
            _say(errors, "must provide a string", pointer)
        elif len(value) < minimum:
            _say(errors, f"must be more than {minimum - 1} characters", pointer)
        elif limit is not None and len(value) > limit:
            _say(errors, f"must be less than {limit + 1} characters", pointer)

    return check


def _enum(*allowed: str) -> Check:
    def check(value: object, pointer: str, errors: list[str]) -> None:
        if value not in allowed:
            _say(errors, "must be a valid enum value", pointer)

    return check


def _boolean(value: object, pointer: str, errors: list[str]) -> None:
    if not isinstance(value, bool):
        _say(errors, "must provide a boolean", pointer)


def _integer(value: object, pointer: str, errors: list[str]) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        _say(errors, "must provide a number", pointer)


def _items(item: Check, limit: int | None = None, *, minimum: int = 1) -> Check:
    def check(value: object, pointer: str, errors: list[str]) -> None:
        if not isinstance(value, list):
            _say(errors, "must provide an array", pointer)
            return
        if len(value) < minimum:
            _say(errors, f"no less than {minimum} items allowed", pointer)
        if limit is not None and len(value) > limit:
            _say(errors, f"no more than {limit} items allowed", pointer)
        for index, each in enumerate(value):
            item(each, f"{pointer}/{index}", errors)

    return check


def _object(required: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    """An object with these properties, `type`, and no other: Slack refuses what its schema does not name."""
    properties = {**required, **(optional or {})}

    def check(value: object, pointer: str, errors: list[str]) -> None:
        if not isinstance(value, dict):
            _say(errors, "must provide an object", pointer)
            return
        for name in required:
            if name not in value:
                _say(errors, f"missing required field: {name}", pointer)
        for name, content in value.items():
            if name in properties:
                properties[name](content, f"{pointer}/{name}", errors)
            elif name != "type":
                _say(errors, f"invalid additional property: {name}", pointer)

    return check


def _typed(kinds: Mapping[str, Check], unread: frozenset[str] = frozenset()) -> Check:
    def check(value: object, pointer: str, errors: list[str]) -> None:
        if not isinstance(value, dict):
            _say(errors, "must provide an object", pointer)
            return
        kind = value.get("type")
        if kind is None:
            _say(errors, "missing required field: type", pointer)
        elif isinstance(kind, str) and kind in kinds:
            kinds[kind](value, pointer, errors)
        elif not isinstance(kind, str) or kind not in unread:
            _say(errors, f"unsupported type: {kind}", f"{pointer}/type")

    return check


def _text(limit: int, *kinds: str) -> Check:
    """A text object; Slack names the object itself, then the reason."""
    string = _string(limit)
    shapes = {
        "plain_text": _object({"text": string}, {"emoji": _boolean}),
        "mrkdwn": _object({"text": string}, {"verbatim": _boolean}),
    }
    shape = _typed({kind: shapes[kind] for kind in kinds or tuple(shapes)})

    def check(value: object, pointer: str, errors: list[str]) -> None:
        reasons: list[str] = []
        shape(value, pointer, reasons)
        if reasons:
            _say(errors, "failed to match all allowed schemas", pointer)
            errors.extend(reasons)

    return check


def _plain(limit: int) -> Check:
    return _text(limit, "plain_text")


def _block(required: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    return _object(required, {"block_id": _string(255), **(optional or {})})


def _unique(items: Sequence[object], name: str, pointer: str, errors: list[str]) -> None:
    seen: Counter[str] = Counter()
    for index, item in enumerate(items):
        value = item.get(name) if isinstance(item, dict) else None
        if isinstance(value, str):
            seen[value] += 1
            if seen[value] > 1:
                _say(errors, f'`{name}` "{value}" already exists', f"{pointer}/{index}/{name}")


def _markdown_total(blocks: Sequence[object], errors: list[str]) -> None:
    texts = [block.get("text") for block in blocks if isinstance(block, dict) and block.get("type") == "markdown"]
    lengths = [len(text) for text in texts if isinstance(text, str)]
    if sum(lengths) > MAX_MARKDOWN >= max(lengths):
        _say(errors, f"markdown blocks must be less than {MAX_MARKDOWN + 1} characters in total", "/blocks")


_CONFIRM = _object(
    {"title": _plain(100), "text": _text(300), "confirm": _plain(30), "deny": _plain(30)},
    {"style": _enum("primary", "danger")},
)
_OPTION = _object({"text": _text(75), "value": _string(150)}, {"description": _text(75), "url": _string(3000)})
_ACTION_ID = {"action_id": _string(255)}
_IMAGE: dict[str, Check] = {"image_url": _string(3000), "alt_text": _string(2000)}
_ELEMENTS: dict[str, Check] = {
    "button": _object(
        {"text": _plain(75)},
        _ACTION_ID
        | {
            "url": _string(3000),
            "value": _string(2000),
            "style": _enum("primary", "danger"),
            "confirm": _CONFIRM,
            "accessibility_label": _string(75),
        },
    ),
    "overflow": _object({"options": _items(_OPTION, 5)}, _ACTION_ID | {"confirm": _CONFIRM}),
    "static_select": _object(
        {"options": _items(_OPTION, 100)},
        _ACTION_ID
        | {"placeholder": _plain(150), "initial_option": _OPTION, "confirm": _CONFIRM, "focus_on_load": _boolean},
    ),
}
_INTERACTIVE = _typed(_ELEMENTS, _UNREAD_ELEMENTS)
_ACCESSORY = _typed(_ELEMENTS | {"image": _object(_IMAGE)}, _UNREAD_ELEMENTS)
_TEXT_3000 = _text(3000)


def _section(value: object, pointer: str, errors: list[str]) -> None:
    if isinstance(value, dict) and not {"text", "fields"} & value.keys():
        _say(errors, "must define either `text` or `fields`", pointer)
        return
    _SECTION(value, pointer, errors)


def _actions(value: object, pointer: str, errors: list[str]) -> None:
    _ACTIONS(value, pointer, errors)
    elements = value.get("elements") if isinstance(value, dict) else None
    if isinstance(elements, list):
        _unique(elements, "action_id", f"{pointer}/elements", errors)


def _context_element(value: object, pointer: str, errors: list[str]) -> None:
    if isinstance(value, dict) and value.get("type") == "image":
        _object(_IMAGE)(value, pointer, errors)
    else:
        _TEXT_3000(value, pointer, errors)


_STYLED: dict[str, Check] = {
    "style": _object({}, dict.fromkeys(("bold", "italic", "strike", "code", "underline", "highlight"), _boolean))
}
_LEAF = _typed(
    {
        "text": _object({"text": _string()}, _STYLED),
        "link": _object({"url": _string(3000)}, _STYLED | {"text": _string(minimum=0), "unsafe": _boolean}),
        "emoji": _object({"name": _string()}, _STYLED | {"unicode": _string(), "skin_tone": _integer}),
        "user": _object({"user_id": _string()}, _STYLED),
        "usergroup": _object({"usergroup_id": _string()}, _STYLED),
        "channel": _object({"channel_id": _string()}, _STYLED),
        "broadcast": _object({"range": _enum("here", "channel", "everyone")}, _STYLED),
        "color": _object({"value": _string()}, _STYLED),
        "date": _object(
            {"timestamp": _integer, "format": _string()}, _STYLED | {"url": _string(), "fallback": _string()}
        ),
    }
)
_RICH_SECTION = _object({"elements": _items(_LEAF, minimum=0)})
_BORDERED = _object({"elements": _items(_LEAF, minimum=0)}, {"border": _integer, "language": _string()})
_RICH = _typed(
    {
        "rich_text_section": _RICH_SECTION,
        "rich_text_preformatted": _BORDERED,
        "rich_text_quote": _BORDERED,
        "rich_text_list": _object(
            {"elements": _items(_RICH_SECTION), "style": _enum("bullet", "ordered")},
            {"indent": _integer, "offset": _integer, "border": _integer},
        ),
    }
)
_SECTION = _block(
    {}, {"text": _TEXT_3000, "fields": _items(_text(2000), 10), "accessory": _ACCESSORY, "expand": _boolean}
)
_ACTIONS = _block({"elements": _items(_INTERACTIVE, 25)})
_BLOCK = _typed(
    {
        "header": _block({"text": _plain(150)}),
        "section": _section,
        "context": _block({"elements": _items(_context_element, 10)}),
        "divider": _block({}),
        "actions": _actions,
        "image": _block(_IMAGE, {"title": _plain(2000)}),
        "markdown": _block({"text": _string(MAX_MARKDOWN)}),
        "rich_text": _block({"elements": _items(_RICH)}),
    },
    _UNREAD_BLOCKS,
)
