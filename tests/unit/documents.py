"""The documentation as tests read it: its files, their headings, links, tables, code blocks and commands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from warden.cli import warden as command_line

ROOT = Path(__file__).parents[2]
# What a command that is meant to be typed begins with, wherever in a text it stands.
PROGRAMS = ("make", "warden", ".venv/bin/", "npx", "cdk", "aws", "python", "uv", "pytest", "git", "pip")

_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)\n(?P<body>.*?)^(?P=indent)```", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?<=\n\n)(?: {4}\S.*\n)+")
_INLINE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"(?<!\!)\[([^\]\n]+)\]\(([^)\s]+)\)")
_IMAGE = re.compile(r'(?:src|srcset)="([^"]+)"')


@dataclass(frozen=True)
class Document:
    """One Markdown file."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @property
    def text(self) -> str:
        return self.path.read_text()

    @property
    def prose(self) -> str:
        """The text without its code blocks."""
        return _FENCE.sub("", self.text)

    @property
    def links(self) -> list[tuple[str, str]]:
        """Each link's text and target; an image has no text."""
        return [*_LINK.findall(self.prose), *(("", target) for target in _IMAGE.findall(self.prose))]

    @property
    def anchors(self) -> set[str]:
        """What GitHub makes of the headings."""
        headings = re.findall(r"^#+ (.+)$", self.prose, re.MULTILINE)
        return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}

    def blocks(self, *languages: str) -> list[str]:
        """The code blocks in any of these languages, without their own indentation."""
        return [
            re.sub(rf"^{found['indent']}", "", found["body"], flags=re.MULTILINE)
            for found in _FENCE.finditer(self.text)
            if found["language"] in languages
        ]

    def section(self, heading: str) -> str:
        """What stands under a heading, up to the next one of any level."""
        found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", self.text, re.MULTILINE | re.DOTALL)
        assert found is not None, f"{self.name} has no heading {heading!r}"
        return found[1]

    def table(self, heading: str, number: int = 0) -> list[list[str]]:
        """The rows of a table under a heading, without its header."""
        tables = re.findall(r"(?:^\|.*\n)+", self.section(heading), re.MULTILINE)
        rows = [line.strip().strip("|").split(" | ") for line in tables[number].splitlines()]
        return [[cell.strip() for cell in row] for row in rows[2:]]


@dataclass(frozen=True)
class Command:
    """One command as a reader is told to type it."""

    text: str
    document: str


def documents() -> list[Document]:
    """Every Markdown file of the repository."""
    folders = [ROOT, *(ROOT / name for name in ("docs", "events", "functions", "stacks", "tests", "warden"))]
    found = {path for folder in folders for path in folder.glob("*.md" if folder == ROOT else "**/*.md")}
    return [Document(path) for path in sorted(found)]


def document(name: str) -> Document:
    return Document(ROOT / name)


def code(text: str) -> list[str]:
    """What stands between single backquotes."""
    return _INLINE.findall(text)


def commands() -> list[Command]:
    """Every command of the documentation once, with the first file that shows it."""
    found: dict[str, Command] = {}
    for page in documents():
        for text in _commands(page):
            found.setdefault(text, Command(text, page.name))
    return list(found.values())


def _commands(page: Document) -> Iterator[str]:
    for block in page.blocks("console", "bash", "sh", "shell"):
        prompted = any(line.startswith("$ ") for line in block.splitlines())
        for line in _joined(block):
            if line.startswith("$ "):
                yield line.removeprefix("$ ")
            elif line and not prompted:
                yield line
    for block in _INDENTED.findall(page.prose):
        yield from (line.strip() for line in _joined(block) if _is_command(line.strip()))
    yield from (text for text in code(page.prose) if _is_command(text))


def _joined(block: str) -> list[str]:
    return re.sub(r" \\\n\s*", " ", block).splitlines()


def _is_command(text: str) -> bool:
    program, _, arguments = text.partition(" ")
    if not arguments or _names_a_command(text):
        return False
    return any(program == name or (name[-1] == "/" and text.startswith(name)) for name in PROGRAMS)


def _names_a_command(text: str) -> bool:
    """Whether this speaks of a `warden` command that cannot be run without more words."""
    words = text.split()
    command = command_line.commands.get(words[1]) if words[0] == "warden" and len(words) == 2 else None
    return command is not None and any(parameter.required for parameter in command.params)


def is_aws(command: Command) -> bool:
    """Whether tests/e2e/test_documented_commands.py sends it to the emulator."""
    return command.text.startswith("aws ")


def is_warden(command: Command) -> bool:
    """Whether tests/e2e/test_documented_commands.py runs it; the demo is a system of its own."""
    words = command.text.removeprefix(".venv/bin/").split()
    return words[0] == "warden" and words[1] != "demo"


def is_cdk(command: Command) -> bool:
    """Whether tests/e2e/test_documented_cdk.py runs it."""
    return command.text.startswith("npx ")
