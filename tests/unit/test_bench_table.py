"""The pure parts of the bench: its table, its arithmetic, and what it makes of recorded calls."""

from __future__ import annotations

import json

import pytest

from tests.bench import burst, event_to_fix
from tests.bench.importtime import STANDARD_LIBRARY, by_package, told
from tests.bench.server import created_event, listed, reads
from tests.bench.table import Row, median, percentile, ratio, render, shown
from tests.unit.examples import applied, failed, opened, ticket
from warden.local.calls import Call
from warden.local.cloud import ANALYTICS, HUB, PAYMENTS


def call(time: float, operation: str, principal: str, resource: str = "*", status: int = 200) -> Call:
    account = principal.split(":")[4]
    return Call(time, account, "eu-west-1", principal, "lambda", operation, "", resource, status, "", "")


def role(account: str, name: str) -> str:
    return f"arn:aws:sts::{account}:assumed-role/{name}/session"


def function(account: str, name: str) -> str:
    return f"arn:aws:lambda:eu-west-1:{account}:function:{name}"


def test_a_percentile_lies_between_its_neighbours() -> None:
    assert percentile([4, 1, 3, 2], 50) == 2.5
    assert percentile([1, 2, 3, 4, 5], 95) == pytest.approx(4.8)
    assert percentile([7], 95) == 7
    assert median([3, 1, 2]) == 2


def test_there_is_no_percentile_of_nothing() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 50)


def test_a_ratio_says_how_many_times_ours_the_peers_figure_is() -> None:
    assert ratio(753_506, 43_430) == 17.3
    assert ratio(1, 4) == 0.25
    assert ratio(3, 0) is None


def test_an_aim_is_reached_up_to_and_with_itself() -> None:
    assert Row("f", "w", 200, "ms", 200).met is True
    assert Row("f", "w", 200.1, "ms", 200).met is False
    assert Row("f", "w", 200, "ms").met is None


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "ms", ""),
        (753_506, "B", "753,506 B"),
        (203.4, "ms", "203 ms"),
        (7.48, "ms", "7.5 ms"),
        (0.2649, "s", "0.265 s"),
        (12.34, "s", "12.3 s"),
        (75.96, "/s", "76.0 /s"),
        (1, "calls", "1 call"),
        (2, "calls", "2 calls"),
        (0, "", "0"),
    ],
)
def test_a_value_is_shown_with_its_unit(value: float | None, unit: str, text: str) -> None:
    assert shown(value, unit) == text


def test_the_table_has_a_block_per_figure_with_numbers_aligned() -> None:
    rows = [
        Row("size", "inspector", 43_430, "B", 100_000, 753_506),
        Row("size", "layer", 1_053_051, "B", note="shared"),
        Row("time", "warm", 30, "ms", 20, detail="mostly waiting"),
    ]
    lines = render(rows).splitlines()
    assert lines[1:] == [
        "",
        "size",
        "  inspector      43,430 B   ✔ ≤ 100,000 B   753,506 B        17.3 ×",
        "  layer       1,053,051 B                                             shared",
        "",
        "time",
        "  warm            30.0 ms     ✘ ≤ 20.0 ms",
        "    warm: mostly waiting",
    ]
    assert lines[0].split() == ["ours", "aim", "Custodian", "peer", "÷", "ours"]
    assert lines[0].index("ours") + len("ours") == lines[3].index("B") + 1


def test_a_figure_says_to_scripts_whether_its_aim_is_reached() -> None:
    row = json.loads(json.dumps(Row("size", "inspector", 200_000, "B", 100_000, 100_000).to_json()))
    assert (row["value"], row["met"], row["ratio"]) == (200_000, False, 0.5)


IMPORTS = """\
import time: self [us] | cumulative | imported package
import time:      1200 |       1200 |   _io
import time:       800 |       2000 | json
import time:      6000 |       6000 |     botocore.compat
import time:      5000 |      11000 |   botocore.session
a line of the function's own log | 12 | with bars
import time:       500 |      11500 | functions.adapters.aws
"""


def test_the_time_of_imports_is_summed_up_by_package() -> None:
    assert by_package(IMPORTS) == {"botocore": 11.0, STANDARD_LIBRARY: 2.0, "functions": 0.5}


def test_small_packages_are_left_out_and_the_rest_of_a_start_is_said() -> None:
    text = told(by_package(IMPORTS), whole=40, least=1)
    assert text == "botocore 11, standard library 2, beside imports (interpreter, clients) 26"


def test_reads_are_told_from_writes_and_from_entering_an_account() -> None:
    me = role(HUB, "warden-inspector")
    calls = [call(n, operation, me) for n, operation in enumerate(("AssumeRole", "GetFunction", "Query", "PutItem"))]
    assert [c.operation for c in reads(calls)] == ["GetFunction", "Query"]
    assert listed([*calls[1:3], calls[1]]) == "2 × lambda:GetFunction, lambda:Query"


def test_the_event_names_the_function_wherever_it_may_be_looked_for() -> None:
    first, second = created_event("one"), created_event("two")
    assert first["detail"]["requestParameters"]["functionName"] == "one"
    assert first["detail"]["responseElements"]["functionArn"] == function(PAYMENTS, "one")
    assert second["detail"]["requestParameters"]["functionName"] == "two"
    assert first["detail"]["eventID"] != second["detail"]["eventID"]


PATH = [
    call(10.0, "CreateFunction", f"arn:aws:iam::{PAYMENTS}:root", function(PAYMENTS, "f")),
    call(10.1, "GetFunction", role(PAYMENTS, "warden-inspector"), function(PAYMENTS, "f")),
    call(10.2, "PutEvents", role(HUB, "warden-inspector")),
    call(10.3, "PutItem", role(HUB, "warden-remediator-reserved-concurrency")),
    call(10.4, "GetFunction", role(PAYMENTS, "warden-reserved-concurrency"), function(PAYMENTS, "f")),
    call(10.5, "PutFunctionConcurrency", role(PAYMENTS, "warden-reserved-concurrency"), function(PAYMENTS, "f")),
    call(10.6, "GetFunction", role(PAYMENTS, "warden-reserved-concurrency"), function(PAYMENTS, "f")),
]


def test_a_fix_is_timed_from_creation_until_it_was_read_back() -> None:
    assert event_to_fix.reached(PATH, PAYMENTS, "f") == pytest.approx([0.1, 0.2, 0.3, 0.5, 0.6])


@pytest.mark.parametrize("missing", range(len(PATH)))
def test_a_fix_is_not_timed_before_each_of_its_stages_was_reached(missing: int) -> None:
    # The read before the reservation is no stage, and does not stand in for the one after it.
    calls = [one for n, one in enumerate(PATH) if n != missing]
    assert bool(event_to_fix.reached(calls, PAYMENTS, "f")) is (missing == 4)


def test_a_reservation_that_was_refused_or_is_another_functions_does_not_count() -> None:
    refused = [call(c.time, c.operation, c.principal_arn, c.resource, 429) if c is PATH[5] else c for c in PATH]
    assert event_to_fix.reached(refused, PAYMENTS, "f") == []
    assert event_to_fix.reached(PATH, PAYMENTS, "g") == []
    assert event_to_fix.reached(PATH, ANALYTICS, "f") == []


def burst_calls(*fixed: str) -> list[Call]:
    creations = [call(100.0 + n, "CreateFunction", f"arn:aws:iam::{PAYMENTS}:root") for n in range(4)]
    found = [call(104.0, "PutEvents", role(HUB, "warden-inspector"))]
    remediator = role(PAYMENTS, "warden-reserved-concurrency")
    fixes = [call(105.0, "PutFunctionConcurrency", remediator, function(PAYMENTS, name)) for name in fixed]
    return [*creations, *found, *fixes]


NAMES = [(PAYMENTS, f"f{n}") for n in range(4)]


def test_a_burst_counts_what_was_inspected_a_second() -> None:
    inspected, *_ = burst.figures("x", NAMES, [], burst_calls(), 0)
    assert (inspected.value, inspected.unit) == (1.0, "/s")


def test_what_has_no_settled_ticket_or_is_a_dead_letter_is_lost() -> None:
    settled = [ticket(opened(1), applied(2)), ticket(opened(1), failed(2, "cap"))]
    _, until, lost, _ = burst.figures("x", NAMES, settled, burst_calls("f0"), 1)
    assert lost.value == 3
    assert lost.met is False
    assert until.note == "1 fixed, 1 waiting for a person"


def test_a_function_that_was_fixed_twice_is_counted() -> None:
    *_, twice = burst.figures("x", NAMES, [], burst_calls("f0", "f1", "f0"), 0)
    assert twice.value == 1
