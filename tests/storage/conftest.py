"""A store in a temporary folder with one repository; touching bytes inside a transaction fails the test."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import pytest
from guarded_blobs import GuardedLocalBlobs

from entrepot.blobs import LocalBlobs
from entrepot.catalog import open_catalog
from entrepot.catalog.accounts import accounts
from entrepot.catalog.git import objects as object_rows
from entrepot.catalog.repos import repositories
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.git import EMPTY_TREE, Commit, Kind, Mode, Signature, TreeEditor, encode_commit
from entrepot.names import Oid, RefName, RepoPath, RepoType, new_uid
from entrepot.storage import Store, histories
from entrepot.storage import objects as stored
from entrepot.storage.trees import Trees

WHO = Signature("ada", "ada@example.org", 1_700_000_000)


@attrs.define
class Shelf:
    """The store under test, its one repository, and short words for putting things in."""

    store: Store
    row: RepoRow

    def put(self, *items: stored.GitObject) -> None:
        with self.store.catalog.write() as tx:
            object_rows.put(tx, self.row.id, [stored.row_of(item) for item in items], 1)

    def tree(self, files: Mapping[str, bytes], *, root: Oid = EMPTY_TREE) -> Oid:
        """The root of a tree with these files; bytes that are 40 digits long in "@…" are a submodule."""
        with self.store.catalog.read() as tx:
            editor = TreeEditor(root, Trees(self.store, tx, self.row.id).read)
            made = []
            for path, content in files.items():
                blob = stored.of(Kind.BLOB, content)
                made.append(blob)
                editor.put(RepoPath(path), Mode.FILE, blob.oid)
            oid, fresh = editor.write()
        self.put(*made, *(stored.GitObject(oid, Kind.TREE, content) for oid, content in fresh.items()))
        return oid

    def commit(self, tree: Oid, *parents: Oid, message: str = "m") -> Oid:
        commit = stored.of(Kind.COMMIT, encode_commit(Commit(tree, parents, WHO, WHO, message)))
        self.put(commit)
        with self.store.catalog.write() as tx:
            histories.record(tx, self.row.id, commit.oid, parents)
        return commit.oid

    def point(self, name: str, oid: Oid) -> None:
        from entrepot.catalog.repos import refs

        with self.store.catalog.write() as tx:
            old = refs.find(tx, self.row.id, RefName(name))
            assert refs.swap(tx, self.row.id, RefName(name), old, oid, 1)


@pytest.fixture
def shelf(tmp_path: pathlib.Path) -> Iterator[Shelf]:
    catalog = open_catalog(f"sqlite:///{tmp_path / 'catalog.db'}")
    blobs = GuardedLocalBlobs(LocalBlobs(tmp_path / "blobs", fsync=False), catalog.is_writing)
    values: dict[str, Any] = dict.fromkeys(("card", "config", "pipeline_tag", "library", "sdk"))
    values |= {"downloads": 0, "likes": 0, "created_ms": 1, "updated_ms": 1, "settings": {}, "is_disabled": False}
    with catalog.write() as tx:
        owner = accounts.add(tx, accounts.fresh("alice", "user", 1))
        row = repositories.add(
            tx,
            RepoRow(
                id=0,
                uid=new_uid(),
                namespace_id=owner.id,
                namespace=owner.name,
                type=RepoType.MODEL,
                name="m",
                creator_id=owner.id,
                visibility="public",
                gated="no",
                **values,
            ),
        )
    yield Shelf(Store(catalog, blobs, blobs, blobs), row)
    catalog.close()
