"""The state table: what is known of each subject, undo records, decisions, counters and locks.

One item collection per subject (`SUBJECT#<account>#<Region>#<function>`) holds its tickets and fixes, so that one
consistent query tells everything about a function. Every write that matters is conditional.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from botocore.exceptions import ClientError

from functions.core.fix import FixRecord, Status, record_from_json
from functions.core.mode import Account, RuntimePolicy, read_mode
from functions.core.playbook import Mode
from functions.core.subject import Subject
from functions.core.ticket import Ticket, ticket_from_json

TICKETS_INDEX = "tickets"
LEASE_SECONDS = 60
_KEEP_SECONDS = 400 * 86_400

Item = Mapping[str, Any]


class CapReached(Exception):
    """The playbook has changed as much in this account and hour as it may without a person."""

    def __init__(self, cap: Cap) -> None:
        super().__init__(f"{cap.playbook} in {cap.account}: {cap.limit} an hour")
        self.cap = cap


class TakenMeanwhile(Exception):
    """Another worker wrote the item first; read again and decide again."""


@dataclass(frozen=True)
class Known:
    """What the table knows of one subject: tickets by finding id, and each finding's fixes in order."""

    tickets: Mapping[str, Ticket] = field(default_factory=dict)
    fixes: Mapping[str, tuple[FixRecord, ...]] = field(default_factory=dict)
    versions: Mapping[str, int] = field(default_factory=dict)
    """The version of each ticket as read, for the condition of the next write."""


@dataclass(frozen=True)
class Cap:
    """A budget of changes: `limit` in the clock hour `hour` (yyyy-mm-ddThh) for one playbook and account."""

    playbook: str
    account: str
    hour: str
    limit: int


class Store:
    """The table, by name."""

    def __init__(self, client: Any, table: str) -> None:
        self._client, self._table = client, table

    def known(self, subject: Subject) -> Known:
        """Read everything about a subject in one consistent query."""
        return _known(
            self._query(
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": {"S": _subject_key(subject)}},
                ConsistentRead=True,
            )
        )

    def ticket(self, finding_id: str) -> Ticket | None:
        """Find a ticket by its id alone, as a person types it; the index may lag by a moment."""
        items = self._query(
            IndexName=TICKETS_INDEX,
            KeyConditionExpression="finding_id = :id",
            ExpressionAttributeValues={":id": {"S": finding_id}},
        )
        return next((ticket_from_json(json.loads(item["body"]["S"])) for item in items), None)

    def tickets(self) -> Iterator[Ticket]:
        """Return every ticket, in no order."""
        pages = self._client.get_paginator("scan").paginate(TableName=self._table, IndexName=TICKETS_INDEX)
        for page in pages:
            for item in page["Items"]:
                yield ticket_from_json(json.loads(item["body"]["S"]))

    def save_ticket(self, ticket: Ticket, version: int) -> int:
        """Write a ticket read at `version` (0: not there yet); return the new version or raise `TakenMeanwhile`."""
        values: dict[str, Any] = {":old": {"N": str(version)}}
        try:
            self._client.put_item(
                TableName=self._table,
                Item={
                    "pk": {"S": _subject_key(ticket.finding.subject)},
                    "sk": {"S": f"TICKET#{ticket.id}"},
                    "finding_id": {"S": ticket.id},
                    "version": {"N": str(version + 1)},
                    "body": {"S": json.dumps(ticket.to_json())},
                    "expires": _expires(_KEEP_SECONDS),
                },
                ConditionExpression="attribute_not_exists(pk) OR version = :old" if version == 0 else "version = :old",
                ExpressionAttributeValues=values,
            )
        except ClientError as error:
            raise _taken(error) from error
        return version + 1

    def begin(self, subject: Subject, record: FixRecord, cap: Cap | None) -> FixRecord:
        """Save the undo record and take one from the cap, both or neither, before anything is changed.

        Raises `CapReached`, or `TakenMeanwhile` if this fix was begun by another worker.
        """
        record = replace(record, lease=time.time() + LEASE_SECONDS)
        put = {
            "TableName": self._table,
            "Item": self._fix_item(subject, record),
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        writes: list[dict[str, Any]] = [{"Put": put}]
        if cap is not None:
            writes.append({"Update": self._cap_update(cap)})
        try:
            self._client.transact_write_items(TransactItems=writes)
        except ClientError as error:
            reasons = [r.get("Code") for r in error.response.get("CancellationReasons", [])]
            if cap is not None and reasons == ["None", "ConditionalCheckFailed"]:
                raise CapReached(cap) from error
            if "ConditionalCheckFailed" in reasons or "TransactionConflict" in reasons:
                raise TakenMeanwhile from error
            raise
        return record

    def cap_reached(self, cap: Cap) -> bool:
        """Whether the budget is used up, so that nothing need be read to find that out; `begin` has the last word."""
        item = self._get(_cap_key(cap), "-")
        return (0 if item is None else int(item["fixes"]["N"])) >= cap.limit

    def take(self, subject: Subject, record: FixRecord, status: Status) -> FixRecord:
        """Take over a record that nobody holds, as it was read; raises `TakenMeanwhile` if somebody was faster."""
        taken = replace(record, status=status, lease=time.time() + LEASE_SECONDS)
        self._put_fix(subject, taken, record)
        return taken

    def finish(self, subject: Subject, held: FixRecord, finished: FixRecord) -> None:
        """Write the outcome of a record that we hold."""
        self._put_fix(subject, finished, held)

    def lock(self, name: str, holder: str, seconds: int) -> bool:
        """Take a named lock for a while; False if another holder has it."""
        now = time.time()
        try:
            self._client.put_item(
                TableName=self._table,
                Item={
                    "pk": {"S": f"LOCK#{name}"},
                    "sk": {"S": "-"},
                    "holder": {"S": holder},
                    "until": {"N": f"{now + seconds:.3f}"},
                    "expires": _expires(86_400),
                },
                ConditionExpression="attribute_not_exists(pk) OR #until < :now OR holder = :holder",
                ExpressionAttributeNames={"#until": "until"},
                ExpressionAttributeValues={":now": {"N": f"{now:.3f}"}, ":holder": {"S": holder}},
            )
        except ClientError as error:
            _taken(error)
            return False
        return True

    def unlock(self, name: str, holder: str) -> None:
        """Give a lock back, if it is still ours."""
        try:
            self._client.update_item(
                TableName=self._table,
                Key={"pk": {"S": f"LOCK#{name}"}, "sk": {"S": "-"}},
                UpdateExpression="SET #until = :past",
                ConditionExpression="holder = :holder",
                ExpressionAttributeNames={"#until": "until"},
                ExpressionAttributeValues={":holder": {"S": holder}, ":past": {"N": "0"}},
            )
        except ClientError as error:
            _taken(error)

    def account(self, account: str) -> Account | None:
        """Return what the hub knows of an account, None if nothing."""
        item = self._get(f"ACCOUNT#{account}", "PROFILE")
        if item is None:
            return None
        body = json.loads(item["body"]["S"])
        return Account(
            account,
            name=body.get("name", ""),
            ou_path=tuple(body.get("ou_path", ())),
            first_sweep_done=bool(body.get("first_sweep_done")),
        )

    def save_account(self, account: Account) -> None:
        """Write what the organization says of an account."""
        body = {"name": account.name, "ou_path": account.ou_path, "first_sweep_done": account.first_sweep_done}
        self._put(f"ACCOUNT#{account.id}", "PROFILE", body)

    def runtime_policy(self, account: str) -> RuntimePolicy:
        """Return what operators lowered; raises boto3's errors, which the caller turns into `readable=False`."""
        everything, own = self._get("POLICY", "ALL"), self._get("POLICY", f"ACCOUNT#{account}")
        return RuntimePolicy(everything=_lowered(everything), account=_lowered(own))

    def learned(self, subject: Subject) -> dict[str, int]:
        """Return facts of an account and Region that AWS taught us, such as the unreserved floor."""
        item = self._get(f"ACCOUNT#{subject.account}", f"LEARNED#{subject.region}")
        return {} if item is None else dict(json.loads(item["body"]["S"]))

    def learn(self, subject: Subject, name: str, value: int) -> None:
        """Remember such a fact."""
        facts = {**self.learned(subject), name: value}
        self._put(f"ACCOUNT#{subject.account}", f"LEARNED#{subject.region}", facts)

    def get_body(self, pk: str, sk: str) -> tuple[dict[str, Any] | None, int]:
        """Return an item's body and version (None, 0 where there is none)."""
        item = self._get(pk, sk, consistent=True)
        return (None, 0) if item is None else (json.loads(item["body"]["S"]), int(item["version"]["N"]))

    def put_body(self, pk: str, sk: str, body: Mapping[str, Any], version: int, keep_seconds: int) -> None:
        """Write an item read at `version`; raises `TakenMeanwhile`."""
        try:
            self._client.put_item(
                TableName=self._table,
                Item={
                    "pk": {"S": pk},
                    "sk": {"S": sk},
                    "version": {"N": str(version + 1)},
                    "body": {"S": json.dumps(body)},
                    "expires": _expires(keep_seconds),
                },
                ConditionExpression="attribute_not_exists(pk) OR version = :old" if version == 0 else "version = :old",
                ExpressionAttributeValues={":old": {"N": str(version)}},
            )
        except ClientError as error:
            raise _taken(error) from error

    def bodies(self, pk: str) -> list[dict[str, Any]]:
        """Return the bodies of an item collection, in order of sort key."""
        items = self._query(
            KeyConditionExpression="pk = :pk", ExpressionAttributeValues={":pk": {"S": pk}}, ConsistentRead=True
        )
        return [json.loads(item["body"]["S"]) for item in items]

    def _cap_update(self, cap: Cap) -> dict[str, Any]:
        return {
            "TableName": self._table,
            "Key": {"pk": {"S": _cap_key(cap)}, "sk": {"S": "-"}},
            "UpdateExpression": "ADD fixes :one SET expires = :expires",
            "ConditionExpression": "attribute_not_exists(fixes) OR fixes < :limit",
            "ExpressionAttributeValues": {
                ":one": {"N": "1"},
                ":limit": {"N": str(cap.limit)},
                ":expires": _expires(2 * 86_400),
            },
        }

    def _fix_item(self, subject: Subject, record: FixRecord) -> dict[str, Any]:
        return {
            "pk": {"S": _subject_key(subject)},
            "sk": {"S": f"FIX#{record.finding}#{record.number:06d}"},
            "status": {"S": record.status.value},
            "lease": {"N": f"{record.lease:.3f}"},
            "body": {"S": json.dumps(record.to_json())},
            "expires": _expires(_KEEP_SECONDS),
        }

    def _put_fix(self, subject: Subject, record: FixRecord, was: FixRecord) -> None:
        try:
            self._client.put_item(
                TableName=self._table,
                Item=self._fix_item(subject, record),
                ConditionExpression="#status = :status AND lease = :lease",
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues={
                    ":status": {"S": was.status.value},
                    ":lease": {"N": f"{was.lease:.3f}"},
                },
            )
        except ClientError as error:
            raise _taken(error) from error

    def _get(self, pk: str, sk: str, *, consistent: bool = False) -> Item | None:
        key = {"pk": {"S": pk}, "sk": {"S": sk}}
        answer = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=consistent)
        item: Item | None = answer.get("Item")
        return item

    def _put(self, pk: str, sk: str, body: Mapping[str, Any]) -> None:
        item = {"pk": {"S": pk}, "sk": {"S": sk}, "body": {"S": json.dumps(body)}, "version": {"N": "1"}}
        self._client.put_item(TableName=self._table, Item=item)

    def _query(self, **arguments: object) -> Iterator[Item]:
        for page in self._client.get_paginator("query").paginate(TableName=self._table, **arguments):
            yield from page["Items"]


def _known(items: Iterator[Item]) -> Known:
    tickets: dict[str, Ticket] = {}
    versions: dict[str, int] = {}
    fixes: dict[str, tuple[FixRecord, ...]] = {}
    for item in items:
        kind, finding, *_ = item["sk"]["S"].split("#")
        body = json.loads(item["body"]["S"])
        if kind == "TICKET":
            tickets[finding], versions[finding] = ticket_from_json(body), int(item["version"]["N"])
        elif kind == "FIX":
            fixes[finding] = (*fixes.get(finding, ()), record_from_json(body))
    return Known(tickets, fixes, versions)


def _subject_key(subject: Subject) -> str:
    return f"SUBJECT#{subject.key}"


def _cap_key(cap: Cap) -> str:
    return f"CAP#{cap.playbook}#{cap.account}#{cap.hour}"


def _lowered(item: Item | None) -> Mode | None:
    """Read an operator's entry; one that cannot be understood was meant to restrain, so it only observes."""
    if item is None:
        return None
    return read_mode(json.loads(item["body"]["S"]).get("mode")) or Mode.OBSERVE


def _expires(seconds: int) -> dict[str, str]:
    return {"N": str(int(time.time()) + seconds)}


def _taken(error: ClientError) -> TakenMeanwhile:
    """Return the exception for a failed condition; any other error goes on its way."""
    if error.response.get("Error", {}).get("Code") != "ConditionalCheckFailedException":
        raise error
    return TakenMeanwhile()
