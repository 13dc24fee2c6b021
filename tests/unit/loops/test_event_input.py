"""What a rule's target is handed, by the examples of the user guide and what EventBridge was seen to send."""

from __future__ import annotations

from typing import Any

import pytest

from functions.core.fix import Change
from functions.playbooks.recursive_loop.fixes import target
from functions.playbooks.recursive_loop.fixes.event_input import Rule, handed

EVENT: dict[str, Any] = {
    "version": "0",
    "id": "7bf73129-1428-4cd3-a780-95db273d1602",
    "detail-type": "EC2 Instance State-change Notification",
    "source": "aws.ec2",
    "account": "123456789012",
    "time": "2015-11-11T21:29:54Z",
    "region": "us-east-1",
    "resources": ["arn:aws:ec2:us-east-1:123456789012:instance/i-abcd1111"],
    "detail": {
        "instance-id": "i-0123456789",
        "state": "RUNNING",
        "n": 5,
        "on": True,
        "none": None,
        "said": 'a "b"',
        "file": "C:\\new",
        "some": [1, 2],
    },
}
ARN = "arn:aws:events:us-east-2:123456789012:rule/example"
PATHS = {
    "timestamp": "$.time",
    "instance": "$.detail.instance-id",
    "state": "$.detail.state",
    "n": "$.detail.n",
    "on": "$.detail.on",
    "resource": "$.resources[0]",
    "detail": "$.detail",
    "all": "$",
    "missing": "$.detail.nothing",
    "beyond": "$.resources[7]",
    "none": "$.detail.none",
    "said": "$.detail.said",
    "file": "$.detail.file",
    "some": "$.detail.some",
    "every": "$.resources[*]",
    "brackets": "$['detail']",
}


def of(target: dict[str, Any]) -> object | None:
    return handed({"Id": "it", "Arn": "arn:aws:lambda:…", **target}, EVENT, Rule("example", ARN))


def filled(template: str) -> object | None:
    return of({"InputTransformer": {"InputPathsMap": PATHS, "InputTemplate": template}})


def test_without_any_input_it_is_the_event() -> None:
    assert of({}) == EVENT


def test_a_constant_has_nothing_of_the_event() -> None:
    assert of({"Input": '{"always": ["this"]}'}) == {"always": ["this"]}
    assert of({"Input": "no JSON"}) is None


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("$", EVENT),
        ("$.detail", EVENT["detail"]),
        ("$.detail.instance-id", "i-0123456789"),
        ("$.resources[0]", "arn:aws:ec2:us-east-1:123456789012:instance/i-abcd1111"),
        ("$.detail.nothing", None),
        ("$.source.nothing", None),
        ("$.resources[1]", None),
        ("$.resources.first", None),
        ("$.resources[*]", None),
        ("$['detail']", None),
        ("detail", None),
    ],
)
def test_a_path_takes_a_part(path: str, wanted: object) -> None:
    assert of({"InputPath": path}) == wanted


@pytest.mark.parametrize(
    ("template", "wanted"),
    [
        ('"instance <instance> is in <state>"', "instance i-0123456789 is in RUNNING"),
        ('"instance \\"<instance>\\" is in <state>"', 'instance "i-0123456789" is in RUNNING'),
        ('{"instance" : <instance>, "state": <state>}', {"instance": "i-0123456789", "state": "RUNNING"}),
        (
            '{"state": "<state>", "is": "instance \\"<instance>\\" is in <state>"}',
            {"state": "RUNNING", "is": 'instance "i-0123456789" is in RUNNING'},
        ),
        ('{"state": [9, <state>, true], "Transformed": "Yes"}', {"state": [9, "RUNNING", True], "Transformed": "Yes"}),
        ('{"n": <n>, "on": <on>, "text": "<n> <on>"}', {"n": 5, "on": True, "text": "5 true"}),
        ('{"of": <resource>, "detail": <detail>}', {"of": EVENT["resources"][0], "detail": EVENT["detail"]}),
        ("<all>", EVENT),
        ("<aws.events.event.json>", EVENT),
        ('{"arn": <aws.events.rule-arn>, "name": "<aws.events.rule-name>"}', {"arn": ARN, "name": "example"}),
        ('"{[/starts oddly: <state>"', "{[/starts oddly: RUNNING"),
        # Recorded from EventBridge: what is not in the event is an empty string, in a text and as a value.
        ('{"value": <missing>, "text": "<missing>,<beyond>"}', {"value": "", "text": ","}),
    ],
)
def test_a_template_is_filled(template: str, wanted: object) -> None:
    assert filled(template) == wanted


@pytest.mark.parametrize(
    "template",
    [
        '"<aws.events.event.ingestion-time>"',
        "<aws.events.event>",
        '"event: <aws.events.event.json>"',
        '"<detail>"',
        "<none>",
        '"<none>"',
        "<said>",
        '"<said>"',
        '"<file>"',
        '"<some>"',
        "<every>",
        "<brackets>",
        "<never-defined>",
        "no quotes",
        '"line"\n"line"',
    ],
)
def test_what_is_not_told_is_not_guessed(template: str) -> None:
    assert filled(template) is None


def test_without_paths_a_template_has_the_reserved_names_only() -> None:
    assert of({"InputTransformer": {"InputTemplate": '{"event": <aws.events.event.json>}'}}) == {"event": EVENT}


@pytest.mark.parametrize(
    ("setting", "arn"),
    [
        ("target it of rule default/orders", "rule/orders"),
        ("target it of rule aws.partner/x.com/1/orders", "rule/aws.partner/x.com/1/orders"),
    ],
)
def test_a_rules_arn_is_made_of_its_name_and_where_the_queue_is(setting: str, arn: str) -> None:
    before = {"Id": "it", "Arn": "arn:…", "InputTransformer": {"InputTemplate": '"<aws.events.rule-arn>"'}}
    change = Change(setting, before, {"Id": "q", "Arn": "arn:aws-cn:sqs:cn-north-1:222222222222:quarantine"})
    assert target.payload(change, EVENT) == f"arn:aws-cn:events:cn-north-1:222222222222:{arn}"
