"""What CloudFormation makes: the properties it must not lose, and the calls that CloudTrail would show for it.

What the engine gets wrong: a stack's resources are written straight into its stores, so that nobody sees a call, and
a function loses its reserved concurrency, dead-letter queue, VPC, key and recursion setting. AWS documentation: the
template reference of AWS::Lambda::Function, and "CloudTrail userIdentity element" (``invokedBy``). Answers of the
calls are shown for functions, mappings and subscriptions; for other resources ``responseElements`` is null.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import replace as changed
from typing import Any

from ministack.core.responses import get_region
from ministack.services import lambda_svc, s3
from ministack.services.cloudformation import provisioners

from warden.local.cloudtrail import Trail
from warden.local.current import CURRENT, CurrentCall
from warden.local.operations import Operation, service_model, xml_document
from warden.local.patching import MissingPrivateNameError

_SERVICE = "cloudformation.amazonaws.com"
Properties = dict[str, Any]


@dataclass(frozen=True)
class _Kind:
    """The calls behind a resource type, and the parameter that takes the physical id."""

    service: str
    identifier: str
    create: str
    update: str
    delete: str


_KINDS = {
    "AWS::Lambda::Function": _Kind(
        "lambda", "FunctionName", "CreateFunction", "UpdateFunctionConfiguration", "DeleteFunction"
    ),
    "AWS::Lambda::EventSourceMapping": _Kind(
        "lambda", "UUID", "CreateEventSourceMapping", "UpdateEventSourceMapping", "DeleteEventSourceMapping"
    ),
    "AWS::Lambda::Alias": _Kind("lambda", "", "CreateAlias", "UpdateAlias", "DeleteAlias"),
    "AWS::Lambda::Permission": _Kind("lambda", "StatementId", "AddPermission", "AddPermission", "RemovePermission"),
    "AWS::Lambda::Url": _Kind(
        "lambda", "", "CreateFunctionUrlConfig", "UpdateFunctionUrlConfig", "DeleteFunctionUrlConfig"
    ),
    "AWS::Lambda::EventInvokeConfig": _Kind(
        "lambda", "", "PutFunctionEventInvokeConfig", "PutFunctionEventInvokeConfig", "DeleteFunctionEventInvokeConfig"
    ),
    "AWS::IAM::Role": _Kind("iam", "RoleName", "CreateRole", "UpdateAssumeRolePolicy", "DeleteRole"),
    "AWS::IAM::Policy": _Kind("iam", "", "PutRolePolicy", "PutRolePolicy", "DeleteRolePolicy"),
    "AWS::Events::Rule": _Kind("events", "Name", "PutRule", "PutRule", "DeleteRule"),
    "AWS::SQS::Queue": _Kind("sqs", "", "CreateQueue", "SetQueueAttributes", "DeleteQueue"),
    "AWS::SNS::Topic": _Kind("sns", "", "CreateTopic", "SetTopicAttributes", "DeleteTopic"),
    "AWS::S3::Bucket": _Kind("s3", "Bucket", "CreateBucket", "PutBucketNotificationConfiguration", "DeleteBucket"),
    "AWS::DynamoDB::Table": _Kind("dynamodb", "TableName", "CreateTable", "UpdateTable", "DeleteTable"),
    "AWS::SNS::Subscription": _Kind("sns", "SubscriptionArn", "Subscribe", "SetSubscriptionAttributes", "Unsubscribe"),
    "AWS::Pipes::Pipe": _Kind("pipes", "Name", "CreatePipe", "UpdatePipe", "DeletePipe"),
    "AWS::Scheduler::Schedule": _Kind("scheduler", "Name", "CreateSchedule", "UpdateSchedule", "DeleteSchedule"),
    "AWS::StepFunctions::StateMachine": _Kind(
        "stepfunctions", "stateMachineArn", "CreateStateMachine", "UpdateStateMachine", "DeleteStateMachine"
    ),
    "AWS::Logs::SubscriptionFilter": _Kind(
        "logs", "filterName", "PutSubscriptionFilter", "PutSubscriptionFilter", "DeleteSubscriptionFilter"
    ),
    "AWS::SecretsManager::Secret": _Kind("secretsmanager", "Name", "CreateSecret", "UpdateSecret", "DeleteSecret"),
}
# Function properties that the engine's CloudFormation does not pass on, by the configuration member they become.
_LOST = ("DeadLetterConfig", "KMSKeyArn", "FileSystemConfigs")


class StackCalls:
    """Wraps CloudFormation's handlers of the resource types above."""

    def __init__(self, trail: Trail) -> None:
        self._trail = trail

    def install(self) -> None:
        """Announce creates, updates and deletes; complete functions first."""
        handlers = provisioners._RESOURCE_HANDLERS
        for name, kind in _KINDS.items():
            if name not in handlers:
                raise MissingPrivateNameError(f"the engine's CloudFormation no longer knows {name}")
            handler = handlers[name] = dict(handlers[name])
            complete = name == "AWS::Lambda::Function"
            handler["create"] = self._creating(handler["create"], kind, complete=complete)
            if "update" in handler:
                handler["update"] = self._updating(handler["update"], kind, complete=complete)
            handler["delete"] = self._deleting(handler["delete"], kind)

    def _creating(self, original: Callable[..., Any], kind: _Kind, *, complete: bool) -> Callable[..., Any]:
        def create(logical_id: str, properties: Properties, stack_name: str) -> Any:
            made = original(logical_id, properties, stack_name)
            if complete:
                _complete(made[0], properties)
            self._announce(kind, kind.create, made[0], properties)
            return made

        return create

    def _updating(self, original: Callable[..., Any], kind: _Kind, *, complete: bool) -> Callable[..., Any]:
        def update(physical_id: str, old: Properties, new: Properties, *rest: Any) -> Any:
            made = original(physical_id, old, new, *rest)
            if complete:
                _complete(made[0], new)
            if complete and old.get("Code") != new.get("Code"):
                self._announce(kind, "UpdateFunctionCode", made[0], {**new, **new.get("Code", {})})
            without_code = [{**one, "Code": None} for one in (old, new)]
            if made[0] != physical_id:
                self._announce(kind, kind.create, made[0], new)
            elif without_code[0] != without_code[1]:
                self._announce(kind, kind.update, made[0], new)
            return made

        return update

    def _deleting(self, original: Callable[..., Any], kind: _Kind) -> Callable[..., Any]:
        def delete(physical_id: str, properties: Properties, *rest: Any) -> Any:
            answer = original(physical_id, properties, *rest)
            self._announce(kind, kind.delete, physical_id, properties)
            return answer

        return delete

    def _announce(self, kind: _Kind, name: str, physical_id: str, properties: Properties) -> None:
        for given in _requests(kind, physical_id, properties):
            self._call(kind.service, name, given, _answer(name, physical_id))
        for further, given in _further(kind, name, physical_id, properties):
            self._call(kind.service, further, given, None)

    def _call(self, service: str, name: str, given: Properties, answer: dict[str, Any] | None) -> None:
        model, current = service_model(service), CURRENT.get()
        if model is None or current is None:
            return
        shape = model.operation_model(name).input_shape
        members = shape.members if shape else ()
        known = {member: value for member in members if (value := _named(given, member)) is not None}
        operation = Operation(service, name, known, model.operation_model(name))
        call = CurrentCall(operation, changed(current.caller, invoked_by=_SERVICE), get_region())
        self._trail.announce(call, answer, _SERVICE)


def _named(given: Properties, member: str) -> Any:
    """A property by the name of an API's member; some APIs write theirs with a small first letter."""
    return given.get(member, given.get(member[:1].upper() + member[1:]))


def _further(kind: _Kind, name: str, physical_id: str, properties: Properties) -> list[tuple[str, Properties]]:
    """The calls that connect a resource to others, once it is there: (operation, parameters)."""
    if kind.service == "events" and name != kind.delete and properties.get("Targets"):
        bus = properties.get("EventBusName")
        return [("PutTargets", {"Rule": physical_id, "EventBusName": bus, "Targets": properties["Targets"]})]
    if kind.service == "s3" and name == kind.create and physical_id in s3._bucket_notifications:
        return [(kind.update, _notification(physical_id))]
    return []


def _notification(bucket: str) -> Properties:
    """A bucket's notifications as the call that set them had them."""
    return {"Bucket": bucket, "NotificationConfiguration": xml_document(s3._bucket_notifications[bucket].encode())}


def _complete(name: str, properties: Properties) -> None:
    """Give a function what the engine left out of its record."""
    function = lambda_svc._functions[name]
    reserved = properties.get("ReservedConcurrentExecutions")
    function["concurrency"] = None if reserved is None else int(reserved)
    if loop := properties.get("RecursiveLoop"):
        function["recursive_loop"] = loop
    for member in _LOST:
        if properties.get(member):
            function["config"][member] = properties[member]
    if vpc := properties.get("VpcConfig"):
        function["config"]["VpcConfig"] = lambda_svc._vpc_config_with_id(vpc)


def _requests(kind: _Kind, physical_id: str, properties: Properties) -> list[Properties]:
    """The parameters CloudFormation calls with: properties are named as the API names them, with few exceptions."""
    given = {**properties, **({kind.identifier: physical_id} if kind.identifier else {})}
    if isinstance(given.get("Tags"), list) and kind.service == "lambda":
        given["Tags"] = {tag["Key"]: tag["Value"] for tag in given["Tags"]}
    for document in ("AssumeRolePolicyDocument", "PolicyDocument", "EventPattern"):
        if isinstance(given.get(document), dict):
            given[document] = json.dumps(given[document])
    if kind.service == "s3" and physical_id in s3._bucket_notifications:
        given |= _notification(physical_id)
    if kind.service == "stepfunctions":
        given["name"] = physical_id.rsplit(":", 1)[-1]
    if kind.create == "PutRolePolicy":
        return [{**given, "RoleName": role} for role in properties.get("Roles", [])]
    return [given]


def _answer(name: str, physical_id: str) -> dict[str, Any] | None:
    if name in ("CreateFunction", "UpdateFunctionConfiguration", "UpdateFunctionCode"):
        return dict(lambda_svc._functions[physical_id]["config"])
    if name in ("CreateEventSourceMapping", "UpdateEventSourceMapping"):
        return dict(lambda_svc._esm_response(lambda_svc._esms[physical_id]))
    if name == "Subscribe":
        return {"SubscriptionArn": physical_id}
    return None
