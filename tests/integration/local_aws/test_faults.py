"""Injected faults: the error a caller sees, what still happens, what is recorded."""

import time
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from warden.local.emulator import Emulator, EmulatorError

from .resources import HUB, MEMBER, allow, assumed, create_function, create_queue, create_role, without_retries

NAMED = {"FunctionName": "orders"}
OPERATION = "lambda:PutFunctionConcurrency"


def reserve(with_client: Any) -> Any:
    return with_client.put_function_concurrency(**NAMED, ReservedConcurrentExecutions=3)


def reserved(aws: Emulator) -> Any:
    return aws.client("lambda", MEMBER).get_function_concurrency(**NAMED).get("ReservedConcurrentExecutions")


def test_a_throttle_happens_as_often_as_asked_and_changes_nothing(emulator: Emulator) -> None:
    create_function(emulator, MEMBER, "orders")
    emulator.fault(OPERATION, times=2, retry_after=7)
    throttled = without_retries(emulator, MEMBER, "lambda")
    for _ in range(2):
        with pytest.raises(throttled.exceptions.TooManyRequestsException) as error:
            reserve(throttled)
        assert error.value.response["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == "7"
        assert reserved(emulator) is None
    reserve(throttled)
    assert reserved(emulator) == 3
    assert [call.status for call in emulator.calls(operation="PutFunctionConcurrency")] == [429, 429, 200]
    assert emulator.calls(status="429")[0].error_code == "TooManyRequestsException"


def test_a_lost_answer_leaves_the_effect(emulator: Emulator) -> None:
    create_function(emulator, MEMBER, "orders")
    emulator.fault(OPERATION, after=True)
    with pytest.raises(ConnectionClosedError):
        reserve(without_retries(emulator, MEMBER, "lambda"))
    assert reserved(emulator) == 3
    assert emulator.calls(operation="PutFunctionConcurrency")[0].status == 0


def test_a_broken_connection_has_no_effect(emulator: Emulator) -> None:
    create_function(emulator, MEMBER, "orders")
    emulator.fault(OPERATION, status=0)
    with pytest.raises(ConnectionClosedError):
        reserve(without_retries(emulator, MEMBER, "lambda"))
    assert reserved(emulator) is None


def test_a_delay_outlasts_a_short_timeout(emulator: Emulator) -> None:
    create_function(emulator, MEMBER, "orders")
    emulator.fault(OPERATION, delay=1.0)
    started = time.monotonic()
    with pytest.raises(ReadTimeoutError):
        reserve(without_retries(emulator, MEMBER, "lambda", read_timeout=0.2))
    assert time.monotonic() - started < 1.0


def test_a_retrying_client_survives_a_lost_answer(emulator: Emulator) -> None:
    create_function(emulator, MEMBER, "orders")
    emulator.fault(OPERATION, after=True)
    reserve(emulator.client("lambda", MEMBER))
    assert [call.status for call in emulator.calls(operation="PutFunctionConcurrency")] == [0, 200]


def test_a_fault_is_meant_for_one_account_resource_or_caller(emulator: Emulator) -> None:
    for account in (HUB, MEMBER):
        create_function(emulator, account, "orders")
    emulator.fault(OPERATION, account=HUB)
    emulator.fault(OPERATION, resource="function:payments")
    emulator.fault(OPERATION, principal="role/warden-")
    reserve(without_retries(emulator, MEMBER, "lambda"))
    with pytest.raises(ClientError):
        reserve(without_retries(emulator, HUB, "lambda"))
    trusts = [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]
    role = create_role(emulator, MEMBER, "warden-fixer", allow("lambda:*"), trusts=trusts)
    given = Config(retries={"total_max_attempts": 1})
    with pytest.raises(ClientError):
        # The session's ARN says assumed-role/warden-fixer/….
        reserve(assumed(emulator, MEMBER, role).client("lambda", endpoint_url=emulator.endpoint, config=given))
    emulator.clear_faults()


@pytest.mark.parametrize(
    ("service", "operation", "call"),
    [
        ("sqs", "sqs:GetQueueUrl", lambda c: c.get_queue_url(QueueName="q")),
        ("dynamodb", "dynamodb:ListTables", lambda c: c.list_tables()),
        ("iam", "iam:ListRoles", lambda c: c.list_roles()),
        ("sts", "sts:GetCallerIdentity", lambda c: c.get_caller_identity()),
        ("s3", "s3:ListBuckets", lambda c: c.list_buckets()),
        ("ec2", "ec2:DescribeSubnets", lambda c: c.describe_subnets()),
        ("cloudwatch", "cloudwatch:DescribeAlarms", lambda c: c.describe_alarms()),
        ("events", "events:ListRules", lambda c: c.list_rules()),
        ("secretsmanager", "secretsmanager:ListSecrets", lambda c: c.list_secrets()),
        ("organizations", "organizations:ListRoots", lambda c: c.list_roots()),
    ],
    ids=lambda value: value if isinstance(value, str) and ":" not in value else "",
)
def test_every_protocol_carries_code_and_message(emulator: Emulator, service: str, operation: str, call: Any) -> None:
    create_queue(emulator, MEMBER, "q")
    emulator.fault(operation, status=503, code="ServiceUnavailable", message="come back <later>")
    with pytest.raises(ClientError) as failed:
        call(without_retries(emulator, MEMBER, service))
    assert failed.value.response["Error"]["Code"] == "ServiceUnavailable"
    assert failed.value.response["Error"]["Message"] == "come back <later>"
    assert failed.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
    call(without_retries(emulator, MEMBER, service))


def test_may_be_named_by_iam_action(emulator: Emulator) -> None:
    create_function(emulator, MEMBER, "orders")
    emulator.fault("lambda:InvokeFunction")
    with pytest.raises(ClientError):
        without_retries(emulator, MEMBER, "lambda").invoke(**NAMED)


def test_a_mistake_in_a_fault_is_refused(emulator: Emulator) -> None:
    with pytest.raises(EmulatorError, match="written like lambda:PutFunctionConcurrency"):
        emulator.fault("PutFunctionConcurrency")
