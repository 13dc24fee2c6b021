"""What the check needs beyond `GetFunction`: the setting, and where the guard is off, what it would do to events.

Lambda API reference: GetFunctionRecursionConfig, GetFunctionEventInvokeConfig; Lambda developer guide, "Use Lambda
recursive loop detection to prevent infinite loops" and "Capturing records of Lambda asynchronous invocations".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from functions.adapters.clock import now
from functions.adapters.errors import Meaning, trouble
from functions.core.fix import Member
from functions.core.intended import read_intended
from functions.core.snapshot import FunctionSnapshot
from functions.core.subject import Subject
from functions.playbooks.recursion_guard_off.known import ALLOW, Facts

# How AWS's front door answers what a Region's service does not have; the first one comes as a denial.
_NO_SUCH_OPERATION = ("Unable to determine service/operation name", "UnknownOperation")


def read(member: Member, snapshot: FunctionSnapshot, settings: Mapping[str, Any]) -> Facts:  # noqa: ARG001 - protocol
    """Read the setting, and no more where it is as it should be. Raises boto3's errors."""
    today = now().date()
    try:
        setting = recursive_loop(member, snapshot.subject)
    except ClientError as error:
        found = trouble(error)
        if any(sign in str(error) for sign in _NO_SUCH_OPERATION):
            return Facts(today)
        if found.meaning is not Meaning.REFUSED:
            raise
        return Facts(today, not_told=f"{found.code}: {found.text}")
    if setting != ALLOW or read_intended(snapshot.tags, today).holds:
        return Facts(today, setting)
    return Facts(today, setting, keeps_refused=keeps_refused(member, snapshot.subject))


def recursive_loop(member: Member, subject: Subject) -> str:
    """Return a function's `RecursiveLoop`, which is of the function as a whole. Raises boto3's errors."""
    return str(member.client("lambda").get_function_recursion_config(FunctionName=subject.arn)["RecursiveLoop"])


def keeps_refused(member: Member, subject: Subject) -> str:
    """Name what takes the asynchronous events that Lambda refuses the function, '' if nothing. Raises boto3's errors.

    A version's or an alias's own destination is not looked at: it takes only what is sent to that.
    """
    client = member.client("lambda")
    try:
        answer = client.get_function_event_invoke_config(FunctionName=subject.arn)
    except client.exceptions.ResourceNotFoundException:
        answer = {}
    destination = ((answer.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination")
    if destination:
        return f"the on-failure destination {destination}"
    configuration = client.get_function(FunctionName=subject.arn)["Configuration"]
    target = (configuration.get("DeadLetterConfig") or {}).get("TargetArn")
    return f"the dead-letter target {target}" if target else ""
