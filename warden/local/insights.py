"""CloudWatch Metrics Insights queries: ``SELECT SUM(Invocations) FROM SCHEMA("AWS/Lambda", FunctionName) GROUP BY …``.

AWS documentation: "Metrics Insights query components and syntax". Read here are the statistic, ``FROM`` with and
without ``SCHEMA``, ``WHERE`` with ``=``, ``!=`` and ``AND``, and ``GROUP BY``; ``ORDER BY`` and ``LIMIT``, which only
choose among many series, change nothing.
"""

import re
from dataclasses import dataclass
from typing import Any

from ministack.services import cloudwatch

_STATISTICS = {"AVG": "Average", "COUNT": "SampleCount", "MAX": "Maximum", "MIN": "Minimum", "SUM": "Sum"}
_QUERY = re.compile(
    r"""\s*SELECT\s+(?P<stat>AVG|COUNT|MAX|MIN|SUM)\s*\(\s*(?P<metric>"[^"]+"|\w+)\s*\)
    \s+FROM\s+(?:SCHEMA\s*\((?P<schema>[^)]*)\)|(?P<namespace>"[^"]+"|[\w/]+))
    (?:\s+WHERE\s+(?P<where>.+?))?
    (?:\s+GROUP\s+BY\s+(?P<group>[^()]+?))?
    (?:\s+ORDER\s+BY\s+\w+\s*\(\s*\)(?:\s+(?:ASC|DESC))?)?
    (?:\s+LIMIT\s+\d+)?\s*""",
    re.VERBOSE | re.IGNORECASE,
)
_CONDITION = re.compile(r"""\s*(?P<key>"[^"]+"|\w+)\s*(?P<sign>!?=)\s*'(?P<value>[^']*)'\s*""")


class QueryError(ValueError):
    """A query that is not one, or has a part that is not read here."""


@dataclass(frozen=True)
class Query:
    """One metric of a namespace, in the series whose dimensions fit. ``schema`` is None for any set of dimensions."""

    statistic: str
    metric: str
    namespace: str
    schema: frozenset[str] | None
    where: tuple[tuple[str, bool, str], ...]
    group: tuple[str, ...]

    def takes(self, dimensions: dict[str, str]) -> bool:
        """Whether a metric with these dimensions is among those that are selected."""
        fits = set(dimensions) == self.schema if self.schema is not None else set(self.group) <= set(dimensions)
        return fits and all((dimensions.get(key) == value) is equal for key, equal, value in self.where)


def is_query(expression: str) -> bool:
    """Whether an expression is a query at all, and not metric math."""
    return bool(re.match(r"\s*SELECT\b", expression, re.IGNORECASE))


def parse(expression: str) -> Query:
    """Read a query. Raises QueryError with the query in its message."""
    found = _QUERY.fullmatch(expression)
    if found is None:
        raise QueryError(f"this Metrics Insights query cannot be read: {expression}")
    source = _names(found["schema"]) if found["schema"] else (_bare(found["namespace"]),)
    return Query(
        statistic=_STATISTICS[found["stat"].upper()],
        metric=_bare(found["metric"]),
        namespace=source[0],
        schema=frozenset(source[1:]) if found["schema"] else None,
        where=tuple(_condition(text, expression) for text in re.split(r"\s+AND\s+", found["where"] or "") if text),
        group=_names(found["group"] or ""),
    )


def _condition(text: str, expression: str) -> tuple[str, bool, str]:
    found = _CONDITION.fullmatch(text)
    if found is None:
        raise QueryError(f"the condition {text} cannot be read: {expression}")
    return _bare(found["key"]), found["sign"] == "=", found["value"]


def _names(text: str) -> tuple[str, ...]:
    return tuple(_bare(name) for name in text.split(",") if name.strip())


def _bare(name: str) -> str:
    return name.strip().strip('"')


def select(query: Query) -> dict[tuple[str, ...], list[dict[str, Any]]]:
    """The points of this account and Region that a query takes, by the values of what it groups by."""
    found: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for (namespace, metric, _), points in list(cloudwatch._metrics.items()):
        if (namespace, metric) != (query.namespace, query.metric) or not points:
            continue
        dimensions = points[0].get("Dimensions") or {}
        if query.takes(dimensions):
            found.setdefault(tuple(dimensions[name] for name in query.group), []).extend(points)
    return found
