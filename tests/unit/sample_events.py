"""The EventBridge test events of `events/`, and whom to believe about them."""

import copy
import json
from pathlib import Path
from typing import Any

from functions.core.event import Trust
from functions.core.triggers import member_roles
from functions.playbooks import playbooks

HUB, MEMBER, HEALTH_ADMIN = "111111111111", "222222222222", "333333333333"
REGION = "eu-west-1"
FOLDER = Path(__file__).resolve().parents[2] / "events"
TRUST = Trust(HUB, member_roles(playbooks()), (HEALTH_ADMIN,))

Event = dict[str, Any]

EVENTS: dict[str, Event] = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}


def sample(name: str, **envelope: object) -> Event:
    """A copy of one test event, with other envelope fields where given."""
    return {**copy.deepcopy(EVENTS[name]), **envelope}


def call_of(**detail: object) -> Event:
    """The function-created event with other fields in its detail."""
    event = sample("cloudtrail-create-function")
    event["detail"] |= detail
    return event
