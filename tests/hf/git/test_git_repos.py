from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import HfApi as Oracle

from entrepot.client.progress import Bars
from entrepot.errors import EntrepotError, GitFailed, InvalidArgument, InvalidName
from entrepot.hf.api import HubApi
from entrepot.hf.git.git_repos import Repository
from entrepot.testing.hubs import RunningHub

pytestmark = pytest.mark.skipif(shutil.which("git-lfs") is None, reason="git-lfs is not installed")


@pytest.fixture
def client(entrepot_hub: RunningHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HubApi:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "HOME": str(home),
        "GIT_CONFIG_NOSYSTEM": "1",
        "ENTREPOT_HOME": str(home / "e"),
        **entrepot_hub.environ(),
    }.items():
        monkeypatch.setenv(name, value)
    return HubApi(endpoint=entrepot_hub.url, token=entrepot_hub.token)


@pytest.fixture
def repo_id(oracle: Oracle, fresh_name: str) -> str:
    oracle.create_repo(fresh_name)
    return fresh_name


def read(oracle: Oracle, repo_id: str, path: str, folder: Path, **more: Any) -> bytes:
    return Path(oracle.hf_hub_download(repo_id, path, local_dir=folder / os.urandom(4).hex(), **more)).read_bytes()


def test_the_commit_context_pulls_adds_commits_and_pushes(
    client: HubApi, oracle: Oracle, repo_id: str, tmp_path: Path
) -> None:
    repo = Repository("clone", clone_from=repo_id, client=client)
    oracle.upload_file(path_or_fileobj=b"elsewhere", path_in_repo="other.txt", repo_id=repo_id)
    large = os.urandom(11 << 20)
    with repo.commit("My first files") as same:
        assert same is repo
        assert Path.cwd() == tmp_path / "clone"
        assert Path("other.txt").read_text() == "elsewhere"
        Path("file.txt").write_text("hello")
        Path("large.bin").write_bytes(large)
        Path("small image").write_bytes(b"\0png")
    assert Path.cwd() == tmp_path
    assert oracle.list_repo_commits(repo_id)[0].title == "My first files"
    infos = {info.path: info for info in oracle.get_paths_info(repo_id, ["file.txt", "large.bin", "small image"])}
    assert {path: info.lfs is not None for path, info in infos.items()} == {
        "file.txt": False,
        "large.bin": True,
        "small image": True,
    }
    assert read(oracle, repo_id, "large.bin", tmp_path) == large
    assert repo.is_repo_clean()


def test_transfers_of_large_files_are_reported(
    client: HubApi, repo_id: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("entrepot.hf.git.git_repos.progress_of", lambda _hub: Bars(is_forced=True))
    repo = Repository("clone", clone_from=repo_id, client=client)
    Path("clone/big.bin").write_bytes(os.urandom(1 << 20))
    repo.push_to_hub("big")
    assert "upload big.bin" in capfd.readouterr().err
    Repository("again", clone_from=repo_id, client=client)
    assert "download big.bin" in capfd.readouterr().err


def test_an_error_inside_commits_and_pushes_nothing(
    client: HubApi, oracle: Oracle, repo_id: str, tmp_path: Path
) -> None:
    repo = Repository("clone", clone_from=repo_id, client=client)
    before = oracle.list_repo_commits(repo_id)

    def work() -> None:
        with repo.commit("half"):
            Path("half.txt").write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    assert Path.cwd() == tmp_path
    assert oracle.list_repo_commits(repo_id) == before
    assert repo.git_head_hash() == before[0].commit_id
    assert (tmp_path / "clone/half.txt").read_text() == "half"


def test_a_commit_without_changes_is_none(client: HubApi, oracle: Oracle, repo_id: str) -> None:
    repo = Repository("clone", clone_from=repo_id, client=client)
    with repo.commit("nothing"):
        pass
    assert len(oracle.list_repo_commits(repo_id)) == 1
    assert repo.push_to_hub() is None
    with pytest.raises(OSError, match="nothing to commit"):
        repo.push_to_hub(clean_ok=False)


def test_a_commit_on_a_branch_makes_it(client: HubApi, oracle: Oracle, repo_id: str) -> None:
    repo = Repository("clone", clone_from=repo_id, client=client)
    with repo.commit("on dev", branch="dev"):
        Path("dev.txt").write_text("x")
    assert "dev.txt" in oracle.list_repo_files(repo_id, revision="dev")
    assert "dev.txt" not in oracle.list_repo_files(repo_id)
    other = Repository("other", clone_from=repo_id, client=client, revision="dev")
    assert other.current_branch == "dev"
    assert Path("other/dev.txt").exists()


def test_background_pushes_are_followed(client: HubApi, oracle: Oracle, repo_id: str) -> None:
    repo = Repository("clone", clone_from=repo_id, client=client)
    with repo.commit("in the background", blocking=False):
        Path("a.txt").write_text("a")
    last = repo.command_queue[-1]
    assert repo.last_command is last
    assert last.status in (-1, 0)
    repo.wait_for_commands()
    assert (last.status, last.is_done, repo.commands_failed, repo.commands_in_progress) == (0, True, [], [])
    assert "a.txt" in oracle.list_repo_files(repo_id)

    Path("clone/b.txt").write_text("b")
    repo.git_add("b.txt")
    repo.git_commit("b")
    url, command = repo.git_push(blocking=False, auto_lfs_prune=True)  # type: ignore[str-unpack]
    command.wait()
    assert url == f"{client.endpoint}/{repo_id}/commit/{repo.git_head_hash()}"
    assert command.status == 0, command.error


def test_a_failed_background_push_is_reported(
    client: HubApi, oracle: Oracle, repo_id: str, caplog: pytest.LogCaptureFixture
) -> None:
    repo = Repository("clone", clone_from=repo_id, client=client)
    oracle.upload_file(path_or_fileobj=b"x", path_in_repo="other.txt", repo_id=repo_id)
    Path("clone/a.txt").write_text("a")
    with caplog.at_level(logging.ERROR):
        repo.push_to_hub("too late", blocking=False)
        repo.wait_for_commands()
    assert [command.status for command in repo.commands_failed] == [1]
    assert "pull first" in str(repo.commands_failed[0].error)
    assert "pull first" in caplog.text


def test_a_script_waits_for_its_pushes(client: HubApi, oracle: Oracle, repo_id: str) -> None:
    script = f"""
from entrepot.hf.git.git_repos import Repository
repo = Repository("clone", clone_from={repo_id!r})
with repo.commit("at the end", blocking=False):
    open("late.txt", "w").write("late")
raise SystemExit("an error afterwards")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=240)
    assert done.returncode == 1, done.stderr
    assert done.stderr.strip().endswith("an error afterwards")
    assert "late.txt" in oracle.list_repo_files(repo_id)


def test_the_token_is_in_no_file_of_the_clone(
    client: HubApi, entrepot_hub: RunningHub, repo_id: str, tmp_path: Path
) -> None:
    url = entrepot_hub.url.replace("://", f"://user:{entrepot_hub.token}@")
    repo = Repository("clone", clone_from=f"{url}/{repo_id}", client=client)
    with repo.commit("x"):
        Path("x.bin").write_bytes(b"\0x")
    assert entrepot_hub.token not in repr(repo) + repo.git_remote_url()
    for file in tmp_path.rglob("*"):
        if file.is_file():
            assert entrepot_hub.token.encode() not in file.read_bytes(), file


def test_the_author_is_the_owner_of_the_token_by_default(client: HubApi, oracle: Oracle, repo_id: str) -> None:
    repo = Repository("clone", clone_from=repo_id, client=client)
    owner = oracle.whoami()
    assert repo.tree.setting("user.name") == (owner["fullname"] or owner["name"])
    assert "@" in str(repo.tree.setting("user.email"))
    named = Repository("clone", client=client, git_user="Ada", git_email="ada@example.org")
    assert (named.tree.setting("user.name"), named.tree.setting("user.email")) == ("Ada", "ada@example.org")


def test_a_name_without_namespace_belongs_to_the_caller(client: HubApi, repo_id: str) -> None:
    repo = Repository("clone", clone_from=repo_id.partition("/")[2], client=client)
    assert repo.git_remote_url() == f"{client.endpoint}/{repo_id}"
    with pytest.raises(InvalidName):
        Repository("other", clone_from="alone", token=False, client=client)


def test_datasets_are_cloned_by_type_or_prefix(client: HubApi, oracle: Oracle, repo_id: str) -> None:
    oracle.create_repo(repo_id, repo_type="dataset")
    url = f"{client.endpoint}/datasets/{repo_id}"
    assert Repository("one", clone_from=repo_id, repo_type="dataset", client=client).git_remote_url() == url
    assert Repository("two", clone_from=f"datasets/{repo_id}", client=client).git_remote_url() == url


def test_large_files_may_be_skipped_and_fetched_later(client: HubApi, oracle: Oracle, repo_id: str) -> None:
    oracle.upload_file(path_or_fileobj=b"\0" * 1000, path_in_repo="a.bin", repo_id=repo_id)
    repo = Repository("clone", clone_from=repo_id, client=client, skip_lfs_files=True)
    assert Path("clone/a.bin").read_text().startswith("version https://git-lfs")
    repo.git_pull(lfs=True)
    assert Path("clone/a.bin").read_bytes() == b"\0" * 1000


def test_an_existing_clone_is_opened(client: HubApi, repo_id: str, caplog: pytest.LogCaptureFixture) -> None:
    first = Repository("clone", clone_from=repo_id, client=client)
    assert Repository("clone", client=client).git_head_hash() == first.git_head_hash()
    Repository("clone", clone_from=repo_id, client=client)
    assert "already" in caplog.text
    with pytest.raises(ValueError, match="no git clone"):
        Repository("empty", client=client)
    with pytest.raises(OSError, match="something else"):
        Repository("clone", clone_from=f"{repo_id}x", client=client)


def test_pull_add_commit_push_one_by_one(client: HubApi, oracle: Oracle, repo_id: str) -> None:
    repo = Repository("clone", clone_from=repo_id, client=client)
    oracle.upload_file(path_or_fileobj=b"x", path_in_repo="other.txt", repo_id=repo_id)
    repo.git_pull()
    Path("clone/model.json").write_text("{}")
    Path("clone/other.txt").unlink()
    assert repo.list_deleted_files() == ["other.txt"]
    repo.git_add()
    repo.git_commit("add model")
    url = repo.git_push()
    assert url == repo.git_head_commit_url()
    assert set(oracle.list_repo_files(repo_id)) == {".gitattributes", "model.json"}


def test_tags_reach_the_hub(client: HubApi, oracle: Oracle, repo_id: str) -> None:
    repo = Repository("clone", clone_from=repo_id, client=client)
    repo.add_tag("v1", message="first", remote="origin")
    assert repo.tag_exists("v1")
    assert [tag.name for tag in oracle.list_repo_refs(repo_id).tags] == ["v1"]
    assert repo.delete_tag("v1", remote="origin")
    assert not repo.tag_exists("v1", remote="origin")
    assert oracle.list_repo_refs(repo_id).tags == []


def test_the_metadata_of_the_card_are_read_and_written(client: HubApi, repo_id: str) -> None:
    repo = Repository("clone", clone_from=repo_id, client=client)
    assert repo.repocard_metadata_load() is None
    repo.repocard_metadata_save({"license": "mit"})
    assert repo.repocard_metadata_load() == {"license": "mit"}
    repo.git_credential_helper_store()
    assert repo.tree.setting("credential.helper") == "store"


def test_refusals_have_the_message_of_the_hub(
    client: HubApi, entrepot_hub: RunningHub, oracle: Oracle, repo_id: str
) -> None:
    reader = HubApi(endpoint=entrepot_hub.url, token=entrepot_hub.user("guest").token)
    repo = Repository("clone", clone_from=repo_id, client=reader)
    Path("clone/a.txt").write_text("a")
    with pytest.raises(GitFailed, match="push") as caught:
        repo.push_to_hub("not mine")
    assert entrepot_hub.user("guest").token not in str(caught.value)
    assert isinstance(caught.value, OSError)
    with pytest.raises(EntrepotError, match="clone"):
        Repository("missing", clone_from="tester/there-is-none", client=client)
    private = f"{repo_id}-private"
    oracle.create_repo(private, private=True)
    with pytest.raises(GitFailed):
        Repository("anonymous", clone_from=private, token=False, client=client)
    assert Repository("mine", clone_from=private, client=client).git_head_hash()


def test_a_name_cannot_be_an_option(client: HubApi, repo_id: str) -> None:
    repo = Repository("clone", clone_from=repo_id, client=client)
    with pytest.raises(InvalidArgument):
        repo.git_checkout("--help")
