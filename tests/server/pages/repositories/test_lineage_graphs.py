from __future__ import annotations

from typing import Any

from entrepot.catalog.repos.lineage import EdgeRow
from entrepot.hub.repos.lineage import LineageEdge, LineageGraph, LineageNode
from entrepot.names import Oid, RepoId, RepoRef, RepoType
from entrepot.server.pages.repositories.lineage_graphs import MAX_NODES, draw_graph, visible_edges
from tests.support.work import count_lines


class Row:
    """What is used of the row of a repository."""

    def __init__(self, name: str) -> None:
        self.ref = RepoRef(RepoType.MODEL, RepoId("a", name))


def node(name: str, *, is_here: bool = True) -> LineageNode:
    row: Any = Row(name) if is_here else None
    return LineageNode(RepoType.MODEL, f"a/{name}", row)


def edge(source: LineageNode, result: LineageNode, origin: str = "card") -> LineageEdge:
    row = EdgeRow(1, Oid("1" * 40), "derived_from", RepoType.MODEL, source.name, "2" * 40, "", origin, 0)
    return LineageEdge(source, result, row)


def test_repositories_lie_in_lanes_from_sources_to_results() -> None:
    edges = [edge(node("base"), node("here")), edge(node("older"), node("base")), edge(node("here"), node("next"))]
    drawn = draw_graph(node("here"), edges)
    assert drawn is not None
    places = {box.name: box.x for box in drawn.nodes}
    assert places["older"] < places["base"] < places["here"] < places["next"]
    assert [box.name for box in drawn.nodes if box.is_here] == ["here"]
    assert [title for _, title in drawn.lanes] == [
        "Made from, 2 steps",
        "Made from",
        "This repository",
        "Made from it",
    ]
    assert {box.commit for box in drawn.nodes if box.name == "base"} == {"2222222"}
    assert len(drawn.edges) == 3


def test_what_several_things_were_made_from_lies_before_all_of_them() -> None:
    edges = [edge(node("base"), node("here")), edge(node("data"), node("here")), edge(node("data"), node("base"))]
    edges += [edge(node("here"), node("one")), edge(node("here"), node("two")), edge(node("one"), node("two"))]
    drawn = draw_graph(node("here"), edges)
    assert drawn is not None
    places = {box.name: box.x for box in drawn.nodes}
    assert places["data"] < places["base"] < places["here"] < places["one"] < places["two"]
    starts = [float(arrow.curve[1:].split()[0]) for arrow in drawn.edges]
    assert all(start < arrow.x for start, arrow in zip(starts, drawn.edges, strict=True))


def test_repositories_the_caller_may_not_see_are_not_drawn() -> None:
    graph = LineageGraph((node("here"),), (edge(node("hidden", is_here=False), node("here")),), is_complete=True)
    assert visible_edges(graph) == []
    assert draw_graph(node("here"), []) is None


def test_circles_and_large_graphs_are_bounded() -> None:
    assert draw_graph(node("a"), [edge(node("a"), node("b")), edge(node("b"), node("a"))]) is not None
    assert draw_graph(node("a"), [edge(node(f"s{at}"), node("a")) for at in range(MAX_NODES)]) is None


def test_what_is_too_large_to_be_drawn_is_not_walked_to_its_end() -> None:
    chain = [edge(node(f"s{at + 1}"), node(f"s{at}")) for at in range(1_000)]
    drawn = list[object]()
    count_lines(lambda: drawn.append(draw_graph(node("s0"), chain)), most=50 * len(chain))
    assert drawn == [None]


def test_inferred_arrows_are_marked() -> None:
    drawn = draw_graph(node("a"), [edge(node("a"), node("b"), "inferred"), edge(node("a"), node("c"))])
    assert drawn is not None
    assert [arrow.is_inferred for arrow in drawn.edges] == [True, False]
