from __future__ import annotations

import itertools
import os
from concurrent.futures import Future
from typing import TYPE_CHECKING

import pytest

from entrepot import CommitOperationAdd, CommitOperationCopy, CommitOperationDelete, HubApi
from entrepot.client.progress import Silent
from entrepot.errors import Forbidden, Invalid, InvalidArgument, InvalidName
from entrepot.hf.errors import EntryNotFoundError, HfHubHTTPError, RepositoryNotFoundError
from entrepot.hf.files.commits import progress_of

if TYPE_CHECKING:
    pass

NUMBERS = itertools.count()


@pytest.fixture
def repo(api: HubApi) -> str:
    return api.create_repo(f"tester/commits-{os.getpid()}-{next(NUMBERS)}").repo_id


def files(api: HubApi, repo: str) -> set[str]:
    return set(api.list_repo_files(repo)) - {".gitattributes"}


def test_one_commit_adds_copies_and_deletes(api: HubApi, repo: str) -> None:
    first = [CommitOperationAdd(path, path.encode()) for path in ("a", "b", "d/c")]
    api.create_commit(repo, first, commit_message="first")
    made = api.create_commit(
        repo,
        [
            CommitOperationAdd("large.bin", os.urandom(100_000)),
            CommitOperationCopy("a", "copy"),
            CommitOperationDelete("b"),
            CommitOperationDelete("d/"),
        ],
        commit_message="second",
        commit_description="why",
    )
    assert files(api, repo) == {"a", "copy", "large.bin"}
    assert (made.commit_message, made.commit_description, made.pr_url, made.pr_num) == ("second", "why", None, None)
    assert made == f"{api.endpoint}/{repo}/commit/{made.oid}"
    assert made.repo_url.repo_id == repo
    newest = api.list_repo_commits(repo)[0]
    assert (newest.commit_id, newest.title, newest.message) == (made.oid, "second", "why")


def test_an_addition_is_committed_once(api: HubApi, repo: str) -> None:
    addition = CommitOperationAdd("a", b"x")
    api.create_commit(repo, [addition], commit_message="m")
    with pytest.raises(ValueError, match="was committed before"):
        api.create_commit(repo, [addition], commit_message="m")


def test_a_failed_addition_can_be_committed_again(api: HubApi, repo: str) -> None:
    addition = CommitOperationAdd("a", b"x")
    with pytest.raises(EntryNotFoundError):
        api.create_commit(repo, [addition, CommitOperationDelete("none")], commit_message="m")
    api.create_commit(repo, [addition], commit_message="m")
    assert files(api, repo) == {"a"}


def test_it_can_run_in_the_background(api: HubApi, repo: str) -> None:
    futures = [
        api.create_commit(repo, [CommitOperationAdd(f"{n}", b"x")], commit_message=f"{n}", run_as_future=True)
        for n in range(5)
    ]
    assert all(isinstance(future, Future) for future in futures)
    for future in futures:
        future.result(60)
    assert [item.title for item in api.list_repo_commits(repo)][:5] == ["4", "3", "2", "1", "0"]


def test_anything_can_run_in_the_background(api: HubApi) -> None:
    name = f"tester/background-{os.getpid()}"
    made = api.run_as_future(api.create_repo, name, repo_type="dataset")
    sent = api.run_as_future(api.upload_file, path_or_fileobj=b"x", path_in_repo="a", repo_id=name, repo_type="dataset")
    assert made.result(60).repo_id == name
    assert sent.result(60).oid == api.list_repo_commits(name, repo_type="dataset")[0].commit_id
    with pytest.raises(ZeroDivisionError):
        api.run_as_future(divmod, 1, 0).result(60)


def test_a_parent_is_pinned(api: HubApi, repo: str) -> None:
    first = api.create_commit(repo, [CommitOperationAdd("a", b"x")], commit_message="m")
    api.create_commit(repo, [CommitOperationAdd("b", b"x")], commit_message="m", parent_commit=first.oid)
    with pytest.raises(HfHubHTTPError) as caught:
        api.create_commit(repo, [CommitOperationAdd("c", b"x")], commit_message="m", parent_commit=first.oid)
    assert caught.value.status_code == 412


def test_a_wrong_type_and_a_wrong_token_raise_readable_errors(api: HubApi, repo: str) -> None:
    with pytest.raises(RepositoryNotFoundError, match=r"dataset tester/.* was not found .*repo_type"):
        api.create_commit(repo, [CommitOperationAdd("a", b"x")], commit_message="m", repo_type="dataset")
    with pytest.raises(Invalid, match="invalid repository type"):
        api.create_commit(repo, [CommitOperationAdd("a", b"x")], commit_message="m", repo_type="picture")
    with pytest.raises((Forbidden, HfHubHTTPError), match="log in"):
        api.create_commit(repo, [CommitOperationAdd("a", b"x")], commit_message="m", token=False)


def test_remarks_of_the_hub_become_warnings(api: HubApi, repo: str) -> None:
    with pytest.warns(UserWarning, match=r"README\.md"):
        api.create_commit(repo, [CommitOperationAdd("README.md", b"no metadata")], commit_message="m")


def test_arguments_are_checked_before_anything_is_sent() -> None:
    nowhere = HubApi("http://127.0.0.1:9", token=False)
    with pytest.raises(InvalidArgument, match="commit_message is empty"):
        nowhere.create_commit("a/b", [], commit_message="")
    with pytest.raises(InvalidArgument, match="parent_commit must be a commit id"):
        nowhere.create_commit("a/b", [], commit_message="m", parent_commit="main")
    with pytest.raises(InvalidName):
        nowhere.create_commit("not an id", [], commit_message="m")


def test_no_progress_is_shown_without_a_terminal(api: HubApi) -> None:
    assert isinstance(progress_of(api._hub()), Silent)
