"""Keys in the forms they are stored in: PEM in all its disguises, DER, JWK, JSON web tokens."""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Any

from functions.playbooks.plaintext_secrets.classifier.pattern import Pattern
from functions.playbooks.plaintext_secrets.classifier.verdict import Verdict, harmless, secret

_PRIVATE = Pattern(r"-----BEGIN[ _]?([A-Z0-9 _]{0,40})PRIVATE[ _]KEY(?:[ _]BLOCK)?-----")
_PUBLIC = Pattern(
    r"-----BEGIN[ _](?:[A-Z0-9 _]{0,40})(?:CERTIFICATE|PUBLIC[ _]KEY|CERTIFICATE REQUEST|X509 CRL|PARAMETERS)"
)
_JWT = Pattern(r"eyJ?[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{2,}(?:\.[A-Za-z0-9_-]*){1,3}")
_JWT_WITHIN = Pattern(r"(?<![\w.-])eyJ[A-Za-z0-9_-]{8,3000}\.eyJ[A-Za-z0-9_-]{2,6000}\.[A-Za-z0-9_-]{10,1000}")
_DOCUMENTED = ("1234567890", "John Doe", "Jane Doe")
_BODY = re.compile(r"[^A-Za-z0-9+/=]")
_LEAST_BODY = 40  # characters of base64 in the shortest private key there is (Ed25519 has 64)


def pem(text: str) -> Verdict | None:
    """Judge a text with a PEM block, whatever became of its line breaks."""
    if "-----BEGIN" not in text:
        if "PuTTY-User-Key-File" in text[:200]:
            return secret("private-key", "high", "it is a PuTTY private key")
        return None
    found = _PRIVATE.search(text)
    if found is None:
        return harmless("certificate", "it is a certificate or public key") if _PUBLIC.search(text) else None
    body = text[found.end() :].split("-----END", 1)[0]
    if len(_BODY.sub("", body.replace("\\n", ""))) < _LEAST_BODY or "..." in body[:200]:
        return harmless("placeholder", "it has the frame of a private key, but no key in it")
    if "ENCRYPTED" in found[1] or "ENCRYPTED" in body[:100]:
        return secret("encrypted-private-key", "medium", "it is a private key, though one that a passphrase protects")
    return secret("private-key", "high", "it is a private key in PEM form")


def der(data: bytes) -> Verdict | None:
    """Judge binary ASN.1: PKCS #1, PKCS #8 and SEC 1 private keys start with a version, public ones do not."""
    if data.startswith(b"openssh-key-v1\0"):
        return secret("private-key", "high", "it is an OpenSSH private key")
    inner = _content(data)
    if inner is None:
        return None
    if inner[:3] in (b"\x02\x01\x00", b"\x02\x01\x01") and len(inner) > 32:
        return secret("private-key", "high", "it is a private key in DER form")
    if inner[:3] == b"\x02\x01\x03" and len(inner) > 100:
        return secret("key-store", "medium", "it is a PKCS #12 key store")
    if inner[:1] == b"\x30" and len(inner) > 32:
        return harmless("certificate", "it is a certificate or public key in DER form")
    return None


def _content(data: bytes) -> bytes | None:
    """Return what is inside a DER sequence that fills the data; None if it is none."""
    if len(data) < 16 or data[0] != 0x30:
        return None
    if data[1] < 0x80:
        start, length = 2, data[1]
    else:
        size = data[1] & 0x7F
        if not 1 <= size <= 3:
            return None
        start, length = 2 + size, int.from_bytes(data[2 : 2 + size], "big")
    # A value that was cut to fit is still a key.
    return data[start : start + length] if length >= len(data) - start - 2 and length >= 16 else None


def jwt(text: str) -> Verdict | None:
    """Judge a JSON web token by its header and claims, without its signature's key."""
    if not text.startswith("ey") or text.count(".") not in (2, 3, 4) or not _JWT.fullmatch(text[:8000]):
        return None
    parts = text.split(".")
    header, claims = _json_part(parts[0]), _json_part(parts[1])
    if not isinstance(header, dict):
        # Cut or mistyped, and yet nothing else looks like this.
        whole = parts[1].startswith("eyJ") and len(parts) > 2 and len(parts[2]) > 20
        return secret("jwt", "medium", "it has the shape of a JSON web token") if whole else None
    if not {"alg", "enc", "typ", "kid"} & header.keys():
        return None
    if len(parts) == 5 and "enc" in header:
        return secret("jwt", "high", "it is an encrypted JSON web token, which whoever holds it can present")
    signed = bool(parts[2:] and parts[2]) and str(header.get("alg")).lower() != "none"
    return _of_claims(claims if isinstance(claims, dict) else {}, signed=signed)


def _of_claims(claims: dict[str, Any], *, signed: bool) -> Verdict:
    if any(str(claims.get(claim)) in _DOCUMENTED for claim in ("sub", "name")):
        return harmless("placeholder", "it is the example token of a documentation")
    if not signed:
        return harmless("identifier", "it is a JSON web token without a signature", "medium")
    if claims.get("role") == "anon" or claims.get("type") == "publishable":
        return harmless("publishable-key", "it is a JSON web token for the anonymous role, made to be published")
    return secret("jwt", "high", "it is a signed JSON web token, which whoever holds it can present")


def jwt_in(text: str) -> Verdict | None:
    """Judge the first JSON web token that stands in a longer text."""
    if "eyJ" not in text:
        return None
    match = _JWT_WITHIN.search(text[:20_000])
    return jwt(match[0]) if match else None


def _json_part(part: str) -> Any:
    try:
        return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        return None


def jwk(document: Any) -> Verdict | None:
    """Judge a JSON web key or a set of them: private where the private exponent or the symmetric key is inside."""
    keys = document.get("keys") if isinstance(document, dict) else None
    found = [
        key
        for key in (keys if isinstance(keys, list) else [document])
        if isinstance(key, dict) and isinstance(key.get("kty"), str)
    ]
    if not found:
        return None
    if any(key.get("d") or (key["kty"] == "oct" and key.get("k")) for key in found):
        return secret("private-key", "high", "it is a JSON web key with its private part")
    return harmless("public-key", "it is a set of public JSON web keys")
