"""Rung 1 for a pipe: it is stopped, and what arrives waits at its source until it is started again.

EventBridge API reference for Pipes: DescribePipe, StopPipe, StartPipe; a pipe resumes where it stopped, and cannot be
stopped or started while another change of it takes effect.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.core.fix import Change, ChangedMeanwhile, NotVerified, NotYet, Undone, Work
from functions.playbooks.recursive_loop.fixes.mapping import waits
from functions.playbooks.recursive_loop.fixes.step import Open
from functions.playbooks.recursive_loop.graph import Edge
from functions.playbooks.recursive_loop.triggers import node

SETTING = "pipe"
_ON, _TO_ON = "RUNNING", {"RUNNING", "STARTING"}
_OFF, _TO_OFF = "STOPPED", {"STOPPED", "STOPPING"}
_NEVER_RAN = {"CREATE_FAILED", "CREATE_ROLLBACK_FAILED", "START_FAILED"}
_CHANGING = {"CREATING", "UPDATING", "STOPPING"}

_Pipe = Mapping[str, Any]


def plan(work: Work, edge: Edge) -> tuple[Change, ...]:
    """Decide to stop the pipe that the edge is part of. Raises `Open` where it no longer carries anything."""
    found = _read(work, edge.handle)
    if found is None:
        raise Open(f"The pipe {edge.handle} is gone.")
    if found["CurrentState"] in _TO_OFF | _NEVER_RAN:
        raise Open(f"The pipe {edge.handle} is {found['CurrentState']}.")
    if (edge.source, edge.target) not in _arrows(found):
        raise Open(f"The pipe {edge.handle} no longer leads from {edge.source} to {edge.target}.")
    return (Change(f"{SETTING} {edge.handle}", _ON, _OFF),)


def keeps(work: Work, edge: Edge) -> str:
    """Say in one sentence how long what the pipe does not carry waits."""
    found = _read(work, edge.handle)
    return waits(work, edge.source if found is None else found["Source"])


def apply(work: Work, change: Change) -> None:
    """Stop it, unless that is done or under way. Raises `ChangedMeanwhile`, and `NotYet` while it is changing."""
    found = _read(work, _name(change))
    if found is None:
        raise ChangedMeanwhile(f"The {change.setting} was deleted meanwhile.")
    if found["CurrentState"] not in _TO_OFF:
        _call(work, change, "stop_pipe")


def verify(work: Work, change: Change) -> None:
    """Read its state back. Raises `NotYet` while it is being stopped, `NotVerified` where it is not."""
    found = _read(work, _name(change))
    state = "deleted" if found is None else found["CurrentState"]
    if state in _CHANGING:
        raise NotYet(f"the {change.setting} is {state}")
    if state != change.after:
        raise NotVerified(f"the {change.setting} is {state}")


def undo(work: Work, change: Change) -> Undone:
    """Start it again, unless it was deleted since. Raises `NotYet` while it is changing."""
    found = _read(work, _name(change))
    if found is None:
        return _deleted(change)
    if found["CurrentState"] in _TO_ON:
        return Undone(restored=(change,))
    if found["CurrentState"] in _CHANGING:
        raise NotYet(f"the {change.setting} is {found['CurrentState']}")
    client = work.member.client("pipes")
    try:
        _call(work, change, "start_pipe")
    except client.exceptions.NotFoundException:
        return _deleted(change)
    return Undone(restored=(change,))


def _deleted(change: Change) -> Undone:
    return Undone(kept=(f"{change.setting}: it was deleted since",))


def _call(work: Work, change: Change, operation: str) -> None:
    client = work.member.client("pipes")
    try:
        getattr(client, operation)(Name=_name(change))
    except client.exceptions.ConflictException:
        raise NotYet(f"the {change.setting} is being changed") from None


def _read(work: Work, name: str) -> _Pipe | None:
    """Return the pipe, None if it is gone or going."""
    client = work.member.client("pipes")
    try:
        found: _Pipe = client.describe_pipe(Name=name)
    except client.exceptions.NotFoundException:
        return None
    return None if found["CurrentState"] == "DELETING" else found


def _arrows(found: _Pipe) -> set[tuple[str, str]]:
    """Return what the pipe joins, as the graph has it: its source to itself, and itself to what it calls."""
    pipe = found["Arn"]
    called = filter(None, (found.get("Enrichment"), found["Target"]))
    return {(node(found["Source"]), pipe), *((pipe, node(one)) for one in called)}


def _name(change: Change) -> str:
    return change.setting.rpartition(" ")[2]
