from __future__ import annotations

from typing import Any

import pytest

from entrepot.catalog import Catalog
from entrepot.catalog.files import chunk_access, xet_files, xorbs
from entrepot.catalog.files.chunk_access import Viewer
from entrepot.catalog.files.xet_files import XetFileRow
from entrepot.catalog.files.xorbs import SWEEP_LEASE_MS, XorbRow, XorbState
from entrepot.catalog.visibility import Visibility
from entrepot.errors import Busy
from entrepot.names import Uid, XetHash
from tests.support.stored_rows import in_realm

ALICE, BOB = 7, 8


def name(number: int) -> XetHash:
    return XetHash(f"{number:064x}")


A, B, C, D = (name(number) for number in (0xA, 0xB, 0xC, 0xD))
SHARD = Uid("5" * 24)
EVERYTHING = Viewer(None, is_everywhere=True)


def row(xorb: XetHash, size: int = 100) -> XorbRow:
    return XorbRow(xorb, size, 1000, 3, bytes([size]), False)


def store(catalog: Catalog, *wanted: XetHash, now_ms: int = 5, realm: int = ALICE) -> None:
    with catalog.write() as tx:
        for xorb in wanted:
            xorbs.put(tx, row(xorb), realm, now_ms)


def damage(catalog: Catalog, xorb: XetHash, since_ms: int = 5) -> None:
    with catalog.write() as tx:
        xorbs.mark_damaged(tx, xorb, since_ms)


def is_damaged(tx: Any, xorb: XetHash) -> bool:
    found = xorbs.state(tx, xorb)
    assert found is not None
    return found.is_damaged


def unused(tx: Any, before_ms: int) -> list[XetHash]:
    return [found.hash for found in xorbs.unused(tx, before_ms, after="", limit=99)]


def test_a_xorb_is_found_as_it_was_recorded(catalog: Catalog) -> None:
    store(catalog, A, B)
    with catalog.read() as tx:
        assert xorbs.find(tx, A) == row(A)
        assert xorbs.find(tx, C) is None
        assert xorbs.find_many(tx, [C, B, A]) == {A: row(A), B: row(B)}
        assert xorbs.state(tx, A) == XorbState(5, is_damaged=False)
        assert xorbs.state(tx, C) is None


def test_the_first_bytes_of_a_xorb_stay(catalog: Catalog) -> None:
    store(catalog, A)
    with catalog.write() as tx:
        xorbs.put(tx, row(A, 90), BOB, 9)
        assert xorbs.find(tx, A) == row(A)
        assert in_realm(tx, BOB, [A, B]) == {A}
        assert unused(tx, 9) == []
        assert unused(tx, 10) == [A]


def test_a_realm_uses_what_it_has_sent(catalog: Catalog) -> None:
    store(catalog, A, B)
    with catalog.write() as tx:
        assert in_realm(tx, BOB, [A, B, C]) == set()
        assert xorbs.use(tx, A, BOB, 6)
        assert xorbs.use(tx, B, BOB, 6)
        assert in_realm(tx, BOB, [A, B, C]) == {A, B}
        assert in_realm(tx, ALICE, []) == set()
        assert not xorbs.use(tx, C, BOB, 6)
        assert in_realm(tx, BOB, [C]) == set()


def test_many_xorbs_are_looked_up(catalog: Catalog) -> None:
    many = [name(number) for number in range(1, 1202)]
    store(catalog, *many)
    with catalog.write() as tx:
        assert len(xorbs.find_many(tx, many)) == len(in_realm(tx, ALICE, many)) == 1201
        assert len(xorbs.touch(tx, many, 9)) == 1201
        assert unused(tx, 9) == []


def test_xorbs_come_in_pages(catalog: Catalog) -> None:
    store(catalog, A, B, C)
    with catalog.read() as tx:
        for list_page in (lambda **o: xorbs.everything(tx, **o), lambda **o: xorbs.unused(tx, 99, **o)):
            found, last = [], ""
            while page := list_page(after=last, limit=2):
                found += [item.hash for item in page]
                last = page[-1].hash
            assert found == [A, B, C]
        assert xorbs.totals(tx) == (3, 300, 0)
    damage(catalog, B)
    with catalog.read() as tx:
        assert xorbs.totals(tx) == (3, 300, 1)


# --- lookups ----------------------------------------------------------------


def test_the_uploader_of_a_xorb_is_forgotten_with_it_or_after_a_time(catalog: Catalog) -> None:
    store(catalog, A, B)
    with catalog.write() as tx:
        for xorb, now_ms in ((A, 6), (B, 9)):
            assert xorbs.use(tx, xorb, None, now_ms, sender="u1")
        assert xorbs.forget_uploads(tx, 7) == 1
        assert chunk_access.whole(tx, Viewer(Visibility(), "u1"), [A, B]) == {B}
        assert xorbs.begin_sweep(tx, B, 10, 50)
        assert chunk_access.whole(tx, Viewer(Visibility(), "u1"), [A, B]) == set()


# --- quarantine -------------------------------------------------------------


def test_nothing_new_refers_to_a_damaged_xorb(catalog: Catalog) -> None:
    store(catalog, A, B)
    with catalog.write() as tx:
        xorbs.remember_chunks(tx, SHARD, [(name(1), A, 0), (name(2), B, 0)])
    damage(catalog, A)
    with catalog.write() as tx:
        assert is_damaged(tx, A)
        assert not is_damaged(tx, B)
        assert not xorbs.use(tx, A, ALICE, 6)
        assert xorbs.touch(tx, [A, B, C], 6) == {B}
        assert chunk_access.near_chunk(tx, EVERYTHING, name(1), 9) == []
        assert chunk_access.near_chunk(tx, EVERYTHING, name(2), 9) != []
        with pytest.raises(Busy):
            xorbs.put(tx, row(A), ALICE, 6)


def test_bytes_that_came_later_are_neither_damaged_nor_checked_by_an_earlier_look(catalog: Catalog) -> None:
    store(catalog, A)
    damage(catalog, A, since_ms=4)
    with catalog.write() as tx:
        xorbs.mark_checked(tx, A, 4, 99)
        assert not is_damaged(tx, A)
        assert xorbs.next_to_check(tx, 50) == A


def test_a_mended_xorb_is_a_new_one(catalog: Catalog) -> None:
    store(catalog, A)
    damage(catalog, A)
    with catalog.write() as tx:
        xorbs.begin_repair(tx, A, 5)
        xorbs.end_repair(tx, row(A, 70), 5, 5)
        assert xorbs.find(tx, A) == row(A, 70)
        assert xorbs.state(tx, A) == XorbState(6, is_damaged=False)
        assert xorbs.use(tx, A, BOB, 9)
    damage(catalog, A, since_ms=6)
    with catalog.write() as tx:
        xorbs.begin_repair(tx, A, 80)
        xorbs.end_repair(tx, row(A), 80, 90)
        assert xorbs.state(tx, A) == XorbState(90, is_damaged=False)


def test_one_replaces_bytes_at_a_time(catalog: Catalog) -> None:
    store(catalog, A)
    with catalog.write() as tx:
        xorbs.begin_repair(tx, A, 10)
        assert is_damaged(tx, A)
    for take in (
        lambda tx: xorbs.begin_repair(tx, A, 11),
        lambda tx: xorbs.use(tx, A, ALICE, 11),
        lambda tx: xorbs.put(tx, row(A), ALICE, 11),
        lambda tx: xorbs.end_repair(tx, row(A), 9, 11),
    ):
        with catalog.write() as tx, pytest.raises(Busy):
            take(tx)
    with catalog.write() as tx:
        assert not xorbs.begin_sweep(tx, A, 99, 11)
        xorbs.mark_checked(tx, A, 5, 11)
        assert is_damaged(tx, A)
        late = 10 + SWEEP_LEASE_MS
        xorbs.begin_repair(tx, A, late)
        with pytest.raises(Busy):
            xorbs.end_repair(tx, row(A), 10, late)
        xorbs.end_repair(tx, row(A), late, late)


def test_the_longest_unchecked_xorb_is_next(catalog: Catalog) -> None:
    store(catalog, B, now_ms=1)
    store(catalog, A, C, now_ms=2)
    with catalog.write() as tx:
        assert xorbs.next_to_check(tx, 1) is None
        assert xorbs.next_to_check(tx, 9) == B
        xorbs.mark_checked(tx, B, 1, 8)
        assert xorbs.next_to_check(tx, 3) in (A, C)
    damage(catalog, A, since_ms=2)
    damage(catalog, C, since_ms=2)
    with catalog.read() as tx:
        assert xorbs.next_to_check(tx, 9) == B
        assert xorbs.next_to_check(tx, 8) is None


# --- sweeping ---------------------------------------------------------------


def test_a_xorb_that_a_file_needs_is_not_swept(catalog: Catalog) -> None:
    store(catalog, A, B)
    with catalog.write() as tx:
        xet_files.put(tx, XetFileRow.of(name(0xF), 10, b""), {A: b""}, 5)
        assert unused(tx, 99) == [B]
        assert [xorbs.begin_sweep(tx, xorb, 99, 50) for xorb in (A, B, C)] == [False, True, False]
        xorbs.end_sweep(tx, A)
        xorbs.end_sweep(tx, B)
        assert [xorbs.find(tx, xorb) is None for xorb in (A, B)] == [False, True]


def test_a_xorb_that_is_being_swept_is_unknown_immediately(catalog: Catalog) -> None:
    store(catalog, A)
    with catalog.write() as tx:
        xorbs.remember_chunks(tx, SHARD, [(name(1), A, 0)])
        assert not xorbs.begin_sweep(tx, A, 5, 50)
        assert xorbs.begin_sweep(tx, A, 6, 50)
        assert chunk_access.near_chunk(tx, EVERYTHING, name(1), 9) == []
        assert in_realm(tx, ALICE, [A]) == set()
        assert xorbs.touch(tx, [A], 51) == set()
        assert not xorbs.begin_sweep(tx, A, 99, 51)
        for take in (lambda: xorbs.use(tx, A, ALICE, 51), lambda: xorbs.put(tx, row(A), ALICE, 51)):
            with pytest.raises(Busy):
                take()


def test_a_xorb_left_by_a_crashed_sweep_is_unreliable_and_swept_again(catalog: Catalog) -> None:
    store(catalog, A)
    late = 50 + SWEEP_LEASE_MS
    with catalog.write() as tx:
        assert xorbs.begin_sweep(tx, A, 6, 50)
        assert not xorbs.use(tx, A, ALICE, late)
        assert xorbs.touch(tx, [A], late) == set()
        assert unused(tx, 6) == [A]
        assert xorbs.begin_sweep(tx, A, 6, late)
        xorbs.end_sweep(tx, A)
        assert xorbs.find(tx, A) is None


def test_orphaned_bytes_are_claimed_only_without_a_row(catalog: Catalog) -> None:
    store(catalog, A)
    with catalog.write() as tx:
        assert not xorbs.adopt(tx, A, 10)
        assert xorbs.adopt(tx, B, 10)
        assert not xorbs.adopt(tx, B, 10)
        with pytest.raises(Busy):
            xorbs.put(tx, row(B), ALICE, 11)
        assert [found.hash for found in xorbs.everything(tx, after="", limit=9)] == [A]
        assert xorbs.next_to_check(tx, 4) is None
        xorbs.end_sweep(tx, B)
        xorbs.put(tx, row(B), ALICE, 12)
        assert xorbs.use(tx, B, ALICE, 12)


def test_a_xorb_is_found_by_the_beginning_of_its_hash_if_no_other_one_begins_alike(catalog: Catalog) -> None:
    one, two = XetHash("ab" * 12 + "00" * 20), XetHash("ac" * 12 + "ff" * 20)
    store(catalog, one, two, A)
    with catalog.read() as tx:
        found = [xorbs.find_by_prefix(tx, prefix) for prefix in (one[:24], two[:24], "ab" * 11 + "ac")]
        assert found == [one, two, None]
    store(catalog, XetHash("ab" * 12 + "01" * 20))
    with catalog.read() as tx:
        assert xorbs.find_by_prefix(tx, one[:24]) is None
