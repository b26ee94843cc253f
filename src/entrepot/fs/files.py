"""Open files: reading by ranges of one commit, writing to a temporary file that becomes a commit."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from types import TracebackType
from typing import IO, Any, Protocol

from fsspec.spec import AbstractBufferedFile

from entrepot.client.operations import Add, Operation
from entrepot.client.sources import PathSource
from entrepot.fs.paths import FsPath, parse


class FileBackend(Protocol):
    """What an open file needs of its file system."""

    def pin(self, place: FsPath) -> tuple[str, int]:
        """The commit of a file and its size."""

    def read_range(self, place: FsPath, commit: str, start: int, end: int | None) -> bytes:
        """Bytes of a file at a commit."""

    def cat_file(self, path: str) -> bytes:
        """The bytes of a file."""

    def exists(self, path: str) -> bool:
        """Whether there is a file or folder."""

    def info(self, path: str) -> dict[str, Any]:
        """What is at a path."""

    def publish(self, place: FsPath, operations: Sequence[Operation]) -> None:
        """Make one commit."""


class HubFile(AbstractBufferedFile):
    """A file of a repository.

    Reading: all ranges are those of the commit that the revision was when the
    file was opened. Writing: nothing is visible before the file is closed; if
    it is closed because of an error in its ``with`` block, nothing ever is.
    """

    fs: FileBackend

    def __init__(self, fs: FileBackend, path: str, mode: str = "rb", **options: Any) -> None:  # noqa: ANN401
        self.place: FsPath = parse(path)
        self._written: IO[bytes] | None = None
        self._draft = ""
        if mode == "rb":
            commit, size = fs.pin(self.place)
            self._commit = commit
            options["size"] = size
        super().__init__(fs, path, mode=mode, **options)
        if mode == "ab" and fs.exists(path):
            self.loc = fs.info(path)["size"]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None and self.mode != "rb":
            self.discard()
            self.closed = True
            return
        self.close()

    # --- what fsspec calls ---

    def _fetch_range(self, start: int, end: int) -> bytes:
        return self.fs.read_range(self.place, self._commit, start, min(end, self.size))

    def _initiate_upload(self) -> None:
        descriptor, self._draft = tempfile.mkstemp(prefix="entrepot-")
        self._written = open(descriptor, "wb")  # noqa: SIM115 - closed with the last piece
        if self.mode == "ab" and self.fs.exists(self.path):
            self._written.write(self.fs.cat_file(self.path))

    def _upload_chunk(self, final: bool = False) -> bool:
        assert self._written is not None
        self._written.write(self.buffer.getvalue())
        if final:
            self._written.close()
            if self.autocommit:
                self.commit()
        return True

    # --- as a step of a transaction ---

    def operations(self) -> Sequence[Operation]:
        """What has to be done; nothing if the file was never closed."""
        if self._written is None or not self._written.closed:
            return ()
        return (Add(self.place.path, PathSource.at(self._draft)),)

    def commit(self) -> None:
        """Make what was written a commit of its own."""
        try:
            self.fs.publish(self.place, self.operations())
        finally:
            self.discard()

    def discard(self) -> None:
        """Forget what was written."""
        if self._written is not None:
            self._written.close()
            if os.path.exists(self._draft):
                os.unlink(self._draft)
            self._written = None
