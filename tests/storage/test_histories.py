from __future__ import annotations

import pytest

from entrepot.catalog.repos import commits
from entrepot.errors import ObjectMissing
from entrepot.names import Oid, RepoPath
from entrepot.storage import histories
from tests.support.stored_repo import StoredRepo


def changed(stored_repo: StoredRepo, oid: Oid) -> list[str]:
    with stored_repo.store.catalog.read() as tx:
        return sorted(histories.changed_paths(stored_repo.store, tx, stored_repo.row.id, oid))


def index(stored_repo: StoredRepo, *oids: Oid) -> None:
    for oid in oids:
        paths = [RepoPath(path) for path in changed(stored_repo, oid)]
        with stored_repo.store.catalog.write() as tx:
            commits.put_changes(tx, stored_repo.row.id, oid, paths)
            commits.mark_indexed(tx, stored_repo.row.id, oid)


def test_a_commit_changes_files_and_the_folders_above_them(stored_repo: StoredRepo) -> None:
    tree = stored_repo.tree({"a/b/c": b"1", "a/b/d": b"1", "e": b"1"})
    first = stored_repo.commit(tree)
    second = stored_repo.commit(stored_repo.tree({"a/b/c": b"2"}, root=tree), first)
    assert changed(stored_repo, first) == ["a", "a/b", "a/b/c", "a/b/d", "e"]
    assert changed(stored_repo, second) == ["a", "a/b", "a/b/c"]
    assert changed(stored_repo, stored_repo.commit(tree, first, message="empty")) == []


def test_a_merge_is_compared_with_its_first_parent(stored_repo: StoredRepo) -> None:
    base = stored_repo.tree({"a": b"1"})
    root = stored_repo.commit(base)
    left = stored_repo.commit(stored_repo.tree({"l": b"1"}, root=base), root)
    right = stored_repo.commit(stored_repo.tree({"r": b"1"}, root=base), root)
    merge = stored_repo.commit(stored_repo.tree({"l": b"1", "r": b"1"}, root=base), left, right)
    assert changed(stored_repo, merge) == ["r"]
    with stored_repo.store.catalog.read() as tx:
        page = histories.log(tx, stored_repo.row.id, merge, offset=0, limit=10)
        assert [item.oid for item in page[:1]] == [merge]
        assert {item.oid for item in page} == {root, left, right, merge}
        assert page[-1].oid == root
        assert [item.oid for item in histories.log(tx, stored_repo.row.id, merge, offset=3, limit=10)] == [root]


@pytest.mark.parametrize("indexed", range(5))
def test_the_last_commit_of_a_path_is_the_same_before_commits_are_indexed(
    stored_repo: StoredRepo, indexed: int
) -> None:
    base = stored_repo.tree({"d/a": b"1", "d/b": b"1", "e/c": b"1", "f": b"1"})
    root = stored_repo.commit(base)
    left = stored_repo.commit(stored_repo.tree({"d/a": b"2"}, root=base), root)
    right = stored_repo.commit(stored_repo.tree({"d/a": b"3", "e/c": b"2"}, root=base), root)
    merge = stored_repo.commit(stored_repo.tree({"d/a": b"2", "e/c": b"2", "new": b"1"}, root=base), left, right)
    files = {"d/a": b"2", "d/b": b"1", "e/c": b"2", "f/g": b"1", "new": b"1"}  # f was a file
    head = stored_repo.commit(stored_repo.tree(files), merge)
    made = [root, left, right, merge, head]
    paths = [RepoPath(path) for path in ("d", "d/a", "d/b", "e", "e/c", "f", "f/g", "new", "nothing")]
    row_id = stored_repo.row.id

    def newest(oid: Oid) -> dict[RepoPath, Oid]:
        with stored_repo.store.catalog.read() as tx:
            waiting = commits.unindexed(tx, row_id, oid)
            found = histories.last_commits(stored_repo.store, tx, row_id, oid, paths, waiting)
        return {path: logged.oid for path, logged in found.items()}

    index(stored_repo, *made[:indexed])
    early = [newest(oid) for oid in made]
    index(stored_repo, *made[indexed:])
    assert early == [newest(oid) for oid in made]


def test_the_last_commit_of_a_path_is_looked_for_from_a_head(stored_repo: StoredRepo) -> None:
    tree = stored_repo.tree({"d/a": b"1", "d/b": b"1"})
    first = stored_repo.commit(tree)
    second = stored_repo.commit(stored_repo.tree({"d/a": b"2"}, root=tree), first)
    other = stored_repo.commit(stored_repo.tree({"d/b": b"2"}, root=tree), first)
    index(stored_repo, first, second, other)
    paths = [RepoPath(path) for path in ("d", "d/a", "d/b", "nothing")]
    with stored_repo.store.catalog.read() as tx:
        for head, newest in (
            (first, {"d": first, "d/a": first, "d/b": first}),
            (second, {"d": second, "d/a": second, "d/b": first}),
            (other, {"d": other, "d/a": first, "d/b": other}),
        ):
            found = histories.last_commits(stored_repo.store, tx, stored_repo.row.id, head, paths)
            assert {path: logged.oid for path, logged in found.items()} == newest


def test_a_commit_needs_recorded_parents(stored_repo: StoredRepo) -> None:
    with pytest.raises(ObjectMissing), stored_repo.store.catalog.write() as tx:
        histories.record(tx, stored_repo.row.id, Oid("1" * 40), [Oid("2" * 40)])
