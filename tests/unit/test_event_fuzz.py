"""Whatever arrives is read or refused, and never leads into another account."""

import json
from collections.abc import Iterator
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from functions.core.event import Forged, Ignored, Look, Malformed, Reading, read_event
from functions.core.finding import Finding
from functions.core.judgement import forged_event
from functions.core.message import read_message
from functions.core.slack_text import ticket_message
from functions.core.subject import ACCOUNT, REGION
from functions.core.ticket import fold

from .examples import at
from .sample_events import EVENTS, HEALTH_ADMIN, HUB, MEMBER, REGION, TRUST, Event, sample

Path = tuple[str | int, ...]

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(
        [
            HUB,
            MEMBER,
            HEALTH_ADMIN,
            "٢" * 12,
            "orders",
            "orders:live",
            "warden-inspector",
            "/",
            "\ud800",
            "x" * 300_000,
            f"{MEMBER}:function:orders",
            f"{HEALTH_ADMIN}:function:orders:1",
            f"arn:aws:lambda:{REGION}:{MEMBER}:function:orders",
            f"arn:aws:lambda:{REGION}:{HEALTH_ADMIN}:function:orders",
            f"arn:aws-cn:lambda:cn-north-1:{MEMBER}:function:orders:$LATEST",
            f"arn:aws-us-gov:lambda:us-gov-west-1:{HUB}:function:warden-ticket",
            "cn-north-1",
            "us-gov-west-1",
            "aws.lambda",
            "aws.config",
            "aws.health",
            "aws.cloudwatch",
            "aws.yet-to-come",
            "warden",
            "warden.test",
            "warden.sweep",
            "AWS API Call via CloudTrail",
            "YET_TO_COME",
            "ALARM",
            "AWS::Lambda::Function",
        ]
    )
)
JSON: st.SearchStrategy[Any] = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4)
)


def places(value: object, path: Path = ()) -> Iterator[Path]:
    """Every place in a JSON value, the whole first."""
    yield path
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*path, key))


PLACES = [(name, path) for name, event in EVENTS.items() for path in places(event) if path]


def put(value: Any, path: Path, new: object) -> None:
    for key in path[:-1]:
        value = value[key]
    value[path[-1]] = new


def drop(value: Any, path: Path) -> None:
    for key in path[:-1]:
        value = value[key]
    del value[path[-1]]


@st.composite
def mutated(draw: st.DrawFn) -> Event:
    """A test event with up to three fields missing or replaced."""
    name, _ = draw(st.sampled_from(PLACES))
    event = sample(name)
    for _ in range(draw(st.integers(1, 3))):
        found = [path for path in places(event) if path]
        if not found:
            break
        path = draw(st.sampled_from(found))
        if draw(st.integers(0, 3)) == 0:
            drop(event, path)
        else:
            put(event, path, draw(JSON))
    return event


def read(event: object) -> Reading | None:
    """Read an event; None if it is malformed. Anything else that is raised fails the test."""
    try:
        return read_event(event, TRUST)
    except Malformed as error:
        assert 0 < len(str(error)) < 1000
        return None


def assert_harmless(event: object, reading: Reading | None) -> None:
    """A look stays in the envelope's account, except where the hub or a trusted Health account speaks of another."""
    match reading:
        case None:
            return
        case Ignored(because):
            assert 0 < len(because) < 1000
        case Forged():
            assert_ticket(reading)
        case _:
            assert isinstance(event, dict)
            assert reading
            for look in reading:
                assert_in_bounds(event, look)


def assert_in_bounds(event: Event, look: Look) -> None:
    subject = look.subject
    assert ACCOUNT.fullmatch(subject.account)
    assert REGION.fullmatch(subject.region)
    assert not (subject.account == HUB and subject.function.startswith("warden-"))
    assert max(len(text) for text in vars(look.cause).values()) <= 250
    if event["source"] in ("warden.test", "warden.sweep"):
        assert event["account"] == HUB
    elif not (event["source"] == "aws.health" and event["account"] == HEALTH_ADMIN):
        assert subject.account == event["account"]


def assert_ticket(forged: Forged) -> None:
    """A forged event becomes a ticket that can be sent, stored and shown."""
    message = forged_event(forged, at(0))
    assert message.mode == "observe"
    again = read_message(message.kind.value, json.loads(json.dumps(message.to_detail())))
    assert again == message
    json.dumps(ticket_message(fold(None, again)).blocks, ensure_ascii=False).encode()
    assert isinstance(again.finding, Finding)


@given(JSON)
def test_any_json_is_read_or_malformed(event: object) -> None:
    assert_harmless(event, read(event))


@given(st.dictionaries(st.sampled_from(["id", "time", "detail-type", "replay-name", "resources"]), JSON), SCALARS, JSON)
def test_any_detail_in_a_good_envelope_is_read_or_malformed(more: dict[str, Any], source: object, detail: object) -> None:
    event = {**more, "source": source, "account": MEMBER, "region": REGION, "detail": detail}
    assert_harmless(event, read(event))


@given(mutated())
@example(sample("forged-finding", source="warden.\ud800"))
@example(sample("health-runaway", account="٢" * 12))
def test_any_mutation_of_a_test_event_is_read_or_malformed(event: Event) -> None:
    assert_harmless(event, read(event))


def _deep_list() -> list[Any]:
    deep: list[Any] = []
    for _ in range(3000):
        deep = [deep]
    return deep


def test_every_field_of_every_test_event_can_be_missing_or_of_the_wrong_type() -> None:
    """Not by chance: each place once without its value, and once with each kind of another."""
    wrong: list[Any] = [None, True, 0, -1.5, float("nan"), "", "\x00", [], {}, [None], {"a": None}, _deep_list()]
    tried = 0
    for name, path in PLACES:
        event = sample(name)
        drop(event, path)
        assert_harmless(event, read(event))
        for value in wrong:
            event = sample(name)
            put(event, path, value)
            assert_harmless(event, read(event))
            tried += 1
    assert tried > 5000


@given(mutated(), st.sampled_from([MEMBER, HEALTH_ADMIN, "444444444444"]))
def test_a_member_never_speaks_for_the_hub(event: Event, account: str) -> None:
    """A source of ours from any account but the hub's is forged, or too broken to be read."""
    event |= {"account": account, "source": "warden"}
    reading = read(event)
    assert reading is None or isinstance(reading, Forged)


@given(mutated())
def test_reading_an_event_does_not_change_it(event: Event) -> None:
    before = repr(event)
    read(event)
    assert repr(event) == before
