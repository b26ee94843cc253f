"""Packs made again from files."""

from __future__ import annotations

import os

from entrepot.workspace.stores.pack_repairs import is_intact, rebuild_packs
from tests.support.chunk_stores import Desk, noise

FILES = {"a": noise(80_000, 1), "b": noise(80_000, 2)}


def test_a_pack_is_rebuilt_when_every_chunk_is_found(desk: Desk) -> None:
    desk.pack(FILES)
    known = desk.outbox.knowledge()
    [pack] = [pack for pack, _ in known.packs.values()]
    [xorb] = rebuild_packs([pack], known, None, desk.sources(FILES)).values()
    assert xorb.hash == pack.hash
    assert is_intact(xorb.data, pack)
    assert rebuild_packs([pack], known, None, desk.sources({"a": FILES["a"]})) == {}
    assert [xorb.hash for xorb in rebuild_packs([pack], known, desk.outbox, {}).values()] == [pack.hash]


def test_wrong_bytes_are_not_intact(desk: Desk) -> None:
    desk.pack(FILES)
    [pack] = [pack for pack, _ in desk.outbox.knowledge().packs.values()]
    data = bytes(desk.outbox.open_pack(pack.hash, pack.layout) or b"")
    assert is_intact(data, pack)
    assert not is_intact(data[:-1], pack)
    assert not is_intact(data[:-1] + bytes([data[-1] ^ 1]), pack)


def test_a_file_that_is_gone_is_no_source(desk: Desk) -> None:
    desk.pack(FILES)
    known = desk.outbox.knowledge()
    [pack] = [pack for pack, _ in known.packs.values()]
    (desk.folder / "data/a").unlink()
    assert rebuild_packs([pack], known, None, desk.sources(FILES)) == {}
    os.mkfifo(desk.folder / "data/a")  # nobody writes into it
    assert rebuild_packs([pack], known, None, desk.sources(FILES)) == {}
