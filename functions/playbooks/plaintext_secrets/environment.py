"""A function's environment before and after its secrets were moved. Pure: mappings in, mappings out.

What stands in a moved variable's place, and what the wrapper layer needs, is said here and in `docs/exec-wrapper.md`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

MARKER = "{{warden}}"
"""The value of a moved variable; the wrapper replaces it by what the secret has under the variable's own name."""
SECRET = "WARDEN_SECRET"  # noqa: S105 - a variable's name
NEXT_WRAPPER = "WARDEN_NEXT_WRAPPER"
WRAPPER = "AWS_LAMBDA_EXEC_WRAPPER"
WRAPPER_PATH = "/opt/warden/exec_wrapper"
LAYER = "warden-exec-wrapper"

OURS = frozenset({SECRET, NEXT_WRAPPER, WRAPPER})
MOST_BYTES = 4096
"""All names and values of a function together (Lambda quotas)."""
MOST_LAYERS = 5
_RUNTIMES = re.compile(r"python3\.([89]|[1-9]\d)|nodejs(1[89]|[2-9]\d)\.x|ruby(3\.[1-9]|[4-9]\.\d)")


@dataclass(frozen=True)
class PutBack:
    """An environment after an undo; `kept` names the variables that somebody has changed since."""

    environment: Mapping[str, str] = field(repr=False)
    restored: tuple[str, ...]
    kept: tuple[str, ...]


def moved(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Name the variables whose values are in the secret."""
    return tuple(sorted(name for name, value in environment.items() if value == MARKER))


def with_references(environment: Mapping[str, str], names: Collection[str], secret_arn: str) -> dict[str, str]:
    """Return the environment with references in place of these variables' values, and started through the wrapper."""
    after = {name: MARKER if name in names else value for name, value in environment.items()}
    return {**after, SECRET: secret_arn, **_started_through_wrapper(environment)}


def _started_through_wrapper(environment: Mapping[str, str]) -> dict[str, str]:
    """Put our wrapper first and remember the one that was there, which ours starts in turn."""
    before = environment.get(WRAPPER, "")
    chained = {NEXT_WRAPPER: before} if before not in ("", WRAPPER_PATH) else {}
    return {WRAPPER: WRAPPER_PATH, **chained}


def with_values(environment: Mapping[str, str], names: Collection[str], values: Mapping[str, object]) -> PutBack:
    """Put values back where references still stand; the wrapper goes with the last reference.

    What is no text in the secret cannot be a variable's value, and is not put back.
    """
    texts = {name: value for name, value in values.items() if isinstance(value, str)}
    restored = [name for name in names if environment.get(name) == MARKER and name in texts]
    after = {name: texts[name] if name in restored else value for name, value in environment.items()}
    if not moved(after):
        after.pop(SECRET, None)
        chained = after.pop(NEXT_WRAPPER, None)
        if after.get(WRAPPER) == WRAPPER_PATH:
            del after[WRAPPER]
            if chained is not None:
                after[WRAPPER] = chained
    kept = [name for name in names if name not in restored]
    return PutBack(after, tuple(sorted(restored)), tuple(sorted(kept)))


def unfilled(environment: Mapping[str, str], content: Mapping[str, object]) -> tuple[str, ...]:
    """Name the references that the secret has no text for: with one of them the function does not start."""
    return tuple(name for name in moved(environment) if not isinstance(content.get(name), str))


def shown(value: str | None) -> str | None:
    """Return what may be shown of a wrapper's or a secret's variable: a path or an ARN, and nothing else of it."""
    if value is None or re.fullmatch(r"/[\w./-]{1,200}|arn:aws[a-z-]*:secretsmanager:[\w:/+=.@-]{1,600}", value):
        return value
    return "a value that is not shown"


def size(environment: Mapping[str, str]) -> int:
    """Return an environment's size in bytes as JSON, which is never less than Lambda counts."""
    return len(json.dumps(dict(environment), ensure_ascii=False, separators=(",", ":")).encode())


def has_wrapper(runtime: str) -> bool:
    """Whether Lambda starts a wrapper for this runtime, and ours can use its interpreter (docs/exec-wrapper.md)."""
    return _RUNTIMES.fullmatch(runtime) is not None


def is_our_layer(arn: str) -> bool:
    """Whether a layer version's ARN is one of the wrapper's, whichever account published it."""
    return f":layer:{LAYER}:" in arn
