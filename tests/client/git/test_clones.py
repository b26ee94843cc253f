from __future__ import annotations

import pytest

from entrepot.client.git.clones import Remote, clone, find_remote
from entrepot.client.git.git_commands import Credential
from entrepot.client.git.worktrees import WorkTree
from entrepot.errors import GitFailed, InvalidArgument, InvalidName
from entrepot.names import RepoType
from tests.support.git_remote import GitRemote

HUB = "http://127.0.0.1:8080"


@pytest.mark.parametrize(
    ("text", "kind", "path"),
    [
        ("alice/m", None, "alice/m"),
        ("alice/m", "dataset", "datasets/alice/m"),
        ("datasets/alice/m", None, "datasets/alice/m"),
        ("datasets/alice/m", "dataset", "datasets/alice/m"),
        (f"{HUB}/alice/m", None, "alice/m"),
        (f"{HUB}/alice/m.git", None, "alice/m"),
        (f"{HUB}/spaces/alice/m/", None, "spaces/alice/m"),
    ],
)
def test_a_repository_of_the_hub_is_found_by_name_or_address(text: str, kind: str | None, path: str) -> None:
    remote = find_remote(text, HUB, repo_type=kind, token="hf_x")
    assert remote.url == f"{HUB}/{path}"
    assert remote.repo_type is (
        RepoType.DATASET if "datasets" in path else RepoType.SPACE if "spaces" in path else RepoType.MODEL
    )
    assert remote.credential == Credential(HUB, "hf_x")


def test_other_origins_get_no_token() -> None:
    assert find_remote("https://example.org/a/b", HUB, token="hf_x") == Remote("https://example.org/a/b", None)
    assert find_remote("/some/folder.git", HUB, token="hf_x") == Remote("/some/folder.git", None)
    assert find_remote("../a/b", HUB, token="hf_x").url == "../a/b"
    assert find_remote("git@example.org:a/b.git", HUB, token="hf_x").credential is None
    assert find_remote("alice/m", HUB).credential is None


def test_credentials_leave_the_address() -> None:
    remote = find_remote("http://user:hf_p%40ss@127.0.0.1:8080/alice/m", HUB, token="hf_x")
    assert remote.url == f"{HUB}/alice/m"
    assert remote.credential == Credential(HUB, "hf_p@ss")
    assert "hf_p" not in repr(remote)
    assert find_remote("https://tok@example.org/x", HUB).credential == Credential("https://example.org/x", "tok")


def test_an_impossible_name_is_refused() -> None:
    with pytest.raises(InvalidName):
        find_remote("alice/-m", HUB)


def test_an_empty_folder_becomes_a_clone_once(git_remote: GitRemote) -> None:
    tree = WorkTree(git_remote.git("new"))
    remote = find_remote(str(git_remote.remote), HUB)
    assert clone(tree, remote)
    assert (tree.folder / "README.md").exists()
    assert (tree.folder / ".git/hooks/pre-push").exists()
    assert not clone(tree, remote)


def test_a_folder_with_something_else_is_left_alone(git_remote: GitRemote) -> None:
    full = WorkTree(git_remote.git("full"))
    (full.folder / "a.txt").write_text("mine")
    with pytest.raises(OSError, match="not empty and not a git repository"):
        clone(full, find_remote(str(git_remote.remote), HUB))
    other = git_remote.clone("other")
    with pytest.raises(GitFailed, match="clone of something else"):
        clone(other, find_remote("alice/m", HUB))
    with pytest.raises(InvalidArgument):
        clone(WorkTree(git_remote.git("empty")), Remote("--upload-pack=x", None))
