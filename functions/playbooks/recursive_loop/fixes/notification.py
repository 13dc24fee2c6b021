"""Swap one notification of a bucket for the same one to the quarantine queue, in one call.

S3 API reference: PutBucketNotificationConfiguration replaces the whole configuration, and refuses two notifications for
the same keys and events, so that one cannot be added before the other is gone. S3 user guide, "Enabling and configuring
event notifications": a change takes effect within five minutes.

There is no conditional write. What is known: everything that was read right before the write was written back as it
was, except the one notification; and what is read after it has the swap in it, or it is tried again. What others put
after our write is theirs and stays. What they put between our reading and our writing, some milliseconds, is
overwritten, and S3 shows nothing of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from functions.core.fix import Change, ChangedMeanwhile, NotVerified, NotYet, Undone, Work
from functions.playbooks.recursive_loop.fixes import quarantine
from functions.playbooks.recursive_loop.fixes.patience import waiting
from functions.playbooks.recursive_loop.fixes.step import CannotBreak, Open
from functions.playbooks.recursive_loop.graph import Edge
from functions.playbooks.recursive_loop.triggers import node

SETTING = "notification"
_OF = " of bucket "
_FUNCTIONS, _QUEUES = "LambdaFunctionConfigurations", "QueueConfigurations"
_FUNCTION, _QUEUE = "LambdaFunctionArn", "QueueArn"
_SETTLED = timedelta(minutes=5)

Entry = Mapping[str, Any]
Configuration = Mapping[str, Any]


def plan(work: Work, edge: Edge, queue: str) -> Change:
    """Return the step that swaps the notification of an edge, bucket → function, for one to a queue, by its ARN.

    Raises `Open` where the notification is gone or goes elsewhere by now.
    """
    bucket, _, name = edge.source.partition("#")
    if ":lambda:" not in edge.target:
        raise CannotBreak("not-a-function", f"notification {name} does not invoke a function: break the loop after it")
    bucket = bucket.rpartition(":")[2]
    config = _read(work, bucket)
    entry = next((one for one in (config or {}).get(_FUNCTIONS, ()) if one.get("Id") == name), None)
    if entry is None or node(entry[_FUNCTION]) != edge.target:
        raise Open(f"Bucket {bucket} has no notification {name} to {edge.target.rpartition(':')[2]} any more.")
    marked = f"{quarantine.name(work.aspect)}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    swapped = {key: value for key, value in entry.items() if key != _FUNCTION} | {"Id": marked, _QUEUE: queue}
    return Change(f"{SETTING} {name}{_OF}{bucket}", entry, swapped)


def apply(work: Work, change: Change) -> None:
    """Swap it; raises `ChangedMeanwhile` where it is another one by now, `NotYet` while S3 does not show or take it."""
    config = _read(work, _bucket(change))
    if config is None or not _has(config, change.before):
        if config is not None and _has(config, change.after):
            return
        raise ChangedMeanwhile(f"Somebody changed {change.setting} meanwhile; it was left so")
    try:
        _swap(work, change, config, change.before, change.after)
    except ClientError as error:
        # S3 sends a test message first, and the queue's new policy may not be known everywhere.
        if error.response["Error"]["Code"] != "InvalidArgument" or not waiting(work):
            raise
        raise NotYet(f"S3 does not take {change.setting} yet: {error.response['Error']['Message']}") from None


def verify(work: Work, change: Change) -> None:
    """Read it back."""
    config = _read(work, _bucket(change))
    if config is None or not _has(config, change.after) or _has(config, change.before):
        raise NotVerified(f"{change.setting} does not go to the quarantine queue")


def undo(work: Work, change: Change) -> Undone:
    """Swap it back; every other notification stays as it is by then."""
    bucket = _bucket(change)
    config = _read(work, bucket)
    if config is None:
        return Undone(kept=(f"{change.setting}: the bucket was deleted",))
    if not _has(config, change.after):
        if _has(config, change.before):
            return Undone(restored=(change,))
        return Undone(kept=(f"{change.setting} is another one, as somebody set it since",))
    if _deleted(work, change.before[_FUNCTION]):
        return Undone(kept=(f"{change.setting} still goes to the quarantine queue, as its function was deleted",))
    _swap(work, change, config, change.after, change.before)
    return Undone(restored=(change,))


def settled(since: str, now: str) -> bool:
    """Whether a change made at one moment has taken effect by another one; both are ISO 8601 in UTC."""
    return datetime.fromisoformat(now) - datetime.fromisoformat(since) >= _SETTLED


def payload(message: Mapping[str, Any]) -> object:
    """Return what the function would have been handed for a message of the queue that S3 sent, as parsed JSON.

    None for a message that is no event: a test, S3's or our own.
    """
    body = str(message["Body"])
    return None if quarantine.is_test(body) else json.loads(body)


def _swap(work: Work, change: Change, config: Configuration, out: Entry, into: Entry) -> None:
    bucket = _bucket(change)
    work.member.client("s3").put_bucket_notification_configuration(
        Bucket=bucket, ExpectedBucketOwner=work.subject.account, NotificationConfiguration=_swapped(config, out, into)
    )
    seen = _read(work, bucket)
    if seen is not None and _has(seen, into):
        return
    if seen is not None and _has(seen, out):
        raise NotYet(f"{change.setting} was changed, and is not seen, or somebody wrote an older configuration over it")
    raise ChangedMeanwhile(f"Somebody changed {change.setting} meanwhile; it was left so")


def _swapped(config: Configuration, out: Entry, into: Entry) -> dict[str, Any]:
    """Return a configuration with one entry for another, and everything else as it was."""
    lists = {key: list(config.get(key, ())) for key in (_FUNCTIONS, _QUEUES)}
    lists[_kind(out)] = [one for one in lists[_kind(out)] if not _same(one, out)]
    lists[_kind(into)] = [*lists[_kind(into)], into]
    rest = {key: value for key, value in config.items() if key not in lists}
    return rest | {key: entries for key, entries in lists.items() if entries}


def _has(config: Configuration, entry: Entry) -> bool:
    return any(_same(one, entry) for one in config.get(_kind(entry), ()))


def _kind(entry: Entry) -> str:
    return _FUNCTIONS if _FUNCTION in entry else _QUEUES


def _same(one: Entry, other: Entry) -> bool:
    """Whether two entries are the same: events and rules come back in any order, rules' names in any case."""
    return _plain(one) == _plain(other)


def _plain(entry: Entry) -> dict[str, Any]:
    rules = ((entry.get("Filter") or {}).get("Key") or {}).get("FilterRules") or ()
    keys = sorted((str(rule["Name"]).lower(), rule["Value"]) for rule in rules)
    rest = {key: value for key, value in entry.items() if key not in {"Events", "Filter"}}
    return rest | {"Events": sorted(entry["Events"]), "Filter": keys}


def _read(work: Work, bucket: str) -> Configuration | None:
    """Return the whole configuration of a bucket, with what is new to this code; None if there is no such bucket."""
    try:
        answer = work.member.client("s3").get_bucket_notification_configuration(
            Bucket=bucket, ExpectedBucketOwner=work.subject.account
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchBucket":
            raise
        return None
    return {key: value for key, value in answer.items() if key != "ResponseMetadata"}


def _deleted(work: Work, function: str) -> bool:
    try:
        work.member.client("lambda").get_function(FunctionName=function)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return True
    return False


def _bucket(change: Change) -> str:
    return change.setting.rpartition(_OF)[2]
