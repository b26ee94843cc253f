"""Buckets of plain objects, which an import reads and an export writes."""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Iterator
from pathlib import Path

import attrs

from entrepot.errors import StorageUnreachable
from entrepot.workspace.entities.specs import StorageRef
from entrepot.workspace.projects.projects import Project
from entrepot.workspace.stores import StorageConfig
from entrepot.workspace.stores.buckets import Bucket, LargeObjects
from entrepot.workspace.stores.buckets.opening import open_bucket

KINDS = {
    "s3": "s3h",
    "s3h": "s3h",
    "azureblobh": "azureblobh",
    "gdrive": "gdriveh",
    "gdriveh": "gdriveh",
    "sftph": "sftph",
    "file": "file",
}
"""The words for types of storages, and the types."""

_SLICE = 8 << 20
_LARGE = 64 << 20


@attrs.frozen
class PlainBucket:
    """A bucket whose objects are files, not chunks; ``label`` is how messages name it."""

    bucket: Bucket
    label: str

    def slices(self, key: str, size: int) -> Iterator[bytes | bytearray | memoryview]:
        """Yield the bytes of an object in slices of 8 MiB.

        Raises:
            StorageUnreachable: it was deleted or has another size than expected, so that it changed meanwhile.
        """
        for start in range(0, size, _SLICE):
            end = min(start + _SLICE, size)
            data = self.bucket.read(key, start, end)
            if data is None or len(data) != end - start:
                raise StorageUnreachable(self.label, f"the object {key} changed while it was read")
            yield data

    def digest(self, key: str, size: int) -> str:
        """Return the SHA-256 of an object; raises as :meth:`slices`."""
        digest = hashlib.sha256()
        for data in self.slices(key, size):
            digest.update(data)
        return digest.hexdigest()

    def put_file(self, key: str, path: Path, *, is_forced: bool) -> bool:
        """Store a file under a key without reading it into memory; return False if the key has an object.

        Args:
            is_forced: replace the object.

        Raises:
            OSError: the file cannot be read.
        """
        size = path.stat().st_size
        if isinstance(self.bucket, LargeObjects) and (size > _LARGE or is_forced):
            if not is_forced and self.bucket.stat(key) is not None:
                return False
            self.bucket.put_large(key, path)
            return True
        if is_forced:
            self.bucket.delete(key)
        return self.bucket.put_new(key, _mapped(path, size))


def open_plain_bucket(
    project: Project,
    kind: str,
    name: str,
    *,
    credentials: str | None = None,
    region: str | None = None,
    endpoint_url: str | None = None,
) -> PlainBucket:
    """Return a bucket; the settings of a storage that the project configures are the defaults.

    Args:
        kind: one of ``KINDS``.

    Raises:
        InvalidArgument, StorageRefused, LibraryMissing: it cannot be opened.
    """
    ref = StorageRef(KINDS[kind], name)
    is_known = name in project.configuration.storages.get(ref.type, {})
    config = project.storage(ref) if is_known else StorageConfig(ref.type, name)
    config = attrs.evolve(
        config,
        prefix="",
        profile=credentials or config.profile,
        region=region or config.region,
        endpoint_url=endpoint_url or config.endpoint_url,
    )
    around = project.around
    return PlainBucket(
        open_bucket(config, environ=around.environ, home=around.home, retries=around.retries), config.url
    )


def _mapped(path: Path, size: int) -> bytes | memoryview:
    """Return the content of a file; its pages are read when they are used."""
    if size == 0:
        return b""
    with path.open("rb") as file:
        # Not closed: obstore may hold the bytes a little longer than its call.
        return memoryview(mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ))
