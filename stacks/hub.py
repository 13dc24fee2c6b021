"""The hub stack: the bus, the table, and the functions between them. One account, one Region."""

from __future__ import annotations

from collections.abc import Collection

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from functions.core.playbook import Playbook
from functions.core.triggers import forged_pattern, inspect_patterns, ticket_pattern, topology_patterns
from stacks import grants, names
from stacks.bundle import Bundles
from stacks.config import Config
from stacks.layers import layer
from stacks.playbook import Remediator
from stacks.queue import WorkQueue
from stacks.roles import arn
from stacks.worker import Surroundings, Worker


class HubStack(cdk.Stack):
    """Everything that has code. Members send events to its bus; its roles enter their accounts."""

    def __init__(
        self, scope: Construct, construct_id: str, *, config: Config, playbooks: Collection[Playbook], bundles: Bundles
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            description="lambda-warden: event bus, inspector, remediators and tickets",
            # Named, so that the CDK refuses to deploy into any other account than the one that members trust.
            env=cdk.Environment(account=config.hub_account, region=config.region),
            # The CDK's command line looks at the bootstrap version itself; in the template it would be a parameter.
            synthesizer=cdk.DefaultStackSynthesizer(generate_bootstrap_version_rule=False),
        )
        self._config = config
        self._playbooks = playbooks
        self._bundles = bundles
        self._bus = _bus(self, config)
        self._table = _table(self)
        self._secret = _slack_secret(self)
        self._inspect = _queue(self, "Inspect", "warden-inspect", seconds=60, max_receives=5)
        self._sweep = _queue(self, "Sweep", "warden-sweep", seconds=300, max_receives=3)
        # Reading a large account anew takes minutes: the longest that Lambda lets a function run.
        self._topology = _queue(self, "Topology", "warden-topology", seconds=900, max_receives=5)
        # Slack may be down for days, and a ticket is never lost.
        self._ticket = _queue(self, "Ticket", "warden-ticket", seconds=60, max_receives=1000)
        self._surroundings = Surroundings(
            layers=[layer(self, "Powertools", "powertools")],
            variables={
                "WARDEN_HUB_ACCOUNT": config.hub_account,
                "WARDEN_BUS": self._bus.event_bus_name,
                "WARDEN_TABLE": self._table.table_name,
            },
        )
        # A remediator that cannot start fills its dead-letter queue within half an hour, which has an alarm already.
        for worker in (self._inspector(), self._ticketer(), self._sweeper(), self._topologist()):
            worker.alarm_on_errors()
        self._remediators()
        self._rules()

    def _inspector(self) -> Worker:
        return Worker(
            self,
            "Inspector",
            name=names.INSPECTOR,
            description="lambda-warden: looks where an event points to",
            entry_point=self._bundles.inspector(self._playbooks),
            queue=self._inspect,
            grants=grants.INSPECTOR,
            surroundings=self._surroundings,
            variables={
                "WARDEN_POLICY": self._config.policy(self._playbooks),
                "WARDEN_SWEEP_QUEUE_URL": self._sweep.queue.queue_url,
            },
            concurrency=10,
            memory=512,
        )

    def _ticketer(self) -> Worker:
        return Worker(
            self,
            "Ticketer",
            name=names.TICKET,
            description="lambda-warden: writes tickets and shows them in Slack",
            entry_point=self._bundles.ticket(),
            queue=self._ticket,
            grants=grants.ticket(self._secret.attr_id),
            surroundings=self._surroundings,
            layers=[layer(self, "SlackSdk", "slack")],
            variables={
                "WARDEN_SLACK_SECRET": self._secret.attr_id,
                "WARDEN_SLACK_CHANNEL": self._config.slack.channel,
                "WARDEN_SLACK_API_URL": self._config.slack.api_url,
                "WARDEN_DIGEST_AFTER": str(self._config.digest_after),
            },
        )

    def _sweeper(self) -> Worker:
        return Worker(
            self,
            "Sweeper",
            name=names.SWEEP,
            description="lambda-warden: has every function looked at once a day",
            entry_point=self._bundles.sweep(),
            queue=self._sweep,
            grants=grants.SWEEP,
            surroundings=self._surroundings,
            variables={
                "WARDEN_INSPECT_QUEUE_URL": self._inspect.queue.queue_url,
                "WARDEN_TOPOLOGY_QUEUE_URL": self._topology.queue.queue_url,
                "WARDEN_REGIONS": ",".join(self._config.governed_regions),
                "WARDEN_ACCOUNTS": ",".join(self._config.accounts),
            },
        )

    def _topologist(self) -> Worker:
        return Worker(
            self,
            "Topologist",
            name=names.TOPOLOGY,
            description="lambda-warden: follows what triggers what in each account",
            entry_point=self._bundles.topology(),
            queue=self._topology,
            grants=grants.TOPOLOGY,
            surroundings=self._surroundings,
            variables={
                "WARDEN_INSPECT_QUEUE_URL": self._inspect.queue.queue_url,
                "WARDEN_REGIONS": ",".join(self._config.governed_regions),
            },
            memory=1024,
        )

    def _remediators(self) -> None:
        for playbook in self._playbooks:
            if playbook.fixable:
                Remediator(
                    self,
                    f"Playbook-{playbook.id}",
                    playbook=playbook,
                    config=self._config,
                    bundles=self._bundles,
                    bus=self._bus,
                    surroundings=self._surroundings,
                )

    def _rules(self) -> None:
        hub = self._config.hub_account
        for suffix, pattern in inspect_patterns(hub, self._playbooks).items():
            self._inspect.fed_by(f"Rule-{suffix}", name=f"warden-{suffix}", bus=self._bus, pattern=pattern)
        for suffix, pattern in topology_patterns(hub, self._playbooks).items():
            self._topology.fed_by(f"Rule-{suffix}", name=f"warden-{suffix}", bus=self._bus, pattern=pattern)
        self._ticket.fed_by("Rule-ticket", name="warden-ticket", bus=self._bus, pattern=ticket_pattern(hub))
        self._ticket.fed_by("Rule-forged", name="warden-forged", bus=self._bus, pattern=forged_pattern(hub))
        self._sweep.fed_by("Rule-daily", name="warden-sweep", schedule="rate(1 day)")


def _bus(scope: Construct, config: Config) -> events.EventBus:
    bus = events.EventBus(scope, "Bus", event_bus_name=names.BUS)
    # Whoever else may put events in a member account must not reach the hub by that.
    condition: dict[str, object] = {"ArnLike": {"aws:PrincipalArn": f"arn:*:iam::*:role/{names.FORWARDER}"}}
    if config.organization_id:
        condition["StringEquals"] = {"aws:PrincipalOrgID": config.organization_id}
    statement = {
        "Effect": "Allow",
        "Principal": _senders(config),
        "Action": "events:PutEvents",
        "Resource": bus.event_bus_arn,
        "Condition": condition,
    }
    # The CDK's own class for this warns of a deprecated property even where that is not used.
    cdk.CfnResource(
        scope,
        "BusPolicy",
        type="AWS::Events::EventBusPolicy",
        properties={
            "EventBusName": bus.event_bus_name,
            "StatementId": "MembersForwardEvents",
            "Statement": statement,
        },
    )
    return bus


def _senders(config: Config) -> object:
    if config.organization_id:
        return "*"
    return {"AWS": [arn(f"arn:{{partition}}:iam::{account}:root") for account in config.accounts]}


def _table(scope: Construct) -> dynamodb.Table:
    table = dynamodb.Table(
        scope,
        "State",
        table_name=names.TABLE,
        partition_key=dynamodb.Attribute(name="pk", type=dynamodb.AttributeType.STRING),
        sort_key=dynamodb.Attribute(name="sk", type=dynamodb.AttributeType.STRING),
        billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
        time_to_live_attribute="expires",
        point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
            point_in_time_recovery_enabled=True
        ),
        # It holds the undo records: without it, nothing that was changed can be taken back.
        deletion_protection=True,
        removal_policy=cdk.RemovalPolicy.RETAIN,
    )
    table.add_global_secondary_index(
        index_name="tickets",
        partition_key=dynamodb.Attribute(name="finding_id", type=dynamodb.AttributeType.STRING),
        projection_type=dynamodb.ProjectionType.ALL,
    )
    return table


def _slack_secret(scope: Construct) -> secretsmanager.CfnSecret:
    """Make the secret without a value: the CDK's own construct would put a random password where a token belongs."""
    secret = secretsmanager.CfnSecret(
        scope,
        "Slack",
        name=names.SECRET,
        description='Slack, filled in by a person: {"bot_token": "…", "signing_secret": "…"}',
    )
    cdk.Validations.of(secret).acknowledge(
        cdk.Acknowledgment(
            id="AwsSolutions-SMG4",
            reason="Slack issues the bot token to a person who installs the app; no function can rotate it",
        )
    )
    return secret


def _queue(scope: Construct, construct_id: str, name: str, *, seconds: int, max_receives: int) -> WorkQueue:
    timeout = cdk.Duration.seconds(seconds)
    return WorkQueue(scope, construct_id, name=name, timeout=timeout, max_receives=max_receives)
