"""`tickets`, `approve`, `undo`, `snooze`, `exempt`: what Slack's buttons do, from a terminal."""

from __future__ import annotations

import re
import time
from datetime import UTC, date, datetime, timedelta

import click

from functions.adapters.clock import iso, now
from functions.core.fix import Status
from functions.core.message import Kind, Message
from functions.core.ticket import State, Ticket
from functions.playbooks import playbooks
from warden.connection import Connection, connect
from warden.output import as_json, as_table, ticket_row

_FOR = re.compile(r"(\d{1,4})([dhw])")
_LONGEST_REASON = 500
_UNITS = {"h": "hours", "d": "days", "w": "weeks"}


@click.command()
@click.option("--all", "everything", is_flag=True, help="Also those that are fixed or cleared, which can be undone.")
@click.option("--account", help="Only this account.")
@click.option("--json", "json_", is_flag=True, help="One JSON list.")
def tickets(everything: bool, account: str | None, json_: bool) -> None:
    """List the tickets that are open."""
    done = () if everything else (State.FIXED, State.CLEARED)
    found = [
        ticket
        for ticket in connect().store().tickets()
        if ticket.state not in done and account in (None, ticket.finding.subject.account)
    ]
    found.sort(key=lambda t: t.last.at, reverse=True)
    if json_:
        as_json([ticket_row(ticket) for ticket in found])
        return
    as_table(
        ("TICKET", "STATE", "PLAYBOOK", "FUNCTION", "ACCOUNT", "REGION", "MADE BY"),
        [
            (
                t.id,
                t.state.value,
                t.finding.playbook,
                t.finding.subject.function or "-",
                t.finding.subject.account,
                t.finding.subject.region,
                t.finding.cause.actor or "-",
            )
            for t in found
        ],
        "no open tickets",
    )


def _common(command: click.Command) -> click.Command:
    for option in (
        click.argument("ticket_id", metavar="TICKET"),
        click.option("--json", "json_", is_flag=True, help="One JSON object: the ticket afterwards."),
        click.option("--wait", default=30.0, show_default=True, help="How many seconds to wait for the outcome."),
    ):
        option(command)
    return command


@click.command()
def approve(ticket_id: str, json_: bool, wait: float) -> None:
    """Let the bot fix what TICKET is about."""
    connection, ticket, who = find(ticket_id)
    if not any(p.id == ticket.finding.playbook and p.fixable for p in playbooks()):
        raise click.UsageError(f"nothing can be fixed for {ticket.finding.playbook}: the ticket says what to do")
    history = connection.store().known(ticket.finding.subject).fixes.get(ticket.id, ())
    known = history[-1].number if history else 0
    connection.bus().put(Message(Kind.FIX_REQUESTED, ticket.finding, iso(now()), by=who, fix=known))
    answers = (Kind.FIX_APPLIED, Kind.FIX_FAILED, Kind.FINDING_CLEARED, Kind.FINDING_OPENED)
    _report(_wait(connection, ticket, answers, wait, quiet=json_), json_, (State.FIXED, State.CLEARED))


@click.command()
def undo(ticket_id: str, json_: bool, wait: float) -> None:
    """Put back what the bot changed for TICKET."""
    connection, ticket, who = find(ticket_id)
    history = connection.store().known(ticket.finding.subject).fixes.get(ticket.id, ())
    if not history or history[-1].status in (Status.FAILED, Status.UNDONE):
        why = "it is undone already" if history and history[-1].status is Status.UNDONE else "nothing was changed"
        raise click.UsageError(f"ticket {ticket_id}: {why}")
    request = Message(Kind.UNDO_REQUESTED, ticket.finding, iso(now()), by=who, fix=history[-1].number)
    connection.bus().put(request)
    answers = (Kind.FIX_UNDONE, Kind.FIX_FAILED)
    _report(_wait(connection, ticket, answers, wait, quiet=json_), json_, (State.UNDONE,))


@click.command()
@click.option("--for", "duration", required=True, metavar="7d", help="How long: hours, days or weeks (12h, 7d, 2w).")
def snooze(ticket_id: str, duration: str, json_: bool, wait: float) -> None:
    """Leave TICKET alone for a while."""
    match = _FOR.fullmatch(duration)
    if match is None:
        raise click.BadParameter(f"{duration!r} is not a duration such as 12h, 7d or 2w", param_hint="--for")
    if int(match[1]) == 0:
        raise click.BadParameter(f"{duration!r} is no time at all", param_hint="--for")
    until = now() + timedelta(**{_UNITS[match[2]]: int(match[1])})
    _decide(ticket_id, "snoozed", until, "", json_=json_, wait=wait)


@click.command()
@click.option("--until", required=True, metavar="DATE", help="The last day it holds, as yyyy-mm-dd.")
@click.option("--reason", default="", help="Why; people will read it on the ticket.")
def exempt(ticket_id: str, until: str, reason: str, json_: bool, wait: float) -> None:
    """Leave TICKET alone until a date, as a decision."""
    try:
        day = date.fromisoformat(until)
    except ValueError:
        raise click.BadParameter(f"{until!r} is not a date such as 2027-01-31", param_hint="--until") from None
    if day < now().date():
        raise click.BadParameter(f"{until} is in the past", param_hint="--until")
    if len(reason) > _LONGEST_REASON:
        raise click.BadParameter(f"at most {_LONGEST_REASON} characters", param_hint="--reason")
    end = datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=UTC)
    _decide(ticket_id, "exempt", end, reason, json_=json_, wait=wait)


for _command in (approve, undo, snooze, exempt):
    _common(_command)


def _decide(ticket_id: str, code: str, until: datetime, reason: str, *, json_: bool, wait: float) -> None:
    connection, ticket, who = find(ticket_id)
    text = f"{code} until {until.date()} by {who}{': ' + reason if reason else ''}"
    at = iso(now())
    message = Message(Kind.TICKET_ACTION, ticket.finding, at, by=who, code=code, text=text, until=iso(until))
    connection.bus().put(message)
    after = _wait(connection, ticket, (Kind.TICKET_ACTION,), wait, quiet=json_)
    _report(after, json_, (State.SNOOZED, State.EXEMPT))


def find(ticket_id: str) -> tuple[Connection, Ticket, str]:
    """Return the hub, a ticket as a person types its id, and who asks. Raises `click.UsageError`."""
    connection = connect()
    _, who = connection.me()
    name = ticket_id.strip().lower()
    ticket = connection.store().ticket(name) if name else None
    if ticket is None:
        raise click.UsageError(f"there is no ticket {ticket_id!r}; `warden tickets --all` lists them")
    return connection, ticket, who


def _wait(connection: Connection, before: Ticket, answers: tuple[Kind, ...], seconds: float, *, quiet: bool) -> Ticket:
    """Follow the ticket until something that answers the request has been added to it."""
    known = {entry.key for entry in before.entries}
    until = time.monotonic() + seconds
    said = ""
    while True:
        ticket = connection.store().known(before.finding.subject).tickets.get(before.id, before)
        if any(entry.kind in answers and entry.key not in known for entry in ticket.entries):
            return ticket
        if ticket.state.value != said and not quiet:
            said = ticket.state.value
            click.echo(f"… {said}", err=True)
        if time.monotonic() > until:
            raise click.ClickException(
                f"no outcome after {seconds:g} s; the request stands, `warden tickets --all` shows what became of it"
            )
        time.sleep(0.1)


def _report(ticket: Ticket, json_: bool, wanted: tuple[State, ...]) -> None:
    if json_:
        as_json(ticket_row(ticket))
    else:
        name = ticket.finding.subject.function or ticket.finding.subject.account
        changes = ", ".join(f"{c['setting']}: {_show(c['before'])} → {_show(c['after'])}" for c in ticket.changes)
        detail = changes if ticket.state in (State.FIXED, State.UNDONE) and changes else ticket.last.text
        click.echo(f"{name}: {ticket.state.value}{'; ' + detail if detail else ''}")
    if ticket.state not in wanted:
        raise SystemExit(1)


def _show(value: object) -> str:
    return "not set" if value is None else str(value)
