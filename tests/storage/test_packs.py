from __future__ import annotations

import hashlib
import pathlib
import subprocess

import attrs
import pytest

from entrepot.blobs import file_key, put
from entrepot.catalog.files import files
from entrepot.catalog.git import objects as object_rows
from entrepot.errors import BlobUnreadable, Damaged, ObjectDamaged
from entrepot.git import Kind
from entrepot.git.packs import read_index_ids
from entrepot.names import Sha256
from entrepot.storage import objects as stored
from entrepot.storage.packs import write_pack
from tests.support.stored_repo import StoredRepo

LARGE = bytes(range(256)) * 12_000


def rows_of(stored_repo: StoredRepo) -> list[object_rows.ObjectRow]:
    with stored_repo.store.catalog.read() as tx:
        return list(object_rows.rows(tx, stored_repo.row.id))


def test_git_finds_every_object_in_the_pack_small_and_large(stored_repo: StoredRepo, tmp_path: pathlib.Path) -> None:
    stored_repo.commit(stored_repo.tree({"a/b.txt": b"b", "c.txt": b"c"}))
    large = stored.of(Kind.BLOB, LARGE)
    sha256 = Sha256(hashlib.sha256(LARGE).hexdigest())
    with stored_repo.store.catalog.write() as tx:
        files.reserve(tx, sha256, len(LARGE), 1)
    row = stored.keep_large(stored_repo.store, large, sha256)
    rows = [*rows_of(stored_repo), row]

    checksum = write_pack(stored_repo.store, rows, len(rows), tmp_path / "p.pack")

    subprocess.run(["git", "index-pack", tmp_path / "p.pack"], check=True, capture_output=True)
    assert list(read_index_ids((tmp_path / "p.idx").read_bytes())) == sorted(row.oid for row in rows)
    assert (tmp_path / "p.pack").read_bytes()[-20:].hex() == checksum


def test_a_wrong_count_is_noticed(stored_repo: StoredRepo, tmp_path: pathlib.Path) -> None:
    stored_repo.tree({"a": b"a"})
    rows = rows_of(stored_repo)
    with pytest.raises(ObjectDamaged):
        write_pack(stored_repo.store, rows, len(rows) + 1, tmp_path / "p.pack")


def test_an_object_without_content_is_noticed(stored_repo: StoredRepo, tmp_path: pathlib.Path) -> None:
    stored_repo.tree({"a": b"a"})
    rows = [attrs.evolve(row, data=None) for row in rows_of(stored_repo)]
    with pytest.raises(ObjectDamaged, match="neither"):
        write_pack(stored_repo.store, rows, len(rows), tmp_path / "p.pack")


@pytest.mark.parametrize(
    ("content", "error"), [(LARGE[:-1] + b"x", ObjectDamaged), (LARGE[:-1], BlobUnreadable)], ids=["bit", "cut"]
)
def test_a_large_object_that_the_disk_has_changed_gets_into_no_pack(
    stored_repo: StoredRepo, tmp_path: pathlib.Path, content: bytes, error: type[Damaged]
) -> None:
    sha256 = Sha256(hashlib.sha256(LARGE).hexdigest())
    with stored_repo.store.catalog.write() as tx:
        files.reserve(tx, sha256, len(LARGE), 1)
    row = stored.keep_large(stored_repo.store, stored.of(Kind.BLOB, LARGE), sha256)
    stored_repo.store.blobs.delete(file_key(sha256))
    put(stored_repo.store.blobs, file_key(sha256), content)
    with pytest.raises(error):
        write_pack(stored_repo.store, [row], 1, tmp_path / "p.pack")
