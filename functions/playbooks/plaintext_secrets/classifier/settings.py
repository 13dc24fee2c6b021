"""What a value's shape alone shows to be a setting: numbers, hosts, dates, classes, schedules, patterns."""

from __future__ import annotations

import re

from functions.playbooks.plaintext_secrets.classifier.pattern import Pattern
from functions.playbooks.plaintext_secrets.classifier.randomness import origin
from functions.playbooks.plaintext_secrets.classifier.verdict import Verdict, harmless

_DOMAIN = (
    r"(?:com|net|org|io|dev|cloud|internal|local|localdomain|aws|co|app|ai|eu|de|uk|fr|jp|cn|br|in|us|ca|au|nl|svc|lan|"
    r"info|biz|gov|edu|tech|mil|int|me|tv|xyz|corp|cluster)"
)
_HOST = Pattern(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,62})\.){1,8}" + _DOMAIN + r"(?::\d{1,5})?(?:/[\w./-]*)?", re.IGNORECASE)
_EMAIL = Pattern(r"[\w.+\-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,4}\.[A-Za-z]{2,24}")
_CLASS = Pattern(
    r"[a-z_][\w$]{0,60}(?:\.[a-z_][\w$]{0,60}){1,8}\.[A-Z][\w$]{0,80}|[A-Z][A-Za-z]{1,60}(?:\.[A-Z][A-Za-z]{1,80}){1,6}"
)
_IP = Pattern(r"(?:\d{1,3}\.){3}\d{1,3}(?:[:/]\d{1,5})?|(?:[0-9a-fA-F]{2}[:-]){5,31}[0-9a-fA-F]{2}")
_DIGEST = Pattern(
    r"(?:sha(?:1|256|384|512)|md5|SHA256|MD5)[:-][A-Za-z0-9+/=:]{16,}|[\w./-]+@sha256:[0-9a-f]{64}|W?/?\"[0-9a-f-]{16,40}\""
)
_CHAIN = Pattern(r"0x[0-9a-fA-F]{40}|bc1[qp][02-9ac-hj-np-z]{38,58}")
_CRON = Pattern(r"(?:rate|cron|at)\([^()]{1,80}\)|[\d*/,\-]+(?: [\d*/,?\-LW#A-Z]+){4,5}")
_REGEX = Pattern(
    r"\(\?[i:=!<P]|\\[dwsbDWSB](?![A-Za-z])|\.\*|\[\^&"
    r"|\[\^?[^\]\[\s]{0,30}[a-zA-Z0-9]-[a-zA-Z0-9][^\]\[]{0,60}\](?:[+*{]|\$)"
)
_FORMAT = Pattern(r"%\(\w+\)|%[-\d.]{0,8}[a-zA-Z](?:[\s\]\[\-:]|$).{0,200}%|\{\w+\} \{\w+\}|\$\w+ .{0,200}\$\w+")
_KEY_LINES = ("ssh-rsa ", "ssh-ed25519 ", "ssh-dss ", "ecdsa-sha2-", "sk-ssh-ed25519", "sk-ecdsa-sha2")
_NUMBER = Pattern(
    r"[+\-]?[\d][\d,_.]{0,60}(?:[eE][+-]?\d{1,3})?%?|\d{1,12} ?(?:ms|s|m|h|d|days?|hours?|minutes?|KB|MB|GB)"
    r"|P(?:T?\d{1,6}[YMWDHS]){1,6}"
)
_VERSION = Pattern(r"v?\d+(?:\.\d+){1,3}(?:[.+\-][\w.+\-]{0,40})?|\d{4}-\d\d-\d\d(?:[T ][\d:.+Z\-]+)?|\$LATEST")
_LONGEST = 400


def description(text: str) -> Verdict | None:
    """Recognise a setting by its shape; None where the shape says nothing."""
    if text.startswith(_KEY_LINES) or " ssh-ed25519 " in text[:300] or " ssh-rsa " in text[:300]:
        return harmless("public-key", "it is a public key, which may be known")
    if len(text) > _LONGEST:
        return None
    if _NUMBER.fullmatch(text) or _VERSION.fullmatch(text) or _CRON.fullmatch(text):
        return harmless("number", "it is a number, a duration, a date or a version")
    if _IP.fullmatch(text) or _HOST.fullmatch(text) or _EMAIL.fullmatch(text):
        return harmless("address", "it is the address of a host or a person")
    if _DIGEST.fullmatch(text):
        return harmless("digest", "it is a digest or fingerprint")
    if _CHAIN.fullmatch(text):
        return harmless("identifier", "it is an address on a chain, which is public")
    named = _CLASS.fullmatch(text) and origin(text) != "generated"
    if named or _REGEX.search(text) or _FORMAT.search(text):
        return harmless("setting", "it is the name of a class" if named else "it is a pattern or format")
    return None
