"""A store with one repository."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping

import attrs

from entrepot.catalog.git import objects as object_rows
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.git import EMPTY_TREE, Commit, Kind, Mode, Signature, TreeEditor, encode_commit
from entrepot.names import Oid, RefName, RepoPath
from entrepot.storage import Store, histories
from entrepot.storage import objects as stored
from entrepot.storage.trees import Trees

WHO = Signature("ada", "ada@example.org", 1_700_000_000)


@attrs.define
class StoredRepo:
    """The store under test and its only repository, with short methods that add objects."""

    store: Store
    row: RepoRow

    def put(self, *items: stored.GitObject) -> None:
        with self.store.catalog.write() as tx:
            object_rows.put(tx, self.row.id, [stored.row_of(item) for item in items], 1)

    def tree(self, files: Mapping[str, bytes], *, root: Oid = EMPTY_TREE) -> Oid:
        """Store the tree ``root`` with these files added, and return its id."""
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

    def blob_path(self, key: str) -> pathlib.Path:
        return pathlib.Path(self.store.blobs.path_of(key))  # type: ignore[attr-defined]

    def point(self, name: str, oid: Oid) -> None:
        from entrepot.catalog.repos import refs

        with self.store.catalog.write() as tx:
            old = refs.find(tx, self.row.id, RefName(name))
            assert refs.swap(tx, self.row.id, RefName(name), old, oid, 1)
