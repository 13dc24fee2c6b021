"""What a function is invoked for, and whether all of it would be kept if nothing of it could run.

Lambda developer guide: "Capturing records of Lambda asynchronous invocations" (with a reservation of 0, events go to
the on-failure destination at once, and are lost where there is none), "Handling errors for an SQS event source" (a
throttled message counts as received, and goes to the queue's dead-letter queue), "Processing records from streams"
(throttled records are tried again until they reach the age that the mapping allows), "Configuring function versions"
(a version has the role that it was published with).

A version that is invoked by its number is known only if it has a configuration of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from functions.core.fix import Work
from functions.playbooks.recursive_loop.fixes import invocations, permission, quarantine

_QUEUE = ":sqs:"


def qualified(work: Work, function: str) -> tuple[str, ...]:
    """Return the ARNs a function, by its name, is invoked by: the function itself, its aliases, what is configured."""
    client, plain = work.member.client("lambda"), arn_of(work, function)
    aliases = (f"{plain}:{one['Name']}" for one in _aliases(work, function))
    pages = client.get_paginator("list_function_event_invoke_configs").paginate(FunctionName=function)
    configured = (one["FunctionArn"] for page in pages for one in page["FunctionEventInvokeConfigs"])
    return tuple(dict.fromkeys(arn.removesuffix(":$LATEST") for arn in (plain, *aliases, *configured)))


def roles(work: Work, function: str) -> tuple[str, ...]:
    """Return the roles that a function, by its name, may run with: its own, and those of versions that are invoked."""
    invoked = {arn.split(":")[7] for arn in qualified(work, function) if arn.count(":") > 6} | {"$LATEST"}
    for alias in _aliases(work, function):
        more = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
        invoked |= {alias["FunctionVersion"], *more}
    pages = work.member.client("lambda").get_paginator("list_versions_by_function").paginate(FunctionName=function)
    versions = [version for page in pages for version in page["Versions"]]
    return tuple(sorted({version["Role"] for version in versions if version["Version"] in invoked}))


def lost(work: Work, function: str) -> str:
    """Say which event source of a function, by its name, loses something while nothing can run; '' if none does."""
    return next(_losses(work, arn_of(work, function)), "")


def _losses(work: Work, function: str) -> Iterator[str]:
    # A list by the function's name leaves out the mappings of its aliases.
    pages = work.member.client("lambda").get_paginator("list_event_source_mappings").paginate()
    for one in (one for page in pages for one in page["EventSourceMappings"]):
        if not f"{one.get('FunctionArn', '')}:".startswith(f"{function}:") or one.get("State") == "Disabled":
            continue
        if _QUEUE in one.get("EventSourceArn", ""):
            yield f"event source mapping {one['UUID']} would use up the tries of its queue's messages; disable it first"
        elif _age(one) >= 0:
            yield f"event source mapping {one['UUID']} gives up records after {_age(one)} seconds; disable it first"


def _age(mapping: Mapping[str, Any]) -> int:
    """Return after how many seconds a mapping gives records up, -1 if only when the stream does."""
    age = mapping.get("MaximumRecordAgeInSeconds")
    return -1 if age is None else int(age)


def missing(work: Work, function: str) -> str:
    """Say what keeps a function, by its name, from being stopped without a loss; '' if nothing does."""
    queue = quarantine.arn(work)
    if not quarantine.is_there(work):
        return "there is no quarantine queue"
    for arn in qualified(work, function):
        label = invocations.label_of(arn)
        if invocations.destination(invocations.read(work, label), "OnFailure") != queue:
            return f"{invocations.SETTING} {label} is not the quarantine queue"
    for role in roles(work, function):
        if not permission.allowed(work, role):
            return f"role {role.rpartition('/')[2]} may not send to the quarantine queue"
    return lost(work, function)


def arn_of(work: Work, function: str) -> str:
    """Return the ARN of a function of the account and Region at hand, by its name."""
    return replace(work.subject, function=function).arn


def _aliases(work: Work, function: str) -> list[Mapping[str, Any]]:
    pages = work.member.client("lambda").get_paginator("list_aliases").paginate(FunctionName=function)
    return [alias for page in pages for alias in page["Aliases"]]
