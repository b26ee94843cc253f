"""What tests of the client share: git with a configuration of its own, and a remote in a folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from entrepot.client.git_commands import Git
from entrepot.client.worktrees import WorkTree


class GitDesk:
    """A folder with a bare repository ``remote.git`` that has one commit, and clones of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        home = folder / "home"
        home.mkdir(parents=True)
        self.environ = {"PATH": os.environ["PATH"], "HOME": str(home), "GIT_CONFIG_NOSYSTEM": "1", "NO_PROXY": "*"}
        self.remote = folder / "remote.git"
        self.git("remote.git").run("init", "--quiet", "--bare", "-b", "main")
        first = WorkTree(self.git("first"))
        first.git.run("init", "--quiet", "-b", "main")
        self._introduce(first, "Ada")
        (first.folder / "README.md").write_text("# First\n")
        first.add()
        first.commit("first")
        first.git.run("push", "--quiet", str(self.remote), "main")

    def git(self, name: str) -> Git:
        """Git in a folder of the desk, made when missing."""
        (self.folder / name).mkdir(exist_ok=True)
        return Git(self.folder / name, self.environ)

    def clone(self, name: str = "clone", author: str = "Ada") -> WorkTree:
        """A clone whose commits have an author."""
        tree = WorkTree(self.git(name))
        tree.git.run("clone", "--quiet", str(self.remote), ".")
        self._introduce(tree, author)
        return tree

    def _introduce(self, tree: WorkTree, author: str) -> None:
        tree.configure("user.name", author)
        tree.configure("user.email", f"{author.lower()}@example.org")


@pytest.fixture
def git_desk(tmp_path: Path) -> GitDesk:
    return GitDesk(tmp_path / "desk")
