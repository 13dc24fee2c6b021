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
from functions.playbooks.recursive_loop import drawing, joined
from functions.playbooks.recursive_loop.account import Account, NotRead
from functions.playbooks.recursive_loop.graph import Edge, Kind, Loop
from functions.playbooks.recursive_loop.loops import loops as find_loops
from warden.connection import Connection, NoAccess, connect
from warden.output import as_json, as_table


@dataclass(frozen=True)
class Looked:
    """What was seen in one Region."""

    region: str
    functions: int
    loops: tuple[Loop, ...]
    not_read: tuple[NotRead, ...]


@click.command()
@click.option("--regions", metavar="R,R…", help="Regions to read, separated by commas. [default: the configured one]")
@click.option("--json", "json_", is_flag=True, help="One JSON list of loops; what was not read goes to stderr.")
@click.option("--mermaid", is_flag=True, help="Each loop as a Mermaid flowchart, to be pasted into Markdown.")
def loops(regions: str | None, json_: bool, mermaid: bool) -> None:
    r"""Find functions that can trigger themselves; changes nothing.

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


_BREAKS: Mapping[Kind, Callable[[Edge], str]] = {
    Kind.QUEUE_TRIGGER: lambda edge: f"disable event source mapping {edge.handle}",
    Kind.STREAM_TRIGGER: lambda edge: f"disable event source mapping {edge.handle}",
    Kind.RULE_TARGET: lambda edge: f"replace target {edge.handle} of rule {edge.source.partition('#')[2]} by a queue",
    Kind.TOPIC_SUBSCRIPTION: lambda edge: f"subscribe a queue instead of {edge.handle}",
    Kind.BUCKET_NOTIFICATION: lambda edge: f"send notification {edge.handle} to a queue instead",
    Kind.LOG_SUBSCRIPTION: lambda edge: f"delete subscription filter {edge.handle}",
    Kind.PIPE: lambda edge: f"stop pipe {edge.handle}",
    Kind.SCHEDULE: lambda edge: f"disable schedule {edge.handle}",
    Kind.DESTINATION: lambda edge: f"remove destination {edge.handle} of {drawing.short_name(edge.source)}",
    Kind.DEAD_LETTER: lambda edge: f"change {edge.handle} of {drawing.short_name(edge.source)}",
    Kind.INVOKE: lambda edge: f"keep what {edge.handle} is invoked for in a queue, and set its concurrency to 0",
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
