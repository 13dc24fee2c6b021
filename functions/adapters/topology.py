"""Reads what triggers what in an account and Region, and what the execution roles may do.

Listed where AWS lists, asked one by one only where it does not: each bucket for its notifications, each rule for its
targets, each function's log group for its subscription filters, each queue that triggers something for its policy and
dead-letter queue, each state machine for its definition. Roles come with their policies from
GetAccountAuthorizationDetails, or one by one where that is denied. Destinations and filter policies are asked for only
where a loop may be. For 1,000 functions, 200 buckets, 200 queues, 300 rules and 300 subscriptions that is about 1,750
calls. What may not be read is listed with its action, and nothing is raised for it. `following` reads again what an
event tells of.

Shapes: the API reference of each service. Not read: function policies, as a trigger by API Gateway, ELB or a function
URL cannot be followed to what it is called by; policies of topics, buses, buckets and functions.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from operator import attrgetter
from typing import Any

from botocore.config import Config

from functions.adapters.aws import Aws
from functions.adapters.errors import AWS_ERRORS
from functions.adapters.reader import Reader
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
from functions.playbooks.recursive_loop.remembered import in_order
from functions.playbooks.recursive_loop.writes import Function, Write

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

_LARGEST_PAGE = 1000

Json = Mapping[str, Any]
Progress = Callable[[str], None]
RolePolicies = tuple[dict[str, object], tuple[str, object] | None]


def patient(session_name: str) -> Aws:
    """Return what makes clients that outlast a throttle: a reading of minutes must not end at one."""
    return Aws(
        session_name,
        Config(
            connect_timeout=2,
            read_timeout=20,  # a page has a thousand roles with their policies
            retries={"mode": "adaptive", "total_max_attempts": 8},
            user_agent_extra="lambda-warden",
        ),
    )


def _read(reader: Reader, account: str, region: str, progress: Progress) -> Account:
    """Read everything but what only matters where a loop may be; what was refused is with the reader."""
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
    logs = log_subscriptions(reader, {function.log_group_arn for function in functions})
    progress("queues")
    redrives, policies = queues(reader, {one.source for one in mappings} | {one.source for one in pipes})
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
    )


def look(
    client: Callable[[str], Any],
    account: str,
    region: str,
    progress: Progress = lambda _: None,
    *,
    whole: bool = False,
) -> tuple[Account, Graph]:
    """Read an account and Region, and what can be told of its loops only by looking closer; return its graph too.

    Where it is to be remembered, the reading is to be `whole`: an error that may pass is raised, not listed.
    """
    reader = Reader(client, lasting=whole)
    found = _read(reader, account, region, progress)
    progress("what functions may write")
    return closer(reader, found, joined.written(found), progress)


def closer(
    reader: Reader, account: Account, written: Iterable[Write], progress: Progress = lambda _: None
) -> tuple[Account, Graph]:
    """Look closer where a loop may be; return the account with what matters there, and its graph.

    Only what is not known yet is asked, and what no longer matters is forgotten: what a graph says must not depend on
    what happened before. `written` is what the functions may write.
    """
    written = tuple(written)
    found = replace(
        account,
        destinations=(),
        destinations_read=frozenset(),
        subscriptions=tuple(replace(one, filter=None, filter_read=False) for one in account.subscriptions),
    )
    graph = joined.graph(found, written)
    if functions := triggers.destinations_to_read(found, graph, joined.inside_loops(graph)):
        progress("destinations")
        found = _with_destinations(reader, found, account, frozenset(functions))
        graph = joined.graph(found, written)
    # Across wildcards a filter policy would make nothing surer.
    if doubtful := triggers.filters_to_read(found, joined.inside_loops(graph.only(Confidence.A, Confidence.B))):
        progress("filter policies")
        found = _with_filters(reader, found, account, doubtful)
        graph = joined.graph(found, written)
    not_read = tuple(dict.fromkeys((*account.not_read, *reader.not_read)))
    return in_order(replace(found, not_read=not_read)), graph


def _with_destinations(reader: Reader, account: Account, known: Account, functions: frozenset[str]) -> Account:
    """The account with the destinations of these functions, asking for what is not known."""
    operation, member = "list_function_event_invoke_configs", "FunctionEventInvokeConfigs"

    def destinations(function: str) -> list[Destination]:
        found = reader.all("lambda", operation, member, "lambda:ListFunctionEventInvokeConfigs", FunctionName=function)
        return [one for config in found for one in _destinations(config)]

    unknown = sorted(functions - known.destinations_read)
    new = [one for some in reader.each(destinations, unknown, "lambda") for one in some]
    kept = [one for one in known.destinations if triggers.node(one.function) in functions]
    return replace(account, destinations=(*kept, *new), destinations_read=functions)


def _with_filters(reader: Reader, account: Account, known: Account, subscriptions: Collection[Subscription]) -> Account:
    """The account with the filter policies of these subscriptions, asking for what is not known."""
    read = {one.arn: one for one in known.subscriptions if one.filter_read}

    def filtered(subscription: Subscription) -> Subscription:
        action, arn = "sns:GetSubscriptionAttributes", subscription.arn
        answer = reader.one("sns", "get_subscription_attributes", action, SubscriptionArn=arn)
        if answer is None:
            return subscription
        policy = parsed((answer.get("Attributes") or {}).get("FilterPolicy"))
        return replace(subscription, filter=policy, filter_read=True)

    unknown = [one for one in subscriptions if one.arn not in read]
    new = {one.arn: one for one in reader.each(filtered, unknown, "sns")}
    wanted = {one.arn: read.get(one.arn) or new[one.arn] for one in subscriptions}
    return replace(account, subscriptions=tuple(wanted.get(one.arn, one) for one in account.subscriptions))


# --- functions and what triggers them ---------------------------------------------------------------------------------


def _functions(reader: Reader) -> tuple[tuple[Function, ...], dict[str, str]]:
    functions: list[Function] = []
    dead_letters: dict[str, str] = {}
    for one in reader.all("lambda", "list_functions", "Functions", "lambda:ListFunctions"):
        function, target = function_of(one)
        functions.append(function)
        if target:
            dead_letters[function.arn] = target
    return tuple(functions), dead_letters


def function_of(one: Json) -> tuple[Function, str]:
    """Return a function from its configuration, and its dead-letter target, '' if it has none."""
    variables = (one.get("Environment") or {}).get("Variables") or {}
    log_group = (one.get("LoggingConfig") or {}).get("LogGroup", "")
    function = Function(one["FunctionArn"], one["Role"], variables, log_group)
    return function, (one.get("DeadLetterConfig") or {}).get("TargetArn") or ""


def _mappings(reader: Reader) -> tuple[SourceMapping, ...]:
    action = "lambda:ListEventSourceMappings"
    found = reader.all("lambda", "list_event_source_mappings", "EventSourceMappings", action)
    return tuple(map(mapping_of, found))


def mapping_of(one: Json) -> SourceMapping:
    """Return an event source mapping from its configuration."""
    # A filter that is encrypted with a key comes back empty, with an error or with the key.
    filtered = (
        (one.get("FilterCriteria") or {}).get("Filters") or one.get("FilterCriteriaError") or one.get("KMSKeyArn")
    )
    return SourceMapping(
        uuid=one["UUID"],
        source=one.get("EventSourceArn", ""),
        function=one.get("FunctionArn", ""),
        state=one.get("State", ""),
        filtered=bool(filtered),
        on_failure=((one.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination", ""),
    )


def _destinations(config: Json) -> Iterator[Destination]:
    arn = config["FunctionArn"]
    qualifier = arn.split(":")[7] if arn.count(":") > 6 else "$LATEST"
    for when, where in (config.get("DestinationConfig") or {}).items():
        if target := (where or {}).get("Destination"):
            yield Destination(arn, qualifier, when, target)


def _notifications(reader: Reader, region: str) -> tuple[tuple[Notification, ...], tuple[str, ...]]:
    buckets = reader.all("s3", "list_buckets", "Buckets", "s3:ListAllMyBuckets", BucketRegion=region)
    here = [one["Name"] for one in buckets if one.get("BucketRegion", region) == region]

    answers = zip(here, reader.each(partial(configuration, reader), here, "s3"), strict=True)
    arn = f"arn:{reader.client('s3').meta.partition}:s3:::"
    found: list[Notification] = []
    on_bus: list[str] = []
    for bucket, answer in answers:
        found += configured(arn + bucket, answer)
        if sends_to_bus(answer):
            on_bus.append(arn + bucket)
    return tuple(found), tuple(on_bus)


def configuration(reader: Reader, bucket: str) -> Json:
    """Return a bucket's notification configuration, by its name."""
    ask = "get_bucket_notification_configuration"
    return reader.one("s3", ask, "s3:GetBucketNotification", Bucket=bucket) or {}


def sends_to_bus(answer: Json) -> bool:
    """Whether a bucket with such a configuration sends every event to the default bus."""
    return answer.get("EventBridgeConfiguration") is not None


_NOTIFIED = {
    "LambdaFunctionConfigurations": "LambdaFunctionArn",
    "QueueConfigurations": "QueueArn",
    "TopicConfigurations": "TopicArn",
}


def configured(bucket: str, answer: Json) -> Iterator[Notification]:
    """Return a bucket's notifications, by its ARN, from its configuration."""
    for member, target in _NOTIFIED.items():
        for one in answer.get(member) or ():
            rules = (((one.get("Filter") or {}).get("Key")) or {}).get("FilterRules") or ()
            parts = {str(rule.get("Name", "")).lower(): str(rule.get("Value", "")) for rule in rules}
            ends = parts.get("prefix", ""), parts.get("suffix", "")
            yield Notification(bucket, one.get("Id", ""), one[target], tuple(one.get("Events") or ()), *ends)


def _subscriptions(reader: Reader) -> tuple[Subscription, ...]:
    found = reader.all("sns", "list_subscriptions", "Subscriptions", "sns:ListSubscriptions")
    return tuple(map(subscription_of, found))


def subscription_of(one: Json) -> Subscription:
    """Return a subscription as it is listed."""
    return Subscription(one["SubscriptionArn"], one["TopicArn"], one["Protocol"], one.get("Endpoint", ""))


def _rules(reader: Reader) -> tuple[Rule, ...]:
    buses = reader.all("events", "list_event_buses", "EventBuses", "events:ListEventBuses")
    rules = [
        (bus["Arn"], rule, bus["Name"])
        for bus in buses
        for rule in reader.all("events", "list_rules", "Rules", "events:ListRules", EventBusName=bus["Name"])
    ]

    def whole(found: tuple[str, Json, str]) -> Rule:
        bus, rule, bus_name = found
        return rule_of(reader, bus, bus_name, rule)

    return tuple(reader.each(whole, rules, "events"))


def rule_of(reader: Reader, bus: str, bus_name: str, rule: Json) -> Rule:
    """Return a rule of a bus, by the bus's ARN and name, from its description: one call asks for its targets."""
    targets = reader.all("events", "list_targets_by_rule", "Targets", "events:ListTargetsByRule",
                         Rule=rule["Name"], EventBusName=bus_name)  # fmt: skip
    # In an order of their own: a rule is compared with what it was.
    found = tuple(sorted((Target(one["Id"], one["Arn"]) for one in targets), key=attrgetter("id")))
    return Rule(bus, rule["Name"], rule.get("State", "ENABLED"), parsed(rule.get("EventPattern")), found)


def _pipes(reader: Reader) -> tuple[Pipe, ...]:
    return tuple(map(pipe_of, reader.all("pipes", "list_pipes", "Pipes", "pipes:ListPipes")))


def pipe_of(one: Json) -> Pipe:
    """Return a pipe from its description."""
    ends = one.get("Source", ""), one.get("Target", ""), one.get("Enrichment") or ""
    return Pipe(one["Arn"], one.get("CurrentState", ""), *ends)


def _schedules(reader: Reader) -> tuple[Schedule, ...]:
    found = reader.all("scheduler", "list_schedules", "Schedules", "scheduler:ListSchedules")
    return tuple(map(schedule_of, found))


def schedule_of(one: Json) -> Schedule:
    """Return a schedule from its description."""
    return Schedule(one["Arn"], one.get("State", ""), (one.get("Target") or {}).get("Arn", ""))


def _machines(reader: Reader) -> tuple[StateMachine, ...]:
    listed = reader.all("stepfunctions", "list_state_machines", "stateMachines", "states:ListStateMachines")

    def whole(arn: str) -> StateMachine:
        return machine_of(machine(reader, arn) or {"stateMachineArn": arn})

    return tuple(reader.each(whole, [one["stateMachineArn"] for one in listed], "stepfunctions"))


def machine(reader: Reader, arn: str) -> Json | None:
    """Return a state machine's description."""
    return reader.one("stepfunctions", "describe_state_machine", "states:DescribeStateMachine", stateMachineArn=arn)


def machine_of(one: Json) -> StateMachine:
    """Return a state machine from its description."""
    return StateMachine(one["stateMachineArn"], str(one.get("definition") or ""))


def log_subscriptions(reader: Reader, groups: Iterable[str]) -> tuple[LogSubscription, ...]:
    """Return the subscription filters of log groups, one call each.

    Only groups that functions log to matter: to others a function writes only by calls that hardly any makes.
    """

    def of(arn: str) -> list[LogSubscription]:
        found = reader.all("logs", "describe_subscription_filters", "subscriptionFilters",
                           "logs:DescribeSubscriptionFilters", logGroupName=arn.split(":", 6)[6])  # fmt: skip
        return [
            LogSubscription(arn, one["filterName"], one["destinationArn"], bool(one.get("filterPattern")))
            for one in found
        ]

    return tuple(one for some in reader.each(of, sorted(groups), "logs") for one in some)


def queues(reader: Reader, sources: Iterable[str]) -> tuple[dict[str, str], dict[str, ResourcePolicy]]:
    """Return the dead-letter queue and the policy of each queue among what triggers something, one call each."""
    arns = sorted(arn for arn in sources if ":sqs:" in arn)
    redrives: dict[str, str] = {}
    policies: dict[str, ResourcePolicy] = {}

    def attributes(arn: str) -> Json:
        url = "/".join((reader.client("sqs").meta.endpoint_url, *arn.split(":")[4:]))
        names = ["Policy", "RedrivePolicy"]
        answer = reader.one("sqs", "get_queue_attributes", "sqs:GetQueueAttributes", QueueUrl=url, AttributeNames=names)
        return (answer or {}).get("Attributes") or {}

    for arn, found in zip(arns, reader.each(attributes, arns, "sqs"), strict=True):
        target = (parsed(found.get("RedrivePolicy")) or {}).get("deadLetterTargetArn")
        if isinstance(target, str):
            redrives[arn] = target
        if policy := parsed(found.get("Policy")):
            policies[arn] = resource_policy(f"of queue {arn.rpartition(':')[2]}", arn.split(":")[4], policy)
    return redrives, policies


def parsed(text: object) -> dict[str, Any] | None:
    """Return a JSON object from its text, None if there is none."""
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

    def add(self, reader: Reader, arn: str, ask: Callable[[], RolePolicies | None]) -> None:
        """Note a role as read, in part if anything is refused meanwhile."""
        before = len(reader.not_read)
        if (policies := ask()) is not None:
            self.found[arn] = policies
        if len(reader.not_read) > before:
            self.in_part.add(arn)


def _roles(reader: Reader, arns: Iterable[str]) -> _Roles:
    wanted, roles = set(arns), _Roles()
    every = {"Filter": ["Role", "LocalManagedPolicy", "AWSManagedPolicy"]}
    largest = {"PageSize": _LARGEST_PAGE}
    managed: dict[str, object] = {}
    try:
        pages = list(reader.pages("iam", "get_account_authorization_details", PaginationConfig=largest, **every))
    except AWS_ERRORS:
        for arn in sorted(wanted):
            roles.add(reader, arn, partial(single_role, reader, managed, arn))
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
    reader: Reader, managed: dict[str, object], inline: Json, attached: Iterable[Json], role: Json
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


def _known(reader: Reader, managed: dict[str, object], arn: str) -> object:
    """A managed policy's document, asked for once if no list had it."""
    if managed.get(arn) is None:
        managed[arn] = document(reader, arn) or {}
    return managed[arn]


def document(reader: Reader, arn: str) -> object:
    """Return a managed policy's document, None if it may not be read or is gone: two calls."""
    policy = reader.one("iam", "get_policy", "iam:GetPolicy", PolicyArn=arn)
    if policy is None:
        return None
    version = policy["Policy"]["DefaultVersionId"]
    answer = reader.one("iam", "get_policy_version", "iam:GetPolicyVersion", PolicyArn=arn, VersionId=version)
    return (answer or {}).get("PolicyVersion", {}).get("Document")


def single_role(reader: Reader, managed: dict[str, object], arn: str) -> RolePolicies | None:
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
