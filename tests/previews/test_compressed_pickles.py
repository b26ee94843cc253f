from __future__ import annotations

import bz2
import gzip
import lzma
import os
import pickle
import tracemalloc
import zlib
from collections.abc import Callable

import pytest

from entrepot.errors import Malformed
from entrepot.previews import compressed_pickles
from entrepot.previews.compressed_pickles import MAX_STREAMS, unpack_beginning
from entrepot.previews.pickles import scan_pickles
from entrepot.previews.sources import BytesRangeReader

Compress = Callable[[bytes], bytes]
COMPRESSIONS: dict[str, Compress] = {
    "zlib": zlib.compress,
    "gzip": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "lzma": lambda data: lzma.compress(data, lzma.FORMAT_ALONE),
}


class Runs:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("true",)


@pytest.fixture(params=COMPRESSIONS)
def compress(request: pytest.FixtureRequest) -> Compress:
    return COMPRESSIONS[request.param]


def test_what_a_compressed_pickle_imports_is_found(compress: Compress) -> None:
    scan = scan_pickles(BytesRangeReader(compress(pickle.dumps([bytes(100_000), Runs()]))))
    assert (scan.worst, scan.is_complete) == ("dangerous", True)


def test_a_compressed_pickle_that_is_cut_off_is_read_in_part(compress: Compress) -> None:
    data = compress(pickle.dumps([Runs(), os.urandom(300_000)]))
    scan = scan_pickles(BytesRangeReader(data[: len(data) - 20_000]))
    assert not scan.is_complete


def test_streams_that_follow_each_other_are_one_file() -> None:
    data = pickle.dumps(Runs())
    assert unpack_beginning(gzip.compress(data[:9]) + gzip.compress(data[9:]), 1_000) == (data, True)


def test_of_very_many_streams_the_first_are_unpacked(compress: Compress) -> None:
    assert unpack_beginning(compress(b"x") * 1_000, 1 << 20) == (b"x" * MAX_STREAMS, False)


def test_no_more_is_unpacked_than_wanted(compress: Compress) -> None:
    data = compress(bytes(200 << 20))
    tracemalloc.start()
    try:
        assert unpack_beginning(data, 1 << 20) == (bytes(1 << 20), False)
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("start", [b"\x04\x22\x4d\x18", b"ZF0x64" + b" " * 15])
def test_what_is_never_unpacked_is_not_called_read(start: bytes) -> None:
    scan = scan_pickles(BytesRangeReader(start + zlib.compress(pickle.dumps(Runs()))))
    assert (scan.imports, scan.is_complete) == ((), False)


def test_what_only_begins_like_a_compressed_file_is_refused_or_read_as_it_is() -> None:
    assert unpack_beginning(b"plain", 10) is None
    with pytest.raises(Malformed, match="cannot be unpacked"):
        unpack_beginning(b"x is no zlib", 10)
    with pytest.raises(Malformed, match="malformed pickle"):
        scan_pickles(BytesRangeReader(b"x is no zlib"))


def test_what_takes_too_much_memory_to_unpack_is_not_called_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compressed_pickles, "MAX_MEMORY", 1 << 20)
    scan = scan_pickles(BytesRangeReader(lzma.compress(pickle.dumps(Runs()))))
    assert (scan.imports, scan.is_complete) == ((), False)
