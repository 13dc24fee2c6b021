"""The mark on a function that its reserved concurrency is our cap; Lambda API reference, TagResource."""

from __future__ import annotations

from functions.core.fix import Change, NotVerified, Undone, Work

SETTING = "tag"


def plan(key: str, before: str | None, after: str | None) -> Change:
    """Return the step that sets a tag of the function at hand, or takes it away."""
    return Change(f"{SETTING} {key}", before, after)


def apply(work: Work, change: Change) -> None:
    """Set the tag; nobody else uses its key, so there is nothing to compare with."""
    _set(work, change, change.after)


def verify(work: Work, change: Change) -> None:
    """Read it back."""
    now = work.member.snapshot().tags.get(_key(change))
    if now != change.after:
        raise NotVerified(f"{change.setting} is {now or 'not set'}")


def undo(work: Work, change: Change) -> Undone:
    """Put it back, unless somebody gave it another value since."""
    now = work.member.snapshot().tags.get(_key(change))
    if now not in (change.before, change.after):
        return Undone(kept=(f"{change.setting} is {now or 'not set'}, as somebody set it since",))
    _set(work, change, change.before)
    return Undone(restored=(change,))


def _set(work: Work, change: Change, value: str | None) -> None:
    client, key = work.member.client("lambda"), _key(change)
    if value is None:
        client.untag_resource(Resource=work.subject.arn, TagKeys=[key])
    else:
        client.tag_resource(Resource=work.subject.arn, Tags={key: value})


def _key(change: Change) -> str:
    return change.setting.partition(" ")[2]
