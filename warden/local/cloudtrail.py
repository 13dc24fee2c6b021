"""CloudTrail events on the default bus of the account that was called.

The engine emits none, and its own recording misnames calls. Names, redaction and shapes follow the AWS documentation
pages "Logging AWS Lambda API calls using AWS CloudTrail", "CloudTrail record contents for management, data, and
network activity events", "Amazon S3 CloudTrail events" and "AWS service events delivered via AWS CloudTrail".
"""

import datetime as dt
import json
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import botocore.parsers
from botocore.model import ListShape, MapShape, Shape, StructureShape

from warden.local.current import CurrentCall
from warden.local.identity import Principal
from warden.local.operations import Operation
from warden.local.settings import Settings
from warden.local.timers import Timers

# Lambda's older operations carry the API's date, and some a version, in eventName; those from 2019 on do not.
_LAMBDA_NAMES = {
    "CreateFunction": "CreateFunction20150331",
    "UpdateFunctionConfiguration": "UpdateFunctionConfiguration20150331v2",
    "UpdateFunctionCode": "UpdateFunctionCode20150331v2",
    "DeleteFunction": "DeleteFunction20150331",
    "PublishVersion": "PublishVersion20150331",
    "CreateAlias": "CreateAlias20150331",
    "UpdateAlias": "UpdateAlias20150331",
    "DeleteAlias": "DeleteAlias20150331",
    "AddPermission": "AddPermission20150331v2",
    "RemovePermission": "RemovePermission20150331v2",
    "PutFunctionConcurrency": "PutFunctionConcurrency20171031",
    "DeleteFunctionConcurrency": "DeleteFunctionConcurrency20171031",
    "CreateEventSourceMapping": "CreateEventSourceMapping20150331",
    "UpdateEventSourceMapping": "UpdateEventSourceMapping20150331",
    "DeleteEventSourceMapping": "DeleteEventSourceMapping20150331",
    "TagResource": "TagResource20170331v2",
    "UntagResource": "UntagResource20170331v2",
    "PublishLayerVersion": "PublishLayerVersion20181031",
    "DeleteLayerVersion": "DeleteLayerVersion20181031",
    "AddLayerVersionPermission": "AddLayerVersionPermission20181031",
    "RemoveLayerVersionPermission": "RemoveLayerVersionPermission20181031",
}
_S3_NAMES = {
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "PutBucketLifecycleConfiguration": "PutBucketLifecycle",
    "DeleteBucketLifecycle": "DeleteBucketLifecycle",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "DeletePublicAccessBlock": "DeleteBucketPublicAccessBlock",
}
_SOURCES = (
    "lambda", "iam", "s3", "events", "sqs", "sns", "secretsmanager", "dynamodb", "kms", "scheduler", "pipes",
    "stepfunctions", "logs",
)  # fmt: skip
# Where the service's name in events is not botocore's.
_NAMES = {"stepfunctions": "states"}
_GLOBAL_SERVICES = ("iam",)
_READ = re.compile(r"(?:Get|BatchGet|List|Describe|Head|Lookup|Simulate|Generate|Test|Check|Select|Search|Query|Scan)")
# Data events: a trail shows them only when told to, and never as management events.
_DATA = {
    "lambda": {"Invoke", "InvokeAsync", "InvokeWithResponseStream"},
    "events": {"PutEvents", "PutPartnerEvents"},
    "sqs": {
        "SendMessage", "SendMessageBatch", "ReceiveMessage", "DeleteMessage", "DeleteMessageBatch",
        "ChangeMessageVisibility", "ChangeMessageVisibilityBatch",
    },
    "sns": {"Publish", "PublishBatch", "ConfirmSubscription"},
    "dynamodb": {
        "PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems", "TransactGetItems",
        "ExecuteStatement", "ExecuteTransaction", "BatchExecuteStatement",
    },
    "kms": {"Encrypt", "Decrypt", "ReEncrypt", "Sign", "Verify"},
    "s3": {"DeleteObjects"},
    "logs": {"PutLogEvents", "StartLiveTail"},
    "stepfunctions": {"SendTaskHeartbeat", "SendTaskSuccess", "SendTaskFailure"},
}  # fmt: skip
_HIDDEN = {
    "Environment",
    "SecretString",
    "SecretBinary",
    "ZipFile",
    "FilterCriteria",
    "Payload",
    "Plaintext",
    "SecretAccessKey",
}
_ENVIRONMENT = ("CreateFunction", "UpdateFunctionConfiguration", "UpdateFunctionCode", "PublishVersion")
# Lambda's codes for an IAM denial, as CloudTrail shows them.
_DENIED = ("AccessDeniedException", "AccessDenied")


@dataclass(frozen=True)
class Answer:
    """What the service answered; ``body`` is the raw response."""

    status: int
    headers: dict[str, str]
    body: bytes
    request_id: str


class Trail:
    """Turns a finished call into an event a moment later."""

    def __init__(
        self, settings: Settings, timers: Timers, publish: Callable[[str, str, dict[str, Any]], object]
    ) -> None:
        self._settings = settings
        self._timers = timers
        self._publish = publish

    def record(self, call: CurrentCall, answer: Answer, user_agent: str, address: str) -> None:
        """Emit the event of one finished call if it is a management write of a service this layer covers."""
        if is_emitted(call.operation):
            origin = {"sourceIPAddress": address, "userAgent": user_agent}
            self._emit(call, answer.request_id, origin, _outcome(call.operation, answer))

    def announce(self, call: CurrentCall, answered: dict[str, Any] | None, service: str) -> None:
        """Emit the event of a call that a service made for the caller, inside the engine; it succeeded."""
        shape = call.operation.model.output_shape if call.operation.model else None
        outcome = {
            "responseElements": _elements(call.operation, _shown(shape, answered)) if answered and shape else None
        }
        self._emit(call, str(uuid.uuid4()), {"sourceIPAddress": service, "userAgent": service}, outcome)

    def _emit(self, call: CurrentCall, request_id: str, origin: dict[str, str], outcome: dict[str, Any]) -> None:
        operation, caller = call.operation, call.caller
        region = "us-east-1" if operation.service in _GLOBAL_SERVICES else call.region
        detail = {
            **self._head(operation, caller, region, request_id),
            **origin,
            "requestParameters": request_parameters(operation),
            **outcome,
        }
        self.emit(_NAMES.get(operation.service, operation.service), caller.account, region, detail)

    def emit(self, service: str, account: str, region: str, detail: dict[str, Any]) -> None:
        """Put a finished record on the account's default bus after the configured delay."""
        event = {
            "detail-type": "AWS API Call via CloudTrail",
            "source": f"aws.{service}",
            "account": account,
            "time": detail["eventTime"],
            "region": region,
            "detail": detail,
        }
        self._timers.after(self._settings.cloudtrail_delay, lambda: self._publish(account, region, event))

    @staticmethod
    def _head(operation: Operation, caller: Principal, region: str, request_id: str) -> dict[str, Any]:
        return {
            "eventVersion": "1.11",
            "userIdentity": caller.user_identity(),
            "eventTime": dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "eventSource": f"{_NAMES.get(operation.service, operation.service)}.amazonaws.com",
            "eventName": event_name(operation),
            "awsRegion": region,
            "requestID": request_id,
            "eventID": str(uuid.uuid4()),
            "readOnly": False,
            "eventType": "AwsApiCall",
            "managementEvent": True,
            "recipientAccountId": caller.account,
            "eventCategory": "Management",
        }


def is_emitted(operation: Operation) -> bool:
    """Whether a call of this operation becomes an event that ordinary rules see."""
    if operation.service not in _SOURCES or operation.model is None or _READ.match(operation.name):
        return False
    if operation.service == "s3" and "Key" in operation.parameters:
        return False
    return operation.name not in _DATA.get(operation.service, ())


def event_name(operation: Operation) -> str:
    """CloudTrail's ``eventName`` of an operation."""
    names = {"lambda": _LAMBDA_NAMES, "s3": _S3_NAMES}.get(operation.service, {})
    return names.get(operation.name, operation.name)


def request_parameters(operation: Operation) -> dict[str, Any] | None:
    """``requestParameters``: member names with a small first letter, secret values left out."""
    if operation.service == "s3":
        return _bucket_parameters(operation)
    shape = operation.model.input_shape if operation.model else None
    shown = _shown(shape, operation.parameters) if shape else {}
    if operation.service == "lambda" and operation.name in _ENVIRONMENT[:2]:
        shown["environment"] = {}
    if operation.service == "stepfunctions" and "definition" in shown:
        shown["definition"] = "HIDDEN_DUE_TO_SECURITY_REASONS"
    if operation.service == "lambda" and operation.name == "UpdateFunctionCode":
        shown = {"publish": False, "dryRun": False, **shown}
    return shown or None


def _bucket_parameters(operation: Operation) -> dict[str, Any]:
    """S3 shows the bucket's name, the subresource as an empty string, and a document by its own element names."""
    given = dict(operation.parameters)
    bucket = given.pop("Bucket", "")
    uri = operation.model.http["requestUri"] if operation.model else ""
    subresource = uri.partition("?")[2].split("=")[0]
    named = {"bucketName": bucket, "Host": "s3.amazonaws.com"}
    if policy := given.pop("Policy", ""):
        given["bucketPolicy"] = json.loads(policy) if str(policy).lstrip().startswith("{") else policy
    return {**named, **({subresource: ""} if subresource else {}), **given}


def _outcome(operation: Operation, answer: Answer) -> dict[str, Any]:
    parsed = parsed_answer(operation, answer)
    if answer.status >= 300:
        code, message = error_of(parsed)
        shown = "AccessDenied" if code in _DENIED else code
        return {"errorCode": shown, "errorMessage": message, "responseElements": None}
    shape = operation.model.output_shape if operation.model else None
    return {"responseElements": _elements(operation, _shown(shape, parsed) if shape else {}) or None}


def _elements(operation: Operation, shown: dict[str, Any]) -> dict[str, Any]:
    """What is shown of an answer; Lambda shows an empty environment whether or not there is one."""
    if operation.service == "lambda" and operation.name in _ENVIRONMENT:
        return {**shown, "environment": {}}
    return shown


def parsed_answer(operation: Operation, answer: Answer) -> dict[str, Any]:
    """The answer as botocore reads it; {} when it cannot."""
    if operation.model is None:
        return {}
    # Without an output shape the parser still reads errors; its stub wants a shape all the same.
    shape: Any = operation.model.output_shape
    protocol = operation.model.service_model.resolved_protocol
    parser = botocore.parsers.create_parser(protocol)
    response = {"status_code": answer.status, "headers": answer.headers, "body": answer.body}
    try:
        found = parser.parse(response, shape)
    except botocore.parsers.ResponseParserError:
        return {}
    return found if isinstance(found, dict) else {}


def error_of(parsed: dict[str, Any]) -> tuple[str, str]:
    """(code, message) of a parsed error answer."""
    error = parsed.get("Error") or {}
    return str(error.get("Code", "")), str(error.get("Message", ""))


def _shown(shape: Shape, value: Any) -> Any:
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        return {
            name[:1].lower() + name[1:]: _shown(member, value[name])
            for name, member in shape.members.items()
            if name in value and name not in _HIDDEN and member.type_name != "blob"
        }
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [_shown(shape.member, one) for one in value]
    if isinstance(shape, MapShape) and isinstance(value, dict):
        return {key: _shown(shape.value, one) for key, one in value.items()}
    if isinstance(value, dt.datetime):
        return value.strftime("%b %-d, %Y %-I:%M:%S %p")
    return value
