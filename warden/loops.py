"""`loops`: what in an account triggers itself, by its triggers and by what its functions may write; read-only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn

from functions.adapters import topology
from functions.adapters.clock import iso, now
from functions.adapters.generations import Generations
from functions.adapters.memory import LOOPS
from functions.core.fix import Status
from functions.core.message import UNKNOWN_TOO, Kind, Message
from functions.playbooks.recursive_loop import drawing, joined
from functions.playbooks.recursive_loop.account import Account, NotRead
from functions.playbooks.recursive_loop.check import CAP, CAP_LEFT
from functions.playbooks.recursive_loop.graph import Edge, Loop
from functions.playbooks.recursive_loop.graph import Kind as EdgeKind
from functions.playbooks.recursive_loop.known import loop_from_json
from functions.playbooks.recursive_loop.loops import loops as find_loops
from functions.playbooks.recursive_loop.playbook import PLAYBOOK
from warden.connection import TABLE, Connection, NoAccess, connect
from warden.output import as_json, as_table
from warden.tickets import find

_HELP = """Find functions that can trigger themselves; changes nothing.

Reads what triggers what (event source mappings, notifications, subscriptions, rules, pipes, schedules, state
machines, log subscriptions, destinations, dead-letter queues) and what each function's role lets it write, and
looks for ways that lead back. An S3 notification or a rule is part of a loop only if what may be written passes
its filter.

\b
Confidence:  A  every step is a configured trigger or an exact resource in a policy
             B  a step depends on a name with a wildcard, a variable, or a filter
             C  a step is there only because a policy allows nearly everything

Each loop says what breaks it at the least cost. Not followed: calls over HTTP, and what reacts to API calls
through CloudTrail. Two accounts are never looked at together.

Exit code 1 if there are loops. Needs only List, Describe and Get permissions; what may not be read is listed.
"""

_REDRIVE_HELP = """Send back the events that were kept when the loop of TICKET was broken.

Breaking a loop puts what its function would have been invoked for into a queue, or leaves it in its own. This asks
the hub to go through that queue: events from outside of the loop are handed to their function, a few a second and
each once; what the loop made itself is dropped and counted. An event of which nobody can tell stays where it is;
the answer says how many there are, and --unknown sends them too.

\b
Before:  take away what makes the loop, and then either redrive while the fix
         stands, or undo the fix first (`warden undo TICKET`) and redrive after
         the hub has seen that the loop is gone. Nothing is sent while that would
         start the loop again, or while a function of it is held at concurrency 0.
After:   the ticket says how many events became what. It may be asked again: what
         was sent is on record, and is not sent again.
"""


_SHOW_HELP = """Draw the loop that TICKET is about, as the hub last read it.

Each line is one hop: from what to what, and why it is believed to lead there. --mermaid draws the same as a
flowchart, which Markdown shows as a picture: put it between ```mermaid and ```.

\b
Exit code 1 if the loop is no longer there.
"""


@dataclass(frozen=True)
class Looked:
    """What was seen in one Region."""

    region: str
    functions: int
    loops: tuple[Loop, ...]
    not_read: tuple[NotRead, ...]


@click.group(help=_HELP, invoke_without_command=True)
@click.option("--regions", metavar="R,R…", help="Regions to read, separated by commas. [default: the configured one]")
@click.option("--json", "json_", is_flag=True, help="One JSON list of loops; what was not read goes to stderr.")
@click.option("--mermaid", is_flag=True, help="Each loop as a Mermaid flowchart, to be pasted into Markdown.")
@click.pass_context
def loops(context: click.Context, regions: str | None, json_: bool, mermaid: bool) -> None:
    """Read each Region, and show what was found."""
    if context.invoked_subcommand is not None:
        if regions or json_ or mermaid:
            raise click.UsageError(f"options go after {context.invoked_subcommand}")
        return
    if json_ and mermaid:
        raise click.UsageError("--json and --mermaid exclude each other")
    connection = connect()
    account, _ = connection.me()
    names = [name.strip() for name in (regions or "").split(",") if name.strip()] or [default_region(connection)]
    seen = [look(connection, account, region, quiet=json_) for region in names]
    unlisted = [item for one in seen for item in one.not_read if item.action == "lambda:ListFunctions"]
    if len(unlisted) == len(seen):
        raise NoAccess(f"lambda:ListFunctions {unlisted[0].why}")
    if json_:
        as_json([loop_row(loop) for one in seen for loop in one.loops])
    elif mermaid:
        click.echo("\n\n".join(drawing.mermaid(loop) for one in seen for loop in one.loops))
    else:
        _show(seen)
    _show_not_read(seen, err=json_ or mermaid)
    raise SystemExit(1 if any(one.loops for one in seen) else 0)


@loops.command(help=_REDRIVE_HELP)
@click.argument("ticket_id", metavar="TICKET")
@click.option("--unknown", is_flag=True, help="Also events of which nobody can tell whether the loop made them.")
@click.option("--json", "json_", is_flag=True, help="One JSON object: what was asked.")
def redrive(ticket_id: str, unknown: bool, json_: bool) -> None:
    """Put the request on the hub's bus."""
    connection, ticket, who = find(ticket_id)
    history = connection.store().known(ticket.finding.subject).fixes.get(ticket.id, ())
    if not history or history[-1].status is Status.FAILED:
        raise click.UsageError(f"ticket {ticket_id}: nothing was changed, so nothing was kept")
    code = UNKNOWN_TOO if unknown else ""
    request = Message(Kind.REDRIVE_REQUESTED, ticket.finding, iso(now()), by=who, fix=history[-1].number, code=code)
    connection.bus().put(request)
    if json_:
        as_json({"asked": request.kind.value, "ticket": ticket.id, "unknown": unknown, "by": who, "at": request.at})
        return
    which = (
        "events from outside of the loop, and those of unknown origin" if unknown else "events from outside of the loop"
    )
    click.echo(f"asked to send back {which}; the ticket will say how many: warden tickets --all")


@loops.command(help=_SHOW_HELP)
@click.argument("ticket_id", metavar="TICKET")
@click.option("--mermaid", is_flag=True, help="As a Mermaid flowchart, to be pasted into Markdown.")
def show(ticket_id: str, mermaid: bool) -> None:
    """Print the loop that the hub remembers for a ticket."""
    connection, ticket, _ = find(ticket_id)
    finding = ticket.finding
    if finding.playbook != PLAYBOOK.id or finding.aspect in (CAP, CAP_LEFT):
        raise click.UsageError(f"ticket {ticket_id} is not about a loop: {finding.title}")
    known = Generations(connection.client("dynamodb"), TABLE).remembered(finding.subject, LOOPS) or {}
    body = next((one for one in known.get("loops", ()) if one["id"] == finding.aspect), None)
    if body is None:
        raise click.ClickException(f"loop {finding.aspect} of ticket {ticket_id} is no longer there")
    loop = loop_from_json(body)
    click.echo(drawing.mermaid(loop) if mermaid else drawing.text(loop))


def look(connection: Connection, account: str, region: str, *, quiet: bool) -> Looked:
    """Read one Region and find its loops."""
    with _progress(quiet) as progress:
        task = progress.add_task("")

        def tell(what: str) -> None:
            progress.update(task, description=f"{region}: {what}")

        read, graph = topology.look(partial(_client, connection, region), account, region, tell)
        tell("loops")
        found = find_loops(graph)
    return Looked(region, len(read.functions), tuple(found), (*read.not_read, *_not_understood(read)))


def _client(connection: Connection, region: str, service: str) -> Any:
    return connection.client(service, region)


def _not_understood(read: Account) -> Iterable[NotRead]:
    return (NotRead("policy", "", sentence) for sentence in joined.unreadable(read))


def _progress(quiet: bool) -> Progress:
    columns = (SpinnerColumn(), TextColumn("{task.description}"))
    return Progress(*columns, console=Console(stderr=True, quiet=quiet), transient=True)


def default_region(connection: Connection) -> str:
    """Return the configured Region. Raises `NoAccess` if there is none."""
    region = connection.client("sts").meta.region_name
    if not region or region == "aws-global":
        raise NoAccess("no Region: set AWS_REGION or give --regions")
    return str(region)


# --- output -----------------------------------------------------------------------------------------------------------


def loop_row(loop: Loop) -> dict[str, Any]:
    """Return a loop as scripts read it: `edges` is a shortest way round, `break` what ends every way round."""
    return {
        "id": loop.id,
        "functions": list(loop.functions),
        "edges": [
            {"from": edge.source, "to": edge.target, "kind": edge.kind.value, "evidence": edge.evidence}
            for edge in loop.cycle
        ],
        "confidence": loop.confidence.value,
        "break": [
            {
                "from": edge.source,
                "to": edge.target,
                "kind": edge.kind.value,
                "handle": edge.handle,
                "action": how_to_break(edge),
            }
            for edge in loop.breaks
        ],
    }


_BREAKS: Mapping[EdgeKind, Callable[[Edge], str]] = {
    EdgeKind.QUEUE_TRIGGER: lambda edge: f"disable event source mapping {edge.handle}",
    EdgeKind.STREAM_TRIGGER: lambda edge: f"disable event source mapping {edge.handle}",
    EdgeKind.RULE_TARGET: lambda edge: (
        f"replace target {edge.handle} of rule {edge.source.partition('#')[2]} by a queue"
    ),
    EdgeKind.TOPIC_SUBSCRIPTION: lambda edge: f"subscribe a queue instead of {edge.handle}",
    EdgeKind.BUCKET_NOTIFICATION: lambda edge: f"send notification {edge.handle} to a queue instead",
    EdgeKind.LOG_SUBSCRIPTION: lambda edge: f"delete subscription filter {edge.handle}",
    EdgeKind.PIPE: lambda edge: f"stop pipe {edge.handle}",
    EdgeKind.SCHEDULE: lambda edge: f"disable schedule {edge.handle}",
    EdgeKind.DESTINATION: lambda edge: f"remove destination {edge.handle} of {drawing.short_name(edge.source)}",
    EdgeKind.DEAD_LETTER: lambda edge: f"change {edge.handle} of {drawing.short_name(edge.source)}",
    EdgeKind.INVOKE: lambda edge: f"keep what {edge.handle} is invoked for in a queue, and set its concurrency to 0",
}


def how_to_break(edge: Edge) -> str:
    """Return in words what breaks an edge."""
    return _BREAKS[edge.kind](edge) if edge.kind in _BREAKS else f"change what writes to {edge.target}"


def _show(seen: Sequence[Looked]) -> None:
    for one in seen:
        for loop in one.loops:
            names = ", ".join(arn.rpartition(":")[2] for arn in loop.functions)
            click.echo(f"{loop.id}  confidence {loop.confidence}  {one.region}  {names}")
            click.echo("".join(f"    {line}\n" for line in drawing.text(loop).splitlines()), nl=False)
            for edge in loop.breaks:
                click.echo(f"    to break it: {how_to_break(edge)}")
            click.echo()
    count = sum(len(one.loops) for one in seen)
    functions = sum(one.functions for one in seen)
    click.echo(f"{count} loops among {functions} functions", err=bool(count))


def _show_not_read(seen: Sequence[Looked], *, err: bool) -> None:
    """List what may hide a loop: each action once with how often, as one that is denied is denied for everything."""
    rows: dict[tuple[str, str, str], list[str]] = {}
    for one in seen:
        for item in one.not_read:
            rows.setdefault((one.region, item.action, item.why), []).append(item.what)
    if not rows:
        return
    click.echo("\nNot read:", err=err)
    if err:
        for (region, action, why), what in rows.items():
            click.echo(f"  {region}  {action}  {_named(what)}  {why}", err=True)
        return
    listed = [(action, region, escape(_named(what)), escape(why)) for (region, action, why), what in rows.items()]
    as_table(("ACTION", "REGION", "OF", "WHY"), listed, "")


def _named(what: Sequence[str]) -> str:
    first = what[0] or "all"
    return first if len(what) == 1 else f"{first} and {len(what) - 1} more"
