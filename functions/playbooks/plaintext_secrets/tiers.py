"""The two tiers of a function's secrets: what is moved without asking, and what a person decides. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from functions.playbooks.plaintext_secrets.classifier import names
from functions.playbooks.plaintext_secrets.classifier.classify import classify
from functions.playbooks.plaintext_secrets.classifier.verdict import Verdict

Secrets = Mapping[str, Verdict]
"""By the variable's name, in order."""


def secrets_in(variables: Mapping[str, str]) -> tuple[Secrets, Secrets]:
    """Return the secrets among a function's variables by name: those that are so beyond doubt, and the others."""
    verdicts = {name: classify(name, value, tuple(variables)) for name, value in sorted(variables.items())}
    secrets = {name: verdict for name, verdict in verdicts.items() if verdict.secret}
    sure = {name: verdict for name, verdict in secrets.items() if verdict.confidence == "high"}
    # A key's id is of no use without its key: the two are moved, and rotated, as one.
    families = {names.split(name)[:1] for name in sure}
    pairs = {n: v for n, v in secrets.items() if v.kind == "access-key-id" and names.split(n)[:1] in families}
    sure = dict(sorted({**sure, **pairs}.items()))
    return sure, {name: verdict for name, verdict in secrets.items() if name not in sure}
