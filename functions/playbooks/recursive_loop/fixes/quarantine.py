"""The queue that keeps what a loop's functions would have been invoked for, until people have looked at it.

One per loop, `warden-q-<loop id>`, in the function's account and Region. SQS API reference: CreateQueue (a name is free
again 60 seconds after its queue was deleted), GetQueueAttributes (the numbers of messages are approximate), DeleteQueue
(deletes what is in it). S3 user guide, "Enabling and configuring event notifications": a notification that is changed
may go on as before for five minutes, so a queue that S3 sent to is deleted only when it has stayed empty for so long.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from functions.adapters.clock import iso, now, seconds_since
from functions.core.fix import Change, NotVerified, NotYet, Undone, Work
from functions.playbooks.recursive_loop.fixes.patience import unseen

SETTING = "quarantine queue"
TEST = json.dumps({"warden": "test"})
"""The message that a queue is tried out with."""
_PREFIX = "warden-q-"
_DAY = 86_400
_RETENTION_DAYS = 14
_TELL_AFTER_DAYS = 10
_LOOP_TAG, _CLOSING_TAG, _ALONE_TAG = "warden:loop", "warden:closing", "warden:alone"
_S3 = "s3.amazonaws.com"
_COUNTS = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)
_GONE = {"QueueDoesNotExist", "NonExistentQueue"}
_READY_SECONDS = (0.0, 0.5, 1.0)
# So often, for up to a second each, is looked for a message; what is seen is hidden for no longer than that may take.
_LOOKS, _HIDDEN_SECONDS = 5, 2


def name(loop_id: str) -> str:
    """Return the name of a loop's queue."""
    return f"{_PREFIX}{loop_id}"


def arn(work: Work) -> str:
    """Return the ARN of the queue of the loop at hand, whether or not it is there."""
    at = work.subject
    return f"arn:{at.partition}:sqs:{at.region}:{at.account}:{name(work.aspect)}"


def is_there(work: Work) -> bool:
    """Whether the loop at hand has its queue."""
    return _attributes(work) is not None


def is_quarantine(destination: str) -> bool:
    """Whether an ARN is that of a quarantine queue, of whichever loop."""
    return ":sqs:" in destination and destination.rpartition(":")[2].startswith(_PREFIX)


def is_test(body: str) -> bool:
    """Whether a message is no event: our own test, or the one that S3 sends when a notification is configured."""
    try:
        content = json.loads(body)
    except ValueError:
        return False
    return isinstance(content, dict) and (content == json.loads(TEST) or content.get("Event") == "s3:TestEvent")


def plan_queue(work: Work, senders: Iterable[tuple[str, str]]) -> Change:
    """Return the step that makes the queue; each sender is a service, as `sns.amazonaws.com`, and the ARN it acts for.

    A function's own role needs no mention: what it may send is in its policies.
    """
    admitted = [{"Service": service, "SourceArn": source} for service, source in senders]
    after = {"arn": arn(work), "retention_days": _RETENTION_DAYS, "senders": admitted}
    return Change(f"{SETTING} {name(work.aspect)}", None, after)


def apply(work: Work, change: Change) -> None:
    """Make the queue and its alarm, or add what is missing to those that are there; raises `NotYet`.

    The alarm is first, so that there is no queue without one.
    """
    _put_alarm(work)
    there = _attributes(work)
    wanted = _wanted(work, change, there or {})
    client = work.member.client("sqs")
    if there is None:
        _create(work, wanted)
        return
    client.untag_queue(QueueUrl=_url(work), TagKeys=[_CLOSING_TAG])
    if any(there.get(key) != value for key, value in wanted.items()):
        client.set_queue_attributes(QueueUrl=_url(work), Attributes=wanted)


def _create(work: Work, attributes: Mapping[str, str]) -> None:
    try:
        work.member.client("sqs").create_queue(
            QueueName=name(work.aspect),
            Attributes={**attributes, "SqsManagedSseEnabled": "true"},
            tags={_LOOP_TAG: work.aspect},
        )
    except ClientError as error:
        if _code(error) != "QueueDeletedRecently":
            raise
        raise NotYet(f"{name(work.aspect)} was deleted less than a minute ago, its name is not free yet") from None
    for pause in _READY_SECONDS:
        time.sleep(pause)
        if _attributes(work) is not None:
            return
    raise NotYet(f"{name(work.aspect)} was made and cannot be used yet")


def _wanted(work: Work, change: Change, there: Mapping[str, str]) -> dict[str, str]:
    """Return the attributes that are ours; the policy is the one that is there with our statements in it."""
    wanted = {"MessageRetentionPeriod": str(change.after["retention_days"] * _DAY)}
    ours = [_statement(work, sender) for sender in change.after["senders"]]
    policy = _policy(there)
    if missing := [one for one in ours if one not in policy["Statement"]]:
        sids = {one["Sid"] for one in missing}
        others = [one for one in policy["Statement"] if one.get("Sid") not in sids]
        wanted["Policy"] = json.dumps({**policy, "Statement": [*others, *missing]})
    return wanted


def _policy(attributes: Mapping[str, str]) -> dict[str, Any]:
    found = json.loads(attributes.get("Policy") or "{}")
    statements = found.get("Statement", [])
    listed = statements if isinstance(statements, list) else [statements]
    return {"Version": "2012-10-17", **found, "Statement": listed}


def _statement(work: Work, sender: Mapping[str, str]) -> dict[str, Any]:
    """Return what lets one service send on behalf of one resource; a bucket's ARN does not say whose it is."""
    service, source = sender["Service"], sender["SourceArn"]
    condition: dict[str, Any] = {"ArnEquals": {"aws:SourceArn": source}}
    if service == _S3:
        condition["StringEquals"] = {"aws:SourceAccount": work.subject.account}
    return {
        "Sid": f"warden-{hashlib.sha256(f'{service} {source}'.encode()).hexdigest()[:16]}",
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sqs:SendMessage",
        "Resource": arn(work),
        "Condition": condition,
    }


def _put_alarm(work: Work) -> None:
    """Have people hear of events that nobody has looked at, some days before SQS deletes them."""
    work.member.client("cloudwatch").put_metric_alarm(
        AlarmName=_alarm(work),
        AlarmDescription=f"Events of loop {work.aspect} wait in {name(work.aspect)} for {_TELL_AFTER_DAYS} days; "
        f"SQS deletes them after {_RETENTION_DAYS}.",
        Namespace="AWS/SQS",
        MetricName="ApproximateAgeOfOldestMessage",
        Dimensions=[{"Name": "QueueName", "Value": name(work.aspect)}],
        Statistic="Maximum",
        Period=300,
        EvaluationPeriods=1,
        Threshold=_TELL_AFTER_DAYS * _DAY,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )


def mark_alone(work: Work, queue: str, change: Change) -> None:
    """Note on a queue, by its ARN, that from now on it alone gets what the swapped trigger sends.

    While both did, the function got the same events, so none of those is to be given to it again.
    """
    work.member.client("sqs").tag_queue(QueueUrl=_url_of(work, queue), Tags={_alone_tag(change): iso(now())})


def alone_since(work: Work, queue: str, change: Change) -> str:
    """Return since when a queue alone gets what a swapped trigger sends, ISO 8601 in UTC; '' if that was not noted."""
    tags: Mapping[str, str] = work.member.client("sqs").list_queue_tags(QueueUrl=_url_of(work, queue)).get("Tags", {})
    return tags.get(_alone_tag(change), "")


def _alone_tag(change: Change) -> str:
    return f"{_ALONE_TAG}:{hashlib.sha256(change.setting.encode()).hexdigest()[:12]}"


def verify(work: Work, change: Change) -> None:
    """Read the queue back and send a message through it; one that holds events has shown that it works.

    Raises `NotVerified`, or `NotYet` while it may still come.
    """
    there = _attributes(work)
    if there is None:
        raise NotVerified(f"{change.setting} is not there")
    different = [key for key, value in _wanted(work, change, there).items() if there.get(key) != value]
    if different:
        raise unseen(work, f"{change.setting} has not taken {', '.join(different)} yet")
    if not _held(there) and not _passes(work):
        raise unseen(work, f"the message sent to {change.setting} has not come back")


def _passes(work: Work) -> bool:
    """Whether what is sent comes back: the test, or events that were quicker, which are left where they are."""
    work.member.client("sqs").send_message(QueueUrl=_url(work), MessageBody=TEST)
    tests, events = _take_tests(work)
    return bool(tests or events)


def undo(work: Work, change: Change) -> Undone:
    """Delete the queue and its alarm, if it is empty however often one looks; else it is kept, with what to do.

    Raises `NotYet` while S3 may still send to it, or while its numbers still count what was taken out of it.
    """
    there = _attributes(work)
    if there is None:
        work.member.client("cloudwatch").delete_alarms(AlarmNames=[_alarm(work)])
        return Undone(restored=(change,))
    held = _held(there)
    tests = _clear_tests(work, held)
    if held > tests:
        return _kept(change, held - tests)
    if again := _held(_attributes(work) or {}):
        if tests:
            raise NotYet(f"{change.setting} still counts messages that were taken out of it")
        return _kept(change, again)
    _wait_for_s3(work, change)
    work.member.client("sqs").delete_queue(QueueUrl=_url(work))
    work.member.client("cloudwatch").delete_alarms(AlarmNames=[_alarm(work)])
    return Undone(restored=(change,))


def _kept(change: Change, events: int) -> Undone:
    many = "1 event: redrive it" if events == 1 else f"{events} events: redrive them"
    return Undone(kept=(f"{change.setting} holds {many} first (warden loops redrive)",))


def _wait_for_s3(work: Work, change: Change) -> None:
    """Raise `NotYet` until a queue that S3 sent to has been empty for long enough; a tag keeps since when it is."""
    if all(sender["Service"] != _S3 for sender in change.after["senders"]):
        return
    client = work.member.client("sqs")
    since = client.list_queue_tags(QueueUrl=_url(work)).get("Tags", {}).get(_CLOSING_TAG)
    if since is None:
        since = iso(now())
        client.tag_queue(QueueUrl=_url(work), Tags={_CLOSING_TAG: since})
    left = int(work.settings["lift_seconds"]) - seconds_since(since)
    if left > 0:
        raise NotYet(
            f"S3 may still send to {change.setting}; it is deleted if it is empty in {round(left) + 1} seconds"
        )


def _clear_tests(work: Work, held: int) -> int:
    """Delete the test messages among so many, as far as no event comes with them; return how many there were."""
    cleared = 0
    while cleared < held:
        tests, events = _take_tests(work)
        cleared += tests
        if events or not tests:
            break
    return cleared


def _take_tests(work: Work) -> tuple[int, int]:
    """Delete the test messages and count them and the events that came with them; these are put back at once."""
    client, url = work.member.client("sqs"), _url(work)
    tests, events = 0, []
    try:
        for _ in range(_LOOKS):
            came = client.receive_message(
                QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=_HIDDEN_SECONDS, WaitTimeSeconds=1
            ).get("Messages", [])
            events += [message["ReceiptHandle"] for message in came if not is_test(message["Body"])]
            for message in (one for one in came if is_test(one["Body"])):
                client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                tests += 1
            if tests or events:
                break
    finally:
        _put_back(client, url, events)
    return tests, len(events)


def _put_back(client: Any, url: str, handles: list[str]) -> None:
    if handles:
        entries = [{"Id": str(n), "ReceiptHandle": one, "VisibilityTimeout": 0} for n, one in enumerate(handles)]
        client.change_message_visibility_batch(QueueUrl=url, Entries=entries)


def _attributes(work: Work) -> dict[str, str] | None:
    """Return the queue's attributes, None if there is no such queue."""
    try:
        answer = work.member.client("sqs").get_queue_attributes(QueueUrl=_url(work), AttributeNames=["All"])
    except ClientError as error:
        if _code(error) in _GONE:
            return None
        raise
    found: dict[str, str] = answer["Attributes"]
    return found


def _held(attributes: Mapping[str, str]) -> int:
    return sum(int(attributes.get(count, 0)) for count in _COUNTS)


def _url(work: Work) -> str:
    return _url_of(work, arn(work))


def _url_of(work: Work, queue: str) -> str:
    return "/".join((work.member.client("sqs").meta.endpoint_url, *queue.split(":")[4:]))


def _alarm(work: Work) -> str:
    return f"warden-quarantine-{work.aspect}"


def _code(error: ClientError) -> str:
    """Return the code without the prefix that SQS's older protocol gives it."""
    return str(error.response["Error"]["Code"]).rpartition(".")[2]
