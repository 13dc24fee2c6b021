"""What AWS's errors mean to us: who must act on them, and whether trying again can help."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
)

AWS_ERRORS = (ClientError, BotoCoreError)
"""Everything that boto3 raises for a call."""

# Lambda quotes every variable with its value in the error about the 4 KB limit.
_QUOTES_VALUES = re.compile(r":? *String measured:.*", re.DOTALL)
_ACTION = re.compile(r"perform: (?P<action>[\w-]+:\w+)(?: on resource: (?P<resource>\S+))?")


class TryLater(Exception):
    """Not now: the message is to be looked at again. `first` is the first delay in seconds; it doubles up to `cap`.

    `uncertain` says that what was asked for may have happened all the same: the answer was lost.
    """

    def __init__(self, because: str, first: float = 1, cap: int = 300, *, uncertain: bool = False) -> None:
        super().__init__(because)
        self.because, self.first, self.cap, self.uncertain = because, first, cap, uncertain


class Meaning(StrEnum):
    """What kind of trouble an error is."""

    DENIED = "denied"
    MISSING = "missing"
    BUSY = "busy"
    LATER = "later"
    CONDITION = "condition"
    REFUSED = "refused"


@dataclass(frozen=True)
class Trouble:
    """An AWS error in our words. `action` and `resource` are set for DENIED where AWS names them."""

    meaning: Meaning
    code: str
    text: str
    action: str = ""
    resource: str = ""


_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorizedException"}
STALE = {
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "RequestExpired",
    "UnrecognizedClientException",
}
"""The session is no longer valid, as when a role was replaced: a new one may be."""
_MISSING = {"ResourceNotFoundException", "ResourceNotFound", "NoSuchEntity", "NotFoundException"}
_BUSY = {"ResourceConflictException", "ResourceInUseException"}
_LATER = STALE | {
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestTimeout",
    "RequestTimeoutException",
    "ServiceException",
    "ServiceUnavailable",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionInProgressException",
}
_CONDITION = {"ConditionalCheckFailedException", "PreconditionFailedException"}


def trouble(error: ClientError | BotoCoreError) -> Trouble:
    """Classify an error of boto3; what is not known counts as refused, except server errors and lost answers."""
    if isinstance(error, ParamValidationError):
        # Its text quotes what was given, and it would be refused again.
        return Trouble(Meaning.REFUSED, "ParamValidationError", "a value is of a kind that the API does not take")
    if not isinstance(error, ClientError):
        final = isinstance(error, NoCredentialsError | PartialCredentialsError)
        return Trouble(Meaning.REFUSED if final else Meaning.LATER, type(error).__name__, str(error))
    code = str(error.response.get("Error", {}).get("Code", ""))
    text = _QUOTES_VALUES.sub(": (left out)", str(error.response.get("Error", {}).get("Message", ""))) or code
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") or 0)
    if code in _DENIED or (status == 403 and code not in _CONDITION | STALE):
        match = _ACTION.search(text)
        action = match["action"] if match else f"{error.operation_name}"
        return Trouble(Meaning.DENIED, code, text, action, (match["resource"] or "") if match else "")
    for codes, meaning in ((_MISSING, Meaning.MISSING), (_BUSY, Meaning.BUSY), (_CONDITION, Meaning.CONDITION)):
        if code in codes:
            return Trouble(meaning, code, text)
    if code in _LATER or status == 429 or status >= 500:
        return Trouble(Meaning.LATER, code, text)
    return Trouble(Meaning.REFUSED, code, text)
