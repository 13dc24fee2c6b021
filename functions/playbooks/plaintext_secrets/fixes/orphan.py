"""Mark the secret of a deleted function, so that somebody decides; it is never deleted by itself."""

from __future__ import annotations

from datetime import UTC, datetime

from functions.core.fix import CannotFix, Change, NothingToDo, NotVerified, Plan, Undone, Work
from functions.core.secret_name import secret_name
from functions.core.snapshot import FunctionSnapshot
from functions.playbooks.plaintext_secrets.facts import describe
from functions.playbooks.plaintext_secrets.known import ORPHANED_TAG


def plan(work: Work, snapshot: FunctionSnapshot) -> Plan | CannotFix | NothingToDo:
    """Tag the secret with the day, if it is there and the function is not."""
    secret = describe(work.member, secret_name(work.subject.function))
    if secret is None or secret.deleted or not snapshot.deleted:
        return NothingToDo("There is nothing left behind.")
    day = datetime.now(UTC).date().isoformat()
    return Plan(
        (Change(f"tag {ORPHANED_TAG}", None, day),), "Tagged the secret as orphaned; it is never deleted by itself."
    )


def apply(work: Work, plan: Plan) -> None:
    """Set the tag."""
    tag = {"Key": ORPHANED_TAG, "Value": plan.changes[0].after}
    work.member.client("secretsmanager").tag_resource(SecretId=secret_name(work.subject.function), Tags=[tag])


def verify(work: Work, plan: Plan) -> None:
    """Read the tag back."""
    secret = describe(work.member, secret_name(work.subject.function))
    if secret is None or secret.orphaned != plan.changes[0].after:
        raise NotVerified("The secret has no such tag.")


def undo(work: Work, plan: Plan) -> Undone:
    """Take the tag away."""
    secret = describe(work.member, secret_name(work.subject.function))
    if secret is not None and secret.orphaned:
        work.member.client("secretsmanager").untag_resource(SecretId=secret.arn, TagKeys=[ORPHANED_TAG])
    return Undone(plan.changes)


def advise(work: Work, plan: Plan) -> str:  # noqa: ARG001 - the same for every secret
    """Say what a person decides."""
    return f"Delete the secret {secret_name(work.subject.function)} when nobody needs its values any more."
