"""AWS's command line, as far as the documentation uses it: the same words, sent through boto3.

The names of options are the members of the operation's input in AWS's own model, so an option that AWS does not know,
or a value of another type, is an error here as well (AWS CLI user guide, "Specifying parameter values").
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

from botocore import xform_name

# What the command line itself understands; none of it reaches AWS.
_ITS_OWN = {"--cli-binary-format", "--output", "--query", "--region"}


def run_aws(command: str, client_of: Callable[[str], Any], folder: Path) -> dict[str, Any]:
    """Send what a command says; return AWS's answer. `file://` is relative to `folder`."""
    program, service, operation, *words = shlex.split(command)
    assert program == "aws"
    client = client_of(service)
    model = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[operation.replace("-", "_")])
    members = {"--" + xform_name(name, "-"): (name, shape) for name, shape in model.input_shape.members.items()}
    arguments: dict[str, Any] = {}
    for option, values in _options(words):
        if option in _ITS_OWN:
            continue
        name, shape = members[option]
        arguments[name] = _value(shape.type_name, values, folder)
    answer: dict[str, Any] = getattr(client, operation.replace("-", "_"))(**arguments)
    return answer


def _options(words: list[str]) -> list[tuple[str, list[str]]]:
    found: list[tuple[str, list[str]]] = []
    for word in words:
        if word.startswith("--"):
            found.append((word, []))
        else:
            found[-1][1].append(word)
    return found


def _value(kind: str, words: list[str], folder: Path) -> Any:
    # Only `lambda invoke` has a word that belongs to no option: the file for the answer, after the last one.
    text = words[0]
    if text.startswith("file://"):
        text = (folder / text.removeprefix("file://")).read_text()
    match kind:
        case "list":
            return json.loads(text) if text.startswith("[") else words
        case "structure" | "map":
            return json.loads(text)
        case "integer" | "long":
            return int(text)
        case "blob":
            return text.encode()
        case _:
            return text
