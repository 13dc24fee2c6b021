"""Findings and events of ours to test with. The n-th second of the examples' day is `at(n)`."""

from typing import Any

from functions.core.finding import Cause, Evidence, Finding
from functions.core.message import Kind, Message
from functions.core.playbook import Severity
from functions.core.subject import Subject
from functions.core.ticket import Ticket, fold

SUBJECT = Subject("aws", "222222222222", "eu-west-1", "orders")
PLAYBOOK = "reserved-concurrency"


def at(second: int) -> str:
    """A moment as the functions write it."""
    return f"2026-11-20T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}.000000Z"


def finding(second: int = 0, **fields: Any) -> Finding:
    """A finding seen at that second."""
    known: dict[str, Any] = {
        "playbook": PLAYBOOK,
        "subject": SUBJECT,
        "title": "Critical function without reserved concurrency",
        "severity": Severity.HIGH,
        "what": "The function is critical and has no reserved concurrency.",
        "why": "Others can starve it.",
        "evidence": (Evidence("Reserved concurrency", "not set"),),
        "found_at": at(second),
        "cause": Cause("CreateFunction20150331", f"event-{second}", at(second), "Dev/alice"),
    }
    return Finding(**{**known, **fields})


def opened(second: int, mode: str = "enforce", **fields: Any) -> Message:
    return Message(Kind.FINDING_OPENED, finding(second), at(second), mode=mode, **fields)


def cleared(second: int) -> Message:
    return Message(Kind.FINDING_CLEARED, finding(), at(second), text="gone")


def fix_requested(second: int) -> Message:
    return Message(Kind.FIX_REQUESTED, finding(), at(second), by="Dev/bob")


def undo_requested(second: int) -> Message:
    return Message(Kind.UNDO_REQUESTED, finding(), at(second), by="Dev/bob")


def applied(second: int, fix: int = 1) -> Message:
    change = {"setting": "reserved concurrency", "before": None, "after": 10 + fix}
    return Message(Kind.FIX_APPLIED, finding(), at(second), by="lambda-warden", fix=fix, changes=(change,), text="Set.")


def undone(second: int, fix: int = 1) -> Message:
    change = {"setting": "reserved concurrency", "before": 10 + fix, "after": None}
    return Message(Kind.FIX_UNDONE, finding(), at(second), by="Dev/bob", fix=fix, changes=(change,), text="Put back.")


def failed(second: int, code: str = "no-room") -> Message:
    return Message(Kind.FIX_FAILED, finding(), at(second), code=code, text=f"It is {code}.")


def decided(second: int, code: str = "snoozed", until: int = 0) -> Message:
    """A person snoozed the ticket, or exempted the function, until that second."""
    return Message(Kind.TICKET_ACTION, finding(), at(second), by="Dev/bob", code=code, until=at(until))


def ticket(*messages: Message) -> Ticket:
    """The ticket these events lead to."""
    folded: Ticket | None = None
    for message in messages:
        folded = fold(folded, message)
    assert folded is not None
    return folded
