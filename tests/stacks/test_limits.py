"""Twenty-five playbooks, each with a fix, against AWS's limits. Adding one takes a folder and nothing else."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from functions.core.playbook import ApiCall, ManagedPolicy, Permission, Playbook, Wiring
from functions.playbooks import playbook
from stacks.bundle import REPOSITORY
from stacks.config import read
from stacks.synthesis import synthesise
from tests.stacks.templates import CONFIG, HUB, MEMBER, MEMBER_STACKS, STACKS, Template, enforcing, matches, size

MODEL = playbook("reserved-concurrency")
IDS = (
    "plaintext-secrets",
    "recursive-loop",
    "recursion-guard-off",
    "problem-state",
    "vpc-no-egress",
    "timeout-vs-api-gateway",
    "no-partial-batch",
    "oversized-package",
    "cold-start-latency",
    "provisioned-waste",
    "low-memory",
    "sync-errors-hidden",
    "tmp-filling",
    "async-no-dlq",
    "deprecated-runtime",
    "public-url",
    "public-policy",
    "broad-role",
    "vulnerable-layer",
    "runtime-pinned",
    "no-code-signing",
    "missing-alarm",
    "stream-without-bisect",
    "unencrypted-environment",
)

FUNCTION = "arn:{partition}:lambda:{region}:{account}:function:*"
MAPPING = "arn:{partition}:lambda:{region}:{account}:event-source-mapping:*"
SECRET = "arn:{partition}:secretsmanager:{region}:{account}:secret:warden/*"

ROLE = "arn:{partition}:iam::{account}:role/*"
QUEUE = "arn:{partition}:sqs:{region}:{account}:warden-q-*"
THIS_POLICY = (("ArnEquals", "iam:PolicyARN", "arn:{partition}:iam::{account}:policy/warden-made-up-send"),)

# AWS documentation: CloudFormation quotas, EventBridge quotas, IAM and STS quotas, Lambda quotas.
RESOURCES, AIM, TEMPLATE_INLINE, PATTERN, RULES_PER_BUS = 500, 330, 51_200, 2_048, 300
ROLE_POLICIES, TRUST, BUS_POLICY, ENVIRONMENT = 10_240, 2_048, 10_240, 4_096
# SQS quotas.
STATEMENTS = 20


def fabricated(number: int, name: str) -> Playbook:
    """A playbook that needs more than any real one: its own calls to watch, reads and writes on several resources."""
    camel = name.title().replace("-", "")
    verbs = (
        "GetPolicy",
        "ListEventSourceMappings",
        "GetFunctionUrlConfig",
        "ListAliases",
        "GetRuntimeManagementConfig",
    )
    reads = tuple(Permission(f"lambda:{verb}{number % 3 or ''}", FUNCTION) for verb in verbs)
    return replace(
        MODEL,
        id=name,
        triggers=(
            *MODEL.triggers,
            ApiCall(tuple(f"{verb}{camel}20150331v2" for verb in ("Create", "Update", "Delete"))),
            ApiCall(tuple(f"{verb}{camel}Policy" for verb in ("Attach", "Detach", "Put", "Delete")), service="iam"),
            Wiring(tuple(f"{verb}{camel}Notification" for verb in ("Create", "Put", "Delete")), "s3"),
        ),
        reads=(*MODEL.reads, *reads, Permission("ec2:DescribeSubnets", "*", why_any="it has no resource type")),
        writes=(
            *(Permission(f"lambda:Put{camel}{verb}", FUNCTION) for verb in ("Concurrency", "Destination", "Policy")),
            Permission("lambda:UpdateEventSourceMapping", MAPPING),
            *(Permission(f"secretsmanager:{verb}Secret", SECRET) for verb in ("Create", "Describe", "Delete", "Tag")),
            *(Permission(f"iam:{verb}RolePolicy", ROLE, conditions=THIS_POLICY) for verb in ("Attach", "Detach")),
        ),
        # One policy for all of them: a made-up name for each would be more than there will ever be.
        managed_policies=(ManagedPolicy("warden-made-up-send", (Permission("sqs:SendMessage", QUEUE),)),),
        settings={"limit": 10, "ignore": []},
    )


@dataclass(frozen=True)
class Many:
    """The synthesis of all of them."""

    playbooks: tuple[Playbook, ...]
    templates: dict[str, Template]


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Many:
    root = tmp_path_factory.mktemp("repository")
    skipped = shutil.ignore_patterns("__pycache__", "cases", *(name.replace("-", "_") for name in IDS))
    shutil.copytree(REPOSITORY / "functions", root / "functions", ignore=skipped)
    playbooks = [MODEL]
    for number, name in enumerate(IDS):
        playbooks.append(fabricated(number, name))
        folder = root / "functions" / "playbooks" / playbooks[-1].module
        shutil.copytree(root / "functions" / "playbooks" / MODEL.module, folder)
        (folder / "fix.py").write_text((folder / "fix.py").read_text() + f"\n# {name}\n")
    outdir = tmp_path_factory.mktemp("cdk.out")
    synthesise(enforcing(playbooks), outdir, playbooks, root)
    return Many(tuple(playbooks), {stack: Template(outdir, stack) for stack in STACKS})


def test_there_are_twenty_five(many: Many) -> None:
    assert len(many.playbooks) == 25


@pytest.mark.parametrize("stack", STACKS)
def test_a_stack_stays_far_from_the_limit_of_resources(
    many: Many, stack: str, capsys: pytest.CaptureFixture[str]
) -> None:
    kinds = Counter(resource["Type"] for resource in many.templates[stack].body["Resources"].values())
    with capsys.disabled():
        most = ", ".join(f"{count} {kind.split('::')[-1]}" for kind, count in kinds.most_common(6))
        sys.stdout.write(f"\n  {stack}, 25 playbooks: {kinds.total()} of {RESOURCES} resources ({most})")
    assert kinds.total() < AIM


def test_a_playbook_adds_only_what_is_its_own(many: Many, hub: Template) -> None:
    added = len(without_rules_for_calls(many.templates["WardenHub"])) - hub_without_playbooks(hub)
    assert added / 25 == len(of_playbook(hub, MODEL.id))


def of_playbook(hub: Template, name: str) -> list[str]:
    prefix = f"Playbook{name.replace('-', '')}"
    return [logical for logical in hub.body["Resources"] if logical.startswith(prefix)]


def hub_without_playbooks(hub: Template) -> int:
    # None of the made-up playbooks asks to be looked at again, so their hub lacks the rule for that.
    resources = without_rules_for_calls(hub)
    return sum(not logical.startswith(("Playbook", "InspectRuleinspectfixed")) for logical in resources)


def without_rules_for_calls(hub: Template) -> list[str]:
    """How many there are of these depends on how many names of calls fit one pattern."""
    rules = re.compile(r"InspectRuleinspect\d*|TopologyRuletopology(test)?\d*")
    return [logical for logical in hub.body["Resources"] if not rules.fullmatch(logical[:-8])]


@pytest.mark.parametrize("stack", MEMBER_STACKS)
def test_a_member_template_can_be_a_stack_set_inline(
    many: Many, stack: str, capsys: pytest.CaptureFixture[str]
) -> None:
    written = many.templates[stack].path.stat().st_size
    with capsys.disabled():
        sys.stdout.write(f"\n  {stack}, 25 playbooks: {written:,} of {TEMPLATE_INLINE:,} B")
    assert written < TEMPLATE_INLINE


def test_every_pattern_is_within_the_limit(many: Many) -> None:
    rules = [rule for template in many.templates.values() for rule in template.of_type("AWS::Events::Rule")]
    patterns = [rule["EventPattern"] for rule in rules if "EventPattern" in rule]
    assert max(size(pattern) for pattern in patterns) <= PATTERN
    # The calls to watch do not fit one pattern, so this test has something to say.
    for start in ("lambda-calls", "iam-calls", "s3-wiring", "inspect-", "topology-"):
        assert sum(rule["Name"].startswith(f"warden-{start}") for rule in rules) > 1


def test_every_watched_call_is_in_a_rule(many: Many) -> None:
    forwarding = (many.templates["WardenMemberRegion"], many.templates["WardenMemberGlobal"])
    rules = [rule for template in forwarding for rule in template.of_type("AWS::Events::Rule")]
    watched = {name for r in rules for name in r["EventPattern"].get("detail", {}).get("eventName", [])}
    assert watched >= {
        n for p in many.playbooks for t in p.triggers if isinstance(t, ApiCall | Wiring) for n in t.names
    }


def test_a_queue_has_no_more_rules_than_its_policy_may_name(many: Many) -> None:
    for policy in many.templates["WardenHub"].of_type("AWS::SQS::QueuePolicy"):
        assert len(policy["PolicyDocument"]["Statement"]) <= STATEMENTS, policy["Queues"]


def test_what_connects_reaches_the_topology_function_and_nothing_else(many: Many) -> None:
    (trigger,) = [t for t in many.playbooks[-1].triggers if isinstance(t, Wiring)]
    call = {"source": "aws.s3", "account": MEMBER, "detail": {"eventName": trigger.names[0]}}
    wrapped = {"source": "warden.test", "account": HUB, "detail": {"event": call}}
    assert reached(many, call) == ["warden-topology"]
    assert reached(many, wrapped) == ["warden-inspect", "warden-topology"]


def reached(many: Many, event: dict[str, Any]) -> list[str]:
    rules = [r for r in many.templates["WardenHub"].of_type("AWS::Events::Rule") if "EventPattern" in r]
    found = [rule for rule in rules if matches(rule["EventPattern"], event)]
    return sorted(t["Arn"].removeprefix("arn:of:") for r in found for t in r["Targets"] if "ticket" not in t["Arn"])


def test_rules_stay_below_the_limit_of_a_bus(many: Many) -> None:
    assert len(many.templates["WardenHub"].of_type("AWS::Events::Rule")) < RULES_PER_BUS / 2


def roles(many: Many) -> Iterator[dict[str, Any]]:
    for template in many.templates.values():
        yield from template.of_type("AWS::IAM::Role")


def test_role_policies_are_within_the_limit(many: Many) -> None:
    sizes = {r["RoleName"]: sum(size(p["PolicyDocument"]) for p in r["Policies"]) for r in roles(many)}
    assert max(sizes.values()) <= ROLE_POLICIES, sizes


def test_trust_policies_are_within_the_limit(many: Many) -> None:
    assert max(size(role["AssumeRolePolicyDocument"]) for role in roles(many)) <= TRUST


def test_names_are_within_the_limit(many: Many) -> None:
    assert max(len(role["RoleName"]) for role in roles(many)) <= 64
    hub = many.templates["WardenHub"]
    assert max(len(f["FunctionName"]) for f in hub.of_type("AWS::Lambda::Function")) <= 64


def test_environments_are_within_the_limit(many: Many) -> None:
    for function in many.templates["WardenHub"].of_type("AWS::Lambda::Function"):
        variables = function["Environment"]["Variables"]
        # Queue URLs are filled in here with less than the real ones: their host and account.
        urls = sum(
            len("https://sqs.ap-southeast-1.amazonaws.com/123456789012/") for key in variables if key.endswith("_URL")
        )
        assert sum(len(key) + len(value) for key, value in variables.items()) + urls <= ENVIRONMENT


def test_the_bus_policy_holds_as_many_accounts_as_may_be_listed(synthesised: Any) -> None:
    accounts = [f"{n:012d}" for n in range(150)]
    config = read({**CONFIG, "organization_id": None, "accounts": accounts}, [MODEL])
    (policy,) = synthesised(config, "WardenHub").of_type("AWS::Events::EventBusPolicy")
    assert len(policy["Statement"]["Principal"]["AWS"]) == 150
    assert (
        size({"Version": "2012-10-17", "Statement": [{"Sid": policy["StatementId"], **policy["Statement"]}]})
        <= BUS_POLICY
    )


def test_a_playbooks_folder_is_all_that_it_takes(many: Many) -> None:
    """A declaration that nothing else in the repository knows of gets its queue, function, roles and rule."""
    added = many.playbooks[-1]
    hub, account = many.templates["WardenHub"], many.templates["WardenMemberAccount"]
    assert hub.named("AWS::SQS::Queue", "QueueName", f"warden-fix-{added.id}")
    assert hub.named("AWS::Lambda::Function", "FunctionName", added.remediator)
    assert hub.named("AWS::IAM::Role", "RoleName", added.remediator)
    rule = hub.named("AWS::Events::Rule", "Name", f"warden-fix-{added.id}")
    assert rule["EventPattern"]["account"] == [HUB]
    assert json.dumps(added.id) in json.dumps(rule["EventPattern"])
    assert account.named("AWS::IAM::Role", "RoleName", added.member_role)
    (secrets,) = [
        statement["Resource"]
        for policy in account.named("AWS::IAM::Role", "RoleName", added.member_role)["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
        if "secretsmanager:CreateSecret" in statement["Action"]
    ]
    assert secrets == f"arn:aws:secretsmanager:*:{MEMBER}:secret:warden/*"


def test_a_playbook_without_a_fix_gets_a_ticket_only(tmp_path: Path) -> None:
    ticket_only = replace(MODEL, writes=())
    synthesise(enforcing([ticket_only]), tmp_path, [ticket_only])
    hub, account = Template(tmp_path, "WardenHub"), Template(tmp_path, "WardenMemberAccount")
    assert not of_playbook(hub, MODEL.id)
    assert {r["RoleName"] for r in account.of_type("AWS::IAM::Role")} == {"warden-inspector", "warden-forwarder"}
