"""The words that environment variables are named with, sorted by what they say of the value. Data only."""

from __future__ import annotations


def words(text: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(text.split())


# One word for one meaning: what stands left is read as what stands right.
_SAME = {
    "password": """passwd pwd pass pw psw pswd passwort kennwort passphrase passcode passw pwrd contrasena contrasenia
        contrasenya contrasea senha mdp motdepasse motpasse passe haslo wachtwoord losenord passord adgangskode kodeord
        salasana parola heslo jelszo lozinka geslo parool parole slaptazodis parol sifre katasandi matkhau mima
        bimilbeonho passordet losen passwords passwds pwds kodenavn sifra clau aikotoba anshokotoba mnemonic bindpw
        userpass dbpass dbpwd rootpw sshpass ftppass keypass storepass keystorepass truststorepass""",
    "secret": """secreto segredo segreto geheim geheimnis hemlighet hemmelighed tajne tajny sekret sekretny salaisuus
        gizli geheime secreta segreta tajemstvi titok secretkey clientsecret appsecret pepper seed totp otpsecret
        signingsecret secretvalue secrete""",
    "token": """tokens jeton gettone pat authtoken accesstoken bearer sas bottoken jwttoken tok xoxb apitoken idtoken
        refreshtoken sastoken""",
    "key": """cle clef chave llave schluessel schlussel nyckel avain klucz kluc klic sleutel chiave nogle nokkel anahtar
        kulcs kljuc keys""",
    "credential": "credentials creds cred credenciales credenciais zugangsdaten identifiants credenziali",
    "user": "username usr userid benutzer utilisateur usuario gebruiker uzytkownik benutzername",
    "database": "db database databases datenbank bd",
    "certificate": "cert certs certificate certificates crt",
    "secondary": "backup secondary bak fallback",
    "id": "id ids uuid guid identifier identifiers kid",
    "authentication": "auth authentication authn authorization",
}
ALIASES = {word: meaning for meaning, words in _SAME.items() for word in words.split()}
JOINED = {
    "apikey": ("api", "key"),
    "apikeys": ("api", "key"),
    "authkey": ("authentication", "key"),
    "secretkey": ("secret", "key"),
    "accesskey": ("access", "key"),
    "privatekey": ("private", "key"),
    "publickey": ("public", "key"),
    "privkey": ("private", "key"),
    "pubkey": ("public", "key"),
    "clientid": ("client", "id"),
    "keyid": ("key", "id"),
    "userpass": ("user", "password"),
    "passkey": ("secret", "key"),
    "sk": ("secret", "key"),
    "ak": ("access", "id"),
    "signkey": ("signing", "key"),
    "secretname": ("secret", "name"),
    "secretarn": ("secret", "arn"),
    "secretid": ("secret", "id"),
    "authtype": ("authentication", "type"),
}
# Several words that mean one thing only together; `clave` alone is both "key" and "password" in Spanish.
PHRASES = {
    ("mot", "de", "password"): ("password",),
    ("mot", "password"): ("password",),
    ("clave", "secret"): ("secret", "key"),
    ("clave", "acceso"): ("password",),
    ("kata", "sandi"): ("password",),
    ("mat", "khau"): ("password",),
    ("mi", "ma"): ("password",),
    ("palabra", "clave"): ("password",),
    ("seed", "phrase"): ("password",),
    ("secret", "phrase"): ("password",),
    ("recovery", "phrase"): ("password",),
    ("recovery", "code"): ("password",),
    ("backup", "code"): ("password",),
    ("access", "code"): ("password",),
    ("pin", "code"): ("password",),
    ("pass", "word"): ("password",),
    ("password", "word"): ("password",),
    ("password", "phrase"): ("password",),
    ("password", "code"): ("password",),
    ("pre", "shared"): ("shared",),
    ("cli", "authentication"): ("password",),
    ("key", "store"): ("keystore",),
    ("trust", "store"): ("keystore",),
    ("front", "end"): ("browser",),
}
PASSWORD = words("password pin clave psk")
TOKEN = words("token jwt otp cookie webhook")
SECRET = words("secret credential authentication")
CREDENTIAL = PASSWORD | TOKEN | SECRET | {"key"}

# Say nothing about the noun before them: DB_PASSWORD_PROD_2.
QUALIFIERS = words(
    """prod production dev development staging test tests qa live sandbox primary secondary old new default current
    previous next eu us uk de asia emea v1 v2 v3 v4 main base64 b64 encoded plain plaintext clear cleartext value
    val string raw pem json temp tmp local global internal external legacy int uat preprod env readonly rw ro first
    second here secure clair"""
)

# The head noun that makes a name speak about something that is no secret itself.
IDENTIFIERS = words(
    """id sid arn number account tenant oid pid uid ref reference handle accessor fingerprint thumbprint pair sub urn"""
)
HASHES = words(
    """hash sha sha1 sha256 sha512 md5 digest checksum etag integrity commit revision crc hashed bcrypt salt"""
)
LOCATIONS = words(
    """name names path paths file files filename filepath dir directory folder location table tables topic topics queue
    queues bucket buckets stream streams host hosts hostname server servers port address addr contract region zone
    domain realm cluster namespace prefix suffix parameter param params ssm vault stack function lambda resource
    mount store keystore provider source backend resolver service class module image repo repository channel
    database schema partition index collection group role user email subject owner issuer iss audience aud scope
    scopes website page link href dlq bus logical"""
)
CONNECTIONS = words(
    """url uri urls uris dsn conn connection connstr connectionstring datasource endpoint endpoints broker brokers
    proxy remote webhook hook callback feed redis mongo mongodb postgres mysql amqp celery jdbc odbc config
    configuration settings options opts args arguments command cmd npmrc netrc pgpass init boot header headers"""
)
SETTINGS = words(
    """length len size limit max min maximum minimum count ttl expiry expiration expires expire exp lifetime age day
    days hour hours minute minutes second seconds secs sec ms interval timeout retries retry attempts attempt cache
    history rotation rotate schedule cron enabled disabled enable disable required require allowed regex regexp
    pattern format policy policies rule rules type types kind mode method strategy algorithm alg algo version stage
    field fields attribute attributes claim claims property properties column columns placeholder prompt hint label
    message text description title alias usage tag tags status state date at time timestamp budget level bits curve
    chars charset alphabet complexity strength event events handler encoder validator signer verifier flow grant
    manager client params flag flags feature features toggle support sampler threshold rate ratio style theme color
    locale lang language tokenizer separator delimiter position order sort hashing hasher encryption rounds
    iterations created updated changed issued rotated expired ssl tls loaded present available optional caching
    lookup whitelist blacklist allowlist denylist names list lists template templates tokenization keyboard layout"""
)
VERBS = words(
    """allow allows enable enabled disable disabled require required requires use uses using show hide validate force
    skip no is has max min empty random ignore check prompt forgot expire ask need want with without support
    supports generate rotate refreshonly redact mask allowed auto autogenerate enforce sensitive"""
)
PUBLIC = words(
    """public pub publishable verify verifying host authorized known site anon anonymous browser certificate ca
    publickey clientside pk publish"""
)
DATA_KEYS = words(
    """partition sort sorting cache routing s3 primary object state sharding shard foreign idempotency translation
    range hash index bucket registry group lookup unique natural composite record message event dedup dedupe
    deduplication lock dict field map row column i18n feature flag config param query header claim context metadata
    tag label order ordering layer code artifact zip file image asset manifest template prefix path log trace
    correlation topic project issue ticket space board filter join arrow short hot enter escape json yaml property
    attribute redirect tfstate backend terraform output input result item entity kms cmk cursor pagination cognito
    dimension metric alarm counter quota schema issuer sequence press pressed down up lang locale name version
    position upload download export import prop"""
)
KEY_STRONG = words(
    """services cognitive api access secret private nonce salt rate exchange signing sign signature encryption encrypt
    decryption crypto cipher aes hmac master service authentication session csrf jwt webhook subscription account
    admin app application license licence integration write server deploy deployment developer consumer shared
    security fernet rest ingest ingestion ssh rsa tls ssl gpg pgp token bot django flask rails partner client oauth
    bearer ecdsa ed25519 eth wallet data base root user symmetric wrapping storage search management personal
    install publish rpc function proxy auth agent metrics llm upload internal device ops team org organization
    merchant gateway payment payments seller verification db database cookie passport restricted sdk connector hook
    tenant mail email"""
)
# PASSWORD_ROOT is the password of root: these say whose, also where the language puts them last (senha_banco).
INVERTED = words(
    """bazy baze bazi database base banco server servidor serveur user admin root app api redis mysql postgres mongo
    ftp sftp smtp mail email account service rabbitmq elastic wifi bdd basedatos datos donnees usuario acceso acces
    acesso application aplicacion aplicacao correo dati utente"""
)
# Tokens that a language model or a parser counts, not tokens that open doors.
TEXT_TOKENS = words(
    """stop pad eos bos unk mask cls sep max min num total input output prompt completion special start end context
    chunk budget vocabulary pixel separator"""
)
PROVIDERS = words(
    """adafruit adobe airbrake airtable aiven algolia alchemy alibaba amplitude anthropic apify artifactory asana
    atlassian auth0 aws azure bedrock beamer bitbucket bitly braintree braze brevo buildkite bugsnag calendly cf
    circleci clearbit clickup cloudflare cloudinary clojars codacy codecov cohere coinbase confluence confluent
    contentful crowdin databricks datadog dd deepgram deepl deepseek digitalocean discord docker dockerhub docusign
    doppler dropbox dynatrace easypost elastic elevenlabs entra etherscan etsy eventbrite facebook fastly figma
    finnhub firebase flickr freshbooks freshdesk gcp gemini gh github gitlab google grafana groq heroku honeycomb
    hubspot huggingface hf infura intercom ipinfo ipstack jenkins jfrog jira jotform kaggle klaviyo kraken kucoin
    launchdarkly line linear linkedin lob logdna logzio looker mailchimp mailgun mailjet mandrill mapbox mapquest
    mattermost maxmind messagebird miro mistral mixpanel monday mongo mux netlify newrelic nexmo notion npm nr nuget
    nvidia nylas okta onesignal openai openweather openweathermap opsgenie optimizely pagerduty paypal paystack
    perplexity pinecone pingdom pipedrive plaid planetscale posthog postman postmark prefect pulumi pusher pypi
    quandl rapidapi razorpay readme replicate rollbar rubygems salesforce scaleway segment sendbird sendgrid
    sendinblue sentry servicenow sf sfdc shippo shodan shopify slack snowflake snyk sonar sonarcloud sonarqube
    sourcegraph sparkpost splunk spotify square squarespace statuspage storyblok stripe sumologic supabase tableau
    tailscale telegram telnyx terraform tfe tiingo trello travis twilio twitch twitter typeform unsplash upstash
    vagrant vault vercel virustotal vonage webex webflow wise workday xai yandex yelp youtube zapier zendesk zoho
    zoom weather maps map geo currency sms stock news fcm apns pushover resend"""
)
# Where a run of letters has no separators, these are the words it may be made of.
_PLAIN = words(
    """cli aws app web worker legacy orders billing crm erp report reports sync core events payments mail search hr
    shop data users inventory notifications checkout exports smtp imap ftp sftp ldap http https basic rds redshift
    mssql sql postgre oracle rabbitmq rabbit kafka mq cloud lambda cognito pool identity trace request parent debug
    google workspace org tenant subscription correlation project build source code model git job run batch port
    memory phone shard key brand font country currency content accept encoding layer js bundle entrypoint wrapper
    banner disclaimer subject welcome from admin cross account blob container storage graph aad ad pagerduty zone
    hosted rest security subnet vpc instance ami distribution efs stage environment node tz runtime log level region
    powertools otel monkey turkey author authority authorize authorized passenger compass bypass passport passive
    passthrough secretary hidden capital rapid hockey donkey keynote passage encompass keyword keystone tokenize
    tokenized keyspace passing secretsmanager monkeys authors hotkey hotkeys refresh verify verification custom
    reset forgot ecommerce invoice customer product frontend site captcha recaptcha next react expo vite signing
    signer signed optional fallback upstream setting settings param extra robot connector integration field master
    root read write only sandbox hmac aes jwks kms x509 saml idp fb gtm pixel ga docusign oidc sso opaque consumer
    producer publisher subscriber dead letter grpc api token secret password user name id url host arn path table
    ttl"""
)
WORDS = (
    frozenset(ALIASES) | frozenset(JOINED) | CREDENTIAL | IDENTIFIERS | HASHES | LOCATIONS | CONNECTIONS | SETTINGS
    | PUBLIC | DATA_KEYS | KEY_STRONG | PROVIDERS | _PLAIN | QUALIFIERS
)  # fmt: skip
# Words that a resource is named with: prod-orders-db-credentials is a name, river-lemon-tiger is a passphrase.
RESOURCE = (
    CREDENTIAL | QUALIFIERS | frozenset(ALIASES.values()) | frozenset(JOINED) | PROVIDERS
    | KEY_STRONG | CONNECTIONS | LOCATIONS | words(
    """passwd pwd pw pass creds credentials secrets tokens keys auth certs ids config conf cfg db dbs tls kv registry
    vault orders users billing inventory notifications search reports checkout exports payments events infra
    platform backend frontend stack lambda function api app web core sync worker stage staging rds aurora mysql
    postgres customer customers invoice website site mobile ios android"""
)
)  # fmt: skip
