"""SQS queues as an event source of functions, and as the end of deliveries.

What the engine gets wrong: its pollers and its API change a queue's message list from different threads without a lock
and lose messages under load; a message that becomes visible again waits for the next idle tick; batches stop at 10; an
invalid partial batch response counts as success; a function that is still Pending or has no concurrency left burns (or
never touches) the receive count. AWS documentation: "Handling errors for an SQS event source in Lambda", "Configuring
scaling behavior for SQS event source mappings" and "Amazon SQS visibility timeout".
"""

import hashlib
import json
import re
import time
from collections.abc import Callable
from typing import Any

from ministack.core.arn import parse_arn
from ministack.core.concurrency import esm_wake
from ministack.core.responses import new_uuid, request_scope
from ministack.services import lambda_svc, sqs

from warden.local import senders
from warden.local.execution_roles import ExecutionRoles
from warden.local.patching import replace
from warden.local.timers import Timers

Message = dict[str, Any]

# Receipt handles are UUIDs here.
_HANDLE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# After a wake-up that found no work the engine sleeps this long, which would be paid at every queue on the way.
_IDLE_GAP_SECONDS = 0.002


def send(
    queue_arn: str,
    body: str,
    *,
    attributes: dict[str, str] | None = None,
    group: str | None = None,
    sender: str = senders.A_SERVICE,
) -> None:
    """Append a message to an existing queue, as a service that delivers to it does, in its own name or another's."""
    spec = parse_arn(queue_arn)
    with request_scope(spec.account_id, spec.region):
        queue = sqs._queue_by_arn(queue_arn)
        now = time.time()
        message = {
            "id": new_uuid(),
            "body": body,
            "md5_body": hashlib.md5(body.encode(), usedforsecurity=False).hexdigest(),
            "receipt_handle": None,
            "sent_at": now,
            "visible_at": now + sqs.queue_delay(queue),
            "receive_count": 0,
            "message_attributes": {
                name: {"DataType": "String", "StringValue": value} for name, value in (attributes or {}).items()
            },
            "sys": {"SenderId": sender, "SentTimestamp": str(int(now * 1000))},
        }
        if queue.get("is_fifo"):
            queue["fifo_seq"] = queue.get("fifo_seq", 0) + 1
            message["group_id"] = group or "default"
            message["dedup_id"] = hashlib.sha256(body.encode()).hexdigest()
            message["seq"] = str(queue["fifo_seq"]).zfill(20)
        sqs._ensure_msg_fields(message)
        queue["messages"].append(message)
        esm_wake.set()


class SqsSources:
    """The SQS half of event source mappings."""

    def __init__(self, timers: Timers, roles: ExecutionRoles) -> None:
        self._timers = timers
        self._roles = roles
        # While a pass of the poller is under way, messages are between their queue and a batch.
        self.polling = False

    def install(self) -> None:
        """Replace what removes messages, and how batches are taken and finished."""
        replace(sqs, "_expire_retained", lambda _original: expire_retained)
        replace(sqs, "_dlq_sweep", lambda _original: redrive)
        replace(sqs, "_receive_messages_for_esm", lambda _original: receive)
        replace(sqs, "_delete_messages_for_esm", lambda _original: delete_received)
        sqs._HANDLERS |= {"DeleteMessage": delete_message, "DeleteMessageBatch": delete_messages}
        replace(lambda_svc, "_poll_sqs", self._polling)
        replace(lambda_svc, "_sqs_esm_concurrency", self._concurrency)
        replace(lambda_svc, "_run_sqs_batch", lambda _original: run_batch)
        for name in ("_create_esm", "_update_esm"):
            replace(lambda_svc, name, _then_looking)
        replace(lambda_svc, "_ESM_IDLE_WAKE_GAP_SECONDS", lambda _original: _IDLE_GAP_SECONDS)

    def _polling(self, original: Callable[[], bool]) -> Callable[[], bool]:
        def poll() -> bool:
            self.polling = True
            try:
                processed = original()
            finally:
                self.polling = False
            self._wake_when_visible()
            return processed

        return poll

    def _concurrency(self, original: Callable[..., int]) -> Callable[..., int]:
        """Batches at a time. Pollers ignore a reservation of 0: they receive, are throttled, and the count grows."""

        def concurrency(esm: dict[str, Any], func: dict[str, Any], config: dict[str, Any], queue: Any = None) -> int:
            if config.get("State") in ("Pending", "Failed"):
                return 0
            if lacks := self._roles.recently_missing_to_poll(config, esm["EventSourceArn"]):
                esm["LastProcessingResult"] = f"PROBLEM: the execution role does not allow {lacks}"
                return 0
            if lambda_svc._reserved_concurrency(func, config) == 0:
                return int(original(esm, {**func, "concurrency": None}, config, queue))
            return int(original(esm, func, config, queue))

        return concurrency

    def _wake_when_visible(self) -> None:
        """The poller looks at least once a second; make it look when the next message becomes visible, if sooner."""
        now = time.time()
        sources = {esm.get("EventSourceArn") for _account, _region, esm in lambda_svc._iter_all_esms()}
        moments = [
            message["visible_at"]
            for queue in list(sqs._queues._data.values())
            if queue["attributes"].get("QueueArn") in sources
            for message in list(queue["messages"])
            if now < message.get("visible_at", 0) <= now + 1.0
        ]
        if moments:
            self._timers.after(min(moments) - now + 0.001, esm_wake.set)


# Messages leave a queue one by one and in place: other threads append to the same list, and may remove too.


def _discard(queue: dict[str, Any], doomed: Callable[[Message], bool]) -> list[Message]:
    """Remove the messages that are doomed; those another thread removed first are not returned."""
    messages = queue["messages"]
    gone = []
    for message in [one for one in list(messages) if doomed(one)]:
        try:
            messages.remove(message)
        except ValueError:
            continue
        gone.append(message)
    return gone


def expire_retained(queue: dict[str, Any]) -> None:
    """Drop what is older than the queue's retention period."""
    oldest = time.time() - float(queue["attributes"].get("MessageRetentionPeriod", "345600"))
    _discard(queue, lambda message: float(message.get("enqueued_at") or message["sent_at"]) <= oldest)


def redrive(queue: dict[str, Any]) -> None:
    """Move what was received too often to the dead-letter queue."""
    policy = json.loads(queue["attributes"].get("RedrivePolicy") or "{}")
    target = sqs._queue_by_arn(policy.get("deadLetterTargetArn", "")) if policy else None
    if target is None:
        return
    now, limit = time.time(), int(policy.get("maxReceiveCount", 0))
    for message in _discard(
        queue, lambda message: message.get("receive_count", 0) >= limit > 0 and message.get("visible_at", 0) <= now
    ):
        source = queue["attributes"].get("QueueArn", "")
        moved = {**message, "receipt_handle": None, "visible_at": now}
        moved["sys"] = {"DeadLetterQueueSourceArn": source, **message.get("sys", {})}
        if target.get("is_fifo"):
            moved["enqueued_at"] = now
        target["messages"].append(moved)
        esm_wake.set()


def receive(queue_url: str, most: int) -> list[Message]:
    """Take up to ``most`` messages for a function; a mapping's batch may be larger than the API's 10."""
    with sqs._queues_lock:
        queue = sqs._get_q(queue_url)
        timeout = int(queue["attributes"].get("VisibilityTimeout", "30"))
        expire_retained(queue)
        redrive(queue)
        return list(sqs._collect_msgs(queue, int(most or 1), timeout))


def delete_received(queue_url: str, receipt_handles: set[str]) -> None:
    """Delete what a function has processed."""
    _discard(sqs._get_q(queue_url), lambda message: message.get("receipt_handle") in receipt_handles)


def delete_message(data: dict[str, Any], url: str) -> dict[str, Any]:
    """DeleteMessage. A handle whose message is gone already is no error, one that is no handle is."""
    queue = sqs._get_q(data.get("QueueUrl", url), "sqs:DeleteMessage")
    handle = str(data.get("ReceiptHandle") or "")
    if not handle:
        raise sqs._Err("MissingParameter", "The request must contain the parameter ReceiptHandle.")
    if not _HANDLE.fullmatch(handle):
        raise sqs._Err("ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
    _discard(queue, lambda message: message.get("receipt_handle") == handle)
    return {}


def delete_messages(data: dict[str, Any], url: str) -> dict[str, Any]:
    """DeleteMessageBatch: entries fail one by one."""
    sqs._get_q(data.get("QueueUrl", url), "sqs:DeleteMessage")
    entries = data.get("Entries") or []
    sqs._validate_batch_entries(entries, "DeleteMessageBatchRequestEntry")
    successful, failed = [], []
    for entry in entries:
        try:
            delete_message({"QueueUrl": data.get("QueueUrl", url), "ReceiptHandle": entry.get("ReceiptHandle")}, url)
        except sqs._Err as error:
            failed.append({"Id": entry["Id"], "Code": error.code, "Message": error.message, "SenderFault": True})
        else:
            successful.append({"Id": entry["Id"]})
    return {"Successful": successful, "Failed": failed}


def _then_looking(original: Callable[..., Any]) -> Callable[..., Any]:
    """A mapping that was created or enabled finds what is already in its queue without waiting for the idle tick."""

    def change(*args: Any) -> Any:
        answer = original(*args)
        esm_wake.set()
        return answer

    return change


def run_batch(  # noqa: PLR0917 # the engine calls it so
    esm: dict[str, Any], func: dict[str, Any], event: dict[str, Any], batch: list[Message], url: str, name: str
) -> None:
    """Invoke a function with a batch; delete what it processed, leave the rest to its visibility timeout."""
    senders.name_senders(event, batch)
    result = lambda_svc._execute_function(func, event)
    identifiers = {message["id"] for message in batch}
    failed = identifiers if result.get("error") else _failures(esm, result.get("body"), identifiers)
    delete_received(url, {message["receipt_handle"] for message in batch if message["id"] not in failed})
    if result.get("error"):
        esm["LastProcessingResult"] = "FAILED"
        lambda_svc._esm_backoff_until[esm["UUID"]] = time.time() + lambda_svc._ESM_BACKOFF_SECONDS
        body = result.get("body")
        lambda_svc.logger.warning("batch from %s failed in %s: %s", name, esm["FunctionName"], body)
    else:
        esm["LastProcessingResult"] = f"OK - {len(batch) - len(failed)} records, {len(failed)} partial failures"
        lambda_svc._esm_backoff_until.pop(esm["UUID"], None)


def _failures(esm: dict[str, Any], body: Any, identifiers: set[str]) -> set[str]:
    """The failed ids of a partial batch response; a response that is not one, or names a stranger, fails them all."""
    if "ReportBatchItemFailures" not in (esm.get("FunctionResponseTypes") or []) or not body:
        return set()
    parsed = body
    if isinstance(body, str):
        try:
            parsed = json.loads(body)
        except ValueError:
            return identifiers
    items = parsed.get("batchItemFailures") if isinstance(parsed, dict) else ...
    if items is ... or (items is not None and not isinstance(items, list)):
        return identifiers
    named = {item.get("itemIdentifier") if isinstance(item, dict) else None for item in items or []}
    return identifiers & named if named <= identifiers else identifiers
