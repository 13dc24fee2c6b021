"""What the value itself shows: URLs, connection strings, documents, keys, references, settings."""

from __future__ import annotations

import json

import pytest

from functions.playbooks.plaintext_secrets.classifier import (
    assignments,
    documents,
    keys,
    placeholders,
    references,
    settings,
    urls,
)
from functions.playbooks.plaintext_secrets.classifier.verdict import Verdict, harmless, secret
from tests.unit.secrets.drawn import HEX, PRIVATE, b64, drawn, pem


def judge(name: str, value: str) -> Verdict:
    """Judge a part as secret where it is long; which names are asked about is the modules' own decision."""
    return secret("password", "high", name) if len(value) > 5 else harmless("plain", name)


PASSWORD = drawn(14)


@pytest.mark.parametrize(
    "text",
    [
        f"postgres://app:{PASSWORD}@db/orders",
        f"postgres://app:{PASSWORD}/x?y@db.corp.net/orders",
        f"redis://:{PASSWORD}@cache:6379/0",
        f"mongodb+srv://app:{PASSWORD}@a.mongodb.net,b.mongodb.net/x",
        f"see https://app:{PASSWORD}@git.corp.net/x.git for more",
        f"jdbc:mysql://db/orders?user=app&password={PASSWORD}",
        f"app:{PASSWORD}@tcp(db:3306)/orders",
        f"app:{PASSWORD}@10.1.2.3:3128",
        f"jdbc:oracle:thin:app/{PASSWORD}@//db.corp.net:1521/orcl",
        "https://blob.core.windows.net/c?sv=2024-01-01&se=2030-01-01&si" + f"g={drawn(43)}%3D",
        "https://discord" + f".com/api/webhooks/{drawn(18, '123456789')}/{drawn(68)}",
        f"https://{drawn(40)}@github.com/x/y.git",
    ],
)
def test_finds_what_lets_a_url_in(text: str) -> None:
    found = urls.url(text, judge)
    assert found is not None
    assert found.secret


@pytest.mark.parametrize(
    "text",
    [
        "https://api.corp.net/v1?page=2&sort=key",
        "postgres://app@db/orders",
        "postgres://${USER}:${PASSWORD}@db/orders",
        "postgres://<user>:<password>@db/orders",
        "postgres://user:password@localhost/orders",
        "git+ssh://git@github.com/x/y.git",
        "https://cdn.corp.net/npm/pkg@1.2.3/index.js",
        f"https://{drawn(32, HEX)}@o1.ingest.sentry.io/42",
        f"https://b.s3.amazonaws.com/x?Expires=1700000000&Signature={drawn(28)}",
        f"https://b.s3.amazonaws.com/x?X-Amz-Credential=x&X-Amz-Signature={drawn(64, HEX)}",
        "https://hooks.sl" + "ack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX",
    ],
)
def test_leaves_urls_alone_that_let_nobody_in(text: str) -> None:
    found = urls.url(text, judge)
    assert found is not None
    assert not found.secret


@pytest.mark.parametrize("text", ["mailto:bob@corp.net", "app:1.2@sha256:" + drawn(64, HEX), "npm:pkg@1.2.3", "hello"])
def test_what_has_an_at_sign_is_not_always_a_login(text: str) -> None:
    assert urls.url(text, judge) is None


@pytest.mark.parametrize(
    "text",
    [
        f"Server=db;User ID=app;Password={PASSWORD};",
        f"Endpoint=sb://x/;SharedAccessKeyName=Root;SharedAccessKey={PASSWORD}",
        f"host=db user=app password='{PASSWORD}'",
        f'org.x.PlainLoginModule required username="app" password="{PASSWORD}";',
        f"url: x\npassword: {PASSWORD}\n",
        f"{{'user': 'app', 'password': '{PASSWORD}'}}",
        f"//registry.corp.net/:_authToken={PASSWORD}",
        f"machine x login app password {PASSWORD}",
        f"db.corp.net:5432:orders:app:{PASSWORD}",
        f"curl -u app:{PASSWORD} https://x",
        f"tool --password {PASSWORD} --verbose",
        f"-Xmx1g -Djavax.net.ssl.keyStorePassword={PASSWORD}",
        f"sshpass -p {PASSWORD} ssh x",
        f"CREATE USER x IDENTIFIED BY '{PASSWORD}'",
        f"<c><password>{PASSWORD}</password></c>",
        f'<add key="ClearTextPassword" value="{PASSWORD}" />',
    ],
)
def test_finds_the_password_among_settings(text: str) -> None:
    found = assignments.assignments(text, judge)
    assert found is not None
    assert found.secret


@pytest.mark.parametrize(
    "text",
    ["host=db user=application", "level: information", "a sentence with password in it", "88:12:89:66:60:a2", ""],
)
def test_finds_none_where_there_is_none(text: str) -> None:
    assert assignments.assignments(text, judge) is None


def test_reads_json_to_its_leaves() -> None:
    found = documents.json_document("X", json.dumps({"a": [{"password": PASSWORD}]}), judge)
    assert found is not None
    assert found.secret
    assert documents.json_document("X", "{not json", judge) is None
    assert documents.json_document("X", "[" * 60_000, judge) is None


@pytest.mark.parametrize(
    ("text", "is_secret"),
    [
        (pem(), True),
        (pem("RSA " + PRIVATE, "\\n"), True),
        (pem("OPENSSH " + PRIVATE, " "), True),
        (pem("PGP " + PRIVATE + " BLOCK"), True),
        (pem("CERTIFICATE") + pem(), True),
        (pem("CERTIFICATE"), False),
        (pem("PUBLIC" + " KEY"), False),
        (pem(length=3), False),
    ],
)
def test_tells_private_keys_from_public_ones(text: str, is_secret: bool) -> None:
    found = keys.pem(text)
    assert found is not None
    assert found.secret is is_secret


def test_a_protected_private_key_waits_for_a_person() -> None:
    found = keys.pem(pem("ENCRYPTED " + PRIVATE))
    assert found is not None
    assert (found.secret, found.confidence) == (True, "medium")


def _jwt(claims: dict[str, object], algorithm: str = "HS256") -> str:
    parts = [b64(json.dumps(part)).rstrip("=") for part in ({"alg": algorithm}, claims)]
    return ".".join([*parts, drawn(43) if algorithm != "none" else ""]).replace("+", "-").replace("/", "_")


@pytest.mark.parametrize(
    ("text", "is_secret"),
    [
        (_jwt({"sub": "orders"}), True),
        (_jwt({"role": "service_role"}, "RS256"), True),
        (_jwt({"role": "anon"}), False),
        (_jwt({"sub": "1234567890", "name": "John Doe"}), False),
        (_jwt({"sub": "orders"}, "none"), False),
    ],
)
def test_judges_web_tokens_by_their_claims(text: str, is_secret: bool) -> None:
    found = keys.jwt(text)
    assert found is not None
    assert found.secret is is_secret


def test_a_json_web_key_is_secret_with_its_private_part() -> None:
    private, public = keys.jwk({"kty": "EC", "d": "x", "x": "y"}), keys.jwk({"keys": [{"kty": "EC", "x": "y"}]})
    assert [found.secret for found in (private, public) if found] == [True, False]
    assert keys.jwk({"keys": [1], "kty": None}) is None


def test_tells_der_by_its_first_bytes() -> None:
    noise = drawn(200).encode()
    found = [
        keys.der(b"\x30\x82" + (len(start + noise)).to_bytes(2, "big") + start + noise)
        for start in (b"\x02\x01\x00", b"\x30\x59")
    ]
    assert [verdict.secret for verdict in found if verdict] == [True, False]
    assert keys.der(noise) is None


@pytest.mark.parametrize(
    "text",
    [
        *("changeme", "CHANGE_ME", "<your-key>", "your_api_key_here", "${VAR}", "$VAR", "{{var}}", "%VAR%", "__VAR__"),
        *("((var))", "@@x@@", "[REDACTED]", "xxxx", "****", "TODO", "process.env.TOKEN", "null", "sk-..."),
        *("<user>:<password>", "(see vault)", "ask the admins", "to-be-set", "00000000", "1212121212", "", " ", '""'),
    ],
)
def test_knows_placeholders(text: str) -> None:
    assert placeholders.placeholder(text) is not None


@pytest.mark.parametrize("text", ["Example2023!", "$p4rrow84", "hunter2", drawn(20), "orange", "123456"])
def test_passwords_are_no_placeholders(text: str) -> None:
    assert placeholders.placeholder(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "arn:aws:s3:::x",
        "ssm:/a/b",
        "vault:a/b#c",
        "op://a/b/c",
        "/a/b/c",
        "./x.pem",
        "prod/db",
        "projects/a/secrets/b",
        "rds!db-1",
        "C:\\x\\y",
    ],
)
def test_knows_references(text: str) -> None:
    assert references.reference(text) is not None


@pytest.mark.parametrize(
    "text", [drawn(40), "/" + drawn(39), drawn(20) + "/" + drawn(19), "hunter2", f"secret:{drawn(8)}@x/y"]
)
def test_keys_are_no_references(text: str) -> None:
    assert references.reference(text) is None


@pytest.mark.parametrize(
    "text",
    [
        *("12", "0.5", "15m", "PT1H", "1.2.3", "2026-01-31", "rate(5 minutes)", "db.corp.net:5432", "10.0.0.0/8"),
        *("a.b@corp.net", "com.x.Y", "^[a-z]{3}$", "0x" + drawn(40, HEX), "sha256:" + drawn(64, HEX)),
    ],
)
def test_knows_settings_by_their_shape(text: str) -> None:
    assert settings.description(text) is not None


def test_encrypted_values_are_no_plaintext() -> None:
    for text in ("AQICAH" + drawn(200), "ENC[AES256_GCM,data:" + drawn(12) + "]", "vault:v1:" + drawn(40)):
        assert references.ciphertext(text) is not None
    assert references.ciphertext(drawn(60)) is None
