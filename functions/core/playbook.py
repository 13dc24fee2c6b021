"""What a playbook declares about itself; its queue, function, roles and rules all derive from this."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Mode(StrEnum):
    """What the bot may do about a finding; the order is from least to most."""

    OBSERVE = "observe"
    APPROVE = "approve"
    ENFORCE = "enforce"

    @property
    def rank(self) -> int:
        """0 for observe, 1 for approve, 2 for enforce."""
        return list(Mode).index(self)


class Severity(StrEnum):
    """How urgent a finding is to a person."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


@dataclass(frozen=True)
class Permission:
    """One IAM action on one resource in a member account.

    `resource` is an ARN in which `{partition}`, `{region}` and `{account}` are filled in at synthesis
    (`{region}` becomes `*`, since a role serves every Region), or `*` where the Service Authorization Reference
    gives the action no resource type; then `why_any` says so and becomes the cdk-nag reason. `when` names a setting of
    the playbook: where a deployment leaves that empty, the permission is not granted. Each of `conditions` is an
    operator, a condition key and a value with the same placeholders, as in
    `("ArnEquals", "iam:PolicyARN", "arn:{partition}:iam::{account}:policy/one")`; all of them have to hold.
    """

    action: str
    resource: str
    why_any: str = ""
    when: str = ""
    conditions: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True)
class ManagedPolicy:
    """A policy that is in each member account, by this name, for a fix to attach to the role of a function."""

    name: str
    permissions: tuple[Permission, ...]


@dataclass(frozen=True)
class ApiCall:
    """A write recorded by CloudTrail, by its exact `eventName`s (Lambda's carry an API date; see CloudTrail's log)."""

    names: tuple[str, ...]
    service: str = "lambda"


@dataclass(frozen=True)
class Wiring:
    """Writes recorded by CloudTrail that may connect functions, by their exact `eventName`s and the service.

    The topology function follows them; nobody looks at single functions for them. Our own are followed as well, since
    a fix changes what is connected. A name may be an `ApiCall` too: then both happen.
    """

    names: tuple[str, ...]
    service: str


@dataclass(frozen=True)
class ConfigCompliance:
    """An AWS Config rule, by the name given to it, that turned NON_COMPLIANT for a function."""

    rules: tuple[str, ...]


@dataclass(frozen=True)
class ConfigItem:
    """A configuration item change that AWS Config recorded for a function."""

    resource_type: str = "AWS::Lambda::Function"


@dataclass(frozen=True)
class HealthEvent:
    """An AWS Health event about Lambda, by `eventTypeCode`."""

    codes: tuple[str, ...]


@dataclass(frozen=True)
class AlarmState:
    """A CloudWatch alarm, or a contributor to one, that went into ALARM, by the prefix of the alarm's name."""

    prefix: str


Trigger = ApiCall | Wiring | ConfigCompliance | ConfigItem | HealthEvent | AlarmState


@dataclass(frozen=True)
class Playbook:
    """One problem: when to look, what to read, what may be done about it and with which permissions."""

    id: str
    title: str
    severity: Severity
    mode: Mode
    triggers: tuple[Trigger, ...]
    reads: tuple[Permission, ...]
    """What the inspector needs for `check.py`."""
    writes: tuple[Permission, ...] = ()
    """What the remediator needs for `fix.py` on top of `reads`: its writes, and what it reads to plan and verify."""
    one_at_a_time: bool = False
    """Fixes of one account and Region share a budget (the concurrency pool), so they never run side by side."""
    hub_reads: tuple[Permission, ...] = ()
    """What the remediator needs in the hub account itself, in the function's Region."""
    managed_policies: tuple[ManagedPolicy, ...] = ()
    """What fixes attach to roles; in members only where this playbook may fix anything."""
    after_deletion: bool = False
    """Whether the check also looks at what a deleted function left behind."""
    follow_up: bool = False
    """Whether a fix can uncover more to do, so that the function is looked at again after each."""
    most_rounds: int = 0
    """After so many fixes of one finding, however far apart, a person decides: something puts it back. 0: no bound."""
    unbounded: tuple[str, ...] = ()
    """Problems whose fix only restores what was there, so that neither rounds nor the hourly cap hold it back."""
    fixes_per_hour: int = 20
    """The most this playbook changes in one account in one hour without a person's approval."""
    settings: dict[str, object] = field(default_factory=dict)
    """Defaults of what a deployment may set for this playbook; a setting not named here is refused at synthesis."""

    @property
    def defaults(self) -> dict[str, object]:
        """Every setting a deployment may change, with its default: the playbook's own, and the cap of a fixable one."""
        return {**self.settings, **({"fixes_per_hour": self.fixes_per_hour} if self.fixable else {})}

    @property
    def fixable(self) -> bool:
        """Whether there is a `fix.py`: without write permissions there is nothing to apply."""
        return bool(self.writes)

    @property
    def module(self) -> str:
        """The folder's name under `functions/playbooks`, which Python can import."""
        return self.id.replace("-", "_")

    @property
    def member_role(self) -> str:
        """The role in each member account that holds `reads` and `writes`."""
        return f"warden-{self.id}"

    @property
    def remediator(self) -> str:
        """The name of the hub function, and of its role, that assumes `member_role`."""
        return f"warden-remediator-{self.id}"
