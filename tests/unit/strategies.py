"""What Hypothesis makes up: any JSON, findings and events of ours, and changes inside a JSON value."""

from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from functions.core.finding import Cause, Evidence, Finding
from functions.core.message import Kind, Message
from functions.core.playbook import Severity
from functions.core.subject import Subject

from .examples import at
from .sample_events import HEALTH_ADMIN, HUB, MEMBER, REGION

Path = tuple[str | int, ...]

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(
        [
            HUB,
            MEMBER,
            HEALTH_ADMIN,
            "٢" * 12,
            "orders",
            "orders:live",
            "warden-inspector",
            "/",
            "\ud800",
            "x" * 300_000,
            f"{MEMBER}:function:orders",
            f"{HEALTH_ADMIN}:function:orders:1",
            f"arn:aws:lambda:{REGION}:{MEMBER}:function:orders",
            f"arn:aws:lambda:{REGION}:{HEALTH_ADMIN}:function:orders",
            f"arn:aws-cn:lambda:cn-north-1:{MEMBER}:function:orders:$LATEST",
            f"arn:aws-us-gov:lambda:us-gov-west-1:{HUB}:function:warden-ticket",
            "cn-north-1",
            "us-gov-west-1",
            "aws.lambda",
            "aws.config",
            "aws.health",
            "aws.cloudwatch",
            "aws.yet-to-come",
            "warden",
            "warden.test",
            "warden.sweep",
            "AWS API Call via CloudTrail",
            "YET_TO_COME",
            "ALARM",
            "AWS::Lambda::Function",
        ]
    )
)
JSON: st.SearchStrategy[Any] = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4)
)


def places(value: object, path: Path = ()) -> Iterator[Path]:
    """Every place in a JSON value, the whole first."""
    yield path
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*path, key))


def put(value: Any, path: Path, new: object) -> None:
    for key in path[:-1]:
        value = value[key]
    value[path[-1]] = new


def drop(value: Any, path: Path) -> None:
    for key in path[:-1]:
        value = value[key]
    del value[path[-1]]


def deep_list() -> list[Any]:
    """Lists in lists, deeper than Python may recurse."""
    deep: list[Any] = []
    for _ in range(3000):
        deep = [deep]
    return deep


TEXT = st.text(max_size=40)
SUBJECTS = st.builds(
    Subject,
    st.sampled_from(["aws", "aws-cn"]),
    st.sampled_from(["111111111111", "222222222222"]),
    st.sampled_from(["eu-west-1", "us-east-1"]),
    st.sampled_from(["", "a", "ab", "orders"]),
)
FINDINGS = st.builds(
    Finding,
    playbook=TEXT,
    subject=SUBJECTS,
    title=TEXT,
    severity=st.sampled_from(Severity),
    what=TEXT,
    why=TEXT,
    evidence=st.lists(st.builds(Evidence, TEXT, TEXT), max_size=3).map(tuple),
    aspect=TEXT,
    found_at=TEXT,
    cause=st.builds(Cause, TEXT, TEXT, TEXT, TEXT, TEXT),
)


CHANGES = st.fixed_dictionaries({"setting": TEXT, "before": JSON, "after": JSON})
MESSAGES = st.builds(
    Message,
    kind=st.sampled_from(Kind),
    finding=FINDINGS,
    at=st.integers(0, 86_399).map(at),
    by=TEXT,
    mode=TEXT,
    because=TEXT,
    fix=st.integers(0, 99),
    changes=st.lists(CHANGES, max_size=3).map(tuple),
    code=TEXT,
    text=TEXT,
    until=TEXT,
)
