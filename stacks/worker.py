"""One function of the hub, fed by one queue, under a role of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.bundle import RUNTIME, EntryPoint
from stacks.queue import WorkQueue
from stacks.roles import Grant, role


@dataclass(frozen=True)
class Surroundings:
    """What every function of the hub shares."""

    layers: Sequence[lambda_.ILayerVersion]
    variables: Mapping[str, str]


class Worker(Construct):
    """A function, its role and log group of the same name, and the mapping that hands it batches from its queue.

    `concurrency` bounds how many batches run at once (2 is the least that SQS offers); nothing is reserved, since a
    new account has only ten units in all.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        description: str,
        entry_point: EntryPoint,
        queue: WorkQueue,
        grants: Sequence[Grant],
        surroundings: Surroundings,
        variables: Mapping[str, str],
        layers: Sequence[lambda_.ILayerVersion] = (),
        concurrency: int = 2,
        memory: int = 256,
    ) -> None:
        super().__init__(scope, construct_id)
        self.name = name
        own_role = role(
            self,
            "Role",
            name=name,
            trust=iam.ServicePrincipal("lambda.amazonaws.com"),
            grants=[*own_grants(name, queue.name), *grants],
        )
        self.function = lambda_.Function(
            self,
            "Function",
            function_name=name,
            description=description,
            runtime=RUNTIME,
            architecture=lambda_.Architecture.ARM_64,
            handler=entry_point.handler,
            code=entry_point.code,
            layers=[*surroundings.layers, *layers],
            role=own_role.without_policy_updates(),
            timeout=queue.timeout,
            memory_size=memory,
            log_group=_log_group(self, name),
            environment={
                **surroundings.variables,
                "POWERTOOLS_SERVICE_NAME": name,
                "POWERTOOLS_LOG_LEVEL": "INFO",
                "WARDEN_QUEUE_URL": queue.queue.queue_url,
                "WARDEN_DLQ_URL": queue.dead_letters.queue_url,
                "WARDEN_MAX_RECEIVES": str(queue.max_receives),
                **variables,
            },
        )
        # What has to wait goes back onto the function's own queue: a loop, and meant to be.
        cdk.Tags.of(self.function).add("warden:loop", "puts off what has to wait@100000@2099-12-31")
        resource = cast("lambda_.CfnFunction", self.function.node.default_child)
        # The function's reference to its role says the same already.
        resource.add_deletion_override("DependsOn")
        cdk.Validations.of(self.function).acknowledge(
            cdk.Acknowledgment(
                id="AwsSolutions-L1",
                reason=f"{RUNTIME.name} is supported; a newer one is taken together with layers built for it",
            )
        )
        lambda_.EventSourceMapping(
            self,
            "Source",
            target=self.function,
            event_source_arn=queue.queue.queue_arn,
            batch_size=10,
            report_batch_item_failures=True,
            max_concurrency=concurrency,
        )

    def alarm_on_errors(self) -> None:
        """Make an alarm: a message that fails is handed back, so an error means a timeout or a failed start."""
        cloudwatch.Alarm(
            self,
            "Errors",
            alarm_name=f"{self.name}-errors",
            alarm_description=f"{self.name} ran into its timeout or could not start: read its log.",
            metric=self.function.metric_errors(period=cdk.Duration.minutes(5)),
            threshold=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            evaluation_periods=1,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )


def own_grants(name: str, queue: str) -> list[Grant]:
    """Return what every function may do: take from its queue, put a message back or away, and log."""
    return [
        Grant(
            actions=(
                "sqs:DeleteMessage",
                "sqs:GetQueueAttributes",
                "sqs:ReceiveMessage",
                "sqs:SendMessage",
            ),
            resources=(f"arn:{{partition}}:sqs:{{region}}:{{account}}:{queue}",),
        ),
        Grant(
            actions=("sqs:SendMessage",),
            resources=(f"arn:{{partition}}:sqs:{{region}}:{{account}}:{queue}-dlq",),
        ),
        Grant(
            actions=("logs:CreateLogStream", "logs:PutLogEvents"),
            resources=(f"arn:{{partition}}:logs:{{region}}:{{account}}:log-group:/aws/lambda/{name}:*",),
            wildcard="Lambda names the streams of a log group",
        ),
    ]


def _log_group(scope: Construct, name: str) -> logs.LogGroup:
    return logs.LogGroup(
        scope,
        "Logs",
        log_group_name=f"/aws/lambda/{name}",
        retention=logs.RetentionDays.THREE_MONTHS,
        # What was done stands in the table and the tickets; a group left behind would block the next deployment.
        removal_policy=cdk.RemovalPolicy.DESTROY,
    )
