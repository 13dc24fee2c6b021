"""What was read of an account and Region to find loops in it: plain facts, no judgement.

ARNs are as AWS gave them, with versions and aliases; policies, patterns and filters are parsed JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from functions.playbooks.recursive_loop.policies import ResourcePolicy
from functions.playbooks.recursive_loop.writes import Function

Json = Mapping[str, object]


NOT_ALLOWED = "is not allowed"
"""Why something was not read, where a permission is all that lacks."""


@dataclass(frozen=True)
class NotRead:
    """What could not be read, by the IAM action, and why; `what` names the resource, '' for a whole list."""

    action: str
    what: str
    why: str


@dataclass(frozen=True)
class SourceMapping:
    """An event source mapping; `filtered` also where its filter is encrypted and so comes back empty."""

    uuid: str
    source: str
    function: str
    state: str
    filtered: bool = False
    on_failure: str = ""


@dataclass(frozen=True)
class Notification:
    """One configuration of a bucket's notifications; `prefix` and `suffix` as they are configured."""

    bucket: str
    id: str
    target: str
    events: tuple[str, ...]
    prefix: str = ""
    suffix: str = ""


@dataclass(frozen=True)
class Subscription:
    """A topic's subscription; `filter` is None if it has none, or if it was not read (`filter_read`)."""

    arn: str
    topic: str
    protocol: str
    endpoint: str
    filter: Json | None = None
    filter_read: bool = False


@dataclass(frozen=True)
class Target:
    """A rule's target."""

    id: str
    arn: str


@dataclass(frozen=True)
class Rule:
    """An EventBridge rule on a bus; `pattern` is None for one that only has a schedule."""

    bus: str
    name: str
    state: str
    pattern: Json | None
    targets: tuple[Target, ...]


@dataclass(frozen=True)
class Pipe:
    """A pipe; its filter is not in the list that pipes are read from."""

    arn: str
    state: str
    source: str
    target: str
    enrichment: str = ""


@dataclass(frozen=True)
class Schedule:
    """A schedule of EventBridge Scheduler."""

    arn: str
    state: str
    target: str


@dataclass(frozen=True)
class StateMachine:
    """A state machine with its definition, as text."""

    arn: str
    definition: str = field(repr=False)


@dataclass(frozen=True)
class LogSubscription:
    """A subscription filter of a log group, whose ARN is without `:*`."""

    log_group: str
    name: str
    destination: str
    filtered: bool = False


@dataclass(frozen=True)
class Destination:
    """Where an asynchronous invocation's result goes: `when` is OnSuccess or OnFailure."""

    function: str
    qualifier: str
    when: str
    target: str


@dataclass(frozen=True)
class Account:
    """Everything read of one account and Region."""

    account: str
    region: str
    functions: tuple[Function, ...] = ()
    dead_letters: Mapping[str, str] = field(default_factory=dict)
    """The dead-letter queue or topic of each function that has one."""
    destinations: tuple[Destination, ...] = ()
    destinations_read: frozenset[str] = frozenset()
    """The functions whose destinations were asked for, whether or not they have any."""
    mappings: tuple[SourceMapping, ...] = ()
    notifications: tuple[Notification, ...] = ()
    buckets_on_bus: tuple[str, ...] = ()
    """The buckets that send every event to the default bus."""
    subscriptions: tuple[Subscription, ...] = ()
    rules: tuple[Rule, ...] = ()
    pipes: tuple[Pipe, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    state_machines: tuple[StateMachine, ...] = ()
    log_subscriptions: tuple[LogSubscription, ...] = ()
    redrives: Mapping[str, str] = field(default_factory=dict)
    """The dead-letter queue of each queue that triggers something and has one."""
    policies: Mapping[str, ResourcePolicy] = field(default_factory=dict)
    """The policies of the queues that trigger something."""
    roles: Mapping[str, tuple[Json, tuple[str, object] | None]] = field(default_factory=dict)
    """The policies by name and the boundary of each execution role, by its ARN."""
    roles_in_part: frozenset[str] = frozenset()
    """The roles of which something could not be read."""
    not_read: tuple[NotRead, ...] = ()
