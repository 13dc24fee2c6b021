"""Every role has exactly what it uses: nothing declared goes unused, and without any one action something is denied."""

from __future__ import annotations

import json
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from functions.core.message import Kind
from functions.core.ticket import Ticket
from functions.core.triggers import INSPECTOR_ROLE
from functions.playbooks import playbook, playbooks
from tests.e2e.conftest import critical
from warden import scenarios
from warden.local.cloud import HUB, PAYMENTS, REGION, Cloud, until
from warden.local.functions import create_function

# What the Lambda service does under a function's role, outside of our code and of the recorded calls (Lambda developer
# guide, "Using Lambda with Amazon SQS" and "Sending Lambda function logs to CloudWatch Logs").
BY_LAMBDA_ITSELF = {
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ReceiveMessage",
}
GET_FUNCTION = "lambda:GetFunction"
UNDOES = "lambda:DeleteFunctionConcurrency"
# A transaction is allowed by the actions of its members; S3's calls are enforced by the engine, which names none.
NOT_AN_ACTION = {"dynamodb:TransactWriteItems", ""}

# Sessions are kept for an hour and the token for minutes, so only a new execution environment shows the difference.
KEPT_FOR_A_WHILE = {"sts:AssumeRole", "secretsmanager:GetSecretValue"}

# The roles of these and what the inspector reads for them have tests of their own, under exactly what is declared, in
# tests/integration/functions (test_permissions_of_secrets.py; test_topology.py, test_loop_*.py, test_redrive.py): a
# secret's whole life, and every kind of loop, take too long here.
PROVED_ELSEWHERE = (playbook("plaintext-secrets"), playbook("recursive-loop"))
READ_ELSEWHERE = {permission.action for one in PROVED_ELSEWHERE for permission in one.reads}
LOOPS = playbook("recursive-loop")
ROLES_ELSEWHERE = {"warden-topology", LOOPS.remediator, *(one.member_role for one in PROVED_ELSEWHERE)}
# What every remediator may do in the hub is shown with this one's.
MODEL = playbook("reserved-concurrency")
GUARD = playbook("recursion-guard-off")
GUARD_READS = {permission.action for permission in GUARD.reads} - {GET_FUNCTION}
REFUSED = "refused-events"
"""A queue for the events that Lambda refuses a function that loops: without one a person would have to approve."""

Role = tuple[str, str]

# Whose every action a function that is made wrongly calls for.
BY_A_MISTAKE = {
    *((HUB, name) for name in ("warden-ticket", MODEL.remediator)),
    *((PAYMENTS, name) for name in ("warden-forwarder", MODEL.member_role)),
}


@pytest.fixture(scope="module")
def own_cloud() -> Iterator[Cloud]:
    """Return a cloud whose roles may be damaged."""
    with Cloud(
        slack_rate=None, overrides={"digest_after": 6, "settings": {"reserved-concurrency": {"fixes_per_hour": 1000}}}
    ) as running:
        # Room for every fix that the probes below ask for.
        running.emulator.configure(account_concurrency={PAYMENTS: 100_000})
        _let_functions_send(running)
        yield running


def test_what_is_declared_is_what_is_used(own_cloud: Cloud) -> None:
    own_cloud.emulator.clear_calls()
    for scenario in scenarios.SCENARIOS:
        outcome = scenario.run(own_cloud)
        assert outcome.ok, outcome
    _disturb(own_cloud)
    _switch_loop_detection_off(own_cloud)
    _undo_one(own_cloud)
    assert own_cloud.emulator.idle(60)

    def unused() -> dict[Role, set[str]]:
        used = _used(own_cloud)
        left = {role: actions - used[role] - BY_LAMBDA_ITSELF for role, actions in _declared(own_cloud).items()}
        return {role: actions for role, actions in left.items() if actions}

    until(lambda: not unused(), 30, pause=0.5)
    assert unused() == {}
    declared = _declared(own_cloud)
    elsewhere = NOT_AN_ACTION | READ_ELSEWHERE
    undeclared = {r: a - declared[r] - elsewhere for r, a in _used(own_cloud).items() if r in declared}
    assert {role: actions for role, actions in undeclared.items() if actions} == {}


@pytest.mark.timeout(900)
def test_with_any_action_removed_something_is_denied(own_cloud: Cloud) -> None:
    found = [
        (role, action)
        for role, declared in _declared(own_cloud).items()
        for action in sorted(_own(role[1], declared) - BY_LAMBDA_ITSELF)
    ]
    not_denied = []
    # The first probe waits until there is nothing to do, and each leaves more to do behind.
    for role, action in sorted(found, key=lambda pair: pair[1] != UNDOES):
        restore = _remove(own_cloud, role, action)
        try:
            if not _denied(own_cloud, role, action):
                not_denied.append((role, action))
        finally:
            restore()
            _free_locks(own_cloud)
    assert not_denied == [], "\n".join(str(pair) for pair in not_denied)


def _own(role: str, declared: set[str]) -> set[str]:
    """The actions to take away from a role: of a remediator in the hub those that are its playbook's own."""
    others = {one.remediator: {p.action for p in one.hub_reads} for one in playbooks() if one is not MODEL}
    return declared & others.get(role, declared)


def _let_functions_send(cloud: Cloud) -> None:
    """Make the queue, and let the role that functions run under send to it."""
    create_function(cloud, PAYMENTS, f"f{uuid.uuid4().hex[:10]}", {})
    cloud.client("sqs", PAYMENTS).create_queue(QueueName=REFUSED)
    send = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": _refused_queue()}
    document = json.dumps({"Version": "2012-10-17", "Statement": [send]})
    cloud.client("iam", PAYMENTS).put_role_policy(RoleName="app", PolicyName="sends", PolicyDocument=document)


def _refused_queue() -> str:
    return f"arn:aws:sqs:{REGION}:{PAYMENTS}:{REFUSED}"


def _denied(cloud: Cloud, role: Role, action: str) -> bool:
    """Whether the system, made to work, is refused this action."""
    cloud.emulator.clear_calls()
    if action in KEPT_FOR_A_WHILE:
        _restart(cloud, role[1])
    if action == UNDOES:
        # A fix has to come first, and what the probes before this one set going is in its way.
        cloud.emulator.idle(60)
        _undo_one(cloud)
    elif role[1] == GUARD.member_role or action in GUARD_READS:
        # One function is to be looked at and fixed, after all that the probes before this one set going.
        cloud.emulator.idle(60)
        _switch_loop_detection_off(cloud)
    elif role in BY_A_MISTAKE:
        _make_mistakes(cloud)
    else:
        _disturb(cloud)

    def refused() -> bool:
        if role[1] == "warden-forwarder":
            letters = cloud.emulator.dead_letters(role[0], "warden-forwarding-dlq", REGION)
            return any("NO_PERMISSIONS" in json.dumps(letter) for letter in letters)
        return any(
            c.iam_action == action or (action in _MEMBERS_OF_TRANSACTIONS and c.operation == "TransactWriteItems")
            for c in cloud.emulator.calls(account=role[0])
            if c.error_code.startswith("AccessDenied") and _role(c.principal_arn) == role[1]
        )

    return bool(until(refused, 30, pause=0.1))


def _free_locks(cloud: Cloud) -> None:
    """Do not wait for the locks of a worker that was not allowed to give them back."""
    table = cloud.client("dynamodb", HUB)
    for item in table.scan(TableName="warden-state")["Items"]:
        if item["pk"]["S"].startswith("LOCK#"):
            table.delete_item(TableName="warden-state", Key={"pk": item["pk"], "sk": item["sk"]})


def _restart(cloud: Cloud, function: str) -> None:
    """Give a function new execution environments, as any change of its environment does."""
    client = cloud.client("lambda", HUB)
    variables = client.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
    changed = {"Variables": {**variables, "RESTARTED": uuid.uuid4().hex}}
    client.update_function_configuration(FunctionName=function, Environment=changed)


_MEMBERS_OF_TRANSACTIONS = {"dynamodb:UpdateItem", "dynamodb:PutItem"}


def _disturb(cloud: Cloud) -> None:
    """Give every function something to do: mistakes, a secret, and a sweep, which looks at every function there is."""
    schedule = {"version": "0", "source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}
    stranger = {"sweep": {"account": "123456789012", "region": REGION}}
    _queue(cloud, "warden-sweep", json.dumps(schedule), json.dumps(stranger))
    password = {"DB_PASSWORD": f"pw-{uuid.uuid4().hex}"}
    create_function(cloud, PAYMENTS, f"f{uuid.uuid4().hex[:10]}", {}, variables=password)
    _make_mistakes(cloud)


def _make_mistakes(cloud: Cloud) -> None:
    """Make two mistakes, raise an alarm about no function, and give every function nonsense to bury."""
    for _ in range(2):
        critical(cloud, PAYMENTS, f"f{uuid.uuid4().hex[:10]}")
    alarm = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "source": "aws.cloudwatch",
        "detail-type": "CloudWatch Alarm State Change",
        "account": PAYMENTS,
        "region": REGION,
        "time": "2026-11-20T10:00:05Z",
        "resources": [],
        "detail": {"alarmName": "warden-throttles", "state": {"value": "ALARM"}, "configuration": {"metrics": []}},
    }
    cloud.emulator.send_event(alarm, account=PAYMENTS, region=REGION)
    fixes = [f"warden-fix-{one.id}" for one in playbooks()]
    for queue in ("warden-inspect", "warden-ticket", "warden-sweep", *fixes):
        _queue(cloud, queue, "nonsense")


def _switch_loop_detection_off(cloud: Cloud) -> None:
    name, client = f"f{uuid.uuid4().hex[:10]}", cloud.client("lambda", PAYMENTS)
    create_function(cloud, PAYMENTS, name, {})
    client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0, "MaxAttempts": 2000})
    destinations = {"OnFailure": {"Destination": _refused_queue()}}
    client.put_function_event_invoke_config(FunctionName=name, DestinationConfig=destinations)
    client.put_function_recursion_config(FunctionName=name, RecursiveLoop="Allow")


def _undo_one(cloud: Cloud) -> None:
    """Have a function fixed, and the fix undone."""
    name = f"f{uuid.uuid4().hex[:10]}"
    critical(cloud, PAYMENTS, name)

    def fixed() -> Ticket | None:
        ticket = cloud.ticket(PAYMENTS, name)
        return ticket if ticket is not None and ticket.fix else None

    ticket = until(fixed, 60)
    assert ticket is not None
    cloud.ask(Kind.UNDO_REQUESTED, ticket)


def _queue(cloud: Cloud, name: str, *bodies: str) -> None:
    sqs = cloud.client("sqs", HUB)
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    for body in bodies:
        sqs.send_message(QueueUrl=url, MessageBody=body)


def _declared(cloud: Cloud) -> dict[Role, set[str]]:
    found: dict[Role, set[str]] = {}
    for account in (HUB, PAYMENTS):
        iam = cloud.client("iam", account)
        for role in iam.list_roles()["Roles"]:
            name = role["RoleName"]
            if name.startswith("warden-") and name not in ROLES_ELSEWHERE:
                found[account, name] = {a for _, d in _policies(iam, name) for s in d["Statement"] for a in _actions(s)}
    # The sweep lists functions as well.
    found[PAYMENTS, INSPECTOR_ROLE] -= READ_ELSEWHERE - {GET_FUNCTION, "lambda:ListFunctions"}
    return found


def _used(cloud: Cloud) -> Mapping[Role, set[str]]:
    found: defaultdict[Role, set[str]] = defaultdict(set)
    for call in cloud.emulator.calls():
        if ":assumed-role/warden-" in call.principal_arn:
            members = _MEMBERS_OF_TRANSACTIONS if call.operation == "TransactWriteItems" else set()
            found[call.account, _role(call.principal_arn)] |= {call.iam_action, *members}
    return found


def _remove(cloud: Cloud, role: Role, action: str) -> Callable[[], None]:
    """Take one action out of a role's policies; return what puts it back."""
    iam = cloud.client("iam", role[0])
    before = list(_policies(iam, role[1]))

    def put(policies: list[tuple[str, dict[str, Any]]]) -> None:
        for name, document in policies:
            iam.put_role_policy(RoleName=role[1], PolicyName=name, PolicyDocument=json.dumps(document))

    put([(name, _without(document, action)) for name, document in before])
    return lambda: put(before)


def _without(document: dict[str, Any], action: str) -> dict[str, Any]:
    statements = [{**s, "Action": [a for a in _actions(s) if a != action]} for s in document["Statement"]]
    # A policy needs a statement; this one allows what everybody may do anyway.
    nothing = {"Effect": "Allow", "Action": "sts:GetCallerIdentity", "Resource": "*"}
    return {**document, "Statement": [s for s in statements if s["Action"]] or [nothing]}


def _policies(iam: Any, role: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        yield name, iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]


def _actions(statement: Mapping[str, Any]) -> list[str]:
    found = statement["Action"]
    return [found] if isinstance(found, str) else list(found)


def _role(principal_arn: str) -> str:
    return principal_arn.split("/")[1] if ":assumed-role/" in principal_arn else ""
