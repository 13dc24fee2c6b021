"""The page in a real browser: what a reader sees, live, by mouse and by keyboard."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from slack_sdk import WebClient

from warden.local.slack import LocalSlack

from .chromium import Chromium, chromium_path
from .sample_messages import CHANNEL, TICKET_ID, digest_blocks, digest_reply, ticket_blocks

pytestmark = pytest.mark.system

HOSTILE = '<script>document.title="owned"</script> <img src=x onerror="document.title=\'owned\'"> &lt;b&gt;'


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    path = chromium_path()
    if path is None:
        pytest.fail("no Chromium here: apt-get install chromium")
    with Chromium(path) as running:
        yield running


@pytest.fixture
def page(chromium: Chromium, slack: LocalSlack) -> Iterator[Chromium]:
    """The page of the local Slack, wide and light; the page must not complain about anything."""
    chromium.errors.clear()
    chromium.look()
    chromium.open(slack.url)
    yield chromium
    assert chromium.errors == []


def post_ticket(client: WebClient, state: str = "Fixed") -> str:
    return str(client.chat_postMessage(channel=CHANNEL, text="ticket", blocks=ticket_blocks(state))["ts"])


def article(ts: str) -> str:
    return f'article[data-ts="{ts}"]'


def wait_for_message(page: Chromium, ts: str) -> None:
    page.wait_for(f"document.querySelector('{article(ts)}') !== null")


def test_a_channel_without_messages_says_so(page: Chromium) -> None:
    assert "No messages yet." in page.text("#messages")
    assert page.text("#channel-name") == "# lambda-warden"


def test_a_ticket_shows_all_its_parts(page: Chromium, client: WebClient) -> None:
    ts = post_ticket(client)
    wait_for_message(page, ts)

    assert page.text(f"{article(ts)} .byline").split("\n")[:2] == ["lambda-warden", "APP"]
    assert page.text(f"{article(ts)} h3") == "Critical function had no reserved concurrency"
    seen = page.text(article(ts))
    for words in ("What was wrong", "orders-checkout is tagged", "✅ Reserved 45", "🟠 High", "State\nFixed"):
        assert words in seen
    assert page.evaluate(f"document.querySelectorAll('{article(ts)} .field').length") == 6
    assert page.text(f"{article(ts)} pre").splitlines()[1].split() == ["after", "ReservedConcurrentExecutions", "45"]
    assert [page.evaluate(f"document.querySelectorAll('{article(ts)} .button')[{n}].innerText") for n in range(3)] == [
        "Undo",
        "Snooze 7 d",
        "Exempt",
    ]
    link = page.evaluate(f"(a => [a.href, a.target, a.rel])(document.querySelector('{article(ts)} .field a'))")
    assert link == ["https://console.aws.amazon.com/lambda/home", "_blank", "noopener noreferrer"]


def test_markup_in_messages_is_shown_and_never_run(page: Chromium, client: WebClient) -> None:
    plain = {"type": "plain_text", "text": HOSTILE}
    mrkdwn = {"type": "mrkdwn", "text": HOSTILE}
    button = {"type": "button", "text": {"type": "plain_text", "text": "<b>x</b>"}, "value": HOSTILE, "action_id": "a"}
    text = client.chat_postMessage(channel=CHANNEL, text=HOSTILE)["ts"]
    blocks = client.chat_postMessage(
        channel=CHANNEL,
        text=HOSTILE,
        blocks=[
            {"type": "header", "text": {"type": "plain_text", "text": HOSTILE[:150]}},
            {"type": "section", "text": mrkdwn, "fields": [plain, mrkdwn]},
            {"type": "context", "elements": [mrkdwn]},
            {"type": "actions", "elements": [button]},
            {"type": "markdown", "text": HOSTILE},
            {
                "type": "rich_text",
                "elements": [
                    {
                        "type": "rich_text_section",
                        "elements": [
                            {"type": "text", "text": HOSTILE},
                            {"type": "link", "url": "javascript:document.title='owned'", "text": "press me"},
                        ],
                    }
                ],
            },
            {"type": "image", "image_url": "http://127.0.0.1:9/x.png", "alt_text": HOSTILE},
            {"type": "video", "title": HOSTILE},
        ],
    )["ts"]
    wait_for_message(page, blocks)

    expected = HOSTILE.replace("&lt;b&gt;", "<b>")
    assert page.text(f"{article(text)} .body") == expected
    assert expected in page.text(f"{article(blocks)} .body")
    inside = "script, img[onerror], #messages .body b, #messages .body img, [href^='javascript']"
    assert page.evaluate(f"[...document.querySelectorAll(`{inside}`)].filter(e => e.closest('#messages')).length") == 0
    assert page.evaluate("document.title").startswith("#lambda-warden")


def test_an_edit_changes_the_message_where_it_stands(page: Chromium, client: WebClient) -> None:
    ts = post_ticket(client, "Open")
    last = client.chat_postMessage(channel=CHANNEL, text="later")["ts"]
    wait_for_message(page, last)

    client.chat_update(channel=CHANNEL, ts=ts, text="ticket", blocks=ticket_blocks("Undone", undone=True))
    page.wait_for(f"document.querySelector('{article(ts)}').innerText.includes('Undone')")

    assert page.evaluate("[...document.querySelectorAll('#messages > article')].map(a => a.dataset.ts)") == [ts, last]
    assert page.evaluate(f"document.querySelectorAll('{article(ts)} .button').length") == 0
    assert "(edited)" not in page.text(article(ts))


def test_an_edited_text_is_marked(page: Chromium, client: WebClient) -> None:
    ts = client.chat_postMessage(channel=CHANNEL, text="first")["ts"]
    client.chat_update(channel=CHANNEL, ts=ts, text="second")
    page.wait_for(f"document.querySelector('{article(ts)}')?.innerText.includes('second')")

    assert page.text(f"{article(ts)} .body") == "second (edited)"


def test_a_thread_opens_shows_who_wrote_and_grows_while_open(
    page: Chromium, client: WebClient, slack: LocalSlack
) -> None:
    ts = post_ticket(client)
    client.chat_postMessage(channel=CHANNEL, thread_ts=ts, text="Created at `14:02:11`")
    slack.say(CHANNEL, "Thanks!", user="Dana", thread_ts=ts)
    page.wait_for("document.querySelector('.thread-toggle .count')?.innerText === '2 replies'")
    assert page.evaluate("document.querySelector('.replies').checkVisibility()") is False

    page.evaluate("document.querySelector('.thread-toggle').click()")
    assert page.text(".replies").split("\n")[0] == "lambda-warden"
    assert "Dana" in page.text(".replies")
    client.chat_postMessage(channel=CHANNEL, thread_ts=ts, text="third")
    client.chat_update(channel=CHANNEL, ts=ts, text="ticket", blocks=ticket_blocks("Undone"))
    page.wait_for("document.querySelector('#messages').innerText.includes('Undone')")

    assert page.text(".thread-toggle .count") == "3 replies"
    assert page.evaluate("document.querySelector('.thread-toggle').ariaExpanded") == "true"
    assert page.text(".replies").rstrip().endswith("third")


def test_a_digest_lists_every_finding_in_its_thread(page: Chromium, client: WebClient) -> None:
    ts = client.chat_postMessage(channel=CHANNEL, text="60 findings", blocks=digest_blocks())["ts"]
    for number in range(60):
        client.chat_postMessage(channel=CHANNEL, text=digest_reply(number), thread_ts=ts)
    page.wait_for("document.querySelector('.thread-toggle .count')?.innerText === '60 replies'")

    page.evaluate("document.querySelector('.thread-toggle').click()")

    lines = [line for line in page.text(".replies").split("\n") if "etl-step-" in line]
    assert len(lines) == 60
    assert [f"etl-step-{n:02}" in line for n, line in enumerate(lines)] == [True] * 60


def test_new_messages_and_edits_leave_the_reader_where_he_is(page: Chromium, client: WebClient) -> None:
    stamps = [post_ticket(client, f"No {number}") for number in range(8)]
    wait_for_message(page, stamps[-1])
    page.wait_for("document.querySelector('#messages').scrollTop > 1000")
    target = article(stamps[4])
    top = f"Math.round(document.querySelector('{target}').getBoundingClientRect().top)"
    page.evaluate(f"document.querySelector('#messages').scrollTop += {top} - 200")
    page.wait_for(f"{top} === 200")

    client.chat_update(channel=CHANNEL, ts=stamps[0], text="short now")
    new = post_ticket(client, "new")
    page.wait_for("document.querySelector('#news').innerText.startsWith('1 new message')")
    page.wait_for(f"document.querySelector('{article(stamps[0])}').innerText.includes('short now')")
    assert page.evaluate(top) == 200

    page.evaluate("document.querySelector('#news').click()")
    page.wait_for(f"document.querySelector('{article(new)}').getBoundingClientRect().bottom <= innerHeight")
    page.wait_for("document.querySelector('#news').hidden")


def test_a_reader_at_the_end_stays_at_the_end(page: Chromium, client: WebClient) -> None:
    for number in range(6):
        last = post_ticket(client, f"No {number}")
    wait_for_message(page, last)

    page.wait_for("(m => m.scrollHeight - m.scrollTop - m.clientHeight < 2)(document.querySelector('#messages'))")
    assert page.evaluate("document.querySelector('#news').hidden") is True


def test_pressing_a_button_tells_the_command(page: Chromium, client: WebClient) -> None:
    ts = post_ticket(client)
    wait_for_message(page, ts)

    page.evaluate(f"document.querySelector('{article(ts)} .button').click()")
    assert page.text(".press-note code") == f"warden undo {TICKET_ID}"
    page.evaluate(f"document.querySelector('{article(ts)} .button').click()")
    assert page.evaluate("document.querySelector('.press-note')") is None


def test_the_keyboard_reaches_messages_threads_and_buttons(page: Chromium, client: WebClient) -> None:
    first = post_ticket(client)
    client.chat_postMessage(channel=CHANNEL, thread_ts=first, text="reply")
    second = client.chat_postMessage(channel=CHANNEL, text="second")["ts"]
    wait_for_message(page, second)
    focused = "document.activeElement.dataset.ts"

    page.key("j")
    assert page.evaluate(focused) == first
    page.key("t")
    assert page.evaluate("document.querySelector('.replies').checkVisibility()") is True
    page.key("j")
    assert page.evaluate(focused) == second
    page.key("k")
    assert page.evaluate(focused) == first
    for _ in range(10):
        page.key("Tab")
        if page.evaluate("document.activeElement.innerText") == "Undo":
            break
    page.key("Enter")
    assert page.text(".press-note code") == f"warden undo {TICKET_ID}"


def test_the_focus_survives_an_edit(page: Chromium, client: WebClient) -> None:
    ts = post_ticket(client, "Open")
    wait_for_message(page, ts)
    page.evaluate(f"document.querySelector('{article(ts)} .button').focus()")

    client.chat_update(channel=CHANNEL, ts=ts, text="ticket", blocks=ticket_blocks("Fixed"))
    page.wait_for(f"document.querySelector('{article(ts)}').innerText.includes('Fixed')")

    assert page.evaluate("document.activeElement.innerText") == "Undo"


def test_another_channel_counts_what_was_not_read(page: Chromium, client: WebClient, slack: LocalSlack) -> None:
    slack.set_channel("not-joined", member=True)
    for _ in range(2):
        ts = client.chat_postMessage(channel="not-joined", text="over here")["ts"]
    page.wait_for("document.querySelector('.badge')?.innerText === '2'")

    page.evaluate("document.querySelector('a[href=\"#C0NOTJOINED\"]').click()")
    wait_for_message(page, ts)

    assert page.text("#channel-name") == "# not-joined"
    assert page.evaluate("document.querySelector('.badge')") is None
    assert page.evaluate("document.querySelectorAll('#messages > article').length") == 2


def test_the_page_tells_when_slack_is_off_and_finds_back(page: Chromium, client: WebClient, slack: LocalSlack) -> None:
    slack.down()
    page.wait_for("document.querySelector('#banner').innerText.includes('answers 503')")
    slack.down("refused")
    page.wait_for("document.querySelector('#banner').innerText.includes('No connection')")
    slack.up()
    ts = post_ticket(client)
    page.wait_for(f"document.querySelector('{article(ts)}') !== null")

    page.wait_for("document.querySelector('#banner').hidden")
    page.errors.clear()  # the browser reports the connection it lost


@pytest.mark.parametrize("width", [1100, 420, 320])
@pytest.mark.parametrize("dark", [False, True])
def test_nothing_is_cut_off_and_text_is_readable(
    page: Chromium, client: WebClient, tmp_path: Path, width: int, dark: bool
) -> None:
    ts = post_ticket(client)
    long_name = "a" * 140
    last = client.chat_postMessage(channel=CHANNEL, thread_ts=ts, text=f"`{long_name}` https://example.com/{long_name}")
    assert last["ok"]
    page.look(width=width, dark=dark)
    page.wait_for("document.querySelector('.thread-toggle') !== null")
    page.evaluate("document.querySelector('.thread-toggle').click()")
    page.evaluate("document.querySelector('.button').click()")

    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth") is True
    assert page.evaluate("(m => m.scrollWidth <= m.clientWidth)(document.querySelector('#messages'))") is True
    assert page.evaluate(_LOWEST_CONTRAST) >= 4.5
    page.screenshot(tmp_path / "page.png")
    assert (tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")


# The lowest contrast (WCAG 2.2, 1.4.3) of any text against what is painted behind it.
_LOWEST_CONTRAST = """(() => {
  const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (c) => {
    const linear = (v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    const [r, g, b] = c.slice(0, 3).map((v) => linear(v / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const c = numbers(getComputedStyle(e).backgroundColor);
      if (c.length < 4 || c[3] === 1) return c;
    }
    return [255, 255, 255];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let lowest = 21;
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !e.checkVisibility() || e.closest('noscript, .skip, .emoji')) continue;
    const [a, b] = [light(numbers(getComputedStyle(e).color)), light(behind(e))].sort((x, y) => y - x);
    lowest = Math.min(lowest, (a + 0.05) / (b + 0.05));
  }
  return lowest;
})()"""
