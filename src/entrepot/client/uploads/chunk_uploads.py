"""Upload large files through Xet: split into chunks, of which only those that the hub lacks are sent.

hf_xet does the work: it reads the files itself, with a few of them
in memory in pieces at a time, and hashes them meanwhile.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import attrs

from entrepot.client.calls import xet
from entrepot.client.commit_target import CommitTarget
from entrepot.client.digests import Digests
from entrepot.client.hubs import Hub
from entrepot.client.progress import Meter
from entrepot.client.sources import BytesSource, PathSource, Source
from entrepot.errors import ChunksRefused, NotFound, RepoNotFound, RevisionNotFound, SourceChanged
from entrepot.names import parse_sha256
from entrepot.wire.files.xet import TokenResponse

if TYPE_CHECKING:
    import hf_xet

_MAX_FILES = 1000
_MAX_BYTES = 4 << 30
_PROGRESS_MS = 100
_SETTINGS = {
    "telemetry.enabled": False,
    # Each running upload holds a xorb of 64 MiB twice; several at a time would take more than 300 MB.
    "client.ac_max_upload_concurrency": 1,
    "client.ac_initial_upload_concurrency": 1,
    "data.ingestion_block_size": 1_000_000,
}
# Otherwise hf_xet queries the hub for the first chunk of every file, which is slower than sending small files.
_WORTH_A_QUESTION = 64 << 10


def find_token(hub: Hub, target: CommitTarget) -> TokenResponse | None:
    """Return a token for the hub's chunk store; None if the hub has none, or this client does not use it.

    Raises:
        Forbidden, RepoNotFound, LoginRequired: the caller has no write access.
    """
    if hub.paths.disable_xet or not _is_installed():
        return None
    try:
        return hub.send(xet.write_token(target.repo, target.revision, create_pr=target.opens_pull))
    except (RepoNotFound, RevisionNotFound):
        raise
    except NotFound:
        return None


def send(
    hub: Hub, target: CommitTarget, sources: Sequence[Source], digests: Digests, meter: Meter, opened: TokenResponse
) -> None:
    """Upload contents to the hub's chunk store; afterwards ``digests`` contains the SHA-256 of each.

    Args:
        opened: the result of :func:`find_token`; it is renewed when it expires.

    Raises:
        SourceChanged, SourceMissing, SourceUnreadable: a file changed after it was found, or cannot be read.
        ChunksRefused: the chunk store cannot be reached, or refuses the upload.

    Guarantees: completed files stay in the hub even if the rest fails, and are
    not sent again.
    """
    for batch in _portions(sources):
        _send(hub, target, batch, digests, meter, opened)


def stop() -> None:
    """Abort all uploads to the chunk store in all threads; to be called when the user interrupts the program."""
    _SESSIONS.abort()


def _portions(sources: Iterable[Source]) -> Iterator[list[Source]]:
    """Split into portions; after a failure, completed portions need not be sent again."""
    portion: list[Source] = []
    length = 0
    for source in sources:
        portion.append(source)
        length += source.size
        if len(portion) >= _MAX_FILES or length >= _MAX_BYTES:
            yield portion
            portion, length = [], 0
    if portion:
        yield portion


def _send(
    hub: Hub, target: CommitTarget, sources: Sequence[Source], digests: Digests, meter: Meter, opened: TokenResponse
) -> None:
    import hf_xet

    session = _SESSIONS.get(asks=sum(source.size for source in sources) >= _WORTH_A_QUESTION * len(sources))
    report = _Report(meter)
    try:
        with session.new_upload_commit(
            endpoint=opened.cas_url,
            token=opened.access_token,
            token_expiry_unix_secs=opened.exp,
            token_refresh_url=_refresh_url(hub, target),
            token_refresh_headers=_headers(hub),
            progress_callback=report,
            progress_interval_ms=_PROGRESS_MS,
        ) as commit:
            handles = [
                (source, _start(commit, source, digests.find_sha256(source) or hf_xet.COMPUTE_SHA256))
                for source in sources
            ]
        results = [(source, result()) for source, result in handles]
    except KeyboardInterrupt:
        _SESSIONS.abort()
        raise
    except (RuntimeError, OSError, ValueError) as error:
        if isinstance(error, SourceChanged):
            raise
        _check(sources)  # a missing or changed file is the cause, whatever hf_xet reports
        # hf_xet's message may quote signed URLs, so drop it as the cause: only our message is redacted.
        raise ChunksRefused(str(error) or type(error).__name__) from None
    finally:
        report.finish()
    for source, result in results:
        if result.xet_info.file_size not in (None, source.size):
            raise SourceChanged(source.label)
        digests.learn(source, parse_sha256(result.xet_info.sha256))
    _check(sources)


def _start(commit: hf_xet.XetUploadCommit, source: Source, sha256: object) -> Callable[[], hf_xet.XetFileMetadata]:
    """Start to upload a content, and return a function that waits for its end."""
    if isinstance(source, PathSource) and not source.is_growing:
        source.check()
        return functools.partial(_result, commit.start_upload_file(source.file_path, sha256=sha256))
    if isinstance(source, BytesSource):
        return functools.partial(_result, commit.start_upload_bytes(source.data, sha256=sha256))
    stream = commit.start_upload_stream(name=source.label, sha256=sha256)
    for piece in source.pieces():
        stream.write(piece)
    done = stream.finish()
    return lambda: done


def _result(handle: hf_xet.XetFileUpload) -> hf_xet.XetFileMetadata:
    return handle.result()


def _check(sources: Iterable[Source]) -> None:
    for source in sources:
        if isinstance(source, PathSource):
            source.check()


def _refresh_url(hub: Hub, target: CommitTarget) -> str:
    query = "?create_pr=1" if target.opens_pull else ""
    return f"{hub.endpoint}{xet.write_token_path(target.repo, target.revision)}{query}"


def _headers(hub: Hub) -> dict[str, str]:
    return {"authorization": f"Bearer {hub.token}"} if hub.token else {}


def _is_installed() -> bool:
    try:
        import hf_xet  # noqa: F401
    except ImportError:
        return False
    return True


def _trim_memory() -> None:
    """Return unused memory to the system: hf_xet's buffers of 64 MiB leave much of it with the allocator."""
    trim = _malloc_trim()
    if trim is not None:
        trim(0)


@functools.cache
def _malloc_trim() -> Callable[[int], int] | None:
    """Return ``malloc_trim`` of the C library if it has it (glibc)."""
    import ctypes

    try:
        trim: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError, TypeError):
        return None
    return trim


@attrs.define
class _Report:
    """Converts the totals that hf_xet reports to increments, ignoring decreases."""

    meter: Meter
    seen: int = 0

    def __call__(self, group: hf_xet.GroupProgressReport, _items: object) -> None:
        _trim_memory()
        done = int(group.total_bytes_completed)
        if done > self.seen:
            self.meter.advance(done - self.seen)
            self.seen = done

    def finish(self) -> None:
        """Do nothing: hf_xet reports no end."""


class _Sessions:
    """The sessions of this process, created when first needed; a child process needs its own.

    One session queries the hub for chunks of all repositories, the other does not.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sessions: dict[bool, hf_xet.XetSession] = {}
        self._pid = 0

    def get(self, *, asks: bool) -> hf_xet.XetSession:
        import hf_xet

        with self._lock:
            if self._pid != os.getpid():
                self._sessions, self._pid = {}, os.getpid()
            if asks not in self._sessions:
                settings = hf_xet.XetConfig().with_config(_SETTINGS)
                self._sessions[asks] = hf_xet.XetSession(
                    settings.with_config("deduplication.global_dedup_query_enabled", asks)
                )
            return self._sessions[asks]

    def abort(self) -> None:
        with self._lock:
            for session in self._sessions.values():
                session.sigint_abort()
            self._sessions.clear()


_SESSIONS = _Sessions()
