"""How long from a developer's CreateFunction to the reservation that stands, on the whole path across accounts."""

from __future__ import annotations

from collections.abc import Sequence

from tests.bench.bundles import PLAYBOOK
from tests.bench.run import Run
from tests.bench.table import Row, median, percentile
from warden.local.calls import Call
from warden.local.cloud import ANALYTICS, HUB, PAYMENTS, Cloud, until
from warden.local.functions import create_function

FIGURE = "event → fix, across accounts"
AIM = 0.3
CRITICAL = {"warden:tier": "critical"}
# So many fixes in one hour, and so large a pool, that neither the cap nor the floor ends the run early.
MANY = 1_000_000
UNBOUND = {"settings": {PLAYBOOK.id: {"fixes_per_hour": MANY}}}
ROOM = {"account_concurrency": {PAYMENTS: MANY, ANALYTICS: MANY}}

STAGES = ("read by the inspector", "on the bus", "taken by the remediator", "reserved", "read back")


class NotFixed(RuntimeError):
    """A function was not fixed in time."""


def measure(run: Run) -> list[Row]:
    """Return the time of the first fix after a deployment, and percentiles of the following, one after another.

    The time begins with CreateFunction and ends when the remediator, having reserved concurrency, reads it back; both
    by the server's clock.
    """
    warm_up, counted = run.times(5, 2), run.times(40, 6)
    with Cloud(say=run.say, overrides=UNBOUND, settings=ROOM) as cloud:
        run.say(f"{1 + warm_up + counted} functions, one after another")
        found = [_stages(cloud, (PAYMENTS, ANALYTICS)[n % 2], f"path-{n}") for n in range(1 + warm_up + counted)]
    first, warm = found[0], found[1 + warm_up :]
    whole = [stages[-1] for stages in warm]
    middle = [median([stages[n] for stages in warm]) for n in range(len(STAGES))]
    return [
        Row(
            FIGURE,
            "first fix after a deployment",
            first[-1],
            "s",
            note="every function starts cold",
            detail=_told(first),
        ),
        Row(FIGURE, f"p50 of {counted}", percentile(whole, 50), "s", AIM, detail=_told(middle)),
        Row(FIGURE, f"p95 of {counted}", percentile(whole, 95), "s"),
    ]


def _told(stages: Sequence[float]) -> str:
    """Say when each stage was reached."""
    return ", ".join(f"{stage} at {seconds * 1000:.0f} ms" for stage, seconds in zip(STAGES, stages, strict=True))


def _stages(cloud: Cloud, account: str, name: str) -> list[float]:
    """Create one function and return how many seconds after that each stage was reached."""
    cloud.emulator.clear_calls()
    create_function(cloud, account, name, CRITICAL)
    found = until(lambda: reached(cloud.emulator.calls(), account, name))
    if not found:
        raise NotFixed(f"{name} was not fixed:\n{cloud.emulator.function_log(HUB, PLAYBOOK.remediator)[-2000:]}")
    return list(found)


def reached(calls: Sequence[Call], account: str, name: str) -> list[float]:
    """Return when each stage was reached, [] as long as the last one is not."""
    created = _first(calls, 0, "CreateFunction", f":{account}:")
    looked = _first(calls, created, "GetFunction", f":{account}:assumed-role/warden-inspector/", name)
    told = _first(calls, looked, "PutEvents", f":{HUB}:assumed-role/warden-inspector/")
    taken = _first(calls, told, "", f":{HUB}:assumed-role/{PLAYBOOK.remediator}/")
    reserved = _first(calls, taken, "PutFunctionConcurrency", f":{account}:", name)
    verified = _first(calls, reserved, "GetFunction", f":{account}:assumed-role/{PLAYBOOK.member_role}/", name)
    times = (looked, told, taken, reserved, verified)
    return [] if None in (created, *times) else [time - created for time in times if time and created]


def _first(
    calls: Sequence[Call], after: float | None, operation: str, principal: str, function: str = ""
) -> float | None:
    """Return when the first such call came that succeeded, None if there is none or what it must follow is missing."""
    if after is None:
        return None
    return next(
        (
            call.time
            for call in calls
            if call.time > after
            and operation in ("", call.operation)
            and principal in call.principal_arn
            and call.resource.endswith(function)
            and call.status < 300
        ),
        None,
    )
