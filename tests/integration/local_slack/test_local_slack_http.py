"""The server around the Web API: who may talk to it, what other processes read and steer, and running it alone."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
from typing import Any

import pytest
from slack_sdk import WebClient

from warden.local.slack import LocalSlack

from .conftest import client_of
from .raw_http import control, fetch
from .sample_messages import CHANNEL, TOKEN, ticket_blocks

METADATA = {"event_type": "warden_ticket", "event_payload": {"finding": "f-1"}}


def test_listens_on_the_loopback_address_only(slack: LocalSlack) -> None:
    assert slack.url == f"http://127.0.0.1:{slack.port}/"
    assert slack.api_url == f"http://127.0.0.1:{slack.port}/api/"


@pytest.mark.parametrize("path", ["/", "/page/page.js", "/api/auth.test", "/_warden/messages", "/_warden/events"])
@pytest.mark.parametrize("host", ["evil.example", "evil.example:8090", "127.0.0.1.evil.example", "127.0.0.1@evil", ""])
def test_refuses_a_foreign_host_name(slack: LocalSlack, path: str, host: str) -> None:
    answer = fetch(slack, path, headers={"Host": host})

    assert (answer.status, list(answer.json)) == (403, ["error"])


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST:8090", "[::1]:8090"])
def test_answers_to_the_names_of_this_machine(slack: LocalSlack, host: str) -> None:
    assert fetch(slack, "/", headers={"Host": host}).status == 200


def test_refuses_a_page_of_another_origin(slack: LocalSlack) -> None:
    own, foreign = {"Origin": slack.url.rstrip("/")}, {"Origin": "http://evil.example"}

    assert fetch(slack, "/_warden/down", "{}", foreign).status == 403
    assert fetch(slack, "/_warden/status", headers=own).json["availability"] == "up"


def test_the_page_may_load_nothing_from_elsewhere(slack: LocalSlack) -> None:
    answer = fetch(slack, "/")

    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self';")
    page = answer.content.decode()
    loaded = re.findall(r'(?:src|href)="([^"#][^"]*)"', page)
    assert len(loaded) >= 3
    for path in loaded:
        assert fetch(slack, path).status == 200, path
    scripts = [fetch(slack, f"/page/{name}.js").content.decode() for name in ("page", "blocks", "messages", "press")]
    assert not [word for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "eval(") if word in "".join(scripts)]


@pytest.mark.parametrize("path", ["/nothing", "/page/../slack.py", "/page/%2e%2e/slack.py", "/page/", "/_warden/none"])
def test_serves_nothing_but_its_page(slack: LocalSlack, path: str) -> None:
    assert fetch(slack, path).status == 404


def test_other_processes_read_messages_with_threads_edits_and_metadata(slack: LocalSlack, client: WebClient) -> None:
    parent = client.chat_postMessage(channel=CHANNEL, text="open", blocks=ticket_blocks(), metadata=METADATA)
    client.chat_postMessage(channel=CHANNEL, text="reply", thread_ts=parent["ts"])
    client.chat_update(channel=CHANNEL, ts=parent["ts"], text="fixed")

    state = fetch(slack, f"/_warden/messages?channel={CHANNEL}").json

    [message] = state["messages"]
    assert (message["text"], message["ts"], message["metadata"]) == ("fixed", parent["ts"], METADATA)
    assert [reply["text"] for reply in message["replies"]] == ["reply"]
    assert [edit["text"] for edit in message["edits"]] == ["open"]
    assert [channel["name"] for channel in state["channels"]] == ["lambda-warden", "not-joined", "old-alerts"]
    assert fetch(slack, "/_warden/messages?channel=old-alerts").json["messages"] == []
    assert fetch(slack, "/_warden/messages?channel=nowhere").status == 404


def test_other_processes_read_the_log_of_calls(slack: LocalSlack, client: WebClient) -> None:
    client.auth_test()
    client.chat_postMessage(channel=CHANNEL, text="x")

    calls = fetch(slack, "/_warden/requests").json["requests"]

    assert [(call["method"], call["ok"]) for call in calls] == [("auth.test", True), ("chat.postMessage", True)]
    assert TOKEN not in json.dumps(calls)


def test_other_processes_switch_slack_off_and_on(slack: LocalSlack) -> None:
    assert control(slack, "down").json["availability"] == "unavailable"
    assert fetch(slack, "/api/auth.test").status == 503
    assert control(slack, "up").json["availability"] == "up"
    assert fetch(slack, "/api/auth.test").status == 200


def test_other_processes_change_rate_faults_and_channels(slack: LocalSlack, client: WebClient) -> None:
    assert control(slack, "rate", rate=2.5, burst=7).json["rate"] == 2.5
    assert control(slack, "channel", channel="not-joined", member=True).status == 200
    assert control(slack, "say", channel="not-joined", text="hi", user="Dana").status == 200
    assert control(slack, "fail", method="auth.test", status=500).status == 200

    assert fetch(slack, "/api/auth.test").status == 500
    assert [message.user for message in slack.messages("not-joined")] == ["Dana"]
    assert client.chat_postMessage(channel="not-joined", text="x")["ok"]


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("explode", {}),
        ("down", {"how": "refused"}),
        ("down", {"when": "now"}),
        ("rate", {"rate": 0}),
        ("rate", {"rate": "fast"}),
        ("fail", {}),
        ("channel", {"channel": "nowhere"}),
        ("say", {"channel": CHANNEL, "text": "x", "user": "Dana", "thread_ts": "1.000000"}),
    ],
)
def test_wrong_commands_are_told_and_change_nothing(slack: LocalSlack, command: str, arguments: Any) -> None:
    before = fetch(slack, "/_warden/messages").json

    answer = control(slack, command, **arguments)

    assert answer.status == 400
    assert len(answer.json["error"]) > 5
    assert fetch(slack, "/_warden/messages").json == before


def read_event(stream: http.client.HTTPResponse) -> tuple[str, Any]:
    """The next server-sent event, heartbeats left out."""
    while not (line := stream.readline()).startswith(b"event: "):
        assert line, "the stream ended"
    name = line.decode().removeprefix("event: ").strip()
    data = stream.readline().decode().removeprefix("data: ")
    assert stream.readline() == b"\n"
    return name, json.loads(data)


def test_the_stream_tells_the_state_and_then_every_change(slack: LocalSlack, client: WebClient) -> None:
    first = client.chat_postMessage(channel=CHANNEL, text="first")
    connection = http.client.HTTPConnection("127.0.0.1", slack.port, timeout=10)
    connection.request("GET", "/_warden/events")
    stream = connection.getresponse()

    name, snapshot = read_event(stream)
    assert (name, [message["text"] for message in snapshot["messages"]]) == ("snapshot", ["first"])
    client.chat_postMessage(channel=CHANNEL, text="second")
    assert read_event(stream)[1]["text"] == "second"
    client.chat_update(channel=CHANNEL, ts=first["ts"], text="first, changed")
    assert read_event(stream)[1]["text"] == "first, changed"
    client.chat_postMessage(channel=CHANNEL, text="reply", thread_ts=first["ts"])
    assert [reply["text"] for reply in read_event(stream)[1]["replies"]] == ["reply"]
    slack.down()
    name, status = read_event(stream)
    assert (name, status["availability"]) == ("status", "unavailable")
    connection.close()


def test_the_stream_ends_when_the_server_stops() -> None:
    slack = LocalSlack(TOKEN)
    connection = http.client.HTTPConnection("127.0.0.1", slack.port, timeout=10)
    connection.request("GET", "/_warden/events")
    stream = connection.getresponse()
    read_event(stream)

    slack.stop()

    assert stream.read() == b""
    connection.close()


# --- as a program


def start_alone(*arguments: str) -> tuple["subprocess.Popen[str]", dict[str, str]]:
    """The server in its own process, and what it says about itself: page, api, token."""
    process = subprocess.Popen(
        [sys.executable, "-m", "warden.local.slack", "--port", "0", *arguments], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    told = dict(process.stdout.readline().split() for _ in range(3))
    return process, told


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_runs_alone_and_ends_on_a_signal(end: signal.Signals) -> None:
    process, told = start_alone("--channel", "C0ALERTS001:alerts")
    try:
        client = WebClient(token=told["token"], base_url=told["api"])
        assert client.chat_postMessage(channel="alerts", text="hello")["channel"] == "C0ALERTS001"
        os.kill(process.pid, end)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.communicate()


def test_running_alone_on_a_taken_port_says_so_in_one_line(slack: LocalSlack) -> None:
    command = [sys.executable, "-m", "warden.local.slack", "--port", str(slack.port)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    assert ended.returncode == 1
    assert ended.stderr == f"Error: port {slack.port} of 127.0.0.1 is taken\n"


def test_a_second_workspace_knows_nothing_of_the_first(client: WebClient) -> None:
    client.chat_postMessage(channel=CHANNEL, text="x")
    with LocalSlack(TOKEN) as other:
        assert other.messages(CHANNEL) == []
        assert client_of(other).auth_test()["url"] == other.url
