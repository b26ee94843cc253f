"""Rows of folders: found by namespace, moved with redirects, swept with their namespaces."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import pytest
import sqlalchemy as sa

from entrepot.catalog import Catalog, tables
from entrepot.catalog.accounts import accounts
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.repos import folders, grants, repositories
from entrepot.catalog.repos.folders import FolderFilter, FolderRow
from entrepot.catalog.repos.repositories import CardFacts, RepoRow
from entrepot.names import RepoId, RepoRef, RepoType

AddRepo = Callable[..., RepoRow]
AddFolder = Callable[..., FolderRow]
MODEL, DATASET = RepoType.MODEL, RepoType.DATASET


@pytest.fixture
def add_folder(catalog: Catalog, alice: Account) -> AddFolder:
    def add(name: str, kind: RepoType = MODEL) -> FolderRow:
        with catalog.write() as tx:
            there = accounts.find(tx, f"alice.{name}")
            if there is None:
                fresh = accounts.fresh(f"alice.{name}", folders.KIND, 1)
                there = accounts.add(tx, attrs.evolve(fresh, parent_id=alice.id))
            folders.add(tx, kind, there.id, alice.id, 5)
            made = folders.at(tx, kind, there.id)
        assert made is not None
        return made

    return add


def in_folder(add_repo: AddRepo, folder: FolderRow, name: str, **changes: object) -> RepoRow:
    place = {"namespace_id": folder.namespace_id, "namespace": folder.namespace, "parent_id": folder.owner_id}
    return add_repo(name, type=folder.type, **place | changes)


def move(catalog: Catalog, folder: FolderRow, target: FolderRow | Account) -> None:
    name, row_id = (target.name, target.id) if isinstance(target, Account) else (target.namespace, target.namespace_id)
    with catalog.write() as tx:
        folders.move(tx, folder, row_id, name)


def test_a_folder_is_found_by_type_and_namespace_in_any_case(
    catalog: Catalog, alice: Account, add_folder: AddFolder
) -> None:
    made = add_folder("llm")
    assert (made.owner, made.name, made.owner_id, made.editor) == ("alice", "llm", alice.id, "alice")
    with catalog.read() as tx:
        assert folders.find(tx, MODEL, "ALICE.Llm") == made
        assert folders.find(tx, DATASET, "alice.llm") is None
        assert folders.by_uids(tx, [made.uid, "0" * 24]) == [made]
        assert folders.by_uids(tx, []) == []


def test_both_types_share_a_namespace(catalog: Catalog, alice: Account, add_folder: AddFolder) -> None:
    both = [add_folder("llm", kind) for kind in (MODEL, DATASET)]
    assert len({it.namespace_id for it in both}) == 1
    with catalog.read() as tx:
        assert [it.type for it in folders.of_owner(tx, alice.id)] == [DATASET, MODEL]
        assert folders.count_of(tx, alice.id) == 2


def test_a_moved_folder_takes_the_repositories_of_its_type_along(
    catalog: Catalog, add_folder: AddFolder, add_repo: AddRepo
) -> None:
    model, dataset = add_folder("a"), add_folder("a", DATASET)
    row, other = in_folder(add_repo, model, "x"), in_folder(add_repo, dataset, "x")
    place = add_folder("b", DATASET)
    move(catalog, model, place)
    with catalog.read() as tx:
        assert [it.id for it in repositories.page_of(tx, place.namespace_id, MODEL, None)] == [row.id]
        assert [it.id for it in repositories.page_of(tx, dataset.namespace_id, DATASET, None)] == [other.id]
        moved = folders.find_moved_repo(tx, RepoRef(MODEL, RepoId("alice.a", "X")))
        assert moved is not None
        assert str(moved.ref.id) == "alice.b/x"
        assert folders.find_moved_repo(tx, RepoRef(DATASET, RepoId("alice.a", "x"))) is None
        assert folders.find_moved_repo(tx, RepoRef(MODEL, RepoId("alice", "x"))) is None


def test_tags_of_private_repositories_are_marked_with_the_namespace_they_moved_to(
    catalog: Catalog, add_folder: AddFolder, add_repo: AddRepo
) -> None:
    first, second = add_folder("a"), add_folder("b", DATASET)
    row = in_folder(add_repo, first, "x", visibility="private")
    with catalog.write() as tx:
        repositories.set_facts(tx, row.id, CardFacts(None, None, None, None, None, ("mit",)))
    move(catalog, first, second)
    with catalog.read() as tx:
        on = tables.repo_tags
        marks = tx.sql.execute(sa.select(tables.repos.c.mark, on.c.mark).join(on, on.c.repo_id == tables.repos.c.id))
        assert [tuple(each) for each in marks] == [(second.namespace_id,) * 2]


def test_a_name_that_is_taken_again_leads_nowhere_else(
    catalog: Catalog, add_folder: AddFolder, add_repo: AddRepo
) -> None:
    first, second = add_folder("a"), add_folder("b", DATASET)
    row = in_folder(add_repo, first, "x")
    loose = add_repo("y")
    with catalog.write() as tx:  # once it was alice.b/x
        repositories.rename(tx, loose, RepoRef(MODEL, RepoId("alice.b", "x")), second.namespace_id)
        there = repositories.by_id(tx, loose.id)
        assert there is not None
        repositories.rename(tx, there, RepoRef(MODEL, RepoId("alice", "y")), loose.namespace_id)
    move(catalog, first, second)
    with catalog.read() as tx:
        found = repositories.find(tx, RepoRef(MODEL, RepoId("alice.b", "x")))
        assert found is not None
        assert found.id == row.id
        assert repositories.find_redirect(tx, RepoRef(MODEL, RepoId("alice.b", "x"))) is None


def test_an_unused_namespace_is_swept_after_its_last_repository(
    catalog: Catalog, add_folder: AddFolder, add_repo: AddRepo
) -> None:
    folder = add_folder("a")
    row = in_folder(add_repo, folder, "x")
    with catalog.write() as tx:
        assert folders.sweep(tx) == 0
        repositories.unlink(tx, row, 5)
        folders.remove(tx, folder)
        assert accounts.find(tx, "alice.a") is None
        assert folders.sweep(tx) == 0
        repositories.erase(tx, row.id)
        assert folders.sweep(tx) == 1


def test_only_what_follows_gets_the_visibility_of_a_folder(
    catalog: Catalog, add_folder: AddFolder, add_repo: AddRepo
) -> None:
    folder = add_folder("a")
    rows = [in_folder(add_repo, folder, name, follows=follows) for name, follows in (("x", True), ("y", False))]
    with catalog.write() as tx:
        folders.set_visibility(tx, folder, "private")
        found = repositories.by_ids(tx, [row.id for row in rows])
    assert [found[row.id].is_private for row in rows] == [True, False]


def test_lists_are_filtered_and_come_in_pages(catalog: Catalog, alice: Account, add_folder: AddFolder) -> None:
    for name in ("b", "A", "c"):
        add_folder(name)
    with catalog.read() as tx:
        first = folders.search(tx, FolderFilter(MODEL, owner_id=alice.id), limit=2)
        rest = folders.search(tx, FolderFilter(MODEL, owner_id=alice.id), after=first[-1].namespace, limit=2)
        assert [it.name for it in (*first, *rest)] == ["A", "b", "c"]
        assert folders.search(tx, FolderFilter(MODEL, not_of=alice.id), limit=9) == []
        assert folders.search(tx, FolderFilter(MODEL, granted_to=frozenset(), with_public=True), limit=9) == []


def test_repositories_that_disagree_with_their_folder_are_found(
    catalog: Catalog, add_folder: AddFolder, add_repo: AddRepo
) -> None:
    folder = add_folder("a")
    good = in_folder(add_repo, folder, "x", follows=True, visibility="private")
    bad = in_folder(add_repo, folder, "y", follows=True, visibility="public")
    in_folder(add_repo, folder, "z", visibility="public")
    with catalog.write() as tx:
        assert [(row.id, has_folder) for row, has_folder in folders.astray(tx)] == [(bad.id, True)]
        grants.put(tx, folder.id, folders.EVERYONE, grants.VIEW, folder.owner_id, 7)
        assert [row.id for row, _ in folders.astray(tx)] == [good.id]
        folders.remove(tx, folder)
        assert {has_folder for _, has_folder in folders.astray(tx)} == {False}
