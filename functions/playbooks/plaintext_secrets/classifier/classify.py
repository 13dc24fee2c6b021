"""Is this variable a plaintext secret? Name, value and the names beside it, weighed together.

The value is asked first, since it can speak for itself: a placeholder, a reference, an issued token, a key, a document
with a password inside. Only what stays silent is judged by what the name promises.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from functions.playbooks.plaintext_secrets.classifier import assignments, documents, keys, names, urls
from functions.playbooks.plaintext_secrets.classifier.passwords import by_name
from functions.playbooks.plaintext_secrets.classifier.placeholders import placeholder
from functions.playbooks.plaintext_secrets.classifier.providers import token, tokens_in
from functions.playbooks.plaintext_secrets.classifier.references import ciphertext, reference
from functions.playbooks.plaintext_secrets.classifier.settings import description
from functions.playbooks.plaintext_secrets.classifier.verdict import Verdict, harmless

_DEEPEST = 3  # documents inside documents
_LONGEST = 32_768  # characters looked at; Lambda allows 4 KB for all variables together


def classify(name: str, value: str, others: Collection[str] = ()) -> Verdict:
    """Judge one variable. `others` are the names of the same function's variables. Pure, never raises.

    The verdict holds nothing of the value.
    """
    text = _bare(value)
    hint = names.read(name)
    verdict = _judge(name, hint, text, 0)
    if verdict.secret and hint.public and verdict.kind in ("api-key", "key", "token", "google-api-key", "public-key"):
        return harmless("publishable-key", "the name says that a browser build publishes it", "medium")
    if verdict.secret and verdict.confidence != "high" and names.companion(name, others):
        return _surer(verdict)
    return verdict


def _surer(verdict: Verdict) -> Verdict:
    raised = "high" if verdict.confidence == "medium" and verdict.kind != "access-key-id" else "medium"
    return replace(
        verdict,
        confidence="high" if raised == "high" else "medium",
        reason=f"{verdict.reason}, and the user or id that it goes with stands beside it",
    )


def _bare(value: str) -> str:
    text = value[:_LONGEST].strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" and text[0] not in text[1:-1]:
        text = text[1:-1].strip()
    return text


def _judge(name: str, hint: names.Hint, text: str, depth: int) -> Verdict:
    for look in (placeholder, ciphertext, token):
        found = look(text)
        if found is not None:
            return _with_name(found, hint)
    found = _structure(name, text, depth)
    if found is not None:
        return found
    found = reference(text) or (description(text) if not _may_be_password(hint, text) else None)
    return found or by_name(hint, text)


def _with_name(found: Verdict, hint: names.Hint) -> Verdict:
    """Let the name make a shape sure that is not one issuer's alone, or doubt it."""
    if not found.secret or found.confidence == "high" or found.kind == "access-key-id":
        return found
    if hint.credential and hint.strong and "checksum" not in found.reason:
        return replace(found, confidence="high", reason=f"{found.reason}, and the name promises such a thing")
    if hint.role in ("identifier", "hash", "public", "data-key", "location", "setting"):
        return harmless("identifier", "the name says that it is an identifier, and the value may well be one", "medium")
    return found


def _may_be_password(hint: names.Hint, text: str) -> bool:
    """A password may look like a number or a pattern, where the name leaves no doubt that it is one."""
    if hint.credential and text.isdigit():
        return hint.role == "password" or len(text) >= 16
    return hint.role == "password" and " " not in text and any(c in text for c in "!@#$%^&*+=?~")


def _structure(name: str, text: str, depth: int) -> Verdict | None:
    """Judge what the value itself shows to be a key, a document, a URL or a list of settings."""
    if len(text) < 6 or depth > _DEEPEST:
        return None
    if text.startswith(("arn:", "{{resolve:")):
        return None

    def inner(inner_name: str, inner_text: str) -> Verdict:
        bare = _bare(inner_text)
        return _judge(inner_name, names.read(inner_name), bare, depth + 1)

    found = keys.pem(text) or keys.jwt(text) or documents.json_document(name, text, inner)
    if found is not None:
        return found
    found = assignments.header(text, inner)
    if found is not None:
        return found
    link = urls.url(text, inner) if "://" in text or "@" in text or "=" in text else None
    if link is not None and link.secret:
        return link
    headers = names.read(name).words[-1:] in (("header",), ("headers",), ("cookie",))
    found = assignments.assignments(text, inner, headers=headers) or next(tokens_in(text), None) or keys.jwt_in(text)
    if found is not None and found.secret:
        return found
    if link is not None:
        return link
    found = documents.base64_document(name, text, _decoded_judge(depth))
    # A word in base64 may be the secret itself, where the name says so.
    silent = found is not None and not found.secret and found.kind == "settings" and found.confidence != "high"
    return None if silent and names.read(name).credential else found


def _decoded_judge(depth: int) -> documents.Judge:
    def judge(name: str, text: str) -> Verdict:
        hint = names.read(name)
        found = token(text) or _structure(name, text, depth + 1)
        if found is not None:
            return found
        # Base64 of user:password is how HTTP Basic sends a login.
        if hint.credential or hint.role in ("plain", "connection"):
            login = by_name(names.Hint("login", ("login",)), text)
            if login.kind == "login":
                return login
        return harmless("plain", "it decodes to plain text")

    return judge
