"""Small files that arrive at about the same time, whole in memory: published, recorded and linked together.

All files of a call share one transaction that checks the rights, one that reserves them, two flushes of the disk
(:mod:`entrepot.blobs.local_groups`) and one transaction that links them. New files are reserved as well, although they
need not be: otherwise the response time would tell a sender of guessed content whether the hub stores it.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final, cast

import attrs

from entrepot.blobs import Blobs, GroupPuts, file_key
from entrepot.errors import ContentMismatch, EntrepotError
from entrepot.hub.context import HubContext
from entrepot.hub.files import arrivals
from entrepot.hub.files.arrivals import Arrival
from entrepot.names import Sha256

LARGEST: Final = 64 * 1024
"""Size of the largest file that counts as small, in bytes."""

MAX_FILES: Final = 64
"""Files in one call."""


@attrs.define(eq=False)
class ReceivedFile:
    """A file that has arrived whole, and is neither verified nor stored yet."""

    arrival: Arrival
    data: bytes = attrs.field(repr=False)
    outcome: Exception | None = None


def takes(hub: HubContext) -> bool:
    """Return whether :func:`store_all` can be used now; it depends on the store."""
    return _puts_groups(type(hub.store.blobs)) and _group_store(hub).can_put_group()


def store_all(hub: HubContext, received: Sequence[ReceivedFile]) -> list[Exception | None]:
    """Verify and store files, and let their repositories use them; return the error of each one, or None.

    The errors are those of :meth:`entrepot.hub.files.lfs.ReceivingFile.finish`, and those of
    :func:`entrepot.hub.files.lfs.receive`: nothing of such a file is kept.

    Args:
        received: at most :data:`MAX_FILES` files.

    Raises:
        Busy, DatabaseUnavailable, DataFolderError: nothing was recorded.
    """
    for it in received:
        it.outcome = _mismatch(it)
    _check_rights(hub, _open(received))
    _note_all(_open(received), functools.partial(arrivals.reserve_all, hub))
    new = _put(hub, _open(received))
    _note_all(_open(received), functools.partial(arrivals.link_all, hub, new=new))
    return [it.outcome for it in received]


def _open(received: Iterable[ReceivedFile]) -> list[ReceivedFile]:
    return [it for it in received if it.outcome is None]


def _note(received: Sequence[ReceivedFile], outcomes: Sequence[Exception | None]) -> None:
    for it, outcome in zip(received, outcomes, strict=True):
        it.outcome = outcome


def _note_all(
    received: Sequence[ReceivedFile], step: Callable[[Sequence[Arrival]], Sequence[Exception | None]]
) -> None:
    if received:
        _note(received, step([it.arrival for it in received]))


def _mismatch(it: ReceivedFile) -> EntrepotError | None:
    if len(it.data) != it.arrival.size:
        return ContentMismatch("size", str(it.arrival.size), str(len(it.data)))
    digest = hashlib.sha256(it.data).hexdigest()
    return None if digest == it.arrival.sha256 else ContentMismatch("sha256", it.arrival.sha256, digest)


def _check_rights(hub: HubContext, received: Sequence[ReceivedFile]) -> None:
    """Leave out files whose senders may not send them, before anything of them is written."""
    if received:
        with hub.read() as tx:
            _note(received, arrivals.refusals(hub, tx, [it.arrival for it in received]))


def _put(hub: HubContext, received: Sequence[ReceivedFile]) -> Collection[Sha256]:
    """Make the bytes durable; those that are stored already stay. Return the files of which there were none."""
    if not received:
        return ()
    outcomes = _group_store(hub).put_group([(file_key(it.arrival.sha256), it.data) for it in received])
    _note(received, [outcome if isinstance(outcome, EntrepotError) else None for outcome in outcomes])
    return {it.arrival.sha256 for it, outcome in zip(received, outcomes, strict=True) if outcome is True}


@functools.cache
def _puts_groups(kind: type[Blobs]) -> bool:
    return issubclass(kind, GroupPuts)  # slow for a protocol


def _group_store(hub: HubContext) -> GroupPuts:
    return cast(GroupPuts, hub.store.blobs)
