"""What breaking a loop asks of IAM: each operation its own action on its own resource, or "*" where it has none."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from policy_sentry.querying.actions import get_actions_for_service

from warden.local.emulator import Emulator

from .resources import MEMBER, allow, assumed, create_function, create_queue, create_role, document, trust, until

PLACE = f"us-east-1:{MEMBER}"
FUNCTION = f"arn:aws:lambda:{PLACE}:function:orders"
QUEUE = f"arn:aws:sqs:{PLACE}:source"
NEW_QUEUE = f"arn:aws:sqs:{PLACE}:quarantine"
TAGGED_QUEUE = f"arn:aws:sqs:{PLACE}:tagged"
TOPIC = f"arn:aws:sns:{PLACE}:orders"
BUCKET = "arn:aws:s3:::uploads"
RULE = f"arn:aws:events:{PLACE}:rule/nightly"
OTHER_RULE = f"arn:aws:events:{PLACE}:rule/shop/nightly"
ROLE = f"arn:aws:iam::{MEMBER}:role/orders-role"
SERVICE_ROLE = f"arn:aws:iam::{MEMBER}:role/service"
POLICY = f"arn:aws:iam::{MEMBER}:policy/quarantine-send"
PIPE = f"arn:aws:pipes:{PLACE}:pipe/orders"
SCHEDULE = f"arn:aws:scheduler:{PLACE}:schedule/default/nightly"
MACHINE = f"arn:aws:states:{PLACE}:stateMachine:orders"
LOGS = f"arn:aws:logs:{PLACE}:log-group:/orders:*"
ALARM = f"arn:aws:cloudwatch:{PLACE}:alarm:held"
ANYONE = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
NAMED = {"FunctionName": "orders"}
NIGHTLY = {
    "Name": "nightly",
    "ScheduleExpression": "rate(1 day)",
    "FlexibleTimeWindow": {"Mode": "OFF"},
    "Target": {"Arn": FUNCTION, "RoleArn": SERVICE_ROLE},
}
HELD = {
    "AlarmName": "held",
    "ComparisonOperator": "GreaterThanThreshold",
    "EvaluationPeriods": 1,
    "Threshold": 1,
    "MetricName": "ApproximateAgeOfOldestMessage",
    "Namespace": "AWS/SQS",
    "Period": 60,
    "Statistic": "Maximum",
}


@dataclass(frozen=True)
class World:
    """An account with something of every kind that a loop may be made of."""

    aws: Emulator
    session: boto3.Session
    clients: dict[str, Any]
    url: str
    mapping: str
    subscription: str

    def root(self, service: str) -> Any:
        return self.aws.client(service, MEMBER)

    def allowed(self, service: str, *statements: dict[str, Any]) -> Any:
        """A client whose principal has only these statements, from now on."""
        self.root("iam").put_role_policy(RoleName="tester", PolicyName="only", PolicyDocument=document(*statements))
        if service not in self.clients:
            self.clients[service] = self.session.client(service, endpoint_url=self.aws.endpoint)  # type: ignore[call-overload] # the service is a variable
        return self.clients[service]


Call = Callable[[Any, World], Any]


@dataclass(frozen=True)
class Case:
    """An action of IAM, its resource, and the call that needs it; ``also`` are the statements it needs besides."""

    action: str
    resource: str | Callable[[World], str]
    call: Call
    prepare: Call = lambda _client, _world: None
    also: tuple[dict[str, Any], ...] = ()

    @property
    def service(self) -> str:
        prefix = self.action.split(":")[0]
        return {"states": "stepfunctions"}.get(prefix, prefix)

    def arn(self, world: World) -> str:
        return self.resource if isinstance(self.resource, str) else self.resource(world)


def mapping_arn(world: World) -> str:
    return f"arn:aws:lambda:{PLACE}:event-source-mapping:{world.mapping}"


def settled(client: Any, world: World) -> None:
    until(lambda: client.get_event_source_mapping(UUID=world.mapping)["State"] in ("Enabled", "Disabled"))


def put_config(client: Any, _world: World) -> None:
    client.put_function_event_invoke_config(**NAMED, MaximumRetryAttempts=1)


def put_filter(client: Any, _world: World) -> None:
    client.put_subscription_filter(logGroupName="/orders", filterName="f", filterPattern="", destinationArn=FUNCTION)


def create_quarantine(client: Any, _world: World) -> None:
    client.create_queue(QueueName="quarantine")


def quarantine_url(world: World) -> str:
    return world.url.replace("source", "quarantine")


def subscribe(client: Any, _world: World) -> str:
    answer = client.subscribe(TopicArn=TOPIC, Protocol="sqs", Endpoint=QUEUE, ReturnSubscriptionArn=True)
    return str(answer["SubscriptionArn"])


def pass_role(service: str) -> tuple[dict[str, Any], ...]:
    condition = {"StringEquals": {"iam:PassedToService": f"{service}.amazonaws.com"}}
    return ({**allow("iam:PassRole", resource=SERVICE_ROLE), "Condition": condition},)


FUNCTIONS = [
    Case("lambda:GetFunctionRecursionConfig", FUNCTION, lambda c, _: c.get_function_recursion_config(**NAMED)),
    Case(
        "lambda:PutFunctionRecursionConfig",
        FUNCTION,
        lambda c, _: c.put_function_recursion_config(**NAMED, RecursiveLoop="Terminate"),
    ),
    Case(
        "lambda:UpdateEventSourceMapping",
        mapping_arn,
        lambda c, w: c.update_event_source_mapping(UUID=w.mapping, Enabled=False),
        settled,
    ),
    Case("lambda:GetEventSourceMapping", mapping_arn, lambda c, w: c.get_event_source_mapping(UUID=w.mapping)),
    Case("lambda:ListEventSourceMappings", "*", lambda c, _: c.list_event_source_mappings()),
    Case(
        "lambda:GetFunctionEventInvokeConfig",
        FUNCTION,
        lambda c, _: c.get_function_event_invoke_config(**NAMED),
        put_config,
    ),
    Case("lambda:PutFunctionEventInvokeConfig", FUNCTION, put_config),
    Case(
        "lambda:UpdateFunctionEventInvokeConfig",
        FUNCTION,
        lambda c, _: c.update_function_event_invoke_config(**NAMED, MaximumRetryAttempts=0),
        put_config,
    ),
    Case(
        "lambda:DeleteFunctionEventInvokeConfig",
        FUNCTION,
        lambda c, _: c.delete_function_event_invoke_config(**NAMED),
        put_config,
    ),
    Case(
        "lambda:ListFunctionEventInvokeConfigs",
        FUNCTION,
        lambda c, _: c.list_function_event_invoke_configs(**NAMED),
    ),
    Case(
        "lambda:PutFunctionConcurrency",
        FUNCTION,
        lambda c, _: c.put_function_concurrency(**NAMED, ReservedConcurrentExecutions=2),
    ),
    Case("lambda:GetFunctionConcurrency", FUNCTION, lambda c, _: c.get_function_concurrency(**NAMED)),
    Case("lambda:DeleteFunctionConcurrency", FUNCTION, lambda c, _: c.delete_function_concurrency(**NAMED)),
    Case("lambda:InvokeFunction", FUNCTION, lambda c, _: c.invoke(**NAMED, InvocationType="Event")),
    Case("lambda:ListTags", FUNCTION, lambda c, _: c.list_tags(Resource=FUNCTION)),
]
EVENTS = [
    Case("events:PutTargets", RULE, lambda c, _: c.put_targets(Rule="nightly", Targets=[{"Id": "1", "Arn": QUEUE}])),
    Case(
        "events:PutTargets",
        OTHER_RULE,
        lambda c, _: c.put_targets(Rule="nightly", EventBusName="shop", Targets=[{"Id": "1", "Arn": QUEUE}]),
    ),
    Case("events:RemoveTargets", RULE, lambda c, _: c.remove_targets(Rule="nightly", Ids=["1"])),
    Case(
        "events:RemoveTargets",
        OTHER_RULE,
        lambda c, _: c.remove_targets(Rule="nightly", EventBusName="shop", Ids=["1"]),
    ),
    Case("events:ListTargetsByRule", RULE, lambda c, _: c.list_targets_by_rule(Rule="nightly")),
    Case("events:DescribeRule", OTHER_RULE, lambda c, _: c.describe_rule(Name="nightly", EventBusName="shop")),
    Case("events:ListRules", "*", lambda c, _: c.list_rules(EventBusName="shop")),
    Case("events:ListEventBuses", "*", lambda c, _: c.list_event_buses()),
]
MESSAGES = [
    Case("sns:Subscribe", TOPIC, subscribe),
    Case("sns:Unsubscribe", "*", lambda c, w: c.unsubscribe(SubscriptionArn=subscribe(w.root("sns"), w))),
    Case(
        "sns:GetSubscriptionAttributes",
        "*",
        lambda c, w: c.get_subscription_attributes(SubscriptionArn=subscribe(w.root("sns"), w)),
    ),
    Case(
        "sns:SetSubscriptionAttributes",
        "*",
        lambda c, w: c.set_subscription_attributes(
            SubscriptionArn=subscribe(w.root("sns"), w), AttributeName="RawMessageDelivery", AttributeValue="true"
        ),
    ),
    Case("sns:ListSubscriptionsByTopic", TOPIC, lambda c, _: c.list_subscriptions_by_topic(TopicArn=TOPIC)),
    Case("sns:ListSubscriptions", "*", lambda c, _: c.list_subscriptions()),
    Case("s3:GetBucketNotification", BUCKET, lambda c, _: c.get_bucket_notification_configuration(Bucket="uploads")),
    Case(
        "s3:PutBucketNotification",
        BUCKET,
        lambda c, _: c.put_bucket_notification_configuration(Bucket="uploads", NotificationConfiguration={}),
    ),
    Case("s3:ListAllMyBuckets", "*", lambda c, _: c.list_buckets()),
    Case("sqs:CreateQueue", NEW_QUEUE, create_quarantine),
    Case(
        "sqs:CreateQueue",
        TAGGED_QUEUE,
        lambda c, _: c.create_queue(QueueName="tagged", tags={"loop": "1"}),
        also=(allow("sqs:TagQueue", resource=TAGGED_QUEUE),),
    ),
    Case("sqs:DeleteQueue", NEW_QUEUE, lambda c, w: c.delete_queue(QueueUrl=quarantine_url(w)), create_quarantine),
    Case("sqs:GetQueueUrl", QUEUE, lambda c, _: c.get_queue_url(QueueName="source")),
    Case("sqs:GetQueueAttributes", QUEUE, lambda c, w: c.get_queue_attributes(QueueUrl=w.url)),
    Case(
        "sqs:SetQueueAttributes",
        QUEUE,
        lambda c, w: c.set_queue_attributes(QueueUrl=w.url, Attributes={"VisibilityTimeout": "30"}),
    ),
    Case("sqs:SendMessage", QUEUE, lambda c, w: c.send_message(QueueUrl=w.url, MessageBody="m")),
    Case("sqs:ReceiveMessage", QUEUE, lambda c, w: c.receive_message(QueueUrl=w.url)),
    Case(
        "sqs:DeleteMessage",
        QUEUE,
        lambda c, w: c.delete_message(QueueUrl=w.url, ReceiptHandle="01234567-0123-0123-0123-0123456789ab"),
    ),
    Case("sqs:TagQueue", QUEUE, lambda c, w: c.tag_queue(QueueUrl=w.url, Tags={"a": "b"})),
]
ROLES = [
    Case("iam:AttachRolePolicy", ROLE, lambda c, _: c.attach_role_policy(RoleName="orders-role", PolicyArn=POLICY)),
    Case(
        "iam:DetachRolePolicy",
        ROLE,
        lambda c, _: c.detach_role_policy(RoleName="orders-role", PolicyArn=POLICY),
        lambda c, _: c.attach_role_policy(RoleName="orders-role", PolicyArn=POLICY),
    ),
    Case("iam:ListAttachedRolePolicies", ROLE, lambda c, _: c.list_attached_role_policies(RoleName="orders-role")),
    Case(
        "iam:SimulatePrincipalPolicy",
        ROLE,
        lambda c, _: c.simulate_principal_policy(PolicySourceArn=ROLE, ActionNames=["sqs:SendMessage"]),
    ),
    Case("iam:GetRole", ROLE, lambda c, _: c.get_role(RoleName="orders-role")),
    Case("iam:GetRolePolicy", ROLE, lambda c, _: c.get_role_policy(RoleName="orders-role", PolicyName="inline")),
    Case("iam:ListRolePolicies", ROLE, lambda c, _: c.list_role_policies(RoleName="orders-role")),
    Case("iam:GetPolicy", POLICY, lambda c, _: c.get_policy(PolicyArn=POLICY)),
    Case("iam:GetPolicyVersion", POLICY, lambda c, _: c.get_policy_version(PolicyArn=POLICY, VersionId="v1")),
    Case("iam:GetAccountAuthorizationDetails", "*", lambda c, _: c.get_account_authorization_details()),
]
OTHERS = [
    Case("pipes:StopPipe", PIPE, lambda c, _: c.stop_pipe(Name="orders"), lambda c, _: started(c)),
    Case("pipes:StartPipe", PIPE, lambda c, _: c.start_pipe(Name="orders"), lambda c, _: stopped(c)),
    Case("pipes:DescribePipe", PIPE, lambda c, _: c.describe_pipe(Name="orders")),
    Case("pipes:ListPipes", "*", lambda c, _: c.list_pipes()),
    Case(
        "pipes:UpdatePipe",
        PIPE,
        lambda c, _: c.update_pipe(Name="orders", RoleArn=SERVICE_ROLE),
        also=pass_role("pipes"),
    ),
    Case("scheduler:GetSchedule", SCHEDULE, lambda c, _: c.get_schedule(Name="nightly")),
    Case(
        "scheduler:UpdateSchedule",
        SCHEDULE,
        lambda c, _: c.update_schedule(**NIGHTLY),
        also=pass_role("scheduler"),
    ),
    Case("scheduler:ListSchedules", "*", lambda c, _: c.list_schedules()),
    Case(
        "logs:DescribeSubscriptionFilters", LOGS, lambda c, _: c.describe_subscription_filters(logGroupName="/orders")
    ),
    Case("logs:PutSubscriptionFilter", LOGS, put_filter),
    Case(
        "logs:DeleteSubscriptionFilter",
        LOGS,
        lambda c, _: c.delete_subscription_filter(logGroupName="/orders", filterName="f"),
        put_filter,
    ),
    Case(
        "cloudwatch:GetMetricData",
        "*",
        lambda c, _: c.get_metric_data(MetricDataQueries=[], StartTime=0, EndTime=60),
    ),
    Case("cloudwatch:PutMetricAlarm", ALARM, lambda c, _: c.put_metric_alarm(**HELD)),
    Case(
        "cloudwatch:DeleteAlarms",
        ALARM,
        lambda c, _: c.delete_alarms(AlarmNames=["held"]),
        lambda c, _: c.put_metric_alarm(**HELD),
    ),
    Case("states:ListStateMachines", "*", lambda c, _: c.list_state_machines()),
    Case("states:DescribeStateMachine", MACHINE, lambda c, _: c.describe_state_machine(stateMachineArn=MACHINE)),
]
CASES = [*FUNCTIONS, *EVENTS, *MESSAGES, *ROLES, *OTHERS]


def started(client: Any) -> None:
    if client.describe_pipe(Name="orders")["DesiredState"] != "RUNNING":
        client.start_pipe(Name="orders")


def stopped(client: Any) -> None:
    if client.describe_pipe(Name="orders")["DesiredState"] != "STOPPED":
        client.stop_pipe(Name="orders")


@pytest.fixture(scope="module")
def world(shared_emulator: Emulator) -> Iterator[World]:
    aws = shared_emulator
    aws.reset()
    aws.configure(pending_seconds=0, update_seconds=0, mapping_seconds=0)
    create_queue(aws, MEMBER, "source")
    create_function(aws, MEMBER, "orders", allowed=["sqs:*"])
    trusts = [trust(f"{service}.amazonaws.com") for service in ("pipes", "scheduler", "states")]
    create_role(aws, MEMBER, "service", allow("sqs:*", "lambda:*"), trusts=trusts)
    client = aws.client("lambda", MEMBER)
    client.add_permission(
        FunctionName="orders", StatementId="logs", Action="lambda:InvokeFunction", Principal="logs.amazonaws.com"
    )
    mapping = client.create_event_source_mapping(**NAMED, EventSourceArn=QUEUE, Enabled=False)["UUID"]
    sns, events = aws.client("sns", MEMBER), aws.client("events", MEMBER)
    sns.create_topic(Name="orders")
    subscription = sns.subscribe(TopicArn=TOPIC, Protocol="lambda", Endpoint=FUNCTION)["SubscriptionArn"]
    events.create_event_bus(Name="shop")
    for bus in ("default", "shop"):
        events.put_rule(Name="nightly", EventBusName=bus, EventPattern='{"source": ["orders"]}')
    aws.client("s3", MEMBER).create_bucket(Bucket="uploads")
    pipe = {"Name": "orders", "Source": QUEUE, "Target": FUNCTION, "RoleArn": SERVICE_ROLE}
    aws.client("pipes", MEMBER).create_pipe(**pipe, DesiredState="STOPPED")
    aws.client("scheduler", MEMBER).create_schedule(**NIGHTLY)
    definition = '{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}'
    aws.client("stepfunctions", MEMBER).create_state_machine(name="orders", definition=definition, roleArn=SERVICE_ROLE)
    aws.client("logs", MEMBER).create_log_group(logGroupName="/orders")
    aws.client("iam", MEMBER).create_policy(
        PolicyName="quarantine-send", PolicyDocument=document(allow("sqs:SendMessage"))
    )
    session = assumed(aws, MEMBER, create_role(aws, MEMBER, "tester", trusts=[ANYONE]), "tests")
    url = aws.client("sqs", MEMBER).get_queue_url(QueueName="source")["QueueUrl"]
    yield World(aws, session, {}, url, mapping, subscription)
    aws.reset()


def name_of(case: Case) -> str:
    return f"{case.action}{'-also' if case.also else ''}"


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_works_with_exactly_its_action_on_its_resource(world: World, case: Case) -> None:
    case.prepare(world.root(case.service), world)
    case.call(world.allowed(case.service, allow(case.action, resource=case.arn(world)), *case.also), world)


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_is_denied_with_every_other_action_and_its_own_on_another_resource(world: World, case: Case) -> None:
    case.prepare(world.root(case.service), world)
    statements = [{"Effect": "Allow", "NotAction": [case.action], "Resource": "*"}]
    if case.arn(world) != "*":
        statements.append(allow(case.action, resource=case.arn(world).rstrip("*") + "-other"))
    client = world.allowed(case.service, *statements)
    with pytest.raises(ClientError) as denied:
        case.call(client, world)
    assert denied.value.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException", "AuthorizationError")


@pytest.mark.parametrize("case", [case for case in CASES if case.also], ids=name_of)
def test_is_denied_without_what_it_needs_besides(world: World, case: Case) -> None:
    case.prepare(world.root(case.service), world)
    client = world.allowed(case.service, allow(case.action, resource=case.arn(world)))
    with pytest.raises(ClientError, match=f"(?i)perform: {case.also[0]['Action'][0]} on"):
        case.call(client, world)


@pytest.mark.parametrize("operation", ["attach_role_policy", "detach_role_policy"])
def test_one_policy_only_may_be_attached(world: World, operation: str) -> None:
    action = "iam:AttachRolePolicy" if operation.startswith("attach") else "iam:DetachRolePolicy"
    statement = {**allow(action, resource=ROLE), "Condition": {"ArnEquals": {"iam:PolicyARN": POLICY}}}
    world.root("iam").attach_role_policy(RoleName="orders-role", PolicyArn=POLICY)
    client = world.allowed("iam", statement)
    getattr(client, operation)(RoleName="orders-role", PolicyArn=POLICY)
    with pytest.raises(ClientError, match="is not authorized to perform"):
        getattr(client, operation)(RoleName="orders-role", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")


def test_subscriptions_may_be_limited_to_a_protocol(world: World) -> None:
    statement = {**allow("sns:Subscribe", resource=TOPIC), "Condition": {"StringEquals": {"sns:Protocol": "sqs"}}}
    client = world.allowed("sns", statement)
    subscribe(client, world)
    with pytest.raises(ClientError, match="is not authorized to perform"):
        client.subscribe(TopicArn=TOPIC, Protocol="lambda", Endpoint=FUNCTION)


def test_action_names_are_those_of_the_service_authorization_reference() -> None:
    published = {
        action
        for service in {case.action.split(":")[0] for case in CASES}
        for action in get_actions_for_service(service)
    }
    assert {case.action for case in CASES} <= published
