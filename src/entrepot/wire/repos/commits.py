"""Commits on their way in: one JSON object a line, the header first. Source: docs/protocols/hf_api.md, section 2.4.

``copyFile`` is an addition of this hub: it writes at ``path`` what another
path, revision or repository has, without moving bytes.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

Size = Annotated[int, msgspec.Meta(ge=0)]


class Header(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The message of a commit, and what it must be put upon.

    ``merge="disjoint"`` (an addition of this hub) accepts a later head than
    ``parent_commit`` when nothing that this commit touches has changed since.
    """

    summary: str
    description: str | None = None
    parent_commit: str | None = None
    merge: Literal["disjoint"] | None = None


class File(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A regular file with its content; ``old_path`` is removed in the same step."""

    path: str
    content: str
    encoding: Literal["utf-8", "base64"] = "utf-8"
    old_path: str | None = None


class LfsFile(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A large file that was uploaded before; ``oid`` is a SHA-256, ``size`` None takes the stored one."""

    path: str
    oid: str
    algo: Literal["sha256"] = "sha256"
    size: Size | None = None
    old_path: str | None = None


class CopyFile(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A file or folder to copy; absent fields mean the repository and the branch that are written to."""

    path: str
    source_path: str
    source_revision: str | None = None
    source_repo: str | None = None
    source_type: str | None = None


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """The path of something to delete."""

    path: str


class HeaderLine(msgspec.Struct, frozen=True, tag_field="key", tag="header"):
    """The first line."""

    value: Header


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
    """Remove a file; a folder of this name is removed too, as the public hub does."""

    value: Entry


class DeletedFolderLine(msgspec.Struct, frozen=True, tag_field="key", tag="deletedFolder"):
    """Remove a folder."""

    value: Entry


class DeletedEntryLine(msgspec.Struct, frozen=True, tag_field="key", tag="deletedEntry"):
    """Remove a file or a folder."""

    value: Entry


OperationLine = FileLine | LfsFileLine | CopyFileLine | DeletedFileLine | DeletedFolderLine | DeletedEntryLine
CommitLine = HeaderLine | OperationLine


class WholeCommit(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A commit as one JSON object, the form before lines came up."""

    summary: str
    description: str | None = None
    parent_commit: str | None = None
    merge: Literal["disjoint"] | None = None
    files: list[File] = []
    lfs_files: list[LfsFile] = []
    deleted_entries: list[Entry] = []


class CommitResponse(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A commit that was recorded; ``pull_request_url`` is None unless one was opened."""

    success: bool
    commit_oid: str
    commit_url: str
    pull_request_url: str | None = None
    hook_output: str
