"""The graph of a project: versions of datasets, labels and models, and the links between them."""

from __future__ import annotations

import html
import json

import attrs

from entrepot.workspace.entities.kinds import KINDS, parse_kind
from entrepot.workspace.entities.version_tags import VersionTag, find_tag
from entrepot.workspace.projects.projects import Project
from entrepot.workspace.projects.recovery import recover
from entrepot.workspace.projects.versions import read_specs

_COLUMN, _ROW, _WIDTH, _HEIGHT = 320, 60, 240, 36
_COLOURS = {"datasets": "#cfe3f7", "labels": "#fdeac2", "models": "#d6efd2"}


@attrs.frozen(order=True)
class GraphNode:
    """A version; ``kind`` is ``datasets``, ``labels`` or ``models``."""

    kind: str
    name: str
    number: int
    tag: str


@attrs.frozen(order=True)
class GraphEdge:
    """A link: the version ``source`` was made with the version ``target``."""

    source: GraphNode
    target: GraphNode


@attrs.frozen
class VersionGraph:
    """All versions that a project knows and their links, in ascending order."""

    nodes: tuple[GraphNode, ...]
    edges: tuple[GraphEdge, ...]


def read_graph(project: Project) -> VersionGraph:
    """Return the graph of a project; linked versions that are not known here are nodes, too."""
    nodes: set[GraphNode] = set()
    edges: set[GraphEdge] = set()
    for state in project.configured():
        recover(state)
        if not state.metadata.exists:
            continue
        found = [(find_tag(name), ref.commit) for name, ref in state.metadata.refs().versions().items()]
        pairs = [(tag, commit) for tag, commit in found if tag is not None]
        for tag, spec in read_specs(state, pairs).items():
            source = _node(state.kind.word, tag)
            nodes.add(source)
            for root, link in spec.links().items():
                linked = find_tag(link.tag)
                if linked is not None:
                    target = _node(parse_kind(root).word, linked)
                    nodes.add(target)
                    edges.add(GraphEdge(source, target))
    return VersionGraph(tuple(sorted(nodes)), tuple(sorted(edges)))


def graph_document(graph: VersionGraph) -> dict[str, object]:
    """Return a graph as a value for JSON; edges name the kinds and tags of both ends."""
    return {
        "nodes": [attrs.asdict(node) for node in graph.nodes],
        "edges": [{"from": _end(edge.source), "to": _end(edge.target)} for edge in graph.edges],
    }


def render_dot(graph: VersionGraph) -> str:
    """Return a graph in the language of Graphviz."""
    lines = ["digraph versions {", "  rankdir=LR;", "  node [shape=box, style=filled];"]
    for node in graph.nodes:
        label = f"{node.name} {node.number}\\n{node.kind}"
        lines.append(f'  {_quoted(_key(node))} [label="{label}", fillcolor="{_COLOURS[node.kind]}"];')
    lines += [f"  {_quoted(_key(edge.source))} -> {_quoted(_key(edge.target))};" for edge in graph.edges]
    return "\n".join([*lines, "}", ""])


def render_html(graph: VersionGraph, title: str) -> str:
    """Return a page that draws a graph in one column for each kind; it needs nothing from the network."""
    columns = [kind.word for kind in KINDS]
    places: dict[GraphNode, tuple[int, int]] = {}
    for column, word in enumerate(columns):
        for row, node in enumerate(node for node in graph.nodes if node.kind == word):
            places[node] = (20 + column * _COLUMN, 60 + row * _ROW)
    height = max((y for _, y in places.values()), default=0) + _ROW + 20
    shapes = [_arrow(places[edge.source], places[edge.target]) for edge in graph.edges]
    shapes += [f'<text x="{20 + at * _COLUMN}" y="36" class="head">{word}</text>' for at, word in enumerate(columns)]
    shapes += [_box(node, places[node]) for node in graph.nodes]
    body = "\n".join(shapes)
    return (
        f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>\n'
        "<style>text{font:14px sans-serif}.head{font-weight:bold}line{stroke:#888;stroke-width:1.5}</style>\n"
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{3 * _COLUMN}" height="{height}">\n{body}\n</svg>\n</html>\n'
    )


def _node(word: str, tag: VersionTag) -> GraphNode:
    return GraphNode(word, tag.identity.name, tag.number, str(tag))


def _end(node: GraphNode) -> dict[str, str]:
    return {"kind": node.kind, "tag": node.tag}


def _key(node: GraphNode) -> str:
    return f"{node.kind}/{node.tag}"


def _quoted(text: str) -> str:
    return json.dumps(text)


def _box(node: GraphNode, place: tuple[int, int]) -> str:
    x, y = place
    label = html.escape(f"{node.name} {node.number}")
    return (
        f'<g><title>{html.escape(node.tag)}</title><rect x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="6" '
        f'fill="{_COLOURS[node.kind]}" stroke="#555"/><text x="{x + 12}" y="{y + 23}">{label}</text></g>'
    )


def _arrow(source: tuple[int, int], target: tuple[int, int]) -> str:
    middle = _HEIGHT // 2
    return f'<line x1="{source[0]}" y1="{source[1] + middle}" x2="{target[0] + _WIDTH}" y2="{target[1] + middle}"/>'
