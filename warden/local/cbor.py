"""CBOR (RFC 8949), as much of it as CloudWatch's "Smithy RPC v2 CBOR protocol" uses.

The engine wants the package cbor2 to speak with CloudWatch clients of this botocore and does not install it; without it
every CloudWatch call fails. `provide` puts this module in its place when the real one is absent.
"""

import datetime as dt
import struct
import sys
from dataclasses import dataclass
from typing import Any

_BREAK = object()
_SIMPLE = {20: False, 21: True, 22: None, 23: None}
_FLOATS = {25: (">e", 2), 26: (">f", 4), 27: (">d", 8)}


@dataclass(frozen=True)
class CBORTag:
    """A tagged value; tag 1 is seconds since the epoch."""

    tag: int
    value: Any


def provide() -> None:
    """Make ``import cbor2`` work in this process."""
    try:
        import cbor2  # type: ignore[import-not-found] # noqa: F401, PLC0415 # only whether it is there matters
    except ImportError:
        sys.modules["cbor2"] = sys.modules[__name__]


def loads(data: bytes) -> Any:
    """The value encoded in ``data``. Raises ValueError when it ends early."""
    value, _ = _item(data, 0)
    return value


def dumps(value: Any) -> bytes:  # noqa: PLR0911 # one per CBOR type
    """``value`` encoded; accepts what JSON does, bytes, datetimes and tags."""
    if isinstance(value, CBORTag):
        return _head(6, value.tag) + dumps(value.value)
    if isinstance(value, dt.datetime):
        return _head(6, 1) + dumps(value.timestamp())
    if value is None or isinstance(value, bool):
        return bytes([{None: 0xF6, True: 0xF5, False: 0xF4}[value]])
    if isinstance(value, int):
        return _head(0, value) if value >= 0 else _head(1, -1 - value)
    if isinstance(value, float):
        return b"\xfb" + struct.pack(">d", value)
    if isinstance(value, bytes):
        return _head(2, len(value)) + value
    if isinstance(value, dict):
        return _head(5, len(value)) + b"".join(dumps(one) for pair in value.items() for one in pair)
    if isinstance(value, list | tuple):
        return _head(4, len(value)) + b"".join(map(dumps, value))
    text = str(value).encode()
    return _head(3, len(text)) + text


def _head(major: int, number: int) -> bytes:
    if number < 24:
        return bytes([major << 5 | number])
    for code, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if number < 1 << 8 * size:
            return bytes([major << 5 | code]) + number.to_bytes(size, "big")
    raise ValueError(f"{number} is too large for CBOR")


def _item(data: bytes, at: int) -> tuple[Any, int]:
    if at >= len(data):
        raise ValueError("the CBOR data ends early")
    major, info = data[at] >> 5, data[at] & 31
    at += 1
    if major == 7:
        return _special(data, at, info)
    if info == 31:
        return _indefinite(data, at, major)
    if info >= 24:
        size = 1 << info - 24
        number, at = int.from_bytes(data[at : at + size], "big"), at + size
    else:
        number = info
    return _sized(data, at, major, number)


def _special(data: bytes, at: int, info: int) -> tuple[Any, int]:
    if info == 31:
        return _BREAK, at
    if info in _FLOATS:
        code, size = _FLOATS[info]
        return struct.unpack(code, data[at : at + size])[0], at + size
    return _SIMPLE.get(info), at


def _sized(data: bytes, at: int, major: int, number: int) -> tuple[Any, int]:
    if major in (0, 1):
        return (number if major == 0 else -1 - number), at
    if major in (2, 3):
        raw = data[at : at + number]
        return (raw if major == 2 else raw.decode()), at + number
    if major == 6:
        value, at = _item(data, at)
        return (dt.datetime.fromtimestamp(value, dt.UTC) if number == 1 else CBORTag(number, value)), at
    items = []
    for _ in range(number * (2 if major == 5 else 1)):
        value, at = _item(data, at)
        items.append(value)
    return (items if major == 4 else dict(zip(items[::2], items[1::2], strict=True))), at


def _indefinite(data: bytes, at: int, major: int) -> tuple[Any, int]:
    items = []
    while True:
        value, at = _item(data, at)
        if value is _BREAK:
            break
        items.append(value)
    if major == 2:
        return b"".join(items), at
    if major == 3:
        return "".join(items), at
    return (items if major == 4 else dict(zip(items[::2], items[1::2], strict=True))), at
