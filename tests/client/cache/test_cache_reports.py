from __future__ import annotations

import time
from pathlib import Path

import pytest

from entrepot.client.cache.cache_reports import CacheReport, readable_age, readable_size
from entrepot.client.cache.cache_scans import scan
from entrepot.client.cache.caches import repo_cache
from entrepot.errors import CannotWrite, ThingNotFound
from entrepot.names import RepoId, RepoRef, RepoType

ONE, TWO = "1" * 40, "2" * 40
OTHER = "3" * 40


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a cache with two commits that share a file, and a repository with one commit."""
    cache = repo_cache(tmp_path / "hub", RepoRef(RepoType.MODEL, RepoId("ns", "two")))
    for etag, size in (("a" * 40, 100), ("b" * 40, 20), ("c" * 40, 3)):
        cache.put(etag, b"x" * size)
    for commit, path, etag in ((ONE, "shared", "a"), (ONE, "old", "b"), (TWO, "shared", "a"), (TWO, "d/new", "c")):
        cache.link(commit, path, etag * 40)
    cache.note_ref("main", TWO)
    cache.note_ref("v1", ONE)
    cache.note_tree(ONE, [])
    cache.note_absent(ONE, "none")
    other = repo_cache(tmp_path / "hub", RepoRef(RepoType.DATASET, RepoId("ns", "one")))
    other.put("d" * 40, b"x" * 1000)
    other.link(OTHER, "f", "d" * 40)
    return tmp_path / "hub"


def names(root: Path) -> set[str]:
    return {p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file() or p.is_symlink()}


def test_deleting_a_commit_keeps_shared_content(root: Path) -> None:
    before = names(root)
    deletion = scan(root).delete_revisions(ONE)
    assert deletion.expected_freed_size == 20
    assert deletion.expected_freed_size_str == "20.0"
    assert names(root) == before
    deletion.execute()
    gone = before - names(root)
    assert {path.removeprefix("models--ns--two/") for path in gone} == {
        f"snapshots/{ONE}/shared",
        f"snapshots/{ONE}/old",
        f"blobs/{'b' * 40}",
        f".entrepot/trees/{ONE}.json",
        f".no_exist/{ONE}/none",
        "refs/v1",
    }
    assert scan(root).warnings == []
    deletion.execute()  # missing paths are ignored


def test_a_repository_is_deleted_with_its_last_commit(root: Path) -> None:
    deletion = scan(root).delete_revisions(ONE, TWO)
    assert deletion.expected_freed_size == 123
    deletion.execute()
    assert [repo.repo_id for repo in scan(root).repos] == ["ns/one"]


def test_a_repository_is_deleted_by_its_id(root: Path) -> None:
    scan(root).delete_repos("dataset/ns/one").execute()
    assert [repo.cache_id for repo in scan(root).repos] == ["model/ns/two"]


def test_single_files_go_and_shared_bytes_stay(root: Path) -> None:
    report = scan(root)
    [repo] = [repo for repo in report.repos if repo.repo_type == "model"]
    files = {(r.commit_hash, f.file_name): f for r in repo.revisions for f in r.files}
    deletion = report.delete_files(files[ONE, "shared"], files[ONE, "old"])
    assert deletion.expected_freed_size == 20
    deletion.execute()
    assert (root / "models--ns--two" / "snapshots" / TWO / "shared").read_bytes() == b"x" * 100
    assert not (root / "models--ns--two" / "blobs" / ("b" * 40)).exists()


def test_missing_files_cannot_be_deleted(root: Path) -> None:
    with pytest.raises(ThingNotFound, match="cached revision"):
        scan(root).delete_revisions("f" * 40)
    with pytest.raises(ThingNotFound, match="cached repository"):
        scan(root).delete_repos("model/ns/none")


def test_the_error_names_a_path_that_cannot_be_deleted(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deletion = scan(root).delete_revisions(ONE)

    def refuse(self: Path, missing_ok: bool = False) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(CannotWrite, match="Permission denied"):
        deletion.execute()


def test_a_report_is_a_table(root: Path) -> None:
    report: CacheReport = scan(root)
    lines = report.export_as_table().splitlines()
    assert lines[0].split()[:2] == ["REPO", "ID"]
    assert [line.split()[0] for line in lines[2:]] == ["ns/one", "ns/two"]
    assert "123.0" in lines[3]
    detailed = report.export_as_table(verbosity=1).splitlines()
    assert [line.split()[2] for line in detailed[2:]] == [OTHER, ONE, TWO]


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0.0"), (999, "999.0"), (42_200, "42.2K"), (10**9, "1.0G"), (10**18, "1.0E")]
)
def test_sizes_for_people(size: int, text: str) -> None:
    assert readable_size(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1, "a few seconds ago"),
        (30, "30 seconds ago"),
        (60, "1 minute ago"),
        (7_200, "2 hours ago"),
        (86_400 * 14, "2 weeks ago"),
        (86_400 * 800, "2 years ago"),
    ],
)
def test_ages_for_people(seconds: int, text: str) -> None:
    assert readable_age(time.time() - seconds) == text
