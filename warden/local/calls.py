"""The AWS API calls the emulator answered, for tests that count them and for finding unused permissions."""

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Call:
    """One API call. ``time`` is seconds since the epoch; ``status`` is the HTTP status, 0 when no answer was sent.

    ``account`` is the one the call acts in, ``operation`` botocore's name, ``iam_action`` what IAM checks ("" when IAM
    checks nothing or several things), ``error_code`` the service's error or "".
    """

    time: float
    account: str
    region: str
    principal_arn: str
    service: str
    operation: str
    iam_action: str
    resource: str
    status: int
    error_code: str
    request_id: str

    def matches(self, filters: Mapping[str, str]) -> bool:
        """Whether every named field has the given value, compared as text."""
        return all(str(getattr(self, name)) == str(value) for name, value in filters.items())


class CallLog:
    """The most recent calls, oldest first."""

    def __init__(self, size: int = 200_000) -> None:
        self._calls: deque[Call] = deque(maxlen=size)
        self._lock = threading.Lock()

    def add(self, call: Call) -> None:
        """Record one call."""
        with self._lock:
            self._calls.append(call)

    def find(self, filters: Mapping[str, str]) -> list[Call]:
        """Calls whose fields equal the filters. Raises AttributeError for a field that calls do not have."""
        with self._lock:
            calls = list(self._calls)
        return [call for call in calls if call.matches(filters)]

    def clear(self) -> None:
        """Forget all calls."""
        with self._lock:
            self._calls.clear()


def as_json(call: Call) -> dict[str, Any]:
    """The call as the admin endpoint sends it."""
    return asdict(call)
