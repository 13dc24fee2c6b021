# ruff: noqa: E501 - one format per line, whole, is how this table is read
"""Formats of issued tokens, as data.

FORMATS: kind|what a sentence calls it|prefix|alphabet|characters after the prefix|checksum. A kind that starts with
`public:` is no secret; one that starts with `?` has a shape that others share, so that only the name can make it sure.

SHAPES, for those with several parts: kind|what it is called|a text that must occur|a regular expression of the whole.
CAPABILITIES: the same for URLs, found anywhere in them. No expression has nested repetition.

Source of the facts: the issuers' own documentation on the formats of their tokens.
"""

FORMATS = """
github-token|a GitHub personal access token|ghp_|alnum|36|crc62
github-token|a GitHub OAuth token|gho_|alnum|36|crc62
github-token|a GitHub app token|ghu_|alnum|36|crc62
github-token|a GitHub app token|ghs_|alnum|36|crc62
github-token|a GitHub app token|ghs_|worddot|37-600
github-token|a GitHub refresh token|ghr_|alnum|36-76
github-token|a GitHub fine-grained token|github_pat_|word|82|github-fine
gitlab-token|a GitLab access token|glpat-|word|20-22
gitlab-token|a GitLab deploy token|gldt-|word|20-30
gitlab-token|a GitLab runner token|glrt-|word|20-30
gitlab-token|a GitLab trigger token|glptt-|hex|40
gitlab-token|a GitLab job token|glcbt-|word|20-400
gitlab-token|a GitLab feed token|glft-|word|20-30
gitlab-token|a GitLab mail token|glimt-|word|25-30
gitlab-token|a GitLab agent token|glagent-|word|50-60
gitlab-token|a GitLab OAuth secret|gloas-|word|64
gitlab-token|a GitLab SCIM token|glsoat-|word|20-30
gitlab-token|a GitLab feature flag token|glffct-|word|20-30
gitlab-token|a GitLab runner registration token|GR1348941|word|20-26
slack-token|a Slack token|xoxb-|word|20-120
slack-token|a Slack token|xoxp-|word|30-140
slack-token|a Slack token|xoxa-|word|20-140
slack-token|a Slack token|xoxr-|word|20-140
slack-token|a Slack token|xoxo-|word|20-140
slack-token|a Slack token|xoxs-|word|20-140
slack-token|a Slack token|xoxc-|word|20-200
slack-token|a Slack cookie token|xoxd-|any64|20-400
slack-token|a Slack refresh token|xoxe-|word|30-200
slack-token|a Slack refresh token|xoxe.xox|word|30-220
slack-token|a Slack app token|xapp-|word|40-140
stripe-key|a Stripe secret key|sk_live_|alnum|10-247
stripe-key|a Stripe test secret key|sk_test_|alnum|10-247
stripe-key|a Stripe restricted key|rk_live_|alnum|10-247
stripe-key|a Stripe restricted test key|rk_test_|alnum|10-247
stripe-key|a Stripe organization key|sk_org_|word|20-247
stripe-webhook-secret|a Stripe webhook secret|whsec_|base64|24-80
public:publishable-key|a Stripe publishable key|pk_live_|alnum|10-247
public:publishable-key|a Stripe publishable key|pk_test_|alnum|10-247
payment-key|a payment provider's secret key|sk_prod_|alnum|20-100
openai-key|an OpenAI service key|sk-svcacct-|word|40-220
openai-key|an OpenAI project key|sk-proj-|word|40-220
openai-key|an OpenAI admin key|sk-admin-|word|40-220
anthropic-key|an Anthropic key|sk-ant-|word|40-140
openrouter-key|an OpenRouter key|sk-or-v1-|hex|64
langfuse-key|a Langfuse secret key|sk-lf-|uuid|36
public:publishable-key|a Langfuse public key|pk-lf-|uuid|36
public:publishable-key|a Datadog client token|pub|hex|32
twitch-token|a Twitch chat token|oauth:|lower|30
openai-key|an API key of OpenAI's shape|sk-|alnum|32-64
huggingface-token|a Hugging Face token|hf_|alnum|30-40
huggingface-token|a Hugging Face organization token|api_org_|alnum|34
replicate-token|a Replicate token|r8_|word|37-40
groq-key|a Groq key|gsk_|alnum|48-56
xai-key|an xAI key|xai-|word|70-90
perplexity-key|a Perplexity key|pplx-|alnum|40-56
nvidia-key|an NVIDIA key|nvapi-|word|60-70
langsmith-key|a LangSmith key|lsv2_|word|40-60
google-api-key|a Google API key|AIza|word|35
google-oauth-secret|a Google OAuth client secret|GOCSPX-|word|28
google-oauth-token|a Google OAuth access token|ya29.|worddot|20-1024
aws-bedrock-key|an Amazon Bedrock key|ABSK|base64|100-270
aws-bedrock-key|an Amazon Bedrock key|bedrock-api-key-|base64|40-2000
?access-key-id|an Alibaba Cloud access key id|LTAI|alnum|16-24
?access-key-id|an AWS access key id|AKIA|upper|16
?access-key-id|a temporary AWS access key id|ASIA|upper|16
digitalocean-token|a DigitalOcean token|dop_v1_|hex|64
digitalocean-token|a DigitalOcean OAuth token|doo_v1_|hex|64
digitalocean-token|a DigitalOcean refresh token|dor_v1_|hex|64
heroku-key|a Heroku key|HRKU-AA|word|58
heroku-key|a Heroku key|HRKU-|uuid|36
databricks-token|a Databricks token|dapi|uuid|32-34
databricks-token|a Databricks OAuth secret|dose|hex|32
sendgrid-key|a Sendgrid key|SG.|worddot|60-70
mailgun-key|a Mailgun key|key-|hex|32
public:publishable-key|a Mailgun public key|pubkey-|hex|32
brevo-key|a Brevo key|xkeysib-|word|60-90
brevo-key|a Brevo SMTP key|xsmtpsib-|word|60-90
?access-key-id|a Twilio API key id|SK|hex|32
npm-token|an npm token|npm_|alnum|36|crc62
pypi-token|a PyPI token|pypi-|word|60-1200
rubygems-key|a RubyGems key|rubygems_|hex|48
?crates-token|a crates.io token|cio|alnum|32
nuget-key|a NuGet key|oy2|lower|43
clojars-token|a Clojars token|CLOJARS_|lower|60
docker-token|a Docker Hub token|dckr_pat_|word|26-32
docker-token|a Docker organization token|dckr_oat_|word|26-40
postman-key|a Postman key|PMAK-|word|55-62
postman-key|a Postman collection key|PMAT-|alnum|26
newrelic-key|a New Relic user key|NRAK-|upper|27
newrelic-key|a New Relic insert key|NRII-|word|32
newrelic-key|a New Relic query key|NRIQ-|word|32
newrelic-key|a New Relic admin key|NRAA-|lower|27
public:publishable-key|a New Relic browser key|NRJS-|hex|19
grafana-token|a Grafana service account token|glsa_|word|41|grafana
grafana-token|a Grafana Cloud token|glc_|base64|32-400
grafana-token|a Grafana API key|eyJrIjoi|base64|60-400
vault-token|a Vault service token|hvs.|word|24-400
vault-token|a Vault batch token|hvb.|word|100-400
vault-token|a Vault recovery token|hvr.|word|24-400
doppler-token|a Doppler token|dp.pt.|alnum|40-44
doppler-token|a Doppler token|dp.ct.|alnum|40-44
doppler-token|a Doppler token|dp.st.|worddot|40-82
doppler-token|a Doppler token|dp.sa.|alnum|40-44
doppler-token|a Doppler token|dp.scim.|alnum|40-44
doppler-token|a Doppler token|dp.audit.|alnum|40-44
pulumi-token|a Pulumi token|pul-|hex|40
planetscale-token|a PlanetScale password|pscale_pw_|worddot|32-64
planetscale-token|a PlanetScale token|pscale_tkn_|worddot|32-64
planetscale-token|a PlanetScale OAuth token|pscale_oauth_|worddot|32-64
supabase-token|a Supabase token|sbp_|hex|40
supabase-token|a Supabase secret key|sb_secret_|word|20-60
public:publishable-key|a Supabase publishable key|sb_publishable_|word|20-60
mongodb-key|a MongoDB Atlas service secret|mdb_sa_sk_|word|40
neon-key|a Neon key|napi_|alnum|60-70
linear-key|a Linear key|lin_api_|alnum|40
linear-key|a Linear OAuth token|lin_oauth_|hex|64
notion-token|a Notion token|ntn_|alnum|40-50
notion-token|a Notion token|secret_|alnum|43
figma-token|a Figma token|figd_|word|40-50
contentful-token|a Contentful token|CFPAT-|word|43
sentry-token|a Sentry user token|sntryu_|hex|64
sentry-token|a Sentry organization token|sntrys_|any64|60-400
sonar-token|a Sonar token|squ_|alnum|40
sonar-token|a Sonar token|sqp_|alnum|40
sonar-token|a Sonar token|sqa_|alnum|40
snyk-token|a Snyk token|snyk_uat.|worddot|40-120
circleci-token|a CircleCI token|CCIPAT_|word|50-80
circleci-token|a CircleCI token|CCIPRJ_|word|50-80
buildkite-token|a Buildkite token|bkua_|hex|40
buildkite-token|a Buildkite agent token|bkct_|word|40-80
netlify-token|a Netlify token|nfp_|alnum|36-40
vercel-token|a Vercel token|vcp_|alnum|24-60
vercel-token|a Vercel blob token|vercel_blob_rw_|word|30-60
fly-token|a Fly.io token|fo1_|word|43
fly-token|a Fly.io token|fm1r_|any64|100-2000
fly-token|a Fly.io token|fm1a_|any64|100-2000
teamwork-token|a Teamwork token|tkn.v1_|any64|50-100
dependency-track-key|a Dependency-Track key|odt_|alnum|32-64
scrapfly-key|a Scrapfly key|scp-live-|hex|32
scrapfly-key|a Scrapfly key|scp-test-|hex|32
fly-token|a Fly.io token|fm2_|any64|100-2000
?render-key|a Render key|rnd_|alnum|28-40
prefect-key|a Prefect key|pnu_|alnum|36
shopify-token|a Shopify access token|shpat_|HEX|30-34
shopify-token|a Shopify shared secret|shpss_|HEX|30-34
shopify-token|a Shopify private app token|shppa_|HEX|30-34
shopify-token|a Shopify custom app token|shpca_|HEX|30-34
shopify-token|a Shopify user token|shpua_|HEX|30-34
square-token|a Square access token|sq0atp-|word|22
square-token|a Square secret|sq0csp-|word|43
public:client-id|a Square application id|sq0idp-|word|22
?square-token|a Square access token|EAAA|word|56-64
facebook-token|a Facebook access token|EAAC|alnum|90-400
facebook-token|a Facebook access token|EAAM|alnum|90-400
facebook-token|a Facebook access token|EAAB|alnum|90-400
braintree-token|a Braintree access token|access_token$|any64|20-100
flutterwave-key|a Flutterwave secret key|FLWSECK|word|12-60
public:publishable-key|a Flutterwave public key|FLWPUBK|word|12-60
easypost-key|an EasyPost key|EZAK|alnum|54
easypost-key|an EasyPost test key|EZTK|alnum|54
shippo-key|a Shippo token|shippo_live_|hex|40
shippo-key|a Shippo test token|shippo_test_|hex|40
duffel-token|a Duffel token|duffel_live_|wordeq|43
duffel-token|a Duffel token|duffel_test_|wordeq|43
airtable-token|an Airtable token|pat|worddot|79
tailscale-key|a Tailscale key|tskey-|word|20-80
dynatrace-token|a Dynatrace token|dt0c01.|worddot|80-100
dynatrace-token|a Dynatrace token|dt0s01.|worddot|80-100
typeform-token|a Typeform token|tfp_|worddot|40-59
readme-key|a ReadMe key|rdme_|alnum|60-80
?artifactory-key|an Artifactory key|AKC|alnum|60-74
artifactory-key|an Artifactory reference token|cmVmd|alnum|59
onepassword-token|a 1Password service account token|ops_eyJ|base64|200-1600
age-key|an age secret key|AGE-SECRET-KEY-1|upper|58
public:public-key|an age public key|age1|lower|58
launchdarkly-key|a LaunchDarkly SDK key|sdk-|uuid|36
launchdarkly-key|a LaunchDarkly API key|api-|uuid|36
segment-token|a Segment or Sourcegraph token|sgp_|word|40-70
sourcegraph-token|a Sourcegraph license|slk_|hex|64
posthog-key|a PostHog personal key|phx_|alnum|40-50
public:publishable-key|a PostHog project key|phc_|alnum|40-50
adafruit-key|an Adafruit IO key|aio_|alnum|28
frameio-token|a Frame.io token|fio-u-|wordeq|64
?octopus-key|an Octopus Deploy key|API-|upper|25-30
hubspot-token|a HubSpot private app token|pat-na1-|uuid|36
hubspot-token|a HubSpot private app token|pat-eu1-|uuid|36
hubspot-token|a HubSpot private app token|pat-na2-|uuid|36
scalingo-token|a Scalingo token|tk-us-|word|48
infracost-key|an Infracost key|ico-|alnum|32
adobe-secret|an Adobe client secret|p8e-|word|32
dropbox-token|a Dropbox access token|sl.|word|130-1500
?secret-key|a provider's secret key|sk_|alnum|40-60
?resend-key|a Resend key|re_|word|28-40
pubnub-key|a PubNub secret key|sec-c-|any64|40-60
pubnub-key|a PubNub publish key|pub-c-|uuid|36
public:publishable-key|a PubNub subscribe key|sub-c-|uuid|36
openshift-token|an OpenShift token|sha256~|word|43
confluent-secret|a Confluent secret|cflt|any64|60
tavily-key|a Tavily key|tvly-|word|24-50
sumologic-key|a Sumo Logic key|sumo_|alnum|40-70
prefect-key|a Prefect cloud key|pnb_|alnum|36
wakatime-key|a WakaTime key|waka_|uuid|36
coda-token|a Coda token|coda_|word|36-60
ubidots-token|a Ubidots token|BBFF-|alnum|30
yandex-key|a Yandex key|AQVN|word|35-38
yandex-key|a Yandex token|t1.|worddot|200-400
zuplo-key|a Zuplo key|zpka_|word|40-60
fullstory-key|a FullStory key|na1.|base64|80-110
ionic-token|an Ionic token|ion_|alnum|42
flexport-token|a Flexport token|shltm_|word|40
svix-key|a Svix signing key|svix_|word|30-60
atlassian-token|an Atlassian token|ATATT3|wordeq|100-300|atlassian
atlassian-token|a Bitbucket token|ATBB|alnum|28-40
atlassian-token|a Bitbucket token|ATCTT3|wordeq|100-300|atlassian
public:client-id|a Stripe price|price_|alnum|14-30
public:client-id|a Stripe product|prod_|alnum|12-20
public:client-id|a Stripe customer|cus_|alnum|12-20
public:client-id|a Stripe account|acct_|alnum|14-20
"""

SHAPES = r"""
slack-webhook|the path of a Slack webhook|/B|(?:/?services)?/?T[A-Z0-9]{8,12}/B[A-Z0-9]{8,12}/[A-Za-z0-9]{20,28}
telegram-token|a Telegram bot token|:AA|(?:bot)?[0-9]{6,12}:AA[A-Za-z0-9_-]{32,34}
telegram-token|a Telegram bot token|:A|[0-9]{8,10}:A[A-Za-z0-9_-]{34}
discord-token|a Discord bot token|.|[MNO][A-Za-z0-9_-]{22,28}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,40}
terraform-token|a Terraform Cloud token|.atlasv1.|[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,70}
azure-client-secret|an Azure client secret|Q~|[A-Za-z0-9_~.-]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}
azure-storage-key|an Azure storage key|+ASt|[A-Za-z0-9+/]{76}\+ASt[A-Za-z0-9+/]{6,7}==
azure-key|an Azure service key|AzSe|[A-Za-z0-9]{40,43}AzSe[A-Za-z0-9+/=]{6,10}
azure-key|an Azure Cosmos DB key|ACDb|[A-Za-z0-9+/]{76}ACDb[A-Za-z0-9+/]{6,7}==
azure-key|an Azure service key|ACAAAAAAAAAA|[A-Za-z0-9]{60,80}ACAAAAAAAAAA[A-Za-z0-9]{8,14}
azure-key|an Azure Service Bus key|+ASb|[A-Za-z0-9+/]{33}\+ASb[A-Za-z0-9+/]{6}=
azure-devops-token|an Azure DevOps token|AZDO|[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}
azure-functions-key|an Azure Functions key|AzFu|[A-Za-z0-9_-]{44}AzFu[A-Za-z0-9_=-]{6,10}
mailgun-key|a Mailgun key|-|[0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{8}
mailchimp-key|a Mailchimp key|-us|[0-9a-f]{32}-us[0-9]{1,2}
newrelic-key|a New Relic license key|NRAL|(?:[a-z]{2}[0-9]{2}xx)?[0-9a-f]{30,36}(?:FFFF)?NRAL
gitlab-token|a routable GitLab token|glpat-|glpat-[A-Za-z0-9_-]{27,300}\.(?:[0-9a-z]{2}\.)?[0-9a-z]{9}
gitlab-token|a routable GitLab token|glrt-|glrt-(?:t[0-9]_)?[A-Za-z0-9_-]{20,300}(?:\.[0-9a-z]{2,9}){0,2}
mapbox-token|a temporary Mapbox token|tk.|tk\.eyJ[A-Za-z0-9_-]{20,200}\.[A-Za-z0-9_-]{20,30}
mapbox-token|a Mapbox secret token|sk.|sk\.eyJ[A-Za-z0-9_-]{30,200}\.[A-Za-z0-9_-]{20,30}
public:publishable-key|a Mapbox public token|pk.|pk\.eyJ[A-Za-z0-9_-]{30,200}\.[A-Za-z0-9_-]{20,30}
airtable-token|an Airtable token|pat|pat[A-Za-z0-9]{14}\.[0-9a-f]{64}
dropbox-token|a Dropbox token|AAAAAAAAAA|[A-Za-z0-9_-]{11}AAAAAAAAAA[A-Za-z0-9_-]{43}
firebase-server-key|a Firebase server key|:APA91b|AAAA[A-Za-z0-9_-]{7}:APA91b[A-Za-z0-9_-]{100,140}
asana-token|an Asana token|/|[0-9]/[0-9]{14,18}(?:/[0-9]{14,18})?:[0-9a-f]{32}
paypal-token|a PayPal or Braintree token|access_token$|access_token\$[a-z]+\$[0-9a-z]{16}\$[0-9a-f]{32}
salesforce-token|a Salesforce session|!|00[A-Za-z0-9]{13}!(?:[A-Za-z0-9_.]{80,120})
google-oauth-token|a Google OAuth refresh token|1//|1//0[A-Za-z0-9_-]{40,140}
maxmind-key|a MaxMind license key|_mmk|[A-Za-z0-9]{6}_[A-Za-z0-9]{29}_mmk
?okta-token|an Okta token|00|(?![0-9a-f]+$)00[A-Za-z0-9_-]{38,40}
facebook-token|a Facebook app token|%7C|[0-9]{15,16}%7C[A-Za-z0-9_-]{27,40}
voiceflow-key|a Voiceflow key|VF.|VF\.(?:(?:DM|WS)\.)?[0-9a-fA-F]{24}\.[A-Za-z0-9]{16}
harness-token|a Harness token|pat.|pat\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9]{24}\.[A-Za-z0-9]{20}
stackhawk-key|a StackHawk key|hawk.|hawk\.[A-Za-z0-9_-]{20}\.[A-Za-z0-9_-]{20}
onepassword-key|a 1Password secret key|A3-|A3-[A-Z0-9]{6}-[A-Z0-9]{5,6}-?[A-Z0-9]{5,6}(?:-[A-Z0-9]{5}){3}
zoho-token|a Zoho token|1000.|1000\.[0-9a-f]{32}\.[0-9a-f]{32}
clickup-token|a ClickUp token|pk_|pk_[0-9]{6,10}_[0-9A-Z]{32}
twitter-token|a Twitter bearer token|AAAAAAAAAAAAAAAAAAAAA|A{20,24}[A-Za-z0-9%]{80,100}
?twitter-token|a Twitter access token|-|[0-9]{15,19}-[A-Za-z0-9]{40}
cloudflare-key|a Cloudflare origin CA key|v1.0-|v1\.0-[0-9a-f]{24}-[0-9a-f]{146}
auth0-token|an Authress key|.acc|(?:sc|ext|scauth|authress)_[A-Za-z0-9]{5,30}\.[A-Za-z0-9]{4,6}\.acc[_-][a-z0-9-]{10,32}\.[A-Za-z0-9+/_=-]{30,120}
vault-token|a Vault token|s.|s\.[A-Za-z0-9]{24}
"""

# Addresses that are keys: whoever knows one can post, call or read.
CAPABILITIES = r"""
slack-webhook|a Slack webhook|hooks.slack.com/|hooks\.slack\.com/(?:services|workflows|triggers)/(?:[A-Z0-9]{3,14}/){1,2}[0-9A-Za-z/]{16,}
discord-webhook|a Discord webhook|/api/webhooks/|discord(?:app)?\.com/api/(?:v\d+/)?webhooks/\d{15,21}/[\w-]{40,90}
teams-webhook|a Teams webhook|office|(?:webhook\.office|outlook\.office(?:365)?)\.com/webhook(?:b2)?/[\w@-]{36,80}/IncomingWebhook/[0-9a-zA-Z]{20,40}
google-chat-webhook|a Google Chat webhook|chat.googleapis.com/|chat\.googleapis\.com/v1/spaces/[\w-]+/messages\?.*(?:key|token)=[\w-]{20,}
zapier-webhook|a Zapier hook|hooks.zapier.com/|hooks\.zapier\.com/hooks/catch/\d+/\w{5,}
make-webhook|a Make hook|make.com/|hook\.[a-z0-9.]{2,12}\.make\.com/\w{20,}
ifttt-webhook|an IFTTT hook|maker.ifttt.com/|maker\.ifttt\.com/trigger/[\w-]+(?:/json)?/with/key/[\w-]{16,}
telegram-token|a Telegram bot's address|api.telegram.org/|api\.telegram\.org/(?:file/)?bot\d{6,12}:[\w-]{30,}
feishu-webhook|a Feishu or Lark hook|/open-apis/bot/|open\.(?:feishu\.cn|larksuite\.com)/open-apis/bot/(?:v2/)?hook/[\w-]{20,}
chat-webhook|a chat hook|/hooks/|/hooks/[a-z0-9]{24,26}(?:\b|/)|/hooks/[A-Za-z0-9]{17}/[A-Za-z0-9]{40,}
deploy-hook|a Vercel deploy hook|api.vercel.com/|api\.vercel\.com/v1/integrations/deploy/prj_\w{16,40}/\w{8,}
deploy-hook|a Netlify build hook|/build_hooks/|api\.netlify\.com/build_hooks/[0-9a-f]{24}
pagerduty-key|a PagerDuty integration|events.pagerduty.com/|events\.pagerduty\.com/(?:integration|x-ere)/[\w]{20,}
rpc-key|a blockchain node with its key|/v|(?:infura\.io/(?:ws/)?v3|alchemy(?:api)?\.(?:com|io)/v2)/[\w-]{24,}
rpc-key|a blockchain node with its key|quiknode.pro/|quiknode\.pro/[0-9a-f]{40}
sumologic-collector|a Sumo Logic collector|/receiver/v1/http/|sumologic\.com/receiver/v1/http/[\w+/=-]{40,}
heartbeat-url|a heartbeat address|hc-ping.com/|hc-ping\.com/[\w-]{20,}
heartbeat-url|a heartbeat address|/heartbeat/|uptime\.betterstack\.com/api/v1/heartbeat/\w{16,}
calendar-url|a private calendar|/private-|calendar\.google\.com/calendar/ical/[^/\s]+/private-[0-9a-f]{32}/
tines-webhook|a Tines hook|.tines.com/webhook/|\.tines\.com/webhook/[0-9a-f]{32}/[0-9a-f]{32}
n8n-webhook|a Pipedream hook|m.pipedream.net|//eo?[0-9a-z]{12,}\.m\.pipedream\.net
"""
