"""Stored files as answers: opened in a thread, named, typed, and small ones already read.

Finding a file is a hop into a thread; a small file is read in the same hop,
so that the whole request costs one.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from typing import Protocol

import attrs
from starlette.types import Receive, Scope, Send

from entrepot.errors import ObjectDamaged
from entrepot.server.responders import Content, MemoryContent, send_content
from entrepot.server.threads import Threads

MAX_HELD = 1024 * 1024
"""Files up to this size, in bytes, are read when they are opened."""

BINARY = "application/octet-stream"
TEXT = "text/plain; charset=utf-8"

_TEXT_NAMES = frozenset(
    "license licence readme notice authors changelog dockerfile makefile gemfile procfile copying version".split()  # noqa: SIM905
)
_TEXT_ENDINGS = frozenset(
    """
    txt md markdown rst tex log csv tsv json jsonl ndjson geojson ipynb yaml yml toml ini cfg conf env properties
    gitattributes gitignore gitmodules editorconfig dockerignore lock xml html htm xhtml svg css scss js mjs cjs ts tsx
    jsx vue py pyi pyx pxd sh bash zsh fish bat ps1 c h cc cpp cxx hpp cu cuh java kt scala go rs rb php pl lua r jl
    swift m sql proto graphql jinja jinja2 j2 tmpl cmake gradle diff patch srt vtt bib
    """.split()  # noqa: SIM905 - a list of words reads better than a hundred literals
)
# What a browser can show and nothing can hide a script in. SVG, PDF and HTML are not here on purpose.
_SHOWN = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "bmp": "image/bmp",
    "ico": "image/x-icon",
    "avif": "image/avif",
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
    "m4a": "audio/mp4",
    "mp4": "video/mp4",
    "webm": "video/webm",
    "mov": "video/quicktime",
}
_ENDING = re.compile(r"\.([A-Za-z0-9]+)$")


class StoredBytes(Protocol):
    """Bytes as the hub hands them out."""

    @property
    def size(self) -> int:
        """How many there are."""

    def read_at(self, offset: int, length: int) -> bytes:
        """Up to ``length`` bytes from ``offset``."""

    def close(self) -> None:
        """Let go of them."""


@attrs.frozen(eq=False)
class OpenContent:
    """A large file that is read piece by piece while it is sent."""

    etag: str
    content_type: str
    _stored: StoredBytes

    @property
    def size(self) -> int:
        """How many bytes the file has."""
        return self._stored.size

    def read_at(self, offset: int, length: int) -> bytes:
        """Bytes from ``offset`` on; called in a thread."""
        return self._stored.read_at(offset, length)

    def close(self) -> None:
        """Let go of the file."""
        self._stored.close()


@attrs.frozen(eq=False)
class FileResponse:
    """A response that sends a file; ``content`` is closed when it has ended."""

    content: Content
    filename: str
    threads: Threads
    headers: Sequence[tuple[str, str]] = ()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request; see :func:`~entrepot.server.responders.send_content`."""
        await send_content(
            scope, receive, send, self.content, threads=self.threads, filename=self.filename, headers=self.headers
        )


def open_content(stored: StoredBytes, etag: str, content_type: str) -> Content:
    """Content for a GET: in memory when it is small, else to be read while it is sent. Blocking.

    Args:
        stored: closed by the content, or at once when it was read here.

    Raises:
        ObjectDamaged: there are fewer bytes than the size says.
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
    """Content for a HEAD: all that its headers need, nothing opened."""
    return MemoryContent(etag, content_type, size, b"")


@contextlib.contextmanager
def kept_open() -> Iterator[list[Content]]:
    """A list for what a thread opens; if the block fails, even by being cancelled, its contents are closed."""
    opened: list[Content] = []
    try:
        yield opened
    except BaseException:
        for content in opened:
            content.close()
        raise


def media_type(filename: str) -> str:
    """The type a file is served with, by its name alone, so that HEAD and GET agree.

    All text is plain text: nothing that people upload runs in the origin of
    the hub. What is not known is ``application/octet-stream``.
    """
    found = _ENDING.search(filename)
    ending = found[1].lower() if found else ""
    if ending in _SHOWN:
        return _SHOWN[ending]
    is_text = ending in _TEXT_ENDINGS if ending else filename.lower() in _TEXT_NAMES
    return TEXT if is_text else BINARY
