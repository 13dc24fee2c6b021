"""A queue in front of a function: its dead letters, and the rules that feed it."""

from __future__ import annotations

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from constructs import Construct

# The longest that SQS keeps a message.
_RETENTION = cdk.Duration.days(14)


class WorkQueue(Construct):
    """An SQS queue with a dead-letter queue called `<name>-dlq`, and an alarm on that one.

    `timeout` is that of the function: SQS hides a message from others for six times as long, which the Lambda
    documentation asks for ("Configuring scaling behavior for SQS event source mappings").
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, name: str, timeout: cdk.Duration, max_receives: int
    ) -> None:
        super().__init__(scope, construct_id)
        self.name = name
        self.timeout = timeout
        self.max_receives = max_receives
        self.dead_letters = dead_letter_queue(self, "DeadLetters", f"{name}-dlq")
        self.queue = sqs.Queue(
            self,
            "Queue",
            queue_name=name,
            visibility_timeout=cdk.Duration.seconds(6 * int(timeout.to_seconds())),
            retention_period=_RETENTION,
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letters, max_receive_count=max_receives),
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
        )

    def fed_by(
        self,
        construct_id: str,
        *,
        name: str,
        pattern: Mapping[str, object] | None = None,
        bus: events.IEventBus | None = None,
        schedule: str | None = None,
    ) -> None:
        """Send what matches a pattern on a bus, or what a schedule makes, into this queue.

        EventBridge's own construct for a rule knows no `$or`, hence the plain resource.
        """
        rule = events.CfnRule(
            self,
            construct_id,
            name=name,
            event_bus_name=bus.event_bus_name if bus else None,
            event_pattern=pattern,
            schedule_expression=schedule,
            targets=[
                events.CfnRule.TargetProperty(
                    id="queue",
                    arn=self.queue.queue_arn,
                    dead_letter_config=events.CfnRule.DeadLetterConfigProperty(arn=self.dead_letters.queue_arn),
                )
            ],
        )
        for queue in (self.queue, self.dead_letters):
            let_rules_send(queue, [rule])


def dead_letter_queue(scope: Construct, construct_id: str, name: str) -> sqs.Queue:
    """Make a queue in which every message is a question to a person, and the alarm that asks it."""
    queue = sqs.Queue(
        scope,
        construct_id,
        queue_name=name,
        retention_period=_RETENTION,
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
    )
    cloudwatch.Alarm(
        scope,
        f"{construct_id}Alarm",
        alarm_name=name,
        alarm_description=f"{name} holds what could not be handled or delivered: read it, then redrive or delete it.",
        metric=queue.metric_approximate_number_of_messages_visible(period=cdk.Duration.minutes(5), statistic="Maximum"),
        threshold=1,
        comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        evaluation_periods=1,
        treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
    )
    return queue


def let_rules_send(queue: sqs.Queue, rules: list[events.CfnRule]) -> None:
    """Allow EventBridge to put messages onto a queue, for these rules alone."""
    queue.add_to_resource_policy(
        iam.PolicyStatement(
            principals=[iam.ServicePrincipal("events.amazonaws.com")],
            actions=["sqs:SendMessage"],
            resources=[queue.queue_arn],
            conditions={"ArnEquals": {"aws:SourceArn": [rule.attr_arn for rule in rules]}},
        )
    )
