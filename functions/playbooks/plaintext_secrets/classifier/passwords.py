"""What the name promises, checked against the value: a password, a key, a token that somebody would use."""

from __future__ import annotations

import re

from functions.playbooks.plaintext_secrets.classifier.names import Hint
from functions.playbooks.plaintext_secrets.classifier.pattern import Pattern
from functions.playbooks.plaintext_secrets.classifier.placeholders import placeholder, words_of
from functions.playbooks.plaintext_secrets.classifier.randomness import is_monotonous, is_uuid, origin
from functions.playbooks.plaintext_secrets.classifier.references import resource_name
from functions.playbooks.plaintext_secrets.classifier.verdict import Confidence, Verdict, harmless, secret
from functions.playbooks.plaintext_secrets.classifier.vocabulary import CREDENTIAL, RESOURCE, words

_DEFAULT_WORDS = words(
    """password passwd pass postgres postgresql mysql admin administrator root guest secret test user redis rabbitmq
    mongo mongodb docker demo dev development local oracle sa minioadmin rootpassword mypassword mysecretpassword
    supersecret topsecret mysecret verysecret supersecretpassword toor"""
)
# What settings say under a name that ends like a credential: AUTH=iam, TOKEN=bearer, DB_PASSWORD=secretsmanager.
_MODES = words(
    """iam aws oauth oauth2 jwt bearer basic digest ldap saml oidc kerberos none token password apikey api_key api-key
    secretsmanager secrets-manager ssm vault kms client_credentials plain sasl ssl tls mtls cognito custom anonymous
    required optional env file keychain bcrypt argon2 argon2id scrypt sha256 hs256 rs256 es256 prompt interactive
    access_token id_token refresh_token authorization x-api-key default inherit system managed generate random
    rotate rotated database header cookie query session local remote internal external azure gcp github google"""
)
_WORDS_ONLY = Pattern(r"\s*[A-Za-z][A-Za-z_\-. ]{0,60}\s*")
_VARIABLE = Pattern(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|[a-z][a-z0-9]*(?:_[a-z0-9]+)+")
_LOGIN = Pattern(r"([\w.@+\-\\]{1,64}):(?!//)(?!\d{2,5}\Z)(\S{3,256})")
_SENTENCE = Pattern(r"(?:[A-Z\"'(]?[\w'’()\-]+[,;:]? ){3,}\S+")
_SECRET_WORDS = words("passwd pwd creds credentials secrets tokens keys apikey")
_LEAST_KEY, _LEAST_SURE_KEY = 8, 16


def by_name(hint: Hint, text: str) -> Verdict:
    """Judge a value without structure of its own by what its name promises."""
    if hint.role == "password":
        return _password(hint, text)
    if hint.role == "login":
        return _login(hint, text)
    if hint.credential:
        return _credential(hint, text)
    if hint.role == "mention" or (hint.role == "plain" and hint.provider and len(hint.words) == 1):
        return _mention(hint, text)
    if hint.role == "encrypted":
        return _said_to_be_encrypted(text)
    return harmless(_HARMLESS.get(hint.role, "plain"), _WHY.get(hint.role, "neither name nor value speaks of a secret"))


_HARMLESS = {"identifier": "identifier", "hash": "digest", "public": "public-key", "location": "reference"}
_WHY = {
    "identifier": "the name says that it is an identifier",
    "hash": "the name says that it is a hash or digest",
    "location": "the name says that it is where something is, or how it is called",
    "setting": "the name says that it is a setting",
    "public": "the name says that it is public",
    "data-key": "the name says that it is a key into data, not a key that opens",
    "connection": "the name says that it is an address or configuration, and there is no credential in it",
}


def _a(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def _kinds(text: str) -> tuple[bool, bool, bool]:
    """Return whether there are letters, digits and other characters in the text."""
    return (
        any(character.isalpha() for character in text),
        any(character.isdigit() for character in text),
        any(not character.isalnum() and character not in "_-. " for character in text),
    )


def _named(text: str) -> Verdict | None:
    """Recognise values that name a secret, a mode or another variable."""
    low = text.lower()
    if low in _MODES:
        return harmless("setting", "it is the name of a way to log in, not a credential")
    words = words_of(text[:128])
    items = text.split(",")
    if len(items) > 1 and all(_WORDS_ONLY.fullmatch(item) for item in items):
        return harmless("setting", "it is a list of names", "medium")
    if (
        _VARIABLE.fullmatch(text[:128])
        and any(word in CREDENTIAL or word in _SECRET_WORDS for word in words)
        and all(word in RESOURCE or len(word) < 3 or word.isupper() for word in words)
    ):
        return harmless("reference", "it is the name of a variable or field")
    return None


def _password(hint: Hint, text: str) -> Verdict:
    if text.lower() in _DEFAULT_WORDS:
        return secret("default-password", "low", "it is a password, though one that is a common default")
    named = _named(text)
    if named is not None:
        return named
    letters, digits, symbols = _kinds(text)
    if (
        resource_name(text)
        and not symbols
        and ((text.islower() and not re.search(r"\d{2}", text)) or _says_secret(text))
    ):
        return harmless("reference", "it reads like the name of a secret, not like a password", "medium")
    if " " in text:
        return _phrase(text)
    if len(text) > 512:
        return secret("password", "medium", "the name promises a password, though the value is unusually long")
    if not letters and not symbols:
        return _pin(hint, text)
    if len(text) < 3:
        return harmless("plain", "it is too short to be a password", "medium")
    weak = not hint.strong or hint.public
    confidence: Confidence = "high"
    if weak or len(text) < 6 or not (digits or symbols or (origin(text) == "generated" and len(text) >= 10)):
        confidence = "low" if weak and not digits else "medium"
    return secret("password", confidence, "the name promises a password, and the value reads like one")


def _says_secret(text: str) -> bool:
    return any(word in CREDENTIAL or word in _SECRET_WORDS for word in words_of(text[:128]))


def _phrase(text: str) -> Verdict:
    words = text.split()
    if len(words) >= 3 and all(word.isalpha() and word.islower() for word in words) and len(words) <= 30:
        return secret("passphrase", "high", "the name promises a password, and the value is a passphrase of words")
    if len(text) > 80 or text.endswith(".") or (not any(c.isdigit() for c in text) and _SENTENCE.fullmatch(text[:400])):
        return harmless("text", "it is a sentence for people to read", "medium")
    return secret("password", "medium", "the name promises a password, and the value may be one with spaces")


def _pin(hint: Hint, text: str) -> Verdict:
    if "pin" in hint.words:
        return secret(
            "pin", "high" if 4 <= len(text) <= 12 else "medium", "the name promises a PIN, and the value is one"
        )
    if 4 <= len(text) <= 16:
        return secret("password", "medium", "the name promises a password, and the value may be one of digits only")
    return harmless("number", "it is a number", "medium")


def _credential(hint: Hint, text: str) -> Verdict:
    named = _named(text)
    if named is not None:
        return named
    if " " in text:
        words = text.split()
        if "password" in hint.words or (len(words) in (12, 15, 18, 21, 24) and text.islower()):
            return _phrase(text)
        return harmless("text", "it is text with spaces, which keys and tokens have not", "medium")
    name = hint.called
    kind = name.replace(" ", "-")
    if is_uuid(text) and not is_monotonous(text.replace("-", "")):
        return _uuid(hint, name, kind)
    if is_monotonous(text):
        return _counted(text, name, kind)
    drawn = origin(text.removeprefix("0x"))
    if drawn == "generated" and len(text) >= _LEAST_KEY and not (resource_name(text) and _says_secret(text)):
        sure = hint.strong and not hint.public and (len(text) >= _LEAST_SURE_KEY or all(_kinds(text)[:2]))
        if len(text) < 12 and not all(_kinds(text)[:2]):
            return secret(kind, "low", f"the name promises {_a(name)}, and the value looks generated")
        return secret(kind, "high" if sure else "medium", f"the name promises {_a(name)}, and the value is generated")
    return _chosen(hint, text, name, kind)


def _counted(text: str, name: str, kind: str) -> Verdict:
    """Judge abcdef1234567890: an example to most, and yet the length of a key, so that a person should look."""
    if len(text) >= _LEAST_SURE_KEY and (any(c.isalpha() for c in text) and any(c.isdigit() for c in text)):
        return secret(kind, "low", f"the name promises {_a(name)}, though the value counts up as examples do")
    return harmless("placeholder", "it only repeats or counts characters", "medium")


def _uuid(hint: Hint, name: str, kind: str) -> Verdict:
    sure = hint.strong and not hint.public and (hint.role != "secret" or len(hint.words) > 1)
    if hint.role == "key" and not hint.strong:
        return secret(kind, "low", f"the name may promise {_a(name)}, and the value is a UUID, as some keys are")
    return secret(
        kind, "high" if sure else "medium", f"the name promises {_a(name)}, and the value is a UUID, as some are"
    )


def _chosen(hint: Hint, text: str, name: str, kind: str) -> Verdict:
    """Judge a value that a person seems to have chosen, under a name that promises a key, token or secret."""
    if resource_name(text):
        return harmless("reference", "it reads like the name of a resource, not like a secret", "medium")
    letters, digits, symbols = _kinds(text)
    if not letters:
        return _digits(hint, text, name, kind)
    if hint.role == "key" and not hint.strong:
        return _doubtful_key(text, kind, digits=digits)
    why = f"the name promises {_a(name)}, and the value reads like a password"
    if len(text) >= 6 and digits and (symbols or len(text) >= 8):
        # Words and digits, and no name of anything: somebody chose it.
        return secret(kind, "high" if symbols and hint.role in ("secret", "token") else "medium", why)
    if len(text) >= 8 and symbols and not text.startswith(("/", ".", "<", "#", "@")):
        return secret(kind, "medium", why)
    if hint.role == "secret" and len(text) >= 6 and not hint.public:
        words_in_it = len(re.findall(r"[A-Za-z]{3,}", text))
        confidence: Confidence = "medium" if words_in_it >= 3 and "-" in text else "low"
        return secret(kind, confidence, f"the name promises {_a(name)}, and the value is made of words")
    return harmless("plain", f"the name promises {_a(name)}, but the value is a word", "low")


def _digits(hint: Hint, text: str, name: str, kind: str) -> Verdict:
    if len(text) >= _LEAST_SURE_KEY and text.isdigit() and hint.strong:
        return secret(kind, "low", f"the name promises {_a(name)}, and the value is a number as long as one")
    if "pin" in hint.words or ("otp" in hint.words and 4 <= len(text) <= 10):
        return secret("pin", "medium", "the name promises a code, and the value is one")
    return harmless("number", "it is a number", "medium")


def _doubtful_key(text: str, kind: str, *, digits: bool) -> Verdict:
    if digits and len(text) >= _LEAST_SURE_KEY and text.isalnum():
        return secret(kind, "low", "the name may promise a key, and the value has letters and digits as keys have")
    return harmless("plain", "neither name nor value says that this key opens anything", "medium")


def _login(hint: Hint, text: str) -> Verdict:
    match = _LOGIN.fullmatch(text[:400])
    if match and placeholder(match[2]) is None:
        sure: Confidence = "low" if match[2].lower() in _DEFAULT_WORDS else "high"
        return secret("login", sure, "it is a user name and password in one", "what follows the colon")
    if _named(text) is not None or " " in text or resource_name(text):
        return harmless("setting", "it says how or with what to log in, without a credential", "medium")
    if origin(text) == "generated" and len(text) >= 16:
        return secret(
            "credential",
            "high" if len(text) >= 20 else "medium",
            "the name promises a credential, and the value is generated",
        )
    letters, digits, symbols = _kinds(text)
    if letters and digits and len(text) >= 6 and (symbols or not hint.words[-1].startswith("login")):
        return secret("password", "medium", "the name promises a credential, and the value reads like a password")
    return harmless("plain", "the name promises a login, but the value holds no credential", "medium")


def _mention(hint: Hint, text: str) -> Verdict:
    if " " in text or resource_name(text) or _named(text) is not None or is_uuid(text):
        return harmless("plain", "the name mentions a secret, the value does not look like one", "medium")
    letters, digits, _ = _kinds(text)
    if origin(text) == "generated" and len(text) >= _LEAST_SURE_KEY:
        return secret("secret", "medium", "the name mentions a secret or an issuer of keys, and the value is generated")
    if "password" in hint.words and letters and digits and len(text) >= 6:
        return secret("password", "medium", "the name mentions a password, and the value reads like one")
    return harmless("plain", "the name mentions a secret, the value does not look like one", "medium")


def _said_to_be_encrypted(text: str) -> Verdict:
    if (origin(text) == "generated" and len(text) >= 32) or len(text) < 6 or resource_name(text) or is_uuid(text):
        return harmless("ciphertext", "the name says that it is encrypted", "medium")
    letters, digits, symbols = _kinds(text)
    if letters and digits and symbols:
        return secret(
            "password", "low", "the name says that it is encrypted, though the value reads like a plain password"
        )
    return harmless("ciphertext", "the name says that it is encrypted", "medium")
