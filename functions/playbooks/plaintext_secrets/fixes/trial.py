"""A test event that the deployment configured for a function: whether the function answers it."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase

from botocore.exceptions import BotoCoreError, ClientError

from functions.core.fix import Work

# A remediator has 60 seconds for all that it does, and a start takes up to ten of them.
_START_SECONDS = 10
_LONGEST = 25


def run(work: Work, timeout: int, qualifier: str = "$LATEST") -> str:
    """Invoke the function once with its test event; return how it failed, '' if it answered or was not asked.

    It is not asked where there is no event for it, where its own timeout of so many seconds is longer than there is
    time for, and where Lambda does not let it run. What it answers, and what its error says, may hold anything and is
    not carried.
    """
    event = next((e for p, e in work.settings["test_events"].items() if fnmatchcase(work.subject.function, p)), None)
    if event is None or timeout > _LONGEST:
        return ""
    client = work.member.client("lambda", patience=timeout + _START_SECONDS)
    try:
        answer = client.invoke(FunctionName=work.subject.arn, Qualifier=qualifier, Payload=json.dumps(event).encode())
    except ClientError as error:
        if error.response["Error"]["Code"] in ("AccessDeniedException", "ExpiredTokenException"):
            raise
        # Throttled, or stopped by a reserved concurrency of 0: nothing can be said about it.
        return ""
    except BotoCoreError:
        return "no answer in time"
    if not answer.get("FunctionError"):
        return ""
    try:
        kind = json.loads(answer["Payload"].read()).get("errorType")
    except (ValueError, AttributeError):
        kind = None
    return kind if isinstance(kind, str) and kind.replace(".", "").replace("_", "").isalnum() else "an error"
