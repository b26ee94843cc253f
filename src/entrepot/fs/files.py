"""Open files: reads fetch ranges of one commit, writes go to a temporary file that becomes a commit."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import IO, Any, Protocol

from fsspec.spec import AbstractBufferedFile

from entrepot.client.operations import Add, Operation
from entrepot.client.sources import PathSource
from entrepot.fs.paths import FsPath, parse


class FileBackend(Protocol):
    """The methods of the file system that open files use."""

    def pin(self, fs_path: FsPath) -> tuple[str, int]:
        """Return the commit of a file and its size."""

    def read_range(self, fs_path: FsPath, commit: str, start: int, end: int | None) -> bytes:
        """Return a byte range of a file at a commit."""

    def cat_file(self, path: str) -> bytes:
        """Return the content of a file."""

    def exists(self, path: str) -> bool:
        """Return whether a file or folder exists."""

    def info(self, path: str) -> Mapping[str, Any]:
        """Return the entry of a file or folder."""

    def publish(self, fs_path: FsPath, operations: Sequence[Operation]) -> None:
        """Create one commit."""


class HubFile(AbstractBufferedFile):
    """An open file of a repository.

    Reading: all ranges come from the commit that the revision pointed to when the
    file was opened. Writing: the commit is created when the file is closed; if
    the ``with`` block of the file raises, nothing is committed.
    """

    fs: FileBackend

    def __init__(self, fs: FileBackend, path: str, mode: str = "rb", **options: Any) -> None:  # noqa: ANN401
        self.fs_path: FsPath = parse(path)
        self._written: IO[bytes] | None = None
        self._draft = ""
        if mode == "rb":
            commit, size = fs.pin(self.fs_path)
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

    # --- called by fsspec ---

    def _fetch_range(self, start: int, end: int) -> bytes:
        return self.fs.read_range(self.fs_path, self._commit, start, min(end, self.size))

    def _initiate_upload(self) -> None:
        descriptor, self._draft = tempfile.mkstemp(prefix="entrepot-")
        self._written = open(descriptor, "wb")  # noqa: SIM115 - closed after the last chunk
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

    # --- PendingChange ---

    def operations(self) -> Sequence[Operation]:
        """Return the operations to commit; empty if the file was never closed."""
        if self._written is None or not self._written.closed:
            return ()
        return (Add(self.fs_path.path, PathSource.at(self._draft)),)

    def commit(self) -> None:
        """Commit the written content on its own."""
        try:
            self.fs.publish(self.fs_path, self.operations())
        finally:
            self.discard()

    def discard(self) -> None:
        """Delete the temporary file."""
        if self._written is not None:
            self._written.close()
            if os.path.exists(self._draft):
                os.unlink(self._draft)
            self._written = None
