"""A small HTTP server in the place of Secrets Manager that answers what it is told to."""

import json
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True)
class Answer:
    """One answer; `hang` and `close` are seconds without one, and a connection closed in the middle of it."""

    status: int = 200
    body: object = None
    chunked: bool = False
    hang: float = 0.0
    close: bool = False
    trickle: float = 0.0


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    time: float


def value(**variables: str) -> Answer:
    """A secret's value."""
    return Answer(body={"SecretString": json.dumps(variables)})


def error(code: str, message: str = "no", status: int = 400) -> Answer:
    """An error as Secrets Manager tells it."""
    return Answer(status, {"__type": f"com.amazonaws.secretsmanager#{code}", "Message": message})


class Answers:
    """Gives its answers one after another, the last one again and again. It ends with the `with` block."""

    def __init__(self, certificate: Path | None = None) -> None:
        self.script: list[Answer] = [value()]
        self.requests: list[Request] = []
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.answers = self
        self._scheme = "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
            self._scheme = "https"

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._server.server_port}"

    def environment(self, *moved: str, **more: str) -> dict[str, str]:
        """The environment of a function whose secret is read here."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "/".join(["wJalrXUtnFEMI", "K7MDENG"]),
            "AWS_SESSION_TOKEN": "a/session+token=",
            "WARDEN_SECRET": ARN,
            **more,
            **dict.fromkeys(moved, "{{warden}}"),
        }

    def next(self) -> Answer:
        return self.script.pop(0) if len(self.script) > 1 else self.script[0]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


ARN = "arn:aws:secretsmanager:eu-west-1:111111111111:secret:warden/orders/env-a1B2c3"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    answers: Answers

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing about clients that went away or did not trust the certificate."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, *_arguments: object) -> None:
        return

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): text for name, text in self.headers.items()}
        self.server.answers.requests.append(Request(self.command, self.path, headers, body, time.monotonic()))
        answer = self.server.answers.next()
        time.sleep(answer.hang)
        self._answer(answer, json.dumps(answer.body).encode() if answer.body is not None else b"")

    do_POST = do_GET  # noqa: N815 # as the base class wants it

    def _answer(self, answer: Answer, body: bytes) -> None:
        self.send_response(answer.status)
        self.send_header(*(("Transfer-Encoding", "chunked") if answer.chunked else ("Content-Length", str(len(body)))))
        self.end_headers()
        if answer.close:
            self.wfile.write(body[:5])
            self.close_connection = True
        elif answer.chunked:
            pieces = [body[n : n + 7] for n in range(0, len(body), 7)]
            self._write(*(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in [*pieces, b""]))
        elif answer.trickle:
            for letter in body:
                self._write(bytes([letter]))
                time.sleep(answer.trickle)
        else:
            self._write(body)

    def _write(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.wfile.write(piece)
            self.wfile.flush()


def told(answer: Mapping[str, Any]) -> Answer:
    """A plain JSON answer."""
    return Answer(body=dict(answer))
