# ruff: noqa: E501, RUF005, UP031 - one draw per line; prefixes are put together so that no literal is a token
"""The secrets of the first corpus: formats put together at run time, never issued by anybody."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from random import Random
from typing import Any

from tests.secrets.registry import Built, Table, kind
from tests.secrets.values import (
    ALNUM,
    B32,
    B62,
    B64,
    B64U,
    CO,
    DIG,
    ENV,
    HEX,
    LO,
    PRE,
    REG,
    SVC,
    UP,
    WORDS,
    b64,
    b64u,
    base_n,
    crc62,
    der,
    dint,
    host,
    human,
    jwt,
    nm,
    oid,
    pem,
    private_pem,
    pw,
    rb,
    rsa,
    s,
    strong,
    style,
    tok,
    urlpw,
    user,
    uuid,
    weak,
)

POS: Table = []


# fmt: off
@kind(POS, "aws_secret_key")
def _(r: Random) -> Built:
    p = r.choice(PRE + ["s3", "ses", "bedrock", "cross_account", "backup"])
    i, k = r.choice([("access_key_id", "secret_access_key"), ("aws_key", "aws_secret"), ("aws_access_key", "aws_secret_key"),
                     ("key_id", "secret_key")])
    return [(style(r, [p, i]), "AK" + "IA" + s(r, B32, 16), None, "aws_access_key_id"), (style(r, [p, k]), s(r, B64, 40))]


@kind(POS, "github_classic")
def _(r: Random) -> Built:
    body = s(r, B62, 30)
    return tok(r, "github_token", "gh_token", "git_token", "github_pat", "repo_access"), r.choice(["gh" + "p_", "gh" + "o_", "gh" + "s_", "gh" + "u_"]) + body + crc62(body)


@kind(POS, "github_fine_grained")
def _(r: Random) -> Built:
    # checksum: base32(sha256(all but the last 16 characters))[:8], then 8 characters of unknown use
    head = "github" + "_pat_" + "11" + s(r, UP + DIG, 20) + "_" + s(r, B62, 43)
    return tok(r, "github_token", "gh_pat", "github_api_token"), head + base64.b32encode(hashlib.sha256(head.encode()).digest()).decode()[:8] + s(r, B62, 8)


@kind(POS, "gitlab_pat")
def _(r: Random) -> Built:
    n, p = tok(r, "gitlab_token", "gl_pat", "ci_job_token", "gitlab_private_token"), r.choice(["gl" + "pat-", "gl" + "dt-", "gl" + "rt-"])
    if r.random() < 0.6 or p != "gl" + "pat-":
        return n, p + s(r, B64U, 20)
    pay = b64u(rb(r, 16) + b"\n" + b"o:%d" % r.randint(1, 99999)).ljust(30, "A")
    head = p + pay + r.choice([".", ".01.", ".01."]) + base_n(len(pay), DIG + LO, 2)
    return n, head + base_n(zlib.crc32(head.encode()), DIG + LO, 7)


@kind(POS, "slack_token")
def _(r: Random) -> Built:
    a, b = s(r, DIG[1:], 12), s(r, DIG[1:], 13)
    return tok(r, "slack_token", "slack_bot_token", "slack_oauth", "slack"), r.choice(
        ["xox" + f"b-{a}-{b}-" + s(r, ALNUM, 24), "xox" + f"p-{a}-{b}-{s(r, DIG[1:], 13)}-" + s(r, HEX, 32)])


@kind(POS, "slack_app_token")
def _(r: Random) -> Built:
    return tok(r, "slack_app_token", "slack_socket_token"), "xa" + "pp-1-A0" + s(r, UP + DIG, 9) + "-" + s(r, DIG[1:], 13) + "-" + s(r, HEX, 64)


@kind(POS, "slack_signing_secret")
def _(r: Random) -> Built:
    return nm(r, "slack_signing_secret", "slack_secret", "signing_secret"), s(r, HEX, 32)


@kind(POS, "stripe_secret_key")
def _(r: Random) -> Built:
    return tok(r, "stripe_secret_key", "stripe_key", "stripe_api_key", "stripe"), "sk" + r.choice(["_live_", "_test_"]) + r.choice([s(r, ALNUM, 24), "51" + s(r, ALNUM, 97)])


@kind(POS, "stripe_restricted_key")
def _(r: Random) -> Built:
    return tok(r, "stripe_restricted_key", "stripe_rk", "payments_key"), "rk" + r.choice(["_live_", "_test_"]) + "51" + s(r, ALNUM, 97)


@kind(POS, "stripe_webhook_secret")
def _(r: Random) -> Built:
    return tok(r, "stripe_webhook_secret", "stripe_endpoint_secret", "webhook_signing"), "wh" + "sec_" + s(r, ALNUM, 32)


@kind(POS, "openai_key")
def _(r: Random) -> Built:
    m = "T3Blbk" + "FJ"
    return tok(r, "openai_api_key", "openai_key", "llm_key", "gpt_key"), r.choice(
        ["sk" + "-" + s(r, ALNUM, 20) + m + s(r, ALNUM, 20), "sk" + "-proj-" + s(r, B64U, 74) + m + s(r, B64U, 74)])


@kind(POS, "anthropic_key")
def _(r: Random) -> Built:
    return tok(r, "anthropic_api_key", "claude_key", "llm_api_key"), "sk" + "-ant-" + r.choice(["api03-", "admin01-"]) + s(r, B64U, 93) + "AA"


@kind(POS, "google_api_key")
def _(r: Random) -> Built:
    return tok(r, "google_api_key", "maps_api_key", "gcp_key", "youtube_key", "gemini_api_key"), "AI" + "zaSy" + s(r, B64U, 33)


def _sa(r: Random) -> dict[str, Any]:
    key = pem("PRIVATE" + " KEY", der(48, dint(0), der(48, oid("1.2.840.113549.1.1.1"), b"\x05\x00"), der(4, rsa(r)))) + "\n"
    p = r.choice(CO) + "-" + r.choice(ENV) + "-" + s(r, DIG, 6)
    return {"type": "service_account", "project_id": p, "private_key_id": s(r, HEX, 40), "private_key": key,
            "client_email": f"{r.choice(SVC)}@{p}.iam.gserviceaccount.com", "client_id": s(r, DIG[1:], 21),
            "token_uri": "https://oauth2.googleapis.com/token"}


@kind(POS, "gcp_service_account_json")
def _(r: Random) -> Built:
    return nm(r, "google_credentials", "gcp_service_account", "firebase_admin_json", "google_application_credentials_json", "gcp_config"), json.dumps(_sa(r))


@kind(POS, "azure_storage_connection")
def _(r: Random) -> Built:
    k = s(r, B64, 76) + "+" + "ASt" + s(r, B64, 5) + r.choice("AQgw") + "=="
    return tok(r, "azure_storage_connection_string", "storage_connection", "blob_conn"), \
        f"DefaultEndpointsProtocol=https;AccountName={r.choice(CO)}{s(r, LO + DIG, 5)};Account" + f"Key={k};EndpointSuffix=core.windows.net"


@kind(POS, "azure_sas_url")
def _(r: Random) -> Built:
    sig = b64(rb(r, 32)).replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
    q = f"sv=2022-11-02&ss=b&srt=co&sp=rwdlac&se=2031-01-0{r.randint(1, 9)}T00:00:00Z&st=2024-01-01T00:00:00Z&spr=https&si" + f"g={sig}"
    return tok(r, "azure_sas", "blob_sas_url", "container_url", "sas_token"), r.choice(["", f"https://{r.choice(CO)}.blob.core.windows.net/{r.choice(SVC)}"]) + "?" + q


@kind(POS, "azure_servicebus_connection")
def _(r: Random) -> Built:
    return tok(r, "servicebus_connection_string", "eventhub_conn", "sb_connection"), \
        f"Endpoint=sb://{r.choice(CO)}-{r.choice(ENV)}.servicebus.windows.net/;SharedAccessKeyName=RootManage;SharedAccess" + f"Key={b64(rb(r, 32))}"


@kind(POS, "azure_ad_client_secret")
def _(r: Random) -> Built:
    return nm(r, "azure_client_secret", "aad_client_secret", "entra_secret", "graph_secret"), s(r, ALNUM, 3) + r.choice(DIG) + "Q" + "~" + s(r, ALNUM + "_~.-", r.randint(31, 34))


@kind(POS, "twilio_auth_token")
def _(r: Random) -> Built:
    p = r.choice(["", "app_", "sms_"])
    return [(style(r, [p + "twilio_account_sid"]), "A" + "C" + s(r, HEX, 32), None, "twilio_account_sid"),
            (style(r, [p + "twilio_" + r.choice(["auth_token", "token", "auth"])]), s(r, HEX, 32))]


@kind(POS, "sendgrid_key")
def _(r: Random) -> Built:
    return tok(r, "sendgrid_api_key", "sendgrid", "mail_key", "email_api_key"), "S" + "G." + s(r, B64U, 22) + "." + s(r, B64U, 43)


@kind(POS, "mailgun_key")
def _(r: Random) -> Built:
    return nm(r, "mailgun_api_key", "mailgun_key", "mg_api_key"), r.choice(["key" + "-" + s(r, HEX, 32), f"{s(r, HEX, 32)}-{s(r, HEX, 8)}-{s(r, HEX, 8)}"])


@kind(POS, "npm_token")
def _(r: Random) -> Built:
    body = s(r, B62, 30)
    return tok(r, "npm_token", "node_auth_token", "npm_auth"), "np" + "m_" + body + crc62(body)


@kind(POS, "pypi_token")
def _(r: Random) -> Built:
    cav = json.dumps({"version": 1, "permissions": "user"}).encode()
    m = b"\x02\x01\x08pypi.org\x02\x24" + uuid(r).encode() + b"\x00\x02" + bytes([len(cav)]) + cav + b"\x00\x00\x06\x20" + rb(r, 32)
    return tok(r, "pypi_token", "twine_password", "pip_publish"), "py" + "pi-" + b64u(m)


@kind(POS, "databricks_token")
def _(r: Random) -> Built:
    return tok(r, "databricks_token", "dbx_pat", "databricks_pat"), "da" + "pi" + s(r, HEX, 32) + r.choice(["", "-2", "-3"])


@kind(POS, "datadog_key")
def _(r: Random) -> Built:
    return r.choice([(nm(r, "dd_api_key", "datadog_api_key", p=0.1), s(r, HEX, 32)), (nm(r, "dd_app_key", "datadog_application_key", p=0.1), s(r, HEX, 40))])


@kind(POS, "newrelic_key")
def _(r: Random) -> Built:
    return r.choice([(nm(r, "new_relic_license_key", "nr_license_key", p=0.1), s(r, HEX, 36) + "NRAL"),
                     (nm(r, "new_relic_api_key", "newrelic_user_key", p=0.1), "NR" + "AK-" + s(r, UP + DIG, 27)),
                     (nm(r, "new_relic_license_key", p=0.1), "eu01xx" + s(r, HEX, 30) + "NRAL")])


@kind(POS, "vault_token")
def _(r: Random) -> Built:
    return tok(r, "vault_token", "vault_auth", "hashicorp_token"), r.choice(["hv" + "s.CAESI" + s(r, B64U, 90), "hv" + "s." + s(r, B64U, 24), "hv" + "b.AAAAAQ" + s(r, B64U, 150)])


@kind(POS, "terraform_token")
def _(r: Random) -> Built:
    return tok(r, "tfe_token", "terraform_cloud_token", "tf_api"), s(r, ALNUM, 14) + ".atlas" + "v1." + s(r, ALNUM, 67)


@kind(POS, "digitalocean_token")
def _(r: Random) -> Built:
    return tok(r, "digitalocean_token", "do_pat", "do_access_token"), r.choice(["do" + "p_v1_", "do" + "o_v1_"]) + s(r, HEX, 64)


@kind(POS, "shopify_token")
def _(r: Random) -> Built:
    return tok(r, "shopify_token", "shopify_admin_token", "shopify_api_secret"), "shp" + r.choice(["at_", "ss_", "pa_", "ca_"]) + s(r, HEX, 32)


@kind(POS, "square_token")
def _(r: Random) -> Built:
    return tok(r, "square_access_token", "square_secret", "sq_token"), r.choice(["sq0" + "atp-" + s(r, B64U, 22), "sq0" + "csp-" + s(r, B64U, 43), "EAA" + "A" + s(r, B64U, 60)])


@kind(POS, "telegram_bot_token")
def _(r: Random) -> Built:
    return tok(r, "telegram_token", "tg_bot_token", "telegram_bot"), s(r, DIG[1:], r.choice([9, 10])) + ":A" + "A" + s(r, B64U, 33)


@kind(POS, "discord_bot_token")
def _(r: Random) -> Built:
    return tok(r, "discord_token", "discord_bot_token"), b64u(str(r.randint(10**17, 10**19)).encode()) + "." + s(r, B64U, 6) + "." + s(r, B64U, 38)


@kind(POS, "huggingface_token")
def _(r: Random) -> Built:
    return tok(r, "hf_token", "huggingface_hub_token"), "h" + "f_" + s(r, UP + LO, 34)


@kind(POS, "dockerhub_pat")
def _(r: Random) -> Built:
    return tok(r, "docker_pat", "dockerhub_token", "registry_password"), "dck" + "r_pat_" + s(r, B64U, 27)


@kind(POS, "atlassian_api_token")
def _(r: Random) -> Built:
    body = "ATA" + "TT3xFfGF0" + s(r, B64U, 171) + "="      # CRC32 of all that precedes it, "=" included
    return tok(r, "jira_token", "atlassian_api_token", "confluence_pat"), body + "%08X" % zlib.crc32(body.encode())


@kind(POS, "sentry_auth_token")
def _(r: Random) -> Built:
    return tok(r, "sentry_auth_token", "sentry_token"), "sntr" + "yu_" + s(r, HEX, 64)


@kind(POS, "jwt_bearer")
def _(r: Random) -> Built:
    return tok(r, "jwt", "service_token", "auth_token", "bearer", "id_token", "supabase_service_role_key"), jwt(r)


@kind(POS, "pem_private_multiline")
def _(r: Random) -> Built:
    return tok(r, "private_key", "rsa_private_key", "signing_key", "ssh_key", "jwt_private_key", "cloudfront_pk", "tls_key"), private_pem(r) + r.choice(["", "\n"])


@kind(POS, "pem_private_one_line")
def _(r: Random) -> Built:
    return tok(r, "private_key", "github_app_private_key", "docusign_key", "jwt_signing_key", "snowflake_private_key"), private_pem(r, r.choice(["\\n", "\\n", " "]))


@kind(POS, "pem_private_base64")
def _(r: Random) -> Built:
    return tok(r, "private_key_b64", "app_key_base64", "encoded_private_key", "firebase_key_b64"), b64(private_pem(r).encode())


@kind(POS, "gcp_service_account_base64")
def _(r: Random) -> Built:
    return nm(r, "gcp_credentials_b64", "service_account_base64", "google_creds_b64"), b64(json.dumps({**_sa(r), "private_key": private_pem(r)}).encode())[:3900]


@kind(POS, "postgres_url")
def _(r: Random) -> Built:
    return nm(r, "database_url", "db_url", "postgres_dsn", "pg_uri", "sqlalchemy_database_uri", "conn", "dsn"), \
        r.choice(["postgres", "postgresql", "postgresql+psycopg2"]) + f"://{user(r)}:{urlpw(r)}@{host(r)}:5432/{r.choice(SVC)}" + r.choice(["", "?sslmode=require"])


@kind(POS, "mysql_url")
def _(r: Random) -> Built:
    return nm(r, "database_url", "mysql_url", "jdbc_url", "db_connection", "datasource"), r.choice(
        [f"mysql://{user(r)}:{urlpw(r)}@{host(r)}:3306/{r.choice(SVC)}", f"jdbc:mysql://{host(r)}:3306/{r.choice(SVC)}?user={user(r)}&pass" + f"word={urlpw(r)}",
         f"{user(r)}:{urlpw(r)}@tcp({host(r)}:3306)/{r.choice(SVC)}?parseTime=true"])


@kind(POS, "mongodb_url")
def _(r: Random) -> Built:
    return nm(r, "mongo_url", "mongodb_uri", "mongo_connection_string", "atlas_uri", "docdb"), \
        r.choice(["mongodb", "mongodb+srv"]) + f"://{user(r)}:{urlpw(r)}@cluster0.{s(r, LO + DIG, 5)}.mongodb.net/{r.choice(SVC)}?retryWrites=true"


@kind(POS, "redis_url")
def _(r: Random) -> Built:
    return nm(r, "redis_url", "cache_url", "celery_result_backend", "redis"), r.choice(["redis", "rediss"]) + f"://{r.choice(['', 'default'])}:{urlpw(r)}@{host(r)}:6379/{r.randint(0, 5)}"


@kind(POS, "amqp_url")
def _(r: Random) -> Built:
    return nm(r, "amqp_url", "rabbitmq_url", "broker_url", "cloudamqp"), r.choice(["amqp", "amqps"]) + f"://{user(r)}:{urlpw(r)}@{host(r)}:567{r.randint(1, 2)}/{r.choice(['', 'vhost'])}"


@kind(POS, "basic_auth_url")
def _(r: Random) -> Built:
    return nm(r, "proxy_url", "elasticsearch_url", "nexus_url", "http_proxy", "endpoint", "git_remote", "pip_index_url"), f"https://{user(r)}:{urlpw(r)}@{host(r)}/{r.choice(SVC)}"


@kind(POS, "slack_webhook")
def _(r: Random) -> Built:
    return tok(r, "slack_webhook_url", "slack_url", "alert_webhook", "hook_url", "notify_url"), \
        "https://hooks." + "slack.com/services/T" + s(r, UP + DIG, 8) + "/B" + s(r, UP + DIG, 10) + "/" + s(r, ALNUM, 24)


@kind(POS, "discord_webhook")
def _(r: Random) -> Built:
    return tok(r, "discord_webhook", "alert_webhook_url", "discord_url"), "https://discord" + ".com/api/webhooks/" + str(r.randint(10**17, 10**19)) + "/" + s(r, B64U, 68)


@kind(POS, "teams_webhook")
def _(r: Random) -> Built:
    return tok(r, "teams_webhook_url", "ms_teams_hook", "alerts_url"), f"https://{r.choice(CO)}.webhook." + f"office.com/webhookb2/{uuid(r)}@{uuid(r)}/IncomingWebhook/{s(r, HEX, 32)}/{uuid(r)}"


@kind(POS, "password_strong")
def _(r: Random) -> Built:
    return nm(r, "db_password", "password", "database_password", "rds_password", "master_password", "admin_password", "postgres_password", "redshift_password"), strong(r)


@kind(POS, "password_human")
def _(r: Random) -> Built:
    return nm(r, "db_password", "password", "mysql_password", "user_password", "ftp_password", "sftp_password", "ldap_password", "smtp_password"), human(r)


@kind(POS, "password_weak_short")
def _(r: Random) -> Built:
    return nm(r, "db_password", "password", "redis_password", "admin_password", "app_password", "basic_auth_password"), weak(r)


@kind(POS, "password_odd_name")
def _(r: Random) -> Built:
    return r.choice(["PGPASSWORD", "dbPass", "DB_PASS", "MYSQL_PWD", "pwd", "DBPWD", "REDISCLI_AUTH", "smtpPass", "SMTP_PASS", "ADMIN_PW", "rdsPwd", "RABBITMQ_DEFAULT_PASS",
                     "MONGO_PASS", "FTPPASSWD", "SF_PASSWD", "keystorePass", "KEYSTORE_PASSWORD", "TRUSTSTORE_PASS", "SSHPASS", "GF_ADMIN_PASSWD", "LDAP_BIND_PW", "ES_PASS"]), \
        r.choice([human, pw, weak])(r)


@kind(POS, "password_non_english")
def _(r: Random) -> Built:
    return nm(r, "contrasena", "senha", "mot_de_passe", "passwort", "kennwort", "haslo", "wachtwoord", "losenord", "parola", "clave_secreta", "db_senha", "db_passwort", "mdp_base",
              "contrasenia_bd", "salasana", "adgangskode", p=0.4), r.choice([human, pw])(r)


@kind(POS, "passphrase")
def _(r: Random) -> Built:
    return nm(r, "passphrase", "gpg_passphrase", "key_passphrase", "encryption_passphrase", "private_key_passphrase", "master_password"), r.choice([" ", "-", "."]).join(r.sample(WORDS, 4))


@kind(POS, "generic_hex_token")
def _(r: Random) -> Built:
    return nm(r, *[x + "_" + y for x in ("api", "access", "auth", "partner", "webhook", "circleci", "codecov", "opsgenie", "zendesk") for y in ("token", "key")][:14],
              "refresh_token", "verify_token"), s(r, HEX, r.choice([24, 32, 40, 64]))


@kind(POS, "generic_base62_key")
def _(r: Random) -> Built:
    return nm(r, "api_key", "apikey", "x_api_key", "weather_api_key", "geo_key", "algolia_admin_key", "service_key", "subscription_key", "maps_key", "pagerduty_key", "apitoken"), s(r, ALNUM, r.choice([16, 20, 24, 32, 40]))


@kind(POS, "generic_uuid_key")
def _(r: Random) -> Built:
    return nm(r, "api_key", "api_token", "auth_token", "heroku_api_key", "opsgenie_api_key", "access_token", "service_token"), uuid(r)


@kind(POS, "generic_base64_secret")
def _(r: Random) -> Built:
    return nm(r, "client_secret", "oauth_secret", "app_secret", "shared_secret", "okta_client_secret", "cognito_client_secret", "consumer_secret", "webhook_secret"), b64(rb(r, r.choice([24, 32, 48])))


@kind(POS, "client_secret_alnum")
def _(r: Random) -> Built:
    return nm(r, "client_secret", "oauth_client_secret", "salesforce_client_secret", "consumer_secret", "auth0_secret", "cognito_app_client_secret", "twitter_api_secret"), s(r, r.choice([ALNUM, LO + DIG, B64U]), r.choice([32, 40, 51, 64]))


@kind(POS, "hmac_signing_key")
def _(r: Random) -> Built:
    return nm(r, "hmac_key", "signing_key", "webhook_signing_key", "hmac_secret", "cookie_key", "csrf_secret", "request_signing_secret"), r.choice([s(r, HEX, 64), b64(rb(r, 32)), s(r, HEX, 128)])


@kind(POS, "encryption_key")
def _(r: Random) -> Built:
    return nm(r, "encryption_key", "aes_key", "data_encryption_key", "crypto_key", "fernet_key", "master_key", "field_encryption_key"), r.choice([s(r, HEX, 64), b64(rb(r, 32)), base64.urlsafe_b64encode(rb(r, 32)).decode(), s(r, ALNUM, 32)])


@kind(POS, "jwt_secret")
def _(r: Random) -> Built:
    return nm(r, "jwt_secret", "jwt_secret_key", "token_secret", "session_secret", "nextauth_secret", "app_secret"), r.choice([strong(r), human(r), s(r, HEX, 64), "-".join(r.sample(WORDS, 3)) + str(r.randint(1, 99))])


@kind(POS, "framework_secret_key")
def _(r: Random) -> Built:
    return r.choice([(nm(r, "secret_key", "django_secret_key", "flask_secret_key"), s(r, LO + DIG + "!@#$%^&*(-_=+)", 50)), (nm(r, "secret_key_base"), s(r, HEX, 128)), (nm(r, "app_key"), "base64:" + b64(rb(r, 32)))])


@kind(POS, "base64_userpass")
def _(r: Random) -> Built:
    return nm(r, "basic_auth", "auth_basic", "credentials_b64", "encoded_credentials", "dockerconfig_auth", "http_auth"), b64(f"{user(r)}:{pw(r)}".encode())


@kind(POS, "plain_userpass")
def _(r: Random) -> Built:
    return nm(r, "basic_auth", "credentials", "auth_credentials", "http_basic", "user_pass", "login"), f"{user(r)}:{pw(r)}"


@kind(POS, "auth_header_value")
def _(r: Random) -> Built:
    return nm(r, "authorization", "auth_header", "authorization_header", "partner_auth", "default_header"), r.choice(
        ["Bear" + "er " + s(r, ALNUM, 40), "Ba" + "sic " + b64(f"{user(r)}:{pw(r)}".encode()), "Tok" + "en " + s(r, HEX, 40), "Bear" + "er " + jwt(r)])


@kind(POS, "json_nested_password")
def _(r: Random) -> Built:
    k = r.choice(["password", "passwd", "pwd", "pass"])
    d = {"host": host(r), "port": 5432, r.choice(["user", "username"]): user(r), k: pw(r)}
    return nm(r, "db_config", "database", "connection", "db_settings", "datasource_json", "redshift_config"), json.dumps(d if r.random() < .6 else {"primary": d, "pool": 5}, separators=r.choice([(",", ":"), (", ", ": ")]))


@kind(POS, "json_nested_token")
def _(r: Random) -> Built:
    k = r.choice(["apiKey", "api_key", "token", "client_secret", "accessToken", "secretKey"])
    return nm(r, "app_config", "integration_config", "partners", "settings_json", "clients"), json.dumps({"url": "https://" + host(r), "timeout": 30, k: s(r, r.choice([HEX, ALNUM]), 32)})


@kind(POS, "json_aws_credentials")
def _(r: Random) -> Built:
    return nm(r, "aws_credentials", "s3_config", "cross_account", "creds_json"), json.dumps({"accessKeyId": "AK" + "IA" + s(r, B32, 16), "secretAccess" + "Key": s(r, B64, 40), "region": r.choice(REG)})


@kind(POS, "url_query_token")
def _(r: Random) -> Built:
    return nm(r, "callback_url", "feed_url", "partner_endpoint", "import_url", "api_url", "webhook_url"), f"https://{host(r)}/v1/{r.choice(SVC)}?" + r.choice(["api_key", "token", "access_token", "apikey", "key", "code"]) + "=" + s(r, r.choice([HEX, ALNUM]), r.choice([24, 32, 40]))


@kind(POS, "odbc_connection_string")
def _(r: Random) -> Built:
    return nm(r, "connection_string", "sqlserver_conn", "mssql_dsn", "db_connection_string", "default_connection"), r.choice(
        [f"Server=tcp:{host(r)},1433;Database={r.choice(SVC)};User ID={user(r)};Pass" + f"word={pw(r)};Encrypt=True;", f"host={host(r)} port=5432 dbname={r.choice(SVC)} user={user(r)} pass" + f"word={human(r)}",
         f"Driver=ODBC;Server={host(r)};Uid={user(r)};P" + f"wd={pw(r)};"])


@kind(POS, "generic_secret_bare")
def _(r: Random) -> Built:
    return nm(r, "secret", "token", "api_secret", "shared_key", "access_key", "verification_token", "webhook_token", "bot_token", "internal_auth_key"), r.choice([s(r, ALNUM, r.choice([18, 22, 36])), s(r, B64U, 43), human(r)])
