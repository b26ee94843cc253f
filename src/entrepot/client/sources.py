"""Contents to upload: their bytes, sizes and digests.

A source can be read repeatedly and returns the same bytes each time, or raises
:class:`~entrepot.errors.SourceChanged`: a hub never receives a mixture of two
states of a file.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

import attrs

from entrepot.errors import InvalidArgument, SourceChanged, SourceMissing, SourceUnreadable
from entrepot.names import Oid, Sha256

SAMPLE = 512
"""Number of bytes at the start of a file that a hub inspects before the upload.

Source: docs/protocols/hf_api.md, section 1A.5."""

PIECE = 1 << 20
"""Number of bytes of one read."""


class Source(Protocol):
    """A content to upload; safe to read from several threads."""

    @property
    def size(self) -> int:
        """The size in bytes."""

    @property
    def label(self) -> str:
        """The name of the content in messages."""

    def pieces(self, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Yield the bytes from ``start`` on, in pieces of at most one mebibyte.

        Raises:
            SourceChanged, SourceMissing, SourceUnreadable: the content has changed or can no longer be read.
        """

    def read(self) -> bytes:
        """Return all bytes; raises as :meth:`pieces`."""

    def sample(self) -> bytes:
        """Return the first 512 bytes; raises as :meth:`pieces`."""


@attrs.frozen
class Stamp:
    """The state of a file when it was found; files with equal stamps are assumed to have equal content."""

    size: int
    mtime_ns: int
    inode: int

    @classmethod
    def of(cls, facts: os.stat_result) -> Stamp:
        """Return the stamp for a result of ``stat``."""
        return cls(facts.st_size, facts.st_mtime_ns, facts.st_ino)


@attrs.frozen
class PathSource:
    """A local file in the state in which it was found.

    Args:
        file_path: its absolute path; a str, to save memory with a million files.
        is_growing: the file may be appended to; only the first ``stamp.size``
            bytes are read, which must not change.
    """

    file_path: str
    stamp: Stamp
    is_growing: bool = False

    @classmethod
    def at(cls, path: str | os.PathLike[str], *, is_growing: bool = False) -> PathSource:
        """Return the file at a path; ``~`` is expanded.

        Raises:
            SourceMissing: the file does not exist.
            SourceUnreadable: no permission, not a regular file, or a broken link.
        """
        file_path = os.path.abspath(os.path.expanduser(path))
        try:
            facts = os.stat(file_path)
        except (FileNotFoundError, NotADirectoryError):
            if os.path.islink(file_path):
                raise SourceUnreadable(file_path, "it is a broken link") from None
            raise SourceMissing(file_path) from None
        except (OSError, ValueError) as error:
            raise SourceUnreadable(file_path, _reason(error)) from error
        if stat.S_ISDIR(facts.st_mode):
            raise SourceMissing(file_path)
        if not stat.S_ISREG(facts.st_mode):
            raise SourceUnreadable(file_path, f"it is {kind_of(facts.st_mode)}")
        return cls(file_path, Stamp.of(facts), is_growing)

    @property
    def size(self) -> int:
        """The size in bytes when the file was found."""
        return self.stamp.size

    @property
    def label(self) -> str:
        """The path."""
        return self.file_path

    @property
    def path(self) -> Path:
        """The path."""
        return Path(self.file_path)

    def pieces(self, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """See :class:`Source`; the stamp is checked before the first and after the last byte."""
        left = self.size - start if length is None else length
        with self._opened() as file:
            file.seek(start)
            while left > 0:
                piece = self._read_from(file, min(PIECE, left))
                left -= len(piece)
                if left == 0:
                    # Check before the last piece, so that a changed file is never sent completely.
                    self.check(os.fstat(file.fileno()))
                yield piece

    def read(self) -> bytes:
        """See :class:`Source`."""
        with self._opened() as file:
            content = self._read_from(file, self.size) if self.size else b""
            while len(content) < self.size:
                content += self._read_from(file, self.size - len(content))
            self.check(os.fstat(file.fileno()))
            return content

    def sample(self) -> bytes:
        """See :class:`Source`."""
        with self._opened() as file:
            return self._read_from(file, min(SAMPLE, self.size)) if self.size else b""

    def check(self, facts: os.stat_result | None = None) -> None:
        """Check that the file is unchanged since it was found.

        Raises:
            SourceChanged: the file has changed.
            SourceMissing, SourceUnreadable: the file cannot be accessed.
        """
        if facts is None:
            try:
                facts = os.stat(self.file_path)
            except FileNotFoundError:
                raise SourceMissing(self.file_path) from None
            except OSError as error:
                raise SourceUnreadable(self.file_path, _reason(error)) from error
        is_same = facts.st_size >= self.size if self.is_growing else Stamp.of(facts) == self.stamp
        if not is_same:
            raise SourceChanged(self.file_path)

    def _opened(self) -> io.FileIO:
        try:
            file = io.FileIO(self.file_path, "rb")
        except FileNotFoundError:
            raise SourceMissing(self.file_path) from None
        except OSError as error:
            raise SourceUnreadable(self.file_path, _reason(error)) from error
        try:
            self.check(os.fstat(file.fileno()))
        except BaseException:
            file.close()
            raise
        return file

    def _read_from(self, file: io.FileIO, most: int) -> bytes:
        try:
            piece = file.read(most)
        except OSError as error:
            raise SourceUnreadable(self.file_path, _reason(error)) from error
        if not piece:
            raise SourceChanged(self.file_path)
        return piece


@attrs.frozen
class BytesSource:
    """A content in memory."""

    data: bytes = attrs.field(repr=False)
    label: str = "bytes in memory"

    @property
    def size(self) -> int:
        """The size in bytes."""
        return len(self.data)

    def pieces(self, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """See :class:`Source`."""
        end = self.size if length is None else start + length
        for at in range(start, end, PIECE):
            yield self.data[at : min(at + PIECE, end)]

    def read(self) -> bytes:
        """See :class:`Source`."""
        return self.data

    def sample(self) -> bytes:
        """See :class:`Source`."""
        return self.data[:SAMPLE]


class ObjectSource:
    """An open file or another object with ``read`` and ``seek``; its whole content, from the start.

    The position is restored after each read.

    Raises:
        InvalidArgument: the object is not seekable, or opened as text.
    """

    def __init__(self, file: BinaryIO, label: str | None = None) -> None:
        self._file = file
        self._lock = threading.Lock()
        self.label = label or str(getattr(file, "name", "") or "an open file")
        given: object = file
        if isinstance(given, io.TextIOBase):
            raise InvalidArgument(f"{self.label} was opened as text; open it in binary mode ('rb')")
        try:
            with self._kept_position():
                self.size = file.seek(0, os.SEEK_END)
        except (OSError, AttributeError, ValueError) as error:
            raise InvalidArgument(
                f"{self.label} cannot be uploaded: it needs read(), seek() and tell(), and must be open"
            ) from error

    def pieces(self, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """See :class:`Source`; no other thread can read the object during the iteration."""
        left = self.size - start if length is None else length
        with self._lock, self._kept_position():
            self._file.seek(start)
            while left > 0:
                piece = self._file.read(min(PIECE, left))
                if not piece:
                    raise SourceChanged(self.label)
                left -= len(piece)
                yield piece

    def read(self) -> bytes:
        """See :class:`Source`."""
        return b"".join(self.pieces())

    def sample(self) -> bytes:
        """See :class:`Source`."""
        return b"".join(self.pieces(0, min(SAMPLE, self.size)))

    def _kept_position(self) -> _Position:
        return _Position(self._file)


class _Position:
    """Restores the position of an object on exit."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def __enter__(self) -> None:
        self._at = self._file.tell()

    def __exit__(self, *_failure: object) -> None:
        self._file.seek(self._at)


def source_of(content: str | os.PathLike[str] | bytes | BinaryIO) -> Source:
    """Return the source for a path, bytes, or an open file.

    Raises:
        SourceMissing, SourceUnreadable: the path is not a readable file.
        InvalidArgument: the content has another type.
    """
    if isinstance(content, str | os.PathLike):
        return PathSource.at(content)
    if isinstance(content, bytes | bytearray | memoryview):
        return BytesSource(bytes(content))
    if hasattr(content, "read"):
        return ObjectSource(content)
    raise InvalidArgument(
        f"cannot upload a {type(content).__name__}: pass a path, bytes, or a file opened in binary mode"
    )


def kind_of(mode: int) -> str:
    """Return the name of a kind of file that is neither a regular file nor a folder, for messages."""
    kinds = (
        (stat.S_ISFIFO, "a named pipe"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISCHR, "a device"),
        (stat.S_ISBLK, "a device"),
    )
    return next((name for is_kind, name in kinds if is_kind(mode)), "not a regular file")


def sha256_of(source: Source) -> Sha256:
    """Return the SHA-256 of a content, read in pieces."""
    digest = hashlib.sha256()
    for piece in source.pieces():
        digest.update(piece)
    return Sha256(digest.hexdigest())


def oid_of(source: Source) -> Oid:
    """Return the git blob id of a content. Source: git, Documentation/gitformat-pack.adoc."""
    digest = hashlib.sha1(b"blob %d\x00" % source.size, usedforsecurity=False)
    for piece in source.pieces():
        digest.update(piece)
    return Oid(digest.hexdigest())


def _reason(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
