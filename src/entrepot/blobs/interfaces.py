"""What a store of immutable bytes can do.

Four verbs every store has (:class:`Blobs`), and powers that some have besides
(:class:`Multipart`, :class:`Inspectable`); ask for a power with ``isinstance``.
All calls block and may come from several threads; a reader may be shared by
threads, a sink belongs to one thread at a time. Bytes under a key never
change: a key is absent, or has the bytes that were published first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

import attrs

from entrepot.names import Sha256


@attrs.frozen
class Stat:
    """What is known of stored bytes without reading them."""

    key: str
    size: int
    modified_ms: int
    """Last change, in milliseconds since 1970 (UTC)."""


class Reader(Protocol):
    """Random access to the bytes of one key."""

    @property
    def size(self) -> int:
        """How many bytes the key has."""
        ...

    def read_at(self, offset: int, length: int) -> bytes:
        """The bytes from ``offset`` on, short only at the end of the blob.

        Raises:
            ValueError: negative offset or length, or the reader is closed.
            BlobUnreadable, StoreUnavailable: the store cannot give them.
        """
        ...

    def close(self) -> None:
        """Give up the resources; may be called again."""
        ...

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Sink(Protocol):
    """Bytes on their way in: visible to nobody before :meth:`publish`.

    As a context manager it discards what was not published.
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
            True when the key is new; False when it already had bytes, which
            stay, while these are dropped. Either way the key's bytes are
            durable now.

        Raises:
            ContentMismatch: another size than the expected one; nothing is kept.
            StoreFull, StoreUnavailable: nothing is kept.
            ValueError: the sink is closed.
        """
        ...

    def discard(self) -> None:
        """Drop what was written; may be called again, and after publish."""
        ...

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


@runtime_checkable
class Blobs(Protocol):
    """A store of immutable bytes under keys (see ``keys.check_key``)."""

    def receive(self, key: str, expected_size: int | None = None) -> Sink:
        """Begin to store bytes under a key, trusted as they come.

        Args:
            key: where they will be.
            expected_size: bytes to come, if known; a store that has not this
                much room refuses at once, and publish insists on it.

        Raises:
            InvalidName: no key looks like this.
            StoreFull: there is no room for ``expected_size`` bytes.
        """
        ...

    def open(self, key: str) -> Reader:
        """Begin to read the bytes of a key.

        Raises:
            BlobMissing: the key has none.
        """
        ...

    def stat(self, key: str) -> Stat | None:
        """Size and age of a key's bytes, or None when it has none."""
        ...

    def delete(self, key: str) -> bool:
        """Remove a key and its bytes; False when there were none."""
        ...

    def list(self, prefix: str) -> Iterator[Stat]:
        """Every key that begins with the text ``prefix``, in no order.

        Keys published or deleted meanwhile may or may not be among them.
        """
        ...


class PartSink(Protocol):
    """One part of an upload on its way in; as a context manager it closes."""

    def write(self, data: bytes | memoryview) -> None:
        """Append bytes to the part.

        Raises:
            ContentMismatch: more bytes than the part's length; the sink is closed.
            StoreFull, StoreUnavailable: the sink is closed; send the part again.
        """
        ...

    def finish(self) -> str:
        """Make the part durable and return its etag: hex digits that depend on its bytes only.

        Raises:
            ContentMismatch: fewer bytes than the part's length; send the part again.
        """
        ...

    def close(self) -> None:
        """Give up the part; may be called again, and after finish."""
        ...

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


@runtime_checkable
class Multipart(Protocol):
    """The power to receive a blob in parts: in any order, in parallel, from several processes, and again."""

    def begin_parts(self, upload: str, size: int) -> None:
        """Reserve a place for an upload of ``size`` bytes; the same call again changes nothing.

        Raises:
            InvalidName: no upload id looks like this.
            StoreFull: there is no room for it.
            Refused: the upload has begun with another size.
        """
        ...

    def open_part(self, upload: str, offset: int, length: int) -> PartSink:
        """Begin to receive the bytes ``offset … offset + length``.

        Raises:
            ThingNotFound: no such upload.
            ContentMismatch: the part ends beyond the upload.
            Busy: the upload is being sealed.
            Refused: the upload is sealed already.
        """
        ...

    def seal_parts(self, upload: str, key: str, sha256: Sha256, size: int) -> bool:
        """Verify the whole and publish it under ``key``; the upload is gone afterwards.

        Returns:
            As :meth:`Sink.publish`.

        Raises:
            ThingNotFound: no such upload.
            ContentMismatch: another size or digest; the upload is discarded.
            Busy: a part is still being received; nothing was changed.
        """
        ...

    def abort_parts(self, upload: str) -> None:
        """Discard an upload; an unknown one is fine."""
        ...

    def list_parts_uploads(self) -> Iterator[Stat]:
        """Every upload that is neither sealed nor aborted; ``key`` is the upload id, ``size`` the announced one."""
        ...


class OpenSink(Sink, Protocol):
    """A sink whose bytes can be looked at, and named, before they are published."""

    def view(self) -> memoryview:
        """Everything written so far, without a copy; valid until the sink is published or discarded.

        Raises:
            StoreUnavailable: the bytes cannot be read back.
            ValueError: the sink is closed.
        """
        ...

    def publish_as(self, key: str, size: int) -> bool:
        """Publish the first ``size`` bytes under a key; the rest is dropped. As :meth:`Sink.publish` otherwise.

        Raises:
            InvalidName: no key looks like this; the sink stays open.
        """
        ...


@runtime_checkable
class Inspectable(Protocol):
    """The power to look at bytes between receiving and publishing them."""

    def receive_unnamed(self, expected_size: int | None = None) -> OpenSink:
        """Begin to receive bytes whose key is known only when they have been looked at.

        Raises:
            StoreFull: there is no room for ``expected_size`` bytes.
        """
        ...

    def sweep_incoming(self, older_than_ms: int, *, now_ms: int) -> Sequence[Stat]:
        """Remove what a crash has left of unfinished sinks, if nothing was written to it for that long."""
        ...


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
