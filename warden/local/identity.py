"""Who makes a call: the principal behind an access key, and how CloudTrail writes it.

The engine's own lookup gives a Lambda's execution-role session no unique id. Shapes: the CloudTrail documentation page
"CloudTrail userIdentity element".
"""

import datetime as dt
import os
import re
from dataclasses import dataclass
from typing import Any

from ministack.core import iam_evaluator
from ministack.services import iam, sts

_ACCOUNT = re.compile(r"\d{12}")


@dataclass(frozen=True)
class Principal:
    """A caller. ``arn`` is the session's for an assumed role, ``role_arn`` the role's own (with its path)."""

    type: str
    account: str
    arn: str
    principal_id: str
    access_key: str = ""
    user_name: str = ""
    role_arn: str = ""
    role_name: str = ""
    session_started: float | None = None
    # The service that calls in this principal's name, e.g. "cloudformation.amazonaws.com".
    invoked_by: str = ""

    def user_identity(self) -> dict[str, Any]:
        """CloudTrail's ``userIdentity``."""
        found: dict[str, Any] = {
            "type": self.type,
            "principalId": self.principal_id,
            "arn": self.arn,
            "accountId": self.account,
            "accessKeyId": self.access_key,
        }
        if self.user_name:
            found["userName"] = self.user_name
        if self.invoked_by:
            found["invokedBy"] = self.invoked_by
        if self.type == "AssumedRole":
            started = dt.datetime.fromtimestamp(self.session_started or 0, dt.UTC)
            found["sessionContext"] = {
                "sessionIssuer": {
                    "type": "Role",
                    "principalId": self.principal_id.split(":", 1)[0],
                    "arn": self.role_arn,
                    "accountId": self.account,
                    "userName": self.role_name,
                },
                "attributes": {
                    "creationDate": started.strftime("%Y-%m-%dT%H:%M:%SZ"),
                    "mfaAuthenticated": "false",
                },
            }
        return found


def of_access_key(access_key: str) -> Principal:
    """The principal an access key belongs to. Twelve digits are that account's root; an unknown key is "Unknown"."""
    if session := sts._sessions.get(access_key):
        return _of_session(access_key, session)
    if _ACCOUNT.fullmatch(access_key) or iam_evaluator.is_root_access_key(access_key):
        account = access_key if _ACCOUNT.fullmatch(access_key) else _default_account()
        return Principal("Root", account, f"arn:aws:iam::{account}:root", account, access_key)
    for (account, key), record in list(iam._access_keys.to_dict().items()):
        if key == access_key:
            return _of_user(account, access_key, str(record.get("UserName", "")))
    return Principal("Unknown", _default_account(), "", "", access_key)


def role_session(role_arn: str, session_name: str) -> Principal:
    """The session a service opens under a role it was given, e.g. EventBridge under a target's RoleArn."""
    account, name = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
    session = {"Arn": f"arn:aws:sts::{account}:assumed-role/{name}/{session_name}"}
    return _of_session("", session)


def role_of(principal_arn: str) -> dict[str, Any] | None:
    """The stored role behind an assumed-role session's ARN, or None when it is gone or the ARN is another kind."""
    found = re.fullmatch(r"arn:aws[a-z-]*:sts::(\d{12}):assumed-role/([^/]+)/.*", principal_arn)
    return iam._roles.get_scoped(found[1], None, found[2]) if found else None


def _of_session(access_key: str, session: dict[str, Any]) -> Principal:
    arn = str(session.get("Arn", ""))
    account = arn.split(":")[4] if arn.count(":") >= 5 else _default_account()
    if ":assumed-role/" not in arn:
        kind = {"User": "IAMUser", "Root": "Root"}.get(session.get("PrincipalType", ""), "FederatedUser")
        name = str(session.get("PrincipalName") or "")
        return Principal(kind, account, arn, str(session.get("UserId", "")), access_key, user_name=name)
    role_name, session_name = arn.split(":assumed-role/", 1)[1].split("/", 1)
    role = role_of(arn) or {}
    return Principal(
        "AssumedRole",
        account,
        arn,
        f"{role.get('RoleId', 'AROA' + '0' * 16)}:{session_name}",
        access_key,
        role_arn=str(role.get("Arn") or f"arn:aws:iam::{account}:role/{role_name}"),
        role_name=role_name,
        session_started=session.get("IssuedAt"),
    )


def _of_user(account: str, access_key: str, name: str) -> Principal:
    user = iam._users.get_scoped(account, None, name) or {}
    arn = str(user.get("Arn") or f"arn:aws:iam::{account}:user/{name}")
    return Principal("IAMUser", account, arn, str(user.get("UserId", "")), access_key, user_name=name)


def _default_account() -> str:
    return os.environ.get("MINISTACK_ACCOUNT_ID", "000000000000")
