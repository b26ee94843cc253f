from __future__ import annotations

import gc
import io
import itertools
import os
import sys
import warnings
from typing import TYPE_CHECKING, Any

import pytest

import entrepot
from entrepot import CommitOperationAdd, CommitOperationCopy, HubApi
from entrepot.client.uploads.secret_files import SecretFileWarning
from entrepot.errors import EntryNotFound, InvalidArgument, SecretsFound, SourceChanged, SourceMissing
from entrepot.hf.errors import RepositoryNotFoundError

if TYPE_CHECKING:
    from pathlib import Path

    from entrepot.testing.hubs import RunningHub

NUMBERS = itertools.count()


@pytest.fixture
def repo(api: HubApi) -> str:
    return api.create_repo(f"tester/uploads-{os.getpid()}-{next(NUMBERS)}").repo_id


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for path in ("a.txt", "logs/b.txt", "logs/c.bin", ".git/config", "logs/.git/x", ".cache/huggingface/y"):
        (tmp_path / "up" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "up" / path).write_bytes(path.encode())
    return tmp_path / "up"


def files(api: HubApi, repo: str, **where: str) -> set[str]:
    return set(api.list_repo_files(repo, **where)) - {".gitattributes"}


def titles(api: HubApi, repo: str) -> list[str]:
    return [item.title for item in api.list_repo_commits(repo)][:-1]


def read(api: HubApi, repo: str, path: str) -> bytes:
    with open(api.hf_hub_download(repo, path), "rb") as file:
        return file.read()


def test_a_file_is_read_from_a_path_bytes_or_an_object(api: HubApi, repo: str, folder: Path) -> None:
    large = os.urandom(100_000)
    api.upload_file(path_or_fileobj=folder / "a.txt", path_in_repo="path.txt", repo_id=repo)
    api.upload_file(path_or_fileobj=b"bytes", path_in_repo="d/bytes.txt", repo_id=repo)
    made = api.upload_file(path_or_fileobj=io.BytesIO(large), path_in_repo="object.bin", repo_id=repo)
    assert read(api, repo, "path.txt") == b"a.txt"
    assert read(api, repo, "d/bytes.txt") == b"bytes"
    assert read(api, repo, "object.bin") == large
    assert titles(api, repo)[0] == "Upload object.bin with entrepot"
    assert made.oid == api.list_repo_commits(repo)[0].commit_id


def test_an_identical_file_creates_no_commit(api: HubApi, repo: str) -> None:
    first = api.upload_file(path_or_fileobj=b"x", path_in_repo="a", repo_id=repo)
    assert api.upload_file(path_or_fileobj=b"x", path_in_repo="a", repo_id=repo).oid == first.oid
    assert len(titles(api, repo)) == 1


def test_datasets_and_branches_are_uploaded_to(api: HubApi) -> None:
    repo = api.create_repo(f"tester/set-{os.getpid()}", repo_type="dataset").repo_id
    api.create_branch(repo, branch="dev", repo_type="dataset")
    made = api.upload_file(
        path_or_fileobj=b"x",
        path_in_repo="a",
        repo_id=repo,
        repo_type="dataset",
        revision="dev",
        commit_message="title",
        commit_description="body",
    )
    assert made.startswith(f"{api.endpoint}/datasets/{repo}/commit/")
    assert files(api, repo, repo_type="dataset", revision="dev") == {"a"}
    assert files(api, repo, repo_type="dataset") == set()


def test_a_folder_is_uploaded_without_git_and_caches(api: HubApi, repo: str, folder: Path) -> None:
    api.upload_folder(repo_id=repo, folder_path=folder)
    assert files(api, repo) == {"a.txt", "logs/b.txt", "logs/c.bin"}
    assert titles(api, repo) == ["Upload folder with entrepot"]


def test_a_folder_is_uploaded_to_a_subfolder_with_patterns(api: HubApi, repo: str, folder: Path) -> None:
    api.upload_folder(
        repo_id=repo,
        folder_path=str(folder),
        path_in_repo="x/y",
        allow_patterns=["*.txt", "*.bin"],
        ignore_patterns="logs/*.bin",
    )
    assert files(api, repo) == {"x/y/a.txt", "x/y/logs/b.txt"}


def test_files_are_deleted_in_the_same_commit(api: HubApi, repo: str, folder: Path) -> None:
    api.upload_folder(repo_id=repo, folder_path=folder, path_in_repo="old")
    (folder / "logs" / "b.txt").unlink()
    (folder / "new.txt").write_text("new")
    api.upload_folder(repo_id=repo, folder_path=folder, path_in_repo="old", delete_patterns="*.txt")
    assert files(api, repo) == {"old/a.txt", "old/new.txt", "old/logs/c.bin"}
    assert len(titles(api, repo)) == 2
    # With nothing to write, matching files are still deleted.
    api.upload_folder(repo_id=repo, folder_path=folder, allow_patterns=[], delete_patterns=["*"])
    assert files(api, repo) == set()


def test_an_unchanged_folder_makes_no_commit(api: HubApi, repo: str, folder: Path) -> None:
    first = api.upload_folder(repo_id=repo, folder_path=folder)
    assert api.upload_folder(repo_id=repo, folder_path=folder).oid == first.oid


def test_a_folder_can_go_in_the_background_in_order(api: HubApi, repo: str, folder: Path) -> None:
    one = api.upload_file(path_or_fileobj=b"first", path_in_repo="a.txt", repo_id=repo, run_as_future=True)
    two = api.upload_folder(repo_id=repo, folder_path=folder, run_as_future=True)
    assert two.result(60).oid != one.result(60).oid
    assert read(api, repo, "a.txt") == b"a.txt"


def test_a_failure_in_the_background_is_in_the_future(api: HubApi, folder: Path) -> None:
    failed = api.upload_folder(repo_id="tester/nothing-here", folder_path=folder, run_as_future=True)
    with pytest.raises(RepositoryNotFoundError, match="tester/nothing-here"):
        failed.result(60)


def test_contents_are_let_go_when_they_were_sent_ahead(api: HubApi, repo: str) -> None:
    large, small = os.urandom(200_000), b"text"
    holders = sys.getrefcount(large)
    additions = [CommitOperationAdd("large.bin", large), CommitOperationAdd("small.txt", small)]
    api.preupload_lfs_files(repo, additions)
    gc.collect()
    assert sys.getrefcount(large) == holders
    assert additions[0].path_or_fileobj == b""
    assert additions[1].path_or_fileobj == small
    assert (additions[0]._is_uploaded, additions[1]._is_uploaded) == (True, False)
    assert files(api, repo) == set()
    api.preupload_lfs_files(repo, additions)  # uploaded files are skipped
    api.create_commit(repo, additions, commit_message="m")
    assert read(api, repo, "large.bin") == large
    assert read(api, repo, "small.txt") == small


def test_contents_are_kept_on_request(api: HubApi, repo: str) -> None:
    addition = CommitOperationAdd("large.bin", b"\0large")
    api.preupload_lfs_files(repo, [addition], free_memory=False)
    assert addition.path_or_fileobj == b"\0large"
    api.create_commit(repo, [addition], commit_message="m")
    assert read(api, repo, "large.bin") == b"\0large"


def test_ignored_files_are_not_committed_later(api: HubApi, repo: str) -> None:
    additions = [CommitOperationAdd("a.tmp", b"x"), CommitOperationAdd("b", b"x")]
    api.preupload_lfs_files(repo, additions, gitignore_content="*.tmp\n")
    api.create_commit(repo, additions, commit_message="m")
    assert files(api, repo) == {"b"}


def test_a_large_folder_is_uploaded_and_found_done(api: HubApi, folder: Path) -> None:
    name = f"tester/large-folder-{os.getpid()}"
    for _ in range(2):
        api.upload_large_folder(name, folder, repo_type="dataset", private=True, num_workers=2)
    assert files(api, name, repo_type="dataset") == {"a.txt", "logs/b.txt", "logs/c.bin"}
    assert api.repo_info(name, repo_type="dataset").private
    assert len(api.list_repo_commits(name, repo_type="dataset")) == 2


def test_bad_input_raises_a_readable_error(api: HubApi, repo: str, folder: Path) -> None:
    with pytest.raises(ValueError, match="there is no folder at"):
        api.upload_folder(repo_id=repo, folder_path=folder / "none")
    with pytest.raises(SourceMissing, match="there is no file at"):
        api.upload_file(path_or_fileobj=str(folder), path_in_repo="a", repo_id=repo)
    with pytest.raises(InvalidArgument, match="branch main only"):
        api.upload_folder(repo_id=repo, folder_path=folder, multi_commits=True, revision="dev")


def test_a_file_that_changes_while_it_is_uploaded_is_named(
    api: HubApi, repo: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from entrepot.client.uploads import large_files

    send = large_files.send

    def change_then_send(*arguments: Any) -> None:
        (folder / "a.txt").write_text("somebody writes to it")
        send(*arguments)

    monkeypatch.setattr(large_files, "send", change_then_send)
    with pytest.raises(SourceChanged, match=r"a\.txt.*upload it again once no program writes to it"):
        api.upload_folder(repo_id=repo, folder_path=folder)
    assert files(api, repo) == set()


def test_functions_of_the_package_use_the_environment(
    entrepot_hub: RunningHub, api: HubApi, repo: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENTREPOT_ENDPOINT", entrepot_hub.url)
    monkeypatch.setenv("ENTREPOT_TOKEN", entrepot_hub.token)
    entrepot.upload_file(path_or_fileobj=b"x", path_in_repo="f", repo_id=repo)
    entrepot.upload_folder(folder_path=folder, repo_id=repo, path_in_repo="g")
    entrepot.delete_file("f", repo)
    entrepot.run_as_future(entrepot.delete_folder, "g/logs", repo).result(60)
    assert files(api, repo) == {"g/a.txt"}


def test_secrets_are_warned_of_or_refused_by_every_way_to_upload(api: HubApi, repo: str, tmp_path: Path) -> None:
    (tmp_path / "up").mkdir()
    for path in ("a.txt", ".env"):
        (tmp_path / "up" / path).write_text(path)
    ways = (
        lambda **k: api.upload_file(path_or_fileobj=b"x", path_in_repo="id_rsa", repo_id=repo, **k),
        lambda **k: api.upload_folder(repo_id=repo, folder_path=tmp_path / "up", **k),
        lambda **k: api.upload_folder(repo_id=repo, folder_path=tmp_path / "up", multi_commits=True, **k),
        lambda **k: api.upload_large_folder(repo, tmp_path / "up", **k),
        lambda **k: api.create_commit(repo, [CommitOperationAdd("k.pem", b"x")], commit_message="m", **k),
    )
    for way in ways:
        with pytest.raises(SecretsFound, match="nothing was uploaded"):
            way(allow_secrets=False)
    assert api.list_repo_files(repo) == [".gitattributes"]
    for way in ways[:2]:
        with pytest.warns(SecretFileWarning, match="look like secrets"):
            way()
    with warnings.catch_warnings():
        warnings.simplefilter("error", SecretFileWarning)
        ways[-1](allow_secrets=True)
        ways[1]()  # no warning for files that the repository contains already


def test_nothing_to_do_is_reported(api: HubApi, repo: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    first = api.upload_file(path_or_fileobj=b"x", path_in_repo="a.txt", repo_id=repo)
    assert caplog.text == ""
    api.upload_file(path_or_fileobj=b"x", path_in_repo="a.txt", repo_id=repo)
    assert f"nothing changed in model {repo}, head is {first.oid}" in caplog.text
    (tmp_path / "a.txt").write_text("x")
    with pytest.warns(UserWarning, match=r"no file in .* matches '\*\.bin'"):
        api.upload_folder(repo_id=repo, folder_path=tmp_path, allow_patterns="*.bin")
    with pytest.warns(UserWarning, match=r"no file in .* matches '\*\.old'"):
        api.upload_folder(repo_id=repo, folder_path=tmp_path, delete_patterns="*.old")
    with pytest.warns(UserWarning, match=r"no file of .* matches '\*\.bin' without 'x'"):
        api.snapshot_download(repo, allow_patterns="*.bin", ignore_patterns="x")


def test_a_backslash_issues_one_warning_with_the_path_that_was_meant(api: HubApi, repo: str) -> None:
    for act in (
        lambda: api.upload_file(path_or_fileobj=b"x", path_in_repo="d\\a.txt", repo_id=repo),
        lambda: api.create_commit(repo, [CommitOperationAdd("d\\a.txt", b"y")], commit_message="y"),
        lambda: api.preupload_lfs_files(repo, [CommitOperationAdd("d\\a.txt", b"z")]),
        lambda: api.create_commit(repo, [CommitOperationCopy("d\\a.txt", "e.txt")], commit_message="z"),
        lambda: api.delete_file("d\\a.txt", repo),
    ):
        with pytest.warns(UserWarning, match="'d/a.txt'") as warned:
            act()
        assert len(warned) == 1
    with pytest.warns(UserWarning, match="'d/b.txt'") as warned, pytest.raises(EntryNotFound):
        api.hf_hub_download(repo, "d\\b.txt")
    assert len(warned) == 1
