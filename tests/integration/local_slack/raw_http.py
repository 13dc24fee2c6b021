"""HTTP without a client library's opinions."""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from warden.local.slack import LocalSlack

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)


def fetch(
    slack: LocalSlack,
    path: str,
    body: bytes | str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """GET `path`, or POST `body` to it. A `Host` among the headers replaces the true one."""
    connection = http.client.HTTPConnection("127.0.0.1", slack.port, timeout=10)
    try:
        connection.request("GET" if body is None else "POST", path, body, dict(headers or {}))
        response = connection.getresponse()
        return Answer(response.status, dict(response.getheaders()), response.read())
    finally:
        connection.close()


def control(slack: LocalSlack, command: str, **arguments: Any) -> Answer:
    """POST /_warden/`command`."""
    return fetch(slack, f"/_warden/{command}", json.dumps(arguments), JSON)
