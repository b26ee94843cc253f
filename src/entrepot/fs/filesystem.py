"""The file system: fsspec's verbs, spoken to a hub."""

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
    """Repositories of a hub as a file system.

    Every write is a commit; ``with fs.transaction:`` makes many of them one.
    Folders exist as long as there is a file in them, as in git.

    Args:
        endpoint: the hub; None is ``ENTREPOT_ENDPOINT``.
        token: a token; None takes that of the environment or the last login, False sends none.
    """

    transaction_type = HubTransaction

    def _open(self, path: str, mode: str = "rb", **options: Any) -> HubFile:  # noqa: ANN401
        if mode == "xb" and self.exists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)
        options = {key: value for key, value in options.items() if value is not None or key != "block_size"}
        return HubFile(self, path, mode=mode, **options)

    # --- writing ---

    def publish(self, place: FsPath, operations: Sequence[Operation]) -> None:
        """Make one commit on the revision of a place; none, when nothing changes.

        Raises:
            PermissionError: the token may not write there.
            FileNotFoundError: there is no such repository or branch.
            others: as ``client.uploads.publishing.publish``.
        """
        if operations:
            with translated(place.name("")):
                publish(
                    self.hub, CommitTarget(place.ref, place.revision), operations, CommitMessage(_summary(operations))
                )

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **_: Any) -> None:  # noqa: ANN401
        """Write a file; ``mode="create"`` refuses to replace one."""
        self._add(path, BytesSource(bytes(value)), mode)

    def put_file(
        self,
        lpath: str,
        rpath: str,
        callback: Callback = DEFAULT_CALLBACK,
        mode: str = "overwrite",
        **_: Any,  # noqa: ANN401
    ) -> None:
        """Upload a file; in a transaction it is read when the transaction ends. Folders come with their files."""
        if not os.path.isdir(lpath):
            self._add(rpath, PathSource.at(lpath), mode)

    def cp_file(self, path1: str, path2: str, **_: Any) -> None:  # noqa: ANN401
        """Copy a file within a hub, without moving its bytes; folders come with their files."""
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
        place = self._parse(path)
        self._do(place, Delete(place.path))

    _rm = rm_file

    def rm(self, path: str | list[str], recursive: bool = False, maxdepth: int | None = None) -> None:
        """Delete files, and with ``recursive`` folders, in one commit for each revision.

        Raises:
            FileNotFoundError: there is nothing.
            IsADirectoryError: it is a folder, and not ``recursive``.
            NotOffered: it is a whole repository.
        """
        with self._together():
            for name in self.expand_path(path, recursive=maxdepth is not None and recursive, maxdepth=maxdepth):
                place = self._parse(name)
                if not place.path:
                    raise NotOffered("deletions of whole repositories, other than by delete_repo,")
                if self.info(name)["type"] == "file":
                    self._do(place, Delete(place.path))
                elif maxdepth is None and recursive:
                    self._do(place, DeleteFolder(place.path))
                elif not recursive:
                    raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), name)

    def pipe(self, path: str | Mapping[str, bytes], value: bytes | None = None, **options: Any) -> None:  # noqa: ANN401
        """Write one file, or several at once in one commit."""
        with self._together():
            super().pipe(dict(path) if isinstance(path, Mapping) else path, value, **options)

    def put(self, lpath: Any, rpath: Any, **options: Any) -> None:  # noqa: ANN401
        """Upload files in one commit; see fsspec for how the paths are put together."""
        with self._together():
            super().put(lpath, rpath, **options)

    def copy(self, path1: Any, path2: Any, **options: Any) -> None:  # noqa: ANN401
        """Copy files in one commit; see fsspec for how the paths are put together."""
        with self._together():
            super().copy(path1, path2, **options)

    def mv(self, path1: Any, path2: Any, **options: Any) -> None:  # noqa: ANN401
        """Move files in one commit (in two between revisions, the copy before the deletion)."""
        with self._together():
            super().mv(path1, path2, **options)

    def mkdir(self, path: str, create_parents: bool = True, **_: Any) -> None:  # noqa: ANN401
        """Nothing: folders come with their files."""

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        """Nothing: folders come with their files."""

    def rmdir(self, path: str) -> None:
        """Nothing: folders go with their last file."""

    # --- inside ---

    def _add(self, path: str, source: Source, mode: str) -> None:
        if mode == "create" and self.exists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)
        place = self._parse(path)
        self._do(place, Add(place.path, source))

    def _do(self, place: FsPath, operation: Operation) -> None:
        if self._intrans:
            self.transaction.files.append(PreparedChange(place, operation))
        else:
            self.publish(place, [operation])

    def _together(self) -> contextlib.AbstractContextManager[object]:
        """One commit for all that happens inside, unless a transaction is under way."""
        return contextlib.nullcontext() if self._intrans else self.transaction


HfFileSystem = EntrepotFileSystem
"""The same, by the name that programs know."""


def _summary(operations: Iterable[Operation]) -> str:
    words = {Add: "Write", Copy: "Copy", Delete: "Delete", DeleteFolder: "Delete"}
    named = [f"{words.get(type(one), 'Write')} {one.path}" for one in operations]
    return named[0] if len(named) == 1 else f"{named[0]} and change {len(named) - 1} more"
