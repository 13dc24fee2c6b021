"""Nothing in the repository may look like a credential: push protection and scanners would rightly stop it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from functions.playbooks.plaintext_secrets.classifier.keys import pem
from functions.playbooks.plaintext_secrets.classifier.providers import tokens_in
from functions.playbooks.plaintext_secrets.classifier.urls import url
from functions.playbooks.plaintext_secrets.classifier.verdict import Verdict, harmless
from tests.unit.secrets.drawn import github_token

ROOT = Path(__file__).parents[3]
_LONGEST = 20_000
_CAPABILITIES = ("slack-webhook", "discord-webhook", "teams-webhook", "azure-sas", "telegram-token")


def findings(text: str) -> list[str]:
    """Return the kinds of what looks like an issued token, a private key or a webhook in a text."""
    found = [verdict.kind for verdict in tokens_in(text)]
    key = pem(text) if "-----BEGIN" in text else None
    if key is not None and key.secret:
        found.append(key.kind)
    for address in re.findall(r"https://[^\s\"'`<>]{20,400}", text):
        hook = url(address, _nothing)
        if hook is not None and hook.secret and hook.kind in _CAPABILITIES:
            found.append(hook.kind)
    return found


def _nothing(name: str, value: str) -> Verdict:  # noqa: ARG001 - the shape that a judge of parts has
    return harmless("plain", "only whole addresses are looked at here")


def tracked() -> list[Path]:
    """Return the files that are, or will be, in the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT, capture_output=True, check=True, text=True,
    )  # fmt: skip
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def test_no_file_holds_what_looks_like_a_credential() -> None:
    found: dict[str, list[str]] = {}
    for path in tracked():
        if path.name == "uv.lock":  # digests of packages, and nothing else, 400 KB of them
            continue
        text = path.read_bytes().decode("utf-8", "replace")
        parts = (text[start : start + _LONGEST] for start in range(0, len(text), _LONGEST))
        kinds = [kind for part in parts for kind in findings(part)]
        if kinds:
            found[str(path.relative_to(ROOT))] = kinds
    assert found == {}


def test_the_search_would_find_one() -> None:
    assert findings(f"token = {github_token()!r}") == ["github-token"]
