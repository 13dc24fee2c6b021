"""Where an event sends us, and what it is not believed about."""

import json
from typing import Any

import pytest

from functions.core.event import Forged, Ignored, Look, Malformed, Trust, actor, read_event
from functions.core.subject import Subject, partition_of

from .sample_events import EVENTS, HEALTH_ADMIN, HUB, MEMBER, REGION, TRUST, call_of, sample

ORDERS = Subject("aws", MEMBER, REGION, "orders")


def looks(event: object, trust: Trust = TRUST) -> tuple[Look, ...]:
    reading = read_event(event, trust)
    assert isinstance(reading, tuple), reading
    return reading


def ignored(event: object) -> str:
    reading = read_event(event, TRUST)
    assert isinstance(reading, Ignored), reading
    return reading.because


def forged(event: object, trust: Trust = TRUST) -> Forged:
    reading = read_event(event, trust)
    assert isinstance(reading, Forged), reading
    return reading


def session(role_arn: str) -> dict[str, Any]:
    return {"type": "AssumedRole", "sessionContext": {"sessionIssuer": {"arn": role_arn}}}


def test_tells_who_created_a_function_and_when() -> None:
    (look,) = looks(sample("cloudtrail-create-function"))
    assert look.subject == ORDERS
    assert (look.cause.event, look.cause.actor) == ("CreateFunction20150331", "Dev/alice")
    assert look.cause.at == "2026-11-20T10:00:01Z"
    assert look.cause.event_id == EVENTS["cloudtrail-create-function"]["detail"]["eventID"]


def test_a_duplicate_record_keeps_its_event_id() -> None:
    first, second = sample("cloudtrail-create-function"), sample("cloudtrail-duplicate")
    assert first["id"] != second["id"]
    assert looks(first) == looks(second)


@pytest.mark.parametrize(
    "name",
    [
        "orders",
        "orders:live",
        "orders:$LATEST",
        f"{MEMBER}:function:orders",
        f"{MEMBER}:function:orders:7",
        ORDERS.arn,
        f"{ORDERS.arn}:live",
    ],
)
def test_every_way_to_name_a_function_leads_to_the_same_one(name: str) -> None:
    assert [look.subject for look in looks(call_of(requestParameters={"functionName": name}))] == [ORDERS]


@pytest.mark.parametrize("region", ["cn-north-1", "us-gov-west-1", "eusc-de-east-1"])
def test_functions_of_other_partitions_are_looked_at(region: str) -> None:
    partition = partition_of(region)
    arn = f"arn:{partition}:lambda:{region}:{MEMBER}:function:orders"
    event = call_of(requestParameters={"functionName": arn}) | {"region": region}
    assert [look.subject for look in looks(event)] == [Subject(partition, MEMBER, region, "orders")]


def test_takes_the_name_from_the_answer_where_the_request_is_left_out() -> None:
    """CloudTrail leaves out request parameters of more than 100 KB."""
    event = call_of(requestParameters=None, responseElements={"functionName": "orders"})
    assert [look.subject for look in looks(event)] == [ORDERS]


@pytest.mark.parametrize("code", ["AccessDenied", "ResourceConflictException", "Client.NoSuchThing"])
def test_a_failed_call_is_no_finding(code: str) -> None:
    assert "failed" in ignored(call_of(errorCode=code))


@pytest.mark.parametrize(
    "name",
    [name for name, event in EVENTS.items() if event["source"] in ("aws.iam", "aws.lambda", "aws.secretsmanager")],
)
def test_every_recorded_call_is_ignored_once_it_carries_an_error_code(name: str) -> None:
    event = sample(name)
    event["detail"]["errorCode"] = "TooManyRequestsException"
    assert "failed" in ignored(event)


def test_a_dry_run_is_ignored() -> None:
    assert "dry run" in ignored(call_of(requestParameters={"functionName": "orders", "dryRun": True}))
    assert looks(call_of(requestParameters={"functionName": "orders", "dryRun": False}))


@pytest.mark.parametrize("role", TRUST.own_roles)
@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov", "aws-iso-b", "aws-eusc"])
def test_our_own_calls_are_ignored_in_every_partition(partition: str, role: str) -> None:
    event = call_of(userIdentity=session(f"arn:{partition}:iam::{MEMBER}:role/{role}"))
    assert "our own" in ignored(event)


@pytest.mark.parametrize(
    "arn",
    [
        f"arn:aws:iam::{MEMBER}:role/Dev",
        f"arn:aws:iam::{MEMBER}:role/not-warden-inspector",
        f"arn:aws:iam::{MEMBER}:role/warden-inspector-2",
        f"arn:aws:iam::{MEMBER}:role/team/warden-inspector",
        f"arn:aws:iam::{HEALTH_ADMIN}:role/warden-inspector",
    ],
)
def test_a_role_that_only_resembles_ours_is_not_ours(arn: str) -> None:
    assert looks(call_of(userIdentity=session(arn)))


@pytest.mark.parametrize("identity", [None, {}, {"type": "Root"}, {"sessionContext": None}, {"sessionContext": {}}])
def test_a_caller_without_a_session_is_not_ours(identity: object) -> None:
    assert looks(call_of(userIdentity=identity))


def test_our_own_functions_in_the_hub_are_out_of_scope() -> None:
    for name in ("warden-inspector", "warden-remediator-reserved-concurrency", "warden-"):
        event = call_of(requestParameters={"functionName": name}, recipientAccountId=HUB, userIdentity={})
        assert "out of scope" in ignored({**event, "account": HUB})


def test_functions_of_others_in_the_hub_and_our_names_elsewhere_are_in_scope() -> None:
    in_hub = {**call_of(recipientAccountId=HUB), "account": HUB}
    assert looks(in_hub)[0].subject == Subject("aws", HUB, REGION, "orders")
    assert looks(call_of(requestParameters={"functionName": "warden-inspector"}))


@pytest.mark.parametrize(
    "name",
    [
        "config-compliance-change",
        "config-item-change",
        "health-runaway",
        "alarm-throttles",
        "cloudwatch-contributor-invocations",
    ],
)
def test_our_own_functions_in_the_hub_are_out_of_scope_whatever_the_source(name: str) -> None:
    text = json.dumps(sample(name)).replace(MEMBER, HUB).replace('"orders"', '"warden-inspector"')
    assert isinstance(read_event(json.loads(text), TRUST), Ignored)


def test_tags_of_something_else_than_a_function_are_ignored() -> None:
    arn = f"arn:aws:lambda:{REGION}:{MEMBER}:event-source-mapping:0a1b2c3d"
    assert "not about a function" in ignored(call_of(requestParameters={"resource": arn, "tags": {}}))


def test_the_callers_copy_of_a_call_to_another_account_is_ignored() -> None:
    event = call_of(requestParameters={"functionName": f"{HEALTH_ADMIN}:function:orders"})
    assert "another account" in ignored(event)


@pytest.mark.parametrize(
    "arn",
    [
        f"arn:aws:lambda:{REGION}:{HEALTH_ADMIN}:function:orders",
        f"arn:aws:lambda:us-east-1:{MEMBER}:function:orders",
        f"{HUB}:function:orders",
    ],
)
def test_a_function_elsewhere_named_by_a_stranger_is_forged(arn: str) -> None:
    event = call_of(requestParameters={"functionName": arn}, userIdentity={"accountId": HEALTH_ADMIN})
    found = forged(event)
    assert (found.account, found.region) == (MEMBER, REGION)


def test_an_event_that_speaks_of_another_account_is_forged() -> None:
    assert "333333333333" in forged(sample("forged-other-account")).because
    item = sample("config-item-change")
    item["detail"]["configurationItem"]["awsAccountId"] = HEALTH_ADMIN
    assert HEALTH_ADMIN in forged(item).because
    compliance = sample("config-compliance-change")
    compliance["detail"]["awsAccountId"] = HEALTH_ADMIN
    assert HEALTH_ADMIN in forged(compliance).because


def test_health_events_of_others_are_believed_from_a_trusted_account_only() -> None:
    event = sample("health-other-account")
    assert [look.subject for look in looks(event)] == [ORDERS]
    found = forged(event, Trust(HUB, TRUST.own_roles))
    assert found.account == HEALTH_ADMIN
    assert MEMBER in found.because


def test_a_health_event_is_about_the_region_it_names() -> None:
    event = sample("health-runaway", region="us-west-2")
    assert looks(event)[0].subject.region == REGION
    event["detail"].pop("eventRegion")
    assert looks(event)[0].subject.region == "us-west-2"


def test_a_health_event_leads_to_every_function_it_names() -> None:
    event = sample("health-runaway")
    event["detail"]["affectedEntities"] = [{"entityValue": "orders"}, {"entityValue": f"{ORDERS.arn}x"}]
    assert [look.subject.function for look in looks(event)] == ["orders", "ordersx"]
    event["detail"]["affectedEntities"] = []
    assert "names no function" in ignored(event)


def test_a_deleted_function_is_looked_at_whichever_way_it_is_told() -> None:
    assert looks(sample("cloudtrail-delete-function"))[0].subject == ORDERS
    item = sample("config-item-change")
    item["detail"]["configurationItem"]["configurationItemStatus"] = "ResourceDeleted"
    (look,) = looks(item)
    assert look.subject == ORDERS
    assert "deleted" in look.cause.event


def test_an_unknown_status_of_a_configuration_item_is_no_obstacle() -> None:
    item = sample("config-item-change")
    item["detail"]["configurationItem"]["configurationItemStatus"] = "ResourceHibernated"
    assert looks(item)[0].subject == ORDERS


def test_an_alarm_leads_to_each_function_of_its_metrics_once() -> None:
    event = sample("alarm-throttles")
    metric = event["detail"]["configuration"]["metrics"][0]
    other = json.loads(json.dumps(metric).replace("orders", "billing"))
    event["detail"]["configuration"]["metrics"] = [metric, other, metric, {"expression": "m1 + m2"}]
    assert [look.subject.function for look in looks(event)] == ["billing", "orders"]


def test_an_alarm_about_no_function_leads_to_the_whole_account() -> None:
    (look,) = looks(sample("alarm-without-function"))
    assert look.subject == Subject("aws", MEMBER, REGION)
    assert look.cause.event == "alarm warden-throttles-account"


@pytest.mark.parametrize("state", ["OK", "INSUFFICIENT_DATA", "SNOOZED", None])
def test_an_alarm_that_is_not_in_alarm_is_ignored(state: object) -> None:
    event = sample("alarm-throttles")
    event["detail"]["state"]["value"] = state
    assert "not in ALARM" in ignored(event)


CONTRIBUTORS = ["cloudwatch-contributor-invocations", "cloudwatch-contributor-recursion-dropped"]


@pytest.mark.parametrize("name", CONTRIBUTORS)
def test_a_contributor_to_an_alarm_over_many_functions_leads_to_its_function(name: str) -> None:
    event = sample(name)
    # "Alarm events and EventBridge" shows this one for an alarm that is muted; there may be others.
    event["detail"]["muteDetail"] = {"mutedByArn": "arn:aws:cloudwatch:…", "muteWindowStart": "2026-11-20T10:00:00Z"}
    event["detail"]["alarmContributor"]["yetToCome"] = ["something"]
    (look,) = looks(event)
    assert look.subject == ORDERS
    assert look.cause.event == f"alarm {event['detail']['alarmName']}"
    assert (look.cause.event_id, look.cause.at) == (event["id"], event["time"])


@pytest.mark.parametrize("name", CONTRIBUTORS)
def test_a_contributor_that_is_no_longer_in_alarm_is_ignored(name: str) -> None:
    event = sample(name)
    event["detail"]["state"]["value"] = "OK"
    assert "not in ALARM" in ignored(event)


def test_a_contributor_that_is_no_function_is_ignored() -> None:
    event = sample("cloudwatch-contributor-invocations")
    event["detail"]["alarmContributor"]["attributes"] = {"Resource": "orders:live"}
    assert "no function" in ignored(event)


@pytest.mark.parametrize("keywords", ["GROUP BY", "group by", "Group  By"])
def test_an_alarm_over_many_functions_leads_to_none_by_itself(keywords: str) -> None:
    event = sample("alarm-with-contributors")
    (query,) = event["detail"]["configuration"]["metrics"]
    query["expression"] = query["expression"].replace("GROUP BY", keywords)
    assert "contributors" in ignored(event)


@pytest.mark.parametrize("expression", ["m1 + m2", 'SELECT SUM(Throttles) FROM "AWS/Lambda"', 5, None])
def test_an_alarm_on_one_sum_over_all_functions_leads_to_the_whole_account(expression: object) -> None:
    event = sample("alarm-without-function")
    event["detail"]["configuration"]["metrics"] = [{"id": "e1", "expression": expression, "returnData": True}]
    assert [look.subject for look in looks(event)] == [Subject("aws", MEMBER, REGION)]


def test_an_inspection_asked_for_by_the_hub_may_name_any_account() -> None:
    (look,) = looks(sample("custom-inspection-requested"))
    assert (look.subject, look.cause.origin) == (ORDERS, "test")
    (look,) = looks(sample("custom-inspection-requested", source="warden.sweep"))
    assert look.cause.origin == "sweep"
    first = sample("custom-inspection-requested", source="warden.sweep")
    first["detail"]["origin"] = "first-sweep"
    assert looks(first)[0].cause.origin == "first-sweep"
    whole = sample("custom-inspection-requested")
    whole["detail"].pop("function")
    assert looks(whole)[0].subject == Subject("aws", MEMBER, REGION)


def test_a_wrapped_event_is_read_as_what_it_wraps() -> None:
    (wrapped,), (bare,) = looks(sample("custom-wrapped")), looks(sample("cloudtrail-create-function"))
    assert wrapped.subject == bare.subject
    assert (wrapped.cause.origin, wrapped.cause.actor) == ("test", bare.cause.actor)


@pytest.mark.parametrize("name", [n for n in EVENTS if n.startswith("forged-")])
def test_a_forged_event_stays_forged_in_a_wrapping(name: str) -> None:
    event = sample("custom-wrapped")
    event["detail"]["event"] = sample(name)
    assert forged(event).account == MEMBER


def test_a_wrapping_is_opened_once() -> None:
    event = sample("custom-wrapped")
    for _ in range(5000):
        event = sample("custom-wrapped") | {"detail": {"event": event}}
    with pytest.raises(Malformed, match="wrapped"):
        read_event(event, TRUST)


@pytest.mark.parametrize("source", ["warden", "warden.test", "warden.sweep", "warden.digest", "warden.yet-to-come"])
@pytest.mark.parametrize("account", [MEMBER, HEALTH_ADMIN])
def test_a_source_of_ours_from_a_member_is_forged(source: str, account: str) -> None:
    found = forged({"source": source, "account": account, "region": REGION, "id": "e-1", "detail": {}})
    assert (found.account, found.source, found.event_id) == (account, source, "e-1")


@pytest.mark.parametrize("event_id", [None, 7, {}, ["e"], "e" * 300_000])
def test_no_id_saves_a_forger_from_the_ticket(event_id: object) -> None:
    found = forged({"source": "warden", "account": MEMBER, "region": REGION, "id": event_id, "detail": {}})
    assert len(found.event_id) <= 80


def test_replayed_events_and_other_sources_are_ignored() -> None:
    assert "history" in ignored(sample("cloudtrail-create-function", **{"replay-name": "again"}))
    assert "aws.ec2" in ignored(sample("cloudtrail-create-function", source="aws.ec2"))
    service_event = sample("cloudtrail-create-function", **{"detail-type": "AWS Service Event via CloudTrail"})
    assert "not an API call" in ignored(service_event)


def test_our_own_outcomes_are_for_others_to_read() -> None:
    assert "others" in ignored(sample("forged-finding", account=HUB))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"source": None}, "source is missing"),
        ({"source": 5}, "source is not text"),
        ({"account": "22222222222"}, "account"),
        ({"account": 222222222222}, "account is not text"),
        ({"account": "٢" * 12}, "account"),
        ({"region": "everywhere"}, "region"),
        ({"detail": None}, "detail is not an object"),
        ({"detail": []}, "detail is not an object"),
        ({"detail": {}}, "eventName is missing"),
    ],
)
def test_says_which_field_of_the_envelope_cannot_be_read(change: dict[str, object], said: str) -> None:
    with pytest.raises(Malformed, match=said):
        read_event(sample("cloudtrail-create-function", **change), TRUST)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"requestParameters": None, "responseElements": None}, "names no function"),
        ({"requestParameters": {"functionName": 5}}, "requestParameters.functionName is not text"),
        ({"requestParameters": {"functionName": "or ders"}}, "requestParameters.functionName"),
        ({"requestParameters": "orders"}, "requestParameters is not an object"),
        ({"userIdentity": ["alice"]}, "userIdentity is not an object"),
        ({"eventID": {}}, "eventID is not text"),
        ({"recipientAccountId": 1}, "recipientAccountId is not text"),
    ],
)
def test_says_which_field_of_a_call_cannot_be_read(change: dict[str, object], said: str) -> None:
    with pytest.raises(Malformed, match=said):
        read_event(call_of(**change), TRUST)


def test_says_which_field_of_other_events_cannot_be_read() -> None:
    health = sample("health-runaway")
    health["detail"]["affectedEntities"] = {"entityValue": "orders"}
    with pytest.raises(Malformed, match="affectedEntities is not a list"):
        read_event(health, TRUST)
    health["detail"]["affectedEntities"] = [{"entityValue": "or/ders"}, {"entityValue": "UNKNOWN ENTITY"}]
    with pytest.raises(Malformed, match=r"affectedEntities\[0\]"):
        read_event(health, TRUST)
    health["detail"]["affectedEntities"] = [{"entityValue": "UNKNOWN ENTITY"}, {"entityValue": "orders"}]
    assert [look.subject.function for look in looks(health)] == ["orders"]
    alarm = sample("alarm-throttles")
    alarm["detail"]["configuration"]["metrics"] = {}
    assert looks(alarm)[0].subject.function == ""
    alarm["detail"]["configuration"]["metrics"] = "many"
    with pytest.raises(Malformed, match="metrics is not a list"):
        read_event(alarm, TRUST)
    contributor = sample("cloudwatch-contributor-invocations")
    contributor["detail"]["alarmContributor"]["attributes"]["FunctionName"] = "or ders"
    with pytest.raises(Malformed, match=r"alarmContributor\.attributes\.FunctionName"):
        read_event(contributor, TRUST)
    contributor["detail"]["alarmContributor"]["attributes"] = ["orders"]
    with pytest.raises(Malformed, match=r"alarmContributor\.attributes is not an object"):
        read_event(contributor, TRUST)
    contributor["detail"].pop("alarmContributor")
    with pytest.raises(Malformed, match="alarmContributor is not an object"):
        read_event(contributor, TRUST)


@pytest.mark.parametrize(
    ("identity", "name"),
    [
        ({"type": "Root"}, "the root user"),
        ({"type": "IAMUser", "userName": "deployer"}, "deployer (IAM user)"),
        ({"type": "AssumedRole", "arn": f"arn:aws:sts::{MEMBER}:assumed-role/Dev/alice"}, "Dev/alice"),
        (
            {
                "type": "AssumedRole",
                "arn": f"arn:aws:sts::{MEMBER}:assumed-role/deploy/AWSCloudFormation",
                "invokedBy": "cloudformation.amazonaws.com",
            },
            "deploy/AWSCloudFormation through cloudformation.amazonaws.com",
        ),
        ({"type": "AWSService", "invokedBy": "autoscaling.amazonaws.com"}, "autoscaling.amazonaws.com"),
        ({"type": "AWSService"}, "an AWS service"),
        ({"type": "AWSAccount", "accountId": HEALTH_ADMIN}, "AWSAccount"),
        ({"type": "YetToCome", "userName": "someone"}, "someone"),
        ({"type": 5, "arn": ["x"], "userName": {}}, ""),
        ({}, ""),
    ],
)
def test_names_the_caller_as_a_person_would(identity: dict[str, Any], name: str) -> None:
    assert actor(identity) == name
