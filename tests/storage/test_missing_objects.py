from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import pytest

from entrepot.catalog.git import objects as object_rows
from entrepot.git import Kind, Tag, encode_tag_object
from entrepot.names import Oid
from entrepot.storage import missing_objects
from entrepot.storage import objects as stored
from entrepot.storage.missing_objects import find_missing


def everything(shelf: Any) -> set[Oid]:
    with shelf.store.catalog.read() as tx:
        return {oid for oid, *_ in object_rows.everything(tx, shelf.row.id)}


def missing(shelf: Any, tips: Sequence[Oid], have: Collection[Oid]) -> list[Oid] | None:
    with shelf.store.catalog.read() as tx:
        return find_missing(shelf.store, tx, shelf.row.id, tips, lambda oids: set(oids) & set(have))


def test_an_empty_copy_lacks_everything(shelf: Any) -> None:
    first = shelf.commit(shelf.tree({"a/b": b"1", "c": b"2"}))
    second = shelf.commit(shelf.tree({"a/b": b"3"}), first)
    assert set(missing(shelf, [second], set()) or ()) == everything(shelf)


def test_after_one_commit_only_what_it_changed_is_missing(shelf: Any) -> None:
    tree = shelf.tree({f"folder{n}/file": b"%d" % n for n in range(20)})
    first = shelf.commit(tree)
    have = everything(shelf)
    second = shelf.commit(shelf.tree({"folder3/file": b"new"}, root=tree), first)
    found = missing(shelf, [second], have)
    assert found is not None
    assert set(found) == everything(shelf) - have
    assert len(found) == 4


def test_a_tag_object_is_missing_even_when_its_commit_is_not(shelf: Any) -> None:
    commit = shelf.commit(shelf.tree({"a": b"1"}))
    have = everything(shelf)
    tag = stored.of(Kind.TAG, encode_tag_object(Tag(commit, Kind.COMMIT, "v1", None, "m")))
    shelf.put(tag)
    assert missing(shelf, [tag.oid], have) == [tag.oid]


def test_a_file_that_became_a_folder_and_a_merge_are_followed(shelf: Any) -> None:
    first = shelf.commit(shelf.tree({"x": b"1"}))
    have = everything(shelf)
    left = shelf.commit(shelf.tree({"x/y": b"2"}), first)
    right = shelf.commit(shelf.tree({"x": b"1", "z": b"3"}), first)
    merge = shelf.commit(shelf.tree({"x/y": b"2", "z": b"3"}), left, right)
    assert set(missing(shelf, [merge], have) or ()) == everything(shelf) - have


def test_too_many_commits_are_not_walked(shelf: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(missing_objects, "MAX_COMMITS", 2)
    head = shelf.commit(shelf.tree({"x": b"1"}))
    for n in range(3):
        head = shelf.commit(shelf.tree({"x": b"%d" % n}), head)
    assert missing(shelf, [head], set()) is None
