"""What is in each function's zip: its entry point and what that imports, nothing else of the repository."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from aws_cdk import aws_lambda as lambda_

from functions.core.playbook import Playbook
from stacks.imports import closure
from stacks.lean import lean

RUNTIME = lambda_.Runtime.PYTHON_3_13
REPOSITORY = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class EntryPoint:
    """A function's handler and the files below `root` that it needs."""

    root: Path
    name: str
    files: tuple[str, ...]

    @property
    def handler(self) -> str:
        """The handler, as Lambda imports it."""
        return f"functions.{self.name}.handler"

    @property
    def code(self) -> lambda_.AssetCode:
        """The files as an asset: these and no others, whatever is added to the repository."""
        folder = Path(tempfile.mkdtemp(prefix=f"{self.name}-", dir=_scratch()))
        self.write(folder)
        return lambda_.Code.from_asset(str(folder))

    def write(self, folder: Path) -> None:
        """Write the files as they are deployed below a folder."""
        for file in self.files:
            path = folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(lean((self.root / file).read_text(encoding="utf-8")), encoding="utf-8", newline="\n")


@dataclass(frozen=True)
class Bundles:
    """The entry points of a repository."""

    root: Path

    def inspector(self, playbooks: Collection[Playbook]) -> EntryPoint:
        """Every declaration, every check and what reads facts for one; no fix."""
        return self._entry_point("inspector", self._parts(playbooks, "playbook", "check"))

    def remediator(self, playbook: Playbook) -> EntryPoint:
        """One playbook with its check, since a fix looks again whether it is still needed."""
        return self._entry_point("remediator", self._parts([playbook], "playbook", "check", "fix"))

    def ticket(self) -> EntryPoint:
        """No playbook: a ticket is written from the event alone."""
        return self._entry_point("ticket", [])

    def sweep(self) -> EntryPoint:
        """No playbook: the sweep only says where to look."""
        return self._entry_point("sweep", [])

    def topology(self) -> EntryPoint:
        """No playbook: what is connected is read before anyone says whether that is a problem."""
        return self._entry_point("topology", [])

    def _entry_point(self, name: str, loaded_by_name: Iterable[str]) -> EntryPoint:
        files = closure(self.root, [f"functions/{name}.py", *loaded_by_name])
        return EntryPoint(self.root, name, tuple(files))

    def _parts(self, playbooks: Iterable[Playbook], *modules: str) -> Iterator[str]:
        """Name the modules of playbooks, which `functions.playbooks` imports by a computed name."""
        for playbook in playbooks:
            folder = f"functions/playbooks/{playbook.module}"
            yield from (f"{folder}/{module}.py" for module in modules)
            # Most checks need nothing but the function itself.
            if (self.root / folder / "facts.py").is_file():
                yield f"{folder}/facts.py"


@functools.cache
def _scratch() -> str:
    """Return a folder that goes with this process; the CDK copies an asset as soon as something uses it."""
    folder = tempfile.mkdtemp(prefix="warden-bundles-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
