"""The synthesised templates onto the embedded AWS: the same ones that `cdk deploy` would send.

Its CloudFormation refuses a whole template for a resource type it does not know. Such resources are taken out and
named; where the API knows what CloudFormation does not (a bus policy), they are made through the API instead.
"""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from warden.local.emulator import Emulator

# What the embedded CloudFormation refuses (found by deploying each); see docs/decisions.
UNSUPPORTED = frozenset(
    {
        "AWS::ApiGatewayV2::Authorizer",
        "AWS::CDK::Metadata",
        "AWS::CloudFormation::StackSet",
        "AWS::CloudTrail::Trail",
        "AWS::CloudWatch::AnomalyDetector",
        "AWS::CloudWatch::CompositeAlarm",
        "AWS::Config::ConfigRule",
        "AWS::Events::ApiDestination",
        "AWS::Events::Archive",
        "AWS::Events::Connection",
        "AWS::Events::EventBusPolicy",
        "AWS::IAM::RolePolicy",
        "AWS::Lambda::CodeSigningConfig",
        "AWS::SSM::Document",
        "AWS::SecretsManager::ResourcePolicy",
        "AWS::SecretsManager::RotationSchedule",
        "AWS::XRay::Group",
    }
)

REPOSITORY = Path(__file__).parents[2]

Template = dict[str, Any]


# CloudFormation quotas, "Template body size in a request".
_LONGEST_BODY = 51_200


class DeployError(RuntimeError):
    """A stack did not come up; the text names the resource and the reason."""


@dataclass(frozen=True)
class Target:
    """An account and Region of the embedded AWS."""

    emulator: Emulator
    account: str
    region: str

    def client(self, service: str) -> Any:
        """Return a client there."""
        return self.emulator.client(service, self.account, self.region)


@dataclass
class Deployment:
    """What became of the templates: outputs by stack, and which resources are not as in AWS."""

    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    left_out: set[str] = field(default_factory=set)
    by_api: set[str] = field(default_factory=set)


def synthesise(configuration: Mapping[str, Any], assembly: Path) -> None:
    """Synthesise the stacks as `cdk synth` does, in a process of its own: the CDK keeps half a gigabyte for good.

    Raises `DeployError` with what the synthesis said.
    """
    context = json.dumps({"warden": configuration})
    run = subprocess.run(  # noqa: S603 - our own app, under our own interpreter
        [sys.executable, str(REPOSITORY / "app.py")],
        cwd=REPOSITORY,
        # The CDK's own look at the templates takes seconds and only warns, into what nobody reads here.
        env={**os.environ, "CDK_OUTDIR": str(assembly), "CDK_CONTEXT_JSON": context, "CDK_VALIDATION": "false"},
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode:
        raise DeployError(f"synthesis failed: {run.stderr.strip()[-3000:]}")


def deploy(assembly: Path, stack: str, target: Target, into: Deployment) -> None:
    """Deploy one stack of a cloud assembly. Raises `DeployError`."""
    template: Template = json.loads((assembly / f"{stack}.template.json").read_text())
    _bootstrap(template, target)
    _publish_assets(assembly, stack, target)
    kept, dropped = without_unsupported(template)
    client = target.client("cloudformation")
    client.create_stack(
        StackName=stack,
        **_handed_over(kept, stack, target),
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    outputs = _wait(client, stack)
    into.outputs[f"{stack}@{target.account}"] = outputs
    physical = _physical_ids(client, stack)
    for resource in dropped.values():
        make = _BY_API.get(resource["Type"])
        if make is None:
            into.left_out.add(_left_out(resource))
        else:
            make(target, Resolver(target, physical).resolve(resource["Properties"]))
            into.by_api.add(resource["Type"])


def _handed_over(template: Template, stack: str, target: Target) -> dict[str, str]:
    """Return a template as CreateStack takes it: as it is, or a large one from a bucket, as the CDK does."""
    body = json.dumps(template)
    if len(body) <= _LONGEST_BODY:
        return {"TemplateBody": body}
    s3, bucket = target.client("s3"), f"warden-templates-{target.account}-{target.region}"
    _ensure_bucket(s3, bucket, target.region)
    s3.put_object(Bucket=bucket, Key=f"{stack}.json", Body=body.encode())
    return {"TemplateURL": f"{target.emulator.endpoint}/{bucket}/{stack}.json"}


def without_unsupported(template: Template) -> tuple[Template, dict[str, Template]]:
    """Split a template into what the embedded CloudFormation takes, and the resources that it would refuse it for."""
    resources: dict[str, Template] = template.get("Resources", {})
    dropped = {name: r for name, r in resources.items() if _left_out(r)}
    kept = {}
    for name, resource in resources.items():
        if name in dropped:
            continue
        copy = dict(resource)
        waits = copy.get("DependsOn")
        if waits is not None:
            copy["DependsOn"] = [
                other for other in ([waits] if isinstance(waits, str) else waits) if other not in dropped
            ]
        kept[name] = copy
    outputs = {k: v for k, v in template.get("Outputs", {}).items() if not _mentions(v, dropped)}
    return {**template, "Resources": kept, "Outputs": outputs}, dropped


def _left_out(resource: Template) -> str:
    """Name what the embedded CloudFormation does not know about a resource, '' if it takes it."""
    queries = resource.get("Properties", {}).get("Metrics", [])
    if resource["Type"] == "AWS::CloudWatch::Alarm" and not all(map(_is_insights, queries)):
        return "AWS::CloudWatch::Alarm with metric math"
    return resource["Type"] if resource["Type"] in UNSUPPORTED else ""


def _is_insights(query: Template) -> bool:
    return str(query.get("Expression", "")).lstrip().upper().startswith("SELECT")


@dataclass(frozen=True)
class Resolver:
    """CloudFormation's intrinsic functions over a deployed stack, as far as our own left-out resources use them."""

    target: Target
    physical: Mapping[str, str]

    def resolve(self, value: Any) -> Any:
        """Return the value with every intrinsic function replaced. Raises `DeployError` for one not known here."""
        if isinstance(value, list):
            return [self.resolve(item) for item in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            (name, argument) = next(iter(value.items()))
            if name == "Ref" or name.startswith("Fn::"):
                return self._intrinsic(name, argument)
        return {key: self.resolve(item) for key, item in value.items()}

    def _intrinsic(self, name: str, argument: Any) -> Any:
        match name:
            case "Ref":
                return self._reference(argument)
            case "Fn::Join":
                return argument[0].join(str(part) for part in self.resolve(argument[1]))
            case "Fn::Sub" if isinstance(argument, str):
                return re.sub(r"\$\{([^}]+)\}", lambda m: str(self._reference(m[1])), argument)
            case "Fn::GetAtt":
                return self._attribute(*argument)
            case _:
                raise DeployError(f"{name} in a left-out resource cannot be resolved")

    def _reference(self, name: str) -> str:
        pseudo = {"AWS::AccountId": self.target.account, "AWS::Region": self.target.region, "AWS::Partition": "aws"}
        if name in pseudo:
            return pseudo[name]
        if name not in self.physical:
            raise DeployError(f"{name} in a left-out resource cannot be resolved")
        return self.physical[name]

    def _attribute(self, logical_id: str, attribute: str) -> str:
        physical = self._reference(logical_id)
        if attribute == "Arn" and "/" not in physical and not physical.startswith("arn:"):
            return f"arn:aws:events:{self.target.region}:{self.target.account}:event-bus/{physical}"
        return physical


def _bus_policy(target: Target, properties: Template) -> None:
    statement = {"Sid": properties["StatementId"], **properties["Statement"]}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    target.client("events").put_permission(EventBusName=properties["EventBusName"], Policy=policy)


_BY_API: dict[str, Callable[[Target, Template], None]] = {"AWS::Events::EventBusPolicy": _bus_policy}


def _publish_assets(assembly: Path, stack: str, target: Target) -> None:
    """Put the stack's files where its template looks for them, as `cdk deploy` does."""
    manifest = assembly / f"{stack}.assets.json"
    if not manifest.exists():
        return
    s3 = target.client("s3")
    for file in json.loads(manifest.read_text()).get("files", {}).values():
        source = assembly / file["source"]["path"]
        if source.suffix == ".json" and source.name.endswith(".template.json"):
            continue
        for destination in file["destinations"].values():
            bucket = _filled(destination["bucketName"], target)
            _ensure_bucket(s3, bucket, target.region)
            body = _zipped(source) if file["source"].get("packaging") == "zip" else source.read_bytes()
            s3.put_object(Bucket=bucket, Key=destination["objectKey"], Body=body)


def _bootstrap(template: Template, target: Target) -> None:
    """Give the template's check of `cdk bootstrap` what it looks for."""
    parameter = template.get("Parameters", {}).get("BootstrapVersion")
    if parameter is not None:
        target.client("ssm").put_parameter(Name=parameter["Default"], Value="99", Type="String", Overwrite=True)


def _ensure_bucket(s3: Any, bucket: str, region: str) -> None:
    """Make the bucket that `cdk bootstrap` would have made."""
    if bucket not in {b["Name"] for b in s3.list_buckets()["Buckets"]}:
        # S3 knows its first Region by no name (S3 API reference, CreateBucket).
        where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        s3.create_bucket(Bucket=bucket, **where)


def _filled(text: str, target: Target) -> str:
    values = {"AWS::AccountId": target.account, "AWS::Region": target.region, "AWS::Partition": "aws"}
    return re.sub(r"\$\{([^}]+)\}", lambda m: values.get(m[1], m[0]), text)


def _zipped(folder: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder))
    return buffer.getvalue()


def _wait(client: Any, stack: str, seconds: float = 60) -> dict[str, str]:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = client.describe_stacks(StackName=stack)["Stacks"][0]
        if found["StackStatus"] == "CREATE_COMPLETE":
            return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}
        if not found["StackStatus"].endswith("_IN_PROGRESS") or "ROLLBACK" in found["StackStatus"]:
            raise DeployError(
                f"{stack}: {_failures(client, stack) or found.get('StackStatusReason', 'no reason given')}"
            )
        time.sleep(0.1)
    raise DeployError(f"{stack}: not ready after {seconds:g} s")


def _failures(client: Any, stack: str) -> str:
    events = client.describe_stack_events(StackName=stack)["StackEvents"]
    failed = [e for e in events if e["ResourceStatus"].endswith("_FAILED")]
    return "; ".join(f"{e['LogicalResourceId']}: {e.get('ResourceStatusReason', '')}" for e in failed[:5])


def _physical_ids(client: Any, stack: str) -> dict[str, str]:
    pages = client.get_paginator("list_stack_resources").paginate(StackName=stack)
    return {r["LogicalResourceId"]: r["PhysicalResourceId"] for p in pages for r in p["StackResourceSummaries"]}


def _mentions(value: Any, names: Iterable[str]) -> bool:
    text = json.dumps(value)
    return any(f'"{name}"' in text for name in names)
