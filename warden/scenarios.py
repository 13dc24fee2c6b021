"""What the demo shows: one mistake or attack each, by real API calls, and what became of it as read back."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from functions.adapters.clock import iso, now
from functions.core.finding import finding_id
from functions.core.message import Kind
from functions.core.subject import Subject
from functions.core.ticket import State
from warden.connection import BUS
from warden.local.cloud import ANALYTICS, HUB, PAYMENTS, REGION, Cloud, until
from warden.local.functions import TELLS_DIGESTS, create_function

_PATIENCE = 60.0
PLAYBOOK = "reserved-concurrency"
SECRETS = "plaintext-secrets"


@dataclass(frozen=True)
class Outcome:
    """How one scenario ended, as read back from the embedded AWS."""

    name: str
    account: str
    function: str
    finding: str
    outcome: str
    seconds: float
    ticket: str
    ok: bool = True


@dataclass(frozen=True)
class Scenario:
    """One mistake, and what should become of it. `run` returns the outcome it saw."""

    name: str
    tells: str
    run: Callable[[Cloud], Outcome]


def _critical_function(cloud: Cloud) -> Outcome:
    """A developer creates a critical function; it gets its reservation, and a ticket says so."""
    started = create_function(cloud, PAYMENTS, "checkout", {"warden:tier": "critical"})
    reserved = until(lambda: _reserved(cloud, PAYMENTS, "checkout"), _PATIENCE)
    seconds = time.monotonic() - started
    ticket = _told(cloud, PAYMENTS, "checkout", State.FIXED)
    outcome = f"reserved {reserved}" if reserved else "not fixed"
    return _outcome("critical function", (PAYMENTS, "checkout"), outcome, seconds, ticket, ok=reserved == 10 and ticket)


def _undone(cloud: Cloud) -> Outcome:
    """The team takes the fix back; the reservation is unset again, and stays so."""
    ticket = cloud.ticket(PAYMENTS, "checkout")
    started = time.monotonic()
    if ticket is not None:
        cloud.ask(Kind.UNDO_REQUESTED, ticket)
    gone = until(lambda: _reserved(cloud, PAYMENTS, "checkout") is None, _PATIENCE)
    seconds = time.monotonic() - started
    told = _told(cloud, PAYMENTS, "checkout", State.UNDONE)
    outcome = "unset again" if gone else "still reserved"
    return _outcome("undo", (PAYMENTS, "checkout"), outcome, seconds, told, ok=gone and told)


def _approved(cloud: Cloud) -> Outcome:
    """A function whose team wants to be asked: nothing happens until somebody approves."""
    tags = {"warden:tier": "critical", "warden:mode": "approve"}
    started = create_function(cloud, PAYMENTS, "refunds", tags)
    asked = _told(cloud, PAYMENTS, "refunds", State.AWAITING_APPROVAL)
    untouched = _reserved(cloud, PAYMENTS, "refunds") is None
    ticket = cloud.ticket(PAYMENTS, "refunds")
    if ticket is not None:
        cloud.ask(Kind.FIX_REQUESTED, ticket)
    reserved = until(lambda: _reserved(cloud, PAYMENTS, "refunds"), _PATIENCE)
    seconds = time.monotonic() - started
    told = _told(cloud, PAYMENTS, "refunds", State.FIXED)
    ok = asked and untouched and reserved == 10 and told
    outcome = f"asked first, then reserved {reserved}" if ok else "not as approved"
    return _outcome("approval", (PAYMENTS, "refunds"), outcome, seconds, told, ok=ok)


def _full_account(cloud: Cloud) -> Outcome:
    """A new account with a limit of 10 has nothing to reserve: no change, and a ticket that says what is missing."""
    cloud.emulator.configure(account_concurrency={ANALYTICS: 10})
    started = create_function(cloud, ANALYTICS, "rollup", {"warden:tier": "critical"})
    told = _told(cloud, ANALYTICS, "rollup", State.FAILED)
    seconds = time.monotonic() - started
    ticket = cloud.ticket(ANALYTICS, "rollup")
    untouched = _reserved(cloud, ANALYTICS, "rollup") is None
    ok = told and untouched and ticket is not None and "quota" in ticket.last.text
    outcome = "not changed; the ticket asks for a quota" if ok else "not as it should be"
    return _outcome("full account", (ANALYTICS, "rollup"), outcome, seconds, told, ok=ok)


def _exempt(cloud: Cloud) -> Outcome:
    """A function that is exempt by its tag until a date: left alone, and no ticket."""
    until_day = (now() + timedelta(days=30)).date().isoformat()
    tags = {"warden:tier": "critical", "warden:exempt": f"{PLAYBOOK}@{until_day}"}
    started = create_function(cloud, PAYMENTS, "nightly", tags)
    cloud.emulator.idle(_PATIENCE)
    seconds = time.monotonic() - started
    seen = any("nightly" in str(c.resource) for c in cloud.emulator.calls(operation="GetFunction"))
    ok = seen and _reserved(cloud, PAYMENTS, "nightly") is None and cloud.ticket(PAYMENTS, "nightly") is None
    outcome = f"looked at, exempt until {until_day}" if ok else "not left alone"
    return _outcome("exemption", (PAYMENTS, "nightly"), outcome, seconds, "", ok=ok)


def _plaintext(cloud: Cloud) -> Outcome:
    """A function has its database password in plain text; it is moved, and the function answers as before."""
    password = f"{secrets.token_urlsafe(12)}$HOME`id`'"
    variables = {"DB_PASSWORD": password, "STAGE": "production"}
    started = create_function(cloud, PAYMENTS, "invoices", {}, source=TELLS_DIGESTS, variables=variables)
    moved = until(lambda: password not in _variables(cloud, "invoices").values(), _PATIENCE)
    seconds = time.monotonic() - started
    told = _told(cloud, PAYMENTS, "invoices", State.FIXED, playbook=SECRETS)
    same = _digest(cloud, "invoices") == hashlib.sha256(password.encode()).hexdigest()
    outcome = "moved; it still reads the same password" if same else "it no longer reads its password"
    where = (PAYMENTS, "invoices")
    return _outcome("plaintext secret", where, outcome, seconds, told, ok=moved and told and same, playbook=SECRETS)


def _unreadable(cloud: Cloud) -> Outcome:
    """Somebody deletes the secret; it is restored before the function's next start finds out."""
    before, client = _digest(cloud, "invoices"), cloud.client("secretsmanager", PAYMENTS)
    started = time.monotonic()
    client.delete_secret(SecretId="warden/invoices/env")
    told = _told(cloud, PAYMENTS, "invoices", State.FIXED, playbook=SECRETS, aspect="unreadable")
    seconds = time.monotonic() - started
    restored = "DeletedDate" not in client.describe_secret(SecretId="warden/invoices/env")
    ok = restored and told and _digest(cloud, "invoices") == before
    outcome = "restored, and readable again" if ok else "not restored"
    where = (PAYMENTS, "invoices")
    return _outcome("deleted secret", where, outcome, seconds, told, ok=ok, playbook=SECRETS, aspect="unreadable")


def _forged(cloud: Cloud) -> Outcome:
    """A member account puts a fix request on the hub bus: refused, and a security ticket."""
    finding = {"playbook": PLAYBOOK, "subject": asdict(Subject("aws", ANALYTICS, REGION, "rollup")), "severity": "high"}
    entry = {
        "EventBusName": f"arn:aws:events:{REGION}:{HUB}:event-bus/{BUS}",
        "Source": "warden",
        "DetailType": "Fix Requested",
        "Detail": json.dumps({"version": "1", "playbook": PLAYBOOK, "finding": finding, "at": iso(now())}),
    }
    started = time.monotonic()
    as_forwarder(cloud, PAYMENTS, entry)
    told = until(lambda: _security_ticket(cloud, PAYMENTS), _PATIENCE) or ""
    seconds = time.monotonic() - started
    ok = bool(told) and _reserved(cloud, ANALYTICS, "rollup") is None
    outcome = "refused; the ticket names the account" if ok else "not refused"
    return Outcome("forged event", PAYMENTS, "", told, outcome, round(seconds, 3), told, ok)


SCENARIOS = (
    Scenario(
        "critical function",
        "A developer creates `checkout`, tagged critical, and reserves nothing.",
        _critical_function,
    ),
    Scenario("undo", "The team takes the fix back: `warden undo TICKET`.", _undone),
    Scenario("approval", "`refunds` is tagged warden:mode=approve: the bot asks first.", _approved),
    Scenario(
        "full account", "`rollup` is critical in an account with a limit of 10: nothing can be reserved.", _full_account
    ),
    Scenario("exemption", "`nightly` is exempt by its tag until next month.", _exempt),
    Scenario("plaintext secret", "`invoices` has its database password in a variable.", _plaintext),
    Scenario("deleted secret", "Somebody deletes the secret that the password was moved to.", _unreadable),
    Scenario("forged event", "A member account puts a fix request on the hub bus.", _forged),
)


def _outcome(
    name: str,
    where: tuple[str, str],
    outcome: str,
    seconds: float,
    ticket: str,
    *,
    ok: object,
    playbook: str = PLAYBOOK,
    aspect: str = "",
) -> Outcome:
    account, function = where
    finding = finding_id(Subject("aws", account, REGION, function), playbook, aspect)
    return Outcome(name, account, function, finding, outcome, round(seconds, 3), ticket, bool(ok))


def _reserved(cloud: Cloud, account: str, function: str) -> int | None:
    answer = cloud.client("lambda", account).get_function_concurrency(FunctionName=function)
    value: int | None = answer.get("ReservedConcurrentExecutions")
    return value


def _variables(cloud: Cloud, function: str) -> Mapping[str, str]:
    answer = cloud.client("lambda", PAYMENTS).get_function_configuration(FunctionName=function)
    variables: Mapping[str, str] = answer["Environment"]["Variables"]
    return variables


def _digest(cloud: Cloud, function: str) -> str:
    """Have the function tell the digest of the password that it sees."""
    event = json.dumps({"variables": ["DB_PASSWORD"]})
    answer = cloud.client("lambda", PAYMENTS).invoke(FunctionName=function, Payload=event)
    seen = json.loads(answer["Payload"].read())
    return str(seen.get("DB_PASSWORD")) if isinstance(seen, dict) else ""


def _told(
    cloud: Cloud, account: str, function: str, state: State, *, playbook: str = PLAYBOOK, aspect: str = ""
) -> str:
    """Wait until Slack shows the ticket in this state; return its id, '' if it never does."""

    def shown() -> str:
        ticket = cloud.ticket(account, function, playbook, aspect)
        if ticket is None or ticket.state is not state or not ticket.ts:
            return ""
        message = next((m for m in cloud.slack.messages(ticket.channel) if m.ts == ticket.ts), None)
        return ticket.id if message is not None and state.value in json.dumps(message.blocks) else ""

    return str(until(shown, _PATIENCE) or "")


def _security_ticket(cloud: Cloud, account: str) -> str:
    found = [t for t in cloud.store().tickets() if t.finding.title == "Forged event refused"]
    return next((t.id for t in found if t.finding.subject.account == account and t.ts), "")


def as_forwarder(cloud: Cloud, account: str, entry: Mapping[str, str]) -> Mapping[str, Any]:
    """Put an event on the hub bus as the worst administrator of a member account can: through its forwarding role."""
    iam, sts = cloud.client("iam", account), cloud.client("sts", account)
    role = iam.get_role(RoleName="warden-forwarder")["Role"]
    trust = role["AssumeRolePolicyDocument"]
    everyone = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}}
    opened = {**trust, "Statement": [*trust["Statement"], everyone]}
    iam.update_assume_role_policy(RoleName="warden-forwarder", PolicyDocument=json.dumps(opened))
    try:
        keys = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="attacker")["Credentials"]
        answer: Mapping[str, Any] = cloud.client_with(keys, "events").put_events(Entries=[entry])
    finally:
        iam.update_assume_role_policy(RoleName="warden-forwarder", PolicyDocument=json.dumps(trust))
    return answer
