"""Changes of an account, drawn at random: whatever one may do to triggers and roles, in any order."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from botocore.exceptions import ClientError

from tests.integration.functions.following_account import MEMBER, REGION, ROLE, Member, arn, policy

FUNCTIONS, QUEUES, TOPICS = ("fa", "fb", "fc"), ("qa", "qb"), ("ta", "tb")
BUCKETS, BUSES, ROLES = ("images", "reports"), ("default", "shop"), ("ra", "rb")
MANAGED = f"arn:aws:iam::{MEMBER}:policy/send"


class Changes:
    """Draws changes and makes them; what AWS refuses was no change."""

    def __init__(self, member: Member, seed: int) -> None:
        self.member = member
        self.drawn = random.Random(seed)  # noqa: S311 - changes, no secret
        self.kinds = [getattr(self, name) for name in sorted(vars(Changes)) if name.startswith("to_")]
        self._left: list[Callable[[], None]] = []
        self.made: dict[str, int] = {}

    def make(self, often: int) -> None:
        """Make some changes, of each kind as often as of the others."""
        for _ in range(often):
            self._left = self._left or self.drawn.sample(self.kinds, len(self.kinds))
            kind = self._left.pop()
            with suppress(ClientError):
                kind()
                self.made[kind.__name__] = self.made.get(kind.__name__, 0) + 1

    def client(self, service: str) -> Any:
        return self.member.client(service)

    def one(self, *some: Any) -> Any:
        return self.drawn.choice(some)

    @property
    def function(self) -> str:
        return arn("lambda", f"function:{self.one(*FUNCTIONS)}")

    @property
    def queue(self) -> str:
        return arn("sqs", self.one(*QUEUES))

    @property
    def topic(self) -> str:
        return arn("sns", self.one(*TOPICS))

    @property
    def url(self) -> str:
        return str(self.client("sqs").get_queue_url(QueueName=self.one(*QUEUES))["QueueUrl"])

    def allowed(self) -> tuple[str, str]:
        """What a role may be let do: exactly, by a beginning, or by a wildcard."""
        action, resource = self.one(
            ("sqs:SendMessage", self.queue),
            ("sqs:*", "*"),
            ("sns:Publish", self.topic),
            ("sns:*", arn("sns", "t*")),
            ("s3:PutObject", "arn:aws:s3:::images/out/*"),
            ("s3:*", "*"),
            ("events:PutEvents", arn("events", f"event-bus/{self.one(*BUSES)}")),
            ("lambda:InvokeFunction", self.function),
            ("lambda:*", "*"),
        )
        return str(action), str(resource)

    # --- functions and roles -----------------------------------------------------------------------------------------

    def to_functions(self) -> None:
        if self.drawn.random() < 0.2:
            self.client("lambda").delete_function(FunctionName=self.function)
        self.member.function(self.one(*FUNCTIONS), ROLE + self.one(*ROLES), **self.configuration())

    def to_configurations(self) -> None:
        given = {**self.configuration(), "Role": ROLE + self.one(*ROLES)}
        self.client("lambda").update_function_configuration(FunctionName=self.function, **given)

    def configuration(self) -> dict[str, Any]:
        url = f"https://sqs.{REGION}.amazonaws.com/{MEMBER}/qb"
        value = self.one(self.queue, "qa", "ta", "fb", "images", url, "no")
        group = self.one({}, {"LoggingConfig": {"LogGroup": "shared"}})
        dead = self.one({}, {"DeadLetterConfig": {"TargetArn": self.queue}})
        return {"Environment": {"Variables": {"TARGET": value, "TOKEN": "planted-value"}}, **group, **dead}

    def to_destinations(self) -> None:
        target = self.one(self.queue, self.topic, self.function)
        destination = {self.one("OnSuccess", "OnFailure"): {"Destination": target}}
        self.client("lambda").put_function_event_invoke_config(
            FunctionName=self.function, DestinationConfig=destination
        )

    def to_policies(self) -> None:
        self.member.may(self.one(*ROLES), self.allowed(), self.allowed())

    def to_managed_policies(self) -> None:
        role = self.one(*ROLES)
        iam = self.client("iam")
        match self.one("attach", "attach", "detach", "change", "bound", "unbound"):
            case "attach":
                iam.attach_role_policy(RoleName=role, PolicyArn=MANAGED)
            case "detach":
                iam.detach_role_policy(RoleName=role, PolicyArn=MANAGED)
            case "bound":
                iam.put_role_permissions_boundary(RoleName=role, PermissionsBoundary=MANAGED)
            case "unbound":
                iam.delete_role_permissions_boundary(RoleName=role)
            case _:
                for version in iam.list_policy_versions(PolicyArn=MANAGED)["Versions"]:
                    if not version["IsDefaultVersion"]:
                        iam.delete_policy_version(PolicyArn=MANAGED, VersionId=version["VersionId"])
                document = policy(self.allowed(), self.allowed())
                iam.create_policy_version(PolicyArn=MANAGED, PolicyDocument=document, SetAsDefault=True)

    # --- what triggers -----------------------------------------------------------------------------------------------

    def to_mappings(self) -> None:
        self.member.mapping(self.queue, self.function, Enabled=self.one(True, True, False))

    def to_known_mappings(self) -> None:
        lam = self.client("lambda")
        known = [one["UUID"] for one in lam.list_event_source_mappings()["EventSourceMappings"]]
        uuid = self.one(*known or ["none" * 9])
        if self.one(True, False):
            lam.delete_event_source_mapping(UUID=uuid)
        else:
            lam.update_event_source_mapping(UUID=uuid, Enabled=self.one(True, False))

    def to_queues(self) -> None:
        sqs = self.client("sqs")
        match self.one("make", "make", "policy", "redrive", "policy", "delete"):
            case "make":
                sqs.create_queue(QueueName=self.one(*QUEUES))
            case "policy":
                sender = {"AWS": ROLE + self.one(*ROLES)}
                statement = {"Effect": self.one("Allow", "Deny"), "Principal": sender, "Action": "sqs:SendMessage"}
                document = {"Version": "2012-10-17", "Statement": [{**statement, "Resource": "*"}]}
                sqs.set_queue_attributes(QueueUrl=self.url, Attributes={"Policy": json.dumps(document)})
            case "redrive":
                redrive = {"deadLetterTargetArn": self.queue, "maxReceiveCount": "3"}
                sqs.set_queue_attributes(QueueUrl=self.url, Attributes={"RedrivePolicy": json.dumps(redrive)})
            case _:
                sqs.delete_queue(QueueUrl=self.url)

    def to_buckets(self) -> None:
        where = {"LocationConstraint": REGION}
        if self.drawn.random() < 0.2:
            self.client("s3").delete_bucket(Bucket=self.one(*BUCKETS))
        self.client("s3").create_bucket(Bucket=self.one(*BUCKETS), CreateBucketConfiguration=where)

    def to_notifications(self) -> None:
        rule = {"Key": {"FilterRules": [{"Name": "prefix", "Value": self.one("in/", "out/")}]}}
        usual = {"Events": ["s3:ObjectCreated:*"], "Filter": rule, "Id": "n"}
        given = self.one(
            {},
            {"EventBridgeConfiguration": {}},
            {"LambdaFunctionConfigurations": [{**usual, "LambdaFunctionArn": self.function}]},
            {"LambdaFunctionConfigurations": [{**usual, "LambdaFunctionArn": self.function}]},
        )
        bucket = self.one(*BUCKETS)
        self.client("s3").put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=given)

    def to_topics(self) -> None:
        sns = self.client("sns")
        if self.drawn.random() < 0.2:
            sns.delete_topic(TopicArn=self.topic)
        else:
            sns.create_topic(Name=self.one(*TOPICS))

    def to_subscriptions(self) -> None:
        sns = self.client("sns")
        listed = [one["SubscriptionArn"] for one in sns.list_subscriptions()["Subscriptions"]]
        match self.one("make", "make", "filter", "delete"):
            case "make":
                protocol, endpoint = self.one(("lambda", self.function), ("sqs", self.queue))
                sns.subscribe(TopicArn=self.topic, Protocol=protocol, Endpoint=endpoint)
            case "filter":
                document = json.dumps({"kind": [self.one("a", "b")]})
                known = {"SubscriptionArn": self.one(*listed or ["none" * 9]), "AttributeName": "FilterPolicy"}
                sns.set_subscription_attributes(**known, AttributeValue=document)
            case _:
                sns.unsubscribe(SubscriptionArn=self.one(*listed or ["none" * 9]))

    def to_rules(self) -> None:
        events = self.client("events")
        bus = self.one(*BUSES)
        known = {"Name": "r", "EventBusName": bus}
        pattern = json.dumps({"source": [self.one("shop", "aws.s3")]})
        acts: list[Callable[[], object]] = [
            lambda: events.put_rule(**known, EventPattern=pattern),
            lambda: events.put_rule(**known, EventPattern=pattern, State="DISABLED"),
            lambda: events.enable_rule(**known),
            lambda: events.disable_rule(**known),
            lambda: events.delete_rule(**known),
        ]
        self.one(*acts)()

    def to_targets(self) -> None:
        events = self.client("events")
        known = {"Rule": "r", "EventBusName": self.one(*BUSES)}
        if self.drawn.random() < 0.3:
            events.remove_targets(**known, Ids=[self.one("1", "2")])
        else:
            target = {"Id": self.one("1", "2"), "Arn": self.one(self.function, self.queue, self.topic)}
            events.put_targets(**known, Targets=[target])

    def to_pipes(self) -> None:
        pipes = self.client("pipes")
        match self.one("make", "make", "stop", "start", "delete"):
            case "make":
                ends = {"Source": self.queue, "Target": self.function}
                pipes.create_pipe(Name=self.one("pa", "pb"), RoleArn=ROLE + "ra", **ends)
            case "stop":
                pipes.stop_pipe(Name=self.one("pa", "pb"))
            case "start":
                pipes.start_pipe(Name=self.one("pa", "pb"))
            case _:
                pipes.delete_pipe(Name=self.one("pa", "pb"))

    def to_schedules(self) -> None:
        scheduler = self.client("scheduler")
        given = {
            "Name": "nightly",
            "ScheduleExpression": "rate(1 day)",
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": {"Arn": self.function, "RoleArn": ROLE + "ra"},
            "State": self.one("ENABLED", "DISABLED"),
        }
        acts: list[Callable[[], object]] = [
            lambda: scheduler.create_schedule(**given),
            lambda: scheduler.update_schedule(**given),
            lambda: scheduler.delete_schedule(Name="nightly"),
        ]
        self.one(*acts)()

    def to_machines(self) -> None:
        states = self.client("stepfunctions")
        machine = arn("states", "stateMachine:sort")
        step = {"Type": "Task", "Resource": self.function, "End": True}
        definition = json.dumps({"StartAt": "a", "States": {"a": step}})
        acts: list[Callable[[], object]] = [
            lambda: states.create_state_machine(name="sort", definition=definition, roleArn=ROLE + "ra"),
            lambda: states.update_state_machine(stateMachineArn=machine, definition=definition),
            lambda: states.delete_state_machine(stateMachineArn=machine),
        ]
        self.one(*acts)()

    def to_logs(self) -> None:
        logs = self.client("logs")
        group = self.one("/aws/lambda/fa", "shared")
        with suppress(ClientError):
            logs.create_log_group(logGroupName=group)
        if self.drawn.random() < 0.3:
            logs.delete_subscription_filter(logGroupName=group, filterName="f")
        else:
            given = {"logGroupName": group, "filterName": "f", "filterPattern": self.one("", "ERROR")}
            logs.put_subscription_filter(**given, destinationArn=self.function)
