"""Which AWS operation an HTTP request is, with its parameters, read from botocore's service models.

The engine guesses operations from paths and gets several wrong; the models are what every SDK serialises by, so reading
them backwards is exact. Formats follow the Smithy documentation pages "AWS JSON 1.0/1.1 protocol", "AWS restJson1
protocol", "AWS restXml protocol", "AWS query protocol", "AWS EC2 query protocol" and "Smithy RPC v2 CBOR protocol".
"""

import functools
import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote

import botocore.session
import cbor2
from botocore.exceptions import UnknownServiceError
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape
from defusedxml import ElementTree  # type: ignore[import-untyped] # no stubs are installed

# Where the name that signs requests is not botocore's name of the service.
_SERVICE_OF_SIGNING_NAME = {
    "monitoring": "cloudwatch",
    "states": "stepfunctions",
    "tagging": "resourcegroupstaggingapi",
    "email": "ses",
    "elasticloadbalancing": "elbv2",
}


# Same route as PutObject and UploadPart; a header tells them apart.
_COPIES = ("CopyObject", "UploadPartCopy")


@dataclass(frozen=True)
class Request:
    """One HTTP request as it arrived: decoded header names, raw (still percent-encoded) path, whole body."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Operation:
    """An AWS operation by botocore's names, e.g. service "lambda", name "PutFunctionConcurrency"."""

    service: str
    name: str
    parameters: dict[str, Any] = field(default_factory=dict)
    model: OperationModel | None = None

    def __str__(self) -> str:
        return f"{self.service}:{self.name}"


def identify(signing_name: str, request: Request) -> Operation:
    """The operation of a signed request. An unknown service or operation keeps what is known, with name ""."""
    service = _SERVICE_OF_SIGNING_NAME.get(signing_name, signing_name)
    target = request.headers.get("x-amz-target", "")
    if target.startswith("DynamoDBStreams"):
        service = "dynamodbstreams"
    model = service_model(service)
    if model is None:
        return Operation(service, target.rsplit(".", 1)[-1])
    found = _named(model, request, target) or _routed(model, request)
    return found or Operation(service, "")


@functools.cache
def service_model(service: str) -> ServiceModel | None:
    """The model of a service, or None when botocore has none of that name."""
    try:
        return botocore.session.get_session().get_service_model(service)
    except UnknownServiceError:
        return None


def _named(model: ServiceModel, request: Request, target: str) -> Operation | None:
    """JSON, CBOR and query protocols name their operation; the path says nothing."""
    if "." in target:
        return _operation(model, target.rsplit(".", 1)[1], lambda _: _json(request.body))
    if found := re.fullmatch(r"/service/[^/]+/operation/([^/]+)", request.path):
        return _operation(model, found[1], lambda _: cbor2.loads(request.body) if request.body else {})
    fields = {**_fields(request.query)}
    if "form-urlencoded" in request.headers.get("content-type", ""):
        fields |= _fields(request.body.decode("utf-8", "replace"))
    if action := fields.get("Action"):
        return _operation(model, action, lambda shape: _query_structure(shape, "", fields))
    return None


def _operation(model: ServiceModel, name: str, parameters: Any) -> Operation | None:
    if name not in model.operation_names:
        return None
    operation = model.operation_model(name)
    found = parameters(operation.input_shape) if operation.input_shape else {}
    return Operation(model.service_name, name, found if isinstance(found, dict) else {}, operation)


def _json(body: bytes) -> Any:
    try:
        return json.loads(body or b"{}")
    except ValueError:
        return {}


def _fields(encoded: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(encoded, keep_blank_values=True).items()}


# Query protocol: Entries.member.1.Key=…, flattened lists as Entries.1.Key, maps as Tags.entry.1.key/value.


def _query_value(shape: Shape, prefix: str, fields: dict[str, str]) -> Any:
    if isinstance(shape, StructureShape):
        return _query_structure(shape, prefix, fields)
    if isinstance(shape, ListShape):
        stem = prefix if shape.serialization.get("flattened") else f"{prefix}.member"
        return [_query_value(shape.member, one, fields) for one in _numbered(stem, fields)]
    if isinstance(shape, MapShape):
        stem = prefix if shape.serialization.get("flattened") else f"{prefix}.entry"
        return {
            fields.get(f"{one}.key", fields.get(f"{one}.Name", "")): fields.get(
                f"{one}.value", fields.get(f"{one}.Value", "")
            )
            for one in _numbered(stem, fields)
        }
    return _scalar(shape, fields.get(prefix, ""))


def _query_structure(shape: StructureShape, prefix: str, fields: dict[str, str]) -> dict[str, Any]:
    found = {}
    for name, member in shape.members.items():
        stem = f"{prefix}.{name}" if prefix else name
        if any(one == stem or one.startswith(f"{stem}.") for one in fields):
            found[name] = _query_value(member, stem, fields)
    return found


def _numbered(stem: str, fields: dict[str, str]) -> list[str]:
    numbers = {found[1] for one in fields if (found := re.match(rf"{re.escape(stem)}\.(\d+)(?:\.|$)", one))}
    return [f"{stem}.{number}" for number in sorted(numbers, key=int)]


def _scalar(shape: Shape, text: str) -> Any:
    try:
        if shape.type_name in ("integer", "long"):
            return int(text)
        if shape.type_name in ("float", "double"):
            return float(text)
    except ValueError:
        return text
    return text.lower() == "true" if shape.type_name == "boolean" else text


# REST protocols: the operation is the most literal route that matches method, path and required query names.


@dataclass(frozen=True)
class _Route:
    method: str
    pattern: re.Pattern[str]
    query: dict[str, str]
    labels: list[str]
    operation: str
    literals: int


@functools.cache
def _routes(service: str) -> list[_Route]:
    model = service_model(service)
    names = model.operation_names if model else ()
    operations = {name: model.operation_model(name) for name in names if model}
    # A deprecated operation may share its route with the one that replaced it.
    routes = [(_route(name, one), bool(one.deprecated)) for name, one in operations.items()]
    return [route for route, _ in sorted(routes, key=lambda pair: (-pair[0].literals, pair[1]))]


def _route(name: str, operation: OperationModel) -> _Route:
    path, _, query = operation.http["requestUri"].partition("?")
    labels = re.findall(r"\{([^}+]+)\+?\}", path)
    segments = [
        (r"(.+)" if segment.endswith("+}") else r"([^/]+)") if segment.startswith("{") else re.escape(segment)
        for segment in path.strip("/").split("/")
    ]
    needed = {key: value for key, _, value in (part.partition("=") for part in query.split("&")) if key}
    literals = sum(not segment.startswith("(") for segment in segments) + len(needed)
    pattern = re.compile("/" + "/".join(segments) + "/?")
    return _Route(operation.http["method"], pattern, needed, labels, name, literals)


def _routed(model: ServiceModel, request: Request) -> Operation | None:
    query = _fields(request.query)
    for route in _routes(model.service_name):
        if route.method != request.method or any(
            key not in query or (value and query[key] != value) for key, value in route.query.items()
        ):
            continue
        if route.operation in _COPIES and "x-amz-copy-source" not in request.headers:
            continue
        if found := route.pattern.fullmatch(request.path):
            labels = dict(zip(route.labels, map(unquote, found.groups()), strict=True))
            operation = model.operation_model(route.operation)
            parameters = _rest_parameters(operation, request, labels, query)
            return Operation(model.service_name, route.operation, parameters, operation)
    return None


def _rest_parameters(
    operation: OperationModel, request: Request, labels: dict[str, str], query: dict[str, str]
) -> dict[str, Any]:
    shape = operation.input_shape
    if not isinstance(shape, StructureShape):
        return {}
    is_xml = operation.service_model.metadata.get("protocol") == "rest-xml"
    body = xml_document(request.body) if is_xml else _json(request.body)
    found: dict[str, Any] = dict(body) if isinstance(body, dict) and not shape.serialization.get("payload") else {}
    if (payload := shape.serialization.get("payload")) and request.body:
        kind = shape.members[payload]
        if isinstance(kind, StructureShape):
            found[payload] = body
        elif kind.type_name == "string":
            found[payload] = request.body.decode("utf-8", "replace")
    for name, member in shape.members.items():
        wire = member.serialization.get("name", name)
        location = member.serialization.get("location")
        if location == "uri" and wire in labels:
            found[name] = _scalar(member, labels[wire])
        elif location == "querystring" and wire in query:
            found[name] = _query_strings(member, wire, request.query)
        elif location == "header" and wire.lower() in request.headers:
            found[name] = _scalar(member, request.headers[wire.lower()])
    return found


def _query_strings(shape: Shape, name: str, encoded: str) -> Any:
    values = parse_qs(encoded, keep_blank_values=True)[name]
    return [_scalar(shape.member, one) for one in values] if isinstance(shape, ListShape) else _scalar(shape, values[0])


def xml_document(body: bytes) -> dict[str, Any]:
    """An S3 configuration document as nested dicts by element name, as CloudTrail shows it."""
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError:
        return {}
    found = _element(root)
    return found if isinstance(found, dict) else {}


def _element(node: Any) -> Any:
    if not len(node):
        return node.text or ""
    found: dict[str, Any] = {}
    for child in node:
        name, value = child.tag.rpartition("}")[2], _element(child)
        if name in found:
            found[name] = [*(found[name] if isinstance(found[name], list) else [found[name]]), value]
        else:
            found[name] = value
    return found
