"""What commands print: tables for people, JSON for scripts, errors in one line."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from functions.core.finding import Finding
from functions.core.ticket import Ticket


def as_json(value: object) -> None:
    """Print one JSON document."""
    click.echo(json.dumps(value, ensure_ascii=False, default=str))


def as_table(columns: Sequence[str], rows: Iterable[Sequence[str]], empty: str) -> None:
    """Print a table, or one line where there is nothing to show."""
    rows = list(rows)
    if not rows:
        click.echo(empty)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, column in enumerate(columns):
        table.add_column(column, no_wrap=number == 0, overflow="fold")
    for row in rows:
        table.add_row(*row)
    # A pipe has no width to fold lines to.
    Console(width=None if sys.stdout.isatty() else 240).print(table)


def finding_row(finding: Finding) -> dict[str, Any]:
    """Return a finding as scripts read it."""
    return {
        "id": finding.id,
        "playbook": finding.playbook,
        "account": finding.subject.account,
        "region": finding.subject.region,
        "function": finding.subject.function,
        "severity": finding.severity.value,
        "title": finding.title,
        "what": finding.what,
        "evidence": {e.label: e.value for e in finding.evidence},
    }


def ticket_row(ticket: Ticket) -> dict[str, Any]:
    """Return a ticket as scripts read it."""
    return {
        **finding_row(ticket.finding),
        "state": ticket.state.value,
        "by": ticket.finding.cause.actor,
        "updated": ticket.last.at,
        "changes": [dict(change) for change in ticket.changes],
        "text": ticket.last.text,
        "slack": {"channel": ticket.channel, "ts": ticket.ts, "digest": ticket.digest},
    }
