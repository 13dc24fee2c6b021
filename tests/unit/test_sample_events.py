"""Each EventBridge test event of `events/`: what is read from it, and which rules it passes."""

import json
import re

import pytest

from functions.core.event import OWN_PREFIX, Forged, Ignored, read_event
from functions.core.playbook import ApiCall, Wiring
from functions.core.subject import ACCOUNT, REGION
from functions.core.triggers import (
    Pattern,
    forged_pattern,
    inspect_patterns,
    member_patterns,
    remediator_pattern,
    ticket_pattern,
    topology_patterns,
)
from functions.playbooks import playbook, playbooks

from .event_rules import matches
from .sample_events import EVENTS, FOLDER, HUB, MEMBER, TRUST, sample

RULES: dict[str, Pattern] = {
    **member_patterns(playbooks()),
    **inspect_patterns(HUB, playbooks()),
    **topology_patterns(HUB, playbooks()),
    "remediator": remediator_pattern(playbook("reserved-concurrency"), HUB),
    "ticket": ticket_pattern(HUB),
    "forged": forged_pattern(HUB),
}

# Test event → (what is read from it, the rules it passes). A look names the function, '' for the whole account.
LEADS_TO: dict[str, tuple[str, set[str]]] = {
    # What may connect functions is followed, and looked at only where a playbook asks for that too.
    "cloudtrail-create-function": ("look at orders", {"lambda-wiring", "inspect", "topology"}),
    "cloudtrail-create-event-source-mapping": ("look at orders", {"lambda-wiring", "topology"}),
    "cloudtrail-put-bucket-notification": ("ignored: no playbook listens", {"s3-wiring", "topology"}),
    "cloudtrail-put-targets": ("ignored: no playbook listens", {"events-wiring", "topology"}),
    "cloudtrail-subscribe": ("ignored: no playbook listens", {"sns-wiring", "topology"}),
    "cloudtrail-attach-role-policy": ("look at role orders", {"iam-wiring", "inspect", "topology"}),
    "cloudtrail-update-configuration": ("look at orders", {"lambda-wiring", "inspect", "topology"}),
    "cloudtrail-tag-resource": ("look at orders", {"lambda-calls", "inspect"}),
    "cloudtrail-delete-concurrency": ("look at orders", {"lambda-calls", "inspect"}),
    "cloudtrail-delete-function": ("look at orders", {"lambda-wiring", "inspect", "topology"}),
    "cloudtrail-delete-secret": ("look at orders", {"secretsmanager-calls", "inspect"}),
    # Whose secret it is stands in the request, and a pattern cannot tell a name from an ARN.
    "cloudtrail-delete-other-secret": ("ignored: not about a secret of ours", {"secretsmanager-calls", "inspect"}),
    "cloudtrail-role-boundary": ("look at role orders", {"iam-wiring", "inspect", "topology"}),
    "cloudtrail-name-as-arn": ("look at orders", {"lambda-wiring", "inspect", "topology"}),
    "cloudtrail-duplicate": ("look at orders", {"lambda-wiring", "inspect", "topology"}),
    # These two stay in the member account; code refuses them once more, should a rule be too wide.
    "cloudtrail-create-function-failed": ("ignored: failed", {"inspect", "topology"}),
    "cloudtrail-own-role": ("ignored: our own call", {"inspect"}),
    "config-compliance-change": ("look at orders", {"config-compliance", "inspect"}),
    "config-item-change": ("look at orders", {"config-item", "inspect"}),
    "health-runaway": ("look at orders", {"health", "inspect"}),
    "health-other-account": ("look at orders", {"health", "inspect"}),
    "alarm-throttles": ("look at orders", {"alarm", "inspect"}),
    "alarm-without-function": ("look at ", {"alarm", "inspect"}),
    "alarm-with-contributors": ("ignored: events of their own", {"alarm", "inspect"}),
    "cloudwatch-contributor-invocations": ("look at orders", {"alarm", "inspect"}),
    "cloudwatch-contributor-recursion-dropped": ("look at orders", {"alarm", "inspect"}),
    "custom-inspection-requested": ("look at orders", {"inspect-test"}),
    "custom-wrapped": ("look at orders", {"inspect-test", "topology-test"}),
    "forged-finding": ("forged: only the hub", {"forged"}),
    "forged-fix-request": ("forged: only the hub", {"forged"}),
    # A true call record as far as any rule can see.
    "forged-other-account": ("forged: speaks of account '333333333333'", {"lambda-wiring", "inspect", "topology"}),
}


def test_every_test_event_is_in_the_table() -> None:
    assert set(LEADS_TO) == set(EVENTS)


def test_every_test_event_is_explained_in_the_folder() -> None:
    rows = re.findall(r"^\| `([\w-]+)\.json` \|", (FOLDER / "README.md").read_text(), re.MULTILINE)
    assert sorted(rows) == sorted(EVENTS)


@pytest.mark.parametrize("name", EVENTS)
def test_leads_to_what_the_table_says(name: str) -> None:
    expected, _ = LEADS_TO[name]
    match read_event(sample(name), TRUST):
        case Ignored(because):
            assert expected.startswith("ignored: ")
            assert expected.removeprefix("ignored: ") in because
        case Forged() as forged:
            assert expected.startswith("forged: ")
            assert expected.removeprefix("forged: ") in forged.because
        case looks:
            named = (f"role {look.role}" if look.role else look.subject.function for look in looks)
            assert expected == "look at " + ", ".join(named)
            assert {(look.subject.account, look.subject.region) for look in looks} == {(MEMBER, sample(name)["region"])}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", EVENTS)
def test_passes_the_rules_of_the_table_and_no_other(name: str, rule: str) -> None:
    assert matches(RULES[rule], sample(name)) == (rule in LEADS_TO[name][1])


def test_every_kind_of_rule_has_a_test_event_or_is_for_the_hub_alone() -> None:
    """Those about calls are of one kind."""

    def kinds(rules: set[str]) -> set[str]:
        call = ["AWS API Call via CloudTrail"]
        return {"call" if RULES[rule].get("detail-type") == call else rule for rule in rules}

    passed = set.union(*(rules for _, rules in LEADS_TO.values()))
    assert kinds(set(RULES)) - kinds(passed) == {"remediator", "ticket", "inspect-fixed"}


def named(kind: type[ApiCall] | type[Wiring]) -> set[tuple[str, str]]:
    """Each call that a playbook declares: service and name."""
    triggers = [t for one in playbooks() for t in one.triggers if isinstance(t, kind)]
    return {(t.service, name) for t in triggers for name in t.names}


@pytest.mark.parametrize(("service", "name"), sorted(named(ApiCall) | named(Wiring)))
def test_a_call_that_a_playbook_asks_for_leaves_the_member_once(service: str, name: str) -> None:
    event = sample("cloudtrail-create-function", source=f"aws.{service}")
    event["detail"] |= {"eventSource": f"{service}.amazonaws.com", "eventName": name}
    forwarding, *others = (rule for rule, pattern in RULES.items() if matches(pattern, event))
    assert forwarding in member_patterns(playbooks())
    always = {("lambda", "DeleteFunction20150331")}
    looked_at = {"inspect"} if (service, name) in named(ApiCall) | always else set()
    assert set(others) == looked_at | ({"topology"} if (service, name) in named(Wiring) else set())


@pytest.mark.parametrize("name", EVENTS)
def test_is_a_complete_event(name: str) -> None:
    """As the console's test form and `TestEventPattern` ask for it (EventBridge API reference)."""
    event = EVENTS[name]
    assert list(event) == ["version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail"]
    assert event["version"] == "0"
    assert ACCOUNT.fullmatch(event["account"])
    assert REGION.fullmatch(event["region"])
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", event["id"])
    assert re.fullmatch(r"2026-\d\d-\d\dT\d\d:\d\d:\d\dZ", event["time"])
    assert isinstance(event["resources"], list)
    assert len(json.dumps(event)) < 256 * 1024


def test_no_two_test_events_have_one_id_and_only_the_duplicate_repeats_a_record() -> None:
    assert len({event["id"] for event in EVENTS.values()}) == len(EVENTS)
    records = [event["detail"]["eventID"] for event in EVENTS.values() if "eventID" in event["detail"]]
    assert len(set(records)) == len(records) - 1


@pytest.mark.parametrize("name", EVENTS)
def test_shows_no_environment_value_and_no_credential(name: str) -> None:
    text = json.dumps(EVENTS[name])
    assert not re.search(r"A[A-Z]{2}A[A-Z0-9]{16}|xox[a-z]-", text)
    assert re.findall(r'"environment": (\{[^}]*\})', text) == ["{}"] * text.count('"environment"')


@pytest.mark.parametrize("name", [n for n in EVENTS if n.startswith(("custom-", "forged-f"))])
@pytest.mark.parametrize("account", [MEMBER, "333333333333"])
def test_a_source_of_ours_from_a_member_passes_the_forged_rule_only(name: str, account: str) -> None:
    event = sample(name, account=account)
    assert {rule for rule, pattern in RULES.items() if matches(pattern, event)} == {"forged"}
    assert isinstance(read_event(event, TRUST), Forged)


def test_the_hubs_own_outcomes_reach_the_ticket_and_its_requests_the_remediator() -> None:
    def passed(name: str, **detail: object) -> set[str]:
        event = sample(name, account=HUB)
        event["detail"] |= detail
        return {rule for rule, pattern in RULES.items() if matches(pattern, event)}

    assert passed("forged-finding", mode="enforce") == {"remediator", "ticket"}
    assert passed("forged-finding", mode="approve") == {"remediator", "ticket"}, "it plans what an approval would do"
    assert passed("forged-finding", mode="observe") == {"ticket"}
    assert passed("forged-finding", playbook="another") == {"ticket"}
    assert passed("forged-fix-request") == {"remediator", "ticket"}
    assert passed("forged-fix-request", playbook="another") == {"ticket"}


@pytest.mark.parametrize(
    "kind", ["Finding Cleared", "Fix Planned", "Fix Applied", "Fix Failed", "Fix Undone", "Ticket Action"]
)
def test_no_outcome_reaches_the_remediator(kind: str) -> None:
    event = sample("forged-fix-request", **{"account": HUB, "detail-type": kind})
    assert not matches(RULES["remediator"], event)
    assert matches(RULES["ticket"], event)


def test_what_no_playbook_asked_for_stays_in_the_member_account() -> None:
    member = member_patterns(playbooks())
    other_call = sample("cloudtrail-create-function")
    other_call["detail"]["eventName"] = "PutFunctionCodeSigningConfig"
    compliant = sample("config-compliance-change")
    compliant["detail"]["newEvaluationResult"]["complianceType"] = "COMPLIANT"
    other_type = sample("config-item-change")
    other_type["detail"]["configurationItem"]["resourceType"] = "AWS::S3::Bucket"
    over = sample("alarm-throttles")
    over["detail"]["state"]["value"] = "OK"
    theirs = sample("alarm-throttles")
    theirs["detail"]["alarmName"] = "checkout-throttles"
    notice = sample("health-runaway")
    notice["detail"]["eventTypeCode"] = "AWS_LAMBDA_PLANNED_LIFECYCLE_EVENT"
    for event in (other_call, compliant, other_type, over, theirs, notice):
        assert not any(matches(pattern, event) for pattern in member.values())


def test_our_own_functions_are_named_as_the_code_expects() -> None:
    assert all(p.remediator.startswith(OWN_PREFIX) and p.member_role.startswith(OWN_PREFIX) for p in playbooks())
    assert all(role.startswith(OWN_PREFIX) for role in TRUST.own_roles)
