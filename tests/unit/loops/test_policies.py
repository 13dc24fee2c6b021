"""What a role may do: by tables of cases, and against an evaluator that tries every string."""

from __future__ import annotations

import fnmatch
import itertools
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.playbooks.recursive_loop.policies import Certainty, Role, covers, may, read, resource_policy, role

ACCOUNT, OTHER = "111111111111", "222222222222"
ARN = f"arn:aws:iam::{ACCOUNT}:role/service/orders"
QUEUE = f"arn:aws:sqs:eu-west-1:{ACCOUNT}:orders"
SEND = "sqs:SendMessage"
YES, PERHAPS, NO = Certainty.YES, Certainty.PERHAPS, Certainty.NO


def document(*statements: object) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(action: Any = SEND, resource: Any = QUEUE, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: Any = SEND, resource: Any = QUEUE, **more: Any) -> dict[str, Any]:
    return {**allow(action, resource), "Effect": "Deny", **more}


def having(*statements: object, boundary: list[dict[str, Any]] | None = None) -> Role:
    limits = ("limits", document(*boundary)) if boundary is not None else None
    return role(ARN, {"inline": document(*statements)}, limits)


def without(statement: dict[str, Any], name: str) -> dict[str, Any]:
    """The statement with the opposite of an element: NotAction, NotResource."""
    return {**{key: value for key, value in statement.items() if key != name}, f"Not{name}": statement[name]}


VPC = {"StringEquals": {"aws:SourceVpc": "vpc-1"}}
TLS = {"Bool": {"aws:SecureTransport": "false"}}
OBJECTS, PUT = "arn:aws:s3:::bucket/", "s3:PutObject"


@pytest.mark.parametrize(
    ("statements", "certainty"),
    [
        ([allow()], YES),
        ([allow(["sqs:ReceiveMessage", "SQS:sendmessage"], [f"{QUEUE}-x", QUEUE])], YES),
        ([allow("sqs:Send*", "arn:aws:sqs:*:*:ord?rs")], YES),
        ([allow("*", "*")], YES),
        ([without(allow("sqs:Receive*"), "Action")], YES),
        ([without(allow(resource=f"{QUEUE}-x"), "Resource")], YES),
        ([allow(Condition=VPC)], PERHAPS),
        ([allow(resource=f"arn:aws:sqs:*:{ACCOUNT}:${{aws:PrincipalTag/team}}")], PERHAPS),
        ([allow(), deny(Condition=VPC)], PERHAPS),
        ([allow(), deny(resource="arn:aws:sqs:*:*:${aws:PrincipalTag/team}")], PERHAPS),
        ([allow(), deny(Condition=TLS)], YES),
        ([allow(Condition={"Bool": {"aws:SecureTransport": "true"}})], YES),
        ([allow(Condition={**VPC, "Bool": {"aws:SecureTransport": "false"}})], NO),
        ([allow(Condition={"ArnLike": {"AWS:SourceArn": "*"}})], NO),
        ([allow(Condition={"ArnLikeIfExists": {"aws:SourceArn": "*"}})], PERHAPS),
        ([], NO),
        ([allow("sqs:ReceiveMessage")], NO),
        ([allow("sns:*", "*")], NO),
        ([allow(resource=QUEUE.upper())], NO),
        ([allow(resource=f"{QUEUE}-x")], NO),
        ([allow(resource=QUEUE.replace(ACCOUNT, OTHER))], NO),
        ([allow(resource=QUEUE.replace("eu-west-1", "us-east-1"))], NO),
        ([allow(resource=QUEUE.replace("arn:aws:", "arn:aws-cn:"))], NO),
        ([allow(resource=f"arn:aws:sqs:eu-*:{OTHER[:3]}*:orders")], NO),
        ([without(allow("sqs:*"), "Action")], NO),
        ([without(allow(resource=f"arn:aws:sqs:*:{ACCOUNT}:*"), "Resource")], NO),
        ([allow("*", "*"), deny()], NO),
        ([deny("sqs:*", "*"), allow()], NO),
        ([allow(), without(deny("sns:*", "*"), "Action")], NO),
        ([allow(), without(deny(resource="arn:aws:sqs:us-*"), "Resource")], NO),
        ([allow(), without(deny(resource="arn:aws:sqs:eu-*"), "Resource")], YES),
        ([allow(), without(deny(resource="*"), "Action")], YES),
        ([{**allow(resource="arn:aws:sqs:*:*:${aws:x}"), "Sid": 7}], PERHAPS),
    ],
)
def test_says_what_a_role_may_do_with_a_queue(statements: list[dict[str, Any]], certainty: Certainty) -> None:
    assert may(having(*statements), SEND, QUEUE).certainty is certainty


def test_variables_are_plain_text_in_the_old_version() -> None:
    old = {"Statement": allow(resource="arn:aws:sqs:*:*:${aws:PrincipalTag/team}")}
    assert may(role(ARN, {"old": old}), SEND, QUEUE).certainty is NO


@pytest.mark.parametrize(
    ("boundary", "certainty"),
    [
        ([allow("*", "*")], YES),
        ([allow(resource=QUEUE)], YES),
        ([without(allow("*", f"{QUEUE}-x"), "Resource")], YES),
        ([allow("*", "*", Condition=VPC)], PERHAPS),
        ([allow("*", "*", Condition=VPC), allow("sqs:*", "*")], YES),
        ([allow("*", "*"), deny(Condition=VPC)], PERHAPS),
        ([], NO),
        ([allow("sns:*", "*")], NO),
        ([allow(resource=f"{QUEUE}-x")], NO),
        ([allow("*", "*"), deny()], NO),
        ([without(allow("sqs:*", "*"), "Action")], NO),
        (["nonsense"], PERHAPS),
    ],
)
def test_a_boundary_limits_and_grants_nothing(boundary: list[dict[str, Any]], certainty: Certainty) -> None:
    assert may(having(allow(), boundary=boundary), SEND, QUEUE).certainty is certainty
    assert may(having(boundary=boundary), SEND, QUEUE).certainty is NO


@pytest.mark.parametrize(
    ("statements", "boundary", "keys", "certainty"),
    [
        ([allow(PUT, f"{OBJECTS}out/*")], None, "*", YES),
        ([allow(PUT, f"{OBJECTS}out/*")], None, "out/a?c*", YES),
        ([allow(PUT, f"{OBJECTS}*/done")], None, "in/*", YES),
        ([allow(PUT, f"{OBJECTS}out/*")], None, "in/*", NO),
        ([allow(PUT, f"{OBJECTS}*.png")], None, "*.jpg", NO),
        ([allow(PUT, "arn:aws:s3:::bucket")], None, "*", NO),
        ([allow(PUT, "arn:aws:s3:::bucket-2/*")], None, "*", NO),
        ([allow(PUT, f"{OBJECTS}*"), deny(PUT, f"{OBJECTS}in/*")], None, "in/*", NO),
        ([allow(PUT, f"{OBJECTS}*"), deny(PUT, f"{OBJECTS}in/*")], None, "in/a/*", NO),
        ([allow(PUT, f"{OBJECTS}*"), deny(PUT, f"{OBJECTS}in/*")], None, "*", YES),
        ([allow(PUT, f"{OBJECTS}*"), deny(PUT, f"{OBJECTS}in/*"), deny(PUT, f"{OBJECTS}x/*")], None, "*", YES),
        ([allow(PUT, f"{OBJECTS}*"), without(deny(PUT, f"{OBJECTS}out/*"), "Resource")], None, "in/*", NO),
        ([allow(PUT, f"{OBJECTS}*"), without(deny(PUT, f"{OBJECTS}out/*"), "Resource")], None, "*", YES),
        ([without(allow(PUT, f"{OBJECTS}in/*"), "Resource")], None, "in/*", NO),
        ([without(allow(PUT, f"{OBJECTS}in/*"), "Resource")], None, "*", YES),
        ([allow(PUT, "*")], [allow(PUT, f"{OBJECTS}out/*")], "in/*", NO),
        ([allow(PUT, "*")], [allow(PUT, f"{OBJECTS}out/*")], "*", YES),
        ([allow(PUT, f"{OBJECTS}a*")], [allow(PUT, f"{OBJECTS}*b")], "ab", YES),
        ([allow(PUT, f"{OBJECTS}a*"), deny(PUT, f"{OBJECTS}ab*")], [allow(PUT, f"{OBJECTS}*b")], "?b", PERHAPS),
    ],
)
def test_says_it_of_keys_of_a_bucket(
    statements: list[dict[str, Any]], boundary: list[dict[str, Any]] | None, keys: str, certainty: Certainty
) -> None:
    assert may(having(*statements, boundary=boundary), PUT, OBJECTS + keys).certainty is certainty


def principal(value: Any, **more: Any) -> dict[str, Any]:
    return allow(**{**more, "Principal": value})


SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/orders/orders-function"


@pytest.mark.parametrize(
    ("statements", "certainty"),
    [
        ([principal({"AWS": ARN})], YES),
        ([principal({"AWS": [f"{ARN}-x", ARN]})], YES),
        ([principal("*")], YES),
        ([principal({"AWS": "*"}, Condition=VPC)], PERHAPS),
        ([principal({"AWS": SESSION})], PERHAPS),
        ([{**without(principal({"AWS": f"{ARN}-x"}), "Principal")}], YES),
        ([without(principal({"AWS": ARN}), "Principal")], NO),
        ([principal({"AWS": ACCOUNT})], NO),
        ([principal({"AWS": f"arn:aws:iam::{ACCOUNT}:root"})], NO),
        ([principal({"AWS": f"{ARN}-x"})], NO),
        ([principal({"AWS": "AROA" + "X" * 17})], NO),
        ([principal({"Service": "sns.amazonaws.com"})], NO),
        ([principal({"AWS": "*"}, Condition={"StringEquals": {"AWS:SourceOwner": ACCOUNT}})], NO),
        ([principal({"AWS": "*"}), deny(Principal={"AWS": ACCOUNT})], NO),
        ([principal({"AWS": ARN}, action="sqs:ReceiveMessage")], NO),
        ([principal({"AWS": ARN}, resource=f"{QUEUE}-x")], NO),
        ([principal(7)], NO),
    ],
)
def test_a_resource_policy_of_the_same_account_can_be_enough(statements: list[Any], certainty: Certainty) -> None:
    policy = resource_policy("queue", ACCOUNT, document(*statements))
    assert may(having(), SEND, QUEUE, policy).certainty is certainty


def test_a_resource_policy_denies_what_the_role_allows() -> None:
    policy = resource_policy("queue", ACCOUNT, document(deny(Principal="*")))
    assert may(having(allow()), SEND, QUEUE, policy).certainty is NO
    spared = resource_policy("queue", ACCOUNT, document(without(deny(Principal={"AWS": [ARN, ACCOUNT]}), "Principal")))
    assert may(having(allow()), SEND, QUEUE, spared).certainty is YES


def test_a_resource_policy_is_limited_by_the_boundary() -> None:
    policy = resource_policy("queue", ACCOUNT, document(principal({"AWS": ARN})))
    assert may(having(boundary=[allow("sns:*", "*")]), SEND, QUEUE, policy).certainty is NO


@pytest.mark.parametrize(
    ("own", "theirs", "certainty"),
    [
        ([allow("sqs:*", "*")], [{"AWS": ACCOUNT}], YES),
        ([allow("sqs:*", "*")], [{"AWS": ARN}], YES),
        ([allow("sqs:*", "*")], None, PERHAPS),
        ([allow("sqs:*", "*")], [], NO),
        ([allow("sqs:*", "*")], [{"AWS": OTHER}], NO),
        ([], [{"AWS": ARN}], NO),
    ],
)
def test_both_accounts_must_allow(own: list[Any], theirs: list[Any] | None, certainty: Certainty) -> None:
    foreign = QUEUE.replace(ACCOUNT, OTHER)
    statements = [principal(one, resource=foreign) for one in theirs or []]
    policy = None if theirs is None else resource_policy("queue", OTHER, document(*statements))
    assert may(having(*own), SEND, foreign, policy).certainty is certainty


def test_evidence_names_policy_statement_pattern_and_condition() -> None:
    found = may(having(allow(Sid="Sends", resource="arn:aws:sqs:*", Condition=VPC)), SEND, QUEUE)
    assert found.evidence == "policy inline, statement Sends allows arn:aws:sqs:*, condition aws:SourceVpc"
    denied = may(having(allow(), deny(Sid="No", Condition=VPC)), SEND, QUEUE)
    assert denied.evidence == (
        f"policy inline, statement 1 allows {QUEUE}, unless policy inline, statement No denies it "
        "(condition aws:SourceVpc)"
    )


def test_the_surest_grant_comes_first() -> None:
    found = may(having(allow(Condition=VPC), allow(resource="*"), allow(Sid="Exact")), SEND, QUEUE)
    assert [grant.statement.sid for grant in found.grants] == ["Exact", "2", "1"]


@pytest.mark.parametrize(
    "nonsense",
    [
        None,
        "text",
        [],
        {},
        {"Statement": "x"},
        document(None),
        document({"Effect": "allow", "Action": "*", "Resource": "*"}),
        document({"Effect": "Allow", "Action": "*"}),
        document({"Effect": "Allow", "Action": [], "Resource": "*"}),
        document({"Effect": "Allow", "Action": [1], "Resource": "*"}),
        document({"Effect": "Allow", "Action": "*", "NotAction": "x", "Resource": "*"}),
        document(allow(Condition="x")),
        document(allow(Condition={"Bool": "x"})),
    ],
)
def test_nonsense_is_reported_and_allows_nothing(nonsense: object) -> None:
    whole = role(ARN, {"odd": nonsense})
    assert len(whole.unreadable) == 1
    assert "odd" in whole.unreadable[0]
    assert may(whole, SEND, QUEUE).certainty is NO
    assert may(role(ARN, {"odd": nonsense, "good": document(allow())}), SEND, QUEUE).certainty is PERHAPS


JSON = st.recursive(
    st.none() | st.integers() | st.sampled_from(["Allow", "Deny", "*", "sqs:*", "${", "aws:x", "Bool"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["Statement", "Effect", "Action", "Resource", "Condition", "Principal", "AWS", "Bool"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(JSON, JSON)
def test_no_document_crashes(first: object, second: object) -> None:
    owner = role(ARN, {"a": first}, ("b", second))
    policy = resource_policy("c", ACCOUNT, {"Statement": second})
    assert may(owner, SEND, QUEUE, policy).certainty in Certainty
    assert read("d", first, of_resource=True).name == "d"


# --- against every string ---------------------------------------------------------------------------------------------

TEXTS = ["".join(letters) for length in range(7) for letters in itertools.product("abz", repeat=length)]
GLOBS = st.text("ab*?", min_size=1, max_size=4)
ACTIONS = st.sampled_from(["s:W", "S:w", "s:*", "s:?", "s:R", "*", "t:W"])


@st.composite
def statements(draw: st.DrawFn) -> dict[str, Any]:
    action, resource = (
        draw(st.sampled_from(["Action", "NotAction"])),
        draw(st.sampled_from(["Resource", "NotResource"])),
    )
    return {
        "Effect": draw(st.sampled_from(["Allow", "Allow", "Deny"])),
        action: draw(st.lists(ACTIONS, min_size=1, max_size=2)),
        resource: draw(st.lists(GLOBS, min_size=1, max_size=2)),
        **draw(st.sampled_from([{}, {}, {"Condition": VPC}])),
    }


def is_like(pattern: str, text: str) -> bool:
    return re.fullmatch(fnmatch.translate(pattern), text) is not None


def applies(statement: dict[str, Any], text: str, *, met: bool) -> bool:
    acts = any(is_like(one.lower(), "s:w") for one in statement.get("Action") or statement["NotAction"])
    there = any(is_like(one, text) for one in statement.get("Resource") or statement["NotResource"])
    unconditional = "Condition" not in statement or met
    return acts is ("Action" in statement) and there is ("Resource" in statement) and unconditional


def slowly(
    own: list[dict[str, Any]], boundary: list[dict[str, Any]] | None, text: str, *, allowing: bool, denying: bool
) -> bool:
    """IAM's rules for one string, with all conditions of Allow, and of Deny, met or not."""
    everything = [*own, *(boundary or [])]
    if any(one["Effect"] == "Deny" and applies(one, text, met=denying) for one in everything):
        return False
    groups = [own] if boundary is None else [own, boundary]
    return all(any(one["Effect"] == "Allow" and applies(one, text, met=allowing) for one in group) for group in groups)


@settings(max_examples=400, deadline=None)
@given(st.lists(statements(), max_size=4), st.none() | st.lists(statements(), max_size=2), GLOBS)
def test_agrees_with_trying_every_string(
    own: list[dict[str, Any]], boundary: list[dict[str, Any]] | None, asked: str
) -> None:
    found = may(having(*own, boundary=boundary), "s:W", asked).certainty
    texts = [text for text in TEXTS if is_like(asked, text)]
    best = any(slowly(own, boundary, text, allowing=True, denying=False) for text in texts)
    worst = any(slowly(own, boundary, text, allowing=False, denying=True) for text in texts)
    if found is NO:
        assert not best
    if found is YES:
        assert worst
    if not set("*?") & set(asked):
        expected = YES if worst else PERHAPS if best else NO
        assert found is expected


@given(GLOBS, GLOBS)
def test_covering_is_never_claimed_wrongly(outer: str, inner: str) -> None:
    if covers(outer, inner):
        assert all(is_like(outer, text) for text in TEXTS if is_like(inner, text))
