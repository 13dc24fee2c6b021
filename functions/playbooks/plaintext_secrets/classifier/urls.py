"""URLs that let their reader in: a password before the @, a token in the query, a webhook whose address is the key."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from functions.playbooks.plaintext_secrets.classifier.formats import CAPABILITIES
from functions.playbooks.plaintext_secrets.classifier.names import read
from functions.playbooks.plaintext_secrets.classifier.pattern import Pattern
from functions.playbooks.plaintext_secrets.classifier.placeholders import placeholder
from functions.playbooks.plaintext_secrets.classifier.providers import is_placeholder_body, token
from functions.playbooks.plaintext_secrets.classifier.randomness import is_hex, is_uuid, origin
from functions.playbooks.plaintext_secrets.classifier.verdict import Verdict, harmless, secret
from functions.playbooks.plaintext_secrets.classifier.vocabulary import words

_ESCAPED = Pattern(r"(?:%[0-9a-fA-F]{2})+")
Judge = Callable[[str, str], Verdict]

_MOST = 12  # URLs looked at in one value
_SCHEME = Pattern(r"[A-Za-z][A-Za-z0-9+.\-]{1,40}\Z")
_TOKEN = Pattern(r"(?:[^\s\"'`<]|<(?!/))+")
_WITHOUT_SCHEME = Pattern(r"([\w.%+\-]{1,64}):([^\s@/]{1,256})@(?:tcp|unix|tls)\([^()\s]{1,200}\)/?.*")
_BEFORE_HOST = Pattern(
    r"(?!(?:mailto|sips?|xmpp|acct|im|npm|git|docker|oci|tel):)([\w.%+\-]{0,63}[A-Za-z][\w.%+\-]{0,63}):([^\s@/:]{3,256})@"
    r"(?!sha256)(?:(?:[A-Za-z0-9\-]{1,63}\.){1,8}[A-Za-z0-9\-]{2,63}|(?:\d{1,3}\.){3}\d{1,3})(?::\d{2,5})?(?:/\S*)?"
)
_ORACLE = Pattern(
    r"(?:jdbc:oracle:(?:thin|oci8?):)?([\w$#]{1,64})/([^\s/@]{1,128})@(?://)?[\w.\-]{1,200}(?::\d+)?(?:[/:][\w.\-]+)?"
)
_WEB = frozenset(("http", "https", "ws", "wss", "git+https", "git+http"))
_LOCAL = ("localhost", "127.", "::1", "[::1]", "host.docker.internal", "example.com", "example.org")
_DEFAULTS = words(
    """password pass passwd pwd secret postgres guest root admin user test changeme mysql redis rabbitmq mongo docker
    dev example username default"""
)
_WEAK_PARAMETERS = frozenset(("key", "code", "sig", "signature", "s", "k", "t", "hash", "auth", "sign", "h"))
_SIGNED = ("x-amz-signature", "x-goog-signature")
_PAIR = Pattern(r"[?&;#]([A-Za-z_][\w.\-]{0,60})=([^&#;\s\"'<>]{1,2000})")

_CAPABILITIES = tuple(
    (kind, called, needle, Pattern(pattern))
    for kind, called, needle, pattern in (line.split("|", 3) for line in CAPABILITIES.strip().splitlines())
)


def unquote(text: str) -> str:
    """Return a part of a URL with its percent signs resolved."""
    # Written out, since importing urllib.parse takes longer than all of this module.
    if "%" not in text:
        return text
    return _ESCAPED.compiled.sub(lambda m: bytes.fromhex(m[0].replace("%", "")).decode("utf-8", "replace"), text)


def url(text: str, judge: Judge) -> Verdict | None:
    """Judge a text with URLs in it. A URL that holds no secret is harmless; None where there is no URL."""
    found = _without_scheme(text)
    if found is not None:
        return found
    seen = None
    for scheme, rest in _urls(text):
        verdict = _one(scheme, rest, judge)
        if verdict is not None and verdict.secret:
            return verdict
        seen = seen or verdict
    if seen is None and ("?" in text[:1] or "&sig=" in text) and "=" in text:
        return _query(text if text.startswith("?") else "?" + text, judge)
    return seen


def _urls(text: str) -> Iterator[tuple[str, str]]:
    position = text.find("://")
    for _ in range(_MOST):
        if position < 0:
            return
        scheme = _SCHEME.search(text[max(0, position - 41) : position])
        rest = _TOKEN.match(text[position + 3 :])
        if scheme and rest:
            yield scheme[0].lower(), rest[0]
        position = text.find("://", position + 3)


def _without_scheme(text: str) -> Verdict | None:
    for pattern in (_WITHOUT_SCHEME, _BEFORE_HOST, _ORACLE):
        match = pattern.fullmatch(text[:1000]) if "@" in text else None
        if match:
            return _password(match[1], match[2], text[match.end(2) :], "connection-string") or harmless(
                "url", "it is a connection without a password of its own"
            )
    return None


def _one(scheme: str, rest: str, judge: Judge) -> Verdict | None:
    for kind, name, needle, pattern in _CAPABILITIES:
        if needle in rest:
            match = pattern.search("//" + rest)
            if match:
                if is_placeholder_body(match[0].rstrip("/").rpartition("/")[2]):
                    return harmless("placeholder", "it is the address of a webhook with filler where the key would be")
                return secret(kind, "high", f"it is {name}: whoever knows the address can use it", "the whole URL")
    user, password, host = _userinfo(scheme, rest)
    if password:
        found = _password(user, password, host, f"{_family(scheme)}-url")
        if found is not None:
            return found
    elif user:
        found = _user_only(user, host)
        if found is not None:
            return found
    return _query(rest, judge) or harmless("url", "it is a URL without a password or token in it")


def _userinfo(scheme: str, rest: str) -> tuple[str, str, str]:
    """Return user, password and what follows the @. A raw / or ? in a password is told from the path by the @."""
    authority = rest.split("/", 1)[0].split("?", 1)[0].split("#", 1)[0]
    if "@" not in authority and scheme not in _WEB:
        head = rest.split("?", 1)[0] if "@" in rest.split("?", 1)[0] else rest
        authority = head[: head.rfind("@") + 1] if ":" in head.split("@")[0] and "@" in head else authority
    elif scheme not in _WEB and "@" in rest[len(authority) :].split("/", maxsplit=1)[0]:
        authority = rest[: rest.rfind("@") + 1]
    if "@" not in authority:
        return "", "", rest
    userinfo, _, _ = authority.rpartition("@")
    user, _, password = userinfo.partition(":")
    return unquote(user), unquote(password), rest[len(userinfo) + 1 :]


def _password(user: str, password: str, host: str, kind: str) -> Verdict | None:
    if placeholder(password) is not None or password.startswith(("${", "{{", "<", "$", "%(", "{", "[")):
        return None
    local = host.lower().startswith(_LOCAL) or any(host.lower().startswith(f"@{name}") for name in _LOCAL)
    if password.lower() in _DEFAULTS or password == user:
        if local or (user.lower() in ("user", "username", "foo") and password.lower() in _DEFAULTS):
            return None
        return secret(
            kind, "low", "the URL has a password in it, though one that is a common default", "the password in the URL"
        )
    if local and origin(password) == "written" and password.isalpha():
        return secret(kind, "low", "the URL has a password in it, for this machine only", "the password in the URL")
    issued = token(password)
    what = issued.kind.replace("-", " ") if issued is not None and issued.secret else "password"
    return secret(kind, "high", f"the URL has a {what} in it, before the @", f"the {what} in the URL")


def _user_only(user: str, host: str) -> Verdict | None:
    if "sentry" in host.lower() or (is_hex(user) and len(user) == 32 and host.rstrip("/").rpartition("/")[2].isdigit()):
        return harmless("sentry-dsn", "it is a Sentry DSN, which is made to be published")
    issued = token(user)
    if issued is not None and issued.secret:
        return secret(issued.kind, issued.confidence, "the URL has a token in it, before the @", "the token in the URL")
    if len(user) >= 20 and origin(user) == "generated":
        return secret(
            "url-token",
            "medium",
            "the URL has a generated user name, which is how tokens are sent",
            "the user name in the URL",
        )
    return None


def _query(rest: str, judge: Judge) -> Verdict | None:
    low = rest.lower()
    if any(name in low for name in _SIGNED) or ("signature=" in low and ("expires=" in low or "policy=" in low)):
        return harmless("presigned-url", "it is a signed URL, which ends to work by itself", "medium")
    if "sig=" in low and ("se=" in low or "sv=" in low or "sp=" in low):
        return secret("azure-sas", "high", "the URL carries a shared access signature", "the signature in the URL")
    for match in _PAIR.finditer(rest[:8000]):
        found = _parameter(match[1], unquote(match[2]), judge)
        if found is not None:
            return found
    return None


def _parameter(name: str, value: str, judge: Judge) -> Verdict | None:
    hint = read(name)
    if not hint.credential and name.lower() not in _WEAK_PARAMETERS:
        return None
    if hint.role == "password" or (hint.credential and hint.strong):
        found = judge(name, value)
        return (
            found.inside("the URL", "url-token" if found.kind in ("token", "key", "api-key", "secret") else "")
            if found.secret
            else None
        )
    if len(value) < 16 or placeholder(value) is not None or not (origin(value) == "generated" or is_uuid(value)):
        return None
    return secret(
        "url-token",
        "high" if len(value) >= 20 else "medium",
        "the URL has a key among its parameters",
        "the key in the URL",
    )


_FAMILIES = frozenset(
    (
        *("amqp", "clickhouse", "cockroachdb", "couchdb", "db2", "elasticsearch", "firebird", "ftp", "ftps", "http"),
        *("imap", "imaps", "jdbc", "kafka", "ldap", "ldaps", "mariadb", "memcached", "mongodb", "mqtt", "mqtts"),
        *(
            "mssql",
            "mysql",
            "nats",
            "neo4j",
            "oracle",
            "pop3",
            "postgresql",
            "redis",
            "redshift",
            "sftp",
            "smb",
            "smtp",
        ),
        *("smtps", "snowflake", "sqlserver", "ssh", "sybase", "trino", "vertica", "ws", "wss"),
    )
)


def _family(scheme: str) -> str:
    """Name what a scheme belongs to. One that is not known is part of the value, and is not named."""
    base = scheme.partition("+")[0]
    family = {"postgres": "postgresql", "rediss": "redis", "amqps": "amqp", "https": "http"}.get(base, base)
    return family if family in _FAMILIES else "service"
