"""A wrapper for tests that refuses access to a store at the wrong time.

Nothing slow may happen inside a transaction. With this wrapper, a test fails
where production would only be slow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from entrepot.blobs.interfaces import Blobs, Inspectable, Multipart, OpenSink, PartSink, Reader, Sink, Stat
from entrepot.blobs.local import LocalBlobs
from entrepot.blobs.resources import Closing, Discarding
from entrepot.errors import EntrepotError
from entrepot.names import Sha256


class _Watch:
    """Raises an error on access while access is forbidden."""

    def __init__(self, is_forbidden: Callable[[], bool]) -> None:
        self._is_forbidden = is_forbidden

    def touch(self, what: str) -> None:
        if self._is_forbidden():
            raise AssertionError(f"blobs were touched where this is forbidden: {what}")


class GuardedReader(Closing):
    """A reader of a guarded store."""

    def __init__(self, inner: Reader, watch: _Watch) -> None:
        self._inner = inner
        self._watch = watch

    @property
    def size(self) -> int:
        """The number of bytes under the key."""
        return self._inner.size

    def read_at(self, offset: int, length: int) -> bytes:
        """Call the inner reader; raise AssertionError while access is forbidden."""
        self._watch.touch("read_at")
        return self._inner.read_at(offset, length)

    def stream(self, offset: int, length: int) -> Iterator[bytes]:
        """Call the inner reader; raise AssertionError while access is forbidden."""
        for piece in self._inner.stream(offset, length):
            self._watch.touch("stream")
            yield piece

    def close(self) -> None:
        """Close the inner reader; always allowed, so that cleanup works."""
        self._inner.close()


class GuardedSink(Discarding):
    """A sink of a guarded store."""

    def __init__(self, inner: Sink, watch: _Watch) -> None:
        self._inner = inner
        self._watch = watch

    def write(self, data: bytes | memoryview) -> None:
        """Call the inner sink; raise AssertionError while access is forbidden."""
        self._watch.touch("write")
        self._inner.write(data)

    def publish(self) -> bool:
        """Call the inner sink; raise AssertionError while access is forbidden."""
        self._watch.touch("publish")
        return self._inner.publish()

    def discard(self) -> None:
        """Discard the inner sink; always allowed, so that cleanup works."""
        self._inner.discard()


class GuardedOpenSink(GuardedSink):
    """A sink of a guarded store whose bytes can be read before they are published."""

    def __init__(self, inner: OpenSink, watch: _Watch) -> None:
        super().__init__(inner, watch)
        self._open = inner

    def view(self) -> memoryview:
        """Call the inner sink; raise AssertionError while access is forbidden."""
        self._watch.touch("view")
        return self._open.view()

    def publish_as(self, key: str, size: int) -> bool:
        """Call the inner sink; raise AssertionError while access is forbidden."""
        self._watch.touch("publish_as")
        return self._open.publish_as(key, size)


class GuardedPartSink(Closing):
    """A part of an upload to a guarded store."""

    def __init__(self, inner: PartSink, watch: _Watch) -> None:
        self._inner = inner
        self._watch = watch

    def write(self, data: bytes | memoryview) -> None:
        """Call the inner part; raise AssertionError while access is forbidden."""
        self._watch.touch("write of a part")
        self._inner.write(data)

    def finish(self) -> str:
        """Call the inner part; raise AssertionError while access is forbidden."""
        self._watch.touch("finish")
        return self._inner.finish()

    def close(self) -> None:
        """Close the inner part; always allowed, so that cleanup works."""
        self._inner.close()


class GuardedBlobs:
    """Any store, wrapped to raise AssertionError on access while ``is_forbidden()`` is true."""

    def __init__(self, inner: Blobs, is_forbidden: Callable[[], bool]) -> None:
        self._inner = inner
        self._watch = _Watch(is_forbidden)

    def receive(self, key: str, expected_size: int | None = None) -> GuardedSink:
        """Call the inner store; raise AssertionError while access is forbidden."""
        self._watch.touch("receive")
        return GuardedSink(self._inner.receive(key, expected_size), self._watch)

    def open(self, key: str) -> GuardedReader:
        """Call the inner store; raise AssertionError while access is forbidden."""
        self._watch.touch("open")
        return GuardedReader(self._inner.open(key), self._watch)

    def stat(self, key: str) -> Stat | None:
        """Call the inner store; raise AssertionError while access is forbidden."""
        self._watch.touch("stat")
        return self._inner.stat(key)

    def delete(self, key: str) -> bool:
        """Call the inner store; raise AssertionError while access is forbidden."""
        self._watch.touch("delete")
        return self._inner.delete(key)

    def list(self, prefix: str) -> Iterator[Stat]:
        """Call the inner store; raise AssertionError while access is forbidden, also between two keys."""
        self._watch.touch("list")
        return self._watched(self._inner.list(prefix))

    def _watched(self, stats: Iterator[Stat]) -> Iterator[Stat]:
        for found in stats:
            self._watch.touch("list")
            yield found


class GuardedLocalBlobs(GuardedBlobs):
    """A local store with its capabilities, guarded."""

    def __init__(self, inner: LocalBlobs, is_forbidden: Callable[[], bool]) -> None:
        super().__init__(inner, is_forbidden)
        self._multipart: Multipart = inner
        self._unnamed: Inspectable = inner
        self._local = inner

    def receive_unnamed(self, expected_size: int | None = None) -> GuardedOpenSink:
        """Call the inner store; raise AssertionError while access is forbidden."""
        self._watch.touch("receive_unnamed")
        return GuardedOpenSink(self._unnamed.receive_unnamed(expected_size), self._watch)

    def sweep_incoming(self, older_than_ms: int, *, now_ms: int, is_rehearsal: bool = False) -> Sequence[Stat]:
        """Call the inner store; raise AssertionError while access is forbidden."""
        self._watch.touch("sweep_incoming")
        return self._unnamed.sweep_incoming(older_than_ms, now_ms=now_ms, is_rehearsal=is_rehearsal)

    def can_put_group(self) -> bool:
        """Return what the inner store says."""
        return self._local.can_put_group()

    def put_group(self, items: Sequence[tuple[str, bytes]]) -> list[bool | EntrepotError]:
        """Call the inner store; raise AssertionError while access is forbidden."""
        self._watch.touch("put_group")
        return self._local.put_group(items)

    def path_of(self, key: str) -> str:
        """Call the inner store; raise AssertionError while access is forbidden."""
        self._watch.touch("path_of")
        return self._local.path_of(key)

    def begin_parts(self, upload: str, size: int) -> None:
        """Call the inner store; raise AssertionError while access is forbidden."""
        self._watch.touch("begin_parts")
        self._multipart.begin_parts(upload, size)

    def open_part(self, upload: str, offset: int, length: int) -> GuardedPartSink:
        """Call the inner store; raise AssertionError while access is forbidden."""
        self._watch.touch("open_part")
        return GuardedPartSink(self._multipart.open_part(upload, offset, length), self._watch)

    def seal_parts(self, upload: str, key: str, sha256: Sha256, size: int) -> bool:
        """Call the inner store; raise AssertionError while access is forbidden."""
        self._watch.touch("seal_parts")
        return self._multipart.seal_parts(upload, key, sha256, size)

    def abort_parts(self, upload: str) -> None:
        """Call the inner store; raise AssertionError while access is forbidden."""
        self._watch.touch("abort_parts")
        self._multipart.abort_parts(upload)

    def list_parts_uploads(self) -> Iterator[Stat]:
        """Call the inner store; raise AssertionError while access is forbidden, also between two uploads."""
        self._watch.touch("list_parts_uploads")
        return self._watched(self._multipart.list_parts_uploads())
