"""Move plaintext values into the function's secret; the function's next start finds them there.

Order: the secret is written, opened to the execution role and read back before the function is touched, and the
function is changed in one call with its RevisionId. A crash anywhere leaves a function that works.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from botocore.exceptions import ClientError

from functions.core.fix import (
    Broken,
    CannotFix,
    CannotUndo,
    Change,
    ChangedMeanwhile,
    NothingToDo,
    NotVerified,
    NotYet,
    Plan,
    Undone,
    Work,
)
from functions.core.secret_name import secret_name
from functions.core.snapshot import FunctionSnapshot
from functions.playbooks.plaintext_secrets import environment
from functions.playbooks.plaintext_secrets.check import POSSIBLE, why_unreadable
from functions.playbooks.plaintext_secrets.facts import access, describe
from functions.playbooks.plaintext_secrets.fixes import trial, vault
from functions.playbooks.plaintext_secrets.fixes.proof import Ready, prove
from functions.playbooks.plaintext_secrets.source import in_code, snippet, source_of
from functions.playbooks.plaintext_secrets.tiers import secrets_in

_VARIABLE = "variable "
_LAYER = "layer"
_PLAIN, _MOVED = "in plain text", "in the secret"


def plan(work: Work, snapshot: FunctionSnapshot) -> Plan | CannotFix | NothingToDo:
    """Name the variables to move, and prove that the function will read them afterwards."""
    names = _to_move(work, snapshot)
    if not names:
        return NothingToDo("No variable holds such a secret by now.")
    ready = prove(work, snapshot, names)
    if isinstance(ready, CannotFix):
        return ready
    variables = [Change(f"{_VARIABLE}{name}", _PLAIN, _MOVED) for name in names]
    moved = f"{len(names)} variable{'' if len(names) == 1 else 's'}"
    return Plan(
        (*variables, *_around(snapshot, ready)),
        f"Moved {moved} into the secret {secret_name(snapshot.subject.function)}, read whenever the function starts.",
    )


def _to_move(work: Work, snapshot: FunctionSnapshot) -> tuple[str, ...]:
    """Name what is moved without asking; of what may be a secret, only what the person who approved was told of."""
    sure, possible = secrets_in(snapshot.environment)
    return tuple(name for name in possible if name in work.told) if work.aspect == POSSIBLE else tuple(sure)


def _around(snapshot: FunctionSnapshot, ready: Ready) -> list[Change]:
    """Name what else changes: the secret, the wrapper and its layer."""
    name = secret_name(snapshot.subject.function)
    before = "" if ready.secret is None else "scheduled for deletion" if ready.secret.deleted else "there already"
    changes = [Change("secret", before or None, name)]
    wrapper = snapshot.environment.get(environment.WRAPPER)
    if wrapper != environment.WRAPPER_PATH:
        changes.append(Change(environment.WRAPPER, environment.shown(wrapper), environment.WRAPPER_PATH))
    if ready.layer:
        changes.append(Change(_LAYER, None, ready.layer))
    return changes


def apply(work: Work, plan: Plan) -> None:
    """Write the secret, then change the function, unless it has been changed already."""
    snapshot = work.member.snapshot()
    if not _missing(snapshot, plan):
        return
    plaintext = _plaintext(work, snapshot, _names(plan))
    secret_arn = vault.write(work, snapshot, plaintext)
    vault.open_to_readers(work, secret_arn, snapshot)
    after = environment.with_references(snapshot.environment, tuple(plaintext), secret_arn)
    vault.require(work, secret_arn, after, plaintext)
    _change_function(work, snapshot, plan, secret_arn)


def _plaintext(work: Work, snapshot: FunctionSnapshot, names: tuple[str, ...]) -> dict[str, str]:
    """Return the values that are still to be moved. Raises `ChangedMeanwhile` if one of them is no secret by now."""
    left = [name for name in names if snapshot.environment.get(name) != environment.MARKER]
    now = _to_move(work, snapshot)
    changed = [name for name in left if name not in now]
    if changed:
        raise ChangedMeanwhile(f"Somebody changed {', '.join(changed)} meanwhile; nothing was changed.")
    return {name: snapshot.environment[name] for name in left}


def _change_function(work: Work, snapshot: FunctionSnapshot, plan: Plan, secret_arn: str) -> None:
    layer = next((change.after for change in plan.changes if change.setting == _LAYER), "")
    layers = [*snapshot.layers]
    if layer and not any(map(environment.is_our_layer, layers)):
        layers.append(layer)
    variables = environment.with_references(snapshot.environment, _names(plan), secret_arn)
    update_function(work, snapshot, variables, layers)


def update_function(work: Work, snapshot: FunctionSnapshot, variables: Mapping[str, str], layers: list[str]) -> None:
    """Change nothing but environment and layers, and only of the revision that was read. Raises `ChangedMeanwhile`."""
    layers_too = {"Layers": layers} if layers != [*snapshot.layers] else {}
    try:
        work.member.client("lambda").update_function_configuration(
            FunctionName=work.subject.arn,
            RevisionId=snapshot.revision_id,
            Environment={"Variables": dict(variables)},
            **layers_too,
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "PreconditionFailedException":
            raise
        now = work.member.snapshot()
        if now.environment == variables and [*now.layers] == layers:
            # It was our own change, whose answer was lost.
            return
        raise ChangedMeanwhile("Somebody changed the function meanwhile; it was left as they made it.") from None


def verify(work: Work, plan: Plan) -> None:
    """See that the function has its references, that Lambda took the change, and that the secret can be read."""
    snapshot = work.member.snapshot()
    missing = _missing(snapshot, plan)
    if missing:
        raise NotVerified(f"The function is not as planned: {missing}.")
    if snapshot.settling:
        raise NotYet(f"Lambda is still updating {work.subject.function}")
    if snapshot.last_update_status == "Failed":
        raise Broken(
            f"Lambda could not take the change: {snapshot.last_update_status_reason_code or 'no reason given'}."
        )
    problems = why_unreadable(snapshot, access(work.member, snapshot))
    if problems:
        raise Broken(f"the function could not read its secret: {problems[0]}")
    empty = environment.unfilled(
        snapshot.environment, vault.read(work, snapshot.environment[environment.SECRET]).values
    )
    if empty:
        raise Broken(f"the secret has no value for {', '.join(empty)}")
    refused = trial.run(work, snapshot.timeout_seconds)
    if refused:
        raise Broken(f"the test event failed: {refused}")


def _missing(snapshot: FunctionSnapshot, plan: Plan) -> str:
    """Say what of the plan is not there, '' if all of it is."""
    plain = [name for name in _names(plan) if snapshot.environment.get(name) != environment.MARKER]
    if plain:
        return f"{', '.join(plain)} in plain text"
    if environment.SECRET not in snapshot.environment:
        return f"no {environment.SECRET}"
    if snapshot.environment.get(environment.WRAPPER) != environment.WRAPPER_PATH:
        return "no wrapper"
    return "" if any(map(environment.is_our_layer, snapshot.layers)) else "no layer"


def advise(work: Work, plan: Plan) -> str:
    """Say what the template needs so that the next deployment keeps the change, and how to do without the wrapper."""
    snapshot, names = work.member.snapshot(), _names(plan)
    secret_arn = snapshot.environment.get(environment.SECRET, "")
    keep = snippet(
        source_of(snapshot.tags),
        variables=names,
        secret_arn=secret_arn,
        layer_arn=next(filter(environment.is_our_layer, snapshot.layers), ""),
        wrapper=environment.WRAPPER_PATH,
        next_wrapper=environment.shown(snapshot.environment.get(environment.NEXT_WRAPPER)) or "",
    )
    return f"{keep}\n\nOr read it in code:\n{in_code(snapshot.runtime, names[0], secret_arn)}"


def undo(work: Work, plan: Plan) -> Undone:
    """Put the values back from the secret where references still stand; the secret itself is kept."""
    snapshot, names = work.member.snapshot(), _names(plan)
    if snapshot.environment_error:
        raise CannotUndo(f"The variables cannot be read ({snapshot.environment_error}), so they were left as they are.")
    secret = describe(work.member, secret_name(work.subject.function))
    if secret is None:
        lost = [name for name in names if snapshot.environment.get(name) == environment.MARKER]
        return Undone(kept=tuple(f"variable {name}, since the secret with its value is gone" for name in lost))
    if secret.deleted:
        work.member.client("secretsmanager").restore_secret(SecretId=secret.arn)
    content = vault.read(work, secret.arn).values
    back = environment.with_values(snapshot.environment, names, content)
    if back.restored:
        still = environment.moved(back.environment)
        layers = [arn for arn in snapshot.layers if still or not environment.is_our_layer(arn)]
        update_function(work, snapshot, back.environment, layers)
    there = [name for name in names if name in content and back.environment.get(name) == content[name]]
    return Undone(_of(plan, there), tuple(f"variable {n}: {_why_kept(snapshot, n)}" for n in names if n not in there))


def _why_kept(snapshot: FunctionSnapshot, name: str) -> str:
    if snapshot.environment.get(name) == environment.MARKER:
        return "the secret has no value for it"
    return "somebody changed it since" if name in snapshot.environment else "somebody removed it since"


def _of(plan: Plan, names: Sequence[str]) -> tuple[Change, ...]:
    return tuple(change for change in plan.changes if change.setting.removeprefix(_VARIABLE) in names)


def _names(plan: Plan) -> tuple[str, ...]:
    return tuple(c.setting.removeprefix(_VARIABLE) for c in plan.changes if c.setting.startswith(_VARIABLE))
