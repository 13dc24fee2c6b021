"""Which secrets ListSecrets finds, and what it and DescribeSecret say of them.

What the engine gets wrong: it finds a value anywhere in a name and in any spelling, only whole keys and values of tags,
and passes over filters and negations that it does not know; it leaves out the KMS key, and shows fields that have no
value. AWS documentation: the Secrets Manager API references of ListSecrets, Filter, SecretListEntry and DescribeSecret
("only returns fields that have a value"). BatchGetSecretValue filters in the same way.
"""

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from ministack.core.responses import json_response
from ministack.services import secretsmanager

from warden.local.patching import replace

_WORD = re.compile(r"[^\s/+=._@-]+")

Json = dict[str, Any]


def install() -> None:
    """Put the corrections around the engine's filter and descriptions."""
    replace(secretsmanager, "_filter_secret_names", lambda _original: _found)
    replace(secretsmanager, "_list_secrets", _listing)
    replace(secretsmanager, "_describe_secret", _describing)


def _listing(original: Callable[[Json], Any]) -> Callable[[Json], Any]:
    def listed(data: Json) -> Any:
        answer = json.loads(original(data)[2])
        for entry in answer["SecretList"]:
            entry["KmsKeyId"] = secretsmanager._secrets[entry["Name"]].get("KmsKeyId")
        return json_response({**answer, "SecretList": [_with_values(one) for one in answer["SecretList"]]})

    return listed


def _describing(original: Callable[[Json], Any]) -> Callable[[Json], Any]:
    def describe(data: Json) -> Any:
        status, headers, body = original(data)
        return (status, headers, body) if status >= 300 else json_response(_with_values(json.loads(body)))

    return describe


def _with_values(shown: Json) -> Json:
    return {name: value for name, value in shown.items() if value not in (None, "", [])}


def _found(names: Sequence[str], filters: Sequence[Json]) -> list[str]:
    """The names of the secrets that pass every filter; one passes if any of its values fits."""
    return [
        name
        for name in names
        if all(
            any(_fits(one["Key"], value, secretsmanager._secrets[name]) for value in one.get("Values", []))
            for one in filters
        )
    ]


def _fits(key: str, value: str, secret: Json) -> bool:
    if value.startswith("!"):
        return not _fits(key, value[1:], secret)
    if key in ("description", "all"):
        texts = [secret.get("Description") or ""] if key == "description" else _texts(secret)
        return _has_words(value, texts)
    return any(text.startswith(value) for text in _attribute(key, secret))


def _attribute(key: str, secret: Json) -> list[str]:
    tags = secret.get("Tags") or []
    return {
        "name": [secret["Name"]],
        "tag-key": [tag["Key"] for tag in tags],
        "tag-value": [tag.get("Value", "") for tag in tags],
        "primary-region": [secret.get("_PrimaryRegion") or ""],
    }.get(key, [])


def _texts(secret: Json) -> list[str]:
    return [
        secret["Name"],
        secret.get("Description") or "",
        *_attribute("tag-key", secret),
        *_attribute("tag-value", secret),
    ]


def _has_words(value: str, texts: Sequence[str]) -> bool:
    """Whether each word of a value begins a word of the texts, in any spelling."""
    words = [word.lower() for text in texts for word in _WORD.findall(text)]
    wanted = [word.lower() for word in _WORD.findall(value)]
    return bool(wanted) and all(any(word.startswith(one) for word in words) for one in wanted)
