"""IAM's SimulatePrincipalPolicy for roles.

What the engine gets wrong: it looks at one resource, forgets the permissions boundary and the values of condition keys
that it is given, says of none that it is missing, and does not find roles that have a path. AWS documentation: the API
references of SimulatePrincipalPolicy, EvaluationResult, ResourceSpecificResult and ContextEntry.

A key counts as missing when a condition of a statement about the action and resource uses it. Not answered: the ARN
template in ``EvalResourceName``, positions of matched statements, service control policies, resource policies (which
IAM evaluates for users only), and policies to exclude. Users and groups are left to the engine.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape

from ministack.core import iam_evaluator
from ministack.core.iam_evaluator import EvalContext, ParsedStatement
from ministack.core.responses import get_account_id, get_region
from ministack.services import iam

from warden.local.current import CURRENT
from warden.local.patching import replace

_DECISIONS = {"Allow": "allowed", "Deny": "explicitDeny", "ImplicitDeny": "implicitDeny"}
_MOST_RESTRICTIVE_FIRST = ("explicitDeny", "implicitDeny", "allowed")


@dataclass
class _Simulated(EvalContext):  # type: ignore[misc] # the engine has no types
    """A request that was only thought of: its condition keys have the values that were given and no others."""

    given: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _Policy:
    """A policy by the name that results give it."""

    id: str
    kind: str
    statements: Sequence[ParsedStatement]


@dataclass(frozen=True)
class _Result:
    """What holds for one action on one resource. ``bounded`` is None where the role has no boundary."""

    resource: str
    decision: str
    matched: tuple[tuple[str, str], ...]
    missing: tuple[str, ...]
    bounded: bool | None


def install() -> None:
    """Answer SimulatePrincipalPolicy of roles."""
    replace(iam, "handle_request", _handling)
    replace(iam_evaluator, "_resolve_condition_key", _given_keys_only)


def _handling(original: Callable[..., Any]) -> Callable[..., Any]:
    async def handle(*request: Any) -> Any:
        current = CURRENT.get()
        operation = current.operation if current else None
        if operation and str(operation) == "iam:SimulatePrincipalPolicy":
            source = str(operation.parameters.get("PolicySourceArn", ""))
            if ":role/" in source:
                return _simulate(source, operation.parameters)
        return await original(*request)

    return handle


def _given_keys_only(original: Callable[..., Any]) -> Callable[..., Any]:
    def resolve(key: str, context: Any) -> Any:
        return context.given.get(key.lower()) if isinstance(context, _Simulated) else original(key, context)

    return resolve


def _simulate(source: str, asked: dict[str, Any]) -> Any:
    name, account = source.rsplit("/", 1)[-1], get_account_id()
    role = iam._roles.get_scoped(account, None, name)
    if role is None or role["Arn"] != source:
        return iam._error(404, "NoSuchEntity", f"The role with name {name} cannot be found.", ns="iam")
    policies = list(_policies(role, account))
    policies += [
        _Policy(f"PolicyInputList.{number}", "IAM Policy", iam_evaluator.parse_policy_document(text))
        for number, text in enumerate(asked.get("PolicyInputList") or [], 1)
    ]
    boundary = _boundary(name, account, asked)
    given = {
        entry["ContextKeyName"].lower(): _value(entry)
        for entry in asked.get("ContextEntries") or []
        if entry.get("ContextKeyValues")
    }
    found = ""
    for action in asked.get("ActionNames") or []:
        results = [
            _evaluate(
                _Simulated(
                    principal_arn=source,
                    principal_type="AssumedRole",
                    principal_account=account,
                    action=action,
                    resource_arn=resource,
                    region=get_region(),
                    given=given,
                ),
                policies,
                boundary,
            )
            for resource in asked.get("ResourceArns") or ["*"]
        ]
        found += _action_xml(action, results)
    return iam._xml(
        200,
        "SimulatePrincipalPolicyResponse",
        "<SimulatePrincipalPolicyResult>"
        f"<EvaluationResults>{found}</EvaluationResults><IsTruncated>false</IsTruncated>"
        "</SimulatePrincipalPolicyResult>",
        ns="iam",
    )


def _policies(role: dict[str, Any], account: str) -> Iterator[_Policy]:
    for name, document in (role.get("InlinePolicies") or {}).items():
        yield _Policy(f"role_{role['RoleName']}_{name}", "IAM Policy", iam_evaluator.parse_policy_document(document))
    for arn in role.get("AttachedPolicies") or []:
        document = iam_evaluator._resolve_managed_policy_document(arn, account)
        yield _Policy(arn.rsplit("/", 1)[-1], "IAM Policy", iam_evaluator.parse_policy_document(document or {}))


def _boundary(name: str, account: str, asked: dict[str, Any]) -> list[list[list[ParsedStatement]]]:
    """The role's boundary, or the one to simulate in its place; [] if there is none."""
    if documents := asked.get("PermissionsBoundaryPolicyInputList"):
        return [[iam_evaluator.parse_policy_document(text) for text in documents]]
    return list(iam_evaluator._permissions_boundary(iam._roles, name, account))


def _value(entry: dict[str, Any]) -> Any:
    values = [str(value) for value in entry["ContextKeyValues"]]
    return values if str(entry.get("ContextKeyType", "")).endswith("List") else values[0]


def _evaluate(context: _Simulated, policies: list[_Policy], boundary: list[list[list[ParsedStatement]]]) -> _Result:
    decision = iam_evaluator.evaluate(context, [list(one.statements) for one in policies], *boundary).decision
    effect = {"Allow": "Allow", "Deny": "Deny"}.get(decision)
    matched = tuple(
        (one.id, one.kind) for one in policies if effect and iam_evaluator._first_match(context, one.statements, effect)
    )
    limits = [statement for layer in boundary for statements in layer for statement in statements]
    used = (
        key
        for statement in [*(one for policy in policies for one in policy.statements), *limits]
        if _is_about(statement, context)
        for keys in statement.conditions.values()
        for key in keys
    )
    missing = tuple(dict.fromkeys(key for key in used if key.lower() not in context.given))
    bounded = iam_evaluator.evaluate(context, *boundary).decision == "Allow" if boundary else None
    return _Result(context.resource_arn, _DECISIONS[decision], matched, missing, bounded)


def _is_about(statement: ParsedStatement, context: _Simulated) -> bool:
    acts = iam_evaluator._action_matches(context.action, statement.actions, statement.not_actions)
    there = iam_evaluator._resource_matches(context.resource_arn, statement.resources, statement.not_resources)
    return bool(acts and there)


def _action_xml(action: str, results: list[_Result]) -> str:
    """An action's result: the most restrictive over its resources, and each of these by itself if there are any."""
    overall = min((one.decision for one in results), key=_MOST_RESTRICTIVE_FIRST.index)
    bounded = None if results[0].bounded is None else all(one.bounded for one in results)
    total = _Result(
        "*",
        overall,
        tuple(dict.fromkeys(match for one in results if one.decision == overall for match in one.matched)),
        tuple(dict.fromkeys(key for one in results for key in one.missing)),
        bounded,
    )
    specific = "".join(f"<member>{_result_xml(one, 'EvalResourceDecision')}</member>" for one in results)
    everything = [one.resource for one in results] == ["*"]
    return (
        f"<member><EvalActionName>{escape(action)}</EvalActionName>{_result_xml(total, 'EvalDecision')}"
        + ("" if everything else f"<ResourceSpecificResults>{specific}</ResourceSpecificResults>")
        + "</member>"
    )


def _result_xml(result: _Result, decision: str) -> str:
    matched = "".join(
        f"<member><SourcePolicyId>{escape(name)}</SourcePolicyId>"
        f"<SourcePolicyType>{escape(kind)}</SourcePolicyType></member>"
        for name, kind in result.matched
    )
    missing = "".join(f"<member>{escape(key)}</member>" for key in result.missing)
    boundary = (
        ""
        if result.bounded is None
        else "<PermissionsBoundaryDecisionDetail><AllowedByPermissionsBoundary>"
        f"{str(result.bounded).lower()}"
        "</AllowedByPermissionsBoundary></PermissionsBoundaryDecisionDetail>"
    )
    return (
        f"<EvalResourceName>{escape(result.resource)}</EvalResourceName><{decision}>{result.decision}</{decision}>"
        f"<MatchedStatements>{matched}</MatchedStatements>"
        f"<MissingContextValues>{missing}</MissingContextValues>{boundary}"
    )
