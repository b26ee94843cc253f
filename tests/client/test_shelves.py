from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from entrepot.client.caches import repo_cache
from entrepot.client.fetching import Wanted
from entrepot.client.hubs import Hub
from entrepot.client.progress import Silent
from entrepot.client.shelves import CacheShelf, draft_beside
from entrepot.errors import DownloadDamaged

METER = Silent().begin("", None)


@pytest.fixture
def wanted(stall: Any) -> Wanted:
    return Wanted(stall.ref, "c" * 40, "d/f", stall.etag, len(stall.data))


@pytest.fixture
def shelf(stall: Any, tmp_path: Path) -> CacheShelf:
    return CacheShelf(repo_cache(tmp_path, stall.ref))


def test_content_is_kept_once_for_all_commits(stall_hub: Hub, stall: Any, shelf: CacheShelf, wanted: Wanted) -> None:
    assert not shelf.holds(wanted)
    assert shelf.adopt(wanted) is None
    first = shelf.fetch(stall_hub, wanted, METER)
    other = Wanted(wanted.ref, "d" * 40, "other", wanted.etag, wanted.size)
    assert shelf.find(other.commit, other.path) is None
    second = shelf.adopt(other)
    assert second is not None
    assert second.resolve() == first.resolve()
    assert first.read_bytes() == stall.data
    assert len(stall.sent) == 1


def test_who_asks_at_the_same_time_shares_one_download(
    stall_hub: Hub, stall: Any, shelf: CacheShelf, wanted: Wanted, tally: Any
) -> None:
    threads = [threading.Thread(target=shelf.fetch, args=(stall_hub, wanted, tally)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(stall.sent) == 1
    assert tally.done == 4 * len(stall.data)


def test_force_fetches_again_and_replaces(stall_hub: Hub, stall: Any, shelf: CacheShelf, wanted: Wanted) -> None:
    place = shelf.fetch(stall_hub, wanted, METER)
    place.resolve().write_bytes(b"spoilt")
    assert shelf.fetch(stall_hub, wanted, METER, is_forced=True).read_bytes() == stall.data
    assert len(stall.sent) == 2


def test_content_of_the_wrong_length_is_not_taken_for_the_file(
    stall_hub: Hub, stall: Any, shelf: CacheShelf, wanted: Wanted
) -> None:
    shelf.cache.put(wanted.etag, b"short")
    assert not shelf.holds(wanted)
    assert shelf.fetch(stall_hub, wanted, METER).read_bytes() == stall.data


def test_after_damage_nothing_is_left(stall_hub: Hub, stall: Any, shelf: CacheShelf, wanted: Wanted) -> None:
    stall.data = b"x" + stall.data[1:]
    with pytest.raises(DownloadDamaged):
        shelf.fetch(stall_hub, wanted, METER)
    assert shelf.find(wanted.commit, wanted.path) is None
    assert list((shelf.cache.folder / "blobs").iterdir()) == []


def test_small_content_is_put_in_one_step(shelf: CacheShelf, wanted: Wanted) -> None:
    small = Wanted(wanted.ref, wanted.commit, "s", "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391", 0)
    assert shelf.put(small, b"").read_bytes() == b""
    assert shelf.holds(small)


def test_without_a_lock_drafts_have_names_of_their_own(tmp_path: Path) -> None:
    with draft_beside(tmp_path / "f", is_held=False) as one, draft_beside(tmp_path / "f", is_held=False) as two:
        assert one != two
        one.touch()
    assert list(tmp_path.iterdir()) == []
    with draft_beside(tmp_path / "f", is_held=True) as one, draft_beside(tmp_path / "f", is_held=True) as two:
        assert one == two
