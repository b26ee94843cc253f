from __future__ import annotations

import pathlib
import subprocess
import sys
import threading
from itertools import pairwise
from typing import Any

import hf_xet
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.xet import chunk_hash, chunking, compiled_gear, file_hash
from entrepot.xet.chunking import Chunker, CompiledChunker, NumpyChunker
from entrepot.xet.compiled_gear import BLOCK, START, CompiledGear, length_of
from entrepot.xet.gear_table import GEAR
from entrepot.xet.machine_code import if_possible

pytest.importorskip("wasmtime", reason="the extra 'speed' is not installed")
NOISE = np.random.default_rng(12).bytes(400_000)
FILLER = b"\x01"  # a run of it allows no boundary


def first_mark() -> bytes:
    number = 0  # a byte no longer counts when 64 others follow it: its bits have left the number
    for end, byte in enumerate(NOISE, 1):
        number = ((number << 1) + GEAR[byte]) % 2**64
        if end >= 64 and number < 2**48:
            return NOISE[end - 64 : end]
    raise AssertionError("no chunk may end in the noise")


MARK = first_mark()
"""64 bytes after which a chunk may end."""


@pytest.fixture(scope="module")
def gear() -> CompiledGear:
    return CompiledGear()


def ends_by(chunker: NumpyChunker | CompiledChunker, data: bytes, cuts: list[int]) -> list[int]:
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    found: list[int] = []
    for start, end in pairwise(places):
        found += chunker.feed(memoryview(data)[start:end])
    return found + chunker.finish()


def with_marks(size: int, ends: list[int]) -> bytes:
    data = bytearray(FILLER * size)
    for end in ends:
        data[max(0, end - 64) : end] = MARK[max(0, 64 - end) :]
    return bytes(data[:size])


@pytest.mark.parametrize(
    "first", [0, 1, 63, 64, 8127, 8128, 8129, 8190, 8191, 8192, 8193, 8255, 8256, 131_071, 131_072, 131_073]
)
@pytest.mark.parametrize("following", [0, 1, 64, 8191, 8192, 8193])
def test_a_boundary_counts_from_the_shortest_length_to_the_longest(
    gear: CompiledGear, first: int, following: int
) -> None:
    data = with_marks(300_000, [first, first + following])
    found = ends_by(CompiledChunker(gear), data, [])
    assert found == ends_by(NumpyChunker(), data, [])
    if following != 1:  # the second mark does not overwrite the first
        assert (first in found) == (8192 <= first <= 131_072)


@given(
    st.lists(st.integers(1, 400_000), max_size=30),
    st.lists(st.integers(0, 400_000), max_size=6),
    st.integers(0, 400_000),
)
def test_the_compiled_search_finds_what_the_other_finds(marks: list[int], cuts: list[int], size: int) -> None:
    data = with_marks(size, marks)
    compiled = compiled_gear.compiled_gear()
    assert compiled is not None
    assert ends_by(CompiledChunker(compiled), data, cuts) == ends_by(NumpyChunker(), data, cuts)


@given(st.binary(min_size=1, max_size=96), st.integers(1, 6000), st.lists(st.integers(0, 400_000), max_size=6))
def test_repeated_patterns_end_where_they_do_for_the_other(pattern: bytes, times: int, cuts: list[int]) -> None:
    data = (pattern * times)[:400_000]
    compiled = compiled_gear.compiled_gear()
    assert compiled is not None
    assert ends_by(CompiledChunker(compiled), data, cuts) == ends_by(NumpyChunker(), data, [])


@pytest.mark.parametrize(
    "content",
    [
        np.random.default_rng(30).bytes(9 << 20),
        np.random.default_rng(31).normal(0, 0.02, 400_000).astype("<f4").tobytes(),
        with_marks(1 << 20, list(range(500, 1 << 20, 4099))),
        with_marks(2 * BLOCK + 5, [BLOCK - 1, BLOCK, BLOCK + 8191, 2 * BLOCK]),
        MARK * 8192,
    ],
    ids=["noise", "floats", "many marks", "marks at blocks", "marks only"],
)
def test_the_real_client_cuts_there_too(tmp_path: pathlib.Path, gear: CompiledGear, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    (oracle,) = hf_xet.hash_files([str(tmp_path / "file")])
    ends = [0, *ends_by(CompiledChunker(gear), content, [])]
    hashes = b"".join(chunk_hash(content[start:end]) for start, end in pairwise(ends))
    assert file_hash(hashes, np.diff(ends)) == oracle.hash


def test_single_bytes_are_enough(gear: CompiledGear) -> None:
    data = with_marks(8_400, [8_300])
    assert ends_by(CompiledChunker(gear), data, list(range(len(data)))) == [8_300, 8_400]


def test_the_state_counts_the_bytes_of_the_unfinished_chunk(gear: CompiledGear) -> None:
    ends, state = gear.search(memoryview(bytes(131_072 + 100)), START)
    assert (ends, length_of(state), length_of(START)) == ([131_072], 100, 0)


def test_threads_do_not_disturb_each_other(gear: CompiledGear) -> None:
    expected, found = ends_by(NumpyChunker(), NOISE, []), list[list[int]]()
    start = threading.Barrier(6)

    def run(number: int) -> None:
        start.wait(30)
        for _ in range(5):
            found.append(ends_by(CompiledChunker(gear), NOISE, [number * 1000 * step for step in range(20)]))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == [expected] * 30


def test_without_the_library_the_other_search_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_self: object) -> None:
        raise OSError("no memory may be executed here")

    monkeypatch.setattr(CompiledGear, "__init__", fail)
    monkeypatch.setattr(chunking, "compiled_gear", if_possible(CompiledGear))
    chunker: Any = Chunker()
    assert isinstance(chunker._chunker, NumpyChunker)
    assert chunker.feed(NOISE) + chunker.finish() == ends_by(NumpyChunker(), NOISE, [])


def test_a_process_that_used_it_ends_quietly() -> None:
    code = "from entrepot.xet import chunk_ends; print(chunk_ends(bytes(131073)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=240)
    assert (done.stdout, done.stderr) == ("[131072, 131073]\n", "")
