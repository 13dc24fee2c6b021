"""How many API calls one event costs, as the server counted them."""

from __future__ import annotations

from tests.bench.bundles import PLAYBOOK
from tests.bench.run import Run
from tests.bench.runtime_api import Execution
from tests.bench.server import NotAsExpected, Server, batch, created_event, listed, reads
from tests.bench.table import Row
from warden.local.calls import Call
from warden.local.cloud import PAYMENTS

FIGURE = "API calls for one event"
MOST_READS = 2
FIRST, WARM = "first event", "warm"

Counted = dict[str, list[Call]]
"""The calls of the first event of a fresh environment, and of the next."""


def measure(run: Run) -> list[Row]:
    """Return the calls for a function that is as it should be, and for one that is not, beside Custodian's."""
    with Server(run) as server:
        run.say("counting API calls")
        functions = [
            server.function("compliant", reserved=5),
            server.function("violating-1"),
            server.function("violating-2"),
        ]
        compliant = _inspected(run, server, [functions[0]] * 2)
        violating = _fixed(run, server, functions[1:])
        theirs = _of_peer(run, server)
    rows = []
    for kind, ours in (("compliant", compliant), ("violating", violating)):
        peers = theirs[kind] if theirs else {}
        for which in (FIRST, WARM):
            rows.append(_row(f"{kind} function, {which}", ours[which], peers.get(which), listed(ours[which])))
            if kind == "compliant":
                rows.append(
                    Row(FIGURE, f"{kind} function, {which}: reads", len(reads(ours[which])), "calls", MOST_READS)
                )
        what = f"{kind} function, {WARM}: in the member account"
        rows.append(_row(f"{what}, of Lambda", _on_lambda(ours[WARM]), _on_lambda(peers.get(WARM))))
        rows.append(_row(f"{what}, of its 15 a second", _scarce(ours[WARM]), _scarce(peers.get(WARM))))
    return rows


def _row(what: str, ours: list[Call] | None, peers: list[Call] | None, detail: str = "") -> Row:
    return Row(FIGURE, what, len(ours or []), "calls", None, None if peers is None else len(peers), detail=detail)


def _inspected(run: Run, server: Server, functions: list[str]) -> Counted:
    with Execution(server.ours(run.bundles.named("inspector")), run.runtime) as inspector:
        counted = [_counted(server, inspector, batch(created_event(name))) for name in functions]
    if server.findings():
        raise NotAsExpected("the inspector found something wrong with a function that has its reservation")
    return {FIRST: counted[0], WARM: counted[1]}


def _fixed(run: Run, server: Server, functions: list[str]) -> Counted:
    """Have the inspector find, and the remediator fix, what is wrong with each of these functions."""
    counted = []
    with (
        Execution(server.ours(run.bundles.named("inspector")), run.runtime) as inspector,
        Execution(server.ours(run.bundles.named("remediator")), run.runtime) as remediator,
    ):
        for name in functions:
            calls = _counted(server, inspector, batch(created_event(name)))
            (finding,) = server.findings()
            calls += _counted(server, remediator, batch(finding))
            outcomes = [event["detail-type"] for event in server.findings()]
            if not server.reserved(name) or outcomes != ["Fix Applied"]:
                raise NotAsExpected(f"{PLAYBOOK.id} did not fix {name}: {outcomes}")
            counted.append(calls)
    return {FIRST: counted[0], WARM: counted[1]}


def _of_peer(run: Run, server: Server) -> dict[str, Counted] | None:
    if run.peer is None:
        return None
    found = {}
    code = server.peers(run.peer)
    for kind, functions in {
        "compliant": ["compliant", "compliant"],
        "violating": [server.function("custodians-1"), server.function("custodians-2")],
    }.items():
        with Execution(code, run.runtime) as custodian:
            counted = [_counted(server, custodian, created_event(name)) for name in functions]
        if not all(server.reserved(name) for name in functions):
            raise NotAsExpected(f"Custodian did not reserve anything for {', '.join(functions)}")
        found[kind] = {FIRST: counted[0], WARM: counted[1]}
    return found


def _counted(server: Server, execution: Execution, event: dict[str, object]) -> list[Call]:
    server.forget_calls()
    _, answer = execution.invoke(event)
    calls = server.calls()
    if isinstance(answer, dict) and answer.get("batchItemFailures"):
        raise NotAsExpected(f"an event was not handled:\n{execution.log()[-3000:]}")
    return calls


def _on_lambda(calls: list[Call] | None) -> list[Call] | None:
    return None if calls is None else [c for c in calls if c.service == "lambda" and c.account == PAYMENTS]


def _scarce(calls: list[Call] | None) -> list[Call] | None:
    """Return the calls that share 15 a second with the customer's own; GetFunction has its own 100 (Lambda quotas)."""
    found = _on_lambda(calls)
    return None if found is None else [call for call in found if call.operation != "GetFunction"]
