"""The checksums that some providers put into their tokens: a token that fails its own was never issued."""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Callable

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"


def _in_base(number: int, alphabet: str, width: int) -> str:
    digits = ""
    while number:
        number, rest = divmod(number, len(alphabet))
        digits = alphabet[rest] + digits
    return digits.rjust(width, alphabet[0])


def _crc(text: str) -> int:
    return zlib.crc32(text.encode())


def crc_base62(token: str) -> bool:
    """Check GitHub's classic and npm's tokens: the last six characters are the CRC-32 of the rest after the prefix.

    Source: GitHub blog, "Behind GitHub's new authentication token formats".
    """
    body = token.rpartition("_")[2]
    return _in_base(_crc(body[:-6]), _BASE62, 6) == body[-6:]


def github_fine_grained(token: str) -> bool:
    """Check a `github_pat_` token: eight characters of base32 SHA-256 of what precedes the last sixteen."""
    digest = hashlib.sha256(token[:-16].encode()).digest()
    return base64.b32encode(digest)[:8].decode() == token[-16:-8]


def grafana(token: str) -> bool:
    """Check a `glsa_` token: after the last underscore the CRC-32 of all before it, little-endian hexadecimal."""
    head, _, check = token.rpartition("_")
    return check.lower() in (_crc(head).to_bytes(4, "little").hex(), _crc(head[5:]).to_bytes(4, "little").hex())


def atlassian(token: str) -> bool:
    """Check an `ATATT3` token: the last eight characters are the CRC-32 of all before them."""
    return f"{_crc(token[:-8]):08X}" == token[-8:].upper()


def gitlab_routable(token: str) -> bool:
    """Check a routable GitLab token: the last seven characters are the CRC-32 of all before them, in base 36."""
    return _in_base(_crc(token[:-7]), _BASE36, 7) == token[-7:]


CHECKSUMS: dict[str, Callable[[str], bool]] = {
    "crc62": crc_base62,
    "github-fine": github_fine_grained,
    "grafana": grafana,
    "atlassian": atlassian,
    "gitlab": gitlab_routable,
}
