from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from entrepot.hf import errors
from entrepot.hf.files.downloads import Downloads
from entrepot.testing.hubs import RunningHub


@pytest.fixture
def repo(entrepot_hub: RunningHub, client_home: Path, write_repo: Callable[[dict[str, bytes]], str]) -> str:
    repo: str = write_repo({"config.json": b"{}", "sub/weights.txt": b"w" * 10})
    return repo


@pytest.fixture
def api(entrepot_hub: RunningHub, client_home: Path) -> Downloads:
    return Downloads(entrepot_hub.url, entrepot_hub.token)


def test_a_file_is_downloaded_by_either_name(api: Downloads, repo: str, client_home: Path) -> None:
    path = api.hf_hub_download(repo, "config.json")
    assert Path(path).read_bytes() == b"{}"
    assert Path(path).is_relative_to(client_home)
    assert api.hub_download(repo, "weights.txt", subfolder="sub", revision="main").endswith("sub/weights.txt")


def test_a_dry_run_reports_the_plan(api: Downloads, repo: str) -> None:
    found = api.hf_hub_download(repo, "config.json", dry_run=True)
    assert (found.filename, found.file_size, found.is_cached, found.will_download) == ("config.json", 2, False, True)
    assert not Path(found.local_path).exists()
    api.hf_hub_download(repo, "config.json")
    assert not api.hf_hub_download(repo, "config.json", dry_run=True).will_download
    listed = api.snapshot_download(repo, dry_run=True, ignore_patterns=".gitattributes")
    assert [(item.filename, item.is_cached) for item in listed] == [("sub/weights.txt", False), ("config.json", True)]


def test_a_snapshot_is_a_folder(api: Downloads, repo: str, tmp_path: Path) -> None:
    folder = Path(api.snapshot_download(repo, allow_patterns=["*.txt"], max_workers=2))
    assert [p.name for p in folder.rglob("*") if p.is_file()] == ["weights.txt"]
    mine = api.snapshot_download(repo, local_dir=tmp_path / "mine")
    assert mine == str(tmp_path / "mine")
    assert (tmp_path / "mine" / "config.json").read_bytes() == b"{}"


def test_local_copies_are_found_without_the_hub(api: Downloads, repo: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(errors.LocalEntryNotFoundError):
        api.hf_hub_download(repo, "config.json", local_files_only=True)
    path = api.hf_hub_download(repo, "config.json")
    assert api.hf_hub_download(repo, "config.json", local_files_only=True) == path
    monkeypatch.setenv("ENTREPOT_OFFLINE", "1")
    assert api.hf_hub_download(repo, "config.json") == path
    with pytest.raises(errors.LocalEntryNotFoundError):
        api.hf_hub_download(repo, "sub/weights.txt")
    with pytest.raises(errors.EntryNotFoundError):
        api.hf_hub_download(repo, "sub/weights.txt")


def test_errors_have_the_names_that_users_catch(api: Downloads, repo: str) -> None:
    with pytest.raises(errors.EntryNotFoundError):
        api.hf_hub_download(repo, "none")
    with pytest.raises(errors.RevisionNotFoundError):
        api.hf_hub_download(repo, "config.json", revision="none")
    with pytest.raises(errors.RepositoryNotFoundError):
        api.hf_hub_download(repo, "config.json", repo_type="dataset")
    with pytest.raises(errors.HFValidationError):
        api.hf_hub_download(repo, "config.json", repo_type="wrong")


def test_another_cache_may_be_named(api: Downloads, repo: str, tmp_path: Path) -> None:
    path = api.hf_hub_download(repo, "config.json", cache_dir=tmp_path / "c")
    assert Path(path).is_relative_to(tmp_path / "c" / f"models--{repo.replace('/', '--')}" / "snapshots")


def test_copies_are_compared_with_the_hub(api: Downloads, repo: str) -> None:
    path = Path(api.hf_hub_download(repo, "config.json"))
    assert api.verify_repo_checksums(repo).mismatches == []
    path.resolve().write_bytes(b"[]")
    [wrong] = api.verify_repo_checksums(repo).mismatches
    assert wrong.path == "config.json"
    with pytest.raises(ValueError, match="not both"):
        api.verify_repo_checksums(repo, local_dir="a", cache_dir="b")


def test_passing_proxies_issues_a_warning(api: Downloads, repo: str) -> None:
    with pytest.warns(FutureWarning, match="HTTPS_PROXY"):
        api.hf_hub_download(repo, "config.json", proxies={"https": "http://x"})
