"""Events of ours onto the hub bus."""

from __future__ import annotations

import json

from functions.adapters.aws import Aws
from functions.core.message import SOURCE, Message


class NotSent(Exception):
    """EventBridge took the request and refused an entry; the text carries its code and message."""


class Bus:
    """The hub bus, by name."""

    def __init__(self, aws: Aws, name: str) -> None:
        self._aws, self._name = aws, name

    def put(self, *messages: Message) -> None:
        """Send events, ten to a call (EventBridge API, `PutEvents`). Raises `NotSent` or boto3's errors."""
        for start in range(0, len(messages), 10):
            entries = [
                {
                    "EventBusName": self._name,
                    "Source": SOURCE,
                    "DetailType": message.kind.value,
                    "Detail": json.dumps(message.to_detail()),
                    "Resources": [message.finding.subject.arn],
                }
                for message in messages[start : start + 10]
            ]
            answer = self._aws.hub("events").put_events(Entries=entries)
            if answer.get("FailedEntryCount"):
                failed = next(entry for entry in answer["Entries"] if entry.get("ErrorCode"))
                raise NotSent(f"{failed['ErrorCode']}: {failed.get('ErrorMessage', '')}")
