"""A Slack on this machine: the Web API over HTTP for `slack_sdk`, and a page that shows the channels.

    with LocalSlack("xoxb-any", channels=["C0WARDEN001:lambda-warden"]) as slack:
        client = slack_sdk.WebClient(token="xoxb-any", base_url=slack.api_url)

`python -m warden.local.slack --port 8090` runs it alone; other processes read and steer it over /_warden/.
"""

import contextlib
import secrets
import signal
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Literal, Self

import click

from warden.local.slack_http import SlackServer
from warden.local.slack_limits import MESSAGE_BURST, MESSAGES_PER_SECOND, TIER_3_PER_MINUTE, Fault
from warden.local.slack_messages import Channel, Edit, Message
from warden.local.slack_methods import WebApi
from warden.local.slack_workspace import SCOPES, Request, Workspace

__all__ = ["Channel", "Edit", "LocalSlack", "Message", "Request"]

DEFAULT_CHANNELS = ("C0WARDEN001:lambda-warden",)


class LocalSlack:
    """Serves from construction until `stop()` or the end of its `with` block, on 127.0.0.1 only.

    `channels`: `Channel` objects or texts (`name`, `C…` or `C…:name`). `rate` and `burst`: messages per second
    and channel, and how many may come at once; a rate of None has no limit. `tier_3_per_minute`: the same for
    `chat.update`, `conversations.history` and `conversations.replies`, each. `port` 0 takes a free one.
    """

    def __init__(
        self,
        token: str,
        channels: Iterable[Channel | str] = DEFAULT_CHANNELS,
        *,
        rate: float | None = MESSAGES_PER_SECOND,
        burst: float = MESSAGE_BURST,
        tier_3_per_minute: float | None = TIER_3_PER_MINUTE,
        scopes: Iterable[str] = SCOPES,
        port: int = 0,
    ) -> None:
        self._workspace = Workspace(
            [Channel.parse(channel) if isinstance(channel, str) else channel for channel in channels],
            rate=rate,
            burst=burst,
            tier_3_per_minute=tier_3_per_minute,
            scopes=scopes,
        )
        self._bound = _bind(port)
        self.port: int = self._bound.getsockname()[1]
        self._api = WebApi(self._workspace, token, self.url)
        self._lock = threading.Lock()
        self._server: SlackServer | None = None
        self._thread: threading.Thread | None = None
        self._listen()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The page."""
        return f"http://127.0.0.1:{self.port}/"

    @property
    def api_url(self) -> str:
        """`base_url` for `slack_sdk.WebClient`."""
        return f"{self.url}api/"

    @property
    def channels(self) -> list[Channel]:
        """The channels as they are now."""
        return self._workspace.channels

    @property
    def requests(self) -> list[Request]:
        """Every call of the Web API that reached the server, in order, refused ones included."""
        with self._workspace.lock:
            return list(self._workspace.requests)

    def messages(self, channel: str) -> list[Message]:
        """The channel's messages (name or id), oldest first, each with its replies and earlier versions."""
        return self._workspace.messages(channel)

    def say(self, channel: str, text: str, *, user: str, thread_ts: str | None = None) -> Message:
        """A person named `user` writes a message, or a reply in the thread of `thread_ts`."""
        known = self._workspace.known_channel(channel)
        if thread_ts is not None and self._workspace.find(known, thread_ts) is None:
            raise KeyError(f"no message {thread_ts} in {known.name}")
        return self._workspace.post(known, text, user=user, thread_ts=thread_ts)

    def set_channel(self, channel: str, *, member: bool | None = None, archived: bool | None = None) -> None:
        """Invites the bot to a channel or removes it, archives the channel or takes it back."""
        self._workspace.set_channel(channel, member=member, archived=archived)

    def set_rate(self, rate: float | None, burst: float = MESSAGE_BURST) -> None:
        """Messages per second and channel from now on; None has no limit."""
        with self._workspace.lock:
            self._workspace.rate.set(rate, burst)

    def fail(
        self,
        method: str = "*",
        times: int | None = 1,
        *,
        status: int = 200,
        error: str | None = None,
        retry_after: int | None = None,
        applied: bool = False,
        every: int = 1,
    ) -> None:
        """Plans wrong answers to the next calls of `method` (`*`: of all); see `Fault` for the arguments."""
        fault = Fault(method, times, status, error, retry_after, applied, every)
        with self._workspace.lock:
            self._workspace.faults.append(fault)

    def clear_faults(self) -> None:
        """Forgets every planned fault."""
        with self._workspace.lock:
            self._workspace.faults.clear()

    def down(self, how: Literal["unavailable", "reset", "refused"] = "unavailable") -> None:
        """Slack is down until `up()`.

        `unavailable`: the Web API answers 503. `reset`: it breaks the connection. `refused`: nothing listens on
        the port any more, the page included; the port stays reserved.
        """
        if how not in {"unavailable", "reset", "refused"}:
            raise ValueError("down is unavailable, reset or refused")
        with self._lock:
            self._workspace.set_availability(how)
            if how != "refused":
                self._listen()
            elif self._server is not None:
                self._close_server()
                self._bound = _bind(self.port)

    def up(self) -> None:
        """Slack works again."""
        with self._lock:
            self._workspace.set_availability("up")
            self._listen()

    def stop(self) -> None:
        """Ends the server and its threads; may be called twice."""
        with self._lock:
            self._workspace.close()
            self._close_server()
            self._bound.close()

    def command(self, name: str, arguments: Mapping[str, Any]) -> None:
        """Carries out POST /_warden/`name`; raises KeyError, TypeError or ValueError on a wrong one."""
        commands: dict[str, Callable[..., object]] = {
            "up": self.up,
            "down": self._down_from_afar,
            "rate": self.set_rate,
            "fail": self.fail,
            "clear-faults": self.clear_faults,
            "channel": self.set_channel,
            "say": self.say,
        }
        if name not in commands:
            raise KeyError(f"no command {name}; there are {', '.join(commands)}")
        commands[name](**arguments)

    def _down_from_afar(self, how: Literal["unavailable", "reset"] = "unavailable") -> None:
        """Whoever asks over HTTP must be able to ask for `up` as well."""
        if how not in {"unavailable", "reset"}:
            raise ValueError("down is unavailable or reset; nobody could undo refused over HTTP")
        self.down(how)

    def _listen(self) -> None:
        if self._server is not None:
            return
        self._server = SlackServer(self._bound, self._workspace, self._api, self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, name="local-slack", daemon=True
        )
        self._thread.start()

    def _close_server(self) -> None:
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
        self._server = self._thread = None


def _bind(port: int) -> socket.socket:
    """A socket that holds the port without listening: connections are refused until it is listened on."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(("127.0.0.1", port))
    except OSError as taken:
        bound.close()
        raise OSError(taken.errno, f"port {port} of 127.0.0.1 is taken") from None
    return bound


@click.command()
@click.option("--port", default=8090, show_default=True, help="Port on 127.0.0.1; 0 takes a free one.")
@click.option("--channel", "channels", multiple=True, default=DEFAULT_CHANNELS, show_default=True)
@click.option("--token", help="Token that calls must bring; one is made up by default.")
@click.option("--rate", default=MESSAGES_PER_SECOND, show_default=True, help="Messages per second; 0: no limit.")
@click.option("--burst", default=MESSAGE_BURST, show_default=True, help="Messages that may come at once.")
def main(port: int, channels: tuple[str, ...], token: str | None, rate: float, burst: int) -> None:
    """Run a Slack on this machine until Ctrl-C."""
    token = token or "-".join(("xoxb", "local", secrets.token_hex(8)))
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    try:
        slack = LocalSlack(token, channels, rate=rate or None, burst=burst, port=port)
    except OSError as taken:
        raise click.ClickException(taken.strerror or str(taken)) from None
    except ValueError as wrong:
        raise click.ClickException(str(wrong)) from None
    with slack, contextlib.suppress(BrokenPipeError):
        click.echo(f"page   {slack.url}\napi    {slack.api_url}\ntoken  {token}")
        stopped.wait()


if __name__ == "__main__":
    main()
