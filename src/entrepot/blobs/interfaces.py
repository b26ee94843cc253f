"""Interfaces of stores of immutable bytes.

Every store has the four operations of :class:`Blobs`. Some stores have further
capabilities (:class:`Multipart`, :class:`Inspectable`, :class:`UncachedReads`, :class:`DirectReads`,
:class:`GroupPuts`);
test for one with ``isinstance``. All calls block and are safe from several
threads. Threads may share a reader; a sink belongs to one thread at a time.
The bytes under a key never change: a key is absent, or has the bytes that were
published first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

import attrs

from entrepot.errors import EntrepotError
from entrepot.names import Sha256


@attrs.frozen
class Stat:
    """The metadata of stored bytes."""

    key: str
    size: int
    modified_ms: int
    """The time of the last change, in milliseconds since 1970 (UTC)."""


class Reader(Protocol):
    """Random access to the bytes of one key."""

    @property
    def size(self) -> int:
        """The number of bytes under the key."""
        ...

    def read_at(self, offset: int, length: int) -> bytes:
        """Return up to ``length`` bytes from ``offset``; fewer only at the end of the blob.

        Raises:
            ValueError: the offset or length is negative, or the reader is closed.
            BlobUnreadable, StoreUnavailable: the store cannot read them.
        """
        ...

    def stream(self, offset: int, length: int) -> Iterator[bytes]:
        """Yield the same bytes as :meth:`read_at`, in pieces of a size that suits the store.

        Raises:
            As :meth:`read_at`, which also holds while the pieces are yielded.
        """
        ...

    def close(self) -> None:
        """Release the resources; idempotent."""
        ...

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Sink(Protocol):
    """An upload in progress: its bytes are invisible before :meth:`publish`.

    As a context manager it discards unpublished bytes.
    """

    def write(self, data: bytes | memoryview) -> None:
        """Append bytes.

        Raises:
            StoreFull, StoreUnavailable: nothing is kept, the sink is closed.
            ValueError: the sink is closed.
        """
        ...

    def publish(self) -> bool:
        """Make the bytes durable and visible under the key.

        Returns:
            True if the key is new; False if it already had bytes, which are
            kept, while these are dropped. In both cases the bytes of the
            key are durable.

        Raises:
            ContentMismatch: the size is not the expected one; nothing is kept.
            StoreFull, StoreUnavailable: nothing is kept.
            ValueError: the sink is closed.
        """
        ...

    def discard(self) -> None:
        """Drop unpublished bytes; idempotent, and harmless after publish."""
        ...

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


@runtime_checkable
class Blobs(Protocol):
    """A store of immutable bytes under keys (see ``keys.check_key``)."""

    def receive(self, key: str, expected_size: int | None = None) -> Sink:
        """Begin to store bytes under a key, without verifying them.

        Args:
            key: the key of the bytes.
            expected_size: the number of bytes, if known. A store without this
                much space refuses immediately, and publish checks it.

        Raises:
            InvalidName: the key is not valid.
            StoreFull: there is no space for ``expected_size`` bytes.
        """
        ...

    def open(self, key: str) -> Reader:
        """Open the bytes of a key for reading.

        Raises:
            BlobMissing: the key has none.
        """
        ...

    def stat(self, key: str) -> Stat | None:
        """Return the metadata of a key's bytes, or None if it has none."""
        ...

    def delete(self, key: str) -> bool:
        """Delete a key and its bytes; return False if it had none."""
        ...

    def list(self, prefix: str) -> Iterator[Stat]:
        """Yield every key that begins with the text ``prefix``, in no particular order.

        Keys published or deleted during the iteration may or may not be included.
        """
        ...


class PartSink(Protocol):
    """One part of an upload in progress; as a context manager it closes."""

    def write(self, data: bytes | memoryview) -> None:
        """Append bytes to the part.

        Raises:
            ContentMismatch: there are more bytes than the length of the part; the sink is closed.
            StoreFull, StoreUnavailable: the sink is closed; send the part again.
        """
        ...

    def finish(self) -> str:
        """Make the part durable and return its etag: hex digits that depend on its bytes only.

        Raises:
            ContentMismatch: there are fewer bytes than the length of the part; send it again.
        """
        ...

    def close(self) -> None:
        """Abandon the part; idempotent, and harmless after finish."""
        ...

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


@runtime_checkable
class Multipart(Protocol):
    """The capability to receive a blob in parts: in any order, in parallel, from several processes, repeatedly."""

    def begin_parts(self, upload: str, size: int) -> None:
        """Reserve space for an upload of ``size`` bytes; idempotent.

        Raises:
            InvalidName: the upload id is not valid.
            StoreFull: there is no space for it.
            Refused: the upload was begun with another size.
        """
        ...

    def open_part(self, upload: str, offset: int, length: int) -> PartSink:
        """Begin to receive the bytes ``offset … offset + length``.

        Raises:
            ThingNotFound: the upload does not exist.
            ContentMismatch: the part ends beyond the upload.
            Busy: the upload is being sealed.
            Refused: the upload is already sealed.
        """
        ...

    def seal_parts(self, upload: str, key: str, sha256: Sha256, size: int) -> bool:
        """Verify the whole upload and publish it under ``key``; the upload no longer exists afterwards.

        Returns:
            As :meth:`Sink.publish`.

        Raises:
            ThingNotFound: the upload does not exist.
            ContentMismatch: the size or digest is wrong; the upload is discarded.
            Busy: a part is still being received; nothing was changed.
        """
        ...

    def abort_parts(self, upload: str) -> None:
        """Discard an upload if it exists."""
        ...

    def list_parts_uploads(self) -> Iterator[Stat]:
        """Yield every upload that is neither sealed nor aborted; ``key`` is its id, ``size`` the announced size."""
        ...


class OpenSink(Sink, Protocol):
    """A sink whose bytes can be read, and whose key can be chosen, before they are published."""

    def view(self) -> memoryview:
        """Return everything written so far, without a copy; valid until the sink is published or discarded.

        Raises:
            StoreUnavailable: the bytes cannot be read back.
            ValueError: the sink is closed.
        """
        ...

    def publish_as(self, key: str, size: int) -> bool:
        """Publish the first ``size`` bytes under a key and drop the rest; otherwise as :meth:`Sink.publish`.

        Raises:
            InvalidName: the key is not valid; the sink stays open.
        """
        ...


@runtime_checkable
class Inspectable(Protocol):
    """The capability to read bytes between receiving and publishing them."""

    def receive_unnamed(self, expected_size: int | None = None) -> OpenSink:
        """Begin to receive bytes whose key is chosen when they are published.

        Raises:
            StoreFull: there is no space for ``expected_size`` bytes.
        """
        ...

    def sweep_incoming(self, older_than_ms: int, *, now_ms: int, is_rehearsal: bool = False) -> Sequence[Stat]:
        """Delete abandoned temporary files to which nothing was written for a time; return them.

        Args:
            is_rehearsal: delete nothing.
        """
        ...


@runtime_checkable
class GroupPuts(Protocol):
    """The capability to publish several small blobs together, at a fraction of the cost of single ones."""

    def can_put_group(self) -> bool:
        """Return whether :meth:`put_group` has this advantage at present."""
        ...

    def put_group(self, items: Sequence[tuple[str, bytes]]) -> list[bool | EntrepotError]:
        """Store trusted bytes under several keys, each completely or not at all.

        Args:
            items: keys and bytes; the bytes are small.

        Returns:
            For each one, in order, the same as :meth:`Sink.publish`, or why it was left out.

        Raises:
            InvalidName: a key is not valid; nothing was stored.
            StoreFull: there is no space for all of them; nothing was stored.
        """
        ...


@runtime_checkable
class UncachedReads(Protocol):
    """The capability to read from the store itself, bypassing a cache."""

    def open_stored(self, key: str) -> Reader:
        """Open the bytes of a key for reading; every read asks the store itself.

        Raises:
            BlobMissing: the key has none.
        """
        ...


@runtime_checkable
class DirectReads(Protocol):
    """The capability to let clients read directly from the store."""

    def url_of(self, key: str, first: int, last: int, *, now_s: int, seconds: int) -> str | None:
        """Return a URL that serves the bytes ``first`` to ``last`` (inclusive) of a key, and no others.

        Args:
            now_s: the time, in seconds since 1970.
            seconds: how long the URL is valid.

        Returns:
            None: this store cannot sign one.

        Raises:
            InvalidName: the key is not valid.
        """
        ...


def open_stored(blobs: Blobs, key: str) -> Reader:
    """Open the stored bytes of a key, past any cache: for checks, and for copies that must not fill the cache.

    Raises:
        BlobMissing: the key has none.
    """
    return blobs.open_stored(key) if isinstance(blobs, UncachedReads) else blobs.open(key)


def put(blobs: Blobs, key: str, data: bytes) -> bool:
    """Store trusted bytes under a key in one call.

    Returns:
        As :meth:`Sink.publish`.

    Raises:
        InvalidName, StoreFull, StoreUnavailable: nothing was kept.
    """
    with blobs.receive(key, len(data)) as sink:
        sink.write(data)
        return sink.publish()
