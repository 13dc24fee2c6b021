"""What AWS has been told and does not show yet: waited for at first, and wrong after a while.

IAM user guide, "Changes that I make are not always immediately visible"; SQS API reference, SetQueueAttributes: up to a
minute.
"""

from __future__ import annotations

from functions.adapters.clock import seconds_since
from functions.core.fix import NotVerified, NotYet, Work

_SECONDS = 90


def waiting(work: Work) -> bool:
    """Whether the fix at hand was begun so lately that AWS may not have caught up with it."""
    return bool(work.since) and seconds_since(work.since) < _SECONDS


def unseen(work: Work, text: str) -> NotYet | NotVerified:
    """Return what to raise where a change was made and cannot be seen."""
    return NotYet(text) if waiting(work) else NotVerified(text)
