"""CloudTrail events on the default bus: which calls, named how, with what hidden, by whom."""

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from warden.local.cloudtrail import is_emitted
from warden.local.emulator import Emulator
from warden.local.operations import Operation, service_model

from .resources import (
    MEMBER,
    allow,
    assumed,
    code,
    collect,
    collected,
    create_function,
    create_queue,
    create_role,
    document,
)

CLOUDTRAIL = {"detail-type": ["AWS API Call via CloudTrail"]}
FUNCTION = f"arn:aws:lambda:us-east-1:{MEMBER}:function:orders"
OPEN_ROLE = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}


def details(aws: Emulator, name: str = "") -> list[dict[str, Any]]:
    """The details of the collected events, of one eventName or all."""
    return [event["detail"] for event in collected(aws, MEMBER) if name in ("", event["detail"]["eventName"])]


def watch(aws: Emulator, source: str = "aws.lambda") -> None:
    collect(aws, MEMBER, {**CLOUDTRAIL, "source": [source]})


LAMBDA_CALLS: list[tuple[str, Callable[[Any], Any]]] = [
    (
        "UpdateFunctionConfiguration20150331v2",
        lambda c: c.update_function_configuration(FunctionName="orders", Timeout=9),
    ),
    ("UpdateFunctionCode20150331v2", lambda c: c.update_function_code(FunctionName="orders", ZipFile=code("x = 1"))),
    ("DeleteFunction20150331", lambda c: c.delete_function(FunctionName="orders")),
    ("PublishVersion20150331", lambda c: c.publish_version(FunctionName="orders")),
    ("CreateAlias20150331", lambda c: c.create_alias(FunctionName="orders", Name="live", FunctionVersion="$LATEST")),
    (
        "AddPermission20150331v2",
        lambda c: c.add_permission(
            FunctionName="orders", StatementId="s", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com"
        ),
    ),
    (
        "PutFunctionConcurrency20171031",
        lambda c: c.put_function_concurrency(FunctionName="orders", ReservedConcurrentExecutions=3),
    ),
    ("DeleteFunctionConcurrency20171031", lambda c: c.delete_function_concurrency(FunctionName="orders")),
    ("CreateFunctionUrlConfig", lambda c: c.create_function_url_config(FunctionName="orders", AuthType="NONE")),
    (
        "PutFunctionEventInvokeConfig",
        lambda c: c.put_function_event_invoke_config(FunctionName="orders", MaximumRetryAttempts=0),
    ),
    (
        "PutFunctionRecursionConfig",
        lambda c: c.put_function_recursion_config(FunctionName="orders", RecursiveLoop="Allow"),
    ),
    ("TagResource20170331v2", lambda c: c.tag_resource(Resource=FUNCTION, Tags={"Team": "x"})),
    ("UntagResource20170331v2", lambda c: c.untag_resource(Resource=FUNCTION, TagKeys=["Team"])),
    (
        "PublishLayerVersion20181031",
        lambda c: c.publish_layer_version(LayerName="common", Content={"ZipFile": code("x = 1")}),
    ),
    (
        "CreateEventSourceMapping20150331",
        lambda c: c.create_event_source_mapping(
            FunctionName="orders", EventSourceArn=f"arn:aws:sqs:us-east-1:{MEMBER}:source", Enabled=False
        ),
    ),
]


@pytest.mark.parametrize(("name", "call"), LAMBDA_CALLS, ids=[name for name, _ in LAMBDA_CALLS])
def test_names_lambda_calls_as_cloudtrail_does(emulator: Emulator, name: str, call: Callable[[Any], Any]) -> None:
    create_function(emulator, MEMBER, "orders", allowed=["sqs:*"])
    create_queue(emulator, MEMBER, "source")
    watch(emulator)
    call(emulator.client("lambda", MEMBER))
    (detail,) = details(emulator)
    assert detail["eventName"] == name
    assert detail["eventSource"] == "lambda.amazonaws.com"
    assert detail["readOnly"] is False
    assert "errorCode" not in detail


def test_names_calls_on_aliases_and_layers_as_cloudtrail_does(emulator: Emulator) -> None:
    create_function(emulator, MEMBER, "orders")
    client = emulator.client("lambda", MEMBER)
    version = client.publish_version(FunctionName="orders")["Version"]
    client.create_alias(FunctionName="orders", Name="live", FunctionVersion="$LATEST")
    client.publish_layer_version(LayerName="common", Content={"ZipFile": code("x = 1")})
    layer, shared = {"LayerName": "common", "VersionNumber": 1}, {"StatementId": "s", "Principal": "*"}
    watch(emulator)
    client.update_alias(FunctionName="orders", Name="live", FunctionVersion=version)
    client.delete_alias(FunctionName="orders", Name="live")
    client.add_layer_version_permission(**layer, **shared, Action="lambda:GetLayerVersion")
    client.remove_layer_version_permission(**layer, StatementId="s")
    client.delete_layer_version(**layer)
    found = details(emulator)
    assert [detail["eventName"] for detail in found] == [
        "UpdateAlias20150331",
        "DeleteAlias20150331",
        "AddLayerVersionPermission20181031",
        "RemoveLayerVersionPermission20181031",
        "DeleteLayerVersion20181031",
    ]
    assert found[0]["requestParameters"] == {"functionName": "orders", "name": "live", "functionVersion": version}
    assert found[4]["requestParameters"] == {"layerName": "common", "versionNumber": 1}


def test_a_new_function_is_an_event_without_its_values_and_code(emulator: Emulator) -> None:
    role = create_role(emulator, MEMBER, "orders-role")
    watch(emulator)
    answer = emulator.client("lambda", MEMBER).create_function(
        FunctionName="orders",
        Runtime="python3.12",
        Role=role,
        Handler="app.handler",
        Code={"ZipFile": code("planted = 'in the code'")},
        Environment={"Variables": {"PASSWORD": "planted-value"}},
        Tags={"Team": "payments"},
    )
    (event,) = collected(emulator, MEMBER)
    assert "planted" not in json.dumps(event)
    assert (event["source"], event["account"], event["region"]) == ("aws.lambda", MEMBER, "us-east-1")
    detail = event["detail"]
    assert event["time"] == detail["eventTime"]
    assert detail["requestID"] == answer["ResponseMetadata"]["RequestId"]
    assert detail["eventID"] not in (detail["requestID"], event["id"])
    assert detail["requestParameters"] == {
        "functionName": "orders",
        "runtime": "python3.12",
        "role": role,
        "handler": "app.handler",
        "code": {},
        "environment": {},
        "tags": {"Team": "payments"},
    }
    assert detail["responseElements"]["functionArn"] == FUNCTION
    assert detail["responseElements"]["environment"] == {}
    assert detail["responseElements"]["state"] == "Pending"
    assert detail["recipientAccountId"] == MEMBER
    assert detail["userAgent"].startswith("Boto3/")


def test_an_update_shows_an_empty_environment_even_when_it_did_not_touch_it(emulator: Emulator) -> None:
    create_function(emulator, MEMBER, "orders", Environment={"Variables": {"PASSWORD": "planted-value"}})
    watch(emulator)
    emulator.client("lambda", MEMBER).update_function_configuration(FunctionName=FUNCTION, Timeout=30)
    (detail,) = details(emulator)
    assert detail["requestParameters"] == {"functionName": FUNCTION, "timeout": 30, "environment": {}}
    assert detail["responseElements"]["functionName"] == "orders"
    assert detail["responseElements"]["environment"] == {}
    assert detail["responseElements"]["lastUpdateStatus"] == "InProgress"
    assert detail["responseElements"]["lastUpdateStatusReasonCode"] == "Creating"


def test_the_filters_of_a_mapping_are_hidden(emulator: Emulator) -> None:
    create_function(emulator, MEMBER, "orders", allowed=["sqs:*"])
    source = create_queue(emulator, MEMBER, "source")
    watch(emulator)
    pattern = json.dumps({"body": {"card": ["planted-value"]}})
    emulator.client("lambda", MEMBER).create_event_source_mapping(
        FunctionName="orders", EventSourceArn=source, FilterCriteria={"Filters": [{"Pattern": pattern}]}
    )
    (detail,) = details(emulator)
    assert detail["requestParameters"] == {"functionName": "orders", "eventSourceArn": source}
    assert detail["responseElements"]["uUID"]
    assert "planted" not in json.dumps(detail)


def test_answers_without_a_body_have_no_response_elements(emulator: Emulator) -> None:
    create_function(emulator, MEMBER, "orders")
    watch(emulator)
    emulator.client("lambda", MEMBER).delete_function_concurrency(FunctionName="orders")
    assert details(emulator)[0]["responseElements"] is None


@pytest.mark.parametrize(
    ("call", "error_code"),
    [
        (lambda c: c.delete_function(FunctionName="missing"), "ResourceNotFoundException"),
        (
            lambda c: c.create_function(
                FunctionName="orders", Runtime="python3.12", Role="r", Handler="a.h", Code={"ZipFile": code("x = 1")}
            ),
            "ResourceConflictException",
        ),
        (
            lambda c: c.put_function_concurrency(FunctionName="orders", ReservedConcurrentExecutions=950),
            "InvalidParameterValueException",
        ),
    ],
    ids=["not-found", "conflict", "validation"],
)
def test_a_failed_call_is_an_event_with_its_error(
    emulator: Emulator, call: Callable[[Any], Any], error_code: str
) -> None:
    create_function(emulator, MEMBER, "orders")
    watch(emulator)
    with pytest.raises(ClientError) as failed:
        call(emulator.client("lambda", MEMBER))
    (detail,) = details(emulator)
    assert detail["errorCode"] == error_code
    assert detail["errorMessage"] == failed.value.response["Error"]["Message"]
    assert detail["responseElements"] is None


def test_a_denied_call_is_an_event_with_cloudtrails_own_code(emulator: Emulator) -> None:
    role = create_role(emulator, MEMBER, "developer", allow("lambda:Get*"), trusts=[OPEN_ROLE])
    create_function(emulator, MEMBER, "orders")
    watch(emulator)
    client = assumed(emulator, MEMBER, role).client("lambda", endpoint_url=emulator.endpoint)
    with pytest.raises(ClientError) as denied:
        client.delete_function(FunctionName="orders")
    assert denied.value.response["Error"]["Code"] == "AccessDeniedException"
    (detail,) = details(emulator)
    assert detail["errorCode"] == "AccessDenied"
    assert "lambda:DeleteFunction" in detail["errorMessage"]
    assert detail["requestParameters"] == {"functionName": "orders"}


def test_a_throttled_call_is_an_event(emulator: Emulator) -> None:
    create_function(emulator, MEMBER, "orders")
    watch(emulator)
    emulator.fault("lambda:PutFunctionConcurrency")
    emulator.client("lambda", MEMBER).put_function_concurrency(FunctionName="orders", ReservedConcurrentExecutions=1)
    assert [detail.get("errorCode") for detail in details(emulator)] == ["TooManyRequestsException", None]


def test_an_event_comes_after_the_configured_delay(emulator: Emulator) -> None:
    watch(emulator, "aws.sqs")
    emulator.configure(cloudtrail_delay=0.5)
    emulator.client("sqs", MEMBER).create_queue(QueueName="q")
    assert not emulator.idle(0.2)
    assert emulator.dead_letters(MEMBER, "collected") == []
    assert len(details(emulator)) == 1


class TestIdentity:
    def test_of_an_assumed_role(self, emulator: Emulator) -> None:
        role = create_role(emulator, MEMBER, "developer", allow("lambda:*"), trusts=[OPEN_ROLE])
        role_id = emulator.client("iam", MEMBER).get_role(RoleName="developer")["Role"]["RoleId"]
        create_function(emulator, MEMBER, "orders")
        watch(emulator)
        session = assumed(emulator, MEMBER, role, "alice")
        session.client("lambda", endpoint_url=emulator.endpoint).delete_function(FunctionName="orders")
        identity = details(emulator)[0]["userIdentity"]
        assert identity["type"] == "AssumedRole"
        assert identity["arn"] == f"arn:aws:sts::{MEMBER}:assumed-role/developer/alice"
        assert identity["principalId"] == f"{role_id}:alice"
        assert identity["accountId"] == MEMBER
        assert "userName" not in identity
        assert identity["sessionContext"]["sessionIssuer"] == {
            "type": "Role",
            "principalId": role_id,
            "arn": role,
            "accountId": MEMBER,
            "userName": "developer",
        }
        assert identity["sessionContext"]["attributes"]["mfaAuthenticated"] == "false"

    def test_of_a_role_with_a_path_names_the_path_only_in_the_issuer(self, emulator: Emulator) -> None:
        emulator.client("iam", MEMBER).create_role(
            RoleName="developer", Path="/people/", AssumeRolePolicyDocument=document(OPEN_ROLE)
        )
        emulator.client("iam", MEMBER).put_role_policy(
            RoleName="developer", PolicyName="all", PolicyDocument=document(allow("*"))
        )
        watch(emulator, "aws.sqs")
        role = f"arn:aws:iam::{MEMBER}:role/people/developer"
        assumed(emulator, MEMBER, role).client("sqs", endpoint_url=emulator.endpoint).create_queue(QueueName="q")
        identity = details(emulator)[0]["userIdentity"]
        assert identity["sessionContext"]["sessionIssuer"]["arn"] == role
        assert identity["arn"] == f"arn:aws:sts::{MEMBER}:assumed-role/developer/test"

    def test_of_an_iam_user(self, emulator: Emulator) -> None:
        iam = emulator.client("iam", MEMBER)
        user = iam.create_user(UserName="bob")["User"]
        iam.put_user_policy(UserName="bob", PolicyName="all", PolicyDocument=document(allow("sqs:*")))
        key = iam.create_access_key(UserName="bob")["AccessKey"]
        watch(emulator, "aws.sqs")
        session = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name="us-east-1")
        session.client("sqs", endpoint_url=emulator.endpoint).create_queue(QueueName="q")
        assert details(emulator)[0]["userIdentity"] == {
            "type": "IAMUser",
            "principalId": user["UserId"],
            "arn": user["Arn"],
            "accountId": MEMBER,
            "accessKeyId": key["AccessKeyId"],
            "userName": "bob",
        }

    def test_of_an_accounts_root(self, emulator: Emulator) -> None:
        watch(emulator, "aws.sqs")
        emulator.client("sqs", MEMBER).create_queue(QueueName="q")
        identity = details(emulator)[0]["userIdentity"]
        assert (identity["type"], identity["arn"]) == ("Root", f"arn:aws:iam::{MEMBER}:root")

    def test_of_a_functions_own_role(self, emulator: Emulator) -> None:
        source = """
import boto3
def handler(event, context):
    boto3.client("sqs").create_queue(QueueName="made")
"""
        role = create_role(emulator, MEMBER, "maker", allow("sqs:*"))
        create_function(emulator, MEMBER, "maker", source, Role=role)
        watch(emulator, "aws.sqs")
        answer = emulator.client("lambda", MEMBER).invoke(FunctionName="maker")
        assert "FunctionError" not in answer
        identity = details(emulator)[0]["userIdentity"]
        assert identity["arn"] == f"arn:aws:sts::{MEMBER}:assumed-role/maker/maker"
        assert identity["sessionContext"]["sessionIssuer"]["arn"] == role


class TestOtherServices:
    def test_iam_events_are_in_us_east_1_wherever_the_call_was_signed_for(self, emulator: Emulator) -> None:
        watch(emulator, "aws.iam")
        emulator.client("iam", MEMBER, "eu-west-1").create_role(
            RoleName="r", AssumeRolePolicyDocument=document(OPEN_ROLE), Tags=[{"Key": "Team", "Value": "x"}]
        )
        (detail,) = details(emulator)
        assert detail["awsRegion"] == "us-east-1"
        assert detail["requestParameters"]["roleName"] == "r"
        assert detail["requestParameters"]["tags"] == [{"key": "Team", "value": "x"}]
        assert json.loads(detail["requestParameters"]["assumeRolePolicyDocument"])["Statement"] == [OPEN_ROLE]
        assert detail["responseElements"]["role"]["arn"] == f"arn:aws:iam::{MEMBER}:role/r"

    def test_bucket_configuration_shows_its_document(self, emulator: Emulator) -> None:
        create_queue(emulator, MEMBER, "q")
        s3 = emulator.client("s3", MEMBER)
        watch(emulator, "aws.s3")
        s3.create_bucket(Bucket="uploads")
        s3.put_bucket_policy(Bucket="uploads", Policy=document(allow("s3:GetObject")))
        s3.put_bucket_notification_configuration(
            Bucket="uploads",
            NotificationConfiguration={
                "QueueConfigurations": [
                    {"QueueArn": f"arn:aws:sqs:us-east-1:{MEMBER}:q", "Events": ["s3:ObjectCreated:*"]}
                ]
            },
            SkipDestinationValidation=True,
        )
        s3.put_object(Bucket="uploads", Key="k", Body=b"x")
        found = {detail["eventName"]: detail["requestParameters"] for detail in details(emulator)}
        assert set(found) == {"CreateBucket", "PutBucketPolicy", "PutBucketNotification"}
        assert found["PutBucketPolicy"]["bucketName"] == "uploads"
        assert found["PutBucketPolicy"]["bucketPolicy"]["Statement"] == [allow("s3:GetObject")]
        notification = found["PutBucketNotification"]["NotificationConfiguration"]["QueueConfiguration"]
        assert notification["Queue"] == f"arn:aws:sqs:us-east-1:{MEMBER}:q"

    def test_a_secrets_value_is_hidden(self, emulator: Emulator) -> None:
        watch(emulator, "aws.secretsmanager")
        secrets = emulator.client("secretsmanager", MEMBER)
        secrets.create_secret(Name="db", SecretString="planted-one")
        secrets.put_secret_value(SecretId="db", SecretString="planted-two")
        secrets.get_secret_value(SecretId="db")
        found = details(emulator)
        assert [detail["eventName"] for detail in found] == ["CreateSecret", "PutSecretValue"]
        assert "planted" not in json.dumps(found)
        assert found[0]["requestParameters"]["name"] == "db"

    def test_map_keys_keep_their_spelling(self, emulator: Emulator) -> None:
        watch(emulator, "aws.sqs")
        emulator.client("sqs", MEMBER).create_queue(QueueName="q", Attributes={"VisibilityTimeout": "5"})
        assert details(emulator)[0]["requestParameters"] == {
            "queueName": "q",
            "attributes": {"VisibilityTimeout": "5"},
        }

    def test_rules_tables_and_topics_are_seen_but_not_their_data(self, emulator: Emulator) -> None:
        collect(emulator, MEMBER, CLOUDTRAIL)
        assert emulator.idle()
        before = len(details(emulator))
        emulator.client("events", MEMBER).put_rule(Name="r", EventPattern='{"source": ["x"]}')
        table = emulator.client("dynamodb", MEMBER)
        table.create_table(
            TableName="orders",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        table.put_item(TableName="orders", Item={"id": {"S": "1"}})
        topic = emulator.client("sns", MEMBER).create_topic(Name="t")["TopicArn"]
        emulator.client("sns", MEMBER).publish(TopicArn=topic, Message="m")
        emulator.client("events", MEMBER).put_events(Entries=[{"Source": "x", "DetailType": "y", "Detail": "{}"}])
        found = details(emulator)[before:]
        assert [detail["eventName"] for detail in found] == ["PutRule", "CreateTable", "CreateTopic"]
        assert found[0]["requestParameters"]["eventPattern"] == '{"source": ["x"]}'
        assert found[1]["requestParameters"]["keySchema"] == [{"attributeName": "id", "keyType": "HASH"}]


def test_reads_are_not_events() -> None:
    model = service_model("lambda")
    assert model is not None
    emitted = {
        name for name in model.operation_names if is_emitted(Operation("lambda", name, {}, model.operation_model(name)))
    }
    assert not {name for name in emitted if name.startswith(("Get", "List", "Invoke"))}
    assert {"CreateFunction", "PutFunctionConcurrency", "UpdateFunctionUrlConfig", "DeleteAlias"} <= emitted
