"""What is remembered of an account: every fact, no value of a variable."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.playbooks.recursive_loop import joined
from functions.playbooks.recursive_loop.account import (
    NOT_ALLOWED,
    Account,
    Destination,
    LogSubscription,
    Notification,
    NotRead,
    Pipe,
    Rule,
    Schedule,
    SourceMapping,
    StateMachine,
    Subscription,
    Target,
)
from functions.playbooks.recursive_loop.loops import loops
from functions.playbooks.recursive_loop.policies import resource_policy
from functions.playbooks.recursive_loop.remembered import (
    appeared,
    from_json,
    in_order,
    refused_anew,
    to_json,
    to_look_at,
    without_values,
)
from functions.playbooks.recursive_loop.writes import Function

from .accounts import OWNER, REGION, arn, large

WORK, OTHER = arn("lambda", "function:work"), arn("lambda", "function:other")
QUEUE, TOPIC, BUCKET = arn("sqs", "jobs"), arn("sns", "orders"), "arn:aws:s3:::images"
STREAM = arn("dynamodb", "table/orders/stream/2026-11-20T10:00:00.000")
BUS, MACHINE = arn("events", "event-bus/shop"), arn("states", "stateMachine:sort")
GROUP = arn("logs", "log-group:/aws/lambda/work")
ROLE = f"arn:aws:iam::{OWNER}:role/work"
POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}]}
NOT_THEM = {
    "Sid": "others",
    "Effect": "Deny",
    "NotPrincipal": {"AWS": [ROLE, OWNER]},
    "NotAction": ["sqs:Receive*"],
    "NotResource": "arn:aws:sqs:*:*:${aws:PrincipalTag/team}",
    "Condition": {"StringLike": {"events:source": ["shop.*"]}},
}
LISTENING = replace(
    Account(OWNER, REGION),
    mappings=(
        SourceMapping("u-1", QUEUE, f"{WORK}:live", "Enabled", filtered=True, on_failure=TOPIC),
        SourceMapping("u-2", STREAM, WORK, "Disabled"),
    ),
    notifications=(Notification(BUCKET, "n-1", WORK, ("s3:ObjectCreated:*",), "in/", ".jpg"),),
    subscriptions=(Subscription(f"{TOPIC}:s-1", TOPIC, "lambda", WORK, {"kind": ["a"]}, filter_read=True),),
    rules=(Rule(BUS, "r", "ENABLED", {"source": ["shop"]}, (Target("t", WORK),)), Rule(BUS, "s", "DISABLED", None, ())),
)
WHOLE = replace(
    LISTENING,
    functions=(Function(OTHER, ROLE), Function(WORK, ROLE, {"QUEUE": QUEUE, "TABLE": "orders"}, "shared")),
    dead_letters={WORK: QUEUE},
    destinations=(Destination(WORK, "live", "OnFailure", QUEUE),),
    destinations_read=frozenset({WORK}),
    buckets_on_bus=(BUCKET,),
    pipes=(Pipe(arn("pipes", "pipe/move"), "RUNNING", QUEUE, WORK, OTHER),),
    schedules=(Schedule(arn("scheduler", "schedule/default/nightly"), "ENABLED", WORK),),
    state_machines=(StateMachine(MACHINE, WORK),),
    log_subscriptions=(LogSubscription(GROUP, "f", WORK, filtered=True),),
    redrives={QUEUE: TOPIC},
    policies={QUEUE: resource_policy("of queue jobs", OWNER, {**POLICY, "Statement": [NOT_THEM, {}]})},
    roles={ROLE: ({"own": POLICY}, ("arn:aws:iam::aws:policy/limit", POLICY)), f"{ROLE}-2": ({}, None)},
    roles_in_part=frozenset({ROLE}),
    not_read=(NotRead("pipes:ListPipes", "", NOT_ALLOWED),),
)


def again(account: Account) -> Account:
    """As it is after it was remembered."""
    return from_json(json.loads(json.dumps(to_json(account))))


def test_every_fact_comes_back() -> None:
    assert all(getattr(WHOLE, one.name) for one in fields(Account)), "a new kind of fact belongs into WHOLE"
    assert again(WHOLE) == WHOLE
    assert again(Account(OWNER, REGION)) == Account(OWNER, REGION)


def test_the_loops_of_a_large_account_are_the_same_afterwards() -> None:
    account = large(200)
    assert again(account) == without_values(account)
    before, after = (joined.graph(one, joined.written(one)) for one in (account, again(account)))
    assert before == after
    assert loops(before) == loops(after) != []


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (QUEUE, QUEUE),
        ("jobs", "jobs"),
        (f" {QUEUE}\n", QUEUE),
        (f"https://sqs.{REGION}.amazonaws.com/{OWNER}/jobs", QUEUE),
        ("s3://images/in/", BUCKET),
        ("images", "images"),
        (f"{OTHER}:live", OTHER),
        ("other", "other"),
        ("orders", "orders"),
        (STREAM, STREAM),
        (TOPIC, TOPIC),
        ("shop", "shop"),
        (f"https://sqs.{REGION}.amazonaws.com/{OWNER}/unknown", None),
        (arn("sqs", "unknown"), None),
        (f"{QUEUE}?password=x", None),
        ("jobs;jobs", None),
        ("", None),
    ],
)
def test_a_variable_is_kept_if_its_whole_value_names_something_known(value: str, kept: str | None) -> None:
    account = replace(LISTENING, functions=(Function(OTHER, ROLE), Function(WORK, ROLE, {"NAME": value})))
    environment = again(account).functions[1].environment
    assert environment == ({"NAME": kept} if kept else {})


def test_what_is_switched_off_is_still_known() -> None:
    off = replace(LISTENING, mappings=tuple(replace(one, state="Disabled") for one in LISTENING.mappings))
    account = replace(off, functions=(Function(WORK, ROLE, {"NAME": "jobs"}),))
    assert again(account).functions[0].environment == {"NAME": "jobs"}


SECRETS = st.text(min_size=8, max_size=60).map(lambda text: f"planted-{text}")
VALUES = st.sampled_from(
    ["{}", "jobs {}", f"{QUEUE}{{}}", f"{QUEUE}:{{}}", "https://u:{}@x/", "s3://images{}", "s3://{}/a"]
)


@given(st.dictionaries(st.text(min_size=1, max_size=9), st.tuples(VALUES, SECRETS), max_size=5), SECRETS)
def test_no_value_is_remembered(variables: dict[str, tuple[str, str]], secret: str) -> None:
    environment = {name: form.format(text) for name, (form, text) in variables.items()}
    definition = json.dumps({"Resource": WORK, "Parameters": {"token": secret}})
    account = replace(
        WHOLE,
        functions=(Function(WORK, ROLE, {**environment, "QUEUE": "jobs"}), Function(OTHER, ROLE, environment)),
        state_machines=(StateMachine(MACHINE, definition),),
    )
    found = to_json(account)
    assert "planted" not in json.dumps(found, ensure_ascii=False)
    assert from_json(found).functions[0].environment == {"QUEUE": "jobs"}


def test_of_a_definition_only_what_it_names_is_kept() -> None:
    url = f"https://sqs.{REGION}.amazonaws.com/{OWNER}/jobs"
    definition = json.dumps({"States": {"b": {"Resource": WORK, "Key": "abc"}, "a": {"QueueUrl": url}}})
    account = replace(WHOLE, state_machines=(StateMachine(MACHINE, definition),))
    kept = again(account)
    assert kept.state_machines == (StateMachine(MACHINE, f"{WORK} {url}"),)
    assert again(kept) == kept
    assert joined.graph(kept, ()) == joined.graph(account, ())


def test_the_order_in_which_facts_came_does_not_matter() -> None:
    names = ("functions", "mappings", "rules", "roles", "buckets_on_bus")
    reverse: dict[str, Any] = {
        name: type(found)(reversed(found)) for name in names[:3] if (found := getattr(WHOLE, name))
    }
    turned = replace(WHOLE, **reverse, roles=dict(reversed(list(WHOLE.roles.items()))))
    assert in_order(turned) == in_order(WHOLE)
    assert list(in_order(turned).roles) == list(in_order(WHOLE).roles)


# --- what is remembered beside ---------------------------------------------------------------------------------------


def test_a_function_that_was_not_there_before_has_appeared() -> None:
    was = replace(WHOLE, functions=(Function(WORK, ROLE),))
    assert appeared({}, None, WHOLE, "t3", "t1") == {}
    assert appeared({}, was, WHOLE, "t3", "t1") == {OTHER: "t3"}
    assert appeared({OTHER: "t2", WORK: "t0"}, WHOLE, WHOLE, "t3", "t1") == {OTHER: "t2"}
    assert appeared({OTHER: "t2"}, WHOLE, was, "t3", "t1") == {}
    assert appeared({OTHER: "t2"}, was, WHOLE, "t3", "t1") == {OTHER: "t3"}, "it was deleted and made again"


def loop(name: str, *functions: str, confidence: str = "A", **more: Any) -> dict[str, Any]:
    return {"id": name, "functions": list(functions), "confidence": confidence, **more}


def test_what_made_a_difference_is_looked_at() -> None:
    stays, turned = loop("stays", "c"), loop("turned", "d", "e")
    before = [stays, turned, loop("gone", "a", "b")]
    now = [stays, {**turned, "confidence": "B"}, loop("new", "f", "g")]
    assert to_look_at(before, now, (), whole=False) == ("a", "b", "d", "f")
    assert to_look_at(before, now, ("c", "e", "g", "h"), whole=False) == ("a", "b", "d", "e", "f", "g")
    assert to_look_at(before, now, (), whole=True) == ("a", "b", "c", "d", "f")
    assert to_look_at(now, now, ("c",), whole=False) == ()


def test_what_appeared_among_wildcards_only_is_not_looked_at() -> None:
    assert to_look_at([], [loop("wild", "a", "b", confidence="C")], ("b",), whole=False) == ("a",)


@pytest.mark.parametrize(
    ("action", "what", "why", "expected"),
    [
        ("sns:ListSubscriptions", "", NOT_ALLOWED, "sns:ListSubscriptions"),
        ("iam:GetRole", "work", NOT_ALLOWED, "iam:GetRole"),
        ("s3:GetBucketNotification", "images", NOT_ALLOWED, ""),
        ("iam:GetAccountAuthorizationDetails", ROLE, "there is no such role", ""),
        ("pipes:ListPipes", "", NOT_ALLOWED, ""),
    ],
)
def test_what_is_refused_as_a_whole_and_was_not_is_told(action: str, what: str, why: str, expected: str) -> None:
    now = replace(WHOLE, not_read=(*WHOLE.not_read, NotRead(action, what, why)))
    assert refused_anew(WHOLE, now) == expected
