"""Functions for the demo and the tests: the smallest that Lambda takes."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from warden.local.cloud import Cloud

_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}],
}


def create_function(cloud: Cloud, account: str, name: str, tags: Mapping[str, str]) -> float:
    """Create a function by a real API call, as a developer would; return when that call began (monotonic seconds)."""
    role = _execution_role(cloud, account)
    client = cloud.client("lambda", account)
    started = time.monotonic()
    client.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=role,
        Handler="app.handler",
        Code={"ZipFile": code()},
        Tags=dict(tags),
    )
    return started


@cache
def code() -> bytes:
    """Return a deployment package whose handler answers at once."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("app.py", "def handler(event, context):\n    return 'ok'\n")
    return buffer.getvalue()


def _execution_role(cloud: Cloud, account: str) -> str:
    iam = cloud.client("iam", account)
    try:
        arn: str = iam.get_role(RoleName="app")["Role"]["Arn"]
    except iam.exceptions.NoSuchEntityException:
        arn = iam.create_role(RoleName="app", AssumeRolePolicyDocument=json.dumps(_TRUST))["Role"]["Arn"]
    return arn
