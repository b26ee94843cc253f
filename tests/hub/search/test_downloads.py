from __future__ import annotations

from typing import Any

import pytest

from entrepot.errors import Busy
from entrepot.hub.repos import infos
from entrepot.hub.search.downloads import DownloadCounter, is_counted
from entrepot.names import RepoPath, RepoRef, RepoType
from tests.support.worlds import World

P = RepoPath
MINUTE_MS = 60_000


def row(world: World, ref: RepoRef) -> Any:
    return infos.describe(world.hub, world.root, ref, "main", with_files=False, with_sizes=False).info.row


def counted(world: World, counter: DownloadCounter, ref: RepoRef) -> int:
    counter.flush(world.hub)
    return int(row(world, ref).downloads)


def test_a_model_counts_by_the_file_that_libraries_ask_for_first(world: World) -> None:
    ref, counter = world.repo(), DownloadCounter()
    for path in ("config.json", "model.safetensors", "sub/config.json", "README.md"):
        assert is_counted(row(world, ref), P(path)) == (path == "config.json")
        counter.note(row(world, ref), P(path), path, 0)
    assert counted(world, counter, ref) == 1


def test_one_person_within_five_minutes_counts_once(world: World) -> None:
    ref, counter = world.repo(kind=RepoType.DATASET), DownloadCounter()
    for client, when in (("a", 0), ("a", 4), ("b", 4), ("a", 5), ("b", 8)):
        counter.note(row(world, ref), P(f"{when}.csv"), client, when * MINUTE_MS)
    assert counted(world, counter, ref) == 3
    assert counted(world, counter, ref) == 3


def test_old_downloads_leave_the_month_but_not_all_time(world: World) -> None:
    ref, counter = world.repo(), DownloadCounter()
    for client in ("a", "b"):
        counter.note(row(world, ref), P("config.json"), client, 0)
    assert counted(world, counter, ref) == 2
    world.clock.advance(31 * 86_400_000)
    counter.note(row(world, ref), P("config.json"), "c", 0)
    assert counted(world, counter, ref) == 1
    full = infos.describe(world.hub, world.root, ref, "main", with_files=False, with_sizes=False)
    assert full.downloads_all_time == 3


def test_counts_that_cannot_be_written_are_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from entrepot.catalog.repos import download_counts

    ref, counter = world.repo(), DownloadCounter()
    counter.note(row(world, ref), P("config.json"), "a", 0)

    def refuse(*_arguments: Any) -> None:
        raise Busy("the database")

    with monkeypatch.context() as patch:
        patch.setattr(download_counts, "add", refuse)
        with pytest.raises(Busy):
            counter.flush(world.hub)
    counter.note(row(world, ref), P("config.json"), "b", 0)
    assert counted(world, counter, ref) == 2


def test_a_repository_erased_meanwhile_is_left_out(world: World) -> None:
    import attrs

    ref, counter = world.repo(), DownloadCounter()
    counter.note(attrs.evolve(row(world, ref), id=999), P("config.json"), "a", 0)
    counter.note(row(world, ref), P("config.json"), "a", 0)
    assert counted(world, counter, ref) == 1
