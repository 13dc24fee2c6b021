"""Where the kinds of the first corpus put themselves."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

Built = Any
"""A pair (name, value) with label and kind where they are its own, or a list of pairs that belong to one function."""
Builder = Callable[[Random], Built]
Table = list[tuple[str, Builder]]


def kind(table: Table, name: str) -> Callable[[Builder], Builder]:
    """Put a builder into a table, under the name of its kind."""

    def put(builder: Builder) -> Builder:
        table.append((name, builder))
        return builder

    return put
