from __future__ import annotations

from collections.abc import Collection, Sequence

import pytest

from entrepot.catalog.git import objects as object_rows
from entrepot.git import Kind, Tag, encode_tag_object
from entrepot.names import Oid
from entrepot.storage import missing_objects
from entrepot.storage import objects as stored
from entrepot.storage.missing_objects import find_missing
from tests.support.stored_repo import StoredRepo


def everything(stored_repo: StoredRepo) -> set[Oid]:
    with stored_repo.store.catalog.read() as tx:
        return {oid for oid, *_ in object_rows.everything(tx, stored_repo.row.id)}


def missing(stored_repo: StoredRepo, tips: Sequence[Oid], have: Collection[Oid]) -> list[Oid] | None:
    with stored_repo.store.catalog.read() as tx:
        return find_missing(stored_repo.store, tx, stored_repo.row.id, tips, lambda oids: set(oids) & set(have))


def test_an_empty_copy_lacks_everything(stored_repo: StoredRepo) -> None:
    first = stored_repo.commit(stored_repo.tree({"a/b": b"1", "c": b"2"}))
    second = stored_repo.commit(stored_repo.tree({"a/b": b"3"}), first)
    assert set(missing(stored_repo, [second], set()) or ()) == everything(stored_repo)


def test_after_one_commit_only_what_it_changed_is_missing(stored_repo: StoredRepo) -> None:
    tree = stored_repo.tree({f"folder{n}/file": b"%d" % n for n in range(20)})
    first = stored_repo.commit(tree)
    have = everything(stored_repo)
    second = stored_repo.commit(stored_repo.tree({"folder3/file": b"new"}, root=tree), first)
    found = missing(stored_repo, [second], have)
    assert found is not None
    assert set(found) == everything(stored_repo) - have
    assert len(found) == 4


def test_a_tag_object_is_missing_even_when_its_commit_is_not(stored_repo: StoredRepo) -> None:
    commit = stored_repo.commit(stored_repo.tree({"a": b"1"}))
    have = everything(stored_repo)
    tag = stored.of(Kind.TAG, encode_tag_object(Tag(commit, Kind.COMMIT, "v1", None, "m")))
    stored_repo.put(tag)
    assert missing(stored_repo, [tag.oid], have) == [tag.oid]


def test_a_file_that_became_a_folder_and_a_merge_are_followed(stored_repo: StoredRepo) -> None:
    first = stored_repo.commit(stored_repo.tree({"x": b"1"}))
    have = everything(stored_repo)
    left = stored_repo.commit(stored_repo.tree({"x/y": b"2"}), first)
    right = stored_repo.commit(stored_repo.tree({"x": b"1", "z": b"3"}), first)
    merge = stored_repo.commit(stored_repo.tree({"x/y": b"2", "z": b"3"}), left, right)
    assert set(missing(stored_repo, [merge], have) or ()) == everything(stored_repo) - have


def test_too_many_commits_are_not_walked(stored_repo: StoredRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(missing_objects, "MAX_COMMITS", 2)
    head = stored_repo.commit(stored_repo.tree({"x": b"1"}))
    for n in range(3):
        head = stored_repo.commit(stored_repo.tree({"x": b"%d" % n}), head)
    assert missing(stored_repo, [head], set()) is None
