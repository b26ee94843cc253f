from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import attrs
import pytest

from entrepot.client.caches import repo_cache
from entrepot.client.fetching import Wanted
from entrepot.client.hubs import Hub
from entrepot.client.local_folders import FolderShelf
from entrepot.client.progress import Silent
from entrepot.errors import InvalidPath

METER = Silent().begin("", None)


@pytest.fixture
def wanted(stall: Any) -> Wanted:
    return Wanted(stall.ref, "c" * 40, "d/f", stall.etag, len(stall.data))


@pytest.fixture
def shelf(stall: Any, tmp_path: Path) -> FolderShelf:
    return FolderShelf(tmp_path / "here", repo_cache(tmp_path / "cache", stall.ref))


def test_a_file_is_put_under_its_path_with_a_note(
    stall_hub: Hub, stall: Any, shelf: FolderShelf, wanted: Wanted
) -> None:
    place = shelf.fetch(stall_hub, wanted, METER)
    assert place == shelf.root / "d" / "f"
    assert place.read_bytes() == stall.data
    assert not place.is_symlink()
    note = shelf.root / ".cache/entrepot/download/d/f.metadata"
    assert note.read_text().splitlines()[:2] == [wanted.commit, wanted.etag]
    assert (shelf.root / ".cache/entrepot/.gitignore").read_text() == "*\n"


def test_an_unchanged_file_is_not_fetched_again(stall_hub: Hub, stall: Any, shelf: FolderShelf, wanted: Wanted) -> None:
    place = shelf.fetch(stall_hub, wanted, METER)
    assert shelf.find(wanted.commit, wanted.path) == place
    later = attrs.evolve(wanted, commit="d" * 40)
    assert shelf.find(later.commit, later.path) is None
    assert shelf.adopt(later) == shelf.find(later.commit, later.path) == place
    assert len(stall.sent) == 1


def test_a_file_that_somebody_changed_is_fetched_again(
    stall_hub: Hub, stall: Any, shelf: FolderShelf, wanted: Wanted
) -> None:
    place = shelf.fetch(stall_hub, wanted, METER)
    place.write_bytes(b"changed")
    os.utime(place, (2e9, 2e9))
    assert shelf.find(wanted.commit, wanted.path) is None
    assert shelf.adopt(wanted) is None
    assert shelf.fetch(stall_hub, wanted, METER).read_bytes() == stall.data


def test_a_file_that_came_by_other_means_is_recognised(stall: Any, shelf: FolderShelf, wanted: Wanted) -> None:
    place = shelf.root / "d" / "f"
    place.parent.mkdir(parents=True)
    place.write_bytes(stall.data)
    assert shelf.holds(wanted)
    assert shelf.adopt(wanted) == place
    assert shelf.find(wanted.commit, wanted.path) == place


def test_what_the_cache_has_is_copied(stall: Any, shelf: FolderShelf, wanted: Wanted) -> None:
    shelf.cache.put(wanted.etag, stall.data)
    assert shelf.holds(wanted)
    place = shelf.adopt(wanted)
    assert place is not None
    place.write_bytes(b"mine")
    assert shelf.cache.blob(wanted.etag).read_bytes() == stall.data
    assert stall.sent == []


def test_an_interrupted_download_is_continued_and_never_with_other_content(
    stall_hub: Hub, stall: Any, shelf: FolderShelf, wanted: Wanted
) -> None:
    place, data = shelf.fetch(stall_hub, wanted, METER), stall.data
    [lock] = list(shelf.root.rglob("*.lock"))
    draft = lock.with_suffix(".incomplete")
    place.unlink()
    draft.write_bytes(data[:1000])
    stall.sent = []
    assert shelf.fetch(stall_hub, wanted, METER).read_bytes() == data
    assert stall.sent == [(206, len(data) - 1000)]
    assert not draft.exists()
    draft.write_bytes(b"of the older content")
    stall.data = data[::-1]
    stall.etag = hashlib.sha256(stall.data).hexdigest()
    assert shelf.fetch(stall_hub, attrs.evolve(wanted, etag=stall.etag), METER).read_bytes() == stall.data


@pytest.mark.parametrize("path", [".cache/entrepot", ".cache/entrepot/download/x.metadata", "../x", "/x"])
def test_a_repository_cannot_write_notes_or_leave_the_folder(shelf: FolderShelf, wanted: Wanted, path: str) -> None:
    with pytest.raises(InvalidPath):
        shelf.put(attrs.evolve(wanted, path=path), b"")


@pytest.mark.parametrize("way", ["put", "fetch", "adopt"])
def test_names_of_255_bytes_are_no_problem(
    stall_hub: Hub, stall: Any, shelf: FolderShelf, wanted: Wanted, way: str
) -> None:
    longest = attrs.evolve(wanted, path="d/" + "\u00e9" * 127 + "x")
    if way == "put":
        shelf.put(longest, stall.data)
    elif way == "fetch":
        shelf.fetch(stall_hub, longest, METER)
    else:
        shelf.cache.put(wanted.etag, stall.data)
        shelf.adopt(longest)
    found = shelf.find(wanted.commit, longest.path)
    assert found is not None
    assert found.read_bytes() == stall.data
    assert list(shelf.root.rglob("*.incomplete")) == []


def test_nothing_is_written_through_a_link_that_leads_out_of_the_folder(
    stall_hub: Hub, stall: Any, shelf: FolderShelf, wanted: Wanted, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    shelf.root.mkdir(exist_ok=True, parents=True)
    (shelf.root / "d").symlink_to(outside)
    evil = attrs.evolve(wanted, path="d/x")
    for use in (lambda: shelf.put(evil, stall.data), lambda: shelf.fetch(stall_hub, evil, METER)):
        with pytest.raises(InvalidPath, match="leads out of it"):
            use()
    (shelf.root / "file").symlink_to(outside / "target")
    shelf.put(attrs.evolve(wanted, path="file"), stall.data)
    assert list(outside.iterdir()) == []  # a link to a file is replaced, not followed
