"""Whether what a function may write can pass the filter of a trigger: yes, no, or unknown. Pure.

YES: something it may write passes. NO: nothing it may write does. UNKNOWN: what we read does not decide it; to be
treated as possible, but less sure.

Sources: "Configuring event notifications using object key name filtering" and "Event notification types and
destinations" (Amazon S3 User Guide), "Event structure" (EventBridge Events Reference), "Comparison operators for use
in event patterns" (EventBridge User Guide), "Amazon SNS subscription filter policies" (SNS Developer Guide).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import IntEnum
from itertools import product
from typing import Any
from urllib.parse import unquote_plus

from functions.playbooks.recursive_loop.globs import (
    ANYTHING,
    Glob,
    OneOf,
    glob,
    intersects,
    literal,
    matches,
    meet,
    not_beginning_with,
)


class Answer(IntEnum):
    """Whether it can pass; the least of several that must all be met, the greatest of several one of which must."""

    NO = 0
    UNKNOWN = 1
    YES = 2


_CREATED = ("s3:ObjectCreated:Put", "s3:ObjectCreated:Post", "s3:ObjectCreated:Copy")
_CAUSED = {
    "s3:PutObject": (*_CREATED, "s3:ObjectCreated:CompleteMultipartUpload"),
    "s3:DeleteObject": ("s3:ObjectRemoved:Delete", "s3:ObjectRemoved:DeleteMarkerCreated"),
    "s3:DeleteObjectVersion": ("s3:ObjectRemoved:Delete",),
    "s3:PutObjectAcl": ("s3:ObjectAcl:Put",),
    "s3:PutObjectVersionAcl": ("s3:ObjectAcl:Put",),
    "s3:PutObjectTagging": ("s3:ObjectTagging:Put",),
    "s3:PutObjectVersionTagging": ("s3:ObjectTagging:Put",),
    "s3:DeleteObjectTagging": ("s3:ObjectTagging:Delete",),
    "s3:DeleteObjectVersionTagging": ("s3:ObjectTagging:Delete",),
    "s3:RestoreObject": ("s3:ObjectRestore:Post", "s3:ObjectRestore:Completed", "s3:ObjectRestore:Delete"),
}
"""What a function's call makes S3 notify of, by the IAM action it needs."""
_KNOWN_EVENTS = re.compile(
    r"s3:(ObjectCreated|ObjectRemoved|ObjectAcl|ObjectTagging|ObjectRestore|Replication|LifecycleExpiration)(:.*)?"
    r"|s3:(LifecycleTransition|IntelligentTiering|ReducedRedundancyLostObject|TestEvent)"
)
_VARIABLE = re.compile(r"\$\{(?![*?$]\})[^}]*\}")


def object_notifies(
    actions: Iterable[str], resource: str, *, bucket: str, events: Iterable[str], prefix: str = "", suffix: str = ""
) -> Answer:
    """Whether a role that may do `actions` on `resource` can write an object that a bucket notifies of.

    `actions` and `resource` are as in the role's policy statement, `bucket` is the bucket's ARN, and `events`,
    `prefix` and `suffix` are those of the notification.
    """
    if ":accesspoint/" in resource:
        return min(Answer.UNKNOWN, _event_caused(actions, events))  # of which bucket, the ARN does not tell
    return min(_event_caused(actions, events), _key_written(resource, bucket, prefix, suffix))


def _event_caused(actions: Iterable[str], events: Iterable[str]) -> Answer:
    """Whether an action, upper and lower case the same as in IAM, causes an event of the types notified of."""
    allowed = [action.lower() for action in actions]
    caused = {
        event
        for action, causes in _CAUSED.items()
        if any(matches(pattern, action.lower()) for pattern in allowed)
        for event in causes
    }
    asked = list(events)
    if any(intersects(event, each) for event in asked for each in caused):
        return Answer.YES
    return Answer.NO if all(_KNOWN_EVENTS.fullmatch(event) for event in asked) else Answer.UNKNOWN


def _key_written(resource: str, bucket: str, prefix: str, suffix: str) -> Answer:
    """Whether a key matches both the role's resource and the filter, in which `*` is no wildcard.

    A filter should be URL-encoded, with + for a space, and often is not: what both readings say is sure.
    """
    may = glob(_VARIABLE.sub("*", resource))
    read = {
        meet(may, literal(f"{bucket}/{start}") + ANYTHING, literal(f"{bucket}/") + ANYTHING + literal(end))
        for start, end in ((prefix, suffix), (unquote_plus(prefix), unquote_plus(suffix)))
    }
    if read == {False}:
        return Answer.NO
    return Answer.YES if read == {True} and not _VARIABLE.search(resource) else Answer.UNKNOWN


_ANY_SOURCE = ("*",)
_NOT_OF_AWS = not_beginning_with("aws.")


def event_matches(
    pattern: Mapping[str, Any],
    sources: Sequence[str] = _ANY_SOURCE,
    detail_types: Sequence[str] = ("*",),
    fixed: Mapping[str, str] | None = None,
) -> Answer:
    """Whether a function that may call PutEvents on a bus can put an event that matches a rule's pattern there.

    `sources` and `detail_types` are the values, with wildcards, that the role's conditions on `events:source` and
    `events:detail-type` allow. `fixed` are the event's `account` and `region`, where they are known: EventBridge sets
    them. A `source` that begins with `aws.` is refused from anybody but AWS.
    """
    known = {"version": "0", **(fixed or {})}

    def field(name: str, wanted: object) -> Answer:
        match name:
            case "source":
                return _text(wanted, [glob(source) for source in sources], _NOT_OF_AWS)
            case "detail-type":
                return _text(wanted, [glob(detail_type) for detail_type in detail_types])
            case "detail" | "resources":
                return _anything(wanted)
            case "replay-name":  # only an archive's replay sets it
                return _text(wanted, [], absent=True)
            case _ if name in known:
                return _text(wanted, [literal(known[name])])
            case _:
                return Answer.UNKNOWN

    return _all(pattern, field)


def one_event_matches(first: Mapping[str, Any], second: Mapping[str, Any]) -> Answer:
    """Whether an event that matches one rule's pattern can match another's; YES only where they are the same."""
    if first == second:
        return Answer.YES
    fields = (name for name in ("source", "detail-type", "account", "region") if name in first and name in second)
    both = ((_all_taken(first[name]), _all_taken(second[name])) for name in fields)
    return Answer.UNKNOWN if all(any(meet(*each) for each in product(*takes)) for takes in both) else Answer.NO


def _all_taken(wanted: object) -> list[Glob]:
    """Patterns of which every text that a field's matchers take matches one."""
    matchers = wanted if isinstance(wanted, list) else [None]
    known = [_taken(matcher) if matcher is not None else None for matcher in matchers]
    return [one for takes in known for one in ((ANYTHING,) if takes is None else takes)]


def subscription_passes(policy: Mapping[str, Any] | None) -> Answer:
    """Whether a message that a function publishes can pass a subscription's filter policy, None if it has none.

    Which attributes a function gives its messages is not to be seen from outside: NO only for what none could pass.
    """
    return min(Answer.UNKNOWN, _anything(policy)) if policy else Answer.YES


def _all(pattern: Mapping[str, Any], field: Callable[[str, object], Answer]) -> Answer:
    """Whether every field can be met; `$or` if one of its patterns can, unsure if it speaks of what others do too."""
    answers = [field(name, wanted) for name, wanted in pattern.items() if name != "$or"]
    if "$or" in pattern:
        choices = pattern["$or"]
        if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
            return Answer.UNKNOWN
        either = max((_all(choice, field) for choice in choices), default=Answer.UNKNOWN)
        both = any(name in pattern for choice in choices for name in choice)
        answers.append(min(either, Answer.UNKNOWN) if both else either)
    return min(answers, default=Answer.YES)


def _anything(wanted: object) -> Answer:
    """Whether a field that may hold any JSON can be met."""
    if isinstance(wanted, Mapping):
        return _all(wanted, lambda _, inner: _anything(inner))
    if not isinstance(wanted, list):
        return Answer.UNKNOWN
    return max((_value(matcher) for matcher in wanted), default=Answer.NO)


def _value(matcher: object) -> Answer:
    match matcher:
        case {"exists": bool()} | {"cidr": str()}:
            return Answer.YES
        case {"numeric": list(comparisons)}:
            return _number(comparisons)
        case {"anything-but": str() | int() | float()}:
            return Answer.YES
        case dict():
            return _produced(matcher, [ANYTHING], [ANYTHING])
        case list():
            return Answer.UNKNOWN
    return Answer.YES


def _number(comparisons: Sequence[object]) -> Answer:
    """Whether a number meets all comparisons, as in `[">", 0, "<=", 5]`."""
    low, high = (-math.inf, True), (math.inf, True)  # the bound, and whether it is itself left out
    for sign, bound in zip(comparisons[::2], comparisons[1::2], strict=False):
        if not isinstance(bound, int | float):
            return Answer.UNKNOWN
        match sign:
            case "=":
                low, high = max(low, (bound, False)), min(high, (bound, False), key=_from_above)
            case ">" | ">=":
                low = max(low, (bound, sign == ">"))
            case "<" | "<=":
                high = min(high, (bound, sign == "<"), key=_from_above)
            case _:
                return Answer.UNKNOWN
    if low[0] == high[0]:
        return Answer.NO if low[1] or high[1] else Answer.YES
    return Answer.YES if low[0] < high[0] else Answer.NO


def _from_above(bound: tuple[float, bool]) -> tuple[float, bool]:
    return bound[0], not bound[1]


def _text(wanted: object, allowed: Sequence[Glob], also: Sequence[Glob] = (ANYTHING,), absent: bool = False) -> Answer:
    """Whether a field whose text matches one of `allowed` and one of `also`, or which is absent, can be met."""
    if not isinstance(wanted, list):
        return Answer.UNKNOWN
    if absent:
        return Answer.YES if {"exists": False} in wanted else Answer.NO
    return max((_produced(matcher, allowed, also) for matcher in wanted), default=Answer.NO)


def _produced(matcher: object, allowed: Sequence[Glob], also: Sequence[Glob]) -> Answer:
    """Whether one matcher takes a text that matches one of `allowed` and one of `also`."""
    match matcher:
        case {"anything-but": list(refused)} if refused and all(isinstance(each, str) for each in refused):
            return _produced_beside(refused, allowed, also)
        case {"anything-but": str(refused)}:
            return _produced_beside([refused], allowed, also)
    takes = _taken(matcher)
    if takes is None:
        return Answer.UNKNOWN
    # Nearly always the first two have nothing in common.
    near = ((take, may) for take, may in product(takes, allowed) if meet(take, may))
    return Answer.YES if any(meet(take, may, other) for take, may in near for other in also) else Answer.NO


def _produced_beside(refused: Sequence[str], allowed: Sequence[Glob], also: Sequence[Glob]) -> Answer:
    """Whether another text than the refused ones matches: always where a pattern has more than any list can name."""
    texts = {literal(each) for each in refused}
    left = [pattern for pattern in allowed if pattern not in texts]
    return Answer.YES if any(meet(*each) for each in product(left, also)) else Answer.NO


def _taken(matcher: object) -> Sequence[Glob] | None:
    """Return patterns of which the texts that a matcher takes match one, None where that cannot be said."""
    match matcher:
        case str(text):
            found = literal(text)
        case {"exists": bool(there)}:
            return (ANYTHING,) if there else ()
        case {"prefix": part} if (start := _plain(part)) is not None:
            found = start + ANYTHING
        case {"suffix": part} if (end := _plain(part)) is not None:
            found = ANYTHING + end
        case {"equals-ignore-case": _} if (either := _plain(matcher)) is not None:
            found = either
        case {"wildcard": str(pattern)}:
            found = _wildcard(pattern)
        case {"anything-but": {"prefix": str(text)}}:
            return not_beginning_with(text)
        case {"numeric": list()} | None | bool() | int() | float():
            return ()  # never a text
        case _:
            return None
    return (found,)


def _plain(part: object) -> Glob | None:
    """Read the text of a prefix or suffix, which may ask for upper and lower case to be the same."""
    match part:
        case str(text):
            return literal(text)
        case {"equals-ignore-case": str(text)} if text.isascii():
            return Glob(tuple(OneOf(frozenset((each.lower(), each.upper()))) for each in text))
    return None


def _wildcard(pattern: str) -> Glob:
    r"""Read an EventBridge wildcard: `*` is any characters, `\*` and `\\` are the characters themselves."""
    found = Glob(())
    for escaped, plain in re.findall(r"\\([*\\])|(.)", pattern, re.DOTALL):
        found += ANYTHING if plain == "*" else literal(escaped or plain)
    return found
