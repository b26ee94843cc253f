"""Git and git-lfs as they are installed, against a hub: what went in through one door comes out of the other."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

from entrepot.testing.hubs import RunningHub, User

LARGE = bytes(range(256)) * 3000
UNICODE = "données/ünïcødé 文件 #1%.txt"


class Desk:
    """Somebody's working place: git with its own home, and an API client."""

    def __init__(self, hub: RunningHub, folder: Path, user: User | None = None, *, anonymous: bool = False) -> None:
        self.hub = hub
        self.folder = folder
        folder.mkdir(exist_ok=True)
        user = user or hub.user("tester")
        self.api = HfApi(endpoint=hub.url, token=user.token)
        place = hub.url.removeprefix("http://")
        (folder / ".git-credentials").write_text("" if anonymous else f"http://any:{user.token}@{place}\n")
        (folder / ".gitconfig").write_text(
            "[credential]\n\thelper = store\n[user]\n\tname = Ada\n\temail = ada@example.org\n"
            '[init]\n\tdefaultBranch = main\n[filter "lfs"]\n\tclean = git-lfs clean -- %f\n'
            "\tsmudge = git-lfs smudge -- %f\n\tprocess = git-lfs filter-process\n\trequired = true\n"
            "[core]\n\tquotepath = false\n[advice]\n\tdetachedHead = false\n"
        )
        self._environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "NO_PROXY": "*",
            "LC_ALL": "C.UTF-8",
        }

    def try_git(self, *arguments: str, cwd: str = ".") -> subprocess.CompletedProcess[str]:
        command = ["git", *arguments]
        return subprocess.run(command, cwd=self.folder / cwd, env=self._environ, capture_output=True, text=True)

    def git(self, *arguments: str, cwd: str = ".") -> str:
        done = self.try_git(*arguments, cwd=cwd)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def clone(self, repo: str, *options: str, into: str = "clone") -> Path:
        """A clone, checked by git."""
        self.git("clone", *options, f"{self.hub.url}/{repo}", into)
        self.git("fsck", "--strict", cwd=into)
        return self.folder / into

    def save(self, path: str, content: bytes, repo: str = "tester/m", **more: Any) -> str:
        done = self.api.upload_file(
            path_or_fileobj=content, path_in_repo=path, repo_id=repo, commit_message=f"save {path}", **more
        )
        return str(done.oid)


@pytest.fixture
def desk(entrepot_hub: RunningHub, tmp_path: Path) -> Desk:
    return Desk(entrepot_hub, tmp_path / "desk")


@pytest.fixture
def repo(desk: Desk, request: pytest.FixtureRequest) -> str:
    name = f"tester/{request.node.name.split('[')[0][5:70]}{abs(hash(request.node.name)) % 10_000}".replace("_", "-")
    desk.api.create_repo(name)
    return name


def test_a_clone_is_what_was_committed_over_http(desk: Desk, repo: str) -> None:
    desk.save("hello.txt", b"hello\n", repo)
    desk.save(UNICODE, b"x\n", repo)
    desk.save("large.bin", LARGE, repo)
    operations = [CommitOperationAdd("a/b.txt", b"b"), CommitOperationDelete("hello.txt")]
    desk.api.create_commit(repo, operations, commit_message="two things")
    desk.api.create_branch(repo, branch="dev")
    desk.api.create_tag(repo, tag="v1", tag_message="annotated")
    desk.api.create_tag(repo, tag="light")

    clone = desk.clone(repo)

    ids = desk.git("log", "--format=%H", cwd="clone").split()
    assert ids == [commit.commit_id for commit in desk.api.list_repo_commits(repo)]
    assert (clone / "large.bin").read_bytes() == LARGE
    assert (clone / UNICODE).read_bytes() == b"x\n"
    files = desk.git("ls-files", "-z", cwd="clone").strip("\0").split("\0")
    assert sorted(files) == sorted(desk.api.list_repo_files(repo))
    blobs = {
        entry.path: entry.blob_id
        for entry in desk.api.list_repo_tree(repo, recursive=True)
        if hasattr(entry, "blob_id")
    }
    assert all(desk.git("rev-parse", f"HEAD:{path}", cwd="clone") == oid for path, oid in blobs.items())
    assert desk.git("tag", "--list", cwd="clone").split() == ["light", "v1"]
    assert desk.git("cat-file", "-t", "v1", cwd="clone") == "tag"
    assert desk.git("rev-parse", "origin/dev", cwd="clone") == ids[0]
    assert desk.git("symbolic-ref", "HEAD", cwd="clone") == "refs/heads/main"


@pytest.mark.parametrize("version", ["0", "1", "2"])
def test_every_version_of_the_protocol_clones_and_fetches(desk: Desk, repo: str, version: str) -> None:
    desk.save("a.txt", b"1\n", repo)
    desk.git("config", "--global", "protocol.version", version)
    clone = desk.clone(f"{repo}.git")
    last = desk.save("a.txt", b"2\n", repo)
    desk.git("pull", "-q", cwd="clone")
    assert desk.git("rev-parse", "HEAD", cwd="clone") == last
    assert (clone / "a.txt").read_bytes() == b"2\n"


def test_shallow_and_partial_clones_fetch_the_rest_later(desk: Desk, repo: str) -> None:
    for n in range(4):
        desk.save(f"f{n}.txt", b"%d\n" % n, repo)
    desk.clone(repo, "--depth=1", into="shallow")
    assert desk.git("rev-list", "--count", "HEAD", cwd="shallow") == "1"
    desk.git("fetch", "--unshallow", cwd="shallow")
    assert desk.git("rev-list", "--count", "HEAD", cwd="shallow") == "5"
    for filtered in ("blob:none", "tree:0"):
        folder = filtered.replace(":", "-")
        desk.git("clone", f"--filter={filtered}", "--no-checkout", f"{desk.hub.url}/{repo}", folder)
        assert desk.git("show", "HEAD~1:f1.txt", cwd=folder) == "1"


def test_pull_request_refs_and_single_commits_are_fetched(desk: Desk, repo: str) -> None:
    desk.save("a.txt", b"1\n", repo)
    first = desk.save("a.txt", b"2\n", repo)
    desk.git("init", "-q", "one")
    desk.git("fetch", "--depth=1", f"{desk.hub.url}/{repo}", first, cwd="one")
    assert desk.git("rev-parse", "FETCH_HEAD", cwd="one") == first


def test_large_files_kept_as_chunks_are_smudged_whole(desk: Desk, repo: str) -> None:
    content = os.urandom(2_000_000)
    desk.save("model.safetensors", content, repo)  # today's client sends it through Xet
    clone = desk.clone(repo)
    assert (clone / "model.safetensors").read_bytes() == content
    pointer = desk.git("cat-file", "-p", "HEAD:model.safetensors", cwd="clone")
    assert pointer.startswith("version https://git-lfs.github.com/spec/v1")


def test_private_repositories_are_cloned_with_a_credential_helper(desk: Desk, tmp_path: Path) -> None:
    desk.api.create_repo("tester/secret", private=True, repo_type="dataset")
    desk.save("a.txt", b"1\n", "tester/secret", repo_type="dataset")
    desk.clone("datasets/tester/secret")
    stranger = Desk(desk.hub, tmp_path / "stranger", desk.hub.user("stranger"))
    refused = stranger.try_git("clone", f"{desk.hub.url}/datasets/tester/secret")
    assert refused.returncode
    assert "Repository not found" in refused.stderr
    nobody = Desk(desk.hub, tmp_path / "nobody", anonymous=True)
    refused = nobody.try_git("clone", f"{desk.hub.url}/datasets/tester/secret")
    assert "could not read Username" in refused.stderr


def test_a_renamed_repository_is_cloned_under_its_old_name(desk: Desk, repo: str) -> None:
    desk.save("a.txt", b"1\n", repo)
    desk.api.move_repo(repo, f"{repo}-new")
    assert (desk.clone(repo) / "a.txt").exists()
    assert (desk.clone(f"{repo}.git", into="again") / "a.txt").exists()


def test_a_mirror_may_vanish_between_two_fetches(desk: Desk, repo: str, forget_mirrors: Callable[[], None]) -> None:
    desk.save("a.txt", b"1\n", repo)
    desk.clone(repo)
    forget_mirrors()
    last = desk.save("a.txt", b"2\n", repo)
    desk.git("pull", "-q", cwd="clone")
    assert desk.git("rev-parse", "HEAD", cwd="clone") == last


@pytest.fixture
def forget_mirrors(desk: Desk) -> Callable[[], None]:
    import shutil

    return lambda: shutil.rmtree(desk.hub.data / "cache")
