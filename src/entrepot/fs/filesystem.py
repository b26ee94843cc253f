"""The writing half of the file system."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fsspec.callbacks import DEFAULT_CALLBACK, Callback

from entrepot.client.commit_target import CommitMessage, CommitTarget
from entrepot.client.operations import Add, Copy, Delete, DeleteFolder, Operation
from entrepot.client.sources import BytesSource, PathSource, Source
from entrepot.client.uploads.publishing import publish
from entrepot.errors import NotOffered
from entrepot.fs.entries import translated
from entrepot.fs.files import HubFile
from entrepot.fs.paths import FsPath
from entrepot.fs.reading import ReadingFileSystem
from entrepot.fs.transactions import HubTransaction, PreparedChange


class EntrepotFileSystem(ReadingFileSystem):
    """The repositories of a hub as an fsspec file system.

    Every write is a commit; ``with fs.transaction:`` combines several writes into one commit.
    A folder exists as long as it contains a file, as in git.

    Args:
        endpoint: URL of the hub; None is ``ENTREPOT_ENDPOINT``.
        token: an access token; None takes that of the environment or the last login, False sends none.
    """

    transaction_type = HubTransaction

    def _open(self, path: str, mode: str = "rb", **options: Any) -> HubFile:  # noqa: ANN401
        if mode == "xb" and self.exists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)
        options = {key: value for key, value in options.items() if value is not None or key != "block_size"}
        return HubFile(self, path, mode=mode, **options)

    # --- writing ---

    def publish(self, fs_path: FsPath, operations: Sequence[Operation]) -> None:
        """Create one commit on the revision of a path; none if nothing changes.

        Raises:
            PermissionError: the token has no write access.
            FileNotFoundError: the repository or the branch does not exist.
            others: as ``client.uploads.publishing.publish``.
        """
        if operations:
            with translated(fs_path.name("")):
                publish(
                    self.hub,
                    CommitTarget(fs_path.ref, fs_path.revision),
                    operations,
                    CommitMessage(_summary(operations)),
                )

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **_: Any) -> None:  # noqa: ANN401
        """Write bytes to a file; with ``mode="create"``, raise FileExistsError if the file exists."""
        self._add(path, BytesSource(bytes(value)), mode)

    def put_file(
        self,
        lpath: str,
        rpath: str,
        callback: Callback = DEFAULT_CALLBACK,
        mode: str = "overwrite",
        **_: Any,  # noqa: ANN401
    ) -> None:
        """Upload a local file; in a transaction, it is read when the transaction ends.

        Local folders are skipped: folders of a repository are implied by their files.
        """
        if not os.path.isdir(lpath):
            self._add(rpath, PathSource.at(lpath), mode)

    def cp_file(self, path1: str, path2: str, **_: Any) -> None:  # noqa: ANN401
        """Copy a file within the hub, without a transfer of its content.

        Folders are skipped: they are implied by their files.
        """
        source, target = self._parse(path1), self._parse(path2)
        if self.isdir(path1):
            return
        is_same = source.is_with(target)
        self._do(
            target,
            Copy(
                target.path,
                source.path,
                None if is_same else source.revision,
                None if is_same else source.ref,
            ),
        )

    def rm_file(self, path: str) -> None:
        """Delete a file."""
        fs_path = self._parse(path)
        self._do(fs_path, Delete(fs_path.path))

    _rm = rm_file

    def rm(self, path: str | list[str], recursive: bool = False, maxdepth: int | None = None) -> None:
        """Delete files, and with ``recursive`` folders, in one commit for each revision.

        Raises:
            FileNotFoundError: the path does not exist.
            IsADirectoryError: the path is a folder, and ``recursive`` is False.
            NotOffered: the path is a whole repository.
        """
        with self._together():
            for name in self.expand_path(path, recursive=maxdepth is not None and recursive, maxdepth=maxdepth):
                fs_path = self._parse(name)
                if not fs_path.path:
                    raise NotOffered("deletions of whole repositories through the file system (use delete_repo)")
                if self.info(name)["type"] == "file":
                    self._do(fs_path, Delete(fs_path.path))
                elif maxdepth is None and recursive:
                    self._do(fs_path, DeleteFolder(fs_path.path))
                elif not recursive:
                    raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), name)

    def pipe(self, path: str | Mapping[str, bytes], value: bytes | None = None, **options: Any) -> None:  # noqa: ANN401
        """Write one file, or several in one commit."""
        with self._together():
            super().pipe(dict(path) if isinstance(path, Mapping) else path, value, **options)

    def put(self, lpath: Any, rpath: Any, **options: Any) -> None:  # noqa: ANN401
        """Upload files in one commit; fsspec documents how the paths are combined."""
        with self._together():
            super().put(lpath, rpath, **options)

    def copy(self, path1: Any, path2: Any, **options: Any) -> None:  # noqa: ANN401
        """Copy files in one commit; fsspec documents how the paths are combined."""
        with self._together():
            super().copy(path1, path2, **options)

    def mv(self, path1: Any, path2: Any, **options: Any) -> None:  # noqa: ANN401
        """Move files in one commit; between revisions in two, the copy before the deletion."""
        with self._together():
            super().mv(path1, path2, **options)

    def mkdir(self, path: str, create_parents: bool = True, **_: Any) -> None:  # noqa: ANN401
        """Do nothing: folders are implied by their files."""

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        """Do nothing: folders are implied by their files."""

    def rmdir(self, path: str) -> None:
        """Do nothing: a folder disappears with its last file."""

    # --- helpers ---

    def _add(self, path: str, source: Source, mode: str) -> None:
        if mode == "create" and self.exists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)
        fs_path = self._parse(path)
        self._do(fs_path, Add(fs_path.path, source))

    def _do(self, fs_path: FsPath, operation: Operation) -> None:
        if self._intrans:
            self.transaction.files.append(PreparedChange(fs_path, operation))
        else:
            self.publish(fs_path, [operation])

    def _together(self) -> contextlib.AbstractContextManager[object]:
        """Combine all changes of a block into one commit, unless a transaction is active already."""
        return contextlib.nullcontext() if self._intrans else self.transaction


HfFileSystem = EntrepotFileSystem
"""Alias of ``EntrepotFileSystem``, under the name in huggingface_hub."""


def _summary(operations: Iterable[Operation]) -> str:
    words = {Add: "Write", Copy: "Copy", Delete: "Delete", DeleteFolder: "Delete"}
    named = [f"{words.get(type(one), 'Write')} {one.path}" for one in operations]
    return named[0] if len(named) == 1 else f"{named[0]} and change {len(named) - 1} more"
