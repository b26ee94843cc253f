"""The blob store of a hub: its data folder, or a bucket that several servers share.

A bucket has a ``format.json`` of its own, with the same id as the database and the data folders
of its servers. A bucket, a folder or a database of another hub is refused before anything is
changed: garbage collection with a foreign database would delete every file.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs

from entrepot.blobs import LocalBlobs
from entrepot.blobs.s3.locations import parse_location
from entrepot.blobs.s3.opening import open_bucket
from entrepot.errors import StoreUnusable
from entrepot.hub import data_folders
from entrepot.hub.data_folders import Marker
from entrepot.settings import Settings

if TYPE_CHECKING:
    from entrepot.blobs.s3.buckets import S3Bucket
    from entrepot.blobs.s3.stores import S3Blobs

S3: Final = "s3"
"""How markers name a bucket."""

_MARKER: Final = "format.json"


@attrs.frozen
class HubBucket:
    """The bucket that the settings name, with the marker of its hub."""

    bucket: S3Bucket

    def read(self) -> Marker | None:
        """Return the marker, or None if the bucket was never used.

        Raises:
            StoreUnusable: it is damaged, or of another version.
        """
        content = self.bucket.get(_MARKER)
        if content is None:
            return None
        try:
            return data_folders.decode(content)
        except ValueError as error:
            raise StoreUnusable(self.bucket.name, str(error)) from None

    def prepare(self, folder: Path, fresh_id: str) -> tuple[Marker, Marker]:
        """Return the markers of the data folder and of the bucket; whichever is new gets the id of the other.

        Raises:
            StoreUnusable, DataFolderError: they belong to different hubs.
        """
        found = self.read()
        known = None if data_folders.is_new(folder) else data_folders.prepare(folder, fresh_id)
        if known is not None and (known.database is not None or known.store_id is None):
            data_folders.check_store(folder, known, S3)
            self._check_same(folder, known, found)
        if found is None:
            found = self._mark(fresh_id if known is None or known.store_id is None else known.store_id)
        assert found.store_id is not None
        if known is not None and known.database is None and (known.store_id, known.store) != (found.store_id, S3):
            data_folders.remove_marker(folder, known)  # it has no data yet
        return data_folders.prepare(folder, found.store_id, S3), found

    def check_kind(self, folder: Path, markers: tuple[Marker, Marker], kind: str) -> None:
        """Check that the database is of the kind that the hub in the bucket uses, and in this folder if that is SQLite.

        Raises:
            StoreUnusable: it is not; a new folder is left as it was.
        """
        here, there = markers
        if there.database is None or (there.database == kind and (kind != "sqlite" or here.database is not None)):
            return
        data_folders.remove_marker(folder, here)
        where = "in another data folder" if there.database == kind else "of another kind"
        raise StoreUnusable(
            self.bucket.name,
            f"it holds the files of the hub {there.store_id}, whose database is {where}; "
            "check the settings 'store', 'data' and 'database'",
        )

    def check_id(self, folder: Path, markers: tuple[Marker, Marker], stored_id: str | None) -> None:
        """Check that the database belongs to the bucket; ``stored_id`` is the id in the database, None if it is new.

        Raises:
            StoreUnusable: it does not; a new folder is left as it was.
        """
        here, there = markers
        if stored_id == there.store_id or (stored_id is None and there.database is None):
            return
        data_folders.remove_marker(folder, here)
        owner = "none" if stored_id is None else f"the hub {stored_id}"
        raise StoreUnusable(
            self.bucket.name,
            f"it belongs to the hub {there.store_id}, and the database to {owner}; "
            "check the settings 'store' and 'database'",
        )

    def claim(self, marker: Marker) -> None:
        """Take an empty bucket for a hub that is about to be copied into it, or continue an interrupted copy.

        Raises:
            StoreUnusable: the bucket has a hub already, or other objects.
        """
        self.check_free(marker)
        if self.read() is None:
            self._mark(str(marker.store_id))

    def check_free(self, marker: Marker) -> None:
        """Check that the bucket is empty, or has a part of the same hub that was not completed.

        Raises:
            StoreUnusable: the bucket has a hub already, or other objects.
        """
        found = self.read()
        if found is None:
            self._check_empty()
        elif found.database is not None or found.store_id != marker.store_id:
            raise StoreUnusable(
                self.bucket.name, f"it holds the hub {found.store_id} already; name an empty bucket or another prefix"
            )

    def put(self, marker: Marker) -> None:
        """Write the marker, which makes the bucket usable."""
        self.bucket.put(_MARKER, data_folders.encode(attrs.evolve(marker, store=None)))

    def complete(self, marker: Marker, kind: str, store_id: str) -> None:
        """Record in the bucket that its hub is complete."""
        if marker.database is None:
            self.put(Marker(store_id, kind))

    def blobs(self, settings: Settings) -> S3Blobs:
        """Return the store in the bucket."""
        from entrepot.blobs.s3.stores import S3Blobs

        return S3Blobs(self.bucket.below("blobs"), settings.scratch_folder, settings.block_cache_bytes)

    def _check_same(self, folder: Path, known: Marker, found: Marker | None) -> None:
        if found is not None and found.store_id == known.store_id:
            return
        owner = "holds no hub" if found is None else f"belongs to another hub (its id is {found.store_id})"
        raise StoreUnusable(
            self.bucket.name,
            f"it {owner}, and the data folder {folder} to the hub {known.store_id}; check the setting 'store'",
        )

    def _mark(self, store_id: str) -> Marker:
        """Create the marker of an empty bucket, unless another server is first; return what there is."""
        self._check_empty()
        self.bucket.put_new(_MARKER, data_folders.encode(Marker(store_id, None)))
        found = self.read()
        if found is None or found.store_id is None:
            raise StoreUnusable(self.bucket.name, "its format.json cannot be read back")
        return found

    def _check_empty(self) -> None:
        other = next(self.bucket.list(""), None)
        if other is not None and other.key != _MARKER:
            raise StoreUnusable(
                self.bucket.name,
                f"it is not empty ({other.key[:80]} …) and holds no hub; name a prefix of its own, as in "
                "s3://BUCKET/PREFIX",
            )


def find_bucket(settings: Settings) -> HubBucket | None:
    """Return the bucket that the settings name, or None if the large files are in the data folder.

    The credentials are those of the environment or of ``~/.aws``, as for the tools of AWS.

    Raises:
        StoreUnusable: it cannot be used; the message says why, and shows no secret.
    """
    if not settings.store:
        return None
    return HubBucket(open_bucket(parse_location(settings.store), os.environ, Path(os.path.expanduser("~"))))


def open_blobs(settings: Settings, bucket: HubBucket | None, *, fsync: bool) -> LocalBlobs | S3Blobs:
    """Return the store of the large files."""
    return LocalBlobs(settings.data / "blobs", fsync=fsync) if bucket is None else bucket.blobs(settings)


def holds_hub(settings: Settings) -> bool:
    """Return whether the settings name a database and a bucket that holds a hub, so that the data folder may be new."""
    bucket = find_bucket(settings) if settings.database else None
    marker = None if bucket is None else bucket.read()
    return marker is not None and marker.database is not None
