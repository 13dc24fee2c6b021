"""Who sent an SQS message, and the trace header it came with.

What the engine gets wrong: every message was sent by the queue's account, also in a function's batch; a batch of
messages loses its system attributes. AWS documentation: the API references of ReceiveMessage (``SenderId``: the user's
id, or a role's id and the name of its session, which is the function's name for a Lambda function), SendMessage and
SendMessageBatch (``MessageSystemAttributes``).
"""

import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

from ministack.services import sqs

from warden.local import lineage
from warden.local.current import CURRENT
from warden.local.patching import replace, replace_entry

# A user of AWS's own, as which S3, SNS and EventBridge send.
A_SERVICE = "AIDAEXAMPLEOFASERVICE"
# The system attributes of a batch's entries that are still to be sent, in order.
_BATCH: ContextVar[Iterator[Any] | None] = ContextVar("warden_batch", default=None)


def install() -> None:
    """Complete what the engine writes into a message."""
    replace(sqs, "_build_send_sys_attrs", _sent_by_the_caller)
    replace(sqs, "_ensure_msg_fields", _sent_by_a_service)
    replace(sqs, "_act_send_message", _with_its_attributes)
    replace_entry(sqs._HANDLERS, "SendMessageBatch", _keeping_attributes)


def name_senders(event: dict[str, Any], batch: list[dict[str, Any]]) -> None:
    """Write into a function's event who sent each message of its batch, and remember the first trace header."""
    sent = {message["id"]: message.get("sys") or {} for message in batch}
    for record in event["Records"]:
        record["attributes"]["SenderId"] = sent[record["messageId"]].get("SenderId", A_SERVICE)
    headers = (sent[record["messageId"]].get("AWSTraceHeader") for record in event["Records"])
    lineage.arrived(next(filter(None, headers), ""))


def _sent_by_the_caller(original: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def build(now: float, given: dict[str, Any]) -> dict[str, Any]:
        attributes, current = original(now, given), CURRENT.get()
        if current and current.operation.service == "sqs":
            attributes["SenderId"] = current.caller.principal_id
        return _traced(attributes)

    return build


def _sent_by_a_service(original: Callable[..., None]) -> Callable[..., None]:
    def complete(message: dict[str, Any]) -> None:
        if "sys" not in message:
            sent = float(message.get("sent_at") or time.time())
            message["sys"] = _traced({"SenderId": A_SERVICE, "SentTimestamp": str(int(sent * 1000))})
        original(message)

    return complete


def _traced(attributes: dict[str, Any]) -> dict[str, Any]:
    header = lineage.current()
    return {"AWSTraceHeader": header, **attributes} if header else attributes


def _keeping_attributes(original: Callable[..., Any]) -> Callable[..., Any]:
    def send(data: dict[str, Any], url: str) -> Any:
        entries = data.get("Entries") or []
        token = _BATCH.set(iter([entry.get("MessageSystemAttributes") for entry in entries]))
        try:
            return original(data, url)
        finally:
            _BATCH.reset(token)

    return send


def _with_its_attributes(original: Callable[..., Any]) -> Callable[..., Any]:
    """The engine sends a batch one by one, and forgets this on the way."""

    def send(data: dict[str, Any], url: str) -> Any:
        batch = _BATCH.get()
        return original(data if batch is None else {**data, "MessageSystemAttributes": next(batch)}, url)

    return send
