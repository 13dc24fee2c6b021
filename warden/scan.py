"""`scan`: every check on an account, read-only. What may not be read is listed, never passed in silence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

import click
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.progress import Progress

from functions.adapters.errors import trouble
from functions.core.finding import Finding
from functions.core.snapshot import FunctionSnapshot, from_get_function
from functions.core.subject import Subject, partition_of
from functions.playbooks import examinations
from functions.playbooks.recursive_loop.facts import LOOPS
from functions.playbooks.recursive_loop.known import loop_to_json
from warden import loops
from warden.connection import Connection, NoAccess, connect
from warden.output import as_json, as_table, finding_row

# GetFunction allows 100 calls a second and account (Lambda quotas); eight at a time stay below it.
_AT_ONCE = 8


@dataclass(frozen=True)
class NotChecked:
    """Something that could not be read, and why."""

    region: str
    function: str
    reason: str


@dataclass(frozen=True)
class Scan:
    """What a scan saw."""

    account: str
    functions: int
    findings: tuple[Finding, ...]
    not_checked: tuple[NotChecked, ...]


@click.command()
@click.option("--regions", metavar="R,R…", help="Regions to scan, separated by commas. [default: the configured one]")
@click.option("--json", "json_", is_flag=True, help="One JSON object: findings, and what was not checked.")
def scan(regions: str | None, json_: bool) -> None:
    """Check every function of the account you are in; changes nothing.

    Exit code 1 if there are findings. Needs lambda:ListFunctions and lambda:GetFunction, and for loops what
    `warden loops` needs; what may not be read is listed.
    """
    connection = connect()
    account, _ = connection.me()
    names = [name.strip() for name in regions.split(",") if name.strip()] if regions else [_default_region(connection)]
    seen = look(connection, account, names, quiet=json_)
    if json_:
        as_json(
            {
                "account": account,
                "regions": names,
                "functions": seen.functions,
                "findings": [finding_row(finding) for finding in seen.findings],
                "not_checked": [asdict(item) for item in seen.not_checked],
            }
        )
    else:
        _show(seen)
    raise SystemExit(1 if seen.findings else 0)


def look(connection: Connection, account: str, regions: Sequence[str], *, quiet: bool) -> Scan:
    """Run every check on every function of the account in these Regions."""
    subjects: list[Subject] = []
    not_checked: list[NotChecked] = []
    for region in regions:
        try:
            subjects += _functions(connection, account, region)
        except (ClientError, BotoCoreError) as error:
            not_checked.append(NotChecked(region, "every function", _why(error)))
    known: dict[str, dict[str, Any]] = {}
    for region in {subject.region for subject in subjects}:
        graph = loops.look(connection, account, region, quiet=quiet)
        known[region] = {LOOPS: {"loops": [loop_to_json(loop) for loop in graph.loops]}}
        lacking = sorted({item.action for item in graph.not_read})
        if lacking:
            not_checked.append(NotChecked(region, "loops", f"not all was read: {', '.join(lacking)}"))
    findings: list[Finding] = []
    console = Console(stderr=True, quiet=quiet)
    with Progress(console=console, transient=True) as progress, ThreadPoolExecutor(_AT_ONCE) as pool:
        task = progress.add_task("checking functions", total=len(subjects))
        for found in pool.map(lambda subject: _check(connection, subject, known[subject.region]), subjects):
            progress.advance(task)
            findings += [one for one in found if isinstance(one, Finding)]
            not_checked += [one for one in found if isinstance(one, NotChecked)]
    return Scan(account, len(subjects), tuple(findings), tuple(not_checked))


def _functions(connection: Connection, account: str, region: str) -> Iterator[Subject]:
    pages = connection.client("lambda", region).get_paginator("list_functions").paginate()
    names = [function["FunctionName"] for page in pages for function in page["Functions"]]
    return (Subject(partition_of(region), account, region, name) for name in names)


@dataclass(frozen=True)
class _OwnAccount:
    """The account we are in, as a playbook reads its facts there."""

    connection: Connection
    subject: Subject
    known: Mapping[str, Any]

    def client(self, service: str, patience: int = 0) -> Any:  # noqa: ARG002 - nothing is asked that takes long
        return self.connection.client(service, self.subject.region)

    def snapshot(self) -> FunctionSnapshot:
        return from_get_function(self.subject, self.client("lambda").get_function(FunctionName=self.subject.function))

    def remembered(self, name: str) -> Any:
        return self.known.get(name)


def _check(connection: Connection, subject: Subject, known: Mapping[str, Any]) -> list[Finding | NotChecked]:
    member = _OwnAccount(connection, subject, known)
    try:
        snapshot = member.snapshot()
    except (ClientError, BotoCoreError) as error:
        return [NotChecked(subject.region, subject.function, _why(error))]
    seen: list[Finding | NotChecked] = []
    for examination in examinations():
        try:
            found = examination.findings(member, snapshot, examination.playbook.settings)
            # What one function's check says of another one, that one's own says too.
            seen += [finding for finding in found if finding.subject == subject]
        except (ClientError, BotoCoreError) as error:
            seen.append(NotChecked(subject.region, subject.function, f"{examination.playbook.id}: {_why(error)}"))
    return seen


def _why(error: ClientError | BotoCoreError) -> str:
    found = trouble(error)
    return f"{found.action} is not allowed" if found.action else f"{found.code}: {found.text}"


def _default_region(connection: Connection) -> str:
    region = connection.client("sts").meta.region_name
    if not region or region == "aws-global":
        raise NoAccess("no Region: set AWS_REGION or give --regions")
    return str(region)


def _show(seen: Scan) -> None:
    as_table(
        ("FUNCTION", "REGION", "SEVERITY", "PROBLEM"),
        [(f.subject.function, f.subject.region, f.severity.value, f.what) for f in seen.findings],
        "nothing found",
    )
    if seen.not_checked:
        click.echo("\nNot checked:")
        as_table(("FUNCTION", "REGION", "WHY"), [(n.function, n.region, n.reason) for n in seen.not_checked], "")
    click.echo(f"\n{len(seen.findings)} findings in {seen.functions} functions of account {seen.account}", err=True)
