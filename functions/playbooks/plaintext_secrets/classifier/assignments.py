"""Texts of several settings, one of which is a secret: ODBC and libpq strings, JAAS, YAML, .npmrc, command lines."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from functions.playbooks.plaintext_secrets.classifier.names import read
from functions.playbooks.plaintext_secrets.classifier.pattern import Pattern
from functions.playbooks.plaintext_secrets.classifier.placeholders import placeholder
from functions.playbooks.plaintext_secrets.classifier.randomness import is_uuid, origin
from functions.playbooks.plaintext_secrets.classifier.verdict import Verdict, secret

Judge = Callable[[str, str], Verdict]

_LONGEST = 20_000
_MOST = 300  # settings looked at in one value
_SEMICOLON = Pattern(r"\s*([A-Za-z_][\w .\-]{0,60}?)\s*=\s*(.*?)\s*", 16)
_EQUALS = Pattern(
    r"(?<![\w.\-])(?:--?|-[DPE]|//[\w.\-]{1,100}/:)?([A-Za-z_][\w.\-]{0,60})[\"']?\s{0,3}(?::=|=>|=)\s{0,3}"
    r"(?:\\?\"([^\"\n\\]{1,500})|'([^'\n]{1,500})'|([^\s;,\"'&]{1,500}))"
)
_COLON = Pattern(
    r"(?:^|[\n{,]|\\n)[ \t]{0,40}-?[ \t]{0,4}[\"']?([A-Za-z_][\w.\-]{0,60})[\"']?[ \t]{0,3}:(?:[ \t]{1,3}|(?=[\"']))"
    r"(?:\"([^\"\n]{1,500})(?:\"|$)|'([^'\n]{1,500})'|([^\s\"',}{\\]{1,500}))[ \t]{0,3}(?=$|[\n,}\\]|\r)"
)
_FLAG = Pattern(
    r"(?:^|\s)(--?[A-Za-z][\w\-]{0,40})(?:\s{1,3}|=)(?:\"([^\"\n]{1,500})\"|'([^'\n]{1,500})'|([^\s\-\"'][^\s\"']{0,500}))"
)
_MYSQL = Pattern(r"\bmysql(?:dump|admin)?\b[^\n]{0,200}?\s-p([^\s\-][^\s]{2,100})")
_SQL = Pattern(
    r"\b(?:IDENTIFIED\s{1,3}(?:WITH\s{1,3}[\w\"']{1,40}\s{1,3})?BY|PASSWORD)\s{0,3}=?\s{0,3}['\"]([^'\"\n]{3,200})['\"]",
    2,
)
_NETRC = Pattern(r"\blogin\s{1,5}(\S{1,100})\s{1,5}(?:password|passwd)\s{1,5}(\S{1,200})")
_XML = Pattern(r"<([A-Za-z][\w.\-]{0,40})>([^<>]{1,500})</")
_ATTRIBUTES = Pattern(r"\b(?:key|name|id)=[\"']([A-Za-z][\w.\-]{0,60})[\"']\s{1,5}value=[\"']([^\"'<>]{1,500})[\"']")
_PGPASS = Pattern(
    r"(?:[\w\-]{1,80}\.[\w.\-]{1,100}|localhost|\*):(?:\d{4,5}|\*):[\w\-*]{1,63}:[A-Za-z_*][\w\-]{0,63}:(\S{3,200})"
)
_HEADER = Pattern(
    r"(?:[\"']?[\w-]{1,40}[\"']?\s{0,2}[:=]\s{0,2})?[\"']?(Bearer|Basic|Token|ApiKey|API-Key|Api-Token|Splunk|SSWS|GenieKey|OAuth|JWT|"
    r"ApiKeyAuth|Bot|PRIVATE-TOKEN|Key|key|apikey)[ =]{1,2}([^\s\"',;]{6,4000})[\"']?", 2
)  # fmt: skip
_WEAK = frozenset(("sig", "signature", "auth", "authentication"))


def header(text: str, judge: Judge) -> Verdict | None:
    """Judge the value of an Authorization header: Bearer …, Basic …, Token …."""
    match = _HEADER.fullmatch(text[:5000])
    if match is None:
        return None
    scheme, credential = match[1].lower(), match[2]
    if placeholder(credential) is not None:
        return None
    if scheme == "key" and len(credential) < 20:
        return None
    inner = judge("token", credential)
    certain = inner.secret or origin(credential) == "generated" or is_uuid(credential)
    if not certain and not (len(credential) >= 12 and any(character.isdigit() for character in credential)):
        return None
    verdict = secret(
        "authorization-header", "high", "it is a ready-made Authorization header", "what follows the scheme"
    )
    return verdict if certain else verdict.weaker()


def assignments(text: str, judge: Judge, *, headers: bool = False) -> Verdict | None:
    """Judge a text that sets several things; the strongest secret of them, None where there is none.

    In a list of `headers` a generated value is a key, whatever its header is called (x-honeycomb-team=…).
    """
    if not ("=" in text or ":" in text or " " in text or "<" in text):
        return None
    text = text[:_LONGEST].replace('\\"', '"')
    best: Verdict | None = None
    for number, (name, value, container) in enumerate(_pairs(text)):
        if number >= _MOST:
            break
        hint = read(name)
        if not hint.credential and name.lower() not in _WEAK and not headers:
            continue
        found = judge("api_key" if headers and len(value) >= 16 and origin(value) == "generated" else name, value)
        if found.secret and (best is None or found.confidence == "high"):
            best = found.inside(container, _kind(container, found))
            if best.confidence == "high":
                return best
    return best


def _kind(container: str, found: Verdict) -> str:
    return "connection-string" if container == "the connection string" else found.kind


def _pairs(text: str) -> Iterator[tuple[str, str, str]]:
    if "=" in text:
        yield from _of_connection_string(text)
        for match in _EQUALS.finditer(text):
            yield match[1], _first(match), "the settings" if "\n" in text else "the connection string"
    if ":" in text:
        for match in _COLON.finditer(text):
            yield match[1], _first(match), "the document"
        line = _PGPASS.fullmatch(text.strip()[:600])
        if line:
            yield "password", line[1], "the .pgpass line"
    if " " in text:
        yield from _of_command(text)
    if "<" in text:
        for pattern in (_ATTRIBUTES, _XML):
            for match in pattern.finditer(text):
                yield match[1], match[2], "the XML"


def _first(match: re.Match[str]) -> str:
    """Return what was captured by the alternatives after the name: in double quotes, in single quotes, bare."""
    return next((group for group in match.groups()[1:] if group), "")


def _of_connection_string(text: str) -> Iterator[tuple[str, str, str]]:
    if text.count(";") < 1 or "\n" in text:
        return
    for piece in text.split(";"):
        match = _SEMICOLON.fullmatch(piece[:2000])
        if match and match[2]:
            yield match[1].replace(" ", "_"), match[2].strip("\"'"), "the connection string"


def _of_command(text: str) -> Iterator[tuple[str, str, str]]:
    for match in _FLAG.finditer(text):
        flag, value = match[1].lstrip("-"), _first(match)
        if flag in ("u", "user") and ":" in value:
            yield "password", value.partition(":")[2], "the command line"
        elif flag in ("H", "header"):
            yield "token", value.rpartition(" ")[2], "the command line"
        elif flag in ("a", "p", "w") and _runs(text, flag):
            yield "password", value, "the command line"
        elif len(flag) > 1:
            yield flag, value, "the command line"
    for found in (_MYSQL.search(text), _SQL.search(text)):
        if found:
            yield "password", found[1], "the command line"
    for match in _NETRC.finditer(text):
        yield "password", match[2], "the .netrc"


def _runs(text: str, flag: str) -> bool:
    programs = {"a": ("redis-cli",), "p": ("sshpass", "docker login", "mysql", "mongo"), "w": ("ldap",)}
    return any(program in text for program in programs[flag])
