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


ANSWERS = "def handler(event, context):\n    return 'ok'\n"
# Answers with digests, so that what a variable holds is in no answer and can be compared all the same.
TELLS_DIGESTS = """
import hashlib, os

def handler(event, context):
    return {name: hashlib.sha256(os.environ.get(name, "").encode()).hexdigest() for name in event["variables"]}
"""


def create_function(
    cloud: Cloud,
    account: str,
    name: str,
    tags: Mapping[str, str],
    *,
    source: str = ANSWERS,
    variables: Mapping[str, str] | None = None,
) -> float:
    """Create a function by a real API call, as a developer would; return when that call began (monotonic seconds)."""
    role = _execution_role(cloud, account)
    client = cloud.client("lambda", account)
    started = time.monotonic()
    client.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=role,
        Handler="app.handler",
        Code={"ZipFile": code(source)},
        Tags=dict(tags),
        Environment={"Variables": dict(variables or {})},
    )
    return started


@cache
def code(source: str = ANSWERS) -> bytes:
    """Return a deployment package of one module."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("app.py", source)
    return buffer.getvalue()


def _execution_role(cloud: Cloud, account: str) -> str:
    iam = cloud.client("iam", account)
    try:
        arn: str = iam.get_role(RoleName="app")["Role"]["Arn"]
    except iam.exceptions.NoSuchEntityException:
        arn = iam.create_role(RoleName="app", AssumeRolePolicyDocument=json.dumps(_TRUST))["Role"]["Arn"]
    return arn
