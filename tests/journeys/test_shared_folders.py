"""Repositories in a shared folder, with stock clients: huggingface_hub, git and git-lfs."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest
from huggingface_hub import CommitOperationAdd, HfApi, HfFileSystem, snapshot_download
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

from entrepot.testing.hubs import RunningHub

Git = Callable[..., str]


@pytest.fixture
def api(entrepot_hub: RunningHub) -> HfApi:
    return HfApi(endpoint=entrepot_hub.url, token=entrepot_hub.token)


@pytest.fixture
def guest(entrepot_hub: RunningHub) -> HfApi:
    """A client of another user than the owner of the folders."""
    return HfApi(endpoint=entrepot_hub.url, token=entrepot_hub.user("guest").token)


@pytest.fixture
def git(tmp_path: Path) -> Git:
    def run(*arguments: str, cwd: str = ".", fails: bool = False) -> str:
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "NO_PROXY": "*",
            **{f"GIT_{who}_{what}": "a@b.example" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
        }
        done = subprocess.run(["git", *arguments], cwd=tmp_path / cwd, env=environ, capture_output=True, text=True)
        assert (done.returncode != 0) is fails, done.stderr
        return done.stdout + done.stderr

    return run


def rest(api: HfApi) -> httpx2.Client:
    return httpx2.Client(
        base_url=str(api.endpoint), headers={"Authorization": f"Bearer {api.token}"}, follow_redirects=True, timeout=240
    )


def share(api: HfApi, folder: str, role: str, **subject: object) -> None:
    owner, _, name = folder.partition(".")
    with rest(api) as client:
        answer = client.post(f"/api/folders/model/{owner}/{name}/grants", json={"role": role, **subject})
    assert answer.status_code == 200, answer.text


def test_stock_clients_work_in_a_folder_of_their_own(api: HfApi, tmp_path: Path) -> None:
    repo = api.create_repo("tester.llm/gpt").repo_id
    assert repo == "tester.llm/gpt"
    data = os.urandom(3 << 20)
    api.create_commit(
        repo,
        [CommitOperationAdd("small.txt", b"hello"), CommitOperationAdd("large.bin", data)],
        commit_message="both kinds",
    )
    assert api.model_info(repo).private
    assert api.model_info(repo).author == "tester.llm"
    assert [model.id for model in api.list_models(author="tester.llm")] == [repo]
    assert Path(api.hf_hub_download(repo, "large.bin", cache_dir=tmp_path)).read_bytes() == data
    folder = snapshot_download(repo, endpoint=api.endpoint, token=api.token, cache_dir=tmp_path / "again")
    assert Path(folder, "small.txt").read_text() == "hello"
    files = HfFileSystem(endpoint=api.endpoint, token=str(api.token), skip_instance_cache=True)
    assert files.cat(f"{repo}/small.txt") == b"hello"
    api.create_branch(repo, branch="v1")
    api.create_tag(repo, tag="t1")
    assert api.create_discussion(repo, title="A question").num == 1
    assert api.get_organization_overview("tester.llm").num_models == 1
    assert "tester.llm" not in [org["name"] for org in api.whoami()["orgs"]]
    api.delete_repo(repo)
    assert list(api.list_models(author="tester.llm")) == []


def test_a_guest_sees_what_is_shared_and_writes_if_that_is_shared(api: HfApi, guest: HfApi, tmp_path: Path) -> None:
    repo = api.create_repo("tester.shared/gpt").repo_id
    sibling = api.create_repo("tester.shared/gpt", repo_type="dataset").repo_id
    api.upload_file(path_or_fileobj=os.urandom(2 << 20), path_in_repo="a.bin", repo_id=repo)
    me = guest.whoami()["name"]
    with pytest.raises(RepositoryNotFoundError):
        guest.model_info(repo)
    share(api, "tester.shared", "view", user=me)
    assert [model.id for model in guest.list_models(author="tester.shared")] == [repo]
    guest.hf_hub_download(repo, "a.bin", cache_dir=tmp_path)
    with pytest.raises(HfHubHTTPError, match="edit"):
        guest.upload_file(path_or_fileobj=b"x", path_in_repo="b", repo_id=repo)
    share(api, "tester.shared", "edit", user=me)
    guest.upload_file(path_or_fileobj=os.urandom(2 << 20), path_in_repo="b.bin", repo_id=repo)
    made = guest.create_repo("tester.shared/theirs").repo_id
    assert api.model_info(made).private
    for call in (
        lambda: guest.dataset_info(sibling),
        lambda: guest.list_repo_files(sibling, repo_type="dataset"),
        lambda: guest.upload_file(path_or_fileobj=b"x", path_in_repo="b", repo_id=sibling, repo_type="dataset"),
    ):
        with pytest.raises(RepositoryNotFoundError):
            call()
    assert list(guest.list_datasets(author="tester.shared")) == []
    with pytest.raises(HfHubHTTPError):
        guest.create_repo("tester.shared/theirs", repo_type="dataset")
    with pytest.raises(HfHubHTTPError):
        guest.create_repo("tester.other/theirs")


def test_old_names_of_a_folder_lead_on(api: HfApi, tmp_path: Path) -> None:
    api.create_repo("tester.before/gpt")
    data = os.urandom(2 << 20)
    api.upload_file(path_or_fileobj=data, path_in_repo="a.bin", repo_id="tester.before/gpt")
    with rest(api) as client:
        renamed = client.put("/api/folders/model/tester/before", json={"name": "after"})
        assert renamed.status_code == 200, renamed.text
    assert api.model_info("tester.before/gpt").id == "tester.after/gpt"
    assert Path(api.hf_hub_download("tester.before/gpt", "a.bin", cache_dir=tmp_path)).read_bytes() == data
    api.upload_file(path_or_fileobj=os.urandom(2 << 20), path_in_repo="b.bin", repo_id="tester.before/gpt")
    assert "b.bin" in api.list_repo_files("tester.after/gpt")
    api.move_repo("tester.after/gpt", "tester/loose")
    assert api.model_info("tester.before/gpt").id == "tester/loose"


def test_git_clones_and_pushes_also_under_an_old_name(api: HfApi, guest: HfApi, git: Git, tmp_path: Path) -> None:
    api.create_repo("tester.code/gpt")
    api.upload_file(path_or_fileobj=b"hello", path_in_repo="a.txt", repo_id="tester.code/gpt")
    url = f"{api.endpoint}".replace("://", f"://any:{api.token}@") + "/tester.code/gpt"
    stranger = f"{api.endpoint}".replace("://", f"://any:{guest.token}@") + "/tester.code/gpt"
    git("clone", "-q", url, "work")
    assert "not found" in git("clone", "-q", stranger, "no", fails=True).lower()
    share(api, "tester.code", "view", user=guest.whoami()["name"])
    git("clone", "-q", stranger, "theirs")
    with rest(api) as client:
        assert client.put("/api/folders/model/tester/code", json={"name": "sources"}).status_code == 200
    for folder in ("work", "theirs"):
        (tmp_path / folder / "b.txt").write_text(folder)
        git("add", "-A", cwd=folder)
        git("commit", "-q", "-m", "more", cwd=folder)
    git("push", "-q", "origin", "main", cwd="work")
    assert "b.txt" in api.list_repo_files("tester.sources/gpt")
    git("pull", "-q", "--rebase", cwd="theirs", fails=True)
    git("rebase", "--abort", cwd="theirs")
    assert "edit" in git("push", "-q", "origin", "main:other", cwd="theirs", fails=True)
    (tmp_path / "work" / "large.bin").write_bytes(os.urandom(1 << 20))
    git("lfs", "install", "--local", cwd="work")
    git("lfs", "track", "*.bin", cwd="work")
    git("add", "-A", cwd="work")
    git("commit", "-q", "-m", "large", cwd="work")
    git("push", "-q", "origin", "main", cwd="work")
    git("clone", "-q", url, "again")
    assert (tmp_path / "again" / "large.bin").stat().st_size in (1 << 20, 132)
    found = api.get_paths_info("tester.sources/gpt", ["large.bin"])[0]
    assert getattr(found, "size", None) == 1 << 20
