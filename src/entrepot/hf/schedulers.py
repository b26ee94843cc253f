"""Scheduled uploads of a folder that other code appends to."""

from __future__ import annotations

import contextlib
import logging
from concurrent.futures import Future
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any

import attrs

from entrepot.client.commit_target import CommitMessage
from entrepot.client.folders import LeftOut
from entrepot.client.operations import Add, path_in_folder
from entrepot.client.uploads.schedules import AppendedFiles, GrowingFile, Schedule
from entrepot.errors import (
    Conflict,
    EntrepotError,
    Invalid,
    InvalidArgument,
    SecretsFound,
    SourceChanged,
    SourceMissing,
    SourceUnreadable,
    TooLarge,
)
from entrepot.hf.api import HubApi
from entrepot.hf.files.commits import commit, target_of
from entrepot.hf.shapes.addresses import CommitInfo

_LOG = logging.getLogger(__name__)
_MAX_TRIES = 64
_FILE_ERRORS = (SourceChanged, SourceMissing, SourceUnreadable, SecretsFound, Invalid, TooLarge, Conflict)
"""Errors that a single file can cause; the other files of the commit are then committed without it."""


@attrs.define
class _Tries:
    """The number of commits attempted by one run, its first error, and the files that caused errors."""

    count: int = 0
    error: EntrepotError | None = None
    refused: list[GrowingFile] = attrs.field(factory=list)


class CommitScheduler:
    """Commit a local folder every few minutes in the background, and once more when the program ends.

    Files may be added and appended to at any time; they must not be overwritten
    or deleted. Files that have not grown are not uploaded, and no empty commits
    are made. A failed commit is logged, and its files are part of the next one; a file
    that cannot be uploaded does not delay the others. Override
    :meth:`push_to_hub` in a subclass to upload in another way.

    Args:
        every: minutes between two commits.
        path_in_repo: destination folder in the repository; None is its root.
        private: visibility of the repository if it is created.
        squash_history: squash the history into one commit after each upload.
        hf_api: the ``HubApi`` to use; None creates one for ``token``.
        allow_secrets: as for ``create_commit``; False leaves such files out.

    Raises:
        InvalidArgument: ``every`` is not above zero, or the folder is a file.
        HfHubHTTPError: the repository cannot be created or reached.
    """

    def __init__(
        self,
        *,
        repo_id: str,
        folder_path: str | Path,
        every: int | float = 5,
        path_in_repo: str | None = None,
        repo_type: str | None = None,
        revision: str | None = None,
        private: bool | None = None,
        token: str | None = None,
        allow_patterns: list[str] | str | None = None,
        ignore_patterns: list[str] | str | None = None,
        squash_history: bool = False,
        hf_api: HubApi | None = None,
        allow_secrets: bool | None = None,
    ) -> None:
        if not every > 0:
            raise InvalidArgument(f"every must be a number of minutes above 0, not {every!r}")
        self.folder_path = Path(folder_path).expanduser().resolve()
        if self.folder_path.is_file():
            raise InvalidArgument(f"folder_path must be a folder, and {str(self.folder_path)!r} is a file")
        self.folder_path.mkdir(parents=True, exist_ok=True)
        self.api = hf_api or HubApi(token=token)
        self.path_in_repo = path_in_repo or ""
        self.allow_patterns = allow_patterns
        self.ignore_patterns = [ignore_patterns] if isinstance(ignore_patterns, str) else list(ignore_patterns or [])
        made = self.api.create_repo(repo_id=repo_id, private=private, repo_type=repo_type, exist_ok=True)
        self.repo_id = made.repo_id
        self.repo_type, self.revision, self.token = repo_type, revision, token
        self.private, self.every, self.squash_history = private, every, squash_history
        self.allow_secrets = allow_secrets
        self.lock = Lock()
        self.last_future: Future[Any] | None = None
        self._appended = AppendedFiles(self.folder_path, allow=allow_patterns, ignore=self.ignore_patterns)
        self._schedule = Schedule(every * 60, self._beat, self._flush)
        self._schedule.start()

    def __enter__(self) -> CommitScheduler:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Upload what was written inside the `with` block.
        self.trigger().result()
        self.stop()

    def stop(self) -> None:
        """Stop without a last commit; a stopped scheduler cannot be restarted."""
        self._schedule.stop()

    def trigger(self) -> Future[Any]:
        """Queue a call of :meth:`push_to_hub` and return a future of its result."""
        return self.api.run_as_future(self._push_to_hub)

    def push_to_hub(self) -> CommitInfo | None:
        """Commit what was appended since the last call; return None if there was nothing.

        A file that cannot be uploaded is logged, left out, and tried again
        after it changes.

        Override this method, but do not call it: :meth:`trigger` makes sure that two
        calls never overlap.
        """
        with self.lock:
            grown = self._appended.find(self._log_left_out)
        if not grown:
            return None
        tries = _Tries()
        made = self._commit(grown, tries)
        if tries.error is None:
            return made
        if made is None:
            raise tries.error
        # The other files were accepted, so these files are the cause: skip them until they change.
        self._appended.mark_uploaded(tries.refused)
        return made

    def _commit(self, grown: list[GrowingFile], tries: _Tries) -> CommitInfo | None:
        """Commit files; if one of them may be the cause of an error, commit the others without it."""
        tries.count += 1
        try:
            adds = [Add(path_in_folder(self.path_in_repo, file.path), file.source) for file in grown]
            target = target_of(self.api._repo_to_change(self.repo_id, self.repo_type, self.token), self.revision)
            made = commit(
                self.api._hub(self.token),
                target,
                adds,
                CommitMessage("Scheduled Commit"),
                allow_secrets=self.allow_secrets,
            )
        except _FILE_ERRORS as error:
            tries.error = tries.error or error
            if tries.count >= _MAX_TRIES:
                raise
            if len(grown) == 1:
                _LOG.error("scheduled upload to %s leaves out %s: %s", self.repo_id, grown[0].path, error)
                tries.refused += [] if isinstance(error, SourceChanged | SourceMissing) else grown
                return None
            middle = len(grown) // 2
            first = self._commit(grown[:middle], tries)
            return self._commit(grown[middle:], tries) or first
        self._appended.mark_uploaded(grown)
        return made

    def _log_left_out(self, entry: LeftOut) -> None:
        _LOG.warning("scheduled upload to %s leaves out %s", self.repo_id, entry)

    def _beat(self) -> None:
        try:
            self.last_future = self.trigger()
        except RuntimeError:
            self._schedule.stop()  # the interpreter is shutting down; _flush makes the last commit
        else:
            self.last_future.add_done_callback(self._log_failure)

    def _log_failure(self, done: Future[Any]) -> None:
        """Log errors of an overridden ``push_to_hub``, which no caller would see."""
        error = None if done.cancelled() else done.exception()
        if error is not None and not isinstance(error, EntrepotError | OSError):
            _LOG.error("scheduled upload to %s failed and will be retried: %r", self.repo_id, error)

    def _flush(self) -> None:
        """Make the last commit when the program ends; errors are only logged, as no caller is left."""
        with contextlib.suppress(EntrepotError, OSError):
            self._push_to_hub()

    def _push_to_hub(self) -> CommitInfo | None:
        if self._schedule.is_stopped:
            return None
        try:
            made = self.push_to_hub()
            if made is not None and self.squash_history:
                self.api.super_squash_history(
                    repo_id=self.repo_id, repo_type=self.repo_type, branch=self.revision, token=self.token
                )
            return made
        except (EntrepotError, OSError) as error:
            _LOG.error("scheduled upload to %s failed and will be retried: %s", self.repo_id, error)
            raise
