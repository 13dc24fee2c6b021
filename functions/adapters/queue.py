"""SQS in front of a function: partial batches, looking again later, and dead letters that say why they are dead."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools import Logger

from functions.adapters.aws import Aws
from functions.adapters.errors import AWS_ERRORS, Meaning, TryLater, trouble
from functions.core.event import Malformed
from functions.core.message import NotAMessage

# SQS: a message can be delayed by 15 minutes at most.
_LONGEST_DELAY = 900
# What one message may take while AWS does not answer: a few calls that each give up after their third try.
_LONGEST_MESSAGE_MS = 25_000
# A message that was looked at so often has a problem that time does not solve.
_MOST_ATTEMPTS = 1000


class NotQueued(Exception):
    """SQS took a batch and refused a message of it; the text carries its code and message."""


@dataclass(frozen=True)
class Delivery:
    """One event, and how often it was put off."""

    event: Any
    attempts: int = 0


@dataclass(frozen=True)
class Queue:
    """The queue that feeds a function, and its dead-letter queue."""

    aws: Aws
    url: str
    dead_letters: str
    max_receives: int
    log: Logger

    def process(
        self, event: Mapping[str, Any], handle: Callable[[Delivery], object], context: object = None
    ) -> dict[str, Any]:
        """Handle an SQS batch, or one bare EventBridge event (the console's test form); return the failed items.

        A message that can never be handled goes to the dead-letter queue at once, with the reason; one that may be
        handled later is sent again with a delay; anything else is left to SQS, which delivers it again. What Lambda's
        `context` leaves no time for is sent again too: begun and cut off, the whole batch would come back.
        """
        records = event.get("Records")
        if not isinstance(records, list):
            return {"handled": str(handle(Delivery(event)))}
        failed = [record["messageId"] for record in records if not self._handled(record, handle, context)]
        return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}

    def send(self, body: object, delay: int = 0, attempts: int = 0) -> None:
        """Put a message onto the queue, to be seen after `delay` seconds."""
        self._client.send_message(
            QueueUrl=self.url,
            MessageBody=body if isinstance(body, str) else json.dumps(body),
            DelaySeconds=min(delay, _LONGEST_DELAY),
            MessageAttributes={"attempts": {"DataType": "Number", "StringValue": str(attempts)}},
        )

    def send_to(self, url: str, bodies: Sequence[object], delay: int = 0) -> None:
        """Put messages onto another queue, ten to a call. Raises `NotQueued` where SQS refuses one of them."""
        for start in range(0, len(bodies), 10):
            entries = [
                {"Id": str(n), "MessageBody": json.dumps(body), "DelaySeconds": min(delay, _LONGEST_DELAY)}
                for n, body in enumerate(bodies[start : start + 10])
            ]
            refused = self._client.send_message_batch(QueueUrl=url, Entries=entries).get("Failed")
            if refused:
                raise NotQueued(f"{refused[0].get('Code')}: {refused[0].get('Message', '')}")

    @property
    def _client(self) -> Any:
        """Return the client, made when first used: an event that goes well needs none."""
        return self.aws.hub("sqs")

    def _handled(self, record: Mapping[str, Any], handle: Callable[[Delivery], object], context: object) -> bool:
        attempts = _attempts(record)
        try:
            try:
                _check_time(context)
                handle(Delivery(_body(record), attempts))
            except TryLater as later:
                self._again(record, attempts, later)
            except (Malformed, NotAMessage) as error:
                self._bury(record, "MALFORMED", str(error))
            except AWS_ERRORS as error:
                found = trouble(error)
                if found.meaning is not Meaning.LATER:
                    raise
                self._again(record, attempts, TryLater(f"{found.code}: {found.text}", first=2))
        except Exception as error:  # noqa: BLE001 - one message's failure must not fail its neighbours
            return self._failed(record, error)
        return True

    def _again(self, record: Mapping[str, Any], attempts: int, later: TryLater) -> None:
        if attempts >= _MOST_ATTEMPTS:
            self._bury(record, "TOO_MANY_ATTEMPTS", later.because)
            return
        delay = min(later.first * 2 ** min(attempts, 16), later.cap)
        self.log.info("later", because=later.because, seconds=delay, attempts=attempts)
        self.send(record["body"], delay=round(delay), attempts=attempts + 1)

    def _failed(self, record: Mapping[str, Any], error: Exception) -> bool:
        """Let SQS deliver it again; the last time, bury it with the reason instead of without. True: it is settled."""
        reason = trouble(error).text if isinstance(error, AWS_ERRORS) else str(error)
        if isinstance(error, AWS_ERRORS):
            # AWS's own words may quote what we sent, and a traceback repeats them.
            self.log.error("failed", message_id=record.get("messageId"), error=type(error).__name__, reason=reason)
        else:
            self.log.exception("failed", message_id=record.get("messageId"))
        received = int((record.get("attributes") or {}).get("ApproximateReceiveCount") or 1)
        if received < self.max_receives:
            return False
        try:
            self._bury(record, type(error).__name__, reason)
        except AWS_ERRORS:
            self.log.exception("could not bury", message_id=record.get("messageId"))
            return False
        return True

    def _bury(self, record: Mapping[str, Any], code: str, reason: str) -> None:
        self.log.error("dead letter", code=code, reason=reason)
        values = {"ERROR_CODE": code, "ERROR_MESSAGE": reason[:1000] or "no reason given"}
        self._client.send_message(
            QueueUrl=self.dead_letters,
            MessageBody=record["body"] or " ",
            MessageAttributes={k: {"DataType": "String", "StringValue": v} for k, v in values.items()},
        )


def _body(record: Mapping[str, Any]) -> object:
    try:
        return json.loads(record["body"])
    except (ValueError, RecursionError):
        raise Malformed("the message is not JSON") from None


def _check_time(context: object) -> None:
    left = getattr(context, "get_remaining_time_in_millis", None)
    if left is not None and left() < _LONGEST_MESSAGE_MS:
        raise TryLater("no time left for it in this run", first=1, cap=1)


def _attempts(record: Mapping[str, Any]) -> int:
    attribute = (record.get("messageAttributes") or {}).get("attempts") or {}
    value = str(attribute.get("stringValue") or "0")
    return int(value) if value.isdigit() else 0
