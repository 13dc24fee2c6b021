"""The names of the files in a package, read from the end of its zip over real HTTP."""

from __future__ import annotations

import io
import threading
import traceback
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.adapters import layer_files
from functions.adapters.layer_files import MOST_BYTES, PackageUnreadable, external_extensions, file_names
from warden.local.emulator import Emulator

SIGNATURE = "X-Amz-Signature=" + "5afe" * 16


@dataclass
class Store:
    """A server of one file, as S3 answers ranges (RFC 9110) unless it is told to `answer` otherwise."""

    path: Path
    server: ThreadingHTTPServer | None = None
    answer: Callable[[Served], None] | None = None
    ranges: list[str] = field(default_factory=list)
    sent: int = 0
    hold: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        assert self.server
        return f"http://127.0.0.1:{self.server.server_port}/snapshots/layer.zip?{SIGNATURE}"

    def put(self, package: bytes) -> str:
        self.path.write_bytes(package)
        return self.url


class Served(BaseHTTPRequestHandler):
    store: Store

    def do_GET(self) -> None:
        self.store.ranges.append(self.headers.get("Range", ""))
        if self.store.answer:
            self.store.answer(self)
        else:
            self.part()

    def part(self, *, shift: int = 0, less: int = 0, said: str = "") -> None:
        size = self.store.path.stat().st_size
        first, _, last = self.headers["Range"].removeprefix("bytes=").partition("-")
        start = int(first) if first else max(size - int(last), 0)
        end = min(int(last) if first and last else size - 1, size - 1)
        if start > end:
            self.reply(416, b"")
            return
        with self.store.path.open("rb") as file:
            file.seek(start + shift)
            body = file.read(end - start + 1 - less)
        self.reply(206, body, **{"Content-Range": said or f"bytes {start + shift}-{end + shift}/{size}"})

    def reply(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            self.wfile.write(body)
            self.store.sent += len(body)
        except ConnectionError:
            pass  # the reader has seen enough

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
        pass


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "layer.zip")
    handler = type("Handler", (Served,), {"store": store})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        store.server = server
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield store
        store.hold.set()
        server.shutdown()
        thread.join()


def packed(*names: str, comment: bytes = b"", content: bytes = b"x") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as package:
        for name in names:
            package.writestr(name, b"" if name.endswith("/") else content)
        package.comment = comment
    return buffer.getvalue()


def test_reads_the_names_of_a_small_package_in_one_request(store: Store) -> None:
    names = ("extensions/", "extensions/datadog-agent", "python/boto.py")
    assert file_names(store.put(packed(*names))) == names
    assert len(store.ranges) == 1


def test_reads_an_empty_package(store: Store) -> None:
    assert file_names(store.put(packed())) == ()


@pytest.mark.parametrize("length", [1, 21, 65_535])
def test_reads_a_package_with_a_comment(store: Store, length: int) -> None:
    assert file_names(store.put(packed("a.py", comment=b"!" * length))) == ("a.py",)
    assert len(store.ranges) == 1


def test_reads_the_end_of_a_large_package_only(store: Store) -> None:
    names = tuple(f"python/package/module_{number:04}.py" for number in range(3000))
    url = store.put(packed(*names, content=b"#" * 3000))
    assert store.path.stat().st_size > 9_000_000
    assert file_names(url) == names
    assert len(store.ranges) == 2
    assert store.sent < 300_000


def test_reads_the_zip64_form_of_the_end(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 1)
    package = packed("a.py", "b.py", comment=b"with a comment")
    assert b"PK\x06\x06" in package
    assert file_names(store.put(package)) == ("a.py", "b.py")


def test_reads_a_package_beyond_four_gigabytes(store: Store) -> None:
    with store.path.open("wb") as file:
        file.truncate(5 * 1024**3)  # a hole: it takes no space
    with zipfile.ZipFile(store.path, "a") as package:
        package.writestr("extensions/agent", b"x")
    assert file_names(store.url) == ("extensions/agent",)
    assert store.sent < 100_000


def test_gives_up_on_a_directory_of_many_thousand_files(store: Store) -> None:
    url = store.put(packed(*(f"node_modules/some-package/{number:06}.js" for number in range(7000))))
    with pytest.raises(PackageUnreadable, match=f"larger than the {MOST_BYTES} bytes"):
        file_names(url)
    assert store.sent < MOST_BYTES


def test_never_downloads_the_package_of_a_server_that_ignores_ranges(store: Store) -> None:
    package = packed("a.py", content=b"x" * 20_000_000)
    store.answer = lambda served: served.reply(200, package)
    with pytest.raises(PackageUnreadable, match="ignores ranges"):
        file_names(store.url)
    assert store.sent == 0  # the connection was closed before it was all sent


def short(served: Served) -> None:
    served.part(less=1)


def cut_off(served: Served) -> None:
    served.send_response(206)
    served.send_header("Content-Length", "1000")
    served.send_header("Content-Range", "bytes 0-999/1000")
    served.end_headers()
    served.wfile.write(b"PK")


def redirect(served: Served) -> None:
    served.reply(302, b"", Location="http://127.0.0.1:9/elsewhere")


def nonsense(served: Served) -> None:
    served.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n")


def hang(served: Served) -> None:
    served.store.hold.wait(10)


@pytest.mark.parametrize(
    ("answer", "because"),
    [
        (lambda served: served.reply(403, b"<Error>Request has expired</Error>"), "answered 403"),
        (lambda served: served.reply(416, b""), "answered 416"),
        (redirect, "answered 302"),
        (lambda served: served.reply(206, b"PK"), "does not say which part"),
        (lambda served: served.part(said="bytes */9"), "does not say which part"),
        (lambda served: served.part(said="bytes 0-1/*"), "does not say which part"),
        (lambda served: served.reply(206, b"PK", **{"Content-Range": "bytes 8-9/9"}), "more or less"),
        (lambda served: served.part(said="bytes 5-2/99"), "more or less"),
        (short, "more or less"),
        (cut_off, "more or less|understood"),
        (nonsense, r"understood \(BadStatusLine\)"),
        (hang, r"reached or understood \(TimeoutError\)"),
    ],
)
def test_says_in_one_line_what_the_server_did(
    store: Store, monkeypatch: pytest.MonkeyPatch, answer: Callable[[Served], None], because: str
) -> None:
    monkeypatch.setattr(layer_files, "_SECONDS", 0.3)
    store.put(packed("a.py"))
    store.answer = answer
    with pytest.raises(PackageUnreadable, match=because) as caught:
        file_names(store.url)
    assert "\n" not in str(caught.value)


def test_notices_a_part_that_was_not_asked_for(store: Store) -> None:
    url = store.put(packed(*(f"module_{number:04}.py" for number in range(3000))))
    store.answer = lambda served: served.part(shift=-1 if len(store.ranges) > 1 else 0)
    with pytest.raises(PackageUnreadable, match="another part"):
        file_names(url)


UTF8_NAME = packed("extensions/agent-é")
FUTURE = packed("a.py")


@pytest.mark.parametrize(
    "package",
    [
        b"",
        b"PK",
        b"no zip" * 100,
        b"PK\x05\x06" + b"\xff" * 18,
        UTF8_NAME.replace("é".encode(), b"\xff\xff"),
        FUTURE.replace(b"PK\x01\x02\x14\x03\x14", b"PK\x01\x02\x14\x03\xff"),
    ],
)
def test_refuses_what_is_no_zip(store: Store, package: bytes) -> None:
    with pytest.raises(PackageUnreadable):
        file_names(store.put(package))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(place=st.integers(0, 400), byte=st.integers(0, 255))
def test_a_damaged_zip_is_read_or_refused_and_nothing_else(store: Store, place: int, byte: int) -> None:
    package = bytearray(packed("extensions/agent", "b.py", comment=b"c"))
    package[place % len(package)] = byte
    try:
        file_names(store.put(bytes(package)))
    except PackageUnreadable as error:
        assert "\n" not in str(error)  # noqa: PT017 - either outcome is right


@pytest.mark.parametrize(
    "address",
    [
        f"http://127.0.0.1:9/layer.zip?{SIGNATURE}",
        f"http://127.0.0.1:port/layer.zip?{SIGNATURE}",
        f"http://127.0.0.1:9/layer zip\r\n?{SIGNATURE}",
        f"http://no such host/?{SIGNATURE}",
        f"http://[::1/?{SIGNATURE}",
        f"file:///etc/passwd?{SIGNATURE}",
        SIGNATURE,
    ],
)
def test_never_tells_the_url(address: str) -> None:
    with pytest.raises(PackageUnreadable) as caught:
        file_names(address)
    error: BaseException | None = caught.value
    while error:
        assert SIGNATURE not in repr(error)
        error = error.__context__ or error.__cause__
    assert SIGNATURE not in "".join(traceback.format_exception(caught.value))


def test_an_open_file_does_not_show_the_url(store: Store) -> None:
    file = layer_files._RemoteFile(store.put(packed("a.py")))
    assert SIGNATURE not in repr(file)
    assert file.read(4) == b"PK\x03\x04"
    assert file.seek(-22, io.SEEK_END) == file.tell()
    assert file.read()[:4] == b"PK\x05\x06"


def test_an_open_file_is_read_as_any_other(store: Store) -> None:
    content = bytes(number % 251 for number in range(150_000))
    file = layer_files._RemoteFile(store.put(content))
    for start, size in (
        (0, 9),
        (100, 100_000),
        (80_000, 9_000),
        (149_990, 99),
        (149_999, 1),
        (150_000, 1),
        (83_000, -1),
    ):
        file.seek(start)
        assert file.read(size) == content[start : start + size if size >= 0 else None]


def test_reads_by_a_presigned_url(emulator: Emulator) -> None:
    s3 = emulator.client("s3", "222222222222", "eu-west-1")
    s3.create_bucket(Bucket="layers", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket="layers", Key="agent.zip", Body=packed("extensions/agent", "lib/a.so", content=b"x" * 99_000))
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "layers", "Key": "agent.zip"})
    assert external_extensions(file_names(url)) == ("extensions/agent",)


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (("extensions/agent",), ("extensions/agent",)),
        (("extensions/a", "extensions/b.sh", "python/x.py"), ("extensions/a", "extensions/b.sh")),
        (("./extensions/a", "/extensions/b", "extensions\\c"), ("extensions/a", "extensions/b", "extensions/c")),
        (("extensions/.hidden",), ("extensions/.hidden",)),
        (("extensions/", "extensions/lib/", "extensions/lib/a.so"), ()),
        (("opt/extensions/a", "python/extensions/b", "Extensions/c", "extensions", "extensions.py"), ()),
        ((), ()),
    ],
)
def test_names_what_lambda_starts_as_extensions(names: tuple[str, ...], found: tuple[str, ...]) -> None:
    assert external_extensions(names) == found
