"""`send`: put an EventBridge test event where the system listens."""

from __future__ import annotations

import json
import re
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib import request
from urllib.error import URLError

import click

from functions.core.event import TEST_SOURCE
from functions.core.subject import ACCOUNT
from warden.connection import BUS, Connection, NoAccess, connect
from warden.output import as_json

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
# Where CloudTrail, Config, Health and CloudWatch name the function an event is about.
_NAMES_A_FUNCTION = {"functionName", "resource", "resourceId", "function", "entityValue", "FunctionName"}


@click.command()
@click.argument("event", metavar="EVENT")
@click.option("--account", metavar="ID", help="Put this account in the place of the event's own.")
@click.option("--function", metavar="NAME", help="Put this function in the place of the event's own.")
@click.option("--json", "json_", is_flag=True, help="One JSON object.")
def send(event: str, account: str | None, function: str | None, json_: bool) -> None:
    """Send EVENT, a file with one EventBridge event (or - for standard input).

    The embedded AWS gets it as it is, on the default bus of the event's account. A real bus refuses AWS's own
    sources, so there it is wrapped as `warden.test`, which is accepted from the hub account only. The folder
    `events/` holds one event for each trigger.
    """
    body = _read(event)
    if account is not None:
        if not ACCOUNT.fullmatch(account):
            raise click.BadParameter(f"{account!r} is not a 12-digit account id", param_hint="--account")
        body = {**_replaced(body, str(body.get("account") or ""), account), "account": account}
    if function is not None:
        body = _with_function(body, function)
    body["id"] = str(uuid.uuid4())
    connection = connect()
    where = _send_local(connection, body) if connection.local else _send_wrapped(connection, body)
    if json_:
        as_json({"id": body["id"], "source": body.get("source"), "account": body.get("account"), "sent_to": where})
    else:
        click.echo(f"sent {body.get('detail-type')} of {body.get('account')} to {where} (id {body['id']})")


def _read(event: str) -> dict[str, Any]:
    try:
        text = sys.stdin.read() if event == "-" else Path(event).read_text()
        body = json.loads(text)
    except OSError as error:
        raise click.BadParameter(f"cannot read {event}: {error.strerror}", param_hint="EVENT") from None
    except (ValueError, RecursionError) as error:
        raise click.BadParameter(f"{event} is not JSON: {error}", param_hint="EVENT") from None
    if not isinstance(body, dict):
        raise click.BadParameter(f"{event} is not one event (a JSON object)", param_hint="EVENT")
    return body


def _replaced(body: dict[str, Any], old: str, new: str) -> dict[str, Any]:
    """Put another account into the event and every ARN in it."""
    found: dict[str, Any] = json.loads(json.dumps(body).replace(old, new)) if old else {**body, "account": new}
    return found


def _with_function(body: dict[str, Any], name: str) -> dict[str, Any]:
    """Put another function's name wherever the event names the one it is about."""
    if not _NAME.fullmatch(name):
        raise click.BadParameter(f"{name!r} is not a function name", param_hint="--function")
    names = {old for old in _named(body) if old}
    if not names:
        raise click.BadParameter("the event names no function that could be replaced", param_hint="--function")
    text = json.dumps(body)
    for old in sorted(names):
        text = re.sub(rf"(?<![A-Za-z0-9_-]){re.escape(old)}(?![A-Za-z0-9_-])", name, text)
    found: dict[str, Any] = json.loads(text)
    return found


def _named(node: object) -> Iterator[str]:
    """Return the function names that stand anywhere in the event."""
    if isinstance(node, list):
        for item in node:
            yield from _named(item)
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        if key in _NAMES_A_FUNCTION and isinstance(value, str):
            yield value.rpartition(":")[2] if value.count(":") < 7 else value.split(":")[6]
        yield from _named(value)


def _send_local(connection: Connection, body: dict[str, Any]) -> str:
    data = json.dumps(body).encode()
    call = request.Request(  # noqa: S310 - an http endpoint of this machine
        f"{connection.endpoint}/_warden/events", data=data, headers={"Content-Type": "application/json"}
    )
    try:
        with request.urlopen(call, timeout=10):  # noqa: S310 - as above
            return f"the default bus of {body.get('account')} on {connection.endpoint}"
    except URLError as error:
        raise NoAccess(f"the embedded AWS on {connection.endpoint} did not take it: {error}") from None


def _send_wrapped(connection: Connection, body: dict[str, Any]) -> str:
    account, _ = connection.me()
    entry = {
        "EventBusName": BUS,
        "Source": TEST_SOURCE,
        "DetailType": "Test Event",
        "Detail": json.dumps({"event": body}),
    }
    answer = connection.client("events").put_events(Entries=[entry])
    if answer["FailedEntryCount"]:
        failed = answer["Entries"][0]
        raise NoAccess(f"the bus {BUS} of {account} did not take it: {failed['ErrorCode']}: {failed['ErrorMessage']}")
    return f"the bus {BUS} of {account}, wrapped as {TEST_SOURCE}"
