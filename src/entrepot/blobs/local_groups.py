"""Several small blobs published together on a local disk: two flushes for all of them, not three for each."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence

import attrs

from entrepot.blobs.durable import Disk, remove
from entrepot.blobs.faults import store_fault
from entrepot.errors import EntrepotError


@attrs.define(eq=False)
class LocalGroupItem:
    """One blob of a group: its key, the path of its file, and its bytes."""

    key: str
    target: str
    data: bytes = attrs.field(repr=False)
    path: str = ""
    outcome: bool | EntrepotError | None = None


def publish_group(disk: Disk, items: Sequence[LocalGroupItem]) -> list[bool | EntrepotError]:
    """Publish blobs, each completely or not at all; return for each one the same as ``Sink.publish``, or its error.

    Guarantees: no name is visible before its bytes are durable, and all names are durable on return.
    Between these flushes, as for a single blob: a temporary name, which the sweeper removes after a crash.
    """
    made: set[str] = set()
    with contextlib.ExitStack() as stack:
        try:
            flush = stack.enter_context(disk.flushing())
        except OSError as error:
            return [store_fault(error, item.key) for item in items]
        for item in items:
            with _noting(item):
                stack.enter_context(_filled(disk, item))
        _flush_all(flush, items)
        for item in _open(items):
            with _noting(item):
                item.outcome = disk.link_unflushed(item.path, item.target, made)
        if _flush_all(flush, [item for item in items if isinstance(item.outcome, bool)]):
            disk.note_durable(made)
    return [False if item.outcome is None else item.outcome for item in items]


def _open(items: Sequence[LocalGroupItem]) -> list[LocalGroupItem]:
    return [item for item in items if item.outcome is None]


@contextlib.contextmanager
def _filled(disk: Disk, item: LocalGroupItem) -> Iterator[None]:
    """Write the bytes into a temporary file, which is removed at the end of the block."""
    fd, item.path = disk.create_temporary()
    try:
        view = memoryview(item.data)
        while view:
            view = view[os.write(fd, view) :]
        yield
    finally:
        remove(item.path)  # before the lock goes with the descriptor
        os.close(fd)


@contextlib.contextmanager
def _noting(item: LocalGroupItem) -> Iterator[None]:
    """Make the error of a system call that of the item."""
    try:
        yield
    except OSError as error:
        item.outcome = store_fault(error, item.key)


def _flush_all(flush: Callable[[], None], items: Sequence[LocalGroupItem]) -> bool:
    """Flush; if that fails, it is the error of all items that have none, and False is returned."""
    try:
        flush()
    except OSError as error:
        for item in items:
            if not isinstance(item.outcome, EntrepotError):
                item.outcome = store_fault(error, item.key)
        return False
    return True
