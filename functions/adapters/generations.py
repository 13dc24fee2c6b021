"""What the hub remembers of an account and Region as a whole, in the state table: named documents, written together.

One item collection, `TOPOLOGY#<account>#<Region>`. An item holds 400 KB at most (DynamoDB developer guide, "Quotas"),
so the compressed JSON is cut into parts of one generation, and the item `HEAD` says which generation counts. The head
is written last and on the condition that nobody else wrote it since it was read: whoever reads sees one generation
whole, and of two writers one wins.
"""

from __future__ import annotations

import json
import time
import uuid
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from functions.adapters.store import TakenMeanwhile
from functions.core.subject import Subject

# With another format of the parts, another name: then everything is read anew.
_HEAD = "HEAD#1"
_LARGEST_PART = 350_000
_KEEP_SECONDS = 400 * 86_400
# Between reading the head and its parts, another generation may have taken their place; hardly twice.
_READS = 5


@dataclass(frozen=True)
class Head:
    """Which generation counts, and the functions to be looked at because of it, as long as nobody was asked to."""

    version: int
    generation: str
    to_look_at: tuple[str, ...]


class Generations:
    """The state table, by name, as far as it holds this."""

    def __init__(self, client: Any, table: str) -> None:
        self._client, self._table = client, table

    def remembered(self, subject: Subject, name: str) -> Any:
        """Return one document of the account and Region of a subject, None if there is none."""
        found = self.read(subject, name)
        return None if found is None else found[1][0]

    def read(self, subject: Subject, *names: str) -> tuple[Head, list[Any]] | None:
        """Return the head and documents of one generation, None if nothing is remembered."""
        for _ in range(_READS):
            head = self._head(subject)
            if head is None:
                return None
            bodies = [self._parts(subject, f"PART#{head.generation}#{name}#") for name in names]
            if all(body is not None for body in bodies):
                return head, bodies
        raise TakenMeanwhile

    def write(self, subject: Subject, version: int, documents: Mapping[str, Any], to_look_at: tuple[str, ...]) -> None:
        """Write a generation in place of the one read at the version before.

        Raises `TakenMeanwhile` if somebody else wrote one since.
        """
        generation = f"{version:012d}-{uuid.uuid4().hex[:12]}"
        written = [
            key
            for name, body in documents.items()
            for key in self._put_parts(subject, f"PART#{generation}#{name}#", body)
        ]
        try:
            self._put_head(subject, Head(version, generation, to_look_at))
        except TakenMeanwhile:
            self._delete(subject, written)
            raise
        # What a writer left that was cut off goes too; of later generations nothing.
        self._delete(subject, self._keys(subject, f"PART#{version:012d}"))

    def asked(self, subject: Subject, version: int) -> None:
        """Note that the looks were asked for, unless somebody wrote something newer."""
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_key(subject, _HEAD),
                UpdateExpression="REMOVE to_look_at",
                ConditionExpression="version = :version",
                ExpressionAttributeValues={":version": {"N": str(version)}},
            )
        except ClientError as error:
            _check_taken(error)

    def _head(self, subject: Subject) -> Head | None:
        answer = self._client.get_item(TableName=self._table, Key=_key(subject, _HEAD), ConsistentRead=True)
        item = answer.get("Item")
        if item is None:
            return None
        to_look_at = tuple(item.get("to_look_at", {}).get("SS", ()))
        return Head(int(item["version"]["N"]), item["generation"]["S"], to_look_at)

    def _put_head(self, subject: Subject, head: Head) -> None:
        item = {
            **_key(subject, _HEAD),
            "version": {"N": str(head.version)},
            "generation": {"S": head.generation},
            **({"to_look_at": {"SS": list(head.to_look_at)}} if head.to_look_at else {}),
            "expires": _expires(),
        }
        known = {
            "ConditionExpression": "version = :old",
            "ExpressionAttributeValues": {":old": {"N": str(head.version - 1)}},
        }
        new = {"ConditionExpression": "attribute_not_exists(pk)"}
        try:
            self._client.put_item(TableName=self._table, Item=item, **(new if head.version == 1 else known))
        except ClientError as error:
            _check_taken(error)
            raise TakenMeanwhile from error

    def _put_parts(self, subject: Subject, prefix: str, body: Any) -> Iterator[str]:
        packed = zlib.compress(json.dumps(body, separators=(",", ":")).encode(errors="surrogatepass"))
        count = -(-len(packed) // _LARGEST_PART)
        for number in range(count):
            key = f"{prefix}{number:04d}"
            part = packed[number * _LARGEST_PART : (number + 1) * _LARGEST_PART]
            item = {**_key(subject, key), "of": {"N": str(count)}, "part": {"B": part}, "expires": _expires()}
            self._client.put_item(TableName=self._table, Item=item)
            yield key

    def _parts(self, subject: Subject, prefix: str) -> Any:
        """Return a body put together, None if not every part of it is there."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
            ExpressionAttributeValues={":pk": _key(subject, "")["pk"], ":prefix": {"S": prefix}},
            ConsistentRead=True,
        )
        items = [item for page in pages for item in page["Items"]]
        if not items or len(items) != int(items[0]["of"]["N"]):
            return None
        return json.loads(zlib.decompress(b"".join(item["part"]["B"] for item in items)))

    def _keys(self, subject: Subject, end: str) -> list[str]:
        """Return the keys of the parts that sort before an end."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :pk AND sk BETWEEN :start AND :end",
            ExpressionAttributeValues={
                ":pk": _key(subject, "")["pk"],
                ":start": {"S": "PART#"},
                ":end": {"S": end},
            },
            ProjectionExpression="sk",
        )
        return [item["sk"]["S"] for page in pages for item in page["Items"]]

    def _delete(self, subject: Subject, keys: list[str]) -> None:
        for key in keys:
            self._client.delete_item(TableName=self._table, Key=_key(subject, key))


def _key(subject: Subject, sk: str) -> dict[str, Any]:
    return {"pk": {"S": f"TOPOLOGY#{subject.account}#{subject.region}"}, "sk": {"S": sk}}


def _expires() -> dict[str, str]:
    return {"N": str(int(time.time()) + _KEEP_SECONDS)}


def _check_taken(error: ClientError) -> None:
    """Raise any error but a failed condition."""
    if error.response.get("Error", {}).get("Code") != "ConditionalCheckFailedException":
        raise error
