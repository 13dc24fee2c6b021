"""How the first corpus draws its values: names in many styles, passwords, keys that are structurally real."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import string
import zlib
from collections.abc import Callable
from random import Random
from typing import Any

Point = tuple[int, int]

HEX, B62 = "0123456789abcdef", string.digits + string.ascii_uppercase + string.ascii_lowercase
UP, LO, DIG = string.ascii_uppercase, string.ascii_lowercase, string.digits
B64, B64U = UP + LO + DIG + "+/", UP + LO + DIG + "-_"
B32, ALNUM = UP + "234567", UP + LO + DIG


def s(r: Random, alphabet: str, n: int) -> str:
    return "".join(r.choice(alphabet) for _ in range(n))


def rb(r: Random, n: int) -> bytes:
    return bytes(r.getrandbits(8) for _ in range(n))


def b64(b: bytes) -> str:
    return base64.b64encode(b).decode()


def b64u(b: bytes) -> str:
    return base64.urlsafe_b64encode(b).decode().rstrip("=")


def uuid(r: Random) -> str:
    h = s(r, HEX, 32)
    return f"{h[:8]}-{h[8:12]}-4{h[13:16]}-{r.choice('89ab')}{h[17:20]}-{h[20:]}"


def base_n(v: int, alphabet: str, width: int) -> str:
    out = ""
    while v:
        v, m = divmod(v, len(alphabet))
        out = alphabet[m] + out
    return out.rjust(width, alphabet[0])


def crc62(body: str) -> str:
    return base_n(zlib.crc32(body.encode()), B62, 6)


def style(r: Random, words: list[str]) -> str:
    """One of the naming styles seen in Lambda configurations."""
    w = [x for x in "_".join(words).lower().split("_") if x]
    k = r.random()
    if k < 0.66:
        return "_".join(w).upper()
    if k < 0.74:
        return "_".join(w)
    if k < 0.88:
        return w[0] + "".join(x.capitalize() for x in w[1:])
    if k < 0.95:
        return "".join(x.capitalize() for x in w)
    return "".join(w).upper()


PRE = [
    "app",
    "prod",
    "billing",
    "orders",
    "legacy",
    "partner",
    "internal",
    "crm",
    "erp",
    "worker",
    "ingest",
    "web",
    "admin",
    "report",
    "sync",
    "core",
    "main",
    "stage",
    "events",
    "payments",
    "mail",
    "search",
    "hr",
    "shop",
    "data",
]
SUF = ["prod", "v2", "primary", "backup", "1", "2", "eu", "us", "old", "default"]


def nm(r: Random, *stems: str, p: float = 0.45, q: float = 0.12) -> str:
    w = r.choice(stems).split("_")
    if r.random() < p:
        w = [r.choice(PRE), *w]
    if r.random() < q:
        w = [*w, r.choice(SUF)]
    n = style(r, w)
    return n if len(n) > 1 and n[0].isalpha() else "X" + n


BLAND = (
    "config_value",
    "value",
    "cfg",
    "param_1",
    "setting",
    "integration",
    "connector",
    "bot",
    "extra",
    "options",
    "upstream",
    "ci",
    "deploy",
    "robot",
    "service_account",
    "auth",
    "creds",
    "login",
    "access",
    "custom",
)


def tok(r: Random, *informative: str) -> str:
    """Name for a value that speaks for itself: mostly informative, at times not."""
    return nm(r, *informative) if r.random() < 0.72 else nm(r, *BLAND, p=0.8)


WORDS = [
    "autumn",
    "barrel",
    "candle",
    "dolphin",
    "ember",
    "falcon",
    "garden",
    "harbor",
    "island",
    "jungle",
    "kitten",
    "lemon",
    "meadow",
    "nectar",
    "orange",
    "pepper",
    "quartz",
    "river",
    "summer",
    "tiger",
    "umbrella",
    "velvet",
    "winter",
    "yellow",
    "zephyr",
    "anchor",
    "bridge",
    "copper",
    "dragon",
    "engine",
    "forest",
    "guitar",
    "hammer",
    "iron",
    "jacket",
    "kernel",
    "ladder",
    "marble",
    "needle",
    "olive",
    "pirate",
    "rocket",
    "silver",
    "thunder",
    "violet",
    "walnut",
]
CO = ["acme", "globex", "initech", "umbra", "hooli", "vandelay", "wonka", "stark", "tyrell", "cyberdyne", "soylent"]
ENV = ["prod", "dev", "staging", "test", "qa", "live", "sandbox"]
REG = ["us-east-1", "us-west-2", "eu-west-1", "eu-central-1", "ap-southeast-2", "ap-northeast-1", "sa-east-1"]
SVC = ["orders", "billing", "users", "inventory", "notifications", "search", "reports", "checkout", "auth", "exports"]


def acct(r: Random) -> str:
    return str(r.randint(10**11, 10**12 - 1))


def host(r: Random) -> str:
    c = r.choice(CO)
    return r.choice(
        [
            f"{r.choice(SVC)}.{c}.internal",
            f"db{r.randint(1, 9)}.{c}.com",
            f"{r.choice(SVC)}-{r.choice(ENV)}.c{s(r, LO + DIG, 11)}.{r.choice(REG)}.rds.amazonaws.com",
            f"api.{c}.io",
            f"10.{r.randint(0, 255)}.{r.randint(0, 255)}.{r.randint(1, 254)}",
        ]
    )


def user(r: Random) -> str:
    return r.choice(
        ["app", "svc_" + r.choice(SVC), "admin", r.choice(SVC) + "_rw", "lambda", "etl", "reporter", "root"]
    )


def strong(r: Random, n: int | None = None, sym: str = "!@#$%^&*-_=+?") -> str:
    n = n or r.randint(14, 28)
    while True:
        v = s(r, ALNUM + sym, n)
        if any(c.isdigit() for c in v) and any(c in sym for c in v):
            return v


def human(r: Random) -> str:
    w = r.choice(WORDS)
    k = r.randrange(6)
    if k == 0:
        return w.capitalize() + str(r.randint(1970, 2025)) + r.choice("!@#$")
    if k == 1:
        return w.replace("a", "@").replace("o", "0").replace("e", "3") + str(r.randint(1, 99)) + r.choice("!$")
    if k == 2:
        return w.capitalize() + r.choice(WORDS).capitalize() + str(r.randint(1, 999))
    if k == 3:
        return r.choice(CO).capitalize() + r.choice("@#!") + str(r.randint(100, 9999))
    if k == 4:
        return w + r.choice("_-.") + r.choice(WORDS) + str(r.randint(10, 99))
    return r.choice("!#") + w.upper()[:4] + r.choice(WORDS)[:4] + str(r.randint(10, 999))


def weak(r: Random) -> str:
    w = r.choice(WORDS)
    return r.choice(
        [
            w[:5] + str(r.randint(1, 9)),
            w + str(r.randint(10, 99)),
            w[:4] + w[:4],
            "qwe" + "rty" + str(r.randint(1, 999)),
            "let" + "me" + "in" + str(r.randint(1, 99)),
            "admin" + str(r.randint(100, 999)),
            w.capitalize() + "1",
            str(r.randint(100000, 99999999)),
            w,
        ]
    )


def pw(r: Random) -> str:
    draws: list[Callable[[Random], str]] = [strong, human, human, lambda q: s(q, ALNUM, q.randint(12, 24))]
    return r.choice(draws)(r)


def urlpw(r: Random) -> str:
    draws: list[Callable[[Random], str]] = [
        lambda q: strong(q, None, "-_.~!"),
        human,
        lambda q: s(q, ALNUM, q.randint(10, 24)),
    ]
    return r.choice(draws)(r).replace("@", "%40").replace("#", "%23")


def der(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    size = len(body)
    if size < 128:
        return bytes([tag, size]) + body
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 128 + len(length)]) + length + body


def dint(v: int) -> bytes:
    b = v.to_bytes(v.bit_length() // 8 + 1, "big")
    return der(2, b)


def oid(dotted: str) -> bytes:
    arcs = [int(arc) for arc in dotted.split(".")]
    out = bytes([arcs[0] * 40 + arcs[1]])
    for arc in arcs[2:]:
        groups, rest = [arc & 127], arc
        while rest > 127:
            rest >>= 7
            groups.append(rest & 127 | 128)
        out += bytes(reversed(groups))
    return der(6, out)


_SMALL = [p for p in range(3, 2000) if all(p % q for q in range(2, int(p**0.5) + 1))]


def prime(r: Random, bits: int) -> int:
    while True:
        c = r.getrandbits(bits) | 1 | 3 << (bits - 2)
        if any(c % p == 0 for p in _SMALL):
            continue
        d, t = c - 1, 0
        while d % 2 == 0:
            d, t = d // 2, t + 1
        for _ in range(6):
            x = pow(r.randrange(2, c - 1), d, c)
            if x in (1, c - 1):
                continue
            for _ in range(t - 1):
                x = x * x % c
                if x == c - 1:
                    break
            else:
                break
        else:
            return c


_RSA: dict[int, list[bytes]] = {}


def rsa(r: Random) -> bytes:
    pool = _RSA.setdefault(id(r), [])
    if len(pool) < 4:
        p, q = prime(r, 1024), prime(r, 1024)
        e, phi = 65537, (p - 1) * (q - 1)
        d = pow(e, -1, phi)
        pool.append(der(48, *map(dint, (0, p * q, e, d, p, q, d % (p - 1), d % (q - 1), pow(q, -1, p)))))
    return r.choice(pool)


_P = 2**256 - 2**224 + 2**192 + 2**96 - 1
_G = (
    int("6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296", 16),
    int("4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5", 16),
)  # P-256 base point (public constant)


def _add(a: Point | None, b: Point | None) -> Point | None:
    if a is None or b is None:
        return a or b
    if a[0] == b[0]:
        if (a[1] + b[1]) % _P == 0:
            return None
        m = 3 * (a[0] * a[0] - 1) * pow(2 * a[1], -1, _P)
    else:
        m = (b[1] - a[1]) * pow(b[0] - a[0], -1, _P)
    x = (m * m - a[0] - b[0]) % _P
    return x, (m * (a[0] - x) - a[1]) % _P


def ec(r: Random) -> tuple[bytes, bytes]:
    d = r.getrandbits(255) | 1
    q: Point | None = None
    g: Point | None = _G
    k = d
    while k:
        if k & 1:
            q = _add(q, g)
        g, k = _add(g, g), k >> 1
    if q is None:  # d is odd and smaller than the order
        raise ValueError("no point")
    pub = b"\x04" + q[0].to_bytes(32, "big") + q[1].to_bytes(32, "big")
    return d.to_bytes(32, "big"), pub


P256, ECPUB = "1.2.840.10045.3.1.7", "1.2.840.10045.2.1"


def pem(label: str, body: bytes, nl: str = "\n") -> str:
    t = b64(body)
    dash = "-" * 5
    rows = (
        [dash + "BEGIN " + label + dash]
        + [t[i : i + 64] for i in range(0, len(t), 64)]
        + [dash + "END " + label + dash]
    )
    return nl.join(rows)


def private_pem(r: Random, nl: str = "\n") -> str:
    pk = "PRIVATE" + " KEY"
    k = r.randrange(4)
    if k == 0:
        return pem("RSA " + pk, rsa(r), nl)
    if k == 1:
        return pem(pk, der(48, dint(0), der(48, oid("1.2.840.113549.1.1.1"), b"\x05\x00"), der(4, rsa(r))), nl)
    if k == 2:
        d, pub = ec(r)
        return pem("EC " + pk, der(48, dint(1), der(4, d), der(0xA0, oid(P256)), der(0xA1, der(3, b"\0" + pub))), nl)
    return pem(pk, der(48, dint(0), der(48, oid("1.3.101.112")), der(4, der(4, rb(r, 32)))), nl)


def spki(r: Random) -> bytes:
    return der(48, der(48, oid(ECPUB), oid(P256)), der(3, b"\0" + ec(r)[1]))


def cert(r: Random) -> bytes:
    alg = der(48, oid("1.2.840.10045.4.3.2"))
    name = der(48, der(49, der(48, oid("2.5.4.3"), der(12, (r.choice(CO) + " Root CA").encode()))))
    tbs = der(
        48,
        der(0xA0, dint(2)),
        dint(r.getrandbits(120)),
        alg,
        name,
        der(48, der(23, b"240101000000Z"), der(23, b"340101000000Z")),
        name,
        spki(r),
    )
    return der(48, tbs, alg, der(3, b"\0" + der(48, dint(r.getrandbits(255)), dint(r.getrandbits(255)))))


def jwt(r: Random, claims: dict[str, Any] | None = None, key: bytes | None = None) -> str:
    c = claims or {
        "sub": r.choice([uuid(r), user(r)]),
        "iss": "https://" + r.choice(CO) + ".com",
        "iat": r.randint(16 * 10**8, 18 * 10**8),
        "scope": r.choice(["read", "write", "admin"]),
    }
    h = b64u(json.dumps({"alg": "HS256", "typ": "JWT"}, separators=(",", ":")).encode())
    p = b64u(json.dumps(c, separators=(",", ":")).encode())
    return f"{h}.{p}." + b64u(hmac.new(key or rb(r, 32), f"{h}.{p}".encode(), hashlib.sha256).digest())
