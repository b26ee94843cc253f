"""Deletions of ``HubApi``; each is one commit."""

from __future__ import annotations

from entrepot.client.commit_target import CommitMessage
from entrepot.client.operations import Delete, DeleteFolder, repo_path
from entrepot.errors import EntryNotFound
from entrepot.hf.files.commits import Commits, commit
from entrepot.hf.shapes.addresses import CommitInfo


class Deletions(Commits):
    """Methods that delete files."""

    def delete_file(
        self,
        path_in_repo: str,
        repo_id: str,
        *,
        token: str | bool | None = None,
        repo_type: str | None = None,
        revision: str | None = None,
        commit_message: str | None = None,
        commit_description: str | None = None,
        create_pr: bool | None = None,
        parent_commit: str | None = None,
    ) -> CommitInfo:
        """Delete a file in one commit; arguments and errors as for ``create_commit``.

        Raises:
            EntryNotFoundError: the file does not exist.
        """
        target = self._target(repo_id, repo_type, token, revision, create_pr, parent_commit)
        message = CommitMessage(commit_message or f"Delete {path_in_repo} with entrepot", commit_description or "")
        return commit(self._hub(token), target, [Delete(repo_path(path_in_repo))], message)

    def delete_folder(
        self,
        path_in_repo: str,
        repo_id: str,
        *,
        token: str | bool | None = None,
        repo_type: str | None = None,
        revision: str | None = None,
        commit_message: str | None = None,
        commit_description: str | None = None,
        create_pr: bool | None = None,
        parent_commit: str | None = None,
    ) -> CommitInfo:
        """Delete a folder with its content in one commit; arguments and errors as for ``create_commit``.

        Raises:
            EntryNotFoundError: the folder does not exist.
        """
        target = self._target(repo_id, repo_type, token, revision, create_pr, parent_commit)
        message = CommitMessage(
            commit_message or f"Delete folder {path_in_repo} with entrepot", commit_description or ""
        )
        folder = DeleteFolder(repo_path(path_in_repo.removesuffix("/")))
        return commit(self._hub(token), target, [folder], message)

    def delete_files(
        self,
        repo_id: str,
        delete_patterns: list[str] | str,
        *,
        token: str | bool | None = None,
        repo_type: str | None = None,
        revision: str | None = None,
        commit_message: str | None = None,
        commit_description: str | None = None,
        create_pr: bool | None = None,
        parent_commit: str | None = None,
    ) -> CommitInfo:
        """Delete all files that match a pattern in one commit, except ``.gitattributes``.

        Arguments and errors as for ``create_commit``.

        Args:
            delete_patterns: one or several wildcards, such as ``*.bin`` or ``data/``.

        Raises:
            EntryNotFoundError: no file matches.
        """
        from entrepot.client.uploads.folder_uploads import deletions

        hub = self._hub(token)
        target = self._target(repo_id, repo_type, token, revision, create_pr, parent_commit)
        found = deletions(hub, target, None, delete_patterns)
        if not found:
            shown = ", ".join([delete_patterns] if isinstance(delete_patterns, str) else delete_patterns)
            raise EntryNotFound(shown, reason=f"no file of {target.repo} matches {shown}; nothing was removed")
        message = CommitMessage(commit_message or "Delete files with entrepot", commit_description or "")
        return commit(hub, target, found, message)
