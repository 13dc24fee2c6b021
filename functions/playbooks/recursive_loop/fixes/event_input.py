"""What a rule's target is handed of an event: a constant, a part of it, or a template filled from it. Pure.

EventBridge user guide, "Amazon EventBridge input transformation"; API reference, Target and InputTransformer. Whatever
these leave open is not guessed: then it is not known what the target is handed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_PATH = re.compile(r"\$(?:\.[\w/-]+|\[\d+\])*", re.ASCII)
_STEP = re.compile(r"\.([\w/-]+)|\[(\d+)\]", re.ASCII)
_TEXT_OR_VARIABLE = re.compile(r'"(?:\\.|[^"\\])*"|<([\w.-]+)>', re.ASCII | re.DOTALL)
_VARIABLE = re.compile(r"<([\w.-]+)>", re.ASCII)


@dataclass(frozen=True)
class Rule:
    """What a template may say of the rule."""

    name: str
    arn: str


class _NotKnown(Exception):
    """What the documentation does not tell."""


class _NotThere(Exception):
    """The event has nothing at a path."""


def handed(target: Mapping[str, Any], event: object, rule: Rule) -> object | None:
    """Return the JSON value that a target, as ListTargetsByRule returns it, is handed; None if that is not known."""
    try:
        if "Input" in target:
            return _parsed(target["Input"])
        if "InputPath" in target:
            return _at(event, target["InputPath"])
        if "InputTransformer" in target:
            return _parsed(_filled(target["InputTransformer"], event, rule))
    except (_NotKnown, _NotThere):
        return None
    return event


def _parsed(text: str) -> object:
    """A JSON value; what a template makes may be none, as values are put into it as they are."""
    try:
        found: object = json.loads(text)
    except ValueError:
        raise _NotKnown from None
    return found


def _at(event: object, path: str) -> object:
    if _PATH.fullmatch(path) is None:
        raise _NotKnown
    found: Any = event
    for step in _STEP.finditer(path):
        try:
            found = found[step[1]] if step[1] is not None else found[int(step[2])]
        except (KeyError, IndexError, TypeError):
            raise _NotThere from None
    return found


def _filled(transformer: Mapping[str, Any], event: object, rule: Rule) -> str:
    """Put the variables into the template: as JSON where a value stands, as bare text inside a string."""
    paths = transformer.get("InputPathsMap") or {}

    def value(name: str) -> object:
        if name in paths:
            try:
                return _at(event, paths[name])
            except _NotThere:
                # "That variable isn't created and won't appear in the output": the output has an empty string.
                return ""
        reserved = {
            "aws.events.rule-name": rule.name,
            "aws.events.rule-arn": rule.arn,
            "aws.events.event.json": event,
        }
        # The event does not say when it was taken in, nor in which form <aws.events.event> names its fields.
        if name not in reserved:
            raise _NotKnown
        return reserved[name]

    def fill(part: re.Match[str]) -> str:
        if part[1] is not None:
            return _as_json(value(part[1]))
        return _VARIABLE.sub(lambda variable: _as_text(value(variable[1])), part[0])

    return _TEXT_OR_VARIABLE.sub(fill, transformer["InputTemplate"])


def _as_json(value: object) -> str:
    if value is None or isinstance(value, str):
        return f'"{_as_text(value)}"'
    return json.dumps(value)


def _as_text(value: object) -> str:
    """Return a value as it stands inside a string; of nested ones, and of what JSON escapes, the form is not told."""
    text = value if isinstance(value, str) else json.dumps(value)
    if value is None or isinstance(value, dict | list) or json.dumps(text, ensure_ascii=False) != f'"{text}"':
        raise _NotKnown
    return text
