"""Request bodies of commits: JSON lines of known length, produced while they are sent.

Contents are read one at a time, so memory use does not depend on the size of the
commit; the length is known in advance, because that of base64 can be computed.
Source: docs/protocols/hf_api.md, section 2.4.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator

import attrs
import msgspec

from entrepot.client.calls.commits import encode_line
from entrepot.client.commit_target import CommitMessage, CommitTarget
from entrepot.client.operations import AddStored, Copy, Delete, DeleteFolder
from entrepot.client.sources import PIECE, Source
from entrepot.names import RepoPath
from entrepot.wire.repos.commits import (
    CommitHeader,
    CopyFile,
    CopyFileLine,
    DeletedFileLine,
    DeletedFolderLine,
    DeletedPath,
    File,
    FileLine,
    HeaderLine,
    LfsFile,
    LfsFileLine,
    StagedMode,
)

_TAIL = b'"}}\n'
_AT_ONCE = 256 * 1024
_STEP = PIECE * 3 // 4 // 3 * 3


@attrs.frozen
class AddContent:
    """Write a regular file with its content in the commit."""

    path: RepoPath
    source: Source


@attrs.frozen
class AddText:
    """Write a regular file whose content is UTF-8 text in memory.

    It is sent as text, which is a quarter shorter than base64.
    """

    path: RepoPath
    content: bytes = attrs.field(repr=False)


Change = AddContent | AddText | AddStored | Delete | DeleteFolder | Copy
"""The operation of one line of a commit."""


@attrs.frozen
class CommitBody:
    """All lines of a commit; each iteration reads the contents again."""

    head: bytes = attrs.field(repr=False)
    changes: tuple[Change, ...] = attrs.field(repr=False)
    size: int

    def __iter__(self) -> Iterator[bytes]:
        """Yield the bytes in pieces of a reasonable size; raises the errors of reading a source."""
        waiting, length = [self.head], len(self.head)
        for change in self.changes:
            for piece in _pieces(change):
                waiting.append(piece)
                length += len(piece)
                if length >= _AT_ONCE:
                    yield b"".join(waiting)
                    waiting, length = [], 0
        if waiting:
            yield b"".join(waiting)


def commit_body(target: CommitTarget, message: CommitMessage, changes: Iterable[Change]) -> CommitBody:
    """Return the body of a commit with these changes, in order."""
    header = CommitHeader(
        summary=message.summary,
        description=message.description,
        parent_commit=target.parent or None,
        staged=None if target.forces_staged is None else StagedMode(force=target.forces_staged),
    )
    head, listed = encode_line(HeaderLine(header)), tuple(changes)
    return CommitBody(head, listed, len(head) + sum(map(_size, listed)))


def _pieces(change: Change) -> Iterator[bytes]:
    if not isinstance(change, AddContent):
        yield _line(change)
        return
    source = change.source
    yield _front(change)
    if source.size <= _STEP:
        yield base64.b64encode(source.read())
    else:
        yield from _encoded(source)
    yield _TAIL


def _encoded(source: Source) -> Iterator[bytes]:
    rest = b""
    for piece in source.pieces():
        data = rest + piece
        whole = len(data) // 3 * 3
        yield base64.b64encode(memoryview(data)[:whole])
        rest = data[whole:]
    yield base64.b64encode(rest)


def _size(change: Change) -> int:
    if isinstance(change, AddContent):
        return len(_front(change)) + (change.source.size + 2) // 3 * 4 + len(_TAIL)
    return len(_line(change))


def _front(change: AddContent) -> bytes:
    path = msgspec.json.encode(change.path)
    return b'{"key":"file","value":{"path":%b,"encoding":"base64","content":"' % path


def _line(change: AddText | AddStored | Delete | DeleteFolder | Copy) -> bytes:
    match change:
        case AddText():
            return encode_line(FileLine(File(path=change.path, content=change.content.decode("utf-8"))))
        case AddStored():
            return encode_line(LfsFileLine(LfsFile(path=change.path, oid=change.sha256, size=change.size)))
        case Delete():
            return encode_line(DeletedFileLine(DeletedPath(path=change.path)))
        case DeleteFolder():
            return encode_line(DeletedFolderLine(DeletedPath(path=f"{change.path}/")))
        case Copy():
            repo = change.source_repo
            return encode_line(
                CopyFileLine(
                    CopyFile(
                        path=change.path,
                        source_path=change.source_path,
                        source_revision=change.source_revision,
                        source_repo=str(repo.id) if repo is not None else None,
                        source_type=repo.type.value if repo is not None else None,
                    )
                )
            )
