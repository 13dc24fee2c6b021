"""Where what a function could not be invoked for goes: its on-failure destination, one for each qualifier.

Lambda API reference: PutFunctionEventInvokeConfig overwrites everything, UpdateFunctionEventInvokeConfig changes only
what it is given and needs a configuration to be there. There is no revision to compare, so the destination is read
before; the other one (OnSuccess), the number of retries and the age of events stay as they are. Developer guide,
"Capturing records of Lambda asynchronous invocations": an alias has a configuration of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from functions.core.fix import Change, ChangedMeanwhile, NotVerified, NotYet, Undone, Work
from functions.playbooks.recursive_loop.fixes.fields import taken
from functions.playbooks.recursive_loop.fixes.patience import waiting

SETTING = "on-failure destination of"
_RETRIES, _AGE = "MaximumRetryAttempts", "MaximumEventAgeInSeconds"
_DEFAULTS = {_RETRIES: 2, _AGE: 21_600}


def plan(work: Work, function: str, queue: str) -> Change:
    """Return the step that has a queue, by its ARN, keep what a function is invoked for and cannot do.

    `function` is an ARN, with the version or alias that is invoked if any.
    """
    label = label_of(function)
    return Change(f"{SETTING} {label}", _state(read(work, label)), {"OnFailure": queue})


def label_of(function: str) -> str:
    """Return the name of a function, by its ARN, with its version or alias; $LATEST is the function itself."""
    return ":".join(function.split(":")[6:]).removesuffix(":$LATEST")


def read(work: Work, label: str) -> Mapping[str, Any] | None:
    """Return the configuration for asynchronous invocation, None if there is none."""
    try:
        answer: Mapping[str, Any] = work.member.client("lambda").get_function_event_invoke_config(**_named(label))
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return None
    return answer


def destination(config: Mapping[str, Any] | None, when: str) -> str | None:
    """Return the ARN of a configuration's destination; `when` is OnSuccess or OnFailure."""
    found = ((config or {}).get("DestinationConfig") or {}).get(when) or {}
    return found.get("Destination") or None


def set_destination(work: Work, label: str, config: Mapping[str, Any] | None, when: str, target: str | None) -> None:
    """Change one destination of a configuration as it was read, or take it away; the rest of it stays."""
    destinations = {one: arn for one in ("OnSuccess", "OnFailure") if (arn := destination(config, one))}
    destinations.pop(when, None)
    if target is not None:
        destinations[when] = target
    client, named = work.member.client("lambda"), _named(label)
    wanted = {"DestinationConfig": {one: {"Destination": arn} for one, arn in destinations.items()}}
    if config is not None and target is not None:
        client.update_function_event_invoke_config(**named, **wanted)
        return
    # To leave something out is what takes it away, so everything else has to be said again.
    rest = taken(client, "PutFunctionEventInvokeConfig", config or {}) | wanted
    client.put_function_event_invoke_config(**named, **{key: value for key, value in rest.items() if value != {}})


def apply(work: Work, change: Change) -> None:
    """Set the destination; Lambda looks whether the role may send there. Raises `ChangedMeanwhile`, `NotYet`."""
    label = _label(change)
    config = read(work, label)
    state, wanted = _state(config), change.after["OnFailure"]
    if state["OnFailure"] == wanted:
        return
    if state != change.before:
        is_now = state["OnFailure"] or "not set"
        raise ChangedMeanwhile(f"{change.setting} is {is_now}, as somebody set it meanwhile; it was left so")
    try:
        set_destination(work, label, config, "OnFailure", wanted)
    except ClientError as error:
        if error.response["Error"]["Code"] != "InvalidParameterValueException" or not waiting(work):
            raise
        raise NotYet(f"Lambda does not take {change.setting} yet: {error.response['Error']['Message']}") from None


def verify(work: Work, change: Change) -> None:
    """Read the destination back."""
    now = destination(read(work, _label(change)), "OnFailure")
    if now != change.after["OnFailure"]:
        raise NotVerified(f"{change.setting} is {now or 'not set'}")


def undo(work: Work, change: Change) -> Undone:
    """Put back what was there; a configuration that was made for this is deleted if nobody added anything to it."""
    label = _label(change)
    config = read(work, label)
    now = destination(config, "OnFailure")
    if config is None and change.before["configured"]:
        return Undone(kept=(f"{change.setting}: somebody deleted its configuration since",))
    if now == change.before["OnFailure"]:
        return Undone(restored=(change,))
    if now != change.after["OnFailure"]:
        return Undone(kept=(f"{change.setting} is {now or 'not set'}, as somebody set it since",))
    if not change.before["configured"] and _nothing_else(config):
        work.member.client("lambda").delete_function_event_invoke_config(**_named(label))
    else:
        set_destination(work, label, config, "OnFailure", change.before["OnFailure"])
    return Undone(restored=(change,))


def _nothing_else(config: Mapping[str, Any] | None) -> bool:
    """Whether a configuration does nothing beside its on-failure destination; defaults may be shown or not."""
    given = config or {}
    same = all(given.get(key, default) == default for key, default in _DEFAULTS.items())
    return same and destination(config, "OnSuccess") is None


def _state(config: Mapping[str, Any] | None) -> dict[str, Any]:
    return {"configured": config is not None, "OnFailure": destination(config, "OnFailure")}


def _named(label: str) -> dict[str, str]:
    name, _, qualifier = label.partition(":")
    return {"FunctionName": name} | ({"Qualifier": qualifier} if qualifier else {})


def _label(change: Change) -> str:
    return change.setting.removeprefix(f"{SETTING} ")
