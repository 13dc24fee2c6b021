"""What is on record of each event that was kept and sent back, in the state table.

One item collection per finding (`REDRIVE#<finding>`): `EVENT#<key>` for an event that is or was sent, `MESSAGE#<id>`
for a message that was deleted without that, `QUEUE#<arn>` for how often a queue was looked through, and
`REQUEST#<moment>` for how a request ended. The first two name the request they belong to, so that its numbers are
counted from the record and from nothing else.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from botocore.exceptions import ClientError

from functions.core.redrive import Begun, Gone, Redriven

_KEEP_SECONDS = 400 * 86_400
_SENDING, _SENT = "sending", "sent"
_NAMES = {"#state": "state", "#request": "request"}


@dataclass(frozen=True)
class Ledger:
    """The record of one finding's events, for one request to send them back; `request` is when it was made."""

    client: Any
    table: str
    finding: str
    request: str

    def begin(self, event: str, message: str) -> Begun:
        """Write that an event is about to be sent, unless it was: how often it may have been is counted."""
        item = {"state": {"S": _SENDING}, "message": {"S": message}}
        if self._put(f"EVENT#{event}", {**item, "tries": {"N": "1"}}, new=True):
            return Begun.SEND
        known = self._get(f"EVENT#{event}")
        if known["state"]["S"] == _SENT:
            return Begun.SENT if known["message"]["S"] == message else Begun.DUPLICATE
        self._put(f"EVENT#{event}", {**item, "tries": {"N": str(int(known["tries"]["N"]) + 1)}})
        return Begun.SEND

    def sent(self, event: str) -> None:
        """Write that it was sent."""
        self._update(f"EVENT#{event}", "SET #state = :sent", {":sent": {"S": _SENT}}, {"#state": "state"})

    def refused(self, event: str) -> None:
        """Write that it was certainly not sent this time."""
        self._update(f"EVENT#{event}", "ADD tries :less", {":less": {"N": "-1"}})

    def look(self, queue: str) -> int:
        """Write that a queue is about to be looked through; return how often it was, this time included."""
        answer = self._update(f"QUEUE#{queue}", "ADD looks :one", {":one": {"N": "1"}})
        return int(answer["Attributes"]["looks"]["N"])

    def drop(self, message: str, why: Gone) -> None:
        """Write that a message is about to be deleted without being sent."""
        self._put(f"MESSAGE#{message}", {"state": {"S": why.value}})

    def total(self, last: Redriven) -> Redriven:
        """Return the numbers of the whole request: `last` tells what its last slice left in the queue."""
        found: Counter[str] = Counter()
        for item in self._items():
            state = item["state"]["S"]
            found[state] += 1
            found["twice"] += state == _SENT and int(item["tries"]["N"]) > 1
        return replace(
            last,
            sent=found[_SENT],
            twice=found["twice"],
            dropped=found[Gone.LOOP],
            tests=found[Gone.TEST],
            duplicates=found[Gone.DUPLICATE],
        )

    def ended(self) -> tuple[Redriven, str] | None:
        """Return how this request ended and when, None if it has not: it may be told twice, and is made once."""
        item = self._get(f"REQUEST#{self.request}")
        if not item:
            return None
        body = json.loads(item["body"]["S"])
        return Redriven(**body["redriven"]), body["at"]

    def end(self, redriven: Redriven, at: str) -> None:
        """Write how it ended."""
        body = {"redriven": asdict(redriven), "at": at}
        self._put(f"REQUEST#{self.request}", {"body": {"S": json.dumps(body)}})

    def _items(self) -> Any:
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            KeyConditionExpression="pk = :pk",
            FilterExpression="#request = :request AND attribute_exists(#state)",
            ProjectionExpression="#state, tries",
            ExpressionAttributeNames=_NAMES,
            ExpressionAttributeValues={":pk": {"S": self._pk}, ":request": {"S": self.request}},
            ConsistentRead=True,
        )
        for page in pages:
            yield from page["Items"]

    @property
    def _pk(self) -> str:
        return f"REDRIVE#{self.finding}"

    def _put(self, sk: str, item: Mapping[str, Any], *, new: bool = False) -> bool:
        """Write an item; with `new`, only where there is none: False if there is."""
        condition = {"ConditionExpression": "attribute_not_exists(pk)"} if new else {}
        expires = str(int(time.time()) + _KEEP_SECONDS)
        common = {"pk": {"S": self._pk}, "sk": {"S": sk}, "request": {"S": self.request}, "expires": {"N": expires}}
        try:
            self.client.put_item(TableName=self.table, Item={**common, **item}, **condition)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return False
        return True

    def _get(self, sk: str) -> Mapping[str, Any]:
        key = {"pk": {"S": self._pk}, "sk": {"S": sk}}
        found: Mapping[str, Any] = self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True).get(
            "Item", {}
        )
        return found

    def _update(self, sk: str, how: str, values: Mapping[str, Any], names: Mapping[str, str] | None = None) -> Any:
        return self.client.update_item(
            TableName=self.table,
            Key={"pk": {"S": self._pk}, "sk": {"S": sk}},
            UpdateExpression=how,
            ExpressionAttributeValues=values,
            ReturnValues="ALL_NEW",
            **({"ExpressionAttributeNames": names} if names else {}),
        )
