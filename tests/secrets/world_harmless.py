# ruff: noqa: E501 - one kind per line, whole, is how this table is read
"""What stands beside the secrets in public example configurations and is none: settings, references, public keys, ids."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random

from tests.secrets.drawing import (
    ALNUM,
    FIRMS,
    HEX,
    LOWER,
    PEOPLE,
    REGIONS,
    SERVICES,
    STAGES,
    THINGS,
    UPPER,
    WORD,
    account,
    b64,
    b64url,
    block,
    draw,
    drawn_bytes,
    login,
    machine,
    uuid4,
)  # fmt: skip

Draw = Callable[[Random], str]
Kind = tuple[str, str, Draw]

_CREDENTIAL_NAMES = "DB_PASSWORD API_KEY JWT_SECRET CLIENT_SECRET AUTH_TOKEN STRIPE_SECRET_KEY SMTP_PASS adminPassword SLACK_TOKEN PRIVATE_KEY"


def one_of(text: str) -> Draw:
    """Return a draw among the words of a text."""
    words = text.split()
    return lambda r: r.choice(words)


def _secret_arn(r: Random) -> str:
    suffix = r.choice(["", "", ":password::", ":token:AWSCURRENT:"])
    return f"arn:aws:secretsmanager:{r.choice(REGIONS)}:{account(r)}:secret:{r.choice(STAGES)}/{r.choice(SERVICES)}-{draw(r, ALNUM, 6)}{suffix}"


def _parameter(r: Random) -> str:
    return f"/{r.choice(FIRMS)}/{r.choice(STAGES)}/{r.choice(['db_password', 'stripe/key', 'jwt-secret', 'oauth/client_secret', 'token'])}"


def _reference(r: Random) -> str:
    return r.choice(
        [
            f"op://{r.choice(FIRMS)}/{r.choice(SERVICES)}/credential",
            f"vault:kv/data/{r.choice(SERVICES)}#token",
            f"ref+awssecrets://{r.choice(STAGES)}/{r.choice(SERVICES)}",
            f"ssm:{_parameter(r)}",
            f"sops://{r.choice(SERVICES)}.enc.yaml#password",
            f"doppler://{r.choice(FIRMS)}/{r.choice(STAGES)}/KEY",
            f"gcp-sm://projects/{r.choice(FIRMS)}/secrets/{r.choice(SERVICES)}",
            f"projects/{r.choice(FIRMS)}-{r.choice(STAGES)}/secrets/{r.choice(SERVICES)}-key/versions/3",
            "@Microsoft.KeyVault(VaultName=" + r.choice(FIRMS) + ";SecretName=db)",
            f"https://{r.choice(FIRMS)}.vault.azure.net/secrets/{r.choice(SERVICES)}/{draw(r, HEX, 32)}",
            f"akv://{r.choice(FIRMS)}/{r.choice(SERVICES)}",
            f"/run/secrets/{r.choice(SERVICES)}_password",
            f"file:/etc/creds/{r.choice(SERVICES)}",
            f"env://{r.choice(SERVICES).upper()}_KEY",
            f"secretsmanager://{r.choice(STAGES)}/{r.choice(SERVICES)}?key=password",
            f"bw:{uuid4(r)}",
        ]
    )


def _template(r: Random) -> str:
    variable = r.choice(["DB_PASSWORD", "API_KEY", "token", "secret.value"])
    return r.choice(
        ["${%s}", "$%s", "{{ %s }}", "{{%s}}", "<%%= %s %%>", "%%%s%%", "#{%s}#", "${{ secrets.%s }}", "$(%s)", "((%s))", "{%s}", "@@%s@@", "${%s:-}", "${env.%s}", "!Sub ${%s}", "[[%s]]"]
    ) % variable.replace(".", "_")  # fmt: skip


def _placeholder(r: Random) -> str:
    return r.choice(
        ["your_api_key", "your-secret-key-here", "YOUR_TOKEN", "<your-password>", "<password>", "changeme", "change_me", "ChangeMe123!", "replace_with_yours", "replace-me", "REPLACE_THIS", "insert_your_key_here", "put-your-token-here", "sk_test_...", "whsec_...", "sk-proj-...", "xxx", "xxxxxxxx", "XXXX-XXXX-XXXX", "************", "TODO", "FIXME", "tbd", "n/a", "none", "null", "undefined", "empty", "dummy", "dummy-key", "fake-token", "fake_secret", "example", "example_key", "sample-token", "placeholder", "my_secret_key_here", "some-secret-key", "enter-your-password-here", "<insert>", "redacted", "[REDACTED]", "ENTER_PASSWORD", "secret_goes_here", "not-a-real-key", "votre_mot_de_passe", "tu_clave_aqui", "dein-passwort", "your_client_secret_here", "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "AIzaXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX", "pk_test_your_key", "SG.xxxxxxxx.xxxxxxxxxxxx", "to-be-set", "set_me_in_console", "unset", "unused", "disabled", "not_set", "...", "-", "000000000000", "your-256-bit-secret"]
    )  # fmt: skip


def _harmless_url(r: Random) -> str:
    return r.choice(
        [
            f"https://{machine(r)}/oauth/token",
            f"https://{r.choice(FIRMS)}.eu.auth0.com/.well-known/openid-configuration",
            f"https://sqs.{r.choice(REGIONS)}.amazonaws.com/{account(r)}/{r.choice(SERVICES)}-password-reset",
            f"https://{draw(r, LOWER, 10)}.execute-api.{r.choice(REGIONS)}.amazonaws.com/{r.choice(STAGES)}/",
            f"https://{draw(r, LOWER, 13)}.cloudfront.net/assets/index-{draw(r, ALNUM, 8)}.js",
            f"https://cognito-idp.{r.choice(REGIONS)}.amazonaws.com/{r.choice(REGIONS)}_{draw(r, ALNUM, 9)}",
            f"https://github.com/{r.choice(FIRMS)}/{r.choice(SERVICES)}/archive/{draw(r, HEX, 40)}.zip",
            f"https://login.microsoftonline.com/{uuid4(r)}/v2.0",
            f"https://{machine(r)}/callback?state=none&response_type=code&scope=read",
            f"https://docs.google.com/spreadsheets/d/1{draw(r, WORD, 43)}/edit",
            f"https://{r.choice(FIRMS)}.documents.azure.com:443/",
            f"https://storage.googleapis.com/{r.choice(FIRMS)}-{r.choice(STAGES)}/",
            f"http://{machine(r)}:8080/auth/realms/{r.choice(SERVICES)}",
            f"wss://{draw(r, LOWER, 10)}.execute-api.{r.choice(REGIONS)}.amazonaws.com/live",
            f"https://vpce-0{draw(r, HEX, 16)}.secretsmanager.{r.choice(REGIONS)}.vpce.amazonaws.com",
        ]
    )


def _no_password(r: Random) -> str:
    return r.choice(
        [
            f"postgresql://{login(r)}@{machine(r)}:5432/{r.choice(SERVICES)}",
            f"redis://{machine(r)}:6379/1",
            f"mongodb://{machine(r)}:27017/?authSource=admin&authMechanism=MONGODB-AWS",
            f"jdbc:postgresql://{machine(r)}:5432/{r.choice(SERVICES)}?user={login(r)}",
            f"Server={machine(r)};Database={r.choice(SERVICES)};Trusted_Connection=True;",
            "postgres://${USER}:${PASSWORD}@" + machine(r) + "/db",
            "mysql://<user>:<password>@" + machine(r) + "/db",
            f"amqp://{machine(r)}:5672",
            f"ssh://git@github.com/{r.choice(FIRMS)}/{r.choice(SERVICES)}.git",
            "sqlite:////tmp/app.db",
            f"s3://{r.choice(FIRMS)}-{r.choice(STAGES)}-exports/tokens/",
            f"Endpoint=https://{r.choice(FIRMS)}.azconfig.io;Authentication=ManagedIdentity",
            f"kafka://{machine(r)}:9092",
            f"AuthType=Office365;Url=https://{r.choice(FIRMS)}.crm.dynamics.com",
        ]
    )


def _json_settings(r: Random) -> str:
    return json.dumps(
        r.choice(
            [
                {"passwordPolicy": {"minLength": r.randint(8, 16), "requireSymbols": True}},
                {"secretName": f"{r.choice(STAGES)}/{r.choice(SERVICES)}", "region": r.choice(REGIONS)},
                {"tokenEndpoint": f"https://{machine(r)}/token", "clientId": uuid4(r)},
                {"tableName": f"{r.choice(SERVICES)}-tokens", "ttlSeconds": 900, "partitionKey": "userId"},
                {"api_key": {"Ref": "ApiKeyParameter"}, "password": {"Fn::ImportValue": "DbPassword"}},
                {"rules": [{"field": "password", "action": "mask"}, {"field": "ssn", "action": "drop"}]},
                {"auth": {"type": "iam", "tokenHeader": "x-api-key"}},
                {"password": "", "username": login(r)},
            ]
        )
    )


KINDS: tuple[Kind, ...] = (
    ("powertools", "POWERTOOLS_METRICS_NAMESPACE POWERTOOLS_LOG_LEVEL POWERTOOLS_SERVICE_NAME POWERTOOLS_IDEMPOTENCY_TABLE", lambda r: r.choice([r.choice(SERVICES), "DEBUG", f"{r.choice(FIRMS)}-idempotency"])),
    ("secret_arn", "DB_SECRET_ARN SECRET_ARN OPENAI_API_KEY_SECRET_ARN RDS_CREDENTIALS_ARN DB_PASSWORD JWT_SECRET DD_API_KEY_SECRET_ARN", _secret_arn),
    ("secret_name", "SECRET_NAME SECRETS_MANAGER_SECRET_ID DB_SECRET_NAME CREDENTIALS_SECRET_NAME OPENAI_SECRET_NAME API_KEY_SECRET_ID AWS_SECRET_NAME", lambda r: r.choice([f"{r.choice(STAGES)}/{r.choice(FIRMS)}/{r.choice(SERVICES)}", f"{r.choice(SERVICES)}-{r.choice(STAGES)}-openai-key", f"{r.choice(SERVICES).capitalize()}ApiKey{draw(r, HEX.upper(), 8)}-{draw(r, ALNUM, 12)}"])),
    ("secret_name_bare", "DB_SECRET APP_SECRET RDS_SECRET DATABASE_CREDENTIALS OAUTH_CREDENTIALS", lambda r: r.choice([f"{r.choice(STAGES)}/{r.choice(SERVICES)}/database", f"{r.choice(FIRMS)}-{r.choice(STAGES)}-db-credentials", f"rds!cluster-{uuid4(r)}"])),
    ("parameter_path", "DB_PASSWORD_PARAM SSM_TOKEN_PATH API_KEY_PARAMETER_NAME STRIPE_KEY_SSM_PARAM PARAMETER_PREFIX PASSWORD_PARAMETER", _parameter),
    ("parameter_under_credential", _CREDENTIAL_NAMES, _parameter),
    ("reference", _CREDENTIAL_NAMES, _reference),
    ("template", _CREDENTIAL_NAMES, _template),
    ("placeholder", _CREDENTIAL_NAMES, _placeholder),
    ("cfn_dynamic", _CREDENTIAL_NAMES, lambda r: "{{resolve:" + r.choice([f"secretsmanager:{r.choice(STAGES)}/db:SecretString:password", f"ssm-secure:{_parameter(r)}:2"]) + "}}"),
    ("kms_blob", "ENCRYPTED_DB_PASSWORD kmsEncryptedToken SLACK_TOKEN_ENCRYPTED DB_PASSWORD ENCRYPTED_API_KEY", lambda r: b64(b"\x01\x02\x02\x00\x78" + drawn_bytes(r, 140))),
    ("sops_or_vault", "DB_PASSWORD API_TOKEN", lambda r: r.choice([f"ENC[AES256_GCM,data:{b64(drawn_bytes(r, 12))},iv:{b64(drawn_bytes(r, 32))},tag:{b64(drawn_bytes(r, 16))},type:str]", "vault:v1:" + b64(drawn_bytes(r, 40)), f"ENC({b64(drawn_bytes(r, 32))})"])),
    ("harmless_url", "TOKEN_URL OAUTH_TOKEN_ENDPOINT AUTH0_ISSUER_BASE_URL ISSUER_URL PASSWORD_RESET_QUEUE_URL WEBSOCKET_ENDPOINT API_BASE_URL SECRETS_MANAGER_ENDPOINT KEYCLOAK_URL ASSETS_URL SHEET_URL CALLBACK_URL", _harmless_url),
    ("no_password_url", "DATABASE_URL REDIS_URL MONGO_URL CONNECTION_STRING REPO_URL BROKER_URL DB_DSN", _no_password),
    ("ttl", "JWT_EXPIRES_IN ACCESS_TOKEN_TTL_MINUTES JWT_REFRESH_EXPIRATION TOKEN_EXPIRE_SECONDS SESSION_SECRET_ROTATION_DAYS PASSWORD_RESET_TIMEOUT SECRETS_CACHE_TTL_SECONDS TOKEN_LIFETIME jwtExpiry", one_of("15m 1h 7d 30d 3600 86400 900 14 300000 PT15M 90 1d 2h")),
    ("policy_number", "PASSWORD_MIN_LENGTH MIN_PASSWORD_LENGTH BCRYPT_SALT_ROUNDS PASSWORD_HASH_ITERATIONS MAX_LOGIN_ATTEMPTS API_KEY_LENGTH TOKEN_BYTES PBKDF2_ITERATIONS OTP_LENGTH OTP_DIGITS SECRET_KEY_BITS", one_of("8 10 12 32 64 600000 6 5 256 4096")),
    ("boolean", "MYSQL_ALLOW_EMPTY_PASSWORD ALLOW_EMPTY_PASSWORD MYSQL_RANDOM_ROOT_PASSWORD REQUIRE_API_KEY ENABLE_TOKEN_AUTH USE_SECRETS_MANAGER REDIS_TLS_ENABLED SHOW_PASSWORD_HINT DISABLE_PASSWORD_LOGIN HAS_TOKEN POSTGRES_HOST_AUTH_METHOD_TRUST", one_of("yes no true false 1 0 on TRUE False")),
    ("header_name", "API_KEY_HEADER API_KEY_HEADER_NAME AUTH_HEADER TOKEN_HEADER_NAME WEBHOOK_SIGNATURE_HEADER CSRF_HEADER_NAME SECRET_HEADER_NAME", one_of("X-API-Key x-api-key Authorization X-Auth-Token X-Shopify-Hmac-Sha256 Stripe-Signature X-CSRF-Token x-internal-secret")),
    ("cookie_or_field", "SESSION_COOKIE_NAME TOKEN_COOKIE_NAME CSRF_COOKIE JWT_COOKIE_NAME PASSWORD_FIELD TOKEN_FIELD_NAME AUTH_COOKIE JWT_CLAIM_NAME", one_of("sessionid connect.sid __Secure-next-auth.session-token access_token jwt csrftoken user_password XSRF-TOKEN tenant_id")),
    ("algorithm", "JWT_ALGORITHM TOKEN_TYPE PASSWORD_HASHER AUTH_MODE AUTH_STRATEGY SASL_MECHANISM ENCRYPTION_ALGORITHM KEY_TYPE POSTGRES_HOST_AUTH_METHOD HASH_ALGORITHM SECRETS_BACKEND", one_of("HS256 RS256 Bearer argon2id bcrypt jwt oauth2 SCRAM-SHA-512 aes-256-gcm RSA_2048 scram-sha-256 sha256 vault aws PLAIN md5 ES256 trust")),
    ("client_id", "GOOGLE_CLIENT_ID GITHUB_CLIENT_ID AUTH0_CLIENT_ID COGNITO_CLIENT_ID AZURE_CLIENT_ID SPOTIFY_CLIENT_ID PAYPAL_CLIENT_ID OKTA_CLIENT_ID USER_POOL_CLIENT_ID zoomClientId", lambda r: r.choice([f"{r.randint(10**11, 10**12)}-{draw(r, LOWER, 32)}.apps.googleusercontent.com", draw(r, ALNUM, 32), draw(r, LOWER, 26), uuid4(r), "Iv1." + draw(r, HEX, 16), "0oa" + draw(r, ALNUM, 17), "Ov23li" + draw(r, ALNUM, 14)])),
    ("tenant_or_account", "AZURE_TENANT_ID ACCOUNT_ID AWS_ACCOUNT_ID TENANT_ID CLOUDFLARE_ACCOUNT_ID CLOUDFLARE_ZONE_ID PUSHER_APP_ID ALGOLIA_APP_ID FIREBASE_APP_ID ONESIGNAL_APP_ID", lambda r: r.choice([uuid4(r), account(r), draw(r, HEX, 32), draw(r, UPPER, 10), f"1:{r.randint(10**11, 10**12)}:web:{draw(r, HEX, 22)}"])),
    ("cognito", "USER_POOL_ID COGNITO_USER_POOL_ID IDENTITY_POOL_ID", lambda r: r.choice([f"{r.choice(REGIONS)}_{draw(r, ALNUM, 9)}", f"{r.choice(REGIONS)}:{uuid4(r)}"])),
    ("publishable", "STRIPE_PUBLISHABLE_KEY STRIPE_PUBLIC_KEY NEXT_PUBLIC_STRIPE_KEY STRIPE_PK", lambda r: "pk" + r.choice(["_live_", "_test_"]) + draw(r, ALNUM, r.choice([24, 99]))),
    ("site_key", "RECAPTCHA_SITE_KEY HCAPTCHA_SITE_KEY TURNSTILE_SITE_KEY NEXT_PUBLIC_RECAPTCHA_SITE_KEY", lambda r: "6L" + draw(r, WORD, 38)),
    ("vapid_public", "VAPID_PUBLIC_KEY NEXT_PUBLIC_VAPID_KEY WEB_PUSH_PUBLIC_KEY", lambda r: "B" + b64url(drawn_bytes(r, 64))),
    ("public_key", "JWT_PUBLIC_KEY RSA_PUBLIC_KEY DISCORD_PUBLIC_KEY KEYCLOAK_PUBLIC_KEY SNS_PUBLIC_KEY", lambda r: r.choice([block("PUBLIC KEY", b"\x30\x59\x30\x13" + drawn_bytes(r, 87), r.choice(["\n", "\\n"])), draw(r, HEX, 64), b64(drawn_bytes(r, 64))])),
    ("certificate", "DB_SSL_CA CA_CERTIFICATE SAML_IDP_CERT TLS_CERT NODE_CA", lambda r: block("CERTIFICATE", b"\x30\x82\x02\x10" + drawn_bytes(r, 400), r.choice(["\n", "\\n"]))),
    ("ssh_public", "SSH_PUBLIC_KEY AUTHORIZED_KEYS DEPLOY_KEY_PUB", lambda r: f"ssh-{r.choice(['rsa', 'ed25519'])} AAAA{draw(r, ALNUM + '+/', 68)} {r.choice(PEOPLE)}@{r.choice(FIRMS)}"),
    ("sentry_dsn", "SENTRY_DSN NEXT_PUBLIC_SENTRY_DSN SENTRY_DSN_BACKEND", lambda r: f"https://{draw(r, HEX, 32)}@o{r.randint(1000, 999999)}.ingest.{r.choice(['us.', 'de.', ''])}sentry.io/{r.randint(10**6, 10**8)}"),
    ("git_or_build", "COMMIT_SHA GIT_COMMIT BUILD_ID VERCEL_GIT_COMMIT_SHA SOURCE_COMMIT RELEASE_HASH DEPLOY_VERSION CODEBUILD_RESOLVED_SOURCE_VERSION", lambda r: r.choice([draw(r, HEX, 40), draw(r, HEX, 7), f"build-{r.randint(100, 99999)}", f"v{r.randint(0, 9)}.{r.randint(0, 30)}.{r.randint(0, 9)}-{draw(r, HEX, 7)}"])),
    ("digest", "IMAGE_DIGEST LAYER_SHA256 PACKAGE_CHECKSUM CODE_SHA_256 ASSET_HASH MODEL_MD5 BUNDLE_INTEGRITY", lambda r: r.choice(["sha256:" + draw(r, HEX, 64), b64(drawn_bytes(r, 32)), draw(r, HEX, 32), draw(r, HEX, 64), "sha512-" + b64(drawn_bytes(r, 64))])),
    ("kms", "KMS_KEY_ID KMS_KEY_ARN KMS_KEY ENCRYPTION_KEY_ARN DATA_KEY_ID SIGNING_KEY_ALIAS CMK_ARN", lambda r: r.choice([uuid4(r), f"alias/{r.choice(FIRMS)}/{r.choice(SERVICES)}", f"arn:aws:kms:{r.choice(REGIONS)}:{account(r)}:key/mrk-{draw(r, HEX, 32)}"])),
    ("table_or_bucket", "TOKENS_TABLE API_KEYS_TABLE_NAME SECRETS_BUCKET SESSION_TABLE CREDENTIALS_TABLE TABLE_NAME PASSWORD_HISTORY_TABLE KEYS_BUCKET", lambda r: r.choice([f"{r.choice(FIRMS)}-{r.choice(STAGES)}-tokens", f"{r.choice(SERVICES).capitalize()}Stack-TokensTable{draw(r, UPPER, 8)}-{draw(r, UPPER, 12)}", f"cdk-hnb659fds-assets-{account(r)}-{r.choice(REGIONS)}"])),
    ("file_path", "GOOGLE_APPLICATION_CREDENTIALS POSTGRES_PASSWORD_FILE SSL_KEY_PATH TOKEN_FILE KUBECONFIG PRIVATE_KEY_PATH DB_PASSWORD_FILE JWT_PRIVATE_KEY_PATH SSH_KEY_FILE", lambda r: r.choice([f"/run/secrets/{r.choice(SERVICES)}_password", "/var/task/keys/service-account.json", f"./certs/{r.choice(SERVICES)}.key", "/home/app/.kube/config", "keys/jwt-private.pem", "~/.ssh/id_ed25519", "/opt/secrets/token"])),
    ("llm_settings", "MAX_TOKENS OPENAI_MAX_TOKENS TOKENIZERS_PARALLELISM LLM_TOKEN_LIMIT STOP_TOKEN EOS_TOKEN TOKENIZER_MODEL CONTEXT_TOKENS TOKENS_PER_MINUTE", one_of("4096 128000 false </s> cl100k_base 2048 <|im_end|> o200k_base 90000")),
    ("data_keys", "PARTITION_KEY SORT_KEY CACHE_KEY_PREFIX REDIS_KEY_PREFIX S3_OBJECT_KEY STATE_KEY IDEMPOTENCY_KEY_JMESPATH GSI_HASH_KEY ROUTING_KEY LOCK_KEY PRIMARY_KEY_COLUMN QUERY_KEY", one_of("pk sk userId tenant#order cache:v2: app:sessions: exports/2026/01/report.csv env/prod/terraform.tfstate powertools_json(body).id gsi1pk orders.created lock:daily id")),
    ("key_id", "APPLE_KEY_ID APNS_KEY_ID JWT_KEY_ID JWKS_KID CLOUDFRONT_KEY_PAIR_ID SIGNING_KEY_ID APP_STORE_KEY_ID API_KEY_ID USAGE_PLAN_KEY_ID", lambda r: r.choice([draw(r, UPPER, 10), "K" + draw(r, UPPER, 13), uuid4(r), draw(r, LOWER, 10)])),
    ("fingerprint", "SSH_HOST_FINGERPRINT CERT_THUMBPRINT OIDC_THUMBPRINT KEY_FINGERPRINT APP_SIGNING_SHA256", lambda r: r.choice([draw(r, HEX, 40), ":".join(draw(r, HEX.upper(), 2) for _ in range(32)), "SHA256:" + b64(drawn_bytes(r, 32)).rstrip("=")])),
    ("event_names", "PASSWORD_RESET_TEMPLATE_ID TOKEN_REVOKED_TOPIC USER_PASSWORD_CHANGED_EVENT SECRET_ROTATION_LAMBDA TOKEN_QUEUE_NAME PASSWORD_RESET_SUBJECT FORGOT_PASSWORD_EMAIL_TEMPLATE", lambda r: r.choice([f"{r.choice(SERVICES)}-password-reset", "d-" + draw(r, HEX, 32), "token.revoked.v2", "Reset your password", f"{r.choice(FIRMS)}-rotate-secret", "user.password.changed"])),
    ("oauth_scope_issuer", "JWT_ISSUER JWT_AUDIENCE TOKEN_AUDIENCE OAUTH_SCOPE AUTH0_AUDIENCE AUTH0_DOMAIN OKTA_DOMAIN TOKEN_ISSUER", lambda r: r.choice([f"https://{r.choice(FIRMS)}.okta.com/oauth2/default", "openid email offline_access", f"urn:{r.choice(FIRMS)}:{r.choice(SERVICES)}", f"api://{uuid4(r)}", f"{r.choice(FIRMS)}.eu.auth0.com", uuid4(r)])),
    ("users", "DB_USER POSTGRES_USER SMTP_USERNAME ADMIN_USERNAME MAIL_FROM KEYCLOAK_ADMIN SFTP_USER SNOWFLAKE_USER BASIC_AUTH_USER RABBITMQ_DEFAULT_USER LDAP_BIND_DN", lambda r: r.choice([login(r), f"{r.choice(PEOPLE)}@{r.choice(FIRMS)}.com", "apikey", f"cn=reader,dc={r.choice(FIRMS)},dc=com"])),
    ("hosts", "DB_HOST REDIS_HOST SMTP_HOST VAULT_ADDR KAFKA_BOOTSTRAP_SERVERS TOKEN_SERVICE_HOST ELASTICSEARCH_HOSTS AUTH_SERVICE_HOST KEYCLOAK_HOST", lambda r: r.choice([machine(r), f"{machine(r)}:9092", f"{machine(r)}:9096,{machine(r)}:9096", f"http://{machine(r)}:8200"])),
    ("node_env", "NODE_ENV STAGE LOG_LEVEL TZ LANG APP_ENV SERVICE_NAME RUST_LOG AWS_XRAY_CONTEXT_MISSING PYTHONPATH NODE_OPTIONS AWS_LAMBDA_EXEC_WRAPPER", one_of("production prd info Europe/Madrid en_GB.UTF-8 warn LOG_ERROR /opt/python --enable-source-maps /opt/bootstrap_wrapper ledger-api debug,hyper=info")),
    ("regex_or_format", "PASSWORD_REGEX PASSWORD_PATTERN TOKEN_REGEX SECRET_MASK_PATTERN API_KEY_FORMAT EMAIL_REGEX LOG_REDACT_REGEX", lambda r: r.choice([r"^(?=.*\d)(?=.*[a-z]).{8,64}$", r"[A-Fa-f0-9]{32}", r"(password|token)=[^&\s]+", r"^\w+@\w+\.\w{2,}$", r"^[A-Z]{3}-\d{4}$", "^sk-[A-Za-z0-9]+$"])),
    ("word_lists", "SENSITIVE_KEYS REDACTED_FIELDS MASKED_HEADERS PASSWORD_BLACKLIST SCRUB_FIELDS LOG_REDACT_KEYS CORS_ALLOW_HEADERS", lambda r: r.choice([",", ", ", ";", "|"]).join(r.sample(["password", "token", "authorization", "cookie", "set-cookie", "apiKey", "x-api-key", "secret", "ssn", "cvv", "client_secret"], 4))),
    ("class_or_module", "PASSWORD_ENCODER AUTHENTICATION_BACKEND TOKEN_PROVIDER_CLASS CREDENTIALS_PROVIDER SECRET_PROVIDER AUTH_USER_MODEL KEY_SERIALIZER SASL_LOGIN_CALLBACK_HANDLER", one_of("org.springframework.security.crypto.argon2.Argon2PasswordEncoder django.contrib.auth.backends.ModelBackend com.amazonaws.auth.InstanceProfileCredentialsProvider software.amazon.msk.auth.iam.IAMClientCallbackHandler accounts.User App\\Auth\\TokenGuard io.confluent.kafka.serializers.KafkaAvroSerializer app.security:TokenProvider")),
    ("handlers", "AUTH_HANDLER TOKEN_AUTHORIZER_FUNCTION DD_LAMBDA_HANDLER AUTHORIZER_NAME PASSWORD_RESET_FUNCTION_NAME SECRET_ROTATOR", lambda r: r.choice([f"src/{r.choice(SERVICES)}/authorizer.handler", f"{r.choice(FIRMS)}-{r.choice(STAGES)}-token-authorizer", "handlers.auth.verify_token", f"{r.choice(SERVICES).capitalize()}TokenAuthorizerFunction-{draw(r, ALNUM, 12)}"])),
    ("otel", "OTEL_RESOURCE_ATTRIBUTES OTEL_EXPORTER_OTLP_ENDPOINT OTEL_PROPAGATORS OTEL_TRACES_SAMPLER", lambda r: r.choice([f"service.name={r.choice(SERVICES)},deployment.environment={r.choice(STAGES)}", f"https://{machine(r)}:4317", "b3,tracecontext", "parentbased_traceidratio"])),
    ("trace_and_run_ids", "TRACE_PARENT REQUEST_ID EXECUTION_ID RUN_ID CORRELATION_ID JOB_UUID SNAPSHOT_VERSION_ID", lambda r: r.choice([f"00-{draw(r, HEX, 32)}-{draw(r, HEX, 16)}-00", uuid4(r), "01" + draw(r, "0123456789ABCDEFGHJKMNPQRSTVWXYZ", 24), f"1-{draw(r, HEX, 8)}-{draw(r, HEX, 24)}", draw(r, ALNUM, 32)])),
    ("aws_ids", "SECURITY_GROUP_ID SUBNET_IDS VPC_ID HOSTED_ZONE_ID DISTRIBUTION_ID FILE_SYSTEM_ID AMI_ID API_ID SSO_INSTANCE", lambda r: r.choice(["sg-0" + draw(r, HEX, 16), ",".join("subnet-0" + draw(r, HEX, 16) for _ in range(2)), "Z" + draw(r, UPPER, 20), "E" + draw(r, UPPER, 13), "fs-0" + draw(r, HEX, 16), draw(r, LOWER, 10)])),
    ("contract_address", "TOKEN_CONTRACT_ADDRESS USDT_TOKEN_ADDRESS WALLET_ADDRESS TREASURY_TOKEN NFT_TOKEN_CONTRACT", lambda r: "0x" + draw(r, HEX + "ABCDEF", 40)),
    ("object_ids", "STRIPE_PRICE_ID STRIPE_PRODUCT_ID NOTION_DATABASE_ID SLACK_CHANNEL_ID SLACK_SIGNING_CHANNEL DISCORD_GUILD_ID TELEGRAM_CHAT_ID SHEET_ID CONTENTFUL_SPACE_ID GA_MEASUREMENT_ID MIXPANEL_PROJECT_ID JIRA_PROJECT_KEY", lambda r: r.choice(["price_" + draw(r, ALNUM, 24), "prod_" + draw(r, ALNUM, 14), draw(r, HEX, 32), "C0" + draw(r, UPPER, 9), str(r.randint(10**17, 10**18)), "-100" + str(r.randint(10**9, 10**10)), "G-" + draw(r, UPPER, 10), "PAY", draw(r, LOWER, 12)])),
    ("json_settings", "AUTH_SETTINGS PASSWORD_POLICY_JSON FEATURE_FLAGS APP_CONFIG TOKEN_CONFIG MASKING_RULES SECRETS_CONFIG", _json_settings),
    ("jwks", "JWKS PUBLIC_JWKS JWT_VERIFICATION_KEYS", lambda r: json.dumps({"keys": [{"kty": "RSA", "use": "sig", "kid": uuid4(r), "n": b64url(drawn_bytes(r, 128)), "e": "AQAB"}]})),
    ("base64_settings", "CONFIG_BASE64 ENCODED_TEMPLATE USER_DATA NGINX_CONF_B64 GREETING_B64", lambda r: b64(r.choice([json.dumps({"stage": r.choice(STAGES), "workers": r.randint(1, 9)}), f"server {{ listen 80; server_name {machine(r)}; }}", f"Dear {r.choice(PEOPLE)}, your parcel is in {r.choice(THINGS)} street"]))),
    ("sentences", "PASSWORD_HINT LOGIN_MESSAGE PASSWORD_PLACEHOLDER TOKEN_DESCRIPTION API_KEY_HELP_TEXT INVALID_PASSWORD_MESSAGE", lambda r: r.choice(["Enter your password", "Must contain 8 characters, one digit and one symbol", "Paste the token from your profile page", f"Ask {r.choice(PEOPLE)} for the key", "Invalid user name or password."])),
    ("dates_versions", "SECRET_VERSION STRIPE_API_VERSION API_VERSION KEY_ROTATED_AT TOKEN_ISSUED_AT PASSWORD_CHANGED_ON CERT_EXPIRES SHOPIFY_API_VERSION", lambda r: r.choice([f"2026-{r.randint(10, 12)}-{r.randint(10, 28)}", "2024-06-20", f"{r.randint(1, 4)}", f"2026-0{r.randint(1, 9)}-11T08:{r.randint(10, 59)}:00Z", "2024-10", "AWSCURRENT", "v3"])),
    ("k8s_names", "IMAGE_PULL_SECRET TLS_SECRET_NAME EXTERNAL_SECRET_NAME SECRET_STORE_REF SERVICE_ACCOUNT_NAME KEY_VAULT_NAME VAULT_ROLE VAULT_MOUNT", lambda r: f"{r.choice(FIRMS)}-{r.choice(SERVICES)}-" + r.choice(["tls", "registry-creds", "vault", "kv", "secrets-reader"])),
    ("key_password_modes", _CREDENTIAL_NAMES, one_of("iam none disabled secretsmanager oauth2 aws-iam managed-identity env vault keychain")),
    ("env_var_names", "PASSWORD_ENV_VAR TOKEN_ENV_NAME SECRET_KEY_ENV DB_PASSWORD_KEY SECRET_JSON_KEY TOKEN_VARIABLE PASSWORD_PROPERTY", one_of("DB_PASSWORD API_TOKEN password apiKey GITHUB_TOKEN secretString db.password")),
    ("contentless", _CREDENTIAL_NAMES, lambda r: r.choice(["", " ", '""', "''", "-", "None", "null"])),
    ("numbers", "DB_PORT TIMEOUT KEY_COUNT TOKEN_COUNT PASSWORD_MAX_AGE API_KEY_QUOTA WORKERS RATE_LIMIT TOKEN_PRICE", lambda r: str(r.choice([5432, 3000, 0.5, 10, 100000, r.randint(1, 10**5)]))),
    ("cron", "TOKEN_CLEANUP_SCHEDULE ROTATION_CRON SECRET_REFRESH_RATE", one_of("rate(1hour) cron(0\u00a03\u00a0*\u00a0*\u00a0?\u00a0*) @daily @hourly")),
    ("public_tracking", "SEGMENT_PUBLIC_WRITE_ID GTM_ID FACEBOOK_PIXEL_ID INTERCOM_APP_ID HOTJAR_SITE_ID LAUNCHDARKLY_CLIENT_ID AMPLITUDE_PROJECT_ID", lambda r: r.choice(["GTM-" + draw(r, UPPER, 7), str(r.randint(10**6, 10**15)), draw(r, LOWER, 8), draw(r, HEX, 24)])),
    ("product_words", "KEYBOARD_LAYOUT MONKEY_PATCH PASSENGER_APP_ENV COMPASS_MODE AUTHOR_NAME KEYWORDS KEYNOTE_TITLE TOKENIZE_MODE BYPASS_CACHE PASSTHROUGH_HEADERS SECRETARY_EMAIL", one_of("en_US true production martin lambda,aws,cdk off strict x-request-id")),
)  # fmt: skip
