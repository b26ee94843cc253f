"""One asset from its creation to its deletion: what huggingface_hub, git, another user and nobody see at each step."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
from collections.abc import Callable

import pytest
from huggingface_hub import CommitOperationAdd
from huggingface_hub import HfApi as Oracle
from huggingface_hub.errors import RepositoryNotFoundError

from entrepot import ah
from entrepot.ah import sessions
from entrepot.testing.hubs import RunningHub


class Witnesses:
    """Other clients of one repository."""

    def __init__(self, hub: RunningHub, folder: pathlib.Path) -> None:
        self.hub, self.folder = hub, folder
        self.owner = Oracle(endpoint=hub.url, token=hub.user("demo").token)
        self.other = Oracle(endpoint=hub.url, token=hub.user("user").token)
        self.nobody = Oracle(endpoint=hub.url, token=False)
        self._number = 0

    def files(self, api: Oracle, repo: str, revision: str = "main") -> list[str] | None:
        """Return the files that a client sees, without git's; None if the repository is absent for it."""
        try:
            return sorted(set(api.list_repo_files(repo, revision=revision)) - {".gitattributes"})
        except RepositoryNotFoundError:
            return None

    def git(self, repo: str, revision: str, user: str | None) -> list[str] | None:
        """Return the files of a clone; None if git cannot clone."""
        self._number += 1
        target = self.folder / f"clone{self._number}"
        secret = "" if user is None else f"{user}:{self.hub.user(user).token}@"
        url = self.hub.url.replace("://", f"://{secret}", 1)
        environ = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_LFS_SKIP_SMUDGE": "1", "HOME": str(self.folder)}
        done = subprocess.run(
            ["git", "-c", "credential.helper=", "clone", "-q", "-b", revision, f"{url}/{repo}", target],
            env=environ,
            capture_output=True,
            timeout=240,
        )
        if done.returncode:
            return None
        found = (path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file())
        return sorted(path for path in found if not path.startswith(".git/") and path != ".gitattributes")

    def everyone(self, repo: str, revision: str = "main") -> tuple[object, ...]:
        """Return what the owner, another user and nobody see, through the Hub API and git."""
        return (
            self.files(self.owner, repo, revision),
            self.git(repo, revision, "demo"),
            self.files(self.other, repo, revision),
            self.git(repo, revision, "user"),
            self.files(self.nobody, repo, revision),
            self.git(repo, revision, None),
        )


@pytest.fixture
def witnesses(entrepot_fresh_hub: RunningHub, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Witnesses:
    hub = entrepot_fresh_hub
    environ = {**hub.environ(hub.user("demo")), "ENTREPOT_HOME": str(tmp_path / "home"), "HOME": str(tmp_path)}
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("T9K_CONFIG", raising=False)
    monkeypatch.setattr(sessions, "_STATE", sessions._State())
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return Witnesses(hub, tmp_path)


def only_owner(files: list[str]) -> tuple[object, ...]:
    return files, files, None, None, None, None


def test_all_clients_see_each_step_alike(witnesses: Witnesses) -> None:
    pathlib.Path("model.pt").write_bytes(os.urandom(100_000))
    pathlib.Path("notes.txt").write_text("notes")
    repo, path = "demo.llm/gpt2", "model/llm/gpt2"

    ah.create(path, labels=["PyTorch"])
    assert witnesses.everyone(repo) == only_owner([])
    assert witnesses.owner.model_info(repo).private is True

    ah.create(f"{path}:v1")
    ah.commit(f"{path}:v1", msg="weights", add=["model.pt", "notes.txt"])
    assert witnesses.everyone(repo) == only_owner([])
    assert witnesses.everyone(repo, "v1") == only_owner(["model.pt", "notes.txt"])

    ah.stage(f"{path}:v1", add={"notes.txt": "staged.txt"})
    assert witnesses.everyone(repo, "v1") == only_owner(["model.pt", "notes.txt"])
    ah.reset(f"{path}:v1")

    ah.create(f"{path}:t1", create_tag=True, source="v1")
    ah.merge(f"{path}:v1")
    assert witnesses.everyone(repo) == only_owner(["model.pt", "notes.txt"])
    log = witnesses.owner.list_repo_commits(repo)
    assert next(item.title for item in log) == "Merge branch 'v1'"

    ah.share("model/llm", user="user")
    both = ["model.pt", "notes.txt"]
    assert witnesses.everyone(repo) == (both, both, both, both, None, None)

    ah.share("model/llm", public=True)
    assert witnesses.everyone(repo) == (both,) * 6
    assert witnesses.nobody.hf_hub_download(repo, "notes.txt", local_dir="public").endswith("notes.txt")

    witnesses.owner.create_commit(repo, [CommitOperationAdd("hf.txt", b"hf")], commit_message="from hf")
    assert [row["path"] for row in ah.list(path)] == ["hf.txt", "model.pt", "notes.txt"]
    ah.commit(path, msg="delete", delete=["hf.txt"])

    ah.update("model/llm", name="glm")
    assert witnesses.everyone("demo.glm/gpt2") == (both,) * 6
    assert witnesses.everyone(repo) == (both,) * 6  # redirects
    ah.unshare("model/glm", public=True)
    assert witnesses.everyone("demo.glm/gpt2") == (both, both, both, both, None, None)
    assert witnesses.everyone(repo) == (both, both, both, both, None, None)
    ah.unshare("model/glm", user="user")
    assert witnesses.everyone(repo) == only_owner(both)

    ah.delete("model/glm")
    assert witnesses.everyone("demo.glm/gpt2") == (None,) * 6
    assert witnesses.everyone(repo) == (None,) * 6


def test_a_deleted_asset_leaves_a_sound_hub(witnesses: Witnesses) -> None:
    pathlib.Path("model.pt").write_bytes(os.urandom(100_000))
    calls: list[Callable[[], object]] = [
        lambda: ah.commit("model/llm/gpt2", "m", add=["model.pt"]),
        lambda: ah.stage("model/llm/gpt2", add={"model.pt": "again.pt"}),
        lambda: ah.create("model/llm/gpt2:v1"),
        lambda: ah.update("model/llm", name="glm"),
        lambda: ah.create("dataset/glm/d"),
        lambda: ah.delete("dataset/glm"),
    ]
    ah.create("model/llm/gpt2")
    for call in calls:
        call()
    witnesses.hub.stop()
    done = subprocess.run(
        [sys.executable, "-m", "entrepot", "fsck", "--data", str(witnesses.hub.data)],
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
