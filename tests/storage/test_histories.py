from __future__ import annotations

from typing import Any

import pytest

from entrepot.catalog.repos import commits
from entrepot.errors import ObjectMissing
from entrepot.names import Oid, RepoPath
from entrepot.storage import histories


def changed(shelf: Any, oid: Oid) -> list[str]:
    with shelf.store.catalog.read() as tx:
        return sorted(histories.changed_paths(shelf.store, tx, shelf.row.id, oid))


def index(shelf: Any, *oids: Oid) -> None:
    for oid in oids:
        paths = [RepoPath(path) for path in changed(shelf, oid)]
        with shelf.store.catalog.write() as tx:
            commits.put_changes(tx, shelf.row.id, oid, paths)
            commits.mark_indexed(tx, shelf.row.id, oid)


def test_a_commit_changes_files_and_the_folders_above_them(shelf: Any) -> None:
    tree = shelf.tree({"a/b/c": b"1", "a/b/d": b"1", "e": b"1"})
    first = shelf.commit(tree)
    second = shelf.commit(shelf.tree({"a/b/c": b"2"}, root=tree), first)
    assert changed(shelf, first) == ["a", "a/b", "a/b/c", "a/b/d", "e"]
    assert changed(shelf, second) == ["a", "a/b", "a/b/c"]
    assert changed(shelf, shelf.commit(tree, first, message="empty")) == []


def test_a_merge_is_compared_with_its_first_parent(shelf: Any) -> None:
    base = shelf.tree({"a": b"1"})
    root = shelf.commit(base)
    left = shelf.commit(shelf.tree({"l": b"1"}, root=base), root)
    right = shelf.commit(shelf.tree({"r": b"1"}, root=base), root)
    merge = shelf.commit(shelf.tree({"l": b"1", "r": b"1"}, root=base), left, right)
    assert changed(shelf, merge) == ["r"]
    with shelf.store.catalog.read() as tx:
        page = histories.log(tx, shelf.row.id, merge, offset=0, limit=10)
        assert [item.oid for item in page[:1]] == [merge]
        assert {item.oid for item in page} == {root, left, right, merge}
        assert page[-1].oid == root
        assert [item.oid for item in histories.log(tx, shelf.row.id, merge, offset=3, limit=10)] == [root]


def test_the_last_commit_of_a_path_is_looked_for_from_a_head(shelf: Any) -> None:
    tree = shelf.tree({"d/a": b"1", "d/b": b"1"})
    first = shelf.commit(tree)
    second = shelf.commit(shelf.tree({"d/a": b"2"}, root=tree), first)
    other = shelf.commit(shelf.tree({"d/b": b"2"}, root=tree), first)
    index(shelf, first, second, other)
    paths = [RepoPath(path) for path in ("d", "d/a", "d/b", "nothing")]
    with shelf.store.catalog.read() as tx:
        for head, newest in (
            (first, {"d": first, "d/a": first, "d/b": first}),
            (second, {"d": second, "d/a": second, "d/b": first}),
            (other, {"d": other, "d/a": first, "d/b": other}),
        ):
            found = histories.last_commits(tx, shelf.row.id, head, paths)
            assert {path: logged.oid for path, logged in found.items()} == newest


def test_a_commit_needs_recorded_parents(shelf: Any) -> None:
    with pytest.raises(ObjectMissing), shelf.store.catalog.write() as tx:
        histories.record(tx, shelf.row.id, Oid("1" * 40), [Oid("2" * 40)])
