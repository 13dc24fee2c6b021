"""What only points at a secret, or hides one already: ARNs, names, paths, `vault:`, `op://`, KMS ciphertext, hashes."""

from __future__ import annotations

import re

from functions.playbooks.plaintext_secrets.classifier.pattern import Pattern
from functions.playbooks.plaintext_secrets.classifier.placeholders import words_of
from functions.playbooks.plaintext_secrets.classifier.randomness import is_uuid, origin
from functions.playbooks.plaintext_secrets.classifier.verdict import Verdict, harmless
from functions.playbooks.plaintext_secrets.classifier.vocabulary import RESOURCE, words

_SCHEMES = words(
    """ssm ssm-secure aws-ssm awsssm awsps vault hashivault hcp hcpvault op onepassword 1password secretsmanager
    secretmanager awssm awssecret awssecrets aws-secrets-manager aws-sm aws_secretsmanager asm sm gsm gcpsm gcp-sm
    gcp google-secret berglas akv azkv azurekeyvault keyvault azure-kv kv bw bitwarden lastpass lpass dashlane
    keychain keeper doppler infisical conjur chamber summon secretref secret secrets k8s kubernetes sops file env
    resolve parameterstore parameter-store parameter ref arn awskms kms awsparamstore valuefrom fromfile envvar
    config delinea akeyless pass-store gopass teller tss configmap ejson"""
)
_SCHEME = Pattern(r"([A-Za-z][\w-]{0,24}):(?://)?([^\s\"'<>]{1,400})")
_PATH = Pattern(r"(?:~|\.{1,2}|[A-Za-z]:)?[\\/][\w.@+\-\\/ ${}]+")
_FILE = Pattern(r"[\w./@+\-\\]+\.(?:pem|key|crt|cer|pfx|p12|jks|json|ya?ml|txt|conf|ini|env|pub|der|csr|toml|xml)")
_NAME_PATH = Pattern(r"[A-Za-z][\w.\-]{0,80}(?:/[\w.\-@!]{1,80}){1,8}")
_CDK_NAME = Pattern(
    r"[A-Za-z][A-Za-z0-9]{5,80}[0-9A-Z]{8}-[A-Za-z0-9]{12,13}|[A-Za-z][A-Za-z0-9]{5,80}[0-9A-F]{8}"
    r"|[A-Za-z][\w-]{3,80}-[A-Za-z0-9]{6}"
)
_SLUG = Pattern(r"[A-Za-z][A-Za-z0-9]*(?:[-_.][A-Za-z0-9]+)+")
_RESOURCE_ID = Pattern(
    r"(?:sg|subnet|vpc|i|ami|fs|eni|vol|snap|rtb|igw|nat|eipalloc|acl|vpce|pcx|tgw|ssoins|mrk|lt|fsap|lb)-[0-9a-f]{8,32}"
    r"|[a-z]{2}-[a-z]+-\d[:_][\w-]+|ocid1\.[\w.-]+|projects/[\w.-]+(?:/.*)?|/?subscriptions/[0-9a-fA-F-]{36}(?:/.*)?"
    r"|[0-9]+-[0-9a-z_]{20,40}\.apps\.googleusercontent\.com|rds![\w-]+|alias/[\w/-]+|AWS(?:CURRENT|PREVIOUS|PENDING)"
    r"|urn:[\w:.-]+|api://.+|19:[\w-]+@thread\.\w+"
)
_CIPHER_STARTS = (
    "AQICAH", "AQIDAH", "AQECAH", "AQEDAH", "AQIBAH", "ENC[", "ENC(", "gAAAAAB", "gAAAAAC", "$ANSIBLE_VAULT", "vault:v",
    "U2FsdGVkX1", "01000000d08c9ddf0115d1118c7a00c04fc297eb", "age-encryption.org", "AgA", "-----BEGIN PGP MESSAGE",
    "-----BEGIN AGE ENCRYPTED", "ejson:", "EJ[1:", "{cipher}", "{aes}", "!vault", "secure:",
)  # fmt: skip
_CIPHER = Pattern(r"[A-Za-z0-9+/=_\-\s:.,()\[\]|$;!{}@#]+")
_HASH = Pattern(
    r"\$(?:2[abxy]|1|5|6|7|8|y|argon2(?:i|d|id)|pbkdf2[\w-]*|scrypt|apr1|sha1|P|H)\$[\w./$=,+:-]{12,}|\{S?SHA\d*\}[\w+/=]+|"
    r"pbkdf2_sha\d+\$\d+\$.+|(?:[\w.-]+:)?\$(?:apr1|2[aby])\$[\w./$]+"
)
_LEAST_SEALED = 300  # characters of a sealed Kubernetes secret, whose start AgA is short
_LONGEST = 512


def ciphertext(text: str) -> Verdict | None:
    """Recognise what is encrypted or hashed already: KMS, SOPS, Fernet, Ansible Vault, bcrypt."""
    sealed = not text.startswith("AgA") or len(text) > _LEAST_SEALED
    if text.startswith(_CIPHER_STARTS) and len(text) >= 16 and sealed and _CIPHER.fullmatch(text):
        return harmless("ciphertext", "it is encrypted already")
    if len(text) <= _LONGEST and _HASH.fullmatch(text):
        return harmless("password-hash", "it is a hash of a password, not the password", "medium")
    return None


def reference(text: str) -> Verdict | None:
    """Recognise what points at something that is kept elsewhere; None where the text may be content."""
    if text.startswith(("arn:", "@Microsoft.KeyVault(")) or "{{resolve:" in text:
        return harmless("reference", "it points at a resource, and does not hold its content")
    if text.startswith(("https://", "http://")):
        vault = ".vault.azure.net/" in text and "?" not in text
        return harmless("reference", "it points at a Key Vault secret") if vault else None
    if len(text) > _LONGEST:
        return None
    match = _SCHEME.fullmatch(text)
    if match and match[1].lower() in _SCHEMES and "@" not in match[2].rpartition("/")[0]:
        return harmless("reference", f"the {match[1].lower()}: scheme points at where the secret is kept")
    if _RESOURCE_ID.fullmatch(text):
        return harmless("identifier", "it has the shape of a resource's identifier or address")
    return harmless("reference", "it is a path or the name of a parameter or file") if _is_path(text) else None


def _is_path(text: str) -> bool:
    if not ("/" in text or "\\" in text or "." in text):
        return False
    if _FILE.fullmatch(text):
        return True
    if not (_PATH.fullmatch(text) or _NAME_PATH.fullmatch(text)):
        return False
    pieces = [piece for piece in re.split(r"[\\/]", text) if piece]
    # Base64 has slashes too: what is a path has words between them.
    if (len(pieces) < 3 or len(text) > 24) and origin(text) == "generated":
        return False
    return not any(origin(piece) == "generated" and not is_uuid(piece) for piece in pieces[:-1])


def resource_name(text: str) -> bool:
    """Tell whether the text is how a resource is called: prod-orders-db-credentials, OrdersSecret1A2B3C4D-x9Y8z7."""
    if len(text) > 128 or " " in text:
        return False
    if _CDK_NAME.fullmatch(text) and _named_by_cdk(text):
        return True
    if not _SLUG.fullmatch(text) or origin(text) == "generated":
        return False
    return any(word in RESOURCE and len(word) > 1 for word in words_of(text))


def _named_by_cdk(text: str) -> bool:
    """Tell whether a word and a random suffix are a CloudFormation name: it says Stack or Secret, or has hyphens."""
    telling = "Stack" in text or "Secret" in text
    if not telling and not ("-" in text[-9:] and "-" in text[:-7]):
        return False
    return any(word in RESOURCE for word in words_of(text.rpartition("-")[0] or text))
