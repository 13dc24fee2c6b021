"""Each kind of secret that is found comes with how to rotate it."""

from __future__ import annotations

import ast
import inspect
from types import ModuleType
from typing import get_args

import pytest

from functions.playbooks.plaintext_secrets import rotation
from functions.playbooks.plaintext_secrets.classifier import (
    assignments,
    classify,
    documents,
    keys,
    names,
    passwords,
    providers,
    urls,
)
from functions.playbooks.plaintext_secrets.classifier.formats import CAPABILITIES, FORMATS, SHAPES
from functions.playbooks.plaintext_secrets.rotation import advice

JUDGES = (assignments, classify, documents, keys, passwords, providers, urls)
GENERAL = advice("a kind of the future")


def of_formats() -> set[str]:
    """The kinds of issued tokens and of addresses that are keys."""
    lines = [line for table in (FORMATS, SHAPES, CAPABILITIES) for line in table.strip().splitlines()]
    kinds = {line.partition("|")[0].removeprefix("?") for line in lines}
    return {kind for kind in kinds if not kind.startswith("public:")}


def of_names() -> set[str]:
    """The kinds that a name promises: every way in which a hint may be called."""
    hints = [names.Hint(role, ("x",)) for role in get_args(names.Role)]
    hints += [names.Hint("key", (word, "key")) for word in names._KEY_KINDS]
    return {hint.called.replace(" ", "-") for hint in hints}


def written_in(module: ModuleType) -> set[str]:
    """The kinds that stand as text in a judge's calls of `secret(…)`, `_password(…, kind)` and beside `inside(…)`."""
    found: set[str] = set()
    for call in ast.walk(ast.parse(inspect.getsource(module))):
        if not isinstance(call, ast.Call):
            continue
        called = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
        place = {"secret": 0, "_password": 3, "inside": 1}.get(called)
        if place is not None and len(call.args) > place:
            # A kind may be chosen between two: "url-token" if … else "".
            found |= {
                one.value
                for one in ast.walk(call.args[place])
                if isinstance(one, ast.Constant) and isinstance(one.value, str)
            }
    return {kind for kind in found if kind and not kind.startswith("-")}


KINDS = sorted(
    of_formats()
    | of_names()
    | {kind for module in JUDGES for kind in written_in(module)}
    | {f"{urls._family(scheme)}-url" for scheme in ("postgres", "mysql", "mongodb+srv", "rediss", "https", "newsql")}
    | {"connection-string"}  # what assignments calls whatever it finds in one
)


def test_the_kinds_are_found() -> None:
    assert len(KINDS) > 170
    assert {"github-token", "slack-webhook", "azure-sas", "jwt", "pin", "login", "secret-key", "password"} <= set(KINDS)
    assert {"url-token", "connection-string", "postgresql-url", "default-password", "token"} <= set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_advice_of_its_own(kind: str) -> None:
    assert advice(kind) != GENERAL, f"{kind} has none in rotation.py"


@pytest.mark.parametrize("kind", [*KINDS, "a kind of the future", "", "-url"])
def test_advice_is_one_short_sentence_without_an_address(kind: str) -> None:
    text = advice(kind)
    assert "put it into the secret" in text
    assert text.endswith(".")
    assert "{" not in text
    assert text[0].isupper()
    assert len(text) <= 260
    assert ". " not in text
    assert "\n" not in text
    assert "http" not in text


def test_no_advice_is_left_over() -> None:
    assert rotation._OWN.keys() & rotation._ISSUERS.keys() == set()
    assert sorted({*rotation._OWN, *rotation._ISSUERS} - set(KINDS)) == []


def test_speaks_of_what_is_there() -> None:
    assert "fine-grained" in advice("github-token")
    assert "Create a new token with only the permissions it needs in Netlify" in advice("netlify-token")
    assert "Create a new webhook in Zapier" in advice("zapier-webhook")
    assert "postgresql URL" in advice("postgresql-url")
    assert "newsql URL" in advice("newsql-url")


@pytest.mark.parametrize("kind", ["token", "api-key", "netlify-token", "openai-key", "access-key-id", "stripe-key"])
def test_the_old_one_goes_when_nothing_needs_it_any_more(kind: str) -> None:
    text = advice(kind)
    assert text.index("into the secret") < text.index("the old one once the function runs with it")
