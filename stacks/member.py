"""What a member account gets: roles that the hub enters by, and rules that forward events. No code, no assets.

IAM's events are in one Region only, governed or not, so their rules are in a stack of their own.

Each stack is one template for every account: the account's own number comes from CloudFormation. It is written without
indentation, since a stack set takes 51,200 bytes as they are.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from constructs import Construct

from functions.core.playbook import Mode, Permission, Playbook
from functions.core.triggers import GLOBAL_REGION, INSPECTOR_ROLE, Pattern, global_patterns, regional_patterns
from stacks import names
from stacks.config import Config
from stacks.queue import dead_letter_queue, let_rules_send
from stacks.roles import Grant, arn, grants_of, managed_policy, role

LIST_FUNCTIONS = Permission("lambda:ListFunctions", "*", why_any="lambda:ListFunctions has no resource type")

# In a minute, by one function.
_MOST_INVOCATIONS = 600


class MemberAccountStack(cdk.Stack):
    """The roles, once per account. What may not be fixed under the ceiling has no role that could."""

    def __init__(
        self, scope: Construct, construct_id: str, *, config: Config, playbooks: Collection[Playbook], ceiling: Mode
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            description="lambda-warden: what the hub may read and change in this account",
            synthesizer=cdk.BootstraplessSynthesizer(),
            suppress_template_indentation=True,
        )
        role(
            self,
            "Inspector",
            name=INSPECTOR_ROLE,
            trust=trusts(config, names.INSPECTOR, names.SWEEP, names.TOPOLOGY),
            grants=grants_of(
                [LIST_FUNCTIONS, *(read for playbook in playbooks for read in config.granted(playbook, playbook.reads))]
            ),
        )
        fixing = [playbook for playbook in playbooks if config.may_fix(playbook, ceiling)]
        for playbook in fixing:
            role(
                self,
                f"Playbook-{playbook.id}",
                name=playbook.member_role,
                trust=trusts(config, playbook.remediator),
                grants=grants_of(config.granted(playbook, [*playbook.reads, *playbook.writes])),
            )
        # Two playbooks may attach the same one.
        attached = {
            policy.name: grants_of(config.granted(playbook, policy.permissions))
            for playbook in fixing
            for policy in playbook.managed_policies
        }
        for name, grants in attached.items():
            managed_policy(self, f"Policy-{name}", name=name, grants=grants)
        role(
            self,
            "Forwarder",
            name=names.FORWARDER,
            trust=iam.ServicePrincipal(
                "events.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": cdk.Aws.ACCOUNT_ID}}
            ),
            grants=[Grant(actions=("events:PutEvents",), resources=(hub_bus(config),))],
        )


class MemberRegionStack(cdk.Stack):
    """The rules, once per governed Region: what concerns a playbook goes from the default bus to the hub's."""

    def __init__(self, scope: Construct, construct_id: str, *, config: Config, playbooks: Collection[Playbook]) -> None:
        super().__init__(
            scope,
            construct_id,
            description="lambda-warden: what the hub is told of this account and Region",
            synthesizer=cdk.BootstraplessSynthesizer(),
            suppress_template_indentation=True,
        )
        _forward(self, config, regional_patterns(playbooks), "warden-forwarding-dlq")
        _throttles_alarm(self)
        _alarm_by_function(
            self,
            "RecursionDropped",
            name="warden-recursion-dropped",
            metric="RecursiveInvocationsDropped",
            most=0,
            description="Lambda stopped a recursive loop of a function: lambda-warden looks at that function.",
        )
        _alarm_by_function(
            self,
            "Invocations",
            name="warden-invocations",
            metric="Invocations",
            most=_MOST_INVOCATIONS,
            description=f"A function was invoked more than {_MOST_INVOCATIONS} times in a minute, as one that triggers "
            "itself is: lambda-warden looks at whether that function can.",
        )


class MemberGlobalStack(cdk.Stack):
    """The rules for services without a Region, once per account: whoever changes a role does so for every Region."""

    def __init__(self, scope: Construct, construct_id: str, *, config: Config, playbooks: Collection[Playbook]) -> None:
        super().__init__(
            scope,
            construct_id,
            description="lambda-warden: what the hub is told of this account's roles",
            # Anywhere else its rules would match nothing.
            env=cdk.Environment(region=GLOBAL_REGION),
            synthesizer=cdk.BootstraplessSynthesizer(),
            suppress_template_indentation=True,
        )
        # In that Region there may be the other stack as well, with a queue of its own.
        _forward(self, config, global_patterns(playbooks), "warden-global-forwarding-dlq")


def hub_bus(config: Config) -> str:
    """Return the ARN of the hub's bus."""
    return f"arn:{{partition}}:events:{config.region}:{config.hub_account}:event-bus/{names.BUS}"


def trusts(config: Config, *hub_roles: str) -> iam.IPrincipal:
    """Trust roles of the hub, by name.

    The principal is the hub's account, and the condition the role: AWS stores a role named as principal by its unique
    id, so that making it anew would lock the hub out of every member (IAM user guide, "AWS JSON policy elements:
    Principal").
    """
    allowed: Sequence[str] = [arn(f"arn:{{partition}}:iam::{config.hub_account}:role/{name}") for name in hub_roles]
    conditions: dict[str, dict[str, object]] = {"ArnEquals": {"aws:PrincipalArn": allowed}}
    if config.organization_id:
        conditions["StringEquals"] = {"aws:PrincipalOrgID": config.organization_id}
    return iam.AccountPrincipal(config.hub_account).with_conditions(conditions)


def _forward(stack: cdk.Stack, config: Config, patterns: Mapping[str, Pattern], dead_letters_name: str) -> None:
    """Send what matches from the default bus to the hub's, and keep what cannot be sent."""
    dead_letters = dead_letter_queue(stack, "ForwardingDeadLetters", dead_letters_name)
    cdk.Validations.of(dead_letters).acknowledge(
        cdk.Acknowledgment(id="AwsSolutions-SQS3", reason="it is itself the dead-letter queue of the rules' target")
    )
    target = events.CfnRule.TargetProperty(
        id="hub",
        arn=arn(hub_bus(config)),
        role_arn=arn(f"arn:{{partition}}:iam::{{account}}:role/{names.FORWARDER}"),
        dead_letter_config=events.CfnRule.DeadLetterConfigProperty(arn=dead_letters.queue_arn),
    )
    rules = [
        events.CfnRule(stack, f"Rule-{suffix}", name=f"warden-{suffix}", event_pattern=pattern, targets=[target])
        for suffix, pattern in patterns.items()
    ]
    let_rules_send(dead_letters, rules)


def _throttles_alarm(scope: Construct) -> None:
    cloudwatch.Alarm(
        scope,
        "Throttles",
        alarm_name="warden-throttles",
        alarm_description="Functions of this account and Region were throttled: lambda-warden looks at all of them.",
        metric=cloudwatch.Metric(
            namespace="AWS/Lambda", metric_name="Throttles", statistic="Sum", period=cdk.Duration.minutes(1)
        ),
        threshold=1,
        comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        evaluation_periods=1,
        treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
    )


def _alarm_by_function(
    scope: Construct, construct_id: str, *, name: str, metric: str, most: int, description: str
) -> None:
    """Make one alarm that each function of the account and Region can be a contributor to, also those yet to come.

    CloudWatch user guide, "Alarm data queries" (such a query groups, and orders to say which 500 series count) and
    "Limits" (100 contributors in ALARM, 10,000 metrics, 200 such alarms in a Region).
    """
    cloudwatch.CfnAlarm(
        scope,
        construct_id,
        alarm_name=name,
        alarm_description=description,
        metrics=[
            cloudwatch.CfnAlarm.MetricDataQueryProperty(
                id="functions",
                # A query of metrics, not of a database.
                expression=f'SELECT SUM({metric}) FROM SCHEMA("AWS/Lambda", FunctionName)'  # noqa: S608
                " GROUP BY FunctionName ORDER BY SUM() DESC",
                period=60,
                return_data=True,
            )
        ],
        threshold=most,
        comparison_operator="GreaterThanThreshold",
        evaluation_periods=1,
        treat_missing_data="notBreaching",
    )
