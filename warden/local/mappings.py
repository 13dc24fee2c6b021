"""Event source mappings between their states: Enabling, Disabling and Updating lead to Enabled and Disabled.

What the engine gets wrong: a change takes effect while the call is answered, and while batches that were read before
it are still under way. AWS documentation: the API references of UpdateEventSourceMapping and DeleteEventSourceMapping
(ResourceInUseException) and of EventSourceMappingConfiguration (``State``). Creating takes no time here.
"""

import json
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from ministack.core.concurrency import esm_wake
from ministack.core.responses import error_response_json, json_response
from ministack.services import lambda_svc

from warden.local.current import CURRENT
from warden.local.patching import replace
from warden.local.settings import Settings
from warden.local.timers import Timers

_POLLERS = ("_poll_sqs", "_poll_kinesis", "_poll_dynamodb_streams")
_SETTLED = ("Enabled", "Disabled")
_LOOK_AGAIN_SECONDS = 0.01


class MappingStates:
    """Moves mappings to Enabled and Disabled after the configured time; no batch is read any more when Disabled."""

    def __init__(self, settings: Settings, timers: Timers) -> None:
        self._settings = settings
        self._timers = timers
        self._lock = threading.Lock()
        # Passes of the pollers, which run one after another: how many have begun and how many have ended.
        self._begun = 0
        self._ended = 0

    def install(self) -> None:
        """Put the states around the engine's operations and count the passes of its pollers."""
        for name in _POLLERS:
            replace(lambda_svc, name, self._counting)
        replace(lambda_svc, "_update_esm", self._updating)
        replace(lambda_svc, "_delete_esm", _refusing)

    def _counting(self, original: Callable[[], bool]) -> Callable[[], bool]:
        def poll() -> bool:
            with self._lock:
                self._begun += 1
            try:
                return bool(original())
            finally:
                with self._lock:
                    self._ended += 1

        return poll

    def _updating(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def update(identifier: str, data: dict[str, Any]) -> Any:
            if refused := _in_use(identifier):
                return refused
            was = (lambda_svc._esms.get(identifier) or {}).get("Enabled")
            answer = original(identifier, data)
            if answer[0] >= 300:
                return answer
            now = lambda_svc._esms[identifier]["Enabled"]
            return self._begin(answer, "Updating" if was == now else "Enabling" if now else "Disabling")

        return update

    def _begin(self, answer: Any, state: str) -> Any:
        """Start a transition to what the engine has just made of the mapping, and answer with its state."""
        mapping = lambda_svc._esms[json.loads(answer[2])["UUID"]]
        wanted = bool(mapping["Enabled"])
        mapping |= {"State": state, "Enabled": wanted and state == "Updating"}
        settle = partial(self._settle, mapping["UUID"], begun=self._begun, enabled=wanted)
        self._timers.after(self._settings.mapping_seconds, settle)
        return json_response(lambda_svc._esm_response(mapping), 202)

    def _settle(self, identifier: str, *, begun: int, enabled: bool) -> None:
        """End a transition, if nothing that was read before it is still under way."""
        mapping = lambda_svc._esms.get(identifier)
        if mapping is None:
            return
        # In this order: a pass counts its batches as in flight before it ends.
        if not enabled and (self._ended < begun or lambda_svc._esm_inflight.get(identifier)):
            again = partial(self._settle, identifier, begun=begun, enabled=enabled)
            self._timers.after(_LOOK_AGAIN_SECONDS, again)
            return
        mapping |= {"State": "Enabled" if enabled else "Disabled", "Enabled": enabled}
        esm_wake.set()


def _refusing(original: Callable[..., Any]) -> Callable[..., Any]:
    return lambda identifier: _in_use(identifier) or original(identifier)


def _in_use(identifier: str) -> Any:
    """The refusal of a change to a mapping that is changing already, or None. CloudFormation would have waited."""
    current, mapping = CURRENT.get(), lambda_svc._esms.get(identifier)
    if current is None or current.operation.service != "lambda" or mapping is None or mapping["State"] in _SETTLED:
        return None
    verb = "delete" if current.operation.name.startswith("Delete") else "update"
    message = f"Cannot {verb} the event source mapping because it is in use."
    return error_response_json("ResourceInUseException", message, 400)
