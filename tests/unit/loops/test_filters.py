"""What may pass a notification's filter, a rule's pattern and a subscription's policy."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.playbooks.recursive_loop.filters import Answer, event_matches, object_notifies, subscription_passes
from functions.playbooks.recursive_loop.globs import matches

NO, UNKNOWN, YES = Answer
BUCKET = "arn:aws:s3:::uploads"
CREATED = ["s3:ObjectCreated:*"]
KEYS = ["".join(letters) for length in range(11) for letters in product("ab", repeat=length)]
"""Four letters of the pattern, three of the prefix and three of the suffix, if each is used up by itself."""


def writes(resource: str, prefix: str = "", suffix: str = "") -> Answer:
    return object_notifies(["s3:PutObject"], resource, bucket=BUCKET, events=CREATED, prefix=prefix, suffix=suffix)


@pytest.mark.parametrize(
    ("resource", "prefix", "suffix", "answer"),
    [
        (f"{BUCKET}/out/*", "in/", "", NO),
        (f"{BUCKET}/out/*", "out/", "", YES),
        (f"{BUCKET}/out/*", "", ".jpg", YES),
        (f"{BUCKET}/out/*.png", "", ".jpg", NO),
        (f"{BUCKET}/*", "", "", YES),
        ("*", "in/", ".jpg", YES),
        (BUCKET, "", "", NO),
        ("arn:aws:s3:::other/*", "", "", NO),
        ("arn:aws:s3:::up*", "in/", "", YES),
        (f"{BUCKET}/Out/*", "out/", "", NO),
        (f"{BUCKET}/x", "*", "", NO),
        (f"{BUCKET}/ab", "ab", "b", YES),
        (f"{BUCKET}/${{aws:PrincipalTag/team}}/*", "in/", "", UNKNOWN),
        (f"{BUCKET}/out/${{aws:PrincipalTag/team}}/*", "in/", "", NO),
        (f"{BUCKET}/a b/*", "a+b/", "", UNKNOWN),
        (f"{BUCKET}/*", "a%20b/", "", YES),
        ("arn:aws:s3:eu-west-1:111111111111:accesspoint/ap/object/out/*", "in/", "", UNKNOWN),
    ],
)
def test_an_object_notifies_where_a_key_matches_both(resource: str, prefix: str, suffix: str, answer: Answer) -> None:
    assert writes(resource, prefix, suffix) is answer


@given(st.text("ab*?", max_size=4), st.text("ab", max_size=3), st.text("ab", max_size=3))
def test_keys_are_decided_as_by_trying_every_key(keys: str, prefix: str, suffix: str) -> None:
    wanted = any(matches(keys, key) and key.startswith(prefix) and key.endswith(suffix) for key in KEYS)
    assert writes(f"{BUCKET}/{keys}", prefix, suffix) is (YES if wanted else NO)


@pytest.mark.parametrize(
    ("action", "event", "answer"),
    [
        ("s3:PutObject", "s3:ObjectCreated:CompleteMultipartUpload", YES),
        ("S3:put*", "s3:ObjectCreated:Copy", YES),
        ("s3:*", "s3:ObjectRemoved:*", YES),
        ("*", "s3:ObjectTagging:Delete", YES),
        ("s3:GetObject", "s3:ObjectCreated:*", NO),
        ("s3:PutObject", "s3:ObjectRemoved:*", NO),
        ("s3:DeleteObject", "s3:ObjectCreated:*", NO),
        ("s3:*", "s3:LifecycleExpiration:Delete", NO),
        ("s3:*", "s3:YetToCome:*", UNKNOWN),
        ("s3:PutObject", "s3:ObjectAcl:Put", NO),
    ],
)
def test_only_some_actions_cause_an_event(action: str, event: str, answer: Answer) -> None:
    assert object_notifies([action], f"{BUCKET}/*", bucket=BUCKET, events=[event]) is answer


def test_an_access_point_that_may_not_write_causes_no_event() -> None:
    point = "arn:aws:s3:eu-west-1:111111111111:accesspoint/ap/object/*"
    assert object_notifies(["s3:GetObject"], point, bucket=BUCKET, events=CREATED) is NO


@pytest.mark.parametrize(
    ("source", "answer"),
    [
        (["orders"], YES),
        (["aws.s3"], NO),
        (["aws.s3", "orders"], YES),
        ([{"prefix": "aws."}], NO),
        ([{"prefix": "aws"}], YES),
        ([{"prefix": "aws.ec2"}], NO),
        ([{"suffix": ".s3"}], YES),
        ([{"wildcard": "aws.*"}], NO),
        ([{"wildcard": "*.s3"}], YES),
        ([{"wildcard": "a\\*"}], YES),
        ([{"equals-ignore-case": "AWS.s3"}], YES),
        ([{"prefix": {"equals-ignore-case": "Orders"}}], YES),
        ([{"anything-but": "orders"}], YES),
        ([{"anything-but": ["orders", "bills"]}], YES),
        ([{"anything-but": {"prefix": "aws."}}], YES),
        ([{"anything-but": {"prefix": ""}}], NO),
        ([{"anything-but": {"wildcard": "*"}}], UNKNOWN),
        ([{"exists": True}], YES),
        ([{"exists": False}], NO),
        ([{"numeric": [">", 5]}], NO),
        ([None, 5], NO),
        ([{"yet-to-come": "x"}], UNKNOWN),
        ("orders", UNKNOWN),
        ([], NO),
    ],
)
def test_anybody_may_put_any_source_but_those_of_aws(source: object, answer: Answer) -> None:
    assert event_matches({"source": source}) is answer


@pytest.mark.parametrize(
    ("source", "allowed", "answer"),
    [
        (["orders"], ["orders"], YES),
        (["orders"], ["bills"], NO),
        (["orders"], ["bills", "ord*"], YES),
        ([{"prefix": "orders."}], ["orders.*"], YES),
        ([{"suffix": ".eu"}], ["orders.us"], NO),
        ([{"prefix": "aws"}], ["???.*"], NO),
        ([{"anything-but": "orders"}], ["orders"], NO),
        ([{"anything-but": ["orders", "bills"]}], ["bills", "orders"], NO),
        ([{"anything-but": "orders"}], ["ord*"], YES),
        ([{"anything-but": "orders"}], ["aws.*"], NO),
        ([{"anything-but": {"prefix": "ord"}}], ["orders*"], NO),
        ([{"equals-ignore-case": "ORDERS"}], ["orders"], YES),
        ([{"exists": True}], ["aws.s3"], NO),
    ],
)
def test_conditions_on_the_source_are_kept(source: list[object], allowed: list[str], answer: Answer) -> None:
    assert event_matches({"source": source}, sources=allowed) is answer


@pytest.mark.parametrize(
    ("pattern", "answer"),
    [
        ({}, YES),
        ({"detail-type": ["made"]}, YES),
        ({"detail-type": ["sold"]}, NO),
        ({"detail": {"state": ["new", {"exists": False}], "price": [{"numeric": [">", 0, "<=", 5]}]}}, YES),
        ({"detail": {"price": [{"numeric": [">", 5, "<", 3]}]}}, NO),
        ({"detail": {"price": [{"numeric": [">", 5, "<=", 5]}]}}, NO),
        ({"detail": {"price": [{"numeric": [">=", 5, "<=", 5]}]}}, YES),
        ({"detail": {"price": [{"numeric": ["=", 5]}]}}, YES),
        ({"detail": {"price": [{"numeric": ["~", 5]}]}}, UNKNOWN),
        ({"detail": {"deep": {"er": []}}}, NO),
        ({"detail": "text"}, UNKNOWN),
        ({"detail": {"x": [{"yet-to-come": 1}]}}, UNKNOWN),
        ({"detail": {"x": [{"cidr": "10.0.0.0/8"}, {"anything-but": [1, 2]}]}}, YES),
        ({"resources": [{"prefix": "arn:aws:"}]}, YES),
        ({"account": ["111111111111"]}, YES),
        ({"account": ["222222222222"]}, NO),
        ({"region": ["eu-west-1"]}, UNKNOWN),
        ({"time": [{"prefix": "2026"}]}, UNKNOWN),
        ({"version": ["0"]}, YES),
        ({"replay-name": [{"exists": False}]}, YES),
        ({"replay-name": [{"exists": True}]}, NO),
        ({"$or": [{"source": ["aws.s3"]}, {"detail": {"x": [1]}}]}, YES),
        ({"$or": [{"source": ["aws.s3"]}, {"detail-type": ["sold"]}]}, NO),
        ({"source": ["a"], "$or": [{"source": ["b"]}, {"detail": {"x": [1]}}]}, UNKNOWN),
        ({"$or": "text"}, UNKNOWN),
        ({"source": ["aws.s3"], "time": ["x"]}, NO),
        ({"source": ["orders"], "yet-to-come": ["x"]}, UNKNOWN),
    ],
)
def test_every_field_of_a_pattern_must_be_met(pattern: dict[str, Any], answer: Answer) -> None:
    assert event_matches(pattern, detail_types=["made"], fixed={"account": "111111111111"}) is answer


@pytest.mark.parametrize(
    ("policy", "answer"),
    [
        (None, YES),
        ({}, YES),
        ({"kind": ["new"]}, UNKNOWN),
        ({"kind": [{"exists": False}]}, UNKNOWN),
        ({"kind": []}, NO),
        ({"kind": ["new"], "price": [{"numeric": ["<", 1, ">", 2]}]}, NO),
        ({"$or": [{"kind": []}, {"price": [1]}]}, UNKNOWN),
    ],
)
def test_attributes_of_messages_are_unknown(policy: dict[str, Any] | None, answer: Answer) -> None:
    assert subscription_passes(policy) is answer
