"""Writing of stored objects as a pack: the stored zlib bytes are copied without recompression."""

from __future__ import annotations

import contextlib
import hashlib
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from entrepot.catalog.git.objects import ObjectRow
from entrepot.errors import ObjectDamaged
from entrepot.git import Kind
from entrepot.git.packs import entry_header, pack_header
from entrepot.storage.contents import open_file
from entrepot.storage.store import Store

_PIECE = 1 << 20
_WRITE = 1 << 20


def write_pack(store: Store, rows: Iterable[ObjectRow], count: int, path: Path) -> str:
    """Write objects into a new pack file; return its checksum in hex, by which git names packs.

    Args:
        count: the number of rows, which the header of the pack contains.

    Raises:
        ObjectDamaged: an object has neither content nor a file, the content
            of a large one has changed, or the number of rows is not ``count``.
        BlobMissing, BlobUnreadable: the content of a large object is missing or cut off.
    """
    digest = hashlib.sha1(usedforsecurity=False)
    written, last = 0, ""
    with path.open("wb") as file:
        waiting = bytearray(pack_header(count))
        for row in rows:
            written, last = written + 1, row.oid
            waiting += entry_header(Kind(row.kind), row.size)
            for piece in _packed(store, row):
                waiting += piece
                if len(waiting) >= _WRITE:
                    digest.update(waiting)
                    file.write(waiting)
                    waiting.clear()
        digest.update(waiting)
        file.write(waiting)
        file.write(digest.digest())
    if written != count:
        raise ObjectDamaged(last, f"{count} objects were counted and {written} found")
    return digest.hexdigest()


def _packed(store: Store, row: ObjectRow) -> Iterator[bytes]:
    """Yield the zlib bytes of an object; those of a large one are compressed here, piece by piece."""
    if row.data is not None:
        yield row.data
        return
    if row.sha256 is None:
        raise ObjectDamaged(row.oid, "it has neither content nor a file")
    packer = zlib.compressobj(1)
    digest = hashlib.sha1(f"{row.kind} {row.size}\0".encode(), usedforsecurity=False)
    with contextlib.closing(open_file(store, row.sha256, row.size)) as reader:
        for at in range(0, row.size, _PIECE):
            piece = reader.read_at(at, min(_PIECE, row.size - at))
            digest.update(piece)
            yield packer.compress(piece)
    # Git names what it finds in a pack itself: under another id, the object would be missing for ever.
    if digest.hexdigest() != row.oid:
        raise ObjectDamaged(row.oid, "its bytes have changed on the disk")
    yield packer.flush()
