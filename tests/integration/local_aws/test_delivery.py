"""From a rule to its target and from an accepted event to its end: retries, throttles, destinations, dead letters."""

import json
from typing import Any

import pytest

from warden.local.emulator import Emulator

from .resources import HUB, MEMBER, code, create_function, create_queue, create_role, create_rule, document

PRINTING = "def handler(event, context): print('ran', event['detail']['n'])"
FAILING = "def handler(event, context):\n    print('ran')\n    raise ValueError('cannot')"


def put(aws: Emulator, *numbers: int) -> None:
    entries = [{"Source": "orders", "DetailType": "Placed", "Detail": json.dumps({"n": number})} for number in numbers]
    for start in range(0, len(entries), 10):
        aws.client("events", MEMBER).put_events(Entries=entries[start : start + 10])


def allow_events(aws: Emulator, function: str) -> None:
    aws.client("lambda", MEMBER).add_permission(
        FunctionName=function, StatementId="events", Action="lambda:InvokeFunction", Principal="events.amazonaws.com"
    )


def rule(aws: Emulator, arn: str, **target: Any) -> str:
    return create_rule(aws, MEMBER, "orders", {"source": ["orders"]}, {"Arn": arn, **target})


def consumer(aws: Emulator, source: str = PRINTING, **given: Any) -> str:
    """A function that a rule invokes for every order."""
    arn = create_function(aws, MEMBER, "consumer", source, allowed=["sqs:SendMessage", "events:PutEvents"], **given)
    allow_events(aws, "consumer")
    rule(aws, arn)
    return arn


def invoke_config(aws: Emulator, **given: Any) -> None:
    aws.client("lambda", MEMBER).put_function_event_invoke_config(FunctionName="consumer", **given)


def records(aws: Emulator, queue: str) -> list[dict[str, Any]]:
    assert aws.idle()
    return [json.loads(one["body"]) for one in aws.dead_letters(MEMBER, queue)]


class TestFunctionTargets:
    def test_receive_every_event_of_a_burst_with_little_concurrency(self, emulator: Emulator) -> None:
        consumer(emulator)
        emulator.client("lambda", MEMBER).put_function_concurrency(
            FunctionName="consumer", ReservedConcurrentExecutions=2
        )
        put(emulator, *range(60))
        assert emulator.idle(30)
        log = emulator.function_log(MEMBER, "consumer").splitlines()
        ran = [line for line in log if line.startswith("ran")]
        assert sorted(ran) == sorted(f"ran {number}" for number in range(60))

    def test_fail_twice_more_and_end_in_the_failure_destination(self, emulator: Emulator) -> None:
        arn = consumer(emulator, FAILING)
        emulator.configure(retry_seconds=0.01)
        failures = create_queue(emulator, MEMBER, "failures")
        invoke_config(emulator, DestinationConfig={"OnFailure": {"Destination": failures}})
        put(emulator, 7)
        (record,) = records(emulator, "failures")
        assert emulator.function_log(MEMBER, "consumer").splitlines().count("ran") == 3
        assert record["requestContext"]["condition"] == "RetriesExhausted"
        assert record["requestContext"]["approximateInvokeCount"] == 3
        assert record["requestContext"]["functionArn"] == f"{arn}:$LATEST"
        assert record["requestPayload"]["detail"] == {"n": 7}
        assert record["responseContext"] == {
            "statusCode": 200,
            "executedVersion": "$LATEST",
            "functionError": "Unhandled",
        }
        assert record["responsePayload"]["errorMessage"] == "cannot"

    def test_fail_as_often_as_the_function_is_configured_for(self, emulator: Emulator) -> None:
        consumer(emulator, FAILING)
        invoke_config(emulator, MaximumRetryAttempts=0)
        put(emulator, 1)
        assert emulator.idle()
        assert emulator.function_log(MEMBER, "consumer").splitlines().count("ran") == 1

    def test_report_success_to_its_destination(self, emulator: Emulator) -> None:
        consumer(emulator, "def handler(event, context): return {'done': True}")
        done = create_queue(emulator, MEMBER, "done")
        invoke_config(emulator, DestinationConfig={"OnSuccess": {"Destination": done}})
        put(emulator, 1)
        (record,) = records(emulator, "done")
        assert (record["requestContext"]["condition"], record["responsePayload"]) == ("Success", {"done": True})

    def test_report_to_a_bus(self, emulator: Emulator) -> None:
        consumer(emulator, FAILING)
        bus = f"arn:aws:events:us-east-1:{MEMBER}:event-bus/default"
        invoke_config(emulator, MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": bus}})
        create_rule(
            emulator, MEMBER, "results", {"source": ["lambda"]}, {"Arn": create_queue(emulator, MEMBER, "results")}
        )
        put(emulator, 1)
        (event,) = records(emulator, "results")
        assert event["detail-type"] == "Lambda Function Invocation Result - Failure"
        assert event["detail"]["requestPayload"]["detail"] == {"n": 1}

    def test_leave_the_original_event_in_the_functions_dead_letter_queue(self, emulator: Emulator) -> None:
        dead = create_queue(emulator, MEMBER, "dead")
        consumer(emulator, FAILING, DeadLetterConfig={"TargetArn": dead})
        invoke_config(emulator, MaximumRetryAttempts=0)
        put(emulator, 3)
        (event,) = records(emulator, "dead")
        assert (event["source"], event["detail"]) == ("orders", {"n": 3})
        attributes = emulator.dead_letters(MEMBER, "dead")[0]["attributes"]
        assert (attributes["ErrorCode"], attributes["ErrorMessage"]) == ("200", "cannot")

    def test_with_a_reservation_of_zero_go_to_the_destination_without_a_try(self, emulator: Emulator) -> None:
        consumer(emulator)
        failures = create_queue(emulator, MEMBER, "failures")
        invoke_config(emulator, DestinationConfig={"OnFailure": {"Destination": failures}})
        emulator.client("lambda", MEMBER).put_function_concurrency(
            FunctionName="consumer", ReservedConcurrentExecutions=0
        )
        put(emulator, 1)
        (record,) = records(emulator, "failures")
        assert record["requestContext"]["condition"] == "ZeroReservedConcurrency"
        assert record["requestContext"]["approximateInvokeCount"] == 0
        assert record["responseContext"] is None
        assert "ran" not in emulator.function_log(MEMBER, "consumer")

    def test_need_the_functions_permission_for_events(self, emulator: Emulator) -> None:
        arn = create_function(emulator, MEMBER, "consumer", PRINTING)
        rule(emulator, arn, DeadLetterConfig={"Arn": create_queue(emulator, MEMBER, "dead")})
        put(emulator, 1)
        assert emulator.idle()
        assert emulator.dead_letters(MEMBER, "dead")[0]["attributes"]["ERROR_CODE"] == "NO_PERMISSIONS"

    def test_wait_for_a_function_that_is_still_pending(self, emulator: Emulator) -> None:
        emulator.configure(pending_seconds=1.0)
        role = create_role(emulator, MEMBER, "r")
        arn = emulator.client("lambda", MEMBER).create_function(
            FunctionName="consumer", Runtime="python3.12", Role=role, Handler="app.handler",
            Code={"ZipFile": code("def handler(event, context): print('ran')")},
        )["FunctionArn"]  # fmt: skip
        sns = emulator.client("sns", MEMBER)
        topic = sns.create_topic(Name="t")["TopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)
        sns.publish(TopicArn=topic, Message="m")
        assert not emulator.idle(0.6)
        assert emulator.function_log(MEMBER, "consumer") == ""
        assert emulator.idle()
        assert emulator.function_log(MEMBER, "consumer").splitlines().count("ran") == 1


class TestRetriesAndDeadLetters:
    @pytest.fixture
    def dead(self, emulator: Emulator) -> str:
        return create_queue(emulator, MEMBER, "dead")

    def test_a_missing_queue_is_not_tried_again(self, emulator: Emulator, dead: str) -> None:
        arn = f"arn:aws:sqs:us-east-1:{MEMBER}:missing"
        made = rule(emulator, arn, DeadLetterConfig={"Arn": dead})
        put(emulator, 1)
        assert emulator.idle()
        (letter,) = emulator.dead_letters(MEMBER, "dead")
        assert json.loads(letter["body"])["detail"] == {"n": 1}
        assert letter["attributes"]["ERROR_CODE"] == "NO_RESOURCE"
        assert letter["attributes"]["RETRY_ATTEMPTS"] == "0"
        assert "EXHAUSTED_RETRY_CONDITION" not in letter["attributes"]
        assert (letter["attributes"]["RULE_ARN"], letter["attributes"]["TARGET_ARN"]) == (made, arn)

    def test_a_queue_whose_policy_does_not_admit_events_gets_nothing(self, emulator: Emulator, dead: str) -> None:
        emulator.client("sqs", MEMBER).create_queue(QueueName="closed")
        rule(emulator, f"arn:aws:sqs:us-east-1:{MEMBER}:closed", DeadLetterConfig={"Arn": dead})
        put(emulator, 1)
        assert emulator.idle()
        assert emulator.dead_letters(MEMBER, "dead")[0]["attributes"]["ERROR_CODE"] == "NO_PERMISSIONS"
        assert emulator.dead_letters(MEMBER, "closed") == []

    def test_a_queue_policy_may_name_the_rule(self, emulator: Emulator) -> None:
        for name, source in (("mine", "rule/orders"), ("other", "rule/else")):
            arn = f"arn:aws:sqs:us-east-1:{MEMBER}:{name}"
            statement = {
                "Effect": "Allow",
                "Principal": {"Service": "events.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": arn,
                "Condition": {"ArnEquals": {"aws:SourceArn": f"arn:aws:events:us-east-1:{MEMBER}:{source}"}},
            }
            emulator.client("sqs", MEMBER).create_queue(QueueName=name, Attributes={"Policy": document(statement)})
        queues = [{"Arn": f"arn:aws:sqs:us-east-1:{MEMBER}:{name}"} for name in ("mine", "other")]
        create_rule(emulator, MEMBER, "orders", {"source": ["orders"]}, *queues)
        put(emulator, 1)
        assert emulator.idle()
        assert len(emulator.dead_letters(MEMBER, "mine")) == 1
        assert emulator.dead_letters(MEMBER, "other") == []

    def test_a_throttled_delivery_is_tried_again(self, emulator: Emulator, dead: str) -> None:
        queue = create_queue(emulator, MEMBER, "orders")
        rule(emulator, queue, DeadLetterConfig={"Arn": dead})
        emulator.configure(retry_seconds=0.01)
        emulator.fault("sqs:SendMessage", principal="events.amazonaws.com", resource=queue, times=3)
        put(emulator, 1)
        assert emulator.idle()
        assert len(emulator.dead_letters(MEMBER, "orders")) == 1
        assert emulator.dead_letters(MEMBER, "dead") == []

    def test_as_often_as_the_target_allows(self, emulator: Emulator, dead: str) -> None:
        queue = create_queue(emulator, MEMBER, "orders")
        rule(emulator, queue, DeadLetterConfig={"Arn": dead}, RetryPolicy={"MaximumRetryAttempts": 2})
        emulator.configure(retry_seconds=0.01)
        emulator.fault("sqs:SendMessage", principal="events.amazonaws.com", times=9, status=503)
        put(emulator, 1)
        assert emulator.idle()
        attributes = emulator.dead_letters(MEMBER, "dead")[0]["attributes"]
        assert attributes["EXHAUSTED_RETRY_CONDITION"] == "MaximumRetryAttempts"
        assert attributes["RETRY_ATTEMPTS"] == "2"
        assert attributes["ERROR_CODE"] == "INTERNAL_ERROR"

    def test_a_transformed_event_dead_letters_as_it_was(self, emulator: Emulator, dead: str) -> None:
        transformer = {"InputPathsMap": {"n": "$.detail.n"}, "InputTemplate": '{"number": <n>}'}
        good = create_queue(emulator, MEMBER, "good")
        targets = [
            {"Arn": good, "InputTransformer": transformer},
            {
                "Arn": f"arn:aws:sqs:us-east-1:{MEMBER}:missing",
                "InputTransformer": transformer,
                "DeadLetterConfig": {"Arn": dead},
            },
        ]
        create_rule(emulator, MEMBER, "orders", {"source": ["orders"]}, *targets)
        put(emulator, 5)
        assert records(emulator, "good") == [{"number": 5}]
        assert records(emulator, "dead")[0]["detail"] == {"n": 5}


def test_an_asynchronous_call_of_the_api_takes_the_same_way(emulator: Emulator) -> None:
    create_function(emulator, HUB, "orders", "def handler(event, context): print('ran', event['n'])")
    answer = emulator.client("lambda", HUB).invoke(FunctionName="orders", InvocationType="Event", Payload=b'{"n": 4}')
    assert answer["StatusCode"] == 202
    assert emulator.idle()
    assert "ran 4" in emulator.function_log(HUB, "orders")
