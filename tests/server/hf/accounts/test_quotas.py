"""Quotas with the real client."""

from __future__ import annotations

import os
import pathlib
import subprocess
from collections.abc import Iterator

import httpx2
import pytest
from huggingface_hub import CommitOperationAdd, HfApi
from huggingface_hub.errors import HfHubHTTPError

from entrepot.hub.accounts import quotas
from tests.support.site import Committer, Site

REASON = "quota of the namespace alice is exceeded"


@pytest.fixture(autouse=True)
def quota(site: Site) -> Iterator[None]:
    yield
    quotas.change(site.hub, "alice", {"max_bytes": 0, "max_repos": 0, "max_file_bytes": 0})


@pytest.fixture
def full(site: Site) -> tuple[HfApi, str]:
    """A client and a repository in a namespace with a quota of 100 kB."""
    repo = site.new_repo()
    quotas.change(site.hub, "alice", {"max_bytes": quotas.show(site.hub, "alice").used + 100_000})
    return site.api(), repo


def test_a_quota_is_shown_to_its_owner(site: Site, alice: httpx2.Client, anonymous: httpx2.Client) -> None:
    quotas.change(site.hub, "alice", {"max_bytes": 5})
    found = alice.get("/api/settings/quota").json()
    assert (found["namespace"], found["maxBytes"], found["maxRepos"]) == ("alice", 5, None)
    assert anonymous.get("/api/settings/quota").status_code == 401
    assert alice.get("/api/organizations/nobody/quota").status_code == 404


def test_one_repository_too_many_is_refused_with_the_reason(site: Site) -> None:
    site.new_repo()
    quotas.change(site.hub, "alice", {"max_repos": 1})
    site.new_repo(owner="bob")
    api = site.api()
    with pytest.raises(HfHubHTTPError, match="limit 1 repository"):
        api.create_repo("alice/one-too-many")


def test_a_commit_with_too_much_content_is_refused_with_the_reason(full: tuple[HfApi, str]) -> None:
    api, repo = full
    with pytest.raises(HfHubHTTPError, match=REASON) as refused:
        api.upload_file(path_or_fileobj=b"x" * 200_000, path_in_repo="a.txt", repo_id=repo)
    assert refused.value.response.status_code == 413
    api.upload_file(path_or_fileobj=b"x" * 1000, path_in_repo="a.txt", repo_id=repo)


def test_who_has_used_up_a_quota_can_still_delete(site: Site, committer: Committer) -> None:
    repo = site.new_repo()
    committer.write(repo, {"a.txt": b"x" * 20_000})
    quotas.change(site.hub, "alice", {"max_bytes": 1})
    api = site.api()
    with pytest.raises(HfHubHTTPError, match=REASON):
        api.upload_file(path_or_fileobj=b"x" * 20_001, path_in_repo="b.txt", repo_id=repo)
    api.delete_file("a.txt", repo)
    assert api.list_repo_files(repo) == [".gitattributes"]
    api.create_branch(repo, branch="dev")
    api.delete_branch(repo, branch="dev")


def test_a_large_file_is_refused_with_the_reason(full: tuple[HfApi, str], monkeypatch: pytest.MonkeyPatch) -> None:
    api, repo = full
    for is_disabled in (True, False):
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", is_disabled)
        operation = CommitOperationAdd("w.bin", os.urandom(200_000))
        with pytest.raises((HfHubHTTPError, ValueError, RuntimeError), match=REASON):
            api.create_commit(repo, [operation], commit_message="large")
    assert api.list_repo_files(repo) == [".gitattributes"]


def test_git_shows_the_reason_on_the_terminal(site: Site, full: tuple[HfApi, str], tmp_path: pathlib.Path) -> None:
    _, repo = full
    url = site.url.replace("://", f"://alice:{site.alice}@") + f"/{repo}"
    environ = os.environ | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_TERMINAL_PROMPT": "0"}

    def git(*args: str) -> subprocess.CompletedProcess[str]:
        names = ("-c", "user.name=a", "-c", "user.email=a@b")
        return subprocess.run(["git", *names, *args], cwd=tmp_path, env=environ, capture_output=True, text=True)

    assert git("clone", "-q", url, ".").returncode == 0
    (tmp_path / "big.txt").write_bytes(os.urandom(100_000).hex().encode())
    git("add", ".")
    git("commit", "-q", "-m", "big")
    pushed = git("push", "-q", "origin", "HEAD:main")
    assert pushed.returncode != 0
    assert REASON in pushed.stderr
    quotas.change(site.hub, "alice", {"max_bytes": 0})
    assert git("push", "-q", "origin", "HEAD:dev").returncode == 0
    quotas.change(site.hub, "alice", {"max_bytes": 1})
    assert git("push", "-q", "origin", ":dev").returncode == 0
