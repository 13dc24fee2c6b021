"""A second corpus, in the style of public example configurations, to see how the classifier does beyond the first.

`python -m tests.secrets.world_corpus --seed A` prints it as JSON lines. Some kinds, marked by `UNSEEN`, were written
before the classifier was first run on them and are only ever counted, never looked at while it is improved.
"""

from __future__ import annotations

import argparse
import json
import sys
import zlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from random import Random
from typing import Literal

from tests.secrets.drawing import FIRMS
from tests.secrets.world_harmless import KINDS as HARMLESS
from tests.secrets.world_secrets import KINDS as SECRETS

Part = Literal["dev", "unseen", "all"]
_SHARE_OF_SECRETS = 0.25


@dataclass(frozen=True)
class Pair:
    """One variable of one made-up function; `label` is 1 for a secret, 0 for none, None where it is disputed."""

    id: str
    function: str
    name: str
    value: str
    label: int | None
    kind: str


def unseen(kind: str) -> bool:
    """Tell whether a kind is held back: four of ten, by the checksum of its name."""
    return zlib.crc32(kind.encode()) % 10 < 4


def _kinds(part: Part) -> tuple[list[tuple[str, str, object]], list[tuple[str, str, object]]]:
    def kept(kind: str) -> bool:
        return part == "all" or unseen(kind) == (part == "unseen")

    return [k for k in SECRETS if kept(k[0])], [k for k in HARMLESS if kept(k[0])]


def corpus(seed: str, count: int, part: Part = "dev") -> list[Pair]:
    """Return about `count` pairs, a quarter of them secrets, kinds equally frequent."""
    r = Random(f"world/{seed}/{part}")  # noqa: S311 - made-up values must come out the same every time
    secrets, harmless = _kinds(part)
    drawn: list[tuple[str, str, int, str]] = []
    for table, label, share in ((secrets, 1, _SHARE_OF_SECRETS), (harmless, 0, 1 - _SHARE_OF_SECRETS)):
        for number in range(round(count * share)):
            kind, names, draw = table[number % len(table)]
            drawn.append((_name(r, names.split()), draw(r), label, kind))  # type: ignore[operator]  # a draw of the table
    r.shuffle(drawn)
    return list(_functions(seed, drawn, r))


def _name(r: Random, names: list[str]) -> str:
    """Return one of a kind's names as somebody would write it: as it is, in camel case, with the firm's prefix."""
    name = r.choice(names)
    style = r.random()
    if style < 0.7 or not name.isupper():
        return name
    words = [word for word in name.split("_") if word]
    if style < 0.8:
        return words[0].lower() + "".join(word.capitalize() for word in words[1:])
    if style < 0.87:
        return name.lower()
    return f"{r.choice(FIRMS).upper()}_{name}"


def _functions(seed: str, drawn: Iterable[tuple[str, str, int, str]], r: Random) -> Iterable[Pair]:
    number, names, left = 0, set[str](), r.randint(5, 15)
    for index, (name, value, label, kind) in enumerate(drawn):
        if left == 0 or name.lower() in names:
            number, names, left = number + 1, set[str](), r.randint(5, 15)
        names.add(name.lower())
        left -= 1
        yield Pair(f"{seed}{index:05d}", f"fn{number}", name, value, label, kind)


def main() -> None:
    """Print the corpus as JSON lines."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--seed", default="A")
    parser.add_argument("-n", type=int, default=4000)
    parser.add_argument("--part", choices=("dev", "unseen", "all"), default="dev")
    asked = parser.parse_args()
    for pair in corpus(asked.seed, asked.n, asked.part):
        sys.stdout.write(json.dumps(asdict(pair), ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
