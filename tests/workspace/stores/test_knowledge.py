"""What is known of a store."""

from __future__ import annotations

from entrepot.names import Sha256
from entrepot.workspace.stores.formats.index_objects import IndexObject
from entrepot.workspace.stores.knowledge import Knowledge
from tests.support.chunk_stores import Desk, noise


def test_the_index_added_first_wins(desk: Desk) -> None:
    desk.pack({"a": noise(50_000, 1)})
    known = desk.outbox.knowledge()
    [sha256] = known.files
    [name] = known.indexes
    known.add("other", known.indexes[name])
    known.add(name, IndexObject({}, {}))
    assert known.files[sha256][1] == name
    assert known.find_file("0" * 64) is None
    [term] = known.files[sha256][0].terms
    assert known.find_pack(term.xorb) is not None


def test_a_file_stays_known_without_its_packs(desk: Desk) -> None:
    desk.pack({"a": noise(50_000, 1)})
    known = desk.outbox.knowledge()
    [block] = [block for block, _ in known.files.values()]
    less = known.without(set(known.packs))
    assert Sha256(block.sha256 or "") in less.files
    assert known.packs
    assert [less.find_pack(term.xorb) for term in block.terms] == [None]
    assert list(Knowledge().packs) == []
