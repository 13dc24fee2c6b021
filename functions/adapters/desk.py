"""The desk where tickets are kept: fold an event into its ticket, and bring Slack to where the ticket is.

The table is written first, so a ticket is right whether or not Slack can be reached. A message is claimed before it
is posted; after a crash in between, it is looked for by its metadata before it is posted again.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from functions.adapters.clock import seconds_since
from functions.adapters.errors import TryLater
from functions.adapters.queue import Queue
from functions.adapters.slack import Gone, Slack
from functions.adapters.store import Store, TakenMeanwhile
from functions.core.digest import Window, place, window_from_json
from functions.core.message import Message
from functions.core.slack_text import DIGEST_LINES, SlackMessage, digest_message, digest_page, ticket_message
from functions.core.ticket import State, Ticket, fold, ticket_from_json

# Longer than the function may run, so that no claim ends while its holder is at work.
_CLAIM_SECONDS = 90
_FLUSH_AT_MOST_SECONDS = 20
_SOON_FIXED_SECONDS = 3
_FLUSH_SECONDS = 5
_TRIES = 8
_DAY = 86_400

FLUSH = "warden.digest"


@dataclass(frozen=True)
class Desk:
    """Everything a ticket needs: where it is kept, where it is shown, and when many become one digest."""

    store: Store
    slack: Callable[[], Slack]
    queue: Queue
    channel: str
    digest_after: int

    def take(self, message: Message) -> None:
        """Write one event into its ticket, then show the ticket."""
        for _ in range(_TRIES):
            known = self.store.known(message.finding.subject)
            ticket, version = known.tickets.get(message.finding.id), known.versions.get(message.finding.id, 0)
            folded = fold(ticket, message)
            try:
                if folded != ticket:
                    version = self.store.save_ticket(folded, version)
                self._show(folded, version, message)
            except TakenMeanwhile:
                continue
            return
        raise TryLater("many events of one ticket at once", first=1)

    def flush(self, digest: str) -> None:
        """Bring a digest's message and its thread to where its tickets are."""
        holder = f"{time.time()}"
        if not self.store.lock(f"DIGEST#{digest}", holder, _CLAIM_SECONDS):
            raise TryLater("the digest is being written", first=2, cap=10)
        try:
            self._flush(digest)
        except TakenMeanwhile:
            raise TryLater("tickets join the digest just now", first=1, cap=10) from None
        finally:
            self.store.unlock(f"DIGEST#{digest}", holder)

    def _show(self, ticket: Ticket, version: int, message: Message) -> None:
        if ticket.digest:
            self._list(ticket)
            return
        account = self.store.account(ticket.finding.subject.account)
        slack_message = ticket_message(ticket, account.name if account else "")
        shown = _digest_of(slack_message)
        if ticket.shown == shown and ticket.ts:
            return
        if ticket.ts:
            try:
                self.slack().update(ticket.ts, slack_message)
            except Gone:
                ticket = replace(ticket, ts="", shown="")
            else:
                self.store.save_ticket(replace(ticket, shown=shown), version)
                return
        if _soon_fixed(ticket):
            raise TryLater("the fix is on its way, and one message tells both", first=_SOON_FIXED_SECONDS)
        self._post(ticket, version, slack_message, first_sweep=message.finding.cause.origin == "first-sweep")

    def _post(self, ticket: Ticket, version: int, message: SlackMessage, *, first_sweep: bool) -> None:
        now = time.time()
        if ticket.claimed > now:
            raise TryLater("another worker is posting it", first=2)
        again = ticket.claimed > 0
        if not ticket.channel:
            digest = self._place(ticket, first_sweep=first_sweep)
            if digest:
                listed = replace(ticket, digest=digest, channel=self.channel)
                self.store.save_ticket(listed, version)
                self._list(listed)
                return
        slack = self.slack()
        claimed = replace(ticket, claimed=time.time() + _CLAIM_SECONDS, channel=self.channel)
        version = self.store.save_ticket(claimed, version)
        ts = ""
        try:
            ts = (slack.find(message) if again else "") or slack.post(message)
        except TryLater as refused:
            if not refused.uncertain:
                # Slack said no, so it was not posted: whoever comes next need not wait for the claim to end.
                self.store.save_ticket(replace(claimed, claimed=ticket.claimed), version)
            raise
        shown = "" if again else _digest_of(message)
        self.store.save_ticket(replace(claimed, ts=ts, shown=shown, claimed=0.0), version)
        if again:
            raise TryLater("found again; bring it up to date", first=1)

    def _place(self, ticket: Ticket, *, first_sweep: bool) -> str:
        """Return the digest a new ticket belongs to, '' if it gets a message of its own."""
        if first_sweep:
            return f"{self.channel}/first-sweep/{ticket.finding.subject.account}"
        for _ in range(_TRIES):
            body, version = self.store.get_body(f"CHANNEL#{self.channel}", "WINDOW")
            now = time.time()
            window: Window = place(window_from_json(body), now, self.digest_after, f"{self.channel}/{int(now)}")
            try:
                self.store.put_body(f"CHANNEL#{self.channel}", "WINDOW", window.to_json(), version, _DAY)
            except TakenMeanwhile:
                continue
            return window.digest
        raise TryLater("many new tickets at once", first=1)

    def _list(self, ticket: Ticket) -> None:
        """Put the ticket's present state onto its digest's list and see to it that the list is shown soon."""
        pk = f"DIGEST#{ticket.digest}"
        for _ in range(_TRIES):
            body, version = self.store.get_body(pk, f"ITEM#{ticket.id}")
            joined = (body or {}).get("joined") or time.time()
            try:
                self.store.put_body(
                    pk, f"ITEM#{ticket.id}", {"joined": joined, "ticket": ticket.to_json()}, version, 30 * _DAY
                )
            except TakenMeanwhile:
                continue
            break
        else:
            raise TryLater("many changes of one ticket at once", first=1)
        self._flush_soon(ticket.digest)

    def _flush_soon(self, digest: str) -> None:
        """Ask for the digest to be shown in a few seconds, unless that is asked for already."""
        for _ in range(_TRIES):
            body, version = self.store.get_body("FLUSH", digest)
            now = time.time()
            if (body or {}).get("at", 0.0) > now:
                return
            try:
                self.store.put_body("FLUSH", digest, {"at": now + 2 * _FLUSH_SECONDS}, version, 30 * _DAY)
            except TakenMeanwhile:
                continue
            self.queue.send({"source": FLUSH, "digest": digest}, delay=_FLUSH_SECONDS)
            return
        raise TryLater("many changes of one digest at once", first=1)

    def _flush(self, digest: str) -> None:
        _, version = self.store.get_body("FLUSH", digest)
        # From here on a new arrival asks for another flush, so whatever is read below is shown now or then.
        self.store.put_body("FLUSH", digest, {"at": 0.0}, version, 30 * _DAY)
        body, version = self.store.get_body("DIGESTS", digest)
        state: dict[str, Any] = body or {"ts": "", "shown": "", "pages": []}
        items = sorted(self.store.bodies(f"DIGEST#{digest}"), key=lambda i: (i["joined"], i["ticket"]["finding"]["id"]))
        tickets = [ticket_from_json(item["ticket"]) for item in items]
        stop = time.monotonic() + _FLUSH_AT_MOST_SECONDS
        for number, message in enumerate(self._messages(digest, tickets)):
            slot = state if number == 0 else _page(state, number)
            shown = _digest_of(message)
            if slot["shown"] == shown:
                continue
            if time.monotonic() > stop:
                self._flush_soon(digest)
                return
            try:
                self._write(slot, message, thread="" if number == 0 else state["ts"])
            except Gone:
                # The parent or the page was deleted in Slack: the digest is told anew, thread and all.
                self.store.put_body("DIGESTS", digest, {"ts": "", "shown": "", "pages": []}, version, 30 * _DAY)
                raise TryLater("the digest is gone from Slack", first=1) from None
            slot["shown"] = shown
            self.store.put_body("DIGESTS", digest, state, version, 30 * _DAY)
            version += 1

    def _write(self, slot: dict[str, Any], message: SlackMessage, thread: str) -> None:
        slack = self.slack()
        if slot["ts"]:
            slack.update(slot["ts"], message)
        else:
            slot["ts"] = slack.find(message, thread) or slack.post(message, thread)

    def _messages(self, digest: str, tickets: Sequence[Ticket]) -> list[SlackMessage]:
        title = "the first sweep of an account" if "/first-sweep/" in digest else "many at once"
        pages = [tickets[i : i + DIGEST_LINES] for i in range(0, len(tickets), DIGEST_LINES)]
        return [
            digest_message(title, tickets, digest),
            *(digest_page(page, digest, number) for number, page in enumerate(pages, start=1)),
        ]


def _page(state: dict[str, Any], number: int) -> dict[str, Any]:
    pages: list[dict[str, Any]] = state["pages"]
    while len(pages) < number:
        pages.append({"ts": "", "shown": ""})
    return pages[number - 1]


def _soon_fixed(ticket: Ticket) -> bool:
    young = seconds_since(ticket.story[0].at) < _SOON_FIXED_SECONDS
    return ticket.state is State.FIXING and len(ticket.story) == 1 and young


def _digest_of(message: SlackMessage) -> str:
    return hashlib.sha256(json.dumps([message.text, message.blocks], sort_keys=True).encode()).hexdigest()[:16]
