"""An account of any size, read: pipelines that lead on, a few loops, and a few roles that may do everything."""

from __future__ import annotations

import random
from collections.abc import Sequence

from functions.playbooks.recursive_loop.account import (
    Account,
    Json,
    Notification,
    Rule,
    SourceMapping,
    Subscription,
    Target,
)
from functions.playbooks.recursive_loop.policies import resource_policy
from functions.playbooks.recursive_loop.writes import Function

OWNER, REGION = "222222222222", "eu-west-1"
_LOGS = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"


def arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{REGION}:{OWNER}:{resource}"


def large(functions: int = 1_000, everything: float = 0.02, seed: int = 1) -> Account:
    """Draw an account in which a share of the functions may do `everything`.

    A function writes to what triggers later functions, so that hardly anything loops but for wildcards.
    """
    drawn = random.Random(seed)  # noqa: S311 - an account, no secret
    names = [arn("lambda", f"function:team{n % 20}-function-{n:05}") for n in range(functions)]
    queues = [arn("sqs", f"team{n % 20}-queue-{n:05}") for n in range(functions // 5)]
    buckets = [f"arn:aws:s3:::company-team{n % 20}-bucket-{n:05}" for n in range(functions // 5)]
    topics = [arn("sns", f"topic-{n:05}") for n in range(functions // 10)]
    tables = [arn("dynamodb", f"table/table-{n:05}") for n in range(functions // 10)]

    def later(some: Sequence[str], n: int) -> str:
        return some[min(len(some) - 1, drawn.randrange(len(some) * (n + 1) // functions, len(some) + 1))]

    def triggered(some: Sequence[str], n: int) -> str:
        return names[n * functions // len(some)]

    def role(n: int) -> tuple[Json, None]:
        statements = [
            _allow(["sqs:SendMessage", "sqs:GetQueueUrl"], later(queues, n)),
            _allow(["s3:GetObject*", "s3:PutObject*"], later(buckets, n), f"{later(buckets, n)}/out/*"),
            _allow(["dynamodb:PutItem", "dynamodb:UpdateItem"], later(tables, n)),
            _allow(["sns:Publish"], later(topics, n)),
        ]
        statements += [_allow(["*"], "*")] if drawn.random() < everything else []
        return {"own": _policy(*statements), _LOGS: _policy(_allow(["logs:*"], "*"))}, None

    streams = [f"{table}/stream/2026-11-20T10:00:00.000" for table in tables]
    bus = arn("events", "event-bus/default")
    return Account(
        OWNER,
        REGION,
        functions=tuple(
            Function(name, _role(n), {"LOG_LEVEL": "info", "TABLE": f"table-{drawn.randrange(len(tables)):05}"})
            for n, name in enumerate(names)
        ),
        dead_letters=dict.fromkeys(names[::50], queues[0]),
        mappings=tuple(
            SourceMapping(f"{drawn.getrandbits(128):032x}", source, triggered(some, n), "Enabled")
            for some in (queues, streams)
            for n, source in enumerate(some)
        ),
        notifications=tuple(
            Notification(bucket, f"to-{n}", triggered(buckets, n), ("s3:ObjectCreated:*",), "in/")
            for n, bucket in enumerate(buckets)
        ),
        subscriptions=tuple(
            Subscription(f"{topic}:{drawn.getrandbits(128):032x}", topic, "lambda", triggered(topics, n))
            for n, topic in enumerate(topics)
            for _ in range(3)
        ),
        rules=tuple(
            Rule(bus, f"rule-{n:05}", "ENABLED", {"source": [f"shop.{n}"]}, (Target("it", drawn.choice(names)),))
            for n in range(functions * 3 // 10)
        ),
        redrives=dict.fromkeys(queues[::3], queues[-1]),
        policies={
            queue: resource_policy("of queue", OWNER, _policy({**_allow(["sqs:SendMessage"], queue), **_SNS}))
            for queue in queues[::2]
        },
        roles={_role(n): role(n) for n in range(functions)},
    )


_SNS = {"Principal": {"Service": "sns.amazonaws.com"}}


def _role(n: int) -> str:
    return f"arn:aws:iam::{OWNER}:role/team{n % 20}-function-{n:05}"


def _allow(actions: list[str], *resources: str) -> dict[str, object]:
    return {"Effect": "Allow", "Action": actions, "Resource": list(resources)}


def _policy(*statements: dict[str, object]) -> dict[str, object]:
    return {"Version": "2012-10-17", "Statement": list(statements)}
