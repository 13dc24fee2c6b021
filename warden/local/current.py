"""The API call that is being answered in this context, for code deep inside the engine that must know who called."""

from contextvars import ContextVar
from dataclasses import dataclass

from warden.local.identity import Principal
from warden.local.operations import Operation


@dataclass(frozen=True)
class CurrentCall:
    """An operation, who called it, and in which Region."""

    operation: Operation
    caller: Principal
    region: str


CURRENT: ContextVar[CurrentCall | None] = ContextVar("warden_current_call", default=None)
