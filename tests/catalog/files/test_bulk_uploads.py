from __future__ import annotations

from collections.abc import Sequence

import pytest

from entrepot.catalog import Catalog
from entrepot.catalog.files import bulk_uploads, files, xet_files, xorbs
from entrepot.catalog.files.bulk_uploads import FileState, ProvenFile
from entrepot.catalog.files.xet_files import XetFileRow
from entrepot.catalog.files.xorbs import XorbRow
from entrepot.errors import Busy
from entrepot.names import Sha256, XetHash


def name(number: int) -> XetHash:
    return XetHash(f"{number:064x}")


def sha(number: int) -> Sha256:
    return Sha256(f"{number:064x}")


X, Y = name(0xA), name(0xB)


def arrival(number: int, xorb: XetHash = X, terms: bytes = b"t") -> ProvenFile:
    return ProvenFile(sha(number), XetFileRow(name(0xF00 + number), 20, terms), {xorb: b""})


def put(catalog: Catalog, arrivals: Sequence[ProvenFile], now_ms: int = 5) -> list[Sha256]:
    with catalog.write() as tx:
        for xorb in {xorb for item in arrivals for xorb in item.xorbs}:
            xorbs.put(tx, XorbRow(xorb, 10, 20, 1, b"d", False), 1, now_ms)
        return bulk_uploads.put(tx, arrivals, now_ms)


def kept(catalog: Catalog, *numbers: int) -> dict[Sha256, FileState]:
    with catalog.read() as tx:
        return bulk_uploads.stored_forms(tx, [sha(number) for number in numbers])


def test_uploaded_files_are_stored_as_chunks(catalog: Catalog) -> None:
    arrivals = [arrival(number) for number in range(1200)]
    assert put(catalog, arrivals) == []
    found = kept(catalog, *range(1201))
    assert found == {item.sha256: FileState(20, is_raw=False, is_chunked=True) for item in arrivals}
    with catalog.read() as tx:
        assert xet_files.find(tx, arrivals[7].row.hash) == arrivals[7].row
        assert xet_files.xorbs_of(tx, [arrivals[1100].row.hash]) == {X}


def test_chunks_that_are_known_stay(catalog: Catalog) -> None:
    put(catalog, [arrival(1)])
    put(catalog, [arrival(1, Y, b"other"), arrival(2, Y)])
    with catalog.read() as tx:
        found = xet_files.find(tx, arrival(1).row.hash)
        assert found is not None
        assert found.terms == b"t"
        assert xet_files.xorbs_of(tx, [found.hash]) == {X}


def test_damaged_chunks_are_not_relied_on_and_give_way(catalog: Catalog) -> None:
    put(catalog, [arrival(1)])
    with catalog.write() as tx:
        xorbs.mark_damaged(tx, X, 5)
    assert kept(catalog, 1) == {sha(1): FileState(20, is_raw=False, is_chunked=False)}
    put(catalog, [arrival(1, Y, b"other")])
    assert kept(catalog, 1)[sha(1)].is_chunked


def test_rows_of_raw_files_are_named_and_learn_of_the_chunks(catalog: Catalog) -> None:
    with catalog.write() as tx:
        files.reserve(tx, sha(1), 999, 1)
    assert kept(catalog, 1) == {sha(1): FileState(999, is_raw=True, is_chunked=False)}
    assert put(catalog, [arrival(1), arrival(2)]) == [sha(1)]
    assert kept(catalog, 1) == {sha(1): FileState(20, is_raw=True, is_chunked=True)}


def test_a_file_that_is_being_swept_does_not_count_and_makes_others_wait(catalog: Catalog) -> None:
    with catalog.write() as tx:
        files.reserve(tx, sha(1), 20, 1)
        assert files.begin_sweep(tx, sha(1), 9, 10)
    assert kept(catalog, 1) == {}
    with pytest.raises(Busy):
        put(catalog, [arrival(1)], now_ms=11)
