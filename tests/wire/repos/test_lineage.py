from __future__ import annotations

import msgspec

from entrepot.wire.repos.lineage import LineageLink, LineageRepo, LineageResponse, render_dot, render_prov

ONE, TWO = "1" * 40, "2" * 40
LINK = LineageLink(
    source='datasets/a/"d',
    result="models/a/m",
    kind="trained_on",
    commit=ONE,
    source_commit=TWO,
    origin="commit",
    run="Train/1",
    created_at="2030-01-01T00:00:00.000Z",
)
GRAPH = LineageResponse(
    nodes=[LineageRepo(type="model", id="a/m"), LineageRepo(type="dataset", id='a/"d', exists=False)],
    edges=[LINK, msgspec.structs.replace(LINK, kind="evaluated_on", source_commit="", run="")],
    is_complete=True,
)


def test_a_drawing_names_nodes_and_edges_and_quotes_them() -> None:
    assert render_dot(GRAPH).splitlines() == [
        "digraph lineage {",
        "  rankdir=LR;",
        "  node [shape=box];",
        '  "models/a/m";',
        '  "datasets/a/\\"d" [style=dashed];',
        '  "datasets/a/\\"d" -> "models/a/m" [label="trained_on 22222222"];',
        '  "datasets/a/\\"d" -> "models/a/m" [label="evaluated_on"];',
        "}",
    ]


def test_prov_has_entities_activities_and_derivations() -> None:
    found = render_prov(GRAPH)
    assert found["activity"] == {"hub:run/Train/1": {}}
    assert found["entity"] == {
        f"hub:models/a/m@{ONE}": {},
        f'hub:datasets/a/"d@{TWO}': {},
        'hub:datasets/a/"d': {},
        "hub:models/a/m": {},
    }
    assert found["specializationOf"] == {
        "_:s0": {"prov:specificEntity": f"hub:models/a/m@{ONE}", "prov:generalEntity": "hub:models/a/m"},
        "_:s1": {"prov:specificEntity": f'hub:datasets/a/"d@{TWO}', "prov:generalEntity": 'hub:datasets/a/"d'},
    }
    assert found["wasDerivedFrom"] == {
        "_:d0": {
            "prov:generatedEntity": f"hub:models/a/m@{ONE}",
            "prov:usedEntity": f'hub:datasets/a/"d@{TWO}',
            "prov:type": "hub:trained_on",
            "prov:activity": "hub:run/Train/1",
        },
        "_:d1": {
            "prov:generatedEntity": f"hub:models/a/m@{ONE}",
            "prov:usedEntity": 'hub:datasets/a/"d',
            "prov:type": "hub:evaluated_on",
        },
    }
    assert "activity" not in render_prov(msgspec.structs.replace(GRAPH, edges=GRAPH.edges[1:]))


def test_edges_are_written_without_what_is_empty() -> None:
    assert msgspec.to_builtins(GRAPH.edges[1]) == {
        "source": 'datasets/a/"d',
        "result": "models/a/m",
        "kind": "evaluated_on",
        "commit": ONE,
        "origin": "commit",
        "createdAt": "2030-01-01T00:00:00.000Z",
    }


def test_an_inferred_edge_is_marked_in_every_form() -> None:
    link = LineageLink(
        source="models/a/base",
        result="models/b/copy",
        kind="shares_content",
        commit="",
        origin="inferred",
        created_at="2030-01-01T00:00:00.000Z",
        inferred=True,
        shared_bytes=800,
        share=0.8,
    )
    graph = LineageResponse(nodes=[], edges=[link], is_complete=True)
    assert '  "models/a/base" -> "models/b/copy" [label="shares_content", style=dashed];' in render_dot(graph)
    found = render_prov(graph)
    assert found["wasDerivedFrom"] == {}
    assert found["wasInfluencedBy"] == {
        "_:i0": {
            "prov:influencee": "hub:models/b/copy",
            "prov:influencer": "hub:models/a/base",
            "prov:type": "hub:shares_content",
            "hub:inferred": True,
            "hub:sharedBytes": 800,
        }
    }
    assert found["entity"] == {"hub:models/b/copy": {}, "hub:models/a/base": {}}
    written = msgspec.to_builtins(link)
    assert (written["inferred"], written["sharedBytes"], written["share"]) == (True, 800, 0.8)
