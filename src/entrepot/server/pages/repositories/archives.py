"""Downloads of a folder, or of a whole revision, as a zip archive that is made while it is sent."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re
import zlib
from collections.abc import Generator

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from entrepot.errors import TooManyArchives
from entrepot.hub.search import archives
from entrepot.hub.search.archives import ArchivedFile, ArchiveListing, ArchivePiece
from entrepot.hub.search.downloads import is_counted
from entrepot.names import RepoRef
from entrepot.server.handlers import MAX_ARCHIVES_EACH, app_state, call_hub_slow, identify, left_out_header, turn
from entrepot.server.hf.files.files import count_download
from entrepot.server.pages.routing import PageRoute, repo_pages
from entrepot.server.pages.trees import path_of
from entrepot.server.raw_path import split_revision
from entrepot.server.responders import send_content
from entrepot.server.threads import Threads, line_of
from entrepot.wire.files import zip_streams
from entrepot.wire.files.zip_streams import ZipWriter

_WAIT_S = 5
"""How long a request waits for another archive to be complete before it is refused, in seconds."""

_FORM = "zip 1"
"""Part of the entity tag: to be changed when archives of the same files get other bytes."""

_NOT_IN_STEMS = re.compile(r"[^\w.+-]+")
_LONGEST_STEM = 100
_BACKSLASH = "\\"


class ArchiveContent:
    """The bytes of an archive, which are made while they are read: once, from the beginning."""

    content_type = zip_streams.MEDIA_TYPE

    def __init__(self, listing: ArchiveListing, stem: str, pieces: Generator[ArchivePiece, None, None]) -> None:
        """Prepare an archive; no file is read yet.

        Args:
            stem: the folder in the archive that has all its files.
            pieces: their bytes.
        """
        self._listing, self._stem, self._pieces = listing, stem, pieces
        self.size = zip_streams.length_of((self._name(file), file.size) for file in listing.files)
        key = f"{_FORM}\0{listing.commit}\0{listing.folder}\0{stem}"
        self.etag = hashlib.sha256(key.encode()).hexdigest()
        self._made = self._make()
        self._ready = bytearray()
        self._at = 0

    def read_at(self, offset: int, length: int) -> bytes:
        """Return the next bytes; ``offset`` is where the last ones ended. Called in a thread, one call at a time.

        Raises:
            Whatever reading the files raises; the archive cannot be continued then.
        """
        if offset != self._at:
            raise ValueError(f"an archive is read in order: its next byte is {self._at:,}, not {offset:,}")
        while len(self._ready) < length and (made := next(self._made, None)) is not None:
            self._ready += made
        data = bytes(self._ready[:length])
        del self._ready[:length]
        self._at += len(data)
        return data

    def close(self) -> None:
        """Close the file that is being read."""
        self._made.close()
        self._pieces.close()

    def _make(self) -> Generator[bytes, None, None]:
        writer, begun, checksum = ZipWriter(self._listing.time_s), None, 0
        for piece in self._pieces:
            if piece.file is not begun:
                begun, checksum = piece.file, 0
                yield writer.begin(self._name(piece.file), piece.file.size)
            checksum = zlib.crc32(piece.data, checksum)
            yield piece.data
            if piece.is_last:
                yield writer.end(checksum)
        yield writer.finish()

    def _name(self, file: ArchivedFile) -> str:
        below = file.path.removeprefix(f"{self._listing.folder}/") if self._listing.folder else file.path
        # Some programs take a backslash for a separator. Source: APPNOTE.TXT, section 4.4.17.
        return f"{self._stem}/{below.replace(_BACKSLASH, '%5C')}"


class ArchiveResponse(Response):
    """Sends an archive, and gives up its place among those that are being sent."""

    def __init__(
        self,
        content: ArchiveContent,
        filename: str,
        threads: Threads,
        place: contextlib.AsyncExitStack,
        extra: list[tuple[str, str]],
    ) -> None:
        """Prepare the response; ``place`` is closed when it has been sent."""
        super().__init__()
        self._content, self._filename, self._extra = content, filename, extra
        self._threads, self._place = threads, place

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the archive; see :func:`~entrepot.server.responders.send_content`."""
        async with self._place:
            await send_content(
                scope,
                receive,
                send,
                self._content,
                threads=self._threads,
                filename=self._filename,
                treatment="attachment",
                headers=self._extra,
                has_ranges=False,
            )


def routes() -> list[PageRoute]:
    """Return the routes of archives."""
    return repo_pages("/archive/{tail:path}", send_archive, has_short=False)


async def send_archive(request: Request, ref: RepoRef) -> Response:
    """Serve the files below a folder of a revision as an archive.

    Raises:
        TooManyArchives: others are being sent.
        Whatever describing the files raises.
    """
    revision, tail = split_revision(request.path_params["tail"])
    folder = path_of(tail.strip("/"))
    state = app_state(request)
    async with contextlib.AsyncExitStack() as place:
        try:
            async with asyncio.timeout(_WAIT_S):
                await place.enter_async_context(turn(request, state.archives))
        except TimeoutError:
            raise TooManyArchives(MAX_ARCHIVES_EACH) from None
        listing = await call_hub_slow(request, archives.describe, ref, revision, folder)
        stem = stem_of(listing, revision)
        pieces = archives.read(state.hub, lambda: identify(request), listing)
        content = await state.threads.run_transfer(ArchiveContent, listing, stem, pieces, line=line_of(request.scope))
        if request.method == "GET" and "if-none-match" not in request.headers:
            counted = next((file.path for file in listing.files if is_counted(listing.repo, file.path)), None)
            if counted is not None:
                count_download(request, listing.repo, counted)
        extra = [
            ("X-Repo-Commit", listing.commit),
            ("Cache-Control", "private, no-cache"),
            ("Vary", "Accept, Authorization, Cookie"),
            *left_out_header(listing.left_out).items(),
        ]
        response = ArchiveResponse(content, f"{stem}.zip", state.threads, place.pop_all(), extra)
    return response


def stem_of(listing: ArchiveListing, revision: str) -> str:
    """Return the name of an archive without its ending: repository, revision and folder, fit for every file system."""
    shown = revision[:12] if revision == listing.commit else revision.removeprefix("refs/heads/")
    words = [listing.repo.ref.id.name, shown.removeprefix("refs/tags/"), *listing.folder.split("/")]
    stem = "-".join(_NOT_IN_STEMS.sub("-", word) for word in words if word)
    return stem[:_LONGEST_STEM].rstrip(".-")
