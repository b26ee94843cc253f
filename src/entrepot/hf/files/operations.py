"""Commit operations, with the names and fields of huggingface_hub.

The objects are mutable: ``preupload_lfs_files`` drops the content after its
upload, and a commit marks its additions as committed.
Source: huggingface_hub 2.4.0 and 0.21.4, ``_commit_api.py``.
"""

from __future__ import annotations

import base64
import contextlib
import io
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Literal

from entrepot.client import user_warnings
from entrepot.client.operations import Add, AddStored, Copy, Delete, DeleteFolder, Operation, repo_path
from entrepot.client.sources import PathSource, Source, oid_of, sha256_of, source_of
from entrepot.errors import InvalidArgument
from entrepot.hf.base import repo_ref
from entrepot.names import parse_path

Content = str | Path | bytes | BinaryIO
"""A path, bytes, or a file opened in binary mode."""


class UploadInfo:
    """Size, first bytes and SHA-256 (raw bytes, computed on first access) of a content."""

    def __init__(self, source: Source) -> None:
        self._source: Source | None = source
        self._sample: bytes | None = None
        self._sha256: bytes | None = None
        self.size = source.size

    @property
    def sample(self) -> bytes:
        """The first 512 bytes."""
        if self._sample is None and self._source is not None:
            self._sample = self._source.sample()
        return self._sample or b""

    @property
    def sha256(self) -> bytes:
        """The SHA-256 of the content, 32 bytes."""
        if self._sha256 is None and self._source is not None:
            self._sha256 = bytes.fromhex(sha256_of(self._source))
        return self._sha256 or b""

    @property
    def is_hashed(self) -> bool:
        """Whether the SHA-256 has been computed."""
        return self._sha256 is not None

    def keep(self, sha256: str) -> None:
        """Set a digest that was computed elsewhere, and drop the content."""
        self._sha256, self._sample, self._source = bytes.fromhex(sha256), b"", None


@dataclass
class CommitOperationAdd:
    """Write a file. ``path_or_fileobj`` is a path, bytes, or a file opened in binary mode with ``seek`` and ``tell``.

    Raises:
        SourceMissing, SourceUnreadable (both a ValueError): the path is not a readable file.
        InvalidArgument (a ValueError): the content has another type.
        InvalidPath: ``path_in_repo`` is not a valid path of a file in a repository.
    """

    path_in_repo: str
    path_or_fileobj: Content
    upload_info: UploadInfo = field(init=False, repr=False)
    _upload_mode: Literal["lfs", "regular"] | None = field(init=False, repr=False, default=None)
    _should_ignore: bool | None = field(init=False, repr=False, default=None)
    _is_uploaded: bool = field(init=False, repr=False, default=False)
    _is_committed: bool = field(init=False, repr=False, default=False)
    _stored: AddStored | None = field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        self.path_in_repo = repo_path(self.path_in_repo)
        if isinstance(self.path_or_fileobj, os.PathLike):
            self.path_or_fileobj = str(self.path_or_fileobj)
        source = source_of(self.path_or_fileobj)
        if isinstance(source, PathSource):
            self.path_or_fileobj = source.file_path
        self.upload_info = UploadInfo(source)

    @contextlib.contextmanager
    def as_file(self, with_tqdm: bool = False) -> Iterator[BinaryIO]:
        """Open the content as a file.

        Args:
            with_tqdm: accepted for compatibility; uploads show their own progress.
        """
        content = self.path_or_fileobj
        if isinstance(content, bytes):
            yield io.BytesIO(content)
        elif isinstance(content, str | Path):
            with open(content, "rb") as file:
                yield file
        else:
            at = content.tell()
            try:
                yield content
            finally:
                content.seek(at)

    def b64content(self) -> bytes:
        """Return the whole content in base64."""
        return base64.b64encode(self.source().read())

    @property
    def local_oid(self) -> str:
        """The git blob id of the content."""
        return oid_of(self.source())

    def source(self) -> Source:
        """Return the content as it is now."""
        return source_of(self.path_or_fileobj)

    def release(self, stored: AddStored, *, free_memory: bool) -> None:
        """Record that the hub stores the content; with ``free_memory``, drop it here."""
        self._stored, self._is_uploaded = stored, True
        if free_memory:
            self.upload_info.keep(stored.sha256)
            self.path_or_fileobj = b""


@dataclass
class CommitOperationDelete:
    """Delete a file or a folder.

    Args:
        is_folder: ``"auto"`` treats a path that ends in ``/`` as a folder.

    Raises:
        InvalidArgument (a ValueError): ``is_folder`` has another value.
        InvalidPath: ``path_in_repo`` is not a valid path in a repository.
    """

    path_in_repo: str
    is_folder: bool | Literal["auto"] = "auto"

    def __post_init__(self) -> None:
        given = self.path_in_repo
        if self.is_folder == "auto":
            self.is_folder = given.endswith("/")
        if not isinstance(self.is_folder, bool):
            raise InvalidArgument(f"is_folder must be True, False or 'auto', not {self.is_folder!r}")
        self.path_in_repo = repo_path(given.removesuffix("/")) + ("/" if given.endswith("/") else "")


@dataclass
class CommitOperationCopy:
    """Copy a file or folder from this or another repository; the hub copies it without a transfer of its content.

    Args:
        src_revision: None is the target branch (``main`` for another repository).
        src_repo_id, src_repo_type: the repository to copy from; None is the target repository.

    Raises:
        InvalidPath, InvalidName: a path, id or type breaks a rule.
        InvalidArgument (a ValueError): only one of ``src_repo_id`` and ``src_repo_type`` was passed.
    """

    src_path_in_repo: str
    path_in_repo: str
    src_revision: str | None = None
    src_repo_id: str | None = None
    src_repo_type: str | None = None

    def __post_init__(self) -> None:
        self.src_path_in_repo = repo_path(self.src_path_in_repo.removesuffix("/"))
        self.path_in_repo = repo_path(self.path_in_repo.removesuffix("/"))
        if (self.src_repo_id is None) != (self.src_repo_type is None):
            raise InvalidArgument("pass both src_repo_id and src_repo_type, or neither")
        if self.src_repo_id is not None:
            repo_ref(self.src_repo_id, self.src_repo_type)


CommitOperation = CommitOperationAdd | CommitOperationDelete | CommitOperationCopy


def to_operation(operation: CommitOperation) -> Operation:
    """Convert to the operation of ``entrepot.client``.

    Raises:
        InvalidArgument: the object is not an operation, or was committed before.
        SourceMissing, SourceUnreadable: the local file can no longer be read.
    """
    given: object = operation
    if not isinstance(given, CommitOperation):
        raise InvalidArgument(f"expected CommitOperationAdd, ...Delete or ...Copy, not {type(given).__name__}")
    # The paths were checked, and backslashes warned of, when the operation was made.
    match operation:
        case CommitOperationAdd():
            if operation._is_committed:
                raise InvalidArgument(
                    f"the addition of {operation.path_in_repo!r} was committed before; create a new CommitOperationAdd"
                )
            return operation._stored or Add(parse_path(operation.path_in_repo), operation.source())
        case CommitOperationDelete():
            path = parse_path(operation.path_in_repo.removesuffix("/"))
            return DeleteFolder(path) if operation.is_folder else Delete(path)
        case CommitOperationCopy():
            repo = operation.src_repo_id
            return Copy(
                parse_path(operation.path_in_repo),
                parse_path(operation.src_path_in_repo),
                operation.src_revision,
                None if repo is None else repo_ref(repo, operation.src_repo_type),
            )


def warn_of_overwriting(operations: Sequence[CommitOperation]) -> None:
    """Warn if one commit writes a file twice, or deletes a file that it has written."""
    written: Counter[str] = Counter()
    for operation in operations:
        path = PurePosixPath(operation.path_in_repo)
        if isinstance(operation, CommitOperationAdd):
            if written[str(path)]:
                user_warnings.warn(f"this commit writes {operation.path_in_repo!r} more than once")
            written.update(map(str, (path, *path.parents)))
        elif isinstance(operation, CommitOperationDelete) and written[str(path)]:
            user_warnings.warn(f"this commit deletes {operation.path_in_repo!r} after writing to it")
