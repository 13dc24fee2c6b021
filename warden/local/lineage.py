"""The trace header that a chain of requests hands on, with the lineage that counts how often it invoked functions.

What the engine gets wrong: a function has a trace header only when it is traced, without a lineage, and nothing that
it sends carries one. AWS documentation: "AWS X-Ray concepts" (tracing header), "Use Lambda recursive loop detection to
prevent infinite loops" (SQS, SNS, S3 and Lambda hand the lineage on; EventBridge, streams and the rest do not) and the
API reference of SendMessage (``AWSTraceHeader``). The lineage's form is AWS's own business and may change there; here
it is ``<n>:<8 hex digits>:<count>``, 0 for the invocation that begins a chain, and one more at every further one.

Only Lambda's own calls are stopped by the count that the engine keeps beside this one: loops through queues, topics
and buckets can run here.
"""

import secrets
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from ministack.services import lambda_svc

from warden.local.patching import replace

# The header with which what is under way in this context was asked for; "" at the beginning of a chain.
_CAME: ContextVar[str] = ContextVar("warden_trace_header", default="")


def install() -> None:
    """Give every invocation a header of its own."""
    replace(lambda_svc, "_xray_trace_id_for_invocation", lambda _original: header_of_invocation)


def arrived(header: str) -> None:
    """Remember the header of a request, a message or "" for the rest of this context."""
    _CAME.set(header)


def current() -> str:
    """The header of what is under way, or ""."""
    return _CAME.get()


@contextmanager
def cut() -> Iterator[None]:
    """Within this, a chain begins anew: the service in between does not hand the header on."""
    token = _CAME.set("")
    try:
        yield
    finally:
        _CAME.reset(token)


def header_of_invocation(config: dict[str, Any], _inbound: str | None = None) -> str:
    """The ``_X_AMZN_TRACE_ID`` of one invocation, which SDKs put on every call that the function makes."""
    came = dict(part.split("=", 1) for part in _CAME.get().split(";") if "=" in part)
    traced = (config.get("TracingConfig") or {}).get("Mode") == "Active"
    root = came.get("Root") or f"1-{int(time.time()):08x}-{secrets.token_hex(12)}"
    lineage = _following(came.get("Lineage", ""), str(config.get("FunctionArn", "")))
    sampled = came.get("Sampled") or ("1" if traced else "0")
    return f"Root={root};Parent={secrets.token_hex(8)};Sampled={sampled};Lineage={lineage}"


def _following(lineage: str, function: str) -> str:
    before, _, count = lineage.rpartition(":")
    if before and count.isdigit():
        return f"{before}:{int(count) + 1}"
    return f"1:{zlib.crc32(function.encode()):08x}:0"
