"""A loop as text for a message, and as a Mermaid flowchart. Pure.

Both are plain: who puts them into Slack or HTML escapes them for that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from functions.playbooks.recursive_loop.graph import Confidence, Edge, Loop

_RESOURCES = {
    "sqs": "queue",
    "sns": "topic",
    "s3": "bucket",
    "dynamodb": "table",
    "kinesis": "stream",
    "events": "bus",
    "pipes": "pipe",
    "scheduler": "schedule",
    "states": "state machine",
    "logs": "log group",
}
_ENTITIES = {'"': "#quot;", "#": "#35;", "&": "#amp;", "<": "#lt;", ">": "#gt;", "`": "#96;"}
"""What Mermaid would read as its own, or a page as HTML; "Flowcharts – Basic Syntax", entity codes."""


def text(loop: Loop) -> str:
    """Return a loop with one line for each hop of its witness cycle, and what to break."""
    names = _names(loop)
    breaks = set(loop.breaks)
    lines = [_hop(edge, names) + (" ✂ break here" if edge in breaks else "") for edge in loop.cycle]
    beside = [edge for edge in loop.breaks if edge not in loop.cycle]
    if beside:
        lines.append("Other cycles of this loop need this broken too:")
        lines += [_hop(edge, names) + " ✂" for edge in beside]
    if loop.unbreakable:
        lines.append("This cycle stays, nothing on it can be broken from outside; its code must change:")
        lines += [_hop(edge, names) for edge in loop.unbreakable]
    return "\n".join([*lines, *_remarks(loop)])


def mermaid(loop: Loop) -> str:
    """Return the witness cycle, the edges to break and a cycle that cannot be broken, as a Mermaid flowchart."""
    names = _names(loop)
    ids = {node: f"n{number}" for number, node in enumerate(names)}
    breaks = set(loop.breaks)
    lines = ["flowchart LR"]
    lines += [f'    {ids[node]}["{_quoted(name)}"]' for node, name in names.items()]
    for edge in _drawn(loop):
        label = f"✂ {edge.kind}" if edge in breaks else edge.kind.value
        arrow = "-.->" if edge in breaks else "-->"
        lines.append(f'    {ids[edge.source]} {arrow}|"{_quoted(label)}"| {ids[edge.target]}')
    return "\n".join(lines)


def short_name(node: str) -> str:
    """Return what a person calls a node: a function by its name, anything else with what it is.

    A part after `#`, as a notification's keys, follows in brackets.
    """
    whole, _, part = node.partition("#")
    arn = whole.split(":", 5)
    if len(arn) < 6 or arn[0] != "arn":
        return _line(node)
    service, resource = arn[2], arn[5]
    kind = _RESOURCES.get(service, "" if service == "lambda" else service)
    return _line(f"{kind} {_resource_name(service, resource)}" + (f" ({part})" if part else ""))


def _resource_name(service: str, resource: str) -> str:
    """Return what comes after the resource's type; of a stream, its table."""
    if service in {"s3", "sqs", "sns"}:
        return resource
    if service == "dynamodb":
        return resource.removeprefix("table/").split("/")[0]
    separator = ":" if service in {"lambda", "logs", "states"} else "/"
    _, _, name = resource.partition(separator)
    return name.removesuffix(":*") or resource


def _drawn(loop: Loop) -> tuple[Edge, ...]:
    return tuple(dict.fromkeys((*loop.cycle, *loop.breaks, *loop.unbreakable)))


def _names(loop: Loop) -> Mapping[str, str]:
    """Return each node's name, in the order drawn: the short one, or all of it where two would look the same."""
    nodes = list(dict.fromkeys(node for edge in _drawn(loop) for node in (edge.source, edge.target)))
    short = [short_name(node) for node in nodes]
    return {node: name if short.count(name) == 1 else _line(node) for node, name in zip(nodes, short, strict=True)}


def _hop(edge: Edge, names: Mapping[str, str]) -> str:
    return f"{names[edge.source]} → {names[edge.target]} · {edge.kind} · {_line(edge.evidence)}"


def _remarks(loop: Loop) -> Iterable[str]:
    if loop.confidence is Confidence.C:
        functions = len(loop.functions)
        yield f"One of many possible cycles: wildcards join {loop.size} resources, {functions} of them functions."
    elif not loop.exact:
        yield "There may be less to break than this: the search for the least was ended early."


def _line(words: str) -> str:
    return " ".join(words.split())


def _quoted(label: str) -> str:
    return "".join(_ENTITIES.get(character, character) for character in label)
