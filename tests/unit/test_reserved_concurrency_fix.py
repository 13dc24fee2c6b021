"""Reserving, verifying and putting back, against a Lambda that only keeps the reservation."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from functions.core.fix import (
    CannotFix,
    Change,
    ChangedMeanwhile,
    Learned,
    NothingToDo,
    NotVerified,
    Plan,
    Work,
)
from functions.core.snapshot import FunctionSnapshot
from functions.playbooks.reserved_concurrency import fix

from .examples import SUBJECT

FLOOR_ERROR = (
    "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution "
    "below its minimum value of [50]."
)
RESERVE_10 = Plan((Change(fix.SETTING, None, 10),), "Reserved 10.")


class Account:
    """A member account with one function; every write is listed."""

    def __init__(self, reserved: int | None = None, **facts: Any) -> None:
        self.reserved = reserved
        self.facts = {"limit": 1000, "unreserved": 900, "peaks": [], "provisioned": [], "refuse": "", **facts}
        self.writes: list[tuple[str, int | None]] = []

    def client(self, service: str, patience: int = 0) -> Any:  # noqa: ARG002 - the protocol's
        assert service in ("lambda", "cloudwatch")
        return self

    def snapshot(self) -> FunctionSnapshot:
        return FunctionSnapshot(SUBJECT, reserved=self.reserved)

    def remembered(self, name: str) -> None:
        raise AssertionError(f"nothing remembered as {name} is needed for this")

    def put_function_concurrency(self, **call: Any) -> None:
        if self.facts["refuse"]:
            code, text = "InvalidParameterValueException", str(self.facts["refuse"])
            raise ClientError({"Error": {"Code": code, "Message": text}}, "PutFunctionConcurrency")
        self._write("put", call["FunctionName"], call["ReservedConcurrentExecutions"])

    def delete_function_concurrency(self, **call: Any) -> None:
        self._write("delete", call["FunctionName"], None)

    def _write(self, name: str, function: str, reserved: int | None) -> None:
        assert function == SUBJECT.arn
        self.writes.append((name, reserved))
        self.reserved = reserved

    def get_account_settings(self) -> dict[str, Any]:
        limit, unreserved = self.facts["limit"], self.facts["unreserved"]
        return {"AccountLimit": {"ConcurrentExecutions": limit, "UnreservedConcurrentExecutions": unreserved}}

    def get_metric_data(self, **_: Any) -> dict[str, Any]:
        return {"MetricDataResults": [{"Values": self.facts["peaks"]}]}

    def get_paginator(self, operation: str) -> "Account":
        assert operation == "list_provisioned_concurrency_configs"
        return self

    def paginate(self, **_: Any) -> list[dict[str, Any]]:
        return [
            {"ProvisionedConcurrencyConfigs": [{"RequestedProvisionedConcurrentExecutions": n}]}
            for n in self.facts["provisioned"]
        ]


def work(account: Account, learned: dict[str, int] | None = None) -> Work:
    return Work(SUBJECT, account, {"default": 10, "critical": [], "floor": 100}, learned or {})


def planned(account: Account, learned: dict[str, int] | None = None) -> int:
    plan = fix.plan(work(account, learned), account.snapshot())
    assert isinstance(plan, Plan), plan
    assert account.writes == []
    (change,) = plan.changes
    assert change.before is None
    assert str(change.after) in plan.says
    return int(change.after)


def test_plans_the_default_without_traffic_and_the_peak_with_headroom_with_it() -> None:
    assert planned(Account()) == 10
    assert planned(Account(peaks=[3.0, 50.0, 7.0])) == 60


def test_plans_no_less_than_is_provisioned_on_all_versions_together() -> None:
    assert planned(Account(provisioned=[20, 15])) == 35


def test_plans_nothing_where_a_reservation_is_there_by_now() -> None:
    for reserved in (0, 5):
        account = Account(reserved)
        assert isinstance(fix.plan(work(account), account.snapshot()), NothingToDo)


def test_plans_nothing_the_account_cannot_spare() -> None:
    account = Account(unreserved=105)
    cannot = fix.plan(work(account), account.snapshot())
    assert isinstance(cannot, CannotFix)
    assert cannot.code == "no-room"
    assert account.writes == []


def test_the_higher_of_the_learned_and_the_configured_floor_counts() -> None:
    low = Account(unreserved=105)
    assert isinstance(fix.plan(work(low, {"floor": 50}), low.snapshot()), CannotFix)
    account = Account(unreserved=155)
    assert isinstance(fix.plan(work(account, {"floor": 150}), account.snapshot()), CannotFix)


def test_applying_twice_writes_once() -> None:
    account = Account()
    fix.apply(work(account), RESERVE_10)
    fix.apply(work(account), RESERVE_10)
    fix.verify(work(account), RESERVE_10)
    assert account.writes == [("put", 10)]


def test_what_somebody_set_meanwhile_is_left() -> None:
    for reserved in (0, 7):
        account = Account(reserved)
        with pytest.raises(ChangedMeanwhile):
            fix.apply(work(account), RESERVE_10)
        assert account.writes == []


def test_learns_the_floor_from_the_refusal() -> None:
    account = Account(refuse=FLOOR_ERROR)
    with pytest.raises(Learned) as learned:
        fix.apply(work(account), RESERVE_10)
    assert (learned.value.name, learned.value.value, learned.value.cannot.code) == ("floor", 50, "no-room")


def test_any_other_refusal_is_not_taken_for_the_floor() -> None:
    with pytest.raises(ClientError):
        fix.apply(work(Account(refuse="another reason")), RESERVE_10)


def test_says_when_the_reservation_is_not_there_after_all() -> None:
    with pytest.raises(NotVerified, match="reads None"):
        fix.verify(work(Account()), RESERVE_10)


@pytest.mark.parametrize(("before", "write"), [(None, ("delete", None)), (0, ("put", 0)), (5, ("put", 5))])
def test_puts_back_what_was_there_and_unset_is_not_zero(before: int | None, write: tuple[str, int | None]) -> None:
    plan = Plan((Change(fix.SETTING, before, 10),), "")
    account = Account(10)
    assert fix.undo(work(account), plan).restored == plan.changes
    assert fix.undo(work(account), plan).restored == plan.changes
    assert account.writes == [write]


def test_leaves_what_others_set_since() -> None:
    account = Account(25)
    undone = fix.undo(work(account), RESERVE_10)
    assert undone.restored == ()
    assert "25" in undone.kept[0]
    assert account.writes == []
