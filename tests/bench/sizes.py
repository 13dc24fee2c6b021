"""How large each function's zip is."""

from __future__ import annotations

from tests.bench.run import Run
from tests.bench.table import Row

FIGURE = "zip size"
# The inspector has every check; the other zips stay well below.
LIMIT = 125_000


def measure(run: Run) -> list[Row]:
    """Return the size of each entry point's zip without layers, beside Custodian's package, and each layer's own."""
    peer = run.peer.zipped if run.peer else None
    rows = [
        Row(FIGURE, f"{bundle.name}, without layers", bundle.zipped, "B", LIMIT, peer)
        for bundle in run.bundles.entry_points
    ]
    return [*rows, *(Row(FIGURE, f"layer {name}", size, "B") for name, size in run.bundles.layers.items())]
