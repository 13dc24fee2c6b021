# ruff: noqa: E501 - one kind per line, whole, is how this table is read
"""How to rotate each kind of secret where it is issued. Pure: the classifier's word for it in, one sentence out.

Whoever may read a function's configuration could read a secret that stood in it in plain text, and its published
versions keep it: it counts as leaked, and moving it elsewhere does not change that. Where there can be an old and a new
one at a time, the old one goes last, since the function reads the secret only when it starts.
"""

from __future__ import annotations

# In each, {put} is "put it into the secret" and {old} "once the function runs with it".
_OWN = {
    "access-key": "Create a second access key where this one was issued, {put}, and delete the old one {old}",
    "access-key-id": "Create a second access key for its user, {put}, and deactivate the old one {old}; better, give the function's role the permissions and use no access key",
    "age-key": "Make a new age key, encrypt again with it what the old one opened, and {put}",
    "api-key": "Create a new API key at its provider, {put}, and revoke the old one {old}",
    "authorization-header": "Issue a new token, or change the password, where the one in the header was issued, {put}, and revoke the old one",
    "aws-bedrock-key": "Generate a new API key in Amazon Bedrock, {put}, and delete the old one {old}; better, give the function's role the permissions and use no API key",
    "azure-client-secret": "Add a new client secret to the app registration in Microsoft Entra ID, {put}, and delete the old one {old}",
    "azure-devops-token": "Create a personal access token with fewer scopes in Azure DevOps, {put}, and revoke the old one {old}",
    "azure-functions-key": "Renew the function's or host's key in Azure Functions and {put}",
    "azure-key": "Take the resource's other key in Azure, as there are usually two, {put}, and regenerate the old one {old}",
    "azure-sas": "Make a new shared access signature with another account key or access policy, a short life and few permissions, {put}, and rotate the key or remove the policy of the old one",
    "azure-storage-key": "Take the storage account's other key in Azure, as there are two, {put}, and rotate the old one {old}",
    "calendar-url": "Reset the private address in the calendar's settings and {put}",
    "chat-webhook": "Create a new incoming webhook in the chat server, {put}, and delete the old one",
    "cloudflare-key": "Change the key in Cloudflare's profile under API Tokens and {put}; better, use an API token with few permissions",
    "connection-string": "Change the password of this user in the system that the connection string leads to and {put}",
    "credential": "Get a new one where it was issued, {put}, and have the old one made invalid",
    "default-password": "Replace this well-known default by a long random password in the system that it opens and {put}",
    "deploy-hook": "Create a new hook in the project's settings, {put}, and delete the old one",
    "discord-token": "Reset the bot's token in Discord's developer portal and {put}",
    "discord-webhook": "Create a new webhook in the channel's integrations in Discord, {put}, and delete the old one",
    "encrypted-private-key": "Make a new key pair, have the new public key or certificate trusted, {put}, and withdraw the old one, at once if its passphrase stood beside it",
    "encryption-key": "Make a new key, {put}, encrypt again with it what the old one protects, and only then delete the old one",
    "facebook-token": "Issue a new access token in Meta's developer tools, {put}, and invalidate the old one or reset the app secret",
    "feishu-webhook": "Add a new bot to the group chat in Feishu or Lark, {put}, and remove the old one",
    "github-token": "Create a fine-grained token with few permissions and an expiry date in GitHub under Settings, Developer settings, {put}, and revoke the old one there (one of an app: in the app's settings)",
    "gitlab-token": "Create a token with few scopes and an expiry date in GitLab where this one was issued (user, project, group or runner), {put}, and revoke the old one",
    "google-api-key": "Create a new API key in the Google Cloud console under Credentials, restrict it to the APIs it needs, {put}, and delete the old one {old}",
    "google-chat-webhook": "Add a new webhook in the space's settings in Google Chat, {put}, and delete the old one",
    "google-oauth-secret": "Add a new client secret to the OAuth client in the Google Cloud console, {put}, and disable and delete the old one {old}",
    "google-oauth-token": "Revoke the application's access in the Google account, authorize it anew, and {put}",
    "heartbeat-url": "Create a new check or heartbeat in the monitoring service, {put}, and delete the old one",
    "http-url": "Change the password or token in the URL on the server that it leads to and {put}",
    "jwt": "Have a new one with a short life issued, {put}, and revoke the old one; where that cannot be done, replace the key that signs them",
    "key": "Get a new key where this one came from, {put}, and have the old one made invalid",
    "key-store": "Make a new key pair in a new key store, have its certificate trusted, {put}, and withdraw the old certificate",
    "license-key": "Ask the vendor for a new license key, {put}, and have the old one revoked",
    "login": "Change the password of this user in the system that it opens and {put}",
    "n8n-webhook": "Give the workflow a new trigger, which has a new address, {put}, and delete the old one",
    "okta-token": "Create a new API token in Okta's admin console under Security, API, {put}, and revoke the old one {old}",
    "onepassword-key": "Regenerate the Secret Key of the 1Password account and {put}; better, use a service account, as a Secret Key is for people",
    "passphrase": "Change the passphrase in the system that it opens and {put}; if a wallet or key derives from it, move what that holds to a new one",
    "password": "Change it in the system that it opens (in most databases with ALTER USER) and {put}",
    "payment-key": "Create a new secret key in the payment provider's dashboard, {put}, and expire the old one {old}",
    "pin": "Change the PIN or code in the system that it opens and {put}",
    "private-key": "Make a new key pair, have the new public key or certificate trusted, {put}, and withdraw or revoke the old one",
    "rpc-key": "Create a new key or endpoint at the node provider, {put}, and delete the old one {old}",
    "secret": "Get a new one where this one came from, {put}, and have the old one made invalid",
    "secret-key": "Make or get a new key where this one came from and {put}; if the application signs sessions with it, everybody has to sign in again",
    "segment-token": "Create a new access token in Segment's workspace settings (or, if it is one of Sourcegraph, there), {put}, and revoke the old one {old}",
    "signing-key": "Make a new signing key, have both keys accepted for a while, {put}, and then remove the old one",
    "slack-token": "Revoke it with Slack's method auth.revoke or in the app's settings, install the app anew, and {put}",
    "slack-webhook": "Add a new webhook in the settings of the Slack app, {put}, and remove the old one",
    "stripe-key": "Create a restricted key in Stripe's dashboard under Developers, API keys, {put}, and expire the old one {old}",
    "stripe-webhook-secret": "Roll the endpoint's signing secret at the service that sends the webhooks, such as Stripe, and {put}",
    "teams-webhook": "Create a new webhook for the channel in Teams, {put}, and remove the old one",
    "telegram-token": "Revoke the bot's token with BotFather in Telegram, which gives a new one, and {put}",
    "terraform-token": "Create a new API token in HCP Terraform or Terraform Enterprise, {put}, and delete the old one {old}",
    "token": "Issue a new token with few permissions and an expiry date where this one was issued, {put}, and revoke the old one {old}",
    "url-token": "Issue a new token or key at the service that the URL leads to, {put}, and revoke the old one {old}",
    "vault-token": "Create a new token in Vault, {put}, and revoke the old one (vault token revoke); better, let the function log in to Vault with its role",
}

# kind: the issuer, where the way is the same everywhere.
_ISSUERS = {
    "adafruit-key": "Adafruit IO", "adobe-secret": "Adobe's developer console", "airtable-token": "Airtable",
    "anthropic-key": "Anthropic's console", "artifactory-key": "Artifactory", "asana-token": "Asana",
    "atlassian-token": "the Atlassian account or Bitbucket", "auth0-token": "Authress",
    "braintree-token": "Braintree's control panel", "brevo-key": "Brevo", "buildkite-token": "Buildkite",
    "circleci-token": "CircleCI", "clickup-token": "ClickUp", "clojars-token": "Clojars", "coda-token": "Coda",
    "confluent-secret": "Confluent Cloud", "contentful-token": "Contentful", "crates-token": "crates.io",
    "databricks-token": "Databricks", "dependency-track-key": "Dependency-Track",
    "digitalocean-token": "DigitalOcean", "docker-token": "Docker Hub", "doppler-token": "Doppler",
    "dropbox-token": "Dropbox's app console", "duffel-token": "Duffel", "dynatrace-token": "Dynatrace",
    "easypost-key": "EasyPost", "figma-token": "Figma", "firebase-server-key": "the Firebase console",
    "flexport-token": "Flexport", "flutterwave-key": "Flutterwave", "fly-token": "Fly.io",
    "frameio-token": "Frame.io", "fullstory-key": "FullStory", "grafana-token": "Grafana", "groq-key": "Groq's console",
    "harness-token": "Harness", "heroku-key": "Heroku", "hubspot-token": "HubSpot",
    "huggingface-token": "Hugging Face", "ifttt-webhook": "the Webhooks service of IFTTT",
    "infracost-key": "Infracost", "ionic-token": "Ionic", "langfuse-key": "Langfuse", "langsmith-key": "LangSmith",
    "launchdarkly-key": "LaunchDarkly", "linear-key": "Linear", "mailchimp-key": "Mailchimp",
    "mailgun-key": "Mailgun", "make-webhook": "Make", "mapbox-token": "Mapbox", "maxmind-key": "MaxMind",
    "mongodb-key": "MongoDB Atlas", "neon-key": "Neon", "netlify-token": "Netlify", "newrelic-key": "New Relic",
    "notion-token": "Notion", "npm-token": "npm", "nuget-key": "NuGet", "nvidia-key": "NVIDIA",
    "octopus-key": "Octopus Deploy", "onepassword-token": "1Password", "openai-key": "OpenAI's platform",
    "openrouter-key": "OpenRouter", "openshift-token": "OpenShift", "pagerduty-key": "PagerDuty",
    "paypal-token": "PayPal or Braintree", "perplexity-key": "Perplexity", "planetscale-token": "PlanetScale",
    "posthog-key": "PostHog", "postman-key": "Postman", "prefect-key": "Prefect", "pubnub-key": "PubNub",
    "pulumi-token": "Pulumi Cloud", "pypi-token": "PyPI", "readme-key": "ReadMe", "render-key": "Render",
    "replicate-token": "Replicate", "resend-key": "Resend", "rubygems-key": "RubyGems",
    "salesforce-token": "Salesforce", "scalingo-token": "Scalingo", "scrapfly-key": "Scrapfly",
    "sendgrid-key": "SendGrid", "sentry-token": "Sentry", "shippo-key": "Shippo", "shopify-token": "Shopify",
    "snyk-token": "Snyk", "sonar-token": "SonarQube or SonarQube Cloud", "sourcegraph-token": "Sourcegraph",
    "square-token": "Square's developer console", "stackhawk-key": "StackHawk",
    "sumologic-collector": "Sumo Logic", "sumologic-key": "Sumo Logic", "supabase-token": "Supabase",
    "svix-key": "Svix", "tailscale-key": "Tailscale", "tavily-key": "Tavily", "teamwork-token": "Teamwork",
    "tines-webhook": "Tines", "twitch-token": "Twitch", "twitter-token": "X's developer portal",
    "typeform-token": "Typeform", "ubidots-token": "Ubidots", "vercel-token": "Vercel", "voiceflow-key": "Voiceflow",
    "wakatime-key": "WakaTime", "xai-key": "xAI's console", "yandex-key": "Yandex Cloud", "zapier-webhook": "Zapier",
    "zoho-token": "Zoho", "zuplo-key": "Zuplo",
}  # fmt: skip

_ADDRESS = "Create a new {noun} in {issuer}, {put}, and delete the old one {old}"
_ISSUED = "Create a new {noun} with only the permissions it needs in {issuer}, {put}, and revoke the old one {old}"
_URL = "Change the password of the user in the {scheme} URL, in the system that it leads to, and {put}"
_GENERAL = "Get a new one with few permissions where this one was issued, {put}, and have the old one made invalid"


def advice(kind: str) -> str:
    """Return how to rotate a secret of this kind (`Verdict.kind`), in one sentence; a general one for a new kind."""
    stem, _, last = kind.rpartition("-")
    words = {"put": "put it into the secret", "old": "once the function runs with it"}
    return _form(kind, stem, last).format(**words, issuer=_ISSUERS.get(kind), scheme=stem, noun=last) + "."


def _form(kind: str, stem: str, last: str) -> str:
    if kind in _OWN:
        return _OWN[kind]
    if kind in _ISSUERS:
        return _ADDRESS if last in ("webhook", "collector") else _ISSUED
    return _URL if last == "url" and stem else _GENERAL
