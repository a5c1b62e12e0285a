"""Draws the map of services: callers on the left, what they call on the right."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from discovery.analysis.services import STORES, WORDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from discovery.posture import Posture, ServicePosture

WIDTH, HEIGHT = 196, 64
"""Of a box, in pixels."""
GAP_X, GAP_Y, MARGIN = 46, 16, 12
COLUMNS = 4
NAME_CHARACTERS = 20
_ENTRANCES = frozenset({"load balancer", "queue", "stream"})


@dataclass(frozen=True)
class Box:
    id: str
    anchor: str | None
    """The id of the service's section on the page."""
    name: str
    kind: str
    note: str
    tone: str
    x: int
    y: int

    @property
    def title(self) -> str:
        return f"{self.kind} {self.id}: {self.note}" if self.note else f"{self.kind} {self.id}"


@dataclass(frozen=True)
class Line:
    path: str
    certain: bool
    title: str


@dataclass(frozen=True)
class Map:
    width: int
    height: int
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    alone: int
    """The number of services without any relation, which are drawn below the others."""


@dataclass(frozen=True)
class _Node:
    id: str
    anchor: str | None
    name: str
    kind: str
    note: str
    tone: str
    column: int


def draw_map(posture: Posture, anchors: Mapping[str, str]) -> Map:
    """The boxes and lines. Connected parts of the account are drawn together, the largest first."""
    nodes = {node.id: node for node in _list_nodes(posture, anchors)}
    related = {end for relation in posture.relations for end in (relation.caller, relation.callee)} & nodes.keys()
    boxes: dict[str, Box] = {}
    top = MARGIN
    for part in _list_parts(posture, related):
        top = _place_part([nodes[name] for name in sorted(part)], top, boxes)
    alone = [node for node in nodes.values() if node.id not in related]
    bottom = _place_grid(alone, top, boxes)
    lines = tuple(
        Line(_draw_line(boxes[r.caller], boxes[r.callee]), r.certain, f"{r.evidence} {r.detail}".strip())
        for r in posture.relations
        if r.caller in boxes and r.callee in boxes
    )
    width = 2 * MARGIN + COLUMNS * WIDTH + (COLUMNS - 1) * GAP_X
    return Map(width, max(bottom, MARGIN + HEIGHT), tuple(boxes.values()), lines, len(alone))


def _list_nodes(posture: Posture, anchors: Mapping[str, str]) -> Iterable[_Node]:
    for entry in posture.entries:
        column = 0 if entry.kind in _ENTRANCES else COLUMNS - 1
        yield _Node(entry.id, None, _cut(entry.name), entry.kind, "", "plain", column)
    for service_posture in posture.services:
        service = service_posture.service
        column = COLUMNS - 1 if service.kind in STORES else 1 if service.target_groups else 2
        note, tone = describe_state(service_posture)
        yield _Node(service.id, anchors[service.id], _cut(service.name), WORDS[service.kind], note, tone, column)


def describe_state(posture: ServicePosture) -> tuple[str, str]:
    """The number of risks in words, and the tone in which it is shown."""
    missing = [aspect for aspect in posture.aspects if aspect.state == "missing"]
    unknown = sum(aspect.state == "unknown" for aspect in posture.aspects)
    grave = sum(aspect.weight == "high" for aspect in missing)
    if grave:
        return f"{grave} grave risk{'s' if grave > 1 else ''}", "bad"
    if missing:
        return f"{len(missing)} risk{'s' if len(missing) > 1 else ''}", "open"
    return (f"{unknown} not known", "open") if unknown else ("no static risk", "good")


def _list_parts(posture: Posture, related: set[str]) -> list[set[str]]:
    """The connected parts of the graph, the largest first."""
    near: dict[str, set[str]] = defaultdict(set)
    for relation in posture.relations:
        if {relation.caller, relation.callee} <= related:
            near[relation.caller].add(relation.callee)
            near[relation.callee].add(relation.caller)
    parts: list[set[str]] = []
    left = set(related)
    while left:
        part, pending = set[str](), [min(left)]
        while pending:
            name = pending.pop()
            if name not in part:
                part.add(name)
                pending += near[name] - part
        left -= part
        parts.append(part)
    return sorted(parts, key=lambda part: (-len(part), min(part)))


def _place_part(nodes: Sequence[_Node], top: int, boxes: dict[str, Box]) -> int:
    """Places the nodes of one part below `top`; returns where the next part begins."""
    rows = [0] * COLUMNS
    bottom = top
    for node in nodes:
        # The third column is half a row lower, so that lines from the second to the last pass between its boxes.
        shift = (HEIGHT + GAP_Y) // 2 if node.column == COLUMNS - 2 else 0
        y = top + rows[node.column] * (HEIGHT + GAP_Y) + shift
        boxes[node.id] = _make_box(node, node.column, y)
        rows[node.column] += 1
        bottom = max(bottom, y + HEIGHT + GAP_Y)
    return bottom + GAP_Y


def _place_grid(nodes: Sequence[_Node], top: int, boxes: dict[str, Box]) -> int:
    for number, node in enumerate(nodes):
        boxes[node.id] = _make_box(node, number % COLUMNS, top + number // COLUMNS * (HEIGHT + GAP_Y))
    return top + -(-len(nodes) // COLUMNS) * (HEIGHT + GAP_Y)


def _make_box(node: _Node, column: int, y: int) -> Box:
    return Box(node.id, node.anchor, node.name, node.kind, node.note, node.tone, MARGIN + column * (WIDTH + GAP_X), y)


def _draw_line(start: Box, end: Box) -> str:
    """A curve from the right side of one box to the left side of the other; in one column, around its right side."""
    y1, y2 = start.y + HEIGHT // 2, end.y + HEIGHT // 2
    x1 = start.x + WIDTH
    if end.x > start.x:
        middle = (x1 + end.x) // 2
        return f"M{x1} {y1}C{middle} {y1} {middle} {y2} {end.x} {y2}"
    x2 = end.x + WIDTH
    out = max(x1, x2) + GAP_X // 2
    return f"M{x1} {y1}C{out} {y1} {out} {y2} {x2} {y2}"


def _cut(name: str) -> str:
    """The name shortened to what fits into a box. The end is kept, because it tells more than the beginning."""
    return name if len(name) <= NAME_CHARACTERS else f"…{name[-(NAME_CHARACTERS - 1) :]}"
