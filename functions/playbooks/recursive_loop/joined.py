"""The whole graph: triggers, and writes led on to the notifications and rules that they can set off. Pure.

A bucket's notification and a bus's rule are nodes of their own, so that a write of other keys or other events is no
edge. Sources: S3 user guide, "Event message structure" and "EventBridge event mapping"; EventBridge user guide, "Event
patterns"; Lambda developer guide, "Capturing records of Lambda asynchronous invocations".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from urllib.parse import unquote_plus

from functions.playbooks.recursive_loop import policies, triggers
from functions.playbooks.recursive_loop.account import Account, Json, Notification, Rule
from functions.playbooks.recursive_loop.components import components
from functions.playbooks.recursive_loop.filters import Answer, event_matches
from functions.playbooks.recursive_loop.graph import Confidence, Edge, Graph, Kind
from functions.playbooks.recursive_loop.triggers import EVENT_BUS, Cost, notification_node, rule_node
from functions.playbooks.recursive_loop.writes import Keys, Write, writes

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
_RESULTS = {"OnSuccess": "Success", "OnFailure": "Failure"}


def written(account: Account) -> tuple[Write, ...]:
    """Return what the functions may write, by their roles and environments."""
    roles = {arn: policies.role(arn, own, boundary) for arn, (own, boundary) in account.roles.items()}
    return writes(account.functions, roles, triggers.resources(account))


def unreadable(account: Account) -> tuple[str, ...]:
    """Return in sentences what in the roles' policies could not be understood."""
    roles = (policies.role(arn, own, boundary) for arn, (own, boundary) in account.roles.items())
    return tuple(f"{role.arn}: {why}" for role in roles for why in role.unreadable)


def graph(account: Account, found: Iterable[Write]) -> Graph:
    """Return the graph of an account and Region, from its triggers and what its functions may write."""
    onto = _Onto(account)
    edges: dict[Edge, None] = {}
    for write in found:
        edges.update(dict.fromkeys(onto.edges(_costed(write.edge), write.keys)))
    for edge in triggers.edges(account):
        edges.update(dict.fromkeys(onto.edges(edge, _ANY_KEY)))
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
        self.patterns = {rule_node(rule.bus, rule.name): rule.pattern for rule in account.rules}
        self.from_buckets: dict[Edge, None] = {}

    def edges(self, edge: Edge, keys: Keys | None) -> Iterator[Edge]:
        """The edges that stand for one."""
        service = edge.target.split(":", 3)[2] if edge.target.startswith("arn:") else ""
        if service == "s3":
            yield from self._at_bucket(edge, keys or _ANY_KEY)
        elif service == "events" and ":event-bus/" in edge.target:
            yield from self._at_bus(edge)
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
        for rule in self.rules.get(self.default_bus, ()):
            answer = _object_matches(rule.pattern or {}, edge.target, keys, self.fixed)
            if answer is not Answer.NO:
                source = notification_node(edge.target, f"{EVENT_BUS} {rule.name}")
                evidence = "the bucket sends its events to the default bus"
                target = rule_node(rule.bus, rule.name)
                self.from_buckets[Edge(source, target, Kind.BUCKET_NOTIFICATION, Confidence.A, evidence)] = None
                yield replace(edge, target=source, confidence=_rated(edge.confidence, answer))

    def _at_bus(self, edge: Edge) -> Iterator[Edge]:
        sources, detail_types = ["*"], ["*"]
        if edge.kind is Kind.DESTINATION:
            result = _RESULTS.get(edge.handle.rpartition(" ")[2], "*")
            sources, detail_types = ["lambda"], [f"Lambda Function Invocation Result - {result}"]
        for rule in self.rules.get(edge.target, ()):
            answer = event_matches(rule.pattern or {}, sources, detail_types, self.fixed)
            if edge.kind is Kind.RULE_TARGET:
                answer = self._passed_on(edge, rule)
            if answer is not Answer.NO:
                target = rule_node(rule.bus, rule.name)
                yield replace(edge, target=target, confidence=_rated(edge.confidence, answer))

    def _passed_on(self, edge: Edge, rule: Rule) -> Answer:
        """Whether what one rule matched and sent to another bus matches a rule there; the event stays as it was."""
        same = self.patterns.get(edge.source) == rule.pattern
        return Answer.YES if same else Answer.UNKNOWN


def _rated(confidence: Confidence, answer: Answer) -> Confidence:
    """What cannot be decided is one step less sure."""
    return Confidence.B if answer is Answer.UNKNOWN and confidence is Confidence.A else confidence


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
    """Whether the event that S3 sends of a write matches a rule's pattern."""
    if not _takes(pattern.get("source"), "aws.s3"):
        return Answer.NO
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
