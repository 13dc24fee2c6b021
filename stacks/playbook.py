"""All that one playbook needs in the hub, from its declaration alone."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_events as events
from constructs import Construct

from functions.core.playbook import Playbook
from functions.core.triggers import remediator_pattern
from stacks import grants
from stacks.bundle import Bundles
from stacks.config import Config
from stacks.queue import WorkQueue
from stacks.worker import Surroundings, Worker

# A record of a fix in progress is held for a minute, so no function outlives its hold.
_TIMEOUT = cdk.Duration.seconds(60)


class Remediator(Construct):
    """The queue of findings to fix, the function that fixes them, its role, and the rule that brings them."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        playbook: Playbook,
        config: Config,
        bundles: Bundles,
        bus: events.IEventBus,
        surroundings: Surroundings,
    ) -> None:
        super().__init__(scope, construct_id)
        queue = WorkQueue(self, "Fixes", name=f"warden-fix-{playbook.id}", timeout=_TIMEOUT, max_receives=5)
        queue.fed_by(
            "Rule",
            name=f"warden-fix-{playbook.id}",
            bus=bus,
            pattern=remediator_pattern(playbook, config.hub_account),
        )
        Worker(
            self,
            "Worker",
            name=playbook.remediator,
            description=f"lambda-warden: {playbook.title}",
            entry_point=bundles.remediator(playbook),
            queue=queue,
            grants=grants.remediator(playbook, config),
            surroundings=surroundings,
            variables={"WARDEN_PLAYBOOK": playbook.id, "WARDEN_POLICY": config.policy([playbook])},
            concurrency=2 if playbook.one_at_a_time else 5,
            memory=512,
        )
