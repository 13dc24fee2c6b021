"""Let an execution role send to the quarantine queue: Lambda delivers to a destination with the function's own role.

Lambda developer guide, "Capturing records of Lambda asynchronous invocations": the role needs sqs:SendMessage, a queue
policy does not help. The policy for it, `warden-quarantine-send`, is in every member account and allows just that. IAM
API reference: SimulatePrincipalPolicy, AttachRolePolicy, GetAccountSummary.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from botocore.exceptions import ClientError

from functions.adapters.role_access import Simulation, simulate
from functions.core.fix import Change, NotVerified, Undone, Work
from functions.playbooks.recursive_loop.fixes import quarantine
from functions.playbooks.recursive_loop.fixes.patience import unseen
from functions.playbooks.recursive_loop.fixes.step import CannotBreak

SETTING = "permission of"
POLICY = "warden-quarantine-send"
"""The name of the managed policy."""
_SEND = "sqs:SendMessage"


def plan(work: Work, role: str) -> Change | None:
    """Return the step that lets a role, by its ARN, send to the queue of the loop at hand; None if it may already.

    Raises `CannotBreak` where something would forbid it all the same, or where no policy can be attached any more.
    """
    now = _simulate(work, role)
    if now.allowed and not now.problem:
        return None
    then = _simulate(work, role, _statement(work))
    if then.problem or not then.allowed:
        raise CannotBreak("permission", then.problem or f"IAM says that role {_name(role)} may not {_SEND}")
    _room_for_it(work, role)
    return Change(f"{SETTING} {_name(role)} to send to quarantine", None, {"role": role, "policy": _policy(work)})


def _room_for_it(work: Work, role: str) -> None:
    """See that the policy is there and that the role may have one more."""
    iam = work.member.client("iam")
    try:
        iam.get_policy(PolicyArn=_policy(work))
    except ClientError as error:
        if not _missing(error):
            raise
        raise CannotBreak("no-policy", f"the account has no policy {POLICY}: deploy the member stack again") from None
    attached, most = len(_attached(work, role)), iam.get_account_summary()["SummaryMap"]["AttachedPoliciesPerRoleQuota"]
    if attached >= most:
        text = (
            f"role {_name(role)} has {attached} policies attached, as many as it may; detach one that it can do without"
        )
        raise CannotBreak("policies-full", text)


def apply(work: Work, change: Change) -> None:
    """Attach the policy; one that is attached stays so."""
    work.member.client("iam").attach_role_policy(RoleName=_name(change.after["role"]), PolicyArn=change.after["policy"])


def verify(work: Work, change: Change) -> None:
    """Ask IAM whether the role may send; raises `NotYet` while it may not have heard of the policy everywhere."""
    role = change.after["role"]
    if allowed(work, role):
        return
    if change.after["policy"] not in _attached(work, role):
        raise NotVerified(f"{change.after['policy']} is not attached to role {_name(role)}")
    raise unseen(work, f"IAM does not allow {_SEND} to role {_name(role)} yet")


def undo(work: Work, change: Change) -> Undone:
    """Detach the policy, unless a function with this role still sends to a quarantine queue."""
    role, policy = change.after["role"], change.after["policy"]
    try:
        if policy not in _attached(work, role):
            return Undone(restored=(change,))
        if function := next(_sending(work, role), ""):
            return Undone(kept=(f"{change.setting}: {function} still sends to a quarantine queue with that role",))
        work.member.client("iam").detach_role_policy(RoleName=_name(role), PolicyArn=policy)
    except ClientError as error:
        if not _missing(error):
            raise
        return Undone(kept=(f"{change.setting}: the role was deleted",))
    return Undone(restored=(change,))


def allowed(work: Work, role: str) -> bool:
    """Whether IAM says that a role, by its ARN, may send to the queue of the loop at hand."""
    return _simulate(work, role).allowed


def _sending(work: Work, role: str) -> Iterator[str]:
    """Name the functions that have the role, in whichever version, and a quarantine queue as a destination."""
    client = work.member.client("lambda")
    pages = client.get_paginator("list_functions").paginate(FunctionVersion="ALL")
    having = {one["FunctionName"] for page in pages for one in page["Functions"] if one["Role"] == role}
    configs = client.get_paginator("list_function_event_invoke_configs")
    for function in sorted(having):
        for page in configs.paginate(FunctionName=function):
            for config in page["FunctionEventInvokeConfigs"]:
                on_failure = (config.get("DestinationConfig") or {}).get("OnFailure") or {}
                if quarantine.is_quarantine(on_failure.get("Destination") or ""):
                    yield function


def _simulate(work: Work, role: str, *statements: str) -> Simulation:
    return simulate(work.member, work.subject, role, _SEND, quarantine.arn(work), *statements)


def _statement(work: Work) -> str:
    """Return what the managed policy allows, as far as this queue is concerned."""
    allow = {"Effect": "Allow", "Action": _SEND, "Resource": quarantine.arn(work)}
    return json.dumps({"Version": "2012-10-17", "Statement": [allow]})


def _attached(work: Work, role: str) -> set[str]:
    pages = work.member.client("iam").get_paginator("list_attached_role_policies").paginate(RoleName=_name(role))
    return {one["PolicyArn"] for page in pages for one in page["AttachedPolicies"]}


def _policy(work: Work) -> str:
    return f"arn:{work.subject.partition}:iam::{work.subject.account}:policy/{POLICY}"


def _name(role: str) -> str:
    return role.rpartition("/")[2]


def _missing(error: ClientError) -> bool:
    return str(error.response["Error"]["Code"]) == "NoSuchEntity"
