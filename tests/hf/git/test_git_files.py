from __future__ import annotations

import os
from pathlib import Path

import pytest

from entrepot.client.git.git_commands import Git
from entrepot.client.git.worktrees import WorkTree
from entrepot.hf.git.git_files import TrackedFiles


@pytest.fixture
def files(tmp_path: Path) -> TrackedFiles:
    found = TrackedFiles()
    found.tree = WorkTree(Git(tmp_path, {"PATH": os.environ["PATH"], "HOME": str(tmp_path / ".home")}))
    found.tree.git.run("init", "--quiet", "-b", "main")
    found.tree.configure("user.name", "Ada")
    found.tree.configure("user.email", "ada@example.org")
    found.tree.git.run("commit", "--quiet", "--allow-empty", "-m", "root")
    found.tree.install_lfs()
    return found


def staged(files: TrackedFiles) -> dict[str, bool]:
    """Return the staged paths, and whether each is a pointer."""
    paths = files.tree.git.paths("diff", "--cached", "--name-only", "-z")
    return {path: files.tree.git.run("show", f":{path}").startswith(b"version https://git-lfs") for path in paths}


def test_large_and_binary_files_are_staged_as_pointers(files: TrackedFiles) -> None:
    folder = files.tree.folder
    with (folder / "large.txt").open("wb") as file:
        file.write(b"a" * (10 << 20))
    (folder / "small.txt").write_text("text")
    (folder / "image").write_bytes(b"\0")
    files.git_add(auto_lfs_track=True)
    assert staged(files) == {".gitattributes": False, "large.txt": True, "small.txt": False, "image": True}


def test_attributes_are_staged_with_the_files_that_they_are_for(files: TrackedFiles) -> None:
    (files.tree.folder / "a.bin").write_bytes(b"\0")
    (files.tree.folder / "b.txt").write_text("text")
    files.git_add("*.bin", auto_lfs_track=True)
    assert staged(files) == {".gitattributes": False, "a.bin": True}


def test_tracking_may_be_left_to_the_user(files: TrackedFiles) -> None:
    (files.tree.folder / "a.bin").write_bytes(b"\0")
    (files.tree.folder / "b.dat").write_bytes(b"\0")
    files.lfs_track("*.dat")
    files.git_add()
    assert staged(files) == {".gitattributes": False, "a.bin": False, "b.dat": True}
    files.lfs_untrack(["*.dat"])
    assert (files.tree.folder / ".gitattributes").read_text() == ""


def test_each_kind_is_tracked_by_itself(files: TrackedFiles) -> None:
    (files.tree.folder / "a.bin").write_bytes(b"\0")
    assert files.auto_track_large_files() == []
    assert files.auto_track_binary_files("*.bin") == ["a.bin"]
    files.lfs_enable_largefiles()
    files.lfs_prune(recent=True)
    assert files.tree.setting("lfs.customtransfer.multipart.path")
