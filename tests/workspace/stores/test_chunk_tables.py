"""Tables of known chunks."""

from __future__ import annotations

from array import array

from entrepot.names import XetHash
from entrepot.workspace.stores.chunk_tables import ChunkTable
from entrepot.workspace.stores.formats.index_objects import Pack
from entrepot.xet import XorbIndex
from tests.support.chunk_stores import noise


def pack(hashes: list[bytes], name: str = "a") -> Pack:
    ends = array("I", [100 * (number + 1) for number in range(len(hashes))])
    return Pack(XetHash(name * 64), "0" * 16, XorbIndex(b"".join(hashes), ends, ends))


def test_chunks_are_found_by_their_hash() -> None:
    hashes = [noise(32, number) for number in range(100)]
    table = ChunkTable([pack(hashes[:50], "a"), pack(hashes[50:], "b")])
    found = table.find(b"".join([hashes[70], noise(32, 1000), hashes[3]]))
    assert [(chunk.pack.hash[0], chunk.number) if chunk else None for chunk in found] == [("b", 20), None, ("a", 3)]


def test_an_empty_table_finds_nothing() -> None:
    assert ChunkTable().find(noise(64)) == [None, None]
    assert ChunkTable().find(b"") == []


def test_hashes_that_begin_equally_are_distinguished() -> None:
    one, other, third = (b"8 bytes." + bytes(23) + bytes([number]) for number in range(3))
    table = ChunkTable([pack([one, other])])
    found = table.find(other + third + one)
    assert [chunk.number if chunk else None for chunk in found] == [1, None, 0]


def test_many_additions_stay_findable_and_the_first_wins() -> None:
    table = ChunkTable()
    hashes = [noise(32, number) for number in range(30)]
    for number, each in enumerate(hashes):
        table.add([pack([each, hashes[0]], chr(97 + number % 6))])
    assert all(chunk is not None for chunk in table.find(b"".join(hashes)))
    [first] = table.find(hashes[0])
    assert first is not None
    assert (first.pack.hash[0], first.number) == ("a", 0)
