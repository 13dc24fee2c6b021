"""The whole system on this machine: an organization of three accounts, the real templates, and a Slack to read.

with Cloud() as cloud:
    cloud.client("lambda", PAYMENTS).create_function(…)
"""

from __future__ import annotations

import json
import secrets
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import boto3

from functions.adapters.clock import iso, now
from functions.adapters.store import Store
from functions.core.message import Kind, Message
from functions.core.ticket import Ticket
from functions.core.triggers import GLOBAL_REGION
from warden.connection import TABLE, Connection
from warden.local.deploy import Deployment, Target, deploy, synthesise
from warden.local.emulator import Emulator
from warden.local.slack import LocalSlack

HUB = "111111111111"
PAYMENTS = "222222222222"
ANALYTICS = "333333333333"
REGION = "eu-west-1"
CHANNEL = "C0WARDEN001"
MANAGEMENT = "999999999999"
ACCOUNTS = {HUB: "security-hub", PAYMENTS: "payments-prod", ANALYTICS: "analytics-prod"}
ORGANIZATION_ID = "o-localwarden"


@dataclass
class Cloud:
    """The embedded AWS with the system deployed on it. Everything stops with the `with` block or with this process."""

    say: Callable[[str], None] = lambda _: None
    slack_rate: float | None = 1.0
    overrides: dict[str, Any] = field(default_factory=dict)
    """What to set differently in the deployment's configuration (`stacks.config.Config`)."""
    settings: dict[str, Any] = field(default_factory=dict)
    """What to set on the embedded AWS (`warden.local.settings.Settings`)."""
    more_accounts: tuple[str, ...] = ()
    emulator: Emulator = field(init=False)
    slack: LocalSlack = field(init=False)
    deployment: Deployment = field(default_factory=Deployment)
    _stack: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def client(self, service: str, account: str, region: str = REGION) -> Any:
        """Return a client that acts as an account's root."""
        return self.emulator.client(service, account, region)

    def client_with(self, keys: Mapping[str, str], service: str) -> Any:
        """Return a client that acts with credentials of STS."""
        make: Any = boto3.Session(
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
            region_name=REGION,
        ).client
        return make(service, endpoint_url=self.emulator.endpoint)

    def store(self) -> Store:
        """Return the system's state table."""
        return Store(self.client("dynamodb", HUB), TABLE)

    def ticket(self, account: str, function: str, playbook: str = "", aspect: str = "") -> Ticket | None:
        """Return a function's ticket, of one playbook's problem or the first; None as long as there is none."""
        found = (t for t in self.store().tickets() if t.finding.subject.function == function)
        mine = (t for t in found if t.finding.subject.account == account)
        return next((t for t in mine if not playbook or _about(t, playbook, aspect)), None)

    def ask(self, kind: Kind, ticket: Ticket, by: str = "demo") -> None:
        """Ask for a fix or an undo, as a person does from the command line."""
        bus = Connection(self.environment()).bus()
        bus.put(Message(kind, ticket.finding, iso(now()), by=by, fix=ticket.fix))

    @property
    def members(self) -> tuple[str, ...]:
        """Every governed account; AWS's StackSets leave the management account out, so it gets plain stacks."""
        return (PAYMENTS, ANALYTICS, *self.more_accounts, MANAGEMENT)

    def environment(self) -> dict[str, str]:
        """Return what makes a command line act as an operator in the hub account."""
        return self.emulator.session_env(HUB, REGION)

    def _start(self) -> None:
        self.emulator = self._stack.enter_context(Emulator())
        self.emulator.configure(organization=self._organization(), **self.settings)
        # A token that no workspace ever issued, made anew for every run.
        token = "-".join(("xoxb", "local", secrets.token_hex(8)))
        self.slack = self._stack.enter_context(LocalSlack(token, [f"{CHANNEL}:lambda-warden"], rate=self.slack_rate))
        assembly = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="warden-synth-")))
        self.say("synthesising the stacks")
        synthesise(self._configuration(), assembly)
        self._deploy(assembly)
        secret = json.dumps({"bot_token": token, "signing_secret": secrets.token_hex(16)})
        self.client("secretsmanager", HUB).put_secret_value(SecretId="warden/slack", SecretString=secret)
        self.say("reading the organization")
        # The hub has to know its accounts before the first event comes.
        self.sweep()
        self.emulator.idle(20)

    def _organization(self) -> dict[str, Any]:
        names = {**ACCOUNTS, **{account: f"account-{account[0]}" for account in self.more_accounts}}
        return {
            "management": MANAGEMENT,
            "id": ORGANIZATION_ID,
            "delegated": [HUB],
            "accounts": [{"id": account, "name": name} for account, name in names.items()],
        }

    def _configuration(self) -> dict[str, Any]:
        base: dict[str, Any] = {
            "hub_account": HUB,
            "region": REGION,
            "organization_id": ORGANIZATION_ID,
            "regions": [REGION],
            "slack": {"channel": CHANNEL, "api_url": self.slack.api_url},
            "modes": dict.fromkeys(("reserved-concurrency", "plaintext-secrets", "recursion-guard-off"), "enforce"),
            "ceilings": {"default": "enforce"},
        }
        return {**base, **self.overrides}

    def _deploy(self, assembly: Path) -> None:
        for region in self._configuration()["regions"]:
            self.say(f"publishing the layer in {region}")
            deploy(assembly, f"WardenLayer-{region}", Target(self.emulator, HUB, region), self.deployment)
        self.say("deploying the hub")
        deploy(assembly, "WardenHub", Target(self.emulator, HUB, REGION), self.deployment)
        for member in self.members:
            self.say(f"deploying member account {member}")
            for stack in ("WardenMemberAccount", "WardenMemberRegion"):
                deploy(assembly, stack, Target(self.emulator, member, REGION), self.deployment)
            deploy(assembly, "WardenMemberGlobal", Target(self.emulator, member, GLOBAL_REGION), self.deployment)

    def sweep(self) -> None:
        """Run the daily schedule now."""
        event = {"version": "0", "source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}
        answer = self.client("lambda", HUB).invoke(FunctionName="warden-sweep", Payload=json.dumps(event))
        if answer.get("FunctionError"):
            raise RuntimeError(f"the sweep failed: {answer['Payload'].read()[:2000]!r}")


def _about(ticket: Ticket, playbook: str, aspect: str) -> bool:
    return (ticket.finding.playbook, ticket.finding.aspect) == (playbook, aspect)


def until(condition: Callable[[], Any], seconds: float = 20, pause: float = 0.02) -> Any:
    """Wait for a condition to return something true and return that; whatever it returned last after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found or time.monotonic() > end:
            return found
        time.sleep(pause)
