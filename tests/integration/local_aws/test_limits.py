"""Lambda's limits and states, with AWS's own words."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from warden.local.emulator import Emulator, EmulatorError

from .resources import MEMBER, STRANGER, code, create_function, create_role, until, without_retries

NAMED: dict[str, Any] = {"FunctionName": "orders"}


def reserve(aws: Emulator, name: str, units: int, account: str = MEMBER) -> None:
    client = aws.client("lambda", account)
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=units)


def unreserved(aws: Emulator, account: str = MEMBER) -> int:
    limit = aws.client("lambda", account).get_account_settings()["AccountLimit"]
    return int(limit["UnreservedConcurrentExecutions"])


class TestConcurrency:
    def test_leaves_a_hundred_unreserved_and_says_so(self, emulator: Emulator) -> None:
        create_function(emulator, MEMBER, "orders")
        reserve(emulator, "orders", 900)
        assert unreserved(emulator) == 100
        create_function(emulator, MEMBER, "payments")
        with pytest.raises(ClientError) as refused:
            reserve(emulator, "payments", 1)
        error = refused.value.response["Error"]
        assert error["Code"] == "InvalidParameterValueException"
        assert error["Message"] == (
            "Specified ReservedConcurrentExecutions for function decreases account's "
            "UnreservedConcurrentExecution below its minimum value of [100]."
        )
        assert unreserved(emulator) == 100

    def test_counts_only_what_a_change_adds(self, emulator: Emulator) -> None:
        create_function(emulator, MEMBER, "orders")
        reserve(emulator, "orders", 890)
        reserve(emulator, "orders", 900)
        reserve(emulator, "orders", 10)
        reserve(emulator, "orders", 0)
        assert unreserved(emulator) == 1000
        emulator.client("lambda", MEMBER).delete_function_concurrency(**NAMED)
        assert "ReservedConcurrentExecutions" not in emulator.client("lambda", MEMBER).get_function_concurrency(**NAMED)

    def test_has_a_floor_and_a_limit_per_account(self, emulator: Emulator) -> None:
        emulator.configure(floor={MEMBER: 50}, account_concurrency={STRANGER: 10})
        create_function(emulator, MEMBER, "orders")
        reserve(emulator, "orders", 950)
        with pytest.raises(ClientError, match=r"minimum value of \[50\]"):
            reserve(emulator, "orders", 951)
        settings = emulator.client("lambda", STRANGER).get_account_settings()["AccountLimit"]
        assert (settings["ConcurrentExecutions"], settings["UnreservedConcurrentExecutions"]) == (10, 10)

    def test_is_counted_by_region(self, emulator: Emulator) -> None:
        create_function(emulator, MEMBER, "orders")
        reserve(emulator, "orders", 900)
        elsewhere = emulator.client("lambda", MEMBER, "eu-west-1").get_account_settings()["AccountLimit"]
        assert elsewhere["UnreservedConcurrentExecutions"] == 1000

    def test_of_zero_throttles_a_synchronous_call(self, emulator: Emulator) -> None:
        create_function(emulator, MEMBER, "orders")
        reserve(emulator, "orders", 0)
        client = without_retries(emulator, MEMBER, "lambda")
        with pytest.raises(client.exceptions.TooManyRequestsException) as throttled:
            client.invoke(**NAMED)
        assert throttled.value.response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"

    def test_is_taken_from_the_unreserved_by_functions_without_a_reservation(self, emulator: Emulator) -> None:
        emulator.configure(account_concurrency={MEMBER: 1})
        source = "import time\ndef handler(event, context): time.sleep(event.get('seconds', 0))"
        for name in ("slow", "quick"):
            create_function(emulator, MEMBER, name, source, Timeout=10)
        client = without_retries(emulator, MEMBER, "lambda")
        client.invoke(FunctionName="slow", InvocationType="Event", Payload=b'{"seconds": 2}')

        def throttled() -> bool:
            try:
                client.invoke(FunctionName="quick")
            except client.exceptions.TooManyRequestsException as error:
                return bool(error.response.get("Reason") == "ConcurrentInvocationLimitExceeded")
            return False

        assert until(throttled, 2)

    def test_is_measured(self, emulator: Emulator) -> None:
        create_function(emulator, MEMBER, "orders")
        emulator.client("lambda", MEMBER).invoke(**NAMED)
        metric = {
            "Namespace": "AWS/Lambda",
            "MetricName": "ConcurrentExecutions",
            "Dimensions": [{"Name": "FunctionName", "Value": "orders"}],
        }
        query = {"Id": "m", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Maximum"}}
        found = emulator.client("cloudwatch", MEMBER).get_metric_data(
            MetricDataQueries=[query], StartTime=time.time() - 300, EndTime=time.time() + 60
        )
        assert found["MetricDataResults"][0]["Values"] == [1.0]


class TestEnvironment:
    @pytest.mark.parametrize("change", ["create", "update"])
    @pytest.mark.parametrize(
        ("variables", "message"),
        [
            ({"BIG": "x" * 4100}, "exceeded the 4KB limit"),
            ({"AWS_REGION": "eu-west-1", "OK": "1"}, r"Reserved keys used in this request: AWS_REGION$"),
            ({"1BAD": "x"}, "regular expression pattern"),
        ],
        ids=["too-big", "reserved", "bad-name"],
    )
    def test_is_refused(self, emulator: Emulator, change: str, variables: dict[str, str], message: str) -> None:
        client = emulator.client("lambda", MEMBER)
        if change == "update":
            create_function(emulator, MEMBER, "orders")
        role = create_role(emulator, MEMBER, "r")
        environment = {"Environment": {"Variables": variables}}
        new = {"Runtime": "python3.12", "Role": role, "Handler": "a.h", "Code": {"ZipFile": code("x = 1")}}
        call, given = client.create_function, new
        if change == "update":
            call, given = client.update_function_configuration, {}
        with pytest.raises(ClientError, match=message) as refused:
            call(**NAMED, **given, **environment)
        assert refused.value.response["Error"]["Code"] == "InvalidParameterValueException"

    def test_may_name_a_wrapper_and_fill_four_kilobytes(self, emulator: Emulator) -> None:
        variables = {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/run", "BIG": "x" * 4000}
        create_function(emulator, MEMBER, "orders", Environment={"Variables": variables})


MODIFYING: dict[str, Callable[[Any], Any]] = {
    "UpdateFunctionConfiguration": lambda c: c.update_function_configuration(**NAMED, Timeout=9),
    "UpdateFunctionCode": lambda c: c.update_function_code(**NAMED, ZipFile=code("x = 2")),
    "PublishVersion": lambda c: c.publish_version(**NAMED),
    "TagResource": lambda c: c.tag_resource(
        Resource=f"arn:aws:lambda:us-east-1:{MEMBER}:function:orders", Tags={"a": "b"}
    ),
}
ALSO_WHILE_PENDING: dict[str, Callable[[Any], Any]] = {
    "Invoke": lambda c: c.invoke(**NAMED),
    "PutFunctionConcurrency": lambda c: c.put_function_concurrency(**NAMED, ReservedConcurrentExecutions=1),
}


class TestStates:
    def create(self, aws: Emulator) -> dict[str, Any]:
        role = create_role(aws, MEMBER, "orders-role")
        return dict(
            aws.client("lambda", MEMBER).create_function(
                **NAMED, Runtime="python3.12", Role=role, Handler="app.handler", Code={"ZipFile": code("x = 1")}
            )
        )

    def configuration(self, aws: Emulator) -> dict[str, Any]:
        return dict(aws.client("lambda", MEMBER).get_function_configuration(**NAMED))

    def test_a_new_function_is_pending_and_then_active(self, emulator: Emulator) -> None:
        emulator.configure(pending_seconds=0.2)
        created = self.create(emulator)
        assert (created["State"], created["StateReasonCode"]) == ("Pending", "Creating")
        active = until(lambda: (found := self.configuration(emulator))["State"] == "Active" and found)
        assert active["LastUpdateStatus"] == "Successful"
        assert "StateReasonCode" not in active

    @pytest.mark.parametrize("name", [*MODIFYING, *ALSO_WHILE_PENDING])
    def test_while_pending_it_cannot_be_changed_or_invoked(self, emulator: Emulator, name: str) -> None:
        emulator.configure(pending_seconds=60)
        self.create(emulator)
        with pytest.raises(ClientError, match="currently in the following state: Pending") as refused:
            {**MODIFYING, **ALSO_WHILE_PENDING}[name](emulator.client("lambda", MEMBER))
        assert refused.value.response["Error"]["Code"] == "ResourceConflictException"
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 409

    @pytest.mark.parametrize("name", MODIFYING)
    def test_while_an_update_is_in_progress_it_cannot_be_changed(self, emulator: Emulator, name: str) -> None:
        create_function(emulator, MEMBER, "orders")
        emulator.configure(update_seconds=60)
        client = emulator.client("lambda", MEMBER)
        updated = client.update_function_configuration(**NAMED, Timeout=30)
        assert (updated["State"], updated["LastUpdateStatus"]) == ("Active", "InProgress")
        with pytest.raises(ClientError, match="An update is in progress for resource: arn:aws:lambda") as refused:
            MODIFYING[name](client)
        assert refused.value.response["Error"]["Code"] == "ResourceConflictException"

    def test_while_an_update_is_in_progress_it_serves_and_takes_a_reservation(self, emulator: Emulator) -> None:
        create_function(emulator, MEMBER, "orders")
        emulator.configure(update_seconds=60)
        client = emulator.client("lambda", MEMBER)
        client.update_function_configuration(**NAMED, Timeout=30)
        assert client.invoke(**NAMED)["StatusCode"] == 200
        client.put_function_concurrency(**NAMED, ReservedConcurrentExecutions=1)

    def test_the_revision_changes_again_when_an_update_has_settled(self, emulator: Emulator) -> None:
        create_function(emulator, MEMBER, "orders")
        client = emulator.client("lambda", MEMBER)
        revision = client.update_function_configuration(**NAMED, Timeout=30)["RevisionId"]
        until(lambda: self.configuration(emulator)["LastUpdateStatus"] == "Successful")
        with pytest.raises(client.exceptions.PreconditionFailedException):
            client.update_function_configuration(**NAMED, Timeout=31, RevisionId=revision)
        current = self.configuration(emulator)["RevisionId"]
        client.update_function_configuration(**NAMED, Timeout=31, RevisionId=current)


class TestPolicies:
    def add(self, aws: Emulator, **given: Any) -> None:
        aws.client("lambda", MEMBER).add_permission(
            **NAMED, Action="lambda:InvokeFunction", Principal="sns.amazonaws.com", **given
        )

    def test_are_absent_after_the_last_statement_is_removed(self, emulator: Emulator) -> None:
        create_function(emulator, MEMBER, "orders")
        client = emulator.client("lambda", MEMBER)
        with pytest.raises(client.exceptions.ResourceNotFoundException):
            client.get_policy(**NAMED)
        self.add(emulator, StatementId="s")
        client.get_policy(**NAMED)
        client.remove_permission(**NAMED, StatementId="s")
        with pytest.raises(client.exceptions.ResourceNotFoundException):
            client.get_policy(**NAMED)

    def test_have_a_revision_of_their_own(self, emulator: Emulator) -> None:
        create_function(emulator, MEMBER, "orders")
        client = emulator.client("lambda", MEMBER)
        self.add(emulator, StatementId="s")
        stale = client.get_policy(**NAMED)["RevisionId"]
        assert stale != client.get_function_configuration(**NAMED)["RevisionId"]
        self.add(emulator, StatementId="t", RevisionId=stale)
        with pytest.raises(client.exceptions.PreconditionFailedException):
            client.remove_permission(**NAMED, StatementId="s", RevisionId=stale)


def test_an_event_invoke_config_is_updated_member_by_member(emulator: Emulator) -> None:
    create_function(emulator, MEMBER, "orders")
    client = emulator.client("lambda", MEMBER)
    client.put_function_event_invoke_config(**NAMED, MaximumRetryAttempts=1, MaximumEventAgeInSeconds=100)
    client.update_function_event_invoke_config(**NAMED, MaximumRetryAttempts=0)
    found = client.get_function_event_invoke_config(**NAMED)
    assert (found["MaximumRetryAttempts"], found["MaximumEventAgeInSeconds"]) == (0, 100)


def test_provisioned_concurrency_is_listed_and_bounds_a_reservation(emulator: Emulator) -> None:
    create_function(emulator, MEMBER, "orders")
    client = emulator.client("lambda", MEMBER)
    version = client.publish_version(**NAMED)["Version"]
    client.put_provisioned_concurrency_config(**NAMED, Qualifier=version, ProvisionedConcurrentExecutions=3)
    (config,) = client.list_provisioned_concurrency_configs(**NAMED)["ProvisionedConcurrencyConfigs"]
    assert config["FunctionArn"].endswith(f":orders:{version}")
    with pytest.raises(ClientError, match="less than its provisioned concurrency"):
        reserve(emulator, "orders", 2)


def test_an_unknown_setting_is_refused_with_those_there_are(emulator: Emulator) -> None:
    with pytest.raises(EmulatorError, match="no setting flor; there are account_concurrency, "):
        emulator.configure(flor={MEMBER: 1})
