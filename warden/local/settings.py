"""What can be set on a running emulator, and what it starts with."""

from dataclasses import dataclass, field, fields
from typing import Any


class UnknownSettingError(ValueError):
    """A setting that the emulator does not have; the message lists those it has."""


@dataclass
class Settings:
    """Seconds and counts as in AWS, scaled so that a test does not wait. Per-account maps are keyed by account id."""

    # Account limit of concurrent executions, and of what must stay unreserved.
    concurrency: int = 1000
    account_concurrency: dict[str, int] = field(default_factory=dict)
    floor: dict[str, int] = field(default_factory=dict)
    # How long a new function stays Pending, and an updated one InProgress.
    pending_seconds: float = 0.03
    update_seconds: float = 0.03
    # How long an event source mapping is Enabling, Disabling or Updating.
    mapping_seconds: float = 0.03
    # From the end of an API call to its CloudTrail event on the default bus.
    cloudtrail_delay: float = 0.0015
    # First wait before a failed asynchronous invocation or rule delivery is tried again; it doubles up to the maximum.
    retry_seconds: float = 0.1
    retry_max_seconds: float = 2.0
    # How often alarms look at their metrics.
    alarm_seconds: float = 1.0
    # {"management": id, "id": "o-…", "delegated": [id], "accounts": [...], "units": [...]}; see organization.py.
    organization: dict[str, Any] | None = None

    def change(self, values: dict[str, Any]) -> None:
        """Set the named values; per-account maps are merged. Raises UnknownSettingError before changing any."""
        known = {one.name for one in fields(self)}
        if unknown := sorted(set(values) - known):
            raise UnknownSettingError(f"no setting {', '.join(unknown)}; there are {', '.join(sorted(known))}")
        for name, value in values.items():
            current = getattr(self, name)
            setattr(self, name, {**current, **value} if name in ("floor", "account_concurrency") else value)

    def become(self, other: "Settings") -> None:
        """Take over every value of ``other``, keeping this object, which others hold."""
        for one in fields(self):
            value = getattr(other, one.name)
            setattr(self, one.name, dict(value) if isinstance(value, dict) else value)

    def floor_of(self, account: str) -> int:
        """Concurrency the account must leave unreserved (100 unless set)."""
        return int(self.floor.get(account, 100))

    def limit_of(self, account: str) -> int:
        """The account's limit of concurrent executions."""
        return int(self.account_concurrency.get(account, self.concurrency))
