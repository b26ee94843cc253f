"""The drawing of a lineage graph: repositories in lanes, from what something was made of to what was made of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import attrs

from entrepot.hub.repos.lineage import LineageEdge, LineageGraph, LineageNode
from entrepot.names import RepoType

MAX_NODES = 40
"""Repositories that are drawn; a larger graph is only listed."""

_WIDTH, _HEIGHT, _GAP, _LANE = 212, 62, 18, 96
_TOP, _SAG = 24, 53
_RULES = {"model": "m", "dataset": "d", "space": "s"}
_MAX_NAME = 26
_MIN_WIDTH = 1_200  # a narrower drawing would be enlarged to the width of the page


@attrs.frozen
class DrawnNode:
    """A box: its position and its texts. ``rule``: the class of its coloured edge."""

    x: int
    y: int
    path: str
    namespace: str
    name: str
    kind: str
    rule: str
    commit: str
    is_here: bool


@attrs.frozen
class DrawnEdge:
    """An arrow: its curve, its tip, and its label with its place."""

    curve: str
    tip: str
    label: str
    x: int
    y: int
    is_inferred: bool


@attrs.frozen
class DrawnGraph:
    """A drawing and its size; the titles of its lanes with their places."""

    width: int
    height: int
    nodes: Sequence[DrawnNode]
    edges: Sequence[DrawnEdge]
    lanes: Sequence[tuple[int, str]]


def visible_edges(graph: LineageGraph) -> list[LineageEdge]:
    """Return the edges between repositories that the caller may see."""
    return [edge for edge in graph.edges if edge.source.row is not None and edge.result.row is not None]


def draw_graph(root: LineageNode, edges: Sequence[LineageEdge]) -> DrawnGraph | None:
    """Return the drawing of edges around a repository; None if there are none, or too many repositories."""
    found = _steps(root, edges)
    if not edges or len(found) > MAX_NODES:
        return None
    levels = _spread(root, found, edges)
    lowest = min(level for level, _ in levels.values())
    rows: dict[int, int] = {}
    places: dict[tuple[RepoType, str], tuple[int, int]] = {}
    commits = {edge.source.key: edge.row.source_oid[:7] for edge in edges if edge.row.source_oid}
    nodes = []
    for key, (level, node) in sorted(levels.items(), key=lambda item: (item[1][0], item[1][1].name.lower())):
        row = rows.get(level, 0)
        rows[level] = row + 1
        x, y = (level - lowest) * (_WIDTH + _LANE), _TOP + row * (_HEIGHT + _GAP)
        places[key] = x, y
        nodes.append(_box(node, x, y, commits.get(key, ""), is_here=key == root.key))
    width = (max(rows) - lowest) * (_WIDTH + _LANE) + _WIDTH
    lanes = [((level - lowest) * (_WIDTH + _LANE), _title(level)) for level in sorted(rows)]
    height = _TOP + max(rows.values()) * (_HEIGHT + _GAP)
    arrows = [_arrow(edge, places[edge.source.key], places[edge.result.key]) for edge in edges]
    return DrawnGraph(max(width + 2, _MIN_WIDTH), height, nodes, arrows, lanes)


def _steps(root: LineageNode, edges: Sequence[LineageEdge]) -> dict[tuple[RepoType, str], tuple[int, LineageNode]]:
    """Return how many steps each repository lies before (negative) or after the root; incomplete if too many."""
    nearby: dict[tuple[RepoType, str], list[tuple[LineageNode, int]]] = {}
    for edge in edges:
        nearby.setdefault(edge.result.key, []).append((edge.source, -1))
        nearby.setdefault(edge.source.key, []).append((edge.result, 1))
    found: dict[tuple[RepoType, str], tuple[int, LineageNode]] = {root.key: (0, root)}
    waiting = deque([root])
    while waiting and len(found) <= MAX_NODES:
        node = waiting.popleft()
        level = found[node.key][0]
        for other, step in nearby.get(node.key, ()):
            if other.key not in found:
                found[other.key] = level + step, other
                waiting.append(other)
    return found


def _spread(
    root: LineageNode, found: dict[tuple[RepoType, str], tuple[int, LineageNode]], edges: Sequence[LineageEdge]
) -> dict[tuple[RepoType, str], tuple[int, LineageNode]]:
    """Return levels in which every arrow leads to a later one, or the given ones if there are circles."""
    levels = dict(found)
    for _ in range(len(levels) + 1):
        is_changed = False
        for edge in edges:
            (source, before), (result, after) = levels[edge.source.key], levels[edge.result.key]
            if source < result:
                continue
            is_changed = True
            if source <= 0 and edge.source.key != root.key:
                levels[edge.source.key] = result - 1, before
            else:
                levels[edge.result.key] = source + 1, after
        if not is_changed:
            return levels
    return found


def _box(node: LineageNode, x: int, y: int, commit: str, *, is_here: bool) -> DrawnNode:
    namespace, _, name = node.name.partition("/")
    path = node.row.ref.path if node.row is not None else ""
    kind = node.type.value
    return DrawnNode(x + 1, y + 1, path, _cut(namespace), _cut(name), kind, _RULES[kind], commit, is_here)


def _arrow(edge: LineageEdge, start: tuple[int, int], end: tuple[int, int]) -> DrawnEdge:
    x1, y1 = start[0] + _WIDTH + 1, start[1] + _HEIGHT // 2
    x2, y2 = end[0] - 5, end[1] + _HEIGHT // 2
    bend = max(abs(x2 - x1) // 2, 40)
    sag = _SAG if x2 - x1 > _LANE else 0  # below the box of a lane between
    curve = f"M{x1} {y1}C{x1 + bend} {y1 + sag} {x2 - bend} {y2 + sag} {x2} {y2}"
    tip = f"M{x2 + 6} {y2}l-8 -4v8z"
    label = edge.row.kind.replace("_", " ")
    return DrawnEdge(curve, tip, label, (x1 + x2) // 2, (y1 + y2) // 2 + sag * 3 // 4 - 4, edge.is_inferred)


def _title(level: int) -> str:
    if level == 0:
        return "This repository"
    steps = "" if abs(level) == 1 else f", {abs(level)} steps"
    return f"Made from{steps}" if level < 0 else f"Made from it{steps}"


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_NAME else f"{text[: _MAX_NAME - 1]}…"
