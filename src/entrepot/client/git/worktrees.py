"""A local clone: its state, and commands that change it.

Every method may raise GitFailed (git or the remote refused; the message
contains the reason) and ProgramMissing (git or git-lfs is not installed).
"""

from __future__ import annotations

import sys
from pathlib import Path

from entrepot.client.git.git_commands import Git
from entrepot.errors import GitFailed, InvalidArgument

AGENT_COMMAND = "lfs-multipart-upload"
"""The command of ``entrepot`` that git-lfs starts to upload a file in parts."""

_AT_ONCE = 400


class WorkTree:
    """The working tree in a folder."""

    def __init__(self, git: Git) -> None:
        self.git = git
        self.folder = git.folder

    # --- state ---------------------------------------------------------------

    def is_repository(self) -> bool:
        """Return whether the folder is the root of a git repository."""
        return (self.folder / ".git").exists() and not self.git.attempt("rev-parse", "--git-dir").code

    def head(self) -> str:
        """Return the id of the commit that is checked out."""
        return self.git.line("rev-parse", "--verify", "HEAD")

    def branch(self) -> str:
        """Return the branch that is checked out; ``HEAD`` if the head is detached."""
        done = self.git.attempt("symbolic-ref", "--quiet", "--short", "HEAD")
        return done.text if not done.code else "HEAD"

    def remote_url(self, remote: str = "origin") -> str | None:
        """Return the URL of a remote without credentials; None if the remote does not exist."""
        done = self.git.attempt("config", "--get", f"remote.{remote}.url")
        return None if done.code else self.git.without_secrets(done.stdout.decode().strip()).replace("***@", "")

    def has_upstream(self) -> bool:
        """Return whether the current branch has an upstream."""
        return not self.git.attempt("rev-parse", "--verify", "--quiet", "@{upstream}").code

    def is_clean(self) -> bool:
        """Return whether nothing is changed, added, deleted or untracked."""
        return not self.git.run("status", "--porcelain", "-z")

    def has_staged(self) -> bool:
        """Return whether there are staged changes."""
        return bool(self.git.attempt("diff", "--cached", "--quiet").code)

    def has_unpushed(self) -> bool:
        """Return whether there are unpushed commits, or no upstream."""
        return not self.has_upstream() or self.git.line("rev-list", "--count", "@{upstream}..HEAD") != "0"

    def changed(self, pattern: str = ".") -> list[str]:
        """List modified, deleted and untracked paths, without ignored ones."""
        return self.git.paths("ls-files", "-z", "--exclude-standard", "-m", "-o", "--", pattern)

    def deleted(self) -> list[str]:
        """List paths that are deleted in the working tree or in the index."""
        staged = self.git.paths("diff", "--cached", "--name-only", "--diff-filter=D", "--no-renames", "-z")
        return sorted({*self.git.paths("ls-files", "-z", "-d"), *staged})

    def setting(self, name: str) -> str | None:
        """Return a value of git's configuration; None if it is not set."""
        done = self.git.attempt("config", "--get", name)
        return None if done.code else done.text

    # --- changes -------------------------------------------------------------

    def configure(self, name: str, value: str) -> None:
        """Set a value in the configuration of this repository."""
        self.git.run("config", "--local", name, value)

    def add(self, pattern: str = ".") -> None:
        """Stage the paths that match a pathspec."""
        self.git.run("add", "--", pattern)

    def commit(self, message: str) -> None:
        """Commit the staged changes.

        Raises:
            GitFailed: nothing is staged, or the author is unknown.
        """
        if not self.has_staged():
            raise GitFailed("commit", "nothing to commit; stage changes first")
        self.git.run("commit", "--quiet", "-m", message)

    def pull(self, *, is_rebased: bool = False) -> None:
        """Fetch and merge the upstream branch; uncommitted changes are kept.

        Raises:
            GitFailed: there are conflicts. If they are between commits, the pull is undone; if they are with
                uncommitted changes, they are left to be resolved.
        """
        self._need_no_merge()
        way = "--rebase" if is_rebased else "--no-rebase"
        done = self.git.attempt("pull", "--quiet", way, "--autostash", "--no-edit")
        if done.code:
            for undo in (("rebase", "--abort"), ("merge", "--abort")):
                self.git.attempt(*undo)
            raise self.git.failure(("pull",), done)
        if conflicts := sorted(set(self.git.paths("diff", "--name-only", "--diff-filter=U", "-z"))):
            raise GitFailed("pull", f"uncommitted changes conflict with it: {', '.join(conflicts[:10])}")

    def _need_no_merge(self) -> None:
        for mark in ("rebase-merge", "rebase-apply", "MERGE_HEAD"):
            if (self.folder / self.git.line("rev-parse", "--git-path", mark)).exists():
                raise GitFailed("pull", "a merge or rebase is in progress in this clone; finish or abort it first")

    def checkout(self, revision: str, *, may_create: bool = False) -> bool:
        """Check out a revision; return whether a branch was created for it.

        Args:
            may_create: create a branch of this name from the current commit
                if neither this clone nor the remote has the revision.
        """
        need_name("revision", revision)
        if not self._knows(revision) and self.remote_url() is not None:
            self.git.attempt("fetch", "--quiet", "origin")  # it may exist on the remote; ignore a missing network
        if self._knows(revision) or not may_create:
            self.git.run("checkout", "--quiet", revision, "--")
            return False
        self.git.run("checkout", "--quiet", "-b", revision)
        return True

    def _knows(self, revision: str) -> bool:
        names = (revision, f"refs/remotes/origin/{revision}")
        return any(
            not self.git.attempt("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}").code for name in names
        )

    def push_arguments(self, upstream: str | None = None) -> tuple[str, ...]:
        """Return the arguments of ``git push``.

        Args:
            upstream: remote and branch, as in ``origin main``; None is the configured upstream, or else origin.
        """
        if upstream is None:
            return () if self.has_upstream() else ("--set-upstream", "origin", self.branch())
        names = upstream.split()
        for name in names:
            need_name("upstream", name)
        return ("--set-upstream", *names)

    # --- tags ----------------------------------------------------------------

    def has_tag(self, name: str, remote: str | None = None) -> bool:
        """Return whether a tag exists locally or, if a remote is passed, there."""
        need_name("tag", name)
        if remote is None:
            return not self.git.attempt("show-ref", "--verify", "--quiet", f"refs/tags/{name}").code
        need_name("remote", remote)
        return bool(self.git.run("ls-remote", "--tags", remote, f"refs/tags/{name}").strip())

    def add_tag(self, name: str, message: str | None = None, remote: str | None = None) -> None:
        """Tag the current commit, with an annotated tag if there is a message; push the tag if a remote is passed."""
        need_name("tag", name)
        self.git.run("tag", *(("-a", "-m", message) if message else ()), name)
        if remote is not None:
            need_name("remote", remote)
            self.git.run("push", "--quiet", remote, f"refs/tags/{name}")

    def delete_tag(self, name: str, remote: str | None = None) -> bool:
        """Delete a tag locally and, if a remote is passed, there too; return whether the tag existed."""
        is_here = self.has_tag(name)
        is_there = remote is not None and self.has_tag(name, remote)
        if is_here:
            self.git.run("tag", "-d", name)
        if remote is not None and is_there:
            self.git.run("push", "--quiet", remote, "--delete", f"refs/tags/{name}")
        return is_here or is_there

    # --- large files ---------------------------------------------------------

    def install_lfs(self) -> None:
        """Install the filters and the pre-push hook of git-lfs in this repository.

        An existing hook is kept; it has to call git-lfs itself.
        """
        hook = Path(self.git.line("rev-parse", "--git-path", "hooks/pre-push"))
        skip = ("--skip-repo",) if (self.folder / hook).exists() else ()
        self.git.run("lfs", "install", "--local", *skip)

    def track(self, patterns: list[str], *, are_names: bool = False) -> None:
        """Track files with git-lfs; with ``are_names``, the patterns are literal paths."""
        flags = ("--filename",) if are_names else ()
        for first in range(0, len(patterns), _AT_ONCE):
            self.git.run("lfs", "track", *flags, "--", *patterns[first : first + _AT_ONCE])

    def untrack(self, patterns: list[str]) -> None:
        """Stop tracking files with git-lfs."""
        for first in range(0, len(patterns), _AT_ONCE):
            self.git.run("lfs", "untrack", "--", *patterns[first : first + _AT_ONCE])

    def enable_large_files(self) -> None:
        """Make git-lfs upload files in parts, as hubs require for files of several gigabytes.

        The transfer agent is this installation of entrepot; after moving the repository to another
        computer, it must be configured again.
        """
        # git-lfs quotes the path itself, but passes the arguments to the shell unchanged.
        self.configure("lfs.customtransfer.multipart.path", sys.executable)
        self.configure("lfs.customtransfer.multipart.args", f"-m entrepot {AGENT_COMMAND}")
        self.configure("lfs.customtransfer.multipart.direction", "upload")

    def prune(self, *, is_recent: bool = False) -> None:
        """Delete local copies of large files that the remote has and no checkout needs.

        Args:
            is_recent: also delete copies of recent commits.
        """
        self.git.run("lfs", "prune", *(("--recent",) if is_recent else ()))


def need_name(what: str, name: str) -> None:
    """Check that git cannot mistake the text for an option.

    Raises:
        InvalidArgument: it is empty or begins with a hyphen.
    """
    if not name or name.startswith("-"):
        raise InvalidArgument(f"{name!r} cannot be used as {what}: a name does not begin with '-'")
