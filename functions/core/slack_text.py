"""A ticket as a Slack message: in ten seconds what was wrong, what was done, who, what next, and how to take it back.

Limits as in Slack's Block Kit reference: header 150 characters, section 3,000, field 2,000, 50 blocks, and in
practice about 13,000 characters of blocks in one message; every text here is cut well below, counted as it stands in
the message's JSON, so that no content can take a message over them.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from functions.core.finding import Cause
from functions.core.message import Kind
from functions.core.playbook import Severity
from functions.core.ticket import State, Ticket

_BADGE = {Severity.CRITICAL: "🔴", Severity.HIGH: "🟠", Severity.MEDIUM: "🟡", Severity.LOW: "⚪"}
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_LOOKS_DONE = frozenset({State.FIXED, State.CLEARED})
DIGEST_LINES = 40

Block = dict[str, Any]


@dataclass(frozen=True)
class SlackMessage:
    """What `chat.postMessage` takes; `text` is what a notification shows."""

    text: str
    blocks: list[Block]
    metadata: dict[str, Any] = field(default_factory=dict)


def ticket_message(ticket: Ticket, account_name: str = "") -> SlackMessage:
    """Render a ticket in its present state."""
    finding, state = ticket.finding, ticket.state
    badge = "✅" if state in _LOOKS_DONE else "↩️" if state is State.UNDONE else _BADGE[finding.severity]
    title = f"{badge} {finding.title}"
    name = finding.subject.function or f"account {finding.subject.account}"
    blocks: list[Block] = [
        {"type": "header", "text": {"type": "plain_text", "text": cut(_visible(title), 150), "emoji": True}},
        _section(_what_was_found(ticket)),
        _fields(_facts(ticket, account_name)),
    ]
    done = _what_was_done(ticket)
    if done:
        blocks.append(_section(done))
    plan = _plan(ticket)
    if plan:
        blocks.append(_section(plan))
    advice = _advice(ticket)
    if advice:
        blocks.append(_section(advice))
    blocks.append(_context(_evidence(ticket)))
    blocks.append(_context(_next_step(ticket)))
    return SlackMessage(
        text=escape(f"{badge} {state.value}: {finding.title}: {name} ({finding.subject.region})", 300),
        blocks=blocks,
        metadata={"event_type": "warden_ticket", "event_payload": {"finding": finding.id}},
    )


def digest_message(title: str, tickets: Sequence[Ticket], digest: str) -> SlackMessage:
    """Render the parent of a digest: how many, of what kind, in which state; its thread lists every one."""
    by_title: dict[tuple[str, str], int] = {}
    for ticket in tickets:
        key = (ticket.finding.title, ticket.state.value)
        by_title[key] = by_title.get(key, 0) + 1
    lines = [f"• {count} × {escape(what, 150)}: *{state}*" for (what, state), count in sorted(by_title.items())]
    head = f"📋 {len(tickets)} findings: {title}"
    return SlackMessage(
        text=escape(head, 300),
        blocks=[
            {"type": "header", "text": {"type": "plain_text", "text": cut(_visible(head), 150), "emoji": True}},
            _section("\n".join(_first(lines, 2800))),
            _context(
                "Every one is listed in the thread; `warden tickets` lists them too. Undo any: `warden undo TICKET`"
            ),
        ],
        metadata={"event_type": "warden_digest", "event_payload": {"digest": digest}},
    )


def digest_page(tickets: Sequence[Ticket], digest: str, number: int) -> SlackMessage:
    """Render one reply of a digest's thread; at most `DIGEST_LINES` tickets."""
    lines = [
        f"`{t.id}` {_BADGE[t.finding.severity]} {escape(t.finding.subject.function or t.finding.subject.account, 160)}"
        f" ({t.finding.subject.account} {t.finding.subject.region}): {t.state.value}"
        for t in tickets[:DIGEST_LINES]
    ]
    blocks = [_section("\n".join(lines[i : i + 10])) for i in range(0, len(lines), 10)]
    payload = {"digest": digest, "page": number}
    return SlackMessage(
        text=cut(f"{len(lines)} of the findings", 300),
        blocks=blocks,
        metadata={"event_type": "warden_digest_page", "event_payload": payload},
    )


def escape(text: str, limit: int) -> str:
    """Put a text on one line, take the meaning from what Slack's mrkdwn gives one to, and cut the outcome to `limit`.

    Characters are counted as the message's JSON has them, so a quotation mark is two and `&` is five.
    """
    return _fitted(" ".join(text.split()), limit)


def cut(text: str, limit: int) -> str:
    """Shorten a text to a number of characters, with an ellipsis where something is missing."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _fitted(text: str, limit: int) -> str:
    safe = [_ENTITIES.get(character, character) for character in _visible(text).replace("```", "'''")]
    ends = list(accumulate(len(shown) + (shown in '"\\\n' or shown > "\uffff") for shown in safe))
    if not ends or ends[-1] <= limit:
        return "".join(safe)
    return "".join(safe[: bisect_right(ends, limit - 1)]) + "…"


def _visible(text: str) -> str:
    """Leave out control characters and halves of surrogate pairs, which no encoding takes."""
    return "".join(c for c in text if c == "\n" or not (c < " " or "\ud800" <= c <= "\udfff"))


def _first(lines: Sequence[str], limit: int) -> list[str]:
    """Return as many lines as fit, and say how many do not."""
    fitting: list[str] = []
    for line in lines:
        limit -= len(json.dumps(line, ensure_ascii=False))
        if limit < 0:
            return [*fitting, f"… and {len(lines) - len(fitting)} more kinds"]
        fitting.append(line)
    return fitting


def _facts(ticket: Ticket, account_name: str) -> dict[str, str]:
    subject, cause = ticket.finding.subject, ticket.finding.cause
    account = f"{escape(account_name, 100)} ({subject.account})" if account_name else subject.account
    facts = {
        "Function": f"`{escape(subject.function, 160)}`" if subject.function else "",
        "State": f"*{ticket.state.value}*",
        "Account": account,
        "Region": subject.region,
        "Made by": escape(cause.actor, 200) or _author_unknown(cause),
        "Seen through": escape(cause.event, 150),
    }
    return {label: value for label, value in facts.items() if value}


def _author_unknown(cause: Cause) -> str:
    """Say why nobody is named; nothing where nobody made what is wrong, as with a permission that lacks."""
    if cause.origin != "event":
        return f"not known ({escape(cause.origin, 40)})"
    return "not known" if cause.event else ""


def _what_was_found(ticket: Ticket) -> str:
    """Say what is wrong; where it is put right, the present tense would be untrue without the label."""
    found = [escape(ticket.finding.what, 1200), escape(ticket.finding.why, 600)]
    tense = "was" if ticket.state in _LOOKS_DONE else "is"
    return " ".join(part for part in (f"*What {tense} wrong*:", *found) if part)


def _evidence(ticket: Ticket) -> str:
    """List the facts with the moment they were true: a fix changes some of them."""
    finding = ticket.finding
    facts = " · ".join(f"{escape(e.label, 60)}: *{escape(e.value, 200)}*" for e in finding.evidence[:10])
    when = f" at {escape(finding.found_at[:16].replace('T', ' '), 20)} UTC" if finding.found_at else ""
    return " · ".join(
        part for part in (f"Severity: *{finding.severity.value}*", f"Found{when}: {facts}" if facts else "") if part
    )


def _what_was_done(ticket: Ticket) -> str:
    parts = []
    fix = next((e for e in reversed(ticket.story) if e.kind in (Kind.FIX_APPLIED, Kind.FIX_UNDONE)), None)
    if fix is not None and ticket.changes:
        verb = "What was undone" if fix.kind is Kind.FIX_UNDONE else "What was done"
        who = f" (by {escape(fix.by, 120)})" if fix.by else ""
        parts.append(f"*{verb}*{who}: {escape(fix.text, 700)}\n```{_diff(ticket, ticket.changes)}```")
    elif fix is not None:
        parts.append(f"*{fix.kind.value}*: {escape(fix.text, 700)}")
    last = next((e for e in reversed(ticket.story) if e.kind is not Kind.FIX_PLANNED), ticket.last)
    redriven = next((e for e in reversed(ticket.story) if e.kind is Kind.EVENTS_REDRIVEN), last)
    if redriven is not last:
        parts.append(f"*{redriven.kind.value}*: {_sentence(redriven.text)}")
    if last.kind is not Kind.FINDING_OPENED and last is not fix and last.text:
        parts.append(f"*{last.kind.value}*: {_sentence(last.text)}")
    elif ticket.state in (State.OPEN, State.AWAITING_APPROVAL) and last.text:
        parts.append(f"*Nothing was changed*: {_sentence(last.text)}")
    return "\n".join(parts)


def _plan(ticket: Ticket) -> str:
    """Show what an approval would change, or why it could not, as long as a person is asked."""
    if ticket.state is not State.AWAITING_APPROVAL:
        return ""
    plan = next((entry for entry in reversed(ticket.story) if entry.kind is Kind.FIX_PLANNED), None)
    if plan is None:
        return ""
    if plan.code:
        return f"*An approval cannot help as it is*: {_sentence(plan.text)}"
    return f"*An approval changes*:\n```{_diff(ticket, ticket.proposed)}```"


def _diff(ticket: Ticket, changes: Sequence[Mapping[str, Any]]) -> str:
    account = ticket.finding.subject.account
    lines = (
        f"{cut(str(c['setting']), 80)}: {_value(c['before'], account)} → {_value(c['after'], account)}"
        for c in changes[:20]
    )
    more = f"\n… and {len(changes) - 20} more" if len(changes) > 20 else ""
    return _fitted("\n".join(lines).replace("`", "'"), 1000) + more


def _advice(ticket: Ticket) -> str:
    """Show what the owner should do, line by line as it is written: it may hold a snippet to copy."""
    text = ticket.advice or ticket.finding.advice
    return f"*What you should do*:\n```{_fitted(text.replace('`', chr(39)), 2400)}```" if text else ""


def _next_step(ticket: Ticket) -> str:
    state, name = ticket.state, ticket.id
    commands = {
        State.FIXED: f"undo it: `warden undo {name}`",
        State.AWAITING_APPROVAL: f"let it be fixed: `warden approve {name}`",
        State.UNDONE: f"let it be fixed again: `warden approve {name}`",
        State.FAILED: f"try again: `warden approve {name}`",
        State.OPEN: f"quiet for a week: `warden snooze {name} --for 7d`",
    }
    return " · ".join(part for part in (f"Ticket `{name}`", commands.get(state, "")) if part)


def _sentence(text: str) -> str:
    said = escape(text, 700)
    return said if said.endswith((".", "!", "?", "…")) else f"{said}."


def _value(value: object, account: str) -> str:
    """Show a setting on one line: of a mapping its keys and values, of a list its items, and no deeper."""
    if isinstance(value, Mapping):
        shown = [f"{_one_line(str(key))}={_inner(item, account)}" for key, item in value.items()]
    elif isinstance(value, (list, tuple)):
        shown = [_plain(item, account) for item in value]
    else:
        return "not set" if value is None else cut(json.dumps(value, ensure_ascii=False), 200)
    return cut(", ".join(shown), 200) if shown else "none"


def _inner(value: object, account: str) -> str:
    """Show what a key of a mapping has: of a list the first item, and how many more there are."""
    if not isinstance(value, (list, tuple)):
        return _plain(value, account)
    first = _plain(value[0], account) if value else "none"
    return first if len(value) < 2 else f"{first} and {len(value) - 1} more"


def _plain(value: object, account: str) -> str:
    """Show one thing without quotes; of the ARN of something in this account only what it is called."""
    if isinstance(value, (Mapping, list, tuple)):
        return "…" if value else "none"
    if not isinstance(value, str):
        return "not set" if value is None else json.dumps(value)
    arn = value.split(":", 5)
    named = arn[5] if len(arn) == 6 and arn[0] == "arn" and arn[4] in ("", account) else value
    return cut(_one_line(named), 80)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _section(text: str) -> Block:
    return {"type": "section", "text": {"type": "mrkdwn", "text": cut(text, 3000) or " "}}


def _fields(facts: dict[str, str]) -> Block:
    fields = [{"type": "mrkdwn", "text": cut(f"*{label}*\n{value}", 2000)} for label, value in list(facts.items())[:10]]
    return {"type": "section", "fields": fields}


def _context(text: str) -> Block:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": cut(text, 2900)}]}
