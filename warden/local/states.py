"""Function states: Pending while a function is created, InProgress while it is updated, and what both forbid.

What the engine gets wrong: an update makes the whole function Pending, nothing is refused meanwhile, and every change
keeps a thread asleep for half a second. AWS documentation: "Lambda function states".
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from ministack.core.arn import parse_arn
from ministack.core.responses import error_response_json, get_account_id, get_region, new_uuid
from ministack.services import lambda_svc

from warden.local.current import CURRENT
from warden.local.patching import replace
from warden.local.settings import Settings
from warden.local.timers import Timers

# Refused while the function is Pending: calls that act on the function itself.
_NEEDS_ACTIVE = (
    "_update_code", "_update_config", "_publish_version", "_put_function_concurrency", "_delete_function_concurrency",
    "_put_function_recursion_config", "_put_event_invoke_config", "_put_provisioned_concurrency", "_create_alias",
    "_update_alias", "_create_function_url_config", "_update_function_url_config", "_add_permission",
    "_remove_permission",
)  # fmt: skip
# Refused as well while an update is in progress.
_NEEDS_UPDATED = ("_update_code", "_update_config", "_publish_version")


class FunctionStates:
    """Moves functions from Pending to Active and from InProgress to Successful, after the configured time."""

    def __init__(self, settings: Settings, timers: Timers) -> None:
        self._settings = settings
        self._timers = timers

    def install(self) -> None:
        """Replace the engine's transitions and guard what changes a function."""
        replace(lambda_svc, "_schedule_state_transition", lambda _original: self._schedule)
        for name in _NEEDS_ACTIVE:
            replace(lambda_svc, name, partial(_guarded, updated=name in _NEEDS_UPDATED))
        for name in ("_tag_resource", "_untag_resource"):
            replace(lambda_svc, name, _guarded_by_arn)
        replace(lambda_svc, "_invoke", _guarded_invoke)

    def _schedule(self, name: str, _delay: float) -> None:
        function = lambda_svc._functions.get(name)
        if function is None:
            return
        config = function["config"]
        is_update = config.get("StateReasonCode") == "Updating"
        if is_update:
            config |= {"State": "Active", "StateReason": None, "StateReasonCode": None}
            config |= {
                "LastUpdateStatusReason": "The function is being created.",
                "LastUpdateStatusReasonCode": "Creating",
            }
        else:
            for member in ("LastUpdateStatus", "LastUpdateStatusReason", "LastUpdateStatusReasonCode"):
                config.pop(member, None)
        revision = config["RevisionId"]
        seconds = self._settings.update_seconds if is_update else self._settings.pending_seconds
        self._timers.after(seconds, lambda: _settle(name, revision))


def _settle(name: str, revision: str) -> None:
    """Make a function ready, unless a later change has started its own transition. The revision changes once more."""
    function = lambda_svc._functions.get(name)
    if function is None or function["config"]["RevisionId"] != revision:
        return
    for config in [function["config"], *(one["config"] for one in function["versions"].values())]:
        if config.get("Version") != "$LATEST" and (config.get("SnapStart") or {}).get("OptimizationStatus") == "On":
            continue
        config |= {"State": "Active", "LastUpdateStatus": "Successful"}
        for member in ("StateReason", "StateReasonCode", "LastUpdateStatusReason", "LastUpdateStatusReasonCode"):
            config.pop(member, None)
    function["config"]["RevisionId"] = new_uuid()


def _conflict(name: str, *, updated: bool) -> Any:
    """The 409 of a function that is not ready, or None. CloudFormation calls from inside, and would have waited."""
    current = CURRENT.get()
    if current is None or current.operation.service != "lambda":
        return None
    config = (lambda_svc._functions.get(name) or {}).get("config", {})
    if config.get("State") == "Pending":
        reason = "The function is currently in the following state: Pending"
    elif updated and config.get("LastUpdateStatus") == "InProgress":
        arn = f"arn:aws:lambda:{get_region()}:{get_account_id()}:function:{name}"
        reason = f"An update is in progress for resource: {arn}"
    else:
        return None
    message = f"The operation cannot be performed at this time. {reason}"
    return error_response_json("ResourceConflictException", message, 409)


def _guarded(original: Callable[..., Any], *, updated: bool) -> Callable[..., Any]:
    def guarded(name: str, *args: Any, **kwargs: Any) -> Any:
        return _conflict(name, updated=updated) or original(name, *args, **kwargs)

    return guarded


def _guarded_by_arn(original: Callable[..., Any]) -> Callable[..., Any]:
    def guarded(arn: str, *args: Any) -> Any:
        found = None
        if ":function:" in arn:
            found = _conflict(parse_arn(arn).resource.split(":")[1], updated=True)
        return found or original(arn, *args)

    return guarded


def _guarded_invoke(original: Callable[..., Any]) -> Callable[..., Any]:
    async def invoke(name: str, *args: Any, **kwargs: Any) -> Any:
        return _conflict(name, updated=False) or await original(name, *args, **kwargs)

    return invoke
