"""Name, value and neighbours, weighed together."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from functions.playbooks.plaintext_secrets.classifier.classify import classify
from tests.unit.secrets.drawn import ALNUM, HEX, PRIVATE, UUID, b64, drawn, github_token, pem

PASSWORD = "Winter" + "2019!x"
HEX32, KEY40 = drawn(32, HEX), drawn(40)


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("DB_PASSWORD", PASSWORD, "password"),
        ("motDePasse", PASSWORD, "password"),
        ("BACKUP_PASSPHRASE", "walrus meadow lantern canyon", "passphrase"),
        ("TERMINAL_PIN", "4821", "pin"),
        ("API_KEY", HEX32, "api-key"),
        ("API_TOKEN", UUID, "token"),
        ("OAUTH_CLIENT_SECRET", b64(drawn(32)), "secret"),
        ("SECRET_KEY", drawn(50, ALNUM + "!@#$%^&*(-_=+)"), "secret-key"),
        ("WALLET_PRIVATE_KEY", "0x" + drawn(64, HEX), "private-key"),
        ("ANYTHING", github_token(), "github-token"),
        ("ANYTHING", b64(github_token()), "github-token"),
        ("ANYTHING", pem(), "private-key"),
        ("ANYTHING", pem("RSA " + PRIVATE, "\\n"), "private-key"),
        ("ANYTHING", pem("EC " + PRIVATE, " "), "private-key"),
        ("ANYTHING", b64(pem()), "private-key"),
        ("ANYTHING", f"postgres://app:{drawn(16)}@db.corp.net/orders", "postgresql-url"),
        ("ANYTHING", f"root:{drawn(12)}@tcp(db:3306)/orders", "connection-string"),
        ("ANYTHING", f"Server=db;Uid=app;Pwd={drawn(12)};", "connection-string"),
        ("ANYTHING", f"host=db user=app password={drawn(12)}", "connection-string"),
        ("ANYTHING", f"https://api.corp.net/v1?api_key={KEY40}", "url-token"),
        (
            "ANYTHING",
            "https://hooks.sl" + f"ack.com/services/T{drawn(9, 'ABC123')}/B{drawn(9, 'ABC123')}/{drawn(24)}",
            "slack-webhook",
        ),
        ("ANYTHING", "Bear" + f"er {KEY40}", "authorization-header"),
        ("ANYTHING", f"//registry.corp.net/:_authToken={KEY40}\nalways-auth=true", "token"),
        ("ANYTHING", f"mysqldump -h db -u app -p{drawn(12)} orders", "password"),
        ("DB_CONFIG", json.dumps({"host": "db", "nested": {"pass": PASSWORD}}), "password"),
        ("API_KEYS", json.dumps([KEY40, drawn(40, seed=8)]), "api-key"),
        ("BASIC_AUTH", f"app:{PASSWORD}", "login"),
        ("BASIC_AUTH", b64(f"app:{PASSWORD}"), "login"),
        ("OTLP_HEADERS", f"x-honeycomb-team={drawn(32)}", "connection-string"),
    ],
)
def test_moves_secrets(name: str, value: str, kind: str) -> None:
    verdict = classify(name, value)
    assert (verdict.secret, verdict.confidence, verdict.kind) == (True, "high", kind)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DB_PASSWORD", ""),
        ("DB_PASSWORD", "CHANGEME"),
        ("DB_PASSWORD", "ChangeMe123!"),
        ("DB_PASSWORD", "<your-password>"),
        ("DB_PASSWORD", "${DB_PASSWORD}"),
        ("DB_PASSWORD", "{{resolve:secretsmanager:prod/db:SecretString:password}}"),
        ("DB_PASSWORD", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/db-AbCdEf"),
        ("DB_PASSWORD", "/prod/orders/db/password"),
        ("DB_PASSWORD", "prod/orders/db-password"),
        ("DB_PASSWORD", "vault:secret/data/orders#password"),
        ("DB_PASSWORD", "op://infra/orders/password"),
        ("DB_PASSWORD", "@Microsoft.KeyVault(SecretUri=https://kv.vault.azure.net/secrets/db/)"),
        ("DB_PASSWORD", "AQICAH" + drawn(200)),
        ("DB_PASSWORD", "secretsmanager"),
        ("DB_PASSWORD", "DB_PASSWORD"),
        ("DB_SECRET", "acme-prod-db-credentials"),
        ("RDS_SECRET", "OrdersDbSecret1A2B3C4D-" + drawn(12)),
        ("MYSQL_ALLOW_EMPTY_PASSWORD", "yes"),
        ("PASSWORD_MIN_LENGTH", "12"),
        ("TOKEN_TTL", "15m"),
        ("API_KEY_HEADER", "x-api-key"),
        ("SECRET_KEYS", "client_secret,apiKey,cookie"),
        ("CLIENT_ID", drawn(32)),
        ("COMMIT_SHA", drawn(40, HEX)),
        ("KMS_KEY_ID", UUID),
        ("USDC_TOKEN", "0x" + drawn(40, HEX)),
        ("STRIPE_PUBLIC_KEY", "pk" + "_live_" + drawn(24)),
        ("SENTRY_DSN", f"https://{HEX32}@o1.ingest.sentry.io/42"),
        ("CA_BUNDLE", pem("CERTIFICATE")),
        ("JWT_PUBLIC_KEY", pem("PUBLIC" + " KEY", "\\n")),
        ("DATABASE_URL", "postgres://app@db.corp.net/orders"),
        ("DATABASE_URL", "postgres://${USER}:${PASSWORD}@db.corp.net/orders"),
        ("DATABASE_URL", "postgres://user:password@localhost:5432/orders"),
        ("AWS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCY" + "EXAMPLE" + "KEY"),
        ("SCHEMA", json.dumps({"properties": {"password": {"type": "string"}}})),
        ("DB_CONFIG", json.dumps({"host": "db", "password": "${DB_PASSWORD}"})),
        ("QUERY", "SELECT password FROM users WHERE token = ?"),
        ("PASSWORD_HINT", "At least eight characters"),
        ("CONFIG_B64", b64("name: orders\nreplicas: 3")),
        ("GREETING", "hello"),
    ],
)
def test_leaves_alone_what_is_no_secret(name: str, value: str) -> None:
    assert not classify(name, value).secret


def test_says_which_part_of_the_value_is_the_secret() -> None:
    assert classify("X", f"postgres://app:{drawn(16)}@db/orders").part == "the password in the URL"
    assert classify("X", json.dumps({"password": PASSWORD})).part == "the password in the JSON"


def test_a_default_password_is_a_doubtful_finding() -> None:
    assert classify("DB_PASSWORD", "postgres").confidence == "low"


def test_a_key_id_waits_for_a_person() -> None:
    verdict = classify("APP_KEY_ID", "AK" + "IA" + drawn(16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"))
    assert (verdict.secret, verdict.confidence) == (True, "medium")


def test_the_user_beside_it_makes_a_credential_sure() -> None:
    value = drawn(40)
    assert classify("PARTNER_ACCESS", value).confidence == "medium"
    assert classify("PARTNER_ACCESS", value, ["REGION", "PARTNER_USER"]).confidence == "high"


def test_a_browser_build_publishes_its_keys_anyway() -> None:
    assert not classify("NEXT_PUBLIC_MAPS_API_KEY", KEY40).secret
    assert classify("NEXT_PUBLIC_STRIPE", "sk" + "_live_" + drawn(24)).secret


def test_a_value_that_only_counts_is_at_most_doubtful() -> None:
    assert classify("API_KEY", "abcdef1234567890abcdef1234567890").confidence == "low"


_TEXTS = st.one_of(
    st.text(max_size=300),
    st.text(alphabet='{}[]":,=;&?%$<>-_./@ \\\n\t\0ab1AB', max_size=300),
    st.sampled_from(
        ["-----BEGIN " + PRIVATE + "-----", "eyJ.eyJ.x", "://:@", "postgres://", '{"a":', "sk" + "-", "\ud800", "%zz%"]
    ),
)


@given(_TEXTS, _TEXTS, st.lists(st.text(max_size=30), max_size=4))
@example("", "", [])
@example("PASSWORD", "\ud800\udfff", [])
@example("K", "[" * 5000, [])
@example("K", "1" * 5000, [])
@example("K", '{"a":' + "9" * 5000 + "}", [])
def test_answers_any_text_twice_the_same(name: str, value: str, others: list[str]) -> None:
    assert classify(name, value, others) == classify(name, value, others)


@given(
    st.sampled_from(["DB_PASSWORD", "API_KEY", "URL", "CONFIG", "X"]),
    st.text(min_size=6, max_size=40),
    st.integers(0, 7),
)
def test_a_verdict_never_holds_the_value(name: str, text: str, wrapping: int) -> None:
    value = [
        text,
        f"u:{text}",
        f"https://u:{text}@h/",
        json.dumps({"password": text}),
        b64(text),
        f"password={text};",
        f"Bearer {text}",
        f"{text}\n",
    ][wrapping]
    told = repr(classify(name, value))
    assert value not in told
    canary = "Zq7" + text.encode("utf-8", "surrogatepass").hex()[:24] + "Qz7"
    assert canary not in repr(classify(name, value.replace(text, canary)))


@pytest.mark.parametrize(
    "piece",
    [
        "a",
        "[a-",
        '="',
        "://",
        "%41",
        '{"',
        "-",
        " -p",
        ",\n  ",
        "$x ",
        "a.b",
        "eyJ.",
        "<a>",
        "(((",
        "a/",
        "AKIA",
        "\\n",
        "x:y:",
        "\0",
    ],
)
def test_hostile_texts_of_a_hundred_thousand_characters_are_answered(piece: str) -> None:
    for name in ("DB_PASSWORD", "CONFIG", "API_KEY"):
        assert classify(name, piece * (100_000 // len(piece))).kind


def test_needs_nothing_but_the_standard_library() -> None:
    code = (
        "import sys, functions.playbooks; before = set(sys.modules);"
        "import functions.playbooks.plaintext_secrets.classifier.classify;"
        "print(*{m.partition('.')[0] for m in set(sys.modules) - before} - set(sys.stdlib_module_names))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["functions"]
