# ruff: noqa: E501 - one kind per line, whole, is how this table is read
"""Secrets as public example configurations name them (.env.example, compose files, Helm values), values made up.

A line of the table: kind, the names it goes by, how its value is drawn.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random

from tests.secrets.drawing import (
    ALNUM,
    BASE64,
    FIRMS,
    HEX,
    LOWER,
    PEOPLE,
    PLACES,
    REGIONS,
    SERVICES,
    THINGS,
    UPPER,
    WORD,
    account,
    b64,
    b64url,
    block,
    chosen,
    draw,
    drawn_bytes,
    jwt,
    login,
    machine,
    password,
    strong,
    url_password,
    uuid4,
)  # fmt: skip

Draw = Callable[[Random], str]
Kind = tuple[str, str, Draw]

_PRIVATE = "PRIVATE" + " KEY"


def _pkcs8(r: Random, size: int = 121) -> bytes:
    body = b"\x02\x01\x00\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00\x04" + drawn_bytes(r, size)
    return b"\x30\x82" + len(body).to_bytes(2, "big") + body


def _openssh(r: Random) -> bytes:
    return b"openssh-key-v1\0\0\0\0\x04none\0\0\0\x04none" + drawn_bytes(r, 180)


def _ado(r: Random) -> str:
    return (
        f"Data Source={machine(r)};Initial Catalog={r.choice(SERVICES)};User Id={login(r)};Pass"
        f"word={strong(r).replace(';', '')};TrustServerCertificate=true"
    )


def _kafka(r: Random) -> str:
    module = r.choice(["plain.PlainLoginModule", "scram.ScramLoginModule"])
    return f'org.apache.kafka.common.security.{module} required username="{login(r)}" password="{draw(r, ALNUM, 24)}";'


def _yaml(r: Random) -> str:
    return (
        f"datasource:\n  url: jdbc:postgresql://{machine(r)}:5432/{r.choice(SERVICES)}\n  username: {login(r)}\n  pass"
        f"word: {draw(r, ALNUM + '!@', 16)}\n  pool: 8\n"
    )


def _kubeconfig(r: Random) -> str:
    return (
        "apiVersion: v1\nkind: Config\nusers:\n- name: deployer\n  user:\n    to"
        f"ken: {draw(r, ALNUM, 40)}\ncurrent-context: {r.choice(FIRMS)}\n"
    )


def _docker(r: Random) -> str:
    return json.dumps({"auths": {f"registry.{r.choice(FIRMS)}.net": {"auth": b64(f"{login(r)}:{draw(r, ALNUM, 20)}")}}})


def _nested(r: Random) -> str:
    settings = {
        "region": r.choice(REGIONS),
        "client": {"id": uuid4(r), "client" + "Secret": draw(r, WORD, 36)},
        "retries": 3,
    }
    return json.dumps({"services": {r.choice(SERVICES): settings}})


def _list(r: Random) -> str:
    return json.dumps([{"tenant": r.choice(FIRMS), "api" + "Key": draw(r, ALNUM, 32)} for _ in range(2)])


def _curl(r: Random) -> str:
    return "curl -s -H 'Authorization: Bear" + f"er {draw(r, ALNUM, 36)}' https://{machine(r)}/health"


def _java(r: Random) -> str:
    return (
        "-Xmx512m -Djavax.net.ssl.trustStore=/opt/t.jks -Djavax.net.ssl.trustStorePass" + f"word={draw(r, ALNUM, 14)}"
    )


def _rsa_jwk(r: Random) -> str:
    return json.dumps(
        {"kty": "RSA", "n": b64url(drawn_bytes(r, 128)), "e": "AQAB", "d": b64url(drawn_bytes(r, 128)), "kid": uuid4(r)}
    )


def _mnemonic(r: Random) -> str:
    return " ".join(r.choice(THINGS + PLACES) for _ in range(12))


KINDS: tuple[Kind, ...] = (
    ("laravel_app_key", "APP_KEY LARAVEL_APP_KEY", lambda r: "base64:" + b64(drawn_bytes(r, 32))),
    ("django_secret", "DJANGO_SECRET_KEY SECRET_KEY DJANGO_SECRET", lambda r: "django-insecure-" * r.randint(0, 1) + draw(r, LOWER + "!@#$%^&*(-_=+)", 50)),
    ("rails_master", "RAILS_MASTER_KEY SECRET_KEY_BASE DEVISE_SECRET_KEY", lambda r: draw(r, HEX, r.choice([32, 128]))),
    ("spring_password", "SPRING_DATASOURCE_PASSWORD SPRING_DATA_MONGODB_PASSWORD SPRING_MAIL_PASSWORD SPRING_RABBITMQ_PASSWORD", password),
    ("compose_password", "POSTGRES_PASSWORD MYSQL_ROOT_PASSWORD MARIADB_PASSWORD MONGO_INITDB_ROOT_PASSWORD MINIO_ROOT_PASSWORD PGADMIN_DEFAULT_PASSWORD RABBITMQ_DEFAULT_PASS GF_SECURITY_ADMIN_PASSWORD KEYCLOAK_ADMIN_PASSWORD ELASTIC_PASSWORD NEO4J_PASSWORD CLICKHOUSE_PASSWORD", password),
    ("mail_password", "MAIL_PASSWORD EMAIL_HOST_PASSWORD SMTP_PASSWORD MAILER_PASS NODEMAILER_PASS EMAIL_PASS GMAIL_APP_PASSWORD smtpPassword imap_pass", password),
    ("gmail_app_password", "GMAIL_APP_PASSWORD EMAIL_APP_PASSWORD GOOGLE_APP_PASS", lambda r: " ".join(draw(r, "abcdefghijklmnopqrstuvwxyz", 4) for _ in range(4))),
    ("jwt_secret", "JWT_SECRET JWT_ACCESS_SECRET JWT_REFRESH_SECRET ACCESS_TOKEN_SECRET REFRESH_TOKEN_SECRET jwtSecret TOKEN_SIGNING_SECRET", lambda r: r.choice([draw(r, HEX, 64), b64(drawn_bytes(r, 48)), strong(r), chosen(r)])),
    ("session_secret", "SESSION_SECRET COOKIE_SECRET NEXTAUTH_SECRET AUTH_SECRET EXPRESS_SESSION_SECRET CSRF_SECRET_KEY BETTER_AUTH_SECRET", lambda r: r.choice([b64(drawn_bytes(r, 32)), draw(r, HEX, 64), draw(r, ALNUM, 40)])),
    ("oauth_client_secret", "GITHUB_CLIENT_SECRET DISCORD_CLIENT_SECRET SPOTIFY_CLIENT_SECRET KEYCLOAK_CLIENT_SECRET OIDC_CLIENT_SECRET FACEBOOK_APP_SECRET LINKEDIN_CLIENT_SECRET ZOOM_CLIENT_SECRET", lambda r: r.choice([draw(r, HEX, 40), draw(r, HEX, 32), draw(r, WORD, 32), uuid4(r)])),
    ("google_client_secret", "GOOGLE_CLIENT_SECRET AUTH_GOOGLE_SECRET", lambda r: "GOC" + "SPX-" + draw(r, WORD, 28)),
    ("cloudinary_secret", "CLOUDINARY_API_SECRET PUSHER_APP_SECRET PUSHER_SECRET BITLY_SECRET VONAGE_API_SECRET MAILJET_SECRET_KEY", lambda r: r.choice([draw(r, WORD, 27), draw(r, HEX, 20), draw(r, HEX, 32)])),
    ("cloudinary_url", "CLOUDINARY_URL", lambda r: f"cloudinary://{r.randint(10**14, 10**15)}:{draw(r, WORD, 27)}@{r.choice(FIRMS)}"),
    ("hex_api_key", "OPENWEATHER_API_KEY NEWS_API_KEY RAPIDAPI_KEY TMDB_API_KEY WEATHER_KEY FINNHUB_KEY MAPQUEST_KEY IPSTACK_ACCESS_KEY EXCHANGE_RATE_KEY OMDB_APIKEY", lambda r: draw(r, HEX, 32)),
    ("alnum_api_key", "ALPHAVANTAGE_API_KEY POLYGON_API_KEY GIPHY_API_KEY DEEPGRAM_API_KEY COHERE_API_KEY PINECONE_API_KEY ETHERSCAN_API_KEY ELEVENLABS_KEY mistralApiKey", lambda r: draw(r, r.choice([ALNUM, UPPER]), r.choice([16, 32, 34, 40]))),
    ("uuid_api_key", "SNYK_TOKEN PINECONE_KEY HEROKU_API_KEY AIVEN_TOKEN CMC_PRO_API_KEY RAPID_API_TOKEN ONESIGNAL_REST_API_KEY POSTMARK_SERVER_TOKEN", uuid4),
    ("twilio_token", "TWILIO_AUTH_TOKEN TWILIO_TOKEN twilioAuthToken", lambda r: draw(r, HEX, 32)),
    ("slack_bot", "SLACK_BOT_TOKEN SLACK_TOKEN BOT_TOKEN", lambda r: "xox" + f"b-{r.randint(10**11, 10**12)}-{r.randint(10**12, 10**13)}-{draw(r, ALNUM, 24)}"),
    ("github_server_token", "GITHUB_TOKEN GH_TOKEN DEPLOY_CREDENTIAL", lambda r: "gh" + "s_" + draw(r, ALNUM, 36)),
    ("openai_project", "OPENAI_API_KEY OPENAI_KEY LLM_SECRET", lambda r: "sk" + "-proj-" + draw(r, WORD, 74) + "T3Blbk" + "FJ" + draw(r, WORD, 74)),
    ("openrouter", "OPENROUTER_API_KEY AI_KEY", lambda r: "sk" + "-or-v1-" + draw(r, HEX, 64)),
    ("groq", "GROQ_API_KEY", lambda r: "gs" + "k_" + draw(r, ALNUM, 52)),
    ("resend", "RESEND_API_KEY EMAIL_API_KEY", lambda r: "re" + "_" + draw(r, ALNUM, 8) + "_" + draw(r, ALNUM, 24)),
    ("supabase_service_role", "SUPABASE_SERVICE_ROLE_KEY SUPABASE_SERVICE_KEY", lambda r: jwt(r, {"iss": "supabase", "ref": draw(r, LOWER, 20), "role": "service_role", "iat": 1700000000})),
    ("rs_jwt", "SERVICE_JWT KUBE_TOKEN ARGOCD_AUTH_TOKEN", lambda r: jwt(r, {"sub": f"system:serviceaccount:{r.choice(SERVICES)}:default", "iss": "kubernetes"}, "RS256")),
    ("openssh_key", "SSH_PRIVATE_KEY DEPLOY_KEY GIT_SSH_KEY", lambda r: block("OPENSSH " + _PRIVATE, _openssh(r), r.choice(["\n", "\\n"]))),
    ("pkcs8_one_line", "FIREBASE_PRIVATE_KEY GOOGLE_PRIVATE_KEY APPLE_PRIVATE_KEY GITHUB_APP_PRIVATE_KEY SALESFORCE_JWT_KEY", lambda r: '"' + block(_PRIVATE, _pkcs8(r, 600), "\\n") + '\\n"'),
    ("pkcs8_der_base64", "JWT_PRIVATE_KEY SIGNING_PRIVATE_KEY SAML_PRIVATE_KEY", lambda r: b64(_pkcs8(r, 600))),
    ("ado_connection", "ConnectionStrings__Default ConnectionStrings__OrdersDb SQLSERVER_CONNECTION SQL_CONN_STR DefaultConnection", _ado),
    ("postgres_url", "DATABASE_URL POSTGRES_URL POSTGRES_PRISMA_URL DIRECT_URL SUPABASE_DB_URL PG_CONNECTION_STRING READ_REPLICA_URL", lambda r: f"postgres{r.choice(['', 'ql', 'ql+asyncpg'])}://{login(r)}:{url_password(r)}@{machine(r)}:{r.choice([5432, 6543])}/{r.choice(SERVICES)}?sslmode=require"),
    ("mongo_url", "MONGODB_URI MONGO_URL ME_CONFIG_MONGODB_URL DB_URI", lambda r: f"mongodb+srv://{login(r)}:{url_password(r)}@{r.choice(FIRMS)}.{draw(r, LOWER, 5)}.mongodb.net/?retryWrites=true&w=majority"),
    ("redis_url", "REDIS_URL CELERY_BROKER_URL BULL_REDIS_URL UPSTASH_REDIS_URL KV_URL", lambda r: f"redis{r.choice(['', 's'])}://{r.choice(['', 'default'])}:{url_password(r)}@{machine(r)}:6379"),
    ("sqlalchemy_url", "SQLALCHEMY_DATABASE_URI AIRFLOW__DATABASE__SQL_ALCHEMY_CONN CELERY_RESULT_BACKEND", lambda r: f"{r.choice(['mysql+pymysql', 'mariadb', 'cockroachdb', 'snowflake', 'oracle+cx_oracle', 'mssql+pyodbc', 'db+postgresql'])}://{login(r)}:{url_password(r)}@{machine(r)}/{r.choice(SERVICES)}"),
    ("smtp_url", "MAILER_DSN EMAIL_URL SMTP_URL EMAIL_SERVER", lambda r: f"smtp{r.choice(['', 's'])}://{login(r)}:{url_password(r)}@smtp.{r.choice(FIRMS)}.net:587"),
    ("amqp_url", "AMQP_URL RABBITMQ_URL CLOUDAMQP_URL MESSENGER_TRANSPORT_DSN", lambda r: f"amqps://{login(r)}:{url_password(r)}@{machine(r)}/{login(r)}"),
    ("git_url", "REPO_URL GIT_REMOTE_URL NPM_REGISTRY_URL PIP_EXTRA_INDEX_URL GOPROXY", lambda r: f"https://{r.choice(['oauth2', 'x-access-token', login(r)])}:{draw(r, ALNUM, 40)}@git.{r.choice(FIRMS)}.net/{r.choice(SERVICES)}.git"),
    ("jaas", "KAFKA_SASL_JAAS_CONFIG SASL_JAAS_CONFIG CONNECT_SASL_JAAS_CONFIG", _kafka),
    ("kafka_password", "KAFKA_SASL_PASSWORD KAFKA_API_SECRET SCHEMA_REGISTRY_PASSWORD CONFLUENT_CLOUD_API_SECRET", lambda r: draw(r, BASE64, 64)),
    ("npmrc", "NPMRC NPM_CONFIG_CONTENT NPM_RC", lambda r: f"//registry.{r.choice(FIRMS)}.net/:_authTo" + f"ken={draw(r, ALNUM, 36)}\nalways-auth=true\n"),
    ("yaml_document", "APPLICATION_YAML SPRING_CONFIG APP_SETTINGS_YAML", _yaml),
    ("json_nested", "APP_CONFIG INTEGRATIONS CLIENTS_JSON PARTNER_SETTINGS", lambda r: r.choice([_nested, _list])(r)),
    ("docker_config", "DOCKER_AUTH_CONFIG DOCKER_CONFIG_JSON REGISTRY_AUTH", _docker),
    ("basic_auth_pair", "BASIC_AUTH BASIC_AUTH_CREDENTIALS HTTP_BASIC_AUTH NEO4J_AUTH FLOWER_BASIC_AUTH API_CREDENTIALS", lambda r: f"{login(r)}{r.choice([':', ':'])}{password(r)}"),
    ("bearer_header", "AUTHORIZATION AUTH_HEADER API_AUTHORIZATION OTLP_AUTH_HEADER", lambda r: r.choice(["Bear" + "er ", "Bas" + "ic "]) + b64(drawn_bytes(r, 33))),
    ("otlp_headers", "OTEL_EXPORTER_OTLP_HEADERS OTLP_HEADERS", lambda r: r.choice(["api-key=", "x-honeycomb-team=", "signoz-ingestion-key=", "Authorization=Bearer "]) + draw(r, ALNUM, 32)),
    ("webhook_secret", "GITHUB_WEBHOOK_SECRET WEBHOOK_SECRET SHOPIFY_WEBHOOK_SECRET CALENDLY_WEBHOOK_SIGNING_KEY", lambda r: r.choice([draw(r, HEX, 40), chosen(r), uuid4(r)])),
    ("slack_webhook", "SLACK_WEBHOOK_URL SLACK_ALERTS_URL MONITORING_WEBHOOK", lambda r: "https://hooks.sl" + f"ack.com/services/T{draw(r, UPPER, 10)}/B{draw(r, UPPER, 10)}/{draw(r, ALNUM, 24)}"),
    ("discord_webhook", "DISCORD_WEBHOOK_URL DISCORD_HOOK", lambda r: "https://disc" + f"ord.com/api/webhooks/{r.randint(10**17, 10**18)}/{draw(r, WORD, 68)}"),
    ("encryption_key", "ENCRYPTION_KEY DATA_ENCRYPTION_KEY N8N_ENCRYPTION_KEY APP_ENCRYPTION_SECRET AES_SECRET_KEY CRYPTO_SECRET AIRFLOW__CORE__FERNET_KEY", lambda r: r.choice([draw(r, HEX, 64), b64(drawn_bytes(r, 32)), draw(r, ALNUM, 32)])),
    ("wordpress_salt_keys", "AUTH_KEY SECURE_AUTH_KEY LOGGED_IN_KEY NONCE_KEY", lambda r: draw(r, ALNUM + "!@#$%^&*()-_[]{}<>~+=,.;:/?|", 64)),
    ("ethereum_key", "PRIVATE_KEY DEPLOYER_PRIVATE_KEY WALLET_PRIVATE_KEY", lambda r: r.choice(["0x", ""]) + draw(r, HEX, 64)),
    ("mnemonic", "MNEMONIC WALLET_MNEMONIC SEED_PHRASE", _mnemonic),
    ("azure_storage", "AZURE_STORAGE_CONNECTION_STRING AzureWebJobsStorage", lambda r: f"DefaultEndpointsProtocol=https;AccountName={r.choice(FIRMS)};Account" + f"Key={b64(drawn_bytes(r, 64))};EndpointSuffix=core.windows.net"),
    ("cosmos_connection", "COSMOS_CONNECTION_STRING CosmosDb__ConnectionString", lambda r: f"AccountEndpoint=https://{r.choice(FIRMS)}.documents.azure.com:443/;Account" + f"Key={b64(drawn_bytes(r, 64))};"),
    ("iot_connection", "IOTHUB_CONNECTION_STRING EVENTHUB_CONNECTION", lambda r: f"HostName={r.choice(FIRMS)}.azure-devices.net;SharedAccessKeyName=iothubowner;SharedAccess" + f"Key={b64(drawn_bytes(r, 32))}"),
    ("aws_secret", "S3_SECRET_KEY APP_AWS_SECRET_ACCESS_KEY MINIO_SECRET_KEY SES_SECRET_KEY R2_SECRET_ACCESS_KEY B2_APPLICATION_KEY SPACES_SECRET", lambda r: draw(r, BASE64, 40)),
    ("ftp_pass", "FTP_PASS SFTP_PASS FTPPassword sftpPwd REMOTE_PASS", password),
    ("foreign_password", "SENHA_BANCO CONTRASENA_BD MOT_DE_PASSE_BDD DB_PASSWORT HASLO_BAZY WACHTWOORD_DB motDePasseSmtp SIFRE DB_PAROLA HESLO_DB LOZINKA_BAZE", password),
    ("foreign_key", "CLE_API CHAVE_API CLAVE_API API_SCHLUESSEL CLE_SECRETE CHAVE_SECRETA KLUCZ_API", lambda r: draw(r, r.choice([ALNUM, HEX]), 32)),
    ("sibling_key", "PARTNER_ACCESS VENDOR_CREDENTIAL GATEWAY_CREDENTIALS", lambda r: draw(r, ALNUM, 40)),
    ("url_token", "ICAL_FEED_URL CRON_PING_URL DEPLOY_HOOK EXPORT_URL IMPORT_ENDPOINT", lambda r: f"https://{machine(r)}/feeds/{r.choice(SERVICES)}?{r.choice(['token', 'apikey', 'access_token', 'api_key'])}={draw(r, ALNUM, 32)}"),
    ("java_opts", "JAVA_OPTS JAVA_TOOL_OPTIONS CATALINA_OPTS", _java),
    ("curl_command", "HEALTHCHECK_CMD PRE_START_COMMAND", _curl),
    ("kubeconfig", "KUBECONFIG_CONTENT KUBE_CONFIG", _kubeconfig),
    ("jwk", "JWK JWT_JWK SIGNING_JWK", _rsa_jwk),
    ("weak_password", "DB_PASS DB_PASSWORD REDIS_PASSWORD ADMIN_PASS WIFI_PASSWORD", lambda r: r.choice([r.choice(PEOPLE) + str(r.randint(1, 99)), "abc" + "123" + r.choice("!?"), "Pass" + "w0rd" + str(r.randint(1, 9)), str(r.randint(10**5, 10**8)), r.choice(THINGS)])),
    ("pin", "CARD_PIN ADMIN_PIN TERMINAL_PIN ALARM_PIN", lambda r: str(r.randint(1000, 999999))),
    ("totp_seed", "TOTP_SECRET OTP_SEED MFA_SECRET TWOFACTOR_SEED", lambda r: draw(r, UPPER.translate({ord(c): None for c in "0189"}), r.choice([16, 32]))),
    ("passphrase", "BACKUP_PASSPHRASE RESTIC_PASSWORD BORG_PASSPHRASE SSH_KEY_PASSPHRASE", lambda r: r.choice(["-", " ", "_"]).join(r.sample(THINGS + PLACES, 4))),
    ("newrelic", "NEW_RELIC_LICENSE_KEY NEWRELIC_KEY", lambda r: draw(r, HEX, 36) + "NR" + "AL"),
    ("datadog", "DD_API_KEY DATADOG_APP_KEY DD_APP_KEY", lambda r: draw(r, HEX, r.choice([32, 40]))),
    ("sentry_old_dsn", "SENTRY_PRIVATE_DSN RAVEN_SECRET_DSN", lambda r: f"https://{draw(r, HEX, 32)}:{draw(r, HEX, 32)}@sentry.{r.choice(FIRMS)}.net/{r.randint(2, 90)}"),
    ("stripe", "STRIPE_SECRET_KEY STRIPE_SK PAYMENT_KEY", lambda r: "sk" + r.choice(["_live_", "_test_"]) + draw(r, ALNUM, r.choice([24, 99]))),
    ("mercadopago", "MERCADOPAGO_ACCESS_TOKEN MP_TOKEN", lambda r: f"APP_USR-{r.randint(10**15, 10**16)}-{r.randint(100000, 999999)}-{draw(r, HEX, 32)}-{r.randint(10**8, 10**9)}"),
    ("razorpay", "RAZORPAY_KEY_SECRET RAZORPAY_SECRET PAYU_SALT_KEY", lambda r: draw(r, ALNUM, 24)),
    ("telegram", "TELEGRAM_BOT_TOKEN TELEGRAM_TOKEN BOT_API_TOKEN", lambda r: f"{r.randint(10**9, 10**10 - 1)}:AA" + draw(r, WORD, 33)),
    ("vapid_private", "VAPID_PRIVATE_KEY WEB_PUSH_PRIVATE_KEY", lambda r: b64url(drawn_bytes(r, 32))),
    ("recaptcha_secret", "RECAPTCHA_SECRET_KEY RECAPTCHA_SECRET HCAPTCHA_SECRET TURNSTILE_SECRET_KEY", lambda r: "6L" + draw(r, WORD, 38)),
    ("ldap_bind", "LDAP_BIND_PASSWORD LDAP_BIND_CREDENTIALS AD_BIND_PASS bindPassword", password),
    ("vault_approle", "VAULT_SECRET_ID_VALUE VAULT_APPROLE_SECRET", uuid4),
    ("algolia_admin", "ALGOLIA_ADMIN_API_KEY ALGOLIA_WRITE_KEY MEILI_MASTER_KEY TYPESENSE_API_KEY", lambda r: draw(r, HEX, 32)),
    ("internal_token", "INTERNAL_API_TOKEN SERVICE_TOKEN ADMIN_TOKEN CRON_SECRET REVALIDATE_TOKEN HEALTHCHECK_SECRET METRICS_AUTH_TOKEN", lambda r: r.choice([draw(r, ALNUM, 24), uuid4(r), draw(r, HEX, 48), chosen(r)])),
    ("pgpass", "PGPASS_LINE PGPASS_CONTENT", lambda r: f"{machine(r)}:5432:{r.choice(SERVICES)}:{r.choice(PEOPLE)}:{draw(r, ALNUM, 16)}"),
    ("netrc", "NETRC NETRC_CONTENT", lambda r: f"machine {machine(r)} login {login(r)} pass" + f"word {draw(r, ALNUM, 20)}"),
    ("ini_document", "ODBC_INI AWS_SHARED_CREDENTIALS MY_CNF", lambda r: f"[client]\nhost = {machine(r)}\nuser = {login(r)}\npass" + f"word = {draw(r, ALNUM, 18)}\n"),
    ("signed_request_key", "IMGPROXY_KEY REQUEST_SIGNING_KEY COOKIE_SIGNING_KEY URL_SIGNING_KEY", lambda r: draw(r, HEX, 64)),
    ("bare_password_words", "MASTER_PASSWORD UNLOCK_PASSWORD ROOT_PASSWORD", lambda r: f"{r.choice(THINGS).capitalize()}{r.choice(PLACES).capitalize()}"),
    ("account_scoped", "ACCOUNT_KEY STORAGE_ACCOUNT_KEY SEARCH_ADMIN_KEY COGNITIVE_SERVICES_KEY", lambda r: r.choice([b64(drawn_bytes(r, 64)), draw(r, HEX, 32), draw(r, ALNUM, 52)])),
    ("fetch_token_json", "OAUTH_TOKENS GOOGLE_TOKEN_JSON", lambda r: json.dumps({"refresh" + "_token": "1//" + draw(r, WORD, 60), "token_uri": "https://oauth2.googleapis.com/token", "account": account(r)})),
)  # fmt: skip
