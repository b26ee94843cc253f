from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from entrepot.catalog import Catalog, Lock
from entrepot.catalog.repos import lineage
from entrepot.catalog.repos.lineage import API, CARD, EdgeRow
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.catalog.visibility import PUBLIC_ONLY
from entrepot.names import Oid, RepoType

ONE, TWO = Oid("1" * 40), Oid("2" * 40)


def edge(repo: RepoRow, name: str, **changes: Any) -> EdgeRow:
    row = EdgeRow(repo.id, ONE, "trained_on", RepoType.DATASET, name, "", "", API, 1)
    return attrs.evolve(row, **changes)


def test_edges_are_found_by_result_source_and_run(catalog: Catalog, add_repo: Callable[..., RepoRow]) -> None:
    repo = add_repo("m")
    with catalog.write(Lock.repo(repo.id)) as tx:
        lineage.put(tx, [edge(repo, "Org/D", run="r", created_ms=2), edge(repo, "org/e"), edge(repo, "org/e")])
    with catalog.read() as tx:
        assert [row.source_name for row in lineage.sources_of(tx, [repo.id], limit=9)] == ["Org/D", "org/e"]
        assert [row.source_name for row in lineage.sources_of(tx, [repo.id], limit=1)] == ["Org/D"]
        [row] = lineage.uses_of(tx, [(RepoType.DATASET, "org/d")], None, limit=9)
        assert row == edge(repo, "Org/D", run="r", created_ms=2)
        assert lineage.uses_of(tx, [(RepoType.MODEL, "org/d")], None, limit=9) == []
        assert lineage.edges_of_run(tx, "r", PUBLIC_ONLY, limit=9) == [row]


def test_results_that_are_not_visible_are_left_out(catalog: Catalog, add_repo: Callable[..., RepoRow]) -> None:
    hidden = add_repo("hidden", visibility="private")
    with catalog.write(Lock.repo(hidden.id)) as tx:
        lineage.put(tx, [edge(hidden, "org/d", run="r")])
    with catalog.read() as tx:
        assert lineage.uses_of(tx, [(RepoType.DATASET, "org/d")], PUBLIC_ONLY, limit=9) == []
        assert lineage.edges_of_run(tx, "r", PUBLIC_ONLY, limit=9) == []
        assert len(lineage.edges_of_run(tx, "r", None, limit=9)) == 1


def test_only_the_edges_of_a_card_are_replaced(catalog: Catalog, add_repo: Callable[..., RepoRow]) -> None:
    repo = add_repo("m")
    card = [edge(repo, name, origin=CARD) for name in ("org/a", "org/b")]
    with catalog.write(Lock.repo(repo.id)) as tx:
        lineage.put(tx, [edge(repo, "org/api")])
        lineage.replace_card(tx, repo.id, card)
        lineage.replace_card(tx, repo.id, [edge(repo, name, origin=CARD, oid=TWO) for name in ("org/b", "org/c")])
    with catalog.read() as tx:
        found = {row.source_name: row.oid for row in lineage.sources_of(tx, [repo.id], limit=9)}
    assert found == {"org/api": ONE, "org/b": ONE, "org/c": TWO}


def test_former_names_lead_to_a_renamed_repository(catalog: Catalog, add_repo: Callable[..., RepoRow]) -> None:
    repo = add_repo("m")
    with catalog.read() as tx:
        assert lineage.former_names(tx, repo.id) == []


def test_proposed_edges_are_found_when_they_are_adopted(catalog: Catalog, add_repo: Callable[..., RepoRow]) -> None:
    repo = add_repo("m")
    with catalog.write(Lock.repo(repo.id)) as tx:
        lineage.put(tx, [edge(repo, "org/a", origin=lineage.PROPOSED), edge(repo, "org/b", origin=lineage.PROPOSED)])
        assert lineage.sources_of(tx, [repo.id], limit=9) == []
        [oid] = lineage.proposed(tx, repo.id)
        lineage.put(tx, [edge(repo, "org/a", origin=lineage.API)])
        assert [row.source_name for row in lineage.sources_of(tx, [repo.id], limit=9)] == ["org/a"]
        lineage.adopt(tx, repo.id, [oid])
        assert {row.source_name: row.origin for row in lineage.sources_of(tx, [repo.id], limit=9)} == {
            "org/a": lineage.API,
            "org/b": lineage.COMMIT,
        }
        assert lineage.proposed(tx, repo.id) == []
