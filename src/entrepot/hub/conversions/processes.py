"""Convert the files of a configuration in a process of its own, and keep the Parquet files that it makes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import time
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from entrepot.blobs import file_key
from entrepot.blobs.interfaces import OpenSink
from entrepot.catalog import Lock
from entrepot.catalog.files import file_links, files
from entrepot.catalog.repos import repositories
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import Busy, Damaged, NotFound, QuotaExceeded, RepoNotFound
from entrepot.hub.accounts import quotas
from entrepot.hub.context import HubContext
from entrepot.hub.conversions.plans import ConfigPlan
from entrepot.hub.conversions.sandbox import WRITTEN
from entrepot.hub.files import file_scrubbing
from entrepot.hub.scanning.contents import NamedContent, open_content
from entrepot.hub.scanning.scanners import Pipes, ScanFailed, started
from entrepot.hub.tables.child_pipes import FAILED, LENGTH, PIECE, READ
from entrepot.hub.tables.exchanges import ENVIRON, command_of
from entrepot.names import Sha256
from entrepot.previews.table_formats import UNPACKED_RATIO, is_compressed
from entrepot.storage.contents import Content

CPU_S = 900
"""Processor time of the conversion of one configuration."""

_MODULE = "entrepot.hub.conversions.sandbox"
_WALL_S = 3_600.0
_MAX_RESULT = 16 << 20
_MAX_RATIO, _MAX_MORE = 4, 64 << 20


class ConversionFailed(Exception):
    """The files cannot be converted; the text says why."""


class ConversionTooLong(ConversionFailed):
    """The files take more time or memory than a conversion may."""


@attrs.frozen
class MadeFile:
    """A Parquet file that was made, and is stored for the repository."""

    sha256: Sha256
    size: int


@attrs.frozen
class MadeSplit:
    """A converted split: its rows, the bytes of its decompressed data, and its files."""

    name: str
    rows: int
    memory: int
    files: Sequence[MadeFile]


@attrs.frozen
class MadeConfig:
    """A converted configuration, and its features by column."""

    splits: Sequence[MadeSplit]
    features: Mapping[str, Any]


@attrs.define
class TimeBudget:
    """Seconds of processor time that the conversions of a dataset may still take, and have taken."""

    left_s: float
    used_s: float = 0.0

    def spend(self, process: subprocess.Popen[bytes], begun: float) -> None:
        """Count the time of a process that is about to be killed; ``begun``: its start by the monotonic clock."""
        used = _processor_seconds(process.pid)
        taken = time.monotonic() - begun if used is None else used
        self.left_s -= taken
        self.used_s += taken


def _processor_seconds(pid: int) -> float | None:
    """Return the processor time of a child process that was not waited for; None where the platform does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return None


def convert(hub: HubContext, row: RepoRow, config: ConfigPlan, budget: TimeBudget) -> Generator[None, None, MadeConfig]:
    """Convert the files of a configuration step by step, and return the result.

    Args:
        budget: what the process takes is spent from it; a configuration gets 15 minutes of it at most.

    Raises:
        ConversionFailed: they cannot be read, take too much, or exceed the quota.
        Busy, Unavailable: try again later.
    """
    located = [file for content in config.splits.values() for file in content]
    splits = [[name, [[str(file.path), file.size] for file in content]] for name, content in config.splits.items()]
    cpu_s = max(1, min(CPU_S, int(budget.left_s)))
    folder = None if config.folder is None else attrs.asdict(config.folder)
    asked = {"form": config.format, "declared": config.features, "splits": splits, "cpu_s": cpu_s, "folder": folder}
    most_unpacked = hub.settings.convert_max_bytes
    asked |= {"separator": config.separator, "field": config.field, "most_unpacked": most_unpacked}
    request, begun = json.dumps(asked).encode(), time.monotonic()
    with started(command_of(_MODULE), ENVIRON) as process, _Files(hub, row, located) as sources:
        pipes = Pipes(process, time.monotonic() + _WALL_S)
        try:
            made = yield from _exchange(hub, row, request, pipes, sources)
            if [split.name for split in made.splits] != [*config.splits]:  # they become paths of the ref
                raise ConversionFailed("the converter has made other splits than were requested")
            return made
        except ScanFailed:
            raise ConversionTooLong("it takes too much time or memory") from None
        except QuotaExceeded as error:
            raise ConversionFailed(error.message) from error
        finally:
            budget.spend(process, begun)


class _Files:
    """The source files; each is opened when it is read, and closed when the next one is."""

    def __init__(self, hub: HubContext, row: RepoRow, files: Sequence[NamedContent]) -> None:
        self._hub, self._row, self._files = hub, row, files
        self._number, self._open = -1, contextlib.ExitStack()
        self._content: Content | None = None
        packed = sum(file.size for file in files if is_compressed(file.path))
        plain = sum(file.size for file in files) - packed
        unpacked = max(packed, min(packed * UNPACKED_RATIO, hub.settings.convert_max_bytes))
        self.most = (plain + unpacked) * _MAX_RATIO + _MAX_MORE

    def __enter__(self) -> _Files:
        return self

    def __exit__(self, *_error: object) -> None:
        self._open.close()

    def read(self, number: int, offset: int, length: int) -> bytes:
        """Return a range of a file.

        Raises:
            ConversionFailed: the file does not exist, or it was deleted.
            BlobMissing, BlobUnreadable, XorbDamaged, StoreUnavailable: it cannot be read.
        """
        if number >= len(self._files) or length > PIECE:
            raise ConversionFailed("the converter requested bytes that it may not read")
        if number != self._number:
            self._open.close()
            self._content = open_content(self._hub, self._row, self._files[number])
            if self._content is None:
                raise ConversionFailed(f"{self._files[number].path} was deleted")
            self._open.callback(self._content.close)
            self._number = number
        assert self._content is not None
        return self._content.read_at(offset, length)


def _exchange(
    hub: HubContext, row: RepoRow, request: bytes, pipes: Pipes, sources: _Files
) -> Generator[None, None, MadeConfig]:
    """Serve what the process reads, and keep what it makes."""
    made: list[MadeSplit] = []
    shards: list[MadeFile] = []
    left = sources.most
    yield from pipes.send(LENGTH.pack(len(request)) + request)
    with contextlib.ExitStack() as stack:
        output = stack.enter_context(_Output(hub))
        while True:
            kind = yield from pipes.receive(1)
            if kind == b"R":
                yield from pipes.send(_range(sources, (yield from pipes.receive(READ.size))))
                continue
            if kind == b"N":
                shards.append(output.keep(row))
                yield
                continue
            (length,) = LENGTH.unpack((yield from pipes.receive(LENGTH.size)))
            left -= length
            if length > (WRITTEN if kind == b"W" else _MAX_RESULT) or left < 0:
                raise ConversionFailed("its Parquet files are much larger than its files")
            data = yield from pipes.receive(length)
            if kind == b"W":
                output.write(data)
            elif kind == b"S":
                name, rows, memory, _ = json.loads(data)
                made.append(MadeSplit(name, rows, memory, shards))
                shards = []
            elif kind == b"A":
                return MadeConfig(made, json.loads(data))
            else:
                raise ConversionFailed(data.decode("utf-8", "replace"))


def _range(sources: _Files, asked: bytes) -> bytes:
    try:
        data = sources.read(*READ.unpack(asked))
    except (NotFound, Damaged):
        return LENGTH.pack(FAILED)
    return LENGTH.pack(len(data)) + data


class _Output:
    """The Parquet files that arrive, one after the other."""

    def __init__(self, hub: HubContext) -> None:
        self._hub = hub
        self._sink: OpenSink | None = None
        self._digest, self._size = hashlib.sha256(), 0

    def __enter__(self) -> _Output:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._sink is not None:
            self._sink.discard()

    def write(self, data: bytes) -> None:
        """Append bytes to the current file."""
        if self._sink is None:
            self._sink = self._hub.store.drafts.receive_unnamed()
        self._sink.write(data)
        self._digest.update(data)
        self._size += len(data)

    def keep(self, row: RepoRow) -> MadeFile:
        """Store the current file, and let the repository use it.

        Raises:
            QuotaExceeded: it exceeds the quota of the namespace.
            RepoNotFound: the repository was deleted.
            Busy: a sweep deletes the same file; repeat everything.
        """
        sink, sha256, size = self._sink, Sha256(self._digest.hexdigest()), self._size
        assert sink is not None
        self._sink, self._digest, self._size = None, hashlib.sha256(), 0
        with sink:
            with self._hub.write(Lock.repo(row.id), Lock.file(sha256)) as tx:
                if sha256 in file_links.usable(tx, row.id, [sha256]):
                    file_links.renew(tx, row.id, [sha256], self._hub.now_ms())
                    files.touch(tx, [sha256], self._hub.now_ms())
                    return MadeFile(sha256, size)
                # Checked before storing: bytes that exceed the quota would count until they are swept.
                quotas.allowance(self._hub, tx, row).check(size)
                files.reserve(tx, sha256, size, self._hub.now_ms())
            file_scrubbing.delete_damaged(self._hub, sha256)
            sink.publish_as(file_key(sha256), size)
        with self._hub.write(Lock.repo(row.id), Lock.file(sha256)) as tx:
            if repositories.by_id(tx, row.id) is None:
                raise RepoNotFound
            if not files.confirm(tx, sha256, size):
                raise Busy("this file")
            quotas.allowance(self._hub, tx, row).spend(size, tx)
            file_links.link(tx, row.id, [sha256], None, self._hub.now_ms())
        if self._hub.store.blobs.stat(file_key(sha256)) is None:
            # Chunks have just replaced an earlier copy, and these bytes were deleted with it.
            with self._hub.write(Lock.repo(row.id), Lock.file(sha256)) as tx:
                file_links.unlink_lost(tx, row.id, sha256)
                files.drop_raw(tx, sha256, self._hub.now_ms())
            raise Busy("this file")
        return MadeFile(sha256, size)
