"""A finding: one problem of one subject, with the evidence a person needs to believe it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from functions.core.playbook import Mode, Playbook, Severity
from functions.core.subject import ACCOUNT, REGION, Subject, parse_function

NOT_CHECKED = "not-checked"
"""The aspect of a finding that says that its playbook could not look."""


@dataclass(frozen=True)
class Cause:
    """The event that made us look, and who was behind it; every field may be empty (a sweep has no author)."""

    event: str = ""
    event_id: str = ""
    at: str = ""
    actor: str = ""
    """Who made the change, as a person would say it: `Dev/alice`, `deployer (IAM user)`, `CloudFormation`."""
    origin: str = "event"
    """event, sweep, first-sweep, fix or test."""


@dataclass(frozen=True)
class Evidence:
    """One fact behind a finding, without any secret in it."""

    label: str
    value: str


@dataclass(frozen=True)
class Finding:
    """One problem. The same problem of the same subject always has the same `id`, so it has one ticket."""

    playbook: str
    subject: Subject
    title: str
    severity: Severity
    what: str
    """What is wrong, in one or two sentences."""
    why: str = ""
    """Why that matters to the owner."""
    evidence: tuple[Evidence, ...] = ()
    advice: str = ""
    """What the owner should do, whether or not the bot fixes it; it may have several lines."""
    at_most: Mode = Mode.ENFORCE
    """The most that may be done about it on this evidence, whatever the deployment allows."""
    aspect: str = ""
    """Which part of the subject, where one playbook can find several problems in it."""
    found_at: str = ""
    """When the facts were read, ISO 8601 in UTC."""
    cause: Cause = Cause()

    @property
    def id(self) -> str:
        """Twelve letters and digits: a hash of account, Region, function, playbook and aspect."""
        return finding_id(self.subject, self.playbook, self.aspect)

    def seen(self, at: str, cause: Cause) -> Finding:
        """Return the same finding with when it was seen and what led to it."""
        return replace(self, found_at=at, cause=cause)

    def to_json(self) -> dict[str, Any]:
        """Return the finding as it stands in events and in the table."""
        return {"id": self.id, **asdict(self), "severity": self.severity.value, "at_most": self.at_most.value}


def finding_id(subject: Subject, playbook: str, aspect: str = "") -> str:
    """Return the stable id of a problem; 60 bits, in lower-case base32."""
    text = "\x1f".join((subject.partition, subject.account, subject.region, subject.function, playbook, aspect))
    return base64.b32encode(hashlib.sha256(text.encode(errors="surrogatepass")).digest())[:12].decode().lower()


def finding_from_json(body: Mapping[str, Any]) -> Finding:
    """Read what `to_json` wrote; fields of a later version are left aside.

    Raises `KeyError` where a field that must be there is not, `TypeError` or `ValueError` where one cannot be read.
    """
    cause = body.get("cause") or {}
    return Finding(
        playbook=_text(body["playbook"]),
        subject=_subject(body["subject"]),
        title=_text(body.get("title", "")),
        severity=Severity(_text(body["severity"])),
        what=_text(body.get("what", "")),
        why=_text(body.get("why", "")),
        evidence=tuple(Evidence(_text(e["label"]), _text(e["value"])) for e in body.get("evidence", ())),
        advice=_text(body.get("advice", "")),
        at_most=_mode(body.get("at_most")),
        aspect=_text(body.get("aspect", "")),
        found_at=_text(body.get("found_at", "")),
        cause=Cause(**{name: _text(cause[name]) for name in Cause.__dataclass_fields__ if name in cause}),
    )


def found(
    playbook: Playbook,
    subject: Subject,
    *,
    what: str,
    why: str,
    evidence: Mapping[str, object],
    **differs: Any,
) -> Finding:
    """Make a playbook's finding from what its check saw; `differs` are fields unlike the playbook's usual ones."""
    usual = Finding(
        playbook=playbook.id,
        subject=subject,
        title=playbook.title,
        severity=playbook.severity,
        what=what,
        why=why,
        evidence=tuple(Evidence(label, str(value)) for label, value in evidence.items()),
    )
    return replace(usual, **differs)


def _subject(body: Mapping[str, Any]) -> Subject:
    """Read whom a finding is about; a role in that account is assumed because of it, so it must be an account."""
    account, region, function = _text(body["account"]), _text(body["region"]), _text(body.get("function", ""))
    if not ACCOUNT.fullmatch(account) or not REGION.fullmatch(region):
        raise ValueError(f"subject {account[:40]!r} in {region[:40]!r} is no account in a Region")
    if function and parse_function(function).name != function:
        raise ValueError(f"subject.function {function[:80]!r} is more than a name")
    return Subject(_text(body["partition"]), account, region, function)


def _mode(value: object) -> Mode:
    """Read the most that may be done; absent in events of earlier versions, and never more than what is said."""
    return Mode.ENFORCE if value is None else Mode(_text(value))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a {type(value).__name__} stands where text is expected")
    return value
