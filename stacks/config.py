"""What `cdk.json` says under the context key `warden`; a mistake in it is refused with its path and the reason."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from functions.core.playbook import Mode, Permission, Playbook

# Lambda holds 4 KB of environment variables for a function, all names and values together (Lambda quotas).
POLICY_LIMIT = 3_000

# A bus policy holds 10,240 characters (EventBridge quotas); a longer list of accounts is an organization.
MOST_ACCOUNTS = 150


class ConfigError(Exception):
    """One line for each mistake: where it is in `cdk.json`, and what is wrong with it."""


def _matches(pattern: str, reason: str) -> AfterValidator:
    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(f"{value!r} {reason}")
        return value

    return AfterValidator(check)


def _distinct(values: tuple[str, ...]) -> tuple[str, ...]:
    twice = sorted({value for value in values if values.count(value) > 1})
    if twice:
        raise ValueError(f"{', '.join(twice)} is listed twice")
    return values


Account = Annotated[str, _matches(r"[0-9]{12}", "is no account id: twelve digits, in quotes")]
Region = Annotated[str, _matches(r"[a-z]{2,}(-[a-z]+)+-\d+", "is no Region")]
OrganizationId = Annotated[str, _matches(r"o-[a-z0-9]{10,32}", "is no organization id")]
OrganizationalUnit = Annotated[str, _matches(r"ou-[a-z0-9]{4,32}-[a-z0-9]{8,32}", "is no id of an OU")]
# Only chat.postMessage takes a channel's name; to change a message, Slack wants the id.
Channel = Annotated[str, _matches(r"[CGD][A-Z0-9]{8,}", "is no channel id such as C0123456789 (a name will not do)")]
# Plain HTTP would send the token in the clear; only a Slack on this machine is reached that way.
ApiUrl = Annotated[
    str, _matches(r"(https://[^/\s]+|http://(127\.0\.0\.1|localhost)(:\d+)?)/(\S+/)?", "is no https://… ending in /")
]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Slack(_Section):
    """Where tickets go; the token is not here but in the secret that the hub stack makes."""

    channel: Channel
    api_url: ApiUrl = "https://slack.com/api/"


class Ceilings(_Section):
    """The most that may be done in an account: its own ceiling, else its nearest OU's, else the default."""

    default: Mode = Mode.OBSERVE
    ous: Mapping[OrganizationalUnit, Mode] = Field(default_factory=dict)
    accounts: Mapping[Account, Mode] = Field(default_factory=dict)

    @property
    def highest(self) -> Mode:
        """The highest ceiling anywhere: above it no account needs a permission."""
        return max((self.default, *self.ous.values(), *self.accounts.values()), key=lambda mode: mode.rank)


class Config(_Section):
    """One deployment. Whatever is not said is observed only."""

    hub_account: Account
    region: Region
    """The hub's Region."""
    slack: Slack
    organization_id: OrganizationId | None = None
    accounts: Annotated[tuple[Account, ...], AfterValidator(_distinct)] = Field(default=(), max_length=MOST_ACCOUNTS)
    """Member accounts by name, where there is no organization."""
    regions: Annotated[tuple[Region, ...], AfterValidator(_distinct)] = ()
    """Governed Regions; the hub's alone if none are named."""
    modes: Mapping[str, Mode] = Field(default_factory=dict)
    ceilings: Ceilings = Ceilings()
    settings: Mapping[str, Mapping[str, Any]] = Field(default_factory=dict)
    """By playbook id: what differs from the settings it declares."""
    health_accounts: Annotated[tuple[Account, ...], AfterValidator(_distinct)] = ()
    """Accounts whose AWS Health events may speak of other accounts (a delegated administrator of Health)."""
    digest_after: int = Field(default=10, ge=1, strict=True)
    """New tickets in a channel and minute, beyond which they become one digest."""

    @model_validator(mode="after")
    def _has_members(self) -> Self:
        if self.organization_id is None and not self.accounts:
            raise ValueError("organization_id or accounts is needed: without either, no event may reach the hub")
        if self.hub_account in self.accounts:
            # Its function's role and the member's role would both be called warden-inspector.
            raise ValueError(f"accounts: {self.hub_account} is the hub itself, which cannot be its own member")
        return self

    @property
    def governed_regions(self) -> tuple[str, ...]:
        """The Regions whose functions are looked after."""
        return self.regions or (self.region,)

    def may_fix(self, playbook: Playbook, ceiling: Mode) -> bool:
        """Whether a playbook may change anything under a ceiling, by itself or after an approval."""
        mode = self.modes.get(playbook.id, Mode.OBSERVE)
        return playbook.fixable and min(mode.rank, ceiling.rank) > Mode.OBSERVE.rank

    def granted(self, playbook: Playbook, permissions: Iterable[Permission]) -> list[Permission]:
        """Leave out the permissions that a playbook needs only for a setting which this deployment leaves empty."""
        settings = {**playbook.defaults, **self.settings.get(playbook.id, {})}
        return [permission for permission in permissions if not permission.when or settings[permission.when]]

    def policy(self, playbooks: Collection[Playbook]) -> str:
        """Return what functions are told of all this: compact JSON about these playbooks only."""
        ids = {playbook.id for playbook in playbooks}
        policy = {
            "modes": {name: mode for name, mode in self.modes.items() if name in ids},
            "ceilings": self.ceilings.model_dump(),
            "settings": {name: values for name, values in self.settings.items() if name in ids},
            "health_accounts": self.health_accounts,
        }
        return json.dumps(policy, separators=(",", ":"), sort_keys=True)

    def check(self, playbooks: Collection[Playbook]) -> None:
        """Hold what is said about playbooks against their declarations. Raises `ConfigError`."""
        mistakes = [*_about_playbooks(self, playbooks)]
        size = len(self.policy(playbooks))
        if size > POLICY_LIMIT:
            reason = f"with modes and settings they take {size} of {POLICY_LIMIT} characters: name OUs, not accounts"
            mistakes.append(("ceilings", reason))
        if mistakes:
            raise _error(mistakes)


Mistake = tuple[str, str]
"""Where it is under `warden`, and what is wrong with it."""


def read(context: object, playbooks: Collection[Playbook]) -> Config:
    """Read the context value `warden`. Raises `ConfigError`."""
    if not isinstance(context, Mapping):
        raise _error([("", "must be an object with hub_account, region, slack and who is governed")])
    try:
        config = Config.model_validate(context)
    except ValidationError as invalid:
        raise _error([_mistake(error["loc"], error["msg"]) for error in invalid.errors()]) from None
    config.check(playbooks)
    return config


def _about_playbooks(config: Config, playbooks: Collection[Playbook]) -> Iterator[Mistake]:
    declared = {playbook.id: playbook.defaults for playbook in playbooks}
    unknown = f"there is no such playbook; there are: {', '.join(sorted(declared))}"
    yield from ((f"modes.{name}", unknown) for name in config.modes if name not in declared)
    for name, values in config.settings.items():
        if name in declared:
            yield from _about_settings(f"settings.{name}", values, declared[name])
        else:
            yield f"settings.{name}", unknown


def _about_settings(path: str, values: Mapping[str, Any], defaults: Mapping[str, object]) -> Iterator[Mistake]:
    for name, value in values.items():
        if name not in defaults:
            yield f"{path}.{name}", f"there is no such setting; there are: {', '.join(sorted(defaults))}"
        elif defaults[name] is not None and _kind(value) != _kind(defaults[name]):
            yield f"{path}.{name}", f"must be like its default, {json.dumps(defaults[name])}"


def _kind(value: object) -> str:
    """Name what JSON calls the type of a value; in Python a bool is a number as well."""
    kinds = {bool: "bool", int: "number", float: "number", str: "string", list: "array", tuple: "array"}
    return kinds.get(type(value), "object")


def _mistake(path: tuple[int | str, ...], message: str) -> Mistake:
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path if part != "[key]")
    reason = message.removeprefix("Value error, ")
    return where.removeprefix("."), reason[:1].lower() + reason[1:]


def _error(mistakes: list[Mistake]) -> ConfigError:
    return ConfigError("\n".join(f"cdk.json: warden{'.' if path else ''}{path}: {reason}" for path, reason in mistakes))
