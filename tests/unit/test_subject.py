"""Names of functions, and what a finding can be about."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.core.subject import (
    ACCOUNT,
    REGION,
    FunctionReference,
    NotAFunction,
    Subject,
    parse_function,
    partition_of,
)

ARABIC_TWO, FULLWIDTH_TWO = "\u0662", "\uff12"
NAMES = st.from_regex(r"[a-zA-Z0-9_-]{1,64}", fullmatch=True)
QUALIFIERS = st.sampled_from(["", ":$LATEST", ":1", ":live", ":$LATEST.PUBLISHED"])
ACCOUNTS = st.from_regex(r"[0-9]{12}", fullmatch=True)
REGIONS = st.sampled_from(
    ["eu-west-1", "us-gov-west-1", "cn-north-1", "us-isob-east-1", "eusc-de-east-1", "ap-southeast-7"]
)


@given(name=NAMES, qualifier=QUALIFIERS)
def test_reads_a_bare_name_with_or_without_a_qualifier(name: str, qualifier: str) -> None:
    assert parse_function(name + qualifier) == FunctionReference(name)


@given(name=NAMES, qualifier=QUALIFIERS, account=ACCOUNTS)
def test_reads_a_partial_arn(name: str, qualifier: str, account: str) -> None:
    assert parse_function(f"{account}:function:{name}{qualifier}") == FunctionReference(name, account)


@given(name=NAMES, qualifier=QUALIFIERS, account=ACCOUNTS, region=REGIONS)
def test_reads_a_full_arn_of_every_partition(name: str, qualifier: str, account: str, region: str) -> None:
    arn = Subject(partition_of(region), account, region, name).arn
    assert parse_function(arn + qualifier) == FunctionReference(name, account, region)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "my function",
        "orders:",
        "orders:live:again",
        "orders:li ve",
        "ördérs",
        "a" * 141,
        "arn:aws:lambda:eu-west-1:222222222222:layer:tools:3",
        "arn:aws:lambda:eu-west-1:222222222222:function:",
        "arn:aws:lambda:eu-west-1:222222222222:function:or/ders",
        f"arn:aws:lambda:eu-west-1:{ARABIC_TWO * 12}:function:orders",
        "arn:aws:lambda:eu-west-1:222222222222:function:orders\n",
        "222222222222:function:orders:x:y",
    ],
)
def test_refuses_what_names_no_function(text: str) -> None:
    with pytest.raises(NotAFunction):
        parse_function(text)


@given(st.text())
def test_any_text_is_a_function_or_is_not(text: str) -> None:
    """Nothing but `NotAFunction` is raised, and a name that is read is one."""
    try:
        found = parse_function(text)
    except NotAFunction:
        return
    assert found.name.isascii()
    assert set(found.name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


@pytest.mark.parametrize(
    ("region", "partition"),
    [
        ("eu-west-1", "aws"),
        ("mx-central-1", "aws"),
        ("cn-northwest-1", "aws-cn"),
        ("us-gov-east-1", "aws-us-gov"),
        ("us-iso-east-1", "aws-iso"),
        ("us-isob-east-1", "aws-iso-b"),
        ("eu-isoe-west-1", "aws-iso-e"),
        ("us-isof-south-1", "aws-iso-f"),
        ("eusc-de-east-1", "aws-eusc"),
    ],
)
def test_knows_the_partition_of_a_region(region: str, partition: str) -> None:
    assert REGION.fullmatch(region)
    assert partition_of(region) == partition


@pytest.mark.parametrize(
    "text", ["eu-west", "EU-WEST-1", "eu-west-1a", "global", "", f"eu-west-{ARABIC_TWO}", "eu west 1", "-" * 9000]
)
def test_what_is_no_region_is_not_taken_for_one(text: str) -> None:
    assert not REGION.fullmatch(text)


@pytest.mark.parametrize(
    "text", ["12345678901", "1234567890123", ARABIC_TWO * 12, FULLWIDTH_TWO * 12, "", "22222222222a"]
)
def test_what_is_no_account_is_not_taken_for_one(text: str) -> None:
    assert not ACCOUNT.fullmatch(text)


def test_names_a_function_and_an_account_by_arn() -> None:
    function = Subject("aws-cn", "222222222222", "cn-north-1", "orders")
    assert function.arn == "arn:aws-cn:lambda:cn-north-1:222222222222:function:orders"
    assert Subject("aws", "222222222222", "eu-west-1").arn == "arn:aws:iam::222222222222:root"


def test_the_same_name_in_another_account_or_region_is_another_subject() -> None:
    subjects = [
        Subject("aws", account, region, "orders")
        for account in ("222222222222", "333333333333")
        for region in ("eu-west-1", "us-east-1")
    ]
    assert len({subject.key for subject in subjects}) == 4
