# ruff: noqa: E501, UP031 - one draw per line; prefixes are put together so that no literal is a token
"""What points at secrets, names or publishes something in the first corpus: no secret, whatever it is called."""

from __future__ import annotations

import json
from random import Random

from tests.secrets.registry import Built, Table, kind
from tests.secrets.values import (
    ALNUM,
    B64U,
    CO,
    DIG,
    ENV,
    HEX,
    LO,
    REG,
    SVC,
    UP,
    acct,
    b64,
    b64u,
    cert,
    host,
    nm,
    pem,
    rb,
    s,
    spki,
    user,
    uuid,
)

NEG: Table = []

# fmt: off
SECRETISH = ("db_password", "api_key", "secret", "auth_token", "client_secret", "password", "private_key", "token", "jwt_secret", "access_key", "secret_key", "apikey", "db_pass")


def sname(r: Random) -> str:
    return r.choice([f"{r.choice(ENV)}/{r.choice(SVC)}/db", f"{r.choice(ENV)}/{r.choice(CO)}", f"{r.choice(CO)}-{r.choice(ENV)}-db-credentials", f"{r.choice(SVC)}/{r.choice(ENV)}/api-key",
                     f"/{r.choice(CO)}/{r.choice(ENV)}/{r.choice(SVC)}-secret", f"rds!db-{uuid(r)}", f"{r.choice(SVC)}DbSecret{s(r, UP + DIG, 8)}-{s(r, ALNUM, 12)}"])


def ssm(r: Random) -> str:
    return f"/{r.choice(ENV)}/{r.choice(SVC)}/" + r.choice(["db/password", "api_key", "DB_PASSWORD", "stripe/secret-key", "token", "jwt-secret"])


def sm_arn(r: Random) -> str:
    return f"arn:aws:secretsmanager:{r.choice(REG)}:{acct(r)}:secret:{sname(r).strip('/')}-{s(r, ALNUM, 6)}" + r.choice(["", "", ":password::", ":apiKey:AWSCURRENT:"])


@kind(NEG, "secret_arn")
def _(r: Random) -> Built:
    return nm(r, "db_secret_arn", "secret_arn", "api_key_secret_arn", "dd_api_key_secret_arn", "credentials_arn", "rds_secret_arn", "token_secret_arn"), sm_arn(r)


@kind(NEG, "other_arn")
def _(r: Random) -> Built:
    g, a = r.choice(REG), acct(r)
    return nm(r, "topic_arn", "state_machine_arn", "role_arn", "key_arn", "queue_arn", "layer_arn", "user_pool_arn", "cert_arn"), r.choice(
        [f"arn:aws:sns:{g}:{a}:{r.choice(SVC)}-events", f"arn:aws:states:{g}:{a}:stateMachine:{r.choice(SVC)}", f"arn:aws:iam::{a}:role/{r.choice(SVC)}-lambda-role", f"arn:aws:kms:{g}:{a}:key/{uuid(r)}",
         f"arn:aws:acm:{g}:{a}:certificate/{uuid(r)}", f"arn:aws-us-gov:sqs:us-gov-west-1:{a}:{r.choice(SVC)}", f"arn:aws:lambda:{g}:{a}:layer:deps:{r.randint(1, 90)}"])


@kind(NEG, "secret_name")
def _(r: Random) -> Built:
    return nm(r, "secret_name", "secret_id", "db_secret_name", "db_secret_id", "secrets_manager_name", "credentials_secret", "db_credentials_secret_name", "password_secret", "rds_secret"), sname(r)


@kind(NEG, "ssm_parameter_path")
def _(r: Random) -> Built:
    return nm(r, "password_ssm_path", "ssm_parameter", "db_password_parameter", "token_parameter_name", "api_key_param", "ssm_secret_path", "secret_path", "db_password_ssm"), ssm(r)


@kind(NEG, "reference_under_secret_name")
def _(r: Random) -> Built:
    return nm(r, *SECRETISH), r.choice([sm_arn(r), ssm(r), f"arn:aws:ssm:{r.choice(REG)}:{acct(r)}:parameter{ssm(r)}"])


@kind(NEG, "token_url")
def _(r: Random) -> Built:
    return nm(r, "token_url", "auth_url", "token_endpoint", "oauth_token_url", "password_reset_url", "secrets_endpoint", "jwks_uri", "credential_url"), r.choice(
        [f"https://{r.choice(CO)}.auth.{r.choice(REG)}.amazoncognito.com/oauth2/token", f"https://login.microsoftonline.com/{uuid(r)}/oauth2/v2.0/token", f"https://auth.{r.choice(CO)}.com/oauth/token",
         f"https://{r.choice(CO)}.com/account/reset-password?lang=en", f"https://cognito-idp.{r.choice(REG)}.amazonaws.com/{r.choice(REG)}_{s(r, ALNUM, 9)}/.well-known/jwks.json"])


@kind(NEG, "api_key_header_name")
def _(r: Random) -> Built:
    return nm(r, "api_key_header", "auth_header_name", "token_header", "secret_header", "signature_header", "api_key_name", "token_param"), r.choice(
        ["x-api-key", "X-API-Key", "Authorization", "X-Auth-Token", "x-" + r.choice(CO) + "-token", "X-Hub-Signature-256", "apikey", "access_token", "X-" + r.choice(CO).capitalize() + "-Secret-Token"])


@kind(NEG, "password_policy_number")
def _(r: Random) -> Built:
    return nm(r, "password_min_length", "password_max_age_days", "secret_rotation_days", "max_password_attempts", "api_key_limit", "token_length", "secret_cache_size", "password_history"), str(r.choice([4, 6, 8, 12, 16, 24, 30, 32, 64, 90, 365, 1024]))


@kind(NEG, "token_ttl")
def _(r: Random) -> Built:
    return nm(r, "token_ttl", "jwt_expiration", "token_expiry_seconds", "secret_cache_ttl", "access_token_lifetime", "refresh_token_ttl", "password_reset_expiry"), r.choice(["3600", "15m", "7d", "PT1H", "86400", "900", "1h", "3600s", "30 days", "604800000"])


@kind(NEG, "kms_key_ref")
def _(r: Random) -> Built:
    return nm(r, "kms_key_id", "kms_key", "encryption_key_id", "kms_key_alias", "cmk_id", "data_key_id", "signing_key_id", "kms_cmk"), r.choice(
        [uuid(r), "mrk-" + s(r, HEX, 32), f"alias/{r.choice(CO)}-{r.choice(ENV)}", f"arn:aws:kms:{r.choice(REG)}:{acct(r)}:key/{uuid(r)}", f"arn:aws:kms:{r.choice(REG)}:{acct(r)}:alias/{r.choice(SVC)}"])


@kind(NEG, "dynamic_reference")
def _(r: Random) -> Built:
    return nm(r, *SECRETISH), r.choice(["{{resolve:secretsmanager:%s:SecretString:password}}" % sname(r), "{{resolve:ssm-secure:%s:1}}" % ssm(r), "{{resolve:ssm:%s}}" % ssm(r)])


@kind(NEG, "scheme_reference")
def _(r: Random) -> Built:
    return nm(r, *SECRETISH), r.choice([f"ssm:/{ssm(r)}", f"ssm:{ssm(r)}", f"vault:secret/data/{r.choice(SVC)}#password", f"vault://secret/{r.choice(SVC)}#token", f"op://{r.choice(CO)}/{r.choice(SVC)}/password",
                                      f"projects/{s(r, DIG[1:], 12)}/secrets/{r.choice(SVC)}-token/versions/latest", f"secretsmanager:{sname(r)}", f"awssm://{sname(r)}", f"aws-secrets-manager:{sname(r)}",
                                      f"@Microsoft.KeyVault(SecretUri=https://{r.choice(CO)}.vault.azure.net/secrets/{r.choice(SVC)}/)", f"sm://{r.choice(CO)}/{r.choice(SVC)}", f"file:///run/secrets/{r.choice(SVC)}_password"])


@kind(NEG, "kms_ciphertext")
def _(r: Random) -> Built:
    name = nm(r, "db_password", "encrypted_password", "api_key_encrypted", "kms_encrypted_token", "slack_hook_encrypted", "secret_ciphertext", "dd_kms_api_key", "encrypted_db_password")
    if r.choice([True, False]):
        return name, b64(b"\x01\x02\x02\x00\x78" + rb(r, 59) + b"\x01" + rb(r, 105))
    return name, b64(b"\x01\x01\x02\x00\x78" + rb(r, 59) + b"\x00" + rb(r, 105))


@kind(NEG, "git_sha")
def _(r: Random) -> Built:
    return nm(r, "git_sha", "commit_hash", "git_commit", "release", "build_id", "source_version", "dd_git_commit_sha", "revision"), s(r, HEX, r.choice([7, 8, 12, 40, 40, 40]))


@kind(NEG, "digest")
def _(r: Random) -> Built:
    return nm(r, "code_sha256", "image_digest", "checksum", "artifact_hash", "content_md5", "schema_hash", "model_sha", "config_hash"), r.choice(["sha256:" + s(r, HEX, 64), s(r, HEX, 64), b64(rb(r, 32)), s(r, HEX, 32), s(r, HEX, 128)])


@kind(NEG, "uuid_id")
def _(r: Random) -> Built:
    return nm(r, "tenant_id", "client_id", "account_id", "app_id", "user_id", "workspace_id", "org_id", "azure_tenant_id", "subscription_id", "correlation_id", "project_uuid"), uuid(r)


@kind(NEG, "bucket_name")
def _(r: Random) -> Built:
    return nm(r, "bucket", "bucket_name", "s3_bucket", "upload_bucket", "key_bucket", "secrets_bucket"), f"{r.choice(CO)}-{r.choice(SVC)}-{r.choice(ENV)}-{r.choice([acct(r), s(r, LO + DIG, 12)])}"


@kind(NEG, "table_name")
def _(r: Random) -> Built:
    return nm(r, "table_name", "users_table", "tokens_table", "session_table", "token_table_name", "api_keys_table", "password_reset_table"), f"{r.choice(CO).capitalize()}Stack-{r.choice(SVC).capitalize()}Table{s(r, UP + DIG, 8)}-{s(r, UP + DIG, 13)}"


@kind(NEG, "queue_url")
def _(r: Random) -> Built:
    return nm(r, "queue_url", "sqs_url", "dlq_url", "password_reset_queue", "token_queue_url"), f"https://sqs.{r.choice(REG)}.amazonaws.com/{acct(r)}/{r.choice(SVC)}-{r.choice(['queue', 'dlq', 'events.fifo', 'password-reset'])}"


@kind(NEG, "url_plain")
def _(r: Random) -> Built:
    return nm(r, "api_url", "base_url", "endpoint", "callback_url", "service_url", "secret_service_url", "auth_service", "webhook_url"), r.choice(
        [f"https://{host(r)}/v{r.randint(1, 3)}/{r.choice(SVC)}", f"https://{s(r, LO + DIG, 10)}.execute-api.{r.choice(REG)}.amazonaws.com/{r.choice(ENV)}", f"http://{host(r)}:8080", f"https://vpce-0{s(r, HEX, 16)}-{s(r, LO + DIG, 8)}.secretsmanager.{r.choice(REG)}.vpce.amazonaws.com",
         f"https://{host(r)}/search?q=token&page=2&sort=key"])


@kind(NEG, "url_user_only")
def _(r: Random) -> Built:
    return nm(r, "database_url", "db_url", "redis_url", "mongo_url", "sftp_url", "git_url"), r.choice(
        [f"postgresql://{user(r)}@{host(r)}:5432/{r.choice(SVC)}", f"redis://{host(r)}:6379/0", f"mongodb://{host(r)}:27017/{r.choice(SVC)}", f"sftp://{user(r)}@{host(r)}/in", f"git+ssh://git@github.com/{r.choice(CO)}/{r.choice(SVC)}.git",
         f"mysql://{user(r)}@{host(r)}/{r.choice(SVC)}?ssl=true", "postgres://${DB_USER}:${DB_PASSWORD}@" + host(r) + "/db", f"amqps://b-{uuid(r)}.mq.{r.choice(REG)}.amazonaws.com:5671"])


@kind(NEG, "jdbc_no_password")
def _(r: Random) -> Built:
    return nm(r, "jdbc_url", "datasource_url", "spring_datasource_url", "db_connection_string"), r.choice(
        [f"jdbc:postgresql://{host(r)}:5432/{r.choice(SVC)}?sslmode=verify-full", f"jdbc:mysql://{host(r)}/{r.choice(SVC)}?useSSL=true&user={user(r)}", f"Server={host(r)};Database={r.choice(SVC)};Integrated Security=true;", f"jdbc:sqlserver://{host(r)}:1433;databaseName={r.choice(SVC)};authentication=ActiveDirectoryMSI"])


@kind(NEG, "cognito_id")
def _(r: Random) -> Built:
    return nm(r, "user_pool_id", "cognito_client_id", "identity_pool_id", "app_client_id", "cognito_user_pool_client"), r.choice([f"{r.choice(REG)}_{s(r, ALNUM, 9)}", s(r, LO + DIG, 26), f"{r.choice(REG)}:{uuid(r)}"])


@kind(NEG, "stripe_publishable")
def _(r: Random) -> Built:
    return nm(r, "stripe_publishable_key", "stripe_public_key", "stripe_pk", "next_public_stripe_key"), "pk" + r.choice(["_live_", "_test_"]) + r.choice([s(r, ALNUM, 24), "51" + s(r, ALNUM, 97)])


@kind(NEG, "sentry_dsn_public")
def _(r: Random) -> Built:
    return nm(r, "sentry_dsn", "sentry_url", "raven_dsn"), f"https://{s(r, HEX, 32)}@o{r.randint(1000, 999999)}.ingest.sentry.io/{r.randint(10**6, 10**7)}"


@kind(NEG, "pem_certificate")
def _(r: Random) -> Built:
    return nm(r, "ca_cert", "tls_certificate", "rds_ca", "saml_cert", "client_cert", "public_cert"), pem("CERTIFICATE", cert(r), r.choice(["\n", "\\n"]))


@kind(NEG, "pem_public_key")
def _(r: Random) -> Built:
    return nm(r, "public_key", "jwt_public_key", "verify_key", "rsa_public_key", "webhook_public_key"), pem("PUBLIC" + " KEY", spki(r), r.choice(["\n", "\\n"]))


@kind(NEG, "public_cert_base64")
def _(r: Random) -> Built:
    return nm(r, "saml_idp_cert", "cert_b64", "public_key_b64", "idp_x509_cert", "jwt_public_key_base64"), r.choice([b64(cert(r)), b64(spki(r)), b64(pem("CERTIFICATE", cert(r)).encode())])


@kind(NEG, "ssh_public_key")
def _(r: Random) -> Built:
    return nm(r, "ssh_public_key", "authorized_key", "host_key", "known_hosts", "deploy_public_key"), r.choice(["", f"{r.choice(CO)}.com "]) + "ssh-ed25519 " + b64(b"\0\0\0\x0bssh-ed25519\0\0\0 " + rb(r, 32)) + r.choice(["", f" {user(r)}@{r.choice(CO)}"])


@kind(NEG, "jwks")
def _(r: Random) -> Built:
    return nm(r, "jwks", "public_jwks", "jwt_keys", "verification_keys"), json.dumps({"keys": [{"kty": "EC", "crv": "P-256", "use": "sig", "kid": s(r, B64U, 27), "x": b64u(rb(r, 32)), "y": b64u(rb(r, 32)), "alg": "ES256"}]})


@kind(NEG, "feature_flags_json")
def _(r: Random) -> Built:
    return nm(r, "feature_flags", "flags", "toggles", "auth_features"), json.dumps({r.choice(["enableTokenRefresh", "passwordless", "useNewApiKeyFlow", "secretScanning", "darkMode"]): r.random() < .5, "rollout": r.randint(0, 100), "password_login": False})


@kind(NEG, "json_config")
def _(r: Random) -> Built:
    return nm(r, "config", "db_config", "settings", "auth_config", "connection"), r.choice(
        [json.dumps({"host": host(r), "port": 5432, "user": user(r), "password_secret": sname(r)}), json.dumps({"secretArn": sm_arn(r), "region": r.choice(REG)}), json.dumps({"tokenUrl": f"https://{host(r)}/token", "scopes": ["read", "write"], "tokenTtl": 300}),
         json.dumps({"host": host(r), "password": "${DB_PASSWORD}", "ssl": True}), json.dumps([{"id": uuid(r), "name": r.choice(SVC)}])])


@kind(NEG, "cron")
def _(r: Random) -> Built:
    return nm(r, "schedule", "cron", "secret_rotation_schedule", "token_refresh_cron", "cron_expression"), r.choice(["rate(5 minutes)", "cron(0 12 * * ? *)", "0 */2 * * *", "cron(15 10 ? * MON-FRI *)", "at(2026-11-20T13:00:00)"])
