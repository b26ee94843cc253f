from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from entrepot.errors import EntryNotFound, RepoNotFound
from entrepot.hf.files.files import Files
from entrepot.hf.shapes.files import RepoFile, RepoFolder
from entrepot.testing.hubs import RunningHub


@pytest.fixture
def repo(entrepot_hub: RunningHub, write_repo: Callable[[dict[str, bytes]], str]) -> str:
    repo: str = write_repo({"a.txt": b"1", "d/b.txt": b"22", "d/e/c": b"3"})
    return repo


@pytest.fixture
def api(entrepot_hub: RunningHub, client_home: Path) -> Files:
    return Files(entrepot_hub.url, entrepot_hub.token)


def test_all_files_are_listed(api: Files, repo: str) -> None:
    assert sorted(api.list_repo_files(repo)) == [".gitattributes", "a.txt", "d/b.txt", "d/e/c"]


def test_a_folder_is_listed_flat_or_deep(api: Files, repo: str) -> None:
    flat = list(api.list_repo_tree(repo, "d"))
    assert [(type(item), item.path) for item in flat] == [(RepoFolder, "d/e"), (RepoFile, "d/b.txt")]
    deep = list(api.list_repo_tree(repo, "/d/", recursive=True, expand=True))
    assert [item.path for item in deep] == ["d/e", "d/e/c", "d/b.txt"]
    assert all(item.last_commit is not None for item in deep)
    with pytest.raises(EntryNotFound):
        list(api.list_repo_tree(repo, "none"))


def test_paths_are_described_and_missing_ones_left_out(api: Files, repo: str) -> None:
    found = api.get_paths_info(repo, ["d/b.txt", "none", "d"])
    assert [item.path for item in found] == ["d/b.txt", "d"]
    [file] = api.get_paths_info(repo, "a.txt", expand=True)
    assert isinstance(file, RepoFile)
    assert (file.size, file.rfilename, file.lfs) == (1, "a.txt", None)
    assert file.lastCommit is not None
    many = [f"none{n}" for n in range(2_500)]
    assert [item.path for item in api.get_paths_info(repo, [*many, "a.txt"])] == ["a.txt"]


def test_whether_things_exist(api: Files, repo: str) -> None:
    assert api.repo_exists(repo)
    assert not api.repo_exists(repo, repo_type="dataset")
    assert api.revision_exists(repo, "main")
    assert not api.revision_exists(repo, "none")
    assert not api.revision_exists("tester/none", "main")
    assert api.file_exists(repo, "d/b.txt")
    assert not api.file_exists(repo, "d")
    assert not api.file_exists(repo, "a.txt", revision="none")
    assert not api.file_exists("tester/none", "a.txt")


def test_a_missing_item_raises(api: Files) -> None:
    with pytest.raises(RepoNotFound):
        api.list_repo_files("tester/none")


def test_metadata_of_a_file_is_returned_without_its_content(api: Files, repo: str) -> None:
    facts = api.get_hf_file_metadata(url=f"{api.endpoint}/{repo}/resolve/main/d/b.txt")
    assert facts.size == 2
    assert facts.etag == "8fdd954df9839dccee46fc5f7e6a7fa3c2c3cd45" or len(facts.etag or "") == 40
