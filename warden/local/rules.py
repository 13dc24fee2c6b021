"""What EventBridge refuses about the targets of a rule.

What the engine gets wrong: any number of targets, several inputs for one, and targets of a rule that is not there.
AWS documentation: "Amazon EventBridge quotas" (targets per rule: 5) and the API references of PutTargets and
RemoveTargets.
"""

from collections.abc import Callable
from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import eventbridge

from warden.local.patching import replace

_MOST_TARGETS = 5
_INPUTS = ("Input", "InputPath", "InputTransformer")


def install() -> None:
    """Look at requests before the engine does."""
    replace(eventbridge, "_put_targets", _putting)
    replace(eventbridge, "_remove_targets", _removing)


def _putting(original: Callable[..., Any]) -> Callable[..., Any]:
    def put(data: dict[str, Any]) -> Any:
        targets = data.get("Targets") or []
        for target in targets:
            if len([name for name in _INPUTS if target.get(name)]) > 1:
                message = (
                    f"Only one of Input, InputPath, or InputTransformer must be provided for target {target['Id']}."
                )
                return error_response_json("ValidationException", message, 400)
        known = {target["Id"] for target in eventbridge._targets.get(_key(data)) or []}
        if len(known | {target["Id"] for target in targets}) > _MOST_TARGETS:
            message = "The requested resource exceeds the maximum number allowed."
            return error_response_json("LimitExceededException", message, 400)
        return original(data)

    return put


def _removing(original: Callable[..., Any]) -> Callable[..., Any]:
    def remove(data: dict[str, Any]) -> Any:
        if _key(data) not in eventbridge._rules:
            message = f"Rule {data.get('Rule')} does not exist on EventBus {data.get('EventBusName') or 'default'}."
            return error_response_json("ResourceNotFoundException", message, 400)
        return original(data)

    return remove


def _key(data: dict[str, Any]) -> Any:
    return eventbridge._rule_key(data.get("Rule"), data.get("EventBusName", "default"))
