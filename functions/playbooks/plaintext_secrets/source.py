"""Infrastructure as code: what deploys a function, and the change there that keeps its secrets moved. Pure.

A deployment sets the environment as its template has it, so a secret that was moved only in the function comes back.

Sources: CloudFormation user guide, "Resource tags" and "Get a secret or secret value from Secrets Manager"; SAM
developer guide, `AWS::Serverless::Function` (it adds the tag `lambda:createdBy`); CDK guide, "Identifiers" (a logical
id ends in eight characters of a hash); Serverless Framework, `lib/plugins/aws/lib/naming.js` and its stack tag STAGE;
Powertools for AWS Lambda, "Parameters".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from functions.playbooks.plaintext_secrets.environment import MARKER, NEXT_WRAPPER, SECRET, WRAPPER

_STACK_NAME, _STACK_ID = "aws:cloudformation:stack-name", "aws:cloudformation:stack-id"
_LOGICAL_ID = "aws:cloudformation:logical-id"
_CDK_ID = re.compile(r"[A-Za-z0-9]+[0-9A-F]{8}")
_SERVERLESS_ID = re.compile(r"(?P<function>[A-Za-z0-9]+)LambdaFunction")
# Tags by which many teams say what made a resource, in any spelling: ManagedBy, managed_by, created-by.
_MADE_BY = frozenset({"managedby", "createdby", "provisionedby", "deployedby", "provisioner", "iac", "iactool", "tool"})
_NO = frozenset({"false", "no", "none", "0"})
# YAML 1.1 takes these names for truth values.
_YAML_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_MOST_NAMES, _MOST_CHARACTERS = 8, 400


class Tool(StrEnum):
    """What deploys a function; the value is what a sentence calls it."""

    CLOUDFORMATION = "CloudFormation"
    SAM = "SAM"
    CDK = "CDK"
    SERVERLESS = "Serverless Framework"
    TERRAFORM = "Terraform"
    PULUMI = "Pulumi"
    UNKNOWN = ""


@dataclass(frozen=True)
class Source:
    """What deploys a function, as far as is known, and by which evidence."""

    tool: Tool
    stack: str = ""
    logical_id: str = ""
    evidence: str = ""


def source_of(tags: Mapping[str, str], actor: str = "") -> Source:
    """Say what deploys a function, by its tags and by who made the last change (`Cause.actor`).

    The tags of CloudFormation cannot be set by others, so they go before what a team writes into its own.
    """
    stack, logical_id = _stack(tags), tags.get(_LOGICAL_ID, "")
    if stack or logical_id:
        tool, why = _of_stack(tags, logical_id)
        named = f"tag {_STACK_NAME}={stack}" if stack else f"tag {_LOGICAL_ID}={logical_id}"
        return Source(tool, stack, logical_id, ", ".join(filter(None, (named, why))))
    for key, value in sorted(tags.items()):
        made_by = _tool_of_tag(key, value)
        if made_by:
            return Source(made_by, evidence=f"tag {key}={value}"[:200])
    made_by = _tool_of_actor(actor)
    if made_by:
        return Source(made_by, evidence=f"the last change was made by {actor}"[:200])
    if tags.get("lambda:createdBy") == "SAM":
        return Source(Tool.SAM, evidence="tag lambda:createdBy=SAM")
    return Source(Tool.UNKNOWN)


def _stack(tags: Mapping[str, str]) -> str:
    found = re.fullmatch(r"arn:[^:]+:cloudformation:[^/]+:stack/([^/]+)/.+", tags.get(_STACK_ID, ""))
    return tags.get(_STACK_NAME) or (found[1] if found else "")


def _of_stack(tags: Mapping[str, str], logical_id: str) -> tuple[Tool, str]:
    if tags.get("lambda:createdBy") == "SAM":
        return Tool.SAM, "tag lambda:createdBy=SAM"
    own = next((key for key in sorted(tags) if key.startswith("aws-cdk:")), "")
    if own:
        return Tool.CDK, f"tag {own}"
    if "STAGE" in tags and _SERVERLESS_ID.fullmatch(logical_id):
        return Tool.SERVERLESS, f"tag STAGE={tags['STAGE']}, and the logical id {logical_id} has the form it gives"
    if _CDK_ID.fullmatch(logical_id):
        return Tool.CDK, f"CDK, by the form of the logical id {logical_id}"
    return Tool.CLOUDFORMATION, ""


def _tool_of_tag(key: str, value: str) -> Tool | None:
    name = re.sub("[^a-z]", "", key.lower())
    if key.startswith("aws:") or value.strip().lower() in _NO:
        return None
    return _tool_in(key) or (_tool_in(value) if name in _MADE_BY else None)


def _tool_in(text: str) -> Tool | None:
    low = text.lower()
    if any(word in low for word in ("terraform", "opentofu", "terragrunt")):
        return Tool.TERRAFORM
    return Tool.PULUMI if "pulumi" in low else None


def _tool_of_actor(actor: str) -> Tool | None:
    if actor == "CloudFormation" or actor.endswith("/AWSCloudFormation") or "cloudformation.amazonaws.com" in actor:
        return Tool.CDK if re.match(r"cdk-[a-z0-9]+-cfn-exec-role-", actor) else Tool.CLOUDFORMATION
    return _tool_in(actor)


def snippet(
    source: Source,
    *,
    variables: Sequence[str],
    secret_arn: str,
    layer_arn: str,
    wrapper: str,
    next_wrapper: str = "",
) -> str:
    """Return the change in the tool's own language that makes the move permanent; one sentence for no tool.

    `variables` are the names that were moved; of many the first few are shown. YAML and HCL stand as they would in the
    template, to be merged into it. With up to 4 KB of names it stays below 2,900 characters, unless the ARNs and
    wrappers are longer than AWS's usual ones.
    """
    shown = _shown(variables)
    settings = {SECRET: secret_arn, WRAPPER: wrapper, **({NEXT_WRAPPER: next_wrapper} if next_wrapper else {})}
    change = _Change(shown, len(variables) - len(shown), settings, layer_arn)
    return _WRITERS[source.tool](source, change)


def in_code(runtime: str, variable: str, secret_arn: str) -> str:
    """Return the other way: to read a moved variable in code, without the wrapper; with what not to do instead."""
    name, arn = json.dumps(variable), json.dumps(secret_arn)
    if runtime.startswith("python"):
        code = (
            "from aws_lambda_powertools.utilities import parameters\n\n"
            f'value = parameters.get_secret({arn}, transform="json")[{name}]'
        )
    elif runtime.startswith("nodejs"):
        code = (
            'import { getSecret } from "@aws-lambda-powertools/parameters/secrets";\n\n'
            f'const value = (await getSecret({arn}, {{ transform: "json" }}))[{name}];'
        )
    else:
        code = f"Call GetSecretValue with the AWS SDK for {arn}: its SecretString is JSON, with the value under {name}."
    return f"{code}\n\n{_DYNAMIC_REFERENCE}"


_DYNAMIC_REFERENCE = (
    "Do not use {{resolve:secretsmanager:…}} in the function's environment: CloudFormation resolves it when it "
    "deploys, so the value would stand in the function's configuration in plain text again."
)


@dataclass(frozen=True)
class _Change:
    shown: tuple[str, ...]
    more: int
    settings: Mapping[str, str]
    layer: str

    def variables(self, form: str, comment: str, indent: int) -> Iterator[str]:
        """Write each variable as `form` has it, one a line; of the rest, say how many there are."""
        space = " " * indent
        for name in self.shown:
            yield space + form.format(name=_key(name), quoted=_quoted(name), value=_quoted(MARKER))
        if self.more:
            yield f"{space}{comment} and {_count(self.more, 'variable', also='more ')}, likewise {_quoted(MARKER)}"
        for name, value in self.settings.items():
            yield space + form.format(name=name, quoted=_quoted(name), value=_quoted(value))


def _shown(variables: Sequence[str]) -> tuple[str, ...]:
    left, shown = _MOST_CHARACTERS, []
    for name in variables[:_MOST_NAMES]:
        left -= len(name)
        if left < 0:
            break
        shown.append(name)
    return tuple(shown)


def _cloudformation(source: Source, change: _Change) -> str:
    resource = source.logical_id or "LogicalIdOfTheFunction"
    where = f"the template of stack {source.stack}" if source.stack else "the template"
    also = " (or under Globals.Function)" if source.tool is Tool.SAM else ""
    return _lines(
        f"# In {where}{also}; each variable is Resources.{resource}.Properties.Environment.Variables.<NAME>",
        "Resources:",
        f"  {resource}:",
        "    Properties:",
        "      Environment:",
        "        Variables:",
        *change.variables("{name}: {value}", "#", 10),
        "      Layers:",
        "        # after the layers that are there",
        f"        - {_quoted(change.layer)}",
    )


def _serverless(source: Source, change: _Change) -> str:
    found = _SERVERLESS_ID.fullmatch(source.logical_id)
    function = found["function"] if found else ""
    # "-" and "_" became words on the way, which may as well have been words of the name.
    clear = function and "Dash" not in function and "Underscore" not in function
    name = function[0].lower() + function[1:] if clear else "the-function"
    return _lines(
        f"# In serverless.yml, for the function whose logical id is {source.logical_id or 'not known'}",
        "functions:",
        f"  {_key(name)}:",
        "    environment:",
        *change.variables("{name}: {value}", "#", 6),
        "    layers:",
        "      # after the layers that are there; this list replaces provider.layers, so repeat those too",
        f"      - {_quoted(change.layer)}",
    )


def _terraform(_: Source, change: _Change) -> str:
    return _lines(
        "# In the resource aws_lambda_function",
        "environment {",
        "  variables = {",
        *(line.replace("${", "$${").replace("%{", "%%{") for line in change.variables("{name} = {value}", "#", 4)),
        "  }",
        "}",
        "layers = [",
        "  # after the layers that are there",
        f"  {_quoted(change.layer)},",
        "]",
    )


def _cdk(source: Source, change: _Change) -> str:
    where = f"stack {source.stack}" if source.stack else "the stack"
    resource = f", the function with the logical id {source.logical_id}" if source.logical_id else ""
    return _lines(
        f"// In {where}{resource} (in Python: add_environment, add_layers)",
        "// Take the old values out of the function's own environment property, too.",
        *change.variables("fn.addEnvironment({quoted}, {value});", "//", 0),
        "fn.addLayers(",
        f'  lambda.LayerVersion.fromLayerVersionArn(this, "WardenExecWrapper", {_quoted(change.layer)}),',
        ");",
    )


def _pulumi(_: Source, change: _Change) -> str:
    return _lines(
        "// In the arguments of aws.lambda.Function",
        "environment: {",
        "  variables: {",
        *change.variables("{name}: {value},", "//", 4),
        "  },",
        "},",
        "layers: [",
        "  // after the layers that are there",
        f"  {_quoted(change.layer)},",
        "],",
    )


def _nothing_known(_: Source, change: _Change) -> str:
    names = ", ".join(change.shown)
    more = _count(change.more, "variable", also="more " if names else "") if change.more else ""
    moved = " and ".join(filter(None, (names, more)))
    settings = ", ".join(f"{name} to {_quoted(value)}" for name, value in change.settings.items())
    return (
        "Nothing says what deploys this function: if a template or script does, set there "
        f"{moved} to {_quoted(MARKER)}, {settings}, and append the layer {_quoted(change.layer)}, or the next "
        "deployment puts the plain text back."
    )


_WRITERS = {
    Tool.CLOUDFORMATION: _cloudformation,
    Tool.SAM: _cloudformation,
    Tool.CDK: _cdk,
    Tool.SERVERLESS: _serverless,
    Tool.TERRAFORM: _terraform,
    Tool.PULUMI: _pulumi,
    Tool.UNKNOWN: _nothing_known,
}


def _lines(*lines: str) -> str:
    return "\n".join(lines)


def _quoted(text: str) -> str:
    """Quote a text as JSON does, which YAML, HCL and JavaScript read the same: {{warden}} bare would be a YAML map."""
    return json.dumps(text)


def _key(name: str) -> str:
    return _quoted(name) if name.lower() in _YAML_WORDS else name


def _count(number: int, noun: str, also: str) -> str:
    return f"{number} {also}{noun}{'' if number == 1 else 's'}"
