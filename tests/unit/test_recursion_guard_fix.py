"""Switching loop detection on and off again, against a Lambda that only keeps the setting."""

from typing import Any

import pytest

from functions.core.fix import Change, ChangedMeanwhile, NothingToDo, NotVerified, Plan, Undone, Work
from functions.core.snapshot import FunctionSnapshot
from functions.playbooks.recursion_guard_off import fix

from .examples import SUBJECT

ON = Plan((Change(fix.SETTING, "Allow", "Terminate"),), "On.")


class Lambda:
    """One function; every write is listed."""

    def __init__(self, setting: str) -> None:
        self.setting = setting
        self.writes: list[str] = []

    def client(self, service: str, patience: int = 0) -> Any:  # noqa: ARG002 - the protocol's
        assert service == "lambda"
        return self

    def get_function_recursion_config(self, *, FunctionName: str) -> dict[str, str]:  # noqa: N803 - as boto3 has it
        assert FunctionName == SUBJECT.arn
        return {"RecursiveLoop": self.setting}

    def put_function_recursion_config(self, *, FunctionName: str, RecursiveLoop: str) -> None:  # noqa: N803
        assert FunctionName == SUBJECT.arn
        self.writes.append(RecursiveLoop)
        self.setting = RecursiveLoop


def at_work(setting: str) -> tuple[Lambda, Work]:
    member: Any = Lambda(setting)
    return member, Work(SUBJECT, member, {})


def test_begun_again_after_a_crash_it_is_switched_on_once() -> None:
    there, work = at_work("Allow")
    for _ in range(2):
        fix.apply(work, ON)
        fix.verify(work, ON)
    assert there.writes == ["Terminate"]


def test_what_somebody_set_meanwhile_or_since_stays() -> None:
    there, work = at_work("Observe")
    with pytest.raises(ChangedMeanwhile, match="Observe"):
        fix.apply(work, ON)
    with pytest.raises(NotVerified, match="Observe"):
        fix.verify(work, ON)
    assert fix.undo(work, ON) == Undone(kept=("RecursiveLoop is Observe, as somebody set it since",))
    assert there.writes == []


@pytest.mark.parametrize(("setting", "writes"), [("Terminate", ["Allow"]), ("Allow", [])])
def test_undo_switches_it_off_once(setting: str, writes: list[str]) -> None:
    there, work = at_work(setting)
    assert fix.undo(work, ON) == Undone(restored=ON.changes)
    assert (there.setting, there.writes) == ("Allow", writes)


def test_there_is_nothing_to_do_where_it_is_on() -> None:
    _, work = at_work("Terminate")
    assert fix.plan(work, FunctionSnapshot(SUBJECT)) == NothingToDo("RecursiveLoop is Terminate by now.")
