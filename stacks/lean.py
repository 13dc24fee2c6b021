"""A file as it is deployed: without comments and docstrings, and with every statement on the line it was written on."""

from __future__ import annotations

import functools
import io
import tokenize

# A dataclass without a docstring writes one of its signature at every cold start (Python's dataclasses).
_DOCSTRING = '"."'

_BETWEEN = (tokenize.COMMENT, tokenize.NL)
_BEFORE_A_STATEMENT = (tokenize.ENCODING, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)


@functools.cache
def lean(source: str) -> str:
    """Return the same program with fewer characters; a traceback names the lines of `source`.

    What is left out depends on nothing but the text. Raises `tokenize.TokenError` or `SyntaxError` for what is not
    Python.
    """
    lines = source.split("\n")
    found = list(tokenize.tokenize(io.BytesIO(source.encode()).readline))
    for token in found:
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column].rstrip()
    spoken = [token for token in found if token.type not in _BETWEEN]
    for before, token, after in zip(spoken, spoken[1:], spoken[2:], strict=False):
        if token.type == tokenize.STRING and before.type in _BEFORE_A_STATEMENT and after.type == tokenize.NEWLINE:
            (first, column), (last, _) = token.start, token.end
            lines[first - 1] = lines[first - 1][:column] + _DOCSTRING
            lines[first:last] = [""] * (last - first)
    return "\n".join(lines)
