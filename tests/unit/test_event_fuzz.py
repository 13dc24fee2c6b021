"""Whatever arrives is read or refused, and never leads into another account."""

import json
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from functions.core import subject as subjects
from functions.core.event import Forged, Ignored, Look, Malformed, Reading, read_event
from functions.core.finding import Finding
from functions.core.judgement import forged_event
from functions.core.message import read_message
from functions.core.slack_text import ticket_message
from functions.core.ticket import fold

from .examples import at
from .sample_events import EVENTS, HEALTH_ADMIN, HUB, MEMBER, REGION, TRUST, Event, sample
from .strategies import JSON, SCALARS, deep_list, drop, places, put

PLACES = [(name, path) for name, event in EVENTS.items() for path in places(event) if path]


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
        reading = read_event(event, TRUST)
    except Malformed as error:
        said = str(error)
    else:
        return reading
    assert 0 < len(said) < 1000
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
    assert subjects.ACCOUNT.fullmatch(subject.account)
    assert subjects.REGION.fullmatch(subject.region)
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
def test_any_detail_in_a_good_envelope_is_read_or_malformed(
    more: dict[str, Any], source: object, detail: object
) -> None:
    event = {**more, "source": source, "account": MEMBER, "region": REGION, "detail": detail}
    assert_harmless(event, read(event))


@settings(max_examples=max(300, settings().max_examples))
@given(mutated())
@example(sample("forged-finding", source="warden.\ud800"))
@example(sample("health-runaway", account="٢" * 12))
def test_any_mutation_of_a_test_event_is_read_or_malformed(event: Event) -> None:
    assert_harmless(event, read(event))


def test_every_field_of_every_test_event_can_be_missing_or_of_the_wrong_type() -> None:
    """Not by chance: each place once without its value, and once with each kind of another."""
    wrong: list[Any] = [None, True, 0, -1.5, float("nan"), "", "\x00", [], {}, [None], {"a": None}, deep_list()]
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
