"""What a name alone says of its value."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.playbooks.plaintext_secrets.classifier.names import companion, read, split


@pytest.mark.parametrize(
    "name",
    [
        "DB_PASSWORD",
        "dbPass",
        "PGPASSWORD",
        "DBPWD",
        "DB_PASSWORD_PROD_2",
        "MYSQL_PWD",
        "SMTP_PASS",
        "keystorePass",
        "GPGPASSPHRASE",
        "SSHPASS",
        "motDePasse",
        "MOT_DE_PASSE_BDD",
        "mdp_base",
        "CONTRASENA_BD",
        "contrasenia",
        "senhaBanco",
        "PASSWORT",
        "KENNWORT",
        "DB_PASSWORT",
        "HASLO_BAZY",
        "WACHTWOORD",
        "losenord",
        "adgangskode",
        "salasana",
        "PAROLA",
        "REDISCLI_AUTH",
        "RABBITMQ_DEFAULT_PASS",
        "PASSWORD_ROOT",
    ],
)
def test_reads_a_password_in_any_style_and_language(name: str) -> None:
    assert read(name).role == "password"


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("TOKEN_TTL", "setting"),
        ("PRODSECRETCACHETTL", "setting"),
        ("PASSWORD_MIN_LENGTH", "setting"),
        ("MYSQL_ALLOW_EMPTY_PASSWORD", "setting"),
        ("MAX_TOKENS", "setting"),
        ("USE_TOKEN", "setting"),
        ("ENABLE_JWT_TOKEN", "setting"),
        ("SHOW_PASSWORD", "setting"),
        ("PAD_TOKEN", "setting"),
        ("API_KEY_HEADER", "connection"),
        ("SECRET_NAME", "location"),
        ("TOKENS_TABLE", "location"),
        ("DB_PASSWORD_FILE", "location"),
        ("IMAGE_PULL_SECRET", "location"),
        ("TOKEN_URL", "connection"),
        ("SECRET_ARN", "identifier"),
        ("ACCESS_KEY_ID", "identifier"),
        ("COMMIT_SHA", "hash"),
        ("PASSWORD_HASH", "hash"),
        ("STRIPE_PUBLIC_KEY", "public"),
        ("RECAPTCHA_SITE_KEY", "public"),
        ("PARTITION_KEY", "data-key"),
        ("CACHE_KEY_PREFIX", "location"),
        ("ENCRYPTED_PASSWORD", "encrypted"),
        ("REGION", "location"),
        ("MONKEY", "plain"),
        ("KEYBOARD", "setting"),
        ("", "plain"),
    ],
)
def test_reads_settings_about_secrets_as_settings(name: str, role: str) -> None:
    assert not read(name).credential
    assert read(name).role == role


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("GITHUB_TOKEN", "token"),
        ("verify_token", "token"),
        ("X_API_KEY", "key"),
        ("apikey", "key"),
        ("CLAVE_SECRETA", "key"),
        ("CHAVE_API", "key"),
        ("SECRET_KEY_BASE_64", "key"),
        ("JWT_SECRET", "secret"),
        ("HIDDEN_SECRET", "secret"),
        ("GOOGLE_APPLICATION_CREDENTIALS", "login"),
        ("BASIC_AUTH", "login"),
    ],
)
def test_reads_keys_tokens_and_secrets(name: str, role: str) -> None:
    assert read(name).role == role


def test_cuts_words_that_have_no_separator() -> None:
    assert split("BILLINGMAXPASSWORDATTEMPTS") == ("billing", "max", "password", "attempts")


def test_does_not_find_words_inside_other_words() -> None:
    assert split("hidden_olive_turkey") == ("hidden", "olive", "turkey")


def test_tells_names_that_a_browser_build_publishes() -> None:
    assert read("NEXT_PUBLIC_API_KEY").public
    assert read("ACME_NEXT_PUBLIC_API_KEY").public
    assert not read("PUBLICATION_API_KEY").public


def test_finds_the_user_that_goes_with_a_password() -> None:
    assert companion("SFTP_ACCESS", ["SFTP_USER", "REGION"])
    assert not companion("SFTP_ACCESS", ["SMTP_USER", "SFTP_ACCESS"])


@given(st.text(max_size=400))
def test_reads_any_text(name: str) -> None:
    assert read(name) == read(name)
