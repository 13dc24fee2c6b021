"""CDK entry: builds the stacks from the context key `warden` of cdk.json. Makes no call to AWS."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from functions.playbooks import playbooks
from stacks.config import ConfigError, read
from stacks.imports import NoSuchFile
from stacks.layers import LayerError
from stacks.synthesis import CheckFailed, build, new_app, synth


def main() -> int:
    """Synthesise into CDK_OUTDIR, which the CDK's command line sets; by itself into cdk.out.

    Exits with 2 for a mistake in cdk.json, with 1 when something else keeps the stacks from being built.
    """
    app = new_app(Path(os.environ.get("CDK_OUTDIR", "cdk.out")))
    try:
        # The command line hands the context over; without it, cdk.json is read here.
        context = app.node.try_get_context("warden")
        config = read(_context() if context is None else context, playbooks())
        build(app, config, playbooks())
        synth(app)
    except ConfigError as mistake:
        return _say(mistake, 2)
    except (NoSuchFile, LayerError, CheckFailed) as failure:
        return _say(failure, 1)
    return 0


def _context() -> object:
    try:
        return json.loads(Path(__file__).with_name("cdk.json").read_text())["context"]["warden"]
    except (OSError, ValueError) as error:
        raise ConfigError(f"cdk.json: cannot be read: {error}") from None
    except (KeyError, TypeError):
        return None


def _say(error: Exception, status: int) -> int:
    sys.stderr.write(f"{error}\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
