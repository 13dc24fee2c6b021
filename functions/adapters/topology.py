"""Reads what triggers what in an account and Region, and what the execution roles may do.

Listed where AWS lists, asked one by one only where it does not: each bucket for its notifications, each rule for its
targets, each function's log group for its subscription filters, each queue that triggers something for its policy and
dead-letter queue, each state machine for its definition. Roles come with their policies from
GetAccountAuthorizationDetails, or one by one where that is denied. Destinations and filter policies are asked for only
where a loop may be. For 1,000 functions, 200 buckets, 200 queues, 300 rules and 300 subscriptions that is about 1,750
calls. What may not be read is listed with its action, and nothing is raised for it.

Shapes: the API reference of each service. Not read: function policies, as a trigger by API Gateway, ELB or a function
URL cannot be followed to what it is called by; policies of topics, buses, buckets and functions.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

from functions.adapters.errors import AWS_ERRORS, Meaning, trouble
from functions.playbooks.recursive_loop import joined, triggers
from functions.playbooks.recursive_loop.account import (
    Account,
    Destination,
    LogSubscription,
    Notification,
    NotRead,
    Pipe,
    Rule,
    Schedule,
    SourceMapping,
    StateMachine,
    Subscription,
    Target,
)
from functions.playbooks.recursive_loop.graph import Confidence, Graph
from functions.playbooks.recursive_loop.policies import ResourcePolicy, resource_policy
from functions.playbooks.recursive_loop.writes import Function

PERMISSIONS = (
    "events:ListEventBuses",
    "events:ListRules",
    "events:ListTargetsByRule",
    "iam:GetAccountAuthorizationDetails",
    "lambda:ListEventSourceMappings",
    "lambda:ListFunctionEventInvokeConfigs",
    "lambda:ListFunctions",
    "logs:DescribeSubscriptionFilters",
    "pipes:ListPipes",
    "s3:GetBucketNotification",
    "s3:ListAllMyBuckets",
    "scheduler:ListSchedules",
    "sns:GetSubscriptionAttributes",
    "sns:ListSubscriptions",
    "sqs:GetQueueAttributes",
    "states:DescribeStateMachine",
    "states:ListStateMachines",
)
"""What reading everything needs, each on every resource (`*`)."""
SINGLE_ROLE_PERMISSIONS = (
    "iam:GetPolicy",
    "iam:GetPolicyVersion",
    "iam:GetRole",
    "iam:GetRolePolicy",
    "iam:ListAttachedRolePolicies",
    "iam:ListRolePolicies",
)
"""What reading roles one by one needs, instead of iam:GetAccountAuthorizationDetails."""

_AT_ONCE = 8
# Quotas per account and Region, which the customer's own deployments share ("Lambda quotas", "CloudWatch Logs quotas",
# "EventBridge quotas", "Step Functions quotas"): 15, 10, 50 and 20 calls a second.
_PER_SECOND = {"lambda": 10, "logs": 8, "events": 25, "stepfunctions": 10}
_BURST = 20
_LARGEST_PAGE = 1000

Json = Mapping[str, Any]
_T = TypeVar("_T")
_R = TypeVar("_R")
Progress = Callable[[str], None]
RolePolicies = tuple[dict[str, object], tuple[str, object] | None]


def read(client: Callable[[str], Any], account: str, region: str, progress: Progress = lambda _: None) -> Account:
    """Read an account and Region; `client` makes a boto3 client of a service there, `progress` hears what is read."""
    reader = _Reader(client)
    progress("functions")
    functions, dead_letters = _functions(reader)
    progress("event source mappings")
    mappings = _mappings(reader)
    progress("buckets")
    notifications, on_bus = _notifications(reader, region)
    progress("subscriptions")
    subscriptions = _subscriptions(reader)
    progress("rules")
    rules = _rules(reader)
    progress("pipes, schedules and state machines")
    pipes, schedules, machines = _pipes(reader), _schedules(reader), _machines(reader)
    progress("subscriptions of logs")
    logs = _log_subscriptions(reader, functions)
    progress("queues")
    redrives, policies = _queues(reader, {one.source for one in mappings} | {one.source for one in pipes})
    progress("roles")
    roles = _roles(reader, {function.role for function in functions})
    return Account(
        account=account,
        region=region,
        functions=functions,
        dead_letters=dead_letters,
        mappings=mappings,
        notifications=notifications,
        buckets_on_bus=on_bus,
        subscriptions=subscriptions,
        rules=rules,
        pipes=pipes,
        schedules=schedules,
        state_machines=machines,
        log_subscriptions=logs,
        redrives=redrives,
        policies=policies,
        roles=roles.found,
        roles_in_part=frozenset(roles.in_part),
        not_read=tuple(reader.not_read),
    )


def look(
    client: Callable[[str], Any], account: str, region: str, progress: Progress = lambda _: None
) -> tuple[Account, Graph]:
    """Read an account and Region, and what can be told of its loops only by looking closer; return its graph too."""
    found = read(client, account, region, progress)
    progress("what functions may write")
    written = joined.written(found)
    graph = joined.graph(found, written)
    if functions := triggers.destinations_to_read(found, graph, joined.inside_loops(graph)):
        progress("destinations")
        found = with_destinations(client, found, functions)
        graph = joined.graph(found, written)
    # Across wildcards a filter policy would make nothing surer.
    if doubtful := triggers.filters_to_read(found, joined.inside_loops(graph.only(Confidence.A, Confidence.B))):
        progress("filter policies")
        found = with_filters(client, found, doubtful)
        graph = joined.graph(found, written)
    return found, graph


def with_destinations(client: Callable[[str], Any], account: Account, functions: Iterable[str]) -> Account:
    """Return the account with the destinations of these functions."""
    reader = _Reader(client)
    operation, member = "list_function_event_invoke_configs", "FunctionEventInvokeConfigs"

    def destinations(function: str) -> list[Destination]:
        found = reader.all("lambda", operation, member, "lambda:ListFunctionEventInvokeConfigs", FunctionName=function)
        return [one for config in found for one in _destinations(config)]

    found = [one for some in reader.each(destinations, functions, "lambda") for one in some]
    not_read = (*account.not_read, *reader.not_read)
    return replace(account, destinations=(*account.destinations, *found), not_read=not_read)


def with_filters(client: Callable[[str], Any], account: Account, subscriptions: Iterable[Subscription]) -> Account:
    """Return the account with the filter policies of these subscriptions."""
    reader = _Reader(client)

    def filtered(subscription: Subscription) -> Subscription:
        action, arn = "sns:GetSubscriptionAttributes", subscription.arn
        answer = reader.one("sns", "get_subscription_attributes", action, SubscriptionArn=arn)
        if answer is None:
            return subscription
        policy = _parsed((answer.get("Attributes") or {}).get("FilterPolicy"))
        return replace(subscription, filter=policy, filter_read=True)

    known = {one.arn: one for one in reader.each(filtered, subscriptions, "sns")}
    read_now = tuple(known.get(one.arn, one) for one in account.subscriptions)
    return replace(account, subscriptions=read_now, not_read=(*account.not_read, *reader.not_read))


class _Reader:
    """Asks, and notes what was refused."""

    def __init__(self, client: Callable[[str], Any]) -> None:
        self.client = client
        self.not_read: list[NotRead] = []

    def all(self, service: str, operation: str, member: str, action: str, **arguments: Any) -> list[Json]:
        """Every item of every page; [] if that was refused, or what is asked about is gone."""
        found: list[Json] = []
        try:
            for page in self.pages(service, operation, **arguments):
                found += page.get(member) or ()
        except AWS_ERRORS as error:
            self.refused(error, action, arguments)
        return found

    def pages(self, service: str, operation: str, **arguments: Any) -> Iterator[Json]:
        """Every page. Raises boto3's errors."""
        client = self.client(service)
        if client.can_paginate(operation):
            yield from client.get_paginator(operation).paginate(**arguments)
            return
        more: dict[str, str] = {}
        while True:
            page = getattr(client, operation)(**arguments, **more)
            yield page
            if not page.get("NextToken"):
                return
            more = {"NextToken": page["NextToken"]}

    def one(self, service: str, operation: str, action: str, **arguments: Any) -> Json | None:
        """One answer, None if that was refused, or what is asked about is gone."""
        try:
            answer: Json = getattr(self.client(service), operation)(**arguments)
        except AWS_ERRORS as error:
            self.refused(error, action, arguments)
            return None
        return answer

    def each(self, ask: Callable[[_T], _R], items: Iterable[_T], service: str) -> list[_R]:
        """Ask about several at a time, but not faster than the service takes; answers in the order of the items.

        The client is made before, as making one is not safe in threads.
        """
        self.client(service)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return list(pool.map(ask, _paced(items, _PER_SECOND.get(service))))

    def refused(self, error: Any, action: str, arguments: Json) -> None:
        """Note an error; what was deleted in the meantime is none."""
        found = trouble(error)
        if found.meaning is Meaning.MISSING or found.code in _GONE:
            return
        what = next((str(value) for name, value in arguments.items() if name not in _NO_RESOURCE), "")
        why = "is not allowed" if found.meaning is Meaning.DENIED else f"{found.code}: {found.text}"
        self.not_read.append(NotRead(action, what, why))


def _paced(items: Iterable[_T], per_second: int | None) -> Iterator[_T]:
    for number, item in enumerate(items):
        if per_second and number >= _BURST:
            time.sleep(1 / per_second)
        yield item


_GONE = {
    "NoSuchBucket",
    "NotFound",
    "AWS.SimpleQueueService.NonExistentQueue",
    "QueueDoesNotExist",
    "StateMachineDoesNotExist",
}
_NO_RESOURCE = {"AttributeNames", "BucketRegion", "Filter", "PaginationConfig"}


# --- functions and what triggers them ---------------------------------------------------------------------------------


def _functions(reader: _Reader) -> tuple[tuple[Function, ...], dict[str, str]]:
    functions: list[Function] = []
    dead_letters: dict[str, str] = {}
    for one in reader.all("lambda", "list_functions", "Functions", "lambda:ListFunctions"):
        variables = (one.get("Environment") or {}).get("Variables") or {}
        log_group = (one.get("LoggingConfig") or {}).get("LogGroup", "")
        functions.append(Function(one["FunctionArn"], one["Role"], variables, log_group))
        if target := (one.get("DeadLetterConfig") or {}).get("TargetArn"):
            dead_letters[one["FunctionArn"]] = target
    return tuple(functions), dead_letters


def _mappings(reader: _Reader) -> tuple[SourceMapping, ...]:
    action = "lambda:ListEventSourceMappings"
    found = reader.all("lambda", "list_event_source_mappings", "EventSourceMappings", action)
    return tuple(
        SourceMapping(
            uuid=one["UUID"],
            source=one.get("EventSourceArn", ""),
            function=one.get("FunctionArn", ""),
            state=one.get("State", ""),
            # A filter that is encrypted with a key comes back empty, with an error or with the key.
            filtered=bool(
                (one.get("FilterCriteria") or {}).get("Filters")
                or one.get("FilterCriteriaError")
                or one.get("KMSKeyArn")
            ),
            on_failure=((one.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination", ""),
        )
        for one in found
    )


def _destinations(config: Json) -> Iterator[Destination]:
    arn = config["FunctionArn"]
    qualifier = arn.split(":")[7] if arn.count(":") > 6 else "$LATEST"
    for when, where in (config.get("DestinationConfig") or {}).items():
        if target := (where or {}).get("Destination"):
            yield Destination(arn, qualifier, when, target)


def _notifications(reader: _Reader, region: str) -> tuple[tuple[Notification, ...], tuple[str, ...]]:
    buckets = reader.all("s3", "list_buckets", "Buckets", "s3:ListAllMyBuckets", BucketRegion=region)
    here = [one["Name"] for one in buckets if one.get("BucketRegion", region) == region]

    def configuration(bucket: str) -> Json:
        ask = "get_bucket_notification_configuration"
        return reader.one("s3", ask, "s3:GetBucketNotification", Bucket=bucket) or {}

    answers = zip(here, reader.each(configuration, here, "s3"), strict=True)
    arn = f"arn:{reader.client('s3').meta.partition}:s3:::"
    found: list[Notification] = []
    on_bus: list[str] = []
    for bucket, answer in answers:
        found += _configured(arn + bucket, answer)
        if answer.get("EventBridgeConfiguration") is not None:
            on_bus.append(arn + bucket)
    return tuple(found), tuple(on_bus)


_NOTIFIED = {
    "LambdaFunctionConfigurations": "LambdaFunctionArn",
    "QueueConfigurations": "QueueArn",
    "TopicConfigurations": "TopicArn",
}


def _configured(bucket: str, answer: Json) -> Iterator[Notification]:
    for member, target in _NOTIFIED.items():
        for one in answer.get(member) or ():
            rules = (((one.get("Filter") or {}).get("Key")) or {}).get("FilterRules") or ()
            parts = {str(rule.get("Name", "")).lower(): str(rule.get("Value", "")) for rule in rules}
            ends = parts.get("prefix", ""), parts.get("suffix", "")
            yield Notification(bucket, one.get("Id", ""), one[target], tuple(one.get("Events") or ()), *ends)


def _subscriptions(reader: _Reader) -> tuple[Subscription, ...]:
    found = reader.all("sns", "list_subscriptions", "Subscriptions", "sns:ListSubscriptions")
    return tuple(
        Subscription(one["SubscriptionArn"], one["TopicArn"], one["Protocol"], one.get("Endpoint", "")) for one in found
    )


def _rules(reader: _Reader) -> tuple[Rule, ...]:
    buses = reader.all("events", "list_event_buses", "EventBuses", "events:ListEventBuses")
    rules = [
        (bus["Arn"], rule, bus["Name"])
        for bus in buses
        for rule in reader.all("events", "list_rules", "Rules", "events:ListRules", EventBusName=bus["Name"])
    ]

    def whole(found: tuple[str, Json, str]) -> Rule:
        bus, rule, bus_name = found
        targets = reader.all("events", "list_targets_by_rule", "Targets", "events:ListTargetsByRule",
                             Rule=rule["Name"], EventBusName=bus_name)  # fmt: skip
        pattern = _parsed(rule.get("EventPattern"))
        arns = tuple(Target(one["Id"], one["Arn"]) for one in targets)
        return Rule(bus, rule["Name"], rule.get("State", "ENABLED"), pattern, arns)

    return tuple(reader.each(whole, rules, "events"))


def _pipes(reader: _Reader) -> tuple[Pipe, ...]:
    return tuple(
        Pipe(
            one["Arn"],
            one.get("CurrentState", ""),
            one.get("Source", ""),
            one.get("Target", ""),
            one.get("Enrichment") or "",
        )
        for one in reader.all("pipes", "list_pipes", "Pipes", "pipes:ListPipes")
    )


def _schedules(reader: _Reader) -> tuple[Schedule, ...]:
    found = reader.all("scheduler", "list_schedules", "Schedules", "scheduler:ListSchedules")
    return tuple(Schedule(one["Arn"], one.get("State", ""), (one.get("Target") or {}).get("Arn", "")) for one in found)


def _machines(reader: _Reader) -> tuple[StateMachine, ...]:
    listed = reader.all("stepfunctions", "list_state_machines", "stateMachines", "states:ListStateMachines")

    def whole(arn: str) -> StateMachine:
        answer = reader.one(
            "stepfunctions", "describe_state_machine", "states:DescribeStateMachine", stateMachineArn=arn
        )
        return StateMachine(arn, str((answer or {}).get("definition") or ""))

    return tuple(reader.each(whole, [one["stateMachineArn"] for one in listed], "stepfunctions"))


def _log_subscriptions(reader: _Reader, functions: Iterable[Function]) -> tuple[LogSubscription, ...]:
    """Of the groups that functions log to: to others a function writes only by calls that hardly any makes."""

    def of(arn: str) -> list[LogSubscription]:
        found = reader.all("logs", "describe_subscription_filters", "subscriptionFilters",
                           "logs:DescribeSubscriptionFilters", logGroupName=arn.split(":", 6)[6])  # fmt: skip
        return [
            LogSubscription(arn, one["filterName"], one["destinationArn"], bool(one.get("filterPattern")))
            for one in found
        ]

    groups = sorted({function.log_group_arn for function in functions})
    return tuple(one for some in reader.each(of, groups, "logs") for one in some)


def _queues(reader: _Reader, sources: Iterable[str]) -> tuple[dict[str, str], dict[str, ResourcePolicy]]:
    """The dead-letter queue and the policy of each queue among what triggers something."""
    arns = sorted(arn for arn in sources if ":sqs:" in arn)
    redrives: dict[str, str] = {}
    policies: dict[str, ResourcePolicy] = {}

    def attributes(arn: str) -> Json:
        url = "/".join((reader.client("sqs").meta.endpoint_url, *arn.split(":")[4:]))
        names = ["Policy", "RedrivePolicy"]
        answer = reader.one("sqs", "get_queue_attributes", "sqs:GetQueueAttributes", QueueUrl=url, AttributeNames=names)
        return (answer or {}).get("Attributes") or {}

    for arn, found in zip(arns, reader.each(attributes, arns, "sqs"), strict=True):
        target = (_parsed(found.get("RedrivePolicy")) or {}).get("deadLetterTargetArn")
        if isinstance(target, str):
            redrives[arn] = target
        if policy := _parsed(found.get("Policy")):
            policies[arn] = resource_policy(f"of queue {arn.rpartition(':')[2]}", arn.split(":")[4], policy)
    return redrives, policies


def _parsed(text: object) -> dict[str, Any] | None:
    """A JSON object, None if there is none."""
    try:
        found = json.loads(str(text)) if text else None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


# --- roles ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Roles:
    """The roles found, and those of which something could not be read."""

    found: dict[str, RolePolicies] = field(default_factory=dict)
    in_part: set[str] = field(default_factory=set)

    def add(self, reader: _Reader, arn: str, ask: Callable[[], RolePolicies | None]) -> None:
        """Note a role as read, in part if anything is refused meanwhile."""
        before = len(reader.not_read)
        if (policies := ask()) is not None:
            self.found[arn] = policies
        if len(reader.not_read) > before:
            self.in_part.add(arn)


def _roles(reader: _Reader, arns: Iterable[str]) -> _Roles:
    wanted, roles = set(arns), _Roles()
    every = {"Filter": ["Role", "LocalManagedPolicy", "AWSManagedPolicy"]}
    largest = {"PageSize": _LARGEST_PAGE}
    managed: dict[str, object] = {}
    try:
        pages = list(reader.pages("iam", "get_account_authorization_details", PaginationConfig=largest, **every))
    except AWS_ERRORS:
        for arn in sorted(wanted):
            roles.add(reader, arn, partial(_single_role, reader, managed, arn))
        return roles
    managed.update({one["Arn"]: _default_version(one) for page in pages for one in page.get("Policies") or ()})
    for role in (one for page in pages for one in page.get("RoleDetailList") or () if one["Arn"] in wanted):
        inline = {one["PolicyName"]: one["PolicyDocument"] for one in role.get("RolePolicyList") or ()}
        attached = role.get("AttachedManagedPolicies") or ()
        roles.add(reader, role["Arn"], partial(_with_managed, reader, managed, inline, attached, role))
    for arn in sorted(wanted - roles.found.keys()):
        reader.not_read.append(NotRead("iam:GetAccountAuthorizationDetails", arn, "there is no such role"))
    return roles


def _with_managed(
    reader: _Reader, managed: dict[str, object], inline: Json, attached: Iterable[Json], role: Json
) -> RolePolicies:
    """A role's policies; a boundary that may not be read limits nothing here, as it might allow everything."""
    own: dict[str, object] = dict(inline)
    for one in attached:
        if document := _known(reader, managed, one["PolicyArn"]):
            own[one["PolicyArn"]] = document
    boundary = str((role.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn") or "")
    limit = _known(reader, managed, boundary) if boundary else None
    return own, (boundary, limit) if limit else None


def _default_version(policy: Json) -> object:
    versions = policy.get("PolicyVersionList") or ()
    return next((one.get("Document") for one in versions if one.get("IsDefaultVersion")), None)


def _known(reader: _Reader, managed: dict[str, object], arn: str) -> object:
    """A managed policy's document, asked for once if no list had it."""
    if managed.get(arn) is None:
        managed[arn] = _document(reader, arn) or {}
    return managed[arn]


def _document(reader: _Reader, arn: str) -> object:
    policy = reader.one("iam", "get_policy", "iam:GetPolicy", PolicyArn=arn)
    if policy is None:
        return None
    version = policy["Policy"]["DefaultVersionId"]
    answer = reader.one("iam", "get_policy_version", "iam:GetPolicyVersion", PolicyArn=arn, VersionId=version)
    return (answer or {}).get("PolicyVersion", {}).get("Document")


def _single_role(reader: _Reader, managed: dict[str, object], arn: str) -> RolePolicies | None:
    """Read one role: three calls, one for each inline policy, and two for each managed policy that is new."""
    name = arn.rpartition("/")[2]
    inline: dict[str, object] = {}
    for policy in reader.all("iam", "list_role_policies", "PolicyNames", "iam:ListRolePolicies", RoleName=name):
        answer = reader.one("iam", "get_role_policy", "iam:GetRolePolicy", RoleName=name, PolicyName=policy)
        if answer is not None:
            inline[str(policy)] = answer["PolicyDocument"]
    attached = reader.all(
        "iam", "list_attached_role_policies", "AttachedPolicies", "iam:ListAttachedRolePolicies", RoleName=name
    )
    role = (reader.one("iam", "get_role", "iam:GetRole", RoleName=name) or {}).get("Role") or {}
    return _with_managed(reader, managed, inline, attached, role) if role or inline or attached else None
