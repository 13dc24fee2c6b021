"""What the name of a variable says of its value: DB_PASSWORD, dbPass, PGPASSWORD, motDePasse, TOKEN_TTL."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from functions.playbooks.plaintext_secrets.classifier import vocabulary as v

Role = Literal[
    "password", "token", "secret", "key", "login",  # a credential
    "connection", "setting", "location", "identifier", "hash", "public", "data-key", "encrypted",  # something else
    "mention", "plain",  # nothing for sure
]  # fmt: skip
CREDENTIAL_ROLES: frozenset[Role] = frozenset(("password", "token", "secret", "key", "login"))

_PART = re.compile(
    r"(?:sha|SHA|Sha)(?:1|256|384|512)|(?:base|Base|BASE)64|[Bb]64|[Ss]3|[Kk]8[Ss]|[Ee][Cc]2|[Xx]509|[Mm][Dd]5|[Vv]\d+|[Ii]18[Nn]"
    r"|(?:oauth|OAuth|OAUTH|Oauth)2?|(?:auth|Auth|AUTH)0|[Pp]12|[Ee][Dd]25519|[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+"
)
_PUBLIC_BUILDS = (
    ("next", "public"), ("nuxt", "public"), ("expo", "public"), ("react", "app"), ("vite",), ("gatsby",),
    ("vue", "app"), ("public",), ("storybook",),
)  # fmt: skip
_INVERTIBLE: dict[str, Role] = {"password": "password", "key": "key", "token": "token", "secret": "secret"}
_LOGINS = frozenset(("user", "login", "email", "sid", "host", "client", "account"))
_LONGEST = 128


@dataclass(frozen=True)
class Hint:
    """What a name says. `strong` where the name leaves no doubt; `public` where a browser build will ship the value."""

    role: Role
    words: tuple[str, ...]
    strong: bool = True
    public: bool = False
    provider: str = ""

    @property
    def credential(self) -> bool:
        """Whether the name says that the value is a credential."""
        return self.role in CREDENTIAL_ROLES

    @property
    def called(self) -> str:
        """How a sentence calls what the name promises."""
        if self.role == "key":
            kinds = [word for word in self.words[:-1] if word in _KEY_KINDS]
            return _KEY_KINDS[kinds[-1]] if kinds else "key"
        return _CALLED.get(self.role, "credential")


_KEY_KINDS = {
    "api": "api key", "secret": "secret key", "private": "private key", "signing": "signing key", "sign": "signing key",
    "hmac": "signing key", "encryption": "encryption key", "aes": "encryption key", "fernet": "encryption key",
    "access": "access key", "license": "license key", "master": "encryption key", "crypto": "encryption key",
}  # fmt: skip
_CALLED = {"password": "password", "token": "token", "secret": "secret", "login": "login"}


@lru_cache(maxsize=4096)
def read(name: str) -> Hint:
    """Read a name in any style and in several languages. Never raises."""
    words = split(name[:_LONGEST])
    public = _published(words)
    provider = next((word for word in words if word in v.PROVIDERS), "")
    kept = _without_qualifiers(words)
    if not kept:
        return Hint("plain", words, public=public)
    role, strong = _role(kept, provider)
    return Hint(role, kept, strong, public, provider)


def _published(words: tuple[str, ...]) -> bool:
    """Tell whether a browser build takes the variable in: NEXT_PUBLIC_X, ACME_NEXT_PUBLIC_X, VITE_X."""
    return any(
        words[at : at + len(build)] == build
        for build in _PUBLIC_BUILDS
        for at in range(1 if len(build) == 1 else len(words))
    )


def companion(name: str, others: Collection[str]) -> bool:
    """Tell whether a sibling is the user, host or id that a credential of this stem goes with: X_USER beside X_AUTH."""
    stem = _stem(split(name[:_LONGEST]))
    return any(_completes(stem, other) for other in list(others)[:200] if other != name)


def _completes(stem: tuple[str, ...], other: str) -> bool:
    words = split(other[:_LONGEST])
    return len(words) > len(stem) and words[: len(stem)] == stem and words[-1] in _LOGINS | {"id"} and bool(stem)


def _stem(words: tuple[str, ...]) -> tuple[str, ...]:
    cut = len(words)
    while cut > 0 and (words[cut - 1] in v.CREDENTIAL or words[cut - 1] in ("access", "api")):
        cut -= 1
    return words[:cut]


@lru_cache(maxsize=8192)
def split(name: str) -> tuple[str, ...]:
    """Return the words of a name in lower case, each as one word per meaning (`pwd` is `password`)."""
    found: list[str] = []
    if name.lower() in ("sk", "ak"):
        return (name.lower(),)  # a sort key of DynamoDB, not somebody's secret key
    for part in _PART.findall(name):
        for word in _segments(part.lower()):
            found.extend(v.JOINED.get(word) or (v.ALIASES.get(word, word),))
    return _with_phrases(found)


def _with_phrases(words: list[str]) -> tuple[str, ...]:
    out: list[str] = []
    for word in words:
        out.append(word)
        for size in (3, 2):
            phrase = v.PHRASES.get(tuple(out[-size:]))
            if phrase and len(out) >= size:
                out[-size:] = phrase
                break
    return tuple(out)


def _segments(run: str) -> list[str]:
    """Cut DBPASSWORD into db and password: the cheapest cover by known words, unknown letters costing most."""
    if len(run) < 5 or run in v.WORDS or run.isdigit():
        return [run]
    best: list[tuple[float, int, bool]] = [(0.0, 0, True)]
    for end in range(1, len(run) + 1):
        before, _, known = best[end - 1]
        option = (before + (4.0 if known and end > 1 else 2.0), end - 1, False)
        for start in range(max(0, end - 14), end - 1):
            if run[start:end] in v.WORDS:
                cost = 4.0 if end - start == 2 else 2.5 if end - start == 3 else 1.0
                option = min(option, (best[start][0] + cost, start, True))
        best.append(option)
    return _cut(run, best)


def _cut(run: str, best: list[tuple[float, int, bool]]) -> list[str]:
    pieces: list[tuple[str, bool]] = []
    end = len(run)
    while end > 0:
        _, start, known = best[end]
        if not known and pieces and not pieces[-1][1]:
            pieces[-1] = (run[start:end] + pieces[-1][0], False)
        else:
            pieces.append((run[start:end], known))
        end = start
    words = [word for word, _ in reversed(pieces)]
    covered = sum(len(word) for word, known in pieces if known)
    # A short word inside an unknown one is chance ("hidden" holds "id"); a long one is not.
    longest = max((len(word) for word, known in pieces if known), default=0)
    rest = min((len(word) for word, known in pieces if not known), default=9)
    # ACMEPASSWORD ends with the known word; in "publication" it is the stem of another.
    partly = pieces[0][1] and (longest >= 5 or (longest >= 4 and rest >= 3))
    return words if covered == len(run) or partly else [run]


def _without_qualifiers(words: tuple[str, ...]) -> tuple[str, ...]:
    cut = len(words)
    while cut > 1 and (words[cut - 1] in v.QUALIFIERS or words[cut - 1].isdigit() or len(words[cut - 1]) == 1):
        cut -= 1
    return words[:cut]


def _role(words: tuple[str, ...], provider: str) -> tuple[Role, bool]:
    head, before = words[-1], words[:-1]
    if head == "id" and before[-1:] == ("secret",) and {"vault", "approle"} & set(words):
        return "secret", True  # an AppRole's secret id is a password, whatever it is called
    if head in v.CREDENTIAL:
        return _credential_role(head, before, provider)
    mentions = any(word in v.CREDENTIAL for word in before)
    if mentions and {"encrypted", "ciphertext", "sealed"} & set(words):
        return "encrypted", True
    if before and before[-1] in _INVERTIBLE and head in v.INVERTED:
        return _INVERTIBLE[before[-1]], before[
            -1
        ] != "secret"  # PASSWORD_ROOT, and how Romance languages say it: senha_banco
    noun = _noun_role(head)
    if noun is not None:
        return noun, mentions
    if head in ("login", "logins") or (head == "basic" and {"authentication", "http"} & set(before)):
        return "login", True
    if head == "hmac" or (head in ("signing", "encryption") and provider):
        return "secret", False
    # PROVIDER_ACCESS, PROVIDER_PRIVATE: somebody left "key" out.
    return ("mention", False) if mentions or (head in ("access", "private") and before) else ("plain", False)


def _noun_role(head: str) -> Role | None:
    if head in v.IDENTIFIERS:
        return "identifier"
    if head in v.HASHES:
        return "hash"
    if head in v.CONNECTIONS:
        return "connection"
    if head in v.LOCATIONS:
        return "location"
    if head in v.SETTINGS:
        return "setting"
    if head in ("certificate", "jwks", "jwk", "publickey"):
        return "public"
    return "encrypted" if head in ("encrypted", "ciphertext", "sealed") else None


def _credential_role(head: str, before: tuple[str, ...], provider: str) -> tuple[Role, bool]:
    about = _about_credentials(head, before)
    if about is not None:
        return about, True
    if head == "key":
        return _key_role(before, provider)
    if head in v.PASSWORD:
        return "password", head not in ("clave", "pin")
    if head in ("credential", "authentication"):
        return ("login", True) if not provider or head == "credential" else ("token", True)
    return ("token", True) if head in v.TOKEN else ("secret", True)


def _about_credentials(head: str, before: tuple[str, ...]) -> Role | None:
    """Return the role of a name that ends like a credential's and yet speaks only about one: USE_TOKEN, PAD_TOKEN."""
    last = before[-1] if before else ""
    if head != "key" and {"encrypted", "ciphertext", "cipher", "kms"} & set(before):
        return "encrypted"
    if head == "secret" and last in ("pull", "tls", "external", "sealed"):
        return "location"  # how Kubernetes calls the objects that hold them
    if (before and (before[0] in v.VERBS or last in v.VERBS)) or (head == "token" and last in v.TEXT_TOKENS):
        return "setting"
    if head in v.TOKEN and last in ("public", "publishable", "anon", "site", "browser"):
        return "public"
    if head == "cookie":
        # Nodes of Erlang's distribution log in with theirs; the others are names of cookies.
        return "secret" if "erlang" in before else "location"
    return "connection" if head == "webhook" else None


def _key_role(before: tuple[str, ...], provider: str) -> tuple[Role, bool]:
    last = before[-1] if before else ""
    if last in v.PUBLIC or (last == "search" and provider) or {"search", "only"} <= set(before):
        return "public", True  # the key of a search engine that browsers search with
    if last in ("routing", "event") and provider:
        return "key", True
    if (
        last in ("token", "password", "jwt")
        or (last == "storage" and set(before) & v.TOKEN)
        or (last in v.DATA_KEYS and not {"api", "private", "access"} & set(before))
    ):
        return "data-key", True
    if any(word in v.KEY_STRONG or word in v.CREDENTIAL for word in before) or provider:
        return "key", True
    return "key", False
