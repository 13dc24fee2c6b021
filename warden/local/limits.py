"""Lambda's limits: concurrency of an account and of a function, the unreserved floor, size and names of variables.

What the engine gets wrong: one concurrency limit for all accounts together, no floor, environment variables of any
size and name. AWS documentation: "Lambda quotas", "Understanding Lambda function scaling", "Configuring reserved
concurrency for a function", "Working with Lambda environment variables" and the API reference of GetAccountSettings.
"""

import json
import re
import threading
from collections.abc import Callable
from typing import Any

from ministack.core.responses import error_response_json, get_account_id
from ministack.services import cloudwatch, lambda_svc

from warden.local.patching import replace
from warden.local.settings import Settings

_VARIABLE = re.compile(r"[a-zA-Z]\w+")
_VARIABLES_BYTES = 4096
_UNABLE = (
    "Lambda was unable to configure your environment variables because the environment variables you have provided"
)
_RESERVED_NAMES = {
    "_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR",
    "AWS_LAMBDA_MAX_CONCURRENCY", "AWS_LAMBDA_METADATA_API", "AWS_LAMBDA_METADATA_TOKEN",
}  # fmt: skip


class Limits:
    """Concurrency by account and Region; functions with a reservation have their own part of it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        # Executions in flight by "account:region:function", of functions with and without a reservation.
        self._unreserved: dict[str, int] = {}

    def install(self) -> None:
        """Replace the engine's accounting and guard what sets limits and variables."""
        replace(lambda_svc, "_acquire_execution_slot", self._acquiring)
        replace(lambda_svc, "_release_execution_slot", self._releasing)
        replace(lambda_svc, "_get_account_settings", self._account_settings)
        replace(lambda_svc, "_put_function_concurrency", self._putting_concurrency)
        replace(lambda_svc, "_create_function", _checking_variables)
        replace(lambda_svc, "_update_config", _checking_variables_of_update)

    def unreserved(self, account: str) -> int:
        """What the account's reservations in the current Region leave."""
        return self._settings.limit_of(account) - _reserved_sum()

    # Settings of an account and a function.

    def _account_settings(self, original: Callable[[], Any]) -> Callable[[], Any]:
        def answer() -> Any:
            status, headers, body = original()
            account = get_account_id()
            found = json.loads(body)
            found["AccountLimit"]["ConcurrentExecutions"] = self._settings.limit_of(account)
            found["AccountLimit"]["UnreservedConcurrentExecutions"] = self.unreserved(account)
            return status, headers, json.dumps(found).encode()

        return answer

    def _putting_concurrency(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def put(name: str, data: dict[str, Any]) -> Any:
            wanted = data.get("ReservedConcurrentExecutions")
            if not isinstance(wanted, int) or isinstance(wanted, bool) or wanted < 0:
                return _invalid("ReservedConcurrentExecutions must be a whole number of at least 0")
            function = lambda_svc._functions.get(name)
            if function is None:
                return original(name, data)
            account, current = get_account_id(), function.get("concurrency") or 0
            floor = self._settings.floor_of(account)
            # Lowering a reservation only ever frees concurrency.
            if wanted > current and self.unreserved(account) + current - wanted < floor:
                return _invalid(
                    "Specified ReservedConcurrentExecutions for function decreases account's "
                    f"UnreservedConcurrentExecution below its minimum value of [{floor}]."
                )
            if wanted < sum(_provisioned(function)):
                return _invalid(
                    "Specified ReservedConcurrentExecutions for function is less than its provisioned concurrency."
                )
            return original(name, data)

        return put

    # Executions.

    def _acquiring(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def acquire(record: dict[str, Any], config: dict[str, Any]) -> Any:
            key = lambda_svc._inflight_key(config)
            account = key.split(":")[0]
            # A version's record carries no reservation: it is the function's, shared by all versions.
            function = lambda_svc._functions.get(config.get("FunctionName", "")) or record
            reserved = lambda_svc._reserved_concurrency(function, {})
            place = ":".join(key.split(":")[:2])
            if reserved is None:
                with self._lock:
                    if self._unreserved.get(place, 0) >= self.unreserved(account):
                        return None, "account"
                    self._unreserved[place] = self._unreserved.get(place, 0) + 1
            slot, limit = original({**record, "concurrency": reserved}, config)
            if slot is None:
                return None, limit
            _measure(config, lambda_svc.executions_in_flight()[1].get(key, 0))
            return (slot, place if reserved is None else ""), None

        return acquire

    def _releasing(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def release(held: tuple[str, str]) -> None:
            slot, place = held
            original(slot)
            if place:
                with self._lock:
                    self._unreserved[place] = max(0, self._unreserved.get(place, 0) - 1)

        return release


def _reserved_sum() -> int:
    return sum(int(function.get("concurrency") or 0) for function in lambda_svc._functions.values())


def _provisioned(function: dict[str, Any]) -> list[int]:
    configs = (function.get("provisioned_concurrency") or {}).values()
    return [int(one.get("RequestedProvisionedConcurrentExecutions", 0)) for one in configs]


def _measure(config: dict[str, Any], in_flight: int) -> None:
    name = config.get("FunctionName", "")
    for dimensions in ({"FunctionName": name}, {}):
        cloudwatch.record_metric("AWS/Lambda", "ConcurrentExecutions", in_flight, "Count", dimensions)


def _checking_variables(original: Callable[..., Any]) -> Callable[..., Any]:
    def create(data: dict[str, Any]) -> Any:
        return _variables_error(data) or original(data)

    return create


def _checking_variables_of_update(original: Callable[..., Any]) -> Callable[..., Any]:
    def update(name: str, data: dict[str, Any]) -> Any:
        return _variables_error(data) or original(name, data)

    return update


def _variables_error(data: dict[str, Any]) -> Any:
    """The refusal of a request's environment variables, or None."""
    variables = (data.get("Environment") or {}).get("Variables") or {}
    if reserved := sorted(_RESERVED_NAMES & set(variables)):
        return _invalid(
            f"{_UNABLE} contains reserved keys that are currently not supported for modification. "
            f"Reserved keys used in this request: {', '.join(reserved)}"
        )
    for name in variables:
        if not _VARIABLE.fullmatch(name):
            return _invalid(
                "1 validation error detected: Value at 'environment.variables' failed to satisfy constraint: "
                "Map keys must satisfy constraint: [Member must satisfy regular expression pattern: "
                f"[a-zA-Z]([a-zA-Z0-9_])+] ({name})"
            )
    measured = json.dumps(variables, separators=(",", ":"), ensure_ascii=False)
    if len(measured.encode()) > _VARIABLES_BYTES:
        return _invalid(f"{_UNABLE} exceeded the 4KB limit. String measured: {measured}")
    return None


def _invalid(message: str) -> Any:
    return error_response_json("InvalidParameterValueException", message, 400)
