"""Copies of blobs from one store to another: every byte is verified on the way, and damaged blobs are left out."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence

import attrs

from entrepot.blobs import Blobs, Reader, Stat, open_stored, xorb_of
from entrepot.catalog import Catalog
from entrepot.catalog.files import xorbs
from entrepot.errors import BlobMissing, ContentMismatch, CopyNotCompleted, Damaged, StoreFull
from entrepot.storage import chunk_content
from entrepot.storage.chunk_content import StoredXorb
from entrepot.storage.fsck import digest_of
from entrepot.xet import read_index

Progress = Callable[[str], None]


@attrs.frozen
class CopiedBlobs:
    """How many blobs and bytes were copied, and why each damaged one was not: the reason by key."""

    blobs: int
    size: int
    damaged: Mapping[str, str]

    def __add__(self, more: CopiedBlobs) -> CopiedBlobs:
        damaged = {**self.damaged, **more.damaged}
        return CopiedBlobs(self.blobs + more.blobs, self.size + more.size, damaged)


NOTHING = CopiedBlobs(0, 0, {})


@contextlib.contextmanager
def kept_if_full() -> Iterator[None]:
    """Say of a copy of a hub for which no space is left that it can be continued.

    Raises:
        CopyNotCompleted: instead of StoreFull, which says that nothing was kept.
    """
    try:
        yield
    except StoreFull as error:
        raise CopyNotCompleted(error.detail) from error


def copy_blobs(
    source: Blobs, target: Blobs, keys: Sequence[Stat], catalog: Catalog, progress: Progress = lambda _line: None
) -> CopiedBlobs:
    """Copy the blobs that the target lacks.

    Blobs whose bytes are not those of their key are left out; so are those that are deleted in the meantime.

    Args:
        catalog: knows the chunks of the xorbs; a xorb that it does not know is copied as it is.

    Raises:
        StoreFull, StoreUnavailable: the copy could not be completed; another run continues it.
    """
    missing = [stat for stat in keys if (known := target.stat(stat.key)) is None or known.size != stat.size]
    total, copied, size = sum(stat.size for stat in missing), 0, 0
    damaged: dict[str, str] = {}
    for number, stat in enumerate(missing, 1):
        progress(f"copying blob {number:,} of {len(missing):,}, {size * 100 // max(total, 1)} %")
        try:
            size += _copy_blob(source, target, stat.key, _xorb_at(catalog, stat.key))
        except BlobMissing:
            continue
        except _Unsound as fault:
            damaged[stat.key] = fault.reason
            continue
        copied += 1
    return CopiedBlobs(copied, size, damaged)


@attrs.define
class _Unsound(Exception):
    """The source has other bytes than those of a key, or cannot read them."""

    reason: str


def _copy_blob(source: Blobs, target: Blobs, key: str, xorb: StoredXorb | None) -> int:
    with _open(source, key) as reader, target.receive(key, reader.size) as sink:
        for piece in _verified(reader, key, xorb):
            sink.write(piece)
        if target.stat(key) is not None:
            target.delete(key)  # an earlier copy of another size: replacing it repairs a damaged copy
        sink.publish()
        return reader.size


def _open(source: Blobs, key: str) -> Reader:
    with _reading(key):
        return open_stored(source, key)


def _verified(reader: Reader, key: str, xorb: StoredXorb | None) -> Iterator[bytes]:
    """Yield the bytes of a key, and raise after them unless they are those that the key names.

    Raises:
        BlobMissing: they were deleted in the meantime.
        _Unsound: they are damaged.
    """
    # Only reading is guarded: a fault of the target is not one of the source.
    pieces = chunk_content.read_verified(reader, xorb) if xorb is not None else reader.stream(0, reader.size)
    expected, digest = digest_of(key), hashlib.sha256()
    while True:
        with _reading(key):
            piece = next(pieces, None)
        if piece is None:
            break
        if expected is not None:
            digest.update(piece)
        yield piece
    if expected is not None and digest.hexdigest() != expected:
        raise _Unsound("its bytes have another sha256")


@contextlib.contextmanager
def _reading(key: str) -> Iterator[None]:
    try:
        yield
    except BlobMissing:
        raise
    except (Damaged, ContentMismatch) as error:
        reason = "its bytes are not the chunks of this xorb" if xorb_of(key) is not None else str(error)
        raise _Unsound(reason) from error


def _xorb_at(catalog: Catalog, key: str) -> StoredXorb | None:
    """Return the xorb that is stored under a key, or None if the catalog has no such one."""
    name = xorb_of(key)
    if name is None:
        return None
    with catalog.read() as tx:
        row = xorbs.find(tx, name)
    if row is None or row.chunks == 0 or chunk_content.key_of(row) != key:
        return None
    return StoredXorb(name, key, read_index(row.directory))
