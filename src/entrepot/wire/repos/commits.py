"""JSON of commit requests: one object per line, the header first. Source: docs/protocols/hf_api.md, section 2.4.

``copyFile`` is an extension of this hub: it writes to ``path`` the content of
another path, revision or repository, without transferring bytes. So is ``staged``
(docs/staged-changes.md, section 3).
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

Size = Annotated[int, msgspec.Meta(ge=0)]


class StagedMode(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a commit treats the changes that its caller has staged on the branch.

    Without ``force``, it is canceled (409 ``CommitCanceled``) if there are any that
    it does not make itself, or if a path of it has changed since ``parentCommit``.
    With ``force``, they are part of it, below its own changes, and ``parentCommit``
    is not looked at.
    """

    force: bool = False


class CommitHeader(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The message of a commit, and the parent that it requires.

    ``merge="disjoint"`` (an extension of this hub) accepts a later head than
    ``parent_commit`` if no path that this commit touches has changed since.
    ``staged`` (an extension too) includes the caller's staged changes; None
    leaves them alone, as clients of other hubs expect.
    """

    summary: str
    description: str | None = None
    parent_commit: str | None = None
    merge: Literal["disjoint"] | None = None
    staged: StagedMode | None = None


class File(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A regular file with its content; the same commit removes ``old_path``."""

    path: str
    content: str
    encoding: Literal["utf-8", "base64"] = "utf-8"
    old_path: str | None = None


class LfsFile(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A large file that was uploaded before; ``oid`` is a SHA-256, ``size`` None means the stored size."""

    path: str
    oid: str
    algo: Literal["sha256"] = "sha256"
    size: Size | None = None
    old_path: str | None = None


class CopyFile(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A file or folder to copy; absent fields mean the target repository and branch."""

    path: str
    source_path: str
    source_revision: str | None = None
    source_repo: str | None = None
    source_type: str | None = None


class DeletedPath(msgspec.Struct, frozen=True, kw_only=True):
    """The path of an entry to delete."""

    path: str


class HeaderLine(msgspec.Struct, frozen=True, tag_field="key", tag="header"):
    """The first line of the body."""

    value: CommitHeader


class FileLine(msgspec.Struct, frozen=True, tag_field="key", tag="file"):
    """Write a regular file."""

    value: File


class LfsFileLine(msgspec.Struct, frozen=True, tag_field="key", tag="lfsFile"):
    """Write a large file."""

    value: LfsFile


class CopyFileLine(msgspec.Struct, frozen=True, tag_field="key", tag="copyFile"):
    """Copy a file or folder."""

    value: CopyFile


class DeletedFileLine(msgspec.Struct, frozen=True, tag_field="key", tag="deletedFile"):
    """Remove a file, or a folder of this name, as the public hub does."""

    value: DeletedPath


class DeletedFolderLine(msgspec.Struct, frozen=True, tag_field="key", tag="deletedFolder"):
    """Remove a folder."""

    value: DeletedPath


class DeletedEntryLine(msgspec.Struct, frozen=True, tag_field="key", tag="deletedEntry"):
    """Remove a file or a folder."""

    value: DeletedPath


OperationLine = FileLine | LfsFileLine | CopyFileLine | DeletedFileLine | DeletedFolderLine | DeletedEntryLine
CommitLine = HeaderLine | OperationLine


class WholeCommit(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A commit as one JSON object, the format that preceded JSON lines."""

    summary: str
    description: str | None = None
    parent_commit: str | None = None
    merge: Literal["disjoint"] | None = None
    files: list[File] = []
    lfs_files: list[LfsFile] = []
    deleted_entries: list[DeletedPath] = []


class CommitResponse(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A recorded commit; ``pull_request_url`` is None unless the request opened a pull request.

    ``unchanged``: the files would have been the same as before, so nothing was
    committed, and the commit is the head (only with ``staged``, and for replacing merges).
    """

    success: bool
    commit_oid: str
    commit_url: str
    pull_request_url: str | None = None
    hook_output: str
    unchanged: bool = False
