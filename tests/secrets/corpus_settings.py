# ruff: noqa: E501, S108 - one draw per line; prefixes are put together so that no literal is a token
"""Settings about secrets and everything else that is none in the first corpus, and what people dispute."""

from __future__ import annotations

import json
from random import Random

from tests.secrets.corpus_references import SECRETISH, ssm
from tests.secrets.registry import Built, Table, kind
from tests.secrets.values import (
    ALNUM,
    B32,
    B64U,
    CO,
    DIG,
    ENV,
    HEX,
    LO,
    REG,
    SVC,
    UP,
    WORDS,
    acct,
    b64,
    b64u,
    host,
    jwt,
    nm,
    pem,
    rb,
    s,
    style,
    user,
    uuid,
)

NEG: Table = []
NUL: Table = []


# fmt: off
@kind(NEG, "file_path")
def _(r: Random) -> Built:
    return nm(r, "token_file", "key_path", "private_key_file", "credentials_file", "password_file", "google_application_credentials", "ca_bundle", "ssl_cert_file", "secret_dir", "aws_web_identity_token_file"), r.choice(
        ["/var/run/secrets/token", "/opt/certs/rds-combined-ca-bundle.pem", f"/tmp/{r.choice(SVC)}/key.pem", "/etc/ssl/private/server.key", f"./config/{r.choice(ENV)}.json", "/mnt/efs/secrets/db_password", f"/var/task/{r.choice(SVC)}/sa.json", "~/.ssh/id_rsa", "C:\\certs\\client.pfx"])


@kind(NEG, "log_format")
def _(r: Random) -> Built:
    return nm(r, "log_format", "log_pattern", "powertools_log", "access_log_format", "redact_format"), r.choice(["%(asctime)s %(levelname)s %(name)s %(message)s", "[%t] %-5p %c - %m%n", "{level} {time} {msg}", "$remote_addr - $remote_user [$time_local] \"$request\"", "JSON", "%d{HH:mm:ss.SSS} [%thread] %logger{36}"])


@kind(NEG, "version")
def _(r: Random) -> Built:
    return nm(r, "version", "app_version", "api_version", "secret_version", "dd_version", "release_tag", "token_version", "stripe_api_version"), r.choice([f"{r.randint(0, 9)}.{r.randint(0, 40)}.{r.randint(0, 20)}", f"v{r.randint(1, 9)}.{r.randint(0, 9)}", f"2024-{r.randint(10, 12)}-{r.randint(10, 28)}", f"1.0.0-rc.{r.randint(1, 9)}+{s(r, HEX, 7)}", f"2023.{r.randint(1, 52)}.0-SNAPSHOT", "$LATEST"])


@kind(NEG, "date_time")
def _(r: Random) -> Built:
    return nm(r, "deployed_at", "start_date", "password_changed_at", "token_issued_at", "key_created", "expiry"), r.choice([f"2025-0{r.randint(1, 9)}-1{r.randint(0, 9)}", f"2025-0{r.randint(1, 9)}-1{r.randint(0, 9)}T10:{r.randint(10, 59)}:00Z", str(r.randint(16 * 10**8, 18 * 10**8)), str(r.randint(16 * 10**11, 18 * 10**11))])


@kind(NEG, "handler_name")
def _(r: Random) -> Built:
    return nm(r, "handler", "entrypoint", "dd_lambda_handler", "auth_handler", "token_validator", "secret_provider", "wrapper"), r.choice([f"src/{r.choice(SVC)}/index.handler", f"{r.choice(SVC)}.app.lambda_handler", "datadog_lambda.handler.handler", f"dist/{r.choice(SVC)}.main", "/opt/otel-handler", f"{r.choice(SVC)}.tokens.validate_token"])


@kind(NEG, "class_name")
def _(r: Random) -> Built:
    return nm(r, "password_encoder", "auth_provider_class", "token_store", "secret_resolver", "main_class", "credentials_provider"), r.choice([f"com.{r.choice(CO)}.auth.{r.choice(['Password', 'Token', 'Secret', 'ApiKey'])}Provider", f"{r.choice(CO)}.security.JwtTokenStore", "org.springframework.security.crypto.bcrypt.BCryptPasswordEncoder",
                                                                                                                        f"{r.choice(CO).capitalize()}.{r.choice(SVC).capitalize()}.SecretsManagerCredentialResolver", "software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider"])


@kind(NEG, "hostname")
def _(r: Random) -> Built:
    return nm(r, "db_host", "redis_host", "auth_host", "secrets_host", "smtp_server", "kafka_brokers", "token_service_host", "rds_endpoint"), r.choice([host(r), f"{host(r)}:5432", f"{r.choice(CO)}-cache.{s(r, LO + DIG, 6)}.ng.0001.use1.cache.amazonaws.com", f"b-1.{r.choice(CO)}.{s(r, LO + DIG, 6)}.c2.kafka.{r.choice(REG)}.amazonaws.com:9098,b-2.{r.choice(CO)}.{s(r, LO + DIG, 6)}.c2.kafka.{r.choice(REG)}.amazonaws.com:9098"])


@kind(NEG, "otel_settings")
def _(r: Random) -> Built:
    return r.choice([("OTEL_SERVICE_NAME", r.choice(SVC) + "-auth"), ("OTEL_RESOURCE_ATTRIBUTES", f"service.name={r.choice(SVC)},deployment.environment={r.choice(ENV)},service.version={s(r, HEX, 8)}"), ("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://{host(r)}:4318"),
                     ("OTEL_PROPAGATORS", "tracecontext,baggage,xray"), ("OTEL_TRACES_SAMPLER_ARG", "0.25"), ("OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST", "x-request-id,authorization"), ("AWS_LAMBDA_EXEC_WRAPPER", "/opt/otel-handler"),
                     ("DD_TRACE_OBFUSCATION_QUERY_STRING_REGEXP", "(?i)(?:p(?:ass)?w(?:or)?d|secret|api_?key)=[^&]+"), ("POWERTOOLS_SERVICE_NAME", r.choice(SVC)), ("DD_TAGS", f"team:{r.choice(SVC)},env:{r.choice(ENV)}")])


@kind(NEG, "placeholder")
def _(r: Random) -> Built:
    return nm(r, *SECRETISH), r.choice(["CHANGEME", "changeme", "change-me", "<your-key>", "<YOUR_API_KEY_HERE>", "your-api-key", "your_password_here", "xxxx", "x" * r.randint(5, 40), "XXXXXXXX", "********", "TODO", "REPLACE_ME", "replace-with-real-key", "dummy", "placeholder", "none", "null", "undefined", "N/A", "not-used",
                                      "unset", "INSERT_TOKEN_HERE", "[REDACTED]", "<REDACTED>", "PUT_YOUR_KEY_HERE", "fake", "example", "tbd", "-", "...", "insert-secret", "managed-by-terraform", "set-in-console", "enter_password", "0" * r.randint(8, 40)])


@kind(NEG, "template_variable")
def _(r: Random) -> Built:
    return nm(r, *SECRETISH), r.choice(["${DB_PASSWORD}", "$DB_PASSWORD", "{{ .Values.apiKey }}", "%(password)s", "#{Octopus.Password}", "${ssm:" + ssm(r) + "}", "$(cat /run/secrets/token)", "${{ secrets.API_KEY }}", "${env:API_TOKEN}", "${self:custom.secret}", "__API_KEY__", "%API_KEY%", "<%= token %>", "!Ref DbPassword", "${var.db_password}", "process.env.TOKEN", "${Token[TOKEN." + s(r, DIG, 3) + "]}"])


@kind(NEG, "doc_example_key")
def _(r: Random) -> Built:
    ex = "EXAM" + "PLE"
    return r.choice([(nm(r, "aws_key", "access_key"), "AK" + "IAIOSFODNN7" + ex), (nm(r, "aws_secret", "secret_access_key"), "wJalrXUtnFEMI" + "/K7MDENG/bPxRfiCY" + ex + "KEY"), (nm(r, "aws_key"), "AK" + "IAI44QH8DHB" + ex),
                     (nm(r, "jwt", "test_token"), jwt(r, {"sub": "1234567890", "name": "John Doe", "iat": 1516239022}, b"your-256-bit-secret")), (nm(r, "api_key", "secret_key"), "sk" + "_test_" + "x" * 24), (nm(r, "github_token"), "gh" + "p_" + "x" * 36),
                     (nm(r, "slack_url"), "https://hooks." + "slack.com/services/T" + "0" * 8 + "/B" + "0" * 8 + "/" + "X" * 24), (nm(r, "database_url"), "postgres://user:pass" + "word@localhost:5432/dbname"), (nm(r, "openai_api_key"), "sk" + "-..." ),
                     (nm(r, "private_key"), "-" * 5 + "BEGIN PRIVATE" + " KEY" + "-" * 5 + "\\n...\\n" + "-" * 5 + "END PRIVATE" + " KEY" + "-" * 5)])


@kind(NEG, "empty")
def _(r: Random) -> Built:
    return nm(r, *SECRETISH, "optional", "prefix"), r.choice(["", "", " ", '""', "''"])


@kind(NEG, "boolean")
def _(r: Random) -> Built:
    return nm(r, "mysql_allow_empty_password", "use_token", "require_password", "secret_rotation_enabled", "api_key_required", "enable_jwt", "show_password", "validate_token", "use_secrets_manager", "debug", "force_ssl", "password_auth"), r.choice(["yes", "no", "true", "false", "True", "FALSE", "1", "0", "on", "enabled", "disabled"])


@kind(NEG, "number")
def _(r: Random) -> Built:
    return nm(r, "timeout", "port", "batch_size", "memory", "account", "phone", "key_count", "secret_count", "max_tokens", "token_limit", "threshold", "shard_key_range"), str(r.choice([3306, 5432, 0.75, 128000, 4096, 30000, r.randint(1, 10**6), acct(r), "+1555" + s(r, DIG, 7), 1e6, -1]))


@kind(NEG, "comma_list")
def _(r: Random) -> Built:
    return nm(r, "secret_keys", "password_fields", "redact_keys", "allowed_token_types", "required_secrets", "sensitive_fields", "api_key_names", "allowed_origins", "mask_fields"), ",".join(r.sample(["password", "token", "apiKey", "secret", "ssn", "authorization", "accessToken", "refresh_token", "client_secret", "cookie"], r.randint(2, 6)))


@kind(NEG, "regex_value")
def _(r: Random) -> Built:
    return nm(r, "password_regex", "token_pattern", "secret_pattern", "password_policy", "key_regex", "api_key_format", "filter_pattern"), r.choice([r"^(?=.*[A-Z])(?=.*\d)[A-Za-z\d@$!%*?&]{8,}$", "[A-Za-z0-9_-]{32}", "^sk_[a-z]+_[0-9A-Za-z]{24}$", r"(?i)bearer\s+([a-z0-9._-]+)", "^AK" + "IA[0-9A-Z]{16}$", r".*\.(json|csv)$", r"^[\w.+-]+@[\w-]+\.\w+$"])


@kind(NEG, "integrity_hash")
def _(r: Random) -> Built:
    return nm(r, "script_integrity", "sri_hash", "bundle_integrity", "csp_hash", "package_integrity"), r.choice(["sha384-" + b64(rb(r, 48)), "sha512-" + b64(rb(r, 64)), "sha256-" + b64(rb(r, 32))])


@kind(NEG, "trace_id")
def _(r: Random) -> Built:
    return nm(r, "trace_id", "traceparent", "request_id", "parent_trace", "debug_trace"), r.choice([f"Root=1-{s(r, HEX, 8)}-{s(r, HEX, 24)};Parent={s(r, HEX, 16)};Sampled=1", f"00-{s(r, HEX, 32)}-{s(r, HEX, 16)}-01", f"1-{s(r, HEX, 8)}-{s(r, HEX, 24)}"])


@kind(NEG, "etag")
def _(r: Random) -> Built:
    return nm(r, "etag", "s3_object_version", "object_version_id", "model_etag", "code_version_id"), r.choice(['"' + s(r, HEX, 32) + '"', s(r, HEX, 32) + "-" + str(r.randint(2, 40)), s(r, ALNUM + "._", 32), 'W/"' + s(r, HEX, 20) + '"'])


@kind(NEG, "base64_config")
def _(r: Random) -> Built:
    return nm(r, "config_b64", "encoded_config", "template_base64", "mapping_b64", "cursor", "page_state", "user_data"), b64(r.choice([json.dumps({"region": r.choice(REG), "features": r.sample(SVC, 3), "limit": r.randint(1, 99)}), "#!/bin/bash\nyum update -y\necho " + r.choice(WORDS), f"<h1>Hello {r.choice(WORDS)}</h1><p>{' '.join(r.sample(WORDS, 8))}</p>", f"name: {r.choice(SVC)}\nreplicas: {r.randint(1, 9)}\n"]).encode())


@kind(NEG, "snowflake_account")
def _(r: Random) -> Built:
    return nm(r, "snowflake_account", "sf_account", "snowflake_warehouse", "snowflake_role"), r.choice([f"{s(r, UP, 7)}-{s(r, UP + DIG, 7)}", f"{s(r, LO, 2)}{s(r, DIG, 5)}.{r.choice(REG)}", f"{r.choice(SVC).upper()}_WH_XL", "SYSADMIN"])


@kind(NEG, "long_camel_identifier")
def _(r: Random) -> Built:
    return nm(r, "function_name", "resource_name", "stack_name", "secret_logical_id", "lambda_name", "key_store_name", "token_signer"), r.choice([f"{r.choice(CO).capitalize()}{r.choice(SVC).capitalize()}Stack{r.choice(['Password', 'Token', 'Secret', 'ApiKey'])}Rotation{r.choice(['Handler', 'Function', 'Lambda'])}{s(r, UP + DIG, 8)}",
                                                                                                                         f"{r.choice(CO)}{r.choice(SVC).capitalize()}{r.choice(WORDS).capitalize()}ProcessorQueueConsumerGroup", f"{r.choice(CO)}-{r.choice(SVC)}-{r.choice(ENV)}-token-authorizer-v{r.randint(1, 9)}"])


@kind(NEG, "auth_mode")
def _(r: Random) -> Built:
    return nm(r, "auth_type", "token_type", "secret_provider", "credential_source", "secret_backend", "auth_mode", "password_hash_algorithm", "jwt_algorithm", "key_type", "token_strategy"), r.choice(["bearer", "JWT", "aws", "secretsmanager", "iam", "oauth2", "client_credentials", "RS256", "HS256", "bcrypt", "argon2id", "SCRAM-SHA-512", "password", "apiKey", "none", "AES256", "aws:kms", "rsa-2048", "EcsContainer", "sliding"])


@kind(NEG, "oauth_client_id")
def _(r: Random) -> Built:
    return nm(r, "google_client_id", "client_id", "github_app_client_id", "oauth_client_id", "okta_client_id", "auth0_client_id", "azure_client_id", "app_id"), r.choice([f"{s(r, DIG[1:], 12)}-{s(r, LO + DIG, 32)}.apps.googleusercontent.com", "Iv1." + s(r, HEX, 16), "0oa" + s(r, ALNUM, 17), s(r, ALNUM, 32), uuid(r), s(r, DIG[1:], 6)])


@kind(NEG, "scope_issuer_audience")
def _(r: Random) -> Built:
    return nm(r, "token_issuer", "token_audience", "oauth_scopes", "jwt_audience", "jwt_issuer", "token_scope", "auth_domain"), r.choice([f"https://{r.choice(CO)}.eu.auth0.com/", "openid profile email", f"api://{uuid(r)}/.default", f"urn:{r.choice(CO)}:api", f"https://sts.windows.net/{uuid(r)}/", f"{r.choice(CO)}-{r.choice(SVC)}", "read:tokens write:secrets"])


@kind(NEG, "public_tracking_id")
def _(r: Random) -> Built:
    return nm(r, "ga_id", "gtm_id", "mapbox_public_token", "launchdarkly_client_side_id", "fb_pixel_id", "intercom_app_id", "algolia_app_id", "amplitude_app", "next_public_gtm"), r.choice(["GTM-" + s(r, UP + DIG, 7), "G-" + s(r, UP + DIG, 10), f"UA-{s(r, DIG[1:], 8)}-1", s(r, UP + DIG, 10), s(r, DIG[1:], 15), s(r, LO + DIG, 8)])


@kind(NEG, "aws_resource_id")
def _(r: Random) -> Built:
    return nm(r, "security_group_id", "subnet_ids", "vpc_id", "ami", "instance_id", "distribution_id", "hosted_zone_id", "rest_api_id", "efs_id", "hosted_zone"), r.choice(["sg-0" + s(r, HEX, 16), ",".join("subnet-0" + s(r, HEX, 16) for _ in range(3)), "vpc-0" + s(r, HEX, 16), "i-0" + s(r, HEX, 16), "E" + s(r, UP + DIG, 13), "Z0" + s(r, UP + DIG, 18), s(r, LO + DIG, 10), "fs-0" + s(r, HEX, 16)])


@kind(NEG, "region_env_name")
def _(r: Random) -> Built:
    return nm(r, "region", "environment", "stage", "env", "log_level", "node_env", "tz", "secret_region", "locale", "runtime_mode"), r.choice(REG + ENV + ["INFO", "DEBUG", "production", "UTC", "Europe/Berlin", "en_US.UTF-8"])


@kind(NEG, "user_or_email")
def _(r: Random) -> Built:
    return nm(r, "db_user", "db_username", "smtp_username", "from_email", "admin_email", "service_account_email", "ftp_user", "basic_auth_user", "snowflake_user"), r.choice([user(r), f"{r.choice(WORDS)}.{r.choice(WORDS)}@{r.choice(CO)}.com", f"no-reply@{r.choice(CO)}.io", f"{r.choice(SVC)}@{r.choice(CO)}-prod.iam.gserviceaccount.com"])


@kind(NEG, "data_key_name")
def _(r: Random) -> Built:
    return nm(r, "partition_key", "sort_key", "cache_key", "routing_key", "s3_key", "primary_key", "object_key", "state_key", "sharding_key", "foreign_key", "cache_key_prefix", "idempotency_key", "translation_key"), r.choice(["pk", "userId", f"user:{{id}}:{r.choice(SVC)}", f"{r.choice(SVC)}.created", f"{r.choice(SVC)}/2025/data.json", f"terraform/{r.choice(SVC)}/state.tfstate", "customer_id#order_id", f"{r.choice(CO)}:{r.choice(SVC)}:v2", "powertools_json(body).requestId"])


@kind(NEG, "key_id_fingerprint")
def _(r: Random) -> Built:
    return nm(r, "jwt_kid", "key_fingerprint", "ssh_fingerprint", "apple_key_id", "apns_key_id", "cloudfront_key_pair_id", "gpg_key_id", "thumbprint", "oidc_thumbprint", "key_pair_id"), r.choice(["SHA256:" + b64(rb(r, 32)).rstrip("="), ":".join(s(r, HEX, 2) for _ in range(16)), s(r, UP + DIG, 10), "K" + s(r, UP + DIG, 13), s(r, HEX.upper(), 40), s(r, B64U, 27)])


@kind(NEG, "secret_version_stage")
def _(r: Random) -> Built:
    return nm(r, "secret_version_stage", "secret_version_id", "secret_stage", "secret_key_name", "secret_field", "password_key", "secret_json_key"), r.choice(["AWSCURRENT", "AWSPREVIOUS", uuid(r), "password", "apiKey", "db_password", "SecretString", "username"])


@kind(NEG, "ulid_like_id")
def _(r: Random) -> Built:
    return nm(r, "run_id", "job_id", "event_id", "snapshot_id", "notion_database_id", "sheet_id", "spreadsheet_id", "drive_folder_id", "contentful_space", "price_id", "product_id"), r.choice(["01" + s(r, DIG + "ABCDEFGHJKMNPQRSTVWXYZ", 24), s(r, ALNUM, 27), s(r, B64U, 21), s(r, HEX, 32), "1" + s(r, B64U, 43), "price_1" + s(r, ALNUM, 23), "prod_" + s(r, ALNUM, 14), "cus_" + s(r, ALNUM, 14)])


@kind(NEG, "human_text")
def _(r: Random) -> Built:
    return nm(r, "description", "email_subject", "welcome_message", "title", "banner", "disclaimer", "support_text"), r.choice([f"Welcome to {r.choice(CO).capitalize()}, your {r.choice(WORDS)} account is ready.", "Your password will expire soon", f"Handles {r.choice(SVC)} token refresh for {r.choice(CO)}", f"{r.choice(CO).capitalize()} {r.choice(SVC)} report: {r.choice(WORDS)}", "Do not share your API key or secret with anyone"])


@kind(NEG, "color_mime_misc")
def _(r: Random) -> Built:
    return nm(r, "brand_color", "content_type", "accept", "encoding", "currency", "country", "font"), r.choice(["#" + s(r, HEX, 6), "application/json", "text/html; charset=utf-8", "EUR", "utf-8", "gzip, deflate, br", "Helvetica Neue"])


@kind(NEG, "ip_cidr_mac")
def _(r: Random) -> Built:
    def o() -> int:
        return r.randint(0, 255)

    return nm(r, "allowed_ips", "cidr", "proxy_ip", "whitelist", "bastion", "mac"), r.choice([f"10.{o()}.{o()}.0/24", f"{o()}.{o()}.{o()}.{o()},{o()}.{o()}.{o()}.{o()}", "2001:db8:" + ":".join(s(r, HEX, 4) for _ in range(6)), ":".join(s(r, HEX, 2) for _ in range(6))])


@kind(NEG, "hashed_asset_name")
def _(r: Random) -> Built:
    return nm(r, "main_js", "asset_path", "bundle", "layer_key", "artifact_key", "code_s3_key", "manifest"), r.choice([f"static/js/main.{s(r, HEX, 8)}.js", f"assets/{s(r, HEX, 64)}.zip", f"{r.choice(SVC)}/{s(r, HEX, 40)}/bundle.zip", f"chunk-{s(r, B64U, 8)}.mjs"])


@kind(NEG, "k8s_secret_name")
def _(r: Random) -> Built:
    return nm(r, "k8s_secret_name", "image_pull_secret", "tls_secret_name", "secret_ref", "external_secret", "credential_name", "key_vault_name", "secret_store"), f"{r.choice(CO)}-{r.choice(SVC)}-" + r.choice(["tls", "creds", "db-secret", "registry", "token"])


@kind(NEG, "cookie_name")
def _(r: Random) -> Built:
    return nm(r, "session_cookie_name", "csrf_cookie", "token_cookie", "auth_cookie_name", "csrf_header", "token_key", "jwt_claim", "token_storage_key"), r.choice(["__Host-session", f"{r.choice(CO)}_sid", "XSRF-TOKEN", "csrftoken", "access_token", "auth._token.local", "id_token", "custom:tenantId"])


@kind(NEG, "public_chain_address")
def _(r: Random) -> Built:
    return nm(r, "contract_address", "token_address", "wallet_address", "usdc_token", "erc20_token_contract"), "0x" + s(r, HEX + "ABCDEF", 40)


@kind(NEG, "chat_object_id")
def _(r: Random) -> Built:
    return nm(r, "slack_channel", "slack_channel_id", "slack_team_id", "telegram_chat_id", "discord_guild_id", "slack_app_id", "teams_channel"), r.choice(["C0" + s(r, UP + DIG, 9), "T0" + s(r, UP + DIG, 8), "-100" + s(r, DIG, 10), str(r.randint(10**17, 10**18)), "#alerts-" + r.choice(SVC), f"19:{s(r, HEX, 32)}@thread.tacv2"])


@kind(NEG, "llm_token_settings")
def _(r: Random) -> Built:
    return nm(r, "max_tokens", "tokenizer", "max_output_tokens", "model_id", "embedding_model", "token_budget", "stop_token", "pad_token", "tokenizer_path"), r.choice(["4096", "anthropic.claude-3-sonnet-20240229-v1:0", "cl100k_base", "<|endoftext|>", "gpt2", "bert-base-uncased", "[PAD]", "us.anthropic.claude-sonnet-4-20250514-v1:0"])


@kind(NEG, "topic_or_event_name")
def _(r: Random) -> Built:
    return nm(r, "password_reset_topic", "token_events", "secret_rotated_event", "user_password_event", "kafka_topic", "detail_type", "event_bus_name"), r.choice([f"{r.choice(CO)}.{r.choice(SVC)}.password-changed.v1", "UserPasswordReset", "token.revoked", f"{r.choice(SVC)}-events", "SecretRotationSucceeded"])


@kind(NEG, "iam_or_role_name")
def _(r: Random) -> Built:
    return nm(r, "role_name", "policy_name", "vault_role", "iam_user", "vault_mount", "secret_access_role", "auth_role", "credential_process_role"), f"{r.choice(CO)}-{r.choice(SVC)}-" + r.choice(["SecretsReader", "TokenIssuer", "ReadOnly", "lambda-exec-role", "kv-v2"])


@kind(NEG, "connection_arn_or_id")
def _(r: Random) -> Built:
    return nm(r, "connection_id", "codestar_connection", "api_key_id", "usage_plan_id", "access_key_name", "credential_id", "secret_owner", "plaid_client_id", "sso_instance"), r.choice([s(r, LO + DIG, 10), uuid(r), s(r, HEX, 24), "ssoins-" + s(r, HEX, 16), r.choice(CO) + "-deploy-key"])


@kind(NUL, "public_firebase_key")
def _(r: Random) -> Built:
    return style(r, [r.choice(["next_public", "react_app", "vite", "expo_public"]), "firebase_api_key"]), "AI" + "zaSy" + s(r, B64U, 33)


@kind(NUL, "supabase_anon_jwt")
def _(r: Random) -> Built:
    return nm(r, "supabase_anon_key", "anon_key"), jwt(r, {"iss": "supabase", "ref": s(r, LO, 20), "role": "anon", "iat": 1700000000, "exp": 2015000000})


@kind(NUL, "presigned_url")
def _(r: Random) -> Built:
    return nm(r, "download_url", "presigned_url"), f"https://{r.choice(CO)}.s3.amazonaws.com/x.zip?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AS" + f"IA{s(r, B32, 16)}%2F20250101%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20250101T000000Z&X-Amz-Expires=3600&X-Amz-SignedHeaders=host&X-Amz-Signature={s(r, HEX, 64)}"


@kind(NUL, "password_hash")
def _(r: Random) -> Built:
    return nm(r, "admin_password_hash", "htpasswd", "password_bcrypt"), "$2" + "b$12$" + s(r, ALNUM + "./", 53)


@kind(NUL, "salt")
def _(r: Random) -> Built:
    return nm(r, "salt", "hash_salt", "password_salt"), s(r, HEX, 32)


@kind(NUL, "password_is_default_word")
def _(r: Random) -> Built:
    return nm(r, "db_password", "password", "postgres_password"), r.choice(["password", "postgres", "admin", "root", "guest", "secret", "test"])


@kind(NUL, "localhost_default_url")
def _(r: Random) -> Built:
    return nm(r, "database_url", "broker_url"), r.choice(["postgres://postgres:post" + "gres@localhost:5432/postgres", "amqp://guest:gu" + "est@localhost:5672//", "redis://:re" + "dis@127.0.0.1:6379"])


@kind(NUL, "encrypted_pem")
def _(r: Random) -> Built:
    return nm(r, "private_key", "tls_key"), pem("ENCRYPTED PRIVATE" + " KEY", rb(r, 300))


@kind(NUL, "name_like_value")
def _(r: Random) -> Built:
    return nm(r, "db_password", "api_key"), f"{r.choice(CO)}-{r.choice(ENV)}-db-password"


@kind(NUL, "mapbox_or_posthog_public")
def _(r: Random) -> Built:
    return nm(r, "mapbox_token", "posthog_key", "segment_write_key"), r.choice(["p" + "k." + b64u(json.dumps({"u": r.choice(CO), "a": s(r, LO + DIG, 25)}).encode()) + "." + s(r, B64U, 22), "ph" + "c_" + s(r, ALNUM, 43), s(r, ALNUM, 32)])
