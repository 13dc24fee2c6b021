"""How soon a loop is found after the call that closes it, how soon a running one is stopped, and what ran until then.

Real loops of functions (`tests.e2e.running_loops`) on the embedded AWS. The alarm on invocations is sent by hand, as
soon as enough events were handled: how long AWS takes to raise it is not measured.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from functions.core.ticket import State
from functions.playbooks.recursive_loop.check import CAP
from functions.playbooks.recursive_loop.playbook import PLAYBOOK
from tests.bench.run import Run
from tests.bench.table import Row
from tests.e2e.running_loops import QUICK, Loop, alarm, build, loop_ticket, reserved
from warden.local.cloud import PAYMENTS, Cloud, until

FOUND = "loop: closing call → ticket"
STOPPED = "loop: first event → stop verified"
INVOCATIONS = "loop on a queue, each event makes two: invocations before the break"
SHAPES = ("queue", "bucket", "topic", "bus")
FOUND_AIM, STOPPED_AIM = 20, 130
# A simulation of AWS, with the alarm and a minute after it until the break: with the cap, and without.
CAPPED_AIM, UNCAPPED_AIM = 9_500, 231_000
CAP_SIZE, ROOM = 10, 500
"""The concurrency that the bot leaves a new function in a loop, and more than this machine can make use of."""

_EVENTS_BEFORE_ALARM = 100
_PATIENCE = 180.0
_IDLE_SECONDS = 60.0
_SETTINGS = {**QUICK, "fixes_per_hour": 1000}
_COLD = "the first after a deployment: every function starts cold"
_ON_AWS = "the aim is of a simulation of AWS; this machine runs far fewer at once"
_QUIET_SECONDS = PLAYBOOK.settings["quiet_seconds"]
_WATCHED = (
    f"{QUICK['quiet_seconds']} s of it are watching that it rests, on AWS {_QUIET_SECONDS} s; the alarm is sent by hand"
)


class NotSeen(RuntimeError):
    """A loop was not found, not capped or not stopped in time."""


def measure(run: Run) -> list[Row]:
    """Return how long each kind of loop took to be found and to be stopped, and what a growing one got through."""
    shapes = SHAPES[: run.times(len(SHAPES), 1)]
    overrides = {"modes": {PLAYBOOK.id: "enforce"}, "settings": {PLAYBOOK.id: _SETTINGS}}
    with Cloud(say=run.say, overrides=overrides) as cloud:
        found: list[Row] = []
        stopped: list[Row] = []
        for shape in shapes:
            run.say(f"a loop through a {shape}")
            loop, seconds = _found(cloud, shape)
            found.append(Row(FOUND, shape, seconds, "s", FOUND_AIM, note="" if found else _COLD))
            stopped.append(Row(STOPPED, shape, _stopped(loop), "s", STOPPED_AIM, note=_WATCHED))
        run.say("a growing loop, capped")
        capped = _invocations(cloud, CAP_SIZE)
        run.say("a growing loop, uncapped")
        uncapped = _invocations(cloud, ROOM)
    return [
        *found,
        *stopped,
        Row(INVOCATIONS, f"capped at {CAP_SIZE}", capped, "", CAPPED_AIM, note=_ON_AWS),
        Row(INVOCATIONS, f"uncapped, {ROOM} reserved", uncapped, "", UNCAPPED_AIM, note=_ON_AWS),
    ]


def _found(cloud: Cloud, shape: str) -> tuple[Loop, float]:
    """Make a loop; return it, and how many seconds after the call that closes it, its last one, it had a ticket."""
    loop = build(cloud, PAYMENTS, shape)
    closed = time.monotonic()
    _wait(loop, "is not found", lambda: loop_ticket(loop))
    return loop, time.monotonic() - closed


def _stopped(loop: Loop) -> float:
    """Start a capped loop; return how many seconds after its first event was handled its stop was verified."""
    _settle(loop)
    loop.send("r1", "r2")
    _wait(loop, "does not run", lambda: _ran(loop))
    ran = time.monotonic()
    _stop(loop)
    return time.monotonic() - ran


def _invocations(cloud: Cloud, concurrency: int) -> int:
    """Return how many invocations a loop on a queue came to by the time its stop was verified.

    Each event makes two: the first goes on with the chain, the second is the root of a new one.
    """
    loop = build(cloud, PAYMENTS, "queue", times=2)
    _settle(loop)
    if concurrency != CAP_SIZE:
        # Where its reservation was only taken away, it would be capped once more; what its owner reserved stands.
        loop.client("lambda").put_function_concurrency(
            FunctionName=loop.first, ReservedConcurrentExecutions=concurrency
        )
        _idle(loop)
    # The cap is lifted as soon as the loop is broken, so afterwards it does not show.
    if reserved(loop, loop.first) != concurrency:
        raise NotSeen(f"{loop.name} has a concurrency of {reserved(loop, loop.first)}: {_told(loop)}")
    loop.send("r1")
    _stop(loop)
    return _ran(loop)


def _stop(loop: Loop) -> None:
    """Let it run for a while, then raise the alarm and wait until the stop is verified.

    The alarm is not needed where something else made the bot look while the loop ran.
    """
    _wait(loop, "does not go on", lambda: _ran(loop) >= _EVENTS_BEFORE_ALARM or _is_stopped(loop), pause=0.2)
    alarm(loop)
    _wait(loop, "is not stopped", lambda: _is_stopped(loop), pause=0.1)


def _settle(loop: Loop) -> None:
    """Wait until its functions are capped, a person is asked, and nothing more is to be looked at.

    A look that is still to come would see that it runs, and stop it before there is an alarm.
    """
    for name in loop.functions:
        _wait(loop, "has no cap", partial(_cap_stands, loop, name), pause=0.1)
    _wait(loop, "asks nobody", lambda: _state(loop) is State.AWAITING_APPROVAL, pause=0.1)
    _idle(loop)


def _idle(loop: Loop) -> None:
    """Wait until the bot has nothing more to do. Raises `NotSeen` if that takes too long."""
    if not loop.cloud.emulator.idle(_IDLE_SECONDS):
        raise NotSeen(f"the bot does not come to rest about {loop.name}, which does not run: {_told(loop)}")


def _cap_stands(loop: Loop, name: str) -> bool:
    """Whether the fix that set the cap is done."""
    ticket = loop.cloud.ticket(loop.account, name, PLAYBOOK.id, CAP)
    return ticket is not None and ticket.state is State.FIXED


def _is_stopped(loop: Loop) -> bool:
    return _state(loop) is State.FIXED


def _state(loop: Loop) -> State | None:
    """Return the state of its ticket, None if it has none."""
    ticket = loop_ticket(loop)
    return None if ticket is None else ticket.state


def _ran(loop: Loop) -> int:
    """How many events were handled, one an invocation."""
    return sum(loop.noted("handled").values())


def _wait(loop: Loop, otherwise: str, condition: Callable[[], Any], pause: float = 0.02) -> None:
    """Wait for a condition. Raises `NotSeen` if it does not come about in time."""
    if not until(condition, _PATIENCE, pause):
        raise NotSeen(f"{loop.name} {otherwise}: {_told(loop)}")


def _told(loop: Loop) -> str:
    """Say what the loop's ticket says."""
    ticket = loop_ticket(loop)
    return "it has no ticket" if ticket is None else f"{ticket.state.value}: {ticket.last.text}"
