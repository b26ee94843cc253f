"""Read and hash raw large files and images again in the background, and replace damaged ones.

A damaged file is not served until an upload of the same content has replaced
it. The state is stored in the catalog, so a restarted process continues where
the last one stopped.
"""

from __future__ import annotations

from collections.abc import Generator

from entrepot.blobs import file_key
from entrepot.catalog import Lock, Read
from entrepot.catalog.files import file_checks
from entrepot.catalog.files.file_checks import Due
from entrepot.errors import BlobMissing, BlobUnreadable
from entrepot.hub.context import HubContext
from entrepot.hub.files.xorb_scrubbing import INTERVAL_MS, PACE_BYTES
from entrepot.names import Sha256
from entrepot.storage import fsck

_QUIET_MS = 3_600_000


def scrub_steps(hub: HubContext) -> Generator[None, None, int]:
    """Check about 256 MiB of raw files, those checked longest ago first; return the number of bytes read.

    Yields after every file.
    """
    read = 0
    while read < PACE_BYTES:
        now = hub.now_ms()
        with hub.read() as tx:
            due = file_checks.next_due(tx, checked_before_ms=now - INTERVAL_MS, touched_before_ms=now - _QUIET_MS)
        if due is None:
            break
        _check(hub, due)
        read += max(due.size, 1)
        yield
    return read


def recheck(hub: HubContext, sha256: Sha256) -> bool:
    """Read and hash the raw bytes of a file now, and record and return whether they are damaged or missing."""
    with hub.read() as tx:
        due = file_checks.find(tx, sha256)
    return due is not None and _check(hub, due)


def check_served(tx: Read, sha256: Sha256) -> None:
    """Raise if the raw bytes of a file must not be served.

    Raises:
        BlobUnreadable: its bytes are damaged or lost.
    """
    if file_checks.damaged(tx, [sha256]):
        raise BlobUnreadable(file_key(sha256), "its bytes have changed on the disk; upload the file again")


def delete_damaged(hub: HubContext, sha256: Sha256) -> None:
    """Delete the damaged bytes of a file before verified ones replace them; does nothing if they are intact."""
    with hub.read() as tx:
        if not file_checks.damaged(tx, [sha256]):
            return
    with hub.write(Lock.file(sha256)) as tx:
        is_ours = file_checks.unmark(tx, sha256)
    if is_ours:
        hub.store.blobs.delete(file_key(sha256))


def _check(hub: HubContext, due: Due) -> bool:
    try:
        is_damaged = fsck.check_file(hub.store, due.sha256, due.size, checks_content=True) is not None
    except (BlobMissing, BlobUnreadable):
        is_damaged = True
    with hub.write(Lock.file(due.sha256)) as tx:
        file_checks.note(tx, due, hub.now_ms(), is_damaged=is_damaged)
    return is_damaged
