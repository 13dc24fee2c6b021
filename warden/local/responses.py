"""An error in the form its service's protocol gives it, so that SDKs raise the exception they would raise on AWS.

Formats: the Smithy documentation pages of the AWS JSON, REST, query and RPC v2 CBOR protocols, sections "Error
responses".
"""

import json
import uuid
from xml.sax.saxutils import escape

import cbor2

from warden.local.operations import Operation


def error_answer(
    operation: Operation, request_headers: dict[str, str], status: int, code: str, message: str
) -> tuple[int, dict[str, str], bytes]:
    """(status, headers, body) of an error answer to a request of this operation."""
    request_id = str(uuid.uuid4())
    headers = {"x-amzn-requestid": request_id, "x-amz-request-id": request_id}
    if "smithy-protocol" in request_headers:
        body = cbor2.dumps({"__type": code, "message": message})
        headers |= {"content-type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}
    elif _protocol(operation) in ("query", "ec2", "rest-xml"):
        body = _xml(operation, code, message, request_id).encode()
        headers |= {"content-type": "text/xml"}
    else:
        body = json.dumps({"__type": code, "message": message, "Message": message}).encode()
        headers |= {"content-type": "application/x-amz-json-1.1", "x-amzn-errortype": code}
        if operation.service == "sqs":
            headers |= {"x-amzn-query-error": f"{code};{'Sender' if status < 500 else 'Receiver'}"}
    return status, headers | {"content-length": str(len(body))}, body


def _protocol(operation: Operation) -> str:
    return str(operation.model.service_model.metadata.get("protocol", "json")) if operation.model else "json"


def _xml(operation: Operation, code: str, message: str, request_id: str) -> str:
    error = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
    if operation.service == "s3":
        return f'<?xml version="1.0" encoding="UTF-8"?><Error>{error}<RequestId>{request_id}</RequestId></Error>'
    if operation.service == "ec2":
        return f"<Response><Errors><Error>{error}</Error></Errors><RequestID>{request_id}</RequestID></Response>"
    return (
        f"<ErrorResponse><Error><Type>Sender</Type>{error}</Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    )
