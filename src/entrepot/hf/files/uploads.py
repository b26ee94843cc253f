"""Uploads of ``HubApi``: files and folders, in one commit or in several."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future
from pathlib import Path

from entrepot.client.commit_target import CommitMessage
from entrepot.client.operations import Add
from entrepot.client.sources import BytesSource
from entrepot.errors import InvalidArgument
from entrepot.hf.files.commits import Commits, commit, progress_of, queued
from entrepot.hf.files.multi_commits import push_in_steps
from entrepot.hf.files.operations import CommitOperationAdd, Content
from entrepot.hf.shapes.addresses import CommitInfo
from entrepot.names import RepoPath, parse_path


class Uploads(Commits):
    """Methods that upload files and folders."""

    @queued
    def upload_file(
        self,
        *,
        path_or_fileobj: Content,
        path_in_repo: str,
        repo_id: str,
        token: str | bool | None = None,
        repo_type: str | None = None,
        revision: str | None = None,
        commit_message: str | None = None,
        commit_description: str | None = None,
        create_pr: bool | None = None,
        parent_commit: str | None = None,
        run_as_future: bool = False,
        allow_secrets: bool | None = None,
    ) -> CommitInfo | Future[CommitInfo]:
        """Upload a local file to a repository in one commit.

        If the branch contains the same file already, no commit is created and the head of the branch is returned.

        Args:
            path_or_fileobj: a path, bytes, or a file opened in binary mode.
            path_in_repo: destination path in the repository.
            others: as for :meth:`create_commit`.

        Returns:
            The commit; with ``run_as_future`` a future of it.

        Raises:
            SourceMissing, SourceUnreadable, SourceChanged: the local file cannot be read, or changed during the upload.
            RepositoryNotFoundError, RevisionNotFoundError, HfHubHTTPError: the hub refuses the upload.
        """
        operation = CommitOperationAdd(path_in_repo, path_or_fileobj)
        return self.create_commit(
            repo_id,
            [operation],
            commit_message=commit_message or f"Upload {operation.path_in_repo} with entrepot",
            commit_description=commit_description,
            token=token,
            repo_type=repo_type,
            revision=revision,
            create_pr=create_pr,
            parent_commit=parent_commit,
            allow_secrets=allow_secrets,
        )

    @queued
    def upload_folder(
        self,
        *,
        repo_id: str,
        folder_path: str | Path,
        path_in_repo: str | None = None,
        commit_message: str | None = None,
        commit_description: str | None = None,
        token: str | bool | None = None,
        repo_type: str | None = None,
        revision: str | None = None,
        create_pr: bool | None = None,
        parent_commit: str | None = None,
        allow_patterns: list[str] | str | None = None,
        ignore_patterns: list[str] | str | None = None,
        delete_patterns: list[str] | str | None = None,
        multi_commits: bool = False,
        multi_commits_verbose: bool = False,
        run_as_future: bool = False,
        allow_secrets: bool | None = None,
    ) -> CommitInfo | str | Future[CommitInfo] | Future[str]:
        """Upload the files of a local folder to a repository in one commit; unchanged files are left out.

        ``.git`` folders and the caches of clients are never uploaded. Broken links, links to folders, pipes,
        sockets and unreadable files are left out with a warning; if ``allow_patterns`` names one, it raises instead.

        Args:
            path_in_repo: destination folder in the repository; None is its root.
            allow_patterns, ignore_patterns: wildcards for paths relative to ``folder_path``.
            delete_patterns: wildcards for files of the repository, relative
                to ``path_in_repo``, that are deleted in the same commit.
            multi_commits: push several commits to a pull request, which another call
                continues after an interruption; it is merged at the end
                unless ``create_pr`` is set.
            multi_commits_verbose: report progress on standard error.
            others: as for :meth:`create_commit`.

        Returns:
            The commit; with ``multi_commits`` the URL of the pull request.

        Raises:
            SourceMissing, SourceUnreadable, SourceChanged: a local file cannot be read, or changed during the upload.
            RepositoryNotFoundError, RevisionNotFoundError, HfHubHTTPError: the hub refuses the upload.
            InvalidArgument: ``multi_commits`` was combined with a branch other than ``main``.
        """
        from entrepot.client.uploads.folder_uploads import folder_operations

        if multi_commits and revision not in (None, "main"):
            raise InvalidArgument("multi_commits works on the branch main only; omit revision")
        hub = self._hub(token)
        target = self._target(repo_id, repo_type, token, revision, create_pr, parent_commit)
        message = CommitMessage(commit_message or "Upload folder with entrepot", commit_description or "")
        chosen = {"allow": allow_patterns, "ignore": ignore_patterns, "delete": delete_patterns}
        operations = folder_operations(hub, target, folder_path, path_in_repo, **chosen)
        if not multi_commits:
            return commit(hub, target, operations, message, allow_secrets=allow_secrets)
        how = {"merge": not create_pr, "is_verbose": multi_commits_verbose}
        return push_in_steps(hub, target, operations, message, allow_secrets=allow_secrets, **how)

    def upload_large_folder(
        self,
        repo_id: str,
        folder_path: str | Path,
        *,
        repo_type: str | None = None,
        revision: str | None = None,
        private: bool | None = None,
        path_in_repo: str | None = None,
        allow_patterns: list[str] | str | None = None,
        ignore_patterns: list[str] | str | None = None,
        num_workers: int | None = None,
        print_report: bool = True,
        print_report_every: int = 60,
        token: str | bool | None = None,
        allow_secrets: bool | None = None,
    ) -> None:
        """Upload a folder of any size in many commits; after an interruption, another call continues the upload.

        The repository is created if it does not exist. The state of the upload is
        stored in ``.cache/entrepot`` inside the folder.

        Args:
            private: visibility of the repository if it is created.
            num_workers: number of commits that are prepared at the same time, 1 to 8.
            print_report: show progress on standard error, if it is a terminal.
            print_report_every: accepted for compatibility; progress is shown continuously.
            others: as for :meth:`upload_folder`.

        Raises:
            SourceMissing, SourceUnreadable, SourceChanged: a local file cannot be read, or changed during the upload.
            RepositoryNotFoundError, RevisionNotFoundError, HfHubHTTPError: the hub refuses the upload.
        """
        from entrepot.client.uploads.large_folders import upload_large_folder

        hub = self._hub(token)
        upload_large_folder(
            hub,
            self._target(repo_id, repo_type, token, revision),
            folder_path,
            path_in_repo,
            allow=allow_patterns,
            ignore=ignore_patterns,
            is_private=private,
            workers=num_workers,
            progress=progress_of(hub) if print_report else None,
            allow_secrets=allow_secrets,
        )

    def preupload_lfs_files(
        self,
        repo_id: str,
        additions: Iterable[CommitOperationAdd],
        *,
        token: str | bool | None = None,
        repo_type: str | None = None,
        revision: str | None = None,
        create_pr: bool | None = None,
        num_threads: int = 5,
        free_memory: bool = True,
        gitignore_content: str | None = None,
    ) -> None:
        """Upload the large files among some additions, before ``create_commit`` commits them.

        Uploaded additions drop their content to free memory. Regular files are not
        uploaded and not changed.

        Args:
            free_memory: drop the contents of uploaded additions.
            num_threads: accepted for compatibility; the number of parallel transfers is chosen automatically.
            gitignore_content: a ``.gitignore`` to use instead of the repository's.
            others: as for :meth:`create_commit`.

        Raises:
            as :meth:`create_commit`.
        """
        from entrepot.client.uploads.publishing import upload_large_files
        from entrepot.client.uploads.upload_plan import UploadDecision

        hub, target = self._hub(token), self._target(repo_id, repo_type, token, revision, create_pr)
        waiting = {item.path_in_repo: item for item in additions if not item._is_uploaded and not item._is_committed}
        if not waiting:
            return
        ignores = None
        if gitignore_content is not None:
            ignores = Add(RepoPath(".gitignore"), BytesSource(gitignore_content.encode()))
        adds = [Add(parse_path(path), item.source()) for path, item in waiting.items()]
        for path, (decision, stored) in upload_large_files(
            hub, target, adds, progress=progress_of(hub), ignores=ignores
        ).items():
            addition = waiting[path]
            addition._should_ignore = decision is UploadDecision.IGNORED
            addition._upload_mode = "lfs" if stored is not None else "regular"
            if stored is not None:
                addition.release(stored, free_memory=free_memory)
