"""Download the bytes of one file: resume an earlier attempt, and verify the result against the etag.

A draft grows by whole pieces accepted by the system, so after a kill it
contains a correct beginning of the file. Its content is hashed again and
not requested again.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable
from io import FileIO
from pathlib import Path

import attrs

from entrepot.client.cache.caches import writing
from entrepot.client.calls import files
from entrepot.client.downloads import xet_streams
from entrepot.client.hubs import Hub
from entrepot.client.integrity import PIECE, BufferDigest, StreamDigest, check, digest_of, hashed_in_thread
from entrepot.client.progress import Meter
from entrepot.errors import AnswerUnusable, DiskFull, DownloadDamaged, HubTimeout, HubUnreachable
from entrepot.names import RepoRef

_TRIES = 5
_PATIENCE_S = 0.25
"""Seconds to wait for a full block before the received part of it is written."""

_RANGE = re.compile(r"bytes (\d+)-\d+/(?:\d+|\*)")


@attrs.frozen
class WantedFile:
    """A file at a commit: its identity, and the etag to verify it.

    ``etag`` is the SHA-256 of a large file and the git blob id of any other;
    ``size`` is None if the hub does not send it.
    """

    ref: RepoRef
    commit: str
    path: str
    etag: str
    size: int | None
    xet_hash: str | None = None

    def __str__(self) -> str:
        return f"{self.path} of {self.ref}"


def fetch(
    hub: Hub, wanted: WantedFile, draft: Path, meter: Meter, *, wait: Callable[[float], None] = time.sleep
) -> None:
    """Complete a draft; afterwards it contains the verified file.

    Args:
        draft: may contain the beginning of the file from an earlier attempt; no other
            writer may use it. Its folder is created. If the result is damaged, this
            beginning may be to blame: then it is deleted, and the whole file is fetched.

    Raises:
        DownloadDamaged: the bytes that the hub has sent do not match the etag; the draft was deleted.
        DiskFull, CannotWrite: the draft keeps what was received.
        HubUnreachable, HubTimeout: all attempts failed; the draft keeps what was received.
        HubFailure: the hub refuses the request.
    """
    counted = _Counted(meter)
    is_continued = _has_beginning(draft)
    try:
        _complete(hub, wanted, draft, counted, wait)
    except DownloadDamaged:
        if not is_continued:
            raise
        meter.advance(-counted.amount)
        _complete(hub, wanted, draft, meter, wait)


@attrs.define
class _Counted:
    """A meter that also knows how far one attempt has advanced it."""

    meter: Meter
    amount: int = 0

    def advance(self, amount: int) -> None:
        self.amount += amount
        self.meter.advance(amount)

    def finish(self) -> None:
        self.meter.finish()


def _has_beginning(draft: Path) -> bool:
    try:
        return draft.stat().st_size > 0
    except OSError:
        return False


def _complete(hub: Hub, wanted: WantedFile, draft: Path, meter: Meter, wait: Callable[[float], None]) -> None:
    """Complete a draft, or delete it if the result is damaged."""
    try:
        with writing(draft, wanted.size or 0):
            draft.parent.mkdir(parents=True, exist_ok=True)
            with open(os.open(draft, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666), "r+b", 0) as file:
                digest = _fill(hub, wanted, file, draft.parent, meter, wait)
                size = file.tell()
        if wanted.size is not None and size != wanted.size:
            raise DownloadDamaged(str(wanted), f"{wanted.size:,} bytes", f"{size:,} bytes")
        check(str(wanted), wanted.etag, digest)
    except DownloadDamaged:
        with writing(draft):
            draft.unlink(missing_ok=True)
        raise


def _fill(
    hub: Hub, wanted: WantedFile, file: FileIO, folder: Path, meter: Meter, wait: Callable[[float], None]
) -> StreamDigest:
    digest = digest_of(wanted.etag, wanted.size)
    have = os.fstat(file.fileno()).st_size
    if wanted.size is None or have > wanted.size:
        file.truncate(0)
        have = 0
    if wanted.size is not None and wanted.size > have and shutil.disk_usage(folder).free < wanted.size - have:
        raise DiskFull(str(folder), wanted.size - have)
    with hashed_in_thread(digest, wanted.size) as sum_up:
        while count := file.readinto(space := sum_up.space()):
            sum_up.update(space[:count])
        sum_up.update(space[:0])
        meter.advance(have)
        if wanted.size is None or have < wanted.size:
            _receive(hub, wanted, _PartialFile(wanted, file, sum_up, meter, have), wait)
    return digest


@attrs.define
class _PartialFile:
    """A growing file, with the digest and the meter that are updated for each piece."""

    wanted: WantedFile
    file: FileIO
    sum_up: BufferDigest
    meter: Meter
    size: int

    def add(self, data: bytes | memoryview) -> None:
        if self.wanted.size is not None and self.size + len(data) > self.wanted.size:
            raise DownloadDamaged(str(self.wanted), f"{self.wanted.size:,} bytes", "more")
        rest = memoryview(data)
        while rest:
            rest = rest[self.file.write(rest) :]
        self.size += len(data)
        self.meter.advance(len(data))
        self.sum_up.update(data)

    def fill(self, read_into: Callable[[memoryview], int]) -> None:
        """Append what a connection yields until it ends; bytes received before an error are kept.

        Writes whole blocks, which take the system half as much time, unless
        the connection is slow.
        """
        is_open = True
        while is_open:
            space = self.sum_up.space()
            end = len(space) - self.size % len(space)
            have, due = 0, time.monotonic() + _PATIENCE_S
            try:
                while have < end and time.monotonic() < due:
                    count = read_into(space[have:end])
                    have += count
                    if not count:
                        is_open = False
                        break
            finally:
                self.add(space[:have])


def _receive(hub: Hub, wanted: WantedFile, draft: _PartialFile, wait: Callable[[float], None]) -> None:
    """Receive the rest of a file, over several connections if necessary."""
    source = xet_streams.pieces if xet_streams.is_wanted(hub, wanted.size, wanted.xet_hash) else None
    failures = 0
    while True:
        before = draft.size
        try:
            if source is not None and wanted.xet_hash is not None and wanted.size is not None:
                for data in source(hub, wanted.ref, wanted.commit, wanted.xet_hash, wanted.size, before):
                    draft.add(data)
            else:
                _plain(hub, wanted, draft)
            if wanted.size is None or draft.size >= wanted.size:
                return
            raise HubUnreachable(hub.endpoint, "the connection ended before the file did")
        except xet_streams.ChunksUnavailable:
            source = None  # fall back to a plain download
        except (HubUnreachable, HubTimeout):
            failures = 0 if draft.size > before else failures + 1
            if failures == _TRIES or wanted.size is None:
                raise
            wait(min(8.0, 0.25 * 2.0**failures))


def _plain(hub: Hub, wanted: WantedFile, draft: _PartialFile) -> None:
    """Receive the rest of the file with one GET; if the hub ignores the range, skip the bytes received before."""
    hub.need_network(str(wanted))
    start = draft.size
    with hub.transport.stream(files.content(wanted.ref, wanted.commit, wanted.path), start=start) as stream:
        skip = start
        if stream.status == 206:
            sent = _RANGE.match(stream.headers.get("content-range", ""))
            if sent is None or int(sent[1]) != start:
                raise AnswerUnusable(stream.url, f"the response is not the range from byte {start:,} on")
            skip = 0
        unused = memoryview(bytearray(min(skip, PIECE)))
        while skip and (count := stream.read_into(unused[:skip])):
            skip -= count
        draft.fill(stream.read_into)
