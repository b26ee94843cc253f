from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entrepot.blobs import put
from entrepot.catalog.files import xet_files, xorbs
from entrepot.catalog.files.xet_files import XetFileRow
from entrepot.errors import BlobMissing, XorbDamaged
from entrepot.names import XetFileId, XetHash
from entrepot.storage import Store, chunk_content
from entrepot.storage.chunk_content import ChunkedContent, StoredXorb
from entrepot.xet import Term, Terms, Xorb, XorbBuilder, chunk_hash
from tests.support.stored_repo import StoredRepo


def make(lengths: Sequence[int], seed: int = 1) -> tuple[Xorb, bytes]:
    """Return a xorb with chunks of these lengths, and its content."""
    draw, builder, content = random.Random(seed), XorbBuilder(), b""
    for length in lengths:
        chunk = draw.randbytes(length)
        builder.add(chunk, chunk_hash(chunk))
        content += chunk
    return builder.finish(), content


def keep(store: Store, xorb: Xorb) -> StoredXorb:
    row = chunk_content.row_of(xorb.hash, xorb.index)
    put(store.blobs, chunk_content.key_of(row), xorb.data)
    with store.catalog.write() as tx:
        xorbs.put(tx, row, 1, 5)
    return find(store, xorb.hash)


def find(store: Store, xorb: XetHash) -> StoredXorb:
    with store.catalog.read() as tx:
        return chunk_content.get_xorb(store, tx, xorb)


def content_of(stored_repo: StoredRepo, parts: Sequence[tuple[Xorb, int, int]]) -> ChunkedContent:
    terms = Terms.of(Term(x.hash, start, end, x.index.raw_length(start, end)) for x, start, end in parts)
    return ChunkedContent(stored_repo.store, terms, lambda xorb: find(stored_repo.store, xorb))


def test_pieces_are_the_bytes_also_without_hashes(stored_repo: StoredRepo) -> None:
    xorb, content = make([10, 200, 3000, 40])
    keep(stored_repo.store, xorb)
    terms = Terms.of([Term(xorb.hash, 0, 4, xorb.index.raw_length(0, 4))])
    for is_hashed in (True, False):
        opened = ChunkedContent(
            stored_repo.store, terms, lambda name: find(stored_repo.store, name), is_hashed=is_hashed
        )
        for offset, length in ((0, 5000), (5, 10), (205, 2000), (3249, 1), (3250, 1)):
            assert b"".join(opened.pieces_at(offset, length)) == content[offset : offset + length]
            assert opened.read_at(offset, length) == content[offset : offset + length]


def test_a_stored_xorb_is_found_with_its_index(stored_repo: StoredRepo) -> None:
    xorb, _ = make([10, 200, 3000])
    stored = keep(stored_repo.store, xorb)
    assert stored == find(stored_repo.store, xorb.hash)
    assert (stored.hash, stored.index) == (xorb.hash, xorb.index)
    assert stored.key.startswith(f"xorbs/{xorb.hash[:2]}/{xorb.hash[2:4]}/{xorb.hash}.")
    assert stored_repo.store.blobs.stat(stored.key).size == len(xorb.data)


def test_other_bytes_of_a_xorb_have_another_key(stored_repo: StoredRepo) -> None:
    small, big = make([1000])[0].index, make([1000])[0].index
    big.ends[0] += 1
    name = XetHash("a" * 64)
    assert chunk_content.key_of(chunk_content.row_of(name, small)) != chunk_content.key_of(
        chunk_content.row_of(name, big)
    )


def test_chunks_that_are_not_stored_are_not_found_and_cannot_be_needed(stored_repo: StoredRepo) -> None:
    with stored_repo.store.catalog.read() as tx:
        assert chunk_content.find_xorb(stored_repo.store, tx, XetHash("a" * 64)) is None
        assert chunk_content.terms_of(tx, XetFileId("a" * 40)) is None
        with pytest.raises(XorbDamaged):
            chunk_content.get_xorb(stored_repo.store, tx, XetHash("a" * 64))


def test_a_xorb_in_quarantine_is_not_given_though_it_is_remembered(stored_repo: StoredRepo) -> None:
    xorb, _ = make([10])
    keep(stored_repo.store, xorb)
    with stored_repo.store.catalog.write() as tx:
        xorbs.mark_damaged(tx, xorb.hash, since_ms=5)
    with pytest.raises(XorbDamaged):
        find(stored_repo.store, xorb.hash)


def test_a_swept_xorb_is_not_given_though_another_process_swept_it(stored_repo: StoredRepo) -> None:
    xorb, _ = make([10])
    keep(stored_repo.store, xorb)
    with stored_repo.store.catalog.write() as tx:
        assert xorbs.begin_sweep(tx, xorb.hash, 6, 7)
        xorbs.end_sweep(tx, xorb.hash)
        assert chunk_content.find_xorb(stored_repo.store, tx, xorb.hash) is None


def test_the_index_of_replaced_bytes_is_read_again(stored_repo: StoredRepo) -> None:
    xorb, _ = make([10, 20])
    old = keep(stored_repo.store, xorb)
    moved = make([10, 20])[0].index
    moved.ends[0] += 3
    moved.ends[1] += 3
    with stored_repo.store.catalog.write() as tx:
        xorbs.begin_repair(tx, xorb.hash, 5)
        xorbs.end_repair(tx, chunk_content.row_of(xorb.hash, moved), 5, 5)
    new = find(stored_repo.store, xorb.hash)
    assert new.index == moved
    assert new.key != old.key


def test_the_terms_of_a_file_are_those_that_were_recorded(stored_repo: StoredRepo) -> None:
    xorb, _ = make([10, 20])
    keep(stored_repo.store, xorb)
    terms = Terms.of([Term(xorb.hash, 0, 2, 30)])
    with stored_repo.store.catalog.write() as tx:
        row = XetFileRow.of(XetHash("f" * 64), 30, terms.encode())
        xet_files.put(tx, row, terms.used(), 1)
        assert chunk_content.terms_of(tx, row.id) == terms


LENGTHS = [1, 700, 64, 1, 5000, 300]


@pytest.mark.parametrize("block", [1, 1000, 4 << 20])
def test_every_range_is_that_of_the_whole(stored_repo: StoredRepo, monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(chunk_content, "_BLOCK", block)
    (first, a), (second, b) = make(LENGTHS, 1), make([2000, 9], 2)
    for xorb in (first, second):
        keep(stored_repo.store, xorb)
    # A file that uses chunks out of order, and some of them twice.
    parts = [(first, 1, 4), (second, 0, 2), (first, 4, 6), (first, 0, 1), (second, 1, 2), (first, 1, 2)]
    bodies = {first.hash: a, second.hash: b}
    whole = b"".join(bodies[x.hash][x.index.raw_offset(s) : x.index.raw_offset(e)] for x, s, e in parts)
    content = content_of(stored_repo, parts)
    assert content.size == len(whole)
    assert content.read_at(0, len(whole) + 10) == whole
    borders = {0, len(whole)}
    at = 0
    for x, s, e in parts:
        for number in range(s, e):
            at += x.index.raw_length(number, number + 1)
            borders.add(at)
    near = sorted({min(max(border + step, 0), len(whole)) for border in borders for step in (-1, 0, 1)})
    for start in near:
        for stop in near:
            assert content.read_at(start, stop - start) == whole[start:stop] if stop >= start else True
    content.close()

    @settings(max_examples=150, deadline=None)
    @given(st.integers(0, len(whole) + 5), st.integers(0, len(whole) + 5))
    def check(offset: int, length: int) -> None:
        assert content.read_at(offset, length) == whole[offset : offset + length]

    check()


def test_threads_share_a_content(stored_repo: StoredRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunk_content, "_BLOCK", 500)
    xorb, whole = make([300] * 40)
    keep(stored_repo.store, xorb)
    content = content_of(stored_repo, [(xorb, 0, 40)])
    with ThreadPoolExecutor(8) as pool:
        pieces = pool.map(lambda at: content.read_at(at, 700), range(0, len(whole), 700))
        assert b"".join(pieces) == whole


def test_a_xorb_that_is_mended_meanwhile_is_found_at_its_new_place(
    stored_repo: StoredRepo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunk_content, "_BLOCK", 500)
    xorb, whole = make([500] * 4)
    old = keep(stored_repo.store, xorb)
    content = content_of(stored_repo, [(xorb, 0, 4)])
    assert content.read_at(0, 500) == whole[:500]
    # The same chunks, serialised differently: every offset is one byte larger.
    moved = make([500] * 4)[0].index
    for number in range(4):
        moved.ends[number] += number // 3
    row = chunk_content.row_of(xorb.hash, moved)
    with stored_repo.store.catalog.write() as tx:
        xorbs.begin_repair(tx, xorb.hash, 5)
        xorbs.end_repair(tx, row, 5, 5)
    put(stored_repo.store.blobs, chunk_content.key_of(row), xorb.data + b"?")
    stored_repo.store.blobs.delete(old.key)
    assert content.read_at(500, 1000) == whole[500:1500]


def test_whether_a_xorb_may_still_be_read_is_asked_again_after_a_second(
    stored_repo: StoredRepo, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(chunk_content, "_BLOCK", 10)
    xorb, whole = make([10] * 40)
    keep(stored_repo.store, xorb)
    content = content_of(stored_repo, [(xorb, 0, 40)])
    assert content.read_at(0, 10) == whole[:10]
    with stored_repo.store.catalog.write() as tx:
        xorbs.mark_damaged(tx, xorb.hash, since_ms=5)
    now[0] += 0.9
    assert content.read_at(20, 10) == whole[20:30]
    now[0] += 0.1
    with pytest.raises(XorbDamaged):
        content.read_at(40, 10)


def test_a_xorb_that_is_lost_after_it_was_found_is_asked_for_again_and_reported(
    stored_repo: StoredRepo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunk_content, "_BLOCK", 10)
    xorb, whole = make([10] * 40)
    stored = keep(stored_repo.store, xorb)
    asked, reported = list[XetHash](), list[XetHash]()

    def find(wanted: XetHash) -> StoredXorb:
        asked.append(wanted)
        return stored

    content = ChunkedContent(stored_repo.store, Terms.of([Term(xorb.hash, 0, 40, 400)]), find, reported.append)
    assert (content.read_at(0, 10), content.read_at(100, 10)) == (whole[:10], whole[100:110])
    stored_repo.store.blobs.delete(stored.key)
    for _ in range(2):
        with pytest.raises(BlobMissing):
            content.read_at(200, 10)
    assert (len(asked), reported) == (3, [xorb.hash] * 2)


def test_the_empty_file_has_no_bytes(stored_repo: StoredRepo) -> None:
    content = ChunkedContent(stored_repo.store, Terms(b""), lambda xorb: pytest.fail(f"{xorb} is not needed"))
    assert (content.size, content.read_at(0, 10), content.read_at(5, 1)) == (0, b"", b"")


def test_lost_and_undecodable_bytes_are_named(stored_repo: StoredRepo) -> None:
    xorb, _ = make([500, 500])
    stored = keep(stored_repo.store, xorb)
    stored_repo.store.blobs.delete(stored.key)
    with pytest.raises(BlobMissing):
        chunk_content.read_stored(stored_repo.store, stored, 0, 2)
    with pytest.raises(BlobMissing):
        chunk_content.check_stored(stored_repo.store, stored)
    put(stored_repo.store.blobs, stored.key, b"\xff" * len(xorb.data))
    with pytest.raises(XorbDamaged):
        chunk_content.read_stored(stored_repo.store, stored, 0, 2)


def test_reading_some_chunks_needs_no_others(stored_repo: StoredRepo) -> None:
    xorb, whole = make([500, 600, 700])
    stored = keep(stored_repo.store, xorb)
    stored_repo.store.blobs.delete(stored.key)
    middle = xorb.data[stored.index.offset(1) : stored.index.offset(2)]
    put(stored_repo.store.blobs, stored.key, b"?" * stored.index.offset(1) + middle)
    assert b"".join(chunk_content.read_stored(stored_repo.store, stored, 1, 2)) == whole[500:1100]


@pytest.mark.parametrize("block", [1, 900, 4 << 20])
def test_every_flipped_bit_is_found(stored_repo: StoredRepo, monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(chunk_content, "_BLOCK", block)
    xorb, _ = make([40, 30, 50])
    stored = keep(stored_repo.store, xorb)
    chunk_content.check_stored(stored_repo.store, stored)
    for at in range(len(xorb.data)):
        data = bytearray(xorb.data)
        data[at] ^= 4
        stored_repo.store.blobs.delete(stored.key)
        put(stored_repo.store.blobs, stored.key, bytes(data))
        with pytest.raises(XorbDamaged):
            chunk_content.check_stored(stored_repo.store, stored)


@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: data + b"\0"])
def test_a_xorb_of_another_length_is_damaged(stored_repo: StoredRepo, change: Any) -> None:
    xorb, _ = make([40, 30, 50])
    stored = keep(stored_repo.store, xorb)
    stored_repo.store.blobs.delete(stored.key)
    put(stored_repo.store.blobs, stored.key, change(xorb.data))
    with pytest.raises(XorbDamaged):
        chunk_content.check_stored(stored_repo.store, stored)


def test_the_key_tells_nothing_but_the_directory(stored_repo: StoredRepo) -> None:
    row = chunk_content.row_of(XetHash("b" * 64), make([7])[0].index)
    assert chunk_content.key_of(row).rpartition(".")[2] == hashlib.blake2b(row.directory, digest_size=8).hexdigest()
