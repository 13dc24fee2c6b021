"""EventBridge buses: putting events, matching rules, and forwarding to buses of other accounts and Regions.

What the engine gets wrong: it drops events for a bus of another account or Region, ignores an entry's time, accepts
entries without the required fields, knows one rule state and forwards without end. AWS documentation: "Sending and
receiving events between AWS accounts", "… between AWS Regions", "… between event buses in the same account and Region",
the API reference of PutEvents, and "Rule states" under "Management events from AWS services".
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.arn import parse_arn
from ministack.core.responses import (
    error_response_json,
    get_account_id,
    get_region,
    json_response,
    new_uuid,
    request_scope,
)
from ministack.services import eventbridge

from warden.local import bus_policy, identity
from warden.local.execution_roles import role_allows
from warden.local.identity import Principal
from warden.local.patching import replace

# An event as the engine's matcher reads it: EventId, Source, DetailType, Detail (JSON text), Time, Resources, Account,
# Region, EventBusName; "_Forwarded" once a rule has moved it to another bus.
Event = dict[str, Any]

_ENABLED = ("ENABLED", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS")
_MAXIMUM_BYTES = 1_048_576


class TargetError(Exception):
    """A delivery that failed, with the error code EventBridge writes to a dead-letter queue."""

    def __init__(self, code: str, message: str, *, retriable: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retriable = retriable


class Buses:
    """Puts events on buses and hands matches to ``deliver(target, event, rule, view)``."""

    def __init__(self, caller: Callable[[], Principal | None], enforce_iam: bool) -> None:
        self._caller = caller
        self._enforce_iam = enforce_iam
        self.deliver: Callable[[dict[str, Any], Event, dict[str, Any], Any], None] = lambda *_: None

    def install(self) -> None:
        """Take the place of the engine's PutEvents, dispatch and target invocation."""
        bus_policy.install()
        replace(eventbridge, "_put_events", lambda _original: self.put_events)
        replace(eventbridge, "_dispatch_event", lambda _original: self.dispatch)
        replace(eventbridge, "_invoke_target", lambda _original: self._deliver)

    def _deliver(self, target: dict[str, Any], event: Event, rule: dict[str, Any], view: Any = None) -> None:
        self.deliver(target, event, rule, view or eventbridge._pattern_event_view(event))

    # Putting.

    def put_events(self, data: dict[str, Any], allow_aws_source: bool = False) -> Any:
        """PutEvents. Entries fail one by one; a bus of another account whose policy says no refuses the whole call."""
        entries = data.get("Entries") or []
        if problem := _refused(entries):
            return error_response_json("ValidationException", problem, 400)
        prepared = [(entry, _entry_error(entry, allow_aws_source)) for entry in entries]
        caller = self._caller()
        for entry, failed in prepared:
            bus_arn = _bus_arn(entry)
            if failed or caller is None or bus_arn.split(":")[4] == caller.account:
                continue
            if not bus_policy.admits(bus_arn, caller, entry):
                return error_response_json("AccessDeniedException", _denied(caller, bus_arn), 400)
        results = [failed or self._accept(entry) for entry, failed in prepared]
        failures = sum("ErrorCode" in one for one in results)
        return json_response({"FailedEntryCount": failures, "Entries": results})

    def _accept(self, entry: dict[str, Any]) -> dict[str, Any]:
        event = {
            "EventId": new_uuid(),
            "Source": entry["Source"],
            "DetailType": entry["DetailType"],
            "Detail": entry["Detail"],
            "Time": int(eventbridge._coerce_timestamp(entry.get("Time") or eventbridge._now_ts())),
            "Resources": entry.get("Resources") or [],
            "Account": get_account_id(),
            "Region": get_region(),
        }
        self.put_on(_bus_arn(entry), event)
        return {"EventId": event["EventId"]}

    def publish(self, account: str, region: str, event: dict[str, Any], bus: str = "default") -> str:
        """Put one complete event (``id``, ``source``, ``detail-type``, ``account``, ``time``, …) on a bus as it is."""
        time = str(event.get("time") or "")
        moment = datetime.fromisoformat(time) if time else datetime.now(UTC)
        record = {
            "EventId": str(event.get("id") or new_uuid()),
            "Version": str(event.get("version") or "0"),
            "Source": str(event.get("source", "")),
            "DetailType": str(event.get("detail-type", "")),
            "Detail": json.dumps(event.get("detail", {})),
            "Time": int(moment.timestamp()),
            "Resources": event.get("resources") or [],
            "Account": str(event.get("account") or account),
            "Region": str(event.get("region") or region),
        }
        self.put_on(f"arn:aws:events:{region}:{account}:event-bus/{bus}", record)
        return str(record["EventId"])

    def put_on(self, bus_arn: str, event: Event) -> None:
        """Match an event against the rules and archives of a bus, in that bus's account and Region."""
        spec = parse_arn(bus_arn)
        with request_scope(spec.account_id, spec.region):
            eventbridge._ensure_default_bus()
            placed = {**event, "EventBusName": spec.resource.removeprefix("event-bus/")}
            view = eventbridge._pattern_event_view(placed)
            self.dispatch(placed, view)
            if "ReplayName" not in placed:
                eventbridge._archive_event(placed, view)

    def dispatch(self, event: Event, view: Any = None) -> None:
        """Deliver an event to the targets of every enabled rule of its bus that matches."""
        view = view or eventbridge._pattern_event_view(event)
        for key, rule in eventbridge._rules.items():
            if rule.get("EventBusName", "default") != event["EventBusName"] or not rule.get("EventPattern"):
                continue
            if rule.get("State") not in _ENABLED:
                continue
            if eventbridge._matches_pattern_view(rule["EventPattern"], view, f"rule {key}"):
                for target in list(eventbridge._targets.get(key, [])):
                    self.deliver(target, event, rule, view)

    # Forwarding.

    def forward(self, target: dict[str, Any], event: Event, transformed: str | None) -> None:
        """Deliver an event to a rule's target bus. Raises TargetError as EventBridge would report it."""
        bus_arn = str(target["Arn"])
        spec = parse_arn(bus_arn)
        here = (get_account_id(), get_region())
        _check_hops(event, here, (spec.account_id, spec.region))
        if role_arn := target.get("RoleArn"):
            self._check_role(str(role_arn), bus_arn, event)
        elif here != (spec.account_id, spec.region):
            raise TargetError("NO_PERMISSIONS", f"The target {bus_arn} needs a role.")
        name = spec.resource.removeprefix("event-bus/")
        if name != "default" and not eventbridge._event_buses.contains_scoped(spec.account_id, spec.region, name):
            raise TargetError("NO_RESOURCE", f"Event bus {bus_arn} does not exist.")
        forwarded = {**event, "_Forwarded": True}
        if transformed is not None:
            forwarded["Detail"] = transformed
        self.put_on(bus_arn, forwarded)

    def _check_role(self, role_arn: str, bus_arn: str, event: Event) -> None:
        session = identity.role_session(role_arn, new_uuid().replace("-", ""))
        role = identity.role_of(session.arn)
        if role is None or (self._enforce_iam and not _trusts_events(role)):
            raise TargetError("FAILED_TO_ASSUME_ROLE", f"EventBridge cannot assume the role {role_arn}.")
        keys = {"events:source": event["Source"], "events:detail-type": event["DetailType"]}
        if self._enforce_iam and not role_allows(role_arn, "events:PutEvents", bus_arn, keys):
            raise TargetError("NO_PERMISSIONS", _denied(session, bus_arn, "identity"))
        if session.account != bus_arn.split(":")[4] and not bus_policy.admits(bus_arn, session, event):
            raise TargetError("NO_PERMISSIONS", _denied(session, bus_arn))


def _check_hops(event: Event, here: tuple[str, str], there: tuple[str, str]) -> None:
    """An event that came from another bus goes no further, whichever accounts the three buses are in."""
    came_from = (event["Account"], event["Region"])
    if event.get("_Forwarded") or (came_from[0] != here[0] and there[0] != here[0]):
        code = "THIRD_ACCOUNT_HOP_DETECTED" if there[1] == here[1] else "THIRD_REGION_HOP_DETECTED"
        raise TargetError(code, "An event is not forwarded from a bus that received it from another bus.")


def _bus_arn(entry: dict[str, Any]) -> str:
    name = str(entry.get("EventBusName") or "default")
    return name if name.startswith("arn:") else f"arn:aws:events:{get_region()}:{get_account_id()}:event-bus/{name}"


def _refused(entries: Any) -> str:
    """Why the whole call is refused, or ""."""
    if not isinstance(entries, list) or not 1 <= len(entries) <= 10:
        return (
            "1 validation error detected: Value at 'entries' failed to satisfy constraint: "
            "Member must have length between 1 and 10"
        )
    size = sum(len(str(entry.get(key, "")).encode()) for entry in entries for key in ("Source", "DetailType", "Detail"))
    return "Total size of the entries in the request is over the limit." if size > _MAXIMUM_BYTES else ""


def _entry_error(entry: dict[str, Any], allow_aws_source: bool) -> dict[str, str] | None:
    for key in ("Source", "DetailType", "Detail"):
        if not entry.get(key):
            return _failed("InvalidArgument", f"Parameter {key} is not valid. Reason: {key} is a required argument.")
    try:
        detail = json.loads(entry["Detail"])
    except ValueError:
        detail = None
    if not isinstance(detail, dict):
        return _failed("MalformedDetail", "Detail is malformed.")
    if str(entry["Source"]).startswith("aws.") and not allow_aws_source:
        return _failed("NotAuthorizedForSourceException", "Not authorized for the source.")
    return None


def _failed(code: str, message: str) -> dict[str, str]:
    return {"ErrorCode": code, "ErrorMessage": message}


def _denied(caller: Principal, bus_arn: str, kind: str = "resource") -> str:
    return (
        f"User: {caller.arn} is not authorized to perform: events:PutEvents on resource: {bus_arn} "
        f"because no {kind}-based policy allows the events:PutEvents action"
    )


def _trusts_events(role: dict[str, Any]) -> bool:
    document = role.get("AssumeRolePolicyDocument", "{}")
    parsed = json.loads(document) if isinstance(document, str) else document
    statements = parsed.get("Statement", [])
    return any(
        statement.get("Effect") == "Allow"
        and iam_evaluator._service_principal_matches(statement.get("Principal", {}), "events.amazonaws.com")
        for statement in (statements if isinstance(statements, list) else [statements])
    )
