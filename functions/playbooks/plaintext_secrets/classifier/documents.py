"""Documents that hold a secret somewhere inside: JSON, and whatever base64 hides."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterator
from typing import Any

from functions.playbooks.plaintext_secrets.classifier import keys
from functions.playbooks.plaintext_secrets.classifier.names import read
from functions.playbooks.plaintext_secrets.classifier.pattern import Pattern
from functions.playbooks.plaintext_secrets.classifier.verdict import Verdict, harmless

Judge = Callable[[str, str], Verdict]

_LONGEST = 70_000
_MOST = 400  # leaves looked at in one document
_DEEPEST = 12
_BASE64 = Pattern(r"[A-Za-z0-9+/]{16,}={0,2}|[A-Za-z0-9_-]{16,}={0,2}")


def json_document(name: str, text: str, judge: Judge) -> Verdict | None:
    """Judge a JSON object or list by its leaves; None where the text is no JSON."""
    if text[:1] not in "{[" or len(text) > _LONGEST:
        return None
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, (dict, list)):
        return None
    found = keys.jwk(document)
    if found is not None:
        return found
    best: Verdict | None = None
    for number, (key, leaf) in enumerate(_leaves(document, "", 0)):
        if number >= _MOST:
            break
        found = judge(_leaf_name(name, key), leaf)
        if found.secret and (best is None or found.confidence == "high"):
            best = found.inside("the JSON")
            if best.confidence == "high":
                return best
    return best or harmless("settings", "it is JSON without a secret in it")


def _leaf_name(outer: str, key: str) -> str:
    """Call a leaf by its own key where that says something, else by the variable: API_KEYS=["…"]."""
    hint = read(key)
    if key and (hint.role != "plain" or not read(outer).credential):
        return key
    return outer


def _leaves(node: Any, key: str, depth: int) -> Iterator[tuple[str, str]]:
    if depth > _DEEPEST:
        return
    if isinstance(node, dict):
        for inner_key, inner in node.items():
            yield from _leaves(inner, inner_key if not (inner_key in ("value", "Value") and key) else key, depth + 1)
    elif isinstance(node, list):
        for inner in node:
            yield from _leaves(inner, key, depth + 1)
    elif isinstance(node, str):
        yield key, node
    elif isinstance(node, int) and not isinstance(node, bool) and len(str(node)[:20]) > 3:
        yield key, str(node)[:20]


def base64_document(name: str, text: str, judge_structure: Judge) -> Verdict | None:
    """Judge what a base64 text decodes to; None where it is none, or decodes to noise."""
    data = _decoded(text)
    if data is None:
        return None
    found = keys.der(data)
    if found is not None:
        return found
    if data[:4] == b"\xfe\xed\xfe\xed":
        return harmless("key-store", "it is a Java key store, which a password protects", "medium")
    try:
        decoded = data.decode()
    except UnicodeDecodeError:
        return None
    if len(decoded) < 8 or not all(character.isprintable() or character in "\r\n\t" for character in decoded[:4000]):
        return None
    found = judge_structure(name, decoded.strip())
    if found.secret:
        return found.inside("the base64 text")
    if found.kind in ("certificate", "public-key"):
        return found
    # Readable text is what it says; short texts may be chance, and are left to the name.
    return (
        harmless("settings", "it is base64 of a text without a secret in it", "medium") if len(decoded) >= 14 else None
    )


def _decoded(text: str) -> bytes | None:
    compact = text.replace("\n", "").replace("\\n", "").replace(" ", "") if len(text) > 60 else text
    if not 16 <= len(compact) <= _LONGEST or not _BASE64.fullmatch(compact):
        return None
    body = compact.rstrip("=").replace("-", "+").replace("_", "/")
    body = body[: len(body) - (len(body) % 4 == 1)]
    try:
        return base64.b64decode(body + "=" * (-len(body) % 4))
    except (ValueError, binascii.Error):
        return None
