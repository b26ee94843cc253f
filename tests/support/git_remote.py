"""A bare repository in a folder, and clones of it."""

from __future__ import annotations

import os
from pathlib import Path

from entrepot.client.git.git_commands import Git
from entrepot.client.git.worktrees import WorkTree


class GitRemote:
    """A folder with clones of a bare repository ``remote.git`` that has one commit."""

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
        """Return git for a subfolder, which is created if it does not exist."""
        (self.folder / name).mkdir(exist_ok=True)
        return Git(self.folder / name, self.environ)

    def clone(self, name: str = "clone", author: str = "Ada") -> WorkTree:
        """Create a clone whose commits have this author."""
        tree = WorkTree(self.git(name))
        tree.git.run("clone", "--quiet", str(self.remote), ".")
        self._introduce(tree, author)
        return tree

    def _introduce(self, tree: WorkTree, author: str) -> None:
        tree.configure("user.name", author)
        tree.configure("user.email", f"{author.lower()}@example.org")
