"""S3 event notifications: who wrote the object, in which order events go out, and which configurations S3 refuses.

What the engine gets wrong: no event says who caused it, each goes out in a thread of its own, and two entries may claim
the same events. AWS documentation: "Event message structure" (``userIdentity.principalId``) and "Configuring event
notifications using object key name filtering" (overlapping filters).
"""

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

from ministack.services import s3

from warden.local.current import CURRENT
from warden.local.patching import replace
from warden.local.timers import Timers

_OVERLAP = (
    "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes are "
    "overlapping for the same event type."
)


class BucketEvents:
    """Sends what happens to objects to whoever the bucket notifies."""

    def __init__(self, timers: Timers) -> None:
        self._timers = timers

    def install(self) -> None:
        """Take over the way out, and refuse what S3 refuses."""
        replace(s3, "_fire_s3_event_async", lambda _original: self._fire)
        replace(s3, "_validate_notification_configs", _refusing_overlaps)

    def _fire(  # noqa: PLR0917 # the engine calls it so
        self,
        bucket: str,
        key: str,
        event: str,
        size: int = 0,
        etag: str = "",
        deletion_type: str | None = None,
        **given: Any,
    ) -> None:
        if bucket not in s3._bucket_notifications:
            return
        current = CURRENT.get()
        who = {"userIdentity": {"principalId": f"AWS:{current.caller.principal_id}"}} if current else {}
        given["record_extra"] = {**who, **(given.get("record_extra") or {})}
        given["sequencer"] = s3._next_event_sequencer(event)
        send = partial(s3._fire_s3_event, bucket, key, event, size, etag, deletion_type, **given)
        self._timers.after(0, send)


def _refusing_overlaps(original: Callable[..., Any]) -> Callable[..., Any]:
    def validate(entries: list[dict[str, Any]], *rest: Any) -> Any:
        if any(_overlap(one, other) for one, other in itertools.combinations(entries, 2)):
            return s3._invalid_notification_config(_OVERLAP)
        return original(entries, *rest)

    return validate


def _overlap(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether some event of some key would go to both."""
    events = [(a.removesuffix("*"), b.removesuffix("*")) for a in one["events"] for b in other["events"]]
    prefixes = [str(entry["filter_prefix"] or "") for entry in (one, other)]
    # Read backwards, a suffix is a prefix.
    suffixes = [str(entry["filter_suffix"] or "")[::-1] for entry in (one, other)]
    return any(_nested(*pair) for pair in events) and _nested(*prefixes) and _nested(*suffixes)


def _nested(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)
