from __future__ import annotations

import threading
from pathlib import Path

import pytest

from entrepot.client.cache.caches import repo_cache
from entrepot.client.downloads.download_targets import CacheTarget, draft_beside
from entrepot.client.downloads.fetching import WantedFile
from entrepot.client.hubs import Hub
from entrepot.client.progress import Silent
from entrepot.errors import DownloadDamaged
from tests.support.faulty_hub import FaultyHub
from tests.support.progress import RecordedProgress

METER = Silent().begin("", None)


@pytest.fixture
def wanted(faulty_hub: FaultyHub) -> WantedFile:
    return WantedFile(faulty_hub.ref, "c" * 40, "d/f", faulty_hub.etag, len(faulty_hub.data))


@pytest.fixture
def target(faulty_hub: FaultyHub, tmp_path: Path) -> CacheTarget:
    return CacheTarget(repo_cache(tmp_path, faulty_hub.ref))


def test_content_is_stored_once_for_all_commits(
    faulty_hub_client: Hub, faulty_hub: FaultyHub, target: CacheTarget, wanted: WantedFile
) -> None:
    assert not target.holds(wanted)
    assert target.adopt(wanted) is None
    first = target.fetch(faulty_hub_client, wanted, METER)
    other = WantedFile(wanted.ref, "d" * 40, "other", wanted.etag, wanted.size)
    assert target.find(other.commit, other.path) is None
    second = target.adopt(other)
    assert second is not None
    assert second.resolve() == first.resolve()
    assert first.read_bytes() == faulty_hub.data
    assert len(faulty_hub.sent) == 1


def test_concurrent_requests_share_one_download(
    faulty_hub_client: Hub,
    faulty_hub: FaultyHub,
    target: CacheTarget,
    wanted: WantedFile,
    recorded_progress: RecordedProgress,
) -> None:
    threads = [
        threading.Thread(target=target.fetch, args=(faulty_hub_client, wanted, recorded_progress)) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(faulty_hub.sent) == 1
    assert recorded_progress.done == 4 * len(faulty_hub.data)


def test_force_fetches_again_and_replaces(
    faulty_hub_client: Hub, faulty_hub: FaultyHub, target: CacheTarget, wanted: WantedFile
) -> None:
    place = target.fetch(faulty_hub_client, wanted, METER)
    place.resolve().write_bytes(b"spoilt")
    assert target.fetch(faulty_hub_client, wanted, METER, is_forced=True).read_bytes() == faulty_hub.data
    assert len(faulty_hub.sent) == 2


def test_content_of_the_wrong_length_is_not_taken_for_the_file(
    faulty_hub_client: Hub, faulty_hub: FaultyHub, target: CacheTarget, wanted: WantedFile
) -> None:
    target.cache.put(wanted.etag, b"short")
    assert not target.holds(wanted)
    assert target.fetch(faulty_hub_client, wanted, METER).read_bytes() == faulty_hub.data


def test_after_damage_nothing_is_left(
    faulty_hub_client: Hub, faulty_hub: FaultyHub, target: CacheTarget, wanted: WantedFile
) -> None:
    faulty_hub.data = b"x" + faulty_hub.data[1:]
    with pytest.raises(DownloadDamaged):
        target.fetch(faulty_hub_client, wanted, METER)
    assert target.find(wanted.commit, wanted.path) is None
    assert list((target.cache.folder / "blobs").iterdir()) == []


def test_small_content_is_stored_atomically(target: CacheTarget, wanted: WantedFile) -> None:
    small = WantedFile(wanted.ref, wanted.commit, "s", "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391", 0)
    assert target.put(small, b"").read_bytes() == b""
    assert target.holds(small)


def test_without_a_lock_drafts_have_random_names(tmp_path: Path) -> None:
    with draft_beside(tmp_path / "f", is_held=False) as one, draft_beside(tmp_path / "f", is_held=False) as two:
        assert one != two
        one.touch()
    assert list(tmp_path.iterdir()) == []
    with draft_beside(tmp_path / "f", is_held=True) as one, draft_beside(tmp_path / "f", is_held=True) as two:
        assert one == two
