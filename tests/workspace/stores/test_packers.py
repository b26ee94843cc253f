"""Cutting and packing of contents."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import attrs
import pytest

from entrepot.names import Sha256
from entrepot.workspace.stores import packers
from entrepot.workspace.stores.chunk_tables import ChunkTable
from entrepot.workspace.stores.formats.index_objects import Pack
from entrepot.workspace.stores.packers import BLOCK, Packer
from entrepot.xet import FileBlock, Xorb, chunk_ends, chunk_hash, file_hash
from tests.support.chunk_stores import noise
from tests.support.xet_codec import read_chunks


@attrs.define
class Bench:
    """A packer and everything that it has made."""

    xorbs: dict[str, Xorb] = attrs.field(factory=dict)
    files: dict[Sha256, FileBlock] = attrs.field(factory=dict)
    packer: Packer = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.packer = Packer(ChunkTable(), self.keep, self.files.__contains__)

    def keep(self, xorb: Xorb) -> Pack:
        self.xorbs[xorb.hash] = xorb
        return Pack(xorb.hash, "0" * 16, xorb.index)

    def add(self, data: bytes) -> FileBlock:
        digest = self.packer.add(blocks(data))
        assert digest == packers.Digest(Sha256(hashlib.sha256(data).hexdigest()), len(data))
        return self.finish(digest.sha256)

    def finish(self, sha256: Sha256) -> FileBlock:
        files, _ = self.packer.finish()
        self.files |= {file.sha256: file for file in files if file.sha256}
        return self.files[sha256]

    def read(self, block: FileBlock) -> bytes:
        pieces = []
        for term in block.terms:
            xorb = self.xorbs[term.xorb]
            data = xorb.data[xorb.index.offset(term.start) : xorb.index.offset(term.end)]
            pieces.append(read_chunks(data, xorb.index, term.start, term.end))
        return b"".join(pieces)


def blocks(data: bytes) -> Iterator[bytes]:
    for at in range(0, len(data), BLOCK):
        yield data[at : at + BLOCK]


@pytest.mark.parametrize("size", [0, 1, 8191, 8192, 8193, 100_000, 1_000_000])
def test_a_content_is_what_its_terms_say(size: int) -> None:
    bench, data = Bench(), noise(size, size)
    block = bench.add(data)
    assert bench.read(block) == data
    assert block.terms.size == size
    assert len(block.terms) == (1 if size else 0)


@pytest.mark.parametrize("size", [1, 8192, 100_000, 20_000_000])
def test_the_hash_is_that_of_every_xet_client(size: int) -> None:
    data = noise(size, 1)
    ends = chunk_ends(data)
    starts = [0, *ends[:-1]]
    hashes = b"".join(chunk_hash(data[start:end]) for start, end in zip(starts, ends, strict=True))
    lengths = [end - start for start, end in zip(starts, ends, strict=True)]
    assert Bench().add(data).hash == file_hash(hashes, lengths)


def test_a_large_content_fills_several_packs() -> None:
    bench, data = Bench(), noise(70_000_000, 2)
    block = bench.add(data)
    assert len(bench.xorbs) == 2
    assert [term.start for term in block.terms] == [0, 0]
    assert bench.read(block) == data


def test_small_contents_share_a_pack_in_their_order() -> None:
    bench = Bench()
    digests = [bench.packer.add([noise(5000, number)]) for number in range(10)]
    found = [bench.finish(digest.sha256) for digest in digests]
    assert len(bench.xorbs) == 1
    assert [[(term.start, term.end) for term in block.terms] for block in found] == [[(n, n + 1)] for n in range(10)]


def test_equal_contents_and_equal_chunks_are_kept_once() -> None:
    bench, data = Bench(), noise(2_000_000, 3)
    bench.packer.add([data])
    bench.packer.add([data])
    bench.packer.add([b"prefix" + data])
    bench.packer.finish()
    assert sum(xorb.index.raw_size for xorb in bench.xorbs.values()) < 2_200_000


def test_known_chunks_become_references() -> None:
    bench, data = Bench(), noise(3_000_000, 4)
    first = bench.add(data)
    second = bench.add(noise(1000, 5) + data)
    assert {term.xorb for term in first.terms} < {term.xorb for term in second.terms}
    assert bench.read(second) == noise(1000, 5) + data
    assert bench.packer.bytes_new < 3_200_000


def test_a_content_in_many_fragments_is_written_again() -> None:
    bench = Bench()
    pieces = [noise(150_000, 100 + number) for number in range(100)]
    for piece in pieces:
        bench.packer.add([piece])
    bench.packer.finish()
    mixed = b"".join(piece + noise(20_000, 500 + number) for number, piece in enumerate(reversed(pieces)))
    block = bench.add(mixed)
    assert bench.read(block) == mixed
    assert len(block.terms) <= packers.FREE_FRAGMENTS + len(mixed) // packers.FRAGMENT_BYTES


def test_an_error_of_the_source_passes_through() -> None:
    def broken() -> Iterator[bytes]:
        yield noise(BLOCK, 1)
        raise LookupError

    with pytest.raises(LookupError):
        Bench().packer.add(broken())
