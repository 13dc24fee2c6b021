"""Who made an event that waits in a queue, and what of it goes back to its function."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.playbooks.recursive_loop.origins import Judged, Makers, Origin, Shape, quarantined, waiting

ACCOUNT, OTHER = "222222222222", "333333333333"
FUNCTION = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:orders"
LOOP = Makers(frozenset({"orders", "bills"}), ACCOUNT)
ROOT, MADE, UNKNOWN, TEST = Origin.ROOT, Origin.LOOP, Origin.UNKNOWN, Origin.TEST
TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0"


def message(body: Any, *, sender: str = "AIDAEXAMPLE", trace: str = "", name: str = "m-1") -> dict[str, Any]:
    attributes = {"SenderId": sender, "SentTimestamp": "1790000000000", **({"AWSTraceHeader": trace} if trace else {})}
    return {"MessageId": name, "Body": body if isinstance(body, str) else json.dumps(body), "Attributes": attributes}


def judge(body: Any, trace: str = "") -> Origin:
    return quarantined(message(body, trace=trace), LOOP).origin


def s3_record(principal: str | None = "AWS:AROAEXAMPLE:orders", **changes: Any) -> dict[str, Any]:
    return {
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "userIdentity": {} if principal is None else {"principalId": principal},
        "responseElements": {"x-amz-request-id": "C3D13FE58DE4C810"},
        "s3": {
            "configurationId": "in",
            "bucket": {"name": "uploads"},
            "object": {"key": "in/secret-name", "sequencer": "0055AED6DCD90281E5"},
        },
        **changes,
    }


def s3(*principals: str | None) -> dict[str, Any]:
    return {"Records": [s3_record(principal) for principal in principals]}


def event(source: str = "shop", detail_type: str = "Order Placed", **detail: Any) -> dict[str, Any]:
    return {"version": "0", "id": "e-1", "detail-type": detail_type, "source": source, "detail": detail}


def envelope(text: Any = "hello", name: str = "n-1") -> dict[str, Any]:
    said = text if isinstance(text, str) else json.dumps(text)
    topic = f"arn:aws:sns:eu-west-1:{ACCOUNT}:orders"
    return {"Type": "Notification", "MessageId": name, "TopicArn": topic, "Message": said}


def sns_event(text: Any = "hello") -> dict[str, Any]:
    return {"Records": [{"EventSource": "aws:sns", "Sns": envelope(text)}]}


def sqs_event(sender: str, trace: str = "") -> dict[str, Any]:
    attributes = {"SenderId": sender, "AWSTraceHeader": trace}
    return {"Records": [{"eventSource": "aws:sqs", "messageId": "s-1", "body": "x", "attributes": attributes}]}


def failure(payload: Any, request: str = "r-1", function: str = f"{FUNCTION}:$LATEST") -> dict[str, Any]:
    return {
        "version": "1.0",
        "timestamp": "2026-11-20T10:00:05.000Z",
        "requestContext": {
            "requestId": request,
            "functionArn": function,
            "condition": "EventAgeExceeded",
            "approximateInvokeCount": 0,
        },
        "requestPayload": payload,
    }


def call(principal: str) -> dict[str, Any]:
    return event("aws.sqs", "AWS API Call via CloudTrail", userIdentity={"principalId": principal})


# --- who made it ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("principal", "origin"),
    [
        ("AWS:AROAEXAMPLE:orders", MADE),
        ("AWS:AROAEXAMPLE:bills", MADE),
        ("AWS:AROAEXAMPLE:alice", ROOT),
        ("AWS:AROAEXAMPLE:Orders", ROOT),
        ("AWS:AIDAEXAMPLE", ROOT),
        ("AWS:AIDAEXAMPLE:orders", ROOT),
        ("A3NL1KOZZKExample", ROOT),
        ("s3.amazonaws.com", ROOT),
        ("", UNKNOWN),
        (None, UNKNOWN),
        ({"a": 1}, UNKNOWN),
    ],
)
def test_an_object_was_written_by_whom_s3_says(principal: Any, origin: Origin) -> None:
    assert judge(s3(principal)) is origin
    assert judge(failure(s3(principal))) is origin
    assert judge(envelope(s3(principal))) is origin
    assert judge(failure(sns_event(s3(principal)))) is origin


def test_a_session_named_like_a_function_is_one_only_with_its_role() -> None:
    known = Makers(LOOP.functions, ACCOUNT, frozenset({"AROAORDERS"}))
    assert quarantined(message(s3("AWS:AROAORDERS:orders")), known).origin is MADE
    assert quarantined(message(s3("AWS:AROAOTHER:orders")), known).origin is UNKNOWN
    assert quarantined(message(s3("AWS:AROAOTHER:alice")), known).origin is ROOT


def test_events_of_different_origin_in_one_message_are_not_told_apart() -> None:
    assert judge(s3("AWS:AROAEXAMPLE:orders", "AWS:AROAEXAMPLE:bills")) is MADE
    assert judge(s3("AWS:AROAEXAMPLE:orders", "AWS:AIDAEXAMPLE")) is UNKNOWN


def test_the_test_that_s3_sends_is_no_event() -> None:
    test = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "uploads"}
    assert judge(test) is TEST
    assert judge(envelope(test)) is TEST


@pytest.mark.parametrize(
    ("lineage", "origin"),
    [
        ("25:a87bd80c:1", MADE),
        ("1:fe460cdd:0", UNKNOWN),
        ("a87bd80c:1|68fd508a:5|c512fbe3:2", MADE),
        ("aae260cf:0|74085691:0", UNKNOWN),
        ("aae260cf:0|74085691:1", MADE),
        ("c512fbe3:2", MADE),
        ("c512fbe3:0", UNKNOWN),
        ("1:fe460cdd:", UNKNOWN),
        ("", UNKNOWN),
        ("1:fe460cdd:٣", UNKNOWN),
    ],
)
def test_a_trace_that_has_been_through_a_function_twice_is_the_loops(lineage: str, origin: Origin) -> None:
    for body in (event(), envelope(), failure({"any": "thing"}), failure(event()), "plain"):
        assert judge(body, f"{TRACE};Lineage={lineage}") is origin
        assert judge(body, f"Lineage={lineage};{TRACE}") is origin


@pytest.mark.parametrize("body", [event(), envelope(), failure({"any": "thing"}), failure(None), "plain", "{", "[]"])
def test_without_a_lineage_nobody_knows(body: Any) -> None:
    assert judge(body) is UNKNOWN
    assert judge(body, TRACE) is UNKNOWN


@pytest.mark.parametrize(
    ("body", "origin"),
    [
        (event("aws.ec2", "EC2 Instance State-change Notification"), ROOT),
        (event("aws.events", "Scheduled Event"), ROOT),
        (event("aws.s3", "Object Created", requester=ACCOUNT), UNKNOWN),
        (event("aws.s3", "Object Created", requester=OTHER), ROOT),
        (event("aws.s3", "Object Deleted", requester="s3.amazonaws.com"), ROOT),
        (event("aws.s3", "Object Created"), UNKNOWN),
        (call("AROAEXAMPLE:orders"), MADE),
        (call("AROAEXAMPLE:alice"), ROOT),
        (call("AIDAEXAMPLE"), ROOT),
        (event("shop", "AWS API Call via CloudTrail", userIdentity={"principalId": "AROAEXAMPLE:orders"}), UNKNOWN),
    ],
)
def test_an_event_of_a_service_is_no_function_s_unless_it_says_so(body: dict[str, Any], origin: Origin) -> None:
    assert judge(body) is origin
    assert judge(failure(body)) is origin


def test_what_the_principal_says_counts_more_than_the_trace() -> None:
    assert judge(s3("AWS:AIDAEXAMPLE"), f"{TRACE};Lineage=25:a87bd80c:1") is ROOT


def test_who_sent_to_the_quarantine_queue_says_nothing() -> None:
    record = message(failure({"any": "thing"}), sender="AROAEXAMPLE:orders")
    assert quarantined(record, LOOP).origin is UNKNOWN


@pytest.mark.parametrize(("sender", "origin"), [("AROAEXAMPLE:orders", MADE), ("AROAEXAMPLE:api", ROOT), ("", UNKNOWN)])
def test_a_message_that_waits_is_the_loops_if_one_of_its_functions_sent_it(sender: str, origin: Origin) -> None:
    assert waiting(message("x", sender=sender), LOOP).origin is origin
    assert judge(failure(sqs_event(sender))) is origin


def test_a_message_that_a_service_sent_to_a_queue_is_whose_it_says() -> None:
    assert waiting(message(s3("AWS:AROAEXAMPLE:orders")), LOOP).origin is MADE
    assert waiting(message(s3("AWS:AIDAEXAMPLE")), LOOP).origin is ROOT
    assert waiting(message(envelope()), LOOP).origin is UNKNOWN
    assert waiting(message(event(), trace=f"{TRACE};Lineage=25:a87bd80c:1"), LOOP).origin is MADE


# --- what goes back ---------------------------------------------------------------------------------------------------


def test_a_record_tells_the_function_and_what_it_was_invoked_with() -> None:
    body = '{"requestPayload": 1, "requestContext": %s, "requestPayload" : {"a": 1.00, "a": 1e400, "\\ud800": [ ] }\n}'
    judged = quarantined(message(body % json.dumps(failure(1)["requestContext"])), LOOP)
    assert judged.shape is Shape.FAILURE
    assert judged.payload == '{"a": 1.00, "a": 1e400, "\\ud800": [ ] }'
    assert judged.function == f"{FUNCTION}:$LATEST"


def test_a_record_without_its_payload_has_nothing_to_send() -> None:
    record = {name: value for name, value in failure(1).items() if name != "requestPayload"}
    assert quarantined(message(record), LOOP).payload is None


@pytest.mark.parametrize(
    ("body", "shape"),
    [
        (s3("AWS:AIDAEXAMPLE"), Shape.S3),
        (envelope(), Shape.SNS),
        (event(), Shape.EVENT),
        (sqs_event("x"), Shape.PLAIN),
        ({"Records": []}, Shape.PLAIN),
    ],
)
def test_a_message_that_a_service_sent_is_seen_for_what_it_is(body: Any, shape: Shape) -> None:
    assert quarantined(message(body), LOOP).shape is shape


def test_nothing_of_what_a_message_holds_is_shown() -> None:
    for body in (s3("AWS:AROAEXAMPLE:hidden"), event(card="hidden"), envelope("hidden"), failure({"hidden": "hidden"})):
        judged = quarantined(message(body), LOOP)
        assert "hidden" not in judged.reason + judged.key + repr(judged)


# --- which one it is --------------------------------------------------------------------------------------------------


def key(body: Any, name: str = "m-1") -> str:
    return quarantined(message(body, name=name), LOOP).key


@pytest.mark.parametrize("body", [s3("AWS:AIDAEXAMPLE"), event(), envelope(), failure({"a": 1}), failure(event())])
def test_the_same_event_in_two_messages_is_one(body: dict[str, Any]) -> None:
    assert key(body, "m-1") == key(json.dumps(body, indent=1), "m-2")


@pytest.mark.parametrize(
    "body", ["plain", {"Records": [s3_record(responseElements={}, s3={})]}, sqs_event("x") | {"a": 1}]
)
def test_what_has_no_identity_of_its_own_is_as_many_events_as_messages(body: Any) -> None:
    assert key(body, "m-1") == key(body, "m-1")
    assert (key(body, "m-1") == key(body, "m-2")) is ("messageId" in str(body))


def test_an_object_s_event_is_the_same_by_whatever_way_it_came() -> None:
    assert key(s3("AWS:AIDAEXAMPLE")) == key(failure(s3("AWS:AIDAEXAMPLE"), "r-1")) == key(failure(s3("x"), "r-2"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (failure({"a": 1}, "r-1"), failure({"a": 1}, "r-2")),
        (event(a=1), event(a=2)),
        (envelope("one"), envelope("other")),
        (envelope(name="n-1"), envelope(name="n-2")),
        (s3("x"), s3("x", "x")),
        (s3("x"), {"Records": [s3_record(eventName="ObjectRemoved:Delete")]}),
    ],
)
def test_two_events_are_never_taken_for_one(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert key(one) != key(other)


# --- anything at all --------------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
SHAPES = [s3("AWS:AROAEXAMPLE:orders"), envelope(s3("x")), event("aws.s3", requester=ACCOUNT), failure(event()),
          failure(sqs_event("x")), failure(sns_event(s3("x"))), call("AROAEXAMPLE:orders")]  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn) -> Any:
    """One of the shapes with something else in one place."""
    body = json.loads(json.dumps(draw(st.sampled_from(SHAPES))))
    here = body
    while True:
        place = draw(st.sampled_from(sorted(here) if isinstance(here, dict) else range(len(here))))
        deeper = isinstance(here[place], dict | list) and len(here[place])
        if not deeper or draw(st.booleans()):
            here[place] = draw(JSON)
            return body
        here = here[place]


@given(
    body=JSON.map(json.dumps) | damaged().map(json.dumps) | st.text(max_size=20),
    trace=st.text("Lineage=;:|019a", max_size=30),
    sender=st.text(max_size=10),
)
def test_anything_can_be_judged(body: str, trace: str, sender: str) -> None:
    record = message(body, sender=sender, trace=trace)
    for judged in (quarantined(record, LOOP), waiting(record, LOOP)):
        assert isinstance(judged, Judged)
        assert judged.reason
        assert len(judged.key) == 32
        assert judged.payload is None or judged.payload in body


@given(JSON, st.sampled_from([None, 1, 4]), st.booleans())
def test_what_a_function_was_invoked_with_is_kept_to_the_byte(
    payload: Any, indent: int | None, ascii_only: bool
) -> None:
    record = {"more": payload, **failure(payload), "responsePayload": payload}
    body = json.dumps(record, indent=indent, ensure_ascii=ascii_only)
    kept = quarantined(message(body), LOOP).payload
    assert kept is not None
    assert f'"requestPayload": {kept}' in body
    assert json.dumps(json.loads(kept)) == json.dumps(payload)


@pytest.mark.parametrize("body", ["[" * 100_000, '{"a":' * 100_000, "9" * 100_000, json.dumps(failure(1)) + "x"])
def test_what_no_service_sends_is_kept_as_unknown(body: str) -> None:
    judged = quarantined(message(body), LOOP)
    assert (judged.origin, judged.shape, judged.payload) == (UNKNOWN, Shape.PLAIN, body)


def test_what_is_nested_too_deep_is_not_looked_into() -> None:
    deep: Any = {"id": "orders"}
    for _ in range(300):
        deep = [deep]
    assert judge(failure(deep)) is UNKNOWN
    assert quarantined(message(failure(deep)), LOOP).shape is Shape.PLAIN


def test_a_message_without_attributes_is_unknown() -> None:
    assert quarantined({"MessageId": "m-1", "Body": "{}"}, LOOP).origin is UNKNOWN
    assert waiting({"MessageId": "m-1", "Body": "{}"}, LOOP).origin is UNKNOWN
