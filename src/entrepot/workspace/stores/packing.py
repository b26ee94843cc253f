"""Packing: files are read once, cut into chunks, and chunks that are new go into packs of the outbox."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from entrepot.client.progress import Meter, Progress
from entrepot.errors import DiskFull
from entrepot.names import Sha256
from entrepot.workspace.stores.chunk_tables import ChunkTable
from entrepot.workspace.stores.formats.index_objects import Pack
from entrepot.workspace.stores.index_cache import IndexCache
from entrepot.workspace.stores.knowledge import Knowledge
from entrepot.workspace.stores.outbox import Outbox, pack_name, pack_of
from entrepot.workspace.stores.packers import BLOCK, Packer
from entrepot.workspace.stores.values import FREE_SPACE, FileState, PackedFile, PackResult, SourceFile, UnpackedFile
from entrepot.xet import Xorb

_FLUSH_PACKS = 16
"""So many packs get an index of their own: after an interruption, what they hold need not be packed again."""

_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_ATTEMPTS = 2


def pack_files(
    outbox: Outbox,
    files: Iterable[SourceFile],
    *,
    indexes: Path | None,
    progress: Progress,
    is_copied: bool = True,
) -> PackResult:
    """Take a snapshot of files: their contents can be published later, whatever happens to the files.

    Args:
        files: in ascending order of their paths, so that neighbours lie together.
        indexes: the folder of cached indexes of this one store (``cached_indexes``, or ``ChunkStore.indexes``);
            chunks that they name are not packed again. None: no store is known yet.
        is_copied: False (``staging: reference``): files are only hashed; ``push_version`` packs them from its
            ``sources``.

    Returns:
        Files that changed while they were read (twice), are unreadable or no regular files are in ``failed``; the
        others are packed all the same.

    Raises:
        DiskFull: nothing is recorded; what was packed completely before is used again by the next call.

    Guarantees: everything returned is durable.
    """
    known = Knowledge()
    if indexes is not None and is_copied:
        for name, index in IndexCache(indexes).read_all():
            known.add(name, index)
    return pack_beside(outbox, files, known if is_copied else None, progress)


def pack_beside(outbox: Outbox, files: Iterable[SourceFile], known: Knowledge | None, progress: Progress) -> PackResult:
    """Pack files as :func:`pack_files`; chunks that ``known`` names are not packed again. None: only hash them."""
    files = tuple(files)
    meter = progress.begin("Hashing" if known is None else "Packing", _total(files))
    try:
        with outbox.in_use(), contextlib.closing(_Hashing() if known is None else _Session(outbox, known)) as session:
            return _pack(files, session, meter)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise DiskFull(str(outbox.folder), BLOCK, FREE_SPACE) from error
    finally:
        meter.finish()


class _Hashing:
    """Hashes contents without keeping them."""

    def __init__(self) -> None:
        self.packs: list[str] = []
        self.bytes_new = 0

    def add(self, blocks: Iterator[bytes]) -> Sha256:
        digest = hashlib.sha256()
        for block in blocks:
            digest.update(block)
        return Sha256(digest.hexdigest())

    def flush(self) -> None:
        """Record nothing: nothing was kept."""

    def close(self) -> None:
        """Release what was used; harmless after an error."""


class _Session(_Hashing):
    """Packs contents into an outbox, and records from time to time what is complete."""

    def __init__(self, outbox: Outbox, known: Knowledge) -> None:
        super().__init__()
        self._outbox = outbox
        local = outbox.knowledge()
        usable = [pack for pack, _ in local.packs.values() if outbox.has_pack(pack)]
        names = {*known.packs, *(pack.hash for pack in usable)}
        self._files = {
            sha256
            for files in (known.files, local.files)
            for sha256, (block, _) in files.items()
            if all(xorb in names for xorb in block.terms.used())
        }
        table = ChunkTable((*(pack for pack, _ in known.packs.values()), *usable))
        self._packer = Packer(table, self._keep, self._files.__contains__)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="entrepot")
        self._written: Future[Pack] | None = None

    def add(self, blocks: Iterator[bytes]) -> Sha256:
        digest = self._packer.add(blocks)
        self.bytes_new = self._packer.bytes_new
        if len(self._packer.packs) >= _FLUSH_PACKS:
            self.flush()
        return digest.sha256

    def flush(self) -> None:
        """Make everything so far durable and known to the outbox."""
        blocks, packs = self._packer.finish()
        self._wait()
        if blocks:
            self._outbox.write_index(blocks, packs)
            self._files.update(block.sha256 for block in blocks if block.sha256 is not None)

    def close(self) -> None:
        self._writer.shutdown(wait=True, cancel_futures=True)

    def _keep(self, xorb: Xorb) -> Pack:
        """Write a pack while the next one is filled; only one waits, because each is in memory."""
        self._wait()
        self._written = self._writer.submit(self._outbox.put_pack, xorb)
        pack = pack_of(xorb)
        self.packs.append(pack_name(pack))
        return pack

    def _wait(self) -> None:
        if self._written is not None:
            written, self._written = self._written, None
            written.result()


def _pack(files: tuple[SourceFile, ...], session: _Hashing, meter: Meter) -> PackResult:
    packed: list[PackedFile] = []
    failed: list[UnpackedFile] = []
    for file in files:
        for attempt in range(1, _ATTEMPTS + 1):
            found = _read(file, session, meter)
            if isinstance(found, PackedFile):
                packed.append(found)
                break
            if found is not None or attempt == _ATTEMPTS:
                failed.append(UnpackedFile(file.path, found or "it changed while it was read"))
                break
    session.flush()
    return PackResult(tuple(packed), tuple(failed), tuple(session.packs), session.bytes_new)


def _read(file: SourceFile, session: _Hashing, meter: Meter) -> PackedFile | str | None:
    """Pack one file; return the reason if it cannot be read, or None if it changed."""
    try:
        descriptor = os.open(file.file_path, _FLAGS)
    except (OSError, ValueError) as error:
        return _reason(error)
    try:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            return "it is not a regular file"
        try:
            sha256 = session.add(_blocks(descriptor, before.st_size, meter))
        except _Unreadable as error:
            return error.reason
        after = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    state = state_of(before)
    if state_of(after) != state:
        meter.advance(-before.st_size)
        return None
    return PackedFile(file.path, sha256, state, bool(before.st_mode & stat.S_IXUSR))


class _Unreadable(Exception):
    """A file cannot be read further; kept apart from errors of the outbox."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def _blocks(descriptor: int, size: int, meter: Meter) -> Iterator[bytes]:
    """Yield the first ``size`` bytes of a file in whole blocks; a longer file has changed."""
    left = size
    while left > 0:
        pieces: list[bytes] = []
        room = min(BLOCK, left)
        while room:
            try:
                piece = os.read(descriptor, room)
            except OSError as error:
                raise _Unreadable(_reason(error)) from error
            if not piece:
                break
            pieces.append(piece)
            room -= len(piece)
        block = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        meter.advance(len(block))
        if block:
            yield block
        if room:
            return  # it became shorter
        left -= len(block)


def state_of(found: os.stat_result) -> FileState:
    """Return the state of a file from a result of ``stat``."""
    return FileState(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_mode)


def _total(files: tuple[SourceFile, ...]) -> int:
    total = 0
    for file in files:
        try:
            total += os.stat(file.file_path).st_size
        except (OSError, ValueError):
            continue
    return total


def _reason(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
