"""What a commit shall do, as users of huggingface_hub write it down.

The objects are mutable, because ``preupload_lfs_files`` lets go of a content
that the hub has, and a commit marks what it has taken.
Source: huggingface_hub 2.4.0 and 0.21.4, ``_commit_api.py``.
"""

from __future__ import annotations

import base64
import contextlib
import io
import os
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Literal

from entrepot.client.operations import Add, AddStored, Copy, Delete, DeleteFolder, Operation, repo_path
from entrepot.client.sources import PathSource, Source, oid_of, sha256_of, source_of
from entrepot.errors import InvalidArgument
from entrepot.hf.base import repo_ref

Content = str | Path | bytes | BinaryIO
"""A path, bytes, or a file that was opened as binary."""


class UploadInfo:
    """Size, beginning and SHA-256 (raw bytes, computed when first asked for) of a content."""

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
        """The SHA-256 of the whole content, 32 bytes."""
        if self._sha256 is None and self._source is not None:
            self._sha256 = bytes.fromhex(sha256_of(self._source))
        return self._sha256 or b""

    @property
    def is_hashed(self) -> bool:
        """Whether the SHA-256 is known already."""
        return self._sha256 is not None

    def keep(self, sha256: str) -> None:
        """Take a digest that somebody has computed, and let the content go."""
        self._sha256, self._sample, self._source = bytes.fromhex(sha256), b"", None


@dataclass
class CommitOperationAdd:
    """Write a file: ``path_or_fileobj`` is a path, bytes, or a file opened as binary with ``seek`` and ``tell``.

    Raises:
        SourceMissing, SourceUnreadable (both a ValueError): no file can be read there.
        InvalidArgument (a ValueError): the content is nothing that can be uploaded.
        InvalidPath: no file of a repository can have this path.
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
            self.path_or_fileobj = source.place
        self.upload_info = UploadInfo(source)

    @contextlib.contextmanager
    def as_file(self, with_tqdm: bool = False) -> Iterator[BinaryIO]:
        """The content as an open file.

        Args:
            with_tqdm: taken for compatibility; uploads show their progress by themselves.
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
        """The whole content in base64."""
        return base64.b64encode(self.source().read())

    @property
    def local_oid(self) -> str:
        """The id that git gives a file with this content."""
        return oid_of(self.source())

    def source(self) -> Source:
        """The content as it is now."""
        return source_of(self.path_or_fileobj)

    def release(self, stored: AddStored, *, free_memory: bool) -> None:
        """Remember that the hub has the content, which need not be kept here any more."""
        self._stored, self._is_uploaded = stored, True
        if free_memory:
            self.upload_info.keep(stored.sha256)
            self.path_or_fileobj = b""


@dataclass
class CommitOperationDelete:
    """Remove a file or a folder.

    Args:
        is_folder: ``"auto"`` takes a path that ends in ``/`` for a folder.

    Raises:
        InvalidArgument (a ValueError): ``is_folder`` is none of these.
        InvalidPath: nothing in a repository can have this path.
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
    """Copy a file or folder, large or not, from this or another repository, without moving its bytes.

    Args:
        src_revision: None is the branch that is committed to (of another repository: ``main``).
        src_repo_id, src_repo_type: another repository to copy from.

    Raises:
        InvalidPath, InvalidName: a path, id or type breaks a rule.
        InvalidArgument (a ValueError): only one of ``src_repo_id`` and ``src_repo_type`` is given.
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
            raise InvalidArgument("src_repo_id and src_repo_type belong together: give both, or none")
        if self.src_repo_id is not None:
            repo_ref(self.src_repo_id, self.src_repo_type)


CommitOperation = CommitOperationAdd | CommitOperationDelete | CommitOperationCopy


def to_operation(operation: CommitOperation) -> Operation:
    """The same as the client's own value.

    Raises:
        InvalidArgument: it is no operation, or one that was committed before.
        SourceMissing, SourceUnreadable: its file cannot be read any more.
    """
    given: object = operation
    if not isinstance(given, CommitOperation):
        raise InvalidArgument(f"a commit takes CommitOperationAdd, ...Delete and ...Copy, not a {type(given).__name__}")
    match operation:
        case CommitOperationAdd():
            if operation._is_committed:
                raise InvalidArgument(
                    f"the addition of {operation.path_in_repo!r} has been committed before; "
                    "make a new CommitOperationAdd for a new commit"
                )
            return operation._stored or Add(repo_path(operation.path_in_repo), operation.source())
        case CommitOperationDelete():
            path = repo_path(operation.path_in_repo.removesuffix("/"))
            return DeleteFolder(path) if operation.is_folder else Delete(path)
        case CommitOperationCopy():
            repo = operation.src_repo_id
            return Copy(
                repo_path(operation.path_in_repo),
                repo_path(operation.src_path_in_repo),
                operation.src_revision,
                None if repo is None else repo_ref(repo, operation.src_repo_type),
            )


def warn_of_overwriting(operations: Sequence[CommitOperation]) -> None:
    """Warn when one commit writes a file twice, or removes what it has just written."""
    written: Counter[str] = Counter()
    for operation in operations:
        path = PurePosixPath(operation.path_in_repo)
        if isinstance(operation, CommitOperationAdd):
            if written[str(path)]:
                warnings.warn(f"this commit writes {operation.path_in_repo!r} more than once", stacklevel=4)
            written.update(map(str, (path, *path.parents)))
        elif isinstance(operation, CommitOperationDelete) and written[str(path)]:
            warnings.warn(f"this commit removes {operation.path_in_repo!r}, to which it has just written", stacklevel=4)
