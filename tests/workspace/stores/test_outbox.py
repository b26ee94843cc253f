"""The outbox: what is kept, and what may be deleted."""

from __future__ import annotations

import hashlib
import subprocess
import sys

from entrepot.workspace.stores import Outbox
from entrepot.workspace.stores.outbox import layout_of, pack_name
from tests.support.chunk_stores import Desk, noise

FILES = {"a": noise(80_000, 1), "b": noise(80_000, 2)}


def digest(path: str) -> str:
    return hashlib.sha256(FILES[path]).hexdigest()


def test_it_knows_what_was_packed(desk: Desk) -> None:
    desk.pack(FILES)
    outbox = Outbox(desk.outbox.folder)
    assert outbox.knows(digest("a"))
    assert not outbox.knows("0" * 64)
    assert outbox.size > 160_000


def test_packs_that_nothing_needs_are_deleted(desk: Desk) -> None:
    desk.pack({"a": FILES["a"]})
    desk.pack({"b": FILES["b"]})
    size = desk.outbox.size
    freed = desk.outbox.keep_only({digest("b")})
    assert 80_000 < freed < 90_000
    assert desk.outbox.size == size - freed
    assert not desk.outbox.knows(digest("a"))
    assert desk.outbox.knows(digest("b"))
    assert desk.outbox.keep_only(set()) > 80_000
    assert (desk.outbox.size, desk.outbox.indexes.names()) == (0, [])


def test_a_pack_of_which_a_part_is_needed_is_kept(desk: Desk) -> None:
    desk.pack(FILES)
    assert desk.outbox.keep_only({digest("a")}) == 0
    version = desk.draft({"a": FILES["a"]})
    desk.push(version)
    reader = desk.other("reader")
    reader.fetch(version)
    assert reader.fetched(version) == {"a": FILES["a"]}


def test_nothing_is_deleted_while_it_is_in_use(desk: Desk) -> None:
    desk.pack(FILES)
    with desk.outbox.in_use():
        assert Outbox(desk.outbox.folder).keep_only(set()) == 0
    assert desk.outbox.keep_only(set()) > 0


def test_a_process_that_was_killed_no_longer_uses_it(desk: Desk) -> None:
    desk.pack(FILES)
    program = (
        "import sys, os, pathlib; from entrepot.workspace.stores import Outbox\n"
        "with Outbox(pathlib.Path(sys.argv[1])).in_use(): os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", program, str(desk.outbox.folder)], timeout=240)
    assert desk.outbox.keep_only(set()) > 0


def test_packs_have_the_names_of_their_bytes(desk: Desk) -> None:
    desk.pack(FILES)
    [pack] = [pack for pack, _ in desk.outbox.knowledge().packs.values()]
    data = desk.outbox.open_pack(pack.hash, pack.layout)
    assert data is not None
    assert layout_of(data) == pack.layout
    assert [name for name, _ in desk.outbox.list_packs()] == [pack_name(pack)]
    assert desk.outbox.has_pack(pack)
    (desk.folder / "outbox/packs" / pack_name(pack)).unlink()
    assert not desk.outbox.has_pack(pack)
    assert desk.outbox.open_pack(pack.hash, pack.layout) is None
