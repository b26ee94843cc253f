from __future__ import annotations

import pathlib
import subprocess

import pytest

from entrepot.errors import StoreUnavailable
from entrepot.git import Kind
from entrepot.names import MAIN, Oid
from entrepot.storage.mirrors import Mirrors
from entrepot.storage.quarantines import Quarantine, open_quarantine
from tests.support.stored_repo import StoredRepo

LONGEST = dict.fromkeys(Kind, 1 << 20)


def receive(quarantine: Quarantine, pack: bytes, limit: int = 1 << 20) -> subprocess.CompletedProcess[bytes]:
    receiver = quarantine.receiver(1, longest_pack=limit, longest_file=1 << 20)
    return subprocess.run(receiver.argv, env=dict(receiver.environ), input=pack, capture_output=True)


@pytest.fixture
def pack(stored_repo: StoredRepo, tmp_path: pathlib.Path) -> bytes:
    """Return all objects of the repository as one pack."""
    stored_repo.point(MAIN, stored_repo.commit(stored_repo.tree({"a": b"1", "long": b"x" * 5000})))
    source = Mirrors(tmp_path / "source", 1 << 30)
    lease = source.take(stored_repo.store, stored_repo.store.catalog.read, stored_repo.row)
    lease.release()
    [file] = (lease.path / "objects" / "pack").glob("*.pack")
    return file.read_bytes()


@pytest.fixture
def quarantine(tmp_path: pathlib.Path) -> Quarantine:
    (tmp_path / "mirror" / "objects").mkdir(parents=True)
    return open_quarantine(tmp_path / "mirror")


def test_objects_of_a_pack_are_read_back(quarantine: Quarantine, pack: bytes) -> None:
    assert receive(quarantine, pack).returncode == 0
    found = {item.oid: item for item in quarantine.read(quarantine.oids(), longest=LONGEST)}
    assert sorted(item.kind for item in found.values()) == ["blob", "blob", "commit", "tree"]
    assert {item.content for item in found.values() if item.kind is Kind.BLOB} == {b"1", b"x" * 5000}


def test_content_that_is_too_long_is_skipped_and_the_rest_is_read(quarantine: Quarantine, pack: bytes) -> None:
    receive(quarantine, pack)
    found = list(quarantine.read(quarantine.oids(), longest=LONGEST | {Kind.BLOB: 100}))
    assert len(found) == 4
    assert [item.size for item in found if item.content is None] == [5000]


def test_a_pack_that_is_too_long_or_broken_is_not_taken(quarantine: Quarantine, pack: bytes) -> None:
    assert b"exceeds" in receive(quarantine, pack, limit=50).stderr
    broken = bytearray(pack)
    broken[-1] ^= 1
    assert receive(quarantine, bytes(broken)).returncode
    assert quarantine.oids() == []


def test_an_object_missing_from_the_output_is_an_error(quarantine: Quarantine) -> None:
    with pytest.raises(StoreUnavailable):
        list(quarantine.read([Oid("1" * 40)], longest=LONGEST))


def test_nothing_is_left_of_a_closed_quarantine(quarantine: Quarantine, pack: bytes) -> None:
    receive(quarantine, pack)
    quarantine.close()
    assert not quarantine.path.exists()


def test_objects_that_are_not_files_are_found_without_reading(quarantine: Quarantine, pack: bytes) -> None:
    receive(quarantine, pack)
    kinds = {item.oid: item.kind for item in quarantine.read(quarantine.oids(), longest=LONGEST)}
    assert sorted(kinds[oid] for oid in quarantine.without_files(quarantine.oids())) == ["commit", "tree"]


def test_limits_follow_what_a_pack_announces_and_what_files_may_have(quarantine: Quarantine) -> None:
    few = quarantine.receiver(1, longest_pack=1 << 30, longest_file=10 << 20)
    assert few.longest == 512 << 20
    assert "ulimit -t 120;" in few.argv[2]
    assert quarantine.receiver(1, longest_pack=1 << 30, longest_file=1 << 30).longest == 2 << 30
    many = quarantine.receiver(5_000_000, longest_pack=1 << 30, longest_file=10 << 20)
    assert many.longest == 640_000_000
    assert "ulimit -t 900;" in many.argv[2]


def test_running_out_of_memory_is_distinguished_from_other_failures(quarantine: Quarantine) -> None:
    receiver = quarantine.receiver(1, longest_pack=1 << 30, longest_file=1)
    assert receiver.is_beyond_memory(b"fatal: attempting to allocate 5 over limit 4")
    assert receiver.is_beyond_memory(b"fatal: Out of memory, malloc failed (tried to allocate 5 bytes)")
    assert not receiver.is_beyond_memory(b"fatal: pack is corrupted (SHA1 mismatch)")
