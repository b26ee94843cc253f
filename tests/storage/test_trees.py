from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from entrepot.errors import EntryNotFound, ObjectMissing
from entrepot.git import EMPTY_TREE, Entry, Kind, Mode, Pointer, encode_tree, render_pointer
from entrepot.names import ROOT, Oid, RepoPath, Sha256
from entrepot.storage import objects as stored
from entrepot.storage import trees as storage_trees
from entrepot.storage.trees import Node, Trees
from tests.support.stored_repo import StoredRepo

P = RepoPath
names = st.sampled_from(["a", "a-", "a.b", "a0", "b", "é", "日", "Z", "a b"])
paths = st.lists(names, min_size=1, max_size=4).map("/".join)


def without_clashes(wanted: list[str]) -> list[str]:
    """Return the paths without those that would be both a file and a folder."""
    folders = {path[:at] for path in wanted for at, letter in enumerate(path) if letter == "/"}
    return [path for path in wanted if path not in folders]


def walked(stored_repo: StoredRepo, root: Oid, folder: str = "", **options: Any) -> list[str]:
    with stored_repo.store.catalog.read() as tx:
        trees = Trees(stored_repo.store, tx, stored_repo.row.id)
        start = trees.folder(root, P(folder))
        return [node.path for node in trees.walk(start, P(folder), **({"is_deep": True} | options))]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(paths, min_size=1, max_size=12, unique=True))
def test_a_walk_resumed_after_any_entry_continues_as_if_never_interrupted(
    stored_repo: StoredRepo, wanted: list[str]
) -> None:
    files = without_clashes(wanted)
    root = stored_repo.tree(dict.fromkeys(files, b"x"))
    for is_deep in (True, False):
        whole = walked(stored_repo, root, is_deep=is_deep)
        assert len(set(whole)) == len(whole)
        for at, path in enumerate(whole):
            assert walked(stored_repo, root, is_deep=is_deep, after=P(path)) == whole[at + 1 :]
    folders = {path.rpartition("/")[0] for path in files} - {""}
    for folder in folders:
        whole = walked(stored_repo, root, folder)
        for at, path in enumerate(whole):
            assert walked(stored_repo, root, folder, after=P(path)) == whole[at + 1 :]
    assert {path for path in walked(stored_repo, root) if path in files} == set(files)


def test_a_walk_continues_after_a_deleted_file(stored_repo: StoredRepo) -> None:
    root = stored_repo.tree({"a/1": b"", "b": b"", "d": b""})
    assert walked(stored_repo, root, after=P("c")) == ["d"]
    assert walked(stored_repo, root, after=P("a/2")) == ["b", "d"]


def test_folders_come_first_on_every_level(stored_repo: StoredRepo) -> None:
    root = stored_repo.tree({"b/2": b"", "b/a/1": b"", "a": b"", "c-d": b"", "c/x": b""})
    assert walked(stored_repo, root) == ["b", "b/a", "b/a/1", "b/2", "c", "c/x", "a", "c-d"]


def test_entries_are_found_by_their_path(stored_repo: StoredRepo) -> None:
    root = stored_repo.tree({"a/b/c": b"x", "a.txt": b"y"})
    with stored_repo.store.catalog.read() as tx:
        trees = Trees(stored_repo.store, tx, stored_repo.row.id)
        assert trees.find(root, ROOT) == Entry("", Mode.FOLDER, root)
        assert trees.find(root, P("a/b/c")) == Entry("c", Mode.FILE, stored.of(Kind.BLOB, b"x").oid)
        for path in ("b", "a/x", "a.txt/x", "a/b/c/d"):
            assert trees.find(root, P(path)) is None
        for path in ("a.txt", "nothing"):
            with pytest.raises(EntryNotFound):
                trees.folder(root, P(path))


def test_pointers_are_measured_by_their_target(stored_repo: StoredRepo) -> None:
    pointer = render_pointer(Pointer(Sha256("a" * 64), 10**12))
    root = stored_repo.tree({"d/w.bin": pointer, "t": b"text"})
    with stored_repo.store.catalog.read() as tx:
        trees = Trees(stored_repo.store, tx, stored_repo.row.id)
        text, large = sorted(trees.everything(root, ROOT), key=lambda item: item.size)
        assert (text.path, text.size, text.lfs, text.etag) == ("t", 4, None, text.oid)
        assert (large.path, large.size, large.pointer_size, large.etag) == (
            "d/w.bin",
            10**12,
            len(pointer),
            "a" * 64,
        )
        link = Node(P("l"), Entry("l", Mode.SYMLINK, large.oid))
        sub = Node(P("s"), Entry("s", Mode.GITLINK, Oid("1" * 40)))
        folder = Node(P("d"), Entry("d", Mode.FOLDER, root))
        measured = trees.measure([link, sub, folder])
    assert [(item.size, item.lfs, item.is_folder) for item in measured] == [
        (len(pointer), None, False),
        (0, None, False),
        (0, None, True),
    ]


def test_thousands_of_files_are_measured(stored_repo: StoredRepo) -> None:
    root = stored_repo.tree({f"f{number:05}": str(number).encode() for number in range(2100)})
    with stored_repo.store.catalog.read() as tx:
        found = list(Trees(stored_repo.store, tx, stored_repo.row.id).everything(root, ROOT))
    assert [item.path for item in found] == [f"f{number:05}" for number in range(2100)]
    assert found[2099].size == 4


def test_a_lost_object_is_noticed(stored_repo: StoredRepo) -> None:
    lost = encode_tree([Entry("f", Mode.FILE, Oid("1" * 40)), Entry("d", Mode.FOLDER, Oid("2" * 40))])
    tree = stored.of(Kind.TREE, lost)
    stored_repo.put(tree)
    with stored_repo.store.catalog.read() as tx:
        trees = Trees(stored_repo.store, tx, stored_repo.row.id)
        with pytest.raises(ObjectMissing):
            trees.measure([Node(P("f"), Entry("f", Mode.FILE, Oid("1" * 40)))])
        with pytest.raises(ObjectMissing):
            list(trees.walk(tree.oid, ROOT, is_deep=True))
        with pytest.raises(ObjectMissing):
            trees.read(EMPTY_TREE)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(paths, min_size=1, max_size=12, unique=True))
def test_a_walk_through_large_folders_is_the_same(
    stored_repo: StoredRepo, monkeypatch: pytest.MonkeyPatch, wanted: list[str]
) -> None:
    root = stored_repo.tree(dict.fromkeys(without_clashes(wanted), b"y"))
    for is_deep in (True, False):
        monkeypatch.setattr(storage_trees, "LARGE", 1 << 16)
        whole = walked(stored_repo, root, is_deep=is_deep)
        monkeypatch.setattr(storage_trees, "LARGE", 0)
        forget(stored_repo)
        assert walked(stored_repo, root, is_deep=is_deep) == whole
        for at, path in enumerate(whole):
            forget(stored_repo)
            assert walked(stored_repo, root, is_deep=is_deep, after=P(path)) == whole[at + 1 :]


def forget(stored_repo: StoredRepo) -> None:
    """Let no folder be remembered."""
    fresh = type(stored_repo.store.listings)(300_000, len)
    object.__setattr__(stored_repo.store, "listings", fresh)
