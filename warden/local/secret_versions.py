"""What a version of a secret holds, and which label finds which version.

What the engine gets wrong: a version may hold two values or none; a label that is given to a version stays on others
too, and is forgotten when AWSCURRENT is given with it; the first version need not be current; a version is found by its
id although it has not the label that was asked for besides. AWS documentation: the Secrets Manager API references of
PutSecretValue ("VersionStages", "SecretBinary"), CreateSecret, UpdateSecret and GetSecretValue.
"""

import json
from collections.abc import Callable
from typing import Any

from ministack.core.responses import error_response_json, json_response
from ministack.services import secretsmanager

from warden.local.patching import replace

_CURRENT = "AWSCURRENT"

Json = dict[str, Any]
Handler = Callable[[Json], Any]


def install() -> None:
    """Put the corrections around the operations, after those of `warden.local.secrets`, which know request tokens."""
    for name in ("_create_secret", "_update_secret"):
        replace(secretsmanager, name, _holding_one_value)
    replace(secretsmanager, "_put_secret_value", _labelling)
    replace(secretsmanager, "_get_secret_value", _finding_by_both)


def _holding_one_value(original: Handler) -> Handler:
    return lambda data: _two_values(data) or original(data)


def _labelling(original: Handler) -> Handler:
    def put(data: Json) -> Any:
        secret = _live(data)
        if secret is None or secretsmanager._is_replica(secret):
            return original(data)
        if refused := _two_values(data) or _no_value(data):
            return refused
        if data.get("ClientRequestToken") in secret["Versions"]:
            return original(data)
        labels = list(dict.fromkeys(data.get("VersionStages") or [_CURRENT]))
        if not secret["Versions"] and _CURRENT not in labels:
            labels.append(_CURRENT)
        status, headers, body = original({**data, "VersionStages": labels})
        if status >= 300:
            return status, headers, body
        answer = json.loads(body)
        for label in labels:
            secretsmanager._remove_stage_everywhere(secret, label, except_version_id=answer["VersionId"])
            secretsmanager._add_stage(secret, answer["VersionId"], label)
        return json_response({**answer, "VersionStages": list(secret["Versions"][answer["VersionId"]]["Stages"])})

    return put


def _finding_by_both(original: Handler) -> Handler:
    def read(data: Json) -> Any:
        secret, label = _live(data), data.get("VersionStage")
        version = secret["Versions"].get(data.get("VersionId")) if secret else None
        if version and label and label not in version["Stages"]:
            return _invalid("You provided a VersionStage that is not associated to the provided VersionId.")
        return original(data)

    return read


def _live(data: Json) -> Json | None:
    _, secret = secretsmanager._resolve(data.get("SecretId"))
    return secret if secret and not secret.get("DeletedDate") else None


def _two_values(data: Json) -> Any:
    if data.get("SecretString") is None or data.get("SecretBinary") is None:
        return None
    message = "You can't specify both a binary secret value and a string secret value in the same secret."
    return error_response_json("InvalidParameterException", message, 400)


def _no_value(data: Json) -> Any:
    if data.get("SecretString") is None and data.get("SecretBinary") is None:
        return _invalid("You must provide either SecretString or SecretBinary.")
    return None


def _invalid(message: str) -> Any:
    return error_response_json("InvalidRequestException", message, 400)
