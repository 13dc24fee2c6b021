"""Events that wait in a queue: one pass through all of it, in which each message is deleted, sent or left.

SQS API reference: ReceiveMessage, ChangeMessageVisibilityBatch, DeleteMessageBatch; SQS developer guide, "Dead-letter
queues" and "Visibility timeout"; Lambda API reference, Invoke.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any

from botocore.exceptions import ClientError

from functions.adapters.errors import Meaning, trouble
from functions.core.fix import NotYet, Work
from functions.core.redrive import Begun, Gone, Ledger, Order, Redriven

HIDDEN_SECONDS = 60
"""How long a message that is being looked at stays hidden if whoever looks at it dies; longer than a slice."""
POLL_SECONDS = 1
"""SQS asks all of its servers only if it may wait; an answer without messages then means that there are none."""
_PATIENCE = 10
_AS_OFTEN_AS_ONE_LIKES = 1_000_000_000
_ATTRIBUTES = ["SenderId", "SentTimestamp", "AWSTraceHeader", "ApproximateReceiveCount"]
_HIDDEN = "ApproximateNumberOfMessagesNotVisible"
_GONE = {"QueueDoesNotExist", "NonExistentQueue"}

Message = Mapping[str, Any]


class Kept(StrEnum):
    """Why a message stays where it is."""

    UNKNOWN = "unknown"
    LEFT = "left"


@dataclass(frozen=True)
class Sending:
    """One function that an event is for, by ARN with its qualifier, and what it is handed."""

    event: str
    function: str
    payload: str = field(repr=False)


Decision = Gone | Kept | tuple[Sending, ...]


@dataclass(frozen=True)
class Queue:
    """A queue of the account and Region at hand, by ARN."""

    work: Work
    arn: str

    @cached_property
    def attributes(self) -> Mapping[str, str] | None:
        """What SQS says of it, None if it is gone."""
        return self._read("All")

    @property
    def looks(self) -> int:
        """How often its messages may be received here, so that the last two times are for the function."""
        policy = json.loads((self.attributes or {}).get("RedrivePolicy") or "{}")
        return int(policy["maxReceiveCount"]) - 2 if policy else _AS_OFTEN_AS_ONE_LIKES

    def receive(self) -> list[Message]:
        """Take some messages; none are returned only if none are there."""
        found: list[Message] = self._client.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=HIDDEN_SECONDS,
            WaitTimeSeconds=POLL_SECONDS,
            MessageSystemAttributeNames=_ATTRIBUTES,
        ).get("Messages", [])
        return found

    def hidden(self) -> int:
        """How many messages somebody has received and neither deleted nor put back, as far as SQS knows."""
        return int((self._read(_HIDDEN) or {}).get(_HIDDEN, 0))

    def delete(self, messages: Sequence[Message]) -> None:
        """Delete up to ten messages; one that SQS fails to delete comes back."""
        entries = [{"Id": str(n), "ReceiptHandle": one["ReceiptHandle"]} for n, one in enumerate(messages)]
        self._client.delete_message_batch(QueueUrl=self._url, Entries=entries)

    def put_back(self, messages: Sequence[Message]) -> None:
        """Show messages again at once; one that SQS fails to show comes back by itself."""
        for start in range(0, len(messages), 10):
            entries = [
                {"Id": str(n), "ReceiptHandle": one["ReceiptHandle"], "VisibilityTimeout": 0}
                for n, one in enumerate(messages[start : start + 10])
            ]
            self._client.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)

    def _read(self, name: str) -> Mapping[str, str] | None:
        try:
            answer = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=[name])
        except ClientError as error:
            if str(error.response["Error"]["Code"]).rpartition(".")[2] not in _GONE:
                raise
            return None
        found: Mapping[str, str] = answer["Attributes"]
        return found

    @property
    def _url(self) -> str:
        return "/".join((self._client.meta.endpoint_url, *self.arn.split(":")[4:]))

    @property
    def _client(self) -> Any:
        return self.work.member.client("sqs")


@dataclass
class Invoker:
    """Invokes functions, each event once as far as the record goes, and no faster than is set."""

    work: Work
    ledger: Ledger
    _next: float = 0.0

    def send(self, message: Message, sendings: Sequence[Sending]) -> bool:
        """Send an event to everyone it is for, whoever has not got it yet; False if somebody cannot get it."""
        known = []
        for sending in sendings:
            begun = self.ledger.begin(sending.event, message["MessageId"])
            if begun is Begun.SEND and not self._invoke(sending):
                return False
            known.append(begun)
        if all(begun is Begun.DUPLICATE for begun in known):
            self.ledger.drop(message["MessageId"], Gone.DUPLICATE)
        return True

    def _invoke(self, sending: Sending) -> bool:
        self._wait()
        # A call that got no answer may have been made: it is not repeated by boto3, but counted.
        client = self.work.member.client("lambda", patience=_PATIENCE)
        try:
            client.invoke(
                FunctionName=sending.function,
                InvocationType="Event",
                Payload=sending.payload.encode(errors="surrogatepass"),
            )
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500:
                raise
            self.ledger.refused(sending.event)
            meaning = trouble(error).meaning
            if meaning in (Meaning.MISSING, Meaning.REFUSED):
                return False
            if meaning in (Meaning.BUSY, Meaning.LATER):
                raise NotYet(f"{sending.function} takes no events just now") from None
            raise
        self.ledger.sent(sending.event)
        return True

    def _wait(self) -> None:
        """Wait for the moment that the rate leaves for the next event: at least one a second, as slices are short."""
        time.sleep(max(0.0, self._next - time.time()))
        self._next = max(time.time(), self._next) + 1 / max(1.0, float(self.work.settings["redrive_per_second"]))


@dataclass
class Pass:
    """One look at all of a queue, as far as the slice goes."""

    queue: Queue
    ledger: Ledger
    order: Order
    decide: Callable[[Message], Decision]
    alone: bool
    """Whether nobody else reads the queue, so that whatever is hidden in it was hidden by one of us."""
    _invoker: Invoker = field(init=False)
    _held: dict[str, Message] = field(default_factory=dict)
    """What was received and not deleted, by receipt handle."""
    _kept: Counter[Kept] = field(default_factory=Counter)
    _handled: int = 0
    _put_off: int = 0

    def __post_init__(self) -> None:
        """Send under the same role as that which reads the queue."""
        self._invoker = Invoker(self.queue.work, self.ledger)

    def run(self) -> Redriven:
        """Look at each message; those that stay are hidden until all have been seen, and shown again at the end."""
        try:
            more = self._work_through()
        except Exception:
            self.queue.put_back(list(self._held.values()))
            raise
        self.queue.put_back(list(self._held.values()))
        return Redriven(unknown=self._kept[Kept.UNKNOWN], left=self._kept[Kept.LEFT], more=more)

    def _work_through(self) -> bool:
        """Return whether another slice may have something to do: not where this one found nothing that it may do."""
        while batch := self.queue.receive():
            self._held |= {message["ReceiptHandle"]: message for message in batch}
            self._take(batch)
            if any(int(one["Attributes"]["ApproximateReceiveCount"]) > self.queue.looks for one in batch):
                return False
            if self._is_over:
                return bool(self._handled or self._put_off)
        # What one of us who died was looking at comes back.
        return self.alone and self.queue.hidden() > len(self._held)

    @property
    def _is_over(self) -> bool:
        return time.time() >= self.order.until

    def _take(self, batch: Sequence[Message]) -> None:
        decided = [(message, self.decide(message)) for message in batch]
        doomed = [(message, why) for message, why in decided if isinstance(why, Gone)]
        for message, why in doomed:
            self.ledger.drop(message["MessageId"], why)
        self._delete([message for message, _ in doomed])
        for message, decision in decided:
            if isinstance(decision, Kept):
                self._kept[decision] += 1
            elif not isinstance(decision, Gone):
                self._send(message, decision)

    def _send(self, message: Message, sendings: Sequence[Sending]) -> None:
        """Send an event, unless the slice is over and has done something."""
        if self._is_over and self._handled:
            self._put_off += 1
        elif self._invoker.send(message, sendings):
            self._delete([message])
        else:
            self._kept[Kept.LEFT] += 1

    def _delete(self, messages: Sequence[Message]) -> None:
        if messages:
            self.queue.delete(messages)
            self._handled += len(messages)
            for message in messages:
                del self._held[message["ReceiptHandle"]]
