"""Does an event match a pattern? Two engines that are not ours answer, and have to agree."""

import json
from typing import Any

from ministack.services import eventbridge
from moto.events.models import EventPattern

from functions.core.triggers import Pattern


def matches(pattern: Pattern, event: dict[str, Any]) -> bool:
    """Whether both engines say that the event matches; AssertionError where they differ or refuse the pattern."""
    text = json.dumps(pattern)
    assert eventbridge._event_pattern_error(text) is None, text
    moto = EventPattern.load(text).matches_event(event)  # type: ignore[arg-type]  # moto's TypedDict of an event
    ministack = eventbridge._matches_pattern(text, eventbridge._event_from_test_payload(event))
    assert moto == ministack, f"moto says {moto}, ministack {ministack}: {text}"
    return bool(moto)
