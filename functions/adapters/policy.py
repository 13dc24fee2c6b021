"""How much may be done, as it stands in the table; kept for a short while, and observe when it cannot be read."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from aws_lambda_powertools import Logger

from functions.adapters.errors import AWS_ERRORS
from functions.adapters.store import Store
from functions.core.judgement import Rules
from functions.core.mode import DeploymentPolicy, RuntimePolicy

_KEEP_SECONDS = 30


@dataclass
class Policies:
    """The rules of every account this execution environment has worked for lately."""

    store: Store
    deployment: DeploymentPolicy
    log: Logger
    _kept: dict[str, tuple[float, Rules]] = field(default_factory=dict)

    def rules(self, account: str) -> Rules:
        """Return the rules of an account; a kill switch is seen within half a minute."""
        until, rules = self._kept.get(account, (0.0, None))
        if rules is None or until < time.monotonic():
            rules = self._read(account)
            self._kept[account] = (time.monotonic() + _KEEP_SECONDS, rules)
        return rules

    def _read(self, account: str) -> Rules:
        try:
            return Rules(self.deployment, self.store.runtime_policy(account), self.store.account(account))
        except (*AWS_ERRORS, ValueError, KeyError, AttributeError):
            self.log.exception("the run-time policy could not be read; only observing", account=account)
            return Rules(self.deployment, RuntimePolicy(readable=False), None)
