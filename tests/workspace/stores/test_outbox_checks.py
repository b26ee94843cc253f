"""Checks of the outbox and of the cache of indexes."""

from __future__ import annotations

import pytest

from entrepot.client.progress import Silent
from entrepot.workspace.stores import check_indexes, check_outbox
from tests.support.chunk_stores import Desk, noise

FILES = {"a": noise(80_000, 1), "b": noise(80_000, 2)}


def test_a_good_outbox_passes(desk: Desk) -> None:
    desk.pack(FILES)
    report = check_outbox(desk.outbox, progress=Silent())
    assert (report.objects, report.fixed_objects, report.left) == (1, 0, ())
    assert report.chunks >= 2


@pytest.mark.parametrize("how", ["missing", "flipped", "cut"])
def test_a_bad_pack_is_rebuilt_from_files(desk: Desk, how: str) -> None:
    desk.pack(FILES)
    [path] = (desk.outbox.folder / "packs").iterdir()
    good = path.read_bytes()
    if how == "missing":
        path.unlink()
    else:
        path.write_bytes(good[:-1] if how == "cut" else good[:-1] + bytes([good[-1] ^ 1]))
    report = check_outbox(desk.outbox, progress=Silent())
    assert [problem.where for problem in report.left] == [path.name]
    report = check_outbox(desk.outbox, progress=Silent(), sources=desk.sources(FILES))
    assert (report.fixed_objects, report.left) == (1, ())
    assert path.read_bytes() == good


def test_a_damaged_index_of_the_outbox_is_a_problem(desk: Desk) -> None:
    desk.pack(FILES)
    [name] = desk.outbox.indexes.names()
    (desk.outbox.indexes.folder / name).write_bytes(b"x")
    report = check_outbox(desk.outbox, progress=Silent())
    assert [problem.what for problem in report.left] == ["the index is damaged"]


def test_a_damaged_cached_index_is_removed(desk: Desk) -> None:
    version = desk.publish(FILES)
    assert check_indexes(desk.store.indexes) == ()
    [name] = desk.store.cache.names()
    (desk.store.indexes / name).write_bytes(b"x")
    assert len(check_indexes(desk.store.indexes.parent)) == 1
    reader = desk.other("reader")
    reader.fetch(version)
    assert reader.fetched(version) == FILES
