from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from entrepot import CommitOperationAdd, HubApi
from entrepot.hf.errors import EntryNotFoundError

if TYPE_CHECKING:
    pass

PATHS = ("a.txt", "b.bin", "d/c.txt", "d/e/f.bin")


@pytest.fixture
def repo(api: HubApi) -> str:
    made = api.create_repo(f"tester/deletions-{os.urandom(4).hex()}").repo_id
    api.create_commit(made, [CommitOperationAdd(path, path.encode()) for path in PATHS], commit_message="first")
    return made


def files(api: HubApi, repo: str) -> set[str]:
    return set(api.list_repo_files(repo)) - {".gitattributes"}


def test_a_file_is_deleted(api: HubApi, repo: str) -> None:
    made = api.delete_file("a.txt", repo)
    assert files(api, repo) == {"b.bin", "d/c.txt", "d/e/f.bin"}
    assert made.commit_message == "Delete a.txt with entrepot"
    assert made.oid == api.list_repo_commits(repo)[0].commit_id


@pytest.mark.parametrize("name", ["d", "d/"])
def test_a_folder_is_deleted(api: HubApi, repo: str, name: str) -> None:
    api.delete_folder(name, repo, commit_message="away")
    assert files(api, repo) == {"a.txt", "b.bin"}
    assert api.list_repo_commits(repo)[0].title == "away"


def test_files_are_deleted_by_pattern_except_gitattributes(api: HubApi, repo: str) -> None:
    api.delete_files(repo, ["*.txt", "d/*"])
    assert files(api, repo) == {"b.bin"}
    api.delete_files(repo, "*")
    assert api.list_repo_files(repo) == [".gitattributes"]


def test_the_error_names_a_missing_file(api: HubApi, repo: str) -> None:
    with pytest.raises(EntryNotFoundError):
        api.delete_file("none.txt", repo)
    with pytest.raises(EntryNotFoundError):
        api.delete_folder("none", repo)
    with pytest.raises(EntryNotFoundError, match=r"no file of model .* matches \*\.none"):
        api.delete_files(repo, ["*.none"])
    assert len(files(api, repo)) == 4
