"""Make references readable again that no longer are, before the function's next start finds out."""

from __future__ import annotations

from functions.core.fix import CannotFix, CannotUndo, Change, NothingToDo, NotVerified, Plan, Undone, Work
from functions.core.secret_name import secret_name
from functions.core.snapshot import FunctionSnapshot
from functions.playbooks.plaintext_secrets import environment
from functions.playbooks.plaintext_secrets.check import why_unreadable
from functions.playbooks.plaintext_secrets.facts import access
from functions.playbooks.plaintext_secrets.fixes import vault
from functions.playbooks.plaintext_secrets.fixes.move import update_function
from functions.playbooks.plaintext_secrets.fixes.proof import NOT_PROVABLE, by_configuration, newest_layer
from functions.playbooks.plaintext_secrets.known import Facts

SECRET_GONE = "secret-gone"  # noqa: S105 - a word for scripts
_SECRET, _POLICY, _LAYER = "secret", "secret's policy", "layer"


def plan(work: Work, snapshot: FunctionSnapshot) -> Plan | CannotFix | NothingToDo:
    """Say what is put right; what only a person can put right is a refusal."""
    facts = access(work.member, snapshot)
    if not why_unreadable(snapshot, facts):
        return NothingToDo("The function can read its secret.")
    if facts.secret is None:
        name, lost = secret_name(snapshot.subject.function), ", ".join(environment.moved(snapshot.environment))
        return CannotFix(SECRET_GONE, f"The secret {name} no longer exists: set {lost} anew, before the next start")
    if facts.secret.function != snapshot.subject.arn:
        return CannotFix(NOT_PROVABLE, f"The secret {facts.secret.arn} is not this function's; it was left alone")
    hindrance = facts.denied or next(by_configuration(snapshot, ()), "")
    if hindrance:
        return CannotFix(NOT_PROVABLE, f"It cannot be put right from outside: {hindrance}")
    changes = [*_about_secret(snapshot, facts), *_about_function(snapshot, facts.secret.arn)]
    if not any(map(environment.is_our_layer, snapshot.layers)):
        layer = newest_layer(work)
        if isinstance(layer, CannotFix):
            return layer
        changes.append(Change(_LAYER, None, layer))
    return Plan(tuple(changes), "Made the moved variables readable again.")


def _about_secret(snapshot: FunctionSnapshot, facts: Facts) -> list[Change]:
    # The policy of a secret that is scheduled for deletion cannot be read; it is looked at once it is back.
    if facts.secret is not None and facts.secret.deleted:
        return [Change(_SECRET, "scheduled for deletion", "restored")]
    return [] if facts.granted else [Change(_POLICY, "without the role", snapshot.role)]


def _about_function(snapshot: FunctionSnapshot, secret_arn: str) -> list[Change]:
    wanted = {environment.SECRET: secret_arn, environment.WRAPPER: environment.WRAPPER_PATH}
    now = snapshot.environment
    return [Change(n, environment.shown(now.get(n)), value) for n, value in wanted.items() if now.get(n) != value]


def apply(work: Work, plan: Plan) -> None:
    """Bring about each change that is not there yet."""
    snapshot = work.member.snapshot()
    client = work.member.client("secretsmanager")
    name = secret_name(work.subject.function)
    facts = access(work.member, snapshot)
    if facts.secret is not None and facts.secret.deleted:
        client.restore_secret(SecretId=name)
    vault.open_to_readers(work, name, snapshot)
    variables = {**snapshot.environment, **_variables(plan, snapshot)}
    layer = next((change.after for change in plan.changes if change.setting == _LAYER), "")
    layers = [*snapshot.layers, *([layer] if layer and layer not in snapshot.layers else [])]
    if variables != snapshot.environment or layers != [*snapshot.layers]:
        update_function(work, snapshot, variables, layers)


def _variables(plan: Plan, snapshot: FunctionSnapshot) -> dict[str, str]:
    """Return the variables to set; a wrapper that somebody put in the place of ours is started by ours."""
    wanted = {c.setting: c.after for c in plan.changes if c.setting in environment.OURS}
    other = snapshot.environment.get(environment.WRAPPER, "")
    if environment.WRAPPER in wanted and other not in ("", environment.WRAPPER_PATH):
        wanted[environment.NEXT_WRAPPER] = other
    return wanted


def verify(work: Work, plan: Plan) -> None:  # noqa: ARG001 - what counts is what can be read now
    """See that nothing stands in the way any more, and that the secret has every value."""
    snapshot = work.member.snapshot()
    problems = why_unreadable(snapshot, access(work.member, snapshot))
    if problems:
        raise NotVerified(f"The function still cannot read its secret: {problems[0]}.")
    content = vault.read(work, secret_name(work.subject.function))
    empty = environment.unfilled(snapshot.environment, content.values)
    if empty:
        raise NotVerified(f"The secret has no value for {', '.join(empty)}: add it.")


def undo(work: Work, plan: Plan) -> Undone:  # noqa: ARG001 - whatever was repaired
    """Refuse: taking a repair back would only break the function again. Raises `CannotUndo`."""
    raise CannotUndo("Without the repair the function could not start; undo the move instead.")


def advise(work: Work, plan: Plan) -> str:  # noqa: ARG001 - the same for every repair
    """Say how to keep it so."""
    return (
        "Leave the variables WARDEN_SECRET and AWS_LAMBDA_EXEC_WRAPPER, the layer and the secret's policy as they are."
    )
