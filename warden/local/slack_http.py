"""The local Slack over HTTP: the Web API under /api/, the page, and control for other processes under /_warden/.

GET /_warden/messages[?channel=id or name], /requests, /status: JSON. GET /_warden/events: server-sent events.
POST /_warden/up, /down, /rate, /fail, /clear-faults, /channel, /say with a JSON object: the methods of `LocalSlack`
of these names (`channel` is `set_channel`, `rate` is `set_rate`) and their arguments.
"""

import json
import socket
import sys
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from typing import Any, Protocol
from urllib.parse import SplitResult, parse_qsl, urlsplit

from warden.local.slack_arguments import Arguments
from warden.local.slack_methods import Answer, WebApi
from warden.local.slack_workspace import Workspace

MAX_BODY = 4 * 1024 * 1024
HEARTBEAT_SECONDS = 10.0
_OWN_HOSTS = {"127.0.0.1", "localhost", "[::1]"}
_TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# How calls end while Slack is down; status 0 stands for no answer at all.
_DOWN = {
    "unavailable": Answer({"ok": False, "error": "service_unavailable"}, 503),
    "reset": Answer({"ok": False, "error": "connection_reset"}, 0),
}


class Control(Protocol):
    """Who carries out POST /_warden/<command>."""

    def command(self, name: str, arguments: Mapping[str, Any]) -> None:
        """Raises KeyError, TypeError or ValueError on a wrong command or argument."""


class _BadBodyError(Exception):
    """The body of a Web API call cannot be read; the message is Slack's code for it."""


class SlackServer(ThreadingHTTPServer):
    """Serves one workspace on an address already bound; `control` carries out what other processes ask."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, bound: socket.socket, workspace: Workspace, api: WebApi, control: Control) -> None:
        super().__init__(bound.getsockname(), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = bound
        self.server_name, self.server_port = bound.getsockname()[:2]
        self.workspace, self.api, self.control = workspace, api, control
        self.pages = _read_pages()
        self.server_activate()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away in the middle of an answer is no news; anything else is."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def _read_pages() -> dict[str, tuple[str, bytes]]:
    """Path → (media type, content) of the page's files."""
    files = [file for file in resources.files(__package__).joinpath("slack_page").iterdir() if file.is_file()]
    pages = {f"/page/{file.name}": (_TYPES[file.name.rpartition(".")[2]], file.read_bytes()) for file in files}
    return {"/": pages["/page/index.html"], **pages}


class _Handler(BaseHTTPRequestHandler):
    server: SlackServer
    timeout = 60
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the parameter's name in the base class
        """Calls are in the workspace's log; nothing goes to the terminal."""

    def _serve(self) -> None:
        if not self._from_this_machine():
            self._send_json(403, {"error": "this server answers to 127.0.0.1 and localhost only"})
            return
        url = urlsplit(self.path)
        if url.path.startswith("/api/"):
            self._web_api(url)
        elif url.path.startswith("/_warden/"):
            self._warden(url)
        elif url.path in self.server.pages and self.command == "GET":
            media_type, content = self.server.pages[url.path]
            self._send(200, media_type, content, {"Content-Security-Policy": _POLICY})
        else:
            self._send_json(404, {"error": f"nothing at {url.path}"})

    def _from_this_machine(self) -> bool:
        """Refuses names that a foreign site made point here (DNS rebinding), and pages of other origins."""
        host = self.headers.get("Host", "")
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
        origin = self.headers.get("Origin")
        return name.lower() in _OWN_HOSTS and (origin is None or origin == f"http://{host}")

    # --- /api/

    def _web_api(self, url: SplitResult) -> None:
        method = url.path.removeprefix("/api/")
        api, down = self.server.api, _DOWN.get(self.server.workspace.availability)
        try:
            arguments, token = self._arguments(url)
        except _BadBodyError as bad:
            api.log(method, Arguments({}), answer := Answer({"ok": False, "error": str(bad)}))
        else:
            if down is None:
                answer = api.call(method, arguments, token)
            else:
                api.log(method, arguments, answer := down)
        if answer.status == 0:
            self._reset()
        else:
            self._send_json(answer.status, answer.body, answer.headers)

    def _arguments(self, url: SplitResult) -> tuple[Arguments, str | None]:
        """The call's arguments, and the token from the header, the query or a form (never from a JSON body)."""
        values: dict[str, Any] = dict(parse_qsl(url.query, keep_blank_values=True))
        token = values.get("token")
        body = self._body()
        media_type = self.headers.get_content_type() if "Content-Type" in self.headers else ""
        if media_type == "application/json":
            values |= _json_object(body or b"{}")
        elif media_type == "application/x-www-form-urlencoded":
            values |= _form(body)
            token = values.get("token", token)
        elif body:
            raise _BadBodyError("invalid_post_type" if media_type else "missing_post_type")
        scheme, _, credentials = self.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer" and credentials.strip():
            token = credentials.strip()
        return Arguments(values), token

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > MAX_BODY:
            raise _BadBodyError("invalid_form_data")
        return self.rfile.read(int(length))

    def _reset(self) -> None:
        """Breaks the connection without an answer."""
        self.close_connection = True
        self.connection.close()

    # --- /_warden/

    def _warden(self, url: SplitResult) -> None:
        name = url.path.removeprefix("/_warden/")
        if self.command == "POST":
            self._send_json(*self._control(name))
        elif name == "events":
            self._stream()
        elif name in _READINGS:
            try:
                self._send_json(200, _READINGS[name](self.server.workspace, dict(parse_qsl(url.query))))
            except KeyError as unknown:
                self._send_json(404, {"error": unknown.args[0]})
        else:
            self._send_json(404, {"error": f"nothing at {url.path}"})

    def _control(self, name: str) -> tuple[int, dict[str, Any]]:
        try:
            arguments = _json_object(self._body() or b"{}")
            self.server.control.command(name, arguments)
        except _BadBodyError:
            return 400, {"error": "the body must be a JSON object"}
        except (KeyError, TypeError, ValueError) as wrong:
            return 400, {"error": str(wrong.args[0]) if wrong.args else "wrong arguments"}
        return 200, {"ok": True, **_status(self.server.workspace, {})}

    def _stream(self) -> None:
        """Server-sent events: the whole state, then each changed thread and each change of the channels."""
        workspace = self.server.workspace
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        seen, messages = workspace.snapshot()
        everything = {**_status(workspace, {}), "messages": [message.to_json() for message in messages]}
        self._event("snapshot", everything)
        while True:
            seen, messages, other = workspace.changes_after(seen, HEARTBEAT_SECONDS)
            if workspace.closed or workspace.availability == "refused":
                return
            if other:
                self._event("status", _status(workspace, {}))
            for message in messages:
                self._event("message", message.to_json())
            if not messages and not other:
                self.wfile.write(b": still here\n\n")

    def _event(self, name: str, data: Mapping[str, Any]) -> None:
        self.wfile.write(f"event: {name}\ndata: {json.dumps(data)}\n\n".encode())

    # --- answers

    def _send_json(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        self._send(status, "application/json", json.dumps(body).encode(), headers or {})

    def _send(self, status: int, media_type: str, content: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", f"{media_type}; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        values = json.loads(body)
    except ValueError:
        raise _BadBodyError("invalid_json") from None
    if not isinstance(values, dict):
        raise _BadBodyError("json_not_object")
    return values


def _form(body: bytes) -> dict[str, str]:
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=bool(body)))
    except ValueError:
        raise _BadBodyError("invalid_form_data") from None


def _status(workspace: Workspace, _query: Mapping[str, str]) -> dict[str, Any]:
    return {
        "availability": workspace.availability,
        "rate": workspace.rate.rate,
        "burst": workspace.rate.burst,
        "channels": [channel.to_json() for channel in workspace.channels],
    }


def _messages(workspace: Workspace, query: Mapping[str, str]) -> dict[str, Any]:
    names = [query["channel"]] if "channel" in query else [channel.id for channel in workspace.channels]
    messages = [message.to_json() for name in names for message in workspace.messages(name)]
    return {**_status(workspace, {}), "messages": messages}


def _requests(workspace: Workspace, _query: Mapping[str, str]) -> dict[str, Any]:
    with workspace.lock:
        return {"requests": [request.to_json() for request in workspace.requests]}


_READINGS: dict[str, Callable[[Workspace, Mapping[str, str]], dict[str, Any]]] = {
    "messages": _messages,
    "requests": _requests,
    "status": _status,
}
