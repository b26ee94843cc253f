from __future__ import annotations

import zlib

import pytest

from entrepot.blobs import file_key, put
from entrepot.errors import BlobMissing, BlobUnreadable, ObjectDamaged
from entrepot.names import Oid, Sha256
from entrepot.storage.contents import EmptyContent, PackedContent, fill, open_file, sha256_of
from tests.support.stored_repo import StoredRepo

OID = Oid("1" * 40)


def test_small_content_is_read_at_any_offset() -> None:
    content = PackedContent(OID, 10, zlib.compress(b"0123456789"))
    assert content.size == 10
    assert content.read_at(0, 4) == b"0123"
    assert content.read_at(8, 100) == b"89"
    assert content.read_at(10, 1) == b""
    content.close()


def test_an_empty_content_is_read() -> None:
    assert PackedContent(OID, 0, zlib.compress(b"")).read_at(0, 10) == b""
    content = EmptyContent()
    assert (content.size, content.read_at(0, 10)) == (0, b"")
    content.close()


@pytest.mark.parametrize("data", [b"", b"no zlib", zlib.compress(b"0123456789")[:-3]])
def test_content_that_does_not_decompress_is_damage(data: bytes) -> None:
    with pytest.raises(ObjectDamaged):
        PackedContent(OID, 10, data).read_at(0, 1)


def test_large_content_is_read_from_the_store(stored_repo: StoredRepo) -> None:
    data = bytes(range(256)) * 100
    put(stored_repo.store.blobs, file_key(sha256_of(data)), data)
    with open_file(stored_repo.store, sha256_of(data)) as reader:
        assert reader.size == len(data)
        assert reader.read_at(250, 10) == data[250:260]
    with pytest.raises(BlobMissing):
        open_file(stored_repo.store, Sha256("0" * 64))


@pytest.mark.parametrize("size", [0, 25_599, 25_601])
def test_a_file_of_another_length_is_damage(stored_repo: StoredRepo, size: int) -> None:
    data = bytes(range(256)) * 100
    put(stored_repo.store.blobs, file_key(sha256_of(data)), data)
    open_file(stored_repo.store, sha256_of(data), len(data)).close()
    with pytest.raises(BlobUnreadable):
        open_file(stored_repo.store, sha256_of(data), size)


def test_digests_are_lower_case_hex() -> None:
    assert sha256_of(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_buffer_is_filled_from_any_content(stored_repo: StoredRepo) -> None:
    data = bytes(range(256)) * 100
    put(stored_repo.store.blobs, file_key(sha256_of(data)), data)
    for content in (PackedContent(OID, len(data), zlib.compress(data)), open_file(stored_repo.store, sha256_of(data))):
        buffer = bytearray(1000)
        fill(content, 500, memoryview(buffer))
        assert buffer == data[500:1500]
        with pytest.raises(BlobUnreadable):
            fill(content, len(data) - 999, memoryview(buffer))
        content.close()
