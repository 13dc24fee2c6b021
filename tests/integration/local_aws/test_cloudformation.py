"""Stacks: their functions are complete, and CloudTrail shows who made what through CloudFormation."""

import json
from typing import Any

from warden.local.emulator import Emulator

from .resources import MEMBER, collect, collected, create_queue, trust, until

ROLE = {
    "Type": "AWS::IAM::Role",
    "Properties": {
        "RoleName": "orders-role",
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust("lambda.amazonaws.com")]},
    },
}


def function(**properties: Any) -> dict[str, Any]:
    given = {
        "FunctionName": "orders",
        "Runtime": "python3.12",
        "Handler": "index.handler",
        "Role": {"Fn::GetAtt": ["Role", "Arn"]},
        "Code": {"ZipFile": "def handler(event, context): return 'first'"},
        "Environment": {"Variables": {"PASSWORD": "planted-value"}},
        "Tags": [{"Key": "Team", "Value": "payments"}],
    }
    return {"Type": "AWS::Lambda::Function", "Properties": {**given, **properties}}


def deploy(aws: Emulator, **resources: Any) -> None:
    client = aws.client("cloudformation", MEMBER)
    template = json.dumps({"Resources": {"Role": ROLE, **resources}})
    capabilities = ["CAPABILITY_NAMED_IAM"]
    try:
        client.describe_stacks(StackName="orders")
    except client.exceptions.ClientError:
        client.create_stack(StackName="orders", TemplateBody=template, Capabilities=capabilities)
    else:
        client.update_stack(StackName="orders", TemplateBody=template, Capabilities=capabilities)

    def complete() -> bool:
        status = str(client.describe_stacks(StackName="orders")["Stacks"][0]["StackStatus"])
        assert "FAILED" not in status, status
        assert "ROLLBACK" not in status, status
        return status.endswith("_COMPLETE")

    until(complete)


def test_a_stacks_functions_keep_all_their_settings(emulator: Emulator) -> None:
    dead = create_queue(emulator, MEMBER, "dead")
    settings = {
        "ReservedConcurrentExecutions": 7,
        "RecursiveLoop": "Allow",
        "DeadLetterConfig": {"TargetArn": dead},
    }
    deploy(emulator, Function=function(**settings))
    client = emulator.client("lambda", MEMBER)
    found = client.get_function(FunctionName="orders")
    assert found["Concurrency"] == {"ReservedConcurrentExecutions": 7}
    assert found["Configuration"]["DeadLetterConfig"] == {"TargetArn": dead}
    assert client.get_function_recursion_config(FunctionName="orders")["RecursiveLoop"] == "Allow"


def test_creation_update_and_deletion_are_events_invoked_by_cloudformation(emulator: Emulator) -> None:
    collect(emulator, MEMBER, {"source": ["aws.lambda"], "detail-type": ["AWS API Call via CloudTrail"]})
    deploy(emulator, Function=function())
    deploy(
        emulator,
        Function=function(Timeout=30, Code={"ZipFile": "def handler(event, context): return 'second'"}),
    )
    emulator.client("cloudformation", MEMBER).delete_stack(StackName="orders")
    until(lambda: not emulator.client("lambda", MEMBER).list_functions()["Functions"])
    found = [event["detail"] for event in collected(emulator, MEMBER)]
    assert [detail["eventName"] for detail in found] == [
        "CreateFunction20150331",
        "UpdateFunctionCode20150331v2",
        "UpdateFunctionConfiguration20150331v2",
        "DeleteFunction20150331",
    ]
    assert "planted" not in json.dumps(found)
    created = found[0]
    assert created["userIdentity"]["invokedBy"] == "cloudformation.amazonaws.com"
    assert created["userIdentity"]["arn"] == f"arn:aws:iam::{MEMBER}:root"
    assert created["sourceIPAddress"] == created["userAgent"] == "cloudformation.amazonaws.com"
    assert created["requestParameters"]["functionName"] == "orders"
    assert created["requestParameters"]["tags"]["Team"] == "payments"
    assert created["requestParameters"]["environment"] == {}
    assert created["responseElements"]["functionArn"] == f"arn:aws:lambda:us-east-1:{MEMBER}:function:orders"
    assert found[2]["requestParameters"]["timeout"] == 30


def test_roles_of_a_stack_are_events_in_us_east_1(emulator: Emulator) -> None:
    collect(emulator, MEMBER, {"source": ["aws.iam"]})
    deploy(emulator)
    (event,) = collected(emulator, MEMBER)
    assert event["detail"]["eventName"] == "CreateRole"
    assert event["detail"]["requestParameters"]["roleName"] == "orders-role"
