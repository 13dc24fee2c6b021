"""What the deployment tells a function through its environment; read once, when the entry point is set up."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass

from aws_lambda_powertools import Logger

from functions.adapters.aws import AssumedMember, Aws
from functions.adapters.bus import Bus
from functions.adapters.generations import Generations
from functions.adapters.queue import Queue
from functions.adapters.store import Store
from functions.core.mode import DeploymentPolicy, policy_from_json
from functions.core.subject import Subject


@dataclass(frozen=True)
class Hub:
    """What every function of the hub works with."""

    account: str
    aws: Aws
    bus: Bus
    store: Store
    queue: Queue
    log: Logger
    policy: DeploymentPolicy
    variables: Mapping[str, str]
    memory: Generations

    def member(self, subject: Subject, role: str) -> AssumedMember:
        """Return the account and Region of a subject, to be entered through `role`, with what is remembered of it."""
        return AssumedMember(self.aws, subject, role, self.memory.remembered)


def hub(variables: Mapping[str, str] = os.environ) -> Hub:
    """Set up a function; `KeyError` names the variable that the deployment did not set."""
    for talkative in ("botocore", "urllib3", "slack_sdk"):
        # At DEBUG these log whole requests and answers: environment values, tokens, session keys.
        logging.getLogger(talkative).setLevel(logging.INFO)
    name = variables["AWS_LAMBDA_FUNCTION_NAME"]
    aws = Aws(session_name=name)
    log = Logger()
    return Hub(
        account=variables["WARDEN_HUB_ACCOUNT"],
        aws=aws,
        bus=Bus(aws, variables["WARDEN_BUS"]),
        store=Store(aws.hub("dynamodb"), variables["WARDEN_TABLE"]),
        queue=Queue(
            aws,
            variables["WARDEN_QUEUE_URL"],
            variables["WARDEN_DLQ_URL"],
            int(variables["WARDEN_MAX_RECEIVES"]),
            log,
        ),
        log=log,
        policy=policy_from_json(json.loads(variables.get("WARDEN_POLICY") or "{}")),
        variables=variables,
        memory=Generations(aws.hub("dynamodb"), variables["WARDEN_TABLE"]),
    )
