"""What triggers what: edges from the facts of an account. Pure.

Disabled mappings, rules, pipes and schedules are no edges. A trigger with a filter that what we read cannot decide is
one step less sure. Where a target is a bus or a bucket, the edge ends there; `joined` leads it on to the rules and
notifications that it can set off.

`cost` is the rung on which the trigger can be broken, the cheapest first: what only has to be switched on again and
loses nothing, then what is swapped for a queue that keeps the events, last what is deleted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from functions.playbooks.recursive_loop.account import Account, Subscription
from functions.playbooks.recursive_loop.filters import Answer, subscription_passes
from functions.playbooks.recursive_loop.graph import Confidence, Cost, Edge, Graph, Kind, is_function
from functions.playbooks.recursive_loop.writes import Function, Resources

_ON = {"Enabled", "Enabling", "Updating", "Creating", "ENABLED", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"}
_RUNNING = {"RUNNING", "STARTING", "CREATING", "UPDATING", ""}
_ARN = re.compile(r"arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:(?:[0-9]{12})?:[^\"'\s,]+")
_QUEUE_URL = re.compile(r"https://sqs\.([a-z0-9-]+)\.amazonaws\.com[a-z.]*/([0-9]{12})/([\w.-]+)")
EVENT_BUS = "EventBridge"
"""The part after `#` of the node of a bucket that sends its events to the default bus."""


def node(arn: str) -> str:
    """Return the node that an ARN is part of: no version or alias, no stream consumer, no `:*` of a log group."""
    parts = arn.split(":")
    service = parts[2] if len(parts) > 5 else ""
    if service in {"lambda", "states"}:
        return ":".join(parts[:7])
    if service == "kinesis":
        return arn.partition("/consumer/")[0]
    return arn.removesuffix(":*") if service == "logs" else arn


def rule_node(bus: str, name: str) -> str:
    """Return the node of a rule."""
    return f"{bus}#{name}"


def notification_node(bucket: str, name: str) -> str:
    """Return the node of a notification, by its id."""
    return f"{bucket}#{name}"


def edges(account: Account) -> tuple[Edge, ...]:
    """Return every trigger of an account and Region."""
    found = (_mappings, _notifications, _subscriptions, _rules, _pipes, _schedules, _machines, _logs, _ends)
    return tuple(edge for some in found for edge in some(account))


def _mappings(account: Account) -> Iterator[Edge]:
    for one in account.mappings:
        if one.state not in _ON or not one.source:
            continue
        kind = Kind.QUEUE_TRIGGER if ":sqs:" in one.source else Kind.STREAM_TRIGGER
        sure, evidence = _unless(one.filtered, f"event source mapping {one.uuid}", "with a filter")
        yield Edge(node(one.source), node(one.function), kind, sure, evidence, one.uuid, Cost.MAPPING)
        if one.on_failure:
            evidence = f"on-failure destination of event source mapping {one.uuid}"
            target = node(one.on_failure)
            kind = Kind.DESTINATION
            yield Edge(node(one.function), target, kind, Confidence.A, evidence, one.uuid, Cost.DELETION)


def _notifications(account: Account) -> Iterator[Edge]:
    for one in account.notifications:
        keys = f" on keys {one.prefix}*{one.suffix}" if one.prefix or one.suffix else ""
        source = notification_node(one.bucket, one.id)
        evidence = f"notification {one.id} for {', '.join(one.events)}{keys}"
        kind, cost = Kind.BUCKET_NOTIFICATION, Cost.NOTIFICATION
        yield Edge(source, node(one.target), kind, Confidence.A, evidence, one.id, cost)


_TRIGGERING = {"lambda", "sqs"}


def _subscriptions(account: Account) -> Iterator[Edge]:
    for one in account.subscriptions:
        passes = subscription_passes(one.filter)
        if one.protocol not in _TRIGGERING or passes is Answer.NO or not one.arn.startswith("arn:"):
            continue
        evidence = f"subscription {one.arn.rpartition(':')[2]}"
        sure, evidence = _unless(passes is Answer.UNKNOWN, evidence, "with a filter policy")
        kind = Kind.TOPIC_SUBSCRIPTION
        yield Edge(one.topic, node(one.endpoint), kind, sure, evidence, one.arn, Cost.SUBSCRIPTION)


def _rules(account: Account) -> Iterator[Edge]:
    for rule in account.rules:
        if rule.state not in _ON:
            continue
        for target in rule.targets:
            source = rule_node(rule.bus, rule.name)
            evidence = f"target {target.id} of rule {rule.name}"
            kind, cost = Kind.RULE_TARGET, Cost.RULE_TARGET
            yield Edge(source, node(target.arn), kind, Confidence.A, evidence, target.id, cost)


def _pipes(account: Account) -> Iterator[Edge]:
    for one in account.pipes:
        if one.state not in _RUNNING:
            continue
        name = one.arn.rpartition("/")[2]
        evidence = f"pipe {name}, its filter not read"
        yield Edge(node(one.source), one.arn, Kind.PIPE, Confidence.B, evidence, name, Cost.MAPPING)
        for target in filter(None, (one.enrichment, one.target)):
            yield Edge(one.arn, node(target), Kind.PIPE, Confidence.A, f"pipe {name}", name, Cost.MAPPING)


def _schedules(account: Account) -> Iterator[Edge]:
    for one in account.schedules:
        if one.state in _ON and one.target:
            name = one.arn.partition(":schedule/")[2]
            kind = Kind.SCHEDULE
            yield Edge(one.arn, node(one.target), kind, Confidence.A, f"schedule {name}", name, Cost.DELETION)


def _machines(account: Account) -> Iterator[Edge]:
    for one in account.state_machines:
        partition = one.arn.split(":")[1]
        named = {node(arn) for arn in _ARN.findall(one.definition)}
        for region, owner, name in _QUEUE_URL.findall(one.definition):
            named.add(f"arn:{partition}:sqs:{region}:{owner}:{name}")
        for target in sorted(named - {one.arn}):
            if target.split(":")[2] != "states" or ":stateMachine:" in target:
                yield Edge(one.arn, target, Kind.INVOKE, Confidence.A, "named in the state machine's definition")


def references(definition: str) -> str:
    """Return what in a state machine's definition names something, in order; nothing else of it matters here."""
    found = [match for pattern in (_ARN, _QUEUE_URL) for match in pattern.finditer(definition)]
    return " ".join(match.group() for match in sorted(found, key=lambda match: match.start()))


def _logs(account: Account) -> Iterator[Edge]:
    for one in account.log_subscriptions:
        sure, evidence = _unless(one.filtered, f"subscription filter {one.name}", "with a pattern")
        kind, cost = Kind.LOG_SUBSCRIPTION, Cost.DELETION
        yield Edge(one.log_group, node(one.destination), kind, sure, evidence, one.name, cost)


def _ends(account: Account) -> Iterator[Edge]:
    """Where what a function or queue could not do goes, and what it did."""
    for one in account.destinations:
        evidence = f"{one.when} destination of asynchronous invocations ({one.qualifier})"
        handle = f"{one.qualifier} {one.when}"
        kind, target = Kind.DESTINATION, node(one.target)
        # Only a function can be held; results that go elsewhere are lost where that is taken away.
        cost = Cost.INVOCATIONS if is_function(target) else Cost.DELETION
        yield Edge(node(one.function), target, kind, Confidence.A, evidence, handle, cost)
    for function, target in account.dead_letters.items():
        evidence = "dead-letter target of the function"
        yield Edge(function, node(target), Kind.DEAD_LETTER, Confidence.A, evidence, "DeadLetterConfig", Cost.DELETION)
    for queue, target in account.redrives.items():
        evidence = "dead-letter queue of the queue"
        yield Edge(queue, target, Kind.DEAD_LETTER, Confidence.A, evidence, "RedrivePolicy", Cost.DELETION)


def _unless(doubtful: bool, evidence: str, doubt: str) -> tuple[Confidence, str]:
    return (Confidence.B, f"{evidence}, {doubt}") if doubtful else (Confidence.A, evidence)


def resources(account: Account) -> Resources:
    """Return what a function may write to so that something is triggered; what triggers nothing is left out."""
    sources = {edge.source.partition("#")[0] for edge in edges(account)} | set(account.buckets_on_bus)

    def of(service: str) -> tuple[str, ...]:
        return tuple(sorted(arn for arn in sources if arn.split(":")[2] == service))

    return Resources(
        queues=of("sqs"),
        topics=of("sns"),
        buckets=of("s3"),
        tables={stream.partition("/stream/")[0]: stream for stream in of("dynamodb")},
        streams=of("kinesis"),
        buses=of("events"),
        functions=tuple(sorted(function.arn for function in account.functions)),
        state_machines=of("states"),
        schedules=of("scheduler"),
        log_groups=of("logs"),
        policies=account.policies,
    )


def known(account: Account) -> Resources:
    """Return what is a source of something in the account, whether or not that triggers anything now."""
    switched_on = replace(
        account,
        mappings=tuple(replace(one, state="Enabled") for one in account.mappings),
        subscriptions=tuple(replace(one, filter=None) for one in account.subscriptions),
        rules=tuple(replace(one, state="ENABLED") for one in account.rules),
        pipes=tuple(replace(one, state="RUNNING") for one in account.pipes),
        schedules=tuple(replace(one, state="ENABLED") for one in account.schedules),
    )
    return resources(switched_on)


def destinations_to_read(account: Account, graph: Graph, inside: frozenset[str]) -> tuple[str, ...]:
    """Return the functions whose destinations can tell more of loops than is known; `inside` are nodes of any loop.

    A function sends to a destination with its own role, so wherever a destination could close a loop, the role's
    writes close one already, and only where they are less sure is there more to learn. Roles that could not be read
    tell nothing: then every function may be concerned.
    """
    roles = account.roles.keys() - account.roles_in_part

    def concerned(function: Function) -> bool:
        leaving = graph.leaving.get(function.arn, ())
        doubtful = any(edge.confidence is not Confidence.A and edge.target in inside for edge in leaving)
        return function.role not in roles or (function.arn in inside and doubtful)

    return tuple(function.arn for function in account.functions if concerned(function))


def filters_to_read(account: Account, inside: frozenset[str]) -> tuple[Subscription, ...]:
    """Return the subscriptions whose filter policies matter to loops; `inside` are the nodes of these."""
    return tuple(
        one
        for one in account.subscriptions
        if one.protocol in _TRIGGERING and not one.filter_read and {one.topic, node(one.endpoint)} <= inside
    )
