"""Hold a function: whatever it is invoked for goes to the quarantine queue, and nothing of it runs.

Lambda developer guide, "Configuring reserved concurrency for a function". The order is what keeps every event: the
queue is there and verified before (it is the plan's first step), then the role may send to it, then every qualifier has
it as its destination, and only then no concurrency is reserved. That last step looks for all of this once more by
itself (`concurrency.apply`), so that no plan, in whatever order or however old, stops a function that loses events.
"""

from __future__ import annotations

from functions.core.fix import Change, Work
from functions.core.subject import parse_function
from functions.playbooks.recursive_loop.fixes import concurrency, invocations, keeping, permission
from functions.playbooks.recursive_loop.fixes.step import CannotBreak, Open


def plan(work: Work, function: str, queue: str) -> tuple[Change, ...]:
    """Return the steps that hold a function, by its ARN, with the ARN of the queue that keeps its events.

    Where its role cannot be allowed to send there (`why_not`), 1 is reserved instead of 0 and nothing else is changed:
    then the loop goes on, slowly. Raises `CannotBreak` where events would be lost, `Open` where nothing runs anyway.
    """
    name = parse_function(function).name
    reserved = concurrency.read(work, name).reserved
    if reserved == 0:
        raise Open(f"{name} has a reserved concurrency of 0, so that nothing of it runs.")
    if losing := keeping.lost(work, name):
        raise CannotBreak("event-source", f"{name} cannot be held: {losing}")
    _without_provisioned(work, name)
    try:
        permissions = _permissions(work, name)
    except CannotBreak:
        return (concurrency.plan(work, name, 1),)
    arns = dict.fromkeys((*keeping.qualified(work, name), function.removesuffix(":$LATEST")))
    destinations = (invocations.plan(work, arn, queue) for arn in arns)
    return (*permissions, *destinations, concurrency.plan(work, name, 0))


def why_not(work: Work, function: str) -> str:
    """Say why a function, by its ARN, can only be slowed down and not be held; '' if it can be held."""
    try:
        _permissions(work, parse_function(function).name)
    except CannotBreak as cannot:
        return f"its role cannot be allowed to send to the quarantine queue: {cannot}"
    return ""


def _permissions(work: Work, function: str) -> list[Change]:
    planned = (permission.plan(work, role) for role in keeping.roles(work, function))
    return [change for change in planned if change is not None]


def _without_provisioned(work: Work, function: str) -> None:
    """Raise `CannotBreak` for provisioned concurrency, which Lambda does not let a reservation fall below."""
    pages = work.member.client("lambda").get_paginator("list_provisioned_concurrency_configs")
    if any(page["ProvisionedConcurrencyConfigs"] for page in pages.paginate(FunctionName=function)):
        text = f"{function} has provisioned concurrency, below which nothing can be reserved; remove that first"
        raise CannotBreak("provisioned", text)
