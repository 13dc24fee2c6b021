"""The memory of an account: whole or not at all, whoever reads and writes meanwhile; large ones in parts."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from functions.adapters import generations
from functions.adapters.generations import Generations
from functions.adapters.memory import LOOPS, Memory, Remembered
from functions.adapters.store import TakenMeanwhile
from functions.core.subject import Subject
from functions.playbooks.recursive_loop.remembered import in_order, without_values
from tests.unit.loops.accounts import OWNER, REGION, large
from warden.local.emulator import Emulator

HERE = Subject("aws", OWNER, REGION)
TABLE = "warden-state"


@pytest.fixture
def table(emulator: Emulator) -> Any:
    client = emulator.client("dynamodb", "111111111111", REGION)
    keys = [("pk", "HASH"), ("sk", "RANGE")]
    client.create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in keys],
        BillingMode="PAY_PER_REQUEST",
    )
    return client


@pytest.fixture
def known() -> Remembered:
    account = in_order(without_values(large(100)))
    return Remembered(account, loops=({"id": "a"},), appeared={"f": "t1"}, read="t2", to_look_at=("f", "g"))


def items(table: Any) -> list[str]:
    found = table.scan(TableName=TABLE, ConsistentRead=True)["Items"]
    return sorted(item["sk"]["S"].partition("#")[0] for item in found)


def test_what_is_saved_is_loaded(table: Any, known: Remembered) -> None:
    store = Memory(table, TABLE)
    assert store.load(HERE) is None
    assert Generations(table, TABLE).remembered(HERE, LOOPS) is None
    assert store.save(HERE, known) == replace(known, version=1)
    assert store.load(HERE) == replace(known, version=1)
    assert Generations(table, TABLE).remembered(HERE, LOOPS) == {
        "loops": [{"id": "a"}],
        "appeared": {"f": "t1"},
        "read": "t2",
    }
    assert store.load(replace(HERE, region="us-east-1")) is None
    expires = [int(item["expires"]["N"]) for item in table.scan(TableName=TABLE)["Items"]]
    assert all(399 * 86_400 < moment - time.time() <= 400 * 86_400 for moment in expires)


def test_a_large_account_is_in_several_items_and_old_ones_go(
    table: Any, known: Remembered, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generations, "_LARGEST_PART", 2_000)
    store = Memory(table, TABLE)
    first = store.save(HERE, known)
    assert len(items(table)) > 4
    assert store.load(HERE) == first
    second = store.save(HERE, replace(first, account=replace(known.account, functions=())))
    assert store.load(HERE) == second
    monkeypatch.setattr(generations, "_LARGEST_PART", 350_000)
    third = store.save(HERE, second)
    assert items(table) == ["HEAD", "PART", "PART"]
    assert store.load(HERE) == replace(third, version=3)


def test_of_two_writers_one_wins_and_the_other_leaves_nothing(table: Any, known: Remembered) -> None:
    one, other = Memory(table, TABLE), Memory(table, TABLE)
    first = one.save(HERE, known)
    with pytest.raises(TakenMeanwhile):
        other.save(HERE, replace(known, appeared={}))
    second = one.save(HERE, replace(first, appeared={"g": "t3"}))
    with pytest.raises(TakenMeanwhile):
        other.save(HERE, replace(first, appeared={}))
    assert one.load(HERE) == second
    assert items(table) == ["HEAD", "PART", "PART"]


class Meanwhile:
    """A client of the table that lets something happen before one kind of call."""

    def __init__(self, client: Any, call: str, happens: Any) -> None:
        self._client, self._call, self._happens = client, call, [happens]

    def __getattr__(self, name: str) -> Any:
        if name == self._call and self._happens:
            self._happens.pop()()
        return getattr(self._client, name)


def test_who_reads_while_another_writes_reads_the_new_one_whole(table: Any, known: Remembered) -> None:
    first = Memory(table, TABLE).save(HERE, known)
    new = replace(first, account=replace(known.account, functions=()), appeared={})
    slow = Memory(Meanwhile(table, "get_paginator", lambda: Memory(table, TABLE).save(HERE, new)), TABLE)
    assert slow.load(HERE) == replace(new, version=2)


def test_what_a_writer_that_was_cut_off_left_goes_with_the_next(table: Any, known: Remembered) -> None:
    store = Memory(table, TABLE)
    first = store.save(HERE, known)

    class CutOff(Exception):
        pass

    def cut_off() -> None:
        raise CutOff

    for version in (0, 1):
        with pytest.raises(CutOff):
            # The parts are written first: of the third call, which writes the head, nothing comes.
            Memory(Nth(table, "put_item", 3, cut_off), TABLE).save(HERE, replace(first, version=version))
    assert store.load(HERE) == first
    store.save(HERE, store.save(HERE, first))
    assert items(table) == ["HEAD", "PART", "PART"]


class Nth(Meanwhile):
    """Lets it happen before the nth call."""

    def __init__(self, client: Any, call: str, number: int, happens: Any) -> None:
        super().__init__(client, call, happens)
        self._left = number

    def __getattr__(self, name: str) -> Any:
        if name == self._call:
            self._left -= 1
        return super().__getattr__(name) if self._left == 0 else getattr(self._client, name)


def test_looks_are_noted_until_they_were_asked_for(table: Any, known: Remembered) -> None:
    store = Memory(table, TABLE)
    first = store.save(HERE, known)
    store.asked(HERE, first)
    assert store.load(HERE) == replace(first, to_look_at=())
    second = store.save(HERE, replace(first, to_look_at=("h",)))
    store.asked(HERE, first)
    assert store.load(HERE) == second, "these looks are others"


@pytest.mark.parametrize(("functions", "most_items"), [(1_000, 3), (3_000, 4)])
def test_so_many_functions_fit_into_so_few_items(table: Any, functions: int, most_items: int) -> None:
    account = large(functions)
    store = Memory(table, TABLE)
    store.save(HERE, Remembered(account))
    assert len(items(table)) <= most_items
    found = store.load(HERE)
    assert found is not None
    assert found.account == without_values(account)
