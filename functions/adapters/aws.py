"""Clients: the hub's own, and those of member accounts through an assumed role."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.config import Config
from botocore.loaders import Loader
from botocore.session import Session, get_session

from functions.adapters.errors import STALE
from functions.core.snapshot import FunctionSnapshot, from_get_function
from functions.core.subject import Subject

# Lambda's control plane allows 15 calls a second and account, shared with the customer's own deployments (Lambda
# quotas, "API requests"): the adaptive mode slows down at the first throttle, and few attempts spare the budget.
_CONFIG = Config(
    connect_timeout=2,
    read_timeout=5,
    retries={"mode": "adaptive", "total_max_attempts": 3},
    user_agent_extra="lambda-warden",
)
_SESSION_SECONDS = 3600
_RENEW_BEFORE = 300
_CLIENTS = 64


@dataclass
class _Credentials:
    values: dict[str, str]
    until: float


class Aws:
    """One per execution environment: clients are made once, and sessions of member accounts kept while they hold."""

    def __init__(self, session_name: str, config: Config = _CONFIG) -> None:
        self._make: Callable[..., Any] = _session().create_client
        self._session_name = session_name
        self._config = config
        self._hub: dict[tuple[str, str], Any] = {}
        self._credentials: dict[tuple[str, str], _Credentials] = {}
        self._members: OrderedDict[tuple[str, str, str, str], Any] = OrderedDict()

    def hub(self, service: str, region: str = "") -> Any:
        """Return a client of the hub account, under the function's own role; in the hub's Region if none is named."""
        if (service, region) not in self._hub:
            where = {"region_name": region} if region else {}
            self._hub[service, region] = self._make(service, config=self._config, **where)
        return self._hub[service, region]

    def member(self, subject: Subject, role: str) -> AssumedMember:
        """Return the account and Region of a subject, to be entered through `role` when first used."""
        return AssumedMember(self, subject, role)

    def member_client(self, subject: Subject, role: str, service: str, patience: int = 0) -> Any:
        """Return a client in a member account; the session is named in the member's CloudTrail."""
        credentials = self._credentials.get((subject.account, role))
        if credentials is None or credentials.until < time.time():
            credentials = self._assume(subject, role)
            for key in [k for k in self._members if k[:2] == (subject.account, role)]:
                del self._members[key]
        key = (subject.account, role, subject.region, f"{service} {patience}" if patience else service)
        if key not in self._members:
            config = self._config
            if patience:
                config = config.merge(Config(read_timeout=patience, retries={"total_max_attempts": 1}))
            self._members[key] = self._make(service, region_name=subject.region, config=config, **credentials.values)
            self._members[key].meta.events.register("after-call", self._forget_if_stale(subject.account, role))
            while len(self._members) > _CLIENTS:
                self._members.popitem(last=False)
        self._members.move_to_end(key)
        return self._members[key]

    def _forget_if_stale(self, account: str, role: str) -> Callable[..., None]:
        """Return what drops a session once AWS says it is no longer valid, so that the next try makes a new one."""

        def look(parsed: Any, **_: object) -> None:
            if isinstance(parsed, dict) and parsed.get("Error", {}).get("Code") in STALE:
                self._credentials.pop((account, role), None)

        return look

    def _assume(self, subject: Subject, role: str) -> _Credentials:
        answer = self.hub("sts").assume_role(
            RoleArn=f"arn:{subject.partition}:iam::{subject.account}:role/{role}",
            RoleSessionName=self._session_name[:64],
            DurationSeconds=_SESSION_SECONDS,
        )["Credentials"]
        values = {
            "aws_access_key_id": answer["AccessKeyId"],
            "aws_secret_access_key": answer["SecretAccessKey"],
            "aws_session_token": answer["SessionToken"],
        }
        credentials = _Credentials(values, time.time() + _SESSION_SECONDS - _RENEW_BEFORE)
        self._credentials[subject.account, role] = credentials
        return credentials


@dataclass(frozen=True)
class AssumedMember:
    """A member account in one Region, entered through a role."""

    aws: Aws
    subject: Subject
    role: str
    recall: Callable[[Subject, str], Any] = lambda *_: None
    """What the hub found out about an account and Region as a whole, by name."""

    def client(self, service: str, patience: int = 0) -> Any:
        """Return a client there."""
        return self.aws.member_client(self.subject, self.role, service, patience)

    def snapshot(self) -> FunctionSnapshot:
        """Read the function: one call with a quota of its own, 100 a second. Raises boto3's errors."""
        return from_get_function(self.subject, self.client("lambda").get_function(FunctionName=self.subject.arn))

    def remembered(self, name: str) -> Any:
        """Return what is remembered of the account and Region under a name, None if nothing."""
        return self.recall(self.subject, name)


class _Services(Loader):
    """botocore's own loader looks into each of some four hundred folders to learn which services there are."""

    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002 - botocore's signature
        """Return the names of the folders; whether one holds this type of model shows when it is loaded."""
        return [entry.name for path in map(Path, self.search_paths) if path.is_dir() for entry in path.iterdir()]


def _session() -> Session:
    """Return a session with the same clients as boto3's, whose import also loads file transfers at every cold start."""
    session = get_session()
    session.register_component("data_loader", _Services())
    return session
