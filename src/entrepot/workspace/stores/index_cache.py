"""Indexes kept on the local disk by name, so that each is received once."""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path

from entrepot.errors import ContentMismatch, Malformed
from entrepot.names import is_sha256
from entrepot.workspace.stores.buckets import Data
from entrepot.workspace.stores.formats.index_objects import MAGIC, IndexObject, parse_index

_LARGEST = 513 << 20
_LEVEL = 1
"""Half of an index are hashes, which no level compresses."""


class IndexCache:
    """The indexes in a folder; safe to use from several threads, and from several processes.

    Args:
        folder: created when an index is put into it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._parsed: dict[str, IndexObject] = {}
        self._lock = threading.Lock()

    def names(self) -> list[str]:
        """Return the names of all indexes, the newest first."""
        found = []
        with contextlib.suppress(FileNotFoundError):
            for entry in os.scandir(self.folder):
                if is_sha256(entry.name):
                    with contextlib.suppress(FileNotFoundError):
                        found.append((-entry.stat().st_mtime_ns, entry.name))
        return [name for _, name in sorted(found)]

    def find(self, name: str) -> IndexObject | None:
        """Return an index, or None if it is not here; one with wrong bytes is removed."""
        with self._lock:
            if name in self._parsed:
                return self._parsed[name]
        try:
            index = parse_index(self.content(name), name)
        except FileNotFoundError:
            return None
        except (ContentMismatch, Malformed):
            (self.folder / name).unlink(missing_ok=True)
            return None
        return self._remember(name, index)

    def content(self, name: str) -> bytes:
        """Return the bytes of an index, as a store has them; they are not verified.

        Raises:
            FileNotFoundError: it is not here.
            Malformed: the file is damaged.
        """
        data = (self.folder / name).read_bytes()
        if data.startswith(MAGIC):
            return data  # an outbox keeps indexes as they are
        try:
            return zlib.decompressobj().decompress(data, _LARGEST)
        except zlib.error as error:
            raise Malformed(f"index {name}", str(error)) from error

    def put(self, name: str, data: Data) -> IndexObject:
        """Keep an index and return its content; raises as ``parse_index``."""
        index = parse_index(data, name)
        self.folder.mkdir(parents=True, exist_ok=True)
        draft = self.folder / f".{secrets.token_hex(8)}"
        try:
            draft.write_bytes(zlib.compress(data, _LEVEL))
            os.replace(draft, self.folder / name)
        finally:
            draft.unlink(missing_ok=True)
        return self._remember(name, index)

    def read_all(self) -> Iterator[tuple[str, IndexObject]]:
        """Yield every index with its name, the newest first."""
        for name in self.names():
            index = self.find(name)
            if index is not None:
                yield name, index

    def drop(self, name: str) -> None:
        """Remove an index if it is here."""
        with self._lock:
            self._parsed.pop(name, None)
        (self.folder / name).unlink(missing_ok=True)

    def verify(self) -> list[str]:
        """Read every index from the disk again; remove damaged ones and return their names."""
        damaged = []
        for name in self.names():
            with self._lock:
                self._parsed.pop(name, None)
            if self.find(name) is None:
                damaged.append(name)
        return damaged

    def clear(self) -> None:
        """Remove all indexes."""
        for name in self.names():
            self.drop(name)

    def _remember(self, name: str, index: IndexObject) -> IndexObject:
        with self._lock:
            return self._parsed.setdefault(name, index)
