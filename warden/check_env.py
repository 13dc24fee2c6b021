"""`check-env`: which environment variables hold a secret in plain text, without ever printing a value."""

from __future__ import annotations

import json
import os
import secrets
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import click
from rich.markup import escape

from functions.playbooks.plaintext_secrets.classifier.classify import classify
from functions.playbooks.plaintext_secrets.classifier.verdict import Verdict, fingerprint
from warden.output import as_table


@dataclass(frozen=True)
class Variable:
    """One line of input. Its `repr` is without the value, as is everything printed of it."""

    id: str | int
    name: str
    value: str
    function: str | None

    def __repr__(self) -> str:
        return f"Variable({self.id!r}, {self.name!r})"


class BadLine(ValueError):
    """A line that cannot be judged; the text says what is wrong with it and quotes nothing of it."""


@click.command("check-env")
@click.argument("file", type=click.File("rb"), default="-", metavar="[FILE|-]")
@click.option("--json", "json_", is_flag=True, help="One JSON line for each line of input, in the same order.")
@click.option(
    "--fingerprints",
    is_flag=True,
    help="Tie equal secrets together: equal values have equal fingerprints within this run, or under one "
    "WARDEN_FINGERPRINT_KEY; without the key they tell nothing.",
)
def check_env(file: BinaryIO, json_: bool, fingerprints: bool) -> None:
    """Tell which environment variables are plaintext secrets, and why.

    FILE has one JSON object a line: {"id", "name", "value"}, and "function" where several variables belong to one.
    Values are judged, and never printed. Exits with 1 when there is a secret among them.
    """
    variables, bad = _read(file)
    answers = list(_judged(variables))
    key = (os.environ.get("WARDEN_FINGERPRINT_KEY", "").encode() or secrets.token_bytes(32)) if fingerprints else b""
    if json_:
        for variable, verdict in answers:
            click.echo(_line(variable, verdict, key))
    else:
        _table([(variable, verdict) for variable, verdict in answers if verdict.secret], len(answers), key)
    for problem in bad:
        click.echo(f"warden: {problem}", err=True)
    if bad:
        raise SystemExit(2)
    if any(verdict.secret for _, verdict in answers):
        raise SystemExit(1)


def _read(file: BinaryIO) -> tuple[list[Variable], list[str]]:
    variables: list[Variable] = []
    bad: list[str] = []
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        try:
            variables.append(_variable(line, number))
        except BadLine as problem:
            bad.append(f"line {number}: {problem}")
    return variables, bad


def _variable(line: bytes, number: int) -> Variable:
    try:
        found = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
    except UnicodeDecodeError:
        raise BadLine("is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise BadLine(f"is not JSON from column {error.colno} on") from None
    except (ValueError, RecursionError):  # a number of too many digits, brackets of too many levels
        raise BadLine("is not JSON that can be read") from None
    if not isinstance(found, dict):
        raise BadLine('is not an object such as {"id": …, "name": …, "value": …}')
    for field in ("name", "value"):
        if field not in found:
            raise BadLine(f"has no {field!r}")
        if not isinstance(found[field], str):
            raise BadLine(f"has a {field!r} that is not a text")
    identifier, function = found.get("id", number), found.get("function")
    if not isinstance(identifier, (str, int)):
        raise BadLine("has an 'id' that is neither a text nor a number")
    return Variable(identifier, found["name"], found["value"], None if function is None else str(function))


def _judged(variables: Iterable[Variable]) -> Iterator[tuple[Variable, Verdict]]:
    variables = list(variables)
    beside: dict[str, list[str]] = defaultdict(list)
    for variable in variables:
        if variable.function is not None:
            beside[variable.function].append(variable.name)
    for variable in variables:
        others = beside[variable.function] if variable.function is not None else ()
        yield variable, classify(variable.name, variable.value, others)


def _line(variable: Variable, verdict: Verdict, key: bytes) -> str:
    tie = {"fingerprint": fingerprint(variable.value, key)} if key and verdict.secret else {}
    # Escaped to ASCII: an id may hold half a surrogate pair, which no encoding can write.
    return json.dumps(
        {
            "id": variable.id,
            "name": variable.name,
            "secret": verdict.secret,
            "kind": verdict.kind,
            "confidence": verdict.confidence,
            "reason": verdict.reason,
            **tie,
        }
    )


def _table(found: list[tuple[Variable, Verdict]], judged: int, key: bytes) -> None:
    as_table(
        ("ID", "NAME", "KIND", "CONFIDENCE", "WHY", *(("FINGERPRINT",) if key else ())),
        [
            (
                *(_shown(str(v.id)), _shown(v.name), verdict.kind, verdict.confidence, escape(_sentence(verdict))),
                *((fingerprint(v.value, key),) if key else ()),
            )
            for v, verdict in found
        ],
        f"no plaintext secrets among {judged} variables",
    )


def _shown(text: str) -> str:
    return escape("".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text))


def _sentence(verdict: Verdict) -> str:
    return f"{verdict.reason} ({verdict.part})" if verdict.part else verdict.reason
