from __future__ import annotations

from pathlib import Path

import pytest

from entrepot.client.cache.cache_scans import scan
from entrepot.client.downloads.downloads import download
from entrepot.client.downloads.snapshots import download_snapshot
from entrepot.errors import CacheMissing, EntryNotFound
from tests.support.library import Library


def test_downloaded_repositories_are_reported(library: Library) -> None:
    ref = library.repo({"a": b"12345", "d/b": b"12345", "c": b"1"})
    folder = download_snapshot(library.hub, ref, ignore=".gitattributes")
    report = scan(library.cache)
    [repo] = report.repos
    assert (repo.repo_id, repo.repo_type, repo.nb_files, repo.size_on_disk) == (str(ref.id), "model", 2, 6)
    [revision] = repo.revisions
    assert (revision.commit_hash, revision.refs, revision.nb_files) == (folder.name, {"main"}, 3)
    assert repo.refs == {"main": revision}
    assert {(file.file_name, file.size_on_disk) for file in revision.files} == {("a", 5), ("b", 5), ("c", 1)}
    assert report.size_on_disk == 6
    assert report.warnings == []


def test_interrupted_downloads_and_strange_things_are_reported(library: Library) -> None:
    ref = library.repo({"a": b"12345"})
    place = download(library.hub, ref, "a")
    repo = library.cache / f"models--{ref.id.namespace}--{ref.id.name}"
    (repo / "blobs" / "x.incomplete").write_bytes(b"123")
    (library.cache / "strange").mkdir()
    (repo / "snapshots" / "no-commit").mkdir()
    (repo / "refs" / "main.0123abcd.incomplete").write_text(place.parent.name)
    place.resolve().unlink()
    report = scan(library.cache)
    assert [(file.file_path.name, file.size_on_disk) for file in report.incomplete_files] == [("x.incomplete", 3)]
    assert report.incomplete_size_on_disk == 3
    assert [set(found.refs) for found in report.repos] == [{"main"}]
    assert {Path(warning.path).name for warning in report.warnings} == {"strange", "no-commit", "a"}


def test_a_repository_of_which_nothing_came_is_no_damage(library: Library) -> None:
    ref = library.repo()
    with pytest.raises(EntryNotFound):
        download(library.hub, ref, "none")
    report = scan(library.cache)
    assert report.warnings == []
    assert [repo.nb_files for repo in report.repos] == [0]


def test_no_cache_is_said(tmp_path: Path) -> None:
    with pytest.raises(CacheMissing):
        scan(tmp_path / "none")
    (tmp_path / "file").touch()
    with pytest.raises(CacheMissing):
        scan(tmp_path / "file")
