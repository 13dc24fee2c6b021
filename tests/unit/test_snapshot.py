"""A `GetFunction` answer as facts: what is new or absent is no error, and no value is shown."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.core.snapshot import FunctionSnapshot, from_get_function

from .examples import SUBJECT

ANSWER: dict[str, Any] = {
    "Configuration": {
        "FunctionName": "orders",
        "FunctionArn": SUBJECT.arn,
        "Runtime": "python3.13",
        "Role": "arn:aws:iam::222222222222:role/orders",
        "MemorySize": 256,
        "Timeout": 30,
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "RevisionId": "7e710d48-0000-0000-0000-000000000000",
        "PackageType": "Zip",
        "Environment": {"Variables": {"STAGE": "prod"}},
    },
    "Code": {"RepositoryType": "S3", "Location": "https://example.com/code?signature=presigned"},
    "Tags": {"warden:tier": "critical"},
    "Concurrency": {"ReservedConcurrentExecutions": 7},
}


def with_configuration(**fields: object) -> FunctionSnapshot:
    return from_get_function(SUBJECT, {**ANSWER, "Configuration": {**ANSWER["Configuration"], **fields}})


def test_reads_the_facts() -> None:
    snapshot = from_get_function(SUBJECT, ANSWER)
    assert (snapshot.subject, snapshot.runtime, snapshot.memory_mb, snapshot.timeout_seconds) == (
        SUBJECT,
        "python3.13",
        256,
        30,
    )
    assert (snapshot.tags, snapshot.reserved) == ({"warden:tier": "critical"}, 7)
    assert snapshot.environment == {"STAGE": "prod"}
    assert not snapshot.settling


@pytest.mark.parametrize(
    ("concurrency", "reserved"),
    [({"ReservedConcurrentExecutions": 0}, 0), ({"ReservedConcurrentExecutions": 5}, 5), ({}, None), (None, None)],
)
def test_no_reservation_is_not_a_reservation_of_zero(concurrency: dict[str, int] | None, reserved: int | None) -> None:
    assert from_get_function(SUBJECT, {**ANSWER, "Concurrency": concurrency}).reserved == reserved


@pytest.mark.parametrize(
    ("state", "update", "settling"),
    [
        ("Active", "Successful", False),
        ("Inactive", "Successful", False),
        ("Failed", "Failed", False),
        ("Active", "Failed", False),
        ("Pending", "Successful", True),
        ("Active", "InProgress", True),
        ("Deactivating", "Successful", True),
        ("Deleting", "Successful", True),
        ("Hibernating", "Elsewhere", False),
        (None, None, False),
    ],
)
def test_knows_when_lambda_is_still_changing_the_function(state: str, update: str, settling: bool) -> None:
    snapshot = with_configuration(State=state, LastUpdateStatus=update, StateReasonCode="YetToCome")
    assert snapshot.settling is settling
    assert snapshot.state == (state or "Active")
    assert snapshot.state_reason_code == "YetToCome"


@pytest.mark.parametrize("answer", [{}, {"Configuration": {}}, {"Configuration": {"Environment": {"Error": {}}}}])
def test_what_the_answer_leaves_out_is_empty(answer: dict[str, Any]) -> None:
    snapshot = from_get_function(SUBJECT, answer)
    assert snapshot == FunctionSnapshot(SUBJECT)
    assert (snapshot.tags, snapshot.environment, snapshot.reserved) == ({}, {}, None)


@given(st.text(min_size=8))
def test_no_value_of_the_environment_is_ever_shown(value: str) -> None:
    snapshot = with_configuration(Environment={"Variables": {"DB_URL": f"<{value}>"}})
    assert snapshot.environment["DB_URL"] == f"<{value}>"
    assert f"<{value}>" not in f"{snapshot!r} {snapshot}"


def test_the_presigned_address_of_the_code_is_not_carried() -> None:
    assert "presigned" not in repr(vars(from_get_function(SUBJECT, ANSWER)))
