"""Entry point: once a day, and when asked, look at every function, for events can be lost.

The schedule starts one message per account and Region; each of these lists the functions there, page by page, and
has the inspector look at every one of them, no faster than 50 a second and account. It also has everything that
connects them read anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from functions.adapters.clock import iso, now
from functions.adapters.environment import hub
from functions.adapters.errors import AWS_ERRORS, Meaning, trouble
from functions.adapters.organization import accounts
from functions.adapters.queue import Delivery
from functions.core.event import SWEEP_SOURCE, Malformed
from functions.core.judgement import missing_permission
from functions.core.mode import Account
from functions.core.subject import ACCOUNT, REGION, Subject, partition_of
from functions.core.triggers import INSPECTOR_ROLE

# GetFunction allows 100 a second and account, for the customer too (Lambda quotas): half of it is left to them.
_LOOKS_A_SECOND = 50
_PAGES_A_MESSAGE = 20
_GATHER_SECONDS = 10

HUB = hub()
REGIONS = tuple(HUB.variables["WARDEN_REGIONS"].split(","))
MEMBERS = tuple(filter(None, HUB.variables.get("WARDEN_ACCOUNTS", "").split(",")))


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Take an SQS batch of schedule events and parts of a sweep, or one bare event."""
    return HUB.queue.process(event, sweep, context)


def sweep(delivery: Delivery) -> str:
    """Start a sweep, or do one part of it."""
    event = delivery.event
    if not isinstance(event, Mapping):
        raise Malformed("the message is not an object")
    part = event.get("sweep")
    if part is None:
        return _start()
    if not isinstance(part, Mapping):
        raise Malformed("sweep is not an object")
    if part.get("region") is None and part.get("role"):
        # A deployment changes a role many times within seconds: all of them lead to one look, after the last.
        name = f"sweep#{part.get('account')}#{part['role']}"
        # The same event delivered again holds the same lock: sending may have failed the first time.
        if not HUB.store.lock(name, str(part.get("event") or ""), _GATHER_SECONDS):
            return f"role {str(part['role'])[:80]} is looked at already"
        parts: list[object] = [{"sweep": {**part, "region": region}} for region in REGIONS]
        HUB.queue.send_to(HUB.queue.url, parts, delay=_GATHER_SECONDS)
        return f"role {str(part['role'])[:80]} in {len(REGIONS)} Regions"
    return _sweep_part(part)


def _start() -> str:
    """Read the organization anew and ask for a sweep of each of its accounts, in every governed Region."""
    # The hub has no member role: it looks after others, not after itself.
    found = [account for account in accounts(HUB.aws, MEMBERS) if account.id != HUB.account]
    parts: list[dict[str, object]] = []
    for account in found:
        known = HUB.store.account(account.id)
        first = known is None or not known.first_sweep_done
        HUB.store.save_account(Account(account.id, account.name, account.ou_path, first_sweep_done=not first))
        origin = "first-sweep" if first else "sweep"
        parts += [{"sweep": {"account": account.id, "region": region, "origin": origin}} for region in REGIONS]
    # What is connected to what is read first, as whether a function is in a loop depends on it.
    places: list[object] = [{"topology": part["sweep"]} for part in parts]
    HUB.queue.send_to(HUB.variables["WARDEN_TOPOLOGY_QUEUE_URL"], places)
    HUB.queue.send_to(HUB.queue.url, parts)
    return f"{len(found)} accounts in {len(REGIONS)} Regions"


def _sweep_part(part: Mapping[str, Any]) -> str:
    account, region = str(part.get("account")), str(part.get("region"))
    if not ACCOUNT.fullmatch(account) or not REGION.fullmatch(region):
        raise Malformed(f"sweep.account {account[:40]!r} or sweep.region {region[:40]!r} cannot be read")
    subject = Subject(partition_of(region), account, region)
    origin, marker, sent = str(part.get("origin") or "sweep"), part.get("marker"), int(part.get("sent") or 0)
    try:
        for page in _pages(subject, marker, str(part.get("role") or "")):
            _ask(subject, origin, page["names"], sent)
            sent, marker = sent + len(page["names"]), page["next"]
    except AWS_ERRORS as error:
        found = trouble(error)
        if found.meaning is not Meaning.DENIED:
            raise
        HUB.bus.put(missing_permission(subject, INSPECTOR_ROLE, found.action, found.resource, iso(now())))
        return "not allowed"
    if marker:
        HUB.queue.send({"sweep": {**part, "marker": marker, "sent": sent}})
        return f"{sent} functions so far"
    known = None if part.get("role") else HUB.store.account(account)
    if known is not None and not known.first_sweep_done:
        HUB.store.save_account(Account(account, known.name, known.ou_path, first_sweep_done=True))
    return f"{sent} functions"


def _pages(subject: Subject, marker: object, role: str) -> Iterator[dict[str, Any]]:
    """Return up to twenty pages of function names, of one role's functions or all, and where to go on from each."""
    client = HUB.member(subject, INSPECTOR_ROLE).client("lambda")
    for _ in range(_PAGES_A_MESSAGE):
        answer = client.list_functions(**({"Marker": marker} if marker else {}))
        marker = answer.get("NextMarker")
        found = [f for f in answer["Functions"] if not role or f["Role"].rpartition("/")[2] == role]
        yield {"names": [f["FunctionName"] for f in found], "next": marker}
        if not marker:
            return


def _ask(subject: Subject, origin: str, names: list[str], sent: int) -> None:
    """Have the inspector look at these functions, spread over time."""
    looks: list[object] = [
        {
            "version": "0",
            "source": SWEEP_SOURCE,
            "detail-type": "Inspection Requested",
            "account": HUB.account,
            "region": subject.region,
            "detail": {
                "account": subject.account,
                "region": subject.region,
                "function": name,
                "origin": origin,
            },
        }
        for name in names
    ]
    HUB.queue.send_to(HUB.variables["WARDEN_INSPECT_QUEUE_URL"], looks, delay=sent // _LOOKS_A_SECOND)
