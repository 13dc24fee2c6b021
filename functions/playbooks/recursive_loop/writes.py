"""Where a function may write so that something is triggered: edges from its role's policies and its environment. Pure.

Sources: Service Authorization Reference, "Actions, resources, and condition keys" of each service, for the actions and
the ARNs that they are about; S3 user guide, "Supported event types", for what a write to a bucket causes; Lambda
developer guide, "Sending Lambda function logs to CloudWatch Logs", for a function's own log group.

A role is evaluated once, however many functions have it, and again only for what has changed (`Reach`). Resources are
indexed by the beginnings of their ARNs, so that a statement is compared only with what it may mean.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property, lru_cache
from itertools import groupby

from functions.playbooks.recursive_loop import globs
from functions.playbooks.recursive_loop.graph import Confidence, Edge, Kind
from functions.playbooks.recursive_loop.policies import (
    Asked,
    Grant,
    Named,
    Pattern,
    ResourcePolicy,
    Role,
    asked,
    covers,
    grants,
    head,
)


class Sort(StrEnum):
    """What sort of thing can be written to."""

    QUEUE = "queue"
    TOPIC = "topic"
    BUCKET = "bucket"
    TABLE = "table"
    STREAM = "stream"
    BUS = "bus"
    FUNCTION = "function"
    STATE_MACHINE = "state machine"
    SCHEDULE = "schedule"
    LOG_GROUP = "log group"


@dataclass(frozen=True)
class _Way:
    """How a sort is written to.

    `begins` is what its ARN has before the name, `inside` what comes between its ARN and what is in it: an object, a
    version or alias, a log stream.
    """

    actions: tuple[str, ...]
    begins: str
    inside: str = ""
    kind: Kind = Kind.WRITE


_CREATED = tuple(f"s3:ObjectCreated:{how}" for how in ("Put", "Post", "Copy", "CompleteMultipartUpload"))
_REMOVED = ("s3:ObjectRemoved:Delete", "s3:ObjectRemoved:DeleteMarkerCreated")
S3_EVENTS: Mapping[str, tuple[str, ...]] = {
    "s3:PutObject": _CREATED,  # CopyObject and CompleteMultipartUpload need no other permission to write
    "s3:DeleteObject": _REMOVED,
    "s3:DeleteObjectVersion": ("s3:ObjectRemoved:Delete",),
    "s3:RestoreObject": ("s3:ObjectRestore:Post", "s3:ObjectRestore:Completed"),
    "s3:PutObjectTagging": ("s3:ObjectTagging:Put",),
    "s3:DeleteObjectTagging": ("s3:ObjectTagging:Delete",),
    "s3:PutObjectAcl": ("s3:ObjectAcl:Put",),
}
"""What each action on objects causes."""

# TransactWriteItems needs the permissions of the single writes, SendMessageBatch that of SendMessage.
_WAYS: Mapping[Sort, _Way] = {
    Sort.QUEUE: _Way(("sqs:SendMessage",), ""),
    Sort.TOPIC: _Way(("sns:Publish",), ""),
    Sort.BUCKET: _Way(tuple(S3_EVENTS), "", "/"),
    Sort.TABLE: _Way(
        (
            "dynamodb:PutItem",
            "dynamodb:UpdateItem",
            "dynamodb:DeleteItem",
            "dynamodb:BatchWriteItem",
            "dynamodb:PartiQLInsert",
            "dynamodb:PartiQLUpdate",
            "dynamodb:PartiQLDelete",
        ),
        "table/",
    ),
    Sort.STREAM: _Way(("kinesis:PutRecord", "kinesis:PutRecords"), "stream/"),
    Sort.BUS: _Way(("events:PutEvents",), "event-bus/"),
    Sort.FUNCTION: _Way(
        ("lambda:InvokeFunction", "lambda:InvokeAsync", "lambda:InvokeFunctionUrl"),
        "function:",
        ":",
        Kind.INVOKE,
    ),
    Sort.STATE_MACHINE: _Way(("states:StartExecution", "states:StartSyncExecution"), "stateMachine:", ":", Kind.INVOKE),
    Sort.SCHEDULE: _Way(("scheduler:CreateSchedule", "scheduler:UpdateSchedule"), "schedule/"),
    Sort.LOG_GROUP: _Way(("logs:PutLogEvents",), "log-group:", ":log-stream:", Kind.LOGS),
}
ACTIONS: frozenset[str] = frozenset(action for way in _WAYS.values() for action in way.actions)
"""Every action that is looked for."""


@dataclass(frozen=True)
class Function:
    """A function as far as it writes. `environment` holds plaintext values, so it is left out of every `repr`."""

    arn: str
    role: str
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    log_group: str = ""
    """The name of the log group it was told to use; '' for Lambda's choice."""

    @property
    def log_group_arn(self) -> str:
        """The log group that Lambda writes its log to."""
        _, partition, _, region, account, _, name = self.arn.split(":")[:7]
        return f"arn:{partition}:logs:{region}:{account}:log-group:{self.log_group or f'/aws/lambda/{name}'}"


@dataclass(frozen=True)
class Resources:
    """What an account and Region has, all by ARN: log groups without the `:*` at the end."""

    queues: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    buckets: tuple[str, ...] = ()
    tables: Mapping[str, str] = field(default_factory=dict)
    """The ARN of each table's stream; a table without one triggers nothing and is left out."""
    streams: tuple[str, ...] = ()
    buses: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    state_machines: tuple[str, ...] = ()
    schedules: tuple[str, ...] = ()
    log_groups: tuple[str, ...] = ()
    policies: Mapping[str, ResourcePolicy] = field(default_factory=dict)
    """The resource policies of those that have one."""

    def of(self, sort: Sort) -> Iterable[str]:
        """Return those of one sort."""
        return {
            Sort.QUEUE: self.queues,
            Sort.TOPIC: self.topics,
            Sort.BUCKET: self.buckets,
            Sort.TABLE: self.tables,
            Sort.STREAM: self.streams,
            Sort.BUS: self.buses,
            Sort.FUNCTION: self.functions,
            Sort.STATE_MACHINE: self.state_machines,
            Sort.SCHEDULE: self.schedules,
            Sort.LOG_GROUP: self.log_groups,
        }[sort]


@dataclass(frozen=True)
class Keys:
    """Which keys of a bucket may be written, and what that causes.

    A key may be written if it matches `glob`, one glob of each group in `within`, and none in `excluded`.
    """

    glob: str
    events: tuple[str, ...]
    excluded: tuple[str, ...] = ()
    within: tuple[tuple[str, ...], ...] = ()

    def set_off(self, events: Iterable[str], keys: str) -> bool:
        """Whether a write may be what a notification for these events (`s3:ObjectCreated:*`) and key glob waits for.

        A no is certain. A yes is not where only several limits together leave nothing.
        """
        if not any(_is_one(caused, event) for event in events for caused in self.events):
            return False
        if not globs.intersects(self.glob, keys):
            return False
        if any(covers(one, keys) or covers(one, self.glob) for one in self.excluded):
            return False
        return all(
            any(globs.intersects(one, keys) and globs.intersects(one, self.glob) for one in group)
            for group in self.within
        )


@lru_cache(maxsize=1024)
def _is_one(caused: str, event: str) -> bool:
    """Whether an event of S3 is one of those that a notification asks for; there are only a few of either."""
    return globs.matches(event, caused)


@dataclass(frozen=True)
class Sent:
    """Which events may be put on a bus: their source matches one of these globs, and so does their detail-type."""

    sources: tuple[str, ...] = ("*",)
    detail_types: tuple[str, ...] = ("*",)


@dataclass(frozen=True)
class Write:
    """An edge that a role or an environment gives; one bucket or bus may have several.

    `keys` are for a bucket, `sent` is for a bus.
    """

    edge: Edge
    keys: Keys | None = None
    sent: Sent | None = None


@dataclass(frozen=True)
class _Reached:
    """What a role may write to, for any function that has it."""

    arn: str
    node: str
    kind: Kind
    confidence: Confidence
    evidence: str
    keys: Keys | None = None
    sent: Sent | None = None
    glob: str = ""
    """How the policy names it."""


def writes(
    functions: Iterable[Function], roles: Mapping[str, Role], resources: Resources, reach: Reach | None = None
) -> tuple[Write, ...]:
    """Find where each function may write; a function whose role is not in `roles` has its own log group only.

    To other log groups a wildcard is no edge: nearly every role has `logs:*` on everything and only ever uses its own.
    Neither is a name with a wildcard that means the function's own log group too.
    With the `reach` that was found last time, only what is new or different is asked; it is brought up to date.
    """
    functions = tuple(functions)
    used = Counter(function.role for function in functions)
    reached = (reach or Reach()).of([role for arn, role in roles.items() if arn in used], resources)
    names = Names(resources)
    found: list[Write] = []
    for function in functions:
        found.append(_own_log(function))
        if function.role in reached:
            named = names.by(function.environment)
            meant = (one for one in reached[function.role] if not _is_for_own_log(function, one))
            found += (_write(function, one, named.get(one.arn), used[function.role]) for one in meant)
    return tuple(found)


def references(environment: Mapping[str, str], names: Names) -> dict[str, str]:
    """Return the variables whose whole value names a known resource, with its ARN or name as the value."""
    found = {variable: names.reference(value.strip()) for variable, value in environment.items()}
    return {variable: name for variable, name in found.items() if name}


def _own_log(function: Function) -> Write:
    evidence = "Lambda writes the function's own log there"
    return Write(Edge(function.arn, function.log_group_arn, Kind.LOGS, Confidence.A, evidence))


def _is_for_own_log(function: Function, one: _Reached) -> bool:
    """Whether a log group is reached by a glob that the function needs for its own, as `/aws/lambda/team-*`."""
    if one.kind is not Kind.LOGS or one.confidence is Confidence.A:
        return False
    return globs.matches(one.glob, f"{function.log_group_arn}{_WAYS[Sort.LOG_GROUP].inside}x")


def _write(function: Function, one: _Reached, variable: str | None, sharing: int) -> Write:
    """The edge of one function: a wildcard is surer if the environment names just this resource.

    A role that several functions have says less of each: which of them it is for, if the environment does not say so.
    """
    confidence, evidence = one.confidence, one.evidence
    if variable and confidence is Confidence.C:
        confidence, evidence = Confidence.B, f"{evidence}; environment variable {variable} names it"
    if sharing > 1 and not variable and confidence is Confidence.A:
        confidence, evidence = Confidence.B, f"{evidence}; several functions have the role"
    return Write(Edge(function.arn, one.node, one.kind, confidence, evidence), one.keys, one.sent)


# --- roles against resources ------------------------------------------------------------------------------------------


_Found = Mapping[str, tuple[_Reached, ...]]


class Reach:
    """What roles may write to, as it was last found.

    What a role may do to one resource depends on nothing but the two of them, so that after a change only the changed
    role, or the changed resources, need be asked about.
    """

    def __init__(self) -> None:
        self._resources: dict[Sort, dict[str, object]] = {sort: {} for sort in Sort}
        self._roles: dict[str, tuple[Role, dict[Sort, _Found]]] = {}

    def of(self, roles: Iterable[Role], resources: Resources) -> dict[str, tuple[_Reached, ...]]:
        """Return what each role may write to, by its ARN."""
        now = {sort: _states(sort, resources) for sort in Sort}
        changed = {sort: _differing(self._resources[sort], now[sort]) for sort in Sort}
        whole = {sort: _Shelf(sort, resources, now[sort]) for sort in Sort}
        new = {sort: _Shelf(sort, resources, now[sort].keys() & changed[sort]) for sort in Sort}
        found: dict[str, tuple[Role, dict[Sort, _Found]]] = {}
        for role in roles:
            before, known = self._roles.get(role.arn, (None, {}))
            if before == role:
                parts = {sort: _updated(known[sort], changed[sort], new[sort].reached(role)) for sort in Sort}
            else:
                parts = {sort: whole[sort].reached(role) for sort in Sort}
            found[role.arn] = role, parts
        self._resources, self._roles = now, found
        return {
            arn: tuple(one for part in parts.values() for some in part.values() for one in some)
            for arn, (_, parts) in found.items()
        }


def _states(sort: Sort, resources: Resources) -> dict[str, object]:
    """What, beside its ARN, decides who may write to each resource and what that is called."""
    return {arn: (resources.policies.get(arn), resources.tables.get(arn)) for arn in resources.of(sort)}


def _differing(before: Mapping[str, object], now: Mapping[str, object]) -> frozenset[str]:
    return frozenset(arn for arn in before.keys() | now.keys() if before.get(arn) != now.get(arn))


def _updated(known: _Found, changed: frozenset[str], new: _Found) -> _Found:
    if changed.isdisjoint(known) and not new:
        return known
    return dict(sorted({**{arn: one for arn, one in known.items() if arn not in changed}, **new}.items()))


class _Shelf:
    """Resources of one sort, by the beginnings of their ARNs."""

    def __init__(self, sort: Sort, resources: Resources, arns: Iterable[str]) -> None:
        self.sort = sort
        self.way = _WAYS[sort]
        self.resources = resources
        self.arns = sorted(arns)
        self.known = frozenset(self.arns)
        self.meant: dict[str, tuple[str, ...]] = {}

    @cached_property
    def open_to(self) -> Mapping[str, frozenset[str]]:
        """The resources whose policies speak of a principal, or with NotPrincipal of everyone, by the principal."""
        found: dict[str, set[str]] = {}
        for arn in self.arns:
            policy = self.resources.policies.get(arn)
            for statement in policy.policy.statements if policy else ():
                who = statement.principals
                if statement.allows and who:
                    for principal in {"*"} if who.negated else who.arns:
                        found.setdefault(_without_session(principal), set()).add(arn)
        return {principal: frozenset(arns) for principal, arns in found.items()}

    def reached(self, role: Role) -> _Found:
        """What of this shelf a role may write to, by ARN and in its order."""
        best: dict[tuple[str, Keys | Sent | None], _Reached] = {}
        if not self.arns:
            return {}
        for alike in _alike([asked(role, action) for action in self.way.actions]):
            for arn in self._candidates(alike[0]):
                for one in self._of_all(alike, arn):
                    known = best.get((arn, one.keys or one.sent))
                    if known is None or one.confidence < known.confidence:
                        best[arn, one.keys or one.sent] = one
        every = best.values() if self.sort is not Sort.BUCKET else _with_all_events(best.values())
        return {arn: tuple(some) for arn, some in groupby(sorted(every, key=_arn), _arn)}

    def _of_all(self, questions: list[Asked], arn: str) -> Iterator[_Reached]:
        """What the role's statements, the same for all questions, say of one resource; its own policy may differ."""
        if self._policy(arn):
            for question in questions:
                yield from self._of(question, arn, S3_EVENTS.get(question.action, ()))
        else:
            events = dict.fromkeys(event for one in questions for event in S3_EVENTS.get(one.action, ()))
            yield from self._of(questions[0], arn, tuple(events))

    def _policy(self, arn: str) -> ResourcePolicy | None:
        """The policy of a resource, if it says anything that may matter to a role."""
        found = self.resources.policies.get(arn)
        return found if found and (found.policy.statements or found.policy.unreadable) else None

    def _candidates(self, question: Asked) -> list[str]:
        """Those that the question may be about: from the role's statements, and those whose policies name it."""
        found: set[str] = set()
        for statement in question.allows:
            if statement.but_resources:
                found.update(self.arns if self.sort is not Sort.LOG_GROUP else ())
                continue
            for pattern in statement.resources:
                if self.sort is not Sort.LOG_GROUP or self._names_something(pattern.glob):
                    found.update(self._meant_by(pattern.glob))
        arn = question.role.arn
        session = f"{arn.replace(':iam:', ':sts:').partition(':role/')[0]}:assumed-role/{arn.rpartition('/')[2]}"
        for principal in (arn, session, "*"):
            found |= self.open_to.get(principal, frozenset())
        return sorted(found)

    def _meant_by(self, glob: str) -> tuple[str, ...]:
        """The resources that a glob may mean, or something inside of them."""
        if glob not in self.meant:
            start = head(glob)
            beginnings = {start[: cut.start()] for cut in re.finditer("[:/]", start)} | ({start} - {""})
            inside = beginnings & self.known
            inner = [chunk for chunk in re.split(r"[*?]|\$\{.*?\}", glob[len(start) :]) if chunk]
            alike = (arn for arn in self._beginning(start) if self._may_have(arn, inner))
            self.meant[glob] = tuple(sorted({*inside, *alike}))
        return self.meant[glob]

    def _beginning(self, start: str) -> Iterator[str]:
        for index in range(bisect_left(self.arns, start), len(self.arns)):
            if not self.arns[index].startswith(start):
                return
            yield self.arns[index]

    def _of(self, question: Asked, arn: str, events: tuple[str, ...]) -> Iterator[_Reached]:
        """What of one resource the role may write to: one at most, but one for each glob of keys or limit of events."""
        policy = self._policy(arn)
        found = [grant for asked_of in self._asked_of(question, arn) for grant in grants(question, asked_of, policy)]
        rated = [(self._confidence(grant, arn), grant) for grant in found]
        if self.sort is Sort.BUCKET:
            for confidence, grant in rated:
                yield from (
                    _Reached(arn, arn, self.way.kind, confidence, _evidence(question, grant), keys)
                    for keys in _keys(grant, arn, events)
                )
        elif self.sort is Sort.BUS:
            for confidence, grant in rated:
                yield _Reached(arn, arn, self.way.kind, confidence, _evidence(question, grant), sent=_sent(grant))
        elif rated:
            confidence, grant = min(rated, key=lambda one: one[0])
            node = self.resources.tables[arn] if self.sort is Sort.TABLE else arn
            evidence, glob = _evidence(question, grant), grant.pattern.glob
            yield _Reached(arn, node, self.way.kind, confidence, evidence, glob=glob)

    def _asked_of(self, question: Asked, arn: str) -> Iterator[str]:
        """The ARNs to ask of: objects as a glob; of versions, aliases and log streams, one for each statement.

        Their names have no colon, which a glob could not say.
        """
        if self.sort is Sort.BUCKET:
            yield f"{arn}/*"
            return
        if self.sort is not Sort.LOG_GROUP:
            yield arn
        if self.way.inside:
            start = arn + self.way.inside
            patterns = {pattern.glob for one in question.allows for pattern in one.resources if not one.but_resources}
            left = {rest for glob in patterns for rest in remainders(glob, start) if ":" not in rest} or {"*"}
            yield from sorted({start + (rest.replace("*", "").replace("?", "x") or "x") for rest in left})

    def _may_have(self, arn: str, chunks: list[str]) -> bool:
        """Whether an ARN, or what is in it, may have these texts in it: a quick look before the exact one."""
        if self.sort is Sort.BUCKET:
            return True
        text = arn + self.way.inside
        return all(
            chunk in text or (self.way.inside and text.endswith(chunk[: chunk.rfind(":") + 1])) for chunk in chunks
        )

    def _confidence(self, grant: Grant, arn: str) -> Confidence:
        """How sure a grant makes a write: a step less with any doubt."""
        confidence = Confidence.C
        if grant.named in (Named.ITSELF, Named.SESSION) and grant.statement.principals:
            confidence = Confidence.A
        elif grant.named is Named.ITSELF and not grant.statement.but_resources:
            confidence = self._spelled(grant.pattern, arn)
        doubts = set(grant.doubts)
        if self.sort is Sort.BUS:
            # What they let through is asked for each rule.
            doubts -= {f"condition {key}" for key, _ in grant.statement.texts}
        if doubts and confidence is Confidence.A:
            return Confidence.B
        return Confidence.C if doubts else confidence

    def _spelled(self, pattern: Pattern, arn: str) -> Confidence:
        """How exactly a pattern names a resource: in full, in part, or not at all."""
        start = head(pattern.glob)
        if pattern.glob == arn or (self.way.inside and start.startswith(arn + self.way.inside[0])):
            return Confidence.A
        if self.sort is Sort.BUCKET and not globs.matches(self._name(pattern.glob), arn.rpartition(":")[2]):
            return Confidence.C  # it is the key that the letters are in
        return Confidence.B if self._names_something(pattern.glob) else Confidence.C

    def _names_something(self, glob: str) -> bool:
        return re.search(r"\w", self._name(glob)) is not None

    def _name(self, glob: str) -> str:
        """What a glob says of the resource's name; for all of Lambda's log groups that is nothing."""
        parts = glob.split(":", 5)
        if len(parts) == 6:
            name = parts[5]
            name = name.removeprefix(self.way.begins) if name.startswith(self.way.begins) else _after_star(name)
        else:
            name = _after_star(glob).rpartition(":")[2]
        if self.sort is Sort.BUCKET:
            return name.partition("/")[0]
        if self.sort is Sort.LOG_GROUP:
            return name.removeprefix("/aws/lambda/").partition(":")[0]
        return name.partition(":")[0]


def _arn(one: _Reached) -> str:
    return one.arn


def _alike(questions: list[Asked]) -> list[list[Asked]]:
    """The questions in groups: those of one group have the same answers in every statement of the role."""
    groups: dict[tuple[tuple[int, ...], ...], list[Asked]] = {}
    for one in questions:
        statements = (one.allows, one.denies, one.boundary or ())
        groups.setdefault(tuple(tuple(map(id, part)) for part in statements), []).append(one)
    return list(groups.values())


def _after_star(glob: str) -> str:
    return glob.partition("*")[2]


def _without_session(principal: str) -> str:
    """A session's principal as its role's: `arn:aws:sts::1:assumed-role/name`."""
    return principal.rpartition("/")[0] if ":assumed-role/" in principal else principal


def _evidence(question: Asked, grant: Grant) -> str:
    return f"{question.action}: {grant.evidence}"


def _sent(grant: Grant) -> Sent:
    """What a grant's conditions say of the events that may be put on a bus."""
    texts = {key.lower(): patterns for key, patterns in grant.statement.texts}
    return Sent(texts.get("events:source", ("*",)), texts.get("events:detail-type", ("*",)))


# --- keys of buckets --------------------------------------------------------------------------------------------------


def _keys(grant: Grant, bucket: str, events: tuple[str, ...]) -> Iterator[Keys]:
    """What a grant says of a bucket's keys."""
    start = f"{bucket}/"
    excluded = tuple(key for glob in grant.excluded for key in remainders(glob, start))
    within = tuple(tuple(key for glob in group for key in remainders(glob, start)) for group in grant.within)
    for glob in remainders(grant.pattern.glob, start):
        yield Keys(glob, events, excluded, tuple(group for group in within if "*" not in group))


def remainders(glob: str, start: str) -> tuple[str, ...]:
    """Return globs that together match what may follow a text in what a glob matches; () if the text cannot begin it.

    `a*/b*` after `a-1/` leaves `b*`, and `*/b*` since the asterisk may go on past the slash.
    """
    known = head(glob)
    if known.startswith(start):
        return (glob[len(start) :],)
    if not start.startswith(known):
        return ()
    if glob[len(known) :] == "*":
        return ("*",)
    places = _past_stars(glob, {len(known)})
    for character in start[len(known) :]:
        stepped = {place for place in places if place < len(glob) and glob[place] == "*"}
        stepped |= {place + 1 for place in places if place < len(glob) and glob[place] in (character, "?")}
        places = _past_stars(glob, stepped)
    left = sorted({glob[place:] for place in places}, key=len, reverse=True)
    return tuple(one for one in left if not any(other != one and covers(other, one) for other in left))


def _past_stars(glob: str, places: set[int]) -> set[int]:
    found = set(places)
    for place in places:
        after = place
        while after < len(glob) and glob[after] == "*":
            after += 1
            found.add(after)
    return found


def _with_all_events(found: Iterable[_Reached]) -> Iterator[_Reached]:
    """Join what differs only in what it causes; the evidence is that of the first action."""
    joined: dict[tuple[object, ...], _Reached] = {}
    for one in found:
        if keys := one.keys:
            key = (one.arn, keys.glob, keys.excluded, keys.within, one.confidence)
            before = joined.get(key)
            events = tuple(dict.fromkeys((*(before.keys.events if before and before.keys else ()), *keys.events)))
            evidence = before.evidence if before else one.evidence
            all_keys = Keys(keys.glob, events, keys.excluded, keys.within)
            joined[key] = _Reached(one.arn, one.node, one.kind, one.confidence, evidence, all_keys)
    yield from joined.values()


# --- environments -----------------------------------------------------------------------------------------------------

_QUEUE_URL = re.compile(r"https?://([^/]+)/(?:.*/)?(\d{12})/([\w.-]+)/?")
_S3_URL = re.compile(r"s3a?://([^/]+)(?:/.*)?", re.DOTALL)


# Variables that name the service for logs, metrics and traces (Powertools for AWS Lambda, OpenTelemetry, Datadog),
# often as its function or its queue is named.
_LABELS = frozenset({"DD_SERVICE", "OTEL_SERVICE_NAME", "POWERTOOLS_METRICS_NAMESPACE", "POWERTOOLS_SERVICE_NAME"})


class Names:
    """What the values of environment variables may name: by ARN, name, queue URL or `s3://` URL."""

    def __init__(self, resources: Resources) -> None:
        self.named: dict[str, list[str]] = {}
        for sort in Sort:
            for arn in resources.of(sort):
                for name in {arn, arn.split(":", 5)[-1].removeprefix(_WAYS[sort].begins)}:
                    self.named.setdefault(name, []).append(arn)
        for table, stream in resources.tables.items():
            self.named.setdefault(stream, []).append(table)
        self.queues = {tuple(arn.split(":")[4:6]): arn for arn in resources.queues}
        self.buckets = {arn.rpartition(":")[2]: arn for arn in resources.buckets}

    def by(self, environment: Mapping[str, str]) -> Mapping[str, str]:
        """Return the variable that names each resource that is named; no value leaves this function."""
        found: dict[str, str] = {}
        for variable in sorted(environment.keys() - _LABELS):
            for arn in self._meant(environment[variable].strip()):
                found.setdefault(arn, variable)
        return found

    def reference(self, value: str) -> str:
        """Return the ARN or the name of the resource that a value names, '' if it names none."""
        if value in self.named:
            return value
        return next(iter(self._meant(value)), "")

    def _meant(self, value: str) -> Iterable[str]:
        if url := _QUEUE_URL.fullmatch(value):
            host, account, name = url.groups()
            arn = self.queues.get((account, name), "")
            region = (arn.split(":") + [""] * 4)[3]
            elsewhere = ".amazonaws.com" in host and f"{region}." not in host and host != "queue.amazonaws.com"
            return [arn] if arn and not elsewhere else []
        if url := _S3_URL.fullmatch(value):
            return [self.buckets[url[1]]] if url[1] in self.buckets else []
        qualified = value.startswith("arn:") and value.count(":") == 7 and ":function:" in value
        return self.named.get(value.rpartition(":")[0] if qualified else value, [])
