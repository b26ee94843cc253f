from __future__ import annotations

from collections.abc import Callable

import pytest

from entrepot.client.calls import lineage
from entrepot.client.hubs import Hub
from entrepot.errors import Invalid, RevisionNotFound
from entrepot.names import RepoRef
from entrepot.wire.repos.lineage import NewLineageInput


def test_edges_are_added_shown_and_exported(hub: Hub, fresh_repo: Callable[..., RepoRef]) -> None:
    ref = fresh_repo()
    inputs = [NewLineageInput(source="datasets/org/d", commit="1" * 40), NewLineageInput(source="org/base")]
    assert hub.send(lineage.add(ref, inputs, run="nightly/1")).added == 2
    found = hub.send(lineage.show(ref, direction="up", depth=1))
    assert {(edge.source, edge.kind, edge.source_commit) for edge in found.edges} == {
        ("datasets/org/d", "trained_on", "1" * 40),
        ("models/org/base", "derived_from", ""),
    }
    assert found.nodes[0].id == str(ref.id)
    assert hub.send(lineage.show(ref, direction="down")).edges == []
    assert hub.send(lineage.export(ref, "dot")).startswith("digraph lineage {")
    assert "wasDerivedFrom" in hub.send(lineage.export(ref, "prov"))


@pytest.mark.parametrize(
    "item",
    [
        NewLineageInput(source="datasets/.."),
        NewLineageInput(source="a/b/c"),
        NewLineageInput(source="org/d", commit="12"),
        NewLineageInput(source="org/d", kind="made"),
    ],
)
def test_bad_sources_are_refused(hub: Hub, fresh_repo: Callable[..., RepoRef], item: NewLineageInput) -> None:
    with pytest.raises(Invalid):
        hub.send(lineage.add(fresh_repo(), [item]))


def test_unknown_words_are_refused(hub: Hub, fresh_repo: Callable[..., RepoRef]) -> None:
    ref = fresh_repo()
    for call in (lineage.show(ref, direction="sideways"), lineage.export(ref, "svg")):
        with pytest.raises(Invalid):
            hub.send(call)
    with pytest.raises(RevisionNotFound):
        hub.send(lineage.show(ref, revision="nothing"))
