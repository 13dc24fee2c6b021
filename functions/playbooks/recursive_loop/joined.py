"""The whole graph: triggers, and writes led on to the notifications and rules that they can set off. Pure.

A bucket's notification and a bus's rule are nodes of their own, so that a write of other keys or other events is no
edge. Sources: S3 user guide, "Event message structure" and "EventBridge event mapping"; EventBridge user guide, "Event
patterns"; Lambda developer guide, "Capturing records of Lambda asynchronous invocations".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache, lru_cache
from urllib.parse import unquote_plus

from functions.playbooks.recursive_loop import policies, triggers
from functions.playbooks.recursive_loop.account import Account, Json, Notification, Rule
from functions.playbooks.recursive_loop.components import components
from functions.playbooks.recursive_loop.filters import Answer, event_matches, one_event_matches
from functions.playbooks.recursive_loop.graph import Confidence, Cost, Edge, Graph, Kind
from functions.playbooks.recursive_loop.triggers import EVENT_BUS, notification_node, rule_node
from functions.playbooks.recursive_loop.writes import Keys, Reach, Sent, Write, writes

_OBJECT_EVENTS = {
    "Object Created": "s3:ObjectCreated:*",
    "Object Deleted": "s3:ObjectRemoved:*",
    "Object Restore Initiated": "s3:ObjectRestore:Post",
    "Object Restore Completed": "s3:ObjectRestore:Completed",
    "Object Tags Added": "s3:ObjectTagging:Put",
    "Object Tags Deleted": "s3:ObjectTagging:Delete",
    "Object ACL Updated": "s3:ObjectAcl:Put",
}
"""EventBridge's detail-types of what S3 notifies of."""
_ANY_KEY = Keys("*", ("s3:ObjectCreated:Put",))
_ANY_EVENT = Sent()
_RESULTS = {"OnSuccess": "Success", "OnFailure": "Failure"}


def written(account: Account) -> tuple[Write, ...]:
    """Return what the functions may write, by their roles and environments.

    What was found last time for the same account and Region is kept, for what is as it was.
    """
    known = _known(account.account, account.region)
    return writes(account.functions, known.roles(account), triggers.resources(account), known.reach)


class _Known:
    """What was last found out about an account and Region: its roles as they were read, and what they reach."""

    def __init__(self) -> None:
        self.reach = Reach()
        self._roles: dict[str, tuple[object, policies.Role]] = {}

    def roles(self, account: Account) -> dict[str, policies.Role]:
        before, self._roles = self._roles, {}
        for arn, given in account.roles.items():
            known = before.get(arn)
            self._roles[arn] = known if known and known[0] == given else (given, policies.role(arn, *given))
        return {arn: role for arn, (_, role) in self._roles.items()}


@lru_cache(maxsize=8)
def _known(account: str, region: str) -> _Known:  # noqa: ARG001 - what it is known of
    return _Known()


def unreadable(account: Account) -> tuple[str, ...]:
    """Return in sentences what in the roles' policies could not be understood."""
    roles = (policies.role(arn, own, boundary) for arn, (own, boundary) in account.roles.items())
    return tuple(f"{role.arn}: {why}" for role in roles for why in role.unreadable)


def graph(account: Account, found: Iterable[Write]) -> Graph:
    """Return the graph of an account and Region, from its triggers and what its functions may write."""
    onto = _Onto(account)
    edges: dict[Edge, None] = {}
    for write in found:
        edges.update(dict.fromkeys(onto.edges(_costed(write.edge), write.keys, write.sent)))
    for edge in triggers.edges(account):
        edges.update(dict.fromkeys(onto.edges(edge)))
    edges.update(dict.fromkeys(onto.from_buckets))
    return Graph(tuple(edges))


def inside_loops(found: Graph) -> frozenset[str]:
    """Return every node that some cycle passes."""
    return frozenset(node for part in components(found) for node in part.leaving)


def _costed(edge: Edge) -> Edge:
    """An invocation can be stopped at the function that is invoked, if at a price; a write itself cannot."""
    if edge.kind is Kind.INVOKE and ":lambda:" in edge.target:
        return replace(edge, cost=int(Cost.INVOCATIONS), handle=edge.target.rpartition(":")[2])
    return edge


class _Onto:
    """Leads edges that end at a bucket or a bus on to what they set off there."""

    def __init__(self, account: Account) -> None:
        self.fixed = {"account": account.account, "region": account.region}
        self.rules: dict[str, list[Rule]] = {}
        for rule in account.rules:
            if rule.pattern is not None and rule.state != "DISABLED":
                self.rules.setdefault(rule.bus, []).append(rule)
        self.notifications: dict[str, list[Notification]] = {}
        for one in account.notifications:
            self.notifications.setdefault(one.bucket, []).append(one)
        self.on_bus = frozenset(account.buckets_on_bus)
        self.default_bus = next((bus for bus in self.rules if bus.endswith(":event-bus/default")), "")
        default_rules = self.rules.get(self.default_bus, ())
        self.of_buckets = [rule for rule in default_rules if _takes((rule.pattern or {}).get("source"), "aws.s3")]
        self.patterns = {rule_node(rule.bus, rule.name): rule.pattern for rule in account.rules}
        self.from_buckets: dict[Edge, None] = {}
        self.matching = cache(self._matching)

    def edges(self, edge: Edge, keys: Keys | None = None, sent: Sent | None = None) -> Iterator[Edge]:
        """The edges that stand for one."""
        service = edge.target.split(":", 3)[2] if edge.target.startswith("arn:") else ""
        if service == "s3":
            yield from self._at_bucket(edge, keys or _ANY_KEY)
        elif service == "events" and ":event-bus/" in edge.target:
            yield from self._at_bus(edge, sent or _ANY_EVENT)
        else:
            yield edge

    def _at_bucket(self, edge: Edge, keys: Keys) -> Iterator[Edge]:
        for one in self.notifications.get(edge.target, ()):
            answer = _notified(one, keys)
            if answer is not Answer.NO:
                target = notification_node(edge.target, one.id)
                yield replace(edge, target=target, confidence=_rated(edge.confidence, answer))
        if edge.target not in self.on_bus:
            return
        for rule in self.of_buckets:
            answer = _object_matches(rule.pattern or {}, edge.target, keys, self.fixed)
            if answer is not Answer.NO:
                source = notification_node(edge.target, f"{EVENT_BUS} {rule.name}")
                evidence = "the bucket sends its events to the default bus"
                target = rule_node(rule.bus, rule.name)
                self.from_buckets[Edge(source, target, Kind.BUCKET_NOTIFICATION, Confidence.A, evidence)] = None
                yield replace(edge, target=source, confidence=_rated(edge.confidence, answer))

    def _at_bus(self, edge: Edge, sent: Sent) -> Iterator[Edge]:
        if edge.kind is Kind.DESTINATION:
            result = _RESULTS.get(edge.handle.rpartition(" ")[2], "*")
            sent = Sent(("lambda",), (f"Lambda Function Invocation Result - {result}",))
        for rule, matches in self.matching(edge.target, sent):
            answer = self._passed_on(edge, rule) if edge.kind is Kind.RULE_TARGET else matches
            if answer is not Answer.NO:
                target = rule_node(rule.bus, rule.name)
                yield replace(edge, target=target, confidence=_rated(edge.confidence, answer))

    def _matching(self, bus: str, sent: Sent) -> list[tuple[Rule, Answer]]:
        """Return whether such an event matches each rule of a bus."""
        return [
            (rule, event_matches(rule.pattern or {}, sent.sources, sent.detail_types, self.fixed))
            for rule in self.rules.get(bus, ())
        ]

    def _passed_on(self, edge: Edge, rule: Rule) -> Answer:
        """Whether what one rule matched and sent to another bus matches a rule there; the event stays as it was."""
        return one_event_matches(self.patterns.get(edge.source) or {}, rule.pattern or {})


def _rated(confidence: Confidence, answer: Answer) -> Confidence:
    """What cannot be decided is one step less sure."""
    return Confidence.B if answer is Answer.UNKNOWN and confidence is Confidence.A else confidence


@lru_cache(maxsize=65536)
def _notified(one: Notification, keys: Keys) -> Answer:
    """Whether a write sets a notification off; its filter should be URL-encoded, and often is not."""
    read = {
        any(keys.set_off(one.events, glob) for glob in key_globs(prefix, suffix))
        for prefix, suffix in ((one.prefix, one.suffix), (unquote_plus(one.prefix), unquote_plus(one.suffix)))
    }
    if read == {True, False}:
        return Answer.UNKNOWN
    return Answer.YES if read == {True} else Answer.NO


def key_globs(prefix: str, suffix: str) -> tuple[str, ...]:
    """Return globs that together match the keys with a prefix and a suffix, which may overlap in a short key."""
    overlaps = [n for n in range(1, min(len(prefix), len(suffix)) + 1) if prefix.endswith(suffix[:n])]
    short = [prefix + suffix[n:] for n in overlaps]
    short += [text for text in (prefix, suffix) if text and text.startswith(prefix) and text.endswith(suffix)]
    plain = (f"{_escaped(prefix)}*{_escaped(suffix)}", *map(_escaped, short if prefix and suffix else ()))
    return tuple(dict.fromkeys(plain))


def _escaped(text: str) -> str:
    return "".join(f"${{{one}}}" if one in "*?$" else one for one in text)


def _object_matches(pattern: Json, bucket: str, keys: Keys, fixed: Mapping[str, str]) -> Answer:
    """Whether the event that S3 sends of a write matches a pattern that takes S3's events."""
    caused = [name for name, event in _OBJECT_EVENTS.items() if keys.set_off([event], "*")]
    if not any(_takes(pattern.get("detail-type"), name) for name in caused):
        return Answer.NO
    detail = pattern.get("detail")
    if isinstance(detail, Mapping):
        named, key = _at(detail, "bucket", "name"), _at(detail, "object", "key")
        if not _takes(named, bucket.rpartition(":")[2]) or not _takes(key, keys.glob):
            return Answer.NO
    else:
        detail = {}
    rest = {name: wanted for name, wanted in pattern.items() if name not in ("source", "detail-type", "resources")}
    answer = event_matches(rest, fixed=fixed)
    decided = set(detail) <= {"bucket", "object"} and set(pattern) <= {"source", "detail-type", "detail"}
    return min(answer, Answer.YES if decided else Answer.UNKNOWN)


def _at(detail: Mapping[str, object], *path: str) -> object:
    found: object = detail
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _takes(wanted: object, glob: str) -> bool:
    """Whether a field's matchers take some text of a glob; a field that is not asked for takes all."""
    return wanted is None or event_matches({"detail-type": wanted}, detail_types=[glob]) is not Answer.NO
