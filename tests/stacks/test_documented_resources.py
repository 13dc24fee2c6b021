"""docs/operating.md names every alarm and every queue for dead letters that the stacks make, and no other."""

from __future__ import annotations

import pytest

from functions.playbooks import playbooks
from tests.stacks.templates import Template
from tests.unit.documents import code, document

PAGE = document("docs/operating.md")
FIXES = {playbook.id for playbook in playbooks() if playbook.fixable}


def documented(table: list[list[str]], where: str) -> set[str]:
    """The names in the first column of the rows about the hub or about the members; one playbook stands for all."""
    names = {name for row in table if row[1].startswith(where) for name in code(row[0])}
    model = "warden-fix-reserved-concurrency-dlq"
    return names | {f"warden-fix-{playbook}-dlq" for playbook in FIXES} if model in names else names


@pytest.fixture
def alarms(
    hub: Template, member_account: Template, member_region: Template, member_global: Template
) -> dict[str, set[str]]:
    def of(*templates: Template) -> set[str]:
        return {a["AlarmName"] for template in templates for a in template.of_type("AWS::CloudWatch::Alarm")}

    return {
        "hub": of(hub),
        "each member Region": of(member_account, member_region),
        "each member, us-east-1": of(member_global),
    }


def test_every_alarm_is_explained_and_no_other(alarms: dict[str, set[str]]) -> None:
    for where, names in alarms.items():
        assert documented(PAGE.table("Alarms"), where) == names


def test_no_alarm_has_an_action_yet(hub: Template, member_region: Template, member_global: Template) -> None:
    assert "No alarm has an action yet" in PAGE.section("Alarms")
    for alarm in (
        a for template in (hub, member_region, member_global) for a in template.of_type("AWS::CloudWatch::Alarm")
    ):
        assert not alarm.get("AlarmActions")


def test_every_queue_of_dead_letters_is_explained_and_no_other(
    hub: Template, member_region: Template, member_global: Template
) -> None:
    templates = {"hub": hub, "each member Region": member_region, "each member, us-east-1": member_global}
    for where, template in templates.items():
        queues = {queue["QueueName"]: queue for queue in template.of_type("AWS::SQS::Queue")}
        letters = {name for name in queues if name.endswith("-dlq")}
        assert documented(PAGE.table("Dead letters"), where) == letters
        assert {queues[name]["MessageRetentionPeriod"] for name in letters} == {14 * 86_400}, "14 days"


def test_a_redrive_goes_to_the_queue_whose_dead_letters_they_are() -> None:
    for row in PAGE.table("Dead letters"):
        (letters,) = code(row[0])
        assert code(row[3]) in ([letters.removesuffix("-dlq")], [])


def test_the_design_says_how_often_a_message_is_delivered_and_how_many_batches_run(hub: Template) -> None:
    receives = {
        q["QueueName"]: q["RedrivePolicy"]["maxReceiveCount"]
        for q in hub.of_type("AWS::SQS::Queue")
        if "RedrivePolicy" in q
    }
    assert {receives.pop("warden-sweep"), receives.pop("warden-ticket"), *receives.values()} == {3, 1000, 5}
    batches = [m["ScalingConfig"]["MaximumConcurrency"] for m in hub.of_type("AWS::Lambda::EventSourceMapping")]
    assert (max(batches), min(batches)) == (10, 2)
    text = " ".join(document("docs/design.md").section("Queues").split())
    assert "delivered five times in all (sweep: three, ticket: a thousand)" in text
    assert "(inspector 10, the others 2 to 5)" in text
