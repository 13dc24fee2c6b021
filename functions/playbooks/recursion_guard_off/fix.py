"""Switch Lambda's loop detection on again, and say what that does to a function that loops.

Lambda API reference: GetFunctionRecursionConfig, PutFunctionRecursionConfig. The setting has no revision id, so it is
compared before and after. What a refusal does: Lambda developer guide, "Use Lambda recursive loop detection to prevent
infinite loops".
"""

from __future__ import annotations

from functions.core.fix import CannotFix, Change, ChangedMeanwhile, NothingToDo, NotVerified, Plan, Undone, Work
from functions.core.snapshot import FunctionSnapshot
from functions.playbooks.recursion_guard_off.facts import keeps_refused, recursive_loop
from functions.playbooks.recursion_guard_off.known import ALLOW, TERMINATE

SETTING = "RecursiveLoop"


def plan(work: Work, snapshot: FunctionSnapshot) -> Plan | CannotFix | NothingToDo:  # noqa: ARG001 - it is not in there
    """Decide to switch it on, and say where what Lambda then refuses goes."""
    now = recursive_loop(work.member, work.subject)
    if now != ALLOW:
        return NothingToDo(f"{SETTING} is {now} by now.")
    place = keeps_refused(work.member, work.subject)
    refused = (
        f"goes to {place}" if place else "is dropped: it has neither an on-failure destination nor a dead-letter queue"
    )
    says = (
        "Loop detection switched on: after about 16 invocations of one chain Lambda refuses the next. "
        f"An asynchronous event that it refuses this function {refused}. A message in an SQS queue stays there and is "
        "tried again, until the queue's own redrive policy takes it."
    )
    return Plan((Change(SETTING, ALLOW, TERMINATE),), says)


def apply(work: Work, plan: Plan) -> None:
    """Switch it on, unless it is on already or set to something else meanwhile."""
    change = plan.changes[0]
    now = recursive_loop(work.member, work.subject)
    if now == change.after:
        return
    if now != change.before:
        raise ChangedMeanwhile(f"Somebody set {SETTING} to {now} meanwhile; it was left so.")
    _put(work, change.after)


def verify(work: Work, plan: Plan) -> None:
    """Read the setting back."""
    now, wanted = recursive_loop(work.member, work.subject), plan.changes[0].after
    if now != wanted:
        raise NotVerified(f"{SETTING} was set to {wanted} and reads {now}.")


def undo(work: Work, plan: Plan) -> Undone:
    """Switch it off again, unless somebody set something else since."""
    change = plan.changes[0]
    now = recursive_loop(work.member, work.subject)
    if now not in (change.before, change.after):
        return Undone(kept=(f"{SETTING} is {now}, as somebody set it since",))
    if now == change.after:
        _put(work, change.before)
    return Undone(restored=(change,))


def advise(work: Work, plan: Plan) -> str:  # noqa: ARG001 - the same wherever the function lives
    """Say what keeps the guard on at the next deployment, in each tool's own words."""
    return "\n".join(
        (
            "Keep it in what deploys the function as well, or take the setting out there: Terminate is the default.",
            f"CloudFormation and SAM, under the function's Properties: {SETTING}: {TERMINATE}",
            "CDK, in the function's properties: recursiveLoop: lambda.RecursiveLoop.TERMINATE",
            f'Terraform, in the resource aws_lambda_function_recursion_config: recursive_loop = "{TERMINATE}"',
            "Serverless Framework, under the function: recursiveLoop: terminate",
        )
    )


def _put(work: Work, value: str) -> None:
    work.member.client("lambda").put_function_recursion_config(FunctionName=work.subject.arn, RecursiveLoop=value)
