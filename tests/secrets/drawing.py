"""How made-up values are drawn: letters of an alphabet, words, passwords as people choose them. All from one Random."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import string
from random import Random

HEX = string.digits + "abcdef"
LOWER = string.ascii_lowercase + string.digits
UPPER = string.ascii_uppercase + string.digits
ALNUM = string.ascii_letters + string.digits
WORD = ALNUM + "-_"
BASE64 = ALNUM + "+/"
DASHES = "-" * 5

PEOPLE = ["martin", "sofia", "kenji", "olga", "pierre", "amina", "lucas", "hanna", "diego", "ingrid", "tomas", "leila"]
PLACES = [
    "lisbon",
    "nairobi",
    "bergen",
    "kyoto",
    "quito",
    "toronto",
    "oslo",
    "cusco",
    "tallinn",
    "izmir",
    "porto",
    "hobart",
]
THINGS = [
    "sparrow",
    "lantern",
    "biscuit",
    "canyon",
    "feather",
    "glacier",
    "pumpkin",
    "saddle",
    "thimble",
    "willow",
    "comet",
    "badger",
    "walrus",
    "meadow",
]
FIRMS = ["northwind", "contoso", "fabrikam", "adventureworks", "bluepeak", "quillon", "larkfield", "pinecrest"]
SERVICES = ["ledger", "catalog", "shipping", "loyalty", "pricing", "mailer", "signup", "roster", "dispatch", "claims"]
STAGES = ["dev", "stg", "prd", "uat", "prod", "preprod"]
REGIONS = ["us-east-2", "eu-west-3", "eu-north-1", "ap-south-1", "ca-central-1", "me-south-1"]


def draw(r: Random, alphabet: str, length: int) -> str:
    """Return a text drawn from an alphabet."""
    return "".join(r.choice(alphabet) for _ in range(length))


def drawn_bytes(r: Random, length: int) -> bytes:
    """Return drawn bytes."""
    return bytes(r.getrandbits(8) for _ in range(length))


def b64(data: bytes | str) -> str:
    """Return base64."""
    return base64.b64encode(data.encode() if isinstance(data, str) else data).decode()


def b64url(data: bytes | str) -> str:
    """Return base64 for URLs, without padding."""
    return base64.urlsafe_b64encode(data.encode() if isinstance(data, str) else data).decode().rstrip("=")


def uuid4(r: Random) -> str:
    """Return a UUID of version 4."""
    h = draw(r, HEX, 32)
    return f"{h[:8]}-{h[8:12]}-4{h[13:16]}-{r.choice('89ab')}{h[17:20]}-{h[20:]}"


def account(r: Random) -> str:
    """Return an AWS account id."""
    return str(r.randint(10**11, 10**12 - 1))


def machine(r: Random) -> str:
    """Return a host name."""
    firm, service = r.choice(FIRMS), r.choice(SERVICES)
    return r.choice(
        [
            f"{service}.{firm}.net",
            f"{service}-{r.choice(STAGES)}.{firm}.internal",
            f"{service}-db.{draw(r, LOWER, 12)}.{r.choice(REGIONS)}.rds.amazonaws.com",
            f"{service}.svc.cluster.local",
            f"172.{r.randint(16, 31)}.{r.randint(0, 255)}.{r.randint(1, 254)}",
        ]
    )


def login(r: Random) -> str:
    """Return a user name."""
    return r.choice([f"{r.choice(SERVICES)}_app", r.choice(PEOPLE), "dbadmin", "readonly", f"svc-{r.choice(SERVICES)}"])


def chosen(r: Random) -> str:
    """Return a password as people choose them."""
    person, place, thing, year = r.choice(PEOPLE), r.choice(PLACES), r.choice(THINGS), r.randint(1962, 2026)
    return r.choice(
        [
            f"{person.capitalize()}{year}",
            f"{place.capitalize()}!{r.randint(1, 99)}",
            f"{thing}{r.randint(100, 9999)}",
            f"I<3{place.capitalize()}{year % 100}",
            f"{thing.capitalize()}&{person.capitalize()}{r.randint(1, 9)}",
            thing.replace("a", "4").replace("e", "3").replace("s", "$").capitalize() + str(r.randint(10, 99)),
            f"{place}_{thing}_{r.randint(1, 99)}!",
            f"{r.choice(FIRMS).capitalize()}@{year}",
            "Qw3rTy" + str(r.randint(10, 999)) + r.choice("!?#"),
        ]
    )


def strong(r: Random) -> str:
    """Return a password as managers generate them."""
    symbols = r.choice(["!#%*+-_=?@^", "$&!(){}~", "-_", ""])
    while True:
        text = draw(r, ALNUM + symbols, r.choice([12, 16, 20, 24, 30, 32]))
        if any(c.isdigit() for c in text) and any(c.isupper() for c in text):
            return text


def password(r: Random) -> str:
    """Return a password of either sort."""
    return r.choice([strong, strong, chosen])(r)


def url_password(r: Random) -> str:
    """Return a password that may stand in a URL as it is."""
    return r.choice(
        [draw(r, ALNUM, r.randint(10, 32)), f"{r.choice(THINGS)}{r.randint(10, 999)}", draw(r, WORD + ".~", 18)]
    )


def jwt(r: Random, claims: dict[str, object], algorithm: str = "HS256") -> str:
    """Return a signed JSON web token; the signature is over a drawn key."""
    head = b64url(json.dumps({"typ": "JWT", "alg": algorithm, "kid": draw(r, HEX, 8)}))
    body = f"{head}.{b64url(json.dumps(claims))}"
    if algorithm == "HS256":
        return f"{body}.{b64url(hmac.new(drawn_bytes(r, 16), body.encode(), hashlib.sha256).digest())}"
    return f"{body}.{b64url(drawn_bytes(r, 256))}"


def block(label: str, data: bytes, newline: str = "\n") -> str:
    """Return a PEM block."""
    text = b64(data)
    lines = [text[i : i + 64] for i in range(0, len(text), 64)]
    return newline.join([f"{DASHES}BEGIN {label}{DASHES}", *lines, f"{DASHES}END {label}{DASHES}"])
