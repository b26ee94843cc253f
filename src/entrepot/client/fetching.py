"""The bytes of one file: received, continued where an earlier try ended, checked against the tag of the file.

A draft grows by whole pieces that the system has taken, so that a killed
process leaves a true beginning of the file; what is in it is hashed again
and never asked for again.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import attrs

from entrepot.client import xet_streams
from entrepot.client.caches import writing
from entrepot.client.calls import files
from entrepot.client.hubs import Hub
from entrepot.client.integrity import PIECE, Digest, check, digest_of, summed_aside
from entrepot.client.progress import Meter
from entrepot.errors import AnswerUnusable, DiskFull, DownloadDamaged, HubTimeout, HubUnreachable
from entrepot.names import RepoRef

_TRIES = 5
_RANGE = re.compile(r"bytes (\d+)-\d+/(?:\d+|\*)")


@attrs.frozen
class Wanted:
    """A file at a commit: which bytes are meant, and how to recognise them.

    ``etag`` is the SHA-256 of a large file and the git id of any other;
    ``size`` is None when the hub does not tell it.
    """

    ref: RepoRef
    commit: str
    path: str
    etag: str
    size: int | None
    xet_hash: str | None = None

    def __str__(self) -> str:
        return f"{self.path} of {self.ref}"


def fetch(hub: Hub, wanted: Wanted, draft: Path, meter: Meter, *, wait: Callable[[float], None] = time.sleep) -> None:
    """Complete a draft: afterwards it holds the file, checked.

    Args:
        draft: may hold the beginning of the file, from an earlier try; nobody
            else writes to it meanwhile. Its folder is made.

    Raises:
        DownloadDamaged: other bytes came than the tag promises; the draft is gone.
        DiskFull, CannotWrite: what was received is still there.
        HubUnreachable, HubTimeout: the same, after some tries.
        HubFailure: the hub refuses.
    """
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
    hub: Hub, wanted: Wanted, file: BinaryIO, folder: Path, meter: Meter, wait: Callable[[float], None]
) -> Digest:
    digest = digest_of(wanted.etag, wanted.size)
    have = os.fstat(file.fileno()).st_size
    if wanted.size is None or have > wanted.size:
        file.truncate(0)
        have = 0
    if wanted.size is not None and wanted.size > have and shutil.disk_usage(folder).free < wanted.size - have:
        raise DiskFull(str(folder), wanted.size - have)
    with summed_aside(digest, wanted.size) as sum_up:
        while piece := file.read(PIECE):
            sum_up.update(piece)
        meter.advance(have)
        if wanted.size is None or have < wanted.size:
            _receive(hub, wanted, _Draft(file, sum_up, meter, have), wait)
    return digest


@attrs.define
class _Draft:
    """A file that grows, and what has to know of each piece."""

    file: BinaryIO
    digest: Digest
    meter: Meter
    size: int

    def add(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[self.file.write(rest) :]
        self.digest.update(data)
        self.size += len(data)
        self.meter.advance(len(data))


def _receive(hub: Hub, wanted: Wanted, draft: _Draft, wait: Callable[[float], None]) -> None:
    """Receive the rest of a file, whatever number of connections that takes."""
    source = xet_streams.pieces if xet_streams.is_wanted(hub, wanted.size, wanted.xet_hash) else None
    failures = 0
    while True:
        before = draft.size
        try:
            if source is not None and wanted.xet_hash is not None and wanted.size is not None:
                pieces = source(hub, wanted.ref, wanted.commit, wanted.xet_hash, wanted.size, before)
            else:
                pieces = _plain(hub, wanted, before)
            for data in pieces:
                if wanted.size is not None and draft.size + len(data) > wanted.size:
                    raise DownloadDamaged(str(wanted), f"{wanted.size:,} bytes", "more")
                draft.add(data)
            if wanted.size is None or draft.size >= wanted.size:
                return
            raise HubUnreachable(hub.endpoint, "the connection ended before the file did")
        except xet_streams.ChunksUnavailable:
            source = None  # the same bytes can be had whole
        except (HubUnreachable, HubTimeout):
            failures = 0 if draft.size > before else failures + 1
            if failures == _TRIES or wanted.size is None:
                raise
            wait(min(8.0, 0.25 * 2.0**failures))


def _plain(hub: Hub, wanted: Wanted, start: int) -> Iterator[bytes]:
    """The file from an offset on, by one GET; a hub that knows no ranges sends what is known again, in vain."""
    hub.need_network(str(wanted))
    with hub.transport.stream(files.content(wanted.ref, wanted.commit, wanted.path), start=start) as stream:
        skip = start
        if stream.status == 206:
            told = _RANGE.match(stream.headers.get("content-range", ""))
            if told is None or int(told[1]) != start:
                raise AnswerUnusable(stream.url, f"it sends another range than bytes {start:,} and more")
            skip = 0
        for data in stream.chunks():
            if skip < len(data):
                yield data[skip:] if skip else data
            skip = max(0, skip - len(data))
