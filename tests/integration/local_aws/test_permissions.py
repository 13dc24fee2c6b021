"""Every operation needs exactly its own IAM action, on its own resource, and a denial names both."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from policy_sentry.querying.actions import get_actions_for_service

from warden.local.emulator import Emulator

from .resources import (
    HUB,
    MEMBER,
    ORGANIZATION,
    allow,
    assumed,
    code,
    create_function,
    create_queue,
    create_role,
    document,
    until,
)

PLACE = f"us-east-1:{MEMBER}"
FUNCTION = f"arn:aws:lambda:{PLACE}:function:orders"
QUEUE = f"arn:aws:sqs:{PLACE}:source"
TABLE = f"arn:aws:dynamodb:{PLACE}:table/state"
RULE = f"arn:aws:events:{PLACE}:rule/nightly"
BUS = f"arn:aws:events:{PLACE}:event-bus/default"
ALARM = f"arn:aws:cloudwatch:{PLACE}:alarm:throttles"
ROLE = f"arn:aws:iam::{MEMBER}:role/service/orders-role"
LOGS = f"arn:aws:logs:{PLACE}:log-group:/aws/lambda/orders:*"
ANYONE = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
KEY = {"id": {"S": "1"}}


@dataclass(frozen=True)
class World:
    """An account with one of everything, and names that only exist after it was made."""

    aws: Emulator
    queue_url: str
    mapping: str
    secret: str
    layer: str
    # One assumed session per account, whose role's policy each test replaces; making clients is what is slow.
    sessions: dict[str, boto3.Session]
    clients: dict[tuple[str, str], Any] = field(default_factory=dict)


Call = Callable[[Any, World], Any]


@dataclass(frozen=True)
class Case:
    """An operation of a service, the action it needs and the ARN (or a function of the world that gives it)."""

    service: str
    action: str
    resource: str | Callable[[World], str]
    call: Call
    prepare: Call | None = None
    account: str = MEMBER

    def arn(self, world: World) -> str:
        return self.resource if isinstance(self.resource, str) else self.resource(world)


def mapping_arn(world: World) -> str:
    return f"arn:aws:lambda:{PLACE}:event-source-mapping:{world.mapping}"


def add_permission(c: Any, _: World) -> None:
    c.add_permission(
        FunctionName="orders", StatementId="x", Action="lambda:InvokeFunction", Principal="sns.amazonaws.com"
    )


def remove_permission(c: Any, _: World) -> None:
    c.remove_permission(FunctionName="orders", StatementId="x")


def without_permission(c: Any, world: World) -> None:
    with suppress(c.exceptions.ResourceNotFoundException):
        remove_permission(c, world)


def with_permission(c: Any, world: World) -> None:
    without_permission(c, world)
    add_permission(c, world)


def settled(c: Any, _: World) -> None:
    until(lambda: c.get_function(FunctionName="orders")["Configuration"]["LastUpdateStatus"] == "Successful")


def received(world: World) -> str:
    """The receipt handle of a message that was just sent and received."""
    sqs = world.aws.client("sqs", MEMBER)
    sqs.send_message(QueueUrl=world.queue_url, MessageBody="m")
    return str(sqs.receive_message(QueueUrl=world.queue_url)["Messages"][0]["ReceiptHandle"])


NAMED = {"FunctionName": "orders"}
LAMBDA = [
    Case("lambda", "GetFunction", FUNCTION, lambda c, _: c.get_function(**NAMED)),
    Case("lambda", "GetFunction", f"{FUNCTION}:live", lambda c, _: c.get_function(**NAMED, Qualifier="live")),
    Case(
        "lambda", "GetFunctionConfiguration", FUNCTION, lambda c, _: c.get_function_configuration(FunctionName=FUNCTION)
    ),
    Case("lambda", "GetFunctionConcurrency", FUNCTION, lambda c, _: c.get_function_concurrency(**NAMED)),
    Case(
        "lambda",
        "PutFunctionConcurrency",
        FUNCTION,
        lambda c, _: c.put_function_concurrency(**NAMED, ReservedConcurrentExecutions=2),
    ),
    Case("lambda", "DeleteFunctionConcurrency", FUNCTION, lambda c, _: c.delete_function_concurrency(**NAMED)),
    Case("lambda", "GetAccountSettings", "*", lambda c, _: c.get_account_settings()),
    Case("lambda", "ListFunctions", "*", lambda c, _: c.list_functions()),
    Case(
        "lambda",
        "UpdateFunctionConfiguration",
        FUNCTION,
        lambda c, _: c.update_function_configuration(**NAMED, Timeout=9),
        settled,
    ),
    Case(
        "lambda",
        "UpdateFunctionCode",
        FUNCTION,
        lambda c, _: c.update_function_code(**NAMED, ZipFile=code("def handler(e, c): pass")),
        settled,
    ),
    Case("lambda", "GetFunctionRecursionConfig", FUNCTION, lambda c, _: c.get_function_recursion_config(**NAMED)),
    Case(
        "lambda",
        "PutFunctionRecursionConfig",
        FUNCTION,
        lambda c, _: c.put_function_recursion_config(**NAMED, RecursiveLoop="Terminate"),
    ),
    Case("lambda", "GetFunctionEventInvokeConfig", FUNCTION, lambda c, _: c.get_function_event_invoke_config(**NAMED)),
    Case(
        "lambda", "ListFunctionEventInvokeConfigs", FUNCTION, lambda c, _: c.list_function_event_invoke_configs(**NAMED)
    ),
    Case(
        "lambda",
        "PutFunctionEventInvokeConfig",
        FUNCTION,
        lambda c, _: c.put_function_event_invoke_config(**NAMED, MaximumRetryAttempts=1),
    ),
    Case(
        "lambda",
        "UpdateFunctionEventInvokeConfig",
        FUNCTION,
        lambda c, _: c.update_function_event_invoke_config(**NAMED, MaximumRetryAttempts=1),
    ),
    Case("lambda", "ListEventSourceMappings", "*", lambda c, _: c.list_event_source_mappings(**NAMED)),
    Case("lambda", "GetEventSourceMapping", mapping_arn, lambda c, w: c.get_event_source_mapping(UUID=w.mapping)),
    Case(
        "lambda",
        "UpdateEventSourceMapping",
        mapping_arn,
        lambda c, w: c.update_event_source_mapping(UUID=w.mapping, Enabled=False),
    ),
    Case(
        "lambda",
        "CreateEventSourceMapping",
        "*",
        lambda c, _: c.create_event_source_mapping(**NAMED, EventSourceArn=QUEUE, Enabled=False),
    ),
    Case("lambda", "ListAliases", FUNCTION, lambda c, _: c.list_aliases(**NAMED)),
    Case("lambda", "GetAlias", FUNCTION, lambda c, _: c.get_alias(**NAMED, Name="live")),
    Case("lambda", "UpdateAlias", FUNCTION, lambda c, _: c.update_alias(**NAMED, Name="live", FunctionVersion="1")),
    Case("lambda", "ListVersionsByFunction", FUNCTION, lambda c, _: c.list_versions_by_function(**NAMED)),
    Case("lambda", "PublishVersion", FUNCTION, lambda c, _: c.publish_version(**NAMED), settled),
    Case("lambda", "GetFunctionUrlConfig", FUNCTION, lambda c, _: c.get_function_url_config(**NAMED)),
    Case("lambda", "ListFunctionUrlConfigs", FUNCTION, lambda c, _: c.list_function_url_configs(**NAMED)),
    Case(
        "lambda",
        "UpdateFunctionUrlConfig",
        FUNCTION,
        lambda c, _: c.update_function_url_config(**NAMED, AuthType="AWS_IAM"),
    ),
    Case(
        "lambda",
        "ListProvisionedConcurrencyConfigs",
        FUNCTION,
        lambda c, _: c.list_provisioned_concurrency_configs(**NAMED),
    ),
    Case(
        "lambda",
        "GetProvisionedConcurrencyConfig",
        f"{FUNCTION}:live",
        lambda c, _: c.get_provisioned_concurrency_config(**NAMED, Qualifier="live"),
    ),
    Case(
        "lambda",
        "PutProvisionedConcurrencyConfig",
        f"{FUNCTION}:live",
        lambda c, _: c.put_provisioned_concurrency_config(**NAMED, Qualifier="live", ProvisionedConcurrentExecutions=1),
    ),
    Case("lambda", "ListTags", FUNCTION, lambda c, _: c.list_tags(Resource=FUNCTION)),
    Case("lambda", "TagResource", FUNCTION, lambda c, _: c.tag_resource(Resource=FUNCTION, Tags={"a": "b"}), settled),
    Case("lambda", "UntagResource", FUNCTION, lambda c, _: c.untag_resource(Resource=FUNCTION, TagKeys=["a"]), settled),
    Case("lambda", "AddPermission", FUNCTION, add_permission, without_permission),
    Case("lambda", "RemovePermission", FUNCTION, remove_permission, with_permission),
    Case("lambda", "GetPolicy", FUNCTION, lambda c, _: c.get_policy(**NAMED), with_permission),
    Case("lambda", "GetLayerVersion", lambda w: w.layer, lambda c, w: c.get_layer_version_by_arn(Arn=w.layer)),
    Case(
        "lambda",
        "GetLayerVersion",
        lambda w: w.layer,
        lambda c, _: c.get_layer_version(LayerName="common", VersionNumber=1),
    ),
    Case("lambda", "ListLayers", "*", lambda c, _: c.list_layers()),
    Case("lambda", "GetFunctionCodeSigningConfig", FUNCTION, lambda c, _: c.get_function_code_signing_config(**NAMED)),
    Case("lambda", "InvokeFunction", FUNCTION, lambda c, _: c.invoke(**NAMED)),
    Case("lambda", "InvokeFunction", f"{FUNCTION}:live", lambda c, _: c.invoke(**NAMED, Qualifier="live")),
]
MESSAGING = [
    Case("sqs", "SendMessage", QUEUE, lambda c, w: c.send_message(QueueUrl=w.queue_url, MessageBody="m")),
    Case(
        "sqs",
        "SendMessage",
        QUEUE,
        lambda c, w: c.send_message_batch(QueueUrl=w.queue_url, Entries=[{"Id": "1", "MessageBody": "m"}]),
    ),
    Case("sqs", "ReceiveMessage", QUEUE, lambda c, w: c.receive_message(QueueUrl=w.queue_url)),
    Case("sqs", "DeleteMessage", QUEUE, lambda c, w: c.delete_message(QueueUrl=w.queue_url, ReceiptHandle=received(w))),
    Case(
        "sqs",
        "ChangeMessageVisibility",
        QUEUE,
        lambda c, w: c.change_message_visibility(QueueUrl=w.queue_url, ReceiptHandle=received(w), VisibilityTimeout=60),
    ),
    Case(
        "sqs",
        "GetQueueAttributes",
        QUEUE,
        lambda c, w: c.get_queue_attributes(QueueUrl=w.queue_url, AttributeNames=["All"]),
    ),
    Case("sqs", "GetQueueUrl", QUEUE, lambda c, _: c.get_queue_url(QueueName="source")),
    Case(
        "events",
        "PutEvents",
        BUS,
        lambda c, _: c.put_events(Entries=[{"Source": "s", "DetailType": "d", "Detail": "{}"}]),
    ),
    Case("events", "PutRule", RULE, lambda c, _: c.put_rule(Name="nightly", ScheduleExpression="rate(1 day)")),
    Case("events", "PutTargets", RULE, lambda c, _: c.put_targets(Rule="nightly", Targets=[{"Id": "1", "Arn": QUEUE}])),
    Case("events", "ListTargetsByRule", RULE, lambda c, _: c.list_targets_by_rule(Rule="nightly")),
    Case("events", "DescribeRule", RULE, lambda c, _: c.describe_rule(Name="nightly")),
    Case("events", "DisableRule", RULE, lambda c, _: c.disable_rule(Name="nightly")),
    Case("events", "ListRules", "*", lambda c, _: c.list_rules()),
    Case("events", "ListRuleNamesByTarget", "*", lambda c, _: c.list_rule_names_by_target(TargetArn=QUEUE)),
    Case("events", "DescribeEventBus", BUS, lambda c, _: c.describe_event_bus()),
    Case("sns", "ListSubscriptions", "*", lambda c, _: c.list_subscriptions()),
]
STATE = [
    Case("dynamodb", "GetItem", TABLE, lambda c, _: c.get_item(TableName="state", Key=KEY)),
    Case("dynamodb", "PutItem", TABLE, lambda c, _: c.put_item(TableName="state", Item=KEY)),
    Case("dynamodb", "DeleteItem", TABLE, lambda c, _: c.delete_item(TableName="state", Key=KEY)),
    Case(
        "dynamodb",
        "UpdateItem",
        TABLE,
        lambda c, _: c.update_item(
            TableName="state", Key=KEY, UpdateExpression="SET n = :n", ExpressionAttributeValues={":n": {"N": "1"}}
        ),
    ),
    Case(
        "dynamodb",
        "Query",
        TABLE,
        lambda c, _: c.query(
            TableName="state", KeyConditionExpression="id = :i", ExpressionAttributeValues={":i": {"S": "1"}}
        ),
    ),
    Case(
        "dynamodb",
        "Query",
        f"{TABLE}/index/by-n",
        lambda c, _: c.query(
            TableName="state",
            IndexName="by-n",
            KeyConditionExpression="n = :n",
            ExpressionAttributeValues={":n": {"N": "1"}},
        ),
    ),
    Case("dynamodb", "Scan", TABLE, lambda c, _: c.scan(TableName="state")),
    Case("dynamodb", "BatchGetItem", TABLE, lambda c, _: c.batch_get_item(RequestItems={"state": {"Keys": [KEY]}})),
    Case(
        "dynamodb",
        "BatchWriteItem",
        TABLE,
        lambda c, _: c.batch_write_item(RequestItems={"state": [{"PutRequest": {"Item": KEY}}]}),
    ),
    Case("dynamodb", "DescribeTable", TABLE, lambda c, _: c.describe_table(TableName="state")),
    Case("secretsmanager", "GetSecretValue", lambda w: w.secret, lambda c, _: c.get_secret_value(SecretId="db")),
    Case("secretsmanager", "DescribeSecret", lambda w: w.secret, lambda c, _: c.describe_secret(SecretId="db")),
    Case(
        "secretsmanager",
        "PutSecretValue",
        lambda w: w.secret,
        lambda c, _: c.put_secret_value(SecretId="db", SecretString="v"),
    ),
    Case(
        "secretsmanager",
        "TagResource",
        lambda w: w.secret,
        lambda c, _: c.tag_resource(SecretId="db", Tags=[{"Key": "a", "Value": "b"}]),
    ),
    Case("secretsmanager", "ListSecrets", "*", lambda c, _: c.list_secrets()),
]
READING = [
    Case(
        "cloudwatch",
        "GetMetricData",
        "*",
        lambda c, _: c.get_metric_data(MetricDataQueries=[], StartTime=0, EndTime=60),
    ),
    Case(
        "cloudwatch",
        "PutMetricData",
        "*",
        lambda c, _: c.put_metric_data(Namespace="N", MetricData=[{"MetricName": "m", "Value": 1}]),
    ),
    Case("cloudwatch", "DescribeAlarms", f"arn:aws:cloudwatch:{PLACE}:alarm:*", lambda c, _: c.describe_alarms()),
    Case(
        "cloudwatch",
        "SetAlarmState",
        ALARM,
        lambda c, _: c.set_alarm_state(AlarmName="throttles", StateValue="OK", StateReason="r"),
    ),
    Case(
        "cloudwatch",
        "ListTagsForResource",
        ALARM,
        lambda c, _: c.list_tags_for_resource(ResourceARN=ALARM),
    ),
    Case("logs", "FilterLogEvents", LOGS, lambda c, _: c.filter_log_events(logGroupName="/aws/lambda/orders")),
    Case("logs", "DescribeLogStreams", LOGS, lambda c, _: c.describe_log_streams(logGroupName="/aws/lambda/orders")),
    Case("logs", "DescribeLogGroups", f"arn:aws:logs:{PLACE}:log-group:*", lambda c, _: c.describe_log_groups()),
    Case("iam", "GetRole", ROLE, lambda c, _: c.get_role(RoleName="orders-role")),
    Case("iam", "ListRolePolicies", ROLE, lambda c, _: c.list_role_policies(RoleName="orders-role")),
    Case("iam", "ListAttachedRolePolicies", ROLE, lambda c, _: c.list_attached_role_policies(RoleName="orders-role")),
    Case(
        "iam",
        "PutRolePolicy",
        ROLE,
        lambda c, _: c.put_role_policy(RoleName="orders-role", PolicyName="p", PolicyDocument=document(allow("sqs:*"))),
    ),
    Case("iam", "GetRolePolicy", ROLE, lambda c, _: c.get_role_policy(RoleName="orders-role", PolicyName="kept")),
    Case("ec2", "DescribeSubnets", "*", lambda c, _: c.describe_subnets()),
    Case("ec2", "DescribeRouteTables", "*", lambda c, _: c.describe_route_tables()),
    Case("ec2", "DescribeVpcEndpoints", "*", lambda c, _: c.describe_vpc_endpoints()),
    Case("ec2", "DescribeNetworkInterfaces", "*", lambda c, _: c.describe_network_interfaces()),
    Case(
        "s3",
        "GetBucketNotification",
        "arn:aws:s3:::uploads",
        lambda c, _: c.get_bucket_notification_configuration(Bucket="uploads"),
    ),
    Case("resourcegroupstaggingapi", "GetResources", "*", lambda c, _: c.get_resources()),
    Case("organizations", "ListAccounts", "*", lambda c, _: c.list_accounts(), account=HUB),
    Case("organizations", "ListRoots", "*", lambda c, _: c.list_roots(), account=HUB),
    Case("organizations", "DescribeOrganization", "*", lambda c, _: c.describe_organization(), account=HUB),
    Case(
        "organizations",
        "ListOrganizationalUnitsForParent",
        "arn:aws:organizations::000000000001:root/o-exampleorg1/r-root",
        lambda c, _: c.list_organizational_units_for_parent(ParentId="r-root"),
        account=HUB,
    ),
    Case(
        "organizations",
        "ListAccountsForParent",
        "arn:aws:organizations::000000000001:ou/o-exampleorg1/ou-root-orders",
        lambda c, _: c.list_accounts_for_parent(ParentId="ou-root-orders"),
        account=HUB,
    ),
    Case(
        "organizations",
        "ListParents",
        f"arn:aws:organizations::000000000001:account/o-exampleorg1/{MEMBER}",
        lambda c, _: c.list_parents(ChildId=MEMBER),
        account=HUB,
    ),
    Case(
        "sts",
        "AssumeRole",
        f"arn:aws:iam::{MEMBER}:role/target",
        lambda c, _: c.assume_role(RoleArn=f"arn:aws:iam::{MEMBER}:role/target", RoleSessionName="tests"),
        account=HUB,
    ),
]
CASES = [*LAMBDA, *MESSAGING, *STATE, *READING]
PREFIXES = {"resourcegroupstaggingapi": "tag"}


def name_of(case: Case) -> str:
    qualified = "" if not isinstance(case.resource, str) else case.resource.rsplit(":", 1)[-1]
    return f"{case.service}-{case.action}-{qualified}"


@pytest.fixture(scope="module")
def world(shared_emulator: Emulator) -> Iterator[World]:
    aws = shared_emulator
    aws.reset()
    aws.configure(organization=ORGANIZATION, pending_seconds=0, update_seconds=0)
    iam = aws.client("iam", MEMBER)
    lambda_trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    iam.create_role(RoleName="orders-role", Path="/service/", AssumeRolePolicyDocument=document(lambda_trust))
    iam.put_role_policy(RoleName="orders-role", PolicyName="kept", PolicyDocument=document(allow("sqs:*")))
    create_role(aws, MEMBER, "target", allow("lambda:*"), trusts=[ANYONE])
    create_queue(aws, MEMBER, "source")
    client = aws.client("lambda", MEMBER)
    create_function(aws, MEMBER, "orders", Role=ROLE)
    client.publish_version(**NAMED)
    client.create_alias(**NAMED, Name="live", FunctionVersion="1")
    client.create_function_url_config(**NAMED, AuthType="AWS_IAM")
    client.put_function_event_invoke_config(**NAMED, MaximumRetryAttempts=1)
    client.put_provisioned_concurrency_config(**NAMED, Qualifier="live", ProvisionedConcurrentExecutions=1)
    client.invoke(**NAMED)
    mapping = client.create_event_source_mapping(**NAMED, EventSourceArn=QUEUE, Enabled=False)["UUID"]
    layer = client.publish_layer_version(LayerName="common", Content={"ZipFile": code("x = 1")})["LayerVersionArn"]
    aws.client("dynamodb", MEMBER).create_table(
        TableName="state",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[
            {"AttributeName": "id", "AttributeType": "S"},
            {"AttributeName": "n", "AttributeType": "N"},
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by-n",
                "KeySchema": [{"AttributeName": "n", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    secret = aws.client("secretsmanager", MEMBER).create_secret(Name="db", SecretString="v")["ARN"]
    aws.client("events", MEMBER).put_rule(Name="nightly", ScheduleExpression="rate(1 day)")
    aws.client("s3", MEMBER).create_bucket(Bucket="uploads")
    aws.client("cloudwatch", MEMBER).put_metric_alarm(
        AlarmName="throttles", ComparisonOperator="GreaterThanThreshold", EvaluationPeriods=1, Threshold=1,
        MetricName="Throttles", Namespace="AWS/Lambda", Period=60, Statistic="Sum",
    )  # fmt: skip
    url = aws.client("sqs", MEMBER).get_queue_url(QueueName="source")["QueueUrl"]
    sessions = {
        account: assumed(aws, account, create_role(aws, account, "tester", trusts=[ANYONE]), "tests")
        for account in (MEMBER, HUB)
    }
    yield World(aws, url, mapping, secret, layer, sessions)
    aws.reset()


def acting_with(world: World, case: Case, *statements: dict[str, Any]) -> Any:
    """A client whose principal has only these statements, from now on."""
    iam = world.aws.client("iam", case.account)
    iam.put_role_policy(RoleName="tester", PolicyName="only", PolicyDocument=document(*statements))
    key = (case.service, case.account)
    if key not in world.clients:
        session = world.sessions[case.account]
        world.clients[key] = session.client(case.service, endpoint_url=world.aws.endpoint)  # type: ignore[call-overload] # the service is a variable
    return world.clients[key]


def full_action(case: Case) -> str:
    return f"{PREFIXES.get(case.service, case.service)}:{case.action}"


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_works_with_exactly_its_action_on_its_resource(world: World, case: Case) -> None:
    if case.prepare:
        case.prepare(world.aws.client(case.service, case.account), world)
    client = acting_with(world, case, allow(full_action(case), resource=case.arn(world)))
    case.call(client, world)


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_is_denied_with_every_other_action_and_its_own_on_another_resource(world: World, case: Case) -> None:
    if case.prepare:
        case.prepare(world.aws.client(case.service, case.account), world)
    action = full_action(case)
    statements = [{"Effect": "Allow", "NotAction": [action], "Resource": "*"}]
    if case.arn(world) != "*":
        statements.append(allow(action, resource=case.arn(world).rstrip("*") + "-other"))
    client = acting_with(world, case, *statements)
    with pytest.raises(ClientError) as denied:
        case.call(client, world)
    error = denied.value.response["Error"]
    assert error["Code"] in ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError")
    if case.service == "s3":
        return
    written = {"sqs": action.lower(), "sns": f"SNS:{case.action}"}.get(case.service, action)
    who = f"arn:aws:sts::{case.account}:assumed-role/tester/tests"
    assert f"User: {who} is not authorized to perform: {written}" in error["Message"]
    assert f"because no identity-based policy allows the {written} action" in error["Message"]
    resource = case.arn(world)
    if not resource.endswith("*"):
        assert f"on resource: {resource} because" in error["Message"]


class TestTransactions:
    def items(self, *actions: str) -> list[dict[str, Any]]:
        made: dict[str, dict[str, Any]] = {
            "Put": {"Item": KEY},
            "Update": {
                "Key": {"id": {"S": "2"}},
                "UpdateExpression": "SET n = :n",
                "ExpressionAttributeValues": {":n": {"N": "1"}},
            },
            "ConditionCheck": {"Key": {"id": {"S": "3"}}, "ConditionExpression": "attribute_not_exists(id)"},
        }
        return [{action: {"TableName": "state", **made[action]}} for action in actions]

    def test_need_the_actions_of_their_members(self, world: World) -> None:
        case = Case("dynamodb", "", TABLE, lambda c, _: c)
        needed = allow("dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:ConditionCheckItem", resource=TABLE)
        client = acting_with(world, case, needed)
        client.transact_write_items(TransactItems=self.items("Put", "Update", "ConditionCheck"))

    @pytest.mark.parametrize(
        ("member", "action"),
        [("Put", "PutItem"), ("Update", "UpdateItem"), ("ConditionCheck", "ConditionCheckItem")],
    )
    def test_are_denied_for_a_missing_member(self, world: World, member: str, action: str) -> None:
        case = Case("dynamodb", "", TABLE, lambda c, _: c)
        client = acting_with(world, case, {"Effect": "Allow", "NotAction": f"dynamodb:{action}", "Resource": "*"})
        with pytest.raises(ClientError, match=f"dynamodb:{action} on resource: {TABLE} because"):
            client.transact_write_items(TransactItems=self.items(member))


def test_action_names_are_those_of_the_service_authorization_reference() -> None:
    published = {action for service in {case.service for case in CASES} for action in
                 get_actions_for_service(PREFIXES.get(service, service))}  # fmt: skip
    assert {full_action(case) for case in CASES} <= published


def test_recorded_calls_name_action_and_resource(world: World) -> None:
    world.aws.clear_calls()
    world.aws.client("lambda", MEMBER).get_function_concurrency(**NAMED)
    (call,) = world.aws.calls(service="lambda")
    assert (call.operation, call.iam_action) == ("GetFunctionConcurrency", "lambda:GetFunctionConcurrency")
    assert (call.resource, call.status, call.error_code) == (FUNCTION, 200, "")
    assert call.principal_arn == f"arn:aws:iam::{MEMBER}:root"
    with pytest.raises(ClientError):
        world.aws.client("lambda", MEMBER).get_function_concurrency(FunctionName="missing")
    assert world.aws.calls(status="404")[0].error_code == "ResourceNotFoundException"
    assert call.request_id
