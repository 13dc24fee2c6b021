"""Names that both the hub and its members spell out, since neither stack can refer to the other's resources."""

BUS = "warden"
TABLE = "warden-state"
SECRET = "warden/slack"  # noqa: S105 - a secret's name
FORWARDER = "warden-forwarder"
INSPECTOR = "warden-inspector"
SWEEP = "warden-sweep"
TICKET = "warden-ticket"
TOPOLOGY = "warden-topology"
LAYER = "warden-exec-wrapper"
