"""Values that look real, put together at run time: nothing in the repository may look like a credential."""

from __future__ import annotations

import base64
import hashlib
import string
import zlib
from random import Random

ALNUM = string.ascii_letters + string.digits
BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
HEX = string.digits + "abcdef"
PRIVATE = "PRIVATE" + " KEY"
UUID = "6ba7b810-9dad-41d1-80b4-00c04fd430c8"


def drawn(length: int, alphabet: str = ALNUM, seed: int = 7) -> str:
    """Return a text drawn from an alphabet, the same every time."""
    r = Random(f"{length}/{alphabet}/{seed}")  # noqa: S311 - made up, and the same every time
    return "".join(r.choice(alphabet) for _ in range(length))


def in_base(number: int, alphabet: str, width: int) -> str:
    """Return a number in the digits of an alphabet."""
    text = ""
    while number:
        number, rest = divmod(number, len(alphabet))
        text = alphabet[rest] + text
    return text.rjust(width, alphabet[0])


def crc(text: str) -> int:
    """Return the CRC-32 of a text."""
    return zlib.crc32(text.encode())


def github_token(prefix: str = "gh" + "p_") -> str:
    """Return a text in GitHub's classic format, with a right checksum; npm's is the same with `npm_`."""
    body = drawn(30)
    return prefix + body + in_base(crc(body), BASE62, 6)


def github_fine_token() -> str:
    """Return a text in GitHub's fine-grained format, with a right checksum."""
    head = "github" + "_pat_" + drawn(22, string.ascii_uppercase + string.digits) + "_" + drawn(43)
    return head + base64.b32encode(hashlib.sha256(head.encode()).digest()).decode()[:8] + drawn(8)


def grafana_token() -> str:
    """Return a text in Grafana's format, with a right checksum."""
    head = "gl" + "sa_" + drawn(32)
    return f"{head}_{crc(head).to_bytes(4, 'little').hex()}"


def atlassian_token() -> str:
    """Return a text in Atlassian's format, with a right checksum."""
    head = "ATA" + "TT3xFfGF0" + drawn(171) + "="
    return f"{head}{crc(head):08X}"


def pem(label: str = PRIVATE, newline: str = "\n", length: int = 400) -> str:
    """Return a PEM block of noise."""
    dashes = "-" * 5
    return newline.join([f"{dashes}BEGIN {label}{dashes}", drawn(length), f"{dashes}END {label}{dashes}"])


def b64(text: str | bytes) -> str:
    """Return base64."""
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()
