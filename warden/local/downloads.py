"""Parts of a package, by ranged requests to its download URL.

What the engine gets wrong: it always sends the whole package. The URLs that GetLayerVersion and GetFunction answer with
are Amazon S3's, which answers a range with 206 (Amazon S3 API reference, "GetObject"; RFC 9110, "Range Requests").
"""

import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

_DOWNLOADS = ("/_ministack/lambda-layers/", "/_ministack/lambda-code/")
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def ranged(engine: Application) -> Application:
    """Answer one range of a download; everything else passes through."""

    async def application(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        asked = _asked(scope)
        if asked is None:
            await engine(scope, receive, send)
            return
        start: Message = {}
        body = b""

        async def take(message: Message) -> None:
            nonlocal body
            if message["type"] == "http.response.start":
                start.update(message)
            else:
                body += message.get("body", b"")

        await engine(scope, receive, take)
        for message in _answer(start, body, *asked):
            await send(message)

    return application


def _asked(scope: MutableMapping[str, Any]) -> tuple[str, str] | None:
    if scope["type"] != "http" or not str(scope["path"]).startswith(_DOWNLOADS):
        return None
    header = next((value for name, value in scope["headers"] if name.lower() == b"range"), b"")
    found = _RANGE.fullmatch(header.decode("latin-1"))
    return (found[1], found[2]) if found and (found[1] or found[2]) else None


def _answer(start: Message, body: bytes, first: str, last: str) -> list[Message]:
    if start.get("status") != 200:
        return [start, {"type": "http.response.body", "body": body}]
    begin, end = _span(len(body), first, last)
    headers = [(n, v) for n, v in start["headers"] if n.lower() not in (b"content-length", b"content-range")]
    if begin >= end:
        headers.append((b"content-range", f"bytes */{len(body)}".encode()))
        return [{**start, "status": 416, "headers": headers}, {"type": "http.response.body", "body": b""}]
    part = body[begin:end]
    headers += [
        (b"content-length", str(len(part)).encode()),
        (b"content-range", f"bytes {begin}-{end - 1}/{len(body)}".encode()),
    ]
    return [{**start, "status": 206, "headers": headers}, {"type": "http.response.body", "body": part}]


def _span(size: int, first: str, last: str) -> tuple[int, int]:
    """Return where a range begins and where it has ended; without a first byte, it is the last so many."""
    if not first:
        return max(0, size - int(last)), size
    return int(first), min(size, int(last) + 1 if last else size)
