"""Where the command line works: boto3's own credentials and endpoint, or the demo that runs on this machine."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import click
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from functions.adapters.aws import Aws
from functions.adapters.bus import Bus
from functions.adapters.store import Store

BUS = "warden"
TABLE = "warden-state"
_ASKS_FOR_AWS = ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE")


class NoAccess(click.ClickException):
    """AWS cannot be reached or refuses; exit code 2 and one line."""

    exit_code = 2


def demo_file() -> Path:
    """Return where a running demo says how it can be reached."""
    return Path.cwd() / ".warden" / "demo.json"


@dataclass(frozen=True)
class Connection:
    """The hub account, as an operator reaches it."""

    variables: dict[str, str]
    """What AWS's own environment variables are, where a running demo stands in for them."""
    clients: dict[tuple[str, str], Any] = field(default_factory=dict, repr=False)

    @property
    def local(self) -> bool:
        """Whether this is the embedded AWS of this machine."""
        return bool(self.variables) or "127.0.0.1" in os.environ.get("AWS_ENDPOINT_URL", "")

    @property
    def endpoint(self) -> str:
        """The endpoint, '' for AWS itself."""
        return self.variables.get("AWS_ENDPOINT_URL") or os.environ.get("AWS_ENDPOINT_URL", "")

    def client(self, service: str, region: str = "") -> Any:
        """Return a client of the hub account; making one is not safe in threads, using it is."""
        if (service, region) not in self.clients:
            self.clients[service, region] = self._make(service, region)
        return self.clients[service, region]

    def _make(self, service: str, region: str) -> Any:
        known = self.variables
        make: Any = boto3.Session(
            aws_access_key_id=known.get("AWS_ACCESS_KEY_ID"),
            aws_secret_access_key=known.get("AWS_SECRET_ACCESS_KEY"),
            region_name=region or known.get("AWS_REGION"),
        ).client
        config = Config(connect_timeout=3, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 3})
        return make(service, endpoint_url=known.get("AWS_ENDPOINT_URL"), config=config)

    def store(self) -> Store:
        """Return the state table."""
        return Store(self.client("dynamodb"), TABLE)

    def bus(self) -> Bus:
        """Return the hub bus."""
        return Bus(_Clients(self), BUS)

    def me(self) -> tuple[str, str]:
        """Return the account we are in and who we are there. Raises `NoAccess`."""
        try:
            identity = self.client("sts").get_caller_identity()
        except (ClientError, BotoCoreError) as error:
            raise NoAccess(f"no access to AWS: {error}") from None
        return identity["Account"], str(identity["Arn"]).rpartition(":")[2]


class _Clients(Aws):
    """The operator's clients in the place of a function's."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(session_name="warden")
        self._connection = connection

    def hub(self, service: str, region: str = "") -> Any:
        return self._connection.client(service, region)


def connect() -> Connection:
    """Find AWS: what the environment names, else a demo that runs here, else boto3's own defaults."""
    if any(os.environ.get(name) for name in _ASKS_FOR_AWS):
        return Connection({})
    demo = running_demo()
    if demo is None:
        return Connection({})
    click.echo(f"using the demo on {demo['AWS_ENDPOINT_URL']} (set AWS_PROFILE to work on AWS)", err=True)
    return Connection(demo)


def running_demo() -> dict[str, str] | None:
    """Return the environment of the demo that runs in this folder, None if none does."""
    try:
        found = json.loads(demo_file().read_text())
        os.kill(int(found["pid"]), 0)
        return {name: str(value) for name, value in found["environment"].items()}
    except (OSError, ValueError, KeyError, TypeError):
        return None
