"""Reading of chunks, from the best copy that is left."""

from __future__ import annotations

import pytest

from entrepot.errors import ChunkMissing, ContentDamaged
from entrepot.workspace.stores.formats.index_objects import Pack
from entrepot.workspace.stores.formats.keys import XORBS, pack_key
from entrepot.workspace.stores.pack_readers import PackReader, find_layouts
from tests.support.chunk_stores import Desk, noise

TEXT = b"".join(b"line %d of a text that compresses\n" % number for number in range(20_000))


def published_pack(desk: Desk) -> Pack:
    version = desk.publish({"text": TEXT})
    known = desk.store.learn(desk.store.get_record(version.ref).record.indexes)
    [pack] = [pack for pack, _ in known.packs.values()]
    return pack


def uncompressed(pack: Pack, chunks: list[memoryview]) -> bytes:
    pieces = []
    for chunk in chunks:
        pieces += [(len(chunk) << 8).to_bytes(4, "little"), (len(chunk) << 8).to_bytes(4, "little"), bytes(chunk)]
    return b"".join(pieces)


def test_chunks_are_read_from_the_bucket(desk: Desk) -> None:
    pack = published_pack(desk)
    reader = PackReader(desk.store, None)
    assert b"".join(reader.read(pack, 0, pack.index.count)) == TEXT
    assert reader.bytes_received == pack.index.size < len(TEXT)


def test_the_outbox_is_asked_first(desk: Desk) -> None:
    desk.pack({"text": TEXT})
    [pack] = [pack for pack, _ in desk.outbox.knowledge().packs.values()]
    reader = PackReader(desk.store, desk.outbox)
    assert bytes(reader.read(pack, 0, 1)[0]) == TEXT[: pack.index.raw_ends[0]]
    assert reader.bytes_received == 0


def test_a_damaged_pack_of_the_outbox_is_read_from_the_bucket(desk: Desk) -> None:
    pack = published_pack(desk)
    desk.pack({"text": TEXT, "other": noise(10)})
    path = desk.outbox.folder / "packs" / f"{pack.hash}.{pack.layout}"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(bytes(pack.index.size))
    assert b"".join(PackReader(desk.store, desk.outbox).read(pack, 0, pack.index.count)) == TEXT


@pytest.mark.parametrize("how", ["missing", "damaged"])
def test_another_layout_of_the_pack_is_used(desk: Desk, how: str) -> None:
    pack = published_pack(desk)
    chunks = PackReader(desk.store, None).read(pack, 0, pack.index.count)
    desk.bucket.bucket.put_new(pack_key(pack.hash, "0" * 16), b"damaged")
    desk.bucket.bucket.put_new(pack_key(pack.hash, "f" * 16), uncompressed(pack, chunks))
    assert len(list(find_layouts(desk.store, pack.hash))) == 3
    if how == "missing":
        desk.bucket.bucket.delete(pack_key(pack.hash, pack.layout))
    else:
        desk.damage(pack_key(pack.hash, pack.layout))
    reader = PackReader(desk.store, None)
    assert b"".join(reader.read(pack, 2, pack.index.count)) == TEXT[pack.index.raw_ends[1] :]
    assert b"".join(reader.read(pack, 0, 2)) == TEXT[: pack.index.raw_ends[1]]


def test_without_a_copy_the_error_says_whether_it_is_missing_or_damaged(desk: Desk) -> None:
    pack = published_pack(desk)
    [key] = desk.list_keys(XORBS)
    desk.damage(key)
    with pytest.raises(ContentDamaged, match=key):
        PackReader(desk.store, None).read(pack, 0, pack.index.count)
    desk.bucket.bucket.delete(key)
    with pytest.raises(ChunkMissing, match=key):
        PackReader(desk.store, None).read(pack, 0, 1)


def test_bytes_that_were_wrong_on_their_way_are_read_again(desk: Desk) -> None:
    pack = published_pack(desk)
    [key] = desk.list_keys(XORBS)
    damaged: list[str] = []

    def flip(verb: str, name: str, number: int) -> None:
        if verb == "read":
            if not damaged or len(damaged) == 1:
                desk.damage(key)
            damaged.append(name)

    desk.bucket.before = flip
    assert b"".join(PackReader(desk.store, None).read(pack, 0, pack.index.count)) == TEXT
