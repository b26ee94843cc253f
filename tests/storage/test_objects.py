from __future__ import annotations

import zlib
from typing import Any

import attrs
import pytest

from entrepot.catalog.files import files
from entrepot.errors import ObjectDamaged, ObjectMissing
from entrepot.git import Kind, Pointer, Tag, encode_tag_object, render_pointer
from entrepot.names import Oid, Sha256
from entrepot.storage import objects as stored
from entrepot.storage.contents import open_file, sha256_of
from entrepot.storage.trees import Trees
from tests.support.stored_repo import StoredRepo


def test_objects_have_the_ids_that_git_gives_them() -> None:
    assert stored.of(Kind.BLOB, b"").oid == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
    assert stored.of(Kind.TREE, b"").oid == "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


@pytest.mark.parametrize("content", [b"", b"text", bytes(200_000)])
@pytest.mark.parametrize("kind", [Kind.BLOB, Kind.TREE])
def test_content_survives_its_row(stored_repo: StoredRepo, content: bytes, kind: Kind) -> None:
    item = stored.of(kind, content)
    stored_repo.put(item)
    with stored_repo.store.catalog.read() as tx:
        row = stored.find_row(tx, stored_repo.row.id, item.oid)
    assert (stored.content_of(row), row.size, row.kind) == (content, len(content), kind.value)


def test_pointers_say_in_their_row_what_they_point_at() -> None:
    text = render_pointer(Pointer(Sha256("a" * 64), 7))
    row = stored.row_of(stored.of(Kind.BLOB, text))
    assert (row.sha256, row.pointer_size, row.size) == ("a" * 64, 7, len(text))
    assert stored.row_of(stored.of(Kind.TREE, text)).sha256 is None


def test_large_content_goes_to_blobs(stored_repo: StoredRepo) -> None:
    content = b"0" * (stored.INLINE_LIMIT + 1)
    item = stored.of(Kind.BLOB, content)
    assert stored.is_large(item)
    assert not stored.is_large(stored.of(Kind.BLOB, content[1:]))
    assert not stored.is_large(stored.of(Kind.TREE, content))
    with stored_repo.store.catalog.write() as tx:
        files.reserve(tx, sha256_of(content), len(content), 1)
    row = stored.keep_large(stored_repo.store, item, sha256_of(content))
    assert row.sha256 is not None
    with open_file(stored_repo.store, row.sha256) as reader:
        assert reader.read_at(0, len(content)) == content
    with pytest.raises(ObjectDamaged):
        stored.content_of(row)


@pytest.mark.parametrize("change", [{"data": b"no zlib"}, {"data": zlib.compress(b"more")}, {"size": 5}, {"data": b""}])
def test_damaged_rows_are_noticed(change: dict[str, Any]) -> None:
    row = attrs.evolve(stored.row_of(stored.of(Kind.BLOB, b"abc")), **change)
    with pytest.raises(ObjectDamaged):
        stored.content_of(row)


def test_objects_that_are_not_stored_are_missing(stored_repo: StoredRepo) -> None:
    absent = Oid("1" * 40)
    commit = stored_repo.commit(stored_repo.tree({"a": b""}))
    with stored_repo.store.catalog.read() as tx:
        for read in (stored.find_row, stored.read_commit, stored.peel):
            with pytest.raises(ObjectMissing):
                read(tx, stored_repo.row.id, absent)
        with pytest.raises(ObjectMissing):
            stored.read_commits(tx, stored_repo.row.id, [commit, absent])


def test_commits_come_in_the_order_asked_for(stored_repo: StoredRepo) -> None:
    tree = stored_repo.tree({"a": b""})
    made = [stored_repo.commit(tree, message=str(number)) for number in range(5)]
    with stored_repo.store.catalog.read() as tx:
        found = stored.read_commits(tx, stored_repo.row.id, made[::-1])
        assert stored.root_of(stored_repo.store, tx, stored_repo.row.id, made[0]) == tree
    assert [oid for oid, _ in found] == made[::-1]
    assert [commit.message for _, commit in found] == ["4", "3", "2", "1", "0"]


def test_long_messages_are_cut_in_lists(stored_repo: StoredRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "MAX_MESSAGE", 5)
    monkeypatch.setattr(stored, "_TOGETHER", 2)
    tree = stored_repo.tree({"a": b""})
    made = [stored_repo.commit(tree, message=f"{number} and more") for number in range(5)]
    with stored_repo.store.catalog.read() as tx:
        found = stored.read_commits(tx, stored_repo.row.id, made)
        assert stored.read_commit(tx, stored_repo.row.id, made[0]).message == "0 and more"
    assert [commit.message for _, commit in found] == ["0 and", "1 and", "2 and", "3 and", "4 and"]


def test_tags_of_tags_are_peeled_but_not_for_ever(stored_repo: StoredRepo) -> None:
    tree = stored_repo.tree({"a": b""})
    commit = stored_repo.commit(tree)
    chain, kind = [commit], Kind.COMMIT
    for _ in range(8):
        tag = stored.of(Kind.TAG, encode_tag_object(Tag(chain[-1], kind, "t", None, "m")))
        stored_repo.put(tag)
        chain.append(tag.oid)
        kind = Kind.TAG
    with stored_repo.store.catalog.read() as tx:
        assert {stored.peel(tx, stored_repo.row.id, oid) for oid in chain[:8]} == {commit}
        for oid in (chain[8], tree):
            with pytest.raises(ObjectDamaged):
                stored.peel(tx, stored_repo.row.id, oid)


def test_a_tree_is_read_from_the_catalog_once(stored_repo: StoredRepo) -> None:
    root = stored_repo.tree({"a": b""})
    with stored_repo.store.catalog.read() as tx:
        first = stored.tree_scanner(stored_repo.store, tx, stored_repo.row.id)(root)
        assert stored.tree_scanner(stored_repo.store, tx, stored_repo.row.id)(root) is first
        with pytest.raises(ObjectMissing):
            stored.tree_scanner(stored_repo.store, tx, stored_repo.row.id + 1)(root)


def test_what_a_commit_has_written_is_read_from_memory(stored_repo: StoredRepo) -> None:
    small, large = (b"".join(b"100644 %05d\0" % at + bytes(20) for at in range(count)) for count in (3, 1_000))
    commit, root, deep = Oid("c" * 40), Oid("1" * 40), Oid("2" * 40)
    store, repo_id = stored_repo.store, stored_repo.row.id
    stored.remember_commit(store, repo_id, commit, root, {root: small, deep: large})
    with store.catalog.read() as tx:
        assert stored.root_of(store, tx, repo_id, commit) == root
        trees = Trees(store, tx, repo_id)
        assert trees.read(root) == small
        with pytest.raises(ObjectMissing):
            trees.read(deep)  # too large to be kept
        with pytest.raises(ObjectMissing):
            stored.root_of(store, tx, repo_id + 1, commit)
