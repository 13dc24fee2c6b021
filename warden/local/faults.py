"""Injected errors, delays and lost answers, for tests of what happens when AWS misbehaves."""

import threading
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Fault:
    """What happens to a matching call.

    ``status`` 0 closes the connection without an answer. ``after`` lets the call take effect and then loses the
    answer. ``delay`` (seconds) comes before either. Empty ``account``, ``resource`` and ``principal`` match any;
    ``resource`` and ``principal`` match an ARN that contains the text.
    """

    operation: str
    account: str = ""
    resource: str = ""
    principal: str = ""
    times: int = 1
    status: int = 429
    code: str = "TooManyRequestsException"
    message: str = "Rate exceeded"
    delay: float = 0.0
    retry_after: float | None = None
    after: bool = False

    def matches(self, operations: tuple[str, ...], account: str, principal: str, resource: str) -> bool:
        """Whether a call known under these names, of this account and caller, is meant."""
        return (
            self.operation in operations
            and self.account in ("", account)
            and self.principal in principal
            and self.resource in resource
        )


class Faults:
    """The faults that are still to happen."""

    def __init__(self) -> None:
        self._left: list[tuple[Fault, int]] = []
        self._lock = threading.Lock()

    def add(self, values: dict[str, Any]) -> None:
        """Arm a fault. Raises TypeError for an unknown field and ValueError without an operation."""
        fault = Fault(**{name: value for name, value in values.items() if value is not None})
        if ":" not in fault.operation:
            raise ValueError(f"an operation is written like lambda:PutFunctionConcurrency, not {fault.operation!r}")
        with self._lock:
            self._left.append((fault, fault.times))

    def take(self, operations: tuple[str, ...], account: str, principal: str, resource: str) -> Fault | None:
        """The first armed fault that matches, used up by one."""
        with self._lock:
            for index, (fault, left) in enumerate(self._left):
                if fault.matches(operations, account, principal, resource):
                    self._left[index : index + 1] = [(fault, left - 1)] if left > 1 else []
                    return fault
        return None

    def clear(self) -> None:
        """Disarm all."""
        with self._lock:
            self._left.clear()
