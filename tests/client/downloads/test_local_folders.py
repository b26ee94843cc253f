from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import attrs
import pytest

from entrepot.client.cache.caches import repo_cache
from entrepot.client.downloads.fetching import WantedFile
from entrepot.client.downloads.local_folders import FolderTarget
from entrepot.client.hubs import Hub
from entrepot.client.progress import Silent
from entrepot.errors import InvalidPath

METER = Silent().begin("", None)


@pytest.fixture
def wanted(stall: Any) -> WantedFile:
    return WantedFile(stall.ref, "c" * 40, "d/f", stall.etag, len(stall.data))


@pytest.fixture
def target(stall: Any, tmp_path: Path) -> FolderTarget:
    return FolderTarget(tmp_path / "here", repo_cache(tmp_path / "cache", stall.ref))


def test_a_file_is_put_under_its_path_with_a_note(
    stall_hub: Hub, stall: Any, target: FolderTarget, wanted: WantedFile
) -> None:
    place = target.fetch(stall_hub, wanted, METER)
    assert place == target.root / "d" / "f"
    assert place.read_bytes() == stall.data
    assert not place.is_symlink()
    note = target.root / ".cache/entrepot/download/d/f.metadata"
    assert note.read_text().splitlines()[:2] == [wanted.commit, wanted.etag]
    assert (target.root / ".cache/entrepot/.gitignore").read_text() == "*\n"


def test_an_unchanged_file_is_not_fetched_again(
    stall_hub: Hub, stall: Any, target: FolderTarget, wanted: WantedFile
) -> None:
    place = target.fetch(stall_hub, wanted, METER)
    assert target.find(wanted.commit, wanted.path) == place
    later = attrs.evolve(wanted, commit="d" * 40)
    assert target.find(later.commit, later.path) is None
    assert target.adopt(later) == target.find(later.commit, later.path) == place
    assert len(stall.sent) == 1


def test_a_locally_modified_file_is_downloaded_again(
    stall_hub: Hub, stall: Any, target: FolderTarget, wanted: WantedFile
) -> None:
    place = target.fetch(stall_hub, wanted, METER)
    place.write_bytes(b"changed")
    os.utime(place, (2e9, 2e9))
    assert target.find(wanted.commit, wanted.path) is None
    assert target.adopt(wanted) is None
    assert target.fetch(stall_hub, wanted, METER).read_bytes() == stall.data


def test_a_file_that_came_by_other_means_is_recognised(stall: Any, target: FolderTarget, wanted: WantedFile) -> None:
    place = target.root / "d" / "f"
    place.parent.mkdir(parents=True)
    place.write_bytes(stall.data)
    assert target.holds(wanted)
    assert target.adopt(wanted) == place
    assert target.find(wanted.commit, wanted.path) == place


def test_cached_files_are_copied(stall: Any, target: FolderTarget, wanted: WantedFile) -> None:
    target.cache.put(wanted.etag, stall.data)
    assert target.holds(wanted)
    place = target.adopt(wanted)
    assert place is not None
    place.write_bytes(b"mine")
    assert target.cache.blob(wanted.etag).read_bytes() == stall.data
    assert stall.sent == []


def test_an_interrupted_download_is_continued_and_never_with_other_content(
    stall_hub: Hub, stall: Any, target: FolderTarget, wanted: WantedFile
) -> None:
    place, data = target.fetch(stall_hub, wanted, METER), stall.data
    [lock] = list(target.root.rglob("*.lock"))
    draft = lock.with_suffix(".incomplete")
    place.unlink()
    draft.write_bytes(data[:1000])
    stall.sent = []
    assert target.fetch(stall_hub, wanted, METER).read_bytes() == data
    assert stall.sent == [(206, len(data) - 1000)]
    assert not draft.exists()
    draft.write_bytes(b"of the older content")
    stall.data = data[::-1]
    stall.etag = hashlib.sha256(stall.data).hexdigest()
    assert target.fetch(stall_hub, attrs.evolve(wanted, etag=stall.etag), METER).read_bytes() == stall.data


@pytest.mark.parametrize("path", [".cache/entrepot", ".cache/entrepot/download/x.metadata", "../x", "/x"])
def test_a_repository_cannot_write_notes_or_leave_the_folder(
    target: FolderTarget, wanted: WantedFile, path: str
) -> None:
    with pytest.raises(InvalidPath):
        target.put(attrs.evolve(wanted, path=path), b"")


@pytest.mark.parametrize("way", ["put", "fetch", "adopt"])
def test_names_of_255_bytes_are_supported(
    stall_hub: Hub, stall: Any, target: FolderTarget, wanted: WantedFile, way: str
) -> None:
    longest = attrs.evolve(wanted, path="d/" + "\u00e9" * 127 + "x")
    if way == "put":
        target.put(longest, stall.data)
    elif way == "fetch":
        target.fetch(stall_hub, longest, METER)
    else:
        target.cache.put(wanted.etag, stall.data)
        target.adopt(longest)
    found = target.find(wanted.commit, longest.path)
    assert found is not None
    assert found.read_bytes() == stall.data
    assert list(target.root.rglob("*.incomplete")) == []


def test_links_out_of_the_folder_are_not_followed(
    stall_hub: Hub, stall: Any, target: FolderTarget, wanted: WantedFile, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    target.root.mkdir(exist_ok=True, parents=True)
    (target.root / "d").symlink_to(outside)
    evil = attrs.evolve(wanted, path="d/x")
    for use in (lambda: target.put(evil, stall.data), lambda: target.fetch(stall_hub, evil, METER)):
        with pytest.raises(InvalidPath, match="leads outside of it"):
            use()
    (target.root / "file").symlink_to(outside / "target")
    target.put(attrs.evolve(wanted, path="file"), stall.data)
    assert list(outside.iterdir()) == []  # a link to a file is replaced, not followed
