"""Rate limits, planned faults and outages, as slack_sdk's client meets them."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from urllib.error import URLError

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler, ServerErrorRetryHandler

from warden.local.slack import Channel, LocalSlack
from warden.local.slack_limits import RateLimit
from warden.local.slack_workspace import Workspace

from .conftest import client_of
from .sample_messages import CHANNEL, TOKEN


def post(client: WebClient, text: str = "x", channel: str = CHANNEL) -> None:
    client.chat_postMessage(channel=channel, text=text)


def texts(slack: LocalSlack) -> list[str]:
    return [message.text for message in slack.messages(CHANNEL)]


# --- rate limits


def test_a_channel_takes_a_burst_and_then_one_message_a_second() -> None:
    now = 0.0
    limit = RateLimit(rate=1.0, burst=3, clock=lambda: now)

    assert [limit.take("c") for _ in range(4)] == [0, 0, 0, 1]
    now = 0.9
    assert limit.take("c") == 1
    now = 1.0
    assert [limit.take("c") for _ in range(2)] == [0, 1]
    now = 100.0
    assert [limit.take("c") for _ in range(4)] == [0, 0, 0, 1]


def test_the_time_to_wait_is_the_time_until_the_next_call_is_taken() -> None:
    now = 0.0
    limit = RateLimit(rate=0.2, burst=1, clock=lambda: now)
    limit.take("c")

    assert limit.take("c") == 5
    now = 5.0
    assert limit.take("c") == 0


@pytest.mark.parametrize(("rate", "burst"), [(0, 1), (-1, 1), (1, 0)])
def test_a_rate_that_never_lets_anything_through_is_refused(rate: float, burst: float) -> None:
    with pytest.raises(ValueError, match="rate"):
        RateLimit(rate, burst)


def test_too_many_messages_get_429_with_retry_after_each_channel_for_itself() -> None:
    with LocalSlack(TOKEN, ["C0AAAAAAAA1:a", "C0BBBBBBBB2:b"], rate=0.01, burst=2) as slack:
        client = client_of(slack)
        post(client, channel="a")
        post(client, channel="a")
        with pytest.raises(SlackApiError) as caught:
            post(client, channel="a")
        post(client, channel="b")

        assert caught.value.response.status_code == 429
        assert caught.value.response["error"] == "ratelimited"
        assert 90 <= int(caught.value.response.headers["Retry-After"]) <= 100
        assert [len(slack.messages(name)) for name in ("a", "b")] == [2, 1]
        refused = [request for request in slack.requests if not request.ok]
        assert [(r.status, r.error) for r in refused] == [(429, "ratelimited")]
        assert refused[0].retry_after == int(caught.value.response.headers["Retry-After"])


def test_slack_sdks_own_handler_waits_and_gets_every_message_through_once() -> None:
    with LocalSlack(TOKEN, rate=2.0, burst=1) as slack:
        client = client_of(slack)
        client.retry_handlers.append(RateLimitErrorRetryHandler(max_retry_count=2))
        for number in range(3):
            post(client, str(number))

        assert texts(slack) == ["0", "1", "2"]
        assert 429 in {request.status for request in slack.requests}


def test_updates_and_readings_are_limited_per_method() -> None:
    with LocalSlack(TOKEN, rate=None, tier_3_per_minute=2) as slack:
        client = client_of(slack)
        first = client.chat_postMessage(channel=CHANNEL, text="0")
        for number in (1, 2):
            client.chat_update(channel=CHANNEL, ts=first["ts"], text=str(number))
        with pytest.raises(SlackApiError) as caught:
            client.chat_update(channel=CHANNEL, ts=first["ts"], text="3")

        assert caught.value.response.status_code == 429
        assert int(caught.value.response.headers["Retry-After"]) == 30
        assert client.conversations_history(channel=CHANNEL)["messages"][0]["text"] == "2"


def test_the_rate_can_be_changed_while_it_runs() -> None:
    with LocalSlack(TOKEN, rate=0.01, burst=1) as slack:
        client = client_of(slack)
        post(client)
        with pytest.raises(SlackApiError):
            post(client)
        slack.set_rate(None)
        for _ in range(20):
            post(client)

        assert len(slack.messages(CHANNEL)) == 21


# --- planned faults


def test_a_planned_server_error_is_retried_by_slack_sdks_handler(slack: LocalSlack) -> None:
    client = client_of(slack)
    client.retry_handlers.append(ServerErrorRetryHandler(max_retry_count=1))
    slack.fail("chat.postMessage", times=1, status=500)

    post(client, "after all")

    assert texts(slack) == ["after all"]
    assert [request.status for request in slack.requests] == [500, 200]


def test_a_fault_spoils_its_method_only_and_only_so_often(slack: LocalSlack, client: WebClient) -> None:
    slack.fail("chat.postMessage", times=2, error="internal_error")

    assert client.auth_test()["ok"]
    for _ in range(2):
        with pytest.raises(SlackApiError, match="internal_error"):
            post(client)
    post(client, "third")

    assert texts(slack) == ["third"]


def test_a_lost_answer_leaves_the_message_there(slack: LocalSlack, client: WebClient) -> None:
    slack.fail("chat.postMessage", status=503, applied=True)

    with pytest.raises(SlackApiError) as caught:
        post(client, "stored")

    assert caught.value.response.status_code == 503
    assert texts(slack) == ["stored"]


def test_a_fault_can_spoil_every_second_call_until_cleared(slack: LocalSlack, client: WebClient) -> None:
    slack.fail(times=None, status=429, retry_after=7, every=2)
    for number in range(6):
        with nullcontext() if number % 2 == 0 else pytest.raises(SlackApiError):
            post(client, str(number))
    slack.clear_faults()
    post(client, "6")
    post(client, "7")

    assert [request.retry_after for request in slack.requests] == [None, 7] * 3 + [None, None]
    assert texts(slack) == ["0", "2", "4", "6", "7"]


def test_a_fault_without_a_fault_is_refused(slack: LocalSlack) -> None:
    with pytest.raises(ValueError, match="needs either"):
        slack.fail("chat.postMessage")


# --- outages


def test_while_slack_is_down_calls_get_503_and_nothing_is_posted(slack: LocalSlack, client: WebClient) -> None:
    slack.down()
    with pytest.raises(SlackApiError) as caught:
        post(client)
    slack.up()
    post(client, "back")

    assert caught.value.response.status_code == 503
    assert texts(slack) == ["back"]
    assert [(r.method, r.status) for r in slack.requests] == [("chat.postMessage", 503), ("chat.postMessage", 200)]


def test_while_slack_is_down_connections_can_be_reset(slack: LocalSlack, client: WebClient) -> None:
    slack.down("reset")
    with pytest.raises((ConnectionResetError, URLError)):
        post(client)
    slack.up()
    post(client, "back")

    assert texts(slack) == ["back"]
    assert slack.requests[0].error == "connection_reset"


def test_while_slack_is_down_connections_can_be_refused_and_the_port_comes_back(
    slack: LocalSlack, client: WebClient
) -> None:
    post(client, "before")
    slack.down("refused")
    with pytest.raises(URLError, match="refused"):
        post(client)
    slack.up()
    post(client, "after")

    assert texts(slack) == ["before", "after"]


def test_going_up_and_down_twice_is_harmless(slack: LocalSlack, client: WebClient) -> None:
    slack.down("refused")
    slack.down()
    with pytest.raises(SlackApiError, match="service_unavailable"):
        post(client, "down")
    slack.down("refused")
    slack.down("refused")
    slack.up()
    slack.up()
    post(client, "up")

    assert texts(slack) == ["up"]


def test_stopping_frees_the_port_and_ends_its_thread() -> None:
    slack = LocalSlack(TOKEN)
    port = slack.port
    slack.stop()
    slack.stop()

    with LocalSlack(TOKEN, port=port) as again:
        assert client_of(again).auth_test()["ok"]


def test_a_taken_port_is_told(slack: LocalSlack) -> None:
    with pytest.raises(OSError, match=f"port {slack.port} of 127.0.0.1 is taken"):
        LocalSlack(TOKEN, port=slack.port)


def test_two_channels_cannot_share_a_name() -> None:
    with pytest.raises(ValueError, match="two channels"):
        LocalSlack(TOKEN, ["C0AAAAAAAA1:a", "C0BBBBBBBB2:a"])


def test_many_clients_at_once_lose_nothing(slack: LocalSlack) -> None:
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda n: post(client_of(slack), str(n)), range(400)))

    assert sorted(texts(slack), key=int) == [str(n) for n in range(400)]
    stamps = [message.ts for message in slack.messages(CHANNEL)]
    assert stamps == sorted(set(stamps))


def test_the_clock_of_a_workspace_going_back_does_not_bring_a_ts_twice() -> None:
    times = iter([100.0, 50.0, 50.0])
    channel = Channel(CHANNEL, "alerts")
    workspace = Workspace([channel], now=lambda: next(times))

    stamps = [workspace.post(channel, "x").ts for _ in range(3)]

    assert stamps == ["100.000000", "100.000001", "100.000002"]
