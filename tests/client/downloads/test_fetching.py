from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from entrepot.client import response_bodies
from entrepot.client.downloads.fetching import WantedFile, fetch
from entrepot.client.hubs import Hub
from entrepot.client.progress import Silent
from entrepot.errors import CannotWrite, DiskFull, DownloadDamaged, HubUnreachable, Offline

METER = Silent().begin("", None)


def wanted_of(stall: Any, **changes: Any) -> WantedFile:
    return WantedFile(
        **{"ref": stall.ref, "commit": "c" * 40, "path": "f", "etag": stall.etag, "size": len(stall.data)} | changes
    )


def run(hub: Hub, stall: Any, draft: Path, **changes: Any) -> bytes:
    fetch(hub, wanted_of(stall, **changes), draft, METER, wait=lambda _: None)
    return draft.read_bytes()


def test_a_file_arrives_whole(stall_hub: Hub, stall: Any, tmp_path: Path, tally: Any) -> None:
    fetch(stall_hub, wanted_of(stall), tmp_path / "new" / "draft", tally)
    assert (tmp_path / "new" / "draft").read_bytes() == stall.data
    assert tally.done == len(stall.data)


def test_received_bytes_are_not_requested_again(stall_hub: Hub, stall: Any, tmp_path: Path, tally: Any) -> None:
    draft = tmp_path / "draft"
    draft.write_bytes(stall.data[:700_000])
    fetch(stall_hub, wanted_of(stall), draft, tally)
    assert draft.read_bytes() == stall.data
    assert stall.sent == [(206, len(stall.data) - 700_000)]
    assert tally.done == len(stall.data)


def test_a_complete_draft_needs_no_hub(stall_hub: Hub, stall: Any, tmp_path: Path) -> None:
    draft = tmp_path / "draft"
    draft.write_bytes(stall.data)
    assert run(stall_hub, stall, draft) == stall.data
    assert stall.sent == []


@pytest.mark.parametrize("direct_from", [1, 1 << 60])
def test_broken_connections_are_continued(
    stall_hub: Hub, stall: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, direct_from: int
) -> None:
    monkeypatch.setattr(response_bodies, "DIRECT_FROM", direct_from)
    stall.cut_after = [300_000, 1, 0, 500_000]
    assert run(stall_hub, stall, tmp_path / "draft") == stall.data
    assert sum(length for _, length in stall.sent) == len(stall.data)
    assert [status for status, _ in stall.sent] == [200, 206, 206, 206, 206]


def test_a_stalled_download_raises_and_keeps_the_draft(stall_hub: Hub, stall: Any, tmp_path: Path) -> None:
    stall.cut_after = [1000] + [0] * 20
    with pytest.raises(HubUnreachable):
        run(stall_hub, stall, tmp_path / "draft")
    assert (tmp_path / "draft").read_bytes() == stall.data[:1000]
    stall.cut_after = []
    assert run(stall_hub, stall, tmp_path / "draft") == stall.data


def test_a_hub_without_ranges_costs_bytes_but_no_mistakes(stall_hub: Hub, stall: Any, tmp_path: Path) -> None:
    stall.knows_ranges = False
    (tmp_path / "draft").write_bytes(stall.data[:300_001])
    assert run(stall_hub, stall, tmp_path / "draft") == stall.data


@pytest.mark.parametrize("at", [0, 5, -1])
def test_a_damaged_file_is_refused_and_removed(stall_hub: Hub, stall: Any, tmp_path: Path, at: int) -> None:
    broken = bytearray(stall.data)
    broken[at] ^= 1
    stall.data = bytes(broken)
    with pytest.raises(DownloadDamaged, match=r"f of model ns/name arrived damaged and was removed"):
        run(stall_hub, stall, tmp_path / "draft")
    assert not (tmp_path / "draft").exists()


def test_a_damaged_beginning_is_noticed_too(stall_hub: Hub, stall: Any, tmp_path: Path) -> None:
    (tmp_path / "draft").write_bytes(b"other")
    with pytest.raises(DownloadDamaged):
        run(stall_hub, stall, tmp_path / "draft")
    assert run(stall_hub, stall, tmp_path / "draft") == stall.data


def test_more_bytes_than_promised_do_not_fill_the_disk(stall_hub: Hub, stall: Any, tmp_path: Path) -> None:
    with pytest.raises(DownloadDamaged, match="more"):
        run(stall_hub, stall, tmp_path / "draft", size=1000)
    assert not (tmp_path / "draft").exists()


def test_a_draft_longer_than_the_file_is_restarted(stall_hub: Hub, stall: Any, tmp_path: Path) -> None:
    (tmp_path / "draft").write_bytes(stall.data + b"x")
    assert run(stall_hub, stall, tmp_path / "draft") == stall.data


def test_a_file_of_unknown_size_is_checked_by_its_digest(stall_hub: Hub, stall: Any, tmp_path: Path) -> None:
    assert run(stall_hub, stall, tmp_path / "draft", size=None) == stall.data
    stall.data += b"x"
    with pytest.raises(DownloadDamaged):
        run(stall_hub, stall, tmp_path / "other", size=None)


def test_an_empty_file_is_a_file(stall_hub: Hub, stall: Any, tmp_path: Path) -> None:
    empty = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
    assert run(stall_hub, stall, tmp_path / "draft", size=0, etag=empty) == b""


def test_a_file_larger_than_the_free_space_is_not_downloaded(stall_hub: Hub, stall: Any, tmp_path: Path) -> None:
    with pytest.raises(DiskFull, match="more bytes are needed"):
        run(stall_hub, stall, tmp_path / "draft", size=1 << 60)
    assert stall.sent == []


def test_the_error_names_a_path_that_is_not_writable(stall_hub: Hub, stall: Any, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotWrite, match="file"):
        run(stall_hub, stall, tmp_path / "file" / "draft")


def test_offline_nothing_is_sent(library: Any, stall: Any, tmp_path: Path) -> None:
    with pytest.raises(Offline):
        run(library.offline(), stall, tmp_path / "draft")
