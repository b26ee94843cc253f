"""Bodies of commits, decoded into a draft for the hub.

Lines are read one at a time while the hub consumes the operations, so only one
content is in memory, however long the commit is.
Source: docs/protocols/hf_api.md, section 2.4.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator

import msgspec

from entrepot.errors import Malformed, shown
from entrepot.hub.files.operations import AddFile, AddLarge, Copy, Delete, DeleteFolder, Operation
from entrepot.hub.repos.commits import CommitDraft
from entrepot.hub.repos.staged_commits import StagedPolicy
from entrepot.names import (
    RepoPath,
    RepoRef,
    parse_path,
    parse_repo_id,
    parse_repo_type,
    parse_sha256,
    parse_stored_path,
)
from entrepot.wire.repos.commits import (
    CommitHeader,
    CommitLine,
    CopyFile,
    CopyFileLine,
    DeletedEntryLine,
    DeletedFileLine,
    DeletedFolderLine,
    File,
    FileLine,
    HeaderLine,
    LfsFile,
    LfsFileLine,
    OperationLine,
    WholeCommit,
)

_LINES: msgspec.json.Decoder[CommitLine] = msgspec.json.Decoder(CommitLine)


def read_lines(lines: Iterable[bytes], *, allows_disjoint: bool = False) -> CommitDraft:
    """Return the draft described by lines of JSON; operations are decoded lazily.

    Args:
        lines: without empty lines; the first is the header.
        allows_disjoint: accept disjoint merges even if the header does not ask for them.

    Raises:
        Malformed: the first line is not a header. Iterating over the operations
            also raises it, for an invalid line (with its number) or content
            that cannot be decoded (with its path), and InvalidPath, InvalidName.
    """
    numbered = enumerate(lines, 1)
    first = next(numbered, None)
    header = _decode(*first) if first is not None else None
    if not isinstance(header, HeaderLine):
        raise Malformed("commit", "the first line must be the header")
    return _draft(header.value, _operations(numbered), allows_disjoint)


def read_changes(lines: Iterable[bytes]) -> Iterator[Operation]:
    """Yield the operations of lines of JSON that need no header; a header that comes first is skipped.

    Args:
        lines: without empty lines.

    Raises:
        Malformed, InvalidPath, InvalidName: as the operations of :func:`read_lines`.

    Source: docs/staged-changes.md, section 3.
    """
    for number, text in enumerate(lines, 1):
        line = _decode(number, text)
        where = f"line {number} of the staged changes"
        if isinstance(line, HeaderLine):
            if number > 1:
                raise Malformed(where, "a header that is not the first line")
            continue
        yield _operation(line, where)


def read_whole(data: bytes, *, allows_disjoint: bool = False) -> CommitDraft:
    """Return the draft described by one JSON object.

    Raises:
        Malformed: the body is not such an object; otherwise as :func:`read_lines`.
    """
    try:
        whole = msgspec.json.decode(data, type=WholeCommit)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed("commit", shown(str(error), quote=False)) from None
    header = CommitHeader(
        summary=whole.summary,
        description=whole.description,
        parent_commit=whole.parent_commit,
        merge=whole.merge,
    )
    return _draft(header, _operations_of(whole), allows_disjoint)


def _draft(header: CommitHeader, operations: Iterable[Operation], allows_disjoint: bool) -> CommitDraft:
    return CommitDraft(
        header.summary,
        operations,
        header.description or "",
        header.parent_commit or None,
        allows_disjoint or header.merge == "disjoint",
        staged=None if header.staged is None else StagedPolicy(header.staged.force),
    )


def _decode(number: int, line: bytes) -> CommitLine:
    try:
        return _LINES.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"line {number} of the commit", shown(str(error), quote=False)) from None


def _operations(numbered: Iterator[tuple[int, bytes]]) -> Iterator[Operation]:
    for number, text in numbered:
        line = _decode(number, text)
        where = f"line {number} of the commit"
        if isinstance(line, HeaderLine):
            raise Malformed(where, "a second header")
        yield _operation(line, where)


def _operations_of(whole: WholeCommit) -> Iterator[Operation]:
    yield from (_add_file(file, "commit") for file in whole.files)
    yield from (_add_large(file) for file in whole.lfs_files)
    yield from (Delete(_deleted_path(entry.path)) for entry in whole.deleted_entries)


def _operation(line: OperationLine, where: str) -> Operation:
    match line:
        case FileLine():
            return _add_file(line.value, where)
        case LfsFileLine():
            return _add_large(line.value)
        case CopyFileLine():
            return _copy(line.value)
        case DeletedFileLine() | DeletedEntryLine():
            return Delete(_deleted_path(line.value.path))
        case DeletedFolderLine():
            return DeleteFolder(_deleted_path(line.value.path))


def _add_file(file: File, where: str) -> AddFile:
    path = parse_path(file.path)
    return AddFile(path, _content(file, where), _old_path(file.old_path))


def _content(file: File, where: str) -> bytes:
    if file.encoding == "utf-8":
        return file.content.encode("utf-8")
    try:
        return base64.b64decode(file.content, validate=True)
    except ValueError:
        raise Malformed(where, f"the content of {shown(file.path)} is not valid base64") from None


def _add_large(file: LfsFile) -> AddLarge:
    return AddLarge(parse_path(file.path), parse_sha256(file.oid), file.size, _old_path(file.old_path))


def _copy(copy: CopyFile) -> Copy:
    repo = None
    if copy.source_repo is not None:
        repo = RepoRef(parse_repo_type(copy.source_type), parse_repo_id(copy.source_repo))
    return Copy(_entry_path(copy.path), _entry_path(copy.source_path), copy.source_revision or None, repo)


def _old_path(text: str | None) -> RepoPath | None:
    return parse_path(text) if text is not None else None


def _deleted_path(text: str) -> RepoPath:
    """Parse the path of an entry to delete, including paths that can no longer be written."""
    return parse_stored_path(text.removesuffix("/"))


def _entry_path(text: str) -> RepoPath:
    """Parse the path of a file or folder; clients end paths of folders with a slash."""
    return parse_path(text.removesuffix("/"))
