"""Lambda operations that the engine lacks, or answers differently from AWS.

Missing there: UpdateFunctionEventInvokeConfig and ListProvisionedConcurrencyConfigs. Different: GetPolicy shows the
statements of other qualifiers and an empty policy where AWS has none, and a policy has no revision of its own. AWS
documentation: the API references of these operations and of AddPermission, RemovePermission and GetPolicy.
"""

import json
from collections.abc import Callable
from typing import Any

from ministack.core.responses import error_response_json, get_account_id, get_region, json_response, new_uuid
from ministack.services import lambda_svc

from warden.local.current import CURRENT
from warden.local.patching import replace
from warden.local.permissions import function_arn


def install() -> None:
    """Answer these operations before the engine's own routes see them."""
    replace(lambda_svc, "handle_request", _handling)
    replace(lambda_svc, "_get_policy", lambda _original: get_policy)
    for name in ("_add_permission", "_remove_permission"):
        replace(lambda_svc, name, _revising)


def _handling(original: Callable[..., Any]) -> Callable[..., Any]:
    async def handle(*request: Any) -> Any:
        current = CURRENT.get()
        answer = _ANSWERS.get(str(current.operation)) if current else None
        return answer(current.operation.parameters) if answer and current else await original(*request)

    return handle


def _function(name: str) -> tuple[dict[str, Any] | None, str]:
    """(record, ARN without qualifier) of a function given by name or ARN."""
    arn = ":".join(function_arn(name, get_account_id(), get_region()).split(":")[:7])
    found = lambda_svc._functions.get(arn.rsplit(":", 1)[1])
    return found, arn


def _not_found(message: str) -> Any:
    return error_response_json("ResourceNotFoundException", message, 404)


def _update_event_invoke_config(given: dict[str, Any]) -> Any:
    """Change only what is given; unlike Put, which replaces."""
    function, arn = _function(given["FunctionName"])
    qualifier = given.get("Qualifier")
    existing = lambda_svc._event_invoke_config(function, qualifier) if function else None
    if not existing:
        return _not_found(f"The function {arn}{f':{qualifier}' if qualifier else ''} doesn't have an EventInvokeConfig")
    members = ("MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig")
    merged = {name: existing[name] for name in members if name in existing} | {
        name: given[name] for name in members if name in given
    }
    return lambda_svc._put_event_invoke_config(arn.rsplit(":", 1)[1], qualifier, merged)


def _list_provisioned(given: dict[str, Any]) -> Any:
    function, arn = _function(given["FunctionName"])
    if function is None:
        return _not_found(f"Function not found: {arn}")
    configs = (function.get("provisioned_concurrency") or {}).items()
    found = [{"FunctionArn": f"{arn}:{qualifier}", **config} for qualifier, config in configs]
    return json_response({"ProvisionedConcurrencyConfigs": found})


_ANSWERS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "lambda:UpdateFunctionEventInvokeConfig": _update_event_invoke_config,
    "lambda:ListProvisionedConcurrencyConfigs": _list_provisioned,
}


def get_policy(name: str, query: dict[str, Any] | None = None, path_qualifier: str | None = None) -> Any:
    """GetPolicy: only the statements of the function or of the named version or alias; none is a 404."""
    qualifier = lambda_svc._qualifier_from_path_or_query(path_qualifier, query)
    function, arn = _function(name)
    if function is None or not lambda_svc._function_qualifier_exists(function, qualifier):
        return _not_found(f"Function not found: {arn}")
    resource = f"{arn}:{qualifier}" if qualifier else arn
    statements = [one for one in function["policy"]["Statement"] if one.get("Resource") == resource]
    if not statements:
        return _not_found("The resource you requested does not exist.")
    policy = {"Version": "2012-10-17", "Id": "default", "Statement": statements}
    return json_response({"Policy": json.dumps(policy), "RevisionId": _revision(function)})


def _revision(function: dict[str, Any]) -> str:
    return str(function.setdefault("policy_revision", new_uuid()))


def _revising(original: Callable[..., Any]) -> Callable[..., Any]:
    """AddPermission and RemovePermission: refuse a stale RevisionId, and make a new one."""

    def change(name: str, *args: Any, **kwargs: Any) -> Any:
        function = lambda_svc._functions.get(name)
        current = CURRENT.get()
        given = current.operation.parameters.get("RevisionId") if current else None
        if function is not None and given and given != _revision(function):
            message = "The Revision Id provided does not match the latest Revision Id."
            return error_response_json("PreconditionFailedException", message, 412)
        answer = original(name, *args, **kwargs)
        if function is not None and answer[0] < 300:
            function["policy_revision"] = new_uuid()
        return answer

    return change
