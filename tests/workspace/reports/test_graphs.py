from entrepot.workspace.reports.graphs import (
    GraphEdge,
    GraphNode,
    VersionGraph,
    graph_document,
    read_graph,
    render_dot,
    render_html,
)
from tests.support.machines import Machine, Team

DATASET = GraphNode("datasets", "x", 1, "a__x__1")
MODEL = GraphNode("models", "m", 2, "a__m__2")
GRAPH = VersionGraph((DATASET, MODEL), (GraphEdge(MODEL, DATASET),))


def test_three_renderings() -> None:
    dot = render_dot(GRAPH)
    assert dot.startswith("digraph versions {\n")
    assert '  "models/a__m__2" -> "datasets/a__x__1";\n' in dot
    page = render_html(GRAPH, "<project>")
    assert "&lt;project&gt;" in page
    assert page.count("<rect") == 2
    assert page.count("<line") == 1
    assert "http://www.w3.org/2000/svg" in page
    assert page.count("http") == 1
    document = graph_document(GRAPH)
    assert document["edges"] == [
        {"from": {"kind": "models", "tag": "a__m__2"}, "to": {"kind": "datasets", "tag": "a__x__1"}}
    ]


def test_the_graph_of_a_project(team: Team, machine: Machine) -> None:
    machine.ok("repository", "remote", "labels", "add", str(team.remote("labels")))
    machine.ok("labels", "init")
    team.create(machine, "labels", "l", "mutable")
    machine.write("labels/l/data/f", "f")
    machine.ok("labels", "add", "l")
    machine.ok("labels", "commit", "l", "--dataset=x")
    graph = read_graph(machine.project())
    assert [node.tag for node in graph.nodes] == ["vision__images__x__1", "vision__images__l__1"]
    assert [(edge.source.name, edge.target.name) for edge in graph.edges] == [("l", "x")]
    assert machine.ok("repository", "graph", "--dot").startswith("digraph versions {\n")
    path = machine.folder / "out" / "ml-git-graph.html"
    assert machine.ok("repository", "graph", "--export-path", str(machine.folder / "out")) == f"{path}\n"
    assert "<svg" in path.read_text()
    assert len(machine.run("repository", "graph", "--json").json["nodes"]) == 2
