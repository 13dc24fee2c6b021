"""The names of the files in a Lambda package, read from the end of its zip by ranged requests to its presigned URL.

`GetLayerVersion` and `GetFunction` answer with such a URL (`Content.Location`, `Code.Location`). It is a credential:
whoever has it can download the code. So it is in no error, log or `repr`.

Sources: PKWARE "APPNOTE.TXT - .ZIP File Format Specification", 4.3.6 and 4.3.14 to 4.3.16; RFC 9110 "HTTP Semantics",
section 14 "Range Requests"; Lambda developer guide, "Configuring Lambda extensions".
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
from collections.abc import Iterable
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MOST_BYTES = 512 * 1024
"""All that is read of one package: the directory of some 5,000 files. Of a larger one nothing is known."""

_SECONDS = 5.0  # for each connection, and each wait for bytes
# The last records of a zip may be followed by a comment of 65,535 bytes; of most packages this is the whole directory.
_TAIL = 66 * 1024
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


class PackageUnreadable(Exception):
    """The names of the files could not be read; the text is one line, and does not have the URL in it."""


def file_names(url: str) -> tuple[str, ...]:
    """Return the names in the zip at a presigned URL, folders with a slash at their end. Raises `PackageUnreadable`."""
    file = _RemoteFile(url)
    try:
        with zipfile.ZipFile(file) as package:
            return tuple(package.namelist())
    except (zipfile.BadZipFile, struct.error, ValueError, NotImplementedError, OSError) as error:
        problem = f"it is not a zip file that can be read ({type(error).__name__})"
    raise PackageUnreadable(problem)


def external_extensions(names: Iterable[str]) -> tuple[str, ...]:
    """Return those files of a layer that Lambda starts as external extensions: all that are directly in `extensions/`.

    Each is a process of its own beside the runtime. It gets the function's environment as it is configured, without
    what an exec wrapper makes of it, so it would miss a secret that was moved (as Datadog's would miss `DD_API_KEY`).
    Whether a file is executable is not in its name: every one counts.
    """
    plain = (name.replace("\\", "/").removeprefix("./").lstrip("/") for name in names)
    return tuple(name for name in plain if re.fullmatch(r"extensions/[^/]+", name))


class _RemoteFile(io.RawIOBase):
    """A file at a URL, of which only what is asked for is fetched; what was fetched first is its end."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._left = MOST_BYTES
        self._at = 0
        self._tail, self._tail_at, self._size = self._fetch(f"-{_TAIL}", _TAIL)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise OSError("a place before the start of the file")  # what zipfile expects of a short file
        self._at = start + offset
        return self._at

    def read(self, size: int = -1) -> bytes:
        wanted = self._size - self._at if size < 0 else min(size, self._size - self._at)
        if wanted <= 0:
            return b""
        start, end = self._at, self._at + wanted
        self._at = end
        missing = b""
        if start < self._tail_at:
            last = min(end, self._tail_at) - 1
            missing, found_at, _ = self._fetch(f"{start}-{last}", last - start + 1)
            if found_at != start or len(missing) != last - start + 1:
                raise PackageUnreadable("the server sent another part of the package than was asked for")
        return missing + self._tail[max(start - self._tail_at, 0) : max(end - self._tail_at, 0)]

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        found = self.read(len(view))
        view[: len(found)] = found
        return len(found)

    def _fetch(self, span: str, most: int) -> tuple[bytes, int, int]:
        """Return a part of the file, where it starts, and the size of the file."""
        if most > self._left:
            raise PackageUnreadable(f"its directory is larger than the {MOST_BYTES} bytes that are read of a package")
        self._left -= most
        try:
            return _get(self._url, span, most)
        except (HTTPException, OSError, ValueError) as error:
            # Some of these quote the URL; their kind says enough.
            kind = type(error).__name__
        raise PackageUnreadable(f"the server could not be reached or understood ({kind})")


def _get(url: str, span: str, most: int) -> tuple[bytes, int, int]:
    parts = urlsplit(url)
    connect = {"https": HTTPSConnection, "http": HTTPConnection}.get(parts.scheme)
    if connect is None or not parts.hostname:
        raise PackageUnreadable("its address is not one of HTTP")
    connection = connect(parts.hostname, parts.port, timeout=_SECONDS)
    try:
        headers = {"Range": f"bytes={span}", "Accept-Encoding": "identity"}
        connection.request("GET", f"{parts.path or '/'}?{parts.query}", headers=headers)
        return _part(connection.getresponse(), most)
    finally:
        connection.close()


def _part(response: HTTPResponse, most: int) -> tuple[bytes, int, int]:
    if response.status == 200:
        raise PackageUnreadable("the server ignores ranges, and the whole package is not downloaded")
    if response.status != 206:
        raise PackageUnreadable(f"the server answered {response.status}")
    said = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    if said is None:
        raise PackageUnreadable("the server does not say which part of the package it sent")
    first, last, size = (int(group) for group in said.groups())
    body = response.read(most + 1)
    if len(body) > most or len(body) != last - first + 1 or last >= size:
        raise PackageUnreadable("the server sent more or less of the package than it said")
    return body, first, size
