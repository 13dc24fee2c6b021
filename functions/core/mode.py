"""How much the bot may do about one finding: the lowest of every limit that applies, and never more when in doubt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from functions.core.playbook import Mode

MODE_TAG = "warden:mode"
EXEMPT_TAG = "warden:exempt"


@dataclass(frozen=True)
class Limit:
    """One reason why the mode is no higher than it is."""

    mode: Mode
    because: str


@dataclass(frozen=True)
class Account:
    """What the hub knows of a governed account; `ou_path` is its chain of OU ids, the root's first."""

    id: str
    name: str = ""
    ou_path: tuple[str, ...] = ()
    first_sweep_done: bool = False


@dataclass(frozen=True)
class DeploymentPolicy:
    """What `cdk.json` set: a mode per playbook, and ceilings per account, OU and by default."""

    modes: Mapping[str, Mode]
    default_ceiling: Mode = Mode.OBSERVE
    ou_ceilings: Mapping[str, Mode] | None = None
    account_ceilings: Mapping[str, Mode] | None = None
    settings: Mapping[str, Mapping[str, Any]] | None = None
    health_accounts: tuple[str, ...] = ()

    def mode(self, playbook: str) -> Limit:
        """Return the mode the deployment gives a playbook; one it does not name only observes."""
        if playbook in self.modes:
            return Limit(self.modes[playbook], f"the deployment sets {playbook} to {self.modes[playbook]}")
        return Limit(Mode.OBSERVE, f"the deployment sets no mode for {playbook}")

    def ceiling(self, account_id: str, account: Account | None) -> Limit:
        """Return the ceiling of an account: its own, else its nearest OU's, else the default if it is known at all."""
        own = (self.account_ceilings or {}).get(account_id)
        if own is not None:
            return Limit(own, f"the deployment's ceiling for account {account_id} is {own}")
        if account is None:
            return Limit(Mode.OBSERVE, f"account {account_id} is not known to the hub yet")
        for ou in reversed(account.ou_path):
            ceiling = (self.ou_ceilings or {}).get(ou)
            if ceiling is not None:
                return Limit(ceiling, f"the ceiling of {ou} is {ceiling}")
        return Limit(self.default_ceiling, f"the deployment's default ceiling is {self.default_ceiling}")


@dataclass(frozen=True)
class RuntimePolicy:
    """What operators lowered while running; `readable=False` when it could not be read."""

    readable: bool = True
    everything: Mode | None = None
    account: Mode | None = None

    def limits(self) -> list[Limit]:
        """Return the limits this policy sets; an unreadable policy only observes."""
        if not self.readable:
            return [Limit(Mode.OBSERVE, "the run-time policy could not be read")]
        limits = []
        if self.everything is not None:
            limits.append(Limit(self.everything, f"operators lowered everything to {self.everything}"))
        if self.account is not None:
            limits.append(Limit(self.account, f"operators lowered this account to {self.account}"))
        return limits


def effective_mode(limits: list[Limit]) -> Limit:
    """Return the lowest of the limits; the first of equals gives the reason."""
    return min(limits, key=lambda limit: limit.mode.rank)


def tag_limit(tags: Mapping[str, str]) -> list[Limit]:
    """Read `warden:mode`; a value that is no mode only observes, since its author meant to restrain."""
    value = tags.get(MODE_TAG)
    if value is None:
        return []
    mode = read_mode(value)
    if mode is None:
        return [Limit(Mode.OBSERVE, f"the tag {MODE_TAG} says {value[:40]!r}, which is no mode")]
    return [Limit(mode, f"the tag {MODE_TAG} says {mode}")]


@dataclass(frozen=True)
class Exemption:
    """What the tag `warden:exempt` says about one playbook: `until` where it holds, else why it does not."""

    until: str = ""
    refused: str = ""

    @property
    def holds(self) -> bool:
        """Whether the finding is to be left alone."""
        return bool(self.until)


def exemption(tags: Mapping[str, str], playbook: str, today: date) -> Exemption:
    """Read `warden:exempt=<playbook>@<yyyy-mm-dd> …`: without a date, or past it, an exemption does not hold.

    The date itself is the last day on which it holds.
    """
    refused = ""
    for item in tags.get(EXEMPT_TAG, "").split():
        name, _, until = item.partition("@")
        if name != playbook:
            continue
        day = _read_date(until)
        if day is None:
            refused = f"the exemption {item[:80]!r} has no date (yyyy-mm-dd), so it does not hold"
        elif day < today:
            refused = f"the exemption ended on {day.isoformat()}"
        else:
            return Exemption(until=day.isoformat())
    return Exemption(refused=refused)


def read_mode(value: object) -> Mode | None:
    """Return the mode a text names, or None."""
    try:
        return Mode(str(value).strip().lower())
    except ValueError:
        return None


def policy_from_json(body: Mapping[str, Any]) -> DeploymentPolicy:
    """Read the deployment's policy; a value that is no mode becomes observe, so that a mistake never enforces."""

    def modes(found: Mapping[str, Any] | None) -> dict[str, Mode]:
        return {name: read_mode(value) or Mode.OBSERVE for name, value in (found or {}).items()}

    ceilings: Mapping[str, Any] = body.get("ceilings") or {}
    return DeploymentPolicy(
        modes=modes(body.get("modes")),
        default_ceiling=read_mode(ceilings.get("default")) or Mode.OBSERVE,
        ou_ceilings=modes(ceilings.get("ous")),
        account_ceilings=modes(ceilings.get("accounts")),
        settings=body.get("settings") or {},
        health_accounts=tuple(body.get("health_accounts") or ()),
    )


def _read_date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
