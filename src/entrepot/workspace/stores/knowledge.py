"""The known content of a store: files and packs of all indexes that were read, and the index that names each."""

from __future__ import annotations

from collections.abc import Set

from entrepot.names import Sha256, XetHash
from entrepot.workspace.stores.formats.index_objects import IndexObject, Pack
from entrepot.xet import FileBlock


class Knowledge:
    """The files and packs of some indexes, by name of the index; what was added first wins. Not thread-safe.

    ``is_certain`` is False if the packs may have been deleted from the store since the indexes were read.
    """

    def __init__(self) -> None:
        self.is_certain = True
        self.files: dict[Sha256, tuple[FileBlock, str]] = {}
        self.packs: dict[XetHash, tuple[Pack, str]] = {}
        self.indexes: dict[str, IndexObject] = {}

    def add(self, name: str, index: IndexObject) -> None:
        """Add the content of an index."""
        if name in self.indexes:
            return
        self.indexes[name] = index
        for sha256, block in index.files.items():
            self.files.setdefault(sha256, (block, name))
        for xorb, pack in index.packs.items():
            self.packs.setdefault(xorb, (pack, name))

    def without(self, xorbs: Set[XetHash]) -> Knowledge:
        """Return the same without some packs; files that need them stay, and cannot be used."""
        rest = Knowledge()
        rest.is_certain = self.is_certain
        rest.indexes, rest.files = dict(self.indexes), dict(self.files)
        rest.packs = {xorb: found for xorb, found in self.packs.items() if xorb not in xorbs}
        return rest

    def find_file(self, sha256: str) -> FileBlock | None:
        """Return the chunks of a content, or None if no index lists them."""
        found = self.files.get(Sha256(sha256))
        return found and found[0]

    def find_pack(self, xorb: XetHash) -> Pack | None:
        """Return a pack, or None if no index describes it."""
        found = self.packs.get(xorb)
        return found and found[0]
