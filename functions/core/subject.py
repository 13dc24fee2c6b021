"""What a finding is about: a function, or an account as a whole, in one Region."""

from __future__ import annotations

import re
from dataclasses import dataclass

# [0-9], not \d: that takes the digits of every script.
ACCOUNT = re.compile(r"[0-9]{12}")
REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}")
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,140}")
_QUALIFIER = re.compile(r"\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9_-]{1,128}")
_FUNCTION_ARN = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):lambda:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12}):function:"
    r"(?P<name>[^:]+)(:(?P<qualifier>[^:]+))?"
)
_PARTIAL_ARN = re.compile(r"(?P<account>[0-9]{12}):function:(?P<name>[^:]+)(:(?P<qualifier>[^:]+))?")


class NotAFunction(ValueError):
    """The text names no Lambda function."""


@dataclass(frozen=True)
class Subject:
    """A function where `function` is set, else the account itself.

    `partition` is `aws`, `aws-cn`, `aws-us-gov` or one that is yet to come.
    """

    partition: str
    account: str
    region: str
    function: str = ""

    @property
    def arn(self) -> str:
        """The unqualified function ARN, or the account's root ARN."""
        if self.function:
            return f"arn:{self.partition}:lambda:{self.region}:{self.account}:function:{self.function}"
        return f"arn:{self.partition}:iam::{self.account}:root"

    @property
    def key(self) -> str:
        """One key for all that is known about this subject."""
        return f"{self.account}#{self.region}#{self.function}"


@dataclass(frozen=True)
class FunctionReference:
    """A function as an API call names it: account and Region are absent where the caller gave a bare name."""

    name: str
    account: str | None = None
    region: str | None = None


def parse_function(text: str) -> FunctionReference:
    """Read a name, a partial ARN or a full ARN, with or without a version or alias (Lambda API, `FunctionName`).

    Raises `NotAFunction` for anything else.
    """
    for form in (_FUNCTION_ARN, _PARTIAL_ARN):
        match = form.fullmatch(text)
        if match:
            found = match.groupdict()
            return FunctionReference(
                _valid_name(found["name"], found["qualifier"]), found["account"], found.get("region")
            )
    name, colon, qualifier = text.partition(":")
    return FunctionReference(_valid_name(name, qualifier if colon else None))


def partition_of(region: str) -> str:
    """Return the partition a Region belongs to, by its prefix (AWS General Reference, "Regions and partitions")."""
    prefixes = {"cn-": "aws-cn", "us-gov-": "aws-us-gov", "us-iso-": "aws-iso", "us-isob-": "aws-iso-b"}
    prefixes |= {"eu-isoe-": "aws-iso-e", "us-isof-": "aws-iso-f", "eusc-": "aws-eusc"}
    return next((partition for prefix, partition in prefixes.items() if region.startswith(prefix)), "aws")


def _valid_name(name: str, qualifier: str | None) -> str:
    if not _NAME.fullmatch(name):
        raise NotAFunction(f"{name[:80]!r} is not a function name")
    if qualifier is not None and not _QUALIFIER.fullmatch(qualifier):
        raise NotAFunction(f"{qualifier[:80]!r} is not a version or alias")
    return name
