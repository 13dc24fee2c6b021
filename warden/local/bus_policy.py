"""Who may put events on an event bus.

The engine stores bus policies and never consults them, keeps PutPermission's condition in a form no evaluator reads,
and ignores PutPermission's ``Policy``. AWS documentation: "Sending and receiving events between AWS accounts in
Amazon EventBridge" and the API reference of PutPermission.
"""

import json
import re
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import error_response_json, get_account_id, get_region, json_response, new_uuid
from ministack.services import eventbridge

from warden.local.identity import Principal
from warden.local.patching import replace


def install() -> None:
    """Replace PutPermission with one that stores policies IAM can evaluate."""
    replace(eventbridge, "_put_permission", lambda _original: put_permission)


def put_permission(data: dict[str, Any]) -> Any:
    """PutPermission: one statement by Principal and Condition, or a whole document as ``Policy``."""
    bus = str(data.get("EventBusName") or "default").rsplit("/", 1)[-1]
    if bus not in eventbridge._event_buses:
        return error_response_json("ResourceNotFoundException", f"Event bus {bus} does not exist.", 400)
    if data.get("Policy"):
        return _put_document(bus, str(data["Policy"]))
    principal = str(data.get("Principal", ""))
    if not re.fullmatch(r"\d{12}|\*", principal):
        return _invalid("Parameter Principal is not valid. Reason: must be an AWS account id or *.")
    statement: dict[str, Any] = {
        "Sid": data.get("StatementId") or new_uuid(),
        "Effect": "Allow",
        "Principal": "*" if principal == "*" else {"AWS": f"arn:aws:iam::{principal}:root"},
        "Action": data.get("Action", "events:PutEvents"),
        "Resource": f"arn:aws:events:{get_region()}:{get_account_id()}:event-bus/{bus}",
    }
    if condition := data.get("Condition"):
        statement["Condition"] = {condition["Type"]: {condition["Key"]: condition["Value"]}}
    policy = eventbridge._event_bus_policies.get(bus) or {"Version": "2012-10-17", "Statement": []}
    others = [one for one in policy["Statement"] if one.get("Sid") != statement["Sid"]]
    eventbridge._event_bus_policies[bus] = {**policy, "Statement": [*others, statement]}
    return json_response({})


def _put_document(bus: str, text: str) -> Any:
    try:
        policy = json.loads(text)
    except ValueError:
        return _invalid("Parameter Policy is not valid. Reason: it is not JSON.")
    if reason := iam_evaluator.validate_policy_document(policy):
        return _invalid(f"Parameter Policy is not valid. Reason: {reason}")
    if isinstance(policy["Statement"], dict):
        policy["Statement"] = [policy["Statement"]]
    eventbridge._event_bus_policies[bus] = policy
    return json_response({})


def _invalid(message: str) -> Any:
    return error_response_json("ValidationException", message, 400)


def admits(bus_arn: str, caller: Principal, event: dict[str, Any]) -> bool:
    """Whether the bus's own policy lets a caller of another account put this event on it."""
    _, _, _, region, account, resource = bus_arn.split(":", 5)
    policy = eventbridge._event_bus_policies.get_scoped(account, region, resource.removeprefix("event-bus/"))
    context = iam_evaluator.EvalContext(
        principal_arn=caller.arn,
        principal_type=caller.type,
        principal_account=caller.account,
        action="events:PutEvents",
        resource_arn=bus_arn,
        region=region,
        service_context={
            "events:source": event.get("Source", ""),
            "events:detail-type": event.get("DetailType", ""),
        },
    )
    return bool(iam_evaluator.evaluate_resource_policy(policy, context).decision == "Allow")
