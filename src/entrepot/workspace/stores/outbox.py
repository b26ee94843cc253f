"""The outbox: packs of chunks that are not published yet, and the index of the files that need them."""

from __future__ import annotations

import contextlib
import mmap
import os
import re
import secrets
import threading
from collections.abc import Iterable, Iterator, Set
from pathlib import Path
from typing import BinaryIO

from blake3 import blake3

from entrepot.client.cache.file_locks import lock_file
from entrepot.names import XetHash
from entrepot.workspace.stores.buckets import Data
from entrepot.workspace.stores.buckets.durable_files import sync_folder, write_durably
from entrepot.workspace.stores.formats.index_objects import LAYOUT_LENGTH, Pack, encode_index, index_name
from entrepot.workspace.stores.index_cache import IndexCache
from entrepot.workspace.stores.knowledge import Knowledge
from entrepot.xet import FileBlock, Xorb

_PACK = re.compile(r"([0-9a-f]{64})\.([0-9a-f]{16})", re.ASCII)


class Outbox:
    """The outbox of a project, in one folder; safe to use from several threads, and from several processes.

    Args:
        folder: created if needed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._packs = folder / "packs"
        self._incoming = folder / "incoming"
        self._sessions = folder / "sessions"
        self.indexes = IndexCache(folder / "indexes")
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """The bytes of all packs."""
        return sum(size for _, size in self.list_packs())

    def knows(self, sha256: str) -> bool:
        """Return whether an index of the outbox lists the chunks of this content."""
        return any(sha256 in index.files for _, index in self.indexes.read_all())

    def knowledge(self) -> Knowledge:
        """Return the combined content of the indexes of the outbox."""
        known = Knowledge()
        for name, index in self.indexes.read_all():
            known.add(name, index)
        return known

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        """Prevent, inside the ``with``, that :meth:`keep_only` deletes anything, in any process.

        Hold it from packing until the contents are recorded where the caller of ``keep_only`` looks.
        """
        self._sessions.mkdir(parents=True, exist_ok=True)
        path = self._sessions / secrets.token_hex(8)
        with self._marked(path):
            try:
                yield
            finally:
                path.unlink(missing_ok=True)

    def keep_only(self, contents: Set[str]) -> int:
        """Delete the packs that none of these contents (SHA-256) needs; return the bytes that became free.

        Call it after a push, a reset, or any change that makes staged contents obsolete. Deletes nothing while
        :meth:`in_use` is held.
        """
        with self._lock:
            if self._is_used():
                return 0
            known = self.knowledge()
            files = {sha256: block for sha256, (block, _) in known.files.items() if sha256 in contents}
            needed = {term for block in files.values() for term in block.terms.used()}
            packs = {xorb: pack for xorb, (pack, _) in known.packs.items() if xorb in needed}
            old = self.indexes.names()
            if len(old) > 1 or len(files) < len(known.files) or len(packs) < len(known.packs):
                kept = self.write_index(files.values(), packs.values()) if files else None
                for name in old:
                    if name != kept:
                        self.indexes.drop(name)
            return self._delete_packs({pack_name(pack) for pack in packs.values()})

    def put_pack(self, xorb: Xorb) -> Pack:
        """Keep a xorb, durably; return it as it is stored. Raises OSError."""
        pack = pack_of(xorb)
        self._write(self._packs / pack_name(pack), xorb.data)
        return pack

    def write_index(self, files: Iterable[FileBlock], packs: Iterable[Pack]) -> str:
        """Keep an index of these files and packs, durably; return its name. Raises OSError."""
        data = encode_index(files, packs)
        name = index_name(data)
        self._write(self.indexes.folder / name, data)
        for folder in (self._packs, self.indexes.folder):
            if folder.exists():
                sync_folder(folder)
        return name

    def open_pack(self, xorb: XetHash, layout: str) -> Data | None:
        """Return the bytes of a pack, mapped from the disk, or None if it is not here."""
        try:
            with (self._packs / f"{xorb}.{layout}").open("rb") as file:
                return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except (FileNotFoundError, ValueError):  # an empty file cannot be mapped
            return None

    def has_pack(self, pack: Pack) -> bool:
        """Return whether a pack is here with the right size."""
        try:
            return (self._packs / pack_name(pack)).stat().st_size == pack.index.size
        except FileNotFoundError:
            return False

    def list_packs(self) -> Iterator[tuple[str, int]]:
        """Yield the name and the size of every pack."""
        with contextlib.suppress(FileNotFoundError):
            for entry in os.scandir(self._packs):
                if _PACK.fullmatch(entry.name):
                    with contextlib.suppress(FileNotFoundError):
                        yield entry.name, entry.stat().st_size

    def _write(self, target: Path, data: Data) -> None:
        self._incoming.mkdir(parents=True, exist_ok=True)
        target.parent.mkdir(exist_ok=True)
        write_durably(target, data, self._incoming)

    def _marked(self, path: Path) -> BinaryIO:
        """Return a locked file of this name; the lock tells it from that of a process that was killed."""
        while True:
            file = path.open("w+b")
            lock_file(file.fileno())
            if path.exists():
                return file
            file.close()  # removed by another process between creation and lock

    def _is_used(self) -> bool:
        """Return whether a session is alive; files of dead ones are removed."""
        is_used = False
        with contextlib.suppress(FileNotFoundError):
            for entry in os.scandir(self._sessions):
                with contextlib.suppress(FileNotFoundError), open(entry.path, "r+b") as file:
                    if lock_file(file.fileno(), waits=False):
                        os.unlink(entry.path)
                    else:
                        is_used = True
        return is_used

    def _delete_packs(self, needed: Set[str]) -> int:
        freed = 0
        for name, size in list(self.list_packs()):
            if name not in needed:
                (self._packs / name).unlink(missing_ok=True)
                freed += size
        with contextlib.suppress(FileNotFoundError):
            for entry in os.scandir(self._incoming):
                os.unlink(entry.path)
        return freed


def pack_of(xorb: Xorb) -> Pack:
    """Return a xorb as it is stored."""
    return Pack(xorb.hash, layout_of(xorb.data), xorb.index)


def pack_name(pack: Pack) -> str:
    """Return the name of a pack's file."""
    return f"{pack.hash}.{pack.layout}"


def layout_of(data: Data) -> str:
    """Return the layout of serialized bytes of a xorb: equal chunks may be compressed differently."""
    return blake3(data).hexdigest()[:LAYOUT_LENGTH]
