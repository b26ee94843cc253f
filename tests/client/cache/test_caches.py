from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from entrepot.client.cache.caches import (
    KnownAbsent,
    RepoCache,
    hub_folder,
    parse_folder_name,
    repo_cache,
    write_file,
    writing,
)
from entrepot.client.cache.partial_files import draft_name
from entrepot.errors import CannotWrite, DiskFull, InvalidPath
from entrepot.names import RepoId, RepoRef, RepoType
from entrepot.wire.repos.trees import TreeEntry

REF = RepoRef(RepoType.DATASET, RepoId("ns", "n.ame"))
COMMIT, OTHER = "a" * 40, "b" * 40
ETAG = "e" * 64


@pytest.fixture
def cache(tmp_path: Path) -> RepoCache:
    return repo_cache(tmp_path, REF)


def test_the_layout_is_that_of_huggingface_hub(cache: RepoCache, tmp_path: Path) -> None:
    cache.put(ETAG, b"data")
    cache.note_ref("refs/pr/1", COMMIT)
    cache.note_absent(COMMIT, "no/such")
    place = cache.link(COMMIT, "d/f", ETAG)
    folder = tmp_path / "datasets--ns--n.ame"
    assert place == folder / "snapshots" / COMMIT / "d" / "f"
    assert os.readlink(place) == f"../../../blobs/{ETAG}"
    assert place.read_bytes() == b"data"
    assert (folder / "refs" / "refs" / "pr" / "1").read_text() == COMMIT
    assert (folder / ".no_exist" / COMMIT / "no" / "such").read_bytes() == b""


def test_recorded_facts_are_found(cache: RepoCache) -> None:
    assert (cache.find("main", "f"), cache.resolve("main"), cache.tree(COMMIT)) == (None, None, None)
    cache.put(ETAG, b"data")
    place = cache.link(COMMIT, "f", ETAG)
    cache.note_ref("main", COMMIT)
    cache.note_absent(COMMIT, "g")
    entries = [TreeEntry(type="file", oid=OTHER, size=4, path="f")]
    cache.note_tree(COMMIT, entries)
    assert cache.find("main", "f") == cache.find(COMMIT, "f") == place
    assert cache.find("main", "g") == KnownAbsent(COMMIT, "g")
    assert cache.find("main", "h") is None
    assert cache.tree(COMMIT) == entries
    cache.note_ref("main", OTHER)
    assert cache.find("main", "f") is None


def test_damaged_metadata_is_ignored(cache: RepoCache) -> None:
    cache.note_ref("main", COMMIT)
    (cache.folder / "refs" / "main").write_text("../../etc")
    write_file(cache.listing(COMMIT), b"{")
    assert (cache.resolve("main"), cache.tree(COMMIT)) == (None, None)


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../../b", "a//b", ".", "", "C:x", "a\\..\\b", ".git/x"])
def test_no_file_name_leads_out_of_the_cache(cache: RepoCache, path: str) -> None:
    for use in (lambda: cache.link(COMMIT, path, ETAG), lambda: cache.note_absent(COMMIT, path)):
        with pytest.raises(InvalidPath):
            use()
    with pytest.raises(InvalidPath):
        cache.snapshot("../x")


@pytest.mark.parametrize("etag", ["../../x", "a/b", "", ".hidden", "x" * 300])
def test_no_tag_leads_out_of_the_cache(cache: RepoCache, etag: str) -> None:
    blob = cache.blob(etag)
    assert blob.parent == cache.folder / "blobs"
    assert len(blob.name) == 64


def test_a_link_is_replaced_in_one_step(cache: RepoCache) -> None:
    for etag in (ETAG, "f" * 64):
        cache.put(etag, etag.encode())
        place = cache.link(COMMIT, "f", etag)
        assert place.read_bytes() == etag.encode()
    assert [path.name for path in place.parent.iterdir()] == ["f"]


def test_files_are_cached_even_if_links_are_forbidden(cache: RepoCache, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "no links")

    monkeypatch.setattr(os, "symlink", refuse)
    cache.put(ETAG, b"data")
    assert cache.link(COMMIT, "d/f", ETAG).read_bytes() == b"data"
    monkeypatch.setattr(os, "link", refuse)
    copy = cache.link(OTHER, "d/f", ETAG)
    assert copy.read_bytes() == b"data"
    assert copy.stat().st_nlink == 1


def test_many_writers_of_the_same_content_do_not_meet(cache: RepoCache) -> None:
    failures: list[BaseException] = []

    def write() -> None:
        try:
            for _ in range(30):
                cache.put(ETAG, b"x" * 10_000)
                assert cache.link(COMMIT, "f", ETAG).stat().st_size == 10_000
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert [path.name for path in (cache.folder / "blobs").iterdir()] == [ETAG]


def test_a_branch_named_like_a_folder_of_another_is_not_cached(cache: RepoCache) -> None:
    cache.note_ref("a", COMMIT)
    cache.note_ref("a/b", COMMIT)
    assert (cache.resolve("a"), cache.resolve("a/b")) == (COMMIT, None)


@pytest.mark.parametrize(
    ("endpoint", "name"),
    [
        ("http://127.0.0.1:8080", "http-127.0.0.1-8080"),
        ("https://Hub.Example.org/", "https-hub.example.org"),
        ("https://hub.example.org/ml", "https-hub.example.org-ml-af2c8afc"),
    ],
)
def test_each_hub_has_a_folder_of_its_own(endpoint: str, name: str) -> None:
    assert hub_folder(endpoint) == name


def test_hubs_with_similar_names_have_separate_folders() -> None:
    assert len({hub_folder(url) for url in ("https://h.org/a-b", "https://h.org/a/b", "https://h.org-a-b")}) == 3


def test_folder_names_are_parsed_back() -> None:
    assert parse_folder_name("datasets--ns--n.ame") == REF
    for name in ("datasets--ns", "things--a--b", ".locks", "models--a--b--c", "models"):
        assert parse_folder_name(name) is None


def test_os_errors_become_errors_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(DiskFull, match="7 more bytes are needed"), writing(tmp_path / "f", 7):
        raise OSError(errno.ENOSPC, "No space left on device")
    (tmp_path / "file").touch()
    with pytest.raises(CannotWrite, match="choose another folder"):
        write_file(tmp_path / "file" / "f", b"")
    (tmp_path / "folder").mkdir()
    with pytest.raises(CannotWrite):
        write_file(tmp_path / "folder", b"")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_listings_of_another_client_are_neither_read_nor_written(cache: RepoCache) -> None:
    theirs = cache.folder / "trees" / f"{COMMIT}.json"
    write_file(theirs, b"[]")
    assert cache.tree(COMMIT) is None
    cache.note_tree(COMMIT, [TreeEntry(type="file", oid=OTHER, size=4, path="f")])
    assert theirs.read_bytes() == b"[]"
    assert cache.tree(COMMIT) != []


def test_writing_leaves_no_temporary_files(cache: RepoCache) -> None:
    cache.put(ETAG, b"data")
    cache.link(COMMIT, "d/f", ETAG)
    cache.note_ref("main", COMMIT)
    cache.note_absent(COMMIT, "g" * 255)
    cache.note_tree(COMMIT, [])
    assert list(cache.folder.rglob("*.incomplete")) == []
    assert cache.find(COMMIT, "g" * 255) == KnownAbsent(COMMIT, "g" * 255)


def test_the_draft_of_a_killed_process_is_reused(cache: RepoCache) -> None:
    cache.put(ETAG, b"data")
    draft = cache.folder / "blobs" / draft_name(cache.blob(ETAG))
    draft.write_bytes(b"longer than the content itself")
    cache.put(ETAG, b"data")
    assert cache.blob(ETAG).read_bytes() == b"data"
    assert not draft.exists()
