"""Responses with stored files: opened in a thread, with media type; small files are read when they are opened.

Finding a file needs one call in a thread; a small file is read in the same
call, so the whole request needs only one.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from typing import Protocol

import attrs
from starlette.types import Receive, Scope, Send

from entrepot.errors import ObjectDamaged
from entrepot.server.responders import (
    SVG,
    Content,
    Header,
    MemoryContent,
    Treatment,
    asks_for_whole,
    headers_of_whole,
    send_content,
)
from entrepot.server.threads import Threads

MAX_HELD = 1024 * 1024
"""Maximum size in bytes of files that are read when they are opened."""

ACCEL_LOCATION = "/-/accel/"
"""The internal location of nginx that stands for the folder ``blobs`` of the hub."""

NOT_BY_PROXY = b"x-entrepot-no-accel"
"""Header with which nginx repeats a request for a file that it has not found in the folder."""

BINARY = "application/octet-stream"
TEXT = "text/plain; charset=utf-8"

_TEXT_NAMES = frozenset(
    "license licence readme notice authors changelog dockerfile makefile gemfile procfile copying version".split()  # noqa: SIM905
)
_TEXT_ENDINGS = frozenset(
    """
    txt md markdown rst tex log csv tsv json jsonl ndjson geojson ipynb yaml yml toml ini cfg conf env properties
    gitattributes gitignore gitmodules editorconfig dockerignore lock xml html htm xhtml css scss js mjs cjs ts tsx
    jsx vue py pyi pyx pxd sh bash zsh fish bat ps1 c h cc cpp cxx hpp cu cuh java kt scala go rs rb php pl lua r jl
    swift m sql proto graphql jinja jinja2 j2 tmpl cmake gradle diff patch srt vtt bib
    """.split()  # noqa: SIM905 - a list of words reads better than a hundred literals
)
# Types that a browser can display and that cannot contain scripts: PDF and HTML are deliberately absent. SVG has
# headers of its own (`server/responders.py`).
_SHOWN = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "bmp": "image/bmp",
    "ico": "image/x-icon",
    "avif": "image/avif",
    "svg": SVG,
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
    "m4a": "audio/mp4",
    "mp4": "video/mp4",
    "webm": "video/webm",
    "mov": "video/quicktime",
}
_FILE_KEY = re.compile(r"files/[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{64}")
_ENDING = re.compile(r"\.([A-Za-z0-9]+)$")


class ReadableBytes(Protocol):
    """Stored bytes that the hub serves."""

    @property
    def size(self) -> int:
        """Number of bytes."""

    def read_at(self, offset: int, length: int) -> bytes:
        """Return up to ``length`` bytes from ``offset``."""

    def close(self) -> None:
        """Release the file."""


@attrs.frozen(eq=False)
class OpenContent:
    """A large file that is read in pieces while it is sent."""

    etag: str
    content_type: str
    _stored: ReadableBytes

    @property
    def size(self) -> int:
        """Size of the file in bytes."""
        return self._stored.size

    @property
    def file_key(self) -> str | None:
        """Key of the bytes in the folder of the hub, if one file there holds exactly this content."""
        key = getattr(self._stored, "file_key", None)
        return key if isinstance(key, str) and _FILE_KEY.fullmatch(key) else None

    def read_at(self, offset: int, length: int) -> bytes:
        """Return up to ``length`` bytes from ``offset``; called in a thread."""
        return self._stored.read_at(offset, length)

    def close(self) -> None:
        """Close the file."""
        self._stored.close()


@attrs.frozen(eq=False)
class FileResponse:
    """A response that sends a file and closes ``content`` afterwards."""

    content: Content
    filename: str
    threads: Threads
    headers: Sequence[tuple[str, str]] = ()
    treatment: Treatment = "inline"
    _whole: list[Header] = attrs.field(factory=list, init=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file; see :func:`~entrepot.server.responders.send_content`."""
        if isinstance(self.content, MemoryContent) and asks_for_whole(scope):
            # The usual request for a small file: nothing depends on it but whether it wants the body.
            if not self._whole:
                self._whole.extend(headers_of_whole(self.content, self.filename, self.treatment, self.headers))
            await send({"type": "http.response.start", "status": 200, "headers": self._whole})
            body = b"" if scope["method"] == "HEAD" else self.content.data
            await send({"type": "http.response.body", "body": body})
            return
        await send_content(
            scope,
            receive,
            send,
            self.content,
            threads=self.threads,
            filename=self.filename,
            treatment=self.treatment,
            headers=self.headers,
            accel=_accel_location(scope, self.content),
        )


def _accel_location(scope: Scope, content: Content) -> str | None:
    """Return where nginx finds the bytes of a content itself; None unless the setting and the peer allow it.

    Only the peer counts, not what it sends: a header of the request can prevent this, never cause it.
    """
    key = content.file_key if isinstance(content, OpenContent) else None
    state = scope.get("state", {}).get("app")
    if key is None or state is None or not state.hub.settings.accel_redirect:
        return None
    if not scope["client"] or not state.hub.settings.trusts(scope["client"][0]):
        return None
    return None if any(name == NOT_BY_PROXY for name, _ in scope["headers"]) else f"{ACCEL_LOCATION}{key}"


def open_content(stored: ReadableBytes, etag: str, content_type: str) -> Content:
    """Return the content for a GET: in memory if small, else read while it is sent. Blocks.

    Args:
        stored: closed together with the content, or immediately if it was read here.

    Raises:
        ObjectDamaged: fewer bytes are stored than the size says.
        Whatever ``read_at`` of ``stored`` raises.
    """
    if stored.size > MAX_HELD:
        return OpenContent(etag, content_type, stored)
    with contextlib.closing(stored):
        data = stored.read_at(0, stored.size)
        if len(data) != stored.size:
            raise ObjectDamaged(etag, f"{stored.size:,} bytes expected, {len(data):,} found")
    return MemoryContent(etag, content_type, len(data), data)


def describe_content(size: int, etag: str, content_type: str) -> Content:
    """Return the content for a HEAD: only the values for its headers; no file is opened."""
    return MemoryContent(etag, content_type, size, b"")


@contextlib.contextmanager
def kept_open() -> Iterator[list[Content]]:
    """Yield a list for opened contents; if the block fails or is cancelled, the contents in it are closed."""
    opened: list[Content] = []
    try:
        yield opened
    except BaseException:
        for content in opened:
            content.close()
        raise


def media_type(filename: str) -> str:
    """Return the media type of a file by its name alone, which gives HEAD and GET the same result.

    All text is ``text/plain``, so uploaded files cannot run scripts in the
    hub's origin. Unknown types are ``application/octet-stream``.
    """
    found = _ENDING.search(filename)
    ending = found[1].lower() if found else ""
    if ending in _SHOWN:
        return _SHOWN[ending]
    is_text = ending in _TEXT_ENDINGS if ending else filename.lower() in _TEXT_NAMES
    return TEXT if is_text else BINARY
