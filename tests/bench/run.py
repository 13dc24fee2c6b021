"""What the figures of one run share: how much to do, the bundles, the peer, and a folder that goes away."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from tests.bench import bundles, custodian


@dataclass
class Run:
    """One run of the bench. `scratch` is its folder for everything that must not stay."""

    scratch: Path
    quick: bool = False
    with_peer: bool = True
    say: Callable[[str], None] = lambda _: None
    peer_missing: str = field(default="", init=False)
    """Why there is no peer although one was wanted."""

    def times(self, many: int, few: int) -> int:
        """Return how often to repeat something."""
        return few if self.quick else many

    def folder(self) -> Path:
        """Return a new empty folder."""
        return Path(tempfile.mkdtemp(dir=self.scratch))

    @cached_property
    def bundles(self) -> bundles.Bundles:
        """Our entry points and layers."""
        self.say("synthesising the stacks")
        return bundles.synthesised(self.folder())

    @cached_property
    def runtime(self) -> Path:
        """What Lambda's runtime would bring."""
        self.say("copying the packages of Lambda's runtime")
        return bundles.runtime(self.folder() / "runtime")

    @cached_property
    def peer(self) -> custodian.Custodian | None:
        """Custodian's package, None where it is not wanted or cannot be had."""
        if not self.with_peer:
            return None
        self.say(f"building the package of {custodian.REQUIREMENT}")
        try:
            return custodian.packaged(self.folder() / "peer")
        except custodian.NoPeer as missing:
            self.peer_missing = str(missing)
            self.say(f"without Custodian: {missing}")
            return None
