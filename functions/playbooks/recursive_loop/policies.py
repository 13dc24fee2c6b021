"""What a role may do, by IAM's own rules, without asking IAM. Pure.

Sources, IAM user guide: "Policy evaluation logic" (an explicit denial wins; a boundary limits; in one account a
resource's policy that names the role is enough by itself, in two accounts both sides must allow), "IAM JSON policy
elements" (Action in any case, Resource by case; NotAction, NotResource, NotPrincipal; variables only in version
2012-10-17), "Permissions boundaries for IAM entities", "AWS global condition context keys".

Everything is asked of a resource *glob*, since S3 objects and log streams are never listed: "is there anything among
these that the role may write". What a condition or a variable decides is known only when the function runs, so it makes
an answer uncertain in both directions: such an Allow may hold, such a Deny may not.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import TypeVar

from functions.playbooks.recursive_loop import globs

_T = TypeVar("_T")

_VARIABLE = re.compile(r"\$\{(?![*?$]\})[^}]*\}")  # `${*}` is an asterisk, not a variable
_WILD = re.compile(r"[*?]|\$\{")
_VERSION_WITH_VARIABLES = "2012-10-17"
_SESSION = "assumed-role"

# "AWS global condition context keys": there only when an AWS service calls on its own behalf, so never in a call that a
# function makes. SNS developer guide, "aws:SourceAccount versus aws:SourceOwner", says it of the third.
_KEYS_OF_SERVICES = frozenset({"aws:sourcearn", "aws:sourceaccount", "aws:sourceowner"})
_POSITIVE = frozenset({"stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike"})
# EventBridge user guide, "Using IAM policy conditions": what PutEvents is asked of each event, which has both.
_OF_EVENTS = frozenset({"events:source", "events:detail-type"})


class Certainty(StrEnum):
    """Whether a role may do something; `PERHAPS` is decided by what only the moment of the call knows."""

    YES = "yes"
    PERHAPS = "perhaps"
    NO = "no"


class Named(StrEnum):
    """How the principals of a resource policy's statement mean a role."""

    NOT = "not"
    ITSELF = "itself"
    SESSION = "one session of it"
    EVERYONE = "everyone"
    ACCOUNT = "its account"
    UNCLEAR = "unclear"


@dataclass(frozen=True)
class Pattern:
    """A resource as the policy writes it, and as a glob: a variable may become anything."""

    text: str
    glob: str

    @property
    def variable(self) -> bool:
        """Whether it has a policy variable, so that what it matches is known only in the call."""
        return self.text != self.glob


@dataclass(frozen=True)
class Principals:
    """Whom a resource policy's statement is about; services and federated users are never a function's role."""

    arns: frozenset[str]
    negated: bool = False

    def mean(self, role_arn: str) -> Named:
        """How they mean a role.

        IAM user guide, "AWS JSON policy elements: Principal" and "NotPrincipal": a role that was made anew under the
        same name is shown by its old unique id, and is not meant.
        """
        listed = self._listed(role_arn)
        if not self.negated:
            return listed
        if listed is Named.NOT:
            return Named.EVERYONE
        return Named.NOT if listed in (Named.ITSELF, Named.EVERYONE) else Named.UNCLEAR

    def _listed(self, role_arn: str) -> Named:
        partition, account, name = _role_parts(role_arn)
        if role_arn in self.arns:
            return Named.ITSELF
        if "*" in self.arns:
            return Named.EVERYONE
        session = f"arn:{partition}:sts::{account}:{_SESSION}/{name}/"
        if any(arn.startswith(session) for arn in self.arns):
            return Named.SESSION
        return Named.ACCOUNT if {account, f"arn:{partition}:iam::{account}:root"} & self.arns else Named.NOT


@dataclass(frozen=True)
class Statement:
    """One statement of a policy.

    `conditions` are the keys that only the call decides, those of `texts` among them; `principals` are of a resource's
    policy only.
    """

    policy: str
    sid: str
    allows: bool
    actions: tuple[str, ...]
    resources: tuple[Pattern, ...]
    but_actions: bool = False
    """Whether `actions` came as NotAction: everything but these."""
    but_resources: bool = False
    conditions: tuple[str, ...] = ()
    texts: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Of the conditions those that ask what an event is: the key, and globs of which one must match."""
    principals: Principals | None = None

    def is_about(self, action: str) -> bool:
        """Whether it speaks of an action."""
        return any(_same_action(pattern, action) for pattern in self.actions) is not self.but_actions

    @cached_property
    def doubts(self) -> tuple[str, ...]:
        """Why it is uncertain whether it applies."""
        return tuple(f"condition {key}" for key in self.conditions)

    def __str__(self) -> str:
        return f"policy {self.policy}, statement {self.sid}"


@dataclass(frozen=True)
class Policy:
    """A policy document by its name; `unreadable` says in sentences what in it could not be understood."""

    name: str
    statements: tuple[Statement, ...] = ()
    unreadable: tuple[str, ...] = ()


@dataclass(frozen=True)
class Role:
    """A role with its inline and managed policies, and its permissions boundary, None if it has none."""

    arn: str
    policies: tuple[Policy, ...]
    boundary: Policy | None = None

    @property
    def statements(self) -> Iterator[Statement]:
        """Every statement of its own policies, without the boundary's."""
        return (statement for policy in self.policies for statement in policy.statements)

    @property
    def unreadable(self) -> tuple[str, ...]:
        """What could not be understood, to be reported; it allows nothing here, but may deny."""
        return tuple(why for policy in (*self.policies, *_maybe(self.boundary)) for why in policy.unreadable)

    @property
    def account(self) -> str:
        """The account that it is in."""
        return _role_parts(self.arn)[1]


@dataclass(frozen=True)
class Grant:
    """One Allow that reaches what was asked for.

    It allows what matches `pattern` and one glob of every group in `within`, and none in `excluded`. `doubts` says why
    it may not hold.
    """

    statement: Statement
    pattern: Pattern
    doubts: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    within: tuple[tuple[str, ...], ...] = ()
    named: Named = Named.ITSELF
    """Whom the statement names: anything but `ITSELF` comes from a resource's policy only."""

    @property
    def evidence(self) -> str:
        """The statement, the pattern that matched, and the doubts, in one line."""
        pattern = "anything but " + ", ".join(p.text for p in self.statement.resources)
        matched = pattern if self.statement.but_resources else self.pattern.text
        return ", ".join((f"{self.statement} allows {matched}", *self.doubts))


@dataclass(frozen=True)
class Allowance:
    """Whether a role may do something; the grants are the surest first, and none for a no."""

    certainty: Certainty
    grants: tuple[Grant, ...] = ()

    @property
    def evidence(self) -> str:
        """Why, in one line."""
        return self.grants[0].evidence if self.grants else "nothing allows it, or something denies it"


@dataclass(frozen=True)
class Asked:
    """What of a role's statements speaks of one action: made once, asked for many resources."""

    role: Role
    action: str
    allows: tuple[Statement, ...]
    denies: tuple[Statement, ...]
    boundary: tuple[Statement, ...] | None
    doubts: tuple[str, ...]


@dataclass(frozen=True)
class ResourcePolicy:
    """The policy of a queue, topic, bus, bucket or function, and the account that the resource is in."""

    account: str
    policy: Policy


# --- asking -----------------------------------------------------------------------------------------------------------


def may(role: Role, action: str, resource: str, policy: ResourcePolicy | None = None) -> Allowance:
    """Whether the role may do the action on something that matches the resource glob.

    `policy` is the resource's own; None if it has none or is not known. Organization and session policies are not seen.
    """
    found = grants(asked(role, action), resource, policy)
    if not found:
        return Allowance(Certainty.NO)
    return Allowance(Certainty.PERHAPS if found[0].doubts else Certainty.YES, found)


def asked(role: Role, action: str) -> Asked:
    """Pick the statements that speak of one action, such as `sqs:SendMessage`."""
    own = [statement for statement in role.statements if statement.is_about(action)]
    limits = [one for one in role.boundary.statements if one.is_about(action)] if role.boundary else []
    doubts = tuple(f"unreadable: {why}" for why in role.unreadable)
    return Asked(
        role=role,
        action=action,
        allows=tuple(one for one in own if one.allows),
        denies=tuple(one for one in (*own, *limits) if not one.allows),
        boundary=tuple(one for one in limits if one.allows) if role.boundary else None,
        doubts=doubts,
    )


def grants(question: Asked, resource: str, policy: ResourcePolicy | None = None) -> tuple[Grant, ...]:
    """Every Allow that reaches something in the resource glob and is not surely taken back, the surest first."""
    theirs = _meaning(question, policy)
    denies = [*((one, Named.ITSELF) for one in question.denies), *(pair for pair in theirs if not pair[0].allows)]
    unreadable = policy.policy.unreadable if policy else ()
    doubts = (*question.doubts, *(f"unreadable: {why}" for why in unreadable))
    own = _reaching(question.allows, resource)
    their_allows = [(one, named) for one, named in theirs if one.allows]
    if _is_foreign(question.role, resource, policy):
        own = _agreed(own, their_allows, resource, policy)
    else:
        direct = [pair for pair in their_allows if pair[1] is not Named.ACCOUNT]
        own = (*own, *_theirs(direct, resource))
    left: list[Grant] = []
    for grant in own:
        kept = _after_denies(replace(grant, doubts=(*grant.doubts, *doubts)) if doubts else grant, denies, resource)
        kept = _within_boundary(kept, question, resource) if kept else None
        if kept:
            left.append(_settled(kept, resource))
    return tuple(sorted(left, key=lambda grant: (bool(grant.doubts), _WILD.search(grant.pattern.glob) is not None)))


def covers(outer: str, inner: str) -> bool:
    """Whether everything that `inner` matches is matched by `outer`; a `?` over a `*` counts as no, to be safe.

    The outer glob's literals match no wildcard of the inner one, so that the inner one can be matched as a text.
    """
    if outer in ("*", inner):
        return True
    return not ("?" in outer and "*" in inner) and globs.matches(outer, inner)


def _reaching(statements: Iterable[Statement], resource: str) -> tuple[Grant, ...]:
    return tuple(grant for statement in statements for grant in _reach(statement, resource))


def _reach(statement: Statement, resource: str) -> Iterator[Grant]:
    """What of the resource glob an Allow is about, before anything else is asked."""
    if not statement.but_resources:
        for pattern in statement.resources:
            if _meets(pattern.glob, resource):
                yield Grant(statement, pattern, (*statement.doubts, *_variable(pattern)))
        return
    near = [pattern for pattern in statement.resources if _meets(pattern.glob, resource)]
    certain = [pattern.glob for pattern in near if not pattern.variable]
    if not any(covers(glob, resource) for glob in certain):
        unsure = tuple(doubt for pattern in near for doubt in _variable(pattern))
        yield Grant(statement, Pattern("*", "*"), (*statement.doubts, *unsure), excluded=tuple(certain))


def _after_denies(grant: Grant, denies: Iterable[tuple[Statement, Named]], resource: str) -> Grant | None:
    """The grant without what is surely denied; None if that is all of it."""
    for statement, named in denies:
        if not (hit := _denied(statement, grant, resource)):
            continue
        doubts = [*statement.doubts, *hit.doubts, *_unclear(named)]
        if doubts:
            grant = replace(grant, doubts=(*grant.doubts, f"unless {statement} denies it ({', '.join(doubts)})"))
        elif hit.all:
            return None
        else:
            within = (*grant.within, hit.spared) if hit.spared else grant.within
            grant = replace(grant, excluded=(*grant.excluded, *hit.denied), within=within)
    return grant


@dataclass(frozen=True)
class _Hit:
    """What of a grant a Deny is about: all of it, the globs `denied`, or all but the globs `spared`."""

    all: bool = False
    denied: tuple[str, ...] = ()
    spared: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


def _denied(statement: Statement, grant: Grant, resource: str) -> _Hit | None:
    allowed = grant.pattern.glob
    near = [one for one in statement.resources if _meets(one.glob, resource) and _meets(one.glob, allowed)]
    doubts = tuple(doubt for pattern in near for doubt in _variable(pattern))
    whole = [one for one in near if covers(one.glob, resource) or covers(one.glob, allowed)]
    if statement.but_resources:
        if any(not pattern.variable for pattern in whole):
            return None
        return _Hit(all=not near, spared=tuple(pattern.glob for pattern in near), doubts=doubts)
    if not near:
        return None
    certain = tuple(pattern.glob for pattern in near if not pattern.variable)
    if any(not pattern.variable for pattern in whole):
        return _Hit(all=True)
    return _Hit(denied=certain, doubts=doubts)


def _within_boundary(grant: Grant, question: Asked, resource: str) -> Grant | None:
    """The grant as far as the boundary lets it through; None if that is surely nothing."""
    role = question.role
    if question.boundary is None or role.boundary is None:
        return grant
    if role.boundary.unreadable:
        return grant  # that it may be less is already among the question's doubts
    limits = [
        limit for limit in _reaching(question.boundary, resource) if _meets(limit.pattern.glob, grant.pattern.glob)
    ]
    if not limits:
        return None
    sure = [limit for limit in limits if not limit.doubts]
    if any(not limit.excluded and _spans(limit.pattern.glob, grant, resource) for limit in sure):
        return grant
    doubts = grant.doubts if sure == limits else (*grant.doubts, f"only as the boundary allows: {limits[0].evidence}")
    group = tuple(limit.pattern.glob for limit in limits)
    if len(limits) == 1:
        grant = replace(grant, excluded=(*grant.excluded, *limits[0].excluded))
    elif any(limit.excluded for limit in limits):
        doubts = (*doubts, f"only as the boundary allows: {limits[0].evidence}")
    return replace(grant, doubts=doubts, within=(*grant.within, group))


def _spans(glob: str, grant: Grant, resource: str) -> bool:
    return covers(glob, resource) or covers(glob, grant.pattern.glob)


def _settled(grant: Grant, resource: str) -> Grant:
    """The grant, with a doubt if no example proves that its limits leave anything of the resource glob."""
    if not (grant.excluded or grant.within) or grant.doubts:
        return grant
    sources = (resource, grant.pattern.glob, *(glob for group in grant.within for glob in group))
    examples = (glob.replace("*", filler).replace("?", "~") for glob in sources for filler in ("", "~", "~~"))
    if any(_is_example(grant, resource, example) for example in examples):
        return grant
    return replace(grant, doubts=("limits may leave nothing of it",))


def _is_example(grant: Grant, resource: str, example: str) -> bool:
    inside = all(any(globs.matches(glob, example) for glob in group) for group in grant.within)
    allowed = globs.matches(resource, example) and globs.matches(grant.pattern.glob, example)
    return allowed and inside and not any(globs.matches(glob, example) for glob in grant.excluded)


# --- resource policies ------------------------------------------------------------------------------------------------


def _meaning(question: Asked, policy: ResourcePolicy | None) -> list[tuple[Statement, Named]]:
    """The statements of a resource's policy that speak of this role and action, and how they mean the role."""
    found: list[tuple[Statement, Named]] = []
    for statement in policy.policy.statements if policy else ():
        named = statement.principals.mean(question.role.arn) if statement.principals else Named.NOT
        if named is not Named.NOT and statement.is_about(question.action):
            found.append((statement, named))
    return found


def _theirs(allows: Iterable[tuple[Statement, Named]], resource: str) -> tuple[Grant, ...]:
    found = []
    for statement, named in allows:
        found += [
            replace(grant, named=named, doubts=(*grant.doubts, *_unclear(named)))
            for grant in _reach(statement, resource)
        ]
    return tuple(found)


def _unclear(named: Named) -> tuple[str, ...]:
    return (f"principal {named}",) if named in (Named.SESSION, Named.UNCLEAR) else ()


def _is_foreign(role: Role, resource: str, policy: ResourcePolicy | None) -> bool:
    """Whether the resource is in another account; a bucket's ARN does not say, and a wildcard may be here."""
    account = policy.account if policy else (resource.split(":", 5) + [""] * 5)[4]
    return bool(account) and not _WILD.search(account) and account != role.account


def _agreed(
    own: tuple[Grant, ...], theirs: list[tuple[Statement, Named]], resource: str, policy: ResourcePolicy | None
) -> tuple[Grant, ...]:
    """The grants that the other account's policy agrees to."""
    if policy is None:
        return tuple(replace(one, doubts=(*one.doubts, "the other account's policy is not known")) for one in own)
    agreeing = [one for one in _theirs(theirs, resource) if not one.excluded]
    found = []
    for grant in own:
        near = [one for one in agreeing if _meets(one.pattern.glob, grant.pattern.glob)]
        sure = [one for one in near if not one.doubts and _spans(one.pattern.glob, grant, resource)]
        if near:
            found.append(grant if sure else replace(grant, doubts=(*grant.doubts, f"only as {near[0].statement} says")))
    return tuple(found)


# --- reading ----------------------------------------------------------------------------------------------------------


def role(arn: str, policies: Mapping[str, object], boundary: tuple[str, object] | None = None) -> Role:
    """Read a role's inline and managed policies, parsed JSON by name, and its boundary. Nonsense is carried."""
    own = tuple(read(name, document) for name, document in policies.items())
    return Role(arn, own, read(*boundary) if boundary else None)


def resource_policy(name: str, account: str, document: object) -> ResourcePolicy:
    """Read the policy of a resource in an account."""
    return ResourcePolicy(account, read(name, document, of_resource=True))


def read(name: str, document: object, *, of_resource: bool = False) -> Policy:
    """Read one parsed policy document; what cannot be understood is named in `unreadable`, and nothing is raised."""
    if not isinstance(document, Mapping):
        return Policy(name, unreadable=(f"policy {name} is not a JSON object",))
    listed = document.get("Statement")
    if not isinstance(listed, list | Mapping):
        return Policy(name, unreadable=(f"policy {name} has no statements",))
    variables = document.get("Version") == _VERSION_WITH_VARIABLES
    found: list[Statement] = []
    unreadable: list[str] = []
    for number, one in enumerate(listed if isinstance(listed, list) else [listed], 1):
        try:
            statement = _statement(name, number, one, variables=variables, of_resource=of_resource)
        except _Unreadable as why:
            unreadable.append(f"policy {name}, statement {number}: {why}")
        else:
            found += _maybe(statement)
    return Policy(name, tuple(found), tuple(unreadable))


class _Unreadable(Exception):
    """What is wrong with a statement, without its values."""


def _statement(name: str, number: int, given: object, *, variables: bool, of_resource: bool) -> Statement | None:
    """Read a statement; None if no call by a function ever meets its condition."""
    if not isinstance(given, Mapping):
        raise _Unreadable("is not a JSON object")
    if given.get("Effect") not in ("Allow", "Deny"):
        raise _Unreadable("has no Effect")
    actions, but_actions = _either(given, "Action", "NotAction")
    if of_resource and "Resource" not in given and "NotResource" not in given:
        given = {**given, "Resource": "*"}
    resources, but_resources = _either(given, "Resource", "NotResource")
    conditions = _conditions(given.get("Condition", {}))
    if conditions is None:
        return None
    return Statement(
        policy=name,
        sid=str(given.get("Sid") or number),
        allows=given["Effect"] == "Allow",
        actions=actions,
        resources=tuple(_pattern(text, variables=variables) for text in resources),
        but_actions=but_actions,
        but_resources=but_resources,
        conditions=conditions,
        texts=tuple(_texts(given.get("Condition", {}))),
        principals=_principals(given) if of_resource else None,
    )


def _either(given: Mapping[str, object], name: str, negated: str) -> tuple[tuple[str, ...], bool]:
    if (name in given) is (negated in given):
        raise _Unreadable(f"needs either {name} or {negated}")
    return _strings(given[name if name in given else negated], name), negated in given


def _strings(value: object, name: str) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    if not values or not all(isinstance(one, str) for one in values):
        raise _Unreadable(f"its {name} is not a string or a list of strings")
    return tuple(values)


def _conditions(given: object) -> tuple[str, ...] | None:
    """The keys that only the call decides; None if no call by a function can meet the condition."""
    if not isinstance(given, Mapping) or not all(isinstance(tests, Mapping) for tests in given.values()):
        raise _Unreadable("its Condition is not an object of objects")
    keys: list[str] = []
    for operator, tests in given.items():
        for key, value in tests.items():
            holds = _known(str(operator).lower(), str(key).lower(), value)
            if holds is False:
                return None
            if holds is None:
                keys.append(str(key))
    return tuple(dict.fromkeys(keys))


def _texts(given: Mapping[str, Mapping[str, object]]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The keys about events that one test alone asks for certain texts of, with globs of these."""
    tests = [(str(operator).lower(), str(key), value) for operator, of in given.items() for key, value in of.items()]
    often = Counter(key.lower() for _, key, _ in tests)
    for operator, key, value in tests:
        texts = [str(one) for one in value] if isinstance(value, list) else [str(value)]
        if key.lower() not in _OF_EVENTS or often[key.lower()] > 1 or any("$" in text for text in texts):
            continue
        match operator.removeprefix("forallvalues:"):
            case "stringlike":
                yield key, tuple(texts)
            case "stringequals":
                yield key, tuple(re.sub(r"[*?]", r"${\g<0>}", text) for text in texts)


def _known(operator: str, key: str, value: object) -> bool | None:
    """What a test surely is in a call by a function; None if only the call knows.

    The AWS SDKs call over TLS, and a Deny without it is what every hardened bucket and queue has.
    """
    if key == "aws:securetransport" and operator in ("bool", "boolifexists"):
        values = {str(one).lower() for one in (value if isinstance(value, list) else [value])}
        return "true" in values
    return False if key in _KEYS_OF_SERVICES and operator in _POSITIVE else None


def _pattern(text: str, *, variables: bool) -> Pattern:
    return Pattern(text, _VARIABLE.sub("*", text) if variables else text)


def _principals(given: Mapping[str, object]) -> Principals:
    if ("Principal" in given) is ("NotPrincipal" in given):
        raise _Unreadable("needs either Principal or NotPrincipal")
    value = given.get("Principal", given.get("NotPrincipal"))
    if isinstance(value, Mapping):
        named = value.get("AWS", [])
        arns = _strings(named, "Principal") if named else ()
    else:
        arns = _strings(value, "Principal")
    return Principals(frozenset(arns), negated="NotPrincipal" in given)


# --- small words ------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=65536)
def _same_action(pattern: str, action: str) -> bool:
    return globs.matches(pattern.lower(), action.lower())


def head(glob: str) -> str:
    """Return what everything that a glob matches begins with."""
    wild = _WILD.search(glob)
    return glob[: wild.start()] if wild else glob


def _meets(one: str, other: str) -> bool:
    """Whether two globs have something in common; nearly every pair is told apart by its beginning."""
    if one == other or "*" in (one, other):
        return True
    first, second = head(one), head(other)
    if not (first.startswith(second) or second.startswith(first)):
        return False
    return _overlap(one, other) if (first, second) != (one, other) else False


@lru_cache(maxsize=65536)
def _overlap(one: str, other: str) -> bool:
    return globs.intersects(one, other)


def _variable(pattern: Pattern) -> tuple[str, ...]:
    return tuple(f"variable {name}" for name in _VARIABLE.findall(pattern.text)) if pattern.variable else ()


def _role_parts(arn: str) -> tuple[str, str, str]:
    """A role's partition, account and name; a role's path is not in the ARN of its sessions."""
    parts = (arn.split(":", 5) + [""] * 6)[:6]
    return parts[1], parts[4], parts[5].rsplit("/", 1)[-1]


def _maybe(value: _T | None) -> tuple[_T, ...]:
    return () if value is None else (value,)
