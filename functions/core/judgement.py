"""What the facts about one function mean: which events to send about which findings. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from functions.core.event import Forged
from functions.core.finding import NOT_CHECKED, Cause, Evidence, Finding
from functions.core.message import Kind, Message
from functions.core.mode import (
    Account,
    DeploymentPolicy,
    Limit,
    RuntimePolicy,
    effective_mode,
    exemption,
    tag_limit,
)
from functions.core.playbook import Mode, Severity
from functions.core.subject import Subject, partition_of
from functions.core.ticket import State, Ticket, hold

OPERATOR = "operator"
"""Findings about the bot itself: for the people who run it, never to be fixed by it."""

_STILL_OPEN = frozenset({State.OPEN, State.AWAITING_APPROVAL, State.FIXING, State.FAILED, State.SNOOZED})


@dataclass(frozen=True)
class Rules:
    """All that decides how much may be done about findings of one account."""

    deployment: DeploymentPolicy
    runtime: RuntimePolicy
    account: Account | None


def allowed(rules: Rules, finding: Finding, tags: Mapping[str, str], ticket: Ticket | None, now: str) -> Limit:
    """Return the most that may be done about a finding, and what limits it."""
    return effective_mode(
        [
            rules.deployment.mode(finding.playbook),
            rules.deployment.ceiling(finding.subject.account, rules.account),
            *rules.runtime.limits(),
            *tag_limit(tags),
            *hold(ticket, now),
            Limit(finding.at_most, "the evidence allows no more without a person"),
        ]
    )


def judge(
    found: Sequence[Finding],
    *,
    checked: Iterable[str],
    tags: Mapping[str, str],
    tickets: Mapping[str, Ticket],
    rules: Rules,
    now: str,
) -> list[Message]:
    """Turn what the checks found into events: opened, still there and to be fixed, or gone.

    `checked` names the playbooks that looked; `tickets` are the function's, by finding id; `now` is ISO 8601 in UTC.
    """
    messages = []
    for finding in found:
        ticket = tickets.get(finding.id)
        exempt = exemption(tags, finding.playbook, date.fromisoformat(now[:10]))
        if exempt.holds:
            if ticket is not None and ticket.state in _STILL_OPEN:
                messages.append(cleared(finding, now, f"Exempt until {exempt.until} by the function's tag."))
            continue
        limit = allowed(rules, finding, tags, ticket, now)
        because = "" if limit.mode is Mode.ENFORCE else limit.because
        if exempt.refused:
            because = f"{because}; {exempt.refused}" if because else exempt.refused
        if limit.mode is Mode.ENFORCE or _is_news(ticket, finding, limit.mode, now):
            messages.append(
                Message(Kind.FINDING_OPENED, finding, finding.found_at, mode=limit.mode.value, because=because)
            )
    # A check that could not look does not say that a problem is gone.
    looked = set(checked) - {finding.playbook for finding in found if finding.aspect == NOT_CHECKED}
    return [*messages, *_gone({f.id for f in found}, looked, tickets, now)]


def cleared(finding: Finding, now: str, text: str) -> Message:
    """Say that a finding is no longer there."""
    return Message(Kind.FINDING_CLEARED, finding, now, text=text)


def function_gone(tickets: Mapping[str, Ticket], now: str) -> list[Message]:
    """Close every open ticket of a function that no longer exists."""
    return [cleared(t.finding, now, "The function was deleted.") for t in tickets.values() if t.state in _STILL_OPEN]


def missing_permission(subject: Subject, role: str, action: str, resource: str, now: str) -> Message:
    """Tell the operators which permission a role of ours lacks."""
    account = Subject(subject.partition, subject.account, subject.region)
    finding = Finding(
        playbook=OPERATOR,
        subject=account,
        title="lambda-warden lacks a permission",
        severity=Severity.HIGH,
        what=f"The role {role} may not perform {action} in account {subject.account}.",
        why="Until it may, functions there are not looked after. Deploy the member stack again, "
        "or look for a policy that denies it.",
        evidence=(Evidence("Action", action), Evidence("Resource", resource or "not named"), Evidence("Role", role)),
        aspect=f"permission {action} {role}",
        found_at=now,
    )
    return Message(Kind.FINDING_OPENED, finding, now, mode=Mode.OBSERVE.value)


def never_settles(subject: Subject, state: str, cause: Cause, now: str) -> Message:
    """Tell the operators that a function stays Pending or InProgress, so that nothing can be done about it."""
    finding = Finding(
        playbook=OPERATOR,
        subject=subject,
        title="Function stays unsettled",
        severity=Severity.MEDIUM,
        what=f"The function has been {state} for more than ten minutes.",
        why="Lambda refuses every change to it meanwhile, and its checks wait.",
        aspect="unsettled",
        found_at=now,
        cause=cause,
    )
    return Message(Kind.FINDING_OPENED, finding, now, mode=Mode.OBSERVE.value)


def forged_event(forged: Forged, now: str) -> Message:
    """Tell the operators that an account sent what it may not send."""
    finding = Finding(
        playbook=OPERATOR,
        subject=Subject(partition_of(forged.region), forged.account, forged.region),
        title="Forged event refused",
        severity=Severity.CRITICAL,
        what=f"Account {forged.account} put an event on the hub bus that it may not send: {forged.because}.",
        why="Nothing was done because of it. Find out who can use the forwarding role in that account.",
        evidence=(Evidence("Source", forged.source or "not given"), Evidence("Event", forged.event_id or "no id")),
        # The source is the sender's text; in the id it would let the sender decide how many tickets there are.
        aspect="forged",
        found_at=now,
    )
    return Message(Kind.FINDING_OPENED, finding, now, mode=Mode.OBSERVE.value)


def _is_news(ticket: Ticket | None, finding: Finding, mode: Mode, now: str) -> bool:
    """Whether a finding that is not to be fixed now has to be told: it is new, back, or more may be done about it."""
    if ticket is None:
        return True
    match ticket.state:
        case State.UNDONE | State.UNDOING:
            return False
        case State.SNOOZED | State.EXEMPT:
            return ticket.quiet_until <= now
        case State.FIXED | State.CLEARED:
            return True
        case _:
            opened = [e for e in ticket.story if e.kind is Kind.FINDING_OPENED]
            # What a person approves is what the ticket shows, so a finding that says something else is told again.
            return not opened or opened[-1].mode != mode.value or ticket.finding.what != finding.what


def _gone(found: set[str], checked: set[str], tickets: Mapping[str, Ticket], now: str) -> list[Message]:
    return [
        cleared(ticket.finding, now, "The next look found the problem gone.")
        for finding_id, ticket in tickets.items()
        if finding_id not in found and ticket.finding.playbook in checked and ticket.state in _STILL_OPEN
    ]
