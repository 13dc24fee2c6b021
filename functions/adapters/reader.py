"""Asking AWS about many things of an account at once, and noting what it does not say."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any, TypeVar

from functions.adapters.errors import AWS_ERRORS, Meaning, trouble
from functions.playbooks.recursive_loop.account import NOT_ALLOWED, NotRead

_AT_ONCE = 8
# Quotas per account and Region, which the customer's own deployments share ("Lambda quotas", "CloudWatch Logs quotas",
# "EventBridge quotas", "Step Functions quotas"): 15, 10, 50 and 20 calls a second.
_PER_SECOND = {"lambda": 10, "logs": 8, "events": 25, "stepfunctions": 10}
_BURST = 20

Json = Mapping[str, Any]
_T = TypeVar("_T")
_R = TypeVar("_R")


class Reader:
    """Asks, and notes what was refused; an error that may pass is raised where holes would be `lasting`."""

    def __init__(self, client: Callable[[str], Any], *, lasting: bool = False) -> None:
        self._client, self._lasting = client, lasting
        self._making = Lock()
        self.not_read: list[NotRead] = []

    def client(self, service: str) -> Any:
        """A client of a service; making one is not safe in threads, and a session may end in the middle."""
        with self._making:
            return self._client(service)

    def all(self, service: str, operation: str, member: str, action: str, **arguments: Any) -> list[Json]:
        """Every item of every page; [] if that was refused, or what is asked about is gone."""
        found: list[Json] = []
        try:
            for page in self.pages(service, operation, **arguments):
                found += page.get(member) or ()
        except AWS_ERRORS as error:
            self.refused(error, action, arguments)
        return found

    def pages(self, service: str, operation: str, **arguments: Any) -> Iterator[Json]:
        """Every page. Raises boto3's errors."""
        client = self.client(service)
        if client.can_paginate(operation):
            yield from client.get_paginator(operation).paginate(**arguments)
            return
        more: dict[str, str] = {}
        while True:
            page = getattr(client, operation)(**arguments, **more)
            yield page
            if not page.get("NextToken"):
                return
            more = {"NextToken": page["NextToken"]}

    def one(self, service: str, operation: str, action: str, **arguments: Any) -> Json | None:
        """One answer, None if that was refused, or what is asked about is gone."""
        try:
            answer: Json = getattr(self.client(service), operation)(**arguments)
        except AWS_ERRORS as error:
            self.refused(error, action, arguments)
            return None
        return answer

    def each(self, ask: Callable[[_T], _R], items: Iterable[_T], service: str) -> list[_R]:
        """Ask about several at a time, but not faster than the service takes; answers in the order of the items."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return list(pool.map(ask, _paced(items, _PER_SECOND.get(service))))

    def refused(self, error: Any, action: str, arguments: Json) -> None:
        """Note an error; what was deleted in the meantime is none."""
        found = trouble(error)
        if found.meaning is Meaning.MISSING or found.code in _GONE:
            return
        if self._lasting and found.meaning is Meaning.LATER:
            raise error
        what = next((str(value) for name, value in arguments.items() if name not in _NO_RESOURCE), "")
        why = NOT_ALLOWED if found.meaning is Meaning.DENIED else f"{found.code}: {found.text}"
        self.not_read.append(NotRead(action, what, why))


def _paced(items: Iterable[_T], per_second: int | None) -> Iterator[_T]:
    for number, item in enumerate(items):
        if per_second and number >= _BURST:
            time.sleep(1 / per_second)
        yield item


_GONE = {
    "NoSuchBucket",
    "NotFound",
    "AWS.SimpleQueueService.NonExistentQueue",
    "QueueDoesNotExist",
    "StateMachineDoesNotExist",
}
_NO_RESOURCE = {"AttributeNames", "BucketRegion", "Filter", "PaginationConfig"}
