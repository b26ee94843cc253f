from __future__ import annotations

import hashlib
import os
from pathlib import Path

import attrs
import pytest

from entrepot.client.cache.caches import repo_cache
from entrepot.client.downloads.fetching import WantedFile
from entrepot.client.downloads.local_folders import FolderTarget
from entrepot.client.hubs import Hub
from entrepot.client.progress import Silent
from entrepot.errors import InvalidPath
from tests.support.faulty_hub import FaultyHub

METER = Silent().begin("", None)


@pytest.fixture
def wanted(faulty_hub: FaultyHub) -> WantedFile:
    return WantedFile(faulty_hub.ref, "c" * 40, "d/f", faulty_hub.etag, len(faulty_hub.data))


@pytest.fixture
def target(faulty_hub: FaultyHub, tmp_path: Path) -> FolderTarget:
    return FolderTarget(tmp_path / "here", repo_cache(tmp_path / "cache", faulty_hub.ref))


def test_a_file_is_put_under_its_path_with_a_note(
    faulty_hub_client: Hub, faulty_hub: FaultyHub, target: FolderTarget, wanted: WantedFile
) -> None:
    place = target.fetch(faulty_hub_client, wanted, METER)
    assert place == target.root / "d" / "f"
    assert place.read_bytes() == faulty_hub.data
    assert not place.is_symlink()
    note = target.root / ".cache/entrepot/download/d/f.metadata"
    assert note.read_text().splitlines()[:2] == [wanted.commit, wanted.etag]
    assert (target.root / ".cache/entrepot/.gitignore").read_text() == "*\n"


def test_an_unchanged_file_is_not_fetched_again(
    faulty_hub_client: Hub, faulty_hub: FaultyHub, target: FolderTarget, wanted: WantedFile
) -> None:
    place = target.fetch(faulty_hub_client, wanted, METER)
    assert target.find(wanted.commit, wanted.path) == place
    later = attrs.evolve(wanted, commit="d" * 40)
    assert target.find(later.commit, later.path) is None
    assert target.adopt(later) == target.find(later.commit, later.path) == place
    assert len(faulty_hub.sent) == 1


def test_a_locally_modified_file_is_downloaded_again(
    faulty_hub_client: Hub, faulty_hub: FaultyHub, target: FolderTarget, wanted: WantedFile
) -> None:
    place = target.fetch(faulty_hub_client, wanted, METER)
    place.write_bytes(b"changed")
    os.utime(place, (2e9, 2e9))
    assert target.find(wanted.commit, wanted.path) is None
    assert target.adopt(wanted) is None
    assert target.fetch(faulty_hub_client, wanted, METER).read_bytes() == faulty_hub.data


def test_a_file_that_came_by_other_means_is_recognised(
    faulty_hub: FaultyHub, target: FolderTarget, wanted: WantedFile
) -> None:
    place = target.root / "d" / "f"
    place.parent.mkdir(parents=True)
    place.write_bytes(faulty_hub.data)
    assert target.holds(wanted)
    assert target.adopt(wanted) == place
    assert target.find(wanted.commit, wanted.path) == place


def test_cached_files_are_copied(faulty_hub: FaultyHub, target: FolderTarget, wanted: WantedFile) -> None:
    target.cache.put(wanted.etag, faulty_hub.data)
    assert target.holds(wanted)
    place = target.adopt(wanted)
    assert place is not None
    place.write_bytes(b"mine")
    assert target.cache.blob(wanted.etag).read_bytes() == faulty_hub.data
    assert faulty_hub.sent == []


def test_an_interrupted_download_is_continued_and_never_with_other_content(
    faulty_hub_client: Hub, faulty_hub: FaultyHub, target: FolderTarget, wanted: WantedFile
) -> None:
    place, data = target.fetch(faulty_hub_client, wanted, METER), faulty_hub.data
    [lock] = list(target.root.rglob("*.lock"))
    draft = lock.with_suffix(".incomplete")
    place.unlink()
    draft.write_bytes(data[:1000])
    faulty_hub.sent = []
    assert target.fetch(faulty_hub_client, wanted, METER).read_bytes() == data
    assert faulty_hub.sent == [(206, len(data) - 1000)]
    assert not draft.exists()
    draft.write_bytes(b"of the older content")
    faulty_hub.data = data[::-1]
    faulty_hub.etag = hashlib.sha256(faulty_hub.data).hexdigest()
    assert (
        target.fetch(faulty_hub_client, attrs.evolve(wanted, etag=faulty_hub.etag), METER).read_bytes()
        == faulty_hub.data
    )


@pytest.mark.parametrize("path", [".cache/entrepot", ".cache/entrepot/download/x.metadata", "../x", "/x"])
def test_a_repository_cannot_write_notes_or_leave_the_folder(
    target: FolderTarget, wanted: WantedFile, path: str
) -> None:
    with pytest.raises(InvalidPath):
        target.put(attrs.evolve(wanted, path=path), b"")


@pytest.mark.parametrize("way", ["put", "fetch", "adopt"])
def test_names_of_255_bytes_are_supported(
    faulty_hub_client: Hub, faulty_hub: FaultyHub, target: FolderTarget, wanted: WantedFile, way: str
) -> None:
    longest = attrs.evolve(wanted, path="d/" + "\u00e9" * 127 + "x")
    if way == "put":
        target.put(longest, faulty_hub.data)
    elif way == "fetch":
        target.fetch(faulty_hub_client, longest, METER)
    else:
        target.cache.put(wanted.etag, faulty_hub.data)
        target.adopt(longest)
    found = target.find(wanted.commit, longest.path)
    assert found is not None
    assert found.read_bytes() == faulty_hub.data
    assert list(target.root.rglob("*.incomplete")) == []


def test_links_out_of_the_folder_are_not_followed(
    faulty_hub_client: Hub, faulty_hub: FaultyHub, target: FolderTarget, wanted: WantedFile, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    target.root.mkdir(exist_ok=True, parents=True)
    (target.root / "d").symlink_to(outside)
    evil = attrs.evolve(wanted, path="d/x")
    for use in (lambda: target.put(evil, faulty_hub.data), lambda: target.fetch(faulty_hub_client, evil, METER)):
        with pytest.raises(InvalidPath, match="leads outside of it"):
            use()
    (target.root / "file").symlink_to(outside / "target")
    target.put(attrs.evolve(wanted, path="file"), faulty_hub.data)
    assert list(outside.iterdir()) == []  # a link to a file is replaced, not followed
