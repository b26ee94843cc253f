from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from entrepot.client import response_bodies
from entrepot.client.downloads.fetching import WantedFile, fetch
from entrepot.client.hubs import Hub
from entrepot.client.progress import Silent
from entrepot.errors import CannotWrite, DiskFull, DownloadDamaged, HubUnreachable, Offline
from tests.support.faulty_hub import FaultyHub
from tests.support.library import Library
from tests.support.progress import RecordedProgress

METER = Silent().begin("", None)


def wanted_of(faulty_hub: FaultyHub, **changes: Any) -> WantedFile:
    given: dict[str, Any] = {
        "ref": faulty_hub.ref,
        "commit": "c" * 40,
        "path": "f",
        "etag": faulty_hub.etag,
        "size": len(faulty_hub.data),
    }
    return WantedFile(**(given | changes))


def run(hub: Hub, faulty_hub: FaultyHub, draft: Path, **changes: Any) -> bytes:
    fetch(hub, wanted_of(faulty_hub, **changes), draft, METER, wait=lambda _: None)
    return draft.read_bytes()


def test_a_file_arrives_whole(
    faulty_hub_client: Hub, faulty_hub: FaultyHub, tmp_path: Path, recorded_progress: RecordedProgress
) -> None:
    fetch(faulty_hub_client, wanted_of(faulty_hub), tmp_path / "new" / "draft", recorded_progress)
    assert (tmp_path / "new" / "draft").read_bytes() == faulty_hub.data
    assert recorded_progress.done == len(faulty_hub.data)


def test_received_bytes_are_not_requested_again(
    faulty_hub_client: Hub, faulty_hub: FaultyHub, tmp_path: Path, recorded_progress: RecordedProgress
) -> None:
    draft = tmp_path / "draft"
    draft.write_bytes(faulty_hub.data[:700_000])
    fetch(faulty_hub_client, wanted_of(faulty_hub), draft, recorded_progress)
    assert draft.read_bytes() == faulty_hub.data
    assert faulty_hub.sent == [(206, len(faulty_hub.data) - 700_000)]
    assert recorded_progress.done == len(faulty_hub.data)


def test_a_complete_draft_needs_no_hub(faulty_hub_client: Hub, faulty_hub: FaultyHub, tmp_path: Path) -> None:
    draft = tmp_path / "draft"
    draft.write_bytes(faulty_hub.data)
    assert run(faulty_hub_client, faulty_hub, draft) == faulty_hub.data
    assert faulty_hub.sent == []


@pytest.mark.parametrize("direct_from", [1, 1 << 60])
def test_broken_connections_are_continued(
    faulty_hub_client: Hub, faulty_hub: FaultyHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, direct_from: int
) -> None:
    monkeypatch.setattr(response_bodies, "DIRECT_FROM", direct_from)
    faulty_hub.cut_after = [300_000, 1, 0, 500_000]
    assert run(faulty_hub_client, faulty_hub, tmp_path / "draft") == faulty_hub.data
    assert sum(length for _, length in faulty_hub.sent) == len(faulty_hub.data)
    assert [status for status, _ in faulty_hub.sent] == [200, 206, 206, 206, 206]


def test_a_stalled_download_raises_and_keeps_the_draft(
    faulty_hub_client: Hub, faulty_hub: FaultyHub, tmp_path: Path
) -> None:
    faulty_hub.cut_after = [1000] + [0] * 20
    with pytest.raises(HubUnreachable):
        run(faulty_hub_client, faulty_hub, tmp_path / "draft")
    assert (tmp_path / "draft").read_bytes() == faulty_hub.data[:1000]
    faulty_hub.cut_after = []
    assert run(faulty_hub_client, faulty_hub, tmp_path / "draft") == faulty_hub.data


def test_a_hub_without_ranges_costs_bytes_but_no_mistakes(
    faulty_hub_client: Hub, faulty_hub: FaultyHub, tmp_path: Path
) -> None:
    faulty_hub.knows_ranges = False
    (tmp_path / "draft").write_bytes(faulty_hub.data[:300_001])
    assert run(faulty_hub_client, faulty_hub, tmp_path / "draft") == faulty_hub.data


@pytest.mark.parametrize("at", [0, 5, -1])
def test_a_damaged_file_is_refused_and_removed(
    faulty_hub_client: Hub, faulty_hub: FaultyHub, tmp_path: Path, at: int
) -> None:
    broken = bytearray(faulty_hub.data)
    broken[at] ^= 1
    faulty_hub.data = bytes(broken)
    with pytest.raises(DownloadDamaged, match=r"f of model ns/name arrived damaged and was removed"):
        run(faulty_hub_client, faulty_hub, tmp_path / "draft")
    assert not (tmp_path / "draft").exists()


@pytest.mark.parametrize("is_whole", [False, True])
def test_a_file_with_a_damaged_beginning_is_fetched_anew(
    faulty_hub_client: Hub, faulty_hub: FaultyHub, tmp_path: Path, recorded_progress: RecordedProgress, is_whole: bool
) -> None:
    draft = tmp_path / "draft"
    draft.write_bytes(bytes(len(faulty_hub.data)) if is_whole else b"other")
    fetch(faulty_hub_client, wanted_of(faulty_hub), draft, recorded_progress)
    assert draft.read_bytes() == faulty_hub.data
    assert recorded_progress.done == len(faulty_hub.data)
    assert faulty_hub.sent[-1] == (200, len(faulty_hub.data))


def test_a_beginning_does_not_hide_that_the_hub_sends_damage(
    faulty_hub_client: Hub, faulty_hub: FaultyHub, tmp_path: Path
) -> None:
    (tmp_path / "draft").write_bytes(faulty_hub.data[:1000])
    faulty_hub.data = faulty_hub.data[:-1] + b"?"
    with pytest.raises(DownloadDamaged):
        run(faulty_hub_client, faulty_hub, tmp_path / "draft")
    assert not (tmp_path / "draft").exists()
    assert [status for status, _ in faulty_hub.sent] == [206, 200]


def test_more_bytes_than_promised_do_not_fill_the_disk(
    faulty_hub_client: Hub, faulty_hub: FaultyHub, tmp_path: Path
) -> None:
    with pytest.raises(DownloadDamaged, match="more"):
        run(faulty_hub_client, faulty_hub, tmp_path / "draft", size=1000)
    assert not (tmp_path / "draft").exists()


def test_a_draft_longer_than_the_file_is_restarted(
    faulty_hub_client: Hub, faulty_hub: FaultyHub, tmp_path: Path
) -> None:
    (tmp_path / "draft").write_bytes(faulty_hub.data + b"x")
    assert run(faulty_hub_client, faulty_hub, tmp_path / "draft") == faulty_hub.data


def test_a_file_of_unknown_size_is_checked_by_its_digest(
    faulty_hub_client: Hub, faulty_hub: FaultyHub, tmp_path: Path
) -> None:
    assert run(faulty_hub_client, faulty_hub, tmp_path / "draft", size=None) == faulty_hub.data
    faulty_hub.data += b"x"
    with pytest.raises(DownloadDamaged):
        run(faulty_hub_client, faulty_hub, tmp_path / "other", size=None)


def test_an_empty_file_is_a_file(faulty_hub_client: Hub, faulty_hub: FaultyHub, tmp_path: Path) -> None:
    empty = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
    assert run(faulty_hub_client, faulty_hub, tmp_path / "draft", size=0, etag=empty) == b""


def test_a_file_larger_than_the_free_space_is_not_downloaded(
    faulty_hub_client: Hub, faulty_hub: FaultyHub, tmp_path: Path
) -> None:
    with pytest.raises(DiskFull, match="more bytes are needed"):
        run(faulty_hub_client, faulty_hub, tmp_path / "draft", size=1 << 60)
    assert faulty_hub.sent == []


def test_the_error_names_a_path_that_is_not_writable(
    faulty_hub_client: Hub, faulty_hub: FaultyHub, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotWrite, match="file"):
        run(faulty_hub_client, faulty_hub, tmp_path / "file" / "draft")


def test_offline_nothing_is_sent(library: Library, faulty_hub: FaultyHub, tmp_path: Path) -> None:
    with pytest.raises(Offline):
        run(library.offline(), faulty_hub, tmp_path / "draft")
