"""Asking the inspector to look at a function: the event that the hub sends itself. Pure."""

from __future__ import annotations

from typing import Any

from functions.core.event import SWEEP_SOURCE
from functions.core.finding import Cause
from functions.core.subject import Subject


def request(hub_account: str, subject: Subject, cause: Cause) -> dict[str, Any]:
    """Return the event that has a function looked at because of `cause`; only the hub account may send it."""
    return {
        "version": "0",
        "source": SWEEP_SOURCE,
        "detail-type": "Inspection Requested",
        "account": hub_account,
        "region": subject.region,
        "detail": {
            "account": subject.account,
            "region": subject.region,
            "function": subject.function,
            "origin": cause.origin,
            "event": cause.event,
            "actor": cause.actor,
        },
    }
