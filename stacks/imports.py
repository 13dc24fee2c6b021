"""Which of our own files a file needs, read from its import statements without running it."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable, Iterator
from pathlib import Path

_OURS = "functions"


class NoSuchFile(Exception):
    """A file that a bundle must hold is not there."""


def closure(root: Path, starts: Iterable[str]) -> list[str]:
    """Return the starting files and all that they import from `functions`, as paths below `root`, sorted.

    A module that is imported by a computed name (a playbook's parts) has to be named among the starts.
    """
    found: set[str] = set()
    waiting = list(starts)
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        if not (root / path).is_file():
            raise NoSuchFile(f"{path} does not exist, and a bundle needs it")
        found.add(path)
        waiting += [*_packages(path), *_imported(root, path)]
    return sorted(found)


def _packages(path: str) -> Iterator[str]:
    """Return the `__init__.py` of every folder above a file: Python runs them first."""
    for folder in Path(path).parents:
        if folder != Path():
            yield (folder / "__init__.py").as_posix()


def _imported(root: Path, path: str) -> Iterator[str]:
    for name in _names((root / path).read_text(encoding="utf-8"), path):
        yield from _files(root, name)


@functools.cache
def _names(source: str, path: str) -> list[str]:
    """Return the names that a file's import statements mention; many bundles hold the same files."""
    names = []
    for node in ast.walk(ast.parse(source, path)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            origin = _origin(node, path)
            names += [origin, *(f"{origin}.{alias.name}" for alias in node.names)]
    return names


def _origin(node: ast.ImportFrom, path: str) -> str:
    """Return the absolute name of what `from … import` takes from."""
    if not node.level:
        return node.module or ""
    package = Path(path).parts[: -node.level]
    return ".".join([*package, *([node.module] if node.module else [])])


def _files(root: Path, name: str) -> Iterator[str]:
    """Return the file of a module of ours; nothing if the name is not ours, or names something inside a module."""
    parts = name.split(".")
    if parts[0] != _OURS:
        return
    module = Path(*parts)
    for candidate in (module.with_suffix(".py"), module / "__init__.py"):
        if (root / candidate).is_file():
            yield candidate.as_posix()
