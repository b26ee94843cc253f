"""``Repository``: a local clone operated with git, compatible with huggingface_hub 0.21.4.

Errors of git and of the remote raise ``GitFailed``, which is also an
``OSError`` as programs written for that library expect.
"""

from __future__ import annotations

import contextlib
import logging
import os
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from entrepot.client.calls import accounts
from entrepot.client.git.clones import Remote, clone, find_remote
from entrepot.client.git.git_commands import Credential, Git
from entrepot.client.git.lfs_progress import reporting_progress
from entrepot.client.git.running_commands import CommandInProgress
from entrepot.client.git.worktrees import WorkTree
from entrepot.client.hubs import find_token
from entrepot.client.paths import current_paths
from entrepot.client.progress import Progress
from entrepot.client.tokens import ARGUMENT, parse_token
from entrepot.errors import InvalidArgument, InvalidName, Unavailable
from entrepot.hf.api import HubApi
from entrepot.hf.cards.card_files import metadata_load, metadata_save
from entrepot.hf.files.commits import progress_of
from entrepot.hf.git.git_files import TrackedFiles
from entrepot.hf.git.git_queues import CommandQueue

logger = logging.getLogger("entrepot.git")

CARD = "README.md"
MESSAGE = "commit files to the hub"


class Repository(CommandQueue, TrackedFiles):
    """A clone in a local folder, operated with git and git-lfs.

    The token is written to no file and no command line; git asks this process
    for it. Running git in the clone without this class needs separate credentials.

    Args:
        local_dir: the folder; created if missing.
        clone_from: ``alice/model``, ``datasets/alice/data``, ``data`` (a repository of
            the caller) or a URL; None opens the existing clone in the folder.
        repo_type: type of an id without a prefix; None is a model.
        token: an access token; True or None takes that of ``client`` or of the last
            login; False leaves authentication to git's own helpers.
        git_user, git_email: author of commits; the default is the owner of the token.
        revision: checked out after cloning; created as a branch if it does not exist.
        skip_lfs_files: leave pointers instead of large files; ``git_pull(lfs=True)`` fetches them.
        client: the ``HubApi`` whose endpoint and token are used.

    Raises:
        GitFailed: the remote refuses, or the folder contains something else.
        InvalidArgument: ``clone_from`` is None, and the folder is not a clone.
        ProgramMissing: git or git-lfs is not installed.
    """

    def __init__(
        self,
        local_dir: str | Path,
        clone_from: str | None = None,
        repo_type: str | None = None,
        token: bool | str | None = True,
        git_user: str | None = None,
        git_email: str | None = None,
        revision: str | None = None,
        skip_lfs_files: bool = False,
        client: HubApi | None = None,
    ) -> None:
        super().__init__()
        folder = Path(local_dir).expanduser().absolute()
        folder.mkdir(parents=True, exist_ok=True)
        self.local_dir = str(folder)
        self.client = client or HubApi()
        self.skip_lfs_files = skip_lfs_files
        self._repo_type = repo_type
        self._token = self._find_token(token)
        self.tree = WorkTree(Git(folder, os.environ, self._credential()))
        self.tree.git.need_lfs()
        if clone_from is not None:
            self.clone_from(clone_from)
        elif not self.tree.is_repository():
            raise InvalidArgument(f"there is no git clone in {self.local_dir!r}; pass clone_from")
        else:
            self.tree.install_lfs()
        self._set_author(git_user, git_email)
        self.lfs_enable_largefiles()
        if revision is not None:
            self.git_checkout(revision, create_branch_ok=True)

    def __repr__(self) -> str:
        return f"Repository({self.local_dir!r})"

    def clone_from(self, repo_url: str, token: bool | str | None = None) -> None:
        """Clone into the folder; does nothing if it is a clone of the same repository already.

        Raises:
            GitFailed: the remote refuses, or the folder contains something else.
            InvalidName: the repository's name breaks a rule.
        """
        secret = self._token if token is None or token is True else self._find_token(token)
        remote = self._remote(repo_url, secret)
        tree = WorkTree(Git(self.tree.folder, os.environ, remote.credential or self._credential()))
        if remote.repo_type is not None:
            self._repo_type = remote.repo_type.value
        with reporting_progress(tree.git, self._progress) as git:
            is_new = clone(WorkTree(git), remote, with_large_files=not self.skip_lfs_files)
        if not is_new:
            logger.warning("%s is a clone of %s already; update it with git_pull()", tree.folder, remote.url)
        self.tree = tree

    # --- state ---------------------------------------------------------------

    @property
    def current_branch(self) -> str:
        """The branch that is checked out; ``HEAD`` if the head is detached."""
        return self.tree.branch()

    def git_head_hash(self) -> str:
        """Return the id of the commit that is checked out."""
        return self.tree.head()

    def git_remote_url(self) -> str:
        """Return the URL of ``origin`` without credentials; empty if there is none."""
        return self.tree.remote_url() or ""

    def git_head_commit_url(self) -> str:
        """Return the URL of the page of the current commit; it exists after a push."""
        return f"{self.git_remote_url().rstrip('/')}/commit/{self.git_head_hash()}"

    def is_repo_clean(self) -> bool:
        """Return whether the working tree has no changed, added, deleted or untracked files."""
        return self.tree.is_clean()

    def list_deleted_files(self) -> list[str]:
        """List paths that are deleted in the working tree or in the index."""
        return self.tree.deleted()

    # --- pull, commit, push, checkout ----------------------------------------

    def git_pull(self, rebase: bool = False, lfs: bool = False) -> None:
        """Fetch and merge the changes of the remote.

        Args:
            rebase: rebase local commits instead of merging.
            lfs: also fetch large files that were skipped.

        Raises:
            GitFailed: the remote refuses, or there are conflicts; the pull is then undone.
        """
        with reporting_progress(self.tree.git, self._progress) as git:
            WorkTree(git).pull(is_rebased=rebase)
            if lfs:
                git.run("lfs", "pull")

    def git_commit(self, commit_message: str = MESSAGE) -> None:
        """Commit the staged changes.

        Raises:
            GitFailed: nothing is staged.
        """
        self.tree.commit(commit_message)

    def git_push(
        self, upstream: str | None = None, blocking: bool = True, auto_lfs_prune: bool = False
    ) -> str | tuple[str, CommandInProgress]:
        """Push the current branch.

        Args:
            upstream: remote and branch, as in ``origin main``; None is the configured upstream.
            blocking: False pushes in the background; see :attr:`command_queue`.
            auto_lfs_prune: delete local copies of large files after the push.

        Returns:
            The URL of the commit; with ``blocking=False`` a tuple of the URL and the command.

        Raises:
            GitFailed: the remote refuses; the message includes its reason.
        """
        arguments = self.tree.push_arguments(upstream)
        url = self.git_head_commit_url()
        if not blocking:
            command = CommandInProgress(
                "push", self.tree.git, ("push", *arguments), self.lfs_prune if auto_lfs_prune else None
            )
            self.command_queue.append(command)
            return url, command
        with reporting_progress(self.tree.git, self._progress) as git:
            git.run("push", *arguments)
        if auto_lfs_prune:
            self.lfs_prune()
        return url

    def git_checkout(self, revision: str, create_branch_ok: bool = False) -> None:
        """Check out a branch, tag or commit.

        Args:
            create_branch_ok: create a branch of this name if the revision does not exist.
        """
        if self.tree.checkout(revision, may_create=create_branch_ok):
            logger.warning("revision %r does not exist; created a branch with this name", revision)

    def push_to_hub(
        self,
        commit_message: str = MESSAGE,
        blocking: bool = True,
        clean_ok: bool = True,
        auto_lfs_prune: bool = False,
    ) -> str | tuple[str, CommandInProgress] | None:
        """Stage all changes (large and binary files with git-lfs), commit and push.

        Args:
            clean_ok: return None if there is nothing to commit, instead of raising.
            blocking, auto_lfs_prune: as in :meth:`git_push`.

        Returns:
            As :meth:`git_push`; None if there is nothing to commit.

        Raises:
            GitFailed: the remote refuses, or there is nothing to commit and ``clean_ok`` is False.
        """
        if clean_ok and self.tree.is_clean():
            return None
        self.git_add(auto_lfs_track=True)
        self.git_commit(commit_message)
        return self.git_push(f"origin {self.current_branch}", blocking, auto_lfs_prune)

    @contextlib.contextmanager
    def commit(
        self,
        commit_message: str,
        branch: str | None = None,
        track_large_files: bool = True,
        blocking: bool = True,
        auto_lfs_prune: bool = False,
    ) -> Iterator[Repository]:
        """Pull; run the block with the clone as current directory; then stage all changes, commit and push.

        If the block raises, nothing is committed or pushed; the files stay as the
        block left them.

        Args:
            branch: checked out first; created if it does not exist.
            track_large_files: track large (10 MiB or more) and binary files with git-lfs.
            blocking, auto_lfs_prune: as in :meth:`git_push`.

        Raises:
            GitFailed: the pull has conflicts, or the remote refuses.
        """
        if waiting := self.tree.changed():
            logger.warning("%d uncommitted changed files will be part of this commit", len(waiting))
        if branch is not None:
            self.git_checkout(branch, create_branch_ok=True)
        if self.tree.has_upstream():
            self.git_pull(rebase=True)
        with contextlib.chdir(self.local_dir):
            yield self
        self.git_add(auto_lfs_track=track_large_files)
        if self.tree.has_staged():
            self.git_commit(commit_message)
        if self.tree.has_unpushed():
            self.git_push(f"origin {self.current_branch}", blocking, auto_lfs_prune)

    # --- tags, card, configuration -------------------------------------------

    def tag_exists(self, tag_name: str, remote: str | None = None) -> bool:
        """Return whether a tag exists locally or, with ``remote``, at that remote."""
        return self.tree.has_tag(tag_name, remote)

    def add_tag(self, tag_name: str, message: str | None = None, remote: str | None = None) -> None:
        """Tag the current commit, with an annotated tag if there is a message; push the tag if a remote is passed."""
        self.tree.add_tag(tag_name, message, remote)

    def delete_tag(self, tag_name: str, remote: str | None = None) -> bool:
        """Delete a tag locally and, if a remote is passed, there too; return whether the tag existed."""
        return self.tree.delete_tag(tag_name, remote)

    def repocard_metadata_load(self) -> dict[str, Any] | None:
        """Return the metadata of the clone's README; None if it has none."""
        file = Path(self.local_dir, CARD)
        return metadata_load(file) if file.is_file() else None

    def repocard_metadata_save(self, data: dict[str, Any]) -> None:
        """Write the metadata of the clone's README; the text below it is kept."""
        metadata_save(Path(self.local_dir, CARD), data)

    def git_config_username_and_email(self, git_user: str | None = None, git_email: str | None = None) -> None:
        """Set the author of commits for this clone."""
        if git_user is not None:
            self.tree.configure("user.name", git_user)
        if git_email is not None:
            self.tree.configure("user.email", git_email)

    def git_credential_helper_store(self) -> None:
        """Make git store credentials as plain text (``credential.helper=store``) when used without this class."""
        self.tree.configure("credential.helper", "store")

    # --- helpers -------------------------------------------------------------

    def _find_token(self, token: bool | str | None) -> str | None:
        if isinstance(token, str):
            return parse_token(token, ARGUMENT) if token else None
        wanted = self.client.token if token is None or token is True else False
        return find_token(current_paths(), self.client.endpoint, wanted)

    @property
    def _progress(self) -> Progress:
        return progress_of(self.client._hub(self._token or False))

    def _credential(self) -> Credential | None:
        return Credential(self.client.endpoint, self._token) if self._token else None

    def _remote(self, text: str, token: str | None) -> Remote:
        if "/" not in text and self._token:
            hub = self.client._hub(self._token)
            text = f"{hub.send(accounts.whoami()).name}/{text}"
        elif "/" not in text:
            raise InvalidName("repository id", text, "expected 'namespace/name'")
        return find_remote(text, self.client.endpoint, repo_type=self._repo_type, token=token)

    def _set_author(self, git_user: str | None, git_email: str | None) -> None:
        """Set the author of commits, from the arguments or else from the account of the token."""
        if self._token and (git_user is None or git_email is None):
            try:
                owner = self.client._hub(self._token).send(accounts.whoami())
            except Unavailable as error:  # the hub may be offline while the clone is used
                logger.warning("using the author from git's configuration: %s", error)
            else:
                host = urllib.parse.urlsplit(self.client.endpoint).hostname
                git_user = git_user or owner.fullname or owner.name
                git_email = git_email or owner.email or f"{owner.name}@users.noreply.{host}"
        self.git_config_username_and_email(git_user, git_email)
