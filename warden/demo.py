"""`demo`: the whole system on this machine; mistakes are made with real API calls, and their repair is watched."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

import click

from warden.connection import demo_file
from warden.local.cloud import HUB, REGION, Cloud
from warden.output import as_json
from warden.scenarios import SCENARIOS, Outcome, Scenario


@click.command()
@click.option(
    "--once", is_flag=True, help="Run every scenario and stop, with exit code 0 if each came out as it should."
)
@click.option("--json", "json_", is_flag=True, help="With --once: one JSON object at the end.")
def demo(once: bool, json_: bool) -> None:
    """Run everything on this machine: accounts, deployed stacks, mistakes, fixes, and a Slack page.

    Needs no AWS account and no Docker. Without --once it stays up until Ctrl-C, for `warden tickets`,
    `warden undo TICKET` and `warden send EVENT` from a second terminal.
    """
    say = (lambda text: click.echo(f"… {text}", err=True)) if not json_ else (lambda _: None)
    # A terminated demo must clean up after itself just as an interrupted one.
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
    with Cloud(say=say) as cloud, _announced(cloud):
        if not json_:
            _introduce(cloud)
        outcomes = [_play(cloud, scenario, quiet=json_) for scenario in SCENARIOS]
        if json_:
            rows = [{k: v for k, v in asdict(o).items() if k != "ok"} for o in outcomes]
            as_json({"scenarios": rows, "left_out": sorted(cloud.deployment.left_out | cloud.deployment.by_api)})
        if once:
            raise SystemExit(0 if all(outcome.ok for outcome in outcomes) else 1)
        _stay(cloud)


def _play(cloud: Cloud, scenario: Scenario, *, quiet: bool) -> Outcome:
    if not quiet:
        click.echo(f"\n{scenario.tells}")
    outcome = scenario.run(cloud)
    if not quiet:
        mark = click.style("✔" if outcome.ok else "✘", fg="green" if outcome.ok else "red")
        ticket = f", ticket {outcome.ticket}" if outcome.ticket else ""
        click.echo(
            f"  {mark} {outcome.function or outcome.name}: {outcome.outcome} after {outcome.seconds:.2f} s{ticket}"
        )
    return outcome


def _introduce(cloud: Cloud) -> None:
    left = ", ".join(sorted(cloud.deployment.left_out)) or "nothing"
    by_api = ", ".join(sorted(cloud.deployment.by_api)) or "nothing"
    click.echo(f"Hub account {HUB}, member accounts {', '.join(cloud.members)}, Region {REGION}")
    click.echo(f"Made through the API instead of CloudFormation: {by_api}. Left out here: {left}.")
    click.echo(f"Slack: {click.style(cloud.slack.url, bold=True)}")


def _stay(cloud: Cloud) -> None:
    environment = " ".join(f"{name}={value}" for name, value in cloud.environment().items())
    click.echo(f"\nThe Slack page stays at {click.style(cloud.slack.url, bold=True)}; Ctrl-C ends everything.")
    click.echo("From a second terminal in this folder:")
    click.echo("  .venv/bin/warden tickets --all")
    click.echo("  .venv/bin/warden undo TICKET")
    click.echo("  .venv/bin/warden send events/cloudtrail-create-function.json")
    click.echo(f"Or any tool of your own, with {environment}")
    try:
        while True:
            time.sleep(1)
    except KeyboardInterrupt:
        click.echo("\nstopped", err=True)


@contextmanager
def _announced(cloud: Cloud) -> Iterator[None]:
    """Let a second terminal find this demo."""
    path = demo_file()
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"pid": os.getpid(), "environment": cloud.environment(), "slack": cloud.slack.url}))
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
